/*
 * Files of a few bytes, written one at a time.  A group's limits are set before a process is in it.
 *
 * Opening is a sequence that leaves things as they were when a step fails: are we alone, a leaf for
 * ourselves, ourselves into it, controllers on.  A controller that cannot be had is done without:
 * what is left is still that a group can be ended as a whole (cgroup.kill).
 */
#include "jail/cgroup.h"

#include "base/io.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUPERVISOR  "supervisor"
#define WORKER      "worker-"
#define ROOM        4096 /* of a file that is read */
#define REMOVE_MS   2000 /* a group is empty soon after its last process was killed */
#define REMOVE_STEP 1

static const char *const controller_names[] = {
#define X(controller, name) [controller] = name,
    PA_CGROUP_CONTROLLERS(X)
#undef X
};

static int put(int folder, const char *name, const char *text) {
    PA_CLEANUP(pa_closep) int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : pa_write_full(fd, text, strlen(text));
}

static int put_number(int folder, const char *name, uint64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    return put(folder, name, text);
}

/* What fits of the file, as text; "" where there is none. */
static void get(int folder, const char *name, char text[ROOM]) {
    PA_CLEANUP(pa_closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pa_read_full(fd, text, ROOM - 1);
    text[PA_MAX(n, 0)] = 0;
}

static bool has_word(const char *list, const char *word) {
    const size_t size = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += size)
        if ((at == list || at[-1] == ' ') && strchr(" \n", at[size])) /* the end, too */
            return true;
    return false;
}

/* --- where we are ----------------------------------------------------------------------------- */

static uint64_t memory_of(int folder) {
    char text[ROOM];
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    get(folder, "memory.max", text);
    uint64_t most = *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : bytes;
    return PA_MIN(bytes, most);
}

/* Where cgroup2 is mounted, and our group in it ("0::/a/b" of /proc/self/cgroup). */
static int open_own(struct pa_error *why) {
    char groups[ROOM], path[ROOM];
    get(AT_FDCWD, "/proc/self/cgroup", groups);
    const char *own = strncmp(groups, "0::", 3) == 0 ? groups : strstr(groups, "\n0::");
    if (!own)
        return pa_fail(why, PA_ERR_UNAVAILABLE, "this machine has no cgroup v2");
    own = strchr(own, '/');
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; own && i < PA_ARRAY_LEN(mounts); i++) {
        snprintf(path, sizeof(path), "%s%.*s", mounts[i], (int)strcspn(own, "\n"), own);
        PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && faccessat(fd, "cgroup.procs", F_OK, 0) == 0)
            return pa_steal_fd(&fd);
    }
    return pa_fail(why, PA_ERR_UNAVAILABLE, "cgroup v2 is not mounted at /sys/fs/cgroup");
}

static int check_alone(int fd, struct pa_error *why) {
    char processes[ROOM], self[24];
    get(fd, "cgroup.procs", processes);
    snprintf(self, sizeof(self), "%d\n", (int)getpid());
    if (pa_streq(processes, self))
        return 0;
    return pa_fail(why, PA_ERR_FAILED_PRECONDITION,
                   "there are other processes in this one's control group: start it as a service "
                   "with Delegate=yes (systemd-run -p Delegate=yes ...)");
}

/* --- our leaves ------------------------------------------------------------------------------- */

static void worker_name(pid_t pid, char out[32]) {
    snprintf(out, 32, WORKER "%d", (int)pid);
}

/* What a server that was killed has left: groups without processes. */
static void remove_stale(int fd) {
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again < 0 ? NULL : fdopendir(again);
    for (struct dirent *item; listing && (item = readdir(listing));)
        if (strncmp(item->d_name, WORKER, strlen(WORKER)) == 0)
            unlinkat(fd, item->d_name, AT_REMOVEDIR);
    if (listing)
        closedir(listing);
    else
        pa_closep(&again);
}

static void enable(struct pa_cgroups *groups) {
    char available[ROOM], text[32];
    get(groups->fd, "cgroup.controllers", available);
    for (int i = 0; i < PA_CGROUP_COUNT; i++) {
        snprintf(text, sizeof(text), "+%s", controller_names[i]);
        groups->with[i] = has_word(available, controller_names[i]) &&
                          put(groups->fd, "cgroup.subtree_control", text) == 0;
    }
}

static void disable(struct pa_cgroups *groups) {
    char text[32];
    for (int i = 0; i < PA_CGROUP_COUNT; i++) {
        snprintf(text, sizeof(text), "-%s", controller_names[i]);
        if (groups->with[i])
            put(groups->fd, "cgroup.subtree_control", text);
        groups->with[i] = false;
    }
}

