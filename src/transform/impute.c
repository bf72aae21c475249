/*
 * Fills missing cells with one value a column, learned from the training rows:
 * the median, the mean, the commonest value, or one the user gives.
 *
 *   array      type  a cell of it, for input k
 *   fill       F64   the value (a level's code for coded columns); NaN: the
 *                    column is passed on as it is
 *   indicator  U8    1: a column NAME:missing of 0 and 1 is made too
 *
 * Columns of categories have no median or mean.  With no columns named those
 * two strategies leave them alone, for encoders treat missing cells as a level
 * of its own; the constant fills those columns it is a value of.  A column of
 * which no training row has a value gets 0 under median and mean, which is
 * said; under mode it stays as it is.
 *
 * Little & Rubin, Statistical Analysis with Missing Data, 4.2.  The mean of the
 * column keeps a linear model's intercept, the median is not moved by a few
 * wild cells; what either does to the variance the indicator can give back.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "stats/summary.h"
#include "transform/columns.h"
#include "transform/transforms.h"

enum strategy { MEDIAN, MEAN, MODE, CONSTANT, NONE };
static const char *const strategies[] = { "median", "mean", "mode", "constant",
                                          "none", NULL };

struct impute_params {
    int strategy;
    char *value;
    bool indicator;
};

#define FIELD(name) #name, .at = offsetof(struct impute_params, name)
static const struct mls_param params[] = {
    { FIELD(strategy), .kind = MLS_CHOICE, .choices = strategies, .def = MEDIAN,
      .help = "what a missing cell becomes" },
    { FIELD(value), .alias = "fill_value", .kind = MLS_TEXT,
      .help = "with strategy constant: the number or level filled in" },
    { FIELD(indicator), .alias = "add_indicator", .kind = MLS_FLAG, .def = 0,
      .help = "also make a column NAME:missing, 1 where the cell was missing" },
    { 0 }
};

static bool is_coded(const struct mls_field *field)
{
    return (MLS_KINDS_CODED & MLS_KIND_BIT(field->kind)) != 0;
}

/* The constant as a cell of a column; false when it is no value of it. */
static bool constant_of(const char *value, const struct mls_field *field,
                        double *cell)
{
    if (is_coded(field)) {
        uint32_t code = mls_dictionary_find(field->dictionary, value,
                                            strlen(value));

        *cell = code;
        return code != MLS_CODE_MISSING;
    }
    return mls_parse_real(value, strlen(value), '.', cell, NULL);
}

static bool takes(const struct mls_step *step, const struct mls_field *field,
                  enum mls_storage storage, struct mls_error *err)
{
    const struct impute_params *p = step->params;
    bool named = mls_step_names_columns(step);
    double cell;

    if (is_coded(field) && (p->strategy == MEDIAN || p->strategy == MEAN)) {
        mls_fail(err, MLS_DATA, "step %s: a %s column has no %s", step->name,
                 mls_kind_name(field->kind), strategies[p->strategy]);
        return mls_fail_fix(err, "use strategy=mode, or --encode onehot, which "
                                 "needs no filling");
    }
    if (p->strategy == CONSTANT && p->value
        && !constant_of(p->value, field, &cell)) {
        mls_fail(err, MLS_DATA, "step %s: \"%s\" is %s", step->name,
                 mls_show_text(p->value).text,
                 is_coded(field) ? "no level of the column" : "not a number");
        return mls_fail_fix(err, "give another value, or name only the columns "
                                 "it is meant for");
    }
    /* Sparse columns come from steps that leave nothing missing; and a coded
     * column of which nothing is filled would only get an indicator, which
     * encoders make themselves. */
    if (!named
        && (storage == MLS_STORE_SPARSE
            || (is_coded(field) && p->strategy == NONE)))
        return mls_fail(err, MLS_DATA, "step %s leaves it alone", step->name);
    return true;
}

/* ---- fit ---- */

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    double *fill;
    uint8_t *indicator;
    uint8_t *empty;             /* no training row has a value */
};

/* The value with the largest weight, of equals the smallest; for codes that is
 * the first level in byte order. */
static bool find_mode(const double *x, const double *w, int64_t n, double *mode,
                      struct mls_error *err)
{
    int64_t *order = mls_new_array(n, sizeof(*order), err);
    double best = 0;

    if (!order)
        return false;
    if (!mls_order_reals(x, n, order, err)) {
        mls_free(order);
        return false;
    }
    for (int64_t i = 0, next; i < n && !isnan(x[order[i]]); i = next) {
        double weight = 0;

        for (next = i; next < n && x[order[next]] == x[order[i]]; next++)
            weight += w ? w[order[next]] : 1;
        if (weight > best) {
            best = weight;
            *mode = x[order[i]];
        }
    }
    mls_free(order);
    return true;
}

