/*
 * Everything that can be known to be wrong before work starts: files that are
 * not there, an output that would overwrite an input, options that exclude
 * each other, names and values that no step or learner knows.  What needs the
 * data is checked by the library.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "cli/options.h"

/* --- files -------------------------------------------------------------- */

struct file {
    const char *option, *path;
};
#define FILES 6

/* The files that are read; returns how many. */
static int inputs(const struct command *command, const struct options *o,
                  struct file files[FILES])
{
    const struct file all[FILES] = {
        { "", command->data_is_file ? o->data : NULL },
        { "--model", o->model }, { "--from", o->from },
        { "--steps", o->steps }, { "--schema", o->schema },
        { "--valid", o->valid }
    };
    int n = 0;

    for (int i = 0; i < FILES; i++)
        if (all[i].path)
            files[n++] = all[i];
    return n;
}

static int outputs(const struct options *o, struct file files[FILES])
{
    const struct file all[] = {
        { "--output", o->output }, { "--save", o->save },
        { "--train-output", o->train_output },
        { "--test-output", o->test_output }, { "--study", o->study },
        { "--curves", o->curves }
    };
    int n = 0;

    for (int i = 0; i < FILES; i++)
        if (all[i].path)
            files[n++] = all[i];
    return n;
}

static bool check_input(const struct file *file, struct mls_error *err)
{
    struct stat info;

    if (strcmp(file->path, "-") == 0)
        return true;
    if (stat(file->path, &info) != 0 || access(file->path, R_OK) != 0) {
        mls_fail(err, MLS_IO, "cannot be read: %s", strerror(errno));
        if (errno == ENOENT && file->option[0])
            mls_fail_fix(err, "%s names a file that is there", file->option);
        return mls_fail_at(err, mls_show_text(file->path).text, 0, 0, NULL);
    }
    if (S_ISDIR(info.st_mode)) {
        mls_fail(err, MLS_IO, "is a folder, not a file");
        return mls_fail_at(err, mls_show_text(file->path).text, 0, 0, NULL);
    }
    return true;
}

/* The folder that a path lies in. */
static bool check_folder(const char *path, struct mls_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == path ? mls_copy_text("/", err)
        : slash ? mls_copy_bytes(path, (size_t)(slash - path), err)
                : mls_copy_text(".", err);
    bool ok;

    if (!folder)
        return false;
    ok = access(folder, W_OK | X_OK) == 0;
    if (!ok) {
        mls_fail(err, MLS_IO, "its folder cannot be written to: %s",
                 strerror(errno));
        if (errno == ENOENT)
            mls_fail_fix(err, "mkdir -p %s", mls_show_text(folder).text);
        mls_fail_at(err, mls_show_text(path).text, 0, 0, NULL);
    }
    mls_free(folder);
    return ok;
}

static bool check_output(const struct file *file, struct mls_error *err)
{
    struct stat info;

    if (strcmp(file->path, "-") == 0)
        return true;
    if (stat(file->path, &info) != 0)
        return check_folder(file->path, err);
    if (S_ISDIR(info.st_mode)) {
        mls_fail(err, MLS_IO, "is a folder, not a file");
        mls_fail_fix(err, "name a file in it: %s/NAME",
                     mls_show_text(file->path).text);
        return mls_fail_at(err, mls_show_text(file->path).text, 0, 0, NULL);
    }
    if (!S_ISREG(info.st_mode))
        return true;
    return check_folder(file->path, err);
}

static bool same_path(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || mls_same_file(a, b);
}

/* An output must be no input and no other output. */
static bool check_clash(const struct file *out, const struct file *other,
                        bool input, struct mls_error *err)
{
    if (strcmp(out->path, "-") == 0 || !same_path(out->path, other->path))
        return true;
    if (input) {
        mls_fail(err, MLS_USAGE,
                 "%s would overwrite this file, which is read", out->option);
        mls_fail_fix(err, "give %s another name", out->option);
    } else {
        mls_fail(err, MLS_USAGE, "%s and %s name the same file", out->option,
                 other->option);
    }
    return mls_fail_at(err, mls_show_text(out->path).text, 0, 0, NULL);
}

