/*
 * Newton's method for logistic regression: minimise
 *
 *      sum_i w_i loss(y_i, scores_i)
 *          + sum_{k,j penalised} (l1 |b_kj| + l2/2 b_kj^2)
 *
 * over b, scores = X b.  One column of b and the loss log(1 + exp(-+s)) for
 * two classes; one column a class and the softmax loss for more.
 */
#ifndef MLS_LEARNER_LOGISTIC_SOLVE_H
#define MLS_LEARNER_LOGISTIC_SOLVE_H

#include "linalg/matrix.h"

/* A loss of one score a row other than that of two classes.  Both functions
 * work like mls_logistic_binary and mls_logistic_binary_loss: curvatures must
 * be >= 0. */
struct mls_loss {
    void (*slopes)(const struct mls_loss *loss, const double *s,
                   const double *y, const double *w, int64_t count,
                   double *residual, double *curvature);
    double (*value)(const struct mls_loss *loss, const double *s,
                    const double *d, double step, const double *y,
                    const double *w, int64_t count);
    double power;               /* for their use */
};

struct mls_logistic {
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x q */
    const double *y;            /* n: 0 or 1, or the class */
    const double *w;            /* n, or NULL: all 1 */
    const double *offset;       /* n, or NULL: added to the scores; one output */
    const double *square;       /* q: sum_i w_i x_ij^2 */
    double weight;              /* sum of the weights */
    const struct mls_loss *loss; /* NULL: that of classes */
    int outputs;                /* 1, or the number of classes */
    int64_t penalised;          /* the first so many columns of x */
    double l1, l2;
    double tolerance;
    int64_t max_iterations;
    bool matrix_free;           /* conjugate gradients whatever the size */
    double near;                /* > 0: a step that moves no score further is
                                 * the last, and gives loo_loss; needs the
                                 * losses of classes, l1 = 0, and a Hessian */
};

struct mls_logistic_result {
    int64_t iterations;
    bool converged;
    bool separated;             /* ended because the optimum is at infinity */
    double objective;
    double loo_loss;            /* with near: sum_i w_i log_loss_i of each row
                                 * left out (logistic_loo.h), else NaN */
};

/*
 * b  q x outputs, all zero or a start on entry; receives the optimum.
 *
 * Not to converge is no error: result says so.  Several classes: every row of
 * b that has no l1 sums to 0, to rounding.
 */
MLS_CHECK bool mls_logistic_solve(const struct mls_logistic *problem,
                                  struct mls_matrix *b,
                                  struct mls_logistic_result *result,
                                  struct mls_error *err);

#endif
