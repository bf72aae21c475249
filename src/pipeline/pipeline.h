/*
 * The inside of a pipeline, shared by the files of this layer.
 *
 *   schema   raw columns in byte order of their names
 *   steps    each with its plan: schema before -> schema after
 *   feature  positions, in the schema after the last step, of the model's
 *            features, in byte order of their names
 *   model    scores those
 */
#ifndef MLS_PIPELINE_PIPELINE_H
#define MLS_PIPELINE_PIPELINE_H

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "mlspec/pipeline.h"
#include "model/model.h"
#include "table/dataset.h"
#include "transform/step.h"

#define MLS_CLASSES_LIMIT 10000

struct mls_pipeline {
    struct mls_schema schema;
    int64_t target;             /* position in schema, or -1 */
    int64_t weight;             /* position in schema, or -1 */
    int64_t offset;             /* position in schema, or -1 */
    enum mls_task task;         /* 0: steps only */
    struct mls_list classes;    /* labels by code */
    double *class_value;        /* numeric targets: their values by code */
    int32_t *class_of_code;     /* coded targets: class by dictionary code */

    struct mls_step **steps;
    int64_t step_count, step_capacity;
    bool frozen;                /* the steps are fitted and stay so */
    const struct mls_learner_type *learner;     /* NULL: steps only */
    void *params;

    char *class_weight;
    bool drop_missing_target, unknown_is_error;
    bool has_threshold;
    double threshold;           /* binary: instead of 0.5 */
    uint64_t seed;

    /* Once fitted or loaded: */
    bool fitted;
    struct mls_model *model;    /* NULL: steps only */
    int64_t *feature;
    const char **feature_names; /* borrow the last schema */
    int64_t feature_count;
    double *baseline;           /* class frequencies, or the mean */
    int64_t training_rows;
    struct mls_json *chosen;    /* what the learner chose */
    struct mls_json *fingerprint;   /* of the training table, by column */
    struct mls_json *quality;
};

/* The schema after step count - 1; count 0 is the raw one. */
const struct mls_schema *mls_pipeline_after(const struct mls_pipeline *p,
                                            int64_t count);

/* The threshold in force: the one asked for, or when that is NaN the
 * pipeline's own, or 0.5. */
double mls_pipeline_cut(const struct mls_pipeline *p, double threshold);

/* recipe.c */
MLS_CHECK bool mls_recipe_build(struct mls_pipeline *p,
                                const struct mls_settings *settings,
                                struct mls_error *err);
/* "impute(strategy=median,indicator=true) onehot": appended. */
MLS_CHECK bool mls_recipe_add_text(struct mls_pipeline *p, const char *text,
                                   struct mls_error *err);
/* A new step at the end, named after its type ("impute2" for the second). */
MLS_CHECK struct mls_step *mls_recipe_add(struct mls_pipeline *p,
                                          const struct mls_step_type *type,
                                          struct mls_error *err);
const struct mls_step_type *mls_recipe_type(const char *name);
/* JSON of one step's settings, and back. */
MLS_CHECK bool mls_recipe_step_to_json(const struct mls_step *step,
                                       struct mls_json *to,
                                       struct mls_error *err);
MLS_CHECK bool mls_recipe_step_from_json(struct mls_pipeline *p,
                                         const struct mls_json *from,
                                         const char *file, enum mls_code code,
                                         struct mls_error *err);
MLS_CHECK bool mls_recipe_params_to_json(const struct mls_param *table,
                                         const void *values,
                                         struct mls_json *to,
                                         struct mls_error *err);
/* One JSON value as the text that mls_params_set takes. */
MLS_CHECK bool mls_recipe_json_text(const struct mls_json *value,
                                    struct mls_text *text,
                                    struct mls_error *err);

/* target.c */
MLS_CHECK bool mls_target_resolve(struct mls_pipeline *p,
                                  const struct mls_settings *settings,
                                  const struct mls_table *table,
                                  struct mls_error *err);
/* class_of_code or class_value from classes and the schema. */
MLS_CHECK bool mls_target_index(struct mls_pipeline *p, enum mls_code code,
                                struct mls_error *err);
/* Multiplies w by the class weights. */
MLS_CHECK bool mls_target_class_weights(const struct mls_pipeline *p,
                                        const double *y, int64_t n, double *w,
                                        struct mls_error *err);
MLS_CHECK bool mls_target_check_class_weight(const struct mls_pipeline *p,
                                             struct mls_error *err);

/* save.c: "classes": [...], left out when there are none. */
MLS_CHECK bool mls_pipeline_classes_to_json(const struct mls_pipeline *p,
                                            struct mls_json *to,
                                            struct mls_error *err);

/* fit.c */
/* Whether the cells of two columns mean the same (numbers; codes; ...), and
 * whether their codes do, too.  MLS_DATA otherwise. */
MLS_CHECK bool mls_pipeline_same_kind(const struct mls_field *want,
                                      const struct mls_field *got,
                                      struct mls_error *err);
MLS_CHECK bool mls_pipeline_same_column(const struct mls_field *want,
                                        const struct mls_field *got,
                                        struct mls_error *err);
/* The table's columns in the order of the pipeline's schema, shared.  A
 * missing column is MLS_DATA. */
MLS_CHECK bool mls_pipeline_arrange(const struct mls_pipeline *p,
                                    const struct mls_table *table,
                                    struct mls_table *out,
                                    struct mls_error *err);
/* Fills feature, feature_names, feature_count from the last schema. */
MLS_CHECK bool mls_pipeline_index_features(struct mls_pipeline *p,
                                           struct mls_error *err);
void mls_pipeline_unfit(struct mls_pipeline *p);

/* fingerprint.c: {"column": "32 hex digits", ...}, a new object.  Parallel over
 * columns. */
MLS_CHECK struct mls_json *mls_fingerprint(const struct mls_table *table,
                                           const struct mls_run *run,
                                           struct mls_error *err);
/* 32 hex digits for all that a step learned. */
MLS_CHECK bool mls_fingerprint_arrays(const struct mls_arrays *arrays,
                                      char text[33], struct mls_error *err);

/* predict.c: a block through all steps; a new block. */
MLS_CHECK struct mls_block *
mls_pipeline_apply_steps(const struct mls_pipeline *p,
                         const struct mls_block *block, struct mls_error *err);

/* Can the model tell what each feature adds to a score?  MLS_USAGE. */
MLS_CHECK bool mls_pipeline_can_explain(const struct mls_pipeline *p,
                                        struct mls_error *err);
/* rows x outputs x (features + 1), see mls_model_type.contributions; a new
 * array.  The model can explain. */
MLS_CHECK double *mls_pipeline_contributions(const struct mls_pipeline *p,
                                             const struct mls_block *block,
                                             struct mls_error *err);

#endif