static bool check_stdin(const struct file *in, int n, struct mls_error *err)
{
    int uses = 0;

    for (int i = 0; i < n; i++)
        uses += strcmp(in[i].path, "-") == 0;
    if (uses < 2)
        return true;
    return mls_fail(err, MLS_USAGE,
                    "standard input (-) can be read once only");
}

static bool check_files(const struct command *command,
                        const struct options *o, struct mls_error *err)
{
    struct file in[FILES], out[FILES];
    int n = inputs(command, o, in), m = outputs(o, out);

    for (int i = 0; i < n; i++)
        if (!check_input(&in[i], err))
            return false;
    if (!check_stdin(in, n, err))
        return false;
    for (int i = 0; i < m; i++) {
        if (!check_output(&out[i], err))
            return false;
        for (int k = 0; k < n; k++)
            if (!check_clash(&out[i], &in[k], true, err))
                return false;
        for (int k = 0; k < i; k++)
            if (!check_clash(&out[i], &out[k], false, err))
                return false;
    }
    return true;
}

/* --- dialect ------------------------------------------------------------ */

static bool one_byte(const char *text, const char *option, char *byte,
                     struct mls_error *err)
{
    if (!text)
        return true;
    if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0) {
        *byte = '\t';
        return true;
    }
    if (strlen(text) == 1 && *text != '\n' && *text != '\r') {
        *byte = *text;
        return true;
    }
    mls_fail(err, MLS_USAGE, "%s must be one character, not \"%s\"", option,
             mls_show_text(text).text);
    return mls_fail_fix(err, "write for example %s ';', or %s tab", option,
                        option);
}

bool cli_dialect(const struct options *o, struct mls_dialect *to,
                 struct mls_error *err)
{
    static const char decimals[] = { 0, '.', ',' };

    to->skip_rows = o->skip_rows;
    to->no_header = !o->header;
    to->decimal = decimals[o->decimal];
    to->na = o->na;
    if (!one_byte(o->delimiter, "--delimiter", &to->delimiter, err)
        || !one_byte(o->quote, "--quote", &to->quote, err)
        || !one_byte(o->escape, "--escape", &to->escape, err)
        || !one_byte(o->comment, "--comment", &to->comment, err))
        return false;
    if (to->decimal == ',' && to->delimiter == ',')
        return mls_fail(err, MLS_USAGE, "--delimiter and --decimal cannot "
                                        "both be a comma");
    return true;
}

/* --- metrics ------------------------------------------------------------ */

bool cli_threshold_parse(const char *item, const char *option, char name[64],
                         double *bound, struct mls_error *err)
{
    const char *equals = strrchr(item, '=');

    snprintf(name, 64, "%.*s", equals ? (int)(equals - item) : 0, item);
    if (equals
        && mls_parse_real(equals + 1, strlen(equals + 1), '.', bound, NULL))
        return true;
    mls_fail(err, MLS_USAGE, "%s: \"%s\" is not NAME=NUMBER", option,
             mls_show_text(item).text);
    return mls_fail_fix(err, "write for example %s roc_auc=0.8", option);
}

static bool check_bounds(const struct options *o, const struct mls_list *list,
                         const char *option, struct mls_error *err)
{
    for (int64_t i = 0; i < list->count; i++) {
        char name[64];
        double bound;

        if (!cli_threshold_parse(list->items[i], option, name, &bound, err)
            || !mls_metric_find(name, cli_task(o), err))
            return false;
    }
    return true;
}

static bool check_metrics(const struct options *o, struct mls_error *err)
{
    struct mls_list names = { 0 };
    bool ok = !o->metric || mls_list_split(o->metric, &names, err);

    for (int64_t i = 0; ok && i < names.count; i++)
        ok = strcmp(names.items[i], "*") == 0
            || mls_metric_find(names.items[i], cli_task(o), err) != NULL;
    mls_list_clear(&names);
    if (ok && o->best_threshold) {
        const struct mls_metric_type *metric =
            mls_metric_find(o->best_threshold, 0, err);

        ok = metric && mls_metric_has_threshold(metric, cli_task(o), err);
    }
    return ok && check_bounds(o, &o->fail_below, "--fail-below", err)
        && check_bounds(o, &o->fail_above, "--fail-above", err);
}

/* --- params ------------------------------------------------------------- */

/* Sets key in a scratch struct, to see whether it can be set. */
static bool try_param(const struct mls_param *table, size_t size,
                      const char *what, const char *key, const char *value,
                      struct mls_error *err)
{
    void *scratch = mls_new(1, size ? size : 1, err);
    bool ok = scratch != NULL;

