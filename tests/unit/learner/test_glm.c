/*
 * Poisson, gamma and tweedie regression against scikit-learn 1.9.1, R 4.2's glm,
 * and their own definition: the gradient is 0.
 */
#include "test.h"

#include "unit/learner/cases.h"

/* y of the reference values; counts are rounded down. */
static void amounts(struct rows *r, bool counts)
{
    rows_new(r, 60, 3, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 60; i++) {
        double y = exp(1 + 0.6 * feature_at(i, 0) - 0.3 * feature_at(i, 1)
                       + 0.1 * feature_at(i, 2) + hashed(i, 100));

        r->y[i] = counts ? floor(y) : y;
    }
    use_weights(r);
}

static void expect(const struct mls_learner_type *learner, const char *settings,
                   const struct rows *r, const double *coef, double intercept)
{
    struct mls_model *model = fit_rows(learner, settings, r, NULL);

    assert_values(model, "coef", coef, 3, 1e-7);
    assert_values(model, "intercept", &intercept, 1, 1e-7);
    mls_model_free(model);
}

/* PoissonRegressor, GammaRegressor, TweedieRegressor(power=1.3, link="log"),
 * all with alpha=2.5 / w.sum(), solver="newton-cholesky", tol=1e-13 and
 * sample_weight=w: their alpha counts in mean losses. */
static void coefficients_are_those_of_scikit_learn(void **state)
{
    static const double poisson[][3] = {
        { 0.6839319829999215, -0.31557247491042384, 0.1651628851945004 },
        { 0.7282576119657331, -0.26637728845353437, 0.22545473596177862 }
    };
    static const double gamma_[][3] = {
        { 0.5944134558858192, -0.2379395327231679, 0.13275510532947388 },
        { 0.6097825121970781, -0.1531694854438383, 0.21268895454964676 }
    };
    static const double tweedie[][3] = {
        { 0.7057509706938072, -0.3283423699810798, 0.1709251843189168 },
        { 0.743273100846431, -0.2785498650581314, 0.23026653205067615 }
    };
    struct rows counts, reals;

    (void)state;
    amounts(&counts, true);
    amounts(&reals, false);
    expect(&mls_learner_poisson, "l2=2.5", &counts, poisson[0],
           0.5682177375063158);
    expect(&mls_learner_poisson, "l2=2.5 intercept=false", &counts,
           poisson[1], 0);
    expect(&mls_learner_gamma, "l2=2.5", &reals, gamma_[0],
           0.7854990210230329);
    expect(&mls_learner_gamma, "l2=2.5 intercept=false", &reals, gamma_[1], 0);
    expect(&mls_learner_tweedie, "l2=2.5 power=1.3", &counts, tweedie[0],
           0.5581338082794804);
    expect(&mls_learner_tweedie, "l2=2.5 power=1.3 intercept=false", &counts,
           tweedie[1], 0);
    rows_clear(&reals);
    rows_clear(&counts);
}

/* sum_i w_i (m_i^(2-p) - y_i m_i^(1-p)) x_ij + l2 b_j = 0. */
static void assert_gradient(const struct mls_learner_type *learner,
                            const char *settings, double power, double l2,
                            const struct rows *r)
{
    struct mls_model *model = fit_rows(learner, settings, r, NULL);
    const double *coef = array_of(model, "coef");

    for (int64_t k = -1; k < 3; k++) {
        double sum = k < 0 ? 0 : l2 * coef[k], most = 1;

        for (int64_t i = 0; i < r->data.rows; i++) {
            double s = array_of(model, "intercept")[0], m, part;

            for (int64_t j = 0; j < 3; j++)
                s += coef[j] * feature_at(i, j);
            m = exp(s);
            part = r->w[i] * (pow(m, 2 - power) - r->y[i] * pow(m, 1 - power))
                * (k < 0 ? 1 : feature_at(i, k));
            sum += part;
            most += fabs(part);
        }
        assert_near(sum / most, 0, 1e-10);
    }
    mls_model_free(model);
}

