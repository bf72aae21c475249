#include "test.h"

#include "base/text.h"
#include "files.h"

static void the_first_wrong_row_is_refused_with_its_line_and_number(
    void **state)
{
    struct mls_error err;
    char text[2048];

    (void)state;
    must_fail("a,b,c\r\n1,2,\"x\r\ny\"\r\n\r\n1,2\r\n1,2,3\r\n", NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 5);
    assert_int_equal(err.row, 2);
    assert_string_equal(err.what, "the row has 2 cells, the header 3");
    assert_string_equal(err.fix, "correct the row, or pass --bad-rows=skip or "
                                 "--bad-rows=pad");
    assert_non_null(strstr(mls_error_text(&err, text, sizeof(text)),
                           ":5: row 2: the row has"));
    must_fail("a,b\n1,2\n1,2,3\n", NULL, &err);
    assert_string_equal(err.fix, "correct the row, or pass --bad-rows=skip");
    must_fail("a,b\n1,2\n\"x\"y,3\n", NULL, &err);
    assert_int_equal(err.line, 3);
    assert_int_equal(err.row, 2);
}

static void wrong_rows_can_be_skipped(void **state)
{
    const struct mls_read_options options = { .bad_rows = MLS_BAD_SKIP };
    struct mls_error err = { 0 };
    struct mls_table table;

    (void)state;
    must_read("a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n", &options, &table);
    assert_int_equal(table.rows, 3);
    assert_int_equal(table.counts.skipped_rows, 2);
    assert_true(real_at(&table, "b", 1) == 5);
    assert_int_equal(mls_table_line(&table, 2), 6);
    /* The number of the record is not known any more, its line is. */
    mls_fail(&err, MLS_DATA, "bad");
    assert_false(mls_table_fail_at(&table, 2, 1, &err));
    assert_int_equal(err.line, 6);
    assert_int_equal(err.row, 0);
    assert_string_equal(err.column, "b");
    mls_table_clear(&table);
}

static void skipped_rows_can_keep_their_place(void **state)
{
    const struct mls_read_options options = { .bad_rows = MLS_BAD_SKIP,
                                              .keep_skipped = true };
    struct mls_table table;

    (void)state;
    must_read("a,b,c\n1,2,x\n3\n4,5,y\n", &options, &table);
    assert_int_equal(table.rows, 3);
    assert_non_null(table.blocks[0]->skipped);
    assert_int_equal(table.blocks[0]->skipped[0], 0);
    assert_int_equal(table.blocks[0]->skipped[1], 1);
    assert_true(isnan(real_at(&table, "a", 1)));
    assert_string_equal(level_at(&table, "c", 1), "");
    assert_true(real_at(&table, "a", 2) == 4);
    mls_table_clear(&table);
}

static void short_rows_can_be_padded(void **state)
{
    const struct mls_read_options options = { .bad_rows = MLS_BAD_PAD };
    struct mls_error err;
    struct mls_table table;

    (void)state;
    must_read("a,b,c\n1,2,3\n4\n5,6,7,,\n", &options, &table);
    assert_int_equal(table.rows, 3);
    assert_int_equal(table.counts.padded_rows, 2);
    assert_true(real_at(&table, "a", 1) == 4);
    assert_true(isnan(real_at(&table, "c", 1)));
    assert_true(real_at(&table, "c", 2) == 7);
    mls_table_clear(&table);
    /* What does not fit is not thrown away. */
    must_fail("a,b\n1,2\n4,5,6\n", &options, &err);
    assert_int_equal(err.line, 3);
}

