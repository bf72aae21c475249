/*
 * Trees against a walk that knows raw values only: the test keeps its own copy
 * of each tree with cuts and levels instead of codes, follows every row through
 * it, and adds leaves in the order of the trees.  All comparisons are of all
 * bits.
 */
#include "test.h"

#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/trees_plan.h"
#include "table/date.h"

static struct mls_error err;

static uint64_t draws;

static uint64_t draw_bits(void)
{
    return mls_random(7, MLS_RANDOM_TEST, draws++);
}

static double draw(void)
{
    return mls_random_unit(draw_bits());
}

static int64_t draw_below(int64_t n)
{
    return mls_random_below(draw_bits(), n);
}

/* ---- What is drawn ---- */

/* How a model is drawn. */
struct plan {
    enum mls_task task;
    int classes;
    enum mls_combine combine;
    int64_t trees, features;
    int leaves;                 /* of a tree at most */
    int width;
    int64_t cuts, levels;       /* of a column at most */
    bool narrow, log_link, symmetric, chain;
};

struct forest {
    struct plan plan;
    struct mls_bins *bins;
    struct mls_tree *trees;
    double *base;
    struct mls_model *model;
};

static int outputs_of(const struct plan *plan)
{
    return plan->task == MLS_MULTICLASS ? plan->classes : 1;
}

static int by_value(const void *a_, const void *b_)
{
    double a = *(const double *)a_, b = *(const double *)b_;

    return a < b ? -1 : a > b;
}

static void draw_bins(const struct plan *plan, int64_t j, struct mls_bins *b)
{
    int64_t n;

    *b = (struct mls_bins){ .categorical = j % 3 == 1 };
    if (b->categorical) {
        n = 1 + draw_below(plan->levels);
        b->levels = n;
        b->codes = (int32_t)(1 + draw_below(n + 1));
        b->code_of = mls_new(n, sizeof(*b->code_of), &err);
        for (int64_t i = 0; i < n; i++)
            b->code_of[i] = (uint16_t)draw_below(b->codes);
        return;
    }
    n = draw_below(plan->cuts + 1);
    b->cuts = n;
    b->codes = n == 0 ? (int32_t)(1 + draw_below(2)) : (int32_t)(n + 2);
    b->cut = mls_new(n, sizeof(*b->cut), &err);
    /* Whole numbers, so that values meet cuts; distinct by their order. */
    for (int64_t i = 0; i < n; i++)
        b->cut[i] = (double)draw_below(3 * n) / 4;
    qsort(b->cut, (size_t)n, sizeof(double), by_value);
    for (int64_t i = 1; i < n; i++) {
        if (b->cut[i] <= b->cut[i - 1])
            b->cut[i] = b->cut[i - 1] + 0.25;
    }
}

static void draw_leaf(const struct plan *plan, struct mls_tree *tree,
                      int64_t at)
{
    int64_t leaf = mls_tree_add_leaf(tree, plan->width, &err);

    tree->nodes[at].feature = -1;
    tree->nodes[at].leaf = leaf;
    tree->nodes[at].cover = 1 + (double)draw_below(50);
    for (int k = 0; k < plan->width; k++) {
        double v = plan->combine == MLS_COMBINE_SUM ? 2 * draw() - 1 : draw();

        tree->values[leaf * plan->width + k] = plan->narrow ? (float)v : v;
    }
}

static void draw_question(const struct forest *f, struct mls_tree *tree,
                          int64_t at)
{
    int64_t j = draw_below(f->plan.features);
    const struct mls_bins *b = &f->bins[j];
    int64_t set = 0;

    tree->nodes[at].feature = (int32_t)j;
    tree->nodes[at].gain = draw();
    if (!b->categorical) {
        tree->nodes[at].split = (uint16_t)draw_below(b->codes);
        tree->nodes[at].missing_left = draw_below(2);
        return;
    }
    set = mls_tree_add_set(tree, b->codes, &err);
    tree->nodes[at].set = set;
    for (int32_t c = 0; c < b->codes; c++)
        tree->sets[set + c / 8] |= (uint8_t)(draw_below(2) << c % 8);
}

static void add_children(struct mls_tree *tree, int64_t at)
{
    int64_t left = mls_tree_add_node(tree, &err);
    int64_t right = mls_tree_add_node(tree, &err);

    tree->nodes[at].left = (int32_t)left;
    tree->nodes[at].right = (int32_t)right;
}

/* Leaves are split at random, so trees have all shapes. */
static void draw_tree(const struct forest *f, struct mls_tree *tree)
{
    int leaves = (int)draw_below(f->plan.leaves) + 1;
    int64_t *open = mls_new(leaves + 1, sizeof(*open), &err);
    int64_t count = 1;

    open[0] = mls_tree_add_node(tree, &err);
    while (count < leaves) {
        int64_t k = f->plan.chain ? count - 1 : draw_below(count);
        int64_t at = open[k];

        draw_question(f, tree, at);
        add_children(tree, at);
        open[k] = tree->nodes[at].left;
        open[count++] = tree->nodes[at].right;
    }
    for (int64_t k = 0; k < count; k++)
        draw_leaf(&f->plan, tree, open[k]);
    mls_free(open);
}

