/*
 * From cells to codes.
 *
 *   cuts    one task a feature: the cells of the sampled rows, gathered from
 *           the blocks, become bins (stats/bins.h); categories: the weight of
 *           each level
 *   codes   one task a block: the columns of all features
 *
 * A sample takes one row of each of as many even parts of the table, drawn by
 * (seed, part): rows are distinct and in order, and every stretch of a table
 * that drifts is there.
 */
#include <assert.h>

#include "learner/binned.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "table/codes.h"

enum { TASK_ROWS = MLS_BLOCK_ROWS, ALIGN = 64 };
#define HUGE_BYTES (8 << 20)

struct binning {
    const struct mls_dataset *data;
    const struct mls_binning *how;
    struct mls_binned *binned;
    int64_t most_levels;
    int64_t *sampled;           /* rows in order; NULL: all */
    int64_t sample;             /* how many */
};

static const struct mls_field *field_of(const struct mls_dataset *data,
                                        int64_t j)
{
    return data->table ? &data->table->schema.fields[data->column[j]] : NULL;
}

/* ---- The sample -------------------------------------------------------- */

static int64_t part_start(int64_t part, int64_t parts, int64_t rows)
{
    return (int64_t)((__int128)part * rows / parts);
}

static bool draw_rows(void *binning, int64_t task, struct mls_error *err)
{
    const struct binning *b = binning;
    int64_t end = (task + 1) * TASK_ROWS, rows = b->data->rows;

    (void)err;
    for (int64_t i = task * TASK_ROWS; i < end && i < b->sample; i++) {
        int64_t from = part_start(i, b->sample, rows);
        int64_t to = part_start(i + 1, b->sample, rows);
        uint64_t bits = mls_random(b->how->seed, MLS_RANDOM_SAMPLE,
                                   (uint64_t)i);

        b->sampled[i] = from + mls_random_below(bits, to - from);
    }
    return true;
}

static bool draw_sample(struct binning *b, const struct mls_run *run,
                        struct mls_error *err)
{
    b->sample = b->data->rows;
    if (b->how->sample == 0 || b->how->sample >= b->data->rows)
        return true;
    b->sample = b->how->sample;
    b->sampled = mls_new_array(b->sample, sizeof(*b->sampled), err);
    return b->sampled
        && mls_parallel(run, (b->sample + TASK_ROWS - 1) / TASK_ROWS,
                        draw_rows, b, err);
}

/* ---- Cuts -------------------------------------------------------------- */

/* Cells of the sampled rows of one block; how many. */
static int64_t sample_block(const struct binning *b,
                            const struct mls_block *block, int64_t position,
                            int64_t from, double *value, double *buffer)
{
    const struct mls_column *column = block->columns[position];
    const double *real = column->real;
    int64_t i = from, end = block->first_row + block->rows;

    if (!b->sampled) {
        mls_column_reals(column, value + from);
        return block->rows;
    }
    if (column->storage != MLS_STORE_REAL) {
        mls_column_reals(column, buffer);
        real = buffer;
    }
    for (; i < b->sample && b->sampled[i] < end; i++)
        value[i] = real[b->sampled[i] - block->first_row];
    return i - from;
}

static void sample_matrix(const struct binning *b, int64_t j, double *value)
{
    const double *x = b->data->x.data + j * b->data->x.stride;

    for (int64_t i = 0; i < b->sample; i++)
        value[i] = x[b->sampled ? b->sampled[i] : i];
}

static bool sample_cells(const struct binning *b, int64_t j, double *value,
                         struct mls_error *err)
{
    const struct mls_table *table = b->data->table;
    double *buffer;
    int64_t done = 0;

    if (!table) {
        sample_matrix(b, j, value);
        return true;
    }
    buffer = mls_new_array(MLS_BLOCK_ROWS, sizeof(*buffer), err);
    for (int64_t k = 0; buffer && k < table->block_count; k++)
        done += sample_block(b, table->blocks[k], b->data->column[j], done,
                             value, buffer);
    mls_free(buffer);
    return buffer != NULL;
}

static bool cut_feature(const struct binning *b, int64_t j,
                        struct mls_error *err)
{
    const double *weight = b->data->target.weight;
    double *value = mls_new_array(b->sample, sizeof(*value), err);
    double *w = NULL;
    bool ok = value && sample_cells(b, j, value, err);

    if (ok && weight) {
        w = mls_new_array(b->sample, sizeof(*w), err);
        ok = w != NULL;
        for (int64_t i = 0; ok && i < b->sample; i++)
            w[i] = weight[b->sampled ? b->sampled[i] : i];
    }
    ok = ok && mls_bins_numeric(value, w, b->sample, b->how->most,
                                &b->binned->bins[j], err);
    mls_free(value);
    mls_free(w);
    return ok;
}

/* Levels are counted in all rows: one level left out of a sample would be
 * unseen for good. */
