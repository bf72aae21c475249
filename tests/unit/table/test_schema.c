#include "test.h"

#include "base/json.h"
#include "base/text.h"
#include "files.h"

static struct mls_dictionary *dictionary_of(const char *const *texts,
                                            int64_t count, uint32_t *order)
{
    struct mls_error err = { 0 };
    size_t lengths[16];
    struct mls_dictionary *d;

    assert_true(count <= 16);
    for (int64_t i = 0; i < count; i++)
        lengths[i] = strlen(texts[i]);
    d = mls_dictionary_new(texts, lengths, count, order, &err);
    assert_non_null(d);
    return d;
}

static void add(struct mls_schema *schema, const char *name,
                enum mls_kind kind, struct mls_dictionary *d)
{
    struct mls_error err = { 0 };
    char *copy = mls_copy_text(name, &err);
    struct mls_field field = { .name = copy, .kind = kind, .dictionary = d };

    assert_true(mls_schema_add(schema, &field, &err));
    mls_free(copy);
}

static void levels_are_sorted_by_bytes_and_found(void **state)
{
    static const char *const texts[] = { "red", "Red", "green", "",
                                         "greenish", "\xc3\xa9", "gr" };
    static const char *const sorted[] = { "", "Red", "gr", "green",
                                          "greenish", "red", "\xc3\xa9" };
    uint32_t order[7];
    struct mls_dictionary *d = dictionary_of(texts, 7, order);

    (void)state;
    assert_int_equal(d->count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        size_t length;
        const char *level = mls_dictionary_level(d, i, &length);

        assert_int_equal(length, strlen(sorted[i]));
        assert_memory_equal(level, sorted[i], length);
        assert_int_equal(mls_dictionary_find(d, sorted[i], length), i);
        assert_string_equal(sorted[order[i]], texts[i]);
    }
    assert_true(mls_dictionary_find(d, "gree", 4) == MLS_CODE_MISSING);
    assert_true(mls_dictionary_find(d, "RED", 3) == MLS_CODE_MISSING);
    assert_ptr_equal(mls_dictionary_share(d), d);
    mls_dictionary_free(d);
    assert_int_equal(mls_dictionary_find(d, "red", 3), 5);
    mls_dictionary_free(d);
    mls_dictionary_free(NULL);
}

static void many_levels_are_all_found(void **state)
{
    enum { COUNT = 5000 };
    struct mls_error err = { 0 };
    char (*names)[16] = malloc(COUNT * sizeof(*names));
    const char **texts = malloc(COUNT * sizeof(*texts));
    size_t *lengths = malloc(COUNT * sizeof(*lengths));
    struct mls_dictionary *d;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        int n = snprintf(names[i], sizeof(names[i]), "n%d",
                         (i * 7919) % COUNT);

        texts[i] = names[i];
        lengths[i] = (size_t)n;
    }
    d = mls_dictionary_new(texts, lengths, COUNT, NULL, &err);
    assert_non_null(d);
    for (uint32_t i = 0; i < COUNT; i++) {
        size_t length, before = 0;
        const char *level = mls_dictionary_level(d, i, &length), *last;

        assert_int_equal(mls_dictionary_find(d, level, length), i);
        if (i == 0)
            continue;
        last = mls_dictionary_level(d, i - 1, &before);
        assert_true(mls_bytes_compare(last, before, level, length) < 0);
    }
    assert_true(mls_dictionary_find(d, "n5000", 5) == MLS_CODE_MISSING);
    mls_dictionary_free(d);
    free(lengths);
    free(texts);
    free(names);
}

static void columns_are_found_by_name(void **state)
{
    struct mls_error err = { 0 };
    struct mls_schema schema = { 0 };
    struct mls_field again = { .kind = MLS_KIND_REAL };
    char name[32];

    (void)state;
    assert_int_equal(mls_schema_find(&schema, "x"), -1);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "column %d", i);
        add(&schema, name, MLS_KIND_REAL, NULL);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "column %d", i);
        assert_int_equal(mls_schema_find(&schema, name), i);
    }
    assert_int_equal(mls_schema_find(&schema, "Column 1"), -1);
    again.name = name;
    assert_false(mls_schema_add(&schema, &again, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "column 999"));
    assert_int_equal(schema.count, 1000);
    mls_schema_clear(&schema);
    mls_schema_clear(&schema);
    mls_schema_clear(NULL);
}

static void an_unknown_name_brings_the_nearest(void **state)
{
    struct mls_error err = { 0 };
    struct mls_schema schema = { 0 };

    (void)state;
    add(&schema, "income", MLS_KIND_REAL, NULL);
    add(&schema, "outcome", MLS_KIND_REAL, NULL);
    assert_int_equal(mls_schema_need(&schema, "outcome", "--target", &err), 1);
    assert_int_equal(mls_schema_need(&schema, "incme", "--target", &err), -1);
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(err.what, "--target: there is no column \"incme\"");
    assert_string_equal(err.fix, "did you mean \"income\"?");
    mls_schema_clear(&schema);
}

