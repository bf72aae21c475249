#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const double age[ROWS] = { 22, NAN, 35, 58, 41, NAN, 29, 33, 33, 47 };
static const double fare[ROWS] = { 7.25,   71.2833, 7.925,  53.1,    NAN,
                                   8.4583, 51.8625, 21.075, 11.1333, 30.0708 };
static const struct cells columns[] = {
    { "age", MLS_KIND_INTEGER, .real = age },
    { "fare", MLS_KIND_REAL, .real = fare },
};

/* np.nanquantile(x, [.1, .8]) is 26.9, 44.6 and 7.79, 52.3575 */
static void ends_are_quantiles(void **state)
{
    static const double want_age[ROWS] = { 26.9, NAN, 35, 44.6, 41,
                                           NAN,  29,  33, 33,   44.6 };
    static const double want_fare[ROWS] = {
        7.79,   52.3575, 7.925,  52.3575, NAN,
        8.4583, 51.8625, 21.075, 11.1333, 30.0708
    };
    struct mls_table table = table_of(columns, 2, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_clip);

    (void)state;
    set(step, "lower", "0.1");
    set(step, "upper", "0.8");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 1e-13);
    assert_cells(&out, "fare", want_fare, 1e-13);
    assert_int_equal(field_named(&out, "age")->kind, MLS_KIND_REAL);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void fixed_ends_replace_quantiles(void **state)
{
    static const double want_age[ROWS] = { 30, NAN, 35, 40, 40,
                                           NAN, 30, 33, 33, 40 };
    struct mls_table table = table_of(columns, 2, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_clip);

    (void)state;
    set(step, "columns", "age");
    set(step, "low", "30");
    set(step, "high", "40");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "age", want_age, 0);
    assert_int_equal(field_named(&out, "age")->kind, MLS_KIND_INTEGER);
    describes_as(step,
                 "{\"columns\":[{\"name\":\"age\",\"low\":30,\"high\":40}]}");
    mls_table_clear(&out);
    set(step, "high", "20");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "above");
    set(step, "high", "auto");
    set(step, "low", "1000");
    fit_fails(step, &table, NULL, MLS_DATA, "age", "beyond");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_column_without_values_passes(void **state)
{
    static const double empty[] = { NAN, NAN };
    const struct cells one = { "x", MLS_KIND_REAL, .real = empty };
    struct mls_table table = table_of(&one, 1, 2, 2), out;
    struct mls_step *step = step_of(&mls_step_clip);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "x", empty, 0);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 2, ROWS, 2);
    struct mls_step *step = step_of(&mls_step_clip), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((double *)array_of(copy, "low"))[1] = INFINITY;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((double *)array_of(copy, "high"))[0] = NAN;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 2, ROWS, 2);

    (void)state;
    survives_failing_memory(&mls_step_clip, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_quantiles),
        cmocka_unit_test(fixed_ends_replace_quantiles),
        cmocka_unit_test(a_column_without_values_passes),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
