/*
 * Options from a JSON file.
 *
 *   { "seed": 7, "threads": 4,
 *     "train":   { "data": "churn.csv", "target": "churn",
 *                  "output": "m.mlspec", "id": ["customer", "order"],
 *                  "set": { "l2": 0.1 } },
 *     "predict": { "model": "m.mlspec", "proba": true } }
 *
 * Keys at the top are for all commands that have them, those in a command's
 * object for that one.  Keys are the long names of the command line, `data` is
 * the positional; a list is an array; what holds KEY=VALUE is an object.
 * Every key of the file is checked, also those of other commands: a slip must
 * not wait for the day that command runs.
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "cli/options.h"

#define CONFIG_LIMIT (16 << 20)

struct config {
    const char *path;
    const struct command *command;      /* whose options are set */
    struct options *o;
};

static bool bad_value(const struct config *c, const char *key,
                      const char *wants, struct mls_error *err)
{
    mls_fail(err, MLS_USAGE, "\"%s\" must be %s", mls_show_text(key).text,
             wants);
    return mls_fail_at(err, c->path, 0, 0, NULL);
}

/* One field of a CSV record, always in quotes. */
static void add_field(struct mls_text *record, const char *name)
{
    mls_text_add(record, record->length ? ",\"" : "\"");
    for (; *name; name++) {
        mls_text_add_bytes(record, name, 1);
        if (*name == '"')
            mls_text_add(record, "\"");
    }
    mls_text_add(record, "\"");
}

static bool scalar_text(const struct config *c, const struct mls_json *json,
                        const char *key, struct mls_text *text,
                        struct mls_error *err)
{
    int64_t whole;

    switch (mls_json_kind_of(json)) {
    case MLS_JSON_TRUE:
        mls_text_add(text, "true");
        break;
    case MLS_JSON_FALSE:
        mls_text_add(text, "false");
        break;
    case MLS_JSON_STRING:
        mls_text_add(text, mls_json_text(json, ""));
        break;
    case MLS_JSON_NUMBER:
        if (mls_json_integer(json, &whole))
            mls_text_add_integer(text, whole);
        else
            mls_text_add_real(text, mls_json_real(json, 0));
        break;
    default:
        return bad_value(c, key, "a number, a text, true or false", err);
    }
    return mls_text_ok(text, err);
}

/* An array: a record of names for COLUMNS. */
static bool array_text(const struct config *c, const struct mls_json *json,
                       const char *key, struct mls_text *text,
                       struct mls_error *err)
{
    const struct mls_json *item;

    for (item = mls_json_first(json); item; item = mls_json_next(item)) {
        const char *name = mls_json_text(item, NULL);

        if (!name)
            return bad_value(c, key, "an array of texts", err);
        add_field(text, name);
    }
    return mls_text_ok(text, err);
}

static bool set_text(const struct config *c, const struct option *option,
                     const char *text, struct mls_error *err)
{
    if (options_set(option, text, c->o, err))
        return true;
    return mls_fail_at(err, c->path, 0, 0, NULL);
}

/* {"l2": 0.1} as l2=0.1, for an option that may be given several times. */
static bool set_pairs(const struct config *c, const struct option *option,
                      const struct mls_json *json, struct mls_error *err)
{
    const struct mls_json *item;

    for (item = mls_json_first(json); item; item = mls_json_next(item)) {
        struct mls_text pair = { 0 };
        bool ok;

        mls_text_add(&pair, mls_json_key(item));
        mls_text_add(&pair, "=");
        ok = scalar_text(c, item, mls_json_key(item), &pair, err)
            && set_text(c, option, pair.bytes, err);
        mls_text_clear(&pair);
        if (!ok)
            return false;
    }
    return true;
}

static bool set_items(const struct config *c, const struct option *option,
                      const struct mls_json *json, struct mls_error *err)
{
    const struct mls_json *item;

    for (item = mls_json_first(json); item; item = mls_json_next(item)) {
        const char *text = mls_json_text(item, NULL);

        if (!text)
            return bad_value(c, option->key, "an array of texts", err);
        if (!set_text(c, option, text, err))
            return false;
    }
    return true;
}

/* "no_header": true is "header": false. */
static bool set_off(const struct config *c, const struct option *option,
                    const struct mls_json *json, struct mls_error *err)
{
    struct option on = *option;
    enum mls_json_kind kind = mls_json_kind_of(json);

    if (kind != MLS_JSON_TRUE && kind != MLS_JSON_FALSE)
        return bad_value(c, mls_json_key(json), "true or false", err);
    if (kind == MLS_JSON_TRUE)
        return set_text(c, option, NULL, err);
    on.off = false;
    return on.origin == OPTION_FAMILY || set_text(c, &on, "true", err);
}

static bool set_value(const struct config *c, const struct option *option,
                      const struct mls_json *json, struct mls_error *err)
{
    enum mls_json_kind kind = mls_json_kind_of(json);
    bool list = option->param && option->param->kind == MLS_LIST;
    bool columns = !option->param || option->param->kind == MLS_COLUMNS;
    struct mls_text text = { 0 };
    bool ok;

    if (option->param && (strcmp(option->param->name, "config") == 0
                          || strcmp(option->param->name, "help") == 0)) {
        mls_fail(err, MLS_USAGE, "\"%s\" belongs on the command line",
                 option->param->name);
        return mls_fail_at(err, c->path, 0, 0, NULL);
    }
    if (option->off)
        return set_off(c, option, json, err);
    if (list && kind == MLS_JSON_OBJECT)
        return set_pairs(c, option, json, err);
    if (list && kind == MLS_JSON_ARRAY)
        return set_items(c, option, json, err);
    if (columns && kind == MLS_JSON_ARRAY)
        ok = array_text(c, json, option->key, &text, err);
    else
        ok = scalar_text(c, json, option->key, &text, err);
    ok = ok && set_text(c, option, text.bytes ? text.bytes : "", err);
    mls_text_clear(&text);
    return ok;
}

