/*
 * The command line.  A command is one file: its options, its examples, one
 * function that reads like a sentence; and one row in commands.c.  Help, man
 * pages, completions, config keys and the docs' option tables follow from the
 * tables here and in the library.
 *
 *   argv ─ arguments.c ─┐
 *                       ├─ struct options ─ validate.c ─ cmd_NAME.c ─ library
 *   FILE ─ config.c ────┘                                    │
 *                                    stdout ─ render.c ──────┘
 *
 * This layer includes mlspec/ and base/ only.
 */
#ifndef MLS_CLI_CLI_H
#define MLS_CLI_CLI_H

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "mlspec/evaluate.h"
#include "mlspec/pipeline.h"
#include "mlspec/profile.h"
#include "mlspec/split.h"
#include "mlspec/tune.h"
#include "mlspec/version.h"

/* Every option of every command, filled from the table in options.c.  What a
 * command does not take keeps its default. */
struct options {
    char *data;                 /* the positional: a table, a model, a topic */
    /* reading tables */
    char *delimiter, *quote, *escape, *comment, *na;
    int decimal;                /* 0 sniffed, 1 point, 2 comma */
    int64_t skip_rows;
    bool header;
    int bad_rows;               /* enum mls_bad_rows */
    char *categorical, *numeric, *text, *schema;
    /* columns */
    char *target, *id, *ignore, *weight, *offset, *group, *time;
    /* pipeline */
    char *model, *from, *steps;
    bool frozen;
    struct mls_list set;        /* KEY=VALUE: --set, and params as options */
    struct mls_list families;   /* FAMILY=VALUE: --impute median, ... */
    char *learner, *positive, *class_weight;
    int task;                   /* 0 inferred, then as enum mls_task; then
                                 * TASK_CLASSIFICATION */
    int unknown;                /* 0 as the pipeline says, 1 missing, 2 error */
    int missing_target;         /* 0 error, 1 drop */
    /* quality */
    char *valid, *metric;
    int64_t cv;                 /* MLS_AUTO_INTEGER: not asked for */
    double test_fraction;       /* NaN: not asked for */
    double threshold;           /* NaN: 0.5 */
    char *best_threshold;       /* a metric */
    char *curves;               /* a file */
    struct mls_list fail_below, fail_above;     /* NAME=X */
    int64_t bootstrap;
    double confidence;
    bool importance;
    int64_t repeats;
    /* tune */
    char *search, *study;
    int64_t trials;
    struct mls_list range;      /* KEY=LOW..HIGH */
    /* predict */
    bool proba, raw, contrib;
    char *keep;
    /* inspect */
    int64_t tree;               /* MLS_AUTO_INTEGER: not asked for */
    bool dot;
    char *pdp;
    /* split */
    char *train_output, *test_output;
    bool stratify;
    /* results */
    char *output, *save;
    bool json;
    int format;                 /* help: text, man, markdown */
    /* running */
    int64_t seed, threads, memory;
    double time_budget;
    char *config;
    bool quiet, verbose, progress, dry_run, help;
};

/* The choice of options.task after inferred and enum mls_task. */
#define TASK_CLASSIFICATION (MLS_TASK_LAST + 1)

struct cli {
    struct mls_run run;
    const struct command *command;
    const struct options *options;
    struct mls_arena arena;     /* small texts, until the command ends */
    double started;
    double measure_seconds;     /* spent on figures: folds, bootstrap */
};

struct command {
    const char *name;
    const char *arguments;      /* "-t COL -o MODEL [options] DATA.csv" */
    const char *summary;        /* one line */
    const char *description;    /* paragraphs, a newline between */
    const char *takes;          /* names of options, spaces between */
    const char *output;         /* what -o receives; NULL: it has no -o */
    const char *data;           /* what the positional is, "a table"; NULL */
    bool data_optional;
    bool data_is_file;
    bool output_is_table;       /* so --json needs -o */
    bool light;                 /* needs no threads and no limits */
    const char *const *examples;    /* command lines, NULL-terminated */
    bool (*run)(const struct options *o, struct cli *cli,
                struct mls_error *err);
};

/* commands.c: all of them, NULL-terminated, in the order of the help. */
extern const struct command *const cli_commands[];
const struct command *cli_command_find(const char *name);
MLS_CHECK const struct command *cli_command_need(const char *name,
                                                 struct mls_error *err);

/* Groups of options for command.takes. */
#define TAKES_TABLE \
    "delimiter quote escape comment skip_rows header na decimal bad_rows " \
    "categorical numeric text schema "
#define TAKES_DIALECT \
    "delimiter quote escape comment skip_rows header na decimal bad_rows "
