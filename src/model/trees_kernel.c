/*
 * See trees_kernel.h for the method.  Each level of instructions gives a vector
 * type with three operations; the loops are written once.
 *
 * Reach masks pushed down from the root would take two masks a node and two
 * operations a leaf: about twice as many.
 */
#include "model/trees_kernel.h"

#include <string.h>

/* ---- Sets ---- */

static void answer_wide(const uint8_t *low, const uint8_t *high,
                        const uint8_t *set, uint8_t *answer)
{
    for (int i = 0; i < TREES_ROWS; i++) {
        int group = low[i] | high[i] << 8;

        answer[i] = set[group >> 3] >> (group & 7) & 1 ? 128 : 127;
    }
}

static void answer_plain(const uint8_t *groups, const uint8_t *set,
                         uint8_t *answer)
{
    for (int i = 0; i < TREES_ROWS; i++) {
        int g = groups[i];
        int byte = set[(g & 15) + 16 * (g >> 7)];

        answer[i] = byte >> (g >> 4 & 7) & 1 ? 128 : 127;
    }
}

/* Answers all questions of a program that are about sets. */
#define ANSWER_SETS(name, ANSWER) \
    static void answer_sets_##name(const struct trees_code *code, \
                                   const struct trees_program *program, \
                                   int64_t first) \
    { \
        for (int32_t k = 0; k < program->sets; k++) { \
            const struct trees_set *set = &code->sets[program->set + k]; \
            uint8_t *from = code->planes + set->plane * code->stride + first; \
            uint8_t *to = code->planes \
                + (code->plane_count + k) * code->stride + first; \
            if (set->wide) \
                answer_wide(from, from + code->stride, \
                            code->set_bytes + set->at, to); \
            else \
                ANSWER(from, code->set_bytes + set->at, to); \
        } \
    }

/* ---- Programs ---- */

#define EACH_VECTOR(V) \
    _Pragma("GCC unroll 8") \
    for (int v = 0; v < TREES_ROWS / (int)sizeof(V); v++)

/* LESS(a, b) is a mask; CHOOSE(mask, a, b) is a where it is set, else b;
 * UNLESS(mask, a) is 0 where it is set, else a. */
#define RUN(name, attribute, V, SPLAT, LESS, CHOOSE, UNLESS, ADD) \
    attribute static void leaf_ops_##name( \
        const struct trees_op *op, const struct trees_op *end, \
        const uint8_t *planes, int64_t stride, V *to) \
    { \
        V one = SPLAT(1); \
        for (; op < end; op++, to += TREES_ROWS / sizeof(V)) { \
            const V *code = (const V *)(const void *)(planes \
                                                      + op->plane * stride); \
            V bound = SPLAT(op->bound); \
            EACH_VECTOR(V) \
                to[v] = UNLESS(LESS(code[v], bound), one); \
        } \
    } \
    attribute static void ops_##name( \
        const struct trees_op *op, const struct trees_op *end, \
        const uint8_t *planes, int64_t stride, uint8_t *slots, V *to) \
    { \
        for (; op < end; op++, to += TREES_ROWS / sizeof(V)) { \
            const V *code = (const V *)(const void *)(planes \
                                                      + op->plane * stride); \
            const V *left = (const V *)(void *)(slots \
                                                + op->left * TREES_ROWS); \
            const V *right = (const V *)(void *)(slots \
                                                 + op->right * TREES_ROWS); \
            V bound = SPLAT(op->bound), more = SPLAT((char)op->left_leaves); \
            EACH_VECTOR(V) \
                to[v] = CHOOSE(LESS(code[v], bound), left[v], \
                               ADD(right[v], more)); \
        } \
    } \
    attribute static void program_##name( \
        const struct trees_code *code, const struct trees_program *program, \
        int64_t first, uint8_t *slots, uint8_t *leaf) \
    { \
        const struct trees_op *op = code->ops + program->op; \
        const struct trees_op *last = op + program->ops - 1; \
        const uint8_t *planes = code->planes + first; \
        int32_t leaf_ops = program->leaf_ops; \
        if (program->ops == 0) { \
            memset(leaf, 0, TREES_ROWS); \
            return; \
        } \
        answer_sets_##name(code, program, first); \
        if (last - op < leaf_ops) { \
            leaf_ops_##name(op, last + 1, planes, code->stride, \
                            (V *)(void *)leaf); \
            return; \
        } \
        leaf_ops_##name(op, op + leaf_ops, planes, code->stride, \
                        (V *)(void *)(slots + TREES_ROWS)); \
        ops_##name(op + leaf_ops, last, planes, code->stride, slots, \
                   (V *)(void *)(slots + (1 + leaf_ops) * TREES_ROWS)); \
        ops_##name(last, last + 1, planes, code->stride, slots, \
                   (V *)(void *)leaf); \
    } \
    attribute static void levels_##name( \
        const struct trees_code *code, const struct trees_program *program, \
        int64_t first, uint8_t *slots, uint8_t *leaf) \
    { \
        const struct trees_op *op = code->ops + program->op; \
        const struct trees_op *end = op + program->ops; \
        V *to = (V *)(void *)leaf, one = SPLAT(1); \
        V sum[TREES_ROWS / sizeof(V)]; \
        (void)slots; \
        answer_sets_##name(code, program, first); \
        EACH_VECTOR(V) sum[v] = SPLAT(0); \
        for (; op < end; op++) { \
            const V *codes = (const V *)(void *)(code->planes + first \
                                                 + op->plane * code->stride); \
            V bound = SPLAT(op->bound); \
            EACH_VECTOR(V) \
                sum[v] = ADD(ADD(sum[v], sum[v]), \
                             UNLESS(LESS(codes[v], bound), one)); \
        } \
        EACH_VECTOR(V) to[v] = sum[v]; \
    }

