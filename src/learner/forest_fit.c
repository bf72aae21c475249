/*
 * Fitting a forest: codes once, then one task a tree, a few trees for each
 * thread at a time, which are put into the model in order while they are still
 * in the cache's reach; so no more than that many are in memory in the wide
 * form in which they grow.
 *
 * Bags: instead of drawing n rows of n, which makes the number of times that a
 * row is in depend on all others, each row draws its own number from the
 * Poisson distribution of mean 1, the limit of the binomial for many rows (Oza &
 * Russell 2001).  A bag's size then varies by about the root of n.
 *
 * Weights multiply those numbers: a row of weight 2 is in or out with both of
 * its halves, whereas two equal rows are drawn each by itself.  Without a
 * bootstrap there is no such difference.
 */
#include "learner/forest_fit.h"

#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "mlspec/metric.h"

enum { TREES_A_THREAD = 8 };

/* ---- Bags -------------------------------------------------------------- */

/* limit[k]: of 65536 draws, those that mean at most k. */
static void find_limits(bool replace, double sample, uint32_t *limit)
{
    double chance = replace ? exp(-sample) : 1 - sample, sum = 0;

    for (int k = 0; k < MLS_BAG_MOST; k++) {
        sum += chance;
        limit[k] = (uint32_t)nearbyint(65536 * (sum < 1 ? sum : 1));
        chance = replace ? chance * sample / (k + 1) : sample;
    }
}

static uint8_t times_of(const uint32_t *limit, uint32_t draw)
{
    uint8_t times = 0;

    for (int k = 0; k < MLS_BAG_MOST; k++)
        times += draw >= limit[k];
    return times;
}

void mls_bag_draw(uint64_t seed, int64_t tree, bool replace, double sample,
                  int64_t rows, uint8_t *bag)
{
    uint32_t limit[MLS_BAG_MOST];
    uint64_t bits = 0;
    bool some = false;

    find_limits(replace, sample, limit);
    for (int64_t i = 0; i < rows; i++) {
        if (i % 4 == 0)
            bits = mls_random2(seed, MLS_RANDOM_BOOTSTRAP, (uint32_t)tree,
                               (uint64_t)i / 4);
        bag[i] = times_of(limit, (uint32_t)bits & 65535);
        bits >>= 16;
        some = some || bag[i];
    }
    if (!some)
        memset(bag, 1, (size_t)rows);
}

/* ---- Growing ----------------------------------------------------------- */

struct fitting {
    const struct mls_fit_job *job;
    const struct mls_forest_params *forest;
    struct mls_growth growth;
    bool bags;
    int64_t first;              /* tree of the batch */
    struct mls_tree *trees;     /* of the batch */
    uint8_t **bag;              /* one a thread */
};

static bool grow_one(void *fitting, int64_t i, struct mls_error *err)
{
    struct fitting *f = fitting;
    int64_t tree = f->first + i;
    uint8_t **bag = &f->bag[mls_worker()];
    int64_t rows = f->job->data->rows;

    if (f->bags) {
        if (!*bag)
            *bag = mls_new_array(rows, 1, err);
        if (!*bag)
            return false;
        mls_bag_draw(f->job->seed, tree, f->forest->bootstrap,
                     f->forest->max_samples, rows, *bag);
    }
    return mls_grow_tree(&f->growth,
                         mls_random2(f->job->seed, MLS_RANDOM_LEARNER,
                                     (uint32_t)tree, 0),
                         *bag, &f->trees[i], err);
}

static bool grow_all(struct fitting *f, struct mls_trees_builder *builder,
                     struct mls_error *err)
{
    const struct mls_run *run = f->job->run;
    int threads = mls_pool_threads(run ? run->pool : NULL);
    int64_t batch = (int64_t)TREES_A_THREAD * threads, all = f->forest->trees;
    bool ok = true;

    f->trees = mls_new(batch, sizeof(*f->trees), err);
    f->bag = f->trees ? mls_new(threads, sizeof(*f->bag), err) : NULL;
    ok = f->bag != NULL;
    for (f->first = 0; ok && f->first < all; f->first += batch) {
        int64_t count = all - f->first < batch ? all - f->first : batch;

        ok = mls_parallel(run, count, grow_one, f, err);
        for (int64_t i = 0; ok && i < count; i++)
            ok = mls_trees_add(builder, &f->trees[i], err);
        if (ok)
            mls_progress(run, "trees", (double)(f->first + count),
                         (double)all);
    }
    for (int64_t i = 0; f->trees && i < batch; i++)
        mls_tree_clear(&f->trees[i]);
    for (int k = 0; f->bag && k < threads; k++)
        mls_free(f->bag[k]);
    mls_free(f->trees);
    mls_free(f->bag);
    return ok;
}

/* ---- Out of bag -------------------------------------------------------- */

struct measured {
    struct mls_outcome outcome;
    double *truth, *prediction, *probability, *weight;
};

static void add_row(struct measured *m, const struct mls_target *target,
                    int64_t row, const double *mean)
{
    int64_t at = m->outcome.n++;
    int classes = target->classes, best = 0;
    double *p = m->probability + at * classes;

    m->truth[at] = target->y[row];
    m->weight[at] = target->weight ? target->weight[row] : 1;
    m->prediction[at] = mean[0];
    if (target->task == MLS_REGRESSION)
        return;
    for (int k = 0; k < classes; k++)
        p[k] = target->task == MLS_BINARY ? (k ? mean[0] : 1 - mean[0])
                                          : mean[k];
    for (int k = 1; k < classes; k++)
        best = p[k] > p[best] ? k : best;
    m->prediction[at] = best;
}

