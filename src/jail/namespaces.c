/*
 * The empty root, and the way into a user namespace.
 *
 * A process spawned in namespaces still sees the host's files, through a copy of its mounts.  Here
 * it gets a root of its own and the copies go:
 *
 *     mount tmpfs over /           "/" of this process still means what is beneath
 *     chdir /..                    ".." at the root steps onto the new mount
 *     artifact, d0, d1, ...        bind mounts of exactly what this process was given
 *     remount read-only
 *     pivot_root . .               the tmpfs is the root, the old one lies on top of it ...
 *     umount . (detach)            ... and is gone, with every mount beneath it
 *
 * What is given comes as descriptors, but a descriptor opened outside belongs to a mount of the
 * outside: the kernel refuses to bind it here, and ".." from it would lead through the host.  So it
 * is opened again by the path the kernel tells, in this mount namespace, and used only if that is
 * the same inode; the new descriptor then takes the old one's number.
 *
 * An artifact that cannot be opened again (it is another uid's, or lies where nothing may be
 * executed, which forbids PROT_EXEC mappings too) is copied onto the tmpfs.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_PAGE  (UINT64_C(2) << 20)
#define COPY_CHUNK HUGE_PAGE

/* struct mount_attr and its flags, which older headers lack. */
struct mount_attributes {
    uint64_t set, clear, propagation, userns_fd;
};
#define ATTR_RDONLY 1u
#define ATTR_NOSUID 2u
#define ATTR_NODEV  4u
#define ATTR_NOEXEC 8u
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

#define BORROWED __attribute__((no_sanitize("address", "undefined"))) /* see spawn.c */

BORROWED static int write_once(const char *proc, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", proc, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int errnum = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return errnum;
}

BORROWED int pa_write_id_maps(const char *proc, uid_t outer_uid, gid_t outer_gid) {
    char map[32];
    int errnum = write_once(proc, "setgroups", "deny"); /* or gid_map is refused */
    if (errnum != 0)
        return errnum;
    snprintf(map, sizeof(map), "0 %u 1", outer_uid);
    if ((errnum = write_once(proc, "uid_map", map)) != 0)
        return errnum;
    snprintf(map, sizeof(map), "0 %u 1", outer_gid);
    return write_once(proc, "gid_map", map);
}

