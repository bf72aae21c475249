/*
 * A pipeline to its file and back.  The container holds one JSON text, in
 * which everything that is not an array stands, and the arrays:
 *
 *   schema.I.levels   dictionary of raw column I (bytes and offsets)
 *   step.I.NAME       what step I learned;  step.I.inputs: its columns
 *   model.NAME        what the model learned
 *   baseline          class frequencies or the mean of the training target
 *
 * Nothing that changes from run to run (times, threads, paths) is written, so
 * equal inputs give equal bytes.  Reading trusts nothing: every member is
 * checked, then steps and model check their arrays.
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <math.h>

#include "base/container.h"
#include "mlspec/version.h"

#define STEPS_LIMIT 1000

bool mls_pipeline_classes_to_json(const struct mls_pipeline *p,
                                  struct mls_json *to, struct mls_error *err)
{
    struct mls_json *array;

    if (p->classes.count == 0)
        return true;
    array = mls_json_add_array(to, "classes", err);
    for (int64_t i = 0; array && i < p->classes.count; i++)
        if (!mls_json_add_text(array, NULL, p->classes.items[i], err))
            return false;
    return array != NULL;
}

static bool steps_to_json(const struct mls_pipeline *p, struct mls_json *to,
                          struct mls_error *err)
{
    struct mls_json *array = mls_json_add_array(to, "steps", err), *item;

    for (int64_t i = 0; array && i < p->step_count; i++) {
        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_recipe_step_to_json(p->steps[i], item, err))
            return false;
    }
    return array != NULL;
}

static bool learner_to_json(const struct mls_pipeline *p, struct mls_json *to,
                            struct mls_error *err)
{
    struct mls_json *learner, *params, *model;

    if (!p->learner)
        return true;
    learner = mls_json_add_object(to, "learner", err);
    params = learner && mls_json_add_text(learner, "name", p->learner->name,
                                          err)
                 ? mls_json_add_object(learner, "params", err)
                 : NULL;
    if (!params
        || !mls_recipe_params_to_json(p->learner->params, p->params, params,
                                      err))
        return false;
    if (!p->model)
        return true;
    model = mls_json_add_object(to, "model", err);
    return model && mls_json_add_text(model, "type", p->model->type->name, err)
        && mls_json_add_integer(model, "features", p->model->features, err);
}

static bool copy_member(struct mls_json *to, const char *key,
                        const struct mls_json *from, struct mls_error *err)
{
    struct mls_json *copy;

    if (!from)
        return true;
    copy = mls_json_copy(from, err);
    return copy && mls_json_add(to, key, copy, err);
}

static bool settings_to_json(const struct mls_pipeline *p,
                             struct mls_json *to, struct mls_error *err)
{
    struct mls_json *settings = mls_json_add_object(to, "settings", err);

    return settings
        && mls_json_add_integer(settings, "seed", (int64_t)p->seed, err)
        && mls_json_add_bool(settings, "drop_missing_target",
                             p->drop_missing_target, err)
        && mls_json_add_bool(settings, "unknown_is_error",
                             p->unknown_is_error, err)
        && (!p->has_threshold
            || mls_json_add_real(settings, "threshold", p->threshold, err))
        && (!p->class_weight
            || mls_json_add_text(settings, "class_weight", p->class_weight,
                                 err));
}

static bool training_to_json(const struct mls_pipeline *p,
                             struct mls_json *to, struct mls_error *err)
{
    struct mls_json *training;

    if (!p->fitted)
        return true;
    training = mls_json_add_object(to, "training", err);
    return training
        && mls_json_add_integer(training, "rows", p->training_rows, err)
        && copy_member(training, "chosen", p->chosen, err)
        && copy_member(training, "fingerprint", p->fingerprint, err)
        && copy_member(training, "quality", p->quality, err);
}

static struct mls_json *to_json(const struct mls_pipeline *p,
                                struct mls_error *err)
{
    struct mls_json *json = mls_json_new_object(err), *schema;
    bool ok = json
        && mls_json_add_integer(json, "format", MLS_FORMAT_VERSION, err)
        && mls_json_add_text(json, "made_by", mls_version(), err)
        && mls_json_add_text(json, "task", mls_task_name(p->task), err)
        && mls_pipeline_classes_to_json(p, json, err)
        && settings_to_json(p, json, err)
        && learner_to_json(p, json, err) && steps_to_json(p, json, err)
        && training_to_json(p, json, err)
        && (schema = mls_json_add_object(json, "schema", err)) != NULL
        && mls_schema_to_json(&p->schema, false, schema, err);

    if (ok)
        return json;
    mls_json_free(json);
    return NULL;
}

static bool schema_arrays(const struct mls_schema *schema,
                          struct mls_arrays *arrays, struct mls_error *err)
{
    for (int64_t i = 0; i < schema->count; i++) {
        const struct mls_dictionary *d = schema->fields[i].dictionary;
        char name[64];
        int64_t *offset;
        char *bytes;

        if (!d)
            continue;
        snprintf(name, sizeof name, "schema.%" PRId64 ".levels.offsets", i);
        offset = mls_arrays_add1(arrays, name, MLS_I64, d->count + 1, err);
        if (!offset)
            return false;
        memcpy(offset, d->offset, (size_t)(d->count + 1) * sizeof *offset);
        snprintf(name, sizeof name, "schema.%" PRId64 ".levels.bytes", i);
        bytes = mls_arrays_add1(arrays, name, MLS_U8, d->offset[d->count],
                                err);
        if (!bytes)
            return false;
        memcpy(bytes, d->bytes, (size_t)d->offset[d->count]);
    }
    return true;
}

static bool step_arrays(const struct mls_step *step, int64_t i,
                        struct mls_arrays *arrays, struct mls_error *err)
{
    char prefix[64];
    char name[80];

    snprintf(prefix, sizeof prefix, "step.%" PRId64 ".", i);
    snprintf(name, sizeof name, "step.%" PRId64 ".inputs", i);
    return mls_arrays_add_texts(arrays, name,
                                (const char *const *)step->input_names.items,
                                step->input_names.count, err)
        && mls_arrays_copy(arrays, prefix, &step->arrays, err);
}

static bool collect(const struct mls_pipeline *p, struct mls_arrays *arrays,
                    struct mls_error *err)
{
    int64_t classes = p->classes.count;
    double *baseline;

    if (!schema_arrays(&p->schema, arrays, err))
        return false;
    for (int64_t i = 0; p->fitted && i < p->step_count; i++)
        if (!step_arrays(p->steps[i], i, arrays, err))
            return false;
    if (!p->model)
        return true;
    baseline = mls_arrays_add1(arrays, "baseline", MLS_F64,
                               classes ? classes : 1, err);
    if (!baseline)
        return false;
    memcpy(baseline, p->baseline,
           (size_t)(classes ? classes : 1) * sizeof *baseline);
    return mls_arrays_copy(arrays, "model.", &p->model->arrays, err);
}

bool mls_pipeline_save(const struct mls_pipeline *p, const char *path,
                       struct mls_error *err)
{
    struct mls_json *json = to_json(p, err);
    struct mls_arrays arrays = { 0 };
    struct mls_text text = { 0 };
    bool ok = json && mls_json_print(json, false, &text, err)
        && collect(p, &arrays, err)
        && mls_container_write(path, text.bytes, &arrays, err);

    mls_text_clear(&text);
    mls_arrays_clear(&arrays);
    mls_json_free(json);
    return ok;
}

/* --- loading ----------------------------------------------------------- */

