/*
 * The table of options, and setting one of them.
 *
 * One table holds every option of every command; a command names those it
 * takes.  Two further sources of names are walked, not written down again:
 * the families of steps (--impute median) and the params of learners
 * (--l2 0.1), for commands that take a recipe and a learner.
 *
 * Reading argv is in arguments.c, a config file in config.c; both set values
 * here.
 */
#include "cli/options.h"

#include "base/memory.h"

#define FIELD(name) #name, .at = offsetof(struct options, name)

static const char *const decimals[] = { "auto", ".", ",", NULL };
static const char *const bad_rows[] = { "error", "skip", "pad", NULL };
static const char *const tasks[] = { "auto", "regression", "binary",
                                     "multiclass", "anomaly",
                                     "classification", NULL };
static const char *const unknowns[] = { "auto", "missing", "error", NULL };
static const char *const missing_targets[] = { "error", "drop", NULL };
static const char *const formats[] = { "text", "man", "markdown", NULL };

/* Sections of the help, by their first option. */
const struct option_section cli_sections[] = {
    { "output", "Results" },
    { "target", "Columns" },
    { "learner", "Learner" },
    { "from", "Recipe" },
    { "valid", "Quality" },
    { "search", "Search" },
    { "delimiter", "Reading CSV" },
    { "seed", "Running" },
    { NULL, NULL }
};

