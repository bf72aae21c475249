/*
 * Moments against the certified values of NIST's univariate sets, quantiles
 * against numpy 2's, sorting against insertion.
 */
#include "test.h"

#include <math.h>
#include <stdio.h>

#include "stats/summary.h"
#include "base/memory.h"

static struct mls_error err;
static uint64_t state_of_draws = 3;

static double draw(void)
{
    state_of_draws =
        state_of_draws * 6364136223846793005u + 1442695040888963407u;
    return (double)(state_of_draws >> 11) / 9007199254740992.0;
}

static void check_relative(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fabs(want)))
        fail_msg("%.17g is not %.17g", got, want);
}

static double *new_reals(int64_t n)
{
    double *x = mls_new(n, sizeof(double), &err);

    assert_non_null(x);
    return x;
}

/* ---- Moments ---- */

/* Lew: beam deflection. */
static const short lew[200] = {
    -213, -564, -35,  -15,  141,  115,  -420, -360, 203,  -338, -431, 194,
    -220, -513, 154,  -125, -559, 92,   -21,  -579, -52,  99,   -543, -175,
    162,  -457, -346, 204,  -300, -474, 164,  -107, -572, -8,   83,   -541,
    -224, 180,  -420, -374, 201,  -236, -531, 83,   27,   -564, -112, 131,
    -507, -254, 199,  -311, -495, 143,  -46,  -579, -90,  136,  -472, -338,
    202,  -287, -477, 169,  -124, -568, 17,   48,   -568, -135, 162,  -430,
    -422, 172,  -74,  -577, -13,  92,   -534, -243, 194,  -355, -465, 156,
    -81,  -578, -64,  139,  -449, -384, 193,  -198, -538, 110,  -44,  -577,
    -6,   66,   -552, -164, 161,  -460, -344, 205,  -281, -504, 134,  -28,
    -576, -118, 156,  -437, -381, 200,  -220, -540, 83,   11,   -568, -160,
    172,  -414, -408, 188,  -125, -572, -32,  139,  -492, -321, 205,  -262,
    -504, 142,  -83,  -574, 0,    48,   -571, -106, 137,  -501, -266, 190,
    -391, -406, 194,  -186, -553, 83,   -13,  -577, -49,  103,  -515, -280,
    201,  300,  -506, 131,  -45,  -578, -80,  138,  -462, -361, 201,  -211,
    -554, 32,   74,   -533, -235, 187,  -372, -442, 182,  -147, -566, 25,
    68,   -535, -244, 194,  -351, -463, 174,  -125, -570, 15,   72,   -550,
    -190, 172,  -424, -385, 198,  -218, -536, 96
};

/* Lottery: three-digit numbers. */
static const short lottery[218] = {
    162, 671, 933, 414, 788, 730, 817, 33,  536, 875, 670, 236, 473, 167, 877,
    980, 316, 950, 456, 92,  517, 557, 956, 954, 104, 178, 794, 278, 147, 773,
    437, 435, 502, 610, 582, 780, 689, 562, 964, 791, 28,  97,  848, 281, 858,
    538, 660, 972, 671, 613, 867, 448, 738, 966, 139, 636, 847, 659, 754, 243,
    122, 455, 195, 968, 793, 59,  730, 361, 574, 522, 97,  762, 431, 158, 429,
    414, 22,  629, 788, 999, 187, 215, 810, 782, 47,  34,  108, 986, 25,  644,
    829, 630, 315, 567, 919, 331, 207, 412, 242, 607, 668, 944, 749, 168, 864,
    442, 533, 805, 372, 63,  458, 777, 416, 340, 436, 140, 919, 350, 510, 572,
    905, 900, 85,  389, 473, 758, 444, 169, 625, 692, 140, 897, 672, 288, 312,
    860, 724, 226, 884, 508, 976, 741, 476, 417, 831, 15,  318, 432, 241, 114,
    799, 955, 833, 358, 935, 146, 630, 830, 440, 642, 356, 373, 271, 715, 367,
    393, 190, 669, 8,   861, 108, 795, 269, 590, 326, 866, 64,  523, 862, 840,
    219, 382, 998, 4,   628, 305, 747, 247, 34,  747, 729, 645, 856, 974, 24,
    568, 24,  694, 608, 480, 410, 729, 947, 293, 53,  930, 223, 203, 677, 227,
    62,  455, 387, 318, 562, 242, 428, 968
};