static void tables_without_content_are_refused(void **state)
{
    static const struct {
        const char *text, *what, *fix;
    } cases[] = {
        { "", "the file is empty", "header" },
        { "\n\r\n  \n", "the file is empty", "header" },
        { "a,b\n", "the table has a header but no rows", "--no-header" },
        { "a,b", "the table has a header but no rows", "--no-header" },
        { "a,b,a\n1,2,3\n", "two columns are named \"a\"", "rename" },
        { "a,\"a\"\n1,2\n", "two columns are named \"a\"", "rename" },
        { "a,c2,\n1,2,3\nx", "the row has 1 cell, the header 3", "correct" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mls_error err;

        must_fail(cases[i].text, NULL, &err);
        assert_int_equal(err.code, MLS_DATA);
        assert_string_equal(err.what, cases[i].what);
        assert_non_null(strstr(err.fix, cases[i].fix));
        assert_string_not_equal(err.file, "");
    }
}

static void a_name_has_a_limit(void **state)
{
    char *text = calloc(1, 65536 + 16);
    struct mls_error err;
    struct mls_table table;

    (void)state;
    assert_non_null(text);
    memset(text, 'n', 65536);
    memcpy(text + 65536, ",b\n1,2\n", 8);
    must_read(text, NULL, &table);
    assert_int_equal(strlen(table.schema.fields[0].name), 65536);
    mls_table_clear(&table);
    memcpy(text + 65536, "n,b\n1,2\n", 9);
    must_fail(text, NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.line, 1);
    assert_string_equal(err.what,
                        "the name of column 1 is longer than 65536 bytes");
    free(text);
}

/* What mls_note says during a reading. */
static void keep_note(void *context, enum mls_level level, const char *text)
{
    (void)level;
    mls_text_add(context, text);
    mls_text_add(context, "\n");
}

static void columns_without_a_name_get_their_number(void **state)
{
    const struct mls_read_options none = { 0 };
    struct test_file file = new_file("a,, \n1,2,3\n4,5,6\n");
    struct mls_text notes = { 0 };
    struct mls_run run = { .context = &notes, .message = keep_note };
    struct mls_error err = { 0 };
    struct mls_table table;

    (void)state;
    assert_true(mls_table_read(file.path, &none, &run, &table, &err));
    assert_string_equal(table.schema.fields[1].name, "c2");
    assert_string_equal(table.schema.fields[2].name, "c3");
    assert_non_null(strstr(notes.bytes, "2 columns have no name"));
    mls_table_clear(&table);
    mls_text_clear(&notes);
    remove_file(&file);
}

static void names_are_trimmed_and_numbers_as_names_are_noted(void **state)
{
    const struct mls_read_options none = { 0 };
    struct test_file file = new_file("1, 2.5\n1,2\n4,5\n");
    struct mls_text notes = { 0 };
    struct mls_run run = { .context = &notes, .message = keep_note };
    struct mls_error err = { 0 };
    struct mls_table table;

    (void)state;
    assert_true(mls_table_read(file.path, &none, &run, &table, &err));
    assert_string_equal(table.schema.fields[1].name, "2.5");
    assert_non_null(strstr(notes.bytes, "--no-header"));
    mls_table_clear(&table);
    mls_text_clear(&notes);
    remove_file(&file);
}

static void dates_that_fit_both_orders_are_noted(void **state)
{
    const struct mls_read_options none = { 0 };
    struct test_file file = new_file("a,b\n01/02/2024,13/02/2024\n"
                                     "03/04/2024,03/04/2024\n");
    struct mls_text notes = { 0 };
    struct mls_run run = { .context = &notes, .message = keep_note };
    struct mls_error err = { 0 };
    struct mls_table table;

    (void)state;
    assert_true(mls_table_read(file.path, &none, &run, &table, &err));
    assert_int_equal(field_of(&table, "a")->date_form, MLS_DATE_DAY_MONTH);
    assert_non_null(strstr(notes.bytes, "column \"a\" fit both"));
    assert_null(strstr(notes.bytes, "column \"b\""));
    mls_table_clear(&table);
    mls_text_clear(&notes);
    remove_file(&file);
}

static void a_table_may_have_no_header(void **state)
{
    const struct mls_read_options options = { .dialect.no_header = true };
    struct mls_table table;

    (void)state;
    must_read("1;a\n2;b\n", &options, &table);
    assert_int_equal(table.rows, 2);
    assert_int_equal(table.dialect.delimiter, ';');
    assert_true(real_at(&table, "c1", 0) == 1);
    assert_string_equal(level_at(&table, "c2", 1), "b");
    assert_int_equal(mls_table_line(&table, 0), 1);
    mls_table_clear(&table);
}

static void quoting_never_changes_a_value(void **state)
{
    struct mls_table bare, quoted;

    (void)state;
    must_read("n,c,d,m\n1,x,2024-05-31,NA\n2.5, y,2024-06-01,3\n", NULL,
              &bare);
    must_read("\"n\",\"c\",\"d\",\"m\"\n\"1\",\"x\",\"2024-05-31\",\"NA\"\n"
              "\"2.5\",\" y\",\"2024-06-01\",\"3\"\n",
              NULL, &quoted);
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(bare.schema.fields[i].kind,
                         quoted.schema.fields[i].kind);
        for (int64_t row = 0; row < 2; row++) {
            const char *name = bare.schema.fields[i].name;
            double a = real_at(&bare, name, row);
            double b = real_at(&quoted, name, row);

            assert_true(a == b || (isnan(a) && isnan(b)));
        }
    }
    assert_string_equal(level_at(&quoted, "c", 1), " y");
    mls_table_clear(&bare);
    mls_table_clear(&quoted);
}

