/*
 * Starting a worker, here or through the spawner, and getting rid of one.
 */
#include "run/spawner.h"
#include "run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3

static int close_worker(struct pa_worker *worker, int status) {
    close(worker->socket);
    close(worker->pidfd);
    return status;
}

static int reap_child(struct pa_worker *worker, bool want_status) {
    (void)want_status; /* a child of ours has one anyway */
    int status = 0;
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return close_worker(worker, status);
}

static int reap_spawned(struct pa_worker *worker, bool want_status) {
    (void)want_status; /* it is to be reaped in any case */
    return close_worker(worker, pa_spawner_reap(worker->context, worker->pid, worker->pidfd));
}

static int spawn_here(const char *path, int channel, bool nobody, struct pa_child *ret,
                      struct pa_error *err) {
    /* Opened here: the worker, as nobody, may not be able to reach it by its path. */
    PA_CLEANUP(pa_closep) int program = open(path, O_PATH | O_CLOEXEC);
    if (program < 0)
        return pa_fail_errno(err, errno, "cannot open the worker %s", path);
    char *argv[] = {"polyagent-worker", NULL};
    const struct pa_fd_map map[] = {{channel, CHANNEL_FD}};
    const struct pa_spawn how = {.exec_fd = program,
                                 .argv = argv,
                                 .fds = map,
                                 .fd_count = PA_ARRAY_LEN(map),
                                 .namespaces = true,
                                 .nobody = nobody};
    return pa_spawn(&how, ret, err);
}

int pa_worker_spawn_by(struct pa_spawner *spawner, const char *path, bool jail_required,
                       bool nobody, const struct pa_cgroup_limits *limits, struct pa_worker *ret,
                       struct pa_error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return pa_fail_errno(err, errno, "cannot create a run channel");
    struct pa_child child;
    int spawned = spawner ? pa_spawner_spawn(spawner, pair[1], nobody, limits, &child, err)
                          : spawn_here(path, pair[1], nobody, &child, err);
    close(pair[1]);
    if (spawned < 0) {
        close(pair[0]);
        return -1;
    }
    struct pa_worker worker = {.socket = pair[0],
                               .pidfd = child.pidfd,
                               .pid = child.pid,
                               .reap = spawner ? reap_spawned : reap_child,
                               .context = spawner};
    memcpy(worker.no_namespaces, child.no_namespaces, sizeof(worker.no_namespaces));
    if (jail_required && !child.in_namespaces) {
        pa_worker_discard(&worker);
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "jail: no namespaces: %s",
                       child.no_namespaces);
    }
    *ret = worker;
    return 0;
}

int pa_worker_spawn(const char *path, bool jail_required, bool nobody, struct pa_worker *ret,
                    struct pa_error *err) {
    return pa_worker_spawn_by(NULL, path, jail_required, nobody, NULL, ret, err);
}

void pa_worker_discard(struct pa_worker *worker) {
    pidfd_send_signal(worker->pidfd, SIGKILL, NULL, 0);
    worker->reap(worker, false);
}
