/*
 * Passes over the rows of a table of many columns and several classes.
 *
 * Rows lie in single precision, each row in one piece.  A product with the
 * Hessian makes both of its halves for 32 rows at a time, so that X comes from
 * memory once (logistic_skinny.c):
 *
 *      32 rows Z
 *         ├─ S = Z U             scores of the change u
 *         ├─ s_i -> w (p s_i - p (p's_i))                  row by row
 *         └─ G += Z'S
 *
 * The rows of a chunk of 1,024 add to one G in single precision; chunks
 * are folded in double over the tree of mls_reduce.  So the error is that of
 * sums of 1,024 terms, about 1e-6, which costs conjugate gradients nothing
 * before they have won four or five digits.  Far from the optimum the loss and
 * its gradient are made the same way.
 *
 * Near it they are made in double, from the table as it is: a panel of 256 rows
 * less means is copied into the cache, and used for scores and gradient there.
 * No centred copy of the table is needed.  The first evaluation makes the copy
 * on its way.
 *
 * Columns are scaled by powers of 2, which no rounding sees, for numbers in
 * single precision have a narrow range.
 */
#include "learner/logistic_panels.h"

#include <math.h>

#include "base/memory.h"
#include "base/reduce.h"
#include "base/threads.h"
#include "learner/logistic_newton.h"
#include "learner/logistic_skinny.h"
#include "linalg/multiply.h"

enum {
    PANEL = MLS_LOGISTIC_STRIP, /* rows */
    CHUNK = 4 * PANEL,          /* rows of a partial result */
    FEW = 32,                   /* rows of a step in a product */
    TURN = 16,                  /* cells each way that are turned at once */
    LANES = 8,                  /* partial sums */
    BLOCK = 128                 /* columns of one product in a gram matrix */
};

/* What one thread works with. */
struct mls_panel_scratch {
    double *z;                  /* PANEL x columns: rows less means */
    double *s, *p;              /* PANEL x classes */
    float *change;              /* vectors x FEW */
    float *sum;                 /* stride x vectors */
};

/* What a pass knows; each uses some of it. */
struct pass {
    struct mls_panels *panels;
    const struct mls_matrix *b;
    const float *u;             /* stride x vectors, of columns' scale */
    double largest;             /* what u is to be multiplied by */
    bool fill;                  /* make the panels, too */
    struct mls_matrix *gram;
    int count;                  /* of them */
    int64_t wanted;             /* rows */
};

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static struct mls_panel_scratch *own_scratch(const struct mls_panels *panels)
{
    return &panels->scratch[mls_worker() % panels->workers];
}

/* ---- In double precision ---- */

/* z = rows [first, first + count) less the means, column by column. */
static void load(const struct mls_panels *panels, int64_t first, int64_t count,
                 double *z)
{
    const struct mls_matrix *x = panels->x;

    for (int64_t j = 0; j < x->columns; j++) {
        const double *column = x->data + first + j * x->stride;
        double mean = panels->mean[j];

        for (int64_t i = 0; i < count; i++)
            z[i + j * PANEL] = column[i] - mean;
    }
    for (int64_t i = 0; panels->ones && i < count; i++)
        z[i + x->columns * PANEL] = 1;
}

/* The same rows, one after the other, in single precision: by squares, so
 * that neither side is walked across. */
static void turn(const struct mls_panels *panels, const double *z,
                 int64_t count, float *to)
{
    int64_t columns = panels->columns, stride = panels->stride;

    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = columns; j < stride; j++)
            to[j + i * stride] = 0;
    }
    for (int64_t jb = 0; jb < columns; jb += TURN) {
        int64_t end = at_most(jb + TURN, columns);

        for (int64_t ib = 0; ib < count; ib += TURN) {
            for (int64_t i = ib; i < at_most(ib + TURN, count); i++) {
                for (int64_t j = jb; j < end; j++) {
                    to[j + i * stride] =
                        (float)(z[i + j * PANEL] * panels->scale[j]);
                }
            }
        }
    }
}

