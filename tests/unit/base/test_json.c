#include "test.h"

#include <locale.h>
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

/* cJSON asks localeconv for the decimal point and writes it into what it hands
 * to the C library.  With this in place of the C library's, every number with a
 * point that reached cJSON would be refused or cut at the point. */
struct lconv *localeconv(void)
{
    static char comma[] = ",", empty[] = "";
    static struct lconv german;

    german.decimal_point = comma;
    german.thousands_sep = empty;
    german.grouping = empty;
    return &german;
}

static struct mls_json *parse(const char *text)
{
    struct mls_error err = { 0 };
    struct mls_json *json =
        mls_json_parse(text, strlen(text), "in.json", MLS_USAGE, &err);

    if (!json) {
        print_error("%s: %s\n", text, err.what);
    }
    assert_non_null(json);
    return json;
}

static void assert_prints(const struct mls_json *json, const char *expected)
{
    struct mls_error err = { 0 };
    struct mls_text text = { 0 };

    assert_true(mls_json_print(json, false, &text, &err));
    assert_string_equal(text.bytes, expected);
    mls_text_clear(&text);
}

static void assert_refused(const char *text, size_t length, int64_t line,
                           const char *why)
{
    struct mls_error err = { 0 };
    int64_t live = mls_memory_live();
    struct mls_json *json =
        mls_json_parse(text, length, "in.json", MLS_USAGE, &err);

    if (json || !strstr(err.what, why) || err.line != line) {
        print_error("%s: %s, line %d\n", text, json ? "taken" : err.what,
                    (int)err.line);
    }
    assert_null(json);
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(err.file, "in.json");
    assert_int_equal(err.line, line);
    assert_non_null(strstr(err.what, why));
    assert_int_equal(mls_memory_live(), live);
}

static void refuse(const char *text, int64_t line, const char *why)
{
    assert_refused(text, strlen(text), line, why);
}

static void numbers_print_in_their_shortest_form(void **state)
{
    struct mls_error err;
    struct mls_json *list = mls_json_new_array(&err);

    (void)state;
    assert_true(mls_json_add_real(list, NULL, 0.1 + 0.2, &err));
    assert_true(mls_json_add_real(list, NULL, 5, &err));
    assert_true(mls_json_add_real(list, NULL, -0.0, &err));
    assert_true(mls_json_add_real(list, NULL, 1e22, &err));
    assert_true(mls_json_add_real(list, NULL, 5e-324, &err));
    assert_true(mls_json_add_real(list, NULL, NAN, &err));
    assert_true(mls_json_add_real(list, NULL, -INFINITY, &err));
    assert_prints(list, "[0.30000000000000004,5,-0,1e+22,5e-324,null,null]");
    mls_json_free(list);
}

static void whole_numbers_past_2_to_the_53_are_strings(void **state)
{
    struct mls_error err;
    struct mls_json *list = mls_json_new_array(&err);
    const int64_t exact = INT64_C(9007199254740992);
    int64_t expected[] = { exact, -exact, exact + 1, INT64_MIN, INT64_MAX };
    const struct mls_json *at;
    size_t i;

    (void)state;
    for (i = 0; i < 5; i++) {
        assert_true(mls_json_add_integer(list, NULL, expected[i], &err));
    }
    assert_prints(list, "[9007199254740992,-9007199254740992,"
                        "\"9007199254740993\",\"-9223372036854775808\","
                        "\"9223372036854775807\"]");
    for (i = 0, at = mls_json_first(list); at; at = mls_json_next(at), i++) {
        int64_t value = 0;

        assert_true(mls_json_integer(at, &value));
        assert_true(value == expected[i]);
    }
    assert_int_equal(i, 5);
    mls_json_free(list);
}

