/*
 * Metrics for targets that count or measure: they weigh an error by the size
 * of what was to be predicted.  Weighted means over the rows of
 *
 *   mean_poisson_deviance           2 (t log(t / p) - t + p), t >= 0, p > 0
 *   mean_gamma_deviance             2 (log(p / t) + t / p - 1), t > 0, p > 0
 *   mean_squared_log_error          (log(1 + t) - log(1 + p))^2, both > -1
 *   root_mean_squared_log_error     its root
 *   mean_absolute_percentage_error  |t - p| / max(|t|, 2^-52), a share, not
 *                                   in percent
 *
 * with t the target, p the prediction, 0 log 0 = 0.  Outside these bounds they
 * are undefined: that is an error with its row, never a number.
 *
 * Nelder & Wedderburn (1972), JRSS A 135(3), 370-384.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "metric/metrics.h"
#include "metric/outcome.h"
#include "metric/sum.h"

struct loss {
    const char *name;
    double (*of)(double truth, double prediction);
    double low_truth, low_prediction;   /* least values allowed */
    bool open_truth, open_prediction;   /* these themselves are not */
};

static double poisson_of(double t, double p)
{
    return 2 * ((t > 0 ? t * log(t / p) : 0) - t + p);
}

static double gamma_of(double t, double p)
{
    return 2 * (log(p / t) + t / p - 1);
}

static double squared_log_of(double t, double p)
{
    double d = log1p(t) - log1p(p);

    return d * d;
}

static double percentage_of(double t, double p)
{
    return fabs(t - p) / fmax(fabs(t), DBL_EPSILON);
}

static bool inside(double x, double low, bool open)
{
    return open ? x > low : x >= low;
}

static bool fail_bound(const struct loss *loss, const char *what, double x,
                       double low, bool open, int64_t row,
                       struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "%s is undefined: the %s %g is not %s %g",
             loss->name, what, x, open ? "above" : "at least", low);
    return mls_fail_at(err, NULL, 0, row + 1, NULL);
}

static bool check_bounds(const struct mls_outcome *outcome,
                         const struct loss *loss, struct mls_error *err)
{
    for (int64_t i = 0; i < outcome->n; i++) {
        if (mls_outcome_weight(outcome, i) == 0)
            continue;
        if (!inside(outcome->truth[i], loss->low_truth, loss->open_truth))
            return fail_bound(loss, "target", outcome->truth[i],
                              loss->low_truth, loss->open_truth, i, err);
        if (!inside(outcome->prediction[i], loss->low_prediction,
                    loss->open_prediction))
            return fail_bound(loss, "prediction", outcome->prediction[i],
                              loss->low_prediction, loss->open_prediction, i,
                              err);
    }
    return true;
}

static bool mean_of(const struct loss *loss, const struct mls_outcome *outcome,
                    double *value, struct mls_error *err)
{
    struct mls_sum sum = { 0 };
    double total;

    if (!mls_outcome_total(outcome, loss->name, &total, err)
        || !mls_outcome_finite(outcome, loss->name, err)
        || !check_bounds(outcome, loss, err))
        return false;
    for (int64_t i = 0; i < outcome->n; i++) {
        double weight = mls_outcome_weight(outcome, i);

        if (weight > 0)
            mls_sum_add(&sum, weight
                                  * loss->of(outcome->truth[i],
                                             outcome->prediction[i]));
    }
    *value = mls_sum_value(&sum) / total;
    return mls_outcome_in_range(*value, loss->name, err);
}

static bool mean_poisson_deviance(const struct mls_outcome *outcome,
                                  double *value, struct mls_error *err)
{
    static const struct loss loss = { "mean_poisson_deviance", poisson_of, 0,
                                      0, false, true };

    return mean_of(&loss, outcome, value, err);
}

static bool mean_gamma_deviance(const struct mls_outcome *outcome,
                                double *value, struct mls_error *err)
{
    static const struct loss loss = { "mean_gamma_deviance", gamma_of, 0, 0,
                                      true, true };

    return mean_of(&loss, outcome, value, err);
}

static bool mean_squared_log_error(const struct mls_outcome *outcome,
                                   double *value, struct mls_error *err)
{
    static const struct loss loss = { "mean_squared_log_error",
                                      squared_log_of, -1, -1, true, true };

    return mean_of(&loss, outcome, value, err);
}

static bool root_mean_squared_log_error(const struct mls_outcome *outcome,
                                        double *value, struct mls_error *err)
{
    static const struct loss loss = { "root_mean_squared_log_error",
                                      squared_log_of, -1, -1, true, true };

    if (!mean_of(&loss, outcome, value, err))
        return false;
    *value = sqrt(*value);
    return true;
}

static bool mean_absolute_percentage_error(const struct mls_outcome *outcome,
                                           double *value,
                                           struct mls_error *err)
{
    static const struct loss loss = { "mean_absolute_percentage_error",
                                      percentage_of, -INFINITY, -INFINITY,
                                      false, false };

    return mean_of(&loss, outcome, value, err);
}

const struct mls_metric_type mls_metric_mean_poisson_deviance = {
    .name = "mean_poisson_deviance",
    .title = "mean deviance of counts, for predictions above 0",
    .source = "mean of 2 (t log(t/p) - t + p); Nelder & Wedderburn "
              "(1972), JRSS A 135",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = mean_poisson_deviance,
};

const struct mls_metric_type mls_metric_mean_gamma_deviance = {
    .name = "mean_gamma_deviance",
    .title = "mean deviance of amounts, for values above 0",
    .source = "mean of 2 (log(p/t) + t/p - 1); Nelder & Wedderburn "
              "(1972), JRSS A 135",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = mean_gamma_deviance,
};

const struct mls_metric_type mls_metric_mean_squared_log_error = {
    .name = "mean_squared_log_error",
    .title = "mean squared error of log(1 + x)",
    .source = "sum of w (log(1 + truth) - log(1 + prediction))^2 / sum of w",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = mean_squared_log_error,
};

const struct mls_metric_type mls_metric_root_mean_squared_log_error = {
    .name = "root_mean_squared_log_error",
    .title = "root mean squared error of log(1 + x)",
    .source = "sqrt(mean_squared_log_error)",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = root_mean_squared_log_error,
};

const struct mls_metric_type mls_metric_mean_absolute_percentage_error = {
    .name = "mean_absolute_percentage_error",
    .title = "mean absolute error relative to the target",
    .source = "sum of w |truth - prediction| / max(|truth|, 2^-52) / sum of w",
    .tasks = MLS_TASK_REGRESSION,
    .larger_is_better = false,
    .needs = MLS_NEEDS_PREDICTION,
    .compute = mean_absolute_percentage_error,
};
