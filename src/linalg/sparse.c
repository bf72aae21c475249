/*
 * Products of sparse rows.
 *
 * A reduction over chunks pays for its partial results: they are zeroed, and
 * folded.  With a million hashed columns and fifty entries a row, chunks of
 * 2,048 rows would spend their time on partials that are nearly all zeros.  So
 * a chunk grows, by doubling, until it holds as many entries as its partial
 * has values.  For a gram matrix that is no use once it is wide; there the
 * tasks are bands of its columns, and each reads all rows:
 *
 *      columns  0   64  128 ...        an entry pair (i, j), i <= j, of a row
 *             +----+----+              belongs to the band of j; i runs down a
 *             | \  |    |              column of the result, so that writes
 *             +----+ \  |              stay near each other.
 */
#include <assert.h>

#include "linalg/sparse.h"
#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"

enum {
    BAND = 64,   /* columns of a wide gram matrix that are one task */
    NARROW = 512 /* columns at most of one that is reduced over rows */
};

bool mls_sparse_new(struct mls_sparse *s, int64_t rows, int64_t columns,
                    int64_t nonzeros, struct mls_error *err)
{
    struct mls_sparse new = { .rows = rows, .columns = columns };

    assert(rows >= 0 && columns >= 0 && nonzeros >= 0);
    if (columns - 1 > UINT32_MAX) {
        mls_fail(err, MLS_LIMIT, "sparse rows of %lld columns: more than 2^32",
                 (long long)columns);
        return mls_fail_fix(err, "use fewer columns");
    }
    if (!(new.offset = mls_new(rows + 1, sizeof(*new.offset), err))
        || !(new.index = mls_new_array(nonzeros, sizeof(*new.index), err))
        || !(new.value = mls_new_array(nonzeros, sizeof(*new.value), err))) {
        mls_sparse_clear(&new);
        return false;
    }
    *s = new;
    return true;
}

