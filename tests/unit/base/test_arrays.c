#include "test.h"

#include "base/arrays.h"
#include "base/memory.h"
#include "base/text.h"
#include "mlspec/params.h"

static double *add_reals(struct mls_arrays *arrays, const char *name,
                         int64_t n, double first)
{
    struct mls_error err = { 0 };
    double *x = mls_arrays_add1(arrays, name, MLS_F64, n, &err);
    int64_t i;

    assert_non_null(x);
    for (i = 0; i < n; i++) {
        x[i] = first + (double)i;
    }
    return x;
}

static void types_have_safetensors_names_and_sizes(void **state)
{
    static const struct {
        enum mls_dtype dtype;
        const char *name;
        size_t size;
    } known[] = {
        { MLS_F64, "F64", 8 }, { MLS_I64, "I64", 8 }, { MLS_U64, "U64", 8 },
        { MLS_F32, "F32", 4 }, { MLS_I32, "I32", 4 }, { MLS_U32, "U32", 4 },
        { MLS_U16, "U16", 2 }, { MLS_U8, "U8", 1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
        assert_string_equal(mls_dtype_name(known[i].dtype), known[i].name);
        assert_int_equal(mls_dtype_size(known[i].dtype), known[i].size);
    }
}

static void a_new_array_is_zero_aligned_and_found(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    const int64_t shape[3] = { 2, 3, 4 };
    float *data = mls_arrays_add(&arrays, "a", MLS_F32, 3, shape, &err);
    const struct mls_array *found;
    int i;

    (void)state;
    assert_non_null(data);
    assert_int_equal((uintptr_t)data % 64, 0);
    for (i = 0; i < 24; i++) {
        assert_true(data[i] == 0);
    }
    found = mls_arrays_find(&arrays, "a");
    assert_non_null(found);
    assert_ptr_equal(found->data, data);
    assert_int_equal(found->count, 24);
    assert_int_equal(found->dimensions, 3);
    assert_int_equal(found->shape[2], 4);
    assert_null(mls_arrays_find(&arrays, "A"));
    mls_arrays_clear(&arrays);
    assert_int_equal(arrays.count, 0);
    mls_arrays_clear(&arrays);
    mls_arrays_clear(NULL);
}

static void shapes_may_be_empty_or_of_no_dimension(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    const int64_t empty[2] = { INT64_MAX, 0 };

    (void)state;
    assert_non_null(mls_arrays_add(&arrays, "e", MLS_F64, 2, empty, &err));
    assert_int_equal(mls_arrays_find(&arrays, "e")->count, 0);
    assert_non_null(mls_arrays_add(&arrays, "s", MLS_F64, 0, NULL, &err));
    assert_int_equal(mls_arrays_find(&arrays, "s")->count, 1);
    mls_arrays_clear(&arrays);
}

static void shapes_past_memory_are_refused(void **state)
{
    static const int64_t shapes[][2] = {
        { INT64_MAX, 2 },
        { INT64_C(1) << 32, INT64_C(1) << 32 },
        { INT64_C(1) << 31, INT64_C(1) << 30 },
        { INT64_MAX / 8, 1 },
    };
    struct mls_arrays arrays = { 0 };
    int64_t live;
    size_t i;

    (void)state;
    add_reals(&arrays, "first", 1, 0);
    live = mls_memory_live();
    mls_memory_limit(INT64_C(1) << 40);
    for (i = 0; i < 4; i++) {
        struct mls_error err = { 0 };

        assert_null(mls_arrays_add(&arrays, "x", MLS_F64, 2, shapes[i], &err));
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(arrays.count, 1);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_memory_limit(0);
    mls_arrays_clear(&arrays);
}

static void a_name_is_given_once(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };

    (void)state;
    add_reals(&arrays, "x", 3, 0);
    assert_null(mls_arrays_add1(&arrays, "x", MLS_U8, 1, &err));
    assert_int_equal(err.code, MLS_MODEL_FILE);
    assert_non_null(strstr(err.what, "\"x\""));
    assert_int_equal(arrays.count, 1);
    mls_arrays_clear(&arrays);
}

static void getting_checks_presence_type_and_count(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    double *x = add_reals(&arrays, "x", 3, 0);

    (void)state;
    assert_ptr_equal(mls_arrays_get(&arrays, "x", MLS_F64, 3, &err), x);
    assert_ptr_equal(mls_arrays_get(&arrays, "x", MLS_F64, -1, &err), x);
    assert_int_equal(err.code, MLS_OK);
    assert_null(mls_arrays_get(&arrays, "y", MLS_F64, 3, &err));
    assert_string_equal(err.what, "the array \"y\" is missing");
    assert_null(mls_arrays_get(&arrays, "x", MLS_F32, 3, &err));
    assert_string_equal(err.what, "the array \"x\" is of type F64, not F32");
    assert_null(mls_arrays_get(&arrays, "x", MLS_F64, 4, &err));
    assert_string_equal(err.what, "the array \"x\" holds 3 values, not 4");
    assert_int_equal(err.code, MLS_MODEL_FILE);
    mls_arrays_clear(&arrays);
}

static void texts_survive_a_round_trip(void **state)
{
    static const char *const texts[] = { "", "one", "\xC3\xA9,\"\n", "" };
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    struct mls_list list = { 0 };
    const int64_t *offsets;
    int64_t i;

    (void)state;
    assert_true(mls_arrays_add_texts(&arrays, "t", texts, 4, &err));
    assert_true(mls_arrays_add_texts(&arrays, "none", NULL, 0, &err));
    offsets = mls_arrays_get(&arrays, "t.offsets", MLS_I64, 5, &err);
    assert_non_null(offsets);
    assert_int_equal(offsets[0], 0);
    assert_int_equal(offsets[4], 3 + 5);
    assert_non_null(mls_arrays_get(&arrays, "t.bytes", MLS_U8, 8, &err));
    assert_true(mls_arrays_get_texts(&arrays, "t", &list, &err));
    assert_int_equal(list.count, 4);
    for (i = 0; i < 4; i++) {
        assert_string_equal(list.items[i], texts[i]);
    }
    mls_list_clear(&list);
    assert_true(mls_arrays_get_texts(&arrays, "none", &list, &err));
    assert_int_equal(list.count, 0);
    mls_list_clear(&list);
    mls_arrays_clear(&arrays);
}

/* Texts "ab" and "c" with one thing wrong. */
static void wrong_offsets_are_refused(void **state)
{
    static const struct {
        int64_t offsets[3];
        const char *bytes;
    } wrong[] = {
        { { 1, 2, 3 }, "abc" },
        { { 0, 2, 4 }, "abc" },
        { { 0, 2, 2 }, "abc" },
        { { 0, 4, 3 }, "abc" },
        { { 0, -1, 3 }, "abc" },
        { { 0, INT64_MAX, 3 }, "abc" },
        { { 0, INT64_MIN, 3 }, "abc" },
        { { 0, 2, 3 }, "a\0c" },
    };
    struct mls_error err = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct mls_arrays arrays = { 0 };
        struct mls_list list = { 0 };
        char *bytes = mls_arrays_add1(&arrays, "t.bytes", MLS_U8, 3, &err);
        int64_t *offsets =
            mls_arrays_add1(&arrays, "t.offsets", MLS_I64, 3, &err);
        int64_t live = mls_memory_live();

        memcpy(bytes, wrong[i].bytes, 3);
        memcpy(offsets, wrong[i].offsets, sizeof(wrong[i].offsets));
        memset(&err, 0, sizeof(err));
        assert_false(mls_arrays_get_texts(&arrays, "t", &list, &err));
        assert_int_equal(err.code, MLS_MODEL_FILE);
        assert_null(list.items);
        assert_int_equal(mls_memory_live(), live);
        mls_arrays_clear(&arrays);
    }
}

