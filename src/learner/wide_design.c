/*
 * See wide_design.h.
 *
 * Sums over the entries of a row or a feature run in four lanes, so that they
 * wait for memory and not for the adder; a row or a feature is always one sum
 * in one task, so threads cannot change a bit.  Features are cut into tasks of
 * about as many entries each, for the commonest word of a text has as many as
 * ten thousand rare ones.
 *
 * With several outputs the coefficients of a feature (and the residuals of a
 * row) are first put side by side: an entry then touches one line of memory and
 * not one for each output.
 */
#include "learner/wide_design.h"

#include <math.h>

#include "base/memory.h"
#include "base/threads.h"

enum {
    ROWS = 256,                 /* of a task */
    ENTRIES = 1 << 16           /* of a task over features, about */
};

/* ---- sums over entries ---- */

/* sum of b[index] value, value NULL: ones. */
static double gather_sum(const uint32_t *index, const double *value, int64_t n,
                         const double *b)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int64_t k = 0;

    if (value) {
        for (; k + 4 <= n; k += 4) {
            s0 += b[index[k]] * value[k];
            s1 += b[index[k + 1]] * value[k + 1];
            s2 += b[index[k + 2]] * value[k + 2];
            s3 += b[index[k + 3]] * value[k + 3];
        }
        for (; k < n; k++)
            s0 += b[index[k]] * value[k];
    } else {
        for (; k + 4 <= n; k += 4) {
            s0 += b[index[k]];
            s1 += b[index[k + 1]];
            s2 += b[index[k + 2]];
            s3 += b[index[k + 3]];
        }
        for (; k < n; k++)
            s0 += b[index[k]];
    }
    return (s0 + s1) + (s2 + s3);
}

/* The same for several outputs that stand side by side in b. */
static void gather_sums(const uint32_t *index, const double *value, int64_t n,
                        const double *b, int outputs, double *sum)
{
    for (int k = 0; k < outputs; k++)
        sum[k] = 0;
    for (int64_t at = 0; at < n; at++) {
        const double *from = b + (int64_t)index[at] * outputs;
        double v = value ? value[at] : 1;

        for (int k = 0; k < outputs; k++)
            sum[k] += from[k] * v;
    }
}

/* ---- cutting features into tasks ---- */

static int64_t feature_tasks(const struct mls_wide_design *d)
{
    return d->wide->by_feature.offset[d->wide->count] / ENTRIES + 1;
}

