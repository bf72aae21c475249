/*
 * Adding rows to histograms.
 *
 * Bytes and narrow cells, the way of large tables: a table has 256 cells a
 * feature, so that the place of a cell is known to the compiler but for its
 * code.  Sixteen features are 32 KB, a first-level cache; rows are taken in
 * pieces of 1,024, and the records of a piece stay in the second level while
 * group after group of features reads them:
 *
 *        rows of a piece      features 0-15        features 16-27
 *      ┌────────────────┐    ┌─────────────┐      ┌─────────────┐
 *      │ record, cell   │ -> │ 16 x 256    │  ->  │ 12 x 256    │
 *      └────────────────┘    └─────────────┘      └─────────────┘
 *
 * Codes are shifted out of one 64-bit load.  Measured (Zen 3, 28 features, ns a
 * cell, all rows / half / 7% of them): 0.37 / 0.44 / 0.59; all features at once
 * 0.44 / 0.48 / 0.57; groups of eight 0.38 / 0.48 / 0.61; a list of features,
 * four at a time, 0.44 / 0.64 / 1.4.
 *
 * Everything else (wide cells, two-byte codes, few of the features) goes by the
 * list, four features at a time.
 */
#include "learner/gbdt_histogram.h"

#include "base/memory.h"
#include "base/threads.h"

enum { PIECE = 1024, FIXED = 256, AHEAD = 16, MOST_COPIES = 8 };
enum { SPREAD_ROWS = 16384 };

/* ---- Layout ------------------------------------------------------------ */

static bool fixed(const struct mls_histogram_layout *layout)
{
    return !layout->wide && layout->binned->width == 1;
}

static int32_t copies_of(int32_t codes)
{
    int32_t copies = 1;

    while (copies < MOST_COPIES && 2 * copies * codes <= FIXED)
        copies *= 2;
    return copies;
}

struct spreading {
    struct mls_binned *binned;
    const int32_t *copies;
};

static bool spread_rows(void *context, int64_t task, struct mls_error *err)
{
    const struct spreading *s = context;
    struct mls_binned *b = s->binned;
    int64_t end = (task + 1) * SPREAD_ROWS;

    (void)err;
    end = end < b->rows ? end : b->rows;
    for (int64_t j = 0; j < b->features; j++) {
        int32_t codes = b->bins[j].codes;

        if (s->copies[j] == 1)
            continue;
        for (int64_t i = task * SPREAD_ROWS; i < end; i++) {
            b->by_row[i * b->stride + j] +=
                (uint8_t)((i & (s->copies[j] - 1)) * codes);
        }
    }
    return true;
}

bool mls_histogram_layout_new(struct mls_histogram_layout *layout,
                              struct mls_binned *binned, bool wide,
                              bool spread, const struct mls_run *run,
                              struct mls_error *err)
{
    int64_t n = binned->features;
    struct spreading spreading = { .binned = binned };

    *layout = (struct mls_histogram_layout){ .binned = binned, .wide = wide };
    layout->cell = wide ? sizeof(mls_wide_cell) : sizeof(int64_t);
    layout->slot = mls_new(n, sizeof(*layout->slot), err);
    layout->bin =
        layout->slot ? mls_new(n + 1, sizeof(*layout->bin), err) : NULL;
    layout->copies =
        layout->bin ? mls_new(n, sizeof(*layout->copies), err) : NULL;
    if (!layout->copies) {
        mls_histogram_layout_clear(layout);
        return false;
    }
    for (int64_t j = 0; j < n; j++) {
        int32_t codes = binned->bins[j].codes;

        layout->copies[j] = spread && fixed(layout) ? copies_of(codes) : 1;
        layout->slot[j] = fixed(layout) ? j * FIXED : layout->bin[j];
        layout->bin[j + 1] = layout->bin[j] + codes;
    }
    layout->bins = layout->bin[n];
    layout->slots = fixed(layout) ? binned->stride * FIXED : layout->bins;
    if (!spread || !fixed(layout))
        return true;
    spreading.copies = layout->copies;
    return mls_parallel(run, (binned->rows + SPREAD_ROWS - 1) / SPREAD_ROWS,
                        spread_rows, &spreading, err);
}

