/*
 * Products of dense matrices.
 *
 * What is bound by memory (a matrix times a vector) is done by loops of our
 * own, because BLAS promises no order of summation: here a row of X b has the
 * same bits wherever the row stands, and X' r the same on every processor.
 * What is bound by arithmetic (gram, gemm) is cut into dgemm calls whose shapes
 * depend on the data alone; A B into calls of one shape, the last rows filled
 * up, since dgemm's edges round otherwise than its middle: of 17 rows, 0.3.21
 * for AVX-512 gives the last one other bits than it has among 256.
 *
 * The gram matrix is made from strips of 256 rows, which with the weights
 * multiplied in stay in the second-level cache, and only from its upper
 * triangle, by blocks of columns:
 *
 *      columns  0    64   128          narrow (at most 512 columns): each chunk
 *             +----+----+----+         of rows makes all blocks, and chunks are
 *             | 0  |    |    |         reduced over the fixed tree.
 *             +----+ 1  | 2  |
 *                  |    |    |         wide: partial results of chunks would
 *                  +----+    |         outgrow the table; tiles of 256 x 256
 *                       |    |         are the tasks instead, each adding its
 *                       +----+         strips in order.
 *
 * A'B is cut in the same two ways: few columns and many rows into chunks of
 * rows, wide results into tiles.
 *
 * dsyrk would need no blocks, but takes no weights: their square roots would
 * have to go in, and a weight of 2 would no longer equal a repeated row.
 */
#include <assert.h>

#include "linalg/blas.h"
#include "linalg/matrix.h"
#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"

enum {
    STRIP = 256,  /* rows of one dgemm in a gram matrix */
    BLOCK = 64,   /* columns of one, when narrow */
    TILE = 256,   /* and when wide */
    NARROW = 512, /* columns at most */
    ROWS = 256,   /* of every dgemm in a product A B */
    LANES = 8     /* partial sums of a dot product */
};

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool mls_matrix_new(struct mls_matrix *m, int64_t rows, int64_t columns,
                    struct mls_error *err)
{
    double *data;

    assert(rows >= 0 && columns >= 0);
    if (!mls_blas_fits(rows, columns, err))
        return false;
    data = mls_new(rows * columns, sizeof(double), err);
    if (!data) {
        char what[80];

        snprintf(what, sizeof(what), "cells of a %lld x %lld matrix",
                 (long long)rows, (long long)columns);
        return mls_fail_memory(err, (size_t)(rows * columns), sizeof(double),
                               what);
    }
    *m = (struct mls_matrix){ data, rows, columns, rows };
    return true;
}

/* By squares, so that neither triangle is walked across its columns. */
void mls_matrix_mirror(struct mls_matrix *m)
{
    for (int64_t jb = 0; jb < m->columns; jb += BLOCK) {
        for (int64_t ib = 0; ib <= jb; ib += BLOCK) {
            for (int64_t j = jb; j < at_most(jb + BLOCK, m->columns); j++) {
                for (int64_t i = ib; i < at_most(ib + BLOCK, j); i++)
                    m->data[j + i * m->stride] = m->data[i + j * m->stride];
            }
        }
    }
}

static void fill_zero(struct mls_matrix *m)
{
    for (int64_t j = 0; j < m->columns; j++)
        memset(m->data + j * m->stride, 0, (size_t)m->rows * sizeof(double));
}

static void fold_sum(double *into, const double *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        into[i] += from[i];
}

/* ---- A matrix and a vector ---- */

typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Eight partial sums in a fixed order, as pairs that every instruction level
 * adds alike. */
static double dot(const double *a, const double *b, int64_t n)
{
    pair s0 = { 0, 0 }, s1 = { 0, 0 }, s2 = { 0, 0 }, s3 = { 0, 0 };
    double tail = 0;
    int64_t i;

    for (i = 0; i + LANES <= n; i += LANES) {
        s0 += *(const pair *)(a + i) * *(const pair *)(b + i);
        s1 += *(const pair *)(a + i + 2) * *(const pair *)(b + i + 2);
        s2 += *(const pair *)(a + i + 4) * *(const pair *)(b + i + 4);
        s3 += *(const pair *)(a + i + 6) * *(const pair *)(b + i + 6);
    }
    for (; i < n; i++)
        tail += a[i] * b[i];
    s0 = (s0 + s1) + (s2 + s3);
    return s0[0] + s0[1] + tail;
}

