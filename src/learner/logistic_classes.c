/*
 * Truncated Newton for several classes and many columns (Lin, Weng & Keerthi
 * (2008), J. Mach. Learn. Res. 9, 627-650).
 *
 *        b ──> loss, gradient, probabilities           double precision at last
 *        ^       └─> conjugate gradients  H d = -g     single, a pass a product
 *        │              └─ preconditioner: a block of H for each class
 *        └── b + t d
 *
 * A pass over the rows is what costs (logistic_panels.c), so all is made to
 * need few of them.  The diagonal is a poor preconditioner of columns that
 * depend on each other, as pixels do.  Boehning's bound, X'X (x) (I - 11'/K) / 2
 * (1992, Ann. Inst. Stat. Math. 44, 197-200), knows how they do, but not that
 * most rows count for little once they are told well.  So each class has its
 * own block of H, X' diag(w p (1 - p)) X + l2 I, factored; from a sample of
 * rows, six for each column, taken in proportion to their weight in it, which
 * is as good for a preconditioner and a fraction of the work.  At the start,
 * where all probabilities are 1 / K, one block serves all classes, until
 * conjugate gradients need more than a few products; later blocks stay in use
 * until these become slow.
 *
 * A step need not be better than Newton's own error: what conjugate gradients
 * leave of the rest is the square of what the step before left (Eisenstat &
 * Walker (1996), SIAM J. Sci. Comput. 17, 16-32, choice 2).  And while the fall
 * that is left is far above the rounding of single precision, loss and gradient
 * are made in it as well, from the rows' copy; where no step is found so, and
 * for the last steps, in double.  On 55,000 x 784 images of 10 classes a whole
 * fit takes 7 rough evaluations, 3 in double and 53 products; with a share of
 * 0.3 sqrt(gradient) and all in double these were 9 and 66.
 *
 * A start on a sample of the rows was tried: it saves two cheap iterations, but
 * where a column is 0 in nearly all rows it begins with coefficients that the
 * other rows contradict.
 *
 * What all classes have in common changes no probability: gradient, steps and b
 * have none of it, so preconditioned vectors have it taken out, and H is
 * definite on what is left.
 *
 * The end: no coefficient has a gradient above its share (logistic_solve.c),
 * and the fall that is left, g'H^-1 g / 2, as the preconditioner sees it, is
 * rounding in the objective.
 */
#include "learner/logistic_classes.h"

#include <math.h>

#include "base/memory.h"
#include "base/threads.h"
#include "learner/logistic_panels.h"

#define MANY 2000               /* unknowns: fewer have their H factored */
#define MOST_COLUMNS 4096
#define MOST_CELLS ((int64_t)1 << 26) /* of all blocks */
#define LAST_FALL 1e-13         /* of the objective */
#define ROUGH_FALL 1e-6         /* of the objective: single precision tells */
#define ROUGH_LOSS 1e-7         /* what it does not tell */
#define LOOSE 0.3               /* share of the rest that a step may leave */
#define STEEP 0.5               /* a slope against that at the start */
enum {
    BLOCK_ROWS = 6,             /* of a block, for each column */
    SLOW_ONE = 5,               /* products in a step: one block is too few */
    SLOW = 12,                  /* blocks are stale */
    MOST_PRODUCTS = 300,
    TRIALS = 40
};

/* All that an iteration works with; vectors are columns x classes. */
struct solver {
    const struct mls_classes *in;
    struct mls_panels panels;
    int64_t columns, size;
    struct mls_matrix b, gradient, d;
    struct mls_matrix next, next_gradient;
    struct mls_matrix rest, direction, product, z;
    struct mls_matrix *block;   /* classes: columns x columns, factored */
    int blocks;                 /* made: 0, 1 for all, or classes */
    bool fresh;                 /* made where b is */
    bool rough;                 /* objective and gradient are */
    bool exact;                 /* from now on they are not */
    double objective;
    double fall;                /* that was left at the last step */
};

bool mls_classes_fits(int64_t rows, int64_t features, int classes)
{
    return classes > 2 && rows >= features && features <= MOST_COLUMNS
        && features * classes > MANY
        && features * features * classes <= MOST_CELLS;
}

static double dot(const struct mls_matrix *a, const struct mls_matrix *b)
{
    double sum = 0;

    for (int64_t i = 0; i < a->rows * a->columns; i++)
        sum += a->data[i] * b->data[i];
    return sum;
}

