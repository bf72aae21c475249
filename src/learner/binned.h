/*
 * The features of a dataset as codes (stats/bins.h): what tree learners work
 * on.  One byte a cell, two when more than 256 codes are asked for.
 *
 *   by_column  codes of feature 0 │ codes of feature 1 │ ...
 *
 * Histograms of boosting want the codes of a row side by side: gbdt_records.h.
 */
#ifndef MLS_LEARNER_BINNED_H
#define MLS_LEARNER_BINNED_H

#include "stats/bins.h"
#include "table/dataset.h"

struct mls_binned {
    int64_t rows, features;     /* constant features are left in: codes <= 2
                                 * and no second value; learners skip them */
    int width;                  /* bytes of a code: 1 or 2 */
    int64_t column_stride;      /* bytes of a column, a multiple of 64, at
                                 * least 64 past the last row */
    uint8_t *by_column;         /* features x column_stride, 64-byte aligned;
                                 * NULL when not wanted */
    struct mls_bins *bins;      /* features */
};

/* Rows that learners choose cuts on when they have more. */
#define MLS_BINNING_SAMPLE 200000

struct mls_binning {
    int64_t most;               /* bins of a feature, 2 .. MLS_BINS_LIMIT - 1;
                                 * width is 1 when no feature has more than
                                 * 256 codes */
    int64_t most_levels;        /* of a categorical feature; 0: most */
    int64_t sample;             /* rows that cuts are chosen on; 0: all */
    uint64_t seed;
    bool by_column;             /* codes are wanted, not the cuts alone */
    const struct mls_bins *given;   /* features: use these; NULL: find them */
};

/*
 * BOOLEAN columns are numbers 0 and 1; CATEGORY ones are categorical, their
 * levels counted in all rows.  The sample is one row of each of `sample` even
 * parts of the table, drawn by (seed, part), the same for all features.
 * Weights count rows.  In parallel over features (cuts) and blocks (codes); the
 * same bytes for any number of threads.  The dataset's cells are no longer
 * needed afterwards: mls_dataset_drop_cells.
 */
MLS_CHECK bool mls_binned_make(const struct mls_run *run,
                               const struct mls_dataset *data,
                               const struct mls_binning *how,
                               struct mls_binned *binned,
                               struct mls_error *err);
void mls_binned_clear(struct mls_binned *binned);

#endif
