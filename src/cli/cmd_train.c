/* mlspec train: a table becomes a pipeline with a model. */
#include <inttypes.h>
#include <math.h>

#include "cli/commands.h"

static const char *const examples[] = {
    "mlspec train -t species -o penguins.mlspec data/penguins.csv",
    "mlspec train -t diagnosis --cv 5 --fail-below roc_auc=0.95 "
    "-o cancer.mlspec data/breast_cancer.csv",
    "mlspec train -t progression --learner ridge --l2 10 "
    "--test-fraction 0.2 -o diabetes.mlspec data/diabetes.csv",
    NULL
};

enum method { NOT_MEASURED, BY_FOLDS, BY_HOLDOUT, BY_TABLE };
static const char *const method_names[] = { "none", "cross-validation",
                                            "hold-out", "validation table" };

static enum method method_of(const struct options *o)
{
    return o->cv != MLS_AUTO_INTEGER   ? BY_FOLDS
        : !isnan(o->test_fraction)     ? BY_HOLDOUT
        : o->valid                     ? BY_TABLE
                                       : NOT_MEASURED;
}

/* --- quality ------------------------------------------------------------ */

/* What the model file keeps of how good it is: no paths, no times. */
static struct mls_json *quality_json(const struct mls_pipeline *p,
                                     enum method method,
                                     const struct mls_evaluation *e,
                                     struct mls_error *err)
{
    struct mls_json *json = mls_json_new_object(err);
    char name[64];

    snprintf(name, sizeof name, "%s%s", method_names[method],
             method == BY_TABLE ? "" : cli_dealt_by(p));
    if (json && mls_json_add_text(json, "method", name, err)
        && cli_report_evaluation(p, e, json, err))
        return json;
    mls_json_free(json);
    return NULL;
}

/* On a table of its own: the pipeline is fitted first, and stays so. */
static bool measure_on(const char *path, struct cli *cli,
                       struct mls_pipeline *p, const struct mls_table *table,
                       struct mls_evaluation *e, struct mls_error *err)
{
    struct mls_evaluate_options how;
    struct mls_table valid = { 0 };
    double start;
    bool ok = cli_table_read(path, cli, p, NULL, &valid, err)
        && cli_evaluate_options(cli, valid.rows, &how, err)
        && mls_pipeline_fit(p, table, NULL, 0, &cli->run, err);

    start = mls_now();
    ok = ok && mls_evaluate(p, &valid, &how, &cli->run, e, err);
    cli->measure_seconds += mls_now() - start;
    mls_table_clear(&valid);
    return ok;
}

/* The figures of a pipeline not fitted yet, by the method asked for. */
static bool measure(const struct options *o, struct cli *cli,
                    struct mls_pipeline *p, const struct mls_table *table,
                    struct mls_evaluation *e, struct mls_error *err)
{
    enum method method = method_of(o);
    double share = method == BY_HOLDOUT ? o->test_fraction : 0;
    double start = mls_now();
    struct mls_evaluate_options how;
    bool ok;

    if (method == NOT_MEASURED)
        return true;
    if (method == BY_TABLE)
        return measure_on(o->valid, cli, p, table, e, err);
    ok = cli_evaluate_options(cli, (int64_t)(share * (double)table->rows),
                              &how, err);
    if (method == BY_FOLDS)
        ok = ok && mls_cross_validate(p, table, (int)o->cv, &how, &cli->run,
                                      e, err);
    else
        ok = ok && mls_holdout(p, table, o->test_fraction, &how, &cli->run, e,
                               err);
    cli->measure_seconds += mls_now() - start;
    return ok;
}

/* --- saying ------------------------------------------------------------- */

static void say_method(const struct options *o, const struct mls_pipeline *p,
                       const struct mls_evaluation *e, struct mls_text *text)
{
    switch (method_of(o)) {
    case BY_FOLDS:
        mls_text_format(text, "\nin %d-fold cross-validation%s, mean of the "
                              "folds:\n", e->folds, cli_dealt_by(p));
        break;
    case BY_HOLDOUT:
        mls_text_format(text, "\non %" PRId64 " rows held out%s:\n", e->rows,
                        cli_dealt_by(p));
        break;
    default:
        mls_text_format(text, "\non the %" PRId64 " rows of %s:\n", e->rows,
                        o->valid);
        break;
    }
}

