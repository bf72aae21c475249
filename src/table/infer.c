/*
 * The first reading of a file: what kind each column is.
 *
 * Kinds follow from all cells, never from a sample: a word in row 900,000 of a
 * column of numbers is either an error with its line or makes a category, but
 * never a surprise.  The rules, in this order:
 *
 *   1. nothing but missing cells         real, constant
 *   2. at least 90% decimal numbers      integer or real; the others are wrong
 *      unless all are whole and one has a leading zero (007) or is past 2^53:
 *      then the digits are a code and the column is a category
 *   3. every cell one form of date       date
 *   4. most cells different and of more than three words     text
 *   5. otherwise                         category; boolean when its two levels
 *                                        are a known pair
 *
 * A column is watched with a few counters.  Its levels are collected only while
 * they may be needed: cells that are numbers, or dates while all others were
 * dates too, are left out; when such a column turns out to be a category after
 * all, the file is read once more for it.  And when a column looks like text,
 * its strings are dropped and only their hashes kept.  So memory is a few bytes
 * per different value, and nothing per cell of the columns that hold numbers.
 */
#include <assert.h>
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "table/date.h"
#include "table/infer.h"

#define IDENTIFIER_ROWS 20  /* fewer distinct values prove nothing */
#define TEXT_DECISION 512   /* different cells before strings are dropped */
#define CHECK_ROWS 4096     /* between looks at the stop flag */
#define INTEGER_LIMIT 9007199254740992.0

/* ---- one cell ---- */

/* Whether a whole number is written as a code. */
void mls_watch_digits(struct mls_watch *w, struct mls_cell cell, double value)
{
    int64_t sign = cell.bytes[0] == '-' || cell.bytes[0] == '+';
    const char *digits = cell.bytes + sign;
    int64_t exact;

    if (cell.length - sign > 1 && digits[0] == '0')
        w->zeros = true;
    if (fabs(value) >= INTEGER_LIMIT
        && (!mls_parse_integer(digits, (size_t)(cell.length - sign), &exact)
            || exact > (int64_t)INTEGER_LIMIT))
        w->huge = true;
}

static void watch_number(struct mls_watch *w, struct mls_cell cell,
                         double value, bool integer, int64_t row)
{
    if (w->numbers++ == 0)
        w->first = value;
    else if (value != w->first)
        w->varies = true;
    w->dates = 0;
    if (!integer) {
        w->sequence = false;
        return;
    }
    w->integers++;
    if (w->sequence) {
        if (row == 0)
            w->sequence = value == 0 || value == 1;
        else
            w->sequence = value == w->first + (double)row;
    }
    mls_watch_digits(w, cell, value);
}

bool mls_cell_is_wordy(struct mls_cell cell)
{
    int words = 0;
    bool inside = false;

    for (int64_t i = 0; i < cell.length && words <= 3; i++) {
        bool space = cell.bytes[i] == ' ' || cell.bytes[i] == '\t'
            || cell.bytes[i] == '\n' || cell.bytes[i] == '\r';

        words += !space && !inside;
        inside = !space;
    }
    return words > 3;
}

static void note_wrong(struct mls_wrong *wrong, const struct mls_row *row,
                       int64_t record, struct mls_cell cell)
{
    if (wrong->row != 0)
        return;
    wrong->row = record;
    wrong->line = row->record.line;
    wrong->text = mls_show(cell.bytes, (size_t)cell.length);
}

static void watch_word(struct mls_watch *w, struct mls_cell cell,
                       const struct mls_row *row, int64_t record)
{
    unsigned before = w->dates;

    w->sequence = false;
    w->wordy += mls_cell_is_wordy(cell);
    note_wrong(&w->not_number, row, record, cell);
    for (int form = MLS_DATE_ISO; w->dates != 0 && form <= MLS_DATE_MONTH_DAY;
         form++) {
        int64_t time;
        bool timed = false;

        if ((w->dates & MLS_DATE_BIT(form)) == 0)
            continue;
        if (mls_date_parse(cell.bytes, (size_t)cell.length,
                           (enum mls_date_form)form, &time, &timed))
            w->has_time |= timed;
        else
            w->dates &= ~MLS_DATE_BIT(form);
    }
    if (before != 0 && w->dates == 0)
        note_wrong(&w->not_date, row, record, cell);
}

static bool collects(const struct mls_watch *w)
{
    return (w->allowed & (MLS_KINDS_CODED | MLS_KIND_BIT(MLS_KIND_TEXT))) != 0
        && w->allowed != MLS_KIND_BIT(MLS_KIND_TEXT);
}

