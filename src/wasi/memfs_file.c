/*
 * Open files and directories of the in-memory file system.
 *
 * A file's content is one allocation that grows by half, but never past what the limit leaves, so
 * that a single file at the limit does not double it.  Only the size is accounted: a hole costs
 * what its bytes would, because they are allocated.  A write that the limit cuts short writes what
 * fits and reports that; the next one is ENOSPC.
 *
 * Reading does not change the access time (as with noatime): a virtual clock that advances with
 * each look at it would otherwise tick on every read.
 */
#include "wasi/memfs.h"
#include "base/macros.h"

static uint64_t bytes_left(const struct pa_world *world) {
    return world->files_bytes > world->files_bytes_used
               ? world->files_bytes - world->files_bytes_used
               : 0;
}

static bool reserve(struct memfs_data *file, size_t size, uint64_t left_after) {
    if (size <= file->capacity)
        return true;
    size_t want = PA_MAX(size, file->capacity + file->capacity / 2);
    want = PA_MIN(want, size + left_after);
    uint8_t *bytes = realloc(file->bytes, want);
    if (!bytes)
        return false;
    file->bytes = bytes;
    file->capacity = want;
    return true;
}

/* Gives memory back where much would lie idle; keeping it is fine if that fails. */
static void trim(struct memfs_data *file) {
    if (file->size == 0) {
        free(pa_steal(&file->bytes));
        file->capacity = 0;
    } else if (file->size < file->capacity / 2) {
        uint8_t *bytes = realloc(file->bytes, file->size);
        if (bytes) {
            file->bytes = bytes;
            file->capacity = file->size;
        }
    }
}

wasi_errno memfs_resize(struct memfs_node *node, uint64_t size) {
    struct pa_world *world = node->fs->world;
    struct memfs_data *file = &node->file;
    if (size > INT64_MAX)
        return WASI_EFBIG;
    if (size > file->size) {
        uint64_t more = size - file->size, left = bytes_left(world);
        if (more > left)
            return memfs_limit_hit(node->fs);
        if (!reserve(file, size, left - more))
            return WASI_ENOMEM;
        memset(file->bytes + file->size, 0, more);
        file->size = size;
        world->files_bytes_used += more;
    } else {
        world->files_bytes_used -= file->size - size;
        file->size = size;
        trim(file);
    }
    memfs_touch(node);
    return WASI_ESUCCESS;
}

static void file_close(struct pa_file *file) {
    memfs_node_unref(memfs_file_of(file)->node);
    free(file);
}

static wasi_errno file_stat(struct pa_file *file, struct pa_stat *ret) {
    memfs_stat(memfs_file_of(file)->node, ret);
    return WASI_ESUCCESS;
}

static wasi_errno file_set_times(struct pa_file *file, const struct pa_times *times) {
    memfs_apply_times(memfs_file_of(file)->node, times);
    return WASI_ESUCCESS;
}

static wasi_errno file_set_fdflags(struct pa_file *file, uint32_t fdflags) {
    file->fdflags = fdflags;
    return WASI_ESUCCESS;
}

static wasi_errno file_sync(struct pa_file *file, bool data_only) {
    return WASI_ESUCCESS;
}

static wasi_errno file_read(struct pa_file *head, const struct iovec *iov, int count,
                            uint64_t offset, size_t *ret) {
    struct memfs_file *file = memfs_file_of(head);
    const struct memfs_data *data = &file->node->file;
    if (!head->readable)
        return WASI_EBADF;
    uint64_t at = offset == PA_OFFSET_CURRENT ? file->offset : offset;
    if (at > INT64_MAX)
        return WASI_EINVAL;
    size_t total = 0;
    for (int i = 0; i < count && at < data->size; i++) {
        size_t part = PA_MIN(iov[i].iov_len, data->size - at);
        if (part > 0)
            memcpy(iov[i].iov_base, data->bytes + at, part);
        at += part;
        total += part;
    }
    if (offset == PA_OFFSET_CURRENT)
        file->offset += total;
    *ret = total;
    return WASI_ESUCCESS;
}

/* Makes the file reach `end`, or as far as the limit lets it; *ret_end is at most `end`. */
static wasi_errno extend_towards(struct memfs_node *node, uint64_t at, uint64_t end,
                                 uint64_t *ret_end) {
    uint64_t size = node->file.size;
    uint64_t most = size + bytes_left(node->fs->world);
    if (end > most) {
        memfs_limit_hit(node->fs);
        if (most <= at)
            return WASI_ENOSPC;
        end = most;
    }
    wasi_errno errnum = end > size ? memfs_resize(node, end) : WASI_ESUCCESS;
    if (!errnum)
        *ret_end = end;
    return errnum;
}

