/*
 * The schema as JSON: what `describe` prints, --schema reads and the model file
 * holds.
 *
 *   {"columns": [{"name": "age", "kind": "integer", "role": "feature"},
 *                {"name": "day", "kind": "date", "role": "feature",
 *                 "date_form": "day/month", "has_time": false},
 *                {"name": "sex", "kind": "category", "role": "target",
 *                 "levels": ["f", "m"]}]}
 *
 * People edit this text, so reading is strict: an unknown key, kind or role is
 * an error that names the column, not something passed over.
 */
#include "base/json.h"
#include "base/memory.h"
#include "mlspec/params.h"
#include "mlspec/schema.h"

static const char *const trait_names[] = {
    [MLS_TRAIT_NONE] = "none",
    [MLS_TRAIT_IDENTIFIER] = "identifier",
    [MLS_TRAIT_CONSTANT] = "constant",
};

static const char *const date_names[] = {
    [MLS_DATE_ISO] = "iso",
    [MLS_DATE_DAY_MONTH] = "day/month",
    [MLS_DATE_MONTH_DAY] = "month/day",
};

static const char *const kinds[] = { "real", "integer",  "boolean",
                                     "category", "date", "text" };
static const char *const roles[] = { "feature", "target", "weight", "group",
                                     "time",    "id",     "ignored", "offset" };
static const char *const keys[] = { "name",      "kind",     "role",
                                    "trait",     "date_form", "has_time",
                                    "missing",   "levels" };

static bool add_levels(const struct mls_dictionary *d, struct mls_json *to,
                       struct mls_error *err)
{
    struct mls_json *levels = mls_json_add_array(to, "levels", err);
    bool ok = levels != NULL;

    for (int64_t i = 0; ok && i < d->count; i++) {
        size_t length;
        const char *level = mls_dictionary_level(d, (uint32_t)i, &length);
        char *copy = mls_copy_bytes(level, length, err);

        ok = copy != NULL && mls_json_add_text(levels, NULL, copy, err);
        mls_free(copy);
    }
    return ok;
}

static bool add_field(const struct mls_field *field, bool with_levels,
                      struct mls_json *to, struct mls_error *err)
{
    bool ok = mls_json_add_text(to, "name", field->name, err)
        && mls_json_add_text(to, "kind", mls_kind_name(field->kind), err)
        && mls_json_add_text(to, "role", mls_role_name(field->role), err);

    if (ok && field->trait != MLS_TRAIT_NONE)
        ok = mls_json_add_text(to, "trait", trait_names[field->trait], err);
    if (ok && field->kind == MLS_KIND_DATE)
        ok = mls_json_add_text(to, "date_form", date_names[field->date_form],
                               err)
            && mls_json_add_bool(to, "has_time", field->date_has_time, err);
    if (ok && field->missing > 0)
        ok = mls_json_add_integer(to, "missing", field->missing, err);
    if (ok && with_levels && field->dictionary != NULL)
        ok = add_levels(field->dictionary, to, err);
    return ok;
}

bool mls_schema_to_json(const struct mls_schema *schema, bool with_levels,
                        struct mls_json *to, struct mls_error *err)
{
    struct mls_json *columns = mls_json_add_array(to, "columns", err);
    bool ok = columns != NULL;

    for (int64_t i = 0; ok && i < schema->count; i++) {
        struct mls_json *column = mls_json_add_object(columns, NULL, err);

        ok = column != NULL
            && add_field(&schema->fields[i], with_levels, column, err);
    }
    return ok;
}

/* Where in what is being read: for messages. */
struct place {
    const char *file;
    enum mls_code code;
    int64_t column;             /* from 1 */
};

/* One of a list of words; an absent key leaves *choice alone. */
static bool read_choice(const struct mls_json *column, const char *key,
                        const char *const *words, int count,
                        const struct place *place, int *choice,
                        struct mls_error *err)
{
    const struct mls_json *json = mls_json_get(column, key);
    const char *text = mls_json_text(json, NULL);
    const char *nearest;

