/*
 * A numeric column becomes the values of the B-splines over its range: smooth
 * bumps that add up to 1, of which a linear model makes any smooth curve.
 *
 *   1 ┤\   __    __    __   /
 *     │ \ /  \  /  \  /  \ /        knots: evenly spaced quantiles of the
 *     │  X    \/    \/    X         training values, first and last the
 *   0 ┼─/─\───/\────/\───/─\──      smallest and largest
 *     knot   knot   knot   knot
 *
 * With n knots and degree d there are n + d - 1 splines, named COL:spline1 and
 * so on; the last one is left out unless bias is asked for, since all add up
 * to 1.  Below the first knot and above the last one the values are those
 * there.  Knots past the ends are as far apart as the first and the last two.
 * De Boor's recurrence.  Missing stays missing.
 *
 *   array  type  holds
 *   knot   F64   inputs x (n + 2 d): ascending, 0 throughout for a column with
 *                no two values, of which nothing is made
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"
#include "transform/columns.h"
#include "transform/transforms.h"

#define DEGREE_LIMIT 5

struct spline_params {
    int64_t n_knots, degree;
    bool bias;
};

#define FIELD(name) #name, .at = offsetof(struct spline_params, name)
static const struct mls_param params[] = {
    { FIELD(n_knots), .kind = MLS_INTEGER, .def = 5, .min = 2, .max = 1000,
      .low = 3, .high = 12,
      .help = "knots, at evenly spaced quantiles of the training values" },
    { FIELD(degree), .kind = MLS_INTEGER, .def = 3, .min = 0,
      .max = DEGREE_LIMIT, .help = "of the pieces between knots: 3 is cubic" },
    { FIELD(bias), .alias = "include_bias", .kind = MLS_FLAG, .def = 0,
      .help = "also make the last spline, which a model with a constant term "
              "does not need" },
    { 0 }
};

static int64_t knot_count(const struct spline_params *p)
{
    return p->n_knots + 2 * p->degree;
}

static int64_t made_count(const struct spline_params *p)
{
    return p->n_knots + p->degree - 1 - (p->bias ? 0 : 1);
}

/* ---- fit ---- */

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    const double *probability;
    double *knot;
};

/* The knots within the range are at knot + degree; equal ones (a value that
 * many rows share) are one knot, and what is left is spread evenly between its
 * neighbours so that their number stays. */
static void spread_equal(double *base, int64_t n)
{
    int64_t unique = 1;

    for (int64_t i = 1; i < n; i++)
        if (base[i] > base[unique - 1])
            base[unique++] = base[i];
    while (unique < n) {
        int64_t widest = 1;

        for (int64_t i = 2; i < unique; i++)
            if (base[i] - base[i - 1] > base[widest] - base[widest - 1])
                widest = i;
        memmove(base + widest + 1, base + widest,
                (size_t)(unique - widest) * sizeof(*base));
        base[widest] = base[widest - 1]
            + (base[widest + 1] - base[widest - 1]) / 2;
        unique++;
    }
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct spline_params *p = job->step->params;
    int64_t n = p->n_knots, d = p->degree;
    double *knot = job->knot + k * knot_count(p), *base = knot + d;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x
        && mls_quantiles(x, job->in->target->weight, job->in->table->rows,
                         job->probability, n, base, err);

    mls_free(x);
    if (!ok)
        return false;
    if (!(base[0] < base[n - 1])) {
        memset(knot, 0, (size_t)knot_count(p) * sizeof(*knot));
        return true;
    }
    if (!isfinite(base[n - 1] - base[0]))
        return mls_columns_fail(job->step, k,
                                "its values are too large for splines", err);
    spread_equal(base, n);
    for (int64_t i = 1; i <= d; i++) {
        base[-i] = base[0] - (double)i * (base[1] - base[0]);
        base[n - 1 + i] =
            base[n - 1] + (double)i * (base[n - 1] - base[n - 2]);
    }
    return true;
}

static bool note_constants(const struct mls_step *step,
                           const struct mls_run *run, const double *knot,
                           struct mls_error *err)
{
    const struct spline_params *p = step->params;
    uint8_t *constant = mls_new(step->input_count, 1, err);

    if (!constant)
        return false;
    for (int64_t k = 0; k < step->input_count; k++) {
        const double *base = knot + k * knot_count(p) + p->degree;

        constant[k] = base[0] == base[p->n_knots - 1];
    }
    mls_step_note(step, run, constant,
                  "has no two values in the training rows: it is left out");
    mls_free(constant);
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct spline_params *p = step->params;
    struct fit_job job = { .step = step, .in = in };
    int64_t shape[2] = { step->input_count, knot_count(p) };
    double *probability = mls_new_array(p->n_knots, sizeof(double), err);
    bool ok = probability != NULL;