static bool find_mean(const struct mls_run *run, const double *x,
                      const double *w, int64_t n, double *mean,
                      struct mls_error *err)
{
    struct mls_moments moments;

    if (!mls_moments(run, x, w, n, &moments, err))
        return false;
    *mean = moments.count > 0 ? moments.mean : NAN;
    return true;
}

static bool find_fill(const struct fit_job *job, int64_t k, const double *x,
                      double *fill, struct mls_error *err)
{
    const struct impute_params *p = job->step->params;
    const double *w = job->in->target->weight, half = 0.5;
    int64_t n = job->in->table->rows;
    const struct mls_field *field =
        &job->in->table->schema.fields[job->step->input[k]];

    *fill = NAN;
    switch ((enum strategy)p->strategy) {
    case MEDIAN:
        return mls_quantiles(x, w, n, &half, 1, fill, err);
    case MEAN:
        return find_mean(job->in->run, x, w, n, fill, err);
    case MODE:
        return find_mode(x, w, n, fill, err);
    case CONSTANT:
        return constant_of(p->value, field, fill)
            || mls_fail(err, MLS_DATA, "step %s: \"%s\" is no value of it",
                        job->step->name, mls_show_text(p->value).text);
    case NONE:
        break;
    }
    return true;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct impute_params *p = job->step->params;
    int64_t n = job->in->table->rows, missing = 0;
    double *x = mls_step_gather(job->step, job->in, k, err);
    bool ok = x && find_fill(job, k, x, &job->fill[k], err);

    for (int64_t i = 0; ok && i < n; i++)
        missing += isnan(x[i]) != 0;
    mls_free(x);
    if (!ok)
        return false;
    if (isinf(job->fill[k])) {
        mls_fail(err, MLS_DATA, "step %s: its values are too large for a %s",
                 job->step->name, strategies[p->strategy]);
        return mls_fail_at(err, NULL, 0, 0, job->step->input_names.items[k]);
    }
    job->indicator[k] = p->indicator && missing > 0;
    job->empty[k] = missing == n && isnan(job->fill[k]) && p->strategy != NONE;
    if (job->empty[k] && p->strategy != MODE)
        job->fill[k] = 0;
    return true;
}

static bool check_params(const struct mls_step *step, struct mls_error *err)
{
    const struct impute_params *p = step->params;

    if ((p->strategy == CONSTANT) == (p->value != NULL))
        return true;
    if (p->value)
        mls_fail(err, MLS_USAGE, "step %s: value is for strategy constant only",
                 step->name);
    else
        mls_fail(err, MLS_USAGE, "step %s: strategy constant needs a value",
                 step->name);
    return mls_fail_fix(err, "--set %s.strategy=constant --set %s.value=0",
                        step->name, step->name);
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct impute_params *p = step->params;
    struct fit_job job = { .step = step, .in = in };
    bool ok = check_params(step, err);

    if (ok) {
        job.fill = mls_arrays_add1(&step->arrays, "fill", MLS_F64,
                                   step->input_count, err);
        ok = job.fill != NULL;
    }
    if (ok) {
        job.indicator = mls_arrays_add1(&step->arrays, "indicator", MLS_U8,
                                        step->input_count, err);
        ok = job.indicator != NULL;
    }
    if (ok) {
        job.empty = mls_new(step->input_count, 1, err);
        ok = job.empty
            && mls_parallel(in->run, step->input_count, fit_column, &job, err);
    }
    if (ok)
        mls_step_note(step, in->run, job.empty,
                      p->strategy == MODE
                          ? "has no value in the training rows: left missing"
                          : "has no value in the training rows: filled with 0");
    mls_free(job.empty);
    return ok;
}

/* ---- what was learned ---- */

/* The arrays, which check has seen. */
static const double *fills(const struct mls_step *step)
{
    return mls_arrays_find(&step->arrays, "fill")->data;
}

static const uint8_t *indicators(const struct mls_step *step)
{
    return mls_arrays_find(&step->arrays, "indicator")->data;
}

