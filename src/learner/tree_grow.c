/*
 * Growing a tree: which node is next, by what it is split, what its leaves hold.
 *
 *   rows   │ node 3           │ node 4     │ node 2                 │
 *          │ in bag │ left out│ in bag │ out│ in bag       │ left out│
 *
 * The rows of a node stand together in one array of records, in ascending
 * order; splitting a node parts its stretch in place, in a stable way, so that
 * codes are read nearly in sequence.  Rows outside the bag stand behind those
 * inside and are parted along, which takes them to their leaves for a fraction
 * of what walking the finished tree costs.
 *
 * A deep tree spends its time in small nodes, whose rows lie all over the
 * columns.  When a node has at most NEAR rows, the codes of its rows are copied
 * to columns of their own, of NEAR bytes each, and its whole subtree works on
 * those, in the first two caches.
 *
 * Everything is summed in whole numbers: weights as multiples of a unit that is
 * 1 when all are whole, targets as multiples of a unit that uses up the bits
 * there are.  So sums are exact, and equal for every order of rows and threads;
 * only the choice of a split looks at rounded targets, and leaves are summed
 * again from the targets themselves.
 *
 * What a node draws follows from its key, and the keys of its sides from its
 * own, so the order in which nodes are split does not matter.
 */
#include "learner/tree_grow.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"

const char *const mls_tree_criteria[] = { "gini", "entropy", NULL };

enum {
    NEAR = 2048,                /* rows of a subtree that has own columns */
    LEVELS = 12,                /* such a subtree may be this deep */
    SHARED_ROWS = 32768,        /* a node that all threads look at */
    VALUE_BITS = 45,            /* of a target, when weights allow */
    LEFT_OUT_BITS = 30          /* of a mean; 44 for the sum, 20 for the count */
};

struct waiting {
    int32_t node;
    int64_t depth;
    int64_t begin, bagged, end; /* rows: in the bag up to bagged */
    uint64_t key;
    struct mls_tree_split split;    /* best first: found already */
    int64_t table;              /* its table of sides among the kept ones */
};

struct mls_grower {
    struct mls_tree_room room;  /* for looking: of this thread */
    struct mls_tree_split best;
    double *count;              /* classes */
    uint64_t weight;            /* of the node last looked at */
    /* For growing. */
    struct mls_tree_row *rows, *aside;
    uint8_t *near;              /* columns of a small subtree, NEAR codes each */
    uint32_t *near_row;         /* NEAR */
    bool is_near;
    int64_t *order, *drawn;     /* features, drawn ones first; from where */
    uint8_t *left;              /* sides by code */
    struct waiting *waiting;
    int64_t waiting_count, waiting_capacity;
    uint8_t *tables;            /* kept tables of sides */
    int64_t table_count, table_capacity;
    double *leaf;               /* width */
};

/* ---- Whole numbers ----------------------------------------------------- */

static bool all_whole(const double *weight, int64_t n, double *total)
{
    bool whole = true;

    *total = 0;
    for (int64_t i = 0; i < n; i++) {
        whole = whole && weight[i] == floor(weight[i]);
        *total += weight[i];
    }
    return whole;
}

/* Weights of all rows of a bag add up to less than 2^32. */
static bool code_weights(struct mls_growth *g, double *total,
                         struct mls_error *err)
{
    const double *weight = g->target->weight;
    int64_t n = g->target->rows;
    double most = 0x1p31 / (g->bags ? MLS_BAG_MOST : 1), unit = 1, sum;
    bool whole;

    *total = (double)n;
    g->weight_unit = 1;
    if (!weight)
        return true;
    whole = all_whole(weight, n, &sum);
    if (!whole || sum > most) {
        /* A power of two: weights that differ by one stay proportional. */
        unit = ldexp(1, (int)ceil(log2(sum / (most - (double)n))));
    }
    g->weight = mls_new_array(n, sizeof(*g->weight), err);
    if (!g->weight)
        return false;
    *total = 0;
    for (int64_t i = 0; i < n; i++) {
        double scaled = nearbyint(weight[i] / unit);

        g->weight[i] = scaled < 1 ? 1 : (uint32_t)scaled;
        *total += g->weight[i];
    }
    g->weight_unit = unit;
    return true;
}

