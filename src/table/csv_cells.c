/*
 * A column of a span of records.
 *
 * The cells of a column stand width positions apart in the index.  Each kind of
 * column has its loop, so that nothing is asked of a cell that its column
 * already answers.  Numbers go through csv_reals.c; what that leaves over, and
 * all dates, codes and texts, are cells here: without their quotes, and then
 * exactly what convert.c would make of them.
 */
#include "table/csv_cells.h"

#include <math.h>

#include "base/memory.h"
#include "base/number.h"
#include "table/block.h"
#include "table/date.h"
#include "table/dictionary.h"

#define INTEGER_LIMIT 9007199254740992.0
#define CODE_UNKNOWN (MLS_CODE_MISSING - 1)

/* One column on its way. */
struct walk {
    const struct mls_csv *csv;
    struct mls_chunk *chunk;
    struct mls_csv_worker *worker;
    const struct mls_wish *wish;
    struct mls_tally *tally;
    const char *bytes;
    const uint32_t *before, *at;
    int64_t stride, rows;
    bool quotes;
};

/* A quoted cell without its quotes; false: odd or out of memory. */
static bool unquote(struct walk *w, struct mls_cell *cell,
                    struct mls_error *err)
{
    char quote = w->csv->quote, *to;
    const char *p = cell->bytes + 1, *end = cell->bytes + cell->length - 1;
    int64_t need = cell->length + 16;

    if (cell->length < 2 || *end != quote) {
        w->chunk->odd = true;
        return false;
    }
    *cell = (struct mls_cell){ p, end - p };
    if (cell->length == 0 || memchr(p, quote, (size_t)cell->length) == NULL)
        return true;
    if (need > w->worker->scratch_capacity) {
        if (!mls_resize(&w->worker->scratch, 2 * need, 1, err))
            return false;
        w->worker->scratch_capacity = 2 * need;
    }
    to = w->worker->scratch;
    for (; p < end; p++) {
        *to++ = *p;
        p += *p == quote; /* the index saw that they come in pairs */
    }
    *cell = (struct mls_cell){ w->worker->scratch, to - w->worker->scratch };
    return true;
}

static inline bool take_cell(struct walk *w, int64_t i, struct mls_cell *cell,
                             struct mls_error *err)
{
    const char *start = w->bytes + w->before[i * w->stride] + 1;

    *cell =
        (struct mls_cell){ start, w->bytes + w->at[i * w->stride] - start };
    return !w->quotes || cell->length == 0 || *start != w->csv->quote
        || unquote(w, cell, err);
}

static bool is_missing(const struct walk *w, struct mls_cell trimmed)
{
    return mls_missing_is(&w->csv->reader->missing, trimmed);
}

/* A cell that is not of its column's kind, and missing from now on. */
static void note_word(struct walk *w)
{
    w->tally->words++;
    if (w->csv->reader->options.schema != NULL && !w->wish->lenient
        && !w->wish->counts_wrong)
        w->chunk->odd = true;
}

/* ---- numbers ---- */

/* Whether a whole number is written as a code: see infer.c. */
static void watch_digits(struct mls_tally *t, struct mls_cell cell,
                         double value)
{
    int64_t sign = cell.bytes[0] == '-' || cell.bytes[0] == '+', exact;
    const char *digits = cell.bytes + sign;

    t->integers++;
    if (cell.length - sign > 1 && digits[0] == '0')
        t->zeros = true;
    if (fabs(value) >= INTEGER_LIMIT
        && (!mls_parse_integer(digits, (size_t)(cell.length - sign), &exact)
            || exact > (int64_t)INTEGER_LIMIT))
        t->huge = true;
}

static bool take_hard_real(struct walk *w, int64_t i, double *out,
                           struct mls_error *err)
{
    struct mls_cell cell;
    bool integer;

    if (!take_cell(w, i, &cell, err))
        return false;
    cell = mls_cell_trim(cell);
    *out = NAN;
    if (is_missing(w, cell)) {
        w->tally->missing++;
    } else if (mls_parse_real(cell.bytes, (size_t)cell.length,
                              w->csv->decimal, out, &integer)) {
        if (integer)
            watch_digits(w->tally, cell, *out);
    } else {
        *out = NAN;
        note_word(w);
    }
    return true;
}

