/*
 * Calls that move bytes: straight between the file and the guest's memory, without a copy here.
 * What a guest may ask for at once is bounded by its own memory.
 */
#include "wasi/host.h"

/* read, pread, write and pwrite differ in rights, offset and direction. */
struct transfer {
    bool write;
    bool positioned; /* args[3] is the offset, and the result pointer comes after it */
};

static wasi_errno transfer(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                           const uint64_t *args, struct transfer how) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, wasi_arg32(args, 0), 0, &entry);
    if (errnum)
        return errnum;
    struct pa_file *file = entry->file;
    if (how.write ? !file->ops->write : !file->ops->read)
        return WASI_EBADF;
    if (how.positioned && !file->ops->seek)
        return WASI_ESPIPE;
    uint64_t rights = how.write ? WASI_RIGHT_FD_WRITE : WASI_RIGHT_FD_READ;
    if (how.positioned)
        rights |= WASI_RIGHT_FD_SEEK;
    if ((entry->base & rights) != rights)
        return WASI_ENOTCAPABLE;

    struct iovec iov[WASI_IOVECS_MAX];
    uint32_t count = wasi_arg32(args, 2), out = wasi_arg32(args, how.positioned ? 4 : 3);
    errnum = wasi_read_iovecs(memory, wasi_arg32(args, 1), count, iov);
    if (errnum)
        return errnum;
    if (!wasi_in_bounds(memory, out, 4))
        return WASI_EFAULT;
    uint64_t offset = how.positioned ? args[3] : PA_OFFSET_CURRENT;
    if (how.positioned && offset > INT64_MAX)
        return WASI_EINVAL;
    size_t bytes = 0;
    errnum =
        (how.write ? file->ops->write : file->ops->read)(file, iov, (int)count, offset, &bytes);
    return errnum ? errnum : wasi_store_u32(memory, out, (uint32_t)bytes);
}

wasi_errno wasi_fd_read(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                        const uint64_t *args) {
    return transfer(wasi, memory, args, (struct transfer){0});
}

wasi_errno wasi_fd_pread(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                         const uint64_t *args) {
    return transfer(wasi, memory, args, (struct transfer){.positioned = true});
}

wasi_errno wasi_fd_write(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                         const uint64_t *args) {
    return transfer(wasi, memory, args, (struct transfer){.write = true});
}

wasi_errno wasi_fd_pwrite(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                          const uint64_t *args) {
    return transfer(wasi, memory, args, (struct transfer){.write = true, .positioned = true});
}

static wasi_errno seek(struct pa_wasi *wasi, const struct pa_guest_memory *memory, uint32_t fd,
                       int64_t delta, uint32_t whence, uint64_t allowing, uint32_t out) {
    struct wasi_fd *entry;
    wasi_errno errnum = wasi_find_fd(wasi, fd, 0, &entry);
    if (errnum)
        return errnum;
    if (!entry->file->ops->seek)
        return wasi_is_dir(entry->file) ? WASI_EBADF : WASI_ESPIPE;
    if (!(entry->base & allowing))
        return WASI_ENOTCAPABLE;
    if (!wasi_in_bounds(memory, out, 8))
        return WASI_EFAULT;
    if (whence > WASI_WHENCE_END)
        return WASI_EINVAL;
    uint64_t offset;
    errnum = entry->file->ops->seek(entry->file, delta, (int)whence, &offset);
    return errnum ? errnum : wasi_store_u64(memory, out, offset);
}

wasi_errno wasi_fd_seek(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                        const uint64_t *args) {
    int64_t delta = (int64_t)args[1];
    uint32_t whence = wasi_arg32(args, 2);
    /* Asking where one is takes either right. */
    uint64_t allowing = WASI_RIGHT_FD_SEEK;
    if (delta == 0 && whence == WASI_WHENCE_CUR)
        allowing |= WASI_RIGHT_FD_TELL;
    return seek(wasi, memory, wasi_arg32(args, 0), delta, whence, allowing, wasi_arg32(args, 3));
}

wasi_errno wasi_fd_tell(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                        const uint64_t *args) {
    return seek(wasi, memory, wasi_arg32(args, 0), 0, WASI_WHENCE_CUR,
                WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_SEEK, wasi_arg32(args, 1));
}
