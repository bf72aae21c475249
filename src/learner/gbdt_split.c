/*
 * Finding splits.  All sums stay whole numbers until a gain is computed, so a
 * gain is a function of the two sets of rows alone: two features that part the
 * rows alike tie exactly, and the first wins.
 *
 * Numeric features are scanned four cuts at a time:
 *
 *     bins      1    2    3    4    5  ...      (0 is missing)
 *     prefix    1  1-2  1-3  1-4  1-5  ...      packed whole numbers
 *     gains     \____four lanes___/             doubles
 *
 * once with missing rows on the right and, if the leaf has any, once with them
 * on the left.  Whole numbers become doubles by putting them into the low bits
 * of 2^52, which is exact and needs no instruction that AVX2 lacks.  The lanes
 * are a fixed shape: any processor gets the same bits.
 *
 * Categories are put in order of their mean gradient, smoothed toward the
 * leaf's, and then only the cuts of that order are tried: Fisher (1958), "On
 * grouping for maximum homogeneity", JASA 53, shows that for squares no other
 * subset is better.
 */
#include "learner/gbdt_split.h"

#include <math.h>

#include "base/memory.h"

enum { LANES = 4, COUNT_MASK = (1 << MLS_COUNT_BITS) - 1 };

typedef double reals __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t wholes __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint64_t words __attribute__((vector_size(32), aligned(8), may_alias));

bool mls_split_scratch_new(struct mls_split_scratch *scratch,
                           int32_t most_codes, struct mls_error *err)
{
    int64_t n = (int64_t)most_codes + 2 * LANES;

    *scratch = (struct mls_split_scratch){ 0 };
    scratch->prefix = mls_new(n, sizeof(*scratch->prefix), err);
    scratch->prefix2 =
        scratch->prefix ? mls_new(n, sizeof(*scratch->prefix2), err) : NULL;
    scratch->key =
        scratch->prefix2 ? mls_new(4 * n, sizeof(*scratch->key), err) : NULL;
    scratch->order =
        scratch->key ? mls_new(n, sizeof(*scratch->order), err) : NULL;
    if (!scratch->order)
        mls_split_scratch_clear(scratch);
    return scratch->order != NULL;
}

void mls_split_scratch_clear(struct mls_split_scratch *scratch)
{
    mls_free(scratch->prefix);
    mls_free(scratch->prefix2);
    mls_free(scratch->key);
    mls_free(scratch->order);
    *scratch = (struct mls_split_scratch){ 0 };
}

/* ---- One split at a time ----------------------------------------------- */

static double soft(double gradient, double l1)
{
    double rest = fabs(gradient) - l1;

    return rest > 0 ? copysign(rest, gradient) : 0;
}

double mls_split_value(const struct mls_split_rules *rules, double gradient,
                       double hessian)
{
    double weight = hessian + rules->l2;

    return weight > 0 ? -soft(gradient, rules->l1) / weight : 0;
}

/* What is asked of sides, the same for all splits of a leaf. */
struct asked {
    double g, h;                /* of the leaf, in their units */
    double l2, before;          /* the leaf's own score */
    double least_gain;
    double rows_per_hessian;    /* narrow, when rows are not known */
    double least_hessian;       /* of a side, in units */
    double least_count;         /* of a side, in counts or rows */
};

static struct asked ask(const struct mls_split_rules *rules,
                        const struct mls_split_leaf *leaf, double more_l2)
{
    struct asked a = {
        .g = (double)leaf->sums.gradient * rules->gradient_unit,
        .h = (double)leaf->sums.hessian * rules->hessian_unit,
        .l2 = rules->l2 + more_l2
    };
    double t;

    t = soft(a.g, rules->l1);
    a.before = a.h + a.l2 > 0 ? t * t / (a.h + a.l2) : 0;
    /* Less than rounding is no gain. */
    a.least_gain = fmax(rules->min_gain, 1e-11 * a.before + 1e-300);
    a.rows_per_hessian = leaf->sums.hessian > 0
        ? leaf->rows / (double)leaf->sums.hessian : 0;
    a.least_hessian = fmax(1, rules->min_hessian / rules->hessian_unit);
    a.least_count = rules->wide ? rules->min_rows / rules->count_unit
                                : rules->min_rows;
    /* A row or two may be lost in the rounding of counts and ratios. */
    a.least_count = a.least_count * (1 - 1e-9);
    return a;
}