/* Whether numbers differ, and whether they count the rows.  Both are settled
 * within a few cells of most columns. */
static void watch_values(struct mls_tally *t, const double *values,
                         int64_t count, int64_t before, int64_t chunk_row)
{
    int64_t i = 0;

    if (before == 0) {
        while (i < count && isnan(values[i]))
            i++;
        if (i < count)
            t->first = values[i];
    }
    for (; i < count && !t->varies; i++)
        t->varies = !isnan(values[i]) && values[i] != t->first;
    for (i = 0; i < count && t->sequence; i++)
        t->sequence = values[i] == t->first + (double)(chunk_row + i);
}

static bool take_reals(struct walk *w, double *out, int64_t chunk_row,
                       struct mls_error *err)
{
    struct mls_tally *t = w->tally;
    struct mls_reals_counts counts = { 0 };
    uint32_t *hard = w->worker->hard;
    int64_t hard_count, before = t->numbers, others = t->missing + t->words;

    hard_count = w->csv->reals(w->bytes, w->before, w->at, w->stride, w->rows,
                               w->csv->decimal, out, hard, &counts);
    t->missing += counts.empty;
    t->integers += counts.integers;
    t->zeros |= counts.zeros;
    for (int64_t i = 0; i < hard_count; i++) {
        if (!take_hard_real(w, hard[i], &out[hard[i]], err))
            return false;
    }
    t->numbers += w->rows - (t->missing + t->words - others);
    if (t->numbers > before
        && w->csv->reader->options.schema == NULL) {
        t->sequence = t->sequence && t->missing + t->words == 0
            && t->integers == t->numbers;
        watch_values(t, out, w->rows, before, chunk_row);
    }
    return true;
}

/* ---- dates ---- */

static bool take_time(struct walk *w, struct mls_cell trimmed, int64_t *out)
{
    const char *text = trimmed.bytes;
    size_t length = (size_t)trimmed.length;
    enum mls_date_form form = w->wish->form;
    int64_t other;
    bool timed;

    if (form == MLS_DATE_ISO && length == 10 && mls_date_parse_day(text, out))
        return true;
    if (!mls_date_parse(text, length, form, out, &timed))
        return false;
    w->tally->has_time |= timed;
    for (int f = MLS_DATE_ISO; f <= MLS_DATE_MONTH_DAY; f++) {
        if (f != (int)form && (w->tally->dates & MLS_DATE_BIT(f)) != 0
            && !mls_date_parse(text, length, (enum mls_date_form)f, &other,
                               NULL))
            w->tally->dates &= (uint8_t)~MLS_DATE_BIT(f);
    }
    return true;
}

static bool take_times(struct walk *w, int64_t *out, struct mls_error *err)
{
    struct mls_tally *t = w->tally;

    for (int64_t i = 0; i < w->rows; i++) {
        struct mls_cell raw, cell;

        if (!take_cell(w, i, &raw, err))
            return false;
        cell = mls_cell_trim(raw);
        if (is_missing(w, cell)) {
            t->missing++;
            out[i] = MLS_TIME_MISSING;
            continue;
        }
        if (!take_time(w, cell, &out[i])) {
            out[i] = MLS_TIME_MISSING;
            note_word(w);
        }
        if (!t->varies) {
            uint64_t hash = mls_bytes_hash(raw.bytes, (size_t)raw.length);

            if (t->numbers == 0)
                t->first_hash = hash;
            t->varies = hash != t->first_hash;
        }
        t->numbers++; /* of cells, here */
    }
    if (t->numbers > 0 && w->wish->form == MLS_DATE_ISO)
        t->dates &= MLS_DATE_BIT(MLS_DATE_ISO);
    return true;
}

/* ---- codes ---- */

/* What cells of a level met for the first time get. */
static void name_level(const struct walk *w, struct mls_level_item *level,
                       struct mls_cell cell)
{
    const struct mls_dictionary *d = w->wish->dictionary;

    if (is_missing(w, mls_cell_trim(cell))) {
        level->code = MLS_CODE_MISSING;
    } else if (d != NULL) {
        level->code =
            mls_dictionary_find(d, cell.bytes, (size_t)cell.length);
        if (level->code == MLS_CODE_MISSING)
            level->code = CODE_UNKNOWN;
    }
}

