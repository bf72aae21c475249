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
 * cell became 24, six decimals 35 became 20.  Long levels, texts, sparse
 * columns and dialects in which numbers need quotes go cell by cell.
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
#define LEVELS_LIMIT 8192       /* of a dictionary that is put in slots */

/* How the cells of a column are written. */
enum way {
    BY_CELL,
    BY_STRIP,                   /* numbers, dates: slots of the strip */
    BY_LEVEL                    /* codes: slots of the levels */
};

/* A column of a piece. */
struct progress {
    enum way way;
    int64_t sparse;             /* the next non-zero */
};

struct sheet {
    char *bytes;
    size_t length, capacity;
    struct progress *columns;
    char *slots;                /* of a strip */
};

struct piece {
    const struct mls_block *block;
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
    char **levels;              /* per column: their slots, missing last, or
                                 * NULL */

    int64_t piece_rows;         /* rows of a piece, and pieces at once */
    int64_t batch;
    int64_t strip_rows;         /* of a strip; and its columns, all of them */
    int64_t strip_columns;      /* when it has more than one row */
    size_t stride;              /* from a row of slots to the next */
    size_t row_room;            /* for a row of a strip */
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

/* Rows come in order, so the next non-zero is this row's or a later one's. */
static double next_sparse(const struct mls_column *column, int64_t *at,
                          int64_t row)
{
    if (*at >= column->sparse.count || column->sparse.row[*at] != row)
        return 0;
    (*at)++;
    return column->sparse.value != NULL ? column->sparse.value[*at - 1] : 1;
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
    struct progress *progress = &s->columns[i];
    bool first = i == 0;

    switch (column->storage) {
    case MLS_STORE_REAL:
        return add_real(w, s, column->real[row], first, err);
    case MLS_STORE_CODE:
        return add_code(w, s, i, column->code[row], err);
    case MLS_STORE_TIME:
        return add_time(w, s, i, column->time[row], err);
    case MLS_STORE_SPARSE:
        return add_real(w, s, next_sparse(column, &progress->sparse, row),
                        first, err);
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
                       int64_t rows, int64_t i, char *slots)
{
    const struct mls_field *field = &w->schema.fields[i];

    for (int64_t r = 0; r < rows; r++, slots += w->stride) {
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
                       int64_t rows, char *slots)
{
    fetch_ahead(real, rows);
    mls_format_reals(real, rows, slots, w->stride);
    if (missing_length(w) == 0)
        return;
    for (int64_t r = 0; r < rows; r++) {
        if (isnan(real[r]))
            fill_missing(w, slots + (size_t)r * w->stride);
    }
}

static void fill_strip(const struct mls_writer *w, const struct piece *p,
                       struct sheet *s, int64_t row, int64_t rows,
                       int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++) {
        const struct mls_column *column = p->block->columns[i];
        char *slots = s->slots + (size_t)(i - first) * SLOT;

        if (s->columns[i].way != BY_STRIP)
            continue;
        if (column->storage == MLS_STORE_REAL)
            fill_reals(w, column->real + row, rows, slots);
        else
            fill_dates(w, column->time + row, rows, i, slots);
    }
}

static const char *level_slot(const struct mls_writer *w, int64_t i,
                              uint32_t code)
{
    const struct mls_dictionary *dictionary = w->schema.fields[i].dictionary;
    size_t at = code != MLS_CODE_MISSING ? code : (size_t)dictionary->count;

    return w->levels[i] + SLOT * at;
}

/* Columns [first, end) of a row, a delimiter after each. */
static bool add_cells(const struct mls_writer *w, const struct piece *p,
                      struct sheet *s, int64_t row, const char *slots,
                      int64_t first, int64_t end, struct mls_error *err)
{
    struct mls_column *const *columns = p->block->columns;
    char *to;

    if (!make_room(s, w->row_room, err))
        return false;
    to = s->bytes + s->length;
    for (int64_t i = first; i < end; i++, slots += SLOT) {
        enum way way = s->columns[i].way;
        const char *slot = slots;

        if (way != BY_CELL) {
            if (way == BY_LEVEL)
                slot = level_slot(w, i, columns[i]->code[row]);
            memcpy(to, slot, SLOT);
            to += mls_slot_length(slot);
        } else {
            s->length = (size_t)(to - s->bytes);
            if (!add_field(w, s, columns[i], i, row, err))
                return false;
            to = s->bytes + s->length;
        }
        *to++ = w->delimiter;
    }
    s->length = (size_t)(to - s->bytes);
    return true;
}

/* ---- pieces ---- */

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
    case MLS_STORE_TEXT:
        break;
    }
    return BY_CELL;
}

