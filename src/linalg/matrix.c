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
 * The gram matrix has its own file.  A'B is cut as it is there: few columns and
 * many rows into chunks of rows, wide results into tiles.
 */
#include <assert.h>

#include "linalg/blas.h"
#include "linalg/matrix.h"
#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"

enum {
    SQUARE = 64, /* side of what is mirrored at a time */
    TILE = 256,  /* side of a part of a wide A'B */
    ROWS = 256,  /* of every dgemm in a product A B */
    LANES = 8    /* partial sums of a dot product */
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
    for (int64_t jb = 0; jb < m->columns; jb += SQUARE) {
        for (int64_t ib = 0; ib <= jb; ib += SQUARE) {
            for (int64_t j = jb; j < at_most(jb + SQUARE, m->columns); j++) {
                for (int64_t i = ib; i < at_most(ib + SQUARE, j); i++)
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
    const double *about; /* taken from each column of x in A B; NULL: zeros */
    const struct mls_matrix *right;
    struct mls_matrix *c;
    double *out;
    int64_t tiles; /* down A'B */
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

/* Rows as they are not in the table: less what they are taken about, or, the
 * last ones, with zeros after them, because dgemm gives a row other bits when
 * it is called for fewer rows.  copy: room for ROWS rows of both. */
static void multiply_copy(const struct product *p, int64_t first,
                          int64_t count, double *copy)
{
    int64_t inner = p->x->columns, columns = p->right->columns;
    double *c = copy + inner * ROWS;

    for (int64_t j = 0; j < inner; j++) {
        const double *from = p->x->data + first + j * p->x->stride;
        double about = p->about ? p->about[j] : 0;

        for (int64_t i = 0; i < count; i++)
            copy[i + j * ROWS] = from[i] - about;
        for (int64_t i = count; i < ROWS; i++)
            copy[i + j * ROWS] = 0;
    }
    multiply_rows(p, copy, ROWS, c, ROWS);
    for (int64_t j = 0; j < columns; j++) {
        memcpy(p->c->data + first + j * p->c->stride, c + j * ROWS,
               (size_t)count * sizeof(double));
    }
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

    double *copy = NULL;

    if (p->about || (end - first) % ROWS != 0) {
        copy = mls_new_array((p->x->columns + p->right->columns) * ROWS,
                             sizeof(double), err);
        if (!copy)
            return false;
    }
    if (!mls_blas(err)) {
        mls_free(copy);
        return false;
    }
    for (; first < end; first += ROWS) {
        if (p->about || first + ROWS > end) {
            multiply_copy(p, first, at_most(ROWS, end - first), copy);
        } else {
            multiply_rows(p, p->x->data + first, p->x->stride,
                          p->c->data + first, p->c->stride);
        }
    }
    mls_free(copy);
    return true;
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

/* Both ways; true where there is nothing to multiply. */
static bool multiply(const struct mls_run *run, bool transpose_a,
                     struct product *p, struct mls_error *err)
{
    const struct mls_matrix *a = p->x, *b = p->right;

    assert((transpose_a ? a->rows : a->columns) == b->rows);
    assert((transpose_a ? a->columns : a->rows) == p->c->rows);
    assert(b->columns == p->c->columns);
    if (a->rows == 0 || a->columns == 0 || b->columns == 0) {
        fill_zero(p->c);
        return true;
    }
    if (!mls_blas_fits(a->stride, a->columns, err)
        || !mls_blas_fits(b->stride, b->columns, err)
        || !mls_blas_fits(p->c->stride, p->c->columns, err)
        || !(p->blas = mls_blas(err))) {
        return false;
    }
    if (transpose_a)
        return multiply_transposed(run, p, err);
    return mls_parallel(run, pieces(a->rows, rows_of_task(p)), task_gemm, p,
                        err);
}

bool mls_gemm(const struct mls_run *run, bool transpose_a,
              const struct mls_matrix *a, const struct mls_matrix *b,
              struct mls_matrix *c, struct mls_error *err)
{
    struct product p = { .x = a, .right = b, .c = c };

    return multiply(run, transpose_a, &p, err);
}

bool mls_centred_gemm(const struct mls_run *run, const struct mls_centred *in,
                      const struct mls_matrix *b, struct mls_matrix *c,
                      struct mls_error *err)
{
    struct product p = { .x = in->x, .about = in->about, .right = b, .c = c };

    return multiply(run, false, &p, err);
}
