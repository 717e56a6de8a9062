/*
 * Paths of the in-memory file system.
 *
 * walk() resolves a path from an open directory, which nothing may leave: `..` at that directory is
 * ENOTCAPABLE, as openat2(RESOLVE_BENEATH) makes it for host directories.  It stops at the last
 * component and says what is there; each operation then decides, in the order in which Linux does,
 * so that both file systems answer alike.
 *
 * A link that is followed replaces itself in the text: its target, then what came after it.  The
 * text is bounded, and so is the number of links, so loops end with ELOOP.
 */
#include "wasi/memfs.h"
#include "base/macros.h"

enum follow {
    FOLLOW_NEVER, /* the last component is looked at as it is: unlink, rename, ... */
    FOLLOW_SLASH, /* ... unless a slash follows it, which asks for the directory behind it */
    FOLLOW_ALWAYS,
};

struct walk {
    /* What was found */
    struct memfs_node *dir;    /* where the last component is looked up */
    struct memfs_entry *entry; /* NULL if there is none of that name */
    struct memfs_node *node;   /* what it names; for "." and ".." the directory */
    struct pa_component name;  /* a view into `text` */
    bool special;              /* the last component is "." or ".." */
    bool slash_link;           /* a last component was a link with a slash after it */
    /* How */
    const char *rest;
    unsigned links;
    char text[PA_PATH_MAX];
};

static wasi_errno expand_link(struct walk *walk, const struct memfs_node *link) {
    if (++walk->links > PA_LINKS_MAX)
        return WASI_ELOOP;
    PA_ASSERT(link->link.target[0] != '/'); /* memfs_symlink() made none */
    char text[PA_PATH_MAX];
    int size = snprintf(text, sizeof text, "%s%s%s", link->link.target, walk->name.slash ? "/" : "",
                        walk->rest);
    if (size < 0 || (size_t)size >= sizeof text)
        return WASI_ENAMETOOLONG;
    memcpy(walk->text, text, (size_t)size + 1);
    walk->rest = walk->text;
    return WASI_ESUCCESS;
}

static wasi_errno step_up(struct walk *walk, const struct memfs_node *start) {
    if (walk->node == start)
        return WASI_ENOTCAPABLE;
    walk->node = walk->node->dir.parent;
    return WASI_ESUCCESS;
}

static bool follows(const struct walk *walk, enum follow follow) {
    if (walk->node->type != WASI_FILETYPE_SYMBOLIC_LINK)
        return false;
    return !walk->name.last || follow == FOLLOW_ALWAYS ||
           (follow == FOLLOW_SLASH && walk->name.slash);
}

/* One component; walk->node is the directory reached so far, then what the component names. */
static wasi_errno step(struct walk *walk, const struct memfs_node *start, enum follow follow) {
    walk->special = true;
    if (pa_component_is(&walk->name, "."))
        return WASI_ESUCCESS;
    if (pa_component_is(&walk->name, ".."))
        return step_up(walk, start);
    walk->special = false;
    if (walk->name.size > PA_NAME_MAX)
        return WASI_ENAMETOOLONG;
    walk->dir = walk->node;
    walk->entry = memfs_find(walk->dir, walk->name.text, walk->name.size);
    walk->node = walk->entry ? walk->entry->node : NULL;
    if (!walk->node)
        return walk->name.last ? WASI_ESUCCESS : WASI_ENOENT;
    if (follows(walk, follow)) {
        const struct memfs_node *link = walk->node;
        walk->slash_link |= walk->name.last && walk->name.slash;
        walk->node = walk->dir;
        return expand_link(walk, link);
    }
    return walk->name.last || memfs_is_dir(walk->node) ? WASI_ESUCCESS : WASI_ENOTDIR;
}

