/*
 * mlspec completion: a script for bash, zsh or fish, from the tables.
 *
 * Each script is one function over a list of commands and, for each, its
 * options; what an option takes (a file, one of some words) is completed by
 * name.
 */
#include "cli/commands.h"
#include "cli/options.h"

static const char *const examples[] = {
    "mlspec completion bash > /etc/bash_completion.d/mlspec",
    "mlspec completion zsh > ~/.zfunc/_mlspec",
    "mlspec completion fish > ~/.config/fish/completions/mlspec.fish",
    NULL
};

/* --- words -------------------------------------------------------------- */

static void add_commands(struct mls_text *text)
{
    for (int i = 0; cli_commands[i]; i++)
        mls_text_format(text, "%s%s", i ? " " : "", cli_commands[i]->name);
}

static bool add_option_words(struct mls_text *text,
                             const struct command *command,
                             struct mls_error *err)
{
    struct mls_list names = { 0 };
    bool ok = options_names(command, &names, err);

    for (int64_t i = 0; ok && i < names.count; i++)
        mls_text_format(text, "%s--%s", i ? " " : "", names.items[i]);
    mls_list_clear(&names);
    return ok;
}

/* The words that an option takes, spaces between; "" when anything goes. */
static void add_value_words(struct mls_text *text, const char *name,
                            const struct mls_param *param)
{
    if (strcmp(name, "learner") == 0 || strcmp(name, "algorithm") == 0) {
        mls_text_add(text, "auto");
        for (int i = 0; mls_learners[i]; i++)
            mls_text_format(text, " %s", mls_learners[i]->name);
    } else if (strcmp(name, "metric") == 0) {
        for (int i = 0; mls_metrics[i]; i++)
            mls_text_format(text, "%s%s", i ? " " : "", mls_metrics[i]->name);
    } else if (strcmp(name, "search") == 0) {
        for (int i = 0; mls_searches[i]; i++)
            mls_text_format(text, "%s%s", i ? " " : "",
                            mls_searches[i]->name);
    } else if (param && param->kind == MLS_CHOICE) {
        for (int i = 0; param->choices[i]; i++)
            mls_text_format(text, "%s%s", i ? " " : "", param->choices[i]);
    }
}

static void add_family_words(struct mls_text *text, const char *family)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };

    mls_text_add(text, "none");
    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++) {
            const struct mls_step_type *type = lists[l][i];
            const struct mls_param *row;

            if (strcmp(type->family, family) != 0)
                continue;
            row = type->primary && type->params
                ? mls_params_find(type->params, type->primary, NULL) : NULL;
            for (int c = 0; row && row->choices && row->choices[c]; c++)
                if (strcmp(row->choices[c], "none") != 0)
                    mls_text_format(text, " %s", row->choices[c]);
            if (!type->primary)
                mls_text_format(text, " %s", type->name);
        }
}

static void add_topics(struct mls_text *text)
{
    add_commands(text);
    mls_text_add(text, " learners steps metrics searches config missing "
                       "exit-status");
    for (int i = 0; mls_learners[i]; i++)
        mls_text_format(text, " %s", mls_learners[i]->name);
    for (int i = 0; mls_transforms[i]; i++)
        mls_text_format(text, " %s", mls_transforms[i]->name);
    for (int i = 0; mls_selectors[i]; i++)
        mls_text_format(text, " %s", mls_selectors[i]->name);
    for (int i = 0; mls_metrics[i]; i++)
        mls_text_format(text, " %s", mls_metrics[i]->name);
}

/* Calls add for every option that takes one of some words. */
static void each_value(struct mls_text *text,
                       void (*add)(struct mls_text *text, const char *option,
                                   const char *words))
{
    const char *family;
    struct mls_text words = { 0 };

    for (const struct mls_param *row = cli_options; row->name; row++) {
        char name[80];

        snprintf(name, sizeof name, "%s", row->name);
        for (char *c = name; *c; c++)
            *c = *c == '_' ? '-' : *c;
        add_value_words(&words, name, row);
        if (words.length)
            add(text, name, words.bytes);
        mls_text_clear(&words);
    }
    for (int64_t i = 0; (family = options_family(i)) != NULL; i++) {
        add_family_words(&words, family);
        if (words.bytes)
            add(text, family, words.bytes);
        mls_text_clear(&words);
    }
}

/* --- bash, and zsh through the same words ------------------------------- */

static void bash_value(struct mls_text *text, const char *option,
                       const char *words)
{
    mls_text_format(text, "        --%s) found=\"%s\" ;;\n", option, words);
}

static bool bash_cases(struct mls_text *text, struct mls_error *err)
{
    for (int i = 0; cli_commands[i]; i++) {
        mls_text_format(text, "        %s) found=\"", cli_commands[i]->name);
        if (strcmp(cli_commands[i]->name, "completion") == 0)
            mls_text_add(text, "bash zsh fish ");
        if (strcmp(cli_commands[i]->name, "help") == 0) {
            add_topics(text);
            mls_text_add(text, " ");
        }
        if (!add_option_words(text, cli_commands[i], err))
            return false;
        mls_text_add(text, "\" ;;\n");
    }
    return true;
}

/* _mlspec_words CURRENT PREVIOUS COMMAND sets found. */
static bool shared_words(struct mls_text *text, struct mls_error *err)
{
    mls_text_add(text, "_mlspec_words() {\n"
                       "    found=\"\"\n"
                       "    case \"$2\" in\n");
    each_value(text, bash_value);
    mls_text_add(text, "    esac\n"
                       "    [ -n \"$found\" ] && return\n"
                       "    case \"$3\" in\n");
    if (!bash_cases(text, err))
        return false;
    mls_text_add(text, "        *) found=\"--help --version ");
    add_commands(text);
    mls_text_add(text, "\" ;;\n    esac\n}\n\n");
    return true;
}

