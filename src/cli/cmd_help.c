/* mlspec help: pages from the tables, also for man and for the docs. */
#include "cli/commands.h"

static const char *const examples[] = {
    "mlspec help train",
    "mlspec help ridge",
    "mlspec help train --format man | man -l -",
    NULL
};

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok = true;

    (void)cli;
    if (o->data)
        ok = help_topic(o->data, (enum help_format)o->format, &text, err);
    else
        help_overview((enum help_format)o->format, &text);
    ok = ok && cli_write(o->output, &text, err);
    mls_text_clear(&text);
    return ok;
}

const struct command command_help = {
    .name = "help",
    .arguments = "[TOPIC]",
    .summary = "explain a command, learner, step, metric or search",
    .description =
        "TOPIC is the name of a command, learner, step, metric or search, or "
        "one of learners, steps, metrics, searches, config, missing, "
        "exit-status.",
    .takes = "format help ",
    .data = "the topic",
    .data_optional = true,
    .light = true,
    .examples = examples,
    .run = run,
};
