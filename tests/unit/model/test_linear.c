/*
 * The linear model against a loop over rows that adds the terms in order; all
 * comparisons of scores are of all bits.
 */
#include "test.h"

#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/model.h"

enum { ROWS = 2500, FEATURES = 11 };

static struct mls_error err;

static double draw(void)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 4503599627370496.0 - 1;
}

/* Dense columns, of which every third is mostly 0; and the sparse form of
 * those, the fourth of them all ones. */
struct table {
    struct mls_column *dense[FEATURES], *mixed[FEATURES];
};

static struct mls_column *sparse_of(const struct mls_column *dense, bool ones)
{
    struct mls_column *sparse;
    int64_t count = 0;

    for (int64_t i = 0; i < ROWS; i++)
        count += dense->real[i] != 0;
    sparse = mls_column_new(MLS_STORE_SPARSE, ROWS, count, !ones, &err);
    assert_non_null(sparse);
    count = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        if (dense->real[i] == 0)
            continue;
        if (!ones)
            sparse->sparse.value[count] = dense->real[i];
        sparse->sparse.row[count++] = (uint16_t)i;
    }
    return sparse;
}

static void table_new(struct table *t)
{
    for (int j = 0; j < FEATURES; j++) {
        bool sparse = j % 3 == 0, ones = j == 9;

        t->dense[j] = mls_column_new(MLS_STORE_REAL, ROWS, 0, true, &err);
        assert_non_null(t->dense[j]);
        for (int64_t i = 0; i < ROWS; i++) {
            double x = draw();

            t->dense[j]->real[i] = sparse && x < 0.8 ? 0 : ones ? 1 : x;
        }
        t->mixed[j] = sparse ? sparse_of(t->dense[j], ones)
                             : mls_column_share(t->dense[j]);
    }
}

static void table_clear(struct table *t)
{
    for (int j = 0; j < FEATURES; j++) {
        mls_column_free(t->dense[j]);
        mls_column_free(t->mixed[j]);
    }
}

static struct mls_model *random_model(enum mls_task task, int classes)
{
    double *coef, *intercept;
    struct mls_model *model = mls_model_linear_new(task, classes, FEATURES,
                                                   &coef, &intercept, &err);

    assert_non_null(model);
    for (int k = 0; k < mls_model_outputs(model); k++) {
        intercept[k] = k == 0 ? -0.0 : draw();
        for (int j = 0; j < FEATURES; j++)
            coef[k * FEATURES + j] = draw();
    }
    return model;
}

/* -0 and 0 differ here. */
static void assert_same_bits(const double *a, const double *b, int64_t n)
{
    assert_memory_equal(a, b, (size_t)n * sizeof(double));
}

static void score(const struct mls_model *model, struct mls_column **columns,
                  int64_t rows, double *out)
{
    struct mls_view view = { rows, FEATURES,
                             (const struct mls_column *const *)columns, NULL };

    assert_true(model->type->score(model, &view, out, &err));
}

static void scores_are_sums_in_the_order_of_the_features(
    enum mls_task task, int classes)
{
    struct mls_model *model = random_model(task, classes);
    const double *coef = mls_arrays_find(&model->arrays, "coef")->data;
    const double *intercept =
        mls_arrays_find(&model->arrays, "intercept")->data;
    int outputs = mls_model_outputs(model);
    double *out = mls_new(2 * ROWS * outputs, sizeof(double), &err);
    double *expected = out + ROWS * outputs;
    struct table t;

    table_new(&t);
    for (int64_t i = 0; i < ROWS; i++) {
        for (int k = 0; k < outputs; k++) {
            double sum = intercept[k] + 0.0;

            for (int j = 0; j < FEATURES; j++)
                sum += coef[k * FEATURES + j] * t.dense[j]->real[i];
            expected[i * outputs + k] = sum;
        }
    }
    score(model, t.dense, ROWS, out);
    assert_same_bits(out, expected, ROWS * outputs);
    score(model, t.mixed, ROWS, out);
    assert_same_bits(out, expected, ROWS * outputs);
    table_clear(&t);
    mls_free(out);
    mls_model_free(model);
}

static void one_score_is_a_sum_in_order_dense_or_sparse(void **state)
{
    (void)state;
    scores_are_sums_in_the_order_of_the_features(MLS_REGRESSION, 0);
    scores_are_sums_in_the_order_of_the_features(MLS_BINARY, 2);
}

