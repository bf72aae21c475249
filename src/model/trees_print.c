/*
 * One tree for inspect --tree, as JSON: its nodes in preorder, so that depth
 * alone tells where each belongs, and no reader needs recursion.
 *
 *   {"tree": 3, "trees": 100, "combined": "sum", "class": "setosa",
 *    "nodes": [
 *     {"depth": 0, "rows": 150, "value": 0.33, "feature": "petal_length",
 *      "at_most": 2.45, "missing": "left"},
 *     {"depth": 1, "rows": 50, "value": 1},
 *     {"depth": 1, "rows": 100, "value": 0, "feature": "colour",
 *      "levels": ["green", "red"], "others": ["blue"], "missing": "right"},
 *     ...]}
 *
 *   tree      from 1
 *   class     what it adds to, where trees of several classes take turns
 *   rows      weight of the training rows in the node
 *   value     of a leaf, of a split the mean of its leaves by rows: added to
 *             the score (boosting), the mean (regression), the probability of
 *             the positive class, the depth (isolation); "values" when a leaf
 *             holds one for each class
 *   at_most   goes left when the value is at most this ("inf", "-inf" where a
 *             split of a strange file parts nothing).  Without it and without
 *             levels only missing cells are parted from others
 *   levels    goes left when the category is one of these; others: goes right.
 *             A level never seen in training goes with the missing cells and is
 *             in neither.  Booleans have levels, too
 *   missing   where missing cells go
 *   hidden    nodes below this one that were cut off
 */
#include "model/trees_read.h"

#include <math.h>

#include "base/json.h"
#include "base/memory.h"

struct printing {
    const struct trees_reading *r;
    const struct mls_field *const *features;
    const double *mean;         /* nodes x width */
    const int32_t *depth;       /* nodes */
    int32_t deepest;            /* that is shown */
    struct mls_json *nodes;
};

/* ---- Questions ---- */

/* Levels that go to one side.  Those without a code of their own, never seen,
 * go to neither. */
static bool add_levels(const struct printing *p, int64_t i, bool left,
                       struct mls_json *to, struct mls_error *err)
{
    const struct trees_file *f = &p->r->plan->file;
    int64_t j = trees_read_feature(p->r, i), start = f->level_start[j];
    struct mls_json *array =
        mls_json_add_array(to, left ? "levels" : "others", err);
    bool ok = array != NULL;

    for (int64_t l = 0; ok && l < f->level_start[j + 1] - start; l++) {
        int32_t code = f->level_code[start + l];

        if (code != MLS_BIN_MISSING
            && trees_read_in_set(p->r, i, code) == left)
            ok = mls_trees_add_level(array, NULL, p->features[j], l, err);
    }
    return ok;
}

/* A boolean is a number to the trees. */
static bool add_boolean(const struct mls_field *field, double cut,
                        struct mls_json *to, struct mls_error *err)
{
    struct mls_json *left = mls_json_add_array(to, "levels", err);
    struct mls_json *right =
        left ? mls_json_add_array(to, "others", err) : NULL;

    return right
        && mls_trees_add_level(0 <= cut ? left : right, NULL, field, 0, err)
        && mls_trees_add_level(1 <= cut ? left : right, NULL, field, 1, err);
}

static bool add_question(const struct printing *p, int64_t i,
                         struct mls_json *to, struct mls_error *err)
{
    const struct trees_file *f = &p->r->plan->file;
    int64_t s = p->r->split[i], j = trees_feature(f, s);
    const struct mls_field *field = p->features[j];
    int32_t split = trees_split(f, s);
    bool missing = f->categorical[j] ? trees_read_in_set(p->r, i, 0)
                                     : trees_bit(f->missing, s);
    bool cuts = split > 0 && split < f->codes[j] - 1;
    double cut = cuts ? f->cuts[f->cut_start[j] + split - 1] : NAN;

    if (!mls_json_add_text(to, "feature", field->name, err))
        return false;
    if (f->categorical[j]) {
        if (!add_levels(p, i, true, to, err)
            || !add_levels(p, i, false, to, err))
            return false;
    } else if (cuts && field->kind == MLS_KIND_BOOLEAN) {
        if (!add_boolean(field, cut, to, err))
            return false;
    } else if (cuts) {
        if (!mls_trees_add_value(to, "at_most", field, cut, err))
            return false;
    } else if (missing == (split > 0)) {
        if (!mls_json_add_text(to, "at_most", split > 0 ? "inf" : "-inf", err))
            return false;
    }
    return mls_json_add_text(to, "missing", missing ? "left" : "right", err);
}

