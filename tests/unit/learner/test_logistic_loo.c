/*
 * Leaving rows out of logistic regression, against doing it: the Newton step of
 * an objective that lacks the row, by elimination; and the choice of l2 against
 * fits to all rows but one.
 */
#include "test.h"

#include "learner/design.h"
#include "learner/logistic_choose.h"
#include "learner/logistic_solve.h"
#include "unit/learner/cases.h"

static const struct mls_learner_type *const logistic = &mls_learner_logistic;

enum { MOST = 16 };

static void class_rows(struct rows *r, int64_t rows, int64_t features,
                       int classes)
{
    rows_new(r, rows, features, classes == 2 ? MLS_BINARY : MLS_MULTICLASS,
             classes);
    for (int64_t i = 0; i < rows; i++) {
        double s = feature_at(i, 0) + 1.5 * hashed(i, 100);

        r->y[i] = classes == 2 ? s > 0 : (s > -0.5) + (s > 0.8);
    }
}

/* Gauss & Jordan, with pivots. */
static void solve_system(double a[MOST][MOST + 1], int size)
{
    for (int k = 0; k < size; k++) {
        int best = k;

        for (int i = k; i < size; i++)
            best = fabs(a[i][k]) > fabs(a[best][k]) ? i : best;
        for (int j = 0; j <= size; j++) {
            double swap = a[k][j];

            a[k][j] = a[best][j];
            a[best][j] = swap;
        }
        for (int i = 0; i < size; i++) {
            double share = i == k ? 0 : a[i][k] / a[k][k];

            for (int j = k; share != 0 && j <= size; j++)
                a[i][j] -= share * a[k][j];
        }
    }
    for (int k = 0; k < size; k++)
        a[k][size] /= a[k][k];
}

/* Scores and probabilities of row i at b; one output: of class 1 alone. */
static void predict(const struct mls_logistic *in, const double *b, int64_t i,
                    double *s, double *p)
{
    double sum = in->outputs == 1;

    for (int k = 0; k < in->outputs; k++) {
        s[k] = in->offset ? in->offset[i] : 0;
        for (int64_t j = 0; j < in->x->columns; j++)
            s[k] += in->x->data[i + j * in->x->stride]
                * b[j + k * in->x->columns];
        p[k] = exp(s[k]);
        sum += p[k];
    }
    for (int k = 0; k < in->outputs; k++)
        p[k] /= sum;
}

static double truth(const struct mls_logistic *in, int64_t i, int k)
{
    return in->outputs == 1 ? in->y[i] : in->y[i] == k;
}

/* b after a Newton step without one unit of weight of a row. */
static void step_without(const struct mls_logistic *in, const double *b,
                         int64_t without, double *to)
{
    int q = (int)in->x->columns, size = q * in->outputs;
    double a[MOST][MOST + 1] = { 0 }, s[3], p[3];

    for (int64_t i = 0; i < in->x->rows; i++) {
        double w = in->w ? in->w[i] : 1;

        w -= i == without ? fmin(w, 1) : 0;
        predict(in, b, i, s, p);
        for (int c = 0; c < size; c++) {
            double x = in->x->data[i + c % q * in->x->stride];

            a[c][size] -= w * x * (p[c / q] - truth(in, i, c / q));
            for (int d = 0; d < size; d++) {
                a[c][d] += w * x * in->x->data[i + d % q * in->x->stride]
                    * p[c / q] * ((c / q == d / q) - p[d / q]);
            }
        }
    }
    for (int c = 0; c < size; c++) {
        bool penalised = c % q < in->penalised;

        a[c][c] += penalised ? in->l2 : 0;
        a[c][size] -= penalised ? in->l2 * b[c] : 0;
        /* Makes it definite, and changes no probability. */
        for (int d = c % q; in->outputs > 1 && d < size; d += q)
            a[c][d] += 1;
    }
    solve_system(a, size);
    for (int c = 0; c < size; c++)
        to[c] = b[c] + a[c][size];
}

static double loss_without(const struct mls_logistic *in, const double *b)
{
    double sum = 0, own[MOST], s[3], p[3];

    for (int64_t i = 0; i < in->x->rows; i++) {
        step_without(in, b, i, own);
        predict(in, own, i, s, p);
        sum -= (in->w ? in->w[i] : 1)
            * log(in->outputs > 1   ? p[(int)in->y[i]]
                      : in->y[i] > 0 ? p[0]
                                     : 1 - p[0]);
    }
    return sum;
}

/* From a start that is no optimum; with weights under and above 1, and with an
 * offset. */
static void the_loss_is_that_of_steps_without_the_row(void **state)
{
    (void)state;
    for (int k = 0; k < 5; k++) {
        struct mls_logistic_result result;
        struct mls_matrix b;
        struct mls_design design;
        struct mls_error err;
        struct rows r;
        double start[MOST], offset[60];
        int outputs = k < 3 ? 1 : 3;

        class_rows(&r, 60, 3, k < 3 ? 2 : 3);
        if (k % 2)
            use_weights(&r);
        for (int64_t i = 0; i < 60; i++)
            offset[i] = hashed(i, 55);
        assert_true(mls_design_new(NULL, &r.data, true, true, &design, &err));
        assert_true(mls_matrix_new(&b, 4, outputs, &err));
        struct mls_logistic problem = { .x = &design.x, .y = r.y,
                                        .w = r.data.target.weight,
                                        .offset = k == 2 ? offset : NULL,
                                        .square = design.square,
                                        .weight = design.weight,
                                        .outputs = outputs, .penalised = 3,
                                        .l2 = 0.3, .max_iterations = 100,
                                        .near = 1e9 };

        for (int j = 0; j < 4 * outputs; j++)
            b.data[j] = start[j] = k == 0 ? 0 : 0.3 * hashed(j, 7);
        assert_true(mls_logistic_solve(&problem, &b, &result, &err));
        assert_int_equal(result.iterations, 1);
        assert_near(result.loo_loss, loss_without(&problem, start), 1e-11);
        mls_free(b.data);
        mls_design_clear(&design);
        rows_clear(&r);
    }
}

