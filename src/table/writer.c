/*
 * CSV out: the shortest text that reads back to the same table.
 *
 * A cell is quoted only when it must be: when it holds the delimiter, the
 * quote, the escape or a line end, when a comment would begin with it, or when
 * its outer spaces could be taken off by another reader.  A table of one column
 * quotes its empty cells, since a blank line is no row to most readers.
 *
 * Rows are cut into pieces of about PIECE_CELLS cells, by the data alone, which
 * the threads write into sheets of memory.  A finished sheet is laid where its
 * piece belongs; whoever then finds the next one in order there, and nobody
 * else at it, puts it out and all that follow it without a gap:
 *
 *     pieces     0  1  2  3  4  5  6  7
 *     put out    x  x
 *     finished         x  x     x         2 and 3 go out next, 5 waits for 4
 *
 * So nobody waits for a turn, formatting goes on while a sheet is put out, and
 * the bytes are those of one thread.  At most BATCH pieces are underway at
 * once, however slow the output is.
 *
 * Most cells are prepared in slots of 32 bytes, text in front and its length in
 * the last one: numbers and dates strip by strip, a few hundred cells at once,
 * column by column; the levels of small dictionaries once for all, with their
 * quotes.  A row is then put together by copying 32 bytes for each cell and
 * going on by its length:
 *
 *     strip   | 1.5      3| | level A   7| | 2024-05-31  10|
 *     sheet   1.5,level A,2024-05-31
 *
 * so that nothing a cell looks like decides what is done next.  Measured with
 * one thread, 1,000,000 x 28 reals to a file in memory: full doubles 73 ns a
 * cell became 24, six decimals 35 became 20.  Long levels, texts and dialects in
 * which numbers need quotes go cell by cell.
 *
 * Sparse columns that stand side by side are one run.  Their entries are sorted
 * by rows beforehand, and what lies between two of them is copied from a text of
 * zeros:
 *
 *     entries of the row     3: 1      7: 0.5
 *     sheet            0,0,0,1,0,0,0,0.5,0,0,
 *
 * so that a cell that is 0 costs two bytes of a copy and nothing else.
 */
#include <assert.h>
#include <pthread.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/threads.h"
#include "table/block.h"
#include "table/date.h"

#define PIECE_CELLS 8192
#define BATCH 64
#define BATCH_CELLS (4 * 1024 * 1024)   /* fewer pieces when rows are wide */
#define BATCH_LEAST 8
#define FIRST_SHEET (64 * 1024)
#define CELL_ROOM 40            /* a number, what follows it, and to spare */
#define STRIP_CELLS 1024         /* 32 KB; half as many were slower */
#define STRIP_STEP 32           /* rows: numbers are written so many at once */
#define SLOT MLS_REAL_SLOT
#define SLOT_TEXT (SLOT - 1)
#define STRIP_SLOTS (2 * STRIP_CELLS)   /* at most, with those that spread */
#define LEVELS_LIMIT 8192       /* of a dictionary that is put in slots */
#define RUN_SHARE 8             /* cells of a run that count as one */

/* How the cells of a column are written. */
enum way {
    BY_CELL,
    BY_STRIP,                   /* numbers, dates: slots of the strip */
    BY_LEVEL,                   /* codes: slots of the levels */
    BY_RUN                      /* sparse: zeros copied, entries put between */
};

/* A column, or a run of sparse ones: [first, end). */
struct part {
    enum way way;
    int64_t first, end;
};

/* Rows of a block that are written in one go, in pieces. */
struct span {
    const struct mls_block *block;
    int64_t first, rows;
    struct part *parts;
    int64_t part_count;
    bool has_runs;
    struct mls_row_entries entries;     /* of these rows, if it has */
    int64_t strip_rows;         /* of a strip; and its parts, all of them when */
    int64_t strip_parts;        /* it has more than one row */
    size_t stride;              /* from a row of slots to the next */
};

struct sheet {
    char *bytes;
    size_t length, capacity;
    char *slots;                /* of a strip */
    int64_t entry;              /* of the span: the next of this row */
};

struct piece {
    int span;                   /* which of the batch */
    int64_t first, rows;
    struct sheet *sheet;        /* when it is finished and not put out */
};

