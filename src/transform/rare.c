/*
 * Levels that few training rows have become one, "OTHER": a column of its own
 * for each would learn noise, and so would any code for them.
 *
 *   city     rows              city
 *   Bergen   400               Bergen
 *   Oslo     900        ->     OTHER    (Vik, Voss, and any level that no
 *   Vik        2               Oslo      training row has)
 *   Voss       3
 *
 * A level is kept when its share of the rows with a value is at least
 * min_frequency and its weight at least min_count.  Missing stays missing.  A
 * level that has the name of the new one is part of it.
 *
 * The lists (levels.h) hold the levels after the step, OTHER among them, in
 * byte order, so that places in them are codes of the new column.
 *
 *   array     type  holds
 *   level...        the levels of each column after the step
 *   other     I64   for each input: the place of OTHER in its list
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "transform/columns.h"
#include "transform/levels.h"
#include "transform/transforms.h"

#define OTHER "OTHER"

struct rare_params {
    double min_frequency, min_count;
    char *other;
};

#define FIELD(name) #name, .at = offsetof(struct rare_params, name)
static const struct mls_param params[] = {
    { FIELD(min_frequency), .kind = MLS_REAL, .def = 0.01, .min = 0, .max = 1,
      .help = "the least share of the rows with a value that keeps a level" },
    { FIELD(min_count), .kind = MLS_REAL, .def = 0, .min = 0, .max = 1e15,
      .help = "the least number of rows (their weight) that keeps a level" },
    { FIELD(other), .kind = MLS_TEXT,
      .help = "what the rare levels are called together; otherwise OTHER" },
    { 0 }
};

static const char *other_name(const struct mls_step *step)
{
    const struct rare_params *p = step->params;

    return p->other && *p->other ? p->other : OTHER;
}

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    struct mls_level_list *lists;
    int64_t *other;
};

static bool is_kept(const struct rare_params *p, double weight, double total)
{
    return weight > 0 && weight >= p->min_count
        && weight >= p->min_frequency * total * (1 - 1e-12);
}

/* The kept levels with the new one at its place. */
static bool list_levels(const struct fit_job *job, int64_t k,
                        const struct mls_dictionary *dictionary,
                        const double *weight, double total,
                        struct mls_error *err)
{
    struct mls_level_list *list = &job->lists[k];
    const char *other = other_name(job->step);
    bool placed = false, ok = true;

    for (int64_t c = 0; ok && c < dictionary->count; c++) {
        size_t length;
        const char *level =
            mls_dictionary_level(dictionary, (uint32_t)c, &length);
        int order = mls_bytes_compare(level, length, other, strlen(other));

        if (!is_kept(job->step->params, weight[c], total) || order == 0)
            continue;
        if (order > 0 && !placed) {
            job->other[k] = list->levels.count;
            placed = true;
            ok = mls_list_add(&list->levels, other, err);
        }
        ok = ok && mls_levels_add(list, dictionary, (uint32_t)c, err);
    }
    if (!ok || placed)
        return ok;
    job->other[k] = list->levels.count;
    return mls_list_add(&list->levels, other, err);
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct mls_dictionary *dictionary =
        job->in->table->schema.fields[job->step->input[k]].dictionary;
    double total = 0;
    double *weight = mls_levels_weigh(job->step, job->in, k,
                                      &job->lists[k].missing, err);
    bool ok = weight != NULL;

    for (int64_t c = 0; ok && c < dictionary->count; c++)
        total += weight[c];
    ok = ok && list_levels(job, k, dictionary, weight, total, err);
    mls_free(weight);
    return ok;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in };
    int64_t n = step->input_count;
    bool ok;

    job.other = mls_arrays_add1(&step->arrays, "other", MLS_I64, n, err);
    if (job.other)
        job.lists = mls_new(n, sizeof(*job.lists), err);
    ok = job.lists && mls_parallel(in->run, n, fit_column, &job, err)
        && mls_levels_save(step, job.lists, err);
    mls_level_lists_free(job.lists, n);
    return ok;
}

/* ---- what was learned ---- */

static bool check(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err)
{
    const int64_t *other = mls_arrays_get(&step->arrays, "other", MLS_I64,
                                          step->input_count, err);

    if (!other || !mls_levels_check(step, in, err))
        return false;
    for (int64_t k = 0; k < step->input_count; k++) {
        const struct mls_levels *levels = mls_levels_of(step);
        int64_t count = mls_levels_count(levels, k);

        if (other[k] < 0 || other[k] >= count)
            return mls_columns_refuse(step, "levels", err);
        for (int64_t i = 1; i < count; i++) {
            size_t a_length, b_length;
            const char *a = mls_levels_text(levels, k, i - 1, &a_length);
            const char *b = mls_levels_text(levels, k, i, &b_length);

            if (mls_bytes_compare(a, a_length, b, b_length) >= 0)
                return mls_columns_refuse(step, "levels", err);
        }
    }
    return true;
}

static struct mls_dictionary *new_dictionary(const struct mls_levels *levels,
                                             int64_t k, struct mls_error *err)
{
    int64_t count = mls_levels_count(levels, k);
    const char **texts = mls_new(count, sizeof(*texts), err);
    size_t *lengths = texts ? mls_new(count, sizeof(*lengths), err) : NULL;
    struct mls_dictionary *dictionary = NULL;

    for (int64_t i = 0; lengths && i < count; i++)
        texts[i] = mls_levels_text(levels, k, i, &lengths[i]);
    if (lengths)
        dictionary = mls_dictionary_new(texts, lengths, count, NULL, err);
    mls_free(lengths);
    mls_free(texts);
    return dictionary;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    struct mls_field merged = *field;
    bool ok;

    merged.dictionary = new_dictionary(mls_levels_of(step), k, err);
    ok = merged.dictionary && mls_plan_make(plan, &merged, err);
    mls_dictionary_free(merged.dictionary);
    return ok;
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    const int64_t *other = mls_columns_data(step, "other");

    for (int64_t k = 0; k < step->input_count; k++) {
        const struct mls_column *column = in->columns[step->input[k]];

        made[k] = mls_column_new(MLS_STORE_CODE, in->rows, 0, false, err);
        if (!made[k])
            return false;
        for (int64_t i = 0; i < in->rows; i++) {
            uint32_t code = column->code[i];
            int32_t number = mls_levels_number(levels, k, code);

            made[k]->code[i] = code == MLS_CODE_MISSING ? MLS_CODE_MISSING
                : number < 0 ? (uint32_t)other[k] : (uint32_t)number;
        }
    }
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++) {
        struct mls_json *column =
            mls_columns_describe_one(step, k, columns, err);
        struct mls_json *kept = NULL;

        ok = column != NULL;
        if (ok)
            kept = mls_json_add_array(column, "levels", err);
        ok = kept != NULL;
        for (int64_t i = 0; ok && i < mls_levels_count(levels, k); i++) {
            size_t length;
            const char *bytes = mls_levels_text(levels, k, i, &length);
            char *text = mls_copy_bytes(bytes, length, err);

            ok = text && mls_json_add_text(kept, NULL, text, err);
            mls_free(text);
        }
    }
    return ok;
}

const struct mls_step_type mls_step_rare = {
    .name = "rare",
    .family = "rare",
    .primary = "min_frequency",
    .before = "encode",
    .summary = "merges the levels that few rows have into one",
    .source = "Kuhn & Johnson (2019), Feature Engineering and Selection, 5.3",
    .fits = MLS_KIND_BIT(MLS_KIND_CATEGORY),
    .params = params,
    .params_size = sizeof(struct rare_params),
    .fit = fit,
    .check = check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
