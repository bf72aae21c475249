/*
 * The recipe: which steps, in which order, with which params.  It comes from
 * four places, later ones on top of earlier ones:
 *
 *   the learner's default ─ or a file of steps ─ or another pipeline
 *        └── --impute, --encode, ... replace the steps of their family
 *              └── --set STEP.KEY=VALUE changes a param
 *
 * A file of steps is JSON: [{"step":"impute","columns":["age"],
 * "strategy":"median"}, ...].
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>

#include "base/file.h"
#include "base/number.h"

const struct mls_step_type *mls_recipe_type(const char *name)
{
    const struct mls_step_type *type =
        mls_step_type_find(mls_transforms, name);

    return type ? type : mls_step_type_find(mls_selectors, name);
}

static int64_t type_names(const char **names, int64_t room)
{
    int64_t n = 0;

    for (int i = 0; mls_transforms[i] && n < room; i++)
        names[n++] = mls_transforms[i]->name;
    for (int i = 0; mls_selectors[i] && n < room; i++)
        names[n++] = mls_selectors[i]->name;
    return n;
}

static const struct mls_step_type *need_type(const char *name,
                                             struct mls_error *err)
{
    const struct mls_step_type *type = mls_recipe_type(name);
    const char *names[256];
    const char *near;

    if (type)
        return type;
    mls_fail(err, MLS_USAGE, "there is no step \"%s\"",
             mls_show_text(name).text);
    near = mls_nearest(name, names, type_names(names, 256));
    if (near)
        mls_fail_fix(err, "did you mean %s?", near);
    else
        mls_fail_fix(err, "mlspec help steps lists them");
    return NULL;
}

/* "impute", "impute2", ...: the first that no step has yet. */
static void name_of_next(const struct mls_pipeline *p,
                         const struct mls_step_type *type, char *name,
                         size_t size)
{
    int64_t same = 1;

    for (int64_t i = 0; i < p->step_count; i++)
        if (p->steps[i]->type == type)
            same++;
    if (same == 1)
        snprintf(name, size, "%s", type->name);
    else
        snprintf(name, size, "%s%" PRId64, type->name, same);
}

static bool insert(struct mls_pipeline *p, struct mls_step *takes, int64_t at,
                   struct mls_error *err)
{
    if (!mls_grow(&p->steps, p->step_count, &p->step_capacity,
                  sizeof *p->steps, err)) {
        mls_step_free(takes);
        return false;
    }
    memmove(p->steps + at + 1, p->steps + at,
            (size_t)(p->step_count - at) * sizeof *p->steps);
    p->steps[at] = takes;
    p->step_count++;
    return true;
}

static struct mls_step *add_at(struct mls_pipeline *p,
                               const struct mls_step_type *type, int64_t at,
                               struct mls_error *err)
{
    char name[80];
    struct mls_step *step;

    name_of_next(p, type, name, sizeof name);
    step = mls_step_new(type, name, err);
    return step && insert(p, step, at, err) ? step : NULL;
}

struct mls_step *mls_recipe_add(struct mls_pipeline *p,
                                const struct mls_step_type *type,
                                struct mls_error *err)
{
    return add_at(p, type, p->step_count, err);
}

static void remove_at(struct mls_pipeline *p, int64_t at)
{
    mls_step_free(p->steps[at]);
    p->step_count--;
    memmove(p->steps + at, p->steps + at + 1,
            (size_t)(p->step_count - at) * sizeof *p->steps);
}

/* Sets one KEY=VALUE given as one text. */
static bool set_pair(struct mls_step *step, char *pair, struct mls_error *err)
{
    char *equals = strchr(pair, '=');

    if (!equals) {
        mls_fail(err, MLS_USAGE, "step %s: \"%s\" is not KEY=VALUE",
                 step->name, mls_show_text(pair).text);
        return mls_fail_fix(err, "write for example strategy=median");
    }
    *equals = '\0';
    return mls_step_set(step, pair, equals + 1, err);
}