static bool collect(struct mls_watch *w, struct mls_cell cell,
                    struct mls_error *err)
{
    if (!mls_level_set_add(&w->set, cell.bytes, (size_t)cell.length, err))
        return false;
    if (!w->set.hashes_only && !w->keep_texts && w->set.count >= TEXT_DECISION
        && 2 * w->wordy > w->cells)
        mls_level_set_drop_bytes(&w->set);
    return true;
}

/* A cell of the first reading. */
static bool watch_cell(struct mls_inference *in, struct mls_watch *w,
                       struct mls_cell raw, const struct mls_row *row,
                       struct mls_error *err)
{
    struct mls_reader *r = in->r;
    struct mls_cell cell = mls_cell_trim(raw);
    bool number, integer = false;
    double value;

    if (mls_missing_is(&r->missing, cell)) {
        w->missing++;
        w->sequence = false;
        return true;
    }
    w->cells++;
    number = mls_parse_real(cell.bytes, (size_t)cell.length, r->decimal,
                            &value, &integer);
    if (number) {
        if (w->dates != 0)
            note_wrong(&w->not_date, row, r->records, cell);
        watch_number(w, cell, value, integer, in->rows);
    } else {
        watch_word(w, cell, row, r->records);
    }
    if (!w->texts_vary) {
        uint64_t hash = mls_bytes_hash(raw.bytes, (size_t)raw.length);

        if (w->cells == 1)
            w->first_hash = hash;
        else
            w->texts_vary = hash != w->first_hash;
    }
    if (!collects(w))
        return true;
    if (!w->collect_all && (number || w->dates != 0)) {
        w->uncollected++;
        return true;
    }
    return collect(w, raw, err);
}

/* ---- a reading of the file ---- */

static bool read_once(struct mls_inference *in, bool first,
                      struct mls_error *err)
{
    struct mls_reader *r = in->r;
    struct mls_row row;

    for (in->rows = 0;; in->rows++) {
        if (in->rows % CHECK_ROWS == 0) {
            if (r->run != NULL && !mls_run_go_on(r->run, err))
                return false;
            mls_progress_rows(
                r->run, "looking at columns", in->rows,
                (double)mls_input_at(mls_scan_input(r->scan)),
                (double)mls_input_size(mls_scan_input(r->scan)));
        }
        if (!mls_reader_row(r, &row, err))
            return false;
        if (row.record.cells == NULL)
            return true;
        for (int64_t i = 0; i < r->width; i++) {
            struct mls_watch *w = &in->watches[i];
            struct mls_cell cell = mls_row_cell(&row, i);

            if (first) {
                if (!watch_cell(in, w, cell, &row, err))
                    return false;
            } else if (w->pending
                       && !mls_missing_is(&r->missing, mls_cell_trim(cell))
                       && !collect(w, cell, err)) {
                return false;
            }
        }
    }
}

/* ---- what it is ---- */

static bool may_be(const struct mls_watch *w, enum mls_kind kind)
{
    return (w->allowed & MLS_KIND_BIT(kind)) != 0;
}

static bool is_numeric(const struct mls_watch *w)
{
    bool whole = w->integers == w->numbers;

    if ((w->allowed & MLS_KINDS_NUMERIC) == 0)
        return false;
    if ((w->allowed & ~MLS_KINDS_NUMERIC) == 0)
        return true; /* the user says so */
    return w->numbers > 0 && 10 * w->numbers >= 9 * w->cells
        && !(whole && (w->zeros || w->huge));
}

static bool is_text(const struct mls_watch *w, int64_t distinct)
{
    return may_be(w, MLS_KIND_TEXT) && 2 * distinct > w->cells
        && 2 * w->wordy > w->cells;
}

/* Kinds in the order of the rules; CATEGORY stands for boolean too. */
enum mls_kind mls_watch_kind(const struct mls_watch *w, int64_t distinct)
{
    if (w->cells == 0 && may_be(w, MLS_KIND_REAL))
        return MLS_KIND_REAL;
    if (is_numeric(w))
        return w->integers == w->numbers && !w->huge
                && may_be(w, MLS_KIND_INTEGER)
            ? MLS_KIND_INTEGER
            : MLS_KIND_REAL;
    if (may_be(w, MLS_KIND_DATE) && (w->named || w->dates != 0))
        return MLS_KIND_DATE;
    if (w->allowed == MLS_KIND_BIT(MLS_KIND_TEXT) || is_text(w, distinct))
        return MLS_KIND_TEXT;
    return MLS_KIND_CATEGORY;
}

