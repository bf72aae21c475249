/*
 * A chunk: loaded, indexed piece by piece, and parsed column by column.
 *
 *     input    ...|----------- chunk -----------|...
 *     records   aaaa|bbbbbb|ccccc| ... |xxxxxxxxxxxx|
 *                   ^start                          ^next
 *
 * A chunk owns the records that start in it, and reads on as far as the last of
 * them goes.  Where its first record starts it can only guess when it begins in
 * the middle of the file: behind the first line end, unless that looks wrong
 * (a line end inside quotes).  Whoever asked for the chunk checks the guess
 * against next of the chunk before, and has it read again when it was wrong; so
 * a bad guess costs time and is never an error.
 *
 * A piece of 64 KB stays in the first cache levels between indexing and
 * parsing.  In it, runs of regular records are found: every width-th position a
 * line end and no other.  Blank lines are passed over.  Anything else makes the
 * chunk odd.
 */
#include "table/csv_chunk.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"
#include "table/block.h"
#include "table/csv_cells.h"
#include "table/date.h"

#define OVERLAP 4096            /* bytes read behind the chunk at first */
#define BUFFER_LIMIT (16 << 20) /* longer records go the slow way */
#define LOOK_BYTES 16384        /* for judging a guess */

/* The reading of one chunk.  Places are indexes into the worker's buffer. */
struct job {
    const struct mls_csv *csv;
    struct mls_chunk *chunk;
    struct mls_csv_worker *worker;
    char *bytes;
    int64_t origin;             /* place p is byte p - 64 + origin of input */
    int64_t from, to;           /* bytes that are there */
    int64_t chunk_end;          /* place of the chunk's end */
    bool complete;              /* to is the end of the input */
    struct mls_index_state state;
    int64_t indexed;            /* place up to which positions were found */
    int64_t used, count;        /* positions[used] is the end before the next
                                 * cell, those after it to count are ends */
    int64_t line_ends;          /* among these */
    int64_t bound;              /* rows that can come yet */
    int64_t room;               /* rows that the last block takes yet */
};

static int64_t offset_of(const struct job *j, int64_t place)
{
    return place - MLS_INDEX_MARGIN + j->origin;
}

/* ---- loading ---- */

static bool grow_buffer(struct job *j, int64_t bytes, struct mls_error *err)
{
    struct mls_csv_worker *w = j->worker;
    int64_t need = bytes + 2 * MLS_INDEX_MARGIN + 2;

    if (need > w->capacity) {
        int64_t capacity = need + need / 8;

        if (!mls_resize(&w->buffer, capacity, 1, err))
            return false;
        memset(w->buffer, ' ', MLS_INDEX_MARGIN);
        w->capacity = capacity;
    }
    j->bytes = w->buffer;
    return true;
}

/* Bytes up to place to. */
static bool load(struct job *j, int64_t to, struct mls_error *err)
{
    int64_t end = offset_of(j, to);
    size_t want, got;

    if (end > j->csv->available)
        to -= end - j->csv->available;
    if (!grow_buffer(j, to - MLS_INDEX_MARGIN, err))
        return false;
    want = to > j->to ? (size_t)(to - j->to) : 0;
    if (!mls_input_read_at(j->csv->input, offset_of(j, j->to),
                           j->bytes + j->to, want, &got, err))
        return false;
    j->to += (int64_t)got;
    if (got < want)
        j->chunk->odd = true; /* the file shrinks while it is read */
    j->complete = offset_of(j, j->to) >= j->csv->size;
    /* A last line without its end gets one. */
    if (j->complete && j->to > j->from && j->bytes[j->to - 1] != '\n'
        && j->bytes[j->to - 1] != '\r')
        j->bytes[j->to++] = '\n';
    memset(j->bytes + j->to, ' ', MLS_INDEX_MARGIN);
    return true;
}

/* The first place from p on that a line starts at; to when there is none. */
static int64_t line_start(const struct job *j, int64_t p)
{
    for (; p < j->to; p++) {
        if (j->bytes[p - 1] == '\n'
            || (j->bytes[p - 1] == '\r' && j->bytes[p] != '\n'))
            return p;
    }
    return j->to;
}

