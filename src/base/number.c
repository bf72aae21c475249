/*
 * Numbers to text and back.
 *
 * WRITING.  A double v stands for every real between the midpoints to its two
 * neighbours.  Schubfach (Raffaello Giulietti, "The Schubfach way to render
 * doubles", 2020) picks the power of ten 10^k that is just not longer than this
 * interval, so that the interval holds at least one multiple of 10^k and at
 * most one of 10^(k+1), and looks which of at most four candidates are inside:
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
 * READING.  w * 10^q, with w of at most 19 digits:
 *  1. w <= 2^53 and |q| <= 22: both are doubles, one operation rounds once
 *     (Clinger 1990).
 *  2. The product of w with the leading 128 bits T of 10^q, as Lemire (2021),
 *     "Number parsing at a gigabyte per second", Software: Practice and
 *     Experience 51(8).  The true value is in [w * T, w * T + w), scaled; when
 *     both ends have the same leading 54 bits, these and "something follows"
 *     round it.  This holds for subnormals too, with fewer bits.
 *  3. More than 19 digits: when w and w + 1 round to the same double, so does
 *     what is between.
 *  4. Else (one in about 2^60 of short numbers; a long decimal that is nearly
 *     a midpoint): the decimal is compared with the midpoint by big integers.
 * No step asks the C library, so neither the locale nor its rounding matters.
 */
#include "base/number.h"

#include <float.h>
#include <math.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/number_powers.h"

typedef unsigned __int128 wide; /* C11 has no name for it */

#define FRACTION_BITS 52
#define HIDDEN_BIT (UINT64_C(1) << FRACTION_BITS)
#define INFINITE_BITS (UINT64_C(0x7FF) << FRACTION_BITS)

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double real_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* floor(log2(10^q)) for the powers of the table. */
static int log2_of_ten_to(int q)
{
    return (q * 1741647) >> 19;
}

/* ---- writing ---- */

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
    wide rest = (wide)low * c >> 64;
    wide product = (wide)high * c + rest;

    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* The shortest decimal digits * 10^*exponent of a positive finite double. */
static inline uint64_t shortest(uint64_t bits, int *exponent)
{
    uint64_t fraction = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> FRACTION_BITS);
    uint64_t c = biased ? fraction | HIDDEN_BIT : fraction;
    int q = (biased ? biased : 1) - 1075;
    /* Below a power of two the neighbour is nearer by half. */
    bool uneven = fraction == 0 && biased > 1;
    int k = (q * 1262611 - (uneven ? 524031 : 0)) >> 22;
    int shift = q + log2_of_ten_to(-k) + 1;
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
    uint64_t bits = bits_of(value);
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

size_t mls_format_real_like(double value, struct mls_real_hint *hint,
                            char text[MLS_REAL_TEXT])
{
    uint64_t bits = bits_of(value), decimal;
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

/* ---- reading ---- */

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/*
 * Eight digits at once, the first in the lowest byte: neighbours are joined to
 * numbers below 100, these to numbers below 10,000, these to one.
 */
static bool read_eight(const char *text, uint64_t *value)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    uint64_t bytes;

    memcpy(&bytes, text, 8);
    /* A digit has high half 3, also after adding 6. */
    if (((bytes & UINT64_C(0xF0F0F0F0F0F0F0F0)) != zeros)
        || (((bytes + UINT64_C(0x0606060606060606))
             & UINT64_C(0xF0F0F0F0F0F0F0F0)) != zeros)) {
        return false;
    }
    bytes -= zeros;
    bytes = bytes * 10 + (bytes >> 8);
    bytes &= UINT64_C(0x00FF00FF00FF00FF);
    bytes = bytes * 100 + (bytes >> 16);
    bytes &= UINT64_C(0x0000FFFF0000FFFF);
    *value = (uint32_t)(bytes * 10000 + (bytes >> 32));
    return true;
}
#else
static bool read_eight(const char *text, uint64_t *value)
{
    (void)text;
    (void)value;
    return false;
}
#endif

/* Reads digits into *w, which wraps when there are more than 19 (the caller
 * counts).  Returns where they end. */
