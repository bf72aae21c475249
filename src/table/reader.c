/*
 * The reader: a file as a stream of blocks.
 *
 *     input -> scan -> records -> check of width -> convert -> blocks
 *                                     |
 *                                   infer (a reading of its own, when the
 *                                          columns are not known yet)
 *
 * When a schema is given, columns are matched by name and memory is one block,
 * whatever the size of the file.
 */
#include "table/reader.h"

#include <assert.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/number.h"
#include "table/block.h"
#include "table/csv_stream.h"

#define BLOCK_BYTES (2 << 20)
#define BLOCK_ROWS_LEAST 64
#define NAME_LIMIT 65536        /* bytes of a column's name */

/* ---- rows ---- */

/* Cells past the header's that hold nothing: a trailing delimiter. */
static bool surplus_is_empty(const struct mls_reader *r,
                             const struct mls_record *record)
{
    for (int64_t i = r->width; i < record->count; i++) {
        if (record->cells[i].length > 0)
            return false;
    }
    return true;
}

static bool fail_ragged(const struct mls_reader *r,
                        const struct mls_record *record, struct mls_error *err)
{
    bool can_pad =
        record->count < r->width || surplus_is_empty(r, record);

    mls_fail(err, MLS_DATA, "the row has %lld cell%s, the %s %lld",
             (long long)record->count, record->count == 1 ? "" : "s",
             r->options.dialect.no_header ? "first row" : "header",
             (long long)r->width);
    mls_fail_fix(err, "correct the row, or pass --bad-rows=skip%s",
                 can_pad ? " or --bad-rows=pad" : "");
    return mls_fail_at(err, r->name, record->line, r->records, NULL);
}

bool mls_reader_row(struct mls_reader *r, struct mls_row *row,
                    struct mls_error *err)
{
    for (;;) {
        if (r->pending.cells != NULL) {
            row->record = r->pending;
            r->pending = (struct mls_record){ 0 };
        } else if (!mls_scan_next(r->scan, &row->record, err)) {
            if (err != NULL && err->code == MLS_DATA)
                mls_fail_at(err, NULL, 0, r->records + 1, NULL);
            return false;
        }
        row->skipped = false;
        if (row->record.cells == NULL)
            return true;
        r->records++;
        if (row->record.count == r->width)
            return true;
        if (r->options.bad_rows == MLS_BAD_PAD
            && (row->record.count < r->width
                || surplus_is_empty(r, &row->record))) {
            r->counts.padded_rows++;
            return true;
        }
        if (r->options.bad_rows != MLS_BAD_SKIP)
            return fail_ragged(r, &row->record, err);
        r->counts.skipped_rows++;
        row->skipped = true;
        if (r->options.keep_skipped)
            return true;
    }
}

/* ---- the header ---- */

/* The name of column i: what the header says, or its number. */
static char *column_name(struct mls_reader *r, const struct mls_record *header,
                         int64_t i, struct mls_arena *arena,
                         struct mls_error *err)
{
    struct mls_cell cell = mls_cell_trim(header->cells[i]);
    char number[32];
    int length;

    if (!r->options.dialect.no_header && cell.length > NAME_LIMIT) {
        mls_fail(err, MLS_DATA,
                 "the name of column %lld is longer than %d bytes",
                 (long long)i + 1, NAME_LIMIT);
        mls_fail_fix(err, "pass --no-header when the first line is a row, or "
                          "--delimiter when it is another");
        mls_fail_at(err, r->name, header->line, 0, NULL);
        return NULL;
    }
    if (!r->options.dialect.no_header && cell.length > 0)
        return mls_arena_text(arena, cell.bytes, (size_t)cell.length, err);
    length = snprintf(number, sizeof(number), "c%lld", (long long)i + 1);
    return mls_arena_text(arena, number, (size_t)length, err);
}

/* Says what columns without a name are called; many of them mean that the header
 * is another line. */
static void note_nameless(const struct mls_reader *r,
                          const struct mls_record *header)
{
    int64_t count = 0, first = 0;

    for (int64_t i = header->count - 1; i >= 0; i--) {
        if (mls_cell_trim(header->cells[i]).length == 0) {
            count++;
            first = i + 1;
        }
    }
    if (count == 1)
        mls_note(r->run, MLS_LOG_WARNING,
                 "%s: column %lld has no name; it is called c%lld", r->name,
                 (long long)first, (long long)first);
    else if (count > 1)
        mls_note(r->run, MLS_LOG_WARNING,
                 "%s: %lld columns have no name; they are called by their "
                 "place, the first c%lld%s",
                 r->name, (long long)count, (long long)first,
                 2 * count <= header->count
                     ? ""
                     : "; pass --skip-rows when the header comes later");
}

