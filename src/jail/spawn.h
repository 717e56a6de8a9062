/*
 * Starting a worker process: exec'ed, in namespaces of its own, with only what it is given.
 *
 *     struct pa_spawn how = {.exec_fd = worker_fd, .argv = argv, .fds = map, .fd_count = 1,
 *                            .namespaces = true, .nobody = mount_count == 0};
 *     struct pa_child child;
 *     if (pa_spawn(&how, &child, &err) < 0) ...
 *     ...                                          poll child.pidfd; waitid(P_PIDFD, ...)
 *     pa_child_done(&child);                       kills and reaps whatever is left
 *
 * The new process has: the descriptors of the map and /dev/null for those of 0, 1 and 2 that the
 * map does not name; no other descriptor; the environment given (none by default); no signal
 * blocked or ignored; its own session; and SIGKILL coming when the thread that called pa_spawn
 * ends, so call it from a thread that lives as long as the child should.
 *
 * Its memory is never copied: the caller may be large and may have threads.  With `nobody` a root
 * caller becomes non-dumpable, for good: the child is uid 65534 for a moment while it still uses
 * the caller's memory, and no process of that uid may look in.  Threads: any thread may call it at
 * any time; the caller must not reap children it does not know (waitpid(-1)) meanwhile.
 */
#ifndef PA_JAIL_SPAWN_H
#define PA_JAIL_SPAWN_H

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define PA_UID_NOBODY 65534

/* The descriptor `from` of the caller becomes `to` in the child.  No two rows share a `to`. */
struct pa_fd_map {
    int from, to;
};

#define PA_SPAWN_MAX_FDS 128
#define PA_SPAWN_MAX_TO  1023

struct pa_spawn {
    int exec_fd;      /* the program, open; or -1 and then */
    const char *path; /* ... its absolute path */
    char *const *argv;
    char *const *env; /* NULL: empty */
    const struct pa_fd_map *fds;
    size_t fd_count;
    bool namespaces; /* PA_JAIL_CLONE_FLAGS; if they cannot be had the child starts without */
    bool nobody;     /* as uid and gid 65534 if the caller is root: for what opens no host files */
};

struct pa_child {
    pid_t pid; /* 0 once reaped */
    int pidfd;
    bool in_namespaces;
    char no_namespaces[160]; /* why not, and what to do; "" if in_namespaces or not wanted */
};

/* Returns once the program runs; *ret is filled only on success.  An error names the step. */
int pa_spawn(const struct pa_spawn *how, struct pa_child *ret, struct pa_error *err);

/* SIGKILL if it still runs, reap, close the pidfd.  Twice is harmless. */
void pa_child_done(struct pa_child *child);

#endif
