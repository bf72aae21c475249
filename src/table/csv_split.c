/*
 * Splitting one record.
 *
 *   12,"a ""b"", c",x CR LF
 *   ^^ ^^^^^^^^^^^^ ^ three cells; two bytes of line end
 *
 * The rules.  A record ends with CRLF, CR or LF.  A quote opens only as the
 * first byte of a cell; anywhere else in a bare cell it is data (37'37.8"N).
 * Inside quotes a doubled quote stands for one; the delimiter or a line end
 * must follow the closing one.  With an escape byte, the byte after it is data,
 * in quotes or not.  Nothing is trimmed: quotes or spaces never change a value.
 *
 * Records without quotes, nearly all of them, are split in one pass over a
 * table of 256 classes.  A record with a quoted cell is measured first (its
 * end, its lines, whether its quotes are in order) and then given to libcsv as
 * a whole.  libcsv cannot do the measuring: it has no error for text after a
 * closing quote, runs through the file when a quote is not closed, and counts
 * no lines.  It knows no escape byte either, so those records are split here.
 */
#include "table/csv_split.h"

#include <assert.h>

#include "base/memory.h"

enum { DATA, DELIMITER, NEWLINE, QUOTE, ESCAPE };

/* libcsv takes off outer spaces unless told that nothing is a space. */
static int no_space(unsigned char byte)
{
    (void)byte;
    return 0;
}

bool mls_splitter_init(struct mls_splitter *s,
                       const struct mls_dialect *dialect,
                       struct mls_error *err)
{
    *s = (struct mls_splitter){ .delimiter = dialect->delimiter,
                                .quote = dialect->quote,
                                .escape = dialect->escape };
    if (s->escape == s->quote)
        s->escape = 0; /* doubling is always understood */
    s->class['\n'] = s->class['\r'] = NEWLINE;
    s->class[(unsigned char)s->delimiter] = DELIMITER;
    s->class[(unsigned char)s->quote] = QUOTE;
    if (s->escape != 0)
        s->class[(unsigned char)s->escape] = ESCAPE;
    if (csv_init(&s->libcsv, 0) != 0)
        return mls_fail(err, MLS_LIMIT, "libcsv does not start");
    s->libcsv_ready = true;
    csv_set_delim(&s->libcsv, (unsigned char)s->delimiter);
    csv_set_quote(&s->libcsv, (unsigned char)s->quote);
    csv_set_space_func(&s->libcsv, no_space);
    csv_set_realloc_func(&s->libcsv, mls_hook_resize);
    csv_set_free_func(&s->libcsv, mls_free);
    return true;
}

void mls_splitter_clear(struct mls_splitter *s)
{
    if (s->libcsv_ready)
        csv_free(&s->libcsv);
    mls_free(s->cells);
    mls_free(s->scratch);
    *s = (struct mls_splitter){ 0 };
}

int64_t mls_line_bytes(const char *bytes, int64_t length, bool last)
{
    for (int64_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            return i + 1;
        if (bytes[i] == '\r') {
            if (i + 1 < length)
                return bytes[i + 1] == '\n' ? i + 2 : i + 1;
            return last ? i + 1 : 0;
        }
    }
    return last ? length : 0;
}

