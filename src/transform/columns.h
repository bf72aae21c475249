/*
 * What steps share that turn each numeric column into another one of the same
 * name: which columns they take, what is planned, how they describe
 * themselves.
 */
#ifndef MLS_TRANSFORM_COLUMNS_H
#define MLS_TRANSFORM_COLUMNS_H

#include "transform/step.h"

/* takes: sparse columns (one-hot, n-grams), which are 0 nearly everywhere, are
 * left alone unless named, for the result is dense. */
bool mls_columns_take_dense(const struct mls_step *step,
                            const struct mls_field *field,
                            enum mls_storage storage, struct mls_error *err);
/* plan_input: one REAL column of the same name. */
MLS_CHECK bool mls_columns_plan_real(const struct mls_step *step, int64_t k,
                                     const struct mls_field *field,
                                     struct mls_plan *plan,
                                     struct mls_error *err);
/* A new REAL column with the cells of column number at of the block as
 * doubles, still to be changed by the caller. */
MLS_CHECK struct mls_column *mls_columns_copy(const struct mls_block *in,
                                              int64_t at,
                                              struct mls_error *err);
/* A new array of one double an input. */
MLS_CHECK double *mls_columns_array(struct mls_step *step, const char *name,
                                    struct mls_error *err);
/* check: an array of one finite double an input (MLS_MODEL_FILE otherwise). */
MLS_CHECK const double *mls_columns_finite(const struct mls_step *step,
                                           const char *name,
                                           struct mls_error *err);
/* The data of an array that check has seen. */
const void *mls_columns_data(const struct mls_step *step, const char *name);
/* describe: a new object in the array columns that has the name of input k; the
 * array owns it.  NULL when memory ends. */
MLS_CHECK struct mls_json *
mls_columns_describe_one(const struct mls_step *step, int64_t k,
                         struct mls_json *columns, struct mls_error *err);
/* describe: {"columns":[{"name":"age","shift":1,...},...]} with the arrays of
 * one double an input that are named; NULL ends them. */
MLS_CHECK bool mls_columns_describe(const struct mls_step *step,
                                    const char *const *arrays,
                                    struct mls_json *to,
                                    struct mls_error *err);
/* MLS_DATA: step NAME: WHAT, at input k. */
bool mls_columns_fail(const struct mls_step *step, int64_t k, const char *what,
                      struct mls_error *err);
/* MLS_MODEL_FILE: step NAME holds no valid WHAT. */
bool mls_columns_refuse(const struct mls_step *step, const char *what,
                        struct mls_error *err);

#endif
