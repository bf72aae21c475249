/*
 * The hot loops of logistic regression: arrays in, arrays out; nothing here
 * allocates or fails.  All work on rows that the caller has cut out: pointers
 * are to the first of count rows, weights may be NULL for all ones.
 *
 * Softmax arrays are rows x classes, column by column, with the given stride.
 */
#ifndef MLS_LEARNER_LOGISTIC_NEWTON_H
#define MLS_LEARNER_LOGISTIC_NEWTON_H

#include <stdint.h>

#define MLS_LOGISTIC_STRIP 256  /* rows a softmax call takes at most */

/* y is 0 or 1, s the log-odds of 1.
 *   residual   w (p - y), the derivative of the loss by s
 *   curvature  w p (1 - p), the second one; never -0 or NaN for finite s */
void mls_logistic_binary(const double *s, const double *y, const double *w,
                         int64_t count, double *residual, double *curvature);

/* sum_i w_i log(1 + exp(-+(s_i + step d_i))); d NULL: as if 0. */
double mls_logistic_binary_loss(const double *s, const double *d, double step,
                                const double *y, const double *w,
                                int64_t count);

/* y is a class.  p receives the probabilities, residual w (p - [class = y]);
 * it may be the same array as s. */
void mls_logistic_softmax(const double *s, int64_t stride, int classes,
                          const double *y, const double *w, int64_t count,
                          double *p, double *residual);

/* sum_i w_i (log sum_k exp(t_ik) - t_iy), t = s + step d. */
double mls_logistic_softmax_loss(const double *s, const double *d, double step,
                                 int64_t stride, int classes, const double *y,
                                 const double *w, int64_t count);

/* The Hessian of the loss by the scores of a row, times a change u of these
 * scores, in place: u_k = w p_k (u_k - sum_l p_l u_l). */
void mls_logistic_softmax_turn(const double *p, int64_t stride, int classes,
                               const double *w, int64_t count, double *u);

/* One entry of it for each row: w p_k (1 - p_k), or -w p_k p_l. */
void mls_logistic_softmax_curvature(const double *pk, const double *pl,
                                    const double *w, int64_t count,
                                    double *curvature);

#endif
