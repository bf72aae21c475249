/* The commands, for the list in commands.c. */
#ifndef MLS_CLI_COMMANDS_H
#define MLS_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct command command_describe;
extern const struct command command_split;
extern const struct command command_preprocess;
extern const struct command command_select_features;
extern const struct command command_train;
extern const struct command command_tune;
extern const struct command command_evaluate;
extern const struct command command_predict;
extern const struct command command_inspect;
extern const struct command command_help;
extern const struct command command_completion;

#endif
