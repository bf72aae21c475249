/*
 * Newton's method with line search.
 *
 *   scores S = X b -> residuals R, curvatures -> gradient X'R + l2 b
 *                                                    │
 *                  b += t D  <- t by halving  <-  H D = -gradient
 *
 * H is made and factored (Cholesky) as long as it has at most 2,000 rows: one
 * mls_gram for two classes, one for each pair of classes for more.  Above that
 * the step is found by conjugate gradients, which need only products with H:
 * X'(curvature (X u)).  Newton rather than L-BFGS, because it takes 5 to 10
 * passes with any scale of the columns, and ends with all digits.
 *
 * Several classes have one vector of coefficients each, as many as classes and
 * not one less: no class is special.  Adding the same to all of them changes no
 * probability, so H is singular in those directions.  The gradient has no part
 * in them; a multiple of their projector added to H therefore changes no step,
 * and makes H definite.
 *
 * When H is singular otherwise (dependent columns without a penalty), a small
 * multiple of its diagonal is added, in steps, until it is definite.
 *
 * With a penalty on sizes the quadratic model of the loss is minimised together
 * with it by coordinate descent, on H whatever its size (proximal Newton: Lee,
 * Sun & Saunders (2014), SIAM J. Optim. 24(3); Friedman, Hastie & Tibshirani
 * (2010), J. Stat. Softw. 33(1)).  H is exact, so that a few models do; the end
 * then looks at the subgradient of least size.
 *
 * The end: the gradient is small for every coefficient, against the most it
 * could be, sqrt(sum w) sqrt(sum w x^2); and the step that comes next, which is
 * still taken, moves no score by more than 1e-5, which squared is rounding.
 * Classes that can be separated have no optimum: there the gradient gets small,
 * too, but each step moves the scores by about 1.  That is how it is told.
 */
#include "learner/logistic_solve.h"

#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"
#include "learner/logistic_loo.h"
#include "learner/logistic_newton.h"

#define MATRIX_FREE_SIZE 2000
#define SMALL_MOVE 1e-5         /* of a score, in the last step */
#define LARGE_MOVE 1e-2         /* in a step of classes that are separated */
#define SINGULAR 1e-14          /* reciprocal condition of H */
#define SETTLED 1e-8            /* share of the first fall, by coordinates */
#define NOTHING 1e-20           /* and of the objective */
enum { HALVINGS = 40, MOST_PRODUCTS = 1000, MOST_SWEEPS = 100 };

/* All that an iteration works with; size = q outputs. */
struct newton {
    const struct mls_logistic *in;
    int64_t size;
    bool matrix_free;
    struct mls_matrix *b;       /* q x outputs */
    struct mls_matrix scores;   /* n x outputs: X b */
    struct mls_matrix moves;    /* n x outputs: X d */
    struct mls_matrix residual; /* n x outputs */
    struct mls_matrix p;        /* n x outputs: probabilities; one output: the
                                 * curvature */
    struct mls_matrix gradient; /* q x outputs */
    struct mls_matrix d;        /* q x outputs: the step */
    struct mls_matrix hessian, factor; /* size x size */
    double *curvature;          /* n: of a pair of classes */
    double *scale;              /* size */
    bool definite;              /* the factor is one */
    struct mls_matrix cg[4];    /* q x outputs: rest, direction, product,
                                 * diagonal */
    double objective;
};

/* ---- Sums over rows ---- */

/* Where a loss is asked for: at S + step X d, or at S. */
struct place {
    const struct newton *it;
    bool moved;
    double step;
};

static double loss_of(const struct place *at, int64_t first, int64_t count)
{
    const struct newton *it = at->it;
    const struct mls_logistic *in = it->in;
    const double *s = it->scores.data + first, *y = in->y + first;
    const double *d = at->moved ? it->moves.data + first : NULL;
    const double *w = in->w ? in->w + first : NULL;

    if (in->loss)
        return in->loss->value(in->loss, s, d, at->step, y, w, count);
    if (in->outputs == 1)
        return mls_logistic_binary_loss(s, d, at->step, y, w, count);
    return mls_logistic_softmax_loss(s, d, at->step, it->scores.stride,
                                     in->outputs, y, w, count);
}

