/*
 * Newton's method for two classes and many rows, one pass an iteration.
 */
#ifndef MLS_LEARNER_LOGISTIC_FUSED_H
#define MLS_LEARNER_LOGISTIC_FUSED_H

#include "learner/logistic_solve.h"

/* Fewer rows, or more columns: not worth it. */
#define MLS_FUSED_ROWS 20000
#define MLS_FUSED_COLUMNS 512

/*
 * For two classes.  b is where to start (all zero) and receives the optimum,
 * or, when *finished is false, where to go on by other means: it did not get
 * there in a few iterations, as when the classes are separated.
 */
MLS_CHECK bool mls_logistic_fused(const struct mls_logistic *problem,
                                  struct mls_matrix *b,
                                  struct mls_logistic_result *result,
                                  bool *finished, struct mls_error *err);

#endif
