/*
 * Are the arrays of a trees model whole?  A file may hold anything, so nothing
 * is trusted: first the lengths, which must agree with each other, then every
 * value.  The chain of trees is read once, from its front, counting how many
 * sides are still open; there is no recursion and no memory, so a chain as deep
 * as the file is long costs no more than a flat one.
 */
#include "model/trees_detail.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

static bool damaged(struct mls_error *err, const char *what)
{
    return mls_fail(err, MLS_MODEL_FILE, "the trees are damaged: %s", what);
}

/* ---- Lengths ---- */

/* An array of one of two or three types; its element size, or 0. */
static const struct mls_array *find_any(const struct mls_model *model,
                                        const char *name, const char *types,
                                        struct mls_error *err)
{
    const struct mls_array *a = mls_arrays_find(&model->arrays, name);

    if (!a || !strstr(types, mls_dtype_name(a->dtype))) {
        mls_fail(err, MLS_MODEL_FILE,
                 "the trees are damaged: no array \"%s\" of type %s", name,
                 types);
        return NULL;
    }
    return a;
}

static bool find_bins(const struct mls_model *model, struct trees_file *f,
                      struct mls_error *err)
{
    const struct mls_arrays *all = &model->arrays;
    int64_t n = model->features;

    f->cut_start = mls_arrays_get(all, "cut_start", MLS_I64, n + 1, err);
    f->level_start = f->cut_start
        ? mls_arrays_get(all, "level_start", MLS_I64, n + 1, err)
        : NULL;
    f->codes = f->level_start
        ? mls_arrays_get(all, "codes", MLS_I32, n, err)
        : NULL;
    f->categorical = f->codes
        ? mls_arrays_get(all, "categorical", MLS_U8, n, err)
        : NULL;
    f->gain = f->categorical
        ? mls_arrays_get(all, "gain", MLS_F64, n, err)
        : NULL;
    if (!f->gain)
        return false;
    if (f->cut_start[n] < 0 || f->level_start[n] < 0)
        return damaged(err, "the columns do not follow each other");
    f->cuts = mls_arrays_get(all, "cuts", MLS_F64, f->cut_start[n], err);
    f->level_code = f->cuts
        ? mls_arrays_get(all, "level_code", MLS_U16, f->level_start[n], err)
        : NULL;
    return f->level_code != NULL;
}

static bool find_head(const struct mls_model *model, struct trees_file *f,
                      struct mls_error *err)
{
    const struct mls_arrays *all = &model->arrays;
    const uint8_t *combine, *link = NULL;

    f->outputs = mls_model_outputs(model);
    f->base = mls_arrays_get(all, "base", MLS_F64, f->outputs, err);
    combine = f->base ? mls_arrays_get(all, "combine", MLS_U8, 1, err) : NULL;
    if (!combine)
        return false;
    if (*combine > MLS_COMBINE_ISOLATION)
        return damaged(err, "how they are combined is not known");
    f->combine = (enum mls_combine)*combine;
    if (mls_arrays_find(all, "link")) {
        link = mls_arrays_get(all, "link", MLS_U8, 1, err);
        if (!link)
            return false;
        if (*link != 1 || model->task != MLS_REGRESSION
            || f->combine != MLS_COMBINE_SUM) {
            return damaged(err, "their link is not known");
        }
    }
    f->log_link = link != NULL;
    return true;
}

/* splits, leaves and with them trees and nodes. */
static bool find_chain(const struct mls_model *model, struct trees_file *f,
                       struct mls_error *err)
{
    const struct mls_arrays *all = &model->arrays;
    const struct mls_array *feature, *split, *value, *set;
    const int64_t *trees = mls_arrays_get(all, "trees", MLS_I64, 1, err);

