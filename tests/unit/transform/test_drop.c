#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 4

static const double real[ROWS] = { 1, 2, 3, 4 };
static const char *const text[ROWS] = { "a b", "", "c", "d" };
static const struct cells columns[] = {
    { "count", MLS_KIND_INTEGER, .real = real },
    { "key", MLS_KIND_INTEGER, .real = real, .role = MLS_ROLE_ID },
    { "label", MLS_KIND_REAL, .real = real, .role = MLS_ROLE_TARGET },
    { "note", MLS_KIND_TEXT, .text = text },
    { "remark", MLS_KIND_TEXT, .text = text, .role = MLS_ROLE_IGNORED },
    { "size", MLS_KIND_REAL, .real = real },
};

static void drops(const char *key, const char *value, const char *left)
{
    struct mls_table table = table_of(columns, 6, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_drop);

    set(step, key, value);
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, left);
    comes_back(step, &table);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void named_columns_go(void **state)
{
    (void)state;
    assert_string_equal(mls_step_drop.primary, "columns");
    drops("columns", "size", "count key label note remark");
    drops("columns", "size,count", "key label note remark");
    /* Also those that no learner would see. */
    drops("columns", "key,remark", "count label note size");
    drops("columns", "*", "key label remark");
}

static void columns_of_a_kind_go(void **state)
{
    (void)state;
    drops("kinds", "text", "count key label remark size");
    drops("kinds", "text,date", "count key label remark size");
    drops("kinds", "real,text", "count key label remark");
    drops("kinds", "date", "count key label note remark size");
}

static void wrong_settings_are_refused(void **state)
{
    struct mls_table table = table_of(columns, 6, ROWS, 3);
    struct mls_step *step = step_of(&mls_step_drop);

    (void)state;
    fit_fails(step, &table, NULL, MLS_USAGE, "", "not told what");
    set(step, "kinds", "words");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "\"words\" is no kind");
    set(step, "columns", "note");
    fit_fails(step, &table, NULL, MLS_USAGE, "", "not both");
    mls_step_free(step);
    step = step_of(&mls_step_drop);
    set(step, "columns", "label");
    fit_fails(step, &table, NULL, MLS_USAGE, "label", "its role is target");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void what_went_is_described(void **state)
{
    struct mls_table table = table_of(columns, 6, ROWS, 3);
    struct mls_step *step = step_of(&mls_step_drop);

    (void)state;
    set(step, "columns", "size,key");
    fit_well(step, &table, NULL);
    describes_as(step, "{\"dropped\":[\"key\",\"size\"]}");
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    struct mls_table table = table_of(columns, 6, ROWS, 3);

    (void)state;
    survives_failing_memory(&mls_step_drop, "columns", "size", &table, NULL);
    survives_failing_memory(&mls_step_drop, "kinds", "text,date", &table,
                            NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_columns_go),
        cmocka_unit_test(columns_of_a_kind_go),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(what_went_is_described),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
