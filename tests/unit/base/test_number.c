#include "test.h"

#include <locale.h>
#include <math.h>

#include "base/number.h"
#include "base/number_format.h"

/* The C library in the C locale is the oracle: its conversions are exact. */
static locale_t c_locale;

static int make_locale(void **state)
{
    (void)state;
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c_locale ? 0 : 1;
}

static double library_real(const char *text)
{
    return strtod_l(text, NULL, c_locale);
}

/* xorshift64*, so that the tests depend on nothing else. */
static uint64_t random_state = 88172645463325252u;

/* MLS_TEST_TIMES=50 in the environment tries fifty times as many numbers. */
static int many(int count)
{
    const char *times = getenv("MLS_TEST_TIMES");

    return times != NULL ? count * (int)strtol(times, NULL, 10) : count;
}

static uint64_t random_bits(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717u;
}

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

/* A finite double; one in four is subnormal or nearly so, one in four of
 * everyday size. */
static double random_real(void)
{
    uint64_t bits = random_bits(), kind = random_bits() % 4;

    if (kind == 0) {
        bits &= UINT64_C(0x801FFFFFFFFFFFFF) >> (random_bits() % 8 * 4);
    } else if (kind == 1) {
        return (double)(int64_t)bits / 0x1p53;
    }
    return isfinite(real_of(bits)) ? real_of(bits) : 1;
}

static void check_parse(const char *text)
{
    double expected = library_real(text), value = -99;
    bool ok = mls_parse_real(text, strlen(text), '.', &value, NULL);

    if (ok != (isfinite(expected) != 0)
        || (ok && bits_of(value) != bits_of(expected))) {
        fail_msg("%.80s is %a, not %a (%d)", text, expected, value, ok);
    }
}

/*
 * repr lays the fewest digits that read back out as %f or %e would.  digits is
 * the number of significant digits.
 */
static void lay_out_slowly(double value, int digits, char *text, size_t size)
{
    char *e;
    int exponent;

    snprintf(text, size, "%.*e", digits - 1, value);
    e = strchr(text, 'e');
    exponent = (int)strtol(e + 1, NULL, 10);
    if (exponent >= -4 && exponent < 16) {
        int decimals = digits - 1 - exponent;

        snprintf(text, size, "%.*f", decimals > 0 ? decimals : 0, value);
    }
}

static int shortest_digits(double value)
{
    char text[64];
    int digits;

    for (digits = 1; digits < 17; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        if (library_real(text) == value) {
            break;
        }
    }
    return digits;
}

/* Significant digits of a formatted number. */
static int count_significant(const char *text)
{
    int n = 0, zeros = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text >= '1' && *text <= '9') {
            n += zeros + 1;
            zeros = 0;
        } else if (*text == '0' && n > 0) {
            zeros++;
        }
    }
    return n;
}

static void check_format(double value, bool thorough)
{
    char text[MLS_REAL_TEXT], expected[512], shorter[64];
    size_t length = mls_format_real(value, text);
    int digits = count_significant(text);

    assert_int_equal(length, strlen(text));
    if (value == 0) {
        assert_string_equal(text, signbit(value) ? "-0" : "0");
        return;
    }
    if (thorough) {
        digits = shortest_digits(value);
    } else if (digits > 1) {
        snprintf(shorter, sizeof(shorter), "%.*e", digits - 2, value);
        if (library_real(shorter) == value) {
            fail_msg("%s could be %s", text, shorter);
        }
    }
    lay_out_slowly(value, digits, expected, sizeof(expected));
    if (strcmp(text, expected) != 0) {
        fail_msg("%a is %s, not %s", value, expected, text);
    }
    check_parse(text);
}

static void random_reals_are_written_shortest_and_read_back(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < many(200000); i++) {
        check_format(random_real(), i % 20 == 0);
    }
}

static void random_reals_are_read_from_17_and_19_digits(void **state)
{
    char text[64];
    int i;

    (void)state;
    for (i = 0; i < many(200000); i++) {
        double value = random_real(), back;

        snprintf(text, sizeof(text), "%.17g", value);
        assert_true(mls_parse_real(text, strlen(text), '.', &back, NULL));
        if (bits_of(back) != bits_of(value)) {
            fail_msg("%s is %a, not %a", text, value, back);
        }
        snprintf(text, sizeof(text), "%.18e", value);
        assert_true(mls_parse_real(text, strlen(text), '.', &back, NULL));
        assert_true(bits_of(back) == bits_of(value));
    }
}

