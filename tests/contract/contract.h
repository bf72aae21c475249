/*
 * What all contract tests share: one messy table in three tasks, written as
 * CSV and read back through the real reader, and pipelines fitted on it.
 */
#ifndef MLS_TESTS_CONTRACT_H
#define MLS_TESTS_CONTRACT_H

#include "test.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "mlspec/evaluate.h"
#include "mlspec/pipeline.h"
#include "mlspec/tune.h"
#include "pipeline/pipeline.h"

#define ROWS 240

/* How the table is written and read; { 0 } is the plain form. */
struct form {
    enum mls_task task;
    bool reversed_columns;      /* the file's columns in the other order */
    bool rotated_rows;          /* rows in another order */
    bool weighted;              /* a column "w": 1, 2 or 3 */
    bool offset;                /* a column "o" of that role */
    bool repeated;              /* instead: each row as often as its weight */
    bool other_test_rows;       /* rows with i % 4 == 0 hold other values */
    bool all_missing;           /* one more column without any value */
    int64_t rows;               /* 0: ROWS */
    int64_t block_rows;
};

/* One cell of row i as text.  The columns: */
enum { COLUMN_ALPHA, COLUMN_BETA, COLUMN_GAMMA, COLUMN_CITY, COLUMN_FLAG,
       COLUMN_DAY, COLUMN_TARGET, COLUMN_EMPTY, COLUMN_WEIGHT,
       COLUMN_OFFSET, COLUMN_COUNT };
static const char *const column_names[] = { "alpha", "beta", "gamma", "city",
                                            "flag",  "day",  "target",
                                            "empty", "w",    "o" };

static inline double draw(int64_t row, int column)
{
    return mls_random_unit(
        mls_random(7, MLS_RANDOM_TEST, (uint64_t)(row * 64 + column)));
}

/* Rows for testing take their values from the row after the next test row, so
 * that the set of levels and the kinds stay what they were. */
static inline int64_t source_row(const struct form *f, int64_t row)
{
    int64_t rows = f->rows ? f->rows : ROWS;

    if (f->other_test_rows && row % 4 == 0)
        return (row + 8) % (rows - rows % 4);
    return row;
}

static inline void write_target(const struct form *f, int64_t row,
                                struct mls_text *text)
{
    double signal = 3 * draw(row, COLUMN_ALPHA) - 2 * draw(row, COLUMN_BETA)
        + (draw(row, COLUMN_CITY) < 0.4) + 0.8 * draw(row, 40);
    static const char *const names[] = { "low", "mid", "top" };

    if (f->task == MLS_REGRESSION)
        mls_text_add_real(text, floor(signal * 1000 + 2500.5) / 1000);
    else if (f->task != MLS_MULTICLASS)
        mls_text_add(text, signal > 1.3 ? "yes" : "no");
    else
        mls_text_add(text, names[signal > 0.8 ? signal > 1.8 ? 2 : 1 : 0]);
}

static inline void write_cell(const struct form *f, int64_t row, int column,
                              struct mls_text *text)
{
    double u;

    row = source_row(f, row);
    u = draw(row, column);
    switch (column) {
    case COLUMN_ALPHA:
        mls_text_add_real(text, floor(u * 10000) / 100);
        break;
    case COLUMN_BETA:
        if (draw(row, 30) > 0.15)
            mls_text_add_real(text, floor(u * 1e6) / 1e6 - 0.5);
        break;
    case COLUMN_GAMMA:
        mls_text_add_integer(text, (int64_t)(u * 50) - 10);
        break;
    case COLUMN_CITY:
        mls_text_add(text, u < 0.4    ? "Oslo"
                           : u < 0.7  ? "\"New York, NY\""
                           : u < 0.95 ? "Łódź"
                                      : "");
        break;
    case COLUMN_FLAG:
        mls_text_add(text, u < 0.5 ? "true" : "false");
        break;
    case COLUMN_DAY:
        mls_text_format(text, "2024-%02d-%02d", 1 + (int)(u * 12),
                        1 + (int)(draw(row, 31) * 28));
        break;
    case COLUMN_TARGET:
        write_target(f, row, text);
        break;
    case COLUMN_OFFSET:
        mls_text_add_real(text, floor(u * 1000) / 250 - 2);
        break;
    case COLUMN_WEIGHT:
        mls_text_add_integer(text, 1 + row % 3);
        break;
    default:
        break;
    }
}

static inline void write_row(const struct form *f, int64_t row, bool header,
                             struct mls_text *text)
{
    bool first = true;

    for (int i = 0; i < COLUMN_COUNT; i++) {
        int column = f->reversed_columns ? COLUMN_COUNT - 1 - i : i;

        if ((column == COLUMN_EMPTY && !f->all_missing)
            || (column == COLUMN_WEIGHT && !f->weighted)
            || (column == COLUMN_OFFSET && !f->offset))
            continue;
        mls_text_add(text, first ? "" : ",");
        first = false;
        if (header)
            mls_text_add(text, column_names[column]);
        else
            write_cell(f, row, column, text);
    }
    mls_text_add(text, "\n");
}

