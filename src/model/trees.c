/*
 * The model of all tree learners: what it can do, in one table.
 *
 * How it scores.  compile numbers the nodes of the chain, so that each knows
 * where its right side begins; scoring turns a strip of rows into codes, one
 * feature after the other, and walks each row down each tree.  Leaves are added
 * in the order of the trees, so a row's bits depend on it and the model alone.
 */
#include "model/trees_detail.h"

#include <assert.h>
#include <math.h>

#include "base/json.h"
#include "base/memory.h"

enum { STRIP = 256 };

struct node {
    int32_t right;              /* from here to the right side; 0: a leaf */
    uint32_t feature;
    int64_t at;                 /* a leaf's number; a set's first byte; else
                                 * the split */
    bool set, missing_left;
};

struct compiled {
    struct trees_file file;
    struct mls_bins *bins;
    struct node *nodes;
    int64_t *root;              /* trees */
};

static void release(void *compiled)
{
    struct compiled *c = compiled;

    if (!c)
        return;
    mls_free(c->bins);
    mls_free(c->nodes);
    mls_free(c->root);
    mls_free(c);
}

/* The bins borrow the arrays, which nobody may change. */
static void lend_bins(struct compiled *c)
{
    const struct trees_file *f = &c->file;

    for (int64_t j = 0; j < f->features; j++) {
        struct mls_bins *b = &c->bins[j];

        b->categorical = f->categorical[j];
        b->codes = f->codes[j];
        b->cuts = f->cut_start[j + 1] - f->cut_start[j];
        b->cut = (double *)(uintptr_t)(f->cuts + f->cut_start[j]);
        b->levels = f->level_start[j + 1] - f->level_start[j];
        b->code_of =
            (uint16_t *)(uintptr_t)(f->level_code + f->level_start[j]);
    }
}

static void fill_nodes(struct compiled *c)
{
    const struct trees_file *f = &c->file;
    int64_t s = 0, leaf = 0, set_at = 0, node = 0;

    for (int64_t t = 0; t < f->trees; t++) {
        c->root[t] = node;
        for (int64_t open = 1; open > 0; node++) {
            struct node *n = &c->nodes[node];

            if (!trees_bit(f->shape, node)) {
                n->at = leaf++;
                open--;
                continue;
            }
            n->right = 1;
            n->feature = (uint32_t)trees_feature(f, s);
            n->set = f->categorical[n->feature];
            n->missing_left = trees_bit(f->missing, s);
            n->at = n->set ? set_at : trees_split(f, s);
            set_at +=
                n->set ? trees_set_bytes(f->codes[n->feature]) : 0;
            s++;
            open++;
        }
    }
}

/* From the back, so that the sizes of both sides are known. */
static bool link_nodes(struct compiled *c, struct mls_error *err)
{
    int64_t n = c->file.nodes;
    int32_t *size = mls_new_array(n, sizeof(*size), err);

    if (!size)
        return false;
    for (int64_t i = n - 1; i >= 0; i--) {
        size[i] = 1;
        if (c->nodes[i].right) {
            c->nodes[i].right = 1 + size[i + 1];
            size[i] = 1 + size[i + 1] + size[i + c->nodes[i].right];
        }
    }
    mls_free(size);
    return true;
}

static bool compile(struct mls_model *model, struct mls_error *err)
{
    struct compiled *c = mls_new(1, sizeof(*c), err);
    bool ok = c && mls_trees_open(model, &c->file, err);

    if (ok) {
        c->bins = mls_new(c->file.features, sizeof(*c->bins), err);
        c->root = c->bins ? mls_new(c->file.trees, sizeof(*c->root), err)
                          : NULL;
        c->nodes = c->root ? mls_new(c->file.nodes, sizeof(*c->nodes), err)
                           : NULL;
        ok = c->nodes != NULL;
    }
    if (ok) {
        lend_bins(c);
        fill_nodes(c);
        ok = link_nodes(c, err);
    }
    if (!ok) {
        release(c);
        return false;
    }
    model->compiled = c;
    return true;
}

/* ---- Scoring ---- */