static void note_unknown(struct walk *w)
{
    w->tally->unknown++;
    if (w->csv->reader->options.unknown_is_error && !w->wish->lenient)
        w->chunk->odd = true;
}

static bool take_codes(struct walk *w, struct mls_levels *levels,
                       uint32_t *out, struct mls_error *err)
{
    for (int64_t i = 0; i < w->rows; i++) {
        struct mls_cell cell;
        struct mls_level_item *level;
        bool fresh;

        if (!take_cell(w, i, &cell, err))
            return false;
        if (cell.length == 0) {
            out[i] = MLS_CODE_MISSING;
            continue;
        }
        level = mls_levels_find(levels, cell.bytes, cell.length, &fresh, err);
        if (level == NULL)
            return false;
        if (__builtin_expect(fresh, 0))
            name_level(w, level, cell);
        level->count++;
        out[i] = level->code;
        if (__builtin_expect(level->code == CODE_UNKNOWN, 0)) {
            out[i] = MLS_CODE_MISSING;
            note_unknown(w);
        }
    }
    return true;
}

/* ---- texts ---- */

static bool take_texts(struct walk *w, struct mls_column *column, int64_t row,
                       struct mls_error *err)
{
    int64_t *offset = column->text.offset;
    int64_t used, most = 0;

    if (row == 0)
        offset[0] = 0;
    used = offset[row];
    for (int64_t i = 0; i < w->rows; i++)
        most += w->at[i * w->stride] - w->before[i * w->stride];
    if (!mls_resize(&column->text.bytes, used + most + 1, 1, err))
        return false;
    for (int64_t i = 0; i < w->rows; i++) {
        struct mls_cell cell;

        if (!take_cell(w, i, &cell, err))
            return false;
        if (!is_missing(w, mls_cell_trim(cell))) {
            memcpy(column->text.bytes + used, cell.bytes,
                   (size_t)cell.length);
            used += cell.length;
        } else {
            w->tally->missing++;
        }
        offset[row + i + 1] = used;
    }
    return true;
}

/* ---- a column ---- */

/* The last cell of CRLF records ends before the CR. */
static void cut_returns(struct walk *w)
{
    struct mls_csv_worker *worker = w->worker;

    for (int64_t i = 0; i < w->rows; i++) {
        uint32_t from = w->before[i * w->stride], to = w->at[i * w->stride];

        worker->before[i] = from;
        worker->at[i] = to - (w->bytes[to] == '\n' && to > from + 1
                              && w->bytes[to - 1] == '\r');
    }
    w->before = worker->before;
    w->at = worker->at;
    w->stride = 1;
}

bool mls_cells_take(const struct mls_csv *csv, struct mls_chunk *chunk,
                    struct mls_csv_worker *worker, int64_t column,
                    const struct mls_span *span, struct mls_error *err)
{
    const struct mls_wish *wish = &csv->wishes[column];
    struct walk w = { .csv = csv,
                      .chunk = chunk,
                      .worker = worker,
                      .wish = wish,
                      .tally = &chunk->tallies[column],
                      .bytes = span->bytes,
                      .before = span->ends + column,
                      .at = span->ends + column + 1,
                      .stride = csv->width,
                      .rows = span->rows,
                      .quotes = span->quotes };
    struct mls_column *to;
    bool ok;

    if (wish->take == MLS_TAKE_NOTHING) {
        /* Its quotes must be in order all the same. */
        if (!span->quotes)
            return true;
    }
    if (span->cr && column == csv->width - 1)
        cut_returns(&w);
    if (wish->take == MLS_TAKE_NOTHING) {
        for (int64_t i = 0; i < w.rows; i++) {
            struct mls_cell cell;

            if (!take_cell(&w, i, &cell, err))
                return chunk->odd;
        }
        return true;
    }
    to = span->block->columns[wish->field];
    switch (wish->take) {
    case MLS_TAKE_REAL:
        ok = take_reals(&w, to->real + span->row, span->chunk_row, err);
        break;
    case MLS_TAKE_TIME:
        ok = take_times(&w, to->time + span->row, err);
        break;
    case MLS_TAKE_CODE:
        ok = take_codes(&w, chunk->levels[column], to->code + span->row, err);
        break;
    default:
        ok = take_texts(&w, to, span->row, err);
    }
    return ok || chunk->odd;
}
