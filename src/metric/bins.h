/*
 * Probabilities against what came true, in bins of equal width: the ground of
 * the calibration error and the calibration curve.
 */
#ifndef MLS_METRIC_BINS_H
#define MLS_METRIC_BINS_H

#include <stdbool.h>

#include "metric/sum.h"

#define MLS_BINS 15

struct mls_bin {
    struct mls_sum weight;      /* of the rows in it */
    struct mls_sum said;        /* weight times probability */
    struct mls_sum came;        /* weight of those that came true */
};

/* Bin b holds b/15 < p <= (b + 1)/15, and bin 0 also p = 0. */
static inline double mls_bin_start(int b)
{
    return b * (1.0 / MLS_BINS);
}

static inline void mls_bins_add(struct mls_bin bins[MLS_BINS], double p,
                                bool came, double weight)
{
    int b = 0;

    while (b < MLS_BINS - 1 && p > mls_bin_start(b + 1))
        b++;
    mls_sum_add(&bins[b].weight, weight);
    mls_sum_add(&bins[b].said, weight * p);
    mls_sum_add(&bins[b].came, came ? weight : 0);
}

#endif
