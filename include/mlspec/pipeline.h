/*
 * A pipeline: schema, recipe, and when fitted the fitted steps and the model.
 * It always starts at the raw table, and one file holds all of it.
 *
 *   raw block ── step ── step ── ... ── model ── prediction
 */
#ifndef MLSPEC_PIPELINE_H
#define MLSPEC_PIPELINE_H

#include "mlspec/learner.h"
#include "mlspec/metric.h"
#include "mlspec/step.h"
#include "mlspec/table.h"

struct mls_pipeline;

/* What is wanted, before any data is seen.  Borrows until the call ends. */
struct mls_settings {
    const char *learner;        /* NULL: "auto" when train is set, which is gbdt,
                                 * but ridge or logistic for a table with
                                 * texts, an offset, or over 5000 features */
    bool train;                 /* false: steps only (preprocess) */
    enum mls_task task;         /* 0: inferred */
    bool classification;        /* inferred among binary and multiclass */
    const char *positive;       /* the positive class; NULL: the last */
    const char *class_weight;   /* NULL, "balanced", or "LABEL=W,...": for the
                                 * learner alone, steps do not see it */
    bool drop_missing_target;
    bool unknown_is_error;      /* an unseen category fails at predict */
    bool frozen;                /* keep the fitted steps of `from` */
    uint64_t seed;
    /* KEY=VALUE: a param of the learner, or STEP.KEY of a step.  Later ones win. */
    const char *const *set;
    int64_t set_count;
    /* FAMILY=VALUE in the order given ("impute=median", "encode=onehot"):
     * replaces the default steps of that family ("none" removes them), or adds
     * one at the end. */
    const char *const *families;
    int64_t family_count;
    const char *steps_file;     /* a recipe: exactly these steps */
    const char *base_learner;   /* default steps of this learner although train
                                 * is false (select-features); NULL none */
    const struct mls_pipeline *from; /* schema, recipe, learner, params */
};

/*
 * Resolves settings against a table's schema (roles set) and target column:
 * task, classes, learner, recipe.  Nothing is fitted, no row but the target's
 * is looked at.  Columns are put in byte order of their names, so that no
 * result depends on their order in the file.
 * MLS_USAGE for unknown learners, steps, params; MLS_DATA for a target that
 * does not fit (missing cells unless dropped: with the place of the first).
 */
MLS_API MLS_CHECK struct mls_pipeline *
mls_pipeline_new(const struct mls_settings *settings,
                 const struct mls_table *table, const struct mls_run *run,
                 struct mls_error *err);
MLS_API void mls_pipeline_free(struct mls_pipeline *p);

/* A pipeline with the same settings and nothing fitted. */
MLS_API MLS_CHECK struct mls_pipeline *
mls_pipeline_copy(const struct mls_pipeline *p, struct mls_error *err);
/* One param: a learner's KEY or STEP.KEY, as tune sets them. */
MLS_API MLS_CHECK bool mls_pipeline_set(struct mls_pipeline *p, const char *key,
                                        const char *value,
                                        struct mls_error *err);
/* The row of the table for a key that mls_pipeline_set takes (NULL with
 * MLS_USAGE and the nearest), and the struct it points into. */
MLS_API MLS_CHECK const struct mls_param *
mls_pipeline_param(const struct mls_pipeline *p, const char *key,
                   const void **values, struct mls_error *err);
/* The value in force, as text. */
MLS_API MLS_CHECK bool mls_pipeline_get(const struct mls_pipeline *p,
                                        const char *key, char *text,
                                        size_t size, struct mls_error *err);

/*
 * Fits steps and model on the given rows of a table whose schema is the
 * pipeline's (same names and kinds, any order); rows NULL: all.  Rows whose
 * weight is 0, and rows without target when they are to be dropped, are left
 * out.  A fitted pipeline is fitted anew.
 */
MLS_API MLS_CHECK bool mls_pipeline_fit(struct mls_pipeline *p,
                                        const struct mls_table *table,
                                        const int64_t *rows, int64_t count,
                                        struct mls_run *run,
                                        struct mls_error *err);

MLS_API MLS_CHECK bool mls_pipeline_save(const struct mls_pipeline *p,
                                         const char *path,
                                         struct mls_error *err);
MLS_API MLS_CHECK struct mls_pipeline *
mls_pipeline_load(const char *path, struct mls_error *err);

/* Views of what it holds; borrowed. */
MLS_API const struct mls_schema *mls_pipeline_schema(const struct mls_pipeline *);
MLS_API enum mls_task mls_pipeline_task(const struct mls_pipeline *p);
MLS_API int mls_pipeline_classes(const struct mls_pipeline *p);
MLS_API const char *mls_pipeline_class(const struct mls_pipeline *p, int code);
MLS_API const char *mls_pipeline_target(const struct mls_pipeline *p);
MLS_API const struct mls_learner_type *
mls_pipeline_learner(const struct mls_pipeline *p); /* NULL: steps only */
MLS_API bool mls_pipeline_is_fitted(const struct mls_pipeline *p);
MLS_API bool mls_pipeline_unknown_is_error(const struct mls_pipeline *p);
/* "impute(strategy=median, indicator) → scale(method=standard) → onehot" as a
 * new string (mls_free). */
