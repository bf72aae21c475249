/*
 * A whole file to a table in one pass over its bytes.
 *
 *     sample -> a wish per column -> chunks in parallel -> counters, levels
 *                                                              |
 *     blocks <- codes, texts, lines <- kinds <- rules of infer.c
 *
 * The first rows suggest what each column is, and the chunks are parsed as
 * that.  But what a column IS follows from all its cells, as in infer.c: each
 * chunk counts what infer.c would count, and the rules see the sums.  When they
 * say otherwise (a word after 800,000 numbers), that column alone is read
 * again: first as codes, from which everything can be counted, then as what it
 * then turns out to be.
 *
 * Whatever is odd (a ragged row, a quote out of order, bytes that are not
 * UTF-8, a wrong cell) ends the attempt: the slow way reads the file from its
 * start, does what the options ask, or says which record is wrong.  So there is
 * one place that knows the errors, and the earliest is found by construction.
 *
 * Chunks are cut by the size of the file alone and results are put together in
 * their order: the number of threads changes nothing.  Codes depend on who met
 * a level first, but only until they are replaced by places in the sorted
 * dictionary.
 */
#include "table/csv_table.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "table/block.h"
#include "table/csv_ahead.h"
#include "table/csv_whole.h"

#define CHUNK_BYTES (1 << 20)
#define PIECE_BYTES (1 << 16)
#define BATCH_CHUNKS 8          /* of what comes in order */
#define SAMPLE_ROWS 100
#define SLABS_FROM (8 << 20)    /* bytes of the file */
#define WIDTH_LIMIT 4096        /* wider tables have too few rows a chunk */

struct mls_csv_tuning mls_csv_tuning = { .most = MLS_SIMD_AVX512 };

/* ---- what can be read ---- */

bool mls_csv_fits(const struct mls_reader *r)
{
    const struct mls_dialect *d = mls_scan_dialect(r->scan);
    const struct mls_input *input = mls_scan_input(r->scan);

    return !mls_csv_tuning.off
        && (d->escape == 0 || d->escape == d->quote) && d->comment == 0
        && r->width <= WIDTH_LIMIT
        /* Blank lines are cells of one column, but not before its first row,
         * which without a header is where the fast way would begin. */
        && !(d->no_header && r->width == 1)
        && (!mls_input_is_direct(input)
            || mls_input_size(input) > r->data_start);
}

/* Leaves all numbers to cells, where --na=-999 is known. */
static int64_t no_reals(const char *bytes, const uint32_t *before,
                        const uint32_t *at, int64_t stride, int64_t count,
                        char point, double *out, uint32_t *hard,
                        struct mls_reals_counts *counts)
{
    (void)bytes;
    (void)before;
    (void)at;
    (void)stride;
    (void)point;
    (void)out;
    (void)counts;
    for (int64_t i = 0; i < count; i++)
        hard[i] = (uint32_t)i;
    return count;
}

static bool number_is_missing(const struct mls_reader *r)
{
    for (int64_t i = 0; i < r->missing.added.count; i++) {
        const char *token = r->missing.added.items[i];
        double value;

        if (mls_parse_real(token, strlen(token), r->decimal, &value, NULL))
            return true;
    }
    return false;
}

