/*
 * One request, one reply, on a pair of SOCK_SEQPACKET sockets; both ends are this program, so what
 * travels are its structs as they are.  A mutex keeps a request and its reply together.
 *
 * The spawner never waits for a worker's end: the server asks it to reap only who is dead.
 */
#include "run/spawner.h"

#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKER_CHANNEL 3
#define SOCKET_FD      3 /* the spawner's own, above the standard ones */
#define PROGRAM_FD     4
#define GROUP_FD       5

struct pa_spawner {
    pthread_mutex_t lock; /* over the socket: a request and its reply */
    int socket;
    pid_t pid;
};

struct request {
    pid_t reap; /* 0: start one, with the descriptor that comes along */
    bool nobody;
    struct pa_cgroup_limits limits;
};

struct reply {
    bool failed;
    struct pa_error err; /* then */
    struct pa_child child;
    int status; /* of the reaped one */
};

/* --- messages --------------------------------------------------------------------------------- */

static int send_with_fd(int socket, const void *bytes, size_t size, int fd) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)bytes, size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        header.msg_control = &control;
        header.msg_controllen = sizeof(control.room);
        *CMSG_FIRSTHDR(&header) = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &fd, sizeof(fd));
    }
    ssize_t n;
    while ((n = sendmsg(socket, &header, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return n == (ssize_t)size ? 0 : -1;
}

/* *ret_fd is the caller's, or -1. */
static int receive_with_fd(int socket, void *bytes, size_t size, int *ret_fd) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {bytes, size};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control.room)};
    ssize_t n;
    *ret_fd = -1;
    while ((n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    struct cmsghdr *head = n < 0 ? NULL : CMSG_FIRSTHDR(&header);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(head), sizeof(*ret_fd));
    return n == (ssize_t)size ? 0 : -1;
}

/* --- the spawner ------------------------------------------------------------------------------ */

/* Before the server sends it a request: it has done nothing yet. */
static void put_into_group(const struct pa_cgroups *groups, const struct request *request,
                           struct reply *reply) {
    if (reply->failed ||
        pa_cgroup_add(groups, reply->child.pid, &request->limits, &reply->err) == 0)
        return;
    reply->failed = true;
    pid_t pid = reply->child.pid;
    pa_child_done(&reply->child);
    pa_cgroup_remove(groups, pid);
}

static void start(int program, const struct request *request, int channel, struct reply *reply) {
    char *argv[] = {"polyagent-worker", NULL};
    const struct pa_fd_map map[] = {{channel, WORKER_CHANNEL}};
    const struct pa_spawn how = {.exec_fd = program,
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = PA_ARRAY_LEN(map),
                                 .namespaces = true,
                                 .nobody = request->nobody};
    reply->failed = pa_spawn(&how, &reply->child, &reply->err) < 0;
}

static void reap(const struct pa_cgroups *groups, pid_t pid, struct reply *reply) {
    while (waitpid(pid, &reply->status, 0) < 0 && errno == EINTR)
        ;
    pa_cgroup_remove(groups, pid);
}

/* Only the socket, the program and the control group stay open; signals that a terminal sends to
 * all are the server's to act upon. */
static int settle(int socket, int program, struct pa_cgroups *groups) {
    prctl(PR_SET_NAME, "spawner", 0, 0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setsid() < 0)
        _exit(1);
    const bool grouped = groups->fd >= 0;
    program = fcntl(program, F_DUPFD_CLOEXEC, GROUP_FD + 1);
    if (grouped)
        groups->fd = fcntl(groups->fd, F_DUPFD_CLOEXEC, GROUP_FD + 1);
    if (program < 0 || dup2(socket, SOCKET_FD) < 0 || dup2(program, PROGRAM_FD) < 0 ||
        (grouped && dup2(groups->fd, GROUP_FD) < 0))
        _exit(1); /* pa_spawn lets none of them be inherited */
    syscall(SYS_close_range, grouped ? GROUP_FD + 1 : GROUP_FD, UINT32_MAX, 0);
    if (grouped)
        groups->fd = GROUP_FD;
    return PROGRAM_FD;
}

