/*
 * Generalised linear models with the logarithm as link: the mean of y is
 * exp(b0 + x'b), its variance grows with a power of the mean.
 *
 *      poisson   power 1        counts
 *      tweedie   between        sums of a random number of amounts: many zeros
 *      gamma     power 2        amounts, all above 0
 *
 * The loss is half the deviance less what only y is in:
 *
 *      -y m^(1-p) / (1-p) + m^(2-p) / (2-p),     m = exp(s)
 *
 * (-y s + m for p = 1, y / m + s for p = 2), which is convex in s for all these
 * powers, so Newton's method of logistic_solve.c ends at the optimum.
 *
 * With an intercept y is divided by its mean first: m and y then change by the
 * same factor, the loss by a power of it, and Newton starts at a fit of the
 * mean, not at exp(0).
 *
 * An offset o makes the mean exp(o) exp(b0 + x'b): of counts over exposures t,
 * o = log t, and exp(b0 + x'b) is the rate.  Its weighted mean is taken out, and
 * what y is divided by is sum w y / sum w exp(o), where Newton starts.
 *
 * Without a penalty there are standard errors (glm_errors.c), those of R's glm:
 * the dispersion of gamma and tweedie is estimated from the residuals, that of
 * poisson is 1.
 */
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "learner/design.h"
#include "learner/glm_errors.h"
#include "learner/learners.h"
#include "learner/linear_solve.h"
#include "learner/logistic_solve.h"
#include "model/model.h"

struct glm_params {
    double power;
    double l2;
    bool intercept;
    int64_t max_iterations;
    double tolerance;
};

#define FIELD(name) #name, .at = offsetof(struct glm_params, name)
#define SHARED \
    { FIELD(l2), .kind = MLS_REAL, .def = 1, .min = 0, .max = 1e12, \
      .low = 1e-4, .high = 1e4, .flags = MLS_LOG, \
      .help = "weight of the squared penalty; larger shrinks coefficients" }, \
    { FIELD(intercept), .alias = "fit_intercept", .kind = MLS_FLAG, .def = 1, \
      .help = "fit a constant term, which is never penalised" }, \
    { FIELD(max_iterations), .alias = "max_iter", .kind = MLS_INTEGER, \
      .def = 100, .min = 1, .max = 1e6, \
      .help = "end after so many iterations" }, \
    { FIELD(tolerance), .kind = MLS_REAL, .def = 1e-9, .min = 1e-14, \
      .max = 1, \
      .help = "end when no coefficient has a gradient above this share of " \
              "the largest possible" }, \
    { 0 }

static const struct mls_param params[] = { SHARED };
static const struct mls_param tweedie_params[] = {
    { FIELD(power), .kind = MLS_REAL, .def = 1.5, .min = 1, .max = 2,
      .low = 1.05, .high = 1.95,
      .help = "power of the mean that the variance grows with; 1 is poisson, "
              "2 gamma" },
    SHARED
};

/* ---- Losses ---- */

static double loss_at(double power, double s, double y)
{
    if (power == 1)
        return exp(s) - y * s;
    if (power == 2)
        return y * exp(-s) + s;
    return exp((2 - power) * s) / (2 - power)
        - y * exp((1 - power) * s) / (1 - power);
}

static void slopes(const struct mls_loss *loss, const double *s,
                   const double *y, const double *w, int64_t count,
                   double *residual, double *curvature)
{
    double power = loss->power;

    for (int64_t i = 0; i < count; i++) {
        double weight = w ? w[i] : 1;
        double up = power == 2 ? 1 : exp((2 - power) * s[i]);
        double down = y[i] == 0    ? 0
            : power == 1 ? y[i]
                         : y[i] * exp((1 - power) * s[i]);

        residual[i] = weight * (up - down);
        curvature[i] = weight * ((2 - power) * up + (power - 1) * down);
    }
}

static double value(const struct mls_loss *loss, const double *s,
                    const double *d, double step, const double *y,
                    const double *w, int64_t count)
{
    double sum = 0;

    for (int64_t i = 0; i < count; i++) {
        double at = d ? s[i] + step * d[i] : s[i];

        sum += (w ? w[i] : 1) * loss_at(loss->power, at, y[i]);
    }
    return sum;
}

/* ---- Fitting ---- */