MLS_API MLS_CHECK char *mls_pipeline_recipe_text(const struct mls_pipeline *p,
                                                 struct mls_error *err);
/* Everything, for inspect: a new JSON object. */
struct mls_json;
MLS_CHECK struct mls_json *mls_pipeline_describe(const struct mls_pipeline *p,
                                                 struct mls_error *err);
/* Tree `number` (from 1) of a model of trees, at most `most` nodes of it (-1:
 * all): a new JSON object as model/trees_print.c tells.  MLS_USAGE when there
 * is no such tree. */
MLS_CHECK struct mls_json *mls_pipeline_tree(const struct mls_pipeline *p,
                                             int64_t number, int64_t most,
                                             struct mls_error *err);
/* Partial dependence on a column, from the model alone: a new JSON object as
 * model/trees_dependence.c tells.  MLS_USAGE when the model has no such feature
 * or cannot tell. */
MLS_CHECK struct mls_json *
mls_pipeline_dependence(const struct mls_pipeline *p, const char *column,
                        struct mls_error *err);
/* The scores of selecting steps, for select-features: an array, one object a step. */
MLS_CHECK struct mls_json *mls_pipeline_selection(const struct mls_pipeline *p,
                                                  struct mls_error *err);
/* How quality was measured while training ("quality" in the file): kept as
 * given.  Takes json. */
void mls_pipeline_set_quality(struct mls_pipeline *p, struct mls_json *json);

/* Binary: the probability from which on class 1 is predicted when a call asks
 * for no other; kept in the file.  In [0, 1], or NaN to go back to 0.5.
 * MLS_USAGE when the task is not binary. */
MLS_API MLS_CHECK bool mls_pipeline_set_threshold(struct mls_pipeline *p,
                                                  double threshold,
                                                  struct mls_error *err);
/* What was set; NaN: nothing. */
MLS_API double mls_pipeline_threshold(const struct mls_pipeline *p);

/* Read options for tables that this pipeline is to be applied to: its schema,
 * its unknown policy.  What need says is filled in; borrowed from p. */
MLS_API void mls_pipeline_read_options(const struct mls_pipeline *p,
                                       struct mls_read_options *options);

/* Predictions for rows: caller owns the arrays (mls_prediction_clear). */
struct mls_prediction {
    int64_t rows;
    int classes;
    double *value;              /* rows: the prediction, the class code, or how
                                 * odd the row is, in (0, 1] */
    double *score;              /* rows x outputs: as the model scores */
    double *probability;        /* rows x classes, or NULL where nothing is
                                 * classified */
    int outputs;
};
/* threshold: binary, class 1 is predicted when its probability is >= it;
 * NaN: the pipeline's own, which is 0.5 unless set.  block has the columns of
 * mls_pipeline_schema, in its order. */
MLS_API MLS_CHECK bool mls_pipeline_predict(const struct mls_pipeline *p,
                                            const struct mls_block *block,
                                            double threshold,
                                            struct mls_prediction *out,
                                            struct mls_error *err);
/* All rows of a table, in parallel over blocks. */
MLS_API MLS_CHECK bool mls_pipeline_predict_table(
    const struct mls_pipeline *p, const struct mls_table *table,
    double threshold, const struct mls_run *run, struct mls_prediction *out,
    struct mls_error *err);
MLS_API void mls_prediction_clear(struct mls_prediction *prediction);

/* The target of a table as class codes or values: a new array of rows; NaN
 * where it is missing.  A class the pipeline does not know is MLS_DATA. */
MLS_API MLS_CHECK double *mls_pipeline_truth(const struct mls_pipeline *p,
                                             const struct mls_table *table,
                                             struct mls_error *err);
/* The weights, or *weight NULL when there are none.  Negative or missing
 * weights are MLS_DATA.  A new array. */
MLS_API MLS_CHECK bool mls_pipeline_weights(const struct mls_pipeline *p,
                                            const struct mls_table *table,
                                            double **weight,
                                            struct mls_error *err);

/* CSV in, predictions out, in constant memory and in row order.  read comes
 * from mls_pipeline_read_options; its schema is replaced. */
struct mls_predict_options {
    const char *keep;           /* COLUMNS record of input columns to copy */
    bool proba, raw;
    bool contrib;               /* what each feature adds to each score */
    double threshold;           /* NaN: the pipeline's own */
    bool transform;             /* preprocess -m: write the steps' output */
};
MLS_API MLS_CHECK bool mls_pipeline_predict_file(
    const struct mls_pipeline *p, const char *data, const char *output,
    const struct mls_read_options *read,
    const struct mls_predict_options *options, struct mls_run *run,
    struct mls_read_counts *counts, struct mls_error *err);

/* The table after the steps, columns in the order of their origin in the given
 * table: for preprocess and select-features. */
MLS_API MLS_CHECK bool mls_pipeline_transform(const struct mls_pipeline *p,
                                              const struct mls_table *table,
                                              const struct mls_run *run,
                                              struct mls_table *out,
                                              struct mls_error *err);

#endif
