/*
 * One column of 0 and 1 for each level seen in the training rows, named
 * COL=LEVEL, in byte order of the levels:
 *
 *   city                city=Bergen  city=Oslo  city:missing
 *   Oslo       ->            0           1           0
 *   (missing)                0           0           1
 *   Tromso (unseen)          0           0           0
 *
 * The columns are sparse: a cell costs memory only where it is 1.  A column of
 * two levels with nothing missing needs only the last one's: the other is its
 * mirror.  Arrays: the levels that got a column (levels.h), and
 *
 *   missing   U8   1: a column COL:missing is made
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"
#include "transform/columns.h"
#include "transform/levels.h"
#include "transform/transforms.h"

struct onehot_params {
    bool binary, missing;
    int64_t max_levels;
};

#define FIELD(name) #name, .at = offsetof(struct onehot_params, name)
static const struct mls_param params[] = {
    { FIELD(binary), .kind = MLS_FLAG, .def = 1,
      .help = "one column, not two, for two levels and nothing missing" },
    { FIELD(missing), .kind = MLS_FLAG, .def = 1,
      .help = "a column NAME:missing when training cells are missing" },
    { FIELD(max_levels), .kind = MLS_INTEGER, .def = 1000, .min = 1, .max = 1e6,
      .help = "at most so many levels a column, the most frequent" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    struct mls_level_list *lists;
    uint8_t *cut;               /* has more levels than max_levels */
};

/* Sets all but the limit heaviest weights to 0; of equals at the border the
 * first codes stay, which is byte order. */
static bool keep_heaviest(double *weight, int64_t count, int64_t limit,
                          struct mls_error *err)
{
    double *sorted = mls_new_array(count, sizeof(*sorted), err);
    double border;
    int64_t above = 0;

    if (!sorted)
        return false;
    memcpy(sorted, weight, (size_t)count * sizeof(*sorted));
    mls_sort_reals(sorted, count);
    border = sorted[count - limit];
    mls_free(sorted);
    for (int64_t c = 0; c < count; c++)
        above += weight[c] > border;
    for (int64_t c = 0; c < count; c++) {
        if (weight[c] > border)
            continue;
        if (weight[c] == border && above < limit)
            above++;
        else
            weight[c] = 0;
    }
    return true;
}

/* Levels that get a column: those with weight, less the first of just two. */
static bool list_levels(const struct fit_job *job, int64_t k,
                        const double *weight, int64_t seen,
                        struct mls_error *err)
{
    const struct onehot_params *p = job->step->params;
    const struct mls_dictionary *dictionary =
        job->in->table->schema.fields[job->step->input[k]].dictionary;
    bool skip = p->binary && seen == 2 && !job->cut[k]
        && job->lists[k].missing == 0;

    for (int64_t c = 0; c < dictionary->count; c++) {
        if (!(weight[c] > 0))
            continue;
        if (!skip
            && !mls_levels_add(&job->lists[k], dictionary, (uint32_t)c, err))
            return false;
        skip = false;
    }
    return true;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct onehot_params *p = job->step->params;
    int64_t count, seen = 0;
    double *weight;
    bool ok = true;

    count = job->in->table->schema.fields[job->step->input[k]]
                .dictionary->count;
    weight = mls_levels_weigh(job->step, job->in, k, &job->lists[k].missing,
                              err);
    if (!weight)
        return false;
    for (int64_t c = 0; c < count; c++)
        seen += weight[c] > 0;
    job->cut[k] = seen > p->max_levels;
    if (job->cut[k])
        ok = keep_heaviest(weight, count, p->max_levels, err);
    ok = ok && list_levels(job, k, weight, seen, err);
    mls_free(weight);
    return ok;
}

static bool save(struct mls_step *step, const struct fit_job *job,
                 struct mls_error *err)
{
    const struct onehot_params *p = step->params;
    uint8_t *missing = mls_arrays_add1(&step->arrays, "missing", MLS_U8,
                                       step->input_count, err);

    if (!missing)
        return false;
    for (int64_t k = 0; k < step->input_count; k++)
        missing[k] = p->missing && job->lists[k].missing > 0;
    return mls_levels_save(step, job->lists, err);
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    int64_t n = step->input_count;
    bool ok;

