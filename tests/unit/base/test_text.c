#include "test.h"

#include "base/memory.h"
#include "base/text.h"
#include "mlspec/params.h"

static void an_empty_text_has_no_bytes_and_is_ok(void **state)
{
    struct mls_text text = { 0 };
    struct mls_error err;

    (void)state;
    assert_true(mls_text_ok(&text, &err));
    mls_text_add(&text, NULL);
    assert_null(text.bytes);
    mls_text_add(&text, "");
    assert_string_equal(text.bytes, "");
    mls_text_clear(&text);
    mls_text_clear(&text);
    mls_text_clear(NULL);
}

static void pieces_are_joined_and_terminated(void **state)
{
    struct mls_text text = { 0 };
    struct mls_error err;

    (void)state;
    mls_text_add(&text, "a=");
    mls_text_add_real(&text, 0.1);
    mls_text_add(&text, ", b=");
    mls_text_add_integer(&text, -5);
    mls_text_add_bytes(&text, "xyz", 2);
    mls_text_format(&text, " [%s %d]", "n", 7);
    assert_true(mls_text_ok(&text, &err));
    assert_string_equal(text.bytes, "a=0.1, b=-5xy [n 7]");
    assert_int_equal(text.length, strlen(text.bytes));
    mls_text_clear(&text);
    assert_null(text.bytes);
}

static void long_texts_grow(void **state)
{
    struct mls_text text = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < 20000; i++) {
        mls_text_format(&text, "%c", (int)('a' + i % 26));
    }
    assert_int_equal(text.length, 20000);
    for (i = 0; i < 20000; i++) {
        assert_int_equal(text.bytes[i], 'a' + i % 26);
    }
    mls_text_clear(&text);
}

static void bytes_may_hold_nul(void **state)
{
    struct mls_text text = { 0 };

    (void)state;
    mls_text_add_bytes(&text, "a\0b", 3);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.bytes, "a\0b", 4);
    mls_text_clear(&text);
}

static void failure_stays_and_is_reported_once_asked(void **state)
{
    struct mls_text text = { 0 };
    struct mls_error err = { 0 };

    (void)state;
    mls_text_add(&text, "start");
    mls_memory_fail_at(1);
    mls_text_format(&text, "%200d", 1);
    mls_memory_fail_at(0);
    mls_text_add(&text, "more");
    mls_text_pad(&text, 20);
    assert_false(mls_text_ok(&text, &err));
    assert_int_equal(err.code, MLS_LIMIT);
    assert_string_equal(text.bytes, "start");
    mls_text_clear(&text);
}

static void padding_counts_columns_of_the_last_line(void **state)
{
    struct mls_text text = { 0 };

    (void)state;
    mls_text_add(&text, "first line\nab");
    mls_text_pad(&text, 4);
    mls_text_add(&text, "|");
    mls_text_pad(&text, 3);
    mls_text_add(&text, "\n");
    mls_text_pad(&text, 2);
    mls_text_add(&text, "\xC3\xA9\xE6\x97\xA5"); /* 1 and 2 columns */
    mls_text_pad(&text, 6);
    mls_text_add(&text, "|");
    assert_string_equal(text.bytes, "first line\nab  |\n"
                        "  \xC3\xA9\xE6\x97\xA5 |");
    mls_text_clear(&text);
}

static void wrapping_breaks_at_80_columns_and_indents(void **state)
{
    struct mls_text text = { 0 };

    (void)state;
    mls_text_add(&text, "  --l2 X");
    /* 10 + 70 columns fill the first line to the last place. */
    mls_text_wrap(&text, "1234567890 1234567890 1234567890 1234567890 "
                  "1234567890 1234567890 1234 next and  more", 10);
    assert_string_equal(text.bytes,
                        "  --l2 X  1234567890 1234567890 1234567890 "
                        "1234567890 1234567890 1234567890 1234\n"
                        "          next and more\n");
    mls_text_clear(&text);
}

static void wrapping_keeps_newlines_and_too_long_words(void **state)
{
    struct mls_text text = { 0 };
    char word[101];

    (void)state;
    memset(word, 'w', 100);
    word[100] = '\0';
    mls_text_wrap(&text, "a b\n\nc", 2);
    mls_text_wrap(&text, word, 2);
    mls_text_wrap(&text, "", 0);
    assert_int_equal(strncmp(text.bytes, "  a b\n\n  c\n  www", 16), 0);
    assert_int_equal(text.length, 11 + 2 + 100 + 1);
    mls_text_clear(&text);
}