static bool say_text(const struct options *o, const struct mls_pipeline *p,
                     const struct mls_table *table,
                     const struct mls_evaluation *e, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, table, &text);
    ok = cli_render_recipe(p, &text, err) && cli_render_learner(p, &text, err);
    if (ok && e->count) {
        say_method(o, p, e, &text);
        cli_render_figures(e, o->confidence, &text);
    }
    if (o->dry_run)
        mls_text_add(&text, "\nnothing is written (--dry-run)\n");
    else
        mls_text_format(&text, "\nwrote %s\n", o->output);
    ok = ok && cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool say_json(struct cli *cli, const struct mls_pipeline *p,
                     const struct mls_table *table, enum method method,
                     const struct mls_evaluation *e, struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err), *quality;
    bool ok = json && cli_report_counts(&table->counts, json, err)
        && cli_report_pipeline(p, json, err);

    if (ok && e->count) {
        quality = quality_json(p, method, e, err);
        ok = quality && mls_json_add(json, "quality", quality, err);
    }
    ok = ok && cli_report_write(cli, json, NULL, err);
    mls_json_free(json);
    return ok;
}

static bool say(const struct options *o, struct cli *cli,
                const struct mls_pipeline *p, const struct mls_table *table,
                const struct mls_evaluation *e, struct mls_error *err)
{
    if (o->json)
        return say_json(cli, p, table, method_of(o), e, err);
    return o->quiet || say_text(o, p, table, e, err);
}

/* --- the command -------------------------------------------------------- */

static bool save(const struct options *o, struct cli *cli,
                 struct mls_pipeline *p, const struct mls_evaluation *e,
                 struct mls_error *err)
{
    double start = mls_now();
    struct mls_json *quality;

    if (e->count) {
        quality = quality_json(p, method_of(o), e, err);
        if (!quality)
            return false;
        mls_pipeline_set_quality(p, quality);
    }
    if (!mls_pipeline_save(p, o->output, err))
        return false;
    cli->run.write_seconds += mls_now() - start;
    return true;
}

/* Checks come before the file is written: a model that fails them leaves the
 * old one alone. */
static bool train(const struct options *o, struct cli *cli,
                  struct mls_pipeline *p, const struct mls_table *table,
                  struct mls_error *err)
{
    struct mls_evaluation e = { 0 };
    bool ok = o->dry_run
        || (cli_find_threshold(cli, p, table, err)
            && measure(o, cli, p, table, &e, err)
            && (mls_pipeline_is_fitted(p)
                || mls_pipeline_fit(p, table, NULL, 0, &cli->run, err)));

    if (ok && !o->dry_run && cli_check_figures(o, &e, err))
        ok = save(o, cli, p, &e, err) && say(o, cli, p, table, &e, err);
    else if (ok && o->dry_run)
        ok = say(o, cli, p, table, &e, err);
    else
        ok = false;
    mls_evaluation_clear(&e);
    return ok;
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    return cli_need_output(o, err) && cli_on_new_pipeline(o, cli, train, err);
}

const struct command command_train = {
    .name = "train",
    .arguments = "-t COL -o FILE [options] DATA.csv",
    .summary = "fit a pipeline and write it as one file",
    .description =
        "Fits steps and a model on all rows and writes schema, steps and "
        "model as one file, which takes raw rows. The task follows from the "
        "target: two values are binary; words, or gapless integers with up to "
        "20 values, multiclass; other numbers regression. With --task anomaly "
        "nothing is to be predicted but how odd a row is: there is no target, "
        "or one of two labels, which evaluate compares with.\n"
        "Nothing is measured unless --cv, --test-fraction or --valid asks for "
        "it; then the figures are those of models fitted without the rows "
        "they are measured on, and stand beside the best constant guess. The "
        "model that is written is fitted on all rows of DATA.csv all the "
        "same. With --group the rows of a group are held out together; with "
        "--time models are measured on rows later than those they were fitted "
        "on.\n"
        "For two classes --threshold, or the one that --best-threshold finds "
        "for a metric on the predictions of cross-validation (--cv, 5 folds "
        "when not given), is kept in the pipeline: predict and evaluate use "
        "it. Figures at a threshold found on the same rows flatter it a "
        "little. When a --fail-below or --fail-above check fails, nothing is "
        "written.",
    .takes = TAKES_TABLE TAKES_COLUMNS "group time " TAKES_RECIPE TAKES_RUN
        "learner task positive class_weight missing_target unknown valid cv "
        "test_fraction metric threshold best_threshold fail_below fail_above ",
    .output = "the pipeline to write (MODEL.mlspec)",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .examples = examples,
    .run = run,
};
