/*
 * Logistic regression against scikit-learn 1.9.1 (solver newton-cholesky, tol
 * 1e-14), and against its definition: the gradient is 0.
 */
#include "test.h"

#include "learner/design.h"
#include "learner/logistic_fused.h"
#include "learner/logistic_newton.h"
#include "learner/logistic_solve.h"
#include "unit/learner/cases.h"

static const struct mls_learner_type *const logistic = &mls_learner_logistic;

/* The rows that the reference values were made of: classes by the thresholds
 * of 0.3 + x0 - 0.4 (x1 - 3) + 1.5 hashed(i, 100), 0 for two classes and
 * -0.5 and 0.8 for three. */
static void class_rows(struct rows *r, int64_t rows, int64_t features,
                       int classes)
{
    rows_new(r, rows, features, classes == 2 ? MLS_BINARY : MLS_MULTICLASS,
             classes);
    for (int64_t i = 0; i < rows; i++) {
        double s = 0.3 + feature_at(i, 0) - 0.4 * (feature_at(i, 1) - 3)
                   + 1.5 * hashed(i, 100);

        r->y[i] = classes == 2 ? s > 0 : (s > -0.5) + (s > 0.8);
    }
}

static void expect(const char *settings, const struct rows *r,
                   const double *coef, const double *intercept)
{
    struct mls_model *model = fit_rows(logistic, settings, r, NULL);
    int outputs = mls_model_outputs(model);

    assert_values(model, "coef", coef, r->data.features * outputs, 1e-10);
    assert_values(model, "intercept", intercept, outputs, 1e-10);
    mls_model_free(model);
}

/* C=2 with weights; penalty=None; C=1 without intercept. */
static void two_classes_are_those_of_scikit_learn(void **state)
{
    static const double weighted[] = { 2.6592415608566866, -0.6099613820782903,
                                       -0.2821572659962208,
                                       -0.04168334300306357,
                                       0.17686280126722534 };
    static const double free[] = { 3.150244037692741, -1.2371151910341958,
                                   -0.298646201588935, -0.07029778992565658,
                                   0.32705535325216617 };
    static const double origin[] = { 1.632594046033104, -0.615563805794716,
                                     -0.11009321277958245, 0.049716067036550196,
                                     0.26288601490701907 };
    static const double intercept[] = { 2.819029209146824, 3.9688141920008486,
                                        0 };
    struct rows r;

    (void)state;
    class_rows(&r, 40, 5, 2);
    expect("l2=0", &r, free, &intercept[1]);
    expect("l2=1 intercept=false", &r, origin, &intercept[2]);
    use_weights(&r);
    expect("C=2", &r, weighted, &intercept[0]);
    rows_clear(&r);
}

/* C=2 with weights, multinomial. */
static void three_classes_are_those_of_scikit_learn(void **state)
{
    static const double coef[] = {
        -2.2142172804123845,  1.1257794708119608,   0.08263333646441377,
        -0.10867503998598982, -0.3739600481232192,  0.07189072423651584,
        -0.43794418166825233, -0.11126686284099437, 0.15715473261190918,
        0.1825530991144896,   2.1423265561758678,   -0.6878352891437084,
        0.028633526376569983, -0.04847969262592971, 0.1914069490087374
    };
    static const double intercept[] = { -0.30692852900734446,
                                        -0.4710171661422773,
                                        0.7779456951496218 };
    struct rows r;

    (void)state;
    class_rows(&r, 40, 5, 3);
    use_weights(&r);
    expect("C=2", &r, coef, intercept);
    rows_clear(&r);
}

/* statsmodels 0.15 (Logit, and GLM with frequency weights), to the digits that
 * its own stopping leaves. */