struct mls_writer {
    struct mls_output *output;
    struct mls_schema schema;
    char delimiter, quote, escape, comment, decimal;
    bool special[256];          /* bytes that make a cell quoted */
    bool plain_numbers;         /* no number needs quotes or another point */
    bool plain_dates;
    bool plain_bits;            /* neither 0 nor 1 needs quotes */
    char **levels;              /* per column: their slots, missing last, or
                                 * NULL */
    char *zeros;                /* "0,0,0,...": of all columns */

    int64_t batch;              /* pieces at once */
    size_t row_room;            /* for a row of a strip */
    struct span spans[BATCH];
    int span_count;
    struct piece pieces[BATCH];
    int64_t piece_count;
    struct sheet sheets[BATCH];
    struct sheet *spare[BATCH]; /* sheets that nobody uses */
    int spare_count, sheet_count;
    pthread_mutex_t mutex;      /* for sheets, and what is put out */
    int64_t next;               /* the first piece not put out */
    bool putting;               /* somebody is at it */
    bool failed;
};

static void use_dialect(struct mls_writer *w, const struct mls_dialect *dialect)
{
    const struct mls_dialect none = { 0 };

    if (dialect == NULL)
        dialect = &none;
    w->delimiter = dialect->delimiter != 0 ? dialect->delimiter : ',';
    w->quote = dialect->quote != 0 ? dialect->quote : '"';
    w->decimal = dialect->decimal != 0 ? dialect->decimal : '.';
    w->escape = dialect->escape != w->quote ? dialect->escape : 0;
    w->comment = dialect->comment;
    w->special[(unsigned char)w->delimiter] = true;
    w->special[(unsigned char)w->quote] = true;
    w->special['\n'] = w->special['\r'] = true;
    if (w->escape != 0)
        w->special[(unsigned char)w->escape] = true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool must_quote(const struct mls_writer *w, const char *bytes,
                       size_t length, bool first)
{
    if (length == 0)
        return w->schema.count == 1;
    if (is_space(bytes[0]) || is_space(bytes[length - 1])
        || (first && w->comment != 0 && bytes[0] == w->comment)
        /* At the start of a file a UTF-8 mark would be left out, and sep=
         * name a delimiter. */
        || (first && length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        || (first && length >= 4
            && (memcmp(bytes, "sep=", 4) == 0
                || memcmp(bytes, "SEP=", 4) == 0)))
        return true;
    for (size_t i = 0; i < length; i++) {
        if (w->special[(unsigned char)bytes[i]])
            return true;
    }
    return false;
}

/* ---- cells ---- */

static bool make_room(struct sheet *s, size_t bytes, struct mls_error *err)
{
    size_t wanted = s->length + bytes;
    size_t capacity = s->capacity < FIRST_SHEET ? FIRST_SHEET
                                                : 2 * s->capacity;

    if (s->capacity - s->length >= bytes)
        return true;
    capacity = capacity < wanted ? wanted : capacity;
    if (!mls_resize(&s->bytes, (int64_t)capacity, 1, err))
        return false;
    s->capacity = capacity;
    return true;
}

static void put(struct sheet *s, char c)
{
    s->bytes[s->length++] = c;
}

static void put_bytes(struct sheet *s, const char *bytes, size_t length)
{
    if (length > 0)
        memcpy(s->bytes + s->length, bytes, length);
    s->length += length;
}

/* Room for the rest of a row of slots is always left after a cell. */
static bool add_cell(const struct mls_writer *w, struct sheet *s,
                     const char *bytes, size_t length, bool first,
                     struct mls_error *err)
{
    if (!make_room(s, 2 * length + w->row_room, err))
        return false;
    if (!must_quote(w, bytes, length, first)) {
        put_bytes(s, bytes, length);
        return true;
    }
    put(s, w->quote);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == w->quote || (w->escape != 0 && bytes[i] == w->escape))
            put(s, bytes[i]);
        put(s, bytes[i]);
    }
    put(s, w->quote);
    return true;
}

static bool add_real(const struct mls_writer *w, struct sheet *s,
                     double value, bool first, struct mls_error *err)
{
    char text[MLS_REAL_TEXT];
    size_t length;

    if (isnan(value))
        return add_cell(w, s, "", 0, first, err);
    length = mls_format_real(value, text);
    for (size_t i = 0; i < length; i++)
        text[i] = text[i] == '.' ? w->decimal : text[i];
    return add_cell(w, s, text, length, first, err);
}

