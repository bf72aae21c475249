/*
 * Lasso and elastic net against scikit-learn 1.9.1, and against the conditions
 * of their optimum.
 */
#include "test.h"

#include "unit/learner/cases.h"

static const struct mls_learner_type *const lasso = &mls_learner_lasso;
static const struct mls_learner_type *const net = &mls_learner_elastic_net;

static void linear_rows(struct rows *r, int64_t rows, int64_t features)
{
    rows_new(r, rows, features, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < rows; i++) {
        r->y[i] = 2 + feature_at(i, 0) - 0.5 * feature_at(i, 1)
            + 0.25 * feature_at(i, 2) + hashed(i, 100);
    }
    use_weights(r);
}

static void expect(const struct mls_learner_type *learner, const char *settings,
                   const struct rows *r, const double *coef, double intercept)
{
    struct mls_model *model = fit_rows(learner, settings, r, NULL);

    assert_values(model, "coef", coef, r->data.features, 1e-10);
    assert_values(model, "intercept", &intercept, 1, 1e-10);
    for (int64_t j = 0; j < r->data.features; j++)
        assert_int_equal(array_of(model, "coef")[j] == 0, coef[j] == 0);
    mls_model_free(model);
}

/* Lasso(alpha=20 / w.sum()), ElasticNet(alpha=30 / w.sum(), l1_share=0.4), both
 * with tol=1e-15 and sample_weight=w: their alpha counts in mean losses. */
static void coefficients_are_those_of_scikit_learn(void **state)
{
    static const double l1[] = { 0.427341082755564, -0.3036496009868649,
                                 0.2079003622576441, 0, 0.005006606368085567,
                                 0.0011105781363471897 };
    static const double l1_plain[] = {
        0.39870474050313914, -0.23435777071598818, 0.26101029507822054,
        0.007692344261234697, 0.05344022306081375, 0.030783806113214553
    };
    static const double both[] = { 0.4408150399800339, -0.3204733978742379,
                                   0.22257918155895343, 0, 0.01617534902523911,
                                   0.00641486272617492 };
    static const double both_plain[] = {
        0.422619651171329, -0.26715530655206626, 0.2625390050801555,
        0.013062414823564635, 0.05657694140253657, 0.03151492554281503
    };
    struct rows r;

    (void)state;
    linear_rows(&r, 60, 6);
    expect(lasso, "l1=20", &r, l1, 1.6502056365896194);
    expect(lasso, "l1=20 intercept=false", &r, l1_plain, 0);
    expect(net, "penalty=30 l1_share=0.4", &r, both, 1.402711751246326);
    expect(net, "penalty=30 l1_share=0.4 intercept=false", &r, both_plain, 0);
    rows_clear(&r);
}

/* x_j'W(y - fit) = l1 sign(b_j) + l2 b_j where b_j is not 0, and within l1
 * where it is. */
static void assert_optimal(const struct rows *r, const struct mls_model *model,
                           double l1, double l2)
{
    const double *coef = array_of(model, "coef");

    for (int64_t k = 0; k < r->data.features; k++) {
        double sum = 0, most = 1;

        for (int64_t i = 0; i < r->data.rows; i++) {
            double e = r->y[i] - array_of(model, "intercept")[0];

            for (int64_t j = 0; j < r->data.features; j++)
                e -= coef[j] * r->data.x.data[i + j * r->data.rows];
            sum += r->w[i] * e * r->data.x.data[i + k * r->data.rows];
            most += fabs(r->w[i] * e * r->data.x.data[i + k * r->data.rows]);
        }
        if (coef[k] == 0)
            assert_true(fabs(sum) <= l1 + 1e-9 * most);
        else
            assert_near((sum - copysign(l1, coef[k]) - l2 * coef[k]) / most, 0,
                        1e-10);
    }
}

/* The standard deviation of y. */
static double spread(const struct rows *r)
{
    double sum = 0, square = 0, weight = 0;

    for (int64_t i = 0; i < r->data.rows; i++) {
        sum += r->w[i] * r->y[i];
        square += r->w[i] * r->y[i] * r->y[i];
        weight += r->w[i];
    }
    return sqrt(square / weight - sum / weight * (sum / weight));
}

/* More columns than rows, and one column twice. */
static void the_conditions_of_the_optimum_hold(void **state)
{
    static const double penalties[] = { 200, 20, 2, 0.02 };
    struct rows r;

    (void)state;
    linear_rows(&r, 30, 40);
    for (int64_t i = 0; i < 30; i++)
        r.data.x.data[i + 20 * 30] = r.data.x.data[i];
    for (int k = 0; k < 4; k++) {
        char settings[60];
        struct mls_model *model;

        snprintf(settings, sizeof(settings), "l1=%g", penalties[k]);
        model = fit_rows(lasso, settings, &r, NULL);
        assert_optimal(&r, model, penalties[k], 0);
        mls_model_free(model);
        snprintf(settings, sizeof(settings), "penalty=%g l1_share=0.3",
                 penalties[k]);
        model = fit_rows(net, settings, &r, NULL);
        assert_optimal(&r, model, 0.3 * penalties[k],
                       0.7 * penalties[k] / spread(&r));
        mls_model_free(model);
    }
    rows_clear(&r);
}

/* Of 40 columns 3 matter: the chosen penalty keeps them, predicts about as well
 * as the noise lets it, and is that of the fit. */
static void the_penalty_is_chosen_by_its_error_on_other_rows(void **state)
{
    struct mls_json *chosen;
    struct mls_model *model;
    struct mls_error err;
    struct rows r;
    double l1, error;
    int64_t count;

    (void)state;
    linear_rows(&r, 400, 40);
    chosen = mls_json_new_object(&err);
    model = fit_rows(lasso, "", &r, chosen);
    l1 = mls_json_real(mls_json_get(chosen, "l1"), NAN);
    error = mls_json_real(mls_json_get(chosen, "cv_rmse"), NAN);
    assert_true(mls_json_integer(mls_json_get(chosen, "nonzero"), &count));
    /* LassoCV(cv=10), other folds: 13.9 / w.sum(), 38 of them not 0. */
    assert_true(l1 > 5 && l1 < 40 && count >= 3);
    /* The noise is uniform in [-1, 1): 0.577. */
    assert_true(error > 0.5 && error < 0.65);
    assert_optimal(&r, model, l1, 0);
    for (int j = 0; j < 3; j++)
        assert_true(array_of(model, "coef")[j] != 0);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
}

static void weights_count_rows_and_threads_change_no_bit(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 90, 6);
    assert_weights_count(lasso, "", &r, 1e-10);
    assert_weights_count(net, "intercept=false", &r, 1e-10);
    use_weights(&r);
    assert_threads_agree(lasso, "", &r);
    assert_threads_agree(net, "penalty=3", &r);
    assert_stops(lasso, "", &r);
    assert_stops(lasso, "l1=1", &r);
    rows_clear(&r);
    linear_rows(&r, 12, 3);
    assert_survives_no_memory(net, "penalty=0.5", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coefficients_are_those_of_scikit_learn),
        cmocka_unit_test(the_conditions_of_the_optimum_hold),
        cmocka_unit_test(the_penalty_is_chosen_by_its_error_on_other_rows),
        cmocka_unit_test(weights_count_rows_and_threads_change_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
