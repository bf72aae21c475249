/*
 * The pages of help: one a command, learner, step, metric and search, all from
 * the tables that the program runs by, and a few written ones.
 */
#include <inttypes.h>
#include <math.h>

#include "base/number.h"
#include "cli/options.h"
#include "cli/page.h"

/* --- one param ---------------------------------------------------------- */

static void add_dashed(struct mls_text *text, const char *name)
{
    for (; *name; name++)
        mls_text_add_bytes(text, *name == '_' ? "-" : name, 1);
}

static const char *value_of(const struct mls_param *param)
{
    if (param->value)
        return param->value;
    switch (param->kind) {
    case MLS_REAL:
        return "X";
    case MLS_INTEGER:
        return "N";
    case MLS_CHOICE:
        return "NAME";
    case MLS_COLUMNS:
        return "COL,...";
    default:
        return "VALUE";
    }
}

/* "-o, --output FILE".  A flag of the command line that is on is explained by
 * what --no-NAME does; a learner's is explained as it is (either). */
static void add_term(struct mls_text *text, const struct mls_param *param,
                     bool either)
{
    if (param->letter)
        mls_text_format(text, "-%c, ", param->letter);
    else
        mls_text_add(text, "    ");
    mls_text_add(text, "--");
    if (param->kind == MLS_FLAG && (either || param->def != 0))
        mls_text_add(text, either ? "[no-]" : "no-");
    add_dashed(text, param->name);
    if (param->kind != MLS_FLAG)
        mls_text_format(text, " %s", value_of(param));
}

static void add_choices(struct mls_text *text, const struct mls_param *param)
{
    for (int i = 0; param->choices[i]; i++)
        mls_text_format(text, "%s%s", i ? ", " : "", param->choices[i]);
}

/* The default as it would be typed; "" when there is none worth saying. */
static void add_default(struct mls_text *text, const struct mls_param *param)
{
    char number[MLS_REAL_TEXT];

    switch (param->kind) {
    case MLS_REAL:
    case MLS_INTEGER:
        if (isnan(param->def)) {
            mls_text_add(text, "auto");
        } else {
            mls_format_real(param->def, number);
            mls_text_add(text, number);
        }
        break;
    case MLS_CHOICE:
        mls_text_add(text, param->choices[(int)param->def]);
        break;
    default:
        break;
    }
}

/* dashes: as an option, "--" or "". */
static void add_alias(struct mls_text *text, const struct mls_param *param,
                      const char *dashes)
{
    if (!param->alias)
        return;
    mls_text_format(text, " (also %s", dashes);
    for (const char *c = param->alias; *c; c++) {
        if (*c == '|')
            mls_text_format(text, ", %s", dashes);
        else
            mls_text_add_bytes(text, *c == '_' && *dashes ? "-" : c, 1);
    }
    mls_text_add(text, param->flags & MLS_ALIAS_INVERSE
                           ? ", which is 1 / this)" : ")");
}

/* An option of a command: its default is said when it is a value. */
static void option_term(struct page *page, const struct mls_param *param)
{
    struct mls_text term = { 0 }, meaning = { 0 };
    bool silent = isnan(param->def)
        || (param->kind == MLS_CHOICE
            && strcmp(param->choices[(int)param->def], "auto") == 0)
        || (param->kind == MLS_INTEGER && param->def == 0
            && strcmp(param->name, "seed") != 0);

    add_term(&term, param, false);
    mls_text_add(&meaning, param->help);
    add_alias(&meaning, param, "--");
    if (!silent && (param->kind == MLS_REAL || param->kind == MLS_INTEGER
                    || param->kind == MLS_CHOICE)) {
        mls_text_add(&meaning, "; default ");
        add_default(&meaning, param);
    }
    page_term(page, term.bytes ? term.bytes : "",
              meaning.bytes ? meaning.bytes : "");
    mls_text_clear(&term);
    mls_text_clear(&meaning);
}

