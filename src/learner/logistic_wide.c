/*
 * Newton's method by conjugate gradients, over sparse rows.
 *
 *   scores S = X b -> residuals R, curvatures C -> gradient X'R + l2 b
 *                                                     │
 *                 b += t D  <- t by halving  <-  H D = -gradient
 *
 * H = X'C X + l2 is never made: with 100,000 columns it would not fit.  The
 * step is found by conjugate gradients with the diagonal of H as
 * preconditioner, which take a product X u and one X'v each, both over the
 * entries alone.  A step is only as exact as the gradient is small (the square
 * root of it): far from the optimum a few products do, near it the last step
 * leaves all digits.
 *
 * Newton rather than L-BFGS (what peers use): on words and pairs of words it
 * needs about as many products to reach 1e-9 as L-BFGS to reach 1e-4, and it
 * ends with the digits of the dense solver, so that one can be tested against
 * the other.  Dual coordinate descent (liblinear) cannot be cut into chunks
 * whose order does not show.
 *
 * The end and the sign of separated classes are those of logistic_solve.c.
 *
 * With l1 an iteration has two halves, and the objective falls in both:
 *
 *   shrink   b <- S(b - gradient / d, l1 / d) with d the diagonal of H, larger
 *            until the objective falls: which coefficients are 0
 *   step     Newton's as above for those that are not, their signs held: one
 *            that would change its sign becomes 0
 *
 * The first alone would end at the optimum, slowly; the second ends there at
 * once when the right coefficients are 0 (Chen, Curtis & Robinson (2017), SIAM
 * J. Optim. 27, 1583-1610).  The products of the second take the coefficients
 * that are not 0 alone into account.
 *
 * Nocedal & Wright (2006), Numerical Optimization, 7.1; Lin, Weng & Keerthi
 * (2008), JMLR 9, 627-650.
 */
#include "learner/logistic_wide.h"

#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"
#include "learner/logistic_newton.h"

#define SMALL_MOVE 1e-5         /* of a score, in the last step */
#define LARGE_MOVE 1e-2         /* in a step of classes that are separated */
enum { HALVINGS = 40, MOST_PRODUCTS = 2000, CHUNK = 2048 };

/* Vectors of columns; those that a step needs. */
enum { GRADIENT, STEP, REST, DIRECTION, PRODUCT, DIAGONAL, VECTORS };
#define SHRINK_LIMIT 1e12       /* of what the diagonal is made larger by */

struct newton {
    const struct mls_logistic_wide *in;
    int64_t rows, columns, size;    /* size = columns outputs */
    struct mls_matrix *b;           /* columns x outputs */
    struct mls_matrix v[VECTORS];   /* columns x outputs */
    struct mls_matrix scores;       /* n x outputs: X b */
    struct mls_matrix moves;        /* n x outputs: X d */
    struct mls_matrix residual;     /* n x outputs; later curvatures */
    struct mls_matrix p;            /* n x outputs: probabilities; one output:
                                     * the curvature */
    bool *held;                 /* size: 0 and to stay so; NULL without l1 */
    double enlarge;             /* of the diagonal, for shrinking */
    double damp;                /* share of the diagonal that H gets more of */
    double objective;
    double last_move;               /* how far the last step moved a score */
    double small_gradient;          /* of the last one that moved none */
};

static bool is_penalised(const struct newton *it, int64_t j)
{
    return !it->in->x->centred || j != it->in->x->left - 1;
}

/* ---- sums over rows ---- */

/* Where a loss is asked for: at S + step X d, or at S. */
struct place {
    const struct newton *it;
    bool moved;
    double step;
};

static double loss_of(const struct place *at, int64_t first, int64_t count)
{
    const struct newton *it = at->it;
    const struct mls_logistic_wide *in = it->in;
    const double *s = it->scores.data + first, *y = in->y + first;
    const double *d = at->moved ? it->moves.data + first : NULL;
    const double *w = in->w ? in->w + first : NULL;

    if (in->outputs == 1)
        return mls_logistic_binary_loss(s, d, at->step, y, w, count);
    return mls_logistic_softmax_loss(s, d, at->step, it->scores.stride,
                                     in->outputs, y, w, count);
}

