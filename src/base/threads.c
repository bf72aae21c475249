/*
 * A pool of threads that share out the tasks of one job at a time.
 *
 *     caller:  opens a job -> wakes -> takes tasks -> closes -> waits for those
 *     worker:  sleeps ------> joins -> takes tasks -> leaves     who joined
 *
 * Tasks are taken from one counter.  A worker that wakes up late finds the job
 * closed and goes back to sleep, so the caller never waits for a thread that
 * the system has not run yet; this is what makes small jobs beside a busy
 * neighbour cheap, and why there is no barrier.
 *
 * Errors: numbers are handed out in ascending order, so when task f fails every
 * smaller one is running or done.  Nobody gives up a task below the smallest
 * failing number, and so the smallest failing task of all is always found.
 *
 * All state of a job is guarded by the pool's mutex, but for the two counters
 * that are read between tasks.
 */
#include "base/threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/cgroup.h"
#include "base/memory.h"

#define MOST_THREADS 1024
#define SPINS 100 /* of a pause: a few microseconds */
#define TEAM_SPINS 500 /* a phase ends for all at about the same time */

struct job {
    const struct mls_run *run;
    mls_task *task;
    void *context;
    int64_t tasks;
    _Atomic int64_t next;
    _Atomic int64_t failed;     /* the smallest failing number, or tasks */
    struct mls_error error;     /* of that one */
};

struct worker {
    struct mls_pool *pool;
    pthread_t thread;
    int number;                 /* from 1; the caller is 0 */
};

struct mls_pool {
    struct worker *workers;
    int count;                  /* of workers that run */
    pthread_mutex_t mutex;
    pthread_cond_t wake, left;
    struct job *job;            /* open for joining, or NULL */
    int places;                 /* workers that may still join it */
    _Atomic int inside;         /* workers that joined and have not left */
    _Atomic uint64_t opened;    /* jobs so far */
    _Atomic bool busy;
    bool ending;
};

static _Thread_local bool in_task;
static _Thread_local int worker_number;

static void spin_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- Taking tasks ------------------------------------------------------ */

static void keep_error(struct mls_pool *pool, struct job *job, int64_t i,
                       const struct mls_error *error)
{
    if (pool) {
        pthread_mutex_lock(&pool->mutex);
    }
    if (i < atomic_load(&job->failed)) {
        atomic_store(&job->failed, i);
        job->error = *error;
    }
    if (pool) {
        pthread_mutex_unlock(&pool->mutex);
    }
}

/* pool NULL: nobody else works on the job. */
static void take_tasks(struct mls_pool *pool, struct job *job)
{
    bool was_in_task = in_task;
    struct mls_error error;

    in_task = true;
    memset(&error, 0, sizeof(error));
    for (;;) {
        int64_t i = atomic_fetch_add(&job->next, 1);

        if (i >= job->tasks || i > atomic_load(&job->failed)) {
            break;
        }
        if (!mls_run_go_on(job->run, &error)
            || !job->task(job->context, i, &error)) {
            keep_error(pool, job, i, &error);
            break;
        }
    }
    in_task = was_in_task;
}

static bool finish(const struct job *job, struct mls_error *err)
{
    if (atomic_load(&job->failed) == job->tasks) {
        return true;
    }
    if (err) {
        *err = job->error;
    }
    return false;
}

/* ---- Workers ----------------------------------------------------------- */

/* Waits for a job not seen before, or the end (NULL); the mutex is held after.
 * A job may be over by the time that it is seen. */
static struct job *next_job(struct mls_pool *pool, uint64_t *seen)
{
    int spins;

    for (spins = 0; spins < SPINS; spins++) {
        if (atomic_load_explicit(&pool->opened, memory_order_relaxed)
            != *seen) {
            break;
        }
        spin_once();
    }
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        if (pool->ending) {
            return NULL;
        }
        if (atomic_load(&pool->opened) != *seen) {
            *seen = atomic_load(&pool->opened);
            if (pool->job && pool->places > 0) {
                return pool->job;
            }
        }
        pthread_cond_wait(&pool->wake, &pool->mutex);
    }
}