int64_t mls_mark_bytes(const char *bytes, int64_t length)
{
    return length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Room for count cells. */
static bool reserve_cells(struct mls_splitter *s, int64_t count,
                          struct mls_error *err)
{
    int64_t capacity = s->capacity > 0 ? s->capacity : 32;

    if (count <= s->capacity)
        return true;
    if (count > MLS_COLUMNS_LIMIT) {
        mls_fail(err, MLS_DATA, "a record has more than %d cells",
                 MLS_COLUMNS_LIMIT);
        return mls_fail_fix(err, "pass --delimiter when it is another, or "
                            "split the table");
    }
    while (capacity < count)
        capacity *= 2;
    if (capacity > MLS_COLUMNS_LIMIT)
        capacity = MLS_COLUMNS_LIMIT;
    if (!mls_resize(&s->cells, capacity, sizeof(*s->cells), err))
        return false;
    s->capacity = capacity;
    return true;
}

static bool reserve_scratch(struct mls_splitter *s, int64_t bytes,
                            struct mls_error *err)
{
    int64_t capacity = bytes + bytes / 2 + 256;

    s->scratch_used = 0;
    if (bytes <= s->scratch_capacity)
        return true;
    if (!mls_resize(&s->scratch, capacity, 1, err))
        return false;
    s->scratch_capacity = capacity;
    return true;
}

/* The record ends at p; false when only more bytes can tell where exactly. */
static bool end_record(struct mls_splitter *s, const char *bytes,
                       const char *p, const char *end, bool last)
{
    if (p == end && !last)
        return false;
    if (p < end && *p == '\r' && p + 1 == end && !last)
        return false;
    s->length = p - bytes;
    s->used = s->length + mls_line_bytes(p, end - p, true);
    s->lines += p < end;
    return true;
}

/* What a measuring pass found. */
struct measure {
    const char *p, *end;
    int64_t cells;
    bool last;
};

/* One line end inside quotes, CRLF as one. */
static void pass_newline(struct mls_splitter *s, struct measure *m)
{
    if (*m->p == '\r' && m->p + 1 < m->end && m->p[1] == '\n')
        m->p++;
    m->p++;
    s->lines++;
}

/* Passes a quoted cell, from its opening quote to the byte after its end. */
static enum mls_split_result measure_quoted(struct mls_splitter *s,
                                            struct measure *m)
{
    m->p++;
    while (m->p < m->end) {
        switch (s->class[(unsigned char)*m->p]) {
        case NEWLINE:
            pass_newline(s, m);
            break;
        case ESCAPE:
            m->p++;
            if (m->p == m->end)
                break;
            if (s->class[(unsigned char)*m->p] == NEWLINE)
                pass_newline(s, m);
            else
                m->p++;
            break;
        case QUOTE:
            if (m->p + 1 == m->end && !m->last)
                return MLS_SPLIT_MORE;
            m->p++;
            if (m->p < m->end && *m->p == s->quote) {
                m->p++;
                break;
            }
            if (m->p < m->end && s->class[(unsigned char)*m->p] != DELIMITER
                && s->class[(unsigned char)*m->p] != NEWLINE)
                return MLS_SPLIT_AFTER_QUOTE;
            return MLS_SPLIT_RECORD;
        default:
            m->p++;
        }
    }
    return m->last ? MLS_SPLIT_UNCLOSED : MLS_SPLIT_MORE;
}

static void measure_bare(struct mls_splitter *s, struct measure *m)
{
    while (m->p < m->end) {
        uint8_t class = s->class[(unsigned char)*m->p];

        if (class == DELIMITER || class == NEWLINE)
            return;
        m->p++;
        if (class == ESCAPE && m->p < m->end) {
            if (s->class[(unsigned char)*m->p] == NEWLINE)
                pass_newline(s, m);
            else
                m->p++;
        }
    }
}

/* Finds the end of a record with quotes or escapes and counts its cells. */
static enum mls_split_result measure_record(struct mls_splitter *s,
                                            const char *bytes,
                                            struct measure *m)
{
    s->lines = 0;
    for (m->cells = 1;; m->cells++) {
        if (m->p < m->end && *m->p == s->quote) {
            enum mls_split_result result = measure_quoted(s, m);

            if (result != MLS_SPLIT_RECORD)
                return result;
            s->quoted = true;
        } else {
            measure_bare(s, m);
        }
        if (m->p == m->end || *m->p != s->delimiter)
            break;
        m->p++;
    }
    return end_record(s, bytes, m->p, m->end, m->last) ? MLS_SPLIT_RECORD
                                                       : MLS_SPLIT_MORE;
}

/* libcsv's buffer is used for the next cell, so each one is copied. */
static void take_cell(void *bytes, size_t length, void *context)
{
    struct mls_splitter *s = context;
    char *to = s->scratch + s->scratch_used;

    assert(s->count < s->capacity
           && s->scratch_used + (int64_t)length <= s->scratch_capacity);
    if (length > 0)
        memcpy(to, bytes, length);
    s->scratch_used += (int64_t)length;
    s->cells[s->count++] = (struct mls_cell){ to, (int64_t)length };
}

static bool split_by_libcsv(struct mls_splitter *s, const char *bytes,
                            struct mls_error *err)
{
    size_t length = (size_t)s->length;

    /* One growth for the record: by default it is 128 bytes at a time. */
    csv_set_blk_size(&s->libcsv, length < 128 ? 128 : length);
    if (csv_parse(&s->libcsv, bytes, length, take_cell, NULL, s) != length
        || csv_fini(&s->libcsv, take_cell, NULL, s) != 0)
        return mls_fail_memory(err, length, 1, "a record with quotes");
    return true;
}

/* One cell from p; returns where it ends. */
static const char *unescape_cell(struct mls_splitter *s, const char *p,
                                 const char *end)
{
    char *to = s->scratch + s->scratch_used;
    int64_t length = 0;
    bool quoted = p < end && *p == s->quote;

    p += quoted;
    for (; p < end; p++) {
        if (*p == s->escape && p + 1 < end)
            p++;
        else if (quoted && *p == s->quote && p + 1 < end && p[1] == s->quote)
            p++;
        else if (quoted && *p == s->quote) {
            p++;
            break;
        } else if (!quoted && *p == s->delimiter)
            break;
        to[length++] = *p;
    }
    s->scratch_used += length;
    s->cells[s->count++] = (struct mls_cell){ to, length };
    return p;
}

static void split_escaped(struct mls_splitter *s, const char *bytes)
{
    const char *p = bytes, *end = bytes + s->length;

    for (;;) {
        p = unescape_cell(s, p, end);
        if (p == end)
            return;
        p++; /* the delimiter: measuring made sure of it */
    }
}

static enum mls_split_result split_with_quotes(struct mls_splitter *s,
                                               const char *bytes,
                                               int64_t length, bool last,
                                               struct mls_error *err)
{
    struct measure m = { bytes, bytes + length, 0, last };
    enum mls_split_result result = measure_record(s, bytes, &m);

    if (result != MLS_SPLIT_RECORD)
        return result;
    if (!reserve_cells(s, m.cells, err)
        || !reserve_scratch(s, s->length, err))
        return MLS_SPLIT_FAILED;
    s->count = 0;
    if (s->escape != 0)
        split_escaped(s, bytes);
    else if (!split_by_libcsv(s, bytes, err))
        return MLS_SPLIT_FAILED;
    assert(s->count == m.cells);
    return MLS_SPLIT_RECORD;
}

enum mls_split_result mls_split(struct mls_splitter *s, const char *bytes,
                                int64_t length, bool last,
                                struct mls_error *err)
{
    const char *p = bytes, *start = bytes, *end = bytes + length;
    int64_t count = 0;

    s->lines = 0;
    s->quoted = false;
    for (;; p++) {
        while (p < end && s->class[(unsigned char)*p] == DATA)
            p++;
        if (p < end) {
            uint8_t class = s->class[(unsigned char)*p];

            if (class == QUOTE && p > start)
                continue;
            if (class == QUOTE || class == ESCAPE)
                return split_with_quotes(s, bytes, length, last, err);
        }
        if (count == s->capacity && !reserve_cells(s, count + 1, err))
            return MLS_SPLIT_FAILED;
        s->cells[count++] = (struct mls_cell){ start, p - start };
        if (p == end || s->class[(unsigned char)*p] == NEWLINE)
            break;
        start = p + 1;
    }
    s->count = count;
    return end_record(s, bytes, p, end, last) ? MLS_SPLIT_RECORD
                                              : MLS_SPLIT_MORE;
}
