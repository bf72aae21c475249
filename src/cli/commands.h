/* The commands.  To add one: its .c file here, a row below. */
#ifndef MLS_CLI_COMMANDS_H
#define MLS_CLI_COMMANDS_H

#include "cli/cli.h"

/* All commands, in the order that help lists them: one file, one row. */
#define CLI_COMMANDS(ROW) \
    ROW(describe) \
    ROW(split) \
    ROW(preprocess) \
    ROW(select_features) \
    ROW(train) \
    ROW(tune) \
    ROW(evaluate) \
    ROW(predict) \
    ROW(inspect) \
    ROW(help) \
    ROW(completion)

#define ROW(name) extern const struct command command_##name;
CLI_COMMANDS(ROW)
#undef ROW

#endif
