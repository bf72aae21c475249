#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/memory.h"
#include "base/threads.h"

static const int thread_counts[] = { 1, 2, 3, 8 };

static void start(struct mls_run *run, int threads)
{
    struct mls_error err = { 0 };

    assert_true(mls_run_init(run, threads, &err));
    assert_int_equal(run->threads, threads);
}

struct work {
    _Atomic int64_t times[1000];
    _Atomic int64_t sum;
    int threads;
    _Atomic bool bad_worker;
};

static bool count_task(void *context, int64_t i, struct mls_error *err)
{
    struct work *work = context;

    (void)err;
    atomic_fetch_add(&work->times[i], 1);
    atomic_fetch_add(&work->sum, i);
    if (mls_worker() < 0 || mls_worker() >= work->threads) {
        atomic_store(&work->bad_worker, true);
    }
    return true;
}

static void every_task_runs_once(void **state)
{
    size_t t;
    int64_t tasks;

    (void)state;
    for (t = 0; t < 4; t++) {
        struct mls_run run;

        start(&run, thread_counts[t]);
        for (tasks = 0; tasks <= 1000; tasks = tasks * 3 + 1) {
            struct mls_error err = { 0 };
            struct work work = { .threads = thread_counts[t] };
            int64_t i;

            assert_true(mls_parallel(&run, tasks, count_task, &work, &err));
            for (i = 0; i < 1000; i++) {
                assert_int_equal(work.times[i], i < tasks);
            }
            assert_false(work.bad_worker);
        }
        mls_run_clear(&run);
    }
}

static void many_small_jobs_all_end(void **state)
{
    struct mls_run run;
    struct mls_error err = { 0 };
    struct work work = { .threads = 4 };
    int i;

    (void)state;
    start(&run, 4);
    for (i = 0; i < 3000; i++) {
        assert_true(mls_parallel(&run, 1 + i % 7, count_task, &work, &err));
    }
    mls_run_clear(&run);
    /* 0 + 1 + ... + i % 7, over whole rounds of 7 and the 4 that remain */
    assert_int_equal(work.sum, 428 * (0 + 1 + 3 + 6 + 10 + 15 + 21)
                     + 0 + 1 + 3 + 6);
}

static void without_a_run_there_is_one_thread(void **state)
{
    struct mls_error err = { 0 };
    struct work work = { .threads = 1 };

    (void)state;
    assert_int_equal(mls_pool_threads(NULL), 1);
    assert_true(mls_parallel(NULL, 10, count_task, &work, &err));
    assert_int_equal(work.sum, 45);
    assert_false(work.bad_worker);
}

struct failing {
    int64_t first;              /* it and every third after it fail */
    _Atomic int64_t below;      /* tasks below it that ran */
};

static bool fail_some(void *context, int64_t i, struct mls_error *err)
{
    struct failing *failing = context;

    if (i < failing->first) {
        sched_yield(); /* later ones may well fail before */
        atomic_fetch_add(&failing->below, 1);
        return true;
    }
    return (i - failing->first) % 3 != 0
        || mls_fail(err, MLS_DATA, "task %d", (int)i);
}

static void the_smallest_failing_task_is_reported(void **state)
{
    static const int64_t firsts[] = { 0, 1, 5, 100, 999 };
    size_t t, f;
    int repeat;

    (void)state;
    for (t = 0; t < 4; t++) {
        struct mls_run run;

        start(&run, thread_counts[t]);
        for (repeat = 0; repeat < 20; repeat++) {
            for (f = 0; f < 5; f++) {
                struct failing failing = { firsts[f], 0 };
                struct mls_error err = { 0 };
                char expected[32];

                snprintf(expected, sizeof(expected), "task %d",
                         (int)firsts[f]);
                assert_false(mls_parallel(&run, 1000, fail_some, &failing,
                                          &err));
                assert_int_equal(err.code, MLS_DATA);
                assert_string_equal(err.what, expected);
                assert_int_equal(failing.below, firsts[f]);
            }
        }
        mls_run_clear(&run);
    }
}

struct nested {
    struct mls_run *run;
    struct work work;
    _Atomic bool moved;         /* an inner task saw another worker number */
    _Atomic bool beyond;        /* without a pool: a number past 0 */
    int numbers[64];
};

static bool inner_task(void *context, int64_t i, struct mls_error *err)
{
    struct nested *nested = context;

    (void)i;
    (void)err;
    if (mls_worker() >= 4) {
        atomic_store(&nested->moved, true);
    }
    atomic_fetch_add(&nested->work.sum, 1);
    return true;
}