static wasi_errno walk_path(struct pa_file *dir, const char *path, enum follow follow,
                            struct walk *walk) {
    size_t size = strlen(path);
    if (size >= sizeof walk->text)
        return WASI_ENAMETOOLONG;
    if (path[0] == '/')
        return WASI_ENOTCAPABLE;
    if (size == 0)
        return WASI_ENOENT;
    memcpy(walk->text, path, size + 1);
    walk->rest = walk->text;
    walk->links = 0;
    walk->slash_link = false;
    walk->entry = NULL;
    struct memfs_node *start = memfs_file_of(dir)->node;
    walk->node = walk->dir = start;
    while (pa_path_next(&walk->rest, &walk->name)) {
        wasi_errno errnum = step(walk, start, follow);
        if (errnum)
            return errnum;
    }
    return WASI_ESUCCESS;
}

/* walk_path() to something that exists, and is a directory if a slash follows. */
static wasi_errno walk_to_node(struct pa_file *dir, const char *path, bool follow,
                               struct walk *walk) {
    wasi_errno errnum = walk_path(dir, path, follow ? FOLLOW_ALWAYS : FOLLOW_SLASH, walk);
    if (errnum)
        return errnum;
    if (!walk->node)
        return WASI_ENOENT;
    return walk->name.slash && !memfs_is_dir(walk->node) ? WASI_ENOTDIR : WASI_ESUCCESS;
}

/* walk_path() to a name that is free; a trailing slash is for directories only. */
static wasi_errno walk_to_free_name(struct pa_file *dir, const char *path, bool for_directory,
                                    struct walk *walk) {
    wasi_errno errnum = walk_path(dir, path, FOLLOW_NEVER, walk);
    if (errnum)
        return errnum;
    if (walk->special || walk->node)
        return WASI_EEXIST;
    return walk->name.slash && !for_directory ? WASI_ENOENT : WASI_ESUCCESS;
}

static wasi_errno create(const struct walk *walk, struct memfs_node *node) {
    return memfs_enter(walk->dir, walk->name.text, walk->name.size, node, false);
}

static wasi_errno open_new(const struct walk *walk, const struct pa_open *how,
                           struct pa_file **ret) {
    if (!(how->oflags & WASI_O_CREAT))
        return WASI_ENOENT;
    if (walk->name.slash)
        return WASI_EISDIR;
    PA_CLEANUP(memfs_node_unrefp)
    struct memfs_node *node = memfs_node_new(walk->dir->fs, WASI_FILETYPE_REGULAR_FILE);
    struct pa_file *file;
    wasi_errno errnum = node ? memfs_open_node(node, how, &file) : WASI_ENOMEM;
    if (errnum)
        return errnum;
    errnum = create(walk, node);
    if (errnum)
        file->ops->close(file);
    else
        *ret = file;
    return errnum;
}

static wasi_errno open_existing(const struct walk *walk, const struct pa_open *how,
                                struct pa_file **ret) {
    struct memfs_node *node = walk->node;
    bool is_dir = memfs_is_dir(node);
    if (!is_dir && walk->name.slash)
        return WASI_ENOTDIR;
    if ((how->oflags & WASI_O_CREAT) && (how->oflags & WASI_O_EXCL))
        return WASI_EEXIST;
    if (node->type == WASI_FILETYPE_SYMBOLIC_LINK)
        return WASI_ELOOP;
    if (!is_dir && (how->oflags & WASI_O_DIRECTORY))
        return WASI_ENOTDIR;
    if (is_dir && (how->write || (how->oflags & (WASI_O_CREAT | WASI_O_TRUNC))))
        return WASI_EISDIR;
    struct pa_file *file;
    wasi_errno errnum = memfs_open_node(node, how, &file);
    if (errnum)
        return errnum;
    if (how->oflags & WASI_O_TRUNC)
        errnum = memfs_resize(node, 0); /* shrinking cannot fail */
    PA_ASSERT(!errnum);
    *ret = file;
    return WASI_ESUCCESS;
}

