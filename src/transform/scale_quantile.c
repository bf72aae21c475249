/* See scale_quantile.h. */
#include "transform/scale_quantile.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "stats/distribution.h"
#include "stats/summary.h"

static double probability(int64_t i, int64_t count)
{
    return count > 1 ? (double)i / (double)(count - 1) : 0;
}

bool mls_scale_quantiles(const double *x, const double *w, int64_t n,
                         double *quantile, int64_t count,
                         struct mls_error *err)
{
    double *p = mls_new_array(count, sizeof(*p), err);
    bool ok = p != NULL;

    for (int64_t i = 0; ok && i < count; i++)
        p[i] = probability(i, count);
    ok = ok && mls_quantiles(x, w, n, p, count, quantile, err);
    mls_free(p);
    for (int64_t i = 0; ok && i < count; i++) {
        if (isnan(quantile[i]))
            quantile[i] = 0;
        /* Interpolation may round to just below the one before. */
        if (i > 0 && quantile[i] < quantile[i - 1])
            quantile[i] = quantile[i - 1];
    }
    return ok;
}

/* How many quantiles are below x (or, with equal, at most x). */
static int64_t count_below(const double *quantile, int64_t count, double x,
                           bool equal)
{
    int64_t low = 0, high = count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (quantile[middle] < x || (equal && quantile[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double share(const double *quantile, int64_t count, double x)
{
    int64_t first, last;
    double low, high, part;

    if (x >= quantile[count - 1])
        return 1;
    if (x <= quantile[0])
        return 0;
    first = count_below(quantile, count, x, false);
    last = count_below(quantile, count, x, true) - 1;
    if (first <= last)
        return (probability(first, count) + probability(last, count)) / 2;
    low = probability(last, count);
    high = probability(first, count);
    part = (x - quantile[last]) / (quantile[first] - quantile[last]);
    return low + part * (high - low);
}

void mls_scale_map(const double *quantile, int64_t count, bool normal,
                   double *x, int64_t n)
{
    bool constant = quantile[0] == quantile[count - 1];
    double edge = mls_normal_quantile(1 - (1e-7 - DBL_EPSILON));

    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            continue;
        x[i] = constant ? 0 : share(quantile, count, x[i]);
        if (normal && !constant)
            x[i] = x[i] <= 0 ? -edge
                : x[i] >= 1  ? edge
                             : fmax(-edge,
                                    fmin(edge, mls_normal_quantile(x[i])));
    }
}