static bool map_loss(void *context, int64_t first, int64_t count,
                     void *partial, struct mls_error *err)
{
    double *sum = partial;

    (void)err;
    for (int64_t end = first + count; first < end;
         first += MLS_LOGISTIC_STRIP) {
        int64_t rows = end - first;

        *sum += loss_of(context, first,
                        rows < MLS_LOGISTIC_STRIP ? rows : MLS_LOGISTIC_STRIP);
    }
    return true;
}

static void fold_loss(void *context, void *into, const void *from)
{
    (void)context;
    *(double *)into += *(const double *)from;
}

/* The objective at b + step d. */
static bool objective_at(const struct newton *it, bool moved, double step,
                         double *value, struct mls_error *err)
{
    struct place at = { it, moved, step };
    struct mls_reduce_job job = {
        .rows = it->in->x->rows, .chunk_rows = MLS_MATRIX_CHUNK,
        .bytes = sizeof(double), .map = map_loss, .fold = fold_loss,
        .context = &at
    };
    double square = 0, size = 0;
    int64_t q = it->in->x->columns;

    for (int k = 0; k < it->in->outputs; k++) {
        for (int64_t j = 0; j < it->in->penalised; j++) {
            double b = it->b->data[j + k * q]
                + (moved ? step * it->d.data[j + k * q] : 0);

            square += b * b;
            size += fabs(b);
        }
    }
    if (!mls_reduce(it->in->run, &job, value, err))
        return false;
    *value += it->in->l2 / 2 * square + it->in->l1 * size;
    return true;
}

static int64_t strips(const struct newton *it)
{
    return (it->in->x->rows + MLS_LOGISTIC_STRIP - 1) / MLS_LOGISTIC_STRIP;
}

static int64_t strip_rows(const struct newton *it, int64_t first)
{
    int64_t left = it->in->x->rows - first;

    return left < MLS_LOGISTIC_STRIP ? left : MLS_LOGISTIC_STRIP;
}

static bool residual_task(void *context, int64_t task, struct mls_error *err)
{
    const struct newton *it = context;
    const struct mls_logistic *in = it->in;
    int64_t first = task * MLS_LOGISTIC_STRIP, count = strip_rows(it, first);
    const double *w = in->w ? in->w + first : NULL;

    (void)err;
    if (in->loss) {
        in->loss->slopes(in->loss, it->scores.data + first, in->y + first, w,
                         count, it->residual.data + first,
                         it->p.data + first);
    } else if (in->outputs == 1) {
        mls_logistic_binary(it->scores.data + first, in->y + first, w, count,
                            it->residual.data + first, it->p.data + first);
    } else {
        mls_logistic_softmax(it->scores.data + first, it->scores.stride,
                             in->outputs, in->y + first, w, count,
                             it->p.data + first, it->residual.data + first);
    }
    return true;
}

/* out = X b. */
static bool times_x(const struct newton *it, const struct mls_matrix *b,
                    struct mls_matrix *out, struct mls_error *err)
{
    const struct mls_logistic *in = it->in;

    if (in->outputs == 1)
        return mls_gemv(in->run, in->x, b->data, out->data, err);
    return mls_gemm(in->run, false, in->x, b, out, err);
}

/* out = X'r. */
static bool times_x_transposed(const struct newton *it,
                               const struct mls_matrix *r,
                               struct mls_matrix *out, struct mls_error *err)
{
    const struct mls_logistic *in = it->in;

    if (in->outputs == 1)
        return mls_gemv_transposed(in->run, in->x, NULL, r->data, out->data,
                                   err);
    return mls_gemm(in->run, true, in->x, r, out, err);
}

/* The scores at b: X b, and the offset. */
static bool score_rows(struct newton *it, struct mls_error *err)
{
    const double *offset = it->in->offset;

    if (it->size > 0 && !times_x(it, it->b, &it->scores, err))
        return false;
    for (int64_t i = 0; offset && i < it->scores.rows; i++)
        it->scores.data[i] += offset[i];
    return true;
}

/* to += l2 b for what is penalised. */
static void add_penalty(const struct newton *it, const struct mls_matrix *b,
                        struct mls_matrix *to)
{
    int64_t q = it->in->x->columns;

