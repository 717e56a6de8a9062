/*
 * Host directories as the guest's: opening, and what an open file does.
 *
 * Confinement is the kernel's: every path is resolved by openat2 with RESOLVE_BENEATH, below the
 * directory the guest named, in one system call, and nothing is done to a path afterwards: other
 * calls work on the descriptor that came out of it.  What must act on a name (mkdir, rename, ...)
 * does so on one plain name in a parent opened that way (hostfs_path.c).
 *
 * Only regular files and directories are opened.  A FIFO would block or wake its other side, a
 * device would act, so they are looked at through O_PATH first and refused with ENOTCAPABLE: the
 * thing is there, the guest may just not have it.  O_NONBLOCK and a second look at what was opened
 * cover a host that swaps the file in between; the guest itself cannot make such files.
 *
 * A warm process has files open when it forks, and descriptors share their offset and flags with
 * all its forks.  So neither is used: the offset is ours (preadv, pwritev2), appending and
 * synchronous writing are flags of each write.
 *
 * A volume has a quota: what grows is taken from it before the kernel is asked, so that processes
 * which share it cannot pass it together.
 *
 * In deterministic mode a file shows nothing of the host but its type, size and contents: times are
 * 0, devices and inodes are numbered in the order of meeting them, a directory's size is 0 and its
 * link count 1.
 */
#include "wasi/hostfs.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2 gives EAGAIN when a rename on the host disturbs the resolution of a "..". */
#define OPEN_TRIES 64

wasi_errno hostfs_openat2(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd) {
    struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
                           .mode = (flags & O_CREAT) ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
        if (fd >= 0) {
            *ret_fd = (int)fd;
            return WASI_ESUCCESS;
        }
        if (errno != EAGAIN && errno != EINTR)
            return errno == EXDEV ? WASI_ENOTCAPABLE : pa_errno_to_wasi(errno);
    }
    return WASI_EAGAIN;
}

enum wasi_filetype hostfs_type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return WASI_FILETYPE_REGULAR_FILE;
    case S_IFDIR:
        return WASI_FILETYPE_DIRECTORY;
    case S_IFLNK:
        return WASI_FILETYPE_SYMBOLIC_LINK;
    case S_IFCHR:
        return WASI_FILETYPE_CHARACTER_DEVICE;
    case S_IFBLK:
        return WASI_FILETYPE_BLOCK_DEVICE;
    case S_IFSOCK:
        return WASI_FILETYPE_SOCKET_STREAM;
    default: /* a FIFO: WASI has no type for it */
        return WASI_FILETYPE_UNKNOWN;
    }
}

static uint64_t nanoseconds(const struct timespec *time) {
    uint64_t seconds = time->tv_sec < 0 ? 0 : (uint64_t)time->tv_sec, ns;
    if (__builtin_mul_overflow(seconds, PA_NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)time->tv_nsec, &ns))
        return UINT64_MAX;
    return time->tv_sec < 0 ? 0 : ns;
}

wasi_errno hostfs_fill_stat(struct hostfs_mount *mount, const struct stat *st,
                            struct pa_stat *ret) {
    struct pa_stat stat = {.dev = st->st_dev,
                           .ino = st->st_ino,
                           .type = hostfs_type_of(st->st_mode),
                           .nlink = st->st_nlink,
                           .size = (uint64_t)st->st_size};
    if (mount->world->deterministic) {
        wasi_errno errnum = hostfs_number(mount, st->st_dev, st->st_ino, &stat.ino);
        if (errnum)
            return errnum;
        stat.dev = mount->shown_dev;
        if (S_ISDIR(st->st_mode)) {
            stat.nlink = 1;
            stat.size = 0;
        }
    } else {
        stat.atim_ns = nanoseconds(&st->st_atim);
        stat.mtim_ns = nanoseconds(&st->st_mtim);
        stat.ctim_ns = nanoseconds(&st->st_ctim);
    }
    *ret = stat;
    return WASI_ESUCCESS;
}

