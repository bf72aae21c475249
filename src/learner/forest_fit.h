/*
 * What forest and extra_trees share: many trees of their own rows, features or
 * cuts, averaged.
 */
#ifndef MLS_LEARNER_FOREST_FIT_H
#define MLS_LEARNER_FOREST_FIT_H

#include "learner/learners.h"
#include "learner/tree_grow.h"

#define MLS_TREE_SAMPLE 200000  /* rows that cuts are chosen on */

struct mls_forest {
    int64_t trees;
    bool entropy;
    bool random;                /* cuts */
    int64_t max_depth, max_leaves;
    double min_split, min_leaf;
    double max_features;        /* part of the features; NaN: the default */
    bool bootstrap;
    double sample;              /* part of the rows in a bag */
    bool out_of_bag;            /* estimate quality on rows out of bag */
    int64_t bins;
};

/* The task's default of max_features, as a part. */
double mls_forest_part(enum mls_task task, int64_t features);

/* A new model.  Notes max_features and what was measured out of bag in
 * job->chosen. */
MLS_CHECK struct mls_model *mls_forest_fit(const struct mls_fit_job *job,
                                           const struct mls_forest *forest,
                                           struct mls_error *err);

/*
 * How often each row is in the bag of a tree: with replacement a Poisson number
 * of mean `sample` (at most MLS_BAG_MOST), else 1 with that probability; each
 * row by itself, from (seed, tree, row).  When no row would be in, all are.
 */
void mls_bag_draw(uint64_t seed, int64_t tree, bool replace, double sample,
                  int64_t rows, uint8_t *bag);

#endif