/* ---- where the first record starts ---- */

/* Room for the positions of bytes more bytes. */
static bool reserve_positions(struct job *j, int64_t bytes,
                              struct mls_error *err)
{
    struct mls_csv_worker *w = j->worker;
    int64_t need = j->count + bytes + 80;

    if (need <= w->position_capacity)
        return true;
    if (!mls_resize(&w->positions, need + need / 2, sizeof(*w->positions),
                    err))
        return false;
    w->position_capacity = need + need / 2;
    return true;
}

/* The place behind the first line end from p on, read from the given state, and
 * whether a regular record seems to start there. */
static bool looks_right(struct job *j, int64_t p, bool inside, int64_t *start)
{
    struct mls_index_state state = MLS_INDEX_START;
    int64_t width = j->csv->width, count, first = 0;
    int64_t to = p + LOOK_BYTES < j->to ? p + LOOK_BYTES : j->to;
    uint32_t *ends = j->worker->positions;

    *start = j->to;
    state.inside = inside ? ~0ULL : 0;
    count = j->csv->index(j->bytes, p, to, j->csv->delimiter, j->csv->quote,
                          ends, &state);
    if (inside) {
        while (first < count && j->bytes[ends[first]] != '\n'
               && j->bytes[ends[first]] != '\r')
            first++;
        if (first == count)
            return false;
        p = (int64_t)ends[first++] + 1;
    }
    *start = p;
    if (state.stray)
        return false;
    for (int64_t i = first; i < count; i++) {
        bool line = j->bytes[ends[i]] == '\n' || j->bytes[ends[i]] == '\r';

        if (line != (i - first == width - 1))
            return false;
        if (line)
            return true;
    }
    return !inside;
}

static bool guess_start(struct job *j, int64_t *start, struct mls_error *err)
{
    int64_t begin = MLS_INDEX_MARGIN + (j->chunk->begin - j->origin), other;

    if (j->chunk->begin == j->csv->data_start) {
        *start = begin;
        return true;
    }
    *start = line_start(j, begin);
    if (*start >= j->chunk_end)
        return true;
    if (!reserve_positions(j, LOOK_BYTES, err))
        return false;
    if (!looks_right(j, *start, false, &other)
        && looks_right(j, begin, true, &other))
        *start = other;
    return true;
}

/* ---- blocks ---- */

/* A column of capacity rows. */
static struct mls_column *new_column(const struct job *j, enum mls_take take,
                                     int64_t capacity, struct mls_error *err)
{
    enum mls_storage storage = take == MLS_TAKE_REAL ? MLS_STORE_REAL
        : take == MLS_TAKE_TIME                      ? MLS_STORE_TIME
        : take == MLS_TAKE_CODE                      ? MLS_STORE_CODE
                                                     : MLS_STORE_TEXT;
    struct mls_column *column;

    if (j->csv->slabs && storage != MLS_STORE_TEXT)
        return mls_slab_column(&j->worker->slab, storage, capacity, err);
    column = mls_column_new(storage, capacity, 0, false, err);
    if (column != NULL && storage == MLS_STORE_TEXT) {
        /* Grown as texts come. */
        mls_free(column->text.bytes);
        column->text.bytes = NULL;
        column->text.offset[0] = 0;
    }
    return column;
}

static bool new_block(struct job *j, struct mls_error *err)
{
    const struct mls_csv *csv = j->csv;
    struct mls_chunk *c = j->chunk;
    int64_t capacity =
        j->bound < csv->block_rows ? j->bound : csv->block_rows;
    struct mls_block *block;

    if (!mls_grow(&c->blocks, c->block_count, &c->block_capacity,
                  sizeof(struct mls_block *), err))
        return false;
    block = mls_block_new(capacity, csv->column_count, err);
    if (block == NULL)
        return false;
    c->blocks[c->block_count++] = block;
    block->rows = 0;
    if (csv->with_lines) {
        /* Not zeroed: every element is written. */
        block->line = mls_new_array(capacity, sizeof(*block->line), err);
        if (block->line == NULL)
            return false;
    }
    for (int64_t i = 0; i < csv->width; i++) {
        const struct mls_wish *wish = &csv->wishes[i];

        if (wish->take == MLS_TAKE_NOTHING)
            continue;
        block->columns[wish->field] = new_column(j, wish->take, capacity, err);
        if (block->columns[wish->field] == NULL)
            return false;
    }
    j->room = capacity;
    return true;
}