static bool start_piece(const struct mls_writer *w, const struct piece *p,
                        struct sheet *s, struct mls_error *err)
{
    int64_t count = w->schema.count;

    if (s->columns == NULL)
        s->columns = mls_new(count, sizeof(*s->columns), err);
    if (s->columns != NULL && s->slots == NULL)
        s->slots = mls_new(w->strip_rows, (int64_t)w->stride, err);
    if (s->columns == NULL || s->slots == NULL)
        return false;
    s->length = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct mls_column *column = p->block->columns[i];
        bool found;

        s->columns[i] = (struct progress){ .way = way_of(w, i, column) };
        if (column->storage == MLS_STORE_SPARSE)
            s->columns[i].sparse =
                mls_column_sparse_find(column, p->first, &found);
    }
    return true;
}

/* All of so many rows: the columns of one strip, or one row strip by strip. */
static bool add_rows(const struct mls_writer *w, const struct piece *p,
                     struct sheet *s, int64_t row, int64_t rows,
                     struct mls_error *err)
{
    int64_t count = w->schema.count, end;

    for (int64_t first = 0; first < count; first = end) {
        end = count - first < w->strip_columns ? count
                                               : first + w->strip_columns;
        fill_strip(w, p, s, row, rows, first, end);
        for (int64_t r = 0; r < rows; r++) {
            if (!add_cells(w, p, s, row + r,
                           s->slots + (size_t)r * w->stride, first, end, err))
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
    int64_t end = p->first + p->rows;

    if (!start_piece(w, p, s, err))
        return false;
    for (int64_t row = p->first; row < end; row += w->strip_rows) {
        int64_t rows = end - row < w->strip_rows ? end - row : w->strip_rows;

        if (!add_rows(w, p, s, row, rows, err))
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
    bool ok = mls_parallel(run, w->piece_count, write_piece, w, err);

    assert(!ok || w->next == w->piece_count);
    w->failed = !ok;
    w->piece_count = w->next = 0;
    return ok;
}

static bool add_block(struct mls_writer *w, const struct mls_block *block,
                      const struct mls_run *run, struct mls_error *err)
{
    int64_t most = w->piece_rows;

    assert(!w->failed && block->column_count == w->schema.count);
    for (int64_t first = 0; first < block->rows; first += most) {
        int64_t rest = block->rows - first;

        if (w->piece_count == w->batch && !write_pieces(w, run, err))
            return false;
        w->pieces[w->piece_count++] = (struct piece){
            .block = block, .first = first, .rows = rest < most ? rest : most
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
    bool ok;

    w->piece_rows = PIECE_CELLS / columns > 1 ? PIECE_CELLS / columns : 1;
    w->batch = batch < BATCH_LEAST ? BATCH_LEAST
             : batch > BATCH       ? BATCH
                                   : batch;
    w->strip_columns = columns < STRIP_CELLS ? columns : STRIP_CELLS;
    w->strip_rows = STRIP_CELLS / w->strip_columns;
    if (w->strip_rows > STRIP_STEP)
        w->strip_rows -= w->strip_rows % STRIP_STEP;
    /* Odd, so that a column's slots are spread over the cache. */
    w->stride = (size_t)(w->strip_columns | 1) * SLOT;
    w->row_room = (size_t)w->strip_columns * (SLOT + 1) + CELL_ROOM;
    w->plain_numbers = w->decimal == '.' && plain(w, "0123456789+-.einf");
    w->plain_dates = plain(w, "0123456789-/T:.");
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
    mls_schema_clear(&w->schema);
    for (int i = 0; i < w->sheet_count; i++) {
        mls_free(w->sheets[i].bytes);
        mls_free(w->sheets[i].columns);
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
