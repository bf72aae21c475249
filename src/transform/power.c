/*
 * Makes columns as normal as a power can: the transformation of Yeo & Johnson
 * with the lambda of largest likelihood, then mean 0 and standard deviation 1.
 *
 *   f(l, u) = (exp(l u) - 1) / l,  f(0, u) = u
 *   y = f(l, log(1 + x))  for x >= 0,    -f(2 - l, log(1 - x))  for x < 0
 *
 * With c the sum of w sign(x) log(1 + |x|), the profile likelihood
 *
 *   L(l) = -W/2 log var(y) + (l - 1) c
 *
 * is strictly concave (Marchand et al. 2022), so its maximum is the one root of
 * the derivative, c - W cov(y, dy/dl) / var(y).  We look for that root (Brent
 * 1973, chapter 4) and not for the maximum itself: around a maximum the
 * likelihood is flat, and lambda would be known to half the digits only.
 *
 *   array   type  a cell of it, for input k
 *   lambda  F64   1 leaves the column as it is
 *   shift   F64   mean of y, or 0
 *   scale   F64   standard deviation of y, or 1
 */
#include <float.h>

#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"
#include "transform/columns.h"
#include "transform/transforms.h"

struct power_params {
    bool standardize;
};

#define FIELD(name) #name, .at = offsetof(struct power_params, name)
static const struct mls_param params[] = {
    { FIELD(standardize), .kind = MLS_FLAG, .def = 1,
      .help = "then bring the result to mean 0 and standard deviation 1" },
    { 0 }
};

/* What overflows is cut here, so that the next step meets a number; missing
 * stays missing. */
#define RESULT_LIMIT 1e300

static double power(double l, double u)
{
    double z = l * u;

    return fabs(z) < 1e-300 ? u : expm1(z) / l;
}

/* df/dl = u^2 h(l u), h(z) = (e^z (z - 1) + 1) / z^2 = sum z^k / (k! (k + 2)),
 * which is summed where the closed form cancels. */
static double power_slope(double l, double u)
{
    double z = l * u, term = 1, sum = 0.5;

    if (fabs(z) > 0.5)
        return u * u * (exp(z) * (z - 1) + 1) / (z * z);
    for (int k = 1; k < 20; k++) {
        term *= z / k;
        sum += term / (k + 2);
    }
    return u * u * sum;
}

static double yeo_johnson(double l, double x)
{
    double y = x >= 0 ? power(l, log1p(x)) : -power(2 - l, log1p(-x));

    return y > RESULT_LIMIT ? RESULT_LIMIT
        : y < -RESULT_LIMIT ? -RESULT_LIMIT
                            : y;
}

/* ---- fit ---- */

/* The values of one column, without the missing ones. */
struct sample {
    double *u;                  /* sign(x) log(1 + |x|) */
    double *w;
    double *y, *slope;          /* scratch */
    int64_t n;
    double weight, c;           /* sums of w, of w u */
};

/* The derivative of L, divided by W.  Two passes: about the mean nothing is
 * lost to cancellation. */
static double derivative(const struct sample *s, double l)
{
    double mean = 0, variance = 0, covariance = 0;

    for (int64_t i = 0; i < s->n; i++) {
        double u = s->u[i];

        s->y[i] = u >= 0 ? power(l, u) : -power(2 - l, -u);
        s->slope[i] = u >= 0 ? power_slope(l, u) : power_slope(2 - l, -u);
        mean += s->w[i] * s->y[i];
    }
    mean /= s->weight;
    for (int64_t i = 0; i < s->n; i++) {
        double d = s->y[i] - mean;

        variance += s->w[i] * d * d;
        covariance += s->w[i] * d * s->slope[i];
    }
    return s->c / s->weight - covariance / variance;
}

/* Brent's zero of the derivative between a (where it is fa) and b, of unlike
 * signs. */
