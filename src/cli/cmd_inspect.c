/* mlspec inspect: what a pipeline file holds. */
#include <inttypes.h>
#include <math.h>

#include "cli/commands.h"

#define SHOWN_COEFFICIENTS 20
#define SHOWN_NODES 63          /* of the one tree of a model */

static const char *const examples[] = {
    "mlspec inspect penguins.mlspec",
    "mlspec inspect --json penguins.mlspec",
    "mlspec inspect --tree 3 --dot -o tree.dot forest.mlspec",
    "mlspec inspect --pdp age titanic.mlspec > age.csv",
    NULL
};

/* --- coefficients ------------------------------------------------------- */

struct coefficient {
    const char *feature;
    double value, original, error, p;
};

static int by_size(const void *a_, const void *b_)
{
    const struct coefficient *a = a_, *b = b_;

    if (fabs(a->value) != fabs(b->value))
        return fabs(a->value) < fabs(b->value) ? 1 : -1;
    return strcmp(a->feature, b->feature);
}

static double member(const struct mls_json *item, const char *key)
{
    return mls_json_real(mls_json_get(item, key), NAN);
}

/* value, its error and p, and what it is in the columns' own units, as far as
 * they are there. */
static void add_values(struct grid *grid, const struct coefficient *c,
                       bool errors, bool originals)
{
    grid_add_format(grid, "%.6g", c->value);
    if (originals && isfinite(c->original))
        grid_add_format(grid, "%.6g", c->original);
    else if (originals)
        grid_add(grid, "");
    if (errors && c->error > 0) {
        grid_add_format(grid, "%.4g", c->error);
        grid_add_format(grid, "%.3g", c->p);
    } else if (errors) {
        grid_add(grid, "");
        grid_add(grid, "");
    }
}

/* The largest first: that is what one looks for. */
static bool coefficients(const struct options *o, const struct mls_json *model,
                         const struct mls_json *unscaled, const char *title, struct mls_text *text,
                         struct mls_error *err)
{
    const struct mls_json *array = mls_json_get(model, "coefficients"), *item;
    const struct mls_json *twin =
        mls_json_first(mls_json_get(unscaled, "coefficients"));
    int64_t n = mls_json_count(array), i = 0, shown;
    struct coefficient *all = mls_new(n, sizeof *all, err), constant;
    bool errors, originals;
    struct grid grid = { .align = "lr" };

    if (!all)
        return false;
    for (item = mls_json_first(array); item; item = mls_json_next(item)) {
        all[i].feature = mls_json_text(mls_json_get(item, "feature"), "");
        all[i].value = member(item, "value");
        all[i].original = member(twin, "value");
        twin = mls_json_next(twin);
        all[i].error = member(item, "standard_error");
        all[i++].p = member(item, "p");
    }
    constant = (struct coefficient){
        .value = member(model, "intercept"),
        .original = member(unscaled, "intercept"),
        .error = member(model, "intercept_standard_error"),
        .p = member(model, "intercept_p")
    };
    originals = isfinite(constant.original);
    errors = constant.error > 0;
    for (i = 0; i < n; i++)
        errors = errors || all[i].error > 0;
    grid.align = errors ? originals ? "lrrrr" : "lrrr"
        : originals     ? "lrr"
                        : "lr";
    qsort(all, (size_t)n, sizeof *all, by_size);
    shown = o->verbose || n <= SHOWN_COEFFICIENTS ? n : SHOWN_COEFFICIENTS;
    grid_add(&grid, title);
    grid_add(&grid, "coefficient");
    if (originals)
        grid_add(&grid, "unscaled");
    if (errors) {
        grid_add(&grid, "std. error");
        grid_add(&grid, "p");
    }
    for (i = 0; i < shown; i++) {
        grid_add(&grid, mls_show_text(all[i].feature).text);
        add_values(&grid, &all[i], errors, originals);
    }
    grid_add(&grid, "(intercept)");
    add_values(&grid, &constant, errors, originals);
    mls_text_add(text, "\n");
    grid_print(&grid, 0, text);
    if (shown < n)
        mls_text_format(text, "... and %" PRId64 " smaller ones (-v shows "
                              "all)\n", n - shown);
    mls_free(all);
    return true;
}

