/*
 * Making, copying and asking a pipeline.
 *
 * Columns are put in byte order of their names here, once: everything after
 * works in that order, so no result can depend on the order in the file.
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>

#include "learner/learners.h"
#include "table/arrange.h"

void mls_pipeline_unfit(struct mls_pipeline *p)
{
    mls_model_free(p->model);
    mls_free(p->feature);
    mls_free(p->feature_names);
    mls_free(p->baseline);
    mls_json_free(p->chosen);
    mls_json_free(p->fingerprint);
    p->model = NULL;
    p->feature = NULL;
    p->feature_names = NULL;
    p->feature_count = 0;
    p->baseline = NULL;
    p->chosen = NULL;
    p->fingerprint = NULL;
    p->fitted = false;
}

void mls_pipeline_free(struct mls_pipeline *p)
{
    if (!p)
        return;
    mls_pipeline_unfit(p);
    for (int64_t i = 0; i < p->step_count; i++)
        mls_step_free(p->steps[i]);
    mls_free(p->steps);
    if (p->learner && p->params)
        mls_params_clear(p->learner->params, p->params);
    mls_free(p->params);
    mls_free(p->class_weight);
    mls_free(p->class_value);
    mls_free(p->class_of_code);
    mls_list_clear(&p->classes);
    mls_json_free(p->quality);
    mls_schema_clear(&p->schema);
    mls_free(p);
}

const struct mls_schema *mls_pipeline_after(const struct mls_pipeline *p,
                                            int64_t count)
{
    return count == 0 ? &p->schema : &p->steps[count - 1]->plan.out;
}

static bool sorted_schema(struct mls_pipeline *p,
                          const struct mls_schema *schema,
                          struct mls_error *err)
{
    int64_t *order = mls_schema_order(schema, err);
    bool ok = order != NULL;

    p->target = p->weight = p->offset = -1;
    for (int64_t i = 0; ok && i < schema->count; i++) {
        const struct mls_field *field = &schema->fields[order[i]];

        ok = mls_schema_add(&p->schema, field, err);
        if (field->role == MLS_ROLE_TARGET)
            p->target = i;
        if (field->role == MLS_ROLE_WEIGHT)
            p->weight = i;
        if (field->role == MLS_ROLE_OFFSET)
            p->offset = i;
    }
    mls_free(order);
    return ok;
}

/* Nothing is to be predicted: the task asked for, or the only one of the
 * learner. */
static bool seeks_anomalies(const struct mls_settings *settings)
{
    const struct mls_pipeline *from = settings->from;

    if (!settings->train || settings->task)
        return settings->train && settings->task == MLS_ANOMALY;
    for (int i = 0; settings->learner && mls_learners[i]; i++)
        if (strcmp(mls_learners[i]->name, settings->learner) == 0)
            return mls_learners[i]->tasks == MLS_TASK_ANOMALY;
    return !settings->learner && from && from->task == MLS_ANOMALY;
}

static bool need_target(const struct mls_pipeline *p,
                        const struct mls_settings *settings,
                        struct mls_error *err)
{
    if (p->target >= 0 || !settings->train || p->task == MLS_ANOMALY)
        return true;
    mls_fail(err, MLS_USAGE, "which column is to be predicted?");
    return mls_fail_fix(err, "name it with --target COL");
}

static bool need_numbers(const struct mls_pipeline *p, int64_t at,
                         const char *fix, struct mls_error *err)
{
    const struct mls_field *field;

    if (at < 0)
        return true;
    field = &p->schema.fields[at];
    if (MLS_KIND_BIT(field->kind) & MLS_KINDS_NUMERIC)
        return true;
    mls_fail(err, MLS_DATA, "the %s column \"%s\" is a %s column",
             mls_role_name(field->role), mls_show_text(field->name).text,
             mls_kind_name(field->kind));
    return mls_fail_fix(err, "%s", fix);
}

static bool need_numeric_roles(const struct mls_pipeline *p,
                               struct mls_error *err)
{
    return need_numbers(p, p->weight,
                        "weights are numbers that are at least 0", err)
        && need_numbers(p, p->offset,
                        "offsets are numbers in units of the score", err);
}

/* Boosted trees, but for what they do not see: words in a text, an offset; and
 * when there are so many columns that trees of few splits see little of them. */
static const struct mls_learner_type *
auto_learner(const struct mls_pipeline *p)
{
    enum { MANY = 5000 };
    int64_t features = 0;
    bool texts = false;

    for (int64_t j = 0; j < p->schema.count; j++) {
        const struct mls_field *field = &p->schema.fields[j];

        if (field->role != MLS_ROLE_FEATURE)
            continue;
        features++;
        texts = texts || field->kind == MLS_KIND_TEXT;
    }
    return texts || p->offset >= 0 || features > MANY
            || p->task == MLS_ANOMALY
        ? mls_learner_plain(p->task) : &mls_learner_gbdt;
}

