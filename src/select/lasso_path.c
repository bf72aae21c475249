/*
 * Selection along the lasso's path: from the penalty that makes all
 * coefficients 0 the penalty falls, and columns come in.  The earlier one does,
 * the more it says that those before it do not.
 *
 *   penalty   1.0      0.93     0.87    ...    0.01     (of the largest)
 *   columns   -        b        b d            a b d f
 *   score              b: 0.93  d: 0.87  ...            0: never
 *
 * Columns are standardised first, for a penalty on coefficients of columns in
 * different units does not compare.  Numbers: the lasso of least squares, on
 * sums over rows (learner/lasso_solve.h).  Classes: the lasso of the logistic
 * loss, by Newton's method: each penalty is solved by lassos of the loss's
 * second order approximation (iteratively reweighted least squares), started at
 * the solution of the penalty before.  More than two classes: each against the
 * rest, and a column has the best of its scores.  An offset is taken from numbers;
 * of classes it is not looked at.
 *
 * Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1).
 */
#include <math.h>

#include "base/memory.h"
#include "learner/lasso_solve.h"
#include "select/select.h"
#include "select/standard.h"

enum { PENALTIES = 100, NEWTON_STEPS = 25 };
#define LEAST 0.01              /* penalty, of the largest */
#define CLOSE 1e-7              /* scores move no further: solved */
#define SURE 1e-9               /* curvature of a row, at least */

struct l1_params {
    int64_t k;
};

#define FIELD(name) #name, .at = offsetof(struct l1_params, name)
static const struct mls_param params[] = {
    { FIELD(k), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 1, .max = 1e6,
      .help = "how many columns to keep; auto: half" },
    { 0 }
};

struct walking {
    const struct mls_run *run;
    const struct mls_matrix *x;
    const double *w;            /* NULL: all 1 */
    int64_t n, p;
    struct mls_sums sums;
    double *b, *score;          /* p; score: of columns by name */
    double *y;                  /* n: the target, or 0 and 1 */
    double *s, *weight, *aim;   /* n: scores, and the approximation's rows */
    double *work;               /* n */
    double constant;
};

static double penalty_of(double largest, int k)
{
    return largest * pow(LEAST, (double)k / (PENALTIES - 1));
}

/* Sums of aim on x with weights, centred. */
static bool sum_up(struct walking *a, struct mls_error *err)
{
    struct mls_sums *sums = &a->sums;

    sums->weight = sums->y = sums->yy = 0;
    for (int64_t i = 0; i < a->n; i++) {
        sums->weight += a->weight[i];
        sums->y += a->weight[i] * a->aim[i];
        sums->yy += a->weight[i] * a->aim[i] * a->aim[i];
    }
    if (!mls_gram(a->run, a->x, a->weight, &sums->gram, err)
        || !mls_gemv_transposed(a->run, a->x, a->weight, a->aim, sums->xy, err)
        || !mls_column_sums(a->run, a->x, a->weight, sums->x, err)) {
        return false;
    }
    mls_sums_centre(sums);
    return true;
}

/* Columns that are in now and were not before. */
static void note_entries(struct walking *a, double score)
{
    for (int64_t j = 0; j < a->p; j++) {
        if (a->b[j] != 0)
            a->score[j] = fmax(a->score[j], score);
    }
}

static bool walk_squares(struct walking *a, struct mls_error *err)
{
    double largest, before = INFINITY;

    for (int64_t i = 0; i < a->n; i++) {
        a->weight[i] = a->w ? a->w[i] : 1;
        a->aim[i] = a->y[i];
    }
    if (!sum_up(a, err))
        return false;
    largest = mls_lasso_largest(&a->sums);
    for (int k = 0; k < PENALTIES && largest > 0; k++) {
        double l1 = penalty_of(largest, k);

        if (!mls_run_go_on(a->run, err)
            || !mls_lasso_solve(&a->sums, l1, 0, before, a->b, NULL, err)) {
            return false;
        }
        note_entries(a, l1 / largest);
        before = l1;
    }
    return true;
}

/* ---- Classes ---- */

/* The loss about the scores: 1/2 sum weight (aim - score)^2 and a constant. */
static bool approximate(struct walking *a, struct mls_error *err)
{
    for (int64_t i = 0; i < a->n; i++) {
        double p = 1 / (1 + exp(-a->s[i]));
        double curvature = fmax(p * (1 - p), SURE);

        a->weight[i] = (a->w ? a->w[i] : 1) * curvature;
        a->aim[i] = a->s[i] + (a->y[i] - p) / curvature;
    }
    return sum_up(a, err);
}

/* The scores of b; *move receives how far the furthest went. */
static bool score_rows(struct walking *a, double *move, struct mls_error *err)
{
    *move = 0;
    a->constant = a->sums.y;
    for (int64_t j = 0; j < a->p; j++)
        a->constant -= a->sums.x[j] * a->b[j];
    a->constant /= a->sums.weight;
    if (!mls_gemv(a->run, a->x, a->b, a->work, err))
        return false;
    for (int64_t i = 0; i < a->n; i++) {
        double s = a->work[i] + a->constant;

        *move = fmax(*move, fabs(s - a->s[i]));
        a->s[i] = s;
    }
    return true;
}

