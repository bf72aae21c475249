/*
 * Extremely randomized trees: as a random forest, but in each node one cut is
 * drawn at random for each feature looked at, and the best of these is taken
 * (Geurts, Ernst & Wehenkel 2006).  All rows are in every tree.
 *
 * A cut is drawn between the lowest and the highest code of a node's rows, so
 * evenly over the ranks of the values, where the paper draws evenly over the
 * values themselves: the same for features without long tails, and not led
 * astray by outliers in those that have them.  Categories are cut at random in
 * the order of their mean target.
 */
#include "learner/forest_fit.h"

static const char *const criteria[] = { "gini", "entropy", NULL };

struct extra_trees_params {
    int64_t trees;
    int criterion;
    int64_t max_depth;
    int64_t max_leaves;
    double min_samples_split;
    double min_samples_leaf;
    double max_features;
    bool bootstrap;
    double max_samples;
    bool oob_score;
    int64_t max_bins;
};

#define FIELD(name) #name, .at = offsetof(struct extra_trees_params, name)
static const struct mls_param params[] = {
    { FIELD(trees), .alias = "n_estimators", .kind = MLS_INTEGER, .def = 200,
      .min = 1, .max = 10000, .low = 100, .high = 1000, .flags = MLS_LOG,
      .help = "how many trees; more are never worse, only slower" },
    { FIELD(criterion), .kind = MLS_CHOICE, .choices = criteria, .def = 0,
      .help = "impurity of classes; a regression always takes squared error" },
    { FIELD(max_depth), .kind = MLS_INTEGER, .def = 0, .min = 0, .max = 10000,
      .help = "splits from the root to a leaf at most; 0: no bound" },
    { FIELD(max_leaves), .alias = "max_leaf_nodes", .kind = MLS_INTEGER,
      .def = 0, .min = 0, .max = 1e9,
      .help = "leaves of a tree at most, the best splits first; 0: no bound" },
    { FIELD(min_samples_split), .kind = MLS_REAL, .def = 2, .min = 2,
      .max = 1e9, .help = "weight of rows that a split node has at least" },
    { FIELD(min_samples_leaf), .kind = MLS_REAL, .def = 1, .min = 0,
      .max = 1e9, .low = 1, .high = 20, .flags = MLS_LOG,
      .help = "weight of rows that a leaf has at least" },
    { FIELD(max_features), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0,
      .max = 1, .low = 0.1, .high = 1, .flags = MLS_OPEN_MIN,
      .help = "part of the features looked at in each node; auto: the root of "
              "their number, of a regression two thirds" },
    { FIELD(bootstrap), .kind = MLS_FLAG, .def = 0,
      .help = "draw the rows of a tree with replacement" },
    { FIELD(max_samples), .kind = MLS_REAL, .def = 1, .min = 0, .max = 1,
      .low = 0.3, .high = 1, .flags = MLS_OPEN_MIN,
      .help = "rows drawn for a tree, as a part of all" },
    { FIELD(oob_score), .kind = MLS_FLAG, .def = 1,
      .help = "measure quality on the rows that a tree has not seen" },
    { FIELD(max_bins), .kind = MLS_INTEGER, .def = 255, .min = 2, .max = 65534,
      .help = "values of a feature told apart; over 255 takes twice the "
              "memory" },
    { 0 }
};

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct extra_trees_params *p = job->params;
    const struct mls_forest forest = {
        .trees = p->trees, .entropy = p->criterion == 1, .random = true,
        .max_depth = p->max_depth, .max_leaves = p->max_leaves,
        .min_split = p->min_samples_split, .min_leaf = p->min_samples_leaf,
        .max_features = p->max_features, .bootstrap = p->bootstrap,
        .sample = p->max_samples, .out_of_bag = p->oob_score,
        .bins = p->max_bins
    };

    return mls_forest_fit(job, &forest, err);
}

const struct mls_learner_type mls_learner_extra_trees = {
    .name = "extra_trees",
    .summary = "extremely randomized trees: cuts drawn at random, averaged",
    .source = "Geurts, Ernst & Wehenkel (2006), Machine Learning 63(1), "
              "3-42",
    .objective = "each split: the impurity of a node, Gini's, the entropy or "
                 "squared differences from the mean, weighted by rows",
    .tasks = MLS_TASK_ANY,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_MISSING | MLS_CAN_INSPECT,
    .takes = MLS_TAKES_COLUMNS,
    .steps = "",
    .params = params,
    .params_size = sizeof(struct extra_trees_params),
    .fit = fit,
};
