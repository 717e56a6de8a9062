/*
 * Resource limits, soft and hard alike: without a capability nothing raises them again.
 *
 * RLIMIT_CPU is a backstop behind the supervisor's own clock.  Its soft limit equals the hard one
 * on purpose: SIGXCPU, which the soft one sends, is ignored by the first process of a PID
 * namespace.
 *
 * RLIMIT_NPROC counts the processes of a uid within its user namespace, so it bounds one worker's
 * forks only where the worker has a namespace to itself; elsewhere it would count every process of
 * the user and is left alone where the stage forks at all.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Address space beside the data limit: room for the sixteen memories that a module may have, as the
 * engine reserves them, and for what the process is anyway.  Memory that is only read costs nothing
 * but its page tables, which no other limit counts: 4 KiB for each 2 MiB, so 160 MiB at most, where
 * a quarter of a terabyte could be had without this. */
#define ADDRESS_SPACE (UINT64_C(80) << 30)
#define MAX_THREADS   1024 /* of the compiler */
#define MAX_COPIES    4096 /* of a warm process, and theirs, alive at once */

static int set_limit(__rlimit_resource_t which, const char *name, uint64_t value,
                     struct pa_error *why) {
    struct rlimit limit;
    if (getrlimit(which, &limit) < 0)
        return pa_fail_errno(why, errno, "reading %s", name);
    if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max)
        value = limit.rlim_max;
    limit = (struct rlimit){.rlim_cur = value, .rlim_max = value};
    if (setrlimit(which, &limit) < 0)
        return pa_fail_errno(why, errno, "setting %s to %llu", name, (unsigned long long)value);
    return 0;
}

static bool limit_processes(const struct pa_jail *jail, uint64_t *ret) {
    switch (jail->stage) {
    case PA_JAIL_LOAD:
    case PA_JAIL_MAKE:
    case PA_JAIL_RUN:
        *ret = 0;
        return true;
    case PA_JAIL_COMPILE:
        *ret = MAX_THREADS;
        return jail->in_namespaces;
    case PA_JAIL_WARM:
    case PA_JAIL_SESSION:
    case PA_JAIL_LOAD_WARM:
        *ret = MAX_COPIES;
        return jail->in_namespaces;
    }
    return false;
}

enum pa_layer_result pa_jail_set_rlimits(const struct pa_jail *jail, struct pa_error *why) {
    uint64_t processes = 0;
    const bool limited = limit_processes(jail, &processes);
    const struct {
        __rlimit_resource_t which;
        const char *name;
        bool wanted;
        uint64_t value;
    } rows[] = {
        {RLIMIT_CORE, "RLIMIT_CORE", true, 0},
        {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE", true, 0},
        {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", true, 0},
        {RLIMIT_RTPRIO, "RLIMIT_RTPRIO", true, 0},
        {RLIMIT_NICE, "RLIMIT_NICE", true, 0},
        {RLIMIT_NPROC, "RLIMIT_NPROC", limited, processes},
        {RLIMIT_DATA, "RLIMIT_DATA", jail->data_bytes != 0, jail->data_bytes},
#ifndef __SANITIZE_ADDRESS__ /* its shadow is terabytes */
        {RLIMIT_AS, "RLIMIT_AS", jail->data_bytes != 0, jail->data_bytes + ADDRESS_SPACE},
#endif
        /* What a compiler writes is its artifact, a file in memory that no other limit counts. */
        {RLIMIT_FSIZE, "RLIMIT_FSIZE", jail->stage == PA_JAIL_COMPILE && jail->data_bytes != 0,
         jail->data_bytes},
        {RLIMIT_CPU, "RLIMIT_CPU", jail->cpu_seconds != 0, jail->cpu_seconds},
        {RLIMIT_NOFILE, "RLIMIT_NOFILE", jail->open_files != 0, jail->open_files},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        if (rows[i].wanted && set_limit(rows[i].which, rows[i].name, rows[i].value, why) < 0)
            return PA_LAYER_FAILED;
    return PA_LAYER_ENTERED;
}

/* When the machine runs out of memory a run goes first.  Not a layer: where /proc is missing the
 * kernel's own choice stands. */
void pa_jail_prefer_for_oom(void) {
    PA_CLEANUP(pa_closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t written = fd >= 0 ? write(fd, "1000", 4) : 0;
    (void)written;
}
