/*
 * The weighted mean of squared differences between the probabilities and what
 * came true.  Binary tasks take that of the positive class; multiclass tasks
 * the sum over all classes, so that a sure and wrong prediction costs 1 in the
 * one and 2 in the other, as in scikit-learn (scale_by_half="auto").
 *
 * Brier (1950), Monthly Weather Review 78(1), 1-3.
 */
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

static double row_score(const struct mls_outcome *outcome, int64_t row)
{
    const double *p = outcome->probability + row * outcome->classes;
    double sum = 0;

    for (int c = outcome->task == MLS_BINARY; c < outcome->classes; c++) {
        double d = (outcome->truth[row] == c) - p[c];

        sum += d * d;
    }
    return sum;
}

static bool brier_score(const struct mls_outcome *outcome, double *value,
                        struct mls_error *err)
{
    struct mls_sum sum = { 0 };
    double total;

    if (!mls_outcome_total(outcome, "brier_score", &total, err)
        || !mls_outcome_probabilities(outcome, "brier_score", err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        mls_sum_add(&sum,
                    mls_outcome_weight(outcome, i) * row_score(outcome, i));
    *value = mls_sum_value(&sum) / total;
    return true;
}

const struct mls_metric_type mls_metric_brier_score = {
    .name = "brier_score",
    .title = "mean squared error of the probabilities",
    .source = "Brier (1950), Monthly Weather Review 78(1), 1-3",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = brier_score,
};