void mls_csv_init(struct mls_csv *csv, const struct mls_reader *r)
{
    const struct mls_dialect *d = mls_scan_dialect(r->scan);
    const struct mls_csv_tuning *t = &mls_csv_tuning;
    enum mls_simd simd = mls_simd_best();
    struct mls_input *input = mls_scan_input(r->scan);
    bool direct = mls_input_is_direct(input), ended = true;
    int64_t available =
        direct ? mls_input_size(input) : mls_input_kept(input, &ended);

    if (simd > t->most)
        simd = t->most;
    *csv = (struct mls_csv){
        .reader = r,
        .input = input,
        .size = ended ? available : MLS_SIZE_UNKNOWN,
        .available = available,
        .data_start = r->data_start,
        .width = r->width,
        .delimiter = d->delimiter,
        .quote = d->quote,
        .decimal = d->decimal,
        .piece = t->piece_bytes > 0 ? t->piece_bytes : PIECE_BYTES,
        .block_rows = t->block_rows > 0 ? t->block_rows : MLS_BLOCK_ROWS,
        .levels_limit = t->levels_limit > 0 ? t->levels_limit
                                            : MLS_LEVELS_LIMIT,
        .with_lines = true,
        .column_count = r->schema.count,
        .index = mls_index_of(simd),
        .count_lines = mls_count_lines_of(simd),
        .reals = number_is_missing(r) ? no_reals : mls_reals_of(simd),
    };
}

/* Watches some rows, takes what they suggest, and puts the counters back.  *fit
 * is false when they cannot be read. */
static bool suggest(struct mls_whole *t, bool *fit, struct mls_error *err)
{
    struct mls_inference *in = t->in;
    int64_t width = t->csv.width;
    struct mls_watch *start = mls_new(width, sizeof(*start), err);
    struct mls_error why = { 0 };

    if (start == NULL)
        return false;
    memcpy(start, in->watches, (size_t)width * sizeof(*start));
    *fit = mls_inference_sample(in, SAMPLE_ROWS, &why);
    for (int64_t i = 0; i < width; i++) {
        struct mls_watch *w = &in->watches[i];
        struct mls_wish *wish = &t->csv.wishes[i];

        wish->field = i;
        wish->take = mls_take_of(mls_watch_kind(w, w->set.count));
        wish->form = mls_watch_form(w, &in->r->schema.fields[i]);
        mls_level_set_clear(&w->set);
        *w = start[i];
    }
    mls_free(start);
    if (!*fit && why.code != MLS_DATA) {
        if (err != NULL)
            *err = why;
        return false;
    }
    return true;
}

/* ---- reading the chunks ---- */

static int64_t chunk_bytes(const struct mls_whole *t)
{
    if (mls_csv_tuning.chunk_bytes > 0)
        return mls_csv_tuning.chunk_bytes;
    return 512 * t->csv.width > CHUNK_BYTES ? 512 * t->csv.width : CHUNK_BYTES;
}

/* The place up to which chunks are cut. */
static int64_t cut_end(const struct mls_whole *t)
{
    return t->chunk_count > 0 ? t->chunks[t->chunk_count - 1].end
                              : t->csv.data_start;
}

static bool add_chunk(struct mls_whole *t, int64_t begin, int64_t end,
                      struct mls_error *err)
{
    if (!mls_grow(&t->ready, t->chunk_count, &t->ready_capacity, 1, err)
        || !mls_grow(&t->chunks, t->chunk_count, &t->chunk_capacity,
                     sizeof(*t->chunks), err))
        return false;
    t->ready[t->chunk_count] = 0;
    t->chunks[t->chunk_count++] =
        (struct mls_chunk){ .begin = begin, .end = end, .start = -1 };
    return true;
}

/* As many chunks more as there are bytes for: all of a file at once. */
static bool cut_chunks(struct mls_whole *t, struct mls_error *err)
{
    int64_t bytes = chunk_bytes(t), size = t->csv.size;

    for (int64_t begin = cut_end(t); begin < size;) {
        int64_t end = size - begin > bytes ? begin + bytes : size;

        if (!mls_ahead_has(&t->csv, end))
            break;
        if (!add_chunk(t, begin, end, err))
            return false;
        begin = end;
    }
    return true;
}

/* Goes on from chunk to chunk while each starts where the one before says. */
static void check_ready(struct mls_whole *t)
{
    while (t->checked < t->chunk_count && t->ready[t->checked]) {
        const struct mls_chunk *c = &t->chunks[t->checked];

        if (c->starved
            || c->start != (t->checked > 0 ? c[-1].next : t->csv.data_start))
            return; /* to be read again later */
        if (c->odd)
            __atomic_store_n(&t->odd, true, __ATOMIC_RELAXED);
        t->checked++;
    }
}

