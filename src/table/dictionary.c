/*
 * Dictionaries: the levels of a category, sorted by bytes.
 *
 *   offset  0      3        8          12
 *   bytes   r e d  g r e e n  b l u e          (level i: offset[i] to [i + 1])
 *   slots   . 2 . . 1 . 3 .                    (0 empty, else code + 1)
 *
 * Sorting makes a code a function of the set of levels, not of the order in
 * which rows came.  The index is open addressing over XXH3 at a load of at most
 * one half, so that looking up a cell is one hash and about one comparison.
 * It is not saved: it is made again from the levels.
 *
 * While a file is read for the first time levels come in any order and without
 * end in sight; they are gathered in a mls_level_set, which keeps each string
 * once and has the same kind of index.
 */
#include "table/dictionary.h"

#include <assert.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/text.h"

uint64_t mls_bytes_hash(const char *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

/* A power of two that leaves half of the slots empty. */
static int64_t slots_for(int64_t count)
{
    int64_t slots = 8;

    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

/* One level on its way to its place; the first eight bytes as a number decide
 * most comparisons without a look at the string. */
struct sorted_level {
    uint64_t prefix;
    const char *bytes;
    size_t length;
    int64_t from;
};

static uint64_t prefix_of(const char *bytes, size_t length)
{
    uint64_t prefix = 0;

    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < length ? (unsigned char)bytes[i] : 0);
    return prefix;
}

static int compare_levels(const void *a_, const void *b_)
{
    const struct sorted_level *a = a_, *b = b_;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return mls_bytes_compare(a->bytes, a->length, b->bytes, b->length);
}

static void index_levels(struct mls_dictionary *d)
{
    uint64_t mask = (uint64_t)d->slot_count - 1;

    for (int64_t i = 0; i < d->count; i++) {
        size_t length = (size_t)(d->offset[i + 1] - d->offset[i]);
        uint64_t at = mls_bytes_hash(d->bytes + d->offset[i], length) & mask;

        while (d->slots[at] != 0)
            at = (at + 1) & mask;
        d->slots[at] = (uint32_t)i + 1;
    }
}

static struct mls_dictionary *new_empty(int64_t count, int64_t bytes,
                                        struct mls_error *err)
{
    struct mls_dictionary *d = mls_new(1, sizeof(*d), err);

    if (d == NULL)
        return NULL;
    d->references = 1;
    d->count = count;
    d->slot_count = slots_for(count);
    d->offset = mls_new(count + 1, sizeof(*d->offset), err);
    if (d->offset != NULL)
        d->bytes = mls_new(bytes + 1, 1, err);
    if (d->bytes != NULL)
        d->slots = mls_new(d->slot_count, sizeof(*d->slots), err);
    if (d->slots == NULL) {
        mls_dictionary_free(d);
        return NULL;
    }
    return d;
}

struct mls_dictionary *mls_dictionary_new(const char *const *texts,
                                          const size_t *lengths, int64_t count,
                                          uint32_t *order,
                                          struct mls_error *err)
{
    struct sorted_level *levels;
    struct mls_dictionary *d = NULL;
    int64_t bytes = 0;

    assert(count < (int64_t)UINT32_MAX - 1);
    levels = mls_new(count, sizeof(*levels), err);
    if (levels == NULL)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        levels[i] = (struct sorted_level){ prefix_of(texts[i], lengths[i]),
                                           texts[i], lengths[i], i };
        bytes += (int64_t)lengths[i];
    }
    if (count > 1)
        qsort(levels, (size_t)count, sizeof(*levels), compare_levels);
    d = new_empty(count, bytes, err);
    for (int64_t i = 0; d != NULL && i < count; i++) {
        size_t length = levels[i].length;

        if (length > 0)
            memcpy(d->bytes + d->offset[i], levels[i].bytes, length);
        d->offset[i + 1] = d->offset[i] + (int64_t)length;
        if (order != NULL)
            order[levels[i].from] = (uint32_t)i;
    }
    if (d != NULL)
        index_levels(d);
    mls_free(levels);
    return d;
}

struct mls_dictionary *mls_dictionary_share(struct mls_dictionary *d)
{
    if (d != NULL)
        __atomic_add_fetch(&d->references, 1, __ATOMIC_RELAXED);
    return d;
}

