/*
 * Logistic regression: two classes, or several by softmax.  Newton's method is
 * in logistic_solve.c, its loops over rows in logistic_newton.c; two classes
 * and many rows are in logistic_fused.c, several classes and many columns in
 * logistic_classes.c, tables that stay sparse in logistic_wide.c, the choice of
 * l2 in logistic_choose.c.  Here are the params, the classes, the standard
 * errors, and what becomes of the solution.
 *
 * The columns have their means taken out, which changes nothing but the
 * meaning of the intercept (design.h), and keeps it nearly orthogonal to the
 * coefficients.
 *
 * Classes without a row (a rare one, in a fold) take no part: without a penalty
 * on it their intercept would be minus infinity.  They get coefficients of 0
 * and the score that gives them, at the mean of the columns, the odds of half
 * a row against all.
 */
#include "base/json.h"
#include "base/memory.h"
#include "learner/design.h"
#include "learner/learners.h"
#include "learner/logistic_choose.h"
#include "learner/logistic_classes.h"
#include "learner/logistic_fused.h"
#include "learner/logistic_newton.h"
#include "learner/logistic_solve.h"
#include "learner/logistic_wide.h"
#include "model/model.h"

struct logistic_params {
    double l1, l2;
    bool intercept;
    int64_t max_iterations;
    double tolerance;
};

#define FIELD(name) #name, .at = offsetof(struct logistic_params, name)
static const struct mls_param params[] = {
    { FIELD(l2), .alias = "C", .kind = MLS_REAL, .def = MLS_AUTO,
      .min = 0, .max = 1e12, .low = 1e-4, .high = 1e4,
      .flags = MLS_LOG | MLS_ALIAS_INVERSE,
      .help = "weight of the squared penalty; larger shrinks coefficients; "
              "auto: that of the least leave-one-out loss, or 1 for tables "
              "where the choice would cost much" },
    { FIELD(l1), .kind = MLS_REAL, .def = 0, .min = 0, .max = 1e12,
      .help = "weight of the penalty on sizes; larger makes more coefficients "
              "0" },
    { FIELD(intercept), .alias = "fit_intercept", .kind = MLS_FLAG, .def = 1,
      .help = "fit a constant term, which is never penalised" },
    { FIELD(max_iterations), .alias = "max_iter", .kind = MLS_INTEGER,
      .def = 100, .min = 1, .max = 1e6,
      .help = "end after so many iterations" },
    { FIELD(tolerance), .kind = MLS_REAL, .def = 1e-9, .min = 1e-14, .max = 1,
      .help = "end when no coefficient has a gradient above this share of the "
              "largest possible" },
    { 0 }
};

/* The classes that have rows, and the target in their numbers. */
struct classes {
    int count; /* of those that have rows */
    int all;
    int *number; /* per class: its new number, or -1 */
    const double *y;
    double *own_y; /* y, if any class had to be renumbered */
};

static void classes_clear(struct classes *c)
{
    mls_free(c->number);
    mls_free(c->own_y);
}

static bool one_class(struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "all rows have the same class");
    return mls_fail_fix(err, "logistic regression needs rows of two classes");
}

/* Needs clearing also when it fails. */
static bool find_classes(const struct mls_target *target, struct classes *c,
                         struct mls_error *err)
{
    c->all = target->classes;
    c->y = target->y;
    c->number = mls_new(c->all, sizeof(*c->number), err);
    if (!c->number)
        return false;
    for (int64_t i = 0; i < target->rows; i++)
        c->number[(int)target->y[i]] = 1;
    for (int k = 0; k < c->all; k++)
        c->number[k] = c->number[k] ? c->count++ : -1;
    if (c->count < 2)
        return one_class(err);
    if (c->count == c->all)
        return true;
    c->own_y = mls_new_array(target->rows, sizeof(double), err);
    for (int64_t i = 0; c->own_y && i < target->rows; i++)
        c->own_y[i] = c->number[(int)target->y[i]];
    c->y = c->own_y;
    return c->own_y != NULL;
}

