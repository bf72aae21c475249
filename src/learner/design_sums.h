/*
 * The sums over rows that least squares needs, of columns and target less their
 * means, without a copy of the table.
 */
#ifndef MLS_LEARNER_DESIGN_SUMS_H
#define MLS_LEARNER_DESIGN_SUMS_H

#include "table/dataset.h"

struct mls_design_sums {
    struct mls_matrix gram;     /* features x features: X'WX */
    double *xy;                 /* features: X'Wy */
    double *mean;               /* features: weighted means; or zeros */
    double *square;             /* features: the diagonal of gram */
    double y_mean, y_square;    /* of the target, 0 when not centred; y'Wy */
    double weight;              /* sum of the weights */
};

/*
 * centre  columns and target less their weighted means
 *
 * One pass over the table, or two where a column's mean is not what a sample of
 * its rows lets one expect.  A constant column becomes exactly 0.  MLS_DATA
 * when a sum of squares of the features overflows; y_square and xy may be
 * infinite or NaN when those of the target do.  O(rows features^2).
 *
 * mls_design_sums_clear frees it, also after a failure.
 */
MLS_CHECK bool mls_design_sums_new(const struct mls_run *run,
                                   const struct mls_dataset *data, bool centre,
                                   struct mls_design_sums *sums,
                                   struct mls_error *err);
void mls_design_sums_clear(struct mls_design_sums *sums);

#endif
