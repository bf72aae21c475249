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
 */
#include "base/json.h"
#include "base/memory.h"
#include "learner/design.h"
#include "learner/learners.h"
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

static bool fit_into(const struct mls_fit_job *job, const char *name,
                     double power, double *coef, double *intercept,
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
        && add_chosen(&result, problem.mean, job->chosen, err);
    if (ok) {
        memcpy(coef, problem.b.data, (size_t)data->features * sizeof(double));
        *intercept = mls_design_intercept(
            &problem.design, coef, data->features,
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

static struct mls_model *fit(const struct mls_fit_job *job, const char *name,
                             double power, struct mls_error *err)
{
    struct mls_model *model;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(MLS_REGRESSION, 0, job->data->features,
                                 &coef, &intercept, err);
    if (model
        && (!mls_model_linear_set_log_link(model, err)
            || !fit_into(job, name, power, coef, intercept, err))) {
        mls_model_free(model);
        return NULL;
    }
    return mls_learner_finish(model, err);
}

static struct mls_model *fit_poisson(const struct mls_fit_job *job,
                                     struct mls_error *err)
{
    return fit(job, "poisson", 1, err);
}

static struct mls_model *fit_gamma(const struct mls_fit_job *job,
                                   struct mls_error *err)
{
    return fit(job, "gamma", 2, err);
}

static struct mls_model *fit_tweedie(const struct mls_fit_job *job,
                                     struct mls_error *err)
{
    const struct glm_params *p = job->params;

    return fit(job, "tweedie", p->power, err);
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
