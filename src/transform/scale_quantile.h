/*
 * The training distribution of a column as the values at evenly spaced
 * probabilities, and the map from a value to its probability.
 *
 *   probability  1 ┤              ┌──
 *                  │         ╭────╯      straight lines between the
 *                  │     ╭───╯           quantiles; a value that many
 *                0 ┼─────╯               training rows share gets the
 *                  └──────────── x       middle of its step
 */
#ifndef MLS_TRANSFORM_SCALE_QUANTILE_H
#define MLS_TRANSFORM_SCALE_QUANTILE_H

#include "mlspec/error.h"

/* The values at i / (count - 1) into quantile[0 .. count); count 1: the
 * smallest.  No values: all 0. */
MLS_CHECK bool mls_scale_quantiles(const double *x, const double *w, int64_t n,
                                   double *quantile, int64_t count,
                                   struct mls_error *err);
/* In place; NaN stays.  normal: the probability's normal quantile, cut at
 * those of 1e-7 and 1 - 1e-7.  A constant column becomes 0. */
void mls_scale_map(const double *quantile, int64_t count, bool normal,
                   double *x, int64_t n);

#endif
