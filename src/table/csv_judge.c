/*
 * From the counters of the chunks to those of infer.c, column by column.
 *
 * Counters of cells add up.  What is said of neighbours is put together in the
 * order of the chunks: that a number differs from the first, that numbers
 * count the rows.  Of codes everything is known by their levels.
 *
 *     read as      enough when                       else read as
 *     numbers      the rules say number              codes
 *     dates        no cell was another form          codes
 *     codes        always; the rules may say         numbers, dates
 */
#include "base/memory.h"
#include "table/csv_whole.h"
#include "table/date.h"

enum mls_take mls_take_of(enum mls_kind kind)
{
    switch (kind) {
    case MLS_KIND_REAL:
    case MLS_KIND_INTEGER:
        return MLS_TAKE_REAL;
    case MLS_KIND_DATE:
        return MLS_TAKE_TIME;
    default:
        return MLS_TAKE_CODE;
    }
}

static void sum_reals(const struct mls_whole *t, int64_t column,
                      struct mls_watch *w)
{
    bool any = false;
    int64_t row = 0;

    for (int64_t i = 0; i < t->chunk_count; i++) {
        const struct mls_chunk *c = &t->chunks[i];
        const struct mls_tally *tally;

        if (c->rows == 0)
            continue;
        tally = &c->tallies[column];
        w->missing += tally->missing;
        w->numbers += tally->numbers;
        w->cells += tally->numbers + tally->words;
        w->integers += tally->integers;
        w->zeros |= tally->zeros;
        w->huge |= tally->huge;
        w->varies |= tally->varies;
        if (tally->numbers > 0) {
            if (any)
                w->varies |= tally->first != w->first;
            else
                w->first = tally->first;
            any = true;
        }
        w->sequence = w->sequence && tally->sequence
            && tally->numbers == c->rows
            && tally->first == w->first + (double)row;
        row += c->rows;
    }
    w->sequence = w->sequence && (w->first == 0 || w->first == 1);
    if (any)
        w->dates = 0;
}

/* Returns the cells that are not of the form. */
static int64_t sum_times(const struct mls_whole *t, int64_t column,
                         struct mls_watch *w)
{
    int64_t words = 0;
    bool any = false;

    for (int64_t i = 0; i < t->chunk_count; i++) {
        const struct mls_tally *tally;

        if (t->chunks[i].rows == 0)
            continue;
        tally = &t->chunks[i].tallies[column];
        w->missing += tally->missing;
        words += tally->words;
        if (tally->numbers == 0)
            continue;
        w->cells += tally->numbers;
        w->dates &= tally->dates;
        w->has_time |= tally->has_time;
        w->texts_vary |= tally->varies
            || (any && tally->first_hash != w->first_hash);
        w->first_hash = tally->first_hash;
        any = true;
    }
    w->sequence = false;
    return words;
}

/* Counts the cells of each level from the blocks: chunks that were dropped
 * counted some that are no more. */
static void count_again(struct mls_whole *t, int64_t column)
{
    for (int64_t k = 0; k < t->worker_count; k++) {
        struct mls_levels *l =
            t->workers[k].levels != NULL ? t->workers[k].levels[column] : NULL;

        for (; l != NULL; l = l->next) {
            for (int64_t i = 0; i < l->count; i++)
                l->items[i].count = 0;
        }
    }
    for (int64_t k = 0; k < t->chunk_count; k++) {
        const struct mls_chunk *c = &t->chunks[k];

        for (int64_t b = 0; b < c->block_count; b++) {
            const struct mls_column *codes = c->blocks[b]->columns[column];

            for (int64_t i = 0; i < codes->rows; i++) {
                if (codes->code[i] != MLS_CODE_MISSING)
                    c->levels[column]->items[codes->code[i]].count++;
            }
        }
    }
}

static bool sum_codes(struct mls_whole *t, int64_t column, struct mls_watch *w,
                      struct mls_error *err)
{
    struct mls_merge *m = &t->merges[column];

    if (t->spoiled)
        count_again(t, column);
    mls_merge_clear(m);
    for (int64_t k = 0; k < t->worker_count; k++) {
        if (t->workers[k].levels != NULL
            && !mls_merge_add(m, t->workers[k].levels[column], err))
            return false;
    }
    mls_merge_watch(m, t->in->r, w);
    w->missing = t->in->rows - w->cells;
    return true;
}

bool mls_judge_column(void *whole, int64_t i, struct mls_error *err)
{
    struct mls_whole *t = whole;
    struct mls_wish *wish = &t->csv.wishes[i];
    struct mls_watch *w = &t->in->watches[i], sum = *w;
    enum mls_take take;
    enum mls_date_form form;
    int64_t words = 0;

    if (wish->take == MLS_TAKE_NOTHING)
        return true;
    if (wish->take == MLS_TAKE_REAL)
        sum_reals(t, i, &sum);
    else if (wish->take == MLS_TAKE_TIME)
        words = sum_times(t, i, &sum);
    else if (!sum_codes(t, i, &sum, err))
        return false;
    if (words > 0 && (sum.named || t->sure[i])) {
        /* A wrong cell: the slow way says which. */
        __atomic_store_n(&t->odd, true, __ATOMIC_RELAXED);
        wish->take = MLS_TAKE_NOTHING;
        return true;
    }
    take = mls_take_of(mls_watch_kind(&sum, sum.set.count));
    form = mls_watch_form(&sum, &t->in->r->schema.fields[i]);
    if (words > 0 || (wish->take == MLS_TAKE_REAL && take != MLS_TAKE_REAL))
        take = MLS_TAKE_CODE;
    if (take == wish->take && (take != MLS_TAKE_TIME || form == wish->form)) {
        *w = sum;
        wish->take = MLS_TAKE_NOTHING;
        return true;
    }
    t->sure[i] = wish->take == MLS_TAKE_CODE;
    wish->take = take;
    wish->form = form;
    return true;
}
