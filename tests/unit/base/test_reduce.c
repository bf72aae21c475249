#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/reduce.h"
#include "base/threads.h"

static const int thread_counts[] = { 1, 2, 3, 8 };

/* A partial that writes down how it was put together: a chunk is "3", a fold
 * of two is "(a b)". */
struct story {
    char text[1000];
};

struct teller {
    int64_t chunk_rows, rows;
    bool uneven;                /* some chunks take long */
    int64_t fail_from;          /* this chunk and all after it fail; -1 none */
    _Atomic int64_t ran_below;
};

static void linger(const struct teller *teller, int64_t chunk)
{
    int i;

    for (i = 0; teller->uneven && chunk % 5 == 0 && i < 300; i++) {
        sched_yield();
    }
}

static bool tell(void *context, int64_t first, int64_t count, void *partial,
                 struct mls_error *err)
{
    struct teller *teller = context;
    struct story *story = partial;
    int64_t chunk = first / teller->chunk_rows;

    linger(teller, chunk);
    if (teller->fail_from >= 0 && chunk >= teller->fail_from) {
        return mls_fail(err, MLS_DATA, "chunk %d", (int)chunk);
    }
    atomic_fetch_add(&teller->ran_below, 1);
    if (story->text[0] != '\0' || story->text[999] != '\0') {
        return mls_fail(err, MLS_DATA, "the partial was not zeroed");
    }
    snprintf(story->text, sizeof(story->text), "%d", (int)chunk);
    if (count != teller->chunk_rows) {
        size_t n = strlen(story->text);

        snprintf(story->text + n, sizeof(story->text) - n, ":%d", (int)count);
    }
    return true;
}

static void retell(void *context, void *into_, const void *from_)
{
    struct story *into = into_, joined;
    const struct story *from = from_;

    (void)context;
    joined.text[0] = '(';
    snprintf(joined.text + 1, sizeof(joined.text) - 1, "%.*s %.*s)", 490,
             into->text, 490, from->text);
    memset(into, 0, sizeof(*into));
    memcpy(into->text, joined.text, strlen(joined.text) + 1);
}

static bool reduce_story(int threads, struct teller *teller,
                         struct story *story, struct mls_error *err)
{
    struct mls_run run;
    struct mls_reduce_job job = { teller->rows, teller->chunk_rows,
                                  sizeof(*story), tell, retell, teller };
    bool ok;

    assert_true(mls_run_init(&run, threads, err));
    ok = mls_reduce(&run, &job, story, err);
    mls_run_clear(&run);
    return ok;
}

static void the_tree_is_the_same_for_any_number_of_threads(void **state)
{
    static const struct {
        int64_t rows;
        const char *tree;
    } known[] = {
        { 0, "0:0" },
        { 1, "0:1" },
        { 10, "0" },
        { 11, "(0 1:1)" },
        { 30, "((0 1) 2)" },
        { 50, "(((0 1) (2 3)) 4)" },
        { 65, "(((0 1) (2 3)) ((4 5) 6:5))" },
        { 110, "((((0 1) (2 3)) ((4 5) (6 7))) ((8 9) 10))" },
    };
    size_t t, k;
    int uneven;

    (void)state;
    for (t = 0; t < 4; t++) {
        for (k = 0; k < sizeof(known) / sizeof(*known); k++) {
            for (uneven = 0; uneven < 2; uneven++) {
                struct teller teller = { 10, known[k].rows, uneven, -1, 0 };
                struct story story;
                struct mls_error err = { 0 };

                assert_true(reduce_story(thread_counts[t], &teller, &story,
                                         &err));
                assert_string_equal(story.text, known[k].tree);
            }
        }
    }
}

static void without_a_run_the_tree_is_the_same(void **state)
{
    struct teller teller = { 10, 65, false, -1, 0 };
    struct story story;
    struct mls_error err = { 0 };
    struct mls_reduce_job job = { 65, 10, sizeof(story), tell, retell,
                                  &teller };

    (void)state;
    assert_true(mls_reduce(NULL, &job, &story, &err));
    assert_string_equal(story.text, "(((0 1) (2 3)) ((4 5) 6:5))");
}

static void the_smallest_failing_chunk_is_reported(void **state)
{
    static const int64_t from[] = { 0, 1, 7, 99 };
    size_t t, f;
    int repeat;

    (void)state;
    for (t = 0; t < 4; t++) {
        for (f = 0; f < 4; f++) {
            for (repeat = 0; repeat < 5; repeat++) {
                struct teller teller = { 10, 1000, true, from[f], 0 };
                struct story story = { "untouched" };
                struct mls_error err = { 0 };
                char expected[32];

                snprintf(expected, sizeof(expected), "chunk %d", (int)from[f]);
                assert_false(reduce_story(thread_counts[t], &teller, &story,
                                          &err));
                assert_int_equal(err.code, MLS_DATA);
                assert_string_equal(err.what, expected);
                assert_int_equal(teller.ran_below, from[f]);
                assert_string_equal(story.text, "untouched");
            }
        }
    }
}

/* ---- Sums of reals, and memory ----------------------------------------- */

struct sums {
    const double *x;
    bool uneven;
    int64_t before;             /* live allocations without partials */
    _Atomic int64_t most;       /* partials at one time */
};

