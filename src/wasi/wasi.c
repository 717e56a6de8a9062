/*
 * Making and changing a guest's world: what is mounted where, the first descriptors, the arguments
 * and the environment.
 *
 * Each place (struct wasi_mount) has a root handle that lives as long as the world: the virtual
 * root hands paths to it.  The preopened descriptor of a place is a second handle, which the guest
 * may close.
 */
#include "base/log.h"
#include "wasi/host.h"
#include <unistd.h>

#define STRINGS_MAX ((size_t)2 << 20) /* bytes of argv, or of the environment */

static int strings_set(struct wasi_strings *strings, const char *what, const char *const *texts,
                       size_t count, const char *extra, struct pa_error *err) {
    size_t size = extra ? strlen(extra) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(texts[i]) + 1;
    if (size > STRINGS_MAX)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: %zu bytes; a guest takes at most %zu",
                       what, size, STRINGS_MAX);
    char *bytes = pa_xcalloc(1, PA_MAX(size, 1));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t part = strlen(texts[i]) + 1;
        memcpy(bytes + at, texts[i], part);
        at += part;
    }
    if (extra)
        memcpy(bytes + at, extra, strlen(extra) + 1);
    free(strings->bytes);
    *strings = (struct wasi_strings){bytes, size, (uint32_t)(count + (extra ? 1 : 0))};
    return 0;
}

static struct wasi_mount *mount_at(struct pa_wasi *wasi, const char *guest) {
    for (size_t i = 0; i < wasi->mount_count; i++)
        if (pa_streq(wasi->mounts[i].guest, guest))
            return &wasi->mounts[i];
    return NULL;
}

/* Where temporary files go when the host took /tmp or /workspace: into the one still in memory. */
static const char *tmpdir_for(struct pa_wasi *wasi, const struct pa_policy *policy) {
    if (pa_policy_env(policy, "TMPDIR"))
        return NULL;
    bool tmp = mount_at(wasi, "/tmp")->from_host;
    bool workspace = mount_at(wasi, "/workspace")->from_host;
    if (tmp == workspace)
        return NULL;
    return tmp ? "TMPDIR=/workspace" : "TMPDIR=/tmp";
}

/* The part of a policy that a warm process can take on. */
static int apply(struct pa_wasi *wasi, const struct pa_wasi_config *config, struct pa_error *err) {
    const struct pa_policy *policy = config->policy;
    struct wasi_strings args = {0};
    if (strings_set(&args, "arguments", config->argv, config->argc, NULL, err) < 0)
        return -1;
    if (strings_set(&wasi->env, "environment", (const char *const *)policy->env, policy->env_count,
                    tmpdir_for(wasi, policy), err) < 0) {
        free(args.bytes);
        return -1;
    }
    free(wasi->args.bytes);
    wasi->args = args;
    wasi->fds.limit = (uint32_t)policy->limits.open_files;
    wasi->streams[WASI_STDIN] = config->stdin_stream;
    wasi->streams[WASI_STDOUT] = config->stdout_stream;
    wasi->streams[WASI_STDERR] = config->stderr_stream;
    wasi->state = (struct pa_wasi_state){0};
    return 0;
}

/* Adds a place; `root` is the result of opening it and is taken. */
static int add_mount(struct pa_wasi *wasi, const char *guest, wasi_errno errnum,
                     const struct wasi_mount *mount, struct pa_error *err) {
    if (errnum)
        return pa_fail(err, PA_ERR_INTERNAL, "mount %s: %s", guest, wasi_errno_name(errnum));
    PA_ASSERT(wasi->mount_count < WASI_MOUNTS_MAX);
    struct wasi_mount *added = &wasi->mounts[wasi->mount_count++];
    *added = *mount;
    added->guest = pa_xstrdup(guest);
    return 0;
}

/* Takes all descriptors, also on failure. */
static int mount_host(struct pa_wasi *wasi, const struct pa_wasi_config *config,
                      struct pa_error *err) {
    int result = 0;
    for (size_t i = 0; i < config->policy->mount_count; i++) {
        const struct pa_mount *from = &config->policy->mounts[i];
        int fd = config->mount_fds[i];
        if (result < 0) {
            close(fd);
            continue;
        }
        struct wasi_mount mount = {.from_host = true};
        const struct pa_quota *quota = config->quotas ? &config->quotas[i] : NULL;
        wasi_errno errnum =
            pa_hostfs_open_root(&wasi->world.fs, fd, from->writable, quota, &mount.root);
        result = add_mount(wasi, from->guest, errnum, &mount, err);
    }
    return result;
}

