/*
 * What each feature adds to a row's score: exact path-dependent Shapley values
 * (Lundberg et al. 2020, Nature Machine Intelligence 2, 56-67).
 *
 * On the path to a leaf of value v, feature k has z_k, the share of the covers
 * that stay on the path at its splits, and o_k, 1 when the row itself would
 * stay at all of them, else 0.  The leaf is a game that multiplies: a set S of
 * known features is worth v times o_k over S times z_k over the others.  Its
 * Shapley value is an integral along the diagonal of the cube (Owen 1972):
 *
 *     phi_k = v (o_k - z_k) integral over t in [0, 1] of
 *                 the product over j != k of f_j(t),
 *     f_j(t) = z_j + t (o_j - z_j)
 *
 * The integrand is a polynomial of degree D - 1, D features on the path, so
 * Gauss-Legendre with ceil(D / 2) nodes is exact.  At each node t the products
 * are made down the tree (G) and the sums over leaves up again (H), each in one
 * step an edge, as in Linear TreeShap (Yu et al. 2022), whose polynomials are
 * here known by their values at the nodes:
 *
 *     down    G(child) = G(parent) m              m = f new / f old
 *     up      phi_k   += sum over t of H(child) c,  H(parent) += H(child)
 *             c = w ((o - z) / f new - (the same of the split before))
 *
 * "Old", "before": of the last split by the same feature further up, whose
 * share of these leaves is taken back, as theirs is counted here.  An edge
 * knows three states of a row: it stays (11), it leaves here (10), it has left
 * before at the same feature (00).  In each, m and c are constants of the edge,
 * and where the row leaves, z cancels in c: -w / (1 - t).
 *
 * Eight rows go down a tree together, in the lanes of vectors, for all edges
 * are walked for every row; the order of the nodes in the file is the walk, so
 * there is no recursion.  Time a row: 2 leaves x D / 2 steps a tree.
 */
#include "model/trees_plan.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"

enum { LANES = 8, STRIP = 1024 };

typedef double lanes __attribute__((vector_size(64), aligned(64), may_alias));
typedef int64_t masks __attribute__((vector_size(64), aligned(64), may_alias));

/* The edge from a node's parent to it. */
struct edge {
    int32_t depth;              /* of the node; the root has 0 and no edge */
    int32_t up;                 /* depth of the edge before by this feature;
                                 * 0: none */
    int32_t slot;               /* of the feature in the tree's list */
    bool left;                  /* from a split to its left side */
};

/* Of an edge, for one t.  x11 is what m of state 11 differs in, by bits, from
 * that of state 10, and so on; c of state 00 is 0. */
struct factor {
    int64_t m10, x11, x00;
    int64_t c10, y11;
};

/* One tree, made ready for many rows. */
struct shap {
    const struct trees_plan *plan;
    const struct trees_node *nodes;
    const uint32_t *number;
    int64_t node_count;
    int points;                 /* values of t */
    int64_t levels;             /* depth of the deepest node + 1 */
    struct edge *edges;         /* nodes */
    int64_t *features;          /* of the tree, by slot */
    int64_t feature_count;
    struct factor *factors;     /* nodes x points */
    /* Room for a walk. */
    int32_t *open;              /* levels: the node that is walked */
    masks *goes, *stays;        /* levels: left at its split; on the path */
    lanes *g, *h;               /* levels x points */
    lanes *phi;                 /* features */
};

/* What it takes to make trees ready, one after the other. */
struct workshop {
    struct shap shap;
    int32_t *input_of;          /* planes */
    double *reach, *z;          /* nodes: share of all rows; shares of the
                                 * feature of the edge, merged */
    int32_t *slot_of;           /* features; -1: not in the tree */
    int32_t *last;              /* features: depth of the last edge; 0 none */
    double *t, *w;
    int64_t point_capacity, level_capacity, cell_capacity, factor_capacity;
};

/* ---- Gauss-Legendre on [0, 1] ---- */

