/*
 * What is in a table.
 *
 * Columns are independent tasks.  A numeric column is laid out as one array of
 * doubles, from which its moments come; then it is sorted once, and quantiles,
 * histogram and how many values differ are read off.  What the column says
 * about the target is the mutual information of both, cut into bins that hold
 * equally many rows where they are numbers, over the rows whose target is
 * known.
 *
 * Of a table too long for that the rows to be sorted are drawn: the gaps
 * between rows that are each taken with probability p are geometric, so a
 * sample costs as many draws as it has rows.
 */
#include "mlspec/profile.h"

#include <assert.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "stats/association.h"
#include "stats/summary.h"
#include "table/looks.h"
#include "table/block.h"
#include "table/dictionary.h"
#include "table/distinct.h"

#define INFORMATION_BINS 10

static const double probabilities[MLS_PROFILE_QUANTILES] = { 0.05, 0.25, 0.5,
                                                             0.75, 0.95 };

/* ---- one column ---- */

struct job {
    const struct mls_table *table;
    const struct mls_run *run;
    struct mls_profile *profile;
    /* The target: a code per row, NaN where it is missing; NULL none. */
    double *target;
    int64_t target_at, target_codes;
    int64_t *begun;             /* columns, shared by the threads */
    /* The rows that are sorted and compared; NULL all. */
    int64_t *sample;
    int64_t sample_rows;
};

/* Value v's place among MLS_PROFILE_BINS equal widths, halved so that the
 * distance of the largest doubles is finite. */
static int bin_of(double v, double low, double high)
{
    double width = high / 2 - low / 2;
    double at;

    if (!(width > 0))
        return 0;
    at = (v / 2 - low / 2) / width * MLS_PROFILE_BINS;
    return at < MLS_PROFILE_BINS - 1 ? (int)at : MLS_PROFILE_BINS - 1;
}

/* Bins only ascend along sorted values: each ends where a search says. */
static void bins_of_sorted(const double *x, int64_t n, double low, double high,
                           int64_t bin[MLS_PROFILE_BINS])
{
    int64_t start = 0;

    for (int k = 0; k < MLS_PROFILE_BINS; k++) {
        int64_t from = start, end = n;

        while (from < end) {
            int64_t middle = from + (end - from) / 2;

            if (bin_of(x[middle], low, high) <= k)
                from = middle + 1;
            else
                end = middle;
        }
        bin[k] = from - start;
        start = from;
    }
}

static void bins_of_all(const double *x, int64_t n, double low, double high,
                        int64_t bin[MLS_PROFILE_BINS])
{
    for (int64_t i = 0; i < n; i++) {
        if (!isnan(x[i]))
            bin[bin_of(x[i], low, high)]++;
    }
}

/* Keeps of x what is sorted, without what is missing; how many. */
static int64_t keep_sample(const struct job *job, double *x)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < job->sample_rows; i++) {
        double value = x[job->sample != NULL ? job->sample[i] : i];

        x[kept] = value;
        kept += !isnan(value);
    }
    return kept;
}

/* What the order of the values tells.  x is left sorted. */
static bool profile_sorted(const struct job *job, double *x,
                           struct mls_profile_column *c, struct mls_error *err)
{
    int64_t n = keep_sample(job, x);
    double *room = mls_new_array(n, sizeof(*room), err);

    if (room == NULL)
        return false;
    mls_sort_reals_with(x, room, n);
    mls_free(room);
    mls_quantiles_sorted(x, n, probabilities, MLS_PROFILE_QUANTILES,
                         c->quantile);
    for (int64_t i = 0; i < n; i++)
        c->distinct += i == 0 || x[i] != x[i - 1];
    if (job->sample == NULL)
        bins_of_sorted(x, n, c->low, c->high, c->bin);
    return true;
}

/* Moments, quantiles, histogram and distinct values.  x is overwritten. */
static bool profile_numbers(const struct job *job, double *x,
                            struct mls_profile_column *c,
                            struct mls_error *err)
{
    int64_t n = job->table->rows;
    struct mls_moments m;

    if (!mls_moments(job->run, x, NULL, n, &m, err))
        return false;
    c->missing = m.missing;
    if (m.count == 0)
        return true;
    c->low = m.low;
    c->high = m.high;
    c->mean = m.mean;
    if (m.count > 1)
        c->sd = sqrt(mls_moments_variance(&m, 1));
    if (m.low < m.high)
        c->skewness = mls_moments_skewness(&m);
    if (job->sample != NULL)
        bins_of_all(x, n, m.low, m.high, c->bin);
    return profile_sorted(job, x, c, err);
}

/* Puts a level among the commonest; levels come in their order, so an equal
 * count goes behind. */
static void offer_top(struct mls_profile_column *c,
                      const struct mls_dictionary *d, uint32_t code,
                      int64_t count)
{
    struct mls_profile_top top = { .count = count };
    int at = c->top_count;

    while (at > 0 && c->top[at - 1].count < count)
        at--;
    if (at == MLS_PROFILE_TOP)
        return;
    if (c->top_count < MLS_PROFILE_TOP)
        c->top_count++;
    for (int i = c->top_count - 1; i > at; i--)
        c->top[i] = c->top[i - 1];
    top.level = mls_dictionary_level(d, code, &top.length);
    c->top[at] = top;
}

