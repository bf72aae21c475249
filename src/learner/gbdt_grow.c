/*
 * Growing one tree.  gbdt_team.h says how the members share the work; all of
 * them run mls_boost_grow at once and stay in step.
 *
 * The side with the smaller sum of hessians is added up from its rows, the
 * other by subtraction from the parent: about half of the work of both.  When
 * the histograms of all leaves would take too much memory, none is kept and
 * both sides are added up, one after the other.
 *
 * Narrow histograms have no counts.  A split is searched as if rows were in
 * proportion to hessians; when the rows, once parted, show a side to be under
 * min_rows after all, the two are put together again, codes are counted, and the leaf is searched once more by exact numbers.
 */
#include <math.h>

#include "base/random.h"
#include "learner/gbdt_team.h"

/* ---- Which columns ----------------------------------------------------- */

static int by_key(const void *a_, const void *b_)
{
    uint64_t a = *(const uint64_t *)a_, b = *(const uint64_t *)b_;

    return (a > b) - (a < b);
}

/* Marks the share of the features that a draw takes: those with the smallest
 * keys, at least one.  features: which to choose from; flag by number. */
static void draw_features(const struct mls_booster *b, struct boost_member *m,
                          const int32_t *features, int64_t count,
                          double fraction, uint32_t stream, uint64_t index,
                          uint8_t *flag)
{
    int64_t taken = (int64_t)ceil(fraction * (double)count - 1e-9);
    uint64_t last;

    taken = taken < 1 ? 1 : taken;
    for (int64_t i = 0; i < count; i++)
        m->keys[i] = mls_random2(b->job.feature_key[features[i]],
                                 MLS_RANDOM_LEARNER, stream, index);
    for (int64_t i = 0; i < count; i++)
        m->keys[b->usable_count + i] = m->keys[i];
    qsort(m->keys + b->usable_count, (size_t)count, sizeof(*m->keys), by_key);
    last = m->keys[b->usable_count + taken - 1];
    for (int64_t i = 0; i < count; i++)
        flag[features[i]] &= m->keys[i] <= last;
}

/* The columns of the records that hold the tree's features, ascending. */
static void choose_columns(const struct mls_booster *b, struct boost_member *m)
{
    const struct mls_histogram_layout *layout = b->job.layout;
    uint8_t *flag = m->wanted[0];

    memset(flag, 0, (size_t)b->binned->features);
    for (int64_t i = 0; i < m->feature_count; i++)
        flag[layout->column[m->features[i]]] = 1;
    m->column_count = 0;
    for (int64_t k = 0; k < layout->columns; k++)
        if (flag[k])
            m->columns[m->column_count++] = (int32_t)k;
}

static void choose_tree_features(const struct mls_booster *b,
                                 struct boost_member *m, int64_t tree)
{
    uint8_t *flag = m->wanted[0];

    if (b->job.params->column_fraction >= 1) {
        memcpy(m->features, b->usable,
               (size_t)b->usable_count * sizeof(*m->features));
        m->feature_count = b->usable_count;
        return;
    }
    memset(flag, 1, (size_t)b->binned->features);
    draw_features(b, m, b->usable, b->usable_count,
                  b->job.params->column_fraction, 2, (uint64_t)tree, flag);
    m->feature_count = 0;
    for (int64_t i = 0; i < b->usable_count; i++)
        if (flag[b->usable[i]])
            m->features[m->feature_count++] = b->usable[i];
}

/* Of the tree's features those that a node may be split by. */
static void choose_node_features(const struct mls_booster *b,
                                 struct boost_member *m, int64_t tree,
                                 const struct boost_leaf *leaf, uint8_t *flag)
{
    const struct mls_boost_params *p = b->job.params;

    memset(flag, 1, (size_t)b->binned->features);
    if (p->level_fraction < 1)
        draw_features(b, m, m->features, m->feature_count, p->level_fraction,
                      3, (uint64_t)tree << 16 | (uint64_t)leaf->depth, flag);
    if (p->node_fraction < 1)
        draw_features(b, m, m->features, m->feature_count, p->node_fraction, 4,
                      (uint64_t)tree << 16 | (uint64_t)leaf->node, flag);
}