static void a_score_a_class_is_a_sum_in_order_dense_or_sparse(void **state)
{
    (void)state;
    scores_are_sums_in_the_order_of_the_features(MLS_MULTICLASS, 2);
    scores_are_sums_in_the_order_of_the_features(MLS_MULTICLASS, 5);
}

static void a_row_has_the_same_bits_alone(void **state)
{
    struct mls_model *model = random_model(MLS_REGRESSION, 0);
    struct mls_column *alone[FEATURES];
    double all[ROWS], one;
    struct table t;

    (void)state;
    table_new(&t);
    score(model, t.mixed, ROWS, all);
    for (int j = 0; j < FEATURES; j++) {
        alone[j] = mls_column_new(MLS_STORE_REAL, 1, 0, true, &err);
        assert_non_null(alone[j]);
    }
    for (int64_t i = 0; i < ROWS; i += 97) {
        for (int j = 0; j < FEATURES; j++)
            alone[j]->real[0] = t.dense[j]->real[i];
        score(model, alone, 1, &one);
        assert_same_bits(&one, &all[i], 1);
    }
    for (int j = 0; j < FEATURES; j++)
        mls_column_free(alone[j]);
    table_clear(&t);
    mls_model_free(model);
}

static void no_rows_and_no_features_are_fine(void **state)
{
    double *coef, *intercept, out[3] = { 9, 9, 9 };
    struct mls_model *model =
        mls_model_linear_new(MLS_REGRESSION, 0, 0, &coef, &intercept, &err);
    struct mls_view view = { 3, 0, NULL, NULL };

    (void)state;
    assert_non_null(model);
    *intercept = 4;
    assert_true(model->type->check(model, &err));
    assert_true(model->type->score(model, &view, out, &err));
    assert_true(out[0] == 4 && out[2] == 4);
    view.rows = 0;
    assert_true(model->type->score(model, &view, out, &err));
    mls_model_free(model);
}

static void probabilities_of_two_classes_keep_their_digits(void **state)
{
    static const double scores[] = { 0, 40, -40, 1000, -1000, 1 };
    struct mls_model *model = random_model(MLS_BINARY, 2);
    double p[12];

    (void)state;
    mls_model_probabilities(model, 6, scores, p);
    assert_true(p[0] == 0.5 && p[1] == 0.5);
    assert_true(p[3] == 1 && fabs(p[2] / 4.248354255291589e-18 - 1) < 1e-15);
    assert_true(p[4] == 1 && fabs(p[5] / 4.248354255291589e-18 - 1) < 1e-15);
    assert_true(p[6] == 0 && p[7] == 1 && p[8] == 1 && p[9] == 0);
    /* scipy.special.expit(1) */
    assert_true(fabs(p[11] - 0.7310585786300049) < 1e-15);
    mls_model_free(model);
}

/* scipy.special.softmax([1, 2, 4]) */
static void probabilities_of_many_classes_are_their_softmax(void **state)
{
    static const double expected[] = { 0.04201006613406605, 0.11419519938459449,
                                       0.8437947344813395 };
    static const double scores[] = { 1, 2, 4, 1001, 1002, 1004, 0, -2000, 0 };
    struct mls_model *model = random_model(MLS_MULTICLASS, 3);
    double p[9];

    (void)state;
    mls_model_probabilities(model, 3, scores, p);
    for (int k = 0; k < 6; k++)
        assert_true(fabs(p[k] - expected[k % 3]) < 1e-15);
    assert_true(p[6] == 0.5 && p[7] == 0 && p[8] == 0.5);
    mls_model_free(model);
}

static void assert_refused(struct mls_model *model, const char *about)
{
    memset(&err, 0, sizeof(err));
    assert_false(model->type->check(model, &err));
    assert_int_equal(err.code, MLS_MODEL_FILE);
    assert_non_null(strstr(err.what, about));
    mls_model_free(model);
}