/* Squares: target = value x unit + the middle of the range. */
static bool code_targets(struct mls_growth *g, double total,
                         struct mls_error *err)
{
    const double *y = g->target->y;
    int64_t n = g->target->rows;
    double unit = 1, spread, middle;
    int bits;

    g->value = mls_new_array(n, sizeof(*g->value), err);
    if (!g->value)
        return false;
    g->low = g->high = y[0];
    for (int64_t i = 0; i < n; i++) {
        g->low = y[i] < g->low ? y[i] : g->low;
        g->high = y[i] > g->high ? y[i] : g->high;
    }
    if (g->target->task != MLS_REGRESSION) {
        for (int64_t i = 0; i < n; i++)
            g->value[i] = (int64_t)y[i];
        g->gain_unit = g->entropy || g->classes ? 1 : 2;
        return true;
    }
    total *= g->bags ? MLS_BAG_MOST : 1;
    bits = 61 - (int)ceil(log2(total + 1));
    bits = bits > VALUE_BITS ? VALUE_BITS : bits;
    middle = g->low / 2 + g->high / 2;
    spread = g->high / 2 - g->low / 2;
    if (spread > 0)
        unit = ldexp(1, (int)ceil(log2(spread)) - bits);
    unit = unit > 0 ? unit : DBL_TRUE_MIN;
    for (int64_t i = 0; i < n; i++)
        g->value[i] = (int64_t)nearbyint((y[i] - middle) / unit);
    g->gain_unit = unit * unit;
    return true;
}

/* ---- Beginning and end ------------------------------------------------- */

int mls_growth_width(const struct mls_growth *g)
{
    return g->classes ? g->classes : 1;
}

static bool find_features(struct mls_growth *g, struct mls_error *err)
{
    const struct mls_binned *binned = g->binned;

    g->feature = mls_new(binned->features, sizeof(*g->feature), err);
    if (!g->feature)
        return false;
    g->most_codes = 2;
    for (int64_t j = 0; j < binned->features; j++) {
        int32_t codes = binned->bins[j].codes;

        g->most_codes = codes > g->most_codes ? codes : g->most_codes;
        if (codes > 1)
            g->feature[g->features++] = j;
    }
    return true;
}

static bool room_new(const struct mls_growth *g, struct mls_tree_room *room,
                     struct mls_error *err)
{
    int64_t codes = g->most_codes, classes = g->classes;

    room->bits = mls_new((codes + 63) / 64, sizeof(*room->bits), err);
    room->bins = mls_new(codes, sizeof(*room->bins), err);
    room->key = mls_new(codes, sizeof(*room->key), err);
    room->order = mls_new(codes, sizeof(*room->order), err);
    if (!room->bits || !room->bins || !room->key || !room->order)
        return false;
    if (classes == 0) {
        room->cells = mls_new(codes, sizeof(*room->cells), err);
        return room->cells != NULL;
    }
    room->class_cells = mls_new(codes * classes, sizeof(*room->class_cells),
                                err);
    room->counts = mls_new((codes + 1) * classes, sizeof(*room->counts), err);
    room->side = mls_new(classes, sizeof(*room->side), err);
    return room->class_cells && room->counts && room->side;
}

static void room_clear(struct mls_tree_room *room)
{
    mls_free(room->bits);
    mls_free(room->bins);
    mls_free(room->key);
    mls_free(room->order);
    mls_free(room->cells);
    mls_free(room->class_cells);
    mls_free(room->counts);
    mls_free(room->side);
}

static bool grower_new(const struct mls_growth *g, struct mls_grower *w,
                       struct mls_error *err)
{
    int64_t width = g->binned->width;

