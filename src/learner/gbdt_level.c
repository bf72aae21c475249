/*
 * Splits of a whole level.  For each leaf the sums up to every cut become the
 * gains of all cuts, four at a time, which are added up over the leaves:
 *
 *     leaf 0    gain of cut 1   2   3  ...
 *     leaf 1  + gain of cut 1   2   3  ...
 *     ...     = gain of the level's cut; the greatest is taken
 *
 * Numbers are added in the order of leaves, so the bits are the same whoever
 * adds them.
 *
 * Categories get one order for the level: by what is left of their gradients
 * when each row has been given its leaf's mean, per unit of hessian.  For one
 * leaf that is the order that gbdt_split.c takes.
 */
#include "learner/gbdt_level.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

enum { LANES = 4 };

typedef double reals __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t wholes __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint64_t words __attribute__((vector_size(32), aligned(8), may_alias));

bool mls_level_scratch_new(struct mls_level_scratch *scratch,
                           int32_t most_codes, struct mls_error *err)
{
    int64_t n = (int64_t)most_codes + 2 * LANES;
    double *all = mls_new(6 * n, sizeof(double), err);

    *scratch = (struct mls_level_scratch){ .gradient = all };
    scratch->order = all ? mls_new(n, sizeof(*scratch->order), err) : NULL;
    if (!scratch->order) {
        mls_level_scratch_clear(scratch);
        return false;
    }
    scratch->hessian = all + n;
    scratch->rows = all + 2 * n;
    scratch->gain = all + 3 * n;
    scratch->key = all + 4 * n;
    return true;
}

void mls_level_scratch_clear(struct mls_level_scratch *scratch)
{
    mls_free(scratch->gradient);
    mls_free(scratch->order);
    *scratch = (struct mls_level_scratch){ 0 };
}

/* ---- Gains of one leaf ------------------------------------------------- */

/* What is asked of both sides of a leaf, in units of its own. */
struct asked {
    double g, h, n;             /* of the leaf */
    double l1, l2;
    double least_hessian, least_rows;
    double before;              /* the leaf's own score */
};

static double soft(double gradient, double l1)
{
    double rest = fabs(gradient) - l1;

    return rest > 0 ? rest : 0;
}

static struct asked ask(const struct mls_split_rules *rules,
                        const struct mls_split_leaf *leaf, double more_l2)
{
    struct asked a = {
        .g = (double)leaf->sums.gradient * rules->gradient_unit,
        .h = (double)leaf->sums.hessian * rules->hessian_unit,
        .n = leaf->rows, .l1 = rules->l1, .l2 = rules->l2 + more_l2,
        .least_hessian = fmax(rules->min_hessian, rules->hessian_unit),
        .least_rows = rules->min_rows * (1 - 1e-9)
    };
    double t = soft(a.g, a.l1);

    a.before = a.h + a.l2 > 0 ? t * t / (a.h + a.l2) : 0;
    return a;
}

#define SPLAT(x) { x, x, x, x }
#define PICK(mask, a, b) \
    ((reals)(((wholes)(mask) & (wholes)(a)) | (~(wholes)(mask) & (wholes)(b))))

/* gain[i] += the gain of a leaf that has these sums on the left, 0 when a side
 * is too small; count is rounded up to a multiple of 4. */
#define ADD_GAINS(name, attribute) \
    attribute static void name(const struct asked *a, const double *gradient, \
                               const double *hessian, const double *rows, \
                               int32_t count, double *gain) \
    { \
        const reals g_all = SPLAT(a->g), h_all = SPLAT(a->h); \
        const reals n_all = SPLAT(a->n), before = SPLAT(a->before); \
        const reals l1 = SPLAT(a->l1), l2 = SPLAT(a->l2), zero = SPLAT(0); \
        const reals least_h = SPLAT(a->least_hessian); \
        const reals least_n = SPLAT(a->least_rows); \
        const words sign = SPLAT(UINT64_C(1) << 63); \
        for (int32_t i = 0; i < count; i += LANES) { \
            reals gl = *(const reals *)(gradient + i), gr = g_all - gl; \
            reals hl = *(const reals *)(hessian + i), hr = h_all - hl; \
            reals nl = *(const reals *)(rows + i), nr = n_all - nl; \
            wholes good = (hl >= least_h) & (hr >= least_h) \
                & (nl >= least_n) & (nr >= least_n); \
            reals tl = (reals)((words)gl & ~sign) - l1; \
            reals tr = (reals)((words)gr & ~sign) - l1; \
            reals more; \
            tl = PICK(tl > zero, tl, zero); \
            tr = PICK(tr > zero, tr, zero); \
            hl += l2; \
            hr += l2; \
            more = (tl * tl * hr + tr * tr * hl) / (hl * hr) - before; \
            *(reals *)(gain + i) += PICK(good, more, zero); \
        } \
    }

ADD_GAINS(add_plain, )
#if defined(__x86_64__)
ADD_GAINS(add_avx2, __attribute__((target("avx2"))))
#endif

