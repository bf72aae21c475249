/* Datasets by formula, so that peers elsewhere can make the same ones, and what
 * the tests of all learners ask. */
#ifndef MLS_TESTS_UNIT_LEARNER_CASES_H
#define MLS_TESTS_UNIT_LEARNER_CASES_H

#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/memory.h"
#include "learner/learners.h"
#include "linalg/matrix.h"
#include "model/model.h"
#include "table/dataset.h"

/* In [-1, 1); the arithmetic is that of uint32, the same in any language. */
static inline double hashed(int64_t i, int64_t j)
{
    uint32_t v = (uint32_t)i * 2654435761u + (uint32_t)j * 2246822519u;

    v ^= v >> 15;
    v *= 2246822519u;
    v ^= v >> 13;
    return v / 4294967296.0 * 2 - 1;
}

static inline double feature_at(int64_t i, int64_t j)
{
    return hashed(i, j) * (double)(1 + j) + 3.0 * (double)j;
}

static inline double weight_at(int64_t i)
{
    return 0.5 + (double)(i % 4) * 0.75;
}

/* Owns its arrays; y and w are those of data.target. */
struct rows {
    struct mls_dataset data;
    double *y, *w;
    const char **names;
};

/* rows x features of feature_at, y and w to be filled. */
static inline void rows_new(struct rows *r, int64_t rows, int64_t features,
                            enum mls_task task, int classes)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    struct mls_error err;

    *r = (struct rows){ 0 };
    assert_true(mls_matrix_new(&r->data.x, rows, features, &err));
    r->y = mls_new(rows, sizeof(double), &err);
    r->w = mls_new(rows, sizeof(double), &err);
    r->names = mls_new(features, sizeof(char *), &err);
    assert_true(r->y && r->w && r->names);
    for (int64_t j = 0; j < features; j++) {
        r->names[j] = names[j % 6];
        for (int64_t i = 0; i < rows; i++)
            r->data.x.data[i + j * rows] = feature_at(i, j);
    }
    r->data.rows = rows;
    r->data.features = features;
    r->data.names = r->names;
    r->data.target = (struct mls_target){ .task = task, .rows = rows,
                                          .classes = classes, .y = r->y };
    for (int64_t i = 0; i < rows; i++)
        r->w[i] = 1;
}

static inline void use_weights(struct rows *r)
{
    for (int64_t i = 0; i < r->data.rows; i++)
        r->w[i] = weight_at(i);
    r->data.target.weight = r->w;
}

static inline void rows_clear(struct rows *r)
{
    mls_free(r->data.x.data);
    mls_free(r->y);
    mls_free(r->w);
    mls_free(r->names);
}

/* Row times[i] of to, in turn, is row i of from, so often; with back the rows
 * stand in reverse.  to has the weights of from, if any. */
static inline void repeat_rows(const struct rows *from, const int *times,
                               bool back, struct rows *to)
{
    int64_t n = from->data.rows, total = 0;

    for (int64_t i = 0; i < n; i++)
        total += times ? times[i] : 1;
    rows_new(to, total, from->data.features, from->data.target.task,
             from->data.target.classes);
    if (from->data.target.weight)
        to->data.target.weight = to->w;
    for (int64_t i = 0, at = 0; i < n; i++) {
        for (int k = times ? times[i] : 1; k > 0; k--, at++) {
            int64_t row = back ? total - 1 - at : at;

            for (int64_t j = 0; j < from->data.features; j++) {
                to->data.x.data[row + j * total] =
                    from->data.x.data[i + j * n];
            }
            to->y[row] = from->y[i];
            to->w[row] = from->w[i];
        }
    }
}

/* settings: "l2=0.5 intercept=false"; chosen may be NULL. */
static inline struct mls_model *
fit_on(const struct mls_learner_type *learner, const char *settings,
       const struct mls_dataset *data, const struct mls_run *run,
       struct mls_json *chosen, struct mls_error *err)
{
    /* Large and aligned enough for the params of any learner. */
    union {
        double align;
        char bytes[256];
    } params;
    struct mls_fit_job job = { &params, data, 1, run, chosen };
    struct mls_model *model;
    char text[200], *next = text, *word;

    assert_true(learner->params_size <= sizeof(params));
    mls_params_init(learner->params, &params, learner->params_size);
    snprintf(text, sizeof(text), "%s", settings);
    while ((word = strsep(&next, " ")) != NULL) {
        char *value = strchr(word, '=');

        if (!value)
            continue;
        *value++ = '\0';
        assert_true(mls_params_set(learner->params, &params, learner->name,
                                   word, value, err));
    }
    model = mls_learner_fit(learner, &job, err);
    mls_params_clear(learner->params, &params);
    return model;
}

/* A fit that must succeed. */
static inline struct mls_model *
fit_rows(const struct mls_learner_type *learner, const char *settings,
         const struct rows *r, struct mls_json *chosen)
{
    struct mls_error err;
    struct mls_model *model =
        fit_on(learner, settings, &r->data, NULL, chosen, &err);

    if (!model)
        print_error("%s\n", err.what);
    assert_non_null(model);
    assert_true(model->type->check(model, &err));
    return model;
}

