#include "unit/transform/tables.h"

#include "transform/transforms.h"

#define ROWS 10

static const char *const city[ROWS] = { "Oslo",   "Aas",    "Bergen", "Oslo",
                                        "Tromso", "Bergen", "Oslo",   "Aas",
                                        "Bergen", "Oslo" };
static const char *const holes[ROWS] = { "Oslo", NULL,  "Oslo", "Oslo", "Aas",
                                         NULL,   "Aas", "Oslo", "Aas",  "Aas" };
static const char *const member[ROWS] = { "no",  "yes", "no", "no", "yes",
                                          "yes", "no",  "no", "no", "yes" };

/* OneHotEncoder(sparse_output=False).fit_transform(city) */
static void columns_equal_those_of_one_hot_encoder(void **state)
{
    static const double aas[ROWS] = { 0, 1, 0, 0, 0, 0, 0, 1, 0, 0 };
    static const double bergen[ROWS] = { 0, 0, 1, 0, 0, 1, 0, 0, 1, 0 };
    static const double oslo[ROWS] = { 1, 0, 0, 1, 0, 0, 1, 0, 0, 1 };
    static const double tromso[ROWS] = { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 };
    const struct cells with = { "city", MLS_KIND_CATEGORY, .text = city };
    struct mls_table table = table_of(&with, 1, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_onehot);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "city=Aas city=Bergen city=Oslo city=Tromso");
    assert_cells(&out, "city=Aas", aas, 0);
    assert_cells(&out, "city=Bergen", bergen, 0);
    assert_cells(&out, "city=Oslo", oslo, 0);
    assert_cells(&out, "city=Tromso", tromso, 0);
    for (int j = 0; j < 4; j++) {
        const struct mls_column *column = out.blocks[0]->columns[j];

        assert_int_equal(column->storage, MLS_STORE_SPARSE);
        assert_null(column->sparse.value);
        assert_int_equal(out.schema.fields[j].kind, MLS_KIND_REAL);
    }
    comes_back(step, &table);
    describes_as(step,
                 "{\"columns\":[{\"name\":\"city\",\"makes\":[\"city=Aas\","
                 "\"city=Bergen\",\"city=Oslo\",\"city=Tromso\"]}]}");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void columns_for(const char *key, const char *value,
                        const struct cells *with, const char *names)
{
    struct mls_table table = table_of(with, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_onehot);

    if (key)
        set(step, key, value);
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, names);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void two_levels_need_one_column_unless_cells_are_missing(void **state)
{
    const struct cells two = { "member", MLS_KIND_BOOLEAN, .text = member };
    const struct cells with = { "city", MLS_KIND_CATEGORY, .text = holes };

    (void)state;
    columns_for(NULL, NULL, &two, "member=yes");
    columns_for("binary", "false", &two, "member=no member=yes");
    columns_for(NULL, NULL, &with, "city=Aas city=Oslo city:missing");
    columns_for("missing", "false", &with, "city=Aas city=Oslo");
}

