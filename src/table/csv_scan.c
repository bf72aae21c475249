/*
 * The scanner: a window over the input that slides from record to record.
 *
 *     bytes:  | done ... | record | record | rec|          |
 *                        ^start                 ^end        ^capacity
 *
 * When a record is not complete in the window, what is left of it moves to the
 * front and the rest is filled; when it fills the window alone, the window
 * doubles.  So memory follows the longest record, not the file, and the bytes
 * that are looked at again add up to a fraction of those read.
 *
 * Text is checked a window at a time: eight bytes a step tell whether any is
 * NUL or not ASCII, and only then each record is checked as UTF-8.
 */
#include "table/csv_scan.h"

#include "base/memory.h"
#include "base/text.h"
#include "table/csv_split.h"

#define WINDOW (256 * 1024)

struct mls_scan {
    struct mls_input *input;
    struct mls_dialect dialect;
    struct mls_splitter splitter;
    char *bytes;
    int64_t start, end, capacity;
    bool last;              /* the input ends at end */
    bool suspicious;        /* the window holds NUL or bytes past ASCII */
    int64_t line;           /* of bytes[start], from 1 */
    int64_t scanned;        /* bytes before start */
    int64_t width;          /* cells of the first record; 0 before it */
};

static bool is_suspicious(const char *bytes, int64_t length)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t found = 0, word = 0;
    int64_t i = 0;

    for (; i + 8 <= length; i += 8) {
        memcpy(&word, bytes + i, 8);
        found |= word | (word - ones); /* a NUL borrows into its high bit */
    }
    for (; i < length; i++)
        found |= (uint64_t)(unsigned char)bytes[i]
            | ((uint64_t)(unsigned char)bytes[i] - 1);
    return (found & highs) != 0;
}

static bool fail_long(const struct mls_scan *scan, struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "a record is longer than 1 GiB");
    mls_fail_fix(err, "close the quote that opens in it");
    return mls_fail_at(err, mls_input_name(scan->input), scan->line, 0, NULL);
}

static bool grow_window(struct mls_scan *scan, struct mls_error *err)
{
    if (scan->capacity > MLS_CELL_LIMIT)
        return fail_long(scan, err);
    if (!mls_resize(&scan->bytes, 2 * scan->capacity, 1, err))
        return false;
    scan->capacity *= 2;
    return true;
}

/* More bytes behind those of the unfinished record. */
static bool fill(struct mls_scan *scan, struct mls_error *err)
{
    size_t got = 1;

    if (scan->start > 0) {
        memmove(scan->bytes, scan->bytes + scan->start,
                (size_t)(scan->end - scan->start));
        scan->end -= scan->start;
        scan->start = 0;
    }
    if (scan->end == scan->capacity && !grow_window(scan, err))
        return false;
    while (got > 0 && scan->end < scan->capacity) {
        if (!mls_input_read(scan->input, scan->bytes + scan->end,
                            (size_t)(scan->capacity - scan->end), &got, err))
            return false;
        scan->end += (int64_t)got;
    }
    scan->last = got == 0;
    scan->suspicious = is_suspicious(scan->bytes, scan->end);
    return true;
}

static void advance(struct mls_scan *scan, int64_t bytes, int64_t lines)
{
    scan->start += bytes;
    scan->scanned += bytes;
    scan->line += lines;
}

/* One physical line, not looked into. */
static bool skip_line(struct mls_scan *scan, struct mls_error *err)
{
    for (;;) {
        int64_t bytes = mls_line_bytes(scan->bytes + scan->start,
                                       scan->end - scan->start, scan->last);

        if (bytes > 0 || scan->last) {
            advance(scan, bytes, 1);
            return true;
        }
        if (!fill(scan, err))
            return false;
    }
}

/* From a filled window at the start of the file to the header. */
static bool skip_preamble(struct mls_scan *scan, struct mls_error *err)
{
    scan->line = 1;
    scan->scanned = 0;
    scan->width = 0;
    advance(scan, mls_mark_bytes(scan->bytes, scan->end), 0);
    for (int64_t i = 0; i < scan->dialect.skip_rows; i++) {
        if (!skip_line(scan, err))
            return false;
    }
    return true;
}

static bool refuse_utf16(const struct mls_scan *scan, struct mls_error *err)
{
    if (scan->end >= 2
        && (memcmp(scan->bytes, "\xff\xfe", 2) == 0
            || memcmp(scan->bytes, "\xfe\xff", 2) == 0)) {
        mls_fail(err, MLS_DATA, "the file is UTF-16, not UTF-8");
        mls_fail_fix(err, "convert it: iconv -f UTF-16 -t UTF-8");
        return mls_fail_at(err, mls_input_name(scan->input), 0, 0, NULL);
    }
    if (scan->end == 0) {
        mls_fail(err, MLS_DATA, "the file is empty");
        mls_fail_fix(err, "give a table with a header line and rows");
        return mls_fail_at(err, mls_input_name(scan->input), 0, 0, NULL);
    }
    return true;
}

struct mls_scan *mls_scan_new(struct mls_input *input,
                              const struct mls_dialect *given,
                              const struct mls_schema *names,
                              struct mls_error *err)
{
    struct mls_scan *scan = mls_new(1, sizeof(*scan), err);

