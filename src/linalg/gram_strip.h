/*
 * The hot loop of a gram matrix: sums over a strip of rows that lies in the
 * cache.
 */
#ifndef MLS_LINALG_GRAM_STRIP_H
#define MLS_LINALG_GRAM_STRIP_H

#include <stdbool.h>
#include <stdint.h>

#define MLS_GRAM_STRIP 128      /* rows of a strip, and its stride */
#define MLS_GRAM_PAD 12         /* sides are filled up to a multiple of it */

/* Rows to have in the cache by the end of a strip: hints, that read nothing. */
struct mls_gram_ahead {
    const double *x;            /* the first cell; NULL: none */
    int64_t rows, columns, stride;
};

/* Whether this processor runs it: with fused operations on four lanes.  With
 * eight lanes OpenBLAS is faster. */
bool mls_gram_strip_runs(void);

/*
 * gram += A'B: the cells on and above the diagonal, and some below.
 *
 *   a, b     columns of MLS_GRAM_STRIP rows each; columns are filled up with
 *            any finite numbers to a multiple of MLS_GRAM_PAD
 *   rows     of them that count, a multiple of 4
 *   columns  of them that count
 *   gram     element (i, j) at i + j size, size: columns filled up
 *
 * The order of the sum is fixed, and the same for a and b that are equal as for
 * one array given twice.  O(rows columns^2).
 */
void mls_gram_strip(const double *a, const double *b, int64_t rows,
                    int64_t columns, int64_t size, double *gram,
                    struct mls_gram_ahead ahead);

#endif
