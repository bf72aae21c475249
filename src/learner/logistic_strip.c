/*
 * Loops over a strip of rows, eight floats or four doubles at a time.
 *
 * Each is written once, in terms of vectors, and compiled twice: for any
 * processor and for AVX2.  Products and sums are separate operations, so both
 * give the same bits; on Zen a product and a sum a cycle cost what a fused one
 * does.
 *
 * The gram kernel keeps 4 x 3 sums in registers and adds 7 loads to 12 products
 * and sums; its partial sums stay in lanes until a chunk is done.
 */
#include "learner/logistic_strip.h"

#include <math.h>
#include <string.h>

enum { STRIP = MLS_STRIP, DOWN = 4, ACROSS = 3 };

typedef double doubles __attribute__((vector_size(32), aligned(8), may_alias));
typedef float floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef float half __attribute__((vector_size(16), aligned(4), may_alias));
typedef int64_t words __attribute__((vector_size(32), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

static int64_t padded(int64_t count)
{
    return (count + MLS_STRIP_LANES - 1) / MLS_STRIP_LANES * MLS_STRIP_LANES;
}

int64_t mls_strip_room(int64_t columns)
{
    return columns + DOWN;
}

/* ---- Scores ---- */

INLINE void load_column(const struct mls_strip_columns *from, int64_t j,
                        double *z, float *f, double *s)
{
    const double *x = from->x + j * from->stride;
    double shift = from->shift[j], b = from->b[j];
    float scale = (float)from->scale[j];
    int64_t i = 0;

    for (; i + 4 <= from->count; i += 4) {
        doubles v = *(const doubles *)(x + i) - shift;

        __builtin_prefetch(x + i + STRIP);
        *(doubles *)(z + i) = v;
        *(doubles *)(s + i) += v * b;
        if (f)
            *(half *)(f + i) = __builtin_convertvector(v, half) * scale;
    }
    for (; i < from->count; i++) {
        z[i] = x[i] - shift;
        s[i] += z[i] * b;
        if (f)
            f[i] = (float)z[i] * scale;
    }
    for (; i < padded(from->count); i++) {
        z[i] = 0;
        if (f)
            f[i] = 0;
    }
}

INLINE void load(const struct mls_strip_columns *from, double *z, float *f,
                 double *s)
{
    for (int64_t i = 0; i < from->count; i++)
        s[i] = from->b[from->columns];
    for (int64_t j = 0; f && j < from->columns; j++)
        load_column(from, j, z + j * STRIP, f + j * STRIP, s);
    for (int64_t j = 0; !f && j < from->columns; j++)
        load_column(from, j, z + j * STRIP, NULL, s);
}

/* ---- Slopes ---- */

/* Macros and pointers, because a vector handed over by value means one thing
 * with AVX and another without. */
#define CHOOSE(mask, yes, no)                                                  \
    ((doubles)(((mask) & (words)(yes)) | (~(mask) & (words)(no))))

/*
 * exp(x) for x in [-708, 0], within 2 units in the last place: x = k log 2 + r,
 * |r| <= 0.35, and a Taylor polynomial of degree 13.  The shifter leaves k in
 * the low bits of a double.
 */
INLINE void exp_of(const doubles *x, doubles *out)
{
    doubles v = *x;
    doubles shifted = v * 1.4426950408889634 + 6755399441055744.0;
    doubles k = shifted - 6755399441055744.0;
    doubles r =
        (v - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    doubles p = r * (1.0 / 6227020800) + 1.0 / 479001600;

    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * (r * r) + r + 1.0;
    *out = (doubles)(((words)shifted << 52) + (words)p);
}

/* The loss of a row is max(wrong, 0) + log(1 + exp(-|s|)); without weights a
 * strip takes one logarithm, of the product of its arguments, each at most
 * 2. */
INLINE double slopes(const double *y, const double *w, int64_t count, double *s,
                     double *curvature)
{
    doubles wrongs = { 0 }, product = { 1, 1, 1, 1 };
    double own_y[STRIP], own_w[STRIP], loss = 0;
    int64_t end = padded(count);

    if (end > count) {
        memcpy(own_y, y, (size_t)count * sizeof(double));
        memset(own_y + count, 0, (size_t)(end - count) * sizeof(double));
        y = own_y;
    }
    if (end > count && w) {
        memcpy(own_w, w, (size_t)count * sizeof(double));
        memset(own_w + count, 0, (size_t)(end - count) * sizeof(double));
        w = own_w;
    }
    for (int64_t i = count; i < end; i++)
        s[i] = -700; /* a row that is none: no loss */
    for (int64_t i = 0; i < end; i += 4) {
        doubles score = *(doubles *)(s + i), zero = { 0 };
        doubles target = *(const doubles *)(y + i);
        doubles size = CHOOSE(score > zero, score, -score);
        doubles low = { 700, 700, 700, 700 };
        doubles most = -CHOOSE(size < low, size, low), e;
        doubles one, large, small, wrong, residual;

        exp_of(&most, &e);
        one = 1 + e;
        large = 1 / one;
        small = e * large;
        wrong = CHOOSE(target > zero, -score, score);
        residual = CHOOSE(wrong >= zero, large, small);
        wrong = CHOOSE(wrong > zero, wrong, zero);
        residual = CHOOSE(target > zero, -residual, residual);
        small *= large;
        if (w) {
            doubles weight = *(const doubles *)(w + i);

            for (int k = 0; k < 4; k++)
                loss += weight[k] * (wrong[k] + log1p(e[k]));
            residual *= weight;
            small *= weight;
        } else {
            wrongs += wrong;
            product *= one;
        }
        *(doubles *)(s + i) = residual;
        *(doubles *)(curvature + i) = small;
    }
    for (int64_t i = count; i < end; i++)
        s[i] = curvature[i] = 0;
    return loss + ((wrongs[0] + wrongs[1]) + (wrongs[2] + wrongs[3]))
           + log((product[0] * product[1]) * (product[2] * product[3]));
}

/* ---- Gradient ---- */

INLINE double dot(const double *a, const double *b, int64_t count)
{
    doubles s0 = { 0 }, s1 = { 0 };

    for (int64_t i = 0; i < padded(count); i += 8) {
        s0 += *(const doubles *)(a + i) * *(const doubles *)(b + i);
        s1 += *(const doubles *)(a + i + 4) * *(const doubles *)(b + i + 4);
    }
    s0 += s1;
    return (s0[0] + s0[1]) + (s0[2] + s0[3]);
}

INLINE void gradient(const double *z, int64_t columns, int64_t count,
                     const double *r, double *out)
{
    for (int64_t j = 0; j < columns; j++)
        out[j] += dot(z + j * STRIP, r, count);
}

INLINE void squares(const double *z, int64_t columns, int64_t count,
                    const double *w, double *square)
{
    double wz[STRIP];

    for (int64_t j = 0; j < columns; j++) {
        const double *column = z + j * STRIP;

        for (int64_t i = 0; w && i < padded(count); i++)
            wz[i] = i < count ? w[i] * column[i] : 0;
        square[j] += dot(column, w ? wz : column, count);
    }
}

/* ---- Hessian ---- */

#define LOAD(vector, from) (*(const vector *)(from))
#define ROW(vector, r)                                                         \
    do {                                                                       \
        vector v_ = LOAD(vector, a + (r)*STRIP + i);                           \
        s##r##0 += v_ * b0;                                                    \
        s##r##1 += v_ * b1;                                                    \
        s##r##2 += v_ * b2;                                                    \
    } while (0)
#define SUM(vector, lanes, r, c) (*(vector *)(sum + ((r)*room + (c)) * (lanes)))
#define TAKE(vector, lanes, r)                                                 \
    vector s##r##0 = SUM(vector, lanes, r, 0),                                 \
           s##r##1 = SUM(vector, lanes, r, 1),                                 \
           s##r##2 = SUM(vector, lanes, r, 2)
#define GIVE(vector, lanes, r)                                                 \
    (SUM(vector, lanes, r, 0) = s##r##0, SUM(vector, lanes, r, 1) = s##r##1,   \
     SUM(vector, lanes, r, 2) = s##r##2)

/* A block: columns a (4, weighted) with b (3). */
#define GRAM(name, scalar, vector, lanes)                                      \
    INLINE void name##_block(const scalar *a, const scalar *b, int64_t count,  \
                             int64_t room, scalar *sum)                        \
    {                                                                          \
        TAKE(vector, lanes, 0);                                                \
        TAKE(vector, lanes, 1);                                                \
        TAKE(vector, lanes, 2);                                                \
        TAKE(vector, lanes, 3);                                                \
        for (int64_t i = 0; i < count; i += (lanes)) {                         \
            vector b0 = LOAD(vector, b + i);                                   \
            vector b1 = LOAD(vector, b + STRIP + i);                           \
            vector b2 = LOAD(vector, b + 2 * STRIP + i);                       \
            ROW(vector, 0);                                                    \
            ROW(vector, 1);                                                    \
            ROW(vector, 2);                                                    \
            ROW(vector, 3);                                                    \
        }                                                                      \
        GIVE(vector, lanes, 0);                                                \
        GIVE(vector, lanes, 1);                                                \
        GIVE(vector, lanes, 2);                                                \
        GIVE(vector, lanes, 3);                                                \
    }                                                                          \
    INLINE void name(const scalar *f, const double *curvature,                 \
                     int64_t columns, int64_t count, scalar *weighted,         \
                     scalar *sum)                                              \
    {                                                                          \
        int64_t rows = padded(count), room = mls_strip_room(columns);          \
        scalar c[STRIP];                                                       \
        for (int64_t i = 0; i < rows; i++)                                     \
            c[i] = (scalar)curvature[i];                                       \
        for (int64_t j = 0; j < columns; j++) {                                \
            for (int64_t i = 0; i < rows; i += (lanes)) {                      \
                *(vector *)(weighted + j * STRIP + i) =                        \
                    LOAD(vector, f + j * STRIP + i) * LOAD(vector, c + i);     \
            }                                                                  \
        }                                                                      \
        for (int64_t j = 0; j < columns; j += DOWN) {                          \
            for (int64_t k = j; k < columns; k += ACROSS) {                    \
                name##_block(weighted + j * STRIP, f + k * STRIP, rows, room,  \
                             sum + (j * room + k) * (lanes));                  \
            }                                                                  \
        }                                                                      \
    }

GRAM(gram, float, floats, 8)
GRAM(gram_exact, double, doubles, 4)

/* ---- For any processor, and for this one ---- */

#define KERNELS(name, attribute)                                               \
    attribute static void load_##name(const struct mls_strip_columns *from,    \
                                      double *z, float *f, double *s)          \
    {                                                                          \
        load(from, z, f, s);                                                   \
    }                                                                          \
    attribute static double slopes_##name(const double *y, const double *w,    \
                                          int64_t count, double *s,            \
                                          double *curvature)                   \
    {                                                                          \
        return w ? slopes(y, w, count, s, curvature)                           \
                 : slopes(y, NULL, count, s, curvature);                       \
    }                                                                          \
    attribute static void gradient_##name(const double *z, int64_t columns,    \
                                          int64_t count, const double *r,      \
                                          double *out)                         \
    {                                                                          \
        gradient(z, columns, count, r, out);                                   \
    }                                                                          \
    attribute static void squares_##name(const double *z, int64_t columns,     \
                                         int64_t count, const double *w,       \
                                         double *square)                       \
    {                                                                          \
        squares(z, columns, count, w, square);                                 \
    }                                                                          \
    attribute static void gram_##name(const float *f, const double *curvature, \
                                      int64_t columns, int64_t count,          \
                                      float *weighted, float *sum)             \
    {                                                                          \
        gram(f, curvature, columns, count, weighted, sum);                     \
    }                                                                          \
    attribute static void gram_exact_##name(                                   \
        const double *z, const double *curvature, int64_t columns,             \
        int64_t count, double *weighted, double *sum)                          \
    {                                                                          \
        gram_exact(z, curvature, columns, count, weighted, sum);               \
    }

