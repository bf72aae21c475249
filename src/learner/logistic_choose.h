/*
 * Choosing the squared penalty of logistic regression by the log loss of the
 * rows left out (logistic_loo.h).
 */
#ifndef MLS_LEARNER_LOGISTIC_CHOOSE_H
#define MLS_LEARNER_LOGISTIC_CHOOSE_H

#include "learner/logistic_solve.h"

#define MLS_CHOOSE_ROWS 20000
#define MLS_CHOOSE_WORK 2e9

/*
 * Whether the choice is worth its cost: at most MLS_CHOOSE_ROWS rows, for more
 * leave little to gain, and about MLS_CHOOSE_WORK multiplications a candidate.
 *   columns  of x
 */
bool mls_logistic_choose_fits(int64_t rows, int64_t columns, int outputs);

/*
 * *l2 receives the one of s 10^(-k/4), k = 0 .. 32, whose leave-one-out loss is
 * least, s being the mean of the columns' sums of squares; *loss that loss per
 * unit of weight, or NaN, and l2 is 1, when there is nothing to choose by.
 *
 *   problem  with l1 = 0; its l2, tolerance and the like do not matter
 *   b        q x outputs, all zero; receives a start near the optimum for l2
 */
MLS_CHECK bool mls_logistic_choose(const struct mls_logistic *problem,
                                   struct mls_matrix *b, double *l2,
                                   double *loss, struct mls_error *err);

#endif