void mls_sparse_clear(struct mls_sparse *s)
{
    if (!s)
        return;
    mls_free(s->offset);
    mls_free(s->index);
    mls_free(s->value);
    *s = (struct mls_sparse){ 0 };
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Rows of a chunk for partial results of so many values. */
static int64_t chunk_rows(const struct mls_sparse *x, int64_t values)
{
    int64_t rows = MLS_MATRIX_CHUNK;
    double entries_a_row =
        x->rows > 0 ? (double)x->offset[x->rows] / (double)x->rows : 0;

    while (rows < x->rows && (double)rows * entries_a_row < (double)values)
        rows *= 2;
    return rows;
}

/* What a task or a map needs to know; each product uses some of it. */
struct product {
    const struct mls_sparse *x;
    const double *w, *r; /* NULL: ones */
    const double *b;
    double *out;
    struct mls_matrix *gram;
};

/* ---- Sparse rows and a vector ---- */

static bool task_gemv(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int64_t first = task * MLS_MATRIX_CHUNK;
    int64_t end = at_most(first + MLS_MATRIX_CHUNK, p->x->rows);

    (void)err;
    for (int64_t i = first; i < end; i++) {
        double sum = 0;

        for (int64_t k = p->x->offset[i]; k < p->x->offset[i + 1]; k++)
            sum += p->x->value[k] * p->b[p->x->index[k]];
        p->out[i] = sum;
    }
    return true;
}

bool mls_sparse_gemv(const struct mls_run *run, const struct mls_sparse *x,
                     const double *b, double *out, struct mls_error *err)
{
    struct product p = { .x = x, .b = b, .out = out };
    int64_t tasks = (x->rows + MLS_MATRIX_CHUNK - 1) / MLS_MATRIX_CHUNK;

    return mls_parallel(run, tasks, task_gemv, &p, err);
}

static bool map_transposed(void *context, int64_t first, int64_t count,
                           void *partial, struct mls_error *err)
{
    const struct product *p = context;
    const struct mls_sparse *x = p->x;
    double *out = partial;

    (void)err;
    for (int64_t i = first; i < first + count; i++) {
        double factor = (p->w ? p->w[i] : 1) * (p->r ? p->r[i] : 1);

        for (int64_t k = x->offset[i]; k < x->offset[i + 1]; k++)
            out[x->index[k]] += factor * x->value[k];
    }
    return true;
}

static void fold_columns(void *context, void *into_, const void *from_)
{
    const struct product *p = context;
    double *into = into_;
    const double *from = from_;

    for (int64_t j = 0; j < p->x->columns; j++)
        into[j] += from[j];
}

bool mls_sparse_gemv_transposed(const struct mls_run *run,
                                const struct mls_sparse *x, const double *w,
                                const double *r, double *out,
                                struct mls_error *err)
{
    struct product p = { .x = x, .w = w, .r = r };
    struct mls_reduce_job job = { .rows = x->rows,
                                  .chunk_rows = chunk_rows(x, x->columns),
                                  .bytes = (size_t)x->columns * sizeof(double),
                                  .map = map_transposed,
                                  .fold = fold_columns,
                                  .context = &p };

    return x->columns == 0 || mls_reduce(run, &job, out, err);
}

/* ---- The gram matrix ---- */

/* The first entry of a row, from k on, in column j or a later one. */
static int64_t first_from(const struct mls_sparse *x, int64_t k, int64_t end,
                          int64_t j)
{
    while (k < end) {
        int64_t middle = k + (end - k) / 2;

        if ((int64_t)x->index[middle] < j)
            k = middle + 1;
        else
            end = middle;
    }
    return k;
}

/* Adds row i to columns [j, end) of the upper triangle; column j is at gram. */
static void add_row(const struct product *p, int64_t i, int64_t j, int64_t end,
                    double *gram, int64_t stride)
{
    const struct mls_sparse *x = p->x;
    int64_t start = x->offset[i], stop = x->offset[i + 1];
    double weight = p->w ? p->w[i] : 1;

    for (int64_t l = first_from(x, start, stop, j);
         l < stop && (int64_t)x->index[l] < end; l++) {
        double *column = gram + ((int64_t)x->index[l] - j) * stride;
        double value = weight * x->value[l];

        for (int64_t k = start; k <= l; k++)
            column[x->index[k]] += value * x->value[k];
    }
}

static bool map_gram(void *context, int64_t first, int64_t count, void *partial,
                     struct mls_error *err)
{
    const struct product *p = context;
    int64_t columns = p->x->columns;

    (void)err;
    for (int64_t i = first; i < first + count; i++)
        add_row(p, i, 0, columns, partial, columns);
    return true;
}

static void fold_gram(void *context, void *into_, const void *from_)
{
    const struct product *p = context;
    double *into = into_;
    const double *from = from_;

    for (int64_t k = 0; k < p->x->columns * p->x->columns; k++)
        into[k] += from[k];
}

static bool gram_narrow(const struct mls_run *run, struct product *p,
                        struct mls_error *err)
{
    int64_t columns = p->x->columns;
    double *whole = mls_new_array(columns * columns, sizeof(double), err);
    struct mls_reduce_job job = {
        .rows = p->x->rows,
        .chunk_rows = chunk_rows(p->x, columns * columns),
        .bytes = (size_t)(columns * columns) * sizeof(double),
        .map = map_gram,
        .fold = fold_gram,
        .context = p
    };
    bool ok = whole && mls_reduce(run, &job, whole, err);

    for (int64_t j = 0; ok && j < columns; j++) {
        memcpy(p->gram->data + j * p->gram->stride, whole + j * columns,
               (size_t)columns * sizeof(double));
    }
    mls_free(whole);
    return ok;
}

static bool task_band(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int64_t j = task * BAND, end = at_most(j + BAND, p->x->columns);
    int64_t stride = p->gram->stride;

    (void)err;
    for (int64_t k = j; k < end; k++) {
        memset(p->gram->data + k * stride, 0, (size_t)(k + 1) * sizeof(double));
    }
    for (int64_t i = 0; i < p->x->rows; i++)
        add_row(p, i, j, end, p->gram->data + j * stride, stride);
    return true;
}

bool mls_sparse_gram(const struct mls_run *run, const struct mls_sparse *x,
                     const double *w, struct mls_matrix *gram,
                     struct mls_error *err)
{
    struct product p = { .x = x, .w = w, .gram = gram };
    bool ok;

    assert(gram->rows == x->columns && gram->columns == x->columns);
    if (x->columns == 0)
        return true;
    if (x->columns <= NARROW) {
        ok = gram_narrow(run, &p, err);
    } else {
        ok = mls_parallel(run, (x->columns + BAND - 1) / BAND, task_band, &p,
                          err);
    }
    if (ok)
        mls_matrix_mirror(gram);
    return ok;
}

bool mls_sparse_to_dense(const struct mls_sparse *x, struct mls_matrix *dense,
                         struct mls_error *err)
{
    if (!mls_matrix_new(dense, x->rows, x->columns, err))
        return false;
    for (int64_t i = 0; i < x->rows; i++) {
        for (int64_t k = x->offset[i]; k < x->offset[i + 1]; k++)
            dense->data[i + x->index[k] * dense->stride] = x->value[k];
    }
    return true;
}