    if (!room_new(g, &w->room, err))
        return false;
    w->best.left = mls_new(g->most_codes, 1, err);
    w->count = mls_new(g->classes, sizeof(*w->count), err);
    w->left = mls_new(g->most_codes, 1, err);
    w->leaf = mls_new(mls_growth_width(g), sizeof(*w->leaf), err);
    w->order = mls_new(g->features, sizeof(*w->order), err);
    w->drawn = mls_new(g->features, sizeof(*w->drawn), err);
    w->near_row = mls_new(NEAR, sizeof(*w->near_row), err);
    w->near = mls_new_array(g->features * NEAR, (size_t)width, err);
    if (!w->best.left || !w->count || !w->left || !w->leaf || !w->order
        || !w->drawn || !w->near_row || !w->near) {
        return false;
    }
    for (int64_t k = 0; k < g->features; k++)
        w->order[k] = k;
    return true;
}

static void grower_clear(struct mls_grower *w)
{
    room_clear(&w->room);
    mls_free(w->best.left);
    mls_free(w->count);
    mls_free(w->rows);
    mls_free(w->aside);
    mls_free(w->near);
    mls_free(w->near_row);
    mls_free(w->order);
    mls_free(w->drawn);
    mls_free(w->left);
    mls_free(w->waiting);
    mls_free(w->tables);
    mls_free(w->leaf);
}

bool mls_growth_begin(struct mls_growth *g, struct mls_error *err)
{
    const struct mls_target *target = g->target;
    double total;
    bool ok;

    assert(target->rows > 0 && target->rows < (int64_t)1 << 32);
    g->classes = target->task == MLS_MULTICLASS ? target->classes : 0;
    g->measure = g->classes
        ? (g->entropy ? MLS_TREE_CLASS_ENTROPY : MLS_TREE_CLASS_GINI)
        : g->entropy && target->task == MLS_BINARY ? MLS_TREE_ENTROPY
                                                   : MLS_TREE_SQUARES;
    g->threads = mls_pool_threads(g->run ? g->run->pool : NULL);
    g->growers = mls_new(g->threads, sizeof(*g->growers), err);
    ok = g->growers && find_features(g, err) && code_weights(g, &total, err)
        && code_targets(g, total, err);
    for (int k = 0; ok && k < g->threads; k++)
        ok = grower_new(g, &g->growers[k], err);
    if (ok && g->out_of_bag) {
        g->left_out = mls_new(target->rows * mls_growth_width(g),
                              sizeof(*g->left_out), err);
        ok = g->left_out != NULL;
    }
    if (!ok)
        mls_growth_end(g);
    return ok;
}

void mls_growth_end(struct mls_growth *g)
{
    for (int k = 0; g->growers && k < g->threads; k++)
        grower_clear(&g->growers[k]);
    mls_free(g->growers);
    mls_free(g->feature);
    mls_free(g->weight);
    mls_free(g->value);
    mls_free(g->left_out);
    g->growers = NULL;
    g->feature = NULL;
    g->weight = NULL;
    g->value = NULL;
    g->left_out = NULL;
}

/* ---- Draws ------------------------------------------------------------- */

/* Steele, Lea & Flood (2014): a generator of one word, for the many draws of
 * many small nodes. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t next_bits(uint64_t *state)
{
    return mixed(*state += UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t key_of_side(uint64_t key, bool left)
{
    return mixed(key ^ (left ? UINT64_C(0xd1342543de82ef95)
                             : UINT64_C(0x2545f4914f6cdd1d)));
}

/* ---- Looking for a split ----------------------------------------------- */

struct looking {
    struct mls_growth *growth;
    struct mls_grower *grower;  /* who grows the tree */
    const struct waiting *node;
    const struct mls_tree_row *rows;
    int64_t n;
    struct mls_tree_sums sums;
    struct mls_tree_rules rules;
    uint64_t random;
    uint64_t bits[2];
};

static struct mls_tree_codes codes_of(const struct mls_growth *g,
                                      const struct mls_grower *w, int64_t k)
{
    const struct mls_binned *binned = g->binned;
    int64_t j = g->feature[k];
    struct mls_tree_codes codes = { NULL, binned->width, binned->bins[j].codes };

    codes.code = w->is_near ? w->near + k * NEAR * binned->width
                            : binned->by_column + j * binned->column_stride;
    return codes;
}

