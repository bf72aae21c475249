/*
 * Trees as learners grow them, and how they become a model: each is walked
 * once in preorder and appended to arrays that have their final types from the
 * start, so that a forest of millions of nodes is never in memory twice in a
 * wider form.
 */
#include "model/trees_detail.h"

#include <assert.h>
#include <float.h>

#include "base/memory.h"

/* ---- One tree ---- */

void mls_tree_clear(struct mls_tree *tree)
{
    mls_free(tree->nodes);
    mls_free(tree->sets);
    mls_free(tree->values);
    *tree = (struct mls_tree){ 0 };
}

void mls_tree_empty(struct mls_tree *tree)
{
    tree->node_count = tree->set_bytes = tree->leaf_count = 0;
}

int64_t mls_tree_add_node(struct mls_tree *tree, struct mls_error *err)
{
    if (tree->node_count >= INT32_MAX) {
        mls_fail(err, MLS_LIMIT, "a tree has more than %d nodes", INT32_MAX);
        return -1;
    }
    if (!mls_grow(&tree->nodes, tree->node_count, &tree->node_capacity,
                  sizeof(*tree->nodes), err)) {
        return -1;
    }
    tree->nodes[tree->node_count] = (struct mls_tree_node){ .feature = -1 };
    return tree->node_count++;
}

/* Room for bytes more at *pointer. */
static bool reserve(void *pointer_to_pointer, int64_t count, int64_t more,
                    int64_t *capacity, size_t size, struct mls_error *err)
{
    int64_t wanted = count + more;

    if (wanted <= *capacity)
        return true;
    wanted = wanted < 2 * *capacity ? 2 * *capacity : wanted;
    wanted = wanted < 64 ? 64 : wanted;
    if (!mls_resize(pointer_to_pointer, wanted, size, err))
        return false;
    *capacity = wanted;
    return true;
}

int64_t mls_tree_add_set(struct mls_tree *tree, int32_t codes,
                         struct mls_error *err)
{
    int64_t bytes = trees_set_bytes(codes), at = tree->set_bytes;

    if (!reserve(&tree->sets, at, bytes, &tree->set_capacity, 1, err))
        return -1;
    memset(tree->sets + at, 0, (size_t)bytes);
    tree->set_bytes += bytes;
    return at;
}

int64_t mls_tree_add_leaf(struct mls_tree *tree, int width,
                          struct mls_error *err)
{
    int64_t at = tree->leaf_count * width;

    if (!reserve(&tree->values, at, width, &tree->value_capacity,
                 sizeof(*tree->values), err)) {
        return -1;
    }
    memset(tree->values + at, 0, (size_t)width * sizeof(*tree->values));
    return tree->leaf_count++;
}

/* ---- The builder ---- */

/* An array that grows; size bytes an item. */
struct growing {
    uint8_t *data;
    int64_t count, capacity;
    size_t size;
};

struct mls_trees_builder {
    enum mls_task task;
    int classes, outputs, width;
    int64_t features, trees;
    enum mls_combine combine;
    bool narrow, log_link;
    double *base, *gain;
    /* The bins, as they are stored. */
    struct growing cuts, level_code;
    int64_t *cut_start, *level_start;
    int32_t *codes;
    uint8_t *categorical;
    /* The chain.  Bits are counted in nodes and splits. */
    int64_t nodes, splits;
    struct growing shape, missing, feature, split, set, value, cover;
    int32_t *stack;             /* right sides still to be walked */
    int64_t stack_capacity;
};

void mls_trees_abandon(struct mls_trees_builder *b)
{
    if (!b)
        return;
    mls_free(b->base);
    mls_free(b->gain);
    mls_free(b->cuts.data);
    mls_free(b->level_code.data);
    mls_free(b->cut_start);
    mls_free(b->level_start);
    mls_free(b->codes);
    mls_free(b->categorical);
    mls_free(b->shape.data);
    mls_free(b->missing.data);
    mls_free(b->feature.data);
    mls_free(b->split.data);
    mls_free(b->set.data);
    mls_free(b->value.data);
    mls_free(b->cover.data);
    mls_free(b->stack);
    mls_free(b);
}

/* Appends count items; items NULL: zeros. */
static bool append(struct growing *to, const void *items, int64_t count,
                   struct mls_error *err)
{
    size_t bytes = (size_t)count * to->size;
    uint8_t *at;

    if (!reserve(&to->data, to->count, count, &to->capacity, to->size, err))
        return false;
    at = to->data + (size_t)to->count * to->size;
    if (count > 0 && items)
        memcpy(at, items, bytes);
    else if (count > 0)
        memset(at, 0, bytes);
    to->count += count;
    return true;
}

