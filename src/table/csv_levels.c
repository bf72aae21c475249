/*
 * Open addressing over a table of small numbers, the levels beside it:
 *
 *     slots   .  [hash|3]  .  [hash|1]  .  [hash|2]     8 bytes each
 *     items   { head, length, count ... } { ... } { ... }
 *
 * Most cells of categories have at most 16 bytes, which are two words: hashing
 * and comparing them takes no loop and no call.  Longer ones are hashed by
 * XXH3 and compared by memcmp behind equal heads.
 */
#include "table/csv_levels.h"

#include <string.h>

#include "base/memory.h"
#include "table/dictionary.h"

typedef unsigned __int128 wide;

static const uint8_t tail[32] = { 255, 255, 255, 255, 255, 255, 255, 255,
                                  255, 255, 255, 255, 255, 255, 255, 255 };

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static bool grow_slots(struct mls_levels *l, struct mls_error *err)
{
    int64_t slot_count = l->slot_count > 0 ? 2 * l->slot_count : 64;
    uint64_t *slots = mls_new(slot_count, sizeof(*slots), err);
    uint64_t mask = (uint64_t)slot_count - 1;

    if (slots == NULL)
        return false;
    for (int64_t i = 0; i < l->count; i++) {
        uint64_t hash = l->items[i].hash, at = hash & mask;

        while (slots[at] != 0)
            at = (at + 1) & mask;
        slots[at] = (hash >> 32 << 32) | (uint64_t)(i + 1);
    }
    mls_free(l->slots);
    l->slots = slots;
    l->slot_count = slot_count;
    return true;
}

/* Room for one more level of length bytes. */
static bool reserve(struct mls_levels *l, int64_t length,
                    struct mls_error *err)
{
    int64_t need = l->used + length + 16;

    if (l->count >= (int64_t)UINT32_MAX - 2)
        return mls_fail(err, MLS_DATA, "more than %lld different values",
                        (long long)l->count);
    if (need > l->bytes_capacity) {
        if (!mls_resize(&l->bytes, 2 * need + 64, 1, err))
            return false;
        l->bytes_capacity = 2 * need + 64;
    }
    return mls_grow(&l->items, l->count, &l->capacity, sizeof(*l->items), err);
}

static struct mls_level_item *enter(struct mls_levels *l, const char *cell,
                               struct mls_level_item *made, struct mls_error *err)
{
    if (!reserve(l, made->length, err))
        return NULL;
    made->offset = l->used;
    made->code = (uint32_t)l->count;
    if (made->length > 0)
        memcpy(l->bytes + l->used, cell, made->length);
    l->used += made->length;
    l->items[l->count] = *made;
    return &l->items[l->count++];
}

struct mls_level_item *mls_levels_find(struct mls_levels *l, const char *cell,
                                  int64_t length, bool *fresh,
                                  struct mls_error *err)
{
    struct mls_level_item made = { .length = (uint32_t)length };
    int64_t cut = length < 16 ? length : 16;
    uint64_t keep[2], mask, at, hash;

    memcpy(keep, tail + 16 - cut, 16);
    memcpy(made.head, cell, 16);
    made.head[0] &= keep[0];
    made.head[1] &= keep[1];
    if (length <= 16)
        hash = mix(made.head[0] ^ 0x9E3779B97F4A7C15u ^ (uint64_t)length << 56,
                   made.head[1] ^ 0xD6E8FEB86659FD93u);
    else
        hash = mls_bytes_hash(cell, (size_t)length);
    made.hash = hash;
    *fresh = false;
    if (2 * (l->count + 1) > l->slot_count && !grow_slots(l, err))
        return NULL;
    mask = (uint64_t)l->slot_count - 1;
    for (at = hash & mask; l->slots[at] != 0; at = (at + 1) & mask) {
        struct mls_level_item *have;

        if ((l->slots[at] ^ hash) >> 32 != 0)
            continue;
        have = &l->items[(uint32_t)l->slots[at] - 1];
        if (have->head[0] == made.head[0] && have->head[1] == made.head[1]
            && have->length == made.length
            && (length <= 16
                || memcmp(l->bytes + have->offset, cell, (size_t)length) == 0))
            return have;
    }
    *fresh = true;
    if (enter(l, cell, &made, err) == NULL)
        return NULL;
    l->slots[at] = (hash >> 32 << 32) | (uint64_t)l->count;
    return &l->items[l->count - 1];
}

void mls_levels_clear(struct mls_levels *l)
{
    mls_free(l->items);
    mls_free(l->bytes);
    mls_free(l->slots);
    mls_free(l->map);
    *l = (struct mls_levels){ 0 };
}
