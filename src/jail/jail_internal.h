/*
 * What the files of this folder share.  The tests of the jail include it too: they switch a layer
 * off to show that the attack it stops then succeeds.  Nothing outside src/jail and the tests does.
 */
#ifndef PA_JAIL_INTERNAL_H
#define PA_JAIL_INTERNAL_H

#include "jail/jail.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/types.h>

/* How a layer went.  MISSING leaves the process as it was, so that best effort can go on; after
 * FAILED the process is half way in and must not go on. */
enum pa_layer_result {
    PA_LAYER_ENTERED,
    PA_LAYER_MISSING,
    PA_LAYER_FAILED,
};

/* pa_jail_enter without the layers whose bits (1 << enum pa_jail_layer) are set. */
int pa_jail_enter_without(const struct pa_jail *jail, unsigned skip, struct pa_jail_report *report,
                          struct pa_error *err);

/* namespaces.c: the empty root, with the artifact and the directories in it. */
enum pa_layer_result pa_jail_make_root(const struct pa_jail *jail, struct pa_jail_report *report,
                                       struct pa_error *why);
/* The same artifact where there is no root of our own. */
int pa_jail_place_artifact_without_root(const struct pa_jail *jail, struct pa_jail_report *report,
                                        struct pa_error *err);
/* Maps `outer_*` to root of the user namespace of the process whose folder in /proc is `proc`.
 * Returns 0 or an errno; async-signal-safe, for it runs in borrowed memory (spawn.c). */
int pa_write_id_maps(const char *proc, uid_t outer_uid, gid_t outer_gid);
/* Why namespaces could not be made, after `errnum`, and what to do. */
void pa_namespaces_advice(int errnum, char *out, size_t room);

/* capabilities.c */
enum pa_layer_result pa_jail_drop_capabilities(struct pa_error *why);

/* fds.c */
int pa_jail_close_other_fds(const struct pa_jail *jail, struct pa_error *err);
void pa_jail_wipe_environment(void);

/* rlimits.c */
enum pa_layer_result pa_jail_set_rlimits(const struct pa_jail *jail, struct pa_error *why);
void pa_jail_prefer_for_oom(void);

/* landlock.c */
int pa_landlock_abi(void); /* 0 if the kernel has none */
enum pa_layer_result pa_jail_enter_landlock(const struct pa_jail *jail, struct pa_error *why);
struct pa_confine_path;
enum pa_layer_result pa_landlock_confine(const struct pa_confine_path *paths, size_t count,
                                         struct pa_error *why);

/* filter_table.c: the allow-list as data.  A call that no row allows is not made and ends the
 * process (see filter.c).  Several rows for one call are alternatives; the conditions of one row
 * must all hold. */
struct pa_filter_condition {
    unsigned arg;         /* 0..5 */
    uint64_t mask, value; /* (arg & mask) == value; PA_FILTER_SELF: the process's own number */
};
#define PA_FILTER_SELF       UINT64_C(0x7fffffff) /* no process has it */
#define PA_FILTER_CONDITIONS 2
struct pa_filter_rule {
    const char *name;
    int nr;
    unsigned stages; /* bits 1 << enum pa_jail_stage */
    unsigned condition_count;
    struct pa_filter_condition conditions[PA_FILTER_CONDITIONS];
    int reply; /* 0: the call is made; else it is not, and this is its errno */
    const char *reason;
};
extern const struct pa_filter_rule pa_filter_rules[]; /* ordered by name, alternatives together */
extern const size_t pa_filter_rule_count;

/* filter.c */
#define PA_FILTER_MAX  512
#define PA_FILTER_DENY SECCOMP_RET_TRAP /* what a call without a row gets */
#define PA_FILTER_DIE  SYS_getppid      /* a harmless call that no stage has */
struct pa_filter {
    struct sock_filter code[PA_FILTER_MAX];
    size_t count;
};
/* The filter of `stage` for a process without one; or, with `from` (a set of stages) not 0, the
 * smaller one for a process in one of these stages that takes away what `stage` does not have. */
void pa_filter_build(enum pa_jail_stage stage, unsigned from, struct pa_filter *ret);
enum pa_layer_result pa_filter_install(const struct pa_filter *filter, struct pa_error *why);
/* Before the first filter: who speaks when a call is denied. */
int pa_filter_allow_last_words(const struct pa_jail *jail, struct pa_error *err);

#endif
