/*
 * The list of learners in plain sight, and finding one by name.
 */
#include "learner/learners.h"

#include <assert.h>
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/model.h"
#include "table/dataset.h"

#define ROW(name) &mls_learner_##name,
const struct mls_learner_type *const mls_learners[] = { MLS_LEARNERS(ROW) NULL };
#undef ROW

enum { LEARNERS = sizeof(mls_learners) / sizeof(mls_learners[0]) - 1 };

static bool does(const struct mls_learner_type *learner, enum mls_task task)
{
    return task == 0 || (learner->tasks & (1u << task)) != 0;
}

/* "auto" and the names of the learners for a task; returns how many. */
static int64_t names_for(enum mls_task task, const char *names[LEARNERS + 1])
{
    int64_t count = 0;

    if (task != 0)
        names[count++] = "auto";
    for (int i = 0; i < LEARNERS; i++) {
        if (does(mls_learners[i], task))
            names[count++] = mls_learners[i]->name;
    }
    return count;
}

static void fix_with_list(const char *const *names, int64_t count,
                          struct mls_error *err)
{
    char list[sizeof(err->fix)] = "";
    size_t used = 0;

    for (int64_t i = 0; i < count && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                 i > 0 ? ", " : "", names[i]);
    }
    mls_fail_fix(err, "choose from %.200s", list);
}

static const struct mls_learner_type *by_name(const char *name,
                                              enum mls_task task)
{
    if (strcmp(name, "auto") == 0 && task != 0)
        return task == MLS_ANOMALY ? &mls_learner_isolation_forest
                                   : &mls_learner_gbdt;
    for (int i = 0; i < LEARNERS; i++) {
        if (strcmp(mls_learners[i]->name, name) == 0)
            return mls_learners[i];
    }
    return NULL;
}

const struct mls_learner_type *mls_learner_plain(enum mls_task task)
{
    return task == MLS_REGRESSION ? &mls_learner_ridge
        : task == MLS_ANOMALY     ? &mls_learner_isolation_forest
                                  : &mls_learner_logistic;
}

const struct mls_learner_type *mls_learner_find(const char *name,
                                                enum mls_task task,
                                                struct mls_error *err)
{
    const struct mls_learner_type *learner = by_name(name, task);
    const char *names[LEARNERS + 1], *near;
    int64_t count = names_for(task, names);

    if (learner && does(learner, task))
        return learner;
    if (learner) {
        mls_fail(err, MLS_USAGE, "the learner \"%s\" does not do %s", name,
                 mls_task_title(task));
        fix_with_list(names, count, err);
        return NULL;
    }
    mls_fail(err, MLS_USAGE, "there is no learner \"%s\"",
             mls_show_text(name).text);
    near = mls_nearest(name, names, count);
    if (near)
        mls_fail_fix(err, "did you mean \"%s\"?", near);
    else
        fix_with_list(names, count, err);
    return NULL;
}

/* The classes of a multiclass target share what is added to all of their
 * scores: nothing would change. */
static bool takes_offset(const struct mls_learner_type *learner,
                         enum mls_task task)
{
    return task == MLS_REGRESSION
        ? (learner->can & (MLS_CAN_OFFSET | MLS_CAN_SHIFT)) != 0
        : task == MLS_BINARY && (learner->can & MLS_CAN_OFFSET) != 0;
}

bool mls_learner_need_offset(const struct mls_learner_type *learner,
                             enum mls_task task, struct mls_error *err)
{
    const char *names[LEARNERS];
    int64_t count = 0;

    if (takes_offset(learner, task))
        return true;
    for (int i = 0; i < LEARNERS; i++) {
        if (does(mls_learners[i], task) && takes_offset(mls_learners[i], task))
            names[count++] = mls_learners[i]->name;
    }
    mls_fail(err, MLS_USAGE, "the learner \"%s\" has no place for an offset%s",
             learner->name, count ? "" : " in this task");
    if (count)
        fix_with_list(names, count, err);
    else
        mls_fail_fix(err, "leave out --offset");
    return false;
}

static struct mls_model *fit_shifted(const struct mls_learner_type *learner,
                                     const struct mls_fit_job *job,
                                     struct mls_error *err)
{
    struct mls_dataset data = *job->data;
    struct mls_fit_job shifted = *job;
    double *y = mls_new_array(data.target.rows, sizeof(double), err);
    struct mls_model *model;

