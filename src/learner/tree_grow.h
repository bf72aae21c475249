/*
 * Growing one tree on codes: CART (Breiman, Friedman, Olshen & Stone 1984),
 * with features and cuts drawn at random where a forest wants them.
 */
#ifndef MLS_LEARNER_TREE_GROW_H
#define MLS_LEARNER_TREE_GROW_H

#include "learner/binned.h"
#include "learner/tree_split.h"
#include "model/trees.h"

#define MLS_BAG_MOST 8          /* times that a row is in a bag */

/* Choices of a learner's `criterion`: of entropy the second. */
extern const char *const mls_tree_criteria[];

struct mls_growth {
    /* Borrowed; binned holds columns. */
    const struct mls_run *run;
    const struct mls_binned *binned;
    const struct mls_target *target;
    /* Rules. */
    bool entropy;               /* classes by entropy, not Gini */
    bool random;                /* cuts at random */
    int64_t max_depth;          /* 0: no bound */
    int64_t max_leaves;         /* 0: no bound; else the node that gains most
                                 * is split first */
    double min_split;           /* weight of rows that a split node has */
    double min_leaf;            /* and each of its sides */
    int64_t max_features;       /* looked at in each node; more, until one can
                                 * be split by */
    bool alone;                 /* one tree at a time: all threads look at
                                 * its large nodes */
    bool bags;                  /* trees get bags */
    bool out_of_bag;            /* rows outside a bag are followed to their
                                 * leaves */
    /* Private. */
    int64_t *feature;           /* those with two codes or more */
    int64_t features;
    int32_t most_codes;
    int classes;                /* of class measures, else 0 */
    enum mls_tree_measure measure;
    uint32_t *weight;           /* whole, or NULL: 1 */
    double weight_unit;         /* a row's weight is weight x weight_unit */
    int64_t *value;             /* targets as whole numbers, or classes */
    double gain_unit;
    double low, high;           /* of the target */
    _Atomic int64_t *left_out;  /* rows x width: see mls_growth_left_out */
    struct mls_grower *growers; /* one a thread */
    int threads;
};

/* Fills the private part.  The rows are fewer than 2^32. */
MLS_CHECK bool mls_growth_begin(struct mls_growth *growth,
                                struct mls_error *err);
void mls_growth_end(struct mls_growth *growth);

/*
 * One tree.  Safe from several tasks of mls_parallel at once, unless alone.
 *
 *   key    random bits: what the tree draws follows from it
 *   bag    how often each row is in, 0 .. MLS_BAG_MOST; NULL: once
 *   tree   emptied, then filled; leaves hold the weighted mean of the target or
 *          the shares of the classes (two: that of class 1)
 */
MLS_CHECK bool mls_grow_tree(struct mls_growth *growth, uint64_t key,
                             const uint8_t *bag, struct mls_tree *tree,
                             struct mls_error *err);

/* The mean over all trees so far of what the leaves gave that a row reached out
 * of bag, outputs values; false when it was in every bag.  Sums are whole
 * numbers: the order of trees does not matter. */
bool mls_growth_left_out(const struct mls_growth *growth, int64_t row,
                         double *mean);

/* Values of a leaf: 1, or one a class when there are more than two. */
int mls_growth_width(const struct mls_growth *growth);

/*
 * Minimal cost-complexity pruning: the smallest of the subtrees that minimise
 * the impurity of the leaves, in parts of total_weight, plus alpha a leaf;
 * scikit-learn's ccp_alpha.  Nodes that were cut off stay in the list.
 */
MLS_CHECK bool mls_tree_prune(struct mls_tree *tree, double alpha,
                              double total_weight, int width,
                              struct mls_error *err);

#endif