static void short_decimals_are_written_as_they_were_read(void **state)
{
    char text[MLS_REAL_TEXT], back[MLS_REAL_TEXT];
    int i;

    (void)state;
    for (i = 0; i < many(100000); i++) {
        double value;

        /* The last digit is not 0, so that nothing is to be cut. */
        snprintf(text, sizeof(text), "%d.%05d%d", (int)(random_bits() % 10000),
                 (int)(random_bits() % 100000), (int)(random_bits() % 9 + 1));
        assert_true(mls_parse_real(text, strlen(text), '.', &value, NULL));
        assert_true(value == library_real(text));
        mls_format_real(value, back);
        assert_string_equal(back, text);
    }
}

/* A number of a column that changes its mind: decimals of every length, whole
 * numbers, full doubles, the edges of what is tried. */
static double column_real(int i)
{
    static const double edges[] = {
        0.0, -0.0, 1e-4, 9.9999e-5, 0.000123, 1e15, 999999999999999,
        99999999999999.9, 999999999.999999, 0.999999999999999,
        0.9999999999999999, 2.9999999999999996, 123456789.000001, 1e22,
        -1e-300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1.005, 4503599627370497.5
    };
    uint64_t kind = random_bits() % 8;
    int64_t most = (int64_t)1 << (random_bits() % 54);

    if (kind == 0)
        return edges[random_bits() % (sizeof(edges) / sizeof(*edges))];
    if (kind == 1)
        return random_real();
    if (kind == 2)
        return (double)((int64_t)random_bits() % most);
    /* Runs of the same number of decimals, as in a column. */
    return (double)((int64_t)random_bits() % most) / pow(10, i / 500 % 18);
}

/* Numbers where a column's ways differ: ties and nearly so, short decimals,
 * powers of two, every place of the point. */
static double hard_real(int i)
{
    switch (i % 4) {
    case 0:
        return column_real(i / 4);
    case 1: /* few bits: exact ties between decimals */
        return ldexp((double)(random_bits() >> (random_bits() % 60)),
                     (int)(random_bits() % 80) - 60);
    case 2: /* any double between 1e-5 and 1e16 */
        return real_of((random_bits() & UINT64_C(0x800FFFFFFFFFFFFF))
                       | (UINT64_C(1006) + random_bits() % 71) << 52);
    default: /* a neighbour of a short decimal */
        return nextafter(column_real(i / 4), random_bits() % 2 ? 0 : 1e300);
    }
}

/* At most six decimals, in whole batches, and the edges of those. */
static double short_real(void)
{
    static const double edges[] = { 0.0,      -0.0,     1e-6,
                                    9.9e-5,   1e-4,     0.000101,
                                    1e9,      -1e9,     999999999.999999,
                                    123456789, 0.999999, 1000000000.5 };
    static const double tens[] = { 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7 };
    int64_t most = (int64_t)1 << (random_bits() % 50);

    if (random_bits() % 8 == 0)
        return edges[random_bits() % (sizeof(edges) / sizeof(*edges))];
    return (double)((int64_t)random_bits() % most)
        / tens[random_bits() % (random_bits() % 50 == 0 ? 8 : 7)];
}

static void check_slots(mls_format_reals_fn *format, const double *values,
                        int count, size_t stride)
{
    static char slots[100 * 4 * MLS_REAL_SLOT];

    memset(slots, 'x', sizeof(slots));
    format(values, count, slots, stride);
    for (int i = 0; i < count; i++) {
        char *slot = slots + (size_t)i * stride, text[MLS_REAL_TEXT] = "";
        size_t length = isnan(values[i]) ? 0 : mls_format_real(values[i], text);

        if (mls_slot_length(slot) != length
            || memcmp(slot, text, length) != 0)
            fail_msg("%a is %.31s, not %s", values[i], slot, text);
        for (size_t k = MLS_REAL_SLOT; k < stride; k++)
            assert_int_equal(slot[k], 'x');
    }
    assert_int_equal(slots[(size_t)count * stride], 'x');
}

static void check_columns(mls_format_reals_fn *format)
{
    double values[99];

    for (int i = 0; i < many(20000); i++) {
        int count = (int)(random_bits() % 100);

        for (int k = 0; k < count; k++) {
            values[k] = i % 3 == 0 ? short_real() : hard_real(i * 100 + k);
            if (random_bits() % (i % 3 == 0 ? 400 : 40) == 0)
                values[k] = random_bits() % 2 ? (double)NAN : -INFINITY;
        }
        check_slots(format, values, count,
                    MLS_REAL_SLOT * (1 + random_bits() % 3) + i % 2);
    }
}

