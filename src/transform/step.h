/*
 * One step of a pipeline: its settings, what it learned, and how its output
 * follows from its input.  The drivers here are the same for every type.
 */
#ifndef MLS_TRANSFORM_STEP_H
#define MLS_TRANSFORM_STEP_H

#include "base/arrays.h"
#include "mlspec/step.h"
#include "table/dataset.h"

/* From the schema before a step to the one after it. */
struct mls_plan {
    struct mls_schema out;
    int64_t *from;              /* per out field: position in the input, or -1 */
    int64_t *made;              /* per out field: number of the made column, -1 */
    int64_t *origin;            /* per out field: the input position it comes from */
    int64_t made_count;
    int64_t in_count;           /* fields before the step */
    int64_t capacity;           /* private */
    const struct mls_schema *in; /* private, while planning */
    int64_t current;            /* private: the input being planned */
};

struct mls_step {
    const struct mls_step_type *type;
    char *name;
    char *columns;              /* COLUMNS record as given; NULL: all that fit */
    void *params;
    /* Known once fitted or loaded: */
    bool fitted;
    struct mls_list input_names; /* of the columns worked on, in input order */
    int64_t *input;             /* their positions in the schema before it */
    int64_t input_count;
    struct mls_arrays arrays;
    struct mls_arrays training; /* from fit, for type->apply_training alone:
                                 * gone after mls_step_apply_training */
    struct mls_plan plan;
    void *cache;                /* made by check; one mls_free'able block */
};

/* A new step with default params. */
MLS_CHECK struct mls_step *mls_step_new(const struct mls_step_type *type,
                                        const char *name,
                                        struct mls_error *err);
/* Settings only, not what was learned. */
MLS_CHECK struct mls_step *mls_step_copy(const struct mls_step *step,
                                         struct mls_error *err);
void mls_step_free(struct mls_step *step);

/* Sets one setting from text: the key "columns" is step->columns (a COLUMNS
 * record; "*" or "" is all that fit), any other goes to mls_params_set. */
MLS_CHECK bool mls_step_set(struct mls_step *step, const char *key,
                            const char *text, struct mls_error *err);
/* True when the user named the columns: false for NULL and "*". */
bool mls_step_names_columns(const struct mls_step *step);

/*
 * Chooses the input columns (feature columns of the kinds it fits, or the
 * named ones: a named column that is absent or of a kind it does not fit is an
 * error), fits, plans.  A generated name that exists already is MLS_DATA
 * naming both columns.  Columns that are no features are passed through; a
 * step that only drops (apply is NULL) may name identifiers and ignored ones.
 */
MLS_CHECK bool mls_step_fit(struct mls_step *step,
                            const struct mls_step_input *in,
                            struct mls_error *err);
/* After load: finds input_names in the schema, checks the arrays, plans. */
MLS_CHECK bool mls_step_restore(struct mls_step *step,
                                const struct mls_schema *in,
                                struct mls_error *err);
/* Before any fit: whether the step, as its settings are, would work on a raw
 * feature column. */
MLS_CHECK bool mls_step_would_take(const struct mls_step *step,
                                   const struct mls_field *field, bool *take,
                                   struct mls_error *err);
/* A new block with the columns of step->plan.out. */
MLS_CHECK struct mls_block *mls_step_apply(const struct mls_step *step,
                                           const struct mls_block *in,
                                           struct mls_error *err);
/* All blocks, in parallel; out must be empty. */
MLS_CHECK bool mls_step_apply_table(const struct mls_step *step,
                                    const struct mls_table *in,
                                    const struct mls_run *run,
                                    struct mls_table *out,
                                    struct mls_error *err);
/* The same for the table that fit has just seen (its rows in its order): what a
 * learner is trained on.  Differs for types with apply_training only; once for
 * each fit. */
MLS_CHECK bool mls_step_apply_training(struct mls_step *step,
                                       const struct mls_table *in,
                                       const struct mls_run *run,
                                       struct mls_table *out,
                                       struct mls_error *err);

/* For plan_input.  keep passes the input on as it is.  make adds a column that
 * apply computes; its role is FEATURE, its trait NONE, whatever field says. */
MLS_CHECK bool mls_plan_keep(struct mls_plan *plan, struct mls_error *err);
MLS_CHECK bool mls_plan_make(struct mls_plan *plan,
                             const struct mls_field *field,
                             struct mls_error *err);
/* Makes a REAL column named after field: NAME + mark + suffix, as in
 * "age:missing" or "city=Oslo".  suffix has length bytes. */
MLS_CHECK bool mls_plan_make_real(struct mls_plan *plan,
                                  const struct mls_field *field, char mark,
                                  const char *suffix, size_t length,
                                  struct mls_error *err);
void mls_plan_clear(struct mls_plan *plan);

/* For fit: the training cells of input k as doubles (mls_column_reals), in a
 * new array that mls_free takes. */
MLS_CHECK double *mls_step_gather(const struct mls_step *step,
                                  const struct mls_step_input *in, int64_t k,
                                  struct mls_error *err);
/* Says something once about all inputs whose flag is set: `step impute: column
 * "a" (and 2 more) WHAT`.  Nothing when none is. */
void mls_step_note(const struct mls_step *step, const struct mls_run *run,
                   const uint8_t *flags, const char *what);

/* A step type by name among transforms and selectors given as lists. */
const struct mls_step_type *
mls_step_type_find(const struct mls_step_type *const *list, const char *name);

#endif
