/*
 * Out of an archive, into a folder.
 *
 * A path of an archive is never opened as it stands: each component is made and opened by itself,
 * without following links, from the descriptor of the one before, and the file at the end must not
 * be there yet.  Only plain files and folders are unpacked, so nothing in the folder can be a link.
 * The bytes and the entries of one archive are bounded, whatever it says about itself.
 */
#include "lang/lang_internal.h"

#include "base/io.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

struct unpacker {
    struct archive *archive;
    const char *what;
    const struct pa_unpack_bounds *bounds;
    uint64_t bytes, entries; /* so far */
    struct pa_reporter *reporter;
    struct pa_error *err;
};

static int damaged(const struct unpacker *unpacker) {
    const char *why = archive_error_string(unpacker->archive);
    return pa_fail(unpacker->err, PA_ERR_FAILED_PRECONDITION, "%s cannot be unpacked: %s",
                   unpacker->what, why ? why : "it is not a zip or tar archive");
}

static int open_archive(struct unpacker *unpacker, int fd) {
    unpacker->archive = archive_read_new();
    if (!unpacker->archive)
        return pa_fail_errno(unpacker->err, ENOMEM, "cannot open %s", unpacker->what);
    archive_read_support_filter_gzip(unpacker->archive);
    archive_read_support_format_zip(unpacker->archive);
    archive_read_support_format_tar(unpacker->archive);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return pa_fail_errno(unpacker->err, errno, "cannot rewind %s", unpacker->what);
    if (archive_read_open_fd(unpacker->archive, fd, CHUNK) != ARCHIVE_OK)
        return damaged(unpacker);
    return 0;
}

static void close_archive(struct unpacker *unpacker) {
    if (unpacker->archive)
        archive_read_free(unpacker->archive);
}

/* 1 with the next entry, 0 at the end. */
static int next_entry(struct unpacker *unpacker, struct archive_entry **ret) {
    int status = archive_read_next_header(unpacker->archive, ret);
    if (status == ARCHIVE_EOF)
        return 0;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return damaged(unpacker);
    if (++unpacker->entries > unpacker->bounds->entries)
        return pa_fail(unpacker->err, PA_ERR_RESOURCE_EXHAUSTED,
                       "%s has more than %llu entries: it is not what it says to be",
                       unpacker->what, (unsigned long long)unpacker->bounds->entries);
    return 1;
}

/* The entry's path without "./" in front and slashes behind; NULL for one that has no text form. */
static char *entry_path(struct archive_entry *entry) {
    const char *path = archive_entry_pathname_utf8(entry);
    if (!path)
        path = archive_entry_pathname(entry);
    if (!path)
        return NULL;
    if (path[0] == '.' && path[1] == '/')
        path += 2;
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return pa_xasprintf("%.*s", (int)size, path);
}

/* The folder of `path` under `fd`, made where it is missing; *ret_name is what is left. */
static int open_parent(int fd, const char *path, const char **ret_name, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    PA_CLEANUP(pa_freep) char *copy = pa_xstrdup(path);
    char *part = copy, *slash;
    if (at < 0)
        return pa_fail_errno(err, errno, "cannot duplicate a descriptor");
    for (; (slash = strchr(part, '/')); part = slash + 1) {
        *slash = 0;
        if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
            return pa_fail_errno(err, errno, "cannot make the folder %s of %s", part, path);
        int next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return pa_fail_errno(err, errno, "cannot open the folder %s of %s", part, path);
        close(at);
        at = next;
    }
    *ret_name = path + (part - copy);
    return pa_steal_fd(&at);
}

static int make_folder(int fd, const char *path, struct pa_error *err) {
    const char *name = path;
    PA_CLEANUP(pa_closep) int parent = open_parent(fd, path, &name, err);
    if (parent < 0)
        return -1;
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return pa_fail_errno(err, errno, "cannot make the folder %s", path);
    return 0;
}

static int create_file(int fd, const char *path, struct pa_error *err) {
    const char *name = path;
    PA_CLEANUP(pa_closep) int parent = open_parent(fd, path, &name, err);
    if (parent < 0)
        return -1;
    int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0 && errno == EEXIST)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "'%s' is there twice", path);
    if (file < 0)
        return pa_fail_errno(err, errno, "cannot create %s", path);
    return file;
}

