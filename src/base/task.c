/* The names of tasks. */
#include "mlspec/task.h"

const char *mls_task_name(enum mls_task task)
{
    static const char *const names[] = { "none", "regression", "binary",
                                         "multiclass", "anomaly" };

    return names[task];
}

const char *mls_task_title(enum mls_task task)
{
    static const char *const titles[] = { "any task", "regression",
                                          "binary classification",
                                          "multiclass classification",
                                          "anomaly detection" };

    return titles[task];
}
