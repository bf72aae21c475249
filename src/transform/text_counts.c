/*
 * See text_counts.h.
 *
 *   rows 0..511     words -> local numbers 3 0 7 3 ...   -> places 12 4 9 12
 *   rows 512..1023  words -> local numbers 0 1 0 2 ...   -> places 4 31 4 7
 *                   (parallel)      merged in order            (parallel)
 *
 *   pairs: key = place << 32 | place, hashed into 16 shelves; one task a shelf
 *   reads all words and counts the keys that are its own
 *
 * A word is looked up as a string once; runs of words are pairs of numbers:
 * that of the run without its last word, and the last word's.
 *
 * A text that holds a run holds all runs in it.  So a word or run of fewer than
 * min_df texts cannot be part of a longer one that is kept: it is struck out
 * before the next length is counted.  By Zipf's law that is most of them
 * (Agrawal & Srikant (1994), VLDB 20, 487-499).
 *
 * That each shelf reads all words costs 2 ns a word and shelf.  To sort keys by
 * shelf first would save half of that, and need 12 bytes a word of text.
 *
 * Rows are cut by their numbers, shelves by the keys: a sum has its terms in the
 * order of the rows (words: of chunks of rows), whatever the blocks and threads.
 */
#include "transform/text_counts.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "table/dictionary.h"

enum { CHUNK = 512, SHELF_BITS = 4, SHELVES = 1 << SHELF_BITS };

struct tally {
    double tf, df, positive;
    int64_t last;               /* the last row that held it, + 1 */
};

/* Rows [index * CHUNK, ...). */
struct chunk {
    struct mls_terms words;     /* numbered as they come in these rows */
    struct tally *tally;        /* of each */
    int64_t tally_capacity;
    int64_t *begin;             /* where each row's words begin: rows + 1 */
    uint32_t *word;             /* of the rows: local number, later place */
    uint32_t *run;              /* of the run of words that begins at a word:
                                 * its item + 1; 0: it is struck out */
    int64_t capacity;
};

/* Runs whose keys hash to it. */
struct shelf {
    uint64_t *key;
    struct tally *tally;
    uint32_t *item;             /* item + 1 of the run, once kept */
    int64_t count, capacity;
    uint32_t *slot;             /* 0 empty, else number + 1 */
    int64_t slot_count;
};

struct counting {
    const struct mls_ngram_source *in;
    struct mls_ngrams *out;
    struct chunk *chunks;
    int64_t chunk_count;
    uint32_t *place;            /* of each word, 0: struck out */
    struct shelf shelves[SHELVES];
    int64_t length;             /* words in the runs being counted */
};

static int64_t chunk_rows(const struct counting *c, int64_t chunk)
{
    int64_t left = c->in->table->rows - chunk * CHUNK;

    return left < CHUNK ? left : CHUNK;
}

static double weight_of(const struct counting *c, int64_t row)
{
    return c->in->weight ? c->in->weight[row] : 1;
}

static bool is_positive(const struct counting *c, int64_t row)
{
    return c->in->y && c->in->y[row] == 1;
}

static inline void add_to(struct tally *tally, int64_t row, double w,
                          bool positive)
{
    tally->tf += w;
    if (tally->last == row + 1)
        return;
    tally->df += w;
    tally->positive += positive ? w : 0;
    tally->last = row + 1;
}

/* ---- words ---- */

static bool chunk_room(struct chunk *chunk, int64_t words,
                       struct mls_error *err)
{
    int64_t capacity = 2 * words + 1024;

    if (words <= chunk->capacity)
        return true;
    if (!mls_resize(&chunk->word, capacity, sizeof *chunk->word, err))
        return false;
    chunk->capacity = capacity;
    return true;
}