static wasi_errno file_write(struct pa_file *head, const struct iovec *iov, int count,
                             uint64_t offset, size_t *ret) {
    struct memfs_file *file = memfs_file_of(head);
    struct memfs_node *node = file->node;
    if (!head->writable)
        return WASI_EBADF;
    bool current = offset == PA_OFFSET_CURRENT;
    uint64_t at = current ? file->offset : offset;
    if (current && (head->fdflags & WASI_FDFLAG_APPEND))
        at = node->file.size;
    if (at > INT64_MAX)
        return WASI_EINVAL;
    uint64_t end = at;
    for (int i = 0; i < count; i++)
        if (__builtin_add_overflow(end, iov[i].iov_len, &end) || end > INT64_MAX)
            return WASI_EFBIG;
    uint64_t start = at;
    if (end > at) {
        wasi_errno errnum = extend_towards(node, at, end, &end);
        if (errnum)
            return errnum;
        memfs_touch(node);
    }
    for (int i = 0; i < count && at < end; i++) {
        size_t part = PA_MIN(iov[i].iov_len, end - at);
        if (part > 0)
            memcpy(node->file.bytes + at, iov[i].iov_base, part);
        at += part;
    }
    if (current)
        file->offset = at;
    *ret = at - start;
    return WASI_ESUCCESS;
}

static wasi_errno file_seek(struct pa_file *head, int64_t delta, int whence, uint64_t *ret) {
    struct memfs_file *file = memfs_file_of(head);
    wasi_errno errnum =
        pa_seek_offset(file->offset, file->node->file.size, delta, whence, &file->offset);
    if (!errnum)
        *ret = file->offset;
    return errnum;
}

static wasi_errno file_set_size(struct pa_file *head, uint64_t size) {
    return head->writable ? memfs_resize(memfs_file_of(head)->node, size) : WASI_EBADF;
}

static wasi_errno file_allocate(struct pa_file *head, uint64_t offset, uint64_t size) {
    struct memfs_node *node = memfs_file_of(head)->node;
    uint64_t end;
    if (!head->writable)
        return WASI_EBADF;
    if (size == 0)
        return WASI_EINVAL;
    if (__builtin_add_overflow(offset, size, &end))
        return WASI_EFBIG;
    return end > node->file.size ? memfs_resize(node, end) : WASI_ESUCCESS;
}

static int file_poll_fd(struct pa_file *file) {
    return -1;
}

static bool file_ready(struct pa_file *head, bool write, uint64_t *ret_bytes, bool *ret_hangup) {
    const struct memfs_file *file = memfs_file_of(head);
    uint64_t size = file->node->file.size;
    *ret_bytes = !write && file->offset < size ? size - file->offset : 0;
    *ret_hangup = false;
    return true;
}

static wasi_errno dir_readdir(struct pa_file *file, uint64_t cookie, pa_dirent_fn *each,
                              void *context) {
    const struct memfs_node *node = memfs_file_of(file)->node;
    const struct memfs_dir *dir = &node->dir;
    uint64_t parent_ino = dir->removed ? node->ino : dir->parent->ino;
    if (!pa_list_dots(cookie, node->ino, parent_ino, each, context))
        return WASI_ESUCCESS;
    for (size_t i = memfs_slot_from(dir, cookie); i < dir->slot_count; i++) {
        const struct memfs_entry *entry = dir->slots[i].entry;
        if (!entry)
            continue;
        struct pa_dirent dirent = {.next = entry->id + 1,
                                   .ino = entry->node->ino,
                                   .type = entry->node->type,
                                   .name = entry->name,
                                   .name_size = entry->name_size};
        if (!each(context, &dirent))
            break;
    }
    return WASI_ESUCCESS;
}

static const struct pa_file_ops memfs_file_ops = {
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

static const struct pa_file_ops memfs_dir_ops = {
    .close = file_close,
    .stat = file_stat,
    .set_times = file_set_times,
    .set_fdflags = file_set_fdflags,
    .sync = file_sync,
    .readdir = dir_readdir,
    .open = memfs_open,
    .path_stat = memfs_path_stat,
    .path_set_times = memfs_path_set_times,
    .mkdir = memfs_mkdir,
    .rmdir = memfs_rmdir,
    .unlink = memfs_unlink,
    .symlink = memfs_symlink,
    .readlink = memfs_readlink,
    .link = memfs_link,
    .rename = memfs_rename,
};

wasi_errno memfs_open_node(struct memfs_node *node, const struct pa_open *how,
                           struct pa_file **ret) {
    struct memfs_file *file = calloc(1, sizeof *file);
    if (!file)
        return WASI_ENOMEM;
    file->head = (struct pa_file){.ops = memfs_is_dir(node) ? &memfs_dir_ops : &memfs_file_ops,
                                  .type = node->type,
                                  .fdflags = how->fdflags,
                                  .readable = how->read,
                                  .writable = how->write};
    file->node = node;
    node->refs++;
    *ret = &file->head;
    return WASI_ESUCCESS;
}
