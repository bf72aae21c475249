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
 * Rows go by strips, so that the sums of all candidates stay in the cache
 * while each column of Z passes once.
 */
#include "learner/ridge_solve.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"

enum { STRIP = 64, MOST = MLS_RIDGE_CANDIDATES };

struct loo {
    const struct mls_ridge *ridge;
    const struct mls_ridge_spectrum *spectrum;
    const double *factor;       /* size x count: 1 / (lambda_k + l2_l) */
    int count;
};

/* fit[l][i] and lever[l][i] of the rows of a strip. */
static void fit_strip(const struct loo *loo, int64_t first, int64_t rows,
                      double fit[MOST][STRIP], double lever[MOST][STRIP])
{
    const struct mls_ridge_spectrum *s = loo->spectrum;
    const double *factor = loo->factor;

    memset(fit, 0, (size_t)loo->count * sizeof(fit[0]));
    memset(lever, 0, (size_t)loo->count * sizeof(lever[0]));
    for (int64_t k = 0; k < s->size; k++, factor += loo->count) {
        const double *z = s->z.data + first + k * s->z.stride;
        double square[STRIP];

        for (int64_t i = 0; i < rows; i++)
            square[i] = z[i] * z[i];
        for (int l = 0; l < loo->count; l++) {
            double q = factor[l], c = s->c[k] * q;

            for (int64_t i = 0; i < rows; i++) {
                fit[l][i] += z[i] * c;
                lever[l][i] += square[i] * q;
            }
        }
    }
}

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

static bool map(void *context, int64_t first, int64_t count, void *partial,
                struct mls_error *err)
{
    const struct loo *loo = context;
    double fit[MOST][STRIP], lever[MOST][STRIP];
    double *sum = partial;

    (void)err;
    for (int64_t end = first + count; first < end; first += STRIP) {
        int64_t rows = end - first < STRIP ? end - first : STRIP;

        fit_strip(loo, first, rows, fit, lever);
        for (int l = 0; l < loo->count; l++)
            sum[l] += sum_strip(loo->ridge, first, rows, fit[l], lever[l]);
    }
    return true;
}

static void fold(void *context, void *into, const void *from)
{
    const struct loo *loo = context;
    double *sum = into;
    const double *more = from;

    for (int l = 0; l < loo->count; l++)
        sum[l] += more[l];
}

bool mls_ridge_loo(const struct mls_ridge *ridge,
                   const struct mls_ridge_spectrum *spectrum, const double *l2,
                   int count, double *error, struct mls_error *err)
{
    double *factor =
        mls_new_array(spectrum->size * count, sizeof(double), err);
    struct loo loo = { ridge, spectrum, factor, count };
    struct mls_reduce_job job = {
        .rows = ridge->x->rows, .chunk_rows = MLS_MATRIX_CHUNK,
        .bytes = (size_t)count * sizeof(double),
        .map = map, .fold = fold, .context = &loo
    };
    bool ok;

    if (!factor)
        return false;
    for (int64_t k = 0; k < spectrum->size; k++) {
        for (int l = 0; l < count; l++)
            factor[k * count + l] = 1 / (spectrum->lambda[k] + l2[l]);
    }
    ok = mls_reduce(ridge->run, &job, error, err);
    mls_free(factor);
    return ok;
}
