/*
 * From the process to one command and back: arguments, signals, limits, the
 * one error that is printed, the exit status.
 *
 * Signals: the first SIGINT or SIGTERM raises a flag that the library looks at
 * between chunks of work, so that everything unwinds and unfinished files go
 * away.  A second one removes them here and ends the process at once; so does
 * SIGPIPE, and a timer when nothing looked at the flag for some seconds (a read
 * from a silent pipe).  Signals that the parent chose to ignore stay ignored.
 */
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/options.h"

#define PATIENCE 3              /* seconds from the first signal to the end */

static volatile sig_atomic_t stop;

/* Nothing but async-signal-safe calls. */
static void end_now(int signo)
{
    mls_output_abort_all();
    signal(signo, SIG_DFL);
    raise(signo);
}

static void on_signal(int signo)
{
    if (signo == SIGALRM)
        end_now(stop ? (int)stop : SIGTERM);
    if (stop || signo == SIGPIPE)
        end_now(signo);
    stop = signo;
    alarm(PATIENCE);
}

static void handle(int signo)
{
    struct sigaction action = { .sa_handler = on_signal }, old;

    if (sigaction(signo, NULL, &old) != 0 || old.sa_handler == SIG_IGN)
        return;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_NODEFER;
    sigaction(signo, &action, NULL);
}

static void handle_signals(void)
{
    handle(SIGINT);
    handle(SIGTERM);
    handle(SIGPIPE);
    handle(SIGALRM);
}

static int exit_status(const struct mls_error *err)
{
    if (err->code == MLS_INTERRUPTED)
        return stop == SIGTERM ? 143 : 130;
    return (int)err->code;
}

static bool print_help(const struct command *command, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    if (command)
        help_command(command, HELP_TEXT, &text);
    else
        help_overview(HELP_TEXT, &text);
    ok = cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool print_version(bool more, struct mls_error *err)
{
    struct mls_text text = { 0 };
    char blas[256];
    bool ok = true;

    mls_text_format(&text, "mlspec %s\n", mls_version());
    if (more) {
        mls_text_format(&text, "model files of format 1 to %d\n",
                        MLS_FORMAT_VERSION);
        ok = mls_version_blas(blas, sizeof blas, err);
        if (ok)
            mls_text_format(&text, "%s\n", blas);
    }
    ok = ok && cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

/* The time and memory that the command may take, and its threads. */
static bool start_run(struct cli *cli, struct mls_error *err)
{
    const struct options *o = cli->options;

    if (o->memory > 0)
        mls_memory_limit(o->memory);
    if (cli->command->light)
        return true;
    if (!mls_run_init(&cli->run,
                      o->threads == MLS_AUTO_INTEGER ? 0 : (int)o->threads,
                      err))
        return false;
    cli->run.stop = &stop;
    if (o->time_budget > 0)
        cli->run.deadline = cli->started + o->time_budget;
    progress_start(cli);
    return true;
}

static bool run_command(const struct command *command, int argc, char **argv,
                        double started, struct mls_error *err)
{
    struct options o = { 0 };
    struct cli cli = { .command = command, .options = &o, .started = started };
    bool ok = options_parse(command, argc, argv, &o, err);

    if (ok && o.help)
        ok = print_help(command, err);
    else
        ok = ok && cli_validate(command, &o, err) && start_run(&cli, err)
            && command->run(&o, &cli, err);
    progress_clear();
    mls_run_clear(&cli.run);
    mls_arena_clear(&cli.arena);
    options_clear(&o);
    return ok;
}

/* mlspec --version -v, mlspec --help: options before any command. */
static bool run_global(int argc, char **argv, struct mls_error *err)
{
    const char *const names[] = { "--help", "--version" };
    const char *word = argv[0], *near;
    bool more = argc > 1
        && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--verbose") == 0);

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_help(NULL, err);
    if (strcmp(word, "--version") == 0)
        return print_version(more, err);
    mls_fail(err, MLS_USAGE, "there is no option %s",
             mls_show_text(word).text);
    near = mls_nearest(word, names, 2);
    if (near)
        return mls_fail_fix(err, "did you mean %s?", near);
    return mls_fail_fix(err, "a command comes first: mlspec COMMAND [options]");
}

int main(int argc, char **argv)
{
    double started = mls_now();
    struct mls_error err = { 0 };
    const struct command *command = NULL;
    bool ok;

    handle_signals();
    if (argc < 2) {
        mls_fail(&err, MLS_USAGE, "a command is missing");
        ok = mls_fail_fix(&err, "mlspec --help lists them");
    } else if (argv[1][0] == '-') {
        ok = run_global(argc - 1, argv + 1, &err);
    } else {
        command = cli_command_need(argv[1], &err);
        ok = command && run_command(command, argc - 2, argv + 2, started, &err);
    }
    if (ok)
        return 0;
    progress_error(command, &err);
    return exit_status(&err);
}
