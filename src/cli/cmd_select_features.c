/* mlspec select-features: which columns are worth keeping. */
#include <inttypes.h>
#include <math.h>

#include "cli/commands.h"

static const char *const examples[] = {
    "mlspec select-features -t diagnosis -o few.csv data/breast_cancer.csv",
    "mlspec select-features -t progression --select univariate "
    "--set univariate.k=4 --save few.mlspec -o few.csv data/diabetes.csv",
    NULL
};

/* --- choosing ----------------------------------------------------------- */

static bool selects(const struct options *o)
{
    for (int64_t i = 0; i < o->families.count; i++)
        if (strncmp(o->families.items[i], "select=", 7) == 0)
            return true;
    return o->steps || o->from;
}

/* A step that fits a linear model wants numbers without holes: the steps that
 * a learner would have go before it. */
static const char *base_learner(const struct options *o)
{
    for (int64_t i = 0; i < o->families.count; i++)
        if (strcmp(o->families.items[i], "select=recursive") == 0)
            return "auto";
    return NULL;
}

static struct mls_settings settings_of(const struct options *o,
                                       const struct mls_pipeline *from)
{
    static const char *const univariate[] = { "select=univariate" };
    struct mls_settings settings = cli_settings(o, from, false);

    if (!selects(o) && o->families.count == 0) {
        settings.families = univariate;
        settings.family_count = 1;
    }
    if (!o->steps && !from)
        settings.base_learner = base_learner(o);
    return settings;
}

static bool check(const struct options *o, struct mls_error *err)
{
    if (selects(o) || o->families.count == 0)
        return true;
    mls_fail(err, MLS_USAGE, "no step chooses columns");
    return mls_fail_fix(err, "add --select univariate, for example");
}

/* --- saying ------------------------------------------------------------- */

struct scored {
    const struct mls_json *json;
    double score;
};

static int by_score(const void *a_, const void *b_)
{
    const struct scored *a = a_, *b = b_;
    double x = isnan(a->score) ? (double)-INFINITY : a->score;
    double y = isnan(b->score) ? (double)-INFINITY : b->score;

    if (x != y)
        return x < y ? 1 : -1;
    return strcmp(mls_json_text(mls_json_get(a->json, "name"), ""),
                  mls_json_text(mls_json_get(b->json, "name"), ""));
}

static void column_row(struct grid *grid, const struct mls_json *column,
                       const char *extra)
{
    const struct mls_json *score = mls_json_get(column, "score");

    grid_add(grid, mls_show_text(mls_json_text(mls_json_get(column, "name"),
                                               "")).text);
    grid_add(grid, cli_number(mls_json_real(score, NAN)).text);
    if (extra)
        grid_add(grid,
                 cli_number(mls_json_real(mls_json_get(column, extra), NAN))
                     .text);
    grid_add(grid, mls_json_bool(mls_json_get(column, "kept"), true)
                       ? "kept" : "dropped");
}

/* One selecting step: its columns, best first. */
static bool step_table(const struct mls_json *step, struct mls_text *text,
                       struct mls_error *err)
{
    const struct mls_json *columns = mls_json_get(step, "columns"), *item;
    const struct mls_json *first = mls_json_first(columns);
    const char *extra = mls_json_get(first, "p_value") ? "p_value"
        : mls_json_get(first, "rank") ? "rank" : NULL;
    struct grid grid = { .align = extra ? "lrrl" : "lrl" };
    int64_t n = mls_json_count(columns), i = 0, kept = 0;
    struct scored *order = mls_new(n, sizeof *order, err);

    if (!order)
        return false;
    for (item = first; item; item = mls_json_next(item)) {
        order[i].json = item;
        order[i++].score = mls_json_real(mls_json_get(item, "score"), NAN);
        kept += mls_json_bool(mls_json_get(item, "kept"), true);
    }
    qsort(order, (size_t)n, sizeof *order, by_score);
    mls_text_format(text, "%s: %" PRId64 " of %" PRId64 " columns kept\n\n",
                    mls_json_text(mls_json_get(step, "step"), ""), kept, n);
    grid_add(&grid, "column");
    grid_add(&grid, "score");
    if (extra)
        grid_add(&grid, strcmp(extra, "rank") ? "p value" : "rank");
    grid_add(&grid, "");
    for (i = 0; i < n; i++)
        column_row(&grid, order[i].json, extra);
    grid_print(&grid, 0, text);
    mls_free(order);
    return true;
}

