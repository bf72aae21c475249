/*
 * Ridge against scikit-learn 1.9.1, against its own definition (the gradient is
 * 0, leaving out rows one by one), and against certified values.
 */
#include "test.h"

#include "unit/learner/cases.h"

static const struct mls_learner_type *const ridge = &mls_learner_ridge;

/* The rows that the reference values were made of:
 *   y = 2 + x0 - 0.5 x1 + 0.25 x2 + hashed(i, 100) */
static void linear_rows(struct rows *r, int64_t rows, int64_t features)
{
    rows_new(r, rows, features, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < rows; i++) {
        r->y[i] = 2 + feature_at(i, 0) - 0.5 * feature_at(i, 1)
            + 0.25 * feature_at(i, 2) + hashed(i, 100);
    }
}

static void expect(const char *settings, const struct rows *r,
                   const double *coef, double intercept)
{
    struct mls_model *model = fit_rows(ridge, settings, r, NULL);

    assert_values(model, "coef", coef, r->data.features, 1e-11);
    assert_values(model, "intercept", &intercept, 1, 1e-11);
    mls_model_free(model);
}

/* Ridge(alpha=2.5, solver="svd").fit(x, y, sample_weight=w), with and without
 * intercept and weights; alpha=0.3 on the first 4 rows. */
static void coefficients_are_those_of_scikit_learn(void **state)
{
    static const double weighted[] = {
        0.9665454450425361, -0.42504510404390533, 0.24625419703273185,
        -0.0010862526168830822, 0.0721190445976832
    };
    static const double plain[] = { 0.8817270807466825, -0.3866682043629433,
                                    0.2545649728552842, 0.05692682567464862,
                                    0.10547968615678091 };
    static const double few[] = { 0.47571455027120013, -0.6175398597179417,
                                  0.44516494798510065, -0.0704116486446261,
                                  0.22987532812672246 };
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    expect("alpha=2.5 intercept=false", &r, plain, 0);
    use_weights(&r);
    expect("l2=2.5", &r, weighted, 1.0558124795950203);
    rows_clear(&r);
    linear_rows(&r, 4, 5);
    use_weights(&r);
    expect("l2=0.3", &r, few, -1.3282000102144844);
    rows_clear(&r);
}

/* LinearRegression().fit(np.column_stack([x, x0 + x1]), y): rank 5 of 6; and
 * on 4 rows of 5 columns. */
static void dependent_columns_without_penalty_give_the_least_norm(void **state)
{
    static const double coef[] = { 0.8330308181028979,  -0.650676976235224,
                                   0.2293981803554958,  0.019796774399379713,
                                   0.0675228521811833,  0.18235384186767445 };
    static const double few[] = { 0.49252938664647583, -0.6297185397387542,
                                  0.4949287598003033, -0.08032395006897698,
                                  0.2554515095790696 };
    struct rows r;
    struct mls_json *chosen;
    struct mls_model *model;
    struct mls_error err;
    int64_t rank;

    (void)state;
    linear_rows(&r, 40, 6);
    for (int64_t i = 0; i < 40; i++)
        r.data.x.data[i + 5 * 40] = feature_at(i, 0) + feature_at(i, 1);
    expect("l2=0", &r, coef, 1.2020474072102978);
    chosen = mls_json_new_object(&err);
    model = fit_rows(ridge, "l2=0", &r, chosen);
    assert_true(mls_json_integer(mls_json_get(chosen, "rank"), &rank));
    assert_int_equal(rank, 5);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
    linear_rows(&r, 4, 5);
    expect("l2=0", &r, few, -1.8353603238897023);
    rows_clear(&r);
}