static bool count_levels(const struct binning *b, int64_t j,
                         const struct mls_field *field, struct mls_error *err)
{
    const struct mls_table *table = b->data->table;
    const double *weight = b->data->target.weight;
    int64_t levels = field->dictionary ? field->dictionary->count : 0;
    double *sum = mls_new(levels, sizeof(*sum), err);
    bool ok = sum != NULL;

    for (int64_t k = 0; ok && k < table->block_count; k++) {
        const struct mls_block *block = table->blocks[k];
        const uint32_t *code = block->columns[b->data->column[j]]->code;

        for (int64_t i = 0; i < block->rows; i++)
            if (code[i] < levels)
                sum[code[i]] += weight ? weight[block->first_row + i] : 1;
    }
    ok = ok && mls_bins_categorical(sum, levels, b->most_levels,
                                    &b->binned->bins[j], err);
    mls_free(sum);
    return ok;
}

static bool find_bins(void *binning, int64_t j, struct mls_error *err)
{
    const struct binning *b = binning;
    const struct mls_field *field = field_of(b->data, j);

    if (b->how->given)
        return mls_bins_copy(&b->how->given[j], &b->binned->bins[j], err);
    if (field && field->kind == MLS_KIND_CATEGORY)
        return count_levels(b, j, field, err);
    return cut_feature(b, j, err);
}

/* ---- Codes ------------------------------------------------------------- */

static bool code_rows(void *binning, int64_t task, struct mls_error *err)
{
    const struct binning *b = binning;
    const struct mls_binned *binned = b->binned;
    const struct mls_table *table = b->data->table;
    const struct mls_block *block = table ? table->blocks[task] : NULL;
    int64_t first = block ? block->first_row : task * TASK_ROWS;
    int64_t rows = block ? block->rows
        : b->data->rows - first < TASK_ROWS ? b->data->rows - first
                                            : TASK_ROWS;

    (void)err;
    for (int64_t j = 0; j < binned->features; j++) {
        uint8_t *out = binned->by_column + j * binned->column_stride
            + first * binned->width;

        if (block)
            mls_column_codes(&binned->bins[j],
                             block->columns[b->data->column[j]], 0, rows,
                             binned->width, out);
        else
            mls_bins_code_reals(&binned->bins[j],
                                b->data->x.data + j * b->data->x.stride
                                    + first,
                                rows, binned->width, out, 1);
    }
    return true;
}

static void *new_big(int64_t bytes, struct mls_error *err)
{
    return bytes >= HUGE_BYTES ? mls_new_huge(bytes, err)
                               : mls_new_array(bytes, 1, err);
}

static int64_t rounded(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* Columns' ends are zeroed: equal data, equal bytes. */
static bool make_room(struct mls_binned *binned, const struct mls_binning *how,
                      struct mls_error *err)
{
    int64_t used;

    for (int64_t j = 0; j < binned->features; j++)
        binned->width = binned->bins[j].codes > 256 ? 2 : binned->width;
    used = binned->rows * binned->width;
    binned->column_stride = rounded(used, ALIGN) + ALIGN;
    if (!how->by_column)
        return true;
    binned->by_column = new_big(binned->features * binned->column_stride, err);
    for (int64_t j = 0; binned->by_column && j < binned->features; j++)
        memset(binned->by_column + j * binned->column_stride + used, 0,
               (size_t)(binned->column_stride - used));
    return binned->by_column != NULL;
}

bool mls_binned_make(const struct mls_run *run, const struct mls_dataset *data,
                     const struct mls_binning *how, struct mls_binned *binned,
                     struct mls_error *err)
{
    struct binning b = { data, how, binned, how->most_levels, NULL, 0 };
    int64_t tasks = data->table ? data->table->block_count
                                : (data->rows + TASK_ROWS - 1) / TASK_ROWS;
    bool ok;

    b.most_levels = b.most_levels ? b.most_levels : how->most;
    assert(how->most >= 2 && how->most < MLS_BINS_LIMIT);
    assert(b.most_levels >= 2 && b.most_levels < MLS_BINS_LIMIT);
    *binned = (struct mls_binned){ .rows = data->rows,
                                   .features = data->features, .width = 1 };
    binned->bins = mls_new(data->features, sizeof(*binned->bins), err);
    ok = binned->bins && draw_sample(&b, run, err)
        && mls_parallel(run, data->features, find_bins, &b, err)
        && make_room(binned, how, err)
        && mls_parallel(run, how->by_column ? tasks : 0, code_rows, &b, err);
    mls_free(b.sampled);
    if (!ok)
        mls_binned_clear(binned);
    return ok;
}

void mls_binned_clear(struct mls_binned *binned)
{
    for (int64_t j = 0; binned->bins && j < binned->features; j++)
        mls_bins_clear(&binned->bins[j]);
    mls_free(binned->bins);
    mls_free(binned->by_column);
    *binned = (struct mls_binned){ 0 };
}