/* A target that the loss is defined for, and its weighted sum. */
static bool check_target(const struct mls_fit_job *job, const char *name,
                         double power, double *total, struct mls_error *err)
{
    const struct mls_target *target = &job->data->target;
    double sum = 0;

    for (int64_t i = 0; i < target->rows; i++) {
        double w = target->weight ? target->weight[i] : 1, y = target->y[i];

        if (y < 0 || (power == 2 && y == 0)) {
            mls_fail(err, MLS_DATA, "%s cannot learn from a target of %g",
                     name, y);
            return mls_fail_fix(err, "%s", power == 2 && y == 0
                                ? "use tweedie or poisson"
                                : "use ridge, or another target");
        }
        sum += w * y;
    }
    *total = sum;
    if (sum > 0 && isfinite(sum))
        return true;
    mls_fail(err, MLS_DATA, sum > 0 ? "the target is too large"
                                    : "the target is 0 in all rows");
    return mls_fail_fix(err, "%s learns from targets above 0", name);
}

static bool add_chosen(const struct mls_logistic_result *result, double factor,
                       struct mls_json *chosen, struct mls_error *err)
{
    return !chosen
        || (mls_json_add_integer(chosen, "iterations", result->iterations, err)
            && mls_json_add_bool(chosen, "converged", result->converged, err)
            && (factor != 1
                || mls_json_add_real(chosen, "objective", result->objective,
                                     err)));
}

/* What there is to fit: y in units of the mean, the offset about its own. */
struct problem {
    struct mls_design design;
    struct mls_matrix b;
    double *y;
    double *offset;             /* NULL: none */
    double mean;
    double mean_offset;
};

static void problem_clear(struct problem *p)
{
    mls_free(p->y);
    mls_free(p->offset);
    mls_free(p->b.data);
    mls_design_clear(&p->design);
}

/* p->offset and its mean; *exposed receives sum w exp(offset). */
static bool take_offset(const struct mls_target *target, bool centre,
                        struct problem *p, double *exposed,
                        struct mls_error *err)
{
    double weight = 0, sum = 0;

    p->offset = mls_new_array(target->rows, sizeof(double), err);
    if (!p->offset)
        return false;
    for (int64_t i = 0; centre && i < target->rows; i++) {
        double w = target->weight ? target->weight[i] : 1;

        weight += w;
        sum += w * target->offset[i];
    }
    p->mean_offset = centre ? sum / weight : 0;
    *exposed = 0;
    for (int64_t i = 0; i < target->rows; i++) {
        double w = target->weight ? target->weight[i] : 1;

        p->offset[i] = target->offset[i] - p->mean_offset;
        *exposed += w * exp(p->offset[i]);
    }
    if (isfinite(*exposed))
        return true;
    mls_fail(err, MLS_DATA, "the offsets are too large: their exponentials "
                            "have no limit");
    return mls_fail_fix(err, "of an exposure, take the logarithm");
}

static bool problem_new(const struct mls_fit_job *job, const char *name,
                        double power, struct problem *p, struct mls_error *err)
{
    const struct glm_params *params_ = job->params;
    const struct mls_dataset *data = job->data;

    double total = 0, exposed = 0;

    *p = (struct problem){ 0 };
    if (!check_target(job, name, power, &total, err)
        || (data->target.offset
            && !take_offset(&data->target, params_->intercept, p, &exposed,
                            err))) {
        return false;
    }
    p->y = mls_new_array(data->rows, sizeof(double), err);
    if (!p->y
        || !mls_design_new(job->run, data, params_->intercept, true,
                           &p->design, err)
        || !mls_matrix_new(&p->b, p->design.x.columns, 1, err)) {
        return false;
    }
    p->mean = !params_->intercept ? 1
        : total / (p->offset ? exposed : p->design.weight);
    for (int64_t i = 0; i < data->rows; i++)
        p->y[i] = data->target.y[i] / p->mean;
    return true;
}

/* Where the solution goes: arrays of the model, and what is found beside. */
struct solution {
    double *coef, *intercept;
    struct mls_glm_errors errors;
};

/* In units of y: a factor c of y and means is one of c^(2 - power) in their
 * variance over the dispersion. */
