/*
 * Scoring by trees alone, from doubles in memory:
 *
 *     bench_trees_predict MODEL ROWS FEATURES THREADS [SCORES]
 *
 * MODEL and ROWS are files of doubles, as trees_predict.py writes them: MODEL
 * is the number of trees, the base score and the width of a leaf, then for each
 * tree the number of its nodes and for each node feature (-1: a leaf),
 * threshold (x <= threshold goes left), left, right, cover and `width` values;
 * ROWS are rows of FEATURES values.  Prints as JSON the rows a second over
 * about a second, the microseconds of a single row, those of its contributions,
 * and the milliseconds to make the model ready.  SCORES receives the scores.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "model/trees.h"

static struct mls_error err;

static double *read_file(const char *path, int64_t *count)
{
    FILE *file = fopen(path, "rb");
    double *data = NULL;

    if (!file || fseek(file, 0, SEEK_END) != 0)
        exit(2);
    *count = ftell(file) / (int64_t)sizeof(double);
    rewind(file);
    data = mls_new_array(*count, sizeof(double), &err);
    if (!data || fread(data, sizeof(double), (size_t)*count, file)
                     != (size_t)*count)
        exit(2);
    fclose(file);
    return data;
}

static int by_value(const void *a_, const void *b_)
{
    double a = *(const double *)a_, b = *(const double *)b_;

    return a < b ? -1 : a > b;
}

enum { NODE = 5 };              /* numbers of a node before its values */

/* All thresholds of a feature, once each. */
static void find_bins(const double *model, int64_t features,
                      struct mls_bins *bins)
{
    int width = (int)model[2];
    int64_t *count = mls_new(features, sizeof(*count), &err);

    for (int pass = 0; pass < 2; pass++) {
        const double *at = model + 3;

        for (int64_t t = 0; t < (int64_t)model[0]; t++) {
            int64_t nodes = (int64_t)*at++;

            for (int64_t i = 0; i < nodes; i++, at += NODE + width) {
                int64_t j = (int64_t)at[0];

                if (j >= 0 && pass == 0)
                    count[j]++;
                else if (j >= 0)
                    bins[j].cut[bins[j].cuts++] = at[1];
            }
        }
        for (int64_t j = 0; pass == 0 && j < features; j++)
            bins[j].cut = mls_new(count[j], sizeof(double), &err);
    }
    for (int64_t j = 0; j < features; j++) {
        int64_t kept = 0;

        qsort(bins[j].cut, (size_t)bins[j].cuts, sizeof(double), by_value);
        for (int64_t k = 0; k < bins[j].cuts; k++) {
            if (kept == 0 || bins[j].cut[k] > bins[j].cut[kept - 1])
                bins[j].cut[kept++] = bins[j].cut[k];
        }
        bins[j].cuts = kept;
        bins[j].codes = (int32_t)kept + 2;
    }
    mls_free(count);
}

static uint16_t code_of(const struct mls_bins *bins, double cut)
{
    const double *found = bsearch(&cut, bins->cut, (size_t)bins->cuts,
                                  sizeof(double), by_value);

    return (uint16_t)(found - bins->cut + 1);
}

static bool build_tree(const double **at, int width,
                       const struct mls_bins *bins,
                       struct mls_trees_builder *builder)
{
    struct mls_tree tree = { 0 };
    int64_t nodes = (int64_t)*(*at)++;
    bool ok = true;

    for (int64_t i = 0; ok && i < nodes; i++, *at += NODE + width) {
        const double *from = *at;
        struct mls_tree_node *node;

        ok = mls_tree_add_node(&tree, &err) >= 0;
        node = &tree.nodes[i];
        node->feature = (int32_t)from[0];
        node->cover = from[4];
        if (node->feature >= 0) {
            node->split = code_of(&bins[node->feature], from[1]);
            node->missing_left = true;
            node->left = (int32_t)from[2];
            node->right = (int32_t)from[3];
            continue;
        }
        node->leaf = mls_tree_add_leaf(&tree, width, &err);
        memcpy(tree.values + node->leaf * width, from + NODE,
               (size_t)width * sizeof(double));
    }
    ok = ok && mls_trees_add(builder, &tree, &err);
    mls_tree_clear(&tree);
    return ok;
}

static struct mls_model *build(const double *model, int64_t features,
                               double *ready)
{
    struct mls_bins *bins = mls_new(features, sizeof(*bins), &err);
    int width = (int)model[2];
    const double *at = model + 3;
    struct mls_trees_shape shape = {
        .task = width > 1 ? MLS_MULTICLASS : MLS_REGRESSION,
        .classes = width, .features = features, .bins = bins,
        .combine = MLS_COMBINE_SUM, .width = width
    };
    struct mls_trees_builder *builder;
    struct mls_model *made;
    double start;

    find_bins(model, features, bins);
    builder = mls_trees_begin(&shape, &err);
    for (int64_t t = 0; builder && t < (int64_t)model[0]; t++) {
        if (!build_tree(&at, width, bins, builder))
            return NULL;
    }
    made = builder ? mls_trees_finish(builder, &err) : NULL;
    start = mls_now();
    if (!made || !mls_model_ready(made, &err))
        return NULL;
    *ready = mls_now() - start;
    for (int64_t j = 0; j < features; j++)
        mls_bins_clear(&bins[j]);
    mls_free(bins);
    return made;
}