/* All nodes of a level ask the same. */
static void draw_symmetric(const struct forest *f, struct mls_tree *tree)
{
    int64_t first = mls_tree_add_node(tree, &err), count = 1;
    int depth = (int)draw_below(7);

    for (int level = 0; level < depth; level++) {
        struct mls_tree_node question;
        int64_t next = tree->node_count;

        draw_question(f, tree, first);
        question = tree->nodes[first];
        for (int64_t i = 0; i < count; i++) {
            tree->nodes[first + i] = question;
            add_children(tree, first + i);
        }
        first = next;
        count *= 2;
    }
    for (int64_t i = 0; i < count; i++)
        draw_leaf(&f->plan, tree, first + i);
}

/* check and compile, as mls_model_ready does. */
static bool make_ready(struct mls_model *model)
{
    if (model->compiled)
        model->type->release(model->compiled);
    model->compiled = NULL;
    return model->type->check(model, &err) && model->type->compile(model, &err);
}

static void drop(struct mls_model *model)
{
    if (model && model->compiled)
        model->type->release(model->compiled);
    if (model)
        model->compiled = NULL;
    mls_model_free(model);
}

static struct mls_model *build(const struct forest *f, int64_t first,
                               struct mls_trees_builder *b)
{
    struct mls_trees_shape shape = {
        .task = f->plan.task, .classes = f->plan.classes,
        .features = f->plan.features, .bins = f->bins,
        .combine = f->plan.combine, .width = f->plan.width,
        .narrow = f->plan.narrow, .log_link = f->plan.log_link,
        .base = f->base
    };
    struct mls_model *model;

    if (!b)
        b = mls_trees_begin(&shape, &err);
    assert_non_null(b);
    for (int64_t t = first; t < f->plan.trees; t++)
        assert_true(mls_trees_add(b, &f->trees[t], &err));
    model = mls_trees_finish(b, &err);
    assert_non_null(model);
    if (!make_ready(model))
        fail_msg("%s", err.what);
    return model;
}

static void forest_new(struct forest *f, const struct plan *plan)
{
    *f = (struct forest){ .plan = *plan };
    f->bins = mls_new(plan->features, sizeof(*f->bins), &err);
    f->trees = mls_new(plan->trees, sizeof(*f->trees), &err);
    f->base = mls_new(outputs_of(plan), sizeof(double), &err);
    for (int k = 0; k < outputs_of(plan); k++) {
        f->base[k] = plan->combine == MLS_COMBINE_MEAN ? 0
            : plan->combine == MLS_COMBINE_SUM         ? draw() - 0.5
                                                       : 10.25;
    }
    for (int64_t j = 0; j < plan->features; j++)
        draw_bins(plan, j, &f->bins[j]);
    for (int64_t t = 0; t < plan->trees; t++) {
        if (plan->symmetric)
            draw_symmetric(f, &f->trees[t]);
        else
            draw_tree(f, &f->trees[t]);
    }
    f->model = build(f, 0, NULL);
}

static void forest_clear(struct forest *f)
{
    for (int64_t j = 0; j < f->plan.features; j++) {
        mls_free(f->bins[j].cut);
        mls_free(f->bins[j].code_of);
    }
    for (int64_t t = 0; t < f->plan.trees; t++)
        mls_tree_clear(&f->trees[t]);
    mls_free(f->bins);
    mls_free(f->trees);
    mls_free(f->base);
    drop(f->model);
}

/* ---- Rows ---- */

struct rows {
    int64_t count, features;
    struct mls_column **columns;
};

static const double oddities[] = { NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e300,
                                   -1e300, 5e-324 };

static void draw_column(const struct mls_bins *b, int64_t j,
                        struct mls_column *c)
{
    for (int64_t i = 0; i < c->rows; i++) {
        bool odd = draw_below(10) == 0;

        switch (c->storage) {
        case MLS_STORE_REAL:
            c->real[i] = odd ? oddities[draw_below(8)]
                             : (double)draw_below(3 * b->cuts + 4) / 4;
            break;
        case MLS_STORE_CODE:
            /* Now and then a level that training did not have. */
            c->code[i] = odd ? MLS_CODE_MISSING
                : b->categorical ? (uint32_t)draw_below(b->levels + 2)
                                 : (uint32_t)draw_below(2);
            break;
        default:
            c->time[i] = odd ? MLS_TIME_MISSING
                             : draw_below(3 * b->cuts + 4) * 250000 + j;
            break;
        }
    }
}

/* Every cell but each third row's, at most. */
static struct mls_column *draw_sparse(const struct mls_bins *b, int64_t rows)
{
    struct mls_column *c = mls_column_new(MLS_STORE_SPARSE, rows, rows / 3,
                                          draw_below(4) > 0, &err);

    for (int64_t i = 0; i < rows / 3; i++) {
        c->sparse.row[i] = (uint16_t)(3 * i + draw_below(3));
        if (c->sparse.value)
            c->sparse.value[i] = (double)draw_below(3 * b->cuts + 4) / 4;
    }
    return c;
}

static void rows_new(struct rows *r, const struct forest *f, int64_t count)
{
    r->count = count;
    r->features = f->plan.features;
    r->columns = mls_new(r->features, sizeof(*r->columns), &err);
    for (int64_t j = 0; j < r->features; j++) {
        const struct mls_bins *b = &f->bins[j];
        int64_t kind = draw_below(8);

        if (!b->categorical && kind == 0) {
            r->columns[j] = draw_sparse(b, count);
            continue;
        }
        r->columns[j] = mls_column_new(
            b->categorical || kind == 1 ? MLS_STORE_CODE
                : kind == 2             ? MLS_STORE_TIME
                                        : MLS_STORE_REAL,
            count, 0, true, &err);
        draw_column(b, j, r->columns[j]);
    }
}

