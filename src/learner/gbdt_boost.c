/*
 * One booster: its memory, its rounds, its team.
 *
 *     sweep    scores of the last tree, derivatives, cells        wait
 *     (again with other scales, when a sum came out too large)
 *     grow     gbdt_grow.c
 *     refit    label of each row, exact sums of chunks            wait
 *     member 0: values of leaves, the tree                        wait
 *
 * Memory: 8 bytes a row and class for scores, and for each row 8 (wide: 16) of
 * cells, 8 of indices, 1 of labels (2 past 256 leaves).  The codes twice: as
 * columns and as records.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "learner/gbdt_team.h"

enum { GAP = 16 };
#define LITTLE_WORK 200000 /* cells: more threads than one would only wait */

#define NARROW_GRADIENTS 0x1p31
#define NARROW_HESSIANS 0x1p32
#define MOST_GRADIENT ((double)(1 << (MLS_PACKED_GRADIENT - 1)))
#define MOST_HESSIAN ((double)(1 << MLS_PACKED_HESSIAN))
#define WIDE_GRADIENTS 0x1p51
#define WIDE_HESSIANS 0x1p43
#define MOST_COUNT (1 << MLS_COUNT_BITS)

/* ---- Memory ------------------------------------------------------------ */

static void member_clear(struct boost_member *m)
{
    mls_free(m->table);
    mls_free(m->row_counts);
    mls_free(m->leaves);
    mls_free(m->nodes);
    mls_free(m->questions);
    mls_free(m->sets);
    mls_free(m->found_sets);
    mls_split_scratch_clear(&m->scratch);
    mls_level_scratch_clear(&m->level_scratch);
    mls_free(m->level_about);
    mls_free(m->level_bins);
    mls_free(m->goes);
    mls_free(m->counts);
    mls_free(m->features);
    mls_free(m->columns);
    mls_free(m->wanted[0]);
    mls_free(m->wanted[1]);
    mls_free(m->keys);
    mls_free(m->derivatives);
    mls_free(m->expected);
}

void mls_booster_free(struct mls_booster *b)
{
    if (!b)
        return;
    for (int t = 0; b->members && t < b->member_rooms; t++)
        member_clear(&b->members[t]);
    mls_free(b->members);
    for (int64_t i = 0; i < b->tree_count; i++)
        mls_tree_clear(&b->trees[i]);
    mls_free(b->trees);
    mls_free(b->score);
    mls_free(b->normaliser);
    mls_free(b->cells);
    mls_free(b->spare_cells);
    mls_free(b->taken);
    mls_free(b->index);
    mls_free(b->spare);
    mls_free(b->label);
    mls_free(b->chunk_sums);
    mls_free(b->pool);
    mls_free(b->usable);
    mls_free(b->values);
    mls_free(b->leaf_sums);
    mls_free(b->losses);
    mls_free(b);
}

static void rules_init(const struct mls_booster *b,
                       struct mls_split_rules *rules)
{
    const struct mls_boost_params *p = b->job.params;

    *rules = (struct mls_split_rules){
        .l1 = p->l1, .l2 = p->l2, .min_gain = p->min_gain,
        .min_rows = p->min_rows, .min_hessian = p->min_hessian,
        .category_smooth = p->category_smooth, .category_l2 = p->category_l2,
        .category_min_rows = p->category_min_rows, .wide = b->wide,
        .count_unit = 1 / b->count_scale
    };
}

/* The second half of a member: what grows with leaves and features. */
static bool member_rooms(struct mls_booster *b, struct boost_member *m,
                         struct mls_error *err)
{
    int64_t leaves = b->job.params->leaves, features = b->binned->features;
    int64_t sets = 2 * leaves;

