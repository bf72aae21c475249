/*
 * Codes of many cells: for numeric columns how many cuts lie below a value.
 *
 * Up to 255 cuts, with AVX2: two looks, each comparing the value with 16 cuts
 * at once and counting how many are smaller.
 *
 *      corners   cut[15]      cut[31]     cut[47]  ...         16 of them
 *      cuts      0 ... 15   16 ... 31   32 ... 47  ...         padded by inf
 *                └─ the first look says which block, the second where in it
 *
 * The four masks of a look are packed to one bit pair a cut, so that a single
 * population count adds them.  2.6 ns a cell on Zen 3; gathers, eight halving
 * steps for 16 values at once, take 7.7 there, and the plain code below 8.2.
 * Doubles are compared as they are, so the codes are exactly the plain ones.
 *
 * More cuts, or no AVX2: a search by halving without branches, LANES values
 * side by side so that one's wait for memory is another's work.  All lanes take
 * the same steps, for the number of steps depends on the number of cuts alone.
 */
#include <math.h>

#include "stats/bins.h"

enum { LANES = 8, WIDE_MOST = 255, LOOK = 16 };

/* NaN is larger than no cut: its count is 0, and 1 is not added. */
static void put(void *out, int64_t at, int width, int64_t code)
{
    if (width == 1)
        ((uint8_t *)out)[at] = (uint8_t)code;
    else
        ((uint16_t *)out)[at] = (uint16_t)code;
}

/* step counts codes. */
static void code_plain(const struct mls_bins *bins, const double *value,
                       int64_t n, int width, void *out, int64_t step)
{
    for (int64_t i = 0; i < n; i += LANES) {
        int lanes = n - i < LANES ? (int)(n - i) : LANES;
        const double *at[LANES];
        double x[LANES] = { 0 };

        for (int k = 0; k < LANES; k++)
            at[k] = bins->cut;
        for (int k = 0; k < lanes; k++)
            x[k] = value[i + k];
        for (int64_t rest = bins->cuts; rest > 1; rest -= rest / 2) {
            int64_t half = rest / 2;

            for (int k = 0; k < LANES; k++)
                at[k] += x[k] > at[k][half - 1] ? half : 0;
        }
        for (int k = 0; k < lanes; k++) {
            int64_t below = at[k] - bins->cut + (x[k] > at[k][0]);

            put(out, (i + k) * step, width, below + (x[k] == x[k]));
        }
    }
}

static void code_uncut(const struct mls_bins *bins, const double *value,
                       int64_t n, int width, void *out, int64_t step)
{
    for (int64_t i = 0; i < n; i++)
        put(out, i * step, width, bins->codes > 1 && value[i] == value[i]);
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt")))
#define ALWAYS inline __attribute__((always_inline))

/* Twice the number of the 16 cuts that are smaller than v. */
AVX2 static ALWAYS int look(__m256d v, const double *cut)
{
#define SMALLER(k) _mm256_castpd_si256( \
    _mm256_cmp_pd(v, _mm256_loadu_pd(cut + 4 * (k)), _CMP_GT_OQ))
    __m256i low = _mm256_packs_epi32(SMALLER(0), SMALLER(1));
    __m256i high = _mm256_packs_epi32(SMALLER(2), SMALLER(3));
#undef SMALLER

    return __builtin_popcount(
        (unsigned)_mm256_movemask_epi8(_mm256_packs_epi16(low, high)));
}

AVX2 static ALWAYS void looks(const double *corners, const double *cuts,
                              const double *value, int64_t n, int width,
                              void *out, int64_t step)
{
    for (int64_t i = 0; i < n; i++) {
        __m256d v = _mm256_broadcast_sd(value + i);
        int block = look(v, corners) * (LOOK / 2);

        put(out, i * step, width,
            block + look(v, cuts + block) / 2 + (value[i] == value[i]));
    }
}

AVX2 static void code_avx2(const struct mls_bins *bins, const double *value,
                           int64_t n, int width, void *out, int64_t step)
{
    double cuts[LOOK * LOOK], corners[LOOK];

    for (int k = 0; k < LOOK * LOOK; k++)
        cuts[k] = k < bins->cuts ? bins->cut[k] : INFINITY;
    for (int k = 0; k < LOOK; k++)
        corners[k] = cuts[LOOK * k + LOOK - 1];
    if (width == 1 && step == 1)
        looks(corners, cuts, value, n, 1, out, 1);
    else
        looks(corners, cuts, value, n, width, out, step);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}
#else
#define code_avx2 code_plain
static bool has_avx2(void)
{
    return false;
}
#endif

void mls_bins_code_reals(const struct mls_bins *bins, const double *value,
                         int64_t n, int width, void *out, int64_t step)
{
    if (bins->cuts == 0)
        code_uncut(bins, value, n, width, out, step);
    else if (bins->cuts <= WIDE_MOST && n >= LOOK && has_avx2())
        code_avx2(bins, value, n, width, out, step);
    else
        code_plain(bins, value, n, width, out, step);
}

void mls_bins_code_levels(const struct mls_bins *bins, const uint32_t *level,
                          int64_t n, int width, void *out, int64_t step)
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t code = level[i] < bins->levels ? bins->code_of[level[i]]
                                                : MLS_BIN_MISSING;

        put(out, i * step, width, code);
    }
}
