/*
 * The loops over rows of growing a tree.  They take arrays and sizes, allocate
 * nothing and cannot fail.
 *
 * A node's rows stand together, in ascending order, as records of 16 bytes that
 * carry what sums need, so that nothing but the codes is looked up elsewhere.
 */
#ifndef MLS_LEARNER_TREE_HOT_H
#define MLS_LEARNER_TREE_HOT_H

#include <stdint.h>

struct mls_tree_row {
    uint32_t row;               /* where its codes stand in a column */
    uint32_t weight;            /* a whole number; 0: out of the bag */
    int64_t value;              /* weight times target, or the class */
};

/* What the rows of a node that share a code add up to. */
struct mls_tree_bin {
    uint32_t code, weight;
    int64_t sum;
};

/* Codes of one feature, width 1 or 2 bytes, and how many there are. */
struct mls_tree_codes {
    const void *code;
    int width;
    int32_t count;
};

/* For sums by code; all zero between uses. */
struct mls_tree_cell {
    uint64_t weight;            /* shifted left by 32 */
    int64_t sum;
};

/*
 * Sums weight and value of n rows by code.  bin receives those of the codes that
 * occur, in ascending order; how many.  The weights of all rows are at least 1
 * and sum to less than 2^32.
 *
 *   cells  codes.count, zero before and after
 *   bits   ceil(codes.count / 64), zero before and after
 */
int64_t mls_tree_sum_bins(const struct mls_tree_row *rows, int64_t n,
                          struct mls_tree_codes codes,
                          struct mls_tree_cell *cells, uint64_t *bits,
                          struct mls_tree_bin *bin);

/*
 * The same by class: values are classes below `classes`; counts receives
 * classes weights for each bin (whose sum is left 0).  cells: codes.count x
 * classes.
 */
int64_t mls_tree_sum_classes(const struct mls_tree_row *rows, int64_t n,
                             struct mls_tree_codes codes, int classes,
                             uint32_t *cells, uint64_t *bits,
                             struct mls_tree_bin *bin, uint32_t *counts);

/*
 * Parts n rows at `from` in a stable way: those whose code has a 1 in left go
 * to `to` (which may overlap from, starting no later), the others to right.
 * How many went left.  Both places have room for one row more than go there.
 */
int64_t mls_tree_part(const struct mls_tree_row *from, int64_t n,
                      struct mls_tree_codes codes, const uint8_t *left,
                      struct mls_tree_row *to, struct mls_tree_row *right);

#endif
