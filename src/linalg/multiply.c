/*
 * Products on the calling thread, and single precision by all threads.
 *
 * A tile of C is made by one call over the whole inner side, and is as large
 * as two things allow: OpenBLAS packs what it reads, an effort that is shared
 * by the other side of the tile; and there should be some tiles for each
 * thread.  So C is halved along its longer side until there are enough pieces
 * or they are small: by the shape alone.
 */
#include <assert.h>
#include <limits.h>

#include "linalg/blas.h"
#include "linalg/multiply.h"
#include "base/threads.h"

enum {
    PIECES = 8,    /* enough for a few threads */
    SMALL = 512,   /* a side that is not worth halving */
    ROUND = 16     /* sides of tiles are multiples of it: whole registers */
};

bool mls_multiply_ready(struct mls_error *err)
{
    return mls_blas(err) != NULL;
}

/* What mls_multiply_ready has opened. */
static const struct mls_blas *blas_at_hand(void)
{
    struct mls_error unused;
    const struct mls_blas *blas = mls_blas(&unused);

    assert(blas);
    return blas;
}

void mls_multiply(const struct mls_product *p, const double *a,
                  const double *b, double *c)
{
    const double one = 1, beta = p->add ? 1 : 0;
    int m = (int)p->rows, n = (int)p->columns, k = (int)p->inner;
    int lda = (int)p->a_stride, ldb = (int)p->b_stride, ldc = (int)p->c_stride;

    blas_at_hand()->dgemm(p->transpose_a ? "T" : "N",
                          p->transpose_b ? "T" : "N", &m, &n, &k, &one, a,
                          &lda, b, &ldb, &beta, c, &ldc);
}

void mls_multiply_floats(const struct mls_product *p, const float *a,
                         const float *b, float *c)
{
    const float one = 1, beta = p->add ? 1 : 0;
    int m = (int)p->rows, n = (int)p->columns, k = (int)p->inner;
    int lda = (int)p->a_stride, ldb = (int)p->b_stride, ldc = (int)p->c_stride;

    blas_at_hand()->sgemm(p->transpose_a ? "T" : "N",
                          p->transpose_b ? "T" : "N", &m, &n, &k, &one, a,
                          &lda, b, &ldb, &beta, c, &ldc);
}

/* ---- By all threads ---- */

struct tiles {
    const struct mls_product *product;
    const float *a, *b;
    float *c;
    int64_t rows, columns;      /* of a tile; the last ones may have fewer */
    int64_t down, across;
};

static int64_t half(int64_t side)
{
    return ((side + 1) / 2 + ROUND - 1) / ROUND * ROUND;
}

static void cut(struct tiles *t)
{
    t->rows = t->product->rows;
    t->columns = t->product->columns;
    for (int64_t count = 1; count < PIECES; count *= 2) {
        if (t->rows <= SMALL && t->columns <= SMALL)
            break;
        if (t->rows >= t->columns)
            t->rows = half(t->rows);
        else
            t->columns = half(t->columns);
    }
    t->down = (t->product->rows + t->rows - 1) / t->rows;
    t->across = (t->product->columns + t->columns - 1) / t->columns;
}

static bool task_tile(void *context, int64_t task, struct mls_error *err)
{
    const struct tiles *t = context;
    struct mls_product p = *t->product;
    int64_t i = task % t->down * t->rows, j = task / t->down * t->columns;

    if (!mls_multiply_ready(err))
        return false;
    if (p.rows - i < t->rows)
        p.rows -= i;
    else
        p.rows = t->rows;
    if (p.columns - j < t->columns)
        p.columns -= j;
    else
        p.columns = t->columns;
    mls_multiply_floats(&p, t->a + (p.transpose_a ? i * p.a_stride : i),
                        t->b + (p.transpose_b ? j : j * p.b_stride),
                        t->c + i + j * p.c_stride);
    return true;
}

bool mls_multiply_all_floats(const struct mls_run *run,
                             const struct mls_product *product,
                             const float *a, const float *b, float *c,
                             struct mls_error *err)
{
    struct tiles t = { .product = product, .a = a, .b = b, .c = c };

    if (!mls_blas_fits(product->a_stride, product->b_stride, err)
        || !mls_blas_fits(product->c_stride, product->inner, err)
        || !mls_blas_fits(product->rows, product->columns, err)) {
        return false;
    }
    if (product->rows == 0 || product->columns == 0)
        return true;
    cut(&t);
    return mls_parallel(run, t.down * t.across, task_tile, &t, err);
}