/* What is found beside the coefficients. */
struct found {
    struct mls_logistic_result end;
    double l2;                  /* the one chosen, or given */
    double loo_log_loss;        /* NaN: not chosen by it */
};

static bool add_chosen(const struct mls_fit_job *job, const struct found *found,
                       struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_logistic_result *result = &found->end;
    struct mls_json *chosen = job->chosen;

    return !chosen
           || ((!isnan(p->l2)
                || mls_json_add_real(chosen, "l2", found->l2, err))
               && (isnan(found->loo_log_loss)
                   || mls_json_add_real(chosen, "loo_log_loss",
                                        found->loo_log_loss, err))
               && mls_json_add_integer(chosen, "iterations",
                                       result->iterations, err)
               && mls_json_add_bool(chosen, "converged", result->converged, err)
               && mls_json_add_real(chosen, "objective", result->objective,
                                    err));
}

static void note_end(const struct mls_run *run,
                     const struct mls_logistic_result *result)
{
    if (result->separated) {
        mls_note(run, MLS_LOG_WARNING,
                 "logistic: the columns separate the classes, so without a "
                 "penalty the coefficients have no limit; these are those of "
                 "iteration %lld (fix: --l2 1)",
                 (long long)result->iterations);
    } else if (!result->converged) {
        mls_note(run, MLS_LOG_WARNING,
                 "logistic: not converged after %lld iterations (fix: "
                 "--max-iterations, or scale the columns)",
                 (long long)result->iterations);
    }
}

/* What the classes that have no row score at the mean of the columns; constant
 * is the score of the others there. */
static double score_of_absent(const struct mls_design *design,
                              const double *constant, int count)
{
    double high = constant[0], sum = 0;

    for (int k = 1; k < count; k++)
        high = fmax(high, constant[k]);
    for (int k = 0; k < count; k++)
        sum += exp(constant[k] - high);
    return high + log(sum) + log(0.5 / design->weight);
}

/* Softmax knows differences only: their sum is made 0. */
static void pin(double *intercept, int count)
{
    double mean = 0;

    for (int k = 0; k < count; k++)
        mean += intercept[k];
    mean /= count;
    for (int k = 0; k < count; k++)
        intercept[k] -= mean;
}

/* b (with a last row of constants, if there is an intercept) as the model's
 * coefficients of the features as they were. */
static void fill_model(const struct classes *classes,
                       const struct mls_design *design,
                       const struct mls_matrix *b, bool with_intercept,
                       int64_t features, double *coef, double *intercept,
                       double *constant)
{
    int outputs = (int)b->columns;

    for (int k = 0; k < outputs; k++)
        constant[k] = with_intercept ? b->data[features + k * b->rows] : 0;
    if (outputs == 1) {
        memcpy(coef, b->data, (size_t)features * sizeof(double));
        *intercept =
            mls_design_intercept(design->mean, coef, features, constant[0]);
        return;
    }
    for (int k = 0; k < classes->all; k++) {
        int number = classes->number[k];

        if (number < 0) {
            intercept[k] = score_of_absent(design, constant, outputs);
            continue;
        }
        memcpy(coef + k * features, b->data + number * b->rows,
               (size_t)features * sizeof(double));
        intercept[k] = mls_design_intercept(design->mean, coef + k * features,
                                            features, constant[number]);
    }
    if (with_intercept)
        pin(intercept, classes->all);
}

/* found has the l2 to take, or NaN: to be chosen. */
static bool solve_dense(const struct mls_fit_job *job,
                        const struct classes *classes, int outputs,
                        struct mls_design *design, struct mls_matrix *b,
                        struct found *found, struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    bool ok = mls_design_new(job->run, data, p->intercept, true, design, err)
        && mls_matrix_new(b, design->x.columns, outputs, err);
    struct mls_logistic problem = {
        .run = job->run, .x = &design->x, .y = classes->y,
        .w = data->target.weight, .offset = data->target.offset,
        .square = design->square,
        .weight = design->weight, .outputs = outputs,
        .penalised = data->features, .l1 = p->l1,
        .tolerance = p->tolerance, .max_iterations = p->max_iterations
    };

    ok = ok
        && (!isnan(found->l2)
            || mls_logistic_choose(&problem, b, &found->l2,
                                   &found->loo_log_loss, err));
    problem.l2 = found->l2;
    return ok && mls_logistic_solve(&problem, b, &found->end, err);
}