    if (mls_json_kind_of(json) == MLS_JSON_NONE)
        return true;
    for (int i = 0; text != NULL && i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *choice = i;
            return true;
        }
    }
    mls_fail(err, place->code, "column %lld of the schema: no %s \"%s\"",
             (long long)place->column, key,
             mls_show_text(text != NULL ? text : "").text);
    nearest = text != NULL ? mls_nearest(text, words, count) : NULL;
    mls_fail_fix(err, nearest != NULL ? "did you mean \"%s\"?"
                                      : "write \"%s\", for example",
                 nearest != NULL ? nearest : words[0]);
    return mls_fail_at(err, place->file, 0, 0, NULL);
}

static bool bad_key(const char *key, const char *why, const struct place *place,
                    struct mls_error *err)
{
    mls_fail(err, place->code, "column %lld of the schema: \"%s\" %s",
             (long long)place->column, mls_show_text(key).text, why);
    return mls_fail_at(err, place->file, 0, 0, NULL);
}

static bool check_keys(const struct mls_json *column, const struct place *place,
                       struct mls_error *err)
{
    const int count = (int)(sizeof(keys) / sizeof(*keys));

    if (mls_json_kind_of(column) != MLS_JSON_OBJECT) {
        mls_fail(err, place->code, "column %lld of the schema is not an object",
                 (long long)place->column);
        return mls_fail_at(err, place->file, 0, 0, NULL);
    }
    for (const struct mls_json *j = mls_json_first(column); j != NULL;
         j = mls_json_next(j)) {
        const char *nearest;
        int i = 0;

        while (i < count && strcmp(mls_json_key(j), keys[i]) != 0)
            i++;
        if (i < count)
            continue;
        bad_key(mls_json_key(j), "is not a key of a column", place, err);
        nearest = mls_nearest(mls_json_key(j), keys, count);
        if (nearest != NULL)
            mls_fail_fix(err, "did you mean \"%s\"?", nearest);
        return false;
    }
    return true;
}

/* The levels as an array of texts borrowed from the JSON. */
static bool gather_levels(const struct mls_json *levels, const char **texts,
                          size_t *lengths, const struct place *place,
                          struct mls_error *err)
{
    int64_t i = 0;

    for (const struct mls_json *j = mls_json_first(levels); j != NULL;
         j = mls_json_next(j), i++) {
        texts[i] = mls_json_text(j, NULL);
        if (texts[i] == NULL)
            return bad_key("levels", "holds something other than text", place,
                           err);
        lengths[i] = strlen(texts[i]);
    }
    return true;
}

/* Sorted levels repeat next to each other. */
static bool check_repeats(const struct mls_dictionary *d,
                          const struct place *place, struct mls_error *err)
{
    for (int64_t i = 1; i < d->count; i++) {
        size_t length, before;
        const char *level = mls_dictionary_level(d, (uint32_t)i, &length);
        const char *last = mls_dictionary_level(d, (uint32_t)i - 1, &before);

        if (length == before && memcmp(level, last, length) == 0)
            return bad_key("levels", "holds the same level twice", place, err);
    }
    return true;
}

static bool read_levels(const struct mls_json *levels, struct mls_field *field,
                        const struct place *place, struct mls_error *err)
{
    int64_t count = mls_json_count(levels);
    const char **texts = NULL;
    size_t *lengths = NULL;
    bool ok;

    if (mls_json_kind_of(levels) != MLS_JSON_ARRAY)
        return bad_key("levels", "is not an array", place, err);
    if ((MLS_KIND_BIT(field->kind) & MLS_KINDS_CODED) == 0)
        return bad_key("levels", "belongs to categories only", place, err);
    if (field->kind == MLS_KIND_BOOLEAN && count != 2)
        return bad_key("levels", "of a boolean must be two", place, err);
    texts = mls_new(count, sizeof(*texts), err);
    if (texts != NULL)
        lengths = mls_new(count, sizeof(*lengths), err);
    ok = lengths != NULL && gather_levels(levels, texts, lengths, place, err);
    if (ok) {
        field->dictionary =
            mls_dictionary_new(texts, lengths, count, NULL, err);
        ok = field->dictionary != NULL
            && check_repeats(field->dictionary, place, err);
    }
    mls_free(lengths);
    mls_free(texts);
    return ok;
}