static bool add_word(struct chunk *chunk, const char *word, size_t length,
                     int64_t *number, struct mls_error *err)
{
    int64_t before = chunk->words.count;

    if (!mls_terms_add(&chunk->words, word, length, number, err))
        return false;
    if (chunk->words.count == before)
        return true;
    if (!mls_grow(&chunk->tally, before, &chunk->tally_capacity,
                  sizeof *chunk->tally, err))
        return false;
    chunk->tally[before] = (struct tally){ 0 };
    return true;
}

static bool read_row(const struct counting *c, struct chunk *chunk,
                     const struct mls_words *words, int64_t row,
                     int64_t local_row, struct mls_error *err)
{
    int64_t at = chunk->begin[local_row];
    double w = weight_of(c, row);
    bool positive = is_positive(c, row);

    if (!chunk_room(chunk, at + words->count, err))
        return false;
    for (int64_t i = 0; i < words->count; i++) {
        int64_t number;

        if (!add_word(chunk, words->bytes + words->start[i],
                      (size_t)(words->end[i] - words->start[i]), &number,
                      err))
            return false;
        chunk->word[at++] = (uint32_t)number;
        add_to(&chunk->tally[number], row, w, positive);
    }
    chunk->begin[local_row + 1] = at;
    return true;
}

/* The block that a row stands in. */
static int64_t block_of(const struct mls_table *table, int64_t row)
{
    int64_t low = 0, high = table->block_count;

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (table->blocks[middle]->first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool read_chunk(void *context, int64_t index, struct mls_error *err)
{
    const struct counting *c = context;
    const struct mls_table *table = c->in->table;
    struct chunk *chunk = &c->chunks[index];
    struct mls_words words = { 0 };
    int64_t rows = chunk_rows(c, index), first = index * CHUNK;
    int64_t b = block_of(table, first);
    bool ok;

    chunk->begin = mls_new(rows + 1, sizeof *chunk->begin, err);
    ok = chunk->begin && mls_run_go_on(c->in->run, err);
    for (int64_t i = 0; ok && i < rows; i++) {
        const struct mls_column *column;
        const int64_t *offset;

        while (first + i >= table->blocks[b]->first_row
                   + table->blocks[b]->rows)
            b++;
        column = table->blocks[b]->columns[c->in->column];
        offset = column->text.offset + first + i
            - table->blocks[b]->first_row;
        ok = mls_words_split(&words, column->text.bytes + offset[0],
                             (size_t)(offset[1] - offset[0]), err)
            && read_row(c, chunk, &words, first + i, i, err);
    }
    mls_words_clear(&words);
    return ok;
}

/* The words of all chunks, in their order, and their tallies as items: local
 * numbers become global ones in chunk->run, which is free as yet. */
static bool merge_chunk(struct counting *c, struct chunk *chunk,
                        struct mls_error *err)
{
    struct mls_ngrams *out = c->out;

    chunk->run = mls_new_array(chunk->words.count, sizeof *chunk->run, err);
    for (int64_t i = 0; chunk->run && i < chunk->words.count; i++) {
        int64_t number, before = out->words.count;
        size_t length;
        const char *text = mls_terms_text(&chunk->words, i, &length);

        if (!mls_terms_add(&out->words, text, length, &number, err))
            return false;
        if (number == before) {
            if (!mls_grow(&out->item, before, &out->capacity,
                          sizeof *out->item, err))
                return false;
            out->item[before] = (struct mls_ngram){ 0 };
        }
        out->item[number].tf += chunk->tally[i].tf;
        out->item[number].df += chunk->tally[i].df;
        out->item[number].positive += chunk->tally[i].positive;
        chunk->run[i] = (uint32_t)number;
    }
    mls_terms_clear(&chunk->words);
    mls_free(chunk->tally);
    chunk->tally = NULL;
    return chunk->run != NULL;
}

static bool merge_words(struct counting *c, struct mls_error *err)
{
    for (int64_t i = 0; i < c->chunk_count; i++)
        if (!merge_chunk(c, &c->chunks[i], err))
            return false;
    if (c->out->words.count < INT32_MAX)
        return true;
    return mls_fail(err, MLS_LIMIT, "the texts hold more than 2^31 words");
}

struct word {
    const char *bytes;
    size_t length;
    uint32_t number;
};

static int by_bytes(const void *a_, const void *b_)
{
    const struct word *a = a_, *b = b_;

    return mls_bytes_compare(a->bytes, a->length, b->bytes, b->length);
}

/* Strikes out rare words and puts the others in byte order: item i is then the
 * word of place i + 1. */
static bool place_words(struct counting *c, struct mls_error *err)
{
    struct mls_ngrams *out = c->out;
    int64_t all = out->words.count, kept = 0;
    struct word *word = mls_new_array(all, sizeof *word, err);
    struct mls_ngram *item = NULL;

    c->place = word ? mls_new(all, sizeof *c->place, err) : NULL;
    for (int64_t i = 0; c->place && i < all; i++) {
        if (out->item[i].df < c->in->min_df)
            continue;
        word[kept].bytes =
            mls_terms_text(&out->words, i, &word[kept].length);
        word[kept++].number = (uint32_t)i;
    }
    if (c->place)
        out->number = mls_new_array(kept, sizeof *out->number, err);
    if (out->number)
        item = mls_new(kept + 1, sizeof *item, err);
    if (!item) {
        mls_free(word);
        return false;
    }
    if (kept > 1)
        qsort(word, (size_t)kept, sizeof *word, by_bytes);
    for (int64_t i = 0; i < kept; i++) {
        item[i] = out->item[word[i].number];
        item[i].word[0] = (uint32_t)i + 1;
        out->number[i] = word[i].number;
        c->place[word[i].number] = (uint32_t)i + 1;
    }
    mls_free(word);
    mls_free(out->item);
    out->item = item;
    out->count = kept;
    out->capacity = kept + 1;
    return true;
}

/* Words become places; for runs past pairs, each word is a run of one. */
static bool place_chunk(void *context, int64_t index, struct mls_error *err)
{
    const struct counting *c = context;
    struct chunk *chunk = &c->chunks[index];
    int64_t n = chunk->begin[chunk_rows(c, index)];

    for (int64_t i = 0; i < n; i++)
        chunk->word[i] = c->place[chunk->run[chunk->word[i]]];
    mls_free(chunk->run);
    chunk->run = NULL;
    if (c->in->ngrams <= 2)
        return true;
    chunk->run = mls_new_array(n, sizeof *chunk->run, err);
    if (chunk->run && n > 0)
        memcpy(chunk->run, chunk->word, (size_t)n * sizeof *chunk->run);
    return chunk->run != NULL;
}

/* ---- runs of words ---- */

static inline uint64_t mix(uint64_t key)
{
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);

    return h ^ h >> 32;
}

/* The slot where a key is or would be. */
static inline int64_t find_slot(const struct shelf *shelf, uint64_t key)
{
    uint64_t mask = (uint64_t)shelf->slot_count - 1;
    uint64_t at = mix(key) & mask;

    while (shelf->slot[at] && shelf->key[shelf->slot[at] - 1] != key)
        at = (at + 1) & mask;
    return (int64_t)at;
}

static bool more_slots(struct shelf *shelf, struct mls_error *err)
{
    mls_free(shelf->slot);
    shelf->slot_count = shelf->slot_count ? 4 * shelf->slot_count : 1024;
    shelf->slot = mls_new(shelf->slot_count, sizeof *shelf->slot, err);
    for (int64_t i = 0; shelf->slot && i < shelf->count; i++)
        shelf->slot[find_slot(shelf, shelf->key[i])] = (uint32_t)i + 1;
    return shelf->slot != NULL;
}

static bool shelf_room(struct shelf *shelf, struct mls_error *err)
{
    int64_t capacity = shelf->capacity ? 2 * shelf->capacity : 1024;

    if (2 * (shelf->count + 1) > shelf->slot_count && !more_slots(shelf, err))
        return false;
    if (shelf->count < shelf->capacity)
        return true;
    if (shelf->count >= INT32_MAX)
        return mls_fail(err, MLS_LIMIT, "the texts hold too many n-grams");
    if (!mls_resize(&shelf->key, capacity, sizeof *shelf->key, err)
        || !mls_resize(&shelf->tally, capacity, sizeof *shelf->tally, err))
        return false;
    shelf->capacity = capacity;
    return true;
}

static bool count_key(struct shelf *shelf, uint64_t key, int64_t row, double w,
                      bool positive, struct mls_error *err)
{
    int64_t slot, number;

    if (!shelf_room(shelf, err))
        return false;
    slot = find_slot(shelf, key);
    number = (int64_t)shelf->slot[slot] - 1;
    if (number < 0) {
        number = shelf->count++;
        shelf->slot[slot] = (uint32_t)number + 1;
        shelf->key[number] = key;
        shelf->tally[number] = (struct tally){ 0 };
    }
    add_to(&shelf->tally[number], row, w, positive);
    return true;
}

/* The key of the run that begins at word i of a chunk, 0 when a part of it is
 * struck out. */
static inline uint64_t key_at(const struct chunk *chunk, int64_t length,
                              int64_t i)
{
    const uint32_t *run = length > 2 ? chunk->run : chunk->word;
    uint32_t last = chunk->word[i + length - 1];

    return run[i] && last ? (uint64_t)run[i] << 32 | last : 0;
}

static inline int shelf_of(uint64_t key)
{
    return (int)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SHELF_BITS));
}

