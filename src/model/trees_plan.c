/*
 * From the arrays of a file to planes, nodes and programs (trees_plan.h).  All
 * passes go over the chain from its front or its back; nothing recurses, and
 * memory is a small multiple of the file's size.
 */
#include "model/trees_plan.h"

#include <assert.h>

#include "base/memory.h"

/* What only compiling needs. */
struct work {
    struct trees_plan *plan;
    const struct trees_file *file;
    int64_t *split_count;       /* features: splits that ask for it */
    uint8_t *used;              /* cuts: does a split use it? */
    int32_t *rank;              /* cuts: its number among the used ones */
    int64_t *input_of;          /* features */
    /* Sets of each categorical feature. */
    int64_t *set_start;         /* features + 1 */
    int64_t *set_of;            /* where they start in the file's sets */
    /* Group of each code of a categorical input. */
    int64_t *group_start;       /* inputs + 1 */
    uint16_t *group;
    int32_t *seen;              /* room: 2 x MLS_BINS_LIMIT */
    /* Which planes an input needs: two for each part of its used cuts, or two
     * for categories; then the number of the plane. */
    int64_t *need_start;        /* inputs + 1 */
    int32_t *plane_of;          /* 0: not needed; else its number + 1 */
};

static void work_clear(struct work *w)
{
    mls_free(w->split_count);
    mls_free(w->used);
    mls_free(w->rank);
    mls_free(w->input_of);
    mls_free(w->set_start);
    mls_free(w->set_of);
    mls_free(w->group_start);
    mls_free(w->group);
    mls_free(w->seen);
    mls_free(w->need_start);
    mls_free(w->plane_of);
}

void mls_trees_plan_free(struct trees_plan *plan)
{
    if (!plan)
        return;
    for (int64_t k = 0; plan->inputs && k < plan->input_count; k++)
        mls_bins_clear(&plan->inputs[k].bins);
    mls_free(plan->bins);
    mls_free(plan->inputs);
    mls_free(plan->planes);
    mls_free(plan->trees);
    mls_free(plan->nodes);
    mls_free(plan->number);
    mls_free(plan->sets);
    mls_free(plan->set_bytes);
    mls_free(plan->ops);
    mls_free(plan);
}

int64_t mls_trees_count_nodes(const struct trees_node *root)
{
    const struct trees_node *n = root;

    for (int64_t open = 1; open > 0; n++)
        open += n->right ? 1 : -1;
    return n - root;
}

/* From the back: sides stand behind their split. */
void mls_trees_covers(const struct trees_plan *plan, int64_t root,
                      int64_t count, double *cover)
{
    for (int64_t i = count - 1; i >= 0; i--) {
        int64_t right = trees_right(&plan->nodes[root + i]);

        cover[i] = right ? cover[i + 1] + cover[i + right]
                         : (double)plan->file.cover[plan->number[root + i]];
    }
}

static bool is_cut(const struct trees_file *f, int64_t j, int32_t split)
{
    return split > 0 && split < f->codes[j] - 1;
}

/* ---- Which cuts and features are used ---- */

static bool count_splits(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    int64_t n = f->features, sets = 0;

    w->split_count = mls_new(n, sizeof(*w->split_count), err);
    w->used = w->split_count ? mls_new(f->cut_start[n], 1, err) : NULL;
    w->rank = w->used ? mls_new_array(f->cut_start[n], sizeof(*w->rank), err)
                      : NULL;
    w->input_of =
        w->rank ? mls_new_array(n, sizeof(*w->input_of), err) : NULL;
    w->set_start =
        w->input_of ? mls_new(n + 1, sizeof(*w->set_start), err) : NULL;
    if (!w->set_start)
        return false;
    for (int64_t s = 0; s < f->splits; s++) {
        int64_t j = trees_feature(f, s);
        int32_t split = trees_split(f, s);

        w->split_count[j]++;
        sets += f->categorical[j];
        if (!f->categorical[j] && is_cut(f, j, split))
            w->used[f->cut_start[j] + split - 1] = 1;
    }
    w->plan->set_count = sets;
    for (int64_t j = 0; j < n; j++) {
        w->plan->input_count += w->split_count[j] > 0;
        w->set_start[j + 1] = w->set_start[j]
            + (f->categorical[j] ? w->split_count[j] : 0);
    }
    return true;
}

