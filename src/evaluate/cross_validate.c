/*
 * Cross-validation and hold-out of a whole pipeline: steps and model are
 * fitted anew in each fold, on that fold's training rows and nothing else.
 *
 * How rows are dealt follows from the roles of the columns: with a time, folds
 * go forward in it and a fold is trained on what came before it; with a group,
 * groups stay whole; otherwise classes are spread evenly.
 *
 * Rows that cannot be scored (no target, no weight) are left out before the
 * rows are dealt, so that folds are equal in rows that count.
 */
#include <math.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "mlspec/evaluate.h"
#include "mlspec/split.h"
#include "pipeline/pipeline.h"

/* What a row is for in one fold. */
enum part { TRAIN, TEST, UNUSED };

/* The rows that take part, and by what they are dealt. */
struct deal {
    int64_t *row;
    double *strata;             /* classes; NULL for regression */
    double *group, *time;       /* NULL when no column has the role */
    int64_t count;
};

static void deal_clear(struct deal *d)
{
    mls_free(d->row);
    mls_free(d->strata);
    mls_free(d->group);
    mls_free(d->time);
}

/* Cells that say where a row belongs: all there, and no texts. */
static bool check_cells(const struct mls_table *table, int64_t column,
                        const double *cells, const struct deal *d,
                        const char *what, struct mls_error *err)
{
    for (int64_t i = 0; i < d->count; i++) {
        if (!isnan(cells[d->row[i]]))
            continue;
        mls_fail(err, MLS_DATA, "the %s is missing", what);
        mls_fail_fix(err, "fill the cell in, or drop the row");
        return mls_table_fail_at(table, d->row[i], column, err);
    }
    return true;
}

/* The cells of the column with a role for the rows dealt, or NULL in *cells
 * when there is none. */
static bool gather(struct deal *d, const struct mls_pipeline *p,
                   const struct mls_table *table, enum mls_role role,
                   double **cells, struct mls_error *err)
{
    const char *what = role == MLS_ROLE_GROUP ? "group" : "time";
    int64_t column = -1;
    double *all;

    for (int64_t c = 0; c < p->schema.count; c++)
        if (p->schema.fields[c].role == role)
            column = mls_schema_find(&table->schema, p->schema.fields[c].name);
    if (column < 0)
        return true;
    if (table->schema.fields[column].kind == MLS_KIND_TEXT) {
        mls_fail(err, MLS_DATA, "a %s cannot be a text", what);
        mls_fail_fix(err, "pass --categorical %s",
                     mls_show_text(table->schema.fields[column].name).text);
        return mls_fail_at(err, table->name, 0, 0,
                           table->schema.fields[column].name);
    }
    all = mls_new_array(table->rows, sizeof *all, err);
    if (!all)
        return false;
    mls_table_reals(table, column, 0, table->rows, all);
    if (!check_cells(table, column, all, d, what, err)) {
        mls_free(all);
        return false;
    }
    for (int64_t i = 0; i < d->count; i++)
        all[i] = all[d->row[i]]; /* row[i] >= i */
    *cells = all;
    return true;
}

static bool deal_make(struct deal *d, const struct mls_pipeline *p,
                      const struct mls_table *table, struct mls_error *err)
{
    double *y = mls_pipeline_truth(p, table, err), *w = NULL;
    bool ok = y && mls_pipeline_weights(p, table, &w, err)
        && (d->row = mls_new_array(table->rows, sizeof *d->row, err)) != NULL;

    for (int64_t i = 0; ok && i < table->rows; i++) {
        if ((w && w[i] == 0) || (isnan(y[i]) && p->drop_missing_target))
            continue;
        if (isnan(y[i])) {
            mls_fail(err, MLS_DATA, "the target is missing");
            mls_fail_fix(err, "fill it in, or pass --missing-target drop");
            ok = mls_table_fail_at(
                table, i,
                mls_schema_find(&table->schema, mls_pipeline_target(p)), err);
            break;
        }
        y[d->count] = y[i];
        d->row[d->count++] = i;
    }
    if (ok && p->task != MLS_REGRESSION) {
        d->strata = y;
        y = NULL;
    }
    mls_free(y);
    mls_free(w);
    return ok && gather(d, p, table, MLS_ROLE_TIME, &d->time, err)
        && gather(d, p, table, MLS_ROLE_GROUP, &d->group, err);
}