static struct mls_csv_worker *own_worker(struct mls_whole *t)
{
    return &t->workers[mls_worker() % t->worker_count];
}

static bool read_chunk(void *whole, int64_t i, struct mls_error *err)
{
    struct mls_whole *t = whole;
    struct mls_chunk *c = &t->chunks[i];
    int64_t done, rows;

    if (__atomic_load_n(&t->odd, __ATOMIC_RELAXED))
        return true;
    if (!mls_chunk_read(&t->csv, c, own_worker(t), err))
        return false;
    pthread_mutex_lock(&t->mutex);
    t->ready[i] = 1;
    t->bytes_done += c->end - c->begin;
    t->rows_done += c->rows;
    done = t->bytes_done;
    rows = t->rows_done;
    check_ready(t);
    pthread_mutex_unlock(&t->mutex);
    if (mls_worker() == 0 && mls_input_is_direct(t->csv.input))
        mls_progress_rows(t->run, "reading", rows, (double)done,
                          (double)t->csv.size);
    return true;
}

static bool read_anew(struct mls_whole *t, struct mls_chunk *c, int64_t start,
                      struct mls_error *err)
{
    mls_chunk_clear(c, t->csv.width);
    t->spoiled = true;
    c->start = c->next = start;
    if (start >= c->end)
        return true; /* all of it belongs to a record before */
    mls_csv_tuning.again++;
    return (t->run == NULL || mls_run_go_on(t->run, err))
        && mls_chunk_read(&t->csv, c, &t->workers[0], err);
}

/* Reads again, in order, the chunks that started at a wrong place, or needed
 * bytes that were not there. */
static bool check_chunks(struct mls_whole *t, int64_t first,
                         struct mls_error *err)
{
    for (int64_t i = first; i < t->chunk_count && !t->odd; i++) {
        struct mls_chunk *c = &t->chunks[i];

        if (c->start != t->expected && !read_anew(t, c, t->expected, err))
            return false;
        while (c->starved) {
            if (!mls_ahead_feed(&t->csv, c, err)
                || !read_anew(t, c, t->expected, err))
                return false;
        }
        t->odd |= c->odd;
        t->expected = c->next;
        t->in->rows += c->rows;
    }
    return true;
}

/* How far to fetch while the chunks that there are are read. */
static int64_t fetch_to(const struct mls_whole *t)
{
    return cut_end(t) + BATCH_CHUNKS * chunk_bytes(t) + MLS_AHEAD_MARGIN;
}

static bool read_chunks(struct mls_whole *t, struct mls_error *err)
{
    struct mls_input *input = t->csv.input;

    t->expected = t->csv.data_start;
    mls_progress(t->run, "reading", 0, (double)mls_input_size(input));
    do {
        int64_t first = t->chunk_count;

        if (first == 0)
            t->csv.slabs = mls_csv_tuning.chunk_bytes > 0
                || t->csv.size - t->csv.data_start > SLABS_FROM;
        if (!cut_chunks(t, err)
            || !mls_ahead_run(&t->csv, t->run, fetch_to(t), first,
                              t->chunk_count - first, read_chunk, t, err)
            || !check_chunks(t, first, err))
            return false;
        mls_input_drop(input, cut_end(t) - 1);
        if (!mls_input_is_direct(input) && t->in->rows > 0)
            mls_progress_rows(t->run, "reading", t->in->rows,
                              (double)mls_input_at(input),
                              (double)mls_input_size(input));
    } while (!t->odd && cut_end(t) < t->csv.size);
    t->odd |= t->in->rows == 0;
    return true;
}

/* ---- reading columns again ---- */

