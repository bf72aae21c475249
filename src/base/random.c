/*
 * Counter-based random numbers.  Philox4x32-10 turns 128 bits of counter under
 * 64 bits of key into 128 random bits by ten rounds of
 *
 *     a, b, c, d -> hi(M1 c) ^ b ^ k0, lo(M1 c), hi(M0 a) ^ d ^ k1, lo(M0 a)
 *
 * and we lay our three arguments into it so that no two uses share a counter:
 *
 *     key      seed (64)
 *     counter  index (64) | stream (32) | purpose (32)
 *
 * Half of the output is thrown away: a second 64-bit word would save time only
 * for callers that draw in pairs, and would make every stream harder to say.
 *
 * Normal deviates invert the distribution function, so that one deviate costs
 * one draw and stays a monotone function of it (Box-Muller needs two).  The
 * inverse is algorithm AS 241, PPND16: Wichura (1988), Applied Statistics
 * 37(3), 477-484, with a relative error near 1e-16.
 */
#include "base/random.h"

#include <math.h>
#include <xxhash.h>

#define M0 UINT32_C(0xD2511F53)
#define M1 UINT32_C(0xCD9E8D57)
#define W0 UINT32_C(0x9E3779B9)
#define W1 UINT32_C(0xBB67AE85)

uint64_t mls_random2(uint64_t seed, uint32_t purpose, uint32_t stream,
                     uint64_t index)
{
    uint32_t a = (uint32_t)index, b = (uint32_t)(index >> 32);
    uint32_t c = stream, d = purpose;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    int round;

    for (round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)M0 * a, p1 = (uint64_t)M1 * c;

        a = (uint32_t)(p1 >> 32) ^ b ^ k0;
        b = (uint32_t)p1;
        c = (uint32_t)(p0 >> 32) ^ d ^ k1;
        d = (uint32_t)p0;
        k0 += W0;
        k1 += W1;
    }
    return (uint64_t)b << 32 | a;
}

uint64_t mls_random(uint64_t seed, uint32_t purpose, uint64_t index)
{
    return mls_random2(seed, purpose, 0, index);
}

double mls_random_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* The high word of a product: no division, and unequal by at most n / 2^64. */
int64_t mls_random_below(uint64_t bits, int64_t n)
{
    return (int64_t)(((unsigned __int128)bits * (uint64_t)n) >> 64);
}

/* c[0] + c[1] x + ... + c[7] x^7 */
static double polynomial(const double c[8], double x)
{
    double sum = c[7];
    int i;

    for (i = 6; i >= 0; i--) {
        sum = sum * x + c[i];
    }
    return sum;
}

/* Three pairs of numerator and denominator: |p - 1/2| <= 0.425, then the tail
 * by r = sqrt(-log(p)), r <= 5 and above. */
static const double middle_top[8] = {
    3.3871328727963666080e0,  1.3314166789178437745e2,
    1.9715909503065514427e3,  1.3731693765509461125e4,
    4.5921953931549871457e4,  6.7265770927008700853e4,
    3.3430575583588128105e4,  2.5090809287301226727e3,
};
static const double middle_bottom[8] = {
    1.0,                      4.2313330701600911252e1,
    6.8718700749205790830e2,  5.3941960214247511077e3,
    2.1213794301586595867e4,  3.9307895800092710610e4,
    2.8729085735721942674e4,  5.2264952788528545610e3,
};
static const double tail_top[8] = {
    1.42343711074968357734e0, 4.63033784615654529590e0,
    5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1,
    2.27238449892691845833e-2, 7.74545014278341407640e-4,
};
static const double tail_bottom[8] = {
    1.0,                      2.05319162663775882187e0,
    1.67638483018380384940e0, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2,
    5.47593808499534494600e-4, 1.05075007164441684324e-9,
};
static const double far_top[8] = {
    6.65790464350110377720e0, 5.46378491116411436990e0,
    1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3,
    2.71155556874348757815e-5, 2.01033439929228813265e-7,
};
static const double far_bottom[8] = {
    1.0,                      5.99832206555887937690e-1,
    1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5,
    1.42151175831644588870e-7, 2.04426310338993978564e-15,
};

/* p in (0, 1) */
static double inverse_normal(double p)
{
    double q = p - 0.5, r, x;

    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        return q * polynomial(middle_top, r) / polynomial(middle_bottom, r);
    }
    r = sqrt(-log(q < 0 ? p : 1 - p));
    if (r <= 5) {
        r -= 1.6;
        x = polynomial(tail_top, r) / polynomial(tail_bottom, r);
    } else {
        r -= 5;
        x = polynomial(far_top, r) / polynomial(far_bottom, r);
    }
    return q < 0 ? -x : x;
}

/* The middle of one of 2^52 equal cells: p and 1 - p are both exact, and never
 * 0 or 1. */
double mls_random_normal(uint64_t bits)
{
    return inverse_normal(((double)(bits >> 12) + 0.5) * 0x1p-52);
}

uint64_t mls_random_key(uint64_t seed, const char *name)
{
    return XXH3_64bits_withSeed(name, strlen(name), seed);
}

void mls_random_order(uint64_t seed, uint32_t purpose, uint32_t stream,
                      int64_t *order, int64_t n)
{
    int64_t i;

    for (i = 0; i < n; i++) {
        order[i] = i;
    }
    for (i = n - 1; i > 0; i--) {
        uint64_t bits = mls_random2(seed, purpose, stream, (uint64_t)i);
        int64_t j = mls_random_below(bits, i + 1);
        int64_t kept = order[i];

        order[i] = order[j];
        order[j] = kept;
    }
}