    m->leaves = mls_new(leaves, sizeof(*m->leaves), err);
    m->nodes = m->leaves ? mls_new(2 * leaves, sizeof(*m->nodes), err) : NULL;
    m->questions =
        m->nodes ? mls_new(leaves, sizeof(*m->questions), err) : NULL;
    m->sets = m->questions
        ? mls_new(sets + leaves, (size_t)b->set_bytes, err) : NULL;
    m->found_sets = m->sets ? mls_new(2, (size_t)b->set_bytes, err) : NULL;
    m->features =
        m->found_sets ? mls_new(features, sizeof(*m->features), err) : NULL;
    m->columns =
        m->features ? mls_new(features, sizeof(*m->columns), err) : NULL;
    m->keys =
        m->columns ? mls_new(2 * features, sizeof(*m->keys), err) : NULL;
    m->wanted[0] = m->keys ? mls_new(features, 1, err) : NULL;
    m->wanted[1] = m->wanted[0] ? mls_new(features, 1, err) : NULL;
    if (!m->wanted[1])
        return false;
    for (int64_t i = 0; i < leaves; i++)
        m->leaves[i].split.set = m->sets + i * b->set_bytes;
    for (int64_t i = 0; i < 2 * leaves; i++)
        m->nodes[i].split.set = m->sets + (leaves + i) * b->set_bytes;
    for (int k = 0; k < 2; k++)
        m->found[k].set = m->found_sets + k * b->set_bytes;
    return true;
}

static bool level_rooms(struct mls_booster *b, struct boost_member *m,
                        struct mls_error *err)
{
    int64_t leaves = b->job.params->leaves;

    if (b->job.params->growth != MLS_GROWTH_SYMMETRIC)
        return true;
    m->level_about = mls_new(leaves, sizeof(*m->level_about), err);
    m->level_bins = m->level_about
        ? mls_new(leaves, sizeof(*m->level_bins), err) : NULL;
    return m->level_bins
        && mls_level_scratch_new(&m->level_scratch, b->most_codes, err);
}

static bool member_init(struct mls_booster *b, struct boost_member *m,
                        struct mls_error *err)
{
    const struct mls_histogram_layout *layout = b->job.layout;
    bool counts = !b->wide
        && !mls_objective_constant_hessian(b->job.objective);

    rules_init(b, &m->rules);
    m->table = mls_new_array(layout->slots, layout->cell, err);
    if (m->table && counts) {
        m->row_counts =
            mls_new_array(layout->bins, sizeof(*m->row_counts), err);
        if (!m->row_counts)
            return false;
    }
    m->goes = m->table ? mls_new(MLS_BINS_LIMIT, 1, err) : NULL;
    m->counts = m->goes
        ? mls_new_array(2 * (int64_t)b->most_codes, sizeof(*m->counts), err)
        : NULL;
    m->derivatives = m->counts
        ? mls_new_array(5 * MLS_BOOST_BLOCK, sizeof(*m->derivatives), err)
        : NULL;
    m->expected = m->derivatives
        ? mls_new(b->job.outputs, sizeof(*m->expected), err) : NULL;
    return m->expected
        && mls_split_scratch_new(&m->scratch, b->most_codes, err)
        && member_rooms(b, m, err) && level_rooms(b, m, err);
}

/* Features by which rows can be told apart. */
static bool find_usable(struct mls_booster *b, struct mls_error *err)
{
    const struct mls_bins *bins = b->binned->bins;

    b->most_codes = 1;
    b->set_bytes = 8;
    b->usable = mls_new(b->binned->features, sizeof(*b->usable), err);
    if (!b->usable)
        return false;
    for (int64_t j = 0; j < b->binned->features; j++) {
        if (bins[j].codes > b->most_codes)
            b->most_codes = bins[j].codes;
        if (bins[j].categorical && (bins[j].codes + 7) / 8 > b->set_bytes)
            b->set_bytes = (bins[j].codes + 7) / 8;
        if (bins[j].codes >= 2)
            b->usable[b->usable_count++] = (int32_t)j;
    }
    return true;
}