/* The sets of the chain, sorted by feature. */
static bool sort_sets(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    int64_t *next = mls_new_array(f->features, sizeof(*next), err), at = 0;

    w->set_of = next ? mls_new_array(w->plan->set_count, sizeof(*w->set_of),
                                     err)
                     : NULL;
    for (int64_t j = 0; w->set_of && j < f->features; j++)
        next[j] = w->set_start[j];
    for (int64_t s = 0; w->set_of && s < f->splits; s++) {
        int64_t j = trees_feature(f, s);

        if (f->categorical[j]) {
            w->set_of[next[j]++] = at;
            at += trees_set_bytes(f->codes[j]);
        }
    }
    mls_free(next);
    return w->set_of != NULL;
}

/* ---- Inputs ---- */

static bool numeric_bins(struct work *w, int64_t j, struct mls_bins *bins,
                         struct mls_error *err)
{
    const struct trees_file *f = w->file;
    int64_t first = f->cut_start[j], end = f->cut_start[j + 1], count = 0;

    for (int64_t k = first; k < end; k++)
        count += w->used[k];
    bins->cut = mls_new(count, sizeof(*bins->cut), err);
    if (!bins->cut)
        return false;
    for (int64_t k = first; k < end; k++) {
        if (w->used[k]) {
            w->rank[k] = (int32_t)bins->cuts;
            bins->cut[bins->cuts++] = f->cuts[k];
        }
    }
    bins->codes = f->codes[j] < 2 ? 1 : (int32_t)count + 2;
    return true;
}

/* Parts groups by one set; how many there are then. */
static int32_t part_groups(uint16_t *group, int32_t codes, int32_t groups,
                           const uint8_t *set, int32_t *seen)
{
    int32_t next = 0;

    for (int32_t g = 0; g < 2 * groups; g++)
        seen[g] = -1;
    for (int32_t c = 0; c < codes; c++) {
        int32_t key = 2 * group[c] + trees_bit(set, c);

        if (seen[key] < 0)
            seen[key] = next++;
        group[c] = (uint16_t)seen[key];
    }
    return next;
}

static bool categorical_bins(struct work *w, int64_t j, uint16_t *group,
                             struct mls_bins *bins, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    const uint16_t *code = f->level_code + f->level_start[j];
    int32_t groups = 1;

    *bins = (struct mls_bins){ .categorical = true };
    bins->levels = f->level_start[j + 1] - f->level_start[j];
    bins->code_of = mls_new_array(bins->levels, sizeof(*bins->code_of), err);
    if (!bins->code_of)
        return false;
    for (int64_t k = w->set_start[j]; k < w->set_start[j + 1]; k++) {
        if (groups == f->codes[j])
            break;
        groups = part_groups(group, f->codes[j], groups,
                             f->set + w->set_of[k], w->seen);
    }
    for (int64_t l = 0; l < bins->levels; l++)
        bins->code_of[l] = group[code[l]];
    bins->codes = groups;
    return true;
}

/* Places for the groups of categorical inputs' codes. */
static bool place_groups(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    struct trees_plan *plan = w->plan;
    int64_t k = 0, total = 0;

    w->group_start =
        mls_new(plan->input_count + 1, sizeof(*w->group_start), err);
    if (!w->group_start)
        return false;
    for (int64_t j = 0; j < f->features; j++) {
        if (w->split_count[j] == 0)
            continue;
        total += f->categorical[j] ? f->codes[j] : 0;
        w->group_start[++k] = total;
    }
    w->group = mls_new(total, sizeof(*w->group), err);
    w->seen = w->group ? mls_new_array(2 * MLS_BINS_LIMIT, sizeof(*w->seen),
                                       err)
                       : NULL;
    return w->seen != NULL;
}

static bool make_inputs(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    struct trees_plan *plan = w->plan;
    int64_t k = 0;

    plan->inputs = mls_new(plan->input_count, sizeof(*plan->inputs), err);
    if (!plan->inputs || !place_groups(w, err))
        return false;
    for (int64_t j = 0; j < f->features; j++) {
        struct trees_input *input = &plan->inputs[k];

        if (w->split_count[j] == 0)
            continue;
        w->input_of[j] = k;
        input->feature = j;
        if (f->categorical[j]
                ? !categorical_bins(w, j, w->group + w->group_start[k],
                                    &input->bins, err)
                : !numeric_bins(w, j, &input->bins, err)) {
            return false;
        }
        k++;
    }
    return true;
}

