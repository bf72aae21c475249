/*
 * Loops over all rows of a member.
 *
 * Whole numbers.  Derivatives become whole numbers by a scale that is a power
 * of two, chosen from the sums that the sweep before measured so that the new
 * sums come to between a quarter and a half of what a cell holds.  The sweep
 * adds up what it wrote, exactly; should the sum of the absolute numbers not
 * stay below the limit, it is done again with scales from a measurement of
 * these very derivatives.  Rounding adds less than 1 a row, and no partial sum
 * is larger than the sum of all absolute values: so nothing can overflow,
 * whatever the rows and weights.
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

bool mls_boost_sampled(const struct mls_booster *b, int64_t row,
                       uint64_t round_key)
{
    uint64_t key = b->job.row_key ? b->job.row_key[row] : (uint64_t)row;

    if (b->job.held && b->job.held[row])
        return false;
    return b->job.params->row_fraction >= 1
        || mls_random_unit(mix(key * UINT64_C(0x9e3779b97f4a7c15) ^ round_key))
               < b->job.params->row_fraction;
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

/* Derivatives of a block in m->derivatives: gradients, then hessians. */
static void derive(struct mls_booster *b, struct boost_member *m, int output,
                   int64_t first, int64_t count)
{
    const double *y = b->job.target->y + first;
    double *last = m->derivatives + 2 * MLS_BOOST_BLOCK;

    if (count % LANES != 0) {
        memset(last, 0, MLS_BOOST_BLOCK * sizeof(*last));
        memcpy(last, y, (size_t)count * sizeof(*last));
        y = last;
    }
    mls_objective_derivatives(
        b->job.objective, b->score + output * b->score_stride + first,
        b->normaliser ? b->normaliser + first : NULL, y, output, count,
        m->derivatives, m->derivatives + MLS_BOOST_BLOCK);
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
    wholes absolute, gradient, hessian;
};