/* Mavro: filter transmittance, from 2 in units of 1e-5. */
static const short mavro[50] = { 180, 170, 180, 190, 180, 170, 150, 140, 150,
                                 150, 170, 180, 180, 190, 190, 210, 200, 160,
                                 140, 130, 130, 150, 150, 160, 150, 140, 130,
                                 140, 150, 140, 150, 160, 150, 160, 190, 200,
                                 200, 210, 220, 230, 240, 250, 270, 260, 260,
                                 260, 270, 260, 250, 240 };

/* Michelso: speed of light, from 299 in units of 0.01. */
static const short michelso[100] = {
    85,  74, 90, 107, 93, 85, 95, 98, 98, 88, 100, 98, 93, 65, 76, 81, 100,
    100, 96, 96, 96,  94, 96, 94, 88, 80, 85, 88,  90, 84, 83, 79, 81, 88,
    88,  83, 80, 79,  76, 80, 88, 88, 88, 86, 72,  72, 62, 86, 97, 95, 88,
    91,  85, 87, 84,  84, 85, 84, 84, 84, 89, 81,  81, 82, 80, 77, 76, 74,
    75,  76, 91, 92,  89, 86, 88, 72, 84, 85, 85,  78, 89, 84, 78, 81, 76,
    81,  79, 81, 82,  85, 87, 87, 81, 74, 81, 94,  95, 80, 81, 87
};

static void check_certified(const double *x, int64_t n, double mean,
                            double deviation, double tolerance)
{
    struct mls_moments m;

    assert_true(mls_moments(NULL, x, NULL, n, &m, &err));
    assert_int_equal(m.count, n);
    check_relative(m.mean, mean, 1e-15);
    check_relative(sqrt(mls_moments_variance(&m, 1)), deviation, tolerance);
}

/* Tolerances: certified digits (15), times what decimals lose as doubles. */
static void moments_have_the_certified_values_of_real_sets(void **state)
{
    double x[218];

    (void)state;
    for (int i = 0; i < 200; i++)
        x[i] = lew[i];
    check_certified(x, 200, -177.435, 277.332168044316, 2e-15);
    for (int i = 0; i < 218; i++)
        x[i] = lottery[i];
    check_certified(x, 218, 518.958715596330, 291.699727470969, 2e-15);
    for (int i = 0; i < 50; i++)
        x[i] = (200000 + mavro[i]) / 1e5;
    check_certified(x, 50, 2.001856, 0.000429123454003053, 1e-13);
    for (int i = 0; i < 100; i++)
        x[i] = (29900 + michelso[i]) / 100.0;
    check_certified(x, 100, 299.8524, 0.0790105478190518, 1e-13);
}

/* NumAcc2 to 4: base + 0.2, then 500 times base + 0.1 and base + 0.3.  What is
 * lost is lost in the data: doubles near 1e7 are 2e-9 apart. */
static void check_constructed(double base, double tolerance)
{
    double x[1001];

    for (int i = 0; i < 1001; i++)
        x[i] = (10 * base + (i == 0 ? 2 : i % 2 ? 1 : 3)) / 10;
    check_certified(x, 1001, base + 0.2, 0.1, tolerance);
}

static void moments_have_the_certified_values_of_constructed_sets(void **state)
{
    const double first[3] = { 10000001, 10000003, 10000002 };

    (void)state;
    check_certified(first, 3, 10000002, 1, 0);
    check_constructed(1, 1e-14);
    check_constructed(1000000, 1e-9);
    check_constructed(10000000, 2e-8);
}

/* Values: scipy 1.17, stats.skew, and numpy's var(ddof=1), the weighted ones
 * on rows repeated by np.repeat. */
static const double seven[7] = { 3.1, -2.7, 14.5, 0.3, 8.8, -6.1, 2.2 };
static const double weights[7] = { 1, 2, 1, 3, 1, 2, 4 };