    feature = trees ? find_any(model, "feature", "U8 U16 U32", err) : NULL;
    split = feature ? find_any(model, "split", "U8 U16", err) : NULL;
    value = split ? find_any(model, "value", "F64 F32", err) : NULL;
    set = value ? find_any(model, "set", "U8", err) : NULL;
    if (!set)
        return false;
    f->trees = *trees;
    f->splits = feature->count;
    f->feature = feature->data;
    f->feature_size = mls_dtype_size(feature->dtype);
    f->split = split->data;
    f->split_size = mls_dtype_size(split->dtype);
    f->value = value->data;
    f->narrow = value->dtype == MLS_F32;
    f->set = set->data;
    f->set_bytes = set->count;
    if (value->dimensions != 2 || value->shape[1] < 1
        || (value->shape[1] != 1 && value->shape[1] != f->outputs)) {
        return damaged(err, "a leaf has the wrong number of values");
    }
    f->width = (int)value->shape[1];
    f->leaves = value->shape[0];
    if (f->trees < 0 || split->count != f->splits
        || f->leaves - f->splits != f->trees) {
        return damaged(err, "the numbers of trees, splits and leaves differ");
    }
    f->nodes = f->splits + f->leaves;
    f->shape = mls_arrays_get(all, "shape", MLS_U8, (f->nodes + 7) / 8, err);
    f->missing = f->shape ? mls_arrays_get(all, "missing", MLS_U8,
                                           (f->splits + 7) / 8, err)
                          : NULL;
    f->cover = f->missing
        ? mls_arrays_get(all, "cover", MLS_F32, f->leaves, err)
        : NULL;
    return f->cover != NULL;
}

bool mls_trees_open(const struct mls_model *model, struct trees_file *f,
                    struct mls_error *err)
{
    *f = (struct trees_file){ .features = model->features };
    if (f->features < 0 || f->features > UINT32_MAX)
        return damaged(err, "the number of features");
    return find_bins(model, f, err) && find_head(model, f, err)
        && find_chain(model, f, err);
}

/* ---- Values ---- */

static bool check_numeric(const struct trees_file *f, int64_t j,
                          struct mls_error *err)
{
    const double *cut = f->cuts + f->cut_start[j];
    int64_t cuts = f->cut_start[j + 1] - f->cut_start[j];

    if (cuts != (f->codes[j] > 2 ? f->codes[j] - 2 : 0)
        || f->level_start[j + 1] != f->level_start[j]) {
        return damaged(err, "a column has the wrong number of cuts");
    }
    for (int64_t k = 0; k < cuts; k++) {
        if (!isfinite(cut[k]) || (k > 0 && !(cut[k] > cut[k - 1])))
            return damaged(err, "the cuts of a column do not ascend");
    }
    return true;
}

/* A code that no level has would let a small file ask for much memory. */
static bool check_categorical(const struct trees_file *f, int64_t j,
                              struct mls_error *err)
{
    const uint16_t *code = f->level_code + f->level_start[j];
    int64_t levels = f->level_start[j + 1] - f->level_start[j];

    if (f->cut_start[j + 1] != f->cut_start[j] || f->codes[j] > levels + 1)
        return damaged(err, "a column has more codes than levels");
    for (int64_t k = 0; k < levels; k++) {
        if (code[k] >= f->codes[j])
            return damaged(err, "a level has a code out of range");
    }
    return true;
}

static bool check_bins(const struct trees_file *f, struct mls_error *err)
{
    int64_t n = f->features;

    if (f->cut_start[0] != 0 || f->level_start[0] != 0)
        return damaged(err, "the columns do not start at 0");
    /* The ends are known: with ascending starts all lie within. */
    for (int64_t j = 0; j < n; j++) {
        if (f->cut_start[j + 1] < f->cut_start[j]
            || f->level_start[j + 1] < f->level_start[j]
            || f->cut_start[j + 1] > f->cut_start[n]
            || f->level_start[j + 1] > f->level_start[n]) {
            return damaged(err, "the columns do not follow each other");
        }
        if (f->codes[j] < 1 || f->codes[j] > MLS_BINS_LIMIT
            || f->categorical[j] > 1) {
            return damaged(err, "a column has a wrong number of codes");
        }
        if (!isfinite(f->gain[j]))
            return damaged(err, "a gain is not finite");
        if (f->categorical[j] ? !check_categorical(f, j, err)
                              : !check_numeric(f, j, err)) {
            return false;
        }
    }
    return true;
}

/* Bits past the last one are 0, so that equal trees have equal bytes. */
static bool padded(const uint8_t *bits, int64_t count)
{
    return (count & 7) == 0 || bits[count >> 3] >> (count & 7) == 0;
}

/* *set_at: where its set starts; moved past it. */
static bool check_split(const struct trees_file *f, int64_t s, int64_t *set_at,
                        struct mls_error *err)
{
    int64_t j = trees_feature(f, s), bytes;