/* Reads the columns that have a wish from a chunk that is known. */
static bool read_again(void *whole, int64_t i, struct mls_error *err)
{
    struct mls_whole *t = whole;
    struct mls_chunk *c = &t->chunks[i];
    struct mls_chunk again = { .begin = c->begin, .end = c->end,
                               .start = c->start };
    bool ok;

    if (c->rows == 0 || __atomic_load_n(&t->odd, __ATOMIC_RELAXED))
        return true;
    ok = mls_chunk_read(&t->csv, &again, own_worker(t), err);
    if (ok && (again.odd || again.starved || again.rows != c->rows
               || again.block_count != c->block_count)) {
        __atomic_store_n(&t->odd, true, __ATOMIC_RELAXED);
    } else if (ok) {
        for (int64_t k = 0; k < t->csv.width; k++) {
            if (t->csv.wishes[k].take == MLS_TAKE_NOTHING)
                continue;
            for (int64_t b = 0; b < c->block_count; b++) {
                struct mls_column **to = &c->blocks[b]->columns[k];

                mls_column_free(*to);
                *to = again.blocks[b]->columns[k];
                again.blocks[b]->columns[k] = NULL;
            }
            c->tallies[k] = again.tallies[k];
            c->levels[k] = again.levels[k];
            again.levels[k] = NULL;
        }
    }
    mls_chunk_clear(&again, t->csv.width);
    return ok;
}

/* The chunks from first on that can be read now. */
static int64_t known_chunks(const struct mls_whole *t, int64_t first)
{
    int64_t n = first;

    while (n < t->chunk_count && mls_ahead_has(&t->csv, t->chunks[n].end)
           && (t->chunks[n].next < t->csv.available
               || t->csv.available >= t->csv.size))
        n++;
    return n - first;
}

/* All chunks once more; what comes in order comes again. */
static bool read_all_again(struct mls_whole *t, struct mls_error *err)
{
    struct mls_input *input = t->csv.input;
    bool direct = mls_input_is_direct(input);

    if (!direct && !mls_input_rewind(input, err))
        return false;
    t->csv.available = direct ? t->csv.size : 0;
    for (int64_t first = 0, n; first < t->chunk_count; first += n) {
        const struct mls_chunk *last;
        int64_t to;

        n = known_chunks(t, first);
        last = &t->chunks[first + n - (n > 0)];
        to = last->next + BATCH_CHUNKS * chunk_bytes(t) + MLS_AHEAD_MARGIN;
        if (!mls_ahead_run(&t->csv, t->run, to, first, n, read_again, t, err))
            return false;
        mls_input_drop(input, (n > 0 ? last->end : last->begin) - 1);
    }
    return true;
}

static bool settle_columns(struct mls_whole *t, struct mls_error *err)
{
    for (;;) {
        bool again = false;

        if (!mls_parallel(t->run, t->csv.width, mls_judge_column, t, err))
            return false;
        for (int64_t i = 0; i < t->csv.width; i++)
            again |= t->csv.wishes[i].take != MLS_TAKE_NOTHING;
        if (!again || t->odd)
            return true;
        mls_csv_tuning.again++;
        t->csv.with_lines = false;
        t->spoiled = false;
        if (!read_all_again(t, err) || t->odd)
            return t->odd;
    }
}

/* Cells that are no numbers in columns of numbers: the slow way says where. */
static void look_for_wrong(struct mls_whole *t)
{
    for (int64_t i = 0; i < t->csv.width; i++) {
        const struct mls_watch *w = &t->in->watches[i];
        enum mls_kind kind = mls_watch_kind(w, w->set.count);

        if ((MLS_KIND_BIT(kind) & MLS_KINDS_NUMERIC) != 0
            && w->cells != w->numbers)
            t->odd = true;
    }
}

/* ---- the last touch ---- */

