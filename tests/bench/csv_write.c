/*
 * Times the CSV writer by itself: a table of reals in memory to a file.
 *
 *   bench_csv_write DATA ROWS COLUMNS OUTPUT THREADS ROUNDS
 *
 * DATA holds ROWS * COLUMNS native doubles, row by row.  Prints the seconds of
 * each round, opening and closing of the file included.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mlspec/table.h"

static int fail(const struct mls_error *err)
{
    fprintf(stderr, "bench_csv_write: %s\n", err->what);
    return 1;
}

static bool add_field(struct mls_schema *schema, int64_t i,
                      struct mls_error *err)
{
    char name[32];
    struct mls_field field = { .name = name, .kind = MLS_KIND_REAL };

    snprintf(name, sizeof(name), "x%lld", (long long)i);
    return mls_schema_add(schema, &field, err);
}

/* The next rows of the file as a block of the table. */
static bool add_block(struct mls_table *table, FILE *in, int64_t rows,
                      double *row, struct mls_error *err)
{
    int64_t columns = table->schema.count;
    struct mls_block *block = mls_block_new(rows, columns, err);
    bool ok = block != NULL;

    for (int64_t i = 0; ok && i < columns; i++) {
        block->columns[i] = mls_column_new(MLS_STORE_REAL, rows, 0, true, err);
        ok = block->columns[i] != NULL;
    }
    for (int64_t r = 0; ok && r < rows; r++) {
        ok = fread(row, sizeof(*row), (size_t)columns, in) == (size_t)columns;
        if (!ok)
            mls_fail(err, MLS_IO, "the data file is too short");
        for (int64_t i = 0; ok && i < columns; i++)
            block->columns[i]->real[r] = row[i];
    }
    if (ok)
        return mls_table_append(table, block, err);
    mls_block_free(block);
    return false;
}

static bool load(struct mls_table *table, const char *path, int64_t rows,
                 int64_t columns, struct mls_error *err)
{
    FILE *in = fopen(path, "rb");
    double *row = malloc((size_t)columns * sizeof(*row));
    bool ok = in != NULL && row != NULL;

    if (!ok)
        mls_fail(err, MLS_IO, "cannot read %s", path);
    for (int64_t i = 0; ok && i < columns; i++)
        ok = add_field(&table->schema, i, err);
    for (int64_t r = 0; ok && r < rows; r += MLS_BLOCK_ROWS)
        ok = add_block(table, in,
                       rows - r < MLS_BLOCK_ROWS ? rows - r : MLS_BLOCK_ROWS,
                       row, err);
    free(row);
    if (in != NULL)
        fclose(in);
    return ok;
}

static bool time_once(const struct mls_table *table, const char *path,
                      const struct mls_run *run, struct mls_error *err)
{
    struct mls_writer *w;
    struct stat old;
    double start;

    /* So that its pages, now warm, are those of the next one. */
    if (stat(path, &old) == 0 && S_ISREG(old.st_mode))
        unlink(path);
    start = mls_now();
    w = mls_writer_open(path, &table->schema, NULL, err);
    if (w == NULL)
        return false;
    if (!mls_writer_blocks(w, table->blocks, table->block_count, run, err)) {
        mls_writer_abort(w);
        return false;
    }
    if (!mls_writer_close(w, err))
        return false;
    printf("%.4f\n", mls_now() - start);
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct mls_error err = { 0 };
    struct mls_table table = { 0 };
    struct mls_run run;
    bool ok;

    if (argc != 7) {
        fputs("usage: bench_csv_write DATA ROWS COLUMNS OUTPUT THREADS "
              "ROUNDS\n", stderr);
        return 2;
    }
    if (!mls_run_init(&run, (int)strtol(argv[5], NULL, 10), &err))
        return fail(&err);
    ok = load(&table, argv[1], strtoll(argv[2], NULL, 10),
              strtoll(argv[3], NULL, 10), &err);
    for (long i = strtol(argv[6], NULL, 10); ok && i > 0; i--)
        ok = time_once(&table, argv[4], &run, &err);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return ok ? 0 : fail(&err);
}
