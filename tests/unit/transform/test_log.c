#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 5

static const double gain[ROWS] = { -3, 0, NAN, 1e6, 0.5 };
static const double fare[ROWS] = { 7.25, 71.5, 2, NAN, 8 };
static const struct cells columns[] = {
    { "fare", MLS_KIND_REAL, .real = fare },
    { "gain", MLS_KIND_REAL, .real = gain },
};

static void signed_is_odd_and_defined_everywhere(void **state)
{
    const double want[ROWS] = { -log1p(3), 0, NAN, log1p(1e6), log1p(0.5) };
    struct mls_table table = table_of(columns, 2, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_log);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "gain", want, 1e-15);
    comes_back(step, &table);
    describes_as(step, "{\"columns\":[{\"name\":\"fare\",\"shift\":0},"
                       "{\"name\":\"gain\",\"shift\":0}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void the_shift_puts_the_smallest_value_at_1(void **state)
{
    static const double later[ROWS] = { -4, -3.5, NAN, 0, 1 };
    const double want_gain[ROWS] = { 0, log(4), NAN, log(1e6 + 4), log(4.5) };
    const double want_fare[ROWS] = { log(7.25), log(71.5), log(2), NAN,
                                     log(8) };
    const double want_later[ROWS] = { NAN, log(0.5), NAN, log(4), log(5) };
    const struct cells with[] = { { "fare", MLS_KIND_REAL, .real = fare },
                                  { "gain", MLS_KIND_REAL, .real = later } };
    struct mls_table table = table_of(columns, 2, ROWS, 2), out, next;
    struct mls_step *step = step_of(&mls_step_log);

    (void)state;
    set(step, "method", "log");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "gain", want_gain, 1e-14);
    assert_cells(&out, "fare", want_fare, 1e-15);
    mls_table_clear(&out);
    next = table_of(with, 2, ROWS, 2);
    out = apply_to(step, &next);
    assert_cells(&out, "gain", want_later, 1e-15);
    mls_table_clear(&out);
    mls_table_clear(&next);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void a_fixed_shift_is_used_as_it_is(void **state)
{
    const double want[ROWS] = { NAN, 0, NAN, log(1e6 + 1), log(1.5) };
    struct mls_table table = table_of(columns, 2, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_log);

    (void)state;
    set(step, "method", "log");
    set(step, "shift", "1");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "gain", want, 1e-14);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void arrays_that_lie_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 2, ROWS, 2);
    struct mls_step *step = step_of(&mls_step_log), *copy;

    (void)state;
    fit_well(step, &table, NULL);
    copy = loaded(step);
    ((double *)array_of(copy, "shift"))[1] = INFINITY;
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
    survives_failing_memory(&mls_step_log, "method", "log", &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_is_odd_and_defined_everywhere),
        cmocka_unit_test(the_shift_puts_the_smallest_value_at_1),
        cmocka_unit_test(a_fixed_shift_is_used_as_it_is),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
