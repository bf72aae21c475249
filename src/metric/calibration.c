/*
 * How far probabilities are from the shares that come true.  Rows are put into
 * 15 bins of equal width by a probability p, and
 *
 *   calibration_error = sum over bins of |sum of w p - sum of w came|
 *                       / sum of w
 *
 * which is the mean distance of probability and share, each bin weighted by
 * its rows.  Binary tasks take p of the positive class, and whether the row is
 * of it; multiclass tasks p of the likeliest class (the first, when several
 * are), and whether the row is of that class.  scikit-learn has no such metric.
 *
 * Naeini, Cooper & Hauskrecht (2015), AAAI, 2901-2907; 15 bins and the
 * likeliest class: Guo, Pleiss, Sun & Weinberger (2017), ICML, 1321-1330.
 */
#include "metric/bins.h"
#include "metric/metrics.h"
#include "metric/outcome.h"

static int judged_class(const struct mls_outcome *outcome, int64_t row)
{
    const double *p = outcome->probability + row * outcome->classes;
    int best = 0;

    if (outcome->task == MLS_BINARY)
        return 1;
    for (int c = 1; c < outcome->classes; c++)
        if (p[c] > p[best])
            best = c;
    return best;
}

static bool calibration_error(const struct mls_outcome *outcome, double *value,
                              struct mls_error *err)
{
    struct mls_bin bins[MLS_BINS] = { 0 };
    struct mls_sum sum = { 0 };
    double total;

    if (!mls_outcome_total(outcome, "calibration_error", &total, err)
        || !mls_outcome_probabilities(outcome, "calibration_error", err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++) {
        int c = judged_class(outcome, i);

        mls_bins_add(bins, outcome->probability[i * outcome->classes + c],
                     outcome->truth[i] == c, mls_outcome_weight(outcome, i));
    }
    for (int b = 0; b < MLS_BINS; b++)
        mls_sum_add(&sum, fabs(mls_sum_value(&bins[b].said)
                               - mls_sum_value(&bins[b].came)));
    *value = mls_sum_value(&sum) / total;
    return true;
}

const struct mls_metric_type mls_metric_calibration_error = {
    .name = "calibration_error",
    .title = "mean distance of probabilities from the shares that come true",
    .source = "15 bins of equal width, of the positive or the likeliest class; "
              "Guo et al. (2017), ICML, 1321-1330",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = calibration_error,
};
