/*
 * Solving ridge, by the cheapest way that keeps the digits.
 *
 *   l2 given   p <= n   Cholesky of S(X'WX + l2)S, S making its diagonal 1,
 *                       then refined with residuals taken from X itself
 *                       (Bjorck 1987, "Stability analysis of the method of
 *                       seminormal equations"): digits lost by squaring the
 *                       condition of X come back.
 *                       Close to singular: QR of sqrt(W) X S over sqrt(l2) S.
 *              p > n    the same optimum is b = A'(AA' + l2)^-1 sqrt(W) y,
 *                       A = sqrt(W) X: Cholesky, or eigenvalues.
 *   l2 chosen           eigenvalues of X'WX or AA', once for all l2.
 *
 * Dependent columns without a penalty: of all the solutions the one of least
 * norm is returned, because it is the limit of ridge and, unlike the choice of
 * columns to drop, does not hinge on rounding.  It is any solution less its
 * projection on the null space, whose basis are the eigenvectors of the scaled
 * gram matrix to its least eigenvalues.
 *
 * l2 is taken from a grid and not to the last digit: the error is flat around
 * its minimum, so that its last digits would be those of rounding, and a
 * change of the order of the rows would move the coefficients.
 */
#include "learner/ridge_solve.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"

#define DEPENDENT 1e-12         /* columns, by the diagonal of R */
#define WELL_CONDITIONED 1e-12  /* reciprocal, of the scaled gram matrix */
enum { REFINEMENTS = 4, PER_DECADE = 32, COARSE = 16 };

static double weight_of(const struct mls_ridge *r, int64_t i)
{
    return r->w ? r->w[i] : 1;
}

/* The table and the target as refinement sees them. */
static struct mls_centred centred(const struct mls_ridge *r)
{
    return (struct mls_centred){ .x = r->x, .about = r->sums->mean, .y = r->y,
                                 .w = r->w };
}

