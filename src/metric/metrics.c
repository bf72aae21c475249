/*
 * The list of metrics in plain sight, and finding one by name.  Help, reports
 * and tests walk the list.
 */
#include "metric/metrics.h"

#include <assert.h>
#include <string.h>

#include "metric/outcome.h"
#include "mlspec/params.h"

#define ROW(name) &mls_metric_##name,
const struct mls_metric_type *const mls_metrics[] = { MLS_METRICS(ROW) NULL };
#undef ROW

enum { METRICS = sizeof(mls_metrics) / sizeof(mls_metrics[0]) - 1 };

/* task 0: any. */
static bool fits(const struct mls_metric_type *metric, enum mls_task task)
{
    return task == 0 || (metric->tasks & (1u << task)) != 0;
}

/* The names that fit a task; returns how many. */
static int64_t names_for(enum mls_task task, const char *names[METRICS])
{
    int64_t count = 0;

    for (int i = 0; i < METRICS; i++)
        if (fits(mls_metrics[i], task))
            names[count++] = mls_metrics[i]->name;
    return count;
}

/* Those of the report: the whole list is a page of the help. */
static void fix_with_list(enum mls_task task, struct mls_error *err)
{
    char list[sizeof(err->fix)] = "";
    size_t used = 0;

    for (int i = 0; i < METRICS && used < sizeof(list); i++)
        if (fits(mls_metrics[i], task) && mls_metrics[i]->in_report)
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s, ",
                                     mls_metrics[i]->name);
    mls_fail_fix(err, "choose from %.160sor see mlspec help metrics", list);
}

const struct mls_metric_type *
mls_metric_find(const char *name, enum mls_task task, struct mls_error *err)
{
    const char *names[METRICS], *near;
    const struct mls_metric_type *metric = NULL;
    int64_t count = names_for(task, names);

    for (int i = 0; i < METRICS; i++)
        if (strcmp(mls_metrics[i]->name, name) == 0)
            metric = mls_metrics[i];
    if (metric && fits(metric, task))
        return metric;
    if (metric) {
        mls_fail(err, MLS_USAGE, "metric \"%s\" is not for %s", name,
                 mls_task_title(task));
        fix_with_list(task, err);
        return NULL;
    }
    mls_fail(err, MLS_USAGE, "there is no metric \"%s\"",
             mls_show_text(name).text);
    near = mls_nearest(name, names, count);
    if (near)
        mls_fail_fix(err, "did you mean \"%s\"?", near);
    else
        fix_with_list(task, err);
    return NULL;
}

const struct mls_metric_type *mls_metric_default(enum mls_task task)
{
    switch (task) {
    case MLS_REGRESSION:
        return &mls_metric_rmse;
    case MLS_BINARY:
    case MLS_ANOMALY:
        return &mls_metric_roc_auc;
    case MLS_MULTICLASS:
        return &mls_metric_log_loss;
    }
    assert(!"a task");
    return NULL;
}

void mls_confusion(const struct mls_outcome *outcome, double *counts)
{
    int64_t classes = outcome->classes;

    for (int64_t cell = 0; cell < classes * classes; cell++)
        counts[cell] = 0;
    for (int64_t i = 0; i < outcome->n; i++) {
        int64_t truth = mls_outcome_code(outcome, outcome->truth[i]);
        int64_t prediction = mls_outcome_code(outcome, outcome->prediction[i]);

        counts[truth * classes + prediction] += mls_outcome_weight(outcome, i);
    }
}
