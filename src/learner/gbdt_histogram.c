/*
 * Adding rows to histograms.
 *
 * Bytes and narrow cells, the way of large tables: a table has 256 cells a
 * column, so that the place of a cell is known to the compiler but for its
 * code.  Columns are taken in groups as even as possible of at most 14, 28 KB:
 * 16 would fill the first-level cache and leave no room for records.  Rows are
 * taken in pieces of 1,024, and the records of a piece stay in the second level
 * while group after group reads them:
 *
 *        rows of a piece      columns 0-12         columns 13-24
 *      ┌────────────────┐    ┌─────────────┐      ┌─────────────┐
 *      │ record, cell   │ -> │ 13 x 256    │  ->  │ 12 x 256    │
 *      └────────────────┘    └─────────────┘      └─────────────┘
 *
 * Codes are shifted out of 64-bit loads.  Measured (Zen 3, ns a cell, every row
 * in order): groups of 13 and 12 0.33, of 16 and 12 0.40, all 25 at once 0.43;
 * cells of 4 bytes, widened every 4,096 rows, 0.35 to 0.38.
 *
 * Everything else (wide cells, two-byte codes, few of the columns) goes by the
 * list, four columns at a time.
 */
#include "learner/gbdt_histogram.h"

enum { PIECE = 1024, FIXED = MLS_RECORD_CODES, AHEAD = 16, GROUP = 14 };

static bool fixed(const struct mls_histogram_layout *layout)
{
    return !layout->wide && layout->binned->width == 1;
}

/* ---- Bytes and narrow cells, a group of features at a time ------------- */

#define CELL(word, k) table[FIXED * (k) + (uint8_t)((word) >> 8 * ((k) & 7))] += c;

static inline uint64_t word_at(const uint8_t *record)
{
    uint64_t word;

    memcpy(&word, record, sizeof(word));
    return word;
}

#define ADD(n) \
    { \
        uint64_t a = word_at(record), b = (n) > 8 ? word_at(record + 8) : 0; \
        (void)b; \
        ADD_##n \
    }
#define ADD_1 CELL(a, 0)
#define ADD_2 ADD_1 CELL(a, 1)
#define ADD_3 ADD_2 CELL(a, 2)
#define ADD_4 ADD_3 CELL(a, 3)
#define ADD_5 ADD_4 CELL(a, 4)
#define ADD_6 ADD_5 CELL(a, 5)
#define ADD_7 ADD_6 CELL(a, 6)
#define ADD_8 ADD_7 CELL(a, 7)
#define ADD_9 ADD_8 CELL(b, 8)
#define ADD_10 ADD_9 CELL(b, 9)
#define ADD_11 ADD_10 CELL(b, 10)
#define ADD_12 ADD_11 CELL(b, 11)
#define ADD_13 ADD_12 CELL(b, 12)
#define ADD_14 ADD_13 CELL(b, 13)

/* Records are read in whole words: past the columns, at the end of the last one
 * past the record.  ahead: these columns are the first of their line. */
#define GROUP_OF(n) \
    static void add_##n(const uint8_t *records, int64_t stride, \
                        const uint32_t *cell, const uint32_t *rows, \
                        int64_t first, int64_t count, bool ahead, \
                        int64_t *table) \
    { \
        if (!rows) { \
            const uint8_t *record = records + first * stride; \
            for (int64_t i = 0; i < count; i++, record += stride) { \
                int64_t c = mls_cell_unpack(cell[i]); \
                ADD(n) \
            } \
        } else if (ahead) { \
            for (int64_t i = 0; i < count; i++) { \
                const uint8_t *record = records + rows[i] * stride; \
                int64_t c = mls_cell_unpack(cell[i]); \
                __builtin_prefetch(records + rows[i + AHEAD] * stride); \
                ADD(n) \
            } \
        } else { \
            for (int64_t i = 0; i < count; i++) { \
                const uint8_t *record = records + rows[i] * stride; \
                int64_t c = mls_cell_unpack(cell[i]); \
                ADD(n) \
            } \
        } \
    }
