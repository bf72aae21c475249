#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 12

static const double rooms[ROWS] = { 2, 1, 4, NAN, 2, 2, 1, 4, 4, -0.0, 2, 1 };
static const double halves[ROWS] = { 1, 2, 3, 1, 2, 3, 1.5, 2, 3, 1, 2, 3 };
static const double two[ROWS] = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, NAN };
static const double many[ROWS] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
static const struct cells columns[] = {
    { "rooms", MLS_KIND_INTEGER, .real = rooms },
    { "halves", MLS_KIND_REAL, .real = halves },
    { "two", MLS_KIND_INTEGER, .real = two },
    { "many", MLS_KIND_INTEGER, .real = many },
};

/* Only the columns of few whole numbers, and more than two. */
static void few_whole_numbers_get_columns(void **state)
{
    static const double one[ROWS] = { 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 };
    static const double none[ROWS] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0 };
    struct mls_table table = table_of(columns, 4, ROWS, 5), out;
    struct mls_step *step = step_of(&mls_step_values);

    (void)state;
    set(step, "max_values", "6");
    set(step, "min_rows", "3");
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "rooms rooms=0 rooms=1 rooms=2 rooms=4 halves "
                                "two many");
    assert_cells(&out, "rooms", rooms, 0);
    assert_cells(&out, "rooms=0", none, 0);
    assert_cells(&out, "rooms=1", one, 0);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* 12 rows leave room for four columns of three rows, not of four rows; and of
 * two inputs the one of fewer values comes first. */
static void columns_are_made_while_there_are_rows(void **state)
{
    static const double three[ROWS] = { 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3 };
    const struct cells both[] = {
        { "a", MLS_KIND_INTEGER, .real = rooms },
        { "b", MLS_KIND_INTEGER, .real = three },
    };
    static const char *const rows[] = { "4", "3", "1.7" };
    static const char *const names[] = {
        "a b b=1 b=2 b=3", "a b b=1 b=2 b=3",
        "a a=0 a=1 a=2 a=4 b b=1 b=2 b=3",
    };

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct mls_table table = table_of(both, 2, ROWS, 5), out;
        struct mls_step *step = step_of(&mls_step_values);

        set(step, "min_rows", rows[i]);
        fit_well(step, &table, NULL);
        out = apply_to(step, &table);
        assert_columns(&out.schema, names[i]);
        mls_table_clear(&out);
        mls_step_free(step);
        mls_table_clear(&table);
    }
}

static void a_value_not_seen_has_no_column(void **state)
{
    static const double other[ROWS] = { 3, 2.5, 1e300, NAN, -1, 5,
                                        3, 3,   3,     3,   3,  2 };
    static const double last[ROWS] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
    static const double nothing[ROWS] = { 0 };
    const struct cells later[] = {
        { "rooms", MLS_KIND_INTEGER, .real = other },
    };
    struct mls_table table = table_of(columns, 1, ROWS, 5), out;
    struct mls_table more = table_of(later, 1, ROWS, 5);
    struct mls_step *step = step_of(&mls_step_values);

    (void)state;
    set(step, "min_rows", "0");
    fit_well(step, &table, NULL);
    out = apply_to(step, &more);
    assert_cells(&out, "rooms", other, 0);
    assert_cells(&out, "rooms=2", last, 0);
    assert_cells(&out, "rooms=4", nothing, 0);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&more);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_whole_numbers_get_columns),
        cmocka_unit_test(columns_are_made_while_there_are_rows),
        cmocka_unit_test(a_value_not_seen_has_no_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
