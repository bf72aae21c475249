/*
 * Minimal cost-complexity pruning (Breiman, Friedman, Olshen & Stone 1984,
 * chapter 3).  For a given alpha the smallest best subtree needs no sequence of
 * weakest links: from the leaves up, a node keeps its split only when what the
 * splits that remain below it, and its own, gain is more than alpha for each
 * leaf that they add.
 */
#include "base/memory.h"
#include "learner/tree_grow.h"

/* What remains below a node. */
struct branch {
    double gain;
    int64_t leaves;
};

/* The weighted mean of both sides' leaves, which become one. */
static bool join(struct mls_tree *tree, struct mls_tree_node *node, int width,
                 struct mls_error *err)
{
    const struct mls_tree_node *left = &tree->nodes[node->left];
    const struct mls_tree_node *right = &tree->nodes[node->right];
    double cover = left->cover + right->cover;
    int64_t leaf = mls_tree_add_leaf(tree, width, err);

    if (leaf < 0)
        return false;
    for (int k = 0; k < width; k++) {
        double a = tree->values[left->leaf * width + k];
        double b = tree->values[right->leaf * width + k];

        tree->values[leaf * width + k] = a + (b - a) * (right->cover / cover);
    }
    node->leaf = leaf;
    node->cover = cover;
    return true;
}

bool mls_tree_prune(struct mls_tree *tree, double alpha, double total_weight,
                    int width, struct mls_error *err)
{
    struct branch *branch = mls_new(tree->node_count, sizeof(*branch), err);
    bool ok = branch != NULL;

    /* Sides stand behind their node.  The means are needed of every node, for
     * what is above it may be cut as well. */
    for (int64_t i = tree->node_count - 1; ok && i >= 0; i--) {
        struct mls_tree_node *node = &tree->nodes[i];
        const struct branch *left, *right;

        branch[i] = (struct branch){ 0, 1 };
        if (node->feature < 0)
            continue;
        left = &branch[node->left];
        right = &branch[node->right];
        branch[i].gain = node->gain + left->gain + right->gain;
        branch[i].leaves = left->leaves + right->leaves;
        ok = join(tree, node, width, err);
        if (branch[i].gain
            <= alpha * total_weight * (double)(branch[i].leaves - 1)) {
            node->feature = -1;
            branch[i] = (struct branch){ 0, 1 };
        }
    }
    mls_free(branch);
    return ok;
}
