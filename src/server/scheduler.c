/*
 * A ring of the callers that have something running or waiting, under one lock.
 *
 *     turn ──► caller "a" ──► caller "b" ──► caller "c" ──► (turn)
 *                 │ head          │               │
 *              waiter          waiter             none: only runs
 *              waiter
 *
 * Letting in (`admit`) goes round the ring from the caller whose turn it is.  It is called when
 * something changes: somebody comes, leaves or gives up.  The turn moves on when a caller was let
 * in, so each gets one place at a time.
 *
 * A waiter sleeps in poll() on an eventfd of its own and on its caller's descriptor: that is what
 * lets one thread wait for a place, a deadline and a client that hangs up.  Whoever lets it in
 * writes to the eventfd under the lock; so a waiter that gives up takes the lock and looks whether
 * it was let in meanwhile, and then goes in.
 */
#include "server/scheduler.h"

#include "base/clock.h"
#include "base/units.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RETRY_LEAST_MS 100
#define RETRY_MOST_MS  60000
#define MEAN_WEIGHT    16 /* a run counts for a sixteenth of the mean */

struct waiter {
    struct waiter *next;
    const struct pa_scheduler_ticket *ticket;
    int wake;
    bool admitted, hopeless;
};

struct queue {
    struct queue *next, *previous; /* the ring */
    char name[PA_SCHEDULER_NAME];
    uint64_t running, queued;
    struct waiter *head, **tail;
};

struct pa_scheduler {
    struct pa_scheduler_limits limits;
    pthread_mutex_t lock; /* over what follows */
    struct queue *turn;   /* NULL: nobody is here */
    struct pa_scheduler_state state;
};

struct pa_scheduler *pa_scheduler_new(const struct pa_scheduler_limits *limits) {
    PA_ASSERT(limits->running_most > 0);
    struct pa_scheduler *scheduler = pa_xcalloc(1, sizeof(*scheduler));
    scheduler->limits = *limits;
    pthread_mutex_init(&scheduler->lock, NULL);
    return scheduler;
}

struct pa_scheduler *pa_scheduler_free(struct pa_scheduler *scheduler) {
    if (!scheduler)
        return NULL;
    PA_ASSERT(!scheduler->turn);
    pthread_mutex_destroy(&scheduler->lock);
    free(scheduler);
    return NULL;
}

/* --- the ring --------------------------------------------------------------------------------- */

static struct queue *find(struct pa_scheduler *scheduler, const char *name) {
    struct queue *at = scheduler->turn;
    if (at)
        do {
            if (pa_streq(at->name, name))
                return at;
            at = at->next;
        } while (at != scheduler->turn);
    return NULL;
}

/* A new one is last: its turn comes when everybody else has had theirs. */
static struct queue *find_or_add(struct pa_scheduler *scheduler, const char *name) {
    struct queue *queue = find(scheduler, name);
    if (queue)
        return queue;
    queue = pa_xcalloc(1, sizeof(*queue));
    PA_ASSERT(strlen(name) < sizeof(queue->name));
    memcpy(queue->name, name, strlen(name) + 1);
    queue->tail = &queue->head;
    scheduler->state.callers++;
    if (!scheduler->turn) {
        queue->next = queue->previous = queue;
        scheduler->turn = queue;
        return queue;
    }
    queue->next = scheduler->turn;
    queue->previous = scheduler->turn->previous;
    queue->previous->next = queue;
    queue->next->previous = queue;
    return queue;
}

static void drop_if_empty(struct pa_scheduler *scheduler, struct queue *queue) {
    if (queue->running || queue->queued)
        return;
    queue->previous->next = queue->next;
    queue->next->previous = queue->previous;
    if (scheduler->turn == queue)
        scheduler->turn = queue->next == queue ? NULL : queue->next;
    scheduler->state.callers--;
    free(queue);
}

static void unlink_waiter(struct pa_scheduler *scheduler, struct queue *queue,
                          struct waiter *waiter) {
    struct waiter **link = &queue->head;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (queue->tail == &waiter->next)
        queue->tail = link;
    queue->queued--;
    scheduler->state.queued--;
}

