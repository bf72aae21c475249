/*
 * Scans over the bins of a feature.
 *
 * Squares: with left weight a, left sum s, and the node's weight w and mean m
 *
 *      gain = w d^2 / (a (w - a)),       d = s - a m
 *
 * which needs one division a cut and loses no digits to a mean far from 0.
 *
 * Categories: the best of all subsets of many levels fits their noise: a node
 * whose every level has one row is parted without error.  So a node tells apart
 * only its heaviest levels, FEW_LEVELS or one for every ROWS_A_LEVEL rows, and
 * the others are one level, whose side is that of unseen levels too.
 */
#include "learner/tree_split.h"

#include <assert.h>
#include <math.h>

#include "base/random.h"

#define ALWAYS static inline __attribute__((always_inline))
enum { MOST_CLASSES = 8, FEW_LEVELS = 8, ROWS_A_LEVEL = 10 };
#define POOLED UINT32_MAX

/* One scan: bins in an order, left of all of them what is in `first`. */
struct scan {
    const struct mls_tree_sums *node;
    const struct mls_tree_rules *rules;
    const struct mls_tree_bin *bins;    /* in order */
    const uint32_t *order;              /* NULL: as they stand */
    const uint32_t *counts;             /* by class, else NULL */
    int64_t n;
    double *side;
    /* found */
    double gain;
    int64_t at;                 /* bins 0 .. at go left */
    uint64_t left_weight;
    int64_t left_sum;
};

static double x_log_x(double x)
{
    return x > 0 ? x * log2(x) : 0;
}

ALWAYS double gain_of_two(double w, double s, double a, double left)
{
    double b = w - a, right = s - left;

    return x_log_x(left) + x_log_x(a - left) - x_log_x(a)
        + x_log_x(right) + x_log_x(b - right) - x_log_x(b)
        - x_log_x(s) - x_log_x(w - s) + x_log_x(w);
}

/* Moments.  first: a bin that is left of all cuts, or NULL. */
ALWAYS void scan_moments(struct scan *s, const struct mls_tree_bin *first,
                         bool entropy)
{
    uint64_t all = s->node->weight, least = s->rules->min_leaf;
    uint64_t weight = first ? first->weight : 0;
    int64_t sum = first ? first->sum : 0;
    double w = (double)all, total = (double)s->node->sum, mean = total / w;
    double best = -1;

    for (int64_t k = 0; k < s->n; k++) {
        const struct mls_tree_bin *bin = &s->bins[s->order ? s->order[k] : k];
        double a, d, gain;

        weight += bin->weight;
        sum += bin->sum;
        if (weight < least || all - weight < least || weight == all)
            continue;
        a = (double)weight;
        d = (double)sum - a * mean;
        gain = entropy ? gain_of_two(w, total, a, (double)sum)
                       : d * d / (a * (double)(all - weight));
        if (gain > best) {
            best = gain;
            s->at = k;
            s->left_weight = weight;
            s->left_sum = sum;
        }
    }
    s->gain = entropy || best < 0 ? best : best * w;
}

static double class_gain(const struct mls_tree_sums *node, double a,
                         const double *left, bool entropy)
{
    double w = (double)node->weight, b = w - a, in_left = 0, in_right = 0;
    double in_node = 0;

    for (int k = 0; k < node->classes; k++) {
        double l = left[k], r = node->count[k] - l, c = node->count[k];

        in_left += entropy ? x_log_x(l) : l * l;
        in_right += entropy ? x_log_x(r) : r * r;
        in_node += entropy ? x_log_x(c) : c * c;
    }
    if (entropy)
        return in_left - x_log_x(a) + in_right - x_log_x(b)
            - (in_node - x_log_x(w));
    return in_left / a + in_right / b - in_node / w;
}