static bool map_loss(void *context, int64_t first, int64_t count,
                     void *partial, struct mls_error *err)
{
    double *sum = partial;

    (void)err;
    for (int64_t end = first + count; first < end;
         first += MLS_LOGISTIC_STRIP) {
        int64_t rows = end - first;

        *sum += loss_of(context, first,
                        rows < MLS_LOGISTIC_STRIP ? rows : MLS_LOGISTIC_STRIP);
    }
    return true;
}

static void fold_loss(void *context, void *into, const void *from)
{
    (void)context;
    *(double *)into += *(const double *)from;
}

/* The objective at b + step d. */
static bool objective_at(const struct newton *it, bool moved, double step,
                         double *value, struct mls_error *err)
{
    struct place at = { it, moved, step };
    struct mls_reduce_job job = { .rows = it->rows, .chunk_rows = CHUNK,
                                  .bytes = sizeof(double), .map = map_loss,
                                  .fold = fold_loss, .context = &at };
    double square = 0, sizes = 0;

    for (int64_t a = 0; a < it->size; a++) {
        double b = it->b->data[a] + (moved ? step * it->v[STEP].data[a] : 0);

        if (is_penalised(it, a % it->columns)) {
            square += b * b;
            sizes += fabs(b);
        }
    }
    if (!mls_reduce(it->in->run, &job, value, err))
        return false;
    *value += it->in->l2 / 2 * square + it->in->l1 * sizes;
    return true;
}

static int64_t strips(const struct newton *it)
{
    return (it->rows + MLS_LOGISTIC_STRIP - 1) / MLS_LOGISTIC_STRIP;
}

static int64_t strip_rows(const struct newton *it, int64_t first)
{
    int64_t left = it->rows - first;

    return left < MLS_LOGISTIC_STRIP ? left : MLS_LOGISTIC_STRIP;
}

static bool residual_task(void *context, int64_t task, struct mls_error *err)
{
    const struct newton *it = context;
    const struct mls_logistic_wide *in = it->in;
    int64_t first = task * MLS_LOGISTIC_STRIP, count = strip_rows(it, first);
    const double *w = in->w ? in->w + first : NULL;

    (void)err;
    if (in->outputs == 1) {
        mls_logistic_binary(it->scores.data + first, in->y + first, w, count,
                            it->residual.data + first, it->p.data + first);
    } else {
        mls_logistic_softmax(it->scores.data + first, it->scores.stride,
                             in->outputs, in->y + first, w, count,
                             it->p.data + first, it->residual.data + first);
    }
    return true;
}

/* to += l2 b for what is penalised. */
static void add_penalty(const struct newton *it, const struct mls_matrix *b,
                        struct mls_matrix *to)
{
    for (int64_t a = 0; a < it->size; a++) {
        if (is_penalised(it, a % it->columns))
            to->data[a] += it->in->l2 * b->data[a];
    }
}

/* Takes out what the classes have in common: no probability changes, and no
 * penalty grows.  A penalty on sizes could: then of the constants alone. */
static void take_common(const struct newton *it, struct mls_matrix *b)
{
    int outputs = it->in->outputs;

    for (int64_t j = 0; outputs > 1 && j < it->columns; j++) {
        double mean = 0;

        if (it->in->l1 > 0 && is_penalised(it, j))
            continue;
        for (int k = 0; k < outputs; k++)
            mean += b->data[j + k * it->columns];
        mean /= outputs;
        for (int k = 0; k < outputs; k++)
            b->data[j + k * it->columns] -= mean;
    }
}

