#include "test.h"

#include <csv.h>

#include "files.h"
#include "table/csv_scan.h"

/* ---- helpers ---- */

static struct mls_scan *open_bytes(const char *bytes, size_t length,
                                   const struct mls_dialect *given,
                                   struct mls_error *err)
{
    const struct mls_dialect none = { 0 };
    struct test_file file = new_file_bytes(bytes, length);
    struct mls_input *input;
    struct mls_scan *scan;

    memset(err, 0, sizeof(*err));
    input = mls_input_open(file.path, true, err);
    assert_non_null(input);
    scan = mls_scan_new(input, given != NULL ? given : &none, NULL, err);
    remove_file(&file);
    return scan;
}

static struct mls_scan *open_text(const char *text,
                                  const struct mls_dialect *given)
{
    struct mls_error err;
    struct mls_scan *scan = open_bytes(text, strlen(text), given, &err);

    if (scan == NULL)
        fail_msg("%s", err.what);
    return scan;
}

/* The next record must hold exactly these cells and start at this line. */
static void expect(struct mls_scan *scan, int64_t line,
                   const char *const *cells)
{
    struct mls_error err = { 0 };
    struct mls_record record;
    int64_t count = 0;

    if (!mls_scan_next(scan, &record, &err))
        fail_msg("%s", err.what);
    while (cells[count] != NULL)
        count++;
    assert_non_null(record.cells);
    assert_int_equal(record.count, count);
    assert_int_equal(record.line, line);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(record.cells[i].length, strlen(cells[i]));
        assert_memory_equal(record.cells[i].bytes, cells[i],
                            strlen(cells[i]));
    }
}
#define EXPECT(scan, line, ...) \
    expect(scan, line, (const char *const[]){ __VA_ARGS__, NULL })

static void expect_end(struct mls_scan *scan)
{
    struct mls_error err = { 0 };
    struct mls_record record;

    for (int i = 0; i < 2; i++) { /* and it stays there */
        assert_true(mls_scan_next(scan, &record, &err));
        assert_null(record.cells);
    }
    mls_scan_free(scan);
}

/* The first error that scanning all of text meets. */
static void scan_error(const char *text, size_t length,
                       const struct mls_dialect *given, struct mls_error *err)
{
    struct mls_scan *scan = open_bytes(text, length, given, err);
    struct mls_record record;

    if (scan == NULL)
        return;
    for (;;) {
        if (!mls_scan_next(scan, &record, err))
            break;
        if (record.cells == NULL) {
            mls_scan_free(scan);
            fail_msg("no error in %s", text);
        }
    }
    mls_scan_free(scan);
}

/* ---- the tables of csv-spectrum ---- */

/* github.com/max-mapper/csv-spectrum (BSD-2-Clause): each table and what its
 * JSON says it holds.  The two degree signs of location_coordinates are the
 * replacement character there, and its JSON has another telephone number. */
struct spectrum {
    const char *name, *csv;
    const char *cells[4][6];
};

