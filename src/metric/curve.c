/*
 * ROC and precision-recall curves follow from the cuts of cuts.h, one point a
 * cut; the calibration curve from the bins of bins.h.
 *
 * Of three ROC points in one line the middle one is dropped, as in
 * scikit-learn: where both counts take two equal steps.  A curve of many rows
 * is then short, and its area the same.
 *
 * Fawcett (2006), Pattern Recognition Letters 27, 861-874; Niculescu-Mizil &
 * Caruana (2005), ICML, 625-632.
 */
#include <math.h>

#include "base/memory.h"
#include "metric/bins.h"
#include "metric/cuts.h"
#include "metric/metrics.h"
#include "metric/one_vs_rest.h"
#include "metric/outcome.h"

static bool reserve(struct mls_curve *curve, int64_t most,
                    struct mls_error *err)
{
    double **arrays[] = { &curve->x, &curve->y, &curve->threshold,
                          &curve->weight };

    for (int i = 0; i < 4; i++) {
        *arrays[i] = mls_new_array(most, sizeof(**arrays[i]), err);
        if (!*arrays[i])
            return false;
    }
    return true;
}

static void add_point(struct mls_curve *curve, double x, double y,
                      double threshold, double weight)
{
    int64_t i = curve->count++;

    curve->x[i] = x;
    curve->y[i] = y;
    curve->threshold[i] = threshold;
    curve->weight[i] = weight;
}

/* Whether cut i lies between its neighbours, at equal steps. */
static bool in_line(const struct mls_cut *cuts, int64_t i)
{
    const struct mls_cut *c = cuts + i;

    return (c[1].alarms - c[0].alarms) - (c[0].alarms - c[-1].alarms) == 0
           && (c[1].hits - c[0].hits) - (c[0].hits - c[-1].hits) == 0;
}

static bool roc(const struct mls_cut *cuts, int64_t count,
                struct mls_curve *curve, struct mls_error *err)
{
    const struct mls_cut *all = cuts + (count - 1); /* some row counts */

    if (all->hits == 0 || all->alarms == 0)
        return true;
    if (!reserve(curve, count + 1, err))
        return false;
    add_point(curve, 0, 0, INFINITY, 0);
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || i == count - 1 || !in_line(cuts, i))
            add_point(curve, cuts[i].alarms / all->alarms,
                      cuts[i].hits / all->hits, cuts[i].threshold,
                      cuts[i].hits + cuts[i].alarms);
    return true;
}

static bool precision_recall(const struct mls_cut *cuts, int64_t count,
                             struct mls_curve *curve, struct mls_error *err)
{
    const struct mls_cut *all = cuts + (count - 1); /* some row counts */

    if (all->hits == 0)
        return true;
    if (!reserve(curve, count + 1, err))
        return false;
    for (int64_t i = count - 1; i >= 0; i--) {
        double predicted = cuts[i].hits + cuts[i].alarms;

        add_point(curve, cuts[i].hits / all->hits, cuts[i].hits / predicted,
                  cuts[i].threshold, predicted);
    }
    add_point(curve, 0, 1, INFINITY, 0);
    return true;
}

static bool calibration(const double *truth, const double *p,
                        const struct mls_outcome *outcome,
                        struct mls_curve *curve, struct mls_error *err)
{
    struct mls_bin bins[MLS_BINS] = { 0 };

    if (!reserve(curve, MLS_BINS, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        mls_bins_add(bins, p[i], truth[i] == 1,
                     mls_outcome_weight(outcome, i));
    for (int b = 0; b < MLS_BINS; b++) {
        double weight = mls_sum_value(&bins[b].weight);

        if (weight > 0)
            add_point(curve, mls_sum_value(&bins[b].said) / weight,
                      mls_sum_value(&bins[b].came) / weight, mls_bin_start(b),
                      weight);
    }
    return true;
}

/* The three curves of class c; truth and score are scratch of n. */
static bool one_class(const struct mls_outcome *outcome, int c, double *truth,
                      double *score, struct mls_curve curve[MLS_CURVE_KINDS],
                      struct mls_error *err)
{
    struct mls_cut *cuts;
    int64_t count;
    bool ok;

    for (int k = 0; k < MLS_CURVE_KINDS; k++) {
        curve[k].kind = (enum mls_curve_kind)k;
        curve[k].code = c;
    }
    mls_one_class(outcome, c, truth, score);
    ok = mls_cuts(truth, score, outcome->weight, outcome->n, "the curve",
                  &cuts, &count, err)
         && roc(cuts, count, &curve[MLS_CURVE_ROC], err)
         && precision_recall(cuts, count, &curve[MLS_CURVE_PRECISION_RECALL],
                             err)
         && calibration(truth, score, outcome,
                        &curve[MLS_CURVE_CALIBRATION], err);
    mls_free(cuts);
    return ok;
}

bool mls_curves_make(const struct mls_outcome *outcome,
                     struct mls_curves *curves, struct mls_error *err)
{
    int first = outcome->task == MLS_BINARY;
    double *truth = NULL, *score = NULL, total;
    bool ok;

    *curves = (struct mls_curves){ 0 };
    if (outcome->task == MLS_REGRESSION) {
        mls_fail(err, MLS_USAGE, "curves are for classes, not for regression");
        return false;
    }
    if (!mls_outcome_total(outcome, "the curve", &total, err)
        || !mls_outcome_probabilities(outcome, "the curve", err))
        return false;
    curves->count = MLS_CURVE_KINDS * (int64_t)(outcome->classes - first);
    curves->items = mls_new(curves->count, sizeof(*curves->items), err);
    truth = mls_new_array(outcome->n, sizeof(*truth), err);
    score = mls_new_array(outcome->n, sizeof(*score), err);
    ok = curves->items && truth && score;
    for (int c = first; ok && c < outcome->classes; c++)
        ok = one_class(outcome, c, truth, score,
                       curves->items + MLS_CURVE_KINDS * (c - first), err);
    mls_free(truth);
    mls_free(score);
    if (!ok)
        mls_curves_clear(curves);
    return ok;
}

void mls_curves_clear(struct mls_curves *curves)
{
    for (int64_t i = 0; curves->items && i < curves->count; i++) {
        mls_free(curves->items[i].x);
        mls_free(curves->items[i].y);
        mls_free(curves->items[i].threshold);
        mls_free(curves->items[i].weight);
    }
    mls_free(curves->items);
    *curves = (struct mls_curves){ 0 };
}
