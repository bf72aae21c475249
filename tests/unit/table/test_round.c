#include "test.h"

#include <math.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "files.h"
#include "table/csv_table.h"

/*
 * Random tables are spelt as CSV in many ways, read, and written.  What is
 * written is taken apart by a reader of this file's own, and must say what the
 * cells were meant to say: numbers to the bit, all else to the byte.  Read and
 * written once more, the file is the same.
 */

#define TABLES 800
#define COLUMNS 7
#define ROWS 60
#define CELL 96

enum class { REAL, WHOLE, BIG, CODE, WORD, TEXT, BOOLEAN, DATE, CLASSES };

struct meant {
    int64_t columns, rows;
    enum class class[COLUMNS];
    char cell[ROWS + 1][COLUMNS][CELL]; /* row 0: names; "" is missing */
    struct mls_dialect dialect;
    enum { LF, CRLF, CR, MIXED } end;
};

static uint64_t drawn, seed;

static int64_t below(int64_t n)
{
    return mls_random_below(mls_random(seed, 1, drawn++), n);
}

static double normal(void)
{
    return mls_random_normal(mls_random(seed, 2, drawn++));
}

static const char *one_of(const char *const list[], int64_t count)
{
    return list[below(count)];
}

#define ONE_OF(list) one_of(list, (int64_t)(sizeof(list) / sizeof(*(list))))

/* ---- what is meant ---- */

static void draw_word(const struct meant *m, char *to)
{
    static const char *const stems[] = { "a", "beta", "caf\xC3\xA9", "d'or",
                                         "e \"f\"", "\"g\"", "two\nlines",
                                         "cr\rinside", "crlf\r\ninside" };
    static const char *const before[] = { "", "", "", " ", "x" };
    static const char *const after[] = { "", "", "", " ", "\"", "'", ";", "," };
    char between[2] = { below(3) == 0 ? m->dialect.delimiter : '_', '\0' };

    snprintf(to, CELL, "%s%s%s%s", ONE_OF(before), ONE_OF(stems), between,
             ONE_OF(after));
}

static void draw_real(char *to)
{
    static const char *const forms[] = { "%.3f", "%.17g", "%g", "%.6e", "%+.1f",
                                         " %.2f ", "%.0f" };
    double x = normal() * pow(10, (double)below(40) - 20);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(to, CELL, ONE_OF(forms), x);
#pragma GCC diagnostic pop
}

static void draw_cell(const struct meant *m, enum class class, char *to)
{
    static const char *const answers[] = { "yes", "no" };
    char words[3][CELL];

    switch (class) {
    case REAL:
        draw_real(to);
        break;
    case WHOLE:
        snprintf(to, CELL, "%lld",
                 (long long)below((int64_t)1 << (1 + below(53)))
                     * (below(2) ? 1 : -1));
        break;
    case BIG: /* odd, past 2^53: no double says it */
        snprintf(to, CELL, "%lld",
                 (long long)(((int64_t)1 << 54) + 2 * below(1 << 30) + 1));
        break;
    case CODE:
        snprintf(to, CELL, "0%02lld", (long long)below(100));
        break;
    case WORD:
        draw_word(m, to);
        break;
    case TEXT:
        for (int i = 0; i < 3; i++)
            draw_word(m, words[i]);
        snprintf(to, CELL, "%.20s of %.20s and %.20s %lld", words[0], words[1],
                 words[2], (long long)below(1000000));
        break;
    case BOOLEAN:
        snprintf(to, CELL, "%s", ONE_OF(answers));
        break;
    default:
        snprintf(to, CELL, "%04lld-%02lld-%02lld",
                 (long long)(1900 + below(200)), (long long)(1 + below(12)),
                 (long long)(1 + below(28)));
    }
}

static void draw(struct meant *m)
{
    static const char delimiters[] = ",;\t|:";

    m->columns = 1 + below(COLUMNS);
    m->rows = 1 + below(ROWS);
    m->dialect = (struct mls_dialect){
        .delimiter = delimiters[below(5)],
        .quote = below(4) ? '"' : '\'',
        .decimal = '.',
    };
    /* An empty line and the end of the one before it must not become one. */
    m->end = below(m->columns == 1 ? MIXED : MIXED + 1);
    for (int64_t i = 0; i < m->columns; i++) {
        m->class[i] = (enum class)below(CLASSES);
        snprintf(m->cell[0][i], CELL, "n%lld%c\"x\"", (long long)i,
                 below(2) ? m->dialect.delimiter : '\'');
        for (int64_t r = 1; r <= m->rows; r++) {
            m->cell[r][i][0] = '\0';
            if (below(10) > 0)
                draw_cell(m, m->class[i], m->cell[r][i]);
        }
    }
}

/* ---- spelling it ---- */

static void spell_cell(const struct meant *m, const char *cell,
                       struct mls_text *to)
{
    const char must[] = { m->dialect.delimiter, '\n', '\r', '\0' };
    char quote = m->dialect.quote;

