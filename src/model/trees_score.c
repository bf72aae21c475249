/*
 * Scores of a view: planes, programs and walks put together (trees_plan.h).
 *
 * Many rows go in strips whose planes fit into the second-level cache:
 *
 *     for each strip      planes of all inputs
 *         for each 8 trees
 *             for each 128 rows      8 programs, then 8 leaves added a row
 *
 * so that the programs of 8 trees and their leaves are read from memory once a
 * strip.  Trees too large for a program walk the rows of the strip, eight at a
 * time, over records of one byte a plane.
 *
 * Few rows are walked one by one, eight trees at a time; there is nothing to
 * prepare, and no memory is asked for unless a row has more planes than fit on
 * the stack.
 *
 * Either way leaves are added in the order of the trees: the same bits.
 */
#include "model/trees_plan.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "table/codes.h"

#define ALWAYS inline __attribute__((always_inline))

enum {
    FEW = 8,                    /* rows: about where programs become faster */
    MANY_TREES = 8,             /* programs between two additions */
    STRIP_MOST = 1024,          /* rows */
    STRIP_BYTES = 192 << 10,    /* of planes */
    STACK_PLANES = 2048,
    LANES = 8                   /* walks at a time */
};

/* ---- From cells to planes ---- */

/* A byte of a plane from a code that is not wide, or is. */
static uint8_t plane_byte(const struct trees_plane *plane, int code)
{
    switch (plane->kind) {
    case TREES_GROUP:
        return (uint8_t)code;
    case TREES_GROUP_HIGH:
        return (uint8_t)(code >> 8);
    default:
        break;
    }
    if (code != MLS_BIN_MISSING) {
        int64_t rank = code - 1 - plane->first;

        rank = rank < 0 ? 0 : rank > plane->cuts ? plane->cuts : rank;
        code = (int)rank + 1;
    }
    return (uint8_t)(code - (plane->kind == TREES_HIGH) - 128);
}

/* Codes of a byte each whose plane sees all cuts. */
static void fill_narrow(enum trees_plane_kind kind, const uint8_t *codes,
                        int64_t rows, uint8_t *to)
{
    uint8_t turn = kind == TREES_GROUP ? 0 : kind == TREES_LOW ? 128 : 127;

    for (int64_t i = 0; i < rows; i += TREES_ROWS) {
        for (int k = 0; k < TREES_ROWS; k++)
            to[i + k] = (uint8_t)(codes[i + k] + turn);
    }
}

static void fill_wide(const struct trees_plane *plane, const uint16_t *codes,
                      int64_t rows, uint8_t *to)
{
    for (int64_t i = 0; i < rows; i++)
        to[i] = plane_byte(plane, codes[i]);
}

struct strip {
    const struct trees_plan *plan;
    const struct mls_view *view;
    int64_t first, rows;        /* of the view */
    struct trees_code code;
    uint16_t *codes;            /* stride */
    uint8_t *slots, *leaf;
    uint8_t *records;           /* stride x record, for walks */
    int64_t record;             /* bytes */
    uint32_t *number;           /* stride: leaves that walks ended in */
    double *out;                /* of the first row */
};

void mls_trees_planes(const struct trees_plan *plan,
                      const struct mls_view *view, int64_t first, int64_t rows,
                      uint16_t *codes, uint8_t *planes, int64_t stride)
{
    for (int64_t k = 0; k < plan->input_count; k++) {
        const struct trees_input *input = &plan->inputs[k];
        int width = input->bins.codes <= 256 ? 1 : 2;
        bool narrow = width == 1 && input->bins.cuts <= TREES_PLANE_CUTS;

        mls_column_codes(&input->bins, view->columns[input->feature], first,
                         rows, width, codes);
        if (width == 1 && !narrow) {
            for (int64_t i = rows - 1; i >= 0; i--)
                codes[i] = ((uint8_t *)codes)[i];
        }
        for (int64_t i = input->plane; i < input->plane + input->planes; i++) {
            const struct trees_plane *plane = &plan->planes[i];

            if (narrow)
                fill_narrow(plane->kind, (uint8_t *)codes, rows,
                            planes + i * stride);
            else
                fill_wide(plane, codes, rows, planes + i * stride);
        }
    }
}

/* One row; as above, but found by halving alone: what serves many cells at
 * once costs too much for one. */
static int code_of_real(const struct mls_bins *bins, double x)
{
    const double *at = bins->cut;

    if (!(x == x) || bins->codes < 2)
        return MLS_BIN_MISSING;
    if (bins->cuts == 0)
        return 1;
    for (int64_t rest = bins->cuts; rest > 1; rest -= rest / 2)
        at += (rest / 2) & -(int64_t)(x > at[rest / 2 - 1]);
    return (int)(at - bins->cut) + (x > *at) + 1;
}