/* The features alone are penalised. */
static void add_penalty(const struct solver *s, const struct mls_matrix *b,
                        struct mls_matrix *to, double *value)
{
    double square = 0;

    for (int k = 0; k < s->in->classes; k++) {
        for (int64_t j = 0; j < s->in->x->columns; j++) {
            double at = b->data[j + k * s->columns];

            to->data[j + k * s->columns] += s->in->l2 * at;
            square += at * at;
        }
    }
    if (value)
        *value += s->in->l2 / 2 * square;
}

/* Takes out what the classes have in common. */
static void take_common(const struct solver *s, struct mls_matrix *v)
{
    for (int64_t j = 0; j < s->columns; j++) {
        double mean = 0;

        for (int k = 0; k < s->in->classes; k++)
            mean += v->data[j + k * s->columns];
        mean /= s->in->classes;
        for (int k = 0; k < s->in->classes; k++)
            v->data[j + k * s->columns] -= mean;
    }
}

/* The largest entry of the gradient against the most it could be. */
static double gradient_size(const struct solver *s)
{
    double largest = 0;

    for (int64_t a = 0; a < s->size; a++) {
        double square = s->panels.square[a % s->columns];

        if (square > 0) {
            largest = fmax(largest, fabs(s->gradient.data[a])
                                        / sqrt(s->panels.weight * square));
        }
    }
    return largest;
}

/* ---- The preconditioner ---- */

static bool task_factor(void *context, int64_t task, struct mls_error *err)
{
    static const double extra[] = { 1e-6, 1e-4, 1e-2, 1 };
    struct solver *s = context;
    struct mls_matrix *block = &s->block[task];
    int64_t columns = s->columns;
    double *kept = mls_new_array(columns * columns, sizeof(double), err);
    bool ok = kept, definite = false;

    for (int64_t j = 0; ok && j < s->in->x->columns; j++)
        block->data[j * (columns + 1)] += s->in->l2;
    if (ok) {
        memcpy(kept, block->data,
               (size_t)(columns * columns) * sizeof(double));
    }
    /* In single precision a block is definite to about so much. */
    for (int k = 0; ok && !definite && k < 4; k++) {
        memcpy(block->data, kept,
               (size_t)(columns * columns) * sizeof(double));
        for (int64_t j = 0; j < columns; j++) {
            double *diagonal = &block->data[j * (columns + 1)];

            *diagonal = *diagonal > 0 ? *diagonal * (1 + extra[k]) : 1;
        }
        ok = mls_cholesky(block, &definite, NULL, err);
    }
    /* Numbers that overflowed: no preconditioner is one, too. */
    for (int64_t j = 0; ok && !definite && j < columns; j++) {
        memset(block->data + j * columns, 0,
               (size_t)columns * sizeof(double));
        block->data[j * (columns + 1)] = 1;
    }
    mls_free(kept);
    return ok;
}

static bool make_blocks(struct solver *s, int count, struct mls_error *err)
{
    for (int k = 0; k < count; k++) {
        if (!s->block[k].data
            && !mls_matrix_new(&s->block[k], s->columns, s->columns, err)) {
            return false;
        }
    }
    s->blocks = count;
    s->fresh = true;
    return mls_panels_blocks(&s->panels, BLOCK_ROWS * s->columns, s->block,
                             count, err)
        && mls_parallel(s->in->run, count, task_factor, s, err);
}

static bool task_precondition(void *context, int64_t task,
                              struct mls_error *err)
{
    struct solver *s = context;
    struct mls_matrix part = { s->z.data + task * s->columns, s->columns, 1,
                               s->columns };

    memcpy(part.data, s->rest.data + task * s->columns,
           (size_t)s->columns * sizeof(double));
    return mls_cholesky_solve(&s->block[s->blocks == 1 ? 0 : task], &part,
                              err);
}

/* z = the preconditioner times rest; *size = rest'z. */
static bool precondition(struct solver *s, double *size, struct mls_error *err)
{
    if (!mls_parallel(s->in->run, s->in->classes, task_precondition, s, err))
        return false;
    take_common(s, &s->z);
    *size = dot(&s->rest, &s->z);
    return true;
}

/* ---- Steps ---- */