static const char *read_digits(const char *at, const char *end, uint64_t *w)
{
    uint64_t value = *w, eight;

    while (end - at >= 8 && read_eight(at, &eight)) {
        value = value * 100000000 + eight;
        at += 8;
    }
    for (; at < end && is_digit(*at); at++) {
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *w = value;
    return at;
}

/* The significant digits of a long number: digits of them from first on, with
 * the point perhaps among them; the last stands for 10^exponent. */
struct decimal {
    const char *first, *end;
    char point;
    int64_t digits, exponent;
};

static void skip_zeros(struct decimal *d)
{
    while (d->first < d->end && (*d->first == '0' || *d->first == d->point)) {
        d->digits -= *d->first == '0';
        d->first++;
    }
}

/* True when a digit of [at, end) is not 0. */
static bool more_than_zeros(const char *at, const struct decimal *d)
{
    while (at < d->end && (*at == '0' || *at == d->point)) {
        at++;
    }
    return at < d->end;
}

/* The first 19 digits in *w, what they stand for in *exponent.  Returns whether
 * nonzero digits follow. */
static bool leading_digits(const struct decimal *d, uint64_t *w,
                           int64_t *exponent)
{
    const char *at = d->first;
    int n = 0;

    *w = 0;
    for (; at < d->end && n < 19; at++) {
        if (*at != d->point) {
            *w = *w * 10 + (uint64_t)(*at - '0');
            n++;
        }
    }
    *exponent = d->exponent + (d->digits - n);
    return more_than_zeros(at, d);
}

/*
 * w * 10^q to the nearest double.  True when *bits is the answer for certain;
 * else *bits is a double not above it, and at most two below.  Infinite
 * when it is too large.
 */
static bool scale(uint64_t w, int64_t q, uint64_t *bits)
{
    const uint64_t *power;
    uint64_t high, middle, rest, kept, kept_up;
    wide product;
    int zeros, top, exponent, cut;
    bool exact, rest_set;

    *bits = 0;
    if (w == 0 || q < MLS_POWER_FIRST) {
        return true;
    }
    if (q > 308) {
        *bits = INFINITE_BITS;
        return true;
    }
    zeros = __builtin_clzll(w);
    w <<= zeros;
    power = mls_powers_of_ten[q - MLS_POWER_FIRST];
    exact = q >= 0 && q <= MLS_POWER_EXACT;
    product = (wide)w * power[1];
    rest = (uint64_t)product;
    product = (wide)w * power[0] + (uint64_t)(product >> 64);
    high = (uint64_t)(product >> 64);
    middle = (uint64_t)product;

    /* The value is high * 2^(log2 + 1 - zeros), and what was cut off. */
    top = 63 - __builtin_clzll(high);
    exponent = top + log2_of_ten_to((int)q) + 1 - zeros;
    if (exponent > 1023) {
        *bits = INFINITE_BITS;
        return true;
    }
    cut = top - 53;
    if (exponent < -1022) {
        cut += -1022 - exponent;
        exponent = -1022;
    }
    if (cut >= 64) {
        return cut > 64 || high != UINT64_MAX;
    }
    kept = high >> cut; /* 53 bits and one for rounding */
    *bits = ((uint64_t)(exponent + 1022) << FRACTION_BITS) + (kept >> 1);
    rest_set = (high & ((UINT64_C(1) << cut) - 1)) || middle || rest;
    if (exact) {
        *bits += (kept & 1) && (rest_set || (kept & 2));
        return true;
    }
    /* The other end: one more in the last place of the power. */
    if (middle == UINT64_MAX && rest + w < rest) {
        if (high == UINT64_MAX) {
            return false;
        }
        kept_up = (high + 1) >> cut;
        if (kept_up != kept) {
            return false;
        }
    }
    *bits += kept & 1;
    return true;
}

/* When w * 10^q, q < 0, is a whole number: 5^-q must divide w.  Otherwise
 * "1.000000000000000000" would go the slow way. */
static bool whole(uint64_t w, int64_t q, uint64_t *bits)
{
    uint64_t fives = 1;
    int64_t i;

    if (q >= 0 || q < -27) {
        return false;
    }
    for (i = q; i < 0; i++) {
        fives *= 5;
    }
    if (w % fives != 0) {
        return false;
    }
    /* Converting rounds once; the power of two is exact. */
    *bits = bits_of(ldexp((double)(w / fives), (int)q));
    return true;
}

/*
 * Big integers for the last step.  Both sides stay below 2,800 bits: a decimal
 * of 780 digits has 2,592, and 5^1123 has 2,608 before it meets 54 more.
 */
#define BIG_LIMBS 96
#define BIG_DIGITS 780

struct big {
    int n;
    uint32_t limb[BIG_LIMBS]; /* the lowest first, no leading zeros */
};

/* big = big * by + add */
static void big_multiply(struct big *big, uint32_t by, uint32_t add)
{
    uint64_t carry = add;
    int i;

    for (i = 0; i < big->n; i++) {
        carry += (uint64_t)big->limb[i] * by;
        big->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        big->limb[big->n++] = (uint32_t)carry;
    }
}

static void big_times_fives(struct big *big, int64_t n)
{
    for (; n >= 13; n -= 13) {
        big_multiply(big, 1220703125, 0); /* 5^13 */
    }
    for (; n > 0; n--) {
        big_multiply(big, 5, 0);
    }
}

static void big_shift(struct big *big, int64_t bits)
{
    int words = (int)(bits / 32);

    big_multiply(big, UINT32_C(1) << (bits % 32), 0);
    memmove(big->limb + words, big->limb, (size_t)big->n * 4);
    memset(big->limb, 0, (size_t)words * 4);
    big->n += words;
}

static int big_compare(const struct big *a, const struct big *b)
{
    int i;

    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (i = a->n - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

/* The digits as an integer, what it stands for in *exponent.  After BIG_DIGITS
 * a 1 stands for all that follows: no midpoint has so many digits. */
static void big_digits(const struct decimal *d, struct big *big,
                       int64_t *exponent)
{
    const char *at = d->first;
    int n = 0;

    big->n = 0;
    for (; at < d->end && n < BIG_DIGITS; at++) {
        if (*at != d->point) {
            big_multiply(big, 10, (uint32_t)(*at - '0'));
            n++;
        }
    }
    if (more_than_zeros(at, d)) {
        big_multiply(big, 10, 1);
        n++;
    }
    *exponent = d->exponent + (d->digits - n);
}

/* Compares the decimal with the midpoint between the double of bits and the
 * next one. */
static int compare_midpoint(const struct decimal *d, uint64_t bits)
{
    int biased = (int)(bits >> FRACTION_BITS);
    uint64_t c = bits & (HIDDEN_BIT - 1);
    struct big left, right;
    int64_t tens, twos;

    c = 2 * (biased ? c | HIDDEN_BIT : c) + 1;
    right.n = 0;
    big_multiply(&right, 0, (uint32_t)(c >> 32));
    big_shift(&right, 32);
    big_multiply(&right, 1, (uint32_t)c);
    big_digits(d, &left, &tens);
    if (tens >= 0) {
        big_times_fives(&left, tens);
    } else {
        big_times_fives(&right, -tens);
    }
    /* left * 2^tens against right * 2^(exponent of the midpoint) */
    twos = tens - ((biased ? biased : 1) - 1076);
    if (twos >= 0) {
        big_shift(&left, twos);
    } else {
        big_shift(&right, -twos);
    }
    return big_compare(&left, &right);
}

/* From a double not above the answer to the answer. */
static uint64_t climb(const struct decimal *d, uint64_t bits)
{
    while (bits < INFINITE_BITS) {
        int order = compare_midpoint(d, bits);

        if (order < 0 || (order == 0 && !(bits & 1))) {
            break;
        }
        bits++;
    }
    return bits;
}

/* All that the first path cannot do. */
static uint64_t read_hard(struct decimal *d, uint64_t w, int64_t exponent)
{
    bool more = false, sure;
    uint64_t bits, next;

    if (d->digits > 19) {
        skip_zeros(d);
        more = leading_digits(d, &w, &exponent);
    }
    sure = scale(w, exponent, &bits);
    if (sure && more) {
        /* Equal when they are sure and the same. */
        sure = scale(w + 1, exponent, &next) && next == bits;
    } else if (!sure && !more) {
        sure = whole(w, exponent, &bits);
    }
    if (sure) {
        return bits;
    }
    skip_zeros(d);
    return climb(d, bits);
}

/* The exponent after the e; false when it has no digit.  It stops growing long
 * before it overflows, long after every double has become 0 or infinite. */
static bool read_exponent(const char **at, const char *end, int64_t *exponent)
{
    const char *p = *at;
    bool minus = p < end && *p == '-';
    int64_t value = 0;

    p += p < end && (*p == '-' || *p == '+');
    if (p == end || !is_digit(*p)) {
        return false;
    }
    for (; p < end && is_digit(*p); p++) {
        value = value < INT64_C(100000000000000000)
            ? value * 10 + (*p - '0') : value;
    }
    *exponent += minus ? -value : value;
    *at = p;
    return true;
}

bool mls_parse_real(const char *text, size_t length, char point,
                    double *value, bool *integer)
{
    static const double tens[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
    };
    const char *at = text, *end = text + length;
    struct decimal d = { .point = point };
    uint64_t w = 0, bits;
    bool minus, plain;
    int64_t q = 0;

    minus = length > 0 && *at == '-';
    at += length > 0 && (*at == '-' || *at == '+');
    d.first = at;
    at = read_digits(at, end, &w);
    d.digits = at - d.first;
    plain = at == end;
    if (at < end && *at == point) {
        const char *fraction = ++at;

        at = read_digits(at, end, &w);
        d.digits += at - fraction;
        q = -(at - fraction);
    }
    d.end = at;
    if (d.digits == 0) {
        return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (!read_exponent(&at, end, &q)) {
            return false;
        }
    }
    if (at != end) {
        return false;
    }
    if (integer) {
        *integer = plain;
    }
    if (d.digits <= 19 && w <= HIDDEN_BIT * 2 && q >= -22 && q <= 22) {
        double real = q < 0 ? (double)w / tens[-q] : (double)w * tens[q];

        *value = minus ? -real : real;
        return true;
    }
    d.exponent = q;
    bits = read_hard(&d, w, q);
    if (bits >= INFINITE_BITS) {
        return false;
    }
    *value = real_of(bits | (uint64_t)minus << 63);
    return true;
}

bool mls_parse_integer(const char *text, size_t length, int64_t *value)
{
    const char *at = text, *end = text + length, *first;
    uint64_t limit = INT64_MAX, n = 0;
    bool minus = length > 0 && *at == '-';

    at += length > 0 && (*at == '-' || *at == '+');
    limit += minus;
    if (at == end) {
        return false;
    }
    while (at < end && *at == '0') {
        at++;
    }
    first = at;
    at = read_digits(at, end, &n);
    if (at != end || at - first > 19 || n > limit) {
        return false;
    }
    *value = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}