/* What a task or a map needs to know; each product uses some of it. */
struct product {
    const struct mls_blas *blas;
    const struct mls_matrix *x;
    const double *w, *r; /* NULL: ones */
    const double *b;     /* a coefficient for each column of x */
    const struct mls_matrix *right;
    struct mls_matrix *c;
    double *out;
    int64_t tiles; /* down a wide gram matrix, or down A'B */
};

static bool map_transposed(void *context, int64_t first, int64_t count,
                           void *partial, struct mls_error *err)
{
    const struct product *p = context;
    double factor[MLS_MATRIX_CHUNK];
    double *out = partial;

    (void)err;
    for (int64_t i = 0; i < count; i++) {
        factor[i] = (p->w ? p->w[first + i] : 1) * (p->r ? p->r[first + i] : 1);
    }
    for (int64_t j = 0; j < p->x->columns; j++)
        out[j] = dot(p->x->data + first + j * p->x->stride, factor, count);
    return true;
}

static void fold_columns(void *context, void *into, const void *from)
{
    const struct product *p = context;

    fold_sum(into, from, p->x->columns);
}

bool mls_gemv_transposed(const struct mls_run *run, const struct mls_matrix *x,
                         const double *w, const double *r, double *out,
                         struct mls_error *err)
{
    struct product p = { .x = x, .w = w, .r = r };
    struct mls_reduce_job job = { .rows = x->rows,
                                  .chunk_rows = MLS_MATRIX_CHUNK,
                                  .bytes = (size_t)x->columns * sizeof(double),
                                  .map = map_transposed,
                                  .fold = fold_columns,
                                  .context = &p };

    return x->columns == 0 || mls_reduce(run, &job, out, err);
}

bool mls_column_sums(const struct mls_run *run, const struct mls_matrix *x,
                     const double *w, double *out, struct mls_error *err)
{
    return mls_gemv_transposed(run, x, w, NULL, out, err);
}

/* Four columns a pass, added one after the other: the order of the sum is that
 * of the columns for each row, so a row's result knows no other row. */
static void combine_columns(const struct mls_matrix *x, const double *b,
                            int64_t first, int64_t count, double *out)
{
    const double *column = x->data + first;
    int64_t j;

    memset(out, 0, (size_t)count * sizeof(double));
    for (j = 0; j + 4 <= x->columns; j += 4, column += 4 * x->stride) {
        const double *c1 = column + x->stride, *c2 = c1 + x->stride;
        const double *c3 = c2 + x->stride;

        int64_t i;

        for (i = 0; i + 2 <= count; i += 2) {
            pair s = *(const pair *)(out + i);

            s = s + *(const pair *)(column + i) * b[j];
            s = s + *(const pair *)(c1 + i) * b[j + 1];
            s = s + *(const pair *)(c2 + i) * b[j + 2];
            *(pair *)(out + i) = s + *(const pair *)(c3 + i) * b[j + 3];
        }
        if (i < count) {
            out[i] = out[i] + column[i] * b[j] + c1[i] * b[j + 1]
                     + c2[i] * b[j + 2] + c3[i] * b[j + 3];
        }
    }
    for (; j < x->columns; j++, column += x->stride) {
        for (int64_t i = 0; i < count; i++)
            out[i] += column[i] * b[j];
    }
}

static bool task_gemv(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int64_t first = task * MLS_MATRIX_CHUNK;
    double sum[MLS_MATRIX_CHUNK];
    int64_t count = at_most(MLS_MATRIX_CHUNK, p->x->rows - first);

    (void)err;
    combine_columns(p->x, p->b, first, count, sum);
    memcpy(p->out + first, sum, (size_t)count * sizeof(double));
    return true;
}

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

