/*
 * Growing byte strings, UTF-8, and lists of strings.
 *
 * A string doubles when it is full.  The first failure is remembered in the
 * string and later additions do nothing, so that a page of output can be put
 * together without a test in each line.
 *
 * The width of a character comes from two short tables of ranges and not from
 * wcwidth, which follows the locale.  They hold the marks that take no column
 * and the characters that Unicode calls wide (East Asian Width W and F, and
 * emoji), rounded to whole blocks: enough to align a table on a terminal.
 */
#include "base/text.h"

#include <stdarg.h>

#include "base/memory.h"
#include "base/number.h"
#include "mlspec/params.h"

#define LINE_WIDTH 80
#define FIRST_CAPACITY 64

/* Makes room for n more bytes and the NUL. */
static bool make_room(struct mls_text *text, size_t n)
{
    struct mls_error ignored;
    size_t capacity, wanted;

    if (text->failed) {
        return false;
    }
    if (n >= (size_t)PTRDIFF_MAX - text->length) {
        text->failed = true;
        return false;
    }
    wanted = text->length + n + 1;
    if (wanted <= text->capacity) {
        return true;
    }
    capacity = text->capacity < FIRST_CAPACITY ? FIRST_CAPACITY
                                               : text->capacity * 2;
    capacity = capacity < wanted ? wanted : capacity;
    if (!mls_resize(&text->bytes, (int64_t)capacity, 1, &ignored)) {
        text->failed = true;
        return false;
    }
    text->capacity = capacity;
    return true;
}

void mls_text_add_bytes(struct mls_text *text, const char *bytes, size_t n)
{
    if (!make_room(text, n)) {
        return;
    }
    if (n > 0) {
        memcpy(text->bytes + text->length, bytes, n);
    }
    text->length += n;
    text->bytes[text->length] = '\0';
}

void mls_text_add(struct mls_text *text, const char *more)
{
    if (more) {
        mls_text_add_bytes(text, more, strlen(more));
    }
}

void mls_text_add_real(struct mls_text *text, double value)
{
    char digits[MLS_REAL_TEXT];

    mls_text_add_bytes(text, digits, mls_format_real(value, digits));
}

void mls_text_add_integer(struct mls_text *text, int64_t value)
{
    char digits[MLS_REAL_TEXT];

    mls_text_add_bytes(text, digits, mls_format_integer(value, digits));
}

