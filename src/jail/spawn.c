/*
 * Starting a worker without copying the caller's memory.
 *
 * The new process is made with CLONE_VM | CLONE_VFORK on a stack of its own: it borrows the
 * caller's memory, sets itself up with plain system calls, and execs; meanwhile the calling thread
 * sleeps and all its signals are blocked, so no handler runs in borrowed memory.  What goes wrong
 * is written into the shared `struct launch` (no pipe is needed).  fork would copy page tables for
 * a caller's every megabyte instead.
 *
 * User ids.  In a user namespace the worker is mapped to root of that namespace, because only root
 * keeps, across exec, the capabilities with which it finishes its own jail.  Which outer uid that
 * is:
 *
 *     ordinary user          its own; the child writes the maps itself
 *     root, `nobody` unset   root's (it opens host files with the caller's rights)
 *     root, `nobody` set     65534, which owns nothing.  Only a process with rights in the outer
 *                            namespace may write such a map, and the caller sleeps; so there is a
 *                            helper in between:
 *
 *         caller --VFORK--> helper --CLONE_PARENT--> worker (waits for a byte)
 *                           writes the worker's maps, sends the byte, waits until the worker has
 *                           exec'ed (its pipe closes), exits
 *
 *     The pipe lives in the helper's and the worker's descriptor tables only: no other thread's
 * fork can hold it open.  While the worker is uid 65534 in borrowed memory another process of that
 * uid must not be able to trace it: the caller is made non-dumpable first, and stays so.
 *
 * Death of the caller.  PR_SET_PDEATHSIG alone leaves a gap (the caller may be gone already), and
 * in a PID namespace getppid is 0 always; so the child then looks at a pidfd of the caller.
 */
#include "jail/spawn.h"
#include "jail/jail.h"
#include "jail/jail_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

#define STACK_SIZE     (64 * 1024)
#define ALL_SIGNALS    UINT64_MAX /* for the raw system call, libc's own signals included */
#define KERNEL_SIGNALS 64

/* What runs in borrowed memory is left out of the sanitizers' bookkeeping. */
#define BORROWED __attribute__((no_sanitize("address", "undefined")))

enum step {
    STEP_NONE,
    STEP_NAMESPACES,
    STEP_MAPS,
    STEP_IDS,
    STEP_PARENT,
    STEP_DESCRIPTORS,
    STEP_EXEC,
};

static const char *step_name(enum step step) {
    switch (step) {
    case STEP_NAMESPACES:
        return "making namespaces";
    case STEP_MAPS:
        return "mapping its user id";
    case STEP_IDS:
        return "becoming uid 65534";
    case STEP_PARENT:
        return "tying its life to its parent's";
    case STEP_DESCRIPTORS:
        return "arranging its descriptors";
    default:
        return "running the program";
    }
}

/* Shared by the caller and the borrowed-memory processes; only one of them runs at a time. */
struct launch {
    const struct pa_spawn *how;
    bool namespaces; /* in this attempt */
    bool switch_ids;
    uid_t uid; /* of the caller */
    gid_t gid;
    int parent_pidfd;
    char *worker_stack; /* the top of it */
    int gate[2];        /* helper -> worker: the maps are written */
    int status_fd;      /* worker's: closed by exec */
    pid_t worker;
    enum step step; /* that failed */
    int errnum;
};

BORROWED static bool failed(struct launch *l, enum step step, int errnum) {
    l->step = step;
    l->errnum = errnum;
    return false;
}

/* As the kernel has it: libc's sigaction refuses the signals libc keeps for itself. */
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

BORROWED static void reset_signals(void) {
    const struct kernel_sigaction by_default = {0};
    for (int sig = 1; sig <= KERNEL_SIGNALS; sig++)
        syscall(SYS_rt_sigaction, sig, &by_default, NULL, sizeof(uint64_t));
}

BORROWED static void set_signal_mask(uint64_t mask) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

