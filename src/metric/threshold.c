/*
 * A metric of predicted classes knows no more of binary rows than four sums of
 * weights: predicted positive and so, positive but not predicted, and so on.
 * So each cut of cuts.h is judged on a table of four rows that have these
 * weights, whatever the metric is, in the time of one sort.
 */
#include <math.h>

#include "base/memory.h"
#include "metric/cuts.h"
#include "metric/metrics.h"
#include "metric/one_vs_rest.h"
#include "metric/outcome.h"

bool mls_metric_has_threshold(const struct mls_metric_type *metric,
                              enum mls_task task, struct mls_error *err)
{
    if (task != 0 && task != MLS_BINARY) {
        mls_fail(err, MLS_USAGE, "a threshold is for two classes");
        return mls_fail_fix(err, "leave it out, or make the target binary");
    }
    if ((metric->tasks & MLS_TASK_BINARY)
        && metric->needs == MLS_NEEDS_PREDICTION)
        return true;
    mls_fail(err, MLS_USAGE, "no threshold is best for %s: it does not measure "
                             "predicted classes",
             metric->name);
    return mls_fail_fix(err, "choose another metric, such as f1 or accuracy");
}

/* The metric when the rows at or above the cut are predicted positive; NaN
 * when it is undefined then. */
static bool judge(const struct mls_cut *cut, const struct mls_cut *all,
                  const struct mls_metric_type *metric, double *value,
                  struct mls_error *err)
{
    static const double truth[4] = { 1, 0, 1, 0 }, said[4] = { 1, 1, 0, 0 };
    const double weight[4] = { cut->hits, cut->alarms, all->hits - cut->hits,
                               all->alarms - cut->alarms };
    struct mls_outcome four = { .task = MLS_BINARY,
                                .n = 4,
                                .classes = 2,
                                .truth = truth,
                                .prediction = said,
                                .weight = weight };
    struct mls_error own = { 0 };

    if (metric->compute(&four, value, &own))
        return true;
    *value = NAN;
    if (own.code == MLS_DATA)
        return true;
    *err = own;
    return false;
}

/* Midway between the cut and the score below it (0 below the lowest). */
static double midway(const struct mls_cut *cuts, int64_t count, int64_t i)
{
    double low = i + 1 < count ? cuts[i + 1].threshold : 0;
    double middle = low / 2 + cuts[i].threshold / 2;

    return middle > low ? middle : cuts[i].threshold;
}

static bool better(double value, double threshold, double best_value,
                   double best, bool larger)
{
    double near = fabs(threshold - 0.5), best_near = fabs(best - 0.5);

    if (isnan(value) || isnan(best_value))
        return !isnan(value);
    if (value != best_value)
        return larger ? value > best_value : value < best_value;
    return near < best_near || (near == best_near && threshold < best);
}

static bool choose(const struct mls_cut *cuts, int64_t count,
                   const struct mls_metric_type *metric, double *threshold,
                   double *value, struct mls_error *err)
{
    *value = *threshold = NAN;
    for (int64_t i = 0; i < count; i++) {
        double at = midway(cuts, count, i), here;

        if (!judge(&cuts[i], &cuts[count - 1], metric, &here, err))
            return false;
        if (better(here, at, *value, *threshold, metric->larger_is_better)) {
            *value = here;
            *threshold = at;
        }
    }
    return !isnan(*value)
           || mls_fail(err, MLS_DATA, "%s is undefined at every threshold",
                       metric->name);
}

bool mls_best_threshold(const struct mls_outcome *outcome,
                        const struct mls_metric_type *metric,
                        double *threshold, double *value,
                        struct mls_error *err)
{
    double *truth = NULL, *score = NULL, total;
    struct mls_cut *cuts = NULL;
    int64_t count;
    bool ok;

    if (!mls_metric_has_threshold(metric, outcome->task, err)
        || !mls_outcome_total(outcome, metric->name, &total, err)
        || !mls_outcome_probabilities(outcome, metric->name, err))
        return false;
    truth = mls_new_array(outcome->n, sizeof(*truth), err);
    score = mls_new_array(outcome->n, sizeof(*score), err);
    ok = truth && score;
    if (ok) {
        mls_one_class(outcome, 1, truth, score);
        ok = mls_cuts(truth, score, outcome->weight, outcome->n, metric->name,
                      &cuts, &count, err)
             && choose(cuts, count, metric, threshold, value, err);
    }
    mls_free(cuts);
    mls_free(truth);
    mls_free(score);
    return ok;
}
