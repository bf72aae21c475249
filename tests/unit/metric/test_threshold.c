/* The best threshold against trying every one. */
#include "test.h"

#include "base/memory.h"
#include "unit/metric/cases.h"

/* What the metric is when rows are positive from a threshold on. */
static double at_threshold(const struct metric_case *in, const char *name,
                           double threshold)
{
    struct mls_outcome outcome = in->outcome;
    double said[CASE_ROWS];

    for (int i = 0; i < CASE_ROWS; i++)
        said[i] = in->probability[2 * i + 1] >= threshold;
    outcome.prediction = said;
    return metric_value(name, &outcome);
}

/* The best over all rows' probabilities. */
static double best_by_trying(const struct metric_case *in, const char *name,
                             bool larger)
{
    double best = NAN;

    for (int i = 0; i < CASE_ROWS; i++) {
        double value = at_threshold(in, name, in->probability[2 * i + 1]);

        if (isnan(best) || (larger ? value > best : value < best))
            best = value;
    }
    return best;
}

static void the_best_is_that_of_trying_all_for_every_metric(void **state)
{
    struct metric_case in;
    struct mls_error err;
    double threshold, value;
    int tried = 0;

    (void)state;
    binary_case(&in);
    for (int m = 0; mls_metrics[m]; m++) {
        const struct mls_metric_type *metric = mls_metrics[m];

        if (!(metric->tasks & MLS_TASK_BINARY)
            || metric->needs != MLS_NEEDS_PREDICTION)
            continue;
        for (int weighted = 0; weighted < 2; weighted++, tried++) {
            in.outcome.weight = weighted ? in.weight : NULL;
            assert_true(mls_best_threshold(&in.outcome, metric, &threshold,
                                           &value, &err));
            assert_true(near(value, best_by_trying(&in, metric->name, true)));
            assert_true(
                near(value, at_threshold(&in, metric->name, threshold)));
        }
    }
    assert_true(tried >= 20);
}

/* max(f1_score(t, s >= c) for c in np.unique(s)), between 0.6 and 0.65. */
static void the_best_f1_is_numpys(void **state)
{
    struct metric_case in;
    struct mls_error err;
    double threshold, value;

    (void)state;
    binary_case(&in);
    assert_true(mls_best_threshold(&in.outcome,
                                   mls_metric_find("f1", MLS_BINARY, &err),
                                   &threshold, &value, &err));
    assert_true(near(value, 0.6153846153846154));
    assert_true(near(threshold, 0.625));
}

/* Truth 1, 0, 1, 0 from the highest probability down: parting after the first
 * and after the third row both make 3 of 4 right. */
static double best_of_two(double a, double b, double c, double d)
{
    double truth[4] = { 1, 0, 1, 0 };
    double p[8] = { 1 - a, a, 1 - b, b, 1 - c, c, 1 - d, d };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 4,
                                   .classes = 2,
                                   .truth = truth,
                                   .prediction = truth,
                                   .probability = p };
    struct mls_error err;
    double threshold, value;

    assert_true(
        mls_best_threshold(&outcome,
                           mls_metric_find("accuracy", MLS_BINARY, &err),
                           &threshold, &value, &err));
    assert_true(value == 0.75);
    return threshold;
}

static void of_equal_thresholds_the_nearest_to_one_half_is_taken(void **state)
{
    (void)state;
    assert_true(best_of_two(0.875, 0.5, 0.25, 0.125) == 0.6875);
    assert_true(best_of_two(0.875, 0.75, 0.5, 0.25) == 0.375);
    assert_true(best_of_two(0.875, 0.625, 0.375, 0.125) == 0.25);
}

static void neighbouring_doubles_are_parted(void **state)
{
    double high = 0.5, low = nextafter(0.5, 0);
    double truth[2] = { 1, 0 }, p[4] = { 1 - high, high, 1 - low, low };
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = 2,
                                   .classes = 2,
                                   .truth = truth,
                                   .prediction = truth,
                                   .probability = p };
    struct mls_error err;
    double threshold, value;

    (void)state;
    assert_true(
        mls_best_threshold(&outcome,
                           mls_metric_find("accuracy", MLS_BINARY, &err),
                           &threshold, &value, &err));
    assert_true(value == 1);
    assert_true(threshold > low && threshold <= high);
}

static void what_has_no_threshold_is_an_error(void **state)
{
    struct metric_case in;
    struct mls_error err;
    double threshold, value;
    const struct mls_metric_type *f1 = mls_metric_find("f1", 0, &err);

    (void)state;
    multiclass_case(&in);
    assert_false(
        mls_best_threshold(&in.outcome, f1, &threshold, &value, &err));
    assert_int_equal(err.code, MLS_USAGE);
    binary_case(&in);
    assert_false(mls_best_threshold(&in.outcome,
                                    mls_metric_find("roc_auc", 0, &err),
                                    &threshold, &value, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "roc_auc"));
    for (int i = 0; i < CASE_ROWS; i++) {
        in.truth[i] = 1;
        in.probability[2 * i + 1] = 0.5;
    }
    assert_false(mls_best_threshold(&in.outcome,
                                    mls_metric_find("cohen_kappa", 0, &err),
                                    &threshold, &value, &err));
    assert_int_equal(err.code, MLS_DATA);
}

static void each_failed_allocation_leaves_nothing_behind(void **state)
{
    struct metric_case in;
    struct mls_error err;
    const struct mls_metric_type *f1 = mls_metric_find("f1", 0, &err);
    double threshold, value;
    int64_t failed = 0;
    bool ok;

    (void)state;
    binary_case(&in);
    do {
        mls_memory_fail_at(++failed);
        ok = mls_best_threshold(&in.outcome, f1, &threshold, &value, &err);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        assert_int_equal(mls_memory_live(), 0);
    } while (!ok);
    assert_true(failed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_is_that_of_trying_all_for_every_metric),
        cmocka_unit_test(the_best_f1_is_numpys),
        cmocka_unit_test(of_equal_thresholds_the_nearest_to_one_half_is_taken),
        cmocka_unit_test(neighbouring_doubles_are_parted),
        cmocka_unit_test(what_has_no_threshold_is_an_error),
        cmocka_unit_test(each_failed_allocation_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
