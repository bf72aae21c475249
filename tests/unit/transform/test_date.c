#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 5

/* d = pd.to_datetime(["2024-02-29T18:30", "1969-12-31T23:59:59.5", None,
 *                     "2000-01-01", "2023-12-31T07:00"]), in microseconds */
static const int64_t when[ROWS] = { 1709231400000000, -500000,
                                    MLS_TIME_MISSING, 946684800000000,
                                    1704006000000000 };
/* All on one day, at two hours. */
static const int64_t today[ROWS] = { 1704006000000000, 1704009600000000,
                                     1704006000000000, 1704006000000000,
                                     1704006000000000 };
static const int64_t never[ROWS] = { MLS_TIME_MISSING, MLS_TIME_MISSING,
                                     MLS_TIME_MISSING, MLS_TIME_MISSING,
                                     MLS_TIME_MISSING };
static const struct cells columns[] = {
    { "when", MLS_KIND_DATE, .time = when },
};

/* d.dt.year and so on; (d - d.min()) / pd.Timedelta(days=1) */
static void parts_equal_those_of_pandas(void **state)
{
    static const double year[] = { 2024, 1969, NAN, 2000, 2023 };
    static const double month[] = { 2, 12, NAN, 1, 12 };
    static const double day[] = { 29, 31, NAN, 1, 31 };
    static const double weekday[] = { 3, 2, NAN, 5, 6 };
    static const double dayofyear[] = { 60, 365, NAN, 1, 365 };
    static const double hour[] = { 18, 23, NAN, 0, 7 };
    static const double elapsed[] = { 19782.77083912037, 0, NAN,
                                      10957.000005787037, 19722.291672453703 };
    struct mls_table table = table_of(columns, 1, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_date);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "when:year when:month when:day when:weekday "
                                "when:dayofyear when:hour when:elapsed");
    assert_cells(&out, "when:year", year, 0);
    assert_cells(&out, "when:month", month, 0);
    assert_cells(&out, "when:day", day, 0);
    assert_cells(&out, "when:weekday", weekday, 0);
    assert_cells(&out, "when:dayofyear", dayofyear, 0);
    assert_cells(&out, "when:hour", hour, 0);
    assert_cells(&out, "when:elapsed", elapsed, 1e-11);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* np.sin and np.cos of 2 pi (month - 1) / 12, weekday / 7, hour / 24 */
static void circles_are_sines_and_cosines(void **state)
{
    static const double month_sin[] = { 0.49999999999999994,
                                        -0.5000000000000004, NAN, 0,
                                        -0.5000000000000004 };
    static const double weekday_cos[] = { -0.900968867902419,
                                          -0.22252093395631434, NAN,
                                          -0.2225209339563146,
                                          0.6234898018587334 };
    static const double hour_cos[] = { 0, 0.9659258262890681, NAN, 1,
                                       -0.25881904510252063 };
    struct mls_table table = table_of(columns, 1, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_date);

    (void)state;
    set(step, "form", "cyclic");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema,
                   "when:year when:day when:dayofyear when:elapsed "
                   "when:month_sin when:month_cos when:weekday_sin "
                   "when:weekday_cos when:hour_sin when:hour_cos");
    assert_cells(&out, "when:month_sin", month_sin, 1e-15);
    assert_cells(&out, "when:weekday_cos", weekday_cos, 1e-15);
    assert_cells(&out, "when:hour_cos", hour_cos, 1e-15);
    mls_table_clear(&out);
    set(step, "form", "both");
    fit_well(step, &table, NULL);
    assert_int_equal(step->plan.made_count, 13);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void parts_that_never_change_are_left_out(void **state)
{
    static const struct cells both[] = {
        { "never", MLS_KIND_DATE, .time = never },
        { "today", MLS_KIND_DATE, .time = today },
    };
    static const double elapsed[] = { 0, 1. / 24, 0, 0, 0 };
    struct mls_table table = table_of(both, 2, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_date);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "today:hour today:elapsed");
    assert_cells(&out, "today:elapsed", elapsed, 1e-15);
    describes_as(step,
                 "{\"columns\":[{\"name\":\"never\",\"origin\":"
                 "\"1970-01-01T00:00:00\",\"parts\":[]},{\"name\":\"today\","
                 "\"origin\":\"2023-12-31T07:00:00\",\"parts\":[\"hour\","
                 "\"elapsed\"]}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 2);
    struct mls_step *step = step_of(&mls_step_date), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((uint8_t *)array_of(copy, "part"))[2] = 2;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    ((int64_t *)array_of(copy, "origin"))[0] = INT64_MIN + 1;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 1, ROWS, 2);

    (void)state;
    survives_failing_memory(&mls_step_date, NULL, NULL, &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_equal_those_of_pandas),
        cmocka_unit_test(circles_are_sines_and_cosines),
        cmocka_unit_test(parts_that_never_change_are_left_out),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
