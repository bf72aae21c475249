/*
 * Rows are sorted by score once.  Going up, each run of equal scores holds p
 * positive and q negative rows; with b negative rows below the run, its
 * positives win p b pairs and tie p q.  Counted in halves, so that a tie is
 * one and a win two:
 *
 *   halves = sum over runs of p (2 b + q),   area = halves / (2 P N)
 *
 * Without weights all of these are integers and the area is rounded once, so
 * it equals the naive count over all pairs to the last bit; the trapezoids of
 * the curve would round at each step.  With weights p, q and b are compensated
 * sums, and whole-number weights give the bits of repeated rows.
 *
 * Multiclass: the plain mean over classes of the area of one class against the
 * rest; roc_auc_weighted weights it by the share of the class (Provost &
 * Domingos 2000, NYU working paper IS-00-04).
 */
#include "metric/roc_auc.h"

#include <math.h>

#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/one_vs_rest.h"
#include "metric/sum.h"
#include "stats/summary.h"

/* Below this many rows 2 P N fits into 64 bits. */
#define EXACT_ROWS (INT64_C(1) << 32)

static bool fail_one_class(struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "roc_auc is undefined: all rows are of one class");
    return mls_fail_fix(err, "use rows of both classes, or another metric, "
                             "such as log_loss");
}

static int64_t run_end(const double *score, const int64_t *order, int64_t n,
                       int64_t first)
{
    int64_t end = first + 1;

    while (end < n && score[order[end]] == score[order[first]])
        end++;
    return end;
}

static bool exact_area(const double *truth, const double *score,
                       const int64_t *order, int64_t n, double *auc)
{
    uint64_t halves = 0, below = 0, positive = 0;
    int64_t end;

    for (int64_t first = 0; first < n; first = end) {
        uint64_t wins = 0, losses;

        end = run_end(score, order, n, first);
        for (int64_t i = first; i < end; i++)
            wins += truth[order[i]] == 1;
        losses = (uint64_t)(end - first) - wins;
        halves += wins * (2 * below + losses);
        below += losses;
        positive += wins;
    }
    if (positive == 0 || below == 0)
        return false;
    *auc = (double)halves / (double)(2 * positive * below);
    return true;
}

static bool weighted_area(const double *truth, const double *score,
                          const double *weight, const int64_t *order, int64_t n,
                          double *auc)
{
    struct mls_sum halves = { 0 }, below = { 0 }, positive = { 0 };
    double area, pairs;
    int64_t end;

    for (int64_t first = 0; first < n; first = end) {
        struct mls_sum wins = { 0 }, losses = { 0 };

        end = run_end(score, order, n, first);
        for (int64_t i = first; i < end; i++)
            mls_sum_add(truth[order[i]] == 1 ? &wins : &losses,
                        weight ? weight[order[i]] : 1);
        mls_sum_add(&halves,
                    mls_sum_value(&wins)
                        * (2 * mls_sum_value(&below) + mls_sum_value(&losses)));
        mls_sum_add(&below, mls_sum_value(&losses));
        mls_sum_add(&positive, mls_sum_value(&wins));
    }
    pairs = 2 * mls_sum_value(&positive) * mls_sum_value(&below);
    if (pairs == 0)
        return false;
    area = mls_sum_value(&halves) / pairs;
    *auc = area > 1 ? 1 : area; /* rounding of the two may differ */
    return true;
}

bool mls_metric_auc(const double *truth, const double *score,
                    const double *weight, int64_t n, double *auc,
                    struct mls_error *err)
{
    int64_t *order;
    bool ok;

    for (int64_t i = 0; i < n; i++)
        if (isnan(score[i])) {
            mls_fail(err, MLS_DATA,
                     "roc_auc is undefined: a score is not a "
                     "number");
            return mls_fail_at(err, NULL, 0, i + 1, NULL);
        }
    order = mls_new_array(n, sizeof(*order), err);
    ok = order && mls_order_reals(score, n, order, err);
    if (ok) {
        bool defined = weight || n >= EXACT_ROWS
                           ? weighted_area(truth, score, weight, order, n, auc)
                           : exact_area(truth, score, order, n, auc);

        ok = defined || fail_one_class(err);
    }
    mls_free(order);
    return ok;
}

static bool roc_auc(const struct mls_outcome *outcome, double *value,
                    struct mls_error *err)
{
    return mls_one_vs_rest(outcome, "roc_auc", mls_metric_auc, false, value,
                           err);
}

static bool roc_auc_weighted(const struct mls_outcome *outcome, double *value,
                             struct mls_error *err)
{
    return mls_one_vs_rest(outcome, "roc_auc_weighted", mls_metric_auc, true,
                           value, err);
}

const struct mls_metric_type mls_metric_roc_auc = {
    .name = "roc_auc",
    .title = "area under the ROC curve",
    .source = "Hanley & McNeil (1982), Radiology 143, 29-36",
    .tasks = MLS_TASK_CLASSIFICATION | MLS_TASK_ANOMALY,
    .larger_is_better = true,
    .in_report = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = roc_auc,
};

const struct mls_metric_type mls_metric_roc_auc_weighted = {
    .name = "roc_auc_weighted",
    .title = "roc_auc of each class, weighted by its rows",
    .source = "Provost & Domingos (2000), NYU working paper IS-00-04",
    .tasks = MLS_TASK_MULTICLASS,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = roc_auc_weighted,
};
