/*
 * The reading of argv.
 *
 *   --name VALUE   --name=VALUE   -n VALUE   -nVALUE   -abc   --no-flag   --
 *
 * argv is walked twice: once for --config alone, then, on top of what that
 * file says, for everything.  Names are never abbreviated: a script must not
 * break when an option is added.
 */
#include "base/memory.h"
#include "cli/options.h"

struct walk {
    const struct command *command;
    int argc;
    char **argv;
    int at;                     /* of the argument being read */
    bool config_only;
    int64_t config_families;    /* families that the config file named */
    bool data_given;
    struct options *o;
};

static bool assign(struct walk *w, const struct option *option,
                   const char *text, struct mls_error *err)
{
    if (w->config_only
        && (!option->param || strcmp(option->param->name, "config") != 0))
        return true;
    /* Families named on the command line replace those of the file. */
    if (option->origin == OPTION_FAMILY)
        w->config_families -= options_drop_key(&w->o->families, option->family,
                                            w->config_families);
    return options_set(option, text, w->o, err);
}

/* Whether a word is an option that this command has: "-o --json" is a slip. */
static bool is_option(const struct walk *w, const char *word)
{
    char name[80];

    if (strncmp(word, "--", 2) != 0)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="),
             word + 2);
    return options_find(w->command, name).origin != OPTION_NONE;
}

static bool next_value(struct walk *w, const struct option *option,
                       const char *shown, const char **text,
                       struct mls_error *err)
{
    const char *value = option->param ? option->param->value : "VALUE";

    if (w->at + 1 < w->argc && !is_option(w, w->argv[w->at + 1])) {
        *text = w->argv[++w->at];
        return true;
    }
    mls_fail(err, MLS_USAGE, "%s needs a value", shown);
    if (w->at + 1 < w->argc)
        return mls_fail_fix(err, "%s follows it, which is an option",
                            mls_show_text(w->argv[w->at + 1]).text);
    return mls_fail_fix(err, "write %s %s", shown, value ? value : "VALUE");
}

static bool read_long(struct walk *w, struct mls_error *err)
{
    const char *word = w->argv[w->at] + 2;
    const char *equals = strchr(word, '=');
    const char *text = equals ? equals + 1 : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    struct option option;
    char name[80], shown[90];

    snprintf(name, sizeof name, "%.*s", (int)length, word);
    option = options_find(w->command, name);
    snprintf(shown, sizeof shown, "--%s", name);
    if (option.origin == OPTION_NONE)
        return options_unknown(w->command, name, "option", err);
    if (option.off && text) {
        mls_fail(err, MLS_USAGE, "%s takes no value", shown);
        return mls_fail_fix(err, "write %s", shown);
    }
    if (!options_is_flag(&option) && !text
        && !next_value(w, &option, shown, &text, err))
        return false;
    return assign(w, &option, text, err);
}

static bool unknown_letter(const struct walk *w, char letter,
                           struct mls_error *err)
{
    mls_fail(err, MLS_USAGE, "there is no option -%s",
             mls_show(&letter, 1).text);
    return mls_fail_fix(err, "mlspec %s --help lists them", w->command->name);
}

/* "-target x" would be read as -t with the value "arget": a slip. */
static bool check_dash(const struct walk *w, struct mls_error *err)
{
    const char *word = w->argv[w->at] + 1;
    char name[80];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    if (!name[1] || options_find(w->command, name).origin == OPTION_NONE)
        return true;
    mls_fail(err, MLS_USAGE, "-%s has one dash, but long options have two",
             name);
    return mls_fail_fix(err, "did you mean --%s? (otherwise write -%c %s)",
                        name, name[0], name + 1);
}

/* -abc is -a -b -c, until one takes a value: the rest is its value. */
static bool read_letters(struct walk *w, struct mls_error *err)
{
    struct mls_param table[OPTIONS_LIMIT];
    const char *letter = w->argv[w->at] + 1;

    if (!check_dash(w, err))
        return false;
    options_table(w->command, table);
    for (; *letter; letter++) {
        const struct mls_param *row = table;
        struct option option;
        const char *text = NULL;
        char shown[3] = { '-', *letter, '\0' };

        while (row->name && row->letter != *letter)
            row++;
        if (!row->name)
            return unknown_letter(w, *letter, err);
        option = options_find(w->command, row->name);
        if (row->kind != MLS_FLAG && letter[1])
            text = letter + 1;
        else if (row->kind != MLS_FLAG
                 && !next_value(w, &option, shown, &text, err))
            return false;
        if (!assign(w, &option, text, err))
            return false;
        if (text)
            break;
    }
    return true;
}

static bool read_data(struct walk *w, struct mls_error *err)
{
    const char *word = w->argv[w->at];

    if (w->config_only)
        return true;
    if (!w->command->data) {
        mls_fail(err, MLS_USAGE, "%s takes no argument, but \"%s\" is given",
                 w->command->name, mls_show_text(word).text);
        return mls_fail_fix(err, "mlspec %s --help", w->command->name);
    }
    if (w->data_given) {
        mls_fail(err, MLS_USAGE, "\"%s\" follows \"%s\", but one is enough",
                 mls_show_text(word).text, mls_show_text(w->o->data).text);
        return mls_fail_fix(err, "name one; put quotes around a name with "
                                 "spaces");
    }
    w->data_given = true;
    mls_free(w->o->data);
    w->o->data = mls_copy_text(word, err);
    return w->o->data != NULL;
}

static bool walk(struct walk *w, struct mls_error *err)
{
    bool options = true;

    w->data_given = false;
    for (w->at = 0; w->at < w->argc; w->at++) {
        const char *word = w->argv[w->at];
        bool ok = true;

        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && strncmp(word, "--", 2) == 0)
            ok = read_long(w, err);
        else if (options && word[0] == '-' && word[1])
            ok = read_letters(w, err);
        else
            ok = read_data(w, err);
        if (!ok)
            return false;
    }
    return true;
}

bool options_parse(const struct command *command, int argc, char **argv,
                   struct options *o, struct mls_error *err)
{
    struct walk w = { .command = command, .argc = argc, .argv = argv,
                      .o = o, .config_only = true };

    mls_params_init(cli_options, o, sizeof *o);
    if (!walk(&w, err)
        || (o->config && !config_read(command, o->config, o, err)))
        return false;
    w.config_only = false;
    w.config_families = o->families.count;
    return walk(&w, err);
}
