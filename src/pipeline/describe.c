/*
 * What a pipeline holds, for people and for programs: inspect's report.
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>

#include "base/number.h"
#include "model/trees.h"

static void add_param(struct mls_text *text, const struct mls_param *param,
                      const void *values, bool *any)
{
    char shown[256];

    mls_param_format(param, values, shown, sizeof shown);
    mls_text_add(text, *any ? ", " : "(");
    *any = true;
    mls_text_add(text, param->name);
    mls_text_add(text, "=");
    mls_text_add(text, shown);
}

/* Only what differs from the default, and the primary param. */
static bool worth_saying(const struct mls_step_type *type,
                         const struct mls_param *param, const void *values,
                         const void *defaults)
{
    char now[256], def[256];

    mls_param_format(param, values, now, sizeof now);
    mls_param_format(param, defaults, def, sizeof def);
    return strcmp(now, def) != 0
        || (type->primary && strcmp(type->primary, param->name) == 0);
}

static bool add_step(struct mls_text *text, const struct mls_step *step,
                     struct mls_error *err)
{
    const struct mls_step_type *type = step->type;
    void *defaults = mls_new(1, type->params_size ? type->params_size : 1,
                             err);
    bool any = false;

    if (!defaults)
        return false;
    mls_text_add(text, step->name);
    if (type->params)
        mls_params_init(type->params, defaults, type->params_size);
    if (step->columns) {
        mls_text_add(text, "(columns=");
        mls_text_add(text, step->columns);
        any = true;
    }
    for (const struct mls_param *row = type->params; row && row->name; row++)
        if (worth_saying(type, row, step->params, defaults))
            add_param(text, row, step->params, &any);
    mls_text_add(text, any ? ")" : "");
    if (type->params)
        mls_params_clear(type->params, defaults);
    mls_free(defaults);
    return true;
}

char *mls_pipeline_recipe_text(const struct mls_pipeline *p,
                               struct mls_error *err)
{
    struct mls_text text = { 0 };

    for (int64_t i = 0; i < p->step_count; i++) {
        mls_text_add(&text, i ? " → " : "");
        if (!add_step(&text, p->steps[i], err)) {
            mls_text_clear(&text);
            return NULL;
        }
    }
    if (p->step_count == 0)
        mls_text_add(&text, "none");
    if (mls_text_ok(&text, err))
        return text.bytes;
    mls_text_clear(&text);
    return NULL;
}

static bool describe_steps(const struct mls_pipeline *p, struct mls_json *to,
                           struct mls_error *err)
{
    struct mls_json *array = mls_json_add_array(to, "steps", err), *item;

    for (int64_t i = 0; array && i < p->step_count; i++) {
        const struct mls_step *step = p->steps[i];

        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_json_add_text(item, "name", step->name, err)
            || !mls_recipe_step_to_json(step, item, err)
            || (step->fitted
                && !mls_json_add_integer(item, "inputs", step->input_count,
                                         err))
            || (step->fitted && step->type->describe
                && !step->type->describe(step, item, err)))
            return false;
    }
    return array != NULL;
}

/* x as a step made it is factor * x + shift, for a feature x. */
struct undo {
    double factor, shift;
};