    if (ok) {
        mls_params_init(table, scratch, size);
        ok = mls_params_set(table, scratch, what, key, value, err);
        mls_params_clear(table, scratch);
    }
    mls_free(scratch);
    return ok;
}

/* The type of a step named "impute" or "impute2". */
static const struct mls_step_type *type_of_step(const char *name)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };
    size_t length = strlen(name);

    while (length > 0 && name[length - 1] >= '0' && name[length - 1] <= '9')
        length--;
    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++)
            if (strlen(lists[l][i]->name) == length
                && strncmp(lists[l][i]->name, name, length) == 0)
                return lists[l][i];
    return NULL;
}

static bool no_step(const char *name, struct mls_error *err)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };
    const char *names[128], *near;
    int64_t n = 0;

    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i] && n < 128; i++)
            names[n++] = lists[l][i]->name;
    near = mls_nearest(name, names, n);
    mls_fail(err, MLS_USAGE, "--set: there is no step \"%s\"",
             mls_show_text(name).text);
    return mls_fail_fix(err, near ? "did you mean %s?"
                                  : "mlspec help steps lists them%.0s",
                        near ? near : "");
}

static bool check_step_param(const char *step, const char *key,
                             const char *value, struct mls_error *err)
{
    const struct mls_step_type *type = type_of_step(step);

    if (!type)
        return no_step(step, err);
    return strcmp(key, "columns") == 0
        || try_param(type->params, type->params_size, step, key, value, err);
}

static bool check_learner_param(const struct options *o, const char *key,
                                const char *value, struct mls_error *err)
{
    const struct mls_learner_type *learner;

    if (!o->learner || strcmp(o->learner, "auto") == 0)
        return true;
    learner = mls_learner_find(o->learner, cli_task(o), err);
    return learner
        && try_param(learner->params, learner->params_size, learner->name,
                     key, value, err);
}

static bool check_pair(const struct command *command, const struct options *o,
                       char *pair, struct mls_error *err)
{
    char *equals = strchr(pair, '=');
    char *dot;

    *equals = '\0';
    dot = strchr(pair, '.');
    if (dot) {
        *dot = '\0';
        return check_step_param(pair, dot + 1, equals + 1, err);
    }
    if (options_takes(command, "learner"))
        return check_learner_param(o, pair, equals + 1, err);
    mls_fail(err, MLS_USAGE, "--set: \"%s\" names no step",
             mls_show_text(pair).text);
    return mls_fail_fix(err, "a step's param is STEP.KEY, as in "
                             "impute.strategy=mean");
}

static bool check_set(const struct command *command, const struct options *o,
                      struct mls_error *err)
{
    for (int64_t i = 0; i < o->set.count; i++) {
        char *pair = mls_copy_text(o->set.items[i], err);
        bool ok = pair && check_pair(command, o, pair, err);

        mls_free(pair);
        if (!ok)
            return false;
    }
    return true;
}

/* Tries the param that --FAMILY VALUE sets; an error is about the option. */
static bool try_primary(const struct mls_step_type *type, const char *what,
                        const char *value, struct mls_error *err)
{
    char start[160], rest[sizeof err->what];
    size_t length;

    if (strcmp(type->primary, "columns") == 0
        || try_param(type->params, type->params_size, what, type->primary,
                     value, err))
        return true;
    snprintf(start, sizeof start, "%s: \"%s\"", what, type->primary);
    length = strlen(start);
    if (strncmp(err->what, start, length) == 0) {
        snprintf(rest, sizeof rest, "%s", err->what + length);
        snprintf(err->what, sizeof err->what, "%.80s%.400s", what, rest);
    }
    return false;
}

/* The value of --FAMILY: "none", a value of its one step's main param, or the
 * name of a step. */