/* --- letting in ------------------------------------------------------------------------------- */

static bool has_place(const struct pa_scheduler *scheduler) {
    return scheduler->state.running < scheduler->limits.running_most;
}

static bool memory_fits(const struct pa_scheduler *scheduler, uint64_t bytes) {
    const uint64_t taken = scheduler->state.memory_bytes + scheduler->state.held_bytes;
    return taken <= scheduler->limits.memory_most && bytes <= scheduler->limits.memory_most - taken;
}

/* Not even when all runs have ended, unless what is held becomes less. */
static bool is_hopeless(const struct pa_scheduler *scheduler, uint64_t bytes) {
    const uint64_t most = scheduler->limits.memory_most, held = scheduler->state.held_bytes;
    return held > most || bytes > most - held;
}

static void take_place(struct pa_scheduler *scheduler, struct queue *queue,
                       const struct pa_scheduler_ticket *ticket) {
    queue->running++;
    scheduler->state.running++;
    scheduler->state.memory_bytes += ticket->memory_bytes;
}

/* The next whose turn it is among those that may run more; NULL if there is none. */
static struct queue *next_in_turn(const struct pa_scheduler *scheduler) {
    struct queue *at = scheduler->turn;
    if (at)
        do {
            if (at->head && at->running < at->head->ticket->caller_running_most)
                return at;
            at = at->next;
        } while (at != scheduler->turn);
    return NULL;
}

static void admit(struct pa_scheduler *scheduler) {
    struct queue *queue;
    while (has_place(scheduler) && (queue = next_in_turn(scheduler))) {
        struct waiter *waiter = queue->head;
        if (is_hopeless(scheduler, waiter->ticket->memory_bytes)) {
            waiter->hopeless = true;
            eventfd_write(waiter->wake, 1);
            return; /* it goes away, and calls this again */
        }
        if (!memory_fits(scheduler, waiter->ticket->memory_bytes))
            return; /* it is next, and waits until enough has ended */
        unlink_waiter(scheduler, queue, waiter);
        take_place(scheduler, queue, waiter->ticket);
        scheduler->turn = queue->next;
        waiter->admitted = true;
        eventfd_write(waiter->wake, 1);
    }
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* When a place may be free for one more: those before it, by as many as end at once. */
static uint64_t retry_after_ms(const struct pa_scheduler *scheduler) {
    const struct pa_scheduler_state *state = &scheduler->state;
    uint64_t before = state->queued + state->running;
    uint64_t ms = before * (state->mean_run_ns / scheduler->limits.running_most) / PA_NS_PER_MS;
    return PA_MIN(PA_MAX(ms, (uint64_t)RETRY_LEAST_MS), (uint64_t)RETRY_MOST_MS);
}

static int refuse_full(const struct pa_scheduler *scheduler, const struct queue *queue,
                       const struct pa_scheduler_ticket *ticket, struct pa_error *err) {
    if (scheduler->state.queued >= scheduler->limits.queued_most)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "%" PRIu64 " runs go on and %" PRIu64
                       " wait (server.max_queued): try again later",
                       scheduler->state.running, scheduler->state.queued);
    return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                   "%" PRIu64 " runs of yours go on and %" PRIu64
                   " wait (server.max_queued_per_caller is %" PRIu64 "): try again later",
                   queue->running, queue->queued, ticket->caller_queued_most);
}

static int refuse_memory(const struct pa_scheduler *scheduler,
                         const struct pa_scheduler_ticket *ticket, struct pa_error *err) {
    char wants[32], most[32];
    return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                   "the run may use %s of memory, and this server gives %s to all runs together "
                   "(server.max_memory_bytes): ask for less with limits.memory_bytes",
                   pa_format_bytes(ticket->memory_bytes, wants, sizeof(wants)),
                   pa_format_bytes(scheduler->limits.memory_most, most, sizeof(most)));
}