static void standard_errors_are_those_of_statsmodels(void **state)
{
    static const double plain[] = { 1.132546501484536, 0.5651034485602104,
                                    0.31448390134442655, 0.2027509126434884,
                                    0.20180687112789547 };
    static const double weighted[] = {
        0.960189637540381, 0.3631214219454846, 0.257541627136071,
        0.17775160494544812, 0.14824167767706267
    };
    static const double intercept[] = { 3.353907061404468,
                                        2.6503159508568377 };
    struct mls_model *model;
    struct rows r;

    (void)state;
    class_rows(&r, 40, 5, 2);
    model = fit_rows(logistic, "l2=0", &r, NULL);
    assert_values(model, "coef_se", plain, 5, 1e-8);
    assert_values(model, "intercept_se", &intercept[0], 1, 1e-8);
    mls_model_free(model);
    use_weights(&r);
    model = fit_rows(logistic, "l2=0", &r, NULL);
    assert_values(model, "coef_se", weighted, 5, 1e-8);
    assert_values(model, "intercept_se", &intercept[1], 1, 1e-8);
    mls_model_free(model);
    model = fit_rows(logistic, "l2=0.1", &r, NULL);
    assert_null(mls_arrays_find(&model->arrays, "coef_se"));
    mls_model_free(model);
    rows_clear(&r);
}

/* ---- The definition ---- */

/* Probability of class k at row i. */
static double probability_at(const struct mls_model *model,
                             const struct rows *r, int64_t i, int k)
{
    int outputs = mls_model_outputs(model);
    double score[8], probability[8];

    for (int c = 0; c < outputs; c++) {
        score[c] = array_of(model, "intercept")[c];
        for (int64_t j = 0; j < r->data.features; j++) {
            score[c] += array_of(model, "coef")[c * r->data.features + j]
                        * r->data.x.data[i + j * r->data.rows];
        }
    }
    mls_model_probabilities(model, 1, score, probability);
    return probability[outputs == 1 ? 1 : k];
}

/* With a penalty on sizes zero is in the subgradient: the slope of the loss is
 * l1 against the sign of what is not zero, and at most l1 for what is. */
static void the_subgradient_holds_zero(void **state)
{
    static const char *const settings[] = { "l1=2 l2=0", "l1=0.5 l2=0.8",
                                            "l1=6 l2=0" };
    static const double l1[] = { 2, 0.5, 6 }, l2[] = { 0, 0.8, 0 };
    int zeros = 0, others = 0;

    (void)state;
    for (int c = 0; c < 12; c++) {
        struct mls_model *model;
        struct rows r;

        class_rows(&r, 80, 5, c % 2 ? 3 : 2);
        if (c / 2 % 2)
            use_weights(&r);
        model = fit_rows(logistic, settings[c / 4], &r, NULL);
        for (int k = 0; k < mls_model_outputs(model); k++) {
            int own = mls_model_outputs(model) == 1 ? 1 : k;

            for (int64_t j = -1; j < 5; j++) {
                double b = j < 0 ? 0 : array_of(model, "coef")[k * 5 + j];
                double g = l2[c / 4] * b;

                for (int64_t i = 0; i < 80; i++) {
                    g += r.w[i]
                        * (probability_at(model, &r, i, k)
                           - (r.y[i] == own))
                        * (j < 0 ? 1 : r.data.x.data[i + j * 80]);
                }
                if (j < 0)
                    assert_true(fabs(g) < 1e-6);
                else if (b == 0)
                    assert_true(fabs(g) <= l1[c / 4] + 1e-6);
                else
                    assert_true(fabs(g + copysign(l1[c / 4], b)) < 1e-6);
                zeros += j >= 0 && b == 0;
                others += b != 0;
            }
        }
        mls_model_free(model);
        rows_clear(&r);
    }
    assert_true(zeros > 20 && others > 20);
}

