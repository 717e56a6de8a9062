/*
 * The warm root at its checkpoint: it forks whenever the supervisor asks, and reaps.
 *
 * The process has one thread and stands inside the guest's read of its request.  Before it says
 * that it is ready, its linear memory is put on the footing that makes forks cheap
 * (pa_instance_settle).  A copy gets a channel of its own and waits on it.
 *
 * The root is the first process of its PID namespace: when it dies, the kernel kills every copy.
 */
#include "warm/worker.h"

#include "base/clock.h"
#include <errno.h>
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

static void report_reaped(struct pa_worker *worker, pid_t pid, int status) {
    struct pa_buf buf = PA_BUF_INIT(64);
    pa_put_u32(&buf, (uint32_t)pid);
    pa_put_u32(&buf, (uint32_t)status);
    pa_channel_send(&worker->channel, PA_FRAME_REAPED, buf.data, buf.size);
    pa_buf_done(&buf);
}

/* The number of copies left. */
static size_t reap(struct pa_worker *worker, size_t copies) {
    int status;
    pid_t pid;
    while (copies && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
        report_reaped(worker, pid, status);
        copies--;
    }
    return copies;
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
    close(PA_CHANNEL_FD); /* the root's; the copy's takes its place, the lowest that is free */
    PA_ASSERT(fcntl(socket, F_DUPFD_CLOEXEC, PA_CHANNEL_FD) == PA_CHANNEL_FD);
    close(socket);
    pa_channel_init(&worker->channel, PA_CHANNEL_FD);
    pa_hot_touch(worker);
}

/* One FORK.  True in the copy. */
static bool serve_fork(struct pa_worker *worker, size_t *copies) {
    struct pa_error err;
    struct pa_frame frame;
    int fds[PA_FRAME_MAX_FDS];
    size_t fd_count;
    pa_buf_clear(&worker->payload);
    if (pa_frame_receive(PA_CHANNEL_FD, &frame, &worker->payload, fds, &fd_count, &err) < 0)
        _exit(0); /* the supervisor is gone */
    if (frame.type != PA_FRAME_FORK || fd_count != 1) {
        pa_fail(&err, PA_ERR_INTERNAL,
                "a warm root was sent a frame of type %d with %zu descriptors", frame.type,
                fd_count);
        pa_worker_fail(worker, &err);
    }
    worker->hurries = frame.size > 0 && frame.payload[0];
    int pidfd = -1;
    pid_t pid = fork_with_pidfd(&pidfd);
    if (pid == 0) {
        become_copy(worker, fds[0]);
        return true;
    }
    struct pa_buf buf = PA_BUF_INIT(64);
    pa_put_u32(&buf, pid > 0 ? (uint32_t)pid : 0);
    pa_put_u32(&buf, pid > 0 ? 0 : (uint32_t)errno);
    pa_frame_send(PA_CHANNEL_FD, PA_FRAME_FORKED, buf.data, buf.size, &pidfd, pid > 0 ? 1 : 0,
                  true);
    pa_buf_done(&buf);
    pa_closep(&pidfd);
    close(fds[0]);
    *copies += pid > 0;
    return false;
}

void pa_worker_fork_loop(struct pa_worker *worker) {
    struct pa_error err;
    size_t copies = 0;
    sigset_t waiting;
    if (pa_instance_settle(worker->instance, &err) < 0)
        pa_worker_fail(worker, &err);
    pa_hot_learn(worker);
    if (worker->role == PA_ROLE_RUN)
        return; /* the throw-away copy: its run is what is learned from */
    report_ready(worker);
    watch_children(&waiting);
    for (;;) {
        struct pollfd polled = {.fd = PA_CHANNEL_FD, .events = POLLIN};
        int ready = ppoll(&polled, 1, NULL, &waiting);
        if (ready > 0 && serve_fork(worker, &copies))
            break;
        copies = reap(worker, copies);
    }
    sigprocmask(SIG_SETMASK, &waiting, NULL);
}
