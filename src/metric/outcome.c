/* The total weight of an outcome, and what makes it unfit for any metric. */
#include "metric/outcome.h"

#include <math.h>

#include "metric/sum.h"

static bool bad_weight(const struct mls_outcome *outcome, int64_t row,
                       struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "weight %g is not a number >= 0",
             outcome->weight[row]);
    return mls_fail_at(err, NULL, 0, row + 1, NULL);
}

bool mls_outcome_total(const struct mls_outcome *outcome, const char *metric,
                       double *total, struct mls_error *err)
{
    struct mls_sum sum = { 0 };

    if (outcome->n == 0)
        return mls_fail(err, MLS_DATA, "%s is undefined: there are no rows",
                        metric);
    for (int64_t i = 0; i < outcome->n; i++) {
        double weight = mls_outcome_weight(outcome, i);

        if (!(weight >= 0 && isfinite(weight)))
            return bad_weight(outcome, i, err);
        mls_sum_add(&sum, weight);
    }
    *total = mls_sum_value(&sum);
    if (*total == 0)
        return mls_fail(err, MLS_DATA,
                        "%s is undefined: all rows have weight 0", metric);
    if (!isfinite(*total))
        return mls_fail(err, MLS_DATA,
                        "%s is undefined: the weights sum to infinity", metric);
    return true;
}

bool mls_outcome_finite(const struct mls_outcome *outcome, const char *metric,
                        struct mls_error *err)
{
    for (int64_t i = 0; i < outcome->n; i++) {
        bool truth = isfinite(outcome->truth[i]);

        if (truth && isfinite(outcome->prediction[i]))
            continue;
        mls_fail(err, MLS_DATA,
                 "%s is undefined: the %s is not a finite number", metric,
                 truth ? "prediction" : "target");
        return mls_fail_at(err, NULL, 0, i + 1, NULL);
    }
    return true;
}

bool mls_outcome_probabilities(const struct mls_outcome *outcome,
                               const char *metric, struct mls_error *err)
{
    int64_t cells = outcome->n * outcome->classes;

    for (int64_t i = 0; i < cells; i++) {
        double p = outcome->probability[i];

        if (p >= 0 && p <= 1)
            continue;
        mls_fail(err, MLS_DATA,
                 "%s is undefined: probability %.17g is not in [0, 1]", metric,
                 p);
        return mls_fail_at(err, NULL, 0, i / outcome->classes + 1, NULL);
    }
    return true;
}

bool mls_outcome_in_range(double value, const char *metric,
                          struct mls_error *err)
{
    if (isfinite(value))
        return true;
    return mls_fail(err, MLS_DATA,
                    "%s is undefined: its sum passes the largest double",
                    metric);
}
