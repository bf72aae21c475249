/*
 * The fast way from a file to a stream of blocks whose columns are known.
 */
#ifndef MLS_TABLE_CSV_STREAM_H
#define MLS_TABLE_CSV_STREAM_H

#include "table/csv_table.h"

struct mls_stream;

/* For a reader that has matched its columns and that mls_csv_fits. */
MLS_CHECK struct mls_stream *mls_stream_new(struct mls_reader *r,
                                            int64_t block_rows,
                                            struct mls_error *err);
/* Back to the first data record. */
void mls_stream_rewind(struct mls_stream *s);
void mls_stream_free(struct mls_stream *s);

/*
 * *block receives the next block, or NULL at the end; the counts of the reader
 * are kept.  *slow: the stream ends here for good; the scan stands at the next
 * record, and the slow way goes on from it.
 */
MLS_CHECK bool mls_stream_next(struct mls_stream *s, struct mls_block **block,
                               bool *slow, struct mls_error *err);

#endif