static bool choose_learner(struct mls_pipeline *p,
                           const struct mls_settings *settings,
                           struct mls_error *err)
{
    const struct mls_pipeline *from = settings->from;
    const char *name = settings->learner;

    if (!settings->train)
        return true;
    if (!name)
        name = from && from->learner ? from->learner->name : "auto";
    p->learner = strcmp(name, "auto") == 0
        ? auto_learner(p) : mls_learner_find(name, p->task, err);
    if (!p->learner
        || (p->offset >= 0
            && !mls_learner_need_offset(p->learner, p->task, err))) {
        return false;
    }
    p->params = mls_new(1, p->learner->params_size ? p->learner->params_size
                                                   : 1, err);
    if (!p->params)
        return false;
    if (from && from->learner == p->learner)
        return mls_params_copy(p->learner->params, p->params, from->params,
                               p->learner->params_size, err);
    mls_params_init(p->learner->params, p->params, p->learner->params_size);
    return true;
}

static bool set_all(struct mls_pipeline *p,
                    const struct mls_settings *settings,
                    struct mls_error *err)
{
    for (int64_t i = 0; i < settings->set_count; i++) {
        char *pair = mls_copy_text(settings->set[i], err);
        char *equals = pair ? strchr(pair, '=') : NULL;
        bool ok = pair != NULL;

        if (ok && !equals) {
            mls_fail(err, MLS_USAGE, "--set: \"%s\" is not KEY=VALUE",
                     mls_show_text(pair).text);
            ok = mls_fail_fix(err, "write for example --set l2=0.1");
        } else if (ok) {
            *equals = '\0';
            ok = mls_pipeline_set(p, pair, equals + 1, err);
        }
        mls_free(pair);
        if (!ok)
            return false;
    }
    return true;
}

/* Whether a step makes something else of the column, or drops it. */
static bool some_step_takes(const struct mls_pipeline *p,
                            const struct mls_field *field, bool *taken,
                            struct mls_error *err)
{
    *taken = false;
    for (int64_t i = 0; i < p->step_count && !*taken; i++) {
        bool selects =
            mls_step_type_find(mls_selectors, p->steps[i]->type->name) != NULL;

        if (!selects && !mls_step_would_take(p->steps[i], field, taken, err))
            return false;
    }
    return true;
}

/* Dates and texts that no step turns into numbers cannot be used by a learner
 * that takes a matrix, and texts by none; they are set aside, and it is said. */
static bool set_aside(struct mls_pipeline *p, const struct mls_run *run,
                      struct mls_error *err)
{
    unsigned kinds = MLS_KIND_BIT(MLS_KIND_TEXT);

    if (!p->learner || p->learner->takes == MLS_TAKES_NOTHING)
        return true;
    if (p->learner->takes == MLS_TAKES_MATRIX)
        kinds |= MLS_KIND_BIT(MLS_KIND_DATE);
    for (int64_t i = 0; i < p->schema.count; i++) {
        struct mls_field *field = &p->schema.fields[i];
        bool taken;

        if (field->role != MLS_ROLE_FEATURE
            || !(MLS_KIND_BIT(field->kind) & kinds))
            continue;
        if (!some_step_takes(p, field, &taken, err))
            return false;
        if (taken)
            continue;
        field->role = MLS_ROLE_IGNORED;
        mls_note(run, MLS_LOG_WARNING,
                 "column \"%s\" is not used: no step turns a %s into numbers",
                 mls_show_text(field->name).text, mls_kind_name(field->kind));
    }
    return true;
}

/* What was learned speaks in the codes of its own dictionaries, so the table
 * must have been read with them. */
static bool check_frozen(const struct mls_pipeline *p,
                         const struct mls_settings *settings,
                         struct mls_error *err)
{
    const struct mls_pipeline *from = settings->from;

    if (!settings->frozen)
        return true;
    if (!from) {
        mls_fail(err, MLS_USAGE, "--frozen needs a pipeline to start from");
        return mls_fail_fix(err, "name it with --from FILE");
    }
    if (!from->fitted)
        return mls_fail(err, MLS_USAGE, "--frozen: the pipeline to start from "
                                        "has no fitted steps");
    for (int64_t i = 0; i < from->schema.count; i++) {
        const struct mls_field *field = &from->schema.fields[i];
        int64_t at = mls_schema_find(&p->schema, field->name);

        if (field->role != MLS_ROLE_FEATURE)
            continue;
        if (at < 0)
            return mls_fail(err, MLS_DATA, "there is no column \"%s\"",
                            mls_show_text(field->name).text);
        if (!mls_pipeline_same_column(field, &p->schema.fields[at], err))
            return false;
    }
    return true;
}

