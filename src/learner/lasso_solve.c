/*
 * Coordinate descent on sums over rows.
 *
 *   q = X'W(y - X b), kept up to date for all columns: one column of the gram
 *   matrix is added when a coefficient changes, contiguous and fast.
 *
 *   sweeps over the columns in the working set (those that the strong rule does
 *   not leave out, and those not 0), more of them over those not 0
 *      -> solve for those not 0, given their signs (Cholesky)
 *      -> columns left out that do not fit are taken in, and again
 *
 * Coordinate descent converges by a factor a sweep; the solve ends with all the
 * digits the gram matrix has.  It is taken when it keeps all signs; else the
 * sweeps go on.
 */
#include "learner/lasso_solve.h"

#include <math.h>

#include "base/memory.h"

enum { SWEEPS = 20000, TRIES = 40, MOST_SOLVED = 2000 };

bool mls_sums_new(struct mls_sums *sums, int64_t p, struct mls_error *err)
{
    *sums = (struct mls_sums){ 0 };
    if (!mls_matrix_new(&sums->gram, p, p, err))
        return false;
    sums->xy = mls_new(p, sizeof(double), err);
    sums->x = sums->xy ? mls_new(p, sizeof(double), err) : NULL;
    return sums->x != NULL;
}

void mls_sums_clear(struct mls_sums *sums)
{
    mls_free(sums->gram.data);
    mls_free(sums->xy);
    mls_free(sums->x);
    *sums = (struct mls_sums){ 0 };
}

bool mls_sums_take(struct mls_sums *sums, struct mls_design_sums *from,
                   struct mls_error *err)
{
    *sums = (struct mls_sums){ .yy = from->y_square, .weight = from->weight };
    sums->x = mls_new(from->gram.columns, sizeof(double), err);
    if (!sums->x)
        return false;
    sums->gram = from->gram;
    sums->xy = from->xy;
    from->gram.data = NULL;
    from->xy = NULL;
    return true;
}

void mls_sums_add(struct mls_sums *to, const struct mls_sums *from)
{
    int64_t p = to->gram.columns;

    for (int64_t i = 0; i < p * p; i++)
        to->gram.data[i] += from->gram.data[i];
    for (int64_t j = 0; j < p; j++) {
        to->xy[j] += from->xy[j];
        to->x[j] += from->x[j];
    }
    to->yy += from->yy;
    to->y += from->y;
    to->weight += from->weight;
}

void mls_sums_centre(struct mls_sums *sums)
{
    int64_t p = sums->gram.columns;
    double weight = sums->weight > 0 ? sums->weight : 1;

    for (int64_t j = 0; j < p; j++) {
        double mean = sums->x[j] / weight;

        for (int64_t i = 0; i < p; i++)
            sums->gram.data[i + j * p] -= mean * sums->x[i];
        sums->xy[j] -= mean * sums->y;
    }
    sums->yy -= sums->y * sums->y / weight;
}

double mls_sums_error(const struct mls_sums *sums, const double *b,
                      double constant)
{
    int64_t p = sums->gram.columns;
    double error =
        sums->yy + constant * (constant * sums->weight - 2 * sums->y);

    for (int64_t j = 0; j < p; j++) {
        const double *column = sums->gram.data + j * p;
        double sum = 0;

        if (b[j] == 0)
            continue;
        for (int64_t i = 0; i < p; i++)
            sum += column[i] * b[i];
        error += b[j] * (sum - 2 * sums->xy[j] + 2 * constant * sums->x[j]);
    }
    return error;
}

double mls_lasso_largest(const struct mls_sums *sums)
{
    double largest = 0;

    for (int64_t j = 0; j < sums->gram.columns; j++)
        largest = fmax(largest, fabs(sums->xy[j]));
    return largest;
}

struct descent {
    const struct mls_sums *sums;
    int64_t p;
    double l1, l2;
    double *b, *q;
    bool *in;                   /* the working set */
    double scale;               /* length of the target */
};

/* q from the start. */
static void find_gradient(struct descent *d)
{
    const double *gram = d->sums->gram.data;

    memcpy(d->q, d->sums->xy, (size_t)d->p * sizeof(double));
    for (int64_t j = 0; j < d->p; j++) {
        for (int64_t i = 0; d->b[j] != 0 && i < d->p; i++)
            d->q[i] -= d->b[j] * gram[i + j * d->p];
    }
}

/* The best value of one coefficient; returns how far the fit moved. */
static double descend(struct descent *d, int64_t j)
{
    const double *column = d->sums->gram.data + j * d->p;
    double square = column[j], rest, b, change;

    if (!(square > 0))
        return 0;
    rest = d->q[j] + square * d->b[j];
    b = fabs(rest) <= d->l1 ? 0 : (rest - copysign(d->l1, rest))
            / (square + d->l2);
    change = b - d->b[j];
    if (change == 0)
        return 0;
    d->b[j] = b;
    for (int64_t i = 0; i < d->p; i++)
        d->q[i] -= change * column[i];
    return fabs(change) * sqrt(square);
}

static double sweep(struct descent *d, bool not_zero)
{
    double most = 0;

    for (int64_t j = 0; j < d->p; j++) {
        if (not_zero ? d->b[j] != 0 : d->in[j])
            most = fmax(most, descend(d, j));
    }
    return most;
}

static void descend_to(struct descent *d, double tolerance)
{
    for (int k = 0; k < SWEEPS; k++) {
        if (sweep(d, false) <= tolerance * d->scale)
            break;
        while (k++ < SWEEPS && sweep(d, true) > tolerance * d->scale)
            ;
    }
}