/* The same with the wide part of the dataset as it is: design receives means
 * and weight alone. */
static bool solve_wide(const struct mls_fit_job *job,
                       const struct classes *classes, int outputs,
                       struct mls_design *design, struct mls_matrix *b,
                       struct found *found, struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    struct mls_wide_design x;
    struct mls_matrix by_column = { 0 };
    bool ok;

    if (!mls_wide_design_new(job->run, data, p->intercept, outputs, &x, err))
        return false;
    struct mls_logistic_wide problem = {
        .run = job->run, .x = &x, .y = classes->y, .w = data->target.weight,
        .outputs = outputs, .l1 = p->l1, .l2 = found->l2,
        .tolerance = p->tolerance, .max_iterations = p->max_iterations
    };

    design->weight = x.weight;
    design->mean = mls_new(data->features, sizeof(double), err);
    ok = design->mean
        && mls_matrix_new(b, data->features + 1, outputs, err)
        && mls_matrix_new(&by_column, x.columns, outputs, err)
        && mls_logistic_wide_solve(&problem, &by_column, &found->end, err);
    if (ok)
        mls_wide_to_features(&x, &by_column, b, design->mean);
    mls_free(by_column.data);
    mls_wide_design_clear(&x);
    return ok;
}

/* Several classes and many columns. */
static bool solve_classes(const struct mls_fit_job *job,
                          const struct classes *classes, int outputs,
                          struct mls_design *design, struct mls_matrix *b,
                          struct found *found, bool *finished,
                          struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    struct mls_classes problem = {
        .run = job->run, .x = &data->x, .y = classes->y,
        .w = data->target.weight, .classes = outputs, .l2 = found->l2,
        .intercept = p->intercept, .tolerance = p->tolerance,
        .max_iterations = p->max_iterations
    };

    design->weight = mls_design_weight(data);
    design->mean = mls_new(data->features + 1, sizeof(double), err);
    return design->mean && mls_matrix_new(b, data->features + 1, outputs, err)
        && mls_logistic_classes(&problem, b, design->mean, &found->end,
                                finished, err);
}

/* By the shape of the problem and the penalty; one that is still to be chosen
 * (NaN) is for the general way. */
static bool is_for_classes(const struct mls_fit_job *job, int outputs,
                           double l2)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;

    return data->wide.count == 0 && !data->target.offset && p->l1 == 0
        && l2 > 0 && mls_classes_fits(data->rows, data->features, outputs);
}

static int outputs_of(const struct mls_fit_job *job,
                      const struct classes *classes)
{
    return job->data->target.task == MLS_BINARY ? 1 : classes->count;
}

/* The general way. */
static bool fit_centred(const struct mls_fit_job *job,
                        const struct classes *classes, double *coef,
                        double *intercept, struct found *found,
                        struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    int outputs = outputs_of(job, classes);
    struct mls_design design = { 0 };
    struct mls_matrix b = { 0 };
    double *constant = mls_new(outputs, sizeof(double), err);
    bool ok = constant, finished = false;

    if (ok && is_for_classes(job, outputs, found->l2)) {
        ok = solve_classes(job, classes, outputs, &design, &b, found, &finished,
                           err);
        if (ok && !finished) {
            mls_free(b.data);
            mls_design_clear(&design);
            b = (struct mls_matrix){ 0 };
        }
    }
    ok = ok
         && (finished
             || (data->wide.count > 0 ? solve_wide : solve_dense)(
                 job, classes, outputs, &design, &b, found, err));
    if (ok) {
        fill_model(classes, &design, &b, p->intercept, data->features, coef,
                   intercept, constant);
    }
    mls_free(b.data);
    mls_design_clear(&design);
    mls_free(constant);
    return ok;
}