/* Frozen steps find their columns again, now that all roles are set. */
static bool restore_frozen(struct mls_pipeline *p, struct mls_error *err)
{
    for (int64_t i = 0; p->frozen && i < p->step_count; i++)
        if (!mls_step_restore(p->steps[i], mls_pipeline_after(p, i), err))
            return false;
    return true;
}

struct mls_pipeline *mls_pipeline_new(const struct mls_settings *settings,
                                      const struct mls_table *table,
                                      const struct mls_run *run,
                                      struct mls_error *err)
{
    struct mls_pipeline *p = mls_new(1, sizeof *p, err);
    bool ok = p && sorted_schema(p, &table->schema, err);

    if (ok && seeks_anomalies(settings))
        p->task = MLS_ANOMALY;
    ok = ok && check_frozen(p, settings, err) && need_target(p, settings, err)
        && need_numeric_roles(p, err);

    if (ok && settings->class_weight) {
        p->class_weight = mls_copy_text(settings->class_weight, err);
        ok = p->class_weight != NULL;
    }
    if (ok) {
        p->drop_missing_target = settings->drop_missing_target;
        p->unknown_is_error = settings->unknown_is_error;
        p->seed = settings->seed;
        ok = (p->target < 0 || mls_target_resolve(p, settings, table, err))
            && choose_learner(p, settings, err)
            && mls_recipe_build(p, settings, err) && set_all(p, settings, err);
    }
    if (ok && set_aside(p, run, err) && restore_frozen(p, err))
        return p;
    mls_pipeline_free(p);
    return NULL;
}

static bool copy_settings(struct mls_pipeline *to,
                          const struct mls_pipeline *from,
                          struct mls_error *err)
{
    to->target = from->target;
    to->weight = from->weight;
    to->offset = from->offset;
    to->task = from->task;
    to->learner = from->learner;
    to->drop_missing_target = from->drop_missing_target;
    to->unknown_is_error = from->unknown_is_error;
    to->seed = from->seed;
    to->has_threshold = from->has_threshold;
    to->threshold = from->threshold;
    to->frozen = from->frozen;
    for (int64_t i = 0; i < from->classes.count; i++)
        if (!mls_list_add(&to->classes, from->classes.items[i], err))
            return false;
    if (from->class_weight) {
        to->class_weight = mls_copy_text(from->class_weight, err);
        if (!to->class_weight)
            return false;
    }
    if (!to->learner)
        return true;
    to->params = mls_new(1, to->learner->params_size ? to->learner->params_size
                                                     : 1, err);
    return to->params
        && mls_params_copy(to->learner->params, to->params, from->params,
                           to->learner->params_size, err);
}

static bool copy_recipe(struct mls_pipeline *to,
                        const struct mls_pipeline *from, struct mls_error *err)
{
    struct mls_settings settings = { .from = from, .frozen = from->frozen };

    return mls_recipe_build(to, &settings, err);
}

struct mls_pipeline *mls_pipeline_copy(const struct mls_pipeline *from,
                                       struct mls_error *err)
{
    struct mls_pipeline *p = mls_new(1, sizeof *p, err);

    if (p && mls_schema_copy(&p->schema, &from->schema, err)
        && copy_settings(p, from, err)
        && (p->classes.count == 0 || mls_target_index(p, MLS_USAGE, err))
        && copy_recipe(p, from, err) && restore_frozen(p, err))
        return p;
    mls_pipeline_free(p);
    return NULL;
}

bool mls_pipeline_set_threshold(struct mls_pipeline *p, double threshold,
                                struct mls_error *err)
{
    if (p->task != MLS_BINARY) {
        mls_fail(err, MLS_USAGE, "a threshold is for two classes");
        return mls_fail_fix(err, "leave it out, or make the target binary");
    }
    if (threshold < 0 || threshold > 1)
        return mls_fail(err, MLS_USAGE, "threshold %g is not in [0, 1]",
                        threshold);
    p->has_threshold = !isnan(threshold);
    p->threshold = p->has_threshold ? threshold : 0;
    return true;
}

double mls_pipeline_threshold(const struct mls_pipeline *p)
{
    return p->has_threshold ? p->threshold : NAN;
}

/* --- params ------------------------------------------------------------ */

static struct mls_step *find_step(const struct mls_pipeline *p,
                                  const char *name, size_t length)
{
    for (int64_t i = 0; i < p->step_count; i++)
        if (strlen(p->steps[i]->name) == length
            && strncmp(p->steps[i]->name, name, length) == 0)
            return p->steps[i];
    return NULL;
}

