/*
 * The drivers of all steps.  A step's life:
 *
 *   new ── set ──> fit:      choose inputs ─ type->fit ─┐
 *                                                       ├─ check ─ plan ─> apply
 *                  restore:  find inputs ── (arrays) ───┘
 *
 * Fit and restore meet before check, so that a step just fitted and one just
 * loaded behave the same: everything past that point is derived from the named
 * arrays and the schema.
 *
 * The plan goes over the fields before the step, in their order.  A field that
 * is no input is kept; for an input the type keeps it, makes columns, or does
 * nothing, which drops it:
 *
 *   before   id   age   city          inputs: age, city
 *             │    │      └──────┬────────────┐
 *   after    id   age'  age:missing    city=Bergen   city=Oslo
 *   from      0   -1      -1           -1            -1
 *   made     -1    0       1            2             3
 *   origin    0    1       1            2             2
 */
#include <assert.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "transform/step.h"

/* ---- settings ---- */

struct mls_step *mls_step_new(const struct mls_step_type *type,
                              const char *name, struct mls_error *err)
{
    struct mls_step *step = mls_new(1, sizeof(*step), err);

    if (!step)
        return NULL;
    step->type = type;
    step->name = mls_copy_text(name, err);
    /* One byte at least, so that a step without params is no special case. */
    if (step->name)
        step->params = mls_new(1, type->params_size + 1, err);
    if (!step->params) {
        mls_step_free(step);
        return NULL;
    }
    mls_params_init(type->params, step->params, type->params_size);
    return step;
}

struct mls_step *mls_step_copy(const struct mls_step *step,
                               struct mls_error *err)
{
    const struct mls_step_type *type = step->type;
    struct mls_step *copy = mls_step_new(type, step->name, err);
    bool ok;

    if (!copy)
        return NULL;
    ok = mls_params_copy(type->params, copy->params, step->params,
                         type->params_size, err);
    if (ok && step->columns) {
        copy->columns = mls_copy_text(step->columns, err);
        ok = copy->columns != NULL;
    }
    if (!ok) {
        mls_step_free(copy);
        return NULL;
    }
    return copy;
}

/* Back to settings only. */
static void forget(struct mls_step *step)
{
    step->fitted = false;
    mls_list_clear(&step->input_names);
    mls_free(step->input);
    step->input = NULL;
    step->input_count = 0;
    mls_arrays_clear(&step->arrays);
    mls_arrays_clear(&step->training);
    mls_plan_clear(&step->plan);
    mls_free(step->cache);
    step->cache = NULL;
}

void mls_step_free(struct mls_step *step)
{
    if (!step)
        return;
    forget(step);
    if (step->params)
        mls_params_clear(step->type->params, step->params);
    mls_free(step->params);
    mls_free(step->columns);
    mls_free(step->name);
    mls_free(step);
}

bool mls_step_set(struct mls_step *step, const char *key, const char *text,
                  struct mls_error *err)
{
    struct mls_text what = { 0 };
    char *columns;
    bool ok;

    if (strcmp(key, "columns") == 0) {
        columns = *text ? mls_copy_text(text, err) : NULL;
        if (*text && !columns)
            return false;
        mls_free(step->columns);
        step->columns = columns;
        return true;
    }
    mls_text_add(&what, "step ");
    mls_text_add(&what, step->name);
    ok = mls_text_ok(&what, err)
        && mls_params_set(step->type->params, step->params, what.bytes, key,
                          text, err);
    mls_text_clear(&what);
    return ok;
}

bool mls_step_names_columns(const struct mls_step *step)
{
    return step->columns && strcmp(step->columns, "*") != 0;
}

/* ---- which columns ---- */

/* "real, integer": the kinds of a set, for messages. */
static void kinds_text(unsigned kinds, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (int kind = MLS_KIND_REAL; kind <= MLS_KIND_TEXT; kind++) {
        if (!(kinds & MLS_KIND_BIT(kind)) || used >= size)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used ? ", " : "",
                                 mls_kind_name((enum mls_kind)kind));
    }
}

/* Features; a step that only drops may also be told to drop a column that no
 * learner would see, but never one that has a part to play. */
static bool role_fits(const struct mls_step *step,
                      const struct mls_field *field, struct mls_error *err)
{
    if (field->role == MLS_ROLE_FEATURE)
        return true;
    if (!step->type->apply
        && (field->role == MLS_ROLE_ID || field->role == MLS_ROLE_IGNORED))
        return true;
    mls_fail(err, MLS_USAGE, "step %s works on features, and its role is %s",
             step->name, mls_role_name(field->role));
    return mls_fail_at(err, NULL, 0, 0, field->name);
}