static void the_gradient_is_zero_for_any_size_of_the_target(void **state)
{
    struct rows r;

    (void)state;
    for (int k = -1; k <= 1; k++) {
        amounts(&r, false);
        for (int64_t i = 0; i < 60; i++)
            r.y[i] *= pow(1e6, k);
        assert_gradient(&mls_learner_poisson, "l2=0.3", 1, 0.3, &r);
        assert_gradient(&mls_learner_gamma, "l2=0.3", 2, 0.3, &r);
        assert_gradient(&mls_learner_tweedie, "l2=0.3", 1.5, 0.3, &r);
        assert_gradient(&mls_learner_tweedie, "l2=0 power=1.9", 1.9, 0, &r);
        rows_clear(&r);
    }
}

static void fill_offsets(double *o)
{
    for (int64_t i = 0; i < 60; i++)
        o[i] = 0.5 * hashed(i, 101) - 1;
}

/* glm(y ~ a + b + c, family(link = "log"), weights = w, offset = o). */
static void offsets_are_those_of_r(void **state)
{
    static const double poisson[][3] = {
        { 0.6353668027374619, -0.3737285593068007, 0.1692055702224249 },
        { 0.7945545881841944, -0.2440884608323017, 0.3463094944236741 }
    };
    static const double gamma_[3] = { 0.5610604092300011, -0.2932481048652075,
                                      0.1515619397075484 };
    struct rows counts, reals;
    double o[60];

    (void)state;
    fill_offsets(o);
    amounts(&counts, true);
    amounts(&reals, false);
    counts.data.target.offset = reals.data.target.offset = o;
    expect(&mls_learner_poisson, "l2=0", &counts, poisson[0],
           1.6645831566068718);
    expect(&mls_learner_poisson, "l2=0 intercept=false", &counts, poisson[1],
           0);
    expect(&mls_learner_gamma, "l2=0", &reals, gamma_, 1.8310270363348446);
    rows_clear(&reals);
    rows_clear(&counts);
}

/* glm(class ~ a + b + c, binomial, weights = w, offset = o). */
static void the_offset_of_a_logistic_is_that_of_r(void **state)
{
    static const double coef[3] = { 2.3394679758513988, -0.2516293978294808,
                                    0.1266715026638840 };
    struct rows r;
    double o[60];

    (void)state;
    fill_offsets(o);
    rows_new(&r, 60, 3, MLS_BINARY, 2);
    for (int64_t i = 0; i < 60; i++)
        r.y[i] = hashed(i, 102) + feature_at(i, 0) > 0;
    use_weights(&r);
    r.data.target.offset = o;
    expect(&mls_learner_logistic, "l2=0", &r, coef, 0.9354582613323555);
    rows_clear(&r);
}

/* Coefficients, standard errors, then the constant's. */
struct errors {
    double coef[3], coef_se[3], intercept, intercept_se, dispersion, degrees;
};

static double found(const struct mls_json *chosen, const char *name)
{
    return mls_json_real(mls_json_get(chosen, name), NAN);
}

static void expect_errors(const struct mls_learner_type *learner,
                          const char *settings, const struct rows *r,
                          const struct errors *e)
{
    struct mls_error err;
    struct mls_json *chosen = mls_json_new_object(&err);
    struct mls_model *model = fit_rows(learner, settings, r, chosen);

    assert_values(model, "coef", e->coef, 3, 1e-7);
    assert_near(array_of(model, "intercept")[0], e->intercept, 1e-7);
    for (int j = 0; j < 3; j++)
        assert_near(array_of(model, "coef_se")[j] / e->coef_se[j], 1, 1e-7);
    if (e->intercept_se > 0) {
        assert_near(array_of(model, "intercept_se")[0] / e->intercept_se, 1,
                    1e-7);
    } else {
        assert_true(array_of(model, "intercept_se")[0] == 0);
    }
    assert_near(array_of(model, "degrees")[0], e->degrees, 0);
    if (e->dispersion > 0)
        assert_near(found(chosen, "dispersion"), e->dispersion, 1e-7);
    mls_model_free(model);
    mls_json_free(chosen);
}

