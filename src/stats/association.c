/*
 * How much one column says about another.
 *
 * Sums of squares are taken about means in a second pass, with the correction
 * for the rounding of the mean, as in summary.c.  That alone would leave a
 * constant column with a variance of 1e-33 and a correlation with everything;
 * so constants are found by comparing values, not by their variance, and the
 * analysis of variance measures each class from the first value seen in it.
 */
#include <assert.h>
#include <math.h>

#include "stats/association.h"
#include "stats/chance.h"
#include "stats/distribution.h"
#include "stats/summary.h"
#include "base/memory.h"
#include "base/reduce.h"

#define CHUNK 4096

/* ---- Two numeric columns ---- */

struct columns {
    const double *x, *y, *w;
};

static double weight_of(const double *w, int64_t i)
{
    return w ? w[i] : 1;
}

/* Joint moments of some rows; of weight 0 when there are none. */
struct joint {
    double weight;
    double mean_x, mean_y;
    double xx, yy, xy; /* about the means */
    double low_x, high_x, low_y, high_y;
};

static void joint_range(const struct columns *c, int64_t first, int64_t end,
                        struct joint *j)
{
    j->low_x = j->low_y = INFINITY;
    j->high_x = j->high_y = -INFINITY;
    for (int64_t i = first; i < end; i++) {
        if (weight_of(c->w, i) == 0)
            continue;
        j->low_x = fmin(j->low_x, c->x[i]);
        j->high_x = fmax(j->high_x, c->x[i]);
        j->low_y = fmin(j->low_y, c->y[i]);
        j->high_y = fmax(j->high_y, c->y[i]);
    }
}

static bool map_joint(void *context, int64_t first, int64_t count,
                      void *partial, struct mls_error *err)
{
    const struct columns *c = context;
    struct joint *j = partial;
    int64_t end = first + count;
    double rest_x = 0, rest_y = 0;

    (void)err;
    joint_range(c, first, end, j);
    for (int64_t i = first; i < end; i++) {
        double weight = weight_of(c->w, i);

        j->weight += weight;
        j->mean_x += weight * c->x[i];
        j->mean_y += weight * c->y[i];
    }
    if (j->weight == 0)
        return true;
    j->mean_x /= j->weight;
    j->mean_y /= j->weight;
    for (int64_t i = first; i < end; i++) {
        double weight = weight_of(c->w, i);
        double dx = c->x[i] - j->mean_x, dy = c->y[i] - j->mean_y;

        rest_x += weight * dx;
        rest_y += weight * dy;
        j->xx += weight * dx * dx;
        j->yy += weight * dy * dy;
        j->xy += weight * dx * dy;
    }
    j->xx -= rest_x * rest_x / j->weight;
    j->yy -= rest_y * rest_y / j->weight;
    j->xy -= rest_x * rest_y / j->weight;
    j->mean_x += rest_x / j->weight;
    j->mean_y += rest_y / j->weight;
    return true;
}

/* Chan, Golub & LeVeque (1983), as for one column. */
static void fold_joint(void *context, void *into, const void *from)
{
    struct joint *a = into;
    const struct joint *b = from;
    double weight = a->weight + b->weight;
    double dx = b->mean_x - a->mean_x, dy = b->mean_y - a->mean_y;
    double part = b->weight / weight;

    (void)context;
    if (b->weight == 0)
        return;
    if (a->weight == 0) {
        *a = *b;
        return;
    }
    a->xx += b->xx + dx * dx * a->weight * part;
    a->yy += b->yy + dy * dy * a->weight * part;
    a->xy += b->xy + dx * dy * a->weight * part;
    a->mean_x += dx * part;
    a->mean_y += dy * part;
    a->weight = weight;
    a->low_x = fmin(a->low_x, b->low_x);
    a->high_x = fmax(a->high_x, b->high_x);
    a->low_y = fmin(a->low_y, b->low_y);
    a->high_y = fmax(a->high_y, b->high_y);
}

static bool find_joint(const struct mls_run *run, const struct columns *c,
                       int64_t n, struct joint *joint, struct mls_error *err)
{
    struct columns columns = *c;
    struct mls_reduce_job job = { .rows = n,
                                  .chunk_rows = CHUNK,
                                  .bytes = sizeof(*joint),
                                  .map = map_joint,
                                  .fold = fold_joint,
                                  .context = &columns };

    return mls_reduce(run, &job, joint, err);
}

static bool is_constant(const struct joint *j)
{
    return !(j->low_x < j->high_x && j->low_y < j->high_y && j->xx > 0
             && j->yy > 0);
}

