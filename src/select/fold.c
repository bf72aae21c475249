/* Rows in folds; fold.h says how they are dealt. */
#include "select/fold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "mlspec/split.h"
#include "stats/summary.h"

/* ---- dealing ---- */

/* The cells of the column with a role as a new array; NULL in *cells when there
 * is no such column. */
static bool cells_of_role(const struct mls_table *table, enum mls_role role,
                          const char *what, double **cells,
                          struct mls_error *err)
{
    int64_t at = mls_schema_find_role(&table->schema, role);

    *cells = NULL;
    if (at < 0)
        return true;
    if (table->schema.fields[at].kind == MLS_KIND_TEXT) {
        mls_fail(err, MLS_DATA, "a %s cannot be a text", what);
        mls_fail_fix(err, "pass --categorical %s",
                     mls_show_text(table->schema.fields[at].name).text);
        return mls_fail_at(err, table->name, 0, 0,
                           table->schema.fields[at].name);
    }
    *cells = mls_new_array(table->rows, sizeof(**cells), err);
    if (!*cells)
        return false;
    mls_table_reals(table, at, 0, table->rows, *cells);
    for (int64_t i = 0; i < table->rows; i++) {
        if (!isnan((*cells)[i]))
            continue;
        mls_fail(err, MLS_DATA, "the %s is missing", what);
        mls_fail_fix(err, "fill the cell in, or drop the row");
        return mls_table_fail_at(table, i, at, err);
    }
    return true;
}

struct keyed {
    uint64_t key;
    int64_t row;
    int class;                  /* 0 of numbers */
};

static int by_key(const void *a_, const void *b_)
{
    const struct keyed *a = a_, *b = b_;

    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* A value in some millionths of its standard deviation.  The steps are no round
 * part of anything, so that values that are equal but for rounding do not stand
 * on both sides of one. */
static uint64_t rounded(double value)
{
    double steps = value * 934567.891234567 + 0.2718281828;

    return (uint64_t)(int64_t)floor(fmin(fmax(steps, -1e18), 1e18));
}

/* Distinct rows, class by class, go to the folds in turn. */
static bool deal_by_values(const struct mls_step_input *in,
                           const struct mls_dataset *all, int folds,
                           int32_t *fold, struct mls_error *err)
{
    const struct mls_target *target = &all->target;
    int64_t n = all->rows, rank = -1;
    struct keyed *rows = mls_new(n, sizeof(*rows), err);
    struct mls_moments m;
    double unit;

    if (!rows)
        return false;
    if (!mls_moments(in->run, target->y, target->weight, n, &m, err)) {
        mls_free(rows);
        return false;
    }
    unit = m.low < m.high ? sqrt(mls_moments_variance(&m, 0)) : 1;
    for (int64_t i = 0; i < n; i++) {
        rows[i].row = i;
        rows[i].class = target->classes > 0 ? (int)target->y[i] : 0;
        rows[i].key = mls_random(in->seed, MLS_RANDOM_FOLD,
                                 rounded((target->y[i] - m.mean) / unit));
    }
    for (int64_t j = 0; j < all->features; j++) {
        const double *x = all->x.data + j * all->x.stride;

        for (int64_t i = 0; i < n; i++)
            rows[i].key = mls_random(rows[i].key, MLS_RANDOM_FOLD,
                                     rounded(x[i]));
    }
    qsort(rows, (size_t)n, sizeof(*rows), by_key);
    for (int64_t i = 0; i < n; i++) {
        rank += i == 0 || rows[i].key != rows[i - 1].key
            || rows[i].class != rows[i - 1].class;
        fold[rows[i].row] = (int32_t)(rank % folds);
    }
    mls_free(rows);
    return true;
}

bool mls_select_deal(const struct mls_step_input *in,
                     const struct mls_dataset *all, int folds, int32_t *fold,
                     bool *by_time, struct mls_error *err)
{
    int64_t n = in->table->rows;
    double *time = NULL, *group = NULL;
    bool ok = cells_of_role(in->table, MLS_ROLE_TIME, "time", &time, err)
        && cells_of_role(in->table, MLS_ROLE_GROUP, "group", &group, err);

    *by_time = time != NULL;
    if (ok && time)
        ok = mls_split_folds_by_time(n, time, folds, fold, err);
    else if (ok && group)
        ok = mls_split_folds_grouped(n, group, folds, in->seed, fold, err);
    else if (ok)
        ok = deal_by_values(in, all, folds, fold, err);
    mls_free(time);
    mls_free(group);
    return ok;
}

/* ---- the rows of a fold ---- */

enum part { TRAIN, TEST, UNUSED };

struct making {
    const struct mls_run *run;
    const struct mls_dataset *all;
    const int32_t *fold;
    int k;
    bool by_time;
    struct mls_select_fold *to;
};

static enum part part_of(const struct making *a, int64_t i)
{
    if (a->fold[i] == a->k)
        return TEST;
    return a->by_time && a->fold[i] > a->k ? UNUSED : TRAIN;
}

static const double *cells_of_part(const struct making *a, const double *from,
                                   enum part part, int64_t rows,
                                   struct mls_error *err)
{
    double *cells = mls_new_array(rows, sizeof(*cells), err);
    int64_t n = 0;

    if (!cells)
        return NULL;
    a->to->cells[a->to->count++] = cells;
    for (int64_t i = 0; i < a->all->rows; i++) {
        if (part_of(a, i) == part)
            cells[n++] = from[i];
    }
    return cells;
}

/* The target and the room for the columns of a part. */
static bool begin_part(const struct making *a, enum part part, int64_t rows,
                       struct mls_dataset *to, struct mls_error *err)
{
    const struct mls_dataset *all = a->all;
    struct mls_target *target = &to->target;
    int64_t n = all->features;

    *to = (struct mls_dataset){ .rows = rows, .features = n,
                                .target = all->target };
    target->rows = rows;
    target->y = target->weight = target->offset = NULL;
    target->y = cells_of_part(a, all->target.y, part, rows, err);
    if (!target->y)
        return false;
    if (all->target.weight) {
        target->weight = cells_of_part(a, all->target.weight, part, rows, err);
        if (!target->weight)
            return false;
    }
    if (all->target.offset) {
        target->offset = cells_of_part(a, all->target.offset, part, rows, err);
        if (!target->offset)
            return false;
    }
    to->names = mls_new(n, sizeof(*to->names), err);
    if (!to->names)
        return false;
    to->column = mls_new(n, sizeof(*to->column), err);
    if (!to->column)
        return false;
    memcpy(to->names, all->names, (size_t)n * sizeof(*to->names));
    memcpy(to->column, all->column, (size_t)n * sizeof(*to->column));
    return mls_matrix_new(&to->x, rows, n, err);
}

static void standardise(double *x, int64_t n, double mean, double sd)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = sd > 0 ? (x[i] - mean) / sd : 0;
}