/* The equations of the coefficients that are not 0: active lists them. */
static void fill_active(const struct descent *d, const int64_t *active,
                        int64_t count, struct mls_matrix *a, double *rhs)
{
    for (int64_t k = 0; k < count; k++) {
        const double *column = d->sums->gram.data + active[k] * d->p;

        for (int64_t i = 0; i < count; i++)
            a->data[i + k * count] = column[active[i]];
        a->data[k + k * count] += d->l2;
        rhs[k] = d->sums->xy[active[k]]
            - copysign(d->l1, d->b[active[k]]);
    }
}

/* *exact is false when signs would change, or the equations are singular; then
 * nothing is done. */
static bool solve_active(struct descent *d, bool *exact, struct mls_error *err)
{
    int64_t *active = mls_new(d->p, sizeof(*active), err), count = 0;
    double *rhs = active ? mls_new(d->p, sizeof(double), err) : NULL;
    struct mls_matrix a = { 0 }, x;
    double condition = 0;
    bool ok = rhs != NULL, definite = false;

    *exact = false;
    for (int64_t j = 0; ok && j < d->p; j++) {
        if (d->b[j] != 0)
            active[count++] = j;
    }
    if (!ok || count > MOST_SOLVED)
        goto done;
    x = (struct mls_matrix){ rhs, count, 1, count > 0 ? count : 1 };
    ok = mls_matrix_new(&a, count, count, err);
    if (ok)
        fill_active(d, active, count, &a, rhs);
    ok = ok && mls_cholesky(&a, &definite, &condition, err);
    if (!ok || !definite || !(count == 0 || condition > 1e-12))
        goto done;
    ok = mls_cholesky_solve(&a, &x, err);
    *exact = ok;
    for (int64_t k = 0; ok && k < count; k++)
        *exact = *exact && rhs[k] * d->b[active[k]] > 0;
    for (int64_t k = 0; *exact && k < count; k++)
        d->b[active[k]] = rhs[k];
    if (*exact)
        find_gradient(d);
done:
    mls_free(a.data);
    mls_free(rhs);
    mls_free(active);
    return ok;
}

/* Takes in what the rule should not have left out; false when there is none. */
static bool take_in(struct descent *d)
{
    double slack = d->l1 * (1 + 1e-10)
        + 1e-13 * mls_lasso_largest(d->sums);
    bool any = false;

    for (int64_t j = 0; j < d->p; j++) {
        if (d->b[j] == 0 && fabs(d->q[j]) > slack) {
            any = any || !d->in[j];
            d->in[j] = true;
        }
    }
    return any;
}

/* Whether a coefficient of 0 in the working set wants to move. */
static bool is_optimal(const struct descent *d)
{
    double slack = d->l1 * (1 + 1e-10)
        + 1e-13 * mls_lasso_largest(d->sums);

    for (int64_t j = 0; j < d->p; j++) {
        if (d->b[j] == 0 && d->sums->gram.data[j + j * d->p] > 0
            && fabs(d->q[j]) > slack)
            return false;
    }
    return true;
}

/* Sweeps and solves, until both agree. */
static bool optimise(struct descent *d, struct mls_error *err)
{
    double tolerance = 1e-4;
    bool exact = false;

    for (int k = 0; k < TRIES; k++) {
        descend_to(d, tolerance);
        if (!solve_active(d, &exact, err))
            return false;
        if (take_in(d))
            continue;
        if ((exact && is_optimal(d)) || tolerance <= 1e-14)
            return true;
        tolerance = fmax(tolerance / 100, 1e-14);
    }
    return true;
}

/* The dual point is the residual, made smaller until it is feasible. */
static double duality_gap(const struct descent *d)
{
    double size = 0, square = 0, by = 0, bq = 0, most = 0, r, s;

    for (int64_t j = 0; j < d->p; j++) {
        size += fabs(d->b[j]);
        square += d->b[j] * d->b[j];
        by += d->b[j] * d->sums->xy[j];
        bq += d->b[j] * d->q[j];
        most = fmax(most, fabs(d->q[j] - d->l2 * d->b[j]));
    }
    if (!(d->l1 > 0))
        return NAN;
    /* The residual's square, that of the penalty's rows with it. */
    r = d->sums->yy - by - bq + d->l2 * square;
    s = most > d->l1 ? d->l1 / most : 1;
    return r / 2 + d->l1 * size - (s * (d->sums->yy - by) - s * s * r / 2);
}

bool mls_lasso_solve(const struct mls_sums *sums, double l1, double l2,
                     double l1_before, double *b, double *gap,
                     struct mls_error *err)
{
    int64_t p = sums->gram.columns;
    struct descent d = { .sums = sums, .p = p, .l1 = l1, .l2 = l2, .b = b,
                         .scale = sqrt(fmax(sums->yy, 0)) };
    bool ok;

    d.q = mls_new(p, sizeof(double), err);
    d.in = d.q ? mls_new(p, sizeof(bool), err) : NULL;
    ok = d.in != NULL;
    if (ok) {
        find_gradient(&d);
        for (int64_t j = 0; j < p; j++) {
            d.in[j] = b[j] != 0 || !isfinite(l1_before)
                || fabs(d.q[j]) >= 2 * l1 - l1_before;
        }
        ok = optimise(&d, err);
        if (ok && gap)
            *gap = duality_gap(&d);
    }
    mls_free(d.in);
    mls_free(d.q);
    return ok;
}
