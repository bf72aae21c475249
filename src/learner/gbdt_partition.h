/*
 * Which rows go where: partition of a leaf's rows by a split, and the leaf of
 * every row once a tree is grown.  Both read byte columns.
 */
#ifndef MLS_LEARNER_GBDT_PARTITION_H
#define MLS_LEARNER_GBDT_PARTITION_H

#include "learner/binned.h"

/*
 * What a split asks of a code.  Leaf `leaf` is split: rows that go right get
 * leaf `right`, those that go left keep it.
 */
struct mls_question {
    const void *column;         /* codes of all rows */
    int32_t leaf, right;
    bool categorical, missing_left;
    uint16_t code;              /* numeric: codes 1 .. code go left */
    const uint8_t *set;         /* categorical: a bit a code */
    int32_t codes;
};

/* Rows of a leaf, and what travels with each of them. */
struct mls_travellers {
    uint32_t *row;
    uint32_t *cell;             /* or NULL */
};

/*
 * Parts the rows of a leaf, `count` of them; returns how many go left.  Those
 * stay in front, in their order; the others are written to the end of spare,
 * spare.row[left .. count), in another order.  So no row is moved twice: the
 * left side lives on in one room, the right side in the other.
 *
 *   first   -1, or rows are first, first + 1, ...: rows.row is only written
 *   rows    count; what lies behind the left ones is lost
 *   spare   room for count
 *   goes    room for 65,536 bytes
 *
 * Cells, when there are any, lie in the order of the rows before and after.
 */
int64_t mls_partition(const struct mls_question *question, int width,
                      int64_t first, int64_t count, struct mls_travellers rows,
                      struct mls_travellers spare, uint8_t *goes);

#define MLS_RELABEL_ROWS 128

/*
 * The leaf of each of the rows first .. first + rows, at most MLS_RELABEL_ROWS:
 * starts with leaf 0 for all and asks the questions in order.  first is a
 * multiple of MLS_RELABEL_ROWS.
 *
 *   leaf    room for MLS_RELABEL_ROWS numbers
 */
void mls_relabel(const struct mls_question *questions, int64_t count,
                 int width, int64_t first, int64_t rows, uint16_t *leaf);

#endif