static void fill_record(const struct trees_plan *plan,
                        const struct mls_view *view, int64_t row,
                        uint8_t *record)
{
    for (int64_t k = 0; k < plan->input_count; k++) {
        const struct trees_input *input = &plan->inputs[k];
        const struct mls_column *column = view->columns[input->feature];
        uint16_t code;

        if (column->storage == MLS_STORE_REAL)
            code = (uint16_t)code_of_real(&input->bins, column->real[row]);
        else
            mls_column_codes(&input->bins, column, row, 1, 2, &code);
        for (int64_t i = input->plane; i < input->plane + input->planes; i++)
            record[i] = plane_byte(&plan->planes[i], code);
    }
}

/* ---- Walks ---- */

/* How far from a node to the next one: 0 at a leaf.  No branch depends on the
 * answer, which nobody could foresee. */
static ALWAYS int64_t step(const struct trees_plan *plan,
                           const struct trees_node *n, const uint8_t *record,
                           bool sets)
{
    bool left = (int8_t)record[n->ask >> 8] < (int8_t)(n->ask & 255);
    int64_t right = n->right;

    if (sets && right < 0) {
        right = -right;
        left = trees_in_set(plan, plan->number[n - plan->nodes], record, 1);
    }
    return right + ((1 - right) & -(int64_t)left);
}

/* LANES walks side by side, so that one's wait for memory is another's work;
 * those that have ended stay where they are.  at: from the root to the leaf;
 * lane k reads record + k * stride. */
static ALWAYS void walk_lanes(const struct trees_plan *plan,
                              const struct trees_node **at,
                              const uint8_t *record, int64_t stride, bool sets)
{
    const struct trees_node *a0 = at[0], *a1 = at[1], *a2 = at[2], *a3 = at[3];
    const struct trees_node *a4 = at[4], *a5 = at[5], *a6 = at[6], *a7 = at[7];
    int64_t moved;

    do {
        int64_t b0 = step(plan, a0, record, sets);
        int64_t b1 = step(plan, a1, record + stride, sets);
        int64_t b2 = step(plan, a2, record + 2 * stride, sets);
        int64_t b3 = step(plan, a3, record + 3 * stride, sets);
        int64_t b4, b5, b6, b7;

        moved = b0 | b1 | b2 | b3;
        a0 += b0, a1 += b1, a2 += b2, a3 += b3;
        b4 = step(plan, a4, record + 4 * stride, sets);
        b5 = step(plan, a5, record + 5 * stride, sets);
        b6 = step(plan, a6, record + 6 * stride, sets);
        b7 = step(plan, a7, record + 7 * stride, sets);
        moved |= b4 | b5 | b6 | b7;
        a4 += b4, a5 += b5, a6 += b6, a7 += b7;
    } while (moved);
    at[0] = a0, at[1] = a1, at[2] = a2, at[3] = a3;
    at[4] = a4, at[5] = a5, at[6] = a6, at[7] = a7;
}

static void walk(const struct trees_plan *plan, const struct trees_node **at,
                 const uint8_t *record, int64_t stride)
{
    if (plan->set_count == 0 && stride == 0)
        walk_lanes(plan, at, record, 0, false);
    else if (plan->set_count == 0)
        walk_lanes(plan, at, record, stride, false);
    else
        walk_lanes(plan, at, record, stride, true);
}

static uint32_t number_of(const struct trees_plan *plan,
                          const struct trees_node *node)
{
    return plan->number[node - plan->nodes];
}

/* The last rows of a strip walk again with those before them. */
static void walk_strip(const struct strip *s, const struct trees_tree *tree)
{
    for (int64_t i = 0; i < s->rows; i += LANES) {
        int64_t from = i + LANES <= s->rows ? i : s->rows - LANES;
        const struct trees_node *at[LANES];

        from = from > 0 ? from : 0;
        for (int k = 0; k < LANES; k++)
            at[k] = s->plan->nodes + tree->root;
        walk(s->plan, at, s->records + from * s->record, s->record);
        for (int k = 0; k < LANES; k++)
            s->number[from + k] = number_of(s->plan, at[k]);
    }
}

static void fill_records(struct strip *s)
{
    for (int64_t p = 0; p < s->plan->plane_count; p++) {
        const uint8_t *plane = s->code.planes + p * s->code.stride;

        for (int64_t i = 0; i < s->rows; i++)
            s->records[i * s->record + p] = plane[i];
    }
}

/* ---- Adding ---- */

/* Leaf number (of the chain) to one row's scores. */
static void add_leaf(const struct trees_file *f, int64_t number, int output,
                     double *out)
{
    if (f->width == 1) {
        out[output] += trees_value(f, number);
        return;
    }
    for (int k = 0; k < f->width; k++)
        out[k] += trees_value(f, number * f->width + k);
}