/* Two classes, many rows. */
static bool fit_fused(const struct mls_fit_job *job,
                      const struct classes *classes, double *coef,
                      double *intercept, struct found *found, bool *finished,
                      struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    double *b = mls_new_array(data->features + 1, sizeof(double), err);
    struct mls_fused problem = { .run = job->run,
                                 .x = &data->x,
                                 .y = classes->y,
                                 .w = data->target.weight,
                                 .weight = mls_design_weight(data),
                                 .l2 = found->l2,
                                 .intercept = p->intercept,
                                 .tolerance = p->tolerance,
                                 .max_iterations = p->max_iterations };
    bool ok = b && mls_logistic_fused(&problem, b, &found->end, finished, err);

    if (ok && *finished) {
        memcpy(coef, b, (size_t)data->features * sizeof(double));
        *intercept = b[data->features];
    }
    mls_free(b);
    return ok;
}

/* Whether l2 is to be chosen by the rows left out: by what they cost, and
 * neither for columns that stay sparse nor beside a penalty on sizes. */
static bool is_chosen(const struct mls_fit_job *job,
                      const struct classes *classes)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;

    return isnan(p->l2) && p->l1 == 0 && data->wide.count == 0
        && mls_logistic_choose_fits(data->rows, data->features + p->intercept,
                                    outputs_of(job, classes));
}

static bool fit_into(const struct mls_fit_job *job,
                     const struct classes *classes, double *coef,
                     double *intercept, struct found *found,
                     struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    bool finished = false, ok = true;

    found->loo_log_loss = NAN;
    found->l2 = isnan(p->l2) && !is_chosen(job, classes) ? 1 : p->l2;

    if (!isnan(found->l2) && data->target.task == MLS_BINARY
        && data->wide.count == 0
        && !data->target.offset && p->l1 == 0
        && mls_fused_fits(data->rows, data->features)) {
        ok = fit_fused(job, classes, coef, intercept, found, &finished, err);
    }
    ok = ok
         && (finished
             || fit_centred(job, classes, coef, intercept, found, err))
         && add_chosen(job, found, err);
    if (ok)
        note_end(job->run, &found->end);
    return ok;
}

/* ---- Standard errors ---- */

/* The inverse of the Hessian of the loss at scores; definite is false when
 * columns depend, and of a column without curvature row and column are 0. */
static bool find_covariance(const struct mls_fit_job *job,
                            const struct mls_design *design,
                            const double *y, double *scores,
                            struct mls_matrix *covariance, bool *definite,
                            struct mls_error *err)
{
    int64_t n = design->x.rows, size = design->x.columns;
    double *residual = mls_new_array(n, sizeof(double), err);
    double *scale = residual ? mls_new(size, sizeof(double), err) : NULL;
    struct mls_matrix h = { 0 };
    double condition = 0;
    bool ok = scale && mls_matrix_new(&h, size, size, err);

    if (ok) {
        mls_logistic_binary(scores, y, job->data->target.weight, n, residual,
                            scores);
        ok = mls_gram(job->run, &design->x, scores, &h, err);
    }
    for (int64_t j = 0; ok && j < size; j++) {
        double diagonal = h.data[j * (size + 1)];

        scale[j] = diagonal > 0 ? 1 / sqrt(diagonal) : 0;
    }
    for (int64_t j = 0; ok && j < size; j++) {
        for (int64_t k = 0; k < size; k++)
            h.data[k + j * size] *= scale[k] * scale[j];
        h.data[j * (size + 1)] = 1;
        covariance->data[j * (size + 1)] = 1;
    }
    ok = ok && mls_cholesky(&h, definite, &condition, err)
        && (!*definite || mls_cholesky_solve(&h, covariance, err));
    *definite = ok && *definite && condition > 1e-13;
    for (int64_t j = 0; ok && j < size; j++) {
        for (int64_t k = 0; k < size; k++)
            covariance->data[k + j * size] *= scale[k] * scale[j];
    }
    mls_free(h.data);
    mls_free(scale);
    mls_free(residual);
    return ok;
}

