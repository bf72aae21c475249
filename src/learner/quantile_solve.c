/*
 * Quantile regression by an interior point method (Frisch-Newton).
 *
 * The dual is a linear program with bounds on both sides,
 *
 *      maximise y'a   over   X'a = (1 - quantile) X'w,   0 <= a <= w,
 *
 * whose multipliers of the equations are b.  A penalty l1 |b_j| is one more row
 * with y = 0, x = the j-th unit vector, and 0 <= a <= 2 l1.  With z, v >= 0 for
 * the two bounds the optimum has
 *
 *      v - z = y - x'b,    a z = 0,    (w - a) v = 0      in each row,
 *
 * and Newton's method goes for products that are w mu instead of 0, mu falling
 * (Mehrotra's predictor and corrector).  An iteration costs one matrix
 * X'QX and a few products with X.  Portnoy & Koenker (1997), Statistical Science
 * 12(4), 279-300; Lustig, Marsten & Shanno (1992), SIAM J. Optimization 2.
 *
 * Why not the simplex method: its steps grow with the number of rows.  Barriers
 * grow with the weights, so a weight of 2 walks the very path of two rows; and
 * where many b are optimal the path ends in the middle of them.
 *
 * The end: the objective is within 1e-12 of the dual one, relative.  Then the
 * rows whose residual is 0 are told from the others, which differ by many
 * powers of ten, and b is solved for from them: all digits, exact zeros.
 */
#include "learner/quantile_solve.h"

#include <math.h>

#include "base/memory.h"

#define ENOUGH 1e-12            /* gap against the objective */
#define NEARLY 1e-8             /* good enough when rounding ends the path */
#define STAY_INSIDE 0.9995      /* of the way to the next bound */
enum { VECTORS = 13, MOST_ROWS_A_COLUMN = 20 };

/* Rows of x, then one a penalised column. */
struct path {
    const struct mls_quantile *in;
    int64_t n, extra, rows, q;
    double *y, *u;              /* rows: u the upper bound */
    double *a, *z, *v;          /* rows */
    double *da, *dz, *dv;       /* rows: the step */
    double *g, *curve, *rest;   /* rows: right side, Q, y - x'b */
    double *move;               /* rows: x'db */
    double *key;                /* rows */
    double *b, *db, *best;      /* q */
    double *side, *right, *scale; /* q: (1 - quantile) X'w and such */
    struct mls_matrix h, factor; /* q x q */
    double most;                /* sum of the barriers' weights */
    double objective, dual;     /* at best; at a */
};

/* out = A b. */
static bool times(const struct path *p, const double *b, double *out,
                  struct mls_error *err)
{
    if (!mls_gemv(p->in->run, p->in->x, b, out, err))
        return false;
    for (int64_t j = 0; j < p->extra; j++)
        out[p->n + j] = b[j];
    return true;
}

/* out = A'r. */
static bool times_transposed(const struct path *p, const double *r,
                             double *out, struct mls_error *err)
{
    if (!mls_gemv_transposed(p->in->run, p->in->x, NULL, r, out, err))
        return false;
    for (int64_t j = 0; j < p->extra; j++)
        out[j] += r[p->n + j];
    return true;
}

static double barrier(const struct path *p, int64_t i)
{
    return i < p->n && p->in->w ? p->in->w[i] : 1;
}

/* h = A'QA with a diagonal of 1, and its factor. */
static bool factor(struct path *p, struct mls_error *err)
{
    static const double extra[] = { 0, 1e-15, 1e-13, 1e-11, 1e-8, 1e-4, 1 };
    int64_t q = p->q;
    double *h = p->h.data;
    bool definite = false;

    if (!mls_gram(p->in->run, p->in->x, p->curve, &p->h, err))
        return false;
    for (int64_t j = 0; j < p->extra; j++)
        h[j + j * q] += p->curve[p->n + j];
    for (int64_t j = 0; j < q; j++)
        p->scale[j] = h[j + j * q] > 0 ? 1 / sqrt(h[j + j * q]) : 0;
    for (int64_t j = 0; j < q; j++) {
        for (int64_t i = 0; i < q; i++)
            h[i + j * q] *= p->scale[i] * p->scale[j];
        h[j + j * q] = 1;
    }
    for (int k = 0; k < 7 && !definite; k++) {
        memcpy(p->factor.data, h, (size_t)(q * q) * sizeof(double));
        for (int64_t j = 0; j < q; j++)
            p->factor.data[j + j * q] += extra[k];
        if (!mls_cholesky(&p->factor, &definite, NULL, err))
            return false;
    }
    return definite
        || mls_fail(err, MLS_DATA, "the columns are too large to be squared");
}

