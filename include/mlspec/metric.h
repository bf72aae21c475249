/*
 * Metrics: truth and prediction arrays in, one number out.  Values equal
 * scikit-learn's to 1e-12, weights included.  A row of weight 0 counts as no
 * row at all, and weight 2 as two equal rows.
 */
#ifndef MLSPEC_METRIC_H
#define MLSPEC_METRIC_H

#include "mlspec/error.h"
#include "mlspec/task.h"

struct mls_outcome {
    enum mls_task task;
    int64_t n;
    int classes;                /* 2 for binary; 0 for regression */
    /* n values: the target, or the class code 0 .. classes - 1.  In binary
     * tasks the positive class is code 1. */
    const double *truth;
    const double *prediction;   /* n values of the same kind */
    /* n x classes, row by row: probabilities; NULL for regression.  Binary: both columns. */
    const double *probability;
    const double *weight;       /* n values >= 0, or NULL */
};

enum mls_metric_needs { MLS_NEEDS_PREDICTION, MLS_NEEDS_PROBABILITY };

struct mls_metric_type {
    const char *name;           /* scikit-learn's: "roc_auc" */
    const char *title;          /* "area under the ROC curve" */
    const char *source;         /* formula or paper */
    unsigned tasks;             /* MLS_TASK_... */
    bool larger_is_better;
    bool in_report;             /* among those measured when none is named */
    enum mls_metric_needs needs;
    /* MLS_DATA when undefined (one class, zero weight); the message says why. */
    bool (*compute)(const struct mls_outcome *outcome, double *value,
                    struct mls_error *err);
};

/* All metrics, NULL-terminated, in the order reports list them.  Multiclass
 * precision, recall, f0_5, f1, f2 and average_precision are macro averages. */
MLS_API extern const struct mls_metric_type *const mls_metrics[];

/* By name, with the nearest name as the fix; checks that it fits the task
 * (task 0: any). */
MLS_API MLS_CHECK const struct mls_metric_type *
mls_metric_find(const char *name, enum mls_task task, struct mls_error *err);
/* roc_auc, log_loss, rmse. */
MLS_API const struct mls_metric_type *mls_metric_default(enum mls_task task);

/* counts[truth * classes + prediction], weighted. */
MLS_API void mls_confusion(const struct mls_outcome *outcome, double *counts);

#endif
