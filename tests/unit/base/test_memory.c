#include "test.h"

#include <pthread.h>

#include "base/memory.h"

static void new_objects_are_zero(void **state)
{
    struct mls_error err;
    unsigned char *bytes = mls_new(1000, 3, &err);
    int i;

    (void)state;
    assert_non_null(bytes);
    for (i = 0; i < 3000; i++) {
        assert_int_equal(bytes[i], 0);
    }
    mls_free(bytes);
}

static void zero_objects_are_distinct_pointers(void **state)
{
    struct mls_error err;
    void *a = mls_new(0, 8, &err), *b = mls_new(0, 8, &err);
    void *c = mls_new_array(0, 8, &err);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    mls_free(a);
    mls_free(b);
    mls_free(c);
    mls_free(NULL);
}

static void arrays_are_aligned_to_64_bytes(void **state)
{
    struct mls_error err;
    int64_t n;

    (void)state;
    for (n = 1; n < 100; n += 7) {
        double *array = mls_new_array(n, sizeof(*array), &err);

        assert_non_null(array);
        assert_int_equal((uintptr_t)array % 64, 0);
        memset(array, 0xFF, (size_t)n * sizeof(*array));
        mls_free(array);
    }
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct mls_error err = { 0 };
    void *pointer = NULL;
    struct mls_arena arena = { 0 };

    (void)state;
    assert_null(mls_new(INT64_MAX, 8, &err));
    assert_int_equal(err.code, MLS_LIMIT);
    assert_null(mls_new(-1, 1, &err));
    assert_null(mls_new_array(INT64_MAX, 2, &err));
    assert_null(mls_new_array(INT64_MAX, 1, &err));
    assert_false(mls_resize(&pointer, INT64_MAX / 2, 16, &err));
    assert_null(pointer);
    assert_null(mls_arena_new(&arena, INT64_MAX, 1, &err));
    assert_null(mls_hook_alloc(SIZE_MAX));
    assert_null(mls_copy_bytes("", SIZE_MAX, &err));
    assert_null(mls_arena_text(&arena, "", SIZE_MAX, &err));
}

static void resizing_keeps_contents(void **state)
{
    struct mls_error err;
    int64_t *values = NULL, i;

    (void)state;
    assert_true(mls_resize(&values, 10, sizeof(*values), &err));
    for (i = 0; i < 10; i++) {
        values[i] = i * i;
    }
    assert_true(mls_resize(&values, 5000, sizeof(*values), &err));
    for (i = 0; i < 10; i++) {
        assert_int_equal(values[i], i * i);
    }
    assert_true(mls_resize(&values, 3, sizeof(*values), &err));
    assert_int_equal(values[2], 4);
    mls_free(values);
}

static void growing_doubles(void **state)
{
    struct mls_error err;
    int64_t capacity = 0, count, resized = 0;
    int *values = NULL;

    (void)state;
    for (count = 0; count < 1000; count++) {
        int64_t before = capacity;

        assert_true(mls_grow(&values, count, &capacity, sizeof(*values),
                             &err));
        assert_true(capacity > count);
        resized += capacity != before;
        values[count] = (int)count;
    }
    assert_true(resized <= 8);
    for (count = 0; count < 1000; count++) {
        assert_int_equal(values[count], count);
    }
    mls_free(values);
}

static void copies_end_with_nul(void **state)
{
    struct mls_error err;
    char *text = mls_copy_text("abc", &err);
    char *bytes = mls_copy_bytes("a\0bcd", 4, &err);
    char *none = mls_copy_bytes(NULL, 0, &err);

    (void)state;
    assert_string_equal(text, "abc");
    assert_memory_equal(bytes, "a\0bc", 5);
    assert_string_equal(none, "");
    mls_free(text);
    mls_free(bytes);
    mls_free(none);
}

static void live_bytes_and_blocks_return_to_zero(void **state)
{
    struct mls_error err;
    int64_t used = mls_memory_used(), live = mls_memory_live();
    char *a, *b, *c, *d;

    (void)state;
    a = mls_new(1000, 1, &err);
    b = mls_new_array(1000, 8, &err);
    c = mls_hook_alloc(500);
    d = mls_hook_resize(NULL, 10);
    assert_int_equal(mls_memory_live(), live + 4);
    assert_true(mls_memory_used() >= used + 9510);
    assert_true(mls_memory_used() < used + 11000);
    assert_true(mls_hook_size(c) >= 500);
    assert_true(mls_resize(&a, 5000, 1, &err));
    c = mls_hook_resize(c, 50);
    assert_int_equal(mls_memory_live(), live + 4);
    assert_true(mls_memory_used() >= used + 13060);
    mls_free(a);
    mls_free(b);
    mls_free(c);
    mls_free(d);
    assert_int_equal(mls_memory_live(), live);
    assert_int_equal(mls_memory_used(), used);
}

static void the_limit_holds_and_failing_leaves_all_as_it_was(void **state)
{
    struct mls_error err = { 0 };
    char *small = mls_new(100, 1, &err), *big;
    int64_t used = mls_memory_used();

    (void)state;
    mls_memory_limit(used + 100000);
    assert_null(mls_new(100001, 1, &err));
    assert_int_equal(err.code, MLS_LIMIT);
    assert_null(mls_new_array(200000, 1, &err));
    small[99] = 'x';
    assert_false(mls_resize(&small, 200000, 1, &err));
    assert_int_equal(small[99], 'x');
    assert_int_equal(mls_memory_used(), used);
    big = mls_new(90000, 1, &err);
    assert_non_null(big);
    assert_null(mls_new(20000, 1, &err));
    /* Shrinking and freeing make room again. */
    assert_true(mls_resize(&big, 10, 1, &err));
    mls_free(big);
    big = mls_new(90000, 1, &err);
    assert_non_null(big);
    mls_memory_limit(0);
    mls_free(big);
    big = mls_new(1000000, 1, &err);
    assert_non_null(big);
    mls_free(big);
    mls_free(small);
}

