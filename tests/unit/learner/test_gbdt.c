/*
 * Boosting: its loops against slow ones, its derivatives against differences
 * of the losses, its trees against a greedy search in plain doubles.
 */
#include "test.h"

#include "learner/gbdt_boost.h"
#include "learner/gbdt_level.h"
#include "learner/gbdt_sample.h"
#include "unit/learner/cases.h"

static const struct mls_learner_type *const gbdt = &mls_learner_gbdt;

/* ---- Codes made by hand ---- */

struct codes {
    struct mls_binned binned;
    struct mls_bins bins[40];
    double cuts[400];
};

static uint32_t number(int64_t i, int64_t j)
{
    return (uint32_t)((hashed(i, j + 100) + 1) * 1e6);
}

/* Feature j has 3 + 9 j codes, at most `most`; every third is categorical. */
static void codes_new(struct codes *c, int64_t rows, int64_t features,
                      int32_t most, int width)
{
    struct mls_error err;
    struct mls_binned *b = &c->binned;

    *b = (struct mls_binned){ .rows = rows, .features = features,
                              .width = width, .bins = c->bins };
    memset(c->bins, 0, sizeof(c->bins));
    b->column_stride = (rows * width + 63) / 64 * 64 + 64;
    b->by_column = mls_new_array(features * b->column_stride, 1, &err);
    memset(b->by_column, 0, (size_t)(features * b->column_stride));
    for (int64_t j = 0; j < features; j++) {
        int32_t codes = (int32_t)(3 + 9 * j) < most ? (int32_t)(3 + 9 * j)
                                                    : most;

        c->bins[j].codes = codes;
        c->bins[j].categorical = j % 3 == 2;
        for (int64_t i = 0; i < rows; i++) {
            uint16_t code = (uint16_t)(number(i, j) % (uint32_t)codes);

            memcpy(b->by_column + j * b->column_stride + i * width, &code,
                   (size_t)width);
        }
    }
}

static void codes_clear(struct codes *c)
{
    mls_free(c->binned.by_column);
}

static int32_t code_at(const struct codes *c, int64_t row, int64_t j)
{
    const uint8_t *column =
        c->binned.by_column + j * c->binned.column_stride;

    return c->binned.width == 1
        ? column[row] : ((const uint16_t *)(const void *)column)[row];
}

/* ---- Histograms ---- */

static void check_histograms(int64_t features, int32_t most, int width,
                             bool wide, bool indexed, int64_t used)
{
    enum { ROWS = 3001 };
    struct codes c;
    struct mls_histogram_layout layout;
    struct mls_error err;
    int64_t *cells, *out;
    uint32_t *rows, *packed;
    int32_t list[40], columns[40];
    bool taken[40] = { false };
    void *table;
    int64_t count = 0, column_count = 0;

    codes_new(&c, ROWS, features, most, width);
    assert_true(mls_histogram_layout_new(&layout, &c.binned, wide, NULL,
                                         &err));
    assert_true(layout.columns <= features);
    cells = mls_new_array(2 * (ROWS + 4), sizeof(*cells), &err);
    rows = mls_new(ROWS + 16, sizeof(*rows), &err);
    packed = mls_new(ROWS, sizeof(*packed), &err);
    table = mls_new_array(layout.slots, layout.cell, &err);
    out = mls_new_array(2 * 400, sizeof(*out), &err);
    assert_true(cells && rows && packed && table && out);
    for (int64_t i = 0; i < 2 * (ROWS + 4); i++)
        cells[i] = ((int64_t)number(i, 3) - 1000000) * ((i & 1) ? 1 : 1 << 20);
    for (int64_t i = 0; i < ROWS; i++)
        if (!indexed || number(i, 5) % 3 == 0)
            rows[count++] = (uint32_t)i;
    for (int64_t i = 0; !wide && i < count; i++) {
        int32_t g = (int32_t)(number(i, 6) % 1048576) - 524288;
        int32_t h = (int32_t)(number(i, 7) % 4096);

        packed[i] = (uint32_t)g << 12 | (uint32_t)h;
        cells[rows[i]] = (int64_t)g * (INT64_C(1) << 32) + h;
    }
    for (int64_t j = 0; j < used; j++) {
        list[j] = (int32_t)(j * features / used);
        taken[layout.column[list[j]]] = true;
    }
    for (int64_t k = 0; k < layout.columns; k++)
        if (taken[k])
            columns[column_count++] = (int32_t)k;
    memset(table, 0, (size_t)layout.slots * layout.cell);
    mls_histogram_add(&layout, wide ? (void *)cells : packed, indexed ? rows : NULL, 0, count,
                      columns, column_count, table);
    for (int64_t j = 0; j < used; j++) {
        int32_t f = list[j], codes = c.bins[f].codes;
        int64_t sums[2][400] = { { 0 } };

        for (int64_t k = 0; k < count; k++)
            for (int part = 0; part <= wide; part++)
                sums[part][code_at(&c, rows[k], f)] +=
                    cells[rows[k] * (1 + wide) + part];
        mls_histogram_merge(&layout, &table, 1, f, out);
        for (int32_t k = 0; k < codes; k++)
            for (int part = 0; part <= wide; part++)
                assert_true(out[k * (1 + wide) + part] == sums[part][k]);
    }
    mls_free(cells);
    mls_free(rows);
    mls_free(packed);
    mls_free(table);
    mls_free(out);
    mls_histogram_layout_clear(&layout);
    codes_clear(&c);
}