/* sum_i w_i (p_ik - [y_i = k]) x_ij + l2 b_kj, j = -1 the intercept. */
static void assert_gradient_is_zero(const struct mls_model *model,
                                    const struct rows *r, double l2)
{
    int64_t features = r->data.features, n = r->data.rows;

    for (int k = 0; k < mls_model_outputs(model); k++) {
        int own = mls_model_outputs(model) == 1 ? 1 : k;
        double rest[100];

        assert_true(n <= 100);
        for (int64_t i = 0; i < n; i++) {
            rest[i] = (r->data.target.weight ? r->w[i] : 1)
                      * (probability_at(model, r, i, k) - (r->y[i] == own));
        }
        for (int64_t j = -1; j < features; j++) {
            double sum =
                j < 0 ? 0 : l2 * array_of(model, "coef")[k * features + j];

            for (int64_t i = 0; i < n; i++)
                sum += rest[i] * (j < 0 ? 1 : r->data.x.data[i + j * n]);
            assert_near(sum, 0, 1e-10);
        }
    }
}

static void the_gradient_is_zero_at_the_solution(void **state)
{
    static const double l2[] = { 0, 1e-3, 1, 1e4 };
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 5; classes++) {
        class_rows(&r, 60, 4, classes);
        for (int64_t i = 0; i < 60 && classes == 4; i++)
            r.y[i] = (double)(i % 4);
        use_weights(&r);
        for (int k = 0; k < 4; k++) {
            char settings[40];
            struct mls_model *model;

            snprintf(settings, sizeof(settings), "l2=%g", l2[k]);
            model = fit_rows(logistic, settings, &r, NULL);
            assert_gradient_is_zero(model, &r, l2[k]);
            mls_model_free(model);
        }
        rows_clear(&r);
    }
}

static void classes_of_a_softmax_sum_to_zero(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    class_rows(&r, 40, 5, 3);
    for (int k = 0; k < 2; k++) {
        model = fit_rows(logistic, k ? "l2=0" : "l2=1", &r, NULL);
        for (int64_t j = 0; j < 5; j++) {
            const double *coef = array_of(model, "coef") + j;

            assert_near(coef[0] + coef[5] + coef[10], 0, 1e-13);
        }
        assert_near(array_of(model, "intercept")[0]
                        + array_of(model, "intercept")[1]
                        + array_of(model, "intercept")[2],
                    0, 1e-14);
        mls_model_free(model);
    }
    rows_clear(&r);
}

/* Two classes told apart by a softmax: its coefficients are half of those of
 * the binary model, +-, and the penalty counts half of their square twice. */
static void a_softmax_of_two_is_the_binary_model(void **state)
{
    struct mls_model *binary, *softmax;
    struct rows r;

    (void)state;
    class_rows(&r, 40, 5, 2);
    binary = fit_rows(logistic, "l2=0.5", &r, NULL);
    r.data.target.task = MLS_MULTICLASS;
    softmax = fit_rows(logistic, "l2=1", &r, NULL);
    for (int64_t j = 0; j < 5; j++) {
        assert_near(2 * array_of(softmax, "coef")[5 + j],
                    array_of(binary, "coef")[j], 1e-11);
    }
    mls_model_free(softmax);
    mls_model_free(binary);
    rows_clear(&r);
}

/* ---- Conjugate gradients ---- */

static void both_ways_to_a_step_agree(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        int outputs = classes == 2 ? 1 : classes;
        struct mls_matrix b[2];
        double square[5] = { 0 };
        struct mls_logistic problem;

        class_rows(&r, 300, 5, classes);
        use_weights(&r);
        for (int64_t i = 0; i < 300 * 5; i++)
            square[i / 300] +=
                r.w[i % 300] * r.data.x.data[i] * r.data.x.data[i];
        problem = (struct mls_logistic){ .x = &r.data.x,
                                         .y = r.y,
                                         .w = r.w,
                                         .square = square,
                                         .weight = 300 * 1.625,
                                         .outputs = outputs,
                                         .penalised = 4,
                                         .l2 = 0.7,
                                         .tolerance = 1e-9,
                                         .max_iterations = 100 };
        for (int k = 0; k < 2; k++) {
            struct mls_logistic_result result;

            problem.matrix_free = k == 1;
            assert_true(mls_matrix_new(&b[k], 5, outputs, &err));
            assert_true(mls_logistic_solve(&problem, &b[k], &result, &err));
            assert_true(result.converged);
        }
        for (int64_t i = 0; i < 5 * outputs; i++)
            assert_near(b[1].data[i], b[0].data[i], 1e-9);
        mls_free(b[0].data);
        mls_free(b[1].data);
        rows_clear(&r);
    }
}