static float square_of(const float *row, int64_t columns)
{
    float part[LANES] = { 0 }, sum = 0;
    int64_t j = 0;

    for (; j + LANES <= columns; j += LANES) {
        for (int l = 0; l < LANES; l++)
            part[l] += row[j + l] * row[j + l];
    }
    for (; j < columns; j++)
        sum += row[j] * row[j];
    for (int l = 0; l < LANES; l++)
        sum += part[l];
    return sum;
}

/* p: PANEL x classes. */
static void keep_probabilities(struct mls_panels *panels, int64_t first,
                               int64_t count, const double *p)
{
    int classes = panels->classes;

    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            panels->p[k + (first + i) * classes] = (float)p[i + k * PANEL];
        }
    }
}

/* Adds a panel to the loss and its gradient, columns x classes. */
static double add_panel(struct pass *pass, int64_t first, int64_t count,
                        double *gradient)
{
    struct mls_panels *panels = pass->panels;
    struct mls_panel_scratch *own = own_scratch(panels);
    const double *y = panels->y + first;
    const double *w = panels->w ? panels->w + first : NULL;
    int classes = panels->classes;
    int64_t columns = panels->columns;
    struct mls_product scores = {
        .rows = count, .columns = classes, .inner = columns,
        .a_stride = PANEL, .b_stride = columns, .c_stride = PANEL
    };
    struct mls_product back = {
        .transpose_a = true, .rows = columns, .columns = classes,
        .inner = count, .a_stride = PANEL, .b_stride = PANEL,
        .c_stride = columns, .add = true
    };
    double loss;

    load(panels, first, count, own->z);
    if (pass->fill)
        turn(panels, own->z, count, panels->rows + first * panels->stride);
    mls_multiply(&scores, own->z, pass->b->data, own->s);
    loss = mls_logistic_softmax_loss(own->s, NULL, 0, PANEL, classes, y, w,
                                     count);
    mls_logistic_softmax(own->s, PANEL, classes, y, w, count, own->p, own->s);
    for (int64_t i = 0; pass->fill && i < count; i++) {
        panels->norm[first + i] =
            square_of(panels->rows + (first + i) * panels->stride, columns);
    }
    keep_probabilities(panels, first, count, own->p);
    mls_multiply(&back, own->z, own->s, gradient);
    return loss;
}

/* partial: the gradient, then the loss. */
static bool map_evaluate(void *context, int64_t first, int64_t count,
                         void *partial, struct mls_error *err)
{
    struct pass *pass = context;
    double *sum = partial;
    double *loss = sum + pass->panels->columns * pass->panels->classes;

    if (!mls_multiply_ready(err))
        return false;
    for (int64_t end = first + count; first < end; first += PANEL)
        *loss += add_panel(pass, first, at_most(PANEL, end - first), sum);
    return true;
}

static void fold(void *context, void *into, const void *from)
{
    const struct pass *pass = context;
    int64_t size = pass->panels->columns * pass->panels->classes;

    for (int64_t i = 0; i <= size; i++)
        ((double *)into)[i] += ((const double *)from)[i];
}

static bool evaluate(struct mls_panels *panels, const struct mls_matrix *b,
                     bool fill, double *loss, struct mls_matrix *gradient,
                     struct mls_error *err)
{
    struct pass pass = { .panels = panels, .b = b, .fill = fill };
    int64_t size = panels->columns * panels->classes;
    double *sum = mls_new_array(size + 1, sizeof(double), err);
    struct mls_reduce_job job = {
        .rows = panels->x->rows, .chunk_rows = CHUNK,
        .bytes = (size_t)(size + 1) * sizeof(double), .map = map_evaluate,
        .fold = fold, .context = &pass
    };
    bool ok = sum && mls_reduce(panels->run, &job, sum, err);

    if (ok) {
        memcpy(gradient->data, sum, (size_t)size * sizeof(double));
        *loss = sum[size];
    }
    mls_free(sum);
    return ok;
}

bool mls_panels_evaluate(struct mls_panels *panels, const struct mls_matrix *b,
                         double *loss, struct mls_matrix *gradient,
                         struct mls_error *err)
{
    return evaluate(panels, b, false, loss, gradient, err);
}

/* ---- In single precision ---- */

/* The Hessian of the loss by the scores of each row, times a change of them,
 * in place; one row after the other, of so many vectors. */