/* A param of a learner or a step: all there is to say about it. */
static void param_term(struct page *page, const struct mls_param *param)
{
    struct mls_text term = { 0 }, meaning = { 0 };

    mls_text_add(&term, param->name);
    mls_text_add(&meaning, param->help);
    if (param->kind == MLS_CHOICE) {
        mls_text_add(&meaning, ": ");
        add_choices(&meaning, param);
    }
    add_alias(&meaning, param, "");
    if (param->kind == MLS_FLAG) {
        mls_text_format(&meaning, "; default %s",
                        param->def != 0 ? "true" : "false");
    } else if (param->kind == MLS_REAL || param->kind == MLS_INTEGER
               || param->kind == MLS_CHOICE) {
        mls_text_add(&meaning, "; default ");
        add_default(&meaning, param);
    }
    if (param->low < param->high)
        mls_text_format(&meaning, "; tune looks from %g to %g%s", param->low,
                        param->high, param->flags & MLS_LOG ? ", log" : "");
    page_term(page, term.bytes ? term.bytes : "",
              meaning.bytes ? meaning.bytes : "");
    mls_text_clear(&term);
    mls_text_clear(&meaning);
}

static void params_section(struct page *page, const struct mls_param *params)
{
    if (!params || !params->name)
        return;
    page_section(page, "Params");
    for (; params->name; params++)
        if (!(params->flags & MLS_HIDDEN))
            param_term(page, params);
}

/* --- commands ----------------------------------------------------------- */

/* --impute STRATEGY: what the values of a family are. */
static void family_term(struct page *page, const char *family)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };
    struct mls_text term = { 0 }, meaning = { 0 };
    const struct mls_step_type *primary = NULL;
    bool any = false, has_none = false;

    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++) {
            const struct mls_step_type *type = lists[l][i];

            if (strcmp(type->family, family) != 0)
                continue;
            if (type->primary)
                primary = type;
            else
                mls_text_format(&meaning, "%s%s (%s)", any ? "; " : "",
                                type->name, type->summary);
            any = true;
        }
    if (primary) {
        const struct mls_param *row =
            primary->params ? mls_params_find(primary->params,
                                              primary->primary, NULL)
                            : NULL;

        mls_text_add(&meaning, primary->summary);
        if (row && row->choices) {
            mls_text_add(&meaning, ": ");
            add_choices(&meaning, row);
        }
        for (int i = 0; row && row->choices && row->choices[i]; i++)
            has_none = has_none || strcmp(row->choices[i], "none") == 0;
    }
    mls_text_format(&term, "    --%s %s", family,
                    !primary ? "STEP"
                    : strcmp(primary->primary, "columns") == 0 ? "COL,..."
                                                               : "HOW");
    if (!has_none && (!primary || strcmp(primary->primary, "columns")))
        mls_text_add(&meaning, "; none takes it out");
    page_term(page, term.bytes, meaning.bytes);
    mls_text_clear(&term);
    mls_text_clear(&meaning);
}

static const char *help_of(int learner, const char *key)
{
    const struct mls_param *row = mls_learners[learner]->params
        ? mls_params_find(mls_learners[learner]->params, key, NULL)
        : NULL;

    return row ? row->help : NULL;
}

/* What a param means, and to whom: learners that say the same share it. */
static void learner_param_term(struct page *page,
                               const struct mls_param *param)
{
    struct mls_text term = { 0 }, meaning = { 0 };

    add_term(&term, param, true);
    for (int i = 0; mls_learners[i]; i++) {
        const char *help = help_of(i, param->name);
        bool said = false;

        for (int k = 0; help && k < i; k++)
            said = said || (help_of(k, param->name)
                            && strcmp(help_of(k, param->name), help) == 0);
        if (!help || said)
            continue;
        mls_text_format(&meaning, "%s%s", meaning.length ? "; " : "", help);
        if (help == param->help)
            add_alias(&meaning, param, "--");
        for (int k = i, any = 0; mls_learners[k]; k++)
            if (help_of(k, param->name)
                && strcmp(help_of(k, param->name), help) == 0)
                mls_text_format(&meaning, "%s%s", any++ ? ", " : " [",
                                mls_learners[k]->name);
        mls_text_add(&meaning, "]");
    }
    page_term(page, term.bytes, meaning.bytes ? meaning.bytes : "");
    mls_text_clear(&term);
    mls_text_clear(&meaning);
}

