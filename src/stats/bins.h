/*
 * Bins: how the cells of one column become small whole numbers, codes, for
 * learners that only ask on which side of a few cuts a value lies (trees).
 *
 *   numeric      missing  x <= cut[0]  x <= cut[1]  ...  x > cut[cuts - 1]
 *   code            0          1            2                cuts + 1
 *
 *   categorical  missing, unseen    level 0          level 1       ...
 *   code               0         code_of[0] >= 1   code_of[1] >= 1
 *
 * So a split of a numeric column at code b, "codes 1 to b go left", is the
 * question x <= cut[b - 1] of the raw value, exactly.  Infinities are values
 * like any other.
 */
#ifndef MLS_STATS_BINS_H
#define MLS_STATS_BINS_H

#include "mlspec/run.h"

#define MLS_BIN_MISSING 0
#define MLS_BINS_LIMIT 65536        /* the most codes of a column */

struct mls_bins {
    bool categorical;
    int32_t codes;              /* >= 1, the missing one included */
    int64_t cuts;               /* numeric: codes - 2, or 0 when codes is 1 */
    double *cut;                /* cuts, strictly ascending, finite; owned */
    int64_t levels;             /* categorical: of the dictionary */
    uint16_t *code_of;          /* levels, each in [0, codes); owned */
};

void mls_bins_clear(struct mls_bins *bins);
MLS_CHECK bool mls_bins_copy(const struct mls_bins *from, struct mls_bins *to,
                             struct mls_error *err);

/*
 * Cuts for a numeric column.
 *
 *   value   n values, NaN is missing (left out); sorted in place
 *   weight  n values > 0 in the order of value before the call, or NULL: all 1;
 *           reordered with it
 *   most    the most bins, missing not counted, >= 2: codes <= most + 1
 *
 * At most `most` distinct values: a cut halfway between each two neighbours.
 * More: cuts at quantiles, so that bins hold about the same weight, a value
 * heavier than a bin standing alone.  A repeated row and a weight of 2 give the
 * same cuts.  A column with no value at all has codes 1, one of a single value
 * codes 2 and no cut.  O(n) by radix sort.
 */
MLS_CHECK bool mls_bins_numeric(double *value, double *weight, int64_t n,
                                int64_t most, struct mls_bins *bins,
                                struct mls_error *err);

/*
 * Codes for a categorical column from the weight of each level.  The heaviest
 * levels get a code of their own (ties: the lower level), in order of level;
 * when there are more than most, the rest share the last code.  Levels of
 * weight 0, never seen in training, count as missing: they are in code 0.
 */
MLS_CHECK bool mls_bins_categorical(const double *weight, int64_t levels,
                                    int64_t most, struct mls_bins *bins,
                                    struct mls_error *err);

/* Codes of n cells.  width is 1 or 2 bytes a code (codes <= 256 for 1); the
 * code of cell i is written at out + i * step.  Hot: many million cells a
 * second. */
void mls_bins_code_reals(const struct mls_bins *bins, const double *value,
                         int64_t n, int width, void *out, int64_t step);
void mls_bins_code_levels(const struct mls_bins *bins, const uint32_t *level,
                          int64_t n, int width, void *out, int64_t step);

#endif
