/*
 * Policy: everything a run may have.  Immutable once the run starts.
 *
 *     struct pa_policy policy;
 *     pa_policy_init(&policy);                         the defaults: no host files, no environment
 *     pa_policy_add_mount(&policy, "/data", "/data", false, &err);
 *     pa_policy_add_env(&policy, "HOME", "/tmp", &err);
 *     ...
 *     pa_policy_done(&policy);
 *
 * What is never granted is not here: sockets, processes, threads.
 */
#ifndef PA_POLICY_POLICY_H
#define PA_POLICY_POLICY_H

#include "base/error.h"
#include "base/wire.h"
#include "policy/limits.h"
#include <stdbool.h>

#define PA_MAX_MOUNTS    64
#define PA_MAX_QUOTAS    32 /* of them have one */
#define PA_QUOTA_ACCOUNT 16 /* bytes of an account: what is used, of bytes and of entries */
#define PA_MAX_ENV       1024
#define PA_MAX_ENV_BYTES (256 * 1024)

/* A host directory that the guest sees.  `host` is canonical and absolute. */
struct pa_mount {
    char *host;
    char *guest; /* as the guest names it; absolute or relative ("fs-tests.dir", ".") */
    bool writable;
    char *account; /* of a volume: the host path of its account (wasi/quota.h), and ... */
    uint64_t quota_bytes, quota_entries; /* ... what it may hold; NULL: there is no quota */
};

struct pa_policy {
    struct pa_limits limits;
    struct pa_mount *mounts;
    size_t mount_count;
    char **env; /* "NAME=value" */
    size_t env_count;
    bool allow_clock;   /* false: a virtual clock that starts at 2000-01-01 and advances per call */
    bool allow_random;  /* false: a generator seeded from `seed` */
    bool deterministic; /* both of the above, canonical NaNs, metered code, sorted directories */
    uint64_t seed;
};

void pa_policy_init(struct pa_policy *policy);
void pa_policy_done(struct pa_policy *policy);
void pa_policy_copy(struct pa_policy *policy,
                    const struct pa_policy *from); /* into uninitialised */

/* Adds a mount.  `host` is made canonical; it must be an existing directory (NOT_FOUND,
 * INVALID_ARGUMENT otherwise).  A second mount at the same guest path replaces the first. */
int pa_policy_add_mount(struct pa_policy *policy, const char *host, const char *guest,
                        bool writable, struct pa_error *err);

/* The same with a `host` that is a mount's already, as it stands there: no file is looked at. */
int pa_policy_add_known_mount(struct pa_policy *policy, const char *host, const char *guest,
                              bool writable, struct pa_error *err);

/* Bounds what the mount at `guest`, which there is, may hold, by the account of its volume. */
void pa_policy_set_quota(struct pa_policy *policy, const char *guest, const char *account,
                         uint64_t bytes, uint64_t entries);

/* Adds a mount of another policy, its quota included. */
int pa_policy_add_mount_of(struct pa_policy *policy, const struct pa_mount *mount,
                           struct pa_error *err);

/* How many mounts have a quota. */
size_t pa_policy_quota_count(const struct pa_policy *policy);

/* Sets a variable; a second value for the same name replaces the first. */
int pa_policy_add_env(struct pa_policy *policy, const char *name, const char *value,
                      struct pa_error *err);

/* The value, or NULL. */
const char *pa_policy_env(const struct pa_policy *policy, const char *name);

/* True if the run needs code with fuel in it: a fuel limit, or determinism. */
bool pa_policy_metered(const struct pa_policy *policy);
/* "fast", "metered" or "deterministic": which code of a module the run needs. */
const char *pa_policy_variant(const struct pa_policy *policy);

/* Across our own sockets (trusted sender).  `host` paths stay behind: the worker gets descriptors.
 */
void pa_policy_encode(const struct pa_policy *policy, struct pa_buf *buf);
int pa_policy_decode(struct pa_policy *policy, struct pa_reader *reader, struct pa_error *err);

#endif