/* The intercept is b0 = c0 - sum_j m_j b_j (design.h). */
static double intercept_variance(const struct mls_design *design,
                                 const struct mls_matrix *covariance,
                                 int64_t features)
{
    double sum = 0;

    for (int64_t j = 0; j <= features; j++) {
        for (int64_t k = 0; k <= features; k++) {
            sum += (j < features ? -design->mean[j] : 1)
                * (k < features ? -design->mean[k] : 1)
                * covariance->data[j + k * covariance->rows];
        }
    }
    return sum;
}

/*
 * Of the maximum of the likelihood the covariance is the inverse of its
 * Hessian (Hastie, Tibshirani & Friedman (2009), 4.4.3).  With a penalty, with
 * columns that depend or with several classes, where only differences mean
 * something, there are none.
 */
static bool add_errors(const struct mls_fit_job *job,
                       const struct classes *classes, struct mls_model *model,
                       const double *coef, double intercept,
                       struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    int64_t features = data->features, n = data->rows;
    const double *offset = data->target.offset;
    struct mls_design design = { 0 };
    struct mls_matrix covariance = { 0 };
    double *scores = mls_new_array(n, sizeof(double), err);
    double *b = scores ? mls_new(features + 1, sizeof(double), err) : NULL;
    double *coef_se, *intercept_se;
    bool definite = false;
    bool ok = b
        && mls_design_new(job->run, data, p->intercept, p->intercept, &design,
                          err)
        && mls_matrix_new(&covariance, design.x.columns, design.x.columns,
                          err);

    if (ok) {
        memcpy(b, coef, (size_t)features * sizeof(double));
        b[features] = intercept;
        for (int64_t j = 0; j < features; j++)
            b[features] += design.mean[j] * coef[j];
        ok = mls_gemv(job->run, &design.x, b, scores, err);
    }
    for (int64_t i = 0; ok && offset && i < n; i++)
        scores[i] += offset[i];
    ok = ok
        && find_covariance(job, &design, classes->y, scores, &covariance,
                           &definite, err);
    if (ok && definite) {
        ok = mls_model_linear_add_errors(model, 0, &coef_se, &intercept_se,
                                         err);
        for (int64_t j = 0; ok && j < features; j++)
            coef_se[j] = sqrt(covariance.data[j * (covariance.rows + 1)]);
        if (ok && p->intercept) {
            *intercept_se =
                sqrt(intercept_variance(&design, &covariance, features));
        }
    }
    mls_free(covariance.data);
    mls_design_clear(&design);
    mls_free(b);
    mls_free(scores);
    return ok;
}

static bool has_errors(const struct mls_fit_job *job,
                       const struct mls_logistic_result *result)
{
    const struct logistic_params *p = job->params;

    return job->data->target.task == MLS_BINARY && p->l1 == 0 && p->l2 == 0
        && result->converged && job->data->wide.count == 0
        && job->data->features > 0;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct mls_target *target = &job->data->target;
    struct classes classes = { 0 };
    struct found found = { 0 };
    struct mls_model *model = NULL;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    if (find_classes(target, &classes, err)) {
        model =
            mls_model_linear_new(target->task, target->classes,
                                 job->data->features, &coef, &intercept, err);
    }
    if (model
        && (!fit_into(job, &classes, coef, intercept, &found, err)
            || (has_errors(job, &found.end)
                && !add_errors(job, &classes, model, coef, *intercept, err)))) {
        mls_model_free(model);
        model = NULL;
    }
    classes_clear(&classes);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_logistic = {
    .name = "logistic",
    .summary = "logistic regression with penalties on squares and sizes, for two "
               "classes or more",
    .source = "Cox (1958), J. R. Stat. Soc. B 20(2), 215-242; Hastie, "
              "Tibshirani & Friedman (2009), 4.4",
    .objective = "sum_i w_i log_loss_i + l1 |b|_1 + l2/2 |b|^2",
    .tasks = MLS_TASK_CLASSIFICATION,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT | MLS_CAN_SPARSE
        | MLS_CAN_OFFSET,
    .takes = MLS_TAKES_MATRIX,
    .steps = "date(form=cyclic) impute(strategy=median,indicator=true) "
             "scale(method=standard) onehot tfidf",
    .params = params,
    .params_size = sizeof(struct logistic_params),
    .fit = fit,
};