/* ---- Searching leaves -------------------------------------------------- */

static void *pool_at(const struct mls_booster *b, int32_t slot,
                     int32_t feature)
{
    return (char *)b->pool
        + ((size_t)slot * (size_t)b->job.layout->bins
           + (size_t)b->job.layout->bin[feature])
        * b->job.layout->cell;
}

static bool searchable(const struct mls_booster *b,
                       const struct boost_leaf *leaf)
{
    const struct mls_boost_params *p = b->job.params;

    return (p->depth == 0 || leaf->depth < p->depth)
        && leaf->about.rows >= 2 * p->min_rows * (1 - 1e-9)
        && leaf->about.sums.hessian >= 2;
}

static void search_feature(const struct mls_booster *b,
                           struct boost_member *m,
                           const struct boost_leaf *leaf, int32_t feature,
                           const void *bins, const int64_t *rows,
                           struct mls_split *found)
{
    int monotone = b->job.params->monotone ? b->job.params->monotone[feature]
                                           : 0;

    mls_split_find(&m->rules, &leaf->about, &b->binned->bins[feature], feature,
                   bins, rows, monotone, &m->scratch, found);
}

static void forget(struct mls_split *found)
{
    *found = (struct mls_split){ .set = found->set };
}

/*
 * Searches leaves[0 .. count) over the member's share of the features.  The
 * first is the one whose rows are in the tables; with a parent's histogram in
 * the second one's place, that becomes its own by subtraction.
 */
static void search(struct mls_booster *b, int me, struct boost_leaf **leaves,
                   int count, int first_found)
{
    struct boost_member *m = &b->members[me];
    void *tables[1024];

    for (int t = 0; t < b->member_count; t++)
        tables[t] = b->members[t].table;
    for (int k = 0; k < count; k++)
        forget(&m->found[first_found + k]);
    for (int64_t i = me; i < m->feature_count; i += b->member_count) {
        int32_t feature = m->features[i];
        void *bins = b->pool ? pool_at(b, leaves[0]->slot, feature)
                             : (void *)m->counts;

        mls_histogram_merge(b->job.layout, tables, b->member_count, feature,
                            bins);
        if (count == 2)
            mls_histogram_subtract(b->job.layout, feature,
                                   pool_at(b, leaves[1]->slot, feature), bins);
        for (int k = 0; k < count; k++) {
            if (searchable(b, leaves[k]) && m->wanted[k][feature])
                search_feature(b, m, leaves[k], feature,
                               k == 0 ? bins
                                      : pool_at(b, leaves[1]->slot, feature),
                               NULL, &m->found[first_found + k]);
        }
    }
}

static void copy_split(const struct mls_booster *b, struct mls_split *to,
                       const struct mls_split *from)
{
    uint8_t *set = to->set;

    *to = *from;
    to->set = set;
    if (from->categorical && from->gain > 0)
        memcpy(set, from->set, (size_t)b->set_bytes);
}

/* The best of what the members found, ties to the first feature. */
static void decide(const struct mls_booster *b, struct boost_leaf *leaf, int k)
{
    const struct mls_split *best = NULL;

    for (int t = 0; t < b->member_count; t++) {
        const struct mls_split *found = &b->members[t].found[k];

        if (found->gain > 0
            && (!best || found->gain > best->gain
                || (found->gain == best->gain
                    && found->feature < best->feature)))
            best = found;
    }
    forget(&leaf->split);
    if (best)
        copy_split(b, &leaf->split, best);
}

/* ---- Adding rows ------------------------------------------------------- */

static struct mls_travellers rows_of(const struct boost_member *m,
                                     const struct boost_leaf *leaf)
{
    struct mls_travellers rows = m->room[leaf->room];

    rows.row += leaf->begin;
    rows.cell = rows.cell ? rows.cell + leaf->begin : NULL;
    return rows;
}