static void turn_change(const float *p, const double *w, int classes,
                        int64_t count, int64_t vectors, float *change)
{
    for (int64_t i = 0; i < count; i++, p += classes, change += vectors) {
        float weight = w ? (float)w[i] : 1, mean = 0;

        for (int k = 0; k < classes; k++)
            mean += p[k] * change[k];
        for (int k = 0; k < classes; k++)
            change[k] = weight * p[k] * (change[k] - mean);
    }
}

static void clear_sum(const struct mls_panels *panels,
                      struct mls_panel_scratch *own)
{
    memset(own->sum, 0,
           (size_t)(panels->stride * panels->vectors) * sizeof(float));
}

static void copy_sum(const struct mls_panels *panels,
                     const struct mls_panel_scratch *own, double *to)
{
    for (int k = 0; k < panels->classes; k++) {
        for (int64_t j = 0; j < panels->columns; j++)
            to[j + k * panels->columns] = own->sum[j + k * panels->stride];
    }
}

/* The rows of a step, and those of the next, of the same chunk. */
static struct mls_skinny few_rows(const struct mls_panels *panels,
                                  int64_t first, int64_t end)
{
    struct mls_skinny few = {
        .rows = panels->rows + first * panels->stride,
        .stride = panels->stride, .vectors = panels->vectors,
        .count = at_most(FEW, end - first)
    };

    few.next = first + 2 * FEW <= end ? few.rows + FEW * panels->stride
                                      : few.rows;
    return few;
}

/* partial: columns x classes. */
static bool map_product(void *context, int64_t first, int64_t count,
                        void *partial, struct mls_error *err)
{
    struct pass *pass = context;
    struct mls_panels *panels = pass->panels;
    struct mls_panel_scratch *own = own_scratch(panels);
    int classes = panels->classes;

    (void)err;
    clear_sum(panels, own);
    for (int64_t end = first + count; first < end; first += FEW) {
        struct mls_skinny few = few_rows(panels, first, end);

        mls_skinny_scores(&few, pass->u, own->change);
        turn_change(panels->p + first * classes,
                    panels->w ? panels->w + first : NULL, classes, few.count,
                    panels->vectors, own->change);
        mls_skinny_back(&few, own->change, own->sum);
    }
    copy_sum(panels, own, partial);
    return true;
}

/* Adds some rows' loss to *loss; change holds their scores, and receives the
 * loss's derivatives by them. */
static void score_change(const struct pass *pass, int64_t first, int64_t count,
                         float *change, double *loss)
{
    struct mls_panels *panels = pass->panels;
    struct mls_panel_scratch *own = own_scratch(panels);
    const double *y = panels->y + first;
    const double *w = panels->w ? panels->w + first : NULL;
    int classes = panels->classes;

    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            own->s[i + k * PANEL] =
                (double)change[k + i * panels->vectors] * pass->largest;
        }
    }
    *loss += mls_logistic_softmax_loss(own->s, NULL, 0, PANEL, classes, y, w,
                                       count);
    mls_logistic_softmax(own->s, PANEL, classes, y, w, count, own->p, own->s);
    keep_probabilities(panels, first, count, own->p);
    for (int k = 0; k < classes; k++) {
        for (int64_t i = 0; i < count; i++) {
            change[k + i * panels->vectors] =
                (float)own->s[i + k * PANEL];
        }
    }
}

/* partial: the gradient, then the loss. */
static bool map_rough(void *context, int64_t first, int64_t count,
                      void *partial, struct mls_error *err)
{
    struct pass *pass = context;
    struct mls_panels *panels = pass->panels;
    struct mls_panel_scratch *own = own_scratch(panels);
    double *sum = partial;
    double *loss = sum + panels->columns * panels->classes;

    (void)err;
    clear_sum(panels, own);
    for (int64_t end = first + count; first < end; first += FEW) {
        struct mls_skinny few = few_rows(panels, first, end);

        mls_skinny_scores(&few, pass->u, own->change);
        score_change(pass, first, few.count, own->change, loss);
        mls_skinny_back(&few, own->change, own->sum);
    }
    copy_sum(panels, own, sum);
    return true;
}

