/*
 * Merging: each level is looked up by the hash that it already has, so a merge
 * costs one look per level of each table, not per cell.  What a cell of a level
 * is (number, date, more than three words) is asked once per level and counted
 * for all its cells.
 */
#include "table/csv_merge.h"

#include "base/memory.h"
#include "base/number.h"
#include "table/date.h"

static bool grow_slots(struct mls_merge *m, struct mls_error *err)
{
    int64_t slot_count = m->slot_count > 0 ? 2 * m->slot_count : 64;
    uint32_t *slots = mls_new(slot_count, sizeof(*slots), err);
    uint64_t mask = (uint64_t)slot_count - 1;

    if (slots == NULL)
        return false;
    for (int64_t i = 0; i < m->count; i++) {
        uint64_t at = m->levels[i].level->hash & mask;

        while (slots[at] != 0)
            at = (at + 1) & mask;
        slots[at] = (uint32_t)i + 1;
    }
    mls_free(m->slots);
    m->slots = slots;
    m->slot_count = slot_count;
    return true;
}

static const char *bytes_of(const struct mls_merged *m)
{
    return m->table->bytes + m->level->offset;
}

static bool same(const struct mls_merged *a, const struct mls_merged *b)
{
    return a->level->hash == b->level->hash
        && a->level->length == b->level->length
        && (a->level->length == 0
            || memcmp(bytes_of(a), bytes_of(b), a->level->length) == 0);
}

static bool add_level(struct mls_merge *m, const struct mls_merged *new,
                      uint32_t *place, struct mls_error *err)
{
    uint64_t mask, at;

    if (m->count >= (int64_t)UINT32_MAX - 2)
        return mls_fail(err, MLS_DATA, "more than %lld different values",
                        (long long)m->count);
    if (2 * (m->count + 1) > m->slot_count && !grow_slots(m, err))
        return false;
    mask = (uint64_t)m->slot_count - 1;
    for (at = new->level->hash & mask; m->slots[at] != 0;
         at = (at + 1) & mask) {
        struct mls_merged *have = &m->levels[m->slots[at] - 1];

        if (same(have, new)) {
            have->cells += new->cells;
            *place = m->slots[at] - 1;
            return true;
        }
    }
    if (!mls_grow(&m->levels, m->count, &m->capacity, sizeof(*m->levels), err))
        return false;
    m->levels[m->count++] = *new;
    m->slots[at] = (uint32_t)m->count;
    *place = (uint32_t)m->count - 1;
    return true;
}

bool mls_merge_add(struct mls_merge *m, struct mls_levels *list,
                   struct mls_error *err)
{
    for (struct mls_levels *l = list; l != NULL; l = l->next) {
        mls_free(l->map);
        l->map = mls_new_array(l->count, sizeof(*l->map), err);
        if (l->map == NULL)
            return false;
        for (int64_t i = 0; i < l->count; i++) {
            struct mls_merged new = { l, &l->items[i], l->items[i].count };

            l->map[i] = MLS_CODE_MISSING;
            if (l->items[i].code != MLS_CODE_MISSING && new.cells > 0
                && !add_level(m, &new, &l->map[i], err))
                return false;
        }
    }
    return true;
}

void mls_merge_clear(struct mls_merge *m)
{
    mls_free(m->levels);
    mls_free(m->slots);
    *m = (struct mls_merge){ 0 };
}

/* The forms of date that a cell has, given those still possible. */
static unsigned date_forms(struct mls_cell cell, unsigned forms,
                           bool *has_time)
{
    for (int f = MLS_DATE_ISO; forms != 0 && f <= MLS_DATE_MONTH_DAY; f++) {
        int64_t time;
        bool timed = false;

        if ((forms & MLS_DATE_BIT(f)) == 0)
            continue;
        if (mls_date_parse(cell.bytes, (size_t)cell.length,
                           (enum mls_date_form)f, &time, &timed))
            *has_time |= timed;
        else
            forms &= ~MLS_DATE_BIT(f);
    }
    return forms;
}

void mls_merge_watch(const struct mls_merge *m, const struct mls_reader *r,
                     struct mls_watch *w)
{
    for (int64_t i = 0; i < m->count; i++) {
        const struct mls_merged *l = &m->levels[i];
        struct mls_cell cell = mls_cell_trim(
            (struct mls_cell){ bytes_of(l), (int64_t)l->level->length });
        double value;
        bool integer;

        w->cells += l->cells;
        if (mls_parse_real(cell.bytes, (size_t)cell.length, r->decimal,
                           &value, &integer)) {
            w->numbers += l->cells;
            w->dates = 0;
            if (integer) {
                w->integers += l->cells;
                mls_watch_digits(w, cell, value);
            }
        } else {
            if (mls_cell_is_wordy(cell))
                w->wordy += l->cells;
            w->dates = date_forms(cell, w->dates, &w->has_time);
        }
    }
    w->texts_vary = m->count > 1;
    w->sequence = false;
    w->set.count = m->count;
}

struct mls_dictionary *mls_merge_dictionary(const struct mls_merge *m,
                                            uint32_t *order,
                                            struct mls_error *err)
{
    const char **texts = mls_new(m->count, sizeof(*texts), err);
    size_t *lengths = NULL;
    struct mls_dictionary *d = NULL;

    if (texts != NULL)
        lengths = mls_new(m->count, sizeof(*lengths), err);
    if (lengths != NULL) {
        for (int64_t i = 0; i < m->count; i++) {
            texts[i] = bytes_of(&m->levels[i]);
            lengths[i] = m->levels[i].level->length;
        }
        d = mls_dictionary_new(texts, lengths, m->count, order, err);
    }
    mls_free(lengths);
    mls_free(texts);
    return d;
}