/* d with H d = -gradient, to the share enough of the first rest; rest and z
 * are those of the gradient, and size their product. */
static bool find_step(struct solver *s, double enough, double size,
                      int *products, struct mls_error *err)
{
    double start = size, share = 0;

    memset(s->d.data, 0, (size_t)s->size * sizeof(double));
    for (*products = 0;
         *products < MOST_PRODUCTS && size > enough * enough * start;
         ++*products) {
        double bend, step, before = size;

        for (int64_t a = 0; a < s->size; a++) {
            s->direction.data[a] =
                s->z.data[a] + (share > 0 ? share * s->direction.data[a] : 0);
        }
        if (!mls_run_go_on(s->in->run, err)
            || !mls_panels_product(&s->panels, &s->direction, &s->product,
                                   err)) {
            return false;
        }
        add_penalty(s, &s->direction, &s->product, NULL);
        bend = dot(&s->direction, &s->product);
        if (!(bend > 0))
            break;
        step = size / bend;
        for (int64_t a = 0; a < s->size; a++) {
            s->d.data[a] += step * s->direction.data[a];
            s->rest.data[a] -= step * s->product.data[a];
        }
        if (!precondition(s, &size, err))
            return false;
        share = size / before;
    }
    take_common(s, &s->d);
    return true;
}

static void swap(struct mls_matrix *a, struct mls_matrix *b)
{
    struct mls_matrix c = *a;

    *a = *b;
    *b = c;
}

/* The least point in (0, step) of the cubic with these values and slopes at 0
 * and at step (Nocedal & Wright (2006), 3.59), well inside. */
static double inner_step(double step, double value0, double slope0,
                         double value, double slope)
{
    double one = slope0 + slope - 3 * (value - value0) / step;
    double two = sqrt(fmax(0, one * one - slope0 * slope));
    double to = step
        - step * (slope + two - one) / (slope - slope0 + 2 * two);

    return to >= 0.1 * step && to <= 0.8 * step ? to : 0.3 * step;
}

static bool evaluate(struct solver *s, const struct mls_matrix *b, bool rough,
                     double *value, struct mls_matrix *gradient,
                     struct mls_error *err)
{
    bool ok = mls_run_go_on(s->in->run, err)
        && (rough ? mls_panels_rough(&s->panels, b, value, gradient, err)
                  : mls_panels_evaluate(&s->panels, b, value, gradient, err));

    if (ok)
        add_penalty(s, b, gradient, value);
    return ok;
}

/*
 * Shortens the step until the objective falls as it should (Armijo) and does
 * not rise steeply beyond: rows that are told wrong with confidence have next
 * to no curvature, and a step that takes many of them there is dear.  A change
 * within the rounding of the sum counts as a fall.
 */
static bool move(struct solver *s, bool rough, bool *moved,
                 struct mls_error *err)
{
    double slope = dot(&s->gradient, &s->d), step = 1, value = 0;
    double rounding = fabs(s->objective)
        * (rough || s->rough ? ROUGH_LOSS : 1e-13);

    *moved = false;
    for (int k = 0; slope < 0 && k < TRIALS; k++) {
        double end;

        for (int64_t a = 0; a < s->size; a++)
            s->next.data[a] = s->b.data[a] + step * s->d.data[a];
        if (!evaluate(s, &s->next, rough, &value, &s->next_gradient, err))
            return false;
        end = dot(&s->next_gradient, &s->d);
        *moved = value <= s->objective + 1e-4 * step * slope + rounding;
        if (*moved && end <= STEEP * fabs(slope))
            break;
        *moved = false;
        step = inner_step(step, s->objective, slope, value, end);
    }
    if (*moved) {
        s->objective = value;
        s->rough = rough;
        s->fresh = false;
        swap(&s->b, &s->next);
        swap(&s->gradient, &s->next_gradient);
    }
    return true;
}

/* rest = -gradient, and what the preconditioner makes of it. */
static bool look(struct solver *s, double *size, struct mls_error *err)
{
    for (int64_t a = 0; a < s->size; a++)
        s->rest.data[a] = -s->gradient.data[a];
    return precondition(s, size, err);
}

/* In double precision, where b is. */
static bool look_again(struct solver *s, struct mls_error *err)
{
    s->rough = false;
    return evaluate(s, &s->b, false, &s->objective, &s->gradient, err);
}

