/*
 * Newton's method for two classes and many rows.
 *
 *   strip of 256 rows, in the cache:
 *      x less shift -> scores -> residuals, curvatures, loss -> X'r, X'CX
 *   added up to chunks of 2,048 rows, folded over the fixed tree
 *
 * The table is read once an iteration, from where it lies: the shift, about the
 * mean of a column, is taken out in the cache.  And it takes few of them:
 *
 *   - it starts from the optimum of every 16th chunk, and that from the optimum
 *     of every 256th: about a hundredth of a score away;
 *   - there is no search along the line: the loss at the next point is known
 *     when its gradient is, and only if it did not fall the step is halved;
 *   - a Hessian is kept as long as each step with it makes the gradient ten
 *     times smaller, which it does from such a start;
 *   - two steps with one Hessian tell by how much the next will make the
 *     gradient smaller; when that is enough, it is the last and not looked at.
 *
 * The Hessian is summed in single precision, which costs steps no more than
 * keeping it does, and no digit of the end: the gradient has all.  Only when
 * the columns are so dependent that this would not do, it is summed in double.
 *
 * Measured on 800,000 x 28, see docs/benchmarks.md.
 */
#include "learner/logistic_fused.h"

#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"
#include "learner/logistic_strip.h"

#define LAST_MOVE 3e-3 /* mean move of a score in the last step */
#define SLOW 0.1       /* share of the gradient a step may leave */
#define DEPENDENT 1e-4 /* reciprocal condition: sum in double */
#define SINGULAR 1e-10
enum { CHUNK = MLS_MATRIX_CHUNK, ITERATIONS = 20, LANES = MLS_STRIP_LANES };
static const int64_t strides[] = { 256, 16, 1 };

/* Sums over rows. */
struct sums {
    double loss;
    double rest[]; /* size: gradient; q: squares; size x size */
};

/* What a worker needs for a strip. */
struct scratch {
    double *z, *weighted, *lanes;
    float *f, *f_weighted, *f_lanes;
};

struct fused {
    const struct mls_fused *in;
    int64_t q, size;       /* columns; and with the constant */
    int64_t stride;        /* chunks from one to the next */
    int64_t rows;          /* that are looked at */
    double l2, weight;     /* their share of the whole */
    bool hessian, exact;   /* wanted; in double precision */
    bool factored;         /* there is a factor of some Hessian */
    double *b;             /* q + 1, the last one 0 without intercept */
    double *shift, *scale; /* q */
    double *square;        /* size: sum of w z^2, of all rows */
    double *diagonal, *before, *step; /* size */
    struct sums *sums;
    struct mls_matrix factor;
    struct scratch *scratch;
    void *bytes; /* of all scratch */
    int workers;
};

static double *hessian_of(const struct fused *f, struct sums *sums)
{
    return sums->rest + f->size + f->q;
}

/* ---- One pass ---- */

static void add_lanes(const struct fused *f, const struct scratch *s,
                      double *hessian)
{
    int64_t room = mls_strip_room(f->size);
    int count = f->exact ? 4 : LANES;

    for (int64_t j = 0; j < f->size; j++) {
        for (int64_t k = j; k < f->size; k++) {
            int64_t at = (j * room + k) * count;
            double sum = 0;

            for (int l = 0; l < count; l++)
                sum += f->exact ? s->lanes[at + l] : (double)s->f_lanes[at + l];
            hessian[j * f->size + k] = sum;
        }
    }
}

/* The constant as a last column. */
static void fill_ones(const struct fused *f, const struct scratch *s,
                      int64_t count)
{
    int64_t end = (count + LANES - 1) / LANES * LANES;

    for (int64_t i = 0; f->size > f->q && i < end; i++) {
        s->z[f->q * MLS_STRIP + i] = i < count;
        s->f[f->q * MLS_STRIP + i] = (float)(i < count);
    }
}

static void map_strip(const struct fused *f, const struct scratch *scratch,
                      int64_t at, int64_t count, struct sums *sums)
{
    const struct mls_fused *in = f->in;
    const double *w = in->w ? in->w + at : NULL;
    const struct mls_strip_columns columns = { .x = in->x->data + at,
                                               .stride = in->x->stride,
                                               .count = count,
                                               .columns = f->q,
                                               .shift = f->shift,
                                               .scale = f->scale,
                                               .b = f->b };
    bool single = f->hessian && !f->exact;
    double s[MLS_STRIP], curvature[MLS_STRIP];

    mls_strip_load(&columns, scratch->z, single ? scratch->f : NULL, s);
    fill_ones(f, scratch, count);
    sums->loss += mls_strip_slopes(in->y + at, w, count, s, curvature);
    mls_strip_gradient(scratch->z, f->size, count, s, sums->rest);
    if (f->hessian) {
        mls_strip_squares(scratch->z, f->q, count, w, sums->rest + f->size);
    }
    if (single) {
        mls_strip_gram(scratch->f, curvature, f->size, count,
                       scratch->f_weighted, scratch->f_lanes);
    } else if (f->hessian) {
        mls_strip_gram_exact(scratch->z, curvature, f->size, count,
                             scratch->weighted, scratch->lanes);
    }
}