static double side_count(const struct mls_split_rules *rules,
                         const struct asked *a,
                         const struct mls_split_sums *side)
{
    return rules->wide || side->count > 0
        ? (double)side->count
        : (double)side->hessian * a->rows_per_hessian;
}

static double bounded(double value, const struct mls_split_leaf *leaf)
{
    return fmin(fmax(value, leaf->lowest), leaf->highest);
}

/* Score of a side that takes value w: -(2 T(g) w + (h + l2) w^2), by which
 * bounded values are judged; unbounded it is T(g)^2 / (h + l2). */
static double score_at(double g, double h, double l1, double w)
{
    return -(2 * soft(g, l1) * w + h * w * w);
}

/* Gain of a split with these sums on the left, or 0 when a side is too small
 * or the order of values is wrong. */
static double gain_of(const struct mls_split_rules *rules,
                      const struct mls_split_leaf *leaf,
                      const struct asked *a, const struct mls_split_sums *left,
                      int64_t all_count, int monotone)
{
    struct mls_split_sums right = {
        leaf->sums.gradient - left->gradient,
        leaf->sums.hessian - left->hessian, all_count - left->count
    };
    double gl = (double)left->gradient * rules->gradient_unit, gr = a->g - gl;
    double hl = (double)left->hessian * rules->hessian_unit, hr = a->h - hl;
    double wl, wr;

    if ((double)left->hessian < a->least_hessian
        || (double)right.hessian < a->least_hessian
        || side_count(rules, a, left) < a->least_count
        || side_count(rules, a, &right) < a->least_count) {
        return 0;
    }
    hl += a->l2;
    hr += a->l2;
    wl = bounded(-soft(gl, rules->l1) / hl, leaf);
    wr = bounded(-soft(gr, rules->l1) / hr, leaf);
    if (monotone * (wr - wl) < 0)
        return 0;
    return score_at(gl, hl, rules->l1, wl) + score_at(gr, hr, rules->l1, wr)
        - score_at(a->g, a->h + a->l2, rules->l1,
                   bounded(-soft(a->g, rules->l1) / (a->h + a->l2), leaf));
}

static bool improves(const struct asked *a, const struct mls_split *best,
                     double gain)
{
    return gain > a->least_gain && gain > best->gain;
}

/* Slow and obvious; for leaves with bounds, exact counts of rows. */
static void scan(const struct mls_split_rules *rules,
                 const struct mls_split_leaf *leaf, const struct asked *a,
                 int32_t codes, int32_t number, const void *bins,
                 const int64_t *rows, int monotone, bool missing_left,
                 struct mls_split *best)
{
    struct mls_split_sums left = { 0 };
    int64_t all = rules->wide ? leaf->sums.count : 0;

    for (int32_t c = 0; rows && c < codes; c++)
        all += rows[c];
    for (int32_t c = missing_left ? 0 : 1; c < codes - missing_left; c++) {
        struct mls_split_sums more = mls_split_cell(rules->wide, bins, c);
        double gain;

        left.gradient += more.gradient;
        left.hessian += more.hessian;
        left.count += rows ? rows[c] : more.count;
        if (c == 0)
            continue;
        gain = gain_of(rules, leaf, a, &left, all, monotone);
        if (improves(a, best, gain)) {
            *best = (struct mls_split){
                .gain = gain, .feature = number, .code = (uint16_t)c,
                .missing_left = missing_left, .left = left, .set = best->set
            };
            best->left.count = rules->wide ? left.count : 0;
        }
    }
}

/* ---- Four splits at a time --------------------------------------------- */

#define TWO_52 4503599627370496.0
#define BITS_52 INT64_C(0x4330000000000000)
#define MIDDLE 6755399441055744.0       /* 1.5 2^52 */
#define BITS_MIDDLE INT64_C(0x4338000000000000)

/* Sums of bins 1 .. c, missing ones before them or not, at prefix[c]. */
static void add_up(const struct mls_split_rules *rules, int32_t codes,
                   const void *bins, bool missing_left,
                   struct mls_split_scratch *s)
{
    int64_t g = 0, h = 0;