static void columns_are_written_as_single_numbers_are(void **state)
{
    (void)state;
    check_columns(mls_format_reals_plain);
    check_columns(mls_format_reals);
}

/* By the way of this processor, against the C library. */
static void columns_are_written_shortest(void **state)
{
    (void)state;
    for (int i = 0; i < many(200000); i++) {
        char slot[MLS_REAL_SLOT], text[MLS_REAL_TEXT], expected[512];
        double value = hard_real(i);
        int digits;

        mls_format_reals(&value, 1, slot, sizeof(slot));
        memcpy(text, slot, mls_slot_length(slot));
        text[mls_slot_length(slot)] = '\0';
        if (library_real(text) != value)
            fail_msg("%a is %s", value, text);
        if (value == 0 || i % 20 != 0)
            continue;
        digits = shortest_digits(value);
        if (fabs(value) < 0x1p53 && value == floor(value))
            snprintf(expected, sizeof(expected), "%.0f", value);
        else
            lay_out_slowly(value, digits, expected, sizeof(expected));
        assert_string_equal(text, expected);
    }
}

static void powers_of_two_follow_python(void **state)
{
    /* Below a power of two the interval is half as wide: the hardest shape.
     * Made by Python 3.11: print(repr(2.0 ** e)). */
    static const struct {
        int e;
        const char *text;
    } cases[] = {
        { -1074, "5e-324" }, { -1073, "1e-323" },
        { -1022, "2.2250738585072014e-308" },
        { -1021, "4.450147717014403e-308" }, { -44, "5.684341886080802e-14" },
        { -24, "5.960464477539063e-08" }, { -3, "0.125" },
        { 53, "9007199254740992" }, { 54, "1.8014398509481984e+16" },
        { 60, "1.152921504606847e+18" }, { 89, "6.189700196426902e+26" },
        { 122, "5.316911983139664e+36" }, { 1023, "8.98846567431158e+307" },
    };
    char text[MLS_REAL_TEXT];
    size_t i;
    int e;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mls_format_real(ldexp(1, cases[i].e), text);
        assert_string_equal(text, cases[i].text);
    }
    for (e = -1074; e < 1024; e++) {
        double value;

        mls_format_real(ldexp(1, e), text);
        assert_true(mls_parse_real(text, strlen(text), '.', &value, NULL));
        assert_true(value == ldexp(1, e));
        assert_true(library_real(text) == value);
        if (e > -1074) {
            check_format(nextafter(ldexp(1, e), 0), true);
            check_format(nextafter(ldexp(1, e), 1e308 * 10), true);
        }
    }
}

static void powers_of_ten_are_exact(void **state)
{
    char text[32];
    int q;

    (void)state;
    for (q = -400; q <= 400; q++) {
        int64_t m;

        for (m = 1; m < 10; m++) {
            snprintf(text, sizeof(text), "%de%d", (int)m, q);
            check_parse(text);
        }
        snprintf(text, sizeof(text), "9007199254740993e%d", q);
        check_parse(text);
        snprintf(text, sizeof(text), "18446744073709551615e%d", q);
        check_parse(text);
        snprintf(text, sizeof(text), "9999999999999999999e%d", q);
        check_parse(text);
        if (q >= -323 && q <= 308) {
            snprintf(text, sizeof(text), "1e%d", q);
            check_format(library_real(text), true);
        }
    }
}

static void layout_is_that_of_python(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.1, "0.1" }, { 5, "5" }, { 1e16, "1e+16" }, { 1e-5, "1e-05" },
        { 0.0001, "0.0001" }, { 123456.789, "123456.789" }, { -0.0, "-0" },
        { 0, "0" }, { -1.5, "-1.5" }, { 1e15, "1000000000000000" },
        { 9999999999999998, "9999999999999998" }, { 1e22, "1e+22" },
        { 1e23, "1e+23" }, { 1.5e300, "1.5e+300" }, { 1e100, "1e+100" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { -2.2250738585072014e-308, "-2.2250738585072014e-308" },
        { 0.30000000000000004, "0.30000000000000004" },
        { 1.0 / 3, "0.3333333333333333" }, { 100, "100" },
        { 1234567890123456.5, "1234567890123456.5" },
    };
    char text[MLS_REAL_TEXT];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(mls_format_real(cases[i].value, text),
                         strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
    mls_format_real((double)NAN, text);
    assert_string_equal(text, "nan");
    mls_format_real(-(double)NAN, text);
    assert_string_equal(text, "nan");
    mls_format_real((double)INFINITY, text);
    assert_string_equal(text, "inf");
    mls_format_real(-(double)INFINITY, text);
    assert_string_equal(text, "-inf");
}

