/*
 * Lists of levels, saved and found again.  See levels.h for the arrays.
 */
#include "base/memory.h"
#include "base/text.h"
#include "transform/levels.h"

void mls_level_lists_free(struct mls_level_list *lists, int64_t count)
{
    for (int64_t k = 0; lists && k < count; k++)
        mls_list_clear(&lists[k].levels);
    mls_free(lists);
}

double *mls_levels_weigh(const struct mls_step *step,
                         const struct mls_step_input *in, int64_t k,
                         int64_t *missing, struct mls_error *err)
{
    const struct mls_table *table = in->table;
    const double *w = in->target->weight;
    int64_t at = step->input[k], row = 0;
    int64_t levels = table->schema.fields[at].dictionary->count;
    double *weight = mls_new(levels, sizeof(*weight), err);

    *missing = 0;
    if (!weight)
        return NULL;
    for (int64_t b = 0; b < table->block_count; b++) {
        const struct mls_column *column = table->blocks[b]->columns[at];

        for (int64_t i = 0; i < column->rows; i++, row++) {
            if (column->code[i] == MLS_CODE_MISSING)
                (*missing)++;
            else
                weight[column->code[i]] += w ? w[row] : 1;
        }
    }
    return weight;
}

bool mls_levels_add(struct mls_level_list *list,
                    const struct mls_dictionary *dictionary, uint32_t code,
                    struct mls_error *err)
{
    size_t length;
    const char *bytes = mls_dictionary_level(dictionary, code, &length);
    char *text = mls_copy_bytes(bytes, length, err);
    bool ok = text && mls_list_add(&list->levels, text, err);

    mls_free(text);
    return ok;
}

bool mls_levels_save(struct mls_step *step, const struct mls_level_list *lists,
                     struct mls_error *err)
{
    int64_t inputs = step->input_count, total = 0;
    int64_t *first = mls_arrays_add1(&step->arrays, "first", MLS_I64,
                                     inputs + 1, err);
    const char **texts;
    bool ok;

    if (!first)
        return false;
    for (int64_t k = 0; k < inputs; k++)
        first[k + 1] = first[k] + lists[k].levels.count;
    texts = mls_new(first[inputs], sizeof(*texts), err);
    if (!texts)
        return false;
    for (int64_t k = 0; k < inputs; k++) {
        for (int64_t i = 0; i < lists[k].levels.count; i++)
            texts[total++] = lists[k].levels.items[i];
    }
    ok = mls_arrays_add_texts(&step->arrays, "level", texts, total, err);
    mls_free(texts);
    return ok;
}

/* ---- check ---- */

static bool fail_levels(const struct mls_step *step, struct mls_error *err)
{
    return mls_fail(err, MLS_MODEL_FILE, "step %s holds no valid levels",
                    step->name);
}

/* Finds the arrays; the texts are checked by reading them once. */
static bool find_arrays(const struct mls_step *step, struct mls_levels *levels,
                        struct mls_error *err)
{
    int64_t inputs = step->input_count;
    struct mls_list texts = { 0 };
    int64_t total;

    levels->first =
        mls_arrays_get(&step->arrays, "first", MLS_I64, inputs + 1, err);
    if (!levels->first
        || !mls_arrays_get_texts(&step->arrays, "level", &texts, err))
        return false;
    total = texts.count;
    mls_list_clear(&texts);
    levels->bytes =
        mls_arrays_get(&step->arrays, "level.bytes", MLS_U8, -1, err);
    if (levels->bytes)
        levels->offset = mls_arrays_get(&step->arrays, "level.offsets",
                                        MLS_I64, total + 1, err);
    if (!levels->offset)
        return false;
    if (levels->first[0] != 0 || levels->first[inputs] != total)
        return fail_levels(step, err);
    for (int64_t k = 0; k < inputs; k++) {
        if (levels->first[k + 1] < levels->first[k]
            || levels->first[k + 1] > total
            || mls_levels_count(levels, k) > INT32_MAX)
            return fail_levels(step, err);
    }
    return true;
}

/* The struct and its two tables are one block:
 *   struct | start (inputs + 1) | index (codes of all inputs) */
static struct mls_levels *new_cache(const struct mls_step *step,
                                    const struct mls_schema *in,
                                    int64_t **start, int32_t **index,
                                    struct mls_error *err)
{
    int64_t inputs = step->input_count, codes = 0, bytes;
    struct mls_levels *levels;

    for (int64_t k = 0; k < inputs; k++)
        codes += in->fields[step->input[k]].dictionary->count;
    bytes = (int64_t)sizeof(*levels)
        + (inputs + 1) * (int64_t)sizeof(**start)
        + codes * (int64_t)sizeof(**index);
    levels = mls_new(bytes, 1, err);
    if (!levels)
        return NULL;
    *start = (int64_t *)(levels + 1);
    *index = (int32_t *)(*start + inputs + 1);
    for (int64_t k = 0; k < inputs; k++)
        (*start)[k + 1] =
            (*start)[k] + in->fields[step->input[k]].dictionary->count;
    for (int64_t c = 0; c < codes; c++)
        (*index)[c] = -1;
    levels->start = *start;
    levels->index = *index;
    return levels;
}

bool mls_levels_check(struct mls_step *step, const struct mls_schema *in,
                      struct mls_error *err)
{
    struct mls_levels *levels;
    int64_t *start;
    int32_t *index;

    levels = new_cache(step, in, &start, &index, err);
    if (!levels)
        return false;
    step->cache = levels;
    if (!find_arrays(step, levels, err))
        return false;
    for (int64_t k = 0; k < step->input_count; k++) {
        const struct mls_dictionary *dictionary =
            in->fields[step->input[k]].dictionary;

        for (int64_t i = 0; i < mls_levels_count(levels, k); i++) {
            size_t length;
            const char *text = mls_levels_text(levels, k, i, &length);
            uint32_t code = mls_dictionary_find(dictionary, text, length);

            if (code == MLS_CODE_MISSING)
                continue;
            if (index[start[k] + code] >= 0)
                return fail_levels(step, err);
            index[start[k] + code] = (int32_t)i;
        }
    }
    return true;
}
