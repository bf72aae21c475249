/*
 * From the blocks of a table to the matrix a learner works on.
 *
 *   table   block 0: columns b, t, a        matrix   a  b
 *           block 1: columns b, t, a                 │  │
 *
 * One task a feature: it walks the blocks and writes one contiguous column.
 * Features stand in byte order of their names, so that the order of the
 * columns in a file changes no result.
 */
#include "table/dataset.h"

#include <assert.h>
#include <inttypes.h>

#include "base/memory.h"
#include "base/threads.h"
#include "table/arrange.h"

/* Which step makes numbers of a kind. */
static const char *step_for(enum mls_kind kind)
{
    if (MLS_KIND_BIT(kind) & MLS_KINDS_CODED)
        return "add the step onehot (--encode onehot)";
    if (kind == MLS_KIND_DATE)
        return "leave it out (--ignore), or pass it as numbers";
    return "leave it out (--ignore), or make it a category (--categorical)";
}

static bool need_kind(const struct mls_table *table, int64_t position,
                      unsigned kinds, struct mls_error *err)
{
    const struct mls_field *field = &table->schema.fields[position];

    if (MLS_KIND_BIT(field->kind) & kinds)
        return true;
    mls_fail(err, MLS_DATA, "a %s column is no number to learn from",
             mls_kind_name(field->kind));
    mls_fail_fix(err, "%s", step_for(field->kind));
    return mls_fail_at(err, table->name, 0, 0, field->name);
}

/* The lists of names and positions, still zero. */
static bool make_room(struct mls_dataset *data, int64_t columns,
                      struct mls_error *err)
{
    data->names = mls_new(columns, sizeof(*data->names), err);
    data->column = mls_new(columns, sizeof(*data->column), err);
    return data->names != NULL && data->column != NULL;
}

/* The features, each of one of the kinds, by name: names and column. */
static bool choose_features(const struct mls_table *table, unsigned kinds,
                            struct mls_dataset *data, struct mls_error *err)
{
    int64_t *order = mls_schema_order(&table->schema, err);
    bool ok = order && make_room(data, table->schema.count, err);

    for (int64_t i = 0; ok && i < table->schema.count; i++) {
        const struct mls_field *field = &table->schema.fields[order[i]];

        if (field->role != MLS_ROLE_FEATURE)
            continue;
        ok = need_kind(table, order[i], kinds, err);
        data->names[data->features] = field->name;
        data->column[data->features++] = order[i];
    }
    mls_free(order);
    return ok;
}

struct gathering {
    const struct mls_table *table;
    struct mls_dataset *data;
};

/* Which feature column k of the matrix is. */
static int64_t feature_of(const struct mls_dataset *data, int64_t k)
{
    return data->wide.count > 0 ? data->wide.dense[k] : k;
}

static bool gather_column(void *context, int64_t k, struct mls_error *err)
{
    const struct gathering *g = context;
    const struct mls_matrix *x = &g->data->x;

    (void)err;
    mls_table_reals(g->table, g->data->column[feature_of(g->data, k)], 0,
                    x->rows, x->data + k * x->stride);
    return true;
}

static bool gather(const struct mls_run *run, const struct mls_table *table,
                   const struct mls_target *target, bool wide,
                   struct mls_dataset *data, struct mls_error *err)
{
    struct gathering gathering = { table, data };
    bool ok;

    *data = (struct mls_dataset){ .rows = table->rows, .target = *target };
    ok = choose_features(
             table, MLS_KINDS_NUMERIC | MLS_KIND_BIT(MLS_KIND_BOOLEAN), data,
             err)
        && (!wide || mls_wide_gather(run, table, data, err))
        && mls_matrix_new(&data->x, table->rows,
                          data->features - data->wide.count, err)
        && mls_parallel(run, data->x.columns, gather_column, &gathering, err);
    if (!ok)
        mls_dataset_clear(data);
    return ok;
}

