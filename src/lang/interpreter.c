#include "lang/interpreter.h"

#include "base/io.h"
#include "lang/lang_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REST_SECONDS 2

static bool needs_no_files(const struct pa_pack *pack) {
    return pack->mount_count == 0 && pack->file_count == 0;
}

static const struct pa_pack *find_recipe(const struct pa_packs *packs, const struct pa_pack *pack) {
    if (needs_no_files(pack))
        return pack;
    for (size_t i = 0; i < packs->count; i++) {
        const struct pa_pack *other = &packs->packs[i];
        if (needs_no_files(other) && other->entry.style == PA_ENTRY_COMMAND &&
            pa_streq(other->boot_folder, pack->boot_folder) &&
            pa_streq(other->boot_file, pack->boot_file))
            return other;
    }
    return NULL;
}

/* The first eight bytes: the magic number, then the version, which for a component is another. */
static int check_head(int fd, const char *path, struct pa_error *err) {
    static const uint8_t magic[] = {0, 'a', 's', 'm'}, version[] = {1, 0, 0, 0};
    uint8_t head[8];
    if (pread(fd, head, sizeof(head), 0) != sizeof(head) || memcmp(head, magic, sizeof(magic)) != 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the interpreter %s is not a WebAssembly module (it does not begin with "
                       "\\0asm)",
                       path);
    if (memcmp(head + 4, version, sizeof(version)) != 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the interpreter %s is a WebAssembly component; a module for WASI preview 1 "
                       "is wanted",
                       path);
    return 0;
}

static char **copy_list(char *const *list) {
    char **copy = pa_xcalloc(1, sizeof(*copy));
    for (; list && *list; list++)
        pa_strv_add(&copy, pa_xstrdup(*list));
    return copy;
}

static int copy_entry(const struct pa_entry *entry, struct pa_entry *ret, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf buf = PA_BUF_INIT(PA_MIB);
    pa_entry_encode(entry, &buf);
    struct pa_reader reader = PA_READER(buf.data, buf.size);
    return pa_entry_decode(ret, &reader, err);
}

int pa_pack_with_known_interpreter(const struct pa_packs *packs, const struct pa_pack *pack,
                                   const char *path, const char *sha256, uint64_t bytes,
                                   struct pa_pack *ret, struct pa_error *err) {
    const struct pa_pack *recipe = find_recipe(packs, pack);
    if (!recipe)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the language %s needs files beside its module: it cannot be given another "
                       "interpreter",
                       pack->name);
    struct pa_pack own = {.module_bytes = bytes, .limits = recipe->limits};
    if (copy_entry(&recipe->entry, &own.entry, err) < 0)
        return -1;
    own.limits.module_bytes = pa_limit_find("module_bytes")->initial; /* this one was not checked */
    snprintf(own.module_sha256, sizeof(own.module_sha256), "%s", sha256);
    own.module_file = pa_xstrdup(path);
    own.manifest = pa_xstrdup(recipe->manifest);
    own.name = pa_xstrdup(pack->name);
    own.version = pa_xstrdup("");
    own.summary = pa_xasprintf("the interpreter %s", path);
    own.boot_folder = pa_xstrdup(recipe->boot_folder);
    own.boot_file = pa_xstrdup(recipe->boot_file);
    own.args = copy_list(recipe->args);
    own.env = copy_list(recipe->env);
    char ***empty[] = {&own.preload, &own.aliases, &own.file_extensions};
    for (size_t i = 0; i < PA_ARRAY_LEN(empty); i++)
        *empty[i] = copy_list(NULL); /* of modules: it may have none of them */
    *ret = own;
    return 0;
}

/* --- what is kept --- */

static char *kept_path(const char *cache_directory, const char *name) {
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(cache_directory);
    return pa_xasprintf("%s/interpreters/%s", home, name);
}

bool pa_interpreter_recall(const char *cache_directory, const char *name, struct pa_buf *text) {
    PA_CLEANUP(pa_freep) char *path = kept_path(cache_directory, name);
    struct pa_error err;
    return pa_read_file(path, text, &err) == 0;
}