    if (rules->wide) {
        const mls_wide_cell *cell = bins;

        if (missing_left) {
            g = cell[0][0];
            h = cell[0][1];
        }
        for (int32_t c = 1; c < codes; c++) {
            g += cell[c][0];
            h += cell[c][1];
            s->prefix[c] = g;
            s->prefix2[c] = h;
        }
    } else {
        const int64_t *cell = bins;

        g = missing_left ? cell[0] : 0;
        for (int32_t c = 1; c < codes; c++) {
            g += cell[c];
            s->prefix[c] = g;
        }
    }
    for (int32_t c = codes; c < codes + LANES; c++)
        s->prefix[c] = s->prefix2[c] = 0;
}

struct lanes_best {
    reals gain, code;
};

#define SPLAT(x) { x, x, x, x }
#define PICK(mask, a, b) \
    ((reals)(((wholes)(mask) & (wholes)(a)) | (~(wholes)(mask) & (wholes)(b))))

/*
 * Gains of the cuts after codes first .. end - 1; lanes of too small sides gain
 * 0.  One of two bodies; the wide one reads counts beside.
 */
#define GAINS(name, attribute, WIDE) \
    attribute static void name(const struct mls_split_rules *rules, \
                               const struct asked *a, \
                               const struct mls_split_sums *all, \
                               const struct mls_split_scratch *s, \
                               int32_t end, double least_other, \
                               struct lanes_best *best) \
    { \
        const reals gu = SPLAT(rules->gradient_unit); \
        const reals hu = SPLAT(rules->hessian_unit); \
        const reals l1 = SPLAT(rules->l1), l2 = SPLAT(a->l2); \
        const reals zero = SPLAT(0), before = SPLAT(a->before); \
        const reals g_all = SPLAT(a->g); \
        const reals h_all = SPLAT((double)all->hessian); \
        const reals c_all = SPLAT((double)all->count); \
        const reals least = SPLAT(a->least_hessian); \
        const reals least_c = SPLAT(least_other); \
        const words sign = SPLAT(UINT64_C(1) << 63); \
        const words low = SPLAT(UINT64_C(0xffffffff)); \
        const words count_bits = SPLAT((uint64_t)COUNT_MASK); \
        const words bits_52 = SPLAT((uint64_t)BITS_52); \
        const reals step = SPLAT(LANES), last = SPLAT((double)end); \
        reals code = { 1, 2, 3, 4 }; \
        for (int32_t c = 1; c < end; c += LANES, code += step) { \
            reals g, h, hr, gl, gr, tl, tr, dl, dr, gain; \
            wholes good; \
            if (WIDE) { \
                wholes p = *(const wholes *)(s->prefix + c); \
                words q = *(const words *)(s->prefix2 + c); \
                reals n = (reals)((q & count_bits) | bits_52) - TWO_52; \
                g = (reals)(p + BITS_MIDDLE) - MIDDLE; \
                h = (reals)((q >> MLS_COUNT_BITS) | bits_52) - TWO_52; \
                good = (n >= least_c) & (c_all - n >= least_c); \
            } else { \
                words p = *(const words *)(s->prefix + c) ^ sign; \
                g = (reals)((p >> 32) | bits_52) - (TWO_52 + 2147483648.0); \
                h = (reals)((p & low) | bits_52) - TWO_52; \
                good = (h >= least_c) & (h_all - h >= least_c); \
            } \
            hr = h_all - h; \
            good &= (h >= least) & (hr >= least) & (code < last); \
            gl = g * gu; \
            gr = g_all - gl; \
            tl = (reals)((words)gl & ~sign) - l1; \
            tr = (reals)((words)gr & ~sign) - l1; \
            tl = PICK(tl > zero, tl, zero); \
            tr = PICK(tr > zero, tr, zero); \
            dl = h * hu + l2; \
            dr = hr * hu + l2; \
            gain = (tl * tl * dr + tr * tr * dl) / (dl * dr) - before; \
            good &= gain > best->gain; \
            best->gain = PICK(good, gain, best->gain); \
            best->code = PICK(good, code, best->code); \
        } \
    }

GAINS(narrow_plain, , false)
GAINS(wide_plain, , true)
#if defined(__x86_64__)
GAINS(narrow_avx2, __attribute__((target("avx2"))), false)
GAINS(wide_avx2, __attribute__((target("avx2"))), true)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
#define narrow_avx2 narrow_plain
#define wide_avx2 wide_plain
static bool has_avx2(void)
{
    return false;
}
#endif

