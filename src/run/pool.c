#include "run/pool.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/denial.h"
#include "run/worker_log.h"
#include <errno.h>
#include <fcntl.h>
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
#define PRESSED_NS     PA_NS_PER_S          /* for which one that had to wait counts */
#define BUSY_NS        (4 * PA_NS_PER_MS)   /* of one processor, for a run: twice what it takes */
#define STATUS_WAIT_NS (250 * PA_NS_PER_MS) /* for the wait status of a copy that died */
#define REMEMBERED     256                  /* wait statuses */
#define IDLE_ROOM      256

/* A copy, from its fork to its reaping; the context of the worker that pa_pool_take gives. */
struct copy {
    struct pa_pool *pool;
    uint32_t number; /* its PID in the root's namespace */
    uint64_t root;   /* which root's, counted from 1 */
    struct pa_worker worker;
};

struct pa_pool {
    char *name;
    struct pa_pool_config config;
    pthread_t thread;
    int wake; /* eventfd: something for the thread to do */

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t changed;
    bool closed; /* to those who want a copy */
    bool stopping;
    struct copy *idle[IDLE_ROOM];
    struct pa_pool_stats stats;
    uint64_t last_wait_ns; /* when a request had to wait, or the target last sank */
    uint64_t last_take_ns, take_interval_ns; /* ... and a running mean of the time between takes */
    uint64_t busy_interval_ns; /* below which this machine has no time to spare; constant */
    struct {
        uint32_t number;
        int status;
        uint64_t root;
    } reaped[REMEMBERED]; /* a ring */
    size_t reaped_next;
    char jail_missing[160];

    /* the thread's alone */
    struct pa_worker root;
    struct pa_buf payload;
    unsigned log_lines; /* of this root */
};

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
    pa_log_debug("warm", "%s: copy %u ended with wait status 0x%x", pool->name, number, status);
    pthread_mutex_lock(&pool->lock);
    pool->reaped[pool->reaped_next].number = number;
    pool->reaped[pool->reaped_next].status = (int)status;
    pool->reaped[pool->reaped_next].root = pool->stats.root_starts;
    pool->reaped_next = (pool->reaped_next + 1) % REMEMBERED;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void take_jailed(struct pa_pool *pool, const struct pa_frame *frame) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    pa_get_u32(&reader);
    pa_get_text_into(&reader, pool->jail_missing, sizeof(pool->jail_missing));
}

