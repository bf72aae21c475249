/*
 * The index of a piece of CSV, after Langdale & Lemire (2019), "Parsing
 * gigabytes of JSON per second", VLDB Journal 28, 941-960: bytes become bits.
 *
 *     bytes       12,"a,b",x LF
 *     delimiter   0010010010 0
 *     quote       0001000100 0
 *     inside      0001111000 0     prefix sums (mod 2) of quote
 *     ends        0010000010 1     (delimiter | line end) & ~inside
 *
 * Each set bit of ends is stored as a position.  The bits of 64 bytes come from
 * one comparison with AVX-512, from two with AVX2, from a loop elsewhere; all
 * that follows is the same code, so every level gives the same positions.
 *
 * Prefix sums are right only when a quote opens at the start of a cell or right
 * behind another quote (the second of a doubled one).  Any other opening quote
 * is reported as stray: it is data, and someone else must read that record.
 * That text follows a closing quote is seen where cells are taken: such a cell
 * begins with a quote and does not end with one.
 *
 * Positions are stored with one vector compression per 64 bytes where AVX-512
 * has it (VBMI2): measured 6 % of the whole on numeric tables.
 */
#include "table/csv_index.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

#define ALWAYS static inline __attribute__((always_inline))

/* 64 bytes as bits, the first byte lowest. */
struct bits {
    uint64_t lf, cr, delimiter, quote;
    bool high, nul;
};

/* ---- from bits to positions: the same for all levels ---- */

ALWAYS uint64_t prefix_sums(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    x ^= x << 32;
    return x;
}

ALWAYS void note_bits(const struct bits *b, struct mls_index_state *state)
{
    state->high |= b->high;
    state->nul |= b->nul;
    state->cr |= b->cr != 0;
}

/* CRs that no LF follows; next is the byte behind the 64. */
ALWAYS uint64_t lone_crs(const struct bits *b, char next)
{
    return b->cr & ~(b->lf >> 1 | (uint64_t)(next == '\n') << 63);
}

/* The bits of the ends of cells. */
ALWAYS uint64_t ends_of(const struct bits *b, char next, uint64_t valid,
                        struct mls_index_state *state, uint64_t *lines)
{
    uint64_t raw_lines = b->lf, ends, inside;

    if (__builtin_expect(b->cr != 0, 0))
        raw_lines |= lone_crs(b, next) & valid;
    ends = raw_lines | b->delimiter;
    if (__builtin_expect((b->quote | state->inside) != 0, 0)) {
        uint64_t opening, before;

        inside = prefix_sums(b->quote) ^ state->inside;
        opening = b->quote & inside;
        /* A CR before a quote is a lone one, so among the ends. */
        before = ends | (b->quote & ~inside);
        state->stray |=
            (opening & ~(before << 1 | (state->may_open & 1))) != 0;
        state->inner_lines |= (raw_lines & inside) != 0;
        state->quotes += __builtin_popcountll(b->quote);
        state->inside = (uint64_t)((int64_t)inside >> 63);
        state->may_open = before >> 63;
        ends &= ~inside;
        raw_lines &= ~inside;
    } else {
        state->may_open = ends >> 63;
    }
    *lines = raw_lines;
    return ends;
}

/* The bits of a last piece of fewer than 64 bytes. */
ALWAYS void cut_bits(struct bits *b, uint64_t valid)
{
    b->lf &= valid;
    b->cr &= valid;
    b->delimiter &= valid;
    b->quote &= valid;
}

/* After a piece of n < 64 bytes, bit 63 says nothing of byte n - 1. */
ALWAYS void carry_cut(const struct bits *b, uint64_t ends, int n,
                      struct mls_index_state *state)
{
    uint64_t bit = 1ULL << (n - 1);
    bool closed = (b->quote & bit) != 0 && state->inside == 0;

    state->may_open = (ends & bit) != 0 || closed;
}

ALWAYS int64_t store_bits(uint64_t ends, uint32_t base, uint32_t *positions)
{
    int64_t count = __builtin_popcountll(ends);

    while (ends != 0) {
        *positions++ = base + (uint32_t)__builtin_ctzll(ends);
        ends &= ends - 1;
    }
    return count;
}

typedef struct bits load_fn(const char *bytes, char delimiter, char quote);
typedef int64_t store_fn(uint64_t ends, uint32_t base, uint32_t *positions);