static void moments_agree_with_scipy(void **state)
{
    struct mls_moments m;

    (void)state;
    assert_true(mls_moments(NULL, seven, NULL, 7, &m, &err));
    check_relative(mls_moments_variance(&m, 1), 48.16904761904763, 1e-15);
    check_relative(mls_moments_skewness(&m), 0.4676816032262418, 1e-14);
    assert_true(m.low == -6.1 && m.high == 14.5);
    assert_true(mls_moments(NULL, seven, weights, 7, &m, &err));
    assert_int_equal(m.count, 7);
    assert_true(m.weight == 14);
    check_relative(m.mean, 1.3214285714285714, 1e-15);
    check_relative(mls_moments_variance(&m, 1), 29.344890109890116, 1e-15);
    check_relative(mls_moments_skewness(&m), 0.8861376498311205, 1e-14);
}

static void missing_rows_and_rows_of_weight_0_do_not_count(void **state)
{
    const double x[5] = { NAN, 4, 1e9, 2, NAN }, w[5] = { 1, 1, 0, 1, 0 };
    struct mls_moments m;

    (void)state;
    assert_true(mls_moments(NULL, x, w, 5, &m, &err));
    assert_int_equal(m.count, 2);
    assert_int_equal(m.missing, 1);
    assert_true(m.weight == 2 && m.mean == 3 && m.m2 == 2 && m.m3 == 0);
    assert_true(m.low == 2 && m.high == 4);
}

static void no_rows_have_no_moments(void **state)
{
    const double x[2] = { NAN, NAN };
    struct mls_moments m;

    (void)state;
    for (int64_t n = 0; n <= 2; n += 2) {
        assert_true(mls_moments(NULL, x, NULL, n, &m, &err));
        assert_int_equal(m.count, 0);
        assert_int_equal(m.missing, n);
        assert_true(isnan(m.mean) && isnan(m.low) && isnan(m.high));
        assert_true(m.weight == 0 && m.m2 == 0);
        assert_true(isnan(mls_moments_variance(&m, 0)));
        assert_true(isnan(mls_moments_skewness(&m)));
    }
}

/* Of any value and any weights, over several chunks. */
static void a_constant_column_has_no_variance_at_all(void **state)
{
    enum { N = 9000 };
    double *x = new_reals(N), *w = new_reals(N);
    struct mls_moments m;

    (void)state;
    for (int round = 0; round < 20; round++) {
        double value = draw() * 1e9;

        for (int i = 0; i < N; i++) {
            x[i] = value;
            w[i] = draw() * draw();
        }
        assert_true(mls_moments(NULL, x, round ? w : NULL, N, &m, &err));
        assert_true(m.mean == value && m.m2 == 0 && m.m3 == 0);
        assert_true(mls_moments_variance(&m, 1) == 0);
        assert_true(isnan(mls_moments_skewness(&m)));
    }
    mls_free(x);
    mls_free(w);
}

/* In long double and two passes over all rows, no chunks. */
static void moments_over_many_chunks_are_those_of_one_sum(void **state)
{
    enum { N = 20011 };
    double *x = new_reals(N), *w = new_reals(N);
    long double sum = 0, weight = 0, m2 = 0, m3 = 0;
    struct mls_moments m;

    (void)state;
    for (int i = 0; i < N; i++) {
        x[i] = 1e6 + draw() * draw() * i;
        w[i] = draw();
        sum += (long double)w[i] * x[i];
        weight += w[i];
    }
    for (int i = 0; i < N; i++) {
        long double d = x[i] - sum / weight;

        m2 += w[i] * d * d;
        m3 += w[i] * d * d * d;
    }
    assert_true(mls_moments(NULL, x, w, N, &m, &err));
    check_relative(m.mean, (double)(sum / weight), 1e-15);
    check_relative(m.m2, (double)m2, 1e-13);
    check_relative(m.m3, (double)m3, 1e-13);
    mls_free(x);
    mls_free(w);
}

