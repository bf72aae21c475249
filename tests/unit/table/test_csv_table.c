#include "test.h"

#include "base/number.h"
#include "base/text.h"
#include "files.h"
#include "table/csv_table.h"

/* The oracle of this file is the slow way: one record at a time, one thread. */

/* ---- comparing ---- */

static void same_fields(const struct mls_schema *a, const struct mls_schema *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        const struct mls_field *f = &a->fields[i], *g = &b->fields[i];

        assert_string_equal(f->name, g->name);
        if (f->kind != g->kind)
            fail_msg("column %s: kind %s, by the slow way %s", f->name,
                     mls_kind_name(f->kind), mls_kind_name(g->kind));
        assert_int_equal(f->trait, g->trait);
        assert_int_equal(f->role, g->role);
        assert_int_equal(f->date_form, g->date_form);
        assert_int_equal(f->date_has_time, g->date_has_time);
        assert_int_equal(f->missing, g->missing);
        assert_int_equal(f->dictionary != NULL, g->dictionary != NULL);
        if (f->dictionary == NULL)
            continue;
        assert_int_equal(f->dictionary->count, g->dictionary->count);
        for (int64_t k = 0; k < f->dictionary->count; k++) {
            size_t n, m;
            const char *p =
                mls_dictionary_level(f->dictionary, (uint32_t)k, &n);
            const char *q =
                mls_dictionary_level(g->dictionary, (uint32_t)k, &m);

            assert_int_equal(n, m);
            assert_memory_equal(p, q, n);
        }
    }
}

/* Where a row is. */
struct place {
    const struct mls_block *block;
    int64_t row;
};

static struct place place_of(const struct mls_table *t, int64_t row,
                             int64_t *block)
{
    while (t->blocks[*block]->first_row + t->blocks[*block]->rows <= row)
        ++*block;
    return (struct place){ t->blocks[*block],
                           row - t->blocks[*block]->first_row };
}

static void same_cell(const struct mls_column *a, int64_t i,
                      const struct mls_column *b, int64_t k)
{
    assert_int_equal(a->storage, b->storage);
    switch (a->storage) {
    case MLS_STORE_REAL:
        if (memcmp(&a->real[i], &b->real[k], sizeof(double)) != 0
            && !(isnan(a->real[i]) && isnan(b->real[k])))
            fail_msg("%.17g, by the slow way %.17g", a->real[i], b->real[k]);
        break;
    case MLS_STORE_CODE:
        assert_int_equal(a->code[i], b->code[k]);
        break;
    case MLS_STORE_TIME:
        assert_true(a->time[i] == b->time[k]);
        break;
    default:
        assert_int_equal(a->text.offset[i + 1] - a->text.offset[i],
                         b->text.offset[k + 1] - b->text.offset[k]);
        assert_memory_equal(
            a->text.bytes + a->text.offset[i],
            b->text.bytes + b->text.offset[k],
            (size_t)(a->text.offset[i + 1] - a->text.offset[i]));
    }
}

static void same_tables(const struct mls_table *a, const struct mls_table *b)
{
    int64_t at_a = 0, at_b = 0;

    same_fields(&a->schema, &b->schema);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->counts.rows, b->counts.rows);
    assert_int_equal(a->counts.skipped_rows, b->counts.skipped_rows);
    assert_int_equal(a->counts.padded_rows, b->counts.padded_rows);
    assert_int_equal(a->counts.wrong_cells, b->counts.wrong_cells);
    /* The slow way does not look at blank lines behind the last record. */
    assert_true(a->counts.bytes >= b->counts.bytes);
    assert_int_equal(a->unnumbered, b->unnumbered);
    for (int64_t row = 0; row < a->rows; row++) {
        struct place p = place_of(a, row, &at_a);
        struct place q = place_of(b, row, &at_b);

        assert_int_equal(p.block->line[p.row], q.block->line[q.row]);
        for (int64_t i = 0; i < a->schema.count; i++) {
            assert_int_equal(p.block->columns[i]->rows, p.block->rows);
            same_cell(p.block->columns[i], p.row, q.block->columns[i], q.row);
        }
    }
}