static bool kind_fits(const struct mls_step *step,
                      const struct mls_field *field, struct mls_error *err)
{
    char kinds[80];

    if (step->type->fits & MLS_KIND_BIT(field->kind))
        return true;
    kinds_text(step->type->fits, kinds, sizeof(kinds));
    mls_fail(err, MLS_DATA, "step %s takes columns of kind %s, not %s",
             step->name, kinds, mls_kind_name(field->kind));
    return mls_fail_at(err, NULL, 0, 0, field->name);
}

static bool takes(const struct mls_step *step, const struct mls_field *field,
                  enum mls_storage storage, struct mls_error *err)
{
    bool coded = (MLS_KINDS_CODED & MLS_KIND_BIT(field->kind)) != 0;

    if (!kind_fits(step, field, err))
        return false;
    if (coded && !field->dictionary) {
        mls_fail(err, MLS_DATA, "step %s needs its levels", step->name);
        return mls_fail_at(err, NULL, 0, 0, field->name);
    }
    return !step->type->takes || step->type->takes(step, field, storage, err)
        || mls_fail_at(err, NULL, 0, 0, field->name);
}

bool mls_step_would_take(const struct mls_step *step,
                         const struct mls_field *field, bool *take,
                         struct mls_error *err)
{
    struct mls_error ignored;
    struct mls_list names = { 0 };
    bool ok = true;

    *take = false;
    if (!mls_step_names_columns(step)) {
        *take = takes(step, field, (enum mls_storage)0, &ignored);
        return true;
    }
    ok = mls_list_split(step->columns, &names, err);
    for (int64_t i = 0; ok && i < names.count; i++)
        *take = *take || strcmp(names.items[i], field->name) == 0;
    mls_list_clear(&names);
    return ok;
}

static enum mls_storage storage_of(const struct mls_table *table,
                                   int64_t column)
{
    if (table->block_count == 0)
        return (enum mls_storage)0;
    return table->blocks[0]->columns[column]->storage;
}

static bool choose_named(const struct mls_step *step,
                         const struct mls_table *table, uint8_t *chosen,
                         struct mls_error *err)
{
    const struct mls_schema *schema = &table->schema;
    char option[80];
    int64_t count, *columns;
    bool ok = true;

    snprintf(option, sizeof(option), "step %s", step->name);
    columns = mls_schema_columns(schema, step->columns, option, &count, err);
    if (!columns)
        return false;
    for (int64_t i = 0; ok && i < count; i++) {
        const struct mls_field *field = &schema->fields[columns[i]];

        if (chosen[columns[i]]) {
            mls_fail(err, MLS_USAGE, "step %s names it twice", step->name);
            ok = mls_fail_at(err, NULL, 0, 0, field->name);
        } else {
            ok = role_fits(step, field, err)
                && takes(step, field, storage_of(table, columns[i]), err);
        }
        chosen[columns[i]] = 1;
    }
    mls_free(columns);
    return ok;
}

static void choose_fitting(const struct mls_step *step,
                           const struct mls_table *table, uint8_t *chosen)
{
    struct mls_error ignored;

    for (int64_t j = 0; j < table->schema.count; j++) {
        const struct mls_field *field = &table->schema.fields[j];

        chosen[j] = field->role == MLS_ROLE_FEATURE
            && takes(step, field, storage_of(table, j), &ignored);
    }
}

static bool choose_inputs(struct mls_step *step, const struct mls_table *table,
                          struct mls_error *err)
{
    const struct mls_schema *schema = &table->schema;
    uint8_t *chosen = mls_new(schema->count, 1, err);
    int64_t count = 0;
    bool ok = chosen != NULL;

    if (ok && mls_step_names_columns(step))
        ok = choose_named(step, table, chosen, err);
    else if (ok)
        choose_fitting(step, table, chosen);
    for (int64_t j = 0; ok && j < schema->count; j++)
        count += chosen[j];
    if (ok) {
        step->input = mls_new(count, sizeof(*step->input), err);
        ok = step->input != NULL;
    }
    for (int64_t j = 0; ok && j < schema->count; j++) {
        if (!chosen[j])
            continue;
        step->input[step->input_count++] = j;
        ok = mls_list_add(&step->input_names, schema->fields[j].name, err);
    }
    mls_free(chosen);
    return ok;
}

/* What a file says about its inputs, checked as if the user had said it. */
static bool find_inputs(struct mls_step *step, const struct mls_schema *in,
                        struct mls_error *err)
{
    const struct mls_list *names = &step->input_names;

