#include "test.h"

#include "base/text.h"
#include "files.h"

/* Kind and trait of a column of these cells, which '/' separates. */
static struct mls_field infer_one(const char *cells,
                                  const struct mls_read_options *options)
{
    struct mls_error err = { 0 };
    struct mls_table table;
    struct mls_text text = { 0 };
    struct mls_field field;

    /* A second column, so that an empty cell is not a blank line. */
    mls_text_add(&text, "x,y\n");
    for (const char *p = cells;; p++) {
        size_t length = strcspn(p, "/");

        mls_text_add_bytes(&text, p, length);
        mls_text_add(&text, ",1\n");
        p += length;
        if (*p == '\0')
            break;
    }
    assert_true(mls_text_ok(&text, &err));
    must_read(text.bytes, options, &table);
    field = *field_of(&table, "x");
    field.dictionary = NULL;
    field.name = NULL;
    mls_table_clear(&table);
    mls_text_clear(&text);
    return field;
}

static void kinds_follow_from_all_cells(void **state)
{
    static const struct {
        const char *cells;
        enum mls_kind kind;
        int64_t missing;
    } cases[] = {
        { "1/2/3", MLS_KIND_INTEGER, 0 },
        { "-1/+2/0", MLS_KIND_INTEGER, 0 },
        { "1/2.5/3", MLS_KIND_REAL, 0 },
        { "1.0/2.0", MLS_KIND_REAL, 0 },
        { "1e3/2", MLS_KIND_REAL, 0 },
        { " 1/2 /NA//?", MLS_KIND_INTEGER, 3 },
        { "1/a/2", MLS_KIND_CATEGORY, 0 },
        { "007/008", MLS_KIND_CATEGORY, 0 },
        { "08123/12345", MLS_KIND_CATEGORY, 0 },
        { "0/0.5/00.25", MLS_KIND_REAL, 0 },
        { "9007199254740992/1", MLS_KIND_INTEGER, 0 },
        { "9007199254740993/1", MLS_KIND_CATEGORY, 0 },
        { "-9007199254740993/1", MLS_KIND_CATEGORY, 0 },
        { "1e300/9007199254740993", MLS_KIND_REAL, 0 },
        { "yes/no/yes", MLS_KIND_BOOLEAN, 0 },
        { "True/False/", MLS_KIND_BOOLEAN, 1 },
        { "T/F", MLS_KIND_BOOLEAN, 0 },
        { "n/y", MLS_KIND_BOOLEAN, 0 },
        { "Yes/no", MLS_KIND_CATEGORY, 0 },
        { "yes/no/maybe", MLS_KIND_CATEGORY, 0 },
        { "true/no", MLS_KIND_CATEGORY, 0 },
        { "2024-05-31/2024-06-01/", MLS_KIND_DATE, 1 },
        { "2024-05-31/2024-06-01T10:00Z", MLS_KIND_DATE, 0 },
        { "2024-05-31/soon/2024-06-01", MLS_KIND_CATEGORY, 0 },
        { "2024-05-31/5/2024-06-01", MLS_KIND_CATEGORY, 0 },
        { "1000 EUR/2000 EUR", MLS_KIND_CATEGORY, 0 },
        { "inf/1/2", MLS_KIND_CATEGORY, 0 },
        { "0x10/0x11", MLS_KIND_CATEGORY, 0 },
        { "a b c d/e f g h/i j k l", MLS_KIND_TEXT, 0 },
        { "a b c d/a b c d/a b c d/e f g h", MLS_KIND_CATEGORY, 0 },
        { "a b c/e f g/i j k", MLS_KIND_CATEGORY, 0 },
        { "a b c d/e f g h/NA/x", MLS_KIND_TEXT, 1 },
        { "//", MLS_KIND_REAL, 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mls_field field = infer_one(cases[i].cells, NULL);

        if (field.kind != cases[i].kind || field.missing != cases[i].missing)
            fail_msg("%s: %s, %d missing", cases[i].cells,
                     mls_kind_name(field.kind), (int)field.missing);
    }
}

static void dates_have_one_form_that_all_cells_fit(void **state)
{
    (void)state;
    assert_int_equal(infer_one("31/05/2024/", NULL).kind, MLS_KIND_CATEGORY);
    /* The cells of infer_one are cut at '/', so these use other marks. */
    assert_int_equal(infer_one("31-05-2024/01-02-2024", NULL).date_form,
                     MLS_DATE_DAY_MONTH);
    assert_int_equal(infer_one("05-31-2024/01-02-2024", NULL).date_form,
                     MLS_DATE_MONTH_DAY);
    assert_int_equal(infer_one("01-02-2024", NULL).date_form,
                     MLS_DATE_DAY_MONTH);
    assert_int_equal(infer_one("31.05.2024/05.31.2024", NULL).kind,
                     MLS_KIND_CATEGORY);
    assert_int_equal(infer_one("2024-05-31/31-05-2024", NULL).kind,
                     MLS_KIND_CATEGORY);
    assert_false(infer_one("2024-05-31", NULL).date_has_time);
    assert_true(infer_one("2024-05-31/2024-05-31 10:00", NULL).date_has_time);
}

/* rows cells: numbers, but every k-th a word. */
static void numbers_with_words(struct mls_text *text, int rows, int k)
{
    mls_text_add(text, "x,y\n");
    for (int i = 1; i <= rows; i++)
        mls_text_format(text, i % k == 0 ? "word%d,1\n" : "%d,2\n", i);
}

static void nine_tenths_of_numbers_make_the_rest_wrong(void **state)
{
    struct mls_text ten = { 0 }, nine = { 0 };
    struct mls_table table;
    struct mls_error err;

    (void)state;
    numbers_with_words(&ten, 100, 10);
    numbers_with_words(&nine, 99, 9);
    must_fail(ten.bytes, NULL, &err);
    assert_int_equal(err.code, MLS_DATA);
    assert_int_equal(err.row, 10);
    assert_int_equal(err.line, 11);
    assert_string_equal(err.column, "x");
    assert_string_equal(err.what, "\"word10\" is not a number");
    assert_string_equal(err.fix,
                        "correct the cell, or pass --na=word10 or "
                        "--categorical=x");
    must_read(nine.bytes, NULL, &table);
    assert_int_equal(field_of(&table, "x")->kind, MLS_KIND_CATEGORY);
    /* Also the numbers are levels then, in byte order. */
    assert_int_equal(field_of(&table, "x")->dictionary->count, 99);
    assert_string_equal(level_at(&table, "x", 0), "1");
    assert_string_equal(level_at(&table, "x", 8), "word9");
    mls_table_clear(&table);
    mls_text_clear(&ten);
    mls_text_clear(&nine);
}

static void describe_counts_wrong_cells_instead(void **state)
{
    const struct mls_read_options options = { .list_errors = true };
    struct mls_text text = { 0 };
    struct mls_table table;

    (void)state;
    numbers_with_words(&text, 100, 20);
    must_read(text.bytes, &options, &table);
    assert_int_equal(table.counts.wrong_cells, 5);
    assert_int_equal(field_of(&table, "x")->kind, MLS_KIND_INTEGER);
    assert_int_equal(field_of(&table, "x")->missing, 5);
    assert_true(isnan(real_at(&table, "x", 19)));
    assert_true(real_at(&table, "x", 20) == 21);
    mls_table_clear(&table);
    mls_text_clear(&text);
}

static void the_earliest_wrong_cell_is_reported(void **state)
{
    struct mls_text text = { 0 };
    struct mls_error err;

    (void)state;
    mls_text_add(&text, "a,b,c\n");
    for (int i = 1; i <= 60; i++)
        mls_text_format(&text, "%s,%s,%s\n", i == 40 ? "late" : "1",
                        i == 30 ? "first" : "2", i == 30 ? "beside" : "3");
    must_fail(text.bytes, NULL, &err);
    assert_int_equal(err.row, 30);
    assert_string_equal(err.column, "b");
    mls_text_clear(&text);
}

static void the_user_decides_kinds(void **state)
{
    const struct mls_read_options categorical = { .categorical = "x" };
    const struct mls_read_options numeric = { .numeric = "x" };
    const struct mls_read_options text = { .text = "x" };
    const struct mls_read_options both = { .text = "x", .numeric = "*" };
    const struct mls_read_options unknown = { .text = "xx" };
    struct mls_field field;
    struct mls_error err;

    (void)state;
    assert_int_equal(infer_one("1/2/3", &categorical).kind,
                     MLS_KIND_CATEGORY);
    assert_int_equal(infer_one("yes/no", &categorical).kind,
                     MLS_KIND_CATEGORY);
    assert_int_equal(infer_one("007/008", &numeric).kind, MLS_KIND_INTEGER);
    assert_int_equal(infer_one("1/9007199254740993", &numeric).kind,
                     MLS_KIND_REAL);
    assert_int_equal(infer_one("1/2", &text).kind, MLS_KIND_TEXT);
    field = infer_one("1/1/1", &categorical);
    assert_int_equal(field.trait, MLS_TRAIT_CONSTANT);
    assert_int_equal(field.role, MLS_ROLE_FEATURE);

    must_fail("x,y\na,1\nb,2\n3,4\n", &numeric, &err);
    assert_string_equal(err.what, "\"a\" is not a number");
    assert_string_equal(err.fix, "correct the cell, or pass --na=a");
    must_fail("x,y\n1,2\n", &both, &err);
    assert_int_equal(err.code, MLS_USAGE);
    must_fail("x,y\n1,2\n", &unknown, &err);
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(err.what, "--text: there is no column \"xx\"");
}

static void columns_that_number_rows_are_identifiers(void **state)
{
    struct mls_text text = { 0 };
    struct mls_table table;

    (void)state;
    mls_text_add(&text, "zero,one,two,gap,name,short,twice,mixed,n\n");
    for (int i = 0; i < 20; i++)
        mls_text_format(&text, "%d,%d,%d,%d,id-%d,%s,%s%d,%s%d,%d\n", i,
                        i + 1, i + 2, i + (i > 10), i, i < 19 ? "a" : "",
                        "t", i / 2, i == 3 ? "" : "m", i == 3 ? 1 : i,
                        i * 2 % 7);
    must_read(text.bytes, NULL, &table);
    assert_int_equal(field_of(&table, "zero")->trait, MLS_TRAIT_IDENTIFIER);
    assert_int_equal(field_of(&table, "zero")->role, MLS_ROLE_IGNORED);
    assert_int_equal(field_of(&table, "one")->trait, MLS_TRAIT_IDENTIFIER);
    assert_int_equal(field_of(&table, "two")->trait, MLS_TRAIT_NONE);
    assert_int_equal(field_of(&table, "gap")->trait, MLS_TRAIT_NONE);
    assert_int_equal(field_of(&table, "gap")->role, MLS_ROLE_FEATURE);
    assert_int_equal(field_of(&table, "name")->trait, MLS_TRAIT_IDENTIFIER);
    assert_int_equal(field_of(&table, "name")->role, MLS_ROLE_IGNORED);
    assert_int_equal(field_of(&table, "twice")->trait, MLS_TRAIT_NONE);
    assert_int_equal(field_of(&table, "mixed")->trait, MLS_TRAIT_IDENTIFIER);
    assert_int_equal(field_of(&table, "n")->trait, MLS_TRAIT_NONE);
    mls_table_clear(&table);
    mls_text_clear(&text);

    /* Nineteen rows prove nothing. */
    mls_text_add(&text, "one,name\n");
    for (int i = 0; i < 19; i++)
        mls_text_format(&text, "%d,id-%d\n", i + 1, i);
    must_read(text.bytes, NULL, &table);
    assert_int_equal(field_of(&table, "one")->trait, MLS_TRAIT_NONE);
    assert_int_equal(field_of(&table, "name")->trait, MLS_TRAIT_NONE);
    mls_table_clear(&table);
    mls_text_clear(&text);
}

static void one_value_is_a_constant_unless_some_are_missing(void **state)
{
    (void)state;
    assert_int_equal(infer_one("1/1.0/1e0", NULL).trait, MLS_TRAIT_CONSTANT);
    assert_int_equal(infer_one("a/a", NULL).trait, MLS_TRAIT_CONSTANT);
    assert_int_equal(infer_one("2024-05-31/2024-05-31", NULL).trait,
                     MLS_TRAIT_CONSTANT);
    assert_int_equal(infer_one("//", NULL).trait, MLS_TRAIT_CONSTANT);
    assert_int_equal(infer_one("//", NULL).role, MLS_ROLE_IGNORED);
    assert_int_equal(infer_one("1//1", NULL).trait, MLS_TRAIT_NONE);
    assert_int_equal(infer_one("a/NA/a", NULL).trait, MLS_TRAIT_NONE);
    assert_int_equal(infer_one("1/2", NULL).trait, MLS_TRAIT_NONE);
}

/* Long enough that strings are dropped on the way, and wanted after all. */
static void a_column_may_change_its_look(void **state)
{
    struct mls_text text = { 0 };
    struct mls_table table;

    (void)state;
    mls_text_add(&text, "late,words,dates,n\n");
    for (int i = 0; i < 3000; i++) {
        if (i < 1200) /* numbers, different sentences, dates */
            mls_text_format(&text, "%d,one two three four %d,2024-05-31,%d\n",
                            i, i, i % 13);
        else /* words, the same word, a word */
            mls_text_format(&text, "w%d,same,never,%d\n", i % 7, i % 13);
    }
    must_read(text.bytes, NULL, &table);
    assert_int_equal(field_of(&table, "late")->kind, MLS_KIND_CATEGORY);
    assert_int_equal(field_of(&table, "late")->dictionary->count, 1207);
    assert_int_equal(field_of(&table, "words")->kind, MLS_KIND_CATEGORY);
    assert_int_equal(field_of(&table, "words")->dictionary->count, 1201);
    assert_string_equal(level_at(&table, "words", 7), "one two three four 7");
    assert_int_equal(field_of(&table, "dates")->kind, MLS_KIND_CATEGORY);
    assert_int_equal(field_of(&table, "dates")->dictionary->count, 2);
    assert_string_equal(level_at(&table, "dates", 0), "2024-05-31");
    mls_table_clear(&table);
    mls_text_clear(&text);
}

static void missing_tokens_can_be_added(void **state)
{
    const struct mls_read_options options = {
        .dialect.na = "-999,unknown,\"a,b\""
    };
    struct mls_table table;

    (void)state;
    must_read("x,y,z\n-999,unknown,\"a,b\"\n5,1,2\n7,-999,3\n9.5,,x\n8,2,y\n",
              &options, &table);
    assert_int_equal(field_of(&table, "x")->kind, MLS_KIND_REAL);
    assert_int_equal(field_of(&table, "x")->missing, 1);
    assert_int_equal(field_of(&table, "y")->kind, MLS_KIND_INTEGER);
    assert_int_equal(field_of(&table, "y")->missing, 3);
    assert_int_equal(field_of(&table, "z")->kind, MLS_KIND_CATEGORY);
    assert_int_equal(field_of(&table, "z")->missing, 1);
    assert_true(isnan(real_at(&table, "x", 0)));
    mls_table_clear(&table);
}

static void a_schema_file_gives_kinds_and_roles(void **state)
{
    struct test_file file = new_file(
        "{\"columns\":[{\"name\":\"a\",\"kind\":\"category\"},"
        "{\"name\":\"b\",\"kind\":\"real\",\"role\":\"weight\"},"
        "{\"name\":\"d\",\"kind\":\"date\",\"date_form\":\"month/day\"}]}");
    const struct mls_read_options options = { .schema_file = file.path };
    struct mls_table table;
    struct mls_error err;

    (void)state;
    must_read("a,b,c,d\n1,1,x,01/02/2024\n2,2,y,03/04/2024\n", &options,
              &table);
    assert_int_equal(field_of(&table, "a")->kind, MLS_KIND_CATEGORY);
    assert_int_equal(field_of(&table, "b")->kind, MLS_KIND_REAL);
    assert_int_equal(field_of(&table, "b")->role, MLS_ROLE_WEIGHT);
    assert_int_equal(field_of(&table, "c")->kind, MLS_KIND_CATEGORY);
    assert_int_equal(field_of(&table, "d")->date_form, MLS_DATE_MONTH_DAY);
    mls_table_clear(&table);
    must_fail("a,b,c,d\n1,1,x,01/02/2024\n2,2,y,13/04/2024\n", &options,
              &err);
    assert_int_equal(err.row, 2);
    assert_string_equal(err.what, "\"13/04/2024\" is not a date of the form "
                                  "given");
    must_fail("a,b,c\n1,1,x\n", &options, &err);
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(err.what, "--schema: there is no column \"d\"");
    remove_file(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_follow_from_all_cells),
        cmocka_unit_test(dates_have_one_form_that_all_cells_fit),
        cmocka_unit_test(nine_tenths_of_numbers_make_the_rest_wrong),
        cmocka_unit_test(describe_counts_wrong_cells_instead),
        cmocka_unit_test(the_earliest_wrong_cell_is_reported),
        cmocka_unit_test(the_user_decides_kinds),
        cmocka_unit_test(columns_that_number_rows_are_identifiers),
        cmocka_unit_test(one_value_is_a_constant_unless_some_are_missing),
        cmocka_unit_test(a_column_may_change_its_look),
        cmocka_unit_test(missing_tokens_can_be_added),
        cmocka_unit_test(a_schema_file_gives_kinds_and_roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