/* Feature number k of the usable ones, with the room of worker `at`. */
static void look(const struct looking *l, int64_t k, int64_t draw,
                 struct mls_grower *at)
{
    const struct mls_growth *g = l->growth;
    struct mls_tree_codes codes = codes_of(g, l->grower, k);
    int64_t j = g->feature[k], bins;

    bins = g->classes
        ? mls_tree_sum_classes(l->rows, l->n, codes, g->classes,
                               at->room.class_cells, at->room.bits,
                               at->room.bins, at->room.counts)
        : mls_tree_sum_bins(l->rows, l->n, codes, at->room.cells,
                            at->room.bits, at->room.bins);
    mls_tree_look(&l->sums, &l->rules, k, draw,
                  g->binned->bins[j].categorical, codes.count,
                  mixed(l->random + (uint64_t)k), bins, &at->room, &at->best);
}

static void no_split(struct mls_tree_split *split)
{
    split->feature = split->draw = -1;
    split->gain = -1;
}

static void adopt(struct mls_tree_split *to, const struct mls_tree_split *from,
                  int64_t codes)
{
    uint8_t *left = to->left;

    *to = *from;
    to->left = left;
    if (from->categorical)
        memcpy(left, from->left, (size_t)codes);
}

static bool look_task(void *looking, int64_t draw, struct mls_error *err)
{
    const struct looking *l = looking;

    (void)err;
    look(l, l->grower->order[draw], draw, &l->growth->growers[mls_worker()]);
    return true;
}

/* All threads: each keeps its own best. */
static bool look_together(const struct looking *l, int64_t draws,
                          struct mls_error *err)
{
    struct mls_growth *g = l->growth;
    struct looking copy = *l;

    for (int k = 0; k < g->threads; k++)
        no_split(&g->growers[k].best);
    if (!mls_parallel(g->run, draws, look_task, &copy, err))
        return false;
    for (int k = 0; k < g->threads; k++) {
        const struct mls_tree_split *one = &g->growers[k].best;
        struct mls_tree_split *best = &l->grower->best;

        if (one != best && one->feature >= 0
            && (one->gain > best->gain
                || (one->gain == best->gain && one->draw < best->draw)))
            adopt(best, one, g->most_codes);
    }
    return true;
}

/* The next feature to look at, drawn without replacement; order's first `draw`
 * were drawn before. */
static void draw_feature(const struct mls_growth *g, struct mls_grower *w,
                         int64_t draw, uint64_t *state)
{
    int64_t at = draw, kept = w->order[draw];

    at += mls_random_below(next_bits(state), g->features - draw);
    w->drawn[draw] = at;
    w->order[draw] = w->order[at];
    w->order[at] = kept;
}

/* Undoes draws, so that no node sees what another one drew. */
static void put_back(struct mls_grower *w, int64_t draws)
{
    while (draws-- > 0) {
        int64_t at = w->drawn[draws], kept = w->order[draws];

        w->order[draws] = w->order[at];
        w->order[at] = kept;
    }
}

/* Whether the node may be split at all, and its sums. */
static bool splittable(struct looking *l)
{
    const struct mls_growth *g = l->growth;
    const struct waiting *node = l->node;
    uint64_t weight = 0;
    int64_t sum = 0, first;
    bool pure = true;

    if (l->n < 2 || (g->max_depth > 0 && node->depth >= g->max_depth))
        return false;
    if (g->classes) {
        memset(l->grower->count, 0, (size_t)g->classes * sizeof(double));
        first = l->rows[0].value;
        for (int64_t i = 0; i < l->n; i++) {
            weight += l->rows[i].weight;
            pure = pure && l->rows[i].value == first;
            l->grower->count[l->rows[i].value] += l->rows[i].weight;
        }
    } else {
        /* Equal targets: value / weight is the same in all. */
        first = l->rows[0].value / (int64_t)l->rows[0].weight;
        for (int64_t i = 0; i < l->n; i++) {
            weight += l->rows[i].weight;
            sum += l->rows[i].value;
            pure = pure
                && l->rows[i].value == first * (int64_t)l->rows[i].weight;
        }
    }
    l->grower->weight = weight;
    l->sums = (struct mls_tree_sums){ weight, sum, l->grower->count,
                                      g->classes };
    return !pure
        && (double)weight * g->weight_unit >= g->min_split
        && weight >= 2 * l->rules.min_leaf;
}

