/*
 * The trees of a model one after the other, each node with what it asks: for
 * what is shown to people, where speed does not count.
 */
#ifndef MLS_MODEL_TREES_READ_H
#define MLS_MODEL_TREES_READ_H

#include "model/trees_plan.h"

struct mls_json;

/* One tree; its nodes are in preorder, the left side of node i begins at
 * i + 1, the right one at i + trees_right(&nodes[i]). */
struct trees_reading {
    const struct trees_plan *plan;
    int64_t number;             /* of the tree, from 0; -1 before the first */
    const struct trees_node *nodes;
    int64_t count;              /* nodes */
    int64_t *split;             /* count: its number in the file; -1: a leaf */
    int64_t *set;               /* count: the first byte of its categories */
    double *cover;              /* count: weight of the training rows in it */
    int64_t next_split, next_set;
};

/* Room for the largest tree; before the first.  To be closed also when it
 * fails. */
MLS_CHECK bool mls_trees_read_open(struct trees_reading *r,
                                   const struct trees_plan *plan,
                                   struct mls_error *err);
/* The next tree; false after the last. */
bool mls_trees_read_next(struct trees_reading *r);
void mls_trees_read_close(struct trees_reading *r);

/* The feature of the split at node i. */
static inline int64_t trees_read_feature(const struct trees_reading *r,
                                         int64_t i)
{
    return trees_feature(&r->plan->file, r->split[i]);
}

/* Value k of the leaf at node i. */
static inline double trees_read_value(const struct trees_reading *r, int64_t i,
                                      int k)
{
    const struct trees_file *f = &r->plan->file;
    int64_t leaf = r->plan->number[r->nodes + i - r->plan->nodes];

    return trees_value(f, leaf * f->width + k);
}

/* Does a file's code go left at the categorical split of node i? */
static inline bool trees_read_in_set(const struct trees_reading *r, int64_t i,
                                     int32_t code)
{
    return trees_bit(r->plan->file.set + r->set[i], code);
}

/* The value of each node, by covers: count x width. */
void mls_trees_read_means(const struct trees_reading *r, double *mean);

/* A value of a feature as the table has it: a date as text, else a number. */
MLS_CHECK bool mls_trees_add_value(struct mls_json *to, const char *key,
                                   const struct mls_field *field, double value,
                                   struct mls_error *err);
/* Level `code` of a feature, as text; of one without dictionary its number. */
MLS_CHECK bool mls_trees_add_level(struct mls_json *to, const char *key,
                                   const struct mls_field *field, int64_t code,
                                   struct mls_error *err);

#endif
