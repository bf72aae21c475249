/*
 * Standard errors from the expected information; glm_errors.h has the formula.
 *
 * The information is scaled to a diagonal of 1 before it is inverted, so that
 * columns of different units cost no digits.  The constant is that of columns
 * which are less their means m; the one of the columns as they are is
 * c0 - m'b, so its variance is that of this sum.
 */
#include "learner/glm_errors.h"

#include <math.h>

#include "base/memory.h"

#define SINGULAR 1e-13          /* reciprocal condition of the information */

/* pearson; curvature receives w m^(2 - power). */
static void look(const struct mls_glm_fitted *f, double *curvature,
                 struct mls_glm_errors *errors)
{
    double sum = 0;

    for (int64_t i = 0; i < f->x->rows; i++) {
        double w = f->w ? f->w[i] : 1, m = exp(f->score[i]);
        double power = exp(-f->power * f->score[i]), rest = f->y[i] - m;

        curvature[i] = w * power * m * m;
        sum += w * rest * rest * power;
    }
    errors->pearson = sum / errors->degrees;
}

/* *inverse becomes that of the information, scaled back; it is left empty when
 * that is singular. */
static bool invert(const struct mls_glm_fitted *f, const double *curvature,
                   struct mls_matrix *inverse, struct mls_error *err)
{
    int64_t q = f->x->columns;
    struct mls_matrix h = { 0 };
    double *scale = mls_new(q, sizeof(double), err), condition = 0;
    bool definite = false;
    bool ok = scale && mls_matrix_new(&h, q, q, err)
        && mls_gram(f->run, f->x, curvature, &h, err);

    for (int64_t j = 0; ok && j < q; j++)
        scale[j] = h.data[j + j * q] > 0 ? 1 / sqrt(h.data[j + j * q]) : 0;
    for (int64_t j = 0; ok && j < q; j++) {
        for (int64_t i = 0; i < q; i++)
            h.data[i + j * q] *= scale[i] * scale[j];
    }
    ok = ok && mls_cholesky(&h, &definite, &condition, err);
    if (ok && definite && condition > SINGULAR) {
        ok = mls_matrix_new(inverse, q, q, err);
        for (int64_t j = 0; ok && j < q; j++)
            inverse->data[j + j * q] = 1;
        ok = ok && mls_cholesky_solve(&h, inverse, err);
        for (int64_t j = 0; ok && j < q; j++) {
            for (int64_t i = 0; i < q; i++)
                inverse->data[i + j * q] *= scale[i] * scale[j];
        }
    }
    mls_free(h.data);
    mls_free(scale);
    return ok;
}

/* a'Va, a = (-mean, 1). */
static double variance_of_constant(const struct mls_glm_fitted *f,
                                   const struct mls_matrix *v)
{
    int64_t p = f->features, q = v->columns;
    double sum = 0;

    for (int64_t j = 0; j < q; j++) {
        double column = 0;

        for (int64_t i = 0; i < q; i++)
            column += (i < p ? -f->mean[i] : 1) * v->data[i + j * q];
        sum += (j < p ? -f->mean[j] : 1) * column;
    }
    return sum;
}

bool mls_glm_find_errors(const struct mls_glm_fitted *fitted,
                         struct mls_glm_errors *errors, struct mls_error *err)
{
    int64_t q = fitted->x->columns;
    struct mls_matrix inverse = { 0 };
    double *curvature = NULL, dispersion;
    bool ok;

    errors->known = false;
    errors->degrees = fitted->weight - (double)q;
    if (!(errors->degrees > 0) || q == 0)
        return true;
    curvature = mls_new_array(fitted->x->rows, sizeof(double), err);
    if (!curvature)
        return false;
    look(fitted, curvature, errors);
    ok = invert(fitted, curvature, &inverse, err);
    dispersion = isnan(fitted->dispersion) ? errors->pearson
                                           : fitted->dispersion;
    errors->known = ok && inverse.data && isfinite(dispersion);
    for (int64_t j = 0; errors->known && j < fitted->features; j++)
        errors->coef[j] = sqrt(dispersion * inverse.data[j + j * q]);
    errors->intercept = errors->known && fitted->intercept
        ? sqrt(dispersion * fmax(variance_of_constant(fitted, &inverse), 0))
        : 0;
    mls_free(inverse.data);
    mls_free(curvature);
    return ok;
}
