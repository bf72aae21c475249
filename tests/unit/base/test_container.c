#include "test.h"

#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/container.h"
#include "base/memory.h"
#include "base/text.h"

#define BEGINNING "{\"__metadata__\":{\"checksum\":\""
#define DIGITS_AT (8 + sizeof(BEGINNING) - 1)
#define METADATA "{\"\xC3\xA9\":\"\\\"x\\\"\"}"

/* One array of each type, in no order, one empty and one of no dimension. */
static void fill(struct mls_arrays *arrays)
{
    static const int64_t matrix[2] = { 3, 2 }, empty[2] = { 0, 5 };
    struct mls_error err = { 0 };
    char *bytes = mls_arrays_add1(arrays, "b.bytes", MLS_U8, 3, &err);
    double *w = mls_arrays_add(arrays, "w", MLS_F64, 2, matrix, &err);
    int32_t *n = mls_arrays_add(arrays, "n", MLS_I32, 0, NULL, &err);
    int64_t *offsets = mls_arrays_add1(arrays, "b.offsets", MLS_I64, 2, &err);
    uint16_t *h = mls_arrays_add1(arrays, "h", MLS_U16, 2, &err);
    float *f = mls_arrays_add1(arrays, "f", MLS_F32, 1, &err);
    uint64_t *q = mls_arrays_add1(arrays, "q", MLS_U64, 1, &err);
    uint32_t *v = mls_arrays_add1(arrays, "v", MLS_U32, 1, &err);
    int i;

    assert_non_null(mls_arrays_add(arrays, "z", MLS_F64, 2, empty, &err));
    memcpy(bytes, "abc", 3);
    for (i = 0; i < 6; i++) {
        w[i] = i / 2.0;
    }
    *n = -7;
    offsets[1] = 3;
    h[0] = 65535;
    *f = 0.25f;
    *q = UINT64_MAX;
    *v = 4000000000u;
}

static void pack_filled(struct mls_text *text)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };

    fill(&arrays);
    assert_true(mls_container_pack(METADATA, &arrays, text, &err));
    mls_arrays_clear(&arrays);
}

static bool unpack(const char *bytes, size_t length, struct mls_error *err)
{
    struct mls_arrays arrays = { 0 };
    char *metadata = NULL;
    int64_t live = mls_memory_live();
    /* A block of just this size, so that a sanitizer sees one byte too far. */
    char *exact = malloc(length > 0 ? length : 1);
    bool ok;

    assert_non_null(exact);
    memcpy(exact, bytes, length);
    ok = mls_container_unpack("m.mlspec", exact, length, &metadata, &arrays,
                              err);
    free(exact);
    if (ok) {
        assert_non_null(metadata);
        mls_free(metadata);
        mls_arrays_clear(&arrays);
    } else {
        assert_null(metadata);
        assert_int_equal(arrays.count, 0);
        assert_int_equal(err->code, MLS_MODEL_FILE);
        assert_string_equal(err->file, "m.mlspec");
        assert_true(err->what[0] != '\0');
    }
    assert_int_equal(mls_memory_live(), live);
    return ok;
}

/* Makes the checksum right again, by the one-shot function. */
static void repair(char *bytes, size_t length)
{
    XXH128_canonical_t form;
    char digits[33];
    int i;

    if (length < DIGITS_AT + 32) {
        return;
    }
    memset(bytes + DIGITS_AT, '0', 32);
    XXH128_canonicalFromHash(&form, XXH3_128bits(bytes, length));
    for (i = 0; i < 16; i++) {
        snprintf(digits + 2 * i, 3, "%02x", form.digest[i]);
    }
    memcpy(bytes + DIGITS_AT, digits, 32);
}

static void assert_unpacked(const struct mls_arrays *arrays)
{
    struct mls_arrays expected = { 0 };
    int64_t i;
    int d;

    fill(&expected);
    assert_int_equal(arrays->count, expected.count);
    for (i = 0; i < expected.count; i++) {
        const struct mls_array *e = &expected.items[i];
        const struct mls_array *found = mls_arrays_find(arrays, e->name);

        assert_non_null(found);
        assert_int_equal(found->dtype, e->dtype);
        assert_int_equal(found->dimensions, e->dimensions);
        assert_int_equal(found->count, e->count);
        for (d = 0; d < e->dimensions; d++) {
            assert_int_equal(found->shape[d], e->shape[d]);
        }
        assert_int_equal((uintptr_t)found->data % 64, 0);
        assert_memory_equal(found->data, e->data,
                            (size_t)e->count * mls_dtype_size(e->dtype));
    }
    mls_arrays_clear(&expected);
}

