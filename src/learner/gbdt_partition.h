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

/*
 * Parts rows[0 .. count) (NULL: rows first ..) in place: those that go left
 * stay in front, in their order, the others behind them in theirs; returns how
 * many go left.  With rows NULL the outcome is written to `to`, which may be
 * rows itself.
 *
 *   spare   room for count rows and 16 more
 *   goes    room for 65,536 bytes
 */
int64_t mls_partition(const struct mls_question *question, int width,
                      const uint32_t *rows, int64_t first, int64_t count,
                      uint32_t *to, uint32_t *spare, uint8_t *goes);

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