static inline const double *array_of(const struct mls_model *model,
                                     const char *name)
{
    return mls_arrays_find(&model->arrays, name)->data;
}

static inline int64_t count_of(const struct mls_model *model, const char *name)
{
    return mls_arrays_find(&model->arrays, name)->count;
}

static inline void assert_near(double value, double expected, double tolerance)
{
    double scale = fmax(1, fabs(expected));

    if (!(fabs(value - expected) <= tolerance * scale)) {
        print_error("%.17g is not %.17g\n", value, expected);
        fail();
    }
}

/* All coefficients and intercepts of two models. */
static inline void assert_models_near(const struct mls_model *a,
                                      const struct mls_model *b,
                                      double tolerance)
{
    static const char *const names[] = { "coef", "intercept" };

    for (int k = 0; k < 2; k++) {
        assert_int_equal(count_of(a, names[k]), count_of(b, names[k]));
        for (int64_t i = 0; i < count_of(a, names[k]); i++) {
            assert_near(array_of(a, names[k])[i], array_of(b, names[k])[i],
                        tolerance);
        }
    }
}

static inline void assert_values(const struct mls_model *model,
                                 const char *name, const double *expected,
                                 int64_t count, double tolerance)
{
    assert_int_equal(count_of(model, name), count);
    for (int64_t i = 0; i < count; i++)
        assert_near(array_of(model, name)[i], expected[i], tolerance);
}

/* The same fit with 1, 2, 3 and 8 threads gives the same bytes. */
static inline void assert_threads_agree(const struct mls_learner_type *learner,
                                        const char *settings,
                                        const struct rows *r)
{
    static const int threads[] = { 1, 2, 3, 8 };
    struct mls_model *first = fit_rows(learner, settings, r, NULL);
    struct mls_error err;

    for (int k = 0; k < 4; k++) {
        struct mls_run run;
        struct mls_model *model;

        assert_true(mls_run_init(&run, threads[k], &err));
        model = fit_on(learner, settings, &r->data, &run, NULL, &err);
        assert_non_null(model);
        assert_memory_equal(array_of(model, "coef"), array_of(first, "coef"),
                            (size_t)count_of(first, "coef") * sizeof(double));
        assert_memory_equal(
            array_of(model, "intercept"), array_of(first, "intercept"),
            (size_t)count_of(first, "intercept") * sizeof(double));
        mls_model_free(model);
        mls_run_clear(&run);
    }
    mls_model_free(first);
}

/* Weights that are whole numbers give what repeated rows give, and the order
 * of the rows does not matter. */
static inline void assert_weights_count(const struct mls_learner_type *learner,
                                        const char *settings, struct rows *r,
                                        double tolerance)
{
    struct rows repeated, reversed;
    struct mls_model *by_weight, *by_rows, *by_order;
    int *times;
    struct mls_error err;

    times = mls_new(r->data.rows, sizeof(*times), &err);
    assert_non_null(times);
    for (int64_t i = 0; i < r->data.rows; i++) {
        times[i] = 1 + (int)(i * 7 % 3);
        r->w[i] = 1;
    }
    r->data.target.weight = NULL;
    repeat_rows(r, times, false, &repeated);
    for (int64_t i = 0; i < r->data.rows; i++)
        r->w[i] = times[i];
    r->data.target.weight = r->w;
    repeat_rows(r, NULL, true, &reversed);
    by_weight = fit_rows(learner, settings, r, NULL);
    by_rows = fit_rows(learner, settings, &repeated, NULL);
    by_order = fit_rows(learner, settings, &reversed, NULL);
    assert_models_near(by_weight, by_rows, tolerance);
    assert_models_near(by_weight, by_order, tolerance);
    mls_model_free(by_order);
    mls_model_free(by_rows);
    mls_model_free(by_weight);
    rows_clear(&reversed);
    rows_clear(&repeated);
    mls_free(times);
}

/* Each allocation of a fit fails in turn: an error, and nothing is lost. */
static inline void
assert_survives_no_memory(const struct mls_learner_type *learner,
                          const char *settings, const struct rows *r)
{
    struct mls_model *model = fit_rows(learner, settings, r, NULL);
    struct mls_error err;
    int64_t live;
    int failed = 0;

    mls_model_free(model);
    live = mls_memory_live();
    for (int64_t n = 1; n < 10000; n++) {
        mls_memory_fail_at(n);
        model = fit_on(learner, settings, &r->data, NULL, NULL, &err);
        mls_memory_fail_at(0);
        if (model)
            break;
        failed++;
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
    }
    assert_non_null(model);
    assert_true(failed > 3);
    mls_model_free(model);
    assert_int_equal(mls_memory_live(), live);
}

/* A run that is to stop does. */
static inline void assert_stops(const struct mls_learner_type *learner,
                                const char *settings, const struct rows *r)
{
    static volatile sig_atomic_t stop = 1;
    struct mls_error err;
    struct mls_run run = { .stop = &stop };
    int64_t live = mls_memory_live();

    assert_null(fit_on(learner, settings, &r->data, &run, NULL, &err));
    assert_int_equal(err.code, MLS_INTERRUPTED);
    assert_int_equal(mls_memory_live(), live);
}

#endif