static int refuse_held(const struct pa_scheduler *scheduler,
                       const struct pa_scheduler_ticket *ticket, uint64_t *ret_retry_after_ms,
                       struct pa_error *err) {
    char wants[32], held[32], most[32];
    *ret_retry_after_ms = RETRY_MOST_MS;
    return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                   "the run may use %s of memory, and sessions hold %s of the %s that this server "
                   "gives (server.max_memory_bytes): end some, or try again later",
                   pa_format_bytes(ticket->memory_bytes, wants, sizeof(wants)),
                   pa_format_bytes(scheduler->state.held_bytes, held, sizeof(held)),
                   pa_format_bytes(scheduler->limits.memory_most, most, sizeof(most)));
}

static int timeout_until(uint64_t deadline_ns) {
    if (deadline_ns == UINT64_MAX)
        return -1;
    uint64_t now = pa_clock_monotonic_ns();
    uint64_t ms = deadline_ns > now ? (deadline_ns - now + PA_NS_PER_MS - 1) / PA_NS_PER_MS : 0;
    return (int)PA_MIN(ms, (uint64_t)INT32_MAX);
}

/* Until it is let in or has a reason to give up, which goes to *err. */
static int sleep_until(const struct waiter *waiter, struct pa_error *err) {
    const struct pa_scheduler_ticket *ticket = waiter->ticket;
    struct pollfd fds[] = {{waiter->wake, POLLIN, 0}, {ticket->cancel_fd, POLLIN, 0}};
    for (;;) {
        int ready = poll(fds, PA_ARRAY_LEN(fds), timeout_until(ticket->deadline_ns));
        if (ready < 0 && errno != EINTR)
            return pa_fail_errno(err, errno, "waiting in the queue");
        if (ready <= 0) {
            if (pa_clock_monotonic_ns() >= ticket->deadline_ns)
                return pa_fail(err, PA_ERR_DEADLINE_EXCEEDED,
                               "the deadline passed while the run waited for its turn");
            continue;
        }
        if (fds[0].revents)
            return 0;
        return pa_fail(err, PA_ERR_CANCELLED, "cancelled while the run waited for its turn");
    }
}

/* With the lock held, which is given up meanwhile. */
static int wait_for_turn(struct pa_scheduler *scheduler, struct queue *queue,
                         struct pa_scheduler_ticket *ticket, uint64_t *ret_retry_after_ms,
                         struct pa_error *err) {
    PA_CLEANUP(pa_closep) int wake = eventfd(0, EFD_CLOEXEC);
    if (wake < 0) {
        pa_fail_errno(err, errno, "waiting in the queue");
        drop_if_empty(scheduler, queue);
        return -1;
    }
    struct waiter waiter = {.ticket = ticket, .wake = wake};
    *queue->tail = &waiter;
    queue->tail = &waiter.next;
    queue->queued++;
    scheduler->state.queued++;
    admit(scheduler);
    pthread_mutex_unlock(&scheduler->lock);
    if (ticket->queued && !ticket->counted) /* else it was told before */
        ticket->queued(ticket->context);
    int done = sleep_until(&waiter, err);
    pthread_mutex_lock(&scheduler->lock);
    if (waiter.admitted)
        return 0;
    if (waiter.hopeless)
        done = refuse_held(scheduler, ticket, ret_retry_after_ms, err);
    unlink_waiter(scheduler, queue, &waiter);
    drop_if_empty(scheduler, queue);
    admit(scheduler); /* its memory may have held others up */
    return done;
}

/* Whether one more may wait; else *err and when to try again. */
static bool may_wait(struct pa_scheduler *scheduler, struct queue *queue,
                     const struct pa_scheduler_ticket *ticket, uint64_t *ret_retry_after_ms,
                     struct pa_error *err) {
    if (scheduler->state.queued < scheduler->limits.queued_most &&
        queue->queued < ticket->caller_queued_most)
        return true;
    *ret_retry_after_ms = retry_after_ms(scheduler);
    refuse_full(scheduler, queue, ticket, err);
    drop_if_empty(scheduler, queue);
    return false;
}