static const struct spectrum spectrum[] = {
    { "comma_in_quotes",
      "first,last,address,city,zip\n"
      "John,Doe,120 any st.,\"Anytown, WW\",08123\n",
      { { "first", "last", "address", "city", "zip" },
        { "John", "Doe", "120 any st.", "Anytown, WW", "08123" } } },
    { "empty",
      "a,b,c\n1,\"\",\"\"\n2,3,4\n",
      { { "a", "b", "c" }, { "1", "", "" }, { "2", "3", "4" } } },
    { "empty_crlf",
      "a,b,c\r\n1,\"\",\"\"\r\n2,3,4",
      { { "a", "b", "c" }, { "1", "", "" }, { "2", "3", "4" } } },
    { "escaped_quotes",
      "a,b\n1,\"ha \"\"ha\"\" ha\"\n3,4\n",
      { { "a", "b" }, { "1", "ha \"ha\" ha" }, { "3", "4" } } },
    { "json",
      "key,val\n1,\"{\"\"type\"\": \"\"Point\"\", \"\"coordinates\"\": "
      "[102.0, 0.5]}\"\n",
      { { "key", "val" },
        { "1", "{\"type\": \"Point\", \"coordinates\": [102.0, 0.5]}" } } },
    { "location_coordinates",
      "Contact Phone Number,Location Coordinates,Cities,Counties\n"
      "2095257564,37\xef\xbf\xbd"
      "36'37.8\"N 121\xef\xbf\xbd"
      "2'17.9\"W,Modesto,Stanislaus\n",
      { { "Contact Phone Number", "Location Coordinates", "Cities",
          "Counties" },
        { "2095257564",
          "37\xef\xbf\xbd"
          "36'37.8\"N 121\xef\xbf\xbd"
          "2'17.9\"W",
          "Modesto", "Stanislaus" } } },
    { "newlines",
      "a,b,c\n1,2,3\n\"Once upon \na time\",5,6\n7,8,9\n",
      { { "a", "b", "c" },
        { "1", "2", "3" },
        { "Once upon \na time", "5", "6" },
        { "7", "8", "9" } } },
    { "newlines_crlf",
      "a,b,c\r\n1,2,3\r\n\"Once upon \r\na time\",5,6\r\n7,8,9\r\n",
      { { "a", "b", "c" },
        { "1", "2", "3" },
        { "Once upon \r\na time", "5", "6" },
        { "7", "8", "9" } } },
    { "quotes_and_newlines",
      "a,b\n1,\"ha \n\"\"ha\"\" \nha\"\n3,4\n",
      { { "a", "b" }, { "1", "ha \n\"ha\" \nha" }, { "3", "4" } } },
    { "simple", "a,b,c\n1,2,3\n", { { "a", "b", "c" }, { "1", "2", "3" } } },
    { "simple_crlf",
      "a,b,c\r\n1,2,3\r\n",
      { { "a", "b", "c" }, { "1", "2", "3" } } },
    { "utf8",
      "a,b,c\n1,2,3\n4,5,\xca\xa4\n",
      { { "a", "b", "c" }, { "1", "2", "3" }, { "4", "5", "\xca\xa4" } } },
};

static void every_table_of_csv_spectrum_reads_as_its_json_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(spectrum) / sizeof(*spectrum); i++) {
        const struct spectrum *s = &spectrum[i];
        struct mls_scan *scan = open_text(s->csv, NULL);

        for (int row = 0; row < 4 && s->cells[row][0] != NULL; row++) {
            struct mls_error err = { 0 };
            struct mls_record record;

            assert_true(mls_scan_next(scan, &record, &err));
            for (int64_t c = 0; c < record.count; c++) {
                const char *cell = s->cells[row][c];

                if (cell == NULL
                    || strlen(cell) != (size_t)record.cells[c].length
                    || memcmp(cell, record.cells[c].bytes, strlen(cell)) != 0)
                    fail_msg("%s, row %d, cell %d", s->name, row, (int)c);
            }
            assert_null(s->cells[row][record.count]);
        }
        expect_end(scan);
    }
}

/* ---- lines and line ends ---- */

static void lines_are_counted_as_editors_do(void **state)
{
    const char *text = "a,b\r\n"                /* line 1 */
                       "\r\n"                   /* 2 */
                       "1,2\r"                  /* 3 */
                       "\"x\r\ny\rz\n\",4\n"    /* 4 to 7 */
                       "\n\n"                   /* 8, 9 */
                       "5,6";                   /* 10 */
    struct mls_scan *scan = open_text(text, NULL);

    (void)state;
    EXPECT(scan, 1, "a", "b");
    EXPECT(scan, 3, "1", "2");
    EXPECT(scan, 4, "x\r\ny\rz\n", "4");
    EXPECT(scan, 10, "5", "6");
    assert_int_equal(mls_scan_bytes(scan), strlen(text));
    expect_end(scan);
}

