/*
 * Which column is the target, the weight, an identifier: from the command
 * line into the schema.
 *
 * Roles are named after kinds were inferred, so a role given here replaces the
 * one that inference chose (IGNORED for identifiers and constants).  No column
 * may have two roles: a target that is also a feature's group is a mistake
 * that would leak or lose data silently.
 */
#include "base/memory.h"
#include "mlspec/table.h"

/* One option: its record, the role it gives, and whether it takes a list. */
struct role_option {
    const char *option;
    const char *record;
    enum mls_role role;
    bool list;
};

/* A schema file may have given the role to another column: which of the two
 * is meant only the user knows, and the loser would become a feature. */
static bool check_free(const struct mls_schema *schema, int64_t at,
                       const struct role_option *o, struct mls_error *err)
{
    for (int64_t i = 0; i < schema->count; i++) {
        if (i == at || schema->fields[i].role != o->role)
            continue;
        mls_fail(err, MLS_USAGE,
                 "%s: the schema gives this role to column \"%s\"", o->option,
                 mls_show_text(schema->fields[i].name).text);
        return mls_fail_fix(err, "change the schema, or leave out %s",
                            o->option);
    }
    return true;
}

/* One name as it is: a target called "a,b" needs no quoting. */
static bool set_one(struct mls_schema *schema, const struct role_option *o,
                    const char **taken, struct mls_error *err)
{
    int64_t at = mls_schema_need(schema, o->record, o->option, err);

    if (at < 0)
        return false;
    if (taken[at] != NULL)
        return mls_fail(err, MLS_USAGE,
                        "column \"%s\" is named by both %s and %s",
                        mls_show_text(schema->fields[at].name).text, taken[at],
                        o->option);
    if (!o->list && !check_free(schema, at, o, err))
        return false;
    taken[at] = o->option;
    schema->fields[at].role = o->role;
    return true;
}

static bool set_list(struct mls_schema *schema, const struct role_option *o,
                     const char **taken, struct mls_error *err)
{
    int64_t count = 0;
    int64_t *positions =
        mls_schema_columns(schema, o->record, o->option, &count, err);
    bool ok = positions != NULL;

    for (int64_t i = 0; ok && i < count; i++) {
        struct role_option one = *o;

        one.record = schema->fields[positions[i]].name;
        ok = set_one(schema, &one, taken, err);
    }
    mls_free(positions);
    return ok;
}

bool mls_schema_set_roles(struct mls_schema *schema,
                          const struct mls_roles *roles, struct mls_error *err)
{
    const struct role_option options[] = {
        { "--target", roles->target, MLS_ROLE_TARGET, false },
        { "--weight", roles->weight, MLS_ROLE_WEIGHT, false },
        { "--offset", roles->offset, MLS_ROLE_OFFSET, false },
        { "--group", roles->group, MLS_ROLE_GROUP, false },
        { "--time", roles->time, MLS_ROLE_TIME, false },
        { "--id", roles->id, MLS_ROLE_ID, true },
        { "--ignore", roles->ignore, MLS_ROLE_IGNORED, true },
    };
    const char **taken = mls_new(schema->count, sizeof(*taken), err);
    bool ok = taken != NULL;

    for (size_t i = 0; ok && i < sizeof(options) / sizeof(*options); i++) {
        const struct role_option *o = &options[i];

        if (o->record == NULL)
            continue;
        ok = o->list ? set_list(schema, o, taken, err)
                     : set_one(schema, o, taken, err);
    }
    mls_free(taken);
    return ok;
}
