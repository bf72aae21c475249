/*
 * Opening OpenBLAS.
 *
 * The library is opened at the first algebra and not linked, so that commands
 * which need none start without it, and so that its settings can be made
 * before its constructor reads them: the constructor picks the core and the
 * number of threads from the environment, once.
 *
 *   mls_blas -> open_library (once) -> with_settings { dlopen } -> symbols
 *            -> admit_thread (once a thread) -> probe the work buffers
 *
 * It is opened by its soname, which follows the system's choice of flavour and
 * LD_LIBRARY_PATH as any linked library would, and is never closed: its work
 * buffers and its exit handlers outlive any moment at which we could.  When the
 * program around us has opened it before, its core stays what it is, and only
 * the number of threads is set to one.
 *
 * Work buffers: OpenBLAS 0.3.21 keeps one of 128 MiB (address space; pages
 * come as they are used) for each call in flight, maps them as they are first
 * needed, and tries for ever when the system refuses.  So each thread, before
 * its first call and one at a time, maps as many as there are threads and
 * unmaps them.  That asks for more than is missing when some exist already;
 * to know how many do, one would have to read the library's own state.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

#include "linalg/blas.h"
#include "base/memory.h"

#define WORK_BUFFER ((size_t)128 << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mls_blas library; /* written once, under the lock */
static bool opened;
static pthread_key_t admitted; /* not NULL in threads that were let in */
static int64_t threads;        /* admitted and alive */

/* Debian, Fedora's name of the flavour with threads, and others. */
static const char *const sonames[] = { "libopenblas.so.0", "libopenblasp.so.0",
                                       "libopenblas.so" };

static const struct symbol {
    const char *name;
    size_t at;
} symbols[] = {
    { "dgemm_", offsetof(struct mls_blas, dgemm) },
    { "sgemm_", offsetof(struct mls_blas, sgemm) },
    { "dpotrf_", offsetof(struct mls_blas, dpotrf) },
    { "dpotrs_", offsetof(struct mls_blas, dpotrs) },
    { "dpocon_", offsetof(struct mls_blas, dpocon) },
    { "dgeqp3_", offsetof(struct mls_blas, dgeqp3) },
    { "dormqr_", offsetof(struct mls_blas, dormqr) },
    { "dtrtrs_", offsetof(struct mls_blas, dtrtrs) },
    { "dsyevd_", offsetof(struct mls_blas, dsyevd) },
    { "openblas_get_config", offsetof(struct mls_blas, config) },
    { "openblas_get_corename", offsetof(struct mls_blas, core) },
    { "openblas_set_num_threads", offsetof(struct mls_blas, set_threads) },
};

/*
 * The core to ask for, NULL to leave it to OpenBLAS.  0.3.21 knows processors
 * by family and model, and takes one made after it for the oldest of its kind;
 * what counts is which instructions there are (and that the system saves their
 * registers, which __builtin_cpu_supports knows).
 */
static const char *core_for_this_processor(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd")
        && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl")) {
        return "SkylakeX";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return __builtin_cpu_is("amd") ? "Zen" : "Haswell";
#endif
    return NULL;
}

/* What OpenBLAS reads that could change a bit or the number of threads; a
 * value of NULL takes the variable away. */
struct setting {
    const char *name, *value;
    char *before; /* a copy, NULL when it was not set */
};
#define SETTINGS 3

static bool put_setting(const char *name, const char *value,
                        struct mls_error *err)
{
    if ((value ? setenv(name, value, 1) : unsetenv(name)) == 0)
        return true;
    return mls_fail_memory(err, 1, strlen(name), "the environment");
}

static bool keep_settings(struct setting *settings, struct mls_error *err)
{
    for (int i = 0; i < SETTINGS; i++) {
        const char *before = getenv(settings[i].name);

        if (before && !(settings[i].before = mls_copy_text(before, err)))
            return false;
    }
    return true;
}

static bool put_settings(const struct setting *settings, struct mls_error *err)
{
    bool ok = true;

    for (int i = 0; i < SETTINGS && ok; i++)
        ok = put_setting(settings[i].name, settings[i].value, err);
    return ok;
}

static bool restore_settings(const struct setting *settings,
                             struct mls_error *err)
{
    bool ok = true;

    for (int i = 0; i < SETTINGS; i++)
        ok = put_setting(settings[i].name, settings[i].before, err) && ok;
    return ok;
}

