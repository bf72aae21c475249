/*
 * Keeps the numeric columns whose weighted variance (ddof 0) over the training
 * rows is above a threshold; 0 drops those that never change.  Missing cells
 * are left out, so a column with one value and holes is constant: impute with
 * the indicator first when the holes matter.  A column without any value goes.
 */
#include "base/threads.h"
#include "base/memory.h"
#include "select/select.h"
#include "stats/summary.h"

struct variance_params {
    double threshold;
};

#define FIELD(name) #name, .at = offsetof(struct variance_params, name)
static const struct mls_param params[] = {
    { FIELD(threshold), .kind = MLS_REAL, .def = 0, .min = 0, .max = 1e300,
      .help = "columns with a variance at or below it are dropped" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    struct mls_selection to;
};

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct variance_params *p = job->step->params;
    struct mls_moments m;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x
        && mls_moments(job->in->run, x, job->in->target->weight,
                       job->in->table->rows, &m, err);

    mls_free(x);
    if (!ok)
        return false;
    /* Rounding in the mean must not make a constant column look alive. */
    if (m.count > 0)
        job->to.score[k] = m.low == m.high ? 0 : mls_moments_variance(&m, 0);
    job->to.keep[k] = m.count > 0 && m.low != m.high
        && job->to.score[k] > p->threshold;
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };

    if (!mls_select_new(step, 0, &job.to, err)
        || !mls_parallel(in->run, step->input_count, fit_column, &job, err))
        return false;
    mls_select_warn(step, in->run, &job.to);
    return true;
}

const struct mls_step_type mls_select_variance = {
    .name = "variance",
    .family = "select",
    .summary = "drops numeric columns that hardly vary",
    .source = "the variance of the training rows, ddof 0",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct variance_params),
    .fit = fit,
    .check = mls_select_check,
    .plan_input = mls_select_plan_input,
    .describe = mls_select_describe,
};