GROUP_OF(1)
GROUP_OF(2)
GROUP_OF(3)
GROUP_OF(4)
GROUP_OF(5)
GROUP_OF(6)
GROUP_OF(7)
GROUP_OF(8)
GROUP_OF(9)
GROUP_OF(10)
GROUP_OF(11)
GROUP_OF(12)
GROUP_OF(13)
GROUP_OF(14)

typedef void add_group(const uint8_t *records, int64_t stride,
                       const uint32_t *cell, const uint32_t *rows,
                       int64_t first, int64_t count, bool ahead,
                       int64_t *table);
static add_group *const groups[GROUP + 1] = {
    NULL, add_1, add_2, add_3, add_4, add_5, add_6, add_7, add_8, add_9,
    add_10, add_11, add_12, add_13, add_14
};

static void add_groups(const struct mls_histogram_layout *layout,
                       const uint32_t *cell, const uint32_t *rows,
                       int64_t first, int64_t count, int64_t *table)
{
    int64_t parts = (layout->columns + GROUP - 1) / GROUP;

    for (int64_t k = 0; k < parts; k++) {
        int64_t j = layout->columns * k / parts;
        int64_t end = layout->columns * (k + 1) / parts;

        groups[end - j](layout->records + j, layout->stride, cell, rows, first,
                        count, j == 0 || (j - 1) / 64 != (end - 1) / 64,
                        table + j * FIXED);
    }
}

/* ---- Any codes and cells, by a list of features ------------------------ */

struct piece {
    const uint8_t *records;
    int64_t stride;
    const uint32_t *rows;       /* NULL: first, first + 1, ... */
    int64_t first, count;
};

/* PACKED: the type of the cells as they lie; CELL_OF: which of them is added. */
#define LIST(name, CODE, CELL_TYPE, PACKED, CELL_OF) \
    static void name##_4(const struct piece *p, const PACKED *cell, \
                         const int32_t *f, const int64_t *slot, \
                         CELL_TYPE *table) \
    { \
        const CODE *r0 = (const CODE *)p->records + f[0]; \
        const CODE *r1 = (const CODE *)p->records + f[1]; \
        const CODE *r2 = (const CODE *)p->records + f[2]; \
        const CODE *r3 = (const CODE *)p->records + f[3]; \
        CELL_TYPE *t0 = table + slot[f[0]], *t1 = table + slot[f[1]]; \
        CELL_TYPE *t2 = table + slot[f[2]], *t3 = table + slot[f[3]]; \
        int64_t stride = p->stride / (int64_t)sizeof(CODE); \
        for (int64_t i = 0; i < p->count; i++) { \
            int64_t row = p->rows ? p->rows[i] : p->first + i; \
            int64_t at = row * stride; \
            CELL_TYPE c = CELL_OF(i, row); \
            t0[r0[at]] += c; \
            t1[r1[at]] += c; \
            t2[r2[at]] += c; \
            t3[r3[at]] += c; \
        } \
    } \
    static void name(const struct piece *p, const void *cell_, \
                     const int32_t *f, int64_t columns, \
                     const int64_t *slot, void *table_) \
    { \
        const PACKED *cell = cell_; \
        CELL_TYPE *table = table_; \
        int64_t j = 0, stride = p->stride / (int64_t)sizeof(CODE); \
        for (; j + 4 <= columns; j += 4) \
            name##_4(p, cell, f + j, slot, table); \
        for (; j < columns; j++) { \
            const CODE *r = (const CODE *)p->records + f[j]; \
            CELL_TYPE *t = table + slot[f[j]]; \
            for (int64_t i = 0; i < p->count; i++) { \
                int64_t row = p->rows ? p->rows[i] : p->first + i; \
                t[r[row * stride]] += CELL_OF(i, row); \
            } \
        } \
    }
#define BY_ORDER(i, row) mls_cell_unpack(cell[i])
#define BY_ROW(i, row) cell[row]
LIST(narrow_bytes, uint8_t, int64_t, uint32_t, BY_ORDER)
LIST(narrow_words, uint16_t, int64_t, uint32_t, BY_ORDER)
LIST(wide_bytes, uint8_t, mls_wide_cell, mls_wide_cell, BY_ROW)
LIST(wide_words, uint16_t, mls_wide_cell, mls_wide_cell, BY_ROW)

