/*
 * The reading that makes blocks: each cell goes straight into its typed column.
 *
 * Columns are made at the size of a full block and handed on as they are; only
 * the last block of a file, or one cut short by long texts, is copied to its
 * true size.  Texts gather in a stage, because their bytes are known only when
 * the block is full.
 *
 * Cells are taken in the order in which they stand in the file, whatever the
 * order of the fields, so that the first wrong cell met is the earliest.
 */
#include <assert.h>

#include "base/memory.h"
#include "base/number.h"
#include "table/block.h"
#include "table/date.h"
#include "table/reader.h"

#define BLOCK_TEXT_BYTES (1 << 20)  /* ends a block early */

/* A cell on its way. */
struct target {
    struct mls_reader *r;
    const struct mls_field *field;
    int64_t line;
};

bool mls_reader_fail_cell(const struct mls_reader *r, struct mls_error *err,
                          int64_t line, int64_t row, const char *column,
                          const char *text, const char *why,
                          const char *option)
{
    mls_fail(err, MLS_DATA, "\"%s\" %s", text, why);
    if (option != NULL)
        mls_fail_fix(err, "correct the cell, or pass --na=%s or %s=%s", text,
                     option, mls_show_text(column).text);
    else
        mls_fail_fix(err, "correct the cell, or pass --na=%s", text);
    return mls_fail_at(err, r->name, line, row, column);
}

static bool is_lenient(const struct target *t)
{
    return t->r->options.schema != NULL && mls_role_is_lenient(t->field->role);
}

/* Counts a wrong cell, and keeps the first few. */
static void list_wrong(const struct target *t, struct mls_cell cell)
{
    struct mls_read_counts *counts = &t->r->counts;
    struct mls_wrong_cell *wrong;

    if (counts->wrong_cells++ >= MLS_WRONG_LISTED)
        return;
    wrong = &counts->wrong[counts->wrong_cells - 1];
    wrong->line = t->line;
    wrong->row = t->r->records;
    wrong->field = t->field - t->r->schema.fields;
    snprintf(wrong->text, sizeof(wrong->text), "%.39s",
             mls_show(cell.bytes, (size_t)cell.length).text);
}

/* A cell that is not of its kind: an error, or listed and missing. */
static bool wrong_cell(const struct target *t, struct mls_cell cell,
                       const char *why, struct mls_error *err)
{
    if (is_lenient(t))
        return true;
    if (t->r->options.list_errors) {
        list_wrong(t, cell);
        return true;
    }
    return mls_reader_fail_cell(
        t->r, err, t->line, t->r->records, t->field->name,
        mls_show(cell.bytes, (size_t)cell.length).text, why, NULL);
}

static bool convert_real(const struct target *t, struct mls_cell cell,
                         double *out, struct mls_error *err)
{
    *out = NAN;
    cell = mls_cell_trim(cell);
    if (mls_missing_is(&t->r->missing, cell)
        || mls_parse_real(cell.bytes, (size_t)cell.length, t->r->decimal, out,
                          NULL))
        return true;
    *out = NAN;
    return wrong_cell(t, cell, "is not a number", err);
}

static bool convert_time(const struct target *t, struct mls_cell cell,
                         int64_t *out, struct mls_error *err)
{
    *out = MLS_TIME_MISSING;
    cell = mls_cell_trim(cell);
    if (mls_missing_is(&t->r->missing, cell)
        || mls_date_parse(cell.bytes, (size_t)cell.length,
                          t->field->date_form, out, NULL))
        return true;
    *out = MLS_TIME_MISSING;
    return wrong_cell(t, cell,
                      t->field->date_form == MLS_DATE_ISO
                          ? "is not a date of the form year-month-day"
                          : t->field->date_form == MLS_DATE_DAY_MONTH
                          ? "is not a date of the form day/month/year"
                          : "is not a date of the form month/day/year",
                      err);
}

/* A level that the dictionary does not have. */
static bool unknown_level(const struct target *t, struct mls_cell cell,
                          struct mls_error *err)
{
    struct mls_shown shown = mls_show(cell.bytes, (size_t)cell.length);