static bool profile_levels(const struct job *job, int64_t at,
                           struct mls_profile_column *c, struct mls_error *err)
{
    const struct mls_dictionary *d = c->field->dictionary;
    int64_t levels = d != NULL ? d->count : 0;
    int64_t *counts = mls_new(levels, sizeof(*counts), err);

    if (counts == NULL)
        return false;
    for (int64_t b = 0; b < job->table->block_count; b++) {
        const struct mls_column *column = job->table->blocks[b]->columns[at];

        for (int64_t row = 0; row < column->rows; row++) {
            if (column->code[row] == MLS_CODE_MISSING)
                c->missing++;
            else
                counts[column->code[row]]++;
        }
    }
    for (int64_t i = 0; i < levels; i++) {
        if (counts[i] == 0)
            continue;
        c->distinct++;
        offer_top(c, d, (uint32_t)i, counts[i]);
    }
    mls_free(counts);
    return true;
}

static bool profile_text(const struct job *job, int64_t at,
                         struct mls_profile_column *c, struct mls_error *err)
{
    const struct mls_distinct what = {
        .table = job->table, .first = at, .count = 1, .rows = job->sample,
        .row_count = job->sample_rows, .skip_empty = true
    };

    for (int64_t b = 0; b < job->table->block_count; b++) {
        const struct mls_column *column = job->table->blocks[b]->columns[at];
        const int64_t *offset = column->text.offset;

        for (int64_t row = 0; row < column->rows; row++)
            c->missing += offset[row] == offset[row + 1];
    }
    return mls_distinct_count(&what, job->run, &c->distinct, err);
}

/* Codes for mutual information in place of values: levels with missing as one
 * more, or bins of equally many rows. */
static bool to_codes(const struct mls_field *field, double *x, int64_t n,
                     int64_t *codes, struct mls_error *err)
{
    double *bins;
    bool ok;

    if (field->dictionary != NULL) {
        int64_t missing = field->dictionary->count;

        for (int64_t i = 0; i < n; i++)
            x[i] = isnan(x[i]) ? (double)missing : x[i];
        *codes = missing + 1;
        return true;
    }
    bins = mls_new_array(n, sizeof(*bins), err);
    if (bins == NULL)
        return false;
    ok = mls_bin_equal_frequency(x, NULL, n, INFORMATION_BINS, bins, codes,
                                 err);
    if (ok && n > 0)
        memcpy(x, bins, (size_t)n * sizeof(*x));
    mls_free(bins);
    return ok;
}

/* x is overwritten. */
static bool profile_information(const struct job *job, double *x,
                                struct mls_profile_column *c,
                                struct mls_error *err)
{
    int64_t n = 0, codes;
    double *target;
    bool ok;

    target = mls_new_array(job->table->rows, sizeof(*target), err);
    if (target == NULL)
        return false;
    for (int64_t i = 0; i < job->table->rows; i++) {
        if (isnan(job->target[i]))
            continue;
        x[n] = x[i];
        target[n++] = job->target[i];
    }
    ok = n == 0
        || (to_codes(c->field, x, n, &codes, err)
            && mls_mutual_information(x, codes, target, job->target_codes,
                                      NULL, n, &c->target_information, err));
    mls_free(target);
    return ok;
}

/* Not the target itself, and not a column that says nothing because it is
 * different in every row. */
static bool has_information(const struct job *job, int64_t at,
                            const struct mls_field *field)
{
    return job->target != NULL && at != job->target_at
        && field->kind != MLS_KIND_TEXT
        && field->trait != MLS_TRAIT_IDENTIFIER;
}

static bool profile_column(void *context, int64_t at, struct mls_error *err)
{
    const struct job *job = context;
    const struct mls_table *table = job->table;
    struct mls_profile_column *c = &job->profile->columns[at];
    bool coded = (MLS_KIND_BIT(c->field->kind) & MLS_KINDS_CODED) != 0;
    bool tells = has_information(job, at, c->field), ok = true;
    int64_t begun = __atomic_fetch_add(job->begun, 1, __ATOMIC_RELAXED);
    double *x;

    if (mls_worker() == 0) /* one thread's numbers only rise */
        mls_progress(job->run, "describing columns", (double)begun,
                     (double)job->profile->count);
    if (c->field->kind == MLS_KIND_TEXT)
        return profile_text(job, at, c, err);
    if (coded && !profile_levels(job, at, c, err))
        return false;
    if (c->field->kind == MLS_KIND_CATEGORY)
        c->looks = mls_looks_of(c->field->dictionary, table->dialect.decimal);
    if (coded && !tells)
        return true;
    x = mls_new_array(table->rows, sizeof(*x), err);
    if (x == NULL)
        return false;
    mls_table_reals(table, at, 0, table->rows, x);
    if (!coded)
        ok = profile_numbers(job, x, c, err);
    if (ok && tells) {
        if (!coded)
            mls_table_reals(table, at, 0, table->rows, x);
        ok = profile_information(job, x, c, err);
    }
    mls_free(x);
    return ok;
}

