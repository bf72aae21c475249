/*
 * Named arrays, in a list that is searched from its start: a model has tens of
 * them.  A change that can fail makes all of its new memory first, so that a
 * failure leaves both sides as they were.
 */
#include "base/arrays.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"
#include "mlspec/params.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [MLS_F64] = { "F64", 8 }, [MLS_I64] = { "I64", 8 },
    [MLS_U64] = { "U64", 8 }, [MLS_F32] = { "F32", 4 },
    [MLS_I32] = { "I32", 4 }, [MLS_U32] = { "U32", 4 },
    [MLS_U16] = { "U16", 2 }, [MLS_U8] = { "U8", 1 },
};

size_t mls_dtype_size(enum mls_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *mls_dtype_name(enum mls_dtype dtype)
{
    return dtypes[dtype].name;
}

/* ---- Adding ------------------------------------------------------------ */

static bool is_new(const struct mls_arrays *arrays, const char *name,
                   struct mls_error *err)
{
    if (mls_arrays_find(arrays, name)) {
        return mls_fail(err, MLS_MODEL_FILE, "the array \"%s\" is there twice",
                        mls_show_text(name).text);
    }
    return true;
}

/* The product of shape; false when no memory can hold so much. */
static bool count_cells(int dimensions, const int64_t *shape, size_t size,
                        int64_t *count, struct mls_error *err)
{
    int64_t product = 1, bytes;
    int i;

    for (i = 0; i < dimensions; i++) {
        if (shape[i] == 0) {
            *count = 0;
            return true;
        }
    }
    for (i = 0; i < dimensions; i++) {
        if (__builtin_mul_overflow(product, shape[i], &product)) {
            return mls_fail_memory(err, SIZE_MAX, size, "an array");
        }
    }
    *count = product;
    return !__builtin_mul_overflow(product, (int64_t)size, &bytes)
        || mls_fail_memory(err, (size_t)product, size, "an array");
}

void *mls_arrays_add(struct mls_arrays *arrays, const char *name,
                     enum mls_dtype dtype, int dimensions,
                     const int64_t *shape, struct mls_error *err)
{
    struct mls_array array = { .dtype = dtype, .dimensions = dimensions };
    size_t size = mls_dtype_size(dtype);
    int i;

    assert(dimensions >= 0 && dimensions <= MLS_ARRAY_DIMENSIONS);
    for (i = 0; i < dimensions; i++) {
        assert(shape[i] >= 0);
        array.shape[i] = shape[i];
    }
    if (!is_new(arrays, name, err)
        || !count_cells(dimensions, shape, size, &array.count, err)
        || !mls_grow(&arrays->items, arrays->count, &arrays->capacity,
                     sizeof(*arrays->items), err)) {
        return NULL;
    }
    array.name = mls_copy_text(name, err);
    array.data = array.name ? mls_new_array(array.count, size, err) : NULL;
    if (!array.data) {
        mls_free(array.name);
        return NULL;
    }
    memset(array.data, 0, (size_t)array.count * size);
    arrays->items[arrays->count++] = array;
    return array.data;
}

void *mls_arrays_add1(struct mls_arrays *arrays, const char *name,
                      enum mls_dtype dtype, int64_t count,
                      struct mls_error *err)
{
    return mls_arrays_add(arrays, name, dtype, 1, &count, err);
}

static void clear_array(struct mls_array *array)
{
    mls_free(array->name);
    mls_free(array->data);
    memset(array, 0, sizeof(*array));
}

/* Takes the last ones back, down to count. */
static void cut_back(struct mls_arrays *arrays, int64_t count)
{
    while (arrays->count > count) {
        clear_array(&arrays->items[--arrays->count]);
    }
}

static char *join(const char *a, const char *b, struct mls_error *err)
{
    struct mls_text text = { 0 };

    mls_text_add(&text, a);
    mls_text_add(&text, b);
    if (!mls_text_ok(&text, err)) {
        mls_text_clear(&text);
        return NULL;
    }
    return text.bytes ? text.bytes : mls_copy_text("", err);
}

bool mls_arrays_add_texts(struct mls_arrays *arrays, const char *name,
                          const char *const *texts, int64_t count,
                          struct mls_error *err)
{
    char *bytes_name = join(name, ".bytes", err);
    char *offsets_name = bytes_name ? join(name, ".offsets", err) : NULL;
    int64_t before = arrays->count, total = 0, i;
    int64_t *offsets = NULL;
    char *bytes = NULL;

    for (i = 0; i < count; i++) {
        total += (int64_t)strlen(texts[i]);
    }
    if (offsets_name) {
        bytes = mls_arrays_add1(arrays, bytes_name, MLS_U8, total, err);
    }
    if (bytes) {
        offsets = mls_arrays_add1(arrays, offsets_name, MLS_I64, count + 1,
                                  err);
    }
    for (i = 0; offsets && i < count; i++) {
        size_t n = strlen(texts[i]);

        memcpy(bytes + offsets[i], texts[i], n);
        offsets[i + 1] = offsets[i] + (int64_t)n;
    }
    if (!offsets) {
        cut_back(arrays, before);
    }
    mls_free(bytes_name);
    mls_free(offsets_name);
    return offsets != NULL;
}

/* ---- Finding ----------------------------------------------------------- */

const struct mls_array *mls_arrays_find(const struct mls_arrays *arrays,
                                        const char *name)
{
    int64_t i;

    for (i = 0; i < arrays->count; i++) {
        if (strcmp(arrays->items[i].name, name) == 0) {
            return &arrays->items[i];
        }
    }
    return NULL;
}

const void *mls_arrays_get(const struct mls_arrays *arrays, const char *name,
                           enum mls_dtype dtype, int64_t count,
                           struct mls_error *err)
{
    const struct mls_array *array = mls_arrays_find(arrays, name);

    if (!array) {
        mls_fail(err, MLS_MODEL_FILE, "the array \"%s\" is missing",
                 mls_show_text(name).text);
        return NULL;
    }
    if (array->dtype != dtype) {
        mls_fail(err, MLS_MODEL_FILE, "the array \"%s\" is of type %s, not %s",
                 mls_show_text(name).text, mls_dtype_name(array->dtype),
                 mls_dtype_name(dtype));
        return NULL;
    }
    if (count >= 0 && array->count != count) {
        mls_fail(err, MLS_MODEL_FILE,
                 "the array \"%s\" holds %lld values, not %lld",
                 mls_show_text(name).text, (long long)array->count,
                 (long long)count);
        return NULL;
    }
    return array->data;
}

/* One string from its bytes; a C string cannot hold a zero byte. */
static bool get_text(struct mls_list *list, const char *bytes, int64_t length,
                     const char *name, struct mls_error *err)
{
    char *copy;
    bool ok;

    if (memchr(bytes, '\0', (size_t)length)) {
        return mls_fail(err, MLS_MODEL_FILE,
                        "a text of \"%s\" holds a zero byte",
                        mls_show_text(name).text);
    }
    copy = mls_copy_bytes(bytes, (size_t)length, err);
    ok = copy && mls_list_add(list, copy, err);
    mls_free(copy);
    return ok;
}

static bool get_texts(const struct mls_arrays *arrays, const char *name,
                      const char *bytes_name, const char *offsets_name,
                      struct mls_list *list, struct mls_error *err)
{
    const char *bytes = mls_arrays_get(arrays, bytes_name, MLS_U8, -1, err);
    const int64_t *offsets =
        bytes ? mls_arrays_get(arrays, offsets_name, MLS_I64, -1, err) : NULL;
    int64_t total, count, i;

    if (!offsets) {
        return false;
    }
    total = mls_arrays_find(arrays, bytes_name)->count;
    count = mls_arrays_find(arrays, offsets_name)->count - 1;
    if (count < 0 || offsets[0] != 0 || offsets[count] != total) {
        return mls_fail(err, MLS_MODEL_FILE,
                        "the offsets of \"%s\" do not fit its bytes",
                        mls_show_text(name).text);
    }
    for (i = 0; i < count; i++) {
        if (offsets[i] > offsets[i + 1] || offsets[i + 1] > total) {
            return mls_fail(err, MLS_MODEL_FILE,
                            "the offsets of \"%s\" do not ascend",
                            mls_show_text(name).text);
        }
        if (!get_text(list, bytes + offsets[i], offsets[i + 1] - offsets[i],
                      name, err)) {
            return false;
        }
    }
    return true;
}

bool mls_arrays_get_texts(const struct mls_arrays *arrays, const char *name,
                          struct mls_list *list, struct mls_error *err)
{
    struct mls_list found = { 0 };
    char *bytes_name = join(name, ".bytes", err);
    char *offsets_name = bytes_name ? join(name, ".offsets", err) : NULL;
    bool ok = offsets_name
        && get_texts(arrays, name, bytes_name, offsets_name, &found, err);

    mls_free(bytes_name);
    mls_free(offsets_name);
    if (ok) {
        *list = found;
    } else {
        mls_list_clear(&found);
    }
    return ok;
}

/* ---- Moving ------------------------------------------------------------ */

/* Makes room for more arrays. */
static bool reserve(struct mls_arrays *arrays, int64_t more,
                    struct mls_error *err)
{
    int64_t wanted = arrays->count + more;

    if (wanted <= arrays->capacity) {
        return true;
    }
    if (!mls_resize(&arrays->items, wanted, sizeof(*arrays->items), err)) {
        return false;
    }
    arrays->capacity = wanted;
    return true;
}

bool mls_arrays_move(struct mls_arrays *to, const char *prefix,
                     struct mls_arrays *from, struct mls_error *err)
{
    char **names = mls_new(from->count, sizeof(*names), err);
    bool ok = names && reserve(to, from->count, err);
    int64_t i;

    for (i = 0; ok && i < from->count; i++) {
        names[i] = join(prefix, from->items[i].name, err);
        ok = names[i] && is_new(to, names[i], err);
    }
    for (i = 0; names && i < from->count; i++) {
        if (ok) {
            mls_free(from->items[i].name);
            from->items[i].name = names[i];
            to->items[to->count++] = from->items[i];
        } else {
            mls_free(names[i]);
        }
    }
    mls_free(names);
    if (ok) {
        from->count = 0;
        mls_arrays_clear(from);
    }
    return ok;
}

static bool has_prefix(const struct mls_array *array, const char *prefix)
{
    return strncmp(array->name, prefix, strlen(prefix)) == 0;
}

bool mls_arrays_take(struct mls_arrays *to, const char *prefix,
                     struct mls_arrays *from, struct mls_error *err)
{
    size_t cut = strlen(prefix);
    int64_t taken = 0, kept = 0, i;

    for (i = 0; i < from->count; i++) {
        if (has_prefix(&from->items[i], prefix)) {
            taken++;
            if (!is_new(to, from->items[i].name + cut, err)) {
                return false;
            }
        }
    }
    if (!reserve(to, taken, err)) {
        return false;
    }
    for (i = 0; i < from->count; i++) {
        struct mls_array *array = &from->items[i];

        if (has_prefix(array, prefix)) {
            memmove(array->name, array->name + cut,
                    strlen(array->name + cut) + 1);
            to->items[to->count++] = *array;
        } else {
            from->items[kept++] = *array;
        }
    }
    from->count = kept;
    return true;
}

bool mls_arrays_copy(struct mls_arrays *to, const char *prefix,
                     const struct mls_arrays *from, struct mls_error *err)
{
    int64_t before = to->count, n = from->count, i;
    bool ok = true;

    for (i = 0; ok && i < n; i++) {
        const struct mls_array *array = &from->items[i];
        char *name = join(prefix, array->name, err);
        void *data = NULL;

        if (name) {
            data = mls_arrays_add(to, name, array->dtype, array->dimensions,
                                  array->shape, err);
        }
        ok = data != NULL;
        if (ok) {
            memcpy(data, array->data,
                   (size_t)array->count * mls_dtype_size(array->dtype));
        }
        mls_free(name);
    }
    if (!ok) {
        cut_back(to, before);
    }
    return ok;
}

void mls_arrays_clear(struct mls_arrays *arrays)
{
    if (arrays) {
        cut_back(arrays, 0);
        mls_free(arrays->items);
        memset(arrays, 0, sizeof(*arrays));
    }
}
