#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 6

static const char *const city[ROWS] = { "b", "a", NULL, "b", "b", "c" };
static const double weight[ROWS] = { 1, 3, 2, 1, 2, 1 };
static const struct cells columns[] = {
    { "city", MLS_KIND_CATEGORY, .text = city },
};

static void levels_become_their_share_of_the_weight(void **state)
{
    static const double plain[ROWS] = { 0.6, 0.2, NAN, 0.6, 0.6, 0.2 };
    static const double weighted[ROWS] = { 0.5,   0.375, NAN,
                                           0.5,   0.5,   0.125 };
    static const double counts[ROWS] = { 4, 3, NAN, 4, 4, 1 };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_frequency);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "city", plain, 1e-16);
    comes_back(step, &table);
    mls_table_clear(&out);
    fit_well(step, &table, &target);
    out = apply_to(step, &table);
    assert_cells(&out, "city", weighted, 1e-16);
    mls_table_clear(&out);
    set(step, "count", "true");
    fit_well(step, &table, &target);
    out = apply_to(step, &table);
    assert_cells(&out, "city", counts, 0);
    describes_as(step, "{\"columns\":[{\"name\":\"city\",\"levels\":["
                       "{\"level\":\"a\",\"frequency\":3},"
                       "{\"level\":\"b\",\"frequency\":4},"
                       "{\"level\":\"c\",\"frequency\":1}]}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_level_not_seen_is_0(void **state)
{
    static const char *const later[] = { "d", "c" };
    static const double want[] = { 0, 0.2 };
    const struct cells with[] = {
        { "city", MLS_KIND_CATEGORY, .text = later }
    };
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_table next = table_of(with, 1, 2, 2), out;
    struct mls_step *step = step_of(&mls_step_frequency), *copy;
    struct mls_error err;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    assert_true(mls_step_restore(copy, &next.schema, &err));
    out = apply_to(copy, &next);
    assert_cells(&out, "city", want, 1e-16);
    mls_table_clear(&out);
    mls_step_free(copy);
    mls_step_free(step);
    mls_table_clear(&next);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_frequency), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((double *)array_of(copy, "frequency"))[0] = -1;
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
    survives_failing_memory(&mls_step_frequency, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_become_their_share_of_the_weight),
        cmocka_unit_test(a_level_not_seen_is_0),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
