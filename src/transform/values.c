/*
 * Beside a numeric column that holds few whole numbers, one column of 0 and 1
 * for each of them, named COL=VALUE:
 *
 *   rooms          rooms  rooms=1  rooms=2  rooms=4
 *     2     ->       2       0        1        0
 *   (missing)     (missing)  0        0        0
 *     3 (unseen)     3       0        0        0
 *
 * A linear model then follows the number as a line and departs from it where
 * the rows say so: shrunk, as a penalty shrinks all columns, so that a value
 * with few rows stays near the line.  Columns of other numbers are left as they
 * are: those with a part of a whole, with two values (a line is all there is),
 * and with more than max_values.  All columns made together must leave min_rows
 * rows for each: those of the inputs with the fewest values come first, in the
 * order of the inputs, and an input that finds no room is left as it is.
 *
 * The columns are sparse, as those of onehot.
 *
 *   array  type  holds
 *   first  I64   input k has values first[k] .. first[k + 1]
 *   value  F64   ascending within an input
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "transform/columns.h"
#include "transform/transforms.h"

enum { MOST_VALUES = 1000 };

struct values_params {
    int64_t max_values;
    double min_rows;
};

#define FIELD(name) #name, .at = offsetof(struct values_params, name)
static const struct mls_param params[] = {
    { FIELD(max_values), .kind = MLS_INTEGER, .def = 20, .min = 3,
      .max = MOST_VALUES,
      .help = "columns with more values are left as they are" },
    { FIELD(min_rows), .kind = MLS_REAL, .def = 5, .min = 0, .max = 1e9,
      .help = "columns are made as long as there are so many rows (their "
              "weight) for each, fewest values first" },
    { 0 }
};

/* The values of one input while fitting. */
struct found {
    double *value;
    int64_t count;              /* 0: not such a column */
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    struct found *found;
};