static bool map(void *context, int64_t first, int64_t count, void *partial,
                struct mls_error *err)
{
    const struct fused *f = context;
    const struct scratch *scratch = &f->scratch[mls_worker() % f->workers];
    int64_t at = first * f->stride;
    int64_t lanes = f->size * mls_strip_room(f->size);

    (void)err;
    if (f->hessian) {
        memset(scratch->lanes, 0, (size_t)lanes * 4 * sizeof(double));
        memset(scratch->f_lanes, 0, (size_t)lanes * LANES * sizeof(float));
    }
    for (int64_t i = 0; i < count; i += MLS_STRIP) {
        map_strip(f, scratch, at + i,
                  count - i < MLS_STRIP ? count - i : MLS_STRIP, partial);
    }
    if (f->hessian)
        add_lanes(f, scratch, hessian_of(f, partial));
    return true;
}

static int64_t sums_count(const struct fused *f)
{
    return f->size + (f->hessian ? f->q + f->size * f->size : 0);
}

static void fold(void *context, void *into_, const void *from_)
{
    const struct fused *f = context;
    struct sums *into = into_;
    const struct sums *from = from_;
    int64_t count = sums_count(f);

    into->loss += from->loss;
    for (int64_t i = 0; i < count; i++)
        into->rest[i] += from->rest[i];
}

/* The Hessian of the columns as they are, its squares kept. */
static void finish_hessian(struct fused *f)
{
    double *h = hessian_of(f, f->sums);
    int64_t size = f->size;

    memcpy(f->square, f->sums->rest + size, (size_t)f->q * sizeof(double));
    f->square[size - 1] = size > f->q ? f->weight : f->square[size - 1];
    for (int64_t j = 0; j < size; j++) {
        for (int64_t k = j; k < size; k++) {
            double by = f->exact
                            ? 1
                            : (j < f->q ? (float)f->scale[j] : 1)
                                  * (double)(k < f->q ? (float)f->scale[k] : 1);

            h[j * size + k] /= by;
            h[k * size + j] = h[j * size + k];
        }
    }
    for (int64_t j = 0; j < f->q; j++)
        h[j * (size + 1)] += f->l2;
}

/* Sums at b, with the penalty. */
static bool pass(struct fused *f, struct mls_error *err)
{
    struct mls_reduce_job job = {
        .rows = f->rows,
        .chunk_rows = CHUNK,
        .bytes = sizeof(struct sums) + (size_t)sums_count(f) * sizeof(double),
        .map = map,
        .fold = fold,
        .context = f
    };

    if (!mls_run_go_on(f->in->run, err)
        || !mls_reduce(f->in->run, &job, f->sums, err))
        return false;
    for (int64_t j = 0; j < f->q; j++) {
        f->sums->loss += f->l2 / 2 * f->b[j] * f->b[j];
        f->sums->rest[j] += f->l2 * f->b[j];
    }
    if (f->hessian)
        finish_hessian(f);
    return true;
}

/* ---- Steps ---- */

/* The factor of the Hessian, its diagonal scaled to 1. */
static bool factorise(struct fused *f, double *condition, struct mls_error *err)
{
    int64_t size = f->size;
    const double *h = hessian_of(f, f->sums);
    bool definite;

    for (int64_t j = 0; j < size; j++) {
        double d = h[j * (size + 1)];

        f->diagonal[j] = d > 0 ? 1 / sqrt(d) : 1;
    }
    for (int64_t j = 0; j < size; j++) {
        for (int64_t i = 0; i < size; i++) {
            f->factor.data[i + j * size] =
                h[i + j * size] * f->diagonal[i] * f->diagonal[j];
        }
    }
    return mls_cholesky(&f->factor, &definite, condition, err);
}

/* b moves by a whole step; where it was is kept.  *move is what scores move by,
 * the root of the mean square where rows count by their curvature; *fall is by
 * how much the loss falls. */
static bool take_step(struct fused *f, double *move, double *fall,
                      struct mls_error *err)
{
    struct mls_matrix step = { f->step, f->size, 1, f->size };
    double square = 0;