static struct timespec time_or_omit(bool given, bool now, uint64_t ns, uint64_t now_ns) {
    if (!given && !now)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    ns = now ? now_ns : ns;
    return (struct timespec){.tv_sec = (time_t)(ns / PA_NS_PER_S),
                             .tv_nsec = (long)(ns % PA_NS_PER_S)};
}

wasi_errno hostfs_set_fd_times(int fd, const struct pa_times *times) {
    uint32_t flags = times->fst_flags;
    struct timespec both[2] = {
        time_or_omit(flags & WASI_FST_ATIM, flags & WASI_FST_ATIM_NOW, times->atim_ns,
                     times->now_ns),
        time_or_omit(flags & WASI_FST_MTIM, flags & WASI_FST_MTIM_NOW, times->mtim_ns,
                     times->now_ns),
    };
    /* AT_EMPTY_PATH takes any descriptor, also one of a symbolic link itself (Linux 5.8). */
    return utimensat(fd, "", both, AT_EMPTY_PATH) ? pa_errno_to_wasi(errno) : WASI_ESUCCESS;
}

static void mount_unref(struct hostfs_mount *mount) {
    if (--mount->refs > 0)
        return;
    hostfs_numbers_free(mount->numbers);
    free(mount);
}

static void file_close(struct pa_file *head) {
    struct hostfs_file *file = hostfs_file_of(head);
    hostfs_listing_free(file->listing);
    pa_closep(&file->list_fd);
    pa_closep(&file->fd);
    mount_unref(file->mount);
    free(file);
}

static wasi_errno file_stat(struct pa_file *head, struct pa_stat *ret) {
    struct hostfs_file *file = hostfs_file_of(head);
    struct stat st;
    if (fstat(file->fd, &st))
        return pa_errno_to_wasi(errno);
    wasi_errno errnum = hostfs_fill_stat(file->mount, &st, ret);
    if (!errnum && file->mount->world->deterministic)
        ret->ino = file->number;
    return errnum;
}

static wasi_errno file_set_times(struct pa_file *head, const struct pa_times *times) {
    struct hostfs_file *file = hostfs_file_of(head);
    return file->mount->writable ? hostfs_set_fd_times(file->fd, times) : WASI_EROFS;
}

static wasi_errno file_set_fdflags(struct pa_file *file, uint32_t fdflags) {
    file->fdflags = fdflags;
    return WASI_ESUCCESS;
}

static wasi_errno file_sync(struct pa_file *file, bool data_only) {
    int fd = hostfs_file_of(file)->fd;
    return (data_only ? fdatasync(fd) : fsync(fd)) ? pa_errno_to_wasi(errno) : WASI_ESUCCESS;
}

static wasi_errno file_read(struct pa_file *head, const struct iovec *iov, int count,
                            uint64_t offset, size_t *ret) {
    struct hostfs_file *file = hostfs_file_of(head);
    if (!head->readable)
        return WASI_EBADF;
    bool current = offset == PA_OFFSET_CURRENT;
    uint64_t at = current ? file->offset : offset;
    if (at > INT64_MAX)
        return WASI_EINVAL;
    ssize_t got = preadv(file->fd, iov, count, (off_t)at);
    if (got < 0)
        return pa_errno_to_wasi(errno);
    if (current)
        file->offset += (uint64_t)got;
    *ret = (size_t)got;
    return WASI_ESUCCESS;
}

static int sync_flags(uint32_t fdflags) {
    if (fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC))
        return RWF_SYNC;
    return (fdflags & WASI_FDFLAG_DSYNC) ? RWF_DSYNC : 0;
}

/* What a file grows by is taken from the quota before, and what did not come of it given back
 * after: a file is `before` bytes, and would be `taken` larger. */
#define END_OF_FILE UINT64_MAX
struct growth {
    uint64_t before, from, taken;
};