/* 700 columns of 3 classes and an intercept are above the limit of 2,000. */
static void many_columns_are_solved_without_a_matrix(void **state)
{
    struct mls_error err;
    struct mls_json *chosen = mls_json_new_object(&err);
    struct mls_model *model;
    struct rows r;

    (void)state;
    rows_new(&r, 60, 700, MLS_MULTICLASS, 3);
    for (int64_t i = 0; i < 60; i++) {
        r.y[i] = (double)(i % 3);
        for (int64_t j = 0; j < 700; j++)
            r.data.x.data[i + j * 60] = hashed(i, j);
    }
    model = fit_rows(logistic, "l2=10", &r, chosen);
    assert_true(mls_json_bool(mls_json_get(chosen, "converged"), false));
    assert_gradient_is_zero(model, &r, 10);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
}

/* ---- Hard cases ---- */

static void count_warning(void *context, enum mls_level level, const char *text)
{
    int *warnings = context;

    assert_int_equal(level, MLS_LOG_WARNING);
    assert_non_null(strstr(text, "separate"));
    ++*warnings;
}

static void separated_classes_without_penalty_end_with_a_warning(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        int warnings = 0;
        struct mls_run run = { .context = &warnings, .message = count_warning };
        struct mls_json *chosen = mls_json_new_object(&err);
        struct mls_model *model;

        class_rows(&r, 40, 3, classes);
        for (int64_t i = 0; i < 40; i++)
            r.y[i] = floor((hashed(i, 0) + 1) / 2 * classes);
        model = fit_on(logistic, "l2=0", &r.data, &run, chosen, &err);
        assert_non_null(model);
        assert_true(model->type->check(model, &err));
        assert_false(mls_json_bool(mls_json_get(chosen, "converged"), true));
        assert_int_equal(warnings, 1);
        for (int64_t i = 0; i < 40; i++) {
            double p = probability_at(model, &r, i, (int)r.y[i]);

            assert_true(r.y[i] == 0 && classes == 2 ? p < 1e-3 : p > 0.999);
        }
        mls_model_free(model);
        mls_json_free(chosen);
        rows_clear(&r);
    }
}

static void dependent_columns_without_penalty_converge(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        struct mls_json *chosen = mls_json_new_object(&err);
        struct mls_model *model;

        class_rows(&r, 40, 5, classes);
        for (int64_t i = 0; i < 40; i++) {
            r.data.x.data[i + 3 * 40] = feature_at(i, 0) + feature_at(i, 1);
            r.data.x.data[i + 4 * 40] = 7;
        }
        model = fit_rows(logistic, "l2=0", &r, chosen);
        assert_true(mls_json_bool(mls_json_get(chosen, "converged"), false));
        assert_gradient_is_zero(model, &r, 0);
        mls_model_free(model);
        mls_json_free(chosen);
        rows_clear(&r);
    }
}

static void scales_far_apart_converge(void **state)
{
    struct mls_error err;
    struct mls_json *chosen = mls_json_new_object(&err);
    struct mls_model *model, *plain;
    struct rows r;

    (void)state;
    class_rows(&r, 40, 5, 2);
    plain = fit_rows(logistic, "l2=0", &r, NULL);
    for (int64_t i = 0; i < 40; i++) {
        r.data.x.data[i] = r.data.x.data[i] * 1e6 + 1e9;
        r.data.x.data[i + 40] *= 1e-6;
    }
    model = fit_rows(logistic, "l2=0", &r, chosen);
    assert_true(mls_json_bool(mls_json_get(chosen, "converged"), false));
    assert_near(array_of(model, "coef")[0] * 1e6, array_of(plain, "coef")[0],
                1e-7);
    assert_near(array_of(model, "coef")[1] * 1e-6, array_of(plain, "coef")[1],
                1e-7);
    mls_model_free(model);
    mls_model_free(plain);
    mls_json_free(chosen);
    rows_clear(&r);
}

