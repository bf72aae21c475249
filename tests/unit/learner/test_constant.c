/* The constant learner against sums that are done by hand. */
#include "test.h"

#include "unit/learner/cases.h"

static const struct mls_learner_type *const constant = &mls_learner_constant;

static double intercept_for(const char *settings, struct rows *r)
{
    struct mls_model *model = fit_rows(constant, settings, r, NULL);
    double value = array_of(model, "intercept")[0];

    for (int64_t j = 0; j < count_of(model, "coef"); j++)
        assert_true(array_of(model, "coef")[j] == 0);
    mls_model_free(model);
    return value;
}

static void regression_is_the_weighted_mean_or_median(void **state)
{
    static const double y[] = { 1, 2, 4, 9, 100 };
    static const double w[] = { 1, 1, 2, 1, 5 };
    struct rows r;

    (void)state;
    rows_new(&r, 5, 2, MLS_REGRESSION, 0);
    memcpy(r.y, y, sizeof(y));
    assert_near(intercept_for("", &r), 116.0 / 5, 1e-15);
    assert_near(intercept_for("strategy=median", &r), 4, 0);
    memcpy(r.w, w, sizeof(w));
    r.data.target.weight = r.w;
    assert_near(intercept_for("", &r), 520.0 / 10, 1e-15);
    /* 1 2 4 4 9 100 100 100 100 100 */
    assert_near(intercept_for("strategy=median", &r), (9 + 100) / 2.0, 1e-15);
    rows_clear(&r);
}

static void two_classes_give_their_log_odds(void **state)
{
    static const double y[] = { 1, 0, 1, 1, 0, 1 };
    struct rows r;

    (void)state;
    rows_new(&r, 6, 0, MLS_BINARY, 2);
    memcpy(r.y, y, sizeof(y));
    assert_near(intercept_for("", &r), log(2), 1e-15);
    for (int i = 0; i < 6; i++)
        r.w[i] = y[i] > 0 ? 0.5 : 3;
    r.data.target.weight = r.w;
    assert_near(intercept_for("", &r), log(2.0 / 6), 1e-15);
    rows_clear(&r);
}

static void many_classes_give_their_frequencies(void **state)
{
    static const double y[] = { 2, 0, 2, 2, 1, 0 };
    double probability[3];
    struct rows r;
    struct mls_model *model;

    (void)state;
    rows_new(&r, 6, 1, MLS_MULTICLASS, 3);
    memcpy(r.y, y, sizeof(y));
    model = fit_rows(constant, "", &r, NULL);
    mls_model_probabilities(model, 1, array_of(model, "intercept"),
                            probability);
    assert_near(probability[0], 2.0 / 6, 1e-15);
    assert_near(probability[1], 1.0 / 6, 1e-15);
    assert_near(probability[2], 3.0 / 6, 1e-15);
    mls_model_free(model);
    rows_clear(&r);
}

static void a_class_without_rows_counts_as_half_a_row(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 4, 1, MLS_BINARY, 2);
    for (int i = 0; i < 4; i++)
        r.y[i] = 1;
    assert_near(intercept_for("", &r), log(4 / 0.5), 1e-15);
    rows_clear(&r);
}

static void missing_features_do_not_matter(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 3, 1, MLS_REGRESSION, 0);
    for (int i = 0; i < 3; i++) {
        r.y[i] = i;
        r.data.x.data[i] = NAN;
    }
    assert_near(intercept_for("", &r), 1, 0);
    rows_clear(&r);
}

static void no_rows_are_an_error(void **state)
{
    struct rows r;
    struct mls_error err;

    (void)state;
    rows_new(&r, 0, 1, MLS_REGRESSION, 0);
    assert_null(fit_on(constant, "", &r.data, NULL, NULL, &err));
    assert_int_equal(err.code, MLS_DATA);
    rows_clear(&r);
}

static void weights_count_rows_and_threads_do_not_matter(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 9000, 1, MLS_REGRESSION, 0);
    for (int64_t i = 0; i < 9000; i++)
        r.y[i] = 1e6 + hashed(i, 9);
    assert_threads_agree(constant, "", &r);
    assert_weights_count(constant, "", &r, 1e-12);
    assert_weights_count(constant, "strategy=median", &r, 1e-12);
    rows_clear(&r);
}

static void failed_allocations_are_reported_and_leak_nothing(void **state)
{
    struct rows r;

    (void)state;
    rows_new(&r, 20, 2, MLS_REGRESSION, 0);
    assert_survives_no_memory(constant, "strategy=median", &r);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regression_is_the_weighted_mean_or_median),
        cmocka_unit_test(two_classes_give_their_log_odds),
        cmocka_unit_test(many_classes_give_their_frequencies),
        cmocka_unit_test(a_class_without_rows_counts_as_half_a_row),
        cmocka_unit_test(missing_features_do_not_matter),
        cmocka_unit_test(no_rows_are_an_error),
        cmocka_unit_test(weights_count_rows_and_threads_do_not_matter),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
