#include "test.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/units.h"
#include "mlspec/params.h"

struct values {
    double l2, rate, any, share, duration;
    int64_t trees, depth, memory;
    bool intercept, verbose;
    int solver;
    char *note, *columns;
    struct mls_list sets;
};

static const char *const solvers[] = { "auto", "cholesky", "sparse_cg", NULL };

#define FIELD(name) #name, .at = offsetof(struct values, name)
static const struct mls_param table[] = {
    { FIELD(l2), .alias = "alpha|C", .kind = MLS_REAL, .def = MLS_AUTO,
      .min = 0, .max = 1e9, .low = 1e-4, .high = 1e4,
      .flags = MLS_LOG },
    { FIELD(rate), .alias = "inverse_rate", .kind = MLS_REAL, .def = 0.1,
      .min = 0, .max = 1, .flags = MLS_OPEN_MIN | MLS_ALIAS_INVERSE },
    { FIELD(any), .kind = MLS_REAL, .def = -2.5 },
    { FIELD(share), .kind = MLS_REAL, .def = 0.5, .min = 0, .max = 1,
      .flags = MLS_OPEN_MAX | MLS_ALLOW_AUTO },
    { FIELD(duration), .kind = MLS_DURATION, .def = MLS_AUTO, .min = 0,
      .max = (double)INFINITY },
    { FIELD(trees), .alias = "n_estimators|num_trees", .kind = MLS_INTEGER,
      .def = 100, .min = 1, .max = 1e9 },
    { FIELD(depth), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 1,
      .max = 64 },
    { FIELD(memory), .kind = MLS_SIZE, .def = 4096, .min = 1024,
      .max = 0x1p50 },
    { FIELD(intercept), .kind = MLS_FLAG, .def = 1 },
    { FIELD(verbose), .kind = MLS_FLAG, .flags = MLS_HIDDEN },
    { FIELD(solver), .kind = MLS_CHOICE, .def = 1, .choices = solvers },
    { FIELD(note), .kind = MLS_TEXT },
    { FIELD(columns), .kind = MLS_COLUMNS },
    { FIELD(sets), .kind = MLS_LIST },
    { 0 }
};

static void defaults_fill_every_kind(void **state)
{
    struct values v;

    (void)state;
    memset(&v, 0xFF, sizeof(v));
    mls_params_init(table, &v, sizeof(v));
    assert_true(isnan(v.l2));
    assert_true(v.rate == 0.1);
    assert_true(v.any == -2.5);
    assert_true(isnan(v.duration));
    assert_int_equal(v.trees, 100);
    assert_true(v.depth == INT64_MIN);
    assert_int_equal(v.memory, 4096);
    assert_true(v.intercept);
    assert_false(v.verbose);
    assert_int_equal(v.solver, 1);
    assert_null(v.note);
    assert_null(v.columns);
    assert_int_equal(v.sets.count, 0);
    mls_params_clear(table, &v);
    mls_params_clear(table, NULL);
    mls_params_clear(NULL, &v);
}

/* Sets key in v, which must work. */
static void set(struct values *v, const char *key, const char *text)
{
    struct mls_error err;

    if (!mls_params_set(table, v, "ridge", key, text, &err)) {
        fail_msg("%s=%s: %s", key, text, err.what);
    }
}

static void keys_and_aliases_are_found_with_either_dash(void **state)
{
    bool inverse = true;

    (void)state;
    assert_ptr_equal(mls_params_find(table, "l2", &inverse), &table[0]);
    assert_false(inverse);
    assert_ptr_equal(mls_params_find(table, "alpha", NULL), &table[0]);
    assert_ptr_equal(mls_params_find(table, "C", NULL), &table[0]);
    assert_ptr_equal(mls_params_find(table, "inverse-rate", &inverse),
                     &table[1]);
    assert_true(inverse);
    assert_ptr_equal(mls_params_find(table, "rate", &inverse), &table[1]);
    assert_false(inverse);
    assert_ptr_equal(mls_params_find(table, "n-estimators", NULL), &table[5]);
    assert_ptr_equal(mls_params_find(table, "num_trees", NULL), &table[5]);
    assert_null(mls_params_find(table, "alpha|C", NULL));
    assert_null(mls_params_find(table, "", NULL));
    assert_null(mls_params_find(table, "l", NULL));
    assert_null(mls_params_find(table, "l22", NULL));
    assert_null(mls_params_find(NULL, "l2", NULL));
}

