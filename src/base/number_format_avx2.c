/*
 * A column of reals to text, thirty-two at a time: the same digits as
 * number_format.c finds, by the same method, but without a branch that a number
 * could lead astray, and four numbers to an instruction wherever no product of
 * 64 by 64 bits is asked for.
 *
 *     values    1. exponent: k, the row of the power of ten, the shift
 *               2. scaling:  v / 10^k = s + f / 2^64, and s / 10
 *               3. choosing: of 10 t, 10 (t + 1), s, s + 1 the one to write
 *               4. digits:   16 by halving four times, and a 17th
 *     slots     5. layout:   the point put between them by a shuffle
 *
 * Few decimals.  Steps 1 to 3 are for numbers of any length.  When all of a
 * batch have at most six decimals and are below 10^9, the digits are those of
 * m = v 10^6 rounded to a whole number: m / 10^6, rounded as a division is, is v
 * again, and two decimals of up to 15 digits are never the same double; so no
 * shorter one is v.  Any other number shows by that division within the first
 * four of a batch, most often.  Below 10^-4 the text has an exponent.
 *
 * Choosing.  With r = v / 10^k - 10 t, t = floor(s / 10), and h half the length
 * of the interval over 10^k:
 *
 *     10 t is inside when r < h, 10 (t + 1) when r + h > 10; never both.
 *     Else no number with fewer digits is inside, and the nearer of s and s + 1
 *     always is, for it is at most 1/2 away and h >= 1/2.
 *
 * r and h are computed in units of 2^-58, with less than two units cut off.
 * When a comparison is so near that this could matter, which happens once in
 * about 2^50 numbers and for ties, mls_format_real writes the number, as it
 * does those that have an exponent in their text.
 *
 * The interval of a power of two is shorter below.  Those in the range that is
 * written here have at most 16 digits, so s is one of them itself and r = 0.
 *
 * Digits.  s has 16 or 17 digits.  Of 17 the first sixteen are t.
 *
 * Layout.  One row of a table for each place of the point says how the sixteen
 * digits are shuffled to let it in, where they start (behind "0.00"), where the
 * 17th stands, and how long the text is for each number of digits that are left
 * when zeros at the end are dropped.
 *
 * Measured on a Zen 3 core, the column in its cache: 11 ns a number of full
 * doubles, 7 ns of six decimals; one by one 38 and 14 ns.
 */
#include "base/number_format.h"

#if MLS_FORMAT_AVX2

#include <immintrin.h>
#include <math.h>

#include "base/number.h"
#include "base/number_detail.h"

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#define BATCH 32
#define UNIT 58                 /* r and h are in 2^-UNIT */

struct batch {
    uint64_t bits[BATCH];       /* the doubles; zeros, never odd, after them */
    uint64_t c[BATCH];          /* significand, shifted for the power */
    uint64_t row[BATCH];        /* of the table of powers */
    uint64_t power[BATCH];      /* its high word */
    uint64_t half[BATCH];       /* power >> half is h */
    int64_t k[BATCH];
    uint64_t s[BATCH], f[BATCH];
    uint64_t tens[BATCH];       /* 8 t, and bits that are cut off */
    uint64_t place[BATCH];      /* of the point, in bytes of the table */
    uint64_t last[BATCH];       /* the 17th digit */
    _Alignas(32) unsigned char digits[BATCH][16];
    uint16_t used[BATCH];       /* a bit for each that is not 0 */
};

/*
 * ---- the table of places ----
 *
 * Row of point p: p digits stand before the point, none when p < 1.  The rows
 * after those are for sixteen digits of which z lead, and are zeros, and the last
 * six are decimals.
 */
#define FIRST_POINT (-3)
#define LAST_POINT 15

struct place {
    unsigned char shuffle[16];  /* 128 leaves room for the point */
    unsigned char point[16];
    unsigned char length[24];   /* by leading zeros of used - LEAST_ZEROS */
    unsigned char start, tail;  /* digits begin, and those after the point */
    unsigned char unused[6];    /* 64 bytes: its index is a shift */
};

