/*
 * The warm root at its checkpoint: it forks whenever the supervisor asks, and reaps.
 *
 * The process has one thread and is ready for a request.  A copy gets a channel of its own and
 * waits on it.
 *
 * The root is the first process of its PID namespace: when it dies, the kernel kills every copy.
 */
#include "warm/worker.h"

#include "base/clock.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork(2) with a pidfd.  The copy has one thread, as the root has. */
static pid_t fork_with_pidfd(int *ret_pidfd) {
    return (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, ret_pidfd, NULL, NULL);
}

static uint64_t nanoseconds(const struct timeval *time) {
    return (uint64_t)time->tv_sec * PA_NS_PER_S + (uint64_t)time->tv_usec * 1000;
}

static void report_reaped(struct pa_worker *worker, pid_t pid, int status,
                          const struct rusage *used) {
    struct pa_buf buf = PA_BUF_INIT(64);
    pa_put_u32(&buf, (uint32_t)pid);
    pa_put_u32(&buf, (uint32_t)status);
    pa_put_u64(&buf, nanoseconds(&used->ru_utime) + nanoseconds(&used->ru_stime));
    pa_channel_send(&worker->channel, PA_FRAME_REAPED, buf.data, buf.size);
    pa_buf_done(&buf);
}

/* With each process goes what is left of its group, before its number can be another's: what a
 * session that broke out made by itself. */
static void reap(struct pa_worker *worker) {
    int status;
    pid_t pid;
    struct rusage used;
    while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0) {
        kill(-pid, SIGKILL);
        report_reaped(worker, pid, status, &used);
    }
}

static void report_ready(struct pa_worker *worker) {
    struct pa_buf buf = PA_BUF_INIT(64);
    pa_put_u64(&buf, pa_instance_memory(worker->instance).size);
    pa_channel_send(&worker->channel, PA_FRAME_READY, buf.data, buf.size);
    pa_buf_done(&buf);
}

/* SIGCHLD is blocked but while the root waits, and its handler has nothing to do but interrupt
 * that. */
static void on_child(int number) {
    (void)number;
}

static void watch_children(sigset_t *ret_waiting) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, ret_waiting);
    sigdelset(ret_waiting, SIGCHLD);
    const struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
}

static void become_copy(struct pa_worker *worker, int socket) {
    signal(SIGCHLD, SIG_DFL);
    worker->copy = true;
    pa_worker_take_channel(worker, socket);
    pa_hot_touch(worker);
}

/* One FORK.  True in the copy. */
static bool serve_fork(struct pa_worker *worker, const struct pa_frame *frame, int socket) {
    worker->hurries = frame->size > 0 && frame->payload[0];
    worker->may_fork = frame->size > 1 && frame->payload[1];
    int pidfd = -1;
    pid_t pid = fork_with_pidfd(&pidfd);
    if (pid == 0) {
        become_copy(worker, socket);
        return true;
    }
    if (pid > 0 && worker->may_fork)
        setpgid(pid, pid);
    pa_worker_tell_forked(pid, pidfd, socket);
    return false;
}

/* A session's own copy, a child of ours: one that is dead by now needs no group. */
static void serve_adoption(struct pa_worker *worker, const struct pa_frame *frame) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    uint32_t number = pa_get_u32(&reader);
    setpgid((pid_t)number, (pid_t)number);
    pa_channel_send(&worker->channel, PA_FRAME_ADOPTED, frame->payload, frame->size);
}

/* One frame.  True in a copy. */
static bool serve(struct pa_worker *worker) {
    struct pa_error err;
    struct pa_frame frame;
    int fds[PA_FRAME_MAX_FDS];
    size_t fd_count;
    pa_buf_clear(&worker->payload);
    if (pa_frame_receive(PA_CHANNEL_FD, &frame, &worker->payload, fds, &fd_count, &err) < 0)
        _exit(0); /* the supervisor is gone */
    if (frame.type == PA_FRAME_FORK && fd_count == 1)
        return serve_fork(worker, &frame, fds[0]);
    if (frame.type == PA_FRAME_ADOPT && fd_count == 0) {
        serve_adoption(worker, &frame);
        return false;
    }
    pa_fail(&err, PA_ERR_INTERNAL, "a warm root was sent a frame of type %d with %zu descriptors",
            frame.type, fd_count);
    pa_worker_fail(worker, &err);
}

void pa_worker_fork_loop(struct pa_worker *worker) {
    sigset_t waiting;
    report_ready(worker);
    watch_children(&waiting);
    for (;;) {
        struct pollfd polled = {.fd = PA_CHANNEL_FD, .events = POLLIN};
        int ready = ppoll(&polled, 1, NULL, &waiting);
        if (ready > 0 && serve(worker))
            break;
        reap(worker);
    }
    sigprocmask(SIG_SETMASK, &waiting, NULL);
}
