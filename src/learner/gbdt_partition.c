/*
 * Partition: rows are written to both places without a branch, one of the two
 * moving on, the left one upwards, the right one downwards.  With AVX2 eight
 * rows at a time: their codes are gathered, compared, and a permutation by the
 * eight outcomes packs those that go left into the low lanes and the others
 * into the high ones:
 *
 *       a B c D E f g H   ->   a c f g B D E H
 *                              to left, low    to the end of right, high
 *
 * Both stores write all eight; what is not theirs is written over by the next.
 * Cells that travel with the rows are packed alike.
 *
 * Relabelling: rather than walking from node to node, row by row, every
 * question is put to 128 rows at once, and those that are in its leaf and go
 * right change their number:
 *
 *     leaf of row    0 0 0 0 0 0      question 0: leaf 0, right 1
 *                    0 1 0 1 0 0      question 1: leaf 0, right 2
 *                    2 1 0 1 2 0      question 2: leaf 1, right 3 ...
 *
 * The numbers stay in registers; a question costs one load of codes, two
 * comparisons and a blend for 32 rows.  Measured (31 leaves, Zen 3): see
 * docs/benchmarks.md.
 */
#include "learner/gbdt_partition.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

/* ---- Partition --------------------------------------------------------- */

static bool goes_left(const struct mls_question *q, int32_t code)
{
    if (q->categorical)
        return q->set[code >> 3] >> (code & 7) & 1;
    return code == 0 ? q->missing_left : code <= q->code;
}

#define PART(name, CODE) \
    static int64_t name(const CODE *column, const uint8_t *goes, \
                        int64_t first, int64_t count, \
                        struct mls_travellers rows, \
                        struct mls_travellers spare, int64_t left, \
                        int64_t done) \
    { \
        int64_t right = count - (done - left); \
        for (int64_t i = done; i < count; i++) { \
            uint32_t row = first < 0 ? rows.row[i] : (uint32_t)(first + i); \
            int64_t go = goes[column[row]]; \
            rows.row[left] = row; \
            spare.row[right - 1] = row; \
            if (rows.cell) { \
                uint32_t cell = rows.cell[i]; \
                rows.cell[left] = cell; \
                spare.cell[right - 1] = cell; \
            } \
            left += go; \
            right -= 1 - go; \
        } \
        return left; \
    }
PART(part_bytes, uint8_t)
PART(part_words, uint16_t)

#if HAVE_X86

enum { AHEAD = 32 }; /* rows whose codes are fetched early: 0.85 of the time */