static void what_was_packed_is_unpacked(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    struct mls_text text = { 0 };
    char *metadata = NULL;

    (void)state;
    pack_filled(&text);
    assert_true(mls_container_unpack("m", text.bytes, text.length, &metadata,
                                     &arrays, &err));
    assert_string_equal(metadata, METADATA);
    assert_unpacked(&arrays);
    mls_free(metadata);
    mls_arrays_clear(&arrays);
    mls_text_clear(&text);
}

/* The facts that Python's safetensors relies on; version 0.8.0 has opened this
 * very file, with these names, types, shapes and values. */
static void the_layout_is_what_safetensors_reads(void **state)
{
    static const char header[] =
        "{\"__metadata__\":{\"checksum\":\"984e1a0ae0a2abe33a1d1900f8c11d0d\","
        "\"mlspec\":\"{\\\"\xC3\xA9\\\":\\\"\\\\\\\"x\\\\\\\"\\\"}\"},"
        "\"b.offsets\":{\"dtype\":\"I64\",\"shape\":[2],"
        "\"data_offsets\":[0,16]},"
        "\"q\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[16,24]},"
        "\"w\":{\"dtype\":\"F64\",\"shape\":[3,2],\"data_offsets\":[24,72]},"
        "\"z\":{\"dtype\":\"F64\",\"shape\":[0,5],\"data_offsets\":[72,72]},"
        "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[72,76]},"
        "\"n\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[76,80]},"
        "\"v\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[80,84]},"
        "\"h\":{\"dtype\":\"U16\",\"shape\":[2],\"data_offsets\":[84,88]},"
        "\"b.bytes\":{\"dtype\":\"U8\",\"shape\":[3],"
        "\"data_offsets\":[88,91]}}";
    static const unsigned char numbers[] = {
        0xF9, 0xFF, 0xFF, 0xFF,     /* n */
        0x00, 0x28, 0x6B, 0xEE,     /* v */
        0xFF, 0xFF, 0x00, 0x00,     /* h */
    };
    struct mls_text text = { 0 };
    size_t i;

    (void)state;
    pack_filled(&text);
    assert_int_equal(text.length, 8 + 632 + 91);
    assert_memory_equal(text.bytes, "\x78\x02\0\0\0\0\0\0", 8); /* 632 */
    assert_int_equal((8 + 632) % 64, 0);
    assert_memory_equal(text.bytes + 8, header, sizeof(header) - 1);
    for (i = 8 + sizeof(header) - 1; i < 8 + 632; i++) {
        assert_int_equal(text.bytes[i], ' ');
    }
    assert_memory_equal(text.bytes + 640 + 76, numbers, sizeof(numbers));
    assert_memory_equal(text.bytes + 640 + 88, "abc", 3);
    mls_text_clear(&text);
}

static void the_order_of_adding_does_not_show(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    struct mls_text first = { 0 }, second = { 0 };
    int64_t i;

    (void)state;
    pack_filled(&first);
    fill(&arrays);
    for (i = 0; i < arrays.count / 2; i++) {
        struct mls_array kept = arrays.items[i];

        arrays.items[i] = arrays.items[arrays.count - 1 - i];
        arrays.items[arrays.count - 1 - i] = kept;
    }
    assert_true(mls_container_pack(METADATA, &arrays, &second, &err));
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    mls_arrays_clear(&arrays);
    mls_text_clear(&first);
    mls_text_clear(&second);
}

static void a_file_without_arrays_is_a_file(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    struct mls_text text = { 0 };

    (void)state;
    assert_true(mls_container_pack("{}", &arrays, &text, &err));
    assert_int_equal(text.length % 64, 0);
    assert_true(unpack(text.bytes, text.length, &err));
    mls_text_clear(&text);
}

static void every_cut_is_refused(void **state)
{
    struct mls_text text = { 0 };
    size_t n;

    (void)state;
    pack_filled(&text);
    for (n = 0; n < text.length; n++) {
        struct mls_error err = { 0 };

        assert_false(unpack(text.bytes, n, &err));
        /* Also when it was cut by someone who knows the checksum. */
        if (n > DIGITS_AT + 32) {
            char *cut = test_malloc(n);

            memcpy(cut, text.bytes, n);
            repair(cut, n);
            assert_false(unpack(cut, n, &err));
            test_free(cut);
        }
    }
    mls_text_clear(&text);
}