void pa_interpreter_remember(const char *cache_directory, const char *name, const char *text) {
    PA_CLEANUP(pa_freep) char *path = kept_path(cache_directory, name);
    PA_CLEANUP(pa_freep)
    char *folder = pa_xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);
    PA_CLEANUP(pa_freep) char *partial = pa_xasprintf("%s.partial-%d", path, getpid());
    struct pa_error err;
    if (pa_prepare_folder(folder, &err) < 0)
        return;
    PA_CLEANUP(pa_closep) int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || pa_write_full(fd, text, strlen(text)) < 0 || rename(partial, path) < 0)
        unlink(partial);
}

/* A name for the file as it is now. */
static void name_state(const struct stat *st, char ret_text[PA_DIGEST_TEXT]) {
    PA_CLEANUP(pa_buf_done) struct pa_buf state = PA_BUF_INIT(256);
    const uint64_t numbers[] = {st->st_dev,
                                st->st_ino,
                                (uint64_t)st->st_size,
                                (uint64_t)st->st_mtim.tv_sec,
                                (uint64_t)st->st_mtim.tv_nsec,
                                (uint64_t)st->st_ctim.tv_sec,
                                (uint64_t)st->st_ctim.tv_nsec};
    for (size_t i = 0; i < PA_ARRAY_LEN(numbers); i++)
        pa_put_u64(&state, numbers[i]);
    pa_digest(state.data, state.size, ret_text);
}

/* A file that was changed a moment ago may be changed again with the same times. */
static bool is_at_rest(const struct stat *st) {
    return time(NULL) - st->st_ctim.tv_sec > REST_SECONDS;
}

static int digest_of(int fd, const char *path, const char *cache_directory,
                     char ret_text[PA_DIGEST_TEXT], uint64_t *ret_bytes, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf known = PA_BUF_INIT(PA_DIGEST_TEXT);
    char state[PA_DIGEST_TEXT];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "the interpreter %s", path);
    name_state(&st, state);
    if (is_at_rest(&st) && pa_interpreter_recall(cache_directory, state, &known) &&
        known.size == PA_DIGEST_TEXT - 1) {
        memcpy(ret_text, pa_buf_text(&known), PA_DIGEST_TEXT);
        *ret_bytes = (uint64_t)st.st_size;
        return 0;
    }
    if (pa_file_digest(fd, path, ret_bytes, ret_text, err) < 0)
        return -1;
    if (is_at_rest(&st))
        pa_interpreter_remember(cache_directory, state, ret_text);
    return 0;
}

int pa_interpreter_look(int fd, const char *path, const char *cache_directory,
                        char ret_sha256[PA_DIGEST_TEXT], uint64_t *ret_bytes,
                        struct pa_error *err) {
    return check_head(fd, path, err) < 0 ||
                   digest_of(fd, path, cache_directory, ret_sha256, ret_bytes, err) < 0
               ? -1
               : 0;
}

int pa_pack_with_interpreter(const struct pa_packs *packs, const struct pa_pack *pack,
                             const char *path, const char *cache_directory, struct pa_pack *ret,
                             struct pa_error *err) {
    char sha256[PA_DIGEST_TEXT];
    uint64_t bytes;
    PA_CLEANUP(pa_freep) char *real = realpath(path, NULL);
    if (!real)
        return pa_fail_errno(err, errno, "the interpreter %s", path);
    PA_CLEANUP(pa_closep) int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return pa_fail_errno(err, errno, "the interpreter %s", path);
    if (pa_interpreter_look(fd, path, cache_directory, sha256, &bytes, err) < 0)
        return -1;
    return pa_pack_with_known_interpreter(packs, pack, real, sha256, bytes, ret, err);
}

int pa_pack_identity(const struct pa_pack *pack, char ret_text[PA_DIGEST_TEXT],
                     struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf all = PA_BUF_INIT(16 * PA_MIB);
    PA_CLEANUP(pa_buf_done) struct pa_buf script = PA_BUF_INIT(4 * PA_MIB);
    PA_CLEANUP(pa_freep) char *path = pa_path_join(pack->boot_folder, pack->boot_file);
    if (pa_read_file(path, &script, err) < 0)
        return -1;
    pa_put_text(&all, pack->module_sha256);
    pa_entry_encode(&pack->entry, &all);
    for (char **arg = pack->args; *arg; arg++)
        pa_put_text(&all, *arg);
    pa_buf_append(&all, script.data, script.size);
    PA_ASSERT(!all.failed);
    pa_digest(all.data, all.size, ret_text);
    return 0;
}