bool mls_correlation(const struct mls_run *run, const double *x,
                     const double *y, const double *w, int64_t n, double *r,
                     struct mls_error *err)
{
    struct columns columns = { x, y, w };
    struct joint j;

    if (!find_joint(run, &columns, n, &j, err))
        return false;
    if (is_constant(&j)) {
        *r = 0;
        return true;
    }
    /* Two roots: the product of the squares may overflow. */
    *r = fmax(-1, fmin(1, j.xy / sqrt(j.xx) / sqrt(j.yy)));
    return true;
}

/* What a line leaves of y, by its residuals: 1 - r^2 would cancel. */
static double residual_squares(const struct columns *c, int64_t n,
                               const struct joint *j)
{
    double slope = j->xy / j->xx, sum = 0;

    for (int64_t i = 0; i < n; i++) {
        double rest = (c->y[i] - j->mean_y) - slope * (c->x[i] - j->mean_x);

        sum += weight_of(c->w, i) * rest * rest;
    }
    return sum;
}

bool mls_regression_f(const double *x, const double *y, const double *w,
                      int64_t n, double *f, double *p, struct mls_error *err)
{
    struct columns columns = { x, y, w };
    struct joint j;
    double residual;

    if (!find_joint(NULL, &columns, n, &j, err))
        return false;
    if (!(j.weight > 2)) {
        *f = *p = NAN;
    } else if (is_constant(&j)) {
        *f = 0;
        *p = 1;
    } else {
        residual = residual_squares(&columns, n, &j);
        *f = j.xy / j.xx * j.xy / residual * (j.weight - 2);
        *p = mls_f_survival(*f, 1, j.weight - 2);
    }
    return true;
}

/* ---- A numeric column and classes ---- */

struct group {
    double first; /* value, from which the others are measured */
    double weight;
    double mean; /* less first */
    double rest, squares;
};

static void find_class_means(const double *x, const double *y, const double *w,
                             int64_t n, struct group *classes)
{
    for (int64_t i = 0; i < n; i++) {
        struct group *one = &classes[(int64_t)y[i]];
        double weight = weight_of(w, i);

        if (weight == 0)
            continue;
        if (one->weight == 0)
            one->first = x[i];
        one->weight += weight;
        one->mean += weight * (x[i] - one->first);
    }
}

static void find_class_squares(const double *x, const double *y,
                               const double *w, int64_t n,
                               struct group *classes)
{
    for (int64_t i = 0; i < n; i++) {
        struct group *one = &classes[(int64_t)y[i]];
        double weight = weight_of(w, i);
        double d = (x[i] - one->first) - one->mean;

        if (weight == 0)
            continue;
        one->rest += weight * d;
        one->squares += weight * d * d;
    }
}

/* The sums of squares between and within, measured from the first class. */
struct variances {
    double weight, between, within;
    int occurring;
};

static struct variances compare_classes(const struct group *classes, int count)
{
    struct variances v = { 0 };
    const struct group *origin = NULL;
    double grand = 0;

    for (int k = 0; k < count; k++) {
        const struct group *one = &classes[k];

        if (one->weight == 0)
            continue;
        if (!origin)
            origin = one;
        v.occurring++;
        v.weight += one->weight;
        v.within += fmax(one->squares - one->rest * one->rest / one->weight, 0);
        grand += one->weight
                 * (one->first - origin->first + (one->mean - origin->mean));
    }
    grand /= v.weight;
    for (int k = 0; k < count; k++) {
        const struct group *one = &classes[k];
        double d;

        if (one->weight == 0)
            continue;
        d = one->first - origin->first + (one->mean - origin->mean) - grand;
        v.between += one->weight * d * d;
    }
    return v;
}

bool mls_anova_f(const double *x, const double *y, int classes, const double *w,
                 int64_t n, double *f, double *p, struct mls_error *err)
{
    struct group *all = mls_new(classes, sizeof(*all), err);
    struct variances v;
    double df1, df2;

    if (!all)
        return false;
    for (int64_t i = 0; i < n; i++)
        assert(y[i] >= 0 && y[i] < classes);
    find_class_means(x, y, w, n, all);
    for (int k = 0; k < classes; k++) {
        if (all[k].weight != 0)
            all[k].mean /= all[k].weight;
    }
    find_class_squares(x, y, w, n, all);
    v = compare_classes(all, classes);
    mls_free(all);
    df1 = v.occurring - 1;
    df2 = v.weight - v.occurring;
    *f = df1 > 0 && df2 > 0 ? v.between / df1 / (v.within / df2) : NAN;
    *p = mls_f_survival(*f, df1, df2);
    return true;
}

