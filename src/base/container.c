/*
 * The model file's container:
 *
 *     0        8                                  8 + n, a multiple of 64
 *     | n, u64 | header: JSON, padded with spaces | array | array | ... |
 *
 *     {"__metadata__":{"checksum":"32 digits","mlspec":"JSON as a string"},
 *      "NAME":{"dtype":"F64","shape":[3,2],"data_offsets":[0,48]},...}
 *
 * Arrays follow each other without gaps, widest element first and then by name,
 * so that each lies at a multiple of its element's size and equal contents give
 * equal bytes.  Offsets count from the end of the header.
 *
 * The digits of the checksum lie at a fixed place, because the header begins
 * with them; they count as '0' in the sum.  A file from another program has no
 * such beginning and is told so.  The sum finds damage; a file made to deceive
 * carries a right one, so what follows it is checked as if there were none.
 */
#include "base/container.h"

#include <assert.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#define ALIGNMENT 64
#define DIGITS 32
#define METADATA "__metadata__"
#define BEGINNING "{\"" METADATA "\":{\"checksum\":\""
#define DIGITS_AT (8 + sizeof(BEGINNING) - 1)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "arrays are stored as they lie in memory");

static const char zeros[DIGITS + 1] = "00000000000000000000000000000000";

/* ---- The checksum ------------------------------------------------------ */

static XXH3_state_t *new_sum(struct mls_error *err)
{
    XXH3_state_t *sum = XXH3_createState();

    if (!sum) {
        mls_fail_memory(err, 1, 1024, "a checksum");
        return NULL;
    }
    XXH3_128bits_reset(sum);
    return sum;
}

/* Frees sum; the digits are those of its canonical (big-endian) form. */
static void end_sum(XXH3_state_t *sum, char digits[DIGITS])
{
    static const char hex[] = "0123456789abcdef";
    XXH128_canonical_t form;
    int i;

    XXH128_canonicalFromHash(&form, XXH3_128bits_digest(sum));
    for (i = 0; i < DIGITS / 2; i++) {
        digits[2 * i] = hex[form.digest[i] >> 4];
        digits[2 * i + 1] = hex[form.digest[i] & 15];
    }
    XXH3_freeState(sum);
}

/* ---- Packing ----------------------------------------------------------- */

static size_t array_bytes(const struct mls_array *array)
{
    return (size_t)array->count * mls_dtype_size(array->dtype);
}

