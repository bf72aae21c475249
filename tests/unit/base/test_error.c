#include "test.h"

#include "mlspec/error.h"

static void text_names_file_line_row_and_column(void **state)
{
    struct mls_error err;
    char text[1200];

    (void)state;
    assert_false(mls_fail(&err, MLS_DATA, "\"%s\" is not a number", "4O"));
    assert_false(mls_fail_at(&err, "churn.csv", 1843, 1842, "age"));
    assert_false(mls_fail_fix(&err, "correct the cell, or pass --na=%s",
                              "4O"));
    assert_int_equal(err.code, MLS_DATA);
    assert_string_equal(mls_error_text(&err, text, sizeof(text)),
                        "churn.csv:1843: row 1842, column \"age\": \"4O\" is "
                        "not a number");
    assert_string_equal(err.fix, "correct the cell, or pass --na=4O");
}

static const char *text_at(const char *file, int64_t line, int64_t row,
                           const char *column)
{
    static char text[1200];
    struct mls_error err;

    mls_fail(&err, MLS_DATA, "wrong");
    mls_fail_at(&err, file, line, row, column);
    return mls_error_text(&err, text, sizeof(text));
}

static void text_leaves_out_what_is_not_known(void **state)
{
    (void)state;
    assert_string_equal(text_at(NULL, 0, 0, NULL), "wrong");
    assert_string_equal(text_at("a.csv", 0, 0, NULL), "a.csv: wrong");
    assert_string_equal(text_at("a.csv", 3, 0, NULL), "a.csv:3: wrong");
    assert_string_equal(text_at("a.csv", 0, 2, NULL), "a.csv: row 2: wrong");
    assert_string_equal(text_at("a.csv", 0, 0, "age"),
                        "a.csv: column \"age\": wrong");
    assert_string_equal(text_at(NULL, 3, 2, NULL), "line 3: row 2: wrong");
    assert_string_equal(text_at(NULL, 0, 2, "age"),
                        "row 2, column \"age\": wrong");
}

static void levels_add_places_without_losing_earlier_ones(void **state)
{
    struct mls_error err;

    (void)state;
    mls_fail(&err, MLS_DATA, "wrong");
    mls_fail_at(&err, NULL, 0, 7, "age");
    mls_fail_at(&err, "a.csv", 9, 0, NULL);
    assert_string_equal(err.file, "a.csv");
    assert_string_equal(err.column, "age");
    assert_int_equal(err.row, 7);
    assert_int_equal(err.line, 9);
}

static void a_new_error_forgets_the_old_place_and_fix(void **state)
{
    struct mls_error err;
    char text[1200];

    (void)state;
    mls_fail(&err, MLS_DATA, "old");
    mls_fail_at(&err, "a.csv", 1, 2, "c");
    mls_fail_fix(&err, "fix");
    mls_fail(&err, MLS_IO, "new, after \"%s\"", err.what);
    assert_string_equal(mls_error_text(&err, text, sizeof(text)),
                        "new, after \"old\"");
    assert_string_equal(err.fix, "");
    assert_int_equal(err.code, MLS_IO);
}

static void no_error_object_is_no_crash(void **state)
{
    (void)state;
    assert_false(mls_fail(NULL, MLS_DATA, "wrong"));
    assert_false(mls_fail_fix(NULL, "fix"));
    assert_false(mls_fail_at(NULL, "a", 1, 1, "b"));
    assert_false(mls_fail_memory(NULL, 1, 1, "x"));
}

static void long_messages_are_cut_between_characters(void **state)
{
    struct mls_error err;
    char long_text[900];
    size_t i, length;

    (void)state;
    /* Two-byte characters, at both parities. */
    for (i = 0; i + 2 < sizeof(long_text); i += 2) {
        memcpy(long_text + i, "\xC3\xA9", 2);
    }
    long_text[i] = '\0';
    for (i = 0; i < 2; i++) {
        mls_fail(&err, MLS_DATA, "%s%s", i ? "x" : "", long_text);
        length = strlen(err.what);
        assert_true(length < sizeof(err.what));
        assert_true(length > sizeof(err.what) - 6);
        assert_string_equal(err.what + length - 3, "\xE2\x80\xA6");
        assert_memory_equal(err.what + length - 5, "\xC3\xA9", 2);
    }
}

