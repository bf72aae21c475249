/*
 * Grown trees against an exhaustive search: every split must gain as much as
 * the best cut of any feature of its rows, counted one by one, and every leaf
 * must hold the mean of the rows that reach it.
 */
#include "test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "learner/forest_fit.h"
#include "learner/tree_grow.h"

static struct mls_error err;

enum { ROWS = 400, FEATURES = 4, CODES = 12 };

struct rows {
    struct mls_binned binned;
    struct mls_bins bins[FEATURES];
    struct mls_target target;
    uint8_t codes[FEATURES * 512];
    double y[ROWS], weight[ROWS];
    bool in[ROWS];
};

static uint64_t draw(uint64_t seed, int64_t i)
{
    return mls_random(seed, MLS_RANDOM_TEST, (uint64_t)i);
}

static void rows_make(struct rows *r, enum mls_task task, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    for (int j = 0; j < FEATURES; j++) {
        r->bins[j].codes = CODES;
        r->bins[j].categorical = j == 3;
        for (int i = 0; i < ROWS; i++)
            r->codes[j * 512 + i] = (uint8_t)(draw(seed, i * 8 + j) % CODES);
    }
    for (int i = 0; i < ROWS; i++) {
        double signal = r->codes[i] > 5 ? 2 : 0;

        signal += r->codes[512 + i] * 0.3 + r->codes[3 * 512 + i] % 3;
        signal += mls_random_unit(draw(seed, i * 8 + 7)) * 2;
        r->y[i] = task == MLS_REGRESSION ? signal
            : task == MLS_BINARY         ? signal > 4
                                         : fmin(floor(signal / 2), 3);
        r->weight[i] = 1 + (double)(draw(seed, i * 8 + 6) % 3);
    }
    r->binned = (struct mls_binned){ .rows = ROWS, .features = FEATURES,
                                     .width = 1, .column_stride = 512,
                                     .by_column = r->codes, .bins = r->bins };
    r->target = (struct mls_target){ .task = task, .rows = ROWS, .y = r->y,
                                     .weight = r->weight,
                                     .classes = task == MLS_REGRESSION ? 0
                                         : task == MLS_BINARY          ? 2
                                                                       : 4 };
}

/* Impurity times weight of the rows with side[i] == which: the sum of squared
 * differences over the indicators of the classes is Gini's. */
static double impurity(const struct rows *r, const int *side, int which)
{
    int outputs = r->target.classes ? r->target.classes : 1;
    double all = 0;

    for (int k = 0; k < outputs; k++) {
        double w = 0, s = 0, q = 0;

        for (int i = 0; i < ROWS; i++) {
            double y = r->target.classes ? r->y[i] == k : r->y[i];

            if (side[i] != which)
                continue;
            w += r->weight[i];
            s += r->weight[i] * y;
            q += r->weight[i] * y * y;
        }
        all += w > 0 ? q - s * s / w : 0;
    }
    return all;
}

static bool goes_left(const struct mls_tree *tree,
                      const struct mls_tree_node *node, int code)
{
    if (node->set >= 0 && node->split == 0 && node->feature == 3)
        return tree->sets[node->set + (code >> 3)] >> (code & 7) & 1;
    return code == 0 ? node->missing_left : code <= node->split;
}

/* The most that one cut of a numeric feature gains: in node rows only. */
static double best_cut(const struct rows *r, const int *in)
{
    double whole = impurity(r, in, 1), best = 0;
    int side[ROWS];

    for (int j = 0; j < 3; j++) {
        for (int cut = 0; cut < CODES; cut++) {
            for (int missing = 0; missing < 2; missing++) {
                double gain;

                for (int i = 0; i < ROWS; i++) {
                    int code = r->codes[j * 512 + i];
                    bool left = code == 0 ? missing : code <= cut;

                    side[i] = in[i] ? left : -1;
                }
                gain = whole - impurity(r, side, 0) - impurity(r, side, 1);
                best = gain > best ? gain : best;
            }
        }
    }
    return best;
}

/* Checks the subtree of a node for the rows in it; counts leaves. */
static int check_node(const struct rows *r, const struct mls_tree *tree,
                      int at, const int *in, int width)
{
    const struct mls_tree_node *node = &tree->nodes[at];
    int side[ROWS], left[ROWS], right[ROWS];
    double gain, weight = 0;

    for (int i = 0; i < ROWS; i++)
        weight += in[i] ? r->weight[i] : 0;
    assert_true(fabs(node->cover - weight) < 1e-9);
    if (node->feature < 0) {
        for (int k = 0; k < width; k++) {
            double sum = 0;

            for (int i = 0; i < ROWS; i++)
                sum += !in[i] ? 0 : r->weight[i]
                    * (width > 1 ? r->y[i] == k : r->y[i]);
            assert_true(fabs(tree->values[node->leaf * width + k]
                             - sum / weight) < 1e-9);
        }
        return 1;
    }
    for (int i = 0; i < ROWS; i++) {
        side[i] = !in[i] ? -1
            : goes_left(tree, node, r->codes[node->feature * 512 + i]);
        left[i] = side[i] == 1;
        right[i] = side[i] == 0;
    }
    gain = impurity(r, in, 1) - impurity(r, side, 0) - impurity(r, side, 1);
    assert_true(fabs(gain - node->gain) < 1e-6 * (1 + gain));
    /* Subsets of categories may gain more than any cut, never less. */
    assert_true(gain >= best_cut(r, in) - 1e-6);
    return check_node(r, tree, node->left, left, width)
        + check_node(r, tree, node->right, right, width);
}