static int compare_arrays(const void *a_, const void *b_)
{
    const struct mls_array *a = *(const struct mls_array *const *)a_;
    const struct mls_array *b = *(const struct mls_array *const *)b_;
    size_t a_size = mls_dtype_size(a->dtype), b_size = mls_dtype_size(b->dtype);

    if (a_size != b_size) {
        return a_size > b_size ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* A new list of the arrays in the order of the file. */
static const struct mls_array **in_order(const struct mls_arrays *arrays,
                                         struct mls_error *err)
{
    const struct mls_array **order =
        mls_new(arrays->count, sizeof(*order), err);
    int64_t i;

    if (!order) {
        return NULL;
    }
    for (i = 0; i < arrays->count; i++) {
        assert(strcmp(arrays->items[i].name, METADATA) != 0);
        order[i] = &arrays->items[i];
    }
    qsort(order, (size_t)arrays->count, sizeof(*order), compare_arrays);
    return order;
}

static bool describe(struct mls_json *header, const struct mls_array *array,
                     int64_t *offset, struct mls_error *err)
{
    struct mls_json *entry = mls_json_add_object(header, array->name, err);
    struct mls_json *shape, *offsets;
    int64_t end = *offset + (int64_t)array_bytes(array);
    int i;

    if (!entry
        || !mls_json_add_text(entry, "dtype", mls_dtype_name(array->dtype),
                              err)) {
        return false;
    }
    shape = mls_json_add_array(entry, "shape", err);
    for (i = 0; shape && i < array->dimensions; i++) {
        if (!mls_json_add_integer(shape, NULL, array->shape[i], err)) {
            return false;
        }
    }
    offsets = shape ? mls_json_add_array(entry, "data_offsets", err) : NULL;
    if (!offsets || !mls_json_add_integer(offsets, NULL, *offset, err)
        || !mls_json_add_integer(offsets, NULL, end, err)) {
        return false;
    }
    *offset = end;
    return true;
}

static bool describe_all(struct mls_json *header, const char *metadata,
                         const struct mls_array *const *order, int64_t count,
                         struct mls_error *err)
{
    struct mls_json *own = mls_json_add_object(header, METADATA, err);
    int64_t offset = 0, i;
    bool ok = own && mls_json_add_text(own, "checksum", zeros, err)
        && mls_json_add_text(own, "mlspec", metadata, err);

    for (i = 0; ok && i < count; i++) {
        ok = describe(header, order[i], &offset, err);
    }
    return ok;
}

/* The 8 bytes and the header, checksum still zeros, into text. */
static bool add_header(const struct mls_json *header, struct mls_text *text,
                       struct mls_error *err)
{
    char length_bytes[8] = { 0 };
    uint64_t length;
    int i;

    mls_text_add_bytes(text, length_bytes, 8);
    if (!mls_json_print(header, false, text, err)) {
        return false;
    }
    while (text->length % ALIGNMENT != 0 && !text->failed) {
        mls_text_add(text, " ");
    }
    if (!mls_text_ok(text, err)) {
        return false;
    }
    /* Such a file could be written, but no JSON reader would take it. */
    if (!mls_utf8_valid(text->bytes + 8, text->length - 8, NULL)) {
        mls_fail(err, MLS_DATA, "a name or text that belongs into the model "
                 "file is not UTF-8");
        return mls_fail_fix(err, "convert the data first: iconv -f latin1 "
                            "-t utf-8");
    }
    length = text->length - 8;
    if (length > MLS_HEADER_LIMIT) {
        return mls_fail(err, MLS_LIMIT,
                        "the header of the model file would pass %d MB",
                        MLS_HEADER_LIMIT / 1000000);
    }
    for (i = 0; i < 8; i++) {
        text->bytes[i] = (char)(length >> (8 * i));
    }
    return true;
}

static bool fill_sum(struct mls_text *head,
                     const struct mls_array *const *order, int64_t count,
                     struct mls_error *err)
{
    XXH3_state_t *sum = new_sum(err);
    int64_t i;

    if (!sum) {
        return false;
    }
    XXH3_128bits_update(sum, head->bytes, head->length);
    for (i = 0; i < count; i++) {
        XXH3_128bits_update(sum, order[i]->data, array_bytes(order[i]));
    }
    end_sum(sum, head->bytes + DIGITS_AT);
    return true;
}

/* Everything before the arrays, complete, in head, which is empty. */
static bool make_head(const char *metadata,
                      const struct mls_array *const *order, int64_t count,
                      struct mls_text *head, struct mls_error *err)
{
    struct mls_json *header = mls_json_new_object(err);
    bool ok = header && describe_all(header, metadata, order, count, err)
        && add_header(header, head, err) && fill_sum(head, order, count, err);

    mls_json_free(header);
    return ok;
}

bool mls_container_pack(const char *metadata, const struct mls_arrays *arrays,
                        struct mls_text *text, struct mls_error *err)
{
    const struct mls_array **order = in_order(arrays, err);
    struct mls_text head = { 0 };
    bool ok = order && make_head(metadata, order, arrays->count, &head, err);
    int64_t i;

    if (ok) {
        mls_text_add_bytes(text, head.bytes, head.length);
        for (i = 0; i < arrays->count; i++) {
            mls_text_add_bytes(text, order[i]->data, array_bytes(order[i]));
        }
        ok = mls_text_ok(text, err);
    }
    mls_text_clear(&head);
    mls_free(order);
    return ok;
}

/* As pack, without the whole file in memory. */
bool mls_container_write(const char *path, const char *metadata,
                         const struct mls_arrays *arrays,
                         struct mls_error *err)
{
    const struct mls_array **order = in_order(arrays, err);
    struct mls_text head = { 0 };
    struct mls_output *out = NULL;
    bool ok = order && make_head(metadata, order, arrays->count, &head, err)
        && (out = mls_output_open(path, err)) != NULL
        && mls_output_write(out, head.bytes, head.length, err);
    int64_t i;

    for (i = 0; ok && i < arrays->count; i++) {
        ok = mls_output_write(out, order[i]->data, array_bytes(order[i]), err);
    }
    if (ok) {
        ok = mls_output_commit(out, err);
    } else {
        mls_output_abort(out);
    }
    mls_text_clear(&head);
    mls_free(order);
    return ok;
}

/* ---- Unpacking --------------------------------------------------------- */

struct file {
    const char *name;
    const char *bytes;
    size_t length, data_at;     /* data_at: where the header ends */
    struct mls_error *err;
};

/* The place is added once, in mls_container_unpack. */
static bool damaged(const struct file *f, const char *what)
{
    mls_fail(f->err, MLS_MODEL_FILE, "the model file is damaged: %s", what);
    return mls_fail_fix(f->err, "copy it again, or train the model again");
}

static bool foreign(const struct file *f)
{
    mls_fail(f->err, MLS_MODEL_FILE, "this is not a model file of mlspec");
    return mls_fail_fix(f->err, "give a file that mlspec has written, such as "
                        "by: mlspec train -o FILE");
}

/* The length of the header and how the header begins. */
static bool check_beginning(struct file *f)
{
    uint64_t length = 0;
    int i;

    if (f->length < 8) {
        return foreign(f);
    }
    for (i = 7; i >= 0; i--) {
        length = length << 8 | (unsigned char)f->bytes[i];
    }
    if (f->length < DIGITS_AT
        || memcmp(f->bytes + 8, BEGINNING, sizeof(BEGINNING) - 1) != 0) {
        return foreign(f);
    }
    if (length > MLS_HEADER_LIMIT || length > f->length - 8) {
        return damaged(f, "it ends too early");
    }
    if (length < DIGITS_AT + DIGITS || (length + 8) % ALIGNMENT != 0) {
        return damaged(f, "the length of its header cannot be");
    }
    f->data_at = (size_t)length + 8;
    return true;
}

static bool check_sum(const struct file *f)
{
    const size_t after = DIGITS_AT + DIGITS;
    char digits[DIGITS];
    XXH3_state_t *sum = new_sum(f->err);

    if (!sum) {
        return false;
    }
    XXH3_128bits_update(sum, f->bytes, DIGITS_AT);
    XXH3_128bits_update(sum, zeros, DIGITS);
    XXH3_128bits_update(sum, f->bytes + after, f->length - after);
    end_sum(sum, digits);
    return memcmp(digits, f->bytes + DIGITS_AT, DIGITS) == 0
        || damaged(f, "its checksum is another");
}

static bool read_metadata(const struct file *f, const struct mls_json *entry,
                          char **metadata)
{
    const struct mls_json *member = mls_json_first(entry);
    const char *text = mls_json_text(mls_json_get(entry, "mlspec"), NULL);

    for (; member; member = mls_json_next(member)) {
        if (!mls_json_text(member, NULL)) {
            return damaged(f, "its metadata holds more than texts");
        }
    }
    if (!text) {
        return damaged(f, "it has no description");
    }
    *metadata = mls_copy_text(text, f->err);
    return *metadata != NULL;
}

/* A number, not a string of digits, from 0. */
static bool read_count(const struct mls_json *json, int64_t *value)
{
    return mls_json_kind_of(json) == MLS_JSON_NUMBER
        && mls_json_integer(json, value) && *value >= 0;
}

static bool read_dtype(const struct mls_json *json, enum mls_dtype *dtype)
{
    const char *name = mls_json_text(json, "");
    int i;

    for (i = MLS_F64; i <= MLS_U8; i++) {
        if (strcmp(name, mls_dtype_name((enum mls_dtype)i)) == 0) {
            *dtype = (enum mls_dtype)i;
            return true;
        }
    }
    return false;
}

static bool read_shape(const struct mls_json *json, struct mls_array *array)
{
    const struct mls_json *side = mls_json_first(json);

    if (mls_json_kind_of(json) != MLS_JSON_ARRAY
        || mls_json_count(json) > MLS_ARRAY_DIMENSIONS) {
        return false;
    }
    for (; side; side = mls_json_next(side)) {
        if (!read_count(side, &array->shape[array->dimensions++])) {
            return false;
        }
    }
    return true;
}

/* The bytes that the shape asks for; false when that is past any file. */
static bool shape_bytes(const struct mls_array *array, int64_t *bytes)
{
    bool empty = false, fits = true;
    int i;

    *bytes = (int64_t)mls_dtype_size(array->dtype);
    for (i = 0; i < array->dimensions; i++) {
        empty = empty || array->shape[i] == 0;
        fits = fits && !__builtin_mul_overflow(*bytes, array->shape[i], bytes);
    }
    *bytes = empty ? 0 : *bytes;
    return empty || fits;
}

/* One array: what the header says of it, then its bytes, which begin at
 * *offset.  last is the array before it, or NULL. */
static bool read_array(const struct file *f, const struct mls_json *entry,
                       const struct mls_array *last, int64_t *offset,
                       struct mls_arrays *arrays)
{
    const struct mls_json *offsets = mls_json_get(entry, "data_offsets");
    const struct mls_json *first = mls_json_first(offsets);
    const char *name = mls_json_key(entry);
    struct mls_array array = { 0 };
    size_t data_bytes = f->length - f->data_at;
    int64_t from, to, bytes;
    void *data;

    if (mls_json_count(entry) != 3
        || !read_dtype(mls_json_get(entry, "dtype"), &array.dtype)
        || !read_shape(mls_json_get(entry, "shape"), &array)
        || mls_json_kind_of(offsets) != MLS_JSON_ARRAY
        || mls_json_count(offsets) != 2 || !read_count(first, &from)
        || !read_count(mls_json_next(first), &to)) {
        return damaged(f, "an array is not described well");
    }
    if (!shape_bytes(&array, &bytes) || from != *offset || to < from
        || to - from != bytes || (uint64_t)to > data_bytes) {
        return damaged(f, "an array does not lie where it should");
    }
    if (last) {
        size_t size = mls_dtype_size(array.dtype);
        size_t last_size = mls_dtype_size(last->dtype);

        if (size > last_size
            || (size == last_size && strcmp(last->name, name) >= 0)) {
            return damaged(f, "its arrays are out of order");
        }
    }
    data = mls_arrays_add(arrays, name, array.dtype, array.dimensions,
                          array.shape, f->err);
    if (!data) {
        return false;
    }
    memcpy(data, f->bytes + f->data_at + from, (size_t)bytes);
    *offset = to;
    return true;
}

static bool read_entries(const struct file *f, const struct mls_json *header,
                         char **metadata, struct mls_arrays *arrays)
{
    /* check_beginning has seen that the first member is the metadata. */
    const struct mls_json *entry = mls_json_first(header);
    int64_t offset = 0;

    if (!read_metadata(f, entry, metadata)) {
        return false;
    }
    while ((entry = mls_json_next(entry)) != NULL) {
        const struct mls_array *last =
            arrays->count > 0 ? &arrays->items[arrays->count - 1] : NULL;

        if (!read_array(f, entry, last, &offset, arrays)) {
            return false;
        }
    }
    return (uint64_t)offset == f->length - f->data_at
        || damaged(f, "bytes follow its last array");
}

bool mls_container_unpack(const char *name, const char *bytes, size_t length,
                          char **metadata, struct mls_arrays *arrays,
                          struct mls_error *err)
{
    struct file f = { .name = name, .bytes = bytes, .length = length,
                      .err = err };
    struct mls_json *header = NULL;
    char *text = NULL;
    bool ok = check_beginning(&f) && check_sum(&f);

    if (ok) {
        header = mls_json_parse(bytes + 8, f.data_at - 8, NULL,
                                MLS_MODEL_FILE, err);
    }
    ok = header && read_entries(&f, header, &text, arrays);
    mls_json_free(header);
    if (ok) {
        *metadata = text;
        return true;
    }
    mls_free(text);
    mls_arrays_clear(arrays);
    return mls_fail_at(err, name, 0, 0, NULL);
}

bool mls_container_read(const char *path, char **metadata,
                        struct mls_arrays *arrays, struct mls_error *err)
{
    size_t length = 0;
    char *bytes = mls_file_read(path, INT64_MAX / 4, &length, err);
    bool ok = bytes && mls_container_unpack(path, bytes, length, metadata,
                                            arrays, err);

    mls_free(bytes);
    return ok;
}