static bool is_pair(const struct mls_dictionary *d)
{
    static const char *const pairs[][2] = {
        { "false", "true" }, { "False", "True" }, { "FALSE", "TRUE" },
        { "no", "yes" },     { "No", "Yes" },     { "NO", "YES" },
        { "n", "y" },        { "N", "Y" },        { "f", "t" },
        { "F", "T" },
    };

    if (d->count != 2)
        return false;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        bool equal = true;

        for (uint32_t code = 0; code < 2; code++) {
            size_t length;
            const char *level = mls_dictionary_level(d, code, &length);

            equal = equal && length == strlen(pairs[i][code])
                && memcmp(level, pairs[i][code], length) == 0;
        }
        if (equal)
            return true;
    }
    return false;
}

/* The dictionary of a category: given, or of the levels collected. */
static struct mls_dictionary *dictionary_of(const struct mls_watch *w,
                                            struct mls_error *err)
{
    return w->given != NULL ? mls_dictionary_share(w->given)
                            : mls_level_set_dictionary(&w->set, err);
}

/* Category, boolean or text; may ask for another reading instead. */
static bool decide_levels(const struct mls_inference *in, struct mls_watch *w,
                          struct mls_field *field, struct mls_error *err)
{
    if (w->uncollected > 0) {
        w->pending = w->collect_all = true;
        w->uncollected = 0;
        mls_level_set_clear(&w->set);
        return true;
    }
    if (is_text(w, w->set.count)) {
        field->kind = MLS_KIND_TEXT;
        return true;
    }
    if (w->set.hashes_only) {
        w->pending = w->keep_texts = true;
        mls_level_set_clear(&w->set);
        return true;
    }
    field->dictionary = dictionary_of(w, err);
    if (field->dictionary == NULL)
        return false;
    field->kind = MLS_KIND_CATEGORY;
    if (may_be(w, MLS_KIND_BOOLEAN)
        && (w->named || is_pair(field->dictionary)))
        field->kind = MLS_KIND_BOOLEAN;
    if (field->kind == MLS_KIND_BOOLEAN && field->dictionary->count > 2) {
        mls_fail(err, MLS_DATA, "a boolean with %lld different values",
                 (long long)field->dictionary->count);
        mls_fail_fix(err, "make its kind category");
        return mls_fail_at(err, in->r->name, 0, 0, field->name);
    }
    return true;
}

static enum mls_date_form form_of(const struct mls_watch *w)
{
    return (w->dates & MLS_DATE_BIT(MLS_DATE_ISO)) != 0 ? MLS_DATE_ISO
        : (w->dates & MLS_DATE_BIT(MLS_DATE_DAY_MONTH)) != 0
        ? MLS_DATE_DAY_MONTH
        : MLS_DATE_MONTH_DAY;
}

enum mls_date_form mls_watch_form(const struct mls_watch *w,
                                  const struct mls_field *field)
{
    return w->named ? field->date_form : form_of(w);
}

static void decide_date(const struct mls_inference *in, struct mls_watch *w,
                        struct mls_field *field)
{
    const unsigned both = MLS_DATE_BIT(MLS_DATE_DAY_MONTH)
        | MLS_DATE_BIT(MLS_DATE_MONTH_DAY);

    field->kind = MLS_KIND_DATE;
    field->date_has_time = w->has_time;
    if (w->named)
        return; /* the schema file gave the form */
    if ((w->dates & both) == both)
        mls_note(in->r->run, MLS_LOG_WARNING,
                 "%s: the dates of column \"%s\" fit both day/month and "
                 "month/day; they are read as day/month",
                 in->r->name, mls_show_text(field->name).text);
    field->date_form = form_of(w);
}

static bool decide_kind(const struct mls_inference *in, struct mls_watch *w,
                        struct mls_field *field, struct mls_error *err)
{
    w->pending = false;
    field->missing = w->missing;
    switch (mls_watch_kind(w, 0)) {
    case MLS_KIND_REAL:
    case MLS_KIND_INTEGER:
        field->kind = mls_watch_kind(w, 0);
        field->missing += w->cells - w->numbers;
        return true;
    case MLS_KIND_DATE:
        decide_date(in, w, field);
        return true;
    case MLS_KIND_TEXT:
        field->kind = MLS_KIND_TEXT;
        return true;
    default:
        return decide_levels(in, w, field, err);
    }
}