static void any_number_of_threads_gives_the_same_moments(void **state)
{
    enum { N = 50000 };
    static const int counts[] = { 1, 2, 3, 8 };
    double *x = new_reals(N);
    struct mls_moments one, many;

    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = i % 17 ? draw() : NAN;
    assert_true(mls_moments(NULL, x, NULL, N, &one, &err));
    for (int t = 0; t < 4; t++) {
        struct mls_run run = { 0 };

        assert_true(mls_run_init(&run, counts[t], &err));
        assert_true(mls_moments(&run, x, NULL, N, &many, &err));
        assert_memory_equal(&one, &many, sizeof(one));
        mls_run_clear(&run);
    }
    mls_free(x);
}

static void weights_of_one_are_no_weights(void **state)
{
    enum { N = 9000 };
    double *x = new_reals(N), *w = new_reals(N);
    struct mls_moments without, with;

    (void)state;
    for (int i = 0; i < N; i++) {
        x[i] = draw();
        w[i] = 1;
    }
    assert_true(mls_moments(NULL, x, NULL, N, &without, &err));
    assert_true(mls_moments(NULL, x, w, N, &with, &err));
    assert_memory_equal(&without, &with, sizeof(with));
    mls_free(x);
    mls_free(w);
}

static void folding_with_nothing_changes_nothing(void **state)
{
    struct mls_moments m, empty = { 0 }, before;

    (void)state;
    mls_moments_chunk(seven, weights, 7, &m);
    before = m;
    mls_moments_fold(&m, &empty);
    assert_memory_equal(&m, &before, sizeof(m));
    mls_moments_fold(&empty, &m);
    assert_memory_equal(&empty, &before, sizeof(m));
}

/* ---- Sorting ---- */

/* -1, 0 or 1 in the order that is promised; NaN are equal. */
static int compare(double a, double b, bool zeros_differ)
{
    if (a != a || b != b)
        return (a != a) - (b != b);
    if (a == b && zeros_differ)
        return (signbit(b) != 0) - (signbit(a) != 0);
    return (a > b) - (a < b);
}

/* Kinds of columns: many values, few, two, ascending, descending, one, and
 * shapes that are hard for a sort by pivots. */
#define KINDS 8

static double value_of_kind(int kind, int64_t i, int64_t n)
{
    static const double odd[] = { NAN,       -NAN,   0.0,     -0.0, INFINITY,
                                  -INFINITY, 5e-324, -5e-324, 1.5,  -1.5 };

    switch (kind) {
    case 0:
        return draw() - 0.5;
    case 1:
        return floor(draw() * 20) - 10;
    case 2:
        return draw() < 0.5;
    case 3:
        return (double)i;
    case 4:
        return (double)-i;
    case 5:
        return 7;
    case 6:
        return odd[(int)(draw() * 10)];
    default:
        return (double)(i < n / 2 ? i : n - i) + (i % 2) * 1000;
    }
}

static const int64_t sizes[] = { 0, 1, 2, 3, 24, 25, 100, 600, 5000 };
#define SIZES 9

static void sorting_leaves_the_same_values_in_order(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++) {
        for (int kind = 0; kind < KINDS; kind++) {
            int64_t n = sizes[s], negative_zeros[2] = { 0 }, nans[2] = { 0 };
            double *x = new_reals(n), sum[2] = { 0 };

            for (int64_t i = 0; i < n; i++)
                x[i] = value_of_kind(kind, i, n);
            for (int after = 0; after < 2; after++) {
                for (int64_t i = 0; i < n; i++) {
                    nans[after] += isnan(x[i]);
                    negative_zeros[after] += x[i] == 0 && signbit(x[i]);
                    /* Exact: the sum of bits knows no order but its own. */
                    if (isfinite(x[i]))
                        sum[after] += floor(x[i] * 1048576);
                }
                if (!after)
                    mls_sort_reals(x, n);
            }
            for (int64_t i = 1; i < n; i++)
                assert_true(compare(x[i - 1], x[i], true) <= 0);
            assert_int_equal(nans[0], nans[1]);
            assert_int_equal(negative_zeros[0], negative_zeros[1]);
            assert_true(sum[0] == sum[1]);
            mls_free(x);
        }
    }
}