static bool deal_folds(const struct deal *d, int k, uint64_t seed,
                       int32_t *fold, struct mls_error *err)
{
    return d->time ? mls_split_folds_by_time(d->count, d->time, k, fold, err)
        : d->group
        ? mls_split_folds_grouped(d->count, d->group, k, seed, fold, err)
        : mls_split_folds(d->count, d->strata, k, seed, fold, err);
}

static bool deal_holdout(const struct deal *d, double fraction, uint64_t seed,
                         uint8_t *in_test, struct mls_error *err)
{
    return d->time
        ? mls_split_by_time(d->count, d->time, fraction, in_test, err)
        : d->group ? mls_split_grouped(d->count, d->group, fraction, seed,
                                       in_test, err)
                   : mls_split_holdout(d->count, d->strata, fraction, seed,
                                       in_test, err);
}

/* Fits on the rows whose part is TRAIN, measures on those of TEST. */
static bool fit_and_measure(const struct mls_pipeline *p,
                            const struct mls_table *table,
                            const struct deal *d, const uint8_t *part,
                            const struct mls_evaluate_options *options,
                            const struct mls_run *run,
                            struct mls_evaluation *out, struct mls_error *err)
{
    struct mls_run own = run ? *run : (struct mls_run){ 0 };
    struct mls_pipeline *fitted = mls_pipeline_copy(p, err);
    int64_t *train = mls_new_array(d->count, sizeof *train, err);
    int64_t *test = mls_new_array(d->count, sizeof *test, err);
    struct mls_table held = { 0 };
    int64_t trains = 0, tests = 0;
    bool ok = fitted && train && test;

    /* The final fit on all rows says what is to be said, once. */
    own.message = NULL;
    own.progress = NULL;
    for (int64_t i = 0; ok && i < d->count; i++) {
        if (part[i] == TEST)
            test[tests++] = d->row[i];
        else if (part[i] == TRAIN)
            train[trains++] = d->row[i];
    }
    ok = ok
        && mls_pipeline_fit(fitted, table, train, trains, run ? &own : NULL,
                            err)
        && mls_table_take(table, test, tests, &held, err)
        && mls_evaluate(fitted, &held, options, run, out, err);
    mls_table_clear(&held);
    mls_free(train);
    mls_free(test);
    mls_pipeline_free(fitted);
    return ok;
}

/* --- folds -------------------------------------------------------------- */

struct folds {
    const struct mls_pipeline *p;
    const struct mls_table *table;
    const struct deal *deal;
    const int32_t *fold;
    struct mls_evaluate_options options;
    const struct mls_run *run;
    struct mls_evaluation *results;
};

/* In time, what comes later is not known yet. */
static enum part part_in(const struct folds *f, int32_t fold, int64_t k)
{
    return fold == k                     ? TEST
        : f->deal->time != NULL && fold > k ? UNUSED
                                            : TRAIN;
}

static bool one_fold(void *context, int64_t k, struct mls_error *err)
{
    struct folds *f = context;
    uint8_t *part = mls_new(f->deal->count, 1, err);
    bool ok = part != NULL;

    for (int64_t i = 0; ok && i < f->deal->count; i++)
        part[i] = (uint8_t)part_in(f, f->fold[i], k);
    ok = ok && mls_run_go_on(f->run, err)
        && fit_and_measure(f->p, f->table, f->deal, part, &f->options, f->run,
                           &f->results[k], err);
    mls_free(part);
    return ok;
}

