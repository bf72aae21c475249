/*
 * Lasso and elastic net: least squares with a penalty that makes coefficients
 * exactly 0.  The arithmetic is in lasso_solve.c; here are the params, the sums
 * over rows, and the choice of the penalty.
 *
 * Of the elastic net's two penalties the one on squares is divided by the
 * standard deviation of the target: sizes of coefficients have its unit, so the
 * balance between the two would hinge on that unit otherwise.
 *
 * The penalty that is not given is chosen by ten-fold cross-validation along a
 * path of penalties.  Rows are put in folds once, and each fold summed up once:
 * the sums to train on are those of the other folds, and the error of a fold
 * follows from its own sums, so the choice costs one pass over the data.
 *
 *      rows by fold   | 0 | 1 | 2 | ... | 9 |     gram, X'y, sums of each
 *      path for k     sums of all but k      ->  errors on k, a penalty each
 *
 * The fold of a row follows from its values, rounded to some 6 digits: equal
 * rows are never in two folds, so a weight of 2 is a repeated row here, too,
 * and the order of the rows changes nothing.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "learner/design.h"
#include "learner/design_sums.h"
#include "learner/lasso_solve.h"
#include "learner/learners.h"
#include "model/model.h"
#include "stats/summary.h"

enum { FOLDS = 10, PENALTIES = 100 };

struct lasso_params {
    double penalty;
    double share;
    bool intercept;
};

#define FIELD(field) .at = offsetof(struct lasso_params, field)
#define INTERCEPT \
    { "intercept", FIELD(intercept), .alias = "fit_intercept", \
      .kind = MLS_FLAG, .def = 1, \
      .help = "fit a constant term, which is never penalised" }

static const struct mls_param lasso_params[] = {
    { "l1", FIELD(penalty), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0,
      .max = 1e12, .low = 1e-3, .high = 1e4, .flags = MLS_LOG,
      .help = "weight of the penalty; larger makes more coefficients 0; auto: "
              "by cross-validation" },
    INTERCEPT,
    { 0 }
};

static const struct mls_param elastic_net_params[] = {
    { "penalty", FIELD(penalty), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0,
      .max = 1e12, .low = 1e-3, .high = 1e4, .flags = MLS_LOG,
      .help = "weight of both penalties; larger shrinks coefficients and makes "
              "more of them 0; auto: by cross-validation" },
    { "l1_share", FIELD(share), .kind = MLS_REAL, .def = 0.5, .min = 0,
      .max = 1, .low = 0.05, .high = 1,
      .help = "share of the penalty on sizes; the rest is on squares" },
    INTERCEPT,
    { 0 }
};

/* ---- Folds ---- */

struct keyed {
    uint64_t key;
    int64_t row;
};