    if (!y)
        return NULL;
    for (int64_t i = 0; i < data.target.rows; i++)
        y[i] = data.target.y[i] - data.target.offset[i];
    data.target.y = y;
    data.target.offset = NULL;
    shifted.data = &data;
    model = learner->fit(&shifted, err);
    mls_free(y);
    return model;
}

struct mls_model *mls_learner_fit(const struct mls_learner_type *learner,
                                  const struct mls_fit_job *job,
                                  struct mls_error *err)
{
    const struct mls_target *target = &job->data->target;

    if (!target->offset)
        return learner->fit(job, err);
    if (!mls_learner_need_offset(learner, target->task, err))
        return NULL;
    for (int64_t i = 0; i < target->rows; i++) {
        if (!isfinite(target->offset[i])) {
            mls_fail(err, MLS_DATA, "an offset is not finite");
            mls_fail_fix(err, "offsets are numbers in units of the score: of "
                              "an exposure, the logarithm");
            return NULL;
        }
    }
    return learner->can & MLS_CAN_OFFSET ? learner->fit(job, err)
                                         : fit_shifted(learner, job, err);
}

/* ---- Defaults by size -------------------------------------------------- */

static bool is_auto(const struct mls_param *param, const void *params)
{
    const char *at = (const char *)params + param->at;

    if (param->kind == MLS_CHOICE)
        return strcmp(param->choices[*(const int *)(const void *)at],
                      "auto") == 0;
    return mls_param_is_auto(param, params);
}

static bool tell(const struct mls_param *param, const void *params,
                 struct mls_json *chosen, struct mls_error *err)
{
    const void *at = (const char *)params + param->at;

    if (!chosen)
        return true;
    if (param->kind == MLS_CHOICE)
        return mls_json_add_text(chosen, param->name,
                                 param->choices[*(const int *)at], err);
    return param->kind == MLS_INTEGER
        ? mls_json_add_integer(chosen, param->name, *(const int64_t *)at, err)
        : mls_json_add_real(chosen, param->name, *(const double *)at, err);
}

/* "key=value" of length n. */
static bool resolve_one(const struct mls_learner_type *learner,
                        const char *word, size_t n, void *params,
                        struct mls_json *chosen, struct mls_error *err)
{
    char text[64], *value;
    const struct mls_param *param;

    assert(n < sizeof(text));
    memcpy(text, word, n);
    text[n] = '\0';
    value = strchr(text, '=');
    assert(value);
    *value++ = '\0';
    param = mls_params_find(learner->params, text, NULL);
    assert(param);
    return !is_auto(param, params)
        || (mls_params_set(learner->params, params, learner->name, text, value,
                           err)
            && tell(param, params, chosen, err));
}

bool mls_learner_resolve(const struct mls_learner_type *learner,
                         const char *name, int64_t rows, void *params,
                         struct mls_json *chosen, struct mls_error *err)
{
    const struct mls_defaults *d = learner->defaults;
    const char *word;

    while (d->name && (strcmp(d->name, name) != 0 || rows > d->rows))
        d++;
    for (word = d->name ? d->values : ""; *word; ) {
        size_t n = strcspn(word, " ");

        if (!resolve_one(learner, word, n, params, chosen, err))
            return false;
        word += n + strspn(word + n, " ");
    }
    return true;
}

bool mls_learner_need_rows(const struct mls_dataset *data,
                           struct mls_error *err)
{
    if (data->rows > 0)
        return true;
    mls_fail(err, MLS_DATA, "there is no row to learn from");
    return mls_fail_fix(err, "are all targets missing, or all weights 0?");
}

void mls_learner_log_frequencies(const struct mls_target *target,
                                 double *score)
{
    double sum = 0;

    for (int k = 0; k < target->classes; k++)
        score[k] = 0;
    for (int64_t i = 0; i < target->rows; i++)
        score[(int)target->y[i]] += target->weight ? target->weight[i] : 1;
    for (int k = 0; k < target->classes; k++) {
        score[k] = score[k] > 0 ? score[k] : 0.5;
        sum += score[k];
    }
    for (int k = 0; k < target->classes; k++)
        score[k] = log(score[k] / sum);
}

struct mls_model *mls_learner_finish(struct mls_model *model,
                                     struct mls_error *err)
{
    struct mls_error overflow;

    if (!model || model->type->check(model, &overflow))
        return model;
    mls_model_free(model);
    mls_fail(err, MLS_DATA, "the coefficients are not finite: numbers of the "
                            "columns or of the target are too large");
    mls_fail_fix(err, "scale the columns (--scale standard)");
    return NULL;
}
