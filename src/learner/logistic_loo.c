/*
 * Leave one out without fitting again.
 *
 * Leaving out u units of weight of row i takes u r_i x_i from the gradient g
 * and u c_i x_i x_i' from the Hessian H (r_i = p_i - y_i, c_i = p_i (1 - p_i)).
 * By Sherman & Morrison the Newton step of what is left, -(H - u c x x')^-1
 * (g - u r x), moves the score of row i by
 *
 *      (m_i + u q_i r_i) / (1 - u c_i q_i)        q_i = x_i' H^-1 x_i
 *
 * where m_i = -x_i' H^-1 g is what the next step of the whole moves it.  With
 * several classes q_i and c_i are matrices of classes x classes, and it is
 *
 *      (1 - u Q_i C_i)^-1 (m_i + u Q_i r_i)       C_i = diag(p_i) - p_i p_i'
 *
 * What was added to H for the direction that classes have in common
 * (logistic_solve.c) adds a multiple of 11' to Q, and C 1 = 0, 1'r = 0: it
 * cancels.
 *
 * A weight counts rows, so u is 1: a row of weight 2 is two rows of which one
 * is left out, and gives what those give (as in ridge_loo.c).
 *
 * Q is made for a block of rows and one pair of classes at a time, by a matrix
 * product: (X H^-1_kl) times X, summed over the columns.
 */
#include "learner/logistic_loo.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"
#include "learner/logistic_newton.h"

enum { STRIP = MLS_LOGISTIC_STRIP, MOST = MLS_LOO_OUTPUTS, BLOCK = 16384 };

struct block {
    const struct mls_logistic_point *at;
    int64_t first, rows;
    struct mls_matrix x;        /* rows x q */
    struct mls_matrix product;  /* rows x q: X H^-1_kl */
    struct mls_matrix lever;    /* rows x pairs: (0, 0) (0, 1) .. (1, 1) .. */
    int64_t pair;               /* the one that is being made */
};

/* ---- Levers ---- */

static bool lever_task(void *context, int64_t task, struct mls_error *err)
{
    const struct block *b = context;
    int64_t first = task * STRIP, left = b->rows - first;
    int64_t count = left < STRIP ? left : STRIP;
    double *lever = b->lever.data + first + b->pair * b->lever.stride;

    (void)err;
    memset(lever, 0, (size_t)count * sizeof(double));
    for (int64_t j = 0; j < b->x.columns; j++) {
        const double *x = b->x.data + first + j * b->x.stride;
        const double *z = b->product.data + first + j * b->product.stride;

        for (int64_t i = 0; i < count; i++)
            lever[i] += x[i] * z[i];
    }
    return true;
}

