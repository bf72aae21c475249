/*
 * The best split by one feature that is put to all leaves of a level alike.
 *
 * Its gain is the sum of what the leaves gain (gbdt_split.h); one that it does
 * not part, or parts into a side that is too small, gains nothing.
 * Kohavi & Li (1995), "Oblivious decision trees, graphs, and top-down pruning",
 * IJCAI; Prokhorenkova et al. (2018), "CatBoost", NeurIPS.
 */
#ifndef MLS_LEARNER_GBDT_LEVEL_H
#define MLS_LEARNER_GBDT_LEVEL_H

#include "learner/gbdt_split.h"

/* Room for one thread. */
struct mls_level_scratch {
    double *gradient, *hessian, *rows;  /* sums up to a cut */
    double *gain;
    double *key;                /* categories: as in mls_split_scratch */
    int32_t *order;
};
MLS_CHECK bool mls_level_scratch_new(struct mls_level_scratch *scratch,
                                     int32_t most_codes,
                                     struct mls_error *err);
void mls_level_scratch_clear(struct mls_level_scratch *scratch);

/* What is known of the leaves of a level. */
struct mls_level_leaves {
    int64_t leaves;
    const struct mls_split_leaf **about;
    const void **bins;          /* the feature's histogram in each leaf */
};

/*
 * Replaces *best when the feature has a split that gains more (a tie leaves
 * it: ask in the order of features).  best->left is left alone.
 * Time O(leaves codes), and O(codes log codes) for categories.
 */
void mls_level_find(const struct mls_split_rules *rules,
                    const struct mls_level_leaves *level,
                    const struct mls_bins *feature, int32_t number,
                    struct mls_level_scratch *scratch,
                    struct mls_split *best);

/* The sums of the left side of a split, from the histogram of its feature in a
 * leaf. */
struct mls_split_sums mls_level_left(const struct mls_split_rules *rules,
                                     const struct mls_split *split,
                                     const struct mls_bins *feature,
                                     const void *bins);

#endif
