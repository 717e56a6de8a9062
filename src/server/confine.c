/*
 * Landlock holds for a thread and those it starts, so this comes before there are others: the doors
 * bind afterwards, which it does not forbid.
 *
 * What a server needs from here on: the cache, the volumes, the folders of languages, its socket
 * (to remove it), and /proc, which tells the process behind a pidfd.  A mount it opens with O_PATH
 * alone, which is no access: the worker opens it again, with the rights of the user.
 *
 * What is read again while it serves (SIGHUP: settings, keys; certificates) is named by its folder,
 * for files are replaced under their names.  What it calls by a name needs the resolver's files,
 * and by https the machine's certificates: only where such an endpoint is configured.
 */
#include "server/confine.h"

#include "base/log.h"
#include "jail/confine.h"

#define MAX_PATHS 1024

struct paths {
    struct pa_confine_path list[MAX_PATHS];
    size_t count;
    bool full;
};

static void add(struct paths *paths, char *owned, bool writable) {
    if (paths->count == MAX_PATHS) {
        paths->full = true;
        free(owned);
        return;
    }
    paths->list[paths->count++] = (struct pa_confine_path){owned, writable};
}

/* Everything up to the last slash; "." for a name alone. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)PA_MAX(slash - path, 1)) : pa_xstrdup(".");
}

/* Also that of the file which a link is for: where certificates are renewed, the next one will be
 * beside it.  NULL is passed over. */
static void add_folder_of(struct paths *paths, const char *path, bool writable) {
    PA_CLEANUP(pa_freep) char *real = path ? realpath(path, NULL) : NULL;
    if (path)
        add(paths, folder_of(path), writable);
    if (real && !pa_streq(real, path))
        add(paths, folder_of(real), writable);
}

static void add_languages(struct paths *paths, const struct pa_server_confinement *what) {
    const struct pa_packs *packs = what->packs;
    for (size_t i = 0; i < packs->count; i++) {
        add(paths, pa_xstrdup(packs->packs[i].boot_folder), false);
        add(paths, pa_pack_module_path(&packs->packs[i], what->config->cache_directory), false);
    }
    for (size_t i = 0; i < what->warm_count; i++)
        if (what->warm[i].own.module_file)
            add(paths, pa_xstrdup(what->warm[i].own.module_file), false);
    if (what->config->python_wasi_wasm_path)
        add(paths, pa_xstrdup(what->config->python_wasi_wasm_path), false);
}

/* Where names are looked up, and who vouches for a server. */
static void add_network(struct paths *paths) {
    static const char *const files[] = {"/etc/resolv.conf",
                                        "/etc/hosts",
                                        "/etc/host.conf",
                                        "/etc/gai.conf",
                                        "/etc/services",
                                        "/etc/nsswitch.conf",
                                        "/run/systemd/resolve",
                                        "/run/resolvconf",
                                        "/etc/ssl",
                                        "/usr/share/ca-certificates",
                                        "/usr/local/share/ca-certificates",
                                        "/usr/lib/ssl"};
    for (size_t i = 0; i < PA_ARRAY_LEN(files); i++)
        add(paths, pa_xstrdup(files[i]), false);
}

static void add_settings(struct paths *paths, const struct pa_server_confinement *what) {
    const struct pa_config *config = what->config;
    const struct pa_server_settings *server = &config->server;
    add_folder_of(paths, config->file, false);
    add(paths, pa_xstrdup(".env"), false);
    add_folder_of(paths, server->tls_certificate, false);
    add_folder_of(paths, server->tls_key, false);
    add_folder_of(paths, server->tls_client_ca, false);
    add_folder_of(paths, server->api_keys_file, false);
    add_folder_of(paths, server->tasks_api_key_file, false);
    add_folder_of(paths, server->audit_log, true);
    for (char **folder = server->module_paths; folder && *folder; folder++)
        add(paths, pa_xstrdup(*folder), false);
    if (what->volumes_directory)
        add(paths, pa_xstrdup(what->volumes_directory), true);
    if (server->otlp_endpoint || server->tasks_endpoint || server->calls_approval_url)
        add_network(paths);
}

int pa_server_confine(const struct pa_server_confinement *what, struct pa_error *err) {
    struct paths *paths = pa_xcalloc(1, sizeof(*paths));
    char missing[512] = "";
    add(paths, pa_cache_home(what->config->cache_directory), true);
    add_folder_of(paths, what->socket_path, true);
    add(paths, pa_xstrdup("/proc"), false);
    add(paths, pa_xstrdup("/sys/fs/cgroup"), false); /* how much memory there is */
    add_languages(paths, what);
    add_settings(paths, what);
    int done =
        paths->full
            ? pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                      "there are more than %d languages and folders to be confined to", MAX_PATHS)
            : pa_jail_confine(paths->list, paths->count, what->config->jail_required, missing,
                              sizeof(missing), err);
    if (done == 0 && *missing)
        pa_log_warn("server", "not confined as it should be: %s", missing);
    for (size_t i = 0; i < paths->count; i++)
        free((char *)(uintptr_t)paths->list[i].path);
    free(paths);
    return done;
}