/* Cuts "KEY=A,B,KEY=C" after the first pair: a comma that no '=' follows before
 * the next one belongs to the value. */
static char *next_pair(char *pair)
{
    for (char *comma = strchr(pair, ','); comma; comma = strchr(comma + 1, ','))
        if (strcspn(comma + 1, "=") < strcspn(comma + 1, ",")) {
            *comma = '\0';
            return comma + 1;
        }
    return NULL;
}

static bool add_one_text(struct mls_pipeline *p, char *word,
                         struct mls_error *err)
{
    char *open = strchr(word, '(');
    char *pair, *next, *close;
    const struct mls_step_type *type;
    struct mls_step *step;

    if (open) {
        *open = '\0';
        close = strchr(open + 1, ')');
        if (close)
            *close = '\0';
    }
    type = need_type(word, err);
    step = type ? mls_recipe_add(p, type, err) : NULL;
    if (!step)
        return false;
    for (pair = open ? open + 1 : NULL; pair && *pair; pair = next) {
        next = next_pair(pair);
        if (!set_pair(step, pair, err))
            return false;
    }
    return true;
}

bool mls_recipe_add_text(struct mls_pipeline *p, const char *text,
                         struct mls_error *err)
{
    char *copy = mls_copy_text(text, err);
    char *word = copy, *end;
    bool ok = copy != NULL;

    while (ok && *word) {
        word += strspn(word, " ");
        end = word + strcspn(word, " ");
        if (end == word)
            break;
        if (*end)
            *end++ = '\0';
        ok = add_one_text(p, word, err);
        word = end;
    }
    mls_free(copy);
    return ok;
}

/* --- JSON ------------------------------------------------------------- */

/* One item of a CSV record, quoted only where it must be: "*" with quotes
 * would be a column of that name, and not all of them. */
static void add_item(struct mls_text *text, const char *name)
{
    if (*name != '\0' && !strpbrk(name, ",\"")) {
        mls_text_add(text, name);
        return;
    }
    mls_text_add(text, "\"");
    for (; *name; name++) {
        mls_text_add_bytes(text, name, 1);
        if (*name == '"')
            mls_text_add(text, "\"");
    }
    mls_text_add(text, "\"");
}

/* An array of texts becomes one CSV record of names. */
static bool record_of(const struct mls_json *array, struct mls_text *text,
                      struct mls_error *err)
{
    const struct mls_json *item = mls_json_first(array);

    if (!item) {
        mls_fail(err, MLS_USAGE, "a list is empty");
        return mls_fail_fix(err, "leave it out, or name something");
    }
    for (; item; item = mls_json_next(item)) {
        const char *name = mls_json_text(item, NULL);

        if (!name)
            return mls_fail(err, MLS_USAGE,
                            "a list holds something that is not a text");
        if (text->length)
            mls_text_add(text, ",");
        add_item(text, name);
    }
    return mls_text_ok(text, err);
}

bool mls_recipe_json_text(const struct mls_json *value, struct mls_text *text,
                          struct mls_error *err)
{
    switch (mls_json_kind_of(value)) {
    case MLS_JSON_TRUE:
        mls_text_add(text, "true");
        break;
    case MLS_JSON_FALSE:
        mls_text_add(text, "false");
        break;
    case MLS_JSON_NUMBER:
        mls_text_add_real(text, mls_json_real(value, 0));
        break;
    case MLS_JSON_STRING:
        mls_text_add(text, mls_json_text(value, ""));
        break;
    case MLS_JSON_ARRAY:
        return record_of(value, text, err);
    default:
        return mls_fail(err, MLS_USAGE,
                        "a value must be a number, a text, true, false or a "
                        "list of texts");
    }
    return mls_text_ok(text, err);
}