/* ---- Planes ---- */

/* Where a numeric split asks: which plane of those that its input may need, and
 * for which bound. */
static int64_t find_question(const struct work *w, int64_t s, int *bound)
{
    const struct trees_file *f = w->file;
    int64_t j = trees_feature(f, s), part = 0;
    int32_t split = trees_split(f, s);
    bool left = trees_bit(f->missing, s);
    int below = 0;              /* ranks that go left */

    if (is_cut(f, j, split)) {
        int32_t rank = w->rank[f->cut_start[j] + split - 1];

        part = rank / TREES_PLANE_CUTS;
        below = rank % TREES_PLANE_CUTS + 1;
    } else if (split > 0) {
        below = 255 - left;     /* all of them */
    }
    *bound = below + left - 128;
    return w->need_start[w->input_of[j]] + 2 * part + !left;
}

static bool find_needs(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    struct trees_plan *plan = w->plan;
    int64_t total = 0;

    w->need_start =
        mls_new(plan->input_count + 1, sizeof(*w->need_start), err);
    if (!w->need_start)
        return false;
    for (int64_t k = 0; k < plan->input_count; k++) {
        int64_t cuts = plan->inputs[k].bins.cuts;

        total += cuts == 0
            ? 2
            : 2 * ((cuts + TREES_PLANE_CUTS - 1) / TREES_PLANE_CUTS);
        w->need_start[k + 1] = total;
    }
    w->plane_of = mls_new(total, sizeof(*w->plane_of), err);
    if (!w->plane_of)
        return false;
    for (int64_t s = 0; s < f->splits; s++) {
        int64_t j = trees_feature(f, s), k = w->input_of[j];
        int bound;

        if (!f->categorical[j]) {
            w->plane_of[find_question(w, s, &bound)] = 1;
            continue;
        }
        w->plane_of[w->need_start[k]] = 1;
        w->plane_of[w->need_start[k] + 1] = plan->inputs[k].bins.codes > 256;
    }
    for (int64_t i = 0; i < total; i++)
        plan->plane_count += w->plane_of[i];
    return true;
}

static bool make_planes(struct work *w, struct mls_error *err)
{
    struct trees_plan *plan = w->plan;
    int64_t at = 0;

    if (!find_needs(w, err))
        return false;
    if (plan->plane_count >= 1 << 24)
        return mls_fail(err, MLS_LIMIT, "the trees ask for too many columns");
    plan->planes = mls_new(plan->plane_count, sizeof(*plan->planes), err);
    for (int64_t k = 0; plan->planes && k < plan->input_count; k++) {
        struct trees_input *input = &plan->inputs[k];
        int64_t first = w->need_start[k];

        input->plane = at;
        for (int64_t i = first; i < w->need_start[k + 1]; i++) {
            struct trees_plane *plane = &plan->planes[at];
            int64_t from = (i - first) / 2 * TREES_PLANE_CUTS;
            int64_t cuts = input->bins.cuts - from;

            if (!w->plane_of[i])
                continue;
            plane->kind = (input->bins.categorical ? TREES_GROUP : TREES_LOW)
                + ((i - first) & 1);
            plane->first = from;
            plane->cuts = cuts < TREES_PLANE_CUTS ? cuts : TREES_PLANE_CUTS;
            w->plane_of[i] = (int32_t)++at;
        }
        input->planes = at - input->plane;
    }
    return plan->planes != NULL;
}

/* ---- Sets ---- */

/* Bytes of an input's sets. */
static int64_t group_set_bytes(const struct mls_bins *bins)
{
    return bins->codes > 256 ? trees_set_bytes(bins->codes) : 32;
}

static void write_set(const struct work *w, int64_t k, const uint8_t *from,
                      uint8_t *to)
{
    const struct trees_input *input = &w->plan->inputs[k];
    const uint16_t *group = w->group + w->group_start[k];

    for (int32_t c = 0; c < w->file->codes[input->feature]; c++) {
        int g = group[c];

        if (!trees_bit(from, c))
            continue;
        if (input->bins.codes > 256)
            to[g >> 3] |= (uint8_t)(1 << (g & 7));
        else
            to[(g & 15) + 16 * (g >> 7)] |= (uint8_t)(1 << (g >> 4 & 7));
    }
}

