/*
 * Learners: one .c file in src/learner and one row in src/learner/learners.c
 * each.  Help, docs, tests, tune walk the list.
 */
#ifndef MLSPEC_LEARNER_H
#define MLSPEC_LEARNER_H

#include "mlspec/params.h"
#include "mlspec/run.h"
#include "mlspec/task.h"

struct mls_dataset;
struct mls_json;
struct mls_model;

enum mls_can {
    MLS_CAN_WEIGHTS = 1 << 0,
    MLS_CAN_MISSING = 1 << 1,
    MLS_CAN_RANKS = 1 << 2,     /* its sums over rows go through mls_reduce */
    MLS_CAN_STOP = 1 << 3,
    MLS_CAN_INSPECT = 1 << 4,   /* has coefficients or the like */
    MLS_CAN_SPARSE = 1 << 5,    /* takes the wide part of a dataset as it is */
    /* An offset is a known part of each row's score.  Two ways to have it: */
    MLS_CAN_OFFSET = 1 << 6,    /* fit looks at target.offset */
    MLS_CAN_SHIFT = 1 << 7      /* regression: the loss is of y - score, so the
                                 * offset is taken from y before fit */
};
enum mls_takes {
    MLS_TAKES_MATRIX = 1,
    MLS_TAKES_COLUMNS,
    MLS_TAKES_NOTHING           /* looks at the target only: no features */
};

/*
 * What params that are left `auto` become, by the number of rows: the values of
 * the first row of the name that has as many.  A name is a year, and what stands
 * under it is never changed: later findings get a new name.
 */
struct mls_defaults {
    const char *name;           /* NULL ends the table */
    int64_t rows;               /* for tables of at most so many rows */
    const char *values;         /* "learning_rate=0.05 leaves=31 ..." */
};

/* What a learner is given. */
struct mls_fit_job {
    const void *params;         /* the learner's struct, complete */
    const struct mls_dataset *data;
    uint64_t seed;
    const struct mls_run *run;
    /* Receives what fit chose or found: values for AUTO params under their
     * names, "iterations", "converged", ... */
    struct mls_json *chosen;
};

struct mls_learner_type {
    const char *name, *summary, *source;
    const char *objective;      /* the formula minimised, for the help */
    unsigned tasks;             /* MLS_TASK_... */
    unsigned can;               /* enum mls_can */
    enum mls_takes takes;
    const char *steps;          /* default recipe: "impute scale onehot" with params as "impute(strategy=median,indicator=true)" */
    const struct mls_param *params;
    size_t params_size;
    const struct mls_defaults *defaults;        /* NULL: the learner resolves
                                                 * `auto` itself */
    /* A new model.  The dataset is finite unless MLS_CAN_MISSING; offset is
     * NULL unless MLS_CAN_OFFSET.  Called by mls_learner_fit alone. */
    struct mls_model *(*fit)(const struct mls_fit_job *job,
                             struct mls_error *err);
};

MLS_API extern const struct mls_learner_type *const mls_learners[];
/* The learner of a task that needs no choices: ridge, logistic,
 * isolation_forest. */
MLS_API const struct mls_learner_type *mls_learner_plain(enum mls_task task);
/* "auto" is gbdt, or isolation_forest without a target; what a pipeline makes
 * of it: mlspec/pipeline.h.  MLS_USAGE with the nearest
 * name, or when the learner does not do the task (task 0: any). */
MLS_API MLS_CHECK const struct mls_learner_type *
mls_learner_find(const char *name, enum mls_task task, struct mls_error *err);

/* MLS_USAGE, naming those that can, when the learner has no place for an offset
 * in this task. */
MLS_CHECK bool mls_learner_need_offset(const struct mls_learner_type *learner,
                                       enum mls_task task,
                                       struct mls_error *err);
/* A new model: the learner's fit, with the offset where it belongs.  An offset
 * that is not finite, or that the learner has no place for, is an error. */
MLS_CHECK struct mls_model *
mls_learner_fit(const struct mls_learner_type *learner,
                const struct mls_fit_job *job, struct mls_error *err);

#endif
