/*
 * Isolation forest: how few random questions set a row apart from the others
 * tells how odd it is (Liu, Ting & Zhou 2008).  Nothing is predicted, so there
 * is no target.
 *
 *     score = 2^(-E[h] / c(n)),   c(n) = 2 H(n - 1) - 2 (n - 1) / n
 *
 * h is the depth of the leaf that a row ends in, plus c(rows of the leaf) for
 * the part of the tree that was not grown; c(n) is the mean depth of a search
 * tree of n rows, so 1/2 is what rows have on average where none stands apart.
 *
 * Each tree sees its own sample of rows (256): one of each of as many even
 * parts of the table, along the cumulated weights, so that a row of weight 2 is
 * a repeated row.  In each node a feature is drawn among those whose values
 * differ there, and a cut evenly between its lowest and highest value; nodes
 * are split down to the depth log2 of the sample.
 *
 * Cuts are drawn from the values themselves, not from bins of quantiles: an
 * outlier shares its bin with the rows at the edge, and is what must be told
 * apart.  The cuts of all trees then are the bins of the model:
 *
 *     grow    nodes with cuts as numbers       one task a tree
 *     merge   the cuts of each feature, sorted, without repeats
 *     build   nodes ask for the number of a cut
 *
 * A model knows at most 65,534 cuts a feature.  With more (hundreds of trees on
 * one feature), runs of neighbours become the first of each: no more than one
 * part in 65,534 of the cuts lies between a cut and what stands for it.
 *
 * Categories: each level of a node goes left or right by a coin.  Missing cells,
 * and levels that the node has not seen, go to the side with more rows: that a
 * cell is not known is not held against its row.
 */
#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "learner/binned.h"
#include "learner/learners.h"
#include "model/trees.h"
#include "stats/summary.h"

enum { MOST_CUTS = MLS_BINS_LIMIT - 2 };

struct isolation_params {
    int64_t trees, sample;
};

#define FIELD(name) #name, .at = offsetof(struct isolation_params, name)
static const struct mls_param params[] = {
    { FIELD(trees), .alias = "n_estimators", .kind = MLS_INTEGER, .def = 100,
      .min = 1, .max = 10000, .low = 50, .high = 500, .flags = MLS_LOG,
      .help = "how many trees; more are never worse, only slower" },
    { FIELD(sample), .alias = "max_samples", .kind = MLS_INTEGER, .def = 256,
      .min = 2, .max = 65536, .low = 64, .high = 1024, .flags = MLS_LOG,
      .help = "rows that a tree sees; all of a smaller table" },
    { 0 }
};

/* As grown: children are node numbers, 0 for a leaf. */
struct node {
    int32_t feature, left, right;
    int32_t rows;               /* of the sample in it */
    int32_t depth;
    bool missing_left;
    double cut;                 /* numeric: at most this goes left */
    int64_t set;                /* categorical: its first byte */
};

struct grown {
    struct node *nodes;
    int64_t count, capacity;
    uint8_t *sets;
    int64_t set_bytes, set_capacity;
};

struct fitting {
    const struct mls_fit_job *job;
    const struct isolation_params *params;
    const struct mls_bins *bins;    /* of the categorical features */
    double *cumulated;          /* rows + 1: weights before each row; NULL: 1 */
    double weight;              /* their sum */
    int64_t sample;             /* rows that a tree sees */
    int32_t deepest;
    struct grown *trees;
};

/* What one tree is grown with. */
struct growing {
    const struct fitting *f;
    struct grown *tree;
    uint32_t number;            /* of the tree */
    uint64_t draws;
    double *x;                  /* sample x features: column after column;
                                 * categories as their codes; missing NaN */
    int32_t *rows;              /* sample: of x, in the order of the leaves */
    int64_t *features;          /* in an order that is drawn anew each time */
    uint8_t *seen;              /* codes of a node: 1 there, 3 goes left */
};

static uint64_t draw(struct growing *g)
{
    return mls_random2(g->f->job->seed, MLS_RANDOM_LEARNER, g->number,
                       g->draws++);
}

/* ---- The sample ---- */

