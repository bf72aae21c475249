/*
 * The weighted mean of -log of the probability given to the true class,
 * clipped to [eps, 1 - eps] with eps = 2^-52, as scikit-learn 1.9 does: a sure
 * and wrong prediction costs 36.04, not infinity.  Probabilities are not
 * divided by their sum after the clipping; for those that sum to 1 it would
 * change the last bits at most.
 *
 * Good (1952), Rational decisions, JRSS B 14(1), 107-114.
 */
#include <float.h>
#include <math.h>

#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

static double clip(double p)
{
    return p < DBL_EPSILON       ? DBL_EPSILON
           : p > 1 - DBL_EPSILON ? 1 - DBL_EPSILON
                                 : p;
}

static bool fail_probability(double p, int64_t row, struct mls_error *err)
{
    mls_fail(err, MLS_DATA,
             "log_loss is undefined: probability %.17g is not "
             "in [0, 1]",
             p);
    return mls_fail_at(err, NULL, 0, row + 1, NULL);
}

static bool log_loss(const struct mls_outcome *outcome, double *value,
                     struct mls_error *err)
{
    struct mls_sum loss = { 0 };
    double total;

    if (!mls_outcome_total(outcome, "log_loss", &total, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++) {
        int64_t truth = mls_outcome_code(outcome, outcome->truth[i]);
        double p = outcome->probability[i * outcome->classes + truth];

        if (!(p >= 0 && p <= 1))
            return fail_probability(p, i, err);
        mls_sum_add(&loss, mls_outcome_weight(outcome, i) * -log(clip(p)));
    }
    *value = mls_sum_value(&loss) / total;
    return true;
}

const struct mls_metric_type mls_metric_log_loss = {
    .name = "log_loss",
    .title = "mean of -log of the true class's probability",
    .source = "sum of w (-log p) / sum of w, p in [2^-52, 1 - 2^-52]; "
              "Good (1952), JRSS B 14(1), 107-114",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = false,
    .in_report = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = log_loss,
};
