/*
 * Operations on names in host directories.
 *
 * Two shapes.  What looks at a file (stat, times) opens it with O_PATH by openat2 and works on that
 * descriptor.  What changes a directory opens the parent by openat2 and then gives the kernel one
 * plain name in it: not "." or "..", without a slash, and never followed if it is a link.  So there
 * is no moment in which a path is checked and then resolved a second time.
 *
 * The trailing slash is ours to judge, because the name is passed without it; the answers are those
 * Linux gives for the whole path.
 *
 * link() of what a symbolic link names would need AT_EMPTY_PATH (a capability) or /proc (not in the
 * jail).  Instead the link's text is put in its place in the path and resolved again from the
 * guest's directory, so that it is confined like any path, until the name is no link.
 */
#include "wasi/hostfs.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void hostfs_spot_done(struct hostfs_spot *spot) {
    pa_closep(&spot->to_close);
    spot->to_close = -1;
}

/* "." and "..": the whole path must be a directory below the guest's; then there is no parent. */
static wasi_errno find_special(struct hostfs_file *dir, const char *path) {
    PA_CLEANUP(pa_closep) int fd = -1;
    return hostfs_openat2(dir->fd, path, O_PATH | O_DIRECTORY, 0, &fd);
}

wasi_errno hostfs_find_spot(struct hostfs_file *dir, const char *path, struct hostfs_spot *ret) {
    struct pa_path_split split = pa_path_split(path);
    if (path[0] == '/')
        return WASI_ENOTCAPABLE;
    if (split.name.size == 0)
        return WASI_ENOENT;
    if (split.name.size > NAME_MAX || split.head_size >= PA_PATH_MAX)
        return WASI_ENAMETOOLONG;
    ret->fd = dir->fd;
    ret->to_close = -1;
    ret->slash = split.name.slash;
    ret->special = split.special;
    ret->head_size = split.head_size;
    memcpy(ret->name, split.name.text, split.name.size);
    ret->name[split.name.size] = 0;
    if (split.special)
        return find_special(dir, path);
    if (split.head_size == 0)
        return WASI_ESUCCESS;
    char head[PA_PATH_MAX];
    memcpy(head, path, split.head_size);
    head[split.head_size] = 0;
    wasi_errno errnum = hostfs_openat2(dir->fd, head, O_PATH | O_DIRECTORY, 0, &ret->fd);
    ret->to_close = errnum ? -1 : ret->fd;
    return errnum;
}

static wasi_errno result(int rc) {
    return rc ? pa_errno_to_wasi(errno) : WASI_ESUCCESS;
}

static wasi_errno stat_name(const struct hostfs_spot *spot, struct stat *ret) {
    return result(fstatat(spot->fd, spot->name, ret, AT_SYMLINK_NOFOLLOW));
}

/* find_spot() for what changes the directory. */
static wasi_errno find_to_change(struct hostfs_file *dir, const char *path,
                                 struct hostfs_spot *ret) {
    wasi_errno errnum = hostfs_find_spot(dir, path, ret);
    if (!errnum && !dir->mount->writable) {
        hostfs_spot_done(ret);
        errnum = WASI_EROFS;
    }
    return errnum;
}

/* The same for a name that must be free and is not a directory's: `a/` is ENOENT then. */
static wasi_errno find_free(struct hostfs_file *dir, const char *path, struct hostfs_spot *ret) {
    struct stat st;
    wasi_errno errnum = find_to_change(dir, path, ret);
    if (errnum)
        return errnum;
    if (ret->special || (ret->slash && stat_name(ret, &st) == 0))
        errnum = WASI_EEXIST;
    else if (ret->slash)
        errnum = WASI_ENOENT;
    if (errnum)
        hostfs_spot_done(ret);
    return errnum;
}

/* The result of a call that made a name, which was taken from the quota before. */
static wasi_errno new_name(const struct hostfs_file *dir, int rc) {
    wasi_errno errnum = result(rc);
    if (errnum)
        pa_quota_give(&dir->mount->quota, 0, 1);
    return errnum;
}

/* What a removal takes away, where somebody counts it (deterministic mode, a quota): before it,
 * `st` of the name (or st_nlink 0); after it, the inode is forgotten if that was its last name. */
static void note_removal(const struct hostfs_file *dir, const struct hostfs_spot *spot,
                         struct stat *ret) {
    bool counted = dir->mount->world->deterministic || dir->mount->quota.account;
    *ret = (struct stat){0};
    if (counted && stat_name(spot, ret))
        *ret = (struct stat){0};
}

