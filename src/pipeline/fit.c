/*
 * Fitting: only the given rows are looked at.
 *
 *   table ── columns by name ── rows with weight and target ──┐
 *       ┌─────────────────────────────────────────────────────┘
 *       └─ step: fit, apply ── step: fit, apply ── ... ── matrix ── learner
 */
#include "pipeline/pipeline.h"

#include <math.h>

#include "table/arrange.h"

static bool same_levels(const struct mls_dictionary *a,
                        const struct mls_dictionary *b)
{
    return a == b
        || (a && b && a->count == b->count
            && memcmp(a->offset, b->offset,
                      (size_t)(a->count + 1) * sizeof *a->offset) == 0
            && memcmp(a->bytes, b->bytes, (size_t)a->offset[a->count]) == 0);
}

bool mls_pipeline_same_kind(const struct mls_field *want,
                            const struct mls_field *got,
                            struct mls_error *err)
{
    static const unsigned groups[] = { MLS_KINDS_NUMERIC, MLS_KINDS_CODED };

    if (want->kind == got->kind)
        return true;
    for (int i = 0; i < 2; i++)
        if ((MLS_KIND_BIT(want->kind) & groups[i])
            && (MLS_KIND_BIT(got->kind) & groups[i]))
            return true;
    mls_fail(err, MLS_DATA, "the column is a %s, and a %s in the pipeline",
             mls_kind_name(got->kind), mls_kind_name(want->kind));
    mls_fail_fix(err, "read the table with the schema of the pipeline");
    return mls_fail_at(err, NULL, 0, 0, want->name);
}

bool mls_pipeline_same_column(const struct mls_field *want,
                              const struct mls_field *got,
                              struct mls_error *err)
{
    if (!mls_pipeline_same_kind(want, got, err))
        return false;
    if (same_levels(want->dictionary, got->dictionary))
        return true;
    mls_fail(err, MLS_DATA, "the column's levels are not the pipeline's");
    mls_fail_fix(err, "read the table with the schema of the pipeline");
    return mls_fail_at(err, NULL, 0, 0, want->name);
}

bool mls_pipeline_arrange(const struct mls_pipeline *p,
                          const struct mls_table *table, struct mls_table *out,
                          struct mls_error *err)
{
    int64_t n = p->schema.count;
    int64_t *positions = mls_new(n, sizeof *positions, err);
    bool ok = positions != NULL;

    for (int64_t i = 0; ok && i < n; i++) {
        positions[i] = mls_schema_find(&table->schema,
                                       p->schema.fields[i].name);
        if (positions[i] < 0)
            ok = mls_fail(err, MLS_DATA, "there is no column \"%s\"",
                          mls_show_text(p->schema.fields[i].name).text);
        else if (p->schema.fields[i].role == MLS_ROLE_FEATURE)
            ok = mls_pipeline_same_column(
                &p->schema.fields[i], &table->schema.fields[positions[i]],
                err);
        if (!ok)
            mls_fail_at(err, table->name, 0, 0, NULL);
    }
    ok = ok && mls_table_arrange(table, positions, n, out, err);
    /* Roles are the pipeline's: it may have set columns aside. */
    for (int64_t i = 0; ok && i < n; i++)
        out->schema.fields[i].role = p->schema.fields[i].role;
    mls_free(positions);
    return ok;
}

/* What a fit works on; all of it lives as long as the fit. */
struct fitting {
    struct mls_table table;     /* columns by name, rows of the fit */
    double *y, *w, *offset;
    struct mls_target target;
};

static void fitting_clear(struct fitting *f)
{
    mls_table_clear(&f->table);
    mls_free(f->y);
    mls_free(f->w);
    mls_free(f->offset);
}

/* A missing target is an error, or its row is left out. */
static bool missing_target(const struct mls_pipeline *p,
                           const struct mls_table *table, int64_t row,
                           struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "the target is missing");
    mls_fail_fix(err, "fill it in, or pass --missing-target drop");
    return mls_table_fail_at(table, row, p->target, err);
}

