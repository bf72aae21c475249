/*
 * Which features share a column of the record, and the records.
 *
 * Features are taken by falling number of codes; each goes to the column with
 * the least room that it fits into ("room": how many times the column's codes
 * fit into 256), or opens one.  That is best fit decreasing, on logarithms.
 *
 * Records are made by turning tiles of 16 columns x 16 rows:
 *
 *               columns (512 rows)          records
 *               a a a a a a ...             a b c ... 0 0
 *               b b b b b b ...     ->      a b c ... 0 0
 *               c c c c c c ...             a b c ... 0 0
 */
#include "learner/gbdt_records.h"

#include "base/memory.h"
#include "base/threads.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { MOST_COPIES = 8, MOST_SHARED = MLS_RECORD_CODES / 2 };
enum { TILE = 16, PIECE = 512, TASK_ROWS = 16384 };
#define HUGE_BYTES (8 << 20)

/* ---- Which column ------------------------------------------------------ */

static void open_column(struct mls_histogram_layout *layout, int64_t j)
{
    layout->column[j] = (int32_t)layout->columns;
    layout->unit[j] = 1;
    layout->total[layout->columns] = layout->binned->bins[j].codes;
    layout->copies[layout->columns] = 1;
    layout->columns++;
}

/* Puts feature j into an open column, or opens one.  open: by room, the first
 * column of a list that goes on in next; -1 ends it. */
static void place(struct mls_histogram_layout *layout, int64_t j,
                  int32_t *open, int32_t *next)
{
    int32_t codes = layout->binned->bins[j].codes, room = codes, column;

    while (room <= MOST_SHARED && open[room] < 0)
        room++;
    if (room <= MOST_SHARED) {
        column = open[room];
        open[room] = next[column];
        layout->column[j] = column;
        layout->unit[j] = layout->total[column];
        layout->total[column] *= codes;
    } else {
        column = (int32_t)layout->columns;
        open_column(layout, j);
    }
    room = MLS_RECORD_CODES / layout->total[column];
    next[column] = open[room];
    open[room] = column;
}

static bool share_columns(struct mls_histogram_layout *layout,
                          struct mls_error *err)
{
    const struct mls_binned *b = layout->binned;
    int32_t open[MOST_SHARED + 1];
    int32_t *next = mls_new(b->features, sizeof(*next), err);

    if (!next)
        return false;
    memset(open, -1, sizeof(open));
    for (int64_t j = 0; j < b->features; j++) {
        layout->column[j] = -1;
        if (b->bins[j].codes > MOST_SHARED
            || (b->width == 2 && b->bins[j].codes > 1))
            open_column(layout, j);
    }
    for (int32_t codes = MOST_SHARED; b->width == 1 && codes > 1; codes--)
        for (int64_t j = 0; j < b->features; j++)
            if (b->bins[j].codes == codes)
                place(layout, j, open, next);
    mls_free(next);
    return true;
}

static void place_tables(struct mls_histogram_layout *layout)
{
    const struct mls_binned *b = layout->binned;
    bool fixed = !layout->wide && b->width == 1;

    for (int64_t k = 0; k < layout->columns; k++) {
        int32_t total = layout->total[k];

        while (fixed && layout->copies[k] < MOST_COPIES
               && 2 * layout->copies[k] * total <= MLS_RECORD_CODES)
            layout->copies[k] *= 2;
        layout->slot[k] = layout->slots;
        layout->slots += fixed ? MLS_RECORD_CODES : total;
    }
    for (int64_t j = 0; j < b->features; j++)
        layout->bin[j + 1] = layout->bin[j] + b->bins[j].codes;
    layout->bins = layout->bin[b->features];
}

/* ---- Records of bytes -------------------------------------------------- */

