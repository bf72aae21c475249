/*
 * Numbers of at most 16 bytes, all digits at once.
 *
 * The 16 bytes that END with the cell are loaded, so that units stand in the
 * last byte whatever the length; what is before the cell becomes zeros.  A
 * shuffle chosen by the place of the point closes the gap that it leaves:
 *
 *     ...,-12.5      load, cut the sign and what is before it
 *     000000000012.5
 *     00000000000125      shuffle; then three multiply-and-add steps:
 *     pairs to 0-99, these to 0-9999, these to two numbers of eight digits
 *
 * With at most 15 digits the integer w is a double, and so is 10^k for the k
 * digits after the point: one division rounds once (Clinger 1990), hence the
 * result is the correctly rounded one.  Everything else, exponents, spaces,
 * words, longer numbers, is left to mls_parse_real.
 */
#include "table/csv_reals.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

static int64_t reals_plain(const char *bytes, const uint32_t *before,
                           const uint32_t *at, int64_t stride, int64_t count,
                           char point, double *out, uint32_t *hard,
                           struct mls_reals_counts *counts)
{
    int64_t hard_count = 0;

    for (int64_t i = 0; i < count; i++) {
        const char *cell = bytes + before[i * stride] + 1;
        int64_t length = bytes + at[i * stride] - cell;
        int64_t sign = length > 0 && cell[0] == '-';
        bool integer;

        out[i] = NAN;
        if (length == 0) {
            counts->empty++;
        } else if (length - sign > 15
                   || !mls_parse_real(cell, (size_t)length, point, &out[i],
                                      &integer)) {
            hard[hard_count++] = (uint32_t)i;
        } else if (integer) {
            if (cell[0] == '+') { /* judged where words are */
                hard[hard_count++] = (uint32_t)i;
                continue;
            }
            counts->integers++;
            counts->zeros |= cell[sign] == '0' && length - sign > 1;
        }
    }
    return hard_count;
}

#if HAVE_X86

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

/* 32 bytes; the 16 from n on are n times 255 less than 16, then zeros. */
static const uint8_t tail_masks[32] = { 0,   0,   0,   0,   0,   0,   0,   0,
                                        0,   0,   0,   0,   0,   0,   0,   0,
                                        255, 255, 255, 255, 255, 255, 255, 255,
                                        255, 255, 255, 255, 255, 255, 255,
                                        255 };

/* closes[k]: without byte k, the bytes before it one place on. */
#define Z 0x80
static const uint8_t closes[17][16] = {
    { Z, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15 },
    { Z, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
};
#undef Z

AVX2 static int64_t reals_avx2(const char *bytes, const uint32_t *before,
                               const uint32_t *at, int64_t stride,
                               int64_t count, char point, double *out,
                               uint32_t *hard, struct mls_reals_counts *counts)
{
    /* By the place of the point; none is place 16. */
    static const double tens[17] = { 1e15, 1e14, 1e13, 1e12, 1e11, 1e10,
                                     1e9,  1e8,  1e7,  1e6,  1e5,  1e4,
                                     1e3,  1e2,  1e1,  1e0,  1e0 };
    const __m128i zeros = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    const __m128i points = _mm_set1_epi8((char)(point - '0'));
    const __m128i by10 = _mm_set1_epi16(10 | 1 << 8);
    const __m128i by100 = _mm_set1_epi32(100 | 1 << 16);
    const __m128i by10000 = _mm_set1_epi32(10000 | 1 << 16);
    int64_t hard_count = 0, empty = 0, integers = 0, leading = 0;

    for (int64_t i = 0; i < count; i++) {
        const char *cell = bytes + before[i * stride] + 1;
        const char *end = bytes + at[i * stride];
        uint64_t minus = *cell == '-';
        int64_t length;
        uint32_t point_bits, digit_bits, place;
        __m128i digits, keep, is_point;
        uint64_t w, bits;
        double value;

        cell += minus;
        length = end - cell;
        if (__builtin_expect((uint64_t)(length - 1) > 15, 0)) {
            out[i] = NAN;
            if (length == 0 && minus == 0)
                empty++;
            else
                hard[hard_count++] = (uint32_t)i;
            continue;
        }
        memcpy(&digits, end - 16, 16);
        memcpy(&keep, tail_masks + length, 16);
        digits = _mm_and_si128(_mm_sub_epi8(digits, zeros), keep);
        is_point = _mm_cmpeq_epi8(digits, points);
        point_bits = (uint32_t)_mm_movemask_epi8(is_point);
        digit_bits = (uint32_t)_mm_movemask_epi8(
            _mm_cmpeq_epi8(_mm_min_epu8(digits, nine), digits));
        /* All digits but one point, at least one digit, at most 15. */
        if (__builtin_expect((digit_bits | point_bits) != 0xFFFF
                                 || (point_bits & (point_bits - 1)) != 0
                                 || length == (point_bits ? 1 : 16),
                             0)) {
            out[i] = NAN;
            hard[hard_count++] = (uint32_t)i;
            continue;
        }
        place = (uint32_t)__builtin_ctz(point_bits | 1u << 16);
        memcpy(&keep, closes[place], 16);
        digits = _mm_shuffle_epi8(digits, keep);
        digits = _mm_maddubs_epi16(digits, by10);
        digits = _mm_madd_epi16(digits, by100);
        digits = _mm_packus_epi32(digits, digits);
        digits = _mm_madd_epi16(digits, by10000);
        w = (uint64_t)_mm_cvtsi128_si64(digits);
        w = (w & 0xFFFFFFFF) * 100000000 + (w >> 32);
        integers += place == 16;
        leading |= (place == 16) & (length > 1) & (*cell == '0');
        value = (double)(int64_t)w / tens[place];
        memcpy(&bits, &value, 8);
        bits |= minus << 63;
        memcpy(&out[i], &bits, 8);
    }
    counts->empty += empty;
    counts->integers += integers;
    counts->zeros |= leading != 0;
    return hard_count;
}

mls_reals_fn *mls_reals_of(enum mls_simd simd)
{
    return simd == MLS_SIMD_NONE ? reals_plain : reals_avx2;
}

#else

mls_reals_fn *mls_reals_of(enum mls_simd simd)
{
    (void)simd;
    return reals_plain;
}

#endif