    mls_free(step->input);
    step->input_count = 0;
    step->input = mls_new(names->count, sizeof(*step->input), err);
    if (!step->input)
        return false;
    for (int64_t k = 0; k < names->count; k++) {
        int64_t at = mls_schema_find(in, names->items[k]);

        if (at < 0)
            return mls_fail(err, MLS_MODEL_FILE,
                            "step %s works on column \"%s\", which is not there",
                            step->name, mls_show_text(names->items[k]).text);
        if (k > 0 && at <= step->input[k - 1])
            return mls_fail(err, MLS_MODEL_FILE,
                            "the columns of step %s are out of order",
                            step->name);
        if (!role_fits(step, &in->fields[at], err)
            || !takes(step, &in->fields[at], (enum mls_storage)0, err))
            return false;
        step->input[k] = at;
        step->input_count = k + 1;
    }
    return true;
}

/* ---- the plan ---- */

static bool make_plan(struct mls_step *step, const struct mls_schema *in,
                      struct mls_error *err)
{
    struct mls_plan *plan = &step->plan;
    int64_t k = 0;
    bool ok = true;

    mls_plan_clear(plan);
    plan->in = in;
    plan->in_count = in->count;
    for (int64_t j = 0; ok && j < in->count; j++) {
        plan->current = j;
        if (k < step->input_count && step->input[k] == j)
            ok = step->type->plan_input(step, k++, &in->fields[j], plan, err);
        else
            ok = mls_plan_keep(plan, err);
    }
    plan->in = NULL;
    return ok;
}

/* ---- fit, restore ---- */

static bool need_target(const struct mls_step *step,
                        const struct mls_target *target, struct mls_error *err)
{
    if (!step->type->needs_target)
        return true;
    if (!target->y) {
        mls_fail(err, MLS_USAGE, "step %s needs a target", step->name);
        return mls_fail_fix(err, "name the column to predict with --target");
    }
    if (!(step->type->tasks & (1u << target->task)))
        return mls_fail(err, MLS_USAGE,
                        "step %s does not do this kind of task", step->name);
    return true;
}

static bool complete(struct mls_step *step, const struct mls_schema *in,
                     struct mls_error *err)
{
    mls_free(step->cache);
    step->cache = NULL;
    return (!step->type->check || step->type->check(step, in, err))
        && make_plan(step, in, err);
}

bool mls_step_fit(struct mls_step *step, const struct mls_step_input *in,
                  struct mls_error *err)
{
    bool ok = true;

    forget(step);
    if (in->table->rows == 0)
        ok = mls_fail(err, MLS_DATA, "step %s has no rows to learn from",
                      step->name);
    ok = ok && need_target(step, in->target, err)
        && choose_inputs(step, in->table, err)
        && step->type->fit(step, in, err)
        && complete(step, &in->table->schema, err);
    if (!ok)
        forget(step);
    step->fitted = ok;
    return ok;
}

bool mls_step_restore(struct mls_step *step, const struct mls_schema *in,
                      struct mls_error *err)
{
    bool ok = find_inputs(step, in, err) && complete(step, in, err);

    /* The settings and the schema come from the same file: where they
     * disagree, the file is wrong, not the user or the data. */
    if (!ok && (err->code == MLS_DATA || err->code == MLS_USAGE))
        err->code = MLS_MODEL_FILE;
    step->fitted = ok;
    return ok;
}

/* ---- apply ---- */

static void *copy_cells(const void *from, int64_t count, size_t size,
                        struct mls_error *err)
{
    void *copy = mls_new_array(count, size, err);

    if (copy && count > 0)
        memcpy(copy, from, (size_t)count * size);
    return copy;
}

static bool copy_marks(const struct mls_block *in, struct mls_block *out,
                       struct mls_error *err)
{
    out->first_row = in->first_row;
    if (in->line) {
        out->line = copy_cells(in->line, in->rows, sizeof(*in->line), err);
        if (!out->line)
            return false;
    }
    if (in->skipped) {
        out->skipped = copy_cells(in->skipped, in->rows, 1, err);
        if (!out->skipped)
            return false;
    }
    return true;
}

typedef bool applier(const struct mls_step *step, const struct mls_block *in,
                     struct mls_column **made, struct mls_error *err);

static struct mls_block *apply_with(applier *apply, const struct mls_step *step,
                                    const struct mls_block *in,
                                    struct mls_error *err)
{
    const struct mls_plan *plan = &step->plan;
    struct mls_column **made = NULL;
    struct mls_block *out;
    bool ok;

