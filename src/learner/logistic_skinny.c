/*
 * Ten vectors are too few for BLAS, which first packs the table that it is to
 * be multiplied with: an effort of its own for each value, that ten products do
 * not outweigh (32 GFLOP/s of 110 on one core).  Here values are used where
 * they lie, by tiles of results that stay in registers:
 *
 *      scores  2 rows x 5 vectors, lanes along the columns, summed at the end
 *      back    16 columns x 5 vectors, down the rows, which are so few that
 *              they stay in the cache; the rows that come next are fetched
 *              meanwhile, which takes a fourth off the whole
 *
 * Two loads from the table serve ten products and sums, no fused operation.
 * 16,000 rows x 784, back and forth: 15 ms by BLAS, 9 ms so.
 */
#include "learner/logistic_skinny.h"

enum { LANES = 8, TILE = MLS_SKINNY_VECTORS };

typedef float lanes
    __attribute__((vector_size(32), aligned(4), may_alias));

#define AT(p) (*(const lanes *)(p))

static inline __attribute__((always_inline)) float sum_of(const lanes *v)
{
    const float *f = (const float *)v;

    return ((f[0] + f[4]) + (f[2] + f[6])) + ((f[1] + f[5]) + (f[3] + f[7]));
}

static inline __attribute__((always_inline)) void
score_tile(const struct mls_skinny *s, int64_t i, const float *u, float *scores)
{
    const float *a = s->rows + i * s->stride, *b = a + s->stride;
    const float *u1 = u + s->stride, *u2 = u1 + s->stride;
    const float *u3 = u2 + s->stride, *u4 = u3 + s->stride;
    lanes a0 = { 0 }, a1 = { 0 }, a2 = { 0 }, a3 = { 0 }, a4 = { 0 };
    lanes b0 = { 0 }, b1 = { 0 }, b2 = { 0 }, b3 = { 0 }, b4 = { 0 };

    for (int64_t j = 0; j < s->stride; j += LANES) {
        lanes x = AT(a + j), y = AT(b + j), v;

        v = AT(u + j), a0 += x * v, b0 += y * v;
        v = AT(u1 + j), a1 += x * v, b1 += y * v;
        v = AT(u2 + j), a2 += x * v, b2 += y * v;
        v = AT(u3 + j), a3 += x * v, b3 += y * v;
        v = AT(u4 + j), a4 += x * v, b4 += y * v;
    }
    scores[0] = sum_of(&a0), scores[1] = sum_of(&a1);
    scores[2] = sum_of(&a2), scores[3] = sum_of(&a3);
    scores[4] = sum_of(&a4);
    scores += s->vectors;
    scores[0] = sum_of(&b0), scores[1] = sum_of(&b1);
    scores[2] = sum_of(&b2), scores[3] = sum_of(&b3);
    scores[4] = sum_of(&b4);
}

static inline __attribute__((always_inline)) void
scores_in(const struct mls_skinny *s, const float *u, float *scores)
{
    for (int64_t i = 0; i < s->count; i += MLS_SKINNY_ROWS) {
        for (int64_t k = 0; k < s->vectors; k += TILE)
            score_tile(s, i, u + k * s->stride, scores + k + i * s->vectors);
    }
}

#define PUT(p, value) (*(lanes *)(p) = (value))

static inline __attribute__((always_inline)) void
back_tile(const struct mls_skinny *s, int64_t j, const float *change, float *to)
{
    float *t1 = to + s->stride, *t2 = t1 + s->stride, *t3 = t2 + s->stride;
    float *t4 = t3 + s->stride;
    const float *row = s->rows + j, *next = s->next + j;
    lanes a0 = AT(to), a1 = AT(t1), a2 = AT(t2), a3 = AT(t3), a4 = AT(t4);
    lanes b0 = AT(to + LANES), b1 = AT(t1 + LANES), b2 = AT(t2 + LANES);
    lanes b3 = AT(t3 + LANES), b4 = AT(t4 + LANES);

    for (int64_t i = 0; i < s->count; i++) {
        lanes x = AT(row), y = AT(row + LANES);

        __builtin_prefetch(next);
        next += s->stride;
        a0 += x * change[0], b0 += y * change[0];
        a1 += x * change[1], b1 += y * change[1];
        a2 += x * change[2], b2 += y * change[2];
        a3 += x * change[3], b3 += y * change[3];
        a4 += x * change[4], b4 += y * change[4];
        row += s->stride;
        change += s->vectors;
    }
    PUT(to, a0), PUT(t1, a1), PUT(t2, a2), PUT(t3, a3), PUT(t4, a4);
    PUT(to + LANES, b0), PUT(t1 + LANES, b1), PUT(t2 + LANES, b2);
    PUT(t3 + LANES, b3), PUT(t4 + LANES, b4);
}

static inline __attribute__((always_inline)) void
back_in(const struct mls_skinny *s, const float *change, float *sum)
{
    for (int64_t j = 0; j < s->stride; j += MLS_SKINNY_COLUMNS) {
        for (int64_t k = 0; k < s->vectors; k += TILE)
            back_tile(s, j, change + k, sum + j + k * s->stride);
    }
}

/* ---- For each kind of processor ---- */

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
scores_avx2(const struct mls_skinny *s, const float *u, float *scores)
{
    scores_in(s, u, scores);
}

__attribute__((target("avx2"))) static void
back_avx2(const struct mls_skinny *s, const float *change, float *sum)
{
    back_in(s, change, sum);
}
#endif

void mls_skinny_scores(const struct mls_skinny *s, const float *u,
                       float *scores)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        scores_avx2(s, u, scores);
        return;
    }
#endif
    scores_in(s, u, scores);
}

void mls_skinny_back(const struct mls_skinny *s, const float *change,
                     float *sum)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        back_avx2(s, change, sum);
        return;
    }
#endif
    back_in(s, change, sum);
}