static void learner_params(struct page *page)
{
    const struct mls_param *param;

    page_section(page, "Params of learners");
    for (int64_t i = 0; (param = options_learner_param(i)) != NULL; i++)
        if (!(param->flags & MLS_HIDDEN))
            learner_param_term(page, param);
}

static void steps_options(struct page *page)
{
    const char *family;

    for (int64_t i = 0; (family = options_family(i)) != NULL; i++)
        family_term(page, family);
}

/* The rows of one section that the command takes. */
static void section(struct page *page, const struct command *command, int at)
{
    struct mls_param table[OPTIONS_LIMIT];
    const struct mls_param *row = cli_options, *taken;
    bool titled = false;

    options_table(command, table);
    while (strcmp(row->name, cli_sections[at].first) != 0)
        row++;
    for (; row->name; row++) {
        if (cli_sections[at + 1].first
            && strcmp(row->name, cli_sections[at + 1].first) == 0)
            break;
        for (taken = table; taken->name; taken++)
            if (strcmp(taken->name, row->name) == 0)
                break;
        if (!taken->name)
            continue;
        if (!titled)
            page_section(page, cli_sections[at].title);
        titled = true;
        option_term(page, taken);
    }
    if (strcmp(cli_sections[at].first, "from") == 0
        && options_takes(command, "set"))
        steps_options(page);
}

void help_command(const struct command *command, enum help_format format,
                  struct mls_text *text)
{
    struct page page = { .format = format, .text = text };
    char name[64], line[256];

    snprintf(name, sizeof name, "mlspec %s", command->name);
    snprintf(line, sizeof line, "%s %s", name, command->arguments);
    page_title(&page, name, command->summary);
    page_section(&page, format == HELP_MAN ? "Synopsis" : "Usage");
    page_line(&page, line);
    if (format == HELP_MAN)
        page_section(&page, "Description");
    page_paragraphs(&page, command->description);
    for (int i = 0; cli_sections[i].first; i++)
        section(&page, command, i);
    if (options_takes(command, "learner"))
        learner_params(&page);
    if (command->examples)
        page_section(&page, "Examples");
    for (int i = 0; command->examples && command->examples[i]; i++)
        page_line(&page, command->examples[i]);
}

void help_overview(enum help_format format, struct mls_text *text)
{
    struct page page = { .format = format, .text = text };

    page_title(&page, "mlspec",
               "machine learning from the shell, one file a pipeline");
    page_section(&page, format == HELP_MAN ? "Synopsis" : "Usage");
    page_line(&page, "mlspec COMMAND [options] [DATA.csv]");
    page_section(&page, "Commands");
    for (int i = 0; cli_commands[i]; i++)
        page_term(&page, cli_commands[i]->name, cli_commands[i]->summary);
    page_section(&page, "Start with");
    page_line(&page, "mlspec describe DATA.csv");
    page_line(&page, "mlspec train -t COL -o MODEL.mlspec --cv 5 DATA.csv");
    page_line(&page, "mlspec predict -m MODEL.mlspec NEW.csv > OUT.csv");
    page_paragraphs(&page,
                    "mlspec COMMAND --help shows a command's options. mlspec "
                    "help TOPIC explains a command, a learner, a step, a "
                    "metric or a search by its name, or one of: learners, "
                    "steps, metrics, searches, config, missing, exit-status.");
}

/* --- topics ------------------------------------------------------------- */

static void add_tasks(struct mls_text *text, unsigned tasks)
{
    static const struct {
        unsigned bit;
        const char *name;
    } all[] = { { MLS_TASK_BINARY, "binary" },
                { MLS_TASK_MULTICLASS, "multiclass" },
                { MLS_TASK_REGRESSION, "regression" },
                { MLS_TASK_ANOMALY, "anomaly" } };
    bool any = false;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (tasks & all[i].bit) {
            mls_text_format(text, "%s%s", any ? ", " : "", all[i].name);
            any = true;
        }
}