    if (cell[0] != quote && cell[strcspn(cell, must)] == '\0' && below(3) > 0) {
        mls_text_add(to, cell);
        return;
    }
    mls_text_add_bytes(to, &quote, 1);
    for (; *cell; cell++) {
        mls_text_add_bytes(to, cell, 1);
        if (*cell == quote)
            mls_text_add_bytes(to, cell, 1);
    }
    mls_text_add_bytes(to, &quote, 1);
}

static void spell(const struct meant *m, struct mls_text *to)
{
    static const char *const ends[] = { "\n", "\r\n", "\r" };

    for (int64_t r = 0; r <= m->rows; r++) {
        for (int64_t i = 0; i < m->columns; i++) {
            if (i > 0)
                mls_text_add_bytes(to, &m->dialect.delimiter, 1);
            spell_cell(m, m->cell[r][i], to);
        }
        if (r < m->rows || m->columns == 1 || below(2))
            mls_text_add(to, ends[m->end == MIXED ? below(3) : m->end]);
    }
}

/* ---- reading and writing ---- */

static char *written(const struct meant *m, const char *bytes, size_t length,
                     int threads, size_t *size)
{
    struct mls_read_options options = { .dialect = m->dialect };
    struct test_file from = new_file_bytes(bytes, length), to = new_file("");
    struct mls_error err = { 0 };
    struct mls_run run;
    struct mls_table table;
    struct mls_writer *w;
    char *made;

    assert_true(mls_run_init(&run, threads, &err));
    if (!mls_table_read(from.path, &options, &run, &table, &err))
        fail_msg("table %llu: %s", (unsigned long long)seed, err.what);
    w = mls_writer_open(to.path, &table.schema, &table.dialect, &err);
    assert_non_null(w);
    assert_true(
        mls_writer_blocks(w, table.blocks, table.block_count, &run, &err));
    assert_true(mls_writer_close(w, &err));
    made = mls_file_read(to.path, 1 << 20, size, &err);
    assert_non_null(made);
    mls_table_clear(&table);
    mls_run_clear(&run);
    remove_file(&from);
    remove_file(&to);
    return made;
}

/* ---- taking apart what was written ---- */

/* The next cell at *p, ended by the delimiter or LF; sets *quoted. */
static void take_cell(const struct meant *m, const char **p, const char *end,
                      char *to)
{
    const char *at = *p;
    size_t n = 0;

    if (at < end && *at == m->dialect.quote) {
        for (at++;; at++) {
            assert_true(at < end && n < CELL - 1);
            if (*at == m->dialect.quote && *++at != m->dialect.quote)
                break;
            to[n++] = *at;
        }
    } else {
        for (; at < end && *at != m->dialect.delimiter && *at != '\n'; at++) {
            assert_true(n < CELL - 1);
            to[n++] = *at;
        }
    }
    to[n] = '\0';
    *p = at;
}

static void compare_cell(const struct meant *m, int64_t r, int64_t i,
                         const char *got)
{
    const char *meant = m->cell[r][i];
    bool number = m->class[i] == REAL || m->class[i] == WHOLE;
    double a = 0, b = 0;

    if (r > 0 && number && *meant && *got
            ? sscanf(meant, "%lf", &a) == 1 && sscanf(got, "%lf", &b) == 1
                && memcmp(&a, &b, sizeof(a)) == 0
            : strcmp(meant, got) == 0)
        return;
    fail_msg("table %llu, row %lld, column %lld: \"%s\" became \"%s\"",
             (unsigned long long)seed, (long long)r, (long long)i, meant, got);
}

static void compare(const struct meant *m, const char *bytes, size_t length)
{
    const char *p = bytes, *end = bytes + length;

    for (int64_t r = 0; r <= m->rows; r++) {
        for (int64_t i = 0; i < m->columns; i++) {
            char cell[CELL];

            take_cell(m, &p, end, cell);
            compare_cell(m, r, i, cell);
            assert_true(p < end
                        && *p == (i + 1 < m->columns ? m->dialect.delimiter
                                                     : '\n'));
            p++;
        }
    }
    assert_true(p == end);
}

static void what_is_meant_is_written(void **state)
{
    static struct meant m;

    (void)state;
    for (seed = 1; seed <= TABLES; seed++) {
        struct mls_text text = { 0 };
        char *once, *twice;
        size_t size, size_twice;

        drawn = 0;
        draw(&m);
        spell(&m, &text);
        mls_csv_tuning = (struct mls_csv_tuning){
            .most = MLS_SIMD_AVX512,
            .chunk_bytes = below(2) ? 0 : 50 + below(300),
            .block_rows = below(2) ? 0 : 1 + below(5),
            .off = below(5) == 0,
        };
        once = written(&m, text.bytes, text.length, 1 + (int)below(3), &size);
        compare(&m, once, size);
        twice = written(&m, once, size, 1 + (int)below(3), &size_twice);
        assert_int_equal(size, size_twice);
        assert_memory_equal(once, twice, size);
        mls_free(once);
        mls_free(twice);
        mls_text_clear(&text);
    }
    mls_csv_tuning = (struct mls_csv_tuning){ .most = MLS_SIMD_AVX512 };
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_meant_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
