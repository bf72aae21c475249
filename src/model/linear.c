/*
 * The linear model, and how it scores fast with bits that know no other row.
 *
 * A row's score begins with the intercept and has one term added a feature, in
 * their order.  Columns are walked, not rows, in strips that stay in the
 * first-level cache; the order of additions within a row is the same for any
 * strip, any block.
 *
 *   strip of out    += coef[j] * strip of column j       j = 0, 1, 2, ...
 *
 * A sparse column adds to the rows it names only.  The dense form of it would
 * add coef * 0 to the others, which is 0 or -0 and changes a sum only if that
 * is -0.  A sum that starts as anything but -0 never becomes -0, so the
 * intercept has 0 added, and both forms give the same bits.  A row's offset is
 * added to the intercept before all terms.
 *
 * NaN in a feature gives NaN; recipes fill missing cells before.
 */
#include "model/model.h"

#include <assert.h>

#include "base/json.h"
#include "base/memory.h"
#include "stats/distribution.h"

/* Rows that are scored together; of wide tables, where a feature has few
 * entries in a block, all of it: each strip visits each feature. */
enum { STRIP = 1024, WIDE = 4096 };

/* What check has seen to be there. */
struct linear {
    int64_t features;
    int outputs;
    const double *coef;         /* outputs x features, row by row */
    const double *intercept;
    const double *coef_se;      /* NULL: none */
    const double *intercept_se;
    double degrees;
    bool log_link;
};

/* All three of them or none. */
static bool find_errors(const struct mls_model *model, int64_t count,
                        struct linear *linear, struct mls_error *err)
{
    const double *degrees;

    linear->coef_se = linear->intercept_se = NULL;
    if (!mls_arrays_find(&model->arrays, "coef_se"))
        return true;
    linear->coef_se =
        mls_arrays_get(&model->arrays, "coef_se", MLS_F64, count, err);
    linear->intercept_se = mls_arrays_get(&model->arrays, "intercept_se",
                                          MLS_F64, linear->outputs, err);
    degrees = mls_arrays_get(&model->arrays, "degrees", MLS_F64, 1, err);
    if (!linear->coef_se || !linear->intercept_se || !degrees)
        return false;
    linear->degrees = *degrees;
    return true;
}

static bool find_link(const struct mls_model *model, struct linear *linear,
                      struct mls_error *err)
{
    const uint8_t *link;

    linear->log_link = false;
    if (!mls_arrays_find(&model->arrays, "link"))
        return true;
    link = mls_arrays_get(&model->arrays, "link", MLS_U8, 1, err);
    if (!link)
        return false;
    if (*link > 1 || model->task != MLS_REGRESSION) {
        return mls_fail(err, MLS_MODEL_FILE,
                        "the linear model has a link that is not known");
    }
    linear->log_link = *link == 1;
    return true;
}

static bool find_arrays(const struct mls_model *model, struct linear *linear,
                        struct mls_error *err)
{
    int outputs = mls_model_outputs(model);
    int64_t count;

    if (__builtin_mul_overflow(model->features, (int64_t)outputs, &count)) {
        return mls_fail(err, MLS_MODEL_FILE,
                        "the linear model has too many coefficients");
    }
    linear->features = model->features;
    linear->outputs = outputs;
    linear->coef =
        mls_arrays_get(&model->arrays, "coef", MLS_F64, count, err);
    if (!linear->coef)
        return false;
    linear->intercept =
        mls_arrays_get(&model->arrays, "intercept", MLS_F64, outputs, err);
    return linear->intercept != NULL
        && find_errors(model, count, linear, err)
        && find_link(model, linear, err);
}

static bool need_finite(const double *values, int64_t n, const char *name,
                        struct mls_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return mls_fail(err, MLS_MODEL_FILE,
                            "the array \"%s\" of the linear model holds a "
                            "value that is not finite",
                            name);
        }
    }
    return true;
}

static bool check(const struct mls_model *model, struct mls_error *err)
{
    const struct mls_array *coef;
    struct linear l;

    if (!find_arrays(model, &l, err))
        return false;
    coef = mls_arrays_find(&model->arrays, "coef");
    if (coef->dimensions != 2 || coef->shape[0] != l.outputs
        || coef->shape[1] != l.features) {
        return mls_fail(err, MLS_MODEL_FILE,
                        "the array \"coef\" of the linear model has the wrong "
                        "shape");
    }
    return need_finite(l.coef, l.outputs * l.features, "coef", err)
        && need_finite(l.intercept, l.outputs, "intercept", err)
        && (!l.coef_se
            || (need_finite(l.coef_se, l.outputs * l.features, "coef_se", err)
                && need_finite(l.intercept_se, l.outputs, "intercept_se", err)
                && need_finite(&l.degrees, 1, "degrees", err)));
}

struct mls_model *mls_model_linear_new(enum mls_task task, int classes,
                                       int64_t features, double **coef,
                                       double **intercept,
                                       struct mls_error *err)
{
    struct mls_model *model =
        mls_model_new(&mls_model_linear, task, classes, features, err);
    int64_t shape[2] = { 0, features };