/* summary(glm(...)) of R 4.2; rows repeated 1, 2, 3 times are weights of 1, 2,
 * 3 here.  Poisson has the normal distribution: no degrees.  The variance
 * m^1.3 is that of a family of our own there (quasi has none). */
static void standard_errors_are_those_of_r(void **state)
{
    static const struct errors poisson = {
        { 0.6353668027374619, -0.3737285593068007, 0.1692055702224249 },
        { 0.13389973390984874, 0.06056563404408223, 0.04336620878478055 },
        1.6645831566068718, 0.34566345691033956, 0, 0
    };
    static const struct errors gamma_ = {
        { 0.66854217090478274, -0.28926029865645669, 0.09108571714643215 },
        { 0.08144102921947367, 0.03948113064098793, 0.02718087649136017 },
        1.25386813315963419, 0.21755415329707783, 0.268224096366296, 116
    };
    static const struct errors origin = {
        { 0.61054320425443054, -0.06396372476854871, 0.34948178485381609 },
        { 0.13984482820910188, 0.05324262472885972, 0.02738912043423560 },
        0, 0, 0.7908893745673184, 117
    };
    static const struct errors tweedie = {
        { 0.66840578351564039, -0.40799793515316790, 0.08263079996413324 },
        { 0.11026182709389837, 0.05184217159258307, 0.03548630695496834 },
        2.38693921306164603, 0.28211334243052200, 0.8347494006779912, 116
    };
    struct rows counts, reals;
    double o[60];

    (void)state;
    fill_offsets(o);
    amounts(&counts, true);
    amounts(&reals, false);
    counts.data.target.offset = o;
    expect_errors(&mls_learner_poisson, "l2=0", &counts, &poisson);
    for (int64_t i = 0; i < 60; i++)
        counts.w[i] = reals.w[i] = (double)(1 + i % 3);
    expect_errors(&mls_learner_gamma, "l2=0", &reals, &gamma_);
    expect_errors(&mls_learner_tweedie, "l2=0 power=1.3", &counts, &tweedie);
    reals.data.target.offset = o;
    expect_errors(&mls_learner_gamma, "l2=0 intercept=false", &reals, &origin);
    rows_clear(&reals);
    rows_clear(&counts);
}

/* With a penalty there are none; a column that repeats another gets 0, and the
 * others what they have without it. */
static void errors_are_of_independent_columns_without_penalty(void **state)
{
    struct mls_model *three, *four;
    struct rows r, wide;

    (void)state;
    amounts(&r, true);
    three = fit_rows(&mls_learner_poisson, "", &r, NULL);
    assert_null(mls_arrays_find(&three->arrays, "coef_se"));
    mls_model_free(three);
    three = fit_rows(&mls_learner_poisson, "l2=0", &r, NULL);
    rows_new(&wide, 60, 4, MLS_REGRESSION, 0);
    use_weights(&wide);
    for (int64_t i = 0; i < 60; i++) {
        double *x = wide.data.x.data + i;

        x[180] = x[120];
        x[120] = 1 - x[60] + 2 * x[0];
        wide.y[i] = r.y[i];
    }
    four = fit_rows(&mls_learner_poisson, "l2=0", &wide, NULL);
    for (int j = 0; j < 4; j++) {
        int from = j == 3 ? 2 : j;

        assert_near(array_of(four, "coef")[j],
                    j == 2 ? 0 : array_of(three, "coef")[from], 1e-8);
        assert_near(array_of(four, "coef_se")[j],
                    j == 2 ? 0 : array_of(three, "coef_se")[from], 1e-8);
    }
    mls_model_free(four);
    mls_model_free(three);
    rows_clear(&wide);
    rows_clear(&r);
}

/* Offsets far from 0 only move the constant: they are logarithms of exposures
 * in another unit. */