/* ---- Nodes ---- */

static bool add_values(const struct printing *p, int64_t i,
                       struct mls_json *to, struct mls_error *err)
{
    int width = p->r->plan->file.width;
    const double *mean = p->mean + i * width;
    struct mls_json *array;

    if (width == 1)
        return mls_json_add_real(to, "value", mean[0], err);
    array = mls_json_add_array(to, "values", err);
    for (int k = 0; array && k < width; k++)
        if (!mls_json_add_real(array, NULL, mean[k], err))
            return false;
    return array != NULL;
}

static bool add_node(const struct printing *p, int64_t i,
                     struct mls_error *err)
{
    struct mls_json *node = mls_json_add_object(p->nodes, NULL, err);
    bool split = p->r->nodes[i].right != 0;

    if (!node || !mls_json_add_integer(node, "depth", p->depth[i], err)
        || !mls_json_add_real(node, "rows", p->r->cover[i], err)
        || !add_values(p, i, node, err))
        return false;
    if (split && p->depth[i] == p->deepest)
        return mls_json_add_integer(
            node, "hidden", mls_trees_count_nodes(p->r->nodes + i) - 1, err);
    return !split || add_question(p, i, node, err);
}

/* depth: of each node.  Returns the deepest level down to which there are at
 * most `most` nodes; -1: the deepest of all. */
static int32_t find_depths(const struct trees_reading *r, int64_t most,
                           int32_t *depth, int64_t *at_depth)
{
    int32_t deepest = 0, shown = 0;
    int64_t nodes = 1;

    depth[0] = 0;
    memset(at_depth, 0, (size_t)r->count * sizeof(*at_depth));
    for (int64_t i = 0; i < r->count; i++) {
        int64_t right = trees_right(&r->nodes[i]);

        at_depth[depth[i]]++;
        deepest = depth[i] > deepest ? depth[i] : deepest;
        if (right > 0)
            depth[i + 1] = depth[i + right] = depth[i] + 1;
    }
    if (most < 0)
        return deepest;
    while (shown < deepest && (nodes += at_depth[shown + 1]) <= most)
        shown++;
    return shown;
}

static bool add_nodes(struct printing *p, int64_t most, struct mls_error *err)
{
    const struct trees_reading *r = p->r;
    double *mean = mls_new_array(r->count * r->plan->file.width,
                                 sizeof(*mean), err);
    int32_t *depth =
        mean ? mls_new_array(r->count, sizeof(*depth), err) : NULL;
    int64_t *at_depth =
        depth ? mls_new_array(r->count, sizeof(*at_depth), err) : NULL;
    bool ok = at_depth != NULL;

    if (ok) {
        mls_trees_read_means(r, mean);
        p->deepest = find_depths(r, most, depth, at_depth);
        p->mean = mean;
        p->depth = depth;
    }
    for (int64_t i = 0; ok && i < r->count; i++)
        ok = depth[i] > p->deepest || add_node(p, i, err);
    mls_free(mean);
    mls_free(depth);
    mls_free(at_depth);
    return ok;
}

/* number: of a tree that there is. */
bool mls_trees_print(const struct mls_model *model,
                     const struct mls_field *const *features,
                     const char *const *classes, int64_t number, int64_t most,
                     struct mls_json *to, struct mls_error *err)
{
    static const char *const combined[] = { "sum", "mean", "isolation" };
    const struct trees_plan *plan = model->compiled;
    const struct trees_file *f = &plan->file;
    struct trees_reading r = { 0 };
    struct printing p = { .r = &r, .features = features };
    bool ok = mls_trees_read_open(&r, plan, err);

    while (ok && r.number < number && mls_trees_read_next(&r))
        continue;
    ok = ok && mls_json_add_integer(to, "tree", number + 1, err)
        && mls_json_add_integer(to, "trees", f->trees, err)
        && mls_json_add_text(to, "combined", combined[f->combine], err)
        && (f->width > 1 || f->outputs == 1
            || mls_json_add_text(to, "class", classes[number % f->outputs],
                                 err))
        && (p.nodes = mls_json_add_array(to, "nodes", err)) != NULL
        && add_nodes(&p, most, err);
    mls_trees_read_close(&r);
    return ok;
}
