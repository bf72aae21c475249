#include "contract/contract.h"

/* A table with x and a target y of the given cells. */
static void table_of(const char *const *cells, int64_t n,
                     struct mls_table *table)
{
    const char *path = scratch("target.csv");
    struct mls_read_options options = { 0 };
    struct mls_roles roles = { .target = "y" };
    struct mls_error err = { 0 };
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    fputs("x,y\n", file);
    for (int64_t i = 0; i < 5 * n; i++)
        fprintf(file, "%d.5,%s\n", (int)(i * i % 17), cells[i % n]);
    fclose(file);
    must(mls_table_read(path, &options, NULL, table, &err), &err);
    must(mls_schema_set_roles(&table->schema, &roles, &err), &err);
    unlink(path);
}

static struct mls_pipeline *resolve(const char *const *cells, int64_t n,
                                    struct mls_settings settings,
                                    struct mls_error *err)
{
    struct mls_table table = { 0 };
    struct mls_pipeline *p;

    table_of(cells, n, &table);
    settings.train = true;
    p = mls_pipeline_new(&settings, &table, NULL, err);
    mls_table_clear(&table);
    return p;
}

static void assert_task(const char *const *cells, int64_t n,
                        enum mls_task task, const char *first,
                        const char *last)
{
    struct mls_error err = { 0 };
    struct mls_settings settings = { 0 };
    struct mls_pipeline *p = resolve(cells, n, settings, &err);
    int classes;

    must(p != NULL, &err);
    assert_int_equal(mls_pipeline_task(p), task);
    classes = mls_pipeline_classes(p);
    if (first) {
        assert_string_equal(mls_pipeline_class(p, 0), first);
        assert_string_equal(mls_pipeline_class(p, classes - 1), last);
    } else {
        assert_int_equal(classes, 0);
    }
    mls_pipeline_free(p);
}

static void the_task_follows_from_the_values(void **state)
{
    const char *two[] = { "0", "1" };
    const char *reals[] = { "0.5", "1.5" };
    const char *words[] = { "b", "a", "c" };
    const char *gapless[] = { "3", "10", "4", "5", "9", "6", "7", "8" };
    const char *gaps[] = { "1", "2", "3", "5" };
    const char *numbers[] = { "1.5", "2.5", "3.25" };
    const char *flags[] = { "true", "false" };

    (void)state;
    assert_task(two, 2, MLS_BINARY, "0", "1");
    assert_task(reals, 2, MLS_BINARY, "0.5", "1.5");
    assert_task(words, 3, MLS_MULTICLASS, "a", "c");
    assert_task(gapless, 8, MLS_MULTICLASS, "3", "10");
    assert_task(gaps, 4, MLS_REGRESSION, NULL, NULL);
    assert_task(numbers, 3, MLS_REGRESSION, NULL, NULL);
    assert_task(flags, 2, MLS_BINARY, "false", "true");
}

static void the_positive_class_is_last_unless_named(void **state)
{
    const char *cells[] = { "good", "bad" };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    p = resolve(cells, 2, (struct mls_settings){ .positive = "bad" }, &err);
    must(p != NULL, &err);
    assert_string_equal(mls_pipeline_class(p, 1), "bad");
    mls_pipeline_free(p);
    assert_null(resolve(cells, 2, (struct mls_settings){ .positive = "bda" },
                        &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.fix, "bad"));
}

static void truth_is_the_class_by_label(void **state)
{
    const char *cells[] = { "10", "9", "9" };
    struct mls_table table = { 0 };
    struct mls_settings settings = { .train = true };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double *y;

    (void)state;
    table_of(cells, 3, &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    y = mls_pipeline_truth(p, &table, &err);
    must(y != NULL, &err);
    /* In numeric order, 9 is class 0, though "10" comes first in bytes. */
    assert_string_equal(mls_pipeline_class(p, 0), "9");
    for (int i = 0; i < 15; i++)
        assert_true(y[i] == (i % 3 == 0));
    mls_free(y);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void a_missing_target_is_refused_with_its_place(void **state)
{
    const char *cells[] = { "1.5", "2.5", "", "4.25" };
    struct mls_table table = { 0 };
    struct mls_settings settings = { .train = true };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    table_of(cells, 4, &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    assert_false(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.row, 3);
    assert_int_equal(err.line, 4);
    assert_string_equal(err.column, "y");
    assert_non_null(strstr(err.fix, "--missing-target drop"));
    mls_pipeline_free(p);
    settings.drop_missing_target = true;
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    assert_int_equal(p->training_rows, 15);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void balanced_class_weights_are_scikit_learns(void **state)
{
    const char *cells[] = { "a", "b", "b", "b", "c" };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = resolve(
        cells, 5, (struct mls_settings){ .class_weight = "balanced" }, &err);
    double y[] = { 0, 1, 1, 1, 2 }, w[] = { 1, 1, 1, 1, 1 };

    (void)state;
    must(p != NULL, &err);
    must(mls_target_class_weights(p, y, 5, w, &err), &err);
    /* n / (classes * count): 5/3, 5/9, 5/3. */
    assert_true(fabs(w[0] - 5.0 / 3) < 1e-15);
    assert_true(fabs(w[1] - 5.0 / 9) < 1e-15);
    assert_true(fabs(w[4] - 5.0 / 3) < 1e-15);
    mls_pipeline_free(p);
    assert_null(resolve(cells, 5,
                        (struct mls_settings){ .class_weight = "z=2" }, &err));
    assert_int_equal(err.code, MLS_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_task_follows_from_the_values),
        cmocka_unit_test(the_positive_class_is_last_unless_named),
        cmocka_unit_test(truth_is_the_class_by_label),
        cmocka_unit_test(a_missing_target_is_refused_with_its_place),
        cmocka_unit_test(balanced_class_weights_are_scikit_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