/* NIST StRD, Longley: 7 to 8 digits are lost by who squares the columns. */
static void longley_has_its_certified_values(void **state)
{
    static const double x[6][16] = {
        { 83.0, 88.5, 88.2, 89.5, 96.2, 98.1, 99.0, 100.0, 101.2, 104.6, 108.4,
          110.8, 112.6, 114.2, 115.7, 116.9 },
        { 234289, 259426, 258054, 284599, 328975, 346999, 365385, 363112,
          397469, 419180, 442769, 444546, 482704, 502601, 518173, 554894 },
        { 2356, 2325, 3682, 3351, 2099, 1932, 1870, 3578, 2904, 2822, 2936,
          4681, 3813, 3931, 4806, 4007 },
        { 1590, 1456, 1616, 1650, 3099, 3594, 3547, 3350, 3048, 2857, 2798,
          2637, 2552, 2514, 2572, 2827 },
        { 107608, 108632, 109773, 110929, 112075, 113270, 115094, 116219,
          117388, 118734, 120445, 121950, 123366, 125368, 127852, 130081 },
        { 1947, 1948, 1949, 1950, 1951, 1952, 1953, 1954, 1955, 1956, 1957,
          1958, 1959, 1960, 1961, 1962 }
    };
    static const double y[] = { 60323, 61122, 60171, 61187, 63221, 63639,
                                64989, 63761, 66019, 67857, 68169, 66513,
                                68655, 69564, 69331, 70551 };
    static const double coef[] = { 15.0618722713733, -0.358191792925910E-01,
                                   -2.02022980381683, -1.03322686717359,
                                   -0.511041056535807E-01, 1829.15146461355 };
    const double intercept = -3482258.63459582;
    struct mls_model *model;
    struct rows r;

    (void)state;
    rows_new(&r, 16, 6, MLS_REGRESSION, 0);
    memcpy(r.data.x.data, x, sizeof(x));
    memcpy(r.y, y, sizeof(y));
    model = fit_rows(ridge, "l2=0", &r, NULL);
    for (int j = 0; j < 6; j++)
        assert_near(array_of(model, "coef")[j] / coef[j], 1, 1e-11);
    assert_near(array_of(model, "intercept")[0] / intercept, 1, 1e-11);
    mls_model_free(model);
    rows_clear(&r);
}

/* y is a sum of the columns to the last digit.  They differ by 1e-7 of their
 * size: the normal equations alone would find no digit of it, or give up. */
static void nearly_dependent_columns_keep_their_digits(void **state)
{
    struct mls_model *model;
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 3);
    for (int64_t i = 0; i < 40; i++) {
        double *row = r.data.x.data + i;

        row[80] = row[0] + 1e-7 * hashed(i, 50);
        r.y[i] = 4 + row[0] + 2 * row[40] + 3 * row[80];
    }
    for (int k = 0; k < 2; k++) {
        /* So small a penalty changes no more than rounding does. */
        model = fit_rows(ridge, k ? "l2=1e-22" : "l2=0", &r, NULL);
        assert_near(array_of(model, "coef")[0], 1, 1e-7);
        assert_near(array_of(model, "coef")[1], 2, 1e-12);
        assert_near(array_of(model, "coef")[2], 3, 1e-7);
        mls_model_free(model);
    }
    rows_clear(&r);
}

static void a_vanishing_penalty_is_none_with_more_columns_than_rows(
    void **state)
{
    struct mls_model *none, *tiny;
    struct rows r;

    (void)state;
    linear_rows(&r, 4, 6);
    none = fit_rows(ridge, "l2=0", &r, NULL);
    for (int k = 0; k < 2; k++) {
        tiny = fit_rows(ridge, k ? "l2=1e-9" : "l2=1e-14", &r, NULL);
        assert_models_near(tiny, none, 1e-8);
        mls_model_free(tiny);
    }
    mls_model_free(none);
    rows_clear(&r);
}

/* 2 sum_i w_i e_i x_ij = 2 l2 b_j at the optimum, and sum_i w_i e_i = 0. */
static void the_gradient_is_zero_at_the_solution(void **state)
{
    struct mls_model *model;
    const double *coef;
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    use_weights(&r);
    model = fit_rows(ridge, "l2=3.7", &r, NULL);
    coef = array_of(model, "coef");
    for (int64_t k = -1; k < 5; k++) {
        double sum = k < 0 ? 0 : -3.7 * coef[k];

        for (int64_t i = 0; i < 40; i++) {
            double e = r.y[i] - array_of(model, "intercept")[0];

            for (int64_t j = 0; j < 5; j++)
                e -= coef[j] * feature_at(i, j);
            sum += r.w[i] * e * (k < 0 ? 1 : feature_at(i, k));
        }
        assert_near(sum, 0, 1e-11);
    }
    mls_model_free(model);
    rows_clear(&r);
}

/* ---- Leave one out ---- */

