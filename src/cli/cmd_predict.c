/* mlspec predict: raw rows in, predictions out. */
#include <inttypes.h>

#include "cli/commands.h"

static const char *const examples[] = {
    "mlspec predict -m penguins.mlspec data/penguins.csv > predictions.csv",
    "mlspec predict -m cancer.mlspec --proba --keep diagnosis -o out.csv.gz "
    "data/breast_cancer.csv",
    "zcat big.csv.gz | mlspec predict -m penguins.mlspec - > predictions.csv",
    NULL
};

static bool say_json(struct cli *cli, const struct mls_read_counts *counts,
                     struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err);
    bool ok = json && cli_report_counts(counts, json, err)
        && cli_report_write(cli, json, NULL, err);

    mls_json_free(json);
    return ok;
}

static bool say_plan(const struct mls_pipeline *p, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, NULL, &text);
    ok = cli_render_recipe(p, &text, err) && cli_render_learner(p, &text, err)
        && cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool check(const struct options *o, const struct mls_pipeline *p,
                  struct mls_error *err)
{
    if (!mls_pipeline_learner(p)) {
        mls_fail(err, MLS_USAGE, "this pipeline has steps but no model");
        mls_fail_fix(err, "preprocess -m applies its steps; train makes a "
                          "model");
        return mls_fail_at(err, o->model, 0, 0, NULL);
    }
    if (o->proba && (mls_pipeline_task(p) == MLS_REGRESSION
                     || mls_pipeline_task(p) == MLS_ANOMALY)) {
        mls_fail(err, MLS_USAGE, "--proba: %s has no probabilities",
                 mls_task_title(mls_pipeline_task(p)));
        return mls_fail_fix(err, "leave out --proba");
    }
    return true;
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_pipeline *p = NULL;
    struct mls_read_options read;
    struct mls_predict_options how = { .keep = o->keep, .proba = o->proba,
                                       .raw = o->raw, .contrib = o->contrib,
                                       .threshold = o->threshold };
    struct mls_read_counts counts = { 0 };
    bool ok;

    if (!o->model) {
        mls_fail(err, MLS_USAGE, "which pipeline?");
        return mls_fail_fix(err, "name it with --model FILE");
    }
    ok = cli_load(o->model, &p, err) && check(o, p, err)
        && cli_read_options(cli, p, NULL, &read, err);
    if (ok && o->dry_run) {
        ok = say_plan(p, err);
    } else if (ok) {
        progress_make_way(o->output);
        ok = mls_pipeline_predict_file(p, o->data, o->output ? o->output : "-",
                                       &read, &how, &cli->run, &counts, err);
        if (ok)
            cli_note_counts(cli, o->data, &counts);
        if (ok && o->output && strcmp(o->output, "-") != 0)
            mls_note(&cli->run, MLS_LOG_DETAIL,
                     "%s: %" PRId64 " predictions", o->output, counts.rows);
        ok = ok && (!o->json || say_json(cli, &counts, err));
    }
    mls_pipeline_free(p);
    return ok;
}

const struct command command_predict = {
    .name = "predict",
    .arguments = "-m MODEL [options] DATA.csv",
    .summary = "predict the rows of a table",
    .description =
        "Reads rows as they come, in constant memory, and writes one line for "
        "each, in their order: the identifiers, the columns of --keep, "
        "prediction, then probabilities, scores, contributions.\n"
        "--contrib explains models of trees: exact Shapley values of the trees' "
        "covers. A row's contributions and contribution_base sum to its score "
        "before a link; in forests, to the mean of their leaves.\n"
        "Columns are matched by name, in any order; further ones are ignored "
        "and a missing one is an error. A category that was not seen in "
        "training counts as missing, unless --unknown error says otherwise, "
        "here or in training. With --bad-rows skip a skipped row keeps its "
        "line, with an empty prediction.",
    .takes = TAKES_DIALECT
        "threads memory time_budget config json quiet verbose progress "
        "dry_run help model unknown proba raw contrib keep threshold ",
    .output = "where the predictions go; otherwise standard output",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .output_is_table = true,
    .examples = examples,
    .run = run,
};