/* The first number in a file of /proc/sys, or -1. */
static long sysctl_value(const char *path) {
    char text[32];
    PA_CLEANUP(pa_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (got <= 0)
        return -1;
    text[got] = '\0';
    return strtol(text, NULL, 10);
}

void pa_namespaces_advice(int errnum, char *out, size_t room) {
    if (sysctl_value("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        snprintf(out, room, "switched off: sysctl kernel.unprivileged_userns_clone=1");
    else if (sysctl_value("/proc/sys/user/max_user_namespaces") == 0 || errnum == ENOSPC)
        snprintf(out, room, "none left to this user: raise sysctl user.max_user_namespaces");
    else if (sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        snprintf(out, room,
                 "AppArmor forbids them: sysctl kernel.apparmor_restrict_unprivileged_userns=0, "
                 "or a profile for this program with \"userns,\"");
    else if (errnum == EINVAL || errnum == ENOSYS)
        snprintf(out, room,
                 "the kernel lacks one of them (it needs CONFIG_USER_NS, CONFIG_PID_NS, "
                 "CONFIG_NET_NS ...)");
    else
        snprintf(out, room, "%s; in a container, allow unshare and mount in its seccomp profile",
                 strerror(errnum));
}

static bool same_file(int a, int b) {
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The file of `fd` opened again by its path, in this mount namespace; -1 with errno if that is not
 * possible or leads to another file. */
static int open_again(int fd, int flags) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length < 0)
        return -1;
    path[length] = '\0';
    PA_CLEANUP(pa_closep) int again = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
    if (again >= 0 && !same_file(fd, again)) {
        errno = ESTALE;
        return -1;
    }
    return pa_steal_fd(&again);
}

/* A mount of what `fd` is at `name` (in the working directory), restricted by `attributes`. */
static int bind_here(int fd, const char *name, uint64_t attributes) {
    char source[32];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (mount(source, name, NULL, MS_BIND | MS_REC, NULL) < 0)
        return -1;
    struct mount_attributes a = {.set = attributes};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, name, AT_RECURSIVE, &a, sizeof(a));
}

/* Opens `name` and puts it where descriptor `number` was. */
static int open_in_place(const char *name, int flags, int number) {
    PA_CLEANUP(pa_closep) int fd = open(name, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    return dup3(fd, number, O_CLOEXEC) < 0 ? -1 : 0;
}

/* From a mapping that is populated first, in whole huge pages: a page that one call fills need not
 * be cleared before, for which sendfile, with its small pieces, pays as much as for the copying. */
static int copy_file(int to, int from, struct pa_error *err) {
    struct stat st;
    if (fstat(from, &st) < 0)
        return pa_fail_errno(err, errno, "copying the artifact");
    size_t size = (size_t)st.st_size, at = 0;
    uint8_t *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, from, 0) : NULL;
    if (bytes == MAP_FAILED)
        return pa_fail_errno(err, errno, "mapping the artifact");
    ssize_t n = 0;
    if (bytes)
        madvise(bytes, size, MADV_POPULATE_READ); /* a wish: it is read in any case */
    while (at < size && (n >= 0 || errno == EINTR)) {
        n = write(to, bytes + at, PA_MIN(size - at, COPY_CHUNK));
        at += n > 0 ? (size_t)n : 0;
    }
    int errnum = errno;
    if (bytes)
        munmap(bytes, size);
    return at < size ? pa_fail_errno(err, errnum, "copying the artifact") : 0;
}

/* Hands `file` on if code may be mapped from it; else closes it and returns -1. */
static int usable_as_code(int file) {
    PA_CLEANUP(pa_closep) int fd = file;
    struct statvfs fs;
    if (fd < 0 || fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_NOEXEC) != 0)
        return -1;
    return pa_steal_fd(&fd);
}

/* Where the artifact comes from: its file opened again, or -1 for "a copy". */
static int artifact_source(const struct pa_jail *jail) {
    if (jail->artifact_fd < 0)
        return -1;
    return usable_as_code(open_again(jail->artifact_fd, O_RDONLY));
}

static int place_artifact(const struct pa_jail *jail, int source, struct pa_error *err) {
    PA_CLEANUP(pa_closep)
    int file = open("artifact", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (file < 0)
        return pa_fail_errno(err, errno, "making /artifact");
    if (source < 0) {
        if (copy_file(file, jail->artifact_fd, err) < 0)
            return -1;
    } else if (bind_here(source, "artifact", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV) < 0) {
        return pa_fail_errno(err, errno, "mounting the artifact");
    }
    if (open_in_place("artifact", 0, jail->artifact_fd) < 0)
        return pa_fail_errno(err, errno, "opening /artifact");
    return 0;
}

static int place_directory(const struct pa_jail_dir *dir, size_t number, struct pa_error *err) {
    char name[24];
    snprintf(name, sizeof(name), "d%zu", number);
    PA_CLEANUP(pa_closep) int source = open_again(dir->fd, O_PATH | O_DIRECTORY);
    if (source < 0)
        return pa_fail_errno(err, errno, "opening mounted directory %zu again by its path", number);
    const uint64_t attributes =
        ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC | (dir->writable ? 0 : ATTR_RDONLY);
    if (mkdir(name, 0700) < 0 || bind_here(source, name, attributes) < 0 ||
        open_in_place(name, O_DIRECTORY, dir->fd) < 0)
        return pa_fail_errno(err, errno, "mounting directory %zu into the jail", number);
    return 0;
}

/* A tmpfs over the root, as small as it can be. */
static int mount_root(const struct pa_jail *jail, bool copying) {
    char options[128];
    struct stat st;
    uint64_t bytes = 4096, inodes = 2 + jail->dir_count;
    if (copying && fstat(jail->artifact_fd, &st) == 0)
        bytes = ((uint64_t)st.st_size / HUGE_PAGE + 1) * HUGE_PAGE;
    const unsigned long flags = MS_NOSUID | MS_NODEV | (copying ? 0 : MS_NOEXEC);
    int length = snprintf(options, sizeof(options), "mode=0555,size=%llu,nr_inodes=%llu",
                          (unsigned long long)bytes, (unsigned long long)inodes);
    if (copying && bytes > HUGE_PAGE) {
        snprintf(options + length, sizeof(options) - (size_t)length, ",huge=always");
        if (mount("jail", "/", "tmpfs", flags, options) == 0)
            return 0;
        options[length] = '\0'; /* a kernel without huge pages in tmpfs */
    }
    return mount("jail", "/", "tmpfs", flags, options);
}

static int seal_root(bool copying, struct pa_error *err) {
    const unsigned long flags =
        MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | (copying ? 0 : MS_NOEXEC);
    if (mount(NULL, ".", NULL, flags, NULL) < 0)
        return pa_fail_errno(err, errno, "making the jail's root read-only");
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return pa_fail_errno(err, errno, "entering the jail's root");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return pa_fail_errno(err, errno, "detaching the host's files");
    return 0;
}

static int fill_root(const struct pa_jail *jail, int source, struct pa_error *err) {
    if (chdir("/..") < 0)
        return pa_fail_errno(err, errno, "stepping onto the jail's root");
    if (jail->artifact_fd >= 0 && place_artifact(jail, source, err) < 0)
        return -1;
    for (size_t i = 0; i < jail->dir_count; i++)
        if (place_directory(&jail->dirs[i], i, err) < 0)
            return -1;
    return 0;
}

enum pa_layer_result pa_jail_make_root(const struct pa_jail *jail, struct pa_jail_report *report,
                                       struct pa_error *why) {
    PA_CLEANUP(pa_closep) int source = artifact_source(jail);
    const bool copying = jail->artifact_fd >= 0 && source < 0;
    if (mount_root(jail, copying) < 0) {
        int errnum = errno;
        char advice[160];
        pa_namespaces_advice(errnum, advice, sizeof(advice));
        pa_fail(why, PA_ERR_FAILED_PRECONDITION, "namespaces: mounting an empty root: %s (%s)",
                strerror(errnum), advice);
        return PA_LAYER_MISSING;
    }
    if (fill_root(jail, source, why) < 0 || seal_root(copying, why) < 0)
        return PA_LAYER_FAILED;
    if (jail->artifact_fd >= 0)
        snprintf(report->artifact_path, sizeof(report->artifact_path), "/artifact");
    return PA_LAYER_ENTERED;
}

int pa_jail_place_artifact_without_root(const struct pa_jail *jail, struct pa_jail_report *report,
                                        struct pa_error *err) {
    if (jail->artifact_fd < 0)
        return 0;
    snprintf(report->artifact_path, sizeof(report->artifact_path), "/proc/self/fd/%d",
             jail->artifact_fd);
    PA_CLEANUP(pa_closep)
    int again = usable_as_code(open(report->artifact_path, O_RDONLY | O_CLOEXEC));
    if (again < 0) {
        PA_CLEANUP(pa_closep) int copy = memfd_create("artifact", MFD_CLOEXEC);
        if (copy < 0)
            return pa_fail_errno(err, errno, "copying the artifact");
        if (copy_file(copy, jail->artifact_fd, err) < 0)
            return -1;
        if (dup3(copy, jail->artifact_fd, O_CLOEXEC) < 0)
            return pa_fail_errno(err, errno, "copying the artifact");
    }
    return 0;
}
