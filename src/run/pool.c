#include "run/pool_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/denial.h"
#include "run/worker_log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOT_FRAME_MAX PA_FRAME_MAX
#define START_LIMIT_NS (120 * PA_NS_PER_S) /* to reach the checkpoint */
#define FORK_LIMIT_NS  (30 * PA_NS_PER_S)
#define FRAME_LIMIT_NS (5 * PA_NS_PER_S) /* between the pieces of a frame */
#define BACKOFF_FIRST  (100 * PA_NS_PER_MS)
#define BACKOFF_MOST   (10 * PA_NS_PER_S)
#define QUIET_NS       (10 * PA_NS_PER_S)   /* after which one idle copy less is kept */
#define BUSY_NS        (4 * PA_NS_PER_MS)   /* of one processor, for a run: twice what it takes */
#define BOOT_LINES     100                  /* of what a boot script writes */
#define NO_ROOM_NS     (500 * PA_NS_PER_MS) /* before the next copy, where there was room for none */

/* --- frames from the root --------------------------------------------------------------------- */

static bool stopping(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    bool stop = pool->stopping;
    pthread_mutex_unlock(&pool->lock);
    return stop;
}

/* Until the root says something; not when the pool ends first, or at `until_ns`. */
static int await(struct pa_pool *pool, uint64_t until_ns, struct pa_error *err) {
    struct pollfd polled[] = {{.fd = pool->root.socket, .events = POLLIN},
                              {.fd = pool->wake, .events = POLLIN}};
    for (uint64_t now; !stopping(pool) && (now = pa_clock_monotonic_ns()) < until_ns;) {
        uint64_t count;
        int n = poll(polled, PA_ARRAY_LEN(polled), (int)((until_ns - now) / PA_NS_PER_MS) + 1);
        if (n > 0 && polled[0].revents)
            return 0;
        if (n > 0 && read(pool->wake, &count, sizeof(count)) < 0) /* a copy is wanted, or the end */
            continue;
    }
    return pa_fail(err, PA_ERR_UNAVAILABLE, "%s",
                   stopping(pool) ? "the pool ends" : "the warm root does not answer");
}

static int receive(struct pa_pool *pool, struct pa_frame *ret, int *ret_fd, struct pa_error *err) {
    int fds[PA_FRAME_MAX_FDS];
    size_t count;
    pa_buf_clear(&pool->payload);
    *ret_fd = -1;
    if (pa_frame_receive(pool->root.socket, ret, &pool->payload, fds, &count, err) < 0)
        return -1;
    for (size_t i = 1; i < count; i++)
        close(fds[i]);
    if (count)
        *ret_fd = fds[0];
    return 0;
}

static void take_reaped(struct pa_pool *pool, const struct pa_frame *frame) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    uint32_t number = pa_get_u32(&reader), status = pa_get_u32(&reader);
    uint64_t cpu_ns = pa_get_u64(&reader);
    pa_log_debug("warm", "%s: copy %u ended with wait status 0x%x", pool->name, number, status);
    pthread_mutex_lock(&pool->lock);
    pool->reaped[pool->reaped_next].number = number;
    pool->reaped[pool->reaped_next].status = (int)status;
    pool->reaped[pool->reaped_next].root = pool->stats.root_starts;
    pool->reaped[pool->reaped_next].cpu_ns = cpu_ns;
    pool->reaped_next = (pool->reaped_next + 1) % PA_POOL_REMEMBERED;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* Whoever waits for an adoption looks for himself (pool_copy.c). */
static void take_adopted(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void take_jailed(struct pa_pool *pool, const struct pa_frame *frame) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    pa_get_u32(&reader);
    if (!pool->jailed)
        pa_get_text_into(&reader, pool->jail_missing, sizeof(pool->jail_missing));
    pool->jailed = true;
    if (*pool->jail_missing)
        pa_log_warn("warm", "%s: not jailed as it should be: %s", pool->name, pool->jail_missing);
}

