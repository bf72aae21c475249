/*
 * Huber regression: squares for small residuals, sizes for large ones, with the
 * scale that tells them apart found along with the coefficients.
 *
 *      sum_i w_i (s + H(r_i / s) s) + l2 |b|^2,     r_i = y_i - b0 - x_i'b
 *      H(z) = z^2 for |z| <= epsilon, 2 epsilon |z| - epsilon^2 beyond
 *
 * which is convex in (b, s) together.  Its second derivatives jump where a
 * residual crosses epsilon s, and are constant in b between, so Newton's method
 * with halved steps ends after the set of large residuals does not change.
 *
 *      Hessian     2/s X_S'W X_S + 2 l2      2/s^2 X_S'W r_S
 *                  .                         2/s^3 sum_S w r^2
 *
 * for the rows S of small residuals.  Huber (1981), Robust Statistics, 7.7-7.8;
 * the formula is that of scikit-learn's HuberRegressor.
 */
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "learner/design.h"
#include "learner/learners.h"
#include "model/model.h"
#include "stats/summary.h"

struct huber_params {
    double epsilon;
    double l2;
    bool intercept;
    int64_t max_iterations;
};

#define FIELD(name) #name, .at = offsetof(struct huber_params, name)
static const struct mls_param params[] = {
    { FIELD(epsilon), .kind = MLS_REAL, .def = 1.35, .min = 1, .max = 1e6,
      .low = 1.05, .high = 3,
      .help = "residuals beyond so many scales count by their size, not their "
              "square" },
    { FIELD(l2), .alias = "alpha", .kind = MLS_REAL, .def = 1e-4, .min = 0,
      .max = 1e12, .low = 1e-4, .high = 1e4, .flags = MLS_LOG,
      .help = "weight of the squared penalty; larger shrinks coefficients" },
    { FIELD(intercept), .alias = "fit_intercept", .kind = MLS_FLAG, .def = 1,
      .help = "fit a constant term, which is never penalised" },
    { FIELD(max_iterations), .alias = "max_iter", .kind = MLS_INTEGER,
      .def = 200, .min = 1, .max = 1e6,
      .help = "end after so many iterations" },
    { 0 }
};

struct fitting {
    const struct mls_fit_job *job;
    const struct huber_params *params;
    struct mls_design design;
    int64_t n, q;               /* columns, the ones included */
    double *y, *r, *moved;      /* n: target in units, residuals, X d */
    double *small;              /* n: the weight, 0 for large residuals */
    double *slope;              /* n */
    double *b, *d, *g;          /* q + 1: the scale last */
    struct mls_matrix hessian;  /* q + 1 */
    double mean, unit, l2;      /* of y; l2 in units */
};

static double weight_of(const struct fitting *f, int64_t i)
{
    const double *w = f->job->data->target.weight;

    return w ? w[i] : 1;
}

/* At b + t d. */
static double objective(const struct fitting *f, double t)
{
    double s = f->b[f->q] + t * f->d[f->q], sum = 0, square = 0;
    double e = f->params->epsilon;

    if (!(s > 0))
        return INFINITY;
    for (int64_t i = 0; i < f->n; i++) {
        double r = fabs(f->r[i] - t * f->moved[i]), part;

        part = r <= e * s ? r * r / s : 2 * e * r - s * e * e;
        sum += weight_of(f, i) * part;
    }
    for (int64_t j = 0; j < f->job->data->features; j++) {
        double b = f->b[j] + t * f->d[j];

        square += b * b;
    }
    return f->design.weight * s + sum + f->l2 * square;
}

/* small, slope; the sums that the scale needs. */
static void look(const struct fitting *f, double *inside, double *outside)
{
    double s = f->b[f->q], e = f->params->epsilon;

    *inside = *outside = 0;
    for (int64_t i = 0; i < f->n; i++) {
        double w = weight_of(f, i), r = f->r[i];

        if (fabs(r) <= e * s) {
            f->small[i] = w;
            f->slope[i] = 2 * r / s;
            *inside += w * r * r;
        } else {
            f->small[i] = 0;
            f->slope[i] = copysign(2 * e, r);
            *outside += w;
        }
    }
}

