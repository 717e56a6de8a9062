/*
 * Calls on a path below a directory descriptor.  The text is copied out of the guest's memory, its
 * form is judged (wasi_read_path), and the file system of the directory resolves it.
 */
#include "wasi/host.h"

/* A directory with a right and a path below it. */
struct place {
    struct pa_file *dir;
    char path[PA_PATH_MAX];
};

static wasi_errno find_place(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                             uint32_t fd, uint64_t right, uint32_t address, uint32_t size,
                             struct place *ret) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_dir(wasi, fd, right, &entry);
    if (errnum)
        return errnum;
    ret->dir = entry->file;
    return wasi_read_path(memory, address, size, ret->path);
}

/* fd, path, size: the usual first three arguments. */
static wasi_errno first_place(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                              const uint64_t *args, uint64_t right, struct place *ret) {
    return find_place(wasi, memory, wasi_arg32(args, 0), right, wasi_arg32(args, 1),
                      wasi_arg32(args, 2), ret);
}

/* fd, lookup flags, path, size. */
static wasi_errno flagged_place(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                const uint64_t *args, uint64_t right, struct place *ret,
                                bool *ret_follow) {
    wasi_errno errnum = find_place(wasi, memory, wasi_arg32(args, 0), right, wasi_arg32(args, 2),
                                   wasi_arg32(args, 3), ret);
    if (!errnum && (wasi_arg32(args, 1) & ~(uint32_t)WASI_LOOKUP_SYMLINK_FOLLOW))
        errnum = WASI_EINVAL;
    *ret_follow = wasi_arg32(args, 1) & WASI_LOOKUP_SYMLINK_FOLLOW;
    return errnum;
}

wasi_errno wasi_path_create_directory(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                      const uint64_t *args) {
    struct place at;
    wasi_errno errnum = first_place(wasi, memory, args, WASI_RIGHT_PATH_CREATE_DIRECTORY, &at);
    return errnum ? errnum : at.dir->ops->mkdir(at.dir, at.path);
}

wasi_errno wasi_path_remove_directory(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                      const uint64_t *args) {
    struct place at;
    wasi_errno errnum = first_place(wasi, memory, args, WASI_RIGHT_PATH_REMOVE_DIRECTORY, &at);
    return errnum ? errnum : at.dir->ops->rmdir(at.dir, at.path);
}

wasi_errno wasi_path_unlink_file(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                 const uint64_t *args) {
    struct place at;
    wasi_errno errnum = first_place(wasi, memory, args, WASI_RIGHT_PATH_UNLINK_FILE, &at);
    return errnum ? errnum : at.dir->ops->unlink(at.dir, at.path);
}

wasi_errno wasi_path_filestat_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                  const uint64_t *args) {
    struct place at;
    bool follow;
    wasi_errno errnum =
        flagged_place(wasi, memory, args, WASI_RIGHT_PATH_FILESTAT_GET, &at, &follow);
    if (errnum)
        return errnum;
    uint8_t *out;
    struct pa_stat stat;
    if (!wasi_span(memory, wasi_arg32(args, 4), WASI_FILESTAT_SIZE, &out))
        return WASI_EFAULT;
    errnum = at.dir->ops->path_stat(at.dir, at.path, follow, &stat);
    if (!errnum)
        wasi_store_filestat(out, &stat);
    return errnum;
}

wasi_errno wasi_path_filestat_set_times(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                        const uint64_t *args) {
    struct place at;
    struct pa_times times;
    bool follow;
    wasi_errno errnum =
        flagged_place(wasi, memory, args, WASI_RIGHT_PATH_FILESTAT_SET_TIMES, &at, &follow);
    if (!errnum)
        errnum = wasi_read_times(wasi, args[4], args[5], wasi_arg32(args, 6), &times);
    return errnum ? errnum : at.dir->ops->path_set_times(at.dir, at.path, follow, &times);
}

wasi_errno wasi_path_link(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    struct place from, to;
    bool follow;
    wasi_errno errnum =
        flagged_place(wasi, memory, args, WASI_RIGHT_PATH_LINK_SOURCE, &from, &follow);
    if (!errnum)
        errnum = find_place(wasi, memory, wasi_arg32(args, 4), WASI_RIGHT_PATH_LINK_TARGET,
                            wasi_arg32(args, 5), wasi_arg32(args, 6), &to);
    if (errnum)
        return errnum;
    if (from.dir->ops != to.dir->ops)
        return WASI_EXDEV;
    return from.dir->ops->link(from.dir, from.path, follow, to.dir, to.path);
}

