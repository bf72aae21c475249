/*
 * One decision tree: CART (Breiman, Friedman, Olshen & Stone 1984), on codes of
 * at most max_bins values a feature, with native categories and missing values.
 *
 * It is bounded by depth, by leaves (the split that gains most first), by the
 * rows of nodes and leaves, and by cost-complexity pruning.
 */
#include "base/memory.h"
#include "base/random.h"
#include "learner/forest_fit.h"
#include "learner/tree_grow.h"


struct tree_params {
    int criterion;
    int64_t max_depth;
    int64_t max_leaves;
    double min_samples_split;
    double min_samples_leaf;
    double ccp_alpha;
    int64_t max_bins;
};

#define FIELD(name) #name, .at = offsetof(struct tree_params, name)
static const struct mls_param params[] = {
    { FIELD(criterion), .kind = MLS_CHOICE, .choices = mls_tree_criteria, .def = 0,
      .help = "impurity of classes; a regression always takes squared error" },
    { FIELD(max_depth), .kind = MLS_INTEGER, .def = 0, .min = 0, .max = 10000,
      .help = "splits from the root to a leaf at most; 0: no bound" },
    { FIELD(max_leaves), .alias = "max_leaf_nodes", .kind = MLS_INTEGER,
      .def = 0, .min = 0, .max = 1e9,
      .help = "leaves at most, the best splits first; 0: no bound" },
    { FIELD(min_samples_split), .kind = MLS_REAL, .def = 2, .min = 2,
      .max = 1e9, .help = "weight of rows that a split node has at least" },
    { FIELD(min_samples_leaf), .kind = MLS_REAL, .def = 10, .min = 0,
      .max = 1e9, .low = 1, .high = 100, .flags = MLS_LOG,
      .help = "weight of rows that a leaf has at least" },
    { FIELD(ccp_alpha), .kind = MLS_REAL, .def = 0, .min = 0, .max = 1e300,
      .help = "cost of a leaf in pruning, in the unit of the impurity; 0: only "
              "splits that gain nothing are cut" },
    { FIELD(max_bins), .kind = MLS_INTEGER, .def = 255, .min = 2, .max = 65534,
      .help = "values of a feature told apart; over 255 takes twice the "
              "memory" },
    { 0 }
};

static double total_weight(const struct mls_target *target)
{
    double total = 0;

    for (int64_t i = 0; i < target->rows; i++)
        total += target->weight ? target->weight[i] : 1;
    return total;
}

static struct mls_model *to_model(const struct mls_growth *growth,
                                  const struct mls_tree *tree,
                                  struct mls_error *err)
{
    const struct mls_binned *binned = growth->binned;
    struct mls_trees_shape shape = { .task = growth->target->task,
                                     .classes = growth->target->classes,
                                     .features = binned->features,
                                     .bins = binned->bins,
                                     .combine = MLS_COMBINE_MEAN,
                                     .width = mls_growth_width(growth) };
    struct mls_trees_builder *builder = mls_trees_begin(&shape, err);

    if (!builder)
        return NULL;
    if (mls_trees_add(builder, tree, err))
        return mls_trees_finish(builder, err);
    mls_trees_abandon(builder);
    return NULL;
}

static struct mls_model *grow(const struct mls_fit_job *job,
                              struct mls_growth *growth, struct mls_error *err)
{
    const struct tree_params *p = job->params;
    struct mls_tree tree = { 0 };
    struct mls_model *model = NULL;

    if (!mls_growth_begin(growth, err))
        return NULL;
    growth->max_features = growth->features;
    if (mls_grow_tree(growth, mls_random_key(job->seed, "tree"), NULL, &tree,
                      err)
        && mls_tree_prune(&tree, p->ccp_alpha, total_weight(growth->target),
                          mls_growth_width(growth), err))
        model = to_model(growth, &tree, err);
    mls_tree_clear(&tree);
    mls_growth_end(growth);
    return model;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct tree_params *p = job->params;
    struct mls_binning how = { .most = p->max_bins, .sample = MLS_BINNING_SAMPLE,
                               .seed = job->seed, .by_column = true };
    struct mls_binned binned;
    struct mls_growth growth = {
        .run = job->run, .binned = &binned, .target = &job->data->target,
        .entropy = p->criterion == 1, .max_depth = p->max_depth,
        .max_leaves = p->max_leaves, .min_split = p->min_samples_split,
        .min_leaf = p->min_samples_leaf, .alone = true
    };
    struct mls_model *model;

    if (!mls_learner_need_rows(job->data, err)
        || !mls_binned_make(job->run, job->data, &how, &binned, err))
        return NULL;
    mls_dataset_drop_cells(job->data);
    model = grow(job, &growth, err);
    mls_binned_clear(&binned);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_tree = {
    .name = "tree",
    .summary = "one decision tree, for a model that can be read",
    .source = "Breiman, Friedman, Olshen & Stone (1984), Classification and "
              "Regression Trees",
    .objective = "each split: the impurity of a node, Gini's, the entropy or "
                 "squared differences from the mean, weighted by rows",
    .tasks = MLS_TASK_ANY,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_MISSING | MLS_CAN_INSPECT,
    .takes = MLS_TAKES_COLUMNS,
    .steps = "",
    .params = params,
    .params_size = sizeof(struct tree_params),
    .fit = fit,
};
