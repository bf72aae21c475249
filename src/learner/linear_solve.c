/*
 * Least squares to the last digit.
 *
 *   gram matrix of the centred, scaled columns, in double
 *        │ well conditioned               │ not, or not definite
 *   Cholesky                         the same gram matrix in twice the digits,
 *        │                           Cholesky without pivoting that leaves
 *        │                           dependent columns out
 *        └──────────── refinement ────────┘
 *             b += (X'X)^-1 X'(y - X b)
 *
 * Squaring the condition number costs half the digits, and twice the digits
 * make up for it: no QR is needed.  Small tables take that way at once, which
 * gives their standard errors all digits, too.  Large ones start at the solution
 * of their sums in double.  Refinement takes residual and gradient from
 * the columns as they were given, in twice the digits, so neither centring nor
 * the factor's rounding leaves a trace: what comes out is the solution for the
 * given doubles, rounded once.  Bjorck (1996), Numerical Methods for Least
 * Squares Problems, 2.9.
 *
 * Dependent columns are those that the columns before them (in byte order of
 * the names) make up.  Pivoting would find others that do as well, but hinge on
 * rounding.
 */
#include "learner/linear_solve.h"

#include <math.h>

#include "base/memory.h"
#include "base/text.h"
#include "learner/design.h"
#include "learner/design_sums.h"
#include "linalg/extended.h"

#define WELL_CONDITIONED 1e-9   /* reciprocal, of the scaled gram matrix */
#define DEPENDENT 1e-24         /* squared distance to the columns before */
enum { REFINEMENTS = 8, SMALL = 1000000 };

struct solving {
    const struct mls_run *run;
    const struct mls_dataset *data;
    bool intercept;
    int64_t n, p;
    struct mls_design design;   /* of a small table; or */
    struct mls_design_sums sums; /* of a large one */
    const double *centre, *square; /* p: means, squares; of one of them */
    double weight;              /* sum of the weights */
    bool large, started;        /* started: b is a solution in double */
    double *scale;              /* p: one over the length, centred */
    struct mls_two *mean;       /* p: what the factor's columns are less */
    struct mls_matrix factor;   /* p x p, double; or */
    struct mls_two *two;        /* p x p in twice the digits */
    bool *dependent;
    struct mls_two *b, *gradient; /* p + 1, the constant last */
    struct mls_two *step;       /* p + 1 */
    double *high, *low;         /* n */
};

static struct mls_two two_of(double x)
{
    return (struct mls_two){ x, 0 };
}

static struct mls_two minus_times(struct mls_two a, struct mls_two b,
                                  struct mls_two c)
{
    return mls_two_add(a, mls_two_minus(mls_two_times(b, c)));
}

/* ---- Factors ---- */

static bool factor_in_double(struct solving *s, bool *good,
                             struct mls_error *err)
{
    int64_t p = s->p;
    double condition = 0;

    if (!mls_matrix_new(&s->factor, p, p, err))
        return false;
    memcpy(s->factor.data, s->sums.gram.data,
           (size_t)(p * p) * sizeof(double));
    for (int64_t j = 0; j < p; j++) {
        for (int64_t i = 0; i < p; i++)
            s->factor.data[i + j * p] *= s->scale[i] * s->scale[j];
        if (s->dependent[j])
            s->factor.data[j + j * p] = 1;
    }
    if (!mls_cholesky(&s->factor, good, &condition, err))
        return false;
    *good = *good && condition > WELL_CONDITIONED;
    return true;
}

/* The lower triangle of the gram matrix, centred and scaled.  Takes the sums
 * in its last row, which is gone after. */
static void centre_two(const struct solving *s, struct mls_two *gram)
{
    int64_t p = s->p, size = p + 1;
    struct mls_two weight = gram[p + p * size];

    for (int64_t j = 0; j < p; j++) {
        struct mls_two share = mls_two_over(gram[p + j * size], weight);

        if (s->intercept)
            s->mean[j] = share;
        for (int64_t i = j; i < p; i++) {
            struct mls_two *to = &gram[i + j * size];

            if (s->intercept)
                *to = minus_times(*to, share, gram[p + i * size]);
            *to = mls_two_times(*to, two_of(s->scale[i]));
            *to = mls_two_times(*to, two_of(s->scale[j]));
        }
    }
}