static wasi_errno take_growth(const struct hostfs_file *file, uint64_t from, uint64_t size,
                              struct growth *ret) {
    const struct pa_quota *quota = &file->mount->quota;
    struct stat st;
    *ret = (struct growth){0};
    if (!quota->account)
        return WASI_ESUCCESS;
    if (fstat(file->fd, &st))
        return pa_errno_to_wasi(errno);
    uint64_t before = (uint64_t)st.st_size, end;
    from = from == END_OF_FILE ? before : from;
    if (__builtin_add_overflow(from, size, &end))
        return WASI_EFBIG;
    *ret = (struct growth){before, from, end > before && size ? end - before : 0};
    return pa_quota_take(quota, ret->taken, 0);
}

static void settle_growth(const struct hostfs_file *file, const struct growth *growth,
                          uint64_t end) {
    uint64_t grown = end > growth->before ? end - growth->before : 0;
    pa_quota_give(&file->mount->quota, growth->taken - PA_MIN(growth->taken, grown), 0);
}

static uint64_t iov_size(const struct iovec *iov, int count) {
    uint64_t size = 0;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}

static wasi_errno file_write(struct pa_file *head, const struct iovec *iov, int count,
                             uint64_t offset, size_t *ret) {
    struct hostfs_file *file = hostfs_file_of(head);
    if (!head->writable)
        return WASI_EBADF;
    bool current = offset == PA_OFFSET_CURRENT;
    bool append = current && (head->fdflags & WASI_FDFLAG_APPEND);
    uint64_t at = current ? file->offset : offset;
    if (at > INT64_MAX)
        return WASI_EINVAL;
    int flags = sync_flags(head->fdflags) | (append ? RWF_APPEND : 0);
    struct growth growth;
    wasi_errno errnum = take_growth(file, append ? END_OF_FILE : at, iov_size(iov, count), &growth);
    if (errnum)
        return errnum;
    ssize_t put = pwritev2(file->fd, iov, count, (off_t)at, flags);
    settle_growth(file, &growth, put < 0 ? growth.before : growth.from + (uint64_t)put);
    if (put < 0)
        return pa_errno_to_wasi(errno);
    struct stat st;
    if (append && put > 0 && fstat(file->fd, &st) == 0)
        file->offset = (uint64_t)st.st_size;
    else if (current)
        file->offset += (uint64_t)put;
    *ret = (size_t)put;
    return WASI_ESUCCESS;
}

static wasi_errno file_seek(struct pa_file *head, int64_t delta, int whence, uint64_t *ret) {
    struct hostfs_file *file = hostfs_file_of(head);
    struct stat st = {0};
    if (whence == WASI_WHENCE_END && fstat(file->fd, &st))
        return pa_errno_to_wasi(errno);
    wasi_errno errnum =
        pa_seek_offset(file->offset, (uint64_t)st.st_size, delta, whence, &file->offset);
    if (!errnum)
        *ret = file->offset;
    return errnum;
}

static wasi_errno file_set_size(struct pa_file *head, uint64_t size) {
    if (!head->writable)
        return WASI_EBADF;
    if (size > INT64_MAX)
        return WASI_EFBIG;
    struct hostfs_file *file = hostfs_file_of(head);
    struct growth growth;
    wasi_errno errnum = take_growth(file, 0, size, &growth);
    if (errnum)
        return errnum;
    int failed = ftruncate(file->fd, (off_t)size);
    errnum = failed ? pa_errno_to_wasi(errno) : WASI_ESUCCESS;
    settle_growth(file, &growth, failed ? growth.before : size);
    if (!failed && size < growth.before)
        pa_quota_give(&file->mount->quota, growth.before - size, 0);
    return errnum;
}

static wasi_errno file_allocate(struct pa_file *head, uint64_t offset, uint64_t size) {
    uint64_t end;
    if (!head->writable)
        return WASI_EBADF;
    if (size == 0)
        return WASI_EINVAL;
    if (__builtin_add_overflow(offset, size, &end) || end > INT64_MAX)
        return WASI_EFBIG;
    struct hostfs_file *file = hostfs_file_of(head);
    struct growth growth;
    wasi_errno errnum = take_growth(file, offset, size, &growth);
    if (errnum)
        return errnum;
    int failed = fallocate(file->fd, 0, (off_t)offset, (off_t)size);
    errnum = failed ? pa_errno_to_wasi(errno) : WASI_ESUCCESS;
    settle_growth(file, &growth, failed ? growth.before : end);
    return errnum;
}

