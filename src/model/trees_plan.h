/*
 * A trees model made ready to score: what compile makes of the file's arrays.
 *
 * Planes.  A question must cost one comparison of bytes.  So a row is seen as
 * bytes, one a plane, and a numeric question is "is the byte of plane p, taken
 * as a signed number, less than b?".  Only cuts that some split uses count:
 *
 *   rank      how many used cuts are smaller than the value: 0 .. cuts
 *   low       missing: 0          else rank + 1       - 128
 *   high      missing: 255        else rank           - 128
 *
 * Missing goes left with `low`, right with `high`; a feature has the planes
 * that its splits need.  More than 253 used cuts are spread over several
 * planes, each with a part of them: the others look to it like its ends.
 *
 * Categories are first put together to groups that no split tells apart (the
 * missing one is in group 0); a plane holds the group, two planes its low and
 * high byte when there are more than 256.
 *
 * Nodes.  The chain of the file with planes: eight bytes a node, the left side
 * behind it, a jump to the right side.  For deep trees and for single rows.
 *
 * Programs.  For trees of at most 256 leaves, see trees_kernel.h.
 */
#ifndef MLS_MODEL_TREES_PLAN_H
#define MLS_MODEL_TREES_PLAN_H

#include "model/trees_detail.h"
#include "model/trees_kernel.h"

enum { TREES_PLANE_CUTS = 253 };

enum trees_plane_kind {
    TREES_LOW,                  /* missing is the smallest */
    TREES_HIGH,                 /* missing is the largest */
    TREES_GROUP,                /* the group of a category, or its low byte */
    TREES_GROUP_HIGH            /* its high byte */
};

struct trees_plane {
    enum trees_plane_kind kind;
    int64_t first;              /* of the used cuts that it sees */
    int64_t cuts;               /* how many */
};

/* A feature that some split asks for. */
struct trees_input {
    int64_t feature;
    struct mls_bins bins;       /* of used cuts, of groups; owned */
    int64_t plane, planes;      /* its planes */
};

/*
 * right: to the right side from here; 0: a leaf.  Negative: a split by a set,
 * to the right side when its sign is turned.
 * ask: plane << 8 | bound; a leaf's bound is -128, less than no byte.
 */
struct trees_node {
    int32_t right;
    uint32_t ask;
};

enum trees_way {
    TREES_BY_NODES,             /* walk each row down */
    TREES_BY_PROGRAM,
    TREES_BY_LEVELS             /* all nodes of a level ask the same */
};

struct trees_tree {
    enum trees_way way;
    int output;                 /* that it adds to, with leaves of width 1 */
    int64_t root;               /* its first node */
    int64_t leaf;               /* its first leaf */
    struct trees_program program;
};

struct trees_plan {
    struct trees_file file;
    struct mls_bins *bins;      /* features; borrow the arrays */
    int64_t input_count, plane_count;
    struct trees_input *inputs;
    struct trees_plane *planes;
    /* Ordered by output, then by number. */
    struct trees_tree *trees;
    int64_t walked;             /* trees by nodes */
    struct trees_node *nodes;
    /* A leaf's number, from 0 in the whole chain; a split by a set: its place
     * in sets. */
    uint32_t *number;
    int64_t set_count;
    struct trees_set *sets;
    uint8_t *set_bytes;
    int64_t op_count;
    struct trees_op *ops;
    int64_t most_sets;          /* of one program */
    const struct trees_kernel *kernel;  /* the best; tests take others */
};

MLS_CHECK struct trees_plan *mls_trees_plan(const struct mls_model *model,
                                            struct mls_error *err);
void mls_trees_plan_free(struct trees_plan *plan);

/* How far behind a node its right side begins; 0: a leaf. */
static inline int64_t trees_right(const struct trees_node *n)
{
    return n->right < 0 ? -(int64_t)n->right : n->right;
}

/* Nodes of the tree, or of the side of one, that begins at root. */
int64_t mls_trees_count_nodes(const struct trees_node *root);
/* The cover of each of count nodes of the plan from node root: a split's is the
 * sum of its two sides'. */
void mls_trees_covers(const struct trees_plan *plan, int64_t root,
                      int64_t count, double *cover);
/* The share of the cover of node i (of those from root) that goes left; one
 * half when nothing is there. */
static inline double trees_share_left(const double *cover, int64_t i)
{
    return cover[i] > 0 ? cover[i + 1] / cover[i] : 0.5;
}

/* Can the columns be what the trees ask for?  MLS_MODEL_FILE. */
MLS_CHECK bool mls_trees_fit(const struct trees_plan *plan,
                             const struct mls_view *view,
                             struct mls_error *err);
/* The planes of some rows, stride bytes each, a multiple of TREES_ROWS and at
 * least rows; codes: room for stride. */
void mls_trees_planes(const struct trees_plan *plan,
                      const struct mls_view *view, int64_t first, int64_t rows,
                      uint16_t *codes, uint8_t *planes, int64_t stride);

/* Is a row's category in set `number`?  record: the row's byte of plane 0; that
 * of plane p stands p * stride behind it. */
static inline bool trees_in_set(const struct trees_plan *plan, uint32_t number,
                                const uint8_t *record, int64_t stride)
{
    const struct trees_set *set = &plan->sets[number];
    const uint8_t *bytes = plan->set_bytes + set->at;
    int g = record[set->plane * stride];

    if (set->wide) {
        g |= record[(set->plane + 1) * stride] << 8;
        return bytes[g >> 3] >> (g & 7) & 1;
    }
    return bytes[(g & 15) + 16 * (g >> 7)] >> (g >> 4 & 7) & 1;
}

bool mls_trees_describe(const struct mls_model *model,
                        const char *const *names, const char *const *classes,
                        struct mls_json *to, struct mls_error *err);

bool mls_trees_print(const struct mls_model *model,
                     const struct mls_field *const *features,
                     const char *const *classes, int64_t number, int64_t most,
                     struct mls_json *to, struct mls_error *err);

bool mls_trees_dependence(const struct mls_model *model, int64_t feature,
                          const struct mls_field *field, struct mls_json *to,
                          struct mls_error *err);

bool mls_trees_contributions(const struct mls_model *model,
                             const struct mls_view *view, double *out,
                             struct mls_error *err);

bool mls_trees_score(const struct mls_model *model,
                     const struct mls_view *view, double *out,
                     struct mls_error *err);
/* Of one row: sums (SUM: base and leaves; else leaves alone) to scores. */
void mls_trees_to_scores(const struct mls_model *model,
                         const struct trees_file *file, double *out);

#endif