/* Raw calls: libc's versions would change every thread of the caller. */
BORROWED static bool switch_ids(struct launch *l, uid_t uid, gid_t gid, bool drop_groups) {
    if ((drop_groups && syscall(SYS_setgroups, 0, NULL) < 0) ||
        syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
        return failed(l, STEP_IDS, errno);
    return true;
}

BORROWED static bool tie_to_parent(struct launch *l) {
    struct pollfd parent = {.fd = l->parent_pidfd, .events = POLLIN};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return failed(l, STEP_PARENT, errno);
    if (poll(&parent, 1, 0) != 0)
        return failed(l, STEP_PARENT, ESRCH);
    return true;
}

/* Descriptors first move up, out of the way of every target, then down to where they belong. */
BORROWED static bool arrange_fds(struct launch *l, int *exec_fd) {
    const struct pa_spawn *how = l->how;
    int moved[PA_SPAWN_MAX_FDS], above = STDERR_FILENO + 1;
    bool standard[3] = {false, false, false};
    if (syscall(SYS_close_range, 0, UINT32_MAX, CLOSE_RANGE_CLOEXEC) < 0)
        return failed(l, STEP_DESCRIPTORS, errno);
    for (size_t i = 0; i < how->fd_count; i++) {
        above = how->fds[i].to >= above ? how->fds[i].to + 1 : above;
        if (how->fds[i].to < 3)
            standard[how->fds[i].to] = true;
    }
    for (size_t i = 0; i < how->fd_count; i++)
        if ((moved[i] = fcntl(how->fds[i].from, F_DUPFD_CLOEXEC, above)) < 0)
            return failed(l, STEP_DESCRIPTORS, errno);
    if (how->exec_fd >= 0 && (*exec_fd = fcntl(how->exec_fd, F_DUPFD_CLOEXEC, above)) < 0)
        return failed(l, STEP_DESCRIPTORS, errno);
    if (l->status_fd >= 0 && fcntl(l->status_fd, F_DUPFD_CLOEXEC, above) < 0)
        return failed(l, STEP_DESCRIPTORS, errno);
    for (size_t i = 0; i < how->fd_count; i++)
        if (dup2(moved[i], how->fds[i].to) < 0)
            return failed(l, STEP_DESCRIPTORS, errno);
    int null = -1;
    for (int fd = 0; fd < 3; fd++)
        if (!standard[fd]) {
            if (null < 0 && (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
                return failed(l, STEP_DESCRIPTORS, errno);
            if (null == fd ? fcntl(fd, F_SETFD, 0) < 0 : dup2(null, fd) < 0)
                return failed(l, STEP_DESCRIPTORS, errno);
        }
    return true;
}

/* The last leg of every worker: returns only if something failed. */
BORROWED static void run_program(struct launch *l) {
    static char *const no_environment[] = {NULL};
    int exec_fd = -1;
    reset_signals();
    setsid();
    if (!tie_to_parent(l) || !arrange_fds(l, &exec_fd))
        return;
    char *const *env = l->how->env ? l->how->env : no_environment;
    set_signal_mask(0);
    if (exec_fd >= 0)
        syscall(SYS_execveat, exec_fd, "", l->how->argv, env, AT_EMPTY_PATH);
    else
        syscall(SYS_execve, l->how->path, l->how->argv, env);
    failed(l, STEP_EXEC, errno);
}

/* Without a helper: as an ordinary user, or as root that keeps its uid, or without namespaces. */
BORROWED static int plain_worker(void *context) {
    struct launch *l = context;
    if (l->namespaces) {
        int errnum = pa_write_id_maps("/proc/self", l->uid, l->gid);
        if (errnum != 0) {
            failed(l, STEP_MAPS, errnum);
            _exit(127);
        }
    } else if (l->switch_ids && !switch_ids(l, PA_UID_NOBODY, PA_UID_NOBODY, true)) {
        _exit(127);
    }
    run_program(l);
    _exit(127);
}

BORROWED static int helped_worker(void *context) {
    struct launch *l = context;
    char byte;
    close(l->gate[1]);
    if (read(l->gate[0], &byte, 1) != 1) /* the helper gave up and said why */
        _exit(127);
    if (switch_ids(l, 0, 0, false)) /* of the namespace: 65534 outside */
        run_program(l);
    _exit(127);
}

BORROWED static int helper(void *context) {
    struct launch *l = context;
    int exec[2];
    char byte = 0;
    if (syscall(SYS_setgroups, 0, NULL) < 0) { /* the worker inherits none */
        failed(l, STEP_IDS, errno);
        _exit(127);
    }
    if (pipe2(l->gate, O_CLOEXEC) < 0 || pipe2(exec, O_CLOEXEC) < 0) {
        failed(l, STEP_DESCRIPTORS, errno);
        _exit(127);
    }
    l->status_fd = exec[1];
    l->worker = clone(helped_worker, l->worker_stack,
                      CLONE_VM | CLONE_PARENT | PA_JAIL_CLONE_FLAGS | SIGCHLD, l);
    if (l->worker < 0) {
        failed(l, STEP_NAMESPACES, errno);
        _exit(127);
    }
    char proc[32];
    snprintf(proc, sizeof(proc), "/proc/%d", (int)l->worker);
    int errnum = pa_write_id_maps(proc, PA_UID_NOBODY, PA_UID_NOBODY);
    if (errnum != 0)
        failed(l, STEP_MAPS, errnum);
    else if (write(l->gate[1], &byte, 1) != 1)
        failed(l, STEP_MAPS, errno);
    close(l->gate[1]);
    close(exec[1]);
    /* Not before the worker has left this memory may its stacks go. */
    while (read(exec[0], &byte, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

static void reap(pid_t pid) {
    while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
}

/* One attempt: the worker's pid, or -1 with l->step and l->errnum. */
static pid_t attempt(struct launch *l, char *stacks) {
    const bool helped = l->namespaces && l->switch_ids;
    const int namespaces = l->namespaces && !helped ? PA_JAIL_CLONE_FLAGS : 0;
    l->step = STEP_NONE;
    l->worker = -1;
    l->status_fd = -1;
    l->worker_stack = stacks + 2 * STACK_SIZE;
    pid_t pid = clone(helped ? helper : plain_worker, stacks + STACK_SIZE,
                      CLONE_VM | CLONE_VFORK | SIGCHLD | namespaces, l);
    if (pid < 0) {
        failed(l, STEP_NAMESPACES, errno);
        return -1;
    }
    if (helped) {
        reap(pid);
        pid = l->worker;
    }
    if (l->step == STEP_NONE)
        return pid;
    if (pid > 0)
        reap(pid);
    return -1;
}

static int check_map(const struct pa_spawn *how, struct pa_error *err) {
    if (how->fd_count > PA_SPAWN_MAX_FDS)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "a worker gets at most %d descriptors, not %zu", PA_SPAWN_MAX_FDS,
                       how->fd_count);
    for (size_t i = 0; i < how->fd_count; i++)
        if (how->fds[i].from < 0 || how->fds[i].to < 0 || how->fds[i].to > PA_SPAWN_MAX_TO)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a worker's descriptor %d from %d",
                           how->fds[i].to, how->fds[i].from);
    return 0;
}

/* With all signals blocked.  What cannot be had is given up one by one: a uid that does not exist
 * here or may not be taken (EINVAL, EPERM: root of a container) or may not execute the program
 * (EACCES: built under umask 077), then the namespaces. */
static pid_t launch(struct launch *l, char *stacks, struct pa_child *child) {
    pid_t pid;
    while ((pid = attempt(l, stacks)) < 0) {
        const bool no_such_uid = (l->errnum == EINVAL || l->errnum == EPERM) &&
                                 (l->step == STEP_MAPS || l->step == STEP_IDS);
        const bool not_its_program = l->errnum == EACCES && l->step == STEP_EXEC;
        if (l->switch_ids && (no_such_uid || not_its_program)) {
            l->switch_ids = false;
        } else if (l->namespaces && (l->step == STEP_NAMESPACES || l->step == STEP_MAPS)) {
            pa_namespaces_advice(l->errnum, child->no_namespaces, sizeof(child->no_namespaces));
            l->namespaces = false;
        } else {
            return -1;
        }
    }
    child->in_namespaces = l->namespaces;
    return pid;
}

int pa_spawn(const struct pa_spawn *how, struct pa_child *ret, struct pa_error *err) {
    if (check_map(how, err) < 0)
        return -1;
    struct launch l = {.how = how,
                       .namespaces = how->namespaces,
                       .switch_ids = how->nobody && geteuid() == 0,
                       .uid = geteuid(),
                       .gid = getegid()};
    PA_CLEANUP(pa_closep) int parent = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (parent < 0)
        return pa_fail_errno(err, errno, "starting a worker: pidfd_open (Linux 5.3)");
    l.parent_pidfd = parent;
    if (l.switch_ids && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return pa_fail_errno(err, errno, "starting a worker: hiding this process's memory");
    char *stacks = mmap(NULL, 2 * STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED)
        return pa_fail_errno(err, errno, "starting a worker: its stack");

    struct pa_child child = {.pidfd = -1};
    uint64_t all = ALL_SIGNALS, before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
    child.pid = launch(&l, stacks, &child);
    set_signal_mask(before);
    munmap(stacks, 2 * STACK_SIZE);
    if (child.pid < 0)
        return pa_fail_errno(err, l.errnum, "starting a worker (%s): %s",
                             how->exec_fd >= 0 ? how->argv[0] : how->path, step_name(l.step));
    child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
    if (child.pidfd < 0) {
        int errnum = errno;
        pa_child_done(&child);
        return pa_fail_errno(err, errnum, "starting a worker: its pidfd");
    }
    *ret = child;
    return 0;
}

void pa_child_done(struct pa_child *child) {
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        reap(child->pid);
        child->pid = 0;
    }
    pa_closep(&child->pidfd);
    child->pidfd = -1;
}