static uint16_t code_of_real(const struct mls_bins *bins, double x)
{
    int64_t low = 0, high = bins->cuts;

    if (isnan(x) || bins->codes < 2)
        return MLS_BIN_MISSING;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (x <= bins->cut[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return (uint16_t)(low + 1);
}

static uint16_t code_of_level(const struct mls_bins *bins, uint32_t level)
{
    return level < bins->levels ? bins->code_of[level] : MLS_BIN_MISSING;
}

static double real_of(const struct mls_column *column, int64_t row,
                      int64_t *cursor)
{
    switch (column->storage) {
    case MLS_STORE_REAL:
        return column->real[row];
    case MLS_STORE_CODE:
        return column->code[row] == MLS_CODE_MISSING ? NAN
                                                     : column->code[row];
    case MLS_STORE_TIME:
        return column->time[row] == MLS_TIME_MISSING
            ? NAN
            : (double)column->time[row] / 1e6;
    case MLS_STORE_SPARSE:
        while (*cursor < column->sparse.count
               && column->sparse.row[*cursor] < row) {
            ++*cursor;
        }
        if (*cursor == column->sparse.count
            || column->sparse.row[*cursor] != row) {
            return 0;
        }
        return column->sparse.value ? column->sparse.value[*cursor] : 1;
    case MLS_STORE_TEXT:
        break;
    }
    return NAN;
}

/* A strip's codes, one row after the other. */
static void code_strip(const struct compiled *c, const struct mls_view *view,
                       int64_t first, int64_t count, int64_t *cursor,
                       uint16_t *codes)
{
    for (int64_t j = 0; j < view->features; j++) {
        const struct mls_column *column = view->columns[j];
        const struct mls_bins *bins = &c->bins[j];

        for (int64_t i = 0; i < count; i++) {
            codes[i * view->features + j] = bins->categorical
                ? code_of_level(bins, column->code[first + i])
                : code_of_real(bins, real_of(column, first + i, &cursor[j]));
        }
    }
}

static int64_t find_leaf(const struct compiled *c, int64_t tree,
                         const uint16_t *codes)
{
    const struct node *n = c->nodes + c->root[tree];

    while (n->right) {
        uint16_t code = codes[n->feature];
        bool left = n->set ? trees_bit(c->file.set + n->at, code)
            : code == MLS_BIN_MISSING ? n->missing_left
                                      : code <= n->at;

        n += left ? 1 : n->right;
    }
    return n->at;
}

static void add_leaves(const struct compiled *c, const uint16_t *codes,
                       double *out)
{
    const struct trees_file *f = &c->file;

    for (int k = 0; k < f->outputs; k++)
        out[k] = f->combine == MLS_COMBINE_SUM ? f->base[k] : 0;
    for (int64_t t = 0; t < f->trees; t++) {
        int64_t at = find_leaf(c, t, codes) * f->width;

        if (f->width == 1) {
            out[t % f->outputs] += trees_value(f, at);
            continue;
        }
        for (int k = 0; k < f->width; k++)
            out[k] += trees_value(f, at + k);
    }
}

static double within(double p, double low, double high)
{
    return p < low ? low : p > high ? high : p;
}

/* From sums to scores; see enum mls_combine. */
static void finish_row(const struct mls_model *model,
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

static bool check_view(const struct compiled *c, const struct mls_view *view,
                       struct mls_error *err)
{
    for (int64_t j = 0; j < view->features; j++) {
        enum mls_storage storage = view->columns[j]->storage;

        if (storage == MLS_STORE_TEXT
            || (c->bins[j].categorical && storage != MLS_STORE_CODE)) {
            return mls_fail(err, MLS_MODEL_FILE,
                            "the trees do not fit the kinds of the columns");
        }
    }
    return true;
}

static bool score(const struct mls_model *model, const struct mls_view *view,
                  double *out, struct mls_error *err)
{
    const struct compiled *c = model->compiled;
    int64_t *cursor;
    uint16_t *codes;
    bool ok;

    assert(c && view->features == model->features);
    if (!check_view(c, view, err))
        return false;
    cursor = mls_new(view->features, sizeof(*cursor), err);
    codes = cursor ? mls_new_array(STRIP * view->features, sizeof(*codes), err)
                   : NULL;
    for (int64_t first = 0; codes && first < view->rows; first += STRIP) {
        int64_t count = view->rows - first < STRIP ? view->rows - first
                                                   : STRIP;

        code_strip(c, view, first, count, cursor, codes);
        for (int64_t i = 0; i < count; i++) {
            double *to = out + (first + i) * c->file.outputs;

            add_leaves(c, codes + i * view->features, to);
            finish_row(model, &c->file, to);
        }
    }
    ok = codes != NULL;
    mls_free(cursor);
    mls_free(codes);
    return ok;
}

/* ---- What it holds ---- */

int64_t mls_trees_count(const struct mls_model *model)
{
    const struct mls_array *trees = mls_arrays_find(&model->arrays, "trees");

    return *(const int64_t *)trees->data;
}

const struct mls_bins *mls_trees_bins(const struct mls_model *model)
{
    const struct compiled *c = model->compiled;

    assert(c);
    return c->bins;
}

static bool describe(const struct mls_model *model, const char *const *names,
                     const char *const *classes, struct mls_json *to,
                     struct mls_error *err)
{
    struct trees_file f;
    struct mls_json *array, *item;

    (void)classes;
    if (!mls_trees_open(model, &f, err)
        || !mls_json_add_integer(to, "trees", f.trees, err)
        || !mls_json_add_integer(to, "leaves", f.leaves, err)) {
        return false;
    }
    array = mls_json_add_array(to, "importance", err);
    for (int64_t j = 0; array && j < f.features; j++) {
        item = mls_json_add_object(array, NULL, err);
        if (!item || !mls_json_add_text(item, "feature", names[j], err)
            || !mls_json_add_real(item, "gain", f.gain[j], err)) {
            return false;
        }
    }
    return array != NULL;
}

const struct mls_model_type mls_model_trees = {
    .name = "trees",
    .takes_columns = true,
    .check = mls_trees_check,
    .compile = compile,
    .release = release,
    .score = score,
    .describe = describe,
};