static void a_byte_too_many_is_refused(void **state)
{
    struct mls_error err = { 0 };
    struct mls_text text = { 0 };

    (void)state;
    pack_filled(&text);
    mls_text_add_bytes(&text, "", 1);
    assert_false(unpack(text.bytes, text.length, &err));
    repair(text.bytes, text.length);
    assert_false(unpack(text.bytes, text.length, &err));
    assert_non_null(strstr(err.what, "bytes follow its last array"));
    mls_text_clear(&text);
}

static void every_flipped_bit_is_refused(void **state)
{
    struct mls_text text = { 0 };
    size_t bit;

    (void)state;
    pack_filled(&text);
    for (bit = 0; bit < 8 * text.length; bit++) {
        struct mls_error err = { 0 };

        text.bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(unpack(text.bytes, text.length, &err));
        text.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    mls_text_clear(&text);
}

/* A flip in the data or in a name may then be a valid file: what matters is
 * that nothing is read where it should not be, and nothing stays allocated. */
static void flipped_bits_under_a_right_checksum_do_no_harm(void **state)
{
    struct mls_text text = { 0 };
    size_t bit, data_at = 8 + 632;
    int64_t taken = 0;

    (void)state;
    pack_filled(&text);
    for (bit = 0; bit < 8 * text.length; bit++) {
        struct mls_error err = { 0 };
        bool ok;

        text.bytes[bit / 8] ^= (char)(1 << bit % 8);
        repair(text.bytes, text.length);
        ok = unpack(text.bytes, text.length, &err);
        taken += ok;
        if (bit / 8 < DIGITS_AT) {
            assert_false(ok);
        }
        if (bit / 8 >= data_at) {
            assert_true(ok);
        }
        text.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(taken >= 8 * 91);
    mls_text_clear(&text);
}

/* ---- Files made to deceive --------------------------------------------- */

#define BEGIN BEGINNING "00000000000000000000000000000000\",\"mlspec\":\"{}\"}"

/* header after BEGIN, padded, then data zeros, and a right checksum. */
static void forge(const char *header, size_t data, struct mls_text *text)
{
    uint64_t length;
    int i;

    mls_text_add_bytes(text, "\0\0\0\0\0\0\0\0", 8);
    mls_text_add(text, header);
    while (text->length % 64 != 0) {
        mls_text_add(text, " ");
    }
    length = text->length - 8;
    for (i = 0; i < 8; i++) {
        text->bytes[i] = (char)(length >> (8 * i));
    }
    while (data-- > 0) {
        mls_text_add_bytes(text, "", 1);
    }
    repair(text->bytes, text->length);
}

static void assert_forged(const char *header, size_t data, const char *what)
{
    struct mls_error err = { 0 };
    struct mls_text text = { 0 };

    forge(header, data, &text);
    if (!what) {
        bool ok = unpack(text.bytes, text.length, &err);

        if (!ok) {
            print_error("%s: %s\n", header, err.what);
        }
        assert_true(ok);
    } else {
        assert_false(unpack(text.bytes, text.length, &err));
        if (!strstr(err.what, what)) {
            print_error("%s: %s\n", header, err.what);
        }
        assert_non_null(strstr(err.what, what));
    }
    mls_text_clear(&text);
}

static void forged_arrays_are_refused(void **state)
{
    static const char *const describe[] = {
        "{}",
        "[]",
        "1",
        "{\"dtype\":\"F64\",\"shape\":[1]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8],\"x\":1}",
        "{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}",
        "{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":1,\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":{\"a\":1},\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[\"1\"],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[1.5],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[-1],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8,8]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,\"8\"]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":{\"a\":0,\"b\":8}}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":8}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[-8,0]}",
    };
    static const char *const place[] = {
        "{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,16]}",
        "{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]}",
        "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,0]}",
        "{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[0,8]}",
        "{\"dtype\":\"F64\",\"shape\":[1125899906842624],"
            "\"data_offsets\":[0,9007199254740992]}",
        /* Products that are 8 when they overflow, or are 0 in between. */
        "{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],"
            "\"data_offsets\":[0,0]}",
        "{\"dtype\":\"F64\",\"shape\":[4503599627370496,4096,3,1],"
            "\"data_offsets\":[0,8]}",
    };
    char header[1000];
    size_t i;

    (void)state;
    assert_forged(BEGIN ",\"a\":{\"dtype\":\"F64\",\"shape\":[1],"
                  "\"data_offsets\":[0,8]}}", 8, NULL);
    for (i = 0; i < sizeof(describe) / sizeof(*describe); i++) {
        snprintf(header, sizeof(header), BEGIN ",\"a\":%s}", describe[i]);
        assert_forged(header, 8, "not described well");
    }
    for (i = 0; i < sizeof(place) / sizeof(*place); i++) {
        snprintf(header, sizeof(header), BEGIN ",\"a\":%s}", place[i]);
        assert_forged(header, 8, "does not lie where it should");
    }
}

static void overlaps_gaps_and_disorder_are_refused(void **state)
{
    static const struct {
        const char *first, *second, *what;
    } pairs[] = {
        { "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}",
          "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}",
          NULL },
        { "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}",
          "\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[3,8]}",
          "does not lie" },
        { "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}",
          "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[5,8]}",
          "does not lie" },
        { "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}",
          "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}",
          "out of order" },
        { "\"a\":{\"dtype\":\"U16\",\"shape\":[2],\"data_offsets\":[0,4]}",
          "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}",
          "out of order" },
        { "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}",
          "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}",
          "given twice" },
        { "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}",
          "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]}",
          "bytes follow" },
    };
    char header[1000];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        snprintf(header, sizeof(header), BEGIN ",%s,%s}", pairs[i].first,
                 pairs[i].second);
        assert_forged(header, 8, pairs[i].what);
    }
}