/* first: counts of a bin left of all cuts. */
static void scan_classes(struct scan *s, const struct mls_tree_bin *first,
                         const uint32_t *first_counts)
{
    uint64_t all = s->node->weight, least = s->rules->min_leaf;
    uint64_t weight = first ? first->weight : 0;
    int classes = s->node->classes;
    bool entropy = s->rules->measure == MLS_TREE_CLASS_ENTROPY;

    s->gain = -1;
    for (int k = 0; k < classes; k++)
        s->side[k] = first ? first_counts[k] : 0;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t at = s->order ? s->order[i] : i;
        double gain;

        weight += s->bins[at].weight;
        for (int k = 0; k < classes; k++)
            s->side[k] += s->counts[at * classes + k];
        if (weight < least || all - weight < least || weight == all)
            continue;
        gain = class_gain(s->node, (double)weight, s->side, entropy);
        gain = gain < 0 ? 0 : gain;
        if (gain > s->gain) {
            s->gain = gain;
            s->at = i;
            s->left_weight = weight;
        }
    }
}

static void scan(struct scan *s, const struct mls_tree_bin *first,
                 const uint32_t *first_counts)
{
    s->gain = -1;
    if (s->counts)
        scan_classes(s, first, first_counts);
    else if (s->rules->measure == MLS_TREE_ENTROPY)
        scan_moments(s, first, true);
    else
        scan_moments(s, first, false);
}

/* ---- One random cut ---- */

/* All bins up to code `cut` become one. */
static void merge_up_to(const struct scan *s, uint32_t cut,
                        struct mls_tree_bin *bin, uint32_t *counts)
{
    int classes = s->counts ? s->node->classes : 0;

    *bin = (struct mls_tree_bin){ cut, 0, 0 };
    for (int k = 0; k < classes; k++)
        counts[k] = 0;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t at = s->order ? s->order[i] : i;

        if (s->order ? i > cut : s->bins[at].code > cut)
            break;
        bin->weight += s->bins[at].weight;
        bin->sum += s->bins[at].sum;
        for (int k = 0; k < classes; k++)
            counts[k] += s->counts[at * classes + k];
    }
}

/* A cut at random: numeric between the lowest and the highest code, in order of
 * a key between any two bins.  counts: room for one bin. */
static void scan_random(struct scan *s, const struct mls_tree_bin *first,
                        const uint32_t *first_counts, uint64_t bits,
                        uint32_t *counts, uint32_t *cut)
{
    uint32_t low = s->order ? 0 : s->bins[0].code;
    uint32_t high = s->order ? (uint32_t)s->n - 1 : s->bins[s->n - 1].code;
    struct mls_tree_bin bin;
    struct scan one = *s;

    s->gain = -1;
    if (high == low)
        return;
    *cut = low + (uint32_t)mls_random_below(bits, high - low);
    merge_up_to(s, *cut, &bin, counts);
    one.bins = &bin;
    one.order = NULL;
    one.counts = s->counts ? counts : NULL;
    one.n = 1;
    scan(&one, first, first_counts);
    s->gain = one.gain;
    s->left_weight = one.left_weight;
    s->left_sum = one.left_sum;
    s->at = *cut;
}

/* ---- Numeric ---- */

static bool better(const struct mls_tree_split *best, double gain,
                   int64_t draw)
{
    return gain > best->gain || (gain == best->gain && draw < best->draw);
}

static void keep_numeric(const struct scan *s, int64_t feature, int64_t draw,
                         uint32_t code, int missing_left,
                         struct mls_tree_split *best)
{
    if (s->gain < 0 || !better(best, s->gain, draw))
        return;
    best->feature = feature;
    best->draw = draw;
    best->gain = s->gain;
    best->categorical = false;
    best->code = code;
    best->missing_left = missing_left >= 0
        ? missing_left
        : s->left_weight >= s->node->weight - s->left_weight;
    best->left_weight = s->left_weight;
    best->left_sum = s->left_sum;
}

