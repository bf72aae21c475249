/*
 * Leave-one-out errors of ridge for many penalties in one pass over the rows.
 *
 * With M = X'WX + l2 (and the intercept's 1 / sum w beside it), leaving out u
 * units of weight of row i takes u x_i x_i' from M, and by Sherman & Morrison
 * the error at row i grows to
 *
 *      e_i = (y_i - f_i) / (1 - u q_i),     q_i = 1/W + x_i' M^-1 x_i,
 *
 * where f_i is the fit to all rows.  A weight counts rows, so u is 1: a row of
 * weight 2 is two rows of which one is left out, and gives what those give.  A
 * row with a weight below 1 is left out whole.  (Leaving out a row with all its
 * weight, as others do, breaks that: its twins would go with it.)
 *
 * Both, f and x'M^-1 x, are products of a matrix for all candidates at once:
 *
 *      F = Z diag(c) Q,  H = Z^2 Q,    q_kl = 1 / (lambda_k + l2_l)
 *
 * with Z^2 the squares of the cells.  Rows go by strips, so that the squares
 * stay in the cache.
 */
#include "learner/ridge_solve.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"

enum { STRIP = 256, LANES = 4 };

typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));

struct loo {
    const struct mls_ridge *ridge;
    const struct mls_ridge_spectrum *spectrum;
    struct mls_matrix fit, lever; /* size x count: diag(c) Q, Q */
    int64_t count;
};

static double sum_strip(const struct mls_ridge *r, int64_t first, int64_t rows,
                        const double *fit, const double *lever)
{
    double base = r->intercept ? 1 / r->weight : 0, sum = 0;

    for (int64_t i = 0; i < rows; i++) {
        double w = r->w ? r->w[first + i] : 1;
        double left = 1 - fmin(w, 1) * (base + lever[i]);
        double error = (r->y[first + i] - fit[i]) / fmax(left, DBL_EPSILON);

        sum += w * error * error;
    }
    return sum;
}

/* work: STRIP x (size + 2 count) */
static bool add_strip(const struct loo *loo, int64_t first, int64_t rows,
                      double *work, double *sum, struct mls_error *err)
{
    const struct mls_ridge_spectrum *s = loo->spectrum;
    struct mls_matrix z = { s->z.data + first, rows, s->size, s->z.stride };
    struct mls_matrix square = { work, rows, s->size, STRIP };
    struct mls_matrix fit = { work + STRIP * s->size, rows, loo->count,
                              STRIP };
    struct mls_matrix lever = fit;

    lever.data += STRIP * loo->count;
    for (int64_t k = 0; k < s->size; k++) {
        const double *from = z.data + k * z.stride;

        int64_t i = 0;

        for (; i + LANES <= rows; i += LANES) {
            lanes cells = *(const lanes *)(from + i);

            *(lanes *)(square.data + i + k * STRIP) = cells * cells;
        }
        for (; i < rows; i++)
            square.data[i + k * STRIP] = from[i] * from[i];
    }
    if (!mls_gemm(NULL, false, &z, &loo->fit, &fit, err)
        || !mls_gemm(NULL, false, &square, &loo->lever, &lever, err)) {
        return false;
    }
    for (int64_t l = 0; l < loo->count; l++) {
        sum[l] += sum_strip(loo->ridge, first, rows, fit.data + l * STRIP,
                            lever.data + l * STRIP);
    }
    return true;
}

static bool map(void *context, int64_t first, int64_t count, void *partial,
                struct mls_error *err)
{
    const struct loo *loo = context;
    double *work = mls_new_array(
        STRIP * (loo->spectrum->size + 2 * loo->count), sizeof(double), err);
    bool ok = work != NULL;

    for (int64_t end = first + count; ok && first < end; first += STRIP) {
        int64_t rows = end - first < STRIP ? end - first : STRIP;

        ok = add_strip(loo, first, rows, work, partial, err);
    }
    mls_free(work);
    return ok;
}

static void fold(void *context, void *into, const void *from)
{
    const struct loo *loo = context;
    double *sum = into;
    const double *more = from;

    for (int64_t l = 0; l < loo->count; l++)
        sum[l] += more[l];
}

bool mls_ridge_loo(const struct mls_ridge *ridge,
                   const struct mls_ridge_spectrum *spectrum, const double *l2,
                   int count, double *error, struct mls_error *err)
{
    int64_t size = spectrum->size;
    struct loo loo = { .ridge = ridge, .spectrum = spectrum, .count = count };
    struct mls_reduce_job job = {
        .rows = ridge->x->rows, .chunk_rows = MLS_MATRIX_CHUNK,
        .bytes = (size_t)count * sizeof(double),
        .map = map, .fold = fold, .context = &loo
    };
    bool ok = mls_matrix_new(&loo.fit, size, count, err)
        && mls_matrix_new(&loo.lever, size, count, err);

    for (int64_t l = 0; ok && l < count; l++) {
        for (int64_t k = 0; k < size; k++) {
            double q = 1 / (spectrum->lambda[k] + l2[l]);

            loo.lever.data[k + l * size] = q;
            loo.fit.data[k + l * size] = spectrum->c[k] * q;
        }
    }
    ok = ok && mls_reduce(ridge->run, &job, error, err);
    mls_free(loo.fit.data);
    mls_free(loo.lever.data);
    return ok;
}