static void decimal_commas_are_read(void **state)
{
    struct mls_table table;

    (void)state;
    must_read("a;b\n1,5;x\n-2,25;y\n", NULL, &table);
    assert_int_equal(field_of(&table, "a")->kind, MLS_KIND_REAL);
    assert_true(real_at(&table, "a", 1) == -2.25);
    assert_int_equal(table.dialect.decimal, ',');
    mls_table_clear(&table);
}

/* ---- with a schema ---- */

#define TRAINING \
    "n,c,t,d,y\n1,red,the first of all,2024-05-31,0.5\n" \
    "2,blue,and then another one,2024-06-01,1.5\n" \
    "4,red,at last a third,2024-06-02,0.25\n"

/* A training table, its column y the target. */
static void train(struct mls_table *table)
{
    const struct mls_roles roles = { .target = "y" };
    struct mls_error err = { 0 };

    must_read(TRAINING, NULL, table);
    assert_true(mls_schema_set_roles(&table->schema, &roles, &err));
    assert_int_equal(field_of(table, "t")->kind, MLS_KIND_TEXT);
}

static void columns_are_matched_by_name_in_any_order(void **state)
{
    struct mls_table training, table;
    struct mls_read_options options = { 0 };
    const struct mls_column *text;

    (void)state;
    train(&training);
    options.schema = &training.schema;
    must_read("extra|d|t|c|n|more\n9|2024-06-02|some words|green|7|8\n"
              "9|2024-06-01||red|2.5|8\n",
              &options, &table);
    assert_int_equal(table.schema.count, 5);
    assert_int_equal(table.counts.extra_columns, 2);
    assert_int_equal(table.counts.unknown, 1);
    assert_true(real_at(&table, "n", 0) == 7);
    assert_true(real_at(&table, "n", 1) == 2.5);
    assert_string_equal(level_at(&table, "c", 0), "");
    assert_string_equal(level_at(&table, "c", 1), "red");
    assert_true(real_at(&table, "d", 0) == 1717286400);
    assert_true(isnan(real_at(&table, "y", 0)));
    text = table.blocks[0]->columns[2];
    assert_int_equal(text->storage, MLS_STORE_TEXT);
    assert_int_equal(text->text.offset[1], 10);
    assert_int_equal(text->text.offset[2], 10);
    assert_memory_equal(text->text.bytes, "some words", 10);
    mls_table_clear(&table);
    mls_table_clear(&training);
}

