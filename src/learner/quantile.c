/*
 * Linear quantile regression: the plane below which a share `quantile` of the
 * rows lies.  The arithmetic is in quantile_solve.c; here are the params, the
 * units, and what is said.
 *
 * The columns have their means taken out, which changes nothing but the meaning
 * of the constant; the target is divided by its standard deviation, which
 * divides the objective by it.
 *
 * There are no standard errors: they would need the density of the target at
 * the quantile.
 */
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "learner/design.h"
#include "learner/learners.h"
#include "learner/quantile_solve.h"
#include "model/model.h"
#include "stats/summary.h"

struct quantile_params {
    double quantile;
    double l1;
    bool intercept;
    int64_t max_iterations;
};

#define FIELD(name) #name, .at = offsetof(struct quantile_params, name)
static const struct mls_param params[] = {
    { FIELD(quantile), .kind = MLS_REAL, .def = 0.5, .min = 0, .max = 1,
      .flags = MLS_OPEN_MIN | MLS_OPEN_MAX,
      .help = "share of the rows that is to lie below; 0.5: the median" },
    { FIELD(l1), .kind = MLS_REAL, .def = 0, .min = 0, .max = 1e12,
      .low = 1e-3, .high = 1e4, .flags = MLS_LOG,
      .help = "weight of the penalty on sizes; larger makes more coefficients "
              "0" },
    { FIELD(intercept), .alias = "fit_intercept", .kind = MLS_FLAG, .def = 1,
      .help = "fit a constant term, which is never penalised" },
    { FIELD(max_iterations), .alias = "max_iter", .kind = MLS_INTEGER,
      .def = 200, .min = 1, .max = 1e6,
      .help = "end after so many iterations" },
    { 0 }
};

struct fitting {
    const struct mls_fit_job *job;
    struct mls_design design;
    double *y, *b;
    double mean, unit;          /* of y */
};

static bool prepare(struct fitting *f, struct mls_error *err)
{
    const struct quantile_params *p = f->job->params;
    const struct mls_target *target = &f->job->data->target;
    struct mls_moments moments;
    double square;

    if (!mls_design_new(f->job->run, f->job->data, p->intercept, true,
                        &f->design, err)
        || !mls_moments(f->job->run, target->y, target->weight, target->rows,
                        &moments, err)) {
        return false;
    }
    f->mean = p->intercept ? moments.mean : 0;
    square = mls_moments_variance(&moments, 0)
        + (p->intercept ? 0 : moments.mean * moments.mean);
    if (!isfinite(square)) {
        return mls_fail(err, MLS_DATA,
                        "numbers of the target are too large to be squared");
    }
    f->unit = square > 0 ? sqrt(square) : 1;
    f->y = mls_new_array(target->rows, sizeof(double), err);
    f->b = f->y ? mls_new(f->design.x.columns, sizeof(double), err) : NULL;
    if (!f->b)
        return false;
    for (int64_t i = 0; i < target->rows; i++)
        f->y[i] = (target->y[i] - f->mean) / f->unit;
    return true;
}

static bool add_chosen(const struct fitting *f,
                       const struct mls_quantile_result *result,
                       struct mls_error *err)
{
    struct mls_json *chosen = f->job->chosen;

    if (!result->converged) {
        mls_note(f->job->run, MLS_LOG_WARNING,
                 "quantile: not converged after %lld iterations (fix: "
                 "--max-iterations, or scale the columns)",
                 (long long)result->iterations);
    }
    return !chosen
        || (mls_json_add_integer(chosen, "iterations", result->iterations, err)
            && mls_json_add_bool(chosen, "converged", result->converged, err)
            && mls_json_add_real(chosen, "objective",
                                 result->objective * f->unit, err));
}

static bool fit_into(struct fitting *f, double *coef, double *intercept,
                     struct mls_error *err)
{
    const struct quantile_params *p = f->job->params;
    int64_t features = f->job->data->features;
    struct mls_quantile_result result;
    bool ok = prepare(f, err);
    struct mls_quantile problem = {
        .run = f->job->run, .x = &f->design.x, .y = f->y,
        .w = f->job->data->target.weight, .weight = f->design.weight,
        .penalised = features, .quantile = p->quantile, .l1 = p->l1,
        .max_iterations = p->max_iterations
    };

    if (!ok || !mls_quantile_solve(&problem, f->b, &result, err)
        || !add_chosen(f, &result, err)) {
        return false;
    }
    for (int64_t j = 0; j < features; j++)
        coef[j] = f->unit * f->b[j];
    *intercept = mls_design_intercept(
        f->design.mean, coef, features,
        p->intercept ? f->mean + f->unit * f->b[features] : 0);
    return true;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    struct fitting f = { .job = job };
    struct mls_model *model;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(MLS_REGRESSION, 0, job->data->features,
                                 &coef, &intercept, err);
    if (model && !fit_into(&f, coef, intercept, err)) {
        mls_model_free(model);
        model = NULL;
    }
    mls_free(f.b);
    mls_free(f.y);
    mls_design_clear(&f.design);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_quantile = {
    .name = "quantile",
    .summary = "the median, or another quantile, as a linear function",
    .source = "Koenker & Bassett (1978), Econometrica 46(1), 33-50; Portnoy & "
              "Koenker (1997), Statistical Science 12(4), 279-300",
    .objective = "sum_i w_i rho(y_i - b0 - x_i'b) + l1 |b|_1; rho(r) = "
                 "quantile r, below 0 (quantile - 1) r",
    .tasks = MLS_TASK_REGRESSION,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT | MLS_CAN_SHIFT,
    .takes = MLS_TAKES_MATRIX,
    .steps = "impute(strategy=median,indicator=true) scale(method=standard) "
             "onehot",
    .params = params,
    .params_size = sizeof(struct quantile_params),
    .fit = fit,
};