/* The dictionaries of the categories, and what codes become. */
static bool sort_levels(void *whole, int64_t i, struct mls_error *err)
{
    struct mls_whole *t = whole;
    struct mls_watch *w = &t->in->watches[i];
    struct mls_merge *m = &t->merges[i];
    uint32_t *order;

    if (mls_watch_kind(w, w->set.count) != MLS_KIND_CATEGORY)
        return true;
    order = mls_new(m->count, sizeof(*order), err);
    if (order != NULL)
        w->given = mls_merge_dictionary(m, order, err);
    for (int64_t k = 0; w->given != NULL && k < t->worker_count; k++) {
        struct mls_levels *l =
            t->workers[k].levels != NULL ? t->workers[k].levels[i] : NULL;

        for (; l != NULL; l = l->next) {
            for (int64_t n = 0; n < l->count; n++) {
                if (l->map[n] != MLS_CODE_MISSING)
                    l->map[n] = order[l->map[n]];
            }
        }
    }
    mls_free(order);
    return w->given != NULL;
}

static void map_codes(const struct mls_levels *levels,
                      struct mls_column *column)
{
    const uint32_t *map = levels->map;
    uint32_t *code = column->code;

    for (int64_t i = 0; i < column->rows; i++) {
        if (code[i] != MLS_CODE_MISSING)
            code[i] = map[code[i]];
    }
}

/* The texts that codes stand for. */
static struct mls_column *spell_codes(const struct mls_levels *levels,
                                      const struct mls_column *from,
                                      struct mls_error *err)
{
    struct mls_column *to;
    int64_t bytes = 0;

    for (int64_t i = 0; i < from->rows; i++) {
        if (from->code[i] != MLS_CODE_MISSING)
            bytes += levels->items[from->code[i]].length;
    }
    to = mls_column_new(MLS_STORE_TEXT, from->rows, bytes, false, err);
    if (to == NULL)
        return NULL;
    bytes = to->text.offset[0] = 0;
    for (int64_t i = 0; i < from->rows; i++) {
        if (from->code[i] != MLS_CODE_MISSING) {
            const struct mls_level_item *level = &levels->items[from->code[i]];

            if (level->length > 0)
                memcpy(to->text.bytes + bytes, levels->bytes + level->offset,
                       level->length);
            bytes += level->length;
        }
        to->text.offset[i + 1] = bytes;
    }
    return to;
}

/* When the last chunk that uses a table has taken its texts from it. */
static void leave_levels(struct mls_chunk *c, int64_t column)
{
    struct mls_levels *l = c->levels[column];

    c->levels[column] = NULL;
    if (__atomic_sub_fetch(&l->references, 1, __ATOMIC_ACQ_REL) == 0) {
        mls_free(l->bytes);
        mls_free(l->items);
        l->bytes = NULL;
        l->items = NULL;
        l->count = l->capacity = 0;
    }
}

static bool finish_chunk(void *whole, int64_t i, struct mls_error *err)
{
    struct mls_whole *t = whole;
    struct mls_chunk *c = &t->chunks[i];
    const struct mls_schema *schema = &t->in->r->schema;

    for (int64_t b = 0; b < c->block_count; b++) {
        struct mls_block *block = c->blocks[b];

        for (int64_t n = 0; n < block->rows; n++)
            block->line[n] += c->first_line;
        for (int64_t k = 0; k < schema->count; k++) {
            enum mls_kind kind = schema->fields[k].kind;
            struct mls_column *spelled;

            if (mls_kind_storage(kind) == MLS_STORE_CODE)
                map_codes(c->levels[k], block->columns[k]);
            if (kind != MLS_KIND_TEXT)
                continue;
            spelled = spell_codes(c->levels[k], block->columns[k], err);
            if (spelled == NULL)
                return false;
            mls_column_free(block->columns[k]);
            block->columns[k] = spelled;
        }
    }
    for (int64_t k = 0; c->levels != NULL && k < schema->count; k++) {
        if (schema->fields[k].kind == MLS_KIND_TEXT)
            leave_levels(c, k);
    }
    return true;
}

static bool hand_over(struct mls_whole *t, struct mls_table *table,
                      struct mls_error *err)
{
    struct mls_reader *r = t->in->r;