/* The row in whose share of the weights `at` lies. */
static int64_t row_at(const struct fitting *f, double at)
{
    int64_t low = 0, high = f->job->data->rows;

    if (!f->cumulated)
        return (int64_t)at;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (f->cumulated[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* One place of part i of the weights.  Whole ones have whole places, each of
 * which is in one part, so that no row is drawn more often than it counts. */
static double draw_place(const struct fitting *f, uint64_t bits, int64_t i)
{
    int64_t all, from, to;

    if (f->weight != floor(f->weight) || f->weight > 0x1p53)
        return ((double)i + mls_random_unit(bits)) * f->weight
            / (double)f->sample;
    all = (int64_t)f->weight;
    from = (int64_t)((__int128)i * all / f->sample);
    to = (int64_t)((__int128)(i + 1) * all / f->sample);
    return (double)(from + mls_random_below(bits, to - from));
}

static void take_sample(struct growing *g)
{
    const struct fitting *f = g->f;
    const struct mls_dataset *data = f->job->data;

    for (int64_t i = 0; i < f->sample; i++) {
        uint64_t bits = mls_random2(f->job->seed, MLS_RANDOM_SAMPLE, g->number,
                                    (uint64_t)i);
        int64_t row = row_at(f, draw_place(f, bits, i));

        g->rows[i] = (int32_t)i;
        for (int64_t j = 0; j < data->features; j++) {
            double *x = &g->x[j * f->sample + i];

            if (data->table)
                mls_table_reals(data->table, data->column[j], row, 1, x);
            else
                *x = data->x.data[row + j * data->x.stride];
            if (f->bins[j].categorical && !isnan(*x)) {
                uint16_t code = *x < (double)f->bins[j].levels
                    ? f->bins[j].code_of[(int64_t)*x]
                    : MLS_BIN_MISSING;

                *x = code == MLS_BIN_MISSING ? NAN : code;
            }
        }
    }
}

/* ---- Growing ---- */

static int64_t add_node(struct grown *t, struct mls_error *err)
{
    if (t->count == t->capacity) {
        int64_t more = t->capacity ? 2 * t->capacity : 64;

        if (!mls_resize(&t->nodes, more, sizeof(*t->nodes), err))
            return -1;
        t->capacity = more;
    }
    t->nodes[t->count] = (struct node){ .feature = -1 };
    return t->count++;
}

static int64_t add_set(struct grown *t, int64_t bytes, struct mls_error *err)
{
    int64_t at = t->set_bytes;

    if (at + bytes > t->set_capacity) {
        int64_t more = 2 * t->set_capacity + bytes;

        if (!mls_resize(&t->sets, more, 1, err))
            return -1;
        t->set_capacity = more;
    }
    memset(t->sets + at, 0, (size_t)bytes);
    t->set_bytes += bytes;
    return at;
}

/* Values of rows [from, to); false when no two differ. */
static bool find_range(const struct growing *g, int64_t feature, int64_t from,
                       int64_t to, double *low, double *high)
{
    const double *x = g->x + feature * g->f->sample;

    *low = INFINITY;
    *high = -INFINITY;
    for (int64_t i = from; i < to; i++) {
        double value = x[g->rows[i]];

        *low = value < *low ? value : *low;
        *high = value > *high ? value : *high;
    }
    return *low < *high;
}

/* A feature drawn among those whose values differ; -1 when none does. */
static int64_t draw_feature(struct growing *g, int64_t from, int64_t to,
                            double *low, double *high)
{
    for (int64_t left = g->f->job->data->features; left > 0; left--) {
        int64_t k = mls_random_below(draw(g), left);
        int64_t feature = g->features[k];

        g->features[k] = g->features[left - 1];
        g->features[left - 1] = feature;
        if (find_range(g, feature, from, to, low, high))
            return feature;
    }
    return -1;
}

/* Evenly in [low, high): the lowest value is always left of it, the highest
 * right.  Infinite ends are as far as numbers go. */
static double draw_cut(struct growing *g, double low, double high)
{
    double u = mls_random_unit(draw(g)), cut;

    low = low < -DBL_MAX ? -DBL_MAX : low;
    high = high > DBL_MAX ? DBL_MAX : high;
    cut = low * (1 - u) + high * u;
    return cut >= low && cut < high ? cut : low;
}

/* A coin for each level of the node, until both sides have one. */
static void draw_levels(struct growing *g, int64_t feature, int64_t from,
                        int64_t to)
{
    const double *x = g->x + feature * g->f->sample;
    int32_t codes = g->f->bins[feature].codes;
    int64_t lefts, rights;

    memset(g->seen, 0, (size_t)codes);
    for (int64_t i = from; i < to; i++)
        if (!isnan(x[g->rows[i]]))
            g->seen[(int)x[g->rows[i]]] = 1;
    do {
        uint64_t bits = 0;
        int left = 0;

        lefts = rights = 0;
        for (int32_t c = 1; c < codes; c++) {
            if (!g->seen[c])
                continue;
            if (left == 0) {
                bits = draw(g);
                left = 64;
            }
            g->seen[c] = bits & 1 ? 3 : 1;
            lefts += bits & 1;
            rights += !(bits & 1);
            bits >>= 1;
            left--;
        }
    } while (lefts == 0 || rights == 0);
}

/* 1: left, 0: right, -1: missing. */
static int side_of(const struct growing *g, const struct node *n, double x)
{
    if (isnan(x))
        return -1;
    if (g->f->bins[n->feature].categorical)
        return g->seen[(int)x] == 3;
    return x <= n->cut;
}

/* Rows [from, to) parted; where the right side begins. */
static int64_t part(const struct growing *g, struct node *n, int64_t from,
                    int64_t to)
{
    const double *x = g->x + (int64_t)n->feature * g->f->sample;
    int64_t lefts = 0, rights = 0, middle = from;

    for (int64_t i = from; i < to; i++) {
        int side = side_of(g, n, x[g->rows[i]]);

        lefts += side == 1;
        rights += side == 0;
    }
    n->missing_left = lefts >= rights;
    for (int64_t i = from; i < to; i++) {
        int32_t row = g->rows[i];
        int side = side_of(g, n, x[row]);

        if (side == 1 || (side < 0 && n->missing_left)) {
            g->rows[i] = g->rows[middle];
            g->rows[middle++] = row;
        }
    }
    return middle;
}

/* The set of a node: its levels that go left, and when missing cells do, those
 * that it has not seen. */
static bool keep_set(struct growing *g, struct node *n, struct mls_error *err)
{
    int32_t codes = g->f->bins[n->feature].codes;
    uint8_t *set;

    n->set = add_set(g->tree, (codes + 7) / 8, err);
    if (n->set < 0)
        return false;
    set = g->tree->sets + n->set;
    for (int32_t c = 0; c < codes; c++)
        if (g->seen[c] == 3 || (!g->seen[c] && n->missing_left))
            set[c / 8] |= (uint8_t)(1 << c % 8);
    return true;
}

/* The node of rows [from, to) and all below it; its number, or -1. */
static int64_t grow(struct growing *g, int64_t from, int64_t to, int32_t depth,
                    struct mls_error *err)
{
    struct grown *t = g->tree;
    int64_t at = add_node(t, err), middle, left, right;
    struct node n = { .feature = -1, .rows = (int32_t)(to - from),
                      .depth = depth };
    double low, high;

    if (at < 0)
        return -1;
    if (depth < g->f->deepest && to - from > 1)
        n.feature = (int32_t)draw_feature(g, from, to, &low, &high);
    t->nodes[at] = n;
    if (n.feature < 0)
        return at;
    if (g->f->bins[n.feature].categorical)
        draw_levels(g, n.feature, from, to);
    else
        n.cut = draw_cut(g, low, high);
    middle = part(g, &n, from, to);
    if (g->f->bins[n.feature].categorical && !keep_set(g, &n, err))
        return -1;
    left = grow(g, from, middle, depth + 1, err);
    right = left < 0 ? -1 : grow(g, middle, to, depth + 1, err);
    if (right < 0)
        return -1;
    n.left = (int32_t)left;
    n.right = (int32_t)right;
    t->nodes[at] = n;
    return at;
}

static bool grow_tree(void *fitting, int64_t i, struct mls_error *err)
{
    struct fitting *f = fitting;
    int64_t features = f->job->data->features;
    int32_t codes = 1;
    struct growing g = { .f = f, .tree = &f->trees[i],
                         .number = (uint32_t)i };
    bool ok;

    for (int64_t j = 0; j < features; j++)
        if (f->bins[j].categorical && f->bins[j].codes > codes)
            codes = f->bins[j].codes;
    g.x = mls_new_array(f->sample * features, sizeof(*g.x), err);
    g.rows = g.x ? mls_new_array(f->sample, sizeof(*g.rows), err) : NULL;
    g.features = g.rows ? mls_new_array(features, sizeof(*g.features), err)
                        : NULL;
    g.seen = g.features ? mls_new_array(codes, 1, err) : NULL;
    ok = g.seen != NULL;
    if (ok) {
        take_sample(&g);
        for (int64_t j = 0; j < features; j++)
            g.features[j] = j;
        ok = grow(&g, 0, f->sample, 0, err) >= 0;
    }
    mls_free(g.x);
    mls_free(g.rows);
    mls_free(g.features);
    mls_free(g.seen);
    return ok;
}

/* ---- Cuts ---- */

static void count_cuts(const struct fitting *f, int64_t *count)
{
    for (int64_t t = 0; t < f->params->trees; t++) {
        for (int64_t i = 0; i < f->trees[t].count; i++) {
            int32_t j = f->trees[t].nodes[i].feature;

            if (j >= 0)
                count[j]++;
        }
    }
}

/* Where the cuts of feature j stand that stand for others: every so many. */
static int64_t thin(double *cut, int64_t n)
{
    if (n <= MOST_CUTS)
        return n;
    for (int64_t k = 0; k < MOST_CUTS; k++)
        cut[k] = cut[(int64_t)((__int128)k * n / MOST_CUTS)];
    return MOST_CUTS;
}

/* The cuts of each feature, one after the other from start[j], sorted, become
 * its bins. */
static bool make_bins(const struct fitting *f, struct mls_bins *bins,
                      double *cuts, const int64_t *start,
                      struct mls_error *err)
{
    for (int64_t j = 0; j < f->job->data->features; j++) {
        double *cut = cuts + start[j];
        int64_t n = start[j + 1] - start[j], kept = 0;

        if (f->bins[j].categorical)
            continue;
        mls_sort_reals(cut, n);
        for (int64_t k = 0; k < n; k++)
            if (kept == 0 || cut[k] != cut[kept - 1])
                cut[kept++] = cut[k];
        kept = thin(cut, kept);
        mls_bins_clear(&bins[j]);
        bins[j] = (struct mls_bins){ .codes = (int32_t)kept + 2,
                                     .cuts = kept };
        bins[j].cut = mls_new_array(kept, sizeof(double), err);
        if (!bins[j].cut)
            return false;
        memcpy(bins[j].cut, cut, (size_t)kept * sizeof(double));
    }
    return true;
}

static bool merge_cuts(const struct fitting *f, struct mls_bins *bins,
                       struct mls_error *err)
{
    int64_t features = f->job->data->features;
    int64_t *start = mls_new(features + 2, sizeof(*start), err);
    double *cuts = NULL;
    bool ok = start != NULL;

    if (ok) {
        /* Two places further on, so that filling leaves them in place. */
        count_cuts(f, start + 2);
        for (int64_t j = 0; j < features; j++)
            start[j + 2] += start[j + 1];
        cuts = mls_new_array(start[features + 1], sizeof(*cuts), err);
        ok = cuts != NULL;
    }
    for (int64_t t = 0; ok && t < f->params->trees; t++) {
        for (int64_t i = 0; i < f->trees[t].count; i++) {
            const struct node *n = &f->trees[t].nodes[i];

            if (n->feature >= 0)
                cuts[start[n->feature + 1]++] = n->cut + 0.0;
        }
    }
    ok = ok && make_bins(f, bins, cuts, start, err);
    mls_free(cuts);
    mls_free(start);
    return ok;
}

/* ---- The model ---- */

/* The last cut that is at most this one: itself, or what stands for it. */
static int64_t find_cut(const struct mls_bins *bins, double cut)
{
    int64_t low = 0, high = bins->cuts;

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (bins->cut[middle] <= cut)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* c(n) for n = 0 .. most. */
static double *mean_depths(int64_t most, struct mls_error *err)
{
    double *c = mls_new(most + 1, sizeof(*c), err);
    double harmonic = 0;        /* H(n - 1) */

    for (int64_t n = 2; c && n <= most; n++) {
        harmonic += 1 / (double)(n - 1);
        c[n] = 2 * harmonic - 2 * (double)(n - 1) / (double)n;
    }
    return c;
}

static bool build_node(const struct fitting *f, const struct grown *from,
                       int64_t i, const struct mls_bins *bins,
                       const double *c, struct mls_tree *tree,
                       struct mls_error *err)
{
    const struct node *n = &from->nodes[i];
    int64_t at = mls_tree_add_node(tree, err), bytes;
    struct mls_tree_node *node;

    if (at < 0)
        return false;
    node = &tree->nodes[at];
    node->cover = n->rows;
    if (n->feature < 0) {
        node->feature = -1;
        node->leaf = mls_tree_add_leaf(tree, 1, err);
        if (node->leaf < 0)
            return false;
        /* Of a table of one row nothing is known. */
        tree->values[node->leaf] = f->sample > 1 ? n->depth + c[n->rows] : 1;
        return true;
    }
    node->feature = n->feature;
    node->left = n->left;
    node->right = n->right;
    if (!bins[n->feature].categorical) {
        node->split = (uint16_t)(find_cut(&bins[n->feature], n->cut) + 1);
        node->missing_left = n->missing_left;
        return true;
    }
    bytes = (bins[n->feature].codes + 7) / 8;
    node->set = mls_tree_add_set(tree, bins[n->feature].codes, err);
    if (node->set < 0)
        return false;
    memcpy(tree->sets + node->set, from->sets + n->set, (size_t)bytes);
    return true;
}

static struct mls_model *build(const struct fitting *f,
                               const struct mls_bins *bins,
                               struct mls_error *err)
{
    double *c = mean_depths(f->sample, err);
    double base = c && f->sample > 1 ? c[f->sample] : 1;
    struct mls_trees_shape shape = { .task = MLS_ANOMALY,
                                     .features = f->job->data->features,
                                     .bins = bins,
                                     .combine = MLS_COMBINE_ISOLATION,
                                     .width = 1, .narrow = true,
                                     .base = &base };
    struct mls_trees_builder *builder = c ? mls_trees_begin(&shape, err)
                                          : NULL;
    struct mls_tree tree = { 0 };
    bool ok = builder != NULL;

    for (int64_t t = 0; ok && t < f->params->trees; t++) {
        mls_tree_empty(&tree);
        for (int64_t i = 0; ok && i < f->trees[t].count; i++)
            ok = build_node(f, &f->trees[t], i, bins, c, &tree, err);
        ok = ok && mls_trees_add(builder, &tree, err);
    }
    mls_tree_clear(&tree);
    mls_free(c);
    if (ok)
        return mls_trees_finish(builder, err);
    mls_trees_abandon(builder);
    return NULL;
}

/* ---- Fitting ---- */

static bool cumulate(struct fitting *f, struct mls_error *err)
{
    const double *weight = f->job->data->target.weight;
    int64_t rows = f->job->data->rows;

    f->weight = (double)rows;
    if (weight) {
        f->cumulated = mls_new_array(rows + 1, sizeof(double), err);
        if (!f->cumulated)
            return false;
        f->cumulated[0] = 0;
        for (int64_t i = 0; i < rows; i++)
            f->cumulated[i + 1] = f->cumulated[i] + weight[i];
        f->weight = f->cumulated[rows];
    }
    f->sample = f->weight < (double)f->params->sample ? (int64_t)f->weight
                                                      : f->params->sample;
    f->sample = f->sample < 1 ? 1 : f->sample;
    while ((int64_t)1 << f->deepest < f->sample)
        f->deepest++;
    return true;
}

static struct mls_model *fit_bins(struct fitting *f, struct mls_bins *bins,
                                  struct mls_error *err)
{
    int64_t trees = f->params->trees;
    struct mls_model *model = NULL;
    bool ok = cumulate(f, err);

    f->bins = bins;
    f->trees = ok ? mls_new(trees, sizeof(*f->trees), err) : NULL;
    if (f->trees && mls_parallel(f->job->run, trees, grow_tree, f, err)
        && merge_cuts(f, bins, err))
        model = build(f, bins, err);
    for (int64_t t = 0; f->trees && t < trees; t++) {
        mls_free(f->trees[t].nodes);
        mls_free(f->trees[t].sets);
    }
    mls_free(f->trees);
    mls_free(f->cumulated);
    return model;
}

/* Levels are counted in all rows; the cuts found here are not used, so few rows
 * are looked at. */
static struct mls_model *fit(const struct mls_fit_job *job,
                             struct mls_error *err)
{
    struct fitting f = { .job = job, .params = job->params };
    struct mls_binning how = { .most = 2, .most_levels = MOST_CUTS,
                               .sample = 2, .seed = job->seed };
    struct mls_binned binned;
    struct mls_model *model;

    if (!mls_learner_need_rows(job->data, err)
        || !mls_binned_make(job->run, job->data, &how, &binned, err))
        return NULL;
    model = fit_bins(&f, binned.bins, err);
    mls_dataset_drop_cells(job->data);
    mls_binned_clear(&binned);
    return mls_learner_finish(model, err);
}

const struct mls_learner_type mls_learner_isolation_forest = {
    .name = "isolation_forest",
    .summary = "isolation forest: how easily a row is set apart; no target",
    .source = "Liu, Ting & Zhou (2008), IEEE ICDM, 413-422",
    .objective = "none: score = 2^(-E[h] / c(n)), h the questions that set a "
                 "row apart, c(n) their mean number among n rows",
    .tasks = MLS_TASK_ANOMALY,
    .can = MLS_CAN_WEIGHTS | MLS_CAN_MISSING | MLS_CAN_INSPECT,
    .takes = MLS_TAKES_COLUMNS,
    .steps = "",
    .params = params,
    .params_size = sizeof(struct isolation_params),
    .fit = fit,
};
