/*
 * The server confines itself: once its socket is open and before it has threads, for Landlock holds
 * for a thread and those it starts.
 *
 * What it needs from then on: the cache, the folders of languages, its socket (to remove it), and
 * /proc, which tells the process behind a pidfd.  A mount it opens with O_PATH alone, which is no
 * access: the worker opens it again, with the rights of the user.
 */
#include "server/server_internal.h"

#include "base/log.h"
#include "jail/confine.h"

#define MAX_PATHS 1024

struct paths {
    struct pa_confine_path list[MAX_PATHS];
    size_t count;
};

static int add(struct paths *paths, char *path, bool writable, struct pa_error *err) {
    if (paths->count == MAX_PATHS) {
        free(path);
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "there are too many languages");
    }
    paths->list[paths->count++] = (struct pa_confine_path){path, writable};
    return 0;
}

/* Everything up to the last slash; the path is absolute or has a folder (run/handover.h). */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)PA_MAX(slash - path, 1)) : pa_xstrdup(".");
}

static int find(const struct pa_server_config *config, const char *socket_path, struct paths *paths,
                struct pa_error *err) {
    const struct pa_packs *packs = config->packs;
    if (add(paths, pa_cache_home(config->cache_directory), true, err) < 0 ||
        add(paths, folder_of(socket_path), true, err) < 0 ||
        add(paths, pa_xstrdup("/proc"), false, err) < 0)
        return -1;
    for (size_t i = 0; i < packs->count; i++)
        if (add(paths, pa_xstrdup(packs->packs[i].boot_folder), false, err) < 0 ||
            add(paths, pa_pack_module_path(&packs->packs[i], config->cache_directory), false, err) <
                0)
            return -1;
    for (size_t i = 0; i < config->warm_count; i++) { /* interpreters of the user's own */
        const char *interpreter = config->warm[i].own.module_file;
        if (interpreter && add(paths, pa_xstrdup(interpreter), false, err) < 0)
            return -1;
    }
    return 0;
}

int pa_server_confine(const struct pa_server_config *config, const char *socket_path,
                      struct pa_error *err) {
    struct paths *paths = pa_xcalloc(1, sizeof(*paths));
    char missing[512];
    int done = find(config, socket_path, paths, err);
    if (done == 0)
        done = pa_jail_confine(paths->list, paths->count, config->jail_required, missing,
                               sizeof(missing), err);
    if (done == 0 && *missing)
        pa_log_warn("server", "not confined as it should be: %s", missing);
    for (size_t i = 0; i < paths->count; i++)
        free((char *)(uintptr_t)paths->list[i].path);
    free(paths);
    return done;
}