/* For each 8 outcomes: the places of the ones, in order, then of the zeros. */
static const uint64_t *packing(void)
{
    static uint64_t table[256];
    static bool made;

    if (!__atomic_load_n(&made, __ATOMIC_ACQUIRE)) {
        for (int bits = 0; bits < 256; bits++) {
            uint64_t order = 0;
            int at = 0;

            for (int side = 1; side >= 0; side--)
                for (int k = 0; k < 8; k++)
                    if ((bits >> k & 1) == side)
                        order |= (uint64_t)k << 8 * at++;
            __atomic_store_n(&table[bits], order, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&made, true, __ATOMIC_RELEASE);
    }
    return table;
}

__attribute__((target("avx2")))
static inline __m256i load_8(const uint32_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

__attribute__((target("avx2")))
static inline void store_8(uint32_t *to, __m256i x)
{
    _mm256_storeu_si256((__m256i *)(void *)to, x);
}

/* Of eight codes those that go left, a bit each: numeric. */
__attribute__((target("avx2")))
static inline int below(const struct mls_question *q, __m256i code)
{
    /* Missing goes right: 0 becomes 255, above all others. */
    const __m256i shift = _mm256_set1_epi32(q->missing_left ? 0 : 1);
    const __m256i most =
        _mm256_set1_epi32(q->missing_left ? q->code : q->code - 1);

    code = _mm256_and_si256(_mm256_sub_epi32(code, shift),
                            _mm256_set1_epi32(0xff));
    return 255 ^ _mm256_movemask_ps(
                     _mm256_castsi256_ps(_mm256_cmpgt_epi32(code, most)));
}

/* Categorical: the word of the set that has the code, then its bit. */
__attribute__((target("avx2")))
static inline int in_set(__m256i set, __m256i code)
{
    __m256i word =
        _mm256_permutevar8x32_epi32(set, _mm256_srli_epi32(code, 5));
    __m256i bit = _mm256_srlv_epi32(
        word, _mm256_and_si256(code, _mm256_set1_epi32(31)));

    return _mm256_movemask_ps(
        _mm256_castsi256_ps(_mm256_slli_epi32(bit, 31)));
}

/* Questions about bytes; the rows done are a multiple of 8.  A gather reads
 * three bytes past the code: columns have 64 to spare. */
__attribute__((target("avx2,popcnt")))
static int64_t part_avx2(const struct mls_question *q, int64_t first,
                         int64_t count, struct mls_travellers rows,
                         struct mls_travellers spare, int64_t *done)
{
    const uint64_t *table = packing();
    const __m256i low = _mm256_set1_epi32(0xff);
    uint8_t bytes[32] = { 0 };
    __m256i row = _mm256_add_epi32(_mm256_set1_epi32((int)first),
                                   _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m256i eight = _mm256_set1_epi32(8);
    int64_t left = 0, right = count, i = 0;
    __m256i set;

    if (q->categorical)
        memcpy(bytes, q->set, (size_t)(q->codes + 7) / 8);
    set = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
    for (; i + 8 <= count; i += 8) {
        __m256i code, order, packed;
        int outcome, n;

        if (first < 0) {
            row = load_8(rows.row + i);
            for (int k = 0; k < 8 && i + AHEAD + 8 <= count; k++)
                __builtin_prefetch((const uint8_t *)q->column
                                   + rows.row[i + AHEAD + k]);
        }
        /* Codes of rows in a row lie side by side. */
        code = first < 0
            ? _mm256_i32gather_epi32((const int *)q->column, row, 1)
            : _mm256_cvtepu8_epi32(_mm_loadl_epi64(
                  (const __m128i *)(const void *)((const uint8_t *)q->column
                                                  + first + i)));
        code = _mm256_and_si256(code, low);
        outcome = q->categorical ? in_set(set, code) : below(q, code);
        n = __builtin_popcount((unsigned)outcome);
        order = _mm256_cvtepu8_epi32(
            _mm_cvtsi64_si128((long long)table[outcome]));
        packed = _mm256_permutevar8x32_epi32(row, order);
        store_8(rows.row + left, packed);
        store_8(spare.row + right - 8, packed);
        if (rows.cell) {
            packed = _mm256_permutevar8x32_epi32(load_8(rows.cell + i), order);
            store_8(rows.cell + left, packed);
            store_8(spare.cell + right - 8, packed);
        }
        left += n;
        right -= 8 - n;
        row = _mm256_add_epi32(row, eight);
    }
    *done = i;
    return left;
}

#endif

int64_t mls_partition(const struct mls_question *question, int width,
                      int64_t first, int64_t count, struct mls_travellers rows,
                      struct mls_travellers spare, uint8_t *goes)
{
    int64_t left = 0, done = 0;

#if HAVE_X86
    if (width == 1 && __builtin_cpu_supports("avx2"))
        left = part_avx2(question, first, count, rows, spare, &done);
#endif
    for (int32_t c = 0; c < question->codes; c++)
        goes[c] = goes_left(question, c);
    return width == 1
        ? part_bytes(question->column, goes, first, count, rows, spare, left,
                     done)
        : part_words(question->column, goes, first, count, rows, spare, left,
                     done);
}

/* ---- Relabelling ------------------------------------------------------- */

static void relabel_plain(const struct mls_question *questions, int64_t count,
                          int width, int64_t first, int64_t rows,
                          uint16_t *leaf)
{
    memset(leaf, 0, MLS_RELABEL_ROWS * sizeof(*leaf));
    for (int64_t k = 0; k < count; k++) {
        const struct mls_question *q = &questions[k];
        const uint8_t *bytes = (const uint8_t *)q->column + first * width;
        const uint16_t *words = (const uint16_t *)(const void *)bytes;

        for (int64_t i = 0; i < rows; i++) {
            int32_t code = width == 1 ? bytes[i] : words[i];

            if (leaf[i] == q->leaf && !goes_left(q, code))
                leaf[i] = (uint16_t)q->right;
        }
    }
}

#if HAVE_X86

/* For each of 32 codes: all ones when it is not in the set. */
__attribute__((target("avx2")))
static inline __m256i not_in_set(__m256i code, __m256i low_half,
                                 __m256i high_half)
{
    const __m256i bits = _mm256_setr_epi8(
        1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8,
        16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    const __m256i seven = _mm256_set1_epi8(7), low = _mm256_set1_epi8(31);
    __m256i byte = _mm256_and_si256(_mm256_srli_epi16(code, 3), low);
    __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(code, seven));
    __m256i in_low = _mm256_shuffle_epi8(low_half, byte);
    __m256i in_high = _mm256_shuffle_epi8(high_half, byte);
    /* The codes from 128 on ask the second half of the set. */
    __m256i set = _mm256_blendv_epi8(in_low, in_high, code);

    return _mm256_cmpeq_epi8(_mm256_and_si256(set, bit),
                             _mm256_setzero_si256());
}

/* At most 256 leaves, codes of a byte.  Always 128 rows: columns are padded by
 * 64 bytes after the last whole 64. */
__attribute__((target("avx2")))
static void relabel_avx2(const struct mls_question *questions, int64_t count,
                         int64_t first, uint16_t *leaf)
{
    __m256i n0 = _mm256_setzero_si256(), n1 = n0, n2 = n0, n3 = n0;

    for (int64_t k = 0; k < count; k++) {
        const struct mls_question *q = &questions[k];
        const __m256i *codes =
            (const __m256i *)(const void *)((const uint8_t *)q->column
                                            + first);
        __m256i own = _mm256_set1_epi8((char)q->leaf);
        __m256i right = _mm256_set1_epi8((char)q->right);
        __m256i c0 = _mm256_load_si256(codes);
        __m256i c1 = _mm256_load_si256(codes + 1);
        __m256i c2 = _mm256_load_si256(codes + 2);
        __m256i c3 = _mm256_load_si256(codes + 3);

        if (q->categorical) {
            __m256i halves[2];
            uint8_t set[32] = { 0 };

            memcpy(set, q->set, (size_t)(q->codes + 7) / 8);
            halves[0] = _mm256_broadcastsi128_si256(
                _mm_loadu_si128((const __m128i *)(const void *)set));
            halves[1] = _mm256_broadcastsi128_si256(
                _mm_loadu_si128((const __m128i *)(const void *)(set + 16)));
            c0 = not_in_set(c0, halves[0], halves[1]);
            c1 = not_in_set(c1, halves[0], halves[1]);
            c2 = not_in_set(c2, halves[0], halves[1]);
            c3 = not_in_set(c3, halves[0], halves[1]);
        } else {
            /* Missing goes right: 0 becomes 255, above all others. */
            __m256i shift = _mm256_set1_epi8(q->missing_left ? 0 : 1);
            int least = q->missing_left ? q->code + 1 : q->code;
            __m256i from = _mm256_set1_epi8((char)least);

            c0 = _mm256_sub_epi8(c0, shift);
            c1 = _mm256_sub_epi8(c1, shift);
            c2 = _mm256_sub_epi8(c2, shift);
            c3 = _mm256_sub_epi8(c3, shift);
            /* A cut above all 256 codes is no cut: nothing goes right. */
            c0 = _mm256_cmpeq_epi8(_mm256_max_epu8(c0, from), c0);
            c1 = _mm256_cmpeq_epi8(_mm256_max_epu8(c1, from), c1);
            c2 = _mm256_cmpeq_epi8(_mm256_max_epu8(c2, from), c2);
            c3 = _mm256_cmpeq_epi8(_mm256_max_epu8(c3, from), c3);
        }
        c0 = _mm256_and_si256(c0, _mm256_cmpeq_epi8(n0, own));
        c1 = _mm256_and_si256(c1, _mm256_cmpeq_epi8(n1, own));
        c2 = _mm256_and_si256(c2, _mm256_cmpeq_epi8(n2, own));
        c3 = _mm256_and_si256(c3, _mm256_cmpeq_epi8(n3, own));
        n0 = _mm256_blendv_epi8(n0, right, c0);
        n1 = _mm256_blendv_epi8(n1, right, c1);
        n2 = _mm256_blendv_epi8(n2, right, c2);
        n3 = _mm256_blendv_epi8(n3, right, c3);
    }
    {
        const __m256i all[4] = { n0, n1, n2, n3 };
        __m256i *to = (__m256i *)(void *)leaf;

        for (int k = 0; k < 4; k++) {
            _mm256_storeu_si256(to + 2 * k, _mm256_cvtepu8_epi16(
                                    _mm256_castsi256_si128(all[k])));
            _mm256_storeu_si256(to + 2 * k + 1, _mm256_cvtepu8_epi16(
                                    _mm256_extracti128_si256(all[k], 1)));
        }
    }
}

#endif

void mls_relabel(const struct mls_question *questions, int64_t count,
                 int width, int64_t first, int64_t rows, uint16_t *leaf)
{
#if HAVE_X86
    if (width == 1 && count <= 255 && __builtin_cpu_supports("avx2")) {
        relabel_avx2(questions, count, first, leaf);
        return;
    }
#endif
    relabel_plain(questions, count, width, first, rows, leaf);
}