static void rows_clear(struct rows *r)
{
    for (int64_t j = 0; j < r->features; j++)
        mls_column_free(r->columns[j]);
    mls_free(r->columns);
}

static bool score_rows(const struct mls_model *model, const struct rows *r,
                       double *out)
{
    struct mls_view view = { r->count, r->features,
                             (const struct mls_column *const *)r->columns,
                             NULL };

    return model->type->score(model, &view, out, &err);
}

static bool contribute(const struct mls_model *model, const struct rows *r,
                       double *out)
{
    struct mls_view view = { r->count, r->features,
                             (const struct mls_column *const *)r->columns,
                             NULL };

    return model->type->contributions(model, &view, out, &err);
}

/* ---- The slow walk ---- */

/* Missing cells and unseen levels: NaN. */
static double cell(const struct mls_column *c, int64_t row)
{
    double value = 0;

    switch (c->storage) {
    case MLS_STORE_REAL:
        return c->real[row];
    case MLS_STORE_CODE:
        return c->code[row] == MLS_CODE_MISSING ? NAN : c->code[row];
    case MLS_STORE_TIME:
        return c->time[row] == MLS_TIME_MISSING ? NAN
                                                : (double)c->time[row] / 1e6;
    default:
        for (int64_t i = 0; i < c->sparse.count; i++) {
            if (c->sparse.row[i] == row)
                value = c->sparse.value ? c->sparse.value[i] : 1;
        }
        return value;
    }
}

static bool goes_left(const struct mls_bins *b, const struct mls_tree *tree,
                      const struct mls_tree_node *node, double x)
{
    if (b->categorical) {
        int code = isnan(x) || x >= (double)b->levels ? 0
                                                      : b->code_of[(int)x];

        return tree->sets[node->set + code / 8] >> code % 8 & 1;
    }
    if (isnan(x) || b->codes < 2)
        return node->missing_left;
    if (node->split == 0)
        return false;
    return node->split == b->codes - 1 || x <= b->cut[node->split - 1];
}

static const double *slow_leaf(const struct forest *f, int64_t t,
                               const struct rows *r, int64_t row)
{
    const struct mls_tree *tree = &f->trees[t];
    int32_t at = 0;

    while (tree->nodes[at].feature >= 0) {
        const struct mls_tree_node *node = &tree->nodes[at];
        double x = cell(r->columns[node->feature], row);

        at = goes_left(&f->bins[node->feature], tree, node, x) ? node->left
                                                              : node->right;
    }
    return tree->values + tree->nodes[at].leaf * f->plan.width;
}

static void slow_score(const struct forest *f, const struct rows *r,
                       int64_t row, double *out)
{
    const struct plan *plan = &f->plan;
    int outputs = outputs_of(plan);
    double trees = (double)plan->trees;

    for (int k = 0; k < outputs; k++)
        out[k] = plan->combine == MLS_COMBINE_SUM ? f->base[k] : 0;
    for (int64_t t = 0; t < plan->trees; t++) {
        const double *leaf = slow_leaf(f, t, r, row);

        for (int k = 0; k < plan->width; k++)
            out[plan->width == 1 ? t % outputs : k] += leaf[k];
    }
    if (plan->log_link)
        out[0] = exp(out[0]);
    if (plan->combine == MLS_COMBINE_ISOLATION)
        out[0] = exp2(-(out[0] / trees) / f->base[0]);
    for (int k = 0; plan->combine == MLS_COMBINE_MEAN && k < outputs; k++) {
        double p = out[k] / trees;

        if (plan->task != MLS_REGRESSION) {
            double q = fmax(1 - p, 1e-16);

            p = fmax(p, 1e-16);
            out[k] = plan->task == MLS_BINARY ? log(p) - log(q) : log(p);
        } else {
            out[k] = p;
        }
    }
}

static void assert_scores(const struct forest *f, const struct mls_model *model,
                          const struct rows *r)
{
    int outputs = outputs_of(&f->plan);
    double *out = mls_new(r->count * outputs, sizeof(*out), &err);
    double *expected = mls_new(outputs, sizeof(*expected), &err);

    if (!score_rows(model, r, out))
        fail_msg("%s", err.what);
    for (int64_t i = 0; i < r->count; i++) {
        slow_score(f, r, i, expected);
        assert_memory_equal(out + i * outputs, expected,
                            (size_t)outputs * sizeof(*out));
    }
    mls_free(out);
    mls_free(expected);
}

/* ---- Tests ---- */

