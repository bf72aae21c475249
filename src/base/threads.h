/*
 * One pool of threads for the process's run.  Workers sleep on a condition
 * variable (after a spin of a few microseconds).  The pool runs with fewer
 * threads than asked for when the system gives no more.  Work is cut by the
 * data, never by the number of threads; tasks are taken dynamically.
 */
#ifndef MLS_BASE_THREADS_H
#define MLS_BASE_THREADS_H

#include "mlspec/run.h"

MLS_CHECK struct mls_pool *mls_pool_new(int threads, struct mls_error *err);
void mls_pool_free(struct mls_pool *pool);
int mls_pool_threads(const struct mls_pool *pool);  /* NULL: 1 */

/* Processors that affinity and the cgroup (v1, v2) quota allow, at least 1. */
int mls_threads_available(void);

/*
 * Runs task(context, i, err) for each i in [0, tasks).  When some fail, the
 * error of the smallest failing i is reported, whatever the number of threads;
 * tasks after a failing one may not have run.  The calling thread takes part.
 * Called from within a task it runs in place.  run may be NULL: one thread.
 * The stop flag of run is honoured between tasks.
 */
typedef bool mls_task(void *context, int64_t i, struct mls_error *err);
MLS_CHECK bool mls_parallel(const struct mls_run *run, int64_t tasks,
                            mls_task *task, void *context,
                            struct mls_error *err);

/*
 * A team: the same function on several threads at once, for work in many short
 * phases, where a job a phase would cost more than the phase.  Member 0 is the
 * caller.  Between two phases all members call mls_team_wait as often as each
 * other: nobody returns from it before all have come.  A wait spins for some
 * microseconds, then sleeps.
 *
 *   most     the most members that are of use, >= 1
 *   member   must not fail, and must not depend on size for any result
 *
 * The team is the caller alone when run has no pool, its pool is busy, or the
 * caller is within a task.
 */
struct mls_team;
typedef void mls_team_member(void *context, struct mls_team *team, int index);
void mls_team_run(const struct mls_run *run, int most, mls_team_member *member,
                  void *context);
int mls_team_size(const struct mls_team *team);
void mls_team_wait(struct mls_team *team);

/* A number below mls_pool_threads, the same within one task: for scratch. */
int mls_worker(void);

#endif