static void what_was_added_reads_back_without_printing(void **state)
{
    struct mls_error err;
    struct mls_json *json = mls_json_new_object(&err);
    int64_t whole = 0;

    (void)state;
    assert_true(mls_json_add_real(json, "real", 0.1, &err));
    assert_true(mls_json_add_real(json, "hole", NAN, &err));
    assert_true(mls_json_add_integer(json, "whole", -7, &err));
    assert_true(mls_json_add_bool(json, "yes", true, &err));
    assert_true(mls_json_add_bool(json, "no", false, &err));
    assert_true(mls_json_add_text(json, "text", "t", &err));
    assert_true(mls_json_add_null(json, "null", &err));
    assert_true(mls_json_real(mls_json_get(json, "real"), 9) == 0.1);
    assert_true(mls_json_real(mls_json_get(json, "hole"), 9) == 9);
    assert_true(mls_json_real(mls_json_get(json, "text"), 9) == 9);
    assert_true(mls_json_integer(mls_json_get(json, "whole"), &whole));
    assert_int_equal(whole, -7);
    assert_false(mls_json_integer(mls_json_get(json, "real"), &whole));
    assert_false(mls_json_integer(mls_json_get(json, "text"), &whole));
    assert_true(mls_json_bool(mls_json_get(json, "yes"), false));
    assert_false(mls_json_bool(mls_json_get(json, "no"), true));
    assert_true(mls_json_bool(mls_json_get(json, "text"), true));
    assert_false(mls_json_bool(NULL, false));
    assert_string_equal(mls_json_text(mls_json_get(json, "text"), "f"), "t");
    assert_string_equal(mls_json_text(mls_json_get(json, "real"), "f"), "f");
    assert_int_equal(mls_json_kind_of(mls_json_get(json, "hole")),
                     MLS_JSON_NULL);
    assert_int_equal(mls_json_kind_of(mls_json_get(json, "gone")),
                     MLS_JSON_NONE);
    assert_int_equal(mls_json_kind_of(mls_json_get(json, "real")),
                     MLS_JSON_NUMBER);
    assert_int_equal(mls_json_count(json), 7);
    mls_json_free(json);
}

static void keys_are_case_sensitive(void **state)
{
    struct mls_json *json = parse("{\"age\":1,\"Age\":2,\"a\":{}}");

    (void)state;
    assert_true(mls_json_real(mls_json_get(json, "Age"), 0) == 2);
    assert_null(mls_json_get(json, "AGE"));
    assert_null(mls_json_get(mls_json_get(json, "age"), "x"));
    assert_null(mls_json_get(NULL, "x"));
    mls_json_free(json);
}

static void a_replaced_key_keeps_its_place(void **state)
{
    struct mls_error err;
    struct mls_json *json = parse("{\"a\":1,\"b\":[2],\"c\":3}");

    (void)state;
    assert_true(mls_json_add_text(json, "b", "new", &err));
    assert_true(mls_json_add_real(json, "c", 4, &err));
    assert_true(mls_json_add_real(json, "a", 0.5, &err));
    assert_prints(json, "{\"a\":0.5,\"b\":\"new\",\"c\":4}");
    mls_json_free(json);
}

static void indented_text_has_two_spaces_a_level(void **state)
{
    struct mls_error err;
    struct mls_text text = { 0 };
    struct mls_json *json =
        parse("{\"a\":[1,{\"b\":null}],\"c\":[],\"d\":{},\"e\":true}");

    (void)state;
    /* As Python's json.dumps(value, indent=2) and a newline. */
    assert_true(mls_json_print(json, true, &text, &err));
    assert_string_equal(text.bytes,
                        "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n"
                        "    }\n  ],\n  \"c\": [],\n  \"d\": {},\n"
                        "  \"e\": true\n}\n");
    mls_text_clear(&text);
    mls_json_free(json);
}

static void strings_survive_a_round_trip(void **state)
{
    const char *all = "q\" b\\ s/ \b\f\n\r\t \x01\x1f\x7f \xC3\xA9 "
                      "\xF0\x9F\x98\x80";
    struct mls_error err;
    struct mls_json *list = mls_json_new_array(&err), *again;
    struct mls_text text = { 0 };

    (void)state;
    assert_true(mls_json_add_text(list, NULL, all, &err));
    assert_true(mls_json_print(list, false, &text, &err));
    assert_string_equal(text.bytes,
                        "[\"q\\\" b\\\\ s/ \\b\\f\\n\\r\\t \\u0001\\u001f\x7f"
                        " \xC3\xA9 \xF0\x9F\x98\x80\"]");
    again = parse(text.bytes);
    assert_string_equal(mls_json_text(mls_json_first(again), ""), all);
    mls_text_clear(&text);
    mls_json_free(list);
    mls_json_free(again);
}

static void escapes_are_decoded(void **state)
{
    struct mls_json *json =
        parse("[\"\\u00e9\\/\\ud83d\\uDE00\\u0041\", \"\\\\u0000\"]");

    (void)state;
    assert_string_equal(mls_json_text(mls_json_first(json), ""),
                        "\xC3\xA9/\xF0\x9F\x98\x80" "A");
    assert_string_equal(
        mls_json_text(mls_json_next(mls_json_first(json)), ""), "\\u0000");
    mls_json_free(json);
}

