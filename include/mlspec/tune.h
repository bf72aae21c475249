/*
 * Search over the params of a whole pipeline, each trial cross-validated, in a
 * study (SQLite) that survives kill -9 and that several processes share.
 *
 * Trial i is a pure function of (seed, i); ties go to the lowest i: neither the
 * number of processes nor interruptions change the result.
 */
#ifndef MLSPEC_TUNE_H
#define MLSPEC_TUNE_H

#include "mlspec/evaluate.h"

/* One param's range: "KEY=LOW..HIGH[:log]" or "KEY=a,b,c". */
struct mls_range {
    char *key;
    const struct mls_param *param;
    double low, high;
    bool log;
    struct mls_list values;     /* when listed */
};

struct mls_search_type {
    const char *name;           /* "random", "grid" */
    const char *summary, *source;
    int64_t trials;             /* when none are asked for; 0: all points */
    /* How many trials the ranges allow; 0: no end. */
    int64_t (*size)(const struct mls_range *ranges, int64_t count);
    /* The position in [0, 1] of each range's value in trial i; range.c turns
     * positions into values.  False: the params as they are. */
    bool (*propose)(const struct mls_range *ranges, int64_t count,
                    uint64_t seed, int64_t trial, double *position);
};
MLS_API extern const struct mls_search_type *const mls_searches[];
MLS_API MLS_CHECK const struct mls_search_type *
mls_search_find(const char *name, struct mls_error *err);

struct mls_tune_options {
    const char *search;         /* "random" */
    int64_t trials;             /* 0: the search's own number */
    const char *const *ranges;  /* as above; none: the params' own low..high */
    int64_t range_count;
    const char *study;          /* SQLite file; NULL: in memory */
    int folds;                  /* 5 */
    const char *metric;         /* NULL: the task's default */
    uint64_t seed;
};

struct mls_trial {
    int64_t number;
    double value, sd, seconds;  /* value NaN: failed */
    char *params;               /* "l2=3.2 impute.strategy=mean" */
    char *failure;              /* message, or NULL */
};

struct mls_study_result {
    struct mls_trial *trials;   /* by number */
    int64_t count;
    int64_t best;               /* index in trials */
    int64_t resumed;            /* trials found done in the study */
};

/*
 * Runs trials until `trials` are done by all processes together, then sets the
 * best params in p (not fitted).  At the run's deadline the best so far counts;
 * it is an error only when there is none.  A study made for other data, pipeline,
 * ranges, folds, metric or seed is refused (MLS_USAGE, says which differs).  A
 * trial whose process died is taken over.  A failing trial is recorded, and only if all
 * fail it is an error (the first one's).
 */
MLS_API MLS_CHECK bool mls_tune(struct mls_pipeline *p,
                                const struct mls_table *table,
                                const struct mls_tune_options *options,
                                const struct mls_run *run,
                                struct mls_study_result *out,
                                struct mls_error *err);
MLS_API void mls_study_result_clear(struct mls_study_result *r);

#endif
