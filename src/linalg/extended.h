/*
 * Sums in twice the digits of a double: a number is high + low, low at most
 * half a unit in the last place of high, some 106 bits together.
 *
 * They make refinement exact: what is left of y after X b is taken out, and
 * what X' makes of it, both cancel nearly all of their digits.
 *
 * Dekker (1971), Numer. Math. 18, 224-242; Ogita, Rump & Oishi (2005), SIAM
 * J. Sci. Comput. 26(6), 1955-1988.
 */
#ifndef MLS_LINALG_EXTENDED_H
#define MLS_LINALG_EXTENDED_H

#include "linalg/matrix.h"

struct mls_two {
    double high, low;
};

/* ---- Scalars ---- */

static inline struct mls_two mls_two_sum(double a, double b)
{
    double s = a + b, t = s - a;

    return (struct mls_two){ s, (a - (s - t)) + (b - t) };
}

/* Magnitudes from 1e-140 to 1e150: else not exact. */
static inline struct mls_two mls_two_product(double a, double b)
{
    double p = a * b, t = 134217729 * a, u = 134217729 * b;
    double a1 = t - (t - a), a2 = a - a1, b1 = u - (u - b), b2 = b - b1;

    return (struct mls_two){ p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2 };
}

static inline struct mls_two mls_two_add(struct mls_two a, struct mls_two b)
{
    struct mls_two s = mls_two_sum(a.high, b.high);
    struct mls_two t = mls_two_sum(a.low, b.low);

    s = mls_two_sum(s.high, s.low + t.high);
    return mls_two_sum(s.high, s.low + t.low);
}

static inline struct mls_two mls_two_minus(struct mls_two a)
{
    return (struct mls_two){ -a.high, -a.low };
}

static inline struct mls_two mls_two_times(struct mls_two a, struct mls_two b)
{
    struct mls_two p = mls_two_product(a.high, b.high);

    return mls_two_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

static inline struct mls_two mls_two_over(struct mls_two a, struct mls_two b)
{
    double q = a.high / b.high, r;
    struct mls_two rest =
        mls_two_add(a, mls_two_minus(mls_two_times(
                           b, (struct mls_two){ q, 0 })));

    r = rest.high / b.high;
    rest = mls_two_add(rest, mls_two_minus(mls_two_times(
                                 b, (struct mls_two){ r, 0 })));
    return mls_two_add(mls_two_sum(q, r),
                       (struct mls_two){ rest.high / b.high, 0 });
}

/* Of a number > 0. */
struct mls_two mls_two_root(struct mls_two a);

/* ---- Over rows; the same bits for any number of threads ---- */

/* high + low (rows values each) = y - constant - X b. */
MLS_CHECK bool mls_two_residual(const struct mls_run *run,
                                const struct mls_matrix *x, const double *y,
                                const struct mls_two *b,
                                struct mls_two constant, double *high,
                                double *low, struct mls_error *err);

/* out (columns + 1 values) = X' diag(w) r, then the sum of w r, for
 * r = high + low; low NULL: 0; w NULL: all ones. */
MLS_CHECK bool mls_two_gradient(const struct mls_run *run,
                                const struct mls_matrix *x, const double *w,
                                const double *high, const double *low,
                                struct mls_two *out, struct mls_error *err);

/* gram (columns + 1 squared, column by column; the lower triangle is filled):
 * that of X with a column of ones at its end.  O(rows columns^2), some ten
 * times the cost of mls_gram. */
MLS_CHECK bool mls_two_gram(const struct mls_run *run,
                            const struct mls_matrix *x, const double *w,
                            struct mls_two *gram, struct mls_error *err);

#endif
