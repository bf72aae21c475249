/*
 * Random forest: trees grown deep on bags of rows, looking at a few features in
 * each node, averaged (Breiman 2001).
 *
 * The trees work on codes of at most `bins` values a feature, made once for all
 * of them (stats/bins.h), and categories are split by subsets, so nothing is
 * one-hot encoded or imputed.  What a leaf holds, probabilities or a mean, is
 * averaged over the trees.
 */
#include "learner/forest_fit.h"

static const struct mls_param params[] = {
    MLS_FOREST_PARAMS(1)
    { 0 }
};

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    return mls_forest_fit(job, false, err);
}

const struct mls_learner_type mls_learner_forest = {
    .name = "forest",
    .summary = "random forest: deep trees on bags of rows, averaged",
    .source = "Breiman (2001), Machine Learning 45(1), 5-32",
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
