/*
 * How many rows of a table differ.
 */
#ifndef MLS_TABLE_DISTINCT_H
#define MLS_TABLE_DISTINCT_H

#include "mlspec/table.h"

#define MLS_DISTINCT_ROWS INT32_MAX /* the most that can be compared */

struct mls_distinct {
    const struct mls_table *table;
    int64_t first, count;       /* the columns that are compared */
    const int64_t *rows;        /* ascending; NULL: all */
    int64_t row_count;          /* at most MLS_DISTINCT_ROWS */
    bool skip_empty;            /* of one TEXT column: not its empty cells */
};

/* Cells are equal when they are the same value: 0 and -0 are, and two missing
 * ones.  Exact: equal hashes are looked into.  Expected time O(cells), memory
 * about 24 bytes a row. */
MLS_CHECK bool mls_distinct_count(const struct mls_distinct *what,
                                  const struct mls_run *run, int64_t *distinct,
                                  struct mls_error *err);

#endif
