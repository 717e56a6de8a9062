/*
 * A copy of a warm root, from its birth to its reaping, and the forks of a session.
 *
 * A session's fork is made by the session, whose word is not believed: which process it is, the
 * kernel says (a pidfd's fdinfo has its number here and in the root's namespace).  Before it gets
 * work the root gives it a process group of its own, which the kernel is asked about, too: whatever
 * it may make by itself is then in that group, and ends with it.
 */
#include "run/pool_internal.h"

#include "base/clock.h"
#include "run/exchange.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STATUS_WAIT_NS (5 * PA_NS_PER_S) /* for the wait status of a copy that died */
#define ADOPT_WAIT_NS  (5 * PA_NS_PER_S)
#define GIVE_WAY_MS    3

/* The numbers of the process that a pidfd stands for: in our PID namespace, and in its own. */
static int numbers_of(int pidfd, pid_t *ret_pid, uint32_t *ret_number) {
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return -1;
    text[n] = 0;
    char *line = strstr(text, "\nPid:"), *all = strstr(text, "\nNSpid:");
    *ret_pid = line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
    if (*ret_pid <= 0)
        return -1; /* it is dead, or this is no pidfd */
    *ret_number = (uint32_t)*ret_pid;
    if (all) {
        all[1 + strcspn(all + 1, "\n")] = 0;
        char *last = strrchr(all, '\t');
        *ret_number = last ? (uint32_t)strtoul(last + 1, NULL, 10) : 0;
    }
    return *ret_number ? 0 : -1;
}

static struct timespec from_now(uint64_t ns) {
    ns += pa_clock_monotonic_ns();
    return (struct timespec){.tv_sec = (time_t)(ns / PA_NS_PER_S),
                             .tv_nsec = (long)(ns % PA_NS_PER_S)};
}

/* Under the lock. */
static bool find_status(const struct pa_pool *pool, const struct pa_copy *copy, int *ret,
                        uint64_t *ret_cpu_ns) {
    for (size_t i = 0; i < PA_POOL_REMEMBERED; i++)
        if (pool->reaped[i].number == copy->number && pool->reaped[i].root == copy->root) {
            *ret = pool->reaped[i].status;
            *ret_cpu_ns = pool->reaped[i].cpu_ns;
            return true;
        }
    return false;
}

static bool root_is_gone(const struct pa_pool *pool, const struct pa_copy *copy) {
    return !pool->stats.ready || pool->stats.root_starts != copy->root;
}

/* Of a dead one: waits until its root has said how it ended, or is gone itself.  *ret_cpu_ns is
 * left alone where nobody can say. */
static int status_of(struct pa_pool *pool, const struct pa_copy *copy, bool *ret_lost,
                     uint64_t *ret_cpu_ns) {
    const struct timespec until = from_now(STATUS_WAIT_NS);
    int status = SIGKILL; /* where nobody can say */
    bool late = false, found = false;
    pthread_mutex_lock(&pool->lock);
    while (!(found = find_status(pool, copy, &status, ret_cpu_ns)) && !root_is_gone(pool, copy) &&
           !late)
        late = pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == ETIMEDOUT;
    *ret_lost = !found && root_is_gone(pool, copy);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

static int reap_copy(struct pa_worker *worker, bool want_status) {
    struct pa_copy *copy = worker->context;
    bool lost;
    int status = want_status ? status_of(copy->pool, copy, &lost, &worker->cpu_ns) : 0;
    close(worker->socket);
    close(worker->pidfd);
    if (copy->taken) { /* the last that is done with the pool */
        pthread_mutex_lock(&copy->pool->lock);
        copy->pool->stats.out--;
        pthread_mutex_unlock(&copy->pool->lock);
    }
    free(copy);
    return status;
}

struct pa_copy *pa_copy_new(struct pa_pool *pool, int socket, int pidfd, uint64_t root) {
    struct pa_copy *copy = pa_xcalloc(1, sizeof(*copy));
    *copy = (struct pa_copy){
        .pool = pool,
        .root = root,
        .worker = {.socket = socket, .pidfd = pidfd, .reap = reap_copy, .context = copy}};
    if (numbers_of(pidfd, &copy->worker.pid, &copy->number) < 0) {
        pa_worker_discard(&copy->worker);
        return NULL;
    }
    memcpy(copy->worker.no_namespaces, pool->jail_missing, sizeof(pool->jail_missing));
    return copy;
}

/* --- forks of a session ----------------------------------------------------------------------- */

static struct pa_copy *copy_of(const struct pa_worker *worker) {
    return worker->context;
}

static int ask_to_fork(const struct pa_worker *session, uint64_t deadline_ns, int *ret_socket,
                       int *ret_pidfd, struct pa_error *err) {
    int pair[2];
    struct pa_reply reply;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return pa_fail_errno(err, errno, "cannot create a run channel");
    PA_CLEANUP(pa_closep) int ours = pair[0], theirs = pair[1];
    if (pa_exchange(session, PA_FRAME_FORK, NULL, 0, theirs, deadline_ns, PA_FRAME_FORKED, &reply,
                    err) < 0) {
        /* It may answer yet, and that would be taken for its answer to what comes next. */
        pidfd_send_signal(session->pidfd, SIGKILL, NULL, 0);
        return -1;
    }
    struct pa_reader reader = PA_READER(reply.payload.data, reply.payload.size);
    uint32_t number = pa_get_u32(&reader), errnum = pa_get_u32(&reader);
    int done = 0;
    if (!number && errnum)
        done = pa_fail_errno(err, (int)errnum, "the session cannot fork");
    else if (reply.fd < 0)
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "the session did not fork");
    if (done == 0) {
        *ret_socket = pa_steal_fd(&ours);
        *ret_pidfd = pa_steal_fd(&reply.fd);
    }
    pa_reply_done(&reply);
    return done;
}