static double norm(const double *x, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* One over the length of each column with its row of the penalty. */
static double *new_scale(const struct mls_ridge *r, double l2,
                         struct mls_error *err)
{
    int64_t p = r->x->columns;
    double *scale = mls_new_array(p, sizeof(double), err);

    for (int64_t j = 0; scale && j < p; j++) {
        double square = r->sums->square[j] + l2;

        scale[j] = square > 0 ? 1 / sqrt(square) : 1;
    }
    return scale;
}

/* *gram becomes a new S(X'WX + l2)S. */
static bool new_scaled_gram(const struct mls_ridge *r, double l2,
                            const double *scale, struct mls_matrix *gram,
                            struct mls_error *err)
{
    int64_t p = r->x->columns;

    if (!mls_matrix_new(gram, p, p, err))
        return false;
    memcpy(gram->data, r->sums->gram.data, (size_t)(p * p) * sizeof(double));
    for (int64_t j = 0; j < p; j++) {
        gram->data[j + j * p] += l2;
        for (int64_t i = 0; i < p; i++)
            gram->data[i + j * p] *= scale[i] * scale[j];
    }
    return true;
}

/* ---- Cholesky with refinement ---- */

/* What refinement needs beside the factor. */
struct refining {
    const struct mls_matrix *factor;
    const double *scale;
    double *step;               /* p */
};

/* coef, 0 at first, gains one step; *done when it no longer matters. */
static bool refine(const struct mls_ridge *r, double l2,
                   const struct refining *f, bool first, double *coef,
                   bool *done, struct mls_error *err)
{
    int64_t p = r->x->columns;
    struct mls_matrix step = { f->step, p, 1, p };

    if (first) {
        memcpy(f->step, r->sums->xy, (size_t)p * sizeof(double));
    } else {
        struct mls_centred in = centred(r);

        if (!mls_centred_gradient(r->run, &in, coef, f->step, err))
            return false;
    }
    for (int64_t j = 0; j < p; j++)
        f->step[j] = f->scale[j] * (f->step[j] - l2 * coef[j]);
    if (!mls_cholesky_solve(f->factor, &step, err))
        return false;
    for (int64_t j = 0; j < p; j++) {
        f->step[j] *= f->scale[j];
        coef[j] += f->step[j];
    }
    *done = norm(f->step, p) <= 1e-8 * norm(coef, p);
    return true;
}

/* The first step starts at 0 and is the solution; those after it make up for
 * the rounding. */
static bool solve_factored(const struct mls_ridge *r, double l2,
                           const struct mls_matrix *factor,
                           const double *scale, double *coef,
                           struct mls_error *err)
{
    int64_t p = r->x->columns;
    struct refining f = { .factor = factor, .scale = scale };
    bool ok, done = false;

    f.step = mls_new_array(p, sizeof(double), err);
    ok = f.step != NULL;
    memset(coef, 0, (size_t)p * sizeof(double));
    for (int k = 0; ok && !done && k <= REFINEMENTS; k++) {
        ok = mls_run_go_on(r->run, err)
            && refine(r, l2, &f, k == 0, coef, &done, err);
    }
    mls_free(f.step);
    return ok;
}

/* *solved is false when the gram matrix is too close to singular. */
static bool by_cholesky(const struct mls_ridge *r, double l2,
                        const double *scale, double *coef, bool *solved,
                        struct mls_error *err)
{
    struct mls_matrix gram;
    double condition;
    bool ok, definite;

    *solved = false;
    if (!new_scaled_gram(r, l2, scale, &gram, err))
        return false;
    ok = mls_cholesky(&gram, &definite, &condition, err);
    if (ok && definite && condition > WELL_CONDITIONED) {
        *solved = true;
        ok = solve_factored(r, l2, &gram, scale, coef, err);
    }
    mls_free(gram.data);
    return ok;
}

/* ---- QR ---- */

/* sqrt(W) X S, and under it sqrt(l2) S. */
static void fill_rows(const struct mls_ridge *r, double l2,
                      const double *scale, struct mls_matrix *a, double *b)
{
    int64_t n = r->x->rows;

    for (int64_t i = 0; i < n; i++)
        b[i] = sqrt(weight_of(r, i)) * r->y[i];
    for (int64_t j = 0; j < a->columns; j++) {
        const double *from = r->x->data + j * r->x->stride;
        double *to = a->data + j * a->stride;

        for (int64_t i = 0; i < n; i++)
            to[i] = sqrt(weight_of(r, i)) * (from[i] - r->sums->mean[j])
                * scale[j];
        if (l2 > 0)
            to[n + j] = sqrt(l2) * scale[j];
    }
}

/* Takes from coef its part in the null space, of the given dimension. */
static bool project(const struct mls_ridge *r, double l2, const double *scale,
                    int64_t dimension, double *coef, struct mls_error *err)
{
    int64_t p = r->x->columns, rank;
    struct mls_matrix vectors, null, kept = { 0 };
    int64_t *pivot = mls_new(p, sizeof(*pivot), err);
    double *work = pivot ? mls_new(3 * p, sizeof(double), err) : NULL;
    double *part = work ? work + p : NULL, *copy = work ? work + 2 * p : NULL;
    bool ok = work && new_scaled_gram(r, l2, scale, &vectors, err);

    if (!ok)
        goto done;
    ok = mls_eigen_symmetric(&vectors, work, err)
        && mls_matrix_new(&kept, p, dimension, err);
    if (ok) {
        null = vectors;
        null.columns = dimension;
        for (int64_t j = 0; j < p; j++) {
            copy[j] = coef[j];
            for (int64_t k = 0; k < dimension; k++)
                null.data[j + k * p] *= scale[j];
        }
        memcpy(kept.data, null.data,
               (size_t)(p * dimension) * sizeof(double));
        ok = mls_least_squares(&null, copy, 0, part, &rank, pivot, err)
            && mls_gemv(r->run, &kept, part, copy, err);
    }
    for (int64_t j = 0; ok && j < p; j++)
        coef[j] -= copy[j];
    mls_free(kept.data);
    mls_free(vectors.data);
done:
    mls_free(work);
    mls_free(pivot);
    return ok;
}

static bool by_qr(const struct mls_ridge *r, double l2, const double *scale,
                  double *coef, int64_t *rank, struct mls_error *err)
{
    int64_t p = r->x->columns, rows = r->x->rows + (l2 > 0 ? p : 0);
    struct mls_matrix a = { 0 };
    double *b = mls_new(rows, sizeof(double), err);
    int64_t *pivot = b ? mls_new(p, sizeof(*pivot), err) : NULL;
    bool ok = pivot && mls_matrix_new(&a, rows, p, err);

    if (ok) {
        fill_rows(r, l2, scale, &a, b);
        ok = mls_least_squares(&a, b, DEPENDENT, coef, rank, pivot, err);
    }
    for (int64_t j = 0; ok && j < p; j++)
        coef[j] *= scale[j];
    mls_free(a.data);
    mls_free(pivot);
    mls_free(b);
    return ok
        && (*rank == p || project(r, l2, scale, p - *rank, coef, err));
}

static bool solve_primal(const struct mls_ridge *r, double l2, double *coef,
                         int64_t *rank, struct mls_error *err)
{
    double *scale = new_scale(r, l2, err);
    bool solved = false;
    bool ok = scale && by_cholesky(r, l2, scale, coef, &solved, err);

    *rank = l2 == 0 ? r->x->columns : -1;
    if (ok && !solved)
        ok = by_qr(r, l2, scale, coef, rank, err);
    mls_free(scale);
    return ok;
}

/* ---- More columns than rows ---- */

/* *a becomes a new X' sqrt(W): p x n. */
static bool new_transposed(const struct mls_ridge *r, struct mls_matrix *a,
                           struct mls_error *err)
{
    int64_t n = r->x->rows, p = r->x->columns;

    if (!mls_matrix_new(a, p, n, err))
        return false;
    for (int64_t i = 0; i < n; i++) {
        double root = sqrt(weight_of(r, i));

        for (int64_t j = 0; j < p; j++)
            a->data[j + i * p] = root * r->x->data[i + j * r->x->stride];
    }
    return true;
}

/* *solved is false when AA' + l2 is too close to singular. */
static bool dual_by_cholesky(const struct mls_ridge *r, double l2,
                             double *coef, bool *solved, struct mls_error *err)
{
    int64_t n = r->x->rows;
    struct mls_matrix a = { 0 }, kernel = { 0 }, alpha = { 0 };
    double condition = 0;
    bool definite = false;
    bool ok = new_transposed(r, &a, err) && mls_matrix_new(&kernel, n, n, err)
        && mls_matrix_new(&alpha, n, 1, err)
        && mls_gram(r->run, &a, NULL, &kernel, err);

    for (int64_t i = 0; ok && i < n; i++) {
        kernel.data[i + i * n] += l2;
        alpha.data[i] = sqrt(weight_of(r, i)) * r->y[i];
    }
    ok = ok && mls_cholesky(&kernel, &definite, &condition, err);
    *solved = ok && definite && condition > WELL_CONDITIONED;
    if (*solved) {
        ok = mls_cholesky_solve(&kernel, &alpha, err)
            && mls_gemv(r->run, &a, alpha.data, coef, err);
    }
    mls_free(alpha.data);
    mls_free(kernel.data);
    mls_free(a.data);
    return ok;
}

/* ---- Eigenvalues ---- */

static void spectrum_clear(struct mls_ridge_spectrum *s)
{
    mls_free(s->lambda);
    mls_free(s->c);
    mls_free(s->z.data);
    mls_free(s->basis.data);
}

/* Directions in which rounding is all there is are set to 0. */
static void find_rank(const struct mls_ridge *r, struct mls_ridge_spectrum *s)
{
    int64_t m = s->size;
    int64_t larger = r->x->rows > r->x->columns ? r->x->rows : r->x->columns;
    double least = (double)larger * DBL_EPSILON * s->lambda[m - 1];

    for (int64_t k = 0; k < m; k++) {
        if (s->lambda[k] > least) {
            s->rank++;
            continue;
        }
        s->lambda[k] = 0;
        s->c[k] = 0;
        memset(s->z.data + k * s->z.stride, 0,
               (size_t)s->z.rows * sizeof(double));
    }
}

/* X'WX = V diag(lambda) V',  c = V'X'Wy,  Z = X V. */
static bool primal_spectrum(const struct mls_ridge *r,
                            struct mls_ridge_spectrum *s,
                            struct mls_error *err)
{
    int64_t n = r->x->rows, p = r->x->columns;
    struct mls_centred in = centred(r);
    bool ok = mls_matrix_new(&s->basis, p, p, err);

    if (!ok)
        return false;
    memcpy(s->basis.data, r->sums->gram.data,
           (size_t)(p * p) * sizeof(double));
    return mls_eigen_symmetric(&s->basis, s->lambda, err)
        && mls_gemv_transposed(r->run, &s->basis, NULL, r->sums->xy, s->c, err)
        && mls_run_go_on(r->run, err)
        && mls_matrix_new(&s->z, n, p, err)
        && mls_centred_gemm(r->run, &in, &s->basis, &s->z, err);
}

/* AA' = U diag(lambda) U',  V = A'U / sqrt(lambda),  so that
 * Z = U sqrt(lambda) / sqrt(W)  and  c = sqrt(lambda) U' sqrt(W) y. */
static bool dual_spectrum(const struct mls_ridge *r,
                          struct mls_ridge_spectrum *s, struct mls_error *err)
{
    int64_t n = r->x->rows;
    double *y = mls_new_array(n, sizeof(double), err);
    bool ok = y && new_transposed(r, &s->basis, err)
        && mls_matrix_new(&s->z, n, n, err)
        && mls_gram(r->run, &s->basis, NULL, &s->z, err)
        && mls_eigen_symmetric(&s->z, s->lambda, err);

    s->dual = true;
    for (int64_t i = 0; ok && i < n; i++)
        y[i] = sqrt(weight_of(r, i)) * r->y[i];
    ok = ok && mls_gemv_transposed(r->run, &s->z, NULL, y, s->c, err);
    for (int64_t k = 0; ok && k < n; k++) {
        double root = sqrt(fmax(s->lambda[k], 0));

        s->c[k] *= root;
        for (int64_t i = 0; i < n; i++)
            s->z.data[i + k * n] *= root / sqrt(weight_of(r, i));
    }
    mls_free(y);
    return ok;
}

/* For at least one row and column. */
static bool spectrum_new(const struct mls_ridge *r,
                         struct mls_ridge_spectrum *s, struct mls_error *err)
{
    int64_t n = r->x->rows, p = r->x->columns;
    bool ok;

    *s = (struct mls_ridge_spectrum){ .size = n < p ? n : p };
    s->lambda = mls_new_array(s->size, sizeof(double), err);
    s->c = s->lambda ? mls_new_array(s->size, sizeof(double), err) : NULL;
    ok = s->c
        && (p > n ? dual_spectrum(r, s, err) : primal_spectrum(r, s, err));
    if (ok)
        find_rank(r, s);
    else
        spectrum_clear(s);
    return ok;
}

/* b = V c / (lambda + l2). */
static bool spectrum_solve(const struct mls_ridge *r,
                           const struct mls_ridge_spectrum *s, double l2,
                           double *coef, struct mls_error *err)
{
    int64_t n = r->x->rows;
    double *t = mls_new(s->size, sizeof(double), err);
    double *alpha = t ? mls_new(n, sizeof(double), err) : NULL;
    bool ok = alpha != NULL;

    for (int64_t k = 0; ok && k < s->size; k++) {
        if (s->lambda[k] > 0)
            t[k] = s->c[k] / (s->lambda[k] + l2);
    }
    if (ok && s->dual) {
        for (int64_t k = 0; k < s->size; k++) {
            if (s->lambda[k] > 0)
                t[k] /= s->lambda[k];
        }
        ok = mls_gemv(r->run, &s->z, t, alpha, err);
        for (int64_t i = 0; ok && i < n; i++)
            alpha[i] *= sqrt(weight_of(r, i));
        ok = ok && mls_gemv(r->run, &s->basis, alpha, coef, err);
    } else if (ok) {
        ok = mls_gemv(r->run, &s->basis, t, coef, err);
    }
    mls_free(alpha);
    mls_free(t);
    return ok;
}

static bool solve_dual(const struct mls_ridge *r, double l2, double *coef,
                       int64_t *rank, struct mls_error *err)
{
    struct mls_ridge_spectrum s;
    bool solved = false, ok;

    *rank = -1;
    if (l2 > 0 && !dual_by_cholesky(r, l2, coef, &solved, err))
        return false;
    if (solved)
        return true;
    if (!spectrum_new(r, &s, err))
        return false;
    *rank = s.rank;
    ok = spectrum_solve(r, &s, l2, coef, err);
    spectrum_clear(&s);
    return ok;
}

bool mls_ridge_solve(const struct mls_ridge *ridge, double l2, double *coef,
                     int64_t *rank, struct mls_error *err)
{
    *rank = 0;
    if (ridge->x->columns == 0)
        return true;
    return ridge->x->columns > ridge->x->rows
        ? solve_dual(ridge, l2, coef, rank, err)
        : solve_primal(ridge, l2, coef, rank, err);
}

/* ---- Choosing l2 ---- */

/* The grid of penalties and the best of those tried. */
struct search {
    double unit;                /* the penalty of k = 0 */
    int low, high;              /* of k */
    int best;
    double error;
};

static double penalty(const struct search *s, int k)
{
    return s->unit * pow(10, (double)k / PER_DECADE);
}

static void search_init(const struct mls_ridge_spectrum *spectrum,
                        struct search *s)
{
    double sum = 0, largest = spectrum->lambda[spectrum->size - 1];
    int decades;

    for (int64_t k = 0; k < spectrum->size; k++)
        sum += spectrum->lambda[k];
    s->unit = sum / (double)spectrum->rank;
    /* Rounded, for with one eigenvalue the logarithm is 0, or nearly. */
    decades = 3 + (int)rint(log10(largest / s->unit));
    s->low = -8 * PER_DECADE;
    s->high = decades * PER_DECADE;
    if (s->high > s->low + (MLS_RIDGE_CANDIDATES - 1) * COARSE)
        s->high = s->low + (MLS_RIDGE_CANDIDATES - 1) * COARSE;
    s->best = s->high;
    s->error = INFINITY;
}

/* Of equal errors that of the larger penalty counts: k must descend. */
static bool try_penalties(const struct mls_ridge *r,
                          const struct mls_ridge_spectrum *spectrum,
                          const int *k, int count, struct search *s,
                          struct mls_error *err)
{
    double l2[MLS_RIDGE_CANDIDATES], error[MLS_RIDGE_CANDIDATES];

    for (int l = 0; l < count; l++)
        l2[l] = penalty(s, k[l]);
    if (!mls_run_go_on(r->run, err)
        || !mls_ridge_loo(r, spectrum, l2, count, error, err)) {
        return false;
    }
    for (int l = 0; l < count; l++) {
        if (error[l] < s->error) {
            s->error = error[l];
            s->best = k[l];
        }
    }
    return true;
}

/* Half decades over the whole range, then both neighbours of the best at half
 * the distance, and so on down to the grid. */
static bool search_penalty(const struct mls_ridge *r,
                           const struct mls_ridge_spectrum *spectrum,
                           struct search *s, struct mls_error *err)
{
    int k[MLS_RIDGE_CANDIDATES], count = 0;

    search_init(spectrum, s);
    for (int at = s->high; at >= s->low; at -= COARSE)
        k[count++] = at;
    if (!try_penalties(r, spectrum, k, count, s, err))
        return false;
    for (int step = COARSE / 2; step > 0; step /= 2) {
        count = 0;
        if (s->best + step <= s->high)
            k[count++] = s->best + step;
        if (s->best - step >= s->low)
            k[count++] = s->best - step;
        if (!try_penalties(r, spectrum, k, count, s, err))
            return false;
    }
    return true;
}

bool mls_ridge_choose(const struct mls_ridge *ridge, double *l2, double *coef,
                      double *loo_rmse, int64_t *rank, struct mls_error *err)
{
    struct mls_ridge_spectrum spectrum;
    struct search search = { 0 };
    bool ok = true;

    *l2 = 1;
    *loo_rmse = NAN;
    *rank = 0;
    if (ridge->x->columns == 0)
        return true;
    if (!spectrum_new(ridge, &spectrum, err))
        return false;
    *rank = spectrum.rank;
    if (spectrum.rank > 0 && ridge->x->rows > 1) {
        ok = search_penalty(ridge, &spectrum, &search, err);
        *l2 = penalty(&search, search.best);
        *loo_rmse = sqrt(search.error / ridge->weight);
    }
    ok = ok && spectrum_solve(ridge, &spectrum, *l2, coef, err);
    spectrum_clear(&spectrum);
    return ok;
}
