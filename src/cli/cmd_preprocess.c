/* mlspec preprocess: steps fitted and applied, or applied as they were. */
#include <inttypes.h>

#include "cli/commands.h"

static const char *const examples[] = {
    "mlspec preprocess --impute median --scale standard -o clean.csv "
    "data/penguins.csv",
    "mlspec preprocess --impute median --save steps.mlspec -o train.csv "
    "data/penguins.csv",
    "mlspec preprocess -m steps.mlspec data/penguins.csv > again.csv",
    NULL
};

static bool say_json(struct cli *cli, const struct mls_pipeline *p,
                     const struct mls_read_counts *counts, int64_t columns,
                     struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err);
    bool ok = json && cli_report_counts(counts, json, err)
        && (columns < 0 || mls_json_add_integer(json, "columns", columns, err))
        && cli_report_pipeline(p, json, err)
        && cli_report_write(cli, json, NULL, err);

    mls_json_free(json);
    return ok;
}

static bool say_plan(const struct mls_pipeline *p,
                     const struct mls_table *table, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, NULL, &text);
    mls_text_format(&text, "rows       %" PRId64 "\n", table->rows);
    ok = cli_render_recipe(p, &text, err) && cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

/* -m: constant memory, whatever the size of the table. */
static bool apply(const struct options *o, struct cli *cli,
                  struct mls_error *err)
{
    struct mls_pipeline *p = NULL;
    struct mls_read_options read;
    struct mls_predict_options how = { .transform = true, .threshold = NAN };
    struct mls_read_counts counts = { 0 };
    bool ok = cli_load(o->model, &p, err)
        && cli_read_options(cli, p, NULL, &read, err);

    if (ok && !o->dry_run) {
        progress_make_way(o->output);
        ok = mls_pipeline_predict_file(p, o->data, o->output ? o->output : "-",
                                       &read, &how, &cli->run, &counts, err);
    }
    if (ok)
        cli_note_counts(cli, o->data, &counts);
    if (ok && o->json)
        ok = say_json(cli, p, &counts, -1, err);
    mls_pipeline_free(p);
    return ok;
}

static bool check(const struct options *o, struct mls_error *err)
{
    const char *with = o->from ? "--from" : o->steps ? "--steps"
        : o->save ? "--save" : o->set.count ? "--set"
        : o->families.count ? "options that name steps" : NULL;

    if (!o->model || !with)
        return true;
    mls_fail(err, MLS_USAGE, "--model applies a fitted pipeline as it is, so "
                             "%s cannot be given with it", with);
    return mls_fail_fix(err, "--from FILE starts from a pipeline and fits its "
                             "steps anew");
}

/* Fits the steps on all rows, writes what they make. */
static bool fit(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_pipeline *from = NULL, *p = NULL;
    struct mls_table table = { 0 }, made = { 0 };
    struct mls_settings settings;
    bool ok = cli_load(o->from, &from, err)
        && cli_table_read(o->data, cli, o->frozen ? from : NULL, from, &table,
                          err);

    settings = cli_settings(o, from, false);
    ok = ok && (p = mls_pipeline_new(&settings, &table, &cli->run, err));
    if (ok && o->dry_run)
        ok = say_plan(p, &table, err);
    else
        ok = ok && mls_pipeline_fit(p, &table, NULL, 0, &cli->run, err)
            && mls_pipeline_transform(p, &table, &cli->run, &made, err)
            && (!o->save || mls_pipeline_save(p, o->save, err))
            && cli_table_write(&made, o->output, cli, err)
            && (!o->json || say_json(cli, p, &table.counts, made.schema.count,
                                     err));
    mls_table_clear(&made);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    mls_pipeline_free(from);
    return ok;
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    return check(o, err) && (o->model ? apply(o, cli, err) : fit(o, cli, err));
}

const struct command command_preprocess = {
    .name = "preprocess",
    .arguments = "[options] DATA.csv",
    .summary = "clean and transform a table, or apply fitted steps to it",
    .description =
        "Fits the steps that are named, in the order given, on all rows and "
        "writes the table they make. Without steps the table is written as it "
        "was understood.\n"
        "--save keeps the fitted steps; with -m they are applied to another "
        "table, in constant memory.",
    .takes = TAKES_TABLE TAKES_COLUMNS TAKES_RECIPE TAKES_RUN
        "model save unknown missing_target task positive ",
    .output = "where the table goes; otherwise standard output",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .output_is_table = true,
    .examples = examples,
    .run = run,
};