/* ---- the table ---- */

/* The target as codes; missing cells stay NaN. */
static bool make_target(struct job *job, struct mls_error *err)
{
    const struct mls_schema *schema = &job->table->schema;
    int64_t at = 0, rows = job->table->rows;
    const struct mls_field *field;
    double *codes;
    bool ok;

    while (at < schema->count && schema->fields[at].role != MLS_ROLE_TARGET)
        at++;
    if (at == schema->count || schema->fields[at].kind == MLS_KIND_TEXT)
        return true;
    field = &schema->fields[at];
    job->target_at = at;
    job->target = mls_new_array(rows, sizeof(*job->target), err);
    if (job->target == NULL)
        return false;
    mls_table_reals(job->table, at, 0, rows, job->target);
    if (field->dictionary != NULL) {
        job->target_codes = field->dictionary->count;
        return true;
    }
    codes = mls_new_array(rows, sizeof(*codes), err);
    ok = codes != NULL
        && mls_bin_equal_frequency(job->target, NULL, rows, INFORMATION_BINS,
                                   codes, &job->target_codes, err);
    for (int64_t i = 0; ok && i < rows; i++)
        job->target[i] = isnan(job->target[i]) ? NAN : codes[i];
    mls_free(codes);
    return ok;
}

static void init_column(struct mls_profile_column *c,
                        const struct mls_field *field, int64_t rows)
{
    c->field = field;
    c->rows = rows;
    c->low = c->high = c->mean = c->sd = c->skewness = NAN;
    c->target_information = NAN;
    for (int i = 0; i < MLS_PROFILE_QUANTILES; i++)
        c->quantile[i] = NAN;
}

/* Rows that are each taken with probability wanted / rows. */
static bool draw_sample(struct job *job, int64_t wanted, uint64_t seed,
                        struct mls_error *err)
{
    int64_t rows = job->table->rows, capacity = 0, count = 0, row = -1;
    double stays = log1p(-(double)wanted / (double)rows);

    for (uint64_t draw = 0;; draw++) {
        uint64_t bits = mls_random(seed, MLS_RANDOM_SAMPLE, draw);
        double gap = log1p(-mls_random_unit(bits)) / stays;

        if (!(gap < (double)(rows - row - 1)))
            break;
        row += 1 + (int64_t)gap;
        if (!mls_grow(&job->sample, count, &capacity, sizeof(*job->sample),
                      err))
            return false;
        job->sample[count++] = row;
    }
    job->sample_rows = count;
    job->profile->sample_rows = count;
    return true;
}

static bool choose_rows(struct job *job,
                        const struct mls_profile_options *options,
                        struct mls_error *err)
{
    int64_t most = options != NULL && options->exact_rows > 0
        ? options->exact_rows : MLS_PROFILE_EXACT_ROWS;

    if (most > MLS_DISTINCT_ROWS / 2)
        most = MLS_DISTINCT_ROWS / 2;
    job->sample_rows = job->table->rows;
    return job->table->rows <= most
        || draw_sample(job, most, options != NULL ? options->seed : 0, err);
}

static bool count_duplicates(const struct job *job, struct mls_error *err)
{
    const struct mls_distinct what = {
        .table = job->table, .count = job->profile->count,
        .rows = job->sample, .row_count = job->sample_rows
    };
    int64_t distinct = 0;
    bool ok = mls_distinct_count(&what, job->run, &distinct, err);

    job->profile->duplicate_rows = job->sample_rows - distinct;
    return ok;
}

bool mls_profile(const struct mls_table *table,
                 const struct mls_profile_options *options,
                 const struct mls_run *run, struct mls_profile *profile,
                 struct mls_error *err)
{
    int64_t begun = 0;
    struct job job = { .table = table, .run = run, .profile = profile,
                       .target_at = -1, .begun = &begun };
    bool ok;

    *profile = (struct mls_profile){ 0 };
    profile->columns =
        mls_new(table->schema.count, sizeof(*profile->columns), err);
    if (profile->columns == NULL)
        return false;
    profile->count = table->schema.count;
    profile->rows = table->rows;
    for (int64_t i = 0; i < profile->count; i++)
        init_column(&profile->columns[i], &table->schema.fields[i],
                    table->rows);
    ok = choose_rows(&job, options, err) && make_target(&job, err)
        && mls_parallel(run, profile->count, profile_column, &job, err)
        && count_duplicates(&job, err);
    mls_free(job.target);
    mls_free(job.sample);
    if (!ok)
        mls_profile_clear(profile);
    return ok;
}

void mls_profile_clear(struct mls_profile *profile)
{
    if (profile == NULL)
        return;
    mls_free(profile->columns);
    *profile = (struct mls_profile){ 0 };
}