static int file_poll_fd(struct pa_file *file) {
    return -1;
}

static bool file_ready(struct pa_file *head, bool write, uint64_t *ret_bytes, bool *ret_hangup) {
    struct hostfs_file *file = hostfs_file_of(head);
    struct stat st;
    *ret_bytes = 0;
    *ret_hangup = false;
    if (!write && fstat(file->fd, &st) == 0 && (uint64_t)st.st_size > file->offset)
        *ret_bytes = (uint64_t)st.st_size - file->offset;
    return true;
}

static const struct pa_file_ops hostfs_file_ops = {
    .close = file_close,
    .stat = file_stat,
    .set_times = file_set_times,
    .set_fdflags = file_set_fdflags,
    .sync = file_sync,
    .read = file_read,
    .write = file_write,
    .seek = file_seek,
    .set_size = file_set_size,
    .allocate = file_allocate,
    .poll_fd = file_poll_fd,
    .ready = file_ready,
};

static const struct pa_file_ops hostfs_dir_ops = {
    .close = file_close,
    .stat = file_stat,
    .set_times = file_set_times,
    .set_fdflags = file_set_fdflags,
    .sync = file_sync,
    .readdir = hostfs_readdir,
    .open = hostfs_open,
    .path_stat = hostfs_path_stat,
    .path_set_times = hostfs_path_set_times,
    .mkdir = hostfs_mkdir,
    .rmdir = hostfs_rmdir,
    .unlink = hostfs_unlink,
    .symlink = hostfs_symlink,
    .readlink = hostfs_readlink,
    .link = hostfs_link,
    .rename = hostfs_rename,
};

/* Makes a file of `*fd`, which is taken on success. */
static wasi_errno file_new(struct hostfs_mount *mount, int *fd, const struct stat *st,
                           const struct pa_open *how, struct pa_file **ret) {
    bool is_dir = S_ISDIR(st->st_mode);
    if (!is_dir && !S_ISREG(st->st_mode))
        return WASI_ENOTCAPABLE;
    uint64_t number = 0;
    wasi_errno errnum = WASI_ESUCCESS;
    if (mount->world->deterministic)
        errnum = hostfs_number(mount, st->st_dev, st->st_ino, &number);
    struct hostfs_file *file = errnum ? NULL : calloc(1, sizeof *file);
    if (!file)
        return errnum ? errnum : WASI_ENOMEM;
    file->head = (struct pa_file){.ops = is_dir ? &hostfs_dir_ops : &hostfs_file_ops,
                                  .type = hostfs_type_of(st->st_mode),
                                  .fdflags = how->fdflags,
                                  .readable = how->read,
                                  .writable = how->write && !is_dir};
    file->mount = mount;
    mount->refs++;
    file->fd = pa_steal_fd(fd);
    file->dev = st->st_dev;
    file->ino = st->st_ino;
    file->number = number;
    file->list_fd = -1;
    *ret = &file->head;
    return WASI_ESUCCESS;
}

/* May this existing file be opened like that?  The order of the answers is Linux's. */
static wasi_errno check_open(const struct hostfs_mount *mount, mode_t mode,
                             const struct pa_open *how) {
    bool changes = how->write || (how->oflags & WASI_O_TRUNC);
    if ((how->oflags & WASI_O_CREAT) && (how->oflags & WASI_O_EXCL))
        return WASI_EEXIST;
    if (S_ISLNK(mode))
        return WASI_ELOOP;
    if (S_ISDIR(mode))
        return changes || (how->oflags & WASI_O_CREAT) ? WASI_EISDIR : WASI_ESUCCESS;
    if (how->oflags & WASI_O_DIRECTORY)
        return WASI_ENOTDIR;
    if (!S_ISREG(mode))
        return WASI_ENOTCAPABLE;
    return changes && !mount->writable ? WASI_EROFS : WASI_ESUCCESS;
}