/* Until the kernel says that the copy is the leader of a process group. */
static int await_adoption(struct pa_pool *pool, const struct pa_copy *copy, struct pa_error *err) {
    const struct timespec until = from_now(ADOPT_WAIT_NS);
    bool late = false;
    while (getpgid(copy->worker.pid) != copy->worker.pid) {
        if (late || root_is_gone(pool, copy))
            return pa_fail(err, PA_ERR_UNAVAILABLE, "the warm root does not take the copy on");
        late = pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == ETIMEDOUT;
    }
    return 0;
}

static int adopt(struct pa_copy *copy, struct pa_error *err) {
    struct pa_pool *pool = copy->pool;
    PA_CLEANUP(pa_buf_done) struct pa_buf number = PA_BUF_INIT(16);
    pa_put_u32(&number, copy->number);
    pthread_mutex_lock(&pool->lock);
    pool->stats.out++;
    copy->taken = true;
    int done = 0;
    if (root_is_gone(pool, copy) || pa_frame_send(pool->root.socket, PA_FRAME_ADOPT, number.data,
                                                  number.size, NULL, 0, false) < 0)
        done = pa_fail(err, PA_ERR_UNAVAILABLE, "the warm root is gone");
    if (done == 0)
        done = await_adoption(pool, copy, err);
    pthread_mutex_unlock(&pool->lock);
    return done;
}

int pa_pool_fork(const struct pa_worker *session, uint64_t deadline_ns, struct pa_worker *ret,
                 struct pa_error *err) {
    struct pa_copy *parent = copy_of(session);
    int socket = -1, pidfd = -1;
    PA_ASSERT(parent->session);
    if (ask_to_fork(session, deadline_ns, &socket, &pidfd, err) < 0)
        return -1;
    struct pa_copy *copy = pa_copy_new(parent->pool, socket, pidfd, parent->root);
    if (!copy)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "the copy of a session died at once");
    copy->session = true;
    if (adopt(copy, err) < 0) {
        pa_worker_discard(&copy->worker);
        return -1;
    }
    *ret = copy->worker;
    return 0;
}

bool pa_pool_lost(const struct pa_worker *worker) {
    const struct pa_copy *copy = copy_of(worker);
    bool lost;
    uint64_t cpu_ns;
    status_of(copy->pool, copy, &lost, &cpu_ns);
    return lost;
}

/* Making a copy takes a processor from the run that has just begun.  So while half of them are idle
 * the next is made once a run has ended (the root says so), or after a moment: 0.4 ms less for a
 * run that comes alone, on two processors. */
void pa_pool_give_way(struct pa_pool *pool) {
    struct pollfd polled[] = {{.fd = pool->root.socket, .events = POLLIN},
                              {.fd = pool->wake, .events = POLLIN}};
    pthread_mutex_lock(&pool->lock);
    unsigned idle = pool->stats.idle, target = pool->stats.target;
    bool hurry = pool->waiters || idle * 2 < target;
    pthread_mutex_unlock(&pool->lock);
    if (!hurry && idle < target)
        poll(polled, PA_ARRAY_LEN(polled), GIVE_WAY_MS);
}

bool pa_pool_pressed(struct pa_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    uint64_t now = pa_clock_monotonic_ns();
    bool waited = pool->stats.waited && now - pool->last_wait_ns < PA_POOL_PRESSED_NS;
    bool busy = now - pool->last_take_ns < PA_POOL_PRESSED_NS &&
                pool->take_interval_ns < pool->busy_interval_ns;
    bool is = waited || busy;
    pthread_mutex_unlock(&pool->lock);
    return is;
}
