/*
 * Brings numbers to one scale: x becomes (x - shift) / scale + offset.
 *
 *   method    shift     scale                       offset
 *   standard  mean      standard deviation, ddof 0  0
 *   minmax    smallest  (largest - smallest) / (high - low)    low
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
#include "transform/transforms.h"

enum method { STANDARD, MINMAX, NONE };
static const char *const methods[] = { "standard", "minmax", "none", NULL };

struct scale_params {
    int method;
    double low, high;
};

#define FIELD(name) #name, .at = offsetof(struct scale_params, name)
static const struct mls_param params[] = {
    { FIELD(method), .kind = MLS_CHOICE, .choices = methods, .def = STANDARD,
      .help = "standard: mean 0, standard deviation 1; minmax: low to high" },
    { FIELD(low), .kind = MLS_REAL, .def = 0, .min = -1e300, .max = 1e300,
      .help = "with minmax: what the smallest training value becomes" },
    { FIELD(high), .kind = MLS_REAL, .def = 1, .min = -1e300, .max = 1e300,
      .help = "with minmax: what the largest training value becomes" },
    { 0 }
};

static bool takes(const struct mls_step *step, const struct mls_field *field,
                  enum mls_storage storage, struct mls_error *err)
{
    (void)field;
    if (storage == MLS_STORE_SPARSE && !mls_step_names_columns(step))
        return mls_fail(err, MLS_DATA, "step %s leaves sparse columns alone",
                        step->name);
    return true;
}

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    double *shift, *scale, *offset;
};

static void learn(const struct scale_params *p, const struct mls_moments *m,
                  double *shift, double *scale, double *offset)
{
    bool constant = m->count == 0 || m->low == m->high;

    *shift = 0;
    *scale = 1;
    *offset = 0;
    if (m->count > 0 && p->method == STANDARD) {
        *shift = constant ? m->low : m->mean;
        if (!constant)
            *scale = sqrt(mls_moments_variance(m, 0));
    } else if (m->count > 0 && p->method == MINMAX) {
        *shift = m->low;
        if (!constant)
            *scale = (m->high - m->low) / (p->high - p->low);
        *offset = p->low;
    }
    /* The squares of the smallest doubles vanish. */
    if (*scale == 0)
        *scale = 1;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    struct mls_moments moments;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x
        && mls_moments(job->in->run, x, job->in->target->weight,
                       job->in->table->rows, &moments, err);

    mls_free(x);
    if (!ok)
        return false;
    learn(job->step->params, &moments, &job->shift[k], &job->scale[k],
          &job->offset[k]);
    if (!isfinite(job->shift[k]) || !isfinite(job->scale[k])) {
        mls_fail(err, MLS_DATA, "step %s: its values are too large to scale",
                 job->step->name);
        return mls_fail_at(err, NULL, 0, 0, job->step->input_names.items[k]);
    }
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct scale_params *p = step->params;
    struct fit_job job = { .step = step, .in = in };
    int64_t n = step->input_count;

    if (p->method == MINMAX && !(p->low < p->high))
        return mls_fail(err, MLS_USAGE, "step %s: low must be below high",
                        step->name);
    job.shift = mls_arrays_add1(&step->arrays, "shift", MLS_F64, n, err);
    if (job.shift)
        job.scale = mls_arrays_add1(&step->arrays, "scale", MLS_F64, n, err);
    if (job.scale)
        job.offset = mls_arrays_add1(&step->arrays, "offset", MLS_F64, n, err);
    return job.offset && mls_parallel(in->run, n, fit_column, &job, err);
}

/* The arrays, which check has seen. */
static const double *learned(const struct mls_step *step, const char *name)
{
    return mls_arrays_find(&step->arrays, name)->data;
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    int64_t n = step->input_count;
    const double *shift, *scale = NULL, *offset = NULL;

    (void)in;
    shift = mls_arrays_get(&step->arrays, "shift", MLS_F64, n, err);
    if (shift)
        scale = mls_arrays_get(&step->arrays, "scale", MLS_F64, n, err);
    if (scale)
        offset = mls_arrays_get(&step->arrays, "offset", MLS_F64, n, err);
    if (!offset)
        return false;
    for (int64_t k = 0; k < n; k++) {
        if (!isfinite(shift[k]) || !isfinite(scale[k]) || !(scale[k] > 0)
            || !isfinite(offset[k])) {
            mls_fail(err, MLS_MODEL_FILE, "step %s holds no valid scale",
                     step->name);
            return mls_fail_at(err, NULL, 0, 0, step->input_names.items[k]);
        }
    }
    return true;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    const struct scale_params *p = step->params;
    struct mls_field scaled = *field;

    (void)k;
    if (p->method == NONE)
        return mls_plan_keep(plan, err);
    scaled.kind = MLS_KIND_REAL;
    return mls_plan_make(plan, &scaled, err);
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const double *shifts = learned(step, "shift");
    const double *scales = learned(step, "scale");
    const double *offsets = learned(step, "offset");

    for (int64_t k = 0; k < step->input_count; k++) {
        const double shift = shifts[k], scale = scales[k], offset = offsets[k];

        made[k] = mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);
        if (!made[k])
            return false;
        mls_column_reals(in->columns[step->input[k]], made[k]->real);
        for (int64_t i = 0; i < in->rows; i++)
            made[k]->real[i] = (made[k]->real[i] - shift) / scale + offset;
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column = mls_json_add_object(columns, NULL, err);

        ok = column
            && mls_json_add_text(column, "name", step->input_names.items[k],
                                 err)
            && mls_json_add_real(column, "shift", learned(step, "shift")[k],
                                 err)
            && mls_json_add_real(column, "scale", learned(step, "scale")[k],
                                 err)
            && mls_json_add_real(column, "offset", learned(step, "offset")[k],
                                 err);
    }
    return ok;
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
    .takes = takes,
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