/* Narrow cells of the root were added when they were made. */
static void add_rows(const struct mls_booster *b, struct boost_member *m,
                     const struct boost_leaf *leaf, bool root)
{
    bool indexed = m->indexed || !root;
    struct mls_travellers rows = rows_of(m, leaf);

    if (root && !b->wide)
        return;
    memset(m->table, 0, (size_t)b->job.layout->slots * b->job.layout->cell);
    mls_histogram_add(b->job.layout, b->wide ? b->cells : rows.cell,
                      indexed ? rows.row : NULL, indexed ? 0 : leaf->begin,
                      leaf->count, m->columns, m->column_count, m->table);
}

/* ---- The root ---------------------------------------------------------- */

static void plant(struct mls_booster *b, struct boost_member *m)
{
    struct boost_leaf *root = &m->leaves[0];
    struct mls_split_sums sums = { 0 };
    int64_t rows = 0;

    for (int t = 0; t < b->member_count; t++) {
        const struct boost_sums *told = &b->members[t].told;

        sums.gradient += told->gradient;
        sums.hessian += told->sums.hessian;
        sums.count += told->sums.count;
        rows += told->rows;
    }
    *root = (struct boost_leaf){ .split.set = root->split.set };
    root->begin = m->indexed ? 0 : m->from;
    root->count = m->indexed ? m->sampled : m->to - m->from;
    root->about.sums = sums;
    root->about.rows =
        b->wide ? (double)sums.count * m->rules.count_unit : (double)rows;
    root->about.lowest = -INFINITY;
    root->about.highest = INFINITY;
    m->leaf_count = 1;
    m->node_count = 1;
    m->nodes[0] = (struct boost_node){ .left = -1, .right = -1,
                                       .split.set = m->nodes[0].split.set };
}

/* ---- Splitting --------------------------------------------------------- */

static int64_t next_leaf(const struct mls_booster *b,
                         const struct boost_member *m)
{
    bool by_depth = b->job.params->growth == MLS_GROWTH_DEPTH;
    int64_t best = -1;

    for (int64_t i = 0; i < m->leaf_count; i++) {
        const struct boost_leaf *a = &m->leaves[i], *c;

        if (a->split.gain <= 0)
            continue;
        if (best < 0) {
            best = i;
            continue;
        }
        c = &m->leaves[best];
        if (by_depth && a->depth != c->depth) {
            if (a->depth < c->depth)
                best = i;
        } else if (a->split.gain > c->split.gain) {
            best = i;
        }
    }
    return best;
}

static void ask_question(const struct mls_booster *b,
                         const struct boost_member *m, int64_t leaf,
                         const struct mls_split *split,
                         struct mls_question *question)
{
    *question = (struct mls_question){
        .column = b->binned->by_column
            + split->feature * b->binned->column_stride,
        .leaf = (int32_t)leaf, .right = (int32_t)m->leaf_count,
        .categorical = split->categorical, .missing_left = split->missing_left,
        .code = split->code, .set = split->set,
        .codes = b->binned->bins[split->feature].codes
    };
}

/* Own rows of a leaf to both sides; the right one begins behind the left, in
 * the other room. */
static void part(const struct mls_booster *b, struct boost_member *m,
                 struct boost_leaf *leaf, const struct mls_question *question)
{
    int64_t first = m->indexed ? -1 : m->from;
    struct boost_leaf other;

    if (!m->indexed)
        leaf->begin = 0;
    m->indexed = true;
    other = *leaf;
    other.room = 1 - leaf->room;
    m->went[0] = mls_partition(question, b->binned->width, first, leaf->count,
                               rows_of(m, leaf), rows_of(m, &other), m->goes);
    m->went[1] = leaf->count - m->went[0];
}

