/*
 * What a learner gets: the features in byte order of their names, the target,
 * the weights.
 */
#ifndef MLS_TABLE_DATASET_H
#define MLS_TABLE_DATASET_H

#include "linalg/matrix.h"
#include "mlspec/table.h"
#include "mlspec/task.h"

/* The target of the training rows.  Borrows. */
struct mls_target {
    enum mls_task task;
    int64_t rows;
    int classes;                /* 0 for regression, 2 for binary */
    const double *y;            /* value, or class code 0 .. classes - 1 */
    const double *weight;       /* > 0 (rows of weight 0 are dropped on
                                 * reading); NULL when all are 1 */
    const struct mls_list *labels;      /* of the classes by code; may be
                                         * NULL: they have no names */
};

struct mls_dataset {
    int64_t rows, features;
    struct mls_matrix x;        /* rows x features, owned; column j is feature
                                 * j; may hold NaN for missing.  Empty for
                                 * learners that take columns */
    struct mls_table *table;    /* for learners that take columns: the cells,
                                 * borrowed; else NULL */
    const char **names;         /* features names in byte order; the array is owned, the names
                                 * borrow the table's schema */
    int64_t *column;            /* their positions in the table, owned */
    struct mls_target target;
};

/*
 * Gathers the feature columns (role FEATURE) of a table.  All must be numeric
 * (REAL, INTEGER) or BOOLEAN (0/1): another kind is MLS_DATA naming the column,
 * with a step that would turn it into numbers as the fix.  Parallel over
 * columns, O(rows * features) memory, its size in the error when refused.
 */
MLS_CHECK bool mls_dataset_gather(const struct mls_run *run,
                                  const struct mls_table *table,
                                  const struct mls_target *target,
                                  struct mls_dataset *data,
                                  struct mls_error *err);
/*
 * The same for learners that take columns as they are: features may be REAL,
 * INTEGER, BOOLEAN, CATEGORY, DATE; a TEXT column is MLS_DATA.  Nothing is
 * copied: data->table lends its blocks.
 */
MLS_CHECK bool mls_dataset_lend(struct mls_table *table,
                                const struct mls_target *target,
                                struct mls_dataset *data,
                                struct mls_error *err);
/* The learner has what it needs of data->table: its blocks are freed. */
void mls_dataset_drop_cells(struct mls_dataset *data);
void mls_dataset_clear(struct mls_dataset *data);

/* The first missing or infinite cell, as MLS_DATA with its place and the fix
 * for it; true when there is none.  For learners that cannot take them. */
MLS_CHECK bool mls_dataset_need_finite(const struct mls_dataset *data,
                                       const struct mls_table *table,
                                       const char *learner,
                                       struct mls_error *err);

/* Only some features, ascending positions: for recursive elimination.  Copies. */
MLS_CHECK bool mls_dataset_keep(const struct mls_dataset *from,
                                const int64_t *features, int64_t count,
                                struct mls_dataset *to, struct mls_error *err);

#endif