/* count is rounded up to a multiple of 4: cells are padded. */
#define NARROW(name, attribute) \
    attribute static void name(const double *gradient, const double *hessian, \
                               double gradient_scale, double hessian_scale, \
                               uint32_t key, int64_t first, int64_t count, \
                               int64_t *cell, struct lane_sums *sums) \
    { \
        const reals gs = SPLAT(gradient_scale), hs = SPLAT(hessian_scale); \
        const hashes own = SPLAT(key), low = SPLAT(0xffffu); \
        const wholes bits_52 = SPLAT(BITS_52); \
        /* So large that the sum is refused, yet it cannot wrap around. */ \
        const reals most = SPLAT(0x1p32), least = SPLAT(-0x1p32); \
        hashes row = { 0, 1, 2, 3 }; \
        row += (uint32_t)first; \
        for (int64_t i = 0; i < count; i += LANES, row += 4) { \
            hashes x = row * 0x9e3779b9u ^ own; \
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
            sums->absolute += (g ^ sign) - sign; \
            sums->gradient += g; \
            sums->hessian += h; \
            *(wholes *)(cell + i) = (g << 32) + h; \
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
                         uint64_t round_key, int64_t first, int64_t count)
{
    int64_t *cell = (int64_t *)b->cells + first;
    struct lane_sums sums = { SPLAT(0), SPLAT(0), SPLAT(0) };
    int64_t whole = count / LANES * LANES;
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;
    void (*make)(const double *, const double *, double, double, uint32_t,
                 int64_t, int64_t, int64_t *, struct lane_sums *) =
        narrow_plain;
    int64_t tail[LANES];

#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        make = narrow_avx2;
#endif
    make(g, h, m->gradient_scale, m->hessian_scale, (uint32_t)round_key, first,
         whole, cell, &sums);
    if (!b->sampling) {
        for (int k = 0; k < LANES; k++) {
            m->told.sums.gradient += sums.absolute[k];
            m->told.gradient += sums.gradient[k];
            m->told.sums.hessian += sums.hessian[k];
        }
        m->told.rows += whole;
    }
    if (whole < count) {
        make(g + whole, h + whole, m->gradient_scale, m->hessian_scale,
             (uint32_t)round_key, first + whole, LANES, tail, &sums);
        memcpy(cell + whole, tail, (size_t)(count - whole) * sizeof(*cell));
    }
    for (int64_t i = b->sampling ? 0 : whole; i < count; i++) {
        if (b->sampling) {
            if (!mls_boost_sampled(b, first + i, round_key))
                continue;
            m->index[m->sampled++] = (uint32_t)(first + i);
        }
        told_add(&m->told, cell[i] >> 32, (int64_t)(cell[i] & 0xffffffff), 0);
        m->told.rows++;
    }
}

/* Larger ones end in sums that are refused (sums_fit). */
static int64_t whole(double x)
{
    return llrint(x < 0x1p52 ? x > -0x1p52 ? x : -0x1p52 : 0x1p52);
}

static void wide_cells(struct mls_booster *b, struct boost_member *m,
                       uint64_t round_key, int64_t first, int64_t count)
{
    mls_wide_cell *cell = (mls_wide_cell *)b->cells + first;
    const double *weight = b->job.target->weight;
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;

    for (int64_t i = 0; i < count; i++) {
        double w = weight ? weight[first + i] : 1;
        int64_t gradient, hessian, rows;

        if (b->sampling) {
            if (!mls_boost_sampled(b, first + i, round_key))
                continue;
            m->index[m->sampled++] = (uint32_t)(first + i);
        }
        gradient = whole(rint(g[i] * m->gradient_scale) * w);
        hessian = whole(rint(h[i] * m->hessian_scale) * w);
        rows = llrint(w * b->count_scale);
        cell[i] = (mls_wide_cell){ gradient,
                                   (int64_t)((uint64_t)hessian
                                             << MLS_COUNT_BITS) + rows };
        told_add(&m->told, gradient, hessian, rows);
        m->told.rows++;
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

void mls_boost_sweep(struct mls_booster *b, struct boost_member *m, int output,
                     int64_t round)
{
    uint64_t round_key = mls_boost_round_key(b, round);
    /* Every class of a round has its own rounding, the same rows. */
    uint64_t cell_key = round_key + (uint64_t)output * 0x9e3779b9u;

    memset(&m->told, 0, sizeof(m->told));
    m->sampled = 0;
    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t end = chunk_start(b, c + 1);
        double loss = 0;

        for (int64_t i = chunk_start(b, c); i < end; i += MLS_BOOST_BLOCK) {
            int64_t n = block_rows(i, end);

            if (b->pending >= 0)
                add_values(b, i, n);
            if (b->normaliser && output == 0)
                mls_objective_normalise(b->score + i, b->score_stride,
                                        b->job.outputs, n, b->normaliser + i);
            derive(b, m, output, i, n);
            if (b->wide)
                wide_cells(b, m, round_key, i, n);
            else
                narrow_cells(b, m, b->sampling ? round_key : cell_key, i, n);
            if (b->job.held && output == 0)
                loss += block_loss(b, i, n);
        }
        b->chunk_sums[c] = loss;
    }
    m->indexed = b->sampling;
}

void mls_boost_measure(struct mls_booster *b, struct boost_member *m,
                       int output, int64_t round)
{
    uint64_t round_key = mls_boost_round_key(b, round);
    const double *weight = b->job.target->weight;

    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t end = chunk_start(b, c + 1);
        double g = 0, h = 0;

        for (int64_t i = chunk_start(b, c); i < end; i += MLS_BOOST_BLOCK) {
            int64_t n = block_rows(i, end);

            if (b->normaliser && output == 0)
                mls_objective_normalise(b->score + i, b->score_stride,
                                        b->job.outputs, n, b->normaliser + i);
            derive(b, m, output, i, n);
            for (int64_t k = 0; k < n; k++) {
                double w = weight ? weight[i + k] : 1;

                if (b->sampling && !mls_boost_sampled(b, i + k, round_key))
                    continue;
                g += w * fabs(m->derivatives[k]);
                h += w * m->derivatives[MLS_BOOST_BLOCK + k];
            }
        }
        b->chunk_sums[2 * c] = g;
        b->chunk_sums[2 * c + 1] = h;
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

void mls_boost_refit(struct mls_booster *b, struct boost_member *m, int output,
                     int64_t round)
{
    uint64_t round_key = mls_boost_round_key(b, round);
    const double *weight = b->job.target->weight;
    const double *g = m->derivatives, *h = g + MLS_BOOST_BLOCK;
    uint16_t label[MLS_BOOST_BLOCK];

    for (int64_t c = m->chunk; c < m->chunk_end; c++) {
        int64_t end = chunk_start(b, c + 1);
        double *sums = b->chunk_sums + c * 3 * m->leaf_count;

        memset(sums, 0, (size_t)(3 * m->leaf_count) * sizeof(*sums));
        for (int64_t i = chunk_start(b, c); i < end; i += MLS_BOOST_BLOCK) {
            int64_t n = block_rows(i, end);

            label_block(b, m, i, n, label);
            derive(b, m, output, i, n);
            for (int64_t k = 0; k < n; k++) {
                double *s = sums + 3 * label[k];
                double w = weight ? weight[i + k] : 1;

                if (b->sampling && !mls_boost_sampled(b, i + k, round_key))
                    continue;
                s[0] += w * g[k];
                s[1] += w * h[k];
                s[2] += w;
            }
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