/* Row j of L from the rows before; a dependent column has none. */
static void factor_row(struct solving *s, const struct mls_two *gram,
                       int64_t j)
{
    int64_t p = s->p, size = p + 1;
    struct mls_two *row = s->two + j * p, rest = gram[j + j * size];

    for (int64_t k = 0; k < j; k++) {
        struct mls_two sum = gram[j + k * size];

        row[k] = two_of(0);
        if (s->dependent[k])
            continue;
        for (int64_t l = 0; l < k; l++)
            sum = minus_times(sum, row[l], s->two[l + k * p]);
        row[k] = mls_two_over(sum, s->two[k + k * p]);
        rest = minus_times(rest, row[k], row[k]);
    }
    s->dependent[j] = s->dependent[j] || !(rest.high > DEPENDENT);
    row[j] = s->dependent[j] ? two_of(1) : mls_two_root(rest);
}

/* s->two becomes L row by row. */
static bool factor_in_two(struct solving *s, struct mls_error *err)
{
    int64_t p = s->p, size = p + 1, square;
    struct mls_two *gram;
    bool ok;

    if (__builtin_mul_overflow(size, size, &square))
        return mls_fail(err, MLS_LIMIT, "too many columns");
    gram = mls_new(square, sizeof(*gram), err);
    s->two = gram ? mls_new(square, sizeof(*gram), err) : NULL;
    ok = s->two
        && mls_two_gram(s->run, &s->data->x, s->data->target.weight, gram,
                        err);
    if (ok)
        centre_two(s, gram);
    for (int64_t j = 0; ok && j < p; j++) {
        ok = mls_run_go_on(s->run, err);
        if (ok)
            factor_row(s, gram, j);
    }
    mls_free(gram);
    return ok;
}

/* L L' v = v in place. */
static void solve_two(const struct solving *s, struct mls_two *v)
{
    int64_t p = s->p;

    for (int64_t j = 0; j < p; j++) {
        for (int64_t k = 0; k < j; k++)
            v[j] = minus_times(v[j], s->two[k + j * p], v[k]);
        v[j] = s->dependent[j] ? two_of(0)
                               : mls_two_over(v[j], s->two[j + j * p]);
    }
    for (int64_t j = p - 1; j >= 0; j--) {
        for (int64_t k = j + 1; k < p; k++)
            v[j] = minus_times(v[j], s->two[j + k * p], v[k]);
        v[j] = s->dependent[j] ? two_of(0)
                               : mls_two_over(v[j], s->two[j + j * p]);
    }
}

static bool solve_double(const struct solving *s, struct mls_two *v,
                         struct mls_error *err)
{
    double *rhs = mls_new(s->p, sizeof(*rhs), err);
    struct mls_matrix b = { rhs, s->p, 1, s->p };
    bool ok = rhs != NULL;

    for (int64_t j = 0; ok && j < s->p; j++)
        rhs[j] = v[j].high;
    ok = ok && mls_cholesky_solve(&s->factor, &b, err);
    for (int64_t j = 0; ok && j < s->p; j++)
        v[j] = two_of(s->dependent[j] ? 0 : rhs[j]);
    mls_free(rhs);
    return ok;
}

/* ---- Refinement ---- */

/* step = the solution for the gradient at b, in the units of the columns. */
static bool find_step(const struct solving *s, struct mls_error *err)
{
    int64_t p = s->p;
    struct mls_two total = s->gradient[p], constant;

    for (int64_t j = 0; j < p; j++) {
        struct mls_two g = s->gradient[j];

        if (s->intercept)
            g = minus_times(g, s->mean[j], total);
        s->step[j] = mls_two_times(g, two_of(s->scale[j]));
    }
    if (s->two)
        solve_two(s, s->step);
    else if (!solve_double(s, s->step, err))
        return false;
    constant = mls_two_over(total, two_of(s->weight));
    for (int64_t j = 0; j < p; j++) {
        s->step[j] = mls_two_times(s->step[j], two_of(s->scale[j]));
        constant = minus_times(constant, s->mean[j], s->step[j]);
    }
    s->step[p] = s->intercept ? constant : two_of(0);
    return true;
}

/* How long a step or b is, each column scaled to length 1. */
static double size_of(const struct solving *s, const struct mls_two *v)
{
    double sum = 0;

    for (int64_t j = 0; j < s->p; j++) {
        double length = v[j].high / s->scale[j];

        sum += length * length;
    }
    return sqrt(sum);
}