const struct mls_param cli_options[] = {
    /* Results */
    { FIELD(output), .kind = MLS_TEXT, .letter = 'o', .value = "FILE",
      .flags = MLS_FILE, .help = "where the result goes" },
    { FIELD(model), .kind = MLS_TEXT, .letter = 'm', .value = "FILE",
      .flags = MLS_FILE, .help = "the pipeline to read" },
    { FIELD(save), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "also write the fitted steps as a pipeline, for preprocess -m" },
    { FIELD(train_output), .kind = MLS_TEXT, .value = "FILE",
      .flags = MLS_FILE, .help = "where the training rows go" },
    { FIELD(test_output), .kind = MLS_TEXT, .value = "FILE",
      .flags = MLS_FILE, .help = "where the test rows go" },
    { FIELD(stratify), .kind = MLS_FLAG, .def = 1,
      .help = "ignore the classes of the target" },
    { FIELD(proba), .kind = MLS_FLAG,
      .help = "add the probability of each class: probability_LABEL" },
    { FIELD(raw), .kind = MLS_FLAG,
      .help = "add the raw scores of the model: score, or score_LABEL" },
    { FIELD(contrib), .kind = MLS_FLAG,
      .help = "add what each feature adds to the score: contribution_FEATURE, "
              "or contribution_LABEL_FEATURE" },
    { FIELD(tree), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 1,
      .max = 1e9, .value = "N",
      .help = "show tree N of the model, from 1, and nothing else" },
    { FIELD(dot), .kind = MLS_FLAG,
      .help = "draw the tree in the language of Graphviz: | dot -Tsvg" },
    { FIELD(pdp), .kind = MLS_TEXT, .value = "COL",
      .help = "write the partial dependence of the predictions on a column, "
              "as CSV" },
    { FIELD(keep), .kind = MLS_COLUMNS, .value = "COL,...",
      .help = "copy these columns of the input; * is every one" },
    { FIELD(json), .kind = MLS_FLAG,
      .help = "report as one JSON object, with seconds and peak memory" },
    { FIELD(format), .kind = MLS_CHOICE, .choices = formats,
      .value = "FORMAT", .help = "text, man or markdown" },

    /* Columns */
    { FIELD(target), .kind = MLS_TEXT, .alias = "label", .letter = 't',
      .value = "COL", .help = "the column to predict" },
    { FIELD(id), .kind = MLS_COLUMNS, .value = "COL,...",
      .help = "identifiers: no features, copied by predict" },
    { FIELD(ignore), .kind = MLS_COLUMNS, .value = "COL,...",
      .help = "columns that are no features" },
    { FIELD(weight), .kind = MLS_TEXT, .value = "COL",
      .help = "how many rows each row counts as" },
    { FIELD(offset), .kind = MLS_TEXT, .value = "COL",
      .help = "added to each row's score as it is, when training and when "
              "predicting" },
    { FIELD(group), .kind = MLS_TEXT, .value = "COL",
      .help = "rows of one group stay together" },
    { FIELD(time), .kind = MLS_TEXT, .value = "COL",
      .help = "the order of the rows in time" },
    { FIELD(categorical), .kind = MLS_COLUMNS, .value = "COL,...",
      .help = "read these as categories" },
    { FIELD(numeric), .kind = MLS_COLUMNS, .value = "COL,...",
      .help = "read these as numbers" },
    { FIELD(text), .kind = MLS_COLUMNS, .value = "COL,...",
      .help = "read these as text" },
    { FIELD(schema), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "kinds and roles, as describe --json writes them" },

    /* Learner */
    { FIELD(learner), .kind = MLS_TEXT, .alias = "algorithm", .value = "NAME",
      .help = "how to learn (mlspec help learners); auto when not given: gbdt, "
              "but ridge or logistic with texts, an offset, or over 5000 "
              "columns" },
    { FIELD(task), .kind = MLS_CHOICE, .choices = tasks, .value = "TASK",
      .help = "regression, binary, multiclass, anomaly, classification; auto: "
              "from the target" },
    { FIELD(positive), .kind = MLS_TEXT, .value = "LABEL",
      .help = "the positive class; otherwise the last" },
    { FIELD(class_weight), .kind = MLS_TEXT, .value = "WEIGHTS",
      .help = "balanced, or LABEL=WEIGHT,..." },
    { FIELD(missing_target), .kind = MLS_CHOICE, .choices = missing_targets,
      .value = "HOW", .help = "rows without target: error, or drop them" },
    { FIELD(set), .kind = MLS_LIST, .value = "KEY=VALUE",
      .help = "a param of the learner, or of a step: impute.strategy=mean" },

    /* Recipe */
    { FIELD(from), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "start from this pipeline: its columns, steps, learner, params" },
    { FIELD(frozen), .kind = MLS_FLAG,
      .help = "keep the fitted steps of --from as they are" },
    { FIELD(steps), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "exactly these steps: [{\"step\": \"impute\", ...}, ...]" },
    { FIELD(unknown), .kind = MLS_CHOICE, .choices = unknowns,
      .value = "HOW",
      .help = "categories not seen in training: missing, or error" },

    /* Quality */
    { FIELD(valid), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "measure on this table" },
    { FIELD(cv), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 2,
      .max = 10000, .value = "K",
      .help = "measure by cross-validation with K folds" },
    { FIELD(test_fraction), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0,
      .max = 1, .flags = MLS_OPEN_MIN | MLS_OPEN_MAX, .value = "F",
      .help = "hold this part of the rows out for testing" },
    { FIELD(metric), .kind = MLS_COLUMNS, .value = "NAME,...",
      .help = "what to measure (mlspec help metrics); * is every one" },
    { FIELD(threshold), .kind = MLS_REAL, .def = MLS_AUTO, .min = 0, .max = 1,
      .value = "P",
      .help = "least probability at which the positive class is predicted; "
              "auto: that of the pipeline, else 0.5" },
    { FIELD(best_threshold), .kind = MLS_TEXT, .value = "METRIC",
      .help = "find the threshold at which this metric is best" },
    { FIELD(curves), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "write ROC, precision-recall and calibration curves (.csv or "
              ".json)" },
    { FIELD(bootstrap), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 0,
      .max = 1000000, .value = "N",
      .help = "rounds of resampling for the intervals; auto: 1000 up to 10000 "
              "rows, 200 up to 100000, then 0: no intervals" },
    { FIELD(confidence), .kind = MLS_REAL, .def = 0.95, .min = 0, .max = 1,
      .flags = MLS_OPEN_MIN | MLS_OPEN_MAX, .value = "P",
      .help = "coverage of the intervals" },
    { FIELD(importance), .kind = MLS_FLAG,
      .help = "also by how much the first metric suffers when the cells of a "
              "column are dealt out anew among the rows" },
    { FIELD(repeats), .kind = MLS_INTEGER, .def = 5, .min = 1, .max = 1000,
      .value = "N", .help = "deals a column for --importance" },
    { FIELD(fail_below), .kind = MLS_LIST, .value = "NAME=X",
      .help = "exit 1 when the figure is below X" },
    { FIELD(fail_above), .kind = MLS_LIST, .value = "NAME=X",
      .help = "exit 1 when the figure is above X" },

    /* Search */
    { FIELD(search), .kind = MLS_TEXT, .value = "NAME",
      .help = "how to search (mlspec help searches); random when not given" },
    { FIELD(trials), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 1,
      .max = 1000000, .value = "N",
      .help = "settings to try; otherwise as many as the search likes" },
    { FIELD(range), .kind = MLS_LIST, .value = "KEY=RANGE",
      .help = "search KEY=LOW..HIGH, LOW..HIGH:log, or a,b,c; otherwise the "
              "learner's own ranges" },
    { FIELD(study), .kind = MLS_TEXT, .value = "FILE", .flags = MLS_FILE,
      .help = "keep the trials here (SQLite); run again to go on" },

    /* Reading CSV */
    { FIELD(delimiter), .kind = MLS_TEXT, .letter = 'd', .value = "CHAR",
      .help = "between fields: a character, or tab; sniffed when not given" },
    { FIELD(quote), .kind = MLS_TEXT, .value = "CHAR",
      .help = "around fields; \" when not given" },
    { FIELD(escape), .kind = MLS_TEXT, .value = "CHAR",
      .help = "before a quote inside quotes; doubling always works" },
    { FIELD(comment), .kind = MLS_TEXT, .value = "CHAR",
      .help = "skip lines that begin with it" },
    { FIELD(skip_rows), .kind = MLS_INTEGER, .min = 0, .max = 1e9,
      .value = "N", .help = "lines to skip before the header" },
    { FIELD(header), .kind = MLS_FLAG, .def = 1,
      .help = "the first line is data; columns are c1, c2, ..." },
    { FIELD(na), .kind = MLS_COLUMNS, .value = "TEXT,...",
      .help = "further cells that mean missing (mlspec help missing)" },
    { FIELD(decimal), .kind = MLS_CHOICE, .choices = decimals,
      .value = "CHAR", .help = "decimal mark: . or , ; sniffed" },
    { FIELD(bad_rows), .kind = MLS_CHOICE, .choices = bad_rows,
      .value = "HOW",
      .help = "rows of another length: error, skip, or pad when short" },

    /* Running */
    { FIELD(seed), .kind = MLS_INTEGER, .min = 0, .max = 9e15, .value = "N",
      .help = "of every random choice" },
    { FIELD(threads), .kind = MLS_INTEGER, .def = MLS_AUTO, .min = 1,
      .max = 4096, .value = "N",
      .help = "never changes a result; auto: all that may be used" },
    { FIELD(memory), .kind = MLS_SIZE, .min = 0, .max = 9e15, .value = "SIZE",
      .help = "end with status 6 rather than use more, as in 4G" },
    { FIELD(time_budget), .kind = MLS_DURATION, .min = 0, .max = 1e9,
      .value = "TIME", .help = "end with status 6 after this long, as in 10m" },
    { FIELD(config), .kind = MLS_TEXT, .letter = 'c', .value = "FILE",
      .flags = MLS_FILE,
      .help = "options from a JSON file (mlspec help config)" },
    { FIELD(dry_run), .kind = MLS_FLAG,
      .help = "check everything and say what would be done" },
    { FIELD(progress), .kind = MLS_FLAG, .def = 1,
      .help = "show no progress on a terminal" },
    { FIELD(quiet), .kind = MLS_FLAG, .letter = 'q',
      .help = "no notes, only warnings and errors" },
    { FIELD(verbose), .kind = MLS_FLAG, .letter = 'v',
      .help = "say more about what is done" },
    { FIELD(help), .kind = MLS_FLAG, .letter = 'h', .help = "show this page" },
    { 0 }
};