    for (int k = 0; k < it->in->outputs; k++) {
        for (int64_t j = 0; j < it->in->penalised; j++)
            to->data[j + k * q] += it->in->l2 * b->data[j + k * q];
    }
}

/* Scores, residuals, curvatures and gradient at b. */
static bool evaluate(struct newton *it, struct mls_error *err)
{
    bool ok = score_rows(it, err)
        && mls_parallel(it->in->run, strips(it), residual_task, it, err)
        && times_x_transposed(it, &it->residual, &it->gradient, err);

    if (ok)
        add_penalty(it, it->b, &it->gradient);
    return ok;
}

static bool is_penalised(const struct newton *it, int64_t a)
{
    return a % it->in->x->columns < it->in->penalised;
}

/* The entry of least size of the subgradient: with a penalty on sizes a zero
 * may have any slope up to l1. */
static double slope_at(const struct newton *it, int64_t a)
{
    double g = it->gradient.data[a], b = it->b->data[a], l1 = it->in->l1;

    if (l1 == 0 || !is_penalised(it, a))
        return fabs(g);
    return b != 0 ? fabs(g + copysign(l1, b)) : fmax(0, fabs(g) - l1);
}

/* The largest entry of the gradient against the most it could be. */
static double gradient_size(const struct newton *it)
{
    const struct mls_logistic *in = it->in;
    double largest = 0;

    for (int k = 0; k < in->outputs; k++) {
        for (int64_t j = 0; j < in->x->columns; j++) {
            double most = sqrt(in->weight * in->square[j]);
            double g = slope_at(it, j + k * in->x->columns);

            if (most > 0)
                largest = fmax(largest, g / most);
        }
    }
    return largest;
}

/* ---- The step by Cholesky ---- */

/* Two classes, whose entry of the rows' Hessians is to be made. */
struct pair {
    const struct newton *it;
    int k, l;
};

static bool curvature_task(void *context, int64_t task, struct mls_error *err)
{
    const struct pair *pair = context;
    const struct newton *it = pair->it;
    int64_t first = task * MLS_LOGISTIC_STRIP;
    const double *p = it->p.data + first;

    (void)err;
    mls_logistic_softmax_curvature(
        p + pair->k * it->p.stride, p + pair->l * it->p.stride,
        it->in->w ? it->in->w + first : NULL, strip_rows(it, first),
        it->curvature + first);
    return true;
}

/* The block of classes k and l: X' diag(curvature) X, twice unless k = l. */
static bool make_block(struct newton *it, int k, int l, struct mls_error *err)
{
    struct pair pair = { it, k, l };
    int64_t q = it->in->x->columns, size = it->size;
    struct mls_matrix block = { it->hessian.data + k * q + l * q * size, q, q,
                                size };
    double *twin = it->hessian.data + l * q + k * q * size;

    if (!mls_run_go_on(it->in->run, err)
        || !mls_parallel(it->in->run, strips(it), curvature_task, &pair, err)
        || !mls_gram(it->in->run, it->in->x, it->curvature, &block, err)) {
        return false;
    }
    for (int64_t j = 0; k != l && j < q; j++) {
        memcpy(twin + j * size, block.data + j * size,
               (size_t)q * sizeof(double));
    }
    return true;
}

/* What the classes have in common gets a curvature of its own, for the columns
 * from that one on: the mean one of the column, for the scale of it. */
static void add_common(struct newton *it, int64_t from)
{
    int64_t q = it->in->x->columns;
    int outputs = it->in->outputs;

    for (int64_t j = from; j < q; j++) {
        double mean = 0;

        for (int k = 0; k < outputs; k++)
            mean += it->hessian.data[(j + k * q) * (it->size + 1)];
        mean /= (double)outputs * outputs;
        for (int k = 0; k < outputs; k++) {
            for (int l = 0; l < outputs; l++)
                it->hessian.data[j + k * q + (j + l * q) * it->size] += mean;
        }
    }
}

