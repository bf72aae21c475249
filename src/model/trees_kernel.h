/*
 * The hot loops of scoring: which leaf of a tree each of many rows ends in.
 *
 * Programs.  A tree of at most 256 leaves is evaluated from its leaves to its
 * root for 128 rows at once, without a branch.  Leaves are numbered from the
 * left within each side, so that a node's leaf follows from those of its sides:
 *
 *     leaf(node) = row goes left ? leaf(left) : leaf(right) + leaves(left)
 *
 * Each is a byte a row: a comparison, an addition and a choice by the mask of
 * the comparison, for 32 rows an instruction with AVX2.  Both sides of a node
 * are always computed, which costs less than to find out who needs which: 30
 * nodes for 128 rows take about as long as 6 steps of one row down a tree would
 * for 30 of them.
 *
 * Results stand in slots of 128 bytes: slot 0 holds zeros, which is what a leaf
 * is, op i of a program fills slot i + 1.  First come the ops whose two sides
 * are leaves, who need no slot; then the others, each behind its sides; the
 * root is last.
 *
 * Trees whose levels each ask one question: the answers are the bits of the
 * leaf's number.
 *
 * Sets.  A question whether a category is in a set is answered beforehand: the
 * answers become a plane of their own, -128 for left, 127 for right.
 */
#ifndef MLS_MODEL_TREES_KERNEL_H
#define MLS_MODEL_TREES_KERNEL_H

#include "mlspec/error.h"

enum {
    TREES_ROWS = 128,           /* rows of a slot */
    TREES_PROGRAM_LEAVES = 256
};

/* One node.  plane, as all planes of a program, counts in planes; those of its
 * sets follow the model's. */
struct trees_op {
    uint32_t plane;
    int8_t bound;
    uint8_t left_leaves;
    uint8_t left, right;        /* slots */
};

/* Is the group of a row in the set?  Bit (g >> 4 & 7) of byte
 * (g & 15) + 16 (g >> 7); wide, for groups of two bytes in planes plane and
 * plane + 1: bit g & 7 of byte g >> 3. */
struct trees_set {
    uint32_t plane;
    bool wide;
    int64_t at;                 /* its first byte */
};

struct trees_program {
    int64_t op;                 /* its first */
    int32_t ops, leaf_ops;      /* the latter: both sides are leaves */
    int64_t set;                /* its first */
    int32_t sets;
};

/* Everything that programs share. */
struct trees_code {
    const struct trees_op *ops;
    const struct trees_set *sets;
    const uint8_t *set_bytes;
    uint8_t *planes;            /* those of the model, then room for those of
                                 * the sets of any one program */
    int64_t plane_count;        /* of the model */
    int64_t stride;             /* bytes of a plane, a multiple of TREES_ROWS */
};

/* leaf[i]: the leaf of row first + i, for TREES_ROWS rows; first is a multiple
 * of TREES_ROWS.  slots: 256 x TREES_ROWS bytes, 64-byte aligned, slot 0 zeros.
 * leaf is 64-byte aligned. */
typedef void trees_run_program(const struct trees_code *code,
                               const struct trees_program *program,
                               int64_t first, uint8_t *slots, uint8_t *leaf);

struct trees_kernel {
    const char *name;
    trees_run_program *program, *levels;
};

/* The best that the processor has; and all that it has, the plain one first,
 * for tests. NULL past the last. */
const struct trees_kernel *mls_trees_kernel(void);
const struct trees_kernel *mls_trees_kernel_at(int i);

/* out[i * stride] += value[k][leaf[k][i]] for k = 0, 1, ... trees - 1 in this
 * order, i < rows.  leaf[k] is leaf + k * TREES_ROWS. */
void mls_trees_add_real(const double *const *value, const uint8_t *leaf,
                        int trees, int64_t rows, int64_t stride, double *out);
void mls_trees_add_float(const float *const *value, const uint8_t *leaf,
                         int trees, int64_t rows, int64_t stride, double *out);

#endif
