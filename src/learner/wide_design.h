/*
 * The features of a dataset with a wide part as a linear learner works on
 * them: each less its weighted mean, as in design.h, and still sparse.
 *
 *      X = [ dense - means | 1 | sparse - 1 m' ]        n x columns
 *
 * The sparse part is never centred in memory; products with it take the means
 * out afterwards:
 *
 *      (S - 1 m') b = S b - 1 (m'b)       (S - 1 m')'r = S'r - m (1'r)
 *
 * Columns stand in this order: the dense features, the ones (with an
 * intercept), the sparse features.  Vectors of columns are matrices of columns
 * x outputs, those of rows n x outputs, both column by column.
 */
#ifndef MLS_LEARNER_WIDE_DESIGN_H
#define MLS_LEARNER_WIDE_DESIGN_H

#include "learner/design.h"

struct mls_wide_design {
    const struct mls_run *run;
    const struct mls_wide *wide;
    struct mls_design dense;    /* x: n x left */
    int64_t rows, left;         /* left: columns before the sparse ones */
    int64_t columns;
    bool centred;               /* column left - 1 is that of ones */
    double *mean;               /* wide->count, of the sparse features */
    double *square;             /* columns: sum_i w_i x_ij^2; 0 for a sparse
                                 * feature that is constant */
    double *by_column;          /* scratch: wide->count x outputs */
    double *by_row;             /* scratch: rows x outputs */
    double weight;              /* sum of the weights */
};

/* outputs is the most that products will be asked for.  Borrows data. */
MLS_CHECK bool mls_wide_design_new(const struct mls_run *run,
                                   const struct mls_dataset *data, bool centre,
                                   int outputs, struct mls_wide_design *design,
                                   struct mls_error *err);
void mls_wide_design_clear(struct mls_wide_design *design);

/* out (n x outputs) = X b. */
MLS_CHECK bool mls_wide_times(const struct mls_wide_design *design,
                              const struct mls_matrix *b,
                              struct mls_matrix *out, struct mls_error *err);
/* out (columns x outputs) = X'r. */
MLS_CHECK bool mls_wide_transposed(const struct mls_wide_design *design,
                                   const struct mls_matrix *r,
                                   struct mls_matrix *out,
                                   struct mls_error *err);
/* out (columns x outputs): sum_i c_ik x_ij^2. */
MLS_CHECK bool mls_wide_squares(const struct mls_wide_design *design,
                                const struct mls_matrix *c,
                                struct mls_matrix *out, struct mls_error *err);

/* From columns to the features of the dataset: per output its coefficients
 * and, last, the constant (0 when not centred); means by feature.
 *   b     columns x outputs      to  (features + 1) x outputs
 *   mean  features */
void mls_wide_to_features(const struct mls_wide_design *design,
                          const struct mls_matrix *b, struct mls_matrix *to,
                          double *mean);

#endif
