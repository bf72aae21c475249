/*
 * The model of all tree learners: what it can do, in one table.  It is built in
 * trees_build.c, checked in trees_check.c, made ready in trees_plan.c, scores
 * in trees_score.c, explains itself in trees_shap.c and trees_dependence.c, and
 * shows itself in trees_describe.c and trees_print.c.
 */
#include <assert.h>

#include "model/trees_plan.h"

static bool compile(struct mls_model *model, struct mls_error *err)
{
    model->compiled = mls_trees_plan(model, err);
    return model->compiled != NULL;
}

static void release(void *compiled)
{
    mls_trees_plan_free(compiled);
}

int64_t mls_trees_count(const struct mls_model *model)
{
    const struct mls_array *trees = mls_arrays_find(&model->arrays, "trees");

    return *(const int64_t *)trees->data;
}

const struct mls_bins *mls_trees_bins(const struct mls_model *model)
{
    const struct trees_plan *plan = model->compiled;

    assert(plan);
    return plan->bins;
}

const struct mls_model_type mls_model_trees = {
    .name = "trees",
    .takes_columns = true,
    .check = mls_trees_check,
    .compile = compile,
    .release = release,
    .score = mls_trees_score,
    .contributions = mls_trees_contributions,
    .describe = mls_trees_describe,
    .print_tree = mls_trees_print,
    .dependence = mls_trees_dependence,
};