static bool fill_shelf(void *context, int64_t index, struct mls_error *err)
{
    struct counting *c = context;
    struct shelf *shelf = &c->shelves[index];

    for (int64_t k = 0; k < c->chunk_count; k++) {
        const struct chunk *chunk = &c->chunks[k];
        int64_t rows = chunk_rows(c, k);

        if (!mls_run_go_on(c->in->run, err))
            return false;
        for (int64_t r = 0; r < rows; r++) {
            int64_t row = k * CHUNK + r;
            double w = weight_of(c, row);
            bool positive = is_positive(c, row);

            for (int64_t i = chunk->begin[r];
                 i + c->length <= chunk->begin[r + 1]; i++) {
                uint64_t key = key_at(chunk, c->length, i);

                if (key && shelf_of(key) == index
                    && !count_key(shelf, key, row, w, positive, err))
                    return false;
            }
        }
    }
    return true;
}

/* Item of the run without the last word; its word is the key's lower half. */
static void make_item(const struct counting *c, uint64_t key,
                      const struct tally *tally, struct mls_ngram *to)
{
    *to = c->out->item[(key >> 32) - 1];
    to->word[c->length - 1] = (uint32_t)key;
    to->tf = tally->tf;
    to->df = tally->df;
    to->positive = tally->positive;
}

