/*
 * Text to numbers.  w * 10^q, with w of at most 19 digits:
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

#include "base/number_detail.h"

#define INFINITE_BITS (UINT64_C(0x7FF) << MLS_FRACTION_BITS)

static double real_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

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
    mls_wide product;
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
    product = (mls_wide)w * power[1];
    rest = (uint64_t)product;
    product = (mls_wide)w * power[0] + (uint64_t)(product >> 64);
    high = (uint64_t)(product >> 64);
    middle = (uint64_t)product;

    /* The value is high * 2^(log2 + 1 - zeros), and what was cut off. */
    top = 63 - __builtin_clzll(high);
    exponent = top + mls_log2_of_ten_to((int)q) + 1 - zeros;
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
    *bits = ((uint64_t)(exponent + 1022) << MLS_FRACTION_BITS) + (kept >> 1);
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
    *bits = mls_bits_of(ldexp((double)(w / fives), (int)q));
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
    int biased = (int)(bits >> MLS_FRACTION_BITS);
    uint64_t c = bits & (MLS_HIDDEN_BIT - 1);
    struct big left, right;
    int64_t tens, twos;

    c = 2 * (biased ? c | MLS_HIDDEN_BIT : c) + 1;
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
    if (d.digits <= 19 && w <= MLS_HIDDEN_BIT * 2 && q >= -22 && q <= 22) {
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
