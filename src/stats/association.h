/*
 * How much one column says about another.  Weights count rows; w NULL is all
 * ones.  Columns hold no NaN unless said.
 */
#ifndef MLS_STATS_ASSOCIATION_H
#define MLS_STATS_ASSOCIATION_H

#include "mlspec/run.h"

/* Pearson's correlation; 0 when either column is constant.  In [-1, 1]. */
MLS_CHECK bool mls_correlation(const struct mls_run *run, const double *x,
                               const double *y, const double *w, int64_t n,
                               double *r, struct mls_error *err);

/* One-way analysis of variance of x over the classes y in [0, classes):
 * F = (between / (k - 1)) / (within / (W - k)), k the classes that occur, W the
 * total weight.  F is infinite (p 0) when within is 0 and between is not; NaN
 * (p, too) when both are, and unless k > 1 and W > k.  O(n + classes). */
MLS_CHECK bool mls_anova_f(const double *x, const double *y, int classes,
                           const double *w, int64_t n, double *f, double *p,
                           struct mls_error *err);
/* F test of the slope in a simple regression of y on x (scikit-learn's
 * f_regression): F = (W - 2) r^2 / (1 - r^2).  0 (p 1) when either column is
 * constant, infinite (p 0) when nothing is left to explain, NaN (p, too) unless
 * W > 2. */
MLS_CHECK bool mls_regression_f(const double *x, const double *y,
                                const double *w, int64_t n, double *f,
                                double *p, struct mls_error *err);

/*
 * Mutual information in nats of two columns of codes in [0, a_codes) and
 * [0, b_codes) beyond chance, at least 0: the plug-in estimate less what columns
 * of the same counts share on average when their rows are dealt at random
 * (chance.h).  So neither an identifier nor noise of many levels tells anything.
 * 0 without rows.  Time O(n log n), memory O(n + a_codes + b_codes).
 * a_codes * b_codes past 2^53 is MLS_LIMIT.
 */
MLS_CHECK bool mls_mutual_information(const double *a, int64_t a_codes,
                                      const double *b, int64_t b_codes,
                                      const double *w, int64_t n,
                                      double *nats, struct mls_error *err);
/*
 * Replaces values by the number of their equal-frequency bin (at most bins,
 * equal values share one; NaN gets a bin of its own, the last).  A value goes
 * where the middle of its share of the total weight falls, and bins that stay
 * empty are left out of the count.  *codes receives how many bins there are.
 * out may be x.
 */
MLS_CHECK bool mls_bin_equal_frequency(const double *x, const double *w,
                                       int64_t n, int64_t bins, double *out,
                                       int64_t *codes, struct mls_error *err);

#endif