static void pass_on(struct pa_pool *pool, enum pa_frame_type type, const struct pa_frame *frame) {
    if (pool->log_lines++ >= BOOT_LINES)
        return;
    pa_log(PA_LOG_INFO, "warm", "%s of a boot script: %.*s",
           type == PA_FRAME_STDOUT ? "stdout" : "stderr", (int)PA_MIN(frame->size, (size_t)1000),
           (const char *)frame->payload);
}

/* Serves frames until one of `wanted` comes.  What a root says in between is noted. */
static int receive_until(struct pa_pool *pool, enum pa_frame_type wanted, uint64_t limit_ns,
                         struct pa_frame *ret, int *ret_fd, struct pa_error *err) {
    for (uint64_t until = pa_clock_monotonic_ns() + limit_ns;;) {
        if (await(pool, until, err) < 0 || receive(pool, ret, ret_fd, err) < 0)
            return -1;
        if (ret->type == wanted)
            return 0;
        pa_closep(ret_fd);
        struct pa_end end;
        char denied[PA_DENIAL_ROOM];
        switch (ret->type) {
        case PA_FRAME_LOG:
            pa_worker_log(ret, &pool->log_lines);
            break;
        case PA_FRAME_REAPED:
            take_reaped(pool, ret);
            break;
        case PA_FRAME_ADOPTED:
            take_adopted(pool);
            break;
        case PA_FRAME_JAILED:
            take_jailed(pool, ret);
            break;
        case PA_FRAME_STDOUT:
        case PA_FRAME_STDERR:
            pass_on(pool, ret->type, ret);
            break;
        case PA_FRAME_DENIED:
            if (pa_denial_decode(ret, denied, sizeof(denied)) < 0)
                snprintf(denied, sizeof(denied), "a system call");
            return pa_fail(err, PA_ERR_UNAVAILABLE,
                           "the language made %s, which the jail forbids, before its checkpoint",
                           denied);
        case PA_FRAME_FAILED:
            if (pa_error_decode(ret->payload, ret->size, err) < 0)
                pa_fail(err, PA_ERR_INTERNAL, "a warm root failed");
            return -1;
        case PA_FRAME_EXIT:
            if (pa_end_decode(ret->payload, ret->size, &end) < 0)
                end = (struct pa_end){.status = PA_STATUS_CRASHED};
            return pa_fail(err, PA_ERR_UNAVAILABLE,
                           "the language ended before its checkpoint: %s (exit code %u) %s %.300s",
                           pa_status_name(end.status), end.exit_code, end.message, end.backtrace);
        default:
            return pa_fail(err, PA_ERR_INTERNAL, "a warm root sent a frame of type %d", ret->type);
        }
    }
}

/* --- copies ----------------------------------------------------------------------------------- */

/* This process has no descriptors left, or the machine no memory: no fault of the root's. */
static bool lacks_room(int errnum) {
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM || errnum == ENOBUFS ||
           errnum == EAGAIN;
}

/* -1 when the root is of no use any more.  0 without a copy (*ret is NULL, *err says why) when
 * there is none for now: sessions live by this root, so it is kept. */