static bool find_errors(const struct mls_fit_job *job, double power,
                        bool dispersed, struct problem *problem,
                        struct solution *s, struct mls_error *err)
{
    const struct glm_params *p = job->params;
    const struct mls_dataset *data = job->data;
    double unit = pow(problem->mean, 2 - power);
    double *score = mls_new_array(data->rows, sizeof(double), err);
    struct mls_glm_fitted fitted = {
        .run = job->run, .x = &problem->design.x,
        .mean = problem->design.mean, .features = data->features,
        .intercept = p->intercept, .score = score, .y = problem->y,
        .w = data->target.weight, .weight = problem->design.weight,
        .power = power, .dispersion = dispersed ? NAN : 1 / unit
    };
    bool ok = score
        && mls_gemv(job->run, &problem->design.x, problem->b.data, score, err);

    for (int64_t i = 0; ok && problem->offset && i < data->rows; i++)
        score[i] += problem->offset[i];
    ok = ok && mls_glm_find_errors(&fitted, &s->errors, err);
    s->errors.pearson *= unit;
    mls_free(score);
    return ok;
}

static bool solve(const struct mls_fit_job *job, const char *name,
                  double power, bool dispersed, struct solution *s,
                  struct mls_error *err)
{
    const struct glm_params *p = job->params;
    const struct mls_dataset *data = job->data;
    const struct mls_loss loss = { slopes, value, power };
    struct mls_logistic_result result;
    struct problem problem;
    bool ok = problem_new(job, name, power, &problem, err);
    struct mls_logistic newton = {
        .run = job->run, .x = &problem.design.x, .y = problem.y,
        .w = data->target.weight, .offset = problem.offset,
        .square = problem.design.square,
        .weight = problem.design.weight, .loss = &loss, .outputs = 1,
        .penalised = data->features,
        .l2 = ok ? p->l2 / pow(problem.mean, 2 - power) : 0,
        .tolerance = p->tolerance, .max_iterations = p->max_iterations
    };

    ok = ok && mls_logistic_solve(&newton, &problem.b, &result, err)
        && add_chosen(&result, problem.mean, job->chosen, err)
        && (p->l2 > 0 || !result.converged
            || find_errors(job, power, dispersed, &problem, s, err));
    if (ok) {
        memcpy(s->coef, problem.b.data,
               (size_t)data->features * sizeof(double));
        *s->intercept = mls_design_intercept(
            problem.design.mean, s->coef, data->features,
            p->intercept ? problem.b.data[data->features] + log(problem.mean)
                               - problem.mean_offset
                         : 0);
        if (!result.converged) {
            mls_note(job->run, MLS_LOG_WARNING,
                     "%s: not converged after %lld iterations (fix: scale "
                     "the columns, or --l2 1)",
                     name, (long long)result.iterations);
        }
    }
    problem_clear(&problem);
    return ok;
}

/* ---- Dependent columns ---- */

/* The columns that are not sums of others, copied. */
static bool keep_columns(const struct mls_dataset *data, const bool *dependent,
                         int64_t count, struct mls_dataset *kept,
                         struct mls_error *err)
{
    int64_t at = 0;

    *kept = *data;
    kept->features = count;
    kept->names = NULL;
    kept->column = NULL;
    if (!mls_matrix_new(&kept->x, data->rows, count, err))
        return false;
    for (int64_t j = 0; j < data->features; j++) {
        if (dependent[j])
            continue;
        memcpy(kept->x.data + at++ * kept->x.stride,
               data->x.data + j * data->x.stride,
               (size_t)data->rows * sizeof(double));
    }
    return true;
}

/* values of the columns kept, put where they stand among all; 0 elsewhere. */
static void spread(double *values, const bool *dependent, int64_t features,
                   int64_t count)
{
    for (int64_t j = features - 1; j >= 0; j--)
        values[j] = dependent[j] ? 0 : values[--count];
}

/* Without a penalty many coefficients fit alike when columns are sums of
 * others: as in learner linear those get 0, so that the rest have errors. */
static bool solve_independent(const struct mls_fit_job *job, const char *name,
                              double power, bool dispersed,
                              struct solution *s, struct mls_error *err)
{
    const struct glm_params *p = job->params;
    const struct mls_dataset *data = job->data;
    struct mls_dataset kept = { 0 };
    struct mls_fit_job fewer = *job;
    struct mls_ols ols = { 0 };
    bool ok = mls_ols_solve(job->run, data, p->intercept, &ols, err);

