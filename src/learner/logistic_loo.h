/*
 * Approximate leave-one-out loss of logistic regression with a squared penalty:
 * what each row's loss would be had one unit of its weight (all of it, if it
 * has less) been left out, found from one Newton step of the others.
 *
 * Rad & Maleki (2020), J. R. Stat. Soc. B 82(4), 965-996; Wang et al. (2018),
 * ICML.
 */
#ifndef MLS_LEARNER_LOGISTIC_LOO_H
#define MLS_LEARNER_LOGISTIC_LOO_H

#include "linalg/matrix.h"

/* Most classes. */
#define MLS_LOO_OUTPUTS 32

/*
 * Where Newton's method stands, before the step d that it takes next.  b with
 * its q x outputs coefficients need not be the optimum: what is found is a step
 * from b of the objective without the row.
 */
struct mls_logistic_point {
    const struct mls_run *run;
    const struct mls_matrix *x;        /* n x q */
    const double *y;                   /* n: 0 or 1, or the class */
    const double *w;                   /* n, or NULL: all 1 */
    int outputs;                       /* 1, or classes <= MLS_LOO_OUTPUTS */
    const struct mls_matrix *scores;   /* n x outputs */
    const struct mls_matrix *moves;    /* n x outputs: X d */
    const struct mls_matrix *residual; /* n x outputs: w (p - [class = y]) */
    const struct mls_matrix *p;        /* n x outputs: probabilities; one
                                        * output: curvatures w p (1 - p) */
    const struct mls_matrix *inverse;  /* of the Hessian: q outputs a side */
};

/* *loss receives sum_i w_i log_loss_i.  O(n (q outputs)^2). */
MLS_CHECK bool mls_logistic_loo(const struct mls_logistic_point *at,
                                double *loss, struct mls_error *err);

#endif
