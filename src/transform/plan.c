/*
 * The plan of a step: where each column after it comes from.
 *
 * One array of fields (the schema) and three of positions beside it, which grow
 * together.  Names are looked up in the schema made so far, so that a clash is
 * found when its second column comes, and both can be named.
 */
#include "base/memory.h"
#include "base/text.h"
#include "transform/step.h"

void mls_plan_clear(struct mls_plan *plan)
{
    mls_schema_clear(&plan->out);
    mls_free(plan->from);
    mls_free(plan->made);
    mls_free(plan->origin);
    *plan = (struct mls_plan){ 0 };
}

static bool plan_room(struct mls_plan *plan, struct mls_error *err)
{
    int64_t room = plan->capacity ? 2 * plan->capacity : 16;

    if (plan->out.count >= MLS_COLUMNS_LIMIT)
        return mls_fail(err, MLS_LIMIT, "a step makes more than %d columns",
                        MLS_COLUMNS_LIMIT);
    if (plan->out.count < plan->capacity)
        return true;
    if (!mls_resize(&plan->from, room, sizeof(*plan->from), err)
        || !mls_resize(&plan->made, room, sizeof(*plan->made), err)
        || !mls_resize(&plan->origin, room, sizeof(*plan->origin), err))
        return false;
    plan->capacity = room;
    return true;
}

static bool fail_clash(const struct mls_plan *plan, int64_t other,
                       const char *name, struct mls_error *err)
{
    const struct mls_field *fields = plan->in->fields;

    mls_fail(err, MLS_DATA,
             "the new column \"%s\" has the name of one that is there already, "
             "from column \"%s\"",
             mls_show_text(name).text,
             mls_show_text(fields[plan->origin[other]].name).text);
    mls_fail_at(err, NULL, 0, 0, fields[plan->current].name);
    return mls_fail_fix(err, "rename one of the two columns, or leave it out "
                             "of the step");
}

static bool plan_add(struct mls_plan *plan, const struct mls_field *field,
                     bool made, struct mls_error *err)
{
    int64_t at = plan->out.count;
    int64_t other = mls_schema_find(&plan->out, field->name);

    if (other >= 0)
        return fail_clash(plan, other, field->name, err);
    if (!plan_room(plan, err) || !mls_schema_add(&plan->out, field, err))
        return false;
    plan->origin[at] = plan->current;
    plan->from[at] = made ? -1 : plan->current;
    plan->made[at] = made ? plan->made_count++ : -1;
    return true;
}

bool mls_plan_keep(struct mls_plan *plan, struct mls_error *err)
{
    return plan_add(plan, &plan->in->fields[plan->current], false, err);
}

bool mls_plan_make(struct mls_plan *plan, const struct mls_field *field,
                   struct mls_error *err)
{
    struct mls_field made = *field;

    made.role = MLS_ROLE_FEATURE;
    made.trait = MLS_TRAIT_NONE;
    made.missing = 0;
    return plan_add(plan, &made, true, err);
}

bool mls_plan_make_real(struct mls_plan *plan, const struct mls_field *field,
                        char mark, const char *suffix, size_t length,
                        struct mls_error *err)
{
    struct mls_text name = { 0 };
    bool ok;

    mls_text_add(&name, field->name);
    mls_text_add_bytes(&name, &mark, 1);
    mls_text_add_bytes(&name, suffix, length);
    ok = mls_text_ok(&name, err);
    if (ok) {
        struct mls_field real = { .name = name.bytes, .kind = MLS_KIND_REAL };

        ok = mls_plan_make(plan, &real, err);
    }
    mls_text_clear(&name);
    return ok;
}
