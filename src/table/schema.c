/*
 * The list of columns and its index by name.
 *
 * Tables of a million columns exist, so a name is found by a hash index (open
 * addressing, at most half full, 0 for an empty slot, else position + 1) and
 * never by walking the list.  The index is private to this file and grows with
 * the list.
 */
#include "mlspec/schema.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"
#include "mlspec/params.h"
#include "table/dictionary.h"

static const char *const kind_names[] = {
    [MLS_KIND_REAL] = "real",         [MLS_KIND_INTEGER] = "integer",
    [MLS_KIND_BOOLEAN] = "boolean",   [MLS_KIND_CATEGORY] = "category",
    [MLS_KIND_DATE] = "date",         [MLS_KIND_TEXT] = "text",
};

static const char *const role_names[] = {
    [MLS_ROLE_FEATURE] = "feature", [MLS_ROLE_TARGET] = "target",
    [MLS_ROLE_WEIGHT] = "weight",   [MLS_ROLE_GROUP] = "group",
    [MLS_ROLE_TIME] = "time",       [MLS_ROLE_ID] = "id",
    [MLS_ROLE_IGNORED] = "ignored", [MLS_ROLE_OFFSET] = "offset",
};

const char *mls_kind_name(enum mls_kind kind)
{
    assert(kind >= MLS_KIND_REAL && kind <= MLS_KIND_TEXT);
    return kind_names[kind];
}

bool mls_kind_parse(const char *name, enum mls_kind *kind)
{
    for (int i = MLS_KIND_REAL; i <= MLS_KIND_TEXT; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (enum mls_kind)i;
            return true;
        }
    }
    return false;
}

const char *mls_role_name(enum mls_role role)
{
    assert(role <= MLS_ROLE_OFFSET);
    return role_names[role];
}

void mls_schema_clear(struct mls_schema *schema)
{
    if (schema == NULL)
        return;
    for (int64_t i = 0; i < schema->count; i++) {
        mls_free(schema->fields[i].name);
        mls_dictionary_free(schema->fields[i].dictionary);
    }
    mls_free(schema->fields);
    mls_free(schema->slots);
    *schema = (struct mls_schema){ 0 };
}

/* The slot of a name, or the empty one where it would go. */
static int64_t slot_of(const struct mls_schema *schema, const char *name)
{
    uint64_t mask = (uint64_t)schema->slot_count - 1;
    uint64_t at = mls_bytes_hash(name, strlen(name)) & mask;

    while (schema->slots[at] != 0
           && strcmp(schema->fields[schema->slots[at] - 1].name, name) != 0)
        at = (at + 1) & mask;
    return (int64_t)at;
}

static bool grow_index(struct mls_schema *schema, struct mls_error *err)
{
    int64_t slot_count = schema->slot_count > 0 ? 2 * schema->slot_count : 16;
    uint32_t *slots = mls_new(slot_count, sizeof(*slots), err);

    if (slots == NULL)
        return false;
    mls_free(schema->slots);
    schema->slots = slots;
    schema->slot_count = slot_count;
    for (int64_t i = 0; i < schema->count; i++)
        slots[slot_of(schema, schema->fields[i].name)] = (uint32_t)i + 1;
    return true;
}

bool mls_schema_add(struct mls_schema *schema, const struct mls_field *field,
                    struct mls_error *err)
{
    struct mls_field *to;
    char *name;
    int64_t slot;

    assert(field->name != NULL && schema->count < (int64_t)UINT32_MAX - 1);
    if (mls_schema_find(schema, field->name) >= 0) {
        mls_fail(err, MLS_DATA, "two columns are named \"%s\"",
                 mls_show_text(field->name).text);
        return mls_fail_fix(err, "rename one of them");
    }
    if (2 * (schema->count + 1) > schema->slot_count
        && !grow_index(schema, err))
        return false;
    if (!mls_grow(&schema->fields, schema->count, &schema->capacity,
                  sizeof(*schema->fields), err))
        return false;
    name = mls_copy_text(field->name, err);
    if (name == NULL)
        return false;
    to = &schema->fields[schema->count];
    *to = *field;
    to->name = name;
    mls_dictionary_share(to->dictionary);
    slot = slot_of(schema, name);
    schema->count++;
    schema->slots[slot] = (uint32_t)schema->count;
    return true;
}