static int by_key(const void *a_, const void *b_)
{
    const struct keyed *a = a_, *b = b_;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The steps are no round part of anything, so that values that are equal but
 * for rounding do not stand on both sides of one. */
static uint64_t rounded(double x, double unit)
{
    double steps = x / unit * 912345.678912345 + 0.3183098861;

    return (uint64_t)(int64_t)floor(fmin(fmax(steps, -1e18), 1e18));
}

/* The permutation that sorts rows by fold, and where each fold begins. */
static bool find_folds(const struct mls_design *design, const double *y,
                       double y_unit, int64_t *order, int64_t *begin,
                       struct mls_error *err)
{
    int64_t n = design->x.rows, p = design->x.columns, rank = -1, at = 0;
    struct keyed *all = mls_new(n, sizeof(*all), err);
    int *fold = all ? mls_new(n, sizeof(*fold), err) : NULL;

    if (!fold) {
        mls_free(all);
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        all[i].row = i;
        all[i].key = mls_random(0, MLS_RANDOM_FOLD, rounded(y[i], y_unit));
    }
    for (int64_t j = 0; j < p; j++) {
        double unit = sqrt(design->square[j] / design->weight);
        const double *x = design->x.data + j * design->x.stride;

        for (int64_t i = 0; unit > 0 && i < n; i++)
            all[i].key = mls_random(all[i].key, MLS_RANDOM_FOLD,
                                    rounded(x[i], unit));
    }
    qsort(all, (size_t)n, sizeof(*all), by_key);
    for (int64_t i = 0; i < n; i++) {
        rank += i == 0 || all[i].key != all[i - 1].key;
        fold[all[i].row] = (int)(rank % FOLDS);
    }
    for (int k = 0; k < FOLDS; k++) {
        begin[k] = at;
        for (int64_t i = 0; i < n; i++) {
            if (fold[i] == k)
                order[at++] = i;
        }
    }
    begin[FOLDS] = n;
    mls_free(fold);
    mls_free(all);
    return true;
}

struct moving {
    struct mls_matrix *x;
    const int64_t *order;
};

static bool move_column(void *context, int64_t j, struct mls_error *err)
{
    const struct moving *m = context;
    double *x = m->x->data + j * m->x->stride;
    double *copy = mls_new_array(m->x->rows, sizeof(double), err);

    if (!copy)
        return false;
    memcpy(copy, x, (size_t)m->x->rows * sizeof(double));
    for (int64_t i = 0; i < m->x->rows; i++)
        x[i] = copy[m->order[i]];
    mls_free(copy);
    return true;
}

/* ---- Sums ---- */

static bool sum_up(const struct mls_run *run, const struct mls_matrix *x,
                   const double *y, const double *w, struct mls_sums *sums,
                   struct mls_error *err)
{
    if (!mls_sums_new(sums, x->columns, err))
        return false;
    for (int64_t i = 0; i < x->rows; i++) {
        double weight = w ? w[i] : 1;

        sums->weight += weight;
        sums->y += weight * y[i];
        sums->yy += weight * y[i] * y[i];
    }
    return mls_gram(run, x, w, &sums->gram, err)
        && mls_gemv_transposed(run, x, w, y, sums->xy, err)
        && mls_column_sums(run, x, w, sums->x, err);
}

/* ---- The path ---- */

struct path {
    const struct mls_sums *fold; /* FOLDS */
    double penalty[PENALTIES];
    double share;
    double square;              /* l2 for a penalty of 1 */
    bool intercept;
    int64_t p;
    double error[FOLDS][PENALTIES];
};

/* The l1 that an entry of a path had before, for the strong rules. */
static double before(const struct path *path, int k)
{
    return k > 0 ? path->penalty[k - 1] * path->share : INFINITY;
}

static bool walk(const struct mls_sums *train, const struct path *path,
                 const struct mls_sums *test, const double *mean,
                 double mean_y, double *b, double *error,
                 struct mls_error *err)
{
    for (int k = 0; k < PENALTIES; k++) {
        double l1 = path->penalty[k] * path->share, constant = mean_y;
        double l2 = path->penalty[k] * path->square;

        if (!mls_lasso_solve(train, l1, l2, before(path, k), b, NULL, err))
            return false;
        for (int64_t j = 0; j < path->p; j++)
            constant -= mean[j] * b[j];
        error[k] = mls_sums_error(test, b, path->intercept ? constant : 0);
    }
    return true;
}

static bool path_task(void *context, int64_t fold, struct mls_error *err)
{
    struct path *path = context;
    struct mls_sums train = { 0 };
    double *b = mls_new(path->p, sizeof(double), err);
    double *mean = b ? mls_new(path->p, sizeof(double), err) : NULL;
    double mean_y;
    bool ok = mean && mls_sums_new(&train, path->p, err);

    for (int k = 0; ok && k < FOLDS; k++) {
        if (k != fold)
            mls_sums_add(&train, &path->fold[k]);
    }
    if (ok && train.weight > 0) {
        for (int64_t j = 0; j < path->p; j++)
            mean[j] = train.x[j] / train.weight;
        mean_y = train.y / train.weight;
        if (path->intercept)
            mls_sums_centre(&train);
        ok = walk(&train, path, &path->fold[fold], mean, mean_y, b,
                  path->error[fold], err);
    }
    mls_sums_clear(&train);
    mls_free(mean);
    mls_free(b);
    return ok;
}

/* From the one that makes all coefficients 0 to a small part of it. */
static void fill_penalties(struct path *path, double largest, bool wide)
{
    double share = fmax(path->share, 1e-3), end = wide ? 1e-2 : 1e-4;

    for (int k = 0; k < PENALTIES; k++) {
        path->penalty[k] =
            largest / share * pow(end, (double)k / (PENALTIES - 1));
    }
}

/* ---- The fit ---- */

struct fitting {
    const struct mls_fit_job *job;
    const struct lasso_params *params;
    double share;
    struct mls_design_sums sums; /* with the penalty given, or */
    struct mls_design design;   /* to choose it by */
    double *y, *w;              /* rows as in design; w NULL: all 1 */
    double mean_y, unit_y;
    struct mls_sums all;
    struct path *path;
    double penalty, gap, cv_rmse;
};

static bool prepare(struct fitting *f, struct mls_error *err)
{
    const struct mls_dataset *data = f->job->data;
    const struct mls_target *target = &data->target;
    struct mls_moments moments;

    if (!mls_moments(f->job->run, target->y, target->weight, data->rows,
                     &moments, err)) {
        return false;
    }
    f->mean_y = moments.mean;
    f->unit_y = sqrt(mls_moments_variance(&moments, 0));
    if (!isfinite(f->unit_y))
        return mls_fail(err, MLS_DATA,
                        "numbers of the target are too large to be squared");
    if (!(f->unit_y > 0))
        f->unit_y = 1;
    return true;
}

/* Copies of all rows, to be put in the order of the folds. */
static bool copy_rows(struct fitting *f, struct mls_error *err)
{
    const struct mls_dataset *data = f->job->data;
    const struct mls_target *target = &data->target;

    f->y = mls_new_array(data->rows, sizeof(double), err);
    if (!f->y
        || !mls_design_new(f->job->run, data, true, false, &f->design, err)) {
        return false;
    }
    for (int64_t i = 0; i < data->rows; i++)
        f->y[i] = target->y[i] - f->mean_y;
    if (!target->weight)
        return true;
    f->w = mls_new_array(data->rows, sizeof(double), err);
    if (f->w)
        memcpy(f->w, target->weight, (size_t)data->rows * sizeof(double));
    return f->w != NULL;
}

static void permute(double *x, const int64_t *order, int64_t n, double *copy)
{
    memcpy(copy, x, (size_t)n * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        x[i] = copy[order[i]];
}

/* Rows by fold. */
static bool arrange(struct fitting *f, int64_t *begin, struct mls_error *err)
{
    int64_t n = f->design.x.rows;
    int64_t *order = mls_new(n, sizeof(*order), err);
    double *copy = order ? mls_new_array(n, sizeof(double), err) : NULL;
    struct moving moving = { &f->design.x, order };
    bool ok = copy
        && find_folds(&f->design, f->y, f->unit_y, order, begin, err)
        && mls_parallel(f->job->run, f->design.x.columns, move_column, &moving,
                        err);

    if (ok) {
        permute(f->y, order, n, copy);
        if (f->w)
            permute(f->w, order, n, copy);
    }
    mls_free(copy);
    mls_free(order);
    return ok;
}

/* Without an intercept the means go back in. */
static void uncentre(struct fitting *f)
{
    struct mls_matrix *x = &f->design.x;

    for (int64_t j = 0; j < x->columns; j++) {
        for (int64_t i = 0; i < x->rows; i++)
            x->data[i + j * x->stride] += f->design.mean[j];
    }
    for (int64_t i = 0; i < x->rows; i++)
        f->y[i] += f->mean_y;
}

/* The penalty of the least error; the largest of equals. */
static double choose(struct fitting *f)
{
    double least = INFINITY, best = f->path->penalty[0];

    for (int k = 0; k < PENALTIES; k++) {
        double error = 0;

        for (int fold = 0; fold < FOLDS; fold++)
            error += f->path->error[fold][k];
        if (error < least) {
            least = error;
            best = f->path->penalty[k];
        }
    }
    f->cv_rmse = sqrt(fmax(least, 0) / f->all.weight);
    return best;
}

static bool cross_validate(struct fitting *f, const int64_t *begin,
                           struct mls_error *err)
{
    struct mls_sums fold[FOLDS] = { 0 };
    int64_t p = f->design.x.columns;
    bool ok = mls_sums_new(&f->all, p, err);

    for (int k = 0; ok && k < FOLDS; k++) {
        struct mls_matrix x = f->design.x;

        x.data += begin[k];
        x.rows = begin[k + 1] - begin[k];
        ok = mls_run_go_on(f->job->run, err)
            && sum_up(f->job->run, &x, f->y + begin[k],
                      f->w ? f->w + begin[k] : NULL, &fold[k], err);
        if (ok)
            mls_sums_add(&f->all, &fold[k]);
    }
    if (ok) {
        f->path->fold = fold;
        if (f->params->intercept)
            mls_sums_centre(&f->all);
        fill_penalties(f->path, mls_lasso_largest(&f->all),
                       f->design.x.rows < p);
        ok = mls_parallel(f->job->run, FOLDS, path_task, f->path, err);
        f->penalty = choose(f);
    }
    for (int k = 0; k < FOLDS; k++)
        mls_sums_clear(&fold[k]);
    return ok;
}

/* Down the path to the penalty, so that each start is near. */
static bool descend(struct fitting *f, double *b, struct mls_error *err)
{
    double share = f->share, previous = INFINITY;
    double square = (1 - share) / f->unit_y;
    double l1 = f->penalty * share, l2 = f->penalty * square;
    double step = pow(1e-4, 1.0 / 20);
    double at = mls_lasso_largest(&f->all) / fmax(share, 1e-3);

    for (; at * step > f->penalty && at > 1e-5 * f->penalty; at *= step) {
        if (!mls_run_go_on(f->job->run, err)
            || !mls_lasso_solve(&f->all, at * share, at * square, previous, b,
                                NULL, err)) {
            return false;
        }
        previous = at * share;
        if (at < 1e-6 * mls_lasso_largest(&f->all))
            break;
    }
    return mls_lasso_solve(&f->all, l1, l2, previous, b, &f->gap, err);
}

static bool add_chosen(const struct fitting *f, const struct mls_param *row,
                       const double *coef, struct mls_error *err)
{
    struct mls_json *chosen = f->job->chosen;
    int64_t count = 0;

    for (int64_t j = 0; j < f->job->data->features; j++)
        count += coef[j] != 0;
    return !chosen
        || (mls_json_add_real(chosen, row->name, f->penalty, err)
            && (isnan(f->cv_rmse)
                || mls_json_add_real(chosen, "cv_rmse", f->cv_rmse, err))
            && mls_json_add_integer(chosen, "nonzero", count, err));
}

static bool choose_penalty(struct fitting *f, struct mls_error *err)
{
    int64_t begin[FOLDS + 1];
    bool ok = copy_rows(f, err) && arrange(f, begin, err);

    if (ok && !f->params->intercept)
        uncentre(f);
    ok = ok && (f->path = mls_new(1, sizeof(*f->path), err)) != NULL;
    if (ok) {
        f->path->share = f->share;
        f->path->square = (1 - f->share) / f->unit_y;
        f->path->intercept = f->params->intercept;
        f->path->p = f->design.x.columns;
    }
    return ok && cross_validate(f, begin, err);
}

/* With the penalty given, the table is not copied. */
static bool sum_all(struct fitting *f, struct mls_error *err)
{
    return mls_design_sums_new(f->job->run, f->job->data,
                               f->params->intercept, &f->sums, err)
        && mls_sums_take(&f->all, &f->sums, err);
}

static bool fit_into(struct fitting *f, const struct mls_param *row,
                     double *coef, double *intercept, struct mls_error *err)
{
    const double *mean;
    bool ok = prepare(f, err);

    f->penalty = f->params->penalty;
    f->cv_rmse = NAN;
    if (ok)
        ok = isnan(f->penalty) ? choose_penalty(f, err) : sum_all(f, err);
    ok = ok && descend(f, coef, err) && add_chosen(f, row, coef, err);
    mean = f->design.mean ? f->design.mean : f->sums.mean;
    if (ok && f->params->intercept) {
        *intercept = mls_design_intercept(mean, coef, f->job->data->features,
                                          f->mean_y);
    }
    return ok;
}

static struct mls_model *fit(const struct mls_fit_job *job, double share,
                             const struct mls_param *row,
                             struct mls_error *err)
{
    struct fitting f = { .job = job, .params = job->params, .share = share };
    struct mls_model *model;
    double *coef, *intercept;

    if (!mls_learner_need_rows(job->data, err))
        return NULL;
    model = mls_model_linear_new(MLS_REGRESSION, 0, job->data->features,
                                 &coef, &intercept, err);
    if (model
        && (!mls_run_go_on(job->run, err)
            || !fit_into(&f, row, coef, intercept, err))) {
        mls_model_free(model);
        model = NULL;
    }
    mls_free(f.path);
    mls_sums_clear(&f.all);
    mls_free(f.w);
    mls_free(f.y);
    mls_design_clear(&f.design);
    mls_design_sums_clear(&f.sums);
    return mls_learner_finish(model, err);
}

static struct mls_model *fit_lasso(const struct mls_fit_job *job,
                                   struct mls_error *err)
{
    return fit(job, 1, lasso_params, err);
}

static struct mls_model *fit_elastic_net(const struct mls_fit_job *job,
                                         struct mls_error *err)
{
    const struct lasso_params *p = job->params;

    return fit(job, p->share, elastic_net_params, err);
}

#define SAME \
    .tasks = MLS_TASK_REGRESSION, \
    .can = MLS_CAN_WEIGHTS | MLS_CAN_STOP | MLS_CAN_INSPECT | MLS_CAN_SHIFT, \
    .takes = MLS_TAKES_MATRIX, \
    .steps = "impute(strategy=median,indicator=true) " \
             "scale(method=standard) onehot", \
    .params_size = sizeof(struct lasso_params)

const struct mls_learner_type mls_learner_lasso = {
    .name = "lasso",
    .summary = "least squares with a penalty that makes coefficients 0",
    .source = "Tibshirani (1996), J. R. Stat. Soc. B 58(1), 267-288",
    .objective = "1/2 sum_i w_i (y_i - b0 - x_i'b)^2 + l1 |b|_1",
    .params = lasso_params, .fit = fit_lasso, SAME
};

const struct mls_learner_type mls_learner_elastic_net = {
    .name = "elastic_net",
    .summary = "least squares with a penalty between lasso's and ridge's",
    .source = "Zou & Hastie (2005), J. R. Stat. Soc. B 67(2), 301-320",
    .objective = "1/2 sum_i w_i (y_i - b0 - x_i'b)^2 + penalty (l1_share |b|_1 "
                 "+ (1 - l1_share)/(2 s) |b|^2), s: standard deviation of y",
    .params = elastic_net_params, .fit = fit_elastic_net, SAME
};