static int copy_data(struct unpacker *unpacker, int file, const char *path) {
    PA_CLEANUP(pa_freep) char *chunk = malloc(CHUNK);
    if (!chunk)
        return pa_fail_errno(unpacker->err, ENOMEM, "cannot unpack %s", path);
    for (;;) {
        la_ssize_t size = archive_read_data(unpacker->archive, chunk, CHUNK);
        if (size < 0)
            return damaged(unpacker);
        if (size == 0)
            return 0;
        unpacker->bytes += (uint64_t)size;
        if (unpacker->bytes > unpacker->bounds->bytes)
            return pa_fail(unpacker->err, PA_ERR_RESOURCE_EXHAUSTED,
                           "%s unpacks to more than %llu bytes: it is not what it says to be",
                           unpacker->what, (unsigned long long)unpacker->bounds->bytes);
        if (pa_write_full(file, chunk, (size_t)size) < 0)
            return pa_fail_errno(unpacker->err, errno, "cannot write %s", path);
        pa_reporter_say(unpacker->reporter, PA_INSTALL_UNPACKING, unpacker->bytes, 0);
    }
}

static int unpack_file(struct unpacker *unpacker, struct archive_entry *entry, int folder_fd,
                       const char *to) {
    PA_CLEANUP(pa_closep) int file = create_file(folder_fd, to, unpacker->err);
    if (file < 0)
        return pa_error_prefix(unpacker->err, "%s", unpacker->what);
    if (copy_data(unpacker, file, to) < 0)
        return -1;
    if (archive_entry_mtime_is_set(entry)) {
        const struct timespec times[] = {{.tv_nsec = UTIME_OMIT},
                                         {.tv_sec = archive_entry_mtime(entry)}};
        futimens(file, times); /* for people who look; nothing depends on it */
    }
    return 0;
}

static bool is_plain_file(struct archive_entry *entry) {
    return archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry);
}

static int unpack_member(struct unpacker *unpacker, struct archive_entry *entry, int folder_fd,
                         struct pa_unpack_member *members, size_t count) {
    PA_CLEANUP(pa_freep) char *path = entry_path(entry);
    for (size_t i = 0; path && i < count; i++) {
        if (!pa_streq(path, members[i].path))
            continue;
        if (!is_plain_file(entry))
            return pa_fail(unpacker->err, PA_ERR_FAILED_PRECONDITION,
                           "%s: '%s' is not a plain file", unpacker->what, path);
        members[i].found = true;
        return unpack_file(unpacker, entry, folder_fd, members[i].to);
    }
    return 0;
}

int pa_unpack_members(int archive_fd, const char *what, int folder_fd,
                      struct pa_unpack_member *members, size_t count,
                      const struct pa_unpack_bounds *bounds, struct pa_reporter *reporter,
                      struct pa_error *err) {
    PA_CLEANUP(close_archive)
    struct unpacker unpacker = {.what = what, .bounds = bounds, .reporter = reporter, .err = err};
    struct archive_entry *entry;
    int more;
    if (open_archive(&unpacker, archive_fd) < 0)
        return -1;
    while ((more = next_entry(&unpacker, &entry)) > 0)
        if (unpack_member(&unpacker, entry, folder_fd, members, count) < 0)
            return -1;
    return more;
}

static int unpack_entry(struct unpacker *unpacker, struct archive_entry *entry, int folder_fd,
                        const char *to) {
    PA_CLEANUP(pa_freep) char *path = entry_path(entry);
    bool folder = archive_entry_filetype(entry) == AE_IFDIR;
    if (folder && path && (!*path || pa_streq(path, ".")))
        return 0; /* the top itself */
    if (!path || !pa_safe_path(path))
        return pa_fail(unpacker->err, PA_ERR_FAILED_PRECONDITION,
                       "%s has the path '%.200s', which could lead out of its folder",
                       unpacker->what, path ? path : "(without a text form)");
    if (!folder && !is_plain_file(entry))
        return pa_fail(unpacker->err, PA_ERR_FAILED_PRECONDITION,
                       "%s: '%s' is neither a plain file nor a folder", unpacker->what, path);
    PA_CLEANUP(pa_freep) char *full = pa_path_join(to, path);
    if (folder)
        return make_folder(folder_fd, full, unpacker->err);
    return unpack_file(unpacker, entry, folder_fd, full);
}

int pa_unpack_all(int archive_fd, const char *what, int folder_fd, const char *to,
                  const struct pa_unpack_bounds *bounds, struct pa_reporter *reporter,
                  struct pa_error *err) {
    PA_CLEANUP(close_archive)
    struct unpacker unpacker = {.what = what, .bounds = bounds, .reporter = reporter, .err = err};
    struct archive_entry *entry;
    int more;
    if (make_folder(folder_fd, to, err) < 0 || open_archive(&unpacker, archive_fd) < 0)
        return -1;
    while ((more = next_entry(&unpacker, &entry)) > 0)
        if (unpack_entry(&unpacker, entry, folder_fd, to) < 0)
            return -1;
    return more;
}
