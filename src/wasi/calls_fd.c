/* Calls on a descriptor, except those that move bytes (calls_io.c). */
#include "wasi/host.h"

#define FDSTAT_SIZE  24
#define PRESTAT_SIZE 8
#define DIRENT_SIZE  24

/* What an operation that a file's kind does not have answers. */
static wasi_errno not_for_kind(const struct pa_file *file, wasi_errno otherwise) {
    return wasi_is_dir(file) ? WASI_EBADF : otherwise;
}

wasi_errno wasi_fd_advise(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    enum {
        ADVICE_LAST = 5
    };
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), 0, &entry);
    if (errnum)
        return errnum;
    if (!entry->file->ops->seek)
        return not_for_kind(entry->file, WASI_ESPIPE);
    if (!(entry->base & WASI_RIGHT_FD_ADVISE))
        return WASI_ENOTCAPABLE;
    uint64_t end;
    if (wasi_arg32(args, 3) > ADVICE_LAST || __builtin_add_overflow(args[1], args[2], &end))
        return WASI_EINVAL;
    return WASI_ESUCCESS; /* advice may be ignored */
}

wasi_errno wasi_fd_allocate(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), 0, &entry);
    if (errnum)
        return errnum;
    if (!entry->file->ops->allocate)
        return not_for_kind(entry->file, entry->file->ops->seek ? WASI_ENODEV : WASI_ESPIPE);
    if (!entry->file->writable)
        return WASI_EBADF;
    if (!(entry->base & WASI_RIGHT_FD_ALLOCATE))
        return WASI_ENOTCAPABLE;
    return entry->file->ops->allocate(entry->file, args[1], args[2]);
}

wasi_errno wasi_fd_close(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                         const uint64_t *args) {
    return wasi_fdtable_close(&wasi->fds, wasi_arg32(args, 0));
}

wasi_errno wasi_fd_renumber(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    return wasi_fdtable_move(&wasi->fds, wasi_arg32(args, 0), wasi_arg32(args, 1));
}

static wasi_errno sync_fd(struct pa_wasi *wasi, const uint64_t *args, uint64_t right,
                          bool data_only) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), right, &entry);
    if (errnum)
        return errnum;
    return entry->file->ops->sync ? entry->file->ops->sync(entry->file, data_only) : WASI_EINVAL;
}

wasi_errno wasi_fd_datasync(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                            const uint64_t *args) {
    return sync_fd(wasi, args, WASI_RIGHT_FD_DATASYNC, true);
}

wasi_errno wasi_fd_sync(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                        const uint64_t *args) {
    return sync_fd(wasi, args, WASI_RIGHT_FD_SYNC, false);
}

wasi_errno wasi_fd_fdstat_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                              const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), 0, &entry);
    if (errnum)
        return errnum;
    uint8_t *out;
    if (!wasi_span(memory, wasi_arg32(args, 1), FDSTAT_SIZE, &out))
        return WASI_EFAULT;
    memset(out, 0, FDSTAT_SIZE);
    out[0] = (uint8_t)entry->file->type;
    wasi_put_u16(out + 2, (uint16_t)entry->file->fdflags);
    wasi_put_u64(out + 8, entry->base);
    wasi_put_u64(out + 16, entry->inheriting);
    return WASI_ESUCCESS;
}

wasi_errno wasi_fd_fdstat_set_flags(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                    const uint64_t *args) {
    struct wasi_fd *entry;
    uint32_t flags = wasi_arg32(args, 1);
    wasi_errno errnum =
        wasi_find_fd(wasi, wasi_arg32(args, 0), WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &entry);
    if (errnum)
        return errnum;
    if (flags & ~WASI_FDFLAGS_ALL)
        return WASI_EINVAL;
    return entry->file->ops->set_fdflags ? entry->file->ops->set_fdflags(entry->file, flags)
                                         : WASI_ENOTSUP;
}

wasi_errno wasi_fd_fdstat_set_rights(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                     const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), 0, &entry);
    if (errnum)
        return errnum;
    if ((args[1] & ~entry->base) || (args[2] & ~entry->inheriting))
        return WASI_ENOTCAPABLE;
    entry->base = args[1];
    entry->inheriting = args[2];
    return WASI_ESUCCESS;
}

void wasi_store_filestat(uint8_t *out, const struct pa_stat *stat) {
    memset(out, 0, WASI_FILESTAT_SIZE);
    wasi_put_u64(out, stat->dev);
    wasi_put_u64(out + 8, stat->ino);
    out[16] = (uint8_t)stat->type;
    wasi_put_u64(out + 24, stat->nlink);
    wasi_put_u64(out + 32, stat->size);
    wasi_put_u64(out + 40, stat->atim_ns);
    wasi_put_u64(out + 48, stat->mtim_ns);
    wasi_put_u64(out + 56, stat->ctim_ns);
}

wasi_errno wasi_fd_filestat_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), WASI_RIGHT_FD_FILESTAT_GET, &entry);
    if (errnum)
        return errnum;
    uint8_t *out;
    struct pa_stat stat;
    if (!wasi_span(memory, wasi_arg32(args, 1), WASI_FILESTAT_SIZE, &out))
        return WASI_EFAULT;
    errnum = entry->file->ops->stat(entry->file, &stat);
    if (!errnum)
        wasi_store_filestat(out, &stat);
    return errnum;
}