static void a_record_names_columns(void **state)
{
    struct mls_error err = { 0 };
    struct mls_schema schema = { 0 };
    int64_t count = 0, *at;

    (void)state;
    add(&schema, "a", MLS_KIND_REAL, NULL);
    add(&schema, "b,c", MLS_KIND_REAL, NULL);
    add(&schema, "d", MLS_KIND_REAL, NULL);
    at = mls_schema_columns(&schema, "d,\"b,c\"", "--id", &count, &err);
    assert_non_null(at);
    assert_int_equal(count, 2);
    assert_int_equal(at[0], 2);
    assert_int_equal(at[1], 1);
    mls_free(at);
    at = mls_schema_columns(&schema, "*", "--id", &count, &err);
    assert_non_null(at);
    assert_int_equal(count, 3);
    assert_int_equal(at[2], 2);
    mls_free(at);
    assert_null(mls_schema_columns(&schema, "a,x", "--id", &count, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_null(mls_schema_columns(&schema, "a,d,a", "--id", &count, &err));
    assert_string_equal(err.what, "--id: column \"a\" is named twice");
    mls_schema_clear(&schema);
}

static void a_copy_shares_dictionaries_and_nothing_else(void **state)
{
    static const char *const texts[] = { "no", "yes" };
    struct mls_error err = { 0 };
    struct mls_schema schema = { 0 }, copy = { 0 };
    struct mls_dictionary *d = dictionary_of(texts, 2, NULL);

    (void)state;
    add(&schema, "a", MLS_KIND_INTEGER, NULL);
    add(&schema, "b", MLS_KIND_BOOLEAN, d);
    mls_dictionary_free(d);
    assert_true(mls_schema_copy(&copy, &schema, &err));
    assert_ptr_equal(copy.fields[1].dictionary, schema.fields[1].dictionary);
    assert_ptr_not_equal(copy.fields[1].name, schema.fields[1].name);
    mls_schema_clear(&schema);
    assert_int_equal(mls_schema_find(&copy, "b"), 1);
    assert_int_equal(mls_dictionary_find(copy.fields[1].dictionary, "yes", 3),
                     1);
    mls_schema_clear(&copy);
}

static void roles_are_set_and_never_twice(void **state)
{
    struct mls_error err = { 0 };
    struct mls_schema schema = { 0 };
    struct mls_roles roles = { .target = "b,c", .weight = "w", .id = "i,j" };

    (void)state;
    add(&schema, "b,c", MLS_KIND_REAL, NULL);
    add(&schema, "w", MLS_KIND_REAL, NULL);
    add(&schema, "i", MLS_KIND_REAL, NULL);
    add(&schema, "j", MLS_KIND_REAL, NULL);
    add(&schema, "x", MLS_KIND_REAL, NULL);
    schema.fields[2].role = MLS_ROLE_IGNORED;
    assert_true(mls_schema_set_roles(&schema, &roles, &err));
    assert_int_equal(schema.fields[0].role, MLS_ROLE_TARGET);
    assert_int_equal(schema.fields[1].role, MLS_ROLE_WEIGHT);
    assert_int_equal(schema.fields[2].role, MLS_ROLE_ID);
    assert_int_equal(schema.fields[3].role, MLS_ROLE_ID);
    assert_int_equal(schema.fields[4].role, MLS_ROLE_FEATURE);

    roles.ignore = "x,w";
    assert_false(mls_schema_set_roles(&schema, &roles, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_string_equal(err.what,
                        "column \"w\" is named by both --weight and --ignore");

    roles = (struct mls_roles){ .target = "b,c" };
    assert_true(mls_schema_set_roles(&schema, &roles, &err));
    roles.target = "x"; /* b,c would become a feature */
    assert_false(mls_schema_set_roles(&schema, &roles, &err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_int_equal(schema.fields[4].role, MLS_ROLE_IGNORED);
    mls_schema_clear(&schema);
}

static struct mls_json *json_of(const char *text)
{
    struct mls_error err = { 0 };
    struct mls_json *json =
        mls_json_parse(text, strlen(text), "s.json", MLS_USAGE, &err);

    if (json == NULL)
        fail_msg("%s", err.what);
    return json;
}

static void a_schema_survives_json(void **state)
{
    static const char *const texts[] = { "f", "m" };
    struct mls_error err = { 0 };
    struct mls_schema schema = { 0 }, back = { 0 };
    struct mls_dictionary *d = dictionary_of(texts, 2, NULL);
    struct mls_json *json = mls_json_new_object(&err);
    struct mls_text text = { 0 };

    (void)state;
    add(&schema, "age \"x\"", MLS_KIND_INTEGER, NULL);
    add(&schema, "sex", MLS_KIND_CATEGORY, d);
    add(&schema, "day", MLS_KIND_DATE, NULL);
    mls_dictionary_free(d);
    schema.fields[0].missing = 7;
    schema.fields[0].trait = MLS_TRAIT_IDENTIFIER;
    schema.fields[0].role = MLS_ROLE_IGNORED;
    schema.fields[1].role = MLS_ROLE_TARGET;
    schema.fields[2].date_form = MLS_DATE_MONTH_DAY;
    schema.fields[2].date_has_time = true;
    schema.fields[2].role = MLS_ROLE_OFFSET;

    assert_non_null(json);
    assert_true(mls_schema_to_json(&schema, true, json, &err));
    assert_true(mls_json_print(json, false, &text, &err));
    mls_json_free(json);
    assert_string_equal(
        text.bytes,
        "{\"columns\":[{\"name\":\"age \\\"x\\\"\",\"kind\":\"integer\","
        "\"role\":\"ignored\",\"trait\":\"identifier\",\"missing\":7},"
        "{\"name\":\"sex\",\"kind\":\"category\",\"role\":\"target\","
        "\"levels\":[\"f\",\"m\"]},{\"name\":\"day\",\"kind\":\"date\","
        "\"role\":\"offset\",\"date_form\":\"month/day\","
        "\"has_time\":true}]}");
    json = json_of(text.bytes);
    assert_true(
        mls_schema_from_json(json, "s.json", MLS_USAGE, &back, &err));
    assert_int_equal(back.count, 3);
    assert_string_equal(back.fields[0].name, "age \"x\"");
    assert_int_equal(back.fields[0].kind, MLS_KIND_INTEGER);
    assert_int_equal(back.fields[0].trait, MLS_TRAIT_IDENTIFIER);
    assert_int_equal(back.fields[0].role, MLS_ROLE_IGNORED);
    assert_int_equal(back.fields[0].missing, 7);
    assert_int_equal(back.fields[1].role, MLS_ROLE_TARGET);
    assert_int_equal(mls_dictionary_find(back.fields[1].dictionary, "m", 1),
                     1);
    assert_int_equal(back.fields[2].date_form, MLS_DATE_MONTH_DAY);
    assert_true(back.fields[2].date_has_time);
    mls_json_free(json);
    mls_text_clear(&text);
    mls_schema_clear(&schema);
    mls_schema_clear(&back);
}

static void a_schema_that_is_wrong_says_where(void **state)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        { "{}", "a schema needs an array \"columns\"" },
        { "{\"columns\":[1]}", "column 1 of the schema is not an object" },
        { "{\"columns\":[{\"name\":\"a\"}]}",
          "column 1 of the schema: \"kind\" is missing" },
        { "{\"columns\":[{\"kind\":\"real\"}]}",
          "column 1 of the schema: \"name\" is missing" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"reel\"}]}",
          "column 1 of the schema: no kind \"reel\"" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"real\"},"
          "{\"name\":\"b\",\"kin\":\"real\"}]}",
          "column 2 of the schema: \"kin\" is not a key of a column" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"real\"},"
          "{\"name\":\"a\",\"kind\":\"real\"}]}",
          "column 2 of the schema: \"a\" is the name of two columns" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"category\","
          "\"levels\":[\"x\",\"y\",\"x\"]}]}",
          "column 1 of the schema: \"levels\" holds the same level twice" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"boolean\","
          "\"levels\":[\"x\"]}]}",
          "column 1 of the schema: \"levels\" of a boolean must be two" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"real\","
          "\"levels\":[\"x\"]}]}",
          "column 1 of the schema: \"levels\" belongs to categories only" },
        { "{\"columns\":[{\"name\":\"a\",\"kind\":\"real\","
          "\"missing\":-1}]}",
          "column 1 of the schema: \"missing\" is not a count" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mls_error err = { 0 };
        struct mls_schema schema = { 0 };
        struct mls_json *json = json_of(cases[i].text);

        assert_false(
            mls_schema_from_json(json, "s.json", MLS_USAGE, &schema, &err));
        assert_int_equal(err.code, MLS_USAGE);
        assert_string_equal(err.what, cases[i].what);
        assert_string_equal(err.file, "s.json");
        mls_json_free(json);
    }
}

static void kinds_and_roles_have_names(void **state)
{
    enum mls_kind kind;

    (void)state;
    for (int i = MLS_KIND_REAL; i <= MLS_KIND_TEXT; i++) {
        assert_true(mls_kind_parse(mls_kind_name((enum mls_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(mls_kind_parse("Real", &kind));
    assert_string_equal(mls_role_name(MLS_ROLE_GROUP), "group");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_sorted_by_bytes_and_found),
        cmocka_unit_test(many_levels_are_all_found),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(an_unknown_name_brings_the_nearest),
        cmocka_unit_test(a_record_names_columns),
        cmocka_unit_test(a_copy_shares_dictionaries_and_nothing_else),
        cmocka_unit_test(roles_are_set_and_never_twice),
        cmocka_unit_test(a_schema_survives_json),
        cmocka_unit_test(a_schema_that_is_wrong_says_where),
        cmocka_unit_test(kinds_and_roles_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