static const struct plan plans[] = {
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 40, 7, 31, 1, 60, 20,
      .narrow = false },
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 10, 1, 5, 1, 3, 2,
      .narrow = false },
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 0, 3, 1, 1, 3, 2,
      .narrow = false },
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 12, 5, 1, 1, 9, 9,
      .narrow = false },
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 30, 300, 64, 1, 250, 250,
      .log_link = true },
    { MLS_REGRESSION, 0, MLS_COMBINE_MEAN, 9, 12, 900, 1, 600, 700,
      .narrow = true },
    { MLS_BINARY, 2, MLS_COMBINE_SUM, 60, 9, 31, 1, 1000, 40,
      .narrow = false },
    { MLS_BINARY, 2, MLS_COMBINE_SUM, 40, 9, 256, 1, 254, 255,
      .narrow = false },
    { MLS_BINARY, 2, MLS_COMBINE_SUM, 7, 4, 257, 1, 20000, 3000,
      .narrow = false },
    { MLS_BINARY, 2, MLS_COMBINE_MEAN, 11, 6, 40, 1, 10, 10, .narrow = true },
    { MLS_MULTICLASS, 3, MLS_COMBINE_SUM, 33, 8, 20, 1, 30, 12,
      .narrow = false },
    { MLS_MULTICLASS, 4, MLS_COMBINE_SUM, 10, 8, 20, 4, 30, 12,
      .narrow = false },
    { MLS_MULTICLASS, 5, MLS_COMBINE_MEAN, 10, 8, 300, 5, 30, 12,
      .narrow = true },
    { MLS_ANOMALY, 0, MLS_COMBINE_ISOLATION, 25, 6, 60, 1, 40, 9,
      .narrow = false },
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 20, 6, 0, 1, 40, 9,
      .symmetric = true },
    { MLS_MULTICLASS, 3, MLS_COMBINE_SUM, 20, 6, 0, 3, 40, 9,
      .symmetric = true },
    { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 3, 5, 3000, 1, 40, 9,
      .chain = true },
};

enum { PLANS = sizeof(plans) / sizeof(plans[0]) };

static void scores_equal_a_walk_over_raw_values(void **state)
{
    static const int64_t counts[] = { 0, 1, 2, 3, 7, 33, 200, 1111 };

    (void)state;
    for (int p = 0; p < PLANS; p++) {
        struct forest f;

        forest_new(&f, &plans[p]);
        for (int k = 0; k < 8; k++) {
            struct rows r;

            rows_new(&r, &f, counts[k]);
            assert_scores(&f, f.model, &r);
            rows_clear(&r);
        }
        forest_clear(&f);
    }
}

/* Whatever instructions the processor has. */
static void all_kernels_give_the_same_bits(void **state)
{
    const struct trees_kernel *kernel;

    (void)state;
    for (int p = 0; p < PLANS; p++) {
        struct forest f;
        struct rows r;

        forest_new(&f, &plans[p]);
        rows_new(&r, &f, 300);
        for (int k = 0; (kernel = mls_trees_kernel_at(k)) != NULL; k++) {
            struct trees_plan *plan = f.model->compiled;

            plan->kernel = kernel;
            assert_scores(&f, f.model, &r);
        }
        rows_clear(&r);
        forest_clear(&f);
    }
}

static void trees_go_the_way_that_suits_them(void **state)
{
    static const enum trees_way ways[] = { TREES_BY_PROGRAM, TREES_BY_LEVELS,
                                           TREES_BY_NODES };

    (void)state;
    for (int w = 0; w < 3; w++) {
        struct plan plan = { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 30, 5,
                             w == 2 ? 2000 : 256, 1, 20, 9,
                             .symmetric = w == 1 };
        const struct trees_plan *made;
        struct forest f;
        int64_t count = 0;

        forest_new(&f, &plan);
        made = f.model->compiled;
        for (int64_t t = 0; t < plan.trees; t++)
            count += made->trees[t].way == ways[w];
        /* Trees of one leaf, and shapes that come about by chance. */
        assert_true(count > 15);
        forest_clear(&f);
    }
}

/* The arrays are the whole of the model. */
static void arrays_make_the_same_model_again(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        struct forest f;
        struct mls_model *copy;
        struct rows r;

        forest_new(&f, &plans[p]);
        copy = mls_model_new(&mls_model_trees, f.plan.task, f.plan.classes,
                             f.plan.features, &err);
        assert_true(mls_arrays_copy(&copy->arrays, "", &f.model->arrays,
                                    &err));
        assert_true(make_ready(copy));
        assert_int_equal(mls_trees_count(copy), f.plan.trees);
        for (int64_t j = 0; j < f.plan.features; j++) {
            assert_int_equal(mls_trees_bins(copy)[j].codes, f.bins[j].codes);
        }
        rows_new(&r, &f, 100);
        assert_scores(&f, copy, &r);
        rows_clear(&r);
        drop(copy);
        forest_clear(&f);
    }
}

static void assert_same_arrays(const struct mls_model *a,
                               const struct mls_model *b)
{
    assert_int_equal(a->arrays.count, b->arrays.count);
    for (int64_t i = 0; i < a->arrays.count; i++) {
        const struct mls_array *x = &a->arrays.items[i];
        const struct mls_array *y = mls_arrays_find(&b->arrays, x->name);

        assert_non_null(y);
        assert_int_equal(x->dtype, y->dtype);
        assert_int_equal(x->count, y->count);
        assert_memory_equal(x->data, y->data, (size_t)x->count
                                                  * mls_dtype_size(x->dtype));
    }
}

static void a_continued_model_is_that_made_at_once(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        int64_t trees = plans[p].trees;

        for (int64_t first = 0; first <= trees; first += 1 + trees / 3) {
            struct forest f;
            struct plan plan = plans[p];
            struct mls_model *part, *whole;
            struct mls_trees_builder *b;

            forest_new(&f, &plan);
            f.plan.trees = first;
            if (first == 0 && plan.combine != MLS_COMBINE_SUM) {
                f.plan.trees = trees;
                forest_clear(&f);
                continue;
            }
            part = build(&f, 0, NULL);
            f.plan.trees = trees;
            b = mls_trees_begin_from(part, -1, &err);
            whole = build(&f, first, b);
            assert_same_arrays(whole, f.model);
            drop(whole);
            /* Cut down again; gains are then shares. */
            b = mls_trees_begin_from(f.model, first, &err);
            whole = build(&f, trees, b);
            assert_int_equal(mls_trees_count(whole), first);
            drop(whole);
            drop(part);
            forest_clear(&f);
        }
    }
}

