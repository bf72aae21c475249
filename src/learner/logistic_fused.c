/*
 * Newton's method for two classes and many rows.
 *
 *   chunk of 2,048 rows, in the second-level cache:
 *      scores -> residuals, curvatures, loss -> X'r, X'CX
 *   folded over the fixed tree
 *
 * The table is read once an iteration, not six times.  It also takes fewer of
 * them:
 *
 *   - it starts from the optimum of every 16th chunk, about a hundredth of a
 *     score away;
 *   - there is no search along the line: the loss at the next point is known
 *     when its gradient is, and only if it did not fall the step is halved;
 *   - a step that moves no score by more than 0.02 changes no curvature by
 *     more than 2%, so the next one uses the same Hessian.
 *
 * The loss of a row is max(t, 0) + log(1 + exp(-|t|)); of the logarithms a
 * strip of rows takes one, of the product of their arguments.
 *
 * Measured on 800,000 x 28, see docs/benchmarks.md.
 */
#include "learner/logistic_fused.h"

#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"

#define SAME_HESSIAN 0.02       /* largest move of a score */
#define LAST_MOVE 3e-3
enum { CHUNK = MLS_MATRIX_CHUNK, STRIDE = 16, ITERATIONS = 15, STRIP = 512 };

/* Sums over rows; then the gradient and the Hessian follow. */
struct sums {
    double loss, move;
    double rest[];              /* q, then q x q */
};

struct fused {
    const struct mls_logistic *in;
    int64_t q;
    int64_t stride;             /* chunks from one to the next */
    int64_t rows;               /* that are looked at */
    double l2;
    bool hessian;               /* wanted */
    const double *b;
    double *scores;             /* n: of the last full pass; or NULL */
    struct sums *sums;
    struct mls_matrix factor;
    double *scale, *before, *step; /* q each */
};

/* ---- One pass ---- */

typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t words __attribute__((vector_size(32), aligned(8), may_alias));

/*
 * exp(x) for x in [-708, 0], four at a time, within 2 units in the last place:
 * x = k log 2 + r, |r| <= 0.35, and a Taylor polynomial of degree 13.  The
 * shifter leaves k in the low bits of a double.
 */
static inline __attribute__((always_inline)) void exp_of(const double *x,
                                                          double *out)
{
    lanes v = *(const lanes *)x;
    lanes shifted = v * 1.4426950408889634 + 6755399441055744.0;
    lanes k = shifted - 6755399441055744.0;
    lanes r = (v - k * 6.93147180369123816490e-01)
        - k * 1.90821492927058770002e-10;
    lanes p = r * (1.0 / 6227020800) + 1.0 / 479001600;
    words exponent;

    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * (r * r) + r + 1.0;
    memcpy(&exponent, &shifted, sizeof(exponent));
    exponent = (exponent << 52) + (words)p;
    *(lanes *)out = (lanes)exponent;
}

/* Scores become residuals; curvature, too, is filled.  Returns the loss. */
static double slopes(const double *y, const double *w, int64_t count,
                     double *s, double *curvature)
{
    double loss = 0;

    for (int64_t first = 0; first < count; first += STRIP) {
        int64_t end = first + STRIP < count ? first + STRIP : count;
        double e[STRIP + 4], product = 1;

        for (int64_t i = first; i < end; i++)
            e[i - first] = fabs(s[i]) < 700 ? -fabs(s[i]) : -700;
        for (int64_t i = end - first; i % 4 != 0; i++)
            e[i] = 0;
        for (int64_t i = 0; i < end - first; i += 4)
            exp_of(e + i, e + i);
        for (int64_t i = first; i < end; i++) {
            double small_ = e[i - first], one = 1 + small_, large = 1 / one;
            double wrong = y[i] > 0 ? -s[i] : s[i], small = small_ * large;
            double residual = wrong >= 0 ? large : small;
            double weight = w ? w[i] : 1;

            if (w)
                loss += weight * ((wrong > 0 ? wrong : 0) + log1p(small_));
            else {
                loss += wrong > 0 ? wrong : 0;
                product *= one;
            }
            s[i] = weight * (y[i] > 0 ? -residual : residual);
            curvature[i] = weight * (large * small);
        }
        loss += log(product);
    }
    return loss;
}

