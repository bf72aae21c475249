/*
 * Brings values outside a range to its ends (winsorising): below low becomes
 * low, above high becomes high.  The ends are quantiles of the training rows,
 * or fixed numbers where the user gives them.
 *
 *   array  type  a cell of it, for input k
 *   low    F64   the least value, -infinity for none
 *   high   F64   the greatest
 *
 * Missing cells stay missing.  A column without a value has no ends.
 */
#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"
#include "transform/columns.h"
#include "transform/transforms.h"

struct clip_params {
    double lower, upper;        /* probabilities */
    double low, high;           /* fixed, or auto */
};

#define FIELD(name) #name, .at = offsetof(struct clip_params, name)
static const struct mls_param params[] = {
    { FIELD(lower), .kind = MLS_REAL, .def = 0.01, .min = 0, .max = 1,
      .help = "the quantile below which values are brought up to it; 0: the "
              "smallest" },
    { FIELD(upper), .kind = MLS_REAL, .def = 0.99, .min = 0, .max = 1,
      .help = "the quantile above which values are brought down to it" },
    { FIELD(low), .kind = MLS_REAL, .def = MLS_AUTO, .min = -1e300,
      .max = 1e300, .help = "a fixed lower end; auto: the quantile" },
    { FIELD(high), .kind = MLS_REAL, .def = MLS_AUTO, .min = -1e300,
      .max = 1e300, .help = "a fixed upper end; auto: the quantile" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    double *low, *high;
};

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct clip_params *p = job->step->params;
    const double probability[2] = { p->lower, p->upper };
    double end[2], *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x
        && mls_quantiles(x, job->in->target->weight, job->in->table->rows,
                         probability, 2, end, err);

    mls_free(x);
    if (!ok)
        return false;
    job->low[k] = !isnan(p->low) ? p->low : isnan(end[0]) ? -INFINITY : end[0];
    job->high[k] =
        !isnan(p->high) ? p->high : isnan(end[1]) ? INFINITY : end[1];
    if (job->low[k] > job->high[k])
        return mls_columns_fail(job->step, k,
                                "the fixed end lies beyond the other end", err);
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct clip_params *p = step->params;
    struct fit_job job = { .step = step, .in = in };

    if (p->lower > p->upper || p->low > p->high)
        return mls_fail(err, MLS_USAGE,
                        "step %s: the lower end is above the upper one",
                        step->name);
    job.low = mls_columns_array(step, "low", err);
    if (job.low)
        job.high = mls_columns_array(step, "high", err);
    return job.high
        && mls_parallel(in->run, step->input_count, fit_column, &job, err);
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    int64_t n = step->input_count;
    const double *low = mls_arrays_get(&step->arrays, "low", MLS_F64, n, err);
    const double *high =
        low ? mls_arrays_get(&step->arrays, "high", MLS_F64, n, err) : NULL;

    (void)in;
    for (int64_t k = 0; high && k < n; k++)
        if (!(low[k] <= high[k]))
            return mls_columns_refuse(step, "range", err);
    return high != NULL;
}

/* Whole numbers stay whole when their ends are. */
static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    const double *low = mls_columns_data(step, "low");
    const double *high = mls_columns_data(step, "high");
    struct mls_field clipped = *field;

    if ((isfinite(low[k]) && low[k] != floor(low[k]))
        || (isfinite(high[k]) && high[k] != floor(high[k])))
        clipped.kind = MLS_KIND_REAL;
    return mls_plan_make(plan, &clipped, err);
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const double *lows = mls_columns_data(step, "low");
    const double *highs = mls_columns_data(step, "high");

    for (int64_t k = 0; k < step->input_count; k++) {
        const double low = lows[k], high = highs[k];

        made[k] = mls_columns_copy(in, step->input[k], err);
        if (!made[k])
            return false;
        for (int64_t i = 0; i < in->rows; i++) {
            double x = made[k]->real[i];

            made[k]->real[i] = x < low ? low : x > high ? high : x;
        }
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    static const char *const arrays[] = { "low", "high", NULL };

    return mls_columns_describe(step, arrays, to, err);
}

const struct mls_step_type mls_step_clip = {
    .name = "clip",
    .family = "transform",
    .before = "scale expand",
    .summary = "brings values outside a range to its ends",
    .source = "Tukey (1962), Annals of Mathematical Statistics 33(1), 1-67",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct clip_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