    for (int64_t j = 0; j < f->size; j++)
        f->step[j] = -f->diagonal[j] * f->sums->rest[j];
    if (!mls_cholesky_solve(&f->factor, &step, err))
        return false;
    for (int64_t j = 0; j < f->size; j++) {
        f->step[j] *= f->diagonal[j];
        square -= f->step[j] * f->sums->rest[j];
        f->before[j] = f->b[j];
        f->b[j] += f->step[j];
    }
    *fall = square / 2;
    *move = sqrt(square / (f->weight / 4));
    return true;
}

static double gradient_size(const struct fused *f)
{
    double largest = 0;

    for (int64_t j = 0; j < f->size; j++) {
        double most = sqrt(f->weight * f->square[j]);

        if (most > 0)
            largest = fmax(largest, fabs(f->sums->rest[j]) / most);
    }
    return largest;
}

/* How an approach goes. */
struct way {
    double loss, gradient; /* where it was last; gradient INFINITY: not
                                 * with this Hessian */
    double expected;       /* loss after the step */
};

/* The Hessian at b and its factor; *good is false when columns depend. */
static bool renew(struct fused *f, bool *good, struct mls_error *err)
{
    double condition;

    if (!factorise(f, &condition, err))
        return false;
    if (!f->exact && !(condition > DEPENDENT)) {
        f->exact = true;
        if (!pass(f, err) || !factorise(f, &condition, err))
            return false;
    }
    *good = condition > SINGULAR;
    return true;
}

/* The way it came was too far: half of it. */
static void go_back(struct fused *f)
{
    for (int64_t j = 0; j < f->size; j++)
        f->b[j] = f->before[j] + (f->b[j] - f->before[j]) / 2;
    f->hessian = true;
}

/* Goes from b to the optimum of the rows looked at; with a factor from others,
 * the first step is taken with that. */
static bool descend(struct fused *f, double tolerance, int64_t most,
                    int64_t *iterations, struct way *way, bool *finished,
                    struct mls_error *err)
{
    double slack = 1e-15 * f->weight;
    bool good = true, borrowed = f->factored;

    *finished = false;
    *way = (struct way){ INFINITY, INFINITY, INFINITY };
    f->hessian = !borrowed;
    for (int64_t k = 0; k < most; k++) {
        double gradient, share, move, fall;

        if (!pass(f, err))
            return false;
        if (!(f->sums->loss <= way->loss + 1e-13 * fabs(way->loss) + slack)) {
            if (k == 0)
                return true;
            go_back(f);
            continue;
        }
        ++*iterations;
        if (f->hessian && !renew(f, &good, err))
            return false;
        if (!good)
            return true;
        f->factored = true;
        gradient = gradient_size(f);
        share = f->hessian || k == 0 ? 1 : gradient / way->gradient;
        way->loss = f->sums->loss;
        way->gradient = gradient;
        if (!take_step(f, &move, &fall, err))
            return false;
        way->expected = way->loss - fall;
        *finished = move <= LAST_MOVE
                    && (gradient <= tolerance
                        || (share < SLOW && gradient * share <= tolerance / 3));
        if (*finished)
            return true;
        f->hessian = (share > SLOW && (!f->hessian || move > 0.3))
                     || (borrowed && k == 0);
    }
    return true;
}

/* ---- Start ---- */

enum { SPOTS = 32, SPOT = 128 }; /* rows that tell shift and scale */

static void find_shift(struct fused *f)
{
    const struct mls_matrix *x = f->in->x;
    int64_t far = x->rows / SPOTS;

    for (int64_t j = 0; j < f->q; j++) {
        double sum[2] = { 0, 0 }, mean = 0, square;

        for (int round = 0; round < 2; round++) {
            for (int64_t i = 0; i < SPOTS * SPOT; i++) {
                double d =
                    x->data[i / SPOT * far + i % SPOT + j * x->stride] - mean;

                sum[round] += round ? d * d : d;
            }
            if (!round)
                mean = sum[0] / (SPOTS * SPOT);
        }
        square = sum[1] + SPOTS * SPOT * mean * mean;
        f->shift[j] = f->in->intercept ? mean : 0;
        f->scale[j] = sqrt(SPOTS * SPOT / (f->in->intercept ? sum[1] : square));
        if (!(f->scale[j] > 1e-30 && f->scale[j] < 1e30))
            f->scale[j] = 1;
    }
}

static void look_at(struct fused *f, int64_t stride)
{
    int64_t chunks = f->in->x->rows / CHUNK / stride;

    f->stride = stride;
    f->rows = stride > 1 ? chunks * CHUNK : f->in->x->rows;
    f->l2 = f->in->l2 * (double)f->rows / (double)f->in->x->rows;
    f->weight = f->in->weight * (double)f->rows / (double)f->in->x->rows;
}

