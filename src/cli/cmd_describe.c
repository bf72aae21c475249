/* mlspec describe: what is in a table. */
#include <inttypes.h>
#include <math.h>

#include "base/number.h"
#include "cli/commands.h"

#define LEVEL_WIDTH 20

static const char *const examples[] = {
    "mlspec describe data/penguins.csv",
    "mlspec describe -t species data/penguins.csv",
    "mlspec describe --json -o schema.json data/penguins.csv",
    NULL
};

/* --- the overview: one line a column, in the order of the file ---------- */

/* A level, cut to some terminal columns. */
static void add_cut(const char *level, size_t length, struct mls_text *text)
{
    struct mls_shown shown = mls_show(level, length);
    const char *at = shown.text;
    size_t left = strlen(at), size;
    uint32_t point;

    if (mls_text_width(at, left) <= LEVEL_WIDTH) {
        mls_text_add(text, at);
        return;
    }
    for (int width = 0; width < LEVEL_WIDTH - 1 && left > 0; at += size) {
        size = mls_utf8_next(at, left, &point);
        size = size ? size : 1;
        width += mls_text_width(at, size);
        mls_text_add_bytes(text, at, size);
        left -= size;
    }
    mls_text_add(text, "…");
}

/* "male 65%, female 35%" */
static void add_levels(const struct mls_profile_column *c,
                       struct mls_text *text)
{
    int64_t there = c->rows - c->missing;
    int shown = c->top_count < 3 ? c->top_count : 3;

    for (int i = 0; i < shown; i++) {
        mls_text_add(text, i ? ", " : "");
        add_cut(c->top[i].level, c->top[i].length, text);
        mls_text_format(text, " %.0f%%",
                        there ? 100.0 * (double)c->top[i].count / (double)there
                              : 0.0);
    }
    if (c->distinct > shown)
        mls_text_format(text, ", %" PRId64 " more", c->distinct - shown);
}

static bool is_numeric(const struct mls_field *field)
{
    return (MLS_KIND_BIT(field->kind) & MLS_KINDS_NUMERIC) != 0;
}

/* A moment as people write it, to the day or to the second. */
static struct shown_number date_text(double seconds)
{
    struct shown_number shown = { "-" };
    int64_t all = (int64_t)floor(seconds), days = all / 86400;
    int64_t rest, era, day_of_era, year_of_era, day_of_year, month;

    if (isnan(seconds))
        return shown;
    if (all % 86400 < 0)
        days--;
    /* Days to a date by 400-year eras that begin on 1 March. */
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    day_of_era = days - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524
                   - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4
                                - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;
    rest = year_of_era + era * 400 + (month >= 10);
    snprintf(shown.text, sizeof shown.text, "%04d-%02d-%02d",
             (int)(rest % 10000),
             (int)(month < 10 ? month + 3 : month - 9) % 13,
             (int)(day_of_year - (153 * month + 2) / 5 + 1) % 32);
    return shown;
}

static void add_values(const struct mls_profile_column *c,
                       struct mls_text *text)
{
    if (c->missing == c->rows)
        mls_text_add(text, "no value at all");
    else if (c->field->kind == MLS_KIND_DATE)
        mls_text_format(text, "%s to %s", date_text(c->low).text,
                        date_text(c->high).text);
    else if (is_numeric(c->field) && c->low == c->high)
        mls_text_format(text, "always %s", cli_number(c->low).text);
    else if (is_numeric(c->field))
        cli_render_bars(c->bin, MLS_PROFILE_BINS, text);
    else if (c->top_count)
        add_levels(c, text);
}

static const char *kind_or_trait(const struct mls_field *field)
{
    if (field->role == MLS_ROLE_IGNORED
        && field->trait == MLS_TRAIT_IDENTIFIER)
        return "identifier";
    if (field->role == MLS_ROLE_IGNORED && field->trait == MLS_TRAIT_CONSTANT)
        return "constant";
    return mls_kind_name(field->kind);
}