void mls_dictionary_free(struct mls_dictionary *d)
{
    if (d == NULL
        || __atomic_sub_fetch(&d->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    mls_free(d->offset);
    mls_free(d->bytes);
    mls_free(d->slots);
    mls_free(d);
}

uint32_t mls_dictionary_find(const struct mls_dictionary *d, const char *bytes,
                             size_t length)
{
    uint64_t mask, at;

    if (d == NULL || d->slot_count == 0)
        return MLS_CODE_MISSING;
    mask = (uint64_t)d->slot_count - 1;
    at = mls_bytes_hash(bytes, length) & mask;
    for (; d->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t code = d->slots[at] - 1;
        size_t level_length;
        const char *level = mls_dictionary_level(d, code, &level_length);

        if (level_length == length
            && (length == 0 || memcmp(level, bytes, length) == 0))
            return code;
    }
    return MLS_CODE_MISSING;
}

const char *mls_dictionary_level(const struct mls_dictionary *d, uint32_t code,
                                 size_t *length)
{
    assert(code < d->count);
    *length = (size_t)(d->offset[code + 1] - d->offset[code]);
    return d->bytes + d->offset[code];
}

/* Twice the slots, refilled from the hashes alone. */
static bool set_grow_slots(struct mls_level_set *set, struct mls_error *err)
{
    int64_t slot_count = slots_for(set->count + 1) * 2;
    uint32_t *slots = mls_new(slot_count, sizeof(*slots), err);
    uint64_t mask = (uint64_t)slot_count - 1;

    if (slots == NULL)
        return false;
    for (int64_t i = 0; i < set->count; i++) {
        uint64_t at = set->hash[i] & mask;

        while (slots[at] != 0)
            at = (at + 1) & mask;
        slots[at] = (uint32_t)i + 1;
    }
    mls_free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return true;
}

static size_t member_length(const struct mls_level_set *set, int64_t i)
{
    int64_t end = i + 1 < set->count ? set->offset[i + 1] : set->used;

    return (size_t)(end - set->offset[i]);
}

static bool member_equals(const struct mls_level_set *set, int64_t i,
                          uint64_t hash, const char *bytes, size_t length)
{
    if (set->hash[i] != hash)
        return false;
    return set->hashes_only
        || (member_length(set, i) == length
            && (length == 0
                || memcmp(set->bytes + set->offset[i], bytes, length) == 0));
}

static bool set_append(struct mls_level_set *set, uint64_t hash,
                       const char *bytes, size_t length, struct mls_error *err)
{
    int64_t need = set->used + (int64_t)length;

    if (set->count >= (int64_t)UINT32_MAX - 2)
        return mls_fail(err, MLS_DATA, "more than %lld different values",
                        (long long)set->count);
    if (set->count == set->capacity) {
        int64_t capacity = set->capacity > 0 ? 2 * set->capacity : 16;

        /* Both or none: capacity is raised only when both have grown. */
        if (!mls_resize(&set->hash, capacity, sizeof(*set->hash), err)
            || (!set->hashes_only
                && !mls_resize(&set->offset, capacity, sizeof(*set->offset),
                               err)))
            return false;
        set->capacity = capacity;
    }
    set->hash[set->count] = hash;
    if (!set->hashes_only) {
        if (need > set->bytes_capacity) {
            int64_t capacity = 2 * need + 64;

            if (!mls_resize(&set->bytes, capacity, 1, err))
                return false;
            set->bytes_capacity = capacity;
        }
        if (length > 0)
            memcpy(set->bytes + set->used, bytes, length);
        set->offset[set->count] = set->used;
        set->used = need;
    }
    set->count++;
    return true;
}

bool mls_level_set_add(struct mls_level_set *set, const char *bytes,
                       size_t length, struct mls_error *err)
{
    uint64_t hash = mls_bytes_hash(bytes, length);
    uint64_t mask, at;

    if (2 * (set->count + 1) > set->slot_count && !set_grow_slots(set, err))
        return false;
    mask = (uint64_t)set->slot_count - 1;
    for (at = hash & mask; set->slots[at] != 0; at = (at + 1) & mask) {
        if (member_equals(set, set->slots[at] - 1, hash, bytes, length))
            return true;
    }
    if (!set_append(set, hash, bytes, length, err))
        return false;
    set->slots[at] = (uint32_t)set->count;
    return true;
}

void mls_level_set_drop_bytes(struct mls_level_set *set)
{
    mls_free(set->offset);
    mls_free(set->bytes);
    set->offset = NULL;
    set->bytes = NULL;
    set->used = set->bytes_capacity = 0;
    set->hashes_only = true;
}

struct mls_dictionary *
mls_level_set_dictionary(const struct mls_level_set *set, struct mls_error *err)
{
    const char **texts = mls_new(set->count, sizeof(*texts), err);
    size_t *lengths = NULL;
    struct mls_dictionary *d = NULL;

    assert(!set->hashes_only);
    if (texts != NULL)
        lengths = mls_new(set->count, sizeof(*lengths), err);
    if (lengths != NULL) {
        for (int64_t i = 0; i < set->count; i++) {
            texts[i] = set->bytes + set->offset[i];
            lengths[i] = member_length(set, i);
        }
        d = mls_dictionary_new(texts, lengths, set->count, NULL, err);
    }
    mls_free(lengths);
    mls_free(texts);
    return d;
}

void mls_level_set_clear(struct mls_level_set *set)
{
    mls_free(set->hash);
    mls_free(set->offset);
    mls_free(set->bytes);
    mls_free(set->slots);
    *set = (struct mls_level_set){ 0 };
}
