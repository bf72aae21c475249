/* Centred copies of the features; design.h says why. */
#include "learner/design.h"

#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"

struct making {
    const struct mls_dataset *data;
    struct mls_design *design;
    bool centre;
};

static void fill_centred(const double *from, int64_t n, double mean,
                         double *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i] - mean;
}

/* The sum of squares itself may have become anything. */
static bool can_be_squared(const struct mls_moments *m, double mean)
{
    double most = fmax(fabs(m->low - mean), fabs(m->high - mean));

    return isfinite(most * most * m->weight);
}

static bool make_column(void *context, int64_t j, struct mls_error *err)
{
    const struct making *m = context;
    const struct mls_dataset *data = m->data;
    struct mls_design *d = m->design;
    const double *from = data->x.data + j * data->x.stride;
    struct mls_moments moments;

    if (!mls_moments(NULL, from, data->target.weight, data->rows, &moments,
                     err)) {
        return false;
    }
    d->square[j] = moments.m2;
    d->mean[j] = m->centre ? moments.mean : 0;
    if (m->centre) {
        fill_centred(from, data->rows, moments.mean,
                     d->x.data + j * d->x.stride);
    } else {
        d->square[j] += moments.weight * moments.mean * moments.mean;
    }
    if (can_be_squared(&moments, d->mean[j]))
        return true;
    mls_fail(err, MLS_DATA, "the numbers are too large to be squared");
    mls_fail_fix(err, "scale the column (--scale standard)");
    return mls_fail_at(err, NULL, 0, 0, data->names ? data->names[j] : NULL);
}

static double total_weight(const struct mls_dataset *data)
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
    design->weight = total_weight(data);
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

double mls_design_intercept(const struct mls_design *design, const double *b,
                            int64_t features, double c0)
{
    for (int64_t j = 0; j < features; j++)
        c0 -= design->mean[j] * b[j];
    return c0;
}
