/*
 * What several commands do first: options into the library's structs, a table
 * read by them, figures checked against what was demanded.
 */
#include <inttypes.h>
#include <math.h>

#include "base/file.h"
#include "cli/cli.h"

enum mls_task cli_task(const struct options *o)
{
    return o->task == TASK_CLASSIFICATION ? 0 : (enum mls_task)o->task;
}

bool cli_load(const char *path, struct mls_pipeline **pipeline,
              struct mls_error *err)
{
    *pipeline = NULL;
    if (!path)
        return true;
    *pipeline = mls_pipeline_load(path, err);
    return *pipeline != NULL;
}

bool cli_write(const char *path, const struct mls_text *text,
               struct mls_error *err)
{
    struct mls_output *out;

    if (!mls_text_ok(text, err))
        return false;
    progress_make_way(path);
    out = mls_output_open(path ? path : "-", err);
    if (!out)
        return false;
    if (mls_output_write(out, text->bytes ? text->bytes : "", text->length,
                         err))
        return mls_output_commit(out, err);
    mls_output_abort(out);
    return false;
}

/* --- reading ------------------------------------------------------------ */

static bool list_has(const struct mls_list *list, const char *name)
{
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

/* One more name in a CSV record. */
static void add_name(struct mls_text *record, const char *name)
{
    mls_text_add(record, record->length ? ",\"" : "\"");
    for (; *name; name++) {
        mls_text_add_bytes(record, name, 1);
        if (*name == '"')
            mls_text_add(record, "\"");
    }
    mls_text_add(record, "\"");
}

/* Names the options mention, so that a pipeline's word does not count. */
static bool names_in_options(const struct options *o, struct mls_list *names,
                             struct mls_error *err)
{
    const char *lists[] = { o->categorical, o->numeric, o->text, o->id,
                            o->ignore };
    const char *ones[] = { o->target, o->weight, o->offset, o->group,
                           o->time };

    for (int i = 0; i < 5; i++)
        if (lists[i] && !mls_list_split(lists[i], names, err))
            return false;
    for (int i = 0; i < 5; i++)
        if (ones[i] && !mls_list_add(names, ones[i], err))
            return false;
    return true;
}

/* given, and the columns of a pipeline that pass the test, as one record in
 * the arena. */
static bool merge(struct cli *cli, const char *given,
                  const struct mls_schema *like, const struct mls_list *named,
                  bool (*test)(const struct mls_field *field),
                  const struct mls_schema *present, const char **record,
                  struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    mls_text_add(&text, given);
    for (int64_t i = 0; i < like->count; i++) {
        const char *name = like->fields[i].name;

        if (test(&like->fields[i]) && !list_has(named, name)
            && (!present || mls_schema_find(present, name) >= 0))
            add_name(&text, name);
    }
    ok = mls_text_ok(&text, err);
    *record = NULL;
    if (ok && text.length) {
        *record = mls_arena_text(&cli->arena, text.bytes, text.length, err);
        ok = *record != NULL;
    }
    mls_text_clear(&text);
    return ok;
}

/* Kinds are asked for of features and targets alone: naming the kind of an
 * identifier would make it a feature. */
static bool has_kind(const struct mls_field *field, unsigned kinds)
{
    return (field->role == MLS_ROLE_FEATURE || field->role == MLS_ROLE_TARGET)
        && (kinds & MLS_KIND_BIT(field->kind)) != 0;
}

static bool is_coded(const struct mls_field *field)
{
    return has_kind(field, MLS_KINDS_CODED);
}

static bool is_numeric(const struct mls_field *field)
{
    return has_kind(field, MLS_KINDS_NUMERIC);
}

static bool is_text(const struct mls_field *field)
{
    return has_kind(field, MLS_KIND_BIT(MLS_KIND_TEXT));
}

static bool is_id(const struct mls_field *field)
{
    return field->role == MLS_ROLE_ID;
}

static bool is_ignored(const struct mls_field *field)
{
    return field->role == MLS_ROLE_IGNORED;
}

static bool kinds_like(struct cli *cli, const struct mls_schema *like,
                       struct mls_read_options *read, struct mls_error *err)
{
    const struct options *o = cli->options;
    struct mls_list named = { 0 };
    bool ok = names_in_options(o, &named, err)
        && merge(cli, o->categorical, like, &named, is_coded, NULL,
                 &read->categorical, err)
        && merge(cli, o->numeric, like, &named, is_numeric, NULL,
                 &read->numeric, err)
        && merge(cli, o->text, like, &named, is_text, NULL, &read->text, err);

    mls_list_clear(&named);
    return ok;
}

bool cli_read_options(struct cli *cli, const struct mls_pipeline *fixed,
                      const struct mls_pipeline *like,
                      struct mls_read_options *read, struct mls_error *err)
{
    const struct options *o = cli->options;

    *read = (struct mls_read_options){
        .bad_rows = (enum mls_bad_rows)o->bad_rows,
        .categorical = o->categorical, .numeric = o->numeric,
        .text = o->text, .schema_file = o->schema
    };
    if (fixed) {
        mls_pipeline_read_options(fixed, read);
        if (o->unknown)
            read->unknown_is_error = o->unknown == 2;
    } else if (like && !kinds_like(cli, mls_pipeline_schema(like), read, err)) {
        return false;
    }
    return cli_dialect(o, &read->dialect, err);
}

static const char *name_with_role(const struct mls_schema *schema,
                                  enum mls_role role)
{
    int64_t at = mls_schema_find_role(schema, role);

    return at < 0 ? NULL : schema->fields[at].name;
}

static bool roles_like(struct cli *cli, const struct mls_schema *like,
                       const struct mls_schema *present,
                       struct mls_roles *roles, struct mls_error *err)
{
    const struct options *o = cli->options;
    struct mls_list named = { 0 };
    bool ok = names_in_options(o, &named, err)
        && merge(cli, o->id, like, &named, is_id, present, &roles->id, err)
        && merge(cli, o->ignore, like, &named, is_ignored, present,
                 &roles->ignore, err);

    mls_list_clear(&named);
    if (!roles->target)
        roles->target = name_with_role(like, MLS_ROLE_TARGET);
    if (!roles->weight)
        roles->weight = name_with_role(like, MLS_ROLE_WEIGHT);
    if (!roles->offset)
        roles->offset = name_with_role(like, MLS_ROLE_OFFSET);
    if (!roles->group)
        roles->group = name_with_role(like, MLS_ROLE_GROUP);
    if (!roles->time)
        roles->time = name_with_role(like, MLS_ROLE_TIME);
    return ok;
}

static bool set_roles(struct cli *cli, const struct mls_pipeline *like,
                      struct mls_schema *schema, struct mls_error *err)
{
    const struct options *o = cli->options;
    struct mls_roles roles = { o->target, o->weight, o->offset, o->group, o->time,
                               o->id, o->ignore };

    return (!like
            || roles_like(cli, mls_pipeline_schema(like), schema, &roles, err))
        && mls_schema_set_roles(schema, &roles, err);
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

void cli_note_counts(const struct cli *cli, const char *path,
                     const struct mls_read_counts *counts)
{
    struct mls_shown name = mls_show_text(strcmp(path, "-") ? path : "<stdin>");

    if (counts->skipped_rows)
        mls_note(&cli->run, MLS_LOG_WARNING,
                 "%s: %" PRId64 " row%s of another length skipped", name.text,
                 counts->skipped_rows, plural(counts->skipped_rows));
    if (counts->padded_rows)
        mls_note(&cli->run, MLS_LOG_WARNING,
                 "%s: %" PRId64 " short row%s padded with missing cells",
                 name.text, counts->padded_rows, plural(counts->padded_rows));
    if (counts->unknown)
        mls_note(&cli->run, MLS_LOG_WARNING,
                 "%s: %" PRId64 " cell%s of a category not seen in training, "
                 "taken as missing",
                 name.text, counts->unknown, plural(counts->unknown));
    if (counts->extra_columns)
        mls_note(&cli->run, MLS_LOG_NOTE,
                 "%s: %" PRId64 " column%s that the pipeline does not use",
                 name.text, counts->extra_columns,
                 plural(counts->extra_columns));
}

/* A column that only the pipeline of --from asked for: the user gave none of
 * the options that the reader names. */
static void name_from(const struct options *o, const char *path,
                      struct mls_error *err)
{
    const struct {
        const char *start, *given;
    } all[] = { { "--categorical: ", o->categorical },
                { "--numeric: ", o->numeric },
                { "--text: ", o->text } };

    for (int i = 0; i < 3; i++) {
        size_t length = strlen(all[i].start);

        if (all[i].given || strncmp(err->what, all[i].start, length) != 0)
            continue;
        memmove(err->what, err->what + length, strlen(err->what + length) + 1);
        err->code = MLS_DATA;
        mls_fail_at(err, path, 0, 0, NULL);
        mls_fail_fix(err, "--from %s expects it", o->from);
        return;
    }
}

bool cli_table_read(const char *path, struct cli *cli,
                    const struct mls_pipeline *fixed,
                    const struct mls_pipeline *like, struct mls_table *table,
                    struct mls_error *err)
{
    struct mls_read_options read;
    double start = mls_now();

    if (!cli_read_options(cli, fixed, like, &read, err))
        return false;
    if (!mls_table_read(path, &read, &cli->run, table, err)) {
        if (like && !fixed)
            name_from(cli->options, path, err);
        return false;
    }
    cli->run.read_seconds += mls_now() - start;
    cli_note_counts(cli, path, &table->counts);
    if (fixed || set_roles(cli, like, &table->schema, err))
        return true;
    mls_table_clear(table);
    return false;
}

bool cli_table_write(const struct mls_table *table, const char *path,
                     struct cli *cli, struct mls_error *err)
{
    double start = mls_now();
    struct mls_writer *writer;

    progress_make_way(path);
    writer = mls_writer_open(path ? path : "-", &table->schema,
                             &table->dialect, err);
    if (!writer)
        return false;
    if (!mls_writer_blocks(writer, table->blocks, table->block_count,
                           &cli->run, err)) {
        mls_writer_abort(writer);
        return false;
    }
    if (!mls_writer_close(writer, err))
        return false;
    cli->run.write_seconds += mls_now() - start;
    return true;
}

/* --- settings ----------------------------------------------------------- */

struct mls_settings cli_settings(const struct options *o,
                                 const struct mls_pipeline *from, bool train)
{
    struct mls_settings s = {
        .learner = o->learner, .train = train, .task = cli_task(o),
        .classification = o->task == TASK_CLASSIFICATION,
        .positive = o->positive, .class_weight = o->class_weight,
        .drop_missing_target = o->missing_target == 1,
        .unknown_is_error = o->unknown == 2, .frozen = o->frozen,
        .seed = (uint64_t)o->seed,
        .set = (const char *const *)o->set.items, .set_count = o->set.count,
        .families = (const char *const *)o->families.items,
        .family_count = o->families.count, .steps_file = o->steps,
        .from = from
    };
    bool same_target = from && mls_pipeline_target(from)
        && (!o->target || strcmp(o->target, mls_pipeline_target(from)) == 0);

    if (from && !o->unknown)
        s.unknown_is_error = mls_pipeline_unknown_is_error(from);
    if (same_target && !o->task && mls_pipeline_task(from))
        s.task = mls_pipeline_task(from);
    if (same_target && !o->positive && s.task == mls_pipeline_task(from)
        && (s.task == MLS_BINARY || s.task == MLS_ANOMALY)
        && mls_pipeline_classes(from) == 2)
        s.positive = mls_pipeline_class(from, 1);
    return s;
}

/* --- figures ------------------------------------------------------------ */

/* Adds the names that --fail-... checks and --metric left out. */
static bool add_checked(struct mls_list *names, const struct mls_list *checks,
                        struct mls_error *err)
{
    for (int64_t i = 0; i < checks->count; i++) {
        char name[64];
        double bound;

        if (!cli_threshold_parse(checks->items[i], "--fail-below", name,
                                 &bound, err)
            || (!list_has(names, name) && !mls_list_add(names, name, err)))
            return false;
    }
    return true;
}

static bool metric_record(struct cli *cli, const char **record,
                          struct mls_error *err)
{
    const struct options *o = cli->options;
    struct mls_list names = { 0 };
    struct mls_text text = { 0 };
    bool ok;

    *record = NULL;
    if (!o->metric)
        return true;
    ok = mls_list_split(o->metric, &names, err)
        && add_checked(&names, &o->fail_below, err)
        && add_checked(&names, &o->fail_above, err);
    for (int64_t i = 0; ok && i < names.count; i++)
        add_name(&text, names.items[i]);
    ok = ok && mls_text_ok(&text, err)
        && (*record = mls_arena_text(&cli->arena, text.bytes ? text.bytes : "",
                                     text.length, err)) != NULL;
    mls_list_clear(&names);
    mls_text_clear(&text);
    return ok;
}

/* Each round sorts all rows, and tells less the more rows there are. */
static int rounds(const struct options *o, int64_t rows)
{
    if (o->bootstrap != MLS_AUTO_INTEGER)
        return (int)o->bootstrap;
    return rows <= 10000 ? 1000 : rows <= 100000 ? 200 : 0;
}

bool cli_evaluate_options(struct cli *cli, int64_t rows,
                          struct mls_evaluate_options *options,
                          struct mls_error *err)
{
    const struct options *o = cli->options;

    *options = (struct mls_evaluate_options){
        .threshold = o->threshold, .bootstrap = rounds(o, rows),
        .confidence = o->confidence, .seed = (uint64_t)o->seed,
        .curves = o->curves != NULL, .best = o->best_threshold
    };
    return metric_record(cli, &options->metrics, err);
}

bool cli_set_threshold(const struct options *o, struct mls_pipeline *p,
                       struct mls_error *err)
{
    return (isnan(o->threshold) && !o->best_threshold)
        || mls_pipeline_set_threshold(p, o->threshold, err);
}

bool cli_find_threshold(struct cli *cli, struct mls_pipeline *p,
                        const struct mls_table *table, struct mls_error *err)
{
    const struct options *o = cli->options;
    int folds = o->cv == MLS_AUTO_INTEGER ? CLI_FOLDS : (int)o->cv;
    double start = mls_now(), threshold, value;
    bool ok = !o->best_threshold
        || (mls_cross_threshold(p, table, folds, o->best_threshold,
                                (uint64_t)o->seed, &cli->run, &threshold,
                                &value, err)
            && mls_pipeline_set_threshold(p, threshold, err));

    cli->measure_seconds += mls_now() - start;
    if (ok && o->best_threshold)
        mls_note(&cli->run, MLS_LOG_NOTE,
                 "at threshold %.6g, %s is %.6g in %d-fold cross-validation",
                 threshold, o->best_threshold, value, folds);
    return ok;
}

static bool check_bounds(const struct mls_list *list, bool below,
                         const struct mls_evaluation *e, struct mls_error *err)
{
    const char *option = below ? "--fail-below" : "--fail-above";

    for (int64_t i = 0; i < list->count; i++) {
        const struct mls_figure *figure = NULL;
        double bound;
        char name[64];

        if (!cli_threshold_parse(list->items[i], option, name, &bound, err))
            return false;
        for (int64_t f = 0; f < e->count; f++)
            if (strcmp(e->figures[f].metric->name, name) == 0)
                figure = &e->figures[f];
        if (!figure) {
            mls_fail(err, MLS_USAGE, "%s: %s is not measured for this task",
                     option, name);
            return mls_fail_fix(err, "mlspec help metrics lists what is");
        }
        if (below ? figure->value >= bound : figure->value <= bound)
            continue;
        return mls_fail(err, MLS_FAILED_CHECK, "%s is %.6g, %s %.6g", name,
                        figure->value, below ? "below" : "above", bound);
    }
    return true;
}

bool cli_check_figures(const struct options *o, const struct mls_evaluation *e,
                       struct mls_error *err)
{
    return check_bounds(&o->fail_below, true, e, err)
        && check_bounds(&o->fail_above, false, e, err);
}

bool cli_need_output(const struct options *o, struct mls_error *err)
{
    if (o->dry_run || (o->output && strcmp(o->output, "-") != 0))
        return true;
    if (o->output)
        mls_fail(err, MLS_USAGE, "the pipeline cannot go to standard output, "
                                 "where the report goes");
    else
        mls_fail(err, MLS_USAGE, "the pipeline has nowhere to go");
    return mls_fail_fix(err, "add --output MODEL.mlspec");
}

bool cli_on_new_pipeline(const struct options *o, struct cli *cli,
                         cli_work *work, struct mls_error *err)
{
    struct mls_pipeline *from = NULL, *p = NULL;
    struct mls_table table = { 0 };
    struct mls_settings settings;
    bool ok = cli_load(o->from, &from, err)
        && cli_table_read(o->data, cli, o->frozen ? from : NULL, from, &table,
                          err);

    settings = cli_settings(o, from, true);
    ok = ok && (p = mls_pipeline_new(&settings, &table, &cli->run, err))
        && cli_set_threshold(o, p, err) && work(o, cli, p, &table, err);
    mls_table_clear(&table);
    mls_pipeline_free(p);
    mls_pipeline_free(from);
    return ok;
}
