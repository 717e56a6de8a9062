/*
 * The pools of a server, by what is wanted: each kind of warm process (language, variant, mounts,
 * preloaded modules, interpreter) has one, which starts when it is first asked for.
 *
 *     pa_pools_new(&config, &pools, &err)
 *     pa_pools_take(pools, &want, deadline_ns, cancel_fd, &worker, &err)    an idle copy, used up
 *     pa_pools_close(pools);                          nobody gets one any more, nor waits
 *     pa_pools_free(pools);                           when no taken one is left
 *
 * Threads: all but new and free from any.
 */
#ifndef PA_RUN_POOLS_H
#define PA_RUN_POOLS_H

#include "run/handover.h"
#include "run/pool.h"

#define PA_MAX_POOLS 64

struct pa_pools_config {
    struct pa_executor *executor;   /* borrowed, outlives the pools */
    const struct pa_packs *packs;   /* borrowed */
    const char *cache_directory;    /* NULL: the default */
    const struct pa_policy *policy; /* copied: of roots; what requests bring is theirs */
    unsigned idle_least, idle_most; /* copies that each pool keeps */
    uint64_t rest_ms;               /* a kind that was not asked for so long, and that nobody has a
                                       copy of, ends when another is asked for; 0: half an hour */
};

struct pa_pools;
int pa_pools_new(const struct pa_pools_config *config, struct pa_pools **ret, struct pa_error *err);
void pa_pools_close(struct pa_pools *pools);
struct pa_pools *pa_pools_free(struct pa_pools *pools);

/* Starts the pool of an image, as the first request for it under the pools' policy would.  It stays
 * until pa_pools_free; of the others, when there is no room for another kind, the one goes that
 * nobody has a copy of and that was asked for longest ago. */
int pa_pools_warm(struct pa_pools *pools, const struct pa_image *image, struct pa_error *err);

/* The same for the process that compiles and runs Python programs (PA_PYTHON_COMPILED). */
int pa_pools_warm_compiled(struct pa_pools *pools, struct pa_error *err);

/* Waits until `deadline_ns` (monotonic) or until cancel_fd (-1: none) is readable: CANCELLED.
 * UNAVAILABLE with why when its root cannot start in time, RESOURCE_EXHAUSTED past PA_MAX_POOLS
 * kinds that are all in use. */
int pa_pools_take(struct pa_pools *pools, const struct pa_want *want, uint64_t deadline_ns,
                  int cancel_fd, struct pa_worker *ret, struct pa_error *err);

/* True if what is wanted has a root at its checkpoint: it was compiled, then, and a copy opens
 * nothing.
 */
bool pa_pools_ready(struct pa_pools *pools, const struct pa_want *want);

/* One that may fork, for a session (pa_pool_take_session). */
int pa_pools_take_session(struct pa_pools *pools, const struct pa_want *want, uint64_t deadline_ns,
                          int cancel_fd, struct pa_worker *ret, struct pa_error *err);

/* Ends those that nobody has a copy of and that have a mount below this folder, and what they hold
 * of it is free. */
void pa_pools_release(struct pa_pools *pools, const char *folder);

/* Calls `each` for every pool; `kind` is what a reader of metrics may see, no two the same:
 * "python", "python (metered)", "python +numpy +pandas", and " #2" behind one that differs in its
 * mounts. `each` does not call back. */
void pa_pools_each(struct pa_pools *pools,
                   void (*each)(void *context, const char *kind, const struct pa_pool_stats *stats),
                   void *context);

#endif