/* Scores, residuals, curvatures and gradient at b. */
static bool evaluate(struct newton *it, struct mls_error *err)
{
    const struct mls_wide_design *x = it->in->x;
    bool ok = mls_wide_times(x, it->b, &it->scores, err)
        && mls_parallel(it->in->run, strips(it), residual_task, it, err)
        && mls_wide_transposed(x, &it->residual, &it->v[GRADIENT], err);

    if (ok) {
        add_penalty(it, it->b, &it->v[GRADIENT]);
        take_common(it, &it->v[GRADIENT]); /* which is rounding */
    }
    return ok;
}

/* The largest entry of the gradient against the most it could be. */
static double gradient_size(const struct newton *it)
{
    const struct mls_wide_design *x = it->in->x;
    double largest = 0;

    for (int64_t a = 0; a < it->size; a++) {
        double most = sqrt(x->weight * x->square[a % it->columns]);

        if (most > 0)
            largest = fmax(largest, fabs(it->v[GRADIENT].data[a]) / most);
    }
    return largest;
}

/* ---- the step ---- */

static double dot(const struct newton *it, int a, int b)
{
    const double *x = it->v[a].data, *y = it->v[b].data;
    double sum = 0;

    for (int64_t i = 0; i < it->size; i++)
        sum += x[i] * y[i];
    return sum;
}

static bool curvature_task(void *context, int64_t task, struct mls_error *err)
{
    struct newton *it = context;
    const struct mls_logistic_wide *in = it->in;
    int64_t first = task * MLS_LOGISTIC_STRIP, count = strip_rows(it, first);

    (void)err;
    for (int k = 0; k < in->outputs; k++) {
        const double *p = it->p.data + first + k * it->p.stride;

        mls_logistic_softmax_curvature(
            p, p, in->w ? in->w + first : NULL, count,
            it->residual.data + first + k * it->residual.stride);
    }
    return true;
}

/* The diagonal of H.  The residuals are used up: curvatures take their place. */
static bool find_diagonal(struct newton *it, struct mls_error *err)
{
    const struct mls_logistic_wide *in = it->in;
    struct mls_matrix *to = &it->v[DIAGONAL];

    if (in->outputs > 1
        && !mls_parallel(in->run, strips(it), curvature_task, it, err))
        return false;
    if (!mls_wide_squares(in->x, in->outputs > 1 ? &it->residual : &it->p, to,
                          err))
        return false;
    for (int64_t a = 0; a < it->size; a++) {
        if (is_penalised(it, a % it->columns))
            to->data[a] += in->l2;
        if (!(to->data[a] > 0))
            to->data[a] = 1;
    }
    return true;
}

static bool turn_task(void *context, int64_t task, struct mls_error *err)
{
    struct newton *it = context;
    const struct mls_logistic_wide *in = it->in;
    int64_t first = task * MLS_LOGISTIC_STRIP, count = strip_rows(it, first);
    double *u = it->moves.data + first;
    const double *p = it->p.data + first;

    (void)err;
    if (in->outputs > 1) {
        mls_logistic_softmax_turn(p, it->p.stride, in->outputs,
                                  in->w ? in->w + first : NULL, count, u);
        return true;
    }
    for (int64_t i = 0; i < count; i++)
        u[i] *= p[i];
    return true;
}

static void clear_held(const struct newton *it, struct mls_matrix *v)
{
    for (int64_t a = 0; it->held && a < it->size; a++) {
        if (it->held[a])
            v->data[a] = 0;
    }
}

static void add_damping(const struct newton *it)
{
    for (int64_t a = 0; it->damp > 0 && a < it->size; a++) {
        it->v[PRODUCT].data[a] +=
            it->damp * it->v[DIAGONAL].data[a] * it->v[DIRECTION].data[a];
    }
}

