/*
 * Wheels are zip archives whose layout is the folder that goes on sys.path.  What is refused is
 * native code: a shared library of any system cannot be loaded by an interpreter that is
 * WebAssembly, and a package that has one fails in odd places later.
 *
 * A wheel is unpacked beside its place and renamed, so that a folder named after a checksum is
 * whole; who comes second throws its own away.
 */
#include "lang/package.h"

#include "base/io.h"
#include "lang/lang_internal.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHEEL_METADATA_MAX (64 * 1024)
#define FOLDER             (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), size = strlen(end);
    return length >= size && pa_streq(text + length - size, end);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A name in the guest: nothing in it that a path or an import would stumble over. */
static char *guest_of(const char *name, size_t size) {
    char *guest = pa_xasprintf(PA_PACKAGES_FOLDER "/%.*s", (int)size, name);
    for (char *at = guest + strlen(PA_PACKAGES_FOLDER) + 1; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            *at = '_';
    return guest;
}

/* --- wheels --- */

/* Of NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl the length of NAME-VERSION; 0: it is no such
 * name. */
static size_t name_and_version(const char *file) {
    size_t dashes = 0;
    for (const char *at = file; *at; at++)
        dashes += *at == '-';
    if (dashes < 4 || dashes > 5 || *file == '-')
        return 0;
    const char *second = strchr(strchr(file, '-') + 1, '-');
    return (size_t)(second - file);
}

static bool is_native(const char *name) {
    static const char *const ends[] = {".so", ".pyd", ".dylib", ".dll"};
    for (size_t i = 0; i < PA_ARRAY_LEN(ends); i++)
        if (ends_with(name, ends[i]))
            return true;
    return strstr(name, ".so.") != NULL;
}

static int refuse_native(const char *folder, const char *wheel, struct pa_error *err) {
    char *roots[] = {(char *)folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int refused = walk ? 0 : pa_fail_errno(err, errno, "cannot walk %s", folder);
    for (FTSENT *entry; walk && !refused && (entry = fts_read(walk));)
        if (entry->fts_info == FTS_F && is_native(entry->fts_name))
            refused = pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                              "the wheel %s has native code (%.200s), which cannot run in the "
                              "sandbox: a wheel of pure Python is wanted (its name ends in "
                              "-none-any.whl)",
                              wheel, entry->fts_path + strlen(folder) + 1);
    if (walk)
        fts_close(walk);
    return refused;
}

/* The path of the first entry whose name ends so, or NULL. */
static char *find_entry(const char *folder, const char *end) {
    DIR *entries = opendir(folder);
    char *found = NULL;
    for (struct dirent *entry; entries && !found && (entry = readdir(entries));)
        if (ends_with(entry->d_name, end))
            found = pa_path_join(folder, entry->d_name);
    if (entries)
        closedir(entries);
    return found;
}

/* Moves what is in the folder `from` into the folder `to`; folders that both have are joined, a
 * file that `to` has already stays.  `from` is closed. */
static int join(int from, int to, struct pa_error *err) {
    DIR *entries = fdopendir(from);
    if (!entries) {
        close(from);
        return pa_fail_errno(err, errno, "cannot list a folder of the wheel");
    }
    int done = 0;
    for (struct dirent *entry; !done && (entry = readdir(entries));) {
        const char *name = entry->d_name;
        if (pa_streq(name, ".") || pa_streq(name, ".."))
            continue;
        if (renameat2(dirfd(entries), name, to, name, RENAME_NOREPLACE) == 0)
            continue;
        if (errno != EEXIST) {
            done = pa_fail_errno(err, errno, "cannot move %s of the wheel", name);
            break;
        }
        PA_CLEANUP(pa_closep) int below = openat(to, name, FOLDER);
        PA_CLEANUP(pa_closep) int above = openat(dirfd(entries), name, FOLDER);
        if (below >= 0 && above >= 0)
            done = join(pa_steal_fd(&above), below, err);
    }
    closedir(entries);
    return done;
}

/* NAME-VERSION.data/purelib and platlib belong where the wheel itself is (PyPA, "Binary
 * distribution format", spread).  Scripts, headers and data have no place in a folder of imports.
 */
static int spread(const char *folder, struct pa_error *err) {
    static const char *const kinds[] = {"purelib", "platlib"};
    PA_CLEANUP(pa_closep) int to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PA_CLEANUP(pa_freep) char *data = find_entry(folder, ".data");
    if (!data)
        return 0;
    for (size_t i = 0; i < PA_ARRAY_LEN(kinds); i++) {
        PA_CLEANUP(pa_freep) char *path = pa_path_join(data, kinds[i]);
        int from = open(path, FOLDER);
        if (from >= 0 && join(from, to, err) < 0)
            return -1;
    }
    return 0;
}

static int check_wheel(const char *folder, const char *wheel, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *info = find_entry(folder, ".dist-info");
    PA_CLEANUP(pa_freep) char *path = info ? pa_path_join(info, "WHEEL") : NULL;
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(WHEEL_METADATA_MAX);
    if (!path || access(path, F_OK) < 0)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "%s is not a wheel: it has no NAME.dist-info/WHEEL", wheel);
    if (refuse_native(folder, wheel, err) < 0 || pa_read_file(path, &text, err) < 0)
        return -1;
    const char *line = strcasestr(pa_buf_text(&text), "Root-Is-Purelib:");
    const char *value = line ? line + strlen("Root-Is-Purelib:") : "";
    value += strspn(value, " \t");
    if (strncasecmp(value, "true", 4) != 0)
        return pa_fail(
            err, PA_ERR_INVALID_ARGUMENT,
            "the wheel %s says that it is not pure Python (Root-Is-Purelib): it was made "
            "for one kind of machine, and cannot run in the sandbox",
            wheel);
    return 0;
}

