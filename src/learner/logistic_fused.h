/*
 * Newton's method for two classes and many rows, one pass an iteration, on the
 * features where they lie.
 */
#ifndef MLS_LEARNER_LOGISTIC_FUSED_H
#define MLS_LEARNER_LOGISTIC_FUSED_H

#include "learner/logistic_solve.h"

/* Fewer rows, or more columns: not worth it. */
#define MLS_FUSED_ROWS 20000
#define MLS_FUSED_COLUMNS 512

struct mls_fused {
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x q: the features as they are */
    const double *y;            /* n: 0 or 1 */
    const double *w;            /* n, or NULL: all 1 */
    double weight;              /* sum of the weights */
    double l2;
    bool intercept;
    double tolerance;
    int64_t max_iterations;
};

bool mls_fused_fits(int64_t rows, int64_t columns);

/*
 * b  q + 1 values: receives the coefficients, then the intercept (0 without
 *    one).
 *
 * *finished is false, and b of no use, when it did not get there in a few
 * iterations, as when the classes are separated or columns dependent: other
 * means are needed then.
 */
MLS_CHECK bool mls_logistic_fused(const struct mls_fused *problem, double *b,
                                  struct mls_logistic_result *result,
                                  bool *finished, struct mls_error *err);

#endif