static void the_countdown_fails_just_one_allocation(void **state)
{
    struct mls_error err = { 0 };
    int64_t used = mls_memory_used();
    int n;

    (void)state;
    for (n = 1; n <= 5; n++) {
        void *pointers[4], *p;
        int i, failed = 0;

        mls_memory_fail_at(n);
        for (i = 0; i < 4; i++) {
            p = i % 2 ? mls_new_array(1, 8, &err) : mls_new(1, 8, &err);
            pointers[i] = p;
            assert_true((p == NULL) == (i + 1 == n));
            failed += p == NULL;
        }
        assert_int_equal(mls_memory_count(), 4);
        assert_int_equal(failed, n <= 4);
        for (i = 0; i < 4; i++) {
            mls_free(pointers[i]);
        }
    }
    mls_memory_fail_at(0);
    assert_int_equal(mls_memory_used(), used);
}

enum { THREADS = 4, ROUNDS = 5000 };

static void *allocate_often(void *failures_)
{
    int *failures = failures_, i;
    struct mls_error err;

    for (i = 0; i < ROUNDS; i++) {
        void *pointer = mls_new(i % 100, 1, &err);

        *failures += pointer == NULL;
        mls_free(pointer);
    }
    return NULL;
}

static void threads_share_one_countdown_and_one_account(void **state)
{
    int64_t used = mls_memory_used(), live = mls_memory_live();
    int failures[THREADS] = { 0 }, i, sum = 0;
    pthread_t threads[THREADS];

    (void)state;
    mls_memory_fail_at(THREADS * ROUNDS / 2);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_often,
                                        &failures[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += failures[i];
    }
    assert_int_equal(sum, 1);
    assert_int_equal(mls_memory_count(), THREADS * ROUNDS);
    assert_int_equal(mls_memory_used(), used);
    assert_int_equal(mls_memory_live(), live);
    mls_memory_fail_at(0);
}

static void arena_objects_are_zero_aligned_and_apart(void **state)
{
    struct mls_error err;
    struct mls_arena arena = { 0 };
    int64_t live = mls_memory_live(), i, sum = 0;
    unsigned char *objects[500];

    (void)state;
    for (i = 0; i < 500; i++) {
        int64_t j, n = i * 37 % 1000;

        objects[i] = mls_arena_new(&arena, n, 1, &err);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        for (j = 0; j < n; j++) {
            assert_int_equal(objects[i][j], 0);
        }
        memset(objects[i], (int)(i % 251) + 1, (size_t)n);
    }
    for (i = 0; i < 500; i++) {
        int64_t j, n = i * 37 % 1000;

        for (j = 0; j < n; j++) {
            sum += objects[i][j] != i % 251 + 1;
        }
    }
    assert_int_equal(sum, 0);
    /* 250 kB in pages that double: few of them. */
    assert_true(mls_memory_live() - live < 12);
    assert_string_equal(mls_arena_text(&arena, "abcdef", 3, &err), "abc");
    mls_arena_clear(&arena);
    mls_arena_clear(&arena);
    mls_arena_clear(NULL);
    assert_int_equal(mls_memory_live(), live);
}

static void arena_takes_one_object_larger_than_any_page(void **state)
{
    struct mls_error err;
    struct mls_arena arena = { 0 };
    char *big = mls_arena_new(&arena, 1000000, 3, &err);

    (void)state;
    assert_non_null(big);
    big[2999999] = 'x';
    assert_non_null(mls_arena_new(&arena, 10, 1, &err));
    mls_arena_clear(&arena);
}

static void arena_survives_a_failed_page(void **state)
{
    struct mls_error err;
    struct mls_arena arena = { 0 };
    int64_t *first = mls_arena_new(&arena, 1, sizeof(*first), &err);

    (void)state;
    *first = 7;
    mls_memory_fail_at(1);
    assert_null(mls_arena_new(&arena, 10000, 1, &err));
    assert_non_null(mls_arena_new(&arena, 10000, 1, &err));
    mls_memory_fail_at(0);
    assert_int_equal(*first, 7);
    mls_arena_clear(&arena);
}

static void the_peak_is_at_least_what_was_touched(void **state)
{
    struct mls_error err;
    size_t bytes = 64 << 20;
    volatile char *block = mls_new((int64_t)bytes, 1, &err);
    size_t i;

    (void)state;
    for (i = 0; i < bytes; i += 4096) {
        block[i] = 1;
    }
    assert_true(mls_memory_peak_mb() >= 67);
    assert_true(mls_memory_peak_mb() < 100000);
    mls_free((void *)(uintptr_t)block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_objects_are_zero),
        cmocka_unit_test(zero_objects_are_distinct_pointers),
        cmocka_unit_test(arrays_are_aligned_to_64_bytes),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(resizing_keeps_contents),
        cmocka_unit_test(growing_doubles),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(live_bytes_and_blocks_return_to_zero),
        cmocka_unit_test(the_limit_holds_and_failing_leaves_all_as_it_was),
        cmocka_unit_test(the_countdown_fails_just_one_allocation),
        cmocka_unit_test(threads_share_one_countdown_and_one_account),
        cmocka_unit_test(arena_objects_are_zero_aligned_and_apart),
        cmocka_unit_test(arena_takes_one_object_larger_than_any_page),
        cmocka_unit_test(arena_survives_a_failed_page),
        cmocka_unit_test(the_peak_is_at_least_what_was_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