static void scan_lanes(const struct mls_split_rules *rules,
                       const struct mls_split_leaf *leaf,
                       const struct asked *a, int32_t codes, int32_t number,
                       const void *bins, bool missing_left,
                       struct mls_split_scratch *s, struct mls_split *best)
{
    double floor_gain = fmax(a->least_gain, best->gain);
    struct lanes_best found = { .gain = SPLAT(floor_gain), .code = SPLAT(0) };
    double least = rules->wide ? a->least_count
        : a->rows_per_hessian > 0 ? a->least_count / a->rows_per_hessian : 0;
    int32_t end = codes - missing_left, code = 0;
    double gain = 0;

    add_up(rules, codes, bins, missing_left, s);
    if (rules->wide)
        (has_avx2() ? wide_avx2 : wide_plain)(rules, a, &leaf->sums, s, end,
                                              least, &found);
    else
        (has_avx2() ? narrow_avx2 : narrow_plain)(rules, a, &leaf->sums, s,
                                                  end, least, &found);
    for (int k = 0; k < LANES; k++) {
        int32_t at = (int32_t)found.code[k];

        if (at > 0 && (found.gain[k] > gain
                       || (found.gain[k] == gain && at < code))) {
            gain = found.gain[k];
            code = at;
        }
    }
    if (code == 0)
        return;
    *best = (struct mls_split){
        .gain = gain, .feature = number, .code = (uint16_t)code,
        .missing_left = missing_left, .set = best->set
    };
    if (rules->wide) {
        best->left.gradient = s->prefix[code];
        best->left.hessian =
            (int64_t)((uint64_t)s->prefix2[code] >> MLS_COUNT_BITS);
        best->left.count = s->prefix2[code] & COUNT_MASK;
    } else {
        best->left.gradient = s->prefix[code] >> 32;
        best->left.hessian = (int64_t)(s->prefix[code] & 0xffffffff);
    }
}

/* ---- Categories -------------------------------------------------------- */

enum { RUN = 8 };

/* Pairs of a key and a code, by insertion. */
static void sort_run(double *a, int32_t n)
{
    for (int32_t i = 1; i < n; i++) {
        double key = a[2 * i], code = a[2 * i + 1];
        int32_t k = i;

        for (; k > 0 && a[2 * k - 2] > key; k--) {
            a[2 * k] = a[2 * k - 2];
            a[2 * k + 1] = a[2 * k - 1];
        }
        a[2 * k] = key;
        a[2 * k + 1] = code;
    }
}

static void merge_runs(const double *a, int32_t left, int32_t n, double *to)
{
    int32_t i = 0, k = left;

    for (int32_t at = 0; at < n; at++) {
        bool right = i == left || (k < n && a[2 * k] < a[2 * i]);
        int32_t from = right ? k : i;

        to[2 * at] = a[2 * from];
        to[2 * at + 1] = a[2 * from + 1];
        k += right;
        i += !right;
    }
}

/* n pairs by their keys; equal ones stay in order.  room: as many pairs.
 * Returns which of the two holds the result.  (qsort takes three times as
 * long, a tenth of a fit with many levels.) */
static const double *sort_pairs(double *a, double *room, int32_t n)
{
    for (int32_t i = 0; i < n; i += RUN)
        sort_run(a + 2 * i, n - i < RUN ? n - i : RUN);
    for (int32_t run = RUN; run < n; run *= 2) {
        double *swap = a;

        for (int32_t i = 0; i < n; i += 2 * run) {
            int32_t left = n - i < run ? n - i : run;

            merge_runs(a + 2 * i, left, n - i < 2 * run ? n - i : 2 * run,
                       room + 2 * i);
        }
        a = room;
        room = swap;
    }
    return a;
}

/* Codes of the leaf that are not too rare, in order of their mean gradient;
 * how many. */
static int32_t put_in_order(const struct mls_split_rules *rules,
                            const struct mls_split_leaf *leaf,
                            const struct asked *a, int32_t codes,
                            const void *bins, const int64_t *rows,
                            struct mls_split_scratch *s)
{
    double mean = a->g / fmax(a->h, 1e-300);
    double smooth = leaf->rows > 0
        ? rules->category_smooth * a->h / leaf->rows : 0;
    const double *sorted;
    int32_t n = 0;

