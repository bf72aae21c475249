/*
 * Products of small dense matrices on the calling thread, for tasks that have
 * cut their work themselves: one call of BLAS each, in either precision.
 * Matrices lie column by column, element (i, j) at data[i + j * stride].
 */
#ifndef MLS_LINALG_MULTIPLY_H
#define MLS_LINALG_MULTIPLY_H

#include "mlspec/run.h"

/*
 * C = A B, or C += A B with add; A is rows x inner and B inner x columns after
 * they have been transposed, where that is asked for.  The bits depend on the
 * sizes and values alone.
 */
struct mls_product {
    bool transpose_a, transpose_b;
    int64_t rows, columns, inner;
    int64_t a_stride, b_stride, c_stride;
    bool add;
};

/* Whether these may be called on this thread; call it at the start of each
 * task.  Fails as mls_blas does (blas.h). */
MLS_CHECK bool mls_multiply_ready(struct mls_error *err);

/* All sides are below 2^31, and this thread is ready. */
void mls_multiply(const struct mls_product *product, const double *a,
                  const double *b, double *c);
void mls_multiply_floats(const struct mls_product *product, const float *a,
                         const float *b, float *c);

/*
 * The same by all threads: C is cut into tiles, each made whole by one, so that
 * its bits know no number of threads.  MLS_LIMIT for sides past 2^31 - 1.
 */
MLS_CHECK bool mls_multiply_all_floats(const struct mls_run *run,
                                       const struct mls_product *product,
                                       const float *a, const float *b,
                                       float *c, struct mls_error *err);

#endif