PA_NORETURN static void serve(int socket, int program, struct pa_cgroups groups) {
    struct request request;
    int channel;
    program = settle(socket, program, &groups);
    while (receive_with_fd(SOCKET_FD, &request, sizeof(request), &channel) == 0) {
        struct reply reply = {.child.pidfd = -1};
        if (request.reap > 0) {
            reap(&groups, request.reap, &reply);
        } else {
            start(program, &request, channel, &reply);
            put_into_group(&groups, &request, &reply);
        }
        pa_closep(&channel);
        int sent = send_with_fd(SOCKET_FD, &reply, sizeof(reply), reply.child.pidfd);
        pa_closep(&reply.child.pidfd);
        if (sent < 0)
            break;
    }
    pa_cgroups_close(&groups);
    _exit(0); /* the server is gone; its workers follow */
}

/* --- the server ------------------------------------------------------------------------------- */

int pa_spawner_new(const char *worker_path, struct pa_spawner **ret, struct pa_error *err) {
    /* Opened here: the worker, as nobody, may not be able to reach it by its path. */
    PA_CLEANUP(pa_closep) int program = open(worker_path, O_PATH | O_CLOEXEC);
    if (program < 0)
        return pa_fail_errno(err, errno, "cannot open the worker %s", worker_path);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return pa_fail_errno(err, errno, "cannot reach a spawner");
    struct pa_cgroups groups;
    struct pa_error none;
    if (pa_cgroups_open(&groups, &none) < 0)
        pa_log_info("server", "workers have no control groups: %s", none.message);
    pid_t pid = fork();
    if (pid == 0)
        serve(pair[1], program, groups);
    close(pair[1]);
    pa_closep(&groups.fd);
    if (pid < 0) {
        close(pair[0]);
        return pa_fail_errno(err, errno, "cannot start a spawner");
    }
    struct pa_spawner *spawner = pa_xcalloc(1, sizeof(*spawner));
    *spawner = (struct pa_spawner){.socket = pair[0], .pid = pid};
    pthread_mutex_init(&spawner->lock, NULL);
    *ret = spawner;
    return 0;
}

struct pa_spawner *pa_spawner_free(struct pa_spawner *spawner) {
    if (!spawner)
        return NULL;
    close(spawner->socket);
    while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    pthread_mutex_destroy(&spawner->lock);
    free(spawner);
    return NULL;
}

int pa_spawner_fd(const struct pa_spawner *spawner) {
    return spawner->socket;
}

static int ask(struct pa_spawner *spawner, const struct request *request, int fd,
               struct reply *reply) {
    pthread_mutex_lock(&spawner->lock);
    int pidfd = -1;
    int done = send_with_fd(spawner->socket, request, sizeof(*request), fd);
    if (done == 0)
        done = receive_with_fd(spawner->socket, reply, sizeof(*reply), &pidfd);
    pthread_mutex_unlock(&spawner->lock);
    reply->child.pidfd = pidfd;
    return done;
}

int pa_spawner_spawn(struct pa_spawner *spawner, int channel, bool nobody,
                     const struct pa_cgroup_limits *limits, struct pa_child *ret,
                     struct pa_error *err) {
    const struct request request = {.nobody = nobody, .limits = *limits};
    struct reply reply;
    if (ask(spawner, &request, channel, &reply) < 0)
        return pa_fail(err, PA_ERR_UNAVAILABLE,
                       "the spawner is gone (was it killed?): restart the server");
    if (reply.failed) {
        if (err)
            *err = reply.err;
        return -1;
    }
    *ret = reply.child;
    return 0;
}

int pa_spawner_reap(struct pa_spawner *spawner, pid_t pid, int pidfd) {
    const struct request request = {.reap = pid};
    struct pollfd polled = {.fd = pidfd, .events = POLLIN};
    struct reply reply;
    while (poll(&polled, 1, -1) < 0 && errno == EINTR)
        ;
    return ask(spawner, &request, -1, &reply) < 0 ? SIGKILL : reply.status;
}
