/*
 * The gram matrix, from strips of rows that stay in the second-level cache.
 *
 * Columns are copied into a strip with what they are taken about subtracted;
 * what stands on the right is multiplied by the weights.  (Their square roots
 * on both sides would do for dsyrk, but then a weight of 2 would no longer
 * equal a repeated row.)  Only the upper triangle is made:
 *
 *      columns  0    64   128          narrow (at most 512 columns): each chunk
 *             +----+----+----+         of rows makes all of it, and chunks are
 *             | 0  |    |    |         reduced over the fixed tree; by our own
 *             +----+ 1  | 2  |         loop (gram_strip.c), or, where that does
 *                  |    |    |         not run or pay, by dgemm on blocks of
 *                  +----+    |         columns.
 *                       |    |
 *                       +----+         wide: partial results of chunks would
 *                                      outgrow the table; tiles of 256 x 256
 *                                      are the tasks instead, each adding its
 *                                      strips in order.
 */
#include <assert.h>

#include "linalg/blas.h"
#include "linalg/gram_strip.h"
#include "linalg/matrix.h"
#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"

enum {
    STRIP = 256,     /* rows of one dgemm */
    BLOCK = 64,      /* columns of one, when narrow */
    TILE = 256,      /* and when wide */
    NARROW = 512,    /* columns at most */
    OWN_LOOP = 256,  /* columns at most: the strip has to stay in the cache */
    LANES = 4
};

struct gram {
    const struct mls_blas *blas;
    const struct mls_centred *in;
    int64_t columns;            /* of the result */
    int64_t size;               /* those filled up: the stride of partials */
    bool own;                   /* our own loop */
    struct mls_matrix *out;
    int64_t tiles;              /* down a wide one */
};

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- Strips ---- */

typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));

/* Less what it is taken about, and weighed if w is there.  Inlined, so that w
 * is tested once. */
static inline __attribute__((always_inline)) void
copy_cells(const double *from, double about, const double *w, int64_t count,
           double *to)
{
    int64_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        lanes x = *(const lanes *)(from + i) - about;

        if (w)
            x *= *(const lanes *)(w + i);
        *(lanes *)(to + i) = x;
    }
    for (; i < count; i++)
        to[i] = w ? (from[i] - about) * w[i] : from[i] - about;
}

static void fill_column(const struct mls_centred *in, int64_t j,
                        const double *w, int64_t first, int64_t count,
                        double *to)
{
    int64_t p = in->x->columns;
    const double *from = j < p ? in->x->data + j * in->x->stride : in->y;
    double about = j == p ? in->y_about : j < p && in->about ? in->about[j] : 0;

    if (j > p) {
        for (int64_t i = 0; i < count; i++)
            to[i] = w ? w[first + i] : 1;
        return;
    }
    if (w)
        copy_cells(from + first, about, w + first, count, to);
    else if (about != 0)
        copy_cells(from + first, about, NULL, count, to);
    else
        memcpy(to, from + first, (size_t)count * sizeof(double));
}

/* Columns [j, j + columns) of rows [first, first + count) where dgemm can have
 * them: in the table itself if nothing is to be done, or in scratch. */
static const double *prepare(const struct gram *g, const double *w,
                             int64_t first, int64_t count, int64_t j,
                             int64_t columns, double *scratch, int *stride)
{
    const struct mls_matrix *x = g->in->x;

    if (!w && !g->in->about && j + columns <= x->columns) {
        *stride = (int)x->stride;
        return x->data + first + j * x->stride;
    }
    for (int64_t k = 0; k < columns; k++)
        fill_column(g->in, j + k, w, first, count, scratch + k * STRIP);
    *stride = STRIP;
    return scratch;
}

/* ---- Narrow, by our own loop ---- */

static struct mls_gram_ahead ahead_of(const struct mls_matrix *x,
                                      int64_t first)
{
    return (struct mls_gram_ahead){
        .x = first < x->rows ? x->data + first : NULL,
        .rows = at_most(MLS_GRAM_STRIP, x->rows - first),
        .columns = x->columns, .stride = x->stride
    };
}

/* The rows up to the next multiple of 4 become zeros. */
static void fill_strip(const struct gram *g, const double *w, int64_t first,
                       int64_t count, double *to)
{
    for (int64_t j = 0; j < g->columns; j++, to += MLS_GRAM_STRIP) {
        fill_column(g->in, j, w, first, count, to);
        for (int64_t i = count; i % 4 != 0; i++)
            to[i] = 0;
    }
}

static void add_own(const struct gram *g, int64_t first, int64_t count,
                    double *scratch, double *gram)
{
    double *right = scratch;

    if (g->in->w)
        right += g->size * MLS_GRAM_STRIP;
    for (int64_t end = first + count; first < end; first += MLS_GRAM_STRIP) {
        int64_t rows = at_most(MLS_GRAM_STRIP, end - first);

        fill_strip(g, NULL, first, rows, scratch);
        if (g->in->w)
            fill_strip(g, g->in->w, first, rows, right);
        mls_gram_strip(scratch, right, (rows + 3) / 4 * 4, g->columns, g->size,
                       gram, ahead_of(g->in->x, first + MLS_GRAM_STRIP));
    }
}

/* ---- Narrow, by dgemm ---- */

