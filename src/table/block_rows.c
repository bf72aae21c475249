/*
 * The entries of a block's sparse columns, turned into rows: rows are counted,
 * and columns then visited in their order, so that they ascend in each row.
 */
#include "base/memory.h"
#include "table/block.h"

/* The entries of a column in rows [first, first + rows): [*at, result). */
static int64_t entries_of(const struct mls_column *column, int64_t first,
                          int64_t rows, int64_t *at)
{
    bool found;

    *at = mls_column_sparse_find(column, first, &found);
    return mls_column_sparse_find(column, first + rows, &found);
}

static void count_rows(const struct mls_block *block,
                       const struct mls_row_entries *e)
{
    for (int64_t c = 0; c < block->column_count; c++) {
        const struct mls_column *column = block->columns[c];
        int64_t at, end;

        if (column->storage != MLS_STORE_SPARSE)
            continue;
        end = entries_of(column, e->first, e->rows, &at);
        for (; at < end; at++)
            e->start[column->sparse.row[at] - e->first + 1]++;
    }
}

/* Moves start[i] on to where row i ends, which is where row i + 1 starts. */
static void fill_rows(const struct mls_block *block,
                      const struct mls_row_entries *e)
{
    for (int64_t c = 0; c < block->column_count; c++) {
        const struct mls_column *column = block->columns[c];
        int64_t at, end;

        if (column->storage != MLS_STORE_SPARSE)
            continue;
        end = entries_of(column, e->first, e->rows, &at);
        for (; at < end; at++) {
            e->entry[e->start[column->sparse.row[at] - e->first]++] =
                (struct mls_row_entry){
                    .column = c,
                    .value = column->sparse.value != NULL
                        ? column->sparse.value[at] : 1
                };
        }
    }
}

bool mls_block_row_entries(const struct mls_block *block, int64_t first,
                           int64_t rows, struct mls_row_entries *e,
                           struct mls_error *err)
{
    *e = (struct mls_row_entries){ .first = first, .rows = rows };
    e->start = mls_new(rows + 1, sizeof(*e->start), err);
    if (e->start == NULL)
        return false;
    count_rows(block, e);
    for (int64_t i = 0; i < rows; i++)
        e->start[i + 1] += e->start[i];
    e->entry = mls_new_array(e->start[rows], sizeof(*e->entry), err);
    if (e->entry == NULL) {
        mls_row_entries_clear(e);
        return false;
    }
    fill_rows(block, e);
    for (int64_t i = rows; i > 0; i--)
        e->start[i] = e->start[i - 1];
    e->start[0] = 0;
    return true;
}

void mls_row_entries_clear(struct mls_row_entries *e)
{
    mls_free(e->start);
    mls_free(e->entry);
    *e = (struct mls_row_entries){ 0 };
}