/* Whether a step so much shorter than this one, by the factor, would change no
 * rounded coefficient. */
static bool is_last(const struct solving *s, double factor)
{
    for (int64_t j = 0; j <= s->p; j++) {
        if (fabs(s->step[j].high) * factor > 1e-17 * fabs(s->b[j].high))
            return false;
    }
    return true;
}

static bool residuals(const struct solving *s, struct mls_error *err)
{
    return mls_two_residual(s->run, &s->data->x, s->data->target.y, s->b,
                            s->b[s->p], s->high, s->low, err);
}

static bool refine(struct solving *s, struct mls_error *err)
{
    double before = s->started ? size_of(s, s->b) : INFINITY;

    for (int k = s->started; k < REFINEMENTS; k++) {
        double size;

        if (!mls_run_go_on(s->run, err) || !residuals(s, err)
            || !mls_two_gradient(s->run, &s->data->x, s->data->target.weight,
                                 s->high, s->low, s->gradient, err)
            || !find_step(s, err)) {
            return false;
        }
        size = size_of(s, s->step);
        if (k > 1 && !(size < before / 2))
            break;
        for (int64_t j = 0; j <= s->p; j++)
            s->b[j] = mls_two_add(s->b[j], s->step[j]);
        if (k > 0 && is_last(s, size / before))
            break;
        before = size;
    }
    return true;
}

/* ---- Standard errors ---- */

/* The diagonal of (X'X)^-1 of the scaled columns, and *mean m'(X'X)^-1 m of
 * their means; work: p. */
static bool inverse_diagonal(const struct solving *s, double *diagonal,
                             double *mean, struct mls_error *err)
{
    int64_t p = s->p;
    struct mls_two *v = mls_new(p, sizeof(*v), err);
    bool ok = v != NULL;

    *mean = 0;
    for (int64_t j = 0; ok && j <= p; j++) {
        for (int64_t i = 0; i < p; i++)
            v[i] = two_of(j == p ? s->centre[i] * s->scale[i] : i == j);
        if (s->two)
            solve_two(s, v);
        else
            ok = solve_double(s, v, err);
        if (j < p)
            diagonal[j] = v[j].high;
        for (int64_t i = 0; j == p && i < p; i++)
            *mean += s->centre[i] * s->scale[i] * v[i].high;
    }
    mls_free(v);
    return ok;
}

/* With the residuals at the solution. */
static bool standard_errors(const struct solving *s, struct mls_ols *ols,
                            struct mls_error *err)
{
    double mean = 0, variance;

    for (int64_t i = 0; i < s->n; i++) {
        double w = s->data->target.weight ? s->data->target.weight[i] : 1;

        ols->squares += w * (s->high[i] * s->high[i]);
    }
    ols->errors = ols->degrees > 0;
    if (!ols->errors)
        return true;
    if (!inverse_diagonal(s, ols->coef_se, &mean, err))
        return false;
    variance = ols->squares / ols->degrees;
    for (int64_t j = 0; j < s->p; j++) {
        ols->coef_se[j] = s->dependent[j]
            ? 0
            : s->scale[j] * sqrt(variance * ols->coef_se[j]);
    }
    if (s->intercept) {
        ols->intercept_se =
            sqrt(variance * (1 / s->weight + fmax(mean, 0)));
    }
    return true;
}

/* ---- The whole ---- */

static bool make_room(struct solving *s, struct mls_ols *ols,
                      struct mls_error *err)
{
    int64_t p = s->p;

    ols->coef = mls_new(p, sizeof(double), err);
    ols->coef_se = ols->coef ? mls_new(p, sizeof(double), err) : NULL;
    ols->dependent = ols->coef_se ? mls_new(p, sizeof(bool), err) : NULL;
    s->dependent = ols->dependent;
    if (!s->dependent)
        return false;
    s->b = mls_new(4 * (p + 1), sizeof(*s->b), err);
    s->scale = s->b ? mls_new(p, sizeof(double), err) : NULL;
    s->high = s->scale ? mls_new_array(2 * s->n, sizeof(double), err) : NULL;
    if (!s->high)
        return false;
    s->gradient = s->b + p + 1;
    s->step = s->gradient + p + 1;
    s->mean = s->step + p + 1;
    s->low = s->high + s->n;
    return true;
}

