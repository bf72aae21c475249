/*
 * From raw blocks to predictions.  A row's result depends on that row and the
 * pipeline alone: steps and models work row by row, so blocks may be cut and
 * ordered in any way.
 */
#include "pipeline/pipeline.h"

#include <math.h>

#include "base/threads.h"

struct mls_block *mls_pipeline_apply_steps(const struct mls_pipeline *p,
                                           const struct mls_block *block,
                                           struct mls_error *err)
{
    struct mls_block *current = NULL;

    for (int64_t i = 0; i < p->step_count; i++) {
        struct mls_block *next =
            mls_step_apply(p->steps[i], current ? current : block, err);

        mls_block_free(current);
        if (!next)
            return NULL;
        current = next;
    }
    if (current)
        return current;
    /* No steps: the same columns in a block of its own. */
    current = mls_block_new(block->rows, block->column_count, err);
    for (int64_t i = 0; current && i < block->column_count; i++)
        current->columns[i] = mls_column_share(block->columns[i]);
    return current;
}

/* What the model takes is shared; for the others booleans become numbers. */
static struct mls_column *as_feature(const struct mls_model_type *type,
                                     struct mls_column *column,
                                     struct mls_error *err)
{
    struct mls_column *real;

    if (type->takes_columns || column->storage != MLS_STORE_CODE)
        return mls_column_share(column);
    real = mls_column_new(MLS_STORE_REAL, column->rows, 0, true, err);
    if (real)
        mls_column_reals(column, real->real);
    return real;
}

/* The rows' known part of the score, from the raw block; *offset stays NULL
 * when there is none. */
static bool read_offset(const struct mls_pipeline *p,
                        const struct mls_block *block, double **offset,
                        struct mls_error *err)
{
    *offset = NULL;
    if (p->offset < 0)
        return true;
    *offset = mls_new_array(block->rows, sizeof **offset, err);
    if (!*offset)
        return false;
    mls_column_reals(block->columns[p->offset], *offset);
    return true;
}

/* What a model makes of a view: score or contributions. */
typedef bool apply_model(const struct mls_model *model,
                         const struct mls_view *view, double *out,
                         struct mls_error *err);

static bool apply_block(const struct mls_pipeline *p,
                        const struct mls_block *block, apply_model *apply,
                        double *out, struct mls_error *err)
{
    int64_t n = p->feature_count;
    struct mls_block *ready = mls_pipeline_apply_steps(p, block, err);
    struct mls_column **columns =
        ready ? mls_new(n, sizeof(struct mls_column *), err) : NULL;
    double *offset = NULL;
    bool ok = columns && read_offset(p, block, &offset, err);

    for (int64_t j = 0; ok && j < n; j++) {
        columns[j] = as_feature(p->model->type, ready->columns[p->feature[j]],
                                err);
        ok = columns[j] != NULL;
    }
    if (ok) {
        struct mls_view view = { block->rows, n,
                                 (const struct mls_column *const *)columns,
                                 offset };
        ok = apply(p->model, &view, out, err);
    }
    for (int64_t j = 0; columns && j < n; j++)
        mls_column_free(columns[j]);
    mls_free(offset);
    mls_free(columns);
    mls_block_free(ready);
    return ok;
}

static bool score_block(const struct mls_pipeline *p,
                        const struct mls_block *block, double *score,
                        struct mls_error *err)
{
    return apply_block(p, block, p->model->type->score, score, err);
}

bool mls_pipeline_can_explain(const struct mls_pipeline *p,
                              struct mls_error *err)
{
    if (p->model->type->contributions)
        return true;
    mls_fail(err, MLS_USAGE,
             "--contrib: a %s model does not tell what each feature adds",
             p->model->type->name);
    return mls_fail_fix(err, "inspect shows its coefficients; models of trees "
                             "have contributions");
}

double *mls_pipeline_contributions(const struct mls_pipeline *p,
                                   const struct mls_block *block,
                                   struct mls_error *err)
{
    int64_t wide = mls_model_outputs(p->model) * (p->feature_count + 1);
    double *out = mls_new_array(block->rows * wide, sizeof *out, err);

    if (out && !apply_block(p, block, p->model->type->contributions, out,
                            err)) {
        mls_free(out);
        return NULL;
    }
    return out;
}