/* u in single precision, as columns are scaled, and brought to a largest entry
 * of 1: single precision has a narrow range. */
static void scale_down(struct pass *pass, const struct mls_matrix *u,
                       float *scaled)
{
    const struct mls_panels *panels = pass->panels;
    int64_t columns = panels->columns, size = columns * panels->classes;
    double largest = 0;

    for (int64_t a = 0; a < size; a++)
        largest = fmax(largest, fabs(u->data[a] / panels->scale[a % columns]));
    largest = largest > 0 ? largest : 1;
    for (int64_t a = 0; a < size; a++) {
        scaled[a % columns + a / columns * panels->stride] =
            (float)(u->data[a] / panels->scale[a % columns] / largest);
    }
    pass->u = scaled;
    pass->largest = largest;
}

/* A pass with u; out in the columns' own scale, and what is beside it. */
static bool pass_rows(struct pass *pass, const struct mls_matrix *u,
                      bool (*map)(void *, int64_t, int64_t, void *,
                                  struct mls_error *),
                      struct mls_matrix *out, double *beside,
                      struct mls_error *err)
{
    struct mls_panels *panels = pass->panels;
    int64_t columns = panels->columns, size = columns * panels->classes;
    float *scaled =
        mls_new(panels->stride * panels->vectors, sizeof(float), err);
    double *sum =
        scaled ? mls_new_array(size + 1, sizeof(double), err) : NULL;
    struct mls_reduce_job job = {
        .rows = panels->x->rows, .chunk_rows = CHUNK,
        .bytes = (size_t)(size + 1) * sizeof(double), .map = map,
        .fold = fold, .context = pass
    };
    bool ok = sum;

    if (ok) {
        scale_down(pass, u, scaled);
        ok = mls_reduce(panels->run, &job, sum, err);
    }
    for (int64_t a = 0; ok && a < size; a++)
        out->data[a] = sum[a] / panels->scale[a % columns];
    if (ok)
        *beside = sum[size];
    mls_free(sum);
    mls_free(scaled);
    return ok;
}

bool mls_panels_rough(struct mls_panels *panels, const struct mls_matrix *b,
                      double *loss, struct mls_matrix *gradient,
                      struct mls_error *err)
{
    struct pass pass = { .panels = panels };

    return pass_rows(&pass, b, map_rough, gradient, loss, err);
}

bool mls_panels_product(struct mls_panels *panels, const struct mls_matrix *u,
                        struct mls_matrix *out, struct mls_error *err)
{
    struct pass pass = { .panels = panels };
    double none;

    if (!pass_rows(&pass, u, map_product, out, &none, err))
        return false;
    for (int64_t a = 0; a < panels->columns * panels->classes; a++)
        out->data[a] *= pass.largest;
    return true;
}

/* ---- Gram matrices of rows with a large factor ---- */

static double factor_of(const struct pass *pass, int64_t task, int64_t i)
{
    const struct mls_panels *panels = pass->panels;
    const float *p = panels->p + i * panels->classes;
    double w = panels->w ? panels->w[i] : 1, sum = 0;

    if (pass->count > 1)
        return w * p[task] * (1 - p[task]);
    for (int k = 0; k < panels->classes; k++)
        sum += p[k] * (1 - p[k]);
    return w * sum / panels->classes;
}

/* The upper triangle of sum += strip strip', strip columns x count. */
static void add_strip(const float *strip, int64_t columns, int64_t count,
                      float *sum)
{
    struct mls_product p = {
        .transpose_b = true, .inner = count, .a_stride = columns,
        .b_stride = columns, .c_stride = columns, .add = true
    };

    for (int64_t j = 0; count > 0 && j < columns; j += BLOCK) {
        p.columns = at_most(BLOCK, columns - j);
        p.rows = j + p.columns;
        mls_multiply_floats(&p, strip, strip + j, sum + j * columns);
    }
}

