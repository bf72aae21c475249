/*
 * Repeated rows, by a hash table in parts.
 *
 *   1. Blocks are hashed in parallel, column by column: each cell is a 64-bit
 *      key, which is mixed into the hash of its row.
 *
 *          real: its bits (-0 as 0, all NaN alike)   code, time: the number
 *          text: XXH3-64 of its bytes
 *
 *   2. The highest bits of the hash choose one of PARTS tables, which are
 *      filled in parallel, each from a look at all hashes.  A part is small
 *      enough to stay in a core's cache, which one table of all rows is not.
 *
 * Rows of equal hash are compared cell by cell, so a collision cannot make a
 * count wrong.  Which row of several equal ones is met first, and in which
 * table, changes no count: the result does not depend on threads or blocks.
 */
#include "table/distinct.h"

#include <assert.h>

#include "base/memory.h"
#include "base/threads.h"
#include "table/block.h"
#include "table/dictionary.h"

#define PARTS 16
#define PART_BITS 4
#define FEW_ROWS 20000          /* one part will do */
#define LEFT_OUT 0              /* the hash of a row that does not count */

struct job {
    const struct mls_distinct *what;
    uint64_t *hash;             /* of each of the rows */
    int part_bits;
    int64_t distinct[PARTS];
};

/* ---- cells ---- */

static uint64_t real_key(double value)
{
    uint64_t bits;

    if (isnan(value))
        return UINT64_MAX; /* a NaN itself, and no other value's bits */
    value += 0.0; /* -0 becomes 0 */
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

/* ---- rows ---- */

static int64_t row_at(const struct mls_distinct *what, int64_t i)
{
    return what->rows != NULL ? what->rows[i] : i;
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

static bool rows_equal(const struct mls_distinct *what, int64_t i, int64_t j)
{
    int64_t a_row = row_at(what, i), b_row = row_at(what, j);
    const struct mls_block *a = block_of(what->table, a_row);
    const struct mls_block *b = block_of(what->table, b_row);

    for (int64_t c = what->first; c < what->first + what->count; c++) {
        if (!cells_equal(a->columns[c], a_row - a->first_row, b->columns[c],
                         b_row - b->first_row))
            return false;
    }
    return true;
}

/* The first of the rows that is not before row. */
static int64_t first_from(const struct mls_distinct *what, int64_t row)
{
    int64_t low = 0, high = what->row_count;

    if (what->rows == NULL)
        return row;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (what->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Multiplying spreads a key upwards, the shift brings it back down. */
static uint64_t mix(uint64_t hash, uint64_t key)
{
    hash = (hash ^ key) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static void mix_column(const struct mls_distinct *what,
                       const struct mls_block *block, int64_t column,
                       int64_t first, int64_t end, uint64_t *hash)
{
    const struct mls_column *c = block->columns[column];

    if (c->storage == MLS_STORE_REAL && what->rows == NULL) {
        for (int64_t i = first; i < end; i++)
            hash[i] = mix(hash[i], real_key(c->real[i - block->first_row]));
        return;
    }
    for (int64_t i = first; i < end; i++)
        hash[i] = mix(hash[i],
                      cell_key(c, row_at(what, i) - block->first_row));
}

static void leave_out_empty(const struct job *job,
                            const struct mls_block *block, int64_t first,
                            int64_t end)
{
    const struct mls_column *c = block->columns[job->what->first];

    for (int64_t i = first; i < end; i++) {
        size_t length;

        text_at(c, row_at(job->what, i) - block->first_row, &length);
        if (length == 0)
            job->hash[i] = LEFT_OUT;
    }
}

static bool hash_block(void *context, int64_t b, struct mls_error *err)
{
    const struct job *job = context;
    const struct mls_distinct *what = job->what;
    const struct mls_block *block = what->table->blocks[b];
    int64_t first = first_from(what, block->first_row);
    int64_t end = first_from(what, block->first_row + block->rows);

    (void)err;
    for (int64_t i = first; i < end; i++)
        job->hash[i] = 1;
    for (int64_t c = what->first; c < what->first + what->count; c++)
        mix_column(what, block, c, first, end, job->hash);
    for (int64_t i = first; i < end; i++) {
        uint64_t hash = mix(job->hash[i], job->hash[i] >> 32);

        job->hash[i] = hash != LEFT_OUT ? hash : 1;
    }
    if (what->skip_empty)
        leave_out_empty(job, block, first, end);
    return true;
}

/* ---- one table ---- */

struct slot {
    uint32_t tag;               /* some bits of the hash */
    uint32_t row;               /* among the rows, plus 1; 0 empty */
};

static bool is_in_part(const struct job *job, int64_t i, int64_t part)
{
    uint64_t hash = job->hash[i];

    return hash != LEFT_OUT
        && (job->part_bits == 0
            || (int64_t)(hash >> (64 - job->part_bits)) == part);
}

/* False when an equal row is there already. */
static bool add_row(const struct job *job, struct slot *slots, uint64_t mask,
                    int64_t i)
{
    uint64_t hash = job->hash[i], at = hash & mask;
    uint32_t tag = (uint32_t)(hash >> 24);

    for (; slots[at].row != 0; at = (at + 1) & mask) {
        if (slots[at].tag == tag && job->hash[slots[at].row - 1] == hash
            && rows_equal(job->what, slots[at].row - 1, i))
            return false;
    }
    slots[at] = (struct slot){ tag, (uint32_t)(i + 1) };
    return true;
}

static bool count_part(void *context, int64_t part, struct mls_error *err)
{
    struct job *job = context;
    int64_t rows = 0, slot_count = 16;
    struct slot *slots;

    for (int64_t i = 0; i < job->what->row_count; i++)
        rows += is_in_part(job, i, part);
    while (slot_count < 2 * rows)
        slot_count *= 2;
    slots = mls_new(slot_count, sizeof(*slots), err);
    if (slots == NULL)
        return false;
    for (int64_t i = 0; i < job->what->row_count; i++) {
        if (is_in_part(job, i, part))
            job->distinct[part] +=
                add_row(job, slots, (uint64_t)slot_count - 1, i);
    }
    mls_free(slots);
    return true;
}

bool mls_distinct_count(const struct mls_distinct *what,
                        const struct mls_run *run, int64_t *distinct,
                        struct mls_error *err)
{
    struct job job = { .what = what };
    int64_t parts;
    bool ok;

    assert(what->row_count <= MLS_DISTINCT_ROWS);
    job.part_bits = what->row_count > FEW_ROWS ? PART_BITS : 0;
    parts = (int64_t)1 << job.part_bits;
    job.hash = mls_new_array(what->row_count, sizeof(*job.hash), err);
    ok = job.hash != NULL
        && mls_parallel(run, what->table->block_count, hash_block, &job, err)
        && mls_parallel(run, parts, count_part, &job, err);
    *distinct = 0;
    for (int64_t i = 0; i < parts; i++)
        *distinct += job.distinct[i];
    mls_free(job.hash);
    return ok;
}