static void a_class_without_rows_gets_a_small_probability(void **state)
{
    struct mls_model *model, *without;
    struct rows r;

    (void)state;
    class_rows(&r, 40, 2, 3);
    without = fit_rows(logistic, "", &r, NULL);
    for (int64_t i = 0; i < 40; i++)
        r.y[i] = r.y[i] == 0 ? 0 : r.y[i] + 1;
    r.data.target.classes = 4;
    model = fit_rows(logistic, "", &r, NULL);
    for (int64_t i = 0; i < 40; i++) {
        double absent = probability_at(model, &r, i, 1);

        assert_true(absent > 1e-5 && absent < 0.1);
        assert_near(probability_at(model, &r, i, 3),
                    probability_at(without, &r, i, 2) * (1 - absent), 1e-12);
    }
    mls_model_free(without);
    mls_model_free(model);
    rows_clear(&r);
}

static void one_class_is_an_error(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        class_rows(&r, 40, 2, classes);
        for (int64_t i = 0; i < 40; i++)
            r.y[i] = 1;
        assert_null(fit_on(logistic, "", &r.data, NULL, NULL, &err));
        assert_int_equal(err.code, MLS_DATA);
        rows_clear(&r);
    }
    class_rows(&r, 0, 2, 2);
    assert_null(fit_on(logistic, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    rows_clear(&r);
}

static void no_features_give_the_frequencies(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    class_rows(&r, 40, 0, 2);
    model = fit_rows(logistic, "", &r, NULL);
    assert_near(array_of(model, "intercept")[0], log(28.0 / 12), 1e-14);
    mls_model_free(model);
    model = fit_rows(logistic, "intercept=false", &r, NULL);
    assert_true(array_of(model, "intercept")[0] == 0);
    mls_model_free(model);
    rows_clear(&r);
    class_rows(&r, 40, 0, 3);
    model = fit_rows(logistic, "", &r, NULL);
    assert_near(probability_at(model, &r, 0, 1), 16.0 / 40, 1e-14);
    mls_model_free(model);
    rows_clear(&r);
}

/* ---- The hot loops against their definitions ---- */

static void losses_hold_for_extreme_scores(void **state)
{
    static const double s[] = { 800, -800, 40, -40, 0, 1e-9 };
    static const double y[] = { 0, 0, 1, 1, 1, 0 };
    double residual[6], curvature[6];

    (void)state;
    mls_logistic_binary(s, y, NULL, 6, residual, curvature);
    assert_true(residual[0] == 1 && residual[1] == 0);
    /* 1 - p of a row that fits well, to all digits: e^-40. */
    assert_near(residual[2] / -4.248354255291589e-18, 1, 1e-15);
    assert_true(residual[3] == -1 && residual[4] == -0.5);
    assert_near(mls_logistic_binary_loss(s, NULL, 0, y, NULL, 1), 800, 0);
    assert_true(mls_logistic_binary_loss(s + 1, NULL, 0, y + 1, NULL, 1) == 0);
    assert_near(mls_logistic_binary_loss(s + 2, NULL, 0, y + 2, NULL, 1)
                    / 4.248354255291589e-18,
                1, 1e-15);
    assert_near(mls_logistic_binary_loss(s + 4, s + 4, 3, y + 4, NULL, 1),
                log(2), 1e-15);
    for (int i = 0; i < 6; i++)
        assert_true(curvature[i] >= 0 && curvature[i] <= 0.25);
}

static void a_softmax_loss_is_its_definition(void **state)
{
    enum { ROWS = 50, CLASSES = 4 };
    double s[ROWS * CLASSES], d[ROWS * CLASSES], p[ROWS * CLASSES];
    double residual[ROWS * CLASSES], y[ROWS], w[ROWS], expected = 0;

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        y[i] = i % CLASSES;
        w[i] = weight_at(i);
        for (int k = 0; k < CLASSES; k++) {
            s[i + k * ROWS] = 5 * hashed(i, k);
            d[i + k * ROWS] = hashed(i, k + 10);
        }
    }
    mls_logistic_softmax(s, ROWS, CLASSES, y, w, ROWS, p, residual);
    for (int i = 0; i < ROWS; i++) {
        double sum = 0, moved = 0;

        for (int k = 0; k < CLASSES; k++) {
            sum += exp(s[i + k * ROWS]);
            moved += exp(s[i + k * ROWS] + 0.5 * d[i + k * ROWS]);
        }
        for (int k = 0; k < CLASSES; k++) {
            double q = exp(s[i + k * ROWS]) / sum;

            assert_near(p[i + k * ROWS], q, 1e-15);
            assert_near(residual[i + k * ROWS], w[i] * (q - (k == y[i])),
                        1e-15);
        }
        expected += w[i]
                    * (log(moved) - s[i + (int)y[i] * ROWS]
                       - 0.5 * d[i + (int)y[i] * ROWS]);
    }
    assert_near(mls_logistic_softmax_loss(s, d, 0.5, ROWS, CLASSES, y, w, ROWS),
                expected, 1e-14);
}

