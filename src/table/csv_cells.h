/*
 * The cells of one column, of a run of regular records, to their types.
 */
#ifndef MLS_TABLE_CSV_CELLS_H
#define MLS_TABLE_CSV_CELLS_H

#include "table/csv_chunk.h"

/* rows records in a row, each of width cells, none longer than 1 GiB. */
struct mls_span {
    const char *bytes;          /* 64 may be read on both sides of a cell */
    const uint32_t *ends;       /* of cell i: ends[i + 1]; ends[0] is one byte
                                 * before the first cell */
    int64_t rows;
    bool cr;                    /* line ends may be CRLF */
    bool quotes;                /* cells may begin with a quote */
    struct mls_block *block;    /* where to, */
    int64_t row;                /* from which row on */
    int64_t chunk_row;          /* the same, counted in the chunk */
};

/* Sets chunk->odd when it meets what it cannot take. */
MLS_CHECK bool mls_cells_take(const struct mls_csv *csv,
                              struct mls_chunk *chunk,
                              struct mls_csv_worker *worker, int64_t column,
                              const struct mls_span *span,
                              struct mls_error *err);

#endif