static bool single_task(void *context, int64_t i, struct mls_error *err)
{
    struct nested *nested = context;

    (void)i;
    (void)err;
    if (mls_worker() != 0) {
        atomic_store(&nested->beyond, true);
    }
    return true;
}

static bool outer_task(void *context, int64_t i, struct mls_error *err)
{
    struct nested *nested = context;
    int before = mls_worker();

    (void)i;
    if (!mls_parallel(nested->run, 10, inner_task, nested, err)
        || !mls_parallel(NULL, 3, single_task, nested, err)) {
        return false;
    }
    if (mls_worker() != before) {
        atomic_store(&nested->moved, true);
    }
    return true;
}

static void a_job_within_a_task_runs_in_place(void **state)
{
    struct mls_run run;
    struct mls_error err = { 0 };
    struct nested nested = { .run = &run };

    (void)state;
    start(&run, 4);
    assert_true(mls_parallel(&run, 64, outer_task, &nested, &err));
    assert_int_equal(nested.work.sum, 640);
    assert_false(nested.moved);
    assert_false(nested.beyond);
    mls_run_clear(&run);
}

static void *second_caller(void *context)
{
    struct nested *nested = context;
    struct mls_error err = { 0 };
    int i;

    for (i = 0; i < 200; i++) {
        if (!mls_parallel(nested->run, 10, inner_task, nested, &err)) {
            return nested;
        }
    }
    return NULL;
}

static void two_callers_may_share_a_pool(void **state)
{
    struct mls_run run;
    struct nested nested = { .run = &run };
    pthread_t other;
    void *result = NULL;

    (void)state;
    start(&run, 4);
    assert_int_equal(pthread_create(&other, NULL, second_caller, &nested), 0);
    assert_null(second_caller(&nested));
    assert_int_equal(pthread_join(other, &result), 0);
    assert_null(result);
    assert_int_equal(nested.work.sum, 4000);
    mls_run_clear(&run);
}

static volatile sig_atomic_t stop;

static bool stop_at_ten(void *context, int64_t i, struct mls_error *err)
{
    struct work *work = context;

    (void)err;
    atomic_fetch_add(&work->sum, 1);
    if (i == 10) {
        stop = 1;
    }
    return true;
}

static void the_stop_flag_ends_a_job(void **state)
{
    size_t t;

    (void)state;
    for (t = 0; t < 4; t++) {
        struct mls_run run;
        struct mls_error err = { 0 };
        struct work work = { .threads = 8 };

        start(&run, thread_counts[t]);
        run.stop = &stop;
        stop = 0;
        assert_false(mls_parallel(&run, 1000000, stop_at_ten, &work, &err));
        assert_int_equal(err.code, MLS_INTERRUPTED);
        assert_true(work.sum >= 11 && work.sum < 1000000);
        mls_run_clear(&run);
    }
}

static void a_deadline_ends_a_run_with_a_limit(void **state)
{
    struct mls_run run = { 0 };
    struct mls_error err = { 0 };

    (void)state;
    assert_true(mls_run_go_on(NULL, &err));
    assert_true(mls_run_go_on(&run, &err));
    run.deadline = mls_now() + 1000;
    assert_true(mls_run_go_on(&run, &err));
    run.deadline = mls_now();
    assert_false(mls_run_go_on(&run, &err));
    assert_int_equal(err.code, MLS_LIMIT);
    stop = 1;
    run.stop = &stop;
    assert_false(mls_run_go_on(&run, &err));
    assert_int_equal(err.code, MLS_INTERRUPTED);
}

/* A limit on the address space leaves no room for the stacks of 200 threads.
 * The sanitizers have taken all of it already, so there we ask for the wrong
 * number only. */
static void a_pool_makes_do_with_fewer_threads(void **state)
{
    struct mls_error err = { 0 };
    struct mls_pool *pool;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct rlimit before, less;

    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    less = before;
    less.rlim_cur = 400 << 20;
    assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
    pool = mls_pool_new(200, &err);
    setrlimit(RLIMIT_AS, &before);
    assert_non_null(pool);
    assert_true(mls_pool_threads(pool) >= 1);
    assert_true(mls_pool_threads(pool) < 200);
    mls_pool_free(pool);
#endif
    (void)state;
    pool = mls_pool_new(-3, &err);
    assert_int_equal(mls_pool_threads(pool), 1);
    mls_pool_free(pool);
    mls_pool_free(NULL);
}