/* Random decimals of up to max_digits digits with a point and an exponent. */
static void random_decimal(char *text, int max_digits)
{
    int digits = 1 + (int)(random_bits() % (unsigned)max_digits), i;
    int point = (int)(random_bits() % (unsigned)(digits + 1));
    char *at = text;

    if (random_bits() % 2) {
        *at++ = '-';
    }
    for (i = 0; i < digits; i++) {
        if (i == point) {
            *at++ = '.';
        }
        *at++ = (char)('0' + random_bits() % 10);
    }
    *at = '\0';
    if (random_bits() % 2) {
        snprintf(at, 10, "e%d", (int)(random_bits() % 700) - 350);
    }
}

static void random_decimals_are_read_as_the_library_does(void **state)
{
    char text[1200];
    int i;

    (void)state;
    for (i = 0; i < many(200000); i++) {
        random_decimal(text, 24);
        check_parse(text);
    }
    for (i = 0; i < many(2000); i++) {
        random_decimal(text, 1100);
        check_parse(text);
    }
}

/* The exact decimal of value, and of the midpoint to the next double: twice
 * the midpoint has one bit more than a double, so it is added up in text. */
static void midpoint_text(double value, char *text, size_t size)
{
    double next = nextafter(value, (double)INFINITY);
    char other[1200];
    size_t i;
    int carry = 0;

    /* Same number of decimals, enough for both to be exact with half a ulp. */
    snprintf(text, size, "%.1076f", value);
    snprintf(other, sizeof(other), "%.1076f", next);
    assert_int_equal(strlen(text), strlen(other));
    /* Sum, then half: from the right, then from the left. */
    for (i = strlen(text); i-- > 0;) {
        if (text[i] != '.') {
            int sum = text[i] - '0' + other[i] - '0' + carry;

            carry = sum / 10;
            text[i] = (char)('0' + sum % 10);
        }
    }
    for (i = 0; text[i]; i++) {
        if (text[i] != '.') {
            int digit = carry * 10 + text[i] - '0';

            text[i] = (char)('0' + digit / 2);
            carry = digit % 2;
        }
    }
    assert_int_equal(carry, 0);
}

static void check_around_midpoint(double value)
{
    double next = nextafter(value, (double)INFINITY), even, back;
    char text[1300];
    size_t length, end;

    midpoint_text(value, text, sizeof(text) - 50);
    length = strlen(text);
    even = bits_of(value) % 2 == 0 ? value : next;
    assert_true(mls_parse_real(text, length, '.', &back, NULL));
    assert_true(bits_of(back) == bits_of(even));
    /* Behind its last digit that counts, a 1 is above it. */
    memcpy(text + length, "000000000000000000001", 22);
    assert_true(mls_parse_real(text, length + 21, '.', &back, NULL));
    assert_true(bits_of(back) == bits_of(next));
    check_parse(text);
    /* One less in the last nonzero digit, then nines, is below it. */
    for (end = length; text[end - 1] == '0' || text[end - 1] == '.'; end--) {
    }
    text[end - 1]--;
    memset(text + end, text[end] == '.' ? '.' : '9', 1);
    text[end + 1] = '\0';
    assert_true(mls_parse_real(text, end + 1, '.', &back, NULL));
    assert_true(bits_of(back) == bits_of(value));
}

static void halfway_cases_go_to_the_even_neighbour(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < many(300); i++) {
        /* Of all sizes below 1: their decimals are all fraction. */
        uint64_t exponent = random_bits() % 1022;

        check_around_midpoint(real_of(exponent << 52 | random_bits() >> 12));
    }
    check_around_midpoint(0x1p-1074);
    check_around_midpoint(real_of(0x000FFFFFFFFFFFFF));
    check_around_midpoint(real_of(0x0010000000000000));
    check_parse("9007199254740993");
    check_parse("9007199254740993.0000000000000000000000000000001");
    check_parse("9007199254740992.9999999999999999999999999999999");
    check_parse("9007199254740995");
    check_parse("90071992547409930e-1");
    check_parse("9007199254740993000000000000000000000000e-24");
    check_parse("4503599627370496.5");
    check_parse("4503599627370497.5");
}

