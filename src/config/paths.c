/*
 * wasi.allowed_paths: which host directories a guest sees, and which of them it may change.
 *
 * A path in a file or a variable must be what it says: absolute, canonical, a directory.  Whoever
 * reads the file then knows what is granted; a symbolic link that somebody else may turn is not
 * that.  A flag is typed by the person it serves and may be relative.
 *
 * Whether a path is writable is settled last, from what it says itself and from fs_readonly,
 * because the two may come from different sources in either order.
 */
#include "config/config_internal.h"

#include <errno.h>

static int check_canonical(const char *host, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *canonical = realpath(host, NULL);
    if (!canonical && errno == ENOENT)
        return pa_fail(err, PA_ERR_NOT_FOUND,
                       "the path %.200s does not exist: create the directory or remove the entry",
                       host);
    if (!canonical)
        return pa_fail_errno(err, errno, "the path %.200s", host);
    if (!pa_streq(host, canonical))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the path %.200s is not canonical: it is %.200s; write that", host,
                       canonical);
    return 0;
}

/* The mount of a guest path, whose slashes at the end do not count. */
static const struct pa_mount *find_mount(const struct pa_policy *policy, const char *guest) {
    size_t size = strlen(guest);
    while (size > 1 && guest[size - 1] == '/')
        size--;
    for (size_t i = 0; i < policy->mount_count; i++)
        if (strlen(policy->mounts[i].guest) == size &&
            memcmp(policy->mounts[i].guest, guest, size) == 0)
            return &policy->mounts[i];
    return NULL;
}

int pa_config_add_path(struct pa_config *config, const struct pa_config_key *key, const char *host,
                       const char *guest, enum pa_path_mode mode, const struct pa_origin *origin,
                       struct pa_error *err) {
    if (!*host)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the host path is empty");
    if (origin->source != PA_SOURCE_FLAG && check_canonical(host, err) < 0)
        return -1;
    const struct pa_mount *mount = find_mount(&config->policy, guest);
    if (mount && origin->source != PA_SOURCE_FLAG)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the guest path %.200s is given twice: for %.100s already", guest,
                       mount->host);
    if (pa_policy_add_mount(&config->policy, host, guest, false, err) < 0)
        return -1;
    mount = find_mount(&config->policy, guest);
    PA_ASSERT(mount);
    pa_config_note_put(config, key, mount->guest, origin)->mode = mode;
    return 0;
}

static bool cut_suffix(char *text, const char *suffix) {
    size_t length = strlen(text), cut = strlen(suffix);
    if (length < cut || !pa_streq(text + length - cut, suffix))
        return false;
    text[length - cut] = 0;
    return true;
}

int pa_config_add_path_text(struct pa_config *config, const struct pa_config_key *key,
                            const char *text, const struct pa_origin *origin,
                            struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *host = pa_xstrdup(text);
    enum pa_path_mode mode = cut_suffix(host, ":rw")   ? PA_PATH_WRITABLE
                             : cut_suffix(host, ":ro") ? PA_PATH_READ_ONLY
                                                       : PA_PATH_DEFAULT;
    char *guest = strstr(host, "::");
    if (guest) {
        *guest = 0;
        guest += 2;
    }
    return pa_config_add_path(config, key, host, guest ? guest : host, mode, origin, err);
}

static void forget_items(struct pa_config *config, const struct pa_config_key *key) {
    size_t kept = 0;
    for (size_t i = 0; i < config->note_count; i++) {
        struct pa_config_note *note = &config->notes[i];
        if (note->key == key && note->item) {
            free(note->item);
            free((char *)note->origin.name);
        } else {
            config->notes[kept++] = *note;
        }
    }
    config->note_count = kept;
}

void pa_config_clear_items(struct pa_config *config, const struct pa_config_key *key) {
    struct pa_policy *policy = &config->policy;
    switch (key->kind) {
    case PA_CONFIG_PATHS:
        for (size_t i = 0; i < policy->mount_count; i++) {
            free(policy->mounts[i].host);
            free(policy->mounts[i].guest);
        }
        policy->mount_count = 0;
        break;
    case PA_CONFIG_VARS:
        for (size_t i = 0; i < policy->env_count; i++)
            free(policy->env[i]);
        policy->env_count = 0;
        break;
    case PA_CONFIG_NAMES:
    case PA_CONFIG_FOLDERS: {
        char ***list = pa_config_list(config, key);
        *list = pa_strv_free(*list);
        break;
    }
    case PA_CONFIG_PACKAGES:
        pa_config_clear_packages(config);
        break;
    case PA_CONFIG_IMAGES:
        pa_config_clear_images(config);
        break;
    case PA_CONFIG_SCALAR:
        break;
    }
    forget_items(config, key);
}

void pa_config_settle_paths(struct pa_config *config) {
    const struct pa_config_key *key = pa_config_key_find("wasi.allowed_paths");
    for (size_t i = 0; i < config->policy.mount_count; i++) {
        struct pa_mount *mount = &config->policy.mounts[i];
        const struct pa_config_note *note = pa_config_note_find(config, key, mount->guest);
        PA_ASSERT(note);
        mount->writable = note->mode == PA_PATH_WRITABLE ||
                          (note->mode == PA_PATH_DEFAULT && !config->fs_readonly);
    }
}

bool pa_config_forbidden_path(const struct pa_config *config, const struct pa_config_note *note,
                              struct pa_error *err) {
    const struct pa_config_key *key = pa_config_key_find("wasi.security.fs_readonly");
    const struct pa_config_note *readonly = pa_config_note_find(config, key, NULL);
    if (note->mode != PA_PATH_WRITABLE || !config->fs_readonly || !readonly ||
        readonly->origin.source < note->origin.source)
        return false;
    char where[256];
    pa_fail(err, PA_ERR_INVALID_ARGUMENT,
            "%.200s is to be writable, but wasi.security.fs_readonly is true (%s): set that to "
            "false, and mark what must not change with :ro",
            note->item, pa_origin_format(&readonly->origin, where, sizeof(where)));
    return true;
}
