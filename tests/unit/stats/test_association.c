/*
 * Association against scikit-learn 1.9 and numpy 2; weighted values are theirs
 * on rows repeated by np.repeat.
 */
#include "test.h"

#include <math.h>

#include "stats/association.h"
#include "stats/chance.h"
#include "base/memory.h"

#define N 30

static struct mls_error err;

static void check_relative(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fabs(want)))
        fail_msg("%.17g is not %.17g", got, want);
}

/* Columns that the oracle's script could make just so. */
static double a[N], b[N], c[N], d[N], w[N];

static int make_columns(void **state)
{
    (void)state;
    for (int k = 0; k < N; k++) {
        a[k] = k * 37 % 101 / 8.0;
        b[k] = (k * 53 + 11) % 97 / 4.0 + k * 37 % 101 / 16.0;
        c[k] = k * k % 7 % 3;
        d[k] = (k * 5 + k * k / 3) % 4;
        w[k] = 1 + k % 3;
    }
    return 0;
}

/* np.corrcoef */
static void correlation_is_that_of_numpy(void **state)
{
    double r;

    (void)state;
    assert_true(mls_correlation(NULL, a, b, NULL, N, &r, &err));
    check_relative(r, 0.5071776862896209, 1e-14);
    assert_true(mls_correlation(NULL, a, b, w, N, &r, &err));
    check_relative(r, 0.4976005874596459, 1e-14);
}

static void correlation_stays_within_its_range(void **state)
{
    double x[N], y[N], r;

    (void)state;
    for (int k = 0; k < N; k++) {
        x[k] = 1e8 + a[k] / 3;
        y[k] = -x[k];
    }
    assert_true(mls_correlation(NULL, x, x, w, N, &r, &err));
    assert_true(r <= 1 && r > 1 - 1e-15);
    assert_true(mls_correlation(NULL, x, y, w, N, &r, &err));
    assert_true(r >= -1 && r < -1 + 1e-15);
}

static void a_constant_column_correlates_with_nothing(void **state)
{
    double x[N], r = 9, f, p;

    (void)state;
    for (int k = 0; k < N; k++)
        x[k] = 0.1; /* whose mean of 30 is not 0.1 */
    assert_true(mls_correlation(NULL, x, a, NULL, N, &r, &err));
    assert_true(r == 0);
    assert_true(mls_correlation(NULL, a, x, w, N, &r, &err));
    assert_true(r == 0);
    assert_true(mls_correlation(NULL, a, b, NULL, 0, &r, &err));
    assert_true(r == 0);
    assert_true(mls_regression_f(x, a, NULL, N, &f, &p, &err));
    assert_true(f == 0 && p == 1);
}

/* Whose rounding, with weights like these, is a variance of its own. */
static void no_constant_correlates_under_any_weights(void **state)
{
    enum { MANY = 9000 };
    double *x = mls_new(MANY, sizeof(double), &err);
    double *y = mls_new(MANY, sizeof(double), &err);
    double *weight = mls_new(MANY, sizeof(double), &err), r;

    (void)state;
    for (int round = 1; round <= 20; round++) {
        for (int k = 0; k < MANY; k++) {
            x[k] = sin(round) * 1e9;
            y[k] = sin(k);
            weight[k] = fabs(sin(k * 0.7) * sin(k * 0.3));
        }
        assert_true(mls_correlation(NULL, x, y, weight, MANY, &r, &err));
        assert_true(r == 0);
    }
    mls_free(x);
    mls_free(y);
    mls_free(weight);
}

static void any_number_of_threads_gives_the_same_correlation(void **state)
{
    enum { MANY = 30000 };
    static const int counts[] = { 1, 2, 3, 8 };
    double *x = mls_new(MANY, sizeof(double), &err);
    double *y = mls_new(MANY, sizeof(double), &err), one, many;

    (void)state;
    for (int k = 0; k < MANY; k++) {
        x[k] = sin(k);
        y[k] = cos(k * 1.1) + x[k] / 3;
    }
    assert_true(mls_correlation(NULL, x, y, NULL, MANY, &one, &err));
    for (int t = 0; t < 4; t++) {
        struct mls_run run = { 0 };

        assert_true(mls_run_init(&run, counts[t], &err));
        assert_true(mls_correlation(&run, x, y, NULL, MANY, &many, &err));
        assert_true(one == many);
        mls_run_clear(&run);
    }
    mls_free(x);
    mls_free(y);
}

