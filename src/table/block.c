/*
 * Blocks of typed columns.
 *
 *     block -> columns[0] -> { REAL, rows, references, real -> cells }
 *              columns[1] -> { TEXT, ..., text.offset, text.bytes }
 *
 * A column is its own object with a count of references, so that a step that
 * changes one column of a hundred passes the other ninety-nine on untouched.
 * Nobody writes to a column after its block was handed on, so a count is all
 * the locking there is.
 */
#include "table/block.h"

#include <assert.h>

#include "base/memory.h"

enum mls_storage mls_kind_storage(enum mls_kind kind)
{
    switch (kind) {
    case MLS_KIND_BOOLEAN:
    case MLS_KIND_CATEGORY:
        return MLS_STORE_CODE;
    case MLS_KIND_DATE:
        return MLS_STORE_TIME;
    case MLS_KIND_TEXT:
        return MLS_STORE_TEXT;
    default:
        return MLS_STORE_REAL;
    }
}

size_t mls_storage_size(enum mls_storage storage)
{
    switch (storage) {
    case MLS_STORE_REAL:
        return sizeof(double);
    case MLS_STORE_CODE:
        return sizeof(uint32_t);
    case MLS_STORE_TIME:
        return sizeof(int64_t);
    default:
        return 0;
    }
}

/* The arrays of a column whose storage and rows are set. */
static bool new_arrays(struct mls_column *column, int64_t count,
                       bool with_values, struct mls_error *err)
{
    int64_t rows = column->rows;

    switch (column->storage) {
    case MLS_STORE_REAL:
        column->real = mls_new_array(rows, sizeof(*column->real), err);
        return column->real != NULL;
    case MLS_STORE_CODE:
        column->code = mls_new_array(rows, sizeof(*column->code), err);
        return column->code != NULL;
    case MLS_STORE_TIME:
        column->time = mls_new_array(rows, sizeof(*column->time), err);
        return column->time != NULL;
    case MLS_STORE_TEXT:
        column->text.offset =
            mls_new_array(rows + 1, sizeof(*column->text.offset), err);
        if (column->text.offset == NULL)
            return false;
        column->text.bytes = mls_new_array(count, 1, err);
        return column->text.bytes != NULL;
    case MLS_STORE_SPARSE:
        assert(rows <= MLS_BLOCK_ROWS && count <= rows);
        column->sparse.count = count;
        column->sparse.row =
            mls_new_array(count, sizeof(*column->sparse.row), err);
        if (column->sparse.row == NULL || !with_values)
            return column->sparse.row != NULL;
        column->sparse.value =
            mls_new_array(count, sizeof(*column->sparse.value), err);
        return column->sparse.value != NULL;
    }
    return false;
}

struct mls_column *mls_column_new(enum mls_storage storage, int64_t rows,
                                  int64_t count, bool with_values,
                                  struct mls_error *err)
{
    struct mls_column *column = mls_new(1, sizeof(*column), err);

    if (column == NULL)
        return NULL;
    column->storage = storage;
    column->rows = rows;
    column->references = 1;
    if (!new_arrays(column, count, with_values, err)) {
        mls_column_free(column);
        return NULL;
    }
    return column;
}

/* ---- slabs ---- */

struct mls_slab {
    int64_t references;         /* atomic */
    int64_t used;
    char *bytes;                /* MLS_SLAB_BYTES */
};

struct mls_slab *mls_slab_new(struct mls_error *err)
{
    struct mls_slab *slab = mls_new(1, sizeof(*slab), err);

    if (slab == NULL)
        return NULL;
    slab->references = 1;
    slab->bytes = mls_new_huge(MLS_SLAB_BYTES, err);
    if (slab->bytes == NULL) {
        mls_free(slab);
        return NULL;
    }
    return slab;
}

