/*
 * Loops over all rows of a member.
 *
 * Whole numbers.  Derivatives become whole numbers by a scale that is a power
 * of two, chosen from the sums that the sweep before measured so that the new
 * sums come to between a quarter and a half of what a cell holds.  The sweep
 * adds up what it wrote, exactly; should the sum of the absolute numbers not
 * stay below the limit, or one number not fit into a packed cell, it is done
 * again with scales from a measurement of these very derivatives.  Rounding
 * adds less than 1 a row, and no partial sum is larger than the sum of all
 * absolute values: so nothing can overflow, whatever the rows and weights.
 *
 * Narrow cells go into the root's histogram block by block, while they are in
 * the cache.  When rows are drawn, only theirs are gathered and derived.
 *
 * Narrow cells are rounded at random, up with the chance of the part that is
 * cut off, so that no leaf is off by more than chance; the number for it is a
 * hash of (seed, round, row).  Wide cells are rounded to nearest, and then
 * multiplied by the weight: weight 2 is a repeated row to the last bit.
 *
 * Leaves' values come from derivatives in double, added up in chunks of rows
 * and then over the chunks in order: any number of threads gives the same.
 */
#include <math.h>

#include "base/random.h"
#include "learner/gbdt_team.h"

enum { LANES = 4 };
typedef double reals __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t wholes __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint32_t hashes __attribute__((vector_size(16), aligned(4), may_alias));

#define SPLAT(x) { x, x, x, x }
#define PICK(mask, a, b) \
    ((reals)(((wholes)(mask) & (wholes)(a)) | (~(wholes)(mask) & (wholes)(b))))
#define TWO_52 4503599627370496.0
#define BITS_52 INT64_C(0x4330000000000000)
#define MIDDLE 6755399441055744.0
#define BITS_MIDDLE INT64_C(0x4338000000000000)

/* ---- Drawing rows ------------------------------------------------------ */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

uint64_t mls_boost_round_key(const struct mls_booster *b, int64_t round)
{
    return mls_random2(b->job.seed, MLS_RANDOM_LEARNER, 1, (uint64_t)round);
}

/* By keys: the chance of a row depends on its key and the round alone. */
static bool drawn_by_key(const struct mls_booster *b, int64_t row,
                         uint64_t round_key)
{
    uint64_t bits = mix(b->job.row_key[row] * UINT64_C(0x9e3779b97f4a7c15)
                        ^ round_key);

    return mls_random_unit(bits) < b->job.params->row_fraction;
}

/* By number, for large tables: a hash of 32 bits, a word of 64 rows.  Its key
 * is not the one that numbers are rounded by. */
#define NUMBER_KEY(round_key) ((uint32_t)((round_key) >> 32))

static uint64_t draw_word_plain(uint32_t first, uint32_t key, uint32_t below)
{
    uint64_t word = 0;

    for (uint32_t i = 0; i < 64; i++) {
        uint32_t x = (first + i) * 0x9e3779b9u ^ key;

        x ^= x >> 16;
        x *= 0x85ebca6bu;
        x ^= x >> 13;
        x *= 0xc2b2ae35u;
        x ^= x >> 16;
        word |= (uint64_t)(x < below) << i;
    }
    return word;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2")))
static uint64_t draw_word_avx2(uint32_t first, uint32_t key, uint32_t below)
{
    const __m256i own = _mm256_set1_epi32((int)key);
    /* Unsigned order is that of signed numbers, the top bit turned. */
    const __m256i top = _mm256_set1_epi32(INT32_MIN);
    const __m256i limit = _mm256_set1_epi32((int)(below ^ 0x80000000u));
    __m256i row = _mm256_add_epi32(_mm256_set1_epi32((int)first),
                                   _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    uint64_t word = 0;

    for (int i = 0; i < 64; i += 8) {
        __m256i x = _mm256_xor_si256(
            _mm256_mullo_epi32(row, _mm256_set1_epi32((int)0x9e3779b9u)), own);

        x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
        x = _mm256_mullo_epi32(x, _mm256_set1_epi32((int)0x85ebca6bu));
        x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 13));
        x = _mm256_mullo_epi32(x, _mm256_set1_epi32((int)0xc2b2ae35u));
        x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
        x = _mm256_cmpgt_epi32(limit, _mm256_xor_si256(x, top));
        word |= (uint64_t)(unsigned)_mm256_movemask_ps(
                    _mm256_castsi256_ps(x)) << i;
        row = _mm256_add_epi32(row, _mm256_set1_epi32(8));
    }
    return word;
}
#endif