static void pass_on(enum pa_frame_type type, const struct pa_frame *frame) {
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
        case PA_FRAME_JAILED:
            take_jailed(pool, ret);
            break;
        case PA_FRAME_STDOUT:
        case PA_FRAME_STDERR:
            pass_on(ret->type, ret);
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

/* The process that a pidfd stands for, in our PID namespace. */
static pid_t pid_of(int pidfd) {
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return -1;
    text[n] = 0;
    const char *line = strstr(text, "\nPid:");
    return line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
}

static int status_of(struct pa_pool *pool, const struct copy *copy) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += STATUS_WAIT_NS;
    if (until.tv_nsec >= (long)PA_NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= (long)PA_NS_PER_S;
    }
    int status = SIGKILL; /* where nobody can say */
    pthread_mutex_lock(&pool->lock);
    for (bool late = false, found = false; !late && !found;) {
        for (size_t i = 0; i < REMEMBERED && !found; i++)
            if (pool->reaped[i].number == copy->number && pool->reaped[i].root == copy->root) {
                status = pool->reaped[i].status;
                found = true;
            }
        late = !found && pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

static int reap_copy(struct pa_worker *worker, bool want_status) {
    struct copy *copy = worker->context;
    int status = want_status ? status_of(copy->pool, copy) : 0;
    close(worker->socket);
    close(worker->pidfd);
    free(copy);
    return status;
}

/* Requests have had to wait lately, or come as fast as the machine can serve them: then what a copy
 * does to be quicker, before its request comes, is time that is missing for another's. */
static bool pressed(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    uint64_t now = pa_clock_monotonic_ns();
    bool waited = pool->stats.waited && now - pool->last_wait_ns < PRESSED_NS;
    bool busy =
        now - pool->last_take_ns < PRESSED_NS && pool->take_interval_ns < pool->busy_interval_ns;
    bool is = waited || busy;
    pthread_mutex_unlock(&pool->lock);
    return is;
}

static int fork_copy(struct pa_pool *pool, struct copy **ret, struct pa_error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return pa_fail_errno(err, errno, "cannot create a run channel");
    PA_CLEANUP(pa_closep) int ours = pair[0];
    const uint8_t hurry = pressed(pool);
    int sent = pa_frame_send(pool->root.socket, PA_FRAME_FORK, &hurry, 1, &pair[1], 1, true);
    close(pair[1]);
    if (sent < 0)
        return pa_fail_errno(err, errno, "the warm root is gone");
    struct pa_frame frame;
    PA_CLEANUP(pa_closep) int pidfd = -1;
    if (receive_until(pool, PA_FRAME_FORKED, FORK_LIMIT_NS, &frame, &pidfd, err) < 0)
        return -1;
    struct pa_reader reader = PA_READER(frame.payload, frame.size);
    uint32_t number = pa_get_u32(&reader), errnum = pa_get_u32(&reader);
    if (!number || pidfd < 0)
        return pa_fail_errno(err, (int)errnum, "the warm root cannot fork");
    pid_t pid = pid_of(pidfd);
    if (pid <= 0)
        return pa_fail(err, PA_ERR_INTERNAL, "a copy died before it was used");
    struct copy *copy = pa_xcalloc(1, sizeof(*copy));
    copy->pool = pool;
    copy->number = number;
    copy->root = pool->stats.root_starts; /* this thread alone changes it */
    copy->worker = (struct pa_worker){.socket = pa_steal_fd(&ours),
                                      .pidfd = pa_steal_fd(&pidfd),
                                      .pid = pid,
                                      .reap = reap_copy,
                                      .context = copy};
    memcpy(copy->worker.no_namespaces, pool->jail_missing, sizeof(pool->jail_missing));
    *ret = copy;
    return 0;
}

static void drop_idle(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    while (pool->stats.idle) {
        struct copy *copy = pool->idle[--pool->stats.idle];
        pa_worker_discard(&copy->worker);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* --- the thread ------------------------------------------------------------------------------- */

static int start_root(struct pa_pool *pool, struct pa_error *err) {
    uint64_t began = pa_clock_monotonic_ns();
    struct pa_frame frame;
    int fd;
    if (pool->config.start_root(pool->config.context, &pool->root, err) < 0)
        return -1;
    pool->log_lines = 0;
    struct timeval limit = {.tv_sec = FRAME_LIMIT_NS / PA_NS_PER_S};
    setsockopt(pool->root.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(pool->root.socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (receive_until(pool, PA_FRAME_READY, START_LIMIT_NS, &frame, &fd, err) < 0) {
        pa_worker_discard(&pool->root);
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

static int refill(struct pa_pool *pool, struct pa_error *err) {
    while (missing(pool) && !stopping(pool)) {
        struct copy *copy = NULL;
        if (fork_copy(pool, &copy, err) < 0)
            return -1;
        pthread_mutex_lock(&pool->lock);
        pool->idle[pool->stats.idle++] = copy;
        pthread_cond_broadcast(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
    }
    return 0;
}

/* Until the root dies or the pool ends. */
static void serve_root(struct pa_pool *pool, struct pa_error *err) {
    while (!stopping(pool) && refill(pool, err) == 0) {
        struct pollfd polled[] = {{.fd = pool->root.socket, .events = POLLIN},
                                  {.fd = pool->wake, .events = POLLIN}};
        poll(polled, PA_ARRAY_LEN(polled), (int)(QUIET_NS / PA_NS_PER_MS));
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
            else if (frame.type == PA_FRAME_LOG)
                pa_worker_log(&frame, &pool->log_lines);
            pa_closep(&fd);
        }
    }
}

static void note_trouble(struct pa_pool *pool, const struct pa_error *err) {
    pthread_mutex_lock(&pool->lock);
    pool->stats.ready = false;
    snprintf(pool->stats.trouble, sizeof(pool->stats.trouble), "%.255s", err->message);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    pa_log_warn("warm", "%s: %s", pool->name, err->message);
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
        if (start_root(pool, &err) == 0) {
            serve_root(pool, &err);
            drop_idle(pool);
            pa_worker_discard(&pool->root);
            if (pa_clock_monotonic_ns() - began > BACKOFF_MOST)
                backoff = BACKOFF_FIRST;
        }
        if (stopping(pool))
            break;
        note_trouble(pool, &err);
        pause_ns(pool, backoff);
        backoff = PA_MIN(backoff * 2, BACKOFF_MOST);
    }
    return NULL;
}

/* --- from other threads ------------------------------------------------------------------------
 */

static void wake(struct pa_pool *pool) {
    uint64_t one = 1;
    ssize_t written = write(pool->wake, &one, sizeof(one)); /* full means: it is awake anyway */
    (void)written;
}

int pa_pool_new(const struct pa_pool_config *config, struct pa_pool **ret, struct pa_error *err) {
    struct pa_pool *pool = pa_xcalloc(1, sizeof(*pool));
    pool->config = *config;
    pool->name = pa_xstrdup(config->name);
    pool->config.idle_most = PA_MIN(PA_MAX(config->idle_most, 1u), (unsigned)IDLE_ROOM);
    pool->stats.target = PA_MIN(PA_MAX(config->idle_least, 1u), pool->config.idle_most);
    pool->payload = PA_BUF_INIT(ROOT_FRAME_MAX);
    pool->last_wait_ns = pa_clock_monotonic_ns();
    pool->take_interval_ns = PRESSED_NS;
    pool->busy_interval_ns = BUSY_NS / (uint64_t)PA_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    pool->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pool->wake < 0 ? errno : pthread_create(&pool->thread, NULL, run, pool);
    if (failed) {
        pa_closep(&pool->wake);
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
    pthread_mutex_unlock(&pool->lock);
    wake(pool);
    pthread_join(pool->thread, NULL);
    pa_buf_done(&pool->payload);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    close(pool->wake);
    free(pool->name);
    free(pool);
    return NULL;
}

void pa_pool_close(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void note_take(struct pa_pool *pool) {
    uint64_t now = pa_clock_monotonic_ns();
    uint64_t passed = PA_MIN(now - pool->last_take_ns, PRESSED_NS);
    pool->take_interval_ns = (pool->take_interval_ns * 7 + passed) / 8;
    pool->last_take_ns = now;
}

int pa_pool_take(struct pa_pool *pool, uint64_t deadline_ns, struct pa_worker *ret,
                 struct pa_error *err) {
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / PA_NS_PER_S),
                                   .tv_nsec = (long)(deadline_ns % PA_NS_PER_S)};
    int result = 0;
    bool waited = false, late = false;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stats.idle && !late && !pool->closed) {
        if (!waited && pool->stats.ready) { /* it serves, but not fast enough */
            pool->stats.target = PA_MIN(pool->stats.target * 2, pool->config.idle_most);
            pool->last_wait_ns = pa_clock_monotonic_ns();
            pool->stats.waited++;
            wake(pool);
        }
        waited = true;
        late = pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == ETIMEDOUT;
    }
    if (pool->stats.idle && !pool->closed) {
        *ret = pool->idle[--pool->stats.idle]->worker;
        pool->stats.taken++;
        note_take(pool);
    } else if (pool->closed) {
        result = pa_fail(err, PA_ERR_UNAVAILABLE, "the warm processes of %s end", pool->name);
    } else {
        result = pa_fail(err, PA_ERR_UNAVAILABLE, "no warm process of %s was free in time%s%s",
                         pool->name, pool->stats.trouble[0] ? ": " : "", pool->stats.trouble);
    }
    pthread_mutex_unlock(&pool->lock);
    wake(pool);
    return result;
}

void pa_pool_stats(struct pa_pool *pool, struct pa_pool_stats *ret) {
    pthread_mutex_lock(&pool->lock);
    *ret = pool->stats;
    pthread_mutex_unlock(&pool->lock);
}
