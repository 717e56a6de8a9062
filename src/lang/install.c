/*
 * Installing, in steps that each leave things as they were when they fail:
 *
 *     lock ── archive ── checksum ── unpack into <folder>.partial-XXXXXX ── checksums ── rename
 *               │                                      (a later installer removes what a crash
 * left) └ FILE given │ downloads/<file> kept from before │ fetched into <name>.partial
 *
 * The checksum of the archive is known before anything parses it, and that of the module, and of
 * each file whose checksum the manifest has, before the installation appears.
 */
#include "lang/lang_internal.h"

#include "base/clock.h"
#include "base/io.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPACK_FACTOR 64 /* bytes unpacked for one of the archive */
#define UNPACK_MOST   (4 * PA_GIB)
#define MAX_ENTRIES   200000
#define TAKEN         ".taken" /* files that were taken out to be unpacked themselves: .taken/N */

struct install {
    const struct pa_pack *pack;
    struct pa_reporter reporter;
    char *languages, *downloads; /* folders */
    char *folder;                /* of the installation */
    char *partial;               /* where it is built, or NULL */
    int lock_fd;
};

static const char *const step_names[] = {
    [PA_INSTALL_WAITING] = "waiting for another installation",
    [PA_INSTALL_DOWNLOADING] = "downloading",
    [PA_INSTALL_CHECKING] = "checking",
    [PA_INSTALL_UNPACKING] = "unpacking",
};

const char *pa_install_step_name(enum pa_install_step step) {
    return step_names[step];
}

void pa_reporter_say(struct pa_reporter *reporter, enum pa_install_step step, uint64_t done,
                     uint64_t total) {
    const struct pa_install_progress progress = {step, done, total};
    uint64_t now = pa_clock_monotonic_ns();
    if (!reporter->options->progress)
        return;
    if (reporter->last_ns && reporter->step == step && now - reporter->last_ns < PA_NS_PER_S)
        return;
    reporter->last_ns = now;
    reporter->step = step;
    reporter->options->progress(reporter->options->context, &progress);
}

static void install_done(struct install *install) {
    if (install->partial)
        pa_remove_tree(install->partial, NULL);
    pa_closep(&install->lock_fd);
    free(install->languages);
    free(install->downloads);
    free(install->folder);
    free(install->partial);
}

/* --- folders and the lock --- */

int pa_prepare_folder(const char *path, struct pa_error *err) {
    struct stat st;
    if (pa_mkdir_parents(path, 0700, err) < 0)
        return -1;
    if (stat(path, &st) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", path);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return pa_fail(
            err, PA_ERR_FAILED_PRECONDITION,
            "%s is not ours alone to write (owner %u, mode %04o): chmod it to 700, or set "
            "another cache.directory",
            path, st.st_uid, st.st_mode & 07777);
    return 0;
}

/* What a crash left of an earlier installation of this folder; the lock is ours. */
static void remove_leftovers(const struct install *install) {
    PA_CLEANUP(pa_freep)
    char *prefix = pa_xasprintf("%s.partial-", strrchr(install->folder, '/') + 1);
    DIR *folder = opendir(install->languages);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        PA_CLEANUP(pa_freep) char *path = pa_path_join(install->languages, entry->d_name);
        pa_remove_tree(path, NULL);
    }
    closedir(folder);
}