/* feature_selection.f_classif */
static void analysis_of_variance_is_that_of_scikit_learn(void **state)
{
    double f, p;

    (void)state;
    assert_true(mls_anova_f(a, c, 3, NULL, N, &f, &p, &err));
    check_relative(f, 2.083749573244365, 1e-13);
    check_relative(p, 0.14402384685629685, 1e-13);
    assert_true(mls_anova_f(a, c, 5, w, N, &f, &p, &err));
    check_relative(f, 8.517298755440933, 1e-13);
    check_relative(p, 0.0005801547810450547, 1e-13);
}

static void analysis_of_variance_knows_its_limits(void **state)
{
    const double y[6] = { 0, 1, 0, 1, 0, 1 }, uneven[6] = { 0, 0, 0, 1, 1, 2 };
    const double apart[6] = { 0.1, 0.7, 0.1, 0.7, 0.1, 0.7 };
    const double same[6] = { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 };
    double f, p;

    (void)state;
    assert_true(mls_anova_f(apart, y, 2, NULL, 6, &f, &p, &err));
    assert_true(isinf(f) && f > 0 && p == 0);
    assert_true(mls_anova_f(same, y, 2, NULL, 6, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
    /* The mean of three times 0.1 is not 0.1, that of two is. */
    assert_true(mls_anova_f(same, uneven, 3, NULL, 6, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
    assert_true(mls_anova_f(apart, y, 2, NULL, 1, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
    assert_true(mls_anova_f(apart, y, 2, NULL, 2, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
    assert_true(mls_anova_f(apart, y, 2, NULL, 0, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
}

/* feature_selection.f_regression */
static void regression_f_is_that_of_scikit_learn(void **state)
{
    double f, p;

    (void)state;
    assert_true(mls_regression_f(a, b, NULL, N, &f, &p, &err));
    check_relative(f, 9.696689485106841, 1e-13);
    check_relative(p, 0.00422931260024112, 1e-13);
    assert_true(mls_regression_f(a, b, w, N, &f, &p, &err));
    check_relative(f, 19.087306075518146, 1e-13);
    check_relative(p, 5.2310429221550736e-05, 1e-13);
}

static void regression_f_knows_its_limits(void **state)
{
    const double x[4] = { 1, 2, 3, 4 }, y[4] = { 2, 4, 6, 8 };
    double f, p;

    (void)state;
    assert_true(mls_regression_f(x, y, NULL, 4, &f, &p, &err));
    assert_true(isinf(f) && p == 0);
    assert_true(mls_regression_f(x, y, NULL, 2, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
    assert_true(mls_regression_f(x, y, NULL, 0, &f, &p, &err));
    assert_true(isnan(f) && isnan(p));
}

/* metrics.mutual_info_score, less metrics.cluster's
 * expected_mutual_information of the contingency matrix. */
static void mutual_information_is_what_chance_does_not_give(void **state)
{
    double x[N], y[N], nats;

    (void)state;
    for (int k = 0; k < N; k++) {
        x[k] = k / 4 % 3;
        y[k] = k % 7 ? k / 4 % 3 : 3;
    }
    assert_true(mls_mutual_information(x, 3, y, 4, NULL, N, &nats, &err));
    check_relative(nats, 0.9093685849699599 - 0.11934839277412988, 1e-13);
    assert_true(mls_mutual_information(y, 9, x, 3, w, N, &nats, &err));
    check_relative(nats, 0.9513228899957409 - 0.05388752421658265, 1e-13);
    /* Chance would give more. */
    assert_true(mls_mutual_information(c, 3, d, 4, w, N, &nats, &err));
    assert_true(nats == 0);
    assert_true(mls_mutual_information(c, 3, d, 4, NULL, N, &nats, &err));
    assert_true(nats == 0);
    for (int k = 0; k < N; k++)
        x[k] = k % 2;
    assert_true(mls_mutual_information(x, 2, x, 2, NULL, N, &nats, &err));
    check_relative(nats, log(2) - 0.017554366059560803, 1e-13);
    assert_true(mls_mutual_information(x, 2, x, 2, NULL, 0, &nats, &err));
    assert_true(nats == 0);
}

/* The mean over all orders of y, by Heap's way through them. */
static double mean_over_orders(const double *x, double *y, int n, int codes)
{
    int turn[8] = { 0 }, orders = 0;
    double sum = 0;

    for (int i = 0; i <= n;) {
        double pair[8][8] = { { 0 } }, xs[8] = { 0 }, ys[8] = { 0 };

        if (orders == 0 || (i < n && turn[i] < i)) {
            if (orders > 0) {
                int other = i % 2 ? turn[i] : 0;
                double swap = y[other];

                y[other] = y[i];
                y[i] = swap;
                turn[i]++;
                i = 0;
            }
            for (int k = 0; k < n; k++) {
                pair[(int)x[k]][(int)y[k]]++;
                xs[(int)x[k]]++;
                ys[(int)y[k]]++;
            }
            for (int p = 0; p < codes; p++) {
                for (int q = 0; q < codes; q++) {
                    if (pair[p][q] > 0)
                        sum += pair[p][q] / n
                            * log(pair[p][q] * n / (xs[p] * ys[q]));
                }
            }
            orders++;
        } else if (i < n) {
            turn[i++] = 0;
        } else {
            break;
        }
    }
    return sum / orders;
}

static void chance_is_the_mean_over_all_orders(void **state)
{
    static const char *const xs[] = { "0011222", "0123456", "0000001",
                                      "0001112", "0101010" };
    static const char *const ys[] = { "0101012", "0011100", "0120120",
                                      "0123456", "0000000" };

    (void)state;
    for (int n = 0; n < 5; n++) {
        double x[7], y[7], a_rows[7] = { 0 }, b_rows[7] = { 0 }, got, want;

        for (int k = 0; k < 7; k++) {
            x[k] = xs[n][k] - '0';
            y[k] = ys[n][k] - '0';
            a_rows[(int)x[k]]++;
            b_rows[(int)y[k]]++;
        }
        want = mean_over_orders(x, y, 7, 7);
        assert_true(
            mls_chance_information(a_rows, 7, b_rows, 7, &got, &err));
        if (!(fabs(got - want) < 1e-11)) /* 5,040 sums */
            fail_msg("case %d: %.17g, not %.17g", n, got, want);
    }
}

/* A column that differs in every row or nearly so shares much with any other,
 * and tells nothing; one of many levels that decide does. */
static void identifiers_and_noise_of_many_levels_tell_nothing(void **state)
{
    enum { ROWS = 20000 };
    double *x = mls_new_array(ROWS, sizeof(double), &err);
    double *y = mls_new_array(ROWS, sizeof(double), &err), nats;
    uint64_t seed = 1;

    (void)state;
    for (int k = 0; k < ROWS; k++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        y[k] = (double)(seed >> 63);
        x[k] = k;
    }
    assert_true(mls_mutual_information(x, ROWS, y, 2, NULL, ROWS, &nats, &err));
    assert_true(nats == 0);
    for (int k = 0; k < ROWS; k++)
        x[k] = k % (ROWS - 500); /* 500 twice */
    assert_true(mls_mutual_information(x, ROWS, y, 2, NULL, ROWS, &nats, &err));
    assert_true(nats < 0.005);
    for (int k = 0; k < ROWS; k++)
        x[k] = k % 2000; /* ten rows each */
    assert_true(mls_mutual_information(x, ROWS, y, 2, NULL, ROWS, &nats, &err));
    assert_true(nats < 0.005);
    for (int k = 0; k < ROWS; k++)
        y[k] = k % 2000 % 2;
    assert_true(mls_mutual_information(x, ROWS, y, 2, NULL, ROWS, &nats, &err));
    assert_true(nats > 0.6);
    mls_free(x);
    mls_free(y);
}

static void too_many_pairs_of_codes_are_refused(void **state)
{
    double nats;

    (void)state;
    assert_false(mls_mutual_information(
        a, (int64_t)1 << 30, b, (int64_t)1 << 30, NULL, 0, &nats, &err));
    assert_int_equal(err.code, MLS_LIMIT);
}

static void check_bins(const double *x, const double *weight, int64_t n,
                       int64_t bins, const double *want, int64_t codes)
{
    double out[16];
    int64_t got = -1;

    assert_true(mls_bin_equal_frequency(x, weight, n, bins, out, &got, &err));
    assert_int_equal(got, codes);
    for (int64_t i = 0; i < n; i++)
        assert_true(out[i] == want[i]);
}

static void bins_hold_equal_shares_of_the_rows(void **state)
{
    const double x[6] = { 60, 10, 50, 20, 40, 30 };
    const double three[6] = { 2, 0, 2, 0, 1, 1 }, two[6] = { 1, 0, 1, 0, 1, 0 };
    const double six[6] = { 5, 0, 4, 1, 3, 2 }, none[6] = { 0 };

    (void)state;
    check_bins(x, NULL, 6, 3, three, 3);
    check_bins(x, NULL, 6, 2, two, 2);
    check_bins(x, NULL, 6, 100, six, 6);
    check_bins(x, NULL, 6, 1, none, 1);
    check_bins(x, NULL, 0, 3, none, 0);
}

static void
equal_values_share_a_bin_and_missing_ones_have_the_last(void **state)
{
    const double x[6] = { 5, NAN, 5, 5, 9, NAN };
    const double want[6] = { 0, 2, 0, 0, 1, 2 }, none[6] = { 0 };
    const double holes[2] = { NAN, NAN };

    (void)state;
    check_bins(x, NULL, 6, 4, want, 3);
    check_bins(holes, NULL, 2, 4, none, 1);
}

static void weighted_bins_are_those_of_repeated_rows(void **state)
{
    const double x[4] = { 1, 2, 3, 4 }, weight[4] = { 3, 1, 1, 1 };
    const double repeated[6] = { 1, 1, 1, 2, 3, 4 };
    const double want[4] = { 0, 1, 1, 1 }, all[6] = { 0, 0, 0, 1, 1, 1 };
    const double zero[4] = { 0 };

    (void)state;
    check_bins(x, weight, 4, 2, want, 2);
    check_bins(repeated, NULL, 6, 2, all, 2);
    check_bins(x, zero, 4, 2, zero, 1);
}

static void bins_may_replace_their_column(void **state)
{
    double x[4] = { 3, NAN, 1, 2 };
    int64_t codes;

    (void)state;
    assert_true(mls_bin_equal_frequency(x, NULL, 4, 3, x, &codes, &err));
    assert_true(x[0] == 2 && x[1] == 3 && x[2] == 0 && x[3] == 1);
    assert_int_equal(codes, 4);
}

static void every_allocation_may_fail(void **state)
{
    int64_t live = mls_memory_live(), codes, fails = 0;
    double out[N], value, p;
    bool ok = false;

    (void)state;
    for (int64_t n = 1; !ok; n++) {
        mls_memory_fail_at(n);
        ok = mls_anova_f(a, c, 3, w, N, &value, &p, &err)
             && mls_regression_f(a, b, w, N, &value, &p, &err)
             && mls_correlation(NULL, a, b, w, N, &value, &err)
             && mls_mutual_information(c, 3, d, 4, w, N, &value, &err)
             && mls_bin_equal_frequency(a, w, N, 4, out, &codes, &err);
        mls_memory_fail_at(0);
        assert_int_equal(mls_memory_live(), live);
        fails += !ok;
    }
    assert_true(fails >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correlation_is_that_of_numpy),
        cmocka_unit_test(correlation_stays_within_its_range),
        cmocka_unit_test(a_constant_column_correlates_with_nothing),
        cmocka_unit_test(no_constant_correlates_under_any_weights),
        cmocka_unit_test(any_number_of_threads_gives_the_same_correlation),
        cmocka_unit_test(analysis_of_variance_is_that_of_scikit_learn),
        cmocka_unit_test(analysis_of_variance_knows_its_limits),
        cmocka_unit_test(regression_f_is_that_of_scikit_learn),
        cmocka_unit_test(regression_f_knows_its_limits),
        cmocka_unit_test(mutual_information_is_what_chance_does_not_give),
        cmocka_unit_test(chance_is_the_mean_over_all_orders),
        cmocka_unit_test(identifiers_and_noise_of_many_levels_tell_nothing),
        cmocka_unit_test(too_many_pairs_of_codes_are_refused),
        cmocka_unit_test(bins_hold_equal_shares_of_the_rows),
        cmocka_unit_test(
            equal_values_share_a_bin_and_missing_ones_have_the_last),
        cmocka_unit_test(weighted_bins_are_those_of_repeated_rows),
        cmocka_unit_test(bins_may_replace_their_column),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, make_columns, NULL);
}