bool mls_dataset_gather(const struct mls_run *run,
                        const struct mls_table *table,
                        const struct mls_target *target,
                        struct mls_dataset *data, struct mls_error *err)
{
    return gather(run, table, target, false, data, err);
}

bool mls_dataset_gather_wide(const struct mls_run *run,
                             const struct mls_table *table,
                             const struct mls_target *target,
                             struct mls_dataset *data, struct mls_error *err)
{
    return gather(run, table, target, true, data, err);
}

bool mls_dataset_lend(struct mls_table *table, const struct mls_target *target,
                      struct mls_dataset *data, struct mls_error *err)
{
    *data = (struct mls_dataset){ .rows = table->rows, .table = table,
                                  .target = *target };
    if (choose_features(table, MLS_KINDS_ALL & ~MLS_KIND_BIT(MLS_KIND_TEXT),
                        data, err))
        return true;
    mls_dataset_clear(data);
    return false;
}

void mls_dataset_drop_cells(const struct mls_dataset *data)
{
    if (data->table)
        mls_table_drop_cells(data->table);
}

void mls_dataset_clear(struct mls_dataset *data)
{
    mls_wide_clear(&data->wide);
    mls_free(data->x.data);
    mls_free(data->names);
    mls_free(data->column);
    *data = (struct mls_dataset){ 0 };
}

/* The first of n cells that is not finite, or n.  A cell times 0 is 0 unless
 * it is NaN or infinite, so blocks are passed over with no branch a cell. */
static int64_t first_wild(const double *x, int64_t n)
{
    enum { BLOCK = 64 };
    int64_t i = 0;

    for (; i + BLOCK <= n; i += BLOCK) {
        double sum[4] = { 0 };

        for (int k = 0; k < BLOCK; k += 4)
            for (int lane = 0; lane < 4; lane++)
                sum[lane] += x[i + k + lane] * 0;
        if (isnan(sum[0] + sum[1] + sum[2] + sum[3]))
            break;
    }
    while (i < n && isfinite(x[i]))
        i++;
    return i;
}

bool mls_dataset_need_finite(const struct mls_dataset *data,
                             const struct mls_table *table,
                             const char *learner, struct mls_error *err)
{
    int64_t row = data->rows, feature = 0;
    bool missing = false;

    /* The earliest row, and in it the first feature by name. */
    for (int64_t k = 0; k < data->x.columns; k++) {
        int64_t at = first_wild(data->x.data + k * data->x.stride, row);

        if (at < row) {
            row = at;
            feature = feature_of(data, k);
            missing = isnan(data->x.data[row + k * data->x.stride]);
        }
    }
    mls_wide_first_wild(data, &row, &feature, &missing);
    if (row == data->rows)
        return true;
    mls_fail(err, MLS_DATA, "the cell is %s, which %s cannot learn from",
             missing ? "missing" : "infinite", learner);
    mls_fail_fix(err, "%s",
                 missing ? "fill it with the step impute (--impute median)"
                         : "correct it, or leave the column out (--ignore)");
    return mls_table_fail_at(table, row, data->column[feature], err);
}

bool mls_dataset_keep(const struct mls_dataset *from, const int64_t *features,
                      int64_t count, struct mls_dataset *to,
                      struct mls_error *err)
{
    assert(from->wide.count == 0);
    *to = (struct mls_dataset){ .rows = from->rows, .features = count,
                                .target = from->target };
    if (!make_room(to, count, err)
        || !mls_matrix_new(&to->x, from->rows, count, err)) {
        mls_dataset_clear(to);
        return false;
    }
    for (int64_t k = 0; k < count; k++) {
        int64_t j = features[k];

        to->names[k] = from->names[j];
        to->column[k] = from->column[j];
        memcpy(to->x.data + k * to->x.stride,
               from->x.data + j * from->x.stride,
               (size_t)from->rows * sizeof(double));
    }
    return true;
}