static void tasks_term(struct page *page, unsigned tasks)
{
    struct mls_text text = { 0 };

    add_tasks(&text, tasks);
    page_term(page, "tasks", text.bytes ? text.bytes : "none");
    mls_text_clear(&text);
}

static void some_term(struct page *page, const char *term, const char *meaning)
{
    if (meaning && *meaning)
        page_term(page, term, meaning);
}

/* What `auto` stands for. */
static void defaults_section(struct page *page,
                             const struct mls_defaults *defaults)
{
    if (!defaults)
        return;
    page_section(page, "Values for auto");
    for (; defaults->name; defaults++) {
        struct mls_text term = { 0 };

        if (defaults->rows == INT64_MAX)
            mls_text_format(&term, "%s, more rows", defaults->name);
        else
            mls_text_format(&term, "%s, up to %lld rows", defaults->name,
                            (long long)defaults->rows);
        page_term(page, term.bytes ? term.bytes : "", defaults->values);
        mls_text_clear(&term);
    }
}

static bool learner_topic(struct page *page, const char *topic)
{
    for (int i = 0; mls_learners[i]; i++) {
        const struct mls_learner_type *l = mls_learners[i];

        if (strcmp(l->name, topic) != 0)
            continue;
        page_title(page, l->name, l->summary);
        page_section(page, "Learner");
        tasks_term(page, l->tasks);
        some_term(page, "minimises", l->objective);
        some_term(page, "default steps", l->steps);
        page_term(page, "row weights",
                  l->can & MLS_CAN_WEIGHTS ? "yes" : "no");
        page_term(page, "missing cells",
                  l->can & MLS_CAN_MISSING ? "yes"
                                           : "after a step filled them");
        some_term(page, "source", l->source);
        params_section(page, l->params);
        defaults_section(page, l->defaults);
        return true;
    }
    return false;
}

static void kinds_term(struct page *page, unsigned fits)
{
    struct mls_text text = { 0 };
    bool any = false;

    for (int k = MLS_KIND_REAL; k <= MLS_KIND_TEXT; k++)
        if (fits & MLS_KIND_BIT(k)) {
            mls_text_format(&text, "%s%s", any ? ", " : "",
                            mls_kind_name((enum mls_kind)k));
            any = true;
        }
    page_term(page, "takes", text.bytes ? text.bytes : "");
    mls_text_clear(&text);
}

static void step_page(struct page *page, const struct mls_step_type *type)
{
    char option[160];

    page_title(page, type->name, type->summary);
    page_section(page, "Step");
    snprintf(option, sizeof option, "--%s %s", type->family,
             !type->primary                           ? type->name
             : strcmp(type->primary, "columns") == 0 ? "COL,..."
                                                      : "HOW");
    page_term(page, "option", option);
    kinds_term(page, type->fits);
    if (type->needs_target) {
        page_term(page, "needs", "a target");
        tasks_term(page, type->tasks);
    }
    some_term(page, "source", type->source);
    params_section(page, type->params);
}

static bool step_topic(struct page *page, const char *topic)
{
    const struct mls_step_type *const *lists[] = { mls_transforms,
                                                   mls_selectors };

    for (int l = 0; l < 2; l++)
        for (int i = 0; lists[l][i]; i++)
            if (strcmp(lists[l][i]->name, topic) == 0) {
                step_page(page, lists[l][i]);
                return true;
            }
    return false;
}

static bool metric_topic(struct page *page, const char *topic)
{
    for (int i = 0; mls_metrics[i]; i++) {
        const struct mls_metric_type *m = mls_metrics[i];

        if (strcmp(m->name, topic) != 0)
            continue;
        page_title(page, m->name, m->title);
        page_section(page, "Metric");
        tasks_term(page, m->tasks);
        page_term(page, "better", m->larger_is_better ? "larger" : "smaller");
        page_term(page, "needs", m->needs == MLS_NEEDS_PROBABILITY
                                     ? "probabilities" : "predictions");
        some_term(page, "source", m->source);
        return true;
    }
    return false;
}