/* What was not filled is left off. */
static void close_block(struct mls_block *block)
{
    for (int64_t i = 0; i < block->column_count; i++) {
        if (block->columns[i] != NULL)
            block->columns[i]->rows = block->rows;
    }
}

/* ---- records ---- */

static bool is_line_end(const struct job *j, int64_t i)
{
    char byte = j->bytes[j->worker->positions[i]];

    return byte == '\n' || byte == '\r';
}

/* Where the record that starts behind position i begins. */
static int64_t record_start(const struct job *j, int64_t i)
{
    return (int64_t)j->worker->positions[i] + 1;
}

/* How many regular records stand in a row from used on. */
static int64_t regular_rows(const struct job *j)
{
    int64_t width = j->csv->width, ends = j->count - 1 - j->used;
    int64_t rows = ends / width, row;

    for (row = 0; row < rows; row++) {
        if (!is_line_end(j, j->used + (row + 1) * width))
            break;
    }
    /* As many line ends as rows: none is inside one. */
    if (row == rows && j->line_ends == rows)
        return rows;
    for (row = 0; row < rows; row++) {
        for (int64_t i = 1; i <= width; i++) {
            if (is_line_end(j, j->used + row * width + i) != (i == width))
                return row;
        }
    }
    return rows;
}

/* Rows that start in the chunk. */
static int64_t own_rows(const struct job *j, int64_t rows)
{
    while (rows > 0
           && record_start(j, j->used + (rows - 1) * j->csv->width)
               >= j->chunk_end)
        rows--;
    return rows;
}

static bool check_utf8(const struct job *j, int64_t rows)
{
    int64_t start = record_start(j, j->used);
    int64_t end = j->worker->positions[j->used + rows * j->csv->width];

    return !j->state.high
        || mls_utf8_valid(j->bytes + start, (size_t)(end - start), NULL);
}

static void number_lines(struct job *j, struct mls_block *block, int64_t rows)
{
    const uint32_t *ends = j->worker->positions + j->used;
    int64_t *line = block->line != NULL ? block->line + block->rows : NULL;

    if (!j->state.inner_lines) {
        for (int64_t i = 0; line != NULL && i < rows; i++)
            line[i] = j->chunk->lines + i;
        j->chunk->lines += rows;
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t from = (int64_t)ends[i * j->csv->width] + 1;
        int64_t to = (int64_t)ends[(i + 1) * j->csv->width] + 1;

        if (line != NULL)
            line[i] = j->chunk->lines;
        j->chunk->lines += j->csv->count_lines(j->bytes, from, to);
    }
}

static bool reserve_rows(struct mls_csv_worker *w, int64_t rows,
                         struct mls_error *err)
{
    if (rows <= w->row_capacity)
        return true;
    rows += rows / 2 + 64;
    if (!mls_resize(&w->before, rows, sizeof(*w->before), err)
        || !mls_resize(&w->at, rows, sizeof(*w->at), err)
        || !mls_resize(&w->hard, rows, sizeof(*w->hard), err))
        return false;
    w->row_capacity = rows;
    return true;
}

/* rows regular records from used on into the last block. */
static bool take_rows(struct job *j, int64_t rows, struct mls_error *err)
{
    struct mls_chunk *c = j->chunk;
    struct mls_block *block = c->blocks[c->block_count - 1];
    const struct mls_span span = { .bytes = j->bytes,
                                   .ends = j->worker->positions + j->used,
                                   .rows = rows,
                                   .cr = j->state.cr,
                                   .quotes = j->state.quotes > 0,
                                   .block = block,
                                   .row = block->rows,
                                   .chunk_row = c->rows };

    if (!check_utf8(j, rows)) {
        c->odd = true;
        return true;
    }
    if (!reserve_rows(j->worker, rows, err))
        return false;
    for (int64_t i = 0; i < j->csv->width && !c->odd; i++) {
        if (!mls_cells_take(j->csv, c, j->worker, i, &span, err))
            return false;
    }
    number_lines(j, block, rows);
    block->rows += rows;
    c->rows += rows;
    j->room -= rows;
    j->bound -= rows;
    j->used += rows * j->csv->width;
    j->line_ends -= rows;
    return true;
}