    assert(step->fitted && in->column_count == plan->in_count);
    out = mls_block_new(in->rows, plan->out.count, err);
    ok = out && copy_marks(in, out, err);
    if (ok) {
        made = mls_new(plan->made_count, sizeof(*made), err);
        ok = made != NULL;
    }
    if (ok && plan->made_count > 0)
        ok = apply(step, in, made, err);
    for (int64_t i = 0; ok && i < plan->out.count; i++) {
        if (plan->from[i] >= 0)
            out->columns[i] = mls_column_share(in->columns[plan->from[i]]);
        else
            out->columns[i] = made[plan->made[i]];
    }
    if (!ok) {
        for (int64_t m = 0; made && m < plan->made_count; m++)
            mls_column_free(made[m]);
        mls_block_free(out);
        out = NULL;
    }
    mls_free(made);
    return out;
}

struct mls_block *mls_step_apply(const struct mls_step *step,
                                 const struct mls_block *in,
                                 struct mls_error *err)
{
    return apply_with(step->type->apply, step, in, err);
}

struct apply_job {
    applier *apply;
    const struct mls_step *step;
    const struct mls_table *in;
    struct mls_block **out;
};

static bool apply_one(void *context, int64_t i, struct mls_error *err)
{
    struct apply_job *job = context;

    job->out[i] =
        apply_with(job->apply, job->step, job->in->blocks[i], err);
    return job->out[i] != NULL;
}

static bool apply_all(applier *apply, const struct mls_step *step,
                      const struct mls_table *in, const struct mls_run *run,
                      struct mls_table *out, struct mls_error *err)
{
    struct apply_job job = { apply, step, in, NULL };
    bool ok = mls_schema_copy(&out->schema, &step->plan.out, err);

    out->dialect = in->dialect;
    out->counts = in->counts;
    if (ok && in->name) {
        out->name = mls_copy_text(in->name, err);
        ok = out->name != NULL;
    }
    if (ok) {
        job.out = mls_new(in->block_count, sizeof(struct mls_block *), err);
        ok = job.out
            && mls_parallel(run, in->block_count, apply_one, &job, err);
    }
    for (int64_t i = 0; job.out && i < in->block_count; i++) {
        /* Append takes the block whether it succeeds or not. */
        if (ok)
            ok = mls_table_append(out, job.out[i], err);
        else
            mls_block_free(job.out[i]);
    }
    mls_free(job.out);
    if (!ok)
        mls_table_clear(out);
    return ok;
}

bool mls_step_apply_table(const struct mls_step *step,
                          const struct mls_table *in,
                          const struct mls_run *run, struct mls_table *out,
                          struct mls_error *err)
{
    return apply_all(step->type->apply, step, in, run, out, err);
}

bool mls_step_apply_training(struct mls_step *step,
                             const struct mls_table *in,
                             const struct mls_run *run, struct mls_table *out,
                             struct mls_error *err)
{
    applier *apply = step->type->apply_training ? step->type->apply_training
                                                : step->type->apply;
    bool ok = apply_all(apply, step, in, run, out, err);

    mls_arrays_clear(&step->training);
    return ok;
}

/* ---- small helpers of the types ---- */

double *mls_step_gather(const struct mls_step *step,
                        const struct mls_step_input *in, int64_t k,
                        struct mls_error *err)
{
    double *cells = mls_new_array(in->table->rows, sizeof(*cells), err);

    if (cells)
        mls_table_reals(in->table, step->input[k], 0, in->table->rows, cells);
    return cells;
}

void mls_step_note(const struct mls_step *step, const struct mls_run *run,
                   const uint8_t *flags, const char *what)
{
    int64_t first = -1, more = -1;

    for (int64_t k = 0; k < step->input_count; k++) {
        if (!flags[k])
            continue;
        if (first < 0)
            first = k;
        more++;
    }
    if (first < 0)
        return;
    if (more == 0)
        mls_note(run, MLS_LOG_NOTE, "step %s: column \"%s\" %s", step->name,
                 mls_show_text(step->input_names.items[first]).text, what);
    else
        mls_note(run, MLS_LOG_NOTE, "step %s: column \"%s\" (and %lld more) %s",
                 step->name,
                 mls_show_text(step->input_names.items[first]).text,
                 (long long)more, what);
}

const struct mls_step_type *
mls_step_type_find(const struct mls_step_type *const *list, const char *name)
{
    for (; *list; list++) {
        if (strcmp((*list)->name, name) == 0)
            return *list;
    }
    return NULL;
}