static bool factorise(struct solving *s, struct mls_error *err)
{
    bool good = false;

    for (int64_t j = 0; j < s->p; j++) {
        double square = s->square[j];

        s->scale[j] = square > 0 ? 1 / sqrt(square) : 1;
        s->dependent[j] = !(square > 0);
        s->mean[j] = two_of(s->centre[j]);
    }
    if (s->p == 0)
        return true;
    if (s->large && !factor_in_double(s, &good, err))
        return false;
    return good || factor_in_two(s, err);
}

/* Means, squares and, of a large table, the gram matrix. */
static bool sum_up(struct solving *s, struct mls_error *err)
{
    bool ok;

    s->large = s->p < s->n && s->p > 0 && s->n * s->p > SMALL / s->p;
    if (s->large) {
        ok = mls_design_sums_new(s->run, s->data, s->intercept, &s->sums, err);
        s->centre = s->sums.mean;
        s->square = s->sums.square;
    } else {
        ok = mls_design_new(s->run, s->data, s->intercept, false, &s->design,
                            err);
        s->centre = s->design.mean;
        s->square = s->design.square;
    }
    s->weight = mls_design_weight(s->data);
    return ok;
}

/* What the sums give: a solution but for their rounding, which spares the first
 * pass of refinement.  Sums with a huge target may overflow: 0 then. */
static bool start(struct solving *s, struct mls_error *err)
{
    struct mls_two constant = two_of(s->sums.y_mean);

    if (s->p == 0 || s->two)
        return true;
    for (int64_t j = 0; j < s->p; j++)
        s->b[j] = two_of(s->sums.xy[j] * s->scale[j]);
    if (!solve_double(s, s->b, err))
        return false;
    for (int64_t j = 0; j < s->p; j++) {
        s->b[j] = mls_two_times(s->b[j], two_of(s->scale[j]));
        constant = minus_times(constant, s->mean[j], s->b[j]);
    }
    s->b[s->p] = s->intercept ? constant : two_of(0);
    s->started = true;
    for (int64_t j = 0; j <= s->p; j++)
        s->started = s->started && isfinite(s->b[j].high + s->b[j].low);
    for (int64_t j = 0; !s->started && j <= s->p; j++)
        s->b[j] = two_of(0);
    return true;
}

bool mls_ols_solve(const struct mls_run *run, const struct mls_dataset *data,
                   bool intercept, struct mls_ols *ols, struct mls_error *err)
{
    struct solving s = { .run = run, .data = data, .intercept = intercept,
                         .n = data->rows, .p = data->features };
    bool ok;

    *ols = (struct mls_ols){ 0 };
    ok = sum_up(&s, err) && make_room(&s, ols, err) && factorise(&s, err)
        && start(&s, err) && refine(&s, err) && residuals(&s, err);
    for (int64_t j = 0; ok && j < s.p; j++) {
        ols->coef[j] = s.b[j].high;
        ols->rank += !s.dependent[j];
    }
    if (ok) {
        ols->intercept = s.b[s.p].high;
        ols->degrees = s.weight - (double)ols->rank - intercept;
    }
    ok = ok && standard_errors(&s, ols, err);
    mls_free(s.high);
    mls_free(s.scale);
    mls_free(s.b);
    mls_free(s.two);
    mls_free(s.factor.data);
    mls_design_clear(&s.design);
    mls_design_sums_clear(&s.sums);
    return ok;
}

void mls_ols_clear(struct mls_ols *ols)
{
    mls_free(ols->coef);
    mls_free(ols->coef_se);
    mls_free(ols->dependent);
    *ols = (struct mls_ols){ 0 };
}

void mls_ols_note_dependent(const struct mls_run *run, const char *learner,
                            const struct mls_dataset *data,
                            const struct mls_ols *ols)
{
    char list[300] = "";
    size_t used = 0;
    int64_t count = data->features - ols->rank, shown = 0;

    for (int64_t j = 0; j < data->features && shown < 3; j++) {
        if (!ols->dependent[j] || !data->names)
            continue;
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"",
                                 shown++ ? ", " : "",
                                 mls_show_text(data->names[j]).text);
        if (used >= sizeof(list))
            break;
    }
    if (count > 0) {
        mls_note(run, MLS_LOG_NOTE,
                 "%s: %s%s made up of other columns or constant; the "
                 "coefficient is 0",
                 learner, list,
                 count > shown ? " and others are" : shown > 1 ? " are"
                                                               : " is");
    }
}