/* b becomes the optimum of every 256th, then of every 16th chunk. */
static bool start(struct fused *f, int64_t stride, int64_t next,
                  struct mls_error *err)
{
    int64_t ignored = 0;
    struct way way;
    bool finished;

    look_at(f, stride);
    if (f->rows < 20 * f->size || f->rows < 2 * CHUNK)
        return true;
    if (!descend(f, 1e-4, 8, &ignored, &way, &finished, err))
        return false;
    for (int64_t j = 0; j < f->size; j++) {
        if (!finished || !isfinite(f->b[j])) {
            memset(f->b, 0, (size_t)f->size * sizeof(double));
            f->factored = false;
        }
    }
    /* More rows have more curvature. */
    for (int64_t j = 0; j < f->size; j++) {
        f->diagonal[j] *= sqrt((double)next / (double)stride);
        f->square[j] *= (double)stride / (double)next;
    }
    return true;
}

/* ---- Room ---- */

static void *part_of(char **at, int64_t count, size_t size)
{
    void *part = *at;

    *at += ((size_t)count * size + 63) / 64 * 64;
    return part;
}

static bool make_scratch(struct fused *f, struct mls_error *err)
{
    int64_t room = mls_strip_room(f->size), columns = room * MLS_STRIP;
    int64_t lanes = (f->size + 4) * room;
    int64_t each =
        columns * 2 * (int64_t)(sizeof(double) + sizeof(float))
        + lanes * (int64_t)(4 * sizeof(double) + LANES * sizeof(float))
        + 6 * 64;

    f->workers = mls_pool_threads(f->in->run ? f->in->run->pool : NULL);
    f->scratch = mls_new(f->workers, sizeof(*f->scratch), err);
    f->bytes = f->scratch ? mls_new(f->workers, (size_t)each, err) : NULL;
    for (int i = 0; f->bytes && i < f->workers; i++) {
        char *at = (char *)f->bytes + i * each;

        f->scratch[i].z = part_of(&at, columns, sizeof(double));
        f->scratch[i].weighted = part_of(&at, columns, sizeof(double));
        f->scratch[i].lanes = part_of(&at, lanes, 4 * sizeof(double));
        f->scratch[i].f = part_of(&at, columns, sizeof(float));
        f->scratch[i].f_weighted = part_of(&at, columns, sizeof(float));
        f->scratch[i].f_lanes = part_of(&at, lanes, LANES * sizeof(float));
    }
    return f->bytes != NULL;
}

static bool make_room(struct fused *f, struct mls_error *err)
{
    int64_t q = f->q, size = f->size;

    f->shift = mls_new(2 * q + 4 * size, sizeof(double), err);
    if (!f->shift)
        return false;
    f->scale = f->shift + q;
    f->square = f->scale + q;
    f->diagonal = f->square + size;
    f->before = f->diagonal + size;
    f->step = f->before + size;
    f->sums = mls_new(
        1, sizeof(*f->sums) + (size_t)(size + q + size * size) * sizeof(double),
        err);
    return f->sums && mls_matrix_new(&f->factor, size, size, err)
           && make_scratch(f, err);
}

static void clear(struct fused *f)
{
    mls_free(f->bytes);
    mls_free(f->scratch);
    mls_free(f->factor.data);
    mls_free(f->sums);
    mls_free(f->shift);
}

bool mls_fused_fits(int64_t rows, int64_t columns)
{
    return rows >= MLS_FUSED_ROWS && columns > 0
           && columns <= MLS_FUSED_COLUMNS;
}

bool mls_logistic_fused(const struct mls_fused *problem, double *b,
                        struct mls_logistic_result *result, bool *finished,
                        struct mls_error *err)
{
    int64_t q = problem->x->columns;
    struct fused f = {
        .in = problem, .q = q, .size = q + problem->intercept, .b = b
    };
    int64_t most = ITERATIONS < problem->max_iterations
                       ? ITERATIONS
                       : problem->max_iterations;
    struct way way;
    bool ok = make_room(&f, err);

    *result = (struct mls_logistic_result){ 0 };
    *finished = false;
    memset(b, 0, (size_t)(q + 1) * sizeof(double));
    if (ok)
        find_shift(&f);
    for (int i = 0; ok && strides[i] > 1; i++)
        ok = start(&f, strides[i], strides[i + 1], err);
    look_at(&f, 1);
    ok = ok
         && descend(&f, problem->tolerance, most, &result->iterations, &way,
                    finished, err);
    if (ok && *finished) {
        result->converged = true;
        result->objective = way.expected;
        for (int64_t j = 0; problem->intercept && j < q; j++)
            b[q] -= f.shift[j] * b[j];
        for (int64_t j = 0; j <= q; j++)
            *finished = *finished && isfinite(b[j]);
    }
    clear(&f);
    return ok;
}