/* 16 columns of 16 bytes become 16 records of 16 bytes. */
#if defined(__SSE2__)
/* Four rounds of interleaving, each of rows that are 8 apart. */
static void turn_tile(const uint8_t *const *from, int64_t row, uint8_t *to,
                      int64_t stride)
{
    __m128i a[TILE], b[TILE];

    for (int k = 0; k < TILE; k++)
        a[k] = _mm_loadu_si128((const __m128i *)(const void *)(from[k] + row));
    for (int round = 0; round < 4; round++) {
        for (int k = 0; k < 8; k++) {
            b[2 * k] = _mm_unpacklo_epi8(a[k], a[k + 8]);
            b[2 * k + 1] = _mm_unpackhi_epi8(a[k], a[k + 8]);
        }
        for (int k = 0; k < TILE; k++)
            a[k] = b[k];
    }
    for (int k = 0; k < TILE; k++)
        _mm_storeu_si128((__m128i *)(void *)(to + k * stride), a[k]);
}
#else
static void turn_tile(const uint8_t *const *from, int64_t row, uint8_t *to,
                      int64_t stride)
{
    for (int i = 0; i < TILE; i++)
        for (int k = 0; k < TILE; k++)
            to[i * stride + k] = from[k][row + i];
}
#endif

struct making {
    struct mls_histogram_layout *layout;
    int32_t *start;             /* columns + 1: of each one's features */
    int32_t *feature;           /* column after column */
};

static const uint8_t *codes_at(const struct mls_binned *b, int32_t feature,
                               int64_t row)
{
    return b->by_column + feature * b->column_stride + row * b->width;
}

/* Rows first .. of one column of the record: as they lie, or put together in
 * room. */
static const uint8_t *column_rows(const struct making *make, int64_t column,
                                  int64_t first, int64_t count, uint8_t *room)
{
    const struct mls_histogram_layout *layout = make->layout;
    int32_t from = make->start[column], end = make->start[column + 1];
    uint8_t copy[TILE];

    if (end - from == 1 && layout->copies[column] == 1)
        return codes_at(layout->binned, make->feature[from], first);
    for (int i = 0; i < TILE; i++)
        copy[i] = (uint8_t)((i & (layout->copies[column] - 1))
                            * layout->total[column]);
    for (int64_t i = 0; i < count; i += TILE)
        memcpy(room + i, copy, TILE);
    for (int32_t k = from; k < end; k++) {
        const uint8_t *code = codes_at(layout->binned, make->feature[k], first);
        uint8_t unit = (uint8_t)layout->unit[make->feature[k]];

        for (int64_t i = 0; i < count; i += TILE)
            for (int64_t l = i; l < i + TILE; l++)
                room[l] = (uint8_t)(room[l] + unit * code[l]);
    }
    return room;
}

/* count is a multiple of 16: columns can be read, records written so far. */
static void make_piece(const struct making *make, int64_t first, int64_t count)
{
    const struct mls_histogram_layout *layout = make->layout;
    static const uint8_t zeros[PIECE];
    uint8_t room[TILE][PIECE];
    const uint8_t *from[TILE];

    for (int64_t j = 0; j < layout->stride; j += TILE) {
        for (int64_t k = 0; k < TILE; k++)
            from[k] = j + k < layout->columns
                ? column_rows(make, j + k, first, count, room[k]) : zeros;
        for (int64_t i = 0; i < count; i += TILE)
            turn_tile(from, i, layout->records + (first + i) * layout->stride
                                   + j, layout->stride);
    }
}

static void make_words(const struct making *make, int64_t first, int64_t count)
{
    const struct mls_histogram_layout *layout = make->layout;

    memset(layout->records + first * layout->stride, 0,
           (size_t)(count * layout->stride));
    for (int64_t i = first; i < first + count; i++)
        for (int64_t k = 0; k < layout->columns; k++)
            memcpy(layout->records + i * layout->stride + 2 * k,
                   codes_at(layout->binned, make->feature[k], i), 2);
}