bool options_takes(const struct command *command, const char *name)
{
    size_t length = strlen(name);
    const char *at = command->takes;

    if (strcmp(name, "output") == 0)
        return command->output != NULL;
    while ((at = strstr(at, name)) != NULL) {
        if ((at == command->takes || at[-1] == ' ')
            && (at[length] == ' ' || at[length] == '\0'))
            return true;
        at += length;
    }
    return false;
}

void options_table(const struct command *command,
                   struct mls_param table[OPTIONS_LIMIT])
{
    int n = 0;

    for (const struct mls_param *row = cli_options; row->name; row++) {
        if (!options_takes(command, row->name))
            continue;
        memcpy(&table[n], row, sizeof *row);
        if (strcmp(row->name, "output") == 0)
            table[n].help = command->output;
        n++;
    }
    memset(&table[n], 0, sizeof table[n]);
}

/* --- names -------------------------------------------------------------- */

static const struct mls_step_type *step_type(int64_t i)
{
    for (int64_t k = 0; mls_transforms[k]; k++)
        if (i-- == 0)
            return mls_transforms[k];
    for (int64_t k = 0; mls_selectors[k]; k++)
        if (i-- == 0)
            return mls_selectors[k];
    return NULL;
}

const char *options_family(int64_t i)
{
    for (int64_t k = 0; step_type(k); k++) {
        bool seen = false;

        for (int64_t j = 0; j < k; j++)
            if (strcmp(step_type(j)->family, step_type(k)->family) == 0)
                seen = true;
        if (!seen && i-- == 0)
            return step_type(k)->family;
    }
    return NULL;
}