static void a_blank_line_is_a_cell_when_there_is_one_column(void **state)
{
    struct mls_scan *scan = open_text("\n\na\n1\n\n\"\"\n  \n2\n", NULL);

    (void)state;
    EXPECT(scan, 3, "a");
    EXPECT(scan, 4, "1");
    EXPECT(scan, 5, "");
    EXPECT(scan, 6, "");
    EXPECT(scan, 7, "  ");
    EXPECT(scan, 8, "2");
    expect_end(scan);
}

static void empty_cells_at_the_ends_are_cells(void **state)
{
    struct mls_scan *scan = open_text(",b,\n,,\n\"\",,\"\"", NULL);

    (void)state;
    EXPECT(scan, 1, "", "b", "");
    EXPECT(scan, 2, "", "", "");
    EXPECT(scan, 3, "", "", "");
    expect_end(scan);
}

static void spaces_are_kept(void **state)
{
    struct mls_scan *scan = open_text("a,b\n 1 ,\" 2 \"\n\t,\" \"\n", NULL);

    (void)state;
    EXPECT(scan, 1, "a", "b");
    EXPECT(scan, 2, " 1 ", " 2 ");
    EXPECT(scan, 3, "\t", " ");
    expect_end(scan);
}

static void a_mark_comments_and_lines_to_skip_are_passed_over(void **state)
{
    const struct mls_dialect given = { .comment = '#', .skip_rows = 2 };
    struct mls_scan *scan = open_text("\xef\xbb\xbf"
                                      "made by \"us\n"
                                      "on Monday\r\n"
                                      "# a, \"comment\n"
                                      "a,b\n"
                                      "1,#2\n"
                                      "#3,4\n"
                                      "5,6\n"
                                      "# the end",
                                      &given);

    (void)state;
    EXPECT(scan, 4, "a", "b");
    EXPECT(scan, 5, "1", "#2");
    EXPECT(scan, 7, "5", "6");
    expect_end(scan);
}

static void an_escape_makes_the_next_byte_data(void **state)
{
    const struct mls_dialect given = { .delimiter = ';', .quote = '\'',
                                       .escape = '\\' };
    struct mls_scan *scan = open_text("a;b\n"
                                      "'it\\'s';'a '' quote'\n"
                                      "x\\;y;\\\\\n"
                                      "'p\\\nq';r\\\ns\n"
                                      "1;2\n",
                                      &given);

    (void)state;
    EXPECT(scan, 1, "a", "b");
    EXPECT(scan, 2, "it's", "a ' quote");
    EXPECT(scan, 3, "x;y", "\\");
    EXPECT(scan, 4, "p\nq", "r\ns");
    EXPECT(scan, 7, "1", "2");
    expect_end(scan);
}

static void records_longer_than_the_window_are_whole(void **state)
{
    const size_t big = 700000;
    char *text = malloc(3 * big);
    struct mls_error err = { 0 };
    struct mls_record record;
    struct mls_scan *scan;
    size_t length;

    (void)state;
    assert_non_null(text);
    memcpy(text, "a,b\n1,\"", 7);
    memset(text + 7, 'x', big);
    memcpy(text + 7 + big, "\"\"\n\"\n", 5);
    length = 7 + big + 5;
    memset(text + length, 'y', big);
    memcpy(text + length + big, ",3\n4,5\n", 7);
    length += big + 7;
    scan = open_bytes(text, length, NULL, &err);
    assert_non_null(scan);
    for (int round = 0; round < 2; round++) {
        EXPECT(scan, 1, "a", "b");
        assert_true(mls_scan_next(scan, &record, &err));
        assert_int_equal(record.count, 2);
        assert_int_equal(record.cells[1].length, big + 2);
        assert_memory_equal(record.cells[1].bytes + big, "\"\n", 2);
        assert_true(mls_scan_next(scan, &record, &err));
        assert_int_equal(record.line, 4);
        assert_int_equal(record.cells[0].length, big);
        EXPECT(scan, 5, "4", "5");
        if (round == 0)
            assert_true(mls_scan_rewind(scan, &err));
    }
    expect_end(scan);
    free(text);
}

