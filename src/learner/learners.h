/*
 * The rows of the list in learners.c, and what learners share.
 */
#ifndef MLS_LEARNER_LEARNERS_H
#define MLS_LEARNER_LEARNERS_H

#include "mlspec/learner.h"

struct mls_target;

/* All learners, in the order that help lists them: one file, one row. */
#define MLS_LEARNERS(ROW) \
    ROW(ridge) \
    ROW(linear) \
    ROW(lasso) \
    ROW(elastic_net) \
    ROW(poisson) \
    ROW(gamma) \
    ROW(tweedie) \
    ROW(huber) \
    ROW(quantile) \
    ROW(logistic) \
    ROW(tree) \
    ROW(forest) \
    ROW(extra_trees) \
    ROW(gbdt) \
    ROW(isolation_forest) \
    ROW(constant)

#define ROW(name) extern const struct mls_learner_type mls_learner_##name;
MLS_LEARNERS(ROW)
#undef ROW

/* MLS_DATA when there is no row to learn from. */
MLS_CHECK bool mls_learner_need_rows(const struct mls_dataset *data,
                                     struct mls_error *err);

/*
 * Sets the params that are `auto`, and that the learner's defaults of the name
 * say something of, to what they are for so many rows.
 *
 *   params   the learner's struct, changed in place
 *   chosen   receives what was set; may be NULL
 */
MLS_CHECK bool mls_learner_resolve(const struct mls_learner_type *learner,
                                   const char *name, int64_t rows,
                                   void *params, struct mls_json *chosen,
                                   struct mls_error *err);

/* Logarithms of the frequencies of the target's classes, one value a class; a
 * class without rows counts as half a row. */
void mls_learner_log_frequencies(const struct mls_target *target,
                                 double *score);

/* Takes a model that was just trained and returns it; when a number in it is
 * not finite it is freed and NULL returned, with MLS_DATA: the arithmetic
 * overflowed, so the columns are too large.  NULL stays NULL. */
MLS_CHECK struct mls_model *mls_learner_finish(struct mls_model *model,
                                               struct mls_error *err);

#endif