ALWAYS int64_t index_bytes(const char *bytes, int64_t from, int64_t to,
                           char delimiter, char quote, uint32_t *positions,
                           struct mls_index_state *state_, load_fn *load,
                           store_fn *store)
{
    struct mls_index_state state = *state_;
    uint32_t *out = positions;
    uint64_t lines, ends;
    int64_t at = from;

    for (; at + 64 <= to; at += 64) {
        struct bits b = load(bytes + at, delimiter, quote);

        note_bits(&b, &state);
        ends = ends_of(&b, bytes[at + 64], ~0ULL, &state, &lines);
        state.line_ends += __builtin_popcountll(lines);
        out += store(ends, (uint32_t)at, out);
    }
    if (at < to) {
        char rest[64] = { 0 };
        int n = (int)(to - at);
        uint64_t valid = (1ULL << n) - 1;
        struct bits b;

        memset(rest, ' ', sizeof(rest));
        memcpy(rest, bytes + at, (size_t)n);
        rest[n] = bytes[to] == '\n' ? '\n' : ' ';
        b = load(rest, delimiter, quote);
        note_bits(&b, &state);
        ends = lone_crs(&b, ' ');
        cut_bits(&b, valid);
        b.cr = ends & valid; /* those that no LF follows, seen with rest[n] */
        ends = ends_of(&b, ' ', valid, &state, &lines);
        carry_cut(&b, ends, n, &state);
        state.line_ends += __builtin_popcountll(lines);
        out += store_bits(ends, (uint32_t)at, out);
    }
    *state_ = state;
    return out - positions;
}

ALWAYS int64_t count_lines(const char *bytes, int64_t from, int64_t to,
                           load_fn *load)
{
    int64_t count = 0, at = from;

    for (; at + 64 <= to; at += 64) {
        struct bits b = load(bytes + at, '\n', '\n');

        count += __builtin_popcountll(b.lf);
        if (b.cr != 0)
            count += __builtin_popcountll(lone_crs(&b, bytes[at + 64]));
    }
    for (; at < to; at++)
        count += bytes[at] == '\n'
            || (bytes[at] == '\r' && bytes[at + 1] != '\n');
    return count;
}

/* ---- plain C ---- */

ALWAYS struct bits load_plain(const char *bytes, char delimiter, char quote)
{
    struct bits b = { 0 };
    unsigned char all = 0;

    for (int i = 0; i < 64; i++) {
        b.lf |= (uint64_t)(bytes[i] == '\n') << i;
        b.cr |= (uint64_t)(bytes[i] == '\r') << i;
        b.delimiter |= (uint64_t)(bytes[i] == delimiter) << i;
        b.quote |= (uint64_t)(bytes[i] == quote) << i;
        all |= (unsigned char)bytes[i];
        b.nul |= bytes[i] == '\0';
    }
    b.high = all >= 0x80;
    return b;
}

static int64_t index_plain(const char *bytes, int64_t from, int64_t to,
                           char delimiter, char quote, uint32_t *positions,
                           struct mls_index_state *state)
{
    return index_bytes(bytes, from, to, delimiter, quote, positions, state,
                       load_plain, store_bits);
}

static int64_t count_lines_plain(const char *bytes, int64_t from, int64_t to)
{
    int64_t count = 0;

    for (int64_t at = from; at < to; at++)
        count += bytes[at] == '\n'
            || (bytes[at] == '\r' && bytes[at + 1] != '\n');
    return count;
}

#if HAVE_X86

/* ---- AVX2 ---- */

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

AVX2 ALWAYS uint64_t equal_avx2(__m256i low, __m256i high, char byte)
{
    __m256i want = _mm256_set1_epi8(byte);

    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want))
        | (uint64_t)(uint32_t)_mm256_movemask_epi8(
              _mm256_cmpeq_epi8(high, want))
        << 32;
}

AVX2 ALWAYS struct bits load_avx2(const char *bytes, char delimiter,
                                  char quote)
{
    __m256i low, high, least;
    struct bits b;

    memcpy(&low, bytes, 32);
    memcpy(&high, bytes + 32, 32);
    least = _mm256_min_epu8(low, high);
    b.lf = equal_avx2(low, high, '\n');
    b.cr = equal_avx2(low, high, '\r');
    b.delimiter = equal_avx2(low, high, delimiter);
    b.quote = equal_avx2(low, high, quote);
    b.high = _mm256_movemask_epi8(_mm256_or_si256(low, high)) != 0;
    b.nul = _mm256_movemask_epi8(
                _mm256_cmpeq_epi8(least, _mm256_setzero_si256()))
        != 0;
    return b;
}