static void find_points(int n, double *t, double *w)
{
    for (int i = 0; i < n; i++) {
        double x = cos(3.14159265358979323846 * (i + 0.75) / (n + 0.5));
        double slope = 1;

        for (int k = 0; k < 100; k++) {
            double p0 = 1, p1 = x, move;

            for (int j = 2; j <= n; j++) {
                double p2 = ((2 * j - 1) * x * p1 - (j - 1) * p0) / j;

                p0 = p1;
                p1 = p2;
            }
            slope = n * (x * p1 - p0) / (x * x - 1);
            move = p1 / slope;
            x -= move;
            if (fabs(move) < 1e-15)
                break;
        }
        t[i] = (1 - x) / 2;
        w[i] = 1 / ((1 - x * x) * slope * slope);
    }
}

/* ---- A tree made ready ---- */

/* The share of a node's cover that goes to each side. */
static void find_shares(struct workshop *w)
{
    const struct shap *s = &w->shap;
    double *cover = w->reach;

    mls_trees_covers(s->plan, s->nodes - s->plan->nodes, s->node_count, cover);
    w->z[0] = 1;
    for (int64_t i = 0; i < s->node_count; i++) {
        int64_t right = i + trees_right(&s->nodes[i]);

        if (right == i)
            continue;
        w->z[i + 1] = trees_share_left(cover, i);
        w->z[right] = cover[i] > 0 ? cover[right] / cover[i] : 0.5;
    }
}

/* The feature that the split at node i asks for. */
static int64_t feature_of(const struct workshop *w, int64_t i)
{
    const struct trees_plan *plan = w->shap.plan;
    const struct trees_node *n = &w->shap.nodes[i];
    uint32_t plane = n->right < 0 ? plan->sets[w->shap.number[i]].plane
                                  : n->ask >> 8;

    return plan->inputs[w->input_of[plane]].feature;
}

static int32_t find_slot(struct workshop *w, int64_t feature)
{
    if (w->slot_of[feature] < 0) {
        w->slot_of[feature] = (int32_t)w->shap.feature_count;
        w->shap.features[w->shap.feature_count++] = feature;
    }
    return w->slot_of[feature];
}

/* The edge to node i from the one that is open at depth - 1. */
static void enter(struct workshop *w, int64_t i, int32_t depth)
{
    struct shap *s = &w->shap;
    int64_t parent = s->open[depth - 1], feature = feature_of(w, parent);
    struct edge *e = &s->edges[i];

    *e = (struct edge){ depth, w->last[feature], find_slot(w, feature),
                        i == parent + 1 };
    w->reach[i] = w->reach[parent] * w->z[i];
    if (e->up > 0)
        w->z[i] *= w->z[s->open[e->up]];
    w->last[feature] = depth;
}

/* Along the chain: edges, shares merged by feature, the features, how
 * many of them at most on one path. */
static void find_edges(struct workshop *w)
{
    struct shap *s = &w->shap;
    int32_t depth = 0, distinct = 0, most = 1;

    s->feature_count = 0;
    s->levels = 1;
    s->edges[0] = (struct edge){ 0 };
    s->open[0] = 0;
    w->reach[0] = 1;
    for (int64_t i = 0; i < s->node_count; i++) {
        if (i > 0) {
            enter(w, i, ++depth);
            s->open[depth] = (int32_t)i;
            distinct += s->edges[i].up == 0;
        }
        most = distinct > most ? distinct : most;
        s->levels = depth + 1 > s->levels ? depth + 1 : s->levels;
        if (s->nodes[i].right != 0)
            continue;
        /* Back up to the split whose right side comes next. */
        for (bool left = false; depth > 0 && !left; depth--) {
            const struct edge *e = &s->edges[s->open[depth]];

            w->last[s->features[e->slot]] = e->up;
            distinct -= e->up == 0;
            left = e->left;
        }
    }
    for (int64_t k = 0; k < s->feature_count; k++)
        w->slot_of[s->features[k]] = -1;
    s->points = (most + 1) / 2;
}

static int64_t bits_of(double x)
{
    union {
        double x;
        int64_t bits;
    } u = { x };

    return u.bits;
}