/* x = h^-1 right, unscaled, with one refinement. */
static bool solve(struct path *p, double *right, double *x,
                  struct mls_error *err)
{
    int64_t q = p->q;
    struct mls_matrix column = { x, q, 1, q };

    for (int64_t j = 0; j < q; j++)
        x[j] = p->scale[j] * right[j];
    if (!mls_cholesky_solve(&p->factor, &column, err))
        return false;
    for (int64_t j = 0; j < q; j++)
        x[j] *= p->scale[j];
    return true;
}

/* From g: db, da.  A'QA db = A'Q g - (side - A'a), da = Q (g - A db). */
static bool find_step(struct path *p, const double *missing,
                      struct mls_error *err)
{
    for (int64_t i = 0; i < p->rows; i++)
        p->move[i] = p->curve[i] * p->g[i];
    if (!times_transposed(p, p->move, p->right, err))
        return false;
    for (int64_t j = 0; j < p->q; j++)
        p->right[j] -= missing[j];
    if (!solve(p, p->right, p->db, err) || !times(p, p->db, p->move, err))
        return false;
    for (int64_t i = 0; i < p->rows; i++)
        p->da[i] = p->curve[i] * (p->g[i] - p->move[i]);
    return true;
}

/* Shares of the step that keep a and u - a, z and v above 0. */
static void reach(const struct path *p, double *primal, double *dual)
{
    *primal = *dual = INFINITY;
    for (int64_t i = 0; i < p->rows; i++) {
        double s = p->u[i] - p->a[i];

        if (p->da[i] < 0)
            *primal = fmin(*primal, -p->a[i] / p->da[i]);
        else if (p->da[i] > 0)
            *primal = fmin(*primal, s / p->da[i]);
        if (p->dz[i] < 0)
            *dual = fmin(*dual, -p->z[i] / p->dz[i]);
        if (p->dv[i] < 0)
            *dual = fmin(*dual, -p->v[i] / p->dv[i]);
    }
    *primal = fmin(1, STAY_INSIDE * *primal);
    *dual = fmin(1, STAY_INSIDE * *dual);
}

/* sum of a z + (u - a) v, after shares of the step. */
static double products(const struct path *p, double primal, double dual)
{
    double sum = 0;

    for (int64_t i = 0; i < p->rows; i++) {
        double move = primal * p->da[i];

        sum += (p->a[i] + move) * (p->z[i] + dual * p->dz[i])
            + (p->u[i] - p->a[i] - move) * (p->v[i] + dual * p->dv[i]);
    }
    return sum;
}

/* One step of predictor (mu 0) and corrector. */
static bool take_step(struct path *p, double *missing, struct mls_error *err)
{
    double before = 0, primal, dual, mu;

    for (int64_t i = 0; i < p->rows; i++) {
        double s = p->u[i] - p->a[i];

        before += p->a[i] * p->z[i] + s * p->v[i];
        p->curve[i] = 1 / (p->z[i] / p->a[i] + p->v[i] / s);
        /* -z + v, less what v - z is off the residual. */
        p->g[i] = p->rest[i];
    }
    if (!factor(p, err) || !find_step(p, missing, err))
        return false;
    for (int64_t i = 0; i < p->rows; i++) {
        double s = p->u[i] - p->a[i];

        p->dz[i] = -p->z[i] - p->z[i] / p->a[i] * p->da[i];
        p->dv[i] = -p->v[i] + p->v[i] / s * p->da[i];
    }
    reach(p, &primal, &dual);
    mu = products(p, primal, dual) / before;
    mu = mu * mu * mu * before / (2 * p->most);
    for (int64_t i = 0; i < p->rows; i++) {
        double s = p->u[i] - p->a[i], aim = barrier(p, i) * mu;

        /* Kept for the second half in place of the predictor's dz and dv. */
        p->dz[i] = (aim - p->da[i] * p->dz[i]) / p->a[i];
        p->dv[i] = (aim + p->da[i] * p->dv[i]) / s;
        p->g[i] = p->rest[i] + p->dz[i] - p->dv[i];
    }
    if (!find_step(p, missing, err))
        return false;
    for (int64_t i = 0; i < p->rows; i++) {
        double s = p->u[i] - p->a[i];

        p->dz[i] += -p->z[i] - p->z[i] / p->a[i] * p->da[i];
        p->dv[i] += -p->v[i] + p->v[i] / s * p->da[i];
    }
    reach(p, &primal, &dual);
    for (int64_t i = 0; i < p->rows; i++) {
        p->a[i] += primal * p->da[i];
        p->z[i] += dual * p->dz[i];
        p->v[i] += dual * p->dv[i];
    }
    for (int64_t j = 0; j < p->q; j++)
        p->b[j] += dual * p->db[j];
    return true;
}

