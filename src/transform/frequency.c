/*
 * A level becomes its share of the training rows that have a value (or, with
 * count, their total weight).  How common a level is often says as much as
 * which it is, in one column however many levels there are.  A level that no
 * training row has becomes 0, a missing cell stays missing.
 *
 *   array      type  holds
 *   level...         the levels of each input (levels.h)
 *   frequency  F64   one for each level, in their order
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "transform/columns.h"
#include "transform/levels.h"
#include "transform/transforms.h"

struct frequency_params {
    bool count;
};

#define FIELD(name) #name, .at = offsetof(struct frequency_params, name)
static const struct mls_param params[] = {
    { FIELD(count), .kind = MLS_FLAG, .def = 0,
      .help = "the number of rows (their weight), not the share" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    struct mls_level_list *lists;
    double **weight;            /* by code, one array an input */
};

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct mls_dictionary *dictionary =
        job->in->table->schema.fields[job->step->input[k]].dictionary;
    bool ok;

    job->weight[k] = mls_levels_weigh(job->step, job->in, k,
                                      &job->lists[k].missing, err);
    ok = job->weight[k] != NULL;
    for (int64_t c = 0; ok && c < dictionary->count; c++)
        ok = !(job->weight[k][c] > 0)
            || mls_levels_add(&job->lists[k], dictionary, (uint32_t)c, err);
    return ok;
}

static bool save(struct mls_step *step, const struct fit_job *job,
                 struct mls_error *err)
{
    const struct frequency_params *p = step->params;
    const int64_t *first = mls_columns_data(step, "first");
    double *frequency =
        mls_arrays_add1(&step->arrays, "frequency", MLS_F64,
                        first[step->input_count], err);

    if (!frequency)
        return false;
    for (int64_t k = 0; k < step->input_count; k++) {
        int64_t codes = job->in->table->schema.fields[step->input[k]]
                            .dictionary->count;
        double total = 0;

        for (int64_t c = 0; c < codes; c++)
            total += job->weight[k][c];
        for (int64_t c = 0; c < codes; c++)
            if (job->weight[k][c] > 0)
                *frequency++ = job->weight[k][c] / (p->count ? 1 : total);
    }
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    int64_t n = step->input_count;
    bool ok;

    job.lists = mls_new(n, sizeof(*job.lists), err);
    if (job.lists)
        job.weight = mls_new(n, sizeof(double *), err);
    ok = job.weight && mls_parallel(in->run, n, fit_column, &job, err)
        && mls_levels_save(step, job.lists, err) && save(step, &job, err);
    for (int64_t k = 0; job.weight && k < n; k++)
        mls_free(job.weight[k]);
    mls_free(job.weight);
    mls_level_lists_free(job.lists, n);
    return ok;
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const double *frequency;
    int64_t total;

    if (!mls_levels_check(step, in, err))
        return false;
    total = mls_levels_of(step)->first[step->input_count];
    frequency =
        mls_arrays_get(&step->arrays, "frequency", MLS_F64, total, err);
    for (int64_t i = 0; frequency && i < total; i++)
        if (!isfinite(frequency[i]) || frequency[i] < 0)
            return mls_columns_refuse(step, "frequency", err);
    return frequency != NULL;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    const double *frequency = mls_columns_data(step, "frequency");

    for (int64_t k = 0; k < step->input_count; k++) {
        const struct mls_column *column = in->columns[step->input[k]];

        made[k] = mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);
        if (!made[k])
            return false;
        for (int64_t i = 0; i < in->rows; i++) {
            int32_t number = mls_levels_number(levels, k, column->code[i]);

            made[k]->real[i] = column->code[i] == MLS_CODE_MISSING ? NAN
                : number < 0 ? 0 : frequency[levels->first[k] + number];
        }
    }
    return true;
}

static bool describe_column(const struct mls_step *step, int64_t k,
                            struct mls_json *to, struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    const double *frequency = mls_columns_data(step, "frequency");
    bool ok = true;

    for (int64_t i = 0; ok && i < mls_levels_count(levels, k); i++) {
        size_t length;
        const char *bytes = mls_levels_text(levels, k, i, &length);
        char *text = mls_copy_bytes(bytes, length, err);
        struct mls_json *item =
            text ? mls_json_add_object(to, NULL, err) : NULL;

        ok = item && mls_json_add_text(item, "level", text, err)
            && mls_json_add_real(item, "frequency",
                                 frequency[levels->first[k] + i], err);
        mls_free(text);
    }
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
        struct mls_json *levels = NULL;

        ok = column != NULL;
        if (ok)
            levels = mls_json_add_array(column, "levels", err);
        ok = levels && describe_column(step, k, levels, err);
    }
    return ok;
}

const struct mls_step_type mls_step_frequency = {
    .name = "frequency",
    .family = "encode",
    .summary = "each level becomes its share of the training rows",
    .source = "Pargent et al. (2022), Computational Statistics 37, 2671-2692",
    .fits = MLS_KINDS_CODED,
    .params = params,
    .params_size = sizeof(struct frequency_params),
    .fit = fit,
    .check = check,
    .plan_input = mls_columns_plan_real,
    .apply = apply,
    .describe = describe,
};