static bool allocate(const struct mls_pipeline *p, int64_t rows,
                     struct mls_prediction *out, struct mls_error *err)
{
    *out = (struct mls_prediction){ 0 };
    out->rows = rows;
    out->classes = p->task == MLS_ANOMALY ? 0 : (int)p->classes.count;
    out->outputs = mls_model_outputs(p->model);
    out->value = mls_new_array(rows, sizeof *out->value, err);
    out->score = out->value ? mls_new_array(rows * out->outputs,
                                            sizeof *out->score, err)
                            : NULL;
    if (!out->score)
        return false;
    if (out->classes == 0)
        return true;
    out->probability = mls_new_array(rows * out->classes,
                                     sizeof *out->probability, err);
    return out->probability != NULL;
}

/* The class of the largest probability, the first of equals; NaN when the
 * row's probabilities are. */
static double likeliest(const double *probability, int classes)
{
    int best = 0;

    for (int k = 1; k < classes; k++)
        if (probability[k] > probability[best])
            best = k;
    return isnan(probability[best]) ? NAN : best;
}

static void decide(const struct mls_pipeline *p, int64_t rows,
                   double threshold, const double *score, double *probability,
                   double *value)
{
    int classes = (int)p->classes.count;

    if (p->task == MLS_REGRESSION || p->task == MLS_ANOMALY) {
        memcpy(value, score, (size_t)rows * sizeof *value);
        return;
    }
    mls_model_probabilities(p->model, rows, score, probability);
    for (int64_t i = 0; i < rows; i++) {
        const double *row = probability + i * classes;

        if (p->task == MLS_BINARY)
            value[i] = isnan(row[1]) ? NAN : row[1] >= threshold;
        else
            value[i] = likeliest(row, classes);
    }
}

double mls_pipeline_cut(const struct mls_pipeline *p, double threshold)
{
    return !isnan(threshold)  ? threshold
        : p->has_threshold    ? p->threshold
                              : 0.5;
}

static bool need_model(const struct mls_pipeline *p, struct mls_error *err)
{
    if (p->fitted && p->model)
        return true;
    mls_fail(err, MLS_USAGE, "the pipeline holds no trained model");
    return mls_fail_fix(err, "make one with mlspec train");
}

bool mls_pipeline_predict(const struct mls_pipeline *p,
                          const struct mls_block *block, double threshold,
                          struct mls_prediction *out, struct mls_error *err)
{
    *out = (struct mls_prediction){ 0 };
    if (!need_model(p, err))
        return false;
    if (!allocate(p, block->rows, out, err)
        || !score_block(p, block, out->score, err)) {
        mls_prediction_clear(out);
        return false;
    }
    decide(p, block->rows, mls_pipeline_cut(p, threshold), out->score,
           out->probability, out->value);
    return true;
}

struct all {
    const struct mls_pipeline *p;
    const struct mls_table *table;
    double threshold;
    struct mls_prediction *out;
};

static bool predict_one(void *context, int64_t i, struct mls_error *err)
{
    const struct all *all = context;
    const struct mls_block *block = all->table->blocks[i];
    struct mls_prediction *out = all->out;
    int64_t at = block->first_row;

    if (!score_block(all->p, block, out->score + at * out->outputs, err))
        return false;
    decide(all->p, block->rows, all->threshold,
           out->score + at * out->outputs,
           out->probability ? out->probability + at * out->classes : NULL,
           out->value + at);
    return true;
}

bool mls_pipeline_predict_table(const struct mls_pipeline *p,
                                const struct mls_table *table,
                                double threshold, const struct mls_run *run,
                                struct mls_prediction *out,
                                struct mls_error *err)
{
    struct mls_table arranged = { 0 };
    struct all all = { p, &arranged, mls_pipeline_cut(p, threshold), out };
    bool ok;

    *out = (struct mls_prediction){ 0 };
    if (!need_model(p, err))
        return false;
    ok = mls_pipeline_arrange(p, table, &arranged, err)
        && allocate(p, table->rows, out, err)
        && mls_parallel(run, arranged.block_count, predict_one, &all, err);
    mls_table_clear(&arranged);
    if (!ok)
        mls_prediction_clear(out);
    return ok;
}

void mls_prediction_clear(struct mls_prediction *prediction)
{
    mls_free(prediction->value);
    mls_free(prediction->score);
    mls_free(prediction->probability);
    *prediction = (struct mls_prediction){ 0 };
}