/* z and z0: of the feature with this edge, and up to the one before. */
static struct factor make_factor(double t, double w, double z, double z0)
{
    double stay0 = z0 + t * (1 - z0), stay = z + t * (1 - z);
    double c0 = w * (1 - z0) / stay0, leave = -w / (1 - t);
    struct factor f;

    f.m10 = bits_of(z * (1 - t) / stay0);
    f.x11 = bits_of(stay / stay0) ^ f.m10;
    f.x00 = bits_of(z0 > 0 ? z / z0 : 0) ^ f.m10;
    f.c10 = bits_of(leave - c0);
    f.y11 = bits_of(w * (1 - z) / stay - c0) ^ f.c10;
    return f;
}

static void make_factors(struct workshop *w)
{
    struct shap *s = &w->shap;

    find_points(s->points, w->t, w->w);
    for (int64_t i = 1; i < s->node_count; i++) {
        const struct edge *e = &s->edges[i];
        double z0 = e->up > 0 ? w->z[s->open[e->up]] : 1;

        s->open[e->depth] = (int32_t)i;
        for (int q = 0; q < s->points; q++)
            s->factors[i * s->points + q] =
                make_factor(w->t[q], w->w[q], w->z[i], z0);
    }
}

/* Makes *pointer an array of at least count items; what it held is lost. */
static bool need(void *pointer_to_pointer, int64_t count, int64_t *capacity,
                 size_t size, struct mls_error *err)
{
    void **pointer = pointer_to_pointer;

    if (count <= *capacity)
        return true;
    mls_free(*pointer);
    *capacity = 0;
    *pointer = mls_new_array(count, size, err);
    if (!*pointer)
        return false;
    *capacity = count;
    return true;
}

static bool find_room(struct workshop *w, struct mls_error *err)
{
    struct shap *s = &w->shap;
    int64_t points = s->points, levels = w->level_capacity;
    int64_t cells = w->cell_capacity, same = w->point_capacity;

    return need(&w->t, points, &same, sizeof(double), err)
        && need(&w->w, points, &w->point_capacity, sizeof(double), err)
        && need(&s->goes, s->levels, &levels, sizeof(masks), err)
        && need(&s->stays, s->levels, &w->level_capacity, sizeof(masks), err)
        && need(&s->g, s->levels * points, &cells, sizeof(lanes), err)
        && need(&s->h, s->levels * points, &w->cell_capacity, sizeof(lanes),
                err)
        && need(&s->factors, s->node_count * points, &w->factor_capacity,
                sizeof(struct factor), err);
}

static bool make_ready(struct workshop *w, int64_t root, struct mls_error *err)
{
    struct shap *s = &w->shap;

    s->nodes = s->plan->nodes + root;
    s->number = s->plan->number + root;
    s->node_count = mls_trees_count_nodes(s->nodes);
    find_shares(w);
    find_edges(w);
    if (!find_room(w, err))
        return false;
    make_factors(w);
    return true;
}

static void workshop_clear(struct workshop *w)
{
    struct shap *s = &w->shap;

    mls_free(w->input_of);
    mls_free(w->reach);
    mls_free(w->z);
    mls_free(w->slot_of);
    mls_free(w->last);
    mls_free(w->t);
    mls_free(w->w);
    mls_free(s->edges);
    mls_free(s->features);
    mls_free(s->factors);
    mls_free(s->open);
    mls_free(s->goes);
    mls_free(s->stays);
    mls_free(s->g);
    mls_free(s->h);
    mls_free(s->phi);
}

/* Room for the largest tree, but for what depends on its depth. */
static bool workshop_open(struct workshop *w, const struct trees_plan *plan,
                          struct mls_error *err)
{
    struct shap *s = &w->shap;
    int64_t n = 1, features = plan->file.features;