static void sorting_with_room_does_the_same(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++) {
        for (int kind = 0; kind < KINDS; kind++) {
            int64_t n = sizes[s];
            double *x = new_reals(n), *y = new_reals(n), *room = new_reals(n);

            for (int64_t i = 0; i < n; i++)
                x[i] = y[i] = value_of_kind(kind, i, n);
            mls_sort_reals(x, n);
            mls_sort_reals_with(y, room, n);
            for (int64_t i = 0; i < n; i++)
                assert_true(isnan(x[i]) ? isnan(y[i])
                                        : memcmp(x + i, y + i, sizeof(*x))
                                              == 0);
            mls_free(x);
            mls_free(y);
            mls_free(room);
        }
    }
}

static void ordering_is_stable_and_a_permutation(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++) {
        for (int kind = 0; kind < KINDS; kind++) {
            int64_t n = sizes[s], total = 0;
            double *x = new_reals(n);
            int64_t *order = mls_new(n, sizeof(*order), &err);

            for (int64_t i = 0; i < n; i++)
                x[i] = value_of_kind(kind, i, n);
            assert_true(mls_order_reals(x, n, order, &err));
            for (int64_t k = 0; k < n; k++)
                total += order[k];
            /* Strictly ascending by (value, position): no position twice. */
            for (int64_t k = 1; k < n; k++) {
                int c = compare(x[order[k - 1]], x[order[k]], false);

                assert_true(c < 0 || (c == 0 && order[k - 1] < order[k]));
            }
            assert_true(total == n * (n - 1) / 2);
            mls_free(order);
            mls_free(x);
        }
    }
}

/* ---- Quantiles ---- */

static const double seven_probabilities[7] = {
    0, 0.1, 0.25, 0.5, 0.66, 0.9, 1
};

static void quantiles_are_those_of_numpy(void **state)
{
    const double want[7] = { -6.1, -4.06, -1.2, 2.2, 3.064, 11.080000000000002,
                             14.5 };
    double out[7];

    (void)state;
    assert_true(
        mls_quantiles(seven, NULL, 7, seven_probabilities, 7, out, &err));
    for (int i = 0; i < 7; i++)
        assert_true(out[i] == want[i]);
}

static void weighted_quantiles_are_those_of_repeated_rows(void **state)
{
    /* numpy 2 on np.repeat(seven, weights) */
    const double want[7] = { -6.1, -5.08, -1.9500000000000002,
                             1.25, 2.2,   7.090000000000007,
                             14.5 };
    double out[7];

    (void)state;
    assert_true(
        mls_quantiles(seven, weights, 7, seven_probabilities, 7, out, &err));
    for (int i = 0; i < 7; i++)
        assert_true(out[i] == want[i]);
}

static void rows_repeated_by_hand_have_the_same_quantiles(void **state)
{
    enum { N = 300 };
    double x[N], w[N], repeated[4 * N], p[101], a[101], b[101];
    int64_t rows = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        x[i] = i % 11 ? floor(draw() * 100) / 8 : NAN;
        w[i] = floor(draw() * 4);
        for (int k = 0; k < (int)w[i]; k++)
            repeated[rows++] = x[i];
    }
    for (int i = 0; i <= 100; i++)
        p[i] = i / 100.0;
    assert_true(mls_quantiles(x, w, N, p, 101, a, &err));
    assert_true(mls_quantiles(repeated, NULL, rows, p, 101, b, &err));
    assert_memory_equal(a, b, sizeof(a));
}

/* One or two at a time they are found without sorting: the values are those of
 * many, which are sorted. */
static void a_few_quantiles_are_those_of_many(void **state)
{
    enum { N = 3000 };
    static double x[N];
    double p[101], all[101], two[2];

    (void)state;
    for (int i = 0; i <= 100; i++)
        p[i] = i / 100.0;
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < N; i++) {
            x[i] = kind == 0 ? draw() - 0.5
                : kind == 1  ? floor(draw() * 5)
                : kind == 2  ? i
                             : -fabs(i - N / 2.0);
            if (i % 17 == 0)
                x[i] = NAN;
        }
        assert_true(mls_quantiles(x, NULL, N, p, 101, all, &err));
        for (int i = 0; i <= 100; i++) {
            double pair[2] = { p[i], p[(i + 101) / 2] };

            assert_true(mls_quantiles(x, NULL, N, pair, 2, two, &err));
            assert_true(two[0] == all[i] && two[1] == all[(i + 101) / 2]);
        }
    }
}

