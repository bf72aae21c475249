/*
 * Metrics of a pipeline on rows with truth.
 *
 * Intervals come from the percentile bootstrap (Efron 1979): each round draws
 * as many rows as there are, with replacement, and counts how often each came;
 * the counts multiply the weights, so no row is copied.  Beside each value
 * stands what the constant model would reach.
 */
#include "mlspec/evaluate.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "base/threads.h"
#include "pipeline/pipeline.h"
#include "stats/summary.h"

/* Nobody reads a larger table, and each fold would hold one. */
#define CONFUSION_LIMIT 1000

/* The rows with truth, as metrics want them. */
struct rows {
    struct mls_outcome outcome; /* borrows the arrays below */
    struct mls_prediction made;
    double *truth, *weight;
    double *group;              /* NULL: no column has the role */
};

static void rows_clear(struct rows *r)
{
    mls_prediction_clear(&r->made);
    mls_free(r->truth);
    mls_free(r->weight);
    mls_free(r->group);
}

/* Moves row `from` to row `to` of all arrays. */
static void move_row(struct rows *r, int64_t to, int64_t from)
{
    struct mls_prediction *m = &r->made;

    r->truth[to] = r->truth[from];
    if (r->weight)
        r->weight[to] = r->weight[from];
    if (r->group)
        r->group[to] = r->group[from];
    m->value[to] = m->value[from];
    for (int k = 0; k < m->classes; k++)
        m->probability[to * m->classes + k] =
            m->probability[from * m->classes + k];
}

/* Only a recipe that leaves cells missing brings this about. */
static bool no_prediction(const struct mls_table *table, int64_t row,
                          struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "the row has a missing cell and so no prediction");
    mls_fail_fix(err, "fill it in, or train with the step impute "
                      "(--impute median)");
    return mls_table_fail_at(table, row, -1, err);
}

/* Rows without truth are left out or refused; rows of weight 0 left out. */
static bool drop_rows(struct rows *r, const struct mls_pipeline *p,
                      const struct mls_table *table, struct mls_error *err)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < table->rows; i++) {
        if (r->weight && r->weight[i] == 0)
            continue;
        if (isnan(r->truth[i])) {
            if (p->drop_missing_target)
                continue;
            mls_fail(err, MLS_DATA, "the target is missing");
            mls_fail_fix(err, "fill it in, or leave out the row");
            return mls_table_fail_at(
                table, i,
                mls_schema_find(&table->schema, mls_pipeline_target(p)), err);
        }
        if (isnan(r->made.value[i]))
            return no_prediction(table, i, err);
        move_row(r, kept++, i);
    }
    r->made.rows = kept;
    if (kept)
        return true;
    mls_fail(err, MLS_DATA, "there is no row to evaluate on");
    return mls_fail_at(err, table->name, 0, 0, NULL);
}

/* The column of groups, if the table has it, as numbers. */
static bool read_groups(struct rows *r, const struct mls_pipeline *p,
                        const struct mls_table *table, struct mls_error *err)
{
    int64_t field = mls_schema_find_role(&p->schema, MLS_ROLE_GROUP);
    int64_t column = field < 0 ? -1
        : mls_schema_find(&table->schema, p->schema.fields[field].name);

    if (column < 0 || table->schema.fields[column].kind == MLS_KIND_TEXT)
        return true;
    r->group = mls_new_array(table->rows, sizeof *r->group, err);
    if (r->group)
        mls_table_reals(table, column, 0, table->rows, r->group);
    return r->group != NULL;
}

/* How odd a row is stands for the probability of the odd class: the metrics of
 * this task look at the order alone. */
static bool rank_as_classes(struct mls_prediction *made, struct mls_error *err)
{
    made->classes = 2;
    made->probability = mls_new_array(2 * made->rows,
                                      sizeof *made->probability, err);
    for (int64_t i = 0; made->probability && i < made->rows; i++) {
        made->probability[2 * i] = 1 - made->value[i];
        made->probability[2 * i + 1] = made->value[i];
    }
    return made->probability != NULL;
}

