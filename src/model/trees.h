/*
 * The model that all tree learners share: tree, forest, extra_trees, gbdt,
 * isolation_forest.
 *
 * Trees look at codes, never at raw values: how a feature's cells become codes
 * (stats/bins.h) is part of the model.  Every split is a question about one
 * code, and every cut lies in one table per feature, so a node takes few bytes
 * and any number of rows can be scored on bytes.
 *
 * The file holds no pointer between nodes: a tree is its nodes in preorder
 * (node, all of its left side, all of its right side) with one bit a node that
 * tells whether it is split.  A chain of such trees needs no index, and no file
 * can hold a cycle, a shared child or an index out of range.
 *
 *   array        type, shape           holds
 *   cuts         F64 [all cuts]        of feature 0, then of feature 1, ...
 *   cut_start    I64 [features + 1]
 *   level_code   U16 [all levels]      of categorical feature 0, ...
 *   level_start  I64 [features + 1]
 *   codes        I32 [features]        how many, the missing one included
 *   categorical  U8  [features]        0 or 1
 *   shape        U8  [ceil(nodes / 8)] bit i & 7 of byte i >> 3: node i of the
 *                                      chain of all trees is split
 *   trees        I64 [1]               how many trees
 *   feature      U8, U16 or U32 [splits]   the narrowest that holds features-1
 *   split        U8 or U16 [splits]    numeric: codes 1 .. split go left;
 *                                      categorical: 0
 *   missing      U8  [ceil(splits / 8)]    bit: code 0 goes left
 *   set          U8  [bytes]           for each categorical split in order:
 *                                      ceil(codes / 8) bytes, bit = goes left
 *                                      (bit 0, the missing code, among them)
 *   value        F64 or F32 [leaves, width]   width 1 or mls_model_outputs
 *                                      (or classes when averaged)
 *   cover        F32 [leaves]          weight of the training rows in it
 *   base         F64 [outputs]         SUM: added to every sum.  MEAN: 0
 *   combine      U8  [1]               enum mls_combine
 *   link         U8  [1]               optional; 1: prediction is exp(score)
 *   gain         F64 [features]        sum of the gains of its splits
 *
 * With width 1 tree t adds to output t % outputs.
 */
#ifndef MLS_MODEL_TREES_H
#define MLS_MODEL_TREES_H

#include "model/model.h"
#include "stats/bins.h"

enum mls_combine {
    MLS_COMBINE_SUM,            /* scores = base + sum of leaves: boosting */
    MLS_COMBINE_MEAN,           /* regression: the mean of leaves.
                                 * Classification: leaves hold classes'
                                 * probabilities (binary: width 1, that of
                                 * class 1); their mean p becomes log-odds or
                                 * logarithms, p kept in [1e-16, 1 - 1e-16] */
    MLS_COMBINE_ISOLATION       /* leaves hold depths h (Liu, Ting & Zhou
                                 * 2008); score = 2^(-mean h / base) */
};

/* One tree as a learner grows it; node 0 is the root, children stand anywhere
 * behind their parent. */
struct mls_tree_node {
    int32_t feature;            /* -1: a leaf */
    int32_t left, right;
    uint16_t split;             /* numeric: codes 1 .. split go left */
    bool missing_left;          /* numeric: code 0 goes left */
    int64_t set;                /* categorical: first byte in sets */
    int64_t leaf;               /* a leaf: its place in value, in units of
                                 * width */
    double cover;               /* weight of the training rows in it */
    double gain;
};

struct mls_tree {
    struct mls_tree_node *nodes;
    int64_t node_count, node_capacity;
    uint8_t *sets;              /* bitmaps of ceil(codes / 8) bytes */
    int64_t set_bytes, set_capacity;
    double *values;             /* leaves x width */
    int64_t leaf_count, value_capacity;
};
void mls_tree_clear(struct mls_tree *tree);
void mls_tree_empty(struct mls_tree *tree);     /* keeps the memory */
/* Appends a node (a leaf at place 0 until filled in); its index or -1. */
MLS_CHECK int64_t mls_tree_add_node(struct mls_tree *tree,
                                    struct mls_error *err);
/* Appends an empty set for a column of so many codes; its first byte in sets,
 * or -1. */
MLS_CHECK int64_t mls_tree_add_set(struct mls_tree *tree, int32_t codes,
                                   struct mls_error *err);
/* Appends width values of 0; the leaf's place (its values stand from
 * place * width), or -1. */
MLS_CHECK int64_t mls_tree_add_leaf(struct mls_tree *tree, int width,
                                    struct mls_error *err);

/* Puts trees together to a model. */
struct mls_trees_shape {
    enum mls_task task;
    int classes;
    int64_t features;
    const struct mls_bins *bins;        /* features; copied */
    enum mls_combine combine;
    int width;                  /* values of a leaf */
    bool narrow;                /* leaf values in F32 */
    bool log_link;
    const double *base;         /* mls_model_outputs values; NULL: all 0 */
};
struct mls_trees_builder;
MLS_CHECK struct mls_trees_builder *
mls_trees_begin(const struct mls_trees_shape *shape, struct mls_error *err);
/* One that starts with the first `trees` trees of a model (-1: all):
 * continued boosting.  Gains are kept a feature, not a tree: with fewer than
 * all, a feature's gain is taken by the share of its splits that stay. */
MLS_CHECK struct mls_trees_builder *
mls_trees_begin_from(const struct mls_model *model, int64_t trees,
                     struct mls_error *err);
/* Not safe from several threads; add in order. */
MLS_CHECK bool mls_trees_add(struct mls_trees_builder *builder,
                             const struct mls_tree *tree,
                             struct mls_error *err);
/* Takes the builder; a new model, or NULL. */
MLS_CHECK struct mls_model *mls_trees_finish(struct mls_trees_builder *builder,
                                             struct mls_error *err);
void mls_trees_abandon(struct mls_trees_builder *builder);

/* What the model holds, borrowed: for learners that continue it, for tests. */
int64_t mls_trees_count(const struct mls_model *model);
const struct mls_bins *mls_trees_bins(const struct mls_model *model);

extern const struct mls_model_type mls_model_trees;

#endif