static bool make_rows(void *making, int64_t task, struct mls_error *err)
{
    const struct making *make = making;
    int64_t end = (task + 1) * TASK_ROWS, rows = make->layout->binned->rows;

    (void)err;
    rows = (rows + TILE - 1) / TILE * TILE;
    end = end < rows ? end : rows;
    for (int64_t i = task * TASK_ROWS; i < end; i += PIECE) {
        int64_t count = end - i < PIECE ? end - i : PIECE;

        if (make->layout->binned->width == 1)
            make_piece(make, i, count);
        else
            make_words(make, i, count);
    }
    return true;
}

/* Features by column, in order. */
static bool list_features(struct making *make, struct mls_error *err)
{
    const struct mls_histogram_layout *layout = make->layout;
    int64_t n = layout->binned->features;

    make->start = mls_new(layout->columns + 2, sizeof(*make->start), err);
    make->feature =
        make->start ? mls_new(n, sizeof(*make->feature), err) : NULL;
    if (!make->feature)
        return false;
    for (int64_t j = 0; j < n; j++)
        if (layout->column[j] >= 0)
            make->start[layout->column[j] + 2]++;
    for (int64_t k = 0; k < layout->columns; k++)
        make->start[k + 2] += make->start[k + 1];
    for (int64_t j = 0; j < n; j++)
        if (layout->column[j] >= 0)
            make->feature[make->start[layout->column[j] + 1]++] = (int32_t)j;
    return true;
}

static bool make_records(struct mls_histogram_layout *layout,
                         const struct mls_run *run, struct mls_error *err)
{
    const struct mls_binned *b = layout->binned;
    struct making make = { .layout = layout };
    int64_t rows = (b->rows + TILE - 1) / TILE * TILE, bytes;
    bool ok;

    layout->stride = (layout->columns * b->width + 15) / 16 * 16;
    bytes = rows * layout->stride + 16;
    layout->records = bytes >= HUGE_BYTES ? mls_new_huge(bytes, err)
                                          : mls_new_array(bytes, 1, err);
    ok = layout->records && list_features(&make, err)
        && mls_parallel(run, (rows + TASK_ROWS - 1) / TASK_ROWS, make_rows,
                        &make, err);
    mls_free(make.start);
    mls_free(make.feature);
    return ok;
}

/* ---- All together ------------------------------------------------------ */

bool mls_histogram_layout_new(struct mls_histogram_layout *layout,
                              const struct mls_binned *binned, bool wide,
                              const struct mls_run *run, struct mls_error *err)
{
    int64_t n = binned->features;
    bool ok;

    *layout = (struct mls_histogram_layout){ .binned = binned, .wide = wide };
    layout->cell = wide ? 2 * sizeof(int64_t) : sizeof(int64_t);
    layout->column = mls_new(n, sizeof(*layout->column), err);
    layout->unit =
        layout->column ? mls_new(n, sizeof(*layout->unit), err) : NULL;
    layout->total =
        layout->unit ? mls_new(n, sizeof(*layout->total), err) : NULL;
    layout->copies =
        layout->total ? mls_new(n, sizeof(*layout->copies), err) : NULL;
    layout->slot =
        layout->copies ? mls_new(n, sizeof(*layout->slot), err) : NULL;
    layout->bin =
        layout->slot ? mls_new(n + 1, sizeof(*layout->bin), err) : NULL;
    ok = layout->bin && share_columns(layout, err);
    if (ok) {
        place_tables(layout);
        ok = make_records(layout, run, err);
    }
    if (!ok)
        mls_histogram_layout_clear(layout);
    return ok;
}

void mls_histogram_layout_clear(struct mls_histogram_layout *layout)
{
    mls_free(layout->records);
    mls_free(layout->column);
    mls_free(layout->unit);
    mls_free(layout->total);
    mls_free(layout->copies);
    mls_free(layout->slot);
    mls_free(layout->bin);
    *layout = (struct mls_histogram_layout){ 0 };
}