void mls_histogram_layout_clear(struct mls_histogram_layout *layout)
{
    mls_free(layout->slot);
    mls_free(layout->bin);
    mls_free(layout->copies);
    *layout = (struct mls_histogram_layout){ 0 };
}

/* ---- Bytes and narrow cells, a group of features at a time ------------- */

#define CELL(word, k) table[FIXED * (k) + (uint8_t)((word) >> 8 * ((k) & 7))] += c;
#define CELLS4(word, k) CELL(word, k) CELL(word, k + 1) CELL(word, k + 2) CELL(word, k + 3)
#define CELLS8(word, k) CELLS4(word, k) CELLS4(word, k + 4)

static inline uint64_t word_at(const uint8_t *record)
{
    uint64_t word;

    memcpy(&word, record, sizeof(word));
    return word;
}

#define ADD4 { uint32_t a; memcpy(&a, record, 4); CELLS4(a, 0) }
#define ADD8 { uint64_t a = word_at(record); CELLS8(a, 0) }
#define ADD12 { uint64_t a = word_at(record); uint32_t b; \
                memcpy(&b, record + 8, 4); CELLS8(a, 0) CELLS4(b, 8) }
#define ADD16 { uint64_t a = word_at(record), b = word_at(record + 8); \
                CELLS8(a, 0) CELLS8(b, 8) }

/* Records of 16 bytes are read in whole words, padding and all; a stride is a
 * multiple of 16. */
#define GROUP(name, ADD) \
    static void name(const uint8_t *records, int64_t stride, \
                     const int64_t *cell, const uint32_t *rows, \
                     int64_t first, int64_t count, bool ahead, \
                     int64_t *table) \
    { \
        if (!rows) { \
            for (int64_t i = first; i < first + count; i++) { \
                const uint8_t *record = records + i * stride; \
                int64_t c = cell[i]; \
                ADD \
            } \
        } else if (ahead) { \
            for (int64_t i = 0; i < count; i++) { \
                int64_t row = rows[i], next = rows[i + AHEAD]; \
                const uint8_t *record = records + row * stride; \
                int64_t c = cell[row]; \
                __builtin_prefetch(records + next * stride); \
                __builtin_prefetch(cell + next); \
                ADD \
            } \
        } else { \
            for (int64_t i = 0; i < count; i++) { \
                int64_t row = rows[i]; \
                const uint8_t *record = records + row * stride; \
                int64_t c = cell[row]; \
                ADD \
            } \
        } \
    }
GROUP(add_4, ADD4)
GROUP(add_8, ADD8)
GROUP(add_12, ADD12)
GROUP(add_16, ADD16)

static void add_groups(const struct mls_binned *b, const int64_t *cell,
                       const uint32_t *rows, int64_t first, int64_t count,
                       int64_t *table)
{
    for (int64_t j = 0; j < b->features;) {
        int64_t left = b->features - j;
        const uint8_t *records = b->by_row + j;
        int64_t *at = table + j * FIXED;

        /* Records are one cache line or less apart: fetched once is enough. */
        if (left > 12)
            add_16(records, b->stride, cell, rows, first, count,
                   (j & 63) == 0, at);
        else if (left > 8)
            add_12(records, b->stride, cell, rows, first, count,
                   (j & 63) == 0, at);
        else if (left > 4)
            add_8(records, b->stride, cell, rows, first, count, (j & 63) == 0,
                  at);
        else
            add_4(records, b->stride, cell, rows, first, count, (j & 63) == 0,
                  at);
        j += left > 12 ? 16 : left;
    }
}

/* ---- Any codes and cells, by a list of features ------------------------ */

struct piece {
    const uint8_t *records;
    int64_t stride;
    const uint32_t *rows;       /* NULL: first, first + 1, ... */
    int64_t first, count;
};