static bool rows_make(struct rows *r, const struct mls_pipeline *p,
                      const struct mls_table *table, double threshold,
                      const struct mls_run *run, struct mls_error *err)
{
    r->truth = mls_pipeline_truth(p, table, err);
    if (!r->truth || !mls_pipeline_weights(p, table, &r->weight, err)
        || !read_groups(r, p, table, err)
        || !mls_pipeline_predict_table(p, table, threshold, run, &r->made,
                                       err)
        || (p->task == MLS_ANOMALY && !rank_as_classes(&r->made, err))
        || !drop_rows(r, p, table, err))
        return false;
    r->outcome = (struct mls_outcome){
        .task = p->task == MLS_ANOMALY ? MLS_BINARY : p->task,
        .n = r->made.rows, .classes = r->made.classes,
        .truth = r->truth, .prediction = r->made.value,
        .probability = r->made.probability, .weight = r->weight,
        .group = r->group
    };
    return true;
}

/* --- which metrics ------------------------------------------------------ */

static bool add_figure(struct mls_evaluation *e,
                       const struct mls_metric_type *metric,
                       struct mls_error *err)
{
    if (!mls_resize(&e->figures, e->count + 1, sizeof *e->figures, err))
        return false;
    e->figures[e->count++] = (struct mls_figure){ metric, NAN, NAN, NAN, NAN,
                                                  NAN };
    return true;
}

static bool has_figure(const struct mls_evaluation *e,
                       const struct mls_metric_type *metric)
{
    for (int64_t f = 0; f < e->count; f++)
        if (e->figures[f].metric == metric)
            return true;
    return false;
}

/* Those that fit the task: all, or those in_report. */
static bool add_fitting(struct mls_evaluation *e, const struct mls_pipeline *p,
                        bool all, struct mls_error *err)
{
    enum mls_task task = p->task;
    bool groups = mls_schema_find_role(&p->schema, MLS_ROLE_GROUP) >= 0;

    for (int i = 0; mls_metrics[i]; i++) {
        const struct mls_metric_type *metric = mls_metrics[i];

        if ((metric->tasks & (1u << task)) && (all || metric->in_report)
            && (!metric->within_groups || groups) && !has_figure(e, metric) && !add_figure(e, metric, err))
            return false;
    }
    return true;
}

static bool add_named(struct mls_evaluation *e, const struct mls_pipeline *p,
                      const char *name, struct mls_error *err)
{
    const struct mls_metric_type *metric;

    if (strcmp(name, "*") == 0)
        return add_fitting(e, p, true, err);
    metric = mls_metric_find(name, p->task, err);
    return metric && (has_figure(e, metric) || add_figure(e, metric, err));
}

static bool split_names(const char *record, struct mls_list *names,
                        struct mls_error *err)
{
    if (!record)
        return true;
    return mls_list_split(record, names, err)
        && (names->count > 0
            || mls_fail(err, MLS_USAGE, "--metric names no metric"));
}

static bool choose_metrics(struct mls_evaluation *e,
                           const struct mls_pipeline *p,
                           const struct mls_list *names, struct mls_error *err)
{
    if (names->count == 0)
        return add_fitting(e, p, false, err);
    for (int64_t i = 0; i < names->count; i++)
        if (!add_named(e, p, names->items[i], err))
            return false;
    return true;
}

