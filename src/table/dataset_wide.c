/*
 * The wide part of a dataset: sparse columns that stay sparse.
 *
 *   block 0          block 1          by_feature: a row of entries each,
 *   t~bad   t~good   t~bad   t~good               blocks one after another
 *    0        2       (none)   0      by_row:     the same, row by row
 *    2                         1
 *
 * Both forms are kept, because each product of a solver wants another one: X b
 * runs over rows and X'r over features, so that either is a sum in a register
 * and no thread writes where another one does.
 *
 * One-hot levels and terms weighed by naive Bayes have one value in all their
 * entries.  When every sparse feature is like that, a number a feature stands
 * for 8 bytes an entry, which makes a product twice as fast: it is bound by
 * memory.
 */
#include <math.h>

#include "base/memory.h"
#include "base/threads.h"
#include "table/dataset.h"

enum { BAND = 256 };            /* features that are one task */

struct gathering {
    const struct mls_table *table;
    struct mls_dataset *data;
    int64_t *entries;           /* per feature, -1: it is dense */
    uint8_t *differ;            /* per sparse feature: entries are not equal */
};

static int64_t bands(int64_t features)
{
    return (features + BAND - 1) / BAND;
}

static int64_t band_end(int64_t band, int64_t features)
{
    int64_t end = (band + 1) * BAND;

    return end < features ? end : features;
}

static const struct mls_column *cells(const struct gathering *g, int64_t b,
                                      int64_t k)
{
    const struct mls_dataset *data = g->data;

    return g->table->blocks[b]->columns[data->column[data->wide.feature[k]]];
}

void mls_wide_clear(struct mls_wide *wide)
{
    struct mls_entries *both[] = { &wide->by_row, &wide->by_feature };

    for (int i = 0; i < 2; i++) {
        mls_free(both[i]->offset);
        mls_free(both[i]->index);
        mls_free(both[i]->value);
    }
    mls_free(wide->feature);
    mls_free(wide->dense);
    mls_free(wide->level);
    *wide = (struct mls_wide){ 0 };
}

/* ---- whether it is worth it ---- */

/* Entries of a feature that is sparse in all blocks, or -1. */
static int64_t count_entries(const struct mls_table *table, int64_t column)
{
    int64_t entries = 0;

    for (int64_t b = 0; b < table->block_count; b++) {
        const struct mls_column *cells = table->blocks[b]->columns[column];

        if (cells->storage != MLS_STORE_SPARSE)
            return -1;
        entries += cells->sparse.count;
    }
    return table->block_count > 0 ? entries : -1;
}

static bool count_band(void *context, int64_t band, struct mls_error *err)
{
    const struct gathering *g = context;
    int64_t end = band_end(band, g->data->features);

    (void)err;
    for (int64_t j = band * BAND; j < end; j++)
        g->entries[j] = count_entries(g->table, g->data->column[j]);
    return true;
}

/* Fills feature, dense and by_feature.offset from g->entries; count stays 0
 * when it is not worth it. */
static void choose(struct gathering *g)
{
    struct mls_dataset *data = g->data;
    struct mls_wide *wide = &data->wide;
    int64_t sparse = 0, total = 0;

    wide->by_feature.offset[0] = 0;
    for (int64_t j = 0; j < data->features; j++) {
        if (g->entries[j] < 0) {
            wide->dense[j - sparse] = j;
            continue;
        }
        total += g->entries[j];
        wide->feature[sparse++] = j;
        wide->by_feature.offset[sparse] = total;
    }
    if (sparse >= MLS_WIDE_FEATURES && data->rows <= UINT32_MAX
        && (double)total * MLS_WIDE_SHARE
            <= (double)sparse * (double)data->rows)
        wide->count = sparse;
}

static bool find_features(const struct mls_run *run, struct gathering *g,
                          struct mls_error *err)
{
    struct mls_wide *wide = &g->data->wide;
    int64_t n = g->data->features;
    bool ok;

    wide->feature = mls_new_array(n, sizeof(int64_t), err);
    if (wide->feature)
        wide->dense = mls_new_array(n, sizeof(int64_t), err);
    if (wide->dense)
        wide->by_feature.offset = mls_new_array(n + 1, sizeof(int64_t), err);
    if (wide->by_feature.offset)
        g->entries = mls_new_array(n, sizeof(int64_t), err);
    ok = g->entries && mls_parallel(run, bands(n), count_band, g, err);
    if (ok)
        choose(g);
    mls_free(g->entries);
    return ok;
}

