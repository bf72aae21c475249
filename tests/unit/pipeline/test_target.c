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

/* Steps and the baseline speak of the rows as they are. */
static void class_weights_are_for_the_learner_alone(void **state)
{
    const char *text = "x,y\n1,a\n2,b\n9,b\n4,b\n6,a\n8,b\n";
    struct mls_roles roles = { .target = "y" };
    struct mls_settings settings = { .train = true, .learner = "logistic" };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p, *q;
    const double *coef_p, *coef_q;

    (void)state;
    read_text(text, &roles, &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    settings.class_weight = "a=5";
    q = mls_pipeline_new(&settings, &table, NULL, &err);
    must(q != NULL, &err);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    must(mls_pipeline_fit(q, &table, NULL, 0, NULL, &err), &err);
    assert_true(q->baseline[0] == 2.0 / 6 && q->baseline[1] == 4.0 / 6);
    for (int64_t i = 0; i < p->step_count; i++)
        for (int64_t k = 0; k < p->steps[i]->arrays.count; k++) {
            const struct mls_array *a = &p->steps[i]->arrays.items[k];
            const struct mls_array *b = &q->steps[i]->arrays.items[k];

            assert_int_equal(a->count, b->count);
            assert_memory_equal(a->data, b->data,
                                (size_t)a->count * mls_dtype_size(a->dtype));
        }
    coef_p = mls_arrays_get(&p->model->arrays, "coef", MLS_F64, 1, &err);
    coef_q = mls_arrays_get(&q->model->arrays, "coef", MLS_F64, 1, &err);
    assert_true(coef_p && coef_q && coef_p[0] != coef_q[0]);
    mls_pipeline_free(p);
    mls_pipeline_free(q);
    mls_table_clear(&table);
}

static struct mls_pipeline *plain(const struct mls_table *table)
{
    struct mls_settings settings = { .train = true };
    struct mls_error err = { 0 };
    struct mls_pipeline *p = mls_pipeline_new(&settings, table, NULL, &err);

    must(p != NULL, &err);
    return p;
}

static void minus_zero_is_the_class_0(void **state)
{
    const char *cells[] = { "-0", "0", "1" };

    (void)state;
    assert_task(cells, 3, MLS_BINARY, "0", "1");
}

static void a_row_of_weight_0_brings_no_class(void **state)
{
    struct mls_roles roles = { .target = "y", .weight = "w" };
    struct mls_table table = { 0 };
    struct mls_pipeline *p;

    (void)state;
    read_text("x,y,w\n1,a,1\n2,b,2\n3,c,0\n4,a,1\n5,,0\n", &roles, &table);
    p = plain(&table);
    assert_int_equal(mls_pipeline_task(p), MLS_BINARY);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

static void options_for_classes_are_refused_for_a_regression(void **state)
{
    const char *cells[] = { "1.5", "2.5", "4.25" };
    struct mls_error err = { 0 };

    (void)state;
    assert_null(resolve(cells, 3, (struct mls_settings){ .positive = "2.5" },
                        &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "--positive"));
    assert_null(resolve(cells, 3,
                        (struct mls_settings){ .class_weight = "balanced" },
                        &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "--class-weight"));
}

static void each_number_finds_its_class(void **state)
{
    const char *cells[] = { "70", "-3", "0.5", "2", "11", "30", "5" };
    const double class[] = { 6, 0, 1, 2, 4, 5, 3 };
    struct mls_settings settings = { .train = true, .task = MLS_MULTICLASS };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double *y;

    (void)state;
    table_of(cells, 7, &table);
    p = mls_pipeline_new(&settings, &table, NULL, &err);
    must(p != NULL, &err);
    y = mls_pipeline_truth(p, &table, &err);
    must(y != NULL, &err);
    for (int i = 0; i < 35; i++)
        assert_true(y[i] == class[i % 7]);
    mls_free(y);
    mls_table_clear(&table);
    table_of((const char *[]){ "3" }, 1, &table);
    assert_null(mls_pipeline_truth(p, &table, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.row, 1);
    mls_pipeline_free(p);
    mls_table_clear(&table);
}

/* Read with the pipeline's schema, an unknown level is missing, which for a
 * target would be a row left out. */
static void an_unseen_class_is_refused_while_reading(void **state)
{
    const char *cells[] = { "good", "bad" };
    const char *path = scratch("unseen.csv");
    struct mls_read_options options = { 0 };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    FILE *file = fopen(path, "wb");

    (void)state;
    assert_non_null(file);
    fputs("x,y\n1,good\n2,ugly\n", file);
    fclose(file);
    table_of(cells, 2, &table);
    p = plain(&table);
    mls_table_clear(&table);
    mls_pipeline_read_options(p, &options);
    assert_false(mls_table_read(path, &options, NULL, &table, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 3);
    assert_int_equal(err.row, 2);
    assert_string_equal(err.column, "y");
    assert_non_null(strstr(err.what, "ugly"));
    mls_pipeline_free(p);
    unlink(path);
}

static void a_column_of_another_kind_is_refused(void **state)
{
    const char *cells[] = { "good", "bad" }, *numbers[] = { "1", "2" };
    struct mls_table table = { 0 }, other = { 0 };
    struct mls_roles roles = { .target = "y" };
    struct mls_prediction made;
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    table_of(cells, 2, &table);
    p = plain(&table);
    must(mls_pipeline_fit(p, &table, NULL, 0, NULL, &err), &err);
    table_of(numbers, 2, &other);
    assert_null(mls_pipeline_truth(p, &other, &err));
    assert_int_equal(err.code, MLS_DATA);
    mls_table_clear(&other);
    read_text("x,y\nfive,good\nsix,bad\nfive,good\n", &roles, &other);
    assert_false(mls_pipeline_predict_table(p, &other, NAN, NULL, &made,
                                            &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "x");
    mls_pipeline_free(p);
    mls_table_clear(&table);
    mls_table_clear(&other);
}

static void weights_that_are_not_there_are_missed_by_name(void **state)
{
    struct mls_roles roles = { .target = "y", .weight = "w" };
    const char *path = scratch("unweighted.csv");
    struct mls_read_options options = { 0 };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;
    double *w;
    FILE *file = fopen(path, "wb");

    (void)state;
    assert_non_null(file);
    fputs("x,y\n1,1.5\n2,2.5\n", file);
    fclose(file);
    read_text("x,y,w\n1,1.5,1\n2,2.25,2\n4,7,1\n", &roles, &table);
    p = plain(&table);
    mls_table_clear(&table);
    mls_pipeline_read_options(p, &options);
    must(mls_table_read(path, &options, NULL, &table, &err), &err);
    assert_false(mls_pipeline_weights(p, &table, &w, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.row, 0);
    assert_string_equal(err.column, "w");
    assert_non_null(strstr(err.what, "not there"));
    mls_pipeline_free(p);
    mls_table_clear(&table);
    unlink(path);
}

/* Row numbers of a table of chosen rows would not be the file's. */
static void a_place_in_chosen_rows_is_told_by_its_line(void **state)
{
    const char *cells[] = { "1.5", "", "4.25" };
    int64_t rows[] = { 0, 2, 3, 4 };
    struct mls_table table = { 0 }, taken = { 0 };
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    (void)state;
    table_of(cells, 3, &table);
    p = plain(&table);
    must(mls_table_take(&table, rows, 4, &taken, &err), &err);
    assert_false(mls_pipeline_fit(p, &taken, NULL, 0, NULL, &err));
    assert_int_equal(err.line, 6);
    assert_int_equal(err.row, 0);
    mls_pipeline_free(p);
    mls_table_clear(&table);
    mls_table_clear(&taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_task_follows_from_the_values),
        cmocka_unit_test(the_positive_class_is_last_unless_named),
        cmocka_unit_test(truth_is_the_class_by_label),
        cmocka_unit_test(a_missing_target_is_refused_with_its_place),
        cmocka_unit_test(balanced_class_weights_are_scikit_learns),
        cmocka_unit_test(class_weights_are_for_the_learner_alone),
        cmocka_unit_test(minus_zero_is_the_class_0),
        cmocka_unit_test(a_row_of_weight_0_brings_no_class),
        cmocka_unit_test(options_for_classes_are_refused_for_a_regression),
        cmocka_unit_test(each_number_finds_its_class),
        cmocka_unit_test(an_unseen_class_is_refused_while_reading),
        cmocka_unit_test(a_column_of_another_kind_is_refused),
        cmocka_unit_test(weights_that_are_not_there_are_missed_by_name),
        cmocka_unit_test(a_place_in_chosen_rows_is_told_by_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
