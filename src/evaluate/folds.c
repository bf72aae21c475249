/*
 * How rows are dealt follows from the roles of the columns: with a time, folds
 * go forward in it and a fold is trained on what came before it; with a group,
 * groups stay whole; otherwise classes are spread evenly.
 *
 * Rows that cannot be scored (no target, no weight) are left out before the
 * rows are dealt, so that folds are equal in rows that count.
 */
#include "evaluate/folds.h"

#include <math.h>

#include "base/memory.h"
#include "mlspec/split.h"
#include "pipeline/pipeline.h"

void mls_deal_clear(struct mls_deal *d)
{
    mls_free(d->row);
    mls_free(d->target);
    mls_free(d->weight);
    mls_free(d->group);
    mls_free(d->time);
}

/* Cells that say where a row belongs: all there, and no texts. */
static bool check_cells(const struct mls_table *table, int64_t column,
                        const double *cells, const struct mls_deal *d,
                        const char *what, struct mls_error *err)
{
    for (int64_t i = 0; i < d->count; i++) {
        if (!isnan(cells[d->row[i]]))
            continue;
        mls_fail(err, MLS_DATA, "the %s is missing", what);
        mls_fail_fix(err, "fill the cell in, or drop the row");
        return mls_table_fail_at(table, d->row[i], column, err);
    }
    return true;
}

/* The cells of the column with a role for the rows dealt, or NULL in *cells
 * when there is none. */
static bool gather(struct mls_deal *d, const struct mls_pipeline *p,
                   const struct mls_table *table, enum mls_role role,
                   double **cells, struct mls_error *err)
{
    const char *what = role == MLS_ROLE_GROUP ? "group" : "time";
    int64_t field = mls_schema_find_role(&p->schema, role);
    int64_t column = field < 0 ? -1
        : mls_schema_find(&table->schema, p->schema.fields[field].name);
    double *all;

    if (column < 0)
        return true;
    if (table->schema.fields[column].kind == MLS_KIND_TEXT) {
        mls_fail(err, MLS_DATA, "a %s cannot be a text", what);
        mls_fail_fix(err, "pass --categorical %s",
                     mls_show_text(table->schema.fields[column].name).text);
        return mls_fail_at(err, table->name, 0, 0,
                           table->schema.fields[column].name);
    }
    all = mls_new_array(table->rows, sizeof *all, err);
    if (!all)
        return false;
    mls_table_reals(table, column, 0, table->rows, all);
    if (!check_cells(table, column, all, d, what, err)) {
        mls_free(all);
        return false;
    }
    for (int64_t i = 0; i < d->count; i++)
        all[i] = all[d->row[i]]; /* row[i] >= i */
    *cells = all;
    return true;
}

static bool fail_target(const struct mls_pipeline *p,
                        const struct mls_table *table, int64_t row,
                        struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "the target is missing");
    mls_fail_fix(err, "fill it in, or pass --missing-target drop");
    return mls_table_fail_at(
        table, row, mls_schema_find(&table->schema, mls_pipeline_target(p)),
        err);
}

/* Moves what is known of the rows that take part to the front. */
static bool keep_rows(struct mls_deal *d, const struct mls_pipeline *p,
                      const struct mls_table *table, struct mls_error *err)
{
    for (int64_t i = 0; i < table->rows; i++) {
        if ((d->weight && d->weight[i] == 0)
            || (isnan(d->target[i]) && p->drop_missing_target))
            continue;
        if (isnan(d->target[i]))
            return fail_target(p, table, i, err);
        d->target[d->count] = d->target[i];
        if (d->weight)
            d->weight[d->count] = d->weight[i];
        d->row[d->count++] = i;
    }
    return true;
}

bool mls_deal_make(struct mls_deal *d, const struct mls_pipeline *p,
                   const struct mls_table *table, struct mls_error *err)
{
    d->stratify = p->task != MLS_REGRESSION;
    d->target = mls_pipeline_truth(p, table, err);
    return d->target && mls_pipeline_weights(p, table, &d->weight, err)
        && (d->row = mls_new_array(table->rows, sizeof *d->row, err)) != NULL
        && keep_rows(d, p, table, err)
        && gather(d, p, table, MLS_ROLE_TIME, &d->time, err)
        && gather(d, p, table, MLS_ROLE_GROUP, &d->group, err);
}

static const double *strata(const struct mls_deal *d)
{
    return d->stratify ? d->target : NULL;
}

bool mls_deal_folds(const struct mls_deal *d, int k, uint64_t seed,
                    int32_t *fold, struct mls_error *err)
{
    return d->time ? mls_split_folds_by_time(d->count, d->time, k, fold, err)
        : d->group
        ? mls_split_folds_grouped(d->count, d->group, k, seed, fold, err)
        : mls_split_folds(d->count, strata(d), k, seed, fold, err);
}

bool mls_deal_holdout(const struct mls_deal *d, double fraction, uint64_t seed,
                      uint8_t *in_test, struct mls_error *err)
{
    return d->time
        ? mls_split_by_time(d->count, d->time, fraction, in_test, err)
        : d->group ? mls_split_grouped(d->count, d->group, fraction, seed,
                                       in_test, err)
                   : mls_split_holdout(d->count, strata(d), fraction, seed,
                                       in_test, err);
}

enum mls_part mls_deal_part(const struct mls_deal *d, const int32_t *fold,
                            int64_t i, int64_t k)
{
    return fold[i] == k               ? MLS_PART_TEST
        : d->time != NULL && fold[i] > k ? MLS_PART_UNUSED
                                         : MLS_PART_TRAIN;
}

bool mls_deal_fit(const struct mls_deal *d, const uint8_t *part,
                  const struct mls_pipeline *p, const struct mls_table *table,
                  const struct mls_run *run, struct mls_pipeline **fitted,
                  struct mls_table *held, struct mls_error *err)
{
    struct mls_run own = run ? *run : (struct mls_run){ 0 };
    int64_t *train = mls_new_array(d->count, sizeof *train, err);
    int64_t *test = mls_new_array(d->count, sizeof *test, err);
    int64_t trains = 0, tests = 0;
    bool ok = train && test;

    /* The final fit on all rows says what is to be said, once. */
    own.message = NULL;
    own.progress = NULL;
    for (int64_t i = 0; ok && i < d->count; i++) {
        if (part[i] == MLS_PART_TEST)
            test[tests++] = d->row[i];
        else if (part[i] == MLS_PART_TRAIN)
            train[trains++] = d->row[i];
    }
    *fitted = ok ? mls_pipeline_copy(p, err) : NULL;
    ok = *fitted
        && mls_pipeline_fit(*fitted, table, train, trains, run ? &own : NULL,
                            err)
        && mls_table_take(table, test, tests, held, err);
    mls_free(train);
    mls_free(test);
    if (!ok) {
        mls_pipeline_free(*fitted);
        *fitted = NULL;
    }
    return ok;
}