static bool make_hessian(struct newton *it, struct mls_error *err)
{
    const struct mls_logistic *in = it->in;
    int64_t size = it->size;
    double *h = it->hessian.data;
    bool ok = true;

    if (in->outputs == 1)
        ok = mls_gram(in->run, in->x, it->p.data, &it->hessian, err);
    for (int k = 0; ok && in->outputs > 1 && k < in->outputs; k++) {
        for (int l = k; ok && l < in->outputs; l++)
            ok = make_block(it, k, l, err);
    }
    if (!ok)
        return false;
    for (int k = 0; k < in->outputs; k++) {
        for (int64_t j = 0; j < in->penalised; j++)
            h[(j + k * in->x->columns) * (size + 1)] += in->l2;
    }
    return true;
}

/* Scaled on both sides, so that the diagonal is 1. */
static void scale_hessian(struct newton *it)
{
    int64_t size = it->size;
    double *h = it->hessian.data;

    for (int64_t a = 0; a < size; a++) {
        double diagonal = h[a * (size + 1)];

        it->scale[a] = diagonal > 0 ? 1 / sqrt(diagonal) : 1;
    }
    for (int64_t a = 0; a < size; a++) {
        for (int64_t b = 0; b < size; b++)
            h[b + a * size] *= it->scale[a] * it->scale[b];
    }
}

static bool step_by_cholesky(struct newton *it, struct mls_error *err)
{
    static const double extra[] = { 0, 1e-10, 1e-7, 1e-4, 1 };
    int64_t size = it->size;
    struct mls_matrix d = { it->d.data, size, 1, size };
    bool definite = false;
    double condition = 0;

    if (!make_hessian(it, err))
        return false;
    if (it->in->outputs > 1)
        add_common(it, 0);
    scale_hessian(it);
    for (int k = 0; k < 5 && !(definite && condition > SINGULAR); k++) {
        memcpy(it->factor.data, it->hessian.data,
               (size_t)(size * size) * sizeof(double));
        for (int64_t a = 0; a < size; a++)
            it->factor.data[a * (size + 1)] += extra[k];
        if (!mls_cholesky(&it->factor, &definite, &condition, err))
            return false;
    }
    for (int64_t a = 0; a < size; a++)
        d.data[a] = -it->scale[a] * it->gradient.data[a];
    /* Not definite even so: numbers that overflowed.  The caller sees it. */
    if (definite && !mls_cholesky_solve(&it->factor, &d, err))
        return false;
    for (int64_t a = 0; a < size; a++)
        d.data[a] *= it->scale[a];
    it->definite = definite;
    return true;
}

/* The loss of rows left out, from where the step begins.  The Hessian is used
 * up: its inverse takes its place. */
static bool leave_one_out(struct newton *it, double *loss,
                          struct mls_error *err)
{
    const struct mls_logistic *in = it->in;
    int64_t size = it->size;
    double *h = it->hessian.data;
    struct mls_logistic_point at = {
        .run = in->run, .x = in->x, .y = in->y, .w = in->w,
        .outputs = in->outputs, .scores = &it->scores, .moves = &it->moves,
        .residual = &it->residual, .p = &it->p, .inverse = &it->hessian
    };

    *loss = INFINITY;
    if (!it->definite)
        return true;
    memset(h, 0, (size_t)(size * size) * sizeof(double));
    for (int64_t a = 0; a < size; a++)
        h[a * (size + 1)] = 1;
    if (!mls_cholesky_solve(&it->factor, &it->hessian, err))
        return false;
    for (int64_t a = 0; a < size; a++) {
        for (int64_t b = 0; b < size; b++)
            h[b + a * size] *= it->scale[a] * it->scale[b];
    }
    return mls_logistic_loo(&at, loss, err);
}

/* ---- The step by coordinates, with a penalty on sizes ---- */

/* Coefficient a of b + d at its best, the others as they are; product = H d.
 * Returns by how much that lowers the objective, twice. */
static double settle(struct newton *it, int64_t a, double *product)
{
    const double *h = it->hessian.data + a * it->size;
    double *d = it->d.data, l1 = is_penalised(it, a) ? it->in->l1 : 0;
    double before = it->b->data[a] + d[a], target, by;

    if (!(h[a] > 0))
        return 0;
    target = h[a] * before - it->gradient.data[a] - product[a];
    by = copysign(fmax(0, fabs(target) - l1), target) / h[a] - before;
    if (by == 0)
        return 0;
    d[a] = by + before == 0 ? -it->b->data[a] : d[a] + by;
    for (int64_t c = 0; c < it->size; c++)
        product[c] += by * h[c];
    return by * by * h[a];
}

