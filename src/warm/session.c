/*
 * A copy at its checkpoint, inside the guest's read of its request: it waits for RUN, and serves
 * what else may be asked of a session meanwhile.
 *
 * A session forks itself: only it has its state.  But its copy is a child of the warm root
 * (CLONE_PARENT), as it is itself, so that the root reaps all alike and nothing depends on which of
 * them ends first.  The copy goes on here, on a channel of its own; to it, its next request is the
 * first since it was forked.
 *
 * What the filter of this stage allows, a guest that broke out may do as well: make siblings.  They
 * are in the session's process group, which no process can leave, and end with it (root.c).
 */
#include "warm/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The copy has one thread, as the session has. */
static pid_t clone_sibling(int *ret_pidfd) {
    return (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD, NULL, ret_pidfd, NULL, NULL);
}

void pa_worker_take_channel(struct pa_worker *worker, int socket) {
    close(PA_CHANNEL_FD); /* the new one takes its place, the lowest that is free */
    PA_ASSERT(fcntl(socket, F_DUPFD_CLOEXEC, PA_CHANNEL_FD) == PA_CHANNEL_FD);
    close(socket);
    pa_channel_init(&worker->channel, PA_CHANNEL_FD);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* where no namespace ends it with its root */
}

void pa_worker_tell_forked(pid_t pid, int pidfd, int socket) {
    struct pa_buf buf = PA_BUF_INIT(64);
    pa_put_u32(&buf, pid > 0 ? (uint32_t)pid : 0);
    pa_put_u32(&buf, pid > 0 ? 0 : (uint32_t)errno);
    pa_frame_send(PA_CHANNEL_FD, PA_FRAME_FORKED, buf.data, buf.size, &pidfd, pid > 0 ? 1 : 0,
                  true);
    pa_buf_done(&buf);
    pa_closep(&pidfd);
    close(socket);
}

static void serve_fork(struct pa_worker *worker, int socket) {
    int pidfd = -1;
    pid_t pid = clone_sibling(&pidfd);
    if (pid == 0) {
        pa_worker_take_channel(worker, socket);
        return;
    }
    pa_worker_tell_forked(pid, pidfd, socket);
}

/* One frame, with the descriptor that may come along (-1: none). */
static void receive(struct pa_worker *worker, struct pa_frame *ret, int *ret_fd) {
    struct pa_error err;
    int fds[PA_FRAME_MAX_FDS];
    size_t count = 0;
    pa_buf_clear(&worker->payload);
    int got = worker->may_fork
                  ? pa_frame_receive(PA_CHANNEL_FD, ret, &worker->payload, fds, &count, &err)
                  : pa_channel_receive(&worker->channel, ret, &worker->payload);
    if (got < 0)
        _exit(0); /* nobody needs this process any more */
    *ret_fd = count ? fds[0] : -1;
    for (size_t i = 1; i < count; i++)
        close(fds[i]);
}

void pa_worker_await_run(struct pa_worker *worker, struct pa_frame *ret) {
    for (;;) {
        int fd;
        receive(worker, ret, &fd);
        if (ret->type == PA_FRAME_FORK && worker->may_fork && fd >= 0) {
            serve_fork(worker, fd);
        } else if (ret->type == PA_FRAME_FILE) {
            pa_worker_serve_file(worker, ret);
        } else if (ret->type == PA_FRAME_RUN) {
            pa_closep(&fd);
            pa_channel_begin(&worker->channel);
            return;
        } else if (ret->type == PA_FRAME_STDIN || ret->type == PA_FRAME_REPLY) {
            pa_closep(&fd); /* for the turn before, which ended first */
        } else {
            struct pa_error err;
            pa_fail(&err, PA_ERR_INTERNAL, "a waiting process was sent a frame of type %d",
                    ret->type);
            pa_worker_fail(worker, &err);
        }
    }
}