    *w = (struct workshop){ .shap = { .plan = plan } };
    for (int64_t t = 0; t < plan->file.trees; t++) {
        int64_t count = mls_trees_count_nodes(plan->nodes + plan->trees[t].root);

        n = count > n ? count : n;
    }
    if (!(w->input_of = mls_new_array(plan->plane_count, sizeof(int32_t), err))
        || !(w->reach = mls_new_array(n, sizeof(double), err))
        || !(w->z = mls_new_array(n, sizeof(double), err))
        || !(w->slot_of = mls_new_array(features, sizeof(int32_t), err))
        || !(w->last = mls_new(features, sizeof(int32_t), err))
        || !(s->edges = mls_new_array(n, sizeof(struct edge), err))
        || !(s->open = mls_new_array(n, sizeof(int32_t), err))
        || !(s->features = mls_new_array(plan->input_count, sizeof(int64_t),
                                         err))
        || !(s->phi = mls_new_array(plan->input_count, sizeof(lanes), err))) {
        return false;
    }
    for (int64_t j = 0; j < features; j++)
        w->slot_of[j] = -1;
    for (int64_t k = 0; k < plan->input_count; k++) {
        for (int64_t i = 0; i < plan->inputs[k].planes; i++)
            w->input_of[plan->inputs[k].plane + i] = (int32_t)k;
    }
    return true;
}

/* ---- The walk ---- */

/* Eight rows of a set's planes. */
static void find_in_sets(const struct shap *s, int64_t node,
                         const uint8_t *planes, int64_t stride, masks *in)
{
    for (int l = 0; l < LANES; l++) {
        (*in)[l] = -(int64_t)trees_in_set(s->plan, s->number[node], planes + l,
                                          stride);
    }
}

/* Fills phi for eight rows, whose bytes of plane 0 stand at planes, from value
 * `output` of each leaf. */
#define WALK(name, attribute) \
    attribute static void walk_##name( \
        const struct shap *s, const struct trees_file *file, int output, \
        const uint8_t *planes, int64_t stride) \
    { \
        int points = s->points; \
        masks *stays = s->stays, *goes = s->goes; \
        for (int64_t k = 0; k < s->feature_count; k++) \
            s->phi[k] = (lanes){ 0 }; \
        for (int q = 0; q < points; q++) { \
            s->g[q] = (lanes){ 0 } + 1; \
            s->h[q] = (lanes){ 0 }; \
        } \
        stays[0] = ~(masks){ 0 }; \
        for (int64_t i = 0; i < s->node_count; i++) { \
            const struct edge *e = &s->edges[i]; \
            const struct factor *f = s->factors + i * points; \
            int64_t d = e->depth; \
            lanes *g = s->g + d * points, *h = s->h + d * points; \
            if (d > 0) { \
                masks old = stays[e->up], left = goes[d - 1]; \
                masks stay = old & (e->left ? left : ~left), gone = ~old; \
                stays[d] = stay; \
                for (int q = 0; q < points; q++) { \
                    masks m = f[q].m10 ^ (stay & f[q].x11) \
                        ^ (gone & f[q].x00); \
                    g[q] = g[q - points] * (lanes)m; \
                } \
            } \
            s->open[d] = (int32_t)i; \
            if (s->nodes[i].right != 0) { \
                uint32_t ask = s->nodes[i].ask; \
                if (s->nodes[i].right < 0) { \
                    find_in_sets(s, i, planes, stride, &goes[d]); \
                } else { \
                    bytes8 row, bound = (bytes8){ 0 } + (int8_t)(ask & 255); \
                    memcpy(&row, planes + (ask >> 8) * stride, sizeof(row)); \
                    goes[d] = __builtin_convertvector(row < bound, masks); \
                } \
                for (int q = 0; q < points; q++) \
                    h[q] = (lanes){ 0 }; \
                continue; \
            } \
            double value = trees_value( \
                file, (int64_t)s->number[i] * file->width + output); \
            for (int q = 0; q < points; q++) \
                h[q] = g[q] * value; \
            for (bool left = false; d > 0 && !left; d--) { \
                masks stay = stays[d], old; \
                lanes sum = { 0 }; \
                e = &s->edges[s->open[d]]; \
                f = s->factors + s->open[d] * (int64_t)points; \
                h = s->h + d * points; \
                old = stays[e->up]; \
                for (int q = 0; q < points; q++) { \
                    masks c = (f[q].c10 ^ (stay & f[q].y11)) & old; \
                    sum += h[q] * (lanes)c; \
                    h[q - points] += h[q]; \
                } \
                s->phi[e->slot] += sum; \
                left = e->left; \
            } \
        } \
    }

