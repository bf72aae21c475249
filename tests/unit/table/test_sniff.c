#include "test.h"

#include "files.h"
#include "table/csv_scan.h"

static struct mls_dialect sniff_with(const char *text,
                                     const struct mls_dialect *given,
                                     const struct mls_schema *names)
{
    const struct mls_dialect none = { 0 };
    struct mls_dialect dialect;
    struct mls_error err = { 0 };

    if (!mls_sniff(text, strlen(text), given != NULL ? given : &none, names,
                   &dialect, &err))
        fail_msg("%s", err.what);
    return dialect;
}

static char delimiter_of(const char *text)
{
    return sniff_with(text, NULL, NULL).delimiter;
}

static void the_delimiter_is_the_one_that_makes_a_table(void **state)
{
    (void)state;
    assert_int_equal(delimiter_of("a,b,c\n1,2,3\n"), ',');
    assert_int_equal(delimiter_of("a;b;c\n1;2;3\n"), ';');
    assert_int_equal(delimiter_of("a\tb\tc\n1\t2\t3\n"), '\t');
    assert_int_equal(delimiter_of("a|b|c\n1|2|3\n"), '|');
    assert_int_equal(delimiter_of("a\n1\n2\n"), ',');
    assert_int_equal(delimiter_of("a;b"), ';');
    assert_int_equal(delimiter_of(""), ',');
}

static void commas_in_numbers_and_text_mislead_nobody(void **state)
{
    (void)state;
    assert_int_equal(delimiter_of("a;b;c\n1,5;2,5;3\n4,5;5;6,5\n"), ';');
    assert_int_equal(delimiter_of("name, surname;age\nx;1\ny;2\n"), ';');
    assert_int_equal(delimiter_of("a,b\n\"1;2\",3\n\"4;5\",6\n"), ',');
    assert_int_equal(delimiter_of("text\none, two\nthree\n"), ',');
    /* One ragged row does not change the delimiter. */
    assert_int_equal(delimiter_of("a;b;c\n1;2;3\n1;2\n1;2;3\n"), ';');
    /* A quoted header that holds another candidate. */
    assert_int_equal(delimiter_of("\"a;b;c;d\",e\n1,2\n"), ',');
}

static void a_comma_is_the_decimal_mark_when_cells_say_so(void **state)
{
    (void)state;
    assert_int_equal(sniff_with("a;b\n1,5;2\n", NULL, NULL).decimal, ',');
    assert_int_equal(sniff_with("a;b\n1.5;2\n", NULL, NULL).decimal, '.');
    assert_int_equal(sniff_with("a;b\n1;2\n", NULL, NULL).decimal, '.');
    assert_int_equal(sniff_with("a;b\n1,5;2.5\n1,5;x\n", NULL, NULL).decimal,
                     ',');
    assert_int_equal(sniff_with("a\tb\n1,5\t2\n", NULL, NULL).decimal, '.');
    assert_int_equal(sniff_with("a,b\n1.5,2\n", NULL, NULL).decimal, '.');
}

static void what_is_given_stays(void **state)
{
    const struct mls_dialect given = { .delimiter = ':', .quote = '\'',
                                       .decimal = ',' };
    const struct mls_dialect skip = { .skip_rows = 1, .comment = '#' };
    struct mls_dialect dialect =
        sniff_with("a:b,c,d\n1:2,3,4\n", &given, NULL);

    (void)state;
    assert_int_equal(dialect.delimiter, ':');
    assert_int_equal(dialect.quote, '\'');
    assert_int_equal(dialect.decimal, ',');
    dialect = sniff_with("x,y,z\n#p,q,r\na;b\n1;2\n", &skip, NULL);
    assert_int_equal(dialect.delimiter, ';');
    assert_int_equal(dialect.quote, '"');
    assert_int_equal(dialect.skip_rows, 1);
}

static void a_line_that_names_the_delimiter_is_believed_and_skipped(void **state)
{
    const struct mls_dialect given = { .delimiter = ',' };
    const struct mls_dialect skipped = { .skip_rows = 2 };
    struct mls_dialect d;

    (void)state;
    d = sniff_with("sep=:\r\na:b\r\n1:2\r\n", NULL, NULL);
    assert_int_equal(d.delimiter, ':');
    assert_int_equal(d.skip_rows, 1);
    d = sniff_with("\xef\xbb\xbfSEP=;\na;b\n1,5;2\n", NULL, NULL);
    assert_int_equal(d.delimiter, ';');
    assert_int_equal(d.decimal, ',');
    d = sniff_with("sep=;\na,b\n1,2\n", &given, NULL);
    assert_int_equal(d.delimiter, ',');
    assert_int_equal(d.skip_rows, 1);
    d = sniff_with("sep=;\n\na,b\n1,2\n", &skipped, NULL);
    assert_int_equal(d.delimiter, ',');
    assert_int_equal(d.skip_rows, 2);
    assert_int_equal(sniff_with("sep=,b\n1,2\n", NULL, NULL).skip_rows, 0);
    assert_int_equal(sniff_with("sep=", NULL, NULL).skip_rows, 0);
}

static void the_names_of_a_schema_decide(void **state)
{
    /* By shape alone this is a table of commas. */
    const char *text = "a,b;c,d;x\n1,2;3,4;5\n";
    char first[] = "a,b", second[] = "c,d", third[] = "c2";
    struct mls_field fields[] = { { .name = first, .kind = MLS_KIND_REAL },
                                  { .name = second, .kind = MLS_KIND_REAL },
                                  { .name = third, .kind = MLS_KIND_REAL } };
    const struct mls_dialect no_header = { .no_header = true };
    struct mls_schema schema = { 0 }, numbered = { 0 };
    struct mls_error err = { 0 };

    (void)state;
    assert_true(mls_schema_add(&schema, &fields[0], &err));
    assert_true(mls_schema_add(&schema, &fields[1], &err));
    assert_int_equal(delimiter_of(text), ',');
    assert_int_equal(sniff_with(text, NULL, &schema).delimiter, ';');
    mls_schema_clear(&schema);

    assert_true(mls_schema_add(&numbered, &fields[2], &err));
    assert_int_equal(
        sniff_with("1;2\n3;4\n", &no_header, &numbered).delimiter, ';');
    mls_schema_clear(&numbered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_delimiter_is_the_one_that_makes_a_table),
        cmocka_unit_test(commas_in_numbers_and_text_mislead_nobody),
        cmocka_unit_test(a_comma_is_the_decimal_mark_when_cells_say_so),
        cmocka_unit_test(what_is_given_stays),
        cmocka_unit_test(
            a_line_that_names_the_delimiter_is_believed_and_skipped),
        cmocka_unit_test(the_names_of_a_schema_decide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
