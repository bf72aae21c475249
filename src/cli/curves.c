/*
 * Curves as a file.  CSV is one table for all curves, so that a filter on two
 * columns gives one to plot:
 *
 *   curve,class,threshold,x,y,weight
 *   roc,malignant,inf,0,0,0
 *   ...
 *
 * JSON names the axes: {"curve": "roc", "class": "malignant",
 * "false_positive_rate": [...], "true_positive_rate": [...], ...}, with null
 * for the infinite threshold.
 */
#include "base/number.h"
#include "cli/cli.h"

struct axes {
    const char *curve, *x, *y, *threshold;
};

static const struct axes axes[MLS_CURVE_KINDS] = {
    [MLS_CURVE_ROC] = { "roc", "false_positive_rate", "true_positive_rate",
                        "threshold" },
    [MLS_CURVE_PRECISION_RECALL] = { "precision_recall", "recall",
                                     "precision", "threshold" },
    [MLS_CURVE_CALIBRATION] = { "calibration", "mean_probability", "share",
                                "bin_start" },
};

static bool ends_in(const char *path, size_t length, const char *end)
{
    size_t n = strlen(end);

    return length >= n && memcmp(path + length - n, end, n) == 0;
}

int cli_is_json(const char *path)
{
    size_t length = strlen(path);

    if (ends_in(path, length, ".gz"))
        length -= 3;
    else if (ends_in(path, length, ".zst"))
        length -= 4;
    return ends_in(path, length, ".json") ? 1
        : ends_in(path, length, ".csv")   ? 0
                                          : -1;
}

/* --- CSV ---------------------------------------------------------------- */

void cli_add_label(struct mls_text *text, const char *label)
{
    bool plain = strpbrk(label, ",\"\r\n") == NULL && *label;

    if (plain) {
        mls_text_add(text, label);
        return;
    }
    mls_text_add(text, "\"");
    for (; *label; label++) {
        mls_text_add_bytes(text, label, 1);
        if (*label == '"')
            mls_text_add(text, "\"");
    }
    mls_text_add(text, "\"");
}

static void add_cell(struct mls_text *text, double value)
{
    mls_text_add(text, ",");
    if (isinf(value))
        mls_text_add(text, "inf");
    else
        mls_text_add_real(text, value);
}

static void add_rows(const struct mls_pipeline *p,
                     const struct mls_curve *curve, struct mls_text *text)
{
    for (int64_t i = 0; i < curve->count; i++) {
        mls_text_format(text, "%s,", axes[curve->kind].curve);
        cli_add_label(text, mls_pipeline_class(p, curve->code));
        add_cell(text, curve->threshold[i]);
        add_cell(text, curve->x[i]);
        add_cell(text, curve->y[i]);
        add_cell(text, curve->weight[i]);
        mls_text_add(text, "\n");
    }
}

/* --- JSON --------------------------------------------------------------- */

static bool add_reals(struct mls_json *to, const char *key,
                      const double *values, int64_t count,
                      struct mls_error *err)
{
    struct mls_json *array = mls_json_add_array(to, key, err);

    for (int64_t i = 0; array && i < count; i++)
        if (!mls_json_add_real(array, NULL, values[i], err))
            return false;
    return array != NULL;
}

static bool add_curve(const struct mls_pipeline *p,
                      const struct mls_curve *curve, struct mls_json *to,
                      struct mls_error *err)
{
    const struct axes *a = &axes[curve->kind];
    struct mls_json *item = mls_json_add_object(to, NULL, err);

    return item && mls_json_add_text(item, "curve", a->curve, err)
        && mls_json_add_text(item, "class", mls_pipeline_class(p, curve->code),
                             err)
        && add_reals(item, a->threshold, curve->threshold, curve->count, err)
        && add_reals(item, a->x, curve->x, curve->count, err)
        && add_reals(item, a->y, curve->y, curve->count, err)
        && add_reals(item, "weight", curve->weight, curve->count, err);
}

static bool print_json(const struct cli *cli, const struct mls_pipeline *p,
                       const struct mls_curves *curves, struct mls_text *text,
                       struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err);
    struct mls_json *array =
        json ? mls_json_add_array(json, "curves", err) : NULL;
    bool ok = array != NULL;

    for (int64_t i = 0; ok && i < curves->count; i++)
        ok = add_curve(p, &curves->items[i], array, err);
    ok = ok && mls_json_print(json, true, text, err);
    mls_json_free(json);
    return ok;
}

bool cli_write_curves(const char *path, const struct cli *cli,
                      const struct mls_pipeline *p,
                      const struct mls_curves *curves, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok = true;

    if (cli_is_json(path)) {
        ok = print_json(cli, p, curves, &text, err);
    } else {
        mls_text_add(&text, "curve,class,threshold,x,y,weight\n");
        for (int64_t i = 0; i < curves->count; i++)
            add_rows(p, &curves->items[i], &text);
    }
    ok = ok && cli_write(path, &text, err);
    mls_text_clear(&text);
    return ok;
}
