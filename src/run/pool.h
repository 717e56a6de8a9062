/*
 * A pool: one warm root and idle copies of it, made before they are asked for.
 *
 *     pa_pool_new(&config, &pool, &err)            starts a thread, which starts the root
 *     pa_pool_take(pool, deadline, -1, &worker, &err)  an idle copy; a new one is made meanwhile
 *     pa_job_run(..., &worker, ...)                uses it up
 *     pa_pool_free(pool)                           ends root and copies; no taken one may be left
 *
 * The thread owns the root: it starts it, forks copies from it off the path of requests, hears of
 * ended ones, and starts a new root when one dies, after a pause that doubles.  A root whose copies
 * there is no room for (descriptors, memory) is kept, and asked again later.  How many copies are
 * kept idle follows demand: twice as many when a request had to wait, one less after a quiet while.
 *
 * Threads: pa_pool_take from any.
 */
#ifndef PA_RUN_POOL_H
#define PA_RUN_POOL_H

#include "run/supervise.h"

struct pa_pool_config {
    const char *name; /* for logs: "python"; copied */
    /* Starts a root: a worker that has been sent WARM.  Called by the pool's thread, once or again;
     * gives up when cancel_fd is readable. */
    int (*start_root)(void *context, int cancel_fd, struct pa_worker *ret, struct pa_error *err);
    void *context;
    unsigned idle_least, idle_most; /* copies */
    bool oldest_first;              /* a copy gets ready for longer than it takes to make one */
};

struct pa_pool;
int pa_pool_new(const struct pa_pool_config *config, struct pa_pool **ret, struct pa_error *err);
struct pa_pool *pa_pool_free(struct pa_pool *pool);

/* Nobody gets a copy any more, nor waits for one; those that were taken go on.  Before
 * pa_pool_free, where other threads may still be in pa_pool_take. */
void pa_pool_close(struct pa_pool *pool);

/* Waits, first come, first served, until `deadline_ns` (monotonic) where none is idle: UNAVAILABLE
 * then, with why; at once when the root does not start and the pool pauses before it tries again.
 * CANCELLED when cancel_fd (-1: none) is readable first. */
int pa_pool_take(struct pa_pool *pool, uint64_t deadline_ns, int cancel_fd, struct pa_worker *ret,
                 struct pa_error *err);

/* A copy that may fork, for a session; made for the caller, so it takes a moment. */
int pa_pool_take_session(struct pa_pool *pool, uint64_t deadline_ns, int cancel_fd,
                         struct pa_worker *ret, struct pa_error *err);

/* A copy of a session that waits at its checkpoint, which may fork itself.  UNAVAILABLE when the
 * session does not do so by `deadline_ns`, which ends it, or its root is gone. */
int pa_pool_fork(const struct pa_worker *session, uint64_t deadline_ns, struct pa_worker *ret,
                 struct pa_error *err);

/* Of a copy that has ended: with its root, as every copy of that.  Waits for a moment where that is
 * not known yet. */
bool pa_pool_lost(const struct pa_worker *worker);

struct pa_pool_stats {
    bool ready; /* the root is at its checkpoint */
    bool stays; /* it was started on purpose, not by a request (as pa_pools_each tells) */
    unsigned idle, target;
    unsigned out; /* taken copies that have not been reaped */
    uint64_t taken, waited, root_starts;
    uint64_t start_ns;     /* the last root, from exec to checkpoint */
    uint64_t memory_bytes; /* of the guest at its checkpoint */
    char trouble[256];     /* why the last root failed, or "" */
};
void pa_pool_stats(struct pa_pool *pool, struct pa_pool_stats *ret);

#endif
