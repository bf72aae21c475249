/*
 * What is said on stderr: notes, warnings, errors, and on a terminal one line
 * of progress, rewritten in place.
 *
 * The library calls from any of its threads, so a lock guards the line; a
 * thread that finds it taken goes on, since the next call will show more.
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "cli/cli.h"

#define PROGRESS_AFTER 1.0      /* seconds; shorter work shows nothing */
#define PROGRESS_EVERY 0.1

static struct {
    pthread_mutex_t lock;
    bool line, shown;           /* whether to show one; whether one stands */
    bool quiet, verbose;
    double started, last;
    char phase[48];
    double phase_started, phase_from;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool progress_colour(int descriptor)
{
    const char *no = getenv("NO_COLOR");

    return isatty(descriptor) && !(no && *no);
}

/* Best effort: there is nobody to tell that stderr is gone. */
static void say(const char *text)
{
    size_t length = strlen(text);
    ssize_t done;

    while (length > 0 && (done = write(STDERR_FILENO, text, length)) > 0) {
        text += done;
        length -= (size_t)done;
    }
}

static void clear_line(void)
{
    if (state.shown)
        say("\r\033[K");
    state.shown = false;
}

static void add_seconds(char *text, size_t size, double seconds)
{
    int64_t s = (int64_t)(seconds + 0.5);

    if (s >= 3600)
        snprintf(text, size, "%" PRId64 "h%02" PRId64 "m left", s / 3600,
                 s / 60 % 60);
    else if (s >= 60)
        snprintf(text, size, "%" PRId64 "m%02" PRId64 "s left", s / 60,
                 s % 60);
    else
        snprintf(text, size, "%" PRId64 "s left", s);
}

static void show(const char *phase, double done, double total, double now)
{
    double elapsed = now - state.phase_started;
    double rate = elapsed > 0 ? (done - state.phase_from) / elapsed : 0;
    char left[32] = "", line[160];

    if (total > 0 && rate > 0)
        add_seconds(left, sizeof left, (total - done) / rate);
    if (total > 0)
        snprintf(line, sizeof line, "\r\033[K%s: %.0f%%%s%s", phase,
                 100 * fmin(done / total, 1), *left ? ", " : "", left);
    else if (rate >= 100)
        snprintf(line, sizeof line, "\r\033[K%s: %.0f, %.0f/s", phase, done,
                 rate);
    else
        snprintf(line, sizeof line, "\r\033[K%s: %.0f", phase, done);
    say(line);
    state.shown = true;
}

static void on_progress(void *context, const char *phase, double done,
                        double total)
{
    double now = mls_now();

    (void)context;
    if (pthread_mutex_trylock(&state.lock) != 0)
        return;
    if (strcmp(phase, state.phase) != 0) {
        snprintf(state.phase, sizeof state.phase, "%s", phase);
        state.phase_started = now;
        state.phase_from = done;
    }
    if (now - state.started >= PROGRESS_AFTER
        && now - state.last >= PROGRESS_EVERY) {
        show(phase, done, total, now);
        state.last = now;
    }
    pthread_mutex_unlock(&state.lock);
}

static void on_message(void *context, enum mls_level level, const char *text)
{
    bool colour = progress_colour(STDERR_FILENO);
    char line[1200];

    (void)context;
    if ((level == MLS_LOG_NOTE && state.quiet)
        || (level == MLS_LOG_DETAIL && !state.verbose))
        return;
    snprintf(line, sizeof line, "%s%s%s: %s\n",
             colour && level == MLS_LOG_WARNING ? "\033[33m" : "",
             level == MLS_LOG_WARNING ? "warning" : "note",
             colour && level == MLS_LOG_WARNING ? "\033[0m" : "", text);
    pthread_mutex_lock(&state.lock);
    clear_line();
    say(line);
    pthread_mutex_unlock(&state.lock);
}

void progress_start(struct cli *cli)
{
    const struct options *o = cli->options;

    state.quiet = o->quiet;
    state.verbose = o->verbose;
    state.started = cli->started;
    state.line = o->progress && !o->quiet && isatty(STDERR_FILENO);
    cli->run.message = on_message;
    if (state.line)
        cli->run.progress = on_progress;
}

void progress_clear(void)
{
    pthread_mutex_lock(&state.lock);
    clear_line();
    pthread_mutex_unlock(&state.lock);
}

void progress_error(const struct command *command,
                    const struct mls_error *err)
{
    bool colour = progress_colour(STDERR_FILENO);
    char what[1200], line[1800];

    mls_error_text(err, what, sizeof what);
    progress_clear();
    snprintf(line, sizeof line, "%smlspec%s%s:%s %s\n",
             colour ? "\033[31m" : "", command ? " " : "",
             command ? command->name : "", colour ? "\033[0m" : "", what);
    say(line);
    if (!err->fix[0])
        return;
    snprintf(line, sizeof line, "  fix: %s\n", err->fix);
    say(line);
}
