/* Metrics of predicted numbers against scikit-learn's and exact arithmetic. */
#include "test.h"

#include "unit/metric/cases.h"

struct expected {
    const char *name;
    double plain, weighted;
};

static void check_against(struct metric_case *in, const struct expected *rows,
                          int count)
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

/* root_mean_squared_error(t, p, sample_weight=w), mean_absolute_error,
 * mean_squared_error, r2_score, with and without weights. */
static void regression_metrics_equal_scikit_learns(void **state)
{
    static const struct expected rows[] = {
        { "rmse", 0.42385138905045477, 0.42280074386373212 },
        { "mae", 0.39949999999999997, 0.39798994974874374 },
        { "mse", 0.17964999999999998, 0.17876046901172524 },
        { "r2", 0.98970273917010887, 0.98972156514609488 },
    };
    struct metric_case in;

    (void)state;
    regression_case(&in, 0);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* The same on numbers around 1e9; the two values of r2 are also what Python's
 * fractions.Fraction gives, rounded once. */
static void a_large_mean_costs_no_digits(void **state)
{
    static const struct expected rows[] = {
        { "rmse", 0.42385139265049032, 0.42280074794423855 },
        { "mae", 0.39950000345706937, 0.3979899531832492 },
        { "mse", 0.17965000305176013, 0.17876047246220753 },
        { "r2", 0.98970273899850436, 0.98972156494772778 },
    };
    struct metric_case in;

    (void)state;
    regression_case(&in, 1e9);
    check_against(&in, rows, sizeof(rows) / sizeof(rows[0]));
}

/* r2_score(i/3, -i/3) */
/*
 * Next to 1e16 doubles are 2 apart and the mean of these, 1e16 + 4/3, is none.
 * By hand: 1 - (0 + 4 + 4) / (16/9 + 4/9 + 4/9) = -2; from the rounded mean
 * alone it would be -1.
 */
static void the_rounding_of_the_mean_is_made_good(void **state)
{
    static const double truth[3] = { 1e16, 1e16 + 2, 1e16 + 2 };
    static const double same[3] = { 1e16, 1e16, 1e16 };
    struct mls_outcome outcome = {
        .task = MLS_REGRESSION, .n = 3, .truth = truth, .prediction = same
    };

    (void)state;
    assert_true(near(metric_value("r2", &outcome), -2));
}

static void r2_is_negative_when_worse_than_the_mean(void **state)
{
    struct metric_case in;

    (void)state;
    start_case(&in, MLS_REGRESSION, 0);
    for (int i = 0; i < CASE_ROWS; i++) {
        in.truth[i] = i / 3.0;
        in.prediction[i] = -i / 3.0;
    }
    assert_true(near(metric_value("r2", &in.outcome), -14.880597014925373));
}

static void perfect_predictions_have_no_error(void **state)
{
    struct metric_case in;

    (void)state;
    regression_case(&in, 1e9);
    in.outcome.prediction = in.truth;
    in.outcome.weight = in.weight;
    assert_true(metric_value("rmse", &in.outcome) == 0);
    assert_true(metric_value("mae", &in.outcome) == 0);
    assert_true(metric_value("mse", &in.outcome) == 0);
    assert_true(metric_value("r2", &in.outcome) == 1);
}

/* r2_score([-2]*10, ...) is 1.0 and 0.0.  With 0.1 and weights, the mean is not
 * exactly 0.1, and scikit-learn takes it for no constant (-5.19e31). */
static void r2_of_a_constant_is_1_when_perfect_and_else_0(void **state)
{
    struct metric_case in;

    (void)state;
    for (int k = -100; k <= 100; k++) {
        start_case(&in, MLS_REGRESSION, 0);
        in.outcome.weight = in.weight;
        for (int i = 0; i < CASE_ROWS; i++)
            in.truth[i] = in.prediction[i] = k / 10.0;
        assert_true(metric_value("r2", &in.outcome) == 1);
        in.prediction[4] += 1e-8;
        assert_true(metric_value("r2", &in.outcome) == 0);
        /* A row of weight 0 makes it no less constant. */
        assert_true(in.weight[7] == 0);
        in.truth[7] = 5;
        assert_true(metric_value("r2", &in.outcome) == 0);
    }
}

/* The weighted mean of four times 0.9 is rounded here, so that the sum around
 * it is 7e-49 and not 0; the last row, of weight 0, does not count. */
static void a_constant_is_known_by_its_values_and_not_by_their_sum(void **state)
{
    static const double truth[5] = { 0.9, 0.9, 0.9, 0.9, 7 };
    static const double prediction[5] = { 0.9, 1, 0.9, 0.9, 7 };
    static const double weight[5] = { 3 / 46.0, 5 / 46.0, 7 / 46.0, 2 / 46.0,
                                      0 };
    struct mls_outcome outcome = { .task = MLS_REGRESSION,
                                   .n = 5,
                                   .truth = truth,
                                   .prediction = prediction,
                                   .weight = weight };

    (void)state;
    assert_true(metric_value("r2", &outcome) == 0);
    outcome.prediction = truth;
    assert_true(metric_value("r2", &outcome) == 1);
}

static void r2_of_one_row_is_undefined(void **state)
{
    struct metric_case in;
    struct mls_error err;

    (void)state;
    regression_case(&in, 0);
    in.outcome.n = 1;
    assert_int_equal(metric_failure("r2", &in.outcome, &err), MLS_DATA);
    assert_string_equal(err.what, "r2 is undefined: it takes at least 2 rows, "
                                  "and there is 1");
    /* Row 1 has weight 0, row 2 counts. */
    in.outcome.n = 2;
    assert_int_equal(metric_failure("r2", &in.outcome, &err), MLS_OK);
    in.outcome.weight = in.weight;
    assert_int_equal(metric_failure("r2", &in.outcome, &err), MLS_DATA);
    assert_true(near(metric_value("mae", &in.outcome), 0.5));
}

static void what_is_not_finite_is_an_error_with_its_row(void **state)
{
    static const char *const names[4] = { "rmse", "mae", "mse", "r2" };
    struct metric_case in;
    struct mls_error err;

    (void)state;
    for (int m = 0; m < 4; m++) {
        regression_case(&in, 0);
        in.prediction[3] = NAN;
        assert_int_equal(metric_failure(names[m], &in.outcome, &err), MLS_DATA);
        assert_int_equal(err.row, 4);
        assert_non_null(strstr(err.what, "prediction"));
        in.truth[2] = INFINITY;
        assert_int_equal(metric_failure(names[m], &in.outcome, &err), MLS_DATA);
        assert_int_equal(err.row, 3);
        assert_non_null(strstr(err.what, "target"));
    }
}

static void squares_past_the_largest_double_are_an_error(void **state)
{
    static const char *const names[3] = { "rmse", "mse", "r2" };
    struct metric_case in;
    struct mls_error err;

    (void)state;
    regression_case(&in, 0);
    in.prediction[3] = 1e200;
    for (int m = 0; m < 3; m++) {
        assert_int_equal(metric_failure(names[m], &in.outcome, &err), MLS_DATA);
        assert_non_null(strstr(err.what, "largest double"));
    }
    assert_true(metric_value("mae", &in.outcome) == 1e200 / CASE_ROWS);
}

/* 1e16 beside ones: a plain sum in this order loses every one of them. */
static void small_errors_beside_a_huge_one_are_not_lost(void **state)
{
    struct metric_case in;

    (void)state;
    start_case(&in, MLS_REGRESSION, 0);
    for (int i = 0; i < CASE_ROWS; i++) {
        in.truth[i] = 0;
        in.prediction[i] = i == 0 ? 1e16 : 1;
    }
    assert_true(metric_value("mae", &in.outcome)
                == (1e16 + (CASE_ROWS - 1)) / CASE_ROWS);
    assert_true(1e16 + 1 == 1e16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regression_metrics_equal_scikit_learns),
        cmocka_unit_test(a_large_mean_costs_no_digits),
        cmocka_unit_test(the_rounding_of_the_mean_is_made_good),
        cmocka_unit_test(r2_is_negative_when_worse_than_the_mean),
        cmocka_unit_test(perfect_predictions_have_no_error),
        cmocka_unit_test(r2_of_a_constant_is_1_when_perfect_and_else_0),
        cmocka_unit_test(
            a_constant_is_known_by_its_values_and_not_by_their_sum),
        cmocka_unit_test(r2_of_one_row_is_undefined),
        cmocka_unit_test(what_is_not_finite_is_an_error_with_its_row),
        cmocka_unit_test(squares_past_the_largest_double_are_an_error),
        cmocka_unit_test(small_errors_beside_a_huge_one_are_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
