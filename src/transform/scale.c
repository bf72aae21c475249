/*
 * Brings numbers to one scale: x becomes (x - shift) / scale + offset.
 *
 *   method    shift     scale                       offset
 *   standard  mean      standard deviation, ddof 0  0
 *   minmax    smallest  (largest - smallest) / (high - low)    low
 *   robust    median    third less first quartile   0
 *   max_abs   0         largest absolute value      0
 *   quantile  x becomes the share of training rows below it, or that share's
 *             normal quantile: see scale_quantile.h, array "quantiles"
 *
 * Statistics are weighted and over the training rows only.  A constant column
 * has scale 1; missing cells stay missing.  The result is dense, so with no
 * columns named sparse ones (one-hot, indicators), which are 0 and 1 and mostly
 * 0, are left alone.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"
#include "transform/columns.h"
#include "transform/scale_quantile.h"
#include "transform/transforms.h"

enum method { STANDARD, MINMAX, ROBUST, MAX_ABS, QUANTILE, NONE };
static const char *const methods[] = { "standard", "minmax",   "robust",
                                       "max_abs",  "quantile", "none", NULL };
enum output { UNIFORM, NORMAL };
static const char *const outputs[] = { "uniform", "normal", NULL };

#define QUANTILES_LIMIT 100000

struct scale_params {
    int method;
    double low, high;
    int64_t n_quantiles;
    int output;
};

#define FIELD(name) #name, .at = offsetof(struct scale_params, name)
static const struct mls_param params[] = {
    { FIELD(method), .kind = MLS_CHOICE, .choices = methods, .def = STANDARD,
      .help = "standard: mean 0, standard deviation 1; minmax: low to high; "
              "robust: median 0, quartiles 1 apart; max_abs: -1 to 1; "
              "quantile: the place among the training rows" },
    { FIELD(low), .kind = MLS_REAL, .def = 0, .min = -1e300, .max = 1e300,
      .help = "with minmax: what the smallest training value becomes" },
    { FIELD(high), .kind = MLS_REAL, .def = 1, .min = -1e300, .max = 1e300,
      .help = "with minmax: what the largest training value becomes" },
    { FIELD(n_quantiles), .kind = MLS_INTEGER, .def = 1000, .min = 2,
      .max = QUANTILES_LIMIT,
      .help = "with quantile: how many values of the distribution are kept, at "
              "most one a row" },
    { FIELD(output), .alias = "output_distribution", .kind = MLS_CHOICE,
      .choices = outputs, .def = UNIFORM,
      .help = "with quantile: what the result is distributed as" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    double *shift, *scale, *offset;
    double *quantiles;          /* of input k at k * quantile_count */
    int64_t quantile_count;
};

static void learn(const struct scale_params *p, const struct mls_moments *m,
                  double *shift, double *scale, double *offset)
{
    bool constant = m->count == 0 || m->low == m->high;

    if (m->count == 0)
        return;
    if (p->method == STANDARD) {
        *shift = constant ? m->low : m->mean;
        if (!constant)
            *scale = sqrt(mls_moments_variance(m, 0));
    } else if (p->method == MINMAX) {
        *shift = m->low;
        if (!constant)
            *scale = (m->high - m->low) / (p->high - p->low);
        *offset = p->low;
    } else if (p->method == MAX_ABS) {
        *scale = fmax(fabs(m->low), fabs(m->high));
    }
}

static bool learn_robust(const double *x, const double *w, int64_t n,
                         double *shift, double *scale, struct mls_error *err)
{
    static const double quartiles[] = { 0.25, 0.5, 0.75 };
    double value[3];

    if (!mls_quantiles(x, w, n, quartiles, 3, value, err))
        return false;
    if (isnan(value[1]))
        return true;
    *shift = value[1];
    *scale = value[2] - value[0];
    return true;
}

static bool fit_cells(struct fit_job *job, int64_t k, const double *x,
                      struct mls_error *err)
{
    const struct scale_params *p = job->step->params;
    const double *w = job->in->target->weight;
    int64_t n = job->in->table->rows;
    struct mls_moments moments;

    job->scale[k] = 1;
    if (p->method == QUANTILE)
        return mls_scale_quantiles(x, w, n,
                                   job->quantiles + k * job->quantile_count,
                                   job->quantile_count, err);
    if (p->method == ROBUST)
        return learn_robust(x, w, n, &job->shift[k], &job->scale[k], err);
    if (!mls_moments(job->in->run, x, w, n, &moments, err))
        return false;
    learn(p, &moments, &job->shift[k], &job->scale[k], &job->offset[k]);
    return true;
}

static bool all_finite(const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x && fit_cells(job, k, x, err);

    mls_free(x);
    if (!ok)
        return false;
    /* The squares of the smallest doubles vanish. */
    if (job->scale[k] == 0)
        job->scale[k] = 1;
    if (!isfinite(job->shift[k]) || !isfinite(job->scale[k])
        || !all_finite(job->quantiles + k * job->quantile_count,
                       job->quantile_count))
        return mls_columns_fail(job->step, k,
                                "its values are too large to scale", err);
    return true;
}

