/*
 * The target column: which task it makes, which classes it has, and its cells
 * as numbers.
 *
 * Task, when not given: 2 values are binary; values that are no numbers, or
 * integers without gaps and at most 20 of them, are multiclass; the rest is
 * regression.  Classes stand in byte order of their labels, or in numeric order
 * for numbers; --positive moves one to the end.
 *
 * Where anomalies are sought a target is not learned from; two labels tell in
 * evaluation which rows are odd, the positive class.
 */
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <math.h>

#include "base/number.h"
#include "stats/summary.h"

#define MULTICLASS_INTEGERS 20

static const struct mls_field *target_field(const struct mls_pipeline *p)
{
    return &p->schema.fields[p->target];
}

static bool is_coded(const struct mls_field *field)
{
    return field->kind == MLS_KIND_BOOLEAN || field->kind == MLS_KIND_CATEGORY;
}

/* The target's cells, gathered; the position of the column in the table. */
static double *gather(const struct mls_table *table, int64_t column,
                      struct mls_error *err)
{
    double *y = mls_new_array(table->rows, sizeof *y, err);

    if (y)
        mls_table_reals(table, column, 0, table->rows, y);
    return y;
}

/* Sorts y and keeps one of each value; returns how many, NaN left out.  -0 is
 * the value 0 and called so. */
static int64_t distinct(double *y, int64_t n)
{
    int64_t kept = 0;

    mls_sort_reals(y, n);
    for (int64_t i = 0; i < n && !isnan(y[i]); i++)
        if (kept == 0 || y[i] != y[kept - 1])
            y[kept++] = y[i] + 0.0;
    return kept;
}

static bool gapless(const double *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (values[i] != floor(values[i])
            || (i && values[i] != values[i - 1] + 1))
            return false;
    return true;
}

static bool no_numbers(const struct mls_field *field, struct mls_error *err)
{
    mls_fail(err, MLS_USAGE,
             "the target \"%s\" is a %s, so it cannot be the target of a "
             "regression",
             mls_show_text(field->name).text, mls_kind_name(field->kind));
    return mls_fail_fix(err, "leave out --task regression, or make it numeric "
                             "with --numeric %s",
                        mls_show_text(field->name).text);
}

static bool too_few(const struct mls_field *field, int64_t values,
                    struct mls_error *err)
{
    mls_fail(err, MLS_DATA, "the target \"%s\" has %s",
             mls_show_text(field->name).text,
             values ? "one value only" : "no value at all");
    return mls_fail_fix(err, "classification needs rows of two classes%s",
                        is_coded(field) ? "" : "; a number to be estimated, "
                                               "--task regression");
}

/* Settings that speak of classes, where there are none. */
static bool check_no_classes(const struct mls_settings *settings,
                             struct mls_error *err)
{
    const char *option = settings->positive       ? "--positive"
                         : settings->class_weight ? "--class-weight"
                                                  : NULL;

    if (!option)
        return true;
    mls_fail(err, MLS_USAGE, "%s: a regression has no classes", option);
    return mls_fail_fix(err, "leave it out, or pass --task classification");
}

static bool two_labels(const struct mls_field *field, int64_t values,
                       struct mls_error *err)
{
    if (values == 2)
        return true;
    mls_fail(err, MLS_DATA,
             "the target \"%s\" has %" PRId64 " values: labels of anomalies "
             "are two",
             mls_show_text(field->name).text, values);
    return mls_fail_fix(err, "leave out --target: it is for evaluation alone");
}

static bool choose_task(struct mls_pipeline *p,
                        const struct mls_settings *settings, int64_t values,
                        bool whole, struct mls_error *err)
{
    const struct mls_field *field = target_field(p);
    enum mls_task task = settings->task;

    if (p->task == MLS_ANOMALY)
        return two_labels(field, values, err);
    if (task == MLS_ANOMALY) {
        mls_fail(err, MLS_USAGE, "steps alone seek no anomalies");
        return mls_fail_fix(err, "leave out --task anomaly, or train");
    }
    if (task == MLS_REGRESSION && is_coded(field))
        return no_numbers(field, err);
    if (!task && values == 2)
        task = MLS_BINARY;
    else if (!task
             && (is_coded(field) || settings->classification
                 || (whole && values <= MULTICLASS_INTEGERS)))
        task = MLS_MULTICLASS;
    else if (!task)
        task = MLS_REGRESSION;
    if (task != MLS_REGRESSION && values < 2)
        return too_few(field, values, err);
    if (task == MLS_BINARY && values != 2) {
        mls_fail(err, MLS_USAGE,
                 "the target \"%s\" has %" PRId64 " values, not two",
                 mls_show_text(field->name).text, values);
        return mls_fail_fix(err, "pass --task multiclass, or leave out --task");
    }
    if (task != MLS_REGRESSION && values > MLS_CLASSES_LIMIT) {
        mls_fail(err, MLS_DATA,
                 "the target \"%s\" has %" PRId64 " classes, more than %d",
                 mls_show_text(field->name).text, values, MLS_CLASSES_LIMIT);
        return mls_fail_fix(err, "is it an identifier? name another --target");
    }
    p->task = task;
    return true;
}