/* Those of the chain in its order; trees by levels repeat theirs behind. */
static bool make_sets(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    struct trees_plan *plan = w->plan;
    int64_t bytes = 0, at = 0, from = 0, n = 0;

    for (int64_t k = 0; k < plan->input_count; k++) {
        int64_t j = plan->inputs[k].feature;

        if (f->categorical[j])
            bytes += group_set_bytes(&plan->inputs[k].bins)
                * w->split_count[j];
    }
    plan->set_bytes = mls_new(bytes, 1, err);
    plan->sets = plan->set_bytes
        ? mls_new(2 * plan->set_count, sizeof(*plan->sets), err)
        : NULL;
    for (int64_t s = 0; plan->sets && s < f->splits; s++) {
        int64_t j = trees_feature(f, s), k = w->input_of[j];
        const struct mls_bins *bins = &plan->inputs[k].bins;

        if (!f->categorical[j])
            continue;
        plan->sets[n++] = (struct trees_set){
            .plane = (uint32_t)plan->inputs[k].plane,
            .wide = bins->codes > 256, .at = at
        };
        write_set(w, k, f->set + from, plan->set_bytes + at);
        from += trees_set_bytes(f->codes[j]);
        at += group_set_bytes(bins);
    }
    return plan->sets != NULL;
}

/* ---- Nodes ---- */

static void fill_nodes(struct work *w, int64_t *root, int64_t *leaf)
{
    const struct trees_file *f = w->file;
    struct trees_plan *plan = w->plan;
    int64_t s = 0, leaves = 0, sets = 0, node = 0;

    for (int64_t t = 0; t < f->trees; t++) {
        root[t] = node;
        leaf[t] = leaves;
        for (int64_t open = 1; open > 0; node++) {
            struct trees_node *n = &plan->nodes[node];
            int bound;

            if (!trees_bit(f->shape, node)) {
                *n = (struct trees_node){ 0, 128 };
                plan->number[node] = (uint32_t)leaves++;
                open--;
                continue;
            }
            open++;
            if (f->categorical[trees_feature(f, s)]) {
                *n = (struct trees_node){ -1, 0 };
                plan->number[node] = (uint32_t)sets++;
            } else {
                int64_t at = w->plane_of[find_question(w, s, &bound)] - 1;

                n->right = 1;
                n->ask = (uint32_t)at << 8 | (uint8_t)bound;
            }
            s++;
        }
    }
}

/* From the back, so that the sizes of both sides are known. */
static bool link_nodes(struct trees_plan *plan, struct mls_error *err)
{
    int64_t n = plan->file.nodes;
    int32_t *size = mls_new_array(n, sizeof(*size), err);

    for (int64_t i = n - 1; size && i >= 0; i--) {
        size[i] = 1;
        if (plan->nodes[i].right) {
            int32_t right = 1 + size[i + 1];

            size[i] = right + size[i + right];
            plan->nodes[i].right *= right;
        }
    }
    mls_free(size);
    return size != NULL;
}

static bool make_nodes(struct work *w, int64_t *root, int64_t *leaf,
                       struct mls_error *err)
{
    struct trees_plan *plan = w->plan;
    int64_t n = w->file->nodes;

    if (n >= UINT32_MAX)
        return mls_fail(err, MLS_LIMIT, "the trees have too many nodes");
    plan->nodes = mls_new_array(n, sizeof(*plan->nodes), err);
    plan->number = plan->nodes
        ? mls_new_array(n, sizeof(*plan->number), err)
        : NULL;
    if (!plan->number)
        return false;
    fill_nodes(w, root, leaf);
    return link_nodes(plan, err);
}

/* ---- Programs ---- */

enum { PROGRAM_NODES = 2 * TREES_PROGRAM_LEAVES - 1 };

/* A small tree while its program is written. */
struct draft {
    const struct trees_node *nodes;
    const uint32_t *number;
    int count;
    int depth[PROGRAM_NODES];
    int leaves[PROGRAM_NODES];
    int slot[PROGRAM_NODES];    /* 0: a leaf */
    int set[PROGRAM_NODES];     /* place among the sets of the program */
};

