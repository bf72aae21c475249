/*
 * What all metrics ask of an outcome.  A row of weight 0 counts as if it were
 * not there, and weight 2 as two equal rows.
 */
#ifndef MLS_METRIC_OUTCOME_H
#define MLS_METRIC_OUTCOME_H

#include <assert.h>

#include "mlspec/metric.h"

static inline double mls_outcome_weight(const struct mls_outcome *outcome,
                                        int64_t row)
{
    return outcome->weight ? outcome->weight[row] : 1;
}

static inline int64_t mls_outcome_code(const struct mls_outcome *outcome,
                                       double value)
{
    assert(value >= 0 && value < outcome->classes);
    return (int64_t)value;
}

/*
 * The total weight.  MLS_DATA when it is 0 (no rows, or all of weight 0) or
 * overflows, or a weight is negative or not a number.  metric is the name for
 * the message.
 */
MLS_CHECK bool mls_outcome_total(const struct mls_outcome *outcome,
                                 const char *metric, double *total,
                                 struct mls_error *err);

/* Regression: all targets and predictions are finite, or MLS_DATA with the
 * row. */
MLS_CHECK bool mls_outcome_finite(const struct mls_outcome *outcome,
                                  const char *metric, struct mls_error *err);

/* Classification: all probabilities are in [0, 1], or MLS_DATA with the row. */
MLS_CHECK bool mls_outcome_probabilities(const struct mls_outcome *outcome,
                                         const char *metric,
                                         struct mls_error *err);

/* A value past the largest double is MLS_DATA. */
MLS_CHECK bool mls_outcome_in_range(double value, const char *metric,
                                    struct mls_error *err);

#endif