static int take_lock(struct install *install, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *path = pa_xasprintf("%s.lock", install->folder);
    install->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (install->lock_fd < 0)
        return pa_fail_errno(err, errno, "cannot create %s", path);
    if (flock(install->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    pa_reporter_say(&install->reporter, PA_INSTALL_WAITING, 0, 0);
    while (flock(install->lock_fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return pa_fail_errno(err, errno, "cannot lock %s", path);
    return 0;
}

/* --- checksums --- */

int pa_file_digest(int fd, const char *path, uint64_t *ret_bytes, char ret_text[PA_DIGEST_TEXT],
                   struct pa_error *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "cannot stat %s", path);
    if (!S_ISREG(st.st_mode))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is not a regular file", path);
    size_t size = (size_t)st.st_size;
    void *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (bytes == MAP_FAILED)
        return pa_fail_errno(err, errno, "cannot map %s", path);
    pa_digest(size ? bytes : "", size, ret_text);
    if (size)
        munmap(bytes, size);
    *ret_bytes = size;
    return 0;
}

/* The archive, open, when it is the manifest's. */
static int open_archive(struct install *install, const char *path, struct pa_error *err) {
    const struct pa_pack_source *source = &install->pack->source;
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char digest[PA_DIGEST_TEXT] = "";
    uint64_t bytes = 0;
    if (fd < 0)
        return pa_fail_errno(err, errno, "checking: cannot open %s", path);
    pa_reporter_say(&install->reporter, PA_INSTALL_CHECKING, 0, source->bytes);
    if (pa_file_digest(fd, path, &bytes, digest, err) < 0)
        return pa_error_prefix(err, "checking");
    if (!pa_streq(digest, source->sha256) || bytes != source->bytes)
        return pa_fail(
            err, PA_ERR_FAILED_PRECONDITION,
            "checking: %s is not %s of %s %s: expected %llu bytes with SHA-256 %s, got %llu "
            "with %s",
            path, source->file, source->package, source->version, (unsigned long long)source->bytes,
            source->sha256, (unsigned long long)bytes, digest);
    return pa_steal_fd(&fd);
}

/* --- the archive --- */

/* Fetches into a folder of its own and moves what came, once it is right, to `path`. */
static int fetch(struct install *install, const char *path, struct pa_error *err) {
    PA_CLEANUP(pa_freep)
    char *work =
        pa_xasprintf("%s/%s.partial", install->downloads, strrchr(install->folder, '/') + 1);
    pa_remove_tree(work, NULL);
    if (pa_mkdir_parents(work, 0700, err) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *real = realpath(work, NULL); /* the client's folder is another one */
    PA_CLEANUP(pa_freep) char *came = pa_path_join(work, install->pack->source.file);
    int fd = -1;
    if (!real)
        pa_fail_errno(err, errno, "downloading: cannot resolve %s", work);
    else if (pa_fetch(install->pack, real, &install->reporter, err) == 0) {
        if (access(came, F_OK) < 0)
            pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                    "downloading: the registry's client ended well but left no %s: is the name of "
                    "source.file in %s right?",
                    install->pack->source.file, install->pack->manifest);
        else
            fd = open_archive(install, came, err);
    }
    if (fd >= 0 && rename(came, path) < 0) {
        pa_fail_errno(err, errno, "downloading: cannot move %s to %s", came, path);
        pa_closep(&fd);
        fd = -1;
    }
    pa_remove_tree(work, NULL);
    return fd;
}

/* From the file that was named, from an earlier download, or from the registry. */
static int get_archive(struct install *install, struct pa_error *err) {
    const char *named = install->reporter.options->from_file;
    struct pa_error stale;
    if (named)
        return open_archive(install, named, err);
    if (pa_prepare_folder(install->downloads, err) < 0)
        return -1;
    PA_CLEANUP(pa_freep) char *path = pa_path_join(install->downloads, install->pack->source.file);
    if (access(path, F_OK) == 0) {
        int fd = open_archive(install, path, &stale);
        if (fd >= 0)
            return fd;
        unlink(path);
    }
    return fetch(install, path, err);
}

/* --- unpacking --- */

struct pa_unpack_bounds pa_unpack_bounds_of(uint64_t archive_bytes) {
    return (struct pa_unpack_bounds){
        PA_MIN(archive_bytes * UNPACK_FACTOR + 16 * PA_MIB, UNPACK_MOST), MAX_ENTRIES};
}

static int check_file(struct install *install, int folder_fd, const char *name, const char *what,
                      const char *sha256, struct pa_error *err) {
    PA_CLEANUP(pa_closep) int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char digest[PA_DIGEST_TEXT] = "";
    uint64_t bytes = 0;
    if (fd < 0)
        return pa_fail_errno(err, errno, "checking: cannot open %s", what);
    pa_reporter_say(&install->reporter, PA_INSTALL_CHECKING, 0, 0);
    if (pa_file_digest(fd, what, &bytes, digest, err) < 0)
        return pa_error_prefix(err, "checking");
    if (!pa_streq(digest, sha256))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "checking: '%s' of the archive has SHA-256 %s, expected %s: the manifest %s "
                       "and the archive do not belong together",
                       what, digest, sha256, install->pack->manifest);
    return 0;
}

/* Takes the module and the files of the manifest out of the archive; what is to be unpacked further
 * goes to .taken/N first. */
static int take_members(struct install *install, int archive_fd, int folder_fd,
                        struct pa_error *err) {
    const struct pa_pack *pack = install->pack;
    size_t count = 1;
    PA_CLEANUP(pa_freep)
    struct pa_unpack_member *members = pa_xcalloc(pack->file_count + 1, sizeof(*members));
    PA_CLEANUP(pa_freep) char(*names)[32] = pa_xcalloc(pack->file_count + 1, sizeof(*names));
    members[0] = (struct pa_unpack_member){pack->module_path, PA_PACK_MODULE_FILE, false};
    for (size_t i = 0; i < pack->file_count; i++) {
        const struct pa_pack_file *file = &pack->files[i];
        snprintf(names[i], sizeof(names[i]), TAKEN "/%zu", i);
        if (file->path)
            members[count++] =
                (struct pa_unpack_member){file->path, file->unpack ? names[i] : file->to, false};
    }
    struct pa_unpack_bounds bounds = pa_unpack_bounds_of(pack->source.bytes);
    if (pa_unpack_members(archive_fd, pack->source.file, folder_fd, members, count, &bounds,
                          &install->reporter, err) < 0)
        return pa_error_prefix(err, "unpacking");
    for (size_t i = 0; i < count; i++)
        if (!members[i].found)
            return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                           "unpacking: there is no '%s' in %s: is the path in %s right?",
                           members[i].path, pack->source.file, pack->manifest);
    return check_file(install, folder_fd, PA_PACK_MODULE_FILE, pack->module_path,
                      pack->module_sha256, err);
}

/* The file that one row is about, after it was taken out: checked, and unpacked if it wants that.
 */
static int settle_file(struct install *install, int folder_fd, size_t index, struct pa_error *err) {
    const struct pa_pack_file *file = &install->pack->files[index];
    char taken[32];
    snprintf(taken, sizeof(taken), TAKEN "/%zu", index);
    const char *at = file->inside ? file->inside : file->unpack ? taken : file->to;
    const char *what = file->inside ? file->inside : file->path;
    if (file->has_sha256 && check_file(install, folder_fd, at, what, file->sha256, err) < 0)
        return -1;
    if (!file->unpack)
        return 0;
    PA_CLEANUP(pa_closep) int fd = openat(folder_fd, at, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return pa_fail_errno(err, errno, "unpacking: cannot open '%s'", what);
    struct pa_unpack_bounds bounds = pa_unpack_bounds_of((uint64_t)st.st_size);
    if (pa_unpack_all(fd, what, folder_fd, file->to, &bounds, &install->reporter, err) < 0)
        return pa_error_prefix(err, "unpacking");
    return 0;
}

static int write_layout(const struct pa_pack *pack, int folder_fd, struct pa_error *err) {
    char layout[PA_DIGEST_TEXT];
    pa_pack_layout(pack, layout);
    PA_CLEANUP(pa_closep)
    int fd = openat(folder_fd, PA_PACK_LAYOUT_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || pa_write_full(fd, layout, strlen(layout)) < 0)
        return pa_fail_errno(err, errno, "unpacking: cannot write %s", PA_PACK_LAYOUT_FILE);
    return 0;
}

static int check_mounts(const struct install *install, int folder_fd, struct pa_error *err) {
    const struct pa_pack *pack = install->pack;
    struct stat st;
    for (size_t i = 0; i < pack->mount_count; i++)
        if (fstatat(folder_fd, pack->mounts[i].from, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(st.st_mode))
            return pa_fail(
                err, PA_ERR_FAILED_PRECONDITION,
                "unpacking: mounts: nothing was unpacked to the folder '%s': see files in %s",
                pack->mounts[i].from, pack->manifest);
    return 0;
}

static int build(struct install *install, int archive_fd, struct pa_error *err) {
    char *path = pa_xasprintf("%s.partial-XXXXXX", install->folder);
    if (!mkdtemp(path)) {
        pa_fail_errno(err, errno, "unpacking: cannot make the folder %s", path);
        free(path);
        return -1;
    }
    install->partial = path;
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pa_fail_errno(err, errno, "unpacking: cannot open %s", path);
    pa_reporter_say(&install->reporter, PA_INSTALL_UNPACKING, 0, 0);
    if (take_members(install, archive_fd, fd, err) < 0)
        return -1;
    for (size_t i = 0; i < install->pack->file_count; i++)
        if (settle_file(install, fd, i, err) < 0)
            return -1;
    PA_CLEANUP(pa_freep) char *taken = pa_path_join(path, TAKEN);
    pa_remove_tree(taken, NULL);
    if (check_mounts(install, fd, err) < 0 || write_layout(install->pack, fd, err) < 0)
        return -1;
    if (syncfs(fd) < 0) /* or the name could outlive a power cut, and the contents not */
        return pa_fail_errno(err, errno, "unpacking: cannot write to the disk");
    return 0;
}

/* Puts what was built into its place; what was there goes away with `partial`. */
static int put_in_place(struct install *install, struct pa_error *err) {
    if (rename(install->partial, install->folder) == 0) {
        free(pa_steal(&install->partial));
        return 0;
    }
    if ((errno == ENOTEMPTY || errno == EEXIST) &&
        renameat2(AT_FDCWD, install->partial, AT_FDCWD, install->folder, RENAME_EXCHANGE) == 0)
        return 0;
    return pa_fail_errno(err, errno, "unpacking: cannot move %s to %s", install->partial,
                         install->folder);
}

static int install_locked(struct install *install, struct pa_error *err) {
    if (pa_pack_installed(install->pack, install->reporter.options->cache_directory))
        return 0; /* by the one we waited for */
    remove_leftovers(install);
    PA_CLEANUP(pa_closep) int archive_fd = get_archive(install, err);
    if (archive_fd < 0 || build(install, archive_fd, err) < 0)
        return -1;
    return put_in_place(install, err);
}

int pa_pack_install(const struct pa_pack *pack, const struct pa_install_options *options,
                    struct pa_error *err) {
    if (pa_pack_installed(pack, options->cache_directory))
        return 0;
    PA_CLEANUP(pa_freep) char *home = pa_cache_home(options->cache_directory);
    PA_CLEANUP(install_done)
    struct install install = {.pack = pack,
                              .reporter = {.options = options},
                              .languages = pa_path_join(home, "languages"),
                              .downloads = pa_path_join(home, "downloads"),
                              .folder = pa_pack_directory(pack, options->cache_directory),
                              .lock_fd = -1};
    if (pa_prepare_folder(install.languages, err) < 0 || take_lock(&install, err) < 0 ||
        install_locked(&install, err) < 0)
        return pa_error_prefix(err, "language %s", pack->name);
    return 0;
}