/* trees[0 .. count) have programs and one output. */
static void add_programs(const struct strip *s, const struct trees_tree *trees,
                         int count, int64_t first, int64_t rows)
{
    const struct trees_file *f = &s->plan->file;
    double *out = s->out + first * f->outputs + trees->output;
    const double *real[MANY_TREES];
    const float *narrow[MANY_TREES];

    if (f->width > 1) {
        for (int k = 0; k < count; k++) {
            for (int64_t i = 0; i < rows; i++) {
                add_leaf(f, trees[k].leaf + s->leaf[k * TREES_ROWS + i], 0,
                         out + i * f->outputs);
            }
        }
        return;
    }
    for (int k = 0; k < count; k++) {
        real[k] = f->narrow ? NULL : (const double *)f->value + trees[k].leaf;
        narrow[k] = f->narrow ? (const float *)f->value + trees[k].leaf : NULL;
    }
    if (f->narrow)
        mls_trees_add_float(narrow, s->leaf, count, rows, f->outputs, out);
    else
        mls_trees_add_real(real, s->leaf, count, rows, f->outputs, out);
}

static void run_programs(const struct strip *s, const struct trees_tree *trees,
                         int count)
{
    const struct trees_kernel *kernel = s->plan->kernel;

    for (int64_t i = 0; i < s->rows; i += TREES_ROWS) {
        for (int k = 0; k < count; k++) {
            (trees[k].way == TREES_BY_LEVELS ? kernel->levels
                                             : kernel->program)(
                &s->code, &trees[k].program, i, s->slots,
                s->leaf + k * TREES_ROWS);
        }
        add_programs(s, trees, count, i,
                     s->rows - i < TREES_ROWS ? s->rows - i : TREES_ROWS);
    }
}

static void run_strip(const struct strip *s)
{
    const struct trees_plan *plan = s->plan;
    const struct trees_file *f = &plan->file;

    for (int64_t t = 0; t < f->trees;) {
        const struct trees_tree *tree = &plan->trees[t];
        int count = 1;

        if (tree->way == TREES_BY_NODES) {
            walk_strip(s, tree);
            for (int64_t i = 0; i < s->rows; i++)
                add_leaf(f, s->number[i], tree->output,
                         s->out + i * f->outputs);
            t++;
            continue;
        }
        while (count < MANY_TREES && t + count < f->trees
               && tree[count].way != TREES_BY_NODES
               && tree[count].output == tree->output) {
            count++;
        }
        run_programs(s, tree, count);
        t += count;
    }
}

/* ---- From sums to scores ---- */

static double within(double p, double low, double high)
{
    return p < low ? low : p > high ? high : p;
}

/* See enum mls_combine.  Of a score past 700 the exponential stays finite. */
void mls_trees_to_scores(const struct mls_model *model,
                         const struct trees_file *f, double *out)
{
    double trees = (double)f->trees;

    if (f->log_link)
        out[0] = exp(out[0] > 700 ? 700 : out[0]);
    if (f->combine == MLS_COMBINE_ISOLATION)
        out[0] = exp2(-(out[0] / trees) / f->base[0]);
    if (f->combine != MLS_COMBINE_MEAN)
        return;
    for (int k = 0; k < f->outputs; k++) {
        double p = out[k] / trees, q;

        out[k] = p;
        if (model->task == MLS_REGRESSION)
            continue;
        p = within(p, 1e-16, 1);
        q = within(1 - p, 1e-16, 1);
        out[k] = model->task == MLS_BINARY ? log(p) - log(q) : log(p);
    }
}

/* An offset is the last thing before the leaves. */
static void start_row(const struct trees_file *f, const struct mls_view *view,
                      int64_t row, double *out)
{
    for (int k = 0; k < f->outputs; k++)
        out[k] = f->combine == MLS_COMBINE_SUM ? f->base[k] : 0;
    if (view->offset)
        out[0] += view->offset[row];
}

/* ---- Few rows, many rows ---- */

/* out is started. */
static void score_row(const struct mls_model *model, const uint8_t *record,
                      double *out)
{
    const struct trees_plan *plan = model->compiled;
    const struct trees_file *f = &plan->file;

    for (int64_t t = 0; t < f->trees; t += LANES) {
        const struct trees_node *at[LANES];

        for (int k = 0; k < LANES; k++) {
            at[k] = plan->nodes
                + plan->trees[t + k < f->trees ? t + k : t].root;
        }
        walk(plan, at, record, 0);
        for (int k = 0; k < LANES && t + k < f->trees; k++)
            add_leaf(f, number_of(plan, at[k]), plan->trees[t + k].output,
                     out);
    }
    mls_trees_to_scores(model, f, out);
}

