/*
 * The study's SQLite file.
 *
 *   fact(name, value)
 *   trial(number, state, value, sd, seconds, params, failure, process, born)
 *
 * Every change is one transaction with BEGIN IMMEDIATE, so two processes never
 * claim the same trial, and a file cut off by kill -9 rolls back by itself.
 */
#include "tune/study.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/number.h"

#define APPLICATION 0x6d6c7373 /* "mlss": marks the file as a study */

struct mls_study {
    sqlite3 *db;
    char *path;                 /* "" in memory */
};

/* --- SQLite uses our memory --------------------------------------------- */

static void *hook_alloc(int bytes)
{
    return mls_hook_alloc((size_t)bytes);
}

static void *hook_resize(void *pointer, int bytes)
{
    return mls_hook_resize(pointer, (size_t)bytes);
}

static int hook_size(void *pointer)
{
    return (int)mls_hook_size(pointer);
}

static int hook_round(int bytes)
{
    return (bytes + 7) & ~7;
}

static int hook_start(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void hook_stop(void *unused)
{
    (void)unused;
}

static void start_sqlite(void)
{
    static const sqlite3_mem_methods methods = {
        hook_alloc, mls_free,   hook_resize, hook_size,
        hook_round, hook_start, hook_stop,   NULL
    };

    /* A host program may have started SQLite already: then it stays as is. */
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

/* --- statements --------------------------------------------------------- */

static bool failed(const struct mls_study *s, struct mls_error *err)
{
    int code = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;

    if (code == SQLITE_NOMEM)
        return mls_fail_memory(err, 1, 0, "the study");
    mls_fail(err, MLS_IO, "the study cannot be used: %s",
             sqlite3_errmsg(s->db));
    mls_fail_fix(err, code == SQLITE_NOTADB || code == SQLITE_CORRUPT
                          ? "is it a study? name another --study file"
                      : code == SQLITE_FULL
                          ? "make room on its disk; what is done is kept"
                          : "is its folder writable and on a local disk?");
    return mls_fail_at(err, s->path, 0, 0, NULL);
}

static bool execute(struct mls_study *s, const char *sql,
                    struct mls_error *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK
        || failed(s, err);
}

static sqlite3_stmt *prepare(struct mls_study *s, const char *sql,
                             struct mls_error *err)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK)
        return statement;
    failed(s, err);
    return NULL;
}

/* Ends a transaction: kept when ok, undone otherwise. */
static bool end(struct mls_study *s, bool ok, struct mls_error *err)
{
    if (ok)
        ok = execute(s, "COMMIT", err);
    if (!ok)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

/* --- opening ------------------------------------------------------------ */

static bool check_fact(struct mls_study *s, const struct mls_study_fact *fact,
                       struct mls_error *err)
{
    sqlite3_stmt *q = prepare(s, "SELECT value FROM fact WHERE name = ?", err);
    const char *old;
    bool ok = q != NULL;
    int code;

    if (!ok)
        return false;
    sqlite3_bind_text(q, 1, fact->name, -1, SQLITE_STATIC);
    code = sqlite3_step(q);
    old = code == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        ok = failed(s, err);
    } else if (!old || strcmp(old, fact->value) != 0) {
        mls_fail(err, MLS_USAGE, "the study was made with another %s: %s, "
                                 "not %s", fact->name,
                 mls_show_text(old ? old : "none").text,
                 mls_show_text(fact->value).text);
        mls_fail_fix(err, "name a new --study file, or ask as before");
        ok = mls_fail_at(err, s->path, 0, 0, NULL);
    }
    sqlite3_finalize(q);
    return ok;
}

static bool write_fact(struct mls_study *s, const struct mls_study_fact *fact,
                       struct mls_error *err)
{
    sqlite3_stmt *q =
        prepare(s, "INSERT INTO fact(name, value) VALUES(?, ?)", err);
    bool ok = q != NULL;

    if (ok) {
        sqlite3_bind_text(q, 1, fact->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 2, fact->value, -1, SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE || failed(s, err);
    }
    sqlite3_finalize(q);
    return ok;
}

/* The one number that a statement gives. */
static bool ask(struct mls_study *s, const char *sql, int64_t *number,
                struct mls_error *err)
{
    sqlite3_stmt *q = prepare(s, sql, err);
    bool ok = q && (sqlite3_step(q) == SQLITE_ROW || failed(s, err));