/* Scores go to stdout, or, when the table goes there, are talk. */
static bool say_text(const struct options *o, const struct mls_json *steps,
                     struct mls_error *err)
{
    bool alone = o->output && strcmp(o->output, "-") != 0;
    struct mls_text text = { 0 };
    const struct mls_json *step;
    bool ok = true;

    for (step = mls_json_first(steps); ok && step;
         step = mls_json_next(step)) {
        mls_text_add(&text, text.length ? "\n" : "");
        ok = step_table(step, &text, err);
    }
    if (ok && alone)
        ok = cli_write(NULL, &text, err);
    else if (ok && !o->quiet && text.bytes)
        fputs(text.bytes, stderr);
    mls_text_clear(&text);
    return ok;
}

static bool say_json(struct cli *cli, const struct mls_pipeline *p,
                     const struct mls_read_counts *counts,
                     struct mls_json *selection, struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err);
    struct mls_json *copy = json ? mls_json_copy(selection, err) : NULL;
    bool ok = copy && mls_json_add(json, "selection", copy, err)
        && cli_report_counts(counts, json, err)
        && cli_report_pipeline(p, json, err)
        && cli_report_write(cli, json, NULL, err);

    mls_json_free(json);
    return ok;
}

static bool say(const struct options *o, struct cli *cli,
                const struct mls_pipeline *p, const struct mls_table *table,
                struct mls_error *err)
{
    struct mls_json *selection = mls_pipeline_selection(p, err);
    bool ok = selection
        && (o->json ? say_json(cli, p, &table->counts, selection, err)
                    : say_text(o, selection, err));

    mls_json_free(selection);
    return ok;
}

/* --- the command -------------------------------------------------------- */

static bool say_plan(const struct mls_pipeline *p,
                     const struct mls_table *table, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, table, &text);
    ok = cli_render_recipe(p, &text, err) && cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_pipeline *from = NULL, *p = NULL;
    struct mls_table table = { 0 }, made = { 0 };
    struct mls_settings settings;
    bool ok = check(o, err) && cli_load(o->from, &from, err)
        && cli_table_read(o->data, cli, o->frozen ? from : NULL, from, &table,
                          err);

    settings = settings_of(o, from);
    ok = ok && (p = mls_pipeline_new(&settings, &table, &cli->run, err));
    if (ok && o->dry_run)
        ok = say_plan(p, &table, err);
    else
        ok = ok && mls_pipeline_fit(p, &table, NULL, 0, &cli->run, err)
            && mls_pipeline_transform(p, &table, &cli->run, &made, err)
            && (!o->save || mls_pipeline_save(p, o->save, err))
            && cli_table_write(&made, o->output, cli, err)
            && say(o, cli, p, &table, err);
    mls_table_clear(&made);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    mls_pipeline_free(from);
    return ok;
}

const struct command command_select_features = {
    .name = "select-features",
    .arguments = "-t COL [options] DATA.csv",
    .summary = "keep the columns that help to predict the target",
    .description =
        "Scores the columns and writes the table without those that fell "
        "through. --select univariate is the default; the steps that choose "
        "columns are listed by mlspec help steps, their params are set as in "
        "--set univariate.k=10.\n"
        "The scores go to standard output when --output names a file, and to "
        "standard error otherwise. --save keeps the choice as a pipeline; "
        "train --from takes it over.",
    .takes = TAKES_TABLE TAKES_COLUMNS TAKES_RECIPE TAKES_RUN
        "save unknown missing_target task positive ",
    .output = "where the table goes; otherwise standard output",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .output_is_table = true,
    .examples = examples,
    .run = run,
};
