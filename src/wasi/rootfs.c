/*
 * The virtual root: a fixed tree (vtree.h) whose leaves are mounts.
 *
 * resolve() goes along the virtual directories; at a mount, the rest of the path is that mount's
 * business and is passed to its root directory as it stands.  Only when the rest climbs out of the
 * mount again ("tmp/a/../../data/x") is it looked at: what precedes the ".." that leaves must be
 * real directories of the mount, not links, for then leaving is what the text says it is; links
 * there are ENOTCAPABLE.  Such a path is judged component by component, but nothing is opened on
 * the strength of it: the walk only goes on in the virtual tree.
 *
 * A mount may have mounts below it.  They are found by path, and hide what the upper mount has
 * under that name; the upper mount's listing does not show them.
 */
#include "base/macros.h"
#include "wasi/vtree.h"

struct pa_rootfs {
    struct vtree tree;
};

/* Where a path led: into a mount, or to a place of the virtual tree. */
struct target {
    struct pa_file *mount; /* NULL: `spot` it is */
    const char *rest;      /* the path inside the mount; "." for its root */
    bool mount_point;      /* the path ended at the mount itself */
    struct vtree_spot spot;
};

/* The size of what precedes the ".." that leaves the mount, and what follows it; NULL if none does.
 */
static const char *find_exit(const char *rest, size_t *ret_size) {
    struct pa_component name;
    const char *at = rest;
    size_t depth = 0;
    while (pa_path_next(&at, &name)) {
        if (pa_component_is(&name, "."))
            continue;
        if (!pa_component_is(&name, "..")) {
            depth++;
        } else if (depth-- == 0) {
            *ret_size = (size_t)(name.text - rest);
            return at;
        }
    }
    return NULL;
}

/* Each name in text[0..size) is a directory of the mount, and no link. */
static wasi_errno check_plain(struct pa_file *mount, const char *text, size_t size) {
    char prefix[PA_PATH_MAX];
    struct pa_component name;
    if (size >= sizeof prefix)
        return WASI_ENAMETOOLONG;
    for (const char *at = text; pa_path_next(&at, &name) && name.text < text + size;) {
        /* What find_exit() passed never starts above the mount; leading slashes are the guest's. */
        const char *start = text + strspn(text, "/");
        size_t part = (size_t)(name.text + name.size - start);
        memcpy(prefix, start, part);
        prefix[part] = 0;
        struct pa_stat stat;
        wasi_errno errnum = mount->ops->path_stat(mount, prefix, false, &stat);
        if (errnum)
            return errnum;
        if (stat.type == WASI_FILETYPE_SYMBOLIC_LINK)
            return WASI_ENOTCAPABLE;
        if (stat.type != WASI_FILETYPE_DIRECTORY)
            return WASI_ENOTDIR;
    }
    return WASI_ESUCCESS;
}

/* A mount below this one that the rest leads to, or NULL. */
static struct vtree_node *nested(const struct vtree_spot *spot, const char **rest) {
    struct pa_component name;
    const char *at = spot->rest;
    do {
        if (!pa_path_next(&at, &name))
            return NULL;
    } while (pa_component_is(&name, "."));
    *rest = at;
    return vtree_child(spot->node, &name);
}

static wasi_errno resolve(struct pa_file *dir, const char *path, struct target *ret) {
    struct vtree_node *start = vtree_file_of(dir)->node, *from = start;
    struct target target = {0};
    for (;;) {
        wasi_errno errnum = vtree_walk(start, from, path, &target.spot);
        if (errnum)
            return errnum;
        struct vtree_spot *spot = &target.spot;
        if (!spot->node || !spot->node->leaf)
            break;
        struct vtree_node *below = nested(spot, &path);
        if (below) {
            from = below;
            continue;
        }
        size_t size;
        const char *after = find_exit(spot->rest, &size);
        if (!after) {
            const char *inside = spot->rest + strspn(spot->rest, "/");
            target.mount = spot->node->leaf;
            target.mount_point = *inside == 0;
            target.rest = target.mount_point ? "." : inside;
            break;
        }
        errnum = check_plain(spot->node->leaf, spot->rest, size);
        if (errnum)
            return errnum;
        from = spot->node->parent;
        path = after;
    }
    *ret = target;
    return WASI_ESUCCESS;
}

static const struct pa_file_ops rootfs_ops;

static wasi_errno rootfs_open(struct pa_file *dir, const char *path, const struct pa_open *how,
                              struct pa_file **ret) {
    struct target target;
    wasi_errno errnum = resolve(dir, path, &target);
    if (errnum)
        return errnum;
    if (target.mount)
        return target.mount->ops->open(target.mount, target.rest, how, ret);
    return vtree_open(vtree_file_of(dir)->tree, &rootfs_ops, &target.spot, how, ret);
}

static wasi_errno rootfs_path_stat(struct pa_file *dir, const char *path, bool follow,
                                   struct pa_stat *ret) {
    struct target target;
    wasi_errno errnum = resolve(dir, path, &target);
    if (errnum)
        return errnum;
    if (target.mount)
        return target.mount->ops->path_stat(target.mount, target.rest, follow, ret);
    if (!target.spot.node)
        return WASI_ENOENT;
    vtree_stat_node(vtree_file_of(dir)->tree, target.spot.node, WASI_FILETYPE_DIRECTORY, ret);
    return WASI_ESUCCESS;
}

static wasi_errno rootfs_path_set_times(struct pa_file *dir, const char *path, bool follow,
                                        const struct pa_times *times) {
    struct target target;
    wasi_errno errnum = resolve(dir, path, &target);
    if (errnum)
        return errnum;
    if (target.mount)
        return target.mount->ops->path_set_times(target.mount, target.rest, follow, times);
    return vtree_refuse(&target.spot, VTREE_SET_TIMES);
}