static bool missing_offset(const struct mls_pipeline *p,
                           const struct mls_table *table, int64_t row,
                           double offset, struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "the offset is %s",
             isnan(offset) ? "missing" : "infinite");
    mls_fail_fix(err, "correct it: a row without one has no score");
    return mls_table_fail_at(table, row, p->offset, err);
}

/* Of the candidate rows, those that take part.  keep has room for count. */
static bool choose_rows(const struct mls_pipeline *p,
                        const struct mls_table *table, const double *y,
                        const double *w, const double *offset,
                        const int64_t *rows, int64_t count, int64_t *keep,
                        int64_t *kept, struct mls_error *err)
{
    *kept = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = rows ? rows[i] : i;

        if (w && w[row] == 0)
            continue;
        if (y && isnan(y[row])) {
            if (p->drop_missing_target)
                continue;
            return missing_target(p, table, row, err);
        }
        if (offset && !isfinite(offset[row]))
            return missing_offset(p, table, row, offset[row], err);
        keep[(*kept)++] = row;
    }
    return true;
}

static void compact(double *values, const int64_t *keep, int64_t kept)
{
    double *copy = values;

    /* keep may be in any order, so a copy in place needs ascending rows. */
    for (int64_t i = 0; copy && i < kept; i++)
        copy[i] = values[keep[i]];
}

static bool ascending(const int64_t *keep, int64_t kept)
{
    for (int64_t i = 1; i < kept; i++)
        if (keep[i] <= keep[i - 1])
            return false;
    return true;
}

/* values[keep[0..kept)] as a new array in place of the old. */
static bool pick(double **values, const int64_t *keep, int64_t kept,
                 struct mls_error *err)
{
    double *picked;

    if (!*values)
        return true;
    if (ascending(keep, kept)) {
        compact(*values, keep, kept);
        return true;
    }
    picked = mls_new_array(kept, sizeof *picked, err);
    if (!picked)
        return false;
    for (int64_t i = 0; i < kept; i++)
        picked[i] = (*values)[keep[i]];
    mls_free(*values);
    *values = picked;
    return true;
}

static bool take_rows(struct fitting *f, const int64_t *keep, int64_t kept,
                      struct mls_error *err)
{
    struct mls_table taken = { 0 };

    if (kept == f->table.rows && ascending(keep, kept))
        return true;
    if (!mls_table_take(&f->table, keep, kept, &taken, err)) {
        mls_table_clear(&taken);
        return false;
    }
    mls_table_clear(&f->table);
    f->table = taken;
    return pick(&f->y, keep, kept, err) && pick(&f->w, keep, kept, err)
        && pick(&f->offset, keep, kept, err);
}

static bool no_rows(const struct mls_table *table, struct mls_error *err)
{
    mls_fail(err, MLS_DATA, table->rows ? "no row is left to learn from"
                                        : "the table has no rows");
    mls_fail_fix(err, "are all targets missing, or all weights 0?");
    return mls_fail_at(err, table->name, 0, 0, NULL);
}

static bool uses_target(const struct mls_pipeline *p)
{
    for (int64_t i = 0; i < p->step_count; i++)
        if (p->steps[i]->type->needs_target)
            return true;
    return p->learner != NULL && p->task != MLS_ANOMALY;
}