/* ---- errors ---- */

static void errors_of_quotes_name_the_line_where_the_record_starts(void **state)
{
    const char *after = "a,b\n1,2\n\"x\n\"y,2\n";
    const char *open = "a,b\n1,2\n\"x\n\n,\"z,2\n";
    struct mls_error err;

    (void)state;
    scan_error(after, strlen(after), NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 3);
    assert_string_equal(err.what, "text after a closing quote");

    scan_error("a,b\n1,\"2\" \n", 11, NULL, &err);
    assert_int_equal(err.line, 2);

    scan_error(open, strlen(open) - 1, NULL, &err);
    assert_int_equal(err.line, 3);

    scan_error("a,b\n1,2\n3,\"4\n5,6\n", 17, NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 3);
    assert_string_equal(err.what, "a quote is opened and never closed");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    const struct mls_dialect comma = { .delimiter = ',' };
    struct mls_error err;

    (void)state;
    scan_error("a,b\n1,2\n3,\0\n", 12, &comma, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 3);

    scan_error("a,b\ncaf\xe9,2\n", 11, &comma, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 2);
    assert_string_equal(err.what, "byte 0xE9 is not UTF-8");

    scan_error("\xff\xfe"
               "a\0,\0b\0",
               8, NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "UTF-16"));

    scan_error("", 0, NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.what, "the file is empty");
}

static void a_dialect_that_contradicts_itself_is_refused(void **state)
{
    const struct mls_dialect given[] = {
        { .delimiter = ',', .quote = ',' },  { .delimiter = '\n' },
        { .quote = '#', .comment = '#' },    { .decimal = 'x' },
        { .delimiter = '#', .comment = '#' }, { .escape = '\r' },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        struct mls_error err;

        assert_null(open_bytes("a,b\n", 4, &given[i], &err));
        assert_int_equal(err.code, MLS_USAGE);
    }
}

/* ---- against libcsv ---- */

/* All cells of a file, each with a mark behind it, as libcsv gives them. */
struct cells {
    char bytes[8192];
    size_t used;
};

static void add_bytes(struct cells *cells, const char *bytes, size_t length)
{
    assert_true(cells->used + length <= sizeof(cells->bytes));
    if (length > 0)
        memcpy(cells->bytes + cells->used, bytes, length);
    cells->used += length;
}

static void add_cell(void *bytes, size_t length, void *context)
{
    add_bytes(context, bytes, length);
    add_bytes(context, "|", 1);
}

static void add_row(int end, void *context)
{
    (void)end;
    add_bytes(context, "/", 1);
}

static int nothing_is_a_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void split_by_libcsv(const char *text, size_t length,
                            struct cells *cells)
{
    struct csv_parser parser;

    cells->used = 0;
    assert_int_equal(csv_init(&parser, 0), 0);
    csv_set_space_func(&parser, nothing_is_a_space);
    assert_int_equal(
        csv_parse(&parser, text, length, add_cell, add_row, cells), length);
    assert_int_equal(csv_fini(&parser, add_cell, add_row, cells), 0);
    csv_free(&parser);
}

/* False when the scanner refuses the text. */
static bool split_by_scanner(const char *text, size_t length,
                             struct cells *cells)
{
    const struct mls_dialect comma = { .delimiter = ',' };
    struct mls_error err;
    struct mls_scan *scan = open_bytes(text, length, &comma, &err);
    struct mls_record record;
    bool ok;

