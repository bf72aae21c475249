/*
 * What a trained model can do.  Many learners share one model: ridge, logistic
 * and constant all make `linear`.  What a model learned is named arrays, so
 * that saving and loading is written once (base/arrays.h).
 */
#ifndef MLS_MODEL_MODEL_H
#define MLS_MODEL_MODEL_H

#include "base/arrays.h"
#include "mlspec/run.h"
#include "mlspec/table.h"
#include "mlspec/task.h"

struct mls_json;

/* Rows as a model sees them: its features in its order (byte order of names),
 * each REAL or SPARSE (BOOLEAN features are handed over as REAL); of a type
 * that takes_columns, as they are stored: CODE and TIME, too.  Borrows. */
struct mls_view {
    int64_t rows;               /* at most MLS_BLOCK_ROWS */
    int64_t features;
    const struct mls_column *const *columns;
    const double *offset;       /* rows: a known part of each score; or NULL */
};

struct mls_model {
    const struct mls_model_type *type;
    enum mls_task task;
    int classes;                /* 0 for regression */
    int64_t features;
    struct mls_arrays arrays;
    void *compiled;             /* what type->compile made, or NULL */
};

struct mls_model_type {
    const char *name;           /* "linear" */
    bool takes_columns;         /* see struct mls_view */
    /* After load and after fit: are the arrays there, of the right shape, all
     * values finite and indices in range?  MLS_MODEL_FILE. */
    bool (*check)(const struct mls_model *model, struct mls_error *err);
    /* Once, after check has passed: makes model->compiled, what scoring needs
     * and the file does not hold.  Both NULL when there is no such thing. */
    bool (*compile)(struct mls_model *model, struct mls_error *err);
    void (*release)(void *compiled);
    /*
     * out  rows x mls_model_outputs(model), row by row: the scores.
     *      Regression: the prediction (1).  Binary: the log-odds of class 1
     *      (1).  Multiclass: one score a class; probabilities are their
     *      softmax.
     * An offset (models of one output) is part of the score: a link comes after
     * it.
     * The bits of a row's scores depend on that row and the model alone.
     */
    bool (*score)(const struct mls_model *model, const struct mls_view *view,
                  double *out, struct mls_error *err);
    /*
     * What each feature adds to a row's scores: out is rows x outputs x
     * (features + 1), the last one of each what is expected of a row that
     * nothing is known of.  To 1e-9 they sum to the score before a link: with a
     * log link to the logarithm of the prediction; where trees are averaged to
     * the mean of their leaves, for classes a probability.  NULL when the type
     * has no such thing.
     */
    bool (*contributions)(const struct mls_model *model,
                          const struct mls_view *view, double *out,
                          struct mls_error *err);
    /* For inspect: adds what a reader of the model wants to see. names: the features. */
    bool (*describe)(const struct mls_model *model, const char *const *names,
                     const char *const *classes, struct mls_json *to,
                     struct mls_error *err);
    /*
     * For inspect --tree: adds tree `number` (from 0) of a model of trees.
     * features: what each is called and how its cells are written.  most: of
     * the nodes, cut by depth; -1: all.  NULL when the type has no trees.
     * What is added: see model/trees_print.c.
     */
    bool (*print_tree)(const struct mls_model *model,
                       const struct mls_field *const *features,
                       const char *const *classes, int64_t number,
                       int64_t most, struct mls_json *to,
                       struct mls_error *err);
    /*
     * For inspect --pdp: adds the partial dependence of the scores on a
     * feature, from the model alone.  NULL when the type cannot tell.  What is
     * added: see model/trees_dependence.c.
     */
    bool (*dependence)(const struct mls_model *model, int64_t feature,
                       const struct mls_field *field, struct mls_json *to,
                       struct mls_error *err);
};

/* All model types, NULL-terminated; the list is src/model/models.c. */
extern const struct mls_model_type *const mls_model_types[];
const struct mls_model_type *mls_model_type_find(const char *name);

/* check and then compile: a model that was just trained or loaded is ready to
 * score. */
MLS_CHECK bool mls_model_ready(struct mls_model *model, struct mls_error *err);

MLS_CHECK struct mls_model *mls_model_new(const struct mls_model_type *type,
                                          enum mls_task task, int classes,
                                          int64_t features,
                                          struct mls_error *err);
void mls_model_free(struct mls_model *model);
int mls_model_outputs(const struct mls_model *model);

/* Scores to probabilities, rows x classes (binary: both columns, p0 = 1 - p1
 * computed without cancellation).  Classification only. */
void mls_model_probabilities(const struct mls_model *model, int64_t rows,
                             const double *score, double *probability);

/* The linear model: score_k = intercept_k + sum_j coef_kj x_j, terms added in
 * the order of the features.  Arrays "coef" (outputs x features, F64) and
 * "intercept" (outputs). */
extern const struct mls_model_type mls_model_linear;
/* May also hold "coef_se" (as coef) and "intercept_se" (as intercept),
 * standard errors with 0 where there is none, with "degrees" (1), the degrees
 * of freedom of their t distribution, 0 for a normal one; and "link" (U8, 1):
 * 1 when the prediction of a regression is exp(score). */
MLS_CHECK struct mls_model *
mls_model_linear_new(enum mls_task task, int classes, int64_t features,
                     double **coef, double **intercept, struct mls_error *err);
MLS_CHECK bool mls_model_linear_add_errors(struct mls_model *model,
                                           double degrees, double **coef_se,
                                           double **intercept_se,
                                           struct mls_error *err);
MLS_CHECK bool mls_model_linear_set_log_link(struct mls_model *model,
                                             struct mls_error *err);

#endif