static void the_ends_of_the_range_are_exact(void **state)
{
    /* Half of the least subnormal, and the midpoint above the largest double,
     * by 2^1024 - 2^970. */
    static const char half_least[] = "2.4703282292062327208299439634110764";
    static const char over[] =
        "17976931348623158079372897140530341507993413271003782693617377898044"
        "49682927647509466490179775872070963302864166928879109465555478519404"
        "02630657488671505820681908902000708383676273854845817711531764475730"
        "27006985557136695962284291481986083493647529271907416844436551070434"
        "2711559699508093042880177904174497792";
    char text[400];
    double value;
    size_t length;

    (void)state;
    snprintf(text, sizeof(text), "%se-324", half_least);
    check_parse(text);
    check_parse("2.4703282292062327e-324");
    check_parse("2.4703282292062328e-324");
    check_parse("2.4703282292062329e-324");
    check_parse("4.9406564584124654e-324");
    check_parse("2.2250738585072011e-308");
    check_parse("2.2250738585072014e-308");
    check_parse("1.7976931348623157e308");
    check_parse("1.7976931348623158e308");
    length = strlen(over);
    assert_false(mls_parse_real(over, length, '.', &value, NULL));
    memcpy(text, over, length + 1);
    text[length - 1]--; /* from 2 */
    assert_true(mls_parse_real(text, length, '.', &value, NULL));
    assert_true(value == 1.7976931348623157e308);
    assert_false(mls_parse_real("1e309", 5, '.', &value, NULL));
    assert_false(mls_parse_real("-1e99999999999999999999", 23, '.', &value,
                                NULL));
    assert_true(mls_parse_real("-1e-99999999999999999999", 24, '.', &value,
                               NULL));
    assert_true(value == 0 && signbit(value));
    assert_true(mls_parse_real("0e99999999999999999999", 22, '.', &value,
                               NULL));
    assert_true(value == 0 && !signbit(value));
}

static void many_zeros_change_nothing(void **state)
{
    char text[3000];

    (void)state;
    /* 1 with 1,000 zeros before and behind it. */
    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[1001] = '1';
    memcpy(text + 2000, "e1000", 6);
    check_parse(text);
    memset(text, '0', sizeof(text));
    text[0] = '1';
    memcpy(text + 2000, "e-1990", 7);
    check_parse(text);
    memset(text, '0', sizeof(text));
    text[1500] = '\0';
    check_parse(text);
    memset(text, '0', sizeof(text));
    text[700] = '.';
    text[1500] = '\0';
    check_parse(text);
}

static void only_plain_decimals_are_numbers(void **state)
{
    static const char *const good[] = {
        "1", "+1", "-1", ".5", "5.", "1e5", "1E+5", "1e-5", "1.e5", ".5e1",
        "007", "00000000000000000000001", "1234567.12345678"
    };
    static const char *const bad[] = {
        "", "+", "-", ".", "e5", ".e5", "1e", "1e+", "1e-", " 1", "1 ", "1,5",
        "1.2.3", "0x10", "inf", "nan", "1_000", "--1", "+-1", "1e5.0", "1f",
        "12345678:", "1234567/", "12345678a", "1e1e1", "\xD9\xA1", "1-",
        "1;234567890"
    };
    double value;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
        value = -99;
        assert_true(mls_parse_real(good[i], strlen(good[i]), '.', &value,
                                   NULL));
        assert_true(value == library_real(good[i]));
    }
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        value = 7;
        if (mls_parse_real(bad[i], strlen(bad[i]), '.', &value, NULL)) {
            fail_msg("\"%s\" was read as %g", bad[i], value);
        }
        assert_true(value == 7);
    }
    assert_false(mls_parse_real("1\0", 2, '.', &value, NULL));
}

static void every_byte_is_told_from_a_digit_at_every_place(void **state)
{
    char text[9];
    int place, byte;
    double value;

    (void)state;
    for (place = 0; place < 8; place++) {
        for (byte = 0; byte < 256; byte++) {
            bool digit = byte >= '0' && byte <= '9';
            bool other = byte == '.' || ((byte == '+' || byte == '-')
                                         && place == 0)
                /* Further left, the exponent would be too large. */
                || ((byte == 'e' || byte == 'E') && place >= 5 && place < 7);

            memcpy(text, "23456789", 9);
            text[place] = (char)byte;
            assert_true(mls_parse_real(text, 8, '.', &value, NULL)
                        == (digit || other));
            if (digit) {
                assert_true(value == library_real(text));
            }
        }
    }
}