/* missing_left -1: the node has no missing value. */
static void look_one_way(struct scan *s, const struct mls_tree_bin *missing,
                         const uint32_t *missing_counts, int missing_left,
                         int64_t feature, int64_t draw, int32_t codes,
                         uint64_t bits, uint32_t *counts,
                         struct mls_tree_split *best)
{
    const struct mls_tree_bin *first = missing_left == 1 ? missing : NULL;
    uint32_t code;

    if (s->rules->random && s->n > 1) {
        scan_random(s, first, missing_counts, bits, counts, &code);
    } else {
        scan(s, first, missing_counts);
        if (s->gain < 0)
            return;
        code = s->at + 1 < s->n
            ? (s->bins[s->at].code + s->bins[s->at + 1].code) / 2
            : (uint32_t)codes - 1;  /* missing ones against the rest */
    }
    keep_numeric(s, feature, draw, code, missing_left, best);
}

static void look_numeric(struct scan *s, int64_t feature, int64_t draw,
                         int32_t codes, uint64_t bits, uint32_t *counts,
                         struct mls_tree_split *best)
{
    const struct mls_tree_bin *missing = s->bins;
    const uint32_t *missing_counts = s->counts;

    if (missing->code != 0) {
        look_one_way(s, NULL, NULL, -1, feature, draw, codes, bits, counts,
                     best);
        return;
    }
    s->bins++;
    s->n--;
    if (s->n == 0)
        return;
    if (s->counts)
        s->counts += s->node->classes;
    look_one_way(s, missing, missing_counts, 0, feature, draw, codes, bits,
                 counts, best);
    look_one_way(s, missing, missing_counts, 1, feature, draw, codes, bits,
                 counts, best);
}

/* ---- Categories ---- */

/* order becomes ascending in key, ties by position.  Shell's sort. */
static void sort_by_key(const double *key, uint32_t *order, int64_t n)
{
    static const int64_t gaps[] = { 29524, 9841, 3280, 1093, 364, 121, 40, 13,
                                    4, 1 };

    for (int64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t g = 0; g < sizeof(gaps) / sizeof(*gaps); g++) {
        for (int64_t i = gaps[g]; i < n; i++) {
            uint32_t one = order[i];
            int64_t j = i;

            for (; j >= gaps[g]; j -= gaps[g]) {
                uint32_t other = order[j - gaps[g]];

                if (key[other] < key[one]
                    || (key[other] == key[one] && other < one))
                    break;
                order[j] = other;
            }
            order[j] = one;
        }
    }
}

static void keep_set(const struct scan *s, int64_t feature, int64_t draw,
                     int32_t codes, struct mls_tree_split *best)
{
    bool unseen_left;

    if (s->gain < 0 || !better(best, s->gain, draw))
        return;
    unseen_left = s->left_weight >= s->node->weight - s->left_weight;
    for (int64_t i = 0; i < s->n; i++) {
        if (s->bins[s->order[i]].code == POOLED)
            unseen_left = i <= s->at;
    }
    best->feature = feature;
    best->draw = draw;
    best->gain = s->gain;
    best->categorical = true;
    best->left_weight = s->left_weight;
    best->left_sum = s->left_sum;
    for (int32_t c = 0; c < codes; c++)
        best->left[c] = unseen_left;
    for (int64_t i = 0; i < s->n; i++) {
        if (s->bins[s->order[i]].code != POOLED)
            best->left[s->bins[s->order[i]].code] = i <= s->at;
    }
}