/* PRODUCT = H DIRECTION. */
static bool times_hessian(struct newton *it, struct mls_error *err)
{
    const struct mls_wide_design *x = it->in->x;
    bool ok = mls_wide_times(x, &it->v[DIRECTION], &it->moves, err)
        && mls_parallel(it->in->run, strips(it), turn_task, it, err)
        && mls_wide_transposed(x, &it->moves, &it->v[PRODUCT], err);

    if (ok) {
        add_penalty(it, &it->v[DIRECTION], &it->v[PRODUCT]);
        add_damping(it);
        clear_held(it, &it->v[PRODUCT]);
    }
    return ok;
}

/* rest' diagonal^-1 rest. */
static double rest_size(const struct newton *it)
{
    const double *rest = it->v[REST].data, *diagonal = it->v[DIAGONAL].data;
    double sum = 0;

    for (int64_t a = 0; a < it->size; a++)
        sum += rest[a] * rest[a] / diagonal[a];
    return sum;
}

/* direction = diagonal^-1 rest + share direction. */
static void next_direction(struct newton *it, double share)
{
    double *direction = it->v[DIRECTION].data;

    for (int64_t a = 0; a < it->size; a++) {
        direction[a] = it->v[REST].data[a] / it->v[DIAGONAL].data[a]
            + share * direction[a];
    }
}

/* STEP by conjugate gradients: Hestenes & Stiefel (1952). */
static bool find_step(struct newton *it, double gradient,
                      struct mls_error *err)
{
    double enough = fmin(0.25, sqrt(gradient)), size, start;

    if (!find_diagonal(it, err))
        return false;
    for (int64_t a = 0; a < it->size; a++) {
        it->v[REST].data[a] = -it->v[GRADIENT].data[a];
        it->v[DIRECTION].data[a] = 0;
        it->v[STEP].data[a] = 0;
    }
    start = size = rest_size(it);
    next_direction(it, 0);
    for (int k = 0; k < MOST_PRODUCTS && size > enough * enough * start; k++) {
        double bend, step, before = size;

        if (!mls_run_go_on(it->in->run, err) || !times_hessian(it, err))
            return false;
        bend = dot(it, DIRECTION, PRODUCT);
        if (!(bend > 0))
            break;
        step = size / bend;
        for (int64_t a = 0; a < it->size; a++) {
            it->v[STEP].data[a] += step * it->v[DIRECTION].data[a];
            it->v[REST].data[a] -= step * it->v[PRODUCT].data[a];
        }
        size = rest_size(it);
        next_direction(it, size / before);
    }
    return true;
}

/* ---- iterations ---- */

/* d, X d, and how far d moves a score at most. */
static bool find_moves(struct newton *it, double gradient, double *move,
                       struct mls_error *err)
{
    if (!find_step(it, gradient, err))
        return false;
    take_common(it, &it->v[STEP]);
    if (!mls_wide_times(it->in->x, &it->v[STEP], &it->moves, err))
        return false;
    *move = 0;
    for (int64_t i = 0; i < it->rows * it->in->outputs; i++)
        *move = fmax(*move, fabs(it->moves.data[i]));
    return true;
}

/* Halves the step until the objective falls as it should (Armijo); a change
 * within the rounding of the sum counts as a fall.  *step is 0 when it never
 * does. */
static bool search_line(struct newton *it, double *step, struct mls_error *err)
{
    double slope = dot(it, GRADIENT, STEP), value;
    double rounding = 1e-13 * fabs(it->objective);

    *step = 1;
    for (int k = 0; slope < 0 && k < HALVINGS; k++, *step /= 2) {
        if (!objective_at(it, true, *step, &value, err))
            return false;
        if (value <= it->objective + 1e-4 * *step * slope + rounding) {
            it->objective = value;
            return true;
        }
    }
    *step = 0;
    return true;
}

static void move_by(struct newton *it, double step)
{
    for (int64_t a = 0; a < it->size; a++)
        it->b->data[a] += step * it->v[STEP].data[a];
}