    if (!model)
        return NULL;
    shape[0] = mls_model_outputs(model);
    *coef = mls_arrays_add(&model->arrays, "coef", MLS_F64, 2, shape, err);
    *intercept = *coef ? mls_arrays_add1(&model->arrays, "intercept", MLS_F64,
                                         shape[0], err)
                       : NULL;
    if (!*intercept) {
        mls_model_free(model);
        return NULL;
    }
    return model;
}

bool mls_model_linear_add_errors(struct mls_model *model, double degrees,
                                 double **coef_se, double **intercept_se,
                                 struct mls_error *err)
{
    int64_t shape[2] = { mls_model_outputs(model), model->features };
    double *value;

    *coef_se =
        mls_arrays_add(&model->arrays, "coef_se", MLS_F64, 2, shape, err);
    *intercept_se = *coef_se ? mls_arrays_add1(&model->arrays, "intercept_se",
                                               MLS_F64, shape[0], err)
                             : NULL;
    value = *intercept_se
        ? mls_arrays_add1(&model->arrays, "degrees", MLS_F64, 1, err)
        : NULL;
    if (!value)
        return false;
    *value = degrees;
    return true;
}

bool mls_model_linear_set_log_link(struct mls_model *model,
                                   struct mls_error *err)
{
    uint8_t *link = mls_arrays_add1(&model->arrays, "link", MLS_U8, 1, err);

    if (!link)
        return false;
    *link = 1;
    return true;
}

/* ---- Scoring ---- */

/* One strip of rows of a view. */
struct strip {
    const struct mls_view *view;
    int64_t first, count;
    int64_t *cursor;            /* per feature: the next non-zero, if sparse */
    double *out;                /* of the strip's first row */
};

static bool is_dense(const struct mls_view *view, int64_t j)
{
    assert(view->columns[j]->storage == MLS_STORE_REAL
           || view->columns[j]->storage == MLS_STORE_SPARSE);
    return view->columns[j]->storage == MLS_STORE_REAL;
}

/* Features [j, j + width) are dense; width is 1 or 4.  Four at a time leave
 * the sums in registers: twice as fast. */
static void add_dense(const struct strip *s, const double *coef, int64_t j,
                      int width)
{
    const double *x0 = s->view->columns[j]->real + s->first;

    if (width == 1) {
        for (int64_t i = 0; i < s->count; i++)
            s->out[i] += coef[j] * x0[i];
        return;
    }
    const double *x1 = s->view->columns[j + 1]->real + s->first;
    const double *x2 = s->view->columns[j + 2]->real + s->first;
    const double *x3 = s->view->columns[j + 3]->real + s->first;
    double c0 = coef[j], c1 = coef[j + 1], c2 = coef[j + 2];
    double c3 = coef[j + 3];

    for (int64_t i = 0; i < s->count; i++) {
        s->out[i] = s->out[i] + c0 * x0[i] + c1 * x1[i] + c2 * x2[i]
            + c3 * x3[i];
    }
}

/* All non-zeros of feature j in the strip, for each output; coef: one value an
 * output, that of output k at coef[k * step]. */
static void add_sparse(const struct strip *s, int64_t j, const double *coef,
                       int outputs, int64_t step)
{
    const struct mls_column *column = s->view->columns[j];
    int64_t at = s->cursor[j], end = s->first + s->count;

    for (; at < column->sparse.count && column->sparse.row[at] < end; at++) {
        double x = column->sparse.value ? column->sparse.value[at] : 1;
        double *out = s->out + (column->sparse.row[at] - s->first) * outputs;

        for (int k = 0; k < outputs; k++)
            out[k] += coef[k * step] * x;
    }
    s->cursor[j] = at;
}

static void score_one(const struct linear *l, const struct strip *s)
{
    const struct mls_view *view = s->view;

    for (int64_t i = 0; i < s->count; i++)
        s->out[i] = l->intercept[0] + 0.0
            + (view->offset ? view->offset[s->first + i] : 0.0);
    for (int64_t j = 0; j < l->features; j++) {
        if (!is_dense(view, j)) {
            add_sparse(s, j, l->coef + j, 1, 0);
        } else if (j + 4 <= l->features && is_dense(view, j + 1)
                   && is_dense(view, j + 2) && is_dense(view, j + 3)) {
            add_dense(s, l->coef, j, 4);
            j += 3;
        } else {
            add_dense(s, l->coef, j, 1);
        }
    }
}

/* by_feature: the coefficients of one feature stand together. */
static void score_many(const struct linear *l, const double *by_feature,
                       const struct strip *s)
{
    int outputs = l->outputs;

    for (int64_t i = 0; i < s->count; i++) {
        for (int k = 0; k < outputs; k++)
            s->out[i * outputs + k] = l->intercept[k] + 0.0;
    }
    for (int64_t j = 0; j < l->features; j++, by_feature += outputs) {
        const double *x;

        if (!is_dense(s->view, j)) {
            add_sparse(s, j, by_feature, outputs, 1);
            continue;
        }
        x = s->view->columns[j]->real + s->first;
        for (int64_t i = 0; i < s->count; i++) {
            double *out = s->out + i * outputs;

            for (int k = 0; k < outputs; k++)
                out[k] += by_feature[k] * x[i];
        }
    }
}