#define TAKES_COLUMNS "target id ignore weight offset "
#define TAKES_RECIPE "from frozen steps set "
#define TAKES_RUN \
    "seed threads memory time_budget config json quiet verbose progress " \
    "dry_run help "

/* --- validate.c: everything that can be checked before work starts ------ */

MLS_CHECK bool cli_validate(const struct command *command,
                            const struct options *o, struct mls_error *err);
/* The dialect options as bytes. */
MLS_CHECK bool cli_dialect(const struct options *o, struct mls_dialect *to,
                           struct mls_error *err);
/* NAME=X of --fail-below and --fail-above. */
MLS_CHECK bool cli_threshold_parse(const char *item, const char *option,
                                   char name[64], double *bound,
                                   struct mls_error *err);

/* --- work.c: what several commands do first ----------------------------- */

/* Reads --from or --model when named; *pipeline stays NULL when not. */
MLS_CHECK bool cli_load(const char *path, struct mls_pipeline **pipeline,
                        struct mls_error *err);
/* Reads a table by the options, sets the roles, says what was odd.  fixed:
 * the pipeline whose schema the table must have, or NULL.  like: the pipeline
 * whose kinds and roles are taken on where no option says otherwise. */
MLS_CHECK bool cli_table_read(const char *path, struct cli *cli,
                              const struct mls_pipeline *fixed,
                              const struct mls_pipeline *like,
                              struct mls_table *table, struct mls_error *err);
MLS_CHECK bool cli_read_options(struct cli *cli,
                                const struct mls_pipeline *fixed,
                                const struct mls_pipeline *like,
                                struct mls_read_options *read,
                                struct mls_error *err);
void cli_note_counts(const struct cli *cli, const char *path,
                     const struct mls_read_counts *counts);
/* All of a table as CSV; NULL is stdout. */
MLS_CHECK bool cli_table_write(const struct mls_table *table, const char *path,
                               struct cli *cli, struct mls_error *err);
/* The settings that the options ask for; borrows. */
struct mls_settings cli_settings(const struct options *o,
                                 const struct mls_pipeline *from, bool train);
/* The metrics are those of --metric and those that --fail-... names.  rows: how
 * many are measured on, for the number of bootstrap rounds. */
MLS_CHECK bool cli_evaluate_options(struct cli *cli, int64_t rows,
                                    struct mls_evaluate_options *options,
                                    struct mls_error *err);
/* -o names a file: for commands whose result is a pipeline. */
MLS_CHECK bool cli_need_output(const struct options *o, struct mls_error *err);
/* Reads --from and the table, makes the pipeline that the options ask for, and
 * has work do what the command is for: train and tune. */
typedef bool cli_work(const struct options *o, struct cli *cli,
                      struct mls_pipeline *p, const struct mls_table *table,
                      struct mls_error *err);
MLS_CHECK bool cli_on_new_pipeline(const struct options *o, struct cli *cli,
                                   cli_work *work, struct mls_error *err);
/* --threshold into the pipeline; MLS_USAGE when that or --best-threshold is
 * asked for and the task is not binary. */
MLS_CHECK bool cli_set_threshold(const struct options *o,
                                 struct mls_pipeline *p,
                                 struct mls_error *err);
/* --best-threshold into the pipeline, by cross-validation; p is not fitted. */
MLS_CHECK bool cli_find_threshold(struct cli *cli, struct mls_pipeline *p,
                                  const struct mls_table *table,
                                  struct mls_error *err);
/* Folds of cross-validation when --cv does not say. */
#define CLI_FOLDS 5
/* The task asked for, 0 when it is to be inferred. */
enum mls_task cli_task(const struct options *o);
/* --fail-below, --fail-above: MLS_FAILED_CHECK when a figure is not met. */
MLS_CHECK bool cli_check_figures(const struct options *o,
                                 const struct mls_evaluation *e,
                                 struct mls_error *err);
/* The whole of text, to a file or "-"; NULL is stdout. */
MLS_CHECK bool cli_write(const char *path, const struct mls_text *text,
                         struct mls_error *err);

/* --- render.c: text tables and the JSON report -------------------------- */

/* Cells row by row; columns as wide as their widest cell. */
struct grid {
    struct mls_list cells;
    const char *align;          /* "lr": one letter a column */
    bool failed;
};
void grid_add(struct grid *grid, const char *cell);
void grid_add_format(struct grid *grid, const char *format, ...)
    MLS_PRINTF(2, 3);
/* The first row is the heading; indent in columns.  Clears the grid. */
void grid_print(struct grid *grid, int indent, struct mls_text *text);