static void each_split_is_the_best_and_each_leaf_the_mean(void **state)
{
    (void)state;
    for (int task = MLS_REGRESSION; task <= MLS_MULTICLASS; task++) {
        for (int leaves = 0; leaves <= 9; leaves += 9) {
            struct rows r;
            struct mls_growth g = { .binned = &r.binned, .target = &r.target,
                                    .min_split = 2, .min_leaf = 1,
                                    .max_leaves = leaves };
            struct mls_tree tree = { 0 };
            int in[ROWS], found;

            rows_make(&r, (enum mls_task)task, (uint64_t)(task + leaves));
            assert_true(mls_growth_begin(&g, &err));
            g.max_features = g.features;
            assert_true(mls_grow_tree(&g, 1, NULL, &tree, &err));
            for (int i = 0; i < ROWS; i++)
                in[i] = 1;
            found = check_node(&r, &tree, 0, in, mls_growth_width(&g));
            assert_true(leaves ? found == leaves : found > 20);
            mls_tree_clear(&tree);
            mls_growth_end(&g);
        }
    }
}

/* Leaves of the subtree, and what its splits gain. */
static int count_leaves(const struct mls_tree *tree, int at, double *gain)
{
    const struct mls_tree_node *node = &tree->nodes[at];

    if (node->feature < 0)
        return 1;
    *gain += node->gain;
    return count_leaves(tree, node->left, gain)
        + count_leaves(tree, node->right, gain);
}

/* No split that is left gains less than it costs, and cost falls with alpha. */
static void pruning_leaves_what_is_worth_its_leaves(void **state)
{
    const double alphas[] = { 0, 1e-4, 1e-3, 1e-2, 0.1, 10 };
    int last = ROWS + 1;

    (void)state;
    for (int a = 0; a < 6; a++) {
        struct rows r;
        struct mls_growth g = { .binned = &r.binned, .target = &r.target,
                                .min_split = 2, .min_leaf = 1 };
        struct mls_tree tree = { 0 };
        double all = 0, gain = 0;
        int leaves;

        rows_make(&r, MLS_REGRESSION, 5);
        assert_true(mls_growth_begin(&g, &err));
        g.max_features = g.features;
        assert_true(mls_grow_tree(&g, 1, NULL, &tree, &err));
        for (int i = 0; i < ROWS; i++)
            all += r.weight[i];
        assert_true(mls_tree_prune(&tree, alphas[a], all, 1, &err));
        leaves = count_leaves(&tree, 0, &gain);
        assert_true(leaves <= last);
        last = leaves;
        for (int64_t i = 0; i < tree.node_count; i++) {
            double below = 0;
            int n = count_leaves(&tree, (int)i, &below);

            assert_true(n == 1 || below > alphas[a] * all * (n - 1));
        }
        mls_tree_clear(&tree);
        mls_growth_end(&g);
    }
    assert_int_equal(last, 1);
}

static void bags_have_the_frequencies_of_poisson(void **state)
{
    enum { N = 100000 };
    uint8_t *bag = mls_new(N, 1, &err);
    double count[MLS_BAG_MOST + 1] = { 0 }, chance = exp(-1);

    (void)state;
    assert_non_null(bag);
    mls_bag_draw(3, 7, true, 1, N, bag);
    for (int i = 0; i < N; i++)
        count[bag[i]]++;
    for (int k = 0; k < 6; k++) {
        assert_true(fabs(count[k] / N - chance) < 5 * sqrt(chance / N));
        chance /= k + 1;
    }
    mls_bag_draw(3, 8, false, 0.3, N, bag);
    count[1] = 0;
    for (int i = 0; i < N; i++) {
        assert_true(bag[i] <= 1);
        count[1] += bag[i];
    }
    assert_true(fabs(count[1] / N - 0.3) < 0.01);
    mls_bag_draw(3, 8, false, 1e-9, 5, bag);
    for (int i = 0; i < 5; i++)
        assert_int_equal(bag[i], 1);
    mls_free(bag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_split_is_the_best_and_each_leaf_the_mean),
        cmocka_unit_test(pruning_leaves_what_is_worth_its_leaves),
        cmocka_unit_test(bags_have_the_frequencies_of_poisson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
