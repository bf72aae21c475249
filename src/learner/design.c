/* Centred copies of the features; design.h says why. */
#include "learner/design.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/threads.h"

enum { LANES = 4, CHUNK = 2048 };

struct making {
    const struct mls_dataset *data;
    struct mls_design *design;
    bool centre;
};

typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));

/* Sums over a chunk of rows in fixed lanes. */
struct partial {
    lanes wx, wxx;
};

/* Adds the sums of d = x - mean; to, if there is one, receives d.  Inlined, so
 * that w and to are tested once and not for each row. */
static inline __attribute__((always_inline)) void
add_chunk(const double *x, const double *w, int64_t count, double mean,
          double *to, struct partial *sum)
{
    lanes wx = sum->wx, wxx = sum->wxx;
    int64_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        lanes d = *(const lanes *)(x + i) - mean, wd = d;

        if (w)
            wd *= *(const lanes *)(w + i);
        if (to)
            *(lanes *)(to + i) = d;
        wx += wd;
        wxx += wd * d;
    }
    for (; i < count; i++) {
        double d = x[i] - mean, wd = w ? w[i] * d : d;

        if (to)
            to[i] = d;
        wx[0] += wd;
        wxx[0] += wd * d;
    }
    sum->wx = wx;
    sum->wxx = wxx;
}

static double fold_lanes(const lanes *lane)
{
    return ((*lane)[0] + (*lane)[1]) + ((*lane)[2] + (*lane)[3]);
}

/* Chunk by chunk, so that no sum has many terms: their rounding grows with
 * that number. */
static void add_column(const double *x, const double *w, int64_t n,
                       double mean, double *to, double *wx, double *wxx)
{
    *wx = *wxx = 0;
    for (int64_t first = 0; first < n; first += CHUNK) {
        struct partial sum = { { 0 }, { 0 } };
        int64_t count = n - first < CHUNK ? n - first : CHUNK;

        if (w && to)
            add_chunk(x + first, w + first, count, mean, to + first, &sum);
        else if (w)
            add_chunk(x + first, w + first, count, mean, NULL, &sum);
        else if (to)
            add_chunk(x + first, NULL, count, mean, to + first, &sum);
        else
            add_chunk(x + first, NULL, count, mean, NULL, &sum);
        *wx += fold_lanes(&sum.wx);
        *wxx += fold_lanes(&sum.wxx);
    }
}

static bool is_constant(const double *x, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        if (x[i] != x[0])
            return false;
    }
    return true;
}

bool mls_design_too_large(const struct mls_dataset *data, int64_t j,
                          struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "the numbers are too large to be squared");
    mls_fail_fix(err, "scale the column (--scale standard)");
    return mls_fail_at(err, NULL, 0, 0, data->names ? data->names[j] : NULL);
}

/* The mean is taken out twice: what rounding left in it the first time is the
 * mean of what is left. */
static bool centre_column(const struct mls_dataset *data, int64_t j,
                          struct mls_design *d, struct mls_error *err)
{
    const double *x = data->x.data + j * data->x.stride;
    const double *w = data->target.weight;
    int64_t n = data->rows;
    double *to = d->x.data + j * d->x.stride, sum, square, rest;

    if (n > 0 && is_constant(x, n)) {
        d->mean[j] = x[0];
        memset(to, 0, (size_t)n * sizeof(double));
        return isfinite(x[0]) || mls_design_too_large(data, j, err);
    }
    add_column(x, w, n, 0, NULL, &sum, &square);
    d->mean[j] = sum / d->weight;
    if (!isfinite(d->mean[j]))
        return mls_design_too_large(data, j, err);
    add_column(x, w, n, d->mean[j], to, &rest, &square);
    rest /= d->weight;
    if (fabs(rest) > 4 * DBL_EPSILON * fabs(d->mean[j])) {
        d->mean[j] += rest;
        add_column(x, w, n, d->mean[j], to, &rest, &square);
    }
    d->square[j] = square;
    return isfinite(square * d->weight) || mls_design_too_large(data, j, err);
}

static bool make_column(void *context, int64_t j, struct mls_error *err)
{
    const struct making *m = context;
    const struct mls_dataset *data = m->data;
    double ignored;

    if (m->centre)
        return centre_column(data, j, m->design, err);
    add_column(data->x.data + j * data->x.stride, data->target.weight,
               data->rows, 0, NULL, &ignored, &m->design->square[j]);
    return isfinite(m->design->square[j] * m->design->weight)
        || mls_design_too_large(data, j, err);
}

double mls_design_weight(const struct mls_dataset *data)
{
    const double *w = data->target.weight;
    double sum = 0;

    for (int64_t i = 0; w && i < data->rows; i++)
        sum += w[i];
    return w ? sum : (double)data->rows;
}

static void fill_ones(struct mls_design *d, int64_t column)
{
    for (int64_t i = 0; i < d->x.rows; i++)
        d->x.data[i + column * d->x.stride] = 1;
    d->square[column] = d->weight;
}

bool mls_design_new(const struct mls_run *run, const struct mls_dataset *data,
                    bool centre, bool ones, struct mls_design *design,
                    struct mls_error *err)
{
    struct making making = { data, design, centre };
    int64_t features = data->features;
    bool ok;

    *design = (struct mls_design){ .x = data->x, .owned = centre };
    design->weight = mls_design_weight(data);
    design->mean = mls_new(features + 1, sizeof(double), err);
    design->square =
        design->mean ? mls_new(features + 1, sizeof(double), err) : NULL;
    ok = design->square != NULL;
    if (centre) {
        design->x.data = NULL;
        ok = ok
            && mls_matrix_new(&design->x, data->rows, features + ones, err);
    }
    ok = ok && mls_parallel(run, features, make_column, &making, err);
    if (!ok) {
        mls_design_clear(design);
        return false;
    }
    if (centre && ones)
        fill_ones(design, features);
    return true;
}

void mls_design_clear(struct mls_design *design)
{
    if (design->owned)
        mls_free(design->x.data);
    mls_free(design->mean);
    mls_free(design->square);
    *design = (struct mls_design){ 0 };
}

double mls_design_intercept(const double *mean, const double *b,
                            int64_t features, double c0)
{
    for (int64_t j = 0; j < features; j++)
        c0 -= mean[j] * b[j];
    return c0;
}