static double keep_scores(double *kept, const double *s, int64_t count)
{
    double move = 0;

    for (int64_t i = 0; i < count; i++) {
        double by = fabs(s[i] - kept[i]);

        move = by > move ? by : move;
        kept[i] = s[i];
    }
    return move;
}

static bool map(void *context, int64_t first, int64_t count, void *partial,
                struct mls_error *err)
{
    const struct fused *f = context;
    const struct mls_logistic *in = f->in;
    int64_t at = first * f->stride;
    struct mls_matrix rows = { in->x->data + at, count, f->q, in->x->stride };
    struct sums *sums = partial;
    struct mls_matrix hessian = { sums->rest + f->q, f->q, f->q, f->q };
    double s[CHUNK], curvature[CHUNK];

    if (!mls_gemv(NULL, &rows, f->b, s, err))
        return false;
    if (f->scores)
        sums->move = keep_scores(f->scores + at, s, count);
    sums->loss = slopes(in->y + at, in->w ? in->w + at : NULL, count, s,
                        curvature);
    return mls_gemv_transposed(NULL, &rows, NULL, s, sums->rest, err)
        && (!f->hessian || mls_gram(NULL, &rows, curvature, &hessian, err));
}

static void fold(void *context, void *into_, const void *from_)
{
    const struct fused *f = context;
    struct sums *into = into_;
    const struct sums *from = from_;
    int64_t size = f->q + (f->hessian ? f->q * f->q : 0);

    into->loss += from->loss;
    into->move = fmax(into->move, from->move);
    for (int64_t i = 0; i < size; i++)
        into->rest[i] += from->rest[i];
}

/* Sums at b, with the penalty. */
static bool pass(struct fused *f, struct mls_error *err)
{
    int64_t q = f->q;
    struct mls_reduce_job job = {
        .rows = f->rows, .chunk_rows = CHUNK,
        .bytes = sizeof(struct sums)
            + (size_t)(q + (f->hessian ? q * q : 0)) * sizeof(double),
        .map = map, .fold = fold, .context = f
    };

    if (!mls_run_go_on(f->in->run, err)
        || !mls_reduce(f->in->run, &job, f->sums, err))
        return false;
    for (int64_t j = 0; j < f->in->penalised; j++) {
        f->sums->loss += f->l2 / 2 * f->b[j] * f->b[j];
        f->sums->rest[j] += f->l2 * f->b[j];
        if (f->hessian)
            f->sums->rest[q + j * (q + 1)] += f->l2;
    }
    return true;
}

/* ---- Steps ---- */

/* The factor of the Hessian, its diagonal scaled to 1; *good is false when it
 * is close to singular. */
static bool factorise(struct fused *f, bool *good, struct mls_error *err)
{
    int64_t q = f->q;
    const double *h = f->sums->rest + q;
    double condition = 0;

    for (int64_t j = 0; j < q; j++)
        f->scale[j] = h[j * (q + 1)] > 0 ? 1 / sqrt(h[j * (q + 1)]) : 1;
    for (int64_t j = 0; j < q; j++) {
        for (int64_t i = 0; i < q; i++)
            f->factor.data[i + j * q] = h[i + j * q] * f->scale[i]
                * f->scale[j];
    }
    if (!mls_cholesky(&f->factor, good, &condition, err))
        return false;
    *good = *good && condition > 1e-10;
    return true;
}

/* b moves by a whole step; where it was is kept. */
static bool take_step(struct fused *f, double *b, struct mls_error *err)
{
    struct mls_matrix step = { f->step, f->q, 1, f->q };

    for (int64_t j = 0; j < f->q; j++)
        f->step[j] = -f->scale[j] * f->sums->rest[j];
    if (!mls_cholesky_solve(&f->factor, &step, err))
        return false;
    for (int64_t j = 0; j < f->q; j++) {
        f->before[j] = b[j];
        f->step[j] *= f->scale[j];
        b[j] += f->step[j];
    }
    return true;
}

