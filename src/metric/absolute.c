/*
 * Metrics of absolute errors, with d = truth - prediction and weights w:
 *
 *   median_absolute_error   the median of |d|
 *   max_error               the largest |d| of a row of positive weight
 *   pinball_q               mean of q d, or of (q - 1) d where d < 0
 *   d2_absolute_error       1 - sum of w |d| / sum of w |truth - median|
 *
 * A weighted median is the value at which half of the weight is reached; when
 * it is reached exactly, the mean of that value and the next one, so that
 * whole weights give the median of repeated rows (Hyndman & Fan 1996, American
 * Statistician 50(4), 361-365, type 2).  "Exactly" allows for the rounding of
 * weights such as 0.1.
 *
 * Pinball loss: Koenker & Bassett (1978), Econometrica 46(1), 33-50.
 */
#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"
#include "stats/summary.h"

static bool check(const struct mls_outcome *outcome, const char *name,
                  double *total, struct mls_error *err)
{
    return mls_outcome_total(outcome, name, total, err)
           && mls_outcome_finite(outcome, name, err);
}

static double distance(const struct mls_outcome *outcome, int64_t row)
{
    return fabs(outcome->truth[row] - outcome->prediction[row]);
}

/* --- medians ------------------------------------------------------------ */

/* x in the order given; total is the sum of the weights. */
static double middle(const struct mls_outcome *outcome, const double *x,
                     const int64_t *order, double total)
{
    struct mls_sum sum = { 0 };
    double half = total / 2, low = 0;
    bool reached = false;

    for (int64_t i = 0; i < outcome->n; i++) {
        double weight = mls_outcome_weight(outcome, order[i]), above;

        if (weight == 0)
            continue;
        if (reached)
            return low / 2 + x[order[i]] / 2;
        mls_sum_add(&sum, weight);
        above = mls_sum_value(&sum) - half;
        low = x[order[i]];
        if (above > DBL_EPSILON * total)
            return low;
        reached = above >= -DBL_EPSILON * total;
    }
    return low;
}

static bool median(const struct mls_outcome *outcome, const double *x,
                   double total, double *value, struct mls_error *err)
{
    int64_t *order = mls_new_array(outcome->n, sizeof(*order), err);
    bool ok = order && mls_order_reals(x, outcome->n, order, err);

    if (ok)
        *value = middle(outcome, x, order, total);
    mls_free(order);
    return ok;
}

static bool median_absolute_error(const struct mls_outcome *outcome,
                                  double *value, struct mls_error *err)
{
    static const char name[] = "median_absolute_error";
    double total, *x;
    bool ok;

    if (!check(outcome, name, &total, err))
        return false;
    x = mls_new_array(outcome->n, sizeof(*x), err);
    for (int64_t i = 0; x && i < outcome->n; i++)
        x[i] = distance(outcome, i);
    ok = x && median(outcome, x, total, value, err)
         && mls_outcome_in_range(*value, name, err);
    mls_free(x);
    return ok;
}

static double sum_of_distances(const struct mls_outcome *outcome)
{
    struct mls_sum sum = { 0 };

    for (int64_t i = 0; i < outcome->n; i++)
        mls_sum_add(&sum, mls_outcome_weight(outcome, i)
                              * distance(outcome, i));
    return mls_sum_value(&sum);
}

static double sum_around(const struct mls_outcome *outcome, double centre)
{
    struct mls_sum sum = { 0 };

    for (int64_t i = 0; i < outcome->n; i++)
        mls_sum_add(&sum, mls_outcome_weight(outcome, i)
                              * fabs(outcome->truth[i] - centre));
    return mls_sum_value(&sum);
}

static bool d2_absolute_error(const struct mls_outcome *outcome, double *value,
                              struct mls_error *err)
{
    static const char name[] = "d2_absolute_error";
    double total, centre, errors, whole;
    int64_t rows = 0;

    if (!check(outcome, name, &total, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        rows += mls_outcome_weight(outcome, i) > 0;
    if (rows < 2)
        return mls_fail(err, MLS_DATA,
                        "%s is undefined: it takes at least 2 rows, and there "
                        "is 1",
                        name);
    if (!median(outcome, outcome->truth, total, &centre, err))
        return false;
    errors = sum_of_distances(outcome);
    whole = sum_around(outcome, centre);
    *value = whole > 0 ? 1 - errors / whole : errors == 0 ? 1 : 0;
    return mls_outcome_in_range(errors, name, err)
           && mls_outcome_in_range(whole, name, err)
           && mls_outcome_in_range(*value, name, err);
}

/* --- the rest ----------------------------------------------------------- */

static bool max_error(const struct mls_outcome *outcome, double *value,
                      struct mls_error *err)
{
    double total, most = 0;

    if (!check(outcome, "max_error", &total, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++)
        if (mls_outcome_weight(outcome, i) > 0 && distance(outcome, i) > most)
            most = distance(outcome, i);
    *value = most;
    return mls_outcome_in_range(*value, "max_error", err);
}

static bool pinball(double q, const char *name,
                    const struct mls_outcome *outcome, double *value,
                    struct mls_error *err)
{
    struct mls_sum sum = { 0 };
    double total;

    if (!check(outcome, name, &total, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++) {
        double d = outcome->truth[i] - outcome->prediction[i];

        mls_sum_add(&sum, mls_outcome_weight(outcome, i)
                              * (d >= 0 ? q * d : -(1 - q) * d));
    }
    *value = mls_sum_value(&sum) / total;
    return mls_outcome_in_range(*value, name, err);
}

static bool pinball_10(const struct mls_outcome *outcome, double *value,
                       struct mls_error *err)
{
    return pinball(0.1, "pinball_10", outcome, value, err);
}

static bool pinball_50(const struct mls_outcome *outcome, double *value,
                       struct mls_error *err)
{
    return pinball(0.5, "pinball_50", outcome, value, err);
}

static bool pinball_90(const struct mls_outcome *outcome, double *value,
                       struct mls_error *err)
{
    return pinball(0.9, "pinball_90", outcome, value, err);
}

const struct mls_metric_type mls_metric_median_absolute_error = {
    .name = "median_absolute_error",
    .title = "median of the absolute errors",
    .source = "Hyndman & Fan (1996), American Statistician 50(4), 361-365, "
              "type 2",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = median_absolute_error,
};

const struct mls_metric_type mls_metric_max_error = {
    .name = "max_error",
    .title = "largest absolute error",
    .source = "max of |truth - prediction|",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = max_error,
};

const struct mls_metric_type mls_metric_d2_absolute_error = {
    .name = "d2_absolute_error",
    .title = "share of the absolute error of the median explained",
    .source = "1 - sum of w |truth - prediction| / sum of w |truth - median|",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = true,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = d2_absolute_error,
};

const struct mls_metric_type mls_metric_pinball_10 = {
    .name = "pinball_10",
    .title = "mean loss of predicting the 10% quantile",
    .source = "Koenker & Bassett (1978), Econometrica 46(1), 33-50",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = pinball_10,
};

const struct mls_metric_type mls_metric_pinball_50 = {
    .name = "pinball_50",
    .title = "mean loss of predicting the 50% quantile",
    .source = "Koenker & Bassett (1978), Econometrica 46(1), 33-50",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = pinball_50,
};

const struct mls_metric_type mls_metric_pinball_90 = {
    .name = "pinball_90",
    .title = "mean loss of predicting the 90% quantile",
    .source = "Koenker & Bassett (1978), Econometrica 46(1), 33-50",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = pinball_90,
};