    if (t->r->options.schema == NULL) {
        /* The dictionary was made from these very cells. */
        mls_fail(err, MLS_IO, "the file changed while it was read");
        return mls_fail_at(err, t->r->name, t->line, t->r->records,
                           t->field->name);
    }
    if (is_lenient(t))
        return true;
    /* Taken as missing, the row would count for nothing without a word. */
    if (t->field->role == MLS_ROLE_TARGET) {
        mls_fail(err, MLS_DATA, "\"%s\" is no class that the model knows",
                 shown.text);
        mls_fail_fix(err, "correct the cell, leave out the row, or train anew "
                          "with rows of this class");
        return mls_fail_at(err, t->r->name, t->line, t->r->records,
                           t->field->name);
    }
    if (t->r->options.unknown_is_error) {
        mls_fail(err, MLS_DATA, "\"%s\" is a category never seen in training",
                 shown.text);
        mls_fail_fix(err, "correct the cell, or pass --unknown=missing");
        return mls_fail_at(err, t->r->name, t->line, t->r->records,
                           t->field->name);
    }
    t->r->counts.unknown++;
    return true;
}

static bool convert_code(const struct target *t, struct mls_cell cell,
                         uint32_t *out, struct mls_error *err)
{
    *out = MLS_CODE_MISSING;
    if (mls_missing_is(&t->r->missing, mls_cell_trim(cell)))
        return true;
    *out = mls_dictionary_find(t->field->dictionary, cell.bytes,
                               (size_t)cell.length);
    return *out != MLS_CODE_MISSING || unknown_level(t, cell, err);
}

static bool convert_text(const struct target *t, struct mls_cell cell,
                         int64_t row, struct mls_error *err)
{
    struct mls_text_stage *stage =
        &t->r->stages[t->field - t->r->schema.fields];
    int64_t need;

    if (mls_missing_is(&t->r->missing, mls_cell_trim(cell)))
        cell.length = 0;
    need = stage->used + cell.length;
    if (need > stage->capacity) {
        int64_t capacity = need + need / 2 + 1024;

        if (!mls_resize(&stage->bytes, capacity, 1, err))
            return false;
        stage->capacity = capacity;
    }
    if (cell.length > 0)
        memcpy(stage->bytes + stage->used, cell.bytes, (size_t)cell.length);
    stage->used = need;
    stage->offset[row + 1] = need;
    return true;
}

static bool convert_row(struct mls_reader *r, const struct mls_row *row,
                        struct mls_block *block, int64_t at,
                        struct mls_error *err)
{
    struct target t = { r, NULL, row->record.line };

    for (int64_t i = 0; i < r->feed_count; i++) {
        const struct mls_feed *feed = &r->feeds[i];
        struct mls_cell cell = mls_row_cell(row, feed->cell);
        struct mls_column *column = block->columns[feed->field];
        bool ok;

        t.field = &r->schema.fields[feed->field];
        switch (mls_kind_storage(t.field->kind)) {
        case MLS_STORE_REAL:
            ok = convert_real(&t, cell, &column->real[at], err);
            break;
        case MLS_STORE_CODE:
            ok = convert_code(&t, cell, &column->code[at], err);
            break;
        case MLS_STORE_TIME:
            ok = convert_time(&t, cell, &column->time[at], err);
            break;
        default:
            ok = convert_text(&t, cell, at, err);
        }
        if (!ok)
            return false;
    }
    return true;
}

/* ---- blocks ---- */

static bool new_stages(struct mls_reader *r, struct mls_error *err)
{
    if (r->stages == NULL) {
        r->stages = mls_new(r->schema.count, sizeof(*r->stages), err);
        if (r->stages == NULL)
            return false;
    }
    for (int64_t i = 0; i < r->schema.count; i++) {
        struct mls_text_stage *stage = &r->stages[i];

        if (r->schema.fields[i].kind != MLS_KIND_TEXT)
            continue;
        stage->used = 0;
        if (stage->offset == NULL) {
            stage->offset =
                mls_new(r->block_rows + 1, sizeof(*stage->offset), err);
            if (stage->offset == NULL)
                return false;
        }
    }
    return true;
}

/* A block of capacity rows, its text columns not made yet. */
static struct mls_block *new_block(struct mls_reader *r, int64_t capacity,
                                   struct mls_error *err)
{
    struct mls_block *block = mls_block_new(capacity, r->schema.count, err);
    bool ok = block != NULL;

    if (ok) {
        block->line = mls_new(capacity, sizeof(*block->line), err);
        ok = block->line != NULL;
    }
    for (int64_t i = 0; ok && i < r->schema.count; i++) {
        enum mls_storage storage = mls_kind_storage(r->schema.fields[i].kind);

        if (storage == MLS_STORE_TEXT)
            continue;
        block->columns[i] = mls_column_new(storage, capacity, 0, false, err);
        ok = block->columns[i] != NULL;
    }
    for (int64_t i = 0; ok && i < r->absent_count; i++) {
        if (block->columns[r->absent[i]] != NULL)
            mls_column_fill_missing(block->columns[r->absent[i]]);
    }
    if (!ok) {
        mls_block_free(block);
        return NULL;
    }
    return block;
}

