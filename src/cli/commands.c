/* Finding a command by name. */
#include "cli/commands.h"

#include "mlspec/params.h"

#define COMMANDS_LIMIT 64

#define ROW(name) &command_##name,
const struct command *const cli_commands[] = { CLI_COMMANDS(ROW) NULL };
#undef ROW

static bool same(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return *a == *b;
}

const struct command *cli_command_find(const char *name)
{
    for (int i = 0; cli_commands[i]; i++)
        if (same(cli_commands[i]->name, name))
            return cli_commands[i];
    return NULL;
}

const struct command *cli_command_need(const char *name, struct mls_error *err)
{
    const struct command *command = cli_command_find(name);
    const char *names[COMMANDS_LIMIT], *near;
    int64_t n = 0;

    if (command)
        return command;
    for (; cli_commands[n] && n < COMMANDS_LIMIT; n++)
        names[n] = cli_commands[n]->name;
    near = mls_nearest(name, names, n);
    mls_fail(err, MLS_USAGE, "there is no command \"%s\"",
             mls_show_text(name).text);
    if (near)
        mls_fail_fix(err, "did you mean %s?", near);
    else
        mls_fail_fix(err, "mlspec --help lists them");
    return NULL;
}