static bool bash(struct mls_text *text, struct mls_error *err)
{
    mls_text_add(text, "# bash completion of mlspec\n");
    if (!shared_words(text, err))
        return false;
    mls_text_add(
        text,
        "_mlspec() {\n"
        "    local found current=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\"\n"
        "    [ \"$COMP_CWORD\" -gt 1 ] && command=\"${COMP_WORDS[1]}\"\n"
        "    _mlspec_words \"$current\" \"${COMP_WORDS[COMP_CWORD-1]}\""
        " \"$command\"\n"
        "    COMPREPLY=($(compgen -W \"$found\" -- \"$current\"))\n"
        "}\n"
        "complete -o default -F _mlspec mlspec\n");
    return true;
}

static bool zsh(struct mls_text *text, struct mls_error *err)
{
    mls_text_add(text, "#compdef mlspec\n# zsh completion of mlspec\n");
    if (!shared_words(text, err))
        return false;
    mls_text_add(
        text,
        "_mlspec() {\n"
        "    local current=\"${words[CURRENT]}\""
        " before=\"${words[CURRENT-1]}\"\n"
        "    local command=\"\"\n"
        "    (( CURRENT > 2 )) && command=\"${words[2]}\"\n"
        "    local found\n"
        "    _mlspec_words \"$current\" \"$before\" \"$command\"\n"
        "    compadd -- ${=found}\n"
        "    [[ \"$current\" != -* ]] && (( CURRENT > 2 )) && _files\n"
        "}\n"
        "compdef _mlspec mlspec\n");
    return true;
}

/* --- fish --------------------------------------------------------------- */

static void fish_quote(struct mls_text *text, const char *word)
{
    mls_text_add(text, "'");
    for (; *word; word++) {
        if (*word == '\'' || *word == '\\')
            mls_text_add(text, "\\");
        mls_text_add_bytes(text, word, 1);
    }
    mls_text_add(text, "'");
}

static void fish_option(struct mls_text *text, const struct command *command,
                        const struct mls_param *row)
{
    struct mls_text words = { 0 };
    char name[80];

    snprintf(name, sizeof name, "%s%s",
             row->kind == MLS_FLAG && row->def != 0 ? "no-" : "", row->name);
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '-' : *c;
    mls_text_format(text,
                    "complete -c mlspec -n '__fish_seen_subcommand_from %s' "
                    "-l %s",
                    command->name, name);
    if (row->letter)
        mls_text_format(text, " -s %c", row->letter);
    add_value_words(&words, row->name, row);
    if (row->kind != MLS_FLAG)
        mls_text_add(text, row->flags & MLS_FILE ? " -r -F" : " -x");
    if (words.length) {
        mls_text_add(text, " -a ");
        fish_quote(text, words.bytes);
    }
    mls_text_add(text, " -d ");
    fish_quote(text, row->help);
    mls_text_add(text, "\n");
    mls_text_clear(&words);
}

static void fish_families(struct mls_text *text, const struct command *command)
{
    const char *family;

    for (int64_t i = 0; (family = options_family(i)) != NULL; i++) {
        struct mls_text words = { 0 };

        add_family_words(&words, family);
        mls_text_format(text,
                        "complete -c mlspec -n '__fish_seen_subcommand_from "
                        "%s' -l %s -x -a '%s'\n",
                        command->name, family, words.bytes ? words.bytes : "");
        mls_text_clear(&words);
    }
}

static bool fish(struct mls_text *text, struct mls_error *err)
{
    struct mls_param table[OPTIONS_LIMIT];
    const struct mls_param *param;

    (void)err;
    mls_text_add(text, "# fish completion of mlspec\n");
    for (int i = 0; cli_commands[i]; i++) {
        const struct command *command = cli_commands[i];

        mls_text_format(text,
                        "complete -c mlspec -n __fish_use_subcommand -f -a %s "
                        "-d ",
                        command->name);
        fish_quote(text, command->summary);
        mls_text_add(text, "\n");
        options_table(command, table);
        for (const struct mls_param *row = table; row->name; row++)
            fish_option(text, command, row);
        if (options_takes(command, "set"))
            fish_families(text, command);
        for (int64_t k = 0; options_takes(command, "learner")
             && (param = options_learner_param(k)) != NULL; k++)
            fish_option(text, command, param);
    }
    mls_text_add(text, "complete -c mlspec -n '__fish_seen_subcommand_from "
                       "completion' -f -a 'bash zsh fish'\n"
                       "complete -c mlspec -n '__fish_seen_subcommand_from "
                       "help' -f -a '");
    add_topics(text);
    mls_text_add(text, "'\n");
    return true;
}

/* --- the command -------------------------------------------------------- */

static const struct {
    const char *name;
    bool (*write)(struct mls_text *text, struct mls_error *err);
} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    (void)cli;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shells[i].name, o->data) == 0) {
            ok = shells[i].write(&text, err) && cli_write(NULL, &text, err);
            mls_text_clear(&text);
            return ok;
        }
    mls_fail(err, MLS_USAGE, "there is no completion for \"%s\"",
             mls_show_text(o->data).text);
    return mls_fail_fix(err, "the shells are bash, zsh and fish");
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "write a script that completes mlspec's options in a shell",
    .description = "The script goes to standard output; put it where the "
                   "shell looks for completions.",
    .takes = "help ",
    .data = "the shell (bash, zsh or fish)",
    .light = true,
    .examples = examples,
    .run = run,
};
