/*
 * Whole tables: the blocks of a file, kept.
 *
 *     blocks[0]: rows 0 to 16383    blocks[1]: 16384 to 32767    ...
 *
 * Blocks may be of any sizes (long texts make short ones), so a row is found by
 * its block's first_row, by halving; rows asked for in ascending order find
 * their block next to the last.
 */
#include <assert.h>

#include "base/memory.h"
#include "table/block.h"
#include "table/reader.h"

static bool read_blocks(struct mls_reader *r, struct mls_table *table,
                        struct mls_error *err)
{
    struct mls_block *block;

    for (;;) {
        if (!mls_reader_next(r, &block, err))
            return false;
        if (block == NULL)
            return true;
        if (!mls_table_append(table, block, err))
            return false;
    }
}

/* What the errors of later layers call the file. */
static char *name_of(const char *path, struct mls_error *err)
{
    return mls_copy_text(strcmp(path, "-") == 0 ? "<stdin>" : path, err);
}

bool mls_table_read(const char *path, const struct mls_read_options *options,
                    const struct mls_run *run, struct mls_table *table,
                    struct mls_error *err)
{
    struct mls_read_options own = *options;
    struct mls_reader *r;
    bool ok, done;

    /* All of it stays in memory: nothing is gained by small blocks.  (With a
     * schema the number of rows is not known, and a block is made in full.) */
    if (own.block_rows == 0 && own.schema == NULL)
        own.block_rows = MLS_BLOCK_ROWS;
    *table = (struct mls_table){ 0 };
    /* The fast way cuts blocks as it reads the file. */
    r = mls_reader_open_table(path, &own, run,
                              options->block_rows == 0 ? table : NULL, &done,
                              err);
    if (r == NULL) {
        mls_table_clear(table);
        return false;
    }
    table->name = name_of(path, err);
    ok = table->name != NULL
        && mls_schema_copy(&table->schema, mls_reader_schema(r), err)
        && (done || read_blocks(r, table, err));
    if (ok) {
        table->dialect = *mls_reader_dialect(r);
        table->dialect.na = NULL;
        table->counts = *mls_reader_counts(r);
        table->unnumbered =
            table->counts.skipped_rows > 0 && !options->keep_skipped;
    } else {
        mls_table_clear(table);
    }
    mls_reader_close(r);
    return ok;
}

void mls_table_clear(struct mls_table *table)
{
    if (table == NULL)
        return;
    for (int64_t i = 0; i < table->block_count; i++)
        mls_block_free(table->blocks[i]);
    mls_free(table->blocks);
    mls_free(table->name);
    mls_schema_clear(&table->schema);
    *table = (struct mls_table){ 0 };
}

bool mls_table_append(struct mls_table *table, struct mls_block *block,
                      struct mls_error *err)
{
    if (!mls_grow(&table->blocks, table->block_count, &table->block_capacity,
                  sizeof(struct mls_block *), err)) {
        mls_block_free(block);
        return false;
    }
    block->first_row = table->rows;
    table->rows += block->rows;
    table->blocks[table->block_count++] = block;
    return true;
}