/* The log loss of each row by a model of the others, without intercept. */
static double loss_of_fits(const struct rows *r, double l2)
{
    int64_t n = r->data.rows, p = r->data.features;
    double sum = 0;
    char settings[64];
    int *times;
    struct mls_error err;

    times = mls_new(n, sizeof(*times), &err);
    assert_non_null(times);
    snprintf(settings, sizeof(settings), "l2=%.17g", l2);
    for (int64_t i = 0; i < n; i++)
        times[i] = 1;
    for (int64_t i = 0; i < n; i++) {
        struct rows others;
        struct mls_model *model;
        double s;

        times[i] = 0;
        repeat_rows(r, times, false, &others);
        times[i] = 1;
        model = fit_rows(logistic, settings, &others, NULL);
        s = array_of(model, "intercept")[0];
        for (int64_t j = 0; j < p; j++)
            s += array_of(model, "coef")[j] * r->data.x.data[i + j * n];
        sum += log1p(exp(r->y[i] > 0 ? -s : s));
        mls_model_free(model);
        rows_clear(&others);
    }
    mls_free(times);
    return sum / (double)n;
}

static void the_choice_is_the_best_of_fits_without_a_row(void **state)
{
    struct mls_json *chosen;
    struct mls_model *model;
    struct mls_error err;
    struct rows r;
    double l2, loss, least = INFINITY;

    (void)state;
    class_rows(&r, 50, 4, 2);
    chosen = mls_json_new_object(&err);
    model = fit_rows(logistic, "", &r, chosen);
    l2 = mls_json_real(mls_json_get(chosen, "l2"), NAN);
    loss = mls_json_real(mls_json_get(chosen, "loo_log_loss"), NAN);
    for (int k = -8; k <= 8; k++)
        least = fmin(least, loss_of_fits(&r, l2 * pow(10, k / 2.0)));
    assert_near(loss, loss_of_fits(&r, l2), 0.01);
    assert_true(loss_of_fits(&r, l2) <= least * 1.005);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
}

/* Large columns want a large penalty; noise and rows alike the largest. */
static void the_choice_follows_the_unit_of_the_columns(void **state)
{
    struct mls_model *small, *large;
    struct rows r;

    (void)state;
    class_rows(&r, 200, 4, 3);
    small = fit_rows(logistic, "", &r, NULL);
    for (int64_t i = 0; i < 4 * 200; i++)
        r.data.x.data[i] *= 1024;
    large = fit_rows(logistic, "", &r, NULL);
    for (int64_t j = 0; j < 12; j++)
        assert_near(array_of(large, "coef")[j] * 1024,
                    array_of(small, "coef")[j], 1e-8);
    mls_model_free(large);
    mls_model_free(small);
    rows_clear(&r);
}

static void separated_classes_get_a_penalty(void **state)
{
    struct mls_json *chosen;
    struct mls_model *model;
    struct mls_error err;
    struct rows r;

    (void)state;
    rows_new(&r, 60, 2, MLS_BINARY, 2);
    for (int64_t i = 0; i < 60; i++)
        r.y[i] = r.data.x.data[i] > 0;
    chosen = mls_json_new_object(&err);
    model = fit_rows(logistic, "", &r, chosen);
    assert_true(mls_json_bool(mls_json_get(chosen, "converged"), false));
    assert_true(mls_json_real(mls_json_get(chosen, "l2"), 0) > 0);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
}

/* Constant columns; and none. */
static void nothing_to_choose_by_gives_one(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct mls_json *chosen;
        struct mls_model *model;
        struct mls_error err;
        struct rows r;

        class_rows(&r, 20, 2, 2);
        for (int64_t i = 0; i < 40; i++)
            r.data.x.data[i] = 3;
        r.data.features = k ? 0 : 2;
        r.data.x.columns = k ? 0 : 2;
        chosen = mls_json_new_object(&err);
        model = fit_rows(logistic, "", &r, chosen);
        assert_near(mls_json_real(mls_json_get(chosen, "l2"), 0), 1, 0);
        assert_null(mls_json_get(chosen, "loo_log_loss"));
        mls_model_free(model);
        mls_json_free(chosen);
        rows_clear(&r);
    }
}

static void only_tables_that_are_small_enough_choose(void **state)
{
    (void)state;
    assert_true(mls_logistic_choose_fits(20000, 28, 1));
    assert_false(mls_logistic_choose_fits(20001, 28, 1));
    assert_true(mls_logistic_choose_fits(1797, 65, 10));
    assert_false(mls_logistic_choose_fits(683, 130, 19));
    assert_false(mls_logistic_choose_fits(1000, 2, 33));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_is_that_of_steps_without_the_row),
        cmocka_unit_test(the_choice_is_the_best_of_fits_without_a_row),
        cmocka_unit_test(the_choice_follows_the_unit_of_the_columns),
        cmocka_unit_test(separated_classes_get_a_penalty),
        cmocka_unit_test(nothing_to_choose_by_gives_one),
        cmocka_unit_test(only_tables_that_are_small_enough_choose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