static bool append_bit(struct growing *bits, int64_t at, bool on,
                       struct mls_error *err)
{
    if ((at & 7) == 0 && !append(bits, NULL, 1, err))
        return false;
    bits->data[at >> 3] |= (uint8_t)(on << (at & 7));
    return true;
}

/* A whole number in as many bytes as the array's items have. */
static bool append_number(struct growing *to, uint32_t number,
                          struct mls_error *err)
{
    uint8_t narrow = (uint8_t)number;
    uint16_t wide = (uint16_t)number;

    return append(to, to->size == 1 ? (void *)&narrow
                      : to->size == 2 ? (void *)&wide : (void *)&number,
                  1, err);
}

static struct mls_trees_builder *builder_new(enum mls_task task, int classes,
                                             int64_t features,
                                             struct mls_error *err)
{
    struct mls_trees_builder *b = mls_new(1, sizeof(*b), err);

    if (!b)
        return NULL;
    b->task = task;
    b->classes = classes;
    b->features = features;
    b->outputs = task == MLS_MULTICLASS ? classes : 1;
    b->cuts.size = sizeof(double);
    b->level_code.size = sizeof(uint16_t);
    b->shape.size = b->missing.size = b->set.size = 1;
    b->feature.size = features <= 256 ? 1 : features <= 65536 ? 2 : 4;
    b->cover.size = sizeof(float);
    b->base = mls_new(b->outputs, sizeof(*b->base), err);
    b->gain = b->base ? mls_new(features, sizeof(*b->gain), err) : NULL;
    b->cut_start =
        b->gain ? mls_new(features + 1, sizeof(*b->cut_start), err) : NULL;
    b->level_start = b->cut_start
        ? mls_new(features + 1, sizeof(*b->level_start), err)
        : NULL;
    b->codes =
        b->level_start ? mls_new(features, sizeof(*b->codes), err) : NULL;
    b->categorical = b->codes ? mls_new(features, 1, err) : NULL;
    if (b->categorical)
        return b;
    mls_trees_abandon(b);
    return NULL;
}

/* What follows from the other fields. */
static void settle_sizes(struct mls_trees_builder *b)
{
    b->split.size = 1;
    for (int64_t j = 0; j < b->features; j++) {
        if (b->codes[j] > 256)
            b->split.size = 2;
    }
    b->value.size = b->narrow ? sizeof(float) : sizeof(double);
}

static bool add_bins(struct mls_trees_builder *b, const struct mls_bins *bins,
                     struct mls_error *err)
{
    for (int64_t j = 0; j < b->features; j++) {
        const struct mls_bins *f = &bins[j];

        b->codes[j] = f->codes;
        b->categorical[j] = f->categorical;
        if (f->categorical ? !append(&b->level_code, f->code_of, f->levels, err)
                           : !append(&b->cuts, f->cut, f->cuts, err)) {
            return false;
        }
        b->cut_start[j + 1] = b->cuts.count;
        b->level_start[j + 1] = b->level_code.count;
    }
    return true;
}

struct mls_trees_builder *mls_trees_begin(const struct mls_trees_shape *shape,
                                          struct mls_error *err)
{
    struct mls_trees_builder *b =
        builder_new(shape->task, shape->classes, shape->features, err);

    if (!b)
        return NULL;
    assert(shape->width == 1 || shape->width == b->outputs);
    b->combine = shape->combine;
    b->width = shape->width;
    b->narrow = shape->narrow;
    b->log_link = shape->log_link;
    for (int k = 0; shape->base && k < b->outputs; k++)
        b->base[k] = shape->base[k];
    if (add_bins(b, shape->bins, err)) {
        settle_sizes(b);
        return b;
    }
    mls_trees_abandon(b);
    return NULL;
}

/* ---- Continuing a model ---- */

/* Where the first `trees` trees end. */
struct extent {
    int64_t nodes, splits, set_bytes;
};

static struct extent measure(const struct trees_file *f, int64_t trees)
{
    struct extent e = { 0, 0, 0 };

    for (int64_t t = 0; t < trees; t++) {
        for (int64_t open = 1; open > 0; e.nodes++) {
            if (!trees_bit(f->shape, e.nodes)) {
                open--;
                continue;
            }
            int64_t j = trees_feature(f, e.splits++);

            e.set_bytes += f->categorical[j] ? trees_set_bytes(f->codes[j]) : 0;
            open++;
        }
    }
    return e;
}