static int fork_copy(struct pa_pool *pool, bool session, struct pa_copy **ret,
                     struct pa_error *err) {
    int pair[2];
    *ret = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        pa_fail_errno(err, errno, "cannot create a run channel");
        return 0;
    }
    PA_CLEANUP(pa_closep) int ours = pair[0];
    const uint8_t how[] = {pa_pool_pressed(pool), session};
    int sent = pa_frame_send(pool->root.socket, PA_FRAME_FORK, how, sizeof(how), &pair[1], 1, true);
    close(pair[1]);
    if (sent < 0)
        return pa_fail_errno(err, errno, "the warm root is gone");
    struct pa_frame frame;
    PA_CLEANUP(pa_closep) int pidfd = -1;
    if (receive_until(pool, PA_FRAME_FORKED, FORK_LIMIT_NS, &frame, &pidfd, err) < 0)
        return -1;
    struct pa_reader reader = PA_READER(frame.payload, frame.size);
    uint32_t number = pa_get_u32(&reader), errnum = pa_get_u32(&reader);
    if (!number) {
        pa_fail_errno(err, (int)errnum, "the warm root cannot fork");
        return lacks_room((int)errnum) ? 0 : -1;
    }
    if (pidfd < 0) { /* it ends with its channel, which closes here */
        pa_fail_errno(err, EMFILE, "no descriptor was left for a copy");
        return 0;
    }
    /* This thread alone changes root_starts. */
    *ret = pa_copy_new(pool, pa_steal_fd(&ours), pa_steal_fd(&pidfd), pool->stats.root_starts);
    if (*ret)
        (*ret)->session = session;
    else
        pa_fail(err, PA_ERR_UNAVAILABLE, "a copy died before it was used");
    return 0;
}