static bool add_code(const struct mls_writer *w, struct sheet *s, int64_t i,
                     uint32_t code, struct mls_error *err)
{
    const struct mls_dictionary *dictionary = w->schema.fields[i].dictionary;
    size_t length = 0;
    const char *level = "";

    if (code == MLS_CODE_MISSING || dictionary == NULL)
        return add_cell(w, s, "", 0, i == 0, err);
    level = mls_dictionary_level(dictionary, code, &length);
    return add_cell(w, s, level, length, i == 0, err);
}

static bool add_time(const struct mls_writer *w, struct sheet *s, int64_t i,
                     int64_t time, struct mls_error *err)
{
    const struct mls_field *field = &w->schema.fields[i];
    char text[MLS_DATE_TEXT];
    size_t length = 0;

    if (time != MLS_TIME_MISSING)
        length = mls_date_format(time, field->date_form, field->date_has_time,
                                 text);
    return add_cell(w, s, text, length, i == 0, err);
}

static double sparse_value(const struct mls_column *column, int64_t row)
{
    bool found;
    int64_t at = mls_column_sparse_find(column, row, &found);

    if (!found)
        return 0;
    return column->sparse.value != NULL ? column->sparse.value[at] : 1;
}

static bool add_text(const struct mls_writer *w, struct sheet *s,
                     const struct mls_column *column, int64_t row, bool first,
                     struct mls_error *err)
{
    int64_t start = column->text.offset[row];

    return add_cell(w, s, column->text.bytes + start,
                    (size_t)(column->text.offset[row + 1] - start), first,
                    err);
}

static bool add_field(const struct mls_writer *w, struct sheet *s,
                      const struct mls_column *column, int64_t i, int64_t row,
                      struct mls_error *err)
{
    bool first = i == 0;

    switch (column->storage) {
    case MLS_STORE_REAL:
        return add_real(w, s, column->real[row], first, err);
    case MLS_STORE_CODE:
        return add_code(w, s, i, column->code[row], err);
    case MLS_STORE_TIME:
        return add_time(w, s, i, column->time[row], err);
    case MLS_STORE_SPARSE:
        return add_real(w, s, sparse_value(column, row), first, err);
    case MLS_STORE_TEXT:
        break;
    }
    return add_text(w, s, column, row, first, err);
}

/* ---- strips ---- */

static void fill_slot(char *slot, const char *text, size_t length)
{
    memcpy(slot, text, length);
    slot[SLOT_TEXT] = (char)length;
}

/* What a missing cell needs: quotes where it is all of a line. */
static size_t missing_length(const struct mls_writer *w)
{
    return w->schema.count == 1 ? 2 : 0;
}

static void fill_missing(const struct mls_writer *w, char *slot)
{
    slot[0] = slot[1] = w->quote;
    slot[SLOT_TEXT] = (char)missing_length(w);
}

static void fill_dates(const struct mls_writer *w, const int64_t *time,
                       int64_t rows, int64_t i, char *slots, size_t stride)
{
    const struct mls_field *field = &w->schema.fields[i];

    for (int64_t r = 0; r < rows; r++, slots += stride) {
        char text[MLS_DATE_TEXT];

        if (time[r] == MLS_TIME_MISSING)
            fill_missing(w, slots);
        else
            fill_slot(slots, text,
                      mls_date_format(time[r], field->date_form,
                                      field->date_has_time, text));
    }
}

/* The processor does not foresee the next strip's cells, for between two of a
 * column lie those of all others: a tenth of the time. */
static void fetch_ahead(const double *real, int64_t rows)
{
    for (int64_t r = 0; r < rows; r += 64 / (int64_t)sizeof(*real))
        __builtin_prefetch(real + rows + r);
}

static void fill_reals(const struct mls_writer *w, const double *real,
                       int64_t rows, char *slots, size_t stride)
{
    fetch_ahead(real, rows);
    mls_format_reals(real, rows, slots, stride);
    if (missing_length(w) == 0)
        return;
    for (int64_t r = 0; r < rows; r++) {
        if (isnan(real[r]))
            fill_missing(w, slots + (size_t)r * stride);
    }
}

