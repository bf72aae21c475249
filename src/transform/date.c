/*
 * A date becomes numbers:
 *
 *   when                    :year :month :day :weekday :dayofyear :hour :elapsed
 *   2024-02-29T18:30   ->    2024    2    29      3        60       18    59.77
 *
 * weekday counts from Monday 0; elapsed is in days, from the first date of the
 * training rows, and not a whole number when there is a time of day.  A month,
 * a weekday or an hour p of n is a place on a circle, which a linear model can
 * only use as one: form=cyclic makes sin and cos of 2 pi p / n of each, named
 * :month_sin and :month_cos, in place of the number, form=both beside it.
 *
 * A part that is the same in all training rows (the hour, mostly) tells nothing
 * and is left out.  A missing date is missing in all its parts.  UTC.
 *
 *   array   type  a row of it, for input k
 *   origin  I64   microseconds at which elapsed is 0
 *   part    U8    inputs x 13 flags: 1 for each part that is made, in the order
 *                 of the table below
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/threads.h"
#include "table/date.h"
#include "transform/columns.h"
#include "transform/transforms.h"

enum form { PARTS, CYCLIC, BOTH };
static const char *const forms[] = { "parts", "cyclic", "both", NULL };

struct date_params {
    int form;
};

#define FIELD(name) #name, .at = offsetof(struct date_params, name)
static const struct mls_param params[] = {
    { FIELD(form), .kind = MLS_CHOICE, .choices = forms, .def = PARTS,
      .help = "cyclic: sine and cosine of month, weekday and hour in place of "
              "their numbers; both: beside them" },
    { 0 }
};

enum part {
    YEAR, MONTH, DAY, WEEKDAY, DAY_OF_YEAR, HOUR, ELAPSED,
    MONTH_SIN, MONTH_COS, WEEKDAY_SIN, WEEKDAY_COS, HOUR_SIN, HOUR_COS,
    PART_COUNT
};
static const struct {
    const char *name;
    unsigned forms;             /* bits of the forms that make it */
} part_table[PART_COUNT] = {
    [YEAR] = { "year", 1u << PARTS | 1u << CYCLIC | 1u << BOTH },
    [MONTH] = { "month", 1u << PARTS | 1u << BOTH },
    [DAY] = { "day", 1u << PARTS | 1u << CYCLIC | 1u << BOTH },
    [WEEKDAY] = { "weekday", 1u << PARTS | 1u << BOTH },
    [DAY_OF_YEAR] = { "dayofyear", 1u << PARTS | 1u << CYCLIC | 1u << BOTH },
    [HOUR] = { "hour", 1u << PARTS | 1u << BOTH },
    [ELAPSED] = { "elapsed", 1u << PARTS | 1u << CYCLIC | 1u << BOTH },
    [MONTH_SIN] = { "month_sin", 1u << CYCLIC | 1u << BOTH },
    [MONTH_COS] = { "month_cos", 1u << CYCLIC | 1u << BOTH },
    [WEEKDAY_SIN] = { "weekday_sin", 1u << CYCLIC | 1u << BOTH },
    [WEEKDAY_COS] = { "weekday_cos", 1u << CYCLIC | 1u << BOTH },
    [HOUR_SIN] = { "hour_sin", 1u << CYCLIC | 1u << BOTH },
    [HOUR_COS] = { "hour_cos", 1u << CYCLIC | 1u << BOTH },
};

/* Further from 1970 than any date that is read. */
#define ORIGIN_LIMIT (400000000000000000LL)

/* What is 0 comes out as 1e-16, which scaling would make a signal of. */
static double snap(double value)
{
    return fabs(value) < 1e-12 ? 0 : value;
}

static void circle(int place, int places, double *sine, double *cosine)
{
    double angle = 2 * 3.14159265358979323846 * place / places;

    *sine = snap(sin(angle));
    *cosine = snap(cos(angle));
}

static void split(int64_t time, int64_t origin, double value[PART_COUNT])
{
    struct mls_date_parts parts;

    if (time == MLS_TIME_MISSING) {
        for (int i = 0; i < PART_COUNT; i++)
            value[i] = NAN;
        return;
    }
    mls_date_split(time, &parts);
    value[YEAR] = parts.year;
    value[MONTH] = parts.month;
    value[DAY] = parts.day;
    value[WEEKDAY] = parts.weekday;
    value[DAY_OF_YEAR] = parts.day_of_year;
    value[HOUR] = parts.hour;
    value[ELAPSED] = (double)(time - origin) / 86400e6;
    circle(parts.month - 1, 12, &value[MONTH_SIN], &value[MONTH_COS]);
    circle(parts.weekday, 7, &value[WEEKDAY_SIN], &value[WEEKDAY_COS]);
    circle(parts.hour, 24, &value[HOUR_SIN], &value[HOUR_COS]);
}

/* ---- fit ---- */

struct fit_job {
    const struct mls_step *step;
    const struct mls_table *table;
    int64_t *origin;
    uint8_t *part;
};

/* The earliest date, or missing when there is none. */
static int64_t earliest(const struct mls_table *table, int64_t at)
{
    int64_t first = MLS_TIME_MISSING;

    for (int64_t b = 0; b < table->block_count; b++) {
        const struct mls_column *column = table->blocks[b]->columns[at];

        for (int64_t i = 0; i < column->rows; i++) {
            if (column->time[i] != MLS_TIME_MISSING
                && (first == MLS_TIME_MISSING || column->time[i] < first))
                first = column->time[i];
        }
    }
    return first;
}

