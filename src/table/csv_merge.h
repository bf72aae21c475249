/*
 * The levels of one column from the tables of all threads.
 */
#ifndef MLS_TABLE_CSV_MERGE_H
#define MLS_TABLE_CSV_MERGE_H

#include "table/csv_levels.h"
#include "table/infer.h"

/* { 0 } is empty. */
struct mls_merge {
    int64_t count, capacity;    /* different levels with a cell, missing ones
                                 * left out */
    struct mls_merged {
        const struct mls_levels *table;
        const struct mls_level_item *level;
        int64_t cells;
    } *levels;
    uint32_t *slots;
    int64_t slot_count;
};

/* From the tables of a list of each worker; their maps give the place here of
 * each of their levels, MLS_CODE_MISSING for missing ones. */
MLS_CHECK bool mls_merge_add(struct mls_merge *m, struct mls_levels *list,
                             struct mls_error *err);
void mls_merge_clear(struct mls_merge *m);
/* Adds to the counters of a watch what its cells are. */
void mls_merge_watch(const struct mls_merge *m, const struct mls_reader *r,
                     struct mls_watch *w);
/* A new dictionary of the levels; order receives their codes. */
MLS_CHECK struct mls_dictionary *
mls_merge_dictionary(const struct mls_merge *m, uint32_t *order,
                     struct mls_error *err);

#endif