static void add_name(struct grid *grid, const char *name)
{
    grid_add(grid, mls_show(name, strlen(name)).text);
}

static void overview_row(struct grid *grid, const struct mls_profile_column *c,
                         bool information)
{
    struct mls_text values = { 0 };
    enum mls_role role = c->field->role;
    bool plain = role == MLS_ROLE_FEATURE
        || (role == MLS_ROLE_IGNORED && c->field->trait != MLS_TRAIT_NONE);

    add_name(grid, c->field->name);
    grid_add(grid, kind_or_trait(c->field));
    grid_add(grid, plain ? "" : mls_role_name(role));
    if (c->missing)
        grid_add_format(grid, "%" PRId64 " (%.1f%%)", c->missing,
                        100.0 * (double)c->missing / (double)c->rows);
    else
        grid_add(grid, "");
    grid_add_format(grid, "%" PRId64, c->distinct);
    if (information && isnan(c->target_information))
        grid_add(grid, "");
    else if (information)
        grid_add_format(grid, "%.3f", c->target_information);
    add_values(c, &values);
    grid_add(grid, values.bytes ? values.bytes : "");
    mls_text_clear(&values);
}

static void overview(const struct mls_profile *profile, struct mls_text *text)
{
    struct grid grid = { .align = "lllrrl" };
    bool information = false;

    for (int64_t i = 0; i < profile->count; i++)
        if (!isnan(profile->columns[i].target_information))
            information = true;
    if (information)
        grid.align = "lllrrrl";
    grid_add(&grid, "column");
    grid_add(&grid, "kind");
    grid_add(&grid, "");
    grid_add(&grid, "missing");
    grid_add(&grid, "distinct");
    if (information)
        grid_add(&grid, "tells");
    grid_add(&grid, "values");
    for (int64_t i = 0; i < profile->count; i++)
        overview_row(&grid, &profile->columns[i], information);
    mls_text_add(text, "\n");
    grid_print(&grid, 0, text);
    if (information)
        mls_text_add(text, "\ntells: information about the target in nats "
                           "beyond chance; 0 is none\n");
}

/* --- numbers ------------------------------------------------------------ */

static void numbers(const struct mls_profile *profile, struct mls_text *text)
{
    static const char *const heads[] = { "numbers", "min", "5%", "25%",
                                         "median", "75%", "95%", "max",
                                         "mean", "sd", "skew" };
    struct grid grid = { .align = "lrrrrrrrrrr" };
    bool any = false;

    for (int i = 0; i < 11; i++)
        grid_add(&grid, heads[i]);
    for (int64_t i = 0; i < profile->count; i++) {
        const struct mls_profile_column *c = &profile->columns[i];

        if (!is_numeric(c->field) || c->missing == c->rows)
            continue;
        any = true;
        add_name(&grid, c->field->name);
        grid_add(&grid, cli_number(c->low).text);
        for (int q = 0; q < MLS_PROFILE_QUANTILES; q++)
            grid_add(&grid, cli_number(c->quantile[q]).text);
        grid_add(&grid, cli_number(c->high).text);
        grid_add(&grid, cli_number(c->mean).text);
        grid_add(&grid, cli_number(c->sd).text);
        if (isnan(c->skewness))
            grid_add(&grid, "-");
        else
            grid_add_format(&grid, "%.2f", c->skewness);
    }
    if (any) {
        mls_text_add(text, "\n");
        grid_print(&grid, 0, text);
    } else {
        mls_list_clear(&grid.cells);
    }
}

/* --- what to look at ---------------------------------------------------- */

static void problem(struct mls_text *text, bool *any, const char *what)
{
    if (!*any)
        mls_text_add(text, "\nlook at:\n");
    *any = true;
    mls_text_wrap(text, what, 2);
}