/* used has at most 20 bits: 16 digits, and the 17th as a number. */
#define LEAST_ZEROS 12
#define START(p) ((p) > 0 ? 0 : 2 - (p))
#define SHUFFLE(p, i) \
    ((p) <= 0 || (i) < (p) ? (i) : (i) == (p) ? 128 : (i) - 1)
#define POINT(p, i) ((p) > 0 && (i) == (p) ? '.' : 0)
#define LEFT(i) (20 - (i) > 17 ? 17 : 20 - (i))
#define LENGTH(p, i) \
    ((p) <= 0 ? START(p) + LEFT(i) : LEFT(i) > (p) ? LEFT(i) + 1 : (p))
#define EIGHT(of, p, i)                                                  \
    of(p, i), of(p, (i) + 1), of(p, (i) + 2), of(p, (i) + 3),            \
        of(p, (i) + 4), of(p, (i) + 5), of(p, (i) + 6), of(p, (i) + 7)
#define ROW_OF(shuffle, point, length, p, start, tail)                   \
    {                                                                    \
        { EIGHT(shuffle, p, 0), EIGHT(shuffle, p, 8) },                  \
        { EIGHT(point, p, 0), EIGHT(point, p, 8) },                      \
        { EIGHT(length, p, 0), EIGHT(length, p, 8),                      \
          EIGHT(length, p, 16) },                                        \
        start, tail, { 0 }                                               \
    }
#define ROW(p)                                                           \
    ROW_OF(SHUFFLE, POINT, LENGTH, p, START(p), START(p) + ((p) > 0))

#define DECIMALS 6
#define WHOLE (16 - DECIMALS)   /* digits before the point */
#define FEW_SHUFFLE(z, i) \
    ((i) < WHOLE - (z) ? (z) + (i) : (i) == WHOLE - (z) ? 128 : (z) + (i) - 1)
#define FEW_POINT(z, i) ((i) == WHOLE - (z) ? '.' : 0)
#define FEW_LENGTH(z, i) \
    (LEFT(i) > WHOLE ? LEFT(i) + 1 - (z) : WHOLE - (z))
#define FEW(z) ROW_OF(FEW_SHUFFLE, FEW_POINT, FEW_LENGTH, z, 0, 1)
#define FIRST_FEW (LAST_POINT - FIRST_POINT + 1)    /* z = 1 */

static _Alignas(64) const struct place places[FIRST_FEW + WHOLE - 1] = {
    ROW(-3), ROW(-2), ROW(-1), ROW(0),  ROW(1),  ROW(2),  ROW(3),
    ROW(4),  ROW(5),  ROW(6),  ROW(7),  ROW(8),  ROW(9),  ROW(10),
    ROW(11), ROW(12), ROW(13), ROW(14), ROW(15),
    FEW(1),  FEW(2),  FEW(3),  FEW(4),  FEW(5),  FEW(6),  FEW(7),
    FEW(8),  FEW(9),
};
_Static_assert(sizeof(struct place) == 64, "a row is 64 bytes");

/* ---- four at a time ---- */

AVX2 static inline __m256i all(int64_t value)
{
    return _mm256_set1_epi64x(value);
}

AVX2 static inline __m256i load(const void *from)
{
    return _mm256_loadu_si256(from);
}

AVX2 static inline void store(void *to, __m256i x)
{
    _mm256_storeu_si256(to, x);
}

AVX2 static inline __m256i times_ten(__m256i x)
{
    __m256i twice = _mm256_add_epi64(x, x);

    return _mm256_add_epi64(twice, _mm256_slli_epi64(twice, 2));
}

/* (a * factor) >> shift for small numbers with a sign: all of the product lies
 * in the low half, so that the high half is its sign and stays so. */
AVX2 static inline __m256i scale_small(__m256i a, int factor, int shift)
{
    return _mm256_srai_epi32(_mm256_mul_epi32(a, all(factor)), shift);
}