/* Parts [first, end) of so many rows. */
static void fill_strip(const struct mls_writer *w, const struct span *span,
                       struct sheet *s, int64_t row, int64_t rows,
                       int64_t first, int64_t end)
{
    for (int64_t k = first; k < end; k++) {
        int64_t i = span->parts[k].first;
        const struct mls_column *column = span->block->columns[i];
        char *slots = s->slots + (size_t)(k - first) * SLOT;

        if (span->parts[k].way != BY_STRIP)
            continue;
        if (column->storage == MLS_STORE_REAL)
            fill_reals(w, column->real + row, rows, slots, span->stride);
        else
            fill_dates(w, column->time + row, rows, i, slots, span->stride);
    }
}

static const char *level_slot(const struct mls_writer *w, int64_t i,
                              uint32_t code)
{
    const struct mls_dictionary *dictionary = w->schema.fields[i].dictionary;
    size_t at = code != MLS_CODE_MISSING ? code : (size_t)dictionary->count;

    return w->levels[i] + SLOT * at;
}

/* Cells that are 0, a delimiter after each; leaves room as add_cell does. */
static bool add_zeros(const struct mls_writer *w, struct sheet *s,
                      int64_t count, struct mls_error *err)
{
    size_t length = 2 * (size_t)count;

    if (!make_room(s, length + w->row_room, err))
        return false;
    put_bytes(s, w->zeros, length);
    return true;
}

/* A run of a row, a delimiter after each cell. */
static bool add_run(const struct mls_writer *w, const struct span *span,
                    struct sheet *s, const struct part *run, int64_t row,
                    struct mls_error *err)
{
    const struct mls_row_entry *entry = span->entries.entry;
    int64_t end = span->entries.start[row - span->first + 1];
    int64_t next = run->first;

    for (; s->entry < end && entry[s->entry].column < run->end; s->entry++) {
        const struct mls_row_entry *e = &entry[s->entry];

        if (!add_zeros(w, s, e->column - next, err))
            return false;
        if (e->value == 1)
            put(s, '1');
        else if (!add_real(w, s, e->value, e->column == 0, err))
            return false;
        put(s, w->delimiter);
        next = e->column + 1;
    }
    return add_zeros(w, s, run->end - next, err);
}

/* A part that has no slots, a delimiter after each cell. */
static bool add_part(const struct mls_writer *w, const struct span *span,
                     struct sheet *s, const struct part *part, int64_t row,
                     struct mls_error *err)
{
    int64_t i = part->first;

    if (part->way == BY_RUN)
        return add_run(w, span, s, part, row, err);
    if (!add_field(w, s, span->block->columns[i], i, row, err))
        return false;
    put(s, w->delimiter);
    return true;
}

/* Parts [first, end) of a row, a delimiter after each cell. */
static bool add_parts(const struct mls_writer *w, const struct span *span,
                      struct sheet *s, int64_t row, const char *slots,
                      int64_t first, int64_t end, struct mls_error *err)
{
    struct mls_column *const *columns = span->block->columns;
    char *to;

    if (!make_room(s, w->row_room, err))
        return false;
    if (first == 0 && span->has_runs)
        s->entry = span->entries.start[row - span->first];
    to = s->bytes + s->length;
    for (int64_t k = first; k < end; k++, slots += SLOT) {
        const struct part *part = &span->parts[k];
        const char *slot = slots;

        if (part->way == BY_STRIP || part->way == BY_LEVEL) {
            if (part->way == BY_LEVEL)
                slot = level_slot(w, part->first,
                                  columns[part->first]->code[row]);
            memcpy(to, slot, SLOT);
            to += mls_slot_length(slot);
            *to++ = w->delimiter;
        } else {
            s->length = (size_t)(to - s->bytes);
            if (!add_part(w, span, s, part, row, err))
                return false;
            to = s->bytes + s->length;
        }
    }
    s->length = (size_t)(to - s->bytes);
    return true;
}

/* ---- spans ---- */