static void same_errors(const struct mls_error *a, const struct mls_error *b)
{
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->row, b->row);
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->column, b->column);
    assert_string_equal(a->what, b->what);
    assert_string_equal(a->fix, b->fix);
}

static void reset_tuning(void)
{
    mls_csv_tuning = (struct mls_csv_tuning){ .most = MLS_SIMD_AVX512 };
}

/* Reads bytes in the slow way and in the fast way at many settings.  Returns
 * how often the fast way was good for it. */
static int64_t compare(const char *bytes, size_t length,
                       const struct mls_read_options *options)
{
    static const int64_t chunks[] = { 0, 1, 7, 64, 300, 5000 };
    static const int threads[] = { 1, 2, 3, 8 };
    struct test_file file = new_file_bytes(bytes, length);
    struct mls_table slow, fast;
    struct mls_error why = { 0 }, err;
    int64_t tables;
    bool good;

    reset_tuning();
    mls_csv_tuning.off = true;
    good = mls_table_read(file.path, options, NULL, &slow, &why);
    reset_tuning();
    for (int n = 0; n < 12; n++) {
        struct mls_run run = { 0 };
        bool ok;

        mls_csv_tuning.chunk_bytes = chunks[n % 6];
        mls_csv_tuning.piece_bytes = n % 5 == 4 ? 3 : n % 5 == 3 ? 100 : 0;
        mls_csv_tuning.block_rows = n % 4 == 1 ? 3 : 0;
        mls_csv_tuning.most = (enum mls_simd)(n % 3);
        memset(&err, 0, sizeof(err));
        assert_true(mls_run_init(&run, threads[n / 3], &err));
        ok = mls_table_read(file.path, options, &run, &fast, &err);
        mls_run_clear(&run);
        if (ok != good)
            fail_msg("setting %d: %s", n, ok ? "read" : err.what);
        if (ok) {
            same_tables(&fast, &slow);
            mls_table_clear(&fast);
        } else {
            same_errors(&err, &why);
        }
    }
    tables = mls_csv_tuning.tables;
    reset_tuning();
    if (good)
        mls_table_clear(&slow);
    remove_file(&file);
    return tables;
}

static void compare_text(const char *text, bool fast,
                         const struct mls_read_options *options)
{
    const struct mls_read_options none = { 0 };
    int64_t tables =
        compare(text, strlen(text), options != NULL ? options : &none);

    assert_int_equal(tables, fast ? 12 : 0);
}

/* ---- files made for a purpose ---- */

/* Rows of prefix, number, suffix; the row odd is another line. */
static void many(struct mls_text *text, int rows, const char *suffix, int odd,
                 const char *line)
{
    for (int i = 0; i < rows; i++) {
        if (i == odd)
            mls_text_add(text, line);
        else
            mls_text_format(text, "%d%s\n", i % 97, suffix);
    }
}

static void plain_files_are_read_fast_and_the_same(void **state)
{
    (void)state;
    compare_text("a,b\n1,x\n2,y\n", true, NULL);
    compare_text("a,b\r\n1,x\r\n2,y\r\n", true, NULL);
    compare_text("a,b\r1,x\r2,y\r", true, NULL);
    compare_text("a,b\n1,x\r\n2,y\r3,z\n\r4,u", true, NULL);
    compare_text("a,b\n1,x\n\n \t\r\n2,y\n\n", true, NULL);
    compare_text("a,b\n\"1\",\"x,y\"\n2,\"say \"\"hi\"\"\"\n", true, NULL);
    compare_text("a,b\n1,\"x\ny\r\nz\rw\"\n2,\"\"\n3,u\n", true, NULL);
    compare_text("\xef\xbb\xbf" "a;b\n1,5;caf\xc3\xa9\n-2,25;y\n", true, NULL);
    compare_text("a\n1\n\n3\n", true, NULL);
    compare_text("a\nx\n\"\"\n\ny", true, NULL);
    compare_text("d,e,f\n2024-05-31,31/05/2024,05/31/2024\n"
                 "2024-06-01T12:30:00Z,01/06/2024,06/01/2024\n,,\n",
                 true, NULL);
    compare_text("n,m,k,l\n1e5,+5,.5,-0\n-1.5e-3,007,5.,0\n"
                 " 1 ,NA,12345678901234567,1234567890.1234567\n",
                 true, NULL);
}