/* Bits past count are cleared. */
static bool copy_bits(struct growing *to, const uint8_t *bits, int64_t count,
                      struct mls_error *err)
{
    if (!append(to, bits, (count + 7) / 8, err))
        return false;
    if (count & 7)
        to->data[count >> 3] &= (uint8_t)((1 << (count & 7)) - 1);
    return true;
}

/* Each feature's gain, by its share of the splits that are kept. */
static bool copy_gain(struct mls_trees_builder *b, const struct trees_file *f,
                      struct mls_error *err)
{
    int64_t *count = mls_new(2 * b->features, sizeof(*count), err);

    if (!count)
        return false;
    for (int64_t s = 0; s < f->splits; s++) {
        int64_t j = trees_feature(f, s);

        count[2 * j]++;
        count[2 * j + 1] += s < b->splits;
    }
    for (int64_t j = 0; j < b->features; j++) {
        int64_t all = count[2 * j], kept = count[2 * j + 1];

        b->gain[j] = kept == all ? f->gain[j]
                                 : f->gain[j] * ((double)kept / (double)all);
    }
    mls_free(count);
    return true;
}

static bool copy_trees(struct mls_trees_builder *b, const struct trees_file *f,
                       int64_t trees, struct mls_error *err)
{
    struct extent e = measure(f, trees);
    int64_t leaves = e.nodes - e.splits;

    b->trees = trees;
    b->nodes = e.nodes;
    b->splits = e.splits;
    assert(b->feature.size == f->feature_size);
    assert(b->split.size == f->split_size);
    return copy_bits(&b->shape, f->shape, e.nodes, err)
        && copy_bits(&b->missing, f->missing, e.splits, err)
        && append(&b->feature, f->feature, e.splits, err)
        && append(&b->split, f->split, e.splits, err)
        && append(&b->set, f->set, e.set_bytes, err)
        && append(&b->value, f->value, leaves * f->width, err)
        && append(&b->cover, f->cover, leaves, err) && copy_gain(b, f, err);
}

struct mls_trees_builder *mls_trees_begin_from(const struct mls_model *model,
                                               int64_t trees,
                                               struct mls_error *err)
{
    struct trees_file f;
    struct mls_trees_builder *b;
    size_t n = (size_t)model->features;

    if (!mls_trees_open(model, &f, err))
        return NULL;
    b = builder_new(model->task, model->classes, model->features, err);
    if (!b)
        return NULL;
    b->combine = f.combine;
    b->width = f.width;
    b->narrow = f.narrow;
    b->log_link = f.log_link;
    memcpy(b->base, f.base, (size_t)f.outputs * sizeof(*f.base));
    memcpy(b->cut_start, f.cut_start, (n + 1) * sizeof(*f.cut_start));
    memcpy(b->level_start, f.level_start, (n + 1) * sizeof(*f.level_start));
    memcpy(b->codes, f.codes, n * sizeof(*f.codes));
    memcpy(b->categorical, f.categorical, n);
    settle_sizes(b);
    if (append(&b->cuts, f.cuts, f.cut_start[n], err)
        && append(&b->level_code, f.level_code, f.level_start[n], err)
        && copy_trees(b, &f, trees < 0 || trees > f.trees ? f.trees : trees,
                      err)) {
        return b;
    }
    mls_trees_abandon(b);
    return NULL;
}

/* ---- Adding a tree ---- */

static bool add_split(struct mls_trees_builder *b, const struct mls_tree *tree,
                      const struct mls_tree_node *node, struct mls_error *err)
{
    int32_t j = node->feature;
    bool sets = b->categorical[j];

    assert(j < b->features && (sets || node->split < b->codes[j]));
    b->gain[j] += node->gain;
    return append_number(&b->feature, (uint32_t)j, err)
        && append_number(&b->split, sets ? 0 : node->split, err)
        && append_bit(&b->missing, b->splits++,
                      !sets && node->missing_left, err)
        && (!sets
            || append(&b->set, tree->sets + node->set,
                      trees_set_bytes(b->codes[j]), err));
}

static bool add_leaf(struct mls_trees_builder *b, const struct mls_tree *tree,
                     const struct mls_tree_node *node, struct mls_error *err)
{
    const double *value = tree->values + node->leaf * b->width;
    float cover = node->cover < FLT_MAX ? (float)node->cover : FLT_MAX;
    bool ok = true;

    if (!b->narrow)
        return append(&b->value, value, b->width, err)
            && append(&b->cover, &cover, 1, err);
    for (int k = 0; ok && k < b->width; k++) {
        float narrow = (float)value[k];

        ok = append(&b->value, &narrow, 1, err);
    }
    return ok && append(&b->cover, &cover, 1, err);
}

