#include "test.h"

#include "files.h"
#include "table/looks.h"

static enum mls_looks looks_of(const char *text, char decimal)
{
    const struct mls_read_options options = { .categorical = "x",
                                              .dialect.delimiter = '|' };
    struct mls_table table;
    enum mls_looks looks;

    must_read(text, &options, &table);
    looks = mls_looks_of(field_of(&table, "x")->dictionary, decimal);
    mls_table_clear(&table);
    return looks;
}

static void decorated_numbers_are_known(void **state)
{
    static const char *const yes[] = {
        "x\n$1\n$2.50\n$1,000.25\n",
        "x\n1,000\n2,345,678\n12\n",
        "x\n10%\n20 %\n5%\n",
        "x\n0.50 \xe2\x82\xac\n1.50 \xe2\x82\xac\n",
        "x\n-$5\n$6\n",
        "x\n5 kg\n7.5 kg\n",
        "x\n1 000\n2 000 000\n",
        "x\n1'000\n2'000\n",
    };
    static const char *const no[] = {
        "x\nA12\nA13\n", "x\np1\np2\n", "x\n1\n2\n",
        "x\n1 2 3\n4 5 6\n", "x\nred\nblue\n", "x\n12,34\n5,6\n",
        "x\n$\n%\n", "x\n5kg\n6kg\n", "x\n$1\nred\nblue\n",
        "x\n10.0.0.1\n10.0.0.2\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        if (looks_of(yes[i], '.') != MLS_LOOKS_NUMBERS)
            fail_msg("not taken for numbers: %s", yes[i]);
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
        if (looks_of(no[i], '.') == MLS_LOOKS_NUMBERS)
            fail_msg("taken for numbers: %s", no[i]);
    assert_int_equal(looks_of("x\n1.000,5\n2.000\n", ','),
                     MLS_LOOKS_NUMBERS);
}

static void dates_of_several_forms_are_known(void **state)
{
    (void)state;
    assert_int_equal(looks_of("x\n2024-01-05\n05/01/2024\n5 May 2024\n", '.'),
                     MLS_LOOKS_DATES);
    assert_int_equal(looks_of("x\n2024-01-05\nred\nblue\n", '.'),
                     MLS_LOOKS_NONE);
    assert_int_equal(looks_of("x\n2024\n2025\n", '.'), MLS_LOOKS_NONE);
}

static void levels_that_say_the_same_are_known(void **state)
{
    (void)state;
    assert_int_equal(looks_of("x\nyes\nno\n1\n0\n", '.'),
                     MLS_LOOKS_ANSWERS);
    assert_int_equal(looks_of("x\nYes\nyes\nNo\n", '.'),
                     MLS_LOOKS_ANSWERS);
    assert_int_equal(looks_of("x\nyes\nno\nmaybe\n", '.'), MLS_LOOKS_NONE);
    assert_int_equal(looks_of("x\n1\n0\n", '.'), MLS_LOOKS_NONE);
    assert_int_equal(looks_of("x\nmale\nMale\nfemale\n", '.'),
                     MLS_LOOKS_SPELLINGS);
    assert_int_equal(looks_of("x\nmale\n male\nfemale\n", '.'),
                     MLS_LOOKS_SPELLINGS);
    assert_int_equal(looks_of("x\nma le\nmale\nfemale\n", '.'),
                     MLS_LOOKS_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decorated_numbers_are_known),
        cmocka_unit_test(dates_of_several_forms_are_known),
        cmocka_unit_test(levels_that_say_the_same_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