static void what_does_not_fit_the_schema_is_refused(void **state)
{
    struct mls_table training;
    struct mls_read_options options = { 0 };
    struct mls_error err;

    (void)state;
    train(&training);
    options.schema = &training.schema;
    must_fail("N,c,t,d\n1,red,x,2024-05-31\n", &options, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(err.what, "there is no column \"n\"");
    must_fail("n,c,t,day,d,n\n1,red,x,y,2024-05-31,5\n", &options, &err);
    assert_string_equal(err.what, "two columns are named \"n\"");
    must_fail("d,t,c,n\n2024-05-31,x,red,1\nnever,x,red,4O\n", &options,
              &err);
    assert_int_equal(err.row, 2);
    assert_string_equal(err.column, "d"); /* the first in the file */
    must_fail("n,d,t,c\n4O,2024-05-31,x,red\n", &options, &err);
    assert_string_equal(err.what, "\"4O\" is not a number");
    assert_string_equal(err.fix, "correct the cell, or pass --na=4O");

    options.need_all = true;
    must_fail("n,c,t,d\n1,red,x,2024-05-31\n", &options, &err);
    assert_string_equal(err.what, "there is no column \"y\"");
    options.need_all = false;
    options.unknown_is_error = true;
    must_fail("n,c,t,d\n1,red,x,2024-05-31\n1,green,x,2024-05-31\n", &options,
              &err);
    assert_int_equal(err.line, 3);
    assert_string_equal(err.what,
                        "\"green\" is a category never seen in training");
    mls_table_clear(&training);
}

static void ignored_columns_cannot_be_wrong(void **state)
{
    struct mls_table training, table;
    struct mls_read_options options = { .unknown_is_error = true };

    (void)state;
    train(&training);
    training.schema.fields[0].role = MLS_ROLE_IGNORED;
    training.schema.fields[1].role = MLS_ROLE_ID;
    options.schema = &training.schema;
    must_read("n,c,t,d\n4O,green,x,2024-05-31\n", &options, &table);
    assert_int_equal(table.counts.unknown, 0);
    assert_true(isnan(real_at(&table, "n", 0)));
    mls_table_clear(&table);
    mls_table_clear(&training);
}

static void a_header_alone_is_no_rows_when_the_schema_is_known(void **state)
{
    struct mls_table training, table;
    struct mls_read_options options = { 0 };

    (void)state;
    train(&training);
    options.schema = &training.schema;
    must_read("n,c,t,d\n", &options, &table);
    assert_int_equal(table.rows, 0);
    assert_int_equal(table.block_count, 0);
    mls_table_clear(&table);
    mls_table_clear(&training);
}

/* ---- streams ---- */

/* A table of rows rows; every column a function of the row. */
static void many_rows(struct mls_text *text, int rows)
{
    mls_text_add(text, "i,r,c,t\n");
    for (int i = 0; i < rows; i++)
        mls_text_format(text, "%d,%d.25,%s,%s%d\n", i, i * 7 % 1000,
                        i % 3 == 0 ? "\"x, y\"" : "z",
                        i % 5 ? "" : "a long text of some words ", i);
}

static void blocks_of_any_size_hold_the_same_rows(void **state)
{
    enum { ROWS = 40000 };
    static const int64_t sizes[] = { 1000, 0, 16384, 7 };
    struct mls_text text = { 0 };
    struct mls_error err = { 0 };
    struct test_file file;

    (void)state;
    many_rows(&text, ROWS);
    file = new_file(text.bytes);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        const struct mls_read_options options = { .block_rows = sizes[s],
                                                  .text = "t" };
        struct mls_reader *r =
            mls_reader_open(file.path, &options, NULL, &err);
        struct mls_block *block;
        int64_t row = 0;

        assert_non_null(r);
        for (int round = 0; round < 2; round++) {
            for (row = 0;;) {
                assert_true(mls_reader_next(r, &block, &err));
                if (block == NULL)
                    break;
                assert_true(block->first_row == row);
                assert_true(sizes[s] == 0 || block->rows <= sizes[s]);
                for (int64_t i = 0; i < block->rows; i++, row++) {
                    assert_true(block->columns[0]->real[i] == (double)row);
                    assert_true(block->columns[1]->real[i]
                                == (double)(row * 7 % 1000) + 0.25);
                    assert_int_equal(block->columns[2]->code[i],
                                     row % 3 != 0);
                    assert_int_equal(block->line[i], row + 2);
                }
                mls_block_free(block);
            }
            assert_int_equal(row, ROWS);
            assert_int_equal(mls_reader_counts(r)->rows, ROWS);
            assert_int_equal(mls_reader_counts(r)->bytes, text.length);
            assert_true(mls_reader_rewind(r, &err));
        }
        mls_reader_close(r);
    }
    remove_file(&file);
    mls_text_clear(&text);
}

static void a_known_schema_streams_in_constant_memory(void **state)
{
    enum { ROWS = 100000 };
    struct mls_text text = { 0 };
    struct mls_table training;
    struct mls_read_options options = { 0 };
    struct mls_error err = { 0 };
    struct test_file file;
    struct mls_reader *r;
    struct mls_block *block;
    int64_t before, most = 0, rows = 0;

    (void)state;
    many_rows(&text, ROWS);
    file = new_file(text.bytes);
    mls_text_clear(&text);
    many_rows(&text, 30);
    must_read(text.bytes, NULL, &training);
    mls_text_clear(&text);
    training.schema.fields[0].role = MLS_ROLE_FEATURE;
    training.schema.fields[3].role = MLS_ROLE_IGNORED;
    options.schema = &training.schema;

    before = mls_memory_used();
    r = mls_reader_open(file.path, &options, NULL, &err);
    assert_non_null(r);
    while (mls_reader_next(r, &block, &err) && block != NULL) {
        if (mls_memory_used() - before > most)
            most = mls_memory_used() - before;
        rows += block->rows;
        mls_block_free(block);
    }
    assert_int_equal(rows, ROWS);
    assert_true(most < 4 << 20);
    mls_reader_close(r);
    mls_table_clear(&training);
    remove_file(&file);
}

