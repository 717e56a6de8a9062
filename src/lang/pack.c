/*
 * One pack: its life, where its installation is, and what of it a run sees.
 *
 * An installation's folder is named after the archive's checksum, so two versions of a language
 * live side by side.  What the manifest takes out of the archive may change while the archive
 * stays: the file .layout holds a digest of that, and an installation with another one counts as
 * none.
 */
#include "lang/lang_internal.h"

#include "base/io.h"
#include <ctype.h>
#include <unistd.h>

void pa_pack_done(struct pa_pack *pack) {
    char **lists[] = {pack->aliases, pack->file_extensions, pack->args, pack->env, pack->preload};
    char *texts[] = {pack->manifest,    pack->name,           pack->version,
                     pack->summary,     pack->source.package, pack->source.version,
                     pack->source.file, pack->module_path,    pack->boot_folder,
                     pack->boot_file,   pack->module_file};
    for (size_t i = 0; i < PA_ARRAY_LEN(lists); i++)
        pa_strv_free(lists[i]);
    for (size_t i = 0; i < PA_ARRAY_LEN(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < pack->file_count; i++) {
        free(pack->files[i].path);
        free(pack->files[i].inside);
        free(pack->files[i].to);
    }
    for (size_t i = 0; i < pack->mount_count; i++) {
        free(pack->mounts[i].from);
        free(pack->mounts[i].guest);
    }
    free(pack->files);
    free(pack->mounts);
    pa_entry_done(&pack->entry);
    *pack = (struct pa_pack){0};
}

bool pa_safe_path(const char *path) {
    if (!*path || strlen(path) > 1024)
        return false;
    for (const char *at = path; *at; at++)
        if (iscntrl((unsigned char)*at))
            return false;
    for (const char *part = path;; part += strcspn(part, "/") + 1) {
        size_t size = strcspn(part, "/");
        bool dots = (size == 1 && part[0] == '.') || (size == 2 && memcmp(part, "..", 2) == 0);
        if (size == 0 || size > 255 || dots)
            return false;
        if (!part[size])
            return true;
    }
}

char *pa_cache_home(const char *directory) {
    if (directory)
        return pa_xstrdup(directory);
    const char *home = getenv("POLYAGENT_CACHE_HOME");
    if (home && *home)
        return pa_xstrdup(home);
    home = getenv("XDG_CACHE_HOME");
    if (home && *home == '/')
        return pa_path_join(home, "polyagent");
    home = getenv("HOME");
    return home && *home ? pa_path_join(home, ".cache/polyagent")
                         : pa_xasprintf("/var/tmp/polyagent-%u", geteuid());
}

char *pa_pack_directory(const struct pa_pack *pack, const char *cache_directory) {
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(cache_directory);
    return pa_xasprintf("%s/languages/%s-%.16s", home, pack->name, pack->source.sha256);
}

char *pa_pack_module_path(const struct pa_pack *pack, const char *cache_directory) {
    if (pack->module_file)
        return pa_xstrdup(pack->module_file);
    PA_CLEANUP(pa_freep) char *directory = pa_pack_directory(pack, cache_directory);
    return pa_path_join(directory, PA_PACK_MODULE_FILE);
}

void pa_pack_layout(const struct pa_pack *pack, char ret_text[PA_DIGEST_TEXT]) {
    PA_CLEANUP(pa_buf_done) struct pa_buf buf = PA_BUF_INIT(16 * PA_MIB);
    pa_put_text(&buf, pack->source.sha256);
    pa_put_text(&buf, pack->module_path);
    pa_put_text(&buf, pack->module_sha256);
    for (size_t i = 0; i < pack->file_count; i++) {
        const struct pa_pack_file *file = &pack->files[i];
        pa_put_text(&buf, file->path);
        pa_put_text(&buf, file->inside);
        pa_put_text(&buf, file->to);
        pa_put_text(&buf, file->sha256);
        pa_put_u8(&buf, file->unpack);
    }
    PA_ASSERT(!buf.failed);
    pa_digest(buf.data, buf.size, ret_text);
}

bool pa_pack_installed(const struct pa_pack *pack, const char *cache_directory) {
    if (pack->module_file)
        return true; /* nothing of it is */
    PA_CLEANUP(pa_freep) char *directory = pa_pack_directory(pack, cache_directory);
    PA_CLEANUP(pa_freep) char *path = pa_path_join(directory, PA_PACK_LAYOUT_FILE);
    PA_CLEANUP(pa_buf_done) struct pa_buf found = PA_BUF_INIT(PA_DIGEST_TEXT);
    char wanted[PA_DIGEST_TEXT];
    struct pa_error err;
    pa_pack_layout(pack, wanted);
    return pa_read_file(path, &found, &err) == 0 && pa_streq(pa_buf_text(&found), wanted);
}

int pa_pack_add_mounts(const struct pa_pack *pack, const char *cache_directory,
                       struct pa_policy *policy, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *directory = pa_pack_directory(pack, cache_directory);
    if (!pa_pack_installed(pack, cache_directory))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the language %s is not installed: polyagent lang install %s", pack->name,
                       pack->name);
    if (pa_policy_add_mount(policy, pack->boot_folder, "/boot", false, err) < 0)
        return pa_error_prefix(err, "language %s", pack->name);
    for (size_t i = 0; i < pack->mount_count; i++) {
        PA_CLEANUP(pa_freep) char *host = pa_path_join(directory, pack->mounts[i].from);
        if (pa_policy_add_mount(policy, host, pack->mounts[i].guest, false, err) < 0)
            return pa_error_prefix(err, "language %s", pack->name);
    }
    return 0;
}