static bool gather_measured(const struct fitting *f, struct measured *m,
                            struct mls_error *err)
{
    const struct mls_target *target = &f->job->data->target;
    int64_t n = target->rows;
    double *mean = mls_new(target->classes + 1, sizeof(*mean), err);

    m->truth = mls_new(n, sizeof(double), err);
    m->prediction = mls_new(n, sizeof(double), err);
    m->weight = mls_new(n, sizeof(double), err);
    m->probability = mls_new(n * target->classes, sizeof(double), err);
    if (!mean || !m->truth || !m->prediction || !m->weight
        || !m->probability) {
        mls_free(mean);
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (mls_growth_left_out(&f->growth, i, mean))
            add_row(m, target, i, mean);
    }
    m->outcome.task = target->task;
    m->outcome.classes = target->classes;
    m->outcome.truth = m->truth;
    m->outcome.prediction = m->prediction;
    m->outcome.probability = target->classes ? m->probability : NULL;
    m->outcome.weight = m->weight;
    mls_free(mean);
    return true;
}

/* A metric that is undefined for these rows is left out. */
static bool note_metric(const struct measured *m, const char *name,
                        struct mls_json *chosen, struct mls_error *err)
{
    const struct mls_metric_type *metric = mls_metric_find(name, 0, err);
    struct mls_error why;
    char key[40];
    double value;

    if (!metric || !(metric->tasks & (1u << m->outcome.task)))
        return metric != NULL;
    if (!metric->compute(&m->outcome, &value, &why)) {
        if (why.code == MLS_DATA)
            return true;
        *err = why;
        return false;
    }
    snprintf(key, sizeof(key), "oob_%s", name);
    return mls_json_add_real(chosen, key, value, err);
}

static bool note_left_out(const struct fitting *f, struct mls_error *err)
{
    static const char *const names[] = { "roc_auc", "log_loss", "accuracy",
                                         "rmse", "r2" };
    struct measured m = { 0 };
    bool ok = gather_measured(f, &m, err);

    for (size_t k = 0; ok && m.outcome.n > 0
                       && k < sizeof(names) / sizeof(*names); k++)
        ok = note_metric(&m, names[k], f->job->chosen, err);
    mls_free(m.truth);
    mls_free(m.prediction);
    mls_free(m.weight);
    mls_free(m.probability);
    return ok;
}

/* ---- Fitting ----------------------------------------------------------- */

double mls_forest_part(enum mls_task task, int64_t features)
{
    double p = (double)features;

    return task == MLS_REGRESSION ? 2.0 / 3 : sqrt(p) / p;
}

static int64_t features_of(const struct mls_forest_params *forest,
                           const struct mls_growth *growth, double *part)
{
    double count = (double)growth->features, wanted;

    *part = isnan(forest->max_features)
        ? mls_forest_part(growth->target->task, growth->features)
        : forest->max_features;
    wanted = nearbyint(*part * count);
    return wanted < 1 ? 1 : (int64_t)wanted;
}

static struct mls_trees_builder *begin(const struct fitting *f,
                                       const struct mls_binned *binned,
                                       struct mls_error *err)
{
    const struct mls_target *target = &f->job->data->target;
    struct mls_trees_shape shape = { .task = target->task,
                                     .classes = target->classes,
                                     .features = binned->features,
                                     .bins = binned->bins,
                                     .combine = MLS_COMBINE_MEAN,
                                     .width = mls_growth_width(&f->growth),
                                     .narrow = true };

    return mls_trees_begin(&shape, err);
}

static struct mls_model *fit_codes(struct fitting *f,
                                   const struct mls_binned *binned,
                                   struct mls_error *err)
{
    struct mls_json *chosen = f->job->chosen;
    struct mls_trees_builder *builder = NULL;
    struct mls_model *model = NULL;
    double part;
    bool ok = mls_growth_begin(&f->growth, err);

    if (!ok)
        return NULL;
    f->growth.max_features = features_of(f->forest, &f->growth, &part);
    builder = begin(f, binned, err);
    ok = builder && grow_all(f, builder, err)
        && (!chosen || f->growth.features == 0
            || mls_json_add_integer(chosen, "features_a_split",
                                    f->growth.max_features, err))
        && (!f->growth.out_of_bag || note_left_out(f, err));
    if (ok)
        model = mls_trees_finish(builder, err);
    else
        mls_trees_abandon(builder);
    mls_growth_end(&f->growth);
    return model;
}

struct mls_model *mls_forest_fit(const struct mls_fit_job *job,
                                 bool random_cuts, struct mls_error *err)
{
    const struct mls_forest_params *forest = job->params;
    struct fitting f = { .job = job, .forest = forest };
    struct mls_binning how = { .most = forest->max_bins, .sample = MLS_BINNING_SAMPLE,
                               .seed = job->seed, .by_column = true };
    struct mls_model *model = NULL;
    struct mls_binned binned;

    if (!mls_learner_need_rows(job->data, err)
        || !mls_binned_make(job->run, job->data, &how, &binned, err))
        return NULL;
    mls_dataset_drop_cells(job->data);
    f.bags = forest->bootstrap || forest->max_samples < 1;
    f.growth = (struct mls_growth){
        .run = job->run, .binned = &binned, .target = &job->data->target,
        .entropy = forest->criterion == 1, .random = random_cuts,
        .max_depth = forest->max_depth, .max_leaves = forest->max_leaves,
        .min_split = forest->min_samples_split, .min_leaf = forest->min_samples_leaf,
        .bags = f.bags,
        .out_of_bag = f.bags && forest->oob_score && job->chosen
    };
    model = fit_codes(&f, &binned, err);
    mls_binned_clear(&binned);
    return mls_learner_finish(model, err);
}
