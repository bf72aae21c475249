/*
 * The area under the precision-recall curve as a sum of steps: each score, from
 * the highest down, adds the precision of the rows down to it times the recall
 * its positive rows add.  The trapezoids of that curve would be too good
 * (Davis & Goadrich 2006, ICML, 233-240).
 */
#include "base/memory.h"
#include "metric/cuts.h"
#include "metric/metrics.h"
#include "metric/one_vs_rest.h"
#include "metric/sum.h"

static double steps(const struct mls_cut *cuts, int64_t count)
{
    struct mls_sum sum = { 0 };
    double before = 0;

    for (int64_t i = 0; i < count; i++) {
        double hits = cuts[i].hits;

        mls_sum_add(&sum, (hits - before) * (hits / (hits + cuts[i].alarms)));
        before = hits;
    }
    return mls_sum_value(&sum) / before;
}

static bool of_two_classes(const double *truth, const double *score,
                           const double *weight, int64_t n, double *value,
                           struct mls_error *err)
{
    struct mls_cut *cuts;
    int64_t count;
    bool ok = mls_cuts(truth, score, weight, n, "average_precision", &cuts,
                       &count, err);

    if (ok && (count == 0 || cuts[count - 1].hits == 0))
        ok = mls_fail(err, MLS_DATA, "average_precision is undefined: no row "
                                     "is of the positive class");
    if (ok)
        *value = steps(cuts, count);
    mls_free(cuts);
    return ok;
}

static bool average_precision(const struct mls_outcome *outcome, double *value,
                              struct mls_error *err)
{
    return mls_one_vs_rest(outcome, "average_precision", of_two_classes, false,
                           value, err);
}

const struct mls_metric_type mls_metric_average_precision = {
    .name = "average_precision",
    .title = "area under the precision-recall curve, in steps",
    .source = "sum of (R_i - R_(i-1)) P_i from the highest score down; Davis & "
              "Goadrich (2006), ICML, 233-240",
    .tasks = MLS_TASK_CLASSIFICATION | MLS_TASK_ANOMALY,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = average_precision,
};