static void *work(void *worker_)
{
    const struct worker *worker = worker_;
    struct mls_pool *pool = worker->pool;
    uint64_t seen = 0;
    struct job *job;

    worker_number = worker->number;
    while ((job = next_job(pool, &seen)) != NULL) {
        pool->places--;
        atomic_fetch_add(&pool->inside, 1);
        pthread_mutex_unlock(&pool->mutex);
        take_tasks(pool, job);
        pthread_mutex_lock(&pool->mutex);
        if (atomic_fetch_sub(&pool->inside, 1) == 1) {
            pthread_cond_signal(&pool->left);
        }
        pthread_mutex_unlock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals are for the caller's thread: the workers start with all blocked but
 * SIGPIPE, which is for the thread that wrote to the pipe, whichever it is. */
static void start_workers(struct mls_pool *pool, int wanted)
{
    sigset_t all, before;

    sigfillset(&all);
    sigdelset(&all, SIGPIPE);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->count < wanted) {
        struct worker *worker = &pool->workers[pool->count];

        worker->pool = pool;
        worker->number = pool->count + 1;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            break;
        }
        pool->count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct mls_pool *mls_pool_new(int threads, struct mls_error *err)
{
    struct mls_pool *pool = mls_new(1, sizeof(*pool), err);
    int wanted = threads < 1 ? 0 : threads > MOST_THREADS ? MOST_THREADS - 1
                                                          : threads - 1;

    if (!pool) {
        return NULL;
    }
    pool->workers = mls_new(wanted, sizeof(*pool->workers), err);
    if (!pool->workers) {
        mls_free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->left, NULL);
    start_workers(pool, wanted);
    return pool;
}

void mls_pool_free(struct mls_pool *pool)
{
    int i;

    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    atomic_fetch_add(&pool->opened, 1); /* ends a spin */
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (i = 0; i < pool->count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    mls_free(pool->workers);
    mls_free(pool);
}

int mls_pool_threads(const struct mls_pool *pool)
{
    return pool ? pool->count + 1 : 1;
}

/* ---- Jobs -------------------------------------------------------------- */

static void open_job(struct mls_pool *pool, struct job *job)
{
    int places = job->tasks - 1 < pool->count ? (int)(job->tasks - 1)
                                              : pool->count;
    int i;

    pthread_mutex_lock(&pool->mutex);
    pool->job = job;
    pool->places = places;
    atomic_fetch_add(&pool->opened, 1);
    if (places == pool->count) {
        pthread_cond_broadcast(&pool->wake);
    } else {
        for (i = 0; i < places; i++) {
            pthread_cond_signal(&pool->wake);
        }
    }
    pthread_mutex_unlock(&pool->mutex);
}

static void close_job(struct mls_pool *pool)
{
    int spins;

    pthread_mutex_lock(&pool->mutex);
    pool->job = NULL;
    pthread_mutex_unlock(&pool->mutex);
    for (spins = 0; spins < SPINS && atomic_load(&pool->inside) > 0; spins++) {
        spin_once();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->inside) > 0) {
        pthread_cond_wait(&pool->left, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

/* In the calling thread alone.  A task that runs a job of its own keeps its
 * number, unless the job's pool has no such number: scratch cut for one thread
 * must not be entered at 5. */
static void run_in_place(struct job *job)
{
    const struct mls_pool *pool = job->run ? job->run->pool : NULL;
    int number = worker_number;

    if (number >= mls_pool_threads(pool)) {
        worker_number = 0;
    }
    take_tasks(NULL, job);
    worker_number = number;
}

bool mls_parallel(const struct mls_run *run, int64_t tasks, mls_task *task,
                  void *context, struct mls_error *err)
{
    struct mls_pool *pool = run ? run->pool : NULL;
    struct job job = { .run = run, .task = task, .context = context,
                       .tasks = tasks };

    if (tasks <= 0) {
        return true;
    }
    atomic_init(&job.failed, tasks);
    /* Two threads of a program may share a pool: the second one works alone. */
    if (!pool || pool->count == 0 || tasks == 1 || in_task
        || atomic_exchange(&pool->busy, true)) {
        run_in_place(&job);
        return finish(&job, err);
    }
    open_job(pool, &job);
    take_tasks(pool, &job);
    close_job(pool);
    atomic_store(&pool->busy, false);
    return finish(&job, err);
}

int mls_worker(void)
{
    return worker_number;
}

/* ---- Teams ------------------------------------------------------------- */

/*
 * A job of as many tasks as members.  A member waits in its task for all
 * others, so each task gets a thread of its own: no thread takes a second one
 * before every member has at least begun.  (Without a wait in it one thread may
 * well do all members in turn.)
 */
struct mls_team {
    int size;
    mls_team_member *member;
    void *context;
    _Atomic int arrived;
    _Atomic uint32_t rounds;    /* of waiting that are over */
    pthread_mutex_t mutex;
    pthread_cond_t go_on;
};

int mls_team_size(const struct mls_team *team)
{
    return team->size;
}

void mls_team_wait(struct mls_team *team)
{
    uint32_t round = atomic_load(&team->rounds);

    if (team->size == 1)
        return;
    if (atomic_fetch_add(&team->arrived, 1) == team->size - 1) {
        atomic_store(&team->arrived, 0);
        pthread_mutex_lock(&team->mutex);
        atomic_store(&team->rounds, round + 1);
        pthread_cond_broadcast(&team->go_on);
        pthread_mutex_unlock(&team->mutex);
        return;
    }
    for (int spins = 0; spins < TEAM_SPINS; spins++) {
        if (atomic_load(&team->rounds) != round)
            return;
        spin_once();
    }
    pthread_mutex_lock(&team->mutex);
    while (atomic_load(&team->rounds) == round)
        pthread_cond_wait(&team->go_on, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

static bool be_member(void *team_, int64_t i, struct mls_error *err)
{
    struct mls_team *team = team_;

    (void)err;
    team->member(team->context, team, (int)i);
    return true;
}

void mls_team_run(const struct mls_run *run, int most, mls_team_member *member,
                  void *context)
{
    struct mls_pool *pool = run ? run->pool : NULL;
    struct mls_team team = { .size = 1, .member = member, .context = context };
    struct job job = { .task = be_member, .context = &team };

    if (!pool || pool->count == 0 || most <= 1 || in_task
        || atomic_exchange(&pool->busy, true)) {
        member(context, &team, 0);
        return;
    }
    team.size = most <= pool->count ? most : pool->count + 1;
    job.tasks = team.size;
    atomic_init(&job.failed, job.tasks);
    pthread_mutex_init(&team.mutex, NULL);
    pthread_cond_init(&team.go_on, NULL);
    open_job(pool, &job);
    take_tasks(pool, &job);
    close_job(pool);
    atomic_store(&pool->busy, false);
    pthread_cond_destroy(&team.go_on);
    pthread_mutex_destroy(&team.mutex);
}

/* ---- Processors -------------------------------------------------------- */

/* The mask of the kernel may be wider than cpu_set_t: grow until it fits. */
static int affinity_count(void)
{
    int processors;

    for (processors = 1024; processors <= 1 << 20; processors *= 2) {
        size_t bytes = CPU_ALLOC_SIZE(processors);
        cpu_set_t *set = mls_new(1, bytes, NULL);
        int n = 0, failure = 0;

        if (!set) {
            break;
        }
        if (sched_getaffinity(0, bytes, set) == 0) {
            n = CPU_COUNT_S(bytes, set);
        } else {
            failure = errno;
        }
        mls_free(set);
        if (failure != EINVAL) {
            return n;
        }
    }
    return 0;
}

int mls_threads_available(void)
{
    int n = affinity_count();
    int quota = mls_cgroup_processors("/proc/self/cgroup", "/sys/fs/cgroup");

    if (quota > 0 && (n == 0 || quota < n)) {
        n = quota;
    }
    return n < 1 ? 1 : n;
}