static void forged_metadata_is_refused(void **state)
{
    static const char zeros[] = "00000000000000000000000000000000";
    char header[1000];

    (void)state;
    snprintf(header, sizeof(header), BEGINNING "%s\"}}", zeros);
    assert_forged(header, 0, "no description");
    snprintf(header, sizeof(header), BEGINNING "%s\",\"mlspec\":{}}}", zeros);
    assert_forged(header, 0, "more than texts");
    snprintf(header, sizeof(header),
             BEGINNING "%s\",\"mlspec\":\"a\\u0000b\"}}", zeros);
    assert_forged(header, 0, "zero byte");
    snprintf(header, sizeof(header), BEGINNING "%s\",\"mlspec\":\"{}\"}",
             zeros);
    assert_forged(header, 0, "not valid JSON");
    assert_forged(BEGIN "} x", 0, "text follows");
    assert_forged(BEGIN "}", 0, NULL);
}

static void other_files_are_told_apart_from_damaged_ones(void **state)
{
    static const char other[] = "{\"x\":{\"dtype\":\"F64\",\"shape\":[1],"
                                "\"data_offsets\":[0,8]}}";
    struct mls_error err = { 0 };
    struct mls_text text = { 0 };
    char head[8] = { (char)(sizeof(other) - 1), 0, 0, 0, 0, 0, 0, 0 };

    (void)state;
    assert_false(unpack("", 0, &err));
    assert_string_equal(err.what, "this is not a model file of mlspec");
    assert_false(unpack("a,b,c\n1,2,3\n4,5,6\n", 18, &err));
    assert_string_equal(err.what, "this is not a model file of mlspec");
    /* A safetensors file of another program. */
    mls_text_add_bytes(&text, head, 8);
    mls_text_add(&text, other);
    mls_text_add_bytes(&text, "\0\0\0\0\0\0\0\0", 8);
    assert_false(unpack(text.bytes, text.length, &err));
    assert_string_equal(err.what, "this is not a model file of mlspec");
    mls_text_clear(&text);
    pack_filled(&text);
    assert_false(unpack(text.bytes, text.length / 2, &err));
    assert_non_null(strstr(err.what, "damaged"));
    assert_true(err.fix[0] != '\0');
    mls_text_clear(&text);
}

static void lengths_that_cannot_be_are_refused(void **state)
{
    static const uint64_t lengths[] = { 0, 1, 56, 631, 633, 632 + 64, 731,
                                        MLS_HEADER_LIMIT + 56,
                                        UINT64_C(1) << 32, INT64_MAX,
                                        UINT64_MAX, UINT64_MAX - 7 };
    struct mls_error err = { 0 };
    struct mls_text text = { 0 };
    size_t i;
    int b;

    (void)state;
    pack_filled(&text);
    for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        for (b = 0; b < 8; b++) {
            text.bytes[b] = (char)(lengths[i] >> (8 * b));
        }
        repair(text.bytes, text.length);
        assert_false(unpack(text.bytes, text.length, &err));
    }
    mls_text_clear(&text);
}

