#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

/* Oslo 5 of 9, Bergen 2, Vik 1, Voss 1 */
static const char *const city[ROWS] = { "Oslo", "Oslo", "Vik",    "Bergen",
                                        NULL,   "Oslo", "Bergen", "Oslo",
                                        "Voss", "Oslo" };
static const struct cells columns[] = {
    { "city", MLS_KIND_CATEGORY, .text = city },
};

static void assert_levels(const struct mls_table *out,
                          const char *const *want)
{
    const struct mls_field *field = field_named(out, "city");
    double *codes = reals_of(out, "city");

    assert_int_equal(field->kind, MLS_KIND_CATEGORY);
    for (int i = 0; i < ROWS; i++) {
        size_t length;
        const char *level;

        if (!want[i]) {
            assert_true(isnan(codes[i]));
            continue;
        }
        assert_false(isnan(codes[i]));
        level = mls_dictionary_level(field->dictionary, (uint32_t)codes[i],
                                     &length);
        assert_int_equal(length, strlen(want[i]));
        assert_memory_equal(level, want[i], length);
    }
    mls_free(codes);
}

static void rare_levels_become_one(void **state)
{
    static const char *const want[ROWS] = {
        "Oslo", "Oslo", "OTHER", "Bergen", NULL, "Oslo", "Bergen", "Oslo",
        "OTHER", "Oslo"
    };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_rare);

    (void)state;
    set(step, "min_frequency", "0.2");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_levels(&out, want);
    comes_back(step, &table);
    describes_as(step, "{\"columns\":[{\"name\":\"city\",\"levels\":"
                       "[\"Bergen\",\"OTHER\",\"Oslo\"]}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void counts_are_weights_and_the_name_is_free(void **state)
{
    static const double weight[ROWS] = { 1, 1, 9, 1, 1, 1, 1, 1, 1, 1 };
    static const char *const want[ROWS] = { "a", "a", "Vik", "a", NULL,
                                            "a", "a", "a",   "a", "a" };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_rare);

    (void)state;
    set(step, "min_count", "6");
    set(step, "other", "a");
    fit_well(step, &table, &target);
    out = apply_to(step, &table);
    assert_levels(&out, want);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_level_of_that_name_is_part_of_it(void **state)
{
    static const char *const want[ROWS] = {
        "Oslo", "Oslo", "Oslo", "Bergen", NULL, "Oslo", "Bergen", "Oslo",
        "Oslo", "Oslo"
    };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_rare);

    (void)state;
    set(step, "min_frequency", "0.2");
    set(step, "other", "Oslo");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_levels(&out, want);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_rare), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "other"))[0] = 99;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "other"))[0] = -1;
    is_refused(copy, &table.schema);
    copy = loaded(step);    /* Zergen: no longer in byte order */
    ((char *)array_of(copy, "level.bytes"))[0] = 'Z';
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_step_rare, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rare_levels_become_one),
        cmocka_unit_test(counts_are_weights_and_the_name_is_free),
        cmocka_unit_test(a_level_of_that_name_is_part_of_it),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