/* ---- by feature ---- */

static void find_level(const struct gathering *g, int64_t k)
{
    double *level = &g->data->wide.level[k];
    bool any = false;

    for (int64_t b = 0; b < g->table->block_count && !g->differ[k]; b++) {
        const struct mls_column *column = cells(g, b, k);
        const double *value = column->sparse.value;

        for (int64_t i = 0; i < (value ? column->sparse.count : 0); i++) {
            g->differ[k] |= any && value[i] != *level;
            *level = value[i];
            any = true;
        }
        if (!value && column->sparse.count > 0) {
            g->differ[k] |= any && *level != 1;
            *level = 1;
            any = true;
        }
    }
}

static bool level_band(void *context, int64_t band, struct mls_error *err)
{
    const struct gathering *g = context;
    int64_t end = band_end(band, g->data->wide.count);

    (void)err;
    for (int64_t k = band * BAND; k < end; k++)
        find_level(g, k);
    return true;
}

/* The level of each feature, if all have one. */
static bool find_levels(const struct mls_run *run, struct gathering *g,
                        struct mls_error *err)
{
    struct mls_wide *wide = &g->data->wide;
    bool ok, differ = false;

    wide->level = mls_new(wide->count, sizeof(double), err);
    g->differ = wide->level ? mls_new(wide->count, 1, err) : NULL;
    ok = g->differ && mls_parallel(run, bands(wide->count), level_band, g, err);
    for (int64_t k = 0; ok && k < wide->count; k++)
        differ |= g->differ[k];
    mls_free(g->differ);
    if (differ) {
        mls_free(wide->level);
        wide->level = NULL;
    }
    return ok;
}

static bool entries_new(struct mls_entries *entries, int64_t total,
                        bool with_values, struct mls_error *err)
{
    entries->index = mls_new_array(total, sizeof(*entries->index), err);
    if (!entries->index || !with_values)
        return entries->index != NULL;
    entries->value = mls_new_array(total, sizeof(*entries->value), err);
    return entries->value != NULL;
}

static void fill_feature(const struct gathering *g, int64_t k)
{
    const struct mls_entries *to = &g->data->wide.by_feature;
    int64_t at = to->offset[k];

    for (int64_t b = 0; b < g->table->block_count; b++) {
        const struct mls_column *column = cells(g, b, k);
        int64_t first = g->table->blocks[b]->first_row;

        for (int64_t i = 0; i < column->sparse.count; i++, at++) {
            to->index[at] = (uint32_t)(first + column->sparse.row[i]);
            if (to->value) {
                to->value[at] =
                    column->sparse.value ? column->sparse.value[i] : 1;
            }
        }
    }
}

static bool fill_band(void *context, int64_t band, struct mls_error *err)
{
    const struct gathering *g = context;
    int64_t end = band_end(band, g->data->wide.count);

    (void)err;
    for (int64_t k = band * BAND; k < end; k++)
        fill_feature(g, k);
    return true;
}

/* ---- by row ---- */

static bool count_rows(void *context, int64_t b, struct mls_error *err)
{
    const struct gathering *g = context;
    int64_t *count = g->data->wide.by_row.offset + g->table->blocks[b]->first_row + 1;

    (void)err;
    for (int64_t k = 0; k < g->data->wide.count; k++) {
        const struct mls_column *column = cells(g, b, k);

        for (int64_t i = 0; i < column->sparse.count; i++)
            count[column->sparse.row[i]]++;
    }
    return true;
}

/* Features in their order, so that they ascend in each row. */
static bool fill_rows(void *context, int64_t b, struct mls_error *err)
{
    const struct gathering *g = context;
    const struct mls_entries *to = &g->data->wide.by_row;
    const int64_t *offset = to->offset + g->table->blocks[b]->first_row;
    int64_t rows = g->table->blocks[b]->rows;
    int64_t *next = mls_new_array(rows, sizeof *next, err);

    if (!next)
        return false;
    if (rows > 0)
        memcpy(next, offset, (size_t)rows * sizeof *next);
    for (int64_t k = 0; k < g->data->wide.count; k++) {
        const struct mls_column *column = cells(g, b, k);

        for (int64_t i = 0; i < column->sparse.count; i++) {
            int64_t at = next[column->sparse.row[i]]++;

            to->index[at] = (uint32_t)k;
            if (to->value) {
                to->value[at] =
                    column->sparse.value ? column->sparse.value[i] : 1;
            }
        }
    }
    mls_free(next);
    return true;
}