/* Numbers as names are a first row taken for a header. */
static bool are_numbers(const struct mls_reader *r,
                        const struct mls_record *header)
{
    for (int64_t i = 0; i < header->count; i++) {
        struct mls_cell cell = mls_cell_trim(header->cells[i]);
        double value;

        if (!mls_parse_real(cell.bytes, (size_t)cell.length, r->decimal,
                            &value, NULL))
            return false;
    }
    return true;
}

/* Says what is strange about a header. */
static void note_header(struct mls_reader *r, const struct mls_record *header)
{
    note_nameless(r, header);
    r->numbers_as_names =
        r->options.schema == NULL && are_numbers(r, header);
    if (r->numbers_as_names)
        mls_note(r->run, MLS_LOG_WARNING,
                 "%s: all columns are named by numbers; pass --no-header when "
                 "the first line is a row",
                 r->name);
}

/* The data begin where the scan is. */
static void note_start(struct mls_reader *r)
{
    r->data_start = mls_scan_bytes(r->scan);
    r->data_line = mls_scan_line(r->scan);
}

/* Reads the header, or looks at the first row when there is none, and returns
 * the names of the columns, in arena. */
static char **read_names(struct mls_reader *r, struct mls_arena *arena,
                         struct mls_error *err)
{
    struct mls_record header;
    char **names;

    note_start(r);
    if (!mls_scan_next(r->scan, &header, err))
        return NULL;
    if (header.cells == NULL) {
        mls_fail(err, MLS_DATA, "the file is empty");
        mls_fail_fix(err, "give a table with a header line and rows");
        mls_fail_at(err, r->name, 0, 0, NULL);
        return NULL;
    }
    r->width = header.count;
    names = mls_arena_new(arena, r->width, sizeof(*names), err);
    for (int64_t i = 0; names != NULL && i < r->width; i++) {
        names[i] = column_name(r, &header, i, arena, err);
        if (names[i] == NULL)
            return NULL;
    }
    if (!r->options.dialect.no_header)
        note_start(r);
    if (r->options.dialect.no_header)
        r->pending = header;
    else if (names != NULL)
        note_header(r, &header);
    return names;
}

bool mls_reader_restart(struct mls_reader *r, struct mls_error *err)
{
    struct mls_record header;
    int64_t extra = r->counts.extra_columns;

    r->counts = (struct mls_read_counts){ .extra_columns = extra };
    r->records = 0;
    r->pending = (struct mls_record){ 0 };
    return mls_scan_rewind(r->scan, err)
        && (r->options.dialect.no_header
            || mls_scan_next(r->scan, &header, err));
}

/* ---- which cell feeds which field ---- */

static bool new_feeds(struct mls_reader *r, struct mls_error *err)
{
    r->feeds = mls_new(r->width, sizeof(*r->feeds), err);
    if (r->feeds == NULL)
        return false;
    r->absent = mls_new(r->schema.count, sizeof(*r->absent), err);
    return r->absent != NULL;
}

/* Nothing is known: the fields are the columns. */
static bool take_columns(struct mls_reader *r, char **names,
                         struct mls_error *err)
{
    for (int64_t i = 0; i < r->width; i++) {
        struct mls_field field = { .name = names[i], .kind = MLS_KIND_REAL };

        if (!mls_schema_add(&r->schema, &field, err)) {
            if (r->numbers_as_names && err != NULL && err->code == MLS_DATA)
                mls_fail_fix(err, "pass --no-header when the first line is a "
                                  "row");
            return mls_fail_at(err, r->name, 0, 0, NULL);
        }
    }
    if (!new_feeds(r, err))
        return false;
    for (int64_t i = 0; i < r->width; i++)
        r->feeds[r->feed_count++] = (struct mls_feed){ i, i };
    return true;
}

/* Kinds are inferred from all rows, which are read on the way when they can
 * be. */
static bool learn_columns(struct mls_reader *r, struct mls_table *table,
                          bool *done, struct mls_error *err)
{
    struct mls_inference in;
    bool ok = mls_inference_start(&in, r, err);

    *done = false;
    if (ok && table != NULL)
        ok = mls_csv_table(&in, table, done, err);
    if (!*done)
        mls_input_keep(mls_scan_input(r->scan), false);
    if (ok && table != NULL && !*done)
        ok = mls_reader_restart(r, err);
    if (ok && !*done)
        ok = mls_inference_run(&in, err) && mls_reader_restart(r, err);
    mls_inference_clear(&in);
    return ok;
}

