/*
 * The information that two columns share by chance.
 */
#ifndef MLS_STATS_CHANCE_H
#define MLS_STATS_CHANCE_H

#include "mlspec/error.h"

/*
 * The mean, over all ways to deal the rows of one column to those of another, of
 * the mutual information in nats of both.
 *
 *   a, b     how many rows each code has; sums equal, but for rounding
 *
 * Counts are rounded to integers, for weights count rows.  0 without rows.  The
 * hypergeometric model of Vinh, Epps & Bailey (2010), Journal of Machine
 * Learning Research 11, 2837-2854, theorem 1.  Time O(codes log codes + D), D
 * the number of pairs of different counts times the standard deviation of a
 * cell: milliseconds for 1,000,000 rows.
 */
MLS_CHECK bool mls_chance_information(const double *a, int64_t a_codes,
                                      const double *b, int64_t b_codes,
                                      double *nats, struct mls_error *err);

#endif
