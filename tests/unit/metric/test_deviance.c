/* Metrics of absolute and relative errors and deviances against
 * scikit-learn's on the tables of cases.h, and by hand. */
#include "test.h"

#include "unit/metric/cases.h"

struct expected {
    const char *name;
    double plain, weighted;
};

static void check_against(const struct metric_case *in,
                          const struct expected *rows, int count)
{
    struct mls_outcome weighted = in->outcome;

    weighted.weight = in->weight;
    for (int i = 0; i < count; i++) {
        assert_true(
            near(metric_value(rows[i].name, &in->outcome), rows[i].plain));
        assert_true(
            near(metric_value(rows[i].name, &weighted), rows[i].weighted));
    }
}

/* median_absolute_error(t, p, sample_weight=w), max_error of the rows of
 * positive weight, explained_variance_score, d2_absolute_error_score,
 * mean_absolute_percentage_error, mean_pinball_loss(alpha=0.1) and so on. */
static void metrics_of_any_numbers_equal_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "median_absolute_error", 0.39999999999999991, 0.39999999999999991 },
        { "max_error", 0.60000000000000009, 0.60000000000000009 },
        { "explained_variance", 0.98970516087492411, 0.98972389470680588 },
        { "d2_absolute_error", 0.88953189808413979, 0.88910521402853715 },
        { "mean_absolute_percentage_error", 15762598695796.99, 30174871875179.449 },
        { "pinball_10", 0.19714999999999999, 0.19644891122278058 },
        { "pinball_50", 0.19974999999999998, 0.19899497487437187 },
        { "pinball_90", 0.20235, 0.20154103852596314 },
    };
    struct metric_case in;

    (void)state;
    regression_case(&in, 0);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* Around 10, and mean_squared_log_error, root_mean_squared_log_error,
 * mean_poisson_deviance, mean_gamma_deviance. */
static void metrics_of_positive_numbers_equal_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "median_absolute_error", 0.39999999999999991, 0.40000000000000036 },
        { "max_error", 0.60000000000000142, 0.60000000000000142 },
        { "explained_variance", 0.98970516087492411, 0.98972389470680588 },
        { "d2_absolute_error", 0.88953189808413979, 0.88910521402853715 },
        { "mean_absolute_percentage_error", 0.050038721352451174, 0.049251837120108846 },
        { "pinball_10", 0.19715000000000005, 0.19644891122278058 },
        { "pinball_50", 0.19975000000000001, 0.19899497487437187 },
        { "pinball_90", 0.20235000000000003, 0.2015410385259632 },
        { "mean_squared_log_error", 0.0025808550850121999, 0.0024000898177921432 },
        { "root_mean_squared_log_error", 0.050802116934358155, 0.048990711546089465 },
        { "mean_poisson_deviance", 0.022520472582468143, 0.021648470033580235 },
        { "mean_gamma_deviance", 0.0037915735084183997, 0.0034272690134049821 },
    };
    struct metric_case in;

    (void)state;
    regression_case(&in, 10);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* mean_poisson_deviance([0, 1, 3], [0.5, 1.5, 2]),
 * mean_squared_log_error([-0.5, 0, 3], [0.5, -0.25, 2]) */
static void the_edges_of_the_bounds_are_inside(void **state)
{
    double counts[3] = { 0, 1, 3 }, rates[3] = { 0.5, 1.5, 2 };
    double low[3] = { -0.5, 0, 3 }, guess[3] = { 0.5, -0.25, 2 };
    struct mls_outcome outcome = {
        .task = MLS_REGRESSION, .n = 3, .truth = counts, .prediction = rates
    };

    (void)state;
    assert_true(near(metric_value("mean_poisson_deviance", &outcome),
                     0.54062014414421922));
    outcome.truth = low;
    outcome.prediction = guess;
    assert_true(near(metric_value("mean_squared_log_error", &outcome),
                     0.45749030347762831));
}