static void decide_trait(const struct mls_inference *in,
                         const struct mls_watch *w, struct mls_field *field)
{
    bool numeric = (MLS_KIND_BIT(field->kind) & MLS_KINDS_NUMERIC) != 0;
    bool enough = w->cells >= IDENTIFIER_ROWS;

    /* A value that is sometimes missing says something: not constant. */
    if (w->cells == 0
        || (w->missing == 0 && !(numeric ? w->varies : w->texts_vary)))
        field->trait = MLS_TRAIT_CONSTANT;
    else if (enough && field->kind == MLS_KIND_INTEGER && w->sequence
             && w->cells == in->rows)
        field->trait = MLS_TRAIT_IDENTIFIER;
    else if (enough && field->kind == MLS_KIND_CATEGORY
             && field->dictionary->count == w->cells)
        field->trait = MLS_TRAIT_IDENTIFIER;
    if (field->trait != MLS_TRAIT_NONE && !w->named)
        field->role = MLS_ROLE_IGNORED;
}

/* Decides the columns that wait; *again says that some still do. */
static bool decide(struct mls_inference *in, bool first, bool *again,
                   struct mls_error *err)
{
    *again = false;
    for (int64_t i = 0; i < in->r->width; i++) {
        struct mls_watch *w = &in->watches[i];
        struct mls_field *field = &in->r->schema.fields[i];

        if (!first && !w->pending)
            continue;
        if (!decide_kind(in, w, field, err))
            return false;
        if (w->pending) {
            *again = true;
            continue;
        }
        decide_trait(in, w, field);
        mls_level_set_clear(&w->set);
    }
    return true;
}

static const struct mls_wrong *wrong_of(const struct mls_watch *w,
                                    const struct mls_field *field)
{
    bool numeric = (MLS_KIND_BIT(field->kind) & MLS_KINDS_NUMERIC) != 0;

    if (numeric && w->not_number.row > 0)
        return &w->not_number;
    if (field->kind == MLS_KIND_DATE && w->not_date.row > 0)
        return &w->not_date;
    return NULL;
}

/* The earliest cell that does not fit its column, by row, then by column. */
static bool check_wrong(const struct mls_inference *in, struct mls_error *err)
{
    const struct mls_reader *r = in->r;
    const struct mls_wrong *earliest = NULL;
    int64_t at = -1;

    for (int64_t i = 0; i < r->width; i++) {
        const struct mls_wrong *wrong =
            wrong_of(&in->watches[i], &r->schema.fields[i]);

        if (wrong != NULL && (at < 0 || wrong->row < earliest->row)) {
            earliest = wrong;
            at = i;
        }
    }
    if (at < 0 || r->options.list_errors)
        return true;
    return mls_reader_fail_cell(
        r, err, earliest->line, earliest->row, r->schema.fields[at].name,
        earliest->text.text,
        r->schema.fields[at].kind == MLS_KIND_DATE ? "is not a date of the "
                                                     "form given"
                                                   : "is not a number",
        in->watches[at].named ? NULL : "--categorical");
}

/* ---- what the user said ---- */

/* One option that names columns and the kinds it leaves them. */
static bool force_kinds(struct mls_inference *in, const char *record,
                        const char *option, unsigned allowed,
                        struct mls_error *err)
{
    int64_t count = 0, *columns;
    bool ok = true;

    if (record == NULL)
        return true;
    columns = mls_schema_columns(&in->r->schema, record, option, &count, err);
    if (columns == NULL)
        return false;
    for (int64_t i = 0; ok && i < count; i++) {
        struct mls_watch *w = &in->watches[columns[i]];

        if (w->named)
            ok = mls_fail(
                err, MLS_USAGE, "%s: column \"%s\" is given another kind too",
                option,
                mls_show_text(in->r->schema.fields[columns[i]].name).text);
        w->named = true;
        w->allowed = allowed;
        w->collect_all = allowed == MLS_KIND_BIT(MLS_KIND_CATEGORY);
        w->keep_texts = w->collect_all;
    }
    mls_free(columns);
    return ok;
}

/* The kind, form and role of one column of the schema file.  Kinds given on
 * the command line are stronger. */
static bool take_from_file(struct mls_inference *in,
                           const struct mls_field *from,
                           struct mls_error *err)
{
    int64_t at = mls_schema_need(&in->r->schema, from->name, "--schema", err);
    struct mls_field *field;
    struct mls_watch *w;

