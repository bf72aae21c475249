/*
 * Dense algebra on views.  A view borrows: element (i, j) is
 * data[i + j * stride], columns contiguous.  Everything over rows is cut into
 * chunks of MLS_MATRIX_CHUNK rows and folded over the fixed tree of mls_reduce,
 * so that results do not depend on the number of threads.
 */
#ifndef MLS_LINALG_MATRIX_H
#define MLS_LINALG_MATRIX_H

#include "mlspec/run.h"

#define MLS_MATRIX_CHUNK 2048

struct mls_matrix {
    double *data;
    int64_t rows, columns;
    int64_t stride;             /* >= rows */
};

/* A new zeroed matrix whose data the caller frees with mls_free; stride = rows.
 * Sizes past 2^31 - 1 a side are MLS_LIMIT. */
MLS_CHECK bool mls_matrix_new(struct mls_matrix *m, int64_t rows,
                              int64_t columns, struct mls_error *err);

/* Copies the upper triangle of a square matrix to the lower. */
void mls_matrix_mirror(struct mls_matrix *m);

/* gram = X' diag(w) X, both triangles filled.  w NULL: all ones (and the same
 * bits as ones).  O(rows columns^2). */
MLS_CHECK bool mls_gram(const struct mls_run *run, const struct mls_matrix *x,
                        const double *w, struct mls_matrix *gram,
                        struct mls_error *err);
/* out = X' diag(w) r  (columns values).  w NULL: all ones. */
MLS_CHECK bool mls_gemv_transposed(const struct mls_run *run,
                                   const struct mls_matrix *x, const double *w,
                                   const double *r, double *out,
                                   struct mls_error *err);
/* out = X b  (rows values).  A row's result depends on that row and b alone,
 * to the last bit. */
MLS_CHECK bool mls_gemv(const struct mls_run *run, const struct mls_matrix *x,
                        const double *b, double *out, struct mls_error *err);
/* C = A B, or A' B with transpose_a.  Rows of the result are cut in chunks
 * (A' B: reduced over chunks of the shared dimension, or made by tiles of C
 * where these are more).  In A B a row of C depends on that row of A and on B
 * alone, to the last bit. */
MLS_CHECK bool mls_gemm(const struct mls_run *run, bool transpose_a,
                        const struct mls_matrix *a, const struct mls_matrix *b,
                        struct mls_matrix *c, struct mls_error *err);

/*
 * A table taken about a point, near its means as a rule: Z = X - 1 about' and
 * z = y - y_about, which are never made but strip by strip.
 */
struct mls_centred {
    const struct mls_matrix *x;
    const double *about;        /* columns, or NULL: zeros */
    const double *y;            /* rows, or NULL: none */
    double y_about;
    const double *w;            /* rows, or NULL: ones */
};
/* gram = Z' diag(w) Z; with a y, [Z z 1]' diag(w) [Z z 1], two columns more:
 * the sums that least squares needs, in one pass. */
MLS_CHECK bool mls_centred_gram(const struct mls_run *run,
                                const struct mls_centred *in,
                                struct mls_matrix *gram,
                                struct mls_error *err);
/* out = Z' diag(w) (z - Z b)  (columns values), in one pass. */
MLS_CHECK bool mls_centred_gradient(const struct mls_run *run,
                                    const struct mls_centred *in,
                                    const double *b, double *out,
                                    struct mls_error *err);
/* C = Z B, as mls_gemm without transpose_a. */
MLS_CHECK bool mls_centred_gemm(const struct mls_run *run,
                                const struct mls_centred *in,
                                const struct mls_matrix *b,
                                struct mls_matrix *c, struct mls_error *err);

/* Weighted column sums: out[j] = sum_i w_i x_ij. */
MLS_CHECK bool mls_column_sums(const struct mls_run *run,
                               const struct mls_matrix *x, const double *w,
                               double *out, struct mls_error *err);

/*
 * A = L L'.  a (n x n, symmetric) receives L in its lower triangle.
 * *definite receives whether A is positive definite to working precision: every
 * pivot above n * DBL_EPSILON of its diagonal entry; when it is not, a is
 * unusable and *condition 0.  *condition (may be NULL) receives an estimate of
 * the reciprocal condition number in the 1-norm (LAPACK dpocon).
 */
MLS_CHECK bool mls_cholesky(struct mls_matrix *a, bool *definite,
                            double *condition, struct mls_error *err);
/* Solves L L' X = B in place, B of n x k. */
MLS_CHECK bool mls_cholesky_solve(const struct mls_matrix *l,
                                  struct mls_matrix *b, struct mls_error *err);

/*
 * Least squares by Householder QR with column pivoting (LAPACK dgeqp3).
 *   x         n x p, destroyed
 *   y         n, destroyed
 *   tolerance columns whose diagonal of R falls under tolerance * |R11| are
 *             dependent; 0 means max(n, p) * DBL_EPSILON
 *   coef      p; dependent columns get 0
 *   rank      numerical rank
 *   pivot     p: pivot[k] is the column put k-th; those from rank on are
 *             dependent
 * Golub & Van Loan, Matrix Computations, 5.4.1.
 */
MLS_CHECK bool mls_least_squares(struct mls_matrix *x, double *y,
                                 double tolerance, double *coef, int64_t *rank,
                                 int64_t *pivot, struct mls_error *err);

/* Symmetric eigendecomposition: a becomes the eigenvectors in its columns,
 * values ascending.  The sign of each vector is fixed: its largest entry by
 * magnitude (the first of equals) is positive.  Fails with MLS_DATA when a
 * holds a value that is not finite. */
MLS_CHECK bool mls_eigen_symmetric(struct mls_matrix *a, double *values,
                                   struct mls_error *err);

#endif
