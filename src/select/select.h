/*
 * What the selecting steps share.  Each learns which of its inputs to keep, and
 * why, in arrays of one cell an input:
 *
 *   keep      U8    1: the column stays
 *   score     F64   what it was judged by; NaN: not judged
 *   p_value   F64   chance of such a score without any relation (some types)
 *   rank      F64   1: kept; 2: dropped in the last round, 3: ... (some types)
 *
 * Columns that stay are passed on as they are; a selecting step makes none.
 */
#ifndef MLS_SELECT_SELECT_H
#define MLS_SELECT_SELECT_H

#include "transform/step.h"

/* All selecting steps, in the order that help lists them. */
#define MLS_SELECTORS(ROW) \
    ROW(variance) \
    ROW(correlation) \
    ROW(univariate) \
    ROW(recursive) \
    ROW(lasso_path)

#define ROW(name) extern const struct mls_step_type mls_select_##name;
MLS_SELECTORS(ROW)
#undef ROW

enum mls_select_with { MLS_WITH_P_VALUE = 1, MLS_WITH_RANK = 2 };

struct mls_selection {
    uint8_t *keep;
    double *score, *p_value, *rank; /* the last two NULL when not asked for */
};
/* For fit: makes the arrays; keep is all 0, the rest NaN. */
MLS_CHECK bool mls_select_new(struct mls_step *step, unsigned with,
                              struct mls_selection *selection,
                              struct mls_error *err);
/* Warns when nothing is kept. */
void mls_select_warn(const struct mls_step *step, const struct mls_run *run,
                     const struct mls_selection *selection);

/* Of step->type: check, plan_input, describe (columns in byte order of their
 * names). */
bool mls_select_check(struct mls_step *step, const struct mls_schema *in,
                      struct mls_error *err);
bool mls_select_plan_input(const struct mls_step *step, int64_t k,
                           const struct mls_field *field,
                           struct mls_plan *plan, struct mls_error *err);
bool mls_select_describe(const struct mls_step *step, struct mls_json *to,
                         struct mls_error *err);

/* The inputs in byte order of their names: a new array of input_count
 * numbers. */
MLS_CHECK int64_t *mls_select_by_name(const struct mls_step *step,
                                      struct mls_error *err);
/* The inputs by descending score (one an input), ties in byte order of their
 * names, NaN last: a new array. */
MLS_CHECK int64_t *mls_select_by_score(const struct mls_step *step,
                                       const double *score,
                                       struct mls_error *err);

/* Leaves out the rows where x or y is missing, in place, of w too when it is
 * not NULL.  Returns the rows left. */
int64_t mls_select_complete(double *x, double *y, double *w, int64_t n);
/* A new array with the same n values. */
MLS_CHECK double *mls_select_copy(const double *values, int64_t n,
                                  struct mls_error *err);

/* How many to keep when the user does not say: half, at least one. */
int64_t mls_select_half(int64_t count);

#endif