static double chosen_count_scale(const struct mls_booster *b)
{
    const double *weight = b->job.target->weight;
    double total = (double)b->rows;
    bool whole = true;

    if (weight) {
        total = 0;
        for (int64_t i = 0; i < b->rows; i++) {
            total += weight[i];
            whole = whole && weight[i] == rint(weight[i]);
        }
    }
    if (whole && total < MOST_COUNT)
        return 1;
    /* Rounding adds at most half a unit a row, and no row more than it is. */
    return exp2(floor(log2(MOST_COUNT / 4 / total)));
}

static bool rows_init(struct mls_booster *b, struct mls_error *err)
{
    int64_t padded = (b->rows + 63) / 64 * 64 + 64;
    int64_t leaves = b->job.params->leaves, sums, indices;

    b->chunk_rows = (b->rows + MLS_BOOST_CHUNKS - 1) / MLS_BOOST_CHUNKS;
    b->chunk_rows = (b->chunk_rows + MLS_BOOST_CHUNK - 1) / MLS_BOOST_CHUNK
        * MLS_BOOST_CHUNK;
    b->chunks = (b->rows + b->chunk_rows - 1) / b->chunk_rows;
    sums = b->chunks * 3 * leaves;
    b->score_stride = padded;
    b->label_bytes = leaves <= 256 ? 1 : 2;
    b->score = mls_new_array(padded * b->job.outputs, sizeof(double), err);
    indices = padded + GAP * b->member_rooms;
    b->cells = !b->score ? NULL
        : b->wide ? mls_new_array(padded, sizeof(mls_wide_cell), err)
                  : mls_new_array(indices, sizeof(uint32_t), err);
    if (b->cells && !b->wide) {
        b->spare_cells =
            mls_new_array(indices, sizeof(*b->spare_cells), err);
        if (!b->spare_cells)
            return false;
    }
    if (b->sampling) {
        b->taken = mls_new(padded / 64, sizeof(*b->taken), err);
        if (!b->taken)
            return false;
    }
    b->index =
        b->cells ? mls_new_array(indices, sizeof(*b->index), err) : NULL;
    b->spare =
        b->index ? mls_new_array(indices, sizeof(*b->spare), err) : NULL;
    b->label = b->spare ? mls_new_array(padded, (size_t)b->label_bytes, err)
                        : NULL;
    b->chunk_sums = b->label ? mls_new_array(sums, sizeof(double), err) : NULL;
    b->values = b->chunk_sums ? mls_new(leaves, sizeof(double), err) : NULL;
    b->leaf_sums =
        b->values ? mls_new(3 * leaves, sizeof(double), err) : NULL;
    if (b->leaf_sums
        && b->job.objective->kind == MLS_OBJECTIVE_SOFTMAX) {
        b->normaliser = mls_new_array(padded, sizeof(double), err);
        if (!b->normaliser)
            return false;
    }
    if (!b->leaf_sums)
        return false;
    memset(b->index, 0, (size_t)indices * sizeof(*b->index));
    memset(b->spare, 0, (size_t)indices * sizeof(*b->spare));
    for (int k = 0; k < b->job.outputs; k++)
        for (int64_t i = 0; i < padded; i++)
            b->score[k * padded + i] = b->job.base[k];
    for (int64_t i = b->rows; b->normaliser && i < padded; i++)
        b->normaliser[i] = 0;
    return true;
}

static int team_size(const struct mls_booster *b)
{
    const struct mls_run *run = b->job.run;
    int threads = mls_pool_threads(run ? run->pool : NULL);
    int64_t chunks = (b->rows + MLS_BOOST_CHUNK - 1) / MLS_BOOST_CHUNK;

    if (b->rows * b->binned->features < LITTLE_WORK)
        return 1;
    return chunks < threads ? (int)chunks : threads;
}

static double leaf_bytes(const struct mls_histogram_layout *layout)
{
    return (double)layout->bins * (double)layout->cell;
}