static bool add_label(struct mls_pipeline *p, double value,
                      struct mls_error *err)
{
    const struct mls_field *field = target_field(p);
    char text[MLS_REAL_TEXT];
    const char *level;
    char *label;
    size_t length;
    bool ok;

    if (!is_coded(field)) {
        mls_format_real(value, text);
        return mls_list_add(&p->classes, text, err);
    }
    level = mls_dictionary_level(field->dictionary, (uint32_t)value, &length);
    label = mls_copy_bytes(level, length, err);
    ok = label && mls_list_add(&p->classes, label, err);
    mls_free(label);
    return ok;
}

static bool move_positive(struct mls_pipeline *p, const char *positive,
                          struct mls_error *err)
{
    const char *near;
    char *label;

    if (!positive)
        return true;
    if (p->task != MLS_BINARY && p->task != MLS_ANOMALY) {
        mls_fail(err, MLS_USAGE, "--positive needs a target of two classes");
        return mls_fail_fix(err, "leave out --positive");
    }
    if (strcmp(p->classes.items[1], positive) == 0)
        return true;
    if (strcmp(p->classes.items[0], positive) == 0) {
        label = p->classes.items[0];
        p->classes.items[0] = p->classes.items[1];
        p->classes.items[1] = label;
        return true;
    }
    mls_fail(err, MLS_USAGE, "--positive: the target has no class \"%s\"",
             mls_show_text(positive).text);
    near = mls_nearest(positive, (const char *const *)p->classes.items, 2);
    return mls_fail_fix(err, "its classes are \"%s\" and \"%s\"%s%s",
                        mls_show_text(p->classes.items[0]).text,
                        mls_show_text(p->classes.items[1]).text,
                        near ? "; did you mean " : "", near ? near : "");
}

static bool resolve(struct mls_pipeline *p,
                    const struct mls_settings *settings, double *values,
                    int64_t count, struct mls_error *err)
{
    bool whole = gapless(values, count)
        && target_field(p)->kind == MLS_KIND_INTEGER;

    if (!choose_task(p, settings, count, whole, err))
        return false;
    if (p->task == MLS_REGRESSION)
        return check_no_classes(settings, err);
    for (int64_t i = 0; i < count; i++)
        if (!add_label(p, values[i], err))
            return false;
    return move_positive(p, settings->positive, err)
        && mls_target_index(p, MLS_USAGE, err)
        && mls_target_check_class_weight(p, err);
}

/* The schema's order is by name, the table's is the file's. */
static int64_t column_in(const struct mls_pipeline *p,
                         const struct mls_table *table, int64_t at)
{
    return mls_schema_find(&table->schema, p->schema.fields[at].name);
}

bool mls_target_resolve(struct mls_pipeline *p,
                        const struct mls_settings *settings,
                        const struct mls_table *table, struct mls_error *err)
{
    const struct mls_field *field = target_field(p);
    double *values, *weight = NULL;
    bool ok;

    if (field->kind == MLS_KIND_DATE || field->kind == MLS_KIND_TEXT) {
        mls_fail(err, MLS_DATA, "the target \"%s\" is a %s column",
                 mls_show_text(field->name).text, mls_kind_name(field->kind));
        return mls_fail_fix(err, "name another --target, or pass "
                                 "--categorical %s",
                            mls_show_text(field->name).text);
    }
    if (!mls_pipeline_weights(p, table, &weight, err))
        return false;
    values = gather(table, column_in(p, table, p->target), err);
    /* A row of weight 0 is no row: its class may be no class. */
    for (int64_t i = 0; values && weight && i < table->rows; i++)
        if (weight[i] == 0)
            values[i] = NAN;
    mls_free(weight);
    ok = values
        && resolve(p, settings, values, distinct(values, table->rows), err);
    mls_free(values);
    return ok;
}

static int32_t class_of_label(const struct mls_pipeline *p, const char *bytes,
                              size_t length)
{
    for (int64_t i = 0; i < p->classes.count; i++)
        if (strlen(p->classes.items[i]) == length
            && memcmp(p->classes.items[i], bytes, length) == 0)
            return (int32_t)i;
    return -1;
}

