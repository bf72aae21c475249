/*
 * Sums by code: few rows touch few codes, and looking at all 256 cells for each
 * of the thousands of small nodes of a deep tree would cost more than anything
 * else.  So below FEW rows a bit is set for each code met, and only those cells
 * are visited (in order, by counting trailing zeros) and cleared; from there on
 * all cells are, for most are touched.
 *
 *     rows   (w, wt) code 7, (w, wt) code 3, (w, wt) code 7
 *     cells  . . . a . . . b . . .          bits  0001000100...
 *     bins   (3, a) (7, b)
 *
 * A cell is 16 bytes: weight and sum are added by one instruction.  A record's
 * first half holds the row below its weight; the row is masked out, and the
 * weights add up in the upper 32 bits.
 */
#include "learner/tree_hot.h"

#include <stdbool.h>

enum { FEW = 512 };

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS uint32_t code_of(const void *code, int width, uint32_t row)
{
    return width == 1 ? ((const uint8_t *)code)[row]
                      : ((const uint16_t *)code)[row];
}

#if defined(__SSE2__)
#include <emmintrin.h>

ALWAYS void add_to_cell(struct mls_tree_cell *cell,
                        const struct mls_tree_row *row)
{
    const __m128i mask = _mm_set_epi64x(-1, (int64_t)0xffffffff00000000u);
    __m128i *at = (__m128i *)(void *)cell;
    __m128i one = _mm_loadu_si128((const __m128i *)(const void *)row);

    _mm_storeu_si128(at, _mm_add_epi64(_mm_loadu_si128(at),
                                       _mm_and_si128(one, mask)));
}
#else
ALWAYS void add_to_cell(struct mls_tree_cell *cell,
                        const struct mls_tree_row *row)
{
    cell->weight += (uint64_t)row->weight << 32;
    cell->sum += row->value;
}
#endif

ALWAYS void add_rows(const struct mls_tree_row *rows, int64_t n,
                     const void *code, int width, bool few,
                     struct mls_tree_cell *cells, uint64_t *bits)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t c = code_of(code, width, rows[i].row);

        add_to_cell(&cells[c], &rows[i]);
        if (few)
            bits[c >> 6] |= (uint64_t)1 << (c & 63);
    }
}

ALWAYS void take_cell(struct mls_tree_cell *cell, uint32_t code,
                      struct mls_tree_bin *bin)
{
    bin->code = code;
    bin->weight = (uint32_t)(cell->weight >> 32);
    bin->sum = cell->sum;
    *cell = (struct mls_tree_cell){ 0, 0 };
}

static int64_t take_touched(int32_t count, struct mls_tree_cell *cells,
                            uint64_t *bits, struct mls_tree_bin *bin)
{
    int64_t bins = 0;

    for (int32_t k = 0; k <= (count - 1) >> 6; k++) {
        for (uint64_t rest = bits[k]; rest; rest &= rest - 1) {
            uint32_t c = (uint32_t)(64 * k + __builtin_ctzll(rest));

            take_cell(&cells[c], c, &bin[bins++]);
        }
        bits[k] = 0;
    }
    return bins;
}

static int64_t take_all(int32_t count, struct mls_tree_cell *cells,
                        struct mls_tree_bin *bin)
{
    int64_t bins = 0;

    for (int32_t c = 0; c < count; c++) {
        if (cells[c].weight)
            take_cell(&cells[c], (uint32_t)c, &bin[bins++]);
    }
    return bins;
}

int64_t mls_tree_sum_bins(const struct mls_tree_row *rows, int64_t n,
                          struct mls_tree_codes codes,
                          struct mls_tree_cell *cells, uint64_t *bits,
                          struct mls_tree_bin *bin)
{
    if (n >= FEW) {
        if (codes.width == 1)
            add_rows(rows, n, codes.code, 1, false, cells, bits);
        else
            add_rows(rows, n, codes.code, 2, false, cells, bits);
        return take_all(codes.count, cells, bin);
    }
    if (codes.width == 1)
        add_rows(rows, n, codes.code, 1, true, cells, bits);
    else
        add_rows(rows, n, codes.code, 2, true, cells, bits);
    return take_touched(codes.count, cells, bits, bin);
}

ALWAYS void add_classes(const struct mls_tree_row *rows, int64_t n,
                        const void *code, int width, int classes,
                        uint32_t *cells, uint64_t *bits)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t c = code_of(code, width, rows[i].row);

        cells[(int64_t)c * classes + rows[i].value] += rows[i].weight;
        bits[c >> 6] |= (uint64_t)1 << (c & 63);
    }
}

int64_t mls_tree_sum_classes(const struct mls_tree_row *rows, int64_t n,
                             struct mls_tree_codes codes, int classes,
                             uint32_t *cells, uint64_t *bits,
                             struct mls_tree_bin *bin, uint32_t *counts)
{
    int64_t bins = 0;

    if (codes.width == 1)
        add_classes(rows, n, codes.code, 1, classes, cells, bits);
    else
        add_classes(rows, n, codes.code, 2, classes, cells, bits);
    for (int32_t k = 0; k <= (codes.count - 1) >> 6; k++) {
        for (uint64_t rest = bits[k]; rest; rest &= rest - 1) {
            uint32_t c = (uint32_t)(64 * k + __builtin_ctzll(rest));
            uint32_t *cell = cells + (int64_t)c * classes, weight = 0;

            for (int j = 0; j < classes; j++) {
                counts[bins * classes + j] = cell[j];
                weight += cell[j];
                cell[j] = 0;
            }
            bin[bins++] = (struct mls_tree_bin){ c, weight, 0 };
        }
        bits[k] = 0;
    }
    return bins;
}

/* Each row is written to both places, and the one where it does not belong is
 * written over by the next: a branch would be mispredicted half of the time. */
ALWAYS int64_t part(const struct mls_tree_row *from, int64_t n,
                    const void *code, int width, const uint8_t *left,
                    struct mls_tree_row *to, struct mls_tree_row *right)
{
    int64_t lefts = 0, rights = 0;

    for (int64_t i = 0; i < n; i++) {
        struct mls_tree_row one = from[i];
        int64_t go = left[code_of(code, width, one.row)];

        to[lefts] = one;
        right[rights] = one;
        lefts += go;
        rights += 1 - go;
    }
    return lefts;
}

int64_t mls_tree_part(const struct mls_tree_row *from, int64_t n,
                      struct mls_tree_codes codes, const uint8_t *left,
                      struct mls_tree_row *to, struct mls_tree_row *right)
{
    return codes.width == 1 ? part(from, n, codes.code, 1, left, to, right)
                            : part(from, n, codes.code, 2, left, to, right);
}