    for (int32_t c = 0; c < codes; c++) {
        struct mls_split_sums sums = mls_split_cell(rules->wide, bins, c);
        double g, h, count;

        if (rows)
            sums.count = rows[c];
        if (sums.hessian <= 0)
            continue;
        count = side_count(rules, a, &sums)
            * (rules->wide ? rules->count_unit : 1);
        if (count < rules->category_min_rows * (1 - 1e-9))
            continue;
        g = (double)sums.gradient * rules->gradient_unit;
        h = (double)sums.hessian * rules->hessian_unit;
        s->key[2 * n] = (g - mean * h) / (h + smooth);
        s->key[2 * n + 1] = c;
        n++;
    }
    sorted = sort_pairs(s->key, s->key + 2 * codes, n);
    for (int32_t i = 0; i < n; i++)
        s->order[i] = (int32_t)sorted[2 * i + 1];
    return n;
}

/* The set of the first `taken` codes of the order, or of all others when
 * those take the more rows: what is not in the leaf goes right, and should go
 * with the most. */
static void fill_set(const struct mls_split_leaf *leaf, int32_t codes,
                     const int32_t *order, int32_t taken,
                     struct mls_split_sums left, const int64_t *present,
                     struct mls_split *split)
{
    bool turn = 2 * left.hessian > leaf->sums.hessian;

    memset(split->set, 0, (size_t)(codes + 7) / 8);
    for (int32_t i = 0; i < taken; i++)
        split->set[order[i] >> 3] |= (uint8_t)(1 << (order[i] & 7));
    split->left = left;
    if (!turn)
        return;
    for (int32_t c = 0; c < codes; c++)
        split->set[c >> 3] ^= (uint8_t)((present[c] != 0) << (c & 7));
    split->left.gradient = leaf->sums.gradient - left.gradient;
    split->left.hessian = leaf->sums.hessian - left.hessian;
    split->left.count = leaf->sums.count - left.count;
}

static void scan_categories(const struct mls_split_rules *rules,
                            const struct mls_split_leaf *leaf, int32_t codes,
                            int32_t number, const void *bins,
                            const int64_t *rows, struct mls_split_scratch *s,
                            struct mls_split *best)
{
    struct asked a = ask(rules, leaf, rules->category_l2);
    int32_t n = put_in_order(rules, leaf, &a, codes, bins, rows, s);
    struct mls_split_sums left = { 0 }, best_left = { 0 };
    int64_t all = rules->wide ? leaf->sums.count : 0;
    int32_t taken = 0;

    for (int32_t c = 0; c < codes; c++) {
        s->prefix[c] = mls_split_cell(rules->wide, bins, c).hessian;
        all += rows ? rows[c] : 0;
    }
    for (int32_t i = 0; i < n; i++) {
        struct mls_split_sums more = mls_split_cell(rules->wide, bins, s->order[i]);
        double gain;

        left.gradient += more.gradient;
        left.hessian += more.hessian;
        left.count += rows ? rows[s->order[i]] : more.count;
        gain = gain_of(rules, leaf, &a, &left, all, 0);
        if (improves(&a, best, gain)) {
            best->gain = gain;
            best_left = left;
            taken = i + 1;
        }
    }
    if (taken == 0)
        return;
    best->feature = number;
    best->categorical = true;
    best->missing_left = false;
    best->code = 0;
    fill_set(leaf, codes, s->order, taken, best_left, s->prefix, best);
    if (!rules->wide)
        best->left.count = 0;
}

/* ---- All together ------------------------------------------------------ */

void mls_split_find(const struct mls_split_rules *rules,
                    const struct mls_split_leaf *leaf,
                    const struct mls_bins *feature, int32_t number,
                    const void *bins, const int64_t *rows, int monotone,
                    struct mls_split_scratch *scratch, struct mls_split *best)
{
    struct asked a = ask(rules, leaf, 0);
    struct mls_split_sums missing = mls_split_cell(rules->wide, bins, 0);
    bool some_missing = missing.hessian > 0;
    bool slow = rows || monotone != 0 || leaf->lowest > -INFINITY
        || leaf->highest < INFINITY;
    double before = best->gain;

    if (feature->categorical) {
        scan_categories(rules, leaf, feature->codes, number, bins, rows,
                        scratch, best);
        return;
    }
    for (int left = 0; left <= some_missing; left++) {
        if (slow)
            scan(rules, leaf, &a, feature->codes, number, bins, rows, monotone,
                 left, best);
        else
            scan_lanes(rules, leaf, &a, feature->codes, number, bins, left,
                       scratch, best);
    }
    /* No missing row here: those to come go with the most. */
    if (best->gain > before && !some_missing)
        best->missing_left = 2 * best->left.hessian > leaf->sums.hessian;
}