    for (int64_t i = 0; ok && i < p->n_knots; i++)
        probability[i] = (double)i / (double)(p->n_knots - 1);
    job.probability = probability;
    if (ok)
        job.knot =
            mls_arrays_add(&step->arrays, "knot", MLS_F64, 2, shape, err);
    ok = job.knot
        && mls_parallel(in->run, step->input_count, fit_column, &job, err)
        && note_constants(step, in->run, job.knot, err);
    mls_free(probability);
    return ok;
}

/* ---- what was learned ---- */

static const double *knots_of(const struct mls_step *step, int64_t k)
{
    const double *knot = mls_columns_data(step, "knot");

    return knot + k * knot_count(step->params);
}

static bool is_made(const struct mls_step *step, int64_t k)
{
    const struct spline_params *p = step->params;
    const double *base = knots_of(step, k) + p->degree;

    return base[0] < base[p->n_knots - 1];
}

/* Ascending within the range, not descending outside of it; or all 0. */
static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const struct spline_params *p = step->params;
    int64_t n = knot_count(p);
    const double *all = mls_arrays_get(&step->arrays, "knot", MLS_F64,
                                       step->input_count * n, err);

    (void)in;
    for (int64_t k = 0; all && k < step->input_count; k++) {
        const double *knot = all + k * n;
        bool some = is_made(step, k);

        for (int64_t i = 0; i < n; i++)
            if (!isfinite(knot[i])
                || (some && i > 0 && !(knot[i] > knot[i - 1]))
                || (!some && knot[i] != 0))
                return mls_columns_refuse(step, "knots", err);
    }
    return all != NULL;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    int64_t count = is_made(step, k) ? made_count(step->params) : 0;
    bool ok = true;

    for (int64_t i = 0; ok && i < count; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "spline%d", (int)i + 1);

        ok = mls_plan_make_real(plan, field, ':', name, (size_t)length, err);
    }
    return ok;
}

/* ---- apply ---- */

/* The degree + 1 splines that are not 0 at x, from number *first on. */
static void evaluate(const double *knot, int64_t n_knots, int64_t degree,
                     double x, int64_t *first, double value[DEGREE_LIMIT + 1])
{
    const double *base = knot + degree;
    int64_t low = 0, high = n_knots - 1;

    x = x < base[0] ? base[0] : x > base[high] ? base[high] : x;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (x < base[middle])
            high = middle;
        else
            low = middle;
    }
    *first = low;
    value[0] = 1;
    for (int64_t d = 1; d <= degree; d++) {
        double carried = 0;

        for (int64_t i = 0; i < d; i++) {
            double right = base[low + 1 + i] - x;
            double left = x - base[low + 1 - d + i];
            double part = value[i] / (right + left);

            value[i] = carried + right * part;
            carried = left * part;
        }
        value[d] = carried;
    }
}

static void fill(const struct spline_params *p, const double *knot,
                 const double *x, int64_t rows, struct mls_column **made)
{
    int64_t count = made_count(p), first;
    double value[DEGREE_LIMIT + 1];

    for (int64_t c = 0; c < count; c++)
        for (int64_t i = 0; i < rows; i++)
            made[c]->real[i] = isnan(x[i]) ? NAN : 0;
    for (int64_t i = 0; i < rows; i++) {
        if (isnan(x[i]))
            continue;
        evaluate(knot, p->n_knots, p->degree, x[i], &first, value);
        for (int64_t j = 0; j <= p->degree && first + j < count; j++)
            made[first + j]->real[i] = value[j];
    }
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct spline_params *p = step->params;
    int64_t count = made_count(p);
    double *x = mls_new_array(in->rows, sizeof(*x), err);
    bool ok = x != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        if (!is_made(step, k))
            continue;
        for (int64_t c = 0; ok && c < count; c++) {
            made[c] = mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);
            ok = made[c] != NULL;
        }
        if (!ok)
            break;
        mls_column_reals(in->columns[step->input[k]], x);
        fill(p, knots_of(step, k), x, in->rows, made);
        made += count;
    }
    mls_free(x);
    return ok;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    const struct spline_params *p = step->params;
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);
        struct mls_json *knots = NULL;

        ok = column != NULL;
        if (ok)
            knots = mls_json_add_array(column, "knots", err);
        ok = knots != NULL;
        for (int64_t i = 0; ok && is_made(step, k) && i < p->n_knots; i++)
            ok = mls_json_add_real(knots, NULL,
                                   knots_of(step, k)[p->degree + i], err);
    }
    return ok;
}

const struct mls_step_type mls_step_spline = {
    .name = "spline",
    .family = "expand",
    .before = "scale",
    .summary = "a numeric column becomes smooth bumps over its range",
    .source = "Eilers & Marx (1996), Statistical Science 11(2), 89-121; de "
              "Boor (1978), A Practical Guide to Splines",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct spline_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