wasi_errno wasi_path_rename(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    struct place from, to;
    wasi_errno errnum = first_place(wasi, memory, args, WASI_RIGHT_PATH_RENAME_SOURCE, &from);
    if (!errnum)
        errnum = find_place(wasi, memory, wasi_arg32(args, 3), WASI_RIGHT_PATH_RENAME_TARGET,
                            wasi_arg32(args, 4), wasi_arg32(args, 5), &to);
    if (errnum)
        return errnum;
    if (from.dir->ops != to.dir->ops)
        return WASI_EXDEV;
    return from.dir->ops->rename(from.dir, from.path, to.dir, to.path);
}

/* The link's text has the form of a path; an absolute one would lead out of every preopen. */
wasi_errno wasi_path_symlink(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                             const uint64_t *args) {
    struct place at;
    char target[PA_PATH_MAX];
    wasi_errno errnum = find_place(wasi, memory, wasi_arg32(args, 2), WASI_RIGHT_PATH_SYMLINK,
                                   wasi_arg32(args, 3), wasi_arg32(args, 4), &at);
    if (!errnum)
        errnum = wasi_read_path(memory, wasi_arg32(args, 0), wasi_arg32(args, 1), target);
    return errnum ? errnum : at.dir->ops->symlink(at.dir, target, at.path);
}

wasi_errno wasi_path_readlink(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                              const uint64_t *args) {
    struct place at;
    wasi_errno errnum = first_place(wasi, memory, args, WASI_RIGHT_PATH_READLINK, &at);
    if (errnum)
        return errnum;
    uint8_t *out;
    uint32_t room = wasi_arg32(args, 4);
    size_t bytes = 0;
    if (!wasi_span(memory, wasi_arg32(args, 3), room, &out) ||
        !wasi_in_bounds(memory, wasi_arg32(args, 5), 4))
        return WASI_EFAULT;
    /* Through a buffer: the host's readlink takes no empty one, and tells no error apart then. */
    char text[PA_PATH_MAX];
    errnum = at.dir->ops->readlink(at.dir, at.path, text, sizeof text, &bytes);
    if (errnum)
        return errnum;
    bytes = PA_MIN(bytes, room);
    memcpy(out, text, bytes);
    return wasi_store_u32(memory, wasi_arg32(args, 5), (uint32_t)bytes);
}

/* What path_open asks of the directory besides PATH_OPEN. */
static uint64_t rights_to_open(uint32_t oflags) {
    uint64_t rights = WASI_RIGHT_PATH_OPEN;
    if (oflags & WASI_O_CREAT)
        rights |= WASI_RIGHT_PATH_CREATE_FILE;
    if (oflags & WASI_O_TRUNC)
        rights |= WASI_RIGHT_PATH_FILESTAT_SET_SIZE;
    return rights;
}

wasi_errno wasi_path_open(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    struct place at;
    struct wasi_fd *dir;
    bool follow;
    uint32_t oflags = wasi_arg32(args, 4), fdflags = wasi_arg32(args, 7);
    wasi_errno errnum = flagged_place(wasi, memory, args, rights_to_open(oflags), &at, &follow);
    if (!errnum)
        errnum = wasi_find_dir(wasi, wasi_arg32(args, 0), 0, &dir);
    if (errnum)
        return errnum;
    if ((oflags & ~WASI_OFLAGS_ALL) || (fdflags & ~WASI_FDFLAGS_ALL))
        return WASI_EINVAL;
    if (!wasi_in_bounds(memory, wasi_arg32(args, 8), 4))
        return WASI_EFAULT;
    if (wasi->fds.open >= wasi->fds.limit) {
        wasi->state.fds_limit_hit = true;
        return WASI_EMFILE;
    }
    /* A directory hands on what it may; asking for more is no fault, as guests ask for all. */
    struct wasi_fd entry = {.base = args[5] & dir->inheriting,
                            .inheriting = args[6] & dir->inheriting};
    struct pa_open how = {.oflags = oflags,
                          .fdflags = fdflags,
                          .follow = follow,
                          .read = entry.base & WASI_RIGHT_FD_READ,
                          .write = entry.base & WASI_RIGHT_FD_WRITE};
    errnum = at.dir->ops->open(at.dir, at.path, &how, &entry.file);
    if (errnum)
        return errnum;
    entry.base = wasi_rights_for(entry.file, entry.base);
    if (!wasi_is_dir(entry.file))
        entry.inheriting = 0;
    uint32_t fd;
    errnum = wasi_fdtable_add(&wasi->fds, &entry, false, &fd);
    if (errnum) {
        entry.file->ops->close(entry.file);
        return errnum;
    }
    return wasi_store_u32(memory, wasi_arg32(args, 8), fd);
}
