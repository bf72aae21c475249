/*
 * Area under the ROC curve of one score, for roc_auc and for whatever ranks
 * rows of two classes.
 */
#ifndef MLS_METRIC_ROC_AUC_H
#define MLS_METRIC_ROC_AUC_H

#include "mlspec/error.h"

/*
 * The chance that a positive row scores above a negative row, a tie counting
 * one half.
 *
 *   truth   n values, 0 or 1
 *   score   n values, larger means more positive
 *   weight  n values >= 0, finite, or NULL when every row counts the same
 *   auc     receives a value in [0, 1]
 *
 * Fails with MLS_DATA when one class has no rows or no weight (the area is
 * undefined), or a score is NaN.  Without weights the result is the count of
 * won pairs divided once.  Time O(n log n), memory O(n).
 * Hanley & McNeil (1982), Radiology 143, 29-36.
 */
MLS_CHECK bool mls_metric_auc(const double *truth, const double *score,
                              const double *weight, int64_t n, double *auc,
                              struct mls_error *err);

#endif
