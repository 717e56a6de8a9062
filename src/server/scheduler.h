/*
 * Who runs next: bounded concurrency, fair among callers.
 *
 *     pa_scheduler_new(&limits, &scheduler)
 *     pa_scheduler_enter(scheduler, &ticket, &retry_after_ms, &err)     waits for a place
 *     ... the run ...
 *     pa_scheduler_leave(scheduler, &ticket)
 *     pa_scheduler_free(scheduler)                     when nobody is in it
 *
 * Callers take turns, whatever each of them has waiting; within one caller it is first come, first
 * served.  A run is admitted when there is a place and its memory limit fits beside those of the
 * runs there are, and what is held beside runs (pa_scheduler_hold).  One whose memory does not fit
 * keeps its turn, and nobody passes it: small runs cannot starve a large one.  A caller that has as
 * many runs as it may is passed over.
 *
 * A queue that is full refuses at once, and says when to try again, by how long runs take.  Waiting
 * costs no CPU: a ticket sleeps until it is let in, its deadline passes or its caller gives up.
 *
 * Who waits for something else before he wants a place, an earlier turn of his session, says so: he
 * counts as one that waits, but what he waits for has its place to itself.
 *
 *     pa_scheduler_wait(scheduler, &ticket, &retry_after_ms, &err)
 *     ... it comes: pa_scheduler_enter; it does not: pa_scheduler_give_up(scheduler, &ticket)
 *
 * Threads: all but new and free from any.
 */
#ifndef PA_SERVER_SCHEDULER_H
#define PA_SERVER_SCHEDULER_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

#define PA_SCHEDULER_NAME 64

struct pa_scheduler;

struct pa_scheduler_limits {
    uint64_t running_most; /* places, at least 1 */
    uint64_t memory_most;  /* bytes */
    uint64_t queued_most;
};

struct pa_scheduler_ticket {
    const char *caller; /* one queue for each name; shorter than PA_SCHEDULER_NAME */
    uint64_t caller_running_most, caller_queued_most;
    uint64_t memory_bytes;
    uint64_t deadline_ns;          /* monotonic; UINT64_MAX: none */
    int cancel_fd;                 /* -1, or readable when the caller gives up */
    void (*queued)(void *context); /* told when it has to wait; may be NULL */
    void *context;
    uint64_t waited_ns;  /* out, of enter */
    uint64_t entered_ns; /* private, as the next */
    bool counted;        /* it waits by pa_scheduler_wait */
};

struct pa_scheduler *pa_scheduler_new(const struct pa_scheduler_limits *limits);
struct pa_scheduler *pa_scheduler_free(struct pa_scheduler *scheduler);

/* 0 when it may run.  RESOURCE_EXHAUSTED when the queue (or the caller's) is full, or when so much
 * is held beside runs that the end of all runs would not do, with *ret_retry_after_ms; or when the
 * memory limit is more than all there is (*ret_retry_after_ms is 0: trying again is no use);
 * DEADLINE_EXCEEDED; CANCELLED. */
int pa_scheduler_enter(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket,
                       uint64_t *ret_retry_after_ms, struct pa_error *err);
/* RESOURCE_EXHAUSTED as of enter, which then does not refuse for a full queue any more. */
int pa_scheduler_wait(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket,
                      uint64_t *ret_retry_after_ms, struct pa_error *err);
void pa_scheduler_give_up(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket);
void pa_scheduler_leave(struct pa_scheduler *scheduler, const struct pa_scheduler_ticket *ticket);

/* What sessions that wait hold of the memory, all together; in place of what was told before. */
void pa_scheduler_hold(struct pa_scheduler *scheduler, uint64_t held_bytes);

struct pa_scheduler_state {
    uint64_t running, queued, memory_bytes, held_bytes, callers;
    uint64_t mean_run_ns; /* of the last runs; 0 before the first */
};
void pa_scheduler_state(struct pa_scheduler *scheduler, struct pa_scheduler_state *ret);

#endif
