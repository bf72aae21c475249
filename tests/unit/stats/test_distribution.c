/*
 * Values computed to 60 digits by Python's decimal module: the series of the
 * incomplete functions, whose terms are all positive, and Stirling's formula
 * for log Gamma.  (scipy 1.17 is off by 1e-10 and more for some of them.)
 */
#include "test.h"

#include <math.h>

#include "stats/distribution.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void check_relative(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fabs(want)))
        fail_msg("%.17g is not %.17g", got, want);
}

static void the_normal_distribution_is_exact_far_into_its_tail(void **state)
{
    static const double cases[][2] = {
        { -37.5, 4.60535300958195519e-308 }, { -20.1, 3.68968086372138973e-90 },
        { -5.3, 5.79013403996459397e-08 },   { -1.2, 1.15069670221708276e-01 },
        { -0.3, 3.82088577811047381e-01 },   { 0, 0.5 },
        { 0.5, 6.91462461274013118e-01 },    { 2.2, 9.86096552486501410e-01 },
        { 8, 9.99999999999999334e-01 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        check_relative(mls_normal_cdf(cases[i][0]), cases[i][1], 1e-15);
    assert_true(mls_normal_cdf(-INFINITY) == 0);
    assert_true(mls_normal_cdf(INFINITY) == 1);
    assert_true(isnan(mls_normal_cdf(NAN)));
}

/* Oracle: scipy 1.17, norm.ppf, another method. */
static void normal_quantiles_are_those_of_the_tables(void **state)
{
    static const double cases[][2] = {
        { 1e-300, -37.0470962993612 },
        { 1e-20, -9.262340089798409 },
        { 0.001, -3.090232306167813 },
        { 0.05, -1.6448536269514729 },
        { 0.0750000001, -1.4395314702320188 },
        { 0.3, -0.5244005127080409 },
        { 0.5, 0 },
        { 0.9, 1.2815515655446004 },
        { 0.975, 1.959963984540054 },
        { 0.9999999, 5.199337582290661 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        check_relative(mls_normal_quantile(cases[i][0]), cases[i][1], 3e-15);
    assert_true(mls_normal_quantile(0) == -INFINITY);
    assert_true(mls_normal_quantile(1) == INFINITY);
    assert_true(isnan(mls_normal_quantile(-0.1)));
    assert_true(isnan(mls_normal_quantile(NAN)));
}

static void quantiles_undo_the_distribution_function(void **state)
{
    (void)state;
    for (double p = 0.0005; p < 1; p += 0.0005)
        check_relative(mls_normal_cdf(mls_normal_quantile(p)), p, 1e-14);
}

static void the_incomplete_beta_function_holds_at_any_size(void **state)
{
    static const double cases[][4] = {
        { 2.0, 3.0, 0.4, 5.24800000000000044e-01 },
        { 0.2, 0.3, 0.7, 6.80449891416920694e-01 },
        { 0.1, 5.0, 0.01, 7.69088920784346319e-01 },
        { 30.0, 0.5, 0.9, 1.22824484998527595e-02 },
        { 100.0, 200.0, 0.3, 1.08843065644909753e-01 },
        { 500000.0, 400000.0, 0.555, 1.44424404671688211e-01 },
        { 0.8, 850000.0, 1.5e-07, 1.95424908142427356e-01 },
        { 7.5, 600000.0, 2.6e-07, 5.51489150300873817e-11 },
        { 1.0, 1.0, 0.25, 0.25 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_relative(
            mls_beta_regularized(cases[i][0], cases[i][1], cases[i][2]),
            cases[i][3], 1e-13);
    }
    assert_true(mls_beta_regularized(2, 3, 0) == 0);
    assert_true(mls_beta_regularized(2, 3, 1) == 1);
    assert_true(isnan(mls_beta_regularized(2, 3, NAN)));
}

/* For integers it is a sum over a binomial distribution. */
static void the_incomplete_beta_function_counts_binomial_successes(void **state)
{
    (void)state;
    for (int n = 1; n <= 40; n += 3) {
        for (double x = 0.05; x < 1; x += 0.15) {
            double term = pow(1 - x, n), above = 1 - term;

            for (int k = 1; k <= n; k++) {
                /* above = P(at least k successes) */
                assert_true(fabs(mls_beta_regularized(k, n - k + 1, x) - above)
                            < 1e-13);
                term *= x / (1 - x) * (n - k + 1) / k;
                above -= term;
            }
        }
    }
}

static void the_upper_gamma_function_holds_at_any_size(void **state)
{
    static const double cases[][3] = {
        { 0.5, 3.0, 1.43058784354296396e-02 },
        { 0.01, 0.2, 1.22155905432458096e-02 },
        { 0.2, 0.9, 6.11731621051163355e-02 },
        { 0.5, 0.4, 3.71093369522697558e-01 },
        { 1e-05, 0.1, 1.82291462766985932e-05 },
        { 3.0, 5.0, 1.24652019483081147e-01 },
        { 200.0, 300.0, 3.37110325552588431e-10 },
        { 3.0, 0.2, 9.98851518755137890e-01 },
        { 900000.0, 902000.0, 1.75597949442294551e-02 },
        { 0.9, 0.99, 3.28069105241528824e-01 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_relative(mls_gamma_upper(cases[i][0], cases[i][1]), cases[i][2],
                       1e-13);
    }
    assert_true(mls_gamma_upper(2, 0) == 1);
    assert_true(mls_gamma_upper(2, INFINITY) == 0);
    assert_true(isnan(mls_gamma_upper(NAN, 1)));
}

static void survival_functions_keep_their_digits_in_the_tail(void **state)
{
    static const double f[][4] = {
        { 1.5, 3.0, 40.0, 2.29237255931530826e-01 },
        { 4.0, 2.0, 10.0, 5.29221494013446467e-02 },
        { 0.3, 5.0, 30.0, 9.08968072171977837e-01 },
        { 2.5, 100.0, 1000.0, 1.00731558117513255e-12 },
        { 1.13, 6.0, 9000000.0, 3.41672935898412689e-01 },
        { 0.25, 1.0, 9000000.0, 6.17075089676464072e-01 },
        { 112.0, 37.0, 812.0, 2.20968490001956839e-290 },
    };
    static const double t[][3] = {
        { 2.1, 5.0, 4.48766249422993813e-02 },
        { -1.3, 12.0, 8.90991414458242925e-01 },
        { 30.0, 3.0, 4.06764021358197963e-05 },
        { 40.0, 100.0, 1.23105380107003544e-63 },
        { 0.5, 8000000.0, 3.08537545602262653e-01 },
        { 0.0, 3.0, 0.5 },
    };
    static const double chi2[][3] = {
        { 3.84, 1.0, 5.00435212487051057e-02 },
        { 0.01, 2.0, 9.95012479192682320e-01 },
        { 100.0, 50.0, 3.45493138298486413e-05 },
        { 941.25, 587.0, 6.96166314122776514e-19 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(f); i++)
        check_relative(mls_f_survival(f[i][0], f[i][1], f[i][2]), f[i][3],
                       2e-13);
    for (size_t i = 0; i < COUNT(t); i++)
        check_relative(mls_t_survival(t[i][0], t[i][1]), t[i][2], 1e-13);
    for (size_t i = 0; i < COUNT(chi2); i++) {
        check_relative(mls_chi2_survival(chi2[i][0], chi2[i][1]), chi2[i][2],
                       1e-13);
    }
}

static void survival_functions_know_their_ends(void **state)
{
    (void)state;
    assert_true(mls_f_survival(0, 2, 3) == 1);
    assert_true(mls_f_survival(-1, 2, 3) == 1);
    assert_true(mls_f_survival(INFINITY, 2, 3) == 0);
    assert_true(isnan(mls_f_survival(NAN, 2, 3)));
    assert_true(mls_t_survival(INFINITY, 3) == 0);
    assert_true(mls_t_survival(-INFINITY, 3) == 1);
    assert_true(isnan(mls_t_survival(NAN, 3)));
    assert_true(mls_chi2_survival(0, 3) == 1);
    assert_true(mls_chi2_survival(INFINITY, 3) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_distribution_is_exact_far_into_its_tail),
        cmocka_unit_test(normal_quantiles_are_those_of_the_tables),
        cmocka_unit_test(quantiles_undo_the_distribution_function),
        cmocka_unit_test(the_incomplete_beta_function_holds_at_any_size),
        cmocka_unit_test(
            the_incomplete_beta_function_counts_binomial_successes),
        cmocka_unit_test(the_upper_gamma_function_holds_at_any_size),
        cmocka_unit_test(survival_functions_keep_their_digits_in_the_tail),
        cmocka_unit_test(survival_functions_know_their_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