static bool no_step(const struct mls_pipeline *p, const char *key,
                    size_t length, struct mls_error *err)
{
    struct mls_text names = { 0 };

    for (int64_t i = 0; i < p->step_count; i++) {
        mls_text_add(&names, i ? ", " : "");
        mls_text_add(&names, p->steps[i]->name);
    }
    mls_fail(err, MLS_USAGE, "\"%s\": the recipe has no step \"%s\"",
             mls_show_text(key).text, mls_show(key, length).text);
    mls_fail_fix(err, p->step_count ? "its steps are %s"
                                    : "it has no steps%s",
                 names.bytes ? names.bytes : "");
    mls_text_clear(&names);
    return false;
}

/* STEP.KEY: the step and the rest of the key; *step NULL for a learner's. */
static bool split_key(const struct mls_pipeline *p, const char *key,
                      struct mls_step **step, const char **rest,
                      struct mls_error *err)
{
    const char *dot = strchr(key, '.');

    *step = NULL;
    *rest = key;
    if (dot) {
        *step = find_step(p, key, (size_t)(dot - key));
        *rest = dot + 1;
        return *step || no_step(p, key, (size_t)(dot - key), err);
    }
    if (p->learner)
        return true;
    mls_fail(err, MLS_USAGE, "\"%s\": there is no learner to set it for",
             mls_show_text(key).text);
    return mls_fail_fix(err, "a step's param is STEP.KEY, as in "
                             "impute.strategy");
}

bool mls_pipeline_set(struct mls_pipeline *p, const char *key,
                      const char *value, struct mls_error *err)
{
    struct mls_step *step;
    const char *rest;

    if (!split_key(p, key, &step, &rest, err))
        return false;
    if (step && p->frozen) {
        mls_fail(err, MLS_USAGE, "\"%s\": --frozen keeps the fitted steps, so "
                                 "they cannot be changed",
                 mls_show_text(key).text);
        return mls_fail_fix(err, "leave out --frozen, or this");
    }
    if (step)
        return mls_step_set(step, rest, value, err);
    return mls_params_set(p->learner->params, p->params, p->learner->name,
                          rest, value, err);
}

const struct mls_param *mls_pipeline_param(const struct mls_pipeline *p,
                                           const char *key,
                                           const void **values,
                                           struct mls_error *err)
{
    const struct mls_param *table, *param, *row;
    const char *names[128], *near, *rest;
    struct mls_step *step;
    int64_t n = 0;

    if (!split_key(p, key, &step, &rest, err))
        return NULL;
    table = step ? step->type->params : p->learner->params;
    *values = step ? step->params : p->params;
    param = table ? mls_params_find(table, rest, NULL) : NULL;
    if (param)
        return param;
    for (row = table; row && row->name && n < 128; row++)
        names[n++] = row->name;
    near = mls_nearest(rest, names, n);
    mls_fail(err, MLS_USAGE, "%s has no param \"%s\"",
             step ? step->name : p->learner->name, mls_show_text(rest).text);
    if (near)
        mls_fail_fix(err, "did you mean %s?", near);
    else
        mls_fail_fix(err, "mlspec help %s lists them",
                     step ? step->type->name : p->learner->name);
    return NULL;
}

bool mls_pipeline_get(const struct mls_pipeline *p, const char *key,
                      char *text, size_t size, struct mls_error *err)
{
    const void *values;
    const struct mls_param *param = mls_pipeline_param(p, key, &values, err);

    if (!param)
        return false;
    mls_param_format(param, values, text, size);
    return true;
}

/* --- views ------------------------------------------------------------- */

const struct mls_schema *mls_pipeline_schema(const struct mls_pipeline *p)
{
    return &p->schema;
}

enum mls_task mls_pipeline_task(const struct mls_pipeline *p)
{
    return p->task;
}

int mls_pipeline_classes(const struct mls_pipeline *p)
{
    return (int)p->classes.count;
}

const char *mls_pipeline_class(const struct mls_pipeline *p, int code)
{
    return p->classes.items[code];
}

const char *mls_pipeline_target(const struct mls_pipeline *p)
{
    return p->target < 0 ? NULL : p->schema.fields[p->target].name;
}

const struct mls_learner_type *
mls_pipeline_learner(const struct mls_pipeline *p)
{
    return p->learner;
}

bool mls_pipeline_is_fitted(const struct mls_pipeline *p)
{
    return p->fitted;
}

bool mls_pipeline_unknown_is_error(const struct mls_pipeline *p)
{
    return p->unknown_is_error;
}

void mls_pipeline_set_quality(struct mls_pipeline *p, struct mls_json *json)
{
    mls_json_free(p->quality);
    p->quality = json;
}

void mls_pipeline_read_options(const struct mls_pipeline *p,
                               struct mls_read_options *options)
{
    options->schema = &p->schema;
    options->unknown_is_error = p->unknown_is_error;
}