static void every_kind_is_set_from_text(void **state)
{
    struct values v;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    set(&v, "l2", "1e-3");
    assert_true(v.l2 == 1e-3);
    set(&v, "l2", "auto");
    assert_true(isnan(v.l2));
    set(&v, "alpha", "1e9");
    assert_true(v.l2 == 1e9);
    set(&v, "share", "auto");
    assert_true(isnan(v.share));
    set(&v, "trees", "7");
    assert_int_equal(v.trees, 7);
    set(&v, "trees", "1e6");
    assert_int_equal(v.trees, 1000000);
    set(&v, "depth", "3");
    assert_int_equal(v.depth, 3);
    set(&v, "depth", "auto");
    assert_true(v.depth == MLS_AUTO_INTEGER);
    set(&v, "memory", "4G");
    assert_true(v.memory == INT64_C(4) << 30);
    set(&v, "duration", "1h30m");
    assert_true(v.duration == 5400);
    set(&v, "intercept", "false");
    assert_false(v.intercept);
    set(&v, "intercept", "1");
    assert_true(v.intercept);
    set(&v, "intercept", "off");
    assert_false(v.intercept);
    set(&v, "solver", "sparse-cg");
    assert_int_equal(v.solver, 2);
    set(&v, "solver", "auto");
    assert_int_equal(v.solver, 0);
    set(&v, "note", "first");
    set(&v, "note", "second");
    assert_string_equal(v.note, "second");
    set(&v, "columns", "a,\"b,c\"");
    assert_string_equal(v.columns, "a,\"b,c\"");
    set(&v, "sets", "a=1");
    set(&v, "sets", "b=2");
    assert_int_equal(v.sets.count, 2);
    assert_string_equal(v.sets.items[0], "a=1");
    assert_string_equal(v.sets.items[1], "b=2");
    mls_params_clear(table, &v);
    assert_null(v.note);
    assert_int_equal(v.sets.count, 0);
}

static void an_inverse_alias_takes_one_over_the_value(void **state)
{
    struct values v;
    struct mls_error err;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    set(&v, "inverse_rate", "4");
    assert_true(v.rate == 0.25);
    assert_false(mls_params_set(table, &v, "gbdt", "inverse_rate", "0.5",
                                &err));
    assert_string_equal(err.what, "gbdt: \"inverse_rate\" is 1/rate, which "
                        "must be more than 0 and at most 1, so it cannot be "
                        "\"0.5\"");
    assert_false(mls_params_set(table, &v, "gbdt", "inverse_rate", "0",
                                &err));
    assert_true(v.rate == 0.25);
}

struct refusal {
    const char *key, *text, *what, *fix;
};

static void wrong_values_name_what_is_allowed(void **state)
{
    static const struct refusal cases[] = {
        { "l2", "-1", "ridge: \"l2\" must be between 0 and 1e+09, not \"-1\"",
          "leave it out, or give auto: the value then follows from the "
          "data" },
        { "alpha", "2e9",
          "ridge: \"alpha\" must be between 0 and 1e+09, not \"2e9\"",
          "leave it out, or give auto: the value then follows from the "
          "data" },
        { "l2", "big", "ridge: \"l2\" must be a number between 0 and 1e+09, "
          "or auto, not \"big\"",
          "leave it out, or give auto: the value then follows from the "
          "data" },
        { "rate", "0", "ridge: \"rate\" must be more than 0 and at most 1, "
          "not \"0\"", "leave it out for the default, 0.1" },
        { "rate", "auto", "ridge: \"rate\" must be a number more than 0 and "
          "at most 1, not \"auto\"", "leave it out for the default, 0.1" },
        { "share", "1", "ridge: \"share\" must be at least 0 and less than "
          "1, not \"1\"", "leave it out for the default, 0.5" },
        { "any", "1,5", "ridge: \"any\" must be a number, not \"1,5\"",
          "leave it out for the default, -2.5" },
        { "any", "nan", "ridge: \"any\" must be a number, not \"nan\"",
          "leave it out for the default, -2.5" },
        { "trees", "0", "ridge: \"trees\" must be between 1 and 1e+09, not "
          "\"0\"", "leave it out for the default, 100" },
        { "trees", "2.5", "ridge: \"trees\" must be a whole number between 1 "
          "and 1e+09, not \"2.5\"", "leave it out for the default, 100" },
        { "depth", "-9223372036854775808", "ridge: \"depth\" must be a whole "
          "number between 1 and 64, or auto, not \"-9223372036854775808\"",
          "leave it out, or give auto: the value then follows from the "
          "data" },
        { "memory", "10", "ridge: \"memory\" must be between 1K and 1024T, "
          "not \"10\"", "leave it out for the default, 4K" },
        { "memory", "4X", "ridge: \"memory\" must be a size (512M, 4G) "
          "between 1K and 1024T, not \"4X\"",
          "leave it out for the default, 4K" },
        { "duration", "soon", "ridge: \"duration\" must be a duration (45, "
          "10m, 1h30m) at least 0s, or auto, not \"soon\"",
          "leave it out, or give auto: the value then follows from the "
          "data" },
        { "intercept", "maybe",
          "ridge: \"intercept\" must be true or false, not \"maybe\"",
          "leave it out for the default, true" },
        { "solver", "cholesk", "ridge: \"solver\" must be auto, cholesky or "
          "sparse_cg, not \"cholesk\"", "did you mean \"cholesky\"?" },
        { "solver", "qr", "ridge: \"solver\" must be auto, cholesky or "
          "sparse_cg, not \"qr\"",
          "leave it out for the default, cholesky" },
        { "l22", "1", "ridge: there is no parameter \"l22\"",
          "did you mean \"l2\"?" },
        { "n_estimator", "1", "ridge: there is no parameter \"n_estimator\"",
          "did you mean \"n_estimators\"?" },
        { "lapha", "1", "ridge: there is no parameter \"lapha\"",
          "did you mean \"alpha\"?" },
        { "verbos", "1", "ridge: there is no parameter \"verbos\"",
          "the parameters are: l2, rate, any, share, duration, trees, depth, "
          "memory, intercept, solver, note, columns, sets" },
    };
    struct values v, before;
    size_t i;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    memcpy(&before, &v, sizeof(v));
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mls_error err = { 0 };

        assert_false(mls_params_set(table, &v, "ridge", cases[i].key,
                                    cases[i].text, &err));
        assert_int_equal(err.code, MLS_USAGE);
        assert_string_equal(err.what, cases[i].what);
        assert_string_equal(err.fix, cases[i].fix);
        assert_memory_equal(&v, &before, sizeof(v));
    }
}

