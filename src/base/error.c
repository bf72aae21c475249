/*
 * The error object.  Everything is of fixed size and nothing is allocated, so
 * an error can be reported when there is no memory left.
 *
 * Text is formatted into a local buffer first and copied after, so that a
 * message may quote the one it replaces: mls_fail(err, code, "%s", err->what).
 * What is too long is cut between characters and ends with an ellipsis.
 *
 * Names come from files that anybody may have written.  A name printed as it
 * is could clear the terminal or turn a line around, so whatever is not plainly
 * printable is written as \xNN.  A backslash stays as it is: escaping twice
 * gives the same text as escaping once, and callers need not ask who escapes.
 */
#include "mlspec/error.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/text.h"

#define ELLIPSIS "\xE2\x80\xA6"

/* Controls, C1 controls, line separators, direction marks and the byte-order
 * mark: they change what the reader sees around them. */
static bool is_printable(uint32_t point)
{
    if (point < 0x20 || (point >= 0x7F && point < 0xA0)) {
        return false;
    }
    if (point >= 0x200B && point <= 0x200F && point != 0x200D) {
        return false;
    }
    return !((point >= 0x2028 && point <= 0x202E)
             || (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF);
}

/* One character of bytes, made safe, in piece; returns how many bytes of the
 * input it stands for. */
static size_t show_one(const char *bytes, size_t length, char piece[17],
                       size_t *piece_length)
{
    static const char hex[] = "0123456789ABCDEF";
    uint32_t point = 0;
    size_t taken = mls_utf8_next(bytes, length, &point);
    size_t i, used = 0;

    if (taken > 0 && is_printable(point)) {
        memcpy(piece, bytes, taken);
        *piece_length = taken;
        return taken;
    }
    taken = taken == 0 ? 1 : taken;
    for (i = 0; i < taken; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        piece[used++] = '\\';
        if (byte == '\n' || byte == '\r' || byte == '\t') {
            piece[used++] = byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't';
        } else {
            piece[used++] = 'x';
            piece[used++] = hex[byte >> 4];
            piece[used++] = hex[byte & 15];
        }
    }
    *piece_length = used;
    return taken;
}

/* The name made safe in to (size bytes).  fits remembers the last place where
 * the ellipsis still has room. */
static void show(char *to, size_t size, const char *bytes, size_t length)
{
    const size_t ellipsis = sizeof(ELLIPSIS) - 1;
    size_t used = 0, fits = 0, at = 0;

    while (at < length) {
        char piece[17];
        size_t n;

        at += show_one(bytes + at, length - at, piece, &n);
        if (used + n + 1 > size) {
            memcpy(to + fits, ELLIPSIS, ellipsis);
            used = fits + ellipsis;
            break;
        }
        memcpy(to + used, piece, n);
        used += n;
        if (used + ellipsis + 1 <= size) {
            fits = used;
        }
    }
    to[used] = '\0';
}

struct mls_shown mls_show(const char *bytes, size_t length)
{
    struct mls_shown shown;

    show(shown.text, sizeof(shown.text), bytes, length);
    return shown;
}

struct mls_shown mls_show_text(const char *text)
{
    return mls_show(text, text ? strlen(text) : 0);
}

/* Copies text, cutting it between two characters when it is too long. */
static void copy_cut(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length >= size) {
        length = size - sizeof(ELLIPSIS);
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
        memcpy(to + length, ELLIPSIS, sizeof(ELLIPSIS));
    } else {
        to[length] = '\0';
    }
    memmove(to, text, length);
}

static void format_cut(char *to, size_t size, const char *format,
                       va_list arguments) MLS_PRINTF(3, 0);

static void format_cut(char *to, size_t size, const char *format,
                       va_list arguments)
{
    char text[1024];

    if (vsnprintf(text, sizeof(text), format, arguments) < 0) {
        text[0] = '\0';
    }
    copy_cut(to, size, text);
}

bool mls_fail(struct mls_error *err, enum mls_code code, const char *format,
              ...)
{
    va_list arguments;

    if (!err) {
        return false;
    }
    va_start(arguments, format);
    format_cut(err->what, sizeof(err->what), format, arguments);
    va_end(arguments);
    err->code = code;
    err->line = 0;
    err->row = 0;
    err->file[0] = '\0';
    err->column[0] = '\0';
    err->fix[0] = '\0';
    return false;
}

bool mls_fail_fix(struct mls_error *err, const char *format, ...)
{
    va_list arguments;

    if (!err) {
        return false;
    }
    va_start(arguments, format);
    format_cut(err->fix, sizeof(err->fix), format, arguments);
    va_end(arguments);
    return false;
}

bool mls_fail_at(struct mls_error *err, const char *file, int64_t line,
                 int64_t row, const char *column)
{
    if (!err) {
        return false;
    }
    if (file && file != err->file) {
        show(err->file, sizeof(err->file), file, strlen(file));
    }
    if (column && column != err->column) {
        struct mls_shown shown = mls_show_text(column);

        memcpy(err->column, shown.text, sizeof(shown.text));
    }
    if (line > 0) {
        err->line = line;
    }
    if (row > 0) {
        err->row = row;
    }
    return false;
}

bool mls_fail_memory(struct mls_error *err, size_t count, size_t size,
                     const char *what)
{
    double mb = (double)count * (double)size / 1e6;

    /* Whole megabytes are shown by integers: a decimal point would follow the
     * locale. */
    if (mb < 1) {
        mls_fail(err, MLS_LIMIT, "not enough memory for %s (%zu bytes)", what,
                 count * size);
    } else if (mb < 1e12) {
        mls_fail(err, MLS_LIMIT, "not enough memory for %s (%" PRId64 " MB)",
                 what, (int64_t)(mb + 0.5));
    } else {
        mls_fail(err, MLS_LIMIT, "not enough memory for %s (%zu x %zu bytes)",
                 what, count, size);
    }
    return mls_fail_fix(err, "give it less data at once, or more memory");
}

char *mls_error_text(const struct mls_error *err, char *text, size_t size)
{
    char line[32] = "", row[32] = "", column[sizeof(err->column) + 16] = "";
    bool has_row = err->row > 0, has_column = err->column[0] != '\0';
    int length;

    if (size == 0) {
        return text;
    }
    if (err->line > 0) {
        snprintf(line, sizeof(line), "%s%" PRId64,
                 err->file[0] ? ":" : "line ", err->line);
    }
    if (has_row) {
        snprintf(row, sizeof(row), "row %" PRId64, err->row);
    }
    if (has_column) {
        snprintf(column, sizeof(column), "%scolumn \"%s\"",
                 has_row ? ", " : "", err->column);
    }
    length = snprintf(text, size, "%s%s%s%s%s%s%s", err->file, line,
                      err->file[0] || line[0] ? ": " : "", row, column,
                      has_row || has_column ? ": " : "", err->what);
    if (length < 0) {
        text[0] = '\0';
    }
    return text;
}
