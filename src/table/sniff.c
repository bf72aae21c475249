/*
 * The dialect, guessed from the first bytes.
 *
 * Each candidate delimiter splits the first records by the real rules (quotes
 * included), and the one that makes the best table wins: with a schema, the
 * one whose header holds most of its names; then one that gives more than one
 * column; then the largest share of records as wide as the header; then the
 * most columns; then the order of the list.  The share comes before the width
 * because commas in text give wide headers that no row follows.
 *
 * A file with semicolons usually comes from a country that writes 1,5; whether
 * it does is counted in the cells.
 */
#include <assert.h>

#include "base/memory.h"
#include "base/number.h"
#include "table/cell.h"
#include "table/csv_split.h"

#define SNIFF_BYTES (1 << 20)
#define SNIFF_RECORDS 1000

static const char candidates[] = { ',', ';', '\t', '|' };

/* How good a table a delimiter makes. */
struct score {
    int64_t names;              /* of the schema, in the header */
    int64_t width;              /* cells of the header */
    int64_t records, alike;     /* behind it, and as wide as it */
    int64_t points, commas;     /* cells that are numbers by one mark only */
};

/* Where the header begins: behind the mark and the lines to skip. */
static int64_t table_start(const char *bytes, int64_t length,
                           const struct mls_dialect *dialect)
{
    int64_t at = mls_mark_bytes(bytes, length);

    for (int64_t i = 0; i < dialect->skip_rows && at < length; i++)
        at += mls_line_bytes(bytes + at, length - at, true);
    return at;
}

/* The names of the header, as the reader will call them. */
static bool count_names(const struct mls_splitter *s, bool no_header,
                        const struct mls_schema *names, struct score *score,
                        struct mls_error *err)
{
    for (int64_t i = 0; i < s->count; i++) {
        struct mls_cell cell;
        char number[32];
        char *name;

        if (no_header) {
            snprintf(number, sizeof(number), "c%lld", (long long)i + 1);
            score->names += mls_schema_find(names, number) >= 0;
            continue;
        }
        cell = mls_cell_trim(s->cells[i]);
        name = mls_copy_bytes(cell.bytes, (size_t)cell.length, err);
        if (name == NULL)
            return false;
        score->names += mls_schema_find(names, name) >= 0;
        mls_free(name);
    }
    return true;
}

static void count_decimals(const struct mls_splitter *s, struct score *score)
{
    for (int64_t i = 0; i < s->count; i++) {
        const char *bytes = s->cells[i].bytes;
        size_t length = (size_t)s->cells[i].length;
        double value;

        if (length == 0)
            continue;
        if (memchr(bytes, '.', length) != NULL)
            score->points += mls_parse_real(bytes, length, '.', &value, NULL);
        else if (memchr(bytes, ',', length) != NULL)
            score->commas += mls_parse_real(bytes, length, ',', &value, NULL);
    }
}

/* Splits the first records by a complete dialect. */
static bool try_dialect(const char *bytes, int64_t length,
                        const struct mls_dialect *dialect,
                        const struct mls_schema *names, struct score *score,
                        struct mls_error *err)
{
    struct mls_splitter s = { 0 };
    struct mls_error why = { 0 };
    int64_t at = table_start(bytes, length, dialect);
    bool ok = mls_splitter_init(&s, dialect, err);

    *score = (struct score){ 0 };
    while (ok && at < length && score->records < SNIFF_RECORDS) {
        enum mls_split_result result;

        if (dialect->comment != 0 && bytes[at] == dialect->comment) {
            at += mls_line_bytes(bytes + at, length - at, true);
            continue;
        }
        result = mls_split(&s, bytes + at, length - at, true, &why);
        if (result == MLS_SPLIT_FAILED && why.code == MLS_LIMIT) {
            *err = why;
            ok = false;
        }
        if (result != MLS_SPLIT_RECORD)
            break; /* not this delimiter; the scanner will say what is wrong */
        at += s.used;
        if (s.length == 0)
            continue;
        if (score->width == 0) {
            score->width = s.count;
            if (names != NULL)
                ok = count_names(&s, dialect->no_header, names, score, err);
            if (!dialect->no_header)
                continue;
        }
        /* A last record without its line end may be cut. */
        if (s.used == s.length && score->records > 0)
            break;
        score->records++;
        score->alike += s.count == score->width;
        count_decimals(&s, score);
    }
    mls_splitter_clear(&s);
    return ok;
}