KERNELS(plain, )
#if defined(__x86_64__)
KERNELS(avx2, __attribute__((target("avx2"))))
#define CALL(name, arguments)                                                  \
    (__builtin_cpu_supports("avx2") ? name##_avx2 arguments                    \
                                    : name##_plain arguments)
#else
#define CALL(name, arguments) name##_plain arguments
#endif

void mls_strip_load(const struct mls_strip_columns *from, double *z, float *f,
                    double *s)
{
    CALL(load, (from, z, f, s));
}

double mls_strip_slopes(const double *y, const double *w, int64_t count,
                        double *s, double *curvature)
{
    return CALL(slopes, (y, w, count, s, curvature));
}

void mls_strip_gradient(const double *z, int64_t columns, int64_t count,
                        const double *r, double *out)
{
    CALL(gradient, (z, columns, count, r, out));
}

void mls_strip_squares(const double *z, int64_t columns, int64_t count,
                       const double *w, double *square)
{
    CALL(squares, (z, columns, count, w, square));
}

void mls_strip_gram(const float *f, const double *curvature, int64_t columns,
                    int64_t count, float *weighted, float *sum)
{
    CALL(gram, (f, curvature, columns, count, weighted, sum));
}

void mls_strip_gram_exact(const double *z, const double *curvature,
                          int64_t columns, int64_t count, double *weighted,
                          double *sum)
{
    CALL(gram_exact, (z, curvature, columns, count, weighted, sum));
}
