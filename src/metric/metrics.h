/*
 * The rows of the table in metrics.c, one for each metric.  To add a metric,
 * write its .c file with one such row, and name it in the list below.
 */
#ifndef MLS_METRIC_METRICS_H
#define MLS_METRIC_METRICS_H

#include "mlspec/metric.h"

/* All metrics, in the order that reports list them. */
#define MLS_METRICS(ROW) \
    ROW(roc_auc) \
    ROW(log_loss) \
    ROW(accuracy) \
    ROW(f1) \
    ROW(precision) \
    ROW(recall) \
    ROW(roc_auc_weighted) \
    ROW(average_precision) \
    ROW(brier_score) \
    ROW(calibration_error) \
    ROW(balanced_accuracy) \
    ROW(matthews_corrcoef) \
    ROW(cohen_kappa) \
    ROW(f0_5) \
    ROW(f2) \
    ROW(f1_macro) \
    ROW(f1_weighted) \
    ROW(precision_macro) \
    ROW(precision_weighted) \
    ROW(recall_macro) \
    ROW(top_2_accuracy) \
    ROW(top_3_accuracy) \
    ROW(top_5_accuracy) \
    ROW(rmse) \
    ROW(mae) \
    ROW(mse) \
    ROW(r2) \
    ROW(median_absolute_error) \
    ROW(max_error) \
    ROW(explained_variance) \
    ROW(d2_absolute_error) \
    ROW(mean_absolute_percentage_error) \
    ROW(mean_squared_log_error) \
    ROW(root_mean_squared_log_error) \
    ROW(mean_poisson_deviance) \
    ROW(mean_gamma_deviance) \
    ROW(pinball_10) \
    ROW(pinball_50) \
    ROW(pinball_90) \
    ROW(ndcg) \
    ROW(ndcg_5) \
    ROW(ndcg_10) \
    ROW(mean_average_precision)

#define ROW(name) extern const struct mls_metric_type mls_metric_##name;
MLS_METRICS(ROW)
#undef ROW

#endif
