/*
 * The model of all tree learners: what it can do, in one table.  It is built in
 * trees_build.c, checked in trees_check.c, made ready in trees_plan.c, and
 * scores in trees_score.c.
 */
#include <assert.h>

#include "base/json.h"
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

static bool describe(const struct mls_model *model, const char *const *names,
                     const char *const *classes, struct mls_json *to,
                     struct mls_error *err)
{
    struct trees_file f;
    struct mls_json *array, *item;

    (void)classes;
    if (!mls_trees_open(model, &f, err)
        || !mls_json_add_integer(to, "trees", f.trees, err)
        || !mls_json_add_integer(to, "leaves", f.leaves, err)) {
        return false;
    }
    array = mls_json_add_array(to, "importance", err);
    for (int64_t j = 0; array && j < f.features; j++) {
        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_json_add_text(item, "feature", names[j], err)
            || !mls_json_add_real(item, "gain", f.gain[j], err)) {
            return false;
        }
    }
    return array != NULL;
}

const struct mls_model_type mls_model_trees = {
    .name = "trees",
    .takes_columns = true,
    .check = mls_trees_check,
    .compile = compile,
    .release = release,
    .score = mls_trees_score,
    .contributions = mls_trees_contributions,
    .describe = describe,
};