/* An error about a step becomes one about the file it stands in. */
static bool in_file(struct mls_error *err, const char *file,
                    enum mls_code code)
{
    if (err->code == MLS_USAGE || err->code == MLS_DATA)
        err->code = code;
    return mls_fail_at(err, file, 0, 0, NULL);
}

static bool set_member(struct mls_step *step, const struct mls_json *member,
                       struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok = mls_recipe_json_text(member, &text, err)
        && mls_step_set(step, mls_json_key(member),
                        text.bytes ? text.bytes : "", err);

    mls_text_clear(&text);
    return ok;
}

bool mls_recipe_step_from_json(struct mls_pipeline *p,
                               const struct mls_json *from, const char *file,
                               enum mls_code code, struct mls_error *err)
{
    const char *name = mls_json_text(mls_json_get(from, "step"), NULL);
    const struct mls_step_type *type;
    const struct mls_json *member;
    struct mls_step *step;

    if (mls_json_kind_of(from) != MLS_JSON_OBJECT || !name) {
        mls_fail(err, code, "each step is an object with a member \"step\"");
        mls_fail_fix(err, "write for example {\"step\":\"impute\"}");
        return mls_fail_at(err, file, 0, 0, NULL);
    }
    type = need_type(name, err);
    step = type ? mls_recipe_add(p, type, err) : NULL;
    if (!step)
        return in_file(err, file, code);
    for (member = mls_json_first(from); member; member = mls_json_next(member))
        if (strcmp(mls_json_key(member), "step") != 0
            && !set_member(step, member, err))
            return in_file(err, file, code);
    return true;
}

static bool read_steps_file(struct mls_pipeline *p, const char *path,
                            struct mls_error *err)
{
    size_t length;
    char *bytes = mls_file_read(path, 64 << 20, &length, err);
    struct mls_json *json =
        bytes ? mls_json_parse(bytes, length, path, MLS_USAGE, err) : NULL;
    const struct mls_json *item;
    bool ok = json != NULL;

    if (ok && mls_json_kind_of(json) != MLS_JSON_ARRAY) {
        mls_fail(err, MLS_USAGE, "a recipe is a list of steps");
        mls_fail_fix(err, "write for example [{\"step\":\"impute\"}]");
        ok = mls_fail_at(err, path, 0, 0, NULL);
    }
    for (item = mls_json_first(json); ok && item; item = mls_json_next(item))
        ok = mls_recipe_step_from_json(p, item, path, MLS_USAGE, err);
    mls_json_free(json);
    mls_free(bytes);
    return ok;
}

static bool param_to_json(const struct mls_param *param, const void *values,
                          struct mls_json *to, struct mls_error *err)
{
    const char *at = (const char *)values + param->at;
    const char *text;
    char shown[256];

    switch (param->kind) {
    case MLS_FLAG:
        return mls_json_add_bool(to, param->name, *(const bool *)at, err);
    case MLS_REAL:
    case MLS_DURATION:
        if (!mls_param_is_auto(param, values))
            return mls_json_add_real(to, param->name, *(const double *)at,
                                     err);
        break;
    case MLS_INTEGER:
    case MLS_SIZE:
        if (!mls_param_is_auto(param, values))
            return mls_json_add_integer(to, param->name,
                                        *(const int64_t *)at, err);
        break;
    case MLS_TEXT:
    case MLS_COLUMNS:
        text = *(const char *const *)at;
        return !text || mls_json_add_text(to, param->name, text, err);
    default:
        break;
    }
    mls_param_format(param, values, shown, sizeof shown);
    return mls_json_add_text(to, param->name, shown, err);
}

bool mls_recipe_params_to_json(const struct mls_param *table,
                               const void *values, struct mls_json *to,
                               struct mls_error *err)
{
    for (const struct mls_param *param = table; param && param->name; param++)
        if (!param_to_json(param, values, to, err))
            return false;
    return true;
}