int64_t mls_boost_alike_leaves(const struct mls_histogram_layout *layout,
                               int64_t leaves, int64_t pool_bytes)
{
    int64_t fit = 2;

    while (2 * fit <= leaves
           && leaf_bytes(layout) * (double)(2 * fit) <= (double)pool_bytes)
        fit *= 2;
    return fit;
}

static bool pool_init(struct mls_booster *b, struct mls_error *err)
{
    bool alike = b->job.params->growth == MLS_GROWTH_SYMMETRIC;
    double bytes =
        leaf_bytes(b->job.layout) * (double)b->job.params->leaves;

    if (bytes > (double)b->job.pool_bytes && !alike)
        return true;
    b->pool = mls_new_array(b->job.layout->bins * b->job.params->leaves,
                            b->job.layout->cell, err);
    return b->pool != NULL;
}

struct mls_booster *mls_booster_new(const struct mls_boost_job *job,
                                    struct mls_error *err)
{
    struct mls_booster *b = mls_new(1, sizeof(*b), err);
    bool ok = b != NULL;

    if (!ok)
        return NULL;
    b->job = *job;
    b->binned = job->layout->binned;
    b->rows = b->binned->rows;
    b->wide = job->layout->wide;
    b->sampling = job->held || job->params->row_fraction < 1;
    b->pending = -1;
    b->member_rooms = team_size(b);
    b->count_scale = b->wide ? chosen_count_scale(b) : 1;
    b->members = mls_new(b->member_rooms, sizeof(*b->members), err);
    ok = b->members && find_usable(b, err) && rows_init(b, err)
        && pool_init(b, err);
    for (int t = 0; ok && t < b->member_rooms; t++)
        ok = member_init(b, &b->members[t], err);
    if (!ok) {
        mls_booster_free(b);
        return NULL;
    }
    return b;
}

/* ---- Scales ------------------------------------------------------------ */

/* A power of two by which a sum of `sum` becomes between a quarter and a half
 * of the limit. */
static double scale_for(double sum, double limit)
{
    double power = sum > 0 ? floor(log2(limit / 2 / sum)) : 0;

    return exp2(fmin(fmax(power, -900), 900));
}

static void set_scales(const struct mls_booster *b, struct boost_member *m,
                       const struct boost_range *range)
{
    m->gradient_scale =
        scale_for(range->gradient, b->wide ? WIDE_GRADIENTS : NARROW_GRADIENTS);
    m->hessian_scale =
        scale_for(range->hessian, b->wide ? WIDE_HESSIANS : NARROW_HESSIANS);
    if (!b->wide) {
        m->gradient_scale = fmin(
            m->gradient_scale, scale_for(range->most_gradient, MOST_GRADIENT));
        m->hessian_scale = fmin(
            m->hessian_scale, scale_for(range->most_hessian, MOST_HESSIAN));
    }
    m->rules.gradient_unit = 1 / m->gradient_scale;
    m->rules.hessian_unit = 1 / m->hessian_scale;
}

/* What all members told, as the range that the next round may expect; whether
 * every number and every sum fits. */
static bool sums_fit(const struct mls_booster *b, const struct boost_member *m,
                     struct boost_range *range)
{
    int64_t g = 0, h = 0, any_g = 0, any_h = 0;
    bool fit = true;

    for (int t = 0; t < b->member_count; t++) {
        const struct boost_sums *told = &b->members[t].told;

        g += told->sums.gradient;
        h += told->sums.hessian;
        any_g |= told->any_gradient;
        any_h |= told->any_hessian;
        fit = fit && told->sums.gradient < MLS_BOOST_REFUSED
            && told->sums.hessian < MLS_BOOST_REFUSED;
    }
    *range = (struct boost_range){
        (double)g / m->gradient_scale, (double)h / m->hessian_scale,
        (double)any_g / m->gradient_scale, (double)any_h / m->hessian_scale
    };
    if (b->wide)
        return fit && (double)g < WIDE_GRADIENTS && (double)h < WIDE_HESSIANS;
    return fit && (double)g < NARROW_GRADIENTS && (double)h < NARROW_HESSIANS
        && (double)any_g < MOST_GRADIENT && (double)any_h < MOST_HESSIAN;
}