static double predict(const struct mls_model *model, const struct rows *r,
                      int64_t i)
{
    double sum = array_of(model, "intercept")[0];

    for (int64_t j = 0; j < r->data.features; j++) {
        sum += array_of(model, "coef")[j]
            * r->data.x.data[i + j * r->data.rows];
    }
    return sum;
}

/* The definition: fit again without one unit of each row. */
static double loo_by_fits(const struct rows *r, double l2)
{
    int64_t n = r->data.rows;
    double sum = 0, weight = 0;
    char settings[60];

    snprintf(settings, sizeof(settings), "l2=%.17g", l2);
    for (int64_t i = 0; i < n; i++) {
        struct rows part;
        struct mls_model *model;
        double all = r->data.target.weight ? r->w[i] : 1, error;
        int *times;
        struct mls_error err;

        times = mls_new(n, sizeof(*times), &err);
        for (int64_t k = 0; k < n; k++)
            times[k] = k != i || all > 1;
        repeat_rows(r, times, false, &part);
        if (all > 1)
            part.w[i] = all - 1;
        model = fit_rows(ridge, settings, &part, NULL);
        error = r->y[i] - predict(model, r, i);
        sum += all * error * error;
        weight += all;
        mls_model_free(model);
        rows_clear(&part);
        mls_free(times);
    }
    return sqrt(sum / weight);
}

static void auto_is_the_least_error_when_each_row_is_left_out(
    const struct rows *r, double tolerance)
{
    struct mls_error err;
    struct mls_json *chosen = mls_json_new_object(&err);
    struct mls_model *model = fit_rows(ridge, "", r, chosen), *given;
    double l2 = mls_json_real(mls_json_get(chosen, "l2"), NAN);
    double loo = mls_json_real(mls_json_get(chosen, "loo_rmse"), NAN);
    double step = pow(10, 1.0 / 32);
    char settings[60];

    assert_near(loo, loo_by_fits(r, l2), tolerance);
    assert_true(loo < loo_by_fits(r, l2 * step));
    assert_true(loo < loo_by_fits(r, l2 / step));
    snprintf(settings, sizeof(settings), "l2=%.17g", l2);
    given = fit_rows(ridge, settings, r, NULL);
    assert_models_near(model, given, 1e-10);
    mls_model_free(given);
    mls_model_free(model);
    mls_json_free(chosen);
}

static void auto_is_right_for_plain_rows(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    auto_is_the_least_error_when_each_row_is_left_out(&r, 1e-12);
    rows_clear(&r);
}

static void auto_is_right_for_weights_below_and_above_one(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    use_weights(&r);
    auto_is_the_least_error_when_each_row_is_left_out(&r, 1e-12);
    rows_clear(&r);
}

static void auto_is_right_for_more_columns_than_rows(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 12, 20, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 12; i++) {
        for (int64_t j = 0; j < 20; j++)
            r.data.x.data[i + j * 12] = hashed(i, j) + 5;
        r.y[i] = hashed(i, 0) + hashed(i, 1) + 0.5 * hashed(i, 100);
    }
    use_weights(&r);
    auto_is_the_least_error_when_each_row_is_left_out(&r, 1e-11);
    rows_clear(&r);
}

/* RidgeCV(alphas=np.logspace(-2, 2, 4001)): alpha_ and sqrt(-best_score_).
 * Ours is on a coarser grid, whose neighbours are 7.5 % apart. */
static void auto_is_near_the_choice_of_scikit_learn(void **state)
{
    struct mls_error err;
    struct mls_json *chosen = mls_json_new_object(&err);
    struct mls_model *model;
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    model = fit_rows(ridge, "", &r, chosen);
    assert_near(log(mls_json_real(mls_json_get(chosen, "l2"), NAN)),
                log(0.6637430704019089), 0.04);
    assert_near(mls_json_real(mls_json_get(chosen, "loo_rmse"), NAN),
                0.6518663571364794, 1e-6);
    mls_model_free(model);
    mls_json_free(chosen);
    rows_clear(&r);
}

/* ---- What all learners promise ---- */

static void weights_count_rows(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    assert_weights_count(ridge, "l2=0", &r, 1e-11);
    assert_weights_count(ridge, "l2=1", &r, 1e-11);
    assert_weights_count(ridge, "", &r, 1e-11);
    assert_weights_count(ridge, "intercept=false", &r, 1e-11);
    rows_clear(&r);
    linear_rows(&r, 5, 6);
    /* 5 rows of 6 columns are solved by rows, 9 of them by columns. */
    assert_weights_count(ridge, "l2=0.1", &r, 1e-10);
    assert_weights_count(ridge, "", &r, 1e-10);
    rows_clear(&r);
}