static bool derivatives(struct fitting *f, struct mls_error *err)
{
    const struct mls_run *run = f->job->run;
    const double *w = f->job->data->target.weight;
    int64_t q = f->q, size = q + 1, p = f->job->data->features;
    double s = f->b[q], e = f->params->epsilon, inside, outside;
    double *h = f->hessian.data;
    struct mls_matrix corner = { h, q, q, size };

    look(f, &inside, &outside);
    if (!mls_gram(run, &f->design.x, f->small, &corner, err)
        || !mls_gemv_transposed(run, &f->design.x, w, f->slope, f->g, err)
        || !mls_gemv_transposed(run, &f->design.x, f->small, f->r, h + q * size,
                                err)) {
        return false;
    }
    for (int64_t j = 0; j < q; j++) {
        f->g[j] = -f->g[j] + (j < p ? 2 * f->l2 * f->b[j] : 0);
        for (int64_t i = 0; i < q; i++)
            h[i + j * size] *= 2 / s;
        h[j + j * size] += j < p ? 2 * f->l2 : 0;
        h[j + q * size] *= 2 / (s * s);
        h[q + j * size] = h[j + q * size];
    }
    f->g[q] = f->design.weight - inside / (s * s) - e * e * outside;
    h[q + q * size] = 2 * inside / (s * s * s);
    return true;
}

/* d = -H^-1 g; a singular H gets more of its diagonal. */
static bool find_step(struct fitting *f, struct mls_error *err)
{
    static const double extra[] = { 0, 1e-12, 1e-9, 1e-6, 1e-3, 1 };
    int64_t size = f->q + 1;
    struct mls_matrix factor = { 0 }, d = { f->d, size, 1, size };
    double *scale = mls_new(size, sizeof(double), err), condition = 0;
    bool definite = false;
    bool ok = scale && mls_matrix_new(&factor, size, size, err);

    for (int64_t j = 0; ok && j < size; j++) {
        double diagonal = f->hessian.data[j * (size + 1)];

        scale[j] = diagonal > 0 ? 1 / sqrt(diagonal) : 1;
    }
    for (int k = 0; ok && k < 6 && !(definite && condition > 1e-14); k++) {
        for (int64_t j = 0; j < size; j++) {
            for (int64_t i = 0; i < size; i++)
                factor.data[i + j * size] = f->hessian.data[i + j * size]
                    * scale[i] * scale[j];
            factor.data[j * (size + 1)] += extra[k];
            if (!(f->hessian.data[j * (size + 1)] > 0))
                factor.data[j * (size + 1)] = 1;
        }
        ok = mls_cholesky(&factor, &definite, &condition, err);
    }
    for (int64_t j = 0; ok && j < size; j++)
        f->d[j] = -scale[j] * f->g[j];
    ok = ok && (!definite || mls_cholesky_solve(&factor, &d, err));
    for (int64_t j = 0; ok && j < size; j++)
        f->d[j] *= scale[j];
    mls_free(factor.data);
    mls_free(scale);
    return ok;
}

static bool residuals(struct fitting *f, struct mls_error *err)
{
    if (!mls_gemv(f->job->run, &f->design.x, f->b, f->r, err))
        return false;
    for (int64_t i = 0; i < f->n; i++)
        f->r[i] = f->y[i] - f->r[i];
    return true;
}

/* One step; *done when it changed nothing to speak of. */
static bool iterate(struct fitting *f, bool *done, struct mls_error *err)
{
    double now, slope = 0, t = 1, least = 1e-9 * f->b[f->q], change = 0;
    bool fell = false;

    if (!residuals(f, err) || !derivatives(f, err) || !find_step(f, err)
        || !mls_gemv(f->job->run, &f->design.x, f->d, f->moved, err)) {
        return false;
    }
    now = objective(f, 0);
    for (int64_t j = 0; j <= f->q; j++)
        slope += f->g[j] * f->d[j];
    for (int k = 0; k < 50 && slope < 0 && !fell; k++) {
        fell = objective(f, t) <= now + 1e-4 * t * slope + 1e-14 * fabs(now);
        t = fell ? t : t / 2;
    }
    for (int64_t i = 0; i < f->n; i++)
        change = fmax(change, fabs(f->moved[i]));
    for (int64_t j = 0; fell && j <= f->q; j++)
        f->b[j] += t * f->d[j];
    change = fmax(change, fabs(f->d[f->q]));
    *done = !fell || (t == 1 && change <= least);
    return true;
}

