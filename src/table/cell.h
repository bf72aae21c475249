/*
 * Single cells: outer spaces, missing tokens.
 */
#ifndef MLS_TABLE_CELL_H
#define MLS_TABLE_CELL_H

#include "table/csv_scan.h"

/* Without outer spaces and tabs. */
struct mls_cell mls_cell_trim(struct mls_cell cell);

/* Missing tokens, found by their first byte and length. */
struct mls_missing {
    struct mls_list added;          /* from --na */
    uint64_t lengths[256];          /* of tokens by first byte: bit length,
                                     * bit 63 for any longer one */
};

/* na is a CSV record of tokens to add, or NULL. */
MLS_CHECK bool mls_missing_init(struct mls_missing *missing, const char *na,
                                struct mls_error *err);
void mls_missing_clear(struct mls_missing *missing);
/* Whether a trimmed cell is missing; the empty one always is. */
bool mls_missing_is(const struct mls_missing *missing, struct mls_cell cell);

#endif
