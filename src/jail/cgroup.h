/*
 * Control groups (cgroup v2): what a worker and all its copies may use together.
 *
 *     struct pa_cgroups groups;
 *     pa_cgroups_open(&groups, &why)              once, by a process that has its own group to
 * itself pa_cgroup_add(&groups, pid, &limits, &why)  a worker, before it has been sent its request
 *     pa_cgroup_remove(&groups, pid)              once it is reaped: ends what is left in it
 *     pa_cgroups_close(&groups)
 *
 * Rlimits bound each process and what they count; a group bounds the sum, and all that is memory:
 * page tables, files in memory, sockets.  It takes a group that was delegated to us (systemd:
 * Delegate=yes; a container's own), with nobody else in it, because the kernel has processes in the
 * leaves alone where controllers are on:
 *
 *     <ours>/                     memory, pids and cpu, those of them that there are
 *         supervisor/             this process and those it forks
 *         worker-<pid>/           memory.max, pids.max, cpu.weight
 *
 * Where there is none, rlimits stand alone: no layer of the jail that `required` asks for.
 * Threads: none but the caller's.
 */
#ifndef PA_JAIL_CGROUP_H
#define PA_JAIL_CGROUP_H

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define PA_CGROUP_CONTROLLERS(X)                                                                   \
    X(PA_CGROUP_MEMORY, "memory")                                                                  \
    X(PA_CGROUP_PIDS, "pids")                                                                      \
    X(PA_CGROUP_CPU, "cpu")

enum pa_cgroup_controller {
#define X(controller, name) controller,
    PA_CGROUP_CONTROLLERS(X)
#undef X
    PA_CGROUP_COUNT,
};

struct pa_cgroups {
    int fd;                     /* our group's folder; -1: we have none */
    bool with[PA_CGROUP_COUNT]; /* the controllers that are on */
    uint64_t most_memory_bytes; /* half of what the machine, or our own group, has */
};

struct pa_cgroup_limits {
    uint64_t memory_bytes; /* 0: most_memory_bytes, for a warm root and all its copies */
    uint64_t processes;
    unsigned cpu_weight; /* 1 to 10000; everybody else's is 100 */
};

/* -1 with why there are none; *ret is then of no effect on the other functions. */
int pa_cgroups_open(struct pa_cgroups *ret, struct pa_error *why);

/* The same in the group whose folder is `fd` (taken over, whatever comes of it). */
int pa_cgroups_open_at(int fd, struct pa_cgroups *ret, struct pa_error *why);

/* Whether pa_cgroups_open would find a group, for `polyagent doctor`: changes nothing. */
int pa_cgroups_probe(struct pa_error *why);

int pa_cgroup_add(const struct pa_cgroups *groups, pid_t pid, const struct pa_cgroup_limits *limits,
                  struct pa_error *why);
void pa_cgroup_remove(const struct pa_cgroups *groups, pid_t pid);

/* Writes the limits that there are controllers for into the group `leaf`. */
int pa_cgroup_limit(const struct pa_cgroups *groups, int leaf,
                    const struct pa_cgroup_limits *limits, struct pa_error *why);

/* Everybody back into our group, and the leaves removed. */
void pa_cgroups_close(struct pa_cgroups *groups);

#endif