/* ---- Contributions ---- */

/* What is expected of a row when only the features of the set are known, of one
 * tree: unknown ones go both ways, by the covers. */
static double cover_of(const struct mls_tree *tree, int32_t at)
{
    const struct mls_tree_node *n = &tree->nodes[at];

    return n->feature < 0
        ? (float)n->cover
        : cover_of(tree, n->left) + cover_of(tree, n->right);
}

static double expected_of(const struct forest *f, int64_t t, int32_t at,
                          const struct rows *r, int64_t row, unsigned known,
                          int k)
{
    const struct mls_tree *tree = &f->trees[t];
    const struct mls_tree_node *n = &tree->nodes[at];
    double left, right;

    if (n->feature < 0)
        return tree->values[n->leaf * f->plan.width + k];
    if (known >> n->feature & 1) {
        double x = cell(r->columns[n->feature], row);

        return expected_of(f, t,
                           goes_left(&f->bins[n->feature], tree, n, x)
                               ? n->left : n->right,
                           r, row, known, k);
    }
    left = cover_of(tree, n->left);
    right = cover_of(tree, n->right);
    return (left * expected_of(f, t, n->left, r, row, known, k)
            + right * expected_of(f, t, n->right, r, row, known, k))
        / (left + right);
}

/* The worth of a set of features for output k. */
static double worth(const struct forest *f, const struct rows *r, int64_t row,
                    unsigned known, int k)
{
    int outputs = outputs_of(&f->plan);
    double sum = 0;

    for (int64_t t = 0; t < f->plan.trees; t++) {
        if (f->plan.width > 1)
            sum += expected_of(f, t, 0, r, row, known, k);
        else if (t % outputs == k)
            sum += expected_of(f, t, 0, r, row, known, 0);
    }
    return f->plan.combine == MLS_COMBINE_SUM ? sum + f->base[k]
                                              : sum / (double)f->plan.trees;
}

/* By the definition: over all sets without the feature. */
static double shapley(const struct forest *f, const struct rows *r,
                      int64_t row, int64_t feature, int k)
{
    int p = (int)f->plan.features;
    double sum = 0;

    for (unsigned set = 0; set < 1u << p; set++) {
        double weight = 1;
        int size = 0, next = 1;

        if (set >> feature & 1)
            continue;
        for (int j = 0; j < p; j++)
            size += set >> j & 1;
        /* size! (p - size - 1)! / p! */
        for (int j = 1; j <= size; j++)
            weight = weight * j / next++;
        for (int j = 1; j <= p - size - 1; j++)
            weight = weight * j / next++;
        weight /= next;
        sum += weight * (worth(f, r, row, set | 1u << feature, k)
                         - worth(f, r, row, set, k));
    }
    return sum;
}

static void contributions_are_shapley_values(void **state)
{
    static const struct plan small[] = {
        { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 4, 5, 12, 1, 12, 9,
          .narrow = false },
        { MLS_BINARY, 2, MLS_COMBINE_SUM, 3, 6, 30, 1, 9, 300,
          .narrow = false },
        { MLS_MULTICLASS, 3, MLS_COMBINE_SUM, 6, 4, 9, 1, 9, 9,
          .narrow = true },
        { MLS_MULTICLASS, 3, MLS_COMBINE_MEAN, 3, 4, 9, 3, 9, 9,
          .narrow = false },
        { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 2, 3, 24, 1, 9, 9,
          .chain = true },
        { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 3, 6, 0, 1, 9, 9,
          .symmetric = true },
    };

    (void)state;
    for (int p = 0; p < 6; p++) {
        int outputs = outputs_of(&small[p]);
        int64_t wide = small[p].features + 1;
        double *out = mls_new(20 * outputs * wide, sizeof(*out), &err);
        struct forest f;
        struct rows r;

        forest_new(&f, &small[p]);
        rows_new(&r, &f, 20);
        if (!contribute(f.model, &r, out))
            fail_msg("%s", err.what);
        for (int64_t i = 0; i < 20 * outputs; i++) {
            int64_t row = i / outputs;
            int k = (int)(i % outputs);

            for (int64_t j = 0; j + 1 < wide; j++) {
                double phi = shapley(&f, &r, row, j, k);

                assert_true(fabs(out[i * wide + j] - phi) < 1e-12);
            }
            assert_true(fabs(out[i * wide + wide - 1]
                             - worth(&f, &r, row, 0, k)) < 1e-12);
        }
        mls_free(out);
        rows_clear(&r);
        forest_clear(&f);
    }
}