/* Of a score past 700 the prediction stays finite: 1e304. */
static void take_exponentials(double *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = exp(out[i] > 700 ? 700 : out[i]);
}

static double *transposed(const struct linear *l, struct mls_error *err)
{
    double *to =
        mls_new_array(l->features * l->outputs, sizeof(double), err);

    for (int64_t j = 0; to && j < l->features; j++) {
        for (int k = 0; k < l->outputs; k++)
            to[j * l->outputs + k] = l->coef[k * l->features + j];
    }
    return to;
}

static bool score(const struct mls_model *model, const struct mls_view *view,
                  double *out, struct mls_error *err)
{
    int64_t strip = model->features < WIDE ? STRIP : view->rows;
    struct linear l;
    int64_t *cursor;
    double *by_feature = NULL;
    bool ok;

    assert(view->features == model->features);
    assert(!view->offset || mls_model_outputs(model) == 1);
    if (!find_arrays(model, &l, err))
        return false;
    cursor = mls_new(l.features, sizeof(*cursor), err);
    ok = cursor != NULL;
    if (ok && l.outputs > 1) {
        by_feature = transposed(&l, err);
        ok = by_feature != NULL;
    }
    for (int64_t first = 0; ok && first < view->rows; first += strip) {
        struct strip s = { view, first, view->rows - first, cursor,
                           out + first * l.outputs };

        s.count = s.count < strip ? s.count : strip;
        if (l.outputs == 1)
            score_one(&l, &s);
        else
            score_many(&l, by_feature, &s);
        if (l.log_link)
            take_exponentials(s.out, s.count);
    }
    mls_free(by_feature);
    mls_free(cursor);
    return ok;
}

/* ---- For inspect ---- */

/* The t value that a share of 0.95 lies within. */
static double t_of_interval(double degrees)
{
    double low = 0, high = 1e9;

    if (!(degrees > 0))
        return 1.959963984540054;
    for (int k = 0; k < 200 && low < high; k++) {
        double middle = low + (high - low) / 2;

        if (middle <= low || middle >= high)
            break;
        if (mls_t_survival(middle, degrees) > 0.025)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Standard error, t, p and the interval, for a value that has one. */
static bool describe_error(const struct linear *l, double value, double se,
                           double reach, const char *prefix,
                           struct mls_json *to, struct mls_error *err)
{
    double t = value / se, p;
    char name[5][40];
    static const char *const names[] = { "standard_error", "t", "p", "low",
                                         "high" };

    if (!(se > 0) || !isfinite(t))
        return true;
    for (int k = 0; k < 5; k++)
        snprintf(name[k], sizeof(name[k]), "%s%s", prefix, names[k]);
    p = l->degrees > 0 ? 2 * mls_t_survival(fabs(t), l->degrees)
                       : erfc(fabs(t) / sqrt(2));
    return mls_json_add_real(to, name[0], se, err)
        && mls_json_add_real(to, name[1], t, err)
        && mls_json_add_real(to, name[2], p, err)
        && mls_json_add_real(to, name[3], value - reach * se, err)
        && mls_json_add_real(to, name[4], value + reach * se, err);
}

static bool describe_output(const struct linear *l, int k,
                            const char *const *names, struct mls_json *to,
                            struct mls_error *err)
{
    struct mls_json *array, *item;
    double reach = l->coef_se ? t_of_interval(l->degrees) : 0;

    if (!mls_json_add_real(to, "intercept", l->intercept[k], err)
        || (l->coef_se
            && !describe_error(l, l->intercept[k], l->intercept_se[k], reach,
                               "intercept_", to, err))) {
        return false;
    }
    array = mls_json_add_array(to, "coefficients", err);
    for (int64_t j = 0; array && j < l->features; j++) {
        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_json_add_text(item, "feature", names[j], err)
            || !mls_json_add_real(item, "value",
                                  l->coef[k * l->features + j], err)) {
            return false;
        }
        if (l->coef_se
            && !describe_error(l, l->coef[k * l->features + j],
                               l->coef_se[k * l->features + j], reach, "",
                               item, err)) {
            return false;
        }
    }
    return array != NULL;
}

/* {"intercept", "coefficients"}, for many outputs one such object a class in
 * "classes". */
static bool describe(const struct mls_model *model, const char *const *names,
                     const char *const *classes, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *array, *item;
    struct linear l;

    if (!find_arrays(model, &l, err))
        return false;
    if (l.log_link && !mls_json_add_text(to, "link", "log", err))
        return false;
    if (l.outputs == 1)
        return describe_output(&l, 0, names, to, err);
    array = mls_json_add_array(to, "classes", err);
    for (int k = 0; array && k < l.outputs; k++) {
        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_json_add_text(item, "class", classes[k], err)
            || !describe_output(&l, k, names, item, err)) {
            return false;
        }
    }
    return array != NULL;
}

const struct mls_model_type mls_model_linear = {
    .name = "linear",
    .check = check,
    .score = score,
    .describe = describe,
};