AVX2 static inline void find_powers(struct batch *b, int i)
{
    __m256i bits = load(b->bits + i);
    __m256i fraction = _mm256_and_si256(bits, all(MLS_HIDDEN_BIT - 1));
    __m256i biased = _mm256_srli_epi64(_mm256_slli_epi64(bits, 1), 53);
    __m256i q = _mm256_sub_epi64(biased, all(1075));
    __m256i k = scale_small(q, 1262611, 22);            /* log10(2^q) */
    __m256i log2 = scale_small(k, -1741647, 19);        /* log2(10^-k) */
    __m256i shift = _mm256_add_epi64(_mm256_add_epi64(q, log2), all(1));
    __m256i c = _mm256_or_si256(fraction, all(MLS_HIDDEN_BIT));

    store(b->c + i, _mm256_sllv_epi64(c, shift));
    store(b->half + i, _mm256_sub_epi64(all(65 - UNIT), shift));
    store(b->row + i, _mm256_sub_epi64(all(-MLS_POWER_FIRST), k));
    store(b->k + i, k);
}

AVX2 static inline void scale(struct batch *b, int i)
{
    const uint64_t *power = mls_powers_of_ten[b->row[i]];
    mls_wide product = (mls_wide)b->c[i] * power[0];
    uint64_t s;

    product += (uint64_t)((mls_wide)b->c[i] * power[1] >> 64);
    s = (uint64_t)(product >> 64);
    b->power[i] = power[0];
    b->s[i] = s;
    b->f[i] = (uint64_t)product;
    b->tens[i] = (uint64_t)((mls_wide)s * UINT64_C(0xCCCCCCCCCCCCCCCD) >> 64);
}

/* Whether x, less than so many units from 0, is too near to it. */
AVX2 static inline __m256i near_zero(__m256i x)
{
    __m256i high = _mm256_srli_epi64(_mm256_add_epi64(x, all(4)), 3);

    return _mm256_cmpeq_epi64(high, _mm256_setzero_si256());
}

/* The two halves of numbers below 10^16: *low = x - 10^8 * the result, which
 * an estimate by doubles finds but for one. */
AVX2 static inline __m256i halve(__m256i x, __m256i *low)
{
    const __m256i eight = all(100000000), magic = all(0x433LL << 52);
    __m256d cut = _mm256_castsi256_pd(
        _mm256_or_si256(_mm256_srli_epi64(x, 8), magic));
    __m256d estimate = _mm256_mul_pd(
        _mm256_sub_pd(cut, _mm256_set1_pd(0x1p52)),
        _mm256_set1_pd(256e-8));
    __m256i high = _mm256_cvtepu32_epi64(_mm256_cvttpd_epi32(estimate));
    __m256i rest = _mm256_sub_epi64(x, _mm256_mul_epu32(high, eight));
    __m256i less = _mm256_cmpgt_epi64(_mm256_setzero_si256(), rest);
    __m256i more = _mm256_cmpgt_epi64(rest, all(99999999));

    rest = _mm256_add_epi64(rest, _mm256_and_si256(less, eight));
    *low = _mm256_sub_epi64(rest, _mm256_and_si256(more, eight));
    return _mm256_sub_epi64(_mm256_add_epi64(high, less), more);
}

/* Numbers below 10^8 to eight digits each, the first one lowest: halves of
 * four digits, quarters of two, digits. */
AVX2 static inline __m256i eight_digits(__m256i x)
{
    __m256i q = _mm256_srli_epi64(_mm256_mul_epu32(x, all(3518437209)), 45);
    __m256i fours, twos, digits;

    fours = _mm256_sub_epi64(x, _mm256_mul_epu32(q, all(10000)));
    fours = _mm256_or_si256(q, _mm256_slli_epi64(fours, 32));
    q = _mm256_mulhi_epu16(fours, _mm256_set1_epi32(5243));
    q = _mm256_srli_epi16(q, 3);
    twos = _mm256_mullo_epi16(q, _mm256_set1_epi32(100));
    twos = _mm256_sub_epi16(fours, twos);
    twos = _mm256_or_si256(q, _mm256_slli_epi32(twos, 16));
    q = _mm256_mulhi_epu16(twos, _mm256_set1_epi16(6554));
    digits = _mm256_mullo_epi16(q, _mm256_set1_epi16(10));
    digits = _mm256_sub_epi16(twos, digits);
    return _mm256_or_si256(q, _mm256_slli_epi16(digits, 8));
}