/* A blank line, which is no record: passes over it. */
static bool pass_blank(struct job *j)
{
    int64_t p = record_start(j, j->used), end;

    if (j->csv->width == 1 || j->used + 1 >= j->count
        || !is_line_end(j, j->used + 1))
        return false;
    end = j->worker->positions[j->used + 1];
    end -= end > p && j->bytes[end] == '\n' && j->bytes[end - 1] == '\r';
    for (; p < end; p++) {
        if (j->bytes[p] != ' ' && j->bytes[p] != '\t')
            return false;
    }
    j->used++;
    j->line_ends--;
    j->chunk->lines++;
    return true;
}

/* All complete records among the positions. */
static bool take_records(struct job *j, bool *done, struct mls_error *err)
{
    struct mls_chunk *c = j->chunk;

    for (;;) {
        int64_t rows;

        *done = record_start(j, j->used) >= j->chunk_end || c->odd;
        if (*done)
            return true;
        if (pass_blank(j))
            continue;
        rows = own_rows(j, regular_rows(j));
        if (rows == 0) {
            /* A line end that is not where it should be. */
            c->odd |= j->line_ends > 0;
            *done = c->odd;
            return true;
        }
        if (j->room == 0) {
            if (c->block_count > 0)
                close_block(c->blocks[c->block_count - 1]);
            if (!new_block(j, err))
                return false;
        }
        rows = rows < j->room ? rows : j->room;
        if (!take_rows(j, rows, err))
            return false;
    }
}

/* ---- pieces ---- */

/* The positions of the next piece. */
static bool index_piece(struct job *j, struct mls_error *err)
{
    int64_t limit = j->complete ? j->to : j->to - 1; /* a CR needs its next */
    int64_t to = j->indexed + j->csv->piece, added;
    uint32_t *positions;

    /* What is behind the chunk is another's, but for the last record. */
    if (j->indexed < j->chunk_end && to > j->chunk_end + 512)
        to = j->chunk_end + 512;
    to = to < limit ? to : limit;
    if (to <= j->indexed)
        return true;
    j->count -= j->used;
    memmove(j->worker->positions, j->worker->positions + j->used,
            (size_t)j->count * sizeof(*positions));
    j->used = 0;
    if (!reserve_positions(j, to - j->indexed, err))
        return false;
    positions = j->worker->positions;
    j->state.line_ends = 0;
    added = j->csv->index(j->bytes, j->indexed, to, j->csv->delimiter,
                          j->csv->quote, positions + j->count, &j->state);
    j->count += added;
    j->line_ends += j->state.line_ends;
    j->indexed = to;
    if (j->state.stray || j->state.nul)
        j->chunk->odd = true;
    return true;
}

static bool read_records(struct job *j, struct mls_error *err)
{
    bool done = false;

    while (!done && !j->chunk->odd) {
        int64_t limit = j->complete ? j->to : j->to - 1;

        if (j->indexed >= limit) {
            if (j->complete) {
                /* A rest that is no record, or a quote never closed. */
                j->chunk->odd |= j->state.inside != 0
                    || record_start(j, j->used) < j->to;
                break;
            }
            if (j->to > BUFFER_LIMIT) {
                j->chunk->odd = true;
                break;
            }
            if (offset_of(j, j->to) >= j->csv->available) {
                j->chunk->starved = true;
                break;
            }
            if (!load(j, j->to + (j->to < 65536 ? 65536 : j->to), err))
                return false;
            continue;
        }
        if (!index_piece(j, err)
            || (!j->chunk->odd && !take_records(j, &done, err)))
            return false;
    }
    j->chunk->next = offset_of(j, record_start(j, j->used));
    return true;
}

/* ---- a chunk ---- */