/* ---- Writing ----------------------------------------------------------- */

static void text_that_is_not_utf8_is_not_written(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    struct mls_text text = { 0 };

    (void)state;
    assert_false(mls_container_pack("caf\xE9", &arrays, &text, &err));
    assert_int_equal(err.code, MLS_DATA);
    assert_non_null(strstr(err.what, "UTF-8"));
    mls_text_clear(&text);
    assert_non_null(mls_arrays_add1(&arrays, "caf\xE9", MLS_U8, 1, &err));
    assert_false(mls_container_pack("{}", &arrays, &text, &err));
    mls_text_clear(&text);
    mls_arrays_clear(&arrays);
}

static void what_was_written_is_read(void **state)
{
    static const char *const names[] = { "m.mlspec", "m.mlspec.gz" };
    struct mls_error err = { 0 };
    char folder[] = "/tmp/mls_container_XXXXXX", path[100];
    struct mls_text text = { 0 };
    size_t i;

    (void)state;
    assert_non_null(mkdtemp(folder));
    pack_filled(&text);
    for (i = 0; i < 2; i++) {
        struct mls_arrays arrays = { 0 };
        char *metadata = NULL;

        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        fill(&arrays);
        assert_true(mls_container_write(path, METADATA, &arrays, &err));
        mls_arrays_clear(&arrays);
        assert_true(mls_container_read(path, &metadata, &arrays, &err));
        assert_string_equal(metadata, METADATA);
        assert_unpacked(&arrays);
        mls_free(metadata);
        mls_arrays_clear(&arrays);
        if (i == 0) { /* the same bytes as pack */
            FILE *file = fopen(path, "rb");
            char *found = test_malloc(text.length + 1);

            assert_int_equal(fread(found, 1, text.length + 1, file),
                             text.length);
            assert_memory_equal(found, text.bytes, text.length);
            fclose(file);
            test_free(found);
        }
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
    mls_text_clear(&text);
}

static void a_missing_file_is_an_io_error(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    char *metadata = NULL;

    (void)state;
    assert_false(mls_container_read("/nonexistent/m", &metadata, &arrays,
                                    &err));
    assert_int_equal(err.code, MLS_IO);
    assert_false(mls_container_write("/nonexistent/m", "{}", &arrays, &err));
    assert_int_equal(err.code, MLS_IO);
    assert_false(mls_container_write("/dev/full", "{}", &arrays, &err));
    assert_int_equal(err.code, MLS_IO);
}

static bool pack_and_unpack(const struct mls_arrays *arrays,
                            struct mls_error *err)
{
    struct mls_text text = { 0 };
    struct mls_arrays found = { 0 };
    char *metadata = NULL;
    bool ok = mls_container_write("/dev/null", "{}", arrays, err)
        && mls_container_pack("{}", arrays, &text, err)
        && mls_container_unpack("m", text.bytes, text.length, &metadata,
                                &found, err);

    mls_free(metadata);
    mls_arrays_clear(&found);
    mls_text_clear(&text);
    return ok;
}

static void each_failing_allocation_is_reported(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    int64_t live, n, i;

    (void)state;
    fill(&arrays);
    live = mls_memory_live();
    mls_memory_fail_at(0);
    assert_true(pack_and_unpack(&arrays, &err));
    n = mls_memory_count();
    for (i = 1; i <= n; i++) {
        memset(&err, 0, sizeof(err));
        mls_memory_fail_at(i);
        assert_false(pack_and_unpack(&arrays, &err));
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_memory_fail_at(0);
    mls_arrays_clear(&arrays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_unpacked),
        cmocka_unit_test(the_layout_is_what_safetensors_reads),
        cmocka_unit_test(the_order_of_adding_does_not_show),
        cmocka_unit_test(a_file_without_arrays_is_a_file),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(a_byte_too_many_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(flipped_bits_under_a_right_checksum_do_no_harm),
        cmocka_unit_test(forged_arrays_are_refused),
        cmocka_unit_test(overlaps_gaps_and_disorder_are_refused),
        cmocka_unit_test(forged_metadata_is_refused),
        cmocka_unit_test(other_files_are_told_apart_from_damaged_ones),
        cmocka_unit_test(lengths_that_cannot_be_are_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_not_written),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_missing_file_is_an_io_error),
        cmocka_unit_test(each_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