/* Rows with their factors' roots, as the sample has them. */
static void add_sample(const struct pass *pass, int64_t task, float *strip,
                       float *sum)
{
    const struct mls_panels *panels = pass->panels;
    int64_t columns = panels->columns, n = panels->x->rows, filled = 0;
    bool all = n <= pass->wanted;
    double total = 0, step, next;

    for (int64_t i = 0; i < n; i++)
        total += factor_of(pass, task, i) * panels->norm[i];
    step = total / (double)pass->wanted;
    next = step / 2;
    total = 0;
    for (int64_t i = 0; i < n && (all || step > 0); i++) {
        double factor = factor_of(pass, task, i);
        const float *row = panels->rows + i * panels->stride;
        float root;

        if (!all) {
            double times;

            total += factor * panels->norm[i];
            times = total > next ? ceil((total - next) / step) : 0;
            next += times * step;
            factor = times > 0 ? times * step / panels->norm[i] : 0;
        }
        if (!(factor > 0))
            continue;
        root = (float)sqrt(factor);
        for (int64_t j = 0; j < columns; j++)
            strip[j + filled * columns] = root * row[j];
        if (++filled == PANEL) {
            add_strip(strip, columns, filled, sum);
            filled = 0;
        }
    }
    add_strip(strip, columns, filled, sum);
}

static bool task_block(void *context, int64_t task, struct mls_error *err)
{
    const struct pass *pass = context;
    const struct mls_panels *panels = pass->panels;
    struct mls_matrix *gram = &pass->gram[task];
    int64_t columns = panels->columns;
    float *strip = mls_new_array(columns * PANEL, sizeof(float), err);
    float *sum = strip ? mls_new(columns * columns, sizeof(float), err) : NULL;

    if (!sum || !mls_multiply_ready(err)) {
        mls_free(sum);
        mls_free(strip);
        return false;
    }
    add_sample(pass, task, strip, sum);
    for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = 0; i <= j; i++) {
            gram->data[i + j * gram->stride] =
                sum[i + j * columns] / panels->scale[i] / panels->scale[j];
        }
    }
    mls_matrix_mirror(gram);
    mls_free(sum);
    mls_free(strip);
    return true;
}

bool mls_panels_blocks(struct mls_panels *panels, int64_t rows,
                       struct mls_matrix *gram, int count,
                       struct mls_error *err)
{
    struct pass pass = {
        .panels = panels, .gram = gram, .count = count, .wanted = rows
    };

    return mls_parallel(panels->run, count, task_block, &pass, err);
}

/* ---- Making them ---- */

/* Adds sum_i w_i d_i and sum_i w_i d_i^2, d = x - mean, for some rows. */
static void add_rows(const double *x, const double *w, int64_t count,
                     double mean, double *first, double *second)
{
    double one[4] = { 0 }, two[4] = { 0 };
    int64_t i = 0;

    for (; i + 4 <= count; i += 4) {
        for (int l = 0; l < 4; l++) {
            double d = x[i + l] - mean, wd = w ? w[i + l] * d : d;

            one[l] += wd;
            two[l] += wd * d;
        }
    }
    for (; i < count; i++) {
        double d = x[i] - mean, wd = w ? w[i] * d : d;

        one[0] += wd;
        two[0] += wd * d;
    }
    *first += (one[0] + one[1]) + (one[2] + one[3]);
    *second += (two[0] + two[1]) + (two[2] + two[3]);
}

static void sum_column(const struct mls_panels *panels, const double *x,
                       double mean, double *first, double *second)
{
    *first = *second = 0;
    for (int64_t i = 0; i < panels->x->rows; i += CHUNK) {
        add_rows(x + i, panels->w ? panels->w + i : NULL,
                 at_most(CHUNK, panels->x->rows - i), mean, first, second);
    }
}

static bool is_constant(const double *x, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        if (x[i] != x[0])
            return false;
    }
    return true;
}

/* Of a feature: its mean, its squares, and a power of 2 that brings it to a
 * size of about 1. */
