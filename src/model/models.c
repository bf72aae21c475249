/*
 * The list of models in plain sight, and what is the same for all of them.
 */
#include "model/model.h"

#include <assert.h>

#include "base/memory.h"
#include "model/trees.h"

const struct mls_model_type *const mls_model_types[] = {
    &mls_model_linear,
    &mls_model_trees,
    NULL
};

const struct mls_model_type *mls_model_type_find(const char *name)
{
    for (int i = 0; mls_model_types[i]; i++) {
        if (strcmp(mls_model_types[i]->name, name) == 0)
            return mls_model_types[i];
    }
    return NULL;
}

struct mls_model *mls_model_new(const struct mls_model_type *type,
                                enum mls_task task, int classes,
                                int64_t features, struct mls_error *err)
{
    struct mls_model *model = mls_new(1, sizeof(*model), err);

    if (!model)
        return NULL;
    model->type = type;
    model->task = task;
    model->classes = task == MLS_REGRESSION ? 0 : classes;
    model->features = features;
    return model;
}

void mls_model_free(struct mls_model *model)
{
    if (!model)
        return;
    if (model->compiled)
        model->type->release(model->compiled);
    mls_arrays_clear(&model->arrays);
    mls_free(model);
}

bool mls_model_ready(struct mls_model *model, struct mls_error *err)
{
    assert(!model->compiled);
    return model->type->check(model, err)
        && (!model->type->compile || model->type->compile(model, err));
}

int mls_model_outputs(const struct mls_model *model)
{
    return model->task == MLS_MULTICLASS ? model->classes : 1;
}

/* Both from the same exponential of a number that is not positive: neither
 * overflows, and the smaller one keeps all its digits. */
static void binary(double score, double *p)
{
    double e = exp(-fabs(score));
    double small = e / (1 + e), large = 1 / (1 + e);

    p[0] = score >= 0 ? small : large;
    p[1] = score >= 0 ? large : small;
}

static void softmax(const double *score, int classes, double *p)
{
    double high = score[0], sum = 0;

    for (int k = 1; k < classes; k++)
        high = score[k] > high ? score[k] : high;
    for (int k = 0; k < classes; k++) {
        p[k] = exp(score[k] - high);
        sum += p[k];
    }
    for (int k = 0; k < classes; k++)
        p[k] /= sum;
}

void mls_model_probabilities(const struct mls_model *model, int64_t rows,
                             const double *score, double *probability)
{
    int outputs = mls_model_outputs(model), classes = model->classes;

    assert(model->task != MLS_REGRESSION);
    for (int64_t i = 0; i < rows; i++) {
        if (model->task == MLS_BINARY)
            binary(score[i], probability + 2 * i);
        else
            softmax(score + i * outputs, classes, probability + i * classes);
    }
}
