/*
 * Cross-validation and hold-out of a whole pipeline: steps and model are
 * fitted anew in each fold, on that fold's training rows and nothing else.
 */
#include <math.h>

#include "base/memory.h"
#include "base/threads.h"
#include "evaluate/folds.h"
#include "mlspec/evaluate.h"

static bool fit_and_measure(const struct mls_pipeline *p,
                            const struct mls_table *table,
                            const struct mls_deal *d, const uint8_t *part,
                            const struct mls_evaluate_options *options,
                            const struct mls_run *run,
                            struct mls_evaluation *out, struct mls_error *err)
{
    struct mls_pipeline *fitted = NULL;
    struct mls_table held = { 0 };
    bool ok = mls_deal_fit(d, part, p, table, run, &fitted, &held, err)
        && mls_evaluate(fitted, &held, options, run, out, err);

    mls_table_clear(&held);
    mls_pipeline_free(fitted);
    return ok;
}

/* --- folds -------------------------------------------------------------- */

struct folds {
    const struct mls_pipeline *p;
    const struct mls_table *table;
    const struct mls_deal *deal;
    const int32_t *fold;
    struct mls_evaluate_options options;
    const struct mls_run *run;
    struct mls_evaluation *results;
};

static bool one_fold(void *context, int64_t k, struct mls_error *err)
{
    struct folds *f = context;
    uint8_t *part = mls_new(f->deal->count, 1, err);
    bool ok = part != NULL;

    for (int64_t i = 0; ok && i < f->deal->count; i++)
        part[i] = (uint8_t)mls_deal_part(f->deal, f->fold, i, k);
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
    struct mls_deal deal = { 0 };
    struct folds f = { p, table, &deal, NULL, *options, run, NULL };
    int32_t *fold = NULL;
    bool ok = mls_deal_make(&deal, p, table, err);

    *out = (struct mls_evaluation){ 0 };
    f.options.bootstrap = 0;
    f.options.curves = false;
    f.options.best = NULL;
    if (ok) {
        fold = mls_new_array(deal.count, sizeof *fold, err);
        ok = fold
            && mls_deal_folds(&deal, k, options->seed, fold, err)
            && (f.results = mls_new(k, sizeof *f.results, err)) != NULL;
    }
    f.fold = fold;
    ok = ok && mls_parallel(run, k, one_fold, &f, err)
        && join(f.results, k, out, err);
    for (int i = 0; f.results && i < k; i++)
        mls_evaluation_clear(&f.results[i]);
    mls_free(f.results);
    mls_free(fold);
    mls_deal_clear(&deal);
    return ok;
}

bool mls_holdout(const struct mls_pipeline *p, const struct mls_table *table,
                 double fraction, const struct mls_evaluate_options *options,
                 const struct mls_run *run, struct mls_evaluation *out,
                 struct mls_error *err)
{
    struct mls_evaluate_options here = *options;
    struct mls_deal deal = { 0 };
    uint8_t *in_test = NULL;
    bool ok = mls_deal_make(&deal, p, table, err);

    *out = (struct mls_evaluation){ 0 };
    here.curves = false;
    here.best = NULL;
    if (ok) {
        in_test = mls_new(deal.count, 1, err);
        ok = in_test
            && mls_deal_holdout(&deal, fraction, options->seed, in_test, err)
            && fit_and_measure(p, table, &deal, in_test, &here, run, out, err);
    }
    mls_free(in_test);
    mls_deal_clear(&deal);
    return ok;
}
