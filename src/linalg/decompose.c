/*
 * Decompositions, by LAPACK in OpenBLAS, one thread.
 *
 * LAPACK says little of what it cannot do: a NaN passes through dpotrf as a
 * success, dsyevd may not end with one, and a matrix that is singular in exact
 * arithmetic is often definite after rounding.  What is checked here is said
 * beside each check.
 */
#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>

#include "linalg/blas.h"
#include "linalg/matrix.h"
#include "base/memory.h"

/* ---- Cholesky ---- */

/* The largest column sum of magnitudes of a symmetric matrix; sums: n. */
static double norm_1(const struct mls_matrix *a, double *sums)
{
    double largest = 0;

    for (int64_t j = 0; j < a->columns; j++) {
        sums[j] = 0;
        for (int64_t i = 0; i < a->rows; i++)
            sums[j] += fabs(a->data[i + j * a->stride]);
        if (!(sums[j] <= largest))
            largest = sums[j];
    }
    return largest;
}

/*
 * A pivot is what is left of a diagonal entry after the columns before it are
 * taken out.  At n * DBL_EPSILON of the entry it is nothing but the rounding
 * of that subtraction (Higham 2002, Accuracy and Stability, theorem 10.3), and
 * a NaN, which dpotrf does not see, fails the comparison.
 */
static bool pivots_are_real(const struct mls_matrix *l, const double *diagonal)
{
    for (int64_t j = 0; j < l->columns; j++) {
        double root = l->data[j + j * l->stride];
        double least = (double)l->columns * DBL_EPSILON * diagonal[j];

        if (!(root * root > least && root <= DBL_MAX))
            return false;
    }
    return true;
}

bool mls_cholesky(struct mls_matrix *a, bool *definite, double *condition,
                  struct mls_error *err)
{
    const struct mls_blas *blas;
    int n = (int)a->columns, lda = (int)a->stride, info = 0;
    double *diagonal = NULL, *work, norm;
    int *integers = NULL;
    bool ok = false;

    assert(a->rows == a->columns);
    *definite = true;
    if (condition)
        *condition = 1;
    if (a->columns == 0)
        return true;
    if (!mls_blas_fits(a->stride, a->columns, err) || !(blas = mls_blas(err))
        || !(diagonal = mls_new_array(4 * a->columns, sizeof(double), err))
        || !(integers = mls_new_array(a->columns, sizeof(int), err))) {
        goto done;
    }
    ok = true;
    work = diagonal + a->columns;
    norm = norm_1(a, work);
    for (int64_t j = 0; j < a->columns; j++)
        diagonal[j] = a->data[j + j * a->stride];
    blas->dpotrf("L", &n, a->data, &lda, &info);
    *definite = info == 0 && pivots_are_real(a, diagonal);
    if (condition && *definite) {
        blas->dpocon("L", &n, a->data, &lda, &norm, condition, work, integers,
                     &info, 1);
    } else if (condition) {
        *condition = 0;
    }
done:
    mls_free(integers);
    mls_free(diagonal);
    return ok;
}

bool mls_cholesky_solve(const struct mls_matrix *l, struct mls_matrix *b,
                        struct mls_error *err)
{
    const struct mls_blas *blas;
    int n = (int)l->columns, count = (int)b->columns, info = 0;
    int ldl = (int)l->stride, ldb = (int)b->stride;

    assert(l->rows == l->columns && b->rows == l->rows);
    if (l->columns == 0 || b->columns == 0)
        return true;
    if (!mls_blas_fits(l->stride, l->columns, err)
        || !mls_blas_fits(b->stride, b->columns, err)
        || !(blas = mls_blas(err))) {
        return false;
    }
    blas->dpotrs("L", &n, &count, l->data, &ldl, b->data, &ldb, &info);
    return true;
}

/* ---- Least squares ---- */

/* X P = Q R in place: R in the upper triangle of x, Q in tau and below. */
struct qr {
    const struct mls_blas *blas;
    struct mls_matrix *x;
    int rows, columns, stride;
    int size;    /* the smaller side: reflections */
    int *pivot;  /* columns, from 1 */
    double *tau; /* size */
    double *work;
    int work_size;
};

/* LAPACK answers a size of -1 with the size it would like. */
static bool make_room(struct qr *qr, double *y, struct mls_error *err)
{
    const int ask = -1, one = 1;
    double factor_size = 0, apply_size = 0;
    int info = 0;

    qr->blas->dgeqp3(&qr->rows, &qr->columns, qr->x->data, &qr->stride,
                     qr->pivot, qr->tau, &factor_size, &ask, &info);
    qr->blas->dormqr("L", "T", &qr->rows, &one, &qr->size, qr->x->data,
                     &qr->stride, qr->tau, y, &qr->rows, &apply_size, &ask,
                     &info, 1, 1);
    qr->work_size = (int)fmax(factor_size, apply_size);
    qr->work = mls_new_array(qr->work_size, sizeof(double), err);
    return qr->work != NULL;
}

/* Pivoting makes the diagonal of R fall, so the first one too small ends it;
 * a NaN is too small. */