static double find_zero(const struct sample *s, double a, double fa, double b,
                        double fb)
{
    double c = a, fc = fa, d = b - a, e = d;

    for (int step = 0; step < 200 && fb != 0; step++) {
        double tolerance, half, p, q, r;

        if (fb * fc > 0) {
            c = a, fc = fa;
            d = e = b - a;
        }
        if (fabs(fc) < fabs(fb)) {
            a = b, b = c, c = a;
            fa = fb, fb = fc, fc = fa;
        }
        tolerance = 2 * DBL_EPSILON * fabs(b) + 1e-14;
        half = (c - b) / 2;
        if (fabs(half) <= tolerance)
            break;
        if (fabs(e) >= tolerance && fabs(fa) > fabs(fb)) {
            if (a == c) {
                p = 2 * half * (fb / fa);
                q = 1 - fb / fa;
            } else {
                q = fa / fc;
                r = fb / fc;
                p = fb / fa
                    * (2 * half * q * (q - r) - (b - a) * (r - 1));
                q = (q - 1) * (r - 1) * (fb / fa - 1);
            }
            q = p > 0 ? -q : q;
            p = fabs(p);
            if (2 * p < fmin(3 * half * q - fabs(tolerance * q),
                             fabs(e * q))) {
                e = d;
                d = p / q;
            } else {
                d = e = half;
            }
        } else {
            d = e = half;
        }
        a = b, fa = fb;
        b += fabs(d) > tolerance ? d : half > 0 ? tolerance : -tolerance;
        fb = derivative(s, b);
    }
    return b;
}

/* The lambdas under which nothing overflows, variances included. */
static void find_bounds(const struct sample *s, double *low, double *high)
{
    double most = 0;
    bool negative = false, positive = false;

    for (int64_t i = 0; i < s->n; i++) {
        most = fmax(most, fabs(s->u[i]));
        negative = negative || s->u[i] < 0;
        positive = positive || s->u[i] > 0;
    }
    *high = 320 / (most + 3);
    *low = -*high;
    if (!positive) {
        *low = 2 - *high;
        *high = 2 + *high;
    } else if (negative) {
        *low = fmax(*low, 2 - *high);
        *high = fmin(*high, 2 - *low);
    }
}

static double find_lambda(const struct sample *s)
{
    double low, high, a = 0, b = 2, fa, fb;

    find_bounds(s, &low, &high);
    if (!(low < high))
        return 1;
    a = fmin(fmax(a, low), high);
    b = fmax(fmin(b, high), low);
    fa = derivative(s, a);
    fb = derivative(s, b);
    /* The derivative falls: go left while it is negative, right while it is
     * positive, twice as far each time. */
    for (double by = 2; fa < 0 && a > low; by *= 2) {
        b = a, fb = fa;
        a = fmax(a - by, low);
        fa = derivative(s, a);
    }
    for (double by = 2; fb > 0 && b < high; by *= 2) {
        a = b, fa = fb;
        b = fmin(b + by, high);
        fb = derivative(s, b);
    }
    if (!(fa > 0))
        return fa == 0 || fa < 0 ? a : 1;
    if (!(fb < 0))
        return fb == 0 || fb > 0 ? b : 1;
    return find_zero(s, a, fa, b, fb);
}

static void sample_free(struct sample *s)
{
    mls_free(s->u);
    mls_free(s->w);
    mls_free(s->y);
    mls_free(s->slope);
}

static bool sample_init(struct sample *s, const double *x, const double *w,
                        int64_t n, struct mls_error *err)
{
    s->u = mls_new_array(n, sizeof(*s->u), err);
    if (s->u)
        s->w = mls_new_array(n, sizeof(*s->w), err);
    if (s->w)
        s->y = mls_new_array(n, sizeof(*s->y), err);
    if (s->y)
        s->slope = mls_new_array(n, sizeof(*s->slope), err);
    if (!s->slope)
        return false;
    for (int64_t i = 0; i < n; i++) {
        double weight = w ? w[i] : 1;

        if (isnan(x[i]))
            continue;
        s->u[s->n] = copysign(log1p(fabs(x[i])), x[i]);
        s->w[s->n] = weight;
        s->weight += weight;
        s->c += weight * s->u[s->n++];
    }
    return true;
}

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    double *lambda, *shift, *scale;
};

