/*
 * The best way to part the rows of one node by one feature, from what its rows
 * add up to by code (learner/tree_hot.h).
 */
#ifndef MLS_LEARNER_TREE_SPLIT_H
#define MLS_LEARNER_TREE_SPLIT_H

#include <stdbool.h>

#include "learner/tree_hot.h"

/* What a split is judged by.  Each is the impurity of the node times its
 * weight, less that of both sides. */
enum mls_tree_measure {
    MLS_TREE_SQUARES,           /* sum of squared differences from the mean;
                                 * two classes: half of Gini's */
    MLS_TREE_ENTROPY,           /* two classes, in bits */
    MLS_TREE_CLASS_GINI,        /* classes: 1 - sum p^2 */
    MLS_TREE_CLASS_ENTROPY
};

/* All of a node's rows. */
struct mls_tree_sums {
    uint64_t weight;
    int64_t sum;                /* SQUARES, ENTROPY */
    const double *count;        /* CLASS_...: weight of each class */
    int classes;
};

struct mls_tree_rules {
    enum mls_tree_measure measure;
    uint64_t min_leaf;          /* weight that each side must have */
    double weight_unit;         /* rows that a weight of 1 stands for */
    bool random;                /* one random cut instead of the best */
};

/* The best split so far.  Starts with feature -1 and gain -1: any split that is
 * allowed is taken, even one that gains nothing, for its sides may be parted
 * well (exclusive or). */
struct mls_tree_split {
    int64_t feature, draw;      /* equal gains: the lower draw */
    double gain;
    bool categorical;
    uint32_t code;              /* numeric: codes 1 .. code go left */
    bool missing_left;          /* numeric */
    uint64_t left_weight;
    int64_t left_sum;
    uint8_t *left;              /* categorical: 1 for each code that goes left;
                                 * room for the codes of any feature */
};

/* Room for one feature. */
struct mls_tree_room {
    struct mls_tree_cell *cells;    /* or uint32_t by class */
    uint32_t *class_cells;
    uint64_t *bits;
    struct mls_tree_bin *bins;      /* the most codes */
    uint32_t *counts;               /* the most codes x classes */
    double *key;                    /* the most codes */
    uint32_t *order;                /* the most codes */
    double *side;                   /* 2 x classes */
};

/*
 * Looks at feature number `feature`, whose bins (and, by class, counts) stand in
 * room, and replaces *best when it has a better split.
 *
 *   codes   of the feature
 *   bits    random, for a random cut
 *
 * Missing values (code 0) of a numeric feature go where the gain is larger;
 * without any in the node they go with the heavier side.  A numeric cut is put halfway between the two
 * codes that it parts.  Categories are put in order of their mean target, which
 * finds the best of all subsets (Breiman et al. 1984, theorem 4.5); with more
 * than two classes, in order of the share of each of the node's MOST_CLASSES
 * heaviest ones in turn.  Levels with few rows count as one, and levels that the
 * node has not seen go with them, or without such with the heavier side.
 */
void mls_tree_look(const struct mls_tree_sums *node,
                   const struct mls_tree_rules *rules, int64_t feature,
                   int64_t draw, bool categorical, int32_t codes,
                   uint64_t bits, int64_t bins, struct mls_tree_room *room,
                   struct mls_tree_split *best);

#endif