static void histograms_are_sums_over_rows(void **state)
{
    (void)state;
    for (int64_t features = 1; features <= 37; features++) {
        for (int indexed = 0; indexed < 2; indexed++) {
            int64_t half = (features + 1) / 2, third = (features + 2) / 3;

            for (int wide = 0; wide < 2; wide++) {
                check_histograms(features, 256, 1, wide, indexed, features);
                check_histograms(features, 256, 1, wide, indexed, third);
                check_histograms(features, 5, 1, wide, indexed, features);
                check_histograms(features, 40, 1, wide, indexed, half);
                check_histograms(features, 300, 2, wide, indexed, features);
                check_histograms(features, 300, 2, wide, indexed, half);
            }
        }
    }
}

static void features_of_few_codes_share_a_column(void **state)
{
    struct codes c;
    struct mls_histogram_layout layout;
    struct mls_error err;

    (void)state;
    codes_new(&c, 100, 10, 4, 1);
    c.bins[7].codes = 1;
    /* Of eight features of 4 codes each four share one, that of 3 is alone. */
    assert_true(mls_histogram_layout_new(&layout, &c.binned, false, NULL,
                                         &err));
    assert_int_equal(layout.columns, 3);
    assert_int_equal(layout.column[7], -1);
    for (int64_t k = 0; k < layout.columns; k++)
        assert_true(layout.total[k] * layout.copies[k] <= 256);
    mls_histogram_layout_clear(&layout);
    codes_clear(&c);
}

/* ---- Partition ---- */

static bool left_of(const struct mls_question *q, int32_t code)
{
    if (q->categorical)
        return (q->set[code / 8] >> (code % 8) & 1) != 0;
    return code == 0 ? q->missing_left : code <= q->code;
}

static void fill_question(const struct codes *c, int64_t j, int64_t k,
                          uint8_t *set, struct mls_question *q)
{
    const struct mls_bins *bins = &c->bins[j];

    for (int64_t i = 0; i < 40; i++)
        set[i] = (uint8_t)number(i, k);
    *q = (struct mls_question){
        .column = c->binned.by_column + j * c->binned.column_stride,
        .categorical = bins->categorical, .missing_left = number(k, j) % 2,
        .set = set, .codes = bins->codes
    };
    q->code = (uint16_t)(1 + number(j, k) % (uint32_t)(bins->codes - 2));
}

