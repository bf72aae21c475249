/*
 * The threshold for rows that the model has not seen: each row is predicted by
 * the pipeline of the fold it is tested in, and one threshold is chosen for all
 * of them together.  One fold alone has too few rows for it, and the training
 * rows themselves flatter the model.
 */
#include "base/memory.h"
#include "base/threads.h"
#include "evaluate/folds.h"
#include "mlspec/evaluate.h"

struct crossing {
    const struct mls_pipeline *p;
    const struct mls_table *table;
    const struct mls_run *run;
    struct mls_deal deal;
    int32_t *fold;
    double *probability;        /* of both classes, by row of the deal */
};

static bool predict_fold(struct crossing *c, const uint8_t *part,
                         struct mls_error *err)
{
    struct mls_pipeline *fitted = NULL;
    struct mls_table held = { 0 };
    struct mls_prediction made = { 0 };
    int64_t next = 0;
    bool ok = mls_deal_fit(&c->deal, part, c->p, c->table, c->run, &fitted,
                           &held, err)
        && mls_pipeline_predict_table(fitted, &held, 0.5, c->run, &made, err);

    for (int64_t i = 0; ok && i < c->deal.count; i++) {
        if (part[i] != MLS_PART_TEST)
            continue;
        c->probability[2 * i] = made.probability[2 * next];
        c->probability[2 * i + 1] = made.probability[2 * next + 1];
        next++;
    }
    mls_prediction_clear(&made);
    mls_table_clear(&held);
    mls_pipeline_free(fitted);
    return ok;
}

/* Folds write to rows of their own. */
static bool one_fold(void *context, int64_t k, struct mls_error *err)
{
    struct crossing *c = context;
    uint8_t *part = mls_new(c->deal.count, 1, err);
    bool ok = part && mls_run_go_on(c->run, err);

    for (int64_t i = 0; ok && i < c->deal.count; i++)
        part[i] = (uint8_t)mls_deal_part(&c->deal, c->fold, i, k);
    ok = ok && predict_fold(c, part, err);
    mls_free(part);
    return ok;
}

/* Moves the rows that some fold tests to the front; returns how many. */
static int64_t keep_tested(struct crossing *c)
{
    struct mls_deal *d = &c->deal;
    int64_t kept = 0;

    for (int64_t i = 0; i < d->count; i++) {
        if (c->fold[i] < 0)
            continue;
        d->target[kept] = d->target[i];
        if (d->weight)
            d->weight[kept] = d->weight[i];
        c->probability[2 * kept] = c->probability[2 * i];
        c->probability[2 * kept + 1] = c->probability[2 * i + 1];
        kept++;
    }
    return kept;
}

static bool choose(struct crossing *c, const struct mls_metric_type *metric,
                   double *threshold, double *value, struct mls_error *err)
{
    struct mls_outcome outcome = { .task = MLS_BINARY,
                                   .n = keep_tested(c),
                                   .classes = 2,
                                   .truth = c->deal.target,
                                   .probability = c->probability,
                                   .weight = c->deal.weight };

    return mls_best_threshold(&outcome, metric, threshold, value, err);
}

bool mls_cross_threshold(const struct mls_pipeline *p,
                         const struct mls_table *table, int k,
                         const char *metric, uint64_t seed,
                         const struct mls_run *run, double *threshold,
                         double *value, struct mls_error *err)
{
    struct crossing c = { .p = p, .table = table, .run = run };
    const struct mls_metric_type *type = mls_metric_find(metric, 0, err);
    bool ok = type
        && mls_metric_has_threshold(type, mls_pipeline_task(p), err)
        && mls_deal_make(&c.deal, p, table, err);

    if (ok) {
        c.fold = mls_new_array(c.deal.count, sizeof *c.fold, err);
        c.probability = mls_new(2 * c.deal.count, sizeof *c.probability, err);
        ok = c.fold && c.probability
            && mls_deal_folds(&c.deal, k, seed, c.fold, err)
            && mls_parallel(run, k, one_fold, &c, err)
            && choose(&c, type, threshold, value, err);
    }
    mls_free(c.probability);
    mls_free(c.fold);
    mls_deal_clear(&c.deal);
    return ok;
}