static int numerical_rank(const struct qr *qr, double tolerance)
{
    double first = fabs(qr->x->data[0]);
    int larger = qr->rows > qr->columns ? qr->rows : qr->columns;
    int rank = 0;

    if (tolerance == 0)
        tolerance = larger * DBL_EPSILON;
    while (rank < qr->size
           && fabs(qr->x->data[rank + rank * qr->x->stride])
                  > tolerance * first) {
        rank++;
    }
    return rank;
}

/* y becomes Q' y, its first rank values then R^-1 of them. */
static int solve_factored(const struct qr *qr, double *y, double tolerance)
{
    const int one = 1;
    int info = 0, rank = 0;

    qr->blas->dgeqp3(&qr->rows, &qr->columns, qr->x->data, &qr->stride,
                     qr->pivot, qr->tau, qr->work, &qr->work_size, &info);
    rank = numerical_rank(qr, tolerance);
    if (rank == 0)
        return 0;
    qr->blas->dormqr("L", "T", &qr->rows, &one, &qr->size, qr->x->data,
                     &qr->stride, qr->tau, y, &qr->rows, qr->work,
                     &qr->work_size, &info, 1, 1);
    qr->blas->dtrtrs("U", "N", "N", &rank, &one, qr->x->data, &qr->stride, y,
                     &qr->rows, &info);
    return rank;
}

bool mls_least_squares(struct mls_matrix *x, double *y, double tolerance,
                       double *coef, int64_t *rank, int64_t *pivot,
                       struct mls_error *err)
{
    struct qr qr = { .x = x,
                     .rows = (int)x->rows,
                     .columns = (int)x->columns,
                     .stride = (int)x->stride };
    bool ok = false;

    *rank = 0;
    for (int64_t j = 0; j < x->columns; j++) {
        coef[j] = 0;
        pivot[j] = j;
    }
    if (x->rows == 0 || x->columns == 0)
        return true;
    qr.size = qr.rows < qr.columns ? qr.rows : qr.columns;
    if (!mls_blas_fits(x->stride, x->columns, err) || !(qr.blas = mls_blas(err))
        || !(qr.pivot = mls_new(x->columns, sizeof(int), err))
        || !(qr.tau = mls_new_array(qr.size, sizeof(double), err))
        || !make_room(&qr, y, err)) {
        goto done;
    }
    ok = true;
    *rank = solve_factored(&qr, y, tolerance);
    for (int64_t k = 0; k < x->columns; k++)
        pivot[k] = qr.pivot[k] - 1;
    for (int64_t k = 0; k < *rank; k++)
        coef[pivot[k]] = y[k];
done:
    mls_free(qr.work);
    mls_free(qr.tau);
    mls_free(qr.pivot);
    return ok;
}

/* ---- Eigenvalues ---- */

static bool all_finite(const struct mls_matrix *a)
{
    for (int64_t j = 0; j < a->columns; j++) {
        for (int64_t i = 0; i < a->rows; i++) {
            if (!isfinite(a->data[i + j * a->stride]))
                return false;
        }
    }
    return true;
}

static void fix_sign(double *vector, int64_t n)
{
    int64_t largest = 0;

    for (int64_t i = 1; i < n; i++) {
        if (fabs(vector[i]) > fabs(vector[largest]))
            largest = i;
    }
    if (vector[largest] >= 0)
        return;
    for (int64_t i = 0; i < n; i++)
        vector[i] = -vector[i];
}

/* By divide and conquer; *info is LAPACK's. */
static bool decompose(const struct mls_blas *blas, struct mls_matrix *a,
                      double *values, int *info, struct mls_error *err)
{
    /* As documented for dsyevd; not asked of it, since that overflows. */
    int64_t n = a->columns, work_size = 1 + 6 * n + 2 * n * n;
    int64_t integer_size = 3 + 5 * n;
    int order = (int)n, lda = (int)a->stride;
    int lwork = (int)work_size, liwork = (int)integer_size;
    double *work;
    int *integers;

    if (work_size > INT_MAX) {
        mls_fail(err, MLS_LIMIT,
                 "a matrix of %d x %d is too large for its eigenvectors", order,
                 order);
        return mls_fail_fix(err, "use fewer columns");
    }
    work = mls_new_array(work_size, sizeof(double), err);
    integers = work ? mls_new_array(integer_size, sizeof(int), err) : NULL;
    if (integers) {
        blas->dsyevd("V", "L", &order, a->data, &lda, values, work, &lwork,
                     integers, &liwork, info, 1, 1);
    }
    mls_free(integers);
    mls_free(work);
    return integers != NULL;
}

bool mls_eigen_symmetric(struct mls_matrix *a, double *values,
                         struct mls_error *err)
{
    const struct mls_blas *blas;
    int info = 0;

    assert(a->rows == a->columns);
    if (a->columns == 0)
        return true;
    if (!all_finite(a)) {
        return mls_fail(err, MLS_DATA,
                        "a symmetric matrix to decompose holds a value that "
                        "is not finite");
    }
    if (!mls_blas_fits(a->stride, a->columns, err) || !(blas = mls_blas(err))
        || !decompose(blas, a, values, &info, err)) {
        return false;
    }
    if (info != 0) {
        return mls_fail(err, MLS_DATA,
                        "the eigenvalues of a %lld x %lld matrix did not "
                        "converge",
                        (long long)a->rows, (long long)a->columns);
    }
    for (int64_t j = 0; j < a->columns; j++)
        fix_sign(a->data + j * a->stride, a->rows);
    return true;
}