/* ---- Two columns of codes ---- */

struct cells {
    int64_t a_codes, b_codes;
    double *a, *b;  /* weight of each code */
    double *pair;   /* a code of both, for each row */
    int64_t *order; /* rows by pair */
};

static bool new_cells(struct cells *c, int64_t n, struct mls_error *err)
{
    if ((double)c->a_codes * (double)c->b_codes > 9007199254740992.0) {
        mls_fail(err, MLS_LIMIT,
                 "columns of %lld and %lld codes have too many pairs of codes",
                 (long long)c->a_codes, (long long)c->b_codes);
        return mls_fail_fix(err, "use columns with fewer distinct values");
    }
    return (c->a = mls_new(c->a_codes, sizeof(double), err)) != NULL
           && (c->b = mls_new(c->b_codes, sizeof(double), err)) != NULL
           && (c->pair = mls_new_array(n, sizeof(double), err)) != NULL
           && (c->order = mls_new_array(n, sizeof(int64_t), err)) != NULL;
}

static void clear_cells(struct cells *c)
{
    mls_free(c->a);
    mls_free(c->b);
    mls_free(c->pair);
    mls_free(c->order);
}

/* Runs of equal pairs are the occupied cells of the table. */
static double sum_information(const struct cells *c, const double *w, int64_t n,
                              double total)
{
    double sum = 0;

    for (int64_t k = 0; k < n;) {
        double pair = c->pair[c->order[k]], weight = 0, expected;
        int64_t code = (int64_t)pair;

        for (; k < n && c->pair[c->order[k]] == pair; k++)
            weight += weight_of(w, c->order[k]);
        if (weight == 0)
            continue;
        expected = c->a[code / c->b_codes] * c->b[code % c->b_codes];
        sum += weight / total * log(weight * total / expected);
    }
    return sum;
}

bool mls_mutual_information(const double *a, int64_t a_codes, const double *b,
                            int64_t b_codes, const double *w, int64_t n,
                            double *nats, struct mls_error *err)
{
    struct cells c = { .a_codes = a_codes, .b_codes = b_codes };
    double total = 0, chance = 0;
    bool ok = new_cells(&c, n, err);

    for (int64_t i = 0; ok && i < n; i++) {
        double weight = weight_of(w, i);

        assert(a[i] >= 0 && a[i] < (double)a_codes);
        assert(b[i] >= 0 && b[i] < (double)b_codes);
        c.a[(int64_t)a[i]] += weight;
        c.b[(int64_t)b[i]] += weight;
        c.pair[i] = a[i] * (double)b_codes + b[i];
        total += weight;
    }
    ok = ok && mls_order_reals(c.pair, n, c.order, err)
        && mls_chance_information(c.a, a_codes, c.b, b_codes, &chance, err);
    if (ok) {
        *nats = total > 0 ? sum_information(&c, w, n, total) - chance : 0;
        /* Below: less than chance; near 0: what rounding leaves. */
        *nats = *nats > 1e-12 ? *nats : 0;
    }
    clear_cells(&c);
    return ok;
}

/* ---- Bins ---- */

/* The bin of a group of equal values, with this much weight before and up to
 * its end.  One division, so that a share that falls on an edge does so
 * exactly when the weights are integers. */
static int64_t bin_of(double before, double until, double total, int64_t bins)
{
    double at = total > 0 ? (double)bins * (before + until) / (2 * total) : 0;

    return at < (double)bins ? (int64_t)at : bins - 1;
}

bool mls_bin_equal_frequency(const double *x, const double *w, int64_t n,
                             int64_t bins, double *out, int64_t *codes,
                             struct mls_error *err)
{
    int64_t *order = mls_new_array(n, sizeof(*order), err);
    int64_t used = 0, last = -1, k = 0;
    double total = 0, before = 0;

    assert(bins >= 1);
    if (!order || !mls_order_reals(x, n, order, err)) {
        mls_free(order);
        return false;
    }
    for (int64_t i = 0; i < n; i++)
        total += isnan(x[i]) ? 0 : weight_of(w, i);
    while (k < n && !isnan(x[order[k]])) {
        double value = x[order[k]], until = before;
        int64_t end = k, bin;

        for (; end < n && x[order[end]] == value; end++)
            until += weight_of(w, order[end]);
        bin = bin_of(before, until, total, bins);
        used += bin != last;
        last = bin;
        for (; k < end; k++)
            out[order[k]] = (double)(used - 1);
        before = until;
    }
    *codes = used + (k < n);
    for (; k < n; k++)
        out[order[k]] = (double)used;
    mls_free(order);
    return true;
}
