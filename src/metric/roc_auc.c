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
 * rest (Provost & Domingos 2000, NYU working paper IS-00-04, without their
 * weighting by class share).
 */
#include "metric/roc_auc.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
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

/* Every class needs a row that counts, or its area is undefined. */
static bool check_classes(const struct mls_outcome *outcome,
                          struct mls_error *err)
{
    uint8_t *seen = mls_new(outcome->classes, sizeof(*seen), err);
    int missing = -1;

    if (!seen)
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        if (mls_outcome_weight(outcome, i) > 0)
            seen[mls_outcome_code(outcome, outcome->truth[i])] = 1;
    for (int c = outcome->classes - 1; c >= 0; c--)
        if (!seen[c])
            missing = c;
    mls_free(seen);
    if (missing < 0)
        return true;
    mls_fail(err, MLS_DATA, "roc_auc is undefined: no row is of class %d of %d",
             missing + 1, outcome->classes);
    return mls_fail_fix(err, "use rows of every class, or another metric, such "
                             "as log_loss");
}

/* The column of class c, and 1 where the truth is c; arrays of n. */
static void one_against_rest(const struct mls_outcome *outcome, int c,
                             double *truth, double *score)
{
    for (int64_t i = 0; i < outcome->n; i++) {
        truth[i] = outcome->truth[i] == c;
        score[i] = outcome->probability[i * outcome->classes + c];
    }
}

static bool roc_auc(const struct mls_outcome *outcome, double *value,
                    struct mls_error *err)
{
    double *truth = NULL, *score = NULL, total, auc;
    struct mls_sum sum = { 0 };
    bool binary = outcome->task == MLS_BINARY, ok;
    int first = binary ? 1 : 0;

    assert(outcome->classes >= 2);
    if (!mls_outcome_total(outcome, "roc_auc", &total, err)
        || (!binary && !check_classes(outcome, err)))
        return false;
    truth = mls_new_array(outcome->n, sizeof(*truth), err);
    score = mls_new_array(outcome->n, sizeof(*score), err);
    ok = truth && score;
    for (int c = first; ok && c < outcome->classes; c++) {
        one_against_rest(outcome, c, truth, score);
        ok = mls_metric_auc(truth, score, outcome->weight, outcome->n, &auc,
                            err);
        if (ok)
            mls_sum_add(&sum, auc);
    }
    if (ok)
        *value = mls_sum_value(&sum) / (outcome->classes - first);
    mls_free(score);
    mls_free(truth);
    return ok;
}

const struct mls_metric_type mls_metric_roc_auc = {
    .name = "roc_auc",
    .title = "area under the ROC curve",
    .source = "Hanley & McNeil (1982), Radiology 143, 29-36",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PROBABILITY,
    .compute = roc_auc,
};