    if (ok)
        *number = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

/* An empty database becomes a study; one of another program is left alone. */
static bool is_new(struct mls_study *s, bool *fresh, struct mls_error *err)
{
    int64_t tables, application;

    if (!ask(s, "SELECT count(*) FROM sqlite_master", &tables, err)
        || !ask(s, "PRAGMA application_id", &application, err))
        return false;
    *fresh = tables == 0 && application == 0;
    if (*fresh || application == APPLICATION)
        return true;
    mls_fail(err, MLS_IO, "this is a database, but not a study");
    mls_fail_fix(err, "name another --study file");
    return mls_fail_at(err, s->path, 0, 0, NULL);
}

static bool make_tables(struct mls_study *s, struct mls_error *err)
{
    char mark[64];

    snprintf(mark, sizeof mark, "PRAGMA application_id = %d", APPLICATION);
    return execute(s, mark, err)
        && execute(s,
                   "CREATE TABLE fact("
                   " name TEXT PRIMARY KEY, value TEXT NOT NULL);"
                   "CREATE TABLE trial("
                   " number INTEGER PRIMARY KEY, state TEXT NOT NULL,"
                   " value REAL, sd REAL, seconds REAL, params TEXT,"
                   " failure TEXT, process INTEGER, born TEXT)",
                   err);
}

static bool agree(struct mls_study *s, const struct mls_study_fact *facts,
                  int64_t count, struct mls_error *err)
{
    bool fresh = false;
    bool ok = execute(s, "BEGIN IMMEDIATE", err);

    if (!ok)
        return false;
    ok = is_new(s, &fresh, err) && (!fresh || make_tables(s, err));
    for (int64_t i = 0; ok && i < count; i++)
        ok = fresh ? write_fact(s, &facts[i], err)
                   : check_fact(s, &facts[i], err);
    return end(s, ok, err);
}

struct mls_study *mls_study_open(const char *path,
                                 const struct mls_study_fact *facts,
                                 int64_t count, struct mls_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct mls_study *s = mls_new(1, sizeof *s, err);

    if (!s)
        return NULL;
    pthread_once(&once, start_sqlite);
    s->path = mls_copy_text(path ? path : "", err);
    if (!s->path) {
        mls_free(s);
        return NULL;
    }
    if (sqlite3_open(path ? path : ":memory:", &s->db) != SQLITE_OK)
        failed(s, err);
    else if (sqlite3_busy_timeout(s->db, 60000) == SQLITE_OK
             && agree(s, facts, count, err))
        return s;
    mls_study_close(s);
    return NULL;
}

void mls_study_close(struct mls_study *s)
{
    if (!s)
        return;
    (void)sqlite3_close(s->db);
    mls_free(s->path);
    mls_free(s);
}

/* --- who runs a trial ---------------------------------------------------- */

/* When a process started, as the kernel counts: with its number it names a
 * process for good.  "" when there is none. */
static void born(int64_t process, char *text, size_t size)
{
    char path[64], line[1024];
    FILE *file;
    char *at;
    int field = 2;

    text[0] = '\0';
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", process);
    file = fopen(path, "re");
    if (!file)
        return;
    at = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    while (at && *at && field < 22)
        field += *at++ == ' ';
    if (at)
        snprintf(text, size, "%.*s", (int)strcspn(at, " \n"), at);
    fclose(file);
}

static bool is_gone(int64_t process, const char *was_born)
{
    char now[64];

    if (kill((pid_t)process, 0) != 0 && errno == ESRCH)
        return true;
    born(process, now, sizeof now);
    return was_born && now[0] && strcmp(now, was_born) != 0;
}

/* --- trials ------------------------------------------------------------- */

/* Walks the trials in order; the first number missing, or whose process is
 * gone, is free. */
static bool find_free(struct mls_study *s, int64_t trials, int64_t *trial,
                      int64_t *open, struct mls_error *err)
{
    sqlite3_stmt *q = prepare(
        s, "SELECT number, state, process, born FROM trial"
           " WHERE number >= 0 AND number < ? ORDER BY number", err);
    int64_t next = 0, done = 0;
    int code = SQLITE_DONE;

    *trial = -1;
    if (!q)
        return false;
    sqlite3_bind_int64(q, 1, trials);
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(q, 0);
        const char *state = (const char *)sqlite3_column_text(q, 1);
        bool running = state && strcmp(state, "running") == 0;

        if (*trial < 0 && number > next)
            *trial = next;
        if (*trial < 0 && running
            && is_gone(sqlite3_column_int64(q, 2),
                       (const char *)sqlite3_column_text(q, 3)))
            *trial = number;
        done += !running;
        next = number + 1;
    }
    sqlite3_finalize(q);
    if (*trial < 0 && next < trials)
        *trial = next;
    *open = trials - done;
    return code == SQLITE_DONE || failed(s, err);
}

static bool mark_running(struct mls_study *s, int64_t trial,
                         struct mls_error *err)
{
    sqlite3_stmt *q = prepare(
        s, "INSERT OR REPLACE INTO trial(number, state, process, born)"
           " VALUES(?, 'running', ?, ?)", err);
    char mine[64];
    bool ok = q != NULL;