/* Means over the folds in which a figure is defined. */
static void average(const struct mls_evaluation *results, int k,
                    struct mls_evaluation *out)
{
    for (int64_t f = 0; f < out->count; f++) {
        struct mls_figure *figure = &out->figures[f];
        double sum = 0, base = 0, squares = 0;
        int n = 0;

        for (int i = 0; i < k; i++) {
            if (isnan(results[i].figures[f].value))
                continue;
            sum += results[i].figures[f].value;
            base += results[i].figures[f].baseline;
            n++;
        }
        figure->value = n ? sum / n : NAN;
        figure->baseline = n ? base / n : NAN;
        for (int i = 0; i < k; i++)
            if (!isnan(results[i].figures[f].value))
                squares += pow(results[i].figures[f].value - figure->value, 2);
        figure->sd = n > 1 ? sqrt(squares / (n - 1)) : NAN;
        figure->low = figure->high = NAN;
    }
}

static bool join(struct mls_evaluation *results, int k,
                 struct mls_evaluation *out, struct mls_error *err)
{
    int64_t cells = results[0].confusion
        ? (int64_t)results[0].classes * results[0].classes
        : 0;

    *out = (struct mls_evaluation){ .count = results[0].count,
                                    .classes = results[0].classes,
                                    .folds = k };
    out->figures = mls_new(out->count, sizeof *out->figures, err);
    if (cells)
        out->confusion = mls_new(cells, sizeof *out->confusion, err);
    if (!out->figures || (cells && !out->confusion)) {
        mls_evaluation_clear(out);
        return false;
    }
    for (int64_t f = 0; f < out->count; f++)
        out->figures[f] = results[0].figures[f];
    average(results, k, out);
    for (int i = 0; i < k; i++) {
        out->rows += results[i].rows;
        for (int64_t c = 0; c < cells; c++)
            out->confusion[c] += results[i].confusion[c];
    }
    return true;
}

bool mls_cross_validate(const struct mls_pipeline *p,
                        const struct mls_table *table, int k,
                        const struct mls_evaluate_options *options,
                        const struct mls_run *run, struct mls_evaluation *out,
                        struct mls_error *err)
{
    struct deal deal = { 0 };
    struct folds f = { p, table, &deal, NULL, *options, run, NULL };
    int32_t *fold = NULL;
    bool ok = deal_make(&deal, p, table, err);

    *out = (struct mls_evaluation){ 0 };
    f.options.bootstrap = 0;
    f.options.curves = false;
    f.options.best = NULL;
    if (ok) {
        fold = mls_new_array(deal.count, sizeof *fold, err);
        ok = fold
            && deal_folds(&deal, k, options->seed, fold, err)
            && (f.results = mls_new(k, sizeof *f.results, err)) != NULL;
    }
    f.fold = fold;
    ok = ok && mls_parallel(run, k, one_fold, &f, err)
        && join(f.results, k, out, err);
    for (int i = 0; f.results && i < k; i++)
        mls_evaluation_clear(&f.results[i]);
    mls_free(f.results);
    mls_free(fold);
    deal_clear(&deal);
    return ok;
}

bool mls_holdout(const struct mls_pipeline *p, const struct mls_table *table,
                 double fraction, const struct mls_evaluate_options *options,
                 const struct mls_run *run, struct mls_evaluation *out,
                 struct mls_error *err)
{
    struct mls_evaluate_options here = *options;
    struct deal deal = { 0 };
    uint8_t *in_test = NULL;
    bool ok = deal_make(&deal, p, table, err);

    *out = (struct mls_evaluation){ 0 };
    here.curves = false;
    here.best = NULL;
    if (ok) {
        in_test = mls_new(deal.count, 1, err);
        ok = in_test
            && deal_holdout(&deal, fraction, options->seed, in_test, err)
            && fit_and_measure(p, table, &deal, in_test, &here, run, out, err);
    }
    mls_free(in_test);
    deal_clear(&deal);
    return ok;
}
