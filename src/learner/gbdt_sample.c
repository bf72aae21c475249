/*
 * Keys of rows and features.
 *
 * A draw by row number would give another model for the same rows in another
 * order.  Small tables are drawn by content instead: a hash of the codes and
 * the target, and for equal rows how many of them came before (which is the
 * same set of numbers in any order).  Large tables would spend more on sorting
 * hashes than on a few trees; there the number of a row is its key.
 */
#include "learner/gbdt_sample.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/random.h"

struct keyed {
    uint64_t key;
    int64_t row;
};

static int by_key(const void *a_, const void *b_)
{
    const struct keyed *a = a_, *b = b_;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static uint64_t row_hash(const struct mls_binned *b, double y, int64_t row,
                         uint8_t *codes)
{
    for (int64_t j = 0; j < b->features; j++)
        memcpy(codes + j * b->width,
               b->by_column + j * b->column_stride + row * b->width,
               (size_t)b->width);
    memcpy(codes + b->features * b->width, &y, sizeof(y));
    return XXH64(codes, (size_t)(b->features * b->width) + sizeof(y), 0);
}

uint64_t *mls_row_keys(const struct mls_binned *binned,
                       const struct mls_target *target, struct mls_error *err)
{
    int64_t n = binned->rows;
    uint64_t *keys = mls_new_array(n, sizeof(*keys), err);
    struct keyed *rows = keys ? mls_new_array(n, sizeof(*rows), err) : NULL;
    uint8_t *codes = rows
        ? mls_new(binned->features * binned->width + 8, 1, err) : NULL;

    for (int64_t i = 0; codes && i < n; i++)
        rows[i] = (struct keyed){ row_hash(binned, target->y[i], i, codes), i };
    if (codes)
        qsort(rows, (size_t)n, sizeof(*rows), by_key);
    for (int64_t i = 0, same = 0; codes && i < n; i++) {
        same = i > 0 && rows[i].key == rows[i - 1].key ? same + 1 : 0;
        keys[rows[i].row] =
            mls_random(rows[i].key, MLS_RANDOM_LEARNER, (uint64_t)same);
    }
    mls_free(rows);
    if (!codes) {
        mls_free(keys);
        return NULL;
    }
    mls_free(codes);
    return keys;
}

bool mls_deal_rows(const struct mls_target *target, const uint64_t *keys,
                   uint64_t seed, int folds, uint8_t *fold,
                   struct mls_error *err)
{
    int64_t n = target->rows;
    int classes = target->classes > 0 ? target->classes : 1;
    struct keyed *rows = mls_new_array(n, sizeof(*rows), err);
    int64_t *dealt = rows ? mls_new(classes, sizeof(*dealt), err) : NULL;

    for (int64_t i = 0; dealt && i < n; i++) {
        uint64_t key = keys ? keys[i] : (uint64_t)i;

        rows[i] = (struct keyed){ mls_random(seed, MLS_RANDOM_FOLD, key), i };
    }
    if (dealt)
        qsort(rows, (size_t)n, sizeof(*rows), by_key);
    for (int64_t i = 0; dealt && i < n; i++) {
        int64_t row = rows[i].row;
        int64_t k = target->classes > 0 ? (int64_t)target->y[row] : 0;

        /* Classes begin at different folds, or the first would get more. */
        fold[row] = (uint8_t)((dealt[k]++ + k) % folds);
    }
    mls_free(rows);
    mls_free(dealt);
    return dealt != NULL;
}

uint64_t *mls_feature_keys(const struct mls_dataset *data, uint64_t seed,
                           struct mls_error *err)
{
    uint64_t *keys = mls_new(data->features, sizeof(*keys), err);

    for (int64_t j = 0; keys && j < data->features; j++)
        keys[j] = mls_random_key(seed, data->names[j]);
    return keys;
}