/* Ascending, as class_of_value needs; two may be the other way round. */
static bool check_values(const struct mls_pipeline *p, enum mls_code code,
                         struct mls_error *err)
{
    const double *v = p->class_value;

    for (int64_t i = 1; i < p->classes.count; i++)
        if (v[i] == v[i - 1] || (v[i] < v[i - 1] && p->classes.count > 2))
            return mls_fail(err, code, "the classes are not in order");
    return true;
}

bool mls_target_index(struct mls_pipeline *p, enum mls_code code,
                      struct mls_error *err)
{
    const struct mls_field *field = target_field(p);
    const struct mls_dictionary *d = field->dictionary;
    int64_t found = 0;
    size_t length;

    if (is_coded(field)) {
        p->class_of_code = mls_new(d->count, sizeof *p->class_of_code, err);
        if (!p->class_of_code)
            return false;
        for (int64_t i = 0; i < d->count; i++) {
            const char *level = mls_dictionary_level(d, (uint32_t)i, &length);
            p->class_of_code[i] = class_of_label(p, level, length);
            found += p->class_of_code[i] >= 0;
        }
        return found == p->classes.count
            || mls_fail(err, code, "the classes are not levels of the target");
    }
    p->class_value = mls_new(p->classes.count, sizeof *p->class_value, err);
    if (!p->class_value)
        return false;
    for (int64_t i = 0; i < p->classes.count; i++)
        if (!mls_parse_real(p->classes.items[i], strlen(p->classes.items[i]),
                            '.', &p->class_value[i], NULL))
            return mls_fail(err, code, "the class \"%s\" is not a number",
                            mls_show_text(p->classes.items[i]).text);
    return check_values(p, code, err);
}

