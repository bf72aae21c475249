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
#define RATE_AFTER 0.2          /* of a phase, before what its rate is is said */

/* Where a phase stands: for how many seconds it runs, in which it came from
 * done_from and rows_from as far as done and rows. */
struct stand {
    const char *phase;
    double done_from, done, total;
    int64_t rows_from, rows;
    double seconds;
};

static struct {
    pthread_mutex_t lock;
    bool line, shown;           /* whether to show one; whether one stands */
    bool quiet, verbose;
    double started, last;
    char phase[48];
    double phase_started;
    struct stand at;
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

/* 940, 12.3 k, 1.20 M: three digits. */
static void add_count(struct mls_text *text, double count)
{
    static const char *const units[] = { "", " k", " M", " G", " T" };
    size_t unit = 0;
    int decimals;

    while (count >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        count /= 1000;
        unit++;
    }
    decimals = unit == 0 || count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2;
    mls_text_format(text, "%.*f%s", decimals, count, units[unit]);
}

static void add_left(struct mls_text *text, double seconds)
{
    int64_t s = (int64_t)fmin(seconds + 0.5, 1e9);

    if (s >= 3600)
        mls_text_format(text, ", %" PRId64 " h %02" PRId64 " min left",
                        s / 3600, s / 60 % 60);
    else if (s >= 60)
        mls_text_format(text, ", %" PRId64 " min %02" PRId64 " s left", s / 60,
                        s % 60);
    else
        mls_text_format(text, ", %" PRId64 " s left", s);
}

/* "reading: 42%, 1.20 M rows/s, 3 s left" */
static void add_stand(const struct stand *at, struct mls_text *text)
{
    double done = at->done - at->done_from, rows = at->rows - at->rows_from;
    bool rated = at->seconds >= RATE_AFTER;

    mls_text_format(text, "%s: ", at->phase);
    if (at->total > 0)
        mls_text_format(text, "%.0f%%", 100 * fmin(at->done / at->total, 1));
    else
        add_count(text, at->rows > 0 ? (double)at->rows : at->done);
    if (at->total <= 0 && at->rows > 0)
        mls_text_add(text, " rows");
    if (rated && rows > 0) {
        mls_text_add(text, ", ");
        add_count(text, rows / at->seconds);
        mls_text_add(text, " rows/s");
    }
    if (rated && at->total > 0 && done > 0)
        add_left(text, fmax(at->total - at->done, 0) * at->seconds / done);
}

static void show(void)
{
    struct mls_text text = { 0 };

    mls_text_add(&text, "\r\033[K");
    add_stand(&state.at, &text);
    if (text.bytes && !text.failed)
        say(text.bytes);
    state.shown = true;
    mls_text_clear(&text);
}

static void on_progress(void *context, const char *phase, double done,
                        double total, int64_t rows)
{
    struct stand *at = &state.at;
    double now = mls_now();

    (void)context;
    if (pthread_mutex_trylock(&state.lock) != 0)
        return;
    if (strcmp(phase, state.phase) != 0 || done < at->done
        || rows < at->rows) {
        snprintf(state.phase, sizeof state.phase, "%s", phase);
        state.phase_started = now;
        *at = (struct stand){ .phase = state.phase,
                              .done_from = done,
                              .rows_from = rows };
    }
    at->done = done;
    at->total = total;
    at->rows = rows;
    at->seconds = now - state.phase_started;
    if (state.line && (done > 0 || rows > 0)
        && now - state.started >= PROGRESS_AFTER
        && now - state.last >= PROGRESS_EVERY) {
        show();
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

void progress_make_way(const char *path)
{
    pthread_mutex_lock(&state.lock);
    clear_line();
    if ((!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO))
        state.line = false;
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