/* Light levels become one: see the top.  How many bins are left. */
static int64_t pool_levels(const struct scan *s, struct mls_tree_room *room)
{
    double rows = (double)s->node->weight * s->rules->weight_unit;
    int64_t most = (int64_t)(rows / ROWS_A_LEVEL), kept = 0;
    int classes = s->counts ? s->node->classes : 0;
    struct mls_tree_bin pool = { POOLED, 0, 0 };
    uint32_t *pool_counts = room->counts + s->n * classes, heaviest_pooled;

    most = most < FEW_LEVELS ? FEW_LEVELS : most;
    if (s->n <= most)
        return s->n;
    for (int64_t i = 0; i < s->n; i++)
        room->key[i] = room->bins[i].weight;
    sort_by_key(room->key, room->order, s->n);
    heaviest_pooled = room->bins[room->order[s->n - most]].weight;
    for (int k = 0; k < classes; k++)
        pool_counts[k] = 0;
    for (int64_t i = 0; i < s->n; i++) {
        struct mls_tree_bin one = room->bins[i];
        uint32_t *counts = room->counts + i * classes;

        if (one.weight > heaviest_pooled) {
            room->bins[kept] = one;
            for (int k = 0; k < classes; k++)
                room->counts[kept * classes + k] = counts[k];
            kept++;
            continue;
        }
        pool.weight += one.weight;
        pool.sum += one.sum;
        for (int k = 0; k < classes; k++)
            pool_counts[k] += counts[k];
    }
    room->bins[kept] = pool;
    for (int k = 0; k < classes; k++)
        room->counts[kept * classes + k] = pool_counts[k];
    return kept + 1;
}

static void look_in_order(struct scan *s, int64_t feature, int64_t draw,
                          int32_t codes, uint64_t bits,
                          struct mls_tree_room *room, uint32_t *counts,
                          struct mls_tree_split *best)
{
    uint32_t cut;

    sort_by_key(room->key, room->order, s->n);
    s->order = room->order;
    if (s->rules->random)
        scan_random(s, NULL, NULL, bits, counts, &cut);
    else
        scan(s, NULL, NULL);
    keep_set(s, feature, draw, codes, best);
}

/* The next class after `last` by weight (ties: the lower one), -1 at the end. */
static int next_class(const struct mls_tree_sums *node, int last)
{
    int next = -1;

    for (int k = 0; k < node->classes; k++) {
        double c = node->count[k];

        if (c > 0
            && (last < 0 || c < node->count[last]
                || (c == node->count[last] && k > last))
            && (next < 0 || c > node->count[next]))
            next = k;
    }
    return next;
}

static void look_categories(struct scan *s, int64_t feature, int64_t draw,
                            int32_t codes, uint64_t bits,
                            struct mls_tree_room *room, uint32_t *counts,
                            struct mls_tree_split *best)
{
    int classes = s->node->classes, class = -1;

    s->n = pool_levels(s, room);
    if (s->n < 2)
        return;
    if (!s->counts) {
        for (int64_t i = 0; i < s->n; i++)
            room->key[i] = (double)s->bins[i].sum / s->bins[i].weight;
        look_in_order(s, feature, draw, codes, bits, room, counts, best);
        return;
    }
    for (int round = 0; round < MOST_CLASSES; round++) {
        class = next_class(s->node, class);
        if (class < 0)
            return;
        for (int64_t i = 0; i < s->n; i++)
            room->key[i] = (double)s->counts[i * classes + class]
                / s->bins[i].weight;
        look_in_order(s, feature, draw, codes, bits, room, counts, best);
    }
}

void mls_tree_look(const struct mls_tree_sums *node,
                   const struct mls_tree_rules *rules, int64_t feature,
                   int64_t draw, bool categorical, int32_t codes,
                   uint64_t bits, int64_t bins, struct mls_tree_room *room,
                   struct mls_tree_split *best)
{
    bool by_class = rules->measure == MLS_TREE_CLASS_GINI
        || rules->measure == MLS_TREE_CLASS_ENTROPY;
    struct scan s = { .node = node, .rules = rules, .bins = room->bins,
                      .counts = by_class ? room->counts : NULL, .n = bins,
                      .side = room->side };
    uint32_t *spare = by_class ? room->counts + (int64_t)codes * node->classes
                               : NULL;

    if (bins < 2)
        return;
    if (categorical)
        look_categories(&s, feature, draw, codes, bits, room, spare, best);
    else
        look_numeric(&s, feature, draw, codes, bits, spare, best);
}