/* A number for people: about four digits; NaN is "-". */
struct shown_number {
    char text[40];
};
struct shown_number cli_number(double value);
/* A figure, with as many decimals as suit another one beside it. */
struct shown_number cli_figure(double value, double like);

/* "target     "survived", binary: ...", and the threshold if one was set. */
void cli_render_target(const struct mls_pipeline *p,
                       const struct mls_table *table, struct mls_text *text);
/* How rows are dealt into folds, as a few words: " by time", " by group" when a
 * column has that role, else "". */
const char *cli_dealt_by(const struct mls_pipeline *p);
/* The recipe, wrapped, after a label of 11 columns. */
MLS_CHECK bool cli_render_recipe(const struct mls_pipeline *p,
                                 struct mls_text *text, struct mls_error *err);
/* The learner and its params that differ from the defaults or were chosen. */
MLS_CHECK bool cli_render_learner(const struct mls_pipeline *p,
                                  struct mls_text *text,
                                  struct mls_error *err);
void cli_render_figures(const struct mls_evaluation *e, double confidence,
                        struct mls_text *text);
/* The line about --best-threshold, if there is one. */
void cli_render_best(const struct mls_evaluation *e, struct mls_text *text);
void cli_render_confusion(const struct mls_pipeline *p,
                          const struct mls_evaluation *e,
                          struct mls_text *text);
/* Curves as CSV or as JSON, by the name of the file. */
MLS_CHECK bool cli_write_curves(const char *path, const struct cli *cli,
                                const struct mls_pipeline *p,
                                const struct mls_curves *curves,
                                struct mls_error *err);
/* Whether the name, less .gz or .zst, ends in .json; -1 for neither that nor
 * .csv. */
int cli_is_json(const char *path);
/* One cell of CSV, quoted where it must be. */
void cli_add_label(struct mls_text *text, const char *label);
/* A histogram of counts in block characters. */
void cli_render_bars(const int64_t *count, int bins, struct mls_text *text);
/* A JSON object of scalars as "key=value key=value".  What is "auto", and of
 * which found (may be NULL) says what it became, is left out. */
void cli_render_members(const struct mls_json *object, const char *separator,
                        const struct mls_json *found, struct mls_text *text);

/* {"schema": 1, "command": NAME}: a new object. */
MLS_CHECK struct mls_json *cli_report(const struct cli *cli,
                                      struct mls_error *err);
MLS_CHECK bool cli_report_pipeline(const struct mls_pipeline *p,
                                   struct mls_json *to, struct mls_error *err);
MLS_CHECK bool cli_report_evaluation(const struct mls_pipeline *p,
                                     const struct mls_evaluation *e,
                                     struct mls_json *to,
                                     struct mls_error *err);
MLS_CHECK bool cli_report_counts(const struct mls_read_counts *counts,
                                 struct mls_json *to, struct mls_error *err);
/* Adds seconds, peak_memory_mb, threads, and writes it (NULL: stdout). */
MLS_CHECK bool cli_report_write(const struct cli *cli, struct mls_json *report,
                                const char *path, struct mls_error *err);

/* --- trees.c: one tree, one curve ------------------------------------- */

/* tree: as mls_pipeline_tree gives it. */
MLS_CHECK bool cli_render_tree(const struct mls_pipeline *p,
                               const struct mls_json *tree,
                               struct mls_text *text, struct mls_error *err);
MLS_CHECK bool cli_render_dot(const struct mls_pipeline *p,
                              const struct mls_json *tree,
                              struct mls_text *text, struct mls_error *err);
/* curve: as mls_pipeline_dependence gives it; raw: scores, too. */
void cli_render_curve(const struct mls_pipeline *p,
                      const struct mls_json *curve, bool raw,
                      struct mls_text *text);

/* --- help.c: pages in three formats ------------------------------------- */

enum help_format { HELP_TEXT, HELP_MAN, HELP_MARKDOWN };
void help_overview(enum help_format format, struct mls_text *text);
void help_command(const struct command *command, enum help_format format,
                  struct mls_text *text);
MLS_CHECK bool help_topic(const char *topic, enum help_format format,
                          struct mls_text *text, struct mls_error *err);

/* --- progress.c: what is said on stderr --------------------------------- */

/* Connects run's message and progress functions to stderr. */
void progress_start(struct cli *cli);
/* Takes the progress line away. */
void progress_clear(void);
/* Before anything is written to path; NULL is stdout.  The line goes away, and
 * for good when path is the terminal too. */
void progress_make_way(const char *path);
void progress_error(const struct command *command,
                    const struct mls_error *err);
/* Whether a stream is a terminal on which colour is welcome. */
bool progress_colour(int descriptor);

#endif