/* Where value stands or belongs in ascending order. */
static int64_t place_of(const double *value, int64_t count, double x)
{
    int64_t low = 0;

    while (low < count) {
        int64_t middle = low + (count - low) / 2;

        if (value[middle] < x)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* False when the column is not one of few whole numbers. */
static bool add_value(double *value, int64_t *count, double x, int64_t limit)
{
    int64_t at = place_of(value, *count, x);

    if (at < *count && value[at] == x)
        return true;
    if (*count == limit || !isfinite(x) || x != rint(x))
        return false;
    memmove(value + at + 1, value + at,
            (size_t)(*count - at) * sizeof(double));
    value[at] = x + 0.0;        /* no -0 */
    ++*count;
    return true;
}

/* The values of input k into value, as long as they are few. */
static int64_t find_values(const struct fit_job *job, int64_t k, double *x,
                           double *value)
{
    const struct values_params *p = job->step->params;
    const struct mls_table *table = job->in->table;
    int64_t count = 0;

    for (int64_t first = 0; first < table->rows; first += MLS_BLOCK_ROWS) {
        int64_t rows = table->rows - first;

        rows = rows < MLS_BLOCK_ROWS ? rows : MLS_BLOCK_ROWS;
        mls_table_reals(table, job->step->input[k], first, rows, x);
        for (int64_t i = 0; i < rows; i++) {
            if (!isnan(x[i]) && !add_value(value, &count, x[i], p->max_values))
                return 0;
        }
    }
    return count < 3 ? 0 : count;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    const struct fit_job *job = context;
    const struct values_params *p = job->step->params;
    struct found *found = &job->found[k];
    int64_t rows = job->in->table->rows;
    double *x = mls_new_array(rows < MLS_BLOCK_ROWS ? rows : MLS_BLOCK_ROWS,
                              sizeof(*x), err);
    double *value =
        x ? mls_new_array(p->max_values, sizeof(*value), err) : NULL;
    bool ok = value != NULL;

    if (ok)
        found->count = find_values(job, k, x, value);
    if (ok && found->count > 0) {
        found->value = mls_new_array(found->count, sizeof(double), err);
        ok = found->value != NULL;
        if (ok)
            memcpy(found->value, value,
                   (size_t)found->count * sizeof(double));
    }
    mls_free(value);
    mls_free(x);
    return ok;
}

/* Inputs that find no room are left as they are. */
static void share_rows(const struct fit_job *job)
{
    const struct values_params *p = job->step->params;
    const double *w = job->in->target->weight;
    double rows = w ? 0 : (double)job->in->table->rows, used = 0;

    for (int64_t i = 0; w && i < job->in->table->rows; i++)
        rows += w[i];
    for (int64_t count = 3; count <= p->max_values; count++) {
        for (int64_t k = 0; k < job->step->input_count; k++) {
            if (job->found[k].count != count)
                continue;
            if ((used + (double)count) * p->min_rows <= rows)
                used += (double)count;
            else
                job->found[k].count = 0;
        }
    }
}

static bool save(struct mls_step *step, const struct found *found,
                 struct mls_error *err)
{
    int64_t n = step->input_count;
    int64_t *first =
        mls_arrays_add1(&step->arrays, "first", MLS_I64, n + 1, err);
    double *value;

    if (!first)
        return false;
    first[0] = 0;
    for (int64_t k = 0; k < n; k++)
        first[k + 1] = first[k] + found[k].count;
    value = mls_arrays_add1(&step->arrays, "value", MLS_F64, first[n], err);
    for (int64_t k = 0; value && k < n; k++) {
        if (found[k].count > 0)
            memcpy(value + first[k], found[k].value,
                   (size_t)found[k].count * sizeof(double));
    }
    return value != NULL;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    bool ok;

    job.found = mls_new(step->input_count, sizeof(*job.found), err);
    ok = job.found
        && mls_parallel(in->run, step->input_count, fit_column, &job, err);
    if (ok) {
        share_rows(&job);
        ok = save(step, job.found, err);
    }
    for (int64_t k = 0; job.found && k < step->input_count; k++)
        mls_free(job.found[k].value);
    mls_free(job.found);
    return ok;
}

/* ---- What was learned ---- */

static const double *values_of(const struct mls_step *step, int64_t k,
                               int64_t *count)
{
    const int64_t *first = mls_columns_data(step, "first");
    const double *value = mls_columns_data(step, "value");

    *count = first[k + 1] - first[k];
    return value + first[k];
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    int64_t n = step->input_count;
    const int64_t *first =
        mls_arrays_get(&step->arrays, "first", MLS_I64, n + 1, err);
    const double *value;

    (void)in;
    if (!first)
        return false;
    if (first[0] != 0)
        return mls_columns_refuse(step, "values", err);
    for (int64_t k = 0; k < n; k++) {
        if (first[k + 1] < first[k]
            || first[k + 1] - first[k] > MOST_VALUES)
            return mls_columns_refuse(step, "values", err);
    }
    value = mls_arrays_get(&step->arrays, "value", MLS_F64, first[n], err);
    for (int64_t k = 0; value && k < n; k++) {
        for (int64_t i = first[k]; i < first[k + 1]; i++) {
            if (!isfinite(value[i])
                || (i > first[k] && !(value[i] > value[i - 1])))
                return mls_columns_refuse(step, "values", err);
        }
    }
    return value != NULL;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    int64_t count;
    const double *value = values_of(step, k, &count);
    bool ok = mls_plan_keep(plan, err);

    for (int64_t i = 0; ok && i < count; i++) {
        char text[MLS_REAL_TEXT];
        size_t length = mls_format_real(value[i], text);

        ok = mls_plan_make_real(plan, field, '=', text, length, err);
    }
    return ok;
}

/* ---- apply ---- */

/* The columns of one input; number and size are scratch. */
static bool spread(const double *value, int64_t count, const double *x,
                   int64_t rows, int32_t *number, int64_t *size,
                   struct mls_column **made, struct mls_error *err)
{
    memset(size, 0, (size_t)count * sizeof(*size));
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = isnan(x[i]) ? count : place_of(value, count, x[i]);

        number[i] = at < count && value[at] == x[i] ? (int32_t)at : -1;
        if (number[i] >= 0)
            size[at]++;
    }
    for (int64_t c = 0; c < count; c++) {
        made[c] = mls_column_new(MLS_STORE_SPARSE, rows, size[c], false, err);
        if (!made[c])
            return false;
        size[c] = 0;
    }
    for (int64_t i = 0; i < rows; i++) {
        int32_t c = number[i];

        if (c >= 0)
            made[c]->sparse.row[size[c]++] = (uint16_t)i;
    }
    return true;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    double *x = mls_new_array(in->rows, sizeof(*x), err);
    int32_t *number = x ? mls_new_array(in->rows, sizeof(*number), err) : NULL;
    int64_t *size =
        number ? mls_new_array(MOST_VALUES, sizeof(*size), err) : NULL;
    bool ok = size != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        int64_t count;
        const double *value = values_of(step, k, &count);

        if (count == 0)
            continue;
        mls_column_reals(in->columns[step->input[k]], x);
        ok = spread(value, count, x, in->rows, number, size, made, err);
        made += count;
    }
    mls_free(size);
    mls_free(number);
    mls_free(x);
    return ok;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        int64_t count;
        const double *value = values_of(step, k, &count);
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);
        struct mls_json *list = NULL;

        ok = column != NULL;
        if (ok)
            list = mls_json_add_array(column, "values", err);
        ok = list != NULL;
        for (int64_t i = 0; ok && i < count; i++)
            ok = mls_json_add_real(list, NULL, value[i], err);
    }
    return ok;
}

const struct mls_step_type mls_step_values = {
    .name = "values",
    .family = "expand",
    .before = "impute scale",
    .summary = "a column of 0 and 1 for each value of a column of few whole "
               "numbers, beside it",
    .source = "Suits (1957), Journal of the American Statistical Association "
              "52, 548-551",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct values_params),
    .takes = mls_columns_take_dense,
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