static uint64_t draw_word(const struct mls_booster *b, uint64_t round_key,
                          int64_t first)
{
    double fraction = b->job.params->row_fraction;
    uint32_t key = NUMBER_KEY(round_key);
    uint32_t below = (uint32_t)(fraction * 0x1p32);

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return draw_word_avx2((uint32_t)first, key, below);
#endif
    return draw_word_plain((uint32_t)first, key, below);
}

/* Bits of the rows first .. first + count that take part in the trees of this
 * round; first is a multiple of 64. */
static void draw_block(struct mls_booster *b, uint64_t round_key,
                       int64_t first, int64_t count)
{
    uint64_t *taken = b->taken + first / 64;
    const uint8_t *held = b->job.held ? b->job.held + first : NULL;
    bool draws = b->job.params->row_fraction < 1;
    bool by_key = draws && b->job.row_key;

    for (int64_t i = 0; i < count; i += 64) {
        int64_t n = count - i < 64 ? count - i : 64;
        uint64_t word = n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);

        if (draws && !by_key)
            word &= draw_word(b, round_key, first + i);
        for (int64_t k = 0; (held || by_key) && k < n; k++) {
            bool out = (held && held[i + k])
                || (by_key && !drawn_by_key(b, first + i + k, round_key));

            word &= ~((uint64_t)out << k);
        }
        taken[i / 64] = word;
    }
}

bool mls_boost_takes(const struct mls_booster *b, int64_t row)
{
    return !b->sampling || (b->taken[row / 64] >> (row & 63) & 1);
}

/* ---- Scores and derivatives -------------------------------------------- */

static void add_values(struct mls_booster *b, int64_t first, int64_t count)
{
    double *score = b->score + b->pending * b->score_stride + first;
    const double *values = b->values;

    if (b->label_bytes == 1) {
        const uint8_t *label = b->label + first;

        for (int64_t i = 0; i < count; i++)
            score[i] += values[label[i]];
    } else {
        const uint16_t *label = (const uint16_t *)(void *)b->label + first;

        for (int64_t i = 0; i < count; i++)
            score[i] += values[label[i]];
    }
}

/* Rows of a block that take part. */
struct block {
    int64_t first, all;         /* rows first .. first + all of the table */
    int64_t count;
    bool drawn;                 /* row holds which; else all do */
    uint32_t row[MLS_BOOST_BLOCK];
};

static int64_t row_at(const struct block *k, int64_t i)
{
    return k->drawn ? k->row[i] : k->first + i;
}

static void take_block(const struct mls_booster *b, int64_t first,
                       int64_t count, struct block *k)
{
    k->first = first;
    k->all = count;
    k->count = b->sampling ? 0 : count;
    k->drawn = b->sampling;
    for (int64_t i = 0; b->sampling && i < count; i += 64) {
        uint64_t bits = b->taken[(first + i) / 64];

        for (; bits != 0; bits &= bits - 1)
            k->row[k->count++] =
                (uint32_t)(first + i + __builtin_ctzll(bits));
    }
}

static void gather(const double *from, const struct block *k, double *to)
{
    for (int64_t i = 0; i < k->count; i++)
        to[i] = from[k->row[i]];
    for (int64_t i = k->count; i % LANES != 0; i++)
        to[i] = 0;
}

/* Derivatives of a block's rows in m->derivatives: gradients, then hessians; 0
 * to the next multiple of 4. */
static void derive(struct mls_booster *b, struct boost_member *m, int output,
                   const struct block *k)
{
    const double *y = b->job.target->y, *normaliser = b->normaliser;
    const double *score = b->score + output * b->score_stride;
    double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;
    double *own = h + MLS_BOOST_BLOCK;

    if (k->drawn) {
        gather(y, k, own);
        y = own;
        own += MLS_BOOST_BLOCK;
        gather(score, k, own);
        score = own;
        own += MLS_BOOST_BLOCK;
        if (normaliser) {
            gather(normaliser, k, own);
            normaliser = own;
        }
    } else {
        y += k->first;
        score += k->first;
        normaliser = normaliser ? normaliser + k->first : NULL;
        if (k->count % LANES != 0) {
            memset(own, 0, MLS_BOOST_BLOCK * sizeof(*own));
            memcpy(own, y, (size_t)k->count * sizeof(*own));
            y = own;
        }
    }
    mls_objective_derivatives(b->job.objective, score, normaliser, y, output,
                              k->count, g, h);
    for (int64_t i = k->count; i % LANES != 0; i++)
        g[i] = h[i] = 0;
}

