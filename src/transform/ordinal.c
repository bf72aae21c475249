/*
 * A column of levels becomes one of numbers 0, 1, 2, ...: their places among
 * the levels seen in the training rows, in byte order, or in the order that the
 * user gives, lowest first.  Missing stays missing, and an unseen level is
 * missing too.  With an order given its places count, also of levels that no
 * row has, so that the same order means the same numbers everywhere.
 *
 * The levels in their order are the only arrays (levels.h).
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "transform/columns.h"
#include "transform/levels.h"
#include "transform/transforms.h"

struct ordinal_params {
    char *order;
};

#define FIELD(name) #name, .at = offsetof(struct ordinal_params, name)
static const struct mls_param params[] = {
    { FIELD(order), .kind = MLS_TEXT, .value = "LEVEL,...",
      .help = "the levels, lowest first, as one CSV record; otherwise byte "
              "order" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    const struct mls_list *order;       /* NULL: byte order */
    struct mls_level_list *lists;
};

static bool list_seen(struct mls_level_list *list,
                      const struct mls_dictionary *dictionary,
                      const double *weight, struct mls_error *err)
{
    for (int64_t c = 0; c < dictionary->count; c++) {
        if (weight[c] > 0
            && !mls_levels_add(list, dictionary, (uint32_t)c, err))
            return false;
    }
    return true;
}

/* All of the order, when each level seen is in it.  Zeroes weights. */
static bool list_order(const struct fit_job *job, int64_t k,
                       const struct mls_dictionary *dictionary, double *weight,
                       struct mls_error *err)
{
    for (int64_t i = 0; i < job->order->count; i++) {
        const char *level = job->order->items[i];
        uint32_t code = mls_dictionary_find(dictionary, level, strlen(level));

        if (code != MLS_CODE_MISSING)
            weight[code] = 0;
        if (!mls_list_add(&job->lists[k].levels, level, err))
            return false;
    }
    for (int64_t c = 0; c < dictionary->count; c++) {
        size_t length;
        const char *level;

        if (!(weight[c] > 0))
            continue;
        level = mls_dictionary_level(dictionary, (uint32_t)c, &length);
        mls_fail(err, MLS_DATA, "step %s: the order given lacks level \"%s\"",
                 job->step->name, mls_show(level, length).text);
        mls_fail_at(err, NULL, 0, 0, job->step->input_names.items[k]);
        return mls_fail_fix(err, "add the level, or name only the columns that "
                                 "the order is for");
    }
    return true;
}

static bool fit_column(void *context, int64_t k, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct mls_dictionary *dictionary =
        job->in->table->schema.fields[job->step->input[k]].dictionary;
    double *weight = mls_levels_weigh(job->step, job->in, k,
                                      &job->lists[k].missing, err);
    bool ok = weight != NULL;

    if (ok)
        ok = job->order ? list_order(job, k, dictionary, weight, err)
                        : list_seen(&job->lists[k], dictionary, weight, err);
    mls_free(weight);
    return ok;
}

static bool check_order(const struct mls_step *step,
                        const struct mls_list *order, struct mls_error *err)
{
    for (int64_t i = 0; i < order->count; i++) {
        for (int64_t j = 0; j < i; j++) {
            if (strcmp(order->items[i], order->items[j]) == 0)
                return mls_fail(err, MLS_USAGE,
                                "step %s: the order names \"%s\" twice",
                                step->name,
                                mls_show_text(order->items[i]).text);
        }
    }
    return true;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct ordinal_params *p = step->params;
    struct fit_job job = { .step = step, .in = in };
    struct mls_list order = { 0 };
    int64_t n = step->input_count;
    bool ok = true;

    if (p->order) {
        job.order = &order;
        ok = mls_list_split(p->order, &order, err)
            && check_order(step, &order, err);
    }
    if (ok) {
        job.lists = mls_new(n, sizeof(*job.lists), err);
        ok = job.lists && mls_parallel(in->run, n, fit_column, &job, err)
            && mls_levels_save(step, job.lists, err);
    }
    mls_level_lists_free(job.lists, n);
    mls_list_clear(&order);
    return ok;
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    struct mls_field number = { .name = field->name, .kind = MLS_KIND_REAL };

    (void)step;
    (void)k;
    return mls_plan_make(plan, &number, err);
}

static bool apply(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err)
{
    const struct mls_levels *levels = mls_levels_of(step);

    for (int64_t k = 0; k < step->input_count; k++) {
        const struct mls_column *column = in->columns[step->input[k]];

        made[k] = mls_column_new(MLS_STORE_REAL, in->rows, 0, false, err);
        if (!made[k])
            return false;
        for (int64_t i = 0; i < in->rows; i++) {
            int32_t number = mls_levels_number(levels, k, column->code[i]);

            made[k]->real[i] = number < 0 ? NAN : (double)number;
        }
    }
    return true;
}

static bool describe_levels(const struct mls_levels *levels, int64_t k,
                            struct mls_json *to, struct mls_error *err)
{
    bool ok = true;

    for (int64_t i = 0; ok && i < mls_levels_count(levels, k); i++) {
        size_t length;
        const char *bytes = mls_levels_text(levels, k, i, &length);
        char *text = mls_copy_bytes(bytes, length, err);

        ok = text && mls_json_add_text(to, NULL, text, err);
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
        struct mls_json *texts = NULL;

        ok = column != NULL;
        if (ok)
            texts = mls_json_add_array(column, "levels", err);
        ok = texts && describe_levels(mls_levels_of(step), k, texts, err);
    }
    return ok;
}

const struct mls_step_type mls_step_ordinal = {
    .name = "ordinal",
    .family = "encode",
    .summary = "each level becomes its place in an order",
    .source = "Stevens (1946), Science 103, 677-680",
    .fits = MLS_KINDS_CODED,
    .params = params,
    .params_size = sizeof(struct ordinal_params),
    .fit = fit,
    .check = mls_levels_check,
    .plan_input = plan_input,
    .apply = apply,
    .describe = describe,
};