static bool score_few(const struct mls_model *model,
                      const struct mls_view *view, double *out,
                      struct mls_error *err)
{
    const struct trees_plan *plan = model->compiled;
    uint8_t local[STACK_PLANES], *record = local, *room = NULL;

    local[0] = 0;
    if (plan->plane_count > STACK_PLANES) {
        record = room = mls_new_array(plan->plane_count, 1, err);
        if (!record)
            return false;
    }
    for (int64_t i = 0; i < view->rows; i++) {
        double *to = out + i * plan->file.outputs;

        fill_record(plan, view, i, record);
        start_row(&plan->file, view, i, to);
        score_row(model, record, to);
    }
    mls_free(room);
    return true;
}

static int64_t strip_rows(const struct trees_plan *plan, int64_t rows)
{
    int64_t planes = plan->plane_count + plan->most_sets;
    int64_t fit = STRIP_BYTES / (planes > 0 ? planes : 1);

    fit = fit < STRIP_MOST ? fit : STRIP_MOST;
    fit = fit < rows ? fit : rows;
    return fit < TREES_ROWS ? TREES_ROWS
                            : (fit + TREES_ROWS - 1) / TREES_ROWS * TREES_ROWS;
}

/* One piece of memory for all that a strip needs; to be freed. */
static void *prepare_strip(struct strip *s, struct mls_error *err)
{
    const struct trees_plan *plan = s->plan;
    int64_t stride = strip_rows(plan, s->view->rows);
    int64_t planes = (plan->plane_count + plan->most_sets) * stride;
    int64_t slots = TREES_PROGRAM_LEAVES * TREES_ROWS;
    int64_t leaf = MANY_TREES * TREES_ROWS;
    uint8_t *room;

    s->record = plan->plane_count > 0 ? plan->plane_count : 1;
    room = mls_new_array(planes + slots + leaf + 2 * stride
                             + (plan->walked ? (4 + s->record) * stride : 0),
                         1, err);
    if (!room)
        return NULL;
    memset(room, 0, (size_t)(planes + TREES_ROWS));
    s->code = (struct trees_code){
        .ops = plan->ops, .sets = plan->sets, .set_bytes = plan->set_bytes,
        .planes = room, .plane_count = plan->plane_count, .stride = stride
    };
    s->slots = room + planes;
    s->leaf = s->slots + slots;
    s->codes = (uint16_t *)(void *)(s->leaf + leaf);
    s->number = (uint32_t *)(void *)(s->codes + stride);
    s->records = (uint8_t *)(s->number + stride);
    return room;
}

static bool score_many(const struct mls_model *model,
                       const struct mls_view *view, double *out,
                       struct mls_error *err)
{
    const struct trees_plan *plan = model->compiled;
    const struct trees_file *f = &plan->file;
    struct strip s = { .plan = plan, .view = view };
    void *room = prepare_strip(&s, err);

    if (!room)
        return false;
    for (; s.first < view->rows; s.first += s.code.stride) {
        s.rows = view->rows - s.first;
        s.rows = s.rows < s.code.stride ? s.rows : s.code.stride;
        s.out = out + s.first * f->outputs;
        for (int64_t i = 0; i < s.rows; i++)
            start_row(f, view, s.first + i, s.out + i * f->outputs);
        mls_trees_planes(plan, view, s.first, s.rows, s.codes, s.code.planes,
                         s.code.stride);
        if (plan->walked)
            fill_records(&s);
        run_strip(&s);
        for (int64_t i = 0; i < s.rows; i++)
            mls_trees_to_scores(model, f, s.out + i * f->outputs);
    }
    mls_free(room);
    return true;
}

/* A damaged file may call a column what its schema does not. */
bool mls_trees_fit(const struct trees_plan *plan, const struct mls_view *view,
                   struct mls_error *err)
{
    for (int64_t k = 0; k < plan->input_count; k++) {
        const struct trees_input *input = &plan->inputs[k];
        enum mls_storage storage = view->columns[input->feature]->storage;

        if (storage == MLS_STORE_TEXT
            || (input->bins.categorical && storage != MLS_STORE_CODE)) {
            return mls_fail(err, MLS_MODEL_FILE,
                            "the trees do not fit the kinds of the columns");
        }
    }
    return true;
}

bool mls_trees_score(const struct mls_model *model,
                     const struct mls_view *view, double *out,
                     struct mls_error *err)
{
    assert(model->compiled && view->features == model->features);
    assert(!view->offset || mls_model_outputs(model) == 1);
    if (!mls_trees_fit(model->compiled, view, err))
        return false;
    return view->rows <= FEW ? score_few(model, view, out, err)
                             : score_many(model, view, out, err);
}