static double sweep(struct newton *it, bool all, double *product)
{
    double largest = 0;

    for (int64_t a = 0; a < it->size; a++) {
        if (all || it->b->data[a] + it->d.data[a] != 0
            || !is_penalised(it, a)) {
            largest = fmax(largest, settle(it, a, product));
        }
    }
    return largest;
}

/*
 * The d of least g'd + d'Hd/2 + l1 |b + d|_1: sweeps over all coefficients,
 * and between them over those that are not zero until these have settled.
 */
static bool step_by_coordinates(struct newton *it, struct mls_error *err)
{
    double *product = it->scale, enough = 0;

    if (!make_hessian(it, err))
        return false;
    /* Else coordinates creep along what only the intercepts have in common. */
    if (it->in->outputs > 1)
        add_common(it, it->in->penalised);
    for (int64_t a = 0; a < it->size; a++)
        product[a] = it->d.data[a] = 0;
    for (int k = 0; k < MOST_SWEEPS; k++) {
        double largest = sweep(it, true, product);

        if (k == 0)
            enough = fmax(SETTLED * largest, NOTHING * fabs(it->objective));
        if (largest <= enough)
            return true;
        for (int l = 0; l < MOST_SWEEPS && largest > enough; l++) {
            if (!mls_run_go_on(it->in->run, err))
                return false;
            largest = sweep(it, false, product);
        }
    }
    return true;
}

/* ---- The step by conjugate gradients ---- */

enum { REST, DIRECTION, PRODUCT, DIAGONAL };

static double dot(const struct mls_matrix *a, const struct mls_matrix *b)
{
    double sum = 0;

    for (int64_t i = 0; i < a->rows * a->columns; i++)
        sum += a->data[i] * b->data[i];
    return sum;
}

/* The diagonal of H for one column of X. */
static bool diagonal_task(void *context, int64_t j, struct mls_error *err)
{
    struct newton *it = context;
    const struct mls_logistic *in = it->in;
    const double *x = in->x->data + j * in->x->stride;

    (void)err;
    for (int k = 0; k < in->outputs; k++) {
        const double *p = it->p.data + k * it->p.stride;
        double sum = j < in->penalised ? in->l2 : 0;

        for (int64_t i = 0; i < in->x->rows; i++) {
            double curvature = in->outputs == 1
                ? p[i]
                : (in->w ? in->w[i] : 1) * p[i] * (1 - p[i]);

            sum += curvature * x[i] * x[i];
        }
        it->cg[DIAGONAL].data[j + k * in->x->columns] = sum > 0 ? sum : 1;
    }
    return true;
}

static bool turn_task(void *context, int64_t task, struct mls_error *err)
{
    struct newton *it = context;
    const struct mls_logistic *in = it->in;
    int64_t first = task * MLS_LOGISTIC_STRIP, count = strip_rows(it, first);
    double *u = it->moves.data + first;
    const double *p = it->p.data + first;

    (void)err;
    if (in->outputs > 1) {
        mls_logistic_softmax_turn(p, it->p.stride, in->outputs,
                                  in->w ? in->w + first : NULL, count, u);
        return true;
    }
    for (int64_t i = 0; i < count; i++)
        u[i] *= p[i];
    return true;
}

/* out = H u. */
static bool times_hessian(struct newton *it, const struct mls_matrix *u,
                          struct mls_matrix *out, struct mls_error *err)
{
    bool ok = times_x(it, u, &it->moves, err)
        && mls_parallel(it->in->run, strips(it), turn_task, it, err)
        && times_x_transposed(it, &it->moves, out, err);

    if (ok)
        add_penalty(it, u, out);
    return ok;
}

/* rest' diagonal^-1 rest. */
static double rest_size(const struct newton *it)
{
    const double *rest = it->cg[REST].data, *diagonal = it->cg[DIAGONAL].data;
    double sum = 0;

    for (int64_t a = 0; a < it->size; a++)
        sum += rest[a] * rest[a] / diagonal[a];
    return sum;
}