bool mls_trees_add(struct mls_trees_builder *b, const struct mls_tree *tree,
                   struct mls_error *err)
{
    int64_t open = 0, seen = 0;
    int32_t at = 0;

    assert(tree->node_count > 0);
    for (bool more = true; more; seen++) {
        const struct mls_tree_node *node = &tree->nodes[at];
        bool split = node->feature >= 0;

        assert(seen < tree->node_count);
        if (!append_bit(&b->shape, b->nodes++, split, err))
            return false;
        if (!split) {
            if (!add_leaf(b, tree, node, err))
                return false;
            more = open > 0;
            at = more ? b->stack[--open] : 0;
            continue;
        }
        assert(node->left > at && node->left < tree->node_count);
        assert(node->right > at && node->right < tree->node_count);
        if (!add_split(b, tree, node, err)
            || !mls_grow(&b->stack, open, &b->stack_capacity,
                         sizeof(*b->stack), err)) {
            return false;
        }
        b->stack[open++] = node->right;
        at = node->left;
    }
    b->trees++;
    return true;
}

/* ---- The model ---- */

static enum mls_dtype dtype_of(size_t size)
{
    return size == 1 ? MLS_U8 : size == 2 ? MLS_U16 : MLS_U32;
}

static bool put(struct mls_model *model, const char *name,
                enum mls_dtype dtype, const void *items, int64_t count,
                struct mls_error *err)
{
    void *to = mls_arrays_add1(&model->arrays, name, dtype, count, err);

    if (to && count > 0)
        memcpy(to, items, (size_t)count * mls_dtype_size(dtype));
    return to != NULL;
}

/* The same of an array that has grown, whose memory is given back at once. */
static bool move(struct mls_model *model, const char *name,
                 enum mls_dtype dtype, struct growing *from,
                 struct mls_error *err)
{
    bool ok = put(model, name, dtype, from->data, from->count, err);

    mls_free(from->data);
    from->data = NULL;
    return ok;
}

static bool move_values(struct mls_model *model, struct mls_trees_builder *b,
                        struct mls_error *err)
{
    int64_t shape[2] = { b->value.count / b->width, b->width };
    void *to = mls_arrays_add(&model->arrays, "value",
                              b->narrow ? MLS_F32 : MLS_F64, 2, shape, err);

    if (to && b->value.count > 0)
        memcpy(to, b->value.data, (size_t)b->value.count * b->value.size);
    mls_free(b->value.data);
    b->value.data = NULL;
    return to != NULL;
}

static bool fill(struct mls_model *m, struct mls_trees_builder *b,
                 struct mls_error *err)
{
    uint8_t combine = (uint8_t)b->combine, link = 1;
    int64_t n = b->features;

    return move_values(m, b, err)
        && move(m, "shape", MLS_U8, &b->shape, err)
        && move(m, "feature", dtype_of(b->feature.size), &b->feature, err)
        && move(m, "split", dtype_of(b->split.size), &b->split, err)
        && move(m, "missing", MLS_U8, &b->missing, err)
        && move(m, "set", MLS_U8, &b->set, err)
        && move(m, "cover", MLS_F32, &b->cover, err)
        && move(m, "cuts", MLS_F64, &b->cuts, err)
        && move(m, "level_code", MLS_U16, &b->level_code, err)
        && put(m, "cut_start", MLS_I64, b->cut_start, n + 1, err)
        && put(m, "level_start", MLS_I64, b->level_start, n + 1, err)
        && put(m, "codes", MLS_I32, b->codes, n, err)
        && put(m, "categorical", MLS_U8, b->categorical, n, err)
        && put(m, "trees", MLS_I64, &b->trees, 1, err)
        && put(m, "base", MLS_F64, b->base, b->outputs, err)
        && put(m, "gain", MLS_F64, b->gain, n, err)
        && put(m, "combine", MLS_U8, &combine, 1, err)
        && (!b->log_link || put(m, "link", MLS_U8, &link, 1, err));
}

struct mls_model *mls_trees_finish(struct mls_trees_builder *b,
                                   struct mls_error *err)
{
    struct mls_model *model = mls_model_new(&mls_model_trees, b->task,
                                            b->classes, b->features, err);

    if (model && !fill(model, b, err)) {
        mls_model_free(model);
        model = NULL;
    }
    mls_trees_abandon(b);
    return model;
}
