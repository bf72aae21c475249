/*
 * Ridge: least squares with a squared penalty.  The arithmetic is in
 * ridge_solve.c, the leave-one-out error in ridge_loo.c.
 *
 * The columns and the target have their weighted means taken out, which solves
 * for the intercept, and get it back at the end.
 */
#include "base/json.h"
#include "base/memory.h"
#include "learner/design.h"
#include "learner/learners.h"
#include "learner/ridge_solve.h"
#include "model/model.h"
#include "stats/summary.h"

struct ridge_params {
    double l2;
    bool intercept;
};

#define FIELD(name) #name, .at = offsetof(struct ridge_params, name)
static const struct mls_param params[] = {
    { FIELD(l2), .alias = "alpha", .kind = MLS_REAL, .def = MLS_AUTO,
      .min = 0, .max = 1e12, .low = 1e-4, .high = 1e4, .flags = MLS_LOG,
      .help = "weight of the squared penalty; larger shrinks coefficients; "
              "auto: that of the least leave-one-out error" },
    { FIELD(intercept), .alias = "fit_intercept", .kind = MLS_FLAG, .def = 1,
      .help = "fit a constant term, which is never penalised" },
    { 0 }
};

/* What was found, for chosen and for the model. */
struct solution {
    double l2, loo_rmse;
    int64_t rank;               /* -1: not known */
    double *coef, *intercept;   /* of the model */
};

static bool solve(const struct mls_fit_job *job,
                  const struct mls_ridge *problem, struct solution *s,
                  struct mls_error *err)
{
    const struct ridge_params *p = job->params;

    s->l2 = p->l2;
    s->loo_rmse = NAN;
    if (isnan(p->l2)) {
        return mls_ridge_choose(problem, &s->l2, s->coef, &s->loo_rmse,
                                &s->rank, err);
    }
    return mls_ridge_solve(problem, p->l2, s->coef, &s->rank, err);
}

static bool add_chosen(const struct solution *s, struct mls_json *chosen,
                       struct mls_error *err)
{
    return !chosen
        || (mls_json_add_real(chosen, "l2", s->l2, err)
            && (isnan(s->loo_rmse)
                || mls_json_add_real(chosen, "loo_rmse", s->loo_rmse, err))
            && (s->rank < 0
                || mls_json_add_integer(chosen, "rank", s->rank, err)));
}

static void note_rank(const struct mls_fit_job *job, const struct solution *s)
{
    if (s->l2 == 0 && s->rank >= 0 && s->rank < job->data->features) {
        mls_note(job->run, MLS_LOG_NOTE,
                 "ridge: the %lld columns have rank %lld, so many coefficients "
                 "fit alike; these are the ones of least norm",
                 (long long)job->data->features, (long long)s->rank);
    }
}

/* y becomes the target less its mean, which is returned in *mean. */
static bool centre_target(const struct mls_fit_job *job, double *y,
                          double *mean, struct mls_error *err)
{
    const struct ridge_params *p = job->params;
    const struct mls_target *target = &job->data->target;
    struct mls_moments moments;
    double most;

    if (!mls_moments(job->run, target->y, target->weight, target->rows,
                     &moments, err)) {
        return false;
    }
    *mean = p->intercept ? moments.mean : 0;
    for (int64_t i = 0; i < target->rows; i++)
        y[i] = target->y[i] - *mean;
    most = fmax(fabs(moments.low - *mean), fabs(moments.high - *mean));
    if (isfinite(most * most * moments.weight))
        return true;
    return mls_fail(err, MLS_DATA,
                    "numbers of the target are too large to be squared");
}

static bool fit_into(const struct mls_fit_job *job, struct solution *s,
                     struct mls_error *err)
{
    const struct ridge_params *p = job->params;
    const struct mls_dataset *data = job->data;
    struct mls_design_sums sums = { 0 };
    struct mls_design design = { 0 };
    struct mls_ridge problem = {
        .run = job->run, .x = &data->x, .w = data->target.weight,
        .weight = mls_design_weight(data), .intercept = p->intercept
    };
    double *y = mls_new_array(data->rows, sizeof(double), err), mean = 0;
    bool ok = y && centre_target(job, y, &mean, err);

    problem.y = y;
    if (ok && data->features <= data->rows) {
        problem.sums = &sums;
        ok = mls_design_sums_new(job->run, data, p->intercept, &sums, err);
    } else if (ok) {
        problem.x = &design.x;
        ok = mls_design_new(job->run, data, p->intercept, false, &design, err);
    }
    ok = ok && solve(job, &problem, s, err);
    if (ok) {
        *s->intercept =
            mls_design_intercept(problem.sums ? sums.mean : design.mean,
                                 s->coef, data->features, mean);
    }
    mls_design_clear(&design);
    mls_design_sums_clear(&sums);
    mls_free(y);
    return ok;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    struct solution s = { 0 };
    struct mls_model *model;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(MLS_REGRESSION, 0, job->data->features,
                                 &s.coef, &s.intercept, err);
    if (model
        && (!mls_run_go_on(job->run, err) || !fit_into(job, &s, err)
            || !add_chosen(&s, job->chosen, err))) {
        mls_model_free(model);
        return NULL;
    }
    if (model)
        note_rank(job, &s);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_ridge = {
    .name = "ridge",
    .summary = "linear regression with a squared penalty",
    .source = "Hoerl & Kennard (1970), Technometrics 12(1), 55-67",
    .objective = "sum_i w_i (y_i - b0 - x_i'b)^2 + l2 |b|^2",
    .tasks = MLS_TASK_REGRESSION,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT
        | MLS_CAN_SHIFT,
    .takes = MLS_TAKES_MATRIX,
    .steps = "values date(form=cyclic) "
             "impute(strategy=median,indicator=true) "
             "scale(method=standard) onehot",
    .params = params,
    .params_size = sizeof(struct ridge_params),
    .fit = fit,
};