/* Finds the best split of a node, in grower->best; feature -1: none. */
static bool find_split(struct mls_growth *g, struct mls_grower *w,
                       const struct waiting *node, struct mls_error *err)
{
    struct looking l = { .growth = g, .grower = w, .node = node,
                         .rows = w->rows + node->begin,
                         .n = node->bagged - node->begin };
    uint64_t state = node->key;
    bool all = g->max_features >= g->features;
    int64_t draw = 0;

    no_split(&w->best);
    l.rules.measure = g->measure;
    l.rules.random = g->random;
    l.rules.weight_unit = g->weight_unit;
    l.rules.min_leaf = (uint64_t)ceil(g->min_leaf / g->weight_unit);
    l.rules.min_leaf = l.rules.min_leaf < 1 ? 1 : l.rules.min_leaf;
    if (!splittable(&l))
        return true;
    l.random = next_bits(&state);
    if (g->alone && g->threads > 1 && l.n >= SHARED_ROWS) {
        draw = all ? g->features : g->max_features;
        for (int64_t k = 0; !all && k < draw; k++)
            draw_feature(g, w, k, &state);
        if (!look_together(&l, draw, err))
            return false;
    }
    for (; draw < g->features && (draw < g->max_features || w->best.feature < 0);
         draw++) {
        if (!all)
            draw_feature(g, w, draw, &state);
        look(&l, w->order[draw], draw, w);
    }
    if (!all)
        put_back(w, draw);
    return true;
}

/* ---- Leaves ------------------------------------------------------------ */

static int64_t true_row(const struct mls_grower *w,
                        const struct mls_tree_row *row)
{
    return w->is_near ? w->near_row[row->row] : row->row;
}

/* From the targets and weights themselves; rows stand in ascending order, so
 * the sums do not depend on how the tree was grown. */
static double sum_leaf(const struct mls_growth *g, struct mls_grower *w,
                       const struct waiting *node)
{
    const double *y = g->target->y, *weight = g->target->weight;
    int width = mls_growth_width(g);
    double total = 0;

    for (int k = 0; k < width; k++)
        w->leaf[k] = 0;
    for (int64_t i = node->begin; i < node->bagged; i++) {
        int64_t row = true_row(w, &w->rows[i]);
        double times = w->rows[i].weight;

        if (weight)
            times = weight[row] * (w->rows[i].weight / g->weight[row]);
        total += times;
        if (g->classes)
            w->leaf[w->rows[i].value] += times;
        else
            w->leaf[0] += times * y[row];
    }
    for (int k = 0; k < width; k++)
        w->leaf[k] /= total;
    if (!g->classes) {
        w->leaf[0] = w->leaf[0] < g->high ? w->leaf[0] : g->high;
        w->leaf[0] = w->leaf[0] > g->low ? w->leaf[0] : g->low;
    }
    return total;
}

#define LEFT_OUT_ONE ((int64_t)1 << 44)

static void leave_out(const struct mls_growth *g, struct mls_grower *w,
                      const struct waiting *node)
{
    int width = mls_growth_width(g);
    double low = g->classes ? 0 : g->low;
    double spread = g->classes ? 1 : g->high - g->low;

    for (int k = 0; k < width; k++) {
        double part = spread > 0 ? (w->leaf[k] - low) / spread : 0;
        int64_t one = LEFT_OUT_ONE
            + (int64_t)nearbyint(ldexp(part, LEFT_OUT_BITS));

        for (int64_t i = node->bagged; i < node->end; i++)
            atomic_fetch_add_explicit(&g->left_out[true_row(w, &w->rows[i])
                                                       * width + k],
                                      one, memory_order_relaxed);
    }
}