static void what_is_out_of_bounds_is_named_with_its_row(void **state)
{
    double truth[3] = { 2, 1, 3 }, prediction[3] = { 1, 0, 2 };
    double weight[3] = { 1, 0, 1 };
    struct mls_outcome outcome = { .task = MLS_REGRESSION,
                                   .n = 3,
                                   .truth = truth,
                                   .prediction = prediction };
    struct mls_error err;

    (void)state;
    assert_int_equal(
        metric_failure("mean_poisson_deviance", &outcome, &err), MLS_DATA);
    assert_string_equal(err.what, "mean_poisson_deviance is undefined: the "
                                  "prediction 0 is not above 0");
    assert_int_equal(err.row, 2);
    outcome.weight = weight;
    assert_int_equal(
        metric_failure("mean_poisson_deviance", &outcome, &err), MLS_OK);
    truth[2] = 0;
    assert_int_equal(
        metric_failure("mean_poisson_deviance", &outcome, &err), MLS_OK);
    assert_int_equal(metric_failure("mean_gamma_deviance", &outcome, &err),
                     MLS_DATA);
    assert_non_null(strstr(err.what, "the target 0 is not above 0"));
    assert_int_equal(err.row, 3);
    truth[2] = -0.5;
    assert_int_equal(
        metric_failure("mean_poisson_deviance", &outcome, &err), MLS_DATA);
    assert_non_null(strstr(err.what, "the target -0.5 is not at least 0"));
    prediction[0] = -1;
    assert_int_equal(metric_failure("mean_squared_log_error", &outcome, &err),
                     MLS_DATA);
    assert_non_null(strstr(err.what, "the prediction -1 is not above -1"));
}

/* Errors 1, 2, 4, 8 with weights; by hand. */
static void the_median_is_where_half_of_the_weight_is_reached(void **state)
{
    double truth[4] = { 8, 1, 4, 2 }, zero[4] = { 0 };
    double exactly[4] = { 0.3, 0.1, 0.3, 0.5 };
    double past[4] = { 1, 1, 1, 2 }, alone[4] = { 0, 0, 3, 0 };
    struct mls_outcome outcome = {
        .task = MLS_REGRESSION, .n = 4, .truth = truth, .prediction = zero
    };

    (void)state;
    assert_true(metric_value("median_absolute_error", &outcome) == 3);
    /* 0.1 + 0.5 is not 0.3 + 0.3 in doubles, but half of the whole it is. */
    outcome.weight = exactly;
    assert_true(metric_value("median_absolute_error", &outcome) == 3);
    outcome.weight = past;
    assert_true(metric_value("median_absolute_error", &outcome) == 2);
    outcome.weight = alone;
    assert_true(metric_value("median_absolute_error", &outcome) == 4);
    assert_true(metric_value("max_error", &outcome) == 4);
}

static void whole_weights_give_the_bits_of_repeated_rows(void **state)
{
    struct metric_case in, repeated;
    int times[100];

    (void)state;
    regression_case(&in, 10);
    for (int i = 0; i < 100; i++) {
        times[i] = i % 4;
        in.weight[i] = i % 4;
    }
    repeat_rows(&in, times, 100, &repeated);
    in.outcome.n = 100;
    in.outcome.weight = in.weight;
    for (int m = 0; mls_metrics[m]; m++) {
        double weighted;

        if (!(mls_metrics[m]->tasks & MLS_TASK_REGRESSION)
            || mls_metrics[m]->within_groups)
            continue;
        weighted = metric_value(mls_metrics[m]->name, &in.outcome);
        assert_true(
            near(weighted,
                 metric_value(mls_metrics[m]->name, &repeated.outcome)));
    }
}

static void constant_targets_score_1_or_0(void **state)
{
    double truth[3] = { 0.1, 0.1, 0.1 }, other[3] = { 0.1, 0.2, 0.1 };
    struct mls_outcome outcome = {
        .task = MLS_REGRESSION, .n = 3, .truth = truth, .prediction = truth
    };

    (void)state;
    assert_true(metric_value("explained_variance", &outcome) == 1);
    assert_true(metric_value("d2_absolute_error", &outcome) == 1);
    outcome.prediction = other;
    assert_true(metric_value("explained_variance", &outcome) == 0);
    assert_true(metric_value("d2_absolute_error", &outcome) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_of_any_numbers_equal_scikit_learns),
        cmocka_unit_test(metrics_of_positive_numbers_equal_scikit_learns),
        cmocka_unit_test(the_edges_of_the_bounds_are_inside),
        cmocka_unit_test(what_is_out_of_bounds_is_named_with_its_row),
        cmocka_unit_test(the_median_is_where_half_of_the_weight_is_reached),
        cmocka_unit_test(whole_weights_give_the_bits_of_repeated_rows),
        cmocka_unit_test(constant_targets_score_1_or_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