/* A column that the table must have and has not. */
static bool fail_missing(const struct mls_reader *r, const char *name,
                         char **names, struct mls_error *err)
{
    const char **others;
    const char *nearest = NULL;
    struct mls_error ignored;

    mls_fail(err, MLS_DATA, "there is no column \"%s\"",
             mls_show_text(name).text);
    mls_fail_fix(err, "give a table with the columns of the training data");
    others = mls_new(r->width, sizeof(*others), &ignored);
    if (others != NULL) {
        for (int64_t i = 0; i < r->width; i++)
            others[i] = names[i];
        nearest = mls_nearest(name, others, r->width);
    }
    if (nearest != NULL)
        mls_fail_fix(err, "is it the column \"%s\"?",
                     mls_show_text(nearest).text);
    mls_free(others);
    return mls_fail_at(err, r->name, 0, 0, NULL);
}

/* Lists the fields without a column, the first that must not lack one fails. */
static bool find_absent(struct mls_reader *r, const uint8_t *present,
                        char **names, struct mls_error *err)
{
    for (int64_t i = 0; i < r->schema.count; i++) {
        const struct mls_field *field = &r->schema.fields[i];

        if (present[i])
            continue;
        if (field->role == MLS_ROLE_FEATURE || field->role == MLS_ROLE_OFFSET
            || (r->options.need_all && field->role != MLS_ROLE_IGNORED))
            return fail_missing(r, field->name, names, err);
        r->absent[r->absent_count++] = i;
    }
    return true;
}

/* The schema is given: columns are found by name, in any order. */
static bool match_columns(struct mls_reader *r, char **names,
                          struct mls_error *err)
{
    uint8_t *present = NULL;
    bool ok = mls_schema_copy(&r->schema, r->options.schema, err)
        && new_feeds(r, err);

    if (ok) {
        present = mls_new(r->schema.count + r->width, 1, err);
        ok = present != NULL;
    }
    for (int64_t i = 0; ok && i < r->width; i++) {
        int64_t at = mls_schema_find(&r->schema, names[i]);

        if (at < 0 && r->options.keep_extra) {
            struct mls_field field = { .name = names[i],
                                       .kind = MLS_KIND_TEXT };

            at = r->schema.count;
            ok = mls_schema_add(&r->schema, &field, err);
            present[at] = 1;
            r->feeds[r->feed_count++] = (struct mls_feed){ i, at };
        } else if (at < 0) {
            r->counts.extra_columns++;
        } else if (present[at]) {
            mls_fail(err, MLS_DATA, "two columns are named \"%s\"",
                     mls_show_text(names[i]).text);
            mls_fail_fix(err, "rename one of them");
            ok = mls_fail_at(err, r->name, 0, 0, NULL);
        } else {
            present[at] = 1;
            r->feeds[r->feed_count++] = (struct mls_feed){ i, at };
        }
    }
    ok = ok && find_absent(r, present, names, err);
    mls_free(present);
    return ok;
}

/* ---- opening and closing ---- */

/* Rows whose cells take about BLOCK_BYTES. */
static int64_t choose_block_rows(const struct mls_reader *r)
{
    int64_t bytes = sizeof(int64_t), rows;

    if (r->options.block_rows > 0)
        return r->options.block_rows < MLS_BLOCK_ROWS ? r->options.block_rows
                                                      : MLS_BLOCK_ROWS;
    for (int64_t i = 0; i < r->schema.count; i++) {
        enum mls_storage storage = mls_kind_storage(r->schema.fields[i].kind);
        size_t size = mls_storage_size(storage);

        bytes += size > 0 ? (int64_t)size : 64;
    }
    rows = BLOCK_BYTES / bytes;
    if (rows < BLOCK_ROWS_LEAST)
        return BLOCK_ROWS_LEAST;
    return rows < MLS_BLOCK_ROWS ? rows : MLS_BLOCK_ROWS;
}

/* Streams are kept on disk for a second reading, but not for one that knows
 * its columns and needs no second. */
static bool must_rewind(const char *path, const struct mls_read_options *o)
{
    struct stat status;

    if (o->schema == NULL)
        return true;
    return strcmp(path, "-") != 0 && stat(path, &status) == 0
        && S_ISREG(status.st_mode);
}