static bool gather_rows(const struct mls_run *run, struct gathering *g,
                        struct mls_error *err)
{
    struct mls_entries *to = &g->data->wide.by_row;
    int64_t rows = g->data->rows;

    to->offset = mls_new(rows + 1, sizeof(int64_t), err);
    if (!to->offset
        || !mls_parallel(run, g->table->block_count, count_rows, g, err))
        return false;
    for (int64_t i = 0; i < rows; i++)
        to->offset[i + 1] += to->offset[i];
    return entries_new(to, to->offset[rows], !g->data->wide.level, err)
        && mls_parallel(run, g->table->block_count, fill_rows, g, err);
}

bool mls_wide_gather(const struct mls_run *run, const struct mls_table *table,
                     struct mls_dataset *data, struct mls_error *err)
{
    struct mls_wide *wide = &data->wide;
    struct gathering g = { table, data, NULL, NULL };

    if (!find_features(run, &g, err))
        return false;
    if (wide->count == 0) {
        mls_wide_clear(wide);
        return true;
    }
    return find_levels(run, &g, err)
        && entries_new(&wide->by_feature,
                       wide->by_feature.offset[wide->count], !wide->level, err)
        && mls_parallel(run, bands(wide->count), fill_band, &g, err)
        && gather_rows(run, &g, err);
}

/* ---- what the others ask ---- */

static double entry(const struct mls_wide *wide, int64_t k, int64_t at)
{
    return wide->level ? wide->level[k] : wide->by_feature.value[at];
}

void mls_wide_first_wild(const struct mls_dataset *data, int64_t *row,
                         int64_t *feature, bool *missing)
{
    const struct mls_wide *wide = &data->wide;
    const struct mls_entries *by_feature = &wide->by_feature;

    for (int64_t k = 0; k < wide->count; k++) {
        if (wide->level && isfinite(wide->level[k]))
            continue;
        for (int64_t at = by_feature->offset[k];
             at < by_feature->offset[k + 1]
             && (int64_t)by_feature->index[at] < *row;
             at++) {
            if (isfinite(entry(wide, k, at)))
                continue;
            *row = by_feature->index[at];
            *feature = wide->feature[k];
            *missing = isnan(entry(wide, k, at));
        }
    }
}

struct densifying {
    const struct mls_dataset *data;
    struct mls_matrix *x;
};

static bool densify_dense(void *context, int64_t k, struct mls_error *err)
{
    const struct densifying *d = context;
    const struct mls_wide *wide = &d->data->wide;
    int64_t j = wide->count > 0 ? wide->dense[k] : k;

    (void)err;
    if (d->x->rows > 0) {
        memcpy(d->x->data + j * d->x->stride,
               d->data->x.data + k * d->data->x.stride,
               (size_t)d->x->rows * sizeof(double));
    }
    return true;
}

static bool densify_sparse(void *context, int64_t k, struct mls_error *err)
{
    const struct densifying *d = context;
    const struct mls_wide *wide = &d->data->wide;
    double *to = d->x->data + wide->feature[k] * d->x->stride;

    (void)err;
    for (int64_t at = wide->by_feature.offset[k];
         at < wide->by_feature.offset[k + 1]; at++)
        to[wide->by_feature.index[at]] = entry(wide, k, at);
    return true;
}

bool mls_dataset_densify(const struct mls_run *run,
                         const struct mls_dataset *data, struct mls_matrix *x,
                         struct mls_error *err)
{
    struct densifying d = { data, x };
    bool ok = mls_matrix_new(x, data->rows, data->features, err);

    if (ok
        && mls_parallel(run, data->x.columns, densify_dense, &d, err)
        && mls_parallel(run, data->wide.count, densify_sparse, &d, err))
        return true;
    if (ok)
        mls_free(x->data);
    *x = (struct mls_matrix){ 0 };
    return false;
}