static void forget_removed(const struct hostfs_file *dir, const struct stat *st) {
    if (st->st_nlink == 0)
        return;
    bool last = st->st_nlink == 1 || S_ISDIR(st->st_mode);
    if (last && dir->mount->world->deterministic)
        hostfs_forget(dir->mount, st->st_dev, st->st_ino);
    pa_quota_give(&dir->mount->quota, last && S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0, 1);
}

/* What `path` names as an O_PATH descriptor: a link itself unless `follow` or a slash follows. */
static wasi_errno open_path(struct hostfs_file *dir, const char *path, bool follow, int *ret_fd) {
    return hostfs_openat2(dir->fd, path, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, ret_fd);
}

wasi_errno hostfs_path_stat(struct pa_file *head, const char *path, bool follow,
                            struct pa_stat *ret) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(pa_closep) int fd = -1;
    struct stat st;
    wasi_errno errnum = open_path(dir, path, follow, &fd);
    if (!errnum)
        errnum = result(fstat(fd, &st));
    return errnum ? errnum : hostfs_fill_stat(dir->mount, &st, ret);
}

wasi_errno hostfs_path_set_times(struct pa_file *head, const char *path, bool follow,
                                 const struct pa_times *times) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(pa_closep) int fd = -1;
    wasi_errno errnum = open_path(dir, path, follow, &fd);
    if (!errnum && !dir->mount->writable)
        errnum = WASI_EROFS;
    return errnum ? errnum : hostfs_set_fd_times(fd, times);
}

wasi_errno hostfs_mkdir(struct pa_file *head, const char *path) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot spot = {.to_close = -1};
    struct stat st;
    wasi_errno errnum = hostfs_find_spot(dir, path, &spot);
    if (errnum)
        return errnum;
    if (spot.special)
        return WASI_EEXIST;
    if (!dir->mount->writable)
        return stat_name(&spot, &st) == 0 ? WASI_EEXIST : WASI_EROFS;
    errnum = pa_quota_take(&dir->mount->quota, 0, 1);
    return errnum ? errnum : new_name(dir, mkdirat(spot.fd, spot.name, 0777));
}

wasi_errno hostfs_rmdir(struct pa_file *head, const char *path) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot spot = {.to_close = -1};
    struct stat before;
    wasi_errno errnum = find_to_change(dir, path, &spot);
    if (errnum)
        return errnum;
    if (spot.special)
        return pa_streq(spot.name, ".") ? WASI_EINVAL : WASI_ENOTEMPTY;
    note_removal(dir, &spot, &before);
    if (unlinkat(spot.fd, spot.name, AT_REMOVEDIR))
        return errno == EEXIST ? WASI_ENOTEMPTY : pa_errno_to_wasi(errno);
    forget_removed(dir, &before);
    return WASI_ESUCCESS;
}

wasi_errno hostfs_unlink(struct pa_file *head, const char *path) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot spot = {.to_close = -1};
    struct stat before;
    wasi_errno errnum = find_to_change(dir, path, &spot);
    if (errnum)
        return errnum;
    if (spot.special)
        return WASI_EISDIR;
    if (spot.slash) {
        errnum = stat_name(&spot, &before);
        if (errnum)
            return errnum;
        return S_ISDIR(before.st_mode) ? WASI_EISDIR : WASI_ENOTDIR;
    }
    note_removal(dir, &spot, &before);
    errnum = result(unlinkat(spot.fd, spot.name, 0));
    if (!errnum)
        forget_removed(dir, &before);
    return errnum;
}

/* Absolute targets are refused: they would mean something on the host and nothing to the guest. */
wasi_errno hostfs_symlink(struct pa_file *head, const char *target, const char *path) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot spot = {.to_close = -1};
    if (target[0] == '/')
        return WASI_ENOTCAPABLE;
    if (strlen(target) >= PA_PATH_MAX)
        return WASI_ENAMETOOLONG;
    wasi_errno errnum = find_free(dir, path, &spot);
    if (!errnum)
        errnum = pa_quota_take(&dir->mount->quota, 0, 1);
    return errnum ? errnum : new_name(dir, symlinkat(target, spot.fd, spot.name));
}

wasi_errno hostfs_readlink(struct pa_file *head, const char *path, char *out, size_t room,
                           size_t *ret) {
    struct hostfs_file *dir = hostfs_file_of(head);
    PA_CLEANUP(pa_closep) int fd = -1;
    wasi_errno errnum = open_path(dir, path, false, &fd);
    struct stat st;
    if (!errnum)
        errnum = result(fstat(fd, &st));
    if (errnum)
        return errnum;
    if (!S_ISLNK(st.st_mode))
        return WASI_EINVAL;
    if (room == 0) { /* the kernel refuses it; the guest gets what it asked for */
        *ret = 0;
        return WASI_ESUCCESS;
    }
    ssize_t size = readlinkat(fd, "", out, room);
    if (size < 0)
        return pa_errno_to_wasi(errno);
    *ret = (size_t)size;
    return WASI_ESUCCESS;
}