static void numbers_are_read_correctly_rounded(void **state)
{
    /* The halfway case is 2^53 + 1 with digits after it, longer than the 63
     * bytes that cJSON looks at. */
    struct mls_json *json = parse(
        "[0.1, 1.5e3, -2.2250738585072014e-308, 1e23, 1E-400,"
        "9007199254740993.00000000000000000000000000000000000000000000000000"
        "00000000000000000001, 0.3]");
    static const double expected[] = {
        0.1, 1500, -0x1p-1022, 0x1.52d02c7e14af6p+76, 0, 9007199254740994.0, 0.3
    };
    const struct mls_json *at = mls_json_first(json);
    size_t i;

    (void)state;
    for (i = 0; i < 7; i++, at = mls_json_next(at)) {
        assert_true(mls_json_real(at, NAN) == expected[i]);
    }
    assert_null(at);
    mls_json_free(json);
}

static void numbers_keep_their_places_among_nested_values(void **state)
{
    struct mls_json *json =
        parse(" {\"a\": [1, {\"b\": 2.5, \"c\": []}, 3], \"d\": -4,"
              " \"e\": {\"f\": {\"g\": 5e0}}, \"h\": 6 } ");

    (void)state;
    assert_prints(json, "{\"a\":[1,{\"b\":2.5,\"c\":[]},3],\"d\":-4,"
                        "\"e\":{\"f\":{\"g\":5}},\"h\":6}");
    mls_json_free(json);
}

static void a_whole_number_past_2_to_the_53_is_not_rounded(void **state)
{
    const char *text = "[9007199254740993,-123456789012345678901234567890]";
    struct mls_error err;
    struct mls_json *json = parse(text);
    struct mls_json *copy = mls_json_copy(json, &err);
    int64_t value = 0;

    (void)state;
    assert_false(mls_json_integer(mls_json_first(json), &value));
    assert_int_equal(mls_json_kind_of(mls_json_first(json)), MLS_JSON_NUMBER);
    assert_true(mls_json_real(mls_json_first(json), 0) == 9007199254740992.0);
    assert_prints(json, text);
    mls_json_free(json);
    assert_prints(copy, text);
    mls_json_free(copy);
}

static void single_values_and_a_byte_order_mark_are_read(void **state)
{
    struct mls_json *json = parse("\xEF\xBB\xBF true\r\n");

    (void)state;
    assert_int_equal(mls_json_kind_of(json), MLS_JSON_TRUE);
    mls_json_free(json);
    json = parse("-0.5");
    assert_true(mls_json_real(json, 0) == -0.5);
    mls_json_free(json);
}

static void what_is_not_json_is_refused_with_its_line(void **state)
{
    (void)state;
    refuse("", 1, "value is missing");
    refuse("  \n ", 2, "value is missing");
    refuse("{\"a\":1} x", 1, "follows the end");
    refuse("[1]\n\n]", 3, "follows the end");
    refuse("[1,\n2,\n]", 3, "value is missing");
    refuse("{\"a\":1,}", 1, "key in quotes");
    refuse("{a:1}", 1, "key in quotes");
    refuse("{\"a\" 1}", 1, ": is missing");
    refuse("{\"a\":1 \"b\":2}", 1, ", or } is missing");
    refuse("[1 2]", 1, ", or ] is missing");
    refuse("[1", 1, ", or ] is missing");
    refuse("{\"a\":1]", 1, ", or } is missing");
    refuse("nul", 1, "value is missing");
    refuse("True", 1, "value is missing");
    refuse("NaN", 1, "value is missing");
    refuse("'a'", 1, "value is missing");
    refuse("\n\"a", 2, "does not end");
    refuse("\"a\n\"", 1, "does not end in its line");
    refuse("\"\t\"", 1, "control byte");
    refuse("\"\\x41\"", 1, "unknown escape");
    refuse("\"\\", 1, "unknown escape");
    refuse("\"\\u12g4\"", 1, "four hex digits");
    refuse("\"\\u12", 1, "four hex digits");
    refuse("\"\\ud800\"", 1, "surrogate");
    refuse("\"\\udc00\"", 1, "surrogate");
    refuse("\"\\ud800\\u0041\"", 1, "surrogate");
    refuse("\n\"\xC3\"", 2, "UTF-8");
}

static void malformed_numbers_are_refused(void **state)
{
    static const char *const bad[] = { "01", "-", "+1", ".5", "1.", "1e",
                                       "1e+", "-01", "0x10", "1.e5", "--1",
                                       "1,5", "Infinity", "-NaN", "1_000" };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        refuse(bad[i], 1, "not valid JSON");
    }
    refuse("[1,\n1e400]", 2, "too large");
}

static void zero_bytes_are_refused(void **state)
{
    (void)state;
    refuse("\"a\\u0000b\"", 1, "zero byte");
    refuse("{\"\\u0000\":1}", 1, "zero byte");
    assert_refused("\"a\0b\"", 5, 1, "control byte");
    assert_refused("[1]\0", 4, 1, "follows the end");
    assert_refused("[\0]", 3, 1, "value is missing");
}