/* Takes a partition back. */
static void unite(const struct boost_member *m, const struct boost_leaf *leaf)
{
    struct boost_leaf right = *leaf;
    struct mls_travellers from, to;
    size_t bytes = (size_t)m->went[1] * sizeof(uint32_t);

    right.begin += m->went[0];
    to = rows_of(m, &right);
    right.room = 1 - leaf->room;
    from = rows_of(m, &right);
    memcpy(to.row, from.row, bytes);
    if (to.cell)
        memcpy(to.cell, from.cell, bytes);
}

static struct mls_split_sums minus(struct mls_split_sums a,
                                   struct mls_split_sums b)
{
    return (struct mls_split_sums){ a.gradient - b.gradient,
                                    a.hessian - b.hessian, a.count - b.count };
}

/* Bounds that keep children's values in order, from here down. */
static void bound(const struct mls_booster *b, const struct boost_member *m,
                  const struct mls_split *split, struct mls_split_leaf *left,
                  struct mls_split_leaf *right)
{
    int monotone = b->job.params->monotone
        ? b->job.params->monotone[split->feature] : 0;
    double value[2], middle;
    const struct mls_split_leaf *side[2] = { left, right };

    if (monotone == 0)
        return;
    for (int k = 0; k < 2; k++) {
        value[k] = mls_split_value(
            &m->rules,
            (double)side[k]->sums.gradient * m->rules.gradient_unit,
            (double)side[k]->sums.hessian * m->rules.hessian_unit);
        value[k] = fmin(fmax(value[k], side[k]->lowest), side[k]->highest);
    }
    middle = (value[0] + value[1]) / 2;
    if (monotone > 0) {
        left->highest = fmin(left->highest, middle);
        right->lowest = fmax(right->lowest, middle);
    } else {
        left->lowest = fmax(left->lowest, middle);
        right->highest = fmin(right->highest, middle);
    }
}

/* The leaf becomes its left side, a new one its right side.  went: rows of
 * both sides over all members. */
static void divide(struct mls_booster *b, struct boost_member *m, int64_t at,
                   const int64_t *went)
{
    struct boost_leaf *left = &m->leaves[at];
    struct boost_leaf *right = &m->leaves[m->leaf_count];
    uint8_t *set = right->split.set;
    struct mls_split *split = &left->split;
    struct boost_node *node = &m->nodes[left->node];

    copy_split(b, &node->split, split);
    *right = *left;
    right->split.set = set;
    left->about.sums = split->left;
    right->about.sums = minus(right->about.sums, split->left);
    left->about.rows = b->wide
        ? (double)left->about.sums.count * m->rules.count_unit
        : (double)went[0];
    right->about.rows = b->wide
        ? (double)right->about.sums.count * m->rules.count_unit
        : (double)went[1];
    bound(b, m, split, &left->about, &right->about);
    left->count = m->went[0];
    right->begin = left->begin + m->went[0];
    right->count = m->went[1];
    right->room = 1 - left->room;
    node->left = (int32_t)m->node_count;
    node->right = (int32_t)m->node_count + 1;
    for (int k = 0; k < 2; k++) {
        struct boost_node *child = &m->nodes[m->node_count];

        *child = (struct boost_node){
            .left = -1, .right = -1, .split.set = child->split.set,
            .leaf = (int32_t)(k == 0 ? at : m->leaf_count)
        };
        (k == 0 ? left : right)->node = (int32_t)m->node_count++;
    }
    left->depth++;
    right->depth++;
    left->counted = right->counted = false;
    m->leaf_count++;
}

/* ---- Exact numbers of rows --------------------------------------------- */

static void count_rows(const struct mls_booster *b, struct boost_member *m,
                       const struct boost_leaf *leaf)
{
    memset(m->row_counts, 0,
           (size_t)b->job.layout->bins * sizeof(*m->row_counts));
    for (int64_t i = 0; i < m->feature_count; i++)
        mls_histogram_count(b->job.layout, rows_of(m, leaf).row,
                            leaf->count, m->features[i],
                            m->row_counts
                                + b->job.layout->bin[m->features[i]]);
}

