/*
 * A fingerprint of the typed values of a table, one hash a column: XXH3-128
 * over its kind, its dictionary and its cells in the order of the rows.  Cells
 * are hashed as one stream, so blocks do not show.
 */
#define XXH_STATIC_LINKING_ONLY /* the size of XXH3_state_t */
#include <xxhash.h>

#include <inttypes.h>

#include "base/threads.h"
#include "pipeline/pipeline.h"

static void hash_block(XXH3_state_t *state, const struct mls_column *column)
{
    size_t n = (size_t)column->rows;

    switch (column->storage) {
    case MLS_STORE_REAL:
        XXH3_128bits_update(state, column->real, n * sizeof *column->real);
        break;
    case MLS_STORE_CODE:
        XXH3_128bits_update(state, column->code, n * sizeof *column->code);
        break;
    case MLS_STORE_TIME:
        XXH3_128bits_update(state, column->time, n * sizeof *column->time);
        break;
    case MLS_STORE_TEXT:
        for (int64_t i = 0; i < column->rows; i++) {
            int64_t length = column->text.offset[i + 1]
                - column->text.offset[i];
            XXH3_128bits_update(state, &length, sizeof length);
            XXH3_128bits_update(state,
                                column->text.bytes + column->text.offset[i],
                                (size_t)length);
        }
        break;
    case MLS_STORE_SPARSE: /* raw tables have none */
        break;
    }
}

static void digits(const XXH3_state_t *state, char text[33])
{
    XXH128_hash_t hash = XXH3_128bits_digest(state);

    snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
}

static void hash_column(XXH3_state_t *state, const struct mls_table *table,
                        int64_t column, char text[33])
{
    const struct mls_field *field = &table->schema.fields[column];
    const struct mls_dictionary *d = field->dictionary;
    int32_t kind = (int32_t)field->kind;

    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, &kind, sizeof kind);
    if (d) {
        XXH3_128bits_update(state, d->offset,
                            (size_t)(d->count + 1) * sizeof *d->offset);
        XXH3_128bits_update(state, d->bytes, (size_t)d->offset[d->count]);
    }
    for (int64_t b = 0; b < table->block_count; b++)
        hash_block(state, table->blocks[b]->columns[column]);
    digits(state, text);
}

struct hashing {
    const struct mls_table *table;
    char (*text)[33];           /* of each column */
};

static bool hash_task(void *context, int64_t column, struct mls_error *err)
{
    const struct hashing *h = context;
    XXH3_state_t *state = mls_new_array(1, sizeof *state, err);

    if (!state)
        return false;
    hash_column(state, h->table, column, h->text[column]);
    mls_free(state);
    return true;
}

struct mls_json *mls_fingerprint(const struct mls_table *table,
                                 const struct mls_run *run,
                                 struct mls_error *err)
{
    int64_t n = table->schema.count;
    struct hashing h = { table, mls_new_array(n, sizeof *h.text, err) };
    struct mls_json *json = NULL;

    if (h.text && mls_parallel(run, n, hash_task, &h, err))
        json = mls_json_new_object(err);
    for (int64_t i = 0; json && i < n; i++) {
        if (!mls_json_add_new_text(json, table->schema.fields[i].name,
                                   h.text[i], err)) {
            mls_json_free(json);
            json = NULL;
        }
    }
    mls_free(h.text);
    return json;
}

bool mls_fingerprint_arrays(const struct mls_arrays *arrays, char text[33],
                            struct mls_error *err)
{
    XXH3_state_t *state = mls_new_array(1, sizeof *state, err);

    if (!state)
        return false;
    XXH3_128bits_reset(state);
    for (int64_t i = 0; i < arrays->count; i++) {
        const struct mls_array *a = &arrays->items[i];

        XXH3_128bits_update(state, a->name, strlen(a->name) + 1);
        XXH3_128bits_update(state, &a->count, sizeof a->count);
        XXH3_128bits_update(state, a->data,
                            (size_t)a->count * mls_dtype_size(a->dtype));
    }
    digits(state, text);
    mls_free(state);
    return true;
}