static void *open_any(struct mls_error *err)
{
    const char *why = NULL;

    for (size_t i = 0; i < sizeof(sonames) / sizeof(*sonames); i++) {
        void *handle =
            dlopen(sonames[i], RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);

        if (handle)
            return handle;
        if (!why) {
            /* The name that should be there tells most. */
            why = dlerror();
            mls_fail(err, MLS_USAGE, "OpenBLAS cannot be opened: %s",
                     why ? why : sonames[0]);
        }
    }
    mls_fail_fix(err, "install it: apt-get install libopenblas0-pthread");
    return NULL;
}

static bool open_with_settings(void **handle, struct mls_error *err)
{
    struct setting settings[SETTINGS] = {
        { "OPENBLAS_CORETYPE", core_for_this_processor(), NULL },
        { "OPENBLAS_NUM_THREADS", "1", NULL },
        { "OPENBLAS_BLOCK_FACTOR", NULL, NULL },
    };
    bool ok = keep_settings(settings, err);

    *handle = NULL;
    if (ok) {
        ok = put_settings(settings, err);
        if (ok)
            ok = (*handle = open_any(err)) != NULL;
        ok = restore_settings(settings, err) && ok;
    }
    for (int i = 0; i < SETTINGS; i++)
        mls_free(settings[i].before);
    return ok;
}

static bool find_symbols(void *handle, struct mls_blas *blas,
                         struct mls_error *err)
{
    for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
        void *symbol = dlsym(handle, symbols[i].name);

        if (!symbol) {
            mls_fail(err, MLS_USAGE, "the OpenBLAS library has no %s",
                     symbols[i].name);
            return mls_fail_fix(err, "install the one of the distribution: "
                                     "apt-get install libopenblas0-pthread");
        }
        memcpy((char *)blas + symbols[i].at, &symbol, sizeof(symbol));
    }
    if (strstr(blas->config(), "USE64BITINT")) {
        mls_fail(err, MLS_USAGE,
                 "the OpenBLAS library has 64-bit integers in its interface");
        return mls_fail_fix(err, "install libopenblas0-pthread, not "
                                 "libopenblas64-0-pthread");
    }
    return true;
}

static void thread_ends(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    threads--;
    pthread_mutex_unlock(&lock);
}

static bool open_library(struct mls_error *err)
{
    void *handle;

    if (opened)
        return true;
    if (!open_with_settings(&handle, err)
        || !find_symbols(handle, &library, err)) {
        return false;
    }
    if (pthread_key_create(&admitted, thread_ends) != 0)
        return mls_fail(err, MLS_LIMIT, "no thread-specific key is left");
    library.set_threads(1);
    opened = true;
    return true;
}

/* The blocks are a list through their first words, to need no other memory. */
static bool buffers_fit(int64_t count)
{
    void **first = NULL;
    bool fit = true;

    for (int64_t i = 0; i < count && fit; i++) {
        void **block = mmap(NULL, WORK_BUFFER, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        fit = block != MAP_FAILED;
        if (fit) {
            *block = first;
            first = block;
        }
    }
    while (first) {
        void **next = *first;

        munmap(first, WORK_BUFFER);
        first = next;
    }
    return fit;
}

static bool admit_thread(struct mls_error *err)
{
    if (!buffers_fit(threads + 1)) {
        mls_fail_memory(err, (size_t)threads + 1, WORK_BUFFER,
                        "the work buffers of OpenBLAS, one a thread");
        return mls_fail_fix(err, "use fewer threads, or raise the limit of "
                                 "virtual memory (ulimit -v)");
    }
    if (pthread_setspecific(admitted, &library) != 0)
        return mls_fail_memory(err, 1, sizeof(void *), "thread-specific data");
    threads++;
    return true;
}

const struct mls_blas *mls_blas(struct mls_error *err)
{
    static _Thread_local bool ready; /* the cheap way on later calls */
    bool ok = true;

    if (ready)
        return &library;
    pthread_mutex_lock(&lock);
    ok = open_library(err) && admit_thread(err);
    pthread_mutex_unlock(&lock);
    ready = ok;
    return ok ? &library : NULL;
}

bool mls_blas_fits(int64_t rows, int64_t columns, struct mls_error *err)
{
    if (rows <= INT32_MAX && columns <= INT32_MAX)
        return true;
    mls_fail(err, MLS_LIMIT, "a matrix of %lld x %lld has a side past 2^31 - 1",
             (long long)rows, (long long)columns);
    return mls_fail_fix(err, "use fewer rows or columns");
}