static void drop_idle(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    while (pool->stats.idle) {
        struct pa_copy *copy = pool->idle[--pool->stats.idle];
        pa_worker_discard(&copy->worker);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void set_root(struct pa_pool *pool, bool there) {
    pthread_mutex_lock(&pool->lock);
    pool->has_root = there;
    pthread_mutex_unlock(&pool->lock);
}

static void discard_root(struct pa_pool *pool) {
    set_root(pool, false);
    pa_worker_discard(&pool->root);
}

static int start_root(struct pa_pool *pool, struct pa_error *err) {
    uint64_t began = pa_clock_monotonic_ns();
    struct pa_frame frame;
    int fd;
    if (pool->config.start_root(pool->config.context, pool->ending, &pool->root, err) < 0)
        return -1;
    set_root(pool, true);
    pool->log_lines = 0;
    pool->jailed = false;
    pool->jail_missing[0] = 0;
    struct timeval limit = {.tv_sec = FRAME_LIMIT_NS / PA_NS_PER_S};
    setsockopt(pool->root.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(pool->root.socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (receive_until(pool, PA_FRAME_READY, START_LIMIT_NS, &frame, &fd, err) < 0) {
        discard_root(pool);
        return pa_error_prefix(err, "%s", pool->name);
    }
    pa_closep(&fd); /* none is due */
    struct pa_reader reader = PA_READER(frame.payload, frame.size);
    pthread_mutex_lock(&pool->lock);
    pool->stats.memory_bytes = pa_get_u64(&reader);
    pool->stats.start_ns = pa_clock_monotonic_ns() - began;
    pool->stats.ready = true;
    pool->stats.root_starts++;
    pool->stats.trouble[0] = 0;
    pthread_mutex_unlock(&pool->lock);
    pa_log_info("warm", "%s is at its checkpoint after %llu ms", pool->name,
                (unsigned long long)(pool->stats.start_ns / PA_NS_PER_MS));
    return 0;
}

/* How many copies are missing; lets the target sink after a quiet while. */
static unsigned missing(struct pa_pool *pool) {
    uint64_t now = pa_clock_monotonic_ns();
    pthread_mutex_lock(&pool->lock);
    if (now - pool->last_wait_ns > QUIET_NS) {
        pool->last_wait_ns = now;
        if (pool->stats.target > pool->config.idle_least)
            pool->stats.target--;
    }
    unsigned idle = pool->stats.idle, target = pool->stats.target;
    pthread_mutex_unlock(&pool->lock);
    return idle < target ? target - idle : 0;
}

static void signal_event(int event) {
    uint64_t one = 1;
    ssize_t written = write(event, &one, sizeof(one)); /* full means: it is awake anyway */
    (void)written;
}

/* Whether a copy is to be made, and which kind. */
static bool wants_copy(struct pa_pool *pool, bool *ret_session) {
    pthread_mutex_lock(&pool->lock);
    *ret_session = pool->waiters && pool->waiters->session;
    pthread_mutex_unlock(&pool->lock);
    return *ret_session || missing(pool);
}

/* To the first who waits for its kind; else it is kept, unless it is a session's. */
static void hand_out(struct pa_pool *pool, struct pa_copy *copy) {
    pthread_mutex_lock(&pool->lock);
    struct pa_waiter **link = &pool->waiters;
    while (*link && (*link)->session != copy->session)
        link = &(*link)->next;
    struct pa_waiter *first = *link;
    bool kept = first || !copy->session;
    if (first) {
        *link = first->next;
        first->copy = copy;
        signal_event(first->event);
    } else if (kept) {
        pool->idle[pool->stats.idle++] = copy;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!kept)
        pa_worker_discard(&copy->worker);
}

/* -1 when the root is of no use any more. */
static int refill(struct pa_pool *pool, struct pa_error *err) {
    bool session;
    if (pa_clock_monotonic_ns() < pool->fork_after_ns)
        return 0;
    pool->fork_after_ns = 0;
    pa_pool_give_way(pool);
    while (wants_copy(pool, &session) && !stopping(pool)) {
        struct pa_copy *copy;
        if (fork_copy(pool, session, &copy, err) < 0)
            return -1;
        if (!copy) {
            pa_log_warn("warm", "%s: no copy can be made for now: %s", pool->name, err->message);
            pool->fork_after_ns = pa_clock_monotonic_ns() + NO_ROOM_NS;
            return 0;
        }
        hand_out(pool, copy);
    }
    return 0;
}

/* Until the root dies or the pool ends. */
static void serve_root(struct pa_pool *pool, struct pa_error *err) {
    while (!stopping(pool) && refill(pool, err) == 0) {
        struct pollfd polled[] = {{.fd = pool->root.socket, .events = POLLIN},
                                  {.fd = pool->wake, .events = POLLIN}};
        poll(polled, PA_ARRAY_LEN(polled),
             (int)((pool->fork_after_ns ? NO_ROOM_NS : QUIET_NS) / PA_NS_PER_MS));
        uint64_t count;
        if (polled[1].revents && read(pool->wake, &count, sizeof(count)) < 0)
            continue;
        struct pa_frame frame;
        int fd = -1;
        if (polled[0].revents) {
            if (receive(pool, &frame, &fd, err) < 0)
                return;
            if (frame.type == PA_FRAME_REAPED)
                take_reaped(pool, &frame);
            else if (frame.type == PA_FRAME_ADOPTED)
                take_adopted(pool);
            else if (frame.type == PA_FRAME_LOG)
                pa_worker_log(&frame, &pool->log_lines);
            pa_closep(&fd);
        }
    }
}

/* Nobody else writes to the root from here on. */
static void note_end(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->stats.ready = false;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* Who waits for a root that did not start is told so at once; when one that served is gone, the
 * next is there soon. */
static void note_trouble(struct pa_pool *pool, const struct pa_error *err, bool failed) {
    pthread_mutex_lock(&pool->lock);
    pool->stats.ready = false;
    pool->failed = failed;
    snprintf(pool->stats.trouble, sizeof(pool->stats.trouble), "%.255s", err->message);
    for (struct pa_waiter *waiter = pool->waiters; failed && waiter; waiter = waiter->next)
        signal_event(waiter->event);
    pthread_mutex_unlock(&pool->lock);
    pa_log_warn("warm", "%s: %s", pool->name, err->message);
}

static void note_start(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->failed = false;
    pthread_mutex_unlock(&pool->lock);
}

static void pause_ns(struct pa_pool *pool, uint64_t ns) {
    struct pollfd polled = {.fd = pool->wake, .events = POLLIN};
    for (uint64_t until = pa_clock_monotonic_ns() + ns; !stopping(pool);) {
        uint64_t now = pa_clock_monotonic_ns(), count;
        if (now >= until)
            return;
        if (poll(&polled, 1, (int)((until - now) / PA_NS_PER_MS) + 1) > 0 &&
            read(pool->wake, &count, sizeof(count)) < 0)
            return;
    }
}

static void *run(void *context) {
    struct pa_pool *pool = context;
    uint64_t backoff = BACKOFF_FIRST;
    while (!stopping(pool)) {
        struct pa_error err = {0};
        uint64_t began = pa_clock_monotonic_ns();
        const bool started = start_root(pool, &err) == 0;
        if (started) {
            serve_root(pool, &err);
            note_end(pool);
            drop_idle(pool);
            discard_root(pool);
            if (pa_clock_monotonic_ns() - began > BACKOFF_MOST)
                backoff = BACKOFF_FIRST;
        }
        if (stopping(pool))
            break;
        note_trouble(pool, &err, !started);
        pause_ns(pool, backoff);
        note_start(pool);
        backoff = PA_MIN(backoff * 2, BACKOFF_MOST);
    }
    return NULL;
}

/* --- from other threads ------------------------------------------------------------------------
 */

int pa_pool_new(const struct pa_pool_config *config, struct pa_pool **ret, struct pa_error *err) {
    struct pa_pool *pool = pa_xcalloc(1, sizeof(*pool));
    pool->config = *config;
    pool->name = pa_xstrdup(config->name);
    pool->config.idle_most = PA_MIN(PA_MAX(config->idle_most, 1u), (unsigned)PA_POOL_IDLE_ROOM);
    pool->stats.target = PA_MIN(PA_MAX(config->idle_least, 1u), pool->config.idle_most);
    pool->payload = PA_BUF_INIT(ROOT_FRAME_MAX);
    pool->last_wait_ns = pa_clock_monotonic_ns();
    pool->take_interval_ns = PA_POOL_PRESSED_NS;
    pool->busy_interval_ns = BUSY_NS / (uint64_t)PA_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->ending = pool->wake < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pool->ending < 0 ? errno : pthread_create(&pool->thread, NULL, run, pool);
    if (failed) {
        pa_closep(&pool->wake);
        pa_closep(&pool->ending);
        free(pool->name);
        free(pool);
        return pa_fail_errno(err, failed, "cannot start a pool");
    }
    *ret = pool;
    return 0;
}

struct pa_pool *pa_pool_free(struct pa_pool *pool) {
    if (!pool)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    if (pool->has_root) /* it may be in the middle of a frame, for ever */
        shutdown(pool->root.socket, SHUT_RDWR);
    pthread_mutex_unlock(&pool->lock);
    signal_event(pool->ending);
    signal_event(pool->wake);
    pthread_join(pool->thread, NULL);
    pa_buf_done(&pool->payload);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    close(pool->wake);
    close(pool->ending);
    free(pool->name);
    free(pool);
    return NULL;
}

void pa_pool_close(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    for (struct pa_waiter *waiter = pool->waiters; waiter; waiter = waiter->next)
        signal_event(waiter->event);
    pthread_mutex_unlock(&pool->lock);
}

static void note_take(struct pa_pool *pool) {
    uint64_t now = pa_clock_monotonic_ns();
    uint64_t passed = PA_MIN(now - pool->last_take_ns, PA_POOL_PRESSED_NS);
    pool->take_interval_ns = (pool->take_interval_ns * 7 + passed) / 8;
    pool->last_take_ns = now;
    pool->stats.taken++;
    pool->stats.out++;
}

/* Under the lock. */
static void join_queue(struct pa_pool *pool, struct pa_waiter *waiter) {
    struct pa_waiter **link = &pool->waiters;
    while (*link)
        link = &(*link)->next;
    *link = waiter;
    if (!pool->stats.ready)
        return;
    if (waiter->session) { /* always made when it is wanted */
        signal_event(pool->wake);
        return;
    }
    /* it serves, but not fast enough */
    pool->stats.target = PA_MIN(pool->stats.target * 2, pool->config.idle_most);
    pool->last_wait_ns = pa_clock_monotonic_ns();
    pool->stats.waited++;
    signal_event(pool->wake);
}

/* Under the lock, of one that was given no copy. */
static void leave_queue(struct pa_pool *pool, const struct pa_waiter *waiter) {
    struct pa_waiter **link = &pool->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}

/* Until there is something to look at; -1 when the caller gives up or it is too late. */
static int wait_for_event(int event, uint64_t deadline_ns, int cancel_fd) {
    struct pollfd polled[] = {{.fd = event, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
    for (uint64_t now; (now = pa_clock_monotonic_ns()) < deadline_ns;) {
        uint64_t left_ms = (deadline_ns - now) / PA_NS_PER_MS + 1;
        int n = poll(polled, PA_ARRAY_LEN(polled), (int)PA_MIN(left_ms, (uint64_t)INT_MAX));
        if (n > 0)
            return polled[0].revents ? 0 : -1;
    }
    return -1;
}

/* The next copy that is made, or NULL. */
static struct pa_copy *await_copy(struct pa_pool *pool, bool session, uint64_t deadline_ns,
                                  int cancel_fd) {
    PA_CLEANUP(pa_closep) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return NULL;
    struct pa_waiter waiter = {.event = event, .session = session};
    join_queue(pool, &waiter);
    pthread_mutex_unlock(&pool->lock);
    wait_for_event(event, deadline_ns, cancel_fd);
    pthread_mutex_lock(&pool->lock);
    if (!waiter.copy)
        leave_queue(pool, &waiter);
    return waiter.copy;
}

static bool gave_up(int cancel_fd) {
    struct pollfd polled = {.fd = cancel_fd, .events = POLLIN};
    return cancel_fd >= 0 && poll(&polled, 1, 0) > 0;
}

/* Under the lock.  The newest has most in the processor's caches, if it is ready. */
static struct pa_copy *take_idle(struct pa_pool *pool) {
    size_t last = --pool->stats.idle;
    struct pa_copy *copy = pool->idle[pool->config.oldest_first ? 0 : last];
    if (pool->config.oldest_first)
        memmove(pool->idle, pool->idle + 1, last * sizeof(*pool->idle));
    return copy;
}

static int take(struct pa_pool *pool, bool session, uint64_t deadline_ns, int cancel_fd,
                struct pa_worker *ret, struct pa_error *err) {
    struct pa_copy *copy = NULL;
    int result = 0;
    pthread_mutex_lock(&pool->lock);
    if (pool->stats.idle && !pool->closed && !session)
        copy = take_idle(pool);
    else if (!pool->closed && !pool->failed)
        copy = await_copy(pool, session, deadline_ns, cancel_fd);
    if (copy) {
        copy->taken = true;
        *ret = copy->worker;
        note_take(pool);
    } else if (pool->closed) {
        result = pa_fail(err, PA_ERR_UNAVAILABLE, "the warm processes of %s end", pool->name);
    } else if (gave_up(cancel_fd)) {
        result = pa_fail(err, PA_ERR_CANCELLED, "the caller gave up");
    } else {
        result = pa_fail(err, PA_ERR_UNAVAILABLE, "no warm process of %s%s%s%s", pool->name,
                         pool->failed ? "" : " was free in time",
                         pool->stats.trouble[0] ? ": " : "", pool->stats.trouble);
    }
    pthread_mutex_unlock(&pool->lock);
    signal_event(pool->wake);
    return result;
}

int pa_pool_take(struct pa_pool *pool, uint64_t deadline_ns, int cancel_fd, struct pa_worker *ret,
                 struct pa_error *err) {
    return take(pool, false, deadline_ns, cancel_fd, ret, err);
}

int pa_pool_take_session(struct pa_pool *pool, uint64_t deadline_ns, int cancel_fd,
                         struct pa_worker *ret, struct pa_error *err) {
    return take(pool, true, deadline_ns, cancel_fd, ret, err);
}

void pa_pool_stats(struct pa_pool *pool, struct pa_pool_stats *ret) {
    pthread_mutex_lock(&pool->lock);
    *ret = pool->stats;
    pthread_mutex_unlock(&pool->lock);
}