/* Runs of enough texts become items. */
static bool keep_runs(struct counting *c, struct shelf *shelf,
                      struct mls_error *err)
{
    struct mls_ngrams *out = c->out;

    shelf->item = mls_new(shelf->count, sizeof *shelf->item, err);
    for (int64_t i = 0; shelf->item && i < shelf->count; i++) {
        struct mls_ngram item;

        if (shelf->tally[i].df < c->in->min_df)
            continue;
        if (!mls_grow(&out->item, out->count, &out->capacity,
                      sizeof *out->item, err))
            return false;
        make_item(c, shelf->key[i], &shelf->tally[i], &item);
        out->item[out->count++] = item;
        shelf->item[i] = (uint32_t)out->count;
    }
    return shelf->item && out->count < INT32_MAX;
}

/* Which run begins at each word, for the next length. */
static bool name_runs(void *context, int64_t index, struct mls_error *err)
{
    const struct counting *c = context;
    struct chunk *chunk = &c->chunks[index];
    int64_t rows = chunk_rows(c, index);

    (void)err;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = chunk->begin[r]; i < chunk->begin[r + 1]; i++) {
            uint64_t key = i + c->length <= chunk->begin[r + 1]
                ? key_at(chunk, c->length, i)
                : 0;
            const struct shelf *shelf = &c->shelves[shelf_of(key)];

            chunk->run[i] = key
                ? shelf->item[shelf->slot[find_slot(shelf, key)] - 1]
                : 0;
        }
    }
    return true;
}

