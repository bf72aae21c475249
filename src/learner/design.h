/*
 * The features as a linear learner works on them: each less its weighted mean,
 * when there is an intercept to take up the difference.
 *
 *      b0 + sum_j b_j x_j  =  c0 + sum_j b_j (x_j - m_j)
 *      c0 = b0 + sum_j b_j m_j
 *
 * The penalty is on b alone, so that the two forms have the same optimum; the
 * second one loses no digits to a column with a large mean.
 */
#ifndef MLS_LEARNER_DESIGN_H
#define MLS_LEARNER_DESIGN_H

#include "table/dataset.h"

struct mls_design {
    struct mls_matrix x;        /* rows x (features, then ones if any) */
    bool owned;                 /* x is a copy; otherwise the dataset's own */
    double *mean;               /* features + 1: of each column, 0 for ones and
                                 * when not centred */
    double *square;             /* features + 1: sum_i w_i x_ij^2 of x here */
    double weight;              /* sum of the weights */
};

/*
 * centre  take the means out: a copy of the features, rows * features doubles
 * ones    with centre: append a column of ones, for the intercept
 *
 * A constant column becomes exactly 0.  Parallel over columns.  MLS_DATA when
 * a sum of squares overflows.
 */
MLS_CHECK bool mls_design_new(const struct mls_run *run,
                              const struct mls_dataset *data, bool centre,
                              bool ones, struct mls_design *design,
                              struct mls_error *err);
void mls_design_clear(struct mls_design *design);

/* Says that the squares of column j overflow; returns false. */
MLS_CHECK bool mls_design_too_large(const struct mls_dataset *data, int64_t j,
                                    struct mls_error *err);

/* Sum of the weights. */
double mls_design_weight(const struct mls_dataset *data);

/* The intercept b0 for the coefficients b of the features and the constant c0
 * of the centred form. */
double mls_design_intercept(const double *mean, const double *b,
                            int64_t features, double c0);

#endif
