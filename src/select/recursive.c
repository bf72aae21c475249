/*
 * Recursive feature elimination: fit a linear model on all columns, drop those
 * whose coefficients are smallest, fit again on the rest, until k are left.
 * Guyon, Weston, Barnhill & Vapnik (2002), Machine Learning 46, 389-422.
 *
 *   round      1        2       3
 *   columns    8  ->    6  ->   5 (= k)
 *   rank       3 3      2       1 1 1 1 1
 *
 * Columns are standardised first (weighted mean 0, standard deviation 1), for
 * coefficients of columns in different units do not compare.  A column's
 * importance is the sum of its squared coefficients over the classes; its score
 * is the root of that in the last fit it took part in.  Of equal ones the last
 * name goes first.  Why refit at all: the coefficient of a column that shares
 * what it says with another grows when that other one is gone.
 *
 * How many to keep, when nobody says, is asked of rows held out (Hastie,
 * Tibshirani & Friedman (2009), The Elements of Statistical Learning, 7.10): in
 * each of a few folds columns are eliminated down to one by the training rows
 * alone, and every model on the way is scored on the rest.
 *
 *   columns      8     6     5    ...   1
 *   loss        0.31  0.29  0.28       0.90     mean of the folds
 *
 * The best mean wins, of equal ones the fewest columns; then all rows eliminate
 * down to that many.  The sizes on the way follow from per_round alone, so that
 * all folds and the last elimination pass through the same ones.
 *
 * Memory O(rows * columns), twice, with folds thrice; one fit of the learner a
 * round, in each fold too.
 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "mlspec/learner.h"
#include "model/model.h"
#include "select/fold.h"
#include "select/select.h"
#include "select/standard.h"

#define SAME 1e-9                /* of a mean loss */

struct recursive_params {
    char *learner;
    int64_t k;
    double per_round;
    int64_t folds;
    bool one_se;
};