static int right_of(const struct draft *d, int i)
{
    int right = d->nodes[i].right;

    return right < 0 ? i - right : i + right;
}

static void measure_draft(struct draft *d)
{
    int sets = 0;

    d->depth[0] = 0;
    for (int i = 0; i < d->count; i++) {
        if (d->nodes[i].right == 0)
            continue;
        d->depth[i + 1] = d->depth[right_of(d, i)] = d->depth[i] + 1;
        d->set[i] = sets;
        sets += d->nodes[i].right < 0;
    }
    for (int i = d->count - 1; i >= 0; i--) {
        d->slot[i] = 0;
        d->leaves[i] = d->nodes[i].right == 0
            ? 1
            : d->leaves[i + 1] + d->leaves[right_of(d, i)];
    }
}

static bool same_question(const struct trees_plan *plan, const struct draft *d,
                          int a, int b)
{
    const struct trees_set *x, *y;
    int64_t bytes;

    if (d->nodes[a].right > 0 || d->nodes[b].right > 0)
        return d->nodes[a].right > 0 && d->nodes[b].right > 0
            && d->nodes[a].ask == d->nodes[b].ask;
    x = &plan->sets[d->number[a]];
    y = &plan->sets[d->number[b]];
    if (x->plane != y->plane)
        return false;
    /* Sets of one input follow each other at the same distance. */
    bytes = 32;
    for (int64_t k = 0; x->wide && k < plan->input_count; k++) {
        if (plan->inputs[k].plane == x->plane)
            bytes = group_set_bytes(&plan->inputs[k].bins);
    }
    return memcmp(plan->set_bytes + x->at, plan->set_bytes + y->at,
                  (size_t)bytes) == 0;
}

/* The depth of a tree whose levels each ask one question, 0 if it is none.  The
 * first node of level k is node k: the leftmost path. */
static int find_levels(const struct trees_plan *plan, const struct draft *d)
{
    int depth = 0;

    while (d->nodes[depth].right != 0)
        depth++;
    if (depth > 8 || d->count != (2 << depth) - 1)
        return 0;
    for (int i = 0; i < d->count; i++) {
        if ((d->nodes[i].right == 0) != (d->depth[i] == depth))
            return 0;
        if (d->nodes[i].right != 0 && !same_question(plan, d, i, d->depth[i]))
            return 0;
    }
    return depth;
}

static struct trees_op ask(const struct trees_plan *plan,
                           const struct draft *d, int i, int set)
{
    uint32_t question = d->nodes[i].ask;

    if (d->nodes[i].right < 0)
        question = (uint32_t)(plan->plane_count + set) << 8;
    return (struct trees_op){ .plane = question >> 8,
                              .bound = (int8_t)(question & 255) };
}

static void write_levels(struct trees_plan *plan, struct trees_program *p,
                         const struct draft *d, int depth)
{
    p->set = plan->set_count;
    for (int i = 0; i < depth; i++) {
        plan->ops[plan->op_count++] = ask(plan, d, i, p->sets);
        if (d->nodes[i].right < 0) {
            plan->sets[plan->set_count++] = plan->sets[d->number[i]];
            p->sets++;
        }
    }
    p->ops = depth;
}

/* One node; both sides have their slots. */
static void write_op(struct trees_plan *plan, struct trees_program *p,
                     struct draft *d, int i)
{
    struct trees_op *op = &plan->ops[plan->op_count++];

    *op = ask(plan, d, i, d->set[i]);
    op->left_leaves = (uint8_t)d->leaves[i + 1];
    op->left = (uint8_t)d->slot[i + 1];
    op->right = (uint8_t)d->slot[right_of(d, i)];
    d->slot[i] = ++p->ops;
}

static void write_program(struct trees_plan *plan, struct trees_program *p,
                          struct draft *d)
{
    for (int i = 0; i < d->count; i++) {
        if (d->nodes[i].right >= 0)
            continue;
        if (p->sets++ == 0)
            p->set = d->number[i];
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int i = d->count - 1; i >= 0; i--) {
            if (d->nodes[i].right != 0 && (d->leaves[i] == 2) == (pass == 0))
                write_op(plan, p, d, i);
        }
        p->leaf_ops = pass == 0 ? p->ops : p->leaf_ops;
    }
}