static bool is_better(const struct score *a, const struct score *b)
{
    int64_t left, right;

    if (a->names != b->names)
        return a->names > b->names;
    if (a->width <= 1 || b->width <= 1)
        return a->width > 1 && b->width <= 1;
    /* A header alone fits itself. */
    left = a->records == 0 ? b->records : a->alike * b->records;
    right = b->records == 0 ? a->records : b->alike * a->records;
    if (a->records == 0 && b->records == 0)
        left = right = 0;
    if (left != right)
        return left > right;
    return a->width > b->width;
}

static bool choose_delimiter(const char *bytes, int64_t length,
                             const struct mls_schema *names,
                             struct mls_dialect *dialect,
                             struct mls_error *err)
{
    struct score best = { 0 }, score;
    char winner = 0;

    for (size_t i = 0; i < sizeof(candidates); i++) {
        struct mls_dialect trial = *dialect;

        trial.delimiter = candidates[i];
        if (trial.delimiter == trial.quote || trial.delimiter == trial.escape
            || trial.delimiter == trial.comment
            || trial.delimiter == trial.decimal)
            continue;
        if (!try_dialect(bytes, length, &trial, names, &score, err))
            return false;
        if (winner == 0 || is_better(&score, &best)) {
            winner = trial.delimiter;
            best = score;
        }
    }
    assert(winner != 0);
    dialect->delimiter = winner;
    return true;
}

static bool choose_decimal(const char *bytes, int64_t length,
                           struct mls_dialect *dialect, struct mls_error *err)
{
    struct score score;

    dialect->decimal = '.';
    if (dialect->delimiter != ';')
        return true;
    if (!try_dialect(bytes, length, dialect, NULL, &score, err))
        return false;
    if (score.commas > score.points)
        dialect->decimal = ',';
    return true;
}

static bool same(char a, char b)
{
    return a != 0 && a == b;
}

/* What the user gave must not contradict itself. */
static bool check_given(const struct mls_dialect *d, struct mls_error *err)
{
    const char special[] = { d->delimiter, d->quote, d->escape, d->comment };

    for (size_t i = 0; i < sizeof(special); i++) {
        if (special[i] == '\n' || special[i] == '\r')
            return mls_fail(err, MLS_USAGE, "a line end cannot be a delimiter, "
                                            "quote, escape or comment");
    }
    if (d->decimal != 0 && d->decimal != '.' && d->decimal != ',')
        return mls_fail(err, MLS_USAGE, "the decimal mark is '.' or ','");
    if (same(d->delimiter, d->quote) || same(d->delimiter, d->escape)
        || same(d->delimiter, d->comment) || same(d->quote, d->comment))
        return mls_fail(err, MLS_USAGE, "one character cannot have two "
                                        "meanings in a CSV file");
    if (d->skip_rows < 0)
        return mls_fail(err, MLS_USAGE, "--skip-rows cannot be negative");
    return true;
}

/* The first line of some spreadsheets' files: sep= and the delimiter. */
static void take_excel_line(const char *bytes, int64_t length,
                            struct mls_dialect *dialect)
{
    int64_t at = mls_mark_bytes(bytes, length);
    const char *line = bytes + at;

    if (dialect->skip_rows > 0 || length - at < 6
        || (memcmp(line, "sep=", 4) != 0 && memcmp(line, "SEP=", 4) != 0)
        || line[4] == '\n' || line[4] == '\r'
        || (line[5] != '\n' && line[5] != '\r'))
        return;
    dialect->skip_rows = 1;
    if (dialect->delimiter == 0 && line[4] != dialect->quote
        && line[4] != dialect->escape && line[4] != dialect->comment)
        dialect->delimiter = line[4];
}

bool mls_sniff(const char *bytes, size_t length,
               const struct mls_dialect *given, const struct mls_schema *names,
               struct mls_dialect *dialect, struct mls_error *err)
{
    int64_t size = length < SNIFF_BYTES ? (int64_t)length : SNIFF_BYTES;

    *dialect = *given;
    if (dialect->quote == 0)
        dialect->quote = '"';
    if (!check_given(dialect, err))
        return false;
    take_excel_line(bytes, size, dialect);
    if (dialect->delimiter == 0
        && !choose_delimiter(bytes, size, names, dialect, err))
        return false;
    return dialect->decimal != 0
        || choose_decimal(bytes, size, dialect, err);
}