static void light_weights_use_the_distribution_function(void **state)
{
    const double x[3] = { 30, 10, 20 }, w[3] = { 0.25, 0.25, 0.5 };
    const double p[5] = { 0, 0.25, 0.26, 0.75, 1 };
    const double want[5] = { 10, 10, 20, 20, 30 };
    double out[5];

    (void)state;
    assert_true(mls_quantiles(x, w, 3, p, 5, out, &err));
    for (int i = 0; i < 5; i++)
        assert_true(out[i] == want[i]);
}

static void quantiles_of_nothing_are_missing(void **state)
{
    const double x[2] = { NAN, 1 }, w[2] = { 1, 0 }, p[2] = { 0, 0.5 };
    double out[2];

    (void)state;
    assert_true(mls_quantiles(x, w, 2, p, 2, out, &err));
    assert_true(isnan(out[0]) && isnan(out[1]));
    out[0] = out[1] = 0;
    assert_true(mls_quantiles(x, NULL, 1, p, 2, out, &err));
    assert_true(isnan(out[0]) && isnan(out[1]));
    assert_true(mls_quantiles(x + 1, NULL, 1, p, 2, out, &err));
    assert_true(out[0] == 1 && out[1] == 1);
}

static void quantiles_between_infinities_are_not_nan(void **state)
{
    const double x[4] = { INFINITY, -INFINITY, INFINITY, -INFINITY };
    const double p[3] = { 0.1, 0.9, 1 };
    double out[3];

    (void)state;
    assert_true(mls_quantiles(x, NULL, 4, p, 3, out, &err));
    assert_true(out[0] == -INFINITY && out[1] == INFINITY);
}

static void every_allocation_may_fail(void **state)
{
    int64_t live = mls_memory_live(), order[7], fails = 0;
    double out[7];
    struct mls_moments m;
    bool ok = false;

    (void)state;
    for (int64_t n = 1; !ok; n++) {
        mls_memory_fail_at(n);
        ok = mls_moments(NULL, seven, weights, 7, &m, &err)
             && mls_order_reals(seven, 7, order, &err)
             && mls_quantiles(seven, NULL, 7, seven_probabilities, 7, out, &err)
             && mls_quantiles(seven, weights, 7, seven_probabilities, 7, out,
                              &err);
        mls_memory_fail_at(0);
        assert_int_equal(mls_memory_live(), live);
        fails += !ok;
    }
    assert_true(fails >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_have_the_certified_values_of_real_sets),
        cmocka_unit_test(moments_have_the_certified_values_of_constructed_sets),
        cmocka_unit_test(moments_agree_with_scipy),
        cmocka_unit_test(missing_rows_and_rows_of_weight_0_do_not_count),
        cmocka_unit_test(no_rows_have_no_moments),
        cmocka_unit_test(a_constant_column_has_no_variance_at_all),
        cmocka_unit_test(moments_over_many_chunks_are_those_of_one_sum),
        cmocka_unit_test(any_number_of_threads_gives_the_same_moments),
        cmocka_unit_test(weights_of_one_are_no_weights),
        cmocka_unit_test(folding_with_nothing_changes_nothing),
        cmocka_unit_test(sorting_leaves_the_same_values_in_order),
        cmocka_unit_test(sorting_with_room_does_the_same),
        cmocka_unit_test(ordering_is_stable_and_a_permutation),
        cmocka_unit_test(quantiles_are_those_of_numpy),
        cmocka_unit_test(weighted_quantiles_are_those_of_repeated_rows),
        cmocka_unit_test(rows_repeated_by_hand_have_the_same_quantiles),
        cmocka_unit_test(a_few_quantiles_are_those_of_many),
        cmocka_unit_test(light_weights_use_the_distribution_function),
        cmocka_unit_test(quantiles_of_nothing_are_missing),
        cmocka_unit_test(quantiles_between_infinities_are_not_nan),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
