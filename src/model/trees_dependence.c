/*
 * Partial dependence of the scores on one feature, from the model alone
 * (Friedman 2001, Annals of Statistics 29, section 8.2): each value of the
 * feature goes down each tree; where the feature is asked it takes its side,
 * elsewhere both sides, weighted by their shares of the training rows.  The
 * leaves that it ends in, weighted so, are its part of the mean score.
 *
 * What is averaged is what trees add up: scores before a link (log-odds,
 * logarithms) where trees are summed, means or probabilities where they are
 * averaged, depths where they isolate.  The link follows the average.
 *
 * A curve changes only at cuts that a split asks for, so its points are the
 * intervals between them, or groups of categories that no split tells apart:
 * the curve is exact, not sampled.  Points go down together as a list that is
 * parted in place where the feature is asked:
 *
 *     [ 3 0 4 1 2 ]       the left side gets the front, the right one the rest
 *     [ 0 1 2 | 3 4 ]
 *
 * and a side that never asks for the feature is left at once with its mean.
 * Time: the nodes, and at each of those that ask the points that reach it.
 *
 *   {"feature": "age", "points": [
 *      {"missing": true, "scores": [...]},
 *      {"above": null, "up_to": 30.5, "scores": [...]}, ...]}
 *   or {"level": "red", "scores": [...]} for each level
 *
 * scores are as mls_model_type.score makes them; probabilities, when there are
 * classes, are added as "probabilities".  above is null in the first interval,
 * up_to in the last.
 */
#include "model/trees_read.h"

#include <assert.h>
#include <math.h>

#include "base/json.h"
#include "base/memory.h"

/* Values of the feature that no split tells apart. */
struct point {
    double up_to;               /* numeric: all of the interval are at most */
    int32_t code;               /* of the file: the missing one; of a category */
};

/* A side of a tree that is still to be walked. */
struct side {
    int64_t node, from, to;     /* points from..to of the list */
    double weight;
};

struct curve {
    const struct trees_plan *plan;
    int64_t feature;
    const struct mls_bins *bins;    /* of used cuts, of groups; NULL: unused */
    int64_t points;
    struct point *point;
    int64_t *list;              /* points, in any order */
    double *sum;                /* points x outputs */
    double *mean;               /* nodes x width */
    bool *asks;                 /* nodes: it or one below asks */
    struct side *open;          /* nodes */
};

/* ---- Points ---- */

/* Point 0 is the missing one; of groups, that which it is in. */
static bool make_points(struct curve *c, struct mls_error *err)
{
    const struct trees_file *f = &c->plan->file;
    int64_t j = c->feature;

    for (int64_t k = 0; k < c->plan->input_count; k++)
        if (c->plan->inputs[k].feature == j)
            c->bins = &c->plan->inputs[k].bins;
    c->points = f->categorical[j] ? (c->bins ? c->bins->codes : 1)
        : f->codes[j] < 2         ? 1
                                  : 2 + (c->bins ? c->bins->cuts : 0);
    c->point = mls_new(c->points, sizeof(*c->point), err);
    if (!c->point)
        return false;
    if (!f->categorical[j]) {
        for (int64_t k = 1; k < c->points; k++)
            c->point[k] = (struct point){
                k == c->points - 1 ? INFINITY : c->bins->cut[k - 1], 1
            };
        return true;
    }
    for (int64_t l = 0; c->bins && l < c->bins->levels; l++) {
        int64_t group = c->bins->code_of[l];

        if (group > 0)
            c->point[group].code = f->level_code[f->level_start[j] + l];
    }
    return true;
}

static bool goes_left(const struct curve *c, const struct trees_reading *r,
                      int64_t node, const struct point *x)
{
    const struct trees_file *f = &c->plan->file;
    int64_t s = r->split[node], j = c->feature;
    int32_t split = trees_split(f, s);

    if (f->categorical[j])
        return trees_read_in_set(r, node, x->code);
    if (x->code == MLS_BIN_MISSING)
        return trees_bit(f->missing, s);
    if (split == 0 || split >= f->codes[j] - 1)
        return split > 0;
    return x->up_to <= f->cuts[f->cut_start[j] + split - 1];
}