static void add_gains(const struct asked *a, int32_t count,
                      struct mls_level_scratch *s)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        add_avx2(a, s->gradient, s->hessian, s->rows, count, s->gain);
        return;
    }
#endif
    add_plain(a, s->gradient, s->hessian, s->rows, count, s->gain);
}

/* The sums over codes so far, written as those of cut i.  Narrow histograms
 * take rows to be in proportion to hessians. */
static void put_cut(const struct mls_split_rules *rules, const struct asked *a,
                    const struct mls_split_sums *left, int32_t i,
                    struct mls_level_scratch *s)
{
    s->gradient[i] = (double)left->gradient * rules->gradient_unit;
    s->hessian[i] = (double)left->hessian * rules->hessian_unit;
    s->rows[i] = rules->wide ? (double)left->count * rules->count_unit
        : a->h > 0 ? s->hessian[i] * (a->n / a->h) : 0;
}

static void add_sums(struct mls_split_sums *to, struct mls_split_sums more)
{
    to->gradient += more.gradient;
    to->hessian += more.hessian;
    to->count += more.count;
}

static void clear_gains(int32_t cuts, struct mls_level_scratch *s)
{
    for (int32_t i = 0; i < cuts + LANES; i++)
        s->gain[i] = s->gradient[i] = s->hessian[i] = s->rows[i] = 0;
}

/* The cut with the greatest gain, the first of equal ones, when it gains more
 * than `least`; else -1. */
static int32_t best_cut(const struct mls_level_scratch *s, int32_t cuts,
                        double least)
{
    int32_t best = -1;

    for (int32_t i = 0; i < cuts; i++) {
        if (s->gain[i] > least) {
            least = s->gain[i];
            best = i;
        }
    }
    return best;
}

/* Less than rounding is no gain. */
static double least_gain(const struct mls_split_rules *rules,
                         const struct mls_level_leaves *level,
                         const struct mls_split *best)
{
    double before = 0;

    for (int64_t k = 0; k < level->leaves; k++)
        before += ask(rules, level->about[k], 0).before;
    return fmax(fmax(rules->min_gain, 1e-11 * before + 1e-300), best->gain);
}

/* ---- Numbers ----------------------------------------------------------- */

static void find_cut(const struct mls_split_rules *rules,
                     const struct mls_level_leaves *level, int32_t codes,
                     int32_t number, bool missing_left,
                     struct mls_level_scratch *s, struct mls_split *best)
{
    int32_t cuts = codes - 1 - missing_left, cut;

    clear_gains(cuts, s);
    for (int64_t k = 0; k < level->leaves; k++) {
        struct asked a = ask(rules, level->about[k], 0);
        struct mls_split_sums left = { 0 };

        if (level->about[k]->sums.hessian < 2)
            continue;
        if (missing_left)
            left = mls_split_cell(rules->wide, level->bins[k], 0);
        for (int32_t i = 0; i < cuts; i++) {
            add_sums(&left,
                     mls_split_cell(rules->wide, level->bins[k], i + 1));
            put_cut(rules, &a, &left, i, s);
        }
        add_gains(&a, cuts, s);
    }
    cut = best_cut(s, cuts, least_gain(rules, level, best));
    if (cut < 0)
        return;
    best->gain = s->gain[cut];
    best->feature = number;
    best->code = (uint16_t)(cut + 1);
    best->categorical = false;
    best->missing_left = missing_left;
}

/* ---- Categories -------------------------------------------------------- */

static int by_key(const void *a_, const void *b_)
{
    const double *a = a_, *b = b_;

    if (a[0] != b[0])
        return a[0] < b[0] ? -1 : 1;
    return (a[1] > b[1]) - (a[1] < b[1]);
}

/* What a code has over all leaves: gradients without those that the leaves'
 * means explain, hessians, rows. */
static void whole_level(const struct mls_split_rules *rules,
                        const struct mls_level_leaves *level, int32_t codes,
                        struct mls_level_scratch *s)
{
    clear_gains(codes, s);
    for (int64_t k = 0; k < level->leaves; k++) {
        struct asked a = ask(rules, level->about[k], 0);

        for (int32_t c = 0; c < codes; c++) {
            struct mls_split_sums sums =
                mls_split_cell(rules->wide, level->bins[k], c);
            double h = (double)sums.hessian * rules->hessian_unit;

            if (sums.hessian <= 0)
                continue;
            s->gradient[c] +=
                (double)sums.gradient * rules->gradient_unit - a.g / a.h * h;
            s->hessian[c] += h;
            s->rows[c] += rules->wide ? (double)sums.count * rules->count_unit
                                      : h * (a.n / a.h);
        }
    }
}

/* Codes that are not too rare, in order; how many. */
static int32_t put_in_order(const struct mls_split_rules *rules,
                            const struct mls_level_leaves *level, int32_t codes,
                            struct mls_level_scratch *s)
{
    double rows = 0, hessian = 0, smooth;
    int32_t n = 0;