static bool new_tallies(const struct mls_csv *csv, struct mls_chunk *c,
                        struct mls_csv_worker *w, struct mls_error *err)
{
    c->tallies = mls_new(csv->width, sizeof(*c->tallies), err);
    if (c->tallies == NULL)
        return false;
    c->levels = mls_new(csv->width, sizeof(struct mls_levels *), err);
    if (c->levels == NULL)
        return false;
    if (w->levels == NULL) {
        w->levels = mls_new(csv->width, sizeof(struct mls_levels *), err);
        if (w->levels == NULL)
            return false;
    }
    for (int64_t i = 0; i < csv->width; i++) {
        c->tallies[i].sequence = true;
        c->tallies[i].dates = MLS_DATE_FORMS;
    }
    return true;
}

/* The tables of levels that this chunk adds to. */
static bool join_levels(const struct mls_csv *csv, struct mls_chunk *c,
                        struct mls_csv_worker *w, struct mls_error *err)
{
    for (int64_t i = 0; i < csv->width; i++) {
        struct mls_levels *l = w->levels[i];

        if (csv->wishes[i].take != MLS_TAKE_CODE)
            continue;
        if (l == NULL || l->count > csv->levels_limit
            || l->used > MLS_LEVELS_BYTES) {
            l = mls_new(1, sizeof(*l), err);
            if (l == NULL)
                return false;
            l->next = w->levels[i];
            w->levels[i] = l;
        }
        l->references++;
        c->levels[i] = l;
    }
    return true;
}

bool mls_chunk_read(const struct mls_csv *csv, struct mls_chunk *c,
                    struct mls_csv_worker *worker, struct mls_error *err)
{
    struct job j = { .csv = csv, .chunk = c, .worker = worker,
                     .state = MLS_INDEX_START,
                     .from = MLS_INDEX_MARGIN, .to = MLS_INDEX_MARGIN };
    int64_t start;

    j.origin = c->start >= 0 ? c->start
        : c->begin > csv->data_start ? c->begin - 1 : c->begin;
    j.chunk_end = MLS_INDEX_MARGIN + (c->end - j.origin);
    if (!load(&j, j.chunk_end + OVERLAP, err))
        return false;
    start = MLS_INDEX_MARGIN;
    if (c->start < 0 && !guess_start(&j, &start, err))
        return false;
    c->start = c->next = offset_of(&j, start);
    if (start >= j.chunk_end || start >= j.to || c->odd)
        return true;
    if (!new_tallies(csv, c, worker, err)
        || !join_levels(csv, c, worker, err)
        || !reserve_positions(&j, csv->piece, err))
        return false;
    j.bound = 1
        + csv->count_lines(j.bytes, start,
                           j.chunk_end < j.to ? j.chunk_end : j.to);
    worker->positions[0] = (uint32_t)(start - 1);
    j.count = 1;
    j.indexed = start;
    if (!read_records(&j, err))
        return false;
    if (c->block_count > 0)
        close_block(c->blocks[c->block_count - 1]);
    return true;
}

void mls_chunk_clear(struct mls_chunk *c, int64_t width)
{
    for (int64_t i = 0; i < c->block_count; i++)
        mls_block_free(c->blocks[i]);
    for (int64_t i = 0; c->levels != NULL && i < width; i++) {
        if (c->levels[i] != NULL)
            c->levels[i]->references--;
    }
    mls_free(c->blocks);
    mls_free(c->tallies);
    mls_free(c->levels);
    *c = (struct mls_chunk){ .begin = c->begin, .end = c->end, .start = -1 };
}

void mls_csv_worker_clear(struct mls_csv_worker *w, int64_t width)
{
    for (int64_t i = 0; w->levels != NULL && i < width; i++) {
        while (w->levels[i] != NULL) {
            struct mls_levels *l = w->levels[i];

            w->levels[i] = l->next;
            mls_levels_clear(l);
            mls_free(l);
        }
    }
    mls_slab_free(w->slab);
    mls_free(w->levels);
    mls_free(w->buffer);
    mls_free(w->positions);
    mls_free(w->before);
    mls_free(w->at);
    mls_free(w->hard);
    mls_free(w->scratch);
    *w = (struct mls_csv_worker){ 0 };
}
