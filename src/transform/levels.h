/*
 * What the encoders share: for each input, a list of levels in an order that
 * means something (one-hot: one column each; ordinal: 0, 1, 2, ...), saved as
 * bytes, so that a fitted step does not lean on the codes of one table.
 *
 *   array           type  holds
 *   level.bytes     U8    the levels, one after the other
 *   level.offsets   I64   where each starts
 *   first           I64   input k has levels first[k] .. first[k + 1]
 */
#ifndef MLS_TRANSFORM_LEVELS_H
#define MLS_TRANSFORM_LEVELS_H

#include "transform/step.h"

/* One input while fitting. */
struct mls_level_list {
    struct mls_list levels;
    int64_t missing;            /* training rows without a level */
};
void mls_level_lists_free(struct mls_level_list *lists, int64_t count);

/* Total weight of the training rows of each code of input k (as many values as
 * its dictionary has levels, in a new array), and how many rows miss. */
MLS_CHECK double *mls_levels_weigh(const struct mls_step *step,
                                   const struct mls_step_input *in, int64_t k,
                                   int64_t *missing, struct mls_error *err);
/* Adds a code's level to a list. */
MLS_CHECK bool mls_levels_add(struct mls_level_list *list,
                              const struct mls_dictionary *dictionary,
                              uint32_t code, struct mls_error *err);
/* Makes the arrays from one list an input. */
MLS_CHECK bool mls_levels_save(struct mls_step *step,
                               const struct mls_level_list *lists,
                               struct mls_error *err);

/* Made from the arrays and the dictionaries by mls_levels_check: the cache. */
struct mls_levels {
    const int64_t *first;       /* inputs + 1, borrows the array */
    const char *bytes;
    const int64_t *offset;
    const int64_t *start;       /* inputs + 1: the codes of input k are at
                                 * index[start[k] .. start[k + 1]) */
    const int32_t *index;       /* of a code: its number in the input's list,
                                 * -1 when it is not in it */
};
/* Checks the arrays (MLS_MODEL_FILE) and makes step->cache.  A level that the
 * dictionary does not hold is allowed: no cell can have it. */
MLS_CHECK bool mls_levels_check(struct mls_step *step,
                                const struct mls_schema *in,
                                struct mls_error *err);

static inline const struct mls_levels *
mls_levels_of(const struct mls_step *step)
{
    return step->cache;
}

static inline int64_t mls_levels_count(const struct mls_levels *levels,
                                       int64_t k)
{
    return levels->first[k + 1] - levels->first[k];
}

/* Number i of input k, not NUL-terminated. */
static inline const char *mls_levels_text(const struct mls_levels *levels,
                                          int64_t k, int64_t i, size_t *length)
{
    int64_t at = levels->first[k] + i;

    *length = (size_t)(levels->offset[at + 1] - levels->offset[at]);
    return levels->bytes + levels->offset[at];
}

/* The number of a cell's level, or -1. */
static inline int32_t mls_levels_number(const struct mls_levels *levels,
                                        int64_t k, uint32_t code)
{
    if (code >= (uint64_t)(levels->start[k + 1] - levels->start[k]))
        return -1;
    return levels->index[levels->start[k] + code];
}

#endif