static bool check_family(const char *pair, struct mls_error *err)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };
    const char *value = strchr(pair, '=') + 1;
    size_t length = (size_t)(value - 1 - pair);
    const char *names[64] = { "none" }, *near;
    char family[64], what[80];
    int64_t n = 1;

    snprintf(family, sizeof family, "%.*s", (int)length, pair);
    snprintf(what, sizeof what, "--%s", family);
    if (strcmp(value, "none") == 0)
        return true;
    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++) {
            const struct mls_step_type *type = lists[l][i];

            if (strcmp(type->family, family) != 0)
                continue;
            if (type->primary)
                return try_primary(type, what, value, err);
            if (strcmp(type->name, value) == 0)
                return true;
            if (n < 64)
                names[n++] = type->name;
        }
    near = mls_nearest(value, names, n);
    mls_fail(err, MLS_USAGE, "%s: there is no step \"%s\" of this family",
             what, mls_show_text(value).text);
    return mls_fail_fix(err, near ? "did you mean %s?"
                                  : "mlspec help steps lists them%.0s",
                        near ? near : "");
}

static bool check_recipe(const struct command *command,
                         const struct options *o, struct mls_error *err)
{
    if (o->learner && strcmp(o->learner, "auto") != 0
        && !mls_learner_find(o->learner, cli_task(o), err))
        return false;
    for (int64_t i = 0; i < o->families.count; i++)
        if (!check_family(o->families.items[i], err))
            return false;
    return check_set(command, o, err);
}

/* --- options together --------------------------------------------------- */

static bool exclude(bool a, const char *first, bool b, const char *second,
                    struct mls_error *err)
{
    if (!a || !b)
        return true;
    mls_fail(err, MLS_USAGE, "%s and %s exclude each other", first, second);
    return mls_fail_fix(err, "leave one of them out");
}

static bool check_together(const struct command *command,
                           const struct options *o, struct mls_error *err)
{
    bool cv = o->cv != MLS_AUTO_INTEGER, held = !isnan(o->test_fraction);
    bool measures = options_takes(command, "valid");
    bool asked = o->fail_below.count || o->fail_above.count;

    if (!exclude(o->quiet, "--quiet", o->verbose, "--verbose", err)
        || (measures
            && (!exclude(cv, "--cv", held, "--test-fraction", err)
                || !exclude(cv, "--cv", o->valid, "--valid", err)
                || !exclude(held, "--test-fraction", o->valid, "--valid",
                            err)))
        || !exclude(o->steps, "--steps", o->from, "--from", err)
        || !exclude(o->group, "--group", o->time, "--time", err)
        || !exclude(o->frozen, "--frozen", o->group, "--group", err)
        || !exclude(o->frozen, "--frozen", o->time, "--time", err)
        || (options_takes(command, "learner")
            && !exclude(!isnan(o->threshold), "--threshold", o->best_threshold,
                        "--best-threshold", err)))
        return false;
    if (o->curves && cli_is_json(o->curves) < 0) {
        mls_fail(err, MLS_USAGE, "--curves writes CSV or JSON, by the name of "
                                 "the file");
        mls_fail_fix(err, "let it end in .csv or .json");
        return mls_fail_at(err, mls_show_text(o->curves).text, 0, 0, NULL);
    }
    if (o->frozen && !o->from) {
        mls_fail(err, MLS_USAGE, "--frozen needs a pipeline to start from");
        return mls_fail_fix(err, "name it with --from FILE");
    }
    if (measures && asked && !cv && !held && !o->valid) {
        mls_fail(err, MLS_USAGE, "--%s has nothing to check: no figure is "
                                 "measured",
                 o->fail_below.count ? "fail-below" : "fail-above");
        return mls_fail_fix(err, "add --cv 5, --test-fraction 0.2 or --valid "
                                 "FILE");
    }
    if (!command->output_is_table || !o->json || o->dry_run
        || (o->output && strcmp(o->output, "-") != 0))
        return true;
    mls_fail(err, MLS_USAGE, "--json and the table would both go to standard "
                             "output");
    return mls_fail_fix(err, "name a file for the table with --output FILE");
}

bool cli_validate(const struct command *command, const struct options *o,
                  struct mls_error *err)
{
    struct mls_dialect dialect = { 0 };

    if (command->data && !command->data_optional && !o->data) {
        mls_fail(err, MLS_USAGE, "%s is missing", command->data);
        return mls_fail_fix(err, "mlspec %s %s", command->name,
                            command->arguments);
    }
    return check_together(command, o, err) && cli_dialect(o, &dialect, err)
        && check_metrics(o, err) && check_recipe(command, o, err)
        && (!o->search || mls_search_find(o->search, err))
        && check_files(command, o, err);
}
