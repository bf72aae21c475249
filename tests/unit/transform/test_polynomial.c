#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 3

static const double a[ROWS] = { 2, -1, NAN };
static const double b[ROWS] = { 3, 0.5, 1 };
static const double c[ROWS] = { 5, 4, 0 };
static const struct cells columns[] = {
    { "a", MLS_KIND_REAL, .real = a },
    { "b", MLS_KIND_REAL, .real = b },
    { "c", MLS_KIND_INTEGER, .real = c },
};

static void degree_2_makes_squares_and_products(void **state)
{
    static const double ab[ROWS] = { 6, -0.5, NAN };
    static const double cc[ROWS] = { 25, 16, 0 };
    struct mls_table table = table_of(columns, 3, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_polynomial);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a a^2 b a*b b^2 c a*c b*c c^2");
    assert_cells(&out, "a", a, 0);
    assert_cells(&out, "a*b", ab, 0);
    assert_cells(&out, "c^2", cc, 0);
    comes_back(step, &table);
    describes_as(step, "{\"products\":6}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* PolynomialFeatures(3, include_bias=False).fit_transform([[2, 3, 5]]) has 19
 * columns; the names say what each must be. */
static void degree_3_makes_all_of_them_once(void **state)
{
    static const double a2b[ROWS] = { 12, 0.5, NAN };
    static const double abc[ROWS] = { 30, -2, NAN };
    static const double bc2[ROWS] = { 75, 8, 0 };
    struct mls_table table = table_of(columns, 3, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_polynomial);

    (void)state;
    set(step, "degree", "3");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_int_equal(out.schema.count, 19);
    assert_cells(&out, "a^2*b", a2b, 0);
    assert_cells(&out, "a*b*c", abc, 0);
    assert_cells(&out, "b*c^2", bc2, 0);
    assert_true(mls_schema_find(&out.schema, "c^3") >= 0);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void interactions_hold_no_column_twice(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 2), out;
    struct mls_step *step = step_of(&mls_step_polynomial);

    (void)state;
    set(step, "interaction_only", "true");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a b a*b c a*c b*c");
    mls_table_clear(&out);
    set(step, "degree", "3");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "a b a*b c a*c a*b*c b*c");
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 3, ROWS, 2);

    (void)state;
    survives_failing_memory(&mls_step_polynomial, "degree", "3", &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(degree_2_makes_squares_and_products),
        cmocka_unit_test(degree_3_makes_all_of_them_once),
        cmocka_unit_test(interactions_hold_no_column_twice),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