/* One iteration; *done says that it was the last. */
static bool iterate(struct newton *it, struct mls_logistic_result *result,
                    bool *done, struct mls_error *err)
{
    double gradient, move, step;

    if (!evaluate(it, err))
        return false;
    gradient = gradient_size(it);
    if (!find_moves(it, gradient, &move, err))
        return false;
    *done = gradient <= it->in->tolerance;
    if (*done && move <= SMALL_MOVE) {
        result->converged = true;
        /* A step longer than the one before is made of rounding. */
        if (move < it->last_move)
            move_by(it, 1);
        return true;
    }
    it->last_move = move;
    result->separated = *done && it->in->l2 == 0 && move > LARGE_MOVE;
    *done = result->separated;
    if (*done)
        return true;
    /* So near the optimum that the objective no longer shows a fall: the
     * gradient does, until it is rounding itself. */
    if (move <= SMALL_MOVE) {
        *done = result->converged = gradient > it->small_gradient / 2;
        it->small_gradient = gradient;
        if (!*done)
            move_by(it, 1);
        return true;
    }
    if (!search_line(it, &step, err))
        return false;
    move_by(it, step);
    *done = step == 0;
    return true;
}

/* ---- with a penalty on sizes ---- */

static double shrunk(double value, double by)
{
    return value > by ? value - by : value < -by ? value + by : 0;
}

/* From the gradient of what is smooth to the least of all, and which
 * coefficients are held at 0. */
static void add_sizes(struct newton *it)
{
    double l1 = it->in->l1;

    for (int64_t a = 0; a < it->size; a++) {
        double *gradient = &it->v[GRADIENT].data[a], b = it->b->data[a];
        bool free = !is_penalised(it, a % it->columns);

        it->held[a] = !free && b == 0;
        if (free)
            continue;
        *gradient = b == 0 ? shrunk(*gradient, l1)
                           : *gradient + (b > 0 ? l1 : -l1);
    }
}

/* Whether the objective at b + STEP is at least so much below what it is, but
 * for rounding: then b goes there. */
static bool try_step(struct newton *it, double fall, bool *taken,
                     struct mls_error *err)
{
    double value, rounding = 1e-13 * fabs(it->objective);

    if (!mls_wide_times(it->in->x, &it->v[STEP], &it->moves, err)
        || !objective_at(it, true, 1, &value, err))
        return false;
    *taken = value <= it->objective - fall + rounding;
    if (*taken) {
        it->objective = value;
        move_by(it, 1);
    }
    return true;
}

/* STEP: where shrinking leads with so many times the diagonal; *size: its
 * square, weighed by them. */
static void find_shrinking(struct newton *it, double *size)
{
    *size = 0;
    for (int64_t a = 0; a < it->size; a++) {
        double d = it->enlarge * it->v[DIAGONAL].data[a];
        double b = it->b->data[a];
        double to = b - it->v[REST].data[a] / d;
        double *step = &it->v[STEP].data[a];

        if (is_penalised(it, a % it->columns))
            to = shrunk(to, it->in->l1 / d);
        *step = to - b;
        *size += d * *step * *step;
    }
}

/* REST holds the gradient of what is smooth. */
static bool shrink(struct newton *it, struct mls_error *err)
{
    bool taken = false;
    double size;

    if (!find_diagonal(it, err))
        return false;
    for (int64_t a = 0; a < it->size; a++) {
        if (it->in->x->square[a % it->columns] == 0)
            it->v[REST].data[a] = 0;
    }
    it->enlarge = fmax(it->enlarge / 4, 1);
    while (!taken && it->enlarge < SHRINK_LIMIT) {
        find_shrinking(it, &size);
        if (!mls_run_go_on(it->in->run, err)
            || !try_step(it, 1e-4 * size, &taken, err))
            return false;
        if (!taken)
            it->enlarge *= 2;
    }
    return true;
}

/* STEP = t times the Newton step in DIRECTION, stopped at 0. */
static void hold_signs(struct newton *it, double t)
{
    for (int64_t a = 0; a < it->size; a++) {
        double b = it->b->data[a], to = b + t * it->v[DIRECTION].data[a];

        if (is_penalised(it, a % it->columns) && to * b <= 0)
            to = 0;
        it->v[STEP].data[a] = to - b;
    }
}

