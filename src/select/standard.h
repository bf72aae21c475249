/*
 * The inputs of a selecting step as a matrix of standardised columns, for those
 * that judge columns by what a linear model makes of them.
 */
#ifndef MLS_SELECT_STANDARD_H
#define MLS_SELECT_STANDARD_H

#include "table/dataset.h"
#include "transform/step.h"

/*
 * order  the inputs by name (mls_select_by_name): column j is input order[j]
 * all    receives columns of weighted mean 0 and standard deviation 1, a
 *        constant one all 0; to be cleared also after a failure
 *
 * MLS_DATA, naming it, for a category or a missing cell.
 */
MLS_CHECK bool mls_select_read(const struct mls_step *step,
                               const struct mls_step_input *in,
                               const int64_t *order, struct mls_dataset *all,
                               struct mls_error *err);

#endif