/* rest = y - A b, and what the objective is there. */
static bool look(struct path *p, const double *b, double *objective,
                 struct mls_error *err)
{
    double sum = 0, tau = p->in->quantile;

    if (!times(p, b, p->rest, err))
        return false;
    for (int64_t i = 0; i < p->rows; i++) {
        double r = p->rest[i] = p->y[i] - p->rest[i];

        sum += i >= p->n ? p->u[i] / 2 * fabs(r)
            : p->u[i] * (r >= 0 ? tau * r : (tau - 1) * r);
    }
    *objective = sum;
    return true;
}

/* The middle of the bounds, weighted; b of least squares; z and v. */
static bool start(struct path *p, double *missing, struct mls_error *err)
{
    const struct mls_quantile *in = p->in;
    double mean = 0, objective;

    for (int64_t i = 0; i < p->rows; i++) {
        p->y[i] = i < p->n ? in->y[i] : 0;
        p->u[i] = i < p->n ? (in->w ? in->w[i] : 1) : 2 * in->l1;
        p->a[i] = (i < p->n ? 1 - in->quantile : 0.5) * p->u[i];
        p->curve[i] = barrier(p, i);
        p->g[i] = p->y[i];
        p->most += barrier(p, i);
    }
    memset(missing, 0, (size_t)p->q * sizeof(double));
    if (!times_transposed(p, p->a, p->side, err) || !factor(p, err)
        || !find_step(p, missing, err)) {
        return false;
    }
    memcpy(p->b, p->db, (size_t)p->q * sizeof(double));
    if (!look(p, p->b, &objective, err))
        return false;
    for (int64_t i = 0; i < p->n; i++)
        mean += p->u[i] * fabs(p->rest[i]);
    mean = mean > 0 ? mean / in->weight : 1;
    for (int64_t i = 0; i < p->rows; i++) {
        p->z[i] = fmax(-p->rest[i], 0) + 0.1 * mean;
        p->v[i] = fmax(p->rest[i], 0) + 0.1 * mean;
    }
    return true;
}

/* The dual objective at a, with what the equations lack made up for. */
static bool dual_of(struct path *p, double *missing, struct mls_error *err)
{
    double sum = 0, tau = p->in->quantile;

    if (!times_transposed(p, p->a, missing, err))
        return false;
    for (int64_t i = 0; i < p->n; i++)
        sum += p->y[i] * (p->a[i] - (1 - tau) * p->u[i]);
    for (int64_t j = 0; j < p->q; j++) {
        missing[j] = p->side[j] - missing[j];
        sum += p->b[j] * missing[j];
    }
    p->dual = sum;
    return true;
}

/* ---- The rows that the optimum goes through ---- */

static int by_size(const void *a_, const void *b_)
{
    double a = *(const double *)a_, b = *(const double *)b_;

    return (a > b) - (a < b);
}

/* The residual above which rows are not on the plane; 0 when that is not
 * clear. */
static double find_cut(struct path *p)
{
    int64_t most = MOST_ROWS_A_COLUMN * p->q;
    double widest = 1e3, cut = 0;

    for (int64_t i = 0; i < p->rows; i++)
        p->key[i] = fabs(p->rest[i]);
    qsort(p->key, (size_t)p->rows, sizeof(double), by_size);
    for (int64_t i = p->q - 1; i + 1 < p->rows && i < most; i++) {
        double low = fmax(p->key[i], 1e-15), high = p->key[i + 1];

        if (low > 1e-5)
            break;
        if (high / low > widest) {
            widest = high / low;
            cut = sqrt(low * high);
        }
    }
    return cut;
}

static double cell(const struct path *p, int64_t i, int64_t j)
{
    if (i >= p->n)
        return i - p->n == j;
    return p->in->x->data[i + j * p->in->x->stride];
}

