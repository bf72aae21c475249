/*
 * Quantile regression: minimise
 *
 *      sum_i w_i rho(y_i - x_i'b) + l1 sum_{j penalised} |b_j|
 *      rho(r) = quantile r for r >= 0, (quantile - 1) r below
 */
#ifndef MLS_LEARNER_QUANTILE_SOLVE_H
#define MLS_LEARNER_QUANTILE_SOLVE_H

#include "linalg/matrix.h"

struct mls_quantile {
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x q */
    const double *y;            /* n, of size 1 or so */
    const double *w;            /* n, all > 0, or NULL: all 1 */
    double weight;              /* sum of the weights */
    int64_t penalised;          /* the first so many columns of x */
    double quantile, l1;
    int64_t max_iterations;
};

struct mls_quantile_result {
    int64_t iterations;
    bool converged;
    double objective;
    double gap;                 /* the optimum is at most so far below */
};

/*
 * b  q, receives the optimum; of many the one in the middle (the limit of the
 * central path).  Not to converge is no error: result says so.  O(n q^2) an
 * iteration, of which there are 10 to 30; 13 n doubles.
 */
MLS_CHECK bool mls_quantile_solve(const struct mls_quantile *problem,
                                  double *b,
                                  struct mls_quantile_result *result,
                                  struct mls_error *err);

#endif