/* Before links: of the sum or the mean. */
static void contributions_sum_to_the_score(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        int outputs = outputs_of(&plans[p]);
        int64_t wide = plans[p].features + 1;
        double *out = mls_new(60 * outputs * wide, sizeof(*out), &err);
        struct forest f;
        struct rows r;

        forest_new(&f, &plans[p]);
        rows_new(&r, &f, 60);
        if (!contribute(f.model, &r, out))
            fail_msg("%s", err.what);
        for (int64_t i = 0; i < 60 * outputs; i++) {
            double sum = 0, score = plans[p].combine == MLS_COMBINE_SUM
                ? f.base[i % outputs] : 0;

            for (int64_t t = 0; t < plans[p].trees; t++) {
                const double *leaf = slow_leaf(&f, t, &r, i / outputs);

                if (plans[p].width > 1)
                    score += leaf[i % outputs];
                else if (t % outputs == i % outputs)
                    score += leaf[0];
            }
            if (plans[p].combine != MLS_COMBINE_SUM)
                score /= (double)plans[p].trees;
            for (int64_t j = 0; j < wide; j++)
                sum += out[i * wide + j];
            assert_true(fabs(sum - score) < 1e-9);
        }
        mls_free(out);
        rows_clear(&r);
        forest_clear(&f);
    }
}

/* ---- What inspect shows ---- */

/* The field that a drawn column would come from. */
static struct mls_field field_of(const struct mls_bins *b,
                                 const struct mls_column *c)
{
    struct mls_field field = { .name = (char *)(uintptr_t)"column" };

    field.kind = b->categorical            ? MLS_KIND_CATEGORY
        : c->storage == MLS_STORE_CODE ? MLS_KIND_BOOLEAN
        : c->storage == MLS_STORE_TIME ? MLS_KIND_DATE
                                       : MLS_KIND_REAL;
    return field;
}

/* A value as it is written: a date as text. */
static double told_value(const struct mls_json *json)
{
    const char *text = mls_json_text(json, NULL);
    int64_t time;

    if (!text)
        return mls_json_real(json, NAN);
    if (strstr(text, "inf"))
        return *text == '-' ? -INFINITY : INFINITY;
    assert_true(mls_date_parse(text, strlen(text), MLS_DATE_ISO, &time, NULL));
    return (double)time / 1e6;
}

/* Is the point the one for the cell x? */
static bool is_point_of(const struct mls_json *point, const struct mls_bins *b,
                        double x)
{
    const struct mls_json *above = mls_json_get(point, "above");
    const struct mls_json *up_to = mls_json_get(point, "up_to");

    if (isnan(x) || b->codes < 2 || (b->categorical && x >= (double)b->levels))
        return mls_json_get(point, "missing") != NULL;
    if (mls_json_get(point, "level"))
        return mls_json_real(mls_json_get(point, "level"), -1) == x;
    return above
        && (mls_json_kind_of(above) == MLS_JSON_NULL || x > told_value(above))
        && (mls_json_kind_of(up_to) == MLS_JSON_NULL
            || x <= told_value(up_to));
}

/* The score that a mean over trees becomes. */
static double linked(const struct forest *f, double worth)
{
    const struct plan *plan = &f->plan;
    double p = fmax(worth, 1e-16), q = fmax(1 - worth, 1e-16);

    if (plan->log_link)
        return exp(worth);
    if (plan->combine == MLS_COMBINE_ISOLATION)
        return exp2(-worth / f->base[0]);
    if (plan->combine == MLS_COMBINE_SUM || plan->task == MLS_REGRESSION)
        return worth;
    return plan->task == MLS_BINARY ? log(p) - log(q) : log(p);
}

static void assert_point(const struct forest *f, const struct rows *r,
                         int64_t row, int64_t j, const struct mls_json *curve)
{
    const struct mls_json *found = NULL, *score;
    double x = cell(r->columns[j], row);

    /* A boolean column has no other value. */
    for (const struct mls_json *point =
             mls_json_first(mls_json_get(curve, "points"));
         point; point = mls_json_next(point)) {
        if (is_point_of(point, &f->bins[j], x)) {
            assert_null(found);
            found = point;
        }
    }
    assert_non_null(found);
    score = mls_json_first(mls_json_get(found, "scores"));
    for (int k = 0; k < outputs_of(&f->plan); k++) {
        double expected = linked(f, worth(f, r, row, 1u << j, k));

        assert_true(fabs(mls_json_real(score, NAN) - expected)
                    < 1e-9 * (1 + fabs(expected)));
        score = mls_json_next(score);
    }
}

static void a_curve_is_what_is_expected_when_one_feature_is_known(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        struct plan plan = plans[p];
        struct forest f;
        struct rows r;

        plan.features = plan.features > 8 ? 8 : plan.features;
        plan.leaves = plan.leaves > 40 ? 40 : plan.leaves;
        forest_new(&f, &plan);
        rows_new(&r, &f, 30);
        for (int64_t j = 0; j < plan.features; j++) {
            struct mls_field field = field_of(&f.bins[j], r.columns[j]);
            struct mls_json *curve = mls_json_new_object(&err);

            assert_true(mls_trees_dependence(f.model, j, &field, curve, &err));
            for (int64_t i = 0; i < r.count; i++)
                assert_point(&f, &r, i, j, curve);
            mls_json_free(curve);
        }
        rows_clear(&r);
        forest_clear(&f);
    }
}

static bool holds(const struct mls_json *levels, double x)
{
    for (const struct mls_json *l = mls_json_first(levels); l;
         l = mls_json_next(l)) {
        if (mls_json_real(l, -1) == x)
            return true;
    }
    return false;
}