static void parts_hold_each_row_once(void **state)
{
    enum { ROWS = 1003 };
    uint32_t rows[ROWS + 16], to[ROWS + 16], spare[ROWS + 16];
    uint32_t cells[ROWS + 16], spare_cells[ROWS + 16];
    static uint8_t goes[65536];
    uint8_t set[40];
    struct codes c;

    (void)state;
    for (int width = 1; width <= 2; width++) {
        codes_new(&c, ROWS, 36, width == 1 ? 256 : 300, width);
        for (int64_t k = 0; k < 36 * 8; k++) {
            struct mls_question q;
            bool implicit = k % 4 == 0, travels = k % 8 < 4;
            struct mls_travellers own = { to, travels ? cells : NULL };
            struct mls_travellers room = { spare, spare_cells };
            int64_t count = 0, left, at = 0;
            uint8_t parted[ROWS] = { 0 };

            fill_question(&c, k % 36, k, set, &q);
            for (int64_t i = 0; i < ROWS; i++)
                if (implicit || number(i, k) % 4 < (uint32_t)k % 4)
                    rows[count++] = (uint32_t)i;
            memcpy(to, rows, sizeof(to));
            for (int64_t i = 0; i < count; i++)
                cells[i] = number(rows[i], 11);
            left = mls_partition(&q, width, implicit ? 0 : -1, count, own,
                                 room, goes);
            for (int64_t i = 0; i < count; i++) {
                bool goes_left = left_of(&q, code_at(&c, rows[i], k % 36));

                parted[rows[i]] = goes_left ? 1 : 2;
                if (!goes_left)
                    continue;
                assert_int_equal(to[at], rows[i]);
                if (travels)
                    assert_int_equal(cells[at], number(rows[i], 11));
                at++;
            }
            assert_int_equal(left, at);
            /* Each of the others once. */
            for (; at < count; at++) {
                assert_int_equal(parted[spare[at]], 2);
                parted[spare[at]] = 0;
                if (travels)
                    assert_int_equal(spare_cells[at], number(spare[at], 11));
            }
        }
        codes_clear(&c);
    }
}

static void labels_are_those_of_a_walk(void **state)
{
    enum { ROWS = 700, QUESTIONS = 40 };
    static uint8_t sets[QUESTIONS][40];
    struct mls_question q[QUESTIONS];
    uint16_t label[MLS_RELABEL_ROWS];
    struct codes c;

    (void)state;
    for (int width = 1; width <= 2; width++) {
        codes_new(&c, ROWS, 36, width == 1 ? 256 : 300, width);
        for (int64_t k = 0; k < QUESTIONS; k++) {
            fill_question(&c, (k * 7) % 36, k, sets[k], &q[k]);
            q[k].leaf = (int32_t)(number(k, 9) % (uint32_t)(k + 1));
            q[k].right = (int32_t)k + 1;
        }
        for (int64_t first = 0; first < ROWS; first += MLS_RELABEL_ROWS) {
            int64_t n = ROWS - first < MLS_RELABEL_ROWS ? ROWS - first
                                                        : MLS_RELABEL_ROWS;

            mls_relabel(q, QUESTIONS, width, first, n, label);
            for (int64_t i = 0; i < n; i++) {
                int32_t leaf = 0;

                for (int64_t k = 0; k < QUESTIONS; k++)
                    if (q[k].leaf == leaf
                        && !left_of(&q[k], code_at(&c, first + i,
                                                   (k * 7) % 36)))
                        leaf = q[k].right;
                assert_int_equal(label[i], leaf);
            }
        }
        codes_clear(&c);
    }
}

/* ---- Objectives ---- */

static void derivatives_are_those_of_the_loss(void **state)
{
    const double step = 1e-5;

    (void)state;
    for (int kind = MLS_OBJECTIVE_LOGISTIC; kind <= MLS_OBJECTIVE_TWEEDIE;
         kind++) {
        bool softmax = kind == MLS_OBJECTIVE_SOFTMAX;
        bool constant;
        struct mls_objective o = { .kind = kind, .alpha = 0.7, .power = 1.4,
                                   .hessian_factor = 1, .most_step = 0 };

        constant = mls_objective_constant_hessian(&o);
        for (int64_t i = 0; i < 200; i++) {
            double s[3], y[4] = { 0 }, g[4], h[4], scores[4] = { 0 };
            double normaliser[4] = { 0 }, loss[3];
            int k = softmax ? (int)(i % 3) : 0;

            for (int j = 0; j < 3; j++)
                s[j] = 3 * hashed(i, j);
            y[0] = kind == MLS_OBJECTIVE_LOGISTIC ? (double)(i % 2)
                : softmax ? (double)(i / 3 % 3)
                : 1.5 + hashed(i, 7);
            scores[0] = s[k];
            if (softmax)
                mls_objective_normalise(s, 1, 3, 1, normaliser);
            mls_objective_derivatives(&o, scores, normaliser, y, k, 1, g, h);
            for (int j = -1; j <= 1; j++) {
                double moved[3] = { s[0], s[1], s[2] };

                moved[k] += j * step;
                loss[j + 1] = mls_objective_loss(&o, moved, 1, softmax ? 3 : 1,
                                                 y[0]);
            }
            assert_near(g[0], (loss[2] - loss[0]) / (2 * step), 1e-6);
            if (!constant)
                assert_near(h[0],
                            (loss[2] - 2 * loss[1] + loss[0]) / (step * step),
                            2e-4);
            else
                assert_true(h[0] == 1);
        }
    }
}