bool mls_growth_left_out(const struct mls_growth *g, int64_t row, double *mean)
{
    int width = mls_growth_width(g);
    double low = g->classes ? 0 : g->low;
    double spread = g->classes ? 1 : g->high - g->low;

    for (int k = 0; k < width; k++) {
        int64_t sum = g->left_out[row * width + k];
        int64_t count = sum / LEFT_OUT_ONE;

        if (count == 0)
            return false;
        mean[k] = low + spread * ldexp((double)(sum % LEFT_OUT_ONE)
                                           / (double)count,
                                       -LEFT_OUT_BITS);
    }
    return true;
}

static bool make_leaf(struct mls_growth *g, struct mls_grower *w,
                      const struct waiting *node, struct mls_tree *tree,
                      struct mls_error *err)
{
    int width = mls_growth_width(g);
    int64_t leaf = mls_tree_add_leaf(tree, width, err);

    if (leaf < 0)
        return false;
    tree->nodes[node->node].leaf = leaf;
    tree->nodes[node->node].cover = sum_leaf(g, w, node);
    memcpy(tree->values + leaf * width, w->leaf,
           (size_t)width * sizeof(*w->leaf));
    if (g->left_out)
        leave_out(g, w, node);
    return true;
}

/* ---- Splitting --------------------------------------------------------- */

static void fill_sides(struct mls_grower *w, const struct mls_tree_split *split,
                       int32_t codes)
{
    if (split->categorical) {
        memcpy(w->left, split->left, (size_t)codes);
        return;
    }
    memset(w->left, 0, (size_t)codes);
    memset(w->left + 1, 1, split->code);
    w->left[0] = split->missing_left;
}

static bool write_split(const struct mls_growth *g, const struct mls_grower *w,
                        const struct mls_tree_split *split, int32_t codes,
                        int64_t at, struct mls_tree *tree,
                        struct mls_error *err)
{
    struct mls_tree_node *node;
    int64_t set = 0;
    double gain = split->gain * g->gain_unit * g->weight_unit;

    if (split->categorical) {
        set = mls_tree_add_set(tree, codes, err);
        if (set < 0)
            return false;
        for (int32_t c = 0; c < codes; c++)
            tree->sets[set + (c >> 3)] |= (uint8_t)(w->left[c] << (c & 7));
    }
    node = &tree->nodes[at];
    node->feature = (int32_t)g->feature[split->feature];
    node->split = split->categorical ? 0 : (uint16_t)split->code;
    node->missing_left = split->categorical ? false : split->missing_left;
    node->set = set;
    node->gain = gain < DBL_MAX ? gain : DBL_MAX;
    return true;
}

/* Parts the node's rows; left and right receive its sides. */
static bool split_node(struct mls_growth *g, struct mls_grower *w,
                       const struct waiting *node,
                       const struct mls_tree_split *split,
                       struct mls_tree *tree, struct waiting *left,
                       struct waiting *right, struct mls_error *err)
{
    struct mls_tree_codes codes = codes_of(g, w, split->feature);
    struct mls_tree_row *rows = w->rows;
    int64_t in = node->bagged - node->begin, out = node->end - node->bagged;
    int64_t left_in, left_out;

    fill_sides(w, split, codes.count);
    left->node = (int32_t)mls_tree_add_node(tree, err);
    right->node = left->node < 0 ? -1 : (int32_t)mls_tree_add_node(tree, err);
    if (right->node < 0
        || !write_split(g, w, split, codes.count, node->node, tree, err)) {
        return false;
    }
    tree->nodes[node->node].left = left->node;
    tree->nodes[node->node].right = right->node;
    left_in = mls_tree_part(rows + node->begin, in, codes, w->left,
                            rows + node->begin, w->aside);
    left_out = mls_tree_part(rows + node->bagged, out, codes, w->left,
                             rows + node->begin + left_in,
                             w->aside + in - left_in);
    left->begin = node->begin;
    left->bagged = left->begin + left_in;
    left->end = right->begin = left->bagged + left_out;
    right->bagged = right->begin + in - left_in;
    right->end = node->end;
    left->depth = right->depth = node->depth + 1;
    left->key = key_of_side(node->key, true);
    right->key = key_of_side(node->key, false);
    memcpy(rows + right->begin, w->aside,
           (size_t)(right->end - right->begin) * sizeof(*rows));
    return true;
}

