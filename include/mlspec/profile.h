/*
 * What is in a table: the numbers behind `mlspec describe`.
 */
#ifndef MLSPEC_PROFILE_H
#define MLSPEC_PROFILE_H

#include "mlspec/table.h"

#define MLS_PROFILE_QUANTILES 5     /* 0.05 0.25 0.5 0.75 0.95 */
#define MLS_PROFILE_TOP 5
#define MLS_PROFILE_BINS 10

struct mls_profile_top {
    const char *level;              /* borrows the table's dictionary */
    size_t length;
    int64_t count;
};

/* Up to this many rows, all is exact. */
#define MLS_PROFILE_EXACT_ROWS 1000000

struct mls_profile_options {
    int64_t exact_rows;             /* 0: MLS_PROFILE_EXACT_ROWS */
    uint64_t seed;                  /* of the sample of a longer table */
};

/* What a category seems to be meant as: numbers with a currency sign, a unit or
 * thousands separators; dates that are not all of one form; yes and no in more
 * than two spellings; or fewer levels, as some differ only in case or spaces. */
enum mls_looks {
    MLS_LOOKS_NONE,
    MLS_LOOKS_NUMBERS,
    MLS_LOOKS_DATES,
    MLS_LOOKS_ANSWERS,
    MLS_LOOKS_SPELLINGS
};

struct mls_profile_column {
    const struct mls_field *field;  /* borrows the table's schema */
    int64_t rows, missing;
    int64_t distinct;               /* of numbers and texts: in the sample */
    /* REAL, INTEGER, DATE (seconds); NaN otherwise. */
    double low, high, mean, sd, skewness;
    double quantile[MLS_PROFILE_QUANTILES]; /* of the sample */
    int64_t bin[MLS_PROFILE_BINS];  /* equal-width histogram from low to high */
    /* BOOLEAN, CATEGORY: the commonest levels, ties to the first in order. */
    struct mls_profile_top top[MLS_PROFILE_TOP];
    int top_count;
    enum mls_looks looks;           /* CATEGORY; NONE otherwise */
    double target_information;      /* mutual information with the target in
                                     * nats, equal-frequency bins; NaN none */
};

struct mls_profile {
    struct mls_profile_column *columns; /* in the schema's order */
    int64_t count;
    int64_t rows;
    int64_t sample_rows;            /* 0: nothing was sampled */
    int64_t duplicate_rows;         /* of the sample: equal to an earlier one */
};

/*
 * A table of more than exact_rows rows is sampled for what would need all its
 * rows sorted or kept: each row is in the sample with the same chance, which
 * makes about exact_rows of them.  Counts, missing cells, levels, moments and
 * histograms are of all rows always.
 *   options   NULL: all defaults
 */
MLS_API MLS_CHECK bool mls_profile(const struct mls_table *table,
                                   const struct mls_profile_options *options,
                                   const struct mls_run *run,
                                   struct mls_profile *profile,
                                   struct mls_error *err);
MLS_API void mls_profile_clear(struct mls_profile *profile);

#endif