void mls_slab_free(struct mls_slab *slab)
{
    if (slab == NULL
        || __atomic_sub_fetch(&slab->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    mls_free(slab->bytes);
    mls_free(slab);
}

struct mls_column *mls_slab_column(struct mls_slab **slab,
                                   enum mls_storage storage, int64_t rows,
                                   struct mls_error *err)
{
    int64_t bytes = (int64_t)mls_storage_size(storage) * rows;
    struct mls_column *column = mls_new(1, sizeof(*column), err);

    bytes = (bytes + 63) / 64 * 64;
    assert(bytes > 0 && bytes <= MLS_SLAB_BYTES);
    if (column == NULL)
        return NULL;
    if (*slab == NULL || (*slab)->used + bytes > MLS_SLAB_BYTES) {
        mls_slab_free(*slab);
        *slab = mls_slab_new(err);
        if (*slab == NULL) {
            mls_free(column);
            return NULL;
        }
    }
    column->storage = storage;
    column->rows = rows;
    column->references = 1;
    column->slab = *slab;
    column->real = (double *)(void *)((*slab)->bytes + (*slab)->used);
    (*slab)->used += bytes;
    __atomic_add_fetch(&(*slab)->references, 1, __ATOMIC_RELAXED);
    return column;
}

struct mls_column *mls_column_share(struct mls_column *column)
{
    __atomic_add_fetch(&column->references, 1, __ATOMIC_RELAXED);
    return column;
}

void mls_column_free(struct mls_column *column)
{
    if (column == NULL
        || __atomic_sub_fetch(&column->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (column->slab != NULL) {
        mls_slab_free(column->slab);
        mls_free(column);
        return;
    }
    switch (column->storage) {
    case MLS_STORE_REAL:
        mls_free(column->real);
        break;
    case MLS_STORE_CODE:
        mls_free(column->code);
        break;
    case MLS_STORE_TIME:
        mls_free(column->time);
        break;
    case MLS_STORE_TEXT:
        mls_free(column->text.offset);
        mls_free(column->text.bytes);
        break;
    case MLS_STORE_SPARSE:
        mls_free(column->sparse.row);
        mls_free(column->sparse.value);
        break;
    }
    mls_free(column);
}

void mls_column_fill_missing(struct mls_column *column)
{
    for (int64_t i = 0; i < column->rows; i++) {
        switch (column->storage) {
        case MLS_STORE_REAL:
            column->real[i] = NAN;
            break;
        case MLS_STORE_CODE:
            column->code[i] = MLS_CODE_MISSING;
            break;
        case MLS_STORE_TIME:
            column->time[i] = MLS_TIME_MISSING;
            break;
        default:
            assert(false);
        }
    }
}

int64_t mls_column_sparse_find(const struct mls_column *column, int64_t row,
                               bool *found)
{
    int64_t low = 0, high = column->sparse.count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (column->sparse.row[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < column->sparse.count && column->sparse.row[low] == row;
    return low;
}

static void sparse_reals(const struct mls_column *column, int64_t first,
                         int64_t count, double *out)
{
    const double *value = column->sparse.value;
    bool found;
    int64_t at = mls_column_sparse_find(column, first, &found);

    for (int64_t i = 0; i < count; i++)
        out[i] = 0;
    for (; at < column->sparse.count; at++) {
        int64_t row = column->sparse.row[at] - first;

        if (row >= count)
            break;
        out[row] = value != NULL ? value[at] : 1;
    }
}

void mls_column_reals_range(const struct mls_column *column, int64_t first,
                            int64_t count, double *out)
{
    assert(column->storage != MLS_STORE_TEXT);
    assert(first >= 0 && first + count <= column->rows);
    switch (column->storage) {
    case MLS_STORE_REAL:
        if (count > 0)
            memcpy(out, column->real + first, (size_t)count * sizeof(*out));
        break;
    case MLS_STORE_CODE:
        for (int64_t i = 0; i < count; i++) {
            uint32_t code = column->code[first + i];

            out[i] = code == MLS_CODE_MISSING ? NAN : code;
        }
        break;
    case MLS_STORE_TIME:
        for (int64_t i = 0; i < count; i++) {
            int64_t time = column->time[first + i];

            out[i] = time == MLS_TIME_MISSING ? NAN : (double)time / 1e6;
        }
        break;
    case MLS_STORE_SPARSE:
        sparse_reals(column, first, count, out);
        break;
    case MLS_STORE_TEXT:
        break;
    }
}

void mls_column_reals(const struct mls_column *column, double *out)
{
    mls_column_reals_range(column, 0, column->rows, out);
}

struct mls_block *mls_block_new(int64_t rows, int64_t column_count,
                                struct mls_error *err)
{
    struct mls_block *block = mls_new(1, sizeof(*block), err);

    assert(rows <= MLS_BLOCK_ROWS);
    if (block == NULL)
        return NULL;
    block->rows = rows;
    block->column_count = column_count;
    block->columns = mls_new(column_count, sizeof(*block->columns), err);
    if (block->columns == NULL) {
        mls_free(block);
        return NULL;
    }
    return block;
}

void mls_block_free(struct mls_block *block)
{
    if (block == NULL)
        return;
    for (int64_t i = 0; i < block->column_count; i++)
        mls_column_free(block->columns[i]);
    mls_free(block->columns);
    mls_free(block->line);
    mls_free(block->skipped);
    mls_free(block);
}