/* The first feature that begins at entry at or later. */
static int64_t feature_from(const struct mls_wide_design *d, int64_t at)
{
    const int64_t *offset = d->wide->by_feature.offset;
    int64_t low = 0, high = d->wide->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (offset[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void features_of(const struct mls_wide_design *d, int64_t task,
                        int64_t *first, int64_t *end)
{
    *first = feature_from(d, task * ENTRIES);
    *end = task + 1 == feature_tasks(d)
        ? d->wide->count
        : feature_from(d, (task + 1) * ENTRIES);
}

/* What a task needs to know; each product uses some of it. */
struct product {
    const struct mls_wide_design *design;
    const struct mls_matrix *in;
    struct mls_matrix *out;
    const double *in_side;      /* in, outputs side by side */
    const double *shift;        /* outputs: m'b, or 1'r */
    const double *w;
};

/* ---- X b ---- */

static bool times_task(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    const struct mls_wide_design *d = p->design;
    const struct mls_entries *rows = &d->wide->by_row;
    int outputs = (int)p->in->columns;
    int64_t first = task * ROWS;
    int64_t end = first + ROWS < d->rows ? first + ROWS : d->rows;
    double one, *many = NULL;

    if (outputs > 1 && !(many = mls_new(outputs, sizeof(double), err)))
        return false;
    for (int64_t i = first; i < end; i++) {
        int64_t at = rows->offset[i], n = rows->offset[i + 1] - at;
        const double *value = rows->value ? rows->value + at : NULL;

        if (outputs == 1) {
            one = gather_sum(rows->index + at, value, n, p->in_side);
            p->out->data[i] += one - p->shift[0];
            continue;
        }
        gather_sums(rows->index + at, value, n, p->in_side, outputs, many);
        for (int k = 0; k < outputs; k++)
            p->out->data[i + k * p->out->stride] += many[k] - p->shift[k];
    }
    mls_free(many);
    return true;
}

/* The dense columns' part. */
static bool times_dense(const struct mls_wide_design *d,
                        const struct mls_matrix *b, struct mls_matrix *out,
                        struct mls_error *err)
{
    struct mls_matrix part = { b->data, d->left, b->columns, b->stride };

    if (d->left == 0) {
        for (int64_t k = 0; k < out->columns; k++) {
            memset(out->data + k * out->stride, 0,
                   (size_t)d->rows * sizeof(double));
        }
        return true;
    }
    if (b->columns == 1)
        return mls_gemv(d->run, &d->dense.x, part.data, out->data, err);
    return mls_gemm(d->run, false, &d->dense.x, &part, out, err);
}

bool mls_wide_times(const struct mls_wide_design *d,
                    const struct mls_matrix *b, struct mls_matrix *out,
                    struct mls_error *err)
{
    int outputs = (int)b->columns;
    double *shift = mls_new(outputs, sizeof(double), err);
    struct product p = { .design = d, .in = b, .out = out,
                         .in_side = d->by_column, .shift = shift };
    bool ok = shift && times_dense(d, b, out, err);

    for (int64_t j = 0; ok && j < d->wide->count; j++) {
        for (int k = 0; k < outputs; k++) {
            double value = b->data[d->left + j + k * b->stride];

            shift[k] += d->mean[j] * value;
            d->by_column[j * outputs + k] =
                d->wide->level ? value * d->wide->level[j] : value;
        }
    }
    ok = ok
        && mls_parallel(d->run, (d->rows + ROWS - 1) / ROWS, times_task, &p,
                        err);
    mls_free(shift);
    return ok;
}

/* ---- X'r ---- */

static bool transposed_task(void *context, int64_t task,
                            struct mls_error *err)
{
    const struct product *p = context;
    const struct mls_wide_design *d = p->design;
    const struct mls_entries *by = &d->wide->by_feature;
    int outputs = (int)p->in->columns;
    double *sum = mls_new(outputs, sizeof(double), err);
    int64_t first, end;

    if (!sum)
        return false;
    features_of(d, task, &first, &end);
    for (int64_t j = first; j < end; j++) {
        int64_t at = by->offset[j], n = by->offset[j + 1] - at;
        const double *value = by->value ? by->value + at : NULL;
        double *out = p->out->data + d->left + j;

        if (outputs == 1)
            sum[0] = gather_sum(by->index + at, value, n, p->in_side);
        else
            gather_sums(by->index + at, value, n, p->in_side, outputs, sum);
        for (int k = 0; k < outputs; k++) {
            if (d->wide->level)
                sum[k] *= d->wide->level[j];
            sum[k] -= d->mean[j] * p->shift[k];
            out[k * p->out->stride] =
                d->square[d->left + j] > 0 ? sum[k] : 0;
        }
    }
    mls_free(sum);
    return true;
}

static bool side_task(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    int outputs = (int)p->in->columns;
    int64_t first = task * ROWS, n = p->design->rows;
    int64_t end = first + ROWS < n ? first + ROWS : n;

    (void)err;
    for (int k = 0; k < outputs; k++) {
        const double *from = p->in->data + k * p->in->stride;

        for (int64_t i = first; i < end; i++)
            p->design->by_row[i * outputs + k] = from[i];
    }
    return true;
}

/* Puts the outputs of a row side by side, unless there is one only. */
static bool side_by_side(struct product *p, struct mls_error *err)
{
    p->in_side = p->in->data;
    if (p->in->columns == 1)
        return true;
    p->in_side = p->design->by_row;
    return mls_parallel(p->design->run, (p->design->rows + ROWS - 1) / ROWS,
                        side_task, p, err);
}

bool mls_wide_transposed(const struct mls_wide_design *d,
                         const struct mls_matrix *r, struct mls_matrix *out,
                         struct mls_error *err)
{
    int outputs = (int)r->columns;
    struct mls_matrix part = { out->data, d->left, outputs, out->stride };
    double *shift = mls_new(outputs, sizeof(double), err);
    struct product p = { .design = d, .in = r, .out = out, .shift = shift };
    bool ok = shift && side_by_side(&p, err);

    if (ok && d->left > 0) {
        ok = outputs == 1
            ? mls_gemv_transposed(d->run, &d->dense.x, NULL, r->data,
                                  part.data, err)
            : mls_gemm(d->run, true, &d->dense.x, r, &part, err);
    }
    /* 1'r is what the column of ones gave. */
    for (int k = 0; ok && d->centred && k < outputs; k++)
        shift[k] = out->data[d->left - 1 + k * out->stride];
    ok = ok
        && mls_parallel(d->run, feature_tasks(d), transposed_task, &p, err);
    mls_free(shift);
    return ok;
}

/* ---- sums of squares ---- */

static bool dense_squares(void *context, int64_t j, struct mls_error *err)
{
    const struct product *p = context;
    const struct mls_wide_design *d = p->design;
    const double *x = d->dense.x.data + j * d->dense.x.stride;

    (void)err;
    for (int64_t k = 0; k < p->in->columns; k++) {
        const double *c = p->in->data + k * p->in->stride;
        double sum = 0;

        for (int64_t i = 0; i < d->rows; i++)
            sum += c[i] * x[i] * x[i];
        p->out->data[j + k * p->out->stride] = sum;
    }
    return true;
}

/* sum c (v - m)^2 = sum c v^2 - 2 m sum c v + m^2 sum c, the sums over entries
 * but the last one. */
static bool squares_task(void *context, int64_t task, struct mls_error *err)
{
    const struct product *p = context;
    const struct mls_wide_design *d = p->design;
    const struct mls_entries *by = &d->wide->by_feature;
    int outputs = (int)p->in->columns;
    int64_t first, end;

    (void)err;
    features_of(d, task, &first, &end);
    for (int64_t j = first; j < end; j++) {
        for (int k = 0; k < outputs; k++) {
            double one = 0, two = 0, m = d->mean[j];

            for (int64_t at = by->offset[j]; at < by->offset[j + 1]; at++) {
                double v = by->value ? by->value[at] : d->wide->level[j];
                double c =
                    p->in_side[(int64_t)by->index[at] * outputs + k] * v;

                one += c;
                two += c * v;
            }
            two += m * (m * p->shift[k] - 2 * one);
            p->out->data[d->left + j + k * p->out->stride] = two > 0 ? two : 0;
        }
    }
    return true;
}

bool mls_wide_squares(const struct mls_wide_design *d,
                      const struct mls_matrix *c, struct mls_matrix *out,
                      struct mls_error *err)
{
    int outputs = (int)c->columns;
    double *shift = mls_new(outputs, sizeof(double), err);
    struct product p = { .design = d, .in = c, .out = out, .shift = shift };
    bool ok = shift && side_by_side(&p, err);

    for (int k = 0; ok && k < outputs; k++) {
        for (int64_t i = 0; i < d->rows; i++)
            shift[k] += c->data[i + k * c->stride];
    }
    ok = ok && mls_parallel(d->run, d->left, dense_squares, &p, err)
        && mls_parallel(d->run, feature_tasks(d), squares_task, &p, err);
    mls_free(shift);
    return ok;
}

/* ---- making one ---- */

/* Mean and centred sum of squares of each sparse feature.  A feature that is
 * one value in all rows has 0, as a dense one would, and takes no part. */
static bool moments_task(void *context, int64_t task, struct mls_error *err)
{
    struct product *p = context;
    const struct mls_wide_design *d = p->design;
    const struct mls_entries *by = &d->wide->by_feature;
    int64_t first, end;

    (void)err;
    features_of(d, task, &first, &end);
    for (int64_t j = first; j < end; j++) {
        double one = 0, two = 0, rest;

        for (int64_t at = by->offset[j]; at < by->offset[j + 1]; at++) {
            double v = by->value ? by->value[at] : d->wide->level[j];
            double wv = p->w ? p->w[by->index[at]] * v : v;

            one += wv;
            two += wv * v;
        }
        d->mean[j] = d->centred ? one / d->weight : 0;
        rest = two - d->mean[j] * d->mean[j] * d->weight;
        if (!isfinite(two))
            rest = INFINITY;
        d->square[d->left + j] = isinf(rest) || rest > 1e-12 * two ? rest : 0;
    }
    return true;
}

static bool too_large(const struct mls_dataset *data, int64_t k,
                      struct mls_error *err)
{
    int64_t j = data->wide.feature[k];

    mls_fail(err, MLS_DATA, "the numbers are too large to be squared");
    mls_fail_fix(err, "scale the column (--scale standard)");
    return mls_fail_at(err, NULL, 0, 0, data->names ? data->names[j] : NULL);
}

static bool find_moments(struct mls_wide_design *d,
                         const struct mls_dataset *data, struct mls_error *err)
{
    struct product p = { .design = d, .w = data->target.weight };

    if (!mls_parallel(d->run, feature_tasks(d), moments_task, &p, err))
        return false;
    for (int64_t k = 0; k < d->wide->count; k++) {
        if (!isfinite(d->square[d->left + k] * d->weight))
            return too_large(data, k, err);
    }
    if (d->left > 0) {
        memcpy(d->square, d->dense.square,
               (size_t)d->left * sizeof(double));
    }
    return true;
}

/* The dense features as a dataset of their own. */
static bool make_dense(struct mls_wide_design *d,
                       const struct mls_dataset *data, struct mls_error *err)
{
    int64_t count = data->x.columns;
    const char **names = mls_new(count, sizeof(*names), err);
    struct mls_dataset dense = { .rows = data->rows, .features = count,
                                 .x = data->x, .names = names,
                                 .target = data->target };
    bool ok = names != NULL;

    for (int64_t k = 0; ok && data->names && k < count; k++)
        names[k] = data->names[data->wide.dense[k]];
    ok = ok
        && mls_design_new(d->run, &dense, d->centred, d->centred, &d->dense,
                          err);
    mls_free(names);
    return ok;
}

bool mls_wide_design_new(const struct mls_run *run,
                         const struct mls_dataset *data, bool centre,
                         int outputs, struct mls_wide_design *design,
                         struct mls_error *err)
{
    struct mls_wide_design d = { .run = run, .wide = &data->wide,
                                 .rows = data->rows, .centred = centre };
    int64_t count = data->wide.count;
    bool ok = make_dense(&d, data, err);

    if (ok) {
        d.left = d.dense.x.columns;
        d.columns = d.left + count;
        d.weight = d.dense.weight;
        d.mean = mls_new(count, sizeof(double), err);
    }
    if (d.mean)
        d.square = mls_new(d.columns, sizeof(double), err);
    if (d.square) {
        d.by_column =
            mls_new_array(count * outputs, sizeof(double), err);
    }
    if (d.by_column)
        d.by_row = mls_new_array(d.rows * outputs, sizeof(double), err);
    ok = ok && d.by_row && find_moments(&d, data, err);
    *design = d;
    if (!ok)
        mls_wide_design_clear(design);
    return ok;
}

void mls_wide_design_clear(struct mls_wide_design *design)
{
    mls_design_clear(&design->dense);
    mls_free(design->mean);
    mls_free(design->square);
    mls_free(design->by_column);
    mls_free(design->by_row);
    *design = (struct mls_wide_design){ 0 };
}

void mls_wide_to_features(const struct mls_wide_design *d,
                          const struct mls_matrix *b, struct mls_matrix *to,
                          double *mean)
{
    int64_t features = to->rows - 1, dense = d->left - d->centred;

    for (int64_t k = 0; k < b->columns; k++) {
        const double *from = b->data + k * b->stride;
        double *out = to->data + k * to->stride;

        for (int64_t j = 0; j < dense; j++)
            out[d->wide->dense[j]] = from[j];
        for (int64_t j = 0; j < d->wide->count; j++)
            out[d->wide->feature[j]] = from[d->left + j];
        out[features] = d->centred ? from[dense] : 0;
    }
    for (int64_t j = 0; j < dense; j++)
        mean[d->wide->dense[j]] = d->dense.mean[j];
    for (int64_t j = 0; j < d->wide->count; j++)
        mean[d->wide->feature[j]] = d->mean[j];
}