static bool step_with_signs(struct newton *it, double gradient,
                            struct mls_error *err)
{
    bool taken = false;

    if (!evaluate(it, err))
        return false;
    add_sizes(it);
    clear_held(it, &it->v[GRADIENT]);
    /* Columns that depend, and what classes have in common, have no curvature
     * but their sizes: without damping such a step has no end. */
    it->damp = fmin(1, gradient);
    if (!find_step(it, gradient, err))
        return false;
    take_common(it, &it->v[STEP]);
    memcpy(it->v[DIRECTION].data, it->v[STEP].data,
           (size_t)it->size * sizeof(double));
    for (double t = 1; !taken && t > 1e-6; t /= 2) {
        hold_signs(it, t);
        if (!try_step(it, 0, &taken, err))
            return false;
    }
    return true;
}

/* As iterate. */
static bool iterate_with_sizes(struct newton *it,
                               struct mls_logistic_result *result, bool *done,
                               struct mls_error *err)
{
    double gradient;

    if (!evaluate(it, err))
        return false;
    memcpy(it->v[REST].data, it->v[GRADIENT].data,
           (size_t)it->size * sizeof(double));
    add_sizes(it);
    gradient = gradient_size(it);
    if (gradient <= it->in->tolerance) {
        *done = result->converged = true;
        /* One more leaves all digits. */
        return step_with_signs(it, gradient, err);
    }
    return shrink(it, err) && step_with_signs(it, gradient, err);
}

static bool make_room(struct newton *it, struct mls_error *err)
{
    int outputs = it->in->outputs;
    bool ok = mls_matrix_new(&it->scores, it->rows, outputs, err)
        && mls_matrix_new(&it->moves, it->rows, outputs, err)
        && mls_matrix_new(&it->residual, it->rows, outputs, err)
        && mls_matrix_new(&it->p, it->rows, outputs, err);

    for (int k = 0; ok && k < VECTORS; k++)
        ok = mls_matrix_new(&it->v[k], it->columns, outputs, err);
    if (ok && it->in->l1 > 0) {
        it->held = mls_new(it->size, sizeof(*it->held), err);
        ok = it->held != NULL;
    }
    return ok;
}

static void clear(struct newton *it)
{
    for (int k = 0; k < VECTORS; k++)
        mls_free(it->v[k].data);
    mls_free(it->held);
    mls_free(it->p.data);
    mls_free(it->residual.data);
    mls_free(it->moves.data);
    mls_free(it->scores.data);
}

bool mls_logistic_wide_solve(const struct mls_logistic_wide *problem,
                             struct mls_matrix *b,
                             struct mls_logistic_result *result,
                             struct mls_error *err)
{
    struct newton it = { .in = problem, .b = b, .rows = problem->x->rows,
                         .columns = problem->x->columns,
                         .last_move = INFINITY, .enlarge = 1,
                         .small_gradient = INFINITY };
    bool ok, done = false;

    *result = (struct mls_logistic_result){ 0 };
    it.size = it.columns * problem->outputs;
    ok = make_room(&it, err)
        && mls_wide_times(problem->x, b, &it.scores, err)
        && objective_at(&it, false, 0, &it.objective, err);
    while (ok && !done && result->iterations < problem->max_iterations) {
        result->iterations++;
        mls_progress(problem->run, "fit", (double)result->iterations, 0);
        ok = mls_run_go_on(problem->run, err)
            && (problem->l1 > 0 ? iterate_with_sizes : iterate)(
                &it, result, &done, err);
    }
    take_common(&it, b);
    ok = ok && mls_wide_times(problem->x, b, &it.scores, err)
        && objective_at(&it, false, 0, &result->objective, err);
    clear(&it);
    return ok;
}
