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
 * Columns of numbers are told what their last numbers looked like (see
 * mls_format_real_like), and of each dictionary it is known beforehand whether
 * any level needs quotes.
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
#define NUMBER_ROOM 40          /* a number, what follows it, and to spare */

/* What one column of a piece has come to. */
struct progress {
    struct mls_real_hint hint;
    int64_t sparse;             /* the next non-zero */
};

struct sheet {
    char *bytes;
    size_t length, capacity;
    struct progress *columns;
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
    bool *plain_levels;         /* per column: no level needs quotes */

    int64_t piece_rows;         /* rows of a piece, and pieces at once */
    int64_t batch;
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
        /* At the start of a file a UTF-8 mark would be left out. */
        || (first && length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0))
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

/* Room for a delimiter or a line end is always left after a cell. */
static bool add_plain(struct sheet *s, const char *bytes, size_t length,
                      struct mls_error *err)
{
    if (!make_room(s, length + NUMBER_ROOM, err))
        return false;
    put_bytes(s, bytes, length);
    return true;
}

static bool add_cell(const struct mls_writer *w, struct sheet *s,
                     const char *bytes, size_t length, bool first,
                     struct mls_error *err)
{
    if (!must_quote(w, bytes, length, first))
        return add_plain(s, bytes, length, err);
    if (!make_room(s, 2 * length + NUMBER_ROOM, err))
        return false;
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
                     struct mls_real_hint *hint, double value, bool first,
                     struct mls_error *err)
{
    char text[MLS_REAL_TEXT];
    size_t length;

    if (isnan(value))
        return add_cell(w, s, "", 0, first, err);
    if (w->plain_numbers) {
        if (!make_room(s, MLS_REAL_TEXT + NUMBER_ROOM, err))
            return false;
        s->length += mls_format_real_like(value, hint, s->bytes + s->length);
        return true;
    }
    length = mls_format_real_like(value, hint, text);
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
    return w->plain_levels[i] ? add_plain(s, level, length, err)
                              : add_cell(w, s, level, length, i == 0, err);
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

/* ---- pieces ---- */

static bool start_piece(const struct mls_writer *w, const struct piece *p,
                        struct sheet *s, struct mls_error *err)
{
    int64_t count = w->schema.count;

    if (s->columns == NULL)
        s->columns = mls_new(count, sizeof(*s->columns), err);
    if (s->columns == NULL)
        return false;
    s->length = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct mls_column *column = p->block->columns[i];
        bool found;

        s->columns[i] = (struct progress){ 0 };
        if (column->storage == MLS_STORE_SPARSE)
            s->columns[i].sparse =
                mls_column_sparse_find(column, p->first, &found);
    }
    return make_room(s, NUMBER_ROOM, err);
}

static bool add_field(const struct mls_writer *w, struct sheet *s,
                      const struct mls_column *column, int64_t i, int64_t row,
                      struct mls_error *err)
{
    struct progress *progress = &s->columns[i];
    bool first = i == 0;

    switch (column->storage) {
    case MLS_STORE_REAL:
        return add_real(w, s, &progress->hint, column->real[row], first, err);
    case MLS_STORE_CODE:
        return add_code(w, s, i, column->code[row], err);
    case MLS_STORE_TIME:
        return add_time(w, s, i, column->time[row], err);
    case MLS_STORE_SPARSE:
        return add_real(w, s, &progress->hint,
                        next_sparse(column, &progress->sparse, row), first,
                        err);
    case MLS_STORE_TEXT:
        break;
    }
    return add_text(w, s, column, row, first, err);
}

static bool fill_sheet(const struct mls_writer *w, const struct piece *p,
                       struct sheet *s, struct mls_error *err)
{
    if (!start_piece(w, p, s, err))
        return false;
    for (int64_t row = p->first; row < p->first + p->rows; row++) {
        for (int64_t i = 0; i < w->schema.count; i++) {
            if (i > 0)
                put(s, w->delimiter);
            if (!add_field(w, s, p->block->columns[i], i, row, err))
                return false;
        }
        put(s, '\n');
        if (!make_room(s, NUMBER_ROOM, err))
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

static bool needs_no_quotes(const struct mls_writer *w,
                            const struct mls_dictionary *d, bool first)
{
    for (int64_t code = 0; d != NULL && code < d->count; code++) {
        size_t length;
        const char *level = mls_dictionary_level(d, (uint32_t)code, &length);

        if (must_quote(w, level, length, first))
            return false;
    }
    return true;
}

static bool look_ahead(struct mls_writer *w, struct mls_error *err)
{
    int64_t columns = w->schema.count > 0 ? w->schema.count : 1;
    int64_t batch = BATCH_CELLS / columns;

    w->piece_rows = PIECE_CELLS / columns > 1 ? PIECE_CELLS / columns : 1;
    w->batch = batch < BATCH_LEAST ? BATCH_LEAST
             : batch > BATCH       ? BATCH
                                   : batch;
    w->plain_numbers = w->decimal == '.';
    for (const char *c = "0123456789+-.einf"; *c != '\0'; c++) {
        if (w->special[(unsigned char)*c] || *c == w->comment)
            w->plain_numbers = false;
    }
    w->plain_levels = mls_new(w->schema.count, sizeof(*w->plain_levels), err);
    for (int64_t i = 0; w->plain_levels != NULL && i < w->schema.count; i++)
        w->plain_levels[i] =
            needs_no_quotes(w, w->schema.fields[i].dictionary, i == 0);
    return w->plain_levels != NULL;
}

static bool write_header(struct mls_writer *w, struct mls_error *err)
{
    struct sheet *s = take_sheet(w);
    bool ok = make_room(s, NUMBER_ROOM, err);

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
    mls_schema_clear(&w->schema);
    mls_free(w->plain_levels);
    for (int i = 0; i < w->sheet_count; i++) {
        mls_free(w->sheets[i].bytes);
        mls_free(w->sheets[i].columns);
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
