/*
 * How a call runs: threads, messages, when to stop.  Nothing in here ever
 * changes a result; what changes results is a param.
 */
#ifndef MLSPEC_RUN_H
#define MLSPEC_RUN_H

#include <signal.h>

#include "mlspec/error.h"

enum mls_level { MLS_LOG_WARNING, MLS_LOG_NOTE, MLS_LOG_DETAIL };

struct mls_pool;

struct mls_run {
    int threads;                /* as started; see mls_run_init */
    struct mls_pool *pool;
    /* Where the time went, in seconds, summed by the library's entry points. */
    double read_seconds, prepare_seconds, fit_seconds, write_seconds;

    /* The caller may set these after mls_run_init; all may stay zero. */
    const volatile sig_atomic_t *stop;  /* non-zero: end with MLS_INTERRUPTED */
    double deadline;                    /* mls_now() at which to end; 0 never */
    void *context;                      /* handed to the two functions below */
    void (*message)(void *context, enum mls_level level, const char *text);
    void (*progress)(void *context, const char *phase, double done,
                     double total, int64_t rows); /* as mls_progress_rows */
};

/* threads 0: what affinity and the cgroup quota allow.  Fewer threads than
 * asked for are no error. */
MLS_API MLS_CHECK bool mls_run_init(struct mls_run *run, int threads,
                                    struct mls_error *err);
MLS_API void mls_run_clear(struct mls_run *run);

/* Seconds on the monotonic clock. */
MLS_API double mls_now(void);

/* False with MLS_INTERRUPTED or MLS_LIMIT when the run should end.  Cheap:
 * call it once a chunk, iteration, fold. */
MLS_API MLS_CHECK bool mls_run_go_on(const struct mls_run *run,
                                     struct mls_error *err);

/* Does nothing when run is NULL or has no message function. */
MLS_API void mls_note(const struct mls_run *run, enum mls_level level,
                      const char *format, ...) MLS_PRINTF(3, 4);
/* How far the run is; from any thread.  done and total in the phase's own unit,
 * total 0 or less: unknown. */
MLS_API void mls_progress(const struct mls_run *run, const char *phase,
                          double done, double total);
/* The same of a phase that goes through a table: the rows so far, which are
 * not 0 for long.  What only knows its rows has done 0. */
MLS_API void mls_progress_rows(const struct mls_run *run, const char *phase,
                               int64_t rows, double done, double total);

#endif
