/*
 * Which rows are for training and which for testing.  A pure function of
 * (n, labels, seed); row i of the answer is row i of the table.
 */
#ifndef MLSPEC_SPLIT_H
#define MLSPEC_SPLIT_H

#include "mlspec/error.h"

/*
 * Hold-out: in_test[i] becomes 1 for round(fraction * n) rows, at least one and
 * at most n - 1.
 *   strata  n class codes 0, 1, ...; the test rows keep the class proportions
 *           (each class within one row); NULL: plain random
 * Fails with MLS_DATA when n < 2, or a fraction outside (0, 1) (MLS_USAGE).
 */
MLS_API MLS_CHECK bool mls_split_holdout(int64_t n, const double *strata,
                                         double fraction, uint64_t seed,
                                         uint8_t *in_test,
                                         struct mls_error *err);

/*
 * k folds: fold[i] in [0, k), sizes differ by at most one; with strata each
 * class is spread so that its counts differ by at most one between folds.
 * MLS_DATA when n < k, MLS_USAGE when k < 2.
 */
MLS_API MLS_CHECK bool mls_split_folds(int64_t n, const double *strata, int k,
                                       uint64_t seed, int32_t *fold,
                                       struct mls_error *err);

/*
 * k folds of whole groups (group holds n codes): the groups in random order,
 * then by falling size, each into the fold that has the fewest rows so far (the
 * first of several), so that folds are as equal as large groups allow; for
 * groups of one size they differ by one group at most.  MLS_DATA when there are
 * fewer groups than folds, MLS_USAGE when k < 2.
 */
MLS_API MLS_CHECK bool mls_split_folds_grouped(int64_t n, const double *group,
                                               int k, uint64_t seed,
                                               int32_t *fold,
                                               struct mls_error *err);

/*
 * k folds that go forward in time (ties by row; no seed).  Each fold has
 * n / (k + 1) rows, rounded down, and follows the one before it:
 *
 *     time  ------------------------------------>
 *           -1 -1 -1 -1 | 0  0  0 | 1  1  1 | 2  2  2
 *
 * The rows before the first fold get -1.  A fold is tested with a model
 * trained on all rows whose number is lower, as scikit-learn's TimeSeriesSplit
 * does.  MLS_DATA when n < k + 1, MLS_USAGE when k < 2.  time holds no NaN.
 */
MLS_API MLS_CHECK bool mls_split_folds_by_time(int64_t n, const double *time,
                                               int k, int32_t *fold,
                                               struct mls_error *err);

/* The last rows by time (ties by row) are the test rows: no seed.  time must hold no NaN. */
MLS_API MLS_CHECK bool mls_split_by_time(int64_t n, const double *time,
                                         double fraction, uint8_t *in_test,
                                         struct mls_error *err);

/* Rows of one group stay together: group holds n codes.  The number of test
 * rows is as near to fraction * n as whole groups, taken in random order,
 * allow; at least one group on each side.  MLS_DATA when there is one group.
 * A group of more than twice fraction * n rows stays in training while there
 * is a smaller one. */
MLS_API MLS_CHECK bool mls_split_grouped(int64_t n, const double *group,
                                         double fraction, uint64_t seed,
                                         uint8_t *in_test,
                                         struct mls_error *err);

#endif