static double block_loss(const struct mls_booster *b, int64_t first,
                         int64_t count)
{
    const struct mls_target *target = b->job.target;
    double loss = 0;

    for (int64_t i = first; i < first + count; i++) {
        if (b->job.held[i]) {
            loss += (target->weight ? target->weight[i] : 1)
                * mls_objective_loss(b->job.objective, b->score + i,
                                     b->score_stride, b->job.outputs,
                                     target->y[i]);
        }
    }
    return loss;
}

/* ---- Cells ------------------------------------------------------------- */

/* Sums of what was written, a lane each. */
struct lane_sums {
    wholes absolute, gradient, hessian, any_gradient, any_hessian;
};

typedef void make_packed(const double *gradient, const double *hessian,
                         double gradient_scale, double hessian_scale,
                         uint32_t key, const uint32_t *rows, uint32_t first,
                         int64_t count, uint32_t *cell,
                         struct lane_sums *sums);

/* count is rounded up to a multiple of 4: cells are padded.  rows: their
 * numbers, or NULL: first, first + 1, ... */
#define NARROW(name, attribute) \
    attribute static void name(const double *gradient, const double *hessian, \
                               double gradient_scale, double hessian_scale, \
                               uint32_t key, const uint32_t *rows, \
                               uint32_t first, int64_t count, \
                               uint32_t *cell, struct lane_sums *sums) \
    { \
        const reals gs = SPLAT(gradient_scale), hs = SPLAT(hessian_scale); \
        const hashes own = SPLAT(key), low = SPLAT(0xffffu); \
        const wholes bits_52 = SPLAT(BITS_52); \
        /* Too large for a cell, yet the sum cannot wrap around. */ \
        const reals most = SPLAT(0x1p32), least = SPLAT(-0x1p32); \
        hashes row = { 0, 1, 2, 3 }; \
        row += first; \
        for (int64_t i = 0; i < count; i += LANES, row += 4) { \
            hashes x = (rows ? *(const hashes *)(rows + i) : row) \
                * 0x9e3779b9u ^ own; \
            reals u, v; \
            wholes g, h, sign; \
            x ^= x >> 16; \
            x *= 0x85ebca6bu; \
            x ^= x >> 13; \
            x *= 0xc2b2ae35u; \
            x ^= x >> 16; \
            u = (reals)(__builtin_convertvector(x & low, wholes) | bits_52) \
                - (TWO_52 + 32767.5); \
            v = (reals)(__builtin_convertvector(x >> 16, wholes) | bits_52) \
                - (TWO_52 + 32767.5); \
            u = *(const reals *)(gradient + i) * gs + u * 0x1p-16; \
            v = *(const reals *)(hessian + i) * hs + v * 0x1p-16; \
            u = PICK(u < most, PICK(u > least, u, least), most); \
            v = PICK(v < most, v, most); \
            g = (wholes)(u + MIDDLE) - BITS_MIDDLE; \
            h = (wholes)(v + MIDDLE) - BITS_MIDDLE; \
            sign = g < 0; \
            sums->any_gradient |= (g ^ sign) - sign; \
            sums->any_hessian |= h; \
            sums->absolute += (g ^ sign) - sign; \
            sums->gradient += g; \
            sums->hessian += h; \
            *(hashes *)(cell + i) = __builtin_convertvector( \
                (g << MLS_PACKED_HESSIAN) + h, hashes); \
        } \
    }
NARROW(narrow_plain, )
#if defined(__x86_64__)
NARROW(narrow_avx2, __attribute__((target("avx2"))))
#endif

