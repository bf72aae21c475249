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
 * Memory O(rows * columns), twice; one fit of the learner a round.
 */
#include "base/json.h"
#include "base/memory.h"
#include "mlspec/learner.h"
#include "model/model.h"
#include "select/select.h"
#include "select/standard.h"

struct recursive_params {
    char *learner;
    int64_t k;
    double per_round;
};

#define FIELD(name) #name, .at = offsetof(struct recursive_params, name)
static const struct mls_param params[] = {
    { FIELD(learner), .kind = MLS_TEXT, .value = "NAME",
      .help = "a learner with coefficients; auto: ridge or logistic" },
    { FIELD(k), .alias = "n_features_to_select", .kind = MLS_INTEGER,
      .def = MLS_AUTO, .min = 1, .max = 1e6,
      .help = "how many columns to keep; auto: half" },
    { FIELD(per_round), .kind = MLS_REAL, .def = 0.1, .min = 0, .max = 1e6,
      .flags = MLS_OPEN_MIN,
      .help = "columns dropped a round: a number, or below 1 a share of those "
              "left" },
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
    struct mls_selection to;
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

static bool eliminate(struct fit_job *job, struct mls_error *err)
{
    const struct recursive_params *p = job->step->params;
    int64_t n = job->step->input_count;
    int64_t keep = p->k == MLS_AUTO_INTEGER ? mls_select_half(n) : p->k;

    while (job->live_count > keep) {
        mls_progress(job->in->run, "recursive", (double)(n - job->live_count),
                     (double)(n - keep));
        if ((job->in->run && !mls_run_go_on(job->in->run, err))
            || !fit_live(job, err)
            || !drop_least(job, how_many(job, keep), err))
            return false;
    }
    return fit_live(job, err);
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
    for (int64_t j = 0; j < n; j++)
        job->live[j] = j;
    job->live_count = n;
    return find_learner(job, err)
        && mls_select_read(job->step, job->in, job->order, &job->all, err);
}

static void report(struct fit_job *job)
{
    for (int64_t k = 0; k < job->step->input_count; k++) {
        bool kept = job->round[k] == 0;

        job->to.keep[k] = kept;
        job->to.rank[k] =
            kept ? 1 : (double)(job->rounds - job->round[k] + 2);
        job->to.score[k] = sqrt(job->importance[k]);
    }
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    bool ok = mls_select_new(step, MLS_WITH_RANK, &job.to, err);

    if (ok && step->input_count > 0) {
        ok = prepare(&job, err) && eliminate(&job, err);
        if (ok)
            report(&job);
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
