/*
 * Logistic regression of several classes on many columns: the objective of
 * logistic_solve.h with l2 > 0 and l1 = 0, where its Hessian would be too large
 * to be made and factored.
 */
#ifndef MLS_LEARNER_LOGISTIC_CLASSES_H
#define MLS_LEARNER_LOGISTIC_CLASSES_H

#include "learner/logistic_solve.h"

struct mls_classes {
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x q: the features as they are */
    const double *y;            /* n: the class */
    const double *w;            /* n, or NULL: all 1 */
    int classes;                /* at least 2; each has a row */
    double l2;                  /* > 0 */
    bool intercept;
    double tolerance;
    int64_t max_iterations;
};

/* Whether it is worth it, and its memory in bounds: by the shape alone. */
bool mls_classes_fits(int64_t rows, int64_t features, int classes);

/*
 * b     (q + 1) x classes, zero on entry: receives the coefficients, and in its last row the
 *       constants for columns less their means (0 without an intercept); each
 *       row sums to 0, to rounding
 * mean  q: the means that were taken out
 *
 * *finished is false, and b of no use, when the columns' sizes do not fit in
 * single precision.
 *
 * Memory beside the table: n (q + classes) floats for its rows, classes q^2
 * doubles for the preconditioner, and two q^2 doubles a thread.
 */
MLS_CHECK bool mls_logistic_classes(const struct mls_classes *problem,
                                    struct mls_matrix *b, double *mean,
                                    struct mls_logistic_result *result,
                                    bool *finished, struct mls_error *err);

#endif