static void search_counted(struct mls_booster *b, int me, int64_t tree,
                           struct boost_leaf *leaf)
{
    struct boost_member *m = &b->members[me];

    forget(&m->found[0]);
    choose_node_features(b, m, tree, leaf, m->wanted[0]);
    for (int64_t i = me; i < m->feature_count; i += b->member_count) {
        int32_t feature = m->features[i];
        int64_t at = b->job.layout->bin[feature];

        if (!m->wanted[0][feature])
            continue;
        for (int32_t c = 0; c < b->binned->bins[feature].codes; c++) {
            m->counts[c] = 0;
            for (int t = 0; t < b->member_count; t++)
                m->counts[c] += b->members[t].row_counts[at + c];
        }
        search_feature(b, m, leaf, feature, pool_at(b, leaf->slot, feature),
                       m->counts, &m->found[0]);
    }
}

/* Whether a side turned out too small; then the leaf is searched again. */
static bool too_small(struct mls_booster *b, struct mls_team *team, int me,
                      int64_t tree, int64_t at, const int64_t *went)
{
    struct boost_member *m = &b->members[me];
    struct boost_leaf *leaf = &m->leaves[at];
    double least = b->job.params->min_rows * (1 - 1e-9);

    if (b->wide || (double)(went[0] < went[1] ? went[0] : went[1]) >= least)
        return false;
    if (leaf->counted || !m->row_counts || !b->pool) {
        forget(&leaf->split);
        mls_team_wait(team);
    } else {
        unite(m, leaf);
        count_rows(b, m, leaf);
        mls_team_wait(team);
        search_counted(b, me, tree, leaf);
        mls_team_wait(team);
        decide(b, leaf, 0);
        leaf->counted = true;
    }
    return true;
}

/* ---- The tree ---------------------------------------------------------- */

static void search_root(struct mls_booster *b, struct mls_team *team, int me,
                        int64_t tree)
{
    struct boost_member *m = &b->members[me];
    struct boost_leaf *root = &m->leaves[0];

    if (!searchable(b, root) || m->feature_count == 0)
        return;
    choose_node_features(b, m, tree, root, m->wanted[0]);
    add_rows(b, m, root, true);
    mls_team_wait(team);
    search(b, me, &root, 1, 0);
    mls_team_wait(team);
    decide(b, root, 0);
}

static void search_children(struct mls_booster *b, struct mls_team *team,
                            int me, int64_t tree, int64_t at)
{
    struct boost_member *m = &b->members[me];
    struct boost_leaf *left = &m->leaves[at];
    struct boost_leaf *right = &m->leaves[m->leaf_count - 1];
    bool left_small = left->about.sums.hessian <= right->about.sums.hessian;
    struct boost_leaf *pair[2] = { left_small ? left : right,
                                   left_small ? right : left };

    forget(&left->split);
    forget(&right->split);
    if (!searchable(b, left) && !searchable(b, right)) {
        mls_team_wait(team);
        return;
    }
    for (int k = 0; k < 2; k++)
        choose_node_features(b, m, tree, pair[k], m->wanted[k]);
    if (b->pool) {
        pair[1]->slot = left->slot;
        pair[0]->slot = (int32_t)m->leaf_count - 1;
        search(b, me, pair, 2, 0);
        mls_team_wait(team);
        decide(b, pair[0], 0);
        decide(b, pair[1], 1);
        return;
    }
    search(b, me, pair, 1, 0);
    mls_team_wait(team);
    decide(b, pair[0], 0);
    memcpy(m->wanted[0], m->wanted[1], (size_t)b->binned->features);
    add_rows(b, m, pair[1], false);
    mls_team_wait(team);
    search(b, me, &pair[1], 1, 0);
    mls_team_wait(team);
    decide(b, pair[1], 0);
}

/* Adds the rows of the side that will be the smaller, before all members know
 * how many went where. */