AVX2 static int64_t index_avx2(const char *bytes, int64_t from, int64_t to,
                               char delimiter, char quote, uint32_t *positions,
                               struct mls_index_state *state)
{
    return index_bytes(bytes, from, to, delimiter, quote, positions, state,
                       load_avx2, store_bits);
}

AVX2 static int64_t count_lines_avx2(const char *bytes, int64_t from,
                                     int64_t to)
{
    return count_lines(bytes, from, to, load_avx2);
}

/* ---- AVX-512 ---- */

#define AVX512                                                              \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi," \
                          "bmi2,popcnt,lzcnt")))

AVX512 ALWAYS struct bits load_avx512(const char *bytes, char delimiter,
                                      char quote)
{
    __m512i all;
    struct bits b;

    memcpy(&all, bytes, 64);
    b.lf = _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8('\n'));
    b.cr = _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8('\r'));
    b.delimiter = _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8(delimiter));
    b.quote = _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8(quote));
    b.high = _mm512_movepi8_mask(all) != 0;
    b.nul = _mm512_testn_epi8_mask(all, all) != 0;
    return b;
}

/* Room for 16 more than are stored. */
AVX512 ALWAYS int64_t store_avx512(uint64_t ends, uint32_t base,
                                   uint32_t *positions)
{
    const __m512i steps = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46,
        45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28,
        27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10,
        9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i found = _mm512_maskz_compress_epi8(ends, steps);
    __m512i first = _mm512_set1_epi32((int)base);
    int64_t count = __builtin_popcountll(ends);

    _mm512_storeu_si512(positions,
                        _mm512_add_epi32(first,
                                         _mm512_cvtepu8_epi32(
                                             _mm512_castsi512_si128(found))));
    if (__builtin_expect(count > 16, 0)) {
        _mm512_storeu_si512(
            positions + 16,
            _mm512_add_epi32(first, _mm512_cvtepu8_epi32(
                                        _mm512_extracti32x4_epi32(found, 1))));
        if (count > 32)
            _mm512_storeu_si512(
                positions + 32,
                _mm512_add_epi32(first,
                                 _mm512_cvtepu8_epi32(
                                     _mm512_extracti32x4_epi32(found, 2))));
        if (count > 48)
            _mm512_storeu_si512(
                positions + 48,
                _mm512_add_epi32(first,
                                 _mm512_cvtepu8_epi32(
                                     _mm512_extracti32x4_epi32(found, 3))));
    }
    return count;
}

AVX512 static int64_t index_avx512(const char *bytes, int64_t from,
                                   int64_t to, char delimiter, char quote,
                                   uint32_t *positions,
                                   struct mls_index_state *state)
{
    return index_bytes(bytes, from, to, delimiter, quote, positions, state,
                       load_avx512, store_avx512);
}

AVX512 static int64_t count_lines_avx512(const char *bytes, int64_t from,
                                         int64_t to)
{
    return count_lines(bytes, from, to, load_avx512);
}

enum mls_simd mls_simd_best(void)
{
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vbmi2")
        && __builtin_cpu_supports("bmi2"))
        return MLS_SIMD_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        return MLS_SIMD_AVX2;
    return MLS_SIMD_NONE;
}

mls_index_fn *mls_index_of(enum mls_simd simd)
{
    return simd == MLS_SIMD_AVX512 ? index_avx512
        : simd == MLS_SIMD_AVX2    ? index_avx2
                                   : index_plain;
}

mls_count_lines_fn *mls_count_lines_of(enum mls_simd simd)
{
    return simd == MLS_SIMD_AVX512 ? count_lines_avx512
        : simd == MLS_SIMD_AVX2    ? count_lines_avx2
                                   : count_lines_plain;
}

#else

enum mls_simd mls_simd_best(void)
{
    return MLS_SIMD_NONE;
}

mls_index_fn *mls_index_of(enum mls_simd simd)
{
    (void)simd;
    return index_plain;
}

mls_count_lines_fn *mls_count_lines_of(enum mls_simd simd)
{
    (void)simd;
    return count_lines_plain;
}

#endif
