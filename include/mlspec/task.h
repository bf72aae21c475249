/* What is to be learned. */
#ifndef MLSPEC_TASK_H
#define MLSPEC_TASK_H

#include "mlspec/error.h"

enum mls_task {
    MLS_REGRESSION = 1,
    MLS_BINARY,
    MLS_MULTICLASS,
    MLS_ANOMALY                 /* how odd a row is: no target; one with two
                                 * labels is for evaluation alone */
};
#define MLS_TASK_REGRESSION (1u << MLS_REGRESSION)
#define MLS_TASK_BINARY (1u << MLS_BINARY)
#define MLS_TASK_MULTICLASS (1u << MLS_MULTICLASS)
#define MLS_TASK_ANOMALY (1u << MLS_ANOMALY)
#define MLS_TASK_CLASSIFICATION (MLS_TASK_BINARY | MLS_TASK_MULTICLASS)
/* All that learn from a target. */
#define MLS_TASK_ANY (MLS_TASK_REGRESSION | MLS_TASK_CLASSIFICATION)

/* The last of enum mls_task. */
#define MLS_TASK_LAST MLS_ANOMALY

/* "regression", "binary", "multiclass", "anomaly"; 0: "none". */
MLS_API const char *mls_task_name(enum mls_task task);
/* For sentences: "binary classification"; 0: "any task". */
MLS_API const char *mls_task_title(enum mls_task task);

#endif
