/*
 * /dev: a fixed tree (vtree.h) whose leaves are devices.
 *
 * Three are built in, because they need nothing: `null` swallows, `zero` gives zeros, `full` has no
 * room.  All others come from the caller, which makes a fresh file for each open.  Opening an
 * existing device with O_CREAT or O_TRUNC is fine, as shells do it; nothing can be made or removed.
 */
#include "base/macros.h"
#include "wasi/vtree.h"

struct pa_devfs {
    struct vtree tree;
    struct pa_device builtins[3];
    struct pa_device *devices; /* copies; their names are the tree's from here on */
};

/* The file behind null, zero and full. */
struct builtin_file {
    struct pa_file head;
    uint64_t ino;
    bool reads_zeros, is_full;
};

static struct builtin_file *builtin_of(struct pa_file *file) {
    return (struct builtin_file *)file;
}

static void builtin_close(struct pa_file *file) {
    free(file);
}

static wasi_errno builtin_stat(struct pa_file *file, struct pa_stat *ret) {
    *ret = (struct pa_stat){.dev = PA_DEV_DEVFS,
                            .ino = builtin_of(file)->ino,
                            .type = WASI_FILETYPE_CHARACTER_DEVICE,
                            .nlink = 1};
    return WASI_ESUCCESS;
}

static wasi_errno builtin_read(struct pa_file *file, const struct iovec *iov, int count,
                               uint64_t offset, size_t *ret) {
    if (!file->readable)
        return WASI_EBADF;
    *ret = 0;
    for (int i = 0; builtin_of(file)->reads_zeros && i < count; i++) {
        if (iov[i].iov_len > 0)
            memset(iov[i].iov_base, 0, iov[i].iov_len);
        *ret += iov[i].iov_len;
    }
    return WASI_ESUCCESS;
}

static wasi_errno builtin_write(struct pa_file *file, const struct iovec *iov, int count,
                                uint64_t offset, size_t *ret) {
    if (!file->writable)
        return WASI_EBADF;
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    if (builtin_of(file)->is_full && total > 0)
        return WASI_ENOSPC;
    *ret = total;
    return WASI_ESUCCESS;
}

/* Every offset is the beginning, as on Linux. */
static wasi_errno builtin_seek(struct pa_file *file, int64_t delta, int whence, uint64_t *ret) {
    *ret = 0;
    return WASI_ESUCCESS;
}

static int builtin_poll_fd(struct pa_file *file) {
    return -1;
}

static bool builtin_ready(struct pa_file *file, bool write, uint64_t *ret_bytes, bool *ret_hangup) {
    *ret_bytes = 0;
    *ret_hangup = false;
    return true;
}

static const struct pa_file_ops builtin_ops = {
    .close = builtin_close,
    .stat = builtin_stat,
    .set_times = vtree_set_times,
    .set_fdflags = vtree_set_fdflags,
    .sync = vtree_sync,
    .read = builtin_read,
    .write = builtin_write,
    .seek = builtin_seek,
    .poll_fd = builtin_poll_fd,
    .ready = builtin_ready,
};

/* `context` is the device itself: its name says which of the three it is. */
static wasi_errno builtin_open(void *context, const struct pa_open *how, struct pa_file **ret) {
    const struct pa_device *device = context;
    struct builtin_file *file = calloc(1, sizeof *file);
    if (!file)
        return WASI_ENOMEM;
    file->head = (struct pa_file){.ops = &builtin_ops,
                                  .type = WASI_FILETYPE_CHARACTER_DEVICE,
                                  .fdflags = how->fdflags,
                                  .readable = how->read,
                                  .writable = how->write};
    file->is_full = pa_streq(device->name, "full");
    file->reads_zeros = !pa_streq(device->name, "null");
    *ret = &file->head;
    return WASI_ESUCCESS;
}

static wasi_errno walk(struct pa_file *dir, const char *path, struct vtree_spot *ret) {
    struct vtree_node *node = vtree_file_of(dir)->node;
    wasi_errno errnum = vtree_walk(node, node, path, ret);
    if (!errnum && ret->node && ret->node->leaf && (ret->slash || *ret->rest))
        errnum = WASI_ENOTDIR;
    return errnum;
}

static const struct pa_file_ops devfs_dir_ops;

static wasi_errno devfs_open(struct pa_file *dir, const char *path, const struct pa_open *how,
                             struct pa_file **ret) {
    struct vtree_spot spot;
    wasi_errno errnum = walk(dir, path, &spot);
    if (errnum)
        return errnum;
    if (!spot.node || !spot.node->leaf)
        return vtree_open(vtree_file_of(dir)->tree, &devfs_dir_ops, &spot, how, ret);
    if ((how->oflags & WASI_O_CREAT) && (how->oflags & WASI_O_EXCL))
        return WASI_EEXIST;
    if (how->oflags & WASI_O_DIRECTORY)
        return WASI_ENOTDIR;
    const struct pa_device *device = spot.node->leaf;
    errnum = device->open(device->context, how, ret);
    if (!errnum && (*ret)->ops == &builtin_ops)
        builtin_of(*ret)->ino = spot.node->ino;
    return errnum;
}