static bool begin(struct fitting *f, const struct mls_pipeline *p,
                  const struct mls_table *table, const int64_t *rows,
                  int64_t count, struct mls_error *err)
{
    int64_t candidates = rows ? count : table->rows;
    int64_t *keep = mls_new_array(candidates, sizeof *keep, err);
    int64_t kept = 0;
    bool ok = keep && mls_pipeline_arrange(p, table, &f->table, err);

    if (ok && p->target >= 0 && p->task != MLS_ANOMALY) {
        f->y = mls_pipeline_truth(p, &f->table, err);
        ok = f->y != NULL;
    }
    if (ok && p->offset >= 0 && p->learner) {
        f->offset = mls_new_array(f->table.rows, sizeof *f->offset, err);
        ok = f->offset != NULL;
        if (ok)
            mls_table_reals(&f->table, p->offset, 0, f->table.rows, f->offset);
    }
    ok = ok && mls_pipeline_weights(p, &f->table, &f->w, err)
        && choose_rows(p, &f->table, uses_target(p) ? f->y : NULL, f->w,
                       f->offset, rows, candidates, keep, &kept, err);
    if (ok && kept == 0 && uses_target(p))
        ok = no_rows(table, err);
    ok = ok && take_rows(f, keep, kept, err);
    mls_free(keep);
    f->target = (struct mls_target){
        .task = p->task, .rows = f->table.rows,
        .classes = f->y ? (int)p->classes.count : 0, .y = f->y, .weight = f->w,
        .offset = f->offset,
        .labels = &p->classes
    };
    return ok;
}

static bool run_steps(struct mls_pipeline *p, struct fitting *f,
                      const struct mls_run *run, struct mls_error *err)
{
    for (int64_t i = 0; i < p->step_count; i++) {
        struct mls_step_input in = { &f->table, &f->target, p->seed, run };
        struct mls_table next = { 0 };
        struct mls_step *step = p->steps[i];
        bool kept = p->frozen && step->fitted, ok;

        if (!mls_run_go_on(run, err)
            || (!kept && !mls_step_fit(step, &in, err)))
            return false;
        ok = kept ? mls_step_apply_table(step, &f->table, run, &next, err)
                  : mls_step_apply_training(step, &f->table, run, &next, err);
        if (!ok) {
            mls_table_clear(&next);
            return false;
        }
        next.unnumbered = f->table.unnumbered;
        mls_table_clear(&f->table);
        f->table = next;
    }
    return true;
}

bool mls_pipeline_index_features(struct mls_pipeline *p,
                                 struct mls_error *err)
{
    const struct mls_schema *last = mls_pipeline_after(p, p->step_count);
    int64_t *order = mls_schema_order(last, err);
    bool takes_nothing =
        p->learner && p->learner->takes == MLS_TAKES_NOTHING;

    p->feature = order ? mls_new(last->count, sizeof *p->feature, err) : NULL;
    p->feature_names =
        p->feature ? mls_new(last->count, sizeof *p->feature_names, err)
                   : NULL;
    p->feature_count = 0;
    for (int64_t i = 0; p->feature_names && i < last->count; i++) {
        const struct mls_field *field = &last->fields[order[i]];

        if (field->role != MLS_ROLE_FEATURE || takes_nothing)
            continue;
        p->feature_names[p->feature_count] = field->name;
        p->feature[p->feature_count++] = order[i];
    }
    mls_free(order);
    return p->feature_names != NULL;
}

/* Class weights are the learner's affair: what steps learn, and the constant
 * model that results are held against, speak of the rows as they are.  *own
 * receives the array that target then borrows, or NULL. */
static bool weigh_classes(const struct mls_pipeline *p,
                          struct mls_target *target, double **own,
                          struct mls_error *err)
{
    int64_t n = target->rows;

    *own = NULL;
    if (!p->class_weight)
        return true;
    *own = mls_new_array(n, sizeof **own, err);
    if (!*own)
        return false;
    for (int64_t i = 0; i < n; i++)
        (*own)[i] = target->weight ? target->weight[i] : 1;
    target->weight = *own;
    return mls_target_class_weights(p, target->y, n, *own, err);
}

/* A learner that takes a matrix should not pay for the cells twice; one that
 * takes columns drops them itself, when it has its own form of them. */
static bool gather(const struct mls_pipeline *p, struct fitting *f,
                   const struct mls_target *target, const struct mls_run *run,
                   struct mls_dataset *data, struct mls_error *err)
{
    bool ok;