wasi_errno memfs_open(struct pa_file *dir, const char *path, const struct pa_open *how,
                      struct pa_file **ret) {
    bool creates = how->oflags & WASI_O_CREAT;
    if (creates && (how->oflags & WASI_O_DIRECTORY))
        return WASI_EINVAL;
    bool follow = how->follow && !(creates && (how->oflags & WASI_O_EXCL));
    struct walk walk;
    wasi_errno errnum = walk_path(dir, path, follow ? FOLLOW_ALWAYS : FOLLOW_SLASH, &walk);
    if (errnum == WASI_ENOENT && creates && walk.slash_link)
        return WASI_EISDIR; /* Linux refuses to create at the slash and never follows the link */
    if (errnum)
        return errnum;
    if (walk.node)
        return open_existing(&walk, how, ret);
    return walk.slash_link && creates ? WASI_EISDIR : open_new(&walk, how, ret);
}

wasi_errno memfs_path_stat(struct pa_file *dir, const char *path, bool follow,
                           struct pa_stat *ret) {
    struct walk walk;
    wasi_errno errnum = walk_to_node(dir, path, follow, &walk);
    if (!errnum)
        memfs_stat(walk.node, ret);
    return errnum;
}

wasi_errno memfs_path_set_times(struct pa_file *dir, const char *path, bool follow,
                                const struct pa_times *times) {
    struct walk walk;
    wasi_errno errnum = walk_to_node(dir, path, follow, &walk);
    if (!errnum)
        memfs_apply_times(walk.node, times);
    return errnum;
}

wasi_errno memfs_mkdir(struct pa_file *dir, const char *path) {
    struct walk walk;
    wasi_errno errnum = walk_to_free_name(dir, path, true, &walk);
    if (errnum)
        return errnum;
    PA_CLEANUP(memfs_node_unrefp)
    struct memfs_node *node = memfs_node_new(walk.dir->fs, WASI_FILETYPE_DIRECTORY);
    return node ? create(&walk, node) : WASI_ENOMEM;
}

wasi_errno memfs_rmdir(struct pa_file *dir, const char *path) {
    struct walk walk;
    wasi_errno errnum = walk_path(dir, path, FOLLOW_NEVER, &walk);
    if (errnum)
        return errnum;
    if (walk.special)
        return pa_component_is(&walk.name, ".") ? WASI_EINVAL : WASI_ENOTEMPTY;
    if (!walk.node)
        return WASI_ENOENT;
    if (!memfs_is_dir(walk.node))
        return WASI_ENOTDIR;
    if (walk.node->dir.live > 0)
        return WASI_ENOTEMPTY;
    memfs_remove(walk.dir, walk.entry);
    return WASI_ESUCCESS;
}

wasi_errno memfs_unlink(struct pa_file *dir, const char *path) {
    struct walk walk;
    wasi_errno errnum = walk_path(dir, path, FOLLOW_NEVER, &walk);
    if (errnum)
        return errnum;
    if (!walk.node)
        return WASI_ENOENT;
    if (walk.special || memfs_is_dir(walk.node))
        return WASI_EISDIR;
    if (walk.name.slash)
        return WASI_ENOTDIR;
    memfs_remove(walk.dir, walk.entry);
    return WASI_ESUCCESS;
}

/* Gives a new link its target, within the limit. */
static wasi_errno set_target(struct memfs_node *node, const char *target) {
    struct pa_world *world = node->fs->world;
    size_t size = strlen(target);
    if (world->files_bytes_used + size > world->files_bytes)
        return memfs_limit_hit(node->fs);
    node->link.target = strdup(target);
    if (!node->link.target)
        return WASI_ENOMEM;
    node->link.size = size;
    world->files_bytes_used += size;
    return WASI_ESUCCESS;
}

wasi_errno memfs_symlink(struct pa_file *dir, const char *target, const char *path) {
    if (target[0] == '/')
        return WASI_ENOTCAPABLE;
    if (target[0] == 0)
        return WASI_ENOENT;
    if (strlen(target) >= PA_PATH_MAX)
        return WASI_ENAMETOOLONG;
    struct walk walk;
    wasi_errno errnum = walk_to_free_name(dir, path, false, &walk);
    if (errnum)
        return errnum;
    PA_CLEANUP(memfs_node_unrefp)
    struct memfs_node *node = memfs_node_new(walk.dir->fs, WASI_FILETYPE_SYMBOLIC_LINK);
    errnum = node ? set_target(node, target) : WASI_ENOMEM;
    return errnum ? errnum : create(&walk, node);
}