/* The first wrong cells, a line each, as an error would say them. */
static void wrong_cells(const struct mls_table *table, struct mls_text *text)
{
    const struct mls_read_counts *counts = &table->counts;
    int64_t shown = counts->wrong_cells < MLS_WRONG_LISTED
        ? counts->wrong_cells : MLS_WRONG_LISTED;

    for (int64_t i = 0; i < shown; i++) {
        const struct mls_wrong_cell *cell = &counts->wrong[i];

        mls_text_format(
            text, "    line %" PRId64 ": row %" PRId64 ", column \"%s\": "
                  "\"%s\"\n",
            cell->line, cell->row,
            mls_show_text(table->schema.fields[cell->field].name).text,
            cell->text);
    }
    if (counts->wrong_cells > shown)
        mls_text_format(text, "    and %" PRId64 " more\n",
                        counts->wrong_cells - shown);
}

static void problems(const struct mls_table *table,
                     const struct mls_profile *profile, struct mls_text *text)
{
    char line[512];
    bool any = false;

    if (table->counts.wrong_cells) {
        snprintf(line, sizeof line,
                 "%" PRId64 " %s not fit the kind of the column, which is "
                 "shown as missing here; other commands refuse it "
                 "(--na or --categorical)",
                 table->counts.wrong_cells,
                 table->counts.wrong_cells == 1 ? "cell does" : "cells do");
        problem(text, &any, line);
        wrong_cells(table, text);
    }
    if (profile->duplicate_rows) {
        snprintf(line, sizeof line,
                 "%" PRId64 " row%s an earlier one in every cell",
                 profile->duplicate_rows,
                 profile->duplicate_rows == 1 ? " repeats" : "s repeat");
        problem(text, &any, line);
    }
    if (profile->count == 1
        && strpbrk(profile->columns[0].field->name, " :^~"))
        problem(text, &any, "there is one column only: pass --delimiter when "
                            "its cells are parted by something else");
    for (int64_t i = 0; i < profile->count; i++) {
        const struct mls_profile_column *c = &profile->columns[i];
        const char *name = c->field->name;

        line[0] = '\0';
        if (c->missing == c->rows)
            snprintf(line, sizeof line, "%s holds nothing",
                     mls_show_text(name).text);
        else if (c->field->trait == MLS_TRAIT_CONSTANT)
            snprintf(line, sizeof line, "%s never changes: not a feature",
                     mls_show_text(name).text);
        else if (c->looks == MLS_LOOKS_NUMBERS)
            snprintf(line, sizeof line,
                     "%s holds numbers with a currency sign, a unit or "
                     "thousands separators: take those off to use it as "
                     "numbers",
                     mls_show_text(name).text);
        else if (c->looks == MLS_LOOKS_DATES)
            snprintf(line, sizeof line,
                     "%s holds dates that are not all of one form: write them "
                     "as 2024-05-31 to use it as dates",
                     mls_show_text(name).text);
        else if (c->looks == MLS_LOOKS_ANSWERS)
            snprintf(line, sizeof line,
                     "%s holds yes and no in several spellings: write one, to "
                     "use it as a boolean",
                     mls_show_text(name).text);
        else if (c->field->trait == MLS_TRAIT_IDENTIFIER)
            snprintf(line, sizeof line,
                     "%s looks like an identifier: not a feature unless its "
                     "kind is named",
                     mls_show_text(name).text);
        else if (c->looks == MLS_LOOKS_SPELLINGS)
            snprintf(line, sizeof line,
                     "%s has levels that differ only in case or outer spaces: "
                     "they count as different",
                     mls_show_text(name).text);
        else if (c->missing * 2 > c->rows)
            snprintf(line, sizeof line, "%s is missing in most rows",
                     mls_show_text(name).text);
        if (line[0])
            problem(text, &any, line);
    }
}

static void dialect(const struct mls_dialect *d, struct mls_text *text)
{
    mls_text_add(text, "separated by ");
    if (d->delimiter == '\t')
        mls_text_add(text, "tabs");
    else if (d->delimiter == ',')
        mls_text_add(text, "commas");
    else
        mls_text_format(text, "%c", d->delimiter);
    if (d->decimal == ',')
        mls_text_add(text, ", decimal comma");
}