    if (at < 0)
        return false;
    field = &in->r->schema.fields[at];
    w = &in->watches[at];
    field->role = from->role;
    if (w->named)
        return true;
    w->named = true;
    w->allowed = from->kind == MLS_KIND_INTEGER ? MLS_KINDS_NUMERIC
                                                : MLS_KIND_BIT(from->kind);
    field->date_form = from->date_form;
    if (from->kind == MLS_KIND_DATE)
        w->dates = MLS_DATE_BIT(from->date_form);
    w->collect_all = (w->allowed & MLS_KINDS_CODED) != 0;
    w->keep_texts = w->collect_all;
    return true;
}

#define SCHEMA_FILE_LIMIT (256LL << 20)

static bool take_schema_file(struct mls_inference *in, struct mls_error *err)
{
    const char *path = in->r->options.schema_file;
    struct mls_schema schema = { 0 };
    struct mls_json *json = NULL;
    char *text;
    size_t length;
    bool ok;

    if (path == NULL)
        return true;
    text = mls_file_read(path, SCHEMA_FILE_LIMIT, &length, err);
    if (text != NULL)
        json = mls_json_parse(text, length, path, MLS_USAGE, err);
    ok = json != NULL
        && mls_schema_from_json(json, path, MLS_USAGE, &schema, err);
    for (int64_t i = 0; ok && i < schema.count; i++)
        ok = take_from_file(in, &schema.fields[i], err);
    mls_schema_clear(&schema);
    mls_json_free(json);
    mls_free(text);
    return ok;
}

static bool take_options(struct mls_inference *in, struct mls_error *err)
{
    const struct mls_read_options *o = &in->r->options;

    return force_kinds(in, o->categorical, "--categorical",
                       MLS_KIND_BIT(MLS_KIND_CATEGORY), err)
        && force_kinds(in, o->numeric, "--numeric", MLS_KINDS_NUMERIC, err)
        && force_kinds(in, o->text, "--text", MLS_KIND_BIT(MLS_KIND_TEXT), err)
        && take_schema_file(in, err);
}

static bool infer(struct mls_inference *in, struct mls_error *err)
{
    bool again = true;

    for (bool first = true; again; first = false) {
        if (!first && !mls_reader_restart(in->r, err))
            return false;
        if (!read_once(in, first, err))
            return false;
        if (first && in->rows == 0) {
            mls_fail(err, MLS_DATA, "the table has a header but no rows");
            mls_fail_fix(err, "give rows, or pass --no-header when the first "
                              "line is one");
            return mls_fail_at(err, in->r->name, 0, 0, NULL);
        }
        if (!decide(in, first, &again, err))
            return false;
    }
    in->r->expected = in->rows;
    return check_wrong(in, err);
}

bool mls_inference_start(struct mls_inference *in, struct mls_reader *r,
                         struct mls_error *err)
{
    *in = (struct mls_inference){ .r = r };
    in->watches = mls_new(r->width, sizeof(*in->watches), err);
    if (in->watches == NULL)
        return false;
    for (int64_t i = 0; i < r->width; i++) {
        in->watches[i].allowed = MLS_KINDS_ALL;
        in->watches[i].sequence = true;
        in->watches[i].dates = MLS_DATE_FORMS;
    }
    return take_options(in, err);
}

void mls_inference_clear(struct mls_inference *in)
{
    for (int64_t i = 0; in->watches != NULL && i < in->r->width; i++)
        mls_level_set_clear(&in->watches[i].set);
    mls_free(in->watches);
    in->watches = NULL;
}

bool mls_inference_sample(struct mls_inference *in, int64_t rows,
                          struct mls_error *err)
{
    struct mls_row row;

    for (in->rows = 0; in->rows < rows; in->rows++) {
        if (!mls_reader_row(in->r, &row, err))
            return false;
        if (row.record.cells == NULL)
            return true;
        for (int64_t i = 0; i < in->r->width; i++) {
            if (!watch_cell(in, &in->watches[i], mls_row_cell(&row, i), &row,
                            err))
                return false;
        }
    }
    return true;
}

bool mls_inference_run(struct mls_inference *in, struct mls_error *err)
{
    return infer(in, err);
}

bool mls_inference_decide(struct mls_inference *in, struct mls_error *err)
{
    bool again;

    if (!decide(in, true, &again, err))
        return false;
    assert(!again);
    return true;
}
