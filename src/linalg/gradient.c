/*
 * The gradient of least squares in one pass over the table: the rows of a strip
 * give their residuals and take them back while they are in the cache, where
 * two products would fetch the table from memory twice.
 *
 * Columns go by four, so that a residual is loaded and stored once for four of
 * them.  Sums are over fixed lanes, strips and chunks.
 */
#include "linalg/matrix.h"
#include "base/memory.h"
#include "base/reduce.h"

enum { LANES = 4, STRIP = 256, GROUP = 4 };

typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));

struct pass {
    const struct mls_centred *in;
    const double *b;
};

/* Up to GROUP columns of a strip: where each begins, and what it is about. */
struct group {
    const double *x[GROUP];
    double about[GROUP], b[GROUP];
    int count;
};

static struct group group_of(const struct pass *p, int64_t first, int64_t j)
{
    const struct mls_matrix *x = p->in->x;
    struct group g = { .count = GROUP };

    if (x->columns - j < GROUP)
        g.count = (int)(x->columns - j);
    for (int k = 0; k < g.count; k++) {
        g.x[k] = x->data + first + (j + k) * x->stride;
        g.about[k] = p->in->about ? p->in->about[j + k] : 0;
        g.b[k] = p->b[j + k];
    }
    return g;
}

/* r -= (x - about) b */
static void take(const struct group *g, int64_t rows, double *r)
{
    int64_t i = 0;

    for (; g->count == GROUP && i + LANES <= rows; i += LANES) {
        lanes s = *(const lanes *)(r + i);

        s -= (*(const lanes *)(g->x[0] + i) - g->about[0]) * g->b[0];
        s -= (*(const lanes *)(g->x[1] + i) - g->about[1]) * g->b[1];
        s -= (*(const lanes *)(g->x[2] + i) - g->about[2]) * g->b[2];
        s -= (*(const lanes *)(g->x[3] + i) - g->about[3]) * g->b[3];
        *(lanes *)(r + i) = s;
    }
    for (; i < rows; i++) {
        for (int k = 0; k < g->count; k++)
            r[i] -= (g->x[k][i] - g->about[k]) * g->b[k];
    }
}

static double sum_of(const lanes *s)
{
    return ((*s)[0] + (*s)[1]) + ((*s)[2] + (*s)[3]);
}

/* out += (x - about)'r */
static void give(const struct group *g, int64_t rows, const double *r,
                 double *out)
{
    for (int k = 0; k < g->count; k++) {
        const double *x = g->x[k];
        lanes s = { 0 }, t = { 0 };
        int64_t i = 0;

        for (; i + 2 * LANES <= rows; i += 2 * LANES) {
            s += (*(const lanes *)(x + i) - g->about[k])
                * *(const lanes *)(r + i);
            t += (*(const lanes *)(x + i + LANES) - g->about[k])
                * *(const lanes *)(r + i + LANES);
        }
        for (; i < rows; i++)
            s[0] += (x[i] - g->about[k]) * r[i];
        s += t;
        out[k] += sum_of(&s);
    }
}

static bool map(void *context, int64_t first, int64_t count, void *partial,
                struct mls_error *err)
{
    const struct pass *p = context;
    const struct mls_centred *in = p->in;
    double r[STRIP], *out = partial;

    (void)err;
    for (int64_t end = first + count; first < end; first += STRIP) {
        int64_t rows = end - first < STRIP ? end - first : STRIP;

        for (int64_t i = 0; i < rows; i++)
            r[i] = in->y[first + i] - in->y_about;
        for (int64_t j = 0; j < in->x->columns; j += GROUP) {
            struct group g = group_of(p, first, j);

            take(&g, rows, r);
        }
        for (int64_t i = 0; in->w && i < rows; i++)
            r[i] *= in->w[first + i];
        for (int64_t j = 0; j < in->x->columns; j += GROUP) {
            struct group g = group_of(p, first, j);

            give(&g, rows, r, out + j);
        }
    }
    return true;
}

static void fold(void *context, void *into, const void *from)
{
    const struct pass *p = context;
    double *sum = into;
    const double *more = from;

    for (int64_t j = 0; j < p->in->x->columns; j++)
        sum[j] += more[j];
}

bool mls_centred_gradient(const struct mls_run *run,
                          const struct mls_centred *in, const double *b,
                          double *out, struct mls_error *err)
{
    struct pass pass = { in, b };
    struct mls_reduce_job job = {
        .rows = in->x->rows, .chunk_rows = MLS_MATRIX_CHUNK,
        .bytes = (size_t)in->x->columns * sizeof(double),
        .map = map, .fold = fold, .context = &pass
    };

    return in->x->columns == 0 || mls_reduce(run, &job, out, err);
}