/* ---- Scoring ---- */

struct job {
    const struct mls_model *model;
    int64_t rows, features;
    struct mls_column **columns;        /* blocks x features */
    double *out;
};

static bool score_block(void *context, int64_t i, struct mls_error *error)
{
    const struct job *job = context;
    int64_t first = i * MLS_BLOCK_ROWS;
    int64_t rows = job->rows - first < MLS_BLOCK_ROWS ? job->rows - first
                                                      : MLS_BLOCK_ROWS;
    struct mls_view view = {
        rows, job->features,
        (const struct mls_column *const *)job->columns + i * job->features,
        NULL
    };

    return job->model->type->score(
        job->model, &view, job->out + first * mls_model_outputs(job->model),
        error);
}

static int64_t block_count(const struct job *job)
{
    return (job->rows + MLS_BLOCK_ROWS - 1) / MLS_BLOCK_ROWS;
}

/* Columns of blocks of at most block rows. */
static void spread(struct job *job, const double *rows)
{
    int64_t p = job->features;

    job->columns = mls_new(block_count(job) * p, sizeof(*job->columns), &err);
    for (int64_t i = 0; i < block_count(job); i++) {
        int64_t first = i * MLS_BLOCK_ROWS;
        int64_t n = job->rows - first < MLS_BLOCK_ROWS ? job->rows - first
                                                       : MLS_BLOCK_ROWS;

        for (int64_t j = 0; j < p; j++) {
            struct mls_column *c =
                mls_column_new(MLS_STORE_REAL, n, 0, true, &err);

            for (int64_t k = 0; k < n; k++)
                c->real[k] = rows[(first + k) * p + j];
            job->columns[i * p + j] = c;
        }
    }
}

/* One row a call; the median of a few. */
static double single(const struct mls_model *model, const double *rows,
                     int64_t count, int64_t features)
{
    struct mls_column **columns =
        mls_new(features, sizeof(*columns), &err);
    struct mls_view view = { 1, features,
                             (const struct mls_column *const *)columns, NULL };
    double out[64], start;

    for (int64_t j = 0; j < features; j++)
        columns[j] = mls_column_new(MLS_STORE_REAL, 1, 0, true, &err);
    count = count < 100000 ? count : 100000;
    start = mls_now();
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < features; j++)
            columns[j]->real[0] = rows[i * features + j];
        if (!model->type->score(model, &view, out, &err))
            exit(1);
    }
    start = mls_now() - start;
    for (int64_t j = 0; j < features; j++)
        mls_column_free(columns[j]);
    mls_free(columns);
    return start / (double)count;
}

static double contribute(const struct mls_model *model, const struct job *job)
{
    int64_t rows = job->rows < MLS_BLOCK_ROWS ? job->rows : MLS_BLOCK_ROWS;
    struct mls_view view = { rows, job->features,
                             (const struct mls_column *const *)job->columns,
                             NULL };
    double *out, start;

    if (!model->type->contributions)
        return 0;
    out = mls_new_array(rows * (job->features + 1) * mls_model_outputs(model),
                        sizeof(*out), &err);
    start = mls_now();
    if (!out || !model->type->contributions(model, &view, out, &err))
        exit(1);
    mls_free(out);
    return (mls_now() - start) / (double)rows;
}

int main(int argc, char **argv)
{
    int64_t count;
    double *model_file, *rows, ready = 0, start, seconds = 0;
    struct mls_run run = { 0 };
    struct job job = { 0 };
    struct mls_model *model;
    int passes = 0;

    if (argc < 5) {
        fprintf(stderr, "usage: bench_trees_predict MODEL ROWS FEATURES "
                        "THREADS [SCORES]\n");
        return 2;
    }
    model_file = read_file(argv[1], &count);
    rows = read_file(argv[2], &count);
    job.features = strtol(argv[3], NULL, 10);
    job.rows = count / job.features;
    model = build(model_file, job.features, &ready);
    if (!model || !mls_run_init(&run, (int)strtol(argv[4], NULL, 10), &err)) {
        fprintf(stderr, "%s\n", err.what);
        return 1;
    }
    job.model = model;
    job.out = mls_new(job.rows * mls_model_outputs(model), sizeof(double),
                      &err);
    spread(&job, rows);
    for (start = mls_now(); seconds < 1; passes++) {
        if (!mls_parallel(&run, block_count(&job), score_block, &job, &err))
            return 1;
        seconds = mls_now() - start;
    }
    printf("{\"rows_per_second\": %.0f, \"single_us\": %.3f, "
           "\"contributions_us\": %.3f, \"ready_ms\": %.3f}\n",
           (double)(passes * job.rows) / seconds,
           1e6 * single(model, rows, job.rows, job.features),
           1e6 * contribute(model, &job), 1e3 * ready);
    if (argc > 5) {
        FILE *file = fopen(argv[5], "wb");

        if (!file || fwrite(job.out, sizeof(double),
                            (size_t)(job.rows * mls_model_outputs(model)),
                            file) == 0)
            return 1;
        fclose(file);
    }
    mls_run_clear(&run);
    return 0;
}
