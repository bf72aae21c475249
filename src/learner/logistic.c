/*
 * Logistic regression: two classes, or several by softmax.  Newton's method is
 * in logistic_solve.c, for tables that stay sparse in logistic_wide.c, its loops
 * over rows in logistic_newton.c; here are the params, the classes, and what
 * becomes of the solution.
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
#include "learner/logistic_fused.h"
#include "learner/logistic_solve.h"
#include "learner/logistic_wide.h"
#include "model/model.h"

struct logistic_params {
    double l2;
    bool intercept;
    int64_t max_iterations;
    double tolerance;
};

#define FIELD(name) #name, .at = offsetof(struct logistic_params, name)
static const struct mls_param params[] = {
    { FIELD(l2), .alias = "C", .kind = MLS_REAL, .def = 1, .min = 0,
      .max = 1e12, .low = 1e-4, .high = 1e4,
      .flags = MLS_LOG | MLS_ALIAS_INVERSE,
      .help = "weight of the squared penalty; larger shrinks coefficients" },
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

static bool add_chosen(const struct mls_logistic_result *result,
                       struct mls_json *chosen, struct mls_error *err)
{
    return !chosen
           || (mls_json_add_integer(chosen, "iterations", result->iterations,
                                    err)
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
        *intercept = mls_design_intercept(design, coef, features, constant[0]);
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
        intercept[k] = mls_design_intercept(design, coef + k * features,
                                            features, constant[number]);
    }
    if (with_intercept)
        pin(intercept, classes->all);
}

static bool solve_dense(const struct mls_fit_job *job,
                        const struct classes *classes, int outputs,
                        struct mls_design *design, struct mls_matrix *b,
                        struct mls_logistic_result *result,
                        struct mls_error *err)
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
        .penalised = data->features, .l2 = p->l2, .tolerance = p->tolerance,
        .max_iterations = p->max_iterations
    };

    return ok && mls_logistic_solve(&problem, b, result, err);
}

/* The same with the wide part of the dataset as it is: design receives means
 * and weight alone. */
static bool solve_wide(const struct mls_fit_job *job,
                       const struct classes *classes, int outputs,
                       struct mls_design *design, struct mls_matrix *b,
                       struct mls_logistic_result *result,
                       struct mls_error *err)
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
        .outputs = outputs, .l2 = p->l2, .tolerance = p->tolerance,
        .max_iterations = p->max_iterations
    };

    design->weight = x.weight;
    design->mean = mls_new(data->features, sizeof(double), err);
    ok = design->mean
        && mls_matrix_new(b, data->features + 1, outputs, err)
        && mls_matrix_new(&by_column, x.columns, outputs, err)
        && mls_logistic_wide_solve(&problem, &by_column, result, err);
    if (ok)
        mls_wide_to_features(&x, &by_column, b, design->mean);
    mls_free(by_column.data);
    mls_wide_design_clear(&x);
    return ok;
}

/* The general way. */
static bool fit_centred(const struct mls_fit_job *job,
                        const struct classes *classes, double *coef,
                        double *intercept, struct mls_logistic_result *result,
                        struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    int outputs = data->target.task == MLS_BINARY ? 1 : classes->count;
    struct mls_design design = { 0 };
    struct mls_matrix b = { 0 };
    double *constant = mls_new(outputs, sizeof(double), err);
    bool ok = constant
        && (data->wide.count > 0 ? solve_wide : solve_dense)(
            job, classes, outputs, &design, &b, result, err);

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
                      double *intercept, struct mls_logistic_result *result,
                      bool *finished, struct mls_error *err)
{
    const struct logistic_params *p = job->params;
    const struct mls_dataset *data = job->data;
    double *b = mls_new_array(data->features + 1, sizeof(double), err);
    struct mls_fused problem = { .run = job->run,
                                 .x = &data->x,
                                 .y = classes->y,
                                 .w = data->target.weight,
                                 .weight = mls_design_weight(data),
                                 .l2 = p->l2,
                                 .intercept = p->intercept,
                                 .tolerance = p->tolerance,
                                 .max_iterations = p->max_iterations };
    bool ok = b && mls_logistic_fused(&problem, b, result, finished, err);

    if (ok && *finished) {
        memcpy(coef, b, (size_t)data->features * sizeof(double));
        *intercept = b[data->features];
    }
    mls_free(b);
    return ok;
}

static bool fit_into(const struct mls_fit_job *job,
                     const struct classes *classes, double *coef,
                     double *intercept, struct mls_error *err)
{
    const struct mls_dataset *data = job->data;
    struct mls_logistic_result result;
    bool finished = false, ok = true;

    if (data->target.task == MLS_BINARY && data->wide.count == 0
        && !data->target.offset && mls_fused_fits(data->rows, data->features)) {
        ok = fit_fused(job, classes, coef, intercept, &result, &finished, err);
    }
    ok = ok
         && (finished
             || fit_centred(job, classes, coef, intercept, &result, err))
         && add_chosen(&result, job->chosen, err);
    if (ok)
        note_end(job->run, &result);
    return ok;
}

static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    const struct mls_target *target = &job->data->target;
    struct classes classes = { 0 };
    struct mls_model *model = NULL;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    if (find_classes(target, &classes, err)) {
        model =
            mls_model_linear_new(target->task, target->classes,
                                 job->data->features, &coef, &intercept, err);
    }
    if (model && !fit_into(job, &classes, coef, intercept, err)) {
        mls_model_free(model);
        model = NULL;
    }
    classes_clear(&classes);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_logistic = {
    .name = "logistic",
    .summary = "logistic regression with a squared penalty, for two classes "
               "or more",
    .source = "Cox (1958), J. R. Stat. Soc. B 20(2), 215-242; Hastie, "
              "Tibshirani & Friedman (2009), 4.4",
    .objective = "sum_i w_i log_loss_i + l2/2 |b|^2",
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
