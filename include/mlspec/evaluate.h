/*
 * How good a pipeline is, with intervals and the constant baseline beside it.
 */
#ifndef MLSPEC_EVALUATE_H
#define MLSPEC_EVALUATE_H

#include "mlspec/pipeline.h"

struct mls_figure {
    const struct mls_metric_type *metric;
    double value;               /* NaN when undefined on these rows */
    double low, high;           /* percentile bootstrap; NaN when not asked */
    double baseline;            /* the same metric of the constant model */
    double sd;                  /* between folds; NaN when no folds */
};

/* The threshold at which a metric is best, see mls_best_threshold. */
struct mls_best {
    const struct mls_metric_type *metric;
    double threshold, value;
};

struct mls_evaluation {
    struct mls_figure *figures;
    int64_t count;
    int64_t rows;
    int classes;
    double *confusion;          /* classes x classes, [truth][prediction]; NULL
                                 * for regression and past 1000 classes */
    int folds;                  /* 0: measured on rows given */
    struct mls_curves curves;   /* empty when not asked for */
    struct mls_best best;       /* metric NULL when not asked for */
};

struct mls_evaluate_options {
    /* CSV record of names; "*": all that fit; NULL: those of them in_report. */
    const char *metrics;
    double threshold;           /* NaN: the pipeline's own */
    int bootstrap;              /* rounds; 0: no intervals */
    double confidence;          /* 0.95 */
    uint64_t seed;
    bool curves;                /* classification: ROC and so on */
    const char *best;           /* binary: a metric to find the threshold for */
};

/*
 * On a table with truth.  The baseline is the pipeline's task predicted by the
 * constant learner fitted on the pipeline's training target (kept in the
 * pipeline: class frequencies or mean).  Bootstrap: rows drawn with
 * replacement, keyed by (seed, round); percentiles (Efron 1979).  The curves
 * and the best threshold are of these rows, too; cross-validation and hold-out
 * leave them out.
 */
MLS_API MLS_CHECK bool mls_evaluate(const struct mls_pipeline *p,
                                    const struct mls_table *table,
                                    const struct mls_evaluate_options *options,
                                    const struct mls_run *run,
                                    struct mls_evaluation *out,
                                    struct mls_error *err);

/*
 * k-fold cross-validation of an unfitted pipeline: the whole of it is fitted in
 * each fold on the training rows only.  When a column has the role of time,
 * folds go forward in it (mls_split_folds_by_time); with that of a group,
 * groups stay whole; otherwise folds are stratified for classification.  value
 * is the mean over folds, sd the standard deviation between them.  Stops early
 * with MLS_INTERRUPTED.
 */
MLS_API MLS_CHECK bool mls_cross_validate(
    const struct mls_pipeline *p, const struct mls_table *table, int k,
    const struct mls_evaluate_options *options, const struct mls_run *run,
    struct mls_evaluation *out, struct mls_error *err);
/* Fitted on the rows not held out, measured on those that are: the last by
 * time, whole groups, or drawn with equal shares of the classes. */
MLS_API MLS_CHECK bool mls_holdout(
    const struct mls_pipeline *p, const struct mls_table *table,
    double fraction, const struct mls_evaluate_options *options,
    const struct mls_run *run, struct mls_evaluation *out,
    struct mls_error *err);
/*
 * The threshold that mls_best_threshold finds on the predictions of k-fold
 * cross-validation: those for a row are made by a pipeline fitted without it,
 * so the threshold is one for rows that the model has not seen.  Folds by time
 * leave the earliest rows out.  p is not changed.
 */
MLS_API MLS_CHECK bool mls_cross_threshold(
    const struct mls_pipeline *p, const struct mls_table *table, int k,
    const char *metric, uint64_t seed, const struct mls_run *run,
    double *threshold, double *value, struct mls_error *err);
MLS_API void mls_evaluation_clear(struct mls_evaluation *e);

/* How much a metric suffers when a column's cells are dealt out anew. */
struct mls_importance_item {
    const char *column;         /* of the raw table; borrows the pipeline */
    double drop;                /* of the metric, mean over the repeats: larger
                                 * is more important, about 0 is of no use */
    double sd;                  /* between repeats; NaN for one */
};
struct mls_importance {
    const struct mls_metric_type *metric;
    double value;               /* with nothing dealt out */
    int repeats;
    struct mls_importance_item *items;  /* the largest drop first, then by name */
    int64_t count;
};

/*
 * Permutation importance of each feature column on rows with truth (Breiman
 * 2001), for any pipeline.  The metric is the first of options->metrics, or
 * that of the task.  Deals are keyed by (options->seed, the column's name,
 * repeat), so neither the order of columns nor threads change a bit.  Time:
 * columns x repeats predictions of the table; memory: two of its columns more.
 */
MLS_API MLS_CHECK bool mls_importance(
    const struct mls_pipeline *p, const struct mls_table *table,
    const struct mls_evaluate_options *options, int repeats,
    const struct mls_run *run, struct mls_importance *out,
    struct mls_error *err);
MLS_API void mls_importance_clear(struct mls_importance *importance);

#endif