static bool fill_column(void *context, int64_t j, struct mls_error *err)
{
    const struct making *a = context;
    struct mls_dataset *train = &a->to->train, *test = &a->to->test;
    const double *x = a->all->x.data + j * a->all->x.stride;
    double *in = train->x.data + j * train->x.stride;
    double *out = test->x.data + j * test->x.stride, sd;
    struct mls_moments m;

    for (int64_t i = 0, trained = 0, held = 0; i < a->all->rows; i++) {
        enum part part = part_of(a, i);

        if (part == TRAIN)
            in[trained++] = x[i];
        else if (part == TEST)
            out[held++] = x[i];
    }
    if (!mls_moments(a->run, in, train->target.weight, train->rows, &m, err))
        return false;
    sd = m.low == m.high ? 0 : sqrt(mls_moments_variance(&m, 0));
    standardise(in, train->rows, m.mean, sd);
    standardise(out, test->rows, m.mean, sd);
    return true;
}

/* Counts the rows of the parts; *usable receives whether a model can be trained
 * on the one and tested on the other. */
static bool count_rows(const struct making *a, int64_t rows[3], bool *usable,
                       struct mls_error *err)
{
    const struct mls_target *target = &a->all->target;
    uint8_t *seen = mls_new(2 * (int64_t)target->classes, 1, err);
    uint8_t *trained = seen ? seen + target->classes : NULL;

    if (!seen)
        return false;
    for (int64_t i = 0; i < a->all->rows; i++) {
        enum part part = part_of(a, i);

        rows[part]++;
        if (target->classes > 0) {
            seen[(int)target->y[i]] = 1;
            if (part == TRAIN)
                trained[(int)target->y[i]] = 1;
        }
    }
    *usable = rows[TRAIN] > 0 && rows[TEST] > 0
        && memcmp(seen, trained, (size_t)target->classes) == 0;
    mls_free(seen);
    return true;
}

bool mls_select_fold_make(const struct mls_run *run,
                          const struct mls_dataset *all, const int32_t *fold,
                          int k, bool by_time, struct mls_select_fold *to,
                          struct mls_error *err)
{
    struct making a = { run, all, fold, k, by_time, to };
    int64_t rows[3] = { 0 };
    bool usable;

    *to = (struct mls_select_fold){ 0 };
    if (!count_rows(&a, rows, &usable, err))
        return false;
    return !usable
        || (begin_part(&a, TRAIN, rows[TRAIN], &to->train, err)
            && begin_part(&a, TEST, rows[TEST], &to->test, err)
            && mls_parallel(run, all->features, fill_column, &a, err));
}

void mls_select_fold_clear(struct mls_select_fold *fold)
{
    for (int k = 0; k < fold->count; k++)
        mls_free(fold->cells[k]);
    mls_dataset_clear(&fold->train);
    mls_dataset_clear(&fold->test);
    fold->count = 0;
}

/* ---- loss ---- */

/* -log of the softmax of row i at its class. */
static double softmax_loss(const struct mls_target *target,
                           const double *score, int64_t i)
{
    double most = -INFINITY, sum = 0;

    for (int c = 0; c < target->classes; c++)
        most = fmax(most, score[c * target->rows + i]);
    for (int c = 0; c < target->classes; c++)
        sum += exp(score[c * target->rows + i] - most);
    return log(sum) + most - score[(int)target->y[i] * target->rows + i];
}

static double row_loss(const struct mls_target *target, const double *score,
                       bool log_link, int64_t i)
{
    double s = score[i] + (target->offset ? target->offset[i] : 0);

    if (target->task == MLS_MULTICLASS)
        return softmax_loss(target, score, i);
    if (target->task == MLS_BINARY) {
        double against = target->y[i] > 0 ? -s : s;

        return fmax(against, 0) + log1p(exp(-fabs(against)));
    }
    s = target->y[i] - (log_link ? exp(s) : s);
    return s * s;
}

double mls_select_loss(const struct mls_target *target, const double *score,
                       bool log_link)
{
    double sum = 0, total = 0;

    for (int64_t i = 0; i < target->rows; i++) {
        double w = target->weight ? target->weight[i] : 1;

        sum += w * row_loss(target, score, log_link, i);
        total += w;
    }
    return sum / total;
}