static void measure(struct mls_booster *b, struct mls_team *team, int me,
                    int output, int64_t round)
{
    const struct boost_range *chunks =
        (const struct boost_range *)(const void *)b->chunk_sums;
    struct boost_member *m = &b->members[me];
    struct boost_range all = { 0 };

    mls_boost_measure(b, m, output, round);
    mls_team_wait(team);
    for (int64_t c = 0; c < b->chunks; c++) {
        all.gradient += chunks[c].gradient;
        all.hessian += chunks[c].hessian;
        all.most_gradient = fmax(all.most_gradient, chunks[c].most_gradient);
        all.most_hessian = fmax(all.most_hessian, chunks[c].most_hessian);
    }
    set_scales(b, m, &all);
    mls_team_wait(team);
}

static void add_loss(struct mls_booster *b)
{
    double loss = 0;

    for (int64_t c = 0; c < b->chunks; c++)
        loss += b->chunk_sums[c];
    b->losses[b->loss_count++] = loss;
}

/* Cells of the round's derivatives, with scales for the next round. */
static void sweep(struct mls_booster *b, struct mls_team *team, int me,
                  int output, int64_t round)
{
    struct boost_member *m = &b->members[me];
    struct boost_range range;
    bool first = b->tree_count < b->job.outputs;

    if (first)
        measure(b, team, me, output, round);
    else
        set_scales(b, m, &m->expected[output]);
    mls_boost_sweep(b, m, output, round);
    mls_team_wait(team);
    if (me == 0) {
        if (b->job.held && output == 0)
            add_loss(b);
        b->pending = -1;
    }
    mls_team_wait(team);
    while (!sums_fit(b, m, &range)) {
        mls_team_wait(team);
        measure(b, team, me, output, round);
        mls_boost_sweep(b, m, output, round);
        mls_team_wait(team);
    }
    m->expected[output] = range;
}

/* ---- Values and trees -------------------------------------------------- */

