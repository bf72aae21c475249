/*
 * Bytes for chunks from inputs that come in order: pipes and compressed files.
 */
#ifndef MLS_TABLE_CSV_AHEAD_H
#define MLS_TABLE_CSV_AHEAD_H

#include "base/threads.h"
#include "table/csv_chunk.h"

/* Bytes behind a chunk that its last record seldom goes past. */
#define MLS_AHEAD_MARGIN (64 * 1024)

/* Whether a chunk of [begin, end) can be read now. */
static inline bool mls_ahead_has(const struct mls_csv *csv, int64_t end)
{
    return csv->available >= csv->size
        || end + MLS_AHEAD_MARGIN <= csv->available;
}

/*
 * Runs task(context, i) for i in [first, first + count) on the pool, and beside
 * them fetches the bytes before place to, when the input comes in order.  Then
 * available, and size when the end was met, are brought up to date.  That the
 * input is damaged is told when count is 0: before, there is work to do.
 */
MLS_CHECK bool mls_ahead_run(struct mls_csv *csv, const struct mls_run *run,
                             int64_t to, int64_t first, int64_t count,
                             mls_task *task, void *context,
                             struct mls_error *err);

/* More bytes for a chunk that was starved. */
MLS_CHECK bool mls_ahead_feed(struct mls_csv *csv,
                              const struct mls_chunk *chunk,
                              struct mls_error *err);

#endif