/* ---- One tree ---- */

static void find_asking(struct curve *c, const struct trees_reading *r)
{
    for (int64_t i = r->count - 1; i >= 0; i--) {
        int64_t right = i + trees_right(&r->nodes[i]);

        c->asks[i] = right > i
            && (trees_read_feature(r, i) == c->feature || c->asks[i + 1]
                || c->asks[right]);
    }
}

/* Puts the points of the list that go left in front; where the others begin. */
static int64_t part(struct curve *c, const struct trees_reading *r,
                    const struct side *side)
{
    int64_t middle = side->from;

    for (int64_t k = side->from; k < side->to; k++) {
        int64_t x = c->list[k];

        if (goes_left(c, r, side->node, &c->point[x])) {
            c->list[k] = c->list[middle];
            c->list[middle++] = x;
        }
    }
    return middle;
}

static void add_mean(struct curve *c, const struct trees_reading *r,
                     const struct side *side)
{
    const struct trees_file *f = &c->plan->file;
    int first = f->width == 1 ? (int)(r->number % f->outputs) : 0;

    for (int64_t k = side->from; k < side->to; k++)
        for (int v = 0; v < f->width; v++)
            c->sum[c->list[k] * f->outputs + first + v] +=
                side->weight * c->mean[side->node * f->width + v];
}

/* The right side waits below the left one, so the open sides are never more
 * than the nodes. */
static void add_tree(struct curve *c, const struct trees_reading *r)
{
    int64_t open = 0;

    mls_trees_read_means(r, c->mean);
    find_asking(c, r);
    c->open[open++] = (struct side){ 0, 0, c->points, 1 };
    while (open > 0) {
        struct side left = c->open[--open], right = left;
        int64_t i = left.node;

        if (!c->asks[i]) {
            add_mean(c, r, &left);
            continue;
        }
        left.node = i + 1;
        right.node = i + trees_right(&r->nodes[i]);
        if (trees_read_feature(r, i) == c->feature) {
            struct side here = { i, left.from, left.to, 0 };

            left.to = right.from = part(c, r, &here);
        } else {
            double share = trees_share_left(r->cover, i);

            left.weight *= share;
            right.weight *= 1 - share;
        }
        if (right.from < right.to)
            c->open[open++] = right;
        if (left.from < left.to)
            c->open[open++] = left;
    }
}

/* ---- What is told ---- */

static bool add_reals(struct mls_json *to, const char *key,
                      const double *values, int64_t count,
                      struct mls_error *err)
{
    struct mls_json *array = mls_json_add_array(to, key, err);

    for (int64_t i = 0; array && i < count; i++)
        if (!mls_json_add_real(array, NULL, values[i], err))
            return false;
    return array != NULL;
}

static bool add_curve(const struct mls_model *model, const double *score,
                      double *probability, struct mls_json *item,
                      struct mls_error *err)
{
    if (!add_reals(item, "scores", score, mls_model_outputs(model), err))
        return false;
    if (model->classes == 0)
        return true;
    mls_model_probabilities(model, 1, score, probability);
    return add_reals(item, "probabilities", probability, model->classes, err);
}

static bool add_interval(const struct curve *c, const struct mls_field *field,
                         int64_t k, struct mls_json *item,
                         struct mls_error *err)
{
    return (k == 1 ? mls_json_add_null(item, "above", err)
                   : mls_trees_add_value(item, "above", field,
                                         c->point[k - 1].up_to, err))
        && (k == c->points - 1
                ? mls_json_add_null(item, "up_to", err)
                : mls_trees_add_value(item, "up_to", field, c->point[k].up_to,
                                      err));
}

/* How many items there are but the missing one; which point item i is. */
static int64_t count_items(const struct curve *c,
                           const struct mls_field *field)
{
    const struct trees_file *f = &c->plan->file;
    int64_t j = c->feature;

    if (f->categorical[j])
        return f->level_start[j + 1] - f->level_start[j];
    return field->kind == MLS_KIND_BOOLEAN && f->codes[j] >= 2
        ? 2
        : c->points - 1;
}