static void texts_without_offsets_or_bytes_are_refused(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays arrays = { 0 };
    struct mls_list list = { 0 };

    (void)state;
    assert_false(mls_arrays_get_texts(&arrays, "t", &list, &err));
    assert_non_null(mls_arrays_add1(&arrays, "t.bytes", MLS_U8, 0, &err));
    assert_false(mls_arrays_get_texts(&arrays, "t", &list, &err));
    assert_non_null(mls_arrays_add1(&arrays, "t.offsets", MLS_I64, 0, &err));
    assert_false(mls_arrays_get_texts(&arrays, "t", &list, &err));
    assert_int_equal(err.code, MLS_MODEL_FILE);
    mls_arrays_clear(&arrays);
}

static void moving_adds_a_prefix_and_empties_the_source(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays to = { 0 }, from = { 0 };
    double *x;

    (void)state;
    add_reals(&to, "a", 1, 0);
    x = add_reals(&from, "x", 2, 5);
    add_reals(&from, "y", 2, 7);
    assert_true(mls_arrays_move(&to, "step.0.", &from, &err));
    assert_int_equal(from.count, 0);
    assert_int_equal(to.count, 3);
    assert_ptr_equal(mls_arrays_find(&to, "step.0.x")->data, x);
    assert_true(mls_arrays_move(&to, "none.", &from, &err));
    assert_int_equal(to.count, 3);
    /* A clash leaves both as they were. */
    add_reals(&from, "z", 1, 0);
    add_reals(&from, "x", 1, 0);
    assert_false(mls_arrays_move(&to, "step.0.", &from, &err));
    assert_int_equal(err.code, MLS_MODEL_FILE);
    assert_int_equal(from.count, 2);
    assert_int_equal(to.count, 3);
    assert_non_null(mls_arrays_find(&from, "z"));
    mls_arrays_clear(&to);
    mls_arrays_clear(&from);
}

