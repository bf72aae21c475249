/* A table seen with other columns, or the same in another order. */
#ifndef MLS_TABLE_ARRANGE_H
#define MLS_TABLE_ARRANGE_H

#include "mlspec/table.h"

/* to receives the columns at the given positions of from, shared, in that
 * order; to must be empty. */
MLS_CHECK bool mls_table_arrange(const struct mls_table *from,
                                 const int64_t *positions, int64_t count,
                                 struct mls_table *to, struct mls_error *err);

/* The same for one block. */
MLS_CHECK struct mls_block *mls_block_arrange(const struct mls_block *from,
                                              const int64_t *positions,
                                              int64_t count,
                                              struct mls_error *err);

/* Frees all blocks: no rows are left, names and kinds stay. */
void mls_table_drop_cells(struct mls_table *table);

/* Positions of the fields in byte order of their names, as a new array. */
MLS_CHECK int64_t *mls_schema_order(const struct mls_schema *schema,
                                    struct mls_error *err);

#endif