/* ---- What all learners promise ---- */

static void weights_count_rows(void **state)
{
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        class_rows(&r, 40, 5, classes);
        assert_weights_count(logistic, "", &r, 1e-11);
        assert_weights_count(logistic, "l2=0", &r, 1e-9);
        rows_clear(&r);
    }
}

static void threads_do_not_matter(void **state)
{
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        class_rows(&r, 5000, 4, classes);
        use_weights(&r);
        assert_threads_agree(logistic, "", &r);
        rows_clear(&r);
    }
}

static void failed_allocations_are_reported_and_leak_nothing(void **state)
{
    struct rows r;

    (void)state;
    for (int classes = 2; classes < 4; classes++) {
        class_rows(&r, 20, 3, classes);
        assert_survives_no_memory(logistic, "max_iterations=2", &r);
        r.data.target.classes += classes == 3;
        r.data.target.task = MLS_MULTICLASS;
        assert_survives_no_memory(logistic, "max_iterations=2", &r);
        rows_clear(&r);
    }
}

static void a_run_that_is_to_stop_stops(void **state)
{
    struct rows r;

    (void)state;
    class_rows(&r, 20, 3, 2);
    assert_stops(logistic, "", &r);
    rows_clear(&r);
}

/* What many rows are solved by: the classes overlap, or not at all. */
static void many_rows(struct rows *r, int64_t rows, bool separated)
{
    rows_new(r, rows, 4, MLS_BINARY, 2);
    for (int64_t i = 0; i < rows; i++) {
        double s;

        for (int64_t j = 0; j < 4; j++)
            r->data.x.data[i + j * rows] = hashed(i * 7 + 1, 31 * j + 5);
        s = 2 * r->data.x.data[i] - r->data.x.data[i + rows];
        r->y[i] = s + (separated ? 0 : 2 * hashed(3 * i, 77)) > 0.2;
    }
}

/* Both ways, at sizes that begin from a sample of the rows and that do not,
 * with a last chunk of few rows; and with columns that are nearly one, where
 * single precision does not do. */