static void taking_cuts_the_prefix_and_leaves_the_rest(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays to = { 0 }, from = { 0 };
    double *x;

    (void)state;
    add_reals(&from, "model.a", 1, 0);
    x = add_reals(&from, "step.1.x", 1, 0);
    add_reals(&from, "step.10.x", 1, 0);
    add_reals(&from, "step.1.y", 1, 0);
    assert_true(mls_arrays_take(&to, "step.1.", &from, &err));
    assert_int_equal(to.count, 2);
    assert_ptr_equal(mls_arrays_find(&to, "x")->data, x);
    assert_non_null(mls_arrays_find(&to, "y"));
    assert_int_equal(from.count, 2);
    assert_non_null(mls_arrays_find(&from, "step.10.x"));
    assert_non_null(mls_arrays_find(&from, "model.a"));
    assert_true(mls_arrays_take(&to, "step.2.", &from, &err));
    assert_int_equal(to.count, 2);
    add_reals(&to, "a", 1, 0);
    assert_false(mls_arrays_take(&to, "model.", &from, &err));
    assert_int_equal(from.count, 2);
    mls_arrays_clear(&to);
    mls_arrays_clear(&from);
}

static void a_copy_has_memory_of_its_own(void **state)
{
    struct mls_error err = { 0 };
    struct mls_arrays to = { 0 }, from = { 0 };
    const int64_t shape[2] = { 2, 2 };
    double *x = mls_arrays_add(&from, "x", MLS_F64, 2, shape, &err);
    const struct mls_array *copy;

    (void)state;
    x[3] = 8;
    assert_true(mls_arrays_copy(&to, "p.", &from, &err));
    mls_arrays_clear(&from);
    copy = mls_arrays_find(&to, "p.x");
    assert_int_equal(copy->dimensions, 2);
    assert_int_equal(copy->shape[1], 2);
    assert_true(((const double *)copy->data)[3] == 8);
    mls_arrays_clear(&to);
}

static bool use_all(struct mls_error *err)
{
    static const char *const texts[] = { "one", "two", "three" };
    struct mls_arrays a = { 0 }, b = { 0 };
    struct mls_list list = { 0 };
    bool ok = mls_arrays_add1(&a, "x", MLS_F64, 10, err)
        && mls_arrays_add_texts(&a, "t", texts, 3, err)
        && mls_arrays_get_texts(&a, "t", &list, err)
        && mls_arrays_copy(&b, "c.", &a, err)
        && mls_arrays_move(&b, "m.", &a, err)
        && mls_arrays_take(&a, "c.", &b, err);

    mls_list_clear(&list);
    mls_arrays_clear(&a);
    mls_arrays_clear(&b);
    return ok;
}

static void each_failing_allocation_is_reported(void **state)
{
    struct mls_error err = { 0 };
    int64_t live = mls_memory_live(), n, i;

    (void)state;
    mls_memory_fail_at(0);
    assert_true(use_all(&err));
    n = mls_memory_count();
    for (i = 1; i <= n; i++) {
        memset(&err, 0, sizeof(err));
        mls_memory_fail_at(i);
        assert_false(use_all(&err));
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_safetensors_names_and_sizes),
        cmocka_unit_test(a_new_array_is_zero_aligned_and_found),
        cmocka_unit_test(shapes_may_be_empty_or_of_no_dimension),
        cmocka_unit_test(shapes_past_memory_are_refused),
        cmocka_unit_test(a_name_is_given_once),
        cmocka_unit_test(getting_checks_presence_type_and_count),
        cmocka_unit_test(texts_survive_a_round_trip),
        cmocka_unit_test(wrong_offsets_are_refused),
        cmocka_unit_test(texts_without_offsets_or_bytes_are_refused),
        cmocka_unit_test(moving_adds_a_prefix_and_empties_the_source),
        cmocka_unit_test(taking_cuts_the_prefix_and_leaves_the_rest),
        cmocka_unit_test(a_copy_has_memory_of_its_own),
        cmocka_unit_test(each_failing_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
