/*
 * Quantile regression against scikit-learn 1.9.1's QuantileRegressor (HiGHS),
 * against quantiles counted by hand, and against its neighbours: the objective
 * is convex, so a point below all others near by is the optimum.
 */
#include "test.h"

#include "learner/quantile_solve.h"
#include "unit/learner/cases.h"

static void amounts(struct rows *r, int64_t n)
{
    rows_new(r, n, 3, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < n; i++) {
        r->y[i] = exp(1 + 0.6 * feature_at(i, 0) - 0.3 * feature_at(i, 1)
                      + 0.1 * feature_at(i, 2) + hashed(i, 100));
    }
    use_weights(r);
}

static double objective(const struct rows *r, const double *b, double b0,
                        double quantile, double l1)
{
    double sum = 0;

    for (int64_t i = 0; i < r->data.rows; i++) {
        double rest = r->y[i] - b0;

        for (int64_t j = 0; j < r->data.features; j++)
            rest -= b[j] * r->data.x.data[i + j * r->data.rows];
        sum += r->w[i] * (rest >= 0 ? quantile : quantile - 1) * rest;
    }
    for (int64_t j = 0; j < r->data.features; j++)
        sum += l1 * fabs(b[j]);
    return sum;
}

struct reference {
    const char *settings;
    double quantile, l1, objective, coef[3], intercept;
};

/* QuantileRegressor(quantile, alpha=l1 / w.sum(), solver="highs"),
 * sample_weight=w; their objective times w.sum(). */
static void optima_are_those_of_scikit_learn(void **state)
{
    static const struct reference all[] = {
        { "", 0.5, 0, 56.40385826171762,
          { 1.1337285380610784, -0.41452351097725926, 0.36545348799856214 },
          1.4941468177158097 },
        { "quantile=0.9", 0.9, 0, 28.130157435915464,
          { 2.013994596757692, -1.3479547399132596, 0.40364228766475013 },
          6.587893834192359 },
        { "quantile=0.25 l1=2.5", 0.25, 2.5, 41.12616033306801,
          { 0.7769551863626648, -0.24709399829537462, 0.062260881987006425 },
          1.8460203409876939 },
        { "l1=15", 0.5, 15, 72.31970212313225,
          { 0.14001140098749754, -0.17554725238151245, 0.005028929979280549 },
          2.5169740370491875 },
        { "quantile=0.3 intercept=false", 0.3, 0, 45.82679511481143,
          { 0.8758489244486581, -0.1651479105304604, 0.3260564063131323 }, 0 },
    };
    struct rows r;

    (void)state;
    amounts(&r, 60);
    for (int k = 0; k < 5; k++) {
        const struct reference *at = &all[k];
        struct mls_model *model =
            fit_rows(&mls_learner_quantile, at->settings, &r, NULL);
        const double *b = array_of(model, "coef");

        assert_near(objective(&r, b, array_of(model, "intercept")[0],
                              at->quantile, at->l1) / at->objective, 1,
                    1e-12);
        assert_values(model, "coef", at->coef, 3, 1e-9);
        assert_near(array_of(model, "intercept")[0], at->intercept, 1e-9);
        mls_model_free(model);
    }
    rows_clear(&r);
}

static void no_step_from_the_optimum_goes_down(void **state)
{
    struct rows r;

    (void)state;
    amounts(&r, 3000);
    for (int k = 0; k < 3; k++) {
        static const char *const settings[] = {
            "quantile=0.1 l1=40", "quantile=0.5", "quantile=0.95 l1=4"
        };
        static const double quantile[] = { 0.1, 0.5, 0.95 };
        static const double l1[] = { 40, 0, 4 };
        struct mls_model *model =
            fit_rows(&mls_learner_quantile, settings[k], &r, NULL);
        const double *b = array_of(model, "coef");
        double b0 = array_of(model, "intercept")[0];
        double least = objective(&r, b, b0, quantile[k], l1[k]);

        for (int64_t i = 0; i < 400; i++) {
            double size = pow(10, -(double)(i % 6)), near[3];

            for (int64_t j = 0; j < 3; j++)
                near[j] = b[j] + size * hashed(i, 200 + j);
            assert_true(objective(&r, near, b0 + size * hashed(i, 300),
                                  quantile[k], l1[k])
                        >= least * (1 - 1e-12));
        }
        mls_model_free(model);
    }
    rows_clear(&r);
}

/* Without columns: the values that a share of the rows lies below. */
static void a_constant_is_the_quantile_of_the_target(void **state)
{
    static const double odd[] = { 3, 1, 9, 4, 7 };
    static const double ties[] = { 2, 2, 2, 5, 5, 8 };
    struct mls_model *model;
    struct rows r;

    (void)state;
    rows_new(&r, 5, 0, MLS_REGRESSION, 0);
    memcpy(r.y, odd, sizeof(odd));
    model = fit_rows(&mls_learner_quantile, "", &r, NULL);
    assert_near(array_of(model, "intercept")[0], 4, 1e-14);
    mls_model_free(model);
    model = fit_rows(&mls_learner_quantile, "quantile=0.9", &r, NULL);
    assert_near(array_of(model, "intercept")[0], 9, 1e-14);
    mls_model_free(model);
    rows_clear(&r);
    rows_new(&r, 6, 0, MLS_REGRESSION, 0);
    memcpy(r.y, ties, sizeof(ties));
    model = fit_rows(&mls_learner_quantile, "quantile=0.3", &r, NULL);
    assert_near(array_of(model, "intercept")[0], 2, 1e-14);
    mls_model_free(model);
    /* All of [2, 5] is a median: the middle of the path's end, not an edge. */
    model = fit_rows(&mls_learner_quantile, "", &r, NULL);
    assert_true(array_of(model, "intercept")[0] > 2.1
                && array_of(model, "intercept")[0] < 4.9);
    mls_model_free(model);
    rows_clear(&r);
}

