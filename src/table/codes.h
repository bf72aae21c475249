/*
 * Columns of blocks as codes (stats/bins.h).
 */
#ifndef MLS_TABLE_CODES_H
#define MLS_TABLE_CODES_H

#include "mlspec/table.h"
#include "stats/bins.h"

/*
 * Codes of the cells [first, first + count) of a column that is not TEXT, one
 * after the other at out, width (1 or 2) bytes each.  Categorical bins want
 * CODE cells; numeric ones take any: BOOLEAN codes as 0 and 1, TIME as seconds
 * (mls_column_reals).
 */
void mls_column_codes(const struct mls_bins *bins,
                      const struct mls_column *column, int64_t first,
                      int64_t count, int width, void *out);

#endif
