/*
 * A metric of two classes for tasks of more: each class against all others,
 * averaged.
 */
#ifndef MLS_METRIC_ONE_VS_REST_H
#define MLS_METRIC_ONE_VS_REST_H

#include "mlspec/metric.h"

/* truth 0 or 1, larger scores for 1, weight or NULL; n of each. */
typedef bool mls_two_class_metric(const double *truth, const double *score,
                                  const double *weight, int64_t n,
                                  double *value, struct mls_error *err);

/*
 * Binary: of the positive class alone.  Otherwise the mean over all classes,
 * by_share: weighted by the rows of each.  MLS_DATA when a class has no row of
 * positive weight.  name is for messages.
 */
MLS_CHECK bool mls_one_vs_rest(const struct mls_outcome *outcome,
                               const char *name, mls_two_class_metric *metric,
                               bool by_share, double *value,
                               struct mls_error *err);

/* truth[i]: 1 where the class is c; score[i]: its probability.  Arrays of n. */
void mls_one_class(const struct mls_outcome *outcome, int c, double *truth,
                   double *score);

#endif
