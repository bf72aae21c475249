/*
 * The error object: one per call chain, fixed size, so that reporting "out of
 * memory" needs no memory.  A function that can fail takes it last and returns
 * false or NULL; on success it is left alone, so calls chain with &&.
 */
#ifndef MLSPEC_ERROR_H
#define MLSPEC_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MLS_CHECK __attribute__((warn_unused_result))
#define MLS_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define MLS_API __attribute__((visibility("default")))
#else
#define MLS_CHECK
#define MLS_PRINTF(text, first)
#define MLS_API
#endif

/* The exit status that a program should end with.  Documented for users in
 * docs/exit-status.md. */
enum mls_code {
    MLS_OK = 0,
    MLS_FAILED_CHECK = 1,   /* a figure the user demanded was not met */
    MLS_USAGE = 2,          /* command line, config file, recipe, params */
    MLS_DATA = 3,           /* the rows do not fit what was asked */
    MLS_IO = 4,             /* a file cannot be opened, read, written */
    MLS_MODEL_FILE = 5,     /* not a model file, damaged, or too new */
    MLS_LIMIT = 6,          /* memory or time limit */
    MLS_INTERRUPTED = 130   /* SIGINT; SIGTERM ends with 143 */
};

struct mls_error {
    enum mls_code code;
    int64_t line;       /* physical line where the record starts, from 1; 0 none */
    int64_t row;        /* data record, from 1, the header not counted; 0 none */
    char file[256];     /* "" none */
    char column[128];   /* "" none */
    char what[512];     /* what is wrong, no final dot */
    char fix[256];      /* what to do, "" none */
};

/* A name from a file made safe to print: control bytes and invalid UTF-8
 * escaped, cut with an ellipsis.  Use as mls_show(p, n).text in a call. */
struct mls_shown {
    char text[104];
};
MLS_API struct mls_shown mls_show(const char *bytes, size_t length);
MLS_API struct mls_shown mls_show_text(const char *text); /* NUL-terminated */

/* All three return false, so that "return mls_fail(...)" reads well.
 * mls_fail starts a new error: it clears place and fix. */
MLS_API bool mls_fail(struct mls_error *err, enum mls_code code,
                      const char *format, ...) MLS_PRINTF(3, 4);
MLS_API bool mls_fail_fix(struct mls_error *err, const char *format, ...)
    MLS_PRINTF(2, 3);

/* Adds the place.  A NULL name, or a line or row of 0, leaves what is there. */
MLS_API bool mls_fail_at(struct mls_error *err, const char *file, int64_t line,
                         int64_t row, const char *column);

/* A failed allocation of count objects of size bytes, for what ("cells of a
 * 1000 x 20 matrix").  Code MLS_LIMIT. */
MLS_API bool mls_fail_memory(struct mls_error *err, size_t count, size_t size,
                             const char *what);

/* Frees an array or string that a function here says is new; NULL is fine. */
MLS_API void mls_free(void *pointer);

/* Writes "churn.csv:1843: row 1842, column "age": WHAT" (without the fix) to
 * text, always terminated.  Returns text. */
MLS_API char *mls_error_text(const struct mls_error *err, char *text,
                             size_t size);

#endif