/* All but the name and the levels. */
static bool read_properties(const struct mls_json *column,
                            struct mls_field *field, const struct place *place,
                            struct mls_error *err)
{
    const struct mls_json *missing = mls_json_get(column, "missing");
    const struct mls_json *has_time = mls_json_get(column, "has_time");
    int kind = -1, role = MLS_ROLE_FEATURE, trait = MLS_TRAIT_NONE;
    int form = MLS_DATE_ISO;

    if (!read_choice(column, "kind", kinds, 6, place, &kind, err)
        || !read_choice(column, "role", roles, 8, place, &role, err)
        || !read_choice(column, "trait", trait_names, 3, place, &trait, err)
        || !read_choice(column, "date_form", date_names, 3, place, &form, err))
        return false;
    if (kind < 0)
        return bad_key("kind", "is missing", place, err);
    field->kind = (enum mls_kind)(kind + MLS_KIND_REAL);
    field->role = (enum mls_role)role;
    field->trait = (enum mls_trait)trait;
    field->date_form = (enum mls_date_form)form;
    if (mls_json_kind_of(has_time) != MLS_JSON_NONE
        && mls_json_kind_of(has_time) != MLS_JSON_TRUE
        && mls_json_kind_of(has_time) != MLS_JSON_FALSE)
        return bad_key("has_time", "is not true or false", place, err);
    field->date_has_time = mls_json_bool(has_time, false);
    if (mls_json_kind_of(missing) != MLS_JSON_NONE
        && (!mls_json_integer(missing, &field->missing) || field->missing < 0))
        return bad_key("missing", "is not a count", place, err);
    return true;
}

static bool read_column(const struct mls_json *column,
                        struct mls_schema *schema, const struct place *place,
                        struct mls_error *err)
{
    struct mls_field field = { 0 };
    const struct mls_json *levels;
    const char *name;
    bool ok;

    if (!check_keys(column, place, err)
        || !read_properties(column, &field, place, err))
        return false;
    name = mls_json_text(mls_json_get(column, "name"), NULL);
    if (name == NULL || name[0] == '\0')
        return bad_key("name", "is missing", place, err);
    field.name = mls_copy_text(name, err);
    levels = mls_json_get(column, "levels");
    ok = field.name != NULL
        && (mls_json_kind_of(levels) == MLS_JSON_NONE
            || read_levels(levels, &field, place, err));
    if (ok && mls_schema_find(schema, name) >= 0)
        ok = bad_key(name, "is the name of two columns", place, err);
    ok = ok && mls_schema_add(schema, &field, err);
    mls_dictionary_free(field.dictionary);
    mls_free(field.name);
    return ok;
}

bool mls_schema_from_json(const struct mls_json *from, const char *name,
                          enum mls_code code, struct mls_schema *schema,
                          struct mls_error *err)
{
    const struct mls_json *columns = mls_json_get(from, "columns");
    struct mls_schema read = { 0 };
    struct place place = { name, code, 0 };

    if (mls_json_kind_of(columns) != MLS_JSON_ARRAY) {
        mls_fail(err, code, "a schema needs an array \"columns\"");
        return mls_fail_at(err, name, 0, 0, NULL);
    }
    for (const struct mls_json *j = mls_json_first(columns); j != NULL;
         j = mls_json_next(j)) {
        place.column++;
        if (!read_column(j, &read, &place, err)) {
            mls_schema_clear(&read);
            return false;
        }
    }
    *schema = read;
    return true;
}
