/*
 * The order of entering.
 *
 * Each step needs something that a later one takes away: oom_score_adj needs /proc, the mounts need
 * capabilities, dropping the bounding set needs CAP_SETPCAP, Landlock and seccomp need
 * no_new_privs (or a capability), Landlock must not forbid the mounts, and seccomp forbids nearly
 * everything, so it is last:
 *
 *     environment, session, oom score -> descriptors -> root -> rlimits -> capabilities
 *         -> no_new_privs -> not dumpable -> Landlock -> seccomp
 */
#include "jail/jail.h"
#include "jail/jail_internal.h"
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SESSION_PROCESSES 1024 /* a quarter of what its root may have (rlimits.c) */
#define LINKS_OF_ONE_TASK 3    /* of /proc/self/task with one thread: ".", "..", the thread */

struct entering {
    const struct pa_jail *jail;
    unsigned skip;
    struct pa_jail_report *report;
    struct pa_error *err;
};

/* Notes how a layer went; -1 if that ends the entering. */
static int settle(const struct entering *e, enum pa_jail_layer layer, enum pa_layer_result result,
                  const struct pa_error *why) {
    if (result == PA_LAYER_ENTERED) {
        e->report->entered[layer] = true;
        return 0;
    }
    if (result == PA_LAYER_FAILED || e->jail->required) {
        if (e->err)
            *e->err = *why;
        return pa_error_prefix(e->err, "jail (%s)", pa_jail_stage_name(e->jail->stage));
    }
    const size_t used = strlen(e->report->missing);
    snprintf(e->report->missing + used, sizeof(e->report->missing) - used, "%s%s",
             used > 0 ? "; " : "", why->message);
    return 0;
}

static bool skipped(const struct entering *e, enum pa_jail_layer layer) {
    return (e->skip & (1u << layer)) != 0;
}

static int check_single_thread(struct pa_error *err) {
    struct stat tasks;
    if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink != LINKS_OF_ONE_TASK)
        return pa_fail(err, PA_ERR_INTERNAL, "a process with threads cannot enter the jail");
    return 0;
}

static int enter_root(const struct entering *e) {
    struct pa_error why = {0};
    if (skipped(e, PA_LAYER_NAMESPACES))
        return pa_jail_place_artifact_without_root(e->jail, e->report, e->err);
    enum pa_layer_result result = PA_LAYER_MISSING;
    if (e->jail->in_namespaces)
        result = pa_jail_make_root(e->jail, e->report, &why);
    else
        pa_fail(&why, PA_ERR_FAILED_PRECONDITION,
                "namespaces: this process has none of its own (`polyagent doctor` says why)");
    if (settle(e, PA_LAYER_NAMESPACES, result, &why) < 0)
        return -1;
    if (result == PA_LAYER_MISSING)
        return pa_jail_place_artifact_without_root(e->jail, e->report, e->err);
    return 0;
}

static int enter_rlimits(const struct entering *e) {
    struct pa_error why = {0};
    if (skipped(e, PA_LAYER_RLIMITS))
        return 0;
    return settle(e, PA_LAYER_RLIMITS, pa_jail_set_rlimits(e->jail, &why), &why);
}