static double gradient_size(const struct fused *f)
{
    double largest = 0;

    for (int64_t j = 0; j < f->q; j++) {
        double most = sqrt(f->in->weight * f->in->square[j]);

        if (most > 0)
            largest = fmax(largest, fabs(f->sums->rest[j]) / most);
    }
    return largest;
}

/* Goes from b to the optimum of the rows looked at.  *loss is that at b. */
static bool descend(struct fused *f, double *b, double tolerance,
                    int64_t most, int64_t *iterations, bool *finished,
                    struct mls_error *err)
{
    double loss = INFINITY, slack = 1e-15 * f->in->weight;
    bool good = false;

    *finished = false;
    f->hessian = true;
    for (int64_t k = 0; k < most; k++) {
        double gradient;

        if (!pass(f, err))
            return false;
        if (!(f->sums->loss <= loss + 1e-13 * fabs(loss) + slack)) {
            /* The way it came was too far: half of it. */
            for (int64_t j = 0; j < f->q; j++)
                b[j] = f->before[j] + (b[j] - f->before[j]) / 2;
            f->hessian = true;
            continue;
        }
        loss = f->sums->loss;
        ++*iterations;
        gradient = gradient_size(f);
        if (f->hessian && !factorise(f, &good, err))
            return false;
        if (!good)
            return true;
        if (!take_step(f, b, err))
            return false;
        *finished = gradient <= tolerance
            && (!f->scores || (k > 0 && f->sums->move <= LAST_MOVE));
        if (*finished)
            return true;
        f->hessian = !(f->scores && k > 0 && f->sums->move <= SAME_HESSIAN);
    }
    return true;
}

/* b becomes the optimum of every 16th chunk. */
static bool start(struct fused *f, double *b, struct mls_error *err)
{
    const struct mls_logistic *in = f->in;
    int64_t chunks = in->x->rows / CHUNK / STRIDE, ignored = 0;
    bool finished;

    if (chunks * CHUNK < 20 * f->q || chunks < 2)
        return true;
    f->stride = STRIDE;
    f->rows = chunks * CHUNK;
    f->l2 = in->l2 * (double)f->rows / (double)in->x->rows;
    if (!descend(f, b, 1e-4, 8, &ignored, &finished, err))
        return false;
    for (int64_t j = 0; j < f->q; j++) {
        if (!finished || !isfinite(b[j]))
            memset(b, 0, (size_t)f->q * sizeof(double));
    }
    return true;
}

static bool make_room(struct fused *f, struct mls_error *err)
{
    int64_t q = f->q;

    f->scale = mls_new(3 * q, sizeof(double), err);
    if (!f->scale)
        return false;
    f->before = f->scale + q;
    f->step = f->before + q;
    f->sums = mls_new(1, sizeof(*f->sums)
                             + (size_t)(q + q * q) * sizeof(double), err);
    return f->sums && mls_matrix_new(&f->factor, q, q, err);
}

bool mls_logistic_fused(const struct mls_logistic *problem,
                        struct mls_matrix *b,
                        struct mls_logistic_result *result, bool *finished,
                        struct mls_error *err)
{
    struct fused f = { .in = problem, .q = problem->x->columns,
                       .b = b->data };
    int64_t most = ITERATIONS < problem->max_iterations
        ? ITERATIONS
        : problem->max_iterations;
    bool ok = make_room(&f, err) && start(&f, b->data, err);

    *finished = false;
    f.stride = 1;
    f.rows = problem->x->rows;
    f.l2 = problem->l2;
    if (ok) {
        f.scores = mls_new_array(problem->x->rows, sizeof(double), err);
        ok = f.scores != NULL;
    }
    for (int64_t i = 0; ok && i < problem->x->rows; i++)
        f.scores[i] = 0;
    ok = ok
        && descend(&f, b->data, problem->tolerance, most, &result->iterations,
                   finished, err);
    if (ok && *finished) {
        result->converged = true;
        result->objective = f.sums->loss;
    }
    for (int64_t j = 0; ok && j < f.q; j++) {
        if (!isfinite(b->data[j]))
            memset(b->data, 0, (size_t)f.q * sizeof(double));
    }
    mls_free(f.scores);
    mls_free(f.factor.data);
    mls_free(f.sums);
    mls_free(f.scale);
    return ok;
}