static void add_blocks(const struct gram *g, int64_t first, int64_t count,
                       double *scratch, double *gram)
{
    const double one = 1;
    const int ldc = (int)g->size;

    for (int64_t end = first + count; first < end; first += STRIP) {
        int rows = (int)at_most(STRIP, end - first), lda, ldb;
        const double *a = prepare(g, NULL, first, rows, 0, g->columns, scratch,
                                  &lda);

        for (int64_t j = 0; j < g->columns; j += BLOCK) {
            int n = (int)at_most(BLOCK, g->columns - j), m = (int)j + n;
            const double *b = a + j * lda;

            ldb = lda;
            if (g->in->w)
                b = prepare(g, g->in->w, first, rows, j, n,
                            scratch + g->columns * STRIP, &ldb);
            g->blas->dgemm("T", "N", &m, &n, &rows, &one, a, &lda, b, &ldb,
                           &one, gram + j * g->size, &ldc);
        }
    }
}

static bool map_gram(void *context, int64_t first, int64_t count, void *partial,
                     struct mls_error *err)
{
    const struct gram *g = context;
    int64_t cells = g->own ? 2 * g->size * MLS_GRAM_STRIP
                           : (g->columns + BLOCK) * STRIP;
    double *scratch = mls_new(cells, sizeof(double), err);

    /* A pool's thread may be here for the first time. */
    if (!scratch || (!g->own && !mls_blas(err))) {
        mls_free(scratch);
        return false;
    }
    (g->own ? add_own : add_blocks)(g, first, count, scratch, partial);
    mls_free(scratch);
    return true;
}

static void fold_gram(void *context, void *into, const void *from)
{
    const struct gram *g = context;
    double *sum = into;
    const double *more = from;

    for (int64_t j = 0; j < g->columns; j++) {
        for (int64_t i = j * g->size; i <= j + j * g->size; i++)
            sum[i] += more[i];
    }
}

static bool gram_narrow(const struct mls_run *run, struct gram *g,
                        struct mls_error *err)
{
    double *whole = mls_new_array(g->size * g->size, sizeof(double), err);
    struct mls_reduce_job job = { .rows = g->in->x->rows,
                                  .chunk_rows = MLS_MATRIX_CHUNK,
                                  .bytes = (size_t)(g->size * g->size)
                                           * sizeof(double),
                                  .map = map_gram,
                                  .fold = fold_gram,
                                  .context = g };
    bool ok = whole && mls_reduce(run, &job, whole, err);

    for (int64_t j = 0; ok && j < g->columns; j++) {
        memcpy(g->out->data + j * g->out->stride, whole + j * g->size,
               (size_t)(j + 1) * sizeof(double));
    }
    mls_free(whole);
    return ok;
}

/* ---- Wide ---- */

static void add_tile(const struct gram *g, int64_t i, int64_t j,
                     double *scratch)
{
    const double one = 1;
    const int ldc = (int)g->out->stride;
    double *c = g->out->data + i + j * g->out->stride;
    int m = (int)at_most(TILE, g->columns - i);
    int n = (int)at_most(TILE, g->columns - j);

    for (int64_t k = 0; k < n; k++)
        memset(c + k * g->out->stride, 0, (size_t)m * sizeof(double));
    for (int64_t first = 0; first < g->in->x->rows; first += STRIP) {
        int rows = (int)at_most(STRIP, g->in->x->rows - first), lda, ldb;
        const double *a = prepare(g, NULL, first, rows, i, m, scratch, &lda);
        const double *b = prepare(g, g->in->w, first, rows, j, n,
                                  scratch + TILE * STRIP, &ldb);

        g->blas->dgemm("T", "N", &m, &n, &rows, &one, a, &lda, b, &ldb, &one,
                       c, &ldc);
    }
}

static bool task_tile(void *context, int64_t task, struct mls_error *err)
{
    const struct gram *g = context;
    int64_t i = task % g->tiles * TILE, j = task / g->tiles * TILE;
    double *scratch;

    if (i > j)
        return true;
    scratch = mls_new_array(2 * TILE * STRIP, sizeof(double), err);
    if (!scratch || !mls_blas(err)) {
        mls_free(scratch);
        return false;
    }
    add_tile(g, i, j, scratch);
    mls_free(scratch);
    return true;
}

/* ---- The whole ---- */

bool mls_centred_gram(const struct mls_run *run, const struct mls_centred *in,
                    struct mls_matrix *gram, struct mls_error *err)
{
    const struct mls_matrix *x = in->x;
    struct gram g = { .in = in, .out = gram };
    bool ok;

    g.columns = x->columns + (in->y ? 2 : 0);
    g.size = (g.columns + MLS_GRAM_PAD - 1) / MLS_GRAM_PAD * MLS_GRAM_PAD;
    g.own = g.columns <= OWN_LOOP && mls_gram_strip_runs();
    assert(gram->rows == g.columns && gram->columns == g.columns);
    if (x->rows == 0 || g.columns == 0) {
        for (int64_t j = 0; j < g.columns; j++) {
            memset(gram->data + j * gram->stride, 0,
                   (size_t)gram->rows * sizeof(double));
        }
        return true;
    }
    if (!mls_blas_fits(x->stride, x->columns, err)
        || !mls_blas_fits(gram->stride, gram->columns, err)
        || (!g.own && !(g.blas = mls_blas(err)))) {
        return false;
    }
    if (g.columns <= NARROW) {
        ok = gram_narrow(run, &g, err);
    } else {
        g.tiles = (g.columns + TILE - 1) / TILE;
        ok = mls_parallel(run, g.tiles * g.tiles, task_tile, &g, err);
    }
    if (ok)
        mls_matrix_mirror(gram);
    return ok;
}

bool mls_gram(const struct mls_run *run, const struct mls_matrix *x,
              const double *w, struct mls_matrix *gram, struct mls_error *err)
{
    struct mls_centred in = { .x = x, .w = w };

    return mls_centred_gram(run, &in, gram, err);
}
