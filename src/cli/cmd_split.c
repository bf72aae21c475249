/* mlspec split: training rows and test rows. */
#include <inttypes.h>
#include <math.h>

#include "cli/commands.h"

#define TEST_FRACTION 0.2
#define STRATA_VALUES 20        /* numeric targets: as many classes at most */

static const char *const examples[] = {
    "mlspec split -t species --train-output train.csv --test-output test.csv "
    "data/penguins.csv",
    "mlspec split --test-fraction 0.25 --seed 3 --train-output train.csv "
    "--test-output test.csv data/diabetes.csv",
    NULL
};

static int64_t with_role(const struct mls_schema *schema, enum mls_role role)
{
    for (int64_t i = 0; i < schema->count; i++)
        if (schema->fields[i].role == role)
            return i;
    return -1;
}

/* A column as doubles; a missing cell of a group or time is an error. */
static double *gather(const struct mls_table *table, int64_t column,
                      const char *what, struct mls_error *err)
{
    double *values = mls_new_array(table->rows, sizeof *values, err);

    if (!values)
        return NULL;
    mls_table_reals(table, column, 0, table->rows, values);
    for (int64_t i = 0; what && i < table->rows; i++)
        if (isnan(values[i])) {
            mls_fail(err, MLS_DATA, "the %s is missing", what);
            mls_fail_fix(err, "fill the cell in, or drop the row");
            mls_table_fail_at(table, i, column, err);
            mls_free(values);
            return NULL;
        }
    return values;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Values to their ranks 0, 1, ...; returns how many there are.  Missing ones
 * are a class of their own, the last. */
static bool to_codes(double *values, int64_t n, int64_t *classes,
                     struct mls_error *err)
{
    double *sorted = mls_new_array(n, sizeof *sorted, err);
    int64_t there = 0, distinct = 0;
    bool hole = false;

    if (!sorted)
        return false;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            sorted[there++] = values[i];
    qsort(sorted, (size_t)there, sizeof *sorted, compare);
    for (int64_t i = 0; i < there; i++)
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[distinct++] = sorted[i];
    for (int64_t i = 0; i < n; i++) {
        const double *at = isnan(values[i])
            ? NULL
            : bsearch(&values[i], sorted, (size_t)distinct, sizeof *sorted,
                      compare);

        hole = hole || !at;
        values[i] = at ? (double)(at - sorted) : (double)distinct;
    }
    *classes = distinct + hole;
    mls_free(sorted);
    return true;
}

/* The target's classes, or *strata NULL when it is a number of many values. */
static bool find_strata(const struct options *o, const struct mls_table *table,
                        double **strata, struct mls_error *err)
{
    int64_t target = with_role(&table->schema, MLS_ROLE_TARGET), classes;
    enum mls_kind kind;

    *strata = NULL;
    if (target < 0 || !o->stratify)
        return true;
    kind = table->schema.fields[target].kind;
    if (kind == MLS_KIND_TEXT || kind == MLS_KIND_DATE)
        return true;
    *strata = gather(table, target, NULL, err);
    if (!*strata || !to_codes(*strata, table->rows, &classes, err))
        return false;
    if (!(MLS_KIND_BIT(kind) & MLS_KINDS_CODED) && classes > STRATA_VALUES) {
        mls_free(*strata);
        *strata = NULL;
    }
    return true;
}

static bool group_codes(const struct mls_table *table, int64_t column,
                        double **codes, struct mls_error *err)
{
    int64_t groups;

    if (table->schema.fields[column].kind == MLS_KIND_TEXT) {
        mls_fail(err, MLS_DATA, "groups cannot be texts");
        mls_fail_fix(err, "pass --categorical %s",
                     mls_show_text(table->schema.fields[column].name).text);
        return mls_fail_at(err, table->name, 0, 0,
                           table->schema.fields[column].name);
    }
    *codes = gather(table, column, "group", err);
    return *codes && to_codes(*codes, table->rows, &groups, err);
}

/* Which rows are for testing, and by what they were chosen. */
static bool choose(const struct options *o, const struct mls_table *table,
                   uint8_t *in_test, const char **how, struct mls_error *err)
{
    int64_t group = with_role(&table->schema, MLS_ROLE_GROUP);
    int64_t time = with_role(&table->schema, MLS_ROLE_TIME);
    double fraction = isnan(o->test_fraction) ? TEST_FRACTION
                                              : o->test_fraction;
    uint64_t seed = (uint64_t)o->seed;
    double *values = NULL;
    bool ok;

    if (time >= 0) {
        *how = "the last by time";
        values = gather(table, time, "time", err);
        ok = values && mls_split_by_time(table->rows, values, fraction,
                                         in_test, err);
    } else if (group >= 0) {
        *how = "whole groups";
        ok = group_codes(table, group, &values, err)
            && mls_split_grouped(table->rows, values, fraction, seed, in_test,
                                 err);
    } else {
        ok = find_strata(o, table, &values, err);
        *how = values ? "stratified" : "random";
        ok = ok && mls_split_holdout(table->rows, values, fraction, seed,
                                     in_test, err);
    }
    mls_free(values);
    return ok;
}

static bool write_part(const struct mls_table *table, const uint8_t *in_test,
                       uint8_t part, const char *path, struct cli *cli,
                       struct mls_error *err)
{
    struct mls_table taken = { 0 };
    int64_t *rows, count = 0;
    bool ok;

    if (!path)
        return true;
    rows = mls_new_array(table->rows, sizeof *rows, err);
    ok = rows != NULL;
    for (int64_t i = 0; ok && i < table->rows; i++)
        if (in_test[i] == part)
            rows[count++] = i;
    ok = ok && mls_table_take(table, rows, count, &taken, err)
        && cli_table_write(&taken, path, cli, err);
    mls_table_clear(&taken);
    mls_free(rows);
    return ok;
}

static void say_part(struct mls_text *text, const char *name, int64_t count,
                     const struct mls_table *table, const char *path)
{
    mls_text_format(text, "%s  %" PRId64 " rows (%.1f%%)%s%s\n", name, count,
                    100.0 * (double)count / (double)table->rows,
                    path ? " to " : "", path ? path : "");
}

static bool report(const struct options *o, struct cli *cli,
                   const struct mls_table *table, int64_t tests,
                   const char *how, struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err);
    bool ok = json && mls_json_add_text(json, "method", how, err)
        && mls_json_add_integer(json, "train_rows", table->rows - tests, err)
        && mls_json_add_integer(json, "test_rows", tests, err)
        && mls_json_add_bool(json, "dry_run", o->dry_run, err)
        && cli_report_write(cli, json, NULL, err);

    mls_json_free(json);
    return ok;
}