static bool bad(struct mls_error *err, const char *what)
{
    return mls_fail(err, MLS_MODEL_FILE, "the model file is damaged: %s",
                    what);
}

static bool load_format(const struct mls_json *json, struct mls_error *err)
{
    int64_t format;

    if (!mls_json_integer(mls_json_get(json, "format"), &format)
        || format < 1)
        return bad(err, "it has no format number");
    if (format <= MLS_FORMAT_VERSION)
        return true;
    mls_fail(err, MLS_MODEL_FILE,
             "the file has format %" PRId64 ", this mlspec reads up to %d",
             format, MLS_FORMAT_VERSION);
    return mls_fail_fix(err, "use a newer mlspec");
}

static bool load_task(struct mls_pipeline *p, const struct mls_json *json,
                      struct mls_error *err)
{
    const char *task = mls_json_text(mls_json_get(json, "task"), "");
    const struct mls_json *item;
    int64_t n;

    for (int i = 0; i <= MLS_TASK_LAST; i++)
        if (strcmp(task, mls_task_name((enum mls_task)i)) == 0)
            p->task = (enum mls_task)i;
    if (!p->task && strcmp(task, "none") != 0)
        return bad(err, "unknown task");
    item = mls_json_first(mls_json_get(json, "classes"));
    for (; item; item = mls_json_next(item)) {
        const char *label = mls_json_text(item, NULL);

        if (!label)
            return bad(err, "a class is no text");
        if (!mls_list_add(&p->classes, label, err))
            return false;
    }
    n = p->classes.count;
    if ((p->task == MLS_BINARY && n != 2)
        || (p->task == MLS_MULTICLASS && n < 2)
        || (p->task == MLS_ANOMALY && n != 0 && n != 2)
        || (p->task <= MLS_REGRESSION && n != 0) || n > MLS_CLASSES_LIMIT)
        return bad(err, "classes do not fit the task");
    return true;
}