static int unpack_wheel(int fd, uint64_t bytes, const char *wheel, const char *partial,
                        struct pa_error *err) {
    const struct pa_install_options options = {0};
    struct pa_reporter reporter = {.options = &options};
    struct pa_unpack_bounds bounds = pa_unpack_bounds_of(bytes);
    PA_CLEANUP(pa_closep) int folder = open(partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return pa_fail_errno(err, errno, "cannot open %s", partial);
    if (pa_unpack_all(fd, wheel, folder, "content", &bounds, &reporter, err) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *content = pa_path_join(partial, "content");
    return check_wheel(content, wheel, err) < 0 ? -1 : spread(content, err);
}

static int install_wheel(int fd, uint64_t bytes, const char *wheel, const char *place,
                         struct pa_error *err) {
    char *partial = pa_xasprintf("%s.partial-XXXXXX", place);
    if (!mkdtemp(partial)) {
        pa_fail_errno(err, errno, "cannot make the folder %s", partial);
        free(partial);
        return -1;
    }
    int done = unpack_wheel(fd, bytes, wheel, partial, err);
    PA_CLEANUP(pa_freep) char *content = pa_path_join(partial, "content");
    if (done == 0 && rename(content, place) < 0 && errno != ENOTEMPTY && errno != EEXIST)
        done = pa_fail_errno(err, errno, "cannot move %s to %s", content, place);
    pa_remove_tree(partial, NULL);
    free(partial);
    return done;
}

static int open_wheel(int fd, const char *path, const char *cache_directory, struct pa_package *ret,
                      struct pa_error *err) {
    const char *file = base_name(path);
    size_t named = name_and_version(file);
    if (!ends_with(file, ".whl") || !named)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "the package %s is neither a folder nor a wheel "
                       "(NAME-VERSION-PYTHON-ABI-PLATFORM.whl)",
                       path);
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(cache_directory);
    PA_CLEANUP(pa_freep) char *folder = pa_path_join(home, "packages");
    char digest[PA_DIGEST_TEXT];
    uint64_t bytes;
    if (pa_prepare_folder(folder, err) < 0 || pa_file_digest(fd, path, &bytes, digest, err) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *place = pa_path_join(folder, digest);
    if (access(place, F_OK) < 0 && install_wheel(fd, bytes, file, place, err) < 0)
        return -1;
    char *real = realpath(place, NULL);
    if (!real)
        return pa_fail_errno(err, errno, "cannot resolve %s", place);
    *ret = (struct pa_package){.host = real, .guest = guest_of(file, named)};
    ret->import_path = pa_xstrdup(ret->guest);
    return 0;
}

/* --- folders --- */

static int open_folder(int fd, const char *path, struct pa_package *ret, struct pa_error *err) {
    char *real = realpath(path, NULL);
    if (!real)
        return pa_fail_errno(err, errno, "the package %s", path);
    const char *name = base_name(real);
    if (!*name) {
        free(real);
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the package %s has no name", path);
    }
    bool is_module = faccessat(fd, "__init__.py", F_OK, 0) == 0;
    *ret = (struct pa_package){.host = real, .guest = guest_of(name, strlen(name))};
    ret->import_path = pa_xstrdup(is_module ? PA_PACKAGES_FOLDER : ret->guest);
    return 0;
}

int pa_package_open(const char *path, const char *cache_directory, struct pa_package *ret,
                    struct pa_error *err) {
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "the package %s", path);
    if (S_ISDIR(st.st_mode))
        return open_folder(fd, path, ret, err);
    return open_wheel(fd, path, cache_directory, ret, err);
}

void pa_package_done(struct pa_package *package) {
    free(package->host);
    free(package->guest);
    free(package->import_path);
    *package = (struct pa_package){0};
}