static void clear_shelves(struct counting *c)
{
    for (int s = 0; s < SHELVES; s++) {
        struct shelf *shelf = &c->shelves[s];

        mls_free(shelf->key);
        mls_free(shelf->tally);
        mls_free(shelf->item);
        mls_free(shelf->slot);
        *shelf = (struct shelf){ 0 };
    }
}

static bool count_runs(struct counting *c, struct mls_error *err)
{
    bool ok = mls_parallel(c->in->run, SHELVES, fill_shelf, c, err);

    for (int s = 0; ok && s < SHELVES; s++)
        ok = keep_runs(c, &c->shelves[s], err);
    if (ok && c->length < c->in->ngrams)
        ok = mls_parallel(c->in->run, c->chunk_count, name_runs, c, err);
    clear_shelves(c);
    return ok;
}

/* ---- all of it ---- */

static void counting_clear(struct counting *c)
{
    for (int64_t i = 0; c->chunks && i < c->chunk_count; i++) {
        mls_terms_clear(&c->chunks[i].words);
        mls_free(c->chunks[i].tally);
        mls_free(c->chunks[i].begin);
        mls_free(c->chunks[i].word);
        mls_free(c->chunks[i].run);
    }
    mls_free(c->chunks);
    mls_free(c->place);
    clear_shelves(c);
}

bool mls_ngrams_count(const struct mls_ngram_source *source,
                      struct mls_ngrams *out, struct mls_error *err)
{
    struct counting c = { .in = source, .out = out };
    bool ok;

    *out = (struct mls_ngrams){ 0 };
    for (int64_t i = 0; i < source->table->rows; i++)
        out->rows += weight_of(&c, i);
    c.chunk_count = (source->table->rows + CHUNK - 1) / CHUNK;
    c.chunks = mls_new(c.chunk_count, sizeof *c.chunks, err);
    ok = c.chunks
        && mls_parallel(source->run, c.chunk_count, read_chunk, &c, err)
        && merge_words(&c, err) && place_words(&c, err)
        && mls_parallel(source->run, c.chunk_count, place_chunk, &c, err);
    for (c.length = 2; ok && c.length <= source->ngrams; c.length++)
        ok = count_runs(&c, err);
    counting_clear(&c);
    if (!ok)
        mls_ngrams_clear(out);
    return ok;
}

void mls_ngrams_clear(struct mls_ngrams *ngrams)
{
    mls_free(ngrams->item);
    mls_free(ngrams->number);
    mls_terms_clear(&ngrams->words);
    *ngrams = (struct mls_ngrams){ 0 };
}

int mls_ngram_compare(const struct mls_ngram *a, const struct mls_ngram *b)
{
    for (int k = 0; k < MLS_NGRAM_WORDS; k++)
        if (a->word[k] != b->word[k])
            return a->word[k] < b->word[k] ? -1 : 1;
    return 0;
}

void mls_ngram_text(const struct mls_ngrams *ngrams,
                    const struct mls_ngram *ngram, struct mls_text *to)
{
    for (int k = 0; k < MLS_NGRAM_WORDS && ngram->word[k]; k++) {
        size_t length;
        const char *text = mls_terms_text(
            &ngrams->words, ngrams->number[ngram->word[k] - 1], &length);

        if (k > 0)
            mls_text_add(to, " ");
        mls_text_add_bytes(to, text, length);
    }
}
