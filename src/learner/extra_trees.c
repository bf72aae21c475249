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

static const struct mls_param params[] = {
    MLS_FOREST_PARAMS(0)
    { 0 }
};

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    return mls_forest_fit(job, true, err);
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
    .params_size = sizeof(struct mls_forest_params),
    .fit = fit,
};
