/*
 * REAL and categorical cells are coded where they lie; others become doubles
 * by pieces on the stack.  A sparse column is the code of 0 everywhere and then
 * the codes of its other cells.
 */
#include "table/codes.h"

#include <assert.h>

#include "table/block.h"

enum { PIECE = 512 };

static void set_code(void *out, int64_t at, int width, unsigned code)
{
    if (width == 1)
        ((uint8_t *)out)[at] = (uint8_t)code;
    else
        ((uint16_t *)out)[at] = (uint16_t)code;
}

static unsigned code_of_real(const struct mls_bins *bins, double value)
{
    uint16_t code = 0;

    mls_bins_code_reals(bins, &value, 1, 2, &code, 1);
    return code;
}

static void code_sparse(const struct mls_bins *bins,
                        const struct mls_column *column, int64_t first,
                        int64_t count, int width, void *out)
{
    unsigned zero = code_of_real(bins, 0), one = code_of_real(bins, 1);
    int64_t k = 0;
    bool found;

    if (width == 1) {
        memset(out, (int)zero, (size_t)count);
    } else {
        for (int64_t i = 0; i < count; i++)
            ((uint16_t *)out)[i] = (uint16_t)zero;
    }
    if (first > 0)
        k = mls_column_sparse_find(column, first, &found);
    for (; k < column->sparse.count; k++) {
        int64_t row = column->sparse.row[k] - first;

        if (row >= count)
            break;
        set_code(out, row, width,
                 column->sparse.value
                     ? code_of_real(bins, column->sparse.value[k])
                     : one);
    }
}

static void code_pieces(const struct mls_bins *bins,
                        const struct mls_column *column, int64_t first,
                        int64_t count, int width, void *out)
{
    double value[PIECE];

    for (int64_t at = 0; at < count; at += PIECE) {
        int64_t n = count - at < PIECE ? count - at : PIECE;

        mls_column_reals_range(column, first + at, n, value);
        mls_bins_code_reals(bins, value, n, width,
                            (uint8_t *)out + at * width, 1);
    }
}

void mls_column_codes(const struct mls_bins *bins,
                      const struct mls_column *column, int64_t first,
                      int64_t count, int width, void *out)
{
    assert(column->storage != MLS_STORE_TEXT);
    assert(first >= 0 && first + count <= column->rows);
    assert(!bins->categorical || column->storage == MLS_STORE_CODE);
    if (bins->categorical)
        mls_bins_code_levels(bins, column->code + first, count, width, out, 1);
    else if (column->storage == MLS_STORE_REAL)
        mls_bins_code_reals(bins, column->real + first, count, width, out, 1);
    else if (column->storage == MLS_STORE_SPARSE)
        code_sparse(bins, column, first, count, width, out);
    else
        code_pieces(bins, column, first, count, width, out);
}
