/*
 * A stream: as many chunks at a time as there are threads.
 *
 *     chunks   0 1 2 | 3 4 5 | 6 7 ...         with three threads
 *     blocks   delivered in the order of the file, then the next batch
 *
 * So memory is a few chunks, whatever the size of the file.  The chunks are cut
 * by the file alone, and their blocks do not depend on the batches.  What comes
 * in order (a pipe, a compressed file) is fetched beside them (csv_ahead.c); its
 * batches are larger, since to fetch is one task among many then.
 *
 * When a chunk is odd, the blocks before it are delivered, and then the slow
 * way takes over at the record where it starts, with its line and number: it
 * skips or pads what the options say, or fails with the very record.  It stays
 * until the end: what is odd seldom comes alone.
 *
 * Codes come from the dictionary of the schema, which is asked once per
 * different cell and thread; the tables that remember its answers are emptied
 * when they grow.
 */
#include "table/csv_stream.h"

#include "base/memory.h"
#include "base/threads.h"
#include "table/block.h"
#include "table/csv_ahead.h"
#include "table/csv_whole.h"

#define CHUNK_BYTES (256 * 1024)
#define CHUNKS_AHEAD 4          /* a thread, of what comes in order */
#define LEVELS_KEPT 8192

struct mls_stream {
    struct mls_reader *r;
    struct mls_csv csv;
    struct mls_csv_worker *workers;
    int64_t worker_count;
    int64_t chunk_bytes;
    int64_t batch;              /* chunks at a time */
    struct mls_chunk *chunks;   /* of the batch: room for that many */
    int64_t count;              /* chunks of it that are good */
    int64_t at, block;          /* the next block to deliver */
    int64_t begin;              /* of the next batch */
    int64_t expected;           /* its first record */
    int64_t line;               /* of that of the chunk being delivered */
    bool odd, slow;             /* the chunk after count is; it was told */
};

static enum mls_take take_of(enum mls_kind kind)
{
    return kind == MLS_KIND_TEXT ? MLS_TAKE_TEXT : mls_take_of(kind);
}

static bool make_wishes(struct mls_stream *s, struct mls_error *err)
{
    const struct mls_reader *r = s->r;

    s->csv.wishes = mls_new(r->width, sizeof(*s->csv.wishes), err);
    if (s->csv.wishes == NULL)
        return false;
    for (int64_t i = 0; i < r->feed_count; i++) {
        const struct mls_field *field = &r->schema.fields[r->feeds[i].field];

        s->csv.wishes[r->feeds[i].cell] = (struct mls_wish){
            .take = take_of(field->kind),
            .form = field->date_form,
            .field = r->feeds[i].field,
            .lenient = mls_role_is_lenient(field->role),
            .fails_unknown = r->options.unknown_is_error
                || field->role == MLS_ROLE_TARGET,
            .counts_wrong = r->options.list_errors,
            .dictionary = field->dictionary,
        };
    }
    return true;
}

struct mls_stream *mls_stream_new(struct mls_reader *r, int64_t block_rows,
                                  struct mls_error *err)
{
    struct mls_stream *s = mls_new(1, sizeof(*s), err);
    bool ok = s != NULL;

    if (!ok)
        return NULL;
    s->r = r;
    mls_csv_init(&s->csv, r);
    if (s->csv.block_rows > block_rows)
        s->csv.block_rows = block_rows;
    s->chunk_bytes = mls_csv_tuning.chunk_bytes > 0 ? mls_csv_tuning.chunk_bytes
        : 64 * r->width > CHUNK_BYTES               ? 64 * r->width
                                                    : CHUNK_BYTES;
    s->worker_count = mls_pool_threads(r->run != NULL ? r->run->pool : NULL);
    s->workers = mls_new(s->worker_count, sizeof(*s->workers), err);
    s->batch = s->worker_count
        * (mls_input_is_direct(s->csv.input) ? 1 : CHUNKS_AHEAD);
    if (s->workers != NULL)
        s->chunks = mls_new(s->batch, sizeof(*s->chunks), err);
    if (s->chunks == NULL || !make_wishes(s, err)) {
        mls_stream_free(s);
        return NULL;
    }
    mls_stream_rewind(s);
    return s;
}

static void drop_batch(struct mls_stream *s)
{
    for (int64_t i = 0; i < s->batch; i++)
        mls_chunk_clear(&s->chunks[i], s->csv.width);
    s->count = s->at = s->block = 0;
}

void mls_stream_rewind(struct mls_stream *s)
{
    drop_batch(s);
    if (!mls_input_is_direct(s->csv.input)) {
        mls_input_keep(s->csv.input, true);
        s->csv.available = 0; /* it comes again, from its start */
    }
    s->begin = s->expected = s->csv.data_start;
    s->line = s->r->data_line;
    s->odd = s->slow = false;
}

void mls_stream_free(struct mls_stream *s)
{
    if (s == NULL)
        return;
    for (int64_t i = 0; s->chunks != NULL && i < s->batch; i++)
        mls_chunk_clear(&s->chunks[i], s->csv.width);
    for (int64_t i = 0; s->workers != NULL && i < s->worker_count; i++)
        mls_csv_worker_clear(&s->workers[i], s->csv.width);
    mls_free(s->chunks);
    mls_free(s->workers);
    mls_free(s->csv.wishes);
    mls_free(s);
}

/* ---- a batch ---- */

