/*
 * Reduction over the fixed binary tree of chunk numbers:
 *
 *     level 2          0 1 2 3 4          node k of level l covers the chunks
 *     level 1      0 1     2 3     4      [k 2^l, (k+1) 2^l); one without a
 *     level 0     0   1   2   3   4       right neighbour rises unchanged
 *
 * A thread maps the next chunk, then climbs: while the neighbour of its node is
 * waiting, it folds right into left and has their parent; else it leaves the
 * node waiting and takes another chunk.  So the folds are the same whoever does
 * them, and when they can be done early they are.
 *
 * Memory: a chunk is taken only with a buffer in hand, and there are no more
 * than threads + ceil(log2(chunks)) of them; a thread without one sleeps until
 * a fold gives one back.  That cannot lock up: when nobody maps, the finished
 * chunks are the first n, without holes, and fold to popcount(n) nodes, which
 * is less than the number of buffers.  The chunk number is taken with the
 * buffer, under the lock, for the same reason: a sleeper must hold no hole.
 *
 * Chunks are taken in ascending order and none below a failing one is given up,
 * so the smallest failing chunk's error is the one reported.
 */
#include "base/reduce.h"

#include <pthread.h>

#include "base/memory.h"
#include "base/threads.h"

struct node {
    int64_t number;
    int level;
    void *partial;
};

struct reduction {
    const struct mls_reduce_job *job;
    int64_t chunks;
    int buffers;                /* at most */
    pthread_mutex_t mutex;
    pthread_cond_t given_back;
    struct node *waiting;
    int waiting_count;
    void **idle;                /* buffers made and not in use */
    int idle_count;
    int in_use;
    int64_t next;               /* chunk */
    int64_t failed;             /* the smallest failing chunk, or chunks */
    struct mls_error error;     /* of that one */
};

static void fail_chunk(struct reduction *r, int64_t chunk,
                       const struct mls_error *error)
{
    if (chunk < r->failed) {
        r->failed = chunk;
        r->error = *error;
    }
    pthread_cond_broadcast(&r->given_back);
}

static void give_back(struct reduction *r, void *partial)
{
    r->idle[r->idle_count++] = partial;
    r->in_use--;
    pthread_cond_broadcast(&r->given_back);
}

/* With the mutex held: the next chunk and a zeroed buffer for it; NULL when
 * there is nothing left to do. */
static void *take_chunk(struct reduction *r, int64_t *chunk)
{
    struct mls_error error;
    void *partial;

    while (r->in_use == r->buffers && r->next < r->failed) {
        pthread_cond_wait(&r->given_back, &r->mutex);
    }
    if (r->next >= r->failed) {
        return NULL;
    }
    *chunk = r->next++;
    if (r->idle_count > 0) {
        partial = r->idle[--r->idle_count];
    } else {
        memset(&error, 0, sizeof(error));
        partial = mls_new_array(1, r->job->bytes, &error);
        if (!partial) {
            fail_chunk(r, *chunk, &error);
            return NULL;
        }
    }
    r->in_use++;
    return partial;
}

/* The waiting node, taken from the list; NULL when it is not there. */
static void *take_waiting(struct reduction *r, int level, int64_t number)
{
    int i;

    for (i = 0; i < r->waiting_count; i++) {
        if (r->waiting[i].level == level && r->waiting[i].number == number) {
            void *partial = r->waiting[i].partial;

            r->waiting[i] = r->waiting[--r->waiting_count];
            return partial;
        }
    }
    return NULL;
}

/* With the mutex held, which is let go during a fold: climbs from a chunk. */
static void climb(struct reduction *r, int64_t number, void *partial)
{
    const struct mls_reduce_job *job = r->job;
    int64_t width = r->chunks; /* nodes of this level */
    int level = 0;

    while (width > 1) {
        int64_t neighbour = number ^ 1;

        if (neighbour < width) {
            void *other = take_waiting(r, level, neighbour);
            void *left = number < neighbour ? partial : other;
            void *right = number < neighbour ? other : partial;

            if (!other) {
                break;
            }
            pthread_mutex_unlock(&r->mutex);
            job->fold(job->context, left, right);
            pthread_mutex_lock(&r->mutex);
            give_back(r, right);
            partial = left;
        }
        number /= 2;
        width = (width + 1) / 2;
        level++;
    }
    r->waiting[r->waiting_count++] = (struct node){ number, level, partial };
}

/* One chunk, not necessarily the i-th: see the top. */
static bool reduce_chunk(void *reduction, int64_t i, struct mls_error *err)
{
    struct reduction *r = reduction;
    const struct mls_reduce_job *job = r->job;
    int64_t chunk, first, count;
    void *partial;
    bool ok;

    (void)i;
    pthread_mutex_lock(&r->mutex);
    partial = take_chunk(r, &chunk);
    pthread_mutex_unlock(&r->mutex);
    if (!partial) {
        return true; /* the failure is kept in r */
    }
    memset(partial, 0, job->bytes);
    first = chunk * job->chunk_rows;
    count = job->rows - first < job->chunk_rows ? job->rows - first
                                                : job->chunk_rows;
    ok = job->map(job->context, first, count, partial, err);
    pthread_mutex_lock(&r->mutex);
    if (ok) {
        climb(r, chunk, partial);
    } else {
        fail_chunk(r, chunk, err);
        give_back(r, partial);
    }
    pthread_mutex_unlock(&r->mutex);
    return true;
}

static bool start(struct reduction *r, const struct mls_run *run,
                  struct mls_error *err)
{
    const struct mls_reduce_job *job = r->job;
    int64_t covered = 1;

    r->chunks = job->rows / job->chunk_rows
        + (job->rows % job->chunk_rows != 0);
    r->chunks = r->chunks < 1 ? 1 : r->chunks;
    r->failed = r->chunks;
    r->buffers = mls_pool_threads(run ? run->pool : NULL);
    for (; covered < r->chunks; r->buffers++) {
        covered = covered > INT64_MAX / 2 ? INT64_MAX : covered * 2;
    }
    r->waiting = mls_new(r->buffers, sizeof(*r->waiting), err);
    r->idle = r->waiting ? mls_new(r->buffers, sizeof(*r->idle), err) : NULL;
    return r->idle != NULL;
}

static void clear(struct reduction *r)
{
    int i;

    for (i = 0; i < r->waiting_count; i++) {
        mls_free(r->waiting[i].partial);
    }
    for (i = 0; i < r->idle_count; i++) {
        mls_free(r->idle[i]);
    }
    mls_free(r->waiting);
    mls_free(r->idle);
}

bool mls_reduce(const struct mls_run *run, const struct mls_reduce_job *job,
                void *out, struct mls_error *err)
{
    struct reduction r = { .job = job };
    bool ok;

    pthread_mutex_init(&r.mutex, NULL);
    pthread_cond_init(&r.given_back, NULL);
    ok = start(&r, run, err)
        && mls_parallel(run, r.chunks, reduce_chunk, &r, err);
    if (ok && r.failed < r.chunks) {
        if (err) {
            *err = r.error;
        }
        ok = false;
    }
    if (ok) {
        memcpy(out, r.waiting[0].partial, job->bytes);
    }
    clear(&r);
    pthread_cond_destroy(&r.given_back);
    pthread_mutex_destroy(&r.mutex);
    return ok;
}