bool mls_gemv(const struct mls_run *run, const struct mls_matrix *x,
              const double *b, double *out, struct mls_error *err)
{
    struct product p = { .x = x, .b = b, .out = out };

    return mls_parallel(run, pieces(x->rows, MLS_MATRIX_CHUNK), task_gemv, &p,
                        err);
}

/* ---- The gram matrix ---- */

/* A rectangle of it: these columns of X against those. */
struct rectangle {
    int64_t i, i_count;
    int64_t j, j_count;
};

/* to = diag(w) X for some rows and columns, packed. */
static void weigh(const struct mls_matrix *x, const double *w, int64_t first,
                  int64_t count, int64_t j, int64_t j_count, double *to)
{
    for (int64_t k = 0; k < j_count; k++, to += count) {
        const double *column = x->data + first + (j + k) * x->stride;

        for (int64_t i = 0; i < count; i++)
            to[i] = w[first + i] * column[i];
    }
}

/* Adds rows [first, first + count) to a rectangle of the gram matrix, which
 * starts at c.  scratch: STRIP x j_count, used with weights only. */
static void add_strips(const struct product *p, struct rectangle at,
                       int64_t first, int64_t count, double *scratch, double *c,
                       int64_t c_stride)
{
    const struct mls_matrix *x = p->x;
    const double one = 1;
    int m = (int)at.i_count, n = (int)at.j_count;
    int ldx = (int)x->stride, ldc = (int)c_stride;

    for (int64_t end = first + count; first < end; first += STRIP) {
        int k = (int)at_most(STRIP, end - first);
        const double *right = x->data + first + at.j * x->stride;

        if (p->w) {
            weigh(x, p->w, first, k, at.j, at.j_count, scratch);
            right = scratch;
        }
        p->blas->dgemm("T", "N", &m, &n, &k, &one,
                       x->data + first + at.i * x->stride, &ldx, right,
                       p->w ? &k : &ldx, &one, c, &ldc);
    }
}

static double *new_scratch(const struct product *p, int64_t columns,
                           struct mls_error *err)
{
    /* Without weights nothing is written: any address but NULL will do. */
    int64_t rows = p->w ? at_most(STRIP, p->x->rows) : 0;

    return mls_new_array(rows * at_most(columns, p->x->columns), sizeof(double),
                         err);
}

static bool map_gram(void *context, int64_t first, int64_t count, void *partial,
                     struct mls_error *err)
{
    const struct product *p = context;
    int64_t columns = p->x->columns;
    double *gram = partial;
    double *scratch = new_scratch(p, BLOCK, err);

    /* A pool's thread may be here for the first time. */
    if (!scratch || !mls_blas(err)) {
        mls_free(scratch);
        return false;
    }
    for (int64_t j = 0; j < columns; j += BLOCK) {
        int64_t j_count = at_most(BLOCK, columns - j);
        struct rectangle at = { 0, j + j_count, j, j_count };

        add_strips(p, at, first, count, scratch, gram + j * columns, columns);
    }
    mls_free(scratch);
    return true;
}

static void fold_gram(void *context, void *into, const void *from)
{
    const struct product *p = context;

    fold_sum(into, from, p->x->columns * p->x->columns);
}

static bool gram_narrow(const struct mls_run *run, struct product *p,
                        struct mls_error *err)
{
    int64_t columns = p->x->columns;
    double *whole = mls_new_array(columns * columns, sizeof(double), err);
    struct mls_reduce_job job = { .rows = p->x->rows,
                                  .chunk_rows = MLS_MATRIX_CHUNK,
                                  .bytes = (size_t)(columns * columns)
                                           * sizeof(double),
                                  .map = map_gram,
                                  .fold = fold_gram,
                                  .context = p };
    bool ok = whole && mls_reduce(run, &job, whole, err);

    for (int64_t j = 0; ok && j < columns; j++) {
        memcpy(p->c->data + j * p->c->stride, whole + j * columns,
               (size_t)columns * sizeof(double));
    }
    mls_free(whole);
    return ok;
}