static void told_add(struct boost_sums *told, int64_t g, int64_t h, int64_t c)
{
    told->sums.gradient += g < 0 ? -g : g;
    told->gradient += g;
    told->sums.hessian += h;
    told->sums.count += c;
    /* Past all limits: stay there. */
    if (told->sums.gradient > MLS_BOOST_REFUSED)
        told->sums.gradient = MLS_BOOST_REFUSED;
    if (told->gradient > MLS_BOOST_REFUSED
        || told->gradient < -MLS_BOOST_REFUSED)
        told->gradient = 0;
    if (told->sums.hessian > MLS_BOOST_REFUSED)
        told->sums.hessian = MLS_BOOST_REFUSED;
}

static void narrow_cells(struct mls_booster *b, struct boost_member *m,
                         uint32_t key, const struct block *k)
{
    uint32_t *cell = m->room[0].cell + m->sampled;
    struct lane_sums sums = { SPLAT(0), SPLAT(0), SPLAT(0), SPLAT(0),
                              SPLAT(0) };
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;
    make_packed *make = narrow_plain;

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        make = narrow_avx2;
#endif
    make(g, h, m->gradient_scale, m->hessian_scale, key,
         k->drawn ? k->row : NULL, (uint32_t)k->first, k->count, cell, &sums);
    for (int i = 0; i < LANES; i++) {
        m->told.sums.gradient += sums.absolute[i];
        m->told.gradient += sums.gradient[i];
        m->told.sums.hessian += sums.hessian[i];
        m->told.any_gradient |= sums.any_gradient[i];
        m->told.any_hessian |= sums.any_hessian[i];
    }
    mls_histogram_add(b->job.layout, cell,
                      k->drawn ? m->room[0].row + m->sampled : NULL, k->first,
                      k->count, m->columns, m->column_count, m->table);
}

/* Larger ones end in sums that are refused (sums_fit). */
static int64_t whole(double x)
{
    return llrint(x < 0x1p52 ? x > -0x1p52 ? x : -0x1p52 : 0x1p52);
}

static void wide_cells(struct mls_booster *b, struct boost_member *m,
                       const struct block *k)
{
    mls_wide_cell *cell = b->cells;
    const double *weight = b->job.target->weight;
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;

    for (int64_t i = 0; i < k->count; i++) {
        int64_t row = row_at(k, i), rows, gradient, hessian;
        double w = weight ? weight[row] : 1;

        gradient = whole(rint(g[i] * m->gradient_scale) * w);
        hessian = whole(rint(h[i] * m->hessian_scale) * w);
        rows = llrint(w * b->count_scale);
        cell[row] = (mls_wide_cell){ gradient,
                                     (int64_t)((uint64_t)hessian
                                               << MLS_COUNT_BITS) + rows };
        told_add(&m->told, gradient, hessian, rows);
    }
}

/* ---- Passes ------------------------------------------------------------ */

static int64_t chunk_start(const struct mls_booster *b, int64_t chunk)
{
    int64_t row = chunk * b->chunk_rows;

    return row < b->rows ? row : b->rows;
}

static int64_t block_rows(int64_t first, int64_t end)
{
    return end - first < MLS_BOOST_BLOCK ? end - first : MLS_BOOST_BLOCK;
}

/* A block's scores, cells and root histogram; the loss of its held-out rows. */
static double sweep_block(struct mls_booster *b, struct boost_member *m,
                          int output, uint64_t round_key, int64_t first,
                          int64_t count)
{
    /* Every class of a round has its own rounding, the same rows. */
    uint64_t cell_key = round_key + (uint64_t)output * 0x9e3779b9u;
    struct block k;

    if (b->pending >= 0)
        add_values(b, first, count);
    if (b->normaliser && output == 0)
        mls_objective_normalise(b->score + first, b->score_stride,
                                b->job.outputs, count, b->normaliser + first);
    if (b->sampling && output == 0)
        draw_block(b, round_key, first, count);
    take_block(b, first, count, &k);
    derive(b, m, output, &k);
    if (k.drawn)
        memcpy(m->room[0].row + m->sampled, k.row,
               (size_t)k.count * sizeof(*k.row));
    if (b->wide)
        wide_cells(b, m, &k);
    else
        narrow_cells(b, m, (uint32_t)cell_key, &k);
    m->sampled += k.count;
    return b->job.held && output == 0 ? block_loss(b, first, count) : 0;
}