static void columns_must_be_one_record(void **state)
{
    struct values v;
    struct mls_error err = { 0 };

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    set(&v, "columns", "*");
    assert_false(mls_params_set(table, &v, "ridge", "columns", "\"a", &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(v.columns, "*");
    mls_params_clear(table, &v);
}

static void tables_without_rows_have_no_parameters(void **state)
{
    static const struct mls_param none[] = { { 0 } };
    struct mls_error err;
    struct values v;

    (void)state;
    mls_params_init(NULL, &v, sizeof(v));
    assert_false(mls_params_set(none, &v, "mean", "l2", "1", &err));
    assert_string_equal(err.fix, "mean has no parameters");
    assert_false(mls_params_set(NULL, &v, "mean", "l2", "1", &err));
    assert_string_equal(err.what, "mean: there is no parameter \"l2\"");
}

static const char *format(const struct values *v, const char *key)
{
    static char text[200];

    mls_param_format(mls_params_find(table, key, NULL), v, text,
                     sizeof(text));
    return text;
}

static void formatted_values_are_set_again(void **state)
{
    static const struct {
        const char *key, *text, *formatted;
    } cases[] = {
        { "l2", "0.10", "0.1" }, { "l2", "auto", "auto" },
        { "any", "-1e300", "-1e+300" }, { "trees", "1e6", "1000000" },
        { "depth", "auto", "auto" }, { "memory", "4096", "4K" },
        { "memory", "1025", "1025" }, { "memory", "1.5G", "1536M" },
        { "duration", "90", "1m30s" }, { "duration", "2.5", "2.5s" },
        { "duration", "0", "0s" }, { "duration", "1d", "1d" },
        { "duration", "auto", "auto" }, { "duration", "250ms", "0.25s" },
        { "intercept", "no", "false" }, { "intercept", "on", "true" },
        { "solver", "sparse-cg", "sparse_cg" }, { "note", "a b", "a b" },
        { "columns", "a,\"b,c\"", "a,\"b,c\"" },
    };
    struct values v;
    size_t i;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    assert_string_equal(format(&v, "note"), "");
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char again[200];

        set(&v, cases[i].key, cases[i].text);
        assert_string_equal(format(&v, cases[i].key), cases[i].formatted);
        snprintf(again, sizeof(again), "%s", cases[i].formatted);
        set(&v, cases[i].key, again);
        assert_string_equal(format(&v, cases[i].key), cases[i].formatted);
    }
    mls_params_clear(table, &v);
}

static void lists_are_formatted_as_a_record_and_cut(void **state)
{
    struct values v;
    char text[64];
    size_t size;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    set(&v, "sets", "a");
    set(&v, "sets", "b,\"c\"");
    set(&v, "sets", "");
    assert_string_equal(format(&v, "sets"), "a,\"b,\"\"c\"\"\",\"\"");
    for (size = 1; size < sizeof(text); size++) {
        memset(text, 'x', sizeof(text));
        mls_param_format(mls_params_find(table, "sets", NULL), &v, text,
                         size);
        assert_true(memchr(text, '\0', size) != NULL);
        assert_int_equal(text[size], 'x');
    }
    mls_params_clear(table, &v);
}

static void auto_is_told_for_every_number(void **state)
{
    struct values v;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    assert_true(mls_param_is_auto(&table[0], &v));
    assert_false(mls_param_is_auto(&table[1], &v));
    assert_true(mls_param_is_auto(mls_params_find(table, "depth", NULL), &v));
    assert_false(mls_param_is_auto(mls_params_find(table, "solver", NULL),
                                   &v));
    assert_false(mls_param_is_auto(mls_params_find(table, "note", NULL), &v));
}

static void copies_own_their_text(void **state)
{
    struct values v, copy;
    struct mls_error err;

    (void)state;
    mls_params_init(table, &v, sizeof(v));
    set(&v, "note", "text");
    set(&v, "sets", "item");
    set(&v, "l2", "3");
    assert_true(mls_params_copy(table, &copy, &v, sizeof(v), &err));
    assert_ptr_not_equal(copy.note, v.note);
    mls_params_clear(table, &v);
    assert_string_equal(copy.note, "text");
    assert_string_equal(copy.sets.items[0], "item");
    assert_null(copy.columns);
    assert_true(copy.l2 == 3);
    mls_params_clear(table, &copy);
}

static void no_failed_allocation_leaks(void **state)
{
    int64_t live = mls_memory_live(), n;
    struct values v, copy;
    bool ok = false;

    (void)state;
    for (n = 1; !ok; n++) {
        struct mls_error err = { 0 };

        mls_params_init(table, &v, sizeof(v));
        memset(&copy, 0, sizeof(copy));
        mls_memory_fail_at(n);
        ok = mls_params_set(table, &v, "x", "note", "n", &err)
            && mls_params_set(table, &v, "x", "note", "m", &err)
            && mls_params_set(table, &v, "x", "columns", "a,b", &err)
            && mls_params_set(table, &v, "x", "sets", "s", &err)
            && mls_params_set(table, &v, "x", "sets", "t", &err)
            && mls_params_copy(table, &copy, &v, sizeof(v), &err);
        mls_memory_fail_at(0);
        assert_true(ok || err.code == MLS_LIMIT);
        mls_params_clear(table, &v);
        mls_params_clear(table, &copy);
        assert_int_equal(mls_memory_live(), live);
    }
    assert_true(n > 10);
}

static void sizes_are_read_with_their_units(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: not a size */
    } cases[] = {
        { "0", 0 }, { "1000", 1000 }, { "1K", 1024 }, { "1k", 1024 },
        { "512M", 536870912 }, { "4GB", INT64_C(4) << 30 },
        { "4GiB", INT64_C(4) << 30 }, { "2T", INT64_C(2) << 40 },
        { "1.5K", 1536 }, { "10B", 10 }, { "", -1 }, { "K", -1 },
        { "1KK", -1 }, { "-1", -1 }, { "1 K", -1 }, { "1Ki", -1 },
        { "99999999T", -1 }, { "1.2.3K", -1 }, { "1e3", -1 }, { "1m", -1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t bytes = -1;
        bool ok = mls_parse_size(cases[i].text, &bytes);

        if (ok != (cases[i].bytes >= 0) || bytes != cases[i].bytes) {
            fail_msg("%s is read as %lld", cases[i].text, (long long)bytes);
        }
    }
}

static void durations_are_read_with_their_units(void **state)
{
    static const struct {
        const char *text;
        double seconds; /* -1: not a duration */
    } cases[] = {
        { "45", 45 }, { "2.5s", 2.5 }, { "10m", 600 }, { "1h30m", 5400 },
        { "1d2h3m4s5ms", 93784.005 }, { "0", 0 }, { "250ms", 0.25 },
        { ".5h", 1800 }, { "", -1 }, { "m", -1 }, { "1m30", -1 },
        { "30m1h", -1 }, { "1m1m", -1 }, { "-5", -1 }, { "1 h", -1 },
        { "1x", -1 }, { "5mss", -1 }, { "inf", -1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        double seconds = -1;
        bool ok = mls_parse_duration(cases[i].text, &seconds);

        if (ok != (cases[i].seconds >= 0) || seconds != cases[i].seconds) {
            fail_msg("%s is read as %g", cases[i].text, seconds);
        }
    }
}

static void formatted_sizes_and_durations_read_back(void **state)
{
    char text[MLS_UNIT_TEXT];
    int64_t i, bytes;
    double seconds;

    (void)state;
    for (i = 0; i < 60; i++) {
        int64_t n = (INT64_C(1) << i) + (i % 3 == 0 ? 0 : i);

        /* Sizes are read as reals: whole bytes up to 2^53 are exact. */
        n = i > 52 && i % 3 != 0 ? n - i : n;
        mls_format_size(n, text);
        assert_true(mls_parse_size(text, &bytes));
        assert_true(bytes == n);
    }
    for (i = 0; i < 200000; i += 97) {
        double value = i % 2 ? (double)i : (double)i / 7;

        mls_format_duration(value, text);
        assert_true(mls_parse_duration(text, &seconds));
        assert_true(seconds == value);
    }
}

/* The definition, by recursion: the slow twin. */
static int distance_slowly(const char *a, int i, const char *b, int j)
{
    int best, other;

    if (i == 0 || j == 0) {
        return i + j;
    }
    best = distance_slowly(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]);
    other = distance_slowly(a, i - 1, b, j) + 1;
    best = other < best ? other : best;
    other = distance_slowly(a, i, b, j - 1) + 1;
    best = other < best ? other : best;
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        other = distance_slowly(a, i - 2, b, j - 2) + 1;
        best = other < best ? other : best;
    }
    return best;
}

