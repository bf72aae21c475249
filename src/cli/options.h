/*
 * The table of options, and how argv and a config file fill struct options.
 */
#ifndef MLS_CLI_OPTIONS_H
#define MLS_CLI_OPTIONS_H

#include "cli/cli.h"

#define OPTIONS_LIMIT 96

/* Where a section of the help begins: at this option. */
struct option_section {
    const char *first, *title;
};

extern const struct mls_param cli_options[];        /* all, NULL-terminated */
extern const struct option_section cli_sections[];

/* What a name stands for in a command. */
enum option_origin {
    OPTION_NONE,
    OPTION_SHARED,              /* a row of cli_options */
    OPTION_FAMILY,              /* --impute: steps */
    OPTION_LEARNER              /* a learner's param */
};
struct option {
    enum option_origin origin;
    const struct mls_param *param;      /* NULL for a family */
    const char *family;
    bool off;                           /* --no-NAME */
    char key[80];                       /* the name without "no-" */
};

/* The rows that a command takes, NULL-terminated; -o has the command's help. */
void options_table(const struct command *command,
                   struct mls_param table[OPTIONS_LIMIT]);
bool options_takes(const struct command *command, const char *name);
/* What a long name (without dashes, no value) is in a command. */
struct option options_find(const struct command *command, const char *name);
/* Every name that options_find knows, written with '-'; *names and their texts
 * belong to the list. */
MLS_CHECK bool options_names(const struct command *command,
                             struct mls_list *names, struct mls_error *err);
/* True when the option is given without a value. */
bool options_is_flag(const struct option *option);
/* Sets it in o.  text NULL: a flag without value. */
MLS_CHECK bool options_set(const struct option *option, const char *text,
                           struct options *o, struct mls_error *err);
/* Drops those of the first among items that have the KEY of item (KEY=VALUE, or
 * KEY alone); returns how many. */
int64_t options_drop_key(struct mls_list *list, const char *item,
                         int64_t among);
/* Fails with the nearest name as the fix. */
bool options_unknown(const struct command *command, const char *name,
                     const char *kind, struct mls_error *err);

/* Each family of steps once, in the order of the lists; NULL after the last. */
const char *options_family(int64_t i);
/* Each key of a learner's param once; NULL after the last. */
const struct mls_param *options_learner_param(int64_t i);

/* arguments.c: fills o from the arguments after the command's name, and from
 * --config. */
MLS_CHECK bool options_parse(const struct command *command, int argc,
                             char **argv, struct options *o,
                             struct mls_error *err);
void options_clear(struct options *o);

/* config.c: only keys that the command takes are set. */
MLS_CHECK bool config_read(const struct command *command, const char *path,
                           struct options *o, struct mls_error *err);

#endif