static void many_rows_have_the_optimum_of_the_slow_way(void **state)
{
    static const int64_t sizes[] = { 20011, 70003 };

    (void)state;
    for (int k = 0; k < 8; k++) {
        struct mls_logistic_result slow, fast;
        struct mls_matrix b;
        struct mls_design design;
        struct mls_error err;
        struct rows r;
        double fused[5];
        bool finished;

        many_rows(&r, sizes[k / 2 % 2], false);
        if (k % 2)
            use_weights(&r);
        for (int64_t i = 0; k >= 4 && i < r.data.rows; i++) {
            r.data.x.data[i + 3 * r.data.rows] =
                r.data.x.data[i] + 1e-3 * hashed(i, 3) + 1000;
        }
        assert_true(mls_design_new(NULL, &r.data, true, true, &design, &err));
        struct mls_logistic problem = { .x = &design.x,
                                        .y = r.y,
                                        .w = r.data.target.weight,
                                        .square = design.square,
                                        .weight = design.weight,
                                        .outputs = 1,
                                        .penalised = 4,
                                        .l2 = 0.7,
                                        .tolerance = 1e-11,
                                        .max_iterations = 100 };
        struct mls_fused many = { .x = &r.data.x,
                                  .y = r.y,
                                  .w = r.data.target.weight,
                                  .weight = design.weight,
                                  .l2 = 0.7,
                                  .intercept = true,
                                  .tolerance = 1e-11,
                                  .max_iterations = 100 };

        assert_true(mls_matrix_new(&b, 5, 1, &err));
        assert_true(mls_logistic_solve(&problem, &b, &slow, &err));
        assert_true(slow.converged);
        assert_true(mls_logistic_fused(&many, fused, &fast, &finished, &err));
        assert_true(finished && fast.converged);
        b.data[4] = mls_design_intercept(design.mean, b.data, 4, b.data[4]);
        for (int j = 0; j < 5; j++)
            assert_near(fused[j], b.data[j], k >= 4 ? 1e-6 : 1e-9);
        assert_near(fast.objective / slow.objective, 1, 1e-13);
        mls_free(b.data);
        mls_design_clear(&design);
        rows_clear(&r);
    }
}

static void many_rows_that_are_separated_are_told(void **state)
{
    struct mls_json *chosen;
    struct mls_model *model;
    struct mls_error err;
    struct rows r;

    (void)state;
    many_rows(&r, 70003, true);
    chosen = mls_json_new_object(&err);
    model = fit_rows(&mls_learner_logistic, "l2=0", &r, chosen);
    assert_false(mls_json_bool(mls_json_get(chosen, "converged"), true));
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
}

static void many_rows_keep_the_contract(void **state)
{
    struct rows r;

    (void)state;
    many_rows(&r, 70003, false);
    use_weights(&r);
    assert_threads_agree(&mls_learner_logistic, "", &r);
    assert_stops(&mls_learner_logistic, "", &r);
    rows_clear(&r);
    many_rows(&r, 20011, false);
    assert_survives_no_memory(&mls_learner_logistic, "max_iterations=2", &r);
    rows_clear(&r);
    class_rows(&r, 40, 5, 2);
    assert_survives_no_memory(&mls_learner_logistic, "l2=0", &r);
    assert_survives_no_memory(&mls_learner_logistic, "l1=1", &r);
    assert_threads_agree(&mls_learner_logistic, "l1=1", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes_are_those_of_scikit_learn),
        cmocka_unit_test(three_classes_are_those_of_scikit_learn),
        cmocka_unit_test(standard_errors_are_those_of_statsmodels),
        cmocka_unit_test(the_subgradient_holds_zero),
        cmocka_unit_test(the_gradient_is_zero_at_the_solution),
        cmocka_unit_test(classes_of_a_softmax_sum_to_zero),
        cmocka_unit_test(a_softmax_of_two_is_the_binary_model),
        cmocka_unit_test(both_ways_to_a_step_agree),
        cmocka_unit_test(many_rows_have_the_optimum_of_the_slow_way),
        cmocka_unit_test(many_rows_that_are_separated_are_told),
        cmocka_unit_test(many_rows_keep_the_contract),
        cmocka_unit_test(many_columns_are_solved_without_a_matrix),
        cmocka_unit_test(separated_classes_without_penalty_end_with_a_warning),
        cmocka_unit_test(dependent_columns_without_penalty_converge),
        cmocka_unit_test(scales_far_apart_converge),
        cmocka_unit_test(a_class_without_rows_gets_a_small_probability),
        cmocka_unit_test(one_class_is_an_error),
        cmocka_unit_test(no_features_give_the_frequencies),
        cmocka_unit_test(losses_hold_for_extreme_scores),
        cmocka_unit_test(a_softmax_loss_is_its_definition),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
        cmocka_unit_test(a_run_that_is_to_stop_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