/* ---- Depth first ------------------------------------------------------- */

static bool push(struct mls_grower *w, const struct waiting *node,
                 struct mls_error *err)
{
    if (!mls_grow(&w->waiting, w->waiting_count, &w->waiting_capacity,
                  sizeof(*w->waiting), err))
        return false;
    w->waiting[w->waiting_count++] = *node;
    return true;
}

/* Whether a subtree of so many rows is to have columns of its own: the copies
 * must be fewer than the looks to come. */
static bool comes_near(const struct mls_growth *g, const struct mls_grower *w,
                       const struct waiting *node)
{
    return !w->is_near && node->end - node->begin <= NEAR
        && g->features <= LEVELS * g->max_features;
}

static void copy_near(const struct mls_growth *g, struct mls_grower *w,
                      const struct waiting *node)
{
    const struct mls_binned *binned = g->binned;
    struct mls_tree_row *rows = w->rows + node->begin;
    int64_t n = node->end - node->begin;

    for (int64_t i = 0; i < n; i++) {
        w->near_row[i] = rows[i].row;
        rows[i].row = (uint32_t)i;
    }
    for (int64_t k = 0; k < g->features; k++) {
        const uint8_t *from = binned->by_column
            + g->feature[k] * binned->column_stride;
        uint8_t *to = w->near + k * NEAR * binned->width;

        if (binned->width == 1) {
            for (int64_t i = 0; i < n; i++)
                to[i] = from[w->near_row[i]];
        } else {
            for (int64_t i = 0; i < n; i++)
                memcpy(to + 2 * i, from + 2 * (int64_t)w->near_row[i], 2);
        }
    }
}

/* All that waits above `base`. */
static bool grow_deep(struct mls_growth *g, struct mls_grower *w, int64_t base,
                      struct mls_tree *tree, struct mls_error *err)
{
    while (w->waiting_count > base) {
        struct waiting node = w->waiting[--w->waiting_count];
        struct waiting left, right;

        if (comes_near(g, w, &node)) {
            copy_near(g, w, &node);
            w->is_near = true;
            if (!push(w, &node, err)
                || !grow_deep(g, w, w->waiting_count - 1, tree, err))
                return false;
            w->is_near = false;
            continue;
        }
        if (!mls_run_go_on(node.end - node.begin > NEAR ? g->run : NULL, err)
            || !find_split(g, w, &node, err))
            return false;
        if (w->best.feature < 0) {
            if (!make_leaf(g, w, &node, tree, err))
                return false;
            continue;
        }
        tree->nodes[node.node].cover = (double)w->weight * g->weight_unit;
        if (!split_node(g, w, &node, &w->best, tree, &left, &right, err)
            || !push(w, &right, err) || !push(w, &left, err))
            return false;
    }
    return true;
}

/* ---- Best first -------------------------------------------------------- */

static bool gains_more(const struct waiting *a, const struct waiting *b)
{
    return a->split.gain > b->split.gain
        || (a->split.gain == b->split.gain && a->node < b->node);
}

/* waiting is a heap: each gains no less than the two behind it. */
static void sift_up(struct waiting *heap, int64_t at)
{
    struct waiting one = heap[at];

    for (; at > 0 && gains_more(&one, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = one;
}

static void sift_down(struct waiting *heap, int64_t count)
{
    struct waiting one = heap[0];
    int64_t at = 0;

    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && gains_more(&heap[child + 1], &heap[child]))
            child++;
        if (!gains_more(&heap[child], &one))
            break;
        heap[at] = heap[child];
    }
    heap[at] = one;
}

