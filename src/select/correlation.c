/*
 * Drops numeric columns that say what another one says already.
 *
 * The columns are put in order of merit: by their relation to the target when
 * there is one (|Pearson's r|; for three classes or more the correlation ratio,
 * which is the same thing for two), ties and no target: by name.  Then, from
 * the best on, a column stays unless its |r| with one that stays already is
 * above the threshold.  So no two that stay are above it, and each that goes
 * has a better one that stays.  The score is the largest |r| with a better one
 * that stays.
 *
 * All r are over the rows where both columns have a value:
 *
 *             complete    with holes
 *   complete  X'WX        pair by pair     X: centred, length 1
 *   w. holes  pair by pair
 *
 * Memory O(rows * columns + columns^2), time O(rows * columns^2).
 */
#include "base/memory.h"
#include "base/threads.h"
#include "linalg/matrix.h"
#include "select/select.h"
#include "stats/association.h"
#include "stats/summary.h"

struct correlation_params {
    double threshold;
};

#define FIELD(name) #name, .at = offsetof(struct correlation_params, name)
static const struct mls_param params[] = {
    { FIELD(threshold), .kind = MLS_REAL, .def = 0.95, .min = 0, .max = 1,
      .help = "of two columns with |r| above it one is dropped" },
    { 0 }
};

struct fit_job {
    const struct mls_step *step;
    const struct mls_step_input *in;
    int64_t rows, columns;
    int64_t *order;             /* the inputs by name */
    struct mls_matrix x;        /* rows x columns, in that order */
    struct mls_matrix r;        /* columns x columns */
    uint8_t *holes;             /* column has missing cells */
    double *merit;              /* of each input */
};

static double *column_of(const struct fit_job *job, int64_t j)
{
    return job->x.data + j * job->x.stride;
}

/* Reads column j; a complete one is centred and given length 1 (0 when it is
 * constant). */
static bool read_column(void *context, int64_t j, struct mls_error *err)
{
    struct fit_job *job = context;
    double *x = column_of(job, j), length;
    struct mls_moments m;

    mls_table_reals(job->in->table, job->step->input[job->order[j]], 0,
                    job->rows, x);
    if (!mls_moments(job->in->run, x, job->in->target->weight, job->rows, &m,
                     err))
        return false;
    job->holes[j] = m.missing > 0;
    if (job->holes[j])
        return true;
    length = m.low == m.high ? 0 : sqrt(m.m2);
    for (int64_t i = 0; i < job->rows; i++)
        x[i] = length > 0 ? (x[i] - m.mean) / length : 0;
    return true;
}

/* |r| of x and y where both have a value.  x and y are destroyed. */
static bool correlate(const struct fit_job *job, double *x, double *y,
                      double *r, struct mls_error *err)
{
    const double *weight = job->in->target->weight;
    double *w = NULL;
    int64_t n;
    bool ok;

    if (weight) {
        w = mls_select_copy(weight, job->rows, err);
        if (!w)
            return false;
    }
    n = mls_select_complete(x, y, w, job->rows);
    *r = 0;
    ok = n == 0 || mls_correlation(job->in->run, x, y, w, n, r, err);
    *r = fabs(*r);
    mls_free(w);
    return ok;
}

static bool correlate_copies(const struct fit_job *job, const double *x,
                             const double *y, double *r, struct mls_error *err)
{
    double *a = mls_select_copy(x, job->rows, err), *b = NULL;
    bool ok;

    if (a)
        b = mls_select_copy(y, job->rows, err);
    ok = b && correlate(job, a, b, r, err);
    mls_free(b);
    mls_free(a);
    return ok;
}

/* The pairs of column j that X'WX is not right for.  Each pair belongs to one
 * task: the one with holes, of two with holes the later. */
static bool fill_pairs(void *context, int64_t j, struct mls_error *err)
{
    struct fit_job *job = context;

    if (!job->holes[j])
        return true;
    for (int64_t i = 0; i < job->columns; i++) {
        double r;

        if (i == j || (job->holes[i] && i > j))
            continue;
        if (!correlate_copies(job, column_of(job, i), column_of(job, j), &r,
                              err))
            return false;
        job->r.data[i + j * job->r.stride] = r;
        job->r.data[j + i * job->r.stride] = r;
    }
    return true;
}