static bool render(const struct options *o, const struct mls_table *table,
                   const struct mls_profile *profile, struct mls_error *err)
{
    struct mls_text text = { 0 };
    bool ok;

    mls_text_format(&text, "%s: %" PRId64 " row%s, %" PRId64 " column%s, ",
                    strcmp(o->data, "-") ? o->data : "standard input",
                    table->rows, table->rows == 1 ? "" : "s",
                    table->schema.count, table->schema.count == 1 ? "" : "s");
    dialect(&table->dialect, &text);
    mls_text_add(&text, "\n");
    if (profile->sample_rows)
        mls_text_format(&text,
                        "quantiles, repeated rows and how many numbers and "
                        "texts differ:\nof a random sample of %" PRId64
                        " rows; all else is of all rows\n",
                        profile->sample_rows);
    overview(profile, &text);
    numbers(profile, &text);
    problems(table, profile, &text);
    ok = cli_write(o->output, &text, err);
    mls_text_clear(&text);
    return ok;
}

/* --- JSON --------------------------------------------------------------- */

static bool number_json(const struct mls_profile_column *c,
                        struct mls_json *to, struct mls_error *err)
{
    struct mls_json *quantiles, *bins;

    if (isnan(c->low))
        return true;
    if (!mls_json_add_real(to, "min", c->low, err)
        || !mls_json_add_real(to, "max", c->high, err)
        || !mls_json_add_real(to, "mean", c->mean, err)
        || !mls_json_add_real(to, "sd", c->sd, err)
        || !mls_json_add_real(to, "skewness", c->skewness, err))
        return false;
    quantiles = mls_json_add_object(to, "quantiles", err);
    for (int q = 0; quantiles && q < MLS_PROFILE_QUANTILES; q++) {
        static const char *const names[] = { "0.05", "0.25", "0.5", "0.75",
                                             "0.95" };

        if (!mls_json_add_real(quantiles, names[q], c->quantile[q], err))
            return false;
    }
    bins = quantiles ? mls_json_add_array(to, "histogram", err) : NULL;
    for (int b = 0; bins && b < MLS_PROFILE_BINS; b++)
        if (!mls_json_add_integer(bins, NULL, c->bin[b], err))
            return false;
    return bins != NULL;
}

static bool top_json(const struct mls_profile_column *c, struct mls_json *to,
                     struct mls_error *err)
{
    struct mls_json *top, *item;

    if (c->top_count == 0)
        return true;
    top = mls_json_add_array(to, "top", err);
    for (int i = 0; top && i < c->top_count; i++) {
        char *level = mls_copy_bytes(c->top[i].level, c->top[i].length, err);
        bool ok = level && (item = mls_json_add_object(top, NULL, err)) != NULL
            && mls_json_add_text(item, "level", level, err)
            && mls_json_add_integer(item, "count", c->top[i].count, err);

        mls_free(level);
        if (!ok)
            return false;
    }
    return top != NULL;
}

static bool column_json(const struct mls_profile_column *c,
                        struct mls_json *profile, struct mls_error *err)
{
    struct mls_json *to = mls_json_add_object(profile, NULL, err);

    return to && mls_json_add_text(to, "name", c->field->name, err)
        && mls_json_add_integer(to, "missing", c->missing, err)
        && mls_json_add_integer(to, "distinct", c->distinct, err)
        && number_json(c, to, err) && top_json(c, to, err)
        && (isnan(c->target_information)
            || mls_json_add_real(to, "target_information",
                                 c->target_information, err));
}

/* "columns" is a schema, so that the report can be given to --schema. */
/* "wrong": the first of them, left out when there are none. */
static bool wrong_json(const struct mls_table *table, struct mls_json *to,
                       struct mls_error *err)
{
    const struct mls_read_counts *counts = &table->counts;
    struct mls_json *list, *item;

