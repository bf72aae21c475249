/*
 * One tree for people and for Graphviz, and one curve of partial dependence as
 * CSV, from the JSON that the library makes of them.
 *
 *   node                                     rows   share  P(yes)
 *   all                                       891  100.0%   0.384
 *     sex in female                           314   35.2%   0.742
 *       pclass <= 2.5 or missing              170   19.1%   0.947
 *       pclass > 2.5                          144   16.2%   0.500
 *     sex in male                             577   64.8%   0.189
 *
 * Each line says what leads to it from the line above that is indented less.
 */
#include <inttypes.h>
#include <math.h>

#include "cli/cli.h"

enum {
    SHOWN_LEVELS = 6,           /* of a condition by categories */
    SHOWN_DEPTH = 30            /* deeper nodes are indented no further */
};

static double real_of(const struct mls_json *item, const char *key)
{
    return mls_json_real(mls_json_get(item, key), NAN);
}

static int64_t whole_of(const struct mls_json *item, const char *key)
{
    int64_t value = 0;

    return mls_json_integer(mls_json_get(item, key), &value) ? value : 0;
}

/* ---- Conditions ---- */

/* In its shortest form, or where that is long with eight digits. */
static void add_short(struct mls_text *text, double value)
{
    struct mls_text whole = { 0 };

    mls_text_add_real(&whole, value);
    if (whole.length <= 9)
        mls_text_add(text, whole.bytes);
    else
        mls_text_format(text, "%.8g", value);
    text->failed = text->failed || whole.failed;
    mls_text_clear(&whole);
}

/* A number, or text as it is. */
static void add_value(struct mls_text *text, const struct mls_json *value)
{
    if (mls_json_kind_of(value) == MLS_JSON_STRING)
        mls_text_add(text, mls_show_text(mls_json_text(value, "")).text);
    else
        add_short(text, mls_json_real(value, NAN));
}

static void add_levels(struct mls_text *text, const struct mls_json *levels)
{
    int64_t n = mls_json_count(levels), i = 0;

    for (const struct mls_json *l = mls_json_first(levels);
         l && i < SHOWN_LEVELS; l = mls_json_next(l)) {
        mls_text_add(text, i++ ? ", " : "");
        add_value(text, l);
    }
    if (n > i)
        mls_text_format(text, " and %" PRId64 " more", n - i);
}

/* What a row must be to go to one side of a split. */
static void add_condition(struct mls_text *text, const struct mls_json *split,
                          bool left)
{
    const struct mls_json *cut = mls_json_get(split, "at_most");
    const struct mls_json *levels =
        mls_json_get(split, left ? "levels" : "others");
    bool missing = (strcmp(mls_json_text(mls_json_get(split, "missing"), ""),
                           "left") == 0) == left;

    mls_text_add(text, mls_show_text(mls_json_text(
                                         mls_json_get(split, "feature"), ""))
                           .text);
    if (cut) {
        mls_text_add(text, left ? " <= " : " > ");
        add_value(text, cut);
        mls_text_add(text, missing ? " or missing" : "");
    } else if (levels && mls_json_count(levels) > 0) {
        mls_text_add(text, " in ");
        add_levels(text, levels);
        mls_text_add(text, missing ? " or missing" : "");
    } else {
        mls_text_add(text, missing ? " missing" : " not missing");
    }
}

/* ---- Values ---- */

/* What the values of nodes are; whether the likeliest class is shown. */
static void add_heading(const struct mls_pipeline *p,
                        const struct mls_json *tree, bool *likeliest,
                        struct mls_text *text)
{
    const char *combined = mls_json_text(mls_json_get(tree, "combined"), "");
    const char *of = mls_json_text(mls_json_get(tree, "class"), NULL);

    *likeliest = false;
    if (strcmp(combined, "isolation") == 0) {
        mls_text_add(text, "depth");
    } else if (strcmp(combined, "sum") == 0) {
        mls_text_add(text, "adds");
        if (of)
            mls_text_format(text, " to %s", mls_show_text(of).text);
    } else if (mls_pipeline_task(p) == MLS_REGRESSION) {
        mls_text_add(text, "mean");
    } else if (mls_pipeline_task(p) == MLS_BINARY) {
        mls_text_format(text, "P(%s)",
                        mls_show_text(mls_pipeline_class(p, 1)).text);
    } else {
        mls_text_add(text, "likeliest");
        *likeliest = true;
    }
}

static void add_node_value(const struct mls_pipeline *p,
                           const struct mls_json *node, bool likeliest,
                           struct mls_text *text)
{
    const struct mls_json *v = mls_json_first(mls_json_get(node, "values"));
    double most = -INFINITY;
    int k = 0, best = 0;

    if (!v) {
        mls_text_format(text, "%.4g", real_of(node, "value"));
        return;
    }
    for (; v; v = mls_json_next(v), k++) {
        double x = mls_json_real(v, NAN);

        if (!likeliest)
            mls_text_format(text, k ? " %.4g" : "%.4g", x);
        if (x > most) {
            most = x;
            best = k;
        }
    }
    if (likeliest)
        mls_text_format(text, "%s %.1f%%",
                        mls_show_text(mls_pipeline_class(p, best)).text,
                        100 * most);
}

