/*
 * Steps: fitted on training rows, applied to any rows.  One .c file in
 * src/transform (or src/select, for steps that drop columns) and one row in
 * the list there each.
 *
 *        fit                 plan                    apply
 *  table ───> named arrays ───────> schema out,  block ───> block
 *             (saved)               column moves
 *
 * What a step learned is named arrays alone; plan derives everything else from
 * them and checks them, after fit and after load alike.
 */
#ifndef MLSPEC_STEP_H
#define MLSPEC_STEP_H

#include "mlspec/params.h"
#include "mlspec/run.h"
#include "mlspec/table.h"

struct mls_arrays;
struct mls_json;
struct mls_target;
struct mls_step;
struct mls_plan;

/* What fit is given: the training rows, nothing else. */
struct mls_step_input {
    const struct mls_table *table;
    const struct mls_target *target;    /* y and weights of the rows; y is NULL
                                         * when there is no target; never NULL
                                         * itself */
    uint64_t seed;
    const struct mls_run *run;
};

struct mls_step_type {
    const char *name;           /* "impute"; a second one is "impute2" */
    const char *family;         /* the option: --impute, --encode, --select */
    const char *primary;        /* the param that --FAMILY VALUE sets; NULL:
                                 * VALUE is the name of a step of the family */
    const char *before;         /* families, as "impute scale": --FAMILY puts
                                 * it before the first step of any of them;
                                 * NULL: at the end */
    const char *summary, *source;
    unsigned fits;              /* bits of the kinds it can take */
    bool needs_target;
    unsigned tasks;             /* with needs_target: MLS_TASK_... */
    const struct mls_param *params;
    size_t params_size;

    /*
     * Whether it takes a column whose kind is in fits, under the step's
     * params; false fills err with the reason.  With no columns named, those
     * refused are left alone; a named one is this error.  storage is 0 when it
     * is not known (after load).  NULL: takes all that fit.
     */
    bool (*takes)(const struct mls_step *step, const struct mls_field *field,
                  enum mls_storage storage, struct mls_error *err);
    /* Learns step->arrays from the columns step->input[0 .. input_count). */
    bool (*fit)(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err);
    /* Checks the arrays (code MLS_MODEL_FILE) before any plan_input; may make
     * step->cache, one block that mls_free takes.  May be NULL. */
    bool (*check)(struct mls_step *step, const struct mls_schema *in,
                  struct mls_error *err);
    /* For input k, at position step->input[k] of in: mls_plan_keep, or
     * mls_plan_make once for each new column, or nothing: it is dropped. */
    bool (*plan_input)(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err);
    /* Fills made[0 .. plan.made_count) with new columns for the rows of a
     * block, in the order of mls_plan_make.  NULL when nothing is ever made.
     * Runs on many blocks at once: step is read-only. */
    bool (*apply)(const struct mls_step *step, const struct mls_block *in,
                  struct mls_column **made, struct mls_error *err);
    /* For inspect and the scores of select-features; may be NULL. */
    bool (*describe)(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err);
};

/* src/transform/transforms.c and src/select/selectors.c. */
MLS_API extern const struct mls_step_type *const mls_transforms[];
MLS_API extern const struct mls_step_type *const mls_selectors[];

#endif
