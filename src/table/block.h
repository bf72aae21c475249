/* Columns of a block, for this layer only. */
#ifndef MLS_TABLE_BLOCK_H
#define MLS_TABLE_BLOCK_H

#include "mlspec/table.h"

/* Memory for the arrays of many columns, freed with the last of them.  Touching
 * fresh memory page by page is a third of the time of reading a table. */
struct mls_slab;
#define MLS_SLAB_BYTES (8 << 20)
MLS_CHECK struct mls_slab *mls_slab_new(struct mls_error *err);
void mls_slab_free(struct mls_slab *slab);  /* drops a share */
/* mls_column_new of a fixed-size storage, its array in *slab, which is replaced
 * by a new one when it is full or NULL. */
MLS_CHECK struct mls_column *mls_slab_column(struct mls_slab **slab,
                                             enum mls_storage storage,
                                             int64_t rows,
                                             struct mls_error *err);

/* mls_column_reals for rows [first, first + count). */
void mls_column_reals_range(const struct mls_column *column, int64_t first,
                            int64_t count, double *out);
/* Every cell missing.  Not TEXT, not SPARSE. */
void mls_column_fill_missing(struct mls_column *column);
/* Where a row's non-zero stands, or the place where it would; *found says. */
int64_t mls_column_sparse_find(const struct mls_column *column, int64_t row,
                               bool *found);
/*
 * What the sparse columns hold in rows [first, first + rows) of a block, row by
 * row: the entries of row first + i are entry[start[i]] to entry[start[i + 1]],
 * their columns ascending.  Time and memory O(rows + entries), and a search in
 * each sparse column.  The caller clears it; what failed needs no clearing.
 */
struct mls_row_entry {
    int64_t column;
    double value;
};
struct mls_row_entries {
    int64_t first, rows;
    int64_t *start;             /* rows + 1 */
    struct mls_row_entry *entry;
};
MLS_CHECK bool mls_block_row_entries(const struct mls_block *block,
                                     int64_t first, int64_t rows,
                                     struct mls_row_entries *e,
                                     struct mls_error *err);
void mls_row_entries_clear(struct mls_row_entries *e);
/* How the cells of a kind lie in memory. */
enum mls_storage mls_kind_storage(enum mls_kind kind);
/* Bytes of a fixed-size cell, 0 for TEXT and SPARSE. */
size_t mls_storage_size(enum mls_storage storage);

#endif