static bool is_cell(double fill, const struct mls_field *field)
{
    if (isnan(fill))
        return true;
    if (is_coded(field))
        return fill >= 0 && fill < (double)field->dictionary->count
            && fill == floor(fill);
    return isfinite(fill);
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    int64_t n = step->input_count;
    const double *fill =
        mls_arrays_get(&step->arrays, "fill", MLS_F64, n, err);
    const uint8_t *indicator =
        fill ? mls_arrays_get(&step->arrays, "indicator", MLS_U8, n, err)
             : NULL;

    if (!indicator)
        return false;
    for (int64_t k = 0; k < n; k++) {
        if (!is_cell(fill[k], &in->fields[step->input[k]])
            || indicator[k] > 1) {
            mls_fail(err, MLS_MODEL_FILE, "step %s holds no valid fill",
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
    double fill = fills(step)[k];
    struct mls_field filled = *field;
    bool ok;

    /* A whole number leaves a column of integers what it is. */
    if (field->kind == MLS_KIND_INTEGER
        && (fill != floor(fill) || fabs(fill) > 9007199254740992.0))
        filled.kind = MLS_KIND_REAL;
    ok = isnan(fill) ? mls_plan_keep(plan, err)
                     : mls_plan_make(plan, &filled, err);
    if (ok && indicators(step)[k])
        ok = mls_plan_make_real(plan, field, ':', "missing", 7, err);
    return ok;
}

/* ---- apply ---- */

/* The rows of a column that are missing, ascending; returns how many. */
static int64_t find_missing(const struct mls_column *column, uint16_t *rows)
{
    int64_t count = 0;

    switch (column->storage) {
    case MLS_STORE_CODE:
        for (int64_t i = 0; i < column->rows; i++) {
            if (column->code[i] == MLS_CODE_MISSING)
                rows[count++] = (uint16_t)i;
        }
        break;
    case MLS_STORE_SPARSE:
        for (int64_t i = 0; column->sparse.value && i < column->sparse.count;
             i++) {
            if (isnan(column->sparse.value[i]))
                rows[count++] = column->sparse.row[i];
        }
        break;
    default:
        for (int64_t i = 0; i < column->rows; i++) {
            if (isnan(column->real[i]))
                rows[count++] = (uint16_t)i;
        }
        break;
    }
    return count;
}

static struct mls_column *fill_column(struct mls_column *in, double fill,
                                      const uint16_t *rows, int64_t count,
                                      struct mls_error *err)
{
    bool coded = in->storage == MLS_STORE_CODE;
    struct mls_column *out;

    if (count == 0)
        return mls_column_share(in);
    out = mls_column_new(coded ? MLS_STORE_CODE : MLS_STORE_REAL, in->rows, 0,
                         false, err);
    if (!out)
        return NULL;
    if (coded) {
        memcpy(out->code, in->code, (size_t)in->rows * sizeof(*out->code));
        for (int64_t i = 0; i < count; i++)
            out->code[rows[i]] = (uint32_t)fill;
    } else {
        mls_column_reals(in, out->real);
        for (int64_t i = 0; i < count; i++)
            out->real[rows[i]] = fill;
    }
    return out;
}

static struct mls_column *mark_rows(int64_t rows, const uint16_t *marked,
                                    int64_t count, struct mls_error *err)
{
    struct mls_column *out =
        mls_column_new(MLS_STORE_SPARSE, rows, count, false, err);

    if (out && count > 0)
        memcpy(out->sparse.row, marked, (size_t)count * sizeof(*marked));
    return out;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const double *fill = fills(step);
    const uint8_t *indicator = indicators(step);
    uint16_t *missing = mls_new_array(in->rows, sizeof(*missing), err);
    int64_t m = 0;
    bool ok = missing != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_column *column = in->columns[step->input[k]];
        int64_t count = find_missing(column, missing);

        if (!isnan(fill[k])) {
            made[m] = fill_column(column, fill[k], missing, count, err);
            ok = made[m++] != NULL;
        }
        if (ok && indicator[k]) {
            made[m] = mark_rows(in->rows, missing, count, err);
            ok = made[m++] != NULL;
        }
    }
    mls_free(missing);
    return ok;
}

/* A code is shown as its level: the filled column has the dictionary. */
static bool describe_fill(const struct mls_step *step, int64_t k,
                          struct mls_json *to, struct mls_error *err)
{
    const char *name = step->input_names.items[k];
    const struct mls_field *field =
        &step->plan.out.fields[mls_schema_find(&step->plan.out, name)];
    double fill = fills(step)[k];
    const char *level;
    size_t length;
    char *text;
    bool ok;

    if (!is_coded(field) || isnan(fill))
        return mls_json_add_real(to, "fill", fill, err);
    level = mls_dictionary_level(field->dictionary, (uint32_t)fill, &length);
    text = mls_copy_bytes(level, length, err);
    ok = text && mls_json_add_text(to, "fill", text, err);
    mls_free(text);
    return ok;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);

        ok = column != NULL
            && describe_fill(step, k, column, err)
            && mls_json_add_bool(column, "indicator", indicators(step)[k],
                                 err);
    }
    return ok;
}

const struct mls_step_type mls_step_impute = {
    .name = "impute",
    .family = "impute",
    .primary = "strategy",
    .summary = "fills missing cells with one value a column",
    .source = "Little & Rubin (2019), Statistical Analysis with Missing Data, "
              "section 4.2",
    .fits = MLS_KINDS_NUMERIC | MLS_KINDS_CODED,
    .params = params,
    .params_size = sizeof(struct impute_params),
    .takes = takes,
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