static void distances_equal_those_of_the_definition(void **state)
{
    static const char *const words[] = {
        "abcdef", "abdcef", "bacdef", "abcde", "xabcdef", "abxdef", "fedcba",
        "aabbcc", "aabbc", "badcfe", "cdefab", "ab", "a", ""
    };
    size_t i, j, near = 0;

    (void)state;
    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        for (j = 0; j < sizeof(words) / sizeof(*words); j++) {
            size_t m = strlen(words[i]), n = strlen(words[j]);
            int limit = (int)(m > n ? m : n) / 3;
            int shorter = (int)(m < n ? m : n);
            int expected = distance_slowly(words[i], (int)m, words[j],
                                           (int)n);

            limit = limit < 1 ? 1 : limit;
            if (expected > limit || expected >= shorter) {
                expected = -1;
            }
            near += expected >= 0;
            assert_int_equal(mls_near(words[i], m, words[j], n), expected);
        }
    }
    assert_true(near > 30);
}

static void the_nearest_name_does_not_depend_on_the_order(void **state)
{
    static const char *const names[] = { "median", "mean", "most_frequent" };
    static const char *const tied[] = { "bat", "cat", "hat" };
    static const char *const turned[] = { "hat", "cat", "bat" };
    char longest[200];

    (void)state;
    assert_string_equal(mls_nearest("meidan", names, 3), "median");
    assert_string_equal(mls_nearest("MEAN", names, 3), "mean");
    assert_string_equal(mls_nearest("most-frequent", names, 3),
                        "most_frequent");
    assert_null(mls_nearest("zzz", names, 3));
    assert_null(mls_nearest("", names, 3));
    assert_null(mls_nearest("mean", names, 0));
    assert_string_equal(mls_nearest("rat", tied, 3), "bat");
    assert_string_equal(mls_nearest("rat", turned, 3), "bat");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(mls_nearest(longest, (const char *[]){ longest }, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_every_kind),
        cmocka_unit_test(keys_and_aliases_are_found_with_either_dash),
        cmocka_unit_test(every_kind_is_set_from_text),
        cmocka_unit_test(an_inverse_alias_takes_one_over_the_value),
        cmocka_unit_test(wrong_values_name_what_is_allowed),
        cmocka_unit_test(columns_must_be_one_record),
        cmocka_unit_test(tables_without_rows_have_no_parameters),
        cmocka_unit_test(formatted_values_are_set_again),
        cmocka_unit_test(lists_are_formatted_as_a_record_and_cut),
        cmocka_unit_test(auto_is_told_for_every_number),
        cmocka_unit_test(copies_own_their_text),
        cmocka_unit_test(no_failed_allocation_leaks),
        cmocka_unit_test(sizes_are_read_with_their_units),
        cmocka_unit_test(durations_are_read_with_their_units),
        cmocka_unit_test(formatted_sizes_and_durations_read_back),
        cmocka_unit_test(distances_equal_those_of_the_definition),
        cmocka_unit_test(the_nearest_name_does_not_depend_on_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