    for (int64_t i = 0; i < t->chunk_count; i++) {
        struct mls_chunk *c = &t->chunks[i];

        for (int64_t b = 0; b < c->block_count; b++) {
            struct mls_block *block = c->blocks[b];

            c->blocks[b] = NULL;
            if (!mls_table_append(table, block, err))
                return false;
        }
    }
    r->counts.rows = table->rows;
    r->counts.bytes = t->csv.size;
    return true;
}

static bool finish(struct mls_whole *t, struct mls_table *table,
                   struct mls_error *err)
{
    int64_t line = t->in->r->data_line;

    if (!mls_parallel(t->run, t->csv.width, sort_levels, t, err)
        || !mls_inference_decide(t->in, err))
        return false;
    for (int64_t i = 0; i < t->chunk_count; i++) {
        t->chunks[i].first_line = line;
        line += t->chunks[i].lines;
    }
    return mls_parallel(t->run, t->chunk_count, finish_chunk, t, err)
        && hand_over(t, table, err);
}

/* ---- all of it ---- */

static bool new_whole(struct mls_whole *t, struct mls_inference *in,
                      struct mls_error *err)
{
    const struct mls_reader *r = in->r;

    *t = (struct mls_whole){ .in = in, .run = r->run };
    pthread_mutex_init(&t->mutex, NULL);
    mls_csv_init(&t->csv, r);
    t->worker_count = mls_pool_threads(r->run != NULL ? r->run->pool : NULL);
    t->workers = mls_new(t->worker_count, sizeof(*t->workers), err);
    if (t->workers == NULL)
        return false;
    t->csv.wishes = mls_new(r->width, sizeof(*t->csv.wishes), err);
    if (t->csv.wishes == NULL)
        return false;
    t->merges = mls_new(r->width, sizeof(*t->merges), err);
    if (t->merges == NULL)
        return false;
    t->sure = mls_new(r->width, 1, err);
    return t->sure != NULL;
}

static void clear_whole(struct mls_whole *t)
{
    int64_t width = t->csv.width;

    for (int64_t i = 0; t->chunks != NULL && i < t->chunk_count; i++)
        mls_chunk_clear(&t->chunks[i], width);
    for (int64_t i = 0; t->workers != NULL && i < t->worker_count; i++)
        mls_csv_worker_clear(&t->workers[i], width);
    for (int64_t i = 0; i < width; i++) {
        if (t->merges != NULL)
            mls_merge_clear(&t->merges[i]);
        mls_dictionary_free(t->in->watches[i].given);
        t->in->watches[i].given = NULL;
    }
    mls_free(t->chunks);
    mls_free(t->workers);
    mls_free(t->csv.wishes);
    mls_free(t->merges);
    mls_free(t->sure);
    mls_free(t->ready);
    pthread_mutex_destroy(&t->mutex);
}

bool mls_csv_table(struct mls_inference *in, struct mls_table *table,
                   bool *done, struct mls_error *err)
{
    struct mls_watch *start;
    struct mls_whole t;
    bool fit = true, ok;

    *done = false;
    if (!mls_csv_fits(in->r))
        return true;
    start = mls_new(in->r->width, sizeof(*start), err);
    if (start == NULL)
        return false;
    memcpy(start, in->watches, (size_t)in->r->width * sizeof(*start));
    ok = new_whole(&t, in, err) && suggest(&t, &fit, err);
    in->rows = 0;
    if (ok && fit) {
        ok = read_chunks(&t, err) && (t.odd || settle_columns(&t, err));
        if (ok && !t.odd)
            look_for_wrong(&t);
        *done = ok && !t.odd;
        if (*done)
            ok = finish(&t, table, err);
        mls_csv_tuning.tables += *done;
    }
    clear_whole(&t);
    if (!*done)
        memcpy(in->watches, start, (size_t)in->r->width * sizeof(*start));
    mls_free(start);
    return ok;
}