static void what_is_odd_is_read_the_slow_way(void **state)
{
    (void)state;
    compare_text("a,b\n1,x\n2\n", false, NULL);
    compare_text("a,b\n1,x\n2,y,z\n", false, NULL);
    compare_text("a,b\n1,\"x\ny\n", false, NULL);
    compare_text("a,b\n1,\"x\"y\n", false, NULL);
    compare_text("a,b\n1,6' 2\"\n2,5' 11\"\n", false, NULL);
    compare_text("a,b\n1,\xff\n", false, NULL);
    compare_text("a,b\n", false, NULL);
}

static void one_cell_late_in_a_column_decides_its_kind(void **state)
{
    static const char *const lines[] = {
        "word,x\n", "007,x\n", "9007199254740993,x\n", "1.5,x\n", "NA,x\n",
        "2024-05-31,x\n", "\"1\n2\",x\n", "5,\"x\"\"y\"\n", "5\n", "5,x,y\n",
        "5,\xff\n", "\"5,x\n", "5,\n", "-0,x\n"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        const struct mls_read_options none = { 0 };
        struct mls_text text = { 0 };

        mls_text_add(&text, "a,b\n");
        many(&text, 700, i % 2 ? ",w" : ",2024-01-01", 650, lines[i]);
        compare(text.bytes, text.length, &none);
        mls_text_clear(&text);
        /* Words, dates and numbers by halves: no kind but category. */
        mls_text_add(&text, "a,b\n");
        many(&text, 300, ",2024-01-01", 290, lines[i]);
        for (int k = 0; k < 300; k++)
            mls_text_format(&text, "w%d,31/05/%d\n", k % 7, 1900 + k);
        compare(text.bytes, text.length, &none);
        mls_text_clear(&text);
    }
}

static void options_mean_the_same(void **state)
{
    static const struct mls_read_options options[] = {
        { .list_errors = true },
        { .bad_rows = MLS_BAD_SKIP },
        { .bad_rows = MLS_BAD_PAD },
        { .bad_rows = MLS_BAD_SKIP, .keep_skipped = true },
        { .categorical = "a", .text = "b" },
        { .numeric = "a" },
        { .text = "a,b" },
        { .dialect.no_header = true },
        { .dialect.na = "5,x" },
        { .dialect.na = "-999,1" },
        { .dialect.skip_rows = 2 },
    };
    static const char *const files[] = {
        "a,b\n1,x\n2,y\n5,x\n",
        "a,b\n1,x\n2,y\n5\n",
        "a,b\n1,x\n2,y\n1,x\n2,y\n1,x\n2,y\n1,x\n2,y\n1,x\n2,y\nq,y\n",
        "a,b\n1,one or two words more\n2,\"quite \"\"another\"\" text, so\"\n"
        "3,nothing at all to say\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        for (size_t k = 0; k < sizeof(files) / sizeof(*files); k++)
            compare(files[k], strlen(files[k]), &options[i]);
    }
}

/* ---- random files ---- */

static uint64_t seed;