    if (ok) {
        born(getpid(), mine, sizeof mine);
        sqlite3_bind_int64(q, 1, trial);
        sqlite3_bind_int64(q, 2, getpid());
        sqlite3_bind_text(q, 3, mine, -1, SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE || failed(s, err);
    }
    sqlite3_finalize(q);
    return ok;
}

bool mls_study_claim(struct mls_study *s, int64_t trials, int64_t *trial,
                     int64_t *open, struct mls_error *err)
{
    if (!execute(s, "BEGIN IMMEDIATE", err))
        return false;
    return end(s,
               find_free(s, trials, trial, open, err)
                   && (*trial < 0 || mark_running(s, *trial, err)),
               err);
}

static void bind_real(sqlite3_stmt *q, int at, double value)
{
    if (isnan(value))
        sqlite3_bind_null(q, at);
    else
        sqlite3_bind_double(q, at, value);
}

bool mls_study_finish(struct mls_study *s, const struct mls_trial *result,
                      struct mls_error *err)
{
    sqlite3_stmt *q = prepare(
        s, "INSERT OR REPLACE INTO"
           " trial(number, state, value, sd, seconds, params, failure)"
           " VALUES(?, ?, ?, ?, ?, ?, ?)", err);
    bool ok = q != NULL;

    if (ok) {
        sqlite3_bind_int64(q, 1, result->number);
        sqlite3_bind_text(q, 2, result->failure ? "failed" : "done", -1,
                          SQLITE_STATIC);
        bind_real(q, 3, result->value);
        bind_real(q, 4, result->sd);
        bind_real(q, 5, result->seconds);
        sqlite3_bind_text(q, 6, result->params, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 7, result->failure, -1, SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE || failed(s, err);
    }
    sqlite3_finalize(q);
    return ok;
}

bool mls_study_release(struct mls_study *s, int64_t trial,
                       struct mls_error *err)
{
    sqlite3_stmt *q = prepare(
        s, "DELETE FROM trial WHERE number = ? AND state = 'running'", err);
    bool ok = q != NULL;

    if (ok) {
        sqlite3_bind_int64(q, 1, trial);
        ok = sqlite3_step(q) == SQLITE_DONE || failed(s, err);
    }
    sqlite3_finalize(q);
    return ok;
}

static double real_at(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL
        ? NAN : sqlite3_column_double(q, column);
}

static bool text_at(sqlite3_stmt *q, int column, char **text,
                    struct mls_error *err)
{
    const char *found = (const char *)sqlite3_column_text(q, column);

    *text = found ? mls_copy_text(found, err) : NULL;
    return !found || *text;
}

static bool add_result(sqlite3_stmt *q, struct mls_study_result *out,
                       int64_t *capacity, struct mls_error *err)
{
    struct mls_trial *t;

    if (!mls_grow(&out->trials, out->count, capacity, sizeof *out->trials,
                  err))
        return false;
    t = &out->trials[out->count++];
    *t = (struct mls_trial){ .number = sqlite3_column_int64(q, 0),
                             .value = real_at(q, 1), .sd = real_at(q, 2),
                             .seconds = real_at(q, 3) };
    return text_at(q, 4, &t->params, err) && text_at(q, 5, &t->failure, err);
}

bool mls_study_results(struct mls_study *s, int64_t trials,
                       struct mls_study_result *out, struct mls_error *err)
{
    sqlite3_stmt *q = prepare(
        s, "SELECT number, value, sd, seconds, params, failure FROM trial"
           " WHERE number >= 0 AND number < ? AND state <> 'running'"
           " ORDER BY number", err);
    int64_t capacity = 0;
    int code = SQLITE_DONE;
    bool ok = q != NULL;

    if (ok)
        sqlite3_bind_int64(q, 1, trials);
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW)
        ok = add_result(q, out, &capacity, err);
    if (ok && code != SQLITE_DONE)
        ok = failed(s, err);
    sqlite3_finalize(q);
    return ok;
}