static void add_smaller(const struct mls_booster *b, struct boost_member *m,
                        const struct boost_leaf *leaf)
{
    struct mls_split_sums right = minus(leaf->about.sums, leaf->split.left);
    bool left_small = leaf->split.left.hessian <= right.hessian;
    struct boost_leaf side = { .begin = leaf->begin, .room = leaf->room };

    side.begin += left_small ? 0 : m->went[0];
    side.room = left_small ? leaf->room : 1 - leaf->room;
    side.count = m->went[left_small ? 0 : 1];
    add_rows(b, m, &side, false);
}

/* Whether the children of a leaf will be searched: not when both would be too
 * deep or the tree is full. */
static bool goes_on(const struct mls_booster *b, const struct boost_member *m,
                    const struct boost_leaf *leaf)
{
    const struct mls_boost_params *p = b->job.params;

    return m->leaf_count + 1 < p->leaves
        && (p->depth == 0 || leaf->depth + 1 < p->depth);
}

/* ---- All leaves of a level alike --------------------------------------- */

/* Histograms of a leaf whose rows are in the tables, and of its sibling, which
 * has their parent's (NULL: a root has none), for the member's share of the
 * features. */
static void collect(const struct mls_booster *b, int me,
                    const struct boost_leaf *leaf,
                    const struct boost_leaf *sibling)
{
    const struct boost_member *m = &b->members[me];
    void *tables[1024];

    for (int t = 0; t < b->member_count; t++)
        tables[t] = b->members[t].table;
    for (int64_t i = me; i < m->feature_count; i += b->member_count) {
        int32_t feature = m->features[i];
        void *bins = pool_at(b, leaf->slot, feature);

        mls_histogram_merge(b->job.layout, tables, b->member_count, feature,
                            bins);
        if (sibling)
            mls_histogram_subtract(b->job.layout, feature,
                                   pool_at(b, sibling->slot, feature), bins);
    }
}

static void search_level(struct mls_booster *b, int me, int64_t tree)
{
    struct boost_member *m = &b->members[me];
    struct mls_level_leaves level = { .leaves = m->leaf_count,
                                      .about = m->level_about,
                                      .bins = m->level_bins };

    forget(&m->found[0]);
    choose_node_features(b, m, tree, &m->leaves[0], m->wanted[0]);
    for (int64_t k = 0; k < m->leaf_count; k++)
        m->level_about[k] = &m->leaves[k].about;
    for (int64_t i = me; i < m->feature_count; i += b->member_count) {
        int32_t feature = m->features[i];

        if (!m->wanted[0][feature])
            continue;
        for (int64_t k = 0; k < m->leaf_count; k++)
            m->level_bins[k] = pool_at(b, m->leaves[k].slot, feature);
        mls_level_find(&m->rules, &level, &b->binned->bins[feature], feature,
                       &m->level_scratch, &m->found[0]);
    }
}

/* The level's split for each leaf, with the sums of the leaf's own left side
 * and an even share of the gain. */
static void share_split(const struct mls_booster *b, struct boost_member *m,
                        const struct mls_split *split)
{
    const struct mls_bins *feature = &b->binned->bins[split->feature];

    for (int64_t k = m->leaf_count; k-- > 0; ) {
        struct boost_leaf *leaf = &m->leaves[k];

        if (k > 0)
            copy_split(b, &leaf->split, split);
        leaf->split.left = mls_level_left(
            &m->rules, split, feature,
            pool_at(b, leaf->slot, split->feature));
        leaf->split.gain = split->gain / (double)m->leaf_count;
    }
}