void mls_text_format(struct mls_text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = true;
        return;
    }
    if (!make_room(text, (size_t)length)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format,
              arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

static void add_spaces(struct mls_text *text, int n)
{
    if (n > 0 && make_room(text, (size_t)n)) {
        memset(text->bytes + text->length, ' ', (size_t)n);
        text->length += (size_t)n;
        text->bytes[text->length] = '\0';
    }
}

/* Columns that the last line takes so far. */
static int last_line_width(const struct mls_text *text)
{
    const char *end = NULL;
    size_t start = 0;

    if (text->length > 0) {
        end = memrchr(text->bytes, '\n', text->length);
        start = end ? (size_t)(end - text->bytes) + 1 : 0;
    }
    if (start == text->length) {
        return 0;
    }
    return mls_text_width(text->bytes + start, text->length - start);
}

void mls_text_pad(struct mls_text *text, int width)
{
    add_spaces(text, width - last_line_width(text));
}

void mls_text_wrap(struct mls_text *text, const char *more, int indent)
{
    bool fresh; /* no word on this line yet */
    int at;

    mls_text_pad(text, indent);
    at = last_line_width(text);
    fresh = true;
    while (more && *more) {
        size_t n = strcspn(more, " \n");
        int width = n > 0 ? mls_text_width(more, n) : 0;

        if (n > 0) {
            if (!fresh && at + 1 + width > LINE_WIDTH) {
                mls_text_add(text, "\n");
                add_spaces(text, indent);
                at = indent;
                fresh = true;
            }
            mls_text_add(text, fresh ? NULL : " ");
            mls_text_add_bytes(text, more, n);
            at += width + (fresh ? 0 : 1);
            fresh = false;
            more += n;
        } else if (*more == '\n') {
            mls_text_add(text, "\n");
            add_spaces(text, more[1] && more[1] != '\n' ? indent : 0);
            at = indent;
            fresh = true;
            more++;
        } else {
            more++;
        }
    }
    if (text->length == 0 || text->bytes[text->length - 1] != '\n') {
        mls_text_add(text, "\n");
    }
}

bool mls_text_ok(const struct mls_text *text, struct mls_error *err)
{
    if (text->failed) {
        return mls_fail_memory(err, text->length < FIRST_CAPACITY
                                        ? FIRST_CAPACITY : text->length, 2,
                               "text");
    }
    return true;
}

void mls_text_clear(struct mls_text *text)
{
    if (text) {
        mls_free(text->bytes);
        memset(text, 0, sizeof(*text));
    }
}

size_t mls_utf8_next(const char *bytes, size_t length, uint32_t *point)
{
    /* The least code point that may take so many bytes: a longer form than
     * needed could smuggle a forbidden byte past a check. */
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char first;
    uint32_t value;
    size_t n, i;

    if (length == 0) {
        return 0;
    }
    first = (unsigned char)bytes[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    n = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3
        : first < 0xF5 ? 4 : 0;
    if (n == 0 || n > length) {
        return 0;
    }
    value = first & (0x7Fu >> n);
    for (i = 1; i < n; i++) {
        unsigned char next = (unsigned char)bytes[i];

        if ((next & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (next & 0x3F);
    }
    if (value < least[n] || value > 0x10FFFF
        || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *point = value;
    return n;
}

bool mls_utf8_valid(const char *bytes, size_t length, size_t *first_bad)
{
    size_t at = 0;

    while (at < length) {
        uint64_t eight;
        uint32_t point;
        size_t n;

        if (length - at >= 8) {
            memcpy(&eight, bytes + at, 8);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += 8;
                continue;
            }
        }
        n = mls_utf8_next(bytes + at, length - at, &point);
        if (n == 0) {
            if (first_bad) {
                *first_bad = at;
            }
            return false;
        }
        at += n;
    }
    return true;
}

struct range {
    uint32_t first, last;
};

static const struct range no_width[] = {
    { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD },
    { 0x0610, 0x061A }, { 0x064B, 0x065F }, { 0x06D6, 0x06DC },
    { 0x0E34, 0x0E3A }, { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF },
    { 0x1DC0, 0x1DFF }, { 0x200B, 0x200F }, { 0x202A, 0x202E },
    { 0x2060, 0x2064 }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F },
    { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF }, { 0xE0100, 0xE01EF },
};

static const struct range wide[] = {
    { 0x1100, 0x115F },   { 0x231A, 0x231B },   { 0x2E80, 0x303E },
    { 0x3041, 0x33FF },   { 0x3400, 0x4DBF },   { 0x4E00, 0x9FFF },
    { 0xA000, 0xA4CF },   { 0xA960, 0xA97C },   { 0xAC00, 0xD7A3 },
    { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },   { 0xFF01, 0xFF60 },
    { 0xFFE0, 0xFFE6 },   { 0x16FE0, 0x18CFF }, { 0x1B000, 0x1B2FF },
    { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF },
    { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
};

static bool in_ranges(uint32_t point, const struct range *ranges, size_t n)
{
    size_t i;

    for (i = 0; i < n && ranges[i].first <= point; i++) {
        if (point <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

int mls_text_width(const char *bytes, size_t length)
{
    size_t at = 0;
    int width = 0;

    while (at < length) {
        uint32_t point = 0;
        size_t n = mls_utf8_next(bytes + at, length - at, &point);

        if (n > 0 && in_ranges(point, no_width,
                               sizeof(no_width) / sizeof(*no_width))) {
            width += 0;
        } else if (n > 0 && in_ranges(point, wide,
                                      sizeof(wide) / sizeof(*wide))) {
            width += 2;
        } else {
            width += 1;
        }
        at += n > 0 ? n : 1;
    }
    return width;
}

/* Room in items is what the allocator gave, so that a list needs no capacity
 * and may have been filled by any of our functions. */
static bool add_item(struct mls_list *list, const char *bytes, size_t length,
                     struct mls_error *err)
{
    size_t room = list->items ? mls_hook_size(list->items) : 0;
    char *copy = mls_copy_bytes(bytes, length, err);

    if (!copy) {
        return false;
    }
    if (room < (size_t)(list->count + 1) * sizeof(*list->items)
        && !mls_resize(&list->items, list->count + list->count / 2 + 4,
                       sizeof(*list->items), err)) {
        mls_free(copy);
        return false;
    }
    list->items[list->count++] = copy;
    return true;
}

bool mls_list_add(struct mls_list *list, const char *item,
                  struct mls_error *err)
{
    return add_item(list, item, strlen(item), err);
}

void mls_list_clear(struct mls_list *list)
{
    int64_t i;

    if (!list) {
        return;
    }
    for (i = 0; i < list->count; i++) {
        mls_free(list->items[i]);
    }
    mls_free(list->items);
    list->items = NULL;
    list->count = 0;
}

/* One quoted item from the byte after its opening quote to the byte after its
 * closing one, "" read as a quote, in item.  NULL when there is no closing
 * quote. */
static const char *read_quoted(const char *at, struct mls_text *item)
{
    for (;;) {
        const char *quote = strchr(at, '"');

        if (!quote) {
            return NULL;
        }
        mls_text_add_bytes(item, at, (size_t)(quote - at));
        if (quote[1] != '"') {
            return quote + 1;
        }
        mls_text_add(item, "\"");
        at = quote + 2;
    }
}

bool mls_list_split(const char *record, struct mls_list *list,
                    struct mls_error *err)
{
    struct mls_text item = { 0 };
    const char *at = record;
    bool ok = true, more = *record != '\0';

    while (ok && more) {
        item.length = 0;
        if (*at == '"') {
            at = read_quoted(at + 1, &item);
        } else {
            size_t n = strcspn(at, ",");

            mls_text_add_bytes(&item, at, n);
            at += n;
        }
        if (!at || (*at && *at != ',')) {
            mls_fail(err, MLS_USAGE, "the list %s %s",
                     mls_show_text(record).text,
                     at ? "has text after a closing quote"
                        : "has a quote that is not closed");
            ok = mls_fail_fix(err, "write a name that holds a comma or a "
                              "quote as \"a, \"\"b\"\"\"");
        } else {
            ok = mls_text_ok(&item, err)
                && add_item(list, item.bytes ? item.bytes : "", item.length,
                            err);
            more = ok && *at == ',';
            at++;
        }
    }
    mls_text_clear(&item);
    return ok;
}

int mls_bytes_compare(const char *a, size_t a_length, const char *b,
                      size_t b_length)
{
    size_t n = a_length < b_length ? a_length : b_length;
    int order = n > 0 ? memcmp(a, b, n) : 0;

    if (order == 0 && a_length != b_length) {
        order = a_length < b_length ? -1 : 1;
    }
    return order;
}