static int enter(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket,
                 uint64_t *ret_retry_after_ms, struct pa_error *err) {
    struct queue *queue = find_or_add(scheduler, ticket->caller);
    queue->queued -= ticket->counted;
    scheduler->state.queued -= ticket->counted;
    if (ticket->memory_bytes > scheduler->limits.memory_most) {
        drop_if_empty(scheduler, queue);
        return refuse_memory(scheduler, ticket, err);
    }
    if (is_hopeless(scheduler, ticket->memory_bytes)) {
        drop_if_empty(scheduler, queue);
        return refuse_held(scheduler, ticket, ret_retry_after_ms, err);
    }
    if (!queue->head && queue->running < ticket->caller_running_most && has_place(scheduler) &&
        memory_fits(scheduler, ticket->memory_bytes) && !next_in_turn(scheduler)) {
        take_place(scheduler, queue, ticket);
        return 0;
    }
    if (!ticket->counted && !may_wait(scheduler, queue, ticket, ret_retry_after_ms, err))
        return -1;
    return wait_for_turn(scheduler, queue, ticket, ret_retry_after_ms, err);
}

int pa_scheduler_enter(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket,
                       uint64_t *ret_retry_after_ms, struct pa_error *err) {
    uint64_t start = pa_clock_monotonic_ns();
    *ret_retry_after_ms = 0;
    pthread_mutex_lock(&scheduler->lock);
    int done = enter(scheduler, ticket, ret_retry_after_ms, err);
    pthread_mutex_unlock(&scheduler->lock);
    ticket->entered_ns = pa_clock_monotonic_ns();
    ticket->waited_ns = ticket->entered_ns - start;
    return done;
}

int pa_scheduler_wait(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket,
                      uint64_t *ret_retry_after_ms, struct pa_error *err) {
    PA_ASSERT(!ticket->counted);
    pthread_mutex_lock(&scheduler->lock);
    struct queue *queue = find_or_add(scheduler, ticket->caller);
    ticket->counted = may_wait(scheduler, queue, ticket, ret_retry_after_ms, err);
    if (ticket->counted) {
        queue->queued++;
        scheduler->state.queued++;
    }
    pthread_mutex_unlock(&scheduler->lock);
    if (ticket->counted && ticket->queued)
        ticket->queued(ticket->context);
    return ticket->counted ? 0 : -1;
}

void pa_scheduler_give_up(struct pa_scheduler *scheduler, struct pa_scheduler_ticket *ticket) {
    if (!ticket->counted)
        return;
    pthread_mutex_lock(&scheduler->lock);
    struct queue *queue = find(scheduler, ticket->caller);
    PA_ASSERT(queue && queue->queued > 0);
    queue->queued--;
    scheduler->state.queued--;
    ticket->counted = false;
    drop_if_empty(scheduler, queue);
    pthread_mutex_unlock(&scheduler->lock);
}

void pa_scheduler_leave(struct pa_scheduler *scheduler, const struct pa_scheduler_ticket *ticket) {
    uint64_t took = pa_clock_monotonic_ns() - ticket->entered_ns;
    pthread_mutex_lock(&scheduler->lock);
    struct pa_scheduler_state *state = &scheduler->state;
    struct queue *queue = find(scheduler, ticket->caller);
    PA_ASSERT(queue && queue->running > 0);
    queue->running--;
    state->running--;
    state->memory_bytes -= ticket->memory_bytes;
    state->mean_run_ns =
        state->mean_run_ns == 0
            ? took
            : state->mean_run_ns - state->mean_run_ns / MEAN_WEIGHT + took / MEAN_WEIGHT;
    drop_if_empty(scheduler, queue);
    admit(scheduler);
    pthread_mutex_unlock(&scheduler->lock);
}

void pa_scheduler_hold(struct pa_scheduler *scheduler, uint64_t held_bytes) {
    pthread_mutex_lock(&scheduler->lock);
    scheduler->state.held_bytes = held_bytes;
    admit(scheduler);
    pthread_mutex_unlock(&scheduler->lock);
}

void pa_scheduler_state(struct pa_scheduler *scheduler, struct pa_scheduler_state *ret) {
    pthread_mutex_lock(&scheduler->lock);
    *ret = scheduler->state;
    pthread_mutex_unlock(&scheduler->lock);
}
