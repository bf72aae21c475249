/*
 * What is in a table, exactly: no sampling, no sketches.
 *
 * Columns are independent tasks.  A numeric column is laid out as one array of
 * doubles; its moments, quantiles and histogram come from there, and how many
 * values differ from a sorted copy.  What the column says about the target is
 * the mutual information of both, cut into bins that hold equally many rows
 * where they are numbers, over the rows whose target is known.
 *
 * Repeated rows are found by a hash table of row numbers under 128-bit hashes
 * (XXH3) of typed cells; rows of equal hash are compared cell by cell, so a
 * collision cannot make a count wrong.  The hash of a row is taken over one
 * 64-bit key a cell:
 *
 *     real: its bits (-0 as 0, all NaN alike)   code, time: the number
 *     text: XXH3-64 of its bytes
 */
#include "mlspec/profile.h"

#include <assert.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/threads.h"
#include "stats/association.h"
#include "stats/summary.h"
#include "table/block.h"
#include "table/dictionary.h"

#define INFORMATION_BINS 10

static const double probabilities[MLS_PROFILE_QUANTILES] = { 0.05, 0.25, 0.5,
                                                             0.75, 0.95 };

/* ---- rows as numbers ---- */

static uint64_t real_key(double value)
{
    uint64_t bits;

    if (isnan(value))
        return UINT64_MAX; /* a NaN itself, and no other value's bits */
    if (value == 0)
        value = 0; /* -0 too */
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static const char *text_at(const struct mls_column *c, int64_t row,
                           size_t *length)
{
    *length = (size_t)(c->text.offset[row + 1] - c->text.offset[row]);
    return c->text.bytes + c->text.offset[row];
}

static double sparse_at(const struct mls_column *c, int64_t row)
{
    bool found;
    int64_t at = mls_column_sparse_find(c, row, &found);

    if (!found)
        return 0;
    return c->sparse.value != NULL ? c->sparse.value[at] : 1;
}

static uint64_t cell_key(const struct mls_column *c, int64_t row)
{
    size_t length;
    const char *text;

    switch (c->storage) {
    case MLS_STORE_REAL:
        return real_key(c->real[row]);
    case MLS_STORE_CODE:
        return c->code[row];
    case MLS_STORE_TIME:
        return (uint64_t)c->time[row];
    case MLS_STORE_SPARSE:
        return real_key(sparse_at(c, row));
    case MLS_STORE_TEXT:
        break;
    }
    text = text_at(c, row, &length);
    return mls_bytes_hash(text, length);
}

static bool cells_equal(const struct mls_column *a, int64_t a_row,
                        const struct mls_column *b, int64_t b_row)
{
    size_t a_length, b_length;
    const char *a_text, *b_text;

    if (cell_key(a, a_row) != cell_key(b, b_row))
        return false;
    if (a->storage != MLS_STORE_TEXT)
        return true; /* the key is the value */
    a_text = text_at(a, a_row, &a_length);
    b_text = text_at(b, b_row, &b_length);
    return a_length == b_length
        && (a_length == 0 || memcmp(a_text, b_text, a_length) == 0);
}

/* ---- counting rows that differ ---- */

/* Rows under hashes: open addressing, at most half full. */
struct row_set {
    const struct mls_table *table;
    int64_t first_column, column_count; /* the columns compared */
    XXH128_hash_t *hash;        /* of each row in the set */
    int64_t *row;
    int64_t count;
    int64_t *slots;             /* 0 empty, else member + 1 */
    int64_t slot_count;
};

static bool row_set_init(struct row_set *set, struct mls_error *err)
{
    int64_t rows = set->table->rows;

    set->slot_count = 16;
    while (set->slot_count < 2 * rows)
        set->slot_count *= 2;
    set->hash = mls_new(rows, sizeof(*set->hash), err);
    if (set->hash != NULL)
        set->row = mls_new(rows, sizeof(*set->row), err);
    if (set->row != NULL)
        set->slots = mls_new(set->slot_count, sizeof(*set->slots), err);
    return set->slots != NULL;
}

static void row_set_clear(struct row_set *set)
{
    mls_free(set->hash);
    mls_free(set->row);
    mls_free(set->slots);
}

static const struct mls_block *block_of(const struct mls_table *table,
                                        int64_t row)
{
    int64_t low = 0, high = table->block_count - 1;

    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;

        if (table->blocks[middle]->first_row <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return table->blocks[low];
}

static bool rows_equal(const struct row_set *set, int64_t a_row, int64_t b_row)
{
    const struct mls_block *a = block_of(set->table, a_row);
    const struct mls_block *b = block_of(set->table, b_row);

    for (int64_t i = 0; i < set->column_count; i++) {
        int64_t at = set->first_column + i;

        if (!cells_equal(a->columns[at], a_row - a->first_row, b->columns[at],
                         b_row - b->first_row))
            return false;
    }
    return true;
}

/* False when an equal row is in the set already. */
static bool row_set_add(struct row_set *set, XXH128_hash_t hash, int64_t row)
{
    uint64_t mask = (uint64_t)set->slot_count - 1;
    uint64_t at = hash.low64 & mask;

    for (; set->slots[at] != 0; at = (at + 1) & mask) {
        int64_t member = set->slots[at] - 1;

        if (XXH128_isEqual(set->hash[member], hash)
            && rows_equal(set, set->row[member], row))
            return false;
    }
    set->hash[set->count] = hash;
    set->row[set->count] = row;
    set->slots[at] = ++set->count;
    return true;
}

/* Rows of one block into the set. */
static void add_rows(struct row_set *set, const struct mls_block *block,
                     uint64_t *keys, const uint8_t *leave_out)
{
    for (int64_t row = 0; row < block->rows; row++) {
        if (leave_out != NULL && leave_out[block->first_row + row])
            continue;
        for (int64_t i = 0; i < set->column_count; i++)
            keys[i] = cell_key(block->columns[set->first_column + i], row);
        row_set_add(set,
                    XXH3_128bits(keys, (size_t)set->column_count
                                           * sizeof(*keys)),
                    block->first_row + row);
    }
}

/* How many different rows columns [first, first + count) hold; those marked in
 * leave_out (may be NULL) do not count. */
static bool count_distinct_rows(const struct mls_table *table, int64_t first,
                                int64_t count, const uint8_t *leave_out,
                                const struct mls_run *run, int64_t *distinct,
                                struct mls_error *err)
{
    struct row_set set = { .table = table,
                           .first_column = first,
                           .column_count = count };
    uint64_t *keys = mls_new(count, sizeof(*keys), err);
    bool ok = keys != NULL && row_set_init(&set, err);

    for (int64_t i = 0; ok && i < table->block_count; i++) {
        ok = run == NULL || mls_run_go_on(run, err);
        if (ok)
            add_rows(&set, table->blocks[i], keys, leave_out);
    }
    *distinct = set.count;
    row_set_clear(&set);
    mls_free(keys);
    return ok;
}

/* ---- one column ---- */

struct job {
    const struct mls_table *table;
    const struct mls_run *run;
    struct mls_profile *profile;
    /* The target: a code per row, NaN where it is missing; NULL none. */
    double *target;
    int64_t target_at, target_codes;
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

static int64_t count_sorted_distinct(double *x, int64_t n)
{
    int64_t distinct = 0;

    mls_sort_reals(x, n);
    for (int64_t i = 0; i < n && !isnan(x[i]); i++)
        distinct += i == 0 || x[i] != x[i - 1];
    return distinct;
}

/* Moments, quantiles, histogram and distinct values.  x is left sorted. */
static bool profile_numbers(const struct job *job, double *x,
                            struct mls_profile_column *c,
                            struct mls_error *err)
{
    int64_t n = job->table->rows;
    struct mls_moments m;

    if (!mls_moments(job->run, x, NULL, n, &m, err)
        || !mls_quantiles(x, NULL, n, probabilities, MLS_PROFILE_QUANTILES,
                          c->quantile, err))
        return false;
    c->missing = m.missing;
    c->distinct = count_sorted_distinct(x, n);
    if (m.count == 0)
        return true;
    c->low = m.low;
    c->high = m.high;
    c->mean = m.mean;
    if (m.count > 1)
        c->sd = sqrt(mls_moments_variance(&m, 1));
    if (c->distinct > 1)
        c->skewness = mls_moments_skewness(&m);
    for (int64_t i = 0; i < m.count; i++)
        c->bin[bin_of(x[i], m.low, m.high)]++;
    return true;
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

static bool profile_levels(const struct job *job, const double *codes,
                           struct mls_profile_column *c, struct mls_error *err)
{
    const struct mls_dictionary *d = c->field->dictionary;
    int64_t levels = d != NULL ? d->count : 0;
    int64_t *counts = mls_new(levels, sizeof(*counts), err);

    if (counts == NULL)
        return false;
    for (int64_t i = 0; i < job->table->rows; i++) {
        if (isnan(codes[i]))
            c->missing++;
        else
            counts[(int64_t)codes[i]]++;
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
    const struct mls_table *table = job->table;
    uint8_t *empty = mls_new(table->rows, 1, err);
    bool ok;

    if (empty == NULL)
        return false;
    for (int64_t b = 0; b < table->block_count; b++) {
        const struct mls_block *block = table->blocks[b];

        for (int64_t row = 0; row < block->rows; row++) {
            size_t length;

            text_at(block->columns[at], row, &length);
            empty[block->first_row + row] = length == 0;
            c->missing += length == 0;
        }
    }
    ok = count_distinct_rows(table, at, 1, empty, job->run, &c->distinct, err);
    mls_free(empty);
    return ok;
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
    bool coded, ok;
    double *x;

    if (c->field->kind == MLS_KIND_TEXT)
        return profile_text(job, at, c, err);
    x = mls_new_array(table->rows, sizeof(*x), err);
    if (x == NULL)
        return false;
    coded = (MLS_KIND_BIT(c->field->kind) & MLS_KINDS_CODED) != 0;
    mls_table_reals(table, at, 0, table->rows, x);
    ok = coded ? profile_levels(job, x, c, err)
               : profile_numbers(job, x, c, err);
    if (ok && has_information(job, at, c->field)) {
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

bool mls_profile(const struct mls_table *table, const struct mls_run *run,
                 struct mls_profile *profile, struct mls_error *err)
{
    struct job job = { .table = table, .run = run, .profile = profile,
                       .target_at = -1 };
    int64_t distinct = 0;
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
    ok = make_target(&job, err)
        && mls_parallel(run, profile->count, profile_column, &job, err)
        && count_distinct_rows(table, 0, profile->count, NULL, run, &distinct,
                               err);
    profile->duplicate_rows = table->rows - distinct;
    mls_free(job.target);
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