static void empty_levels(struct mls_stream *s)
{
    for (int64_t k = 0; k < s->worker_count; k++) {
        struct mls_levels **levels = s->workers[k].levels;

        for (int64_t i = 0; levels != NULL && i < s->csv.width; i++) {
            for (struct mls_levels *l = levels[i]; l != NULL; l = l->next) {
                struct mls_levels *next = l->next;

                if (l->count <= LEVELS_KEPT)
                    continue;
                mls_levels_clear(l);
                l->next = next;
            }
        }
    }
}

static bool read_chunk(void *stream, int64_t i, struct mls_error *err)
{
    struct mls_stream *s = stream;

    return mls_chunk_read(&s->csv, &s->chunks[i],
                          &s->workers[mls_worker() % s->worker_count], err);
}

static bool read_anew(struct mls_stream *s, int64_t i, struct mls_error *err)
{
    struct mls_chunk *c = &s->chunks[i];

    mls_chunk_clear(c, s->csv.width);
    c->start = c->next = s->expected;
    if (s->expected >= c->end)
        return true;
    mls_csv_tuning.again++;
    return read_chunk(s, i, err);
}

/* Keeps the chunks up to the first odd one; reads again what started at a wrong
 * place, or needed bytes that were not there. */
static bool check_batch(struct mls_stream *s, int64_t count,
                        struct mls_error *err)
{
    for (int64_t i = 0; i < count; i++) {
        struct mls_chunk *c = &s->chunks[i];

        if (c->start != s->expected && !read_anew(s, i, err))
            return false;
        while (c->starved) {
            if (!mls_ahead_feed(&s->csv, c, err) || !read_anew(s, i, err))
                return false;
        }
        if (c->odd) {
            s->odd = true;
            return true;
        }
        s->expected = c->next;
        s->count = i + 1;
    }
    return true;
}

static bool read_batch(struct mls_stream *s, struct mls_error *err)
{
    int64_t count = 0, size = s->csv.size;

    drop_batch(s);
    empty_levels(s);
    mls_input_drop(s->csv.input, s->begin - 1);
    for (; count < s->batch && s->begin < size; count++) {
        int64_t end = size - s->begin > s->chunk_bytes
            ? s->begin + s->chunk_bytes
            : size;

        if (!mls_ahead_has(&s->csv, end))
            break;
        s->chunks[count] = (struct mls_chunk){ .begin = s->begin, .end = end,
                                               .start = -1 };
        s->begin = end;
    }
    return mls_ahead_run(&s->csv, s->r->run,
                         s->begin + s->batch * s->chunk_bytes
                             + MLS_AHEAD_MARGIN,
                         0, count, read_chunk, s, err)
        && check_batch(s, count, err);
}

/* ---- a block ---- */

/* Columns that the file does not have. */
static bool add_absent(const struct mls_reader *r, struct mls_block *block,
                       struct mls_error *err)
{
    for (int64_t i = 0; i < r->absent_count; i++) {
        enum mls_storage storage =
            mls_kind_storage(r->schema.fields[r->absent[i]].kind);
        struct mls_column *column =
            mls_column_new(storage, block->rows, 0, false, err);

        if (column == NULL)
            return false;
        if (storage == MLS_STORE_TEXT)
            memset(column->text.offset, 0,
                   (size_t)(block->rows + 1) * sizeof(*column->text.offset));
        else
            mls_column_fill_missing(column);
        block->columns[r->absent[i]] = column;
    }
    return true;
}

static void count_cells(struct mls_stream *s, const struct mls_chunk *c)
{
    for (int64_t i = 0; c->tallies != NULL && i < s->csv.width; i++) {
        const struct mls_wish *wish = &s->csv.wishes[i];

        if (wish->take == MLS_TAKE_NOTHING || wish->lenient)
            continue;
        s->r->counts.unknown += c->tallies[i].unknown;
        if (wish->counts_wrong)
            s->r->counts.wrong_cells += c->tallies[i].words;
    }
}

static bool deliver(struct mls_stream *s, struct mls_block **block,
                    struct mls_error *err)
{
    struct mls_chunk *c = &s->chunks[s->at];
    struct mls_block *made = c->blocks[s->block];
    struct mls_read_counts *counts = &s->r->counts;

    if (!add_absent(s->r, made, err))
        return false;
    for (int64_t i = 0; i < made->rows; i++)
        made->line[i] += s->line;
    made->first_row = counts->rows;
    counts->rows += made->rows;
    s->r->records += made->rows;
    c->blocks[s->block++] = NULL;
    *block = made;
    return true;
}

/* Past the chunks whose blocks have all been delivered. */
static void pass_chunks(struct mls_stream *s)
{
    while (s->at < s->count
           && s->block == s->chunks[s->at].block_count) {
        struct mls_chunk *c = &s->chunks[s->at++];

        count_cells(s, c);
        s->line += c->lines;
        s->block = 0;
        s->r->counts.bytes =
            c->next < s->csv.size ? c->next : s->csv.size;
    }
}

bool mls_stream_next(struct mls_stream *s, struct mls_block **block,
                     bool *slow, struct mls_error *err)
{
    *block = NULL;
    *slow = s->slow;
    for (;;) {
        if (s->slow)
            return true;
        pass_chunks(s);
        if (s->at < s->count)
            return deliver(s, block, err);
        if (s->odd) {
            *slow = s->slow = true;
            drop_batch(s);
            s->r->pending = (struct mls_record){ 0 };
            mls_input_keep(s->csv.input, false);
            return mls_scan_seek(s->r->scan, s->expected, s->line, err);
        }
        if (s->begin >= s->csv.size)
            return true;
        if (!read_batch(s, err))
            return false;
        mls_csv_tuning.streamed += s->count;
    }
}