static inline void write_csv(const struct form *f, const char *path)
{
    struct mls_text text = { 0 };
    struct mls_error err = { 0 };
    int64_t rows = f->rows ? f->rows : ROWS;
    FILE *file;

    write_row(f, 0, true, &text);
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = f->rotated_rows ? (i * 7 + 3) % rows : i;
        int64_t times = f->repeated ? 1 + row % 3 : 1;

        for (int64_t k = 0; k < times; k++)
            write_row(f, row, false, &text);
    }
    assert_true(mls_text_ok(&text, &err));
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.bytes, 1, text.length, file), text.length);
    assert_int_equal(fclose(file), 0);
    mls_text_clear(&text);
}

static inline void must(bool ok, const struct mls_error *err)
{
    char text[1024];

    if (!ok)
        fail_msg("%s", mls_error_text(err, text, sizeof text));
}

/* A scratch file name, the same within one process. */
static inline const char *scratch(const char *name)
{
    static char path[8][256];
    static int at;

    at = (at + 1) % 8;
    snprintf(path[at], sizeof path[at], "/tmp/mlspec-contract-%d-%s",
             (int)getpid(), name);
    return path[at];
}

static inline void read_form(const struct form *f, const struct mls_run *run,
                             struct mls_table *table)
{
    const char *path = scratch("table.csv");
    struct mls_read_options options = { .block_rows = f->block_rows };
    struct mls_roles roles = { .target = f->task ? "target" : NULL,
                               .weight = f->weighted ? "w" : NULL,
                               .offset = f->offset ? "o" : NULL };
    struct mls_error err = { 0 };

    write_csv(f, path);
    must(mls_table_read(path, &options, run, table, &err), &err);
    must(mls_schema_set_roles(&table->schema, &roles, &err), &err);
    unlink(path);
}

/* A table from the text of its file. */
static inline void read_text(const char *text, const struct mls_roles *roles,
                             struct mls_table *table)
{
    const char *path = scratch("text.csv");
    struct mls_read_options options = { 0 };
    struct mls_error err = { 0 };
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    must(mls_table_read(path, &options, NULL, table, &err), &err);
    must(mls_schema_set_roles(&table->schema, roles, &err), &err);
    unlink(path);
}

static inline struct mls_pipeline *
fit_form(const struct form *f, const struct mls_settings *settings,
         const int64_t *rows, int64_t count, int threads)
{
    struct mls_table table = { 0 };
    struct mls_run run;
    struct mls_error err = { 0 };
    struct mls_pipeline *p;

    must(mls_run_init(&run, threads, &err), &err);
    read_form(f, &run, &table);
    p = mls_pipeline_new(settings, &table, &run, &err);
    must(p != NULL, &err);
    must(mls_pipeline_fit(p, &table, rows, count, &run, &err), &err);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return p;
}

/* The bytes of the file that the pipeline makes; free with mls_free. */
static inline char *saved(const struct mls_pipeline *p, size_t *length)
{
    const char *path = scratch("model.mlspec");
    struct mls_error err = { 0 };
    char *bytes;

    must(mls_pipeline_save(p, path, &err), &err);
    bytes = mls_file_read(path, INT64_MAX, length, &err);
    must(bytes != NULL, &err);
    unlink(path);
    return bytes;
}

static inline void assert_same_files(const struct mls_pipeline *a,
                                     const struct mls_pipeline *b)
{
    size_t a_length, b_length;
    char *a_bytes = saved(a, &a_length), *b_bytes = saved(b, &b_length);

    assert_int_equal(a_length, b_length);
    assert_memory_equal(a_bytes, b_bytes, a_length);
    mls_free(a_bytes);
    mls_free(b_bytes);
}

/* Scores of the plain table, row by row; free with mls_free. */
static inline double *scores(const struct mls_pipeline *p,
                             const struct form *f, int threads,
                             int64_t *count)
{
    struct mls_table table = { 0 };
    struct mls_prediction made;
    struct mls_run run;
    struct mls_error err = { 0 };
    double *score;

    must(mls_run_init(&run, threads, &err), &err);
    read_form(f, &run, &table);
    must(mls_pipeline_predict_table(p, &table, NAN, &run, &made, &err), &err);
    *count = made.rows * made.outputs;
    score = made.score;
    made.score = NULL;
    mls_prediction_clear(&made);
    mls_table_clear(&table);
    mls_run_clear(&run);
    return score;
}

static inline void assert_scores_near(const struct mls_pipeline *a,
                                      const struct mls_pipeline *b,
                                      const struct form *f, double tolerance)
{
    int64_t n, m;
    double *x = scores(a, f, 1, &n), *y = scores(b, f, 1, &m);

    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(x[i] - y[i]) <= tolerance * (1 + fabs(x[i]))))
            fail_msg("score %d: %.17g and %.17g", (int)i, x[i], y[i]);
    mls_free(x);
    mls_free(y);
}

/* With ridge or logistic, by the task: quick, and with params to look at. */
static inline struct mls_pipeline *
linear_pipeline(const struct mls_settings *settings,
                const struct mls_table *table)
{
    struct mls_settings linear = *settings;
    struct mls_error err = { 0 };
    struct mls_pipeline *p = mls_pipeline_new(settings, table, NULL, &err);

    must(p != NULL, &err);
    linear.learner =
        mls_pipeline_task(p) == MLS_REGRESSION ? "ridge" : "logistic";
    mls_pipeline_free(p);
    p = mls_pipeline_new(&linear, table, NULL, &err);
    must(p != NULL, &err);
    return p;
}

#endif