static void text_is_cut_to_a_small_buffer(void **state)
{
    struct mls_error err;
    char text[8];

    (void)state;
    mls_fail(&err, MLS_DATA, "0123456789");
    mls_error_text(&err, text, sizeof(text));
    assert_string_equal(text, "0123456");
    text[0] = 'x';
    mls_error_text(&err, text, 0);
    assert_int_equal(text[0], 'x');
}

static void shown_names_cannot_steer_a_terminal(void **state)
{
    (void)state;
    assert_string_equal(mls_show_text("age").text, "age");
    assert_string_equal(mls_show_text("Gr\xC3\xB6\xC3\x9F" "e").text,
                        "Gr\xC3\xB6\xC3\x9F" "e");
    assert_string_equal(mls_show_text("\x1B[2J").text, "\\x1B[2J");
    assert_string_equal(mls_show_text("a\nb\tc\rd").text, "a\\nb\\tc\\rd");
    assert_string_equal(mls_show("a\0b", 3).text, "a\\x00b");
    assert_string_equal(mls_show_text("\xFF\xC3").text, "\\xFF\\xC3");
    assert_string_equal(mls_show_text("\x7F\xC2\x9B").text,
                        "\\x7F\\xC2\\x9B");
    /* U+202E turns the text after it around. */
    assert_string_equal(mls_show_text("\xE2\x80\xAE").text,
                        "\\xE2\\x80\\xAE");
    assert_string_equal(mls_show_text(NULL).text, "");
    assert_string_equal(mls_show(NULL, 0).text, "");
}

static void long_names_end_with_an_ellipsis_and_short_ones_do_not(void **state)
{
    char name[200];
    size_t n;

    (void)state;
    memset(name, 'x', sizeof(name));
    for (n = 90; n < sizeof(name); n++) {
        struct mls_shown shown = mls_show(name, n);
        size_t length = strlen(shown.text);

        if (n < sizeof(shown.text)) {
            assert_int_equal(length, n);
            assert_memory_equal(shown.text, name, n);
        } else {
            assert_int_equal(length, sizeof(shown.text) - 1);
            assert_string_equal(shown.text + length - 3, "\xE2\x80\xA6");
        }
    }
}

static void showing_twice_is_showing_once(void **state)
{
    struct mls_shown once = mls_show_text("a\x01\\b\xE2\x80\xAE");

    (void)state;
    assert_string_equal(mls_show_text(once.text).text, once.text);
}

static void places_are_made_safe_to_print(void **state)
{
    struct mls_error err;

    (void)state;
    mls_fail(&err, MLS_DATA, "wrong");
    mls_fail_at(&err, "a\nb.csv", 0, 0, "x\x1B");
    assert_string_equal(err.file, "a\\nb.csv");
    assert_string_equal(err.column, "x\\x1B");
    mls_fail_at(&err, err.file, 0, 0, err.column);
    assert_string_equal(err.file, "a\\nb.csv");
}

static void memory_errors_say_how_much(void **state)
{
    struct mls_error err;

    (void)state;
    assert_false(mls_fail_memory(&err, 100, 8, "labels"));
    assert_int_equal(err.code, MLS_LIMIT);
    assert_string_equal(err.what, "not enough memory for labels (800 bytes)");
    assert_true(err.fix[0] != '\0');
    mls_fail_memory(&err, 20000000, 8, "cells of a 1000000 x 20 matrix");
    assert_string_equal(err.what, "not enough memory for cells of a 1000000 x "
                        "20 matrix (160 MB)");
    mls_fail_memory(&err, SIZE_MAX, SIZE_MAX, "labels");
    assert_string_equal(err.what, "not enough memory for labels "
                        "(18446744073709551615 x 18446744073709551615 bytes)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_names_file_line_row_and_column),
        cmocka_unit_test(text_leaves_out_what_is_not_known),
        cmocka_unit_test(levels_add_places_without_losing_earlier_ones),
        cmocka_unit_test(a_new_error_forgets_the_old_place_and_fix),
        cmocka_unit_test(no_error_object_is_no_crash),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(text_is_cut_to_a_small_buffer),
        cmocka_unit_test(shown_names_cannot_steer_a_terminal),
        cmocka_unit_test(long_names_end_with_an_ellipsis_and_short_ones_do_not),
        cmocka_unit_test(showing_twice_is_showing_once),
        cmocka_unit_test(places_are_made_safe_to_print),
        cmocka_unit_test(memory_errors_say_how_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