static bool task_tile(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int64_t i = task % p->tiles * TILE, j = task / p->tiles * TILE;
    int64_t columns = p->x->columns, stride = p->c->stride;
    struct rectangle at = { i, at_most(TILE, columns - i), j,
                            at_most(TILE, columns - j) };
    double *scratch, *c = p->c->data + i + j * stride;

    if (i > j)
        return true;
    scratch = new_scratch(p, TILE, err);
    if (!scratch || !mls_blas(err)) {
        mls_free(scratch);
        return false;
    }
    for (int64_t k = 0; k < at.j_count; k++)
        memset(c + k * stride, 0, (size_t)at.i_count * sizeof(double));
    add_strips(p, at, 0, p->x->rows, scratch, c, stride);
    mls_free(scratch);
    return true;
}

bool mls_gram(const struct mls_run *run, const struct mls_matrix *x,
              const double *w, struct mls_matrix *gram, struct mls_error *err)
{
    struct product p = { .x = x, .w = w, .c = gram };
    bool ok;

    assert(gram->rows == x->columns && gram->columns == x->columns);
    if (x->rows == 0 || x->columns == 0) {
        fill_zero(gram);
        return true;
    }
    if (!mls_blas_fits(x->stride, x->columns, err)
        || !mls_blas_fits(gram->stride, gram->columns, err)
        || !(p.blas = mls_blas(err))) {
        return false;
    }
    if (x->columns <= NARROW) {
        ok = gram_narrow(run, &p, err);
    } else {
        p.tiles = pieces(x->columns, TILE);
        ok = mls_parallel(run, p.tiles * p.tiles, task_tile, &p, err);
    }
    if (ok)
        mls_matrix_mirror(gram);
    return ok;
}

/* ---- Matrix times matrix ---- */

/* ROWS rows of the product. */
static void multiply_rows(const struct product *p, const double *a,
                          int64_t a_stride, double *c, int64_t c_stride)
{
    const double one = 1, zero = 0;
    const int m = ROWS;
    int n = (int)p->right->columns, k = (int)p->x->columns;
    int lda = (int)a_stride, ldb = (int)p->right->stride, ldc = (int)c_stride;

    p->blas->dgemm("N", "N", &m, &n, &k, &one, a, &lda, p->right->data, &ldb,
                   &zero, c, &ldc);
}

/* The last rows, by a copy of which the rest is zeros: dgemm gives a row other
 * bits when it is called for fewer rows. */
static bool multiply_few(const struct product *p, int64_t first, int64_t count,
                         struct mls_error *err)
{
    int64_t inner = p->x->columns, columns = p->right->columns;
    double *a = mls_new((inner + columns) * ROWS, sizeof(double), err);
    double *c = a ? a + inner * ROWS : NULL;

    if (!a)
        return false;
    for (int64_t j = 0; j < inner; j++) {
        memcpy(a + j * ROWS, p->x->data + first + j * p->x->stride,
               (size_t)count * sizeof(double));
    }
    multiply_rows(p, a, ROWS, c, ROWS);
    for (int64_t j = 0; j < columns; j++) {
        memcpy(p->c->data + first + j * p->c->stride, c + j * ROWS,
               (size_t)count * sizeof(double));
    }
    mls_free(a);
    return true;
}

/* Rows of a task: enough work to be worth one.  No bit depends on it, since
 * each row stands alone. */
static int64_t rows_of_task(const struct product *p)
{
    return p->x->columns * p->right->columns < 4096 ? MLS_MATRIX_CHUNK : ROWS;
}

static bool task_gemm(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int64_t first = task * rows_of_task(p);
    int64_t end = at_most(first + rows_of_task(p), p->x->rows);

    if (!mls_blas(err))
        return false;
    for (; first + ROWS <= end; first += ROWS) {
        multiply_rows(p, p->x->data + first, p->x->stride, p->c->data + first,
                      p->c->stride);
    }
    return first == end || multiply_few(p, first, end - first, err);
}