/* Does the cell go left, as the printed node tells it? */
static bool told_left(const struct mls_json *node, const struct mls_bins *b,
                      double x)
{
    const struct mls_json *cut = mls_json_get(node, "at_most");
    const struct mls_json *levels = mls_json_get(node, "levels");
    bool missing_left =
        strcmp(mls_json_text(mls_json_get(node, "missing"), ""), "left") == 0;

    if (isnan(x) || b->codes < 2)
        return missing_left;
    if (levels && holds(levels, x))
        return true;
    if (levels && holds(mls_json_get(node, "others"), x))
        return false;
    if (levels)
        return missing_left;
    return cut ? x <= told_value(cut) && told_value(cut) != -INFINITY
               : !missing_left;
}

/* The first node behind this one and all that is below it. */
static const struct mls_json *behind(const struct mls_json *node)
{
    double depth = mls_json_real(mls_json_get(node, "depth"), -1);

    do {
        node = mls_json_next(node);
    } while (mls_json_real(mls_json_get(node, "depth"), -1) > depth);
    return node;
}

static void assert_walk(const struct forest *f, const struct rows *r,
                        int64_t t, const struct mls_json *tree)
{
    const double *leaf;

    for (int64_t i = 0; i < r->count; i++) {
        const struct mls_json *node =
            mls_json_first(mls_json_get(tree, "nodes")), *value;
        const char *name;

        while ((name = mls_json_text(mls_json_get(node, "feature"), NULL))) {
            int64_t j = name[0] - 'a';
            bool left = told_left(node, &f->bins[j], cell(r->columns[j], i));

            node = left ? mls_json_next(node) : behind(mls_json_next(node));
        }
        leaf = slow_leaf(f, t, r, i);
        value = mls_json_first(mls_json_get(node, "values"));
        for (int k = 0; k < f->plan.width; k++) {
            assert_true(mls_json_real(f->plan.width > 1
                                          ? value
                                          : mls_json_get(node, "value"), NAN)
                        == leaf[k]);
            value = mls_json_next(value);
        }
    }
}

/* Who follows what is printed ends in the leaf that the row ends in. */
static void printed_trees_lead_rows_to_their_leaves(void **state)
{
    static const char *const classes[] = { "u", "v", "w", "x", "y" };

    (void)state;
    for (int p = 0; p < PLANS; p++) {
        struct plan plan = plans[p];
        struct mls_field fields[8];
        const struct mls_field *lent[8];
        char names[8][2];
        struct forest f;
        struct rows r;

        plan.features = plan.features > 8 ? 8 : plan.features;
        forest_new(&f, &plan);
        rows_new(&r, &f, 40);
        for (int64_t j = 0; j < plan.features; j++) {
            fields[j] = field_of(&f.bins[j], r.columns[j]);
            snprintf(names[j], sizeof names[j], "%c", (int)('a' + j));
            fields[j].name = names[j];
            lent[j] = &fields[j];
        }
        for (int64_t t = 0; t < plan.trees; t++) {
            struct mls_json *tree = mls_json_new_object(&err);

            assert_true(mls_trees_print(f.model, lent, classes, t, -1, tree,
                                        &err));
            assert_walk(&f, &r, t, tree);
            mls_json_free(tree);
        }
        rows_clear(&r);
        forest_clear(&f);
    }
}

static void a_printed_tree_can_be_cut_by_depth(void **state)
{
    struct plan plan = { MLS_REGRESSION, 0, MLS_COMBINE_SUM, 1, 6, 0, 1, 40, 9,
                         .symmetric = true };

    (void)state;
    for (int i = 0; i < 20; i++) {
        const struct mls_field field = { .name = (char *)(uintptr_t)"a",
                                         .kind = MLS_KIND_REAL };
        const struct mls_field *lent[6] = { &field, &field, &field,
                                            &field, &field, &field };
        struct mls_json *tree = mls_json_new_object(&err);
        struct forest f;
        int64_t shown, hidden = 0;

        forest_new(&f, &plan);
        assert_true(mls_trees_print(f.model, lent, NULL, 0, 10, tree, &err));
        shown = mls_json_count(mls_json_get(tree, "nodes"));
        for (const struct mls_json *n =
                 mls_json_first(mls_json_get(tree, "nodes"));
             n; n = mls_json_next(n))
            hidden += (int64_t)mls_json_real(mls_json_get(n, "hidden"), 0);
        /* Of whole levels 1, 3, 7 nodes fit into 10. */
        assert_true(shown == 7 || hidden == 0);
        assert_int_equal(shown + hidden, f.trees[0].node_count);
        mls_json_free(tree);
        forest_clear(&f);
    }
}

static struct mls_model *copy_of(const struct mls_model *model)
{
    struct mls_model *copy = mls_model_new(model->type, model->task,
                                           model->classes, model->features,
                                           &err);

    assert_non_null(copy);
    assert_true(mls_arrays_copy(&copy->arrays, "", &model->arrays, &err));
    return copy;
}

/* What is accepted can be shown. */
static void assert_shown(const struct mls_model *model)
{
    static const char *const classes[] = { "u", "v", "w", "x", "y" };
    const struct mls_field field = { .name = (char *)(uintptr_t)"a",
                                     .kind = MLS_KIND_REAL };
    const struct mls_field *lent[8] = { &field, &field, &field, &field,
                                        &field, &field, &field, &field };
    struct mls_json *json = mls_json_new_object(&err);

    for (int64_t j = 0; j < model->features; j++)
        assert_true(mls_trees_dependence(model, j, &field, json, &err));
    for (int64_t t = 0; t < mls_trees_count(model); t++)
        assert_true(mls_trees_print(model, lent, classes, t, 40, json, &err));
    mls_json_free(json);
}

