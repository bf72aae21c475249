/*
 * Logistic regression on a dataset with a wide part (table/dataset.h), with the
 * objective of logistic_solve.h and to the same optimum.
 */
#ifndef MLS_LEARNER_LOGISTIC_WIDE_H
#define MLS_LEARNER_LOGISTIC_WIDE_H

#include "learner/logistic_solve.h"
#include "learner/wide_design.h"

struct mls_logistic_wide {
    const struct mls_run *run;
    const struct mls_wide_design *x;
    const double *y;            /* n: 0 or 1, or the class */
    const double *w;            /* n, or NULL: all 1 */
    int outputs;                /* 1, or the number of classes */
    double l1, l2;              /* on all columns but that of ones */
    double tolerance;
    int64_t max_iterations;
};

/* b: columns x outputs in the order of the design, all zero or a start on
 * entry; receives the optimum.  Not to converge is no error: result says so. */
MLS_CHECK bool mls_logistic_wide_solve(const struct mls_logistic_wide *problem,
                                       struct mls_matrix *b,
                                       struct mls_logistic_result *result,
                                       struct mls_error *err);

#endif
