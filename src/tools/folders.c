#include "tools/tools_internal.h"

#include "base/io.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct folder {
    char *path; /* as it was configured, without slashes at its end */
    int fd;
};

struct pa_folders {
    struct folder *list;
    size_t count;
    char *words;
    char *store; /* path, or NULL */
    int store_fd;
};

static int open_folder(const char *path, struct pa_error *err) {
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? pa_fail_errno(err, errno, "cannot open the folder %s", path) : fd;
}

static void add_folder(struct pa_folders *folders, const char *path, int fd) {
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    folders->list[folders->count++] = (struct folder){.path = strndup(path, size), .fd = fd};
    char *words = folders->words ? pa_xasprintf("%s or %.*s", folders->words, (int)size, path)
                                 : pa_xasprintf("below %.*s", (int)size, path);
    free(folders->words);
    folders->words = words;
}

int pa_folders_new(char *const *paths, const char *store, struct pa_folders **ret,
                   struct pa_error *err) {
    struct pa_folders *folders = pa_xcalloc(1, sizeof(*folders));
    folders->list = pa_xcalloc(pa_strv_count(paths) + 1, sizeof(*folders->list));
    folders->store_fd = -1;
    for (char *const *path = paths; path && *path; path++) {
        int fd = open_folder(*path, err);
        if (fd < 0) {
            pa_folders_free(folders);
            return pa_error_prefix(err, "module_paths");
        }
        add_folder(folders, *path, fd);
    }
    if (store) {
        folders->store = pa_xstrdup(store);
        folders->store_fd = open_folder(store, err);
        if (folders->store_fd < 0) {
            pa_folders_free(folders);
            return -1;
        }
    }
    *ret = folders;
    return 0;
}

struct pa_folders *pa_folders_free(struct pa_folders *folders) {
    if (!folders)
        return NULL;
    for (size_t i = 0; i < folders->count; i++) {
        close(folders->list[i].fd);
        free(folders->list[i].path);
    }
    pa_closep(&folders->store_fd);
    free(folders->list);
    free(folders->words);
    free(folders->store);
    free(folders);
    return NULL;
}

const char *pa_folders_words(const struct pa_folders *folders) {
    return folders->words;
}

bool pa_folders_have_store(const struct pa_folders *folders) {
    return folders->store != NULL;
}

/* What is left of `path` below the folder, or NULL.  A relative path is below each. */
static const char *below(const struct folder *folder, const char *path) {
    size_t size = strlen(folder->path);
    if (path[0] != '/')
        return path;
    if (pa_streq(folder->path, "/"))
        return path + 1;
    return strncmp(path, folder->path, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

/* The kernel follows no link that leaves the folder, and waits for no writer of a pipe. */
static int open_below(int folder, const char *path) {
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    while (*path == '/')
        path++;
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

static int check_file(int fd, uint64_t *ret_size, struct pa_error *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "it cannot be looked at");
    if (!S_ISREG(st.st_mode))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "it is no regular file");
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

int pa_folders_open(const struct pa_folders *folders, const char *path, uint64_t *ret_size,
                    struct pa_error *err) {
    int failed = 0;
    for (size_t i = 0; i < folders->count; i++) {
        const char *rest = below(&folders->list[i], path);
        if (!rest)
            continue;
        PA_CLEANUP(pa_closep) int fd = open_below(folders->list[i].fd, rest);
        if (fd >= 0)
            return check_file(fd, ret_size, err) < 0 ? -1 : pa_steal_fd(&fd);
        if (!failed || failed == ENOENT)
            failed = errno;
    }
    if (!failed)
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "it is not there");
    if (failed == EXDEV)
        return pa_fail(err, PA_ERR_PERMISSION_DENIED, "it leads out of the folder");
    return pa_fail_errno(err, failed, "it cannot be opened");
}

char *pa_folders_stored(const struct pa_folders *folders, const char *digest, uint64_t *ret_size) {
    struct stat st;
    if (!folders->store || fstatat(folders->store_fd, digest, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return NULL;
    const struct timespec used[] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    utimensat(folders->store_fd, digest, used,
              AT_SYMLINK_NOFOLLOW); /* once compiled nobody reads it */
    *ret_size = (uint64_t)st.st_size;
    return pa_path_join(folders->store, digest);
}