/* ---- Trees against a greedy search in doubles ---- */

struct slow {
    const struct rows *r;
    double l2, min_rows;
    double g[400], h[400];
    int leaf[400];
};

/* What a leaf gains by a cut; 0 when a side would have too few rows. */
static double slow_gain(const struct slow *s, int leaf, const double *x,
                        double cut)
{
    double g[2] = { 0 }, h[2] = { 0 }, rows[2] = { 0 };

    for (int64_t i = 0; i < s->r->data.rows; i++) {
        int side = x[i] > cut;

        if (s->leaf[i] != leaf)
            continue;
        g[side] += s->g[i];
        h[side] += s->h[i];
        rows[side]++;
    }
    if (rows[0] < s->min_rows || rows[1] < s->min_rows)
        return 0;
    return g[0] * g[0] / (h[0] + s->l2) + g[1] * g[1] / (h[1] + s->l2)
        - (g[0] + g[1]) * (g[0] + g[1]) / (h[0] + h[1] + s->l2);
}

/* The best split of leaves first .. end - 1 alike, by trying every value of
 * every feature. */
static double slow_split(const struct slow *s, int first, int end,
                         int64_t *feature, double *cut)
{
    int64_t n = s->r->data.rows;
    double best = 1e-9;

    *feature = -1;
    for (int64_t j = 0; j < s->r->data.features; j++) {
        const double *x = s->r->data.x.data + j * n;

        for (int64_t k = 0; k < n; k++) {
            double gain = 0;

            for (int leaf = first; leaf < end; leaf++)
                gain += slow_gain(s, leaf, x, x[k]);
            if (gain > best * (1 + 1e-9)) {
                best = gain;
                *feature = j;
                *cut = x[k];
            }
        }
    }
    return *feature < 0 ? 0 : best;
}

/* Adds rate times the values of so many leaves to score. */
static void slow_values(const struct slow *s, int leaves, double rate,
                        double *score)
{
    int64_t n = s->r->data.rows;

    for (int k = 0; k < leaves; k++) {
        double g = 0, h = 0;

        for (int64_t i = 0; i < n; i++) {
            g += s->leaf[i] == k ? s->g[i] : 0;
            h += s->leaf[i] == k ? s->h[i] : 0;
        }
        for (int64_t i = 0; i < n; i++)
            if (s->leaf[i] == k)
                score[i] -= rate * g / (h + s->l2);
    }
}

/* Grows a tree of so many levels, each split alike. */
static void slow_levels(struct slow *s, int levels, double rate, double *score)
{
    int64_t n = s->r->data.rows, feature;
    int leaves = 1;
    double cut = 0;

    memset(s->leaf, 0, sizeof(s->leaf));
    for (int level = 0; level < levels; level++, leaves *= 2) {
        if (slow_split(s, 0, leaves, &feature, &cut) <= 0)
            break;
        for (int64_t i = 0; i < n; i++)
            s->leaf[i] += s->r->data.x.data[feature * n + i] > cut ? leaves
                                                                   : 0;
    }
    slow_values(s, leaves, rate, score);
}

/* Grows a tree of so many leaves, adds rate times its values to score. */
static void slow_tree(struct slow *s, int leaves, double rate, double *score)
{
    int64_t n = s->r->data.rows;

    memset(s->leaf, 0, sizeof(s->leaf));
    for (int made = 1; made < leaves; made++) {
        double best = 0, best_cut = 0, cut = 0;
        int64_t best_feature = -1, feature;
        int best_leaf = 0;

        for (int k = 0; k < made; k++) {
            double gain = slow_split(s, k, k + 1, &feature, &cut);

            if (gain > best) {
                best = gain;
                best_leaf = k;
                best_feature = feature;
                best_cut = cut;
            }
        }
        if (best_feature < 0)
            break;
        for (int64_t i = 0; i < n; i++)
            if (s->leaf[i] == best_leaf
                && s->r->data.x.data[best_feature * n + i] > best_cut)
                s->leaf[i] = made;
    }
    slow_values(s, leaves, rate, score);
}