static void a_penalty_makes_coefficients_exactly_zero(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    amounts(&r, 500);
    model = fit_rows(&mls_learner_quantile, "l1=1e6", &r, NULL);
    for (int j = 0; j < 3; j++)
        assert_true(array_of(model, "coef")[j] == 0);
    mls_model_free(model);
    rows_clear(&r);
}

/* Rows on a plane: it is found, to the rounding of the rows. */
static void an_exact_fit_is_found_whatever_the_scale(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    for (int k = -2; k <= 2; k++) {
        double unit = pow(1e3, k);

        amounts(&r, 50);
        for (int64_t i = 0; i < 50; i++) {
            r.data.x.data[i] *= 1e4;
            r.y[i] = unit * (2 + 3 * feature_at(i, 0) - feature_at(i, 2));
        }
        r.y[7] += 5 * unit; /* A median does not see it. */
        model = fit_rows(&mls_learner_quantile, "", &r, NULL);
        assert_near(array_of(model, "coef")[0] * 1e4 / unit, 3, 1e-9);
        assert_near(array_of(model, "coef")[1] / unit, 0, 1e-9);
        assert_near(array_of(model, "coef")[2] / unit, -1, 1e-9);
        mls_model_free(model);
        rows_clear(&r);
    }
}

static void the_gap_bounds_what_is_missing(void **state)
{
    struct mls_quantile_result early, late;
    struct mls_error err;
    struct rows r;
    double b[3];

    (void)state;
    amounts(&r, 400);
    struct mls_quantile problem = {
        .x = &r.data.x, .y = r.y, .w = r.w, .weight = 0, .quantile = 0.7,
        .max_iterations = 5
    };
    for (int64_t i = 0; i < 400; i++)
        problem.weight += r.w[i];
    assert_true(mls_quantile_solve(&problem, b, &early, &err));
    problem.max_iterations = 100;
    assert_true(mls_quantile_solve(&problem, b, &late, &err));
    assert_false(early.converged);
    assert_true(late.converged);
    assert_true(early.objective >= late.objective);
    assert_true(early.objective - early.gap
                <= late.objective * (1 + 1e-12));
    rows_clear(&r);
}

/* Columns that repeat each other, more columns than rows, targets all alike. */
static void odd_tables_have_an_optimum_too(void **state)
{
    struct mls_model *model;
    struct rows r;
    double twin[2];

    (void)state;
    amounts(&r, 80);
    model = fit_rows(&mls_learner_quantile, "", &r, NULL);
    twin[0] = objective(&r, array_of(model, "coef"),
                        array_of(model, "intercept")[0], 0.5, 0);
    mls_model_free(model);
    rows_clear(&r);
    rows_new(&r, 80, 4, MLS_REGRESSION, 0);
    use_weights(&r);
    for (int64_t i = 0; i < 80; i++) {
        r.y[i] = exp(1 + 0.6 * feature_at(i, 0) - 0.3 * feature_at(i, 1)
                     + 0.1 * feature_at(i, 2) + hashed(i, 100));
        r.data.x.data[i + 3 * 80] = 2 - 4 * feature_at(i, 1);
    }
    model = fit_rows(&mls_learner_quantile, "", &r, NULL);
    twin[1] = objective(&r, array_of(model, "coef"),
                        array_of(model, "intercept")[0], 0.5, 0);
    assert_near(twin[1] / twin[0], 1, 1e-9);
    mls_model_free(model);
    rows_clear(&r);
    rows_new(&r, 4, 6, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 4; i++)
        r.y[i] = (double)(i * i);
    model = fit_rows(&mls_learner_quantile, "", &r, NULL);
    assert_true(objective(&r, array_of(model, "coef"),
                          array_of(model, "intercept")[0], 0.5, 0) < 1e-6);
    mls_model_free(model);
    for (int64_t i = 0; i < 4; i++)
        r.y[i] = 2.5;
    model = fit_rows(&mls_learner_quantile, "", &r, NULL);
    assert_near(array_of(model, "intercept")[0], 2.5, 1e-9);
    mls_model_free(model);
    rows_clear(&r);
}

static void weights_count_rows_and_threads_change_no_bit(void **state)
{
    struct rows r;

    (void)state;
    amounts(&r, 60);
    assert_weights_count(&mls_learner_quantile, "quantile=0.3", &r, 1e-10);
    use_weights(&r);
    assert_threads_agree(&mls_learner_quantile, "quantile=0.3 l1=1", &r);
    assert_survives_no_memory(&mls_learner_quantile, "l1=1", &r);
    assert_stops(&mls_learner_quantile, "", &r);
    rows_clear(&r);
    amounts(&r, 6000);
    assert_threads_agree(&mls_learner_quantile, "", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optima_are_those_of_scikit_learn),
        cmocka_unit_test(no_step_from_the_optimum_goes_down),
        cmocka_unit_test(a_constant_is_the_quantile_of_the_target),
        cmocka_unit_test(a_penalty_makes_coefficients_exactly_zero),
        cmocka_unit_test(an_exact_fit_is_found_whatever_the_scale),
        cmocka_unit_test(the_gap_bounds_what_is_missing),
        cmocka_unit_test(odd_tables_have_an_optimum_too),
        cmocka_unit_test(weights_count_rows_and_threads_change_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