/* Whether an earlier learner has the key already. */
static bool earlier_learner_has(int64_t learner, const char *name)
{
    for (int64_t k = 0; k < learner; k++)
        for (const struct mls_param *row = mls_learners[k]->params;
             row && row->name; row++)
            if (strcmp(row->name, name) == 0)
                return true;
    return false;
}

const struct mls_param *options_learner_param(int64_t i)
{
    for (int64_t k = 0; mls_learners[k]; k++)
        for (const struct mls_param *row = mls_learners[k]->params;
             row && row->name; row++)
            if (!earlier_learner_has(k, row->name) && i-- == 0)
                return row;
    return NULL;
}

static const struct mls_param *find_learner_param(const char *key)
{
    const struct mls_param *row = NULL;

    for (int64_t k = 0; mls_learners[k] && !row; k++)
        if (mls_learners[k]->params)
            row = mls_params_find(mls_learners[k]->params, key, NULL);
    return row;
}

static void lookup(const struct command *command, const char *key,
                   struct option *found)
{
    const char *family;

    for (const struct mls_param *row = cli_options; row->name; row++) {
        struct mls_param one[2] = { *row, { 0 } };

        if (options_takes(command, row->name)
            && mls_params_find(one, key, NULL)) {
            found->origin = OPTION_SHARED;
            found->param = row;
            return;
        }
    }
    if (options_takes(command, "set"))
        for (int64_t i = 0; (family = options_family(i)) != NULL; i++)
            if (strcmp(family, key) == 0) {
                found->origin = OPTION_FAMILY;
                found->family = family;
                return;
            }
    if (options_takes(command, "learner")) {
        found->param = find_learner_param(key);
        if (found->param)
            found->origin = OPTION_LEARNER;
    }
}

struct option options_find(const struct command *command, const char *name)
{
    struct option found = { 0 };

    snprintf(found.key, sizeof found.key, "%s", name);
    lookup(command, found.key, &found);
    if (found.origin || (strncmp(name, "no-", 3) && strncmp(name, "no_", 3)))
        return found;
    snprintf(found.key, sizeof found.key, "%s", name + 3);
    lookup(command, found.key, &found);
    if (found.origin == OPTION_FAMILY
        || (found.param && found.param->kind == MLS_FLAG))
        found.off = true;
    else
        found.origin = OPTION_NONE;
    return found;
}

bool options_is_flag(const struct option *option)
{
    return option->off || (option->param && option->param->kind == MLS_FLAG);
}

static bool add_name(struct mls_list *names, const char *prefix,
                     const char *name, size_t length, struct mls_error *err)
{
    char text[96];

    snprintf(text, sizeof text, "%s%.*s", prefix, (int)length, name);
    for (char *c = text; *c; c++)
        if (*c == '_')
            *c = '-';
    for (int64_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], text) == 0)
            return true;
    return mls_list_add(names, text, err);
}

/* The name as it is mostly written (--no-header), then its aliases. */
static bool add_names(struct mls_list *names, const struct mls_param *param,
                      struct mls_error *err)
{
    const char *alias = param->alias;
    bool off = param->kind == MLS_FLAG && param->def != 0;

    if (!add_name(names, off ? "no-" : "", param->name, strlen(param->name),
                  err))
        return false;
    while (alias && *alias) {
        size_t length = strcspn(alias, "|");

        if (!add_name(names, "", alias, length, err))
            return false;
        alias += length + (alias[length] == '|');
    }
    return true;
}

bool options_names(const struct command *command, struct mls_list *names,
                   struct mls_error *err)
{
    struct mls_param table[OPTIONS_LIMIT];
    const struct mls_param *row;
    const char *family;