/* direction = diagonal^-1 rest + share direction. */
static void next_direction(struct newton *it, double share)
{
    double *direction = it->cg[DIRECTION].data;

    for (int64_t a = 0; a < it->size; a++) {
        direction[a] = it->cg[REST].data[a] / it->cg[DIAGONAL].data[a]
            + share * direction[a];
    }
}

/* As exact as the gradient is small, so that the end is as fast as Newton's.
 * Hestenes & Stiefel (1952), the diagonal as preconditioner. */
static bool step_by_products(struct newton *it, double gradient,
                             struct mls_error *err)
{
    double enough = fmin(0.25, sqrt(gradient)), size, start;

    if (!mls_parallel(it->in->run, it->in->x->columns, diagonal_task, it, err))
        return false;
    for (int64_t a = 0; a < it->size; a++) {
        it->cg[REST].data[a] = -it->gradient.data[a];
        it->cg[DIRECTION].data[a] = 0;
        it->d.data[a] = 0;
    }
    start = size = rest_size(it);
    next_direction(it, 0);
    for (int k = 0; k < MOST_PRODUCTS && size > enough * enough * start; k++) {
        double bend, step, before = size;

        if (!mls_run_go_on(it->in->run, err)
            || !times_hessian(it, &it->cg[DIRECTION], &it->cg[PRODUCT], err))
            return false;
        bend = dot(&it->cg[DIRECTION], &it->cg[PRODUCT]);
        if (!(bend > 0))
            break;
        step = size / bend;
        for (int64_t a = 0; a < it->size; a++) {
            it->d.data[a] += step * it->cg[DIRECTION].data[a];
            it->cg[REST].data[a] -= step * it->cg[PRODUCT].data[a];
        }
        size = rest_size(it);
        next_direction(it, size / before);
    }
    return true;
}

/* ---- Iterations ---- */

/* Takes out what the classes have in common: no probability changes, and no
 * squared penalty grows; one on sizes has an optimum of its own. */
static void take_common(const struct newton *it, struct mls_matrix *b)
{
    int64_t q = b->rows;
    int outputs = it->in->outputs;

    for (int64_t j = it->in->l1 > 0 ? it->in->penalised : 0;
         outputs > 1 && j < q; j++) {
        double mean = 0;

        for (int k = 0; k < outputs; k++)
            mean += b->data[j + k * q];
        mean /= outputs;
        for (int k = 0; k < outputs; k++)
            b->data[j + k * q] -= mean;
    }
}

/* d, X d, and how far d moves a score at most. */
static bool find_step(struct newton *it, double gradient, double *move,
                      struct mls_error *err)
{
    bool ok = it->in->l1 > 0 ? step_by_coordinates(it, err)
        : it->matrix_free    ? step_by_products(it, gradient, err)
                             : step_by_cholesky(it, err);

    if (!ok)
        return false;
    take_common(it, &it->d);
    if (!times_x(it, &it->d, &it->moves, err))
        return false;
    *move = 0;
    for (int64_t i = 0; i < it->moves.rows * it->moves.columns; i++)
        *move = fmax(*move, fabs(it->moves.data[i]));
    return true;
}

/* By how much the penalty on sizes changes with a whole step. */
static double size_change(const struct newton *it)
{
    double sum = 0;

    for (int64_t a = 0; it->in->l1 > 0 && a < it->size; a++) {
        if (is_penalised(it, a)) {
            sum += fabs(it->b->data[a] + it->d.data[a])
                - fabs(it->b->data[a]);
        }
    }
    return it->in->l1 * sum;
}

/* Halves the step until the objective falls as it should (Armijo); a change
 * within the rounding of the sum counts as a fall.  *step is 0 when it never
 * does. */
static bool search_line(struct newton *it, double *step, struct mls_error *err)
{
    double slope = dot(&it->gradient, &it->d) + size_change(it), value;
    double rounding = 1e-13 * fabs(it->objective);

    *step = 1;
    for (int k = 0; slope < 0 && k < HALVINGS; k++, *step /= 2) {
        if (!objective_at(it, true, *step, &value, err))
            return false;
        if (value <= it->objective + 1e-4 * *step * slope + rounding) {
            it->objective = value;
            return true;
        }
    }
    *step = 0;
    return true;
}