static bool make_room(struct fitting *f, struct mls_error *err)
{
    f->y = mls_new_array(5 * f->n, sizeof(double), err);
    f->b = f->y ? mls_new(3 * (f->q + 1), sizeof(double), err) : NULL;
    if (!f->b)
        return false;
    f->r = f->y + f->n;
    f->moved = f->r + f->n;
    f->small = f->moved + f->n;
    f->slope = f->small + f->n;
    f->d = f->b + f->q + 1;
    f->g = f->d + f->q + 1;
    return mls_matrix_new(&f->hessian, f->q + 1, f->q + 1, err);
}

/* The target in units of its standard deviation, about its mean if there is an
 * intercept; l2 follows, for the objective is then in units, too. */
static bool prepare(struct fitting *f, struct mls_error *err)
{
    const struct mls_target *target = &f->job->data->target;
    struct mls_moments moments;

    if (!mls_design_new(f->job->run, f->job->data, f->params->intercept, true,
                        &f->design, err)
        || !mls_moments(f->job->run, target->y, target->weight, target->rows,
                        &moments, err)) {
        return false;
    }
    f->n = target->rows;
    f->q = f->design.x.columns;
    f->mean = f->params->intercept ? moments.mean : 0;
    f->unit = sqrt(mls_moments_variance(&moments, 0)
                   + (f->params->intercept ? 0 : moments.mean * moments.mean));
    if (!isfinite(f->unit)) {
        return mls_fail(err, MLS_DATA,
                        "numbers of the target are too large to be squared");
    }
    f->unit = f->unit > 0 ? f->unit : 1;
    f->l2 = f->params->l2 * f->unit;
    if (!make_room(f, err))
        return false;
    for (int64_t i = 0; i < f->n; i++)
        f->y[i] = (target->y[i] - f->mean) / f->unit;
    f->b[f->q] = 1;
    return true;
}

static bool fit_into(struct fitting *f, double *coef, double *intercept,
                     struct mls_error *err)
{
    struct mls_json *chosen = f->job->chosen;
    int64_t p = f->job->data->features, k = 0;
    bool ok = prepare(f, err), done = false;
    double constant;

    /* A scale of 0 is the limit of an exact fit. */
    while (ok && !done && k < f->params->max_iterations && f->b[f->q] > 1e-12) {
        k++;
        ok = mls_run_go_on(f->job->run, err) && iterate(f, &done, err);
    }
    if (!ok)
        return false;
    for (int64_t j = 0; j < p; j++)
        coef[j] = f->unit * f->b[j];
    constant = f->params->intercept ? f->mean + f->unit * f->b[p] : 0;
    *intercept = mls_design_intercept(f->design.mean, coef, p, constant);
    if (!done && f->b[f->q] > 1e-12) {
        mls_note(f->job->run, MLS_LOG_WARNING,
                 "huber: not converged after %lld iterations (fix: "
                 "--max-iterations)", (long long)k);
    }
    return !chosen
        || (mls_json_add_integer(chosen, "iterations", k, err)
            && mls_json_add_real(chosen, "scale", f->unit * f->b[f->q], err));
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    struct fitting f = { .job = job, .params = job->params };
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
    mls_free(f.hessian.data);
    mls_free(f.b);
    mls_free(f.y);
    mls_design_clear(&f.design);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_huber = {
    .name = "huber",
    .summary = "linear regression that outliers move little",
    .source = "Huber (1981), Robust Statistics, 7.7-7.8",
    .objective = "sum_i w_i (s + H(r_i / s) s) + l2 |b|^2 over b and the scale "
                 "s; H(z) = z^2, beyond epsilon 2 epsilon |z| - epsilon^2",
    .tasks = MLS_TASK_REGRESSION,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT
        | MLS_CAN_SHIFT,
    .takes = MLS_TAKES_MATRIX,
    .steps = "impute(strategy=median,indicator=true) scale(method=standard) "
             "onehot",
    .params = params,
    .params_size = sizeof(struct huber_params),
    .fit = fit,
};
