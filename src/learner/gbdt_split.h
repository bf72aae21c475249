/*
 * The best split of a leaf by one feature, from its histogram.
 *
 * With G and H the sums of gradients and hessians of a side, a split gains
 *
 *     T(Gl)^2 / (Hl + l2) + T(Gr)^2 / (Hr + l2) - T(G)^2 / (H + l2)
 *     T(x) = sign(x) max(|x| - l1, 0)
 *
 * twice the loss that the second-order model of it saves: Friedman (2001),
 * Annals of Statistics 29(5); Chen & Guestrin (2016), KDD.
 */
#ifndef MLS_LEARNER_GBDT_SPLIT_H
#define MLS_LEARNER_GBDT_SPLIT_H

#include "learner/gbdt_histogram.h"

struct mls_split_rules {
    double l1, l2;
    double min_gain;
    double min_rows, min_hessian;       /* of either side */
    double category_smooth;             /* rows' worth of the leaf's mean */
    double category_l2;                 /* more l2 for splits by categories */
    double category_min_rows;           /* rarer codes of a leaf stay
                                         * together, on the right */
    bool wide;
    /* 1 / scale: what one unit of the whole numbers is worth. */
    double gradient_unit, hessian_unit, count_unit;
};

/* Sums over rows, in whole numbers.  Narrow histograms have no count: there
 * it is what is known of the leaf's rows, 0 in a split. */
struct mls_split_sums {
    int64_t gradient, hessian, count;
};

/* Those of code c in a histogram. */
static inline struct mls_split_sums mls_split_cell(bool wide,
                                                   const void *bins, int32_t c)
{
    struct mls_split_sums sums = { 0 };

    if (wide) {
        mls_wide_cell cell = ((const mls_wide_cell *)bins)[c];

        sums.gradient = cell[0];
        sums.hessian = (int64_t)((uint64_t)cell[1] >> MLS_COUNT_BITS);
        sums.count = cell[1] & ((1 << MLS_COUNT_BITS) - 1);
    } else {
        int64_t cell = ((const int64_t *)bins)[c];

        sums.gradient = cell >> 32;
        sums.hessian = (int64_t)(cell & 0xffffffff);
    }
    return sums;
}

struct mls_split_leaf {
    struct mls_split_sums sums;
    double rows;                /* weight of its rows */
    double lowest, highest;     /* bounds of its value (monotone columns) */
};

/* What is known of a code's rows beside its sums; NULL: by hessian. */
struct mls_split {
    double gain;                /* 0: none */
    int32_t feature;
    uint16_t code;              /* numeric: codes 1 .. code go left */
    bool categorical, missing_left;
    struct mls_split_sums left;
    uint8_t *set;               /* categorical: the caller's room, a bit a
                                 * code: goes left */
};

/* Room for one thread. */
struct mls_split_scratch {
    int64_t *prefix, *prefix2;  /* most codes + 8 */
    double *key;                /* 4 x most codes: pairs, and room for them */
    int32_t *order;
};
MLS_CHECK bool mls_split_scratch_new(struct mls_split_scratch *scratch,
                                     int32_t most_codes,
                                     struct mls_error *err);
void mls_split_scratch_clear(struct mls_split_scratch *scratch);

/*
 * Replaces *best when the feature has a split that gains more (a tie leaves
 * it: ask in the order of features).
 *
 *   bins       codes cells, narrow or wide as the rules say
 *   rows       codes: rows of each code, or NULL: narrow histograms then take
 *              rows to be in proportion to hessians (exact when all hessians
 *              are equal)
 *   monotone   -1, 0, 1: the value must not rise (fall) with the feature
 */
void mls_split_find(const struct mls_split_rules *rules,
                    const struct mls_split_leaf *leaf,
                    const struct mls_bins *feature, int32_t number,
                    const void *bins, const int64_t *rows, int monotone,
                    struct mls_split_scratch *scratch, struct mls_split *best);

/* The value that a leaf of these sums takes, before shrinkage. */
double mls_split_value(const struct mls_split_rules *rules, double gradient,
                       double hessian);

#endif