static bool make_levers(struct block *b, struct mls_error *err)
{
    const struct mls_logistic_point *at = b->at;
    const struct mls_matrix *h = at->inverse;
    int64_t q = b->x.columns;

    b->pair = 0;
    for (int k = 0; k < at->outputs; k++) {
        for (int l = k; l < at->outputs; l++, b->pair++) {
            struct mls_matrix part = { h->data + k * q + l * q * h->stride, q,
                                       q, h->stride };

            if (!mls_run_go_on(at->run, err)
                || !mls_gemm(at->run, false, &b->x, &part, &b->product, err)
                || !mls_parallel(at->run, (b->rows + STRIP - 1) / STRIP,
                                 lever_task, b, err)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- Scores without the own row ---- */

/* x = a^-1 x for a of size rows of MOST, by elimination with pivots. */
static void eliminate(double a[MOST][MOST], double *x, int size)
{
    for (int k = 0; k < size; k++) {
        int best = k;
        double pivot;

        for (int i = k + 1; i < size; i++)
            best = fabs(a[i][k]) > fabs(a[best][k]) ? i : best;
        for (int j = k; best != k && j < size; j++) {
            double swap = a[k][j];

            a[k][j] = a[best][j];
            a[best][j] = swap;
        }
        if (best != k) {
            double swap = x[k];

            x[k] = x[best];
            x[best] = swap;
        }
        pivot = fabs(a[k][k]) > DBL_EPSILON ? a[k][k] : DBL_EPSILON;
        for (int i = k + 1; i < size; i++) {
            double share = a[i][k] / pivot;

            for (int j = k; j < size; j++)
                a[i][j] -= share * a[k][j];
            x[i] -= share * x[k];
        }
        a[k][k] = pivot;
    }
    for (int k = size - 1; k >= 0; k--) {
        for (int j = k + 1; j < size; j++)
            x[k] -= a[k][j] * x[j];
        x[k] /= a[k][k];
    }
}

/* What row i of the block scores: outputs values STRIP apart. */
static void leave_out(const struct block *b, int64_t i, double *score)
{
    const struct mls_logistic_point *at = b->at;
    int64_t row = b->first + i, pair = 0;
    int size = at->outputs;
    double q[MOST][MOST], a[MOST][MOST], p[MOST], x[MOST];
    double weight = at->w ? at->w[row] : 1, unit = fmin(weight, 1);

    for (int k = 0; k < size; k++) {
        p[k] = at->p->data[row + k * at->p->stride];
        x[k] = at->moves->data[row + k * at->moves->stride];
        for (int l = k; l < size; l++, pair++)
            q[k][l] = q[l][k] = b->lever.data[i + pair * b->lever.stride];
    }
    for (int k = 0; k < size; k++) {
        double mean = 0;

        for (int l = 0; l < size; l++) {
            mean += q[k][l] * p[l];
            x[k] += unit / weight * q[k][l]
                * at->residual->data[row + l * at->residual->stride];
        }
        for (int l = 0; l < size; l++)
            a[k][l] = (k == l) - unit * p[l] * (q[k][l] - mean);
    }
    eliminate(a, x, size);
    for (int k = 0; k < size; k++)
        score[k * STRIP] = at->scores->data[row + k * at->scores->stride]
            + x[k];
}

static double leave_out_binary(const struct block *b, int64_t i)
{
    const struct mls_logistic_point *at = b->at;
    int64_t row = b->first + i;
    double weight = at->w ? at->w[row] : 1, share = fmin(weight, 1) / weight;
    double q = b->lever.data[i];
    double left = fmax(1 - share * at->p->data[row] * q, DBL_EPSILON);

    return at->scores->data[row]
        + (at->moves->data[row] + share * q * at->residual->data[row]) / left;
}

static double strip_loss(const struct block *b, int64_t first, int64_t count,
                         double *score)
{
    const struct mls_logistic_point *at = b->at;
    const double *y = at->y + b->first + first;
    const double *w = at->w ? at->w + b->first + first : NULL;

    for (int64_t i = 0; i < count; i++) {
        if (at->outputs == 1)
            score[i] = leave_out_binary(b, first + i);
        else
            leave_out(b, first + i, score + i);
    }
    return at->outputs == 1
        ? mls_logistic_binary_loss(score, NULL, 0, y, w, count)
        : mls_logistic_softmax_loss(score, NULL, 0, STRIP, at->outputs, y, w,
                                    count);
}

static bool map_loss(void *context, int64_t first, int64_t count,
                     void *partial, struct mls_error *err)
{
    const struct block *b = context;
    double *sum = partial;
    double *score = mls_new_array((int64_t)STRIP * b->at->outputs,
                                  sizeof(double), err);

    if (!score)
        return false;
    for (int64_t end = first + count; first < end; first += STRIP) {
        int64_t rows = end - first < STRIP ? end - first : STRIP;

        *sum += strip_loss(b, first, rows, score);
    }
    mls_free(score);
    return true;
}

static void fold_loss(void *context, void *into, const void *from)
{
    (void)context;
    *(double *)into += *(const double *)from;
}

bool mls_logistic_loo(const struct mls_logistic_point *at, double *loss,
                      struct mls_error *err)
{
    int64_t n = at->x->rows, q = at->x->columns;
    int64_t room = n < BLOCK ? n : BLOCK;
    struct block b = { .at = at };
    bool ok = mls_matrix_new(&b.product, room, q, err)
        && mls_matrix_new(&b.lever, room,
                          (int64_t)at->outputs * (at->outputs + 1) / 2, err);

    *loss = 0;
    for (; ok && b.first < n; b.first += BLOCK) {
        struct mls_reduce_job job = {
            .chunk_rows = STRIP, .bytes = sizeof(double), .map = map_loss,
            .fold = fold_loss, .context = &b
        };
        double sum = 0;

        job.rows = b.rows = n - b.first < BLOCK ? n - b.first : BLOCK;
        b.x = (struct mls_matrix){ at->x->data + b.first, b.rows, q,
                                   at->x->stride };
        b.product.rows = b.rows;
        ok = make_levers(&b, err) && mls_reduce(at->run, &job, &sum, err);
        *loss += sum;
    }
    mls_free(b.lever.data);
    mls_free(b.product.data);
    return ok;
}
