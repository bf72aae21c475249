/*
 * The loops over rows in twice the digits, four rows at a time.
 *
 * A product is taken apart exactly: by one fused operation where the processor
 * has it, by Dekker's splitting otherwise.  Both are exact, so both give the
 * same bits (and with them every processor), 25 against 12 operations a cell.
 * Sums are over fixed lanes and fixed chunks.
 */
#include "linalg/extended.h"

#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"

enum { LANES = 4, STRIP = 512 };

typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));

struct mls_two mls_two_root(struct mls_two a)
{
    double r = sqrt(a.high);
    struct mls_two rest =
        mls_two_add(a, mls_two_minus(mls_two_product(r, r)));

    return mls_two_sum(r, rest.high / (2 * r));
}

/* e = a b - p exactly, for p = a b rounded. */
#define BY_SPLITTING(a, b, p, e) \
    do { \
        lanes t_ = 134217729.0 * (a), u_ = 134217729.0 * (b); \
        lanes a1_ = t_ - (t_ - (a)), b1_ = u_ - (u_ - (b)); \
        lanes a2_ = (a) - a1_, b2_ = (b) - b1_; \
        (e) = ((a1_ * b1_ - (p)) + a1_ * b2_ + a2_ * b1_) + a2_ * b2_; \
    } while (0)

/*
 * take_NAME   high + low -= x b, for count rows, a multiple of LANES
 * dot_NAME    high[l] + low[l] += x_i r_i over the rows of lane l
 */
#define KERNELS(name, attribute, PRODUCT_ERROR) \
    attribute static void take_##name(const double *x, struct mls_two b, \
                                      int64_t count, double *high, \
                                      double *low) \
    { \
        lanes bh = { b.high, b.high, b.high, b.high }; \
        lanes bl = { b.low, b.low, b.low, b.low }; \
        for (int64_t i = 0; i < count; i += LANES) { \
            lanes a = *(const lanes *)(x + i), h = *(lanes *)(high + i); \
            lanes p = a * bh, e, s, t; \
            PRODUCT_ERROR(a, bh, p, e); \
            s = h - p; \
            t = s - h; \
            *(lanes *)(high + i) = s; \
            *(lanes *)(low + i) += ((h - (s - t)) - (p + t)) - (e + a * bl); \
        } \
    } \
    attribute static void dot_##name(const double *x, const double *rh, \
                                     const double *rl, int64_t count, \
                                     double *high, double *low) \
    { \
        lanes h = *(lanes *)high, l = *(lanes *)low; \
        for (int64_t i = 0; i < count; i += LANES) { \
            lanes a = *(const lanes *)(x + i), b = *(const lanes *)(rh + i); \
            lanes p = a * b, e, s, t; \
            PRODUCT_ERROR(a, b, p, e); \
            s = h + p; \
            t = s - h; \
            l += ((h - (s - t)) + (p - t)) \
                + (e + a * *(const lanes *)(rl + i)); \
            h = s; \
        } \
        *(lanes *)high = h; \
        *(lanes *)low = l; \
    }

KERNELS(plain, , BY_SPLITTING)

#if defined(__x86_64__)
#include <immintrin.h>
#define BY_FUSING(a, b, p, e) \
    ((e) = (lanes)_mm256_fmsub_pd((__m256d)(a), (__m256d)(b), (__m256d)(p)))
KERNELS(fused, __attribute__((target("avx2,fma"))), BY_FUSING)