static enum way way_of(const struct mls_writer *w, int64_t i,
                       const struct mls_column *column)
{
    switch (column->storage) {
    case MLS_STORE_REAL:
        return w->plain_numbers ? BY_STRIP : BY_CELL;
    case MLS_STORE_TIME:
        return w->plain_dates ? BY_STRIP : BY_CELL;
    case MLS_STORE_CODE:
        return w->levels[i] != NULL ? BY_LEVEL : BY_CELL;
    case MLS_STORE_SPARSE:
        return w->plain_bits ? BY_RUN : BY_CELL;
    case MLS_STORE_TEXT:
        break;
    }
    return BY_CELL;
}

static void cut_parts(const struct mls_writer *w, struct span *span)
{
    struct part *last = NULL;

    for (int64_t i = 0; i < w->schema.count; i++) {
        enum way way = way_of(w, i, span->block->columns[i]);

        if (way == BY_RUN && last != NULL && last->way == BY_RUN) {
            last->end++;
            continue;
        }
        last = &span->parts[span->part_count++];
        *last = (struct part){ .way = way, .first = i, .end = i + 1 };
        span->has_runs = span->has_runs || way == BY_RUN;
    }
}

/* Of no rows yet. */
static bool start_span(const struct mls_writer *w, struct span *span,
                       const struct mls_block *block, int64_t first,
                       struct mls_error *err)
{
    int64_t parts;

    *span = (struct span){ .block = block, .first = first };
    span->parts = mls_new(w->schema.count, sizeof(*span->parts), err);
    if (span->parts == NULL)
        return false;
    cut_parts(w, span);
    parts = span->part_count > 0 ? span->part_count : 1;
    span->strip_parts = parts < STRIP_CELLS ? parts : STRIP_CELLS;
    span->strip_rows = STRIP_CELLS / span->strip_parts;
    if (span->strip_rows > STRIP_STEP)
        span->strip_rows -= span->strip_rows % STRIP_STEP;
    /* Odd, so that a part's slots are spread over the cache. */
    span->stride = (size_t)(span->strip_parts | 1) * SLOT;
    return true;
}

static bool sort_entries(void *context, int64_t i, struct mls_error *err)
{
    struct mls_writer *w = context;
    struct span *span = &w->spans[i];

    return !span->has_runs
        || mls_block_row_entries(span->block, span->first, span->rows,
                                 &span->entries, err);
}

static void clear_spans(struct mls_writer *w)
{
    for (int i = 0; i < w->span_count; i++) {
        mls_free(w->spans[i].parts);
        mls_row_entries_clear(&w->spans[i].entries);
    }
    w->span_count = 0;
}

/* ---- pieces ---- */

/* All of so many rows: the parts of one strip, or one row strip by strip. */
static bool add_rows(const struct mls_writer *w, const struct span *span,
                     struct sheet *s, int64_t row, int64_t rows,
                     struct mls_error *err)
{
    int64_t count = span->part_count, end;

    for (int64_t first = 0; first < count; first = end) {
        end = count - first < span->strip_parts ? count
                                                : first + span->strip_parts;
        fill_strip(w, span, s, row, rows, first, end);
        for (int64_t r = 0; r < rows; r++) {
            if (!add_parts(w, span, s, row + r,
                           s->slots + (size_t)r * span->stride, first, end,
                           err))
                return false;
            if (end == count)
                s->bytes[s->length - 1] = '\n';
        }
    }
    return true;
}

static bool fill_sheet(const struct mls_writer *w, const struct piece *p,
                       struct sheet *s, struct mls_error *err)
{
    const struct span *span = &w->spans[p->span];
    int64_t end = p->first + p->rows, most = span->strip_rows;

    if (s->slots == NULL)
        s->slots = mls_new_array(STRIP_SLOTS, SLOT, err);
    if (s->slots == NULL)
        return false;
    s->length = 0;
    for (int64_t row = p->first; row < end; row += most) {
        int64_t rows = end - row < most ? end - row : most;

        if (!add_rows(w, span, s, row, rows, err))
            return false;
    }
    return true;
}

static struct sheet *take_sheet(struct mls_writer *w)
{
    struct sheet *s;

    pthread_mutex_lock(&w->mutex);
    s = w->spare_count > 0 ? w->spare[--w->spare_count]
                           : &w->sheets[w->sheet_count++];
    pthread_mutex_unlock(&w->mutex);
    return s;
}

/* Lays down a finished sheet and puts out what can be. */
static bool put_out(struct mls_writer *w, struct piece *finished,
                    struct sheet *s, struct mls_error *err)
{
    bool ok = true;