    if (counts->wrong_cells == 0)
        return true;
    list = mls_json_add_array(to, "wrong", err);
    for (int64_t i = 0; list && i < counts->wrong_cells
                        && i < MLS_WRONG_LISTED; i++) {
        const struct mls_wrong_cell *cell = &counts->wrong[i];

        item = mls_json_add_object(list, NULL, err);
        if (!item || !mls_json_add_integer(item, "line", cell->line, err)
            || !mls_json_add_integer(item, "row", cell->row, err)
            || !mls_json_add_text(item, "column",
                                  table->schema.fields[cell->field].name, err)
            || !mls_json_add_text(item, "text", cell->text, err))
            return false;
    }
    return list != NULL;
}

static bool report(const struct options *o, struct cli *cli,
                   const struct mls_table *table,
                   const struct mls_profile *profile, struct mls_error *err)
{
    struct mls_json *json = cli_report(cli, err), *columns;
    bool ok = json && mls_json_add_integer(json, "rows", table->rows, err)
        && mls_json_add_integer(json, "duplicate_rows",
                                profile->duplicate_rows, err)
        && mls_json_add_integer(json, "sample_rows", profile->sample_rows,
                                err)
        && mls_json_add_integer(json, "wrong_cells",
                                table->counts.wrong_cells, err)
        && wrong_json(table, json, err)
        && mls_schema_to_json(&table->schema, false, json, err);

    columns = ok ? mls_json_add_array(json, "profile", err) : NULL;
    ok = columns != NULL;
    for (int64_t i = 0; ok && i < profile->count; i++)
        ok = column_json(&profile->columns[i], columns, err);
    ok = ok && cli_report_write(cli, json, o->output, err);
    mls_json_free(json);
    return ok;
}

static bool run(const struct options *o, struct cli *cli,
                struct mls_error *err)
{
    struct mls_read_options read;
    struct mls_roles roles = { o->target, o->weight, o->offset, o->group, o->time,
                               o->id, o->ignore };
    const struct mls_profile_options how = { .seed = (uint64_t)o->seed };
    struct mls_table table = { 0 };
    struct mls_profile profile = { 0 };
    double start = mls_now();
    bool ok = cli_read_options(cli, NULL, NULL, &read, err);

    read.list_errors = true;
    ok = ok && mls_table_read(o->data, &read, &cli->run, &table, err);
    cli->run.read_seconds += mls_now() - start;
    if (ok)
        cli_note_counts(cli, o->data, &table.counts);
    start = mls_now();
    ok = ok && mls_schema_set_roles(&table.schema, &roles, err)
        && mls_profile(&table, &how, &cli->run, &profile, err);
    cli->run.prepare_seconds += mls_now() - start;
    ok = ok
        && (o->json ? report(o, cli, &table, &profile, err)
                    : render(o, &table, &profile, err));
    mls_profile_clear(&profile);
    mls_table_clear(&table);
    return ok;
}

const struct command command_describe = {
    .name = "describe",
    .arguments = "[options] DATA.csv",
    .summary = "show what is in a table",
    .description =
        "Reads all of a CSV file and shows, for each column, its kind, how "
        "much is missing, how many values differ, and how they are spread; "
        "then what deserves a look before training. With --target, also how "
        "much each column says about it.\n"
        "Past 1,000,000 rows the quantiles, repeated rows and how many values "
        "differ are those of a random sample of about as many (--seed); the "
        "report says so.\n"
        "With --json the columns are written as a schema, which other "
        "commands read with --schema; edit it to change kinds and roles.",
    .takes = TAKES_TABLE TAKES_COLUMNS "group time "
        "seed threads memory time_budget config json quiet verbose progress "
        "help ",
    .output = "where the report goes; otherwise standard output",
    .data = "the table (DATA.csv, or - for standard input)",
    .data_is_file = true,
    .examples = examples,
    .run = run,
};
