/*
 * Pulls in long tails with a logarithm:
 *
 *   method  x becomes
 *   signed  sign(x) log(1 + |x|)      any x, 0 stays 0
 *   log     log(x + shift)            x > -shift, else missing
 *
 * With log and shift=auto each column gets the shift that puts its smallest
 * training value at 1, or none when that value is 1 or more already; a smaller
 * value met later, for which no logarithm exists, is missing.
 *
 *   array  type  a cell of it, for input k
 *   shift  F64   what is added before the logarithm
 */
#include "base/memory.h"
#include "base/threads.h"
#include "transform/columns.h"
#include "transform/transforms.h"

enum method { SIGNED, LOG };
static const char *const methods[] = { "signed", "log", NULL };

struct log_params {
    int method;
    double shift;
};

#define FIELD(name) #name, .at = offsetof(struct log_params, name)
static const struct mls_param params[] = {
    { FIELD(method), .kind = MLS_CHOICE, .choices = methods, .def = SIGNED,
      .help = "signed: sign(x) log(1 + |x|); log: log(x + shift)" },
    { FIELD(shift), .kind = MLS_REAL, .def = MLS_AUTO, .min = -1e300,
      .max = 1e300,
      .help = "with log: what is added first; auto: what makes the smallest "
              "training value 1" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    double *shift;
};

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct log_params *p = job->step->params;
    double *x, low = INFINITY;

    if (p->method == SIGNED)
        return true;
    job->shift[k] = p->shift;
    if (!isnan(p->shift))
        return true;
    x = mls_step_gather(job->step, job->in, k, err);
    if (!x)
        return false;
    for (int64_t i = 0; i < job->in->table->rows; i++)
        low = fmin(low, x[i]);
    mls_free(x);
    job->shift[k] = low < 1 ? 1 - low : 0;
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };

    job.shift = mls_columns_array(step, "shift", err);
    return job.shift
        && mls_parallel(in->run, step->input_count, fit_column, &job, err);
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    (void)in;
    return mls_columns_finite(step, "shift", err) != NULL;
}

static void map(bool is_signed, double shift, double *x, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++) {
        double y = x[i] + shift;

        if (is_signed)
            x[i] = copysign(log1p(fabs(x[i])), x[i]);
        else
            x[i] = y > 0 ? log(y) : NAN;
    }
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct log_params *p = step->params;
    const double *shift = mls_columns_data(step, "shift");

    for (int64_t k = 0; k < step->input_count; k++) {
        made[k] = mls_columns_copy(in, step->input[k], err);
        if (!made[k])
            return false;
        map(p->method == SIGNED, shift[k], made[k]->real, in->rows);
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    static const char *const arrays[] = { "shift", NULL };

    return mls_columns_describe(step, arrays, to, err);
}

const struct mls_step_type mls_step_log = {
    .name = "log",
    .family = "transform",
    .before = "scale expand",
    .summary = "the logarithm of numeric columns",
    .source = "Bartlett (1947), Biometrics 3(1), 39-52",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct log_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .check = check,
    .plan_input = mls_columns_plan_real,
    .apply = apply,
    .describe = describe,
};
