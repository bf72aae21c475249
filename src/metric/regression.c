/*
 * Metrics of predicted numbers, with d = truth - prediction and sums over rows
 * with weights w:
 *
 *   mse    sum of w d^2 / sum of w        rmse   its root
 *   mae    sum of w |d| / sum of w
 *   r2     1 - sum of w d^2 / sum of w (truth - mean)^2
 *   explained_variance    the same with d less its mean
 *
 * The second sum of r2 takes two passes, the mean first, and subtracts what
 * the rounding of the mean adds (Chan, Golub & LeVeque 1983, American
 * Statistician 37, 242-247), so that a large mean costs no digits.
 *
 * When the truth is constant, r2 would divide by 0: it is then 1 for perfect
 * predictions and 0 for any other, as in scikit-learn (force_finite=True).
 * Whether it is constant is asked of the values, not of the sum: the weighted
 * mean of equal values may be rounded, and the ratio would be about -1e31.
 */
#include <math.h>

#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

static double weighted_squares(const struct mls_outcome *outcome)
{
    struct mls_sum sum = { 0 };

    for (int64_t i = 0; i < outcome->n; i++) {
        double d = outcome->truth[i] - outcome->prediction[i];

        mls_sum_add(&sum, mls_outcome_weight(outcome, i) * (d * d));
    }
    return mls_sum_value(&sum);
}

static bool mean_square(const struct mls_outcome *outcome, const char *name,
                        double *value, struct mls_error *err)
{
    double total;

    if (!mls_outcome_total(outcome, name, &total, err)
        || !mls_outcome_finite(outcome, name, err))
        return false;
    *value = weighted_squares(outcome) / total;
    return mls_outcome_in_range(*value, name, err);
}

static bool mse(const struct mls_outcome *outcome, double *value,
                struct mls_error *err)
{
    return mean_square(outcome, "mse", value, err);
}

static bool rmse(const struct mls_outcome *outcome, double *value,
                 struct mls_error *err)
{
    if (!mean_square(outcome, "rmse", value, err))
        return false;
    *value = sqrt(*value);
    return true;
}

static bool mae(const struct mls_outcome *outcome, double *value,
                struct mls_error *err)
{
    struct mls_sum sum = { 0 };
    double total;

    if (!mls_outcome_total(outcome, "mae", &total, err)
        || !mls_outcome_finite(outcome, "mae", err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        mls_sum_add(&sum,
                    mls_outcome_weight(outcome, i)
                        * fabs(outcome->truth[i] - outcome->prediction[i]));
    *value = mls_sum_value(&sum) / total;
    return mls_outcome_in_range(*value, "mae", err);
}

/* Sum of w (x - mean)^2; 0 when x is constant.  x holds n values. */
static double spread(const struct mls_outcome *outcome, const double *x,
                     double total)
{
    struct mls_sum sum = { 0 }, squares = { 0 }, rest = { 0 };
    double low = INFINITY, high = -INFINITY, mean, drift;

    for (int64_t i = 0; i < outcome->n; i++) {
        double weight = mls_outcome_weight(outcome, i);

        if (weight == 0)
            continue;
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        mls_sum_add(&sum, weight * x[i]);
    }
    if (low == high)
        return 0;
    mean = mls_sum_value(&sum) / total;
    for (int64_t i = 0; i < outcome->n; i++) {
        double d = x[i] - mean;
        double weight = mls_outcome_weight(outcome, i);

        mls_sum_add(&squares, weight * (d * d));
        mls_sum_add(&rest, weight * d);
    }
    drift = mls_sum_value(&rest);
    return mls_sum_value(&squares) - drift * drift / total;
}

static bool check_two_rows(const struct mls_outcome *outcome,
                           const char *name, struct mls_error *err)
{
    int64_t rows = 0;

    for (int64_t i = 0; i < outcome->n; i++)
        rows += mls_outcome_weight(outcome, i) > 0;
    return rows > 1
           || mls_fail(err, MLS_DATA,
                       "%s is undefined: it takes at least 2 rows, and there "
                       "is 1",
                       name);
}

/* The share of whole that errors leave. */
static bool explained(double errors, double whole, const char *name,
                      double *value, struct mls_error *err)
{
    if (whole > 0)
        *value = 1 - errors / whole;
    else
        *value = errors == 0 ? 1 : 0;
    return mls_outcome_in_range(errors, name, err)
           && mls_outcome_in_range(whole, name, err)
           && mls_outcome_in_range(*value, name, err);
}

static bool r2(const struct mls_outcome *outcome, double *value,
               struct mls_error *err)
{
    double total;

    return mls_outcome_total(outcome, "r2", &total, err)
           && mls_outcome_finite(outcome, "r2", err)
           && check_two_rows(outcome, "r2", err)
           && explained(weighted_squares(outcome),
                        spread(outcome, outcome->truth, total), "r2", value,
                        err);
}

static bool explained_variance(const struct mls_outcome *outcome,
                               double *value, struct mls_error *err)
{
    static const char name[] = "explained_variance";
    double total, *left;
    bool ok;

    if (!mls_outcome_total(outcome, name, &total, err)
        || !mls_outcome_finite(outcome, name, err)
        || !check_two_rows(outcome, name, err))
        return false;
    left = mls_new_array(outcome->n, sizeof(*left), err);
    if (!left)
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        left[i] = outcome->truth[i] - outcome->prediction[i];
    ok = explained(spread(outcome, left, total),
                   spread(outcome, outcome->truth, total), name, value, err);
    mls_free(left);
    return ok;
}

const struct mls_metric_type mls_metric_rmse = {
    .name = "rmse",
    .title = "root mean squared error",
    .source = "sqrt(sum of w (truth - prediction)^2 / sum of w)",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = rmse,
};

const struct mls_metric_type mls_metric_mae = {
    .name = "mae",
    .title = "mean absolute error",
    .source = "sum of w |truth - prediction| / sum of w",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = mae,
};

const struct mls_metric_type mls_metric_mse = {
    .name = "mse",
    .title = "mean squared error",
    .source = "sum of w (truth - prediction)^2 / sum of w",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = mse,
};

const struct mls_metric_type mls_metric_r2 = {
    .name = "r2",
    .title = "share of the target's variance explained",
    .source = "1 - sum of w (truth - prediction)^2 / "
              "sum of w (truth - mean)^2",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = true,
    .in_report = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = r2,
};

const struct mls_metric_type mls_metric_explained_variance = {
    .name = "explained_variance",
    .title = "r2 of predictions freed of their mean error",
    .source = "1 - variance of (truth - prediction) / variance of truth, "
              "weighted",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = explained_variance,
};