static bool sum_rows(void *context, int64_t first, int64_t count,
                     void *partial, struct mls_error *err)
{
    struct sums *sums = context;
    double *sum = partial;
    int64_t i, live = mls_memory_live() - sums->before;
    int64_t most = atomic_load(&sums->most);

    (void)err;
    while (live > most
           && !atomic_compare_exchange_weak(&sums->most, &most, live)) {
    }
    /* The first chunk keeps all of the tree waiting. */
    for (i = 0; sums->uneven && first == 0 && i < 2000; i++) {
        sched_yield();
    }
    for (i = first; i < first + count; i++) {
        *sum += sums->x[i];
    }
    return true;
}

static void add_sums(void *context, void *into, const void *from)
{
    (void)context;
    *(double *)into += *(const double *)from;
}

static double sum_with(int threads, const double *x, int64_t rows, bool uneven,
                       int64_t *most)
{
    struct mls_run run;
    struct mls_error err = { 0 };
    struct sums sums = { .x = x, .uneven = uneven };
    struct mls_reduce_job job = { rows, 8, sizeof(double), sum_rows, add_sums,
                                  &sums };
    double sum = 0;

    assert_true(mls_run_init(&run, threads, &err));
    sums.before = mls_memory_live() + 2; /* the two lists of the reduction */
    assert_true(mls_reduce(&run, &job, &sum, &err));
    mls_run_clear(&run);
    *most = atomic_load(&sums.most);
    return sum;
}

static void sums_have_the_same_bits_for_any_number_of_threads(void **state)
{
    enum { ROWS = 5000 };
    double x[ROWS], tree[625];
    int64_t most, i, n;
    size_t t;

    (void)state;
    for (i = 0; i < ROWS; i++) {
        x[i] = mls_random_normal(mls_random(5, MLS_RANDOM_TEST, (uint64_t)i));
    }
    /* The slow twin: all chunks, then level by level. */
    for (n = 0; n < 625; n++) {
        tree[n] = 0;
        for (i = 8 * n; i < 8 * n + 8; i++) {
            tree[n] += x[i];
        }
    }
    for (n = 625; n > 1; n = (n + 1) / 2) {
        for (i = 0; i < (n + 1) / 2; i++) {
            tree[i] = 2 * i + 1 < n ? tree[2 * i] + tree[2 * i + 1]
                                    : tree[2 * i];
        }
    }
    for (t = 0; t < 4; t++) {
        assert_true(sum_with(thread_counts[t], x, ROWS, true, &most)
                    == tree[0]);
    }
}

static void few_partials_are_alive_at_one_time(void **state)
{
    enum { ROWS = 32768 };
    double *x = test_calloc(ROWS, sizeof(*x));
    int64_t most;
    size_t t;

    (void)state;
    for (t = 0; t < 4; t++) {
        sum_with(thread_counts[t], x, ROWS, true, &most);
        assert_true(most >= 1);
        assert_true(most <= thread_counts[t] + 12); /* log2 of 4096 chunks */
    }
    test_free(x);
}

static void each_failing_allocation_is_reported(void **state)
{
    enum { ROWS = 1000 };
    double *x = test_calloc(ROWS, sizeof(*x)), sum = 7;
    struct sums sums = { .x = x };
    struct mls_reduce_job job = { ROWS, 8, sizeof(double), sum_rows, add_sums,
                                  &sums };
    struct mls_error err = { 0 };
    struct mls_run run;
    int64_t live, i;

    (void)state;
    assert_true(mls_run_init(&run, 3, &err));
    live = mls_memory_live();
    for (i = 1; i <= 4; i++) { /* two lists, and at least two partials */
        memset(&err, 0, sizeof(err));
        mls_memory_fail_at(i);
        assert_false(mls_reduce(&run, &job, &sum, &err));
        assert_int_equal(err.code, MLS_LIMIT);
        assert_int_equal(mls_memory_live(), live);
        assert_true(sum == 7);
    }
    mls_memory_fail_at(0);
    mls_run_clear(&run);
    test_free(x);
}

static volatile sig_atomic_t stop;

static bool stop_in_the_middle(void *context, int64_t first, int64_t count,
                               void *partial, struct mls_error *err)
{
    if (first == 400) {
        stop = 1;
    }
    return sum_rows(context, first, count, partial, err);
}

static void the_stop_flag_ends_a_reduction(void **state)
{
    enum { ROWS = 100000 };
    double *x = test_calloc(ROWS, sizeof(*x)), sum = 0;
    size_t t;

    (void)state;
    for (t = 0; t < 4; t++) {
        struct sums sums = { .x = x };
        struct mls_reduce_job job = { ROWS, 8, sizeof(double),
                                      stop_in_the_middle, add_sums, &sums };
        struct mls_error err = { 0 };
        struct mls_run run;

        stop = 0;
        assert_true(mls_run_init(&run, thread_counts[t], &err));
        run.stop = &stop;
        assert_false(mls_reduce(&run, &job, &sum, &err));
        assert_int_equal(err.code, MLS_INTERRUPTED);
        mls_run_clear(&run);
    }
    test_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(without_a_run_the_tree_is_the_same),
        cmocka_unit_test(the_smallest_failing_chunk_is_reported),
        cmocka_unit_test(sums_have_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(few_partials_are_alive_at_one_time),
        cmocka_unit_test(each_failing_allocation_is_reported),
        cmocka_unit_test(the_stop_flag_ends_a_reduction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