/* The digits of two numbers. */
AVX2 static inline void put_digits(struct batch *b, int i, __m256i digits)
{
    __m256i zeros = _mm256_cmpeq_epi8(digits, _mm256_setzero_si256());
    uint32_t used = ~(uint32_t)_mm256_movemask_epi8(zeros);

    memcpy(&b->used[i], &used, sizeof(used));
    store(b->digits[i], _mm256_or_si256(digits, _mm256_set1_epi8('0')));
}

/* The digits of four numbers below 10^16. */
AVX2 static inline void put_sixteen(struct batch *b, int i, __m256i x)
{
    __m256i second, first = halve(x, &second);
    __m256i lows = eight_digits(_mm256_unpacklo_epi64(first, second));
    __m256i highs = eight_digits(_mm256_unpackhi_epi64(first, second));

    put_digits(b, i, _mm256_permute2x128_si256(lows, highs, 0x20));
    put_digits(b, i + 2, _mm256_permute2x128_si256(lows, highs, 0x31));
}

/* v 10^6 of four numbers into s; false when one has more decimals or is too
 * large. */
AVX2 static inline bool has_few(struct batch *b, int i)
{
    const __m256d whole = _mm256_set1_pd(0x1p52);
    __m256d v = _mm256_castsi256_pd(
        _mm256_and_si256(load(b->bits + i), all(INT64_MAX)));
    __m256d sum = _mm256_add_pd(_mm256_mul_pd(v, _mm256_set1_pd(1e6)), whole);
    __m256d back = _mm256_div_pd(_mm256_sub_pd(sum, whole),
                                 _mm256_set1_pd(1e6));
    __m256d good = _mm256_and_pd(
        _mm256_cmp_pd(back, v, _CMP_EQ_OQ),
        _mm256_cmp_pd(v, _mm256_set1_pd(1e9), _CMP_LT_OQ));

    store(b->s + i, _mm256_and_si256(_mm256_castpd_si256(sum),
                                     all((1LL << 52) - 1)));
    return _mm256_movemask_pd(good) == 15;
}

AVX2 static inline bool all_have_few(struct batch *b, int filled)
{
    for (int i = 0; i < filled; i += 4) {
        if (!has_few(b, i))
            return false;
    }
    return true;
}

/* As choose, of numbers that have few decimals. */
AVX2 static inline uint32_t choose_few(struct batch *b, int i)
{
    __m256i m = load(b->s + i);
    __m256i tiny = _mm256_andnot_si256(
        _mm256_cmpeq_epi64(m, _mm256_setzero_si256()),
        _mm256_cmpgt_epi64(all(100), m));

    put_sixteen(b, i, m);
    store(b->last + i, _mm256_setzero_si256());
    for (int j = i; j < i + 4; j++)
        b->place[j] = (uint64_t)(FIRST_FEW - 1 + __builtin_ctz(
                                     b->used[j] | 1u << (WHOLE - 1)))
            << 6;
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(tiny));
}