/* ---- As text ---- */

/* The nodes that lead to the one that is shown, by depth. */
struct path {
    const struct mls_json **split;
    bool *left;                 /* its left side has been shown */
};

static bool path_open(struct path *path, const struct mls_json *nodes,
                      struct mls_error *err)
{
    int64_t deepest = 0;

    for (const struct mls_json *n = mls_json_first(nodes); n;
         n = mls_json_next(n)) {
        int64_t depth = whole_of(n, "depth");

        deepest = depth > deepest ? depth : deepest;
    }
    path->split = mls_new(deepest + 1, sizeof *path->split, err);
    path->left = path->split
        ? mls_new(deepest + 1, sizeof *path->left, err)
        : NULL;
    return path->left != NULL;
}

static void path_close(struct path *path)
{
    mls_free(path->split);
    mls_free(path->left);
}

/* The split above a node, and to which side the node is; NULL: the root. */
static const struct mls_json *path_enter(struct path *path,
                                         const struct mls_json *node,
                                         bool *left)
{
    int64_t depth = whole_of(node, "depth");

    path->split[depth] = node;
    path->left[depth] = false;
    if (depth == 0)
        return NULL;
    *left = !path->left[depth - 1];
    path->left[depth - 1] = true;
    return path->split[depth - 1];
}

static void add_line(const struct mls_pipeline *p, const struct mls_json *node,
                     const struct mls_json *split, bool left, double all,
                     bool likeliest, struct grid *grid)
{
    struct mls_text text = { 0 };
    int64_t depth = whole_of(node, "depth");
    double rows = real_of(node, "rows");

    for (int64_t d = 0; d < depth && d < SHOWN_DEPTH; d++)
        mls_text_add(&text, "  ");
    if (depth > SHOWN_DEPTH)
        mls_text_format(&text, "(%" PRId64 ") ", depth);
    if (split)
        add_condition(&text, split, left);
    else
        mls_text_add(&text, "all");
    if (whole_of(node, "hidden"))
        mls_text_format(&text, " [... %" PRId64 " nodes]",
                        whole_of(node, "hidden"));
    grid_add(grid, text.bytes ? text.bytes : "");
    grid->failed = grid->failed || text.failed;
    mls_text_clear(&text);
    grid_add(grid, cli_number(rows).text);
    grid_add_format(grid, "%.1f%%", all > 0 ? 100 * rows / all : 0.0);
    add_node_value(p, node, likeliest, &text);
    grid_add(grid, text.bytes ? text.bytes : "");
    grid->failed = grid->failed || text.failed;
    mls_text_clear(&text);
}

bool cli_render_tree(const struct mls_pipeline *p, const struct mls_json *tree,
                     struct mls_text *text, struct mls_error *err)
{
    const struct mls_json *nodes = mls_json_get(tree, "nodes"), *split;
    double all = real_of(mls_json_first(nodes), "rows");
    struct grid grid = { .align = "lrrr" };
    struct mls_text heading = { 0 };
    struct path path = { 0 };
    bool likeliest, left = false, ok = path_open(&path, nodes, err);

    add_heading(p, tree, &likeliest, &heading);
    grid_add_format(&grid, "tree %" PRId64 " of %" PRId64,
                    whole_of(tree, "tree"), whole_of(tree, "trees"));
    grid_add(&grid, "rows");
    grid_add(&grid, "share");
    grid_add(&grid, heading.bytes ? heading.bytes : "");
    for (const struct mls_json *n = mls_json_first(nodes); ok && n;
         n = mls_json_next(n)) {
        split = path_enter(&path, n, &left);
        add_line(p, n, split, left, all, likeliest, &grid);
    }
    grid_print(&grid, 0, text);
    text->failed = text->failed || heading.failed;
    mls_text_clear(&heading);
    path_close(&path);
    return ok && mls_text_ok(text, err);
}

/* ---- For Graphviz ---- */

/* Inside a quoted string of dot. */
static void add_quoted(struct mls_text *text, const char *bytes)
{
    for (; bytes && *bytes; bytes++) {
        if (*bytes == '"' || *bytes == '\\')
            mls_text_add(text, "\\");
        mls_text_add_bytes(text, bytes, 1);
    }
}

static void add_box(const struct mls_pipeline *p, const struct mls_json *node,
                    int64_t number, double all, const char *heading,
                    bool likeliest, struct mls_text *text)
{
    struct mls_text line = { 0 };
    double rows = real_of(node, "rows");
    bool split = mls_json_get(node, "feature") != NULL;

    mls_text_format(text, "  n%" PRId64 " [label=\"", number);
    if (split) {
        add_condition(&line, node, true);
        add_quoted(text, line.bytes);
        mls_text_add(text, "\\n");
        text->failed = text->failed || line.failed;
        mls_text_clear(&line);
    }
    mls_text_format(text, "%s rows, %.1f%%\\n", cli_number(rows).text,
                    all > 0 ? 100 * rows / all : 0.0);
    mls_text_format(&line, "%s%s", heading, *heading ? " " : "");
    add_node_value(p, node, likeliest, &line);
    add_quoted(text, line.bytes);
    text->failed = text->failed || line.failed;
    mls_text_clear(&line);
    if (whole_of(node, "hidden"))
        mls_text_format(text, "\\n... %" PRId64 " nodes",
                        whole_of(node, "hidden"));
    mls_text_add(text, split ? "\"];\n" : "\", style=rounded];\n");
}