#define FIELD(name) #name, .at = offsetof(struct recursive_params, name)
static const struct mls_param params[] = {
    { FIELD(learner), .kind = MLS_TEXT, .value = "NAME",
      .help = "a learner with coefficients; auto: ridge or logistic" },
    { FIELD(k), .alias = "n_features_to_select", .kind = MLS_INTEGER,
      .def = MLS_AUTO, .min = 1, .max = 1e6,
      .help = "how many columns to keep; auto: as many as score best in a "
              "cross-validation, by squared error or log loss" },
    { FIELD(per_round), .kind = MLS_REAL, .def = 0.1, .min = 0, .max = 1e6,
      .flags = MLS_OPEN_MIN,
      .help = "columns dropped a round: a number, or below 1 a share of those "
              "left" },
    { FIELD(folds), .kind = MLS_INTEGER, .def = 5, .min = 2, .max = 100,
      .help = "of the cross-validation that chooses k; by time or group when a "
              "column has that role" },
    { FIELD(one_se), .kind = MLS_FLAG, .def = 0,
      .help = "choose the fewest columns whose mean loss is within one "
              "standard error of the best" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    const struct mls_learner_type *learner;
    void *learner_params;
    int64_t *order;             /* the inputs by name: column j is order[j] */
    struct mls_dataset all;
    int64_t *live;              /* columns of all that are left, ascending */
    int64_t live_count;
    double *importance;         /* of each input, in its last fit */
    int64_t *round;             /* each input dropped in round, 0: not */
    int64_t rounds;
    /* While folds are tried, else NULL: */
    const struct mls_dataset *test;
    double *score;              /* of the test rows, output by output */
    double *loss;               /* of models of 1, 2, ... columns */
    int done, total;            /* eliminations */
};

/* ---- a round ---- */

/* The sums of squared coefficients, by input. */
static bool read_importance(struct fit_job *job, const struct mls_model *model,
                            struct mls_error *err)
{
    const struct mls_array *coef = NULL;

    if (model->type == &mls_model_linear)
        coef = mls_arrays_find(&model->arrays, "coef");
    if (!coef) {
        mls_fail(err, MLS_USAGE, "step %s: learner %s has no coefficients",
                 job->step->name, job->learner->name);
        return mls_fail_fix(err, "--set %s.learner=ridge or logistic",
                            job->step->name);
    }
    for (int64_t l = 0; l < job->live_count; l++) {
        const double *c = coef->data;
        double sum = 0;

        for (int64_t o = 0; o < mls_model_outputs(model); o++) {
            double value = c[o * job->live_count + l];

            sum += value * value;
        }
        job->importance[job->order[job->live[l]]] = sum;
    }
    return true;
}

/* The loss on the test rows of a linear model of the columns left. */
static void score_test(struct fit_job *job, const struct mls_model *model)
{
    const struct mls_matrix *x = &job->test->x;
    const double *coef = mls_arrays_find(&model->arrays, "coef")->data;
    const double *constant = mls_arrays_find(&model->arrays, "intercept")->data;
    const struct mls_array *link = mls_arrays_find(&model->arrays, "link");
    bool log_link = link && *(const uint8_t *)link->data;

    for (int64_t o = 0; o < mls_model_outputs(model); o++) {
        double *score = job->score + o * x->rows;

        for (int64_t i = 0; i < x->rows; i++)
            score[i] = constant[o];
        for (int64_t l = 0; l < job->live_count; l++) {
            const double *cells = x->data + job->live[l] * x->stride;
            double c = coef[o * job->live_count + l];

            for (int64_t i = 0; i < x->rows; i++)
                score[i] += c * cells[i];
        }
    }
    job->loss[job->live_count - 1] =
        mls_select_loss(&job->test->target, job->score, log_link);
}

/* Fits the learner on the columns left.  It does not talk: its notes are about
 * a model that nobody will see. */
static bool fit_live(struct fit_job *job, struct mls_error *err)
{
    struct mls_run quiet;
    struct mls_dataset data = { 0 };
    struct mls_fit_job fit = { .params = job->learner_params, .data = &data,
                               .seed = job->in->seed };
    struct mls_model *model = NULL;
    bool ok = mls_dataset_keep(&job->all, job->live, job->live_count, &data,
                               err);

    if (job->in->run) {
        quiet = *job->in->run;
        quiet.message = NULL;
        quiet.progress = NULL;
        fit.run = &quiet;
    }
    if (ok) {
        fit.chosen = mls_json_new_object(err);
        ok = fit.chosen != NULL;
    }
    if (ok) {
        model = mls_learner_fit(job->learner, &fit, err);
        ok = model && read_importance(job, model, err);
        if (ok && job->test)
            score_test(job, model);
    }
    mls_model_free(model);
    mls_json_free(fit.chosen);
    mls_dataset_clear(&data);
    return ok;
}

/* Drops the count least important of the columns left. */
static bool drop_least(struct fit_job *job, int64_t count,
                       struct mls_error *err)
{
    int64_t n = job->step->input_count, kept = 0;
    int64_t *best = mls_select_by_score(job->step, job->importance, err);

    if (!best)
        return false;
    job->rounds++;
    for (int64_t i = n - 1; i >= 0 && count > 0; i--) {
        if (job->round[best[i]] > 0)
            continue;
        job->round[best[i]] = job->rounds;
        count--;
    }
    mls_free(best);
    for (int64_t l = 0; l < job->live_count; l++) {
        if (job->round[job->order[job->live[l]]] == 0)
            job->live[kept++] = job->live[l];
    }
    job->live_count = kept;
    return true;
}

static int64_t how_many(const struct fit_job *job, int64_t keep)
{
    const struct recursive_params *p = job->step->params;
    int64_t most = job->live_count - keep, count;

    count = (int64_t)(p->per_round < 1 ? p->per_round * (double)job->live_count
                                  : p->per_round);
    if (count < 1)
        count = 1;
    return count < most ? count : most;
}

/* From all columns down to keep. */
static bool eliminate(struct fit_job *job, int64_t keep, struct mls_error *err)
{
    int64_t n = job->step->input_count;

    for (int64_t j = 0; j < n; j++) {
        job->live[j] = j;
        job->round[j] = 0;
    }
    job->live_count = n;
    job->rounds = 0;
    while (job->live_count > keep) {
        double gone = (double)(n - job->live_count) / (double)(n - keep);

        mls_progress(job->in->run, "recursive", job->done + gone, job->total);
        if ((job->in->run && !mls_run_go_on(job->in->run, err))
            || !fit_live(job, err)
            || !drop_least(job, how_many(job, keep), err))
            return false;
    }
    return fit_live(job, err);
}

/* ---- how many ---- */

/* Eliminates by the training rows of fold k; *used is false, and loss as it
 * was, when the fold is of no use. */
static bool try_fold(struct fit_job *job, const int32_t *fold, int k,
                     bool by_time, double *loss, bool *used,
                     struct mls_error *err)
{
    struct fit_job part = *job;
    struct mls_select_fold rows;
    bool ok = mls_select_fold_make(job->in->run, &job->all, fold, k, by_time,
                                   &rows, err);

    *used = ok && rows.test.rows > 0;
    if (*used) {
        int classes = rows.test.target.classes;

        part.all = rows.train;
        part.test = &rows.test;
        part.loss = loss;
        part.score = mls_new_array((classes > 2 ? classes : 1) * rows.test.rows,
                                   sizeof(double), err);
        ok = part.score && eliminate(&part, 1, err);
        mls_free(part.score);
    }
    job->done++;
    mls_select_fold_clear(&rows);
    return ok;
}

struct losses {
    double *cells;              /* of each fold used, of models of 1, 2, ... n
                                 * columns; NaN: no model has so many */
    int64_t n;
    int used;                   /* folds */
};

static double mean_of(const struct losses *loss, int64_t size)
{
    double sum = 0;

    for (int f = 0; f < loss->used; f++)
        sum += loss->cells[f * loss->n + size - 1];
    return sum / loss->used;
}

/* The standard error of that mean; 0 of one fold. */
static double error_of(const struct losses *loss, int64_t size)
{
    double mean = mean_of(loss, size), sum = 0;

    if (loss->used < 2)
        return 0;
    for (int f = 0; f < loss->used; f++) {
        double off = loss->cells[f * loss->n + size - 1] - mean;

        sum += off * off;
    }
    return sqrt(sum / (loss->used - 1) / loss->used);
}

/* Comparisons with the NaN of a size that no model has are false.  Means that
 * differ by rounding alone are equal. */
static int64_t best_size(const struct losses *loss, bool one_se)
{
    int64_t best = loss->n, size = 1;
    double limit = mean_of(loss, best);

    for (int64_t s = best; s > 0; s--) {
        double mean = mean_of(loss, s);

        if (mean <= limit * (1 + SAME)) {
            limit = fmin(limit, mean);
            best = s;
        }
    }
    if (!one_se)
        return best;
    limit = mean_of(loss, best) * (1 + SAME) + error_of(loss, best);
    while (size < best && !(mean_of(loss, size) <= limit))
        size++;
    return size;
}

static bool try_folds(struct fit_job *job, const int32_t *fold, int folds,
                      bool by_time, struct losses *loss, struct mls_error *err)
{
    for (int k = 0; k < folds; k++) {
        bool used;

        if (!try_fold(job, fold, k, by_time, loss->cells + loss->used * loss->n,
                      &used, err))
            return false;
        loss->used += used;
    }
    if (loss->used > 0)
        return true;
    mls_fail(err, MLS_DATA,
             "step %s: no fold has rows of every class to train on",
             job->step->name);
    return mls_fail_fix(err, "say how many columns to keep, as in "
                             "--set %s.k=10", job->step->name);
}

static bool choose_size(struct fit_job *job, int64_t *keep,
                        struct mls_error *err)
{
    const struct recursive_params *p = job->step->params;
    struct losses loss = { .n = job->step->input_count };
    int folds = (int)p->folds;
    int32_t *fold = mls_new_array(job->all.rows, sizeof(*fold), err);
    bool by_time, ok;

    *keep = 1;
    if (!fold || loss.n == 1) {
        mls_free(fold);
        return fold != NULL;
    }
    loss.cells = mls_new_array(folds * loss.n, sizeof(double), err);
    for (int64_t c = 0; loss.cells && c < folds * loss.n; c++)
        loss.cells[c] = NAN;
    job->total += folds;
    ok = loss.cells && mls_select_deal(job->in, &job->all, folds, fold,
                                       &by_time, err)
        && try_folds(job, fold, folds, by_time, &loss, err);
    if (ok)
        *keep = best_size(&loss, p->one_se);
    mls_free(loss.cells);
    mls_free(fold);
    return ok;
}

/* ---- fit ---- */

static bool find_learner(struct fit_job *job, struct mls_error *err)
{
    const struct recursive_params *p = job->step->params;

    job->learner = p->learner && strcmp(p->learner, "auto") != 0
        ? mls_learner_find(p->learner, job->in->target->task, err)
        : mls_learner_plain(job->in->target->task);
    if (!job->learner)
        return false;
    /* One byte more, so that a learner without params is no special case. */
    job->learner_params =
        mls_new((int64_t)job->learner->params_size + 1, 1, err);
    if (!job->learner_params)
        return false;
    mls_params_init(job->learner->params, job->learner_params,
                    job->learner->params_size);
    return true;
}

static bool prepare(struct fit_job *job, struct mls_error *err)
{
    int64_t n = job->step->input_count;

    job->order = mls_select_by_name(job->step, err);
    if (!job->order)
        return false;
    job->live = mls_new(n, sizeof(*job->live), err);
    if (!job->live)
        return false;
    job->importance = mls_new(n, sizeof(*job->importance), err);
    if (!job->importance)
        return false;
    job->round = mls_new(n, sizeof(*job->round), err);
    if (!job->round)
        return false;
    return find_learner(job, err)
        && mls_select_read(job->step, job->in, job->order, &job->all, err);
}

static void report(const struct fit_job *job, struct mls_selection *to)
{
    for (int64_t k = 0; k < job->step->input_count; k++) {
        bool kept = job->round[k] == 0;

        to->keep[k] = kept;
        to->rank[k] =
            kept ? 1 : (double)(job->rounds - job->round[k] + 2);
        to->score[k] = sqrt(job->importance[k]);
    }
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct recursive_params *p = step->params;
    struct fit_job job = { .step = step, .in = in, .total = 1 };
    struct mls_selection to;
    int64_t keep = p->k;
    bool ok = mls_select_new(step, MLS_WITH_RANK, &to, err);

    if (ok && step->input_count > 0) {
        ok = prepare(&job, err)
            && (keep != MLS_AUTO_INTEGER || choose_size(&job, &keep, err))
            && eliminate(&job, keep, err);
        if (ok)
            report(&job, &to);
    }
    mls_dataset_clear(&job.all);
    if (job.learner_params)
        mls_params_clear(job.learner->params, job.learner_params);
    mls_free(job.learner_params);
    mls_free(job.round);
    mls_free(job.importance);
    mls_free(job.live);
    mls_free(job.order);
    return ok;
}

const struct mls_step_type mls_select_recursive = {
    .name = "recursive",
    .family = "select",
    .summary = "drops the columns a linear model needs least, round by round",
    .source = "Guyon, Weston, Barnhill & Vapnik (2002), Machine Learning 46, "
              "389-422",
    .fits = MLS_KINDS_NUMERIC | MLS_KINDS_CODED,
    .needs_target = true,
    .tasks = MLS_TASK_ANY,
    .params = params,
    .params_size = sizeof(struct recursive_params),
    .fit = fit,
    .check = mls_select_check,
    .plan_input = mls_select_plan_input,
    .describe = mls_select_describe,
};
