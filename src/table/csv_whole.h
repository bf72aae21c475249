/*
 * A whole table on its way, shared by csv_table.c (reading) and csv_judge.c
 * (what the columns are).
 */
#ifndef MLS_TABLE_CSV_WHOLE_H
#define MLS_TABLE_CSV_WHOLE_H

#include <pthread.h>

#include "table/csv_merge.h"
#include "table/csv_table.h"

struct mls_whole {
    struct mls_csv csv;
    struct mls_inference *in;
    const struct mls_run *run;
    struct mls_chunk *chunks;
    int64_t chunk_count, chunk_capacity;
    int64_t expected;           /* the first record that was not checked */
    struct mls_csv_worker *workers;
    int64_t worker_count;
    struct mls_merge *merges;   /* width */
    uint8_t *sure;              /* width: the wish follows from all cells */
    pthread_mutex_t mutex;      /* guards ready to bytes_done */
    uint8_t *ready;             /* chunks that were read */
    int64_t ready_capacity;
    int64_t checked;            /* chunks known to start where they should */
    int64_t bytes_done, rows_done;
    bool odd;                   /* atomic: the slow way must read the file */
    bool spoiled;               /* levels count cells of dropped rows too */
};

/* What a kind is read as; texts are made of codes at the end. */
enum mls_take mls_take_of(enum mls_kind kind);

/*
 * A mls_task: for column i, when its wish is not NOTHING, sums what the chunks
 * counted.  When that tells all, the watch is filled and the wish is NOTHING;
 * else the wish is what the column must be read as.
 */
bool mls_judge_column(void *whole, int64_t i, struct mls_error *err);

#endif
