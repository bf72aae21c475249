/*
 * Least squares with penalties on sizes and squares: minimise
 *
 *      1/2 sum_i w_i (y_i - x_i'b)^2 + l1 |b|_1 + l2/2 |b|^2
 *
 * from the sums over rows alone, so that an iteration costs nothing per row.
 */
#ifndef MLS_LEARNER_LASSO_SOLVE_H
#define MLS_LEARNER_LASSO_SOLVE_H

#include "learner/design_sums.h"

/* Weighted sums over some rows. */
struct mls_sums {
    struct mls_matrix gram;     /* p x p: X'WX */
    double *xy;                 /* p: X'Wy */
    double *x;                  /* p: column sums */
    double yy, y, weight;
};

/* Zeros; to be cleared also after a failure. */
MLS_CHECK bool mls_sums_new(struct mls_sums *sums, int64_t p,
                            struct mls_error *err);
void mls_sums_clear(struct mls_sums *sums);
/* Makes a new one of sums that are centred, or meant to be about 0: gram and xy
 * are taken out of from, x and y are zeros. */
MLS_CHECK bool mls_sums_take(struct mls_sums *sums,
                             struct mls_design_sums *from,
                             struct mls_error *err);
void mls_sums_add(struct mls_sums *to, const struct mls_sums *from);
/* Takes the means out: those of centred columns and target.  The mean of row
 * and target themselves stay in x and y. */
void mls_sums_centre(struct mls_sums *sums);
/* sum_i w_i (y_i - constant - x_i'b)^2. */
double mls_sums_error(const struct mls_sums *sums, const double *b,
                      double constant);

/* The l1 from which on all coefficients are 0. */
double mls_lasso_largest(const struct mls_sums *sums);

/*
 * b  p values: where to start, and the optimum.
 * l1_before  b is the optimum for this l1 and the same share of l2 (for the
 *            strong rules, whose errors are found and undone); INFINITY: any.
 * *gap receives the duality gap (NAN for l1 = 0).
 *
 * Coordinate descent, Friedman, Hastie & Tibshirani (2010), J. Stat. Softw.
 * 33(1); strong rules: Tibshirani et al. (2012), J. R. Stat. Soc. B 74(2).
 * What it finds to be zero or not, and the signs, is then solved for exactly.
 */
MLS_CHECK bool mls_lasso_solve(const struct mls_sums *sums, double l1,
                               double l2, double l1_before, double *b,
                               double *gap, struct mls_error *err);

#endif