static void a_missing_cell_is_marked(void **state)
{
    static const double want[ROWS] = { 0, 1, 0, 0, 0, 1, 0, 0, 0, 0 };
    static const double aas[ROWS] = { 0, 0, 0, 0, 1, 0, 1, 0, 1, 1 };
    const struct cells with = { "city", MLS_KIND_CATEGORY, .text = holes };
    struct mls_table table = table_of(&with, 1, ROWS, 3), out;
    struct mls_step *step = step_of(&mls_step_onehot);

    (void)state;
    fit_well(step, &table, NULL);
    out = apply_to(step, &table);
    assert_cells(&out, "city:missing", want, 0);
    assert_cells(&out, "city=Aas", aas, 0);
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

/* The training rows are 0 and 2 .. 3; Aas and Tromso are in the dictionary,
 * which knows the whole file, but in no training row. */
static void a_level_no_training_row_has_is_all_zeros(void **state)
{
    static const int64_t rows[] = { 0, 2, 3 };
    static const double want[ROWS] = { 1, 0, 0, 1, 0, 0, 1, 0, 0, 1 };
    const struct cells with = { "city", MLS_KIND_CATEGORY, .text = city };
    struct mls_table table = table_of(&with, 1, ROWS, 4), out;
    struct mls_table training = { 0 };
    struct mls_step *step = step_of(&mls_step_onehot);
    struct mls_error err;

    (void)state;
    assert_true(mls_table_take(&table, rows, 3, &training, &err));
    fit_well(step, &training, NULL);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "city=Oslo");
    assert_cells(&out, "city=Oslo", want, 0);
    mls_table_clear(&out);
    mls_table_clear(&training);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void only_the_most_frequent_levels_get_a_column(void **state)
{
    static const double weight[ROWS] = { 1, 1, 1, 1, 9, 1, 1, 1, 1, 1 };
    struct mls_target target = { .rows = ROWS, .weight = weight };
    const struct cells with = { "city", MLS_KIND_CATEGORY, .text = city };
    const struct cells two = { "city", MLS_KIND_CATEGORY, .text = member };
    struct mls_table table = table_of(&with, 1, ROWS, 4), out;
    struct mls_step *step = step_of(&mls_step_onehot);

    (void)state;
    columns_for("max_levels", "3", &with, "city=Aas city=Bergen city=Oslo");
    columns_for("max_levels", "2", &with, "city=Bergen city=Oslo");
    columns_for("max_levels", "1", &two, "city=no");
    set(step, "max_levels", "2");
    fit_well(step, &table, &target);
    out = apply_to(step, &table);
    assert_columns(&out.schema, "city=Oslo city=Tromso");
    mls_table_clear(&out);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void of_equally_frequent_levels_the_first_names_stay(void **state)
{
    static const char *const even[ROWS] = { "e", "d", "c", "b", "a",
                                            "a", "b", "c", "d", "e" };
    const struct cells with = { "x", MLS_KIND_CATEGORY, .text = even };

    (void)state;
    columns_for("max_levels", "3", &with, "x=a x=b x=c");
}

static void blocks_and_threads_change_nothing(void **state)
{
    enum { MANY = 4001 };
    static const char *const levels[] = { "u", "v", "w", NULL, "x" };
    static const char *a[MANY], *b[MANY];
    static double weight[MANY];
    const struct cells with[] = { { "a", MLS_KIND_CATEGORY, .text = a },
                                  { "b", MLS_KIND_CATEGORY, .text = b } };
    struct mls_target target = { .rows = MANY, .weight = weight };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        a[i] = levels[i * 31 % 5];
        b[i] = levels[i * 17 % 3];
        weight[i] = 1 + i % 5 * 0.3;
    }
    fits_the_same_anyhow(&mls_step_onehot, NULL, with, 2, MANY, &target);
}

static void arrays_that_lie_are_refused(void **state)
{
    const struct cells with[] = { { "city", MLS_KIND_CATEGORY, .text = city },
                                  { "has", MLS_KIND_CATEGORY, .text = holes } };
    struct mls_table table = table_of(with, 2, ROWS, 4);
    struct mls_step *step = step_of(&mls_step_onehot), *copy;
    struct mls_error err;

    (void)state;
    fit_well(step, &table, NULL);
    comes_back(step, &table);
    /* first is 0 4 6; the levels are Aas Bergen Oslo Tromso, Aas Oslo. */
    static const int64_t firsts[][3] = {
        { 1, 4, 6 }, { 0, 7, 6 }, { 0, 4, 5 }, { 0, -1, 6 }, { 0, 4, 7 }
    };

    for (int i = 0; i < 5; i++) {
        copy = loaded(step);
        memcpy(array_of(copy, "first"), firsts[i], sizeof(firsts[i]));
        is_refused(copy, &table.schema);
    }
    /* Aas twice in one input. */
    copy = loaded(step);
    ((int64_t *)array_of(copy, "first"))[1] = 5;
    is_refused(copy, &table.schema);
    static const int64_t offsets[] = { -1, 1000, INT64_MAX, INT64_MIN };

    for (int i = 0; i < 4; i++) {
        copy = loaded(step);
        ((int64_t *)array_of(copy, "level.offsets"))[3] = offsets[i];
        is_refused(copy, &table.schema);
    }
    copy = loaded(step);
    ((uint8_t *)array_of(copy, "missing"))[0] = 7;
    is_refused(copy, &table.schema);
    copy = loaded(step);
    mls_arrays_clear(&copy->arrays);
    is_refused(copy, &table.schema);
    /* A level that the dictionary does not hold is only never met. */
    copy = loaded(step);
    memcpy(array_of(copy, "level.bytes"), "Zzz", 3);
    assert_true(mls_step_restore(copy, &table.schema, &err));
    mls_step_free(copy);
    mls_step_free(step);
    mls_table_clear(&table);
}

static void every_allocation_may_fail(void **state)
{
    const struct cells with[] = { { "city", MLS_KIND_CATEGORY, .text = city },
                                  { "has", MLS_KIND_CATEGORY, .text = holes } };
    struct mls_table table = table_of(with, 2, ROWS, 4);

    (void)state;
    survives_failing_memory(&mls_step_onehot, "max_levels", "2", &table, NULL);
    mls_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_equal_those_of_one_hot_encoder),
        cmocka_unit_test(two_levels_need_one_column_unless_cells_are_missing),
        cmocka_unit_test(a_missing_cell_is_marked),
        cmocka_unit_test(a_level_no_training_row_has_is_all_zeros),
        cmocka_unit_test(only_the_most_frequent_levels_get_a_column),
        cmocka_unit_test(of_equally_frequent_levels_the_first_names_stay),
        cmocka_unit_test(blocks_and_threads_change_nothing),
        cmocka_unit_test(arrays_that_lie_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
