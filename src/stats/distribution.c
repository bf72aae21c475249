/*
 * Distribution functions.
 *
 * Both incomplete functions are a prefactor times a series or a continued
 * fraction.  The prefactors are densities, x^a (1-x)^b / B(a, b) and
 * x^a e^-x / Gamma(a), and for large a differences of huge logarithms: by
 * lgamma, a = 1e6 would cost nine digits.  Loader's saddle-point form has no
 * such difference: with n = a + b,
 *
 *      x^a y^b / B(a,b) = sqrt(a b / (2 pi n)) exp(s(n) - s(a) - s(b)
 *                                             - D(a, n x) - D(b, n y))
 *
 * where s is the error of Stirling's formula and D(k, m) = k log(k/m) + m - k
 * is never negative and computed without cancellation near k = m.
 *
 * Loader (2000), Fast and accurate computation of binomial probabilities.
 * DiDonato & Morris (1992), ACM TOMS 18(3), 360-373: series and fraction of the
 * beta function.  Wichura (1988), Applied Statistics 37(3), 477-484.
 */
#include <float.h>
#include <math.h>

#include "stats/distribution.h"

static const double pi = 3.14159265358979323846;
/* Of a sum: a term that changes nothing. */
static const double tiny_step = DBL_EPSILON / 4;

/* ---- The normal distribution ---- */

double mls_normal_cdf(double x)
{
    /* erfc(z) for z = -x / sqrt(2); the rounding of z, which far in the tail
     * would cost two z^2 of its last digits, is put back to first order. */
    static const double root = 0.70710678118654752440;
    static const double root_rest = -4.8336466567264567e-17;
    double z = -x * root;
    double rest = fma(-x, root, -z) - x * root_rest;

    if (!isfinite(x))
        return isnan(x) ? x : (x > 0 ? 1 : 0);
    return 0.5 * erfc(z) - exp(-z * z) * rest / sqrt(pi);
}