    if (scan == NULL) {
        mls_input_close(input);
        return NULL;
    }
    scan->input = input;
    scan->capacity = WINDOW;
    scan->bytes = mls_new(WINDOW, 1, err);
    if (scan->bytes == NULL || !fill(scan, err) || !refuse_utf16(scan, err)
        || !mls_sniff(scan->bytes, (size_t)scan->end, given, names,
                      &scan->dialect, err)
        || !mls_splitter_init(&scan->splitter, &scan->dialect, err)
        || !skip_preamble(scan, err)) {
        mls_scan_free(scan);
        return NULL;
    }
    return scan;
}

bool mls_scan_rewind(struct mls_scan *scan, struct mls_error *err)
{
    scan->start = scan->end = 0;
    scan->last = false;
    return mls_input_rewind(scan->input, err) && fill(scan, err)
        && skip_preamble(scan, err);
}

bool mls_scan_seek(struct mls_scan *scan, int64_t at, int64_t line,
                   struct mls_error *err)
{
    scan->start = scan->end = 0;
    scan->last = false;
    scan->scanned = at;
    scan->line = line;
    return mls_input_seek(scan->input, at, err) && fill(scan, err);
}

void mls_scan_free(struct mls_scan *scan)
{
    if (scan == NULL)
        return;
    mls_splitter_clear(&scan->splitter);
    mls_input_close(scan->input);
    mls_free(scan->bytes);
    mls_free(scan);
}

struct mls_input *mls_scan_input(struct mls_scan *scan)
{
    return scan->input;
}

const struct mls_dialect *mls_scan_dialect(const struct mls_scan *scan)
{
    return &scan->dialect;
}

int64_t mls_scan_bytes(const struct mls_scan *scan)
{
    return scan->scanned;
}

int64_t mls_scan_line(const struct mls_scan *scan)
{
    return scan->line;
}

static bool check_bytes(const struct mls_scan *scan, int64_t length,
                        struct mls_error *err)
{
    const char *bytes = scan->bytes + scan->start;
    size_t bad;

    if (memchr(bytes, '\0', (size_t)length) != NULL) {
        mls_fail(err, MLS_DATA, "a NUL byte: this is not a text file");
        mls_fail_fix(err, "if it is UTF-16: iconv -f UTF-16 -t UTF-8");
        return mls_fail_at(err, mls_input_name(scan->input), scan->line, 0,
                           NULL);
    }
    if (!mls_utf8_valid(bytes, (size_t)length, &bad)) {
        mls_fail(err, MLS_DATA, "byte 0x%02X is not UTF-8",
                 (unsigned char)bytes[bad]);
        mls_fail_fix(err, "convert it: iconv -f WINDOWS-1252 -t UTF-8");
        return mls_fail_at(err, mls_input_name(scan->input), scan->line, 0,
                           NULL);
    }
    return true;
}

static bool fail_quote(const struct mls_scan *scan,
                       enum mls_split_result result, struct mls_error *err)
{
    char quote = scan->dialect.quote;

    if (result == MLS_SPLIT_AFTER_QUOTE) {
        mls_fail(err, MLS_DATA, "text after a closing quote");
        mls_fail_fix(err, "inside quotes write %c%c for %c", quote, quote,
                     quote);
    } else {
        mls_fail(err, MLS_DATA, "a quote is opened and never closed");
        mls_fail_fix(err, "close it, or pass --quote with another character");
    }
    return mls_fail_at(err, mls_input_name(scan->input), scan->line, 0, NULL);
}

/* A line that holds nothing: no cell of a table of several columns. */
static bool is_blank(const struct mls_splitter *s)
{
    if (s->count != 1 || s->quoted)
        return false;
    for (int64_t i = 0; i < s->cells[0].length; i++) {
        if (s->cells[0].bytes[i] != ' ' && s->cells[0].bytes[i] != '\t')
            return false;
    }
    return true;
}

/* Splits what starts at the window's start, filling it as needed. */
static bool split_record(struct mls_scan *scan, struct mls_error *err)
{
    for (;;) {
        enum mls_split_result result =
            mls_split(&scan->splitter, scan->bytes + scan->start,
                      scan->end - scan->start, scan->last, err);

        switch (result) {
        case MLS_SPLIT_RECORD:
            if (scan->splitter.length > MLS_CELL_LIMIT)
                return fail_long(scan, err);
            return !scan->suspicious
                || check_bytes(scan, scan->splitter.length, err);
        case MLS_SPLIT_MORE:
            if (!fill(scan, err))
                return false;
            break;
        case MLS_SPLIT_FAILED:
            return mls_fail_at(err, mls_input_name(scan->input), scan->line, 0,
                               NULL);
        default:
            return fail_quote(scan, result, err);
        }
    }
}

bool mls_scan_next(struct mls_scan *scan, struct mls_record *record,
                   struct mls_error *err)
{
    struct mls_splitter *s = &scan->splitter;
    char comment = scan->dialect.comment;

    for (;;) {
        if (scan->start == scan->end && !scan->last && !fill(scan, err))
            return false;
        if (scan->start == scan->end) {
            *record = (struct mls_record){ 0 };
            return true;
        }
        if (comment != 0 && scan->bytes[scan->start] == comment) {
            if (!skip_line(scan, err))
                return false;
            continue;
        }
        if (!split_record(scan, err))
            return false;
        record->cells = s->cells;
        record->count = s->count;
        record->line = scan->line;
        advance(scan, s->used, s->lines);
        if (scan->width != 1 && is_blank(s))
            continue;
        if (scan->width == 0)
            scan->width = s->count;
        return true;
    }
}