/* *solved is false when Newton's method does not get there: the classes are all
 * but separated. */
static bool solve_logistic(struct walking *a, double l1, bool *solved,
                           struct mls_error *err)
{
    double move;

    *solved = false;
    for (int k = 0; k < NEWTON_STEPS && !*solved; k++) {
        if (!mls_run_go_on(a->run, err) || !approximate(a, err)
            || !mls_lasso_solve(&a->sums, l1, 0, INFINITY, a->b, NULL, err)
            || !score_rows(a, &move, err)) {
            return false;
        }
        if (!isfinite(move))
            return true;
        *solved = move <= CLOSE;
    }
    return true;
}

/* The scores of the constant alone are the log-odds of the classes. */
static bool walk_classes(struct walking *a, struct mls_error *err)
{
    double total = 0, positive = 0, largest;
    bool solved = true;

    for (int64_t i = 0; i < a->n; i++) {
        double w = a->w ? a->w[i] : 1;

        total += w;
        positive += w * a->y[i];
    }
    if (!(positive > 0) || !(positive < total))
        return true;
    for (int64_t i = 0; i < a->n; i++)
        a->s[i] = log(positive / (total - positive));
    memset(a->b, 0, (size_t)a->p * sizeof(double));
    if (!approximate(a, err))
        return false;
    largest = mls_lasso_largest(&a->sums);
    for (int k = 0; k < PENALTIES && largest > 0 && solved; k++) {
        double l1 = penalty_of(largest, k);

        if (!solve_logistic(a, l1, &solved, err))
            return false;
        if (solved)
            note_entries(a, l1 / largest);
    }
    return true;
}

static bool walk(struct walking *a, const struct mls_target *target,
                 struct mls_error *err)
{
    if (target->task == MLS_REGRESSION) {
        for (int64_t i = 0; i < a->n; i++)
            a->y[i] = target->y[i] - (target->offset ? target->offset[i] : 0);
        return walk_squares(a, err);
    }
    for (int k = target->task == MLS_BINARY; k < target->classes; k++) {
        mls_progress(a->run, "lasso_path", k, target->classes);
        for (int64_t i = 0; i < a->n; i++)
            a->y[i] = target->y[i] == k;
        if (!walk_classes(a, err))
            return false;
    }
    return true;
}

/* ---- fit ---- */

static bool make_room(struct walking *a, struct mls_error *err)
{
    a->y = mls_new_array(5 * a->n, sizeof(double), err);
    a->b = a->y ? mls_new(2 * a->p, sizeof(double), err) : NULL;
    if (!a->b)
        return false;
    a->s = a->y + a->n;
    a->weight = a->s + a->n;
    a->aim = a->weight + a->n;
    a->work = a->aim + a->n;
    a->score = a->b + a->p;
    return mls_sums_new(&a->sums, a->p, err);
}

static bool report(const struct mls_step *step, const struct walking *a,
                   const int64_t *order, struct mls_selection *to,
                   struct mls_error *err)
{
    const struct l1_params *p = step->params;
    int64_t keep = p->k == MLS_AUTO_INTEGER ? mls_select_half(a->p) : p->k;
    int64_t *best;

    for (int64_t j = 0; j < a->p; j++)
        to->score[order[j]] = a->score[j];
    best = mls_select_by_score(step, to->score, err);
    for (int64_t i = 0; best && i < a->p && i < keep; i++)
        to->keep[best[i]] = to->score[best[i]] > 0;
    mls_free(best);
    return best != NULL;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    struct mls_dataset all = { 0 };
    struct mls_selection to;
    struct walking a = { .run = in->run, .x = &all.x, .w = in->target->weight,
                         .n = in->table->rows, .p = step->input_count };
    int64_t *order = NULL;
    bool ok = mls_select_new(step, 0, &to, err);

    if (ok && step->input_count > 0) {
        order = mls_select_by_name(step, err);
        ok = order && mls_select_read(step, in, order, &all, err)
            && make_room(&a, err) && walk(&a, in->target, err)
            && report(step, &a, order, &to, err);
    }
    if (ok)
        mls_select_warn(step, in->run, &to);
    mls_sums_clear(&a.sums);
    mls_free(a.b);
    mls_free(a.y);
    mls_dataset_clear(&all);
    mls_free(order);
    return ok;
}

const struct mls_step_type mls_select_lasso_path = {
    .name = "lasso_path",
    .family = "select",
    .summary = "keeps the columns that enter a lasso's path first",
    .source = "Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1)",
    .fits = MLS_KINDS_NUMERIC | MLS_KINDS_CODED,
    .needs_target = true,
    .tasks = MLS_TASK_ANY,
    .params = params,
    .params_size = sizeof(struct l1_params),
    .fit = fit,
    .check = mls_select_check,
    .plan_input = mls_select_plan_input,
    .describe = mls_select_describe,
};