static wasi_errno rootfs_readlink(struct pa_file *dir, const char *path, char *out, size_t room,
                                  size_t *ret) {
    struct target target;
    wasi_errno errnum = resolve(dir, path, &target);
    if (errnum)
        return errnum;
    if (target.mount)
        return target.mount->ops->readlink(target.mount, target.rest, out, room, ret);
    return vtree_refuse(&target.spot, VTREE_READLINK);
}

/* resolve() for what changes a name: only names inside a mount can be; `at_mount` is the answer for
 * a mount point. */
static wasi_errno resolve_to_change(struct pa_file *dir, const char *path, enum vtree_deed deed,
                                    wasi_errno at_mount, struct target *ret) {
    wasi_errno errnum = resolve(dir, path, ret);
    if (errnum)
        return errnum;
    if (!ret->mount)
        return vtree_refuse(&ret->spot, deed);
    return ret->mount_point ? at_mount : WASI_ESUCCESS;
}

static wasi_errno rootfs_mkdir(struct pa_file *dir, const char *path) {
    struct target target;
    wasi_errno errnum = resolve_to_change(dir, path, VTREE_CREATE, WASI_EEXIST, &target);
    return errnum ? errnum : target.mount->ops->mkdir(target.mount, target.rest);
}

static wasi_errno rootfs_rmdir(struct pa_file *dir, const char *path) {
    struct target target;
    wasi_errno errnum = resolve_to_change(dir, path, VTREE_RMDIR, WASI_EBUSY, &target);
    return errnum ? errnum : target.mount->ops->rmdir(target.mount, target.rest);
}

static wasi_errno rootfs_unlink(struct pa_file *dir, const char *path) {
    struct target target;
    wasi_errno errnum = resolve_to_change(dir, path, VTREE_UNLINK, WASI_EISDIR, &target);
    return errnum ? errnum : target.mount->ops->unlink(target.mount, target.rest);
}

static wasi_errno rootfs_symlink(struct pa_file *dir, const char *text, const char *path) {
    struct target target;
    wasi_errno errnum = resolve_to_change(dir, path, VTREE_CREATE, WASI_EEXIST, &target);
    return errnum ? errnum : target.mount->ops->symlink(target.mount, text, target.rest);
}

static wasi_errno rootfs_link(struct pa_file *from_dir, const char *from, bool follow,
                              struct pa_file *to_dir, const char *to) {
    struct target source, target;
    wasi_errno errnum = resolve_to_change(from_dir, from, VTREE_LINK, WASI_EPERM, &source);
    if (!errnum)
        errnum = resolve_to_change(to_dir, to, VTREE_CREATE, WASI_EEXIST, &target);
    if (errnum)
        return errnum;
    if (source.mount != target.mount)
        return WASI_EXDEV;
    return source.mount->ops->link(source.mount, source.rest, follow, target.mount, target.rest);
}

static wasi_errno rootfs_rename(struct pa_file *from_dir, const char *from, struct pa_file *to_dir,
                                const char *to) {
    struct target source, target;
    wasi_errno errnum = resolve_to_change(from_dir, from, VTREE_RENAME, WASI_EBUSY, &source);
    if (!errnum)
        errnum = resolve_to_change(to_dir, to, VTREE_CREATE, WASI_EBUSY, &target);
    if (errnum)
        return errnum;
    if (source.mount != target.mount)
        return WASI_EXDEV;
    return source.mount->ops->rename(source.mount, source.rest, target.mount, target.rest);
}

/* A mount's entry has the inode number that stat gives for it. */
static void look_at_mount(const struct vtree_node *leaf, struct pa_dirent *entry) {
    struct pa_file *mount = leaf->leaf;
    struct pa_stat stat;
    if (mount->ops->stat(mount, &stat) == WASI_ESUCCESS)
        entry->ino = stat.ino;
}

static wasi_errno rootfs_readdir(struct pa_file *dir, uint64_t cookie, pa_dirent_fn *each,
                                 void *context) {
    return vtree_readdir(dir, cookie, look_at_mount, each, context);
}

static const struct pa_file_ops rootfs_ops = {
    .close = vtree_close,
    .stat = vtree_stat,
    .set_times = vtree_set_times,
    .set_fdflags = vtree_set_fdflags,
    .sync = vtree_sync,
    .readdir = rootfs_readdir,
    .open = rootfs_open,
    .path_stat = rootfs_path_stat,
    .path_set_times = rootfs_path_set_times,
    .mkdir = rootfs_mkdir,
    .rmdir = rootfs_rmdir,
    .unlink = rootfs_unlink,
    .symlink = rootfs_symlink,
    .readlink = rootfs_readlink,
    .link = rootfs_link,
    .rename = rootfs_rename,
};

struct pa_rootfs *pa_rootfs_new(struct pa_world *world) {
    struct pa_rootfs *fs = pa_xcalloc(1, sizeof *fs);
    vtree_init(&fs->tree, PA_DEV_ROOTFS);
    return fs;
}

struct pa_rootfs *pa_rootfs_free(struct pa_rootfs *fs) {
    if (!fs)
        return NULL;
    vtree_done(&fs->tree);
    free(fs);
    return NULL;
}

wasi_errno pa_rootfs_mount(struct pa_rootfs *fs, const char *guest, struct pa_file *root) {
    return vtree_add(&fs->tree, guest, root);
}

wasi_errno pa_rootfs_open_root(struct pa_rootfs *fs, struct pa_file **ret) {
    struct vtree_spot root = {.node = &fs->tree.root};
    return vtree_open(&fs->tree, &rootfs_ops, &root, &(struct pa_open){.read = true}, ret);
}
