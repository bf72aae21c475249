/*
 * Text tables and the JSON report.
 *
 * A text table is a grid of cells; each column is as wide as its widest cell,
 * counted in terminal columns.  Numbers for people have about four digits; who
 * wants all of them asks for --json.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

#include "base/number.h"
#include "cli/cli.h"

/* --- grids -------------------------------------------------------------- */

void grid_add(struct grid *grid, const char *cell)
{
    struct mls_error ignored;

    if (!grid->failed && !mls_list_add(&grid->cells, cell, &ignored))
        grid->failed = true;
}

void grid_add_format(struct grid *grid, const char *format, ...)
{
    char cell[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    grid_add(grid, cell);
}

static int width_of(const char *cell)
{
    return mls_text_width(cell, strlen(cell));
}

static void spaces(struct mls_text *text, int n)
{
    while (n-- > 0)
        mls_text_add_bytes(text, " ", 1);
}

static void print_row(const struct grid *grid, int64_t first, const int *width,
                      int columns, int indent, struct mls_text *text)
{
    int behind = 0;             /* spaces owed, not written at a line's end */

    spaces(text, indent);
    for (int c = 0; c < columns; c++) {
        const char *cell = grid->cells.items[first + c];
        int room = width[c] - width_of(cell);
        bool right = grid->align[c] == 'r';

        if (*cell) {
            spaces(text, behind + (right ? room : 0));
            mls_text_add(text, cell);
            behind = right ? 0 : room;
        } else {
            behind += width[c];
        }
        behind += 2;
    }
    mls_text_add(text, "\n");
}

void grid_print(struct grid *grid, int indent, struct mls_text *text)
{
    int columns = (int)strlen(grid->align);
    int width[64] = { 0 };
    int64_t rows = columns ? grid->cells.count / columns : 0;

    for (int64_t i = 0; i < rows * columns; i++) {
        int w = width_of(grid->cells.items[i]);

        if (w > width[i % columns])
            width[i % columns] = w;
    }
    for (int64_t r = 0; r < rows; r++)
        print_row(grid, r * columns, width, columns, indent, text);
    if (grid->failed)
        text->failed = true;
    mls_list_clear(&grid->cells);
}

/* --- numbers ------------------------------------------------------------ */

struct shown_number cli_number(double value)
{
    struct shown_number shown;
    double size = fabs(value);

    if (isnan(value))
        snprintf(shown.text, sizeof shown.text, "-");
    else if (value == floor(value) && size < 1e15)
        snprintf(shown.text, sizeof shown.text, "%.0f", value + 0.0);
    else if (size >= 1000 && size < 1e15)
        snprintf(shown.text, sizeof shown.text, "%.0f", value);
    else
        snprintf(shown.text, sizeof shown.text, "%.4g", value);
    return shown;
}

struct shown_number cli_figure(double value, double like)
{
    struct shown_number shown;
    double size = fabs(like);

    if (isnan(value))
        snprintf(shown.text, sizeof shown.text, "-");
    else if (fabs(value) >= 1e15 || (size < 0.001 && size > 0))
        snprintf(shown.text, sizeof shown.text, "%.4g", value);
    else
        snprintf(shown.text, sizeof shown.text, "%.*f",
                 size < 10 ? 4 : size < 100 ? 3 : size < 1000 ? 2 : 1, value);
    return shown;
}

/* --- histograms --------------------------------------------------------- */

void cli_render_bars(const int64_t *count, int bins, struct mls_text *text)
{
    static const char *const bars[] = { "▁", "▂", "▃", "▄",
                                        "▅", "▆", "▇", "█" };
    int64_t most = 1;

    for (int b = 0; b < bins; b++)
        if (count[b] > most)
            most = count[b];
    for (int b = 0; b < bins; b++)
        mls_text_add(text, count[b] ? bars[(count[b] * 8 - 1) / most] : " ");
}

/* --- what a pipeline is ------------------------------------------------- */

void cli_render_target(const struct mls_pipeline *p,
                       const struct mls_table *table, struct mls_text *text)
{
    const char *target = mls_pipeline_target(p);
    int classes = mls_pipeline_classes(p);

    if (!target && mls_pipeline_task(p) == MLS_ANOMALY) {
        mls_text_format(text, "target     none: %s\n",
                        mls_task_title(MLS_ANOMALY));
        if (table)
            mls_text_format(text, "rows       %" PRId64 "\n", table->rows);
    }
    if (!target)
        return;
    mls_text_format(text, "target     %s: %s", mls_show_text(target).text,
                    mls_task_name(mls_pipeline_task(p)));
    if (classes == 2 && mls_pipeline_task(p) != MLS_MULTICLASS)
        mls_text_format(text, ", positive class \"%s\", other \"%s\"",
                        mls_show_text(mls_pipeline_class(p, 1)).text,
                        mls_show_text(mls_pipeline_class(p, 0)).text);
    else if (classes)
        mls_text_format(text, ", %d classes", classes);
    mls_text_add(text, "\n");
    if (!isnan(mls_pipeline_threshold(p)))
        mls_text_format(text, "threshold  %.6g\n", mls_pipeline_threshold(p));
    if (table)
        mls_text_format(text, "rows       %" PRId64 "\n", table->rows);
}

const char *cli_dealt_by(const struct mls_pipeline *p)
{
    const struct mls_schema *schema = mls_pipeline_schema(p);

    return mls_schema_find_role(schema, MLS_ROLE_TIME) >= 0 ? " by time"
        : mls_schema_find_role(schema, MLS_ROLE_GROUP) >= 0 ? " by group"
                                                            : "";
}

bool cli_render_recipe(const struct mls_pipeline *p, struct mls_text *text,
                       struct mls_error *err)
{
    char *recipe = mls_pipeline_recipe_text(p, err);

    if (!recipe)
        return false;
    mls_text_add(text, "recipe     ");
    mls_text_wrap(text, recipe, 11);
    mls_free(recipe);
    return mls_text_ok(text, err);
}

void cli_render_members(const struct mls_json *object, const char *separator,
                        const struct mls_json *found, struct mls_text *text)
{
    const struct mls_json *item;
    bool any = false;

    for (item = mls_json_first(object); item; item = mls_json_next(item)) {
        enum mls_json_kind kind = mls_json_kind_of(item);

        if (kind == MLS_JSON_OBJECT || kind == MLS_JSON_ARRAY
            || kind == MLS_JSON_NULL
            || (mls_json_get(found, mls_json_key(item))
                && strcmp(mls_json_text(item, ""), "auto") == 0))
            continue;
        mls_text_add(text, any ? separator : "");
        any = true;
        mls_text_format(text, "%s=", mls_json_key(item));
        if (kind == MLS_JSON_NUMBER)
            mls_text_format(text, "%.6g", mls_json_real(item, 0));
        else if (kind == MLS_JSON_STRING)
            mls_text_add(text, mls_json_text(item, ""));
        else
            mls_text_add(text, kind == MLS_JSON_TRUE ? "true" : "false");
    }
}

bool cli_render_learner(const struct mls_pipeline *p, struct mls_text *text,
                        struct mls_error *err)
{
    const struct mls_learner_type *learner = mls_pipeline_learner(p);
    struct mls_json *about;
    struct mls_text line = { 0 };

    if (!learner)
        return true;
    about = mls_pipeline_describe(p, err);
    if (!about)
        return false;
    mls_text_format(&line, "%s, ", learner->name);
    cli_render_members(mls_json_get(about, "params"), ", ",
                       mls_json_get(about, "chosen"), &line);
    if (mls_json_count(mls_json_get(about, "chosen"))) {
        mls_text_add(&line, "; found ");
        cli_render_members(mls_json_get(about, "chosen"), ", ", NULL, &line);
    }
    mls_text_add(text, "learner    ");
    mls_text_wrap(text, line.bytes ? line.bytes : "", 11);
    mls_json_free(about);
    mls_text_clear(&line);
    return mls_text_ok(text, err);
}

/* --- figures ------------------------------------------------------------ */

/* Which of the three optional columns have something in them. */
struct shown_columns {
    bool interval, sd, baseline;
};

static struct shown_columns columns_of(const struct mls_evaluation *e)
{
    struct shown_columns shown = { false, false, false };

    for (int64_t i = 0; i < e->count; i++) {
        shown.interval = shown.interval || !isnan(e->figures[i].low);
        shown.sd = shown.sd || !isnan(e->figures[i].sd);
        shown.baseline = shown.baseline || !isnan(e->figures[i].baseline);
    }
    return shown;
}

static void add_figure(struct grid *grid, const struct mls_figure *figure,
                       struct shown_columns shown)
{
    double value = figure->value;

    grid_add(grid, figure->metric->name);
    grid_add(grid, cli_figure(value, value).text);
    if (shown.interval)
        grid_add_format(grid, "%s .. %s", cli_figure(figure->low, value).text,
                        cli_figure(figure->high, value).text);
    if (shown.sd)
        grid_add(grid, cli_figure(figure->sd, value).text);
    if (shown.baseline)
        grid_add(grid, cli_figure(figure->baseline, value).text);
}

void cli_render_figures(const struct mls_evaluation *e, double confidence,
                        struct mls_text *text)
{
    struct shown_columns shown = columns_of(e);
    char align[8];
    struct grid grid = { .align = align };

    snprintf(align, sizeof align, "lr%s%s%s", shown.interval ? "r" : "",
             shown.sd ? "r" : "", shown.baseline ? "r" : "");
    grid_add(&grid, "metric");
    grid_add(&grid, "value");
    if (shown.interval)
        grid_add_format(&grid, "%g%% interval", 100 * confidence);
    if (shown.sd)
        grid_add(&grid, "sd");
    if (shown.baseline)
        grid_add(&grid, "baseline");
    for (int64_t i = 0; i < e->count; i++)
        add_figure(&grid, &e->figures[i], shown);
    grid_print(&grid, 0, text);
}

void cli_render_best(const struct mls_evaluation *e, struct mls_text *text)
{
    const struct mls_best *best = &e->best;

    if (best->metric)
        mls_text_format(text, "\nbest threshold for %s: %.6g, where it is %s\n",
                        best->metric->name, best->threshold,
                        cli_figure(best->value, best->value).text);
}

#define CONFUSION_CLASSES 12

void cli_render_confusion(const struct mls_pipeline *p,
                          const struct mls_evaluation *e,
                          struct mls_text *text)
{
    char align[CONFUSION_CLASSES + 2] = "l";
    struct grid grid = { .align = align };

    if (!e->confusion)
        return;
    if (e->classes > CONFUSION_CLASSES) {
        mls_text_format(text, "\nconfusion of %d classes: see --json\n",
                        e->classes);
        return;
    }
    grid_add(&grid, "truth \\ predicted");
    for (int k = 0; k < e->classes; k++) {
        align[k + 1] = 'r';
        grid_add(&grid, mls_show_text(mls_pipeline_class(p, k)).text);
    }
    align[e->classes + 1] = '\0';
    for (int k = 0; k < e->classes; k++) {
        grid_add(&grid, mls_show_text(mls_pipeline_class(p, k)).text);
        for (int j = 0; j < e->classes; j++)
            grid_add(&grid, cli_number(e->confusion[k * e->classes + j]).text);
    }
    mls_text_add(text, "\n");
    grid_print(&grid, 0, text);
}

/* --- JSON --------------------------------------------------------------- */

struct mls_json *cli_report(const struct cli *cli, struct mls_error *err)
{
    struct mls_json *report = mls_json_new_object(err);

    if (report && mls_json_add_integer(report, "schema", 1, err)
        && mls_json_add_text(report, "command", cli->command->name, err))
        return report;
    mls_json_free(report);
    return NULL;
}

static bool add_copy(struct mls_json *to, const struct mls_json *from,
                     const char *key, struct mls_error *err)
{
    const struct mls_json *value = mls_json_get(from, key);
    struct mls_json *copy;

    if (!value)
        return true;
    copy = mls_json_copy(value, err);
    return copy && mls_json_add(to, key, copy, err);
}

bool cli_report_pipeline(const struct mls_pipeline *p, struct mls_json *to,
                         struct mls_error *err)
{
    static const char *const keys[] = { "task", "target", "classes",
                                        "threshold", "learner", "params",
                                        "chosen", "training_rows", "steps",
                                        NULL };
    struct mls_json *about = mls_pipeline_describe(p, err);
    bool ok = about != NULL;

    for (int i = 0; ok && keys[i]; i++)
        ok = add_copy(to, about, keys[i], err);
    mls_json_free(about);
    return ok;
}

static bool report_figure(const struct mls_figure *figure,
                          struct mls_json *to, struct mls_error *err)
{
    return mls_json_add_text(to, "metric", figure->metric->name, err)
        && mls_json_add_real(to, "value", figure->value, err)
        && (isnan(figure->low)
            || (mls_json_add_real(to, "low", figure->low, err)
                && mls_json_add_real(to, "high", figure->high, err)))
        && (isnan(figure->sd) || mls_json_add_real(to, "sd", figure->sd, err))
        && (isnan(figure->baseline)
            || mls_json_add_real(to, "baseline", figure->baseline, err));
}

static bool report_confusion(const struct mls_pipeline *p,
                             const struct mls_evaluation *e,
                             struct mls_json *to, struct mls_error *err)
{
    struct mls_json *object, *labels, *counts, *row;

    if (!e->confusion)
        return true;
    object = mls_json_add_object(to, "confusion", err);
    labels = object ? mls_json_add_array(object, "classes", err) : NULL;
    counts = labels ? mls_json_add_array(object, "counts", err) : NULL;
    for (int k = 0; counts && k < e->classes; k++) {
        row = mls_json_add_text(labels, NULL, mls_pipeline_class(p, k), err)
            ? mls_json_add_array(counts, NULL, err)
            : NULL;
        for (int j = 0; row && j < e->classes; j++)
            if (!mls_json_add_real(row, NULL,
                                   e->confusion[k * e->classes + j], err))
                return false;
        if (!row)
            return false;
    }
    return counts != NULL;
}

static bool report_best(const struct mls_best *best, struct mls_json *to,
                        struct mls_error *err)
{
    struct mls_json *object;

    if (!best->metric)
        return true;
    object = mls_json_add_object(to, "best_threshold", err);
    return object
        && mls_json_add_text(object, "metric", best->metric->name, err)
        && mls_json_add_real(object, "threshold", best->threshold, err)
        && mls_json_add_real(object, "value", best->value, err);
}

bool cli_report_evaluation(const struct mls_pipeline *p,
                           const struct mls_evaluation *e, struct mls_json *to,
                           struct mls_error *err)
{
    struct mls_json *figures;

    if (!mls_json_add_integer(to, "rows", e->rows, err)
        || (e->folds && !mls_json_add_integer(to, "folds", e->folds, err)))
        return false;
    figures = mls_json_add_array(to, "figures", err);
    for (int64_t i = 0; figures && i < e->count; i++) {
        struct mls_json *item = mls_json_add_object(figures, NULL, err);

        if (!item || !report_figure(&e->figures[i], item, err))
            return false;
    }
    return figures && report_confusion(p, e, to, err)
        && report_best(&e->best, to, err);
}

bool cli_report_counts(const struct mls_read_counts *counts,
                       struct mls_json *to, struct mls_error *err)
{
    struct mls_json *input = mls_json_add_object(to, "input", err);

    return input && mls_json_add_integer(input, "rows", counts->rows, err)
        && mls_json_add_integer(input, "skipped_rows", counts->skipped_rows,
                                err)
        && mls_json_add_integer(input, "padded_rows", counts->padded_rows,
                                err)
        && mls_json_add_integer(input, "unknown_categories", counts->unknown,
                                err)
        && mls_json_add_integer(input, "extra_columns", counts->extra_columns,
                                err);
}

static double micro(double seconds)
{
    return floor(seconds * 1e6 + 0.5) / 1e6;
}

static bool report_run(const struct cli *cli, struct mls_json *report,
                       struct mls_error *err)
{
    const struct mls_run *run = &cli->run;
    struct mls_json *seconds = mls_json_add_object(report, "seconds", err);

    return seconds
        && mls_json_add_real(seconds, "read", micro(run->read_seconds), err)
        && mls_json_add_real(seconds, "prepare", micro(run->prepare_seconds),
                             err)
        && mls_json_add_real(seconds, "fit", micro(run->fit_seconds), err)
        && mls_json_add_real(seconds, "write", micro(run->write_seconds), err)
        && (cli->measure_seconds == 0
            || mls_json_add_real(seconds, "measure",
                                 micro(cli->measure_seconds), err))
        && mls_json_add_real(seconds, "total",
                             micro(mls_now() - cli->started), err)
        && mls_json_add_real(report, "peak_memory_mb",
                             floor(mls_memory_peak_mb() * 10 + 0.5) / 10, err)
        && mls_json_add_integer(report, "threads",
                                run->threads ? run->threads : 1, err);
}

bool cli_report_write(const struct cli *cli, struct mls_json *report,
                      const char *path, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok = report_run(cli, report, err)
        && mls_json_print(report, true, &text, err)
        && cli_write(path, &text, err);

    mls_text_clear(&text);
    return ok;
}
