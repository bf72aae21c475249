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
    ROW(rmse) \
    ROW(mae) \
    ROW(mse) \
    ROW(r2)

#define ROW(name) extern const struct mls_metric_type mls_metric_##name;
MLS_METRICS(ROW)
#undef ROW

#endif