/* Flags the parts that are not the same in all rows. */
static void find_varying(const struct mls_table *table, int64_t at,
                         int64_t origin, uint8_t *varies)
{
    double first[PART_COUNT], value[PART_COUNT];

    split(origin, origin, first);
    for (int64_t b = 0; b < table->block_count; b++) {
        const struct mls_column *column = table->blocks[b]->columns[at];

        for (int64_t i = 0; i < column->rows; i++) {
            if (column->time[i] == MLS_TIME_MISSING)
                continue;
            split(column->time[i], origin, value);
            for (int j = 0; j < PART_COUNT; j++)
                varies[j] |= value[j] != first[j];
        }
    }
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct date_params *p = job->step->params;
    uint8_t *part = job->part + k * PART_COUNT;
    int64_t at = job->step->input[k], origin = earliest(job->table, at);

    (void)err;
    if (origin == MLS_TIME_MISSING)
        return true;
    job->origin[k] = origin;
    find_varying(job->table, at, origin, part);
    for (int j = 0; j < PART_COUNT; j++)
        part[j] = part[j] && (part_table[j].forms & 1u << p->form);
    return true;
}

static bool note_constants(const struct mls_step *step,
                           const struct mls_run *run, const uint8_t *part,
                           struct mls_error *err)
{
    uint8_t *constant = mls_new(step->input_count, 1, err);

    if (!constant)
        return false;
    for (int64_t k = 0; k < step->input_count; k++)
        constant[k] = !part[k * PART_COUNT + ELAPSED];
    mls_step_note(step, run, constant,
                  "has no two dates in the training rows: it is left out");
    mls_free(constant);
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .table = in->table };
    int64_t shape[2] = { step->input_count, PART_COUNT };

    job.origin = mls_arrays_add1(&step->arrays, "origin", MLS_I64,
                                 step->input_count, err);
    if (job.origin)
        job.part = mls_arrays_add(&step->arrays, "part", MLS_U8, 2, shape,
                                  err);
    return job.part
        && mls_parallel(in->run, step->input_count, fit_column, &job, err)
        && note_constants(step, in->run, job.part, err);
}

/* ---- what was learned ---- */

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    int64_t n = step->input_count;
    const int64_t *origin =
        mls_arrays_get(&step->arrays, "origin", MLS_I64, n, err);
    const uint8_t *part =
        origin ? mls_arrays_get(&step->arrays, "part", MLS_U8,
                                n * PART_COUNT, err)
               : NULL;

    (void)in;
    if (!part)
        return false;
    for (int64_t k = 0; k < n; k++)
        if (origin[k] > ORIGIN_LIMIT || origin[k] < -ORIGIN_LIMIT)
            return mls_columns_refuse(step, "origin", err);
    for (int64_t i = 0; i < n * PART_COUNT; i++)
        if (part[i] > 1)
            return mls_columns_refuse(step, "part", err);
    return true;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    const uint8_t *part = mls_columns_data(step, "part");
    bool ok = true;

    for (int j = 0; ok && j < PART_COUNT; j++) {
        const char *name = part_table[j].name;

        if (part[k * PART_COUNT + j])
            ok = mls_plan_make_real(plan, field, ':', name, strlen(name), err);
    }
    return ok;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const uint8_t *part = mls_columns_data(step, "part");
    const int64_t *origin = mls_columns_data(step, "origin");
    double value[PART_COUNT];

    for (int64_t k = 0; k < step->input_count; k++) {
        const struct mls_column *column = in->columns[step->input[k]];
        int which[PART_COUNT], count = 0;

        for (int j = 0; j < PART_COUNT; j++)
            if (part[k * PART_COUNT + j])
                which[count++] = j;
        for (int c = 0; c < count; c++) {
            made[c] = mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);
            if (!made[c])
                return false;
        }
        for (int64_t i = 0; count > 0 && i < in->rows; i++) {
            split(column->time[i], origin[k], value);
            for (int c = 0; c < count; c++)
                made[c]->real[i] = value[which[c]];
        }
        made += count;
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    const uint8_t *part = mls_columns_data(step, "part");
    const int64_t *origin = mls_columns_data(step, "origin");
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);
        struct mls_json *parts = NULL;
        char text[MLS_DATE_TEXT];

        mls_date_format(origin[k], MLS_DATE_ISO, true, text);
        ok = column != NULL
            && mls_json_add_text(column, "origin", text, err);
        if (ok)
            parts = mls_json_add_array(column, "parts", err);
        ok = parts != NULL;
        for (int j = 0; ok && j < PART_COUNT; j++)
            if (part[k * PART_COUNT + j])
                ok = mls_json_add_text(parts, NULL, part_table[j].name, err);
    }
    return ok;
}

const struct mls_step_type mls_step_date = {
    .name = "date",
    .family = "dates",
    .primary = "form",
    .before = "impute scale",
    .summary = "a date becomes year, month, day, ... as numbers",
    .source = "Jammalamadaka & SenGupta (2001), Topics in Circular Statistics, "
              "for the circles",
    .fits = MLS_KIND_BIT(MLS_KIND_DATE),
    .params = params,
    .params_size = sizeof(struct date_params),
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