static void widths_follow_the_terminal(void **state)
{
    (void)state;
    assert_int_equal(mls_text_width("abc", 3), 3);
    assert_int_equal(mls_text_width("", 0), 0);
    assert_int_equal(mls_text_width("\xC3\xA9", 2), 1);
    assert_int_equal(mls_text_width("e\xCC\x81", 3), 1);     /* e + acute */
    assert_int_equal(mls_text_width("\xED\x95\x9C", 3), 2);  /* Hangul */
    assert_int_equal(mls_text_width("\xF0\x9F\x98\x80", 4), 2); /* emoji */
    assert_int_equal(mls_text_width("\xFF\xFE", 2), 2);
    assert_int_equal(mls_text_width("\xE2\x80\xA6", 3), 1);  /* ellipsis */
}

/* The rules of RFC 3629, table in section 4, byte by byte. */
static size_t rfc_length(const unsigned char *b, size_t n)
{
    #define TAIL(i) (n > (i) && b[i] >= 0x80 && b[i] <= 0xBF)
    if (n > 0 && b[0] <= 0x7F) {
        return 1;
    }
    if (n > 1 && b[0] >= 0xC2 && b[0] <= 0xDF && TAIL(1)) {
        return 2;
    }
    if (n > 2 && ((b[0] == 0xE0 && b[1] >= 0xA0 && b[1] <= 0xBF)
                  || (b[0] >= 0xE1 && b[0] <= 0xEC && TAIL(1))
                  || (b[0] == 0xED && b[1] >= 0x80 && b[1] <= 0x9F)
                  || (b[0] >= 0xEE && b[0] <= 0xEF && TAIL(1))) && TAIL(2)) {
        return 3;
    }
    if (n > 3 && ((b[0] == 0xF0 && b[1] >= 0x90 && b[1] <= 0xBF)
                  || (b[0] >= 0xF1 && b[0] <= 0xF3 && TAIL(1))
                  || (b[0] == 0xF4 && b[1] >= 0x80 && b[1] <= 0x8F))
        && TAIL(2) && TAIL(3)) {
        return 4;
    }
    return 0;
}

static void utf8_follows_rfc_3629_for_every_start(void **state)
{
    static const unsigned char thirds[] = { 0x00, 0x7F, 0x80, 0xBF, 0xC0 };
    unsigned a, b, c, d;

    (void)state;
    for (a = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            for (c = 0; c < 5; c++) {
                for (d = 0; d < 5; d++) {
                    unsigned char bytes[4] = {
                        (unsigned char)a, (unsigned char)b, thirds[c],
                        thirds[d]
                    };
                    uint32_t point;
                    size_t n = d; /* also cut short */

                    n = n > 4 ? 4 : n;
                    assert_int_equal(mls_utf8_next((char *)bytes, n, &point),
                                     rfc_length(bytes, n));
                    assert_int_equal(mls_utf8_next((char *)bytes, 4, &point),
                                     rfc_length(bytes, 4));
                }
            }
        }
    }
}

static void utf8_reports_the_first_bad_byte(void **state)
{
    char bytes[40];
    size_t bad, at;

    (void)state;
    assert_true(mls_utf8_valid("", 0, NULL));
    assert_true(mls_utf8_valid("plain \xC3\xA9 and \xF0\x9F\x98\x80", 17,
                               &bad));
    for (at = 0; at < sizeof(bytes); at++) {
        memset(bytes, 'a', sizeof(bytes));
        bytes[at] = (char)0x80;
        bad = 99;
        assert_false(mls_utf8_valid(bytes, sizeof(bytes), &bad));
        assert_int_equal(bad, at);
    }
    assert_false(mls_utf8_valid("ab\xC3", 3, &bad));
    assert_int_equal(bad, 2);
    assert_false(mls_utf8_valid("\xC3", 1, NULL));
}

static void code_points_are_decoded(void **state)
{
    uint32_t point = 0;

    (void)state;
    assert_int_equal(mls_utf8_next("A", 1, &point), 1);
    assert_int_equal(point, 'A');
    assert_int_equal(mls_utf8_next("\xC3\xA9", 2, &point), 2);
    assert_int_equal(point, 0xE9);
    assert_int_equal(mls_utf8_next("\xE2\x82\xAC", 3, &point), 3);
    assert_int_equal(point, 0x20AC);
    assert_int_equal(mls_utf8_next("\xF4\x8F\xBF\xBF", 4, &point), 4);
    assert_int_equal(point, 0x10FFFF);
}