static int64_t point_of(const struct curve *c, const struct mls_field *field,
                        int64_t item)
{
    int64_t k = 1;

    if (c->plan->file.categorical[c->feature])
        return c->bins ? c->bins->code_of[item] : 0;
    if (field->kind != MLS_KIND_BOOLEAN)
        return item + 1;
    while (k < c->points - 1 && (double)item > c->point[k].up_to)
        k++;
    return k;
}

static bool add_points(const struct mls_model *model, const struct curve *c,
                       const struct mls_field *field, struct mls_json *to,
                       struct mls_error *err)
{
    int outputs = mls_model_outputs(model);
    bool named = c->plan->file.categorical[c->feature]
        || field->kind == MLS_KIND_BOOLEAN;
    struct mls_json *array = mls_json_add_array(to, "points", err), *item;
    double *room =
        array ? mls_new(model->classes + 1, sizeof(*room), err) : NULL;
    bool ok = room != NULL;

    for (int64_t i = -1; ok && i < count_items(c, field); i++) {
        int64_t k = i < 0 ? 0 : point_of(c, field, i);

        item = mls_json_add_object(array, NULL, err);
        ok = item
            && (i < 0 ? mls_json_add_bool(item, "missing", true, err)
                : named
                    ? mls_trees_add_level(item, "level", field, i, err)
                    : add_interval(c, field, k, item, err))
            && add_curve(model, c->sum + k * outputs, room, item, err);
    }
    mls_free(room);
    return ok;
}

static bool make_room(struct curve *c, struct mls_error *err)
{
    const struct trees_plan *plan = c->plan;
    int64_t most = 1;

    for (int64_t t = 0; t < plan->file.trees; t++) {
        int64_t n = mls_trees_count_nodes(plan->nodes + plan->trees[t].root);

        most = n > most ? n : most;
    }
    c->list = mls_new_array(c->points, sizeof(*c->list), err);
    c->sum = c->list ? mls_new_array(c->points * plan->file.outputs,
                                     sizeof(*c->sum), err)
                     : NULL;
    c->mean = c->sum ? mls_new_array(most * plan->file.width,
                                     sizeof(*c->mean), err)
                     : NULL;
    c->asks = c->mean ? mls_new_array(most, sizeof(*c->asks), err) : NULL;
    c->open = c->asks ? mls_new_array(most, sizeof(*c->open), err) : NULL;
    return c->open != NULL;
}

static void start(struct curve *c)
{
    const struct trees_file *f = &c->plan->file;

    for (int64_t k = 0; k < c->points; k++) {
        c->list[k] = k;
        for (int v = 0; v < f->outputs; v++)
            c->sum[k * f->outputs + v] =
                f->combine == MLS_COMBINE_SUM ? f->base[v] : 0;
    }
}

bool mls_trees_dependence(const struct mls_model *model, int64_t feature,
                          const struct mls_field *field, struct mls_json *to,
                          struct mls_error *err)
{
    const struct trees_plan *plan = model->compiled;
    struct trees_reading r = { 0 };
    struct curve c = { .plan = plan, .feature = feature };
    bool ok;

    assert(feature >= 0 && feature < plan->file.features);
    ok = make_points(&c, err) && make_room(&c, err)
        && mls_trees_read_open(&r, plan, err);
    if (ok)
        start(&c);
    while (ok && mls_trees_read_next(&r))
        add_tree(&c, &r);
    for (int64_t k = 0; ok && k < c.points; k++)
        mls_trees_to_scores(model, &plan->file,
                            c.sum + k * plan->file.outputs);
    ok = ok && mls_json_add_text(to, "feature", field->name, err)
        && add_points(model, &c, field, to, err);
    mls_trees_read_close(&r);
    mls_free(c.point);
    mls_free(c.list);
    mls_free(c.sum);
    mls_free(c.mean);
    mls_free(c.asks);
    mls_free(c.open);
    return ok;
}