/* Returns a bit for each of four numbers that is not to be written here. */
AVX2 static inline uint32_t choose(struct batch *b, int i)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i nothing = _mm256_cmpeq_epi64(
        _mm256_slli_epi64(load(b->bits + i), 1), zero);
    __m256i t = _mm256_srli_epi64(load(b->tens + i), 3);
    __m256i ones = _mm256_sub_epi64(load(b->s + i), times_ten(t));
    __m256i f = load(b->f + i);
    __m256i r = _mm256_or_si256(_mm256_slli_epi64(ones, UNIT),
                                _mm256_srli_epi64(f, 64 - UNIT));
    __m256i h = _mm256_srlv_epi64(load(b->power + i), load(b->half + i));
    __m256i over_low = _mm256_sub_epi64(r, h);
    __m256i over_high = _mm256_sub_epi64(_mm256_add_epi64(r, h),
                                         all(10LL << UNIT));
    __m256i low = _mm256_cmpgt_epi64(zero, over_low);
    __m256i high = _mm256_cmpgt_epi64(over_high, zero);
    __m256i doubt = _mm256_or_si256(
        _mm256_or_si256(near_zero(over_low), near_zero(over_high)),
        near_zero(_mm256_add_epi64(f, all(INT64_MIN))));
    __m256i digits, big, point, odd;

    ones = _mm256_add_epi64(ones, _mm256_srli_epi64(f, 63));
    ones = _mm256_andnot_si256(_mm256_or_si256(low, high), ones);
    ones = _mm256_andnot_si256(nothing, ones);
    t = _mm256_andnot_si256(nothing, _mm256_sub_epi64(t, high));
    digits = _mm256_add_epi64(ones, times_ten(t));
    big = _mm256_cmpgt_epi64(digits, all(9999999999999999));
    digits = _mm256_blendv_epi8(digits, t, big);
    store(b->last + i, _mm256_and_si256(ones, big));

    /* p - FIRST_POINT, p = 16 + k and one more when there are 17. */
    point = _mm256_sub_epi64(load(b->k + i), big);
    point = _mm256_add_epi64(point, all(16 - FIRST_POINT));
    odd = _mm256_or_si256(
        _mm256_cmpgt_epi64(zero, point),
        _mm256_cmpgt_epi64(point, all(LAST_POINT - FIRST_POINT)));
    point = _mm256_blendv_epi8(point, all(1 - FIRST_POINT), nothing);
    doubt = _mm256_andnot_si256(nothing, _mm256_or_si256(doubt, odd));
    point = _mm256_andnot_si256(doubt, point);
    store(b->place + i, _mm256_slli_epi64(point, 6));

    put_sixteen(b, i, digits);
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(doubt));
}

AVX2 static inline uint32_t choose_all(struct batch *b, int n, int filled)
{
    uint32_t odd = 0;

    for (int i = 0; i < n; i += 4)
        find_powers(b, i);
    for (int i = 0; i < filled; i++)
        scale(b, i);
    for (int i = 0; i < n; i += 4)
        odd |= choose(b, i) << i;
    return odd;
}

/* ---- one at a time ---- */

AVX2 static inline void lay_out(const struct batch *b, int i, char *slot)
{
    const struct place *place = (const void *)((const char *)places
                                               + b->place[i]);
    size_t minus = b->bits[i] >> 63;
    uint32_t used = b->used[i] | (uint32_t)b->last[i] << 16;
    __m128i digits = _mm_load_si128((const void *)b->digits[i]);
    __m128i whole = _mm_or_si128(
        _mm_shuffle_epi8(digits, _mm_load_si128((const void *)place->shuffle)),
        _mm_load_si128((const void *)place->point));
    char *text = slot + minus, *tail = text + place->tail;

    slot[0] = '-';
    memcpy(text, "0.000000", 8);
    /* From the point on, then what stands before it. */
    _mm_storeu_si128((void *)tail, digits);
    tail[16] = (char)('0' + b->last[i]);
    _mm_storeu_si128((void *)(text + place->start), whole);
    slot[MLS_REAL_SLOT - 1] =
        (char)(minus + place->length[_lzcnt_u32(used) - LEAST_ZEROS]);
}

static void write_odd(double value, char *slot)
{
    char text[MLS_REAL_TEXT];
    size_t length = isnan(value) ? 0 : mls_format_real(value, text);

    memcpy(slot, text, length);
    slot[MLS_REAL_SLOT - 1] = (char)length;
}

AVX2 void mls_format_reals_avx2(const double *values, int64_t count,
                                char *slots, size_t stride)
{
    struct batch b;

    for (; count > 0; count -= BATCH, values += BATCH) {
        int n = count < BATCH ? (int)count : BATCH, filled = (n + 3) & ~3;
        uint32_t odd = 0;

        memcpy(b.bits, values, (size_t)n * sizeof(*values));
        memset(b.bits + n, 0, (size_t)(filled - n) * sizeof(*values));
        if (all_have_few(&b, filled)) {
            for (int i = 0; i < n; i += 4)
                odd |= choose_few(&b, i) << i;
        } else {
            odd = choose_all(&b, n, filled);
        }
        for (int i = 0; i < n; i++)
            lay_out(&b, i, slots + (size_t)i * stride);
        for (; odd != 0; odd &= odd - 1) {
            int i = __builtin_ctz(odd);

            write_odd(values[i], slots + (size_t)i * stride);
        }
        slots += (size_t)n * stride;
    }
}

#endif
