/*
 * How OpenBLAS is opened.  This program has a dlopen of its own, which can
 * hide the library and looks at the environment at the moment of opening.
 * The tests depend on their order: the library is opened once a process.
 */
#include "test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>

#include "linalg/blas.h"
#include "mlspec/version.h"
#include "base/memory.h"

static struct mls_error err;
static bool hidden;
static char seen_core[64], seen_threads[64], seen_factor[64];

static void look(const char *name, char seen[64])
{
    const char *value = getenv(name);

    snprintf(seen, 64, "%s", value ? value : "(none)");
}

void *dlopen(const char *name, int flags)
{
    void *(*real)(const char *, int);
    void *symbol = dlsym(RTLD_NEXT, "dlopen");

    if (hidden)
        return NULL;
    look("OPENBLAS_CORETYPE", seen_core);
    look("OPENBLAS_NUM_THREADS", seen_threads);
    look("OPENBLAS_BLOCK_FACTOR", seen_factor);
    memcpy(&real, &symbol, sizeof(real));
    return real(name, flags);
}

static void a_missing_library_is_said_with_the_package_to_install(void **state)
{
    char text[100] = "left over";

    (void)state;
    hidden = true;
    assert_null(mls_blas(&err));
    assert_int_equal(err.code, MLS_USAGE);
    assert_non_null(strstr(err.what, "OpenBLAS"));
    assert_non_null(strstr(err.fix, "libopenblas0-pthread"));
    assert_false(mls_version_blas(text, sizeof(text), &err));
    assert_string_equal(text, "");
    hidden = false;
}

static void a_failing_allocation_leaves_the_environment_alone(void **state)
{
    (void)state;
    setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    setenv("OPENBLAS_BLOCK_FACTOR", "2", 1);
    for (int n = 1; n <= 2; n++) {
        mls_memory_fail_at(n);
        assert_null(mls_blas(&err));
        mls_memory_fail_at(0);
        assert_int_equal(err.code, MLS_LIMIT);
        assert_string_equal(getenv("OPENBLAS_CORETYPE"), "Prescott");
        assert_string_equal(getenv("OPENBLAS_BLOCK_FACTOR"), "2");
    }
    assert_int_equal(mls_memory_live(), 0);
}

static void the_environment_is_overridden_and_put_back(void **state)
{
    (void)state;
    unsetenv("OPENBLAS_NUM_THREADS");
    assert_non_null(mls_blas(&err));
    assert_string_equal(seen_threads, "1");
    assert_string_equal(seen_factor, "(none)");
    assert_string_not_equal(seen_core, "Prescott");
    assert_string_equal(getenv("OPENBLAS_CORETYPE"), "Prescott");
    assert_string_equal(getenv("OPENBLAS_BLOCK_FACTOR"), "2");
    assert_null(getenv("OPENBLAS_NUM_THREADS"));
    assert_int_equal(mls_memory_live(), 0);
}

/* The core is the one that the processor's instructions allow, whatever
 * OpenBLAS thinks of its family. */
static void the_core_fits_the_processor(void **state)
{
    char text[100];
    const char *want = NULL;

    (void)state;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq"))
        want = "(core SkylakeX)";
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        want = __builtin_cpu_is("amd") ? "(core Zen)" : "(core Haswell)";
#endif
    assert_true(mls_version_blas(text, sizeof(text), &err));
    assert_int_equal(strncmp(text, "OpenBLAS 0.", 11), 0);
    if (want)
        assert_non_null(strstr(text, want));
    assert_true(mls_version_blas(text, 5, &err));
    assert_string_equal(text, "Open");
    assert_string_equal(mls_version(), MLS_VERSION);
}

static void a_second_call_is_the_same_library(void **state)
{
    (void)state;
    assert_ptr_equal(mls_blas(&err), mls_blas(&err));
}

/* A thread that first calls when address space is short, then when it is
 * not. */
struct late {
    pthread_barrier_t started, limited, tried, freed;
    bool refused, came_in;
    struct mls_error err;
};

static void *call_late(void *context)
{
    struct late *late = context;

    pthread_barrier_wait(&late->started);
    pthread_barrier_wait(&late->limited);
    late->refused = mls_blas(&late->err) == NULL;
    pthread_barrier_wait(&late->tried);
    pthread_barrier_wait(&late->freed);
    late->came_in = late->refused && mls_blas(&late->err) != NULL;
    return NULL;
}

static void a_thread_without_room_for_its_buffer_gets_an_error(void **state)
{
    struct late late = { .refused = false };
    struct rlimit before, small;
    pthread_t thread;

    (void)state;
    pthread_barrier_init(&late.started, NULL, 2);
    pthread_barrier_init(&late.limited, NULL, 2);
    pthread_barrier_init(&late.tried, NULL, 2);
    pthread_barrier_init(&late.freed, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, call_late, &late), 0);
    pthread_barrier_wait(&late.started);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    small = (struct rlimit){ 1 << 20, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    pthread_barrier_wait(&late.limited);
    pthread_barrier_wait(&late.tried);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    pthread_barrier_wait(&late.freed);
    pthread_join(thread, NULL);
    assert_true(late.refused);
    assert_int_equal(late.err.code, MLS_LIMIT);
    assert_non_null(strstr(late.err.fix, "threads"));
    assert_true(late.came_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_library_is_said_with_the_package_to_install),
        cmocka_unit_test(a_failing_allocation_leaves_the_environment_alone),
        cmocka_unit_test(the_environment_is_overridden_and_put_back),
        cmocka_unit_test(the_core_fits_the_processor),
        cmocka_unit_test(a_second_call_is_the_same_library),
        cmocka_unit_test(a_thread_without_room_for_its_buffer_gets_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