wasi_errno memfs_readlink(struct pa_file *dir, const char *path, char *out, size_t room,
                          size_t *ret) {
    struct walk walk;
    wasi_errno errnum = walk_to_node(dir, path, false, &walk);
    if (errnum)
        return errnum;
    if (walk.node->type != WASI_FILETYPE_SYMBOLIC_LINK)
        return WASI_EINVAL;
    *ret = PA_MIN(room, walk.node->link.size);
    if (*ret > 0)
        memcpy(out, walk.node->link.target, *ret);
    return WASI_ESUCCESS;
}

wasi_errno memfs_link(struct pa_file *from_dir, const char *from, bool follow,
                      struct pa_file *to_dir, const char *to) {
    if (memfs_file_of(from_dir)->node->fs != memfs_file_of(to_dir)->node->fs)
        return WASI_EXDEV;
    struct walk source, target;
    wasi_errno errnum = walk_to_node(from_dir, from, follow, &source);
    if (!errnum)
        errnum = walk_to_free_name(to_dir, to, false, &target);
    if (errnum)
        return errnum;
    if (memfs_is_dir(source.node))
        return WASI_EPERM;
    errnum = create(&target, source.node);
    if (!errnum)
        source.node->ctim_ns = target.dir->ctim_ns;
    return errnum;
}

static bool is_within(const struct memfs_node *dir, const struct memfs_node *ancestor) {
    for (; dir != ancestor; dir = dir->dir.parent)
        if (dir->dir.parent == dir || dir->dir.removed)
            return false;
    return true;
}

static wasi_errno check_rename(const struct walk *from, const struct walk *to) {
    if (from->special || to->special)
        return WASI_EBUSY;
    if (!from->node)
        return WASI_ENOENT;
    bool is_dir = memfs_is_dir(from->node);
    if (!is_dir && (from->name.slash || to->name.slash))
        return WASI_ENOTDIR;
    if (is_dir && is_within(to->dir, from->node))
        return WASI_EINVAL;
    if (!to->node || to->node == from->node)
        return WASI_ESUCCESS;
    bool onto_dir = memfs_is_dir(to->node);
    if (onto_dir && is_within(from->dir, to->node))
        return WASI_ENOTEMPTY;
    if (is_dir && !onto_dir)
        return WASI_ENOTDIR;
    if (!is_dir && onto_dir)
        return WASI_EISDIR;
    return onto_dir && to->node->dir.live > 0 ? WASI_ENOTEMPTY : WASI_ESUCCESS;
}

wasi_errno memfs_rename(struct pa_file *from_dir, const char *from, struct pa_file *to_dir,
                        const char *to) {
    if (memfs_file_of(from_dir)->node->fs != memfs_file_of(to_dir)->node->fs)
        return WASI_EXDEV;
    struct walk source, target;
    wasi_errno errnum = walk_path(from_dir, from, FOLLOW_NEVER, &source);
    if (!errnum)
        errnum = walk_path(to_dir, to, FOLLOW_NEVER, &target);
    if (!errnum)
        errnum = check_rename(&source, &target);
    if (errnum || target.node == source.node) /* two names of one file: nothing happens */
        return errnum;
    if (target.entry)
        memfs_replace(target.dir, target.entry, source.node);
    else
        errnum = memfs_enter(target.dir, target.name.text, target.name.size, source.node, true);
    if (errnum)
        return errnum;
    struct memfs_node *moved = source.node;
    memfs_remove(source.dir, source.entry);
    /* memfs_remove() took the old parent's count; the directory hangs below the new one. */
    if (memfs_is_dir(moved))
        moved->dir.parent = target.dir;
    return WASI_ESUCCESS;
}