    job.lists = mls_new(n, sizeof(*job.lists), err);
    if (job.lists)
        job.cut = mls_new(n, 1, err);
    ok = job.cut && mls_parallel(in->run, n, fit_column, &job, err)
        && save(step, &job, err);
    if (ok)
        mls_step_note(step, in->run, job.cut,
                      "has more levels than max_levels: only the most frequent "
                      "get a column (--encode ordinal makes one of them all)");
    mls_free(job.cut);
    mls_level_lists_free(job.lists, n);
    return ok;
}

/* The array, which check has seen. */
static const uint8_t *marks_missing(const struct mls_step *step)
{
    return mls_arrays_find(&step->arrays, "missing")->data;
}

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const uint8_t *missing = mls_arrays_get(&step->arrays, "missing", MLS_U8,
                                            step->input_count, err);

    if (!missing)
        return false;
    for (int64_t k = 0; k < step->input_count; k++) {
        if (missing[k] > 1)
            return mls_fail(err, MLS_MODEL_FILE,
                            "step %s holds a flag that is neither 0 nor 1",
                            step->name);
    }
    return mls_levels_check(step, in, err);
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    bool ok = true;

    for (int64_t i = 0; ok && i < mls_levels_count(levels, k); i++) {
        size_t length;
        const char *text = mls_levels_text(levels, k, i, &length);

        ok = mls_plan_make_real(plan, field, '=', text, length, err);
    }
    if (ok && marks_missing(step)[k])
        ok = mls_plan_make_real(plan, field, ':', "missing", 7, err);
    return ok;
}

/* ---- apply ---- */

/* The column number of each row of input k, -1 for none: a level's, or the one
 * after the last level's for missing. */
static void number_rows(const struct mls_step *step, int64_t k,
                        const struct mls_column *column, int32_t *number)
{
    const struct mls_levels *levels = mls_levels_of(step);
    int32_t missing = marks_missing(step)[k]
        ? (int32_t)mls_levels_count(levels, k) : -1;

    for (int64_t i = 0; i < column->rows; i++)
        number[i] = column->code[i] == MLS_CODE_MISSING
            ? missing : mls_levels_number(levels, k, column->code[i]);
}

/* Makes width columns from the numbers; count is scratch of width values. */
static bool spread(const int32_t *number, int64_t rows, int64_t width,
                   int64_t *count, struct mls_column **made,
                   struct mls_error *err)
{
    memset(count, 0, (size_t)width * sizeof(*count));
    for (int64_t i = 0; i < rows; i++) {
        if (number[i] >= 0)
            count[number[i]]++;
    }
    for (int64_t j = 0; j < width; j++) {
        made[j] = mls_column_new(MLS_STORE_SPARSE, rows, count[j], false, err);
        if (!made[j])
            return false;
        count[j] = 0;
    }
    for (int64_t i = 0; i < rows; i++) {
        int32_t j = number[i];

        if (j >= 0)
            made[j]->sparse.row[count[j]++] = (uint16_t)i;
    }
    return true;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    const uint8_t *missing = marks_missing(step);
    int32_t *number = mls_new_array(in->rows, sizeof(*number), err);
    int64_t *count = NULL;
    int64_t m = 0;
    bool ok = number != NULL;

    if (ok) {
        count = mls_new_array(step->plan.made_count, sizeof(*count), err);
        ok = count != NULL;
    }
    for (int64_t k = 0; ok && k < step->input_count; k++) {
        int64_t width = mls_levels_count(levels, k) + missing[k];

        number_rows(step, k, in->columns[step->input[k]], number);
        ok = spread(number, in->rows, width, count, made + m, err);
        m += width;
    }
    mls_free(count);
    mls_free(number);
    return ok;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    const struct mls_plan *plan = &step->plan;
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;
    int64_t out = 0;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);
        struct mls_json *makes = NULL;

        ok = column != NULL;
        if (ok)
            makes = mls_json_add_array(column, "makes", err);
        ok = makes != NULL;
        while (ok && out < plan->out.count
               && plan->origin[out] <= step->input[k]) {
            if (plan->origin[out] == step->input[k])
                ok = mls_json_add_text(makes, NULL, plan->out.fields[out].name,
                                       err);
            out++;
        }
    }
    return ok;
}

const struct mls_step_type mls_step_onehot = {
    .name = "onehot",
    .family = "encode",
    .summary = "one column of 0 and 1 for each level",
    .source = "Suits (1957), Journal of the American Statistical Association "
              "52, 548-551",
    .fits = MLS_KINDS_CODED,
    .params = params,
    .params_size = sizeof(struct onehot_params),
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