/* One leaf into two; further: their histograms are wanted. */
static void split_alike(struct mls_booster *b, struct mls_team *team, int me,
                        int64_t at, bool further)
{
    struct boost_member *m = &b->members[me];
    struct boost_leaf *left = &m->leaves[at], *right;
    struct mls_question *question = &m->questions[m->leaf_count - 1];
    int64_t went[2] = { 0, 0 };
    bool left_small;

    ask_question(b, m, at, &left->split, question);
    part(b, m, left, question);
    if (further)
        add_smaller(b, m, left);
    mls_team_wait(team);
    for (int t = 0; t < b->member_count; t++) {
        went[0] += b->members[t].went[0];
        went[1] += b->members[t].went[1];
    }
    question->set = m->nodes[left->node].split.set;
    divide(b, m, at, went);
    right = &m->leaves[m->leaf_count - 1];
    left_small = left->about.sums.hessian <= right->about.sums.hessian;
    (left_small ? right : left)->slot = left->slot;
    (left_small ? left : right)->slot = (int32_t)m->leaf_count - 1;
    if (further)
        collect(b, me, left_small ? left : right, left_small ? right : left);
    mls_team_wait(team);
}

/* A tree whose levels ask one question each: all leaves or none. */
static void grow_alike(struct mls_booster *b, struct mls_team *team, int me,
                       int64_t tree)
{
    const struct mls_boost_params *p = b->job.params;
    struct boost_member *m = &b->members[me];
    int64_t depth = 0, deepest = 0;

    while (2 << deepest <= p->leaves && (p->depth == 0 || deepest < p->depth))
        deepest++;
    if (m->feature_count == 0 || deepest == 0
        || m->leaves[0].about.sums.hessian < 2)
        return;
    add_rows(b, m, &m->leaves[0], true);
    mls_team_wait(team);
    collect(b, me, &m->leaves[0], NULL);
    mls_team_wait(team);
    while (depth < deepest) {
        int64_t leaves = m->leaf_count;

        search_level(b, me, tree);
        mls_team_wait(team);
        decide(b, &m->leaves[0], 0);
        if (m->leaves[0].split.gain <= 0)
            break;
        share_split(b, m, &m->leaves[0].split);
        depth++;
        for (int64_t k = 0; k < leaves; k++)
            split_alike(b, team, me, k, depth < deepest);
    }
}

/* ---- One leaf after the other ------------------------------------------ */

static void grow_by_leaf(struct mls_booster *b, struct mls_team *team, int me,
                         int64_t tree)
{
    struct boost_member *m = &b->members[me];
    int64_t at;

    search_root(b, team, me, tree);
    while (m->leaf_count < b->job.params->leaves
           && (at = next_leaf(b, m)) >= 0) {
        struct boost_leaf *leaf = &m->leaves[at];
        struct mls_question *question = &m->questions[m->leaf_count - 1];
        bool further = goes_on(b, m, leaf);
        int64_t went[2] = { 0, 0 };

        ask_question(b, m, at, &leaf->split, question);
        part(b, m, leaf, question);
        if (further)
            add_smaller(b, m, leaf);
        mls_team_wait(team);
        for (int t = 0; t < b->member_count; t++) {
            went[0] += b->members[t].went[0];
            went[1] += b->members[t].went[1];
        }
        if (too_small(b, team, me, tree, at, went))
            continue;
        question->set = m->nodes[leaf->node].split.set;
        divide(b, m, at, went);
        if (further)
            search_children(b, team, me, tree, at);
        else
            mls_team_wait(team);
        if (!further) {
            forget(&m->leaves[at].split);
            forget(&m->leaves[m->leaf_count - 1].split);
        }
    }
}

void mls_boost_choose(const struct mls_booster *b, struct boost_member *m,
                      int64_t round, int output)
{
    choose_tree_features(b, m, round * b->job.outputs + output);
    choose_columns(b, m);
}

void mls_boost_grow(struct mls_booster *b, struct mls_team *team, int me,
                    int64_t round, int output)
{
    struct boost_member *m = &b->members[me];
    int64_t tree = round * b->job.outputs + output;

    plant(b, m);
    if (b->job.params->growth == MLS_GROWTH_SYMMETRIC)
        grow_alike(b, team, me, tree);
    else
        grow_by_leaf(b, team, me, tree);
}