    options_table(command, table);
    for (row = table; row->name; row++)
        if (!add_names(names, row, err))
            return false;
    if (options_takes(command, "set"))
        for (int64_t i = 0; (family = options_family(i)) != NULL; i++)
            if (!add_name(names, "", family, strlen(family), err))
                return false;
    if (options_takes(command, "learner"))
        for (int64_t i = 0; (row = options_learner_param(i)) != NULL; i++)
            if (!add_names(names, row, err))
                return false;
    return true;
}

bool options_unknown(const struct command *command, const char *name,
                     const char *kind, struct mls_error *err)
{
    struct mls_list names = { 0 };
    struct mls_error ignored;
    const char *near = NULL;
    bool dashes = strcmp(kind, "option") == 0;

    if (options_names(command, &names, &ignored))
        near = mls_nearest(name, (const char *const *)names.items,
                           names.count);
    mls_fail(err, MLS_USAGE, "there is no %s %s%s", kind, dashes ? "--" : "",
             mls_show_text(name).text);
    if (near)
        mls_fail_fix(err, "did you mean %s%s?", dashes ? "--" : "", near);
    else
        mls_fail_fix(err, "mlspec %s --help lists them", command->name);
    mls_list_clear(&names);
    return false;
}

/* --- setting ------------------------------------------------------------ */

static void remove_item(struct mls_list *list, int64_t at)
{
    mls_free(list->items[at]);
    list->count--;
    memmove(list->items + at, list->items + at + 1,
            (size_t)(list->count - at) * sizeof *list->items);
}

int64_t options_drop_key(struct mls_list *list, const char *item,
                         int64_t among)
{
    size_t length = strcspn(item, "=");
    int64_t dropped = 0;

    for (int64_t i = 0; i < among - dropped;) {
        if (strcspn(list->items[i], "=") == length
            && strncmp(list->items[i], item, length) == 0) {
            remove_item(list, i);
            dropped++;
        } else {
            i++;
        }
    }
    return dropped;
}

static bool add_pair(struct mls_list *list, const char *key, const char *text,
                     struct mls_error *err)
{
    struct mls_text pair = { 0 };
    bool ok;

    mls_text_add(&pair, key);
    mls_text_add(&pair, "=");
    mls_text_add(&pair, text);
    ok = mls_text_ok(&pair, err) && mls_list_add(list, pair.bytes, err);
    mls_text_clear(&pair);
    return ok;
}

/* A list holds one value a key, and the last one given counts. */
static bool set_list(const struct mls_param *param, const char *text,
                     struct options *o, struct mls_error *err)
{
    struct mls_list *list = (struct mls_list *)(void *)((char *)o + param->at);

    if (!strchr(text, '=') || text[0] == '=') {
        mls_fail(err, MLS_USAGE, "--%s: \"%s\" is not %s", param->name,
                 mls_show_text(text).text, param->value);
        return mls_fail_fix(err, "write --%s %s", param->name, param->value);
    }
    options_drop_key(list, text, list->count);
    return mls_list_add(list, text, err);
}

/* "option: "threads" must be ..." becomes "--threads must be ...". */
static bool name_option(const struct option *option, struct mls_error *err)
{
    char start[128], rest[sizeof err->what];
    size_t length;

    snprintf(start, sizeof start, "option: \"%s\"", option->key);
    length = strlen(start);
    if (strncmp(err->what, start, length) != 0)
        return false;
    snprintf(rest, sizeof rest, "%s", err->what + length);
    snprintf(err->what, sizeof err->what, "--%.90s%.400s", option->key, rest);
    if (strncmp(err->fix, "leave it out, or give auto", 26) == 0)
        mls_fail_fix(err, "leave it out, or give auto");
    return false;
}

bool options_set(const struct option *option, const char *text,
                 struct options *o, struct mls_error *err)
{
    if (option->off)
        text = option->origin == OPTION_FAMILY ? "none" : "false";
    else if (!text)
        text = "true";
    switch (option->origin) {
    case OPTION_FAMILY:
        return add_pair(&o->families, option->family, text, err);
    case OPTION_LEARNER:
        return add_pair(&o->set, option->key, text, err);
    default:
        break;
    }
    if (option->param->kind == MLS_LIST)
        return set_list(option->param, text, o, err);
    return mls_params_set(cli_options, o, "option", option->key, text, err)
        || name_option(option, err);
}

void options_clear(struct options *o)
{
    mls_params_clear(cli_options, o);
    mls_list_clear(&o->families);
    mls_free(o->data);
    o->data = NULL;
}
