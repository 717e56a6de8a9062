/* The inside of a pool, shared by pool.c and pool_copy.c alone. */
#ifndef PA_RUN_POOL_INTERNAL_H
#define PA_RUN_POOL_INTERNAL_H

#include "base/clock.h"
#include "run/pool.h"
#include <pthread.h>

#define PA_POOL_REMEMBERED 256 /* wait statuses */
#define PA_POOL_IDLE_ROOM  256
#define PA_POOL_PRESSED_NS PA_NS_PER_S /* for which one that had to wait counts */

/* A copy, from its fork to its reaping; the context of the worker that pa_pool_take gives. */
struct pa_copy {
    struct pa_pool *pool;
    uint32_t number; /* its PID in the root's namespace */
    uint64_t root;   /* which root's, counted from 1 */
    bool session;    /* it may fork */
    bool taken;      /* counted in stats.out */
    struct pa_worker worker;
};

/* A request that no idle copy was there for, on its thread's stack.  The first in the queue gets
 * the next copy, so none is overtaken. */
struct pa_waiter {
    int event;            /* eventfd: look again */
    bool session;         /* wants a copy that may fork, which are made for it alone */
    struct pa_copy *copy; /* given to it; it is then out of the queue */
    struct pa_waiter *next;
};

struct pa_pool {
    char *name;
    struct pa_pool_config config;
    pthread_t thread;
    int wake;   /* eventfd: something for the thread to do */
    int ending; /* eventfd, never read: the pool ends */

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t changed;
    bool closed; /* to those who want a copy */
    bool stopping;
    bool has_root;
    bool failed; /* the last root did not start, and there is a pause before the next one */
    struct pa_copy *idle[PA_POOL_IDLE_ROOM];
    struct pa_waiter *waiters; /* first come, first served; there are none while a copy is idle */
    struct pa_pool_stats stats;
    uint64_t last_wait_ns; /* when a request had to wait, or the target last sank */
    uint64_t last_take_ns, take_interval_ns; /* ... and a running mean of the time between takes */
    uint64_t busy_interval_ns; /* below which this machine has no time to spare; constant */
    struct {
        uint32_t number;
        int status;
        uint64_t root, cpu_ns;
    } reaped[PA_POOL_REMEMBERED]; /* a ring */
    size_t reaped_next;
    char jail_missing[160];

    /* the thread's alone */
    struct pa_worker root; /* its socket is shut down by pa_pool_free, while `has_root` */
    struct pa_buf payload;
    unsigned log_lines;     /* of this root */
    bool jailed;            /* it has said so: what it says later can be a guest's word */
    uint64_t fork_after_ns; /* there was no room for another copy */
};

/* The copy that `pidfd` stands for, of the pool's `root`th root; takes both descriptors.  NULL when
 * it has died already. */
struct pa_copy *pa_copy_new(struct pa_pool *pool, int socket, int pidfd, uint64_t root);

/* Before copies are made: lets a run that has just taken one have the processors, where there is no
 * hurry. */
void pa_pool_give_way(struct pa_pool *pool);

/* Requests have had to wait lately, or come as fast as the machine can serve them: then what a copy
 * does to be quicker, before its request comes, is time that is missing for another's. */
bool pa_pool_pressed(struct pa_pool *pool);

#endif
