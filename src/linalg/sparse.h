/*
 * Sparse rows (CSR): row i holds value[k] in column index[k] for k in
 * [offset[i], offset[i + 1]), columns ascending within a row.
 */
#ifndef MLS_LINALG_SPARSE_H
#define MLS_LINALG_SPARSE_H

#include "linalg/matrix.h"

struct mls_sparse {
    int64_t rows, columns;
    int64_t *offset;            /* rows + 1 */
    uint32_t *index;
    double *value;
};

/* A new object with zeroed offsets and room for nonzeros entries, which the
 * caller fills; freed by mls_sparse_clear.  More than 2^32 columns are
 * MLS_LIMIT. */
MLS_CHECK bool mls_sparse_new(struct mls_sparse *s, int64_t rows,
                              int64_t columns, int64_t nonzeros,
                              struct mls_error *err);
void mls_sparse_clear(struct mls_sparse *s);

/*
 * The same products as for dense matrices, over the same chunks; where a chunk
 * has fewer entries than its partial result has values, over larger ones, that
 * depend on rows, columns and entries alone.
 */
MLS_CHECK bool mls_sparse_gemv(const struct mls_run *run,
                               const struct mls_sparse *x, const double *b,
                               double *out, struct mls_error *err);
MLS_CHECK bool mls_sparse_gemv_transposed(const struct mls_run *run,
                                          const struct mls_sparse *x,
                                          const double *w, const double *r,
                                          double *out, struct mls_error *err);
MLS_CHECK bool mls_sparse_gram(const struct mls_run *run,
                               const struct mls_sparse *x, const double *w,
                               struct mls_matrix *gram, struct mls_error *err);
/* *dense receives a new matrix, freed like that of mls_matrix_new. */
MLS_CHECK bool mls_sparse_to_dense(const struct mls_sparse *x,
                                   struct mls_matrix *dense,
                                   struct mls_error *err);

#endif
