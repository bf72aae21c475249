/* A table that could be read is written as CSV; that is read under the same
 * schema and is equal, bit for bit; and written again it is the same file. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

static const char *written(const struct mls_table *t,
                           const struct mls_dialect *d)
{
    static char path[64];
    struct mls_error err = { 0 };
    struct mls_writer *w;

    /* In memory where that can be: a disk would make this ten times slower. */
    if (path[0] == '\0')
        snprintf(path, sizeof(path), "%s/mlspec-fuzz-%d.csv",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
                 (int)getpid());
    w = mls_writer_open(path, &t->schema, d, &err);
    FUZZ_CHECK(w != NULL, "%s", err.what);
    FUZZ_CHECK(mls_writer_blocks(w, t->blocks, t->block_count, NULL, &err),
               "%s", err.what);
    FUZZ_CHECK(mls_writer_close(w, &err), "%s", err.what);
    return path;
}

static void compare_column(const struct mls_column *a,
                           const struct mls_column *b, const char *name)
{
    size_t n = (size_t)a->rows;

    FUZZ_CHECK(a->storage == b->storage, "%s: storage", name);
    if (a->storage == MLS_STORE_REAL) {
        for (size_t r = 0; r < n; r++)
            FUZZ_CHECK((a->real[r] != a->real[r] && b->real[r] != b->real[r])
                       || memcmp(&a->real[r], &b->real[r], 8) == 0,
                       "%s: %a, %a", name, a->real[r], b->real[r]);
    } else if (a->storage == MLS_STORE_CODE) {
        FUZZ_CHECK(memcmp(a->code, b->code, n * 4) == 0, "%s: codes", name);
    } else if (a->storage == MLS_STORE_TIME) {
        FUZZ_CHECK(memcmp(a->time, b->time, n * 8) == 0, "%s: times", name);
    } else {
        FUZZ_CHECK(memcmp(a->text.offset, b->text.offset, (n + 1) * 8) == 0
                   && memcmp(a->text.bytes, b->text.bytes,
                             (size_t)a->text.offset[n]) == 0,
                   "%s: texts", name);
    }
}

static void compare(const struct mls_table *a, const struct mls_table *b)
{
    FUZZ_CHECK(a->rows == b->rows, "%lld rows, %lld", (long long)a->rows,
               (long long)b->rows);
    FUZZ_CHECK(a->schema.count == b->schema.count, "columns");
    for (int64_t k = 0; k < a->block_count; k++) {
        for (int64_t i = 0; i < a->schema.count; i++)
            compare_column(a->blocks[k]->columns[i], b->blocks[k]->columns[i],
                           a->schema.fields[i].name);
    }
}

void fuzz_round(const uint8_t *bytes, size_t length)
{
    static const struct mls_dialect dialects[] = {
        { .delimiter = ',', .quote = '"', .decimal = '.' },
        { .delimiter = ';', .quote = '"', .decimal = ',' },
        { .delimiter = '\t', .quote = '\'', .decimal = '.' },
        { .delimiter = ',', .quote = '"', .decimal = ',', .comment = '#' },
        { .delimiter = '|', .quote = '"', .decimal = '.', .escape = '\\' },
    };
    struct mls_read_options options = { .bad_rows = MLS_BAD_PAD,
                                        .list_errors = true };
    struct mls_table table = { 0 }, back = { 0 };
    struct mls_error err = { 0 };
    const char *path;

    if (length < 2)
        return;
    if (bytes[0] & 128)
        options.text = "*";
    if (!mls_table_read(fuzz_file(bytes + 1, length - 1), &options, NULL,
                        &table, &err))
        return;
    options = (struct mls_read_options){
        .dialect = dialects[bytes[0] % (sizeof(dialects) / sizeof(*dialects))],
        .schema = &table.schema, .need_all = true, .unknown_is_error = true
    };
    path = written(&table, &options.dialect);
    FUZZ_CHECK(mls_table_read(path, &options, NULL, &back, &err),
               "line %lld, %s: %s", (long long)err.line, err.column, err.what);
    unlink(path);
    compare(&table, &back);
    mls_table_clear(&table);
    mls_table_clear(&back);
}
