/* mlspec evaluate: how good a pipeline is on rows with truth. */
#include <inttypes.h>
#include <math.h>

#include "cli/commands.h"

static const char *const examples[] = {
    "mlspec evaluate -m penguins.mlspec data/penguins.csv",
    "mlspec evaluate -m cancer.mlspec --metric roc_auc,log_loss "
    "--fail-below roc_auc=0.9 data/breast_cancer.csv",
    "mlspec evaluate -m cancer.mlspec --curves curves.csv "
    "--best-threshold f1 data/breast_cancer.csv",
    NULL
};

#define SHOWN_COLUMNS 20

/* --- importance ---------------------------------------------------------- */

static void importance_text(const struct options *o,
                            const struct mls_importance *all,
                            struct mls_text *text)
{
    struct grid grid = { .align = "lrr" };
    int64_t shown = o->verbose || all->count <= SHOWN_COLUMNS ? all->count
                                                              : SHOWN_COLUMNS;

    if (!all->metric)
        return;
    grid_add(&grid, "column");
    grid_add_format(&grid, all->metric->larger_is_better ? "%s falls by"
                                                         : "%s rises by",
                    all->metric->name);
    grid_add(&grid, "sd");
    for (int64_t i = 0; i < shown; i++) {
        const struct mls_importance_item *item = &all->items[i];

        grid_add(&grid, mls_show_text(item->column).text);
        grid_add(&grid, cli_figure(item->drop, all->value).text);
        grid_add(&grid, cli_figure(item->sd, all->value).text);
    }
    mls_text_format(text, "\nwhen a column is dealt out anew, mean of %d:\n",
                    all->repeats);
    grid_print(&grid, 0, text);
    if (shown < all->count)
        mls_text_format(text, "... and %" PRId64 " more: -v shows all\n",
                        all->count - shown);
}

static bool importance_json(const struct mls_importance *all,
                            struct mls_json *to, struct mls_error *err)
{
    struct mls_json *object, *array, *item;

    if (!all->metric)
        return true;
    object = mls_json_add_object(to, "importance", err);
    array = object
            && mls_json_add_text(object, "metric", all->metric->name, err)
            && mls_json_add_real(object, "value", all->value, err)
            && mls_json_add_integer(object, "repeats", all->repeats, err)
        ? mls_json_add_array(object, "columns", err)
        : NULL;
    for (int64_t i = 0; array && i < all->count; i++) {
        item = mls_json_add_object(array, NULL, err);
        if (!item
            || !mls_json_add_text(item, "column", all->items[i].column, err)
            || !mls_json_add_real(item, "drop", all->items[i].drop, err)
            || (!isnan(all->items[i].sd)
                && !mls_json_add_real(item, "sd", all->items[i].sd, err)))
            return false;
    }
    return array != NULL;
}

/* --- the report ---------------------------------------------------------- */

static bool say_text(const struct options *o, const struct mls_pipeline *p,
                     const struct mls_evaluation *e,
                     const struct mls_importance *importance,
                     struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, NULL, &text);
    if (!isnan(o->threshold) && !isnan(mls_pipeline_threshold(p)))
        mls_text_format(&text, "measured   at threshold %g\n", o->threshold);
    mls_text_format(&text, "rows       %" PRId64 "\n\n", e->rows);
    cli_render_figures(e, o->confidence, &text);
    cli_render_confusion(p, e, &text);
    cli_render_best(e, &text);
    importance_text(o, importance, &text);
    ok = cli_write(o->output, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool say_json(const struct options *o, struct cli *cli,
                     const struct mls_pipeline *p,
                     const struct mls_table *table,
                     const struct mls_evaluation *e,
                     const struct mls_importance *importance,
                     struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err);
    bool ok = json && cli_report_counts(&table->counts, json, err)
        && mls_json_add_text(json, "task",
                             mls_task_name(mls_pipeline_task(p)), err)
        && cli_report_evaluation(p, e, json, err)
        && mls_json_add_real(json, "confidence", o->confidence, err)
        && importance_json(importance, json, err)
        && cli_report_write(cli, json, o->output, err);

    mls_json_free(json);
    return ok;
}