static bool set_data(const struct config *c, const struct mls_json *json,
                     struct mls_error *err)
{
    const char *text = mls_json_text(json, NULL);

    if (!text)
        return bad_value(c, "data", "a text", err);
    mls_free(c->o->data);
    c->o->data = mls_copy_text(text, err);
    return c->o->data != NULL;
}

/* The same key in other dress: "min-rows" beside "min_rows", "label" beside
 * "target". */
static bool check_repeat(const struct config *c,
                         const struct command *command,
                         const struct mls_json *first,
                         const struct mls_json *item, struct mls_error *err)
{
    struct option mine = options_find(command, mls_json_key(item));

    for (; first != item && mine.origin == OPTION_SHARED;
         first = mls_json_next(first))
        if (options_find(command, mls_json_key(first)).param == mine.param) {
            mls_fail(err, MLS_USAGE, "\"%s\" and \"%s\" are the same option",
                     mls_show_text(mls_json_key(first)).text,
                     mls_show_text(mls_json_key(item)).text);
            return mls_fail_at(err, c->path, 0, 0, NULL);
        }
    return true;
}

static bool read_object(const struct config *c, const struct command *command,
                        const struct mls_json *object, struct mls_error *err)
{
    const struct mls_json *first = mls_json_first(object), *item;

    for (item = first; item; item = mls_json_next(item)) {
        const char *key = mls_json_key(item);
        struct option option = options_find(command, key);
        bool data = command->data && strcmp(key, "data") == 0;

        if (!data && option.origin == OPTION_NONE) {
            options_unknown(command, key, "key", err);
            return mls_fail_at(err, c->path, 0, 0, NULL);
        }
        if (!check_repeat(c, command, first, item, err)
            || (data && !set_data(c, item, err))
            || (!data && !set_value(c, &option, item, err)))
            return false;
    }
    return true;
}

/* The object of a command that does not run now, into options that are thrown
 * away. */
static bool try_object(const char *path, const struct command *command,
                       const struct mls_json *object, struct mls_error *err)
{
    struct options scratch;
    struct config c = { path, command, &scratch };
    bool ok;

    mls_params_init(cli_options, &scratch, sizeof scratch);
    ok = read_object(&c, command, object, err);
    options_clear(&scratch);
    return ok;
}

static bool known_anywhere(const char *key)
{
    for (int i = 0; cli_commands[i]; i++)
        if (options_find(cli_commands[i], key).origin != OPTION_NONE)
            return true;
    return strcmp(key, "data") == 0;
}

/* Keys at the top: options, and one object a command. */
static bool read_top(const struct config *c, const struct mls_json *top,
                     struct mls_error *err)
{
    const struct mls_json *first = mls_json_first(top), *item;

    for (item = first; item; item = mls_json_next(item)) {
        const char *key = mls_json_key(item);
        struct option option = options_find(c->command, key);

        if (cli_command_find(key)
            && mls_json_kind_of(item) == MLS_JSON_OBJECT)
            continue;
        if (cli_command_find(key) && option.origin == OPTION_NONE)
            return bad_value(c, key, "an object of options", err);
        if (strcmp(key, "data") == 0 && c->command->data) {
            if (!set_data(c, item, err))
                return false;
        } else if (option.origin != OPTION_NONE) {
            if (!check_repeat(c, c->command, first, item, err)
                || !set_value(c, &option, item, err))
                return false;
        } else if (!known_anywhere(key)) {
            options_unknown(c->command, key, "key", err);
            return mls_fail_at(err, c->path, 0, 0, NULL);
        }
    }
    return true;
}

static bool read_commands(const struct config *c, const struct mls_json *top,
                          struct mls_error *err)
{
    const struct mls_json *item;

    for (item = mls_json_first(top); item; item = mls_json_next(item)) {
        const struct command *command = cli_command_find(mls_json_key(item));

        if (mls_json_kind_of(item) != MLS_JSON_OBJECT)
            continue;
        if (command && command != c->command
            && !try_object(c->path, command, item, err))
            return false;
        if (command && command == c->command
            && !read_object(c, command, item, err))
            return false;
    }
    return true;
}

bool config_read(const struct command *command, const char *path,
                 struct options *o, struct mls_error *err)
{
    struct config c = { path, command, o };
    size_t length;
    char *bytes = mls_file_read(path, CONFIG_LIMIT, &length, err);
    struct mls_json *top =
        bytes ? mls_json_parse(bytes, length, path, MLS_USAGE, err) : NULL;
    bool ok = top != NULL;

    if (ok && mls_json_kind_of(top) != MLS_JSON_OBJECT) {
        mls_fail(err, MLS_USAGE, "a config file is one JSON object");
        ok = mls_fail_at(err, path, 0, 0, NULL);
    }
    ok = ok && read_top(&c, top, err) && read_commands(&c, top, err);
    mls_json_free(top);
    mls_free(bytes);
    return ok;
}