void mls_boost_sweep(struct mls_booster *b, struct boost_member *m, int output,
                     int64_t round)
{
    uint64_t round_key = mls_boost_round_key(b, round);

    memset(&m->told, 0, sizeof(m->told));
    if (!b->wide)
        memset(m->table, 0,
               (size_t)b->job.layout->slots * b->job.layout->cell);
    m->sampled = 0;
    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t end = chunk_start(b, c + 1);
        double loss = 0;

        for (int64_t i = chunk_start(b, c); i < end; i += MLS_BOOST_BLOCK)
            loss += sweep_block(b, m, output, round_key, i,
                                block_rows(i, end));
        b->chunk_sums[c] = loss;
    }
    m->told.rows = m->sampled;
    m->indexed = b->sampling;
}

static void measure_block(struct mls_booster *b, struct boost_member *m,
                          int output, const struct block *k,
                          struct boost_range *range)
{
    const double *weight = b->job.target->weight;
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;

    derive(b, m, output, k);
    for (int64_t i = 0; i < k->count; i++) {
        double w = weight ? weight[row_at(k, i)] : 1;

        range->gradient += w * fabs(g[i]);
        range->hessian += w * h[i];
        range->most_gradient = fmax(range->most_gradient, fabs(g[i]));
        range->most_hessian = fmax(range->most_hessian, h[i]);
    }
}

void mls_boost_measure(struct mls_booster *b, struct boost_member *m,
                       int output, int64_t round)
{
    struct boost_range *ranges =
        (struct boost_range *)(void *)b->chunk_sums;
    uint64_t round_key = mls_boost_round_key(b, round);

    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t end = chunk_start(b, c + 1);

        ranges[c] = (struct boost_range){ 0 };
        for (int64_t i = chunk_start(b, c); i < end; i += MLS_BOOST_BLOCK) {
            int64_t n = block_rows(i, end);
            struct block k;

            if (b->normaliser && output == 0)
                mls_objective_normalise(b->score + i, b->score_stride,
                                        b->job.outputs, n, b->normaliser + i);
            if (b->sampling)
                draw_block(b, round_key, i, n);
            take_block(b, i, n, &k);
            measure_block(b, m, output, &k, &ranges[c]);
        }
    }
}

static void label_block(struct mls_booster *b, const struct boost_member *m,
                        int64_t first, int64_t count, uint16_t *label)
{
    for (int64_t i = 0; i < count; i += MLS_RELABEL_ROWS)
        mls_relabel(m->questions, m->leaf_count - 1, b->binned->width,
                    first + i, count - i < MLS_RELABEL_ROWS ? count - i
                                                            : MLS_RELABEL_ROWS,
                    label + i);
    if (b->label_bytes == 1) {
        uint8_t *to = b->label + first;

        for (int64_t i = 0; i < count; i++)
            to[i] = (uint8_t)label[i];
    } else {
        memcpy((uint16_t *)(void *)b->label + first, label,
               (size_t)count * sizeof(*label));
    }
}

/* Sums of derivatives and weights of a block, leaf by leaf. */
static void refit_block(struct mls_booster *b, struct boost_member *m,
                        int output, const struct block *k,
                        const uint16_t *label, double *sums)
{
    const double *weight = b->job.target->weight;
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;

    derive(b, m, output, k);
    for (int64_t i = 0; i < k->count; i++) {
        int64_t row = row_at(k, i);
        double *s = sums + 3 * label[row - k->first];
        double w = weight ? weight[row] : 1;

        s[0] += w * g[i];
        s[1] += w * h[i];
        s[2] += w;
    }
}

void mls_boost_refit(struct mls_booster *b, struct boost_member *m, int output)
{
    uint16_t label[MLS_BOOST_BLOCK];

    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t end = chunk_start(b, c + 1);
        double *sums = b->chunk_sums + c * 3 * m->leaf_count;

        memset(sums, 0, (size_t)(3 * m->leaf_count) * sizeof(*sums));
        for (int64_t i = chunk_start(b, c); i < end; i += MLS_BOOST_BLOCK) {
            struct block k;

            take_block(b, i, block_rows(i, end), &k);
            label_block(b, m, i, k.all, label);
            refit_block(b, m, output, &k, label, sums);
        }
    }
}

void mls_boost_settle(struct mls_booster *b, struct boost_member *m)
{
    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t from = chunk_start(b, c), end = chunk_start(b, c + 1);

        if (b->pending >= 0)
            add_values(b, from, end - from);
        b->chunk_sums[c] = b->job.held ? block_loss(b, from, end - from) : 0;
    }
}
