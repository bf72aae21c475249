/*
 * A sum that carries its rounding error along: as exact as if it were computed
 * with twice the digits and rounded once, in one pass and in the order given.
 * The error of each addition is Knuth's TwoSum, which is exact for any order
 * of magnitudes (Neumaier 1974, ZAMM 54, 39-51; Ogita, Rump & Oishi 2005,
 * SIAM J. Sci. Comput. 26(6), 1955-1988).
 */
#ifndef MLS_METRIC_SUM_H
#define MLS_METRIC_SUM_H

#include <math.h>

struct mls_sum {
    double high, low; /* { 0 } is zero */
};

static inline void mls_sum_add(struct mls_sum *sum, double x)
{
    double high = sum->high + x;
    double part = high - sum->high;

    sum->low += (sum->high - (high - part)) + (x - part);
    sum->high = high;
}

/* After an overflow low is NaN, and high says it all. */
static inline double mls_sum_value(const struct mls_sum *sum)
{
    return isfinite(sum->high) ? sum->high + sum->low : sum->high;
}

#endif
