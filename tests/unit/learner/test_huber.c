/*
 * Huber regression against scikit-learn 1.9.1: its optimum, found by L-BFGS, is
 * that of the same function to some 4 digits, and ours no higher.
 */
#include "test.h"

#include "unit/learner/cases.h"

static const struct mls_learner_type *const huber = &mls_learner_huber;

/* Every ninth row is 20 too high. */
static void rows_with_outliers(struct rows *r)
{
    rows_new(r, 60, 3, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 60; i++) {
        r->y[i] = 2 + feature_at(i, 0) - 0.5 * feature_at(i, 1)
            + 0.25 * feature_at(i, 2) + hashed(i, 100) + (i % 9 == 0 ? 20 : 0);
    }
    use_weights(r);
}

static double objective(const struct rows *r, const double *coef,
                        double intercept, double s, double l2)
{
    const double e = 1.35;
    double sum = 0;

    for (int64_t i = 0; i < 60; i++) {
        double fit = intercept, size;

        for (int64_t j = 0; j < 3; j++)
            fit += coef[j] * feature_at(i, j);
        size = fabs(r->y[i] - fit);
        sum += r->w[i]
            * (s + (size <= e * s ? size * size / s
                                  : 2 * e * size - s * e * e));
    }
    for (int64_t j = 0; j < 3; j++)
        sum += l2 * coef[j] * coef[j];
    return sum;
}

/* HuberRegressor(alpha=0.5, epsilon=1.35, tol=1e-12, max_iter=100000). */
static void the_optimum_is_that_of_scikit_learn_or_lower(void **state)
{
    static const struct {
        const char *settings;
        double coef[3], intercept, scale;
    } peer[] = {
        { "alpha=0.5",
          { 1.092473206732665, -0.36400779359402485, 0.229374526473155 },
          1.8299310886815887, 0.46216810037378986 },
        { "l2=0.5 intercept=false",
          { 1.1090365923278251, -0.21463366440220652, 0.43522127401113114 },
          0, 0.577340266174567 }
    };
    struct rows r;

    (void)state;
    rows_with_outliers(&r);
    for (int k = 0; k < 2; k++) {
        struct mls_error err;
        struct mls_json *chosen = mls_json_new_object(&err);
        struct mls_model *model =
            fit_rows(huber, peer[k].settings, &r, chosen);
        double scale = mls_json_real(mls_json_get(chosen, "scale"), NAN);
        double ours, theirs;

        assert_values(model, "coef", peer[k].coef, 3, 1e-4);
        assert_near(array_of(model, "intercept")[0], peer[k].intercept, 1e-4);
        assert_near(scale, peer[k].scale, 1e-4);
        ours = objective(&r, array_of(model, "coef"),
                         array_of(model, "intercept")[0], scale, 0.5);
        theirs = objective(&r, peer[k].coef, peer[k].intercept, peer[k].scale,
                           0.5);
        assert_true(ours <= theirs * (1 + 1e-14));
        assert_true(ours >= theirs * (1 - 1e-7));
        mls_model_free(model);
        mls_json_free(chosen);
    }
    rows_clear(&r);
}

/* The objective has the unit of y. */
static void the_unit_of_the_target_does_not_matter(void **state)
{
    struct mls_model *model, *scaled;
    struct rows r;

    (void)state;
    rows_with_outliers(&r);
    model = fit_rows(huber, "l2=0", &r, NULL);
    for (int64_t i = 0; i < 60; i++)
        r.y[i] *= 1e8;
    scaled = fit_rows(huber, "l2=0", &r, NULL);
    for (int j = 0; j < 3; j++) {
        assert_near(array_of(scaled, "coef")[j] / 1e8,
                    array_of(model, "coef")[j], 1e-10);
    }
    mls_model_free(scaled);
    mls_model_free(model);
    rows_clear(&r);
}

static void an_exact_fit_is_found(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    rows_new(&r, 30, 3, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 30; i++)
        r.y[i] = 1 + 2 * feature_at(i, 0) - feature_at(i, 2);
    model = fit_rows(huber, "l2=0", &r, NULL);
    assert_near(array_of(model, "coef")[0], 2, 1e-8);
    assert_near(array_of(model, "coef")[1], 0, 1e-8);
    assert_near(array_of(model, "coef")[2], -1, 1e-8);
    mls_model_free(model);
    rows_clear(&r);
}

static void weights_count_rows_and_threads_change_no_bit(void **state)
{
    struct rows r;

    (void)state;
    rows_with_outliers(&r);
    assert_threads_agree(huber, "", &r);
    assert_survives_no_memory(huber, "max_iterations=2", &r);
    assert_stops(huber, "", &r);
    assert_weights_count(huber, "", &r, 1e-10);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_optimum_is_that_of_scikit_learn_or_lower),
        cmocka_unit_test(the_unit_of_the_target_does_not_matter),
        cmocka_unit_test(an_exact_fit_is_found),
        cmocka_unit_test(weights_count_rows_and_threads_change_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
