/* What libcsv can express is read as libcsv reads it: every cell as text. */
#include <csv.h>
#include <string.h>

#include "fuzz.h"

#define MOST_CELLS 100000

struct expected {
    struct {
        char *bytes;
        size_t length;
    } cells[MOST_CELLS];
    int64_t count, width, at;   /* cells, of a record, in this record */
    bool even;
};

static struct expected *expected;

static void clear(void)
{
    for (int64_t i = 0; expected != NULL && i < expected->count; i++)
        free(expected->cells[i].bytes);
    free(expected);
    expected = calloc(1, sizeof(*expected));
    FUZZ_CHECK(expected != NULL, "no memory");
    expected->even = true;
}

static void cell(void *bytes, size_t length, void *context)
{
    struct expected *e = context;

    e->at++;
    if (e->count == MOST_CELLS)
        return;
    e->cells[e->count].bytes = malloc(length + 1);
    FUZZ_CHECK(e->cells[e->count].bytes != NULL, "no memory");
    if (length > 0)
        memcpy(e->cells[e->count].bytes, bytes, length);
    e->cells[e->count++].length = length;
}

static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != ' ' && bytes[i] != '\t')
            return false;
    }
    return true;
}

/* A line of spaces is a blank line, to us. */
static void record(int end, void *context)
{
    struct expected *e = context;

    (void)end;
    if (e->at == 1 && e->count < MOST_CELLS
        && is_blank(e->cells[e->count - 1].bytes,
                    e->cells[e->count - 1].length)) {
        free(e->cells[--e->count].bytes);
        e->at = 0;
        return;
    }
    if (e->width == 0)
        e->width = e->at;
    e->even = e->even && e->at == e->width;
    e->at = 0;
}

static int no_space(unsigned char byte)
{
    (void)byte;
    return 0;
}

static void read_by_libcsv(const uint8_t *bytes, size_t length)
{
    struct csv_parser parser;

    clear();
    FUZZ_CHECK(csv_init(&parser, 0) == 0, "libcsv");
    csv_set_space_func(&parser, no_space);
    FUZZ_CHECK(csv_parse(&parser, bytes, length, cell, record, expected)
               == length, "libcsv stops");
    csv_fini(&parser, cell, record, expected);
    csv_free(&parser);
}

/* A cell that is a missing token, spaces around it or not, reads as empty. */
static bool is_missing(const char *bytes, size_t length)
{
    while (length > 0 && (bytes[0] == ' ' || bytes[0] == '\t')) {
        bytes++;
        length--;
    }
    while (length > 0
           && (bytes[length - 1] == ' ' || bytes[length - 1] == '\t'))
        length--;
    for (const char *const *t = mls_missing_tokens; *t != NULL; t++) {
        if (strlen(*t) == length && memcmp(*t, bytes, length) == 0)
            return true;
    }
    return length == 0;
}

static void compare(const struct mls_table *t)
{
    FUZZ_CHECK(t->rows * t->schema.count == expected->count,
               "%lld rows, libcsv has %lld cells", (long long)t->rows,
               (long long)expected->count);
    for (int64_t i = 0; i < expected->count; i++) {
        int64_t row = i / expected->width, b = 0;
        const struct mls_column *c;
        size_t length;

        while (row >= t->blocks[b]->first_row + t->blocks[b]->rows)
            b++;
        row -= t->blocks[b]->first_row;
        c = t->blocks[b]->columns[i % expected->width];
        FUZZ_CHECK(c->storage == MLS_STORE_TEXT, "not text");
        length = (size_t)(c->text.offset[row + 1] - c->text.offset[row]);
        if (is_missing(expected->cells[i].bytes, expected->cells[i].length)) {
            FUZZ_CHECK(length == 0, "cell %lld is missing", (long long)i);
            continue;
        }
        FUZZ_CHECK(length == expected->cells[i].length
                   && memcmp(c->text.bytes + c->text.offset[row],
                             expected->cells[i].bytes, length) == 0,
                   "cell %lld", (long long)i);
    }
}

void fuzz_libcsv(const uint8_t *bytes, size_t length)
{
    const struct mls_read_options options = {
        .dialect = { .delimiter = ',', .quote = '"', .decimal = '.',
                     .no_header = true },
        .text = "*"
    };
    struct mls_table table = { 0 };
    struct mls_error err = { 0 };

    /* libcsv knows no UTF-8 mark, and no line that names the delimiter. */
    if ((length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        || (length >= 4 && (memcmp(bytes, "sep=", 4) == 0
                            || memcmp(bytes, "SEP=", 4) == 0)))
        return;
    if (!mls_table_read(fuzz_file(bytes, length), &options, NULL, &table,
                        &err)) {
        fuzz_check_error(&err);
        return;
    }
    read_by_libcsv(bytes, length);
    /* A blank line is a row of a table of one column, to us. */
    if (table.schema.count > 1 && expected->count < MOST_CELLS) {
        FUZZ_CHECK(expected->even && expected->width == table.schema.count,
                   "libcsv has another width");
        compare(&table);
    }
    mls_table_clear(&table);
}
