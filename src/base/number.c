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

#include <math.h>

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

static int count_digits(uint64_t value)
{
    int n = 1;

    while (value >= 10000) {
        value /= 10000;
        n += 4;
    }
    return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Writes the n digits of value to text. */
static void put_digits(uint64_t value, char *text, int n)
{
    while (n >= 2) {
        n -= 2;
        memcpy(text + n, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (n > 0) {
        text[0] = (char)('0' + value % 10);
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
static uint64_t shortest(uint64_t bits, int *exponent)
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
    uint64_t s = middle / 4;
    bool low_in, high_in;

    /* Ends of the interval belong to it when ties go to this double. */
    left += c & 1;
    right -= c & 1;
    *exponent = k;
    if (s >= 10) {
        uint64_t tens = s / 10;

        low_in = left <= 40 * tens;
        high_in = 40 * tens + 40 <= right;
        if (low_in != high_in) {
            *exponent = k + 1;
            return tens + high_in;
        }
    }
    low_in = left <= 4 * s;
    high_in = 4 * s + 4 <= right;
    if (low_in != high_in) {
        return s + high_in;
    }
    /* Both or none: the nearer, the even one in a tie. */
    return s + (middle > 4 * s + 2 || (middle == 4 * s + 2 && (s & 1)));
}

/* Cuts the zeros at the end, of which a short decimal has up to 16: by halves,
 * which takes 4 divisions and not 16 (measured: 49 ns a number became 36). */
static uint64_t cut_zeros(uint64_t digits, int *exponent)
{
    if (digits % 10 != 0) {
        return digits;
    }
    /* Spelled out: a constant divisor is a multiplication. */
    if (digits % 100000000 == 0) {
        digits /= 100000000;
        *exponent += 8;
    }
    if (digits % 10000 == 0) {
        digits /= 10000;
        *exponent += 4;
    }
    if (digits % 100 == 0) {
        digits /= 100;
        *exponent += 2;
    }
    while (digits % 10 == 0) {
        digits /= 10;
        *exponent += 1;
    }
    return digits;
}

/* digits * 10^exponent as Python's repr lays it out. */
static size_t lay_out(uint64_t digits, int exponent, char *text)
{
    char *at = text;
    int n, point;

    digits = cut_zeros(digits, &exponent);
    n = count_digits(digits);
    point = n + exponent; /* digits before the decimal point */
    if (point > 16 || point < -3) {
        int e = point - 1;

        put_digits(digits, at + 1, n);
        at[0] = at[1];
        at[1] = '.';
        at += n > 1 ? n + 1 : 1;
        *at++ = 'e';
        *at++ = e < 0 ? '-' : '+';
        e = e < 0 ? -e : e;
        if (e >= 100) {
            *at++ = (char)('0' + e / 100);
        }
        memcpy(at, digit_pairs + 2 * (e % 100), 2);
        at += 2;
    } else if (point <= 0) {
        memcpy(at, "0.000", 5);
        at += 2 - point;
        put_digits(digits, at, n);
        at += n;
    } else if (point >= n) {
        put_digits(digits, at, n);
        memset(at + n, '0', (size_t)(point - n));
        at += point;
    } else {
        put_digits(digits, at + 1, n);
        memmove(at, at + 1, (size_t)point);
        at[point] = '.';
        at += n + 1;
    }
    *at = '\0';
    return (size_t)(at - text);
}

size_t mls_format_real(double value, char text[MLS_REAL_TEXT])
{
    uint64_t bits = bits_of(value);
    size_t sign = bits >> 63;
    uint64_t digits;
    int exponent;

    if (isnan(value)) {
        memcpy(text, "nan", 4);
        return 3;
    }
    if (sign) {
        text[0] = '-';
        bits &= INT64_MAX;
        value = -value;
    }
    if (bits == INFINITE_BITS) {
        memcpy(text + sign, "inf", 4);
        return sign + 3;
    }
    if (value < 0x1p53 && value == (double)(uint64_t)value) {
        return sign + put_unsigned((uint64_t)value, text + sign);
    }
    digits = shortest(bits, &exponent);
    return sign + lay_out(digits, exponent, text + sign);
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