static bool search_topic(struct page *page, const char *topic)
{
    for (int i = 0; mls_searches[i]; i++) {
        if (strcmp(mls_searches[i]->name, topic) != 0)
            continue;
        page_title(page, mls_searches[i]->name, mls_searches[i]->summary);
        page_section(page, "Search");
        page_term(page, "option", "--search");
        some_term(page, "source", mls_searches[i]->source);
        return true;
    }
    return false;
}

static void learners_page(struct page *page)
{
    struct mls_text text = { 0 };

    page_title(page, "learners", "what train and tune can learn with");
    page_section(page, "Learners");
    for (int i = 0; mls_learners[i]; i++) {
        mls_text_format(&text, "%s (", mls_learners[i]->summary);
        add_tasks(&text, mls_learners[i]->tasks);
        mls_text_add(&text, ")");
        page_term(page, mls_learners[i]->name, text.bytes ? text.bytes : "");
        mls_text_clear(&text);
    }
    page_paragraphs(page, "auto, when no --learner is given, takes the one "
                          "that suits the task. mlspec help NAME explains "
                          "one.");
}

static void step_list(struct page *page,
                      const struct mls_step_type *const *list)
{
    struct mls_text term = { 0 };

    for (; *list; list++) {
        mls_text_format(&term, "%s (--%s)", (*list)->name, (*list)->family);
        page_term(page, term.bytes ? term.bytes : "", (*list)->summary);
        mls_text_clear(&term);
    }
}

static void steps_page(struct page *page)
{
    page_title(page, "steps", "what a recipe is made of");
    page_section(page, "Steps that change columns");
    step_list(page, mls_transforms);
    page_section(page, "Steps that choose columns");
    step_list(page, mls_selectors);
    page_paragraphs(
        page,
        "A learner brings its own default steps. An option such as --impute "
        "median replaces the default of its family, or adds a step at the "
        "end; none removes it. --steps FILE gives a whole recipe: [{\"step\": "
        "\"impute\", \"columns\": [\"age\"], \"strategy\": \"median\"}, ...]. "
        "--set STEP.KEY=VALUE sets a param; a second step of its kind is "
        "called impute2.\n"
        "Steps are fitted on training rows alone. mlspec help NAME explains "
        "one.");
}

static void metric_terms(struct page *page, bool in_report)
{
    struct mls_text text = { 0 };

    for (int i = 0; mls_metrics[i]; i++) {
        if (mls_metrics[i]->in_report != in_report)
            continue;
        mls_text_format(&text, "%s (", mls_metrics[i]->title);
        add_tasks(&text, mls_metrics[i]->tasks);
        mls_text_format(&text, "; %s is better)",
                        mls_metrics[i]->larger_is_better ? "larger"
                                                         : "smaller");
        page_term(page, mls_metrics[i]->name, text.bytes ? text.bytes : "");
        mls_text_clear(&text);
    }
}

static void metrics_page(struct page *page)
{
    page_title(page, "metrics", "what evaluate, train and tune measure");
    page_section(page, "Metrics measured when none is named");
    metric_terms(page, true);
    page_section(page, "Metrics to name with --metric");
    metric_terms(page, false);
    page_section(page, "Notes");
    page_paragraphs(
        page,
        "--metric '*' measures every metric that fits the task. One that was "
        "named must have a value; any other shows - where it is undefined.\n"
        "A row of weight 2 counts as two rows, one of weight 0 as none.");
}

static void searches_page(struct page *page)
{
    page_title(page, "searches", "how tune looks for good params");
    page_section(page, "Searches");
    for (int i = 0; mls_searches[i]; i++)
        page_term(page, mls_searches[i]->name, mls_searches[i]->summary);
}

static void missing_page(struct page *page)
{
    struct mls_text text = { 0 };

    page_title(page, "missing", "which cells of a CSV file mean missing");
    for (int i = 0; mls_missing_tokens[i]; i++)
        if (mls_missing_tokens[i][0])
            mls_text_format(&text, "%s%s", text.length ? ", " : "",
                            mls_missing_tokens[i]);
    page_section(page, "Missing cells");
    page_paragraphs(page, "An empty cell, and these:");
    page_paragraphs(page, text.bytes ? text.bytes : "");
    page_paragraphs(page, "--na adds further ones: --na unknown,-99. In a "
                          "column of text only the empty cell is missing.");
    mls_text_clear(&text);
}