static void write_tree(struct trees_plan *plan, struct trees_tree *tree,
                       int64_t count, struct draft *d)
{
    int levels;

    tree->way = TREES_BY_NODES;
    if (count > PROGRAM_NODES) {
        plan->walked++;
        return;
    }
    d->nodes = plan->nodes + tree->root;
    d->number = plan->number + tree->root;
    d->count = (int)count;
    measure_draft(d);
    tree->program.op = plan->op_count;
    levels = find_levels(plan, d);
    tree->way = levels > 0 ? TREES_BY_LEVELS : TREES_BY_PROGRAM;
    if (levels > 0)
        write_levels(plan, &tree->program, d, levels);
    else
        write_program(plan, &tree->program, d);
    if (tree->program.sets > plan->most_sets)
        plan->most_sets = tree->program.sets;
}

/* Where tree t stands when trees are sorted by output, then by number. */
static int64_t place_of(const struct trees_file *f, int64_t t)
{
    int64_t outputs = f->width == 1 ? f->outputs : 1, k = t % outputs;
    int64_t rest = f->trees % outputs;

    return k * (f->trees / outputs) + (k < rest ? k : rest) + t / outputs;
}

static bool make_trees(struct work *w, struct mls_error *err)
{
    const struct trees_file *f = w->file;
    struct trees_plan *plan = w->plan;
    int64_t *root = mls_new(2 * f->trees, sizeof(*root), err);
    int64_t *leaf = root ? root + f->trees : NULL;
    struct draft *draft = root ? mls_new(1, sizeof(*draft), err) : NULL;
    bool ok = draft && make_nodes(w, root, leaf, err);

    if (ok) {
        plan->trees = mls_new(f->trees, sizeof(*plan->trees), err);
        plan->ops = plan->trees ? mls_new_array(f->splits, sizeof(*plan->ops),
                                                err)
                                : NULL;
        ok = plan->ops != NULL;
    }
    for (int64_t t = 0; ok && t < f->trees; t++) {
        struct trees_tree *tree = &plan->trees[place_of(f, t)];
        int64_t end = t + 1 < f->trees ? root[t + 1] : f->nodes;

        tree->output = f->width == 1 ? (int)(t % f->outputs) : 0;
        tree->root = root[t];
        tree->leaf = leaf[t];
        write_tree(plan, tree, end - root[t], draft);
    }
    mls_free(draft);
    mls_free(root);
    return ok;
}

/* ---- The plan ---- */

/* The bins of the file borrow its arrays, which nobody may change. */
static bool lend_bins(struct trees_plan *plan, struct mls_error *err)
{
    const struct trees_file *f = &plan->file;

    plan->bins = mls_new(f->features, sizeof(*plan->bins), err);
    for (int64_t j = 0; plan->bins && j < f->features; j++) {
        struct mls_bins *b = &plan->bins[j];

        b->categorical = f->categorical[j];
        b->codes = f->codes[j];
        b->cuts = f->cut_start[j + 1] - f->cut_start[j];
        b->cut = (double *)(uintptr_t)(f->cuts + f->cut_start[j]);
        b->levels = f->level_start[j + 1] - f->level_start[j];
        b->code_of =
            (uint16_t *)(uintptr_t)(f->level_code + f->level_start[j]);
    }
    return plan->bins != NULL;
}

struct trees_plan *mls_trees_plan(const struct mls_model *model,
                                  struct mls_error *err)
{
    struct trees_plan *plan = mls_new(1, sizeof(*plan), err);
    struct work w = { .plan = plan };
    bool ok = plan && mls_trees_open(model, &plan->file, err);

    if (ok) {
        w.file = &plan->file;
        plan->kernel = mls_trees_kernel();
        ok = lend_bins(plan, err) && count_splits(&w, err)
            && sort_sets(&w, err) && make_inputs(&w, err)
            && make_planes(&w, err) && make_sets(&w, err)
            && make_trees(&w, err);
    }
    work_clear(&w);
    if (ok)
        return plan;
    mls_trees_plan_free(plan);
    return NULL;
}