/* By halving; two classes may stand in either order. */
static int32_t class_of_value(const struct mls_pipeline *p, double value)
{
    int64_t low = 0, high = p->classes.count;

    if (high == 2)
        return value == p->class_value[0] ? 0
            : value == p->class_value[1]  ? 1
                                          : -1;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (p->class_value[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    return p->class_value[low] == value ? (int32_t)low : -1;
}

static bool unknown_class(const struct mls_pipeline *p,
                          const struct mls_table *table, int64_t column,
                          int64_t row, double value, struct mls_error *err)
{
    const struct mls_field *field = &table->schema.fields[column];
    char text[MLS_REAL_TEXT];
    const char *label = text;
    size_t length;

    if (is_coded(field))
        label = mls_dictionary_level(field->dictionary, (uint32_t)value,
                                     &length);
    else
        length = mls_format_real(value, text);
    mls_fail(err, MLS_DATA, "\"%s\" is no class that the model knows",
             mls_show(label, length).text);
    mls_fail_fix(err, "its classes are \"%s\" to \"%s\"; see mlspec inspect",
                 mls_show_text(p->classes.items[0]).text,
                 mls_show_text(p->classes.items[p->classes.count - 1]).text);
    return mls_table_fail_at(table, row, column, err);
}

/* The class of a coded cell: by the pipeline's codes when the table shares
 * its dictionary, by label otherwise. */
static int32_t class_of_cell(const struct mls_pipeline *p,
                             const struct mls_field *field, double value)
{
    const char *level;
    size_t length;

    if (!is_coded(field))
        return class_of_value(p, value);
    if (field->dictionary == target_field(p)->dictionary)
        return p->class_of_code[(int64_t)value];
    level = mls_dictionary_level(field->dictionary, (uint32_t)value, &length);
    return class_of_label(p, level, length);
}

double *mls_pipeline_truth(const struct mls_pipeline *p,
                           const struct mls_table *table,
                           struct mls_error *err)
{
    int64_t column;
    double *y;

    if (p->target < 0) {
        mls_fail(err, MLS_USAGE, "the pipeline has no target");
        if (p->task == MLS_ANOMALY)
            mls_fail_fix(err, "name a column of labels with --target when "
                              "training: it is not learned from");
        return NULL;
    }
    column = column_in(p, table, p->target);
    if (column < 0) {
        mls_fail(err, MLS_DATA, "there is no target column \"%s\"",
                 mls_show_text(target_field(p)->name).text);
        return NULL;
    }
    if (!mls_pipeline_same_kind(target_field(p),
                                &table->schema.fields[column], err))
        return NULL;
    y = gather(table, column, err);
    if (!y || p->task == MLS_REGRESSION)
        return y;
    for (int64_t i = 0; i < table->rows; i++) {
        int32_t class;

        if (isnan(y[i]))
            continue;
        class = class_of_cell(p, &table->schema.fields[column], y[i]);
        if (class < 0) {
            unknown_class(p, table, column, i, y[i], err);
            mls_free(y);
            return NULL;
        }
        y[i] = class;
    }
    return y;
}

/* A column that a table lacks reads as all missing. */
static bool bad_weight(const struct mls_table *table, int64_t row,
                       int64_t column, const double *w, struct mls_error *err)
{
    int64_t i = 0;

    while (i < table->rows && isnan(w[i]))
        i++;
    if (i == table->rows) {
        mls_fail(err, MLS_DATA, "the column of weights is empty, or not there");
        mls_fail_fix(err, "add it: the pipeline weighs its rows");
        return mls_fail_at(err, table->name, 0, 0,
                           table->schema.fields[column].name);
    }
    mls_fail(err, MLS_DATA, isnan(w[row]) ? "the weight is missing"
                                          : "a weight must be at least 0");
    mls_fail_fix(err, "correct the cell, or drop the row");
    return mls_table_fail_at(table, row, column, err);
}

bool mls_pipeline_weights(const struct mls_pipeline *p,
                          const struct mls_table *table, double **weight,
                          struct mls_error *err)
{
    int64_t column = p->weight < 0 ? -1 : column_in(p, table, p->weight);
    double *w;

    *weight = NULL;
    if (column < 0)
        return true;
    if (!mls_pipeline_same_kind(&p->schema.fields[p->weight],
                                &table->schema.fields[column], err))
        return false;
    w = gather(table, column, err);
    if (!w)
        return false;
    for (int64_t i = 0; i < table->rows; i++)
        if (!(w[i] >= 0)) {
            bad_weight(table, i, column, w, err);
            mls_free(w);
            return false;
        }
    *weight = w;
    return true;
}

/* --- class weights ----------------------------------------------------- */

static bool parse_class_weights(const struct mls_pipeline *p, double *factor,
                                struct mls_error *err)
{
    struct mls_list list = { 0 };
    bool ok = mls_list_split(p->class_weight, &list, err);

    for (int64_t i = 0; ok && i < list.count; i++) {
        char *equals = strrchr(list.items[i], '=');
        int32_t class = -1;
        double value = 0;

        ok = equals
            && mls_parse_real(equals + 1, strlen(equals + 1), '.', &value,
                              NULL)
            && value > 0;
        if (ok)
            class = class_of_label(p, list.items[i],
                                   (size_t)(equals - list.items[i]));
        if (ok && class >= 0) {
            factor[class] = value;
            continue;
        }
        ok = mls_fail(err, MLS_USAGE,
                      ok ? "--class-weight: \"%s\" names no class of the target"
                         : "--class-weight: \"%s\" is not LABEL=WEIGHT",
                      mls_show_text(list.items[i]).text);
        mls_fail_fix(err, "write balanced, or for example %s=2",
                     mls_show_text(p->classes.items[0]).text);
    }
    mls_list_clear(&list);
    return ok;
}

bool mls_target_check_class_weight(const struct mls_pipeline *p,
                                   struct mls_error *err)
{
    double *factor;
    bool ok;

    if (!p->class_weight || strcmp(p->class_weight, "balanced") == 0)
        return true;
    factor = mls_new(p->classes.count, sizeof *factor, err);
    ok = factor && parse_class_weights(p, factor, err);
    mls_free(factor);
    return ok;
}

/* W / (K W_k), scikit-learn's "balanced". */
static void balance(const double *y, const double *w, int64_t n,
                    int64_t classes, double *factor)
{
    double total = 0;
    int64_t present = 0;

    for (int64_t k = 0; k < classes; k++)
        factor[k] = 0;
    for (int64_t i = 0; i < n; i++) {
        factor[(int64_t)y[i]] += w[i];
        total += w[i];
    }
    for (int64_t k = 0; k < classes; k++)
        present += factor[k] > 0;
    for (int64_t k = 0; k < classes; k++)
        if (factor[k] > 0)
            factor[k] = total / ((double)present * factor[k]);
}

bool mls_target_class_weights(const struct mls_pipeline *p, const double *y,
                              int64_t n, double *w, struct mls_error *err)
{
    int64_t classes = p->classes.count;
    double *factor;
    bool ok = true;

    if (!p->class_weight || classes == 0)
        return true;
    factor = mls_new(classes, sizeof *factor, err);
    if (!factor)
        return false;
    for (int64_t k = 0; k < classes; k++)
        factor[k] = 1;
    if (strcmp(p->class_weight, "balanced") == 0)
        balance(y, w, n, classes, factor);
    else
        ok = parse_class_weights(p, factor, err);
    for (int64_t i = 0; ok && i < n; i++)
        w[i] *= factor[(int64_t)y[i]];
    mls_free(factor);
    return ok;
}