typedef int8_t bytes8 __attribute__((vector_size(8)));

WALK(plain, )
#if defined(__x86_64__)
WALK(avx2, __attribute__((target("avx2"))))
#else
#define walk_avx2 walk_plain
#endif

static bool has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

/* ---- A view ---- */

/* One strip of rows. */
struct rows {
    const struct mls_view *view;
    int64_t first, count;
    uint8_t *planes;
    int64_t stride;
    double *out;                /* of the view, see mls_model_type */
};

/* What the tree adds for output `output` from values `value` of its leaves. */
static void add_tree(const struct workshop *w, const struct rows *r, int value,
                     int output, double scale)
{
    const struct shap *s = &w->shap;
    const struct trees_file *f = &s->plan->file;
    int64_t wide = f->features + 1;
    double expected = 0;
    bool fast = has_avx2();

    for (int64_t i = 0; i < s->node_count; i++) {
        if (s->nodes[i].right == 0)
            expected += w->reach[i]
                * trees_value(f, (int64_t)s->number[i] * f->width + value);
    }
    for (int64_t i = 0; i < r->count; i += LANES) {
        (fast ? walk_avx2 : walk_plain)(s, f, value, r->planes + i, r->stride);
        for (int l = 0; l < LANES && i + l < r->count; l++) {
            double *out = r->out
                + ((r->first + i + l) * f->outputs + output) * wide;

            for (int64_t k = 0; k < s->feature_count; k++)
                out[s->features[k]] += s->phi[k][l] * scale;
            out[wide - 1] += expected * scale;
        }
    }
}

static bool add_trees(struct workshop *w, const struct rows *r,
                      struct mls_error *err)
{
    const struct trees_plan *plan = w->shap.plan;
    const struct trees_file *f = &plan->file;
    double scale = f->combine == MLS_COMBINE_SUM ? 1 : 1 / (double)f->trees;

    for (int64_t t = 0; t < f->trees; t++) {
        if (!make_ready(w, plan->trees[t].root, err))
            return false;
        for (int k = 0; k < f->width; k++) {
            add_tree(w, r, k, f->width == 1 ? plan->trees[t].output : k,
                     scale);
        }
    }
    return true;
}

static void start_rows(const struct trees_file *f, const struct mls_view *view,
                       double *out)
{
    int64_t wide = f->features + 1;

    memset(out, 0, (size_t)(view->rows * f->outputs * wide) * sizeof(*out));
    if (f->combine != MLS_COMBINE_SUM)
        return;
    for (int64_t i = 0; i < view->rows; i++) {
        double offset = view->offset ? view->offset[i] : 0;

        for (int k = 0; k < f->outputs; k++)
            out[(i * f->outputs + k + 1) * wide - 1] = f->base[k] + offset;
    }
}

bool mls_trees_contributions(const struct mls_model *model,
                             const struct mls_view *view, double *out,
                             struct mls_error *err)
{
    const struct trees_plan *plan = model->compiled;
    struct rows r = { .view = view, .out = out };
    struct workshop w = { 0 };
    uint16_t *codes = NULL;
    bool ok;

    assert(plan && view->features == model->features);
    if (!mls_trees_fit(plan, view, err))
        return false;
    r.stride = view->rows < STRIP ? view->rows : STRIP;
    r.stride = (r.stride + TREES_ROWS - 1) / TREES_ROWS * TREES_ROWS;
    start_rows(&plan->file, view, out);
    ok = workshop_open(&w, plan, err)
        && (r.planes = mls_new(plan->plane_count * r.stride + LANES, 1, err))
        && (codes = mls_new_array(r.stride, sizeof(*codes), err));
    for (; ok && r.first < view->rows; r.first += r.stride) {
        r.count = view->rows - r.first;
        r.count = r.count < r.stride ? r.count : r.stride;
        mls_trees_planes(plan, view, r.first, r.count, codes, r.planes,
                         r.stride);
        ok = add_trees(&w, &r, err);
    }
    mls_free(codes);
    mls_free(r.planes);
    workshop_clear(&w);
    return ok;
}
