/*
 * Ordinary least squares.  The arithmetic is in linear_solve.c; here are the
 * params, standard errors, and what is said of dependent columns.
 *
 * The default recipe does not scale: the arithmetic does so itself, and the
 * coefficients are those of the columns as they are.
 */
#include "base/json.h"
#include "learner/learners.h"
#include "learner/linear_solve.h"
#include "model/model.h"

struct linear_params {
    bool intercept;
};

#define FIELD(name) #name, .at = offsetof(struct linear_params, name)
static const struct mls_param params[] = {
    { FIELD(intercept), .alias = "fit_intercept", .kind = MLS_FLAG, .def = 1,
      .help = "fit a constant term" },
    { 0 }
};

static bool add_chosen(const struct mls_ols *ols,
                       const struct mls_dataset *data, struct mls_json *chosen,
                       struct mls_error *err)
{
    struct mls_json *names;
    bool ok;

    if (!chosen)
        return true;
    ok = mls_json_add_integer(chosen, "rank", ols->rank, err)
        && (!ols->errors
            || (mls_json_add_real(chosen, "residual_sd",
                                  sqrt(ols->squares / ols->degrees), err)
                && mls_json_add_real(chosen, "degrees_of_freedom",
                                     ols->degrees, err)));
    if (!ok || ols->rank == data->features)
        return ok;
    names = mls_json_add_array(chosen, "dependent", err);
    ok = names != NULL;
    for (int64_t j = 0; ok && j < data->features; j++) {
        if (ols->dependent[j] && data->names)
            ok = mls_json_add_text(names, NULL, data->names[j], err);
    }
    return ok;
}

static bool fill_model(const struct mls_ols *ols, struct mls_model *model,
                       double *coef, double *intercept, struct mls_error *err)
{
    int64_t p = model->features;
    double *coef_se, *intercept_se;

    memcpy(coef, ols->coef, (size_t)p * sizeof(double));
    *intercept = ols->intercept;
    if (!ols->errors)
        return true;
    if (!mls_model_linear_add_errors(model, ols->degrees, &coef_se,
                                     &intercept_se, err)) {
        return false;
    }
    memcpy(coef_se, ols->coef_se, (size_t)p * sizeof(double));
    *intercept_se = ols->intercept_se;
    return true;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct linear_params *p = job->params;
    struct mls_ols ols = { 0 };
    struct mls_model *model;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(MLS_REGRESSION, 0, job->data->features,
                                 &coef, &intercept, err);
    if (model
        && (!mls_run_go_on(job->run, err)
            || !mls_ols_solve(job->run, job->data, p->intercept, &ols, err)
            || !fill_model(&ols, model, coef, intercept, err)
            || !add_chosen(&ols, job->data, job->chosen, err))) {
        mls_model_free(model);
        model = NULL;
    }
    if (model)
        mls_ols_note_dependent(job->run, "linear", job->data, &ols);
    mls_ols_clear(&ols);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_linear = {
    .name = "linear",
    .summary = "ordinary least squares, with standard errors",
    .source = "Bjorck (1996), Numerical Methods for Least Squares Problems, "
              "2.9",
    .objective = "sum_i w_i (y_i - b0 - x_i'b)^2",
    .tasks = MLS_TASK_REGRESSION,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT
        | MLS_CAN_SHIFT,
    .takes = MLS_TAKES_MATRIX,
    .steps = "impute(strategy=median,indicator=true) onehot",
    .params = params,
    .params_size = sizeof(struct linear_params),
    .fit = fit,
};
