/*
 * Draws that do not depend on the order of rows or columns.
 */
#ifndef MLS_LEARNER_GBDT_SAMPLE_H
#define MLS_LEARNER_GBDT_SAMPLE_H

#include "learner/binned.h"

/* Past so many rows, rows are drawn by their numbers. */
#define MLS_ROW_KEYS_MOST 50000

/*
 * A key for each row, from what the row holds (codes and target), equal rows
 * told apart by counting them: the keys of a table are the same in any order
 * of its rows.  A new array.
 */
MLS_CHECK uint64_t *mls_row_keys(const struct mls_binned *binned,
                                 const struct mls_target *target,
                                 struct mls_error *err);

/*
 * Deals rows into folds 0 .. folds - 1 of equal size, each class by itself, in
 * the order of keys under the seed (NULL: of row numbers).
 *
 *   fold   receives a number for each row
 */
MLS_CHECK bool mls_deal_rows(const struct mls_target *target,
                             const uint64_t *keys, uint64_t seed, int folds,
                             uint8_t *fold, struct mls_error *err);

/* A key for each feature, from its name.  A new array. */
MLS_CHECK uint64_t *mls_feature_keys(const struct mls_dataset *data,
                                     uint64_t seed, struct mls_error *err);

#endif