static wasi_errno devfs_path_stat(struct pa_file *dir, const char *path, bool follow,
                                  struct pa_stat *ret) {
    struct vtree_spot spot;
    wasi_errno errnum = walk(dir, path, &spot);
    if (errnum)
        return errnum;
    if (!spot.node)
        return WASI_ENOENT;
    vtree_stat_node(vtree_file_of(dir)->tree, spot.node,
                    spot.node->leaf ? WASI_FILETYPE_CHARACTER_DEVICE : WASI_FILETYPE_DIRECTORY,
                    ret);
    return WASI_ESUCCESS;
}

static wasi_errno refuse(struct pa_file *dir, const char *path, enum vtree_deed deed) {
    struct vtree_spot spot;
    wasi_errno errnum = walk(dir, path, &spot);
    return errnum ? errnum : vtree_refuse(&spot, deed);
}

static wasi_errno devfs_path_set_times(struct pa_file *dir, const char *path, bool follow,
                                       const struct pa_times *times) {
    return refuse(dir, path, VTREE_SET_TIMES);
}

static wasi_errno devfs_mkdir(struct pa_file *dir, const char *path) {
    return refuse(dir, path, VTREE_CREATE);
}

static wasi_errno devfs_rmdir(struct pa_file *dir, const char *path) {
    return refuse(dir, path, VTREE_RMDIR);
}

static wasi_errno devfs_unlink(struct pa_file *dir, const char *path) {
    return refuse(dir, path, VTREE_UNLINK);
}

static wasi_errno devfs_symlink(struct pa_file *dir, const char *target, const char *path) {
    return refuse(dir, path, VTREE_CREATE);
}

static wasi_errno devfs_readlink(struct pa_file *dir, const char *path, char *out, size_t room,
                                 size_t *ret) {
    return refuse(dir, path, VTREE_READLINK);
}

static wasi_errno devfs_link(struct pa_file *from_dir, const char *from, bool follow,
                             struct pa_file *to_dir, const char *to) {
    return refuse(from_dir, from, VTREE_LINK);
}

static wasi_errno devfs_rename(struct pa_file *from_dir, const char *from, struct pa_file *to_dir,
                               const char *to) {
    return refuse(from_dir, from, VTREE_RENAME);
}

static void look_at_device(const struct vtree_node *leaf, struct pa_dirent *entry) {
    entry->type = WASI_FILETYPE_CHARACTER_DEVICE;
}

static wasi_errno devfs_readdir(struct pa_file *dir, uint64_t cookie, pa_dirent_fn *each,
                                void *context) {
    return vtree_readdir(dir, cookie, look_at_device, each, context);
}

static const struct pa_file_ops devfs_dir_ops = {
    .close = vtree_close,
    .stat = vtree_stat,
    .set_times = vtree_set_times,
    .set_fdflags = vtree_set_fdflags,
    .sync = vtree_sync,
    .readdir = devfs_readdir,
    .open = devfs_open,
    .path_stat = devfs_path_stat,
    .path_set_times = devfs_path_set_times,
    .mkdir = devfs_mkdir,
    .rmdir = devfs_rmdir,
    .unlink = devfs_unlink,
    .symlink = devfs_symlink,
    .readlink = devfs_readlink,
    .link = devfs_link,
    .rename = devfs_rename,
};

struct pa_devfs *pa_devfs_new(const struct pa_device *devices, size_t count) {
    static const char *const builtin_names[] = {"null", "zero", "full"};
    struct pa_devfs *fs = pa_xcalloc(1, sizeof *fs);
    vtree_init(&fs->tree, PA_DEV_DEVFS);
    for (size_t i = 0; i < PA_ARRAY_LEN(builtin_names); i++) {
        struct pa_device *device = &fs->builtins[i];
        *device = (struct pa_device){builtin_names[i], builtin_open, device};
        PA_ASSERT(vtree_add(&fs->tree, device->name, device) == WASI_ESUCCESS);
    }
    fs->devices = pa_xcalloc(PA_MAX(count, 1), sizeof *fs->devices);
    for (size_t i = 0; i < count; i++) {
        fs->devices[i] = devices[i];
        wasi_errno errnum = vtree_add(&fs->tree, devices[i].name, &fs->devices[i]);
        PA_ASSERT(errnum == WASI_ESUCCESS); /* a name twice, or a bad one, is the caller's bug */
    }
    return fs;
}

struct pa_devfs *pa_devfs_free(struct pa_devfs *fs) {
    if (!fs)
        return NULL;
    vtree_done(&fs->tree);
    free(fs->devices);
    free(fs);
    return NULL;
}

wasi_errno pa_devfs_open_root(struct pa_devfs *fs, struct pa_file **ret) {
    struct vtree_spot root = {.node = &fs->tree.root};
    return vtree_open(&fs->tree, &devfs_dir_ops, &root, &(struct pa_open){.read = true}, ret);
}