/* Mean and standard deviation of the result; changes x. */
static bool standardize(const struct fit_job *job, int64_t k, double *x,
                        struct mls_error *err)
{
    int64_t n = job->in->table->rows;
    struct mls_moments moments;

    for (int64_t i = 0; i < n; i++)
        x[i] = yeo_johnson(job->lambda[k], x[i]);
    if (!mls_moments(job->in->run, x, job->in->target->weight, n, &moments,
                     err))
        return false;
    if (moments.count == 0)
        return true;
    job->shift[k] = moments.mean;
    job->scale[k] = sqrt(mls_moments_variance(&moments, 0));
    if (job->scale[k] == 0)
        job->scale[k] = 1;
    return true;
}

static bool fit_cells(struct fit_job *job, int64_t k, double *x,
                      struct mls_error *err)
{
    const struct power_params *p = job->step->params;
    const double *w = job->in->target->weight;
    int64_t n = job->in->table->rows;
    struct mls_moments moments;
    struct sample s = { 0 };
    bool ok = mls_moments(job->in->run, x, w, n, &moments, err);

    job->lambda[k] = job->scale[k] = 1;
    if (ok && moments.low < moments.high) {
        ok = sample_init(&s, x, w, n, err);
        if (ok)
            job->lambda[k] = find_lambda(&s);
        sample_free(&s);
    }
    return ok && (!p->standardize || standardize(job, k, x, err));
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x && fit_cells(job, k, x, err);

    mls_free(x);
    if (ok && (!isfinite(job->shift[k]) || !isfinite(job->scale[k])))
        return mls_columns_fail(job->step, k,
                                "its values are too large for a power", err);
    return ok;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };

    job.lambda = mls_columns_array(step, "lambda", err);
    if (job.lambda)
        job.shift = mls_columns_array(step, "shift", err);
    if (job.shift)
        job.scale = mls_columns_array(step, "scale", err);
    return job.scale
        && mls_parallel(in->run, step->input_count, fit_column, &job, err);
}

/* ---- what was learned ---- */

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const double *scale;

    (void)in;
    if (!mls_columns_finite(step, "lambda", err)
        || !mls_columns_finite(step, "shift", err)
        || !(scale = mls_columns_finite(step, "scale", err)))
        return false;
    for (int64_t k = 0; k < step->input_count; k++)
        if (!(scale[k] > 0))
            return mls_columns_refuse(step, "scale", err);
    return true;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const double *lambda = mls_columns_data(step, "lambda");
    const double *shift = mls_columns_data(step, "shift");
    const double *scale = mls_columns_data(step, "scale");

    for (int64_t k = 0; k < step->input_count; k++) {
        made[k] = mls_columns_copy(in, step->input[k], err);
        if (!made[k])
            return false;
        for (int64_t i = 0; i < in->rows; i++) {
            double *x = &made[k]->real[i];

            *x = (yeo_johnson(lambda[k], *x) - shift[k]) / scale[k];
        }
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    static const char *const arrays[] = { "lambda", "shift", "scale", NULL };

    return mls_columns_describe(step, arrays, to, err);
}

const struct mls_step_type mls_step_power = {
    .name = "power",
    .family = "transform",
    .before = "scale expand",
    .summary = "the power that makes a numeric column most normal",
    .source = "Yeo & Johnson (2000), Biometrika 87(4), 954-959",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct power_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .check = check,
    .plan_input = mls_columns_plan_real,
    .apply = apply,
    .describe = describe,
};