static void check_split(const char *record, int count,
                        const char *const *items)
{
    struct mls_list list = { 0 };
    struct mls_error err;
    int i;

    assert_true(mls_list_split(record, &list, &err));
    assert_int_equal(list.count, count);
    for (i = 0; i < count; i++) {
        assert_string_equal(list.items[i], items[i]);
    }
    mls_list_clear(&list);
    assert_int_equal(list.count, 0);
    assert_null(list.items);
}

static void records_are_split_as_csv(void **state)
{
    (void)state;
    check_split("", 0, NULL);
    check_split("a", 1, (const char *[]){ "a" });
    check_split("a,b", 2, (const char *[]){ "a", "b" });
    check_split("a,", 2, (const char *[]){ "a", "" });
    check_split(",", 2, (const char *[]){ "", "" });
    check_split("\"\"", 1, (const char *[]){ "" });
    check_split("a,b,\"c,d\"", 3, (const char *[]){ "a", "b", "c,d" });
    check_split("\"say \"\"hi\"\"\",\" x\ny\"", 2,
                (const char *[]){ "say \"hi\"", " x\ny" });
    check_split(" a ,b", 2, (const char *[]){ " a ", "b" });
    check_split("a\"b", 1, (const char *[]){ "a\"b" });
}

static void records_with_broken_quotes_are_refused(void **state)
{
    static const char *const records[] = { "\"a", "a,\"b", "\"a\"b", "\"" };
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct mls_list list = { 0 };
        struct mls_error err = { 0 };

        assert_false(mls_list_split(records[i], &list, &err));
        assert_int_equal(err.code, MLS_USAGE);
        assert_true(err.fix[0] != '\0');
        mls_list_clear(&list);
    }
}

static void lists_grow_whoever_made_them(void **state)
{
    struct mls_list list = { 0 };
    struct mls_error err;
    char item[20];
    int i;

    (void)state;
    /* Room for exactly three, as another function might have made it. */
    list.items = mls_new(3, sizeof(*list.items), &err);
    for (i = 0; i < 300; i++) {
        snprintf(item, sizeof(item), "item %d", i);
        assert_true(mls_list_add(&list, item, &err));
    }
    for (i = 0; i < 300; i++) {
        snprintf(item, sizeof(item), "item %d", i);
        assert_string_equal(list.items[i], item);
    }
    mls_list_clear(&list);
    mls_list_clear(NULL);
}

static void splitting_gives_back_all_memory_when_any_allocation_fails(
    void **state)
{
    int64_t live = mls_memory_live(), n;
    bool ok = false;

    (void)state;
    for (n = 1; !ok; n++) {
        struct mls_list list = { 0 };
        struct mls_error err = { 0 };

        mls_memory_fail_at(n);
        ok = mls_list_split("a,\"b\"\"c\",d,e,f,g", &list, &err);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        mls_list_clear(&list);
        assert_int_equal(mls_memory_live(), live);
    }
    assert_true(n > 8);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void bytes_are_ordered_as_strcmp_does(void **state)
{
    static const char *const words[] = {
        "", "a", "ab", "b", "B", "abc", "\xC3\xA9", "z"
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < 8; i++) {
        for (j = 0; j < 8; j++) {
            assert_int_equal(
                sign(mls_bytes_compare(words[i], strlen(words[i]), words[j],
                                       strlen(words[j]))),
                sign(strcmp(words[i], words[j])));
        }
    }
    assert_int_equal(mls_bytes_compare(NULL, 0, NULL, 0), 0);
    assert_true(mls_bytes_compare("a\0b", 3, "a\0c", 3) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_has_no_bytes_and_is_ok),
        cmocka_unit_test(pieces_are_joined_and_terminated),
        cmocka_unit_test(long_texts_grow),
        cmocka_unit_test(bytes_may_hold_nul),
        cmocka_unit_test(failure_stays_and_is_reported_once_asked),
        cmocka_unit_test(padding_counts_columns_of_the_last_line),
        cmocka_unit_test(wrapping_breaks_at_80_columns_and_indents),
        cmocka_unit_test(wrapping_keeps_newlines_and_too_long_words),
        cmocka_unit_test(widths_follow_the_terminal),
        cmocka_unit_test(utf8_follows_rfc_3629_for_every_start),
        cmocka_unit_test(utf8_reports_the_first_bad_byte),
        cmocka_unit_test(code_points_are_decoded),
        cmocka_unit_test(records_are_split_as_csv),
        cmocka_unit_test(records_with_broken_quotes_are_refused),
        cmocka_unit_test(lists_grow_whoever_made_them),
        cmocka_unit_test(
            splitting_gives_back_all_memory_when_any_allocation_fails),
        cmocka_unit_test(bytes_are_ordered_as_strcmp_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