static void the_first_key_given_twice_is_refused_with_its_line(void **state)
{
    (void)state;
    refuse("{\"a\":1,\n\"b\":2,\n\"a\":3}", 3, "\"a\" is given twice");
    refuse("{\"a\":1,\n\"\\u0061\":3}", 2, "\"a\" is given twice");
    refuse("[{\"x\":{\"y\":1,\"z\":2,\n\"y\":3}},\n{\"a\":1,\"a\":2}]", 2,
           "\"y\" is given twice");
    refuse("{\"o\":1,\n\"o\":2,\n\"p\":{\"q\":1,\"q\":2}}", 2,
           "\"o\" is given twice");
    /* Equal keys in different objects, or of another case, are fine. */
    mls_json_free(parse("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}],"
                        "\"A\":0}"));
}

static void nesting_is_bounded(void **state)
{
    char text[203];

    (void)state;
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    text[200] = '\0';
    mls_json_free(parse(text));
    memset(text, '[', 101);
    memset(text + 101, ']', 101);
    text[202] = '\0';
    refuse(text, 1, "too deeply");
}

static void a_copy_stands_alone(void **state)
{
    struct mls_error err;
    struct mls_json *json = parse("{\"in\":{\"a\":[1,\"x\"],\"b\":2.5}}");
    struct mls_json *copy = mls_json_copy(mls_json_get(json, "in"), &err);
    struct mls_json *list = mls_json_new_array(&err);

    (void)state;
    mls_json_free(json);
    assert_null(mls_json_key(copy));
    assert_true(mls_json_add(list, NULL, copy, &err));
    assert_prints(list, "[{\"a\":[1,\"x\"],\"b\":2.5}]");
    assert_string_equal(mls_json_key(mls_json_first(mls_json_first(list))),
                        "a");
    mls_json_free(list);
}

/* Everything that allocates, once. */
static bool build_print_and_parse(struct mls_error *err)
{
    struct mls_json *json = mls_json_new_object(err), *again = NULL;
    struct mls_json *list, *copy = NULL, *inner;
    struct mls_text text = { 0 };
    bool ok = json && mls_json_add_real(json, "real", 0.5, err)
        && mls_json_add_integer(json, "big", INT64_MAX, err)
        && mls_json_add_text(json, "real", "replaced", err)
        && mls_json_add_bool(json, "yes", true, err)
        && mls_json_add_null(json, "null", err)
        && (list = mls_json_add_array(json, "list", err)) != NULL
        && mls_json_add_real(list, NULL, 1, err)
        && (inner = mls_json_add_object(list, NULL, err)) != NULL
        && mls_json_add_text(inner, "k", "v", err)
        && (copy = mls_json_copy(json, err)) != NULL;

    if (ok) {
        ok = mls_json_add(json, "copy", copy, err);
    }
    ok = ok && mls_json_print(json, true, &text, err)
        && (again = mls_json_parse(text.bytes, text.length, NULL, MLS_DATA,
                                   err)) != NULL;
    mls_json_free(again);
    again = NULL;
    ok = ok && (again = mls_json_parse("[18446744073709551616]", 22, NULL,
                                       MLS_DATA, err)) != NULL;
    mls_json_free(again);
    mls_text_clear(&text);
    mls_json_free(json);
    return ok;
}

static void each_failing_allocation_is_reported(void **state)
{
    struct mls_error err = { 0 };
    int64_t live = mls_memory_live(), n, i;

    (void)state;
    mls_memory_fail_at(0);
    assert_true(build_print_and_parse(&err));
    n = mls_memory_count();
    assert_true(n > 50);
    for (i = 1; i <= n; i++) {
        memset(&err, 0, sizeof(err));
        mls_memory_fail_at(i);
        assert_false(build_print_and_parse(&err));
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_in_their_shortest_form),
        cmocka_unit_test(whole_numbers_past_2_to_the_53_are_strings),
        cmocka_unit_test(what_was_added_reads_back_without_printing),
        cmocka_unit_test(keys_are_case_sensitive),
        cmocka_unit_test(a_replaced_key_keeps_its_place),
        cmocka_unit_test(indented_text_has_two_spaces_a_level),
        cmocka_unit_test(strings_survive_a_round_trip),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(numbers_are_read_correctly_rounded),
        cmocka_unit_test(numbers_keep_their_places_among_nested_values),
        cmocka_unit_test(a_whole_number_past_2_to_the_53_is_not_rounded),
        cmocka_unit_test(single_values_and_a_byte_order_mark_are_read),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_line),
        cmocka_unit_test(malformed_numbers_are_refused),
        cmocka_unit_test(zero_bytes_are_refused),
        cmocka_unit_test(the_first_key_given_twice_is_refused_with_its_line),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(each_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