static bool keep_table(const struct mls_growth *g, struct mls_grower *w,
                       const uint8_t *left, int64_t *table,
                       struct mls_error *err)
{
    if (!mls_grow(&w->tables, w->table_count, &w->table_capacity,
                  (size_t)g->most_codes, err))
        return false;
    memcpy(w->tables + w->table_count * g->most_codes, left,
           (size_t)g->most_codes);
    *table = w->table_count++;
    return true;
}

/* Looks at a node: it joins the heap, or is a leaf. */
static bool weigh(struct mls_growth *g, struct mls_grower *w,
                  struct waiting *node, struct mls_tree *tree,
                  struct mls_error *err)
{
    if (!find_split(g, w, node, err))
        return false;
    if (w->best.feature < 0)
        return make_leaf(g, w, node, tree, err);
    tree->nodes[node->node].cover = (double)w->weight * g->weight_unit;
    node->split = w->best;
    if (w->best.categorical
        && !keep_table(g, w, w->best.left, &node->table, err))
        return false;
    if (!push(w, node, err))
        return false;
    sift_up(w->waiting, w->waiting_count - 1);
    return true;
}

static bool grow_best(struct mls_growth *g, struct mls_grower *w,
                      struct waiting root, struct mls_tree *tree,
                      struct mls_error *err)
{
    int64_t leaves = 1;

    w->table_count = 0;
    if (!weigh(g, w, &root, tree, err))
        return false;
    for (; w->waiting_count > 0 && leaves < g->max_leaves; leaves++) {
        struct waiting node = w->waiting[0], left, right;

        w->waiting[0] = w->waiting[--w->waiting_count];
        if (w->waiting_count > 0)
            sift_down(w->waiting, w->waiting_count);
        if (node.split.categorical)
            node.split.left = w->tables + node.table * g->most_codes;
        if (!mls_run_go_on(g->run, err)
            || !split_node(g, w, &node, &node.split, tree, &left, &right, err)
            || !weigh(g, w, &left, tree, err)
            || !weigh(g, w, &right, tree, err))
            return false;
    }
    for (int64_t k = 0; k < w->waiting_count; k++) {
        if (!make_leaf(g, w, &w->waiting[k], tree, err))
            return false;
    }
    return true;
}

/* ---- One tree ---------------------------------------------------------- */

static bool load_rows(const struct mls_growth *g, struct mls_grower *w,
                      const uint8_t *bag, struct waiting *root,
                      struct mls_error *err)
{
    int64_t n = g->target->rows, in = 0, out = 0;

    if (!w->rows)
        w->rows = mls_new_array(n + 1, sizeof(*w->rows), err);
    if (w->rows && !w->aside)
        w->aside = mls_new_array(n + 1, sizeof(*w->aside), err);
    if (!w->rows || !w->aside)
        return false;
    for (int64_t i = 0; i < n; i++) {
        uint32_t times = (bag ? bag[i] : 1u) * (g->weight ? g->weight[i] : 1u);
        struct mls_tree_row one = { (uint32_t)i, times, g->value[i] };

        if (!g->classes)
            one.value *= times;
        w->rows[in] = one;
        w->aside[out] = one;
        in += times > 0;
        out += times == 0;
    }
    root->begin = 0;
    root->bagged = root->end = in;
    if (g->left_out) {
        memcpy(w->rows + in, w->aside, (size_t)out * sizeof(*w->rows));
        root->end = n;
    }
    return true;
}

bool mls_grow_tree(struct mls_growth *g, uint64_t key, const uint8_t *bag,
                   struct mls_tree *tree, struct mls_error *err)
{
    struct mls_grower *w = &g->growers[mls_worker()];
    struct waiting root = { .key = key };

    mls_tree_empty(tree);
    w->waiting_count = 0;
    w->is_near = false;
    if (mls_tree_add_node(tree, err) < 0 || !load_rows(g, w, bag, &root, err))
        return false;
    if (g->max_leaves > 0)
        return grow_best(g, w, root, tree, err);
    return push(w, &root, err) && grow_deep(g, w, 0, tree, err);
}