static bool columns_to_json(const char *record, struct mls_json *to,
                            struct mls_error *err)
{
    struct mls_list list = { 0 };
    struct mls_json *array = NULL;
    bool ok = mls_list_split(record, &list, err)
        && (array = mls_json_add_array(to, "columns", err)) != NULL;

    for (int64_t i = 0; ok && i < list.count; i++)
        ok = mls_json_add_text(array, NULL, list.items[i], err);
    mls_list_clear(&list);
    return ok;
}

bool mls_recipe_step_to_json(const struct mls_step *step, struct mls_json *to,
                             struct mls_error *err)
{
    return mls_json_add_text(to, "step", step->type->name, err)
        && (!step->columns || columns_to_json(step->columns, to, err))
        && mls_recipe_params_to_json(step->type->params, step->params, to,
                                     err);
}

/* --- families and --set ----------------------------------------------- */

static bool is_family(const char *family)
{
    for (int i = 0; mls_transforms[i]; i++)
        if (strcmp(mls_transforms[i]->family, family) == 0)
            return true;
    for (int i = 0; mls_selectors[i]; i++)
        if (strcmp(mls_selectors[i]->family, family) == 0)
            return true;
    return false;
}

/* The type with a primary param, when the family has one. */
static const struct mls_step_type *primary_of(const char *family)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };

    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++)
            if (strcmp(lists[l][i]->family, family) == 0
                && lists[l][i]->primary)
                return lists[l][i];
    return NULL;
}

static const struct mls_step_type *member_of(const char *family,
                                             const char *name,
                                             struct mls_error *err)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };
    const char *names[65] = { "none" };
    struct mls_text all = { 0 };
    const char *near;
    int64_t n = 1;

    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++) {
            if (strcmp(lists[l][i]->family, family) != 0)
                continue;
            if (strcmp(lists[l][i]->name, name) == 0)
                return lists[l][i];
            if (n < 65)
                names[n++] = lists[l][i]->name;
        }
    for (int64_t i = 0; i < n; i++) {
        mls_text_add(&all, i ? ", " : "");
        mls_text_add(&all, names[i]);
    }
    mls_fail(err, MLS_USAGE, "--%s takes one of %s, not \"%s\"", family,
             all.bytes ? all.bytes : "", mls_show_text(name).text);
    near = mls_nearest(name, names, n);
    if (near)
        mls_fail_fix(err, "did you mean %s?", near);
    mls_text_clear(&all);
    return NULL;
}

static int64_t find_family(const struct mls_pipeline *p, const char *family)
{
    for (int64_t i = 0; i < p->step_count; i++)
        if (strcmp(p->steps[i]->type->family, family) == 0)
            return i;
    return -1;
}

static void remove_family(struct mls_pipeline *p, const char *family)
{
    int64_t at;

    while ((at = find_family(p, family)) >= 0)
        remove_at(p, at);
}

/* Whether the words of a list, with spaces between, hold one. */
static bool holds_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; *at;) {
        size_t item = strcspn(at, " ");

        if (item == length && memcmp(at, word, length) == 0)
            return true;
        at += item + (at[item] == ' ');
    }
    return false;
}

/* A step that only takes columns away, and not by looking at the data, goes
 * before all others: later its column may have become another.  For the same
 * reason some steps must come before those of some families. */
static int64_t place_for(const struct mls_pipeline *p,
                         const struct mls_step_type *type, int64_t found)
{
    bool drops = !type->apply && mls_step_type_find(mls_transforms, type->name);

    if (found >= 0)
        return found;
    if (drops)
        return 0;
    for (int64_t i = 0; type->before && i < p->step_count; i++)
        if (holds_word(type->before, p->steps[i]->type->family))
            return i;
    return p->step_count;
}

