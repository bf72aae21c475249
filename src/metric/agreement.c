/*
 * Agreement of prediction and truth beyond what chance gives, from weights: N
 * in all, C where they agree, t_k of truth k, p_k of prediction k.
 *
 *   cohen_kappa         1 - (N - C) N / sum t_k (N - p_k)
 *   matthews_corrcoef   (C N - sum t_k p_k)
 *                         / sqrt(sum p_k (N - p_k) sum t_k (N - t_k))
 *
 * The sums of products are N^2 - sum p_k^2 without its cancellation when
 * nearly all rows are of one class.  When they are all of one, the correlation
 * is 0 by convention, as scikit-learn's; kappa is undefined only when truth and
 * prediction are all of the same class.
 *
 * Cohen (1960), Educational and Psychological Measurement 20(1), 37-46.
 * Matthews (1975), BBA 405, 442-451; for more than two classes Gorodkin (2004),
 * Computational Biology and Chemistry 28, 367-374.
 */
#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

/* What the two formulas are made of. */
struct agreement {
    double total;               /* N */
    double agreed;              /* C */
    double chance;              /* sum t_k p_k */
    double apart;               /* sum t_k (N - p_k) */
    double spread_truth;        /* sum t_k (N - t_k) */
    double spread_prediction;
};

struct margins {
    struct mls_sum truth, prediction;
};

static void sum_products(const struct margins *margins, int classes,
                         struct agreement *a)
{
    struct mls_sum chance = { 0 }, apart = { 0 };
    struct mls_sum truth = { 0 }, prediction = { 0 };

    for (int k = 0; k < classes; k++) {
        double t = mls_sum_value(&margins[k].truth);
        double p = mls_sum_value(&margins[k].prediction);

        mls_sum_add(&chance, t * p);
        mls_sum_add(&apart, t * (a->total - p));
        mls_sum_add(&truth, t * (a->total - t));
        mls_sum_add(&prediction, p * (a->total - p));
    }
    a->chance = mls_sum_value(&chance);
    a->apart = mls_sum_value(&apart);
    a->spread_truth = mls_sum_value(&truth);
    a->spread_prediction = mls_sum_value(&prediction);
}

static bool count_agreement(const struct mls_outcome *outcome,
                            const char *metric, struct agreement *a,
                            struct mls_error *err)
{
    struct mls_sum agreed = { 0 };
    struct margins *margins;

    if (!mls_outcome_total(outcome, metric, &a->total, err))
        return false;
    margins = mls_new(outcome->classes, sizeof(*margins), err);
    if (!margins)
        return false;
    for (int64_t i = 0; i < outcome->n; i++) {
        int64_t t = mls_outcome_code(outcome, outcome->truth[i]);
        int64_t p = mls_outcome_code(outcome, outcome->prediction[i]);
        double weight = mls_outcome_weight(outcome, i);

        mls_sum_add(&margins[t].truth, weight);
        mls_sum_add(&margins[p].prediction, weight);
        if (t == p)
            mls_sum_add(&agreed, weight);
    }
    a->agreed = mls_sum_value(&agreed);
    sum_products(margins, outcome->classes, a);
    mls_free(margins);
    return true;
}

static bool cohen_kappa(const struct mls_outcome *outcome, double *value,
                        struct mls_error *err)
{
    struct agreement a;

    if (!count_agreement(outcome, "cohen_kappa", &a, err))
        return false;
    if (a.apart <= 0)
        return mls_fail(err, MLS_DATA,
                        "cohen_kappa is undefined: all rows are of one class, "
                        "and predicted to be");
    *value = 1 - (a.total - a.agreed) / (a.apart / a.total);
    return true;
}

static bool matthews_corrcoef(const struct mls_outcome *outcome, double *value,
                              struct mls_error *err)
{
    struct agreement a;

    if (!count_agreement(outcome, "matthews_corrcoef", &a, err))
        return false;
    if (a.spread_truth == 0 || a.spread_prediction == 0)
        *value = 0;
    else
        *value = (a.agreed * a.total - a.chance) / a.spread_truth
                 * sqrt(a.spread_truth / a.spread_prediction);
    return true;
}

const struct mls_metric_type mls_metric_cohen_kappa = {
    .name = "cohen_kappa",
    .title = "agreement beyond that of chance, 1 when perfect",
    .source = "Cohen (1960), Educational and Psychological Measurement 20(1), "
              "37-46",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = cohen_kappa,
};

const struct mls_metric_type mls_metric_matthews_corrcoef = {
    .name = "matthews_corrcoef",
    .title = "correlation of predicted and true classes",
    .source = "Matthews (1975), BBA 405, 442-451; Gorodkin (2004), "
              "Computational Biology and Chemistry 28, 367-374",
    .tasks = MLS_TASK_CLASSIFICATION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = matthews_corrcoef,
};