/* eta: the root of the share of x's spread that lies between the classes. */
static bool correlation_ratio(const struct fit_job *job, double *x, double *y,
                              double *eta, struct mls_error *err)
{
    const struct mls_target *target = job->in->target;
    double *w = NULL, f, p, total = 0;
    int64_t n, classes = 0;
    bool *seen = NULL;
    bool ok = true;

    *eta = 0;
    if (target->weight) {
        w = mls_select_copy(target->weight, job->rows, err);
        ok = w != NULL;
    }
    if (ok) {
        seen = mls_new(target->classes, sizeof(*seen), err);
        ok = seen != NULL;
    }
    n = ok ? mls_select_complete(x, y, w, job->rows) : 0;
    for (int64_t i = 0; i < n; i++) {
        total += w ? w[i] : 1;
        classes += !seen[(int64_t)y[i]];
        seen[(int64_t)y[i]] = true;
    }
    if (ok && n > 0)
        ok = mls_anova_f(x, y, target->classes, w, n, &f, &p, err);
    if (ok && n > 0 && isinf(f)) {
        *eta = 1;
    } else if (ok && n > 0 && f > 0) {
        double between = f * (double)(classes - 1);

        *eta = sqrt(between / (between + total - (double)classes));
    }
    mls_free(seen);
    mls_free(w);
    return ok;
}

static bool judge_column(void *context, int64_t j, struct mls_error *err)
{
    struct fit_job *job = context;
    const struct mls_target *target = job->in->target;
    double *merit = &job->merit[job->order[j]];
    double *x, *y = NULL;
    bool ok;

    if (target->task != MLS_MULTICLASS)
        return correlate_copies(job, column_of(job, j), target->y, merit, err);
    x = mls_select_copy(column_of(job, j), job->rows, err);
    if (x)
        y = mls_select_copy(target->y, job->rows, err);
    ok = y && correlation_ratio(job, x, y, merit, err);
    mls_free(y);
    mls_free(x);
    return ok;
}

static bool correlate_all(struct fit_job *job, struct mls_error *err)
{
    const struct mls_run *run = job->in->run;

    return mls_matrix_new(&job->x, job->rows, job->columns, err)
        && mls_matrix_new(&job->r, job->columns, job->columns, err)
        && mls_parallel(run, job->columns, read_column, job, err)
        && mls_gram(run, &job->x, job->in->target->weight, &job->r, err)
        && mls_parallel(run, job->columns, fill_pairs, job, err)
        && (!job->in->target->y
            || mls_parallel(run, job->columns, judge_column, job, err));
}

static bool choose(struct fit_job *job, struct mls_selection *to,
                   struct mls_error *err)
{
    const struct correlation_params *p = job->step->params;
    int64_t *best = mls_select_by_score(job->step, job->merit, err);
    int64_t *place = NULL;
    bool ok = best != NULL;

    if (ok) {
        place = mls_new(job->columns, sizeof(*place), err);
        ok = place != NULL;
    }
    for (int64_t j = 0; ok && j < job->columns; j++)
        place[job->order[j]] = j;
    for (int64_t i = 0; ok && i < job->columns; i++) {
        const double *r = job->r.data + place[best[i]] * job->r.stride;
        double largest = 0;

        for (int64_t h = 0; h < i; h++) {
            if (to->keep[best[h]] && fabs(r[place[best[h]]]) > largest)
                largest = fmin(fabs(r[place[best[h]]]), 1);
        }
        to->score[best[i]] = largest;
        to->keep[best[i]] = !(largest > p->threshold);
    }
    mls_free(place);
    mls_free(best);
    return ok;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct fit_job job = { .step = step, .in = in, .rows = in->table->rows,
                           .columns = step->input_count };
    struct mls_selection to;
    bool ok = mls_select_new(step, 0, &to, err);

    if (ok && job.columns == 0)
        return true;
    if (ok) {
        job.order = mls_select_by_name(step, err);
        ok = job.order != NULL;
    }
    if (ok) {
        job.holes = mls_new(job.columns, 1, err);
        ok = job.holes != NULL;
    }
    if (ok) {
        job.merit = mls_new(job.columns, sizeof(*job.merit), err);
        ok = job.merit != NULL;
    }
    ok = ok && correlate_all(&job, err) && choose(&job, &to, err);
    mls_free(job.merit);
    mls_free(job.holes);
    mls_free(job.order);
    mls_free(job.r.data);
    mls_free(job.x.data);
    return ok;
}

const struct mls_step_type mls_select_correlation = {
    .name = "correlation",
    .family = "select",
    .summary = "drops numeric columns that say what another one says",
    .source = "Pearson (1895), Proceedings of the Royal Society 58, 240-242",
    .fits = MLS_KINDS_NUMERIC,
    .params = params,
    .params_size = sizeof(struct correlation_params),
    .fit = fit,
    .check = mls_select_check,
    .plan_input = mls_select_plan_input,
    .describe = mls_select_describe,
};