static void weights_count_rows_of_dependent_columns(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 6);
    for (int64_t i = 0; i < 40; i++)
        r.data.x.data[i + 5 * 40] = feature_at(i, 0) + feature_at(i, 1);
    assert_weights_count(ridge, "l2=0", &r, 1e-10);
    assert_weights_count(ridge, "", &r, 1e-10);
    rows_clear(&r);
}

static void threads_do_not_matter(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 9000, 5);
    use_weights(&r);
    assert_threads_agree(ridge, "", &r);
    assert_threads_agree(ridge, "l2=1", &r);
    rows_clear(&r);
}

static void small_cases_give_the_mean(void **state)
{
    static const char *const settings[] = { "", "l2=1", "l2=0" };
    struct mls_model *model;
    struct rows r;

    (void)state;
    for (int k = 0; k < 3; k++) {
        /* No features; one row; columns that are all constant. */
        linear_rows(&r, 40, 0);
        model = fit_rows(ridge, settings[k], &r, NULL);
        mls_model_free(model);
        rows_clear(&r);
        for (int64_t features = 1; features < 4; features++) {
            linear_rows(&r, 1, features);
            model = fit_rows(ridge, settings[k], &r, NULL);
            assert_near(array_of(model, "coef")[0], 0, 0);
            assert_near(array_of(model, "intercept")[0], r.y[0], 1e-15);
            mls_model_free(model);
            rows_clear(&r);
        }
        linear_rows(&r, 40, 2);
        for (int64_t i = 0; i < 80; i++)
            r.data.x.data[i] = 0.1;
        model = fit_rows(ridge, settings[k], &r, NULL);
        assert_true(array_of(model, "coef")[0] == 0);
        mls_model_free(model);
        rows_clear(&r);
    }
}

static void numbers_that_overflow_are_an_error(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    linear_rows(&r, 40, 5);
    for (int64_t i = 0; i < 40; i++)
        r.data.x.data[i + 80] *= 1e200;
    assert_null(fit_on(ridge, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.column, "c");
    rows_clear(&r);
}

static void no_rows_are_an_error(void **state)
{
    struct mls_error err;
    struct rows r;

    (void)state;
    linear_rows(&r, 0, 5);
    assert_null(fit_on(ridge, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    rows_clear(&r);
}

static void failed_allocations_are_reported_and_leak_nothing(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 20, 6);
    assert_survives_no_memory(ridge, "", &r);
    assert_survives_no_memory(ridge, "l2=1", &r);
    for (int64_t i = 0; i < 20; i++)
        r.data.x.data[i + 5 * 20] = feature_at(i, 0);
    assert_survives_no_memory(ridge, "l2=0", &r);
    rows_clear(&r);
    linear_rows(&r, 4, 6);
    assert_survives_no_memory(ridge, "", &r);
    assert_survives_no_memory(ridge, "l2=1", &r);
    rows_clear(&r);
}

static void a_run_that_is_to_stop_stops(void **state)
{
    struct rows r;

    (void)state;
    linear_rows(&r, 20, 6);
    assert_stops(ridge, "", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coefficients_are_those_of_scikit_learn),
        cmocka_unit_test(dependent_columns_without_penalty_give_the_least_norm),
        cmocka_unit_test(longley_has_its_certified_values),
        cmocka_unit_test(nearly_dependent_columns_keep_their_digits),
        cmocka_unit_test(
            a_vanishing_penalty_is_none_with_more_columns_than_rows),
        cmocka_unit_test(the_gradient_is_zero_at_the_solution),
        cmocka_unit_test(auto_is_right_for_plain_rows),
        cmocka_unit_test(auto_is_right_for_weights_below_and_above_one),
        cmocka_unit_test(auto_is_right_for_more_columns_than_rows),
        cmocka_unit_test(auto_is_near_the_choice_of_scikit_learn),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(weights_count_rows_of_dependent_columns),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(small_cases_give_the_mean),
        cmocka_unit_test(numbers_that_overflow_are_an_error),
        cmocka_unit_test(no_rows_are_an_error),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
        cmocka_unit_test(a_run_that_is_to_stop_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