static bool mark_skipped(struct mls_block *block, int64_t capacity, int64_t at,
                         struct mls_error *err)
{
    if (block->skipped == NULL) {
        block->skipped = mls_new(capacity, 1, err);
        if (block->skipped == NULL)
            return false;
    }
    block->skipped[at] = 1;
    return true;
}

static int64_t staged_bytes(const struct mls_reader *r)
{
    int64_t bytes = 0;

    for (int64_t i = 0; i < r->schema.count; i++)
        bytes += r->stages[i].used;
    return bytes;
}

static bool fill_block(struct mls_reader *r, struct mls_block *block,
                       int64_t capacity, struct mls_error *err)
{
    for (block->rows = 0; block->rows < capacity; block->rows++) {
        struct mls_row row;

        if (!mls_reader_row(r, &row, err))
            return false;
        if (row.record.cells == NULL)
            return true;
        block->line[block->rows] = row.record.line;
        if (row.skipped && !mark_skipped(block, capacity, block->rows, err))
            return false;
        if (!convert_row(r, &row, block, block->rows, err))
            return false;
        /* Asked now and then: it walks the columns. */
        if (block->rows % 16 == 15 && staged_bytes(r) > BLOCK_TEXT_BYTES) {
            block->rows++;
            return true;
        }
    }
    return true;
}

/* The same column with fewer rows, as a new one. */
static struct mls_column *shorten(const struct mls_column *from, int64_t rows,
                                  struct mls_error *err)
{
    struct mls_column *to = mls_column_new(from->storage, rows, 0, false, err);
    size_t bytes = mls_storage_size(from->storage) * (size_t)rows;

    if (to != NULL)
        memcpy(to->real, from->real, bytes); /* the union's first array */
    return to;
}

static struct mls_column *text_column(const struct mls_text_stage *stage,
                                      int64_t rows, struct mls_error *err)
{
    struct mls_column *column =
        mls_column_new(MLS_STORE_TEXT, rows, stage->used, false, err);

    if (column == NULL)
        return NULL;
    memcpy(column->text.offset, stage->offset,
           (size_t)(rows + 1) * sizeof(*stage->offset));
    if (stage->used > 0)
        memcpy(column->text.bytes, stage->bytes, (size_t)stage->used);
    return column;
}

static bool finish_block(struct mls_reader *r, struct mls_block *block,
                         int64_t capacity, struct mls_error *err)
{
    if (block->rows < capacity
        && !mls_resize(&block->line, block->rows, sizeof(*block->line), err))
        return false;
    for (int64_t i = 0; i < block->column_count; i++) {
        struct mls_column *column = block->columns[i], *made;

        if (column != NULL && block->rows == capacity)
            continue;
        made = column == NULL ? text_column(&r->stages[i], block->rows, err)
                              : shorten(column, block->rows, err);
        if (made == NULL)
            return false;
        mls_column_free(column);
        block->columns[i] = made;
    }
    return true;
}

bool mls_convert_block(struct mls_reader *r, struct mls_block **block,
                       struct mls_error *err)
{
    int64_t capacity = r->block_rows;
    struct mls_block *made;

    *block = NULL;
    if (r->expected >= 0 && r->expected - r->counts.rows < capacity)
        capacity = r->expected - r->counts.rows;
    if (capacity == 0) {
        struct mls_row rest; /* what is left are rows to skip, and to count */

        return r->options.bad_rows != MLS_BAD_SKIP
            || mls_reader_row(r, &rest, err);
    }
    if (!new_stages(r, err))
        return false;
    made = new_block(r, capacity, err);
    if (made == NULL)
        return false;
    if (!fill_block(r, made, capacity, err)
        || (made->rows > 0 && !finish_block(r, made, capacity, err))) {
        mls_block_free(made);
        return false;
    }
    if (made->rows == 0) {
        mls_block_free(made);
        return true;
    }
    made->first_row = r->counts.rows;
    r->counts.rows += made->rows;
    *block = made;
    return true;
}

void mls_convert_clear(struct mls_reader *r)
{
    for (int64_t i = 0; r->stages != NULL && i < r->schema.count; i++) {
        mls_free(r->stages[i].offset);
        mls_free(r->stages[i].bytes);
    }
    mls_free(r->stages);
    r->stages = NULL;
}