/* c[0] + c[1] x + ... + c[7] x^7 */
static double polynomial(const double c[8], double x)
{
    double sum = c[7];

    for (int i = 6; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* AS 241, PPND16: rational approximations in three regions. */
double mls_normal_quantile(double p)
{
    static const double central_top[8] = {
        3.3871328727963666080e0, 1.3314166789178437745e2,
        1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4,
        3.3430575583588128105e4, 2.5090809287301226727e3
    };
    static const double central_bottom[8] = { 1.0,
                                              4.2313330701600911252e1,
                                              6.8718700749205790830e2,
                                              5.3941960214247511077e3,
                                              2.1213794301586595867e4,
                                              3.9307895800092710610e4,
                                              2.8729085735721942674e4,
                                              5.2264952788528545610e3 };
    static const double middle_top[8] = {
        1.42343711074968357734e0,  4.63033784615654529590e0,
        5.76949722146069140550e0,  3.64784832476320460504e0,
        1.27045825245236838258e0,  2.41780725177450611770e-1,
        2.27238449892691845833e-2, 7.74545014278341407640e-4
    };
    static const double middle_bottom[8] = { 1.0,
                                             2.05319162663775882187e0,
                                             1.67638483018380384940e0,
                                             6.89767334985100004550e-1,
                                             1.48103976427480074590e-1,
                                             1.51986665636164571966e-2,
                                             5.47593808499534494600e-4,
                                             1.05075007164441684324e-9 };
    static const double far_top[8] = {
        6.65790464350110377720e0,  5.46378491116411436990e0,
        1.78482653991729133580e0,  2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3,
        2.71155556874348757815e-5, 2.01033439929228813265e-7
    };
    static const double far_bottom[8] = { 1.0,
                                          5.99832206555887937690e-1,
                                          1.36929880922735805310e-1,
                                          1.48753612908506148525e-2,
                                          7.86869131145613259100e-4,
                                          1.84631831751005468180e-5,
                                          1.42151175831644588870e-7,
                                          2.04426310338993978564e-15 };
    double q = p - 0.5, r, value;

    if (!(p >= 0 && p <= 1))
        return NAN;
    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        return q * polynomial(central_top, r) / polynomial(central_bottom, r);
    }
    r = q < 0 ? p : 1 - p;
    if (r == 0)
        return q < 0 ? -INFINITY : INFINITY;
    r = sqrt(-log(r));
    if (r <= 5)
        value = polynomial(middle_top, r - 1.6)
                / polynomial(middle_bottom, r - 1.6);
    else
        value = polynomial(far_top, r - 5) / polynomial(far_bottom, r - 5);
    return q < 0 ? -value : value;
}

/* ---- Loader's parts ---- */

/* log(n!) less Stirling's formula for it, n > 0: B(2k) / (2k (2k-1) n^(2k-1)),
 * summed from the smallest term. */
static double stirling_error(double n)
{
    static const double c[] = {
        1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
        1.0 / 1188, -691.0 / 360360, 1.0 / 156,
    };
    double sum = 0;

    if (n < 16)
        return lgamma(n + 1) - (n + 0.5) * log(n) + n - 0.91893853320467274178;
    for (int k = 6; k >= 0; k--)
        sum = sum / (n * n) + c[k];
    return sum / n;
}

/* k log(k / m) + m - k: with v = (k - m) / (k + m), log(k/m) = 2 artanh(v). */
static double deviance(double k, double m)
{
    double difference = k - m;
    double v = difference / (k + m);
    double sum, power;

    if (fabs(v) >= 0.1)
        return k * log(k / m) - difference;
    sum = difference * v;
    power = 2 * k * v;
    for (int j = 3; j < 60; j += 2) {
        double before = sum;

        power *= v * v;
        sum += power / j;
        if (sum == before)
            break;
    }
    return sum;
}

/* ---- The incomplete beta function ---- */

/* x^a y^b / B(a, b), y = 1 - x. */
static double beta_factor(double a, double b, double x, double y)
{
    double n = a + b;

    if (x == 0 || y == 0)
        return 0;
    return sqrt(a / n * b / (2 * pi))
           * exp(stirling_error(n) - stirling_error(a) - stirling_error(b)
                 - deviance(a, n * x) - deviance(b, n * y));
}

/* The power series, for b x small or b <= 1 and x not near 1. */
static double beta_series(double a, double b, double x)
{
    double sum = 1, term = a;

    for (int n = 1; n < 10000; n++) {
        term *= (n - b) / n * x;
        sum += term / (a + n);
        if (fabs(term / (a + n)) <= tiny_step * fabs(sum))
            break;
    }
    return sum;
}

/* DiDonato & Morris's fraction, all of whose parts are positive while m < b
 * and x <= a / (a + b); by Lentz's method. */
static double beta_fraction(double a, double b, double x, double y)
{
    double d = a * y - b * x + 1; /* of the numerator of b_0 */
    double value = a * d / (a + 1);
    double c = value, reciprocal = 0;

    for (int m = 1; m < 1000000; m++) {
        double e = a + 2 * m - 1;
        double top =
            (a + m - 1) / e * ((a + b + m - 1) / e) * m * (b - m) * x * x;
        double bottom =
            m + m * (b - m) * x / e + (a + m) / (e + 2) * (d + m * (1 + y));
        double step;

        reciprocal = 1 / (bottom + top * reciprocal);
        c = bottom + top / c;
        step = c * reciprocal;
        value *= step;
        if (fabs(step - 1) <= 2 * DBL_EPSILON)
            break;
    }
    return 1 / value;
}

/* I_x(a, b) for x at most about a / (a + b), the tail that is not near 1. */
static double beta_tail(double a, double b, double x, double y)
{
    double factor = beta_factor(a, b, x, y);

    if (b * x <= 0.7 && x <= 0.7)
        return factor * exp(-b * log1p(-x)) * beta_series(a, b, x) / a;
    return factor * beta_fraction(a, b, x, y);
}

/* Both x and y = 1 - x, since the caller often knows the small one better. */
static double beta_lower(double a, double b, double x, double y)
{
    double value;

    if (isnan(a) || isnan(b) || isnan(x) || isnan(y))
        return NAN;
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    if (x * b <= y * a)
        value = beta_tail(a, b, x, y);
    else
        value = 1 - beta_tail(b, a, y, x);
    return fmin(fmax(value, 0), 1);
}

double mls_beta_regularized(double a, double b, double x)
{
    return beta_lower(a, b, x, 1 - x);
}

/* ---- The incomplete gamma function ---- */

/* x^a e^-x / Gamma(a + 1) */
static double gamma_factor(double a, double x)
{
    return exp(-stirling_error(a) - deviance(a, x)) / sqrt(2 * pi * a);
}

/* P(a, x) for x up to about a + 1; all terms positive. */
static double gamma_lower_series(double a, double x)
{
    double sum = 1, term = 1;

    for (double n = 1; term > tiny_step * sum && n < 1e7; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return gamma_factor(a, x) * sum;
}

/* Q(a, x) by Legendre's fraction, Lentz's method. */
static double gamma_upper_fraction(double a, double x)
{
    double bottom = x + 1 - a;
    double value = bottom, c = bottom, reciprocal = 0;

    for (double n = 1; n < 1e7; n++) {
        double top = n * (a - n), step;

        bottom += 2;
        reciprocal = 1 / (bottom + top * reciprocal);
        c = bottom + top / c;
        step = c * reciprocal;
        value *= step;
        if (fabs(step - 1) <= 2 * DBL_EPSILON)
            break;
    }
    return gamma_factor(a, x) * a / value;
}

/* log Gamma(1 + a) for a in (0, 0.2], without forming 1 + a: its Taylor
 * series, of zeta(k) / k. */
static double log_gamma_1_plus(double a)
{
    static const double zeta[] = {
        1.6449340668482264365, 1.2020569031595942854, 1.0823232337111381915,
        1.0369277551433699263, 1.0173430619844491397, 1.0083492773819228268,
        1.0040773561979443394, 1.0020083928260822144, 1.0009945751278180853,
        1.0004941886041194646, 1.0002460865533080483, 1.0001227133475784891,
        1.0000612481350587048, 1.0000305882363070205, 1.0000152822594086519,
        1.0000076371976378998, 1.0000038172932649998, 1.0000019082127165539
    };
    double sum = 0;

    for (int k = 19; k >= 2; k--)
        sum = (sum + zeta[k - 2] / k) * -a;
    return -(0.57721566490153286061 + sum) * a;
}

/*
 * Q(a, x) for x < 1 and a < 1, where 1 - P would cancel:
 *      Q = -expm1(h) - e^h a sum_{k>0} (-x)^k / (k! (a + k)),
 *      h = a log(x) - log Gamma(1 + a).
 */
static double gamma_upper_small(double a, double x)
{
    double h = a * log(x) - (a <= 0.2 ? log_gamma_1_plus(a) : lgamma(1 + a));
    double sum = 0, term = 1;

    for (int k = 1; k < 60; k++) {
        term *= -x / k;
        sum += term / (a + k);
        if (fabs(term) <= tiny_step * fabs(sum))
            break;
    }
    return -expm1(h) - exp(h) * a * sum;
}

double mls_gamma_upper(double a, double x)
{
    double value;

    if (isnan(a) || isnan(x))
        return NAN;
    if (x <= 0)
        return 1;
    if (isinf(x))
        return 0;
    if (a < 1 && x < 1)
        value = gamma_upper_small(a, x);
    else if (x < a + 1)
        value = 1 - gamma_lower_series(a, x);
    else
        value = gamma_upper_fraction(a, x);
    return fmin(fmax(value, 0), 1);
}

/* ---- Survival functions ---- */

double mls_f_survival(double f, double df1, double df2)
{
    double sum = df1 * f + df2;

    if (isnan(f) || isnan(df1) || isnan(df2))
        return NAN;
    if (f <= 0)
        return 1;
    if (isinf(sum))
        return 0;
    return beta_lower(df2 / 2, df1 / 2, df2 / sum, df1 * f / sum);
}

double mls_t_survival(double t, double df)
{
    double half;

    if (isnan(t) || isnan(df))
        return NAN;
    half = mls_f_survival(t * t, 1, df) / 2;
    return t >= 0 ? half : 1 - half;
}

double mls_chi2_survival(double x, double df)
{
    return mls_gamma_upper(df / 2, x / 2);
}