static bool is_named(const struct mls_list *names, const char *name)
{
    for (int64_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

/* A metric that was asked for must have a value; one of the default list may
 * be undefined on these rows. */
static bool compute(const struct mls_outcome *outcome,
                    const struct mls_metric_type *metric, bool demanded,
                    double *value, struct mls_error *err)
{
    struct mls_error own = { 0 };

    *value = NAN;
    if (metric->compute(outcome, value, &own))
        return true;
    *value = NAN;
    if (!demanded && own.code == MLS_DATA)
        return true;
    *err = own;
    return false;
}

/* --- baseline ----------------------------------------------------------- */

static void fill_baseline(const struct mls_pipeline *p, int64_t n,
                          double threshold, double *value, double *probability)
{
    int64_t classes = p->classes.count;
    double said = classes ? 0 : p->baseline[0];

    for (int64_t k = 1; k < classes; k++)
        if (p->baseline[k] > p->baseline[(int64_t)said])
            said = (double)k;
    if (p->task == MLS_BINARY)
        said = p->baseline[1] >= mls_pipeline_cut(p, threshold);
    for (int64_t i = 0; i < n; i++) {
        value[i] = said;
        for (int64_t k = 0; k < classes; k++)
            probability[i * classes + k] = p->baseline[k];
    }
}

static bool measure_baseline(const struct mls_pipeline *p,
                             const struct rows *r, double threshold,
                             struct mls_evaluation *e, struct mls_error *err)
{
    int64_t n = r->outcome.n, classes = r->outcome.classes;
    struct mls_outcome outcome = r->outcome;
    double *value = mls_new_array(n, sizeof *value, err);
    double *probability =
        value ? mls_new_array(n * classes, sizeof *probability, err) : NULL;
    bool ok = probability != NULL;

    if (ok)
        fill_baseline(p, n, threshold, value, probability);
    outcome.prediction = value;
    outcome.probability = classes ? probability : NULL;
    for (int64_t f = 0; ok && f < e->count; f++)
        ok = compute(&outcome, e->figures[f].metric, false,
                     &e->figures[f].baseline, err);
    mls_free(value);
    mls_free(probability);
    return ok;
}

/* --- bootstrap ---------------------------------------------------------- */

/* With groups, groups are drawn and not rows: rows of a group are alike, and
 * rows drawn one by one would promise intervals that are too narrow. */
struct bootstrap {
    const struct mls_outcome *outcome;
    const int64_t *unit;        /* of each row, 0 .. units - 1; NULL: itself */
    int64_t units;
    const struct mls_evaluation *e;
    uint64_t seed;
    int64_t rounds;
    double *values;             /* figures x rounds */
};

static bool one_round(void *context, int64_t round, struct mls_error *err)
{
    struct bootstrap *b = context;
    struct mls_outcome outcome = *b->outcome;
    int64_t n = outcome.n, figures = b->e->count;
    double *weight = mls_new(n, sizeof *weight, err);
    double *drawn = weight && b->unit ? mls_new(b->units, sizeof *drawn, err)
                                      : weight;
    bool ok = drawn != NULL;

    for (int64_t i = 0; ok && i < b->units; i++)
        drawn[mls_random_below(mls_random2(b->seed, MLS_RANDOM_BOOTSTRAP,
                                           (uint32_t)round, (uint64_t)i),
                               b->units)] += 1;
    for (int64_t i = 0; ok && b->unit && i < n; i++)
        weight[i] = drawn[b->unit[i]];
    for (int64_t i = 0; ok && outcome.weight && i < n; i++)
        weight[i] *= outcome.weight[i];
    outcome.weight = weight;
    for (int64_t f = 0; ok && f < figures; f++)
        ok = compute(&outcome, b->e->figures[f].metric, false,
                     &b->values[f * b->rounds + round], err);
    if (drawn != weight)
        mls_free(drawn);
    mls_free(weight);
    return ok;
}

/* Numbers the groups by ascending value; a row without one stands alone. */
static bool number_units(const struct mls_outcome *outcome, int64_t **unit,
                         int64_t *units, struct mls_error *err)
{
    const double *group = outcome->group;
    int64_t n = outcome->n;
    int64_t *order;
    bool ok;

    *unit = NULL;
    *units = n;
    if (!group)
        return true;
    *unit = mls_new_array(n, sizeof **unit, err);
    order = *unit ? mls_new_array(n, sizeof *order, err) : NULL;
    ok = order && mls_order_reals(group, n, order, err);
    *units = 0;
    for (int64_t i = 0; ok && i < n; i++) {
        if (i == 0 || group[order[i]] != group[order[i - 1]])
            ++*units;
        (*unit)[order[i]] = *units - 1;
    }
    mls_free(order);
    return ok;
}

static bool intervals(const struct mls_outcome *outcome,
                      const struct mls_evaluate_options *options,
                      const struct mls_run *run, struct mls_evaluation *e,
                      struct mls_error *err)
{
    int64_t rounds = options->bootstrap;
    double tail = (1 - options->confidence) / 2;
    double at[2] = { tail, 1 - tail }, ends[2];
    struct bootstrap b = { outcome, NULL, 0, e, options->seed, rounds, NULL };
    int64_t *unit = NULL;
    bool ok;

    if (rounds <= 0)
        return true;
    b.values = mls_new_array(rounds * e->count, sizeof *b.values, err);
    ok = b.values && number_units(outcome, &unit, &b.units, err);
    b.unit = unit;
    ok = ok && mls_parallel(run, rounds, one_round, &b, err);
    for (int64_t f = 0; ok && f < e->count; f++) {
        ok = mls_quantiles(b.values + f * rounds, NULL, rounds, at, 2, ends,
                           err);
        if (ok) {
            e->figures[f].low = ends[0];
            e->figures[f].high = ends[1];
        }
    }
    mls_free(unit);
    mls_free(b.values);
    return ok;
}

static bool count_confusion(const struct mls_outcome *outcome,
                            struct mls_evaluation *e, struct mls_error *err)
{
    int64_t classes = outcome->classes;

    e->classes = outcome->classes;
    if (classes == 0 || classes > CONFUSION_LIMIT)
        return true;
    e->confusion = mls_new(classes * classes, sizeof *e->confusion, err);
    if (!e->confusion)
        return false;
    mls_confusion(outcome, e->confusion);
    return true;
}

static bool find_best(const struct mls_outcome *outcome, const char *name,
                      struct mls_best *best, struct mls_error *err)
{
    const struct mls_metric_type *metric;

    if (!name)
        return true;
    metric = mls_metric_find(name, 0, err);
    if (!metric
        || !mls_best_threshold(outcome, metric, &best->threshold, &best->value,
                               err))
        return false;
    best->metric = metric;
    return true;
}

bool mls_evaluate(const struct mls_pipeline *p, const struct mls_table *table,
                  const struct mls_evaluate_options *options,
                  const struct mls_run *run, struct mls_evaluation *out,
                  struct mls_error *err)
{
    struct mls_list names = { 0 };
    struct rows r = { 0 };
    bool ok;

    *out = (struct mls_evaluation){ 0 };
    ok = split_names(options->metrics, &names, err)
        && choose_metrics(out, p, &names, err)
        && rows_make(&r, p, table, options->threshold, run, err)
        && find_best(&r.outcome, options->best, &out->best, err)
        && (!options->curves
            || mls_curves_make(&r.outcome, &out->curves, err));
    out->rows = r.outcome.n;
    for (int64_t f = 0; ok && f < out->count; f++)
        ok = compute(&r.outcome, out->figures[f].metric,
                     is_named(&names, out->figures[f].metric->name),
                     &out->figures[f].value, err);
    ok = ok && measure_baseline(p, &r, options->threshold, out, err)
        && intervals(&r.outcome, options, run, out, err)
        && (p->task == MLS_ANOMALY || count_confusion(&r.outcome, out, err));
    rows_clear(&r);
    mls_list_clear(&names);
    if (!ok)
        mls_evaluation_clear(out);
    return ok;
}

void mls_evaluation_clear(struct mls_evaluation *e)
{
    mls_free(e->figures);
    mls_free(e->confusion);
    mls_curves_clear(&e->curves);
    *e = (struct mls_evaluation){ 0 };
}
