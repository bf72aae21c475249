#include "test.h"

#include <math.h>

#include "base/random.h"

static uint64_t draw(uint64_t i)
{
    return mls_random(1, MLS_RANDOM_TEST, i);
}

/* The vectors for "philox4x32 10" in the file kat_vectors of the Random123
 * distribution: counter, key, result.  We give out the first two words. */
static void philox_gives_the_published_vectors(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], result[2];
    } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff }, { 0x408f276d, 0x41c83b0e } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 }, { 0xd16cfe09, 0x94fdcceb } },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key;
        uint64_t bits = mls_random2((uint64_t)k[1] << 32 | k[0], c[3], c[2],
                                    (uint64_t)c[1] << 32 | c[0]);

        assert_true((uint32_t)bits == known[i].result[0]);
        assert_true((uint32_t)(bits >> 32) == known[i].result[1]);
    }
}

static void each_argument_changes_the_draw(void **state)
{
    uint64_t bits = mls_random(1, 2, 3);

    (void)state;
    assert_true(bits == mls_random(1, 2, 3));
    assert_true(bits == mls_random2(1, 2, 0, 3));
    assert_true(bits != mls_random(2, 2, 3));
    assert_true(bits != mls_random(1 + (UINT64_C(1) << 32), 2, 3));
    assert_true(bits != mls_random(1, 3, 3));
    assert_true(bits != mls_random2(1, 2, 1, 3));
    assert_true(bits != mls_random(1, 2, 4));
    assert_true(bits != mls_random(1, 2, 3 + (UINT64_C(1) << 32)));
}

static void units_lie_in_0_to_1_and_are_uniform(void **state)
{
    int64_t cells[16] = { 0 };
    double sum = 0, chi = 0;
    int i;

    (void)state;
    assert_true(mls_random_unit(0) == 0);
    assert_true(mls_random_unit(UINT64_MAX) == 1 - 0x1p-53);
    assert_true(mls_random_unit(UINT64_C(1) << 63) == 0.5);
    for (i = 0; i < 160000; i++) {
        double unit = mls_random_unit(draw((uint64_t)i));

        sum += unit;
        cells[(int)(unit * 16)]++;
    }
    for (i = 0; i < 16; i++) {
        chi += ((double)cells[i] - 10000) * ((double)cells[i] - 10000) / 10000;
    }
    /* Mean 1/2 with deviation 7.2e-4; chi-square of 15 degrees passes 44 once
     * in 10,000.  The draws are fixed, so this cannot fail by chance. */
    assert_true(fabs(sum / 160000 - 0.5) < 0.003);
    assert_true(chi < 44);
}

static void whole_numbers_stay_below_n(void **state)
{
    int64_t counts[7] = { 0 };
    int i;

    (void)state;
    assert_int_equal(mls_random_below(UINT64_MAX, 1), 0);
    assert_int_equal(mls_random_below(0, 7), 0);
    assert_int_equal(mls_random_below(UINT64_MAX, 7), 6);
    assert_true(mls_random_below(UINT64_MAX, INT64_MAX) == INT64_MAX - 1);
    for (i = 0; i < 70000; i++) {
        counts[mls_random_below(draw((uint64_t)i), 7)]++;
    }
    for (i = 0; i < 7; i++) {
        assert_true(counts[i] > 9600 && counts[i] < 10400);
    }
}

/* Expected: scipy.special.ndtri(((bits >> 12) + 0.5) * 2.0**-52) */
static void normals_invert_the_distribution_function(void **state)
{
    static const struct {
        uint64_t bits;
        double normal;
    } known[] = {
        { 0x0, -8.209536151601387 },
        { 0x1000, -8.076571004130123 },
        { 0x8000000000000000, 2.782916424671767e-16 },
        { 0xffffffffffffffff, 8.209536151601387 },
        { 0x123456789abcdef0, -1.4675657313132977 },
        { 0x9000000000000000, 0.157310684610171 },
        { 0x100000000000, -4.763001034244332 },
        { 0xfff0000000000000, 3.487104104114553 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
        double normal = mls_random_normal(known[i].bits);

        assert_true(fabs(normal - known[i].normal)
                    <= 4e-15 * fabs(known[i].normal));
    }
}

static void normals_have_the_right_moments(void **state)
{
    double sum = 0, square = 0, fourth = 0;
    int i, n = 100000;

    (void)state;
    for (i = 0; i < n; i++) {
        double x = mls_random_normal(draw((uint64_t)i));

        sum += x;
        square += x * x;
        fourth += x * x * x * x;
    }
    /* Four standard errors: 1, sqrt(2) and sqrt(96) over sqrt(n). */
    assert_true(fabs(sum / n) < 4 * 0.00317);
    assert_true(fabs(square / n - 1) < 4 * 0.00448);
    assert_true(fabs(fourth / n - 3) < 4 * 0.031);
}

static void keys_follow_the_name_and_the_seed(void **state)
{
    (void)state;
    /* XXH3 of the empty text with seed 0, as its authors publish it. */
    assert_true(mls_random_key(0, "") == UINT64_C(0x2d06800538d394c2));
    assert_true(mls_random_key(1, "age") == mls_random_key(1, "age"));
    assert_true(mls_random_key(1, "age") != mls_random_key(1, "agE"));
    assert_true(mls_random_key(1, "age") != mls_random_key(2, "age"));
}

/* Expected: a Python twin of Philox and of the exchange from the end. */
static void an_order_is_the_known_permutation(void **state)
{
    static const int64_t known[12] = { 11, 4, 7, 5, 3, 9, 1, 0, 6, 2, 10, 8 };
    int64_t order[12];
    int i;

    (void)state;
    mls_random_order(42, MLS_RANDOM_SPLIT, 3, order, 12);
    for (i = 0; i < 12; i++) {
        assert_int_equal(order[i], known[i]);
    }
    mls_random_order(42, MLS_RANDOM_SPLIT, 0, order, 1);
    assert_int_equal(order[0], 0);
    mls_random_order(42, MLS_RANDOM_SPLIT, 0, order, 0);
}

static void all_orders_come_equally_often(void **state)
{
    int64_t counts[27] = { 0 }, order[3];
    uint32_t stream;
    int i, seen = 0;

    (void)state;
    for (stream = 0; stream < 60000; stream++) {
        mls_random_order(3, MLS_RANDOM_TEST, stream, order, 3);
        counts[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (i = 0; i < 27; i++) {
        if (counts[i] > 0) {
            seen++;
            assert_true(counts[i] > 9600 && counts[i] < 10400);
        }
    }
    assert_int_equal(seen, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_vectors),
        cmocka_unit_test(each_argument_changes_the_draw),
        cmocka_unit_test(units_lie_in_0_to_1_and_are_uniform),
        cmocka_unit_test(whole_numbers_stay_below_n),
        cmocka_unit_test(normals_invert_the_distribution_function),
        cmocka_unit_test(normals_have_the_right_moments),
        cmocka_unit_test(keys_follow_the_name_and_the_seed),
        cmocka_unit_test(an_order_is_the_known_permutation),
        cmocka_unit_test(all_orders_come_equally_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