int pa_cgroups_open_at(int fd, struct pa_cgroups *ret, struct pa_error *why) {
    PA_CLEANUP(pa_closep) int own = fd;
    *ret = (struct pa_cgroups){.fd = -1};
    if (check_alone(own, why) < 0)
        return -1;
    if (mkdirat(own, SUPERVISOR, 0755) < 0 && errno != EEXIST)
        return pa_fail_errno(why, errno, "this process's control group is not its own");
    if (put_number(own, SUPERVISOR "/cgroup.procs", (uint64_t)getpid()) < 0) {
        int errnum = errno;
        unlinkat(own, SUPERVISOR, AT_REMOVEDIR);
        return pa_fail_errno(why, errnum, "moving into a control group");
    }
    ret->most_memory_bytes = memory_of(own) / 2;
    ret->fd = pa_steal_fd(&own);
    remove_stale(ret->fd);
    enable(ret);
    return 0;
}

int pa_cgroups_open(struct pa_cgroups *ret, struct pa_error *why) {
    *ret = (struct pa_cgroups){.fd = -1};
    int own = open_own(why);
    return own < 0 ? -1 : pa_cgroups_open_at(own, ret, why);
}

int pa_cgroups_probe(struct pa_error *why) {
    PA_CLEANUP(pa_closep) int own = open_own(why);
    if (own < 0 || check_alone(own, why) < 0)
        return -1;
    return faccessat(own, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0
               ? pa_fail_errno(why, errno, "this process's control group is not its own")
               : 0;
}

int pa_cgroup_limit(const struct pa_cgroups *groups, int leaf,
                    const struct pa_cgroup_limits *limits, struct pa_error *why) {
    uint64_t memory = limits->memory_bytes;
    memory = memory ? PA_MIN(memory, groups->most_memory_bytes) : groups->most_memory_bytes;
    const struct {
        enum pa_cgroup_controller controller;
        const char *file;
        uint64_t value;
    } rows[] = {{PA_CGROUP_MEMORY, "memory.max", memory},
                {PA_CGROUP_PIDS, "pids.max", limits->processes},
                {PA_CGROUP_CPU, "cpu.weight", limits->cpu_weight}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        if (groups->with[rows[i].controller] && put_number(leaf, rows[i].file, rows[i].value) < 0)
            return pa_fail_errno(why, errno, "setting %s of a control group", rows[i].file);
    return 0;
}

int pa_cgroup_add(const struct pa_cgroups *groups, pid_t pid, const struct pa_cgroup_limits *limits,
                  struct pa_error *why) {
    char name[32];
    if (groups->fd < 0)
        return 0;
    worker_name(pid, name);
    if (mkdirat(groups->fd, name, 0755) < 0 && errno != EEXIST)
        return pa_fail_errno(why, errno, "making the control group %s", name);
    PA_CLEANUP(pa_closep) int leaf = openat(groups->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (leaf < 0)
        return pa_fail_errno(why, errno, "opening the control group %s", name);
    if (pa_cgroup_limit(groups, leaf, limits, why) < 0)
        return -1;
    if (put_number(leaf, "cgroup.procs", (uint64_t)pid) < 0)
        return pa_fail_errno(why, errno, "putting a worker into its control group");
    return 0;
}

void pa_cgroup_remove(const struct pa_cgroups *groups, pid_t pid) {
    char name[32], kill[64];
    if (groups->fd < 0)
        return;
    worker_name(pid, name);
    snprintf(kill, sizeof(kill), "%s/cgroup.kill", name);
    if (unlinkat(groups->fd, name, AT_REMOVEDIR) == 0 || errno != EBUSY)
        return;
    put(groups->fd, kill, "1"); /* Linux 5.14; before, nothing outlives its namespace either */
    for (int waited = 0; waited < REMOVE_MS; waited += REMOVE_STEP) {
        if (unlinkat(groups->fd, name, AT_REMOVEDIR) == 0 || errno != EBUSY)
            return;
        usleep(REMOVE_STEP * 1000);
    }
}

void pa_cgroups_close(struct pa_cgroups *groups) {
    char processes[ROOM];
    if (groups->fd < 0)
        return;
    disable(groups);
    remove_stale(groups->fd);
    get(groups->fd, SUPERVISOR "/cgroup.procs", processes);
    for (char *at = processes, *end; strtol(at, &end, 10) > 0; at = end)
        put_number(groups->fd, "cgroup.procs", (uint64_t)strtol(at, NULL, 10));
    unlinkat(groups->fd, SUPERVISOR, AT_REMOVEDIR);
    pa_closep(&groups->fd);
    groups->fd = -1;
}
