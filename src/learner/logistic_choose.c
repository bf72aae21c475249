/*
 * The path of penalties.
 *
 *   loss of rows        x                       x   1. decades, downwards
 *   left out               x               x        2. half a decade beside
 *                                x    x                the best, then a quarter
 *                                  ..
 *                ------------------------------ l2
 *
 * It begins where the penalty leaves next to nothing of the coefficients, and
 * each fit starts from the one before, so a few Newton steps do.  It ends when
 * two decades in a row were worse than the best: below lie fits that are slow
 * (the classes may be separated) and not wanted.  A fit need not be exact
 * either, for the loss is that of a Newton step from where it stands: it ends
 * when a step moves no score by more than NEAR.
 *
 * Not folds: leaving out one row in this way costs about one more step,
 * needs no random numbers, and is the same for rows in any order and for
 * weights in place of repeated rows.  On 26 training sets of seven tables and a
 * grid of half decades, 5 folds chose the same penalty 17 times and a neighbour
 * 9 times; 10 folds, on 24 of them, the same 16 times.
 *
 * The grid is tied to the data, not to 1, so that columns of any size and any
 * number of rows have the same one.  It is no finer because the loss is flat
 * around its minimum.
 */
#include "learner/logistic_choose.h"

#include <math.h>

#include "base/memory.h"
#include "learner/logistic_loo.h"

#define NEAR 0.03               /* of a score */
enum { PER_DECADE = 4, LAST = 8 * PER_DECADE, WORSE = 2, ITERATIONS = 50 };

struct search {
    struct mls_logistic problem;
    double unit;                /* the penalty of k = 0 */
    struct mls_matrix *b;       /* of the fit before */
    double *best_b;
    int best;                   /* k; -1: none yet */
    double loss;
};

bool mls_logistic_choose_fits(int64_t rows, int64_t columns, int outputs)
{
    double size = (double)columns * outputs, classes = outputs;

    return rows <= MLS_CHOOSE_ROWS && outputs <= MLS_LOO_OUTPUTS
        && (double)rows * (size * size + classes * classes * classes)
            + size * size * size <= MLS_CHOOSE_WORK;
}

static size_t bytes_of(const struct search *s)
{
    return (size_t)(s->b->rows * s->b->columns) * sizeof(double);
}

/* *better: of equal losses that of the larger penalty counts, and a loss that
 * is no number does not. */
static bool try_penalty(struct search *s, int k, bool *better,
                        struct mls_error *err)
{
    struct mls_logistic_result result;

    s->problem.l2 = s->unit * pow(10, -(double)k / PER_DECADE);
    if (!mls_logistic_solve(&s->problem, s->b, &result, err))
        return false;
    *better = result.converged && isfinite(result.loo_loss)
        && (s->best < 0 || result.loo_loss < s->loss
            || (result.loo_loss == s->loss && k < s->best));
    if (!*better)
        return true;
    s->best = k;
    s->loss = result.loo_loss;
    memcpy(s->best_b, s->b->data, bytes_of(s));
    return true;
}

static bool walk(struct search *s, struct mls_error *err)
{
    int worse = 0;
    bool better;

    for (int k = 0; k <= LAST && worse < WORSE; k += PER_DECADE) {
        if (!try_penalty(s, k, &better, err))
            return false;
        worse = better ? 0 : worse + 1;
    }
    for (int step = PER_DECADE / 2; s->best >= 0 && step > 0; step /= 2) {
        int middle = s->best;

        for (int k = middle - step; k <= middle + step; k += 2 * step) {
            memcpy(s->b->data, s->best_b, bytes_of(s));
            if (k >= 0 && k <= LAST && !try_penalty(s, k, &better, err))
                return false;
        }
    }
    return true;
}

/* The mean of the sums of squares of the columns that have any; 0: none has. */
static double mean_square(const struct mls_logistic *problem)
{
    double sum = 0;
    int64_t count = 0;

    for (int64_t j = 0; j < problem->penalised; j++) {
        sum += problem->square[j];
        count += problem->square[j] > 0;
    }
    return count > 0 ? sum / (double)count : 0;
}

bool mls_logistic_choose(const struct mls_logistic *problem,
                         struct mls_matrix *b, double *l2, double *loss,
                         struct mls_error *err)
{
    struct search s = { .problem = *problem, .b = b, .best = -1,
                        .unit = mean_square(problem) };
    bool ok = true;

    *l2 = 1;
    *loss = NAN;
    if (!(s.unit > 0))
        return true;
    s.problem.near = NEAR;
    s.problem.max_iterations = ITERATIONS;
    s.best_b = mls_new(b->rows * b->columns, sizeof(double), err);
    ok = s.best_b && walk(&s, err);
    if (ok)
        memcpy(b->data, s.best_b, bytes_of(&s));
    if (ok && s.best >= 0) {
        *l2 = s.unit * pow(10, -(double)s.best / PER_DECADE);
        *loss = s.loss / problem->weight;
    }
    mls_free(s.best_b);
    return ok;
}
