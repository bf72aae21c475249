/*
 * Histograms of gradients: for each code of each feature the sums, over the
 * rows of a leaf, of the quantized gradient and hessian.  All sums are whole
 * numbers, so no order of rows, threads or machines can change a bit.
 *
 *   narrow cell   ┌ gradient, signed 32 │ hessian, unsigned 32 ┐      8 bytes
 *   wide cell     ┌ gradient, signed 64 ┐┌ hessian 44 │ count 20 ┐   16 bytes
 *
 * One addition updates all parts of a cell.  No part can run into its
 * neighbour when, over all rows of the tree,
 *
 *   narrow   sum |gradient| < 2^31,  sum hessian < 2^32
 *   wide     sum |gradient| < 2^51,  sum hessian < 2^43,  sum count < 2^20
 *
 * (gradients are not negative in the low part: hessians and counts are >= 0, so
 * nothing is borrowed; the difference of two histograms, of which one is a part
 * of the other, is a sum over rows again).  gbdt_rows.c chooses its scales so.
 *
 * What a row adds to narrow cells is packed into 4 bytes,
 *
 *   packed   ┌ gradient, signed 20 │ hessian, unsigned 12 ┐
 *
 * so that it can travel with the row when leaves are parted: to fetch it from
 * where the row lies would cost another line of memory.
 */
#ifndef MLS_LEARNER_GBDT_HISTOGRAM_H
#define MLS_LEARNER_GBDT_HISTOGRAM_H

#include "learner/gbdt_records.h"

typedef int64_t mls_wide_cell __attribute__((vector_size(16), may_alias));

#define MLS_COUNT_BITS 20

#define MLS_PACKED_HESSIAN 12   /* bits */
#define MLS_PACKED_GRADIENT 20

/* The narrow cell of a packed one. */
static inline int64_t mls_cell_unpack(uint32_t packed)
{
    int32_t both = (int32_t)packed;

    return (int64_t)(both >> MLS_PACKED_HESSIAN) * (INT64_C(1) << 32)
        + (both & ((1 << MLS_PACKED_HESSIAN) - 1));
}

/*
 * Adds the cells of rows rows[0 .. count), or first .. first + count when rows
 * is NULL, to a table of layout->slots cells.
 *
 *   cell      narrow: packed, cell[i] is of the i-th row added; wide: of every
 *             row of binned
 *   rows      16 more entries than count can be read, each a row
 *   columns   of the records, which take part, ascending; cells of others may
 *             be filled too
 *   table     64-byte aligned
 */
void mls_histogram_add(const struct mls_histogram_layout *layout,
                       const void *cell, const uint32_t *rows, int64_t first,
                       int64_t count, const int32_t *columns,
                       int64_t column_count, void *table);

/* out = the sum of a feature's bins over tables, over copies and over what
 * else is in its column; out has codes cells. */
void mls_histogram_merge(const struct mls_histogram_layout *layout,
                         void *const *tables, int count, int32_t feature,
                         void *out);
/* from -= part, for a feature's bins. */
void mls_histogram_subtract(const struct mls_histogram_layout *layout,
                            int32_t feature, void *from, const void *part);

/* codes[code] += the number of rows, for one feature. */
void mls_histogram_count(const struct mls_histogram_layout *layout,
                         const uint32_t *rows, int64_t count, int32_t feature,
                         int64_t *codes);

#endif
