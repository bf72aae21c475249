/* Small files for tests of the table layer, removed again by the caller. */
#ifndef MLS_TESTS_TABLE_FILES_H
#define MLS_TESTS_TABLE_FILES_H

#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "mlspec/table.h"

struct test_file {
    char path[64];
};

static inline struct test_file new_file_bytes(const char *bytes, size_t length)
{
    struct test_file file = { "/tmp/mlspec-table-XXXXXX" };
    int fd = mkstemp(file.path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_int_equal(close(fd), 0);
    return file;
}

static inline struct test_file new_file(const char *text)
{
    return new_file_bytes(text, strlen(text));
}

static inline void remove_file(struct test_file *file)
{
    assert_int_equal(unlink(file->path), 0);
}

/* Reads text as a table; false with the error when it cannot be read. */
static inline bool read_text(const char *text,
                             const struct mls_read_options *options,
                             struct mls_table *table, struct mls_error *err)
{
    const struct mls_read_options none = { 0 };
    struct test_file file = new_file(text);
    bool ok;

    memset(err, 0, sizeof(*err));
    ok = mls_table_read(file.path, options != NULL ? options : &none, NULL,
                        table, err);
    remove_file(&file);
    return ok;
}

/* The same for a file that must be right. */
static inline void must_read(const char *text,
                             const struct mls_read_options *options,
                             struct mls_table *table)
{
    struct mls_error err;

    if (!read_text(text, options, table, &err))
        fail_msg("%s (%s)", err.what, err.fix);
}

/* The same for a file that must be refused. */
static inline void must_fail(const char *text,
                             const struct mls_read_options *options,
                             struct mls_error *err)
{
    struct mls_table table;

    if (read_text(text, options, &table, err)) {
        mls_table_clear(&table);
        fail_msg("read without an error");
    }
}

static inline const struct mls_field *field_of(const struct mls_table *table,
                                               const char *name)
{
    int64_t at = mls_schema_find(&table->schema, name);

    if (at < 0)
        fail_msg("no column %s", name);
    return &table->schema.fields[at];
}

static inline double real_at(const struct mls_table *table, const char *name,
                             int64_t row)
{
    double value;

    mls_table_reals(table, mls_schema_find(&table->schema, name), row, 1,
                    &value);
    return value;
}

/* The spelling of a coded cell in out, "" for missing. */
static inline const char *level_at(const struct mls_table *table,
                                   const char *name, int64_t row)
{
    static char text[256];
    const struct mls_field *field = field_of(table, name);
    double code = real_at(table, name, row);
    const char *level;
    size_t length;

    text[0] = '\0';
    if (isnan(code))
        return text;
    level = mls_dictionary_level(field->dictionary, (uint32_t)code, &length);
    assert_true(length < sizeof(text));
    memcpy(text, level, length);
    text[length] = '\0';
    return text;
}

#endif