/* first: the first time this family is named, so the defaults give way. */
static bool apply_family(struct mls_pipeline *p, const char *family,
                         const char *value, bool first, struct mls_error *err)
{
    const struct mls_step_type *type = primary_of(family);
    int64_t found = first ? find_family(p, family) : -1;
    struct mls_step *step;

    if (!is_family(family))
        return mls_fail(err, MLS_USAGE, "there is no family of steps \"%s\"",
                        mls_show_text(family).text);
    if (strcmp(value, "none") == 0) {
        remove_family(p, family);
        return true;
    }
    if (type) {
        if (found >= 0)
            return mls_step_set(p->steps[found], type->primary, value, err);
        step = add_at(p, type, place_for(p, type, found), err);
        return step && mls_step_set(step, type->primary, value, err);
    }
    type = member_of(family, value, err);
    if (!type)
        return false;
    if (first)
        remove_family(p, family);
    if (found > p->step_count)
        found = p->step_count;
    return add_at(p, type, place_for(p, type, found), err) != NULL;
}

static bool named_before(const struct mls_settings *settings, int64_t i,
                         size_t length)
{
    for (int64_t j = 0; j < i; j++)
        if (strncmp(settings->families[j], settings->families[i],
                    length + 1) == 0)
            return true;
    return false;
}

static bool apply_families(struct mls_pipeline *p,
                           const struct mls_settings *settings,
                           struct mls_error *err)
{
    for (int64_t i = 0; i < settings->family_count; i++) {
        const char *pair = settings->families[i];
        const char *equals = strchr(pair, '=');
        char family[64];
        size_t length = equals ? (size_t)(equals - pair) : 0;

        if (!equals || length >= sizeof family)
            return mls_fail(err, MLS_USAGE, "\"%s\" is not FAMILY=VALUE",
                            mls_show_text(pair).text);
        memcpy(family, pair, length);
        family[length] = '\0';
        if (!apply_family(p, family, equals + 1,
                          !named_before(settings, i, length), err))
            return false;
    }
    return true;
}

/* The steps of another pipeline; with what they learned when frozen, to be
 * restored once the schema is complete. */
static bool copy_steps(struct mls_pipeline *p, const struct mls_pipeline *from,
                       bool frozen, struct mls_error *err)
{
    for (int64_t i = 0; i < from->step_count; i++) {
        const struct mls_step *old = from->steps[i];
        struct mls_step *step = mls_step_copy(old, err);

        if (!step || !insert(p, step, p->step_count, err))
            return false;
        if (!frozen)
            continue;
        if (!mls_arrays_copy(&step->arrays, "", &old->arrays, err))
            return false;
        for (int64_t k = 0; k < old->input_names.count; k++)
            if (!mls_list_add(&step->input_names, old->input_names.items[k],
                              err))
                return false;
    }
    return true;
}

static bool base_steps(struct mls_pipeline *p,
                       const struct mls_settings *settings,
                       struct mls_error *err)
{
    const struct mls_learner_type *base = p->learner;

    if (settings->steps_file)
        return read_steps_file(p, settings->steps_file, err);
    if (settings->from)
        return copy_steps(p, settings->from, settings->frozen, err);
    if (!base && settings->base_learner) {
        base = strcmp(settings->base_learner, "auto") == 0
            ? mls_learner_plain(p->task)
            : mls_learner_find(settings->base_learner, p->task, err);
        if (!base)
            return false;
    }
    return !base || !base->steps || mls_recipe_add_text(p, base->steps, err);
}

bool mls_recipe_build(struct mls_pipeline *p,
                      const struct mls_settings *settings,
                      struct mls_error *err)
{
    p->frozen = settings->frozen;
    if (settings->frozen && (settings->family_count || settings->steps_file)) {
        mls_fail(err, MLS_USAGE,
                 "--frozen keeps the fitted steps, so they cannot be changed");
        return mls_fail_fix(err, "leave out --frozen or the step options");
    }
    return base_steps(p, settings, err) && apply_families(p, settings, err);
}
