/*
 * A directory tree that is fixed before the guest starts: what devfs.c and rootfs.c are made of.
 *
 * Inner nodes are directories; a leaf carries what its owner hangs there (a device, a mount).  The
 * guest can look at it and change nothing.  Open directories refer to the tree: close them before
 * vtree_done().
 */
#ifndef PA_WASI_VTREE_H
#define PA_WASI_VTREE_H

#include "wasi/vfs_util.h"

struct vtree_node {
    char *name;
    struct vtree_node *parent; /* the root's is itself */
    struct vtree_node **children;
    size_t child_count;
    uint64_t ino;
    void *leaf; /* not owned; NULL for a directory */
};

struct vtree {
    struct vtree_node root;
    uint64_t dev, last_ino;
};

/* An open directory of the tree. */
struct vtree_file {
    struct pa_file head;
    struct vtree *tree;
    struct vtree_node *node;
};

static inline struct vtree_file *vtree_file_of(struct pa_file *file) {
    return (struct vtree_file *)file;
}

void vtree_init(struct vtree *tree, uint64_t dev);
void vtree_done(struct vtree *tree);

/* Hangs `leaf` at the path, making directories on the way; EEXIST if one is there, EINVAL for a
 * path without a name or with "." or "..". */
wasi_errno vtree_add(struct vtree *tree, const char *path, void *leaf);
struct vtree_node *vtree_child(const struct vtree_node *node, const struct pa_component *name);

/* Where a path led. */
struct vtree_spot {
    struct vtree_node *node; /* NULL: the directory is there, the last name is not */
    const char *rest;        /* what follows a leaf, slashes included; else "" */
    bool slash;
    struct pa_component name; /* the last component that was taken */
};

/* Goes along `path` from `from` until its end or a leaf; `..` at `limit` is ENOTCAPABLE. */
wasi_errno vtree_walk(struct vtree_node *limit, struct vtree_node *from, const char *path,
                      struct vtree_spot *ret);

/* What a guest wants to do with a name here, for the reason why it may not. */
enum vtree_deed {
    VTREE_CREATE, /* mkdir, symlink, the new name of link and rename */
    VTREE_RMDIR,
    VTREE_UNLINK,
    VTREE_READLINK,
    VTREE_LINK,   /* the old name */
    VTREE_RENAME, /* the old name */
    VTREE_SET_TIMES,
};
wasi_errno vtree_refuse(const struct vtree_spot *spot, enum vtree_deed deed);

/* Opens a directory of the tree, or says why not: there is none, or the guest wants to write. */
wasi_errno vtree_open(struct vtree *tree, const struct pa_file_ops *ops,
                      const struct vtree_spot *spot, const struct pa_open *how,
                      struct pa_file **ret);
void vtree_stat_node(const struct vtree *tree, const struct vtree_node *node,
                     enum wasi_filetype type, struct pa_stat *ret);

/* Members of both operation tables. */
void vtree_close(struct pa_file *file);
wasi_errno vtree_stat(struct pa_file *file, struct pa_stat *ret);
wasi_errno vtree_set_times(struct pa_file *file, const struct pa_times *times);
wasi_errno vtree_set_fdflags(struct pa_file *file, uint32_t fdflags);
wasi_errno vtree_sync(struct pa_file *file, bool data_only);

/* Lists a directory; `look` fills in type and inode of a child that is a leaf. */
typedef void vtree_look_fn(const struct vtree_node *leaf, struct pa_dirent *entry);
wasi_errno vtree_readdir(struct pa_file *file, uint64_t cookie, vtree_look_fn *look,
                         pa_dirent_fn *each, void *context);

#endif
