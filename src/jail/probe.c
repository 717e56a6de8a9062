/*
 * What this kernel offers, found out by trying.
 *
 * A throw-away child is made in the namespaces the jail wants (or, where that fails, without), and
 * enters the jail layer by layer, best effort; it writes what it found into a page shared with us.
 * Asking version numbers or sysctls instead would miss what containers and security modules forbid.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_TRIED "could not be tried: the child that tries it did not come so far"

static void note(struct pa_jail_probe *probe, enum pa_jail_layer layer, enum pa_layer_result result,
                 const struct pa_error *why) {
    const char *text = why->message, *name = pa_jail_layer_name(layer);
    const size_t length = strlen(name);
    if (strncmp(text, name, length) == 0 && strncmp(text + length, ": ", 2) == 0)
        text += length + 2;
    probe->available[layer] = result == PA_LAYER_ENTERED;
    snprintf(probe->why_not[layer], sizeof(probe->why_not[layer]), "%.*s",
             (int)sizeof(probe->why_not[layer]) - 1, result == PA_LAYER_ENTERED ? "" : text);
}

/* What the child fills: shared memory, for it ends by the filter or by _exit. */
struct trial {
    struct pa_jail_probe probe;
    bool in_namespaces;
    uid_t uid;
    gid_t gid;
};

static void try_root(struct trial *t, const struct pa_jail *jail) {
    struct pa_jail_report report = {0};
    struct pa_error why = {0};
    enum pa_layer_result result = PA_LAYER_MISSING;
    int errnum = pa_write_id_maps("/proc/self", t->uid, t->gid);
    if (errnum == 0)
        result = pa_jail_make_root(jail, &report, &why);
    else
        pa_namespaces_advice(errnum, why.message, sizeof(why.message));
    note(&t->probe, PA_LAYER_NAMESPACES, result, &why);
}

static void try_layers(struct trial *t) {
    const struct pa_jail jail = {
        .stage = PA_JAIL_RUN, .in_namespaces = t->in_namespaces, .artifact_fd = -1};
    struct pa_error why = {0};
    if (t->in_namespaces)
        try_root(t, &jail);
    note(&t->probe, PA_LAYER_RLIMITS, pa_jail_set_rlimits(&jail, &why), &why);
    note(&t->probe, PA_LAYER_CAPABILITIES, pa_jail_drop_capabilities(&why), &why);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return;
    note(&t->probe, PA_LAYER_LANDLOCK, pa_jail_enter_landlock(&jail, &why), &why);
    struct pa_filter filter;
    pa_filter_build(PA_JAIL_RUN, 0, &filter);
    note(&t->probe, PA_LAYER_SECCOMP, pa_filter_install(&filter, &why), &why);
}

/* A copy of this process, in namespaces if `flags` says so. */
static pid_t copy(unsigned long flags) {
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

static void run_trial(struct trial *t) {
    pid_t pid = copy(PA_JAIL_CLONE_FLAGS);
    t->in_namespaces = pid >= 0; /* parent and child both write it, the same value */
    if (pid < 0) {
        struct pa_jail_probe *probe = &t->probe;
        pa_namespaces_advice(errno, probe->why_not[PA_LAYER_NAMESPACES],
                             sizeof(probe->why_not[PA_LAYER_NAMESPACES]));
        pid = copy(0);
    }
    if (pid == 0) {
        try_layers(t);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void pa_jail_probe(struct pa_jail_probe *ret) {
    *ret = (struct pa_jail_probe){.landlock_abi = pa_landlock_abi()};
    for (size_t i = 0; i < PA_LAYER_COUNT; i++)
        snprintf(ret->why_not[i], sizeof(ret->why_not[i]), "%s", NOT_TRIED);
    struct trial *t =
        mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED)
        return;
    *t = (struct trial){.probe = *ret, .uid = geteuid(), .gid = getegid()};
    run_trial(t);
    *ret = t->probe;
    munmap(t, sizeof(*t));
}
