#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const double fare[ROWS] = { 7.25,   71.2833, 7.925,  53.1,    NAN,
                                   8.4583, 51.8625, 21.075, 11.1333, 30.0708 };
static const struct cells columns[] = {
    { "fare", MLS_KIND_REAL, .real = fare },
};

/* SplineTransformer(n_knots=4, knots="quantile").fit_transform(fare) of the
 * rows with a value: columns 1 and 4 of 6 */
static void equals_spline_transformer(void **state)
{
    static const double first[ROWS] = {
        0.16666666666666666, 0, 0.07739190944153937, 0, NAN,
        0.0353037826606879, 0, 0, 0, 0
    };
    static const double fourth[ROWS] = {
        0, 0.178695150520685, 5.336436988403306e-05, 0.5163158360726295, NAN,
        0.0003061007499959564, 0.5349428283893767, 0.19342374296874026,
        0.010013348391540755, 0.4367079763146959
    };
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_spline);

    (void)state;
    set(step, "n_knots", "4");
    set(step, "bias", "true");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "fare:spline1 fare:spline2 fare:spline3 "
                                "fare:spline4 fare:spline5 fare:spline6");
    assert_cells(&out, "fare:spline1", first, 1e-14);
    assert_cells(&out, "fare:spline4", fourth, 1e-14);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void sum_to_one(int64_t degree, const char *text)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_spline);
    double sum[ROWS] = { 0 };

    set(step, "degree", text);
    set(step, "bias", "true");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(out.schema.count, 5 + degree - 1);
    for (int64_t j = 0; j < out.schema.count; j++) {
        double *x = reals_of(&out, out.schema.fields[j].name);

        for (int i = 0; i < ROWS; i++) {
            assert_true(isnan(fare[i]) || x[i] >= 0);
            sum[i] += x[i];
        }
        mls_free(x);
    }
    for (int i = 0; i < ROWS; i++)
        assert_true(isnan(fare[i]) ? isnan(sum[i])
                                   : fabs(sum[i] - 1) < 1e-14);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void splines_of_any_degree_add_up_to_one(void **state)
{
    (void)state;
    sum_to_one(0, "0");
    sum_to_one(1, "1");
    sum_to_one(2, "2");
    sum_to_one(3, "3");
    sum_to_one(5, "5");
}

/* As at the smallest and the largest training value. */
static void outside_the_range_values_are_those_of_its_ends(void **state)
{
    static const double later[] = { -1e6, 1e9, 7.25, 71.2833 };
    const struct cells with[] = { { "fare", MLS_KIND_REAL, .real = later } };
    static const double second[] = { 0.5, 0.5, 0.5, 0.5 };
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_table next = table_of(with, 1, 4, 4), out;
    struct mls_step *step = step_of(&mls_step_spline);
    double *x;

    (void)state;
    /* n_knots=3, degree=2: (1/2, 1/2, 0, 0) at one end, mirrored at the
     * other; the last spline is left out. */
    set(step, "n_knots", "3");
    set(step, "degree", "2");
    fit_well(step, &table, NULL);
    out = apply_to(step, &next);
    assert_columns(&out.schema, "fare:spline1 fare:spline2 fare:spline3");
    x = reals_of(&out, "fare:spline1");
    assert_true(fabs(x[0] - second[0]) < 1e-14 && x[1] == 0);
    assert_true(x[0] == x[2] && x[1] == x[3]);
    mls_free(x);
    x = reals_of(&out, "fare:spline3");
    assert_true(x[0] == 0 && fabs(x[1] - second[1]) < 1e-14);
    mls_free(x);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&next);
    mls_table_clear(&table);
}

static void shared_values_and_constants_are_no_trap(void **state)
{
    static const double mostly[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 2 };
    static const double same[] = { 4, 4, 4, 4, 4, 4, 4, 4, 4, NAN };
    static const struct cells odd[] = {
        { "mostly", MLS_KIND_REAL, .real = mostly },
        { "same", MLS_KIND_REAL, .real = same },
    };
    struct mls_table table = table_of(odd, 2, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_spline);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(out.schema.count, 6);
    for (int64_t j = 0; j < out.schema.count; j++) {
        double *x = reals_of(&out, out.schema.fields[j].name);

        for (int i = 0; i < ROWS; i++)
            assert_true(isfinite(x[i]));
        mls_free(x);
    }
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_spline), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((double *)array_of(copy, "knot"))[4] = NAN;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((double *)array_of(copy, "knot"))[4] = 1e9;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    set(copy, "n_knots", "6");
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
    survives_failing_memory(&mls_step_spline, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_spline_transformer),
        cmocka_unit_test(splines_of_any_degree_add_up_to_one),
        cmocka_unit_test(outside_the_range_values_are_those_of_its_ends),
        cmocka_unit_test(shared_values_and_constants_are_no_trap),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
