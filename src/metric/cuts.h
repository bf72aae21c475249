/*
 * What a score says at each threshold: the weight of the rows at or above it,
 * positive and not.  The ground of curves, average precision, best thresholds.
 */
#ifndef MLS_METRIC_CUTS_H
#define MLS_METRIC_CUTS_H

#include "mlspec/error.h"

struct mls_cut {
    double threshold;           /* a score that some row has */
    double hits;                /* weight of rows with truth 1 at or above it */
    double alarms;              /* weight of the others at or above it */
};

/*
 * One cut for each distinct score, thresholds descending: the last one holds
 * the totals.  Rows of weight 0 are not there; count 0 when there is no other.
 * truth: 0 or 1; weight NULL: all 1.  *cuts is a new array.  A score that is
 * NaN is MLS_DATA (name is for the message).  O(n log n).
 */
MLS_CHECK bool mls_cuts(const double *truth, const double *score,
                        const double *weight, int64_t n, const char *name,
                        struct mls_cut **cuts, int64_t *count,
                        struct mls_error *err);

#endif