static void wrong_arrays_are_refused(void **state)
{
    const int64_t turned[2] = { FEATURES, 3 };
    struct mls_model *model;

    (void)state;
    model = random_model(MLS_REGRESSION, 0);
    ((double *)model->arrays.items[0].data)[3] = NAN;
    assert_refused(model, "coef");
    model = random_model(MLS_REGRESSION, 0);
    ((double *)model->arrays.items[1].data)[0] = INFINITY;
    assert_refused(model, "intercept");
    model = random_model(MLS_REGRESSION, 0);
    model->features++;
    assert_refused(model, "coef");
    model = random_model(MLS_MULTICLASS, 3);
    model->features = INT64_MAX / 2;
    assert_refused(model, "too many");
    model = mls_model_new(&mls_model_linear, MLS_BINARY, 2, 1, &err);
    assert_refused(model, "coef");
    model = mls_model_new(&mls_model_linear, MLS_MULTICLASS, 3, FEATURES,
                          &err);
    assert_non_null(
        mls_arrays_add(&model->arrays, "coef", MLS_F64, 2, turned, &err));
    assert_non_null(
        mls_arrays_add1(&model->arrays, "intercept", MLS_F64, 3, &err));
    assert_refused(model, "shape");
}

static void models_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(mls_model_type_find("linear"), &mls_model_linear);
    assert_null(mls_model_type_find("lin"));
}

static void expect_description(enum mls_task task, int classes,
                               const char *expected)
{
    static const char *const names[] = { "age", "pay" };
    static const char *const labels[] = { "a", "b" };
    double *coef, *intercept;
    struct mls_model *model = mls_model_linear_new(task, classes, 2, &coef,
                                                   &intercept, &err);
    struct mls_json *json = mls_json_new_object(&err);
    struct mls_text text = { 0 };

    assert_true(model && json);
    for (int k = 0; k < mls_model_outputs(model); k++) {
        intercept[k] = k + 0.5;
        coef[2 * k] = k + 1;
        coef[2 * k + 1] = -k;
    }
    assert_true(model->type->describe(model, names, labels, json, &err));
    assert_true(mls_json_print(json, false, &text, &err));
    assert_string_equal(text.bytes, expected);
    mls_text_clear(&text);
    mls_json_free(json);
    mls_model_free(model);
}

static void a_description_names_features_and_classes(void **state)
{
    (void)state;
    expect_description(
        MLS_REGRESSION, 0,
        "{\"intercept\":0.5,\"coefficients\":["
        "{\"feature\":\"age\",\"value\":1},{\"feature\":\"pay\",\"value\":0}"
        "]}");
    expect_description(
        MLS_MULTICLASS, 2,
        "{\"classes\":[{\"class\":\"a\",\"intercept\":0.5,\"coefficients\":["
        "{\"feature\":\"age\",\"value\":1},{\"feature\":\"pay\",\"value\":0}"
        "]},{\"class\":\"b\",\"intercept\":1.5,\"coefficients\":["
        "{\"feature\":\"age\",\"value\":2},{\"feature\":\"pay\",\"value\":-1}"
        "]}]}");
}

static void failed_allocations_are_reported_and_leak_nothing(void **state)
{
    struct mls_model *model = random_model(MLS_MULTICLASS, 3), *other = NULL;
    double out[3 * ROWS], *coef, *intercept;
    struct table t;
    int64_t live;
    int n;

    (void)state;
    table_new(&t);
    live = mls_memory_live();
    for (n = 1; !other; n++) {
        mls_memory_fail_at(n);
        other = mls_model_linear_new(MLS_BINARY, 2, 3, &coef, &intercept,
                                     &err);
        mls_memory_fail_at(0);
        assert_true(other || mls_memory_live() == live);
    }
    assert_true(n > 3);
    mls_model_free(other);
    for (n = 1; n < 3; n++) {
        struct mls_view view = { ROWS, FEATURES,
                                 (const struct mls_column *const *)t.mixed, NULL };

        mls_memory_fail_at(n);
        assert_false(model->type->score(model, &view, out, &err));
        mls_memory_fail_at(0);
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
    }
    table_clear(&t);
    mls_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_score_is_a_sum_in_order_dense_or_sparse),
        cmocka_unit_test(a_score_a_class_is_a_sum_in_order_dense_or_sparse),
        cmocka_unit_test(a_row_has_the_same_bits_alone),
        cmocka_unit_test(no_rows_and_no_features_are_fine),
        cmocka_unit_test(probabilities_of_two_classes_keep_their_digits),
        cmocka_unit_test(probabilities_of_many_classes_are_their_softmax),
        cmocka_unit_test(wrong_arrays_are_refused),
        cmocka_unit_test(models_are_found_by_name),
        cmocka_unit_test(a_description_names_features_and_classes),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
