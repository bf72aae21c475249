/*
 * The different cells of one column as one thread meets them: a hash table that
 * gives a cell its code and counts it.
 */
#ifndef MLS_TABLE_CSV_LEVELS_H
#define MLS_TABLE_CSV_LEVELS_H

#include "mlspec/error.h"

struct mls_level_item {
    uint64_t head[2];           /* first 16 bytes, zeros behind the end */
    int64_t offset;             /* in bytes */
    int64_t count;              /* cells */
    uint64_t hash;
    uint32_t length;
    uint32_t code;              /* what cells get */
};

/* { 0 } is empty. */
struct mls_levels {
    struct mls_level_item *items;
    int64_t count, capacity;
    char *bytes;
    int64_t used, bytes_capacity;
    uint64_t *slots;            /* high half of the hash, then item + 1 */
    int64_t slot_count;
    struct mls_levels *next;    /* of a list of tables */
    int64_t references;         /* chunks that use its codes */
    uint32_t *map;              /* what its codes become when merged */
};

/* The level of a cell, entered when new: then *fresh, its count 0 and its code
 * its number.  16 bytes from cell on may be read.  NULL out of memory. */
MLS_CHECK struct mls_level_item *mls_levels_find(struct mls_levels *levels,
                                            const char *cell, int64_t length,
                                            bool *fresh,
                                            struct mls_error *err);
void mls_levels_clear(struct mls_levels *levels);

#endif