static bool open_scan(struct mls_reader *r, const char *path,
                      struct mls_error *err)
{
    struct mls_input *input =
        mls_input_open(path, must_rewind(path, &r->options), err);

    if (input == NULL)
        return false;
    mls_input_keep(input, true); /* until the fast way is ruled out */
    r->scan = mls_scan_new(input, &r->options.dialect, r->options.schema, err);
    if (r->scan == NULL)
        return false;
    r->name = mls_input_name(mls_scan_input(r->scan));
    r->decimal = mls_scan_dialect(r->scan)->decimal;
    return true;
}

static bool open_columns(struct mls_reader *r, struct mls_table *table,
                         bool *done, struct mls_error *err)
{
    struct mls_arena arena = { 0 };
    char **names = read_names(r, &arena, err);
    bool ok = names != NULL
        && (r->options.schema != NULL ? match_columns(r, names, err)
                                      : take_columns(r, names, err));

    mls_arena_clear(&arena);
    return ok
        && (r->options.schema != NULL || learn_columns(r, table, done, err));
}

struct mls_reader *
mls_reader_open_table(const char *path, const struct mls_read_options *options,
                      const struct mls_run *run, struct mls_table *table,
                      bool *done, struct mls_error *err)
{
    struct mls_reader *r = mls_new(1, sizeof(*r), err);

    *done = false;
    if (r == NULL)
        return NULL;
    r->options = *options;
    r->run = run;
    r->expected = -1;
    if (!mls_missing_init(&r->missing, options->dialect.na, err)
        || !open_scan(r, path, err) || !open_columns(r, table, done, err)) {
        mls_reader_close(r);
        return NULL;
    }
    r->block_rows = choose_block_rows(r);
    if (options->schema != NULL && mls_csv_fits(r)) {
        r->stream = mls_stream_new(r, r->block_rows, err);
        if (r->stream == NULL) {
            mls_reader_close(r);
            return NULL;
        }
    } else {
        mls_input_keep(mls_scan_input(r->scan), false);
    }
    return r;
}

struct mls_reader *mls_reader_open(const char *path,
                                   const struct mls_read_options *options,
                                   const struct mls_run *run,
                                   struct mls_error *err)
{
    bool done;

    return mls_reader_open_table(path, options, run, NULL, &done, err);
}

const struct mls_schema *mls_reader_schema(const struct mls_reader *r)
{
    return &r->schema;
}

const struct mls_dialect *mls_reader_dialect(const struct mls_reader *r)
{
    return mls_scan_dialect(r->scan);
}

const struct mls_read_counts *mls_reader_counts(const struct mls_reader *r)
{
    return &r->counts;
}

int64_t mls_reader_position(const struct mls_reader *r, int64_t field)
{
    for (int64_t i = 0; i < r->feed_count; i++)
        if (r->feeds[i].field == field)
            return r->feeds[i].cell;
    return -1;
}

bool mls_reader_next(struct mls_reader *r, struct mls_block **block,
                     struct mls_error *err)
{
    struct mls_input *input = mls_scan_input(r->scan);
    bool slow = true;

    *block = NULL;
    if (r->run != NULL && !mls_run_go_on(r->run, err))
        return false;
    if (r->stream != NULL && !mls_stream_next(r->stream, block, &slow, err))
        return false;
    if (!slow) {
        mls_progress_rows(r->run, "reading", r->counts.rows,
                          (double)(mls_input_is_direct(input)
                                       ? r->counts.bytes
                                       : mls_input_at(input)),
                          (double)mls_input_size(input));
        return true;
    }
    if (!mls_convert_block(r, block, err))
        return false;
    r->counts.bytes = mls_scan_bytes(r->scan);
    mls_progress_rows(r->run, "reading", r->counts.rows,
                      (double)mls_input_at(input),
                      (double)mls_input_size(input));
    return true;
}

bool mls_reader_rewind(struct mls_reader *r, struct mls_error *err)
{
    if (r->stream != NULL)
        mls_stream_rewind(r->stream);
    return mls_reader_restart(r, err);
}

void mls_reader_close(struct mls_reader *r)
{
    if (r == NULL)
        return;
    mls_convert_clear(r);
    mls_stream_free(r->stream);
    mls_scan_free(r->scan);
    mls_missing_clear(&r->missing);
    mls_schema_clear(&r->schema);
    mls_free(r->feeds);
    mls_free(r->absent);
    mls_free(r);
}
