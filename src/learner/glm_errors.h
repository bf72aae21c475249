/*
 * Standard errors of a generalised linear model with the logarithm as link,
 * fitted without a penalty.
 */
#ifndef MLS_LEARNER_GLM_ERRORS_H
#define MLS_LEARNER_GLM_ERRORS_H

#include "linalg/matrix.h"

struct mls_glm_fitted {
    const struct mls_run *run;
    const struct mls_matrix *x; /* n x (features, then ones if intercept) */
    const double *mean;         /* features: what the columns are less */
    int64_t features;
    bool intercept;
    const double *score;        /* n: log of the means */
    const double *y, *w;        /* n; w NULL: all 1 */
    double weight;              /* sum of the weights */
    double power;               /* the variance is dispersion * mean^power */
    double dispersion;          /* NaN: to be estimated */
};

struct mls_glm_errors {
    bool known;                 /* false: no degrees of freedom, or dependent
                                 * columns; then nothing is set */
    double degrees;             /* sum of weights - columns */
    double pearson;             /* sum_i w_i (y_i - m_i)^2 / m_i^power over
                                 * degrees: the estimate of the dispersion */
    double *coef;               /* features, the caller's */
    double intercept;           /* of columns that are not less their mean */
};

/*
 * Roots of the diagonal of dispersion (X'VX)^-1, V = w m^(2 - power): expected
 * information, as R's glm has it; weights count rows.  O(n q^2).
 * McCullagh & Nelder (1989), Generalized Linear Models, 2.5 and 4.5.
 */
MLS_CHECK bool mls_glm_find_errors(const struct mls_glm_fitted *fitted,
                                   struct mls_glm_errors *errors,
                                   struct mls_error *err);

#endif
