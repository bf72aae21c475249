/*
 * Drops columns: the named ones (--drop id,note), or all features of some
 * kinds (kinds=text,date), which is how a recipe for a learner that wants
 * numbers says what it does with the rest.  Nothing is learned.
 */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "transform/transforms.h"

struct drop_params {
    char *kinds;
};

#define FIELD(name) #name, .at = offsetof(struct drop_params, name)
static const struct mls_param params[] = {
    { FIELD(kinds), .kind = MLS_TEXT, .value = "KIND,...",
      .help = "drop every feature of these kinds: real, integer, boolean, "
              "category, date, text" },
    { 0 }
};

/* Whether the comma-separated list holds the word. */
static bool list_holds(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; *at;) {
        size_t item = strcspn(at, ",");

        if (item == length && memcmp(at, word, length) == 0)
            return true;
        at += item + (at[item] == ',');
    }
    return false;
}

static bool takes(const struct mls_step *step, const struct mls_field *field,
                  enum mls_storage storage, struct mls_error *err)
{
    const struct drop_params *p = step->params;

    (void)storage;
    /* Named, or all of them with "*". */
    if (step->columns)
        return true;
    if (p->kinds && list_holds(p->kinds, mls_kind_name(field->kind)))
        return true;
    return mls_fail(err, MLS_DATA, "step %s is not told to drop it",
                    step->name);
}

static bool check_kinds(const struct mls_step *step, const char *kinds,
                        struct mls_error *err)
{
    struct mls_list list = { 0 };
    enum mls_kind kind;
    bool ok = mls_list_split(kinds, &list, err);

    for (int64_t i = 0; ok && i < list.count; i++) {
        if (mls_kind_parse(list.items[i], &kind))
            continue;
        mls_fail(err, MLS_USAGE, "step %s: \"%s\" is no kind of column",
                 step->name, mls_show_text(list.items[i]).text);
        ok = mls_fail_fix(err, "kinds are real, integer, boolean, category, "
                               "date, text");
    }
    mls_list_clear(&list);
    return ok;
}

static bool fit(struct mls_step *step, const struct mls_step_input *in,
                struct mls_error *err)
{
    const struct drop_params *p = step->params;

    (void)in;
    if (p->kinds && step->columns)
        return mls_fail(err, MLS_USAGE,
                        "step %s: give columns or kinds, not both",
                        step->name);
    if (p->kinds)
        return check_kinds(step, p->kinds, err);
    if (step->columns)
        return true;
    mls_fail(err, MLS_USAGE, "step %s is not told what to drop", step->name);
    return mls_fail_fix(err, "name the columns (--drop a,b) or their kinds "
                             "(--set %s.kinds=text,date)",
                        step->name);
}

static bool plan_input(const struct mls_step *step, int64_t k,
                       const struct mls_field *field, struct mls_plan *plan,
                       struct mls_error *err)
{
    (void)step;
    (void)k;
    (void)field;
    (void)plan;
    (void)err;
    return true;
}

static bool describe(const struct mls_step *step, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *dropped = mls_json_add_array(to, "dropped", err);
    bool ok = dropped != NULL;

    for (int64_t k = 0; ok && k < step->input_count; k++)
        ok = mls_json_add_text(dropped, NULL, step->input_names.items[k], err);
    return ok;
}

const struct mls_step_type mls_step_drop = {
    .name = "drop",
    .family = "drop",
    .primary = "columns",
    .summary = "drops columns by name or by kind",
    .source = "nothing is computed",
    .fits = MLS_KINDS_ALL,
    .params = params,
    .params_size = sizeof(struct drop_params),
    .takes = takes,
    .fit = fit,
    .plan_input = plan_input,
    .describe = describe,
};
