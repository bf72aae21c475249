/*
 * What forest and extra_trees share: many trees of their own rows, features or
 * cuts, averaged.
 */
#ifndef MLS_LEARNER_FOREST_FIT_H
#define MLS_LEARNER_FOREST_FIT_H

#include "learner/learners.h"
#include "learner/tree_grow.h"

struct mls_forest_params {
    int64_t trees;
    int criterion;
    int64_t max_depth;
    int64_t max_leaves;
    double min_samples_split;
    double min_samples_leaf;
    double max_features;        /* part of the features; NaN: the default */
    bool bootstrap;
    double max_samples;
    bool oob_score;
    int64_t max_bins;
};

/* The rows of their tables of params, which differ in whether rows are drawn
 * when nothing is said. */
#define MLS_FOREST_FIELD(name) \
    #name, .at = offsetof(struct mls_forest_params, name)
#define MLS_FOREST_PARAMS(bootstrap_) \
    { MLS_FOREST_FIELD(trees), .alias = "n_estimators", .kind = MLS_INTEGER, .def = 200, \
      .min = 1, .max = 10000, .low = 100, .high = 1000, .flags = MLS_LOG, \
      .help = "how many trees; more are never worse, only slower" }, \
    { MLS_FOREST_FIELD(criterion), .kind = MLS_CHOICE, .choices = mls_tree_criteria, .def = 0, \
      .help = "impurity of classes; a regression always takes squared error" }, \
    { MLS_FOREST_FIELD(max_depth), .kind = MLS_INTEGER, .def = 0, .min = 0, .max = 10000, \
      .help = "splits from the root to a leaf at most; 0: no bound" }, \
    { MLS_FOREST_FIELD(max_leaves), .alias = "max_leaf_nodes", .kind = MLS_INTEGER, \
      .def = 0, .min = 0, .max = 1e9, \
      .help = "leaves of a tree at most, the best splits first; 0: no bound" }, \
    { MLS_FOREST_FIELD(min_samples_split), .kind = MLS_REAL, .def = 2, .min = 2, \
      .max = 1e9, .help = "weight of rows that a split node has at least" }, \
    { MLS_FOREST_FIELD(min_samples_leaf), .kind = MLS_REAL, .def = 1, .min = 0, \
      .max = 1e9, .low = 1, .high = 20, .flags = MLS_LOG, \
      .help = "weight of rows that a leaf has at least" }, \
    { MLS_FOREST_FIELD(max_features), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0, \
      .max = 1, .low = 0.1, .high = 1, .flags = MLS_OPEN_MIN, \
      .help = "part of the features looked at in each node; auto: the root of " \
              "their number, of a regression two thirds" }, \
    { MLS_FOREST_FIELD(bootstrap), .kind = MLS_FLAG, .def = bootstrap_, \
      .help = "draw the rows of a tree with replacement" }, \
    { MLS_FOREST_FIELD(max_samples), .kind = MLS_REAL, .def = 1, .min = 0, .max = 1, \
      .low = 0.3, .high = 1, .flags = MLS_OPEN_MIN, \
      .help = "rows drawn for a tree, as a part of all" }, \
    { MLS_FOREST_FIELD(oob_score), .kind = MLS_FLAG, .def = 1, \
      .help = "measure quality on the rows that a tree has not seen" }, \
    { MLS_FOREST_FIELD(max_bins), .kind = MLS_INTEGER, .def = 255, .min = 2, .max = 65534, \
      .help = "values of a feature told apart; over 255 takes twice the " \
              "memory" },

/* The task's default of max_features, as a part. */
double mls_forest_part(enum mls_task task, int64_t features);

/* A new model; job->params is a struct mls_forest_params.  random_cuts: one cut
 * drawn a feature, not the best.  Notes max_features and what was measured out
 * of bag in job->chosen. */
MLS_CHECK struct mls_model *mls_forest_fit(const struct mls_fit_job *job,
                                           bool random_cuts,
                                           struct mls_error *err);

/*
 * How often each row is in the bag of a tree: with replacement a Poisson number
 * of mean `sample` (at most MLS_BAG_MOST), else 1 with that probability; each
 * row by itself, from (seed, tree, row).  When no row would be in, all are.
 */
void mls_bag_draw(uint64_t seed, int64_t tree, bool replace, double sample,
                  int64_t rows, uint8_t *bag);

#endif
