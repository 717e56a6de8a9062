#include "policy/policy.h"

#include <errno.h>
#include <sys/stat.h>

void pa_policy_init(struct pa_policy *policy) {
    *policy = (struct pa_policy){.allow_clock = true, .allow_random = true};
    pa_limits_init(&policy->limits);
}

void pa_policy_done(struct pa_policy *policy) {
    for (size_t i = 0; i < policy->mount_count; i++) {
        free(policy->mounts[i].host);
        free(policy->mounts[i].guest);
        free(policy->mounts[i].account);
    }
    for (size_t i = 0; i < policy->env_count; i++)
        free(policy->env[i]);
    free(policy->mounts);
    free(policy->env);
    *policy = (struct pa_policy){0};
}

static struct pa_mount *append_mount(struct pa_policy *policy, char *host, char *guest,
                                     bool writable) {
    if (!policy->mounts)
        policy->mounts = pa_xcalloc(PA_MAX_MOUNTS, sizeof(*policy->mounts));
    struct pa_mount *mount = &policy->mounts[policy->mount_count++];
    *mount = (struct pa_mount){.host = host, .guest = guest, .writable = writable};
    return mount;
}

static void set_quota(struct pa_mount *mount, const char *account, uint64_t bytes,
                      uint64_t entries) {
    free(mount->account);
    mount->account = account ? pa_xstrdup(account) : NULL;
    mount->quota_bytes = bytes;
    mount->quota_entries = entries;
}

static void append_env(struct pa_policy *policy, char *pair) {
    if (!policy->env)
        policy->env = pa_xcalloc(PA_MAX_ENV, sizeof(*policy->env));
    policy->env[policy->env_count++] = pair;
}

void pa_policy_copy(struct pa_policy *policy, const struct pa_policy *from) {
    *policy = *from;
    policy->mounts = NULL;
    policy->env = NULL;
    policy->mount_count = policy->env_count = 0;
    for (size_t i = 0; i < from->mount_count; i++) {
        const struct pa_mount *mount = &from->mounts[i];
        set_quota(append_mount(policy, pa_xstrdup(mount->host), pa_xstrdup(mount->guest),
                               mount->writable),
                  mount->account, mount->quota_bytes, mount->quota_entries);
    }
    for (size_t i = 0; i < from->env_count; i++)
        append_env(policy, pa_xstrdup(from->env[i]));
}

/* "/data/" and "/data" are one place. */
static char *without_trailing_slashes(const char *path) {
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    char *copy = pa_xcalloc(1, size + 1);
    memcpy(copy, path, size);
    return copy;
}

int pa_policy_add_mount(struct pa_policy *policy, const char *host, const char *guest,
                        bool writable, struct pa_error *err) {
    if (!*guest)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "mount %s: the guest path is empty", host);
    PA_CLEANUP(pa_freep) char *canonical = realpath(host, NULL);
    if (!canonical)
        return pa_fail_errno(err, errno, "mount %s", host);
    struct stat st;
    if (stat(canonical, &st) < 0)
        return pa_fail_errno(err, errno, "mount %s", host);
    if (!S_ISDIR(st.st_mode))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "mount %s: not a directory; mount the directory that holds it", host);
    return pa_policy_add_known_mount(policy, canonical, guest, writable, err);
}

int pa_policy_add_known_mount(struct pa_policy *policy, const char *host, const char *guest,
                              bool writable, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *name = without_trailing_slashes(guest);
    for (size_t i = 0; i < policy->mount_count; i++) {
        struct pa_mount *mount = &policy->mounts[i];
        if (!pa_streq(mount->guest, name))
            continue;
        free(mount->host);
        mount->host = pa_xstrdup(host);
        mount->writable = writable;
        set_quota(mount, NULL, 0, 0);
        return 0;
    }
    if (policy->mount_count == PA_MAX_MOUNTS)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "mount %s: at most %d mounts", host,
                       PA_MAX_MOUNTS);
    append_mount(policy, pa_xstrdup(host), pa_steal(&name), writable);
    return 0;
}

void pa_policy_set_quota(struct pa_policy *policy, const char *guest, const char *account,
                         uint64_t bytes, uint64_t entries) {
    for (size_t i = 0; i < policy->mount_count; i++)
        if (pa_streq(policy->mounts[i].guest, guest))
            set_quota(&policy->mounts[i], account, bytes, entries);
}

int pa_policy_add_mount_of(struct pa_policy *policy, const struct pa_mount *mount,
                           struct pa_error *err) {
    if (pa_policy_add_mount(policy, mount->host, mount->guest, mount->writable, err) < 0)
        return -1;
    pa_policy_set_quota(policy, mount->guest, mount->account, mount->quota_bytes,
                        mount->quota_entries);
    return 0;
}

size_t pa_policy_quota_count(const struct pa_policy *policy) {
    size_t count = 0;
    for (size_t i = 0; i < policy->mount_count; i++)
        count += policy->mounts[i].account != NULL;
    return count;
}

