/*
 * What the files of a booster share (gbdt_boost.h says which).
 *
 * Every member of the team owns a stretch of rows for good, cut at chunks.  Of
 * a leaf it knows its own rows only:
 *
 *     member 0 owns rows 0 .. 4095          member 1 owns rows 4096 .. 8191
 *     room 0   leaf 0 │        │ leaf 1     leaf 0 │        │ leaf 1
 *     room 1          │ leaf 3 │                   │ leaf 3 │
 *
 * Every member keeps its own list of leaves and takes the same decisions from
 * the same whole numbers; what they exchange are tables of sums, the best split
 * of each member's features, and counts of rows.  A split takes two waits:
 *
 *     part own rows, add the smaller side's cells to the own table
 *     ── wait ──
 *     for the own features: add up the tables, subtract, search both children
 *     ── wait ──
 *     the best of the members' splits; the next leaf
 */
#ifndef MLS_LEARNER_GBDT_TEAM_H
#define MLS_LEARNER_GBDT_TEAM_H

#include "learner/gbdt_boost.h"
#include "learner/gbdt_level.h"

#define MLS_BOOST_CHUNK 4096    /* the least rows of a chunk */
#define MLS_BOOST_CHUNKS 256    /* the most chunks */
#define MLS_BOOST_BLOCK 1024    /* rows that derivatives are held of */

#define MLS_BOOST_REFUSED (INT64_C(1) << 52)    /* no sum of cells is so large */

struct boost_leaf {
    int64_t begin, count;       /* own rows, in a room; the root may have no
                                 * place there: rows from begin */
    struct mls_split_leaf about;
    struct mls_split split;     /* gain 0: is not split */
    int32_t node, depth, slot;
    int room;                   /* which of the member's two has its rows */
    bool counted;               /* its split went by exact numbers of rows */
};

/* What a member tells of a sweep. */
struct boost_sums {
    struct mls_split_sums sums; /* gradient: of absolute values */
    int64_t gradient;
    int64_t rows;
    int64_t any_gradient, any_hessian;  /* narrow: absolute values, bit by bit
                                         * or: below 2^n when all are */
};

/* Sums of derivatives and the largest ones: scales are chosen by them. */
struct boost_range {
    double gradient, hessian;   /* sums, of absolute values */
    double most_gradient, most_hessian;
};

struct boost_node {
    int32_t leaf;               /* the leaf that it became, when not split */
    int32_t left, right;        /* -1: a leaf */
    struct mls_split split;     /* set: of the member's room for sets */
};

struct boost_member {
    int64_t chunk, chunk_end;   /* its chunks */
    int64_t from, to;           /* its rows */
    struct mls_travellers room[2];      /* rows, leaf by leaf, and packed
                                         * cells (wide: none): a leaf's are in
                                         * either; to - from + 16 in each */
    int64_t sampled;
    bool indexed;               /* else the root has rows from .. to */
    void *table;
    int64_t *row_counts;        /* bins, or NULL */
    struct boost_leaf *leaves;
    int64_t leaf_count;
    struct boost_node *nodes;
    int64_t node_count;
    struct mls_question *questions;
    uint8_t *sets;              /* of the splits of nodes and leaves */
    struct mls_split found[2];  /* of both children, shared with the others */
    uint8_t *found_sets;
    int64_t went[2];            /* rows of the last partition */
    struct boost_sums told;
    struct mls_split_scratch scratch;
    /* Symmetric growth: else NULL. */
    struct mls_level_scratch level_scratch;
    const struct mls_split_leaf **level_about;  /* leaves */
    const void **level_bins;
    uint8_t *goes;
    int64_t *counts;            /* most codes: row counts of all members */
    int32_t *features;          /* of this tree */
    int64_t feature_count;
    int32_t *columns;           /* of the records: those that hold them */
    int64_t column_count;
    uint8_t *wanted[2];         /* features: of either child's node */
    uint64_t *keys;             /* features, for draws */
    struct mls_split_rules rules;
    double gradient_scale, hessian_scale;
    struct boost_range *expected;       /* outputs: of the next derivatives */
    double *derivatives;        /* 5 x MLS_BOOST_BLOCK: gradients, hessians;
                                 * y, scores, normalisers of drawn rows */
};

struct mls_booster {
    struct mls_boost_job job;
    const struct mls_binned *binned;
    int64_t rows;
    int64_t chunk_rows, chunks;
    bool wide, sampling;
    double count_scale;
    double *score;              /* outputs x padded rows */
    int64_t score_stride;
    double *normaliser;
    void *cells;                /* wide: of all rows; narrow: the members' */
    uint32_t *spare_cells;
    uint32_t *index, *spare;
    uint64_t *taken;            /* sampling: a bit a row, of this round */
    uint8_t *label;             /* of one or two bytes */
    int label_bytes;
    double *chunk_sums;         /* chunks x leaves x 3, or chunks x 3 */
    void *pool;                 /* histograms: leaves x bins, or NULL */
    struct boost_member *members;
    int member_rooms;
    int member_count;           /* of this run's team, at most member_rooms */
    int32_t *usable;            /* features with two codes that rows have */
    int64_t usable_count;
    int64_t set_bytes;
    int32_t most_codes;
    /* Of the tree whose values scores do not have yet. */
    int pending;                /* its output, or -1 */
    double *values;             /* leaves */
    double *leaf_sums;          /* leaves x 3 */
    int64_t value_count;
    struct mls_tree *trees;
    int64_t tree_count, tree_capacity;
    double *losses;
    int64_t loss_count, loss_capacity;
    /* Set by member 0 between waits. */
    bool failed, ended;
    struct mls_error error;
    int64_t rounds_wanted;
};

/* Whether a row takes part in the trees of the round last swept. */
bool mls_boost_takes(const struct mls_booster *b, int64_t row);
uint64_t mls_boost_round_key(const struct mls_booster *b, int64_t round);

/* One pass over the member's rows: adds the last tree's values to the scores,
 * and makes cells of the derivatives of `output`; told receives the sums, and
 * when cells are narrow, table the root's histogram. */
void mls_boost_sweep(struct mls_booster *b, struct boost_member *m, int output,
                     int64_t round);
/* A struct boost_range of each of the member's chunks: chunk_sums. */
void mls_boost_measure(struct mls_booster *b, struct boost_member *m,
                       int output, int64_t round);
/* Labels of the member's rows, and the exact sums of its chunks. */
void mls_boost_refit(struct mls_booster *b, struct boost_member *m,
                     int output);
/* Adds the last tree's values to the scores; the chunks' losses of held-out
 * rows. */
void mls_boost_settle(struct mls_booster *b, struct boost_member *m);

/* Features and columns of the tree to come. */
void mls_boost_choose(const struct mls_booster *b, struct boost_member *m,
                      int64_t round, int output);
/* Grows a tree: nodes, leaves and questions of each member. */
void mls_boost_grow(struct mls_booster *b, struct mls_team *team, int me,
                    int64_t round, int output);

#endif