static int64_t find_feature(const struct mls_pipeline *p, const char *name)
{
    int64_t low = 0, high = p->feature_count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(p->feature_names[middle], name);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* One step; what it does to a column otherwise than by a scale is where the
 * column begins. */
static bool undo_step(const struct mls_pipeline *p,
                      const struct mls_step *step, struct undo *undo)
{
    static const char *const names[] = { "shift", "scale", "offset" };
    const double *values[3] = { NULL, NULL, NULL };
    bool scales = strcmp(step->type->name, "scale") == 0, any = false;

    for (int k = 0; scales && k < 3; k++) {
        const struct mls_array *a = mls_arrays_find(&step->arrays, names[k]);

        scales = a && a->dtype == MLS_F64 && a->count == step->input_count;
        values[k] = scales ? a->data : NULL;
    }
    for (int64_t k = 0; step->type->apply && k < step->input_count; k++) {
        int64_t j = find_feature(p, step->input_names.items[k]);

        if (j < 0)
            continue;
        if (!scales) {
            undo[j] = (struct undo){ 1, 0 };
            continue;
        }
        undo[j].factor /= values[1][k];
        undo[j].shift = (undo[j].shift - values[0][k]) / values[1][k]
            + values[2][k];
        any = any || values[1][k] != 1 || undo[j].shift != 0;
    }
    return any;
}

/* {"original": ...}: the linear model in the units that the columns had before
 * they were scaled. */
static bool describe_original(const struct mls_pipeline *p,
                              struct mls_json *to, struct mls_error *err)
{
    int64_t n = p->feature_count;
    struct mls_model *model = NULL;
    struct undo *undo;
    struct mls_json *object;
    double *coef, *intercept;
    const double *b, *b0;
    bool any = false, ok;

    if (p->model->type != &mls_model_linear)
        return true;
    undo = mls_new(n, sizeof(*undo), err);
    if (!undo)
        return false;
    for (int64_t j = 0; j < n; j++)
        undo[j].factor = 1;
    for (int64_t i = 0; i < p->step_count; i++)
        any = undo_step(p, p->steps[i], undo) || any;
    ok = !any
        || (model = mls_model_linear_new(p->task, p->model->classes, n, &coef,
                                         &intercept, err));
    if (ok && any) {
        b = mls_arrays_find(&p->model->arrays, "coef")->data;
        b0 = mls_arrays_find(&p->model->arrays, "intercept")->data;
        for (int k = 0; k < mls_model_outputs(model); k++) {
            intercept[k] = b0[k];
            for (int64_t j = 0; j < n; j++) {
                coef[j + k * n] = b[j + k * n] * undo[j].factor;
                intercept[k] += b[j + k * n] * undo[j].shift;
            }
        }
        object = mls_json_add_object(to, "original", err);
        ok = object
            && mls_model_linear.describe(
                model, p->feature_names,
                (const char *const *)p->classes.items, object, err);
    }
    mls_model_free(model);
    mls_free(undo);
    return ok;
}

static bool describe_model(const struct mls_pipeline *p, struct mls_json *to,
                           struct mls_error *err)
{
    struct mls_json *model;

    if (!p->model)
        return true;
    model = mls_json_add_object(to, "model", err);
    return model
        && mls_json_add_text(model, "type", p->model->type->name, err)
        && mls_json_add_integer(model, "features", p->feature_count, err)
        && (!p->model->type->describe
            || p->model->type->describe(p->model, p->feature_names,
                                        (const char *const *)p->classes.items,
                                        model, err))
        && describe_original(p, model, err);
}

static bool describe_learner(const struct mls_pipeline *p,
                             struct mls_json *to, struct mls_error *err)
{
    struct mls_json *params;

    if (!p->learner)
        return true;
    if (!mls_json_add_text(to, "learner", p->learner->name, err))
        return false;
    params = mls_json_add_object(to, "params", err);
    return params
        && mls_recipe_params_to_json(p->learner->params, p->params, params,
                                     err);
}

static bool add_copy(struct mls_json *to, const char *key,
                     const struct mls_json *from, struct mls_error *err)
{
    struct mls_json *copy = from ? mls_json_copy(from, err) : NULL;

    return !from || (copy && mls_json_add(to, key, copy, err));
}

struct mls_json *mls_pipeline_describe(const struct mls_pipeline *p,
                                       struct mls_error *err)
{
    struct mls_json *json = mls_json_new_object(err), *schema;
    const char *target = mls_pipeline_target(p);
    bool ok = json && mls_json_add_text(json, "task", mls_task_name(p->task),
                                        err)
        && (!target || mls_json_add_text(json, "target", target, err))
        && mls_pipeline_classes_to_json(p, json, err)
        && describe_learner(p, json, err)
        && add_copy(json, "chosen", p->chosen, err)
        && mls_json_add_bool(json, "fitted", p->fitted, err)
        && (!p->fitted || mls_json_add_integer(json, "training_rows",
                                               p->training_rows, err))
        && mls_json_add_integer(json, "seed", (int64_t)p->seed, err)
        && (!p->has_threshold
            || mls_json_add_real(json, "threshold", p->threshold, err))
        && (!p->class_weight || mls_json_add_text(json, "class_weight",
                                                  p->class_weight, err))
        && add_copy(json, "quality", p->quality, err)
        && describe_steps(p, json, err) && describe_model(p, json, err)
        && (schema = mls_json_add_object(json, "columns", err)) != NULL
        && mls_schema_to_json(&p->schema, true, schema, err)
        && add_copy(json, "fingerprint", p->fingerprint, err);

    if (ok)
        return json;
    mls_json_free(json);
    return NULL;
}

struct mls_json *mls_pipeline_selection(const struct mls_pipeline *p,
                                        struct mls_error *err)
{
    struct mls_json *array = mls_json_new_array(err), *item;

    for (int64_t i = 0; array && i < p->step_count; i++) {
        const struct mls_step *step = p->steps[i];

        if (!step->fitted || !mls_step_type_find(mls_selectors,
                                                 step->type->name))
            continue;
        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_json_add_text(item, "step", step->name, err)
            || (step->type->describe
                && !step->type->describe(step, item, err))) {
            mls_json_free(array);
            return NULL;
        }
    }
    return array;
}

