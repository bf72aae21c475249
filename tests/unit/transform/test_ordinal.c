#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const char *const city[ROWS] = { "Oslo",   "Aas",    "Bergen", "Oslo",
                                        "Tromso", "Bergen", "Oslo",   "Aas",
                                        "Bergen", "Oslo" };
static const char *const holes[ROWS] = { "low", NULL, "high", "low", "mid",
                                         NULL,  "mid", "low", "mid", "high" };
static const struct cells one = { "city", MLS_KIND_CATEGORY, .text = city };

/* OrdinalEncoder().fit_transform(city) */
static void numbers_equal_those_of_ordinal_encoder(void **state)
{
    static const double want[ROWS] = { 2, 0, 1, 2, 3, 1, 2, 0, 1, 2 };
    struct mls_table table = table_of(&one, 1, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_ordinal);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "city");
    assert_cells(&out, "city", want, 0);
    assert_int_equal(out.schema.fields[0].kind, MLS_KIND_REAL);
    assert_null(out.schema.fields[0].dictionary);
    comes_back(step, &table);
    describes_as(step, "{\"columns\":[{\"name\":\"city\",\"levels\":[\"Aas\","
                       "\"Bergen\",\"Oslo\",\"Tromso\"]}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* OrdinalEncoder(categories=[["Tromso", "Narvik", "Oslo", "Bergen", "Aas"]]):
 * Narvik is in no row and keeps its place. */
static void an_order_given_is_followed(void **state)
{
    static const double want[ROWS] = { 2, 4, 3, 2, 0, 3, 2, 4, 3, 2 };
    struct mls_table table = table_of(&one, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_ordinal);

    (void)state;
    set(step, "order", "Tromso,Narvik,Oslo,Bergen,Aas");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "city", want, 0);
    comes_back(step, &table);
    mls_table_clear(&out);
    set(step, "order", "Tromso,Oslo,Bergen");
    fit_fails(step, &table, NULL, MLS_DATA, "city", "lacks level \"Aas\"");
    set(step, "order", "Tromso,Oslo,Tromso");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "\"Tromso\" twice");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void missing_and_unseen_are_missing(void **state)
{
    static const int64_t rows[] = { 0, 1, 2 };
    static const double want[ROWS] = { 1, NAN, 0, 1, NAN,
                                       NAN, NAN, 1, NAN, 0 };
    const struct cells with = { "x", MLS_KIND_CATEGORY, .text = holes };
    struct mls_table table = table_of(&with, 1, ROWS, 4), out;
    struct mls_table training = { 0 };
    struct mls_step *step = step_of(&mls_step_ordinal);
    struct mls_error err;

    (void)state;
    assert_true(mls_table_take(&table, rows, 3, &training, &err));
    fit_well(step, &training, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "x", want, 0);
    mls_table_clear(&out);
    mls_table_clear(&training);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 4001 };
    static const char *const levels[] = { "u", "v", "w", NULL, "x" };
    static const char *a[MANY], *b[MANY];
    const struct cells with[] = { { "a", MLS_KIND_CATEGORY, .text = a },
                                  { "b", MLS_KIND_CATEGORY, .text = b } };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        a[i] = levels[i * 31 % 5];
        b[i] = levels[i * 17 % 3];
    }
    fits_the_same_anyhow(&mls_step_ordinal, NULL, with, 2, MANY, NULL);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(&one, 1, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_ordinal), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "first"))[1] = 5;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "level.offsets"))[1] = 1 << 20;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(&one, 1, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_step_ordinal, NULL, NULL, &table, NULL);
    survives_failing_memory(&mls_step_ordinal, "order",
                            "Tromso,Oslo,Bergen,Aas", &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_equal_those_of_ordinal_encoder),
        cmocka_unit_test(an_order_given_is_followed),
        cmocka_unit_test(missing_and_unseen_are_missing),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