typedef unsigned char bytes __attribute__((vector_size(16), may_alias));
typedef signed char signed_bytes __attribute__((vector_size(16)));

#define SPLAT16(x) ((bytes){ 0 } + (unsigned char)(x))
#define LESS16(a, b) ((bytes)((signed_bytes)(a) < (signed_bytes)(b)))
#define CHOOSE16(m, a, b) (((m) & (a)) | (~(m) & (b)))
#define UNLESS16(m, a) (~(m) & (a))
#define ADD16(a, b) ((a) + (b))
ANSWER_SETS(plain, answer_plain)
RUN(plain, , bytes, SPLAT16, LESS16, CHOOSE16, UNLESS16, ADD16)

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

AVX2 static void answer_avx2(const uint8_t *groups, const uint8_t *set,
                             uint8_t *answer)
{
    const __m256i *from = (const __m256i *)(const void *)groups;
    __m256i *to = (__m256i *)(void *)answer;
    const __m128i *bytes16 = (const __m128i *)(const void *)set;
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes16));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes16 + 1));
    __m256i bits = _mm256_set1_epi64x((int64_t)0x8040201008040201);
    __m256i nibble = _mm256_set1_epi8(15), right = _mm256_set1_epi8(127);

    for (int v = 0; v < TREES_ROWS / 32; v++) {
        __m256i g = from[v], column = _mm256_and_si256(g, nibble);
        __m256i bit = _mm256_shuffle_epi8(
            bits, _mm256_and_si256(_mm256_srli_epi16(g, 4), nibble));
        /* The choice is by the sign, which is bit 7 of the group. */
        __m256i byte = _mm256_blendv_epi8(_mm256_shuffle_epi8(low, column),
                                          _mm256_shuffle_epi8(high, column),
                                          g);

        to[v] = _mm256_xor_si256(
            _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit), right);
    }
}

#define SPLAT32(x) _mm256_set1_epi8((char)(x))
#define LESS32(a, b) _mm256_cmpgt_epi8(b, a)
#define CHOOSE32(m, a, b) _mm256_blendv_epi8(b, a, m)
#define UNLESS32(m, a) _mm256_andnot_si256(m, a)
ANSWER_SETS(avx2, answer_avx2)
RUN(avx2, AVX2, __m256i, SPLAT32, LESS32, CHOOSE32, UNLESS32, _mm256_add_epi8)
#endif

/* ---- Which ones ---- */

const struct trees_kernel *mls_trees_kernel_at(int i)
{
    static const struct trees_kernel all[] = {
        { "plain", program_plain, levels_plain },
#if defined(__x86_64__)
        { "avx2", program_avx2, levels_avx2 },
#endif
    };

    if (i == 0)
        return &all[0];
#if defined(__x86_64__)
    if (i == 1 && __builtin_cpu_supports("avx2"))
        return &all[1];
#endif
    return NULL;
}

const struct trees_kernel *mls_trees_kernel(void)
{
    const struct trees_kernel *best = mls_trees_kernel_at(0), *next;

    for (int i = 1; (next = mls_trees_kernel_at(i)) != NULL; i++)
        best = next;
    return best;
}

/* ---- Adding leaves ---- */

/* Eight trees a row at once: the sum stays in a register, and the additions of
 * the next rows fill the wait for it. */
#define ADD_LEAVES(name, type) \
    void name(const type *const *value, const uint8_t *leaf, int trees, \
              int64_t rows, int64_t stride, double *out) \
    { \
        for (; trees >= 8; trees -= 8, value += 8, leaf += 8 * TREES_ROWS) { \
            const type *v0 = value[0], *v1 = value[1], *v2 = value[2]; \
            const type *v3 = value[3], *v4 = value[4], *v5 = value[5]; \
            const type *v6 = value[6], *v7 = value[7]; \
            for (int64_t i = 0; i < rows; i++) { \
                const uint8_t *at = leaf + i; \
                double sum = out[i * stride]; \
                sum += v0[at[0]]; \
                sum += v1[at[1 * TREES_ROWS]]; \
                sum += v2[at[2 * TREES_ROWS]]; \
                sum += v3[at[3 * TREES_ROWS]]; \
                sum += v4[at[4 * TREES_ROWS]]; \
                sum += v5[at[5 * TREES_ROWS]]; \
                sum += v6[at[6 * TREES_ROWS]]; \
                sum += v7[at[7 * TREES_ROWS]]; \
                out[i * stride] = sum; \
            } \
        } \
        for (; trees > 0; trees--, value++, leaf += TREES_ROWS) { \
            const type *v = value[0]; \
            for (int64_t i = 0; i < rows; i++) \
                out[i * stride] += v[leaf[i]]; \
        } \
    }

ADD_LEAVES(mls_trees_add_real, double)
ADD_LEAVES(mls_trees_add_float, float)