/* b through all rows nearer than cut, when that makes nothing worse. */
static bool polish(struct path *p, double cut, struct mls_error *err)
{
    int64_t count = 0, at = 0, rank = 0;
    struct mls_matrix x = { 0 };
    int64_t *pivot = NULL;
    double objective;
    bool ok;

    for (int64_t i = 0; i < p->rows; i++)
        count += fabs(p->rest[i]) < cut;
    ok = mls_matrix_new(&x, count, p->q, err)
        && (pivot = mls_new(p->q, sizeof(*pivot), err)) != NULL;
    for (int64_t i = 0; ok && i < p->rows; i++) {
        if (fabs(p->rest[i]) >= cut)
            continue;
        for (int64_t j = 0; j < p->q; j++)
            x.data[at + j * count] = cell(p, i, j);
        p->key[at++] = p->y[i];
    }
    ok = ok && mls_least_squares(&x, p->key, 0, p->db, &rank, pivot, err);
    for (int64_t j = 0; ok && j < p->extra; j++) {
        if (fabs(p->rest[p->n + j]) < cut)
            p->db[j] = 0;
    }
    if (ok && rank == p->q) {
        ok = look(p, p->db, &objective, err);
        if (ok && objective <= p->objective * (1 + 1e-12)) {
            memcpy(p->best, p->db, (size_t)p->q * sizeof(double));
            p->objective = objective;
        }
    }
    mls_free(pivot);
    mls_free(x.data);
    return ok;
}

/* ---- All of it ---- */

static bool make_room(struct path *p, struct mls_error *err)
{
    double **vectors[VECTORS] = { &p->y, &p->u, &p->a, &p->z, &p->v, &p->da,
                                  &p->dz, &p->dv, &p->g, &p->curve, &p->rest,
                                  &p->move, &p->key };
    double **small[] = { &p->b, &p->db, &p->best, &p->side, &p->right,
                         &p->scale };

    p->y = mls_new_array(VECTORS * p->rows, sizeof(double), err);
    p->b = p->y ? mls_new(7 * p->q, sizeof(double), err) : NULL;
    if (!p->b)
        return false;
    for (int k = 1; k < VECTORS; k++)
        *vectors[k] = p->y + k * p->rows;
    for (int k = 1; k < 6; k++)
        *small[k] = p->b + k * p->q;
    return mls_matrix_new(&p->h, p->q, p->q, err)
        && mls_matrix_new(&p->factor, p->q, p->q, err);
}

/* Follows the path; best and objective receive the best point on it. */
static bool follow(struct path *p, struct mls_quantile_result *result,
                   struct mls_error *err)
{
    double *missing = p->b + 6 * p->q, best_dual = -INFINITY, objective;
    int64_t stuck = 0;

    if (!start(p, missing, err))
        return false;
    p->objective = INFINITY;
    for (;;) {
        if (!look(p, p->b, &objective, err) || !dual_of(p, missing, err))
            return false;
        stuck = objective < p->objective || p->dual > best_dual ? 0
                                                                : stuck + 1;
        if (objective < p->objective) {
            memcpy(p->best, p->b, (size_t)p->q * sizeof(double));
            p->objective = objective;
        }
        best_dual = fmax(best_dual, p->dual);
        result->gap = fmax(p->objective - best_dual, 0);
        result->converged = result->gap
            <= ENOUGH * (p->objective + 1e-3 * p->in->weight);
        if (result->converged || stuck >= 3 || !isfinite(objective)
            || result->iterations == p->in->max_iterations) {
            break;
        }
        result->iterations++;
        mls_progress(p->in->run, "fit", (double)result->iterations, 0);
        if (!mls_run_go_on(p->in->run, err) || !take_step(p, missing, err))
            return false;
    }
    result->converged = result->gap
        <= NEARLY * (p->objective + 1e-3 * p->in->weight);
    return true;
}

static bool finish(struct path *p, double *b, struct mls_error *err)
{
    double cut, objective;

    if (!look(p, p->best, &objective, err))
        return false;
    cut = find_cut(p);
    if (cut > 0 && !polish(p, cut, err))
        return false;
    memcpy(b, p->best, (size_t)p->q * sizeof(double));
    return true;
}

bool mls_quantile_solve(const struct mls_quantile *problem, double *b,
                        struct mls_quantile_result *result,
                        struct mls_error *err)
{
    struct path p = { .in = problem, .n = problem->x->rows,
                      .q = problem->x->columns };
    bool ok;

    *result = (struct mls_quantile_result){ .converged = p.q == 0 };
    if (p.q == 0)
        return true;
    p.extra = problem->l1 > 0 ? problem->penalised : 0;
    p.rows = p.n + p.extra;
    ok = make_room(&p, err) && follow(&p, result, err) && finish(&p, b, err);
    result->objective = p.objective;
    mls_free(p.factor.data);
    mls_free(p.h.data);
    mls_free(p.b);
    mls_free(p.y);
    return ok;
}
