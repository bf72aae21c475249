/*
 * Numbers to text.  A double v stands for every real between the midpoints to
 * its two neighbours.  Schubfach (Raffaello Giulietti, "The Schubfach way to
 * render doubles", 2020) picks the power of ten 10^k that is just not longer
 * than this interval, so that the interval holds at least one multiple of 10^k
 * and at most one of 10^(k+1), and looks which of at most four candidates are
 * inside:
 *
 *      left                v                right
 *       |-------------------|-------------------|        interval of v
 *     s*10^k          (s+1)*10^k                         the two nearest
 *
 * All is done with one 128-bit power of ten and integers of four times the
 * scale, the last bit of which also says whether anything was cut off ("round
 * to odd"): enough for exact comparisons.  Integers below 2^53 are written as
 * they are, which is shortest anyway.
 *
 * Columns are written by number_format_avx2.c where the processor can.
 */
#include "base/number_format.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#if MLS_FORMAT_AVX2
#include <cpuid.h>
#endif
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/number.h"
#include "base/number_detail.h"

static const char digit_pairs[] =
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static const uint64_t powers_of_ten[20] = {
    1u, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u, 100000000u,
    1000000000u, 10000000000u, 100000000000u, 1000000000000u,
    10000000000000u, 100000000000000u, 1000000000000000u,
    10000000000000000u, 100000000000000000u, 1000000000000000000u,
    10000000000000000000u
};

static int count_digits(uint64_t value)
{
    int bits = 64 - __builtin_clzll(value | 1);
    int n = bits * 1233 >> 12; /* log10(2) from below */

    return n + (value >= powers_of_ten[n] || n == 0);
}

/*
 * The eight digits of a number below 10^8 as eight small bytes, the first one
 * lowest: halves of four digits, quarters of two, digits, each step for all
 * parts at once by a multiplication that divides by 100 or 10.
 */
static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & UINT64_C(0x0000007F0000007F);
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (twos * 103 >> 10) & UINT64_C(0x000F000F000F000F);

    return tens | (twos - 10 * tens) << 8;
}

#define ZEROS UINT64_C(0x3030303030303030)

/* Eight digits as text, whatever the order of bytes in a word. */
static void put_eight(uint64_t digits, char *text)
{
    digits |= ZEROS;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    digits = __builtin_bswap64(digits);
#endif
    memcpy(text, &digits, 8);
}

/* Writes the n digits of value to text. */
static void put_digits(uint64_t value, char *text, int n)
{
    uint32_t rest;

    for (; n > 8; value /= 100000000) {
        n -= 8;
        put_eight(eight_digits((uint32_t)(value % 100000000)), text + n);
    }
    for (rest = (uint32_t)value; n >= 2; rest /= 100) {
        n -= 2;
        memcpy(text + n, digit_pairs + 2 * (rest % 100), 2);
    }
    if (n > 0) {
        text[0] = (char)('0' + rest % 10);
    }
}

static size_t put_unsigned(uint64_t value, char *text)
{
    int n = count_digits(value);

    put_digits(value, text, n);
    text[n] = '\0';
    return (size_t)n;
}

size_t mls_format_integer(int64_t value, char text[MLS_REAL_TEXT])
{
    if (value < 0) {
        text[0] = '-';
        return 1 + put_unsigned(0 - (uint64_t)value, text + 1);
    }
    return put_unsigned((uint64_t)value, text);
}