bool mls_schema_copy(struct mls_schema *to, const struct mls_schema *from,
                     struct mls_error *err)
{
    struct mls_schema copy = { 0 };

    for (int64_t i = 0; i < from->count; i++) {
        if (!mls_schema_add(&copy, &from->fields[i], err)) {
            mls_schema_clear(&copy);
            return false;
        }
    }
    *to = copy;
    return true;
}

int64_t mls_schema_find(const struct mls_schema *schema, const char *name)
{
    if (schema->slot_count == 0)
        return -1;
    return (int64_t)schema->slots[slot_of(schema, name)] - 1;
}

int64_t mls_schema_find_role(const struct mls_schema *schema,
                             enum mls_role role)
{
    for (int64_t i = 0; i < schema->count; i++)
        if (schema->fields[i].role == role)
            return i;
    return -1;
}

/* Adds the nearest name as the fix.  Memory may be short just now: then the
 * error goes out without a suggestion. */
static void suggest_name(const struct mls_schema *schema, const char *name,
                         struct mls_error *err)
{
    struct mls_error ignored;
    const char **names = mls_new(schema->count, sizeof(*names), &ignored);
    const char *nearest;

    if (names == NULL)
        return;
    for (int64_t i = 0; i < schema->count; i++)
        names[i] = schema->fields[i].name;
    nearest = mls_nearest(name, names, schema->count);
    if (nearest != NULL)
        mls_fail_fix(err, "did you mean \"%s\"?", mls_show_text(nearest).text);
    mls_free(names);
}

int64_t mls_schema_need(const struct mls_schema *schema, const char *name,
                        const char *option, struct mls_error *err)
{
    int64_t at = mls_schema_find(schema, name);

    if (at < 0) {
        mls_fail(err, MLS_USAGE, "%s: there is no column \"%s\"", option,
                 mls_show_text(name).text);
        suggest_name(schema, name, err);
    }
    return at;
}

/* Positions of the listed names, each at most once. */
static bool find_listed(const struct mls_schema *schema,
                        const struct mls_list *list, const char *option,
                        int64_t *positions, struct mls_error *err)
{
    uint8_t *seen = mls_new(schema->count, 1, err);
    bool ok = seen != NULL;

    for (int64_t i = 0; ok && i < list->count; i++) {
        int64_t at = mls_schema_need(schema, list->items[i], option, err);

        if (at < 0) {
            ok = false;
        } else if (seen[at]) {
            ok = mls_fail(err, MLS_USAGE, "%s: column \"%s\" is named twice",
                          option, mls_show_text(list->items[i]).text);
        } else {
            seen[at] = 1;
            positions[i] = at;
        }
    }
    mls_free(seen);
    return ok;
}

int64_t *mls_schema_columns(const struct mls_schema *schema, const char *record,
                            const char *option, int64_t *count,
                            struct mls_error *err)
{
    struct mls_list list = { 0 };
    int64_t *positions = NULL;
    bool all = strcmp(record, "*") == 0;
    bool ok = all || mls_list_split(record, &list, err);

    if (ok) {
        *count = all ? schema->count : list.count;
        positions = mls_new(*count, sizeof(*positions), err);
        ok = positions != NULL;
    }
    for (int64_t i = 0; ok && all && i < *count; i++)
        positions[i] = i;
    if (ok && !all)
        ok = find_listed(schema, &list, option, positions, err);
    if (!ok) {
        mls_free(positions);
        positions = NULL;
    }
    mls_list_clear(&list);
    return positions;
}