/* --- trees -------------------------------------------------------------- */

struct weight {
    const char *feature;
    double gain;
    int64_t splits;
};

static int by_gain(const void *a_, const void *b_)
{
    const struct weight *a = a_, *b = b_;

    if (a->gain != b->gain)
        return a->gain < b->gain ? 1 : -1;
    if (a->splits != b->splits)
        return a->splits < b->splits ? 1 : -1;
    return strcmp(a->feature, b->feature);
}

static int64_t whole(const struct mls_json *item, const char *key)
{
    int64_t value = 0;

    return mls_json_integer(mls_json_get(item, key), &value) ? value : 0;
}

/* Gains as shares: what they are sums of differs between learners. */
static bool importance(const struct options *o, const struct mls_json *model,
                       struct mls_text *text, struct mls_error *err)
{
    const struct mls_json *array = mls_json_get(model, "importance"), *item;
    const char *combined = mls_json_text(mls_json_get(model, "combined"), "");
    int64_t n = mls_json_count(array), i = 0, shown;
    struct weight *all = mls_new(n, sizeof *all, err);
    struct grid grid = { .align = "lrr" };
    double total = 0;
    bool gains;

    if (!all)
        return false;
    for (item = mls_json_first(array); item; item = mls_json_next(item)) {
        all[i].feature = mls_json_text(mls_json_get(item, "feature"), "");
        all[i].gain = member(item, "gain");
        all[i].splits = whole(item, "splits");
        total += all[i++].gain;
    }
    qsort(all, (size_t)n, sizeof *all, by_gain);
    shown = o->verbose || n <= SHOWN_COEFFICIENTS ? n : SHOWN_COEFFICIENTS;
    /* An isolation forest gains nothing by a split. */
    gains = total > 0 || strcmp(combined, "isolation") != 0;
    grid.align = gains ? "lrr" : "lr";
    grid_add(&grid, "feature");
    if (gains)
        grid_add(&grid, "gain");
    grid_add(&grid, "splits");
    for (i = 0; i < shown; i++) {
        grid_add(&grid, mls_show_text(all[i].feature).text);
        if (gains)
            grid_add_format(&grid, "%.1f%%",
                            total > 0 ? 100 * all[i].gain / total : 0.0);
        grid_add_format(&grid, "%" PRId64, all[i].splits);
    }
    mls_text_format(text,
                    "\n%" PRId64 " %s, %" PRId64 " leaves, depth %" PRId64
                    "\n\n",
                    whole(model, "trees"),
                    whole(model, "trees") == 1 ? "tree" : "trees", whole(model, "leaves"),
                    whole(model, "depth"));
    grid_print(&grid, 0, text);
    if (shown < n)
        mls_text_format(text, "... and %" PRId64 " more: -v shows all\n",
                        n - shown);
    mls_free(all);
    return true;
}

static bool model_text(const struct options *o, const struct mls_json *about,
                       struct mls_text *text, struct mls_error *err)
{
    const struct mls_json *model = mls_json_get(about, "model"), *item;
    const struct mls_json *original = mls_json_get(model, "original"), *twin;
    char title[160];

    if (mls_json_get(model, "coefficients"))
        return coefficients(o, model, original, "feature", text, err);
    if (mls_json_get(model, "importance"))
        return importance(o, model, text, err);
    item = mls_json_first(mls_json_get(model, "classes"));
    twin = mls_json_first(mls_json_get(original, "classes"));
    for (; item; item = mls_json_next(item), twin = mls_json_next(twin)) {
        snprintf(title, sizeof title, "feature, for class %s",
                 mls_show_text(mls_json_text(mls_json_get(item, "class"),
                                             "")).text);
        if (!coefficients(o, item, twin, title, text, err))
            return false;
    }
    return true;
}

/* A model of one tree is that tree. */
static bool only_tree(const struct options *o, const struct mls_pipeline *p,
                      const struct mls_json *about, struct mls_text *text,
                      struct mls_error *err)
{
    struct mls_json *tree;
    bool ok;

    if (whole(mls_json_get(about, "model"), "trees") != 1)
        return true;
    tree = mls_pipeline_tree(p, 1, o->verbose ? -1 : SHOWN_NODES, err);
    mls_text_add(text, "\n");
    ok = tree && cli_render_tree(p, tree, text, err);
    mls_json_free(tree);
    return ok;
}