static void a_unit_of_exposure_moves_the_constant_alone(void **state)
{
    struct mls_model *near, *far;
    struct mls_error err;
    struct rows r;
    double o[60];

    (void)state;
    fill_offsets(o);
    amounts(&r, true);
    r.data.target.offset = o;
    near = fit_rows(&mls_learner_tweedie, "", &r, NULL);
    for (int64_t i = 0; i < 60; i++)
        o[i] += 600;
    far = fit_rows(&mls_learner_tweedie, "", &r, NULL);
    assert_values(far, "coef", array_of(near, "coef"), 3, 1e-9);
    assert_near(array_of(far, "intercept")[0],
                array_of(near, "intercept")[0] - 600, 1e-12);
    o[3] = 2000;
    assert_null(fit_on(&mls_learner_tweedie, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    o[3] = NAN;
    assert_null(fit_on(&mls_learner_tweedie, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    mls_model_free(near);
    mls_model_free(far);
    rows_clear(&r);
}

static void targets_without_a_likelihood_are_refused(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    amounts(&r, false);
    r.y[7] = 0;
    assert_null(fit_on(&mls_learner_gamma, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.fix, "tweedie"));
    r.y[7] = -1;
    assert_null(fit_on(&mls_learner_poisson, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "-1"));
    for (int64_t i = 0; i < 60; i++)
        r.y[i] = 0;
    assert_null(fit_on(&mls_learner_poisson, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    rows_clear(&r);
}

static void predictions_are_means_not_their_logarithms(void **state)
{
    struct mls_model *model;
    struct mls_error err;
    struct mls_column *column[3];
    struct rows r;
    double out[60], offset[60], moved[60];

    (void)state;
    amounts(&r, true);
    model = fit_rows(&mls_learner_poisson, "", &r, NULL);
    for (int j = 0; j < 3; j++) {
        column[j] = mls_column_new(MLS_STORE_REAL, 60, 0, false, &err);
        assert_non_null(column[j]);
        memcpy(column[j]->real, r.data.x.data + j * 60, 60 * sizeof(double));
    }
    assert_true(model->type->score(
        model,
        &(struct mls_view){ 60, 3, (const struct mls_column *const *)column,
                            NULL },
        out, &err));
    for (int64_t i = 0; i < 60; i++) {
        double s = array_of(model, "intercept")[0];

        for (int64_t j = 0; j < 3; j++)
            s += array_of(model, "coef")[j] * feature_at(i, j);
        assert_near(out[i], exp(s), 1e-14);
        offset[i] = hashed(i, 101);
    }
    assert_true(model->type->score(
        model,
        &(struct mls_view){ 60, 3, (const struct mls_column *const *)column,
                            offset },
        moved, &err));
    for (int64_t i = 0; i < 60; i++)
        assert_near(moved[i], out[i] * exp(offset[i]), 1e-14);
    for (int j = 0; j < 3; j++)
        mls_column_free(column[j]);
    mls_model_free(model);
    rows_clear(&r);
}

static void weights_count_rows_and_threads_change_no_bit(void **state)
{
    const struct mls_learner_type *const learners[] = {
        &mls_learner_poisson, &mls_learner_gamma, &mls_learner_tweedie
    };
    struct rows r;
    double o[60];

    (void)state;
    for (int k = 0; k < 3; k++) {
        amounts(&r, false);
        assert_weights_count(learners[k], "", &r, 1e-10);
        use_weights(&r);
        assert_threads_agree(learners[k], "", &r);
        fill_offsets(o);
        r.data.target.offset = o;
        assert_threads_agree(learners[k], "", &r);
        assert_survives_no_memory(learners[k], "", &r);
        assert_survives_no_memory(learners[k], "l2=0", &r);
        assert_stops(learners[k], "", &r);
        rows_clear(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coefficients_are_those_of_scikit_learn),
        cmocka_unit_test(the_gradient_is_zero_for_any_size_of_the_target),
        cmocka_unit_test(offsets_are_those_of_r),
        cmocka_unit_test(the_offset_of_a_logistic_is_that_of_r),
        cmocka_unit_test(standard_errors_are_those_of_r),
        cmocka_unit_test(errors_are_of_independent_columns_without_penalty),
        cmocka_unit_test(a_unit_of_exposure_moves_the_constant_alone),
        cmocka_unit_test(targets_without_a_likelihood_are_refused),
        cmocka_unit_test(predictions_are_means_not_their_logarithms),
        cmocka_unit_test(weights_count_rows_and_threads_change_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