static int mount_memory(struct pa_wasi *wasi, const char *guest, struct pa_error *err) {
    if (mount_at(wasi, guest))
        return 0;
    struct wasi_mount mount = {.memfs = pa_memfs_new(&wasi->world.fs)};
    if (!mount.memfs)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "mount %s: out of memory", guest);
    wasi_errno errnum = pa_memfs_open_root(mount.memfs, &mount.root);
    if (errnum)
        pa_memfs_free(mount.memfs);
    return add_mount(wasi, guest, errnum, &mount, err);
}

static int mount_devices(struct pa_wasi *wasi, const struct pa_wasi_config *config,
                         struct pa_error *err) {
    if (mount_at(wasi, "/dev"))
        return 0;
    size_t count = config->device_count + WASI_OWN_DEVICES;
    PA_CLEANUP(pa_freep) struct pa_device *devices = pa_xcalloc(count, sizeof *devices);
    wasi_own_devices(wasi, devices);
    PA_ASSERT(config->device_count <= WASI_HOST_DEVICES_MAX);
    for (size_t i = 0; i < config->device_count; i++) {
        wasi->devices[i] = (struct wasi_host_device){wasi, config->devices[i]};
        devices[WASI_OWN_DEVICES + i] = wasi_host_device(&wasi->devices[i]);
    }
    wasi->devfs = pa_devfs_new(devices, count);
    struct wasi_mount mount = {0};
    return add_mount(wasi, "/dev", pa_devfs_open_root(wasi->devfs, &mount.root), &mount, err);
}

/* The directory that shows all absolute places; relative ones are found by their preopens only. */
static int mount_root(struct pa_wasi *wasi, struct pa_error *err) {
    if (mount_at(wasi, "/"))
        return 0;
    wasi->rootfs = pa_rootfs_new(&wasi->world.fs);
    for (size_t i = 0; i < wasi->mount_count; i++) {
        const struct wasi_mount *mount = &wasi->mounts[i];
        if (mount->guest[0] != '/')
            continue;
        wasi_errno errnum = pa_rootfs_mount(wasi->rootfs, mount->guest, mount->root);
        if (errnum == WASI_EEXIST)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "mount %s: something else is mounted there already", mount->guest);
        if (errnum)
            return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                           "mount %s: not a path a guest can have; use one without '.' and '..'",
                           mount->guest);
    }
    struct wasi_mount mount = {0};
    return add_mount(wasi, "/", pa_rootfs_open_root(wasi->rootfs, &mount.root), &mount, err);
}

static int first_fd(struct pa_wasi *wasi, const char *what, wasi_errno errnum,
                    const struct wasi_fd *entry, struct pa_error *err) {
    uint32_t fd;
    if (!errnum) {
        errnum = wasi_fdtable_add(&wasi->fds, entry, true, &fd);
        if (errnum)
            entry->file->ops->close(entry->file);
    }
    return errnum ? pa_fail(err, PA_ERR_INTERNAL, "open %s: %s", what, wasi_errno_name(errnum)) : 0;
}

static int open_streams(struct pa_wasi *wasi, struct pa_error *err) {
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    for (int i = 0; i < WASI_STREAMS; i++) {
        struct wasi_fd entry = {0};
        wasi_errno errnum = wasi_stream_open(wasi, i, 0, &entry.file);
        uint64_t unwanted = i == WASI_STDIN ? WASI_RIGHT_FD_WRITE : WASI_RIGHT_FD_READ;
        if (!errnum)
            entry.base = wasi_rights_for(entry.file, WASI_RIGHTS_FILE & ~unwanted);
        if (first_fd(wasi, names[i], errnum, &entry, err) < 0)
            return -1;
    }
    return 0;
}