/* The block that holds a row; near is where to look first. */
static int64_t block_of(const struct mls_table *table, int64_t row,
                        int64_t near)
{
    int64_t low = 0, high = table->block_count - 1;

    assert(row >= 0 && row < table->rows);
    if (row >= table->blocks[near]->first_row
        && row - table->blocks[near]->first_row < table->blocks[near]->rows)
        return near;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;

        if (table->blocks[middle]->first_row <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* ---- taking rows ---- */

/* Where each row of a new block comes from. */
struct source {
    const struct mls_block *block;
    int64_t row;                /* within the block */
};

static void gather_fixed(const struct source *from, int64_t rows, int64_t at,
                         struct mls_column *to)
{
    for (int64_t i = 0; i < rows; i++) {
        const struct mls_column *c = from[i].block->columns[at];
        int64_t row = from[i].row;

        switch (to->storage) {
        case MLS_STORE_REAL:
            to->real[i] = c->real[row];
            break;
        case MLS_STORE_CODE:
            to->code[i] = c->code[row];
            break;
        default:
            to->time[i] = c->time[row];
        }
    }
}

static struct mls_column *gather_text(const struct source *from, int64_t rows,
                                      int64_t at, struct mls_error *err)
{
    struct mls_column *to;
    int64_t bytes = 0;

    for (int64_t i = 0; i < rows; i++) {
        const int64_t *offset = from[i].block->columns[at]->text.offset;

        bytes += offset[from[i].row + 1] - offset[from[i].row];
    }
    to = mls_column_new(MLS_STORE_TEXT, rows, bytes, false, err);
    if (to == NULL)
        return NULL;
    to->text.offset[0] = 0;
    for (int64_t i = 0; i < rows; i++) {
        const struct mls_column *c = from[i].block->columns[at];
        int64_t start = c->text.offset[from[i].row];
        int64_t length = c->text.offset[from[i].row + 1] - start;

        if (length > 0)
            memcpy(to->text.bytes + to->text.offset[i], c->text.bytes + start,
                   (size_t)length);
        to->text.offset[i + 1] = to->text.offset[i] + length;
    }
    return to;
}

static struct mls_column *gather_sparse(const struct source *from, int64_t rows,
                                        int64_t at, struct mls_error *err)
{
    struct mls_column *to;
    int64_t count = 0, used = 0;
    bool found, with_values = false;

    for (int64_t i = 0; i < rows; i++) {
        const struct mls_column *c = from[i].block->columns[at];

        mls_column_sparse_find(c, from[i].row, &found);
        count += found;
        with_values = with_values || c->sparse.value != NULL;
    }
    to = mls_column_new(MLS_STORE_SPARSE, rows, count, with_values, err);
    if (to == NULL)
        return NULL;
    for (int64_t i = 0; i < rows; i++) {
        const struct mls_column *c = from[i].block->columns[at];
        int64_t place = mls_column_sparse_find(c, from[i].row, &found);

        if (!found)
            continue;
        to->sparse.row[used] = (uint16_t)i;
        if (with_values)
            to->sparse.value[used] =
                c->sparse.value != NULL ? c->sparse.value[place] : 1;
        used++;
    }
    return to;
}

static struct mls_column *gather(const struct source *from, int64_t rows,
                                 int64_t at, struct mls_error *err)
{
    enum mls_storage storage = from[0].block->columns[at]->storage;
    struct mls_column *to;

    if (storage == MLS_STORE_TEXT)
        return gather_text(from, rows, at, err);
    if (storage == MLS_STORE_SPARSE)
        return gather_sparse(from, rows, at, err);
    to = mls_column_new(storage, rows, 0, false, err);
    if (to != NULL)
        gather_fixed(from, rows, at, to);
    return to;
}

static bool gather_notes(const struct source *from, struct mls_block *block,
                         struct mls_error *err)
{
    bool lines = false, skipped = false;

    for (int64_t i = 0; i < block->rows; i++) {
        lines = lines || from[i].block->line != NULL;
        skipped = skipped || from[i].block->skipped != NULL;
    }
    if (lines) {
        block->line = mls_new(block->rows, sizeof(*block->line), err);
        if (block->line == NULL)
            return false;
    }
    if (skipped) {
        block->skipped = mls_new(block->rows, 1, err);
        if (block->skipped == NULL)
            return false;
    }
    for (int64_t i = 0; i < block->rows; i++) {
        if (from[i].block->line != NULL)
            block->line[i] = from[i].block->line[from[i].row];
        if (from[i].block->skipped != NULL)
            block->skipped[i] = from[i].block->skipped[from[i].row];
    }
    return true;
}

static struct mls_block *take_block(const struct mls_table *from,
                                    const int64_t *rows, int64_t count,
                                    struct source *sources,
                                    struct mls_error *err)
{
    struct mls_block *block = mls_block_new(count, from->schema.count, err);
    int64_t near = 0;
    bool ok = block != NULL;

    for (int64_t i = 0; i < count; i++) {
        near = block_of(from, rows[i], near);
        sources[i].block = from->blocks[near];
        sources[i].row = rows[i] - sources[i].block->first_row;
    }
    for (int64_t i = 0; ok && i < block->column_count; i++) {
        block->columns[i] = gather(sources, count, i, err);
        ok = block->columns[i] != NULL;
    }
    ok = ok && gather_notes(sources, block, err);
    if (!ok) {
        mls_block_free(block);
        return NULL;
    }
    return block;
}

bool mls_table_take(const struct mls_table *from, const int64_t *rows,
                    int64_t count, struct mls_table *to, struct mls_error *err)
{
    struct source *sources = mls_new(MLS_BLOCK_ROWS, sizeof(*sources), err);
    bool ok = sources != NULL;

    *to = (struct mls_table){ 0 };
    if (ok) {
        to->name = mls_copy_text(from->name != NULL ? from->name : "", err);
        ok = to->name != NULL
            && mls_schema_copy(&to->schema, &from->schema, err);
    }
    for (int64_t at = 0; ok && at < count; at += MLS_BLOCK_ROWS) {
        int64_t n = count - at < MLS_BLOCK_ROWS ? count - at : MLS_BLOCK_ROWS;
        struct mls_block *block = take_block(from, rows + at, n, sources, err);

        ok = block != NULL && mls_table_append(to, block, err);
    }
    to->dialect = from->dialect;
    to->counts = from->counts;
    to->counts.rows = count;
    to->unnumbered = true;
    mls_free(sources);
    if (!ok)
        mls_table_clear(to);
    return ok;
}

/* ---- looking at cells ---- */

void mls_table_reals(const struct mls_table *table, int64_t column,
                     int64_t first, int64_t count, double *out)
{
    int64_t at;

    assert(first >= 0 && count >= 0 && first + count <= table->rows);
    if (count == 0)
        return;
    for (at = block_of(table, first, 0); count > 0; at++) {
        const struct mls_block *block = table->blocks[at];
        int64_t row = first - block->first_row;
        int64_t n = block->rows - row < count ? block->rows - row : count;

        mls_column_reals_range(block->columns[column], row, n, out);
        first += n;
        count -= n;
        out += n;
    }
}

int64_t mls_table_line(const struct mls_table *table, int64_t row)
{
    const struct mls_block *block;

    if (row < 0 || row >= table->rows)
        return 0;
    block = table->blocks[block_of(table, row, 0)];
    return block->line != NULL ? block->line[row - block->first_row] : 0;
}

bool mls_table_fail_at(const struct mls_table *table, int64_t row,
                       int64_t column, struct mls_error *err)
{
    const char *name = column >= 0 && column < table->schema.count
        ? table->schema.fields[column].name
        : NULL;

    return mls_fail_at(err, table->name, mls_table_line(table, row),
                       table->unnumbered ? 0 : row + 1, name);
}
