/*
 * CSV out: the shortest text that reads back to the same table.
 *
 * A cell is quoted only when it must be: when it holds the delimiter, the
 * quote, the escape or a line end, when a comment would begin with it, or when
 * its outer spaces could be taken off by another reader.  A table of one column
 * quotes its empty cells, since a blank line is no row to most readers.
 */
#include <assert.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "table/block.h"
#include "table/date.h"

#define FLUSH_BYTES (128 * 1024)

struct mls_writer {
    struct mls_output *output;
    struct mls_schema schema;
    char delimiter, quote, escape, comment, decimal;
    bool special[256];          /* bytes that make a cell quoted */
    struct mls_text text;       /* not written yet */
    int64_t *sparse_at;         /* per column: next non-zero of the block */
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
        || (first && w->comment != 0 && bytes[0] == w->comment))
        return true;
    for (size_t i = 0; i < length; i++) {
        if (w->special[(unsigned char)bytes[i]])
            return true;
    }
    return false;
}

static void add_cell(struct mls_writer *w, const char *bytes, size_t length,
                     bool first)
{
    size_t start = 0;

    if (!must_quote(w, bytes, length, first)) {
        mls_text_add_bytes(&w->text, bytes, length);
        return;
    }
    mls_text_add_bytes(&w->text, &w->quote, 1);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != w->quote && (w->escape == 0 || bytes[i] != w->escape))
            continue;
        /* Up to and with it; it begins the next piece once more. */
        mls_text_add_bytes(&w->text, bytes + start, i + 1 - start);
        start = i;
    }
    mls_text_add_bytes(&w->text, bytes + start, length - start);
    mls_text_add_bytes(&w->text, &w->quote, 1);
}

static void add_real(struct mls_writer *w, double value, bool first)
{
    char text[MLS_REAL_TEXT];
    size_t length = 0;

    if (!isnan(value))
        length = mls_format_real(value, text);
    if (w->decimal != '.') {
        for (size_t i = 0; i < length; i++)
            text[i] = text[i] == '.' ? w->decimal : text[i];
    }
    add_cell(w, text, length, first);
}

static void add_code(struct mls_writer *w, const struct mls_field *field,
                     uint32_t code, bool first)
{
    size_t length = 0;
    const char *level = "";

    if (code != MLS_CODE_MISSING && field->dictionary != NULL)
        level = mls_dictionary_level(field->dictionary, code, &length);
    add_cell(w, level, length, first);
}

static void add_time(struct mls_writer *w, const struct mls_field *field,
                     int64_t time, bool first)
{
    char text[MLS_DATE_TEXT];
    size_t length = 0;

    if (time != MLS_TIME_MISSING)
        length = mls_date_format(time, field->date_form, field->date_has_time,
                                 text);
    add_cell(w, text, length, first);
}

/* Rows come in order, so the next non-zero is this row's or a later one's. */
static void add_sparse(struct mls_writer *w, const struct mls_column *column,
                       int64_t *at, int64_t row, bool first)
{
    double value = 0;

    if (*at < column->sparse.count && column->sparse.row[*at] == row) {
        value = column->sparse.value != NULL ? column->sparse.value[*at] : 1;
        (*at)++;
    }
    add_real(w, value, first);
}

static void add_field(struct mls_writer *w, const struct mls_block *block,
                      int64_t i, int64_t row)
{
    const struct mls_column *column = block->columns[i];
    const struct mls_field *field = &w->schema.fields[i];
    bool first = i == 0;

    switch (column->storage) {
    case MLS_STORE_REAL:
        add_real(w, column->real[row], first);
        break;
    case MLS_STORE_CODE:
        add_code(w, field, column->code[row], first);
        break;
    case MLS_STORE_TIME:
        add_time(w, field, column->time[row], first);
        break;
    case MLS_STORE_TEXT:
        add_cell(w, column->text.bytes + column->text.offset[row],
                 (size_t)(column->text.offset[row + 1]
                          - column->text.offset[row]),
                 first);
        break;
    case MLS_STORE_SPARSE:
        add_sparse(w, column, &w->sparse_at[i], row, first);
        break;
    }
}

static bool flush(struct mls_writer *w, struct mls_error *err)
{
    if (!mls_text_ok(&w->text, err))
        return false;
    if (w->text.length > 0
        && !mls_output_write(w->output, w->text.bytes, w->text.length, err))
        return false;
    w->text.length = 0;
    return true;
}

static void add_header(struct mls_writer *w)
{
    for (int64_t i = 0; i < w->schema.count; i++) {
        const char *name = w->schema.fields[i].name;

        if (i > 0)
            mls_text_add_bytes(&w->text, &w->delimiter, 1);
        add_cell(w, name, strlen(name), i == 0);
    }
    mls_text_add_bytes(&w->text, "\n", 1);
}

struct mls_writer *mls_writer_open(const char *path,
                                   const struct mls_schema *schema,
                                   const struct mls_dialect *dialect,
                                   struct mls_error *err)
{
    struct mls_writer *w = mls_new(1, sizeof(*w), err);
    bool ok = w != NULL && mls_schema_copy(&w->schema, schema, err);

    if (ok) {
        use_dialect(w, dialect);
        w->sparse_at = mls_new(schema->count, sizeof(*w->sparse_at), err);
        ok = w->sparse_at != NULL;
    }
    if (ok) {
        w->output = mls_output_open(path, err);
        ok = w->output != NULL;
    }
    if (ok && (dialect == NULL || !dialect->no_header)) {
        add_header(w);
        ok = flush(w, err);
    }
    if (!ok) {
        mls_writer_abort(w);
        return NULL;
    }
    return w;
}

bool mls_writer_block(struct mls_writer *w, const struct mls_block *block,
                      struct mls_error *err)
{
    assert(block->column_count == w->schema.count);
    for (int64_t i = 0; i < w->schema.count; i++)
        w->sparse_at[i] = 0;
    for (int64_t row = 0; row < block->rows; row++) {
        for (int64_t i = 0; i < w->schema.count; i++) {
            if (i > 0)
                mls_text_add_bytes(&w->text, &w->delimiter, 1);
            add_field(w, block, i, row);
        }
        mls_text_add_bytes(&w->text, "\n", 1);
        if (w->text.length >= FLUSH_BYTES && !flush(w, err))
            return false;
    }
    return flush(w, err);
}

static void free_writer(struct mls_writer *w)
{
    mls_schema_clear(&w->schema);
    mls_text_clear(&w->text);
    mls_free(w->sparse_at);
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