static bool load_dictionary(struct mls_field *field, int64_t i,
                            const struct mls_arrays *arrays,
                            struct mls_error *err)
{
    char name[64];
    struct mls_list levels = { 0 };
    size_t *lengths;
    bool ok;

    snprintf(name, sizeof name, "schema.%" PRId64 ".levels", i);
    if (!mls_arrays_get_texts(arrays, name, &levels, err))
        return false;
    if (field->kind == MLS_KIND_BOOLEAN && levels.count > 2) {
        mls_list_clear(&levels);
        return bad(err, "a boolean has more than two levels");
    }
    lengths = mls_new(levels.count, sizeof *lengths, err);
    ok = lengths != NULL;
    for (int64_t k = 0; ok && k < levels.count; k++) {
        lengths[k] = strlen(levels.items[k]);
        if (k && strcmp(levels.items[k - 1], levels.items[k]) >= 0)
            ok = bad(err, "levels are not in order");
    }
    if (ok) {
        field->dictionary =
            mls_dictionary_new((const char *const *)levels.items, lengths,
                               levels.count, NULL, err);
        ok = field->dictionary != NULL;
    }
    mls_free(lengths);
    mls_list_clear(&levels);
    return ok;
}

/* As mls_pipeline_new sees to: what is read as numbers must be that. */
static bool roles_can_be(const struct mls_pipeline *p)
{
    const struct mls_field *fields = p->schema.fields;
    unsigned target = p->task == MLS_REGRESSION
        ? MLS_KINDS_NUMERIC
        : MLS_KINDS_NUMERIC | MLS_KINDS_CODED;

    return (!p->task || p->target < 0
            || (MLS_KIND_BIT(fields[p->target].kind) & target))
        && (p->weight < 0
            || (MLS_KIND_BIT(fields[p->weight].kind) & MLS_KINDS_NUMERIC))
        && (p->offset < 0
            || (MLS_KIND_BIT(fields[p->offset].kind) & MLS_KINDS_NUMERIC));
}

static bool load_schema(struct mls_pipeline *p, const struct mls_json *json,
                        const struct mls_arrays *arrays,
                        struct mls_error *err)
{
    if (!mls_schema_from_json(mls_json_get(json, "schema"), NULL,
                              MLS_MODEL_FILE, &p->schema, err))
        return false;
    p->target = p->weight = p->offset = -1;
    for (int64_t i = 0; i < p->schema.count; i++) {
        struct mls_field *field = &p->schema.fields[i];
        int64_t *role = field->role == MLS_ROLE_TARGET   ? &p->target
                        : field->role == MLS_ROLE_WEIGHT ? &p->weight
                        : field->role == MLS_ROLE_OFFSET ? &p->offset
                                                         : NULL;

        if (i && strcmp(p->schema.fields[i - 1].name, field->name) >= 0)
            return bad(err, "columns are not in order");
        if (role && *role >= 0)
            return bad(err, "two columns have the same role");
        if (role)
            *role = i;
        if ((MLS_KIND_BIT(field->kind) & MLS_KINDS_CODED)
            && !field->dictionary
            && !load_dictionary(field, i, arrays, err))
            return false;
    }
    if (p->task && p->target < 0
        && (p->task != MLS_ANOMALY || p->classes.count > 0))
        return bad(err, "it has no target column");
    if (!roles_can_be(p))
        return bad(err, "its target, weights or offset are of a kind that they cannot "
                        "be");
    return p->classes.count == 0 || mls_target_index(p, MLS_MODEL_FILE, err);
}