static void score_rows(const struct mls_model *model, const struct rows *r,
                       double *out)
{
    struct mls_column columns[6];
    const struct mls_column *pointers[6];
    struct mls_view view = { .rows = r->data.rows,
                             .features = r->data.features,
                             .columns = pointers };
    struct mls_error err;

    for (int64_t j = 0; j < r->data.features; j++) {
        columns[j] = (struct mls_column){
            .storage = MLS_STORE_REAL, .rows = r->data.rows,
            .real = r->data.x.data + j * r->data.rows
        };
        pointers[j] = &columns[j];
    }
    assert_true(model->type->score(model, &view, out, &err));
}

static void check_greedy(bool binary, bool alike)
{
    enum { ROWS = 200 };
    static struct slow s;
    double score[ROWS], out[ROWS];
    struct mls_error err;
    struct rows r;
    struct mls_model *model;
    double sum = 0;

    rows_new(&r, ROWS, 4, binary ? MLS_BINARY : MLS_REGRESSION,
             binary ? 2 : 0);
    for (int64_t i = 0; i < ROWS; i++) {
        double x = r.data.x.data[i] + r.data.x.data[i + ROWS] / 4
            + hashed(i, 50);

        r.y[i] = binary ? x > 0.5 : x;
        sum += r.y[i];
    }
#define SETTINGS "iterations=6 learning_rate=0.3 l2=0.5 min_leaf_rows=7 " \
                 "stopping=off min_leaf_hessian=0 row_fraction=1 " \
                 "node_fraction=1 bins=255 "
    model = fit_rows(gbdt, alike ? SETTINGS "growth=symmetric depth=3 leaves=15"
                                 : SETTINGS "growth=leaf leaves=6 depth=0",
                     &r, NULL);
    assert_true(mls_model_ready(model, &err));
    s = (struct slow){ .r = &r, .l2 = 0.5, .min_rows = 7 };
    for (int64_t i = 0; i < ROWS; i++)
        score[i] = binary ? log(sum / (ROWS - sum)) : sum / ROWS;
    for (int t = 0; t < 6; t++) {
        for (int64_t i = 0; i < ROWS; i++) {
            double p = 1 / (1 + exp(-score[i]));

            s.g[i] = binary ? p - r.y[i] : score[i] - r.y[i];
            s.h[i] = binary ? p * (1 - p) : 1;
        }
        if (alike)
            slow_levels(&s, 3, 0.3, score);
        else
            slow_tree(&s, 6, 0.3, score);
    }
    score_rows(model, &r, out);
    for (int64_t i = 0; i < ROWS; i++)
        assert_near(out[i], score[i], 1e-8);
    mls_model_free(model);
    rows_clear(&r);
}

static void trees_are_those_of_a_greedy_search(void **state)
{
    (void)state;
    for (int binary = 0; binary < 2; binary++)
        for (int alike = 0; alike < 2; alike++)
            check_greedy(binary, alike);
}

/* ---- Splits of a level ---- */

enum { LEVEL_CODES = 23, LEVEL_LEAVES = 5 };

/* Leaf k's histogram of a feature, rows of some codes missing, and its sums. */
static void fill_histogram(int k, int kind, bool wide, int64_t *cells,
                           struct mls_split_leaf *leaf)
{
    *leaf = (struct mls_split_leaf){ .lowest = -INFINITY,
                                     .highest = INFINITY };
    for (int64_t c = 0; c < LEVEL_CODES; c++) {
        int64_t rows = (c == 0 && kind % 2) || number(c, k) % 4 == 0
            ? 0 : number(c, k + 50) % 20;
        int64_t g = (int64_t)(number(c, k + 70) % 2001 - 1000) * rows;
        int64_t h = (int64_t)(1 + number(c, k + 90) % 100) * rows;

        if (wide) {
            cells[2 * c] = g;
            cells[2 * c + 1] = h << MLS_COUNT_BITS | rows;
        } else {
            cells[c] = (int64_t)((uint64_t)g << 32) + h;
        }
        leaf->sums.gradient += g;
        leaf->sums.hessian += h;
        leaf->sums.count += wide ? rows : 0;
        leaf->rows += (double)rows;
    }
}