    pthread_mutex_lock(&w->mutex);
    finished->sheet = s;
    if (!w->putting) {
        w->putting = true;
        while (ok && w->next < w->piece_count
               && (s = w->pieces[w->next].sheet) != NULL) {
            pthread_mutex_unlock(&w->mutex);
            ok = mls_output_write(w->output, s->bytes, s->length, err);
            pthread_mutex_lock(&w->mutex);
            w->spare[w->spare_count++] = s;
            w->next++;
        }
        /* After a failure nobody goes on: the gap stays. */
        w->putting = !ok;
    }
    pthread_mutex_unlock(&w->mutex);
    return ok;
}

static bool write_piece(void *context, int64_t i, struct mls_error *err)
{
    struct mls_writer *w = context;
    struct sheet *s = take_sheet(w);

    return fill_sheet(w, &w->pieces[i], s, err)
        && put_out(w, &w->pieces[i], s, err);
}

/* A writer that failed is only good for being aborted, so what a failure
 * leaves in the pieces does not matter. */
static bool write_pieces(struct mls_writer *w, const struct mls_run *run,
                         struct mls_error *err)
{
    bool ok = mls_parallel(run, w->span_count, sort_entries, w, err)
        && mls_parallel(run, w->piece_count, write_piece, w, err);

    assert(!ok || w->next == w->piece_count);
    clear_spans(w);
    w->failed = !ok;
    w->piece_count = w->next = 0;
    return ok;
}

/* Rows of a block's pieces. */
static int64_t piece_rows(const struct mls_writer *w,
                          const struct mls_block *block)
{
    int64_t cells = 1, run_cells = 0;

    for (int64_t i = 0; i < block->column_count; i++) {
        bool in_run = way_of(w, i, block->columns[i]) == BY_RUN;

        run_cells += in_run;
        cells += !in_run;
    }
    cells += run_cells / RUN_SHARE;
    return PIECE_CELLS / cells > 1 ? PIECE_CELLS / cells : 1;
}

static bool add_block(struct mls_writer *w, const struct mls_block *block,
                      const struct mls_run *run, struct mls_error *err)
{
    int64_t most = piece_rows(w, block), rows;
    struct span *span = NULL;

    assert(!w->failed && block->column_count == w->schema.count);
    for (int64_t first = 0; first < block->rows; first += rows) {
        if (w->piece_count == w->batch) {
            if (!write_pieces(w, run, err))
                return false;
            span = NULL;
        }
        if (span == NULL) {
            span = &w->spans[w->span_count];
            if (!start_span(w, span, block, first, err))
                return false;
            w->span_count++;
        }
        rows = block->rows - first < most ? block->rows - first : most;
        span->rows += rows;
        w->pieces[w->piece_count++] = (struct piece){
            .span = w->span_count - 1, .first = first, .rows = rows
        };
    }
    return true;
}

bool mls_writer_blocks(struct mls_writer *w, struct mls_block *const *blocks,
                       int64_t count, const struct mls_run *run,
                       struct mls_error *err)
{
    for (int64_t i = 0; i < count; i++) {
        if (!add_block(w, blocks[i], run, err))
            return false;
    }
    return write_pieces(w, run, err);
}

bool mls_writer_block(struct mls_writer *w, const struct mls_block *block,
                      struct mls_error *err)
{
    return add_block(w, block, NULL, err) && write_pieces(w, NULL, err);
}

/* ---- the file ---- */

/* Whether no text of these characters, which never begin or end with a space,
 * needs quotes. */
static bool plain(const struct mls_writer *w, const char *characters)
{
    for (const char *c = characters; *c != '\0'; c++) {
        if (w->special[(unsigned char)*c] || *c == w->comment)
            return false;
    }
    return true;
}

/* The slots of a column's levels; *slots stays NULL when one is too long. */
static bool fill_levels(const struct mls_writer *w, int64_t i, char **slots,
                        struct mls_error *err)
{
    const struct mls_dictionary *d = w->schema.fields[i].dictionary;
    struct sheet cell = { 0 };
    bool ok = true, fit = d != NULL && d->count <= LEVELS_LIMIT;
    char *made = NULL;