static bool load_steps(struct mls_pipeline *p, const struct mls_json *json,
                       struct mls_error *err)
{
    const struct mls_json *item = mls_json_first(mls_json_get(json, "steps"));

    for (; item; item = mls_json_next(item)) {
        if (p->step_count >= STEPS_LIMIT)
            return bad(err, "it has too many steps");
        if (!mls_recipe_step_from_json(p, item, NULL, MLS_MODEL_FILE, err))
            return false;
    }
    return true;
}

static bool restore_steps(struct mls_pipeline *p, struct mls_arrays *arrays,
                          struct mls_error *err)
{
    for (int64_t i = 0; i < p->step_count; i++) {
        struct mls_step *step = p->steps[i];
        char prefix[64], name[80];
        struct mls_arrays inputs = { 0 };
        bool ok;

        snprintf(prefix, sizeof prefix, "step.%" PRId64 ".inputs.", i);
        snprintf(name, sizeof name, "step.%" PRId64 ".inputs", i);
        ok = mls_arrays_get_texts(arrays, name, &step->input_names, err)
            && mls_arrays_take(&inputs, prefix, arrays, err);
        mls_arrays_clear(&inputs);
        snprintf(prefix, sizeof prefix, "step.%" PRId64 ".", i);
        if (!ok || !mls_arrays_take(&step->arrays, prefix, arrays, err)
            || !mls_step_restore(step, mls_pipeline_after(p, i), err))
            return false;
    }
    return true;
}

static bool load_learner(struct mls_pipeline *p, const struct mls_json *json,
                         struct mls_error *err)
{
    const struct mls_json *learner = mls_json_get(json, "learner"), *item;
    const char *name = mls_json_text(mls_json_get(learner, "name"), "");
    bool ok = true;

    if (!learner)
        return true;
    p->learner = mls_learner_find(name, p->task, err);
    if (!p->learner || strcmp(p->learner->name, name) != 0 || !p->task) {
        p->learner = NULL;
        return bad(err, "its learner is not known");
    }
    p->params = mls_new(1, p->learner->params_size ? p->learner->params_size
                                                   : 1, err);
    if (!p->params)
        return false;
    mls_params_init(p->learner->params, p->params, p->learner->params_size);
    item = mls_json_get(learner, "params");
    if (mls_json_kind_of(item) != MLS_JSON_OBJECT)
        return bad(err, "its learner has no params");
    for (item = mls_json_first(item); ok && item; item = mls_json_next(item)) {
        struct mls_text text = { 0 };

        ok = mls_recipe_json_text(item, &text, err)
            && mls_params_set(p->learner->params, p->params,
                              p->learner->name, mls_json_key(item),
                              text.bytes ? text.bytes : "", err);
        mls_text_clear(&text);
    }
    return ok;
}

/* Optional: files without it predict from 0.5 on. */
static bool load_threshold(struct mls_pipeline *p, const struct mls_json *json,
                           struct mls_error *err)
{
    double threshold = mls_json_real(json, NAN);

    if (!json)
        return true;
    if (!(threshold >= 0 && threshold <= 1) || p->task != MLS_BINARY)
        return bad(err, "it has a threshold that it cannot have");
    return mls_pipeline_set_threshold(p, threshold, err);
}

static bool load_settings(struct mls_pipeline *p, const struct mls_json *json,
                          struct mls_error *err)
{
    const struct mls_json *settings = mls_json_get(json, "settings");
    const char *class_weight =
        mls_json_text(mls_json_get(settings, "class_weight"), NULL);
    int64_t seed;

    if (!mls_json_integer(mls_json_get(settings, "seed"), &seed))
        return bad(err, "it has no seed");
    p->seed = (uint64_t)seed;
    p->drop_missing_target =
        mls_json_bool(mls_json_get(settings, "drop_missing_target"), false);
    p->unknown_is_error =
        mls_json_bool(mls_json_get(settings, "unknown_is_error"), false);
    if (!load_threshold(p, mls_json_get(settings, "threshold"), err))
        return false;
    if (!class_weight)
        return true;
    if (p->classes.count == 0)
        return bad(err, "it weighs classes and has none");
    p->class_weight = mls_copy_text(class_weight, err);
    return p->class_weight && mls_target_check_class_weight(p, err);
}

