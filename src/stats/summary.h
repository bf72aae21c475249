/*
 * Weighted moments and quantiles of a column.  NaN is missing and skipped;
 * weights count rows (weight 2 equals a repeated row, rows of weight 0 are not
 * there); w NULL is all ones, to the last bit.
 */
#ifndef MLS_STATS_SUMMARY_H
#define MLS_STATS_SUMMARY_H

#include "mlspec/run.h"

/*
 * Moments over rows [0, n) by chunks of 4096 and the fixed tree; within a
 * chunk two passes (mean, then centred powers, with the correction term of
 * Chan, Golub & LeVeque 1983), combined by Pebay's (2008) formulas, so that no
 * digits are lost to a large mean.  A constant column has exactly that mean and
 * m2 = m3 = 0.
 */
struct mls_moments {
    int64_t count;              /* rows that are not missing */
    int64_t missing;
    double weight;              /* total weight of those rows */
    double mean;                /* NaN when count is 0 */
    double m2, m3;              /* weighted sums of (x - mean)^k */
    double low, high;           /* NaN when count is 0 */
};
MLS_CHECK bool mls_moments(const struct mls_run *run, const double *x,
                           const double *w, int64_t n,
                           struct mls_moments *out, struct mls_error *err);
void mls_moments_fold(struct mls_moments *into, const struct mls_moments *from);
/* The moments of one run of values, no chunks: the map of a reduction. */
void mls_moments_chunk(const double *x, const double *w, int64_t n,
                       struct mls_moments *out);
/* m2 / (weight - ddof); NaN unless weight > ddof. */
double mls_moments_variance(const struct mls_moments *m, double ddof);
/* m3/m2^1.5 of the means, biased; NaN when m2 is 0. */
double mls_moments_skewness(const struct mls_moments *m);

/*
 * Quantiles.  Without weights: linear interpolation between order statistics
 * (Hyndman & Fan type 7, numpy's default).  With weights: the same on the
 * multiset in which each value is repeated weight times (total weight W, the
 * position is p (W - 1) on cumulated weights; for W <= 1 the inverse of the
 * weighted distribution function).  probabilities ascending.  Rows with NaN or
 * weight 0 are skipped; no rows: all NaN.  scratch: none needed by the caller.
 * O(n log n) time, O(n) memory.
 */
MLS_CHECK bool mls_quantiles(const double *x, const double *w, int64_t n,
                             const double *probabilities, int64_t count,
                             double *out, struct mls_error *err);

/* The same without weights for values in ascending order, none of them NaN.
 * O(count). */
void mls_quantiles_sorted(const double *sorted, int64_t n,
                          const double *probabilities, int64_t count,
                          double *out);

/* Sorts doubles ascending, -0 before 0, NaN last.  O(n log n), in place,
 * needs no memory. */
void mls_sort_reals(double *x, int64_t n);
/* The same in O(n) with room for n more, whose content is lost: by radix, 5
 * times as fast for a million. */
void mls_sort_reals_with(double *x, double *room, int64_t n);
/* order[0..n): positions by ascending value, ties (0 and -0, too) by position,
 * NaN last.  O(n), by radix. */
MLS_CHECK bool mls_order_reals(const double *x, int64_t n, int64_t *order,
                               struct mls_error *err);

#endif
