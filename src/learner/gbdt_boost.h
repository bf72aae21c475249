/*
 * Boosting on codes: rounds of trees, each fitted to the derivatives of the
 * loss at the scores of the trees before it.
 *
 *   gbdt.c            params, how many rounds, messages, the model
 *   gbdt_boost.c      one booster: memory, rounds, its team of threads
 *   gbdt_rows.c       loops over all rows: scores, derivatives, whole numbers,
 *                     exact sums of leaves
 *   gbdt_grow.c       one tree: which leaf, which split
 *   gbdt_histogram.c  gbdt_split.c  gbdt_partition.c  gbdt_objective.c
 */
#ifndef MLS_LEARNER_GBDT_BOOST_H
#define MLS_LEARNER_GBDT_BOOST_H

#include "base/threads.h"
#include "learner/gbdt_objective.h"
#include "learner/gbdt_partition.h"
#include "learner/gbdt_split.h"
#include "model/trees.h"

enum mls_growth {
    MLS_GROWTH_AUTO,            /* resolved before boosting */
    MLS_GROWTH_LEAF,            /* the leaf with the greatest gain first */
    MLS_GROWTH_DEPTH,           /* level by level */
    MLS_GROWTH_SYMMETRIC        /* all leaves of a level by the same question */
};

struct mls_boost_params {
    double rate;
    int64_t leaves;             /* 2 .. 32768 */
    int64_t depth;              /* 0: no limit */
    int growth;
    double min_rows, min_hessian, l1, l2, min_gain;
    double category_smooth, category_l2, category_min_rows;
    double row_fraction;
    double column_fraction, level_fraction, node_fraction;
    const int8_t *monotone;     /* features: -1, 0, 1; NULL: all 0 */
};

/* Borrowed by a booster for its life. */
struct mls_boost_job {
    const struct mls_run *run;
    const struct mls_histogram_layout *layout;
    const struct mls_target *target;
    const struct mls_objective *objective;
    const struct mls_boost_params *params;
    const uint64_t *feature_key;        /* of names: draws of columns */
    const uint64_t *row_key;    /* draws of rows; NULL: by row number */
    const uint8_t *held;        /* rows: 1 not to be learned from, but their
                                 * loss is followed; NULL: none */
    const double *base;         /* outputs */
    int outputs;
    uint64_t seed;
    int64_t pool_bytes;         /* histograms of all leaves are kept when they
                                 * take no more, and always in symmetric
                                 * growth: see mls_boost_alike_leaves */
};

#define MLS_BOOST_POOL (INT64_C(512) << 20)

/* How many leaves a symmetric tree may have: the greatest power of two, at
 * least 2, at most `leaves`, whose histograms take at most pool_bytes. */
int64_t mls_boost_alike_leaves(const struct mls_histogram_layout *layout,
                               int64_t leaves, int64_t pool_bytes);

/* What boosting of rows can be narrow: see gbdt_histogram.h. */
#define MLS_BOOST_WIDE_ROWS 50000

struct mls_booster;
MLS_CHECK struct mls_booster *mls_booster_new(const struct mls_boost_job *job,
                                              struct mls_error *err);
void mls_booster_free(struct mls_booster *booster);

/* So many rounds more (outputs trees each), fewer when no tree can be split
 * any more: *ended (may be NULL) receives whether that was so.  In parallel on
 * the threads of the run, in place within a task. */
MLS_CHECK bool mls_booster_run(struct mls_booster *booster, int64_t rounds,
                               bool *ended, struct mls_error *err);

int64_t mls_booster_rounds(const struct mls_booster *booster);
/* Trees in order, outputs a round; their values are shrunk already. */
const struct mls_tree *mls_booster_tree(const struct mls_booster *booster,
                                        int64_t i);
/* Sum of the loss of the held-out rows, times weight, after `round` rounds
 * (0 .. rounds). */
double mls_booster_loss(const struct mls_booster *booster, int64_t round);

#endif