    if (!fit)
        return true;
    made = mls_new(d->count + 1, SLOT, err);
    ok = made != NULL;
    for (int64_t code = 0; ok && fit && code < d->count; code++) {
        size_t length;
        const char *level = mls_dictionary_level(d, (uint32_t)code, &length);

        cell.length = 0;
        ok = add_cell(w, &cell, level, length, i == 0, err);
        fit = cell.length <= SLOT_TEXT;
        if (ok && fit)
            fill_slot(made + SLOT * code, cell.bytes, cell.length);
    }
    if (ok && fit) {
        fill_missing(w, made + SLOT * d->count);
        *slots = made;
        made = NULL;
    }
    mls_free(made);
    mls_free(cell.bytes);
    return ok;
}

static bool look_ahead(struct mls_writer *w, struct mls_error *err)
{
    int64_t columns = w->schema.count > 0 ? w->schema.count : 1;
    int64_t batch = BATCH_CELLS / columns;
    int64_t strip = columns < STRIP_CELLS ? columns : STRIP_CELLS;
    bool ok;

    w->batch = batch < BATCH_LEAST ? BATCH_LEAST
             : batch > BATCH       ? BATCH
                                   : batch;
    w->row_room = (size_t)strip * (SLOT + 1) + CELL_ROOM;
    w->plain_numbers = w->decimal == '.' && plain(w, "0123456789+-.einf");
    w->plain_dates = plain(w, "0123456789-/T:.");
    w->plain_bits = plain(w, "01");
    w->zeros = mls_new_array(columns, 2, err);
    if (w->zeros == NULL)
        return false;
    for (int64_t i = 0; i < columns; i++) {
        w->zeros[2 * i] = '0';
        w->zeros[2 * i + 1] = w->delimiter;
    }
    w->levels = mls_new(w->schema.count, sizeof(*w->levels), err);
    ok = w->levels != NULL;
    for (int64_t i = 0; ok && i < w->schema.count; i++)
        ok = fill_levels(w, i, &w->levels[i], err);
    return ok;
}

static bool write_header(struct mls_writer *w, struct mls_error *err)
{
    struct sheet *s = take_sheet(w);
    bool ok = make_room(s, w->row_room, err);

    for (int64_t i = 0; ok && i < w->schema.count; i++) {
        const char *name = w->schema.fields[i].name;

        if (i > 0)
            put(s, w->delimiter);
        ok = add_cell(w, s, name, strlen(name), i == 0, err);
    }
    if (!ok)
        return false;
    put(s, '\n');
    w->spare[w->spare_count++] = s;
    return mls_output_write(w->output, s->bytes, s->length, err);
}

struct mls_writer *mls_writer_open(const char *path,
                                   const struct mls_schema *schema,
                                   const struct mls_dialect *dialect,
                                   struct mls_error *err)
{
    struct mls_writer *w = mls_new(1, sizeof(*w), err);
    bool ok;

    if (w == NULL)
        return NULL;
    pthread_mutex_init(&w->mutex, NULL);
    use_dialect(w, dialect);
    ok = mls_schema_copy(&w->schema, schema, err) && look_ahead(w, err);
    if (ok) {
        w->output = mls_output_open(path, err);
        ok = w->output != NULL;
    }
    if (ok && (dialect == NULL || !dialect->no_header))
        ok = write_header(w, err);
    if (!ok) {
        mls_writer_abort(w);
        return NULL;
    }
    return w;
}

static void free_writer(struct mls_writer *w)
{
    for (int64_t i = 0; w->levels != NULL && i < w->schema.count; i++)
        mls_free(w->levels[i]);
    mls_free(w->levels);
    mls_free(w->zeros);
    clear_spans(w);
    mls_schema_clear(&w->schema);
    for (int i = 0; i < w->sheet_count; i++) {
        mls_free(w->sheets[i].bytes);
        mls_free(w->sheets[i].slots);
    }
    pthread_mutex_destroy(&w->mutex);
    mls_free(w);
}

bool mls_writer_close(struct mls_writer *w, struct mls_error *err)
{
    bool ok = mls_output_commit(w->output, err);

    free_writer(w);
    return ok;
}

void mls_writer_abort(struct mls_writer *w)
{
    if (w == NULL)
        return;
    mls_output_abort(w->output);
    free_writer(w);
}