static size_t env_index(const struct pa_policy *policy, const char *name) {
    size_t size = strlen(name);
    size_t i = 0;
    while (i < policy->env_count &&
           !(strncmp(policy->env[i], name, size) == 0 && policy->env[i][size] == '='))
        i++;
    return i;
}

int pa_policy_add_env(struct pa_policy *policy, const char *name, const char *value,
                      struct pa_error *err) {
    if (!*name || strchr(name, '='))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "environment: '%.64s' is not a variable name (empty, or with '=')", name);
    size_t total = strlen(name) + strlen(value) + 2;
    for (size_t i = 0; i < policy->env_count; i++)
        total += strlen(policy->env[i]) + 1;
    size_t at = env_index(policy, name);
    if (total > PA_MAX_ENV_BYTES || (at == policy->env_count && at == PA_MAX_ENV))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "environment: %s: more than %d variables or %d bytes in all", name,
                       PA_MAX_ENV, PA_MAX_ENV_BYTES);
    char *pair = pa_xasprintf("%s=%s", name, value);
    if (at < policy->env_count) {
        free(policy->env[at]);
        policy->env[at] = pair;
    } else {
        append_env(policy, pair);
    }
    return 0;
}

const char *pa_policy_env(const struct pa_policy *policy, const char *name) {
    size_t at = env_index(policy, name);
    return at < policy->env_count ? policy->env[at] + strlen(name) + 1 : NULL;
}

bool pa_policy_metered(const struct pa_policy *policy) {
    return policy->deterministic || policy->limits.fuel != PA_UNLIMITED;
}

const char *pa_policy_variant(const struct pa_policy *policy) {
    return policy->deterministic ? "deterministic" : pa_policy_metered(policy) ? "metered" : "fast";
}

enum {
    FLAG_CLOCK = 1,
    FLAG_RANDOM = 2,
    FLAG_DETERMINISTIC = 4,
};

void pa_policy_encode(const struct pa_policy *policy, struct pa_buf *buf) {
    for (size_t i = 0; i < pa_limit_count; i++)
        pa_put_u64(buf, *pa_limit_slot((struct pa_limits *)&policy->limits, &pa_limit_infos[i]));
    pa_put_u32(buf, (policy->allow_clock ? FLAG_CLOCK : 0u) |
                        (policy->allow_random ? FLAG_RANDOM : 0u) |
                        (policy->deterministic ? FLAG_DETERMINISTIC : 0u));
    pa_put_u64(buf, policy->seed);
    pa_put_u32(buf, (uint32_t)policy->mount_count);
    for (size_t i = 0; i < policy->mount_count; i++) {
        pa_put_text(buf, policy->mounts[i].guest);
        pa_put_u8(buf, policy->mounts[i].writable);
        pa_put_u8(buf, policy->mounts[i].account != NULL);
        pa_put_u64(buf, policy->mounts[i].quota_bytes);
        pa_put_u64(buf, policy->mounts[i].quota_entries);
    }
    pa_put_u32(buf, (uint32_t)policy->env_count);
    for (size_t i = 0; i < policy->env_count; i++)
        pa_put_text(buf, policy->env[i]);
}

int pa_policy_decode(struct pa_policy *policy, struct pa_reader *reader, struct pa_error *err) {
    struct pa_policy next;
    pa_policy_init(&next);
    for (size_t i = 0; i < pa_limit_count; i++)
        *pa_limit_slot(&next.limits, &pa_limit_infos[i]) = pa_get_u64(reader);
    uint32_t flags = pa_get_u32(reader);
    next.allow_clock = flags & FLAG_CLOCK;
    next.allow_random = flags & FLAG_RANDOM;
    next.deterministic = flags & FLAG_DETERMINISTIC;
    next.seed = pa_get_u64(reader);
    uint32_t mounts = pa_get_count(reader, 22);
    for (uint32_t i = 0; i < mounts && i < PA_MAX_MOUNTS && !reader->failed; i++) {
        char *guest = pa_get_text(reader);
        bool writable = pa_get_u8(reader);
        const char *account = pa_get_u8(reader) ? "" : NULL; /* the worker gets a descriptor */
        uint64_t bytes = pa_get_u64(reader), entries = pa_get_u64(reader);
        set_quota(append_mount(&next, NULL, guest ? guest : pa_xstrdup(""), writable), account,
                  bytes, entries);
    }
    uint32_t variables = pa_get_count(reader, 4);
    for (uint32_t i = 0; i < variables && i < PA_MAX_ENV && !reader->failed; i++) {
        char *pair = pa_get_text(reader);
        append_env(&next, pair ? pair : pa_xstrdup("="));
    }
    if (reader->failed || mounts > PA_MAX_MOUNTS || variables > PA_MAX_ENV) {
        pa_policy_done(&next);
        return pa_fail(err, PA_ERR_INTERNAL, "a policy on the run channel is malformed");
    }
    *policy = next;
    return 0;
}