/* Of one leaf it is the leaf's split. */
static void a_level_of_one_leaf_splits_as_the_leaf(void **state)
{
    struct mls_split_scratch one;
    struct mls_level_scratch all;
    struct mls_error err;
    int found = 0;

    (void)state;
    assert_true(mls_split_scratch_new(&one, LEVEL_CODES, &err));
    assert_true(mls_level_scratch_new(&all, LEVEL_CODES, &err));
    for (int k = 0; k < 400; k++) {
        int64_t cells[2 * LEVEL_CODES];
        bool wide = k % 3 == 0;
        uint8_t sets[2][8] = { { 0 } };
        struct mls_split_leaf leaf;
        const struct mls_split_leaf *about = &leaf;
        const void *bins = cells;
        struct mls_level_leaves level = { 1, &about, &bins };
        struct mls_bins feature = { .codes = LEVEL_CODES,
                                    .categorical = k % 2 };
        struct mls_split a = { .set = sets[0] }, b = { .set = sets[1] };
        struct mls_split_rules rules = {
            .l1 = k % 5 == 0 ? 0.5 : 0, .l2 = 0.7, .min_rows = k % 7,
            .category_smooth = 3, .category_l2 = 2, .category_min_rows = k % 4,
            .wide = wide, .gradient_unit = 0x1p-8, .hessian_unit = 0x1p-6,
            .count_unit = 1
        };

        fill_histogram(k, k / 2, wide, cells, &leaf);
        mls_split_find(&rules, &leaf, &feature, 4, cells, NULL, 0, &one, &a);
        mls_level_find(&rules, &level, &feature, 4, &all, &b);
        assert_near(b.gain, a.gain, 1e-9 * a.gain);
        if (a.gain <= 0)
            continue;
        found++;
        assert_int_equal(b.code, a.code);
        assert_int_equal(b.missing_left, a.missing_left);
        assert_memory_equal(sets[0], sets[1], sizeof(sets[0]));
        a.left = mls_level_left(&rules, &b, &feature, cells);
        assert_true(a.left.hessian > 0
                    && a.left.hessian < leaf.sums.hessian);
    }
    assert_true(found > 300);
    mls_split_scratch_clear(&one);
    mls_level_scratch_clear(&all);
}

/* What all leaves together gain by a split, each in plain doubles. */
static double level_gain(const struct mls_split_rules *rules,
                         const struct mls_level_leaves *level,
                         const struct mls_bins *feature,
                         const struct mls_split *split)
{
    double l2 = rules->l2 + (split->categorical ? rules->category_l2 : 0);
    double gain = 0;

    for (int64_t k = 0; k < level->leaves; k++) {
        struct mls_split_sums all = level->about[k]->sums, left =
            mls_level_left(rules, split, feature, level->bins[k]);
        double g = (double)left.gradient * rules->gradient_unit;
        double h = (double)left.hessian * rules->hessian_unit;
        double g2 = (double)(all.gradient - left.gradient)
            * rules->gradient_unit;
        double h2 = (double)(all.hessian - left.hessian)
            * rules->hessian_unit;

        if (left.count < rules->min_rows || left.hessian == 0
            || all.hessian == left.hessian
            || all.count - left.count < rules->min_rows)
            continue;
        gain += g * g / (h + l2) + g2 * g2 / (h2 + l2)
            - (g + g2) * (g + g2) / (h + h2 + l2);
    }
    return gain;
}

static void a_level_takes_the_greatest_sum_of_gains(void **state)
{
    int64_t cells[LEVEL_LEAVES][2 * LEVEL_CODES];
    struct mls_split_leaf leaves[LEVEL_LEAVES];
    const struct mls_split_leaf *about[LEVEL_LEAVES];
    const void *bins[LEVEL_LEAVES];
    struct mls_level_leaves level = { LEVEL_LEAVES, about, bins };
    struct mls_level_scratch scratch;
    struct mls_error err;

    (void)state;
    assert_true(mls_level_scratch_new(&scratch, LEVEL_CODES, &err));
    for (int round = 0; round < 200; round++) {
        struct mls_bins feature = { .codes = LEVEL_CODES,
                                    .categorical = round % 4 == 3 };
        uint8_t set[8] = { 0 };
        struct mls_split found = { .set = set }, tried = { .set = set };
        struct mls_split_rules rules = {
            .l2 = 0.7, .min_rows = round % 9, .category_smooth = 3,
            .category_l2 = 2, .wide = true, .gradient_unit = 0x1p-8,
            .hessian_unit = 0x1p-6, .count_unit = 1
        };
        double best = 0;

        for (int k = 0; k < LEVEL_LEAVES; k++) {
            fill_histogram(round * LEVEL_LEAVES + k, round, true, cells[k],
                           &leaves[k]);
            about[k] = &leaves[k];
            bins[k] = cells[k];
        }
        mls_level_find(&rules, &level, &feature, 4, &scratch, &found);
        assert_near(found.gain, level_gain(&rules, &level, &feature, &found),
                    1e-9 * found.gain);
        for (int c = 1; c < LEVEL_CODES && !feature.categorical; c++) {
            for (int left = 0; left < 2; left++) {
                tried.code = (uint16_t)c;
                tried.missing_left = left;
                best = fmax(best,
                            level_gain(&rules, &level, &feature, &tried));
            }
        }
        if (!feature.categorical)
            assert_near(found.gain, best, 1e-9 * best);
    }
    mls_level_scratch_clear(&scratch);
}