static bool say(const struct options *o, struct cli *cli,
                const struct mls_table *table, int64_t tests, const char *how,
                struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    if (o->json)
        return report(o, cli, table, tests, how, err);
    /* A part that goes to stdout must be alone there. */
    if (o->quiet || (o->train_output && strcmp(o->train_output, "-") == 0)
        || (o->test_output && strcmp(o->test_output, "-") == 0))
        return true;
    say_part(&text, "train", table->rows - tests, table, o->train_output);
    say_part(&text, "test ", tests, table, o->test_output);
    mls_text_format(&text, "split  %s\n", how);
    ok = cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool check(const struct options *o, struct mls_error *err)
{
    if (o->train_output || o->test_output || o->dry_run)
        return true;
    mls_fail(err, MLS_USAGE, "the parts have nowhere to go");
    return mls_fail_fix(err, "add --train-output FILE and --test-output FILE");
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_table table = { 0 };
    uint8_t *in_test = NULL;
    const char *how = "";
    int64_t tests = 0;
    bool ok = check(o, err)
        && cli_table_read(o->data, cli, NULL, NULL, &table, err)
        && (in_test = mls_new(table.rows, 1, err)) != NULL
        && choose(o, &table, in_test, &how, err);

    for (int64_t i = 0; ok && i < table.rows; i++)
        tests += in_test[i];
    if (ok && !o->dry_run)
        ok = write_part(&table, in_test, 0, o->train_output, cli, err)
            && write_part(&table, in_test, 1, o->test_output, cli, err);
    ok = ok && say(o, cli, &table, tests, how, err);
    mls_free(in_test);
    mls_table_clear(&table);
    return ok;
}

const struct command command_split = {
    .name = "split",
    .arguments = "[options] --train-output FILE --test-output FILE DATA.csv",
    .summary = "divide a table into training and test rows",
    .description =
        "Test rows are drawn at random; with --target they keep the shares of "
        "its classes, with --group whole groups are drawn, and with --time "
        "the last rows are taken. Without --test-fraction they are 0.2 of the "
        "rows. The rows keep their order.\n"
        "Values are written as they were understood: 1.50 becomes 1.5, and "
        "every spelling of missing becomes an empty cell.",
    .takes = TAKES_TABLE TAKES_COLUMNS "group time " TAKES_RUN
        "train_output test_output test_fraction stratify ",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .examples = examples,
    .run = run,
};