static void default_threads_follow_the_affinity(void **state)
{
    cpu_set_t before, one;
    int i, all = mls_threads_available();

    (void)state;
    assert_true(all >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_true(all <= CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (i = 0; !CPU_ISSET(i, &before); i++) {
    }
    CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(mls_threads_available(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* ---- Control groups, as files in a folder of our own ------------------- */

static char root[64];

static void put(const char *path, const char *text)
{
    char full[256], *slash;
    FILE *file;

    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (slash = strchr(full + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int processors(const char *membership)
{
    char path[128];

    put("membership", membership);
    snprintf(path, sizeof(path), "%s/membership", root);
    return mls_cgroup_processors(path, root);
}

static int make_root(void **state)
{
    (void)state;
    memcpy(root, "/tmp/mls_cgroup_XXXXXX", 23);
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void the_quota_of_version_2_is_read(void **state)
{
    (void)state;
    assert_int_equal(processors("0::/none\n"), 0);
    put("jobs/cpu.max", "max 100000\n");
    assert_int_equal(processors("0::/jobs\n"), 0);
    put("jobs/cpu.max", "200000 100000\n");
    assert_int_equal(processors("0::/jobs\n"), 2);
    put("jobs/cpu.max", "150000 100000\n");
    assert_int_equal(processors("0::/jobs\n"), 2);
    put("jobs/cpu.max", "1000 100000\n");
    assert_int_equal(processors("0::/jobs\n"), 1);
}

static void the_tightest_group_above_counts(void **state)
{
    (void)state;
    put("up/cpu.max", "300000 100000\n");
    put("up/mine/cpu.max", "900000 100000\n");
    assert_int_equal(processors("0::/up/mine\n"), 3);
    assert_int_equal(processors("0::/up/mine/gone\n"), 3);
    put("up/mine/cpu.max", "100000 100000\n");
    assert_int_equal(processors("0::/up/mine\n"), 1);
    /* A name that begins alike is no ancestor. */
    assert_int_equal(processors("0::/upper\n"), 0);
    assert_int_equal(processors("0::/../up\n"), 0);
}

static void the_quota_of_version_1_is_read(void **state)
{
    (void)state;
    put("cpu/box/cpu.cfs_quota_us", "-1\n");
    put("cpu/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(processors("3:memory:/m\n4:cpu,cpuacct:/box\n"), 0);
    put("cpu/box/cpu.cfs_quota_us", "400000\n");
    assert_int_equal(processors("3:memory:/m\n4:cpu,cpuacct:/box\n"), 4);
    assert_int_equal(processors("4:cpuacct:/box\n5:cpuset:/box\n"), 0);
    /* In a container the path is the host's and the mount is the group. */
    put("cpu/cpu.cfs_quota_us", "500000\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(processors("4:cpu,cpuacct:/docker/1a2b\n"), 5);
}

static void odd_group_files_mean_no_quota(void **state)
{
    (void)state;
    put("odd/cpu.max", "");
    assert_int_equal(processors("0::/odd\n"), 0);
    put("odd/cpu.max", "100000");
    assert_int_equal(processors("0::/odd\n"), 0);
    put("odd/cpu.max", "100000 0");
    assert_int_equal(processors("0::/odd\n"), 0);
    assert_int_equal(processors(""), 0);
    assert_int_equal(processors("nonsense\n:\n::\n0:\n"), 0);
    assert_int_equal(mls_cgroup_processors("/nonexistent", root), 0);
}

/* ---- Messages ---------------------------------------------------------- */

struct heard {
    char text[4096];
    enum mls_level level;
    double done, total;
    int64_t rows;
};

static void hear(void *context, enum mls_level level, const char *text)
{
    struct heard *heard = context;

    heard->level = level;
    snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void follow(void *context, const char *phase, double done, double total,
                   int64_t rows)
{
    struct heard *heard = context;

    snprintf(heard->text, sizeof(heard->text), "%s", phase);
    heard->done = done;
    heard->total = total;
    heard->rows = rows;
}

static void notes_and_progress_reach_the_caller(void **state)
{
    struct heard heard = { 0 };
    struct mls_run run = { .context = &heard };
    char longest[4001] = "";
    int i;

    (void)state;
    mls_note(NULL, MLS_LOG_NOTE, "nobody");
    mls_note(&run, MLS_LOG_NOTE, "nobody");
    mls_progress(NULL, "nobody", 0, 0);
    mls_progress(&run, "nobody", 0, 0);
    run.message = hear;
    run.progress = follow;
    mls_note(&run, MLS_LOG_WARNING, "%d rows", 3);
    assert_string_equal(heard.text, "3 rows");
    assert_int_equal(heard.level, MLS_LOG_WARNING);
    mls_progress(&run, "fit", 2, 5);
    assert_string_equal(heard.text, "fit");
    assert_true(heard.done == 2 && heard.total == 5 && heard.rows == 0);
    mls_progress_rows(&run, "reading", 7, 3, 0);
    assert_string_equal(heard.text, "reading");
    assert_true(heard.done == 3 && heard.total == 0 && heard.rows == 7);
    /* Two-byte characters: one must not be cut in the middle. */
    for (i = 0; i < 4000; i += 2) {
        memcpy(longest + i, "\xC3\xA9", 2);
    }
    mls_note(&run, MLS_LOG_NOTE, "x%s", longest);
    assert_int_equal(strlen(heard.text), 2046);
    assert_string_equal(heard.text + 2041, "\xC3\xA9\xE2\x80\xA6");
}

static void each_failing_allocation_of_a_pool_is_reported(void **state)
{
    int64_t live = mls_memory_live();
    int i;

    (void)state;
    for (i = 1; i <= 2; i++) {
        struct mls_error err = { 0 };
        struct mls_run run;

        mls_memory_fail_at(i);
        assert_false(mls_run_init(&run, 2, &err));
        assert_int_equal(err.code, MLS_LIMIT);
        mls_run_clear(&run);
        assert_int_equal(mls_memory_live(), live);
    }
    mls_memory_fail_at(0);
}

struct marching {
    _Atomic int steps[8];
    _Atomic bool apart;
    _Atomic int size;
};

/* Each member makes 500 steps; nobody may be a step ahead of a wait. */
static void march(void *context, struct mls_team *team, int index)
{
    struct marching *m = context;
    int size = mls_team_size(team);

    atomic_store(&m->size, size);
    for (int step = 1; step <= 500; step++) {
        atomic_store(&m->steps[index], step);
        mls_team_wait(team);
        for (int k = 0; k < size; k++)
            if (atomic_load(&m->steps[k]) != step)
                atomic_store(&m->apart, true);
        mls_team_wait(team);
    }
}

static bool march_in_task(void *context, int64_t i, struct mls_error *err)
{
    (void)i;
    (void)err;
    mls_team_run(context, 8, march, &(struct marching){ .size = 0 });
    return true;
}

static void a_team_stays_in_step(void **state)
{
    struct mls_error err = { 0 };

    (void)state;
    for (size_t t = 0; t < 4; t++) {
        for (int most = 1; most <= 8; most++) {
            int expected = most < thread_counts[t] ? most : thread_counts[t];
            struct marching m = { .size = 0 };
            struct mls_run run;

            start(&run, thread_counts[t]);
            mls_team_run(&run, most, march, &m);
            assert_int_equal(m.size, expected);
            assert_false(m.apart);
            for (int k = 0; k < expected; k++)
                assert_int_equal(m.steps[k], 500);
            /* Within a task it is the caller alone, and ends. */
            assert_true(mls_parallel(&run, 4, march_in_task, &run, &err));
            mls_run_clear(&run);
        }
    }
    mls_team_run(NULL, 8, march, &(struct marching){ .size = 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(many_small_jobs_all_end),
        cmocka_unit_test(without_a_run_there_is_one_thread),
        cmocka_unit_test(the_smallest_failing_task_is_reported),
        cmocka_unit_test(a_job_within_a_task_runs_in_place),
        cmocka_unit_test(two_callers_may_share_a_pool),
        cmocka_unit_test(a_team_stays_in_step),
        cmocka_unit_test(the_stop_flag_ends_a_job),
        cmocka_unit_test(a_deadline_ends_a_run_with_a_limit),
        cmocka_unit_test(a_pool_makes_do_with_fewer_threads),
        cmocka_unit_test(default_threads_follow_the_affinity),
        cmocka_unit_test_setup_teardown(the_quota_of_version_2_is_read,
                                        make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_tightest_group_above_counts,
                                        make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_quota_of_version_1_is_read,
                                        make_root, remove_root),
        cmocka_unit_test_setup_teardown(odd_group_files_mean_no_quota,
                                        make_root, remove_root),
        cmocka_unit_test(notes_and_progress_reach_the_caller),
        cmocka_unit_test(each_failing_allocation_of_a_pool_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