static unsigned draw(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static void add_cell(struct mls_text *text, unsigned style, unsigned mess)
{
    static const char *const words[] = { "red", "green", "blue", "a b c d e",
                                         "NA", "", "true", "caf\xc3\xa9",
                                         " x ", "a word of some length here" };
    static const char *const numbers[] = {
        "0", "-1", "+2", "3.25", "1e10", "-0.000001", "123456789012345",
        "1234567890123456", "0.1234567890123456789", "007", "1e400", ".5",
        "9007199254740993", "-", ".", "--1", "1.2.3", "999999999999999.5"
    };
    static const char *const messes[] = { "\"", "\"\"", "\"a\"\"b\"", "\"x,y\"",
                                          "\"x\ny\"", "\"x\r\ny\"", "\"x\"y",
                                          "x\"y", "\n", "\r", ",", "\xff",
                                          "\"5\"", " \t", "\"\"\"\"", "," };

    if (mess > 0 && draw(1000) < mess) {
        mls_text_add(text, messes[draw(16)]);
        return;
    }
    switch (style) {
    case 0:
        mls_text_format(text, "%s%u.%06u", draw(2) ? "-" : "", draw(1000),
                        draw(1000000));
        break;
    case 1:
        mls_text_format(text, "%u", draw(50));
        break;
    case 2:
        mls_text_add(text, words[draw(10)]);
        break;
    case 3:
        mls_text_format(text, "20%02u-%02u-%02u", draw(30), draw(12) + 1,
                        draw(28) + 1);
        break;
    case 4:
        mls_text_add(text, numbers[draw(18)]);
        break;
    case 5:
        mls_text_format(text, "\"%s, %u\"", words[draw(10)], draw(200));
        break;
    case 6:
        mls_text_format(text, "%02u/%02u/2020", draw(12) + 1, draw(14) + 1);
        break;
    default:
        mls_text_format(text, "id%u", draw(100000));
    }
}

static void random_files_are_read_the_same(void **state)
{
    static const unsigned messes[] = { 0, 0, 1, 3, 30 };
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    int64_t fast = 0, files = 250;

    (void)state;
    seed = 12345;
    for (int n = 0; n < files; n++) {
        const struct mls_read_options options = {
            .bad_rows = n % 7 == 0 ? MLS_BAD_SKIP : MLS_BAD_ERROR,
            .list_errors = n % 5 == 0,
            .dialect.delimiter = ',',
        };
        unsigned width = draw(5) + 1, rows = draw(120) + 1;
        unsigned mess = messes[draw(5)], styles[6];
        const char *end = ends[draw(8) < 6 ? 0 : draw(3)];
        struct mls_text text = { 0 };

        for (unsigned k = 0; k < width; k++) {
            styles[k] = draw(8);
            mls_text_format(&text, "%sc%u", k ? "," : "", k);
        }
        mls_text_add(&text, end);
        for (unsigned i = 0; i < rows; i++) {
            for (unsigned k = 0; k < width; k++) {
                mls_text_add(&text, k ? "," : "");
                add_cell(&text, draw(200) ? styles[k] : draw(8), mess);
            }
            if (i + 1 < rows || draw(2))
                mls_text_add(&text, end);
        }
        fast += compare(text.bytes, text.length, &options);
        mls_text_clear(&text);
    }
    /* Or nothing was tested. */
    assert_true(fast > 12 * files / 3);
    assert_true(fast < 12 * files);
}

/* ---- the parts ---- */

static void every_level_finds_the_same_positions(void **state)
{
    enum { BYTES = 700 };
    static const char letters[] = "ab12,,\n\r\"\"\" \xc3";
    char buffer[BYTES + 200];

    (void)state;
    seed = 99;
    for (int n = 0; n < 3000; n++) {
        uint32_t positions[3][BYTES + 80];
        int64_t counts[3], lines[3], from = 64 + (int64_t)draw(70);
        int64_t to = from + (int64_t)draw(BYTES - 200);
        struct mls_index_state states[3];
        unsigned kinds = n % 3 == 0 ? 6 : n % 3 == 1 ? 8 : 13;

        memset(buffer, ' ', sizeof(buffer));
        for (int64_t i = from; i <= to; i++)
            buffer[i] = letters[draw(kinds)];
        for (int s = MLS_SIMD_NONE; s <= MLS_SIMD_AVX512; s++) {
            enum mls_simd simd = (enum mls_simd)s > mls_simd_best()
                ? mls_simd_best()
                : (enum mls_simd)s;
            int64_t middle = from + (to - from) / 2;

            states[s] = MLS_INDEX_START;
            /* In one go, or in two. */
            counts[s] = mls_index_of(simd)(buffer, from, s == 1 ? middle : to,
                                           ',', '"', positions[s], &states[s]);
            if (s == 1)
                counts[s] += mls_index_of(simd)(buffer, middle, to, ',', '"',
                                                positions[s] + counts[s],
                                                &states[s]);
            lines[s] = mls_count_lines_of(simd)(buffer, from, to);
            assert_int_equal(counts[s], counts[0]);
            assert_int_equal(lines[s], lines[0]);
            assert_memory_equal(positions[s], positions[0],
                                (size_t)counts[0] * sizeof(uint32_t));
            assert_true(states[s].inside == states[0].inside);
            assert_int_equal(states[s].line_ends, states[0].line_ends);
            assert_int_equal(states[s].stray, states[0].stray);
            assert_int_equal(states[s].inner_lines, states[0].inner_lines);
            assert_int_equal(states[s].quotes, states[0].quotes);
            assert_int_equal(states[s].cr, states[0].cr);
            assert_int_equal(states[s].high, states[0].high);
        }
    }
}

/* One cell by each kernel against mls_parse_real. */
static void one_number(const char *cell, size_t length)
{
    char buffer[200];
    uint32_t ends[2] = { 63, 64 + (uint32_t)length }, hard[1];
    double want = 0, got;
    bool integer = false, is_real;

    memset(buffer, ',', sizeof(buffer));
    memcpy(buffer + 64, cell, length);
    is_real = mls_parse_real(cell, length, '.', &want, &integer);
    for (int s = MLS_SIMD_NONE; s <= MLS_SIMD_AVX2; s++) {
        struct mls_reals_counts counts = { 0 };

        if ((enum mls_simd)s > mls_simd_best())
            return;
        if (mls_reals_of((enum mls_simd)s)(buffer, ends, ends + 1, 1, 1, '.',
                                           &got, hard, &counts)
            > 0)
            continue;
        if (length == 0) {
            assert_true(isnan(got) && counts.empty == 1);
            continue;
        }
        if (!is_real || memcmp(&got, &want, sizeof(got)) != 0)
            fail_msg("\"%.*s\": %.17g, not %.17g", (int)length, cell, got,
                     want);
        assert_int_equal(counts.integers, integer);
    }
}

static void short_numbers_equal_the_exact_parser(void **state)
{
    static const char letters[] = "0123456789012345678900.-+e x";
    char cell[40];

    (void)state;
    seed = 7;
    for (int n = 0; n < 200000; n++) {
        size_t length = draw(20);
        unsigned kinds = n % 4 == 0 ? 28 : 23;

        for (size_t i = 0; i < length; i++)
            cell[i] = letters[draw(kinds)];
        if (length > 0 && draw(3) == 0)
            cell[0] = '-';
        one_number(cell, length);
    }
}

static void nothing_leaks_when_memory_ends(void **state)
{
    const struct mls_read_options options = { .text = "t" };
    struct mls_text text = { 0 };
    struct test_file file;
    int64_t live;
    bool done = false;

    (void)state;
    mls_text_add(&text, "n,c,d,t,x\n");
    for (int i = 0; i < 140; i++)
        mls_text_format(&text, "%d.5,\"c\"\"%d\",2024-01-%02d,a b c d %d,%s\n",
                        i, i % 3, i % 28 + 1, i,
                        i % 3 == 0 && i > 60 ? "\"z\n\"" : "4");
    file = new_file(text.bytes);
    mls_text_clear(&text);
    live = mls_memory_live();
    for (int64_t n = 1; !done; n++) {
        struct mls_error err = { 0 };
        struct mls_table table;
        bool ok;

        mls_csv_tuning.chunk_bytes = 400;
        mls_memory_fail_at(n);
        ok = mls_table_read(file.path, &options, NULL, &table, &err);
        done = mls_memory_count() < n;
        mls_memory_fail_at(0);
        if (ok)
            mls_table_clear(&table);
        else if (err.code != MLS_LIMIT)
            fail_msg("allocation %d: %s", (int)n, err.what);
        assert_int_equal(mls_memory_live(), live);
    }
    assert_true(mls_csv_tuning.tables > 0);
    reset_tuning();
    remove_file(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_finds_the_same_positions),
        cmocka_unit_test(short_numbers_equal_the_exact_parser),
        cmocka_unit_test(plain_files_are_read_fast_and_the_same),
        cmocka_unit_test(what_is_odd_is_read_the_slow_way),
        cmocka_unit_test(one_cell_late_in_a_column_decides_its_kind),
        cmocka_unit_test(options_mean_the_same),
        cmocka_unit_test(random_files_are_read_the_same),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