/* --- columns, quality --------------------------------------------------- */

static void columns(const struct mls_schema *schema, struct mls_text *text)
{
    struct grid grid = { .align = "lllr" };

    grid_add(&grid, "column");
    grid_add(&grid, "kind");
    grid_add(&grid, "role");
    grid_add(&grid, "levels");
    for (int64_t i = 0; i < schema->count; i++) {
        const struct mls_field *field = &schema->fields[i];

        grid_add(&grid, mls_show_text(field->name).text);
        grid_add(&grid, mls_kind_name(field->kind));
        grid_add(&grid, mls_role_name(field->role));
        if (field->dictionary)
            grid_add_format(&grid, "%" PRId64, field->dictionary->count);
        else
            grid_add(&grid, "");
    }
    mls_text_add(text, "\n");
    grid_print(&grid, 0, text);
}

static void quality_figures(const struct mls_json *figures,
                            struct mls_text *text)
{
    struct grid grid = { .align = "lrrr" };
    const struct mls_json *item;

    grid_add(&grid, "metric");
    grid_add(&grid, "value");
    grid_add(&grid, "sd");
    grid_add(&grid, "baseline");
    for (item = mls_json_first(figures); item; item = mls_json_next(item)) {
        static const char *const keys[] = { "value", "sd", "baseline" };
        double value;

        grid_add(&grid, mls_json_text(mls_json_get(item, "metric"), ""));
        value = mls_json_real(mls_json_get(item, "value"), NAN);
        for (int k = 0; k < 3; k++)
            grid_add(&grid,
                     cli_figure(mls_json_real(mls_json_get(item, keys[k]),
                                              NAN),
                                value)
                         .text);
    }
    grid_print(&grid, 0, text);
}

static void quality(const struct mls_json *about, struct mls_text *text)
{
    const struct mls_json *q = mls_json_get(about, "quality");

    if (!q)
        return;
    mls_text_add(text, "quality    ");
    cli_render_members(q, ", ", NULL, text);
    mls_text_add(text, "\n");
    if (mls_json_get(q, "figures")) {
        mls_text_add(text, "\n");
        quality_figures(mls_json_get(q, "figures"), text);
    }
}

/* --- the command -------------------------------------------------------- */

static bool say_text(const struct options *o, const struct mls_pipeline *p,
                     const struct mls_json *about, struct mls_error *err)
{
    struct mls_text text = { 0 };
    int64_t rows;
    bool ok;

    cli_render_target(p, NULL, &text);
    if (mls_json_integer(mls_json_get(about, "training_rows"), &rows))
        mls_text_format(&text, "rows       %" PRId64 ", in training\n", rows);
    ok = cli_render_recipe(p, &text, err) && cli_render_learner(p, &text, err);
    quality(about, &text);
    columns(mls_pipeline_schema(p), &text);
    ok = ok && model_text(o, about, &text, err)
        && only_tree(o, p, about, &text, err)
        && cli_write(o->output, &text, err);
    mls_text_clear(&text);
    return ok;
}

/* key: what is told, taken. */
static bool say_json(const struct options *o, struct cli *cli, const char *key,
                     struct mls_json **told, struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err), *item = *told;
    bool ok = json != NULL;

    if (ok) {
        *told = NULL;
        ok = mls_json_add(json, key, item, err);
    }
    ok = ok && cli_report_write(cli, json, o->output, err);
    mls_json_free(json);
    return ok;
}

static bool say_all(const struct options *o, struct cli *cli,
                    const struct mls_pipeline *p, struct mls_error *err)
{
    struct mls_json *about = mls_pipeline_describe(p, err);
    bool ok = about
        && (o->json ? say_json(o, cli, "pipeline", &about, err)
                    : say_text(o, p, about, err));

    mls_json_free(about);
    return ok;
}

