/* Any bytes as a table under any options: it is read or refused with a reason,
 * and blocks and threads change nothing. */
#include <string.h>

#include "fuzz.h"

static char one_of(unsigned byte, const char *set)
{
    return set[byte % (strlen(set) + 1)];
}

static void choose(const uint8_t *bytes, struct mls_read_options *o)
{
    o->dialect.delimiter = one_of(bytes[0], ",;\t|x");
    o->dialect.quote = one_of(bytes[0] >> 4, "\"'");
    o->dialect.escape = one_of(bytes[1] & 3, "\\");
    o->dialect.comment = one_of(bytes[1] >> 2 & 3, "#");
    o->dialect.no_header = bytes[1] >> 4 & 1;
    o->dialect.decimal = one_of(bytes[1] >> 6, ".,");
    o->dialect.skip_rows = bytes[2] & 3;
    o->dialect.na = bytes[2] & 4 ? "x,-" : NULL;
    o->bad_rows = (enum mls_bad_rows)((bytes[2] >> 3 & 3) % 3);
    o->list_errors = bytes[2] & 32;
    o->text = bytes[2] & 64 ? "*" : NULL;
    o->categorical = (bytes[2] & 192) == 128 ? "*" : NULL;
}

static void check_codes(const struct mls_field *field,
                        const struct mls_column *c)
{
    for (int64_t r = 0; r < c->rows; r++)
        FUZZ_CHECK(c->code[r] == MLS_CODE_MISSING
                   || (int64_t)c->code[r] < field->dictionary->count,
                   "a code without a level");
}

static void check_text(const struct mls_column *c)
{
    FUZZ_CHECK(c->text.offset[0] == 0, "texts do not begin at 0");
    for (int64_t r = 0; r < c->rows; r++)
        FUZZ_CHECK(c->text.offset[r] <= c->text.offset[r + 1],
                   "a text ends before it begins");
}

static void check_table(const struct mls_table *t)
{
    int64_t rows = 0;

    for (int64_t b = 0; b < t->block_count; b++) {
        const struct mls_block *block = t->blocks[b];

        FUZZ_CHECK(block->first_row == rows, "blocks have a gap");
        FUZZ_CHECK(block->column_count == t->schema.count, "columns");
        rows += block->rows;
        for (int64_t i = 0; i < block->column_count; i++) {
            const struct mls_column *c = block->columns[i];

            FUZZ_CHECK(c->rows == block->rows, "rows");
            if (c->storage == MLS_STORE_CODE)
                check_codes(&t->schema.fields[i], c);
            if (c->storage == MLS_STORE_TEXT)
                check_text(c);
        }
    }
    FUZZ_CHECK(rows == t->rows, "rows are lost");
}

void fuzz_table(const uint8_t *bytes, size_t length)
{
    struct mls_read_options options = { 0 };
    struct mls_table table = { 0 }, small = { 0 };
    struct mls_error err = { 0 }, other = { 0 };
    const char *path;
    bool ok;

    if (length < 3)
        return;
    choose(bytes, &options);
    path = fuzz_file(bytes + 3, length - 3);
    ok = mls_table_read(path, &options, NULL, &table, &err);
    options.block_rows = 2;
    FUZZ_CHECK(mls_table_read(path, &options, NULL, &small, &other) == ok,
               "small blocks: %s%s", err.what, other.what);
    if (ok) {
        check_table(&table);
        check_table(&small);
        FUZZ_CHECK(table.rows == small.rows, "rows of small blocks");
        mls_table_clear(&table);
        mls_table_clear(&small);
        return;
    }
    fuzz_check_error(&err);
    FUZZ_CHECK(err.line == other.line && strcmp(err.what, other.what) == 0,
               "line %lld: %s; small blocks: line %lld: %s",
               (long long)err.line, err.what, (long long)other.line,
               other.what);
}
