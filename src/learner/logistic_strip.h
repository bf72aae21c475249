/*
 * The hot loops of logistic regression for two classes over a strip of rows
 * that stays in the cache: arrays in, arrays out; nothing here allocates or
 * fails.
 *
 * A strip holds at most MLS_STRIP rows, column by column with that stride, and
 * ends with rows of zeros up to a multiple of MLS_STRIP_LANES.  The same bits
 * come out on every processor: fixed lanes, no fused operations.
 */
#ifndef MLS_LEARNER_LOGISTIC_STRIP_H
#define MLS_LEARNER_LOGISTIC_STRIP_H

#include <stdint.h>

enum { MLS_STRIP = 256, MLS_STRIP_LANES = 8 };

/* The columns of a strip, as they are wanted: less a shift, and times b. */
struct mls_strip_columns {
    const double *x; /* its first row; element (i, j) is
                                 * x[i + j * stride] */
    int64_t stride, count, columns;
    const double *shift; /* columns */
    const double *scale; /* columns: what f is multiplied by */
    const double *b;     /* columns, then the constant */
};

/*
 *   z  columns x MLS_STRIP: x less shift
 *   f  the same times scale, in single precision; NULL: not wanted
 *   s  MLS_STRIP: the scores z b + constant
 */
void mls_strip_load(const struct mls_strip_columns *from, double *z, float *f,
                    double *s);

/* y is 0 or 1, w NULL for all ones.  s, the log-odds of 1, becomes w (p - y),
 * curvature receives w p (1 - p), both 0 past count; returns the loss,
 * sum_i w_i log(1 + exp(-+s_i)). */
double mls_strip_slopes(const double *y, const double *w, int64_t count,
                        double *s, double *curvature);

/* out[j] += z_j'r. */
void mls_strip_gradient(const double *z, int64_t columns, int64_t count,
                        const double *r, double *out);
/* square[j] += sum_i w_i z_ij^2; w NULL for all ones. */
void mls_strip_squares(const double *z, int64_t columns, int64_t count,
                       const double *w, double *square);

/*
 * Adds F' diag(curvature) F in lanes: for columns j <= k,
 * sum[(j * room + k) * lanes + l] is that of the rows of lane l, room =
 * mls_strip_room(columns).  f and weighted (scratch) have room columns of
 * MLS_STRIP values; those past columns are zero.  The second one is for columns
 * so dependent that single precision does not tell them apart: 4 lanes.
 */
int64_t mls_strip_room(int64_t columns);
void mls_strip_gram(const float *f, const double *curvature, int64_t columns,
                    int64_t count, float *weighted, float *sum);
void mls_strip_gram_exact(const double *z, const double *curvature,
                          int64_t columns, int64_t count, double *weighted,
                          double *sum);

#endif