static void exit_status_page(struct page *page)
{
    page_title(page, "exit-status", "how a command says how it went");
    page_section(page, "Exit status");
    page_term(page, "0", "done");
    page_term(page, "1", "a check that was asked for failed (--fail-below, "
                         "--fail-above)");
    page_term(page, "2", "the command line, a config file or a recipe is "
                         "wrong");
    page_term(page, "3", "the data does not fit");
    page_term(page, "4", "a file cannot be read or written");
    page_term(page, "5", "a model file is damaged, too new, or none");
    page_term(page, "6", "the memory or time limit was reached");
    page_term(page, "130, 143", "interrupted (SIGINT, SIGTERM)");
    page_paragraphs(page, "An output file is complete or as it was before: "
                          "after any failure nothing half-written is left.");
}

static void config_page(struct page *page)
{
    page_title(page, "config", "options from a JSON file, --config FILE");
    page_section(page, "Config file");
    page_line(page, "{ \"seed\": 7,");
    page_line(page, "  \"train\":   { \"data\": \"churn.csv\",");
    page_line(page, "               \"target\": \"churn\",");
    page_line(page, "               \"output\": \"churn.mlspec\",");
    page_line(page, "               \"id\": [\"customer\", \"order\"],");
    page_line(page, "               \"set\": { \"l2\": 0.1 } },");
    page_line(page, "  \"predict\": { \"model\": \"churn.mlspec\",");
    page_line(page, "               \"proba\": true } }");
    page_paragraphs(
        page,
        "Keys are the long names of the options; data is the positional "
        "argument. Keys at the top are for all commands, those in a command's "
        "object for that command. A list is an array; what takes KEY=VALUE is "
        "an object. The command line wins. An unknown key is an error, in "
        "every command's object.");
}

static const struct {
    const char *name;
    void (*write)(struct page *page);
} written[] = {
    { "learners", learners_page },   { "steps", steps_page },
    { "selectors", steps_page },     { "metrics", metrics_page },
    { "searches", searches_page },   { "missing", missing_page },
    { "exit-status", exit_status_page }, { "config", config_page },
    { NULL, NULL }
};

static bool no_topic(const char *topic, struct mls_error *err)
{
    const char *names[256], *near;
    int64_t n = 0;

    for (int i = 0; cli_commands[i] && n < 40; i++)
        names[n++] = cli_commands[i]->name;
    for (int i = 0; written[i].name; i++)
        names[n++] = written[i].name;
    for (int i = 0; mls_learners[i] && n < 110; i++)
        names[n++] = mls_learners[i]->name;
    for (int i = 0; mls_transforms[i] && n < 160; i++)
        names[n++] = mls_transforms[i]->name;
    for (int i = 0; mls_selectors[i] && n < 200; i++)
        names[n++] = mls_selectors[i]->name;
    for (int i = 0; mls_metrics[i] && n < 256; i++)
        names[n++] = mls_metrics[i]->name;
    near = mls_nearest(topic, names, n);
    mls_fail(err, MLS_USAGE, "there is no help on \"%s\"",
             mls_show_text(topic).text);
    return mls_fail_fix(err, near ? "did you mean %s?"
                                  : "mlspec help lists commands and topics"
                                    "%.0s",
                        near ? near : "");
}

bool help_topic(const char *topic, enum help_format format,
                struct mls_text *text, struct mls_error *err)
{
    struct page page = { .format = format, .text = text };
    const struct command *command = cli_command_find(topic);
    bool found = command != NULL;

    if (command)
        help_command(command, format, text);
    for (int i = 0; written[i].name; i++)
        if (strcmp(written[i].name, topic) == 0) {
            written[i].write(&page);
            return true;
        }
    /* One name may be a learner and a step: both are shown. */
    found = learner_topic(&page, topic) || found;
    found = step_topic(&page, topic) || found;
    found = metric_topic(&page, topic) || found;
    found = search_topic(&page, topic) || found;
    return found || no_topic(topic, err);
}