static bool task_column(void *context, int64_t j, struct mls_error *err)
{
    struct mls_panels *panels = context;
    const struct mls_matrix *x = panels->x;
    const double *column = x->data + j * x->stride;
    double sum, square;
    int exponent = 0;

    (void)err;
    if (panels->ones && is_constant(column, x->rows)) {
        panels->mean[j] = column[0];
    } else if (panels->ones) {
        sum_column(panels, column, 0, &sum, &square);
        panels->mean[j] = sum / panels->weight;
        /* What rounding has left in it. */
        sum_column(panels, column, panels->mean[j], &sum, &square);
        panels->mean[j] += sum / panels->weight;
    }
    sum_column(panels, column, panels->mean[j], &sum, &square);
    panels->square[j] = square;
    if (square > 0 && isfinite(square))
        (void)frexp(sqrt(square / panels->weight), &exponent);
    panels->scale[j] = ldexp(1, -exponent);
    return true;
}

static bool scales_fit(const struct mls_panels *panels)
{
    for (int64_t j = 0; j < panels->columns; j++) {
        double size = sqrt(panels->square[j] / panels->weight);

        if (!(size == 0 || (size > 1e-30 && size < 1e30)))
            return false;
    }
    return true;
}

static bool new_scratch(struct mls_panels *panels, struct mls_error *err)
{
    int64_t columns = panels->columns, classes = panels->classes;
    bool ok;

    panels->workers =
        mls_pool_threads(panels->run ? panels->run->pool : NULL);
    panels->scratch =
        mls_new(panels->workers, sizeof(*panels->scratch), err);
    ok = panels->scratch != NULL;
    for (int k = 0; ok && k < panels->workers; k++) {
        struct mls_panel_scratch *s = &panels->scratch[k];

        ok = (s->z = mls_new_array(PANEL * columns, sizeof(double), err))
            && (s->s = mls_new_array(PANEL * classes, sizeof(double), err))
            && (s->p = mls_new_array(PANEL * classes, sizeof(double), err))
            && (s->change = mls_new(FEW * panels->vectors, sizeof(float), err))
            && (s->sum = mls_new_array(panels->stride * panels->vectors,
                                       sizeof(float), err));
    }
    return ok;
}

bool mls_panels_new(struct mls_panels *panels, bool *fit,
                    struct mls_error *err)
{
    int64_t n = panels->x->rows, features = panels->x->columns;
    int64_t columns = features + (panels->ones ? 1 : 0);
    int64_t room;
    double *three = mls_new(3 * columns, sizeof(double), err);

    *fit = false;
    if (!three)
        return false;
    panels->columns = columns;
    panels->stride = round_up(columns, MLS_SKINNY_COLUMNS);
    panels->vectors = round_up(panels->classes, MLS_SKINNY_VECTORS);
    panels->mean = three;
    panels->scale = three + columns;
    panels->square = three + 2 * columns;
    panels->weight = panels->w ? 0 : (double)n;
    for (int64_t i = 0; panels->w && i < n; i++)
        panels->weight += panels->w[i];
    if (panels->ones) {
        panels->scale[features] = 1;
        panels->square[features] = panels->weight;
    }
    if (!mls_parallel(panels->run, features, task_column, panels, err))
        return false;
    *fit = scales_fit(panels);
    if (!*fit)
        return true;
    room = round_up(n, MLS_SKINNY_ROWS) * panels->stride;
    panels->rows = mls_new_huge(room * (int64_t)sizeof(float), err);
    for (int64_t i = n * panels->stride; panels->rows && i < room; i++)
        panels->rows[i] = 0;
    panels->p = panels->rows
        ? mls_new_array(n * panels->classes, sizeof(float), err) : NULL;
    panels->norm = panels->p ? mls_new_array(n, sizeof(float), err) : NULL;
    return panels->norm && new_scratch(panels, err);
}

bool mls_panels_fill(struct mls_panels *panels, const struct mls_matrix *b,
                     double *loss, struct mls_matrix *gradient,
                     struct mls_error *err)
{
    return evaluate(panels, b, true, loss, gradient, err);
}

void mls_panels_clear(struct mls_panels *panels)
{
    for (int k = 0; panels->scratch && k < panels->workers; k++) {
        struct mls_panel_scratch *s = &panels->scratch[k];

        mls_free(s->sum);
        mls_free(s->change);
        mls_free(s->p);
        mls_free(s->s);
        mls_free(s->z);
    }
    mls_free(panels->scratch);
    mls_free(panels->norm);
    mls_free(panels->p);
    mls_free(panels->rows);
    mls_free(panels->mean);
}