static void assert_finite_if_accepted(struct mls_model *model,
                                      const struct rows *r, double *out,
                                      double *shares)
{
    int outputs = mls_model_outputs(model);

    if (!make_ready(model)) {
        assert_int_equal(err.code, MLS_MODEL_FILE);
        return;
    }
    if (!score_rows(model, r, out))
        return;
    assert_shown(model);
    assert_true(contribute(model, r, shares));
    for (int64_t i = 0; i < r->count * outputs; i++)
        assert_true(isfinite(out[i]));
}

static void damage(struct mls_array *a, struct mls_model *model)
{
    int64_t bytes = a->count * (int64_t)mls_dtype_size(a->dtype);
    uint8_t *data = a->data;

    switch (draw_below(8)) {
    case 0:                     /* shorter */
        a->count -= a->count > 0;
        a->shape[0] -= a->shape[0] > 0;
        break;
    case 1:                     /* of another type */
        a->dtype = (enum mls_dtype)(1 + draw_below(8));
        if ((int64_t)mls_dtype_size(a->dtype) * a->count > bytes)
            a->count = bytes / (int64_t)mls_dtype_size(a->dtype);
        a->shape[0] = a->count;
        a->dimensions = 1;
        break;
    case 2:                     /* gone */
        a->name[0] = '?';
        break;
    case 3:
        model->features += draw_below(2) ? 1 : -1;
        break;
    default:
        for (int64_t k = draw_below(3); bytes > 0 && k >= 0; k--) {
            int64_t at = draw_below(bytes);

            data[at] = draw_below(2) ? (uint8_t)draw_below(256)
                                     : data[at] ^ (uint8_t)(1 << draw_below(8));
        }
    }
}

static void damaged_arrays_are_refused_or_harmless(void **state)
{
    enum { COPIES = 2000 };

    (void)state;
    for (int p = 0; p < PLANS; p++) {
        struct plan plan = plans[p];
        struct forest f;
        struct rows r;
        double out[40 * 5], shares[40 * 5 * 8];

        /* Small, so that much of it is met. */
        plan.trees = plan.trees > 5 ? 5 : plan.trees;
        plan.features = plan.features > 7 ? 7 : plan.features;
        plan.cuts = plan.cuts > 300 ? 300 : plan.cuts;
        plan.levels = plan.levels > 300 ? 300 : plan.levels;
        plan.leaves = plan.leaves > 30 ? 30 : plan.leaves;
        forest_new(&f, &plan);
        rows_new(&r, &f, 40);
        for (int i = 0; i < COPIES; i++) {
            struct mls_model *copy = copy_of(f.model);
            int64_t which = draw_below(copy->arrays.count);

            damage(&copy->arrays.items[which], copy);
            if (copy->features == f.plan.features)
                assert_finite_if_accepted(copy, &r, out, shares);
            else
                assert_false(make_ready(copy));
            drop(copy);
        }
        rows_clear(&r);
        forest_clear(&f);
    }
}

static bool show(const struct mls_model *model)
{
    static const char *const classes[] = { "u", "v", "w", "x" };
    const struct mls_field field = { .name = (char *)(uintptr_t)"a",
                                     .kind = MLS_KIND_REAL };
    const struct mls_field *lent[8] = { &field, &field, &field, &field,
                                        &field, &field, &field, &field };
    struct mls_json *json = mls_json_new_object(&err);
    bool ok = json && mls_trees_dependence(model, 1, &field, json, &err)
        && mls_trees_print(model, lent, classes, 1, -1, json, &err);

    mls_json_free(json);
    return ok;
}

static void every_allocation_may_fail(void **state)
{
    struct plan plan = plans[11];
    struct forest f;
    struct rows r;
    double out[50 * 4], shares[50 * 4 * 9];

    (void)state;
    forest_new(&f, &plan);
    rows_new(&r, &f, 50);
    for (int64_t n = 1;; n++) {
        struct mls_trees_builder *b;
        struct mls_model *model = NULL;
        bool ok;

        mls_memory_fail_at(n);
        b = mls_trees_begin_from(f.model, -1, &err);
        ok = b && mls_trees_add(b, &f.trees[0], &err);
        if (ok)
            model = mls_trees_finish(b, &err);
        else
            mls_trees_abandon(b);
        ok = model && make_ready(model) && score_rows(model, &r, out)
            && contribute(model, &r, shares) && show(model);
        mls_memory_fail_at(0);
        drop(model);
        if (ok)
            break;
        assert_int_equal(err.code, MLS_LIMIT);
    }
    rows_clear(&r);
    forest_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_equal_a_walk_over_raw_values),
        cmocka_unit_test(all_kernels_give_the_same_bits),
        cmocka_unit_test(trees_go_the_way_that_suits_them),
        cmocka_unit_test(arrays_make_the_same_model_again),
        cmocka_unit_test(a_continued_model_is_that_made_at_once),
        cmocka_unit_test(contributions_are_shapley_values),
        cmocka_unit_test(contributions_sum_to_the_score),
        cmocka_unit_test(a_curve_is_what_is_expected_when_one_feature_is_known),
        cmocka_unit_test(printed_trees_lead_rows_to_their_leaves),
        cmocka_unit_test(a_printed_tree_can_be_cut_by_depth),
        cmocka_unit_test(damaged_arrays_are_refused_or_harmless),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
