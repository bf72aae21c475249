/*
 * The arithmetic of ridge: minimise
 *
 *      sum_i w_i (y_i - x_i'b)^2 + l2 |b|^2
 *
 * over b, for x and y that have their weighted means taken out when there is an
 * intercept.  Hoerl & Kennard (1970), Technometrics 12(1), 55-67.
 */
#ifndef MLS_LEARNER_RIDGE_SOLVE_H
#define MLS_LEARNER_RIDGE_SOLVE_H

#include "learner/design_sums.h"

struct mls_ridge {
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x p, centred if sums is NULL */
    const double *y;            /* n, centred */
    const double *w;            /* n, or NULL: all 1 */
    const struct mls_design_sums *sums; /* of x centred; NULL: p > n */
    double weight;              /* sum of the weights */
    bool intercept;             /* whether means were taken out */
};

/*
 * coef (p) for a given l2 >= 0.  Without a penalty and with dependent columns
 * the solution of least norm, the limit for l2 towards 0.  *rank receives the
 * rank that was found, or -1 when nothing hinged on it.
 *
 * Cholesky of the p x p gram matrix (n x n of the rows when p > n) with
 * refinement, O(n p min(n, p)); QR of the rows when it is close to singular.
 */
MLS_CHECK bool mls_ridge_solve(const struct mls_ridge *ridge, double l2,
                               double *coef, int64_t *rank,
                               struct mls_error *err);

/*
 * The same with the l2 whose leave-one-out error is least, of the numbers
 * s 10^(k/32) from 1e-8 s to 1e3 times the largest eigenvalue, s being the mean
 * eigenvalue of X'WX.  *loo_rmse is NaN, and l2 1, when there is nothing to
 * choose by: one row, or columns that are all constant.
 */
MLS_CHECK bool mls_ridge_choose(const struct mls_ridge *ridge, double *l2,
                                double *coef, double *loo_rmse, int64_t *rank,
                                struct mls_error *err);

/*
 * X'WX (or WXX'W's n x n twin) taken apart, so that any l2 costs O(n m):
 *
 *      x_i'b(l2)                  = sum_k z_ik c_k / (lambda_k + l2)
 *      x_i'(X'WX + l2)^-1 x_i     = sum_k z_ik^2 / (lambda_k + l2)
 *
 * with z = X V for the eigenvectors V.  Directions without information have
 * lambda = 0, c = 0 and z = 0.
 */
struct mls_ridge_spectrum {
    int64_t size;               /* m = min(n, p) */
    int64_t rank;
    double *lambda, *c;         /* m, ascending lambda */
    struct mls_matrix z;        /* n x m */
    struct mls_matrix basis;    /* p x p eigenvectors, or p x n: X' sqrt(W) */
    bool dual;                  /* basis is the latter */
};

/* ---- The hot loop, ridge_loo.c ---- */

#define MLS_RIDGE_CANDIDATES 32

/*
 * error[l] = sum_i w_i e_il^2 for each of count l2s, e_il being the error at
 * row i of the fit to all rows but one unit of weight of row i (all of it, if
 * it has less).  O(n m count).
 */
MLS_CHECK bool mls_ridge_loo(const struct mls_ridge *ridge,
                             const struct mls_ridge_spectrum *spectrum,
                             const double *l2, int count, double *error,
                             struct mls_error *err);

#endif