static double clamp(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

static void find_values(struct mls_booster *b)
{
    struct boost_member *m = &b->members[0];

    b->value_count = m->leaf_count;
    memset(b->leaf_sums, 0, (size_t)(3 * m->leaf_count) * sizeof(double));
    for (int64_t c = 0; c < b->chunks; c++)
        for (int64_t i = 0; i < 3 * m->leaf_count; i++)
            b->leaf_sums[i] += b->chunk_sums[c * 3 * m->leaf_count + i];
    for (int64_t i = 0; i < m->leaf_count; i++) {
        const double *s = b->leaf_sums + 3 * i;
        double value = mls_split_value(&m->rules, s[0], s[1]);

        b->values[i] = b->job.params->rate
            * clamp(value, m->leaves[i].about.lowest,
                    m->leaves[i].about.highest);
    }
}

/* ---- Leaves that take a quantile --------------------------------------- */

struct residual {
    double value, weight;
};

static int by_value(const void *a_, const void *b_)
{
    const struct residual *a = a_, *b = b_;

    return (a->value > b->value) - (a->value < b->value);
}

/* The value at which the weight before it reaches the share. */
static double weighted_quantile(struct residual *r, int64_t n, double share)
{
    double total = 0, sum = 0;

    qsort(r, (size_t)n, sizeof(*r), by_value);
    for (int64_t i = 0; i < n; i++)
        total += r[i].weight;
    for (int64_t i = 0; i < n; i++) {
        sum += r[i].weight;
        if (sum == share * total && i + 1 < n)
            return (r[i].value + r[i + 1].value) / 2;
        if (sum > share * total)
            return r[i].value;
    }
    return n > 0 ? r[n - 1].value : 0;
}

static int64_t label_of(const struct mls_booster *b, int64_t row)
{
    return b->label_bytes == 1 ? b->label[row]
                               : ((const uint16_t *)(void *)b->label)[row];
}

/* Absolute and quantile losses have no curvature: a leaf's value is the
 * quantile of what is left of its rows' targets. */
static bool renew_values(struct mls_booster *b)
{
    const struct mls_target *target = b->job.target;
    double share = b->job.objective->kind == MLS_OBJECTIVE_QUANTILE
        ? b->job.objective->alpha : 0.5;
    struct residual *r = mls_new_array(b->rows, sizeof(*r), &b->error);
    int64_t *start = r ? mls_new(b->value_count + 2, sizeof(*start), &b->error)
                       : NULL;

    for (int64_t i = 0; start && i < b->rows; i++)
        if (mls_boost_takes(b, i))
            start[label_of(b, i) + 2]++;
    for (int64_t k = 0; start && k < b->value_count; k++)
        start[k + 2] += start[k + 1];
    for (int64_t i = 0; start && i < b->rows; i++) {
        if (!mls_boost_takes(b, i))
            continue;
        r[start[label_of(b, i) + 1]++] = (struct residual){
            target->y[i] - b->score[i], target->weight ? target->weight[i] : 1
        };
    }
    for (int64_t k = 0; start && k < b->value_count; k++)
        b->values[k] = b->job.params->rate
            * weighted_quantile(r + start[k], start[k + 1] - start[k], share);
    mls_free(r);
    mls_free(start);
    return start != NULL;
}

/* ---- The tree as others see it ----------------------------------------- */

static bool put_node(const struct mls_booster *b, struct mls_tree *tree,
                     int64_t i, struct mls_error *err)
{
    const struct boost_member *m = &b->members[0];
    const struct boost_node *node = &m->nodes[i];
    const struct mls_split *split = &node->split;
    struct mls_tree_node *to = &tree->nodes[i];
    int32_t codes;
    int64_t set;

    if (node->left < 0) {
        int64_t leaf = mls_tree_add_leaf(tree, 1, err);

        if (leaf < 0)
            return false;
        *to = (struct mls_tree_node){ .feature = -1, .leaf = leaf };
        tree->values[leaf] = b->values[node->leaf];
        to->cover = b->leaf_sums[3 * node->leaf + 2];
        return true;
    }
    *to = (struct mls_tree_node){
        .feature = split->feature, .left = node->left, .right = node->right,
        .split = split->code, .missing_left = split->missing_left,
        .gain = split->gain
    };
    if (!split->categorical)
        return true;
    codes = b->binned->bins[split->feature].codes;
    set = mls_tree_add_set(tree, codes, err);
    if (set < 0)
        return false;
    memcpy(tree->sets + set, split->set, (size_t)(codes + 7) / 8);
    to->set = set;
    return true;
}

static bool put_tree(struct mls_booster *b, struct mls_error *err)
{
    const struct boost_member *m = &b->members[0];
    struct mls_tree *tree;

    if (!mls_grow(&b->trees, b->tree_count, &b->tree_capacity,
                  sizeof(*b->trees), err))
        return false;
    tree = &b->trees[b->tree_count++];
    memset(tree, 0, sizeof(*tree));
    for (int64_t i = 0; i < m->node_count; i++)
        if (mls_tree_add_node(tree, err) < 0)
            return false;
    for (int64_t i = 0; i < m->node_count; i++)
        if (!put_node(b, tree, i, err))
            return false;
    /* Children stand behind their parents. */
    for (int64_t i = m->node_count - 1; i >= 0; i--)
        if (m->nodes[i].left >= 0)
            tree->nodes[i].cover = tree->nodes[m->nodes[i].left].cover
                + tree->nodes[m->nodes[i].right].cover;
    return true;
}

/* ---- Rounds ------------------------------------------------------------ */

static void finish_tree(struct mls_booster *b, int output)
{
    find_values(b);
    if (mls_objective_renews(b->job.objective) && !renew_values(b))
        b->failed = true;
    else if (!put_tree(b, &b->error))
        b->failed = true;
    b->pending = output;
}

static void one_tree(struct mls_booster *b, struct mls_team *team, int me,
                     int output, int64_t round)
{
    struct boost_member *m = &b->members[me];

    mls_boost_choose(b, m, round, output);
    sweep(b, team, me, output, round);
    mls_boost_grow(b, team, me, round, output);
    mls_boost_refit(b, m, output);
    mls_team_wait(team);
    if (me == 0)
        finish_tree(b, output);
    mls_team_wait(team);
}

static void check_end(struct mls_booster *b, bool split)
{
    const struct mls_boost_params *p = b->job.params;

    if (!mls_run_go_on(b->job.run, &b->error))
        b->failed = true;
    /* The same would come out of every round from here on. */
    if (!split && p->row_fraction >= 1 && p->column_fraction >= 1
        && p->node_fraction >= 1 && p->level_fraction >= 1)
        b->ended = true;
}

/* The member's rows, by the size that the team has this time. */
static void take_place(const struct mls_booster *b, struct boost_member *m,
                       int me, int size)
{
    m->chunk = b->chunks * me / size;
    m->chunk_end = b->chunks * (me + 1) / size;
    m->from = m->chunk * b->chunk_rows;
    m->to = m->chunk_end * b->chunk_rows;
    m->from = m->from < b->rows ? m->from : b->rows;
    m->to = m->to < b->rows ? m->to : b->rows;
    m->room[0].row = b->index + m->from + (int64_t)GAP * me;
    m->room[1].row = b->spare + m->from + (int64_t)GAP * me;
    if (b->wide)
        return;
    m->room[0].cell = (uint32_t *)b->cells + m->from + (int64_t)GAP * me;
    m->room[1].cell = b->spare_cells + m->from + (int64_t)GAP * me;
}

static void be_member(void *booster, struct mls_team *team, int me)
{
    struct mls_booster *b = booster;
    struct boost_member *m = &b->members[me];
    int64_t round = b->tree_count / b->job.outputs;
    int64_t end = round + b->rounds_wanted;

    take_place(b, m, me, mls_team_size(team));
    if (me == 0)
        b->member_count = mls_team_size(team);
    mls_team_wait(team);
    for (; round < end; round++) {
        bool split = false;

        for (int k = 0; k < b->job.outputs && !b->failed; k++) {
            one_tree(b, team, me, k, round);
            split = split || m->leaf_count > 1;
        }
        if (me == 0)
            check_end(b, split);
        mls_team_wait(team);
        if (b->failed || b->ended)
            break;
    }
    mls_boost_settle(b, m);
    mls_team_wait(team);
    if (me == 0) {
        b->pending = -1;
        if (b->job.held && !b->failed)
            add_loss(b);
    }
}

/* Losses are kept for every round begun, and once more at the end of a run,
 * which the next one then begins with. */
bool mls_booster_run(struct mls_booster *b, int64_t rounds, bool *ended,
                     struct mls_error *err)
{
    int64_t most = b->loss_count + rounds + 2;

    if (ended)
        *ended = b->ended;
    if (b->ended)
        return true;
    if (b->job.held && most > b->loss_capacity) {
        if (!mls_resize(&b->losses, most, sizeof(*b->losses), err))
            return false;
        b->loss_capacity = most;
    }
    if (b->loss_count > 0)
        b->loss_count--;
    b->rounds_wanted = rounds;
    mls_team_run(b->job.run, b->member_rooms, be_member, b);
    if (b->failed) {
        if (err)
            *err = b->error;
        return false;
    }
    if (ended)
        *ended = b->ended;
    return true;
}

int64_t mls_booster_rounds(const struct mls_booster *b)
{
    return b->tree_count / b->job.outputs;
}

const struct mls_tree *mls_booster_tree(const struct mls_booster *b,
                                        int64_t i)
{
    return &b->trees[i];
}

double mls_booster_loss(const struct mls_booster *b, int64_t round)
{
    return b->losses[round];
}
