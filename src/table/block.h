/* Columns of a block, for this layer only. */
#ifndef MLS_TABLE_BLOCK_H
#define MLS_TABLE_BLOCK_H

#include "mlspec/table.h"

/* mls_column_reals for rows [first, first + count). */
void mls_column_reals_range(const struct mls_column *column, int64_t first,
                            int64_t count, double *out);
/* Every cell missing.  Not TEXT, not SPARSE. */
void mls_column_fill_missing(struct mls_column *column);
/* Where a row's non-zero stands, or the place where it would; *found says. */
int64_t mls_column_sparse_find(const struct mls_column *column, int64_t row,
                               bool *found);
/* How the cells of a kind lie in memory. */
enum mls_storage mls_kind_storage(enum mls_kind kind);
/* Bytes of a fixed-size cell, 0 for TEXT and SPARSE. */
size_t mls_storage_size(enum mls_storage storage);

#endif