static void add_list(const struct mls_histogram_layout *layout,
                     const struct piece *p, const void *cell,
                     const int32_t *columns, int64_t column_count,
                     void *table)
{
    bool bytes = layout->binned->width == 1;

    if (layout->wide)
        (bytes ? wide_bytes : wide_words)(p, cell, columns, column_count,
                                          layout->slot, table);
    else
        (bytes ? narrow_bytes : narrow_words)(p, cell, columns, column_count,
                                              layout->slot, table);
}

void mls_histogram_add(const struct mls_histogram_layout *layout,
                       const void *cell, const uint32_t *rows, int64_t first,
                       int64_t count, const int32_t *columns,
                       int64_t column_count, void *table)
{
    /* By list a cell costs about half as much again. */
    bool all = fixed(layout) && 3 * column_count >= 2 * layout->columns;

    for (int64_t i = 0; i < count; i += PIECE) {
        int64_t n = count - i < PIECE ? count - i : PIECE;
        struct piece p = { layout->records, layout->stride,
                           rows ? rows + i : NULL, first + i, n };
        const void *own =
            layout->wide ? cell : (const void *)((const uint32_t *)cell + i);

        if (all)
            add_groups(layout, own, p.rows, p.first, n, table);
        else
            add_list(layout, &p, own, columns, column_count, table);
    }
}

/* ---- Sums of tables ---------------------------------------------------- */

/* A column's cells as blocks of codes x unit: its feature's digit counts units
 * within a block, the higher digits and the copies count blocks. */
#define MERGE(name, CELL_TYPE) \
    static void name(CELL_TYPE *out, const CELL_TYPE *from, int64_t blocks, \
                     int32_t codes, int32_t unit) \
    { \
        for (int64_t k = 0; k < blocks; k++, from += codes * unit) { \
            if (unit == 1) { \
                for (int32_t c = 0; c < codes; c++) \
                    out[c] += from[c]; \
                continue; \
            } \
            for (int32_t c = 0; c < codes; c++) { \
                CELL_TYPE sum = from[c * unit]; \
                for (int32_t u = 1; u < unit; u++) \
                    sum += from[c * unit + u]; \
                out[c] += sum; \
            } \
        } \
    }
MERGE(merge_narrow, int64_t)
MERGE(merge_wide, mls_wide_cell)

void mls_histogram_merge(const struct mls_histogram_layout *layout,
                         void *const *tables, int count, int32_t feature,
                         void *out)
{
    int32_t codes = layout->binned->bins[feature].codes;
    int32_t column = layout->column[feature], unit = layout->unit[feature];
    int64_t slot = layout->slot[column];
    int64_t cells = (int64_t)layout->total[column] * layout->copies[column];
    int64_t blocks = cells / ((int64_t)codes * unit);

    memset(out, 0, (size_t)codes * layout->cell);
    for (int t = 0; t < count; t++) {
        if (layout->wide)
            merge_wide(out, (const mls_wide_cell *)tables[t] + slot, blocks,
                       codes, unit);
        else
            merge_narrow(out, (const int64_t *)tables[t] + slot, blocks, codes,
                         unit);
    }
}

void mls_histogram_subtract(const struct mls_histogram_layout *layout,
                            int32_t feature, void *from_, const void *part_)
{
    int64_t n = layout->binned->bins[feature].codes * (layout->wide ? 2 : 1);
    int64_t *from = from_;
    const int64_t *part = part_;

    for (int64_t i = 0; i < n; i++)
        from[i] -= part[i];
}

void mls_histogram_count(const struct mls_histogram_layout *layout,
                         const uint32_t *rows, int64_t count, int32_t feature,
                         int64_t *codes)
{
    const struct mls_binned *b = layout->binned;
    const uint8_t *column = b->by_column + feature * b->column_stride;
    const uint16_t *words = (const uint16_t *)(const void *)column;

    for (int64_t i = 0; i < count; i++)
        codes[b->width == 1 ? column[rows[i]] : words[rows[i]]]++;
}