    if (j >= f->features)
        return damaged(err, "a split asks for a column that is not there");
    if (!f->categorical[j]) {
        return trees_split(f, s) < f->codes[j]
            || damaged(err, "a split lies past the cuts of its column");
    }
    bytes = trees_set_bytes(f->codes[j]);
    if (trees_split(f, s) != 0 || trees_bit(f->missing, s))
        return damaged(err, "a split by categories has a cut");
    if (bytes > f->set_bytes - *set_at)
        return damaged(err, "the sets of categories end too early");
    if (!padded(f->set + *set_at, f->codes[j]))
        return damaged(err, "a set holds a category that is not there");
    *set_at += bytes;
    return true;
}

/* What one leaf may hold depends on how leaves are combined. */
static bool check_leaf(const struct mls_model *model,
                       const struct trees_file *f, int64_t leaf,
                       double *largest, struct mls_error *err)
{
    bool probability =
        f->combine == MLS_COMBINE_MEAN && model->task != MLS_REGRESSION;

    if (!isfinite(f->cover[leaf]) || f->cover[leaf] < 0)
        return damaged(err, "a leaf has no valid cover");
    for (int k = 0; k < f->width; k++) {
        double v = trees_value(f, leaf * f->width + k);

        if (!isfinite(v))
            return damaged(err, "a leaf's value is not finite");
        if ((probability && !(v >= 0 && v <= 1))
            || (f->combine == MLS_COMBINE_ISOLATION && !(v >= 0))) {
            return damaged(err, "a leaf's value is out of range");
        }
        *largest = fabs(v) > *largest ? fabs(v) : *largest;
    }
    return true;
}

/* reach: the largest sum that any row can have. */
static bool check_chain(const struct mls_model *model,
                        const struct trees_file *f, struct mls_error *err)
{
    int64_t node = 0, s = 0, leaf = 0, set_at = 0;
    double reach = 0;

    for (int64_t t = 0; t < f->trees; t++) {
        int64_t first = node, open = 1;
        double largest = 0;

        for (; open > 0; node++) {
            if (node >= f->nodes)
                return damaged(err, "the last tree does not end");
            if (trees_bit(f->shape, node)) {
                if (s >= f->splits)
                    return damaged(err, "too many splits");
                if (!check_split(f, s++, &set_at, err))
                    return false;
                open++;
            } else {
                if (leaf >= f->leaves)
                    return damaged(err, "too many leaves");
                if (!check_leaf(model, f, leaf++, &largest, err))
                    return false;
                open--;
            }
        }
        if (node - first > INT32_MAX)
            return damaged(err, "a tree has too many nodes");
        reach += largest;
    }
    if (node != f->nodes || set_at != f->set_bytes)
        return damaged(err, "something follows the last tree");
    if (!padded(f->shape, f->nodes) || !padded(f->missing, f->splits))
        return damaged(err, "bits follow the last tree");
    for (int k = 0; k < f->outputs; k++) {
        if (!isfinite(f->base[k]) || !isfinite(reach + fabs(f->base[k])))
            return damaged(err, "a sum of leaves is not finite");
    }
    return true;
}

/* Do task, combine, width and base fit together? */
static bool check_kind(const struct mls_model *model,
                       const struct trees_file *f, struct mls_error *err)
{
    if (model->task == MLS_ANOMALY && f->combine != MLS_COMBINE_ISOLATION)
        return damaged(err, "they do not isolate");
    if (f->combine == MLS_COMBINE_SUM)
        return true;
    if (f->trees < 1)
        return damaged(err, "there is no tree");
    if (f->combine == MLS_COMBINE_ISOLATION) {
        return (model->task == MLS_ANOMALY && f->base[0] > 0)
            || damaged(err, "they cannot isolate");
    }
    for (int k = 0; k < f->outputs; k++) {
        if (f->base[k] != 0)
            return damaged(err, "a mean has no base");
    }
    return f->width == f->outputs
        || damaged(err, "a leaf has the wrong number of values");
}

bool mls_trees_check(const struct mls_model *model, struct mls_error *err)
{
    struct trees_file f;

    return mls_trees_open(model, &f, err) && check_kind(model, &f, err)
        && check_bins(&f, err) && check_chain(model, &f, err);
}
