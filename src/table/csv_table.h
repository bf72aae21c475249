/*
 * The fast way from a whole file to a table whose columns are not known yet.
 */
#ifndef MLS_TABLE_CSV_TABLE_H
#define MLS_TABLE_CSV_TABLE_H

#include "table/csv_chunk.h"
#include "table/infer.h"

/* Tests only: results never depend on any of these. */
struct mls_csv_tuning {
    int64_t chunk_bytes;        /* 0: as usual */
    int64_t piece_bytes;
    int64_t block_rows;
    enum mls_simd most;         /* levels above are not used */
    bool off;                   /* always the slow way */
    int64_t tables;             /* read the fast way so far */
    int64_t again;              /* chunks and columns read again */
};
extern struct mls_csv_tuning mls_csv_tuning;

/* Fills what follows from the reader and the tuning; wishes stay NULL. */
void mls_csv_init(struct mls_csv *csv, const struct mls_reader *r);
/* Whether the fast way can read this input in this dialect. */
bool mls_csv_fits(const struct mls_reader *r);

/*
 * Reads all rows into table, an empty one, and fills the kinds, dictionaries,
 * traits and roles of the reader's schema from in, just started.  *done false:
 * the rows need the slow way, nothing is changed but the place of the scan.
 */
MLS_CHECK bool mls_csv_table(struct mls_inference *in, struct mls_table *table,
                             bool *done, struct mls_error *err);

#endif