static void long_texts_make_short_blocks(void **state)
{
    const struct mls_read_options options = { .text = "t" };
    struct mls_text text = { 0 };
    struct mls_table table;

    (void)state;
    mls_text_add(&text, "n,t\n");
    for (int i = 0; i < 400; i++) {
        mls_text_format(&text, "%d,", i % 7);
        for (int k = 0; k < 1000; k++)
            mls_text_add(&text, "0123456789");
        mls_text_format(&text, "%d\n", i);
    }
    must_read(text.bytes, &options, &table);
    assert_int_equal(table.rows, 400);
    assert_true(table.block_count >= 3);
    for (int64_t b = 0; b < table.block_count; b++) {
        const struct mls_block *block = table.blocks[b];

        assert_true(block->columns[1]->text.offset[block->rows] < 2 << 20);
        for (int64_t i = 0; i < block->rows; i++) {
            int64_t row = block->first_row + i;
            int64_t digits = row < 10 ? 1 : row < 100 ? 2 : 3;

            assert_true(block->columns[0]->real[i] == (double)(row % 7));
            assert_int_equal(block->columns[1]->text.offset[i + 1]
                                 - block->columns[1]->text.offset[i],
                             10000 + digits);
        }
    }
    mls_table_clear(&table);
    mls_text_clear(&text);
}

static void nothing_leaks_when_memory_ends(void **state)
{
    const struct mls_read_options plain = { .dialect.na = "-", .text = "q" };
    struct mls_table training;
    int64_t live;

    (void)state;
    train(&training);
    live = mls_memory_live();
    for (int given = 0; given < 2; given++) {
        struct mls_read_options options = plain;
        struct test_file file =
            new_file("n,c,t,d,q\n1,red,\"w, x\",2024-05-31,z\n2,,v,,"
                     "\"p q\"\n-,blue,u,,r\n");
        bool done = false;

        if (given)
            options = (struct mls_read_options){ .dialect.na = "-",
                                                 .schema = &training.schema };
        for (int64_t n = 1; !done; n++) {
            struct mls_error err = { 0 };
            struct mls_table table;
            bool ok;

            mls_memory_fail_at(n);
            ok = mls_table_read(file.path, &options, NULL, &table, &err);
            done = mls_memory_count() < n;
            mls_memory_fail_at(0);
            if (ok)
                mls_table_clear(&table);
            else if (err.code != MLS_LIMIT)
                fail_msg("allocation %d: %s", (int)n, err.what);
            assert_true(ok || !done);
            assert_int_equal(mls_memory_live(), live);
        }
        remove_file(&file);
    }
    mls_table_clear(&training);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_first_wrong_row_is_refused_with_its_line_and_number),
        cmocka_unit_test(wrong_rows_can_be_skipped),
        cmocka_unit_test(skipped_rows_can_keep_their_place),
        cmocka_unit_test(short_rows_can_be_padded),
        cmocka_unit_test(tables_without_content_are_refused),
        cmocka_unit_test(a_name_has_a_limit),
        cmocka_unit_test(columns_without_a_name_get_their_number),
        cmocka_unit_test(names_are_trimmed_and_numbers_as_names_are_noted),
        cmocka_unit_test(dates_that_fit_both_orders_are_noted),
        cmocka_unit_test(a_table_may_have_no_header),
        cmocka_unit_test(quoting_never_changes_a_value),
        cmocka_unit_test(decimal_commas_are_read),
        cmocka_unit_test(columns_are_matched_by_name_in_any_order),
        cmocka_unit_test(what_does_not_fit_the_schema_is_refused),
        cmocka_unit_test(ignored_columns_cannot_be_wrong),
        cmocka_unit_test(a_header_alone_is_no_rows_when_the_schema_is_known),
        cmocka_unit_test(blocks_of_any_size_hold_the_same_rows),
        cmocka_unit_test(a_known_schema_streams_in_constant_memory),
        cmocka_unit_test(long_texts_make_short_blocks),
        cmocka_unit_test(nothing_leaks_when_memory_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