/* ---- Categories ---- */

static double gain_of_set(const int64_t *g, const int64_t *h, int codes,
                          const uint8_t *set)
{
    double gl = 0, hl = 0, gr = 0, hr = 0;

    for (int c = 0; c < codes; c++) {
        bool left = set[c / 8] >> (c % 8) & 1;

        *(left ? &gl : &gr) += (double)g[c];
        *(left ? &hl : &hr) += (double)h[c];
    }
    return hl <= 0 || hr <= 0 ? 0
        : gl * gl / hl + gr * gr / hr - (gl + gr) * (gl + gr) / (hl + hr);
}

/* Few codes: against all sets.  Many: against all cuts of the order that a
 * slow sort gives. */
static void best_of_sets(const int64_t *g, const int64_t *h, int codes,
                         double *best)
{
    int order[250];

    *best = 0;
    for (uint32_t bits = 0; codes <= 11 && bits < 1u << codes; bits++) {
        uint8_t set[2] = { (uint8_t)bits, (uint8_t)(bits >> 8) };

        *best = fmax(*best, gain_of_set(g, h, codes, set));
    }
    for (int c = 0; c < codes; c++) {
        int k = c;

        for (; k > 0 && g[order[k - 1]] * h[c] > g[c] * h[order[k - 1]]; k--)
            order[k] = order[k - 1];
        order[k] = c;
    }
    for (int taken = 1; taken < codes; taken++) {
        uint8_t set[32] = { 0 };

        for (int k = 0; k < taken; k++)
            set[order[k] / 8] |= (uint8_t)(1 << order[k] % 8);
        *best = fmax(*best, gain_of_set(g, h, codes, set));
    }
}

static void no_set_of_categories_gains_more(void **state)
{
    struct mls_split_rules rules = { .gradient_unit = 1, .hessian_unit = 1,
                                     .count_unit = 1 };
    struct mls_split_scratch scratch;
    struct mls_error err;

    (void)state;
    assert_true(mls_split_scratch_new(&scratch, 250, &err));
    for (int64_t k = 0; k < 300; k++) {
        int codes = k < 200 ? 2 + (int)(k % 10) : (int)(k - 50);
        struct mls_bins bins = { .categorical = true, .codes = codes };
        struct mls_split_leaf leaf = { .lowest = -INFINITY,
                                       .highest = INFINITY };
        uint8_t set[32] = { 0 };
        struct mls_split found = { .set = set };
        int64_t g[250], h[250], cell[250];
        double best;

        for (int c = 0; c < codes; c++) {
            g[c] = (int64_t)(number(c, k) % 200) - 90;
            h[c] = 1 + (int64_t)(number(k, c + 7) % 50);
            cell[c] = g[c] * (INT64_C(1) << 32) + h[c];
            leaf.sums.gradient += g[c];
            leaf.sums.hessian += h[c];
        }
        leaf.rows = (double)leaf.sums.hessian;
        mls_split_find(&rules, &leaf, &bins, 0, cell, NULL, 0, &scratch,
                       &found);
        best_of_sets(g, h, codes, &best);
        assert_near(found.gain, best, 1e-9 * best);
        assert_near(gain_of_set(g, h, codes, set), best, 1e-9 * best);
    }
    mls_split_scratch_clear(&scratch);
}

/* ---- Large tables, whose cells are packed ---- */