static bool iterate(struct solver *s, struct mls_logistic_result *result,
                    bool *done, int *products, struct mls_error *err)
{
    double gradient = gradient_size(s), size, enough;
    double tolerance = s->in->tolerance;
    bool moved, rough;

    if (!s->fresh && *products > (s->blocks == 1 ? SLOW_ONE : SLOW)
        && !make_blocks(s, s->in->classes, err)) {
        return false;
    }
    if (!look(s, &size, err))
        return false;
    *done = !s->rough && gradient <= tolerance
        && size / 2 <= LAST_FALL * s->objective;
    if (*done) {
        result->converged = true;
        return true;
    }
    rough = !s->exact && size / 2 > ROUGH_FALL * s->objective;
    enough = fmax(0.3 * tolerance / gradient,
                  s->fall > 0 ? fmin(LOOSE, size / s->fall) : LOOSE);
    s->fall = size;
    if (!find_step(s, enough, size, products, err)
        || !move(s, rough, &moved, err)) {
        return false;
    }
    if (!moved && (rough || s->rough)) {
        s->exact = true;
        return look_again(s, err);
    }
    *done = !moved;
    /* No digit of the objective is left to be won. */
    result->converged = *done && size / 2 <= LAST_FALL * s->objective;
    return true;
}

/* ---- All of it ---- */

static bool make_room(struct solver *s, struct mls_error *err)
{
    struct mls_matrix *all[] = { &s->b, &s->gradient, &s->d, &s->next,
                                 &s->next_gradient, &s->rest, &s->direction,
                                 &s->product, &s->z };
    bool ok = true;

    for (size_t k = 0; ok && k < sizeof(all) / sizeof(*all); k++)
        ok = mls_matrix_new(all[k], s->columns, s->in->classes, err);
    s->block = ok ? mls_new(s->in->classes, sizeof(*s->block), err) : NULL;
    return s->block != NULL;
}

static void clear(struct solver *s)
{
    for (int k = 0; s->block && k < s->in->classes; k++)
        mls_free(s->block[k].data);
    mls_free(s->block);
    mls_free(s->z.data);
    mls_free(s->product.data);
    mls_free(s->direction.data);
    mls_free(s->rest.data);
    mls_free(s->next_gradient.data);
    mls_free(s->next.data);
    mls_free(s->d.data);
    mls_free(s->gradient.data);
    mls_free(s->b.data);
    mls_panels_clear(&s->panels);
}

/* From b = 0. */
static bool run_iterations(struct solver *s,
                           struct mls_logistic_result *result,
                           struct mls_error *err)
{
    bool done = false;
    int products = 0;
    bool ok = mls_panels_fill(&s->panels, &s->b, &s->objective, &s->gradient,
                              err)
        && make_blocks(s, 1, err);

    while (ok && !done && result->iterations < s->in->max_iterations) {
        result->iterations++;
        mls_progress(s->in->run, "fit", (double)result->iterations, 0);
        ok = mls_run_go_on(s->in->run, err)
            && iterate(s, result, &done, &products, err);
    }
    ok = ok && (!s->rough || look_again(s, err));
    result->objective = s->objective;
    return ok;
}

bool mls_logistic_classes(const struct mls_classes *problem,
                          struct mls_matrix *b, double *mean,
                          struct mls_logistic_result *result, bool *finished,
                          struct mls_error *err)
{
    struct solver s = {
        .in = problem,
        .panels = { .run = problem->run, .x = problem->x, .y = problem->y,
                    .w = problem->w, .ones = problem->intercept,
                    .classes = problem->classes }
    };
    bool ok;

    *finished = false;
    *result = (struct mls_logistic_result){ 0 };
    s.columns = problem->x->columns + (problem->intercept ? 1 : 0);
    s.size = s.columns * problem->classes;
    ok = mls_panels_new(&s.panels, finished, err)
        && (!*finished
            || (make_room(&s, err) && run_iterations(&s, result, err)));
    if (ok && *finished) {
        take_common(&s, &s.b);
        for (int64_t k = 0; k < b->columns; k++) {
            memcpy(b->data + k * b->stride, s.b.data + k * s.columns,
                   (size_t)s.columns * sizeof(double));
        }
        memcpy(mean, s.panels.mean,
               (size_t)problem->x->columns * sizeof(double));
    }
    clear(&s);
    return ok;
}
