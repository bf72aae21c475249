/*
 * Permutation importance: how much worse a metric becomes on rows with truth
 * when the cells of one column are dealt out anew among the rows (Breiman 2001;
 * Fisher, Rudin & Dominici 2019, JMLR 20).
 *
 * The column is one of the raw table, so a date or a category counts as a
 * whole, whatever the steps make of it, and nothing is asked of the model but
 * to predict.  All the rest of a row stays: what another column tells as well
 * costs little to lose, so importances do not sum to anything.
 *
 * Orders are keyed by (seed, the column's name, repeat); blocks are predicted
 * in parallel.
 */
#include "mlspec/evaluate.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "pipeline/pipeline.h"
#include "table/arrange.h"

struct permuting {
    const struct mls_pipeline *p;
    const struct mls_run *run;
    struct mls_evaluate_options options;
    struct mls_table table;     /* the rows that count, in blocks as
                                 * mls_table_take makes them */
    int64_t *order;             /* rows */
    double value;               /* of the metric, nothing permuted */
    bool larger_is_better;
};

/* Rows with truth and weight, so that no cell of another is dealt out. */
static bool take_rows(struct permuting *m, const struct mls_table *table,
                      struct mls_error *err)
{
    double *truth = mls_pipeline_truth(m->p, table, err), *weight = NULL;
    int64_t *rows = truth ? mls_new_array(table->rows, sizeof *rows, err)
                          : NULL;
    int64_t kept = 0;
    bool ok = rows && mls_pipeline_weights(m->p, table, &weight, err);

    for (int64_t i = 0; ok && i < table->rows; i++)
        if (!(weight && weight[i] == 0)
            && !(isnan(truth[i]) && m->p->drop_missing_target))
            rows[kept++] = i;
    ok = ok && mls_table_take(table, rows, kept, &m->table, err);
    mls_free(truth);
    mls_free(weight);
    mls_free(rows);
    m->order = ok ? mls_new_array(kept, sizeof *m->order, err) : NULL;
    return m->order != NULL;
}

/* The table with a column's cells in the order drawn. */
static bool permute(const struct permuting *m, int64_t column,
                    struct mls_table *out, struct mls_error *err)
{
    struct mls_table one = { 0 }, dealt = { 0 };
    int64_t n = m->table.schema.count;
    int64_t *all = mls_new_array(n, sizeof *all, err);
    bool ok = all != NULL;

    for (int64_t j = 0; ok && j < n; j++)
        all[j] = j;
    ok = ok && mls_table_arrange(&m->table, &column, 1, &one, err)
        && mls_table_take(&one, m->order, m->table.rows, &dealt, err)
        && mls_table_arrange(&m->table, all, n, out, err);
    for (int64_t b = 0; ok && b < out->block_count; b++) {
        struct mls_column **at = &out->blocks[b]->columns[column];

        mls_column_free(*at);
        *at = mls_column_share(dealt.blocks[b]->columns[0]);
    }
    mls_table_clear(&one);
    mls_table_clear(&dealt);
    mls_free(all);
    return ok;
}

/* The metric on a table; its first figure. */
static bool measure(struct permuting *m, const struct mls_table *table,
                    double *value, struct mls_error *err)
{
    struct mls_evaluation e;

    if (!mls_evaluate(m->p, table, &m->options, m->run, &e, err))
        return false;
    *value = e.figures[0].value;
    m->larger_is_better = e.figures[0].metric->larger_is_better;
    mls_evaluation_clear(&e);
    return true;
}

static bool measure_column(struct permuting *m, int64_t column, int repeats,
                           struct mls_importance_item *item,
                           struct mls_error *err)
{
    uint64_t key = mls_random_key(m->options.seed, item->column);
    double mean = 0, squares = 0;

    for (int k = 0; k < repeats; k++) {
        struct mls_table dealt = { 0 };
        double value, drop, move;
        bool ok;

        mls_random_order(key, MLS_RANDOM_PERMUTE, (uint32_t)k, m->order,
                         m->table.rows);
        ok = mls_run_go_on(m->run, err) && permute(m, column, &dealt, err)
            && measure(m, &dealt, &value, err);
        mls_table_clear(&dealt);
        if (!ok)
            return false;
        drop = m->larger_is_better ? m->value - value : value - m->value;
        move = drop - mean;
        mean += move / (k + 1);
        squares += move * (drop - mean);
    }
    item->drop = mean;
    item->sd = repeats > 1 ? sqrt(squares / (repeats - 1)) : NAN;
    return true;
}

static int by_drop(const void *a_, const void *b_)
{
    const struct mls_importance_item *a = a_, *b = b_;

    if (a->drop != b->drop)
        return a->drop < b->drop ? 1 : -1;
    return strcmp(a->column, b->column);
}

static bool measure_all(struct permuting *m, int repeats,
                        struct mls_importance *out, struct mls_error *err)
{
    const struct mls_schema *schema = &m->p->schema;

    out->items = mls_new(schema->count, sizeof *out->items, err);
    for (int64_t j = 0; out->items && j < schema->count; j++) {
        struct mls_importance_item *item = &out->items[out->count];
        int64_t column;

        if (schema->fields[j].role != MLS_ROLE_FEATURE)
            continue;
        item->column = schema->fields[j].name;
        column = mls_schema_find(&m->table.schema, item->column);
        if (column < 0)
            return mls_fail(err, MLS_DATA, "there is no column \"%s\"",
                            mls_show_text(item->column).text);
        if (!measure_column(m, column, repeats, item, err))
            return false;
        out->count++;
        mls_progress(m->run, "columns", (double)j + 1, (double)schema->count);
    }
    if (out->items && out->count > 0)
        qsort(out->items, (size_t)out->count, sizeof *out->items, by_drop);
    return out->items != NULL;
}

/* The first metric asked for, or that of the task. */
static bool choose_metric(struct permuting *m, struct mls_importance *out,
                          struct mls_error *err)
{
    struct mls_list names = { 0 };
    const char *record = m->options.metrics;
    bool ok = !record || mls_list_split(record, &names, err);

    out->metric = !ok ? NULL
        : names.count > 0 && strcmp(names.items[0], "*") != 0
            ? mls_metric_find(names.items[0], m->p->task, err)
            : mls_metric_default(m->p->task);
    mls_list_clear(&names);
    return out->metric != NULL;
}

bool mls_importance(const struct mls_pipeline *p,
                    const struct mls_table *table,
                    const struct mls_evaluate_options *options, int repeats,
                    const struct mls_run *run, struct mls_importance *out,
                    struct mls_error *err)
{
    struct permuting m = { .p = p, .run = run, .options = *options };
    bool ok;

    *out = (struct mls_importance){ .repeats = repeats };
    ok = choose_metric(&m, out, err);
    m.options.metrics = ok ? out->metric->name : NULL;
    m.options.bootstrap = 0;
    m.options.curves = false;
    m.options.best = NULL;
    ok = ok && take_rows(&m, table, err)
        && measure(&m, &m.table, &m.value, err)
        && measure_all(&m, repeats, out, err);
    out->value = m.value;
    mls_table_clear(&m.table);
    mls_free(m.order);
    if (!ok)
        mls_importance_clear(out);
    return ok;
}

void mls_importance_clear(struct mls_importance *importance)
{
    mls_free(importance->items);
    *importance = (struct mls_importance){ 0 };
}
