/*
 * Least squares to the last digit: minimise sum_i w_i (y_i - b0 - x_i'b)^2.
 */
#ifndef MLS_LEARNER_LINEAR_SOLVE_H
#define MLS_LEARNER_LINEAR_SOLVE_H

#include "table/dataset.h"

struct mls_ols {
    double *coef;               /* p; 0 for the dependent columns */
    double intercept;
    bool *dependent;            /* p: a sum of columns before it */
    int64_t rank;               /* columns that are not dependent */
    double degrees;             /* sum of weights - rank - intercept */
    double squares;             /* sum_i w_i residual_i^2 */
    double *coef_se;            /* p; 0 for the dependent columns */
    double intercept_se;
    bool errors;                /* standard errors are there: degrees > 0 */
};

/*
 * Normal equations in double, refined with residuals and gradients in twice
 * the digits, when the condition allows; normal equations in twice the digits
 * otherwise.  O(n p^2).  A column is dependent when, scaled to length 1, it
 * comes within 1e-12 of a sum of those before it (and the constant).
 *
 * Arrays are from mls_new: mls_ols_clear frees them, also after a failure.
 */
MLS_CHECK bool mls_ols_solve(const struct mls_run *run,
                             const struct mls_dataset *data, bool intercept,
                             struct mls_ols *ols, struct mls_error *err);
void mls_ols_clear(struct mls_ols *ols);

/* Says which columns are dependent, as many as there is room for. */
void mls_ols_note_dependent(const struct mls_run *run, const char *learner,
                            const struct mls_dataset *data,
                            const struct mls_ols *ols);

#endif
