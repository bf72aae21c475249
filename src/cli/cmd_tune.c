/* mlspec tune: search params, then train with the best. */
#include <inttypes.h>
#include <math.h>

#include "cli/commands.h"

#define FOLDS CLI_FOLDS
#define SHOWN_TRIALS 10

static const char *const examples[] = {
    "mlspec tune -t diagnosis --trials 20 -o cancer.mlspec "
    "data/breast_cancer.csv",
    "mlspec tune -t progression --learner ridge --range l2=1e-3..1e3:log "
    "--study diabetes.study -o diabetes.mlspec data/diabetes.csv",
    NULL
};

/* --- saying ------------------------------------------------------------- */

static const struct mls_metric_type *metric_of(const struct options *o,
                                               const struct mls_pipeline *p)
{
    struct mls_error ignored;

    return o->metric
        ? mls_metric_find(o->metric, mls_pipeline_task(p), &ignored)
        : mls_metric_default(mls_pipeline_task(p));
}

struct order {
    const struct mls_trial *trial;
    double key;                 /* smaller is better */
};

static int by_key(const void *a_, const void *b_)
{
    const struct order *a = a_, *b = b_;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->trial->number > b->trial->number)
        - (a->trial->number < b->trial->number);
}

static bool trial_table(const struct mls_study_result *study,
                        const struct mls_metric_type *metric,
                        struct mls_text *text, struct mls_error *err)
{
    struct order *order = mls_new(study->count, sizeof *order, err);
    struct grid grid = { .align = "rrrl" };

    if (!order)
        return false;
    for (int64_t i = 0; i < study->count; i++) {
        double value = study->trials[i].value;

        order[i].trial = &study->trials[i];
        order[i].key = isnan(value)               ? (double)INFINITY
            : metric && metric->larger_is_better ? -value
                                                  : value;
    }
    qsort(order, (size_t)study->count, sizeof *order, by_key);
    grid_add(&grid, "trial");
    grid_add(&grid, metric ? metric->name : "value");
    grid_add(&grid, "sd");
    grid_add(&grid, "");
    for (int64_t i = 0; i < study->count && i < SHOWN_TRIALS; i++) {
        const struct mls_trial *t = order[i].trial;

        grid_add_format(&grid, "%" PRId64, t->number);
        grid_add(&grid, t->failure ? "failed"
                                   : cli_figure(t->value, t->value).text);
        grid_add(&grid, cli_figure(t->sd, t->value).text);
        grid_add(&grid, t->failure ? t->failure : t->params);
    }
    grid_print(&grid, 0, text);
    if (study->count > SHOWN_TRIALS)
        mls_text_format(text, "... and %" PRId64 " more (--json shows all)\n",
                        study->count - SHOWN_TRIALS);
    mls_free(order);
    return true;
}

static bool say_text(const struct options *o, const struct mls_pipeline *p,
                     const struct mls_table *table,
                     const struct mls_study_result *study,
                     struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    cli_render_target(p, table, &text);
    ok = cli_render_recipe(p, &text, err) && cli_render_learner(p, &text, err);
    if (ok && study->count) {
        mls_text_format(&text, "\n%" PRId64 " trials", study->count);
        if (study->resumed)
            mls_text_format(&text, ", %" PRId64 " of them from the study",
                            study->resumed);
        mls_text_format(&text, ", each in %d-fold cross-validation%s, best "
                               "first:\n",
                        o->cv == MLS_AUTO_INTEGER ? FOLDS : (int)o->cv,
                        cli_dealt_by(p));
        ok = trial_table(study, metric_of(o, p), &text, err);
    }
    if (o->dry_run)
        mls_text_add(&text, "\nnothing is written (--dry-run)\n");
    else
        mls_text_format(&text, "\nwrote %s\n", o->output);
    ok = ok && cli_write(NULL, &text, err);
    mls_text_clear(&text);
    return ok;
}

static bool trial_json(const struct mls_trial *trial, struct mls_json *trials,
                       struct mls_error *err)
{
    struct mls_json *to = mls_json_add_object(trials, NULL, err);

    return to && mls_json_add_integer(to, "number", trial->number, err)
        && mls_json_add_real(to, "value", trial->value, err)
        && mls_json_add_real(to, "sd", trial->sd, err)
        && mls_json_add_text(to, "params", trial->params ? trial->params : "",
                             err)
        && (!trial->failure
            || mls_json_add_text(to, "failure", trial->failure, err))
        && mls_json_add_real(to, "seconds", trial->seconds, err);
}

static bool study_json(const struct options *o, const struct mls_pipeline *p,
                       const struct mls_study_result *study,
                       struct mls_json *to, struct mls_error *err)
{
    const struct mls_metric_type *metric = metric_of(o, p);
    struct mls_json *trials;

    if (study->count == 0)
        return true;
    if (!mls_json_add_text(to, "metric", metric ? metric->name : "", err)
        || !mls_json_add_integer(to, "resumed", study->resumed, err)
        || !mls_json_add_integer(to, "best",
                                 study->trials[study->best].number, err))
        return false;
    trials = mls_json_add_array(to, "trials", err);
    for (int64_t i = 0; trials && i < study->count; i++)
        if (!trial_json(&study->trials[i], trials, err))
            return false;
    return trials != NULL;
}