wasi_errno wasi_fd_filestat_set_size(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                     const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), 0, &entry);
    if (errnum)
        return errnum;
    if (!entry->file->ops->set_size)
        return not_for_kind(entry->file, WASI_EINVAL);
    if (!entry->file->writable) /* as ftruncate says, whatever the rights */
        return WASI_EINVAL;
    if (!(entry->base & WASI_RIGHT_FD_FILESTAT_SET_SIZE))
        return WASI_ENOTCAPABLE;
    return entry->file->ops->set_size(entry->file, args[1]);
}

wasi_errno wasi_read_times(struct pa_wasi *wasi, uint64_t atim, uint64_t mtim, uint32_t flags,
                           struct pa_times *ret) {
    enum {
        ATIMS = WASI_FST_ATIM | WASI_FST_ATIM_NOW,
        MTIMS = WASI_FST_MTIM | WASI_FST_MTIM_NOW
    };
    if ((flags & ~(uint32_t)(ATIMS | MTIMS)) || (flags & ATIMS) == ATIMS ||
        (flags & MTIMS) == MTIMS)
        return WASI_EINVAL;
    *ret = (struct pa_times){.fst_flags = flags, .atim_ns = atim, .mtim_ns = mtim};
    if (flags & (WASI_FST_ATIM_NOW | WASI_FST_MTIM_NOW))
        return wasi_clock_read(&wasi->world, WASI_CLOCK_REALTIME, &ret->now_ns);
    return WASI_ESUCCESS;
}

wasi_errno wasi_fd_filestat_set_times(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                      const uint64_t *args) {
    struct wasi_fd *entry;
    struct pa_times times;
    wasi_errno errnum =
        wasi_find_fd(wasi, wasi_arg32(args, 0), WASI_RIGHT_FD_FILESTAT_SET_TIMES, &entry);
    if (!errnum)
        errnum = wasi_read_times(wasi, args[1], args[2], wasi_arg32(args, 3), &times);
    if (errnum)
        return errnum;
    return entry->file->ops->set_times ? entry->file->ops->set_times(entry->file, &times)
                                       : WASI_EPERM;
}

static wasi_errno find_preopen(struct pa_wasi *wasi, uint32_t fd, struct wasi_fd **ret) {
    wasi_errno errnum = wasi_find_fd(wasi, fd, 0, ret);
    return errnum || (*ret)->preopen ? errnum : WASI_EBADF;
}

wasi_errno wasi_fd_prestat_get(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                               const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = find_preopen(wasi, wasi_arg32(args, 0), &entry);
    if (errnum)
        return errnum;
    uint8_t *out;
    if (!wasi_span(memory, wasi_arg32(args, 1), PRESTAT_SIZE, &out))
        return WASI_EFAULT;
    wasi_put_u32(out, 0); /* the one kind there is: a directory */
    wasi_put_u32(out + 4, (uint32_t)strlen(entry->preopen));
    return WASI_ESUCCESS;
}

wasi_errno wasi_fd_prestat_dir_name(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                                    const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = find_preopen(wasi, wasi_arg32(args, 0), &entry);
    if (errnum)
        return errnum;
    size_t size = strlen(entry->preopen);
    if (wasi_arg32(args, 2) < size)
        return WASI_ENAMETOOLONG;
    uint8_t *out;
    if (!wasi_span(memory, wasi_arg32(args, 1), size, &out))
        return WASI_EFAULT;
    memcpy(out, entry->preopen, size);
    return WASI_ESUCCESS;
}

struct listing {
    uint8_t *out;
    size_t room, used;
};

/* The entry that does not fit is cut: a full buffer tells the guest that there is more. */
static bool list_entry(void *context, const struct pa_dirent *entry) {
    struct listing *listing = context;
    uint8_t head[DIRENT_SIZE] = {0};
    wasi_put_u64(head, entry->next);
    wasi_put_u64(head + 8, entry->ino);
    wasi_put_u32(head + 16, (uint32_t)entry->name_size);
    head[20] = (uint8_t)entry->type;
    size_t part = PA_MIN(sizeof head, listing->room - listing->used);
    memcpy(listing->out + listing->used, head, part);
    listing->used += part;
    part = PA_MIN(entry->name_size, listing->room - listing->used);
    memcpy(listing->out + listing->used, entry->name, part);
    listing->used += part;
    return listing->used < listing->room;
}

wasi_errno wasi_fd_readdir(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                           const uint64_t *args) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_dir(wasi, wasi_arg32(args, 0), WASI_RIGHT_FD_READDIR, &entry);
    if (errnum)
        return errnum;
    struct listing listing = {.room = wasi_arg32(args, 2)};
    if (!wasi_span(memory, wasi_arg32(args, 1), listing.room, &listing.out) ||
        !wasi_in_bounds(memory, wasi_arg32(args, 4), 4))
        return WASI_EFAULT;
    if (listing.room > 0)
        errnum = entry->file->ops->readdir(entry->file, args[3], list_entry, &listing);
    return errnum ? errnum : wasi_store_u32(memory, wasi_arg32(args, 4), (uint32_t)listing.used);
}