static bool say_plan(const struct mls_pipeline *p,
                     const struct mls_table *table, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, table, &text);
    ok = cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

/* Only a table that lacks the target column has no truth at all. */
static bool check_truth(const struct mls_pipeline *p,
                        const struct mls_table *table, struct mls_error *err)
{
    double *truth = mls_pipeline_truth(p, table, err);
    int64_t i = 0;

    if (!truth)
        return false;
    while (i < table->rows && isnan(truth[i]))
        i++;
    mls_free(truth);
    if (i < table->rows)
        return true;
    mls_fail(err, MLS_DATA, table->rows ? "there is no truth to compare with: "
                                          "no row has a target"
                                        : "there is no row");
    mls_fail_fix(err, "the target column is \"%s\"",
                 mls_show_text(mls_pipeline_target(p)).text);
    return mls_fail_at(err, table->name, 0, 0, NULL);
}

static bool check_model(const struct options *o, const struct mls_pipeline *p,
                        struct mls_error *err)
{
    if (mls_pipeline_learner(p))
        return true;
    mls_fail(err, MLS_USAGE, "this pipeline has steps but no model");
    mls_fail_fix(err, "train writes one with a model");
    return mls_fail_at(err, o->model, 0, 0, NULL);
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_pipeline *p = NULL;
    struct mls_table table = { 0 };
    struct mls_evaluation e = { 0 };
    struct mls_importance importance = { 0 };
    struct mls_evaluate_options how;
    double start;
    bool ok;

    if (!o->model) {
        mls_fail(err, MLS_USAGE, "which pipeline?");
        return mls_fail_fix(err, "name it with --model FILE");
    }
    ok = cli_load(o->model, &p, err) && check_model(o, p, err)
        && cli_table_read(o->data, cli, p, NULL, &table, err)
        && check_truth(p, &table, err)
        && cli_evaluate_options(cli, table.rows, &how, err);
    if (ok && o->dry_run) {
        ok = say_plan(p, &table, err);
    } else if (ok) {
        start = mls_now();
        ok = mls_evaluate(p, &table, &how, &cli->run, &e, err)
            && (!o->importance
                || mls_importance(p, &table, &how, (int)o->repeats, &cli->run,
                                  &importance, err));
        cli->measure_seconds += mls_now() - start;
        ok = ok
            && (!o->curves
                || cli_write_curves(o->curves, cli, p, &e.curves, err))
            && (o->json ? say_json(o, cli, p, &table, &e, &importance, err)
                        : say_text(o, p, &e, &importance, err))
            && cli_check_figures(o, &e, err);
    }
    mls_importance_clear(&importance);
    mls_evaluation_clear(&e);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    return ok;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .arguments = "-m MODEL [options] DATA.csv",
    .summary = "measure a pipeline on rows whose target is known",
    .description =
        "Predicts all rows and compares with their target: every metric that "
        "fits the task, or those of --metric, each with a bootstrap interval "
        "and with what the best constant guess reaches; for classes also the "
        "confusion matrix. The rows should be none that the model was trained "
        "on.\n"
        "--curves writes the points of the ROC, precision-recall and "
        "calibration curves, of the positive class or of each class against "
        "the rest. --best-threshold finds the threshold at which a metric of "
        "predicted classes would be best on these rows; train and tune choose "
        "one on rows that the model has not seen.\n"
        "--importance tells which columns the model leans on: each is dealt "
        "out anew among the rows (--repeats times, by --seed), all else of a "
        "row staying as it is, and the fall of the first metric is shown, with "
        "its spread. It works for every learner. Of columns that say the same, "
        "each can be missed, so that all fall little.\n"
        "--fail-below and --fail-above end with status 1 after the report, "
        "for use in scripts and Makefiles.",
    .takes = TAKES_DIALECT TAKES_RUN
        "model unknown metric threshold best_threshold curves bootstrap "
        "confidence importance repeats fail_below fail_above ",
    .output = "where the report goes; otherwise standard output",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .examples = examples,
    .run = run,
};