/* Steps in three features; where the first is highest, a target far off (two
 * classes: a rare one). */
static void large_rows(struct rows *r, enum mls_task task, int classes)
{
    enum { ROWS = MLS_BOOST_WIDE_ROWS + 1003 };

    rows_new(r, ROWS, 4, task, classes);
    for (int64_t i = 0; i < ROWS; i++) {
        const double *x = r->data.x.data + i;
        double step = (x[0] > 0.2) + 0.5 * (x[ROWS] > 3.5)
            + 0.25 * (x[2 * ROWS] > 5);
        double noise = hashed(i, 60) / 2 + 0.5;

        r->y[i] = task == MLS_REGRESSION
            ? step + noise / 10 + (x[0] > 0.98 ? 500 : 0)
            : noise < step * step / 40;
        if (classes == 3 && noise > 0.7)
            r->y[i] = 2;
    }
}

static void packed_cells_give_the_trees_of_wide_ones(void **state)
{
    const char *settings = "iterations=5 leaves=5 learning_rate=0.3 bins=20"
                           " stopping=off";
    struct mls_error err;

    (void)state;
    for (int binary = 0; binary < 2; binary++) {
        struct rows r;
        double *out[2];

        large_rows(&r, binary ? MLS_BINARY : MLS_REGRESSION, binary ? 2 : 0);
        for (int weighted = 0; weighted < 2; weighted++) {
            struct mls_model *model;

            /* Weights, of 1 here, make cells wide. */
            r.data.target.weight = weighted ? r.w : NULL;
            model = fit_rows(gbdt, settings, &r, NULL);
            assert_true(mls_model_ready(model, &err));
            out[weighted] = mls_new(r.data.rows, sizeof(double), &err);
            assert_non_null(out[weighted]);
            score_rows(model, &r, out[weighted]);
            mls_model_free(model);
        }
        for (int64_t i = 0; i < r.data.rows; i++)
            assert_near(out[0][i], out[1][i], 1e-9);
        mls_free(out[0]);
        mls_free(out[1]);
        rows_clear(&r);
    }
}

static void packed_cells_are_the_same_for_any_threads(void **state)
{
    static const char *const settings[] = {
        "iterations=4 leaves=9 stopping=off",
        "iterations=4 leaves=9 stopping=off row_fraction=0.3",
        "iterations=4 leaves=9 stopping=off column_fraction=0.5 min_leaf_rows"
        "=4000",
        "iterations=8 leaves=5 stopping=holdout"
    };
    static const int threads[] = { 1, 2, 3, 8 };
    struct mls_error err;
    struct rows r;
    double *out[2];

    (void)state;
    large_rows(&r, MLS_MULTICLASS, 3);
    for (int k = 0; k < 2; k++) {
        out[k] = mls_new(3 * r.data.rows, sizeof(double), &err);
        assert_non_null(out[k]);
    }
    for (int s = 0; s < 4; s++) {
        for (int k = 0; k < 4; k++) {
            struct mls_model *model;
            struct mls_run run;

            assert_true(mls_run_init(&run, threads[k], &err));
            model = fit_on(gbdt, settings[s], &r.data, &run, NULL, &err);
            assert_non_null(model);
            assert_true(mls_model_ready(model, &err));
            score_rows(model, &r, out[k > 0]);
            if (k > 0)
                assert_memory_equal(out[0], out[1],
                                    (size_t)(3 * r.data.rows)
                                        * sizeof(double));
            mls_model_free(model);
            mls_run_clear(&run);
        }
    }
    mls_free(out[0]);
    mls_free(out[1]);
    rows_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histograms_are_sums_over_rows),
        cmocka_unit_test(features_of_few_codes_share_a_column),
        cmocka_unit_test(parts_hold_each_row_once),
        cmocka_unit_test(labels_are_those_of_a_walk),
        cmocka_unit_test(derivatives_are_those_of_the_loss),
        cmocka_unit_test(trees_are_those_of_a_greedy_search),
        cmocka_unit_test(no_set_of_categories_gains_more),
        cmocka_unit_test(packed_cells_give_the_trees_of_wide_ones),
        cmocka_unit_test(packed_cells_are_the_same_for_any_threads),
        cmocka_unit_test(a_level_of_one_leaf_splits_as_the_leaf),
        cmocka_unit_test(a_level_takes_the_greatest_sum_of_gains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