/* ---- Trees --------------------------------------------------------------- */

/* The fields that the model's features are, in its order: a new array. */
static const struct mls_field **feature_fields(const struct mls_pipeline *p,
                                               struct mls_error *err)
{
    const struct mls_schema *after = mls_pipeline_after(p, p->step_count);
    const struct mls_field **fields =
        mls_new_array(p->feature_count, sizeof(*fields), err);

    for (int64_t j = 0; fields && j < p->feature_count; j++)
        fields[j] = &after->fields[p->feature[j]];
    return fields;
}

static int64_t count_trees(const struct mls_pipeline *p)
{
    return p->model->type == &mls_model_trees ? mls_trees_count(p->model) : 0;
}

struct mls_json *mls_pipeline_tree(const struct mls_pipeline *p,
                                   int64_t number, int64_t most,
                                   struct mls_error *err)
{
    const struct mls_field **fields;
    struct mls_json *json;

    if (!p->model || !p->model->type->print_tree) {
        mls_fail(err, MLS_USAGE, "the pipeline holds no tree");
        mls_fail_fix(err, "tree, forest, extra_trees and gbdt make some");
        return NULL;
    }
    if (number < 1 || number > count_trees(p)) {
        mls_fail(err, MLS_USAGE, "there is no tree %" PRId64, number);
        mls_fail_fix(err, "the model has %" PRId64 ", from 1 on",
                     count_trees(p));
        return NULL;
    }
    fields = feature_fields(p, err);
    json = fields ? mls_json_new_object(err) : NULL;
    if (json
        && !p->model->type->print_tree(p->model, fields,
                                       (const char *const *)p->classes.items,
                                       number - 1, most, json, err)) {
        mls_json_free(json);
        json = NULL;
    }
    mls_free(fields);
    return json;
}

struct mls_json *mls_pipeline_dependence(const struct mls_pipeline *p,
                                         const char *column,
                                         struct mls_error *err)
{
    const struct mls_schema *after;
    int64_t j = p->model ? find_feature(p, column) : -1;
    const char *near;
    struct mls_json *json;

    if (!p->model || !p->model->type->dependence) {
        mls_fail(err, MLS_USAGE, "only models of trees have a partial "
                                 "dependence of their own");
        mls_fail_fix(err, "of a linear model, a column's coefficient is its "
                          "slope");
        return NULL;
    }
    if (j < 0) {
        near = mls_nearest(column, p->feature_names, p->feature_count);
        mls_fail(err, MLS_USAGE, "--pdp: the model has no feature \"%s\"",
                 mls_show_text(column).text);
        if (near)
            mls_fail_fix(err, "did you mean \"%s\"?",
                         mls_show_text(near).text);
        return NULL;
    }
    after = mls_pipeline_after(p, p->step_count);
    json = mls_json_new_object(err);
    if (json
        && !p->model->type->dependence(p->model, j,
                                       &after->fields[p->feature[j]], json,
                                       err)) {
        mls_json_free(json);
        return NULL;
    }
    return json;
}
