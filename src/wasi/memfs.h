/*
 * The in-memory file system, inside: its tree (memfs.c), open files (memfs_file.c) and paths
 * (memfs_path.c), and what its host does with it (memfs_host.c).  Nothing else includes this.
 *
 *     node   a file, directory or symbolic link.  Alive while something refers to it: each
 * directory entry and each open file holds one reference.  A node refers to its fs, so handles may
 *            outlive pa_memfs_free().
 *     entry  a name in a directory.  It has an id that only grows, which is its readdir cookie.
 *
 *     directory   slots    | id 2 | id 3 | id 5 |          in order of insertion, so sorted by id;
 *                             |    (gone)   |              a removed entry leaves an empty slot
 *                             v             v              until half of them are empty
 *                 buckets  hash chains over the same entries, for lookups
 *
 * Accounting in struct pa_world: every entry is one of files_count; every byte of a file's size
 * (holes too) and of a link's target is one of files_bytes.  Both come back when they are gone,
 * a deleted file's bytes when its last handle closes.
 */
#ifndef PA_WASI_MEMFS_H
#define PA_WASI_MEMFS_H

#include "wasi/vfs_util.h"

struct memfs_node;

struct memfs_entry {
    uint64_t id;
    struct memfs_node *node;   /* a reference */
    struct memfs_entry *chain; /* next in its bucket */
    uint32_t hash;
    size_t name_size;
    char name[]; /* NUL-terminated */
};

struct memfs_slot {
    uint64_t id;
    struct memfs_entry *entry; /* NULL: removed */
};

struct memfs_dir {
    struct memfs_node *parent; /* not a reference; the root is its own */
    bool removed;              /* rmdir'ed while open: empty for ever */
    uint64_t subdirs;
    uint64_t next_id;
    struct memfs_slot *slots;
    size_t slot_count, slot_room;
    size_t live; /* slots in use */
    struct memfs_entry **buckets;
    size_t bucket_count; /* a power of two, or 0 */
};

struct memfs_data {
    uint8_t *bytes; /* bytes[0..size) is the content */
    size_t size, capacity;
};

struct memfs_node {
    struct pa_memfs *fs; /* a reference */
    uint64_t refs;
    uint64_t ino;
    enum wasi_filetype type;
    uint64_t links; /* entries naming it; for directories see memfs_stat() */
    uint64_t atim_ns, mtim_ns, ctim_ns;
    uint64_t changed; /* of a regular file: the generation of the fs in which it last did */
    union {
        struct memfs_data file;
        struct memfs_dir dir;
        struct {
            char *target;
            size_t size;
        } link;
    };
};

struct pa_memfs {
    uint64_t refs; /* the owner's and one a node */
    struct pa_world *world;
    uint64_t dev, last_ino;
    uint64_t generation, changed; /* now, and the last one in which a file changed: files.h */
    struct memfs_node *root;      /* a reference; NULL after pa_memfs_free() */
};

struct memfs_file {
    struct pa_file head;
    struct memfs_node *node; /* a reference */
    uint64_t offset;
};

static inline struct memfs_file *memfs_file_of(struct pa_file *file) {
    return (struct memfs_file *)file;
}

static inline bool memfs_is_dir(const struct memfs_node *node) {
    return node->type == WASI_FILETYPE_DIRECTORY;
}

/* memfs.c: nodes.  A new node has one reference, the caller's; NULL when out of memory. */
struct memfs_node *memfs_node_new(struct pa_memfs *fs, enum wasi_filetype type);
void memfs_node_unref(struct memfs_node *node);
void memfs_node_unrefp(struct memfs_node **node); /* for PA_CLEANUP; NULL is fine */
void memfs_stat(const struct memfs_node *node, struct pa_stat *ret);
void memfs_apply_times(struct memfs_node *node, const struct pa_times *times);
void memfs_touch(struct memfs_node *node);       /* contents changed: mtime and ctime */
void memfs_note_change(struct memfs_node *node); /* for files.h: contents, or a new name */
/* Removes every entry below `root`, deepest first, without recursion. */
void memfs_take_apart(struct memfs_node *root);
wasi_errno memfs_limit_hit(struct pa_memfs *fs); /* notes it, returns ENOSPC */

/* memfs.c: entries */
struct memfs_entry *memfs_find(const struct memfs_node *dir, const char *name, size_t size);
/* Adds a name for `node` (taking a reference of its own); the name is free.  ENOSPC at the limit
 * unless `over_limit`: a rename adds before it removes. */
wasi_errno memfs_enter(struct memfs_node *dir, const char *name, size_t size,
                       struct memfs_node *node, bool over_limit);
void memfs_remove(struct memfs_node *dir, struct memfs_entry *entry);
/* The entry names `node` (a new reference) from now on; the one before loses a name. */
void memfs_replace(struct memfs_node *dir, struct memfs_entry *entry, struct memfs_node *node);
/* The first slot whose id is at least `id`. */
size_t memfs_slot_from(const struct memfs_dir *dir, uint64_t id);

/* memfs_file.c */
wasi_errno memfs_open_node(struct memfs_node *node, const struct pa_open *how,
                           struct pa_file **ret);
wasi_errno memfs_resize(struct memfs_node *node, uint64_t size);

/* memfs_path.c: the directory half of the operation table, for memfs_file.c */
wasi_errno memfs_open(struct pa_file *dir, const char *path, const struct pa_open *how,
                      struct pa_file **ret);
wasi_errno memfs_path_stat(struct pa_file *dir, const char *path, bool follow, struct pa_stat *ret);
wasi_errno memfs_path_set_times(struct pa_file *dir, const char *path, bool follow,
                                const struct pa_times *times);
wasi_errno memfs_mkdir(struct pa_file *dir, const char *path);
wasi_errno memfs_rmdir(struct pa_file *dir, const char *path);
wasi_errno memfs_unlink(struct pa_file *dir, const char *path);
wasi_errno memfs_symlink(struct pa_file *dir, const char *target, const char *path);
wasi_errno memfs_readlink(struct pa_file *dir, const char *path, char *out, size_t room,
                          size_t *ret);
wasi_errno memfs_link(struct pa_file *from_dir, const char *from, bool follow,
                      struct pa_file *to_dir, const char *to);
wasi_errno memfs_rename(struct pa_file *from_dir, const char *from, struct pa_file *to_dir,
                        const char *to);

#endif