/* The high bits of g * c, with the last bit set when the rest is not 0. */
static uint64_t round_to_odd(uint64_t high, uint64_t low, uint64_t c)
{
    mls_wide rest = (mls_wide)low * c >> 64;
    mls_wide product = (mls_wide)high * c + rest;

    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* The shortest decimal digits * 10^*exponent of a positive finite double. */
static inline uint64_t shortest(uint64_t bits, int *exponent)
{
    uint64_t fraction = bits & (MLS_HIDDEN_BIT - 1);
    int biased = (int)(bits >> MLS_FRACTION_BITS);
    uint64_t c = biased ? fraction | MLS_HIDDEN_BIT : fraction;
    int q = (biased ? biased : 1) - 1075;
    /* Below a power of two the neighbour is nearer by half. */
    bool uneven = fraction == 0 && biased > 1;
    int k = (q * 1262611 - (uneven ? 524031 : 0)) >> 22;
    int shift = q + mls_log2_of_ten_to(-k) + 1;
    const uint64_t *power = mls_powers_of_ten[-k - MLS_POWER_FIRST];
    uint64_t high = power[0];
    /* The method wants the power rounded up. */
    uint64_t low = power[1] + !(-k >= 0 && -k <= MLS_POWER_EXACT);
    uint64_t left = round_to_odd(high, low, (4 * c - 2 + uneven) << shift);
    uint64_t middle = round_to_odd(high, low, (4 * c) << shift);
    uint64_t right = round_to_odd(high, low, (4 * c + 2) << shift);
    uint64_t s = middle / 4, tens = s / 10, ones;
    bool low_in, high_in, nearer, one, short_one;
    uint64_t choice;

    /* Ends of the interval belong to it when ties go to this double. */
    left += c & 1;
    right -= c & 1;
    *exponent = k;
    low_in = left <= 4 * s;
    high_in = 4 * s + 4 <= right;
    one = low_in ^ high_in;
    /* Both or none: the nearer, the even one in a tie. */
    nearer = middle + (s & 1) > 4 * s + 2;
    ones = s + ((one & high_in) | (!one & nearer));
    low_in = left <= 40 * tens;
    high_in = 40 * tens + 40 <= right;
    short_one = (tens > 0) & (low_in ^ high_in);
    /* Which of the two it will be is a toss, and a branch guessed wrong costs
     * more than both. */
    choice = 0 - (uint64_t)short_one;
    return ones ^ ((ones ^ 10 * (tens + high_in)) & choice);
}

/* How many of eight digits are left when the zeros at the end are dropped. */
static inline int used_digits(uint64_t eight)
{
    return eight != 0 ? (71 - __builtin_clzll(eight)) / 8 : 0;
}

/*
 * The sixteen digits of a number below 10^16; returns how many are left when
 * the zeros at the end are dropped.  Every x86-64 has SSE2, which does for both
 * halves at once what eight_digits does for one (measured: 37 ns a full double
 * became 29).
 */
#if defined(__SSE2__)
static inline int put_sixteen(uint64_t value, char *text)
{
    uint32_t first = (uint32_t)(value / 100000000);
    uint32_t second = (uint32_t)(value % 100000000);
    __m128i x = _mm_set_epi64x(second, first);
    __m128i q, fours, twos, digits;
    int used;

    q = _mm_srli_epi64(_mm_mul_epu32(x, _mm_set1_epi64x(3518437209)), 45);
    fours = _mm_sub_epi64(x, _mm_mul_epu32(q, _mm_set1_epi64x(10000)));
    fours = _mm_or_si128(q, _mm_slli_epi64(fours, 32));
    q = _mm_srli_epi16(_mm_mulhi_epu16(fours, _mm_set1_epi32(5243)), 3);
    twos = _mm_sub_epi16(fours, _mm_mullo_epi16(q, _mm_set1_epi32(100)));
    twos = _mm_or_si128(q, _mm_slli_epi32(twos, 16));
    q = _mm_mulhi_epu16(twos, _mm_set1_epi16(6554));
    digits = _mm_sub_epi16(twos, _mm_mullo_epi16(q, _mm_set1_epi16(10)));
    digits = _mm_or_si128(q, _mm_slli_epi16(digits, 8));
    used = 0xFFFF ^ _mm_movemask_epi8(_mm_cmpeq_epi8(digits,
                                                     _mm_setzero_si128()));
    digits = _mm_or_si128(digits, _mm_set1_epi8('0'));
    _mm_storeu_si128((__m128i *)(void *)text, digits);
    return 32 - __builtin_clz((unsigned)used << 1 | 1) - 1;
}
#else
static inline int put_sixteen(uint64_t value, char *text)
{
    uint64_t first = eight_digits((uint32_t)(value / 100000000));
    uint64_t second = eight_digits((uint32_t)(value % 100000000));

    put_eight(first, text);
    put_eight(second, text + 8);
    return second != 0 ? 8 + used_digits(second) : used_digits(first);
}
#endif

static size_t put_exponent(int e, char *text)
{
    size_t length = 2;

    text[0] = 'e';
    text[1] = e < 0 ? '-' : '+';
    e = e < 0 ? -e : e;
    if (e >= 100) {
        text[length++] = (char)('0' + e / 100);
    }
    memcpy(text + length, digit_pairs + 2 * (e % 100), 2);
    return length + 2;
}

/* The other places of the point: with an exponent, and after the first digit,
 * n of which stand at text, followed by zeros up to 17. */
static size_t move_point(int n, int point, char *text)
{
    size_t length = (size_t)n;

    if (point > 16 || point < -3) {
        memmove(text + 2, text + 1, 16);
        text[1] = '.';
        length += n > 1;
        return length + put_exponent(point - 1, text + length);
    }
    if (point >= n) {
        return (size_t)point;
    }
    memmove(text + point + 1, text + point, 16);
    text[point] = '.';
    return length + 1;
}

/*
 * digits * 10^exponent, of at most 17 digits, as Python's repr lays it out.
 * All 17 are written, filled up with zeros, and as many as are needed kept.
 * *digits_left and *point_at receive how many that are and how many stand
 * before the point.  Numbers below 10 are the same code for any place of the
 * point, since the place of the next number cannot be guessed.
 */
static inline size_t lay_out(uint64_t digits, int exponent, char *text,
                             int *digits_left, int *point_at)
{
    const uint64_t tail = UINT64_C(10000000000000000);
    int n = count_digits(digits), point = n + exponent;
    uint64_t all = digits * powers_of_ten[17 - n];
    char first = (char)('0' + all / tail);
    size_t length;

    *point_at = point;
    if (point <= 1 && point >= -3) {
        size_t gap = point == 1;
        size_t start = (size_t)(2 - point) & (gap - 1);

        memcpy(text, "0.000", 5);
        text[start] = first;
        text[1] = '.';
        n = 1 + put_sixteen(all % tail, text + start + gap + 1);
        length = start + (size_t)n + (gap & (n > 1));
    } else {
        text[0] = first;
        n = 1 + put_sixteen(all % tail, text + 1);
        length = move_point(n, point, text);
    }
    *digits_left = n;
    text[length] = '\0';
    return length;
}

/* What is written without digits * 10^exponent: NaN, infinity and integers
 * below 2^53.  0 when value, which has lost its sign, is another number; a sign
 * is written where text begins, and kept by counting it. */
static inline size_t write_easy(double value, bool minus, char *text)
{
    if (!(value <= DBL_MAX)) {
        memcpy(text + (minus && !isnan(value)), isnan(value) ? "nan" : "inf",
               4);
        return 3 + (minus && !isnan(value));
    }
    if (value < 0x1p53 && value == (double)(int64_t)value) {
        return minus + put_unsigned((uint64_t)(int64_t)value, text + minus);
    }
    return 0;
}

size_t mls_format_real(double value, char text[MLS_REAL_TEXT])
{
    uint64_t bits = mls_bits_of(value);
    bool minus = bits >> 63;
    size_t length;
    int exponent, digits, point;
    uint64_t decimal;

    value = fabs(value);
    text[0] = '-'; /* without asking: signs are not to be guessed */
    length = write_easy(value, minus, text);
    if (length > 0) {
        return length;
    }
    decimal = shortest(bits & INT64_MAX, &exponent);
    return minus + lay_out(decimal, exponent, text + minus, &digits, &point);
}

/*
 * ---- writing a column ----
 *
 * Most numbers in tables are decimals of a few places, the same number of them
 * in all of a column.  For d places, m = v * 10^d rounded is a candidate, and
 * when m / 10^d, which is one correctly rounded division of exact doubles,
 * gives v, then the decimal m / 10^d reads back as v.  With m below 10^15 it is
 * also the shortest: two decimals of at most 15 digits never read as the same
 * double, so no other one of 15 digits or fewer exists, and what is left is to
 * drop its zeros.  For the same reason no integer lies between it and v, and
 * the integer part of v is its own.
 *
 * Measured, one thread: 11 to 21 ns a number of six decimals, where the
 * shortest form by itself takes 29.  Of full doubles none is tried after TRIALS
 * misses, until a short decimal turns up.
 */
#define TRIALS 16
#define TRIAL_LIMIT 1e15    /* of m: 15 digits */
#define TRIAL_LOW 1e-4      /* less has an exponent */

/* fraction / 10^decimals after the point; how many digits it needs. */
static inline size_t put_fraction(uint64_t fraction, int decimals, char *text)
{
    if (decimals <= 8) {
        uint64_t eight = eight_digits(
            (uint32_t)(fraction * powers_of_ten[8 - decimals]));

        put_eight(eight, text);
        return (size_t)used_digits(eight);
    }
    return (size_t)put_sixteen(fraction * powers_of_ten[16 - decimals], text);
}

/* A positive value as a decimal of at most so many places; 0: it is none. */
static inline size_t write_decimal(double value, int decimals, char *text)
{
    double power = (double)(int64_t)powers_of_ten[decimals];
    double scaled = value * power;
    uint64_t m, whole;
    size_t length, digits;

    if (!(value >= TRIAL_LOW && scaled < TRIAL_LIMIT - 1)) {
        return 0;
    }
    m = (uint64_t)(int64_t)(scaled + 0.5);
    if ((double)(int64_t)m / power != value) {
        return 0;
    }
    whole = (uint64_t)(int64_t)value;
    if (whole < 10) {
        text[0] = (char)('0' + whole);
        length = 1;
    } else {
        length = put_unsigned(whole, text);
    }
    text[length] = '.';
    digits = put_fraction(m - whole * powers_of_ten[decimals], decimals,
                          text + length + 1);
    length += digits > 0 ? digits + 1 : 0;
    text[length] = '\0';
    return length;
}

struct hint {
    unsigned char decimals, misses;
};

static size_t write_like(double value, struct hint *hint, char *text)
{
    uint64_t bits = mls_bits_of(value), decimal;
    bool minus = bits >> 63;
    int exponent, digits, point;
    size_t length;

    value = fabs(value);
    text[0] = '-';
    if (hint->misses < TRIALS && hint->decimals > 0) {
        length = write_decimal(value, hint->decimals, text + minus);
        if (length > 0) {
            hint->misses = 0;
            return minus + length;
        }
    }
    length = write_easy(value, minus, text);
    if (length > 0) {
        return length;
    }
    hint->misses += hint->misses < TRIALS;
    decimal = shortest(bits & INT64_MAX, &exponent);
    length = lay_out(decimal, exponent, text + minus, &digits, &point);
    if (digits <= 15 && digits > point && digits - point <= 15) {
        hint->decimals = (unsigned char)(digits - point);
        hint->misses = 0;
    }
    return minus + length;
}

void mls_format_reals_plain(const double *values, int64_t count, char *slots,
                            size_t stride)
{
    struct hint hint = { 0 };

    for (int64_t i = 0; i < count; i++, slots += stride) {
        char text[MLS_REAL_TEXT];
        size_t length = isnan(values[i]) ? 0
                                         : write_like(values[i], &hint, text);

        memcpy(slots, text, length);
        slots[MLS_REAL_SLOT - 1] = (char)length;
    }
}

static mls_format_reals_fn *format_reals;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if MLS_FORMAT_AVX2
/* CPUID 0x80000001, ECX bit 5: not every compiler's __builtin_cpu_supports
 * knows it by a name. */
static bool has_lzcnt(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c >> 5 & 1);
}
#endif

static void pick(void)
{
    format_reals = mls_format_reals_plain;
#if MLS_FORMAT_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")
        && has_lzcnt())
        format_reals = mls_format_reals_avx2;
#endif
}

void mls_format_reals(const double *values, int64_t count, char *slots,
                      size_t stride)
{
    pthread_once(&once, pick);
    format_reals(values, count, slots, stride);
}
