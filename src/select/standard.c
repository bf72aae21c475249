/* Standardised columns; standard.h says what for. */
#include "select/standard.h"

#include <math.h>

#include "base/memory.h"
#include "base/threads.h"
#include "stats/summary.h"

struct reading {
    const struct mls_step *step;
    const struct mls_step_input *in;
    const int64_t *order;
    struct mls_dataset *all;
};

static bool check_kinds(const struct reading *job, struct mls_error *err)
{
    const struct mls_step *step = job->step;

    for (int64_t j = 0; j < step->input_count; j++) {
        int64_t at = step->input[job->order[j]];
        const struct mls_field *field = &job->in->table->schema.fields[at];

        if (field->kind != MLS_KIND_CATEGORY)
            continue;
        mls_fail(err, MLS_DATA, "step %s needs numbers, and this is a category",
                 step->name);
        mls_fail_at(err, NULL, 0, 0, field->name);
        return mls_fail_fix(err, "make numbers of it first, with --encode "
                                 "onehot, or name only other columns");
    }
    return true;
}

static bool fail_missing(const struct reading *job, int64_t row, int64_t at,
                         struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "step %s needs every cell, and this one is missing",
             job->step->name);
    mls_table_fail_at(job->in->table, row, at, err);
    return mls_fail_fix(err, "fill missing cells first, with --impute median "
                             "(--impute mode for booleans)");
}

/* Reads column j and standardises it; a constant one becomes 0. */
static bool read_column(void *context, int64_t j, struct mls_error *err)
{
    const struct reading *job = context;
    int64_t rows = job->all->rows, at = job->all->column[j];
    double *x = job->all->x.data + j * job->all->x.stride, sd;
    struct mls_moments m;

    mls_table_reals(job->in->table, at, 0, rows, x);
    for (int64_t i = 0; i < rows; i++) {
        if (isnan(x[i]))
            return fail_missing(job, i, at, err);
    }
    if (!mls_moments(job->in->run, x, job->in->target->weight, rows, &m, err))
        return false;
    sd = m.low == m.high ? 0 : sqrt(mls_moments_variance(&m, 0));
    for (int64_t i = 0; i < rows; i++)
        x[i] = sd > 0 ? (x[i] - m.mean) / sd : 0;
    return true;
}

bool mls_select_read(const struct mls_step *step,
                     const struct mls_step_input *in, const int64_t *order,
                     struct mls_dataset *all, struct mls_error *err)
{
    const struct mls_schema *schema = &in->table->schema;
    struct reading job = { step, in, order, all };
    int64_t n = step->input_count;

    *all = (struct mls_dataset){ .rows = in->table->rows, .features = n,
                                 .target = *in->target };
    if (!check_kinds(&job, err))
        return false;
    all->column = mls_new(n, sizeof(*all->column), err);
    if (!all->column)
        return false;
    all->names = mls_new(n, sizeof(*all->names), err);
    if (!all->names)
        return false;
    for (int64_t j = 0; j < n; j++) {
        all->column[j] = step->input[order[j]];
        all->names[j] = schema->fields[all->column[j]].name;
    }
    return mls_matrix_new(&all->x, all->rows, n, err)
        && mls_parallel(in->run, n, read_column, &job, err);
}
