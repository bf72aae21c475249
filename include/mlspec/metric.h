/*
 * Metrics: truth and prediction arrays in, one number out.  Values equal
 * scikit-learn's to 1e-12, weights included.  A row of weight 0 counts as no
 * row at all, and weight 2 as two equal rows (not so in metrics of ranking,
 * where a repeated row takes a place: metric/ranking.c).
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
    const double *group;        /* n values: rows with the same one are ranked
                                 * together; NaN: none.  NULL: no groups */
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
    bool within_groups;         /* ranks within outcome->group */
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

/*
 * Curves of one class against the rest; points are scikit-learn's.
 *
 *   kind               x                         y                threshold
 *   ROC                false positive rate       true positive    falling, the
 *                                                rate             first is inf
 *   PRECISION_RECALL   recall                    precision        rising, the
 *                                                                 last is inf
 *   CALIBRATION        mean probability          share of the     where the bin
 *                                                class            starts
 *
 * A row is predicted positive when its probability is >= threshold; at inf none
 * is, and precision is 1.  ROC drops points on the straight line between their
 * neighbours (roc_curve's drop_intermediate); PRECISION_RECALL keeps all;
 * CALIBRATION has 15 bins of equal width, those without rows left out.
 */
enum mls_curve_kind {
    MLS_CURVE_ROC, MLS_CURVE_PRECISION_RECALL, MLS_CURVE_CALIBRATION
};
#define MLS_CURVE_KINDS 3

struct mls_curve {
    enum mls_curve_kind kind;
    int code;                   /* the class */
    int64_t count;
    double *x, *y, *threshold;  /* count each */
    double *weight;             /* of rows predicted positive, or in the bin */
};
struct mls_curves {
    struct mls_curve *items;    /* by class, then by kind */
    int64_t count;
};

/*
 * Binary: of the positive class; multiclass: of every class.  A ROC curve that
 * is undefined (no row of the class, or of the rest) or a precision-recall
 * curve (no row of the class) has no points.  Regression is MLS_USAGE, a
 * probability outside of [0, 1] MLS_DATA.  Clear when done; on failure curves
 * is empty.
 */
MLS_API MLS_CHECK bool mls_curves_make(const struct mls_outcome *outcome,
                                       struct mls_curves *curves,
                                       struct mls_error *err);
MLS_API void mls_curves_clear(struct mls_curves *curves);

/* Whether a threshold changes a metric: it measures predicted classes of a
 * binary task (task 0: any).  MLS_USAGE says why not. */
MLS_API MLS_CHECK bool mls_metric_has_threshold(
    const struct mls_metric_type *metric, enum mls_task task,
    struct mls_error *err);

/*
 * The threshold on the positive class's probability at which a metric of
 * predicted classes is best; binary tasks.  Every way to cut the rows by
 * probability is tried but that which predicts no row positive; the threshold
 * lies midway between the two probabilities it parts, and of equally good ones
 * the nearest to 0.5, then the lower, is taken.  O(n log n).
 * MLS_USAGE when mls_metric_has_threshold says so,
 * MLS_DATA when the metric is undefined at every threshold.
 */
MLS_API MLS_CHECK bool mls_best_threshold(const struct mls_outcome *outcome,
                                          const struct mls_metric_type *metric,
                                          double *threshold, double *value,
                                          struct mls_error *err);

#endif