/* Puts what the link at `spot` says in place of its name in `path`; EINVAL if it is no link. */
static wasi_errno replace_by_target(char path[PA_PATH_MAX], const struct hostfs_spot *spot) {
    char target[PA_PATH_MAX];
    ssize_t size = readlinkat(spot->fd, spot->name, target, sizeof target);
    if (size < 0)
        return pa_errno_to_wasi(errno);
    if (target[0] == '/')
        return WASI_ENOTCAPABLE;
    if (spot->head_size + (size_t)size + 2 > PA_PATH_MAX)
        return WASI_ENAMETOOLONG;
    memcpy(path + spot->head_size, target, (size_t)size);
    size_t end = spot->head_size + (size_t)size;
    if (spot->slash)
        path[end++] = '/';
    path[end] = 0;
    return WASI_ESUCCESS;
}

/* find_spot(), going on at the target while the name is a link and `follow` or a slash asks so. */
static wasi_errno find_source(struct hostfs_file *dir, const char *from, bool follow,
                              struct hostfs_spot *ret) {
    char path[PA_PATH_MAX];
    if (strlen(from) >= sizeof path)
        return WASI_ENAMETOOLONG;
    memcpy(path, from, strlen(from) + 1);
    for (int links = 0; links <= PA_LINKS_MAX; links++) {
        wasi_errno errnum = hostfs_find_spot(dir, path, ret);
        if (errnum || ret->special || (!follow && !ret->slash))
            return errnum;
        errnum = replace_by_target(path, ret);
        if (errnum == WASI_EINVAL)
            return WASI_ESUCCESS;
        hostfs_spot_done(ret);
        if (errnum)
            return errnum;
    }
    return WASI_ELOOP;
}

wasi_errno hostfs_link(struct pa_file *from_head, const char *from, bool follow,
                       struct pa_file *to_head, const char *to) {
    struct hostfs_file *from_dir = hostfs_file_of(from_head), *to_dir = hostfs_file_of(to_head);
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot source = {.to_close = -1};
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot target = {.to_close = -1};
    struct stat st = {0};
    if (from_dir->mount != to_dir->mount)
        return WASI_EXDEV;
    wasi_errno errnum = find_source(from_dir, from, follow, &source);
    if (errnum)
        return errnum;
    if (!source.special)
        errnum = stat_name(&source, &st);
    if (!errnum && !source.special && source.slash && !S_ISDIR(st.st_mode))
        errnum = WASI_ENOTDIR;
    if (!errnum)
        errnum = find_free(to_dir, to, &target);
    if (errnum)
        return errnum;
    if (source.special) /* a directory: EPERM, if nothing else is wrong */
        return stat_name(&target, &st) == 0 ? WASI_EEXIST : WASI_EPERM;
    errnum = pa_quota_take(&to_dir->mount->quota, 0, 1);
    return errnum ? errnum
                  : new_name(to_dir, linkat(source.fd, source.name, target.fd, target.name, 0));
}

wasi_errno hostfs_rename(struct pa_file *from_head, const char *from, struct pa_file *to_head,
                         const char *to) {
    struct hostfs_file *from_dir = hostfs_file_of(from_head), *to_dir = hostfs_file_of(to_head);
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot source = {.to_close = -1};
    PA_CLEANUP(hostfs_spot_done) struct hostfs_spot target = {.to_close = -1};
    struct stat st, before;
    if (from_dir->mount != to_dir->mount)
        return WASI_EXDEV;
    wasi_errno errnum = find_to_change(from_dir, from, &source);
    if (!errnum)
        errnum = find_to_change(to_dir, to, &target);
    if (errnum)
        return errnum;
    if (source.special || target.special)
        return WASI_EBUSY;
    errnum = stat_name(&source, &st);
    if (errnum)
        return errnum;
    if (!S_ISDIR(st.st_mode) && (source.slash || target.slash))
        return WASI_ENOTDIR;
    note_removal(to_dir, &target, &before);
    if (renameat(source.fd, source.name, target.fd, target.name))
        return errno == EEXIST ? WASI_ENOTEMPTY : pa_errno_to_wasi(errno);
    if (before.st_dev != st.st_dev || before.st_ino != st.st_ino)
        forget_removed(to_dir, &before);
    return WASI_ESUCCESS;
}
