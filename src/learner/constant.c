/*
 * The learner that looks at no feature: what any other has to beat.
 *
 * Its model is the linear one with all coefficients 0.  Regression predicts the
 * mean or median of the target.  Classification predicts the frequencies of the
 * classes, as log-odds or logarithms; a class without rows would have a score
 * of minus infinity and counts as half a row instead.
 */
#include "base/memory.h"
#include "learner/learners.h"
#include "model/model.h"
#include "stats/summary.h"
#include "table/dataset.h"

enum strategy { MEAN, MEDIAN };
static const char *const strategies[] = { "mean", "median", NULL };

struct constant_params {
    int strategy;
};

#define FIELD(name) #name, .at = offsetof(struct constant_params, name)
static const struct mls_param params[] = {
    { FIELD(strategy), .kind = MLS_CHOICE, .choices = strategies, .def = MEAN,
      .help = "what of the target a regression predicts" },
    { 0 }
};

static bool middle(const struct mls_fit_job *job, double *value,
                   struct mls_error *err)
{
    const struct constant_params *p = job->params;
    const struct mls_target *target = &job->data->target;
    const double half = 0.5;
    struct mls_moments moments;

    if (p->strategy == MEDIAN) {
        return mls_quantiles(target->y, target->weight, target->rows, &half, 1,
                             value, err);
    }
    if (!mls_moments(job->run, target->y, target->weight, target->rows,
                     &moments, err)) {
        return false;
    }
    *value = moments.mean;
    return true;
}

static bool find_scores(const struct mls_fit_job *job, double *intercept,
                        struct mls_error *err)
{
    const struct mls_target *target = &job->data->target;
    double score[2];

    if (target->task == MLS_REGRESSION)
        return middle(job, intercept, err);
    if (target->task == MLS_MULTICLASS) {
        mls_learner_log_frequencies(target, intercept);
        return true;
    }
    mls_learner_log_frequencies(target, score);
    *intercept = score[1] - score[0];
    return true;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct mls_target *target = &job->data->target;
    struct mls_model *model;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(target->task, target->classes,
                                 job->data->features, &coef, &intercept, err);
    if (model && !find_scores(job, intercept, err)) {
        mls_model_free(model);
        return NULL;
    }
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_constant = {
    .name = "constant",
    .summary = "the mean, median or class frequencies of the target: a "
               "baseline",
    .source = "Hastie, Tibshirani & Friedman (2009), The Elements of "
              "Statistical Learning, 2.4",
    .objective = "sum_i w_i (y_i - b0)^2; with strategy median "
                 "sum_i w_i |y_i - b0|; classification sum_i w_i log_loss_i",
    .tasks = MLS_TASK_ANY,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_MISSING,
    .takes = MLS_TAKES_NOTHING,
    .steps = "",
    .params = params,
    .params_size = sizeof(struct constant_params),
    .fit = fit,
};