static bool fuses(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define take_fused take_plain
#define dot_fused dot_plain
static bool fuses(void)
{
    return false;
}
#endif

/* x r over some rows, each a strip of at most STRIP; the last lanes that stand
 * for no row are zeros. */
struct strip {
    double x[STRIP], high[STRIP], low[STRIP];
};

static int64_t padded(int64_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

static void pad(double *x, int64_t from)
{
    for (int64_t i = from; i < padded(from); i++)
        x[i] = 0;
}

static const double *copy_padded(const double *x, int64_t n, double *to)
{
    if (n % LANES == 0)
        return x;
    memcpy(to, x, (size_t)n * sizeof(double));
    pad(to, n);
    return to;
}

static struct mls_two fold_lanes(const double *high, const double *low)
{
    struct mls_two sum = { 0, 0 };

    for (int k = 0; k < LANES; k++)
        sum = mls_two_add(sum, mls_two_sum(high[k], low[k]));
    return sum;
}

struct product {
    const struct mls_matrix *x;
    const double *y, *w;
    const struct mls_two *b;
    struct mls_two constant;
    double *high, *low;         /* out of a residual */
    const double *rh, *rl;      /* into a gradient */
    struct mls_two *out;
    bool fused;
};

/* ---- Residual ---- */

static void take_constant(const struct product *p, int64_t first,
                          int64_t count, struct strip *s)
{
    for (int64_t i = 0; i < count; i++) {
        struct mls_two sum = mls_two_sum(p->y[first + i], -p->constant.high);

        s->high[i] = sum.high;
        s->low[i] = sum.low - p->constant.low;
    }
    pad(s->high, count);
    pad(s->low, count);
}

static bool residual_task(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int64_t first = task * STRIP, count = p->x->rows - first;
    struct strip s;

    (void)err;
    count = count < STRIP ? count : STRIP;
    take_constant(p, first, count, &s);
    for (int64_t j = 0; j < p->x->columns; j++) {
        const double *x = copy_padded(p->x->data + first + j * p->x->stride,
                                      count, s.x);

        if (p->b[j].high == 0)
            continue;
        (p->fused ? take_fused : take_plain)(x, p->b[j], padded(count), s.high,
                                             s.low);
    }
    for (int64_t i = 0; i < count; i++) {
        struct mls_two sum = mls_two_sum(s.high[i], s.low[i]);

        p->high[first + i] = sum.high;
        p->low[first + i] = sum.low;
    }
    return true;
}

bool mls_two_residual(const struct mls_run *run, const struct mls_matrix *x,
                      const double *y, const struct mls_two *b,
                      struct mls_two constant, double *high, double *low,
                      struct mls_error *err)
{
    struct product p = { .x = x, .y = y, .b = b, .constant = constant,
                         .high = high, .low = low, .fused = fuses() };

    return mls_parallel(run, (x->rows + STRIP - 1) / STRIP, residual_task, &p,
                        err);
}

/* ---- Gradient ---- */

/* w r for some rows; zeros after them. */
static void weigh(const struct product *p, int64_t first, int64_t count,
                  struct strip *s)
{
    for (int64_t i = 0; i < count; i++) {
        struct mls_two r = { p->rh[first + i], p->rl ? p->rl[first + i] : 0 };

        if (p->w)
            r = mls_two_times(r, (struct mls_two){ p->w[first + i], 0 });
        s->high[i] = r.high;
        s->low[i] = r.low;
    }
    pad(s->high, count);
    pad(s->low, count);
}

/* out[j] gains the part of some rows. */
static void add_strip(const struct product *p, int64_t first, int64_t count,
                      int64_t columns, struct strip *s, struct mls_two *out)
{
    for (int64_t j = 0; j < columns; j++) {
        const double *x = copy_padded(p->x->data + first + j * p->x->stride,
                                      count, s->x);
        double high[LANES] = { 0 }, low[LANES] = { 0 };

        (p->fused ? dot_fused : dot_plain)(x, s->high, s->low, padded(count),
                                           high, low);
        out[j] = mls_two_add(out[j], fold_lanes(high, low));
    }
}

static bool map_gradient(void *context, int64_t first, int64_t count,
                         void *partial, struct mls_error *err)
{
    const struct product *p = context;
    struct mls_two *out = partial, *sum = out + p->x->columns;
    struct strip s;

    (void)err;
    for (int64_t end = first + count; first < end; first += STRIP) {
        int64_t rows = end - first < STRIP ? end - first : STRIP;

        weigh(p, first, rows, &s);
        add_strip(p, first, rows, p->x->columns, &s, out);
        for (int64_t i = 0; i < rows; i++) {
            *sum = mls_two_add(*sum,
                               (struct mls_two){ s.high[i], s.low[i] });
        }
    }
    return true;
}

static void fold_gradient(void *context, void *into, const void *from)
{
    const struct product *p = context;
    struct mls_two *sum = into;
    const struct mls_two *more = from;

    for (int64_t j = 0; j <= p->x->columns; j++)
        sum[j] = mls_two_add(sum[j], more[j]);
}

bool mls_two_gradient(const struct mls_run *run, const struct mls_matrix *x,
                      const double *w, const double *high, const double *low,
                      struct mls_two *out, struct mls_error *err)
{
    struct product p = { .x = x, .w = w, .rh = high, .rl = low,
                         .fused = fuses() };
    struct mls_reduce_job job = {
        .rows = x->rows, .chunk_rows = MLS_MATRIX_CHUNK,
        .bytes = (size_t)(x->columns + 1) * sizeof(*out),
        .map = map_gradient, .fold = fold_gradient, .context = &p
    };

    return mls_reduce(run, &job, out, err);
}

/* ---- The gram matrix ---- */

/* Column j of it: what is at and under the diagonal comes from the columns at
 * and after j, so the strips of columns 0 .. j give row j. */
static bool gram_task(void *context, int64_t j, struct mls_error *err)
{
    struct product p = *(const struct product *)context;
    int64_t columns = p.x->columns, size = columns + 1;
    struct mls_two *row = mls_new(size, sizeof(*row), err), sum = { 0, 0 };
    struct strip s;

    if (!row)
        return false;
    p.rh = p.x->data + j * p.x->stride;
    p.rl = NULL;
    for (int64_t first = 0; first < p.x->rows; first += STRIP) {
        int64_t left = p.x->rows - first, rows = left < STRIP ? left : STRIP;

        weigh(&p, first, rows, &s);
        add_strip(&p, first, rows, j + 1, &s, row);
        for (int64_t i = 0; i < rows; i++)
            sum = mls_two_add(sum, (struct mls_two){ s.high[i], s.low[i] });
    }
    for (int64_t i = 0; i <= j; i++)
        p.out[j + i * size] = row[i];
    p.out[columns + j * size] = sum;
    mls_free(row);
    return true;
}

bool mls_two_gram(const struct mls_run *run, const struct mls_matrix *x,
                  const double *w, struct mls_two *gram, struct mls_error *err)
{
    struct product p = { .x = x, .w = w, .out = gram, .fused = fuses() };
    int64_t last = x->columns;
    struct mls_two sum = { 0, 0 };

    for (int64_t i = 0; i < x->rows; i++)
        sum = mls_two_add(sum, (struct mls_two){ w ? w[i] : 1, 0 });
    gram[last + last * (last + 1)] = sum;
    return mls_parallel(run, x->columns, gram_task, &p, err);
}
