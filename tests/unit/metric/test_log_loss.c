/* Log loss against scikit-learn's, clipping included. */
#include "test.h"

#include <float.h>

#include "unit/metric/cases.h"

/* log_loss(t, P), and with sample_weight=w. */
static void log_loss_equals_scikit_learns(void **state)
{
    struct metric_case in;

    (void)state;
    binary_case(&in);
    assert_true(
        near(metric_value("log_loss", &in.outcome), 0.40727731777998327));
    in.outcome.weight = in.weight;
    assert_true(
        near(metric_value("log_loss", &in.outcome), 0.3855525192007655));
    multiclass_case(&in);
    assert_true(
        near(metric_value("log_loss", &in.outcome), 0.80214570103312444));
    in.outcome.weight = in.weight;
    assert_true(
        near(metric_value("log_loss", &in.outcome), 0.80015661142826167));
}

/*
 * p = np.array([0, 1, 1e-300, 1, 0, 1 - 2**-53, .3])
 * log_loss([1, 1, 1, 0, 0, 1, 0], np.c_[1 - p, p], labels=[0, 1]), and with
 * sample_weight=[1, 2, 0, .5, 3, .1, .7]
 */
static void sure_predictions_are_clipped_as_in_scikit_learn(void **state)
{
    static const double truth[7] = { 1, 1, 1, 0, 0, 1, 0 };
    static const double weight[7] = { 1, 2, 0, .5, 3, .1, .7 };
    const double p[7] = { 0, 1, 1e-300, 1, 0, 1 - DBL_EPSILON / 2, .3 };
    double probability[14];
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 7,
                                   .classes = 2,
                                   .truth = truth,
                                   .probability = probability };

    (void)state;
    for (int i = 0; i < 7; i++) {
        probability[2 * i] = 1 - p[i];
        probability[2 * i + 1] = p[i];
    }
    assert_true(near(metric_value("log_loss", &outcome), 15.498233587327169));
    outcome.weight = weight;
    assert_true(near(metric_value("log_loss", &outcome), 7.4404318554017594));
}

/* log_loss([1, 1], [[.2, .8], [.5, .5]], labels=[0, 1]) */
static void one_class_is_fine(void **state)
{
    static const double truth[2] = { 1, 1 }, p[4] = { .2, .8, .5, .5 };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 2,
                                   .classes = 2,
                                   .truth = truth,
                                   .probability = p };

    (void)state;
    assert_true(near(metric_value("log_loss", &outcome), 0.4581453659370775));
}

static void perfect_predictions_cost_next_to_nothing(void **state)
{
    static const double truth[2] = { 0, 1 }, p[4] = { 1, 0, 0, 1 };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 2,
                                   .classes = 2,
                                   .truth = truth,
                                   .probability = p };

    (void)state;
    assert_true(metric_value("log_loss", &outcome) == -log(1 - DBL_EPSILON));
}

static void what_is_no_probability_is_an_error_with_its_row(void **state)
{
    static const double bad[3] = { NAN, -1e-9, 1.0000001 };
    struct metric_case in;
    struct mls_error err;

    (void)state;
    for (int k = 0; k < 3; k++) {
        multiclass_case(&in);
        in.probability[4 * 9 + (int)in.truth[9]] = bad[k];
        assert_int_equal(metric_failure("log_loss", &in.outcome, &err),
                         MLS_DATA);
        assert_int_equal(err.row, 10);
    }
}

/* A million rows of 0.1: adding one after the other is off by 1e-11. */
static void the_mean_of_many_equal_losses_is_that_loss(void **state)
{
    enum { ROWS = 1000000 };
    double *truth = calloc(ROWS, sizeof(*truth));
    double *p = calloc(2 * ROWS, sizeof(*p));
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = ROWS,
                                   .classes = 2,
                                   .truth = truth,
                                   .probability = p };

    (void)state;
    assert_true(truth && p);
    for (int i = 0; i < ROWS; i++)
        p[2 * i] = 0.9;
    assert_true(fabs(metric_value("log_loss", &outcome) + log(0.9)) < 1e-16);
    free(truth);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_loss_equals_scikit_learns),
        cmocka_unit_test(sure_predictions_are_clipped_as_in_scikit_learn),
        cmocka_unit_test(one_class_is_fine),
        cmocka_unit_test(perfect_predictions_cost_next_to_nothing),
        cmocka_unit_test(what_is_no_probability_is_an_error_with_its_row),
        cmocka_unit_test(the_mean_of_many_equal_losses_is_that_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
