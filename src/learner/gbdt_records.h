/*
 * Records: all codes of one row side by side, so that adding a row to its
 * histograms reads one or two cache lines.  One byte a column of the record,
 * two when codes of the table have two.
 *
 * Features with few codes share a column, as digits share a number:
 *
 *     feature   codes   unit        column = a + 24 b + 168 copy
 *     a          24      1
 *     b           7     24          total 168, copies 1
 *
 * One addition to a column's table then serves all of them, and adding up the
 * cells that agree in one digit gives the histogram of its feature: four
 * columns of three values and missing cost what one of 256 does.  Rows that
 * follow each other would also hit the cell of a column of three values again
 * before its last sum has left the processor; what room is left in 256 goes to
 * copies, which row numbers are dealt over.
 */
#ifndef MLS_LEARNER_GBDT_RECORDS_H
#define MLS_LEARNER_GBDT_RECORDS_H

#include "learner/binned.h"

struct mls_histogram_layout {
    const struct mls_binned *binned;
    bool wide;
    size_t cell;                /* bytes of one: 8 or 16 */
    uint8_t *records;           /* rows x stride; 16 bytes more can be read */
    int64_t stride;             /* bytes of a record, a multiple of 16 */
    int64_t columns;            /* of a record, features of one code left out */
    int32_t *column;            /* features: where, -1: left out */
    int32_t *unit;              /* features: what a code counts in its column */
    int32_t *total;             /* columns: codes without copies */
    int32_t *copies;            /* columns */
    int64_t *slot;              /* columns: the first cell of a table */
    int64_t slots;              /* of a table */
    int64_t *bin;               /* features + 1: the first cell when added up */
    int64_t bins;               /* of a histogram */
};

/* Cells of a column in the tables of narrow cells and codes of one byte. */
#define MLS_RECORD_CODES 256

/* From the columns of binned, which stay as they are and are borrowed.  In
 * parallel over rows; the same bytes for any number of threads. */
MLS_CHECK bool mls_histogram_layout_new(struct mls_histogram_layout *layout,
                                        const struct mls_binned *binned,
                                        bool wide, const struct mls_run *run,
                                        struct mls_error *err);
void mls_histogram_layout_clear(struct mls_histogram_layout *layout);

#endif