static bool say(const struct options *o, struct cli *cli,
                const struct mls_pipeline *p, const struct mls_table *table,
                const struct mls_study_result *study, struct mls_error *err)
{
    struct mls_json *json;
    bool ok;

    if (!o->json)
        return o->quiet || say_text(o, p, table, study, err);
    json = cli_report(cli, err);
    ok = json && cli_report_counts(&table->counts, json, err)
        && cli_report_pipeline(p, json, err)
        && study_json(o, p, study, json, err)
        && cli_report_write(cli, json, NULL, err);
    mls_json_free(json);
    return ok;
}

/* --- the command -------------------------------------------------------- */

/* The best trial's figure, as the file keeps it and as checks see it. */
static bool keep_quality(const struct options *o, struct mls_pipeline *p,
                         const struct mls_study_result *study,
                         struct mls_evaluation *e, struct mls_error *err)
{
    const struct mls_trial *best = &study->trials[study->best];
    const struct mls_metric_type *metric = metric_of(o, p);
    struct mls_json *json;

    e->figures = mls_new(1, sizeof *e->figures, err);
    if (!e->figures)
        return false;
    e->count = 1;
    e->folds = o->cv == MLS_AUTO_INTEGER ? FOLDS : (int)o->cv;
    e->figures[0] = (struct mls_figure){ .metric = metric,
                                         .value = best->value,
                                         .low = NAN, .high = NAN,
                                         .baseline = NAN, .sd = best->sd };
    json = mls_json_new_object(err);
    if (!json
        || !mls_json_add_text(json, "method", "best trial of a search", err)
        || !mls_json_add_integer(json, "trials", study->count, err)
        || !mls_json_add_integer(json, "folds", e->folds, err)
        || !mls_json_add_text(json, "metric", metric->name, err)
        || !mls_json_add_real(json, "value", best->value, err)
        || !mls_json_add_real(json, "sd", best->sd, err)) {
        mls_json_free(json);
        return false;
    }
    mls_pipeline_set_quality(p, json);
    return true;
}

static bool save(const struct options *o, struct cli *cli,
                 const struct mls_pipeline *p, struct mls_error *err)
{
    double start = mls_now();

    if (!mls_pipeline_save(p, o->output, err))
        return false;
    cli->run.write_seconds += mls_now() - start;
    return true;
}

static bool search(const struct options *o, struct cli *cli,
                   struct mls_pipeline *p, const struct mls_table *table,
                   struct mls_study_result *study, struct mls_error *err)
{
    struct mls_tune_options how = {
        .search = o->search ? o->search : "random",
        .trials = o->trials == MLS_AUTO_INTEGER ? 0 : o->trials,
        .ranges = (const char *const *)o->range.items,
        .range_count = o->range.count, .study = o->study,
        .folds = o->cv == MLS_AUTO_INTEGER ? FOLDS : (int)o->cv,
        .metric = o->metric, .seed = (uint64_t)o->seed
    };
    double start = mls_now();

    if (!mls_tune(p, table, &how, &cli->run, study, err))
        return false;
    cli->run.fit_seconds += mls_now() - start;
    /* The time is for the search; the best is fitted whatever it takes. */
    cli->run.deadline = 0;
    return true;
}

static bool tune(const struct options *o, struct cli *cli,
                 struct mls_pipeline *p, const struct mls_table *table,
                 struct mls_error *err)
{
    struct mls_study_result study = { 0 };
    struct mls_evaluation e = { 0 };
    bool ok = o->dry_run
        || (search(o, cli, p, table, &study, err)
            && cli_find_threshold(cli, p, table, err)
            && mls_pipeline_fit(p, table, NULL, 0, &cli->run, err)
            && keep_quality(o, p, &study, &e, err)
            && cli_check_figures(o, &e, err) && save(o, cli, p, err));

    ok = ok && say(o, cli, p, table, &study, err);
    mls_evaluation_clear(&e);
    mls_study_result_clear(&study);
    return ok;
}

static bool check(const struct options *o, struct mls_error *err)
{
    if (o->metric && strchr(o->metric, ',')) {
        mls_fail(err, MLS_USAGE, "tune searches for one metric at a time");
        return mls_fail_fix(err, "name one --metric");
    }
    return cli_need_output(o, err);
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    return check(o, err) && cli_on_new_pipeline(o, cli, tune, err);
}

const struct command command_tune = {
    .name = "tune",
    .arguments = "-t COL -o FILE [options] DATA.csv",
    .summary = "search for good params, then train with the best",
    .description =
        "Tries settings of the whole pipeline, measures each by "
        "cross-validation (--cv, 5 folds when not given), then fits the best "
        "on all rows and writes it. Without --range the learner's own ranges "
        "are searched. --group and --time say how the rows are dealt into "
        "folds, as in train; --threshold and --best-threshold what predict "
        "uses.\n"
        "With --study the trials are kept in a file: the same command goes on "
        "where it was interrupted, and several at once share the work. At the "
        "--time-budget the best so far counts. The figure of the best of many "
        "trials flatters it: measure the result on rows of its own.",
    .takes = TAKES_TABLE TAKES_COLUMNS "group time " TAKES_RECIPE TAKES_RUN
        "learner task positive class_weight missing_target unknown cv metric "
        "threshold best_threshold fail_below fail_above search trials range "
        "study ",
    .output = "the pipeline to write (MODEL.mlspec)",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .examples = examples,
    .run = run,
};