static void the_cell_ends_at_its_length(void **state)
{
    double value;
    int64_t whole;

    (void)state;
    assert_true(mls_parse_real("12345678901", 3, '.', &value, NULL));
    assert_true(value == 123);
    assert_true(mls_parse_real("1.2599999999", 4, '.', &value, NULL));
    assert_true(value == 1.25);
    assert_true(mls_parse_integer("12345678901", 9, &whole));
    assert_int_equal(whole, 123456789);
}

static void the_decimal_comma_replaces_the_point(void **state)
{
    double value;

    (void)state;
    assert_true(mls_parse_real("-1,25", 5, ',', &value, NULL));
    assert_true(value == -1.25);
    assert_true(mls_parse_real("0,123456789012345678901234567890", 32, ',',
                               &value, NULL));
    assert_true(value == 0.12345678901234568);
    assert_false(mls_parse_real("1.25", 4, ',', &value, NULL));
}

static void integers_are_told_from_reals(void **state)
{
    static const struct {
        const char *text;
        bool integer;
    } cases[] = {
        { "12", true }, { "-12", true }, { "+0", true }, { "12.", false },
        { "12.0", false }, { "1e3", false }, { ".0", false },
        { "123456789012345678901234567890", true },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        double value;
        bool integer = !cases[i].integer;

        assert_true(mls_parse_real(cases[i].text, strlen(cases[i].text), '.',
                                   &value, &integer));
        assert_true(integer == cases[i].integer);
    }
}

static void integers_survive_the_round_trip(void **state)
{
    static const int64_t ends[] = {
        0, 1, -1, 9, 10, 99, 100, 9999, 10000, 99999, INT64_MAX, INT64_MIN,
        INT64_MAX - 1, INT64_MIN + 1
    };
    char text[MLS_REAL_TEXT], expected[32];
    int i;

    (void)state;
    for (i = 0; i < many(20000); i++) {
        int64_t value = i < 14 ? ends[i]
            : (int64_t)random_bits() >> (random_bits() % 64), back = 1;

        snprintf(expected, sizeof(expected), "%lld", (long long)value);
        assert_int_equal(mls_format_integer(value, text), strlen(expected));
        assert_string_equal(text, expected);
        assert_true(mls_parse_integer(text, strlen(text), &back));
        assert_true(back == value);
    }
}

static void integers_out_of_range_are_refused(void **state)
{
    static const char *const bad[] = {
        "9223372036854775808", "-9223372036854775809", "18446744073709551616",
        "18446744073709551617", "99999999999999999999", "", "-", "+", "1.0",
        "1e3", " 1", "1 ", "0x1", "123456789012345678901234567890"
    };
    int64_t value = 7;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(mls_parse_integer(bad[i], strlen(bad[i]), &value));
        assert_int_equal(value, 7);
    }
    assert_true(mls_parse_integer("+000000000000000000000000012", 28,
                                  &value));
    assert_int_equal(value, 12);
    assert_true(mls_parse_integer("-0", 2, &value));
    assert_int_equal(value, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_reals_are_written_shortest_and_read_back),
        cmocka_unit_test(random_reals_are_read_from_17_and_19_digits),
        cmocka_unit_test(short_decimals_are_written_as_they_were_read),
        cmocka_unit_test(columns_are_written_as_single_numbers_are),
        cmocka_unit_test(columns_are_written_shortest),
        cmocka_unit_test(powers_of_two_follow_python),
        cmocka_unit_test(powers_of_ten_are_exact),
        cmocka_unit_test(layout_is_that_of_python),
        cmocka_unit_test(random_decimals_are_read_as_the_library_does),
        cmocka_unit_test(halfway_cases_go_to_the_even_neighbour),
        cmocka_unit_test(the_ends_of_the_range_are_exact),
        cmocka_unit_test(many_zeros_change_nothing),
        cmocka_unit_test(only_plain_decimals_are_numbers),
        cmocka_unit_test(every_byte_is_told_from_a_digit_at_every_place),
        cmocka_unit_test(the_cell_ends_at_its_length),
        cmocka_unit_test(the_decimal_comma_replaces_the_point),
        cmocka_unit_test(integers_are_told_from_reals),
        cmocka_unit_test(integers_survive_the_round_trip),
        cmocka_unit_test(integers_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, make_locale, NULL);
}