    whole_level(rules, level, codes, s);
    for (int32_t c = 0; c < codes; c++) {
        rows += s->rows[c];
        hessian += s->hessian[c];
    }
    smooth = rows > 0 ? rules->category_smooth * hessian / rows : 0;
    for (int32_t c = 0; c < codes; c++) {
        if (s->hessian[c] <= 0
            || s->rows[c] < rules->category_min_rows * (1 - 1e-9))
            continue;
        s->key[2 * n] = s->gradient[c] / (s->hessian[c] + smooth);
        s->key[2 * n + 1] = c;
        n++;
    }
    qsort(s->key, (size_t)n, 2 * sizeof(*s->key), by_key);
    for (int32_t i = 0; i < n; i++)
        s->order[i] = (int32_t)s->key[2 * i + 1];
    return n;
}

/* The set of the first `taken` codes of the order, or of all others when those
 * have the more rows: a code that is not here goes right, and should go with
 * the most. */
static void fill_set(int32_t codes, const double *hessian, int32_t taken,
                     const int32_t *order, uint8_t *set)
{
    double all = 0, left = 0;

    memset(set, 0, (size_t)(codes + 7) / 8);
    for (int32_t i = 0; i < taken; i++) {
        set[order[i] >> 3] |= (uint8_t)(1 << (order[i] & 7));
        left += hessian[order[i]];
    }
    for (int32_t c = 0; c < codes; c++)
        all += hessian[c];
    if (2 * left <= all)
        return;
    for (int32_t c = 0; c < codes; c++)
        set[c >> 3] ^= (uint8_t)((hessian[c] > 0) << (c & 7));
}

static void find_set(const struct mls_split_rules *rules,
                     const struct mls_level_leaves *level, int32_t codes,
                     int32_t number, struct mls_level_scratch *s,
                     struct mls_split *best)
{
    int32_t n = put_in_order(rules, level, codes, s), cut;

    clear_gains(n, s);
    for (int64_t k = 0; k < level->leaves; k++) {
        struct asked a = ask(rules, level->about[k], rules->category_l2);
        struct mls_split_sums left = { 0 };

        if (level->about[k]->sums.hessian < 2)
            continue;
        for (int32_t i = 0; i < n; i++) {
            add_sums(&left, mls_split_cell(rules->wide, level->bins[k],
                                           s->order[i]));
            put_cut(rules, &a, &left, i, s);
        }
        add_gains(&a, n, s);
    }
    cut = best_cut(s, n, least_gain(rules, level, best));
    if (cut < 0)
        return;
    best->gain = s->gain[cut];
    best->feature = number;
    best->code = 0;
    best->categorical = true;
    best->missing_left = false;
    whole_level(rules, level, codes, s);
    fill_set(codes, s->hessian, cut + 1, s->order, best->set);
}

/* ---- All together ------------------------------------------------------ */

static double missing_hessian(const struct mls_split_rules *rules,
                              const struct mls_level_leaves *level)
{
    double sum = 0;

    for (int64_t k = 0; k < level->leaves; k++)
        sum += (double)mls_split_cell(rules->wide, level->bins[k], 0).hessian;
    return sum;
}

/* No missing row here: those to come go with the most. */
static bool most_go_left(const struct mls_split_rules *rules,
                         const struct mls_level_leaves *level,
                         const struct mls_bins *feature,
                         const struct mls_split *split)
{
    double left = 0, all = 0;

    for (int64_t k = 0; k < level->leaves; k++) {
        left += (double)mls_level_left(rules, split, feature,
                                       level->bins[k]).hessian;
        all += (double)level->about[k]->sums.hessian;
    }
    return 2 * left > all;
}

void mls_level_find(const struct mls_split_rules *rules,
                    const struct mls_level_leaves *level,
                    const struct mls_bins *feature, int32_t number,
                    struct mls_level_scratch *scratch, struct mls_split *best)
{
    bool some_missing;
    double before = best->gain;

    if (feature->categorical) {
        find_set(rules, level, feature->codes, number, scratch, best);
        return;
    }
    some_missing = missing_hessian(rules, level) > 0;
    for (int left = 0; left <= some_missing; left++)
        find_cut(rules, level, feature->codes, number, left, scratch, best);
    if (best->gain > before && !some_missing)
        best->missing_left = most_go_left(rules, level, feature, best);
}

struct mls_split_sums mls_level_left(const struct mls_split_rules *rules,
                                     const struct mls_split *split,
                                     const struct mls_bins *feature,
                                     const void *bins)
{
    struct mls_split_sums left = { 0 };

    for (int32_t c = 0; c < feature->codes; c++) {
        bool goes = split->categorical ? split->set[c >> 3] >> (c & 7) & 1
            : c == 0 ? split->missing_left : c <= split->code;

        if (goes)
            add_sums(&left, mls_split_cell(rules->wide, bins, c));
    }
    return left;
}