/* Models compute with what they are given. */
static bool features_fit(const struct mls_pipeline *p,
                         const struct mls_model_type *type)
{
    const struct mls_schema *last = mls_pipeline_after(p, p->step_count);
    unsigned kinds = MLS_KINDS_NUMERIC | MLS_KIND_BIT(MLS_KIND_BOOLEAN);

    if (type->takes_columns)
        kinds = MLS_KINDS_ALL & ~MLS_KIND_BIT(MLS_KIND_TEXT);
    for (int64_t j = 0; j < p->feature_count; j++)
        if (!(MLS_KIND_BIT(last->fields[p->feature[j]].kind) & kinds))
            return false;
    return true;
}

static bool load_model(struct mls_pipeline *p, const struct mls_json *json,
                       struct mls_arrays *arrays, struct mls_error *err)
{
    const struct mls_json *model = mls_json_get(json, "model");
    const struct mls_model_type *type = mls_model_type_find(
        mls_json_text(mls_json_get(model, "type"), ""));
    int64_t classes = p->classes.count, n = classes ? classes : 1, features;
    const double *baseline;

    if (!mls_pipeline_index_features(p, err))
        return false;
    if (!model)
        return p->learner ? bad(err, "it has no model") : true;
    if (!p->learner || !type)
        return bad(err, "its model is not known");
    if (!features_fit(p, type))
        return bad(err, "a feature of the model is not of a kind that it "
                        "takes");
    if (!mls_json_integer(mls_json_get(model, "features"), &features)
        || features != p->feature_count)
        return bad(err, "the model's features are not the recipe's");
    baseline = mls_arrays_get(arrays, "baseline", MLS_F64, n, err);
    p->baseline = baseline ? mls_new(n, sizeof *p->baseline, err) : NULL;
    if (!p->baseline)
        return false;
    for (int64_t i = 0; i < n; i++) {
        p->baseline[i] = baseline[i];
        if (!isfinite(baseline[i])
            || (classes && (baseline[i] < 0 || baseline[i] > 1 + 1e-9)))
            return bad(err, "its baseline is out of bounds");
    }
    p->model = mls_model_new(type, p->task,
                             p->task == MLS_ANOMALY ? 0 : (int)classes,
                             features, err);
    return p->model && mls_arrays_take(&p->model->arrays, "model.", arrays, err)
        && mls_model_ready(p->model, err);
}

static bool take_copy(struct mls_json **to, const struct mls_json *from,
                      struct mls_error *err)
{
    *to = from ? mls_json_copy(from, err) : NULL;
    return !from || *to;
}

static bool load_training(struct mls_pipeline *p, const struct mls_json *json,
                          struct mls_arrays *arrays, struct mls_error *err)
{
    const struct mls_json *training = mls_json_get(json, "training");

    if (!training)
        return true;
    if (!mls_json_integer(mls_json_get(training, "rows"), &p->training_rows)
        || p->training_rows < 0)
        return bad(err, "it does not say its number of training rows");
    p->fitted = restore_steps(p, arrays, err)
        && load_model(p, json, arrays, err)
        && take_copy(&p->chosen, mls_json_get(training, "chosen"), err)
        && take_copy(&p->fingerprint, mls_json_get(training, "fingerprint"),
                     err)
        && take_copy(&p->quality, mls_json_get(training, "quality"), err);
    return p->fitted;
}

struct mls_pipeline *mls_pipeline_load(const char *path,
                                       struct mls_error *err)
{
    struct mls_pipeline *p = mls_new(1, sizeof *p, err);
    struct mls_arrays arrays = { 0 };
    char *metadata = NULL;
    struct mls_json *json = NULL;
    bool ok = p && mls_container_read(path, &metadata, &arrays, err);

    if (ok) {
        json = mls_json_parse(metadata, strlen(metadata), path,
                              MLS_MODEL_FILE, err);
        ok = json && load_format(json, err) && load_task(p, json, err)
            && load_schema(p, json, &arrays, err)
            && load_settings(p, json, err) && load_learner(p, json, err)
            && load_steps(p, json, err) && load_training(p, json, &arrays, err);
        if (!ok) {
            if (err->code != MLS_LIMIT)
                err->code = MLS_MODEL_FILE;
            mls_fail_at(err, path, 0, 0, NULL);
        }
    }
    mls_json_free(json);
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    if (ok)
        return p;
    mls_pipeline_free(p);
    return NULL;
}