static bool say_tree(const struct options *o, struct cli *cli,
                     const struct mls_pipeline *p, struct mls_error *err)
{
    int64_t number = o->tree == MLS_AUTO_INTEGER ? 1 : o->tree;
    struct mls_json *tree = mls_pipeline_tree(p, number, -1, err);
    struct mls_text text = { 0 };
    bool ok = tree
        && (o->json ? say_json(o, cli, "tree", &tree, err)
                    : (o->dot ? cli_render_dot(p, tree, &text, err)
                              : cli_render_tree(p, tree, &text, err))
                    && cli_write(o->output, &text, err));

    mls_text_clear(&text);
    mls_json_free(tree);
    return ok;
}

static bool say_curve(const struct options *o, struct cli *cli,
                      const struct mls_pipeline *p, struct mls_error *err)
{
    struct mls_json *curve = mls_pipeline_dependence(p, o->pdp, err);
    struct mls_text text = { 0 };
    bool ok = curve != NULL;

    if (ok && o->json) {
        ok = say_json(o, cli, "partial_dependence", &curve, err);
    } else if (ok) {
        cli_render_curve(p, curve, o->raw, &text);
        ok = mls_text_ok(&text, err) && cli_write(o->output, &text, err);
    }
    mls_text_clear(&text);
    mls_json_free(curve);
    return ok;
}

static bool check(const struct options *o, struct mls_error *err)
{
    bool tree = o->dot || o->tree != MLS_AUTO_INTEGER;

    if (!o->data == !o->model) {
        mls_fail(err, MLS_USAGE, o->data ? "one pipeline at a time"
                                         : "which pipeline?");
        return mls_fail_fix(err, "mlspec inspect MODEL.mlspec");
    }
    if (o->pdp && tree) {
        mls_fail(err, MLS_USAGE, "--pdp shows a curve, not a tree");
        return mls_fail_fix(err, "drop --tree and --dot, or --pdp");
    }
    if (o->dot && o->json) {
        mls_fail(err, MLS_USAGE, "--dot and --json are two forms of a tree");
        return mls_fail_fix(err, "drop one of them");
    }
    if (o->raw && !o->pdp) {
        mls_fail(err, MLS_USAGE, "--raw goes with --pdp");
        return mls_fail_fix(err, "name the column with --pdp COL");
    }
    return true;
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_pipeline *p = NULL;
    double start = mls_now();
    bool ok;

    if (!check(o, err))
        return false;
    ok = cli_load(o->data ? o->data : o->model, &p, err);
    cli->run.read_seconds += mls_now() - start;
    ok = ok
        && (o->pdp ? say_curve(o, cli, p, err)
            : o->dot || o->tree != MLS_AUTO_INTEGER
                ? say_tree(o, cli, p, err)
                : say_all(o, cli, p, err));
    mls_pipeline_free(p);
    return ok;
}

const struct command command_inspect = {
    .name = "inspect",
    .arguments = "[options] MODEL",
    .summary = "show what a pipeline file holds",
    .description =
        "Shows the target, the steps, the learner with its params and what it "
        "found, how quality was measured in training, the columns that are "
        "expected, and the coefficients, largest first; of trees how many there are "
        "and how much each feature counts: its share of the gain of all splits, "
        "and their number. Coefficients are those "
        "of the columns as the steps make them; beside them, unscaled, those "
        "of the columns before they were scaled. Least squares adds standard "
        "errors and p values.\n"
        "A model of one tree is printed: each line is a node, what leads to it "
        "from the line above that is indented less, how many training rows are "
        "in it, and the mean of the target there. --tree N shows one tree of a "
        "forest or of boosting (there, what it adds to the score), --dot draws "
        "it.\n"
        "--pdp COL writes the partial dependence on a column, from the model "
        "alone: other splits are averaged over by the training rows on their "
        "sides. Scores are averaged, log-odds or logarithms where trees are "
        "boosted, and the link comes after; a forest's probabilities are "
        "averaged as they are. Between two neighbouring cuts the curve is "
        "constant, so it is exact: a line for each such interval (above, "
        "up_to) or each category (level), an empty one for missing cells, and "
        "a column for each class.",
    .takes = "model tree dot pdp raw memory config json quiet verbose help ",
    .output = "where the report, tree or curve goes; otherwise standard output",
    .data = "the pipeline (MODEL.mlspec)",
    .data_optional = true,
    .data_is_file = true,
    .light = true,
    .examples = examples,
    .run = run,
};
