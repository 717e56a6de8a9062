/*
 * The jail: confine this process, irreversibly, so that native code running in it finds nothing.
 *
 *     struct pa_jail jail = {.stage = PA_JAIL_RUN, .keep_fds = ..., .dirs = ...};
 *     pa_jail_enter(&jail, &report, &err);            once, before anything of a guest is touched
 *
 * Layers, each stopping what the others may miss:
 *   1. semantics: own user, mount, PID, network, IPC, UTS and cgroup namespaces; an empty read-only
 *      root; no capabilities; no_new_privs; not dumpable; own session; only named descriptors; no
 *      environment; a uid that owns nothing unless host directories are mounted
 *   2. attack surface: a seccomp allow-list per stage; a call outside it is not made and kills the
 *      process, which may say before which one it was (`last_words`)
 *   3. Landlock: only beneath the mounts, only what each of them allows; no TCP, no scoped IPC
 *   4. rlimits: data, files, processes, core, CPU; oom_score_adj
 *
 * The namespaces of layer 1 are made by whoever spawns the process (PA_JAIL_CLONE_FLAGS, see
 * jail/spawn.h), because a PID namespace begins with a new process; pa_jail_enter finishes them.
 * pa_jail_enter fails closed: with `required`, a layer that cannot be entered is an error that says
 * which, why and what to do; without, it is noted in the report and the others are entered.
 *
 * A process that loads an artifact starts in PA_JAIL_LOAD (or PA_JAIL_LOAD_WARM) and then narrows:
 *
 *     LOAD ------> RUN            LOAD_WARM ------> WARM --fork--> RUN
 *                                                        --fork--> SESSION --fork--> SESSION
 *     LOAD ------> MAKE --> RUN   LOAD_WARM --fork--> MAKE --> RUN
 *
 * The process has one thread when it calls either function.
 */
#ifndef PA_JAIL_JAIL_H
#define PA_JAIL_JAIL_H

#include "base/error.h"
#include "policy/limits.h"
#include <stdbool.h>
#include <sched.h>
#include <signal.h>

/* No time namespace: clone cannot make one, and it shifts the monotonic clock but hides nothing. */
#define PA_JAIL_CLONE_FLAGS                                                                        \
    (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP)

enum pa_jail_stage {
    PA_JAIL_COMPILE,   /* compiles untrusted modules: threads, no files */
    PA_JAIL_LOAD,      /* maps an artifact executable, then narrows to PA_JAIL_RUN */
    PA_JAIL_RUN,       /* runs a guest: no executable mappings, no new processes, no threads */
    PA_JAIL_WARM,      /* runs a boot script and forks: RUN plus fork, wait and socket pairs */
    PA_JAIL_LOAD_WARM, /* maps an artifact executable, then narrows to PA_JAIL_WARM */
    PA_JAIL_SESSION,   /* runs a guest turn by turn: RUN plus copies of itself, as siblings */
    PA_JAIL_MAKE,      /* makes the code that it will run: RUN plus making memory executable */
};
#define PA_JAIL_STAGE_COUNT (PA_JAIL_MAKE + 1)

#define PA_JAIL_LAYERS(X)                                                                          \
    X(PA_LAYER_NAMESPACES, "namespaces")                                                           \
    X(PA_LAYER_CAPABILITIES, "capabilities")                                                       \
    X(PA_LAYER_LANDLOCK, "landlock")                                                               \
    X(PA_LAYER_SECCOMP, "seccomp")                                                                 \
    X(PA_LAYER_RLIMITS, "rlimits")

enum pa_jail_layer {
#define X(layer, name) layer,
    PA_JAIL_LAYERS(X)
#undef X
    PA_LAYER_COUNT,
};

/* A directory the process may use through its descriptor.  In namespaces pa_jail_enter replaces
 * what the number `fd` stands for by the same directory seen through a mount of its own (read-only,
 * no devices, no set-user-ID, no execution), so that ".." ends at the jail's empty root. */
struct pa_jail_dir {
    int fd;
    bool writable;
};

struct pa_jail {
    enum pa_jail_stage stage;
    bool required;       /* fail when a layer is missing */
    bool in_namespaces;  /* spawned with PA_JAIL_CLONE_FLAGS */
    const int *keep_fds; /* every other descriptor is closed, or /dev/null if 0, 1 or 2 */
    size_t keep_fd_count;
    const struct pa_jail_dir *dirs;
    size_t dir_count;
    int artifact_fd;      /* >= 0: readable (only) at pa_jail_artifact_path() afterwards */
    uint64_t data_bytes;  /* RLIMIT_DATA, and RLIMIT_AS far above it; 0: not set */
    uint64_t cpu_seconds; /* RLIMIT_CPU backstop; 0: not set */
    uint64_t open_files;  /* RLIMIT_NOFILE; 0: not set */
    /* NULL, or the handler of the SIGSYS that a forbidden call is: it may write what call that was
     * (info->si_syscall) and ends with pa_jail_die.  See filter.c for why that is safe. */
    void (*last_words)(int signal, siginfo_t *info, void *context);
};

struct pa_jail_report {
    bool entered[PA_LAYER_COUNT];
    char missing[512];      /* "landlock (the kernel has none); ..." or "" */
    char artifact_path[32]; /* "" if there is no artifact */
};

int pa_jail_enter(const struct pa_jail *jail, struct pa_jail_report *report, struct pa_error *err);

/* Where the artifact can be opened by path after pa_jail_enter.  It is a mount of the file itself
 * where this process's uid may open it by its path, and a copy where it may not (uid nobody). */
const char *pa_jail_artifact_path(const struct pa_jail *jail, const struct pa_jail_report *report);

/* From the stage entered to PA_JAIL_RUN, PA_JAIL_WARM, PA_JAIL_SESSION or PA_JAIL_MAKE, as drawn
 * above: once the artifact is mapped, or in the fork of a warm process.  Costs a small filter that
 * takes away the difference.
 */
int pa_jail_narrow(enum pa_jail_stage stage, bool required, struct pa_error *err);

/* Ends this process by SIGSYS, as the kernel ends one without last words. */
PA_NORETURN void pa_jail_die(void);

/* What this kernel offers, for `polyagent doctor`: tries each layer in a throw-away child. */
struct pa_jail_probe {
    bool available[PA_LAYER_COUNT];
    char why_not[PA_LAYER_COUNT][160]; /* what is missing and what to do; "" where available */
    int landlock_abi;                  /* 0 if none */
};
void pa_jail_probe(struct pa_jail_probe *ret);

const char *pa_jail_layer_name(enum pa_jail_layer layer);
const char *pa_jail_stage_name(enum pa_jail_stage stage);

#endif