    cells->used = 0;
    assert_non_null(scan);
    while ((ok = mls_scan_next(scan, &record, &err)) && record.cells != NULL) {
        for (int64_t i = 0; i < record.count; i++) {
            add_bytes(cells, record.cells[i].bytes,
                      (size_t)record.cells[i].length);
            add_bytes(cells, "|", 1);
        }
        add_bytes(cells, "/", 1);
    }
    mls_scan_free(scan);
    return ok;
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Cells of letters, commas, quotes and line ends, quoted or bare by chance,
 * sometimes a stray quote. */
static size_t random_table(uint32_t *seed, char *text)
{
    static const char bare[] = "ab1. \"", quoted[] = "ab,\n\r ";
    size_t length = 0;

    memcpy(text, "h,k\n", 4);
    length = 4;
    for (int cell = 0, n = (int)(next_random(seed) % 20); cell < n; cell++) {
        int bytes = (int)(next_random(seed) % 5);

        if (next_random(seed) % 2 == 0) {
            text[length++] = '"';
            for (int i = 0; i < bytes; i++) {
                if (next_random(seed) % 4 == 0) {
                    text[length++] = '"';
                    text[length++] = '"';
                } else {
                    text[length++] = quoted[next_random(seed) % 6];
                }
            }
            text[length++] = '"';
            if (next_random(seed) % 40 == 0)
                text[length++] = 'x';
        } else {
            /* The first byte is no quote and the cell no blank line. */
            text[length++] = 'z';
            for (int i = 0; i < bytes; i++)
                text[length++] = bare[next_random(seed) % 6];
        }
        switch (next_random(seed) % 5) {
        case 0:
            text[length++] = '\r';
            text[length++] = '\n';
            break;
        case 1:
            text[length++] = next_random(seed) % 2 ? '\r' : '\n';
            break;
        default:
            text[length++] = ',';
        }
    }
    return length;
}

static void the_scanner_and_libcsv_split_alike(void **state)
{
    static struct cells ours, theirs;
    uint32_t seed = 20240531;
    int taken = 0, refused = 0;
    char text[1024];

    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t length = random_table(&seed, text);

        if (!split_by_scanner(text, length, &ours)) {
            refused++; /* libcsv has no errors to compare with */
            continue;
        }
        taken++;
        split_by_libcsv(text, length, &theirs);
        if (ours.used != theirs.used
            || memcmp(ours.bytes, theirs.bytes, ours.used) != 0)
            fail_msg("round %d: %.*s", round, (int)length, text);
    }
    assert_true(taken > 2000 && refused > 100);
}

static void nothing_leaks_when_memory_ends(void **state)
{
    const char *text = "a,b\n1,\"x \"\"y\"\", \n\"\n3,4\n";
    int64_t live = mls_memory_live();
    bool done = false;

    (void)state;
    for (int64_t n = 1; !done; n++) {
        struct test_file file = new_file(text);
        struct mls_error err = { 0 };
        const struct mls_dialect none = { 0 };
        struct mls_input *input = mls_input_open(file.path, true, &err);
        struct mls_scan *scan;
        struct mls_record record = { 0 };
        bool ok;

        assert_non_null(input);
        mls_memory_fail_at(n);
        scan = mls_scan_new(input, &none, NULL, &err);
        ok = scan != NULL;
        for (int i = 0; ok && i < 4; i++)
            ok = mls_scan_next(scan, &record, &err);
        done = mls_memory_count() < n;
        mls_memory_fail_at(0);
        if (!ok)
            assert_int_equal(err.code, MLS_LIMIT);
        assert_true(ok || !done);
        mls_scan_free(scan);
        remove_file(&file);
        assert_int_equal(mls_memory_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_of_csv_spectrum_reads_as_its_json_says),
        cmocka_unit_test(lines_are_counted_as_editors_do),
        cmocka_unit_test(a_blank_line_is_a_cell_when_there_is_one_column),
        cmocka_unit_test(empty_cells_at_the_ends_are_cells),
        cmocka_unit_test(spaces_are_kept),
        cmocka_unit_test(a_mark_comments_and_lines_to_skip_are_passed_over),
        cmocka_unit_test(an_escape_makes_the_next_byte_data),
        cmocka_unit_test(records_longer_than_the_window_are_whole),
        cmocka_unit_test(
            errors_of_quotes_name_the_line_where_the_record_starts),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_dialect_that_contradicts_itself_is_refused),
        cmocka_unit_test(the_scanner_and_libcsv_split_alike),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