static bool map_gemm(void *context, int64_t first, int64_t count, void *partial,
                     struct mls_error *err)
{
    const struct product *p = context;
    const double one = 1, zero = 0;
    int m = (int)p->x->columns, n = (int)p->right->columns, k = (int)count;
    int lda = (int)p->x->stride, ldb = (int)p->right->stride;

    if (!mls_blas(err))
        return false;
    p->blas->dgemm("T", "N", &m, &n, &k, &one, p->x->data + first, &lda,
                   p->right->data + first, &ldb, &zero, partial, &m);
    return true;
}

static void fold_gemm(void *context, void *into, const void *from)
{
    const struct product *p = context;

    fold_sum(into, from, p->x->columns * p->right->columns);
}

static bool gemm_transposed(const struct mls_run *run, struct product *p,
                            struct mls_error *err)
{
    int64_t rows = p->x->columns, columns = p->right->columns;
    double *whole = mls_new_array(rows * columns, sizeof(double), err);
    struct mls_reduce_job job = { .rows = p->x->rows,
                                  .chunk_rows = MLS_MATRIX_CHUNK,
                                  .bytes =
                                      (size_t)(rows * columns) * sizeof(double),
                                  .map = map_gemm,
                                  .fold = fold_gemm,
                                  .context = p };
    bool ok = whole && mls_reduce(run, &job, whole, err);

    for (int64_t j = 0; ok && j < columns; j++) {
        memcpy(p->c->data + j * p->c->stride, whole + j * rows,
               (size_t)rows * sizeof(double));
    }
    mls_free(whole);
    return ok;
}

/* A TILE x TILE part of A'B, over all rows shared. */
static bool task_gemm_tile(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    const double one = 1, zero = 0;
    int64_t i = task % p->tiles * TILE, j = task / p->tiles * TILE;
    int m = (int)at_most(TILE, p->x->columns - i);
    int n = (int)at_most(TILE, p->right->columns - j), k = (int)p->x->rows;
    int lda = (int)p->x->stride, ldb = (int)p->right->stride;
    int ldc = (int)p->c->stride;

    if (!mls_blas(err))
        return false;
    p->blas->dgemm("T", "N", &m, &n, &k, &one, p->x->data + i * p->x->stride,
                   &lda, p->right->data + j * p->right->stride, &ldb, &zero,
                   p->c->data + i + j * p->c->stride, &ldc);
    return true;
}

/* Of the two ways to cut A'B, by rows shared and by tiles of the result, the
 * one with more pieces: a choice by shapes alone. */
static bool multiply_transposed(const struct mls_run *run, struct product *p,
                                struct mls_error *err)
{
    int64_t across = pieces(p->right->columns, TILE);

    p->tiles = pieces(p->x->columns, TILE);
    if (p->tiles * across <= pieces(p->x->rows, MLS_MATRIX_CHUNK))
        return gemm_transposed(run, p, err);
    return mls_parallel(run, p->tiles * across, task_gemm_tile, p, err);
}

bool mls_gemm(const struct mls_run *run, bool transpose_a,
              const struct mls_matrix *a, const struct mls_matrix *b,
              struct mls_matrix *c, struct mls_error *err)
{
    struct product p = { .x = a, .right = b, .c = c };

    assert((transpose_a ? a->rows : a->columns) == b->rows);
    assert((transpose_a ? a->columns : a->rows) == c->rows);
    assert(b->columns == c->columns);
    if (a->rows == 0 || a->columns == 0 || b->columns == 0) {
        fill_zero(c);
        return true;
    }
    if (!mls_blas_fits(a->stride, a->columns, err)
        || !mls_blas_fits(b->stride, b->columns, err)
        || !mls_blas_fits(c->stride, c->columns, err)
        || !(p.blas = mls_blas(err))) {
        return false;
    }
    if (transpose_a)
        return multiply_transposed(run, &p, err);
    return mls_parallel(run, pieces(a->rows, rows_of_task(&p)), task_gemm, &p,
                        err);
}