bool cli_render_dot(const struct mls_pipeline *p, const struct mls_json *tree,
                    struct mls_text *text, struct mls_error *err)
{
    const struct mls_json *nodes = mls_json_get(tree, "nodes"), *split;
    double all = real_of(mls_json_first(nodes), "rows");
    int64_t count = mls_json_count(nodes), i = 0;
    int64_t *number = mls_new(count + 1, sizeof *number, err);
    struct mls_text heading = { 0 };
    struct path path = { 0 };
    bool likeliest, left = false;
    bool ok = number && path_open(&path, nodes, err);

    add_heading(p, tree, &likeliest, &heading);
    if (likeliest)
        mls_text_clear(&heading);
    mls_text_add(text, "digraph tree {\n  node [shape=box];\n");
    for (const struct mls_json *n = mls_json_first(nodes); ok && n;
         n = mls_json_next(n), i++) {
        int64_t depth = whole_of(n, "depth");

        split = path_enter(&path, n, &left);
        number[depth] = i;
        add_box(p, n, i, all, heading.bytes ? heading.bytes : "", likeliest,
                text);
        if (split)
            mls_text_format(text,
                            "  n%" PRId64 " -> n%" PRId64
                            " [label=\"%s\"];\n",
                            number[depth - 1], i, left ? "yes" : "no");
    }
    mls_text_add(text, "}\n");
    text->failed = text->failed || heading.failed;
    mls_text_clear(&heading);
    path_close(&path);
    mls_free(number);
    return ok && mls_text_ok(text, err);
}

/* ---- A curve as CSV ---- */

/* prefix alone, or prefix_LABEL for each class. */
static void add_names(const struct mls_pipeline *p, const char *prefix,
                      int64_t first, int64_t count, struct mls_text *text)
{
    struct mls_text name = { 0 };

    for (int64_t k = first; k < count; k++) {
        mls_text_format(&name, "%s_%s", prefix,
                        mls_pipeline_class(p, (int)k));
        mls_text_add(text, ",");
        cli_add_label(text, name.bytes ? name.bytes : "");
        text->failed = text->failed || name.failed;
        mls_text_clear(&name);
    }
}

/* Nine digits are enough to draw, and all of them are in the JSON. */
static void add_cells(const struct mls_json *array, struct mls_text *text)
{
    for (const struct mls_json *v = mls_json_first(array); v;
         v = mls_json_next(v))
        mls_text_format(text, ",%.9g", mls_json_real(v, NAN));
}

/* An end of an interval: null is infinite. */
static void add_end(const struct mls_json *end, const char *infinite,
                    struct mls_text *text)
{
    if (mls_json_kind_of(end) == MLS_JSON_NULL)
        mls_text_add(text, infinite);
    else if (mls_json_kind_of(end) == MLS_JSON_STRING)
        mls_text_add(text, mls_json_text(end, ""));
    else
        mls_text_add_real(text, mls_json_real(end, NAN));
}

/* above,up_to,... or level,...; their cells are empty for missing ones. */
void cli_render_curve(const struct mls_pipeline *p,
                      const struct mls_json *curve, bool raw,
                      struct mls_text *text)
{
    const struct mls_json *points = mls_json_get(curve, "points");
    const struct mls_json *first = mls_json_first(points), *level;
    int64_t scores = mls_json_count(mls_json_get(first, "scores"));
    int64_t classes = mls_json_count(mls_json_get(first, "probabilities"));
    bool named = mls_json_get(mls_json_next(first), "level") != NULL;

    mls_text_add(text, named ? "level" : "above,up_to");
    if (classes)
        add_names(p, "probability", 0, classes, text);
    else
        mls_text_add(text, ",prediction");
    if (raw && classes)
        add_names(p, "score", classes - scores, classes, text);
    mls_text_add(text, "\n");
    for (const struct mls_json *x = first; x; x = mls_json_next(x)) {
        bool missing = mls_json_get(x, "missing") != NULL;

        level = mls_json_get(x, "level");
        if (level && mls_json_kind_of(level) == MLS_JSON_STRING) {
            cli_add_label(text, mls_json_text(level, ""));
        } else if (level) {
            mls_text_add_real(text, mls_json_real(level, NAN));
        } else if (!missing) {
            add_end(mls_json_get(x, "above"), "-inf", text);
            mls_text_add(text, ",");
            add_end(mls_json_get(x, "up_to"), "inf", text);
        } else if (!named) {
            mls_text_add(text, ",");
        }
        add_cells(mls_json_get(x, classes ? "probabilities" : "scores"),
                  text);
        if (raw && classes)
            add_cells(mls_json_get(x, "scores"), text);
        mls_text_add(text, "\n");
    }
}
