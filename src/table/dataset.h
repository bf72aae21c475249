/*
 * What a learner gets: the features in byte order of their names, the target,
 * the weights.
 *
 *   features          a   t~bad   t~good   z        t~... : sparse columns
 *   x                 a                    z
 *   wide, by_row          each row's entries among t~bad, t~good
 *         by_feature      each feature's entries among the rows
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
    const double *offset;       /* added to each row's score (before a link);
                                 * NULL: none.  Not for several classes */
    const struct mls_list *labels;      /* of the classes by code; may be
                                         * NULL: they have no names */
};

/* Entries of rows, or of features: those of i are [offset[i], offset[i + 1]). */
struct mls_entries {
    int64_t *offset;
    uint32_t *index;            /* ascending within one i */
    double *value;              /* NULL: see level */
};

/* The sparse features of a wide table; all of it owned. */
struct mls_wide {
    int64_t count;              /* 0: there are none apart, all stand in x */
    int64_t *feature;           /* count: which features they are, ascending */
    int64_t *dense;             /* the features that are the columns of x */
    double *level;              /* count: what every entry of a feature is (a
                                 * one-hot's 1); NULL: entries differ, and
                                 * value holds them */
    struct mls_entries by_row;  /* index: numbers of sparse features */
    struct mls_entries by_feature; /* index: rows */
};

struct mls_dataset {
    int64_t rows, features;
    struct mls_matrix x;        /* rows x features, owned; column j is feature
                                 * j; may hold NaN for missing.  Empty for
                                 * learners that take columns; fewer columns
                                 * when wide.count > 0 */
    struct mls_wide wide;       /* empty unless gathered by _gather_wide */
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
 * The same for a learner that has MLS_CAN_SPARSE: the sparse columns (one-hot
 * levels, n-grams) stay sparse, in data->wide, when there are at least
 * MLS_WIDE_FEATURES of them and at most one cell in MLS_WIDE_SHARE of theirs
 * is not 0; otherwise it is mls_dataset_gather.  24 bytes an entry, or 8 when
 * the entries of every feature are equal.  Parallel over features and blocks.
 */
#define MLS_WIDE_FEATURES 200
#define MLS_WIDE_SHARE 16
MLS_CHECK bool mls_dataset_gather_wide(const struct mls_run *run,
                                       const struct mls_table *table,
                                       const struct mls_target *target,
                                       struct mls_dataset *data,
                                       struct mls_error *err);
/* All features of data as one matrix, which the caller frees, as in gather. */
MLS_CHECK bool mls_dataset_densify(const struct mls_run *run,
                                   const struct mls_dataset *data,
                                   struct mls_matrix *x,
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
/* The learner has what it needs of data->table, if there is one: its blocks are
 * freed. */
void mls_dataset_drop_cells(const struct mls_dataset *data);
void mls_dataset_clear(struct mls_dataset *data);

/* The first missing or infinite cell, as MLS_DATA with its place and the fix
 * for it; true when there is none.  For learners that cannot take them. */
MLS_CHECK bool mls_dataset_need_finite(const struct mls_dataset *data,
                                       const struct mls_table *table,
                                       const char *learner,
                                       struct mls_error *err);

/* Only some features, ascending positions: for recursive elimination.  Copies;
 * from has no wide part. */
MLS_CHECK bool mls_dataset_keep(const struct mls_dataset *from,
                                const int64_t *features, int64_t count,
                                struct mls_dataset *to, struct mls_error *err);

/* dataset_wide.c, for dataset.c alone: takes the sparse columns out of the
 * features when that is worth it.  data has names and columns. */
MLS_CHECK bool mls_wide_gather(const struct mls_run *run,
                               const struct mls_table *table,
                               struct mls_dataset *data,
                               struct mls_error *err);
void mls_wide_clear(struct mls_wide *wide);
/* If a row below *row has a sparse entry that is not finite: the first such
 * row, its first such feature, and whether that entry is NaN. */
void mls_wide_first_wild(const struct mls_dataset *data, int64_t *row,
                         int64_t *feature, bool *missing);

#endif