static int open_preopens(struct pa_wasi *wasi, struct pa_error *err) {
    const struct pa_open how = {.oflags = WASI_O_DIRECTORY, .read = true};
    for (size_t i = 0; i < wasi->mount_count; i++) {
        struct pa_file *root = wasi->mounts[i].root;
        struct wasi_fd entry = {.base = WASI_RIGHTS_DIR, .inheriting = WASI_RIGHTS_INHERITING};
        wasi_errno errnum = root->ops->open(root, ".", &how, &entry.file);
        entry.preopen = pa_xstrdup(wasi->mounts[i].guest);
        if (first_fd(wasi, entry.preopen, errnum, &entry, err) < 0) {
            free(entry.preopen);
            return -1;
        }
    }
    return 0;
}

static void freep(struct pa_wasi **wasi) {
    pa_wasi_free(*wasi);
}

int pa_wasi_new(const struct pa_wasi_config *config, struct pa_wasi **ret, struct pa_error *err) {
    PA_CLEANUP(freep) struct pa_wasi *wasi = pa_xcalloc(1, sizeof *wasi);
    wasi_world_init(&wasi->world, config->policy);
    wasi->trace = pa_log_enabled("wasi", PA_LOG_TRACE);
    if (mount_host(wasi, config, err) < 0 || mount_memory(wasi, "/tmp", err) < 0 ||
        mount_memory(wasi, "/workspace", err) < 0 || mount_devices(wasi, config, err) < 0 ||
        mount_root(wasi, err) < 0 || apply(wasi, config, err) < 0 || open_streams(wasi, err) < 0 ||
        open_preopens(wasi, err) < 0)
        return -1;
    wasi->world.virtual_ns = 0; /* the file systems asked for the time while they were made */
    *ret = pa_steal(&wasi);
    return 0;
}

struct pa_wasi *pa_wasi_free(struct pa_wasi *wasi) {
    if (!wasi)
        return NULL;
    wasi_fdtable_done(&wasi->fds);
    for (size_t i = 0; i < wasi->mount_count; i++)
        wasi->mounts[i].root->ops->close(wasi->mounts[i].root);
    pa_rootfs_free(wasi->rootfs);
    pa_devfs_free(wasi->devfs);
    for (size_t i = 0; i < wasi->mount_count; i++) {
        pa_memfs_free(wasi->mounts[i].memfs);
        free(wasi->mounts[i].guest);
    }
    free(wasi->args.bytes);
    free(wasi->env.bytes);
    free(wasi);
    return NULL;
}

int pa_wasi_rearm(struct pa_wasi *wasi, const struct pa_wasi_config *config, struct pa_error *err) {
    if (apply(wasi, config, err) < 0)
        return -1;
    wasi_world_rearm(&wasi->world, config->policy);
    return 0;
}

const struct pa_wasi_state *pa_wasi_state(const struct pa_wasi *wasi) {
    return &wasi->state;
}

struct pa_memfs *pa_wasi_memfs(struct pa_wasi *wasi, const char *guest) {
    struct wasi_mount *mount = mount_at(wasi, guest);
    return mount ? mount->memfs : NULL;
}

uint64_t wasi_rights_for(const struct pa_file *file, uint64_t rights) {
    if (wasi_is_dir(file))
        return rights & WASI_RIGHTS_DIR;
    if (!file->ops->seek && file->type != WASI_FILETYPE_CHARACTER_DEVICE)
        rights &= ~(uint64_t)(WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL);
    return rights & WASI_RIGHTS_FILE;
}

wasi_errno wasi_find_fd(struct pa_wasi *wasi, uint32_t fd, uint64_t rights, struct wasi_fd **ret) {
    *ret = wasi_fdtable_get(&wasi->fds, fd);
    if (!*ret)
        return WASI_EBADF;
    return ((*ret)->base & rights) == rights ? WASI_ESUCCESS : WASI_ENOTCAPABLE;
}

wasi_errno wasi_find_dir(struct pa_wasi *wasi, uint32_t fd, uint64_t rights, struct wasi_fd **ret) {
    wasi_errno errnum = wasi_find_fd(wasi, fd, 0, ret);
    if (errnum)
        return errnum;
    if (!wasi_is_dir((*ret)->file))
        return WASI_ENOTDIR;
    return ((*ret)->base & rights) == rights ? WASI_ESUCCESS : WASI_ENOTCAPABLE;
}
