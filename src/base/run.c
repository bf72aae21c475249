/*
 * How a call runs: the pool, the clock, the stop flag, messages.
 */
#include "mlspec/run.h"

#include <stdarg.h>
#include <time.h>

#include "base/threads.h"

#define MESSAGE_BYTES 2048

double mls_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool mls_run_init(struct mls_run *run, int threads, struct mls_error *err)
{
    memset(run, 0, sizeof(*run));
    run->pool = mls_pool_new(threads > 0 ? threads : mls_threads_available(),
                             err);
    if (!run->pool) {
        return false;
    }
    run->threads = mls_pool_threads(run->pool);
    return true;
}

void mls_run_clear(struct mls_run *run)
{
    if (run) {
        mls_pool_free(run->pool);
        memset(run, 0, sizeof(*run));
    }
}

bool mls_run_go_on(const struct mls_run *run, struct mls_error *err)
{
    if (!run) {
        return true;
    }
    if (run->stop && *run->stop) {
        return mls_fail(err, MLS_INTERRUPTED, "interrupted");
    }
    if (run->deadline > 0 && mls_now() >= run->deadline) {
        mls_fail(err, MLS_LIMIT, "the time budget is spent");
        return mls_fail_fix(err, "give it more time, or less to do");
    }
    return true;
}

/* A long message is cut between two characters. */
static void cut(char *text, size_t size)
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    size_t at = size - sizeof(ellipsis);

    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80) {
        at--;
    }
    memcpy(text + at, ellipsis, sizeof(ellipsis));
}

void mls_note(const struct mls_run *run, enum mls_level level,
              const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list arguments;
    int length;

    if (!run || !run->message) {
        return;
    }
    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    if ((size_t)length >= sizeof(text)) {
        cut(text, sizeof(text));
    }
    run->message(run->context, level, text);
}

void mls_progress(const struct mls_run *run, const char *phase, double done,
                  double total)
{
    mls_progress_rows(run, phase, 0, done, total);
}

void mls_progress_rows(const struct mls_run *run, const char *phase,
                       int64_t rows, double done, double total)
{
    if (run && run->progress) {
        run->progress(run->context, phase, done, total, rows);
    }
}