    if (ok && ols.rank < data->features) {
        mls_ols_note_dependent(job->run, name, data, &ols);
        ok = keep_columns(data, ols.dependent, ols.rank, &kept, err);
        fewer.data = &kept;
    }
    ok = ok && solve(&fewer, name, power, dispersed, s, err);
    if (ok && ols.rank < data->features) {
        spread(s->coef, ols.dependent, data->features, ols.rank);
        if (s->errors.known)
            spread(s->errors.coef, ols.dependent, data->features, ols.rank);
    }
    if (fewer.data == &kept)
        mls_free(kept.x.data);
    mls_ols_clear(&ols);
    return ok;
}

static bool fit_into(const struct mls_fit_job *job, const char *name,
                     double power, bool dispersed, struct mls_model *model,
                     struct solution *s, struct mls_error *err)
{
    const struct glm_params *p = job->params;
    double *coef_se, *intercept_se;
    bool ok;

    s->errors.coef = mls_new(model->features, sizeof(double), err);
    ok = s->errors.coef
        && (p->l2 > 0 ? solve : solve_independent)(job, name, power, dispersed,
                                                   s, err);
    if (ok && s->errors.known) {
        ok = mls_model_linear_add_errors(model,
                                         dispersed ? s->errors.degrees : 0,
                                         &coef_se, &intercept_se, err)
            && (!job->chosen
                || (mls_json_add_real(job->chosen, "dispersion",
                                      s->errors.pearson, err)
                    && mls_json_add_real(job->chosen, "degrees_of_freedom",
                                         s->errors.degrees, err)));
        if (ok) {
            memcpy(coef_se, s->errors.coef,
                   (size_t)model->features * sizeof(double));
            *intercept_se = s->errors.intercept;
        }
    }
    mls_free(s->errors.coef);
    return ok;
}

/* dispersed: the dispersion is estimated; otherwise it is 1. */
static struct mls_model *fit(const struct mls_fit_job *job, const char *name,
                             double power, bool dispersed,
                             struct mls_error *err)
{
    struct solution s = { 0 };
    struct mls_model *model;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(MLS_REGRESSION, 0, job->data->features,
                                 &s.coef, &s.intercept, err);
    if (model
        && (!mls_model_linear_set_log_link(model, err)
            || !fit_into(job, name, power, dispersed, model, &s, err))) {
        mls_model_free(model);
        return NULL;
    }
    return mls_learner_finish(model, err);
}

static struct mls_model *fit_poisson(const struct mls_fit_job *job,
                                     struct mls_error *err)
{
    return fit(job, "poisson", 1, false, err);
}

static struct mls_model *fit_gamma(const struct mls_fit_job *job,
                                   struct mls_error *err)
{
    return fit(job, "gamma", 2, true, err);
}

static struct mls_model *fit_tweedie(const struct mls_fit_job *job,
                                     struct mls_error *err)
{
    const struct glm_params *p = job->params;

    return fit(job, "tweedie", p->power, true, err);
}

#define SAME \
    .source = "McCullagh & Nelder (1989), Generalized Linear Models", \
    .tasks = MLS_TASK_REGRESSION, \
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT | MLS_CAN_OFFSET, \
    .takes = MLS_TAKES_MATRIX, \
    .steps = "impute(strategy=median,indicator=true) " \
             "scale(method=standard) onehot", \
    .params_size = sizeof(struct glm_params)

const struct mls_learner_type mls_learner_poisson = {
    .name = "poisson",
    .summary = "regression of counts: log of the mean is linear",
    .objective = "sum_i w_i (m_i - y_i log m_i) + l2/2 |b|^2, "
                 "m_i = exp(b0 + x_i'b)",
    .params = params, .fit = fit_poisson, SAME
};

const struct mls_learner_type mls_learner_gamma = {
    .name = "gamma",
    .summary = "regression of amounts above 0: log of the mean is linear",
    .objective = "sum_i w_i (y_i / m_i + log m_i) + l2/2 |b|^2, "
                 "m_i = exp(b0 + x_i'b)",
    .params = params, .fit = fit_gamma, SAME
};

const struct mls_learner_type mls_learner_tweedie = {
    .name = "tweedie",
    .summary = "regression of amounts with many zeros: log of the mean is "
               "linear",
    .objective = "sum_i w_i (m_i^(2-p) / (2-p) - y_i m_i^(1-p) / (1-p)) "
                 "+ l2/2 |b|^2, m_i = exp(b0 + x_i'b), p: power",
    .params = tweedie_params, .fit = fit_tweedie, SAME
};