static int enter_capabilities(const struct entering *e) {
    struct pa_error why = {0};
    if (!skipped(e, PA_LAYER_CAPABILITIES) &&
        settle(e, PA_LAYER_CAPABILITIES, pa_jail_drop_capabilities(&why), &why) < 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return pa_fail_errno(e->err, errno, "jail: no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return pa_fail_errno(e->err, errno, "jail: making this process not dumpable");
    return 0;
}

static int enter_landlock(const struct entering *e) {
    struct pa_error why = {0};
    if (skipped(e, PA_LAYER_LANDLOCK))
        return 0;
    return settle(e, PA_LAYER_LANDLOCK, pa_jail_enter_landlock(e->jail, &why), &why);
}

static int enter_seccomp(const struct entering *e) {
    struct pa_error why = {0};
    struct pa_filter filter;
    if (skipped(e, PA_LAYER_SECCOMP))
        return 0;
    if (pa_filter_allow_last_words(e->jail, e->err) < 0)
        return -1;
    pa_filter_build(e->jail->stage, 0, &filter);
    return settle(e, PA_LAYER_SECCOMP, pa_filter_install(&filter, &why), &why);
}

int pa_jail_enter_without(const struct pa_jail *jail, unsigned skip, struct pa_jail_report *report,
                          struct pa_error *err) {
    const struct entering e = {jail, skip, report, err};
    *report = (struct pa_jail_report){0};
    if (check_single_thread(err) < 0)
        return -1;
    pa_jail_wipe_environment();
    if (getsid(0) != getpid())
        setsid(); /* fails only for the leader of a group, which pa_spawn's children are not */
    umask(077);
    pa_jail_prefer_for_oom();
    if (pa_jail_close_other_fds(jail, err) < 0)
        return -1;
    if (enter_root(&e) < 0 || enter_rlimits(&e) < 0 || enter_capabilities(&e) < 0 ||
        enter_landlock(&e) < 0)
        return -1;
    return enter_seccomp(&e);
}

int pa_jail_enter(const struct pa_jail *jail, struct pa_jail_report *report, struct pa_error *err) {
    return pa_jail_enter_without(jail, 0, report, err);
}

const char *pa_jail_artifact_path(const struct pa_jail *jail, const struct pa_jail_report *report) {
    (void)jail;
    return report->artifact_path;
}

/* The stages from which `stage` may be reached, as drawn in jail.h. */
static unsigned stages_before(enum pa_jail_stage stage) {
    const unsigned load = 1u << PA_JAIL_LOAD, load_warm = 1u << PA_JAIL_LOAD_WARM;
    const unsigned warm = load_warm | 1u << PA_JAIL_WARM;
    switch (stage) {
    case PA_JAIL_WARM:
        return load_warm;
    case PA_JAIL_SESSION:
        return warm;
    case PA_JAIL_MAKE:
        return load | load_warm;
    default:
        PA_ASSERT(stage == PA_JAIL_RUN);
        return warm | load | 1u << PA_JAIL_MAKE;
    }
}

/* A session's copies count with all others of its root, which can have more of them. */
static int limit_forks(rlim_t most) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NPROC, &limit) < 0)
        return -1;
    limit.rlim_cur = limit.rlim_max = PA_MIN(most, limit.rlim_max);
    return setrlimit(RLIMIT_NPROC, &limit);
}

int pa_jail_narrow(enum pa_jail_stage stage, bool required, struct pa_error *err) {
    struct pa_error why = {0};
    struct pa_filter filter;
    const bool filtered = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
    const rlim_t forks = stage == PA_JAIL_SESSION ? SESSION_PROCESSES : 0;
    if (stage != PA_JAIL_WARM && limit_forks(forks) < 0)
        return pa_fail_errno(err, errno, "jail (%s): the limit on processes",
                             pa_jail_stage_name(stage));
    /* Without a filter to take away from, the whole one, and what a filter needs. */
    if (!filtered && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return pa_fail_errno(err, errno, "jail: no_new_privs");
    pa_filter_build(stage, filtered ? stages_before(stage) : 0, &filter);
    if (pa_filter_install(&filter, &why) == PA_LAYER_ENTERED || !required)
        return 0;
    if (err)
        *err = why;
    return pa_error_prefix(err, "jail (%s)", pa_jail_stage_name(stage));
}

const char *pa_jail_layer_name(enum pa_jail_layer layer) {
    static const char *const names[] = {
#define X(id, name) [id] = name,
        PA_JAIL_LAYERS(X)
#undef X
    };
    PA_ASSERT((unsigned)layer < PA_LAYER_COUNT);
    return names[layer];
}

const char *pa_jail_stage_name(enum pa_jail_stage stage) {
    static const char *const names[] = {
        [PA_JAIL_COMPILE] = "compile",
        [PA_JAIL_LOAD] = "load",
        [PA_JAIL_RUN] = "run",
        [PA_JAIL_WARM] = "warm",
        [PA_JAIL_LOAD_WARM] = "load-warm",
        [PA_JAIL_SESSION] = "session",
        [PA_JAIL_MAKE] = "make",
    };
    PA_ASSERT((unsigned)stage < PA_JAIL_STAGE_COUNT);
    return names[stage];
}