/* The kernel's access mode: truncating needs one that writes, whatever the guest may do later. */
static int access_mode(const struct pa_open *how) {
    if (how->write || (how->oflags & WASI_O_TRUNC))
        return how->read ? O_RDWR : O_WRONLY;
    return O_RDONLY;
}

/* Looks at what `path` names; *ret_missing if nothing is there and the guest would create it. */
static wasi_errno probe(struct hostfs_file *dir, const char *path, const struct pa_open *how,
                        bool follow, struct stat *ret, bool *ret_missing) {
    PA_CLEANUP(pa_closep) int fd = -1;
    struct stat st;
    wasi_errno errnum = hostfs_openat2(dir->fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, &fd);
    *ret_missing = errnum == WASI_ENOENT && (how->oflags & WASI_O_CREAT);
    if (errnum)
        return *ret_missing ? WASI_ESUCCESS : errnum;
    if (fstat(fd, &st))
        return pa_errno_to_wasi(errno);
    *ret = st;
    return check_open(dir->mount, st.st_mode, how);
}

/* On a read-only mount, where a new file would be made: EROFS if it could be there at all. */
static wasi_errno refuse_creation(struct hostfs_file *dir, const char *path) {
    struct hostfs_spot spot;
    wasi_errno errnum = hostfs_find_spot(dir, path, &spot);
    if (errnum)
        return errnum;
    hostfs_spot_done(&spot);
    return WASI_EROFS;
}

wasi_errno hostfs_open(struct pa_file *head, const char *path, const struct pa_open *how,
                       struct pa_file **ret) {
    struct hostfs_file *dir = hostfs_file_of(head);
    bool exclusive = (how->oflags & WASI_O_CREAT) && (how->oflags & WASI_O_EXCL);
    bool follow = how->follow && !exclusive;
    if ((how->oflags & WASI_O_CREAT) && (how->oflags & WASI_O_DIRECTORY))
        return WASI_EINVAL;
    struct stat st = {.st_mode = S_IFREG};
    bool missing;
    wasi_errno errnum = probe(dir, path, how, follow, &st, &missing);
    if (errnum)
        return errnum;
    if (missing && !dir->mount->writable)
        return refuse_creation(dir, path);
    int flags = O_NOCTTY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
    if (S_ISDIR(st.st_mode))
        flags |= O_RDONLY | O_DIRECTORY;
    else
        flags |= access_mode(how) | ((how->oflags & WASI_O_TRUNC) ? O_TRUNC : 0);
    if (missing)
        flags |= O_CREAT | (exclusive ? O_EXCL : 0);
    PA_CLEANUP(pa_closep) int fd = -1;
    const struct pa_quota *quota = &dir->mount->quota;
    errnum = pa_quota_take(quota, 0, missing);
    if (errnum)
        return errnum;
    errnum = hostfs_openat2(dir->fd, path, flags, 0666, &fd);
    if (errnum) {
        pa_quota_give(quota, 0, missing);
        return errnum;
    }
    if (flags & O_TRUNC)
        pa_quota_give(quota, (uint64_t)st.st_size, 0);
    if (fstat(fd, &st))
        return pa_errno_to_wasi(errno);
    return file_new(dir->mount, &fd, &st, how, ret);
}

wasi_errno pa_hostfs_open_root(struct pa_world *world, int fd, bool writable,
                               const struct pa_quota *quota, struct pa_file **ret) {
    PA_CLEANUP(pa_closep) int owned = fd;
    struct stat st;
    if (fstat(owned, &st))
        return pa_errno_to_wasi(errno);
    if (!S_ISDIR(st.st_mode))
        return WASI_ENOTDIR;
    struct hostfs_mount *mount = pa_xcalloc(1, sizeof *mount);
    *mount = (struct hostfs_mount){.refs = 1,
                                   .world = world,
                                   .writable = writable,
                                   .quota = quota ? *quota : (struct pa_quota){0},
                                   .root_dev = st.st_dev,
                                   .root_ino = st.st_ino,
                                   .shown_dev = pa_world_next_dev(world)};
    wasi_errno errnum = file_new(mount, &owned, &st, &(struct pa_open){.read = true}, ret);
    mount_unref(mount);
    return errnum;
}