/* As many as the rows stand for, so that weights count rows. */
static int64_t count_quantiles(const struct scale_params *p,
                               const struct mls_step_input *in)
{
    const double *w = in->target->weight;
    double rows = 0;

    for (int64_t i = 0; i < in->table->rows; i++)
        rows += w ? w[i] : 1;
    rows = floor(rows * (1 + 1e-12));
    return rows < 1 ? 1
        : rows < (double)p->n_quantiles ? (int64_t)rows : p->n_quantiles;
}

static bool add_quantiles(struct mls_step *step, struct fit_job *job,
                          struct mls_error *err)
{
    const struct scale_params *p = step->params;
    int64_t shape[2] = { step->input_count, 0 };

    if (p->method != QUANTILE)
        return true;
    shape[1] = job->quantile_count = count_quantiles(p, job->in);
    job->quantiles =
        mls_arrays_add(&step->arrays, "quantiles", MLS_F64, 2, shape, err);
    return job->quantiles != NULL;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct scale_params *p = step->params;
    struct fit_job job = { .step = step, .in = in };

    if (p->method == MINMAX && !(p->low < p->high))
        return mls_fail(err, MLS_USAGE, "step %s: low must be below high",
                        step->name);
    job.shift = mls_columns_array(step, "shift", err);
    if (job.shift)
        job.scale = mls_columns_array(step, "scale", err);
    if (job.scale)
        job.offset = mls_columns_array(step, "offset", err);
    return job.offset && add_quantiles(step, &job, err)
        && mls_parallel(in->run, step->input_count, fit_column, &job, err);
}

static const char *const learned[] = { "shift", "scale", "offset", NULL };

/* Ascending, and as many for each input. */
static bool check_quantiles(const struct mls_step *step, struct mls_error *err)
{
    const struct mls_array *array =
        mls_arrays_find(&step->arrays, "quantiles");
    const double *q;
    int64_t count;

    if (!array || array->dtype != MLS_F64 || array->dimensions != 2
        || array->shape[0] != step->input_count || array->shape[1] < 1
        || array->shape[1] > QUANTILES_LIMIT)
        return mls_columns_refuse(step, "quantiles", err);
    q = array->data;
    count = array->shape[1];
    for (int64_t i = 0; i < array->count; i++)
        if (!isfinite(q[i]) || (i % count > 0 && q[i] < q[i - 1]))
            return mls_columns_refuse(step, "quantiles", err);
    return true;
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const struct scale_params *p = step->params;
    const double *scale;

    (void)in;
    if (!mls_columns_finite(step, "shift", err)
        || !mls_columns_finite(step, "offset", err)
        || !(scale = mls_columns_finite(step, "scale", err)))
        return false;
    for (int64_t k = 0; k < step->input_count; k++) {
        if (scale[k] > 0)
            continue;
        mls_columns_refuse(step, "scale", err);
        return mls_fail_at(err, NULL, 0, 0, step->input_names.items[k]);
    }
    return p->method != QUANTILE || check_quantiles(step, err);
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    const struct scale_params *p = step->params;

    if (p->method == NONE)
        return mls_plan_keep(plan, err);
    return mls_columns_plan_real(step, k, field, plan, err);
}

static void map_quantiles(const struct mls_step *step, int64_t k, double *x,
                          int64_t rows)
{
    const struct scale_params *p = step->params;
    const struct mls_array *array =
        mls_arrays_find(&step->arrays, "quantiles");
    const double *quantiles = array->data;

    mls_scale_map(quantiles + k * array->shape[1], array->shape[1],
                  p->output == NORMAL, x, rows);
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct scale_params *p = step->params;
    const double *shifts = mls_columns_data(step, "shift");
    const double *scales = mls_columns_data(step, "scale");
    const double *offsets = mls_columns_data(step, "offset");

    for (int64_t k = 0; k < step->input_count; k++) {
        const double shift = shifts[k], scale = scales[k], offset = offsets[k];

        made[k] = mls_columns_copy(in, step->input[k], err);
        if (!made[k])
            return false;
        if (p->method == QUANTILE) {
            map_quantiles(step, k, made[k]->real, in->rows);
            continue;
        }
        for (int64_t i = 0; i < in->rows; i++)
            made[k]->real[i] = (made[k]->real[i] - shift) / scale + offset;
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    return mls_columns_describe(step, learned, to, err);
}

const struct mls_step_type mls_step_scale = {
    .name = "scale",
    .family = "scale",
    .primary = "method",
    .summary = "brings numeric columns to one scale",
    .source = "Hastie, Tibshirani & Friedman (2009), The Elements of "
              "Statistical Learning, section 3.4.1",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct scale_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