static void move_by(struct newton *it, double step)
{
    for (int64_t a = 0; a < it->size; a++)
        it->b->data[a] += step * it->d.data[a];
}

/* One iteration; *done says that it was the last. */
static bool iterate(struct newton *it, struct mls_logistic_result *result,
                    bool *done, struct mls_error *err)
{
    double gradient, move, step;

    if (!evaluate(it, err))
        return false;
    gradient = gradient_size(it);
    if (!find_step(it, gradient, &move, err))
        return false;
    if (it->in->near > 0 && move <= it->in->near) {
        *done = result->converged = true;
        if (!leave_one_out(it, &result->loo_loss, err))
            return false;
        move_by(it, 1);
        return true;
    }
    *done = gradient <= it->in->tolerance && it->in->near == 0;
    if (*done && move <= SMALL_MOVE) {
        result->converged = true;
        move_by(it, 1);
        return true;
    }
    result->separated = *done && it->in->l2 == 0 && it->in->l1 == 0
        && move > LARGE_MOVE;
    *done = result->separated;
    if (*done)
        return true;
    if (!search_line(it, &step, err))
        return false;
    move_by(it, step);
    *done = step == 0;
    result->converged = *done && move <= SMALL_MOVE;
    return true;
}

static bool make_room(struct newton *it, struct mls_error *err)
{
    int64_t n = it->in->x->rows, q = it->in->x->columns, size = it->size;
    int outputs = it->in->outputs;
    bool ok = mls_matrix_new(&it->scores, n, outputs, err)
        && mls_matrix_new(&it->moves, n, outputs, err)
        && mls_matrix_new(&it->residual, n, outputs, err)
        && mls_matrix_new(&it->p, n, outputs, err)
        && mls_matrix_new(&it->gradient, q, outputs, err)
        && mls_matrix_new(&it->d, q, outputs, err);

    for (int k = 0; ok && it->matrix_free && k < 4; k++)
        ok = mls_matrix_new(&it->cg[k], q, outputs, err);
    if (!ok || it->matrix_free)
        return ok;
    it->scale = mls_new(size, sizeof(double), err);
    it->curvature = it->scale ? mls_new_array(n, sizeof(double), err) : NULL;
    return it->curvature && mls_matrix_new(&it->hessian, size, size, err)
        && mls_matrix_new(&it->factor, size, size, err);
}

static void clear(struct newton *it)
{
    for (int k = 0; k < 4; k++)
        mls_free(it->cg[k].data);
    mls_free(it->factor.data);
    mls_free(it->hessian.data);
    mls_free(it->curvature);
    mls_free(it->scale);
    mls_free(it->d.data);
    mls_free(it->gradient.data);
    mls_free(it->p.data);
    mls_free(it->residual.data);
    mls_free(it->moves.data);
    mls_free(it->scores.data);
}

bool mls_logistic_solve(const struct mls_logistic *problem,
                        struct mls_matrix *b,
                        struct mls_logistic_result *result,
                        struct mls_error *err)
{
    struct newton it = { .in = problem, .b = b };
    bool ok, done = false;

    *result = (struct mls_logistic_result){ .loo_loss = NAN };
    it.size = problem->x->columns * problem->outputs;
    it.matrix_free = problem->l1 == 0
        && (problem->matrix_free || it.size > MATRIX_FREE_SIZE);
    ok = make_room(&it, err)
        && score_rows(&it, err)
        && objective_at(&it, false, 0, &it.objective, err);
    done = it.size == 0;
    result->converged = done;
    while (ok && !done && result->iterations < problem->max_iterations) {
        result->iterations++;
        mls_progress(problem->run, "fit", (double)result->iterations, 0);
        ok = mls_run_go_on(problem->run, err)
            && iterate(&it, result, &done, err);
    }
    take_common(&it, b);
    ok = ok && score_rows(&it, err)
        && objective_at(&it, false, 0, &result->objective, err);
    clear(&it);
    return ok;
}