    if (p->learner->takes == MLS_TAKES_COLUMNS)
        return mls_dataset_lend(&f->table, target, data, err);
    if (p->learner->takes == MLS_TAKES_NOTHING) {
        data->rows = target->rows;
        data->target = *target;
        return true;
    }
    /* What works on sparse rows has no place for an offset. */
    ok = ((p->learner->can & MLS_CAN_SPARSE) && !target->offset
              ? mls_dataset_gather_wide(run, &f->table, target, data, err)
              : mls_dataset_gather(run, &f->table, target, data, err))
        && ((p->learner->can & MLS_CAN_MISSING)
            || mls_dataset_need_finite(data, &f->table, p->learner->name,
                                       err));
    if (ok)
        mls_table_drop_cells(&f->table);
    return ok;
}

static bool train(struct mls_pipeline *p, struct fitting *f,
                  const struct mls_run *run, struct mls_error *err)
{
    struct mls_dataset data = { 0 };
    struct mls_fit_job job = { p->params, &data, p->seed, run, NULL };
    struct mls_target target = f->target;
    double *weight;
    bool ok = weigh_classes(p, &target, &weight, err)
        && gather(p, f, &target, run, &data, err);

    if (ok && data.features == 0 && p->learner->takes != MLS_TAKES_NOTHING)
        mls_note(run, MLS_LOG_WARNING,
                 "no feature is left to learn from: the model is a constant");
    p->chosen = ok ? mls_json_new_object(err) : NULL;
    job.chosen = p->chosen;
    ok = ok && p->chosen;
    if (ok) {
        p->model = mls_learner_fit(p->learner, &job, err);
        ok = p->model && mls_model_ready(p->model, err);
    }
    ok = ok && mls_pipeline_index_features(p, err);
    mls_dataset_clear(&data);
    mls_free(weight);
    return ok;
}

/* What the constant model would say: class frequencies, or the mean.  Of odd
 * rows it would say the same of all. */
static bool note_baseline(struct mls_pipeline *p, const struct fitting *f,
                          struct mls_error *err)
{
    int64_t classes = p->classes.count, n = f->target.rows;
    double total = 0;

    p->baseline = mls_new(classes ? classes : 1, sizeof *p->baseline, err);
    if (!p->baseline)
        return false;
    if (p->task == MLS_ANOMALY) {
        for (int64_t k = 0; k < (classes ? classes : 1); k++)
            p->baseline[k] = 0.5;
        return true;
    }
    for (int64_t i = 0; i < n; i++) {
        double w = f->w ? f->w[i] : 1;

        total += w;
        if (classes)
            p->baseline[(int64_t)f->y[i]] += w;
        else
            p->baseline[0] += w * (f->y[i] - p->baseline[0]) / total;
    }
    for (int64_t k = 0; k < classes; k++)
        p->baseline[k] /= total;
    return true;
}

bool mls_pipeline_fit(struct mls_pipeline *p, const struct mls_table *table,
                      const int64_t *rows, int64_t count, struct mls_run *run,
                      struct mls_error *err)
{
    struct fitting f = { 0 };
    double start = mls_now(), prepared;
    bool ok;

    mls_pipeline_unfit(p);
    ok = begin(&f, p, table, rows, count, err);
    if (ok)
        p->training_rows = f.table.rows;
    ok = ok && (rows
                || (p->fingerprint = mls_fingerprint(&f.table, run, err)) != NULL)
        && run_steps(p, &f, run, err);
    prepared = mls_now();
    ok = ok && (!p->learner || (train(p, &f, run, err)
                                && note_baseline(p, &f, err)));
    fitting_clear(&f);
    if (!ok)
        mls_pipeline_unfit(p);
    p->fitted = ok;
    if (run) {
        run->prepare_seconds += prepared - start;
        run->fit_seconds += mls_now() - prepared;
    }
    return ok;
}