#define LIST(name, CODE, CELL_TYPE) \
    static void name##_4(const struct piece *p, const CELL_TYPE *cell, \
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
            CELL_TYPE c = cell[row]; \
            t0[r0[at]] += c; \
            t1[r1[at]] += c; \
            t2[r2[at]] += c; \
            t3[r3[at]] += c; \
        } \
    } \
    static void name(const struct piece *p, const void *cell_, \
                     const int32_t *f, int64_t features, \
                     const int64_t *slot, void *table_) \
    { \
        const CELL_TYPE *cell = cell_; \
        CELL_TYPE *table = table_; \
        int64_t j = 0, stride = p->stride / (int64_t)sizeof(CODE); \
        for (; j + 4 <= features; j += 4) \
            name##_4(p, cell, f + j, slot, table); \
        for (; j < features; j++) { \
            const CODE *r = (const CODE *)p->records + f[j]; \
            CELL_TYPE *t = table + slot[f[j]]; \
            for (int64_t i = 0; i < p->count; i++) { \
                int64_t row = p->rows ? p->rows[i] : p->first + i; \
                t[r[row * stride]] += cell[row]; \
            } \
        } \
    }
LIST(narrow_bytes, uint8_t, int64_t)
LIST(narrow_words, uint16_t, int64_t)
LIST(wide_bytes, uint8_t, mls_wide_cell)
LIST(wide_words, uint16_t, mls_wide_cell)

static void add_list(const struct mls_histogram_layout *layout,
                     const struct piece *p, const void *cell,
                     const int32_t *features, int64_t feature_count,
                     void *table)
{
    bool bytes = layout->binned->width == 1;

    if (layout->wide)
        (bytes ? wide_bytes : wide_words)(p, cell, features, feature_count,
                                          layout->slot, table);
    else
        (bytes ? narrow_bytes : narrow_words)(p, cell, features,
                                              feature_count, layout->slot,
                                              table);
}

void mls_histogram_add(const struct mls_histogram_layout *layout,
                       const void *cell, const uint32_t *rows, int64_t first,
                       int64_t count, const int32_t *features,
                       int64_t feature_count, void *table)
{
    const struct mls_binned *b = layout->binned;
    /* By list a cell costs about half as much again. */
    bool groups = fixed(layout) && 3 * feature_count >= 2 * b->features;

    for (int64_t i = 0; i < count; i += PIECE) {
        int64_t n = count - i < PIECE ? count - i : PIECE;
        struct piece p = { b->by_row, b->stride, rows ? rows + i : NULL,
                           first + i, n };

        if (groups)
            add_groups(b, cell, p.rows, p.first, n, table);
        else
            add_list(layout, &p, cell, features, feature_count, table);
    }
}

/* ---- Sums of tables ---------------------------------------------------- */

static void merge_narrow(int64_t *out, const int64_t *from, int32_t codes,
                         int32_t copies, bool begin)
{
    for (int32_t k = 0; k < copies; k++, from += codes) {
        if (begin && k == 0)
            memcpy(out, from, (size_t)codes * sizeof(*out));
        else
            for (int32_t c = 0; c < codes; c++)
                out[c] += from[c];
    }
}

void mls_histogram_merge(const struct mls_histogram_layout *layout,
                         void *const *tables, int count, int32_t feature,
                         void *out)
{
    int32_t codes = layout->binned->bins[feature].codes;
    int64_t slot = layout->slot[feature];

    for (int t = 0; t < count; t++) {
        if (layout->wide) {
            const mls_wide_cell *from = (const mls_wide_cell *)tables[t] + slot;
            mls_wide_cell *to = out;

            if (t == 0)
                memcpy(to, from, (size_t)codes * sizeof(*to));
            for (int32_t c = 0; t > 0 && c < codes; c++)
                to[c] += from[c];
        } else {
            merge_narrow(out, (const int64_t *)tables[t] + slot, codes,
                         layout->copies[feature], t == 0);
        }
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
                         const uint32_t *rows, int64_t first, int64_t count,
                         int32_t feature, int64_t *codes)
{
    const struct mls_binned *b = layout->binned;
    const uint8_t *column = b->by_column + feature * b->column_stride;
    const uint16_t *words = (const uint16_t *)(const void *)column;

    for (int64_t i = 0; i < count; i++) {
        int64_t row = rows ? rows[i] : first + i;

        codes[b->width == 1 ? column[row] : words[row]]++;
    }
}
