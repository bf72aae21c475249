/*
 * What boosting minimises: for each objective the loss of a row, its first and
 * second derivative by the raw score, the best constant.
 */
#ifndef MLS_LEARNER_GBDT_OBJECTIVE_H
#define MLS_LEARNER_GBDT_OBJECTIVE_H

#include "table/dataset.h"

enum mls_objective_kind {
    MLS_OBJECTIVE_AUTO,         /* by the task */
    MLS_OBJECTIVE_LOGISTIC, MLS_OBJECTIVE_SOFTMAX,
    MLS_OBJECTIVE_SQUARED, MLS_OBJECTIVE_ABSOLUTE, MLS_OBJECTIVE_HUBER,
    MLS_OBJECTIVE_QUANTILE, MLS_OBJECTIVE_POISSON, MLS_OBJECTIVE_GAMMA,
    MLS_OBJECTIVE_TWEEDIE
};
extern const char *const mls_objective_names[];

struct mls_objective {
    enum mls_objective_kind kind;
    double alpha;               /* HUBER: where the loss turns linear;
                                 * QUANTILE: which */
    double power;               /* TWEEDIE: 1 < power < 2 */
    double hessian_factor;      /* SOFTMAX: classes / (classes - 1) */
    double most_step;           /* POISSON: added to the exponent of the
                                 * hessian, so that a leaf's step is safe */
};

/* Resolves AUTO by the task, fills the constants; MLS_USAGE when the objective
 * does not do the task, MLS_DATA when the target is outside of its range. */
MLS_CHECK bool mls_objective_init(struct mls_objective *objective,
                                  enum mls_objective_kind kind, double alpha,
                                  double power,
                                  const struct mls_target *target,
                                  struct mls_error *err);

bool mls_objective_log_link(const struct mls_objective *objective);
/* All hessians are 1: then they count rows. */
bool mls_objective_constant_hessian(const struct mls_objective *objective);
/* Leaves take a quantile of the residuals rather than a Newton step. */
bool mls_objective_renews(const struct mls_objective *objective);

/*
 * Derivatives of count rows.
 *
 *   score      raw scores.  SOFTMAX: of class `output`
 *   normaliser SOFTMAX: log sum exp of all scores of each row; else NULL
 *   y          targets
 *   gradient, hessian   receive count values; room for a multiple of 4
 *
 * Four rows at a time: score, normaliser and y are read to the next multiple
 * of 4.  The same bits on any processor.
 */
void mls_objective_derivatives(const struct mls_objective *objective,
                               const double *score, const double *normaliser,
                               const double *y, int output, int64_t count,
                               double *gradient, double *hessian);

/* Loss of one row; scores of all outputs stand stride apart. */
double mls_objective_loss(const struct mls_objective *objective,
                          const double *score, int64_t stride, int outputs,
                          double y);

/* log sum exp of the outputs of count rows, which stand stride apart. */
void mls_objective_normalise(const double *score, int64_t stride, int outputs,
                             int64_t count, double *normaliser);

/* The best constant scores, one an output. */
MLS_CHECK bool mls_objective_base(const struct mls_objective *objective,
                                  const struct mls_run *run,
                                  const struct mls_target *target,
                                  double *base, struct mls_error *err);

#endif
