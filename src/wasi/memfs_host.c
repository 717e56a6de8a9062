/*
 * The in-memory file system from its host's side; see files.h.
 *
 * Paths go through the same operations as a guest's (memfs_path.c), so there is one walk and one
 * set of rules.  What is added here is the host's comfort: folders that are made on the way, whole
 * trees that are removed, and errors with words.
 *
 * Which files have changed: a generation number that only grows.  A file that is made, written or
 * named takes on the current one (memfs_note_change), and so does the file system, so that a run
 * that wrote nothing is not looked through.
 */
#include "wasi/files.h"

#include "base/macros.h"
#include "wasi/memfs.h"
#include <inttypes.h>

/* Says in the host's terms why something could not be done. */
static int failed(struct pa_memfs *fs, const char *path, wasi_errno errnum, struct pa_error *err) {
    const struct pa_world *world = fs->world;
    switch (errnum) {
    case WASI_ENOSPC:
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED,
                       "%s does not fit: files_bytes is %" PRIu64 " (%" PRIu64
                       " used), files_count is %" PRIu64 " (%" PRIu64 " used); raise the limit",
                       path, world->files_bytes, world->files_bytes_used, world->files_count,
                       world->files_count_used);
    case WASI_ENOMEM:
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "%s: out of memory", path);
    case WASI_ENOENT:
        return pa_fail(err, PA_ERR_NOT_FOUND, "%s: there is no such file or folder", path);
    case WASI_EEXIST:
        return pa_fail(err, PA_ERR_ALREADY_EXISTS, "%s is there already", path);
    case WASI_ENOTEMPTY:
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "%s is not empty; remove it with what is in it", path);
    case WASI_EISDIR:
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is a folder", path);
    case WASI_ENOTDIR:
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s: a part of it is a file, not a folder",
                       path);
    default:
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "%s is not a path here (WASI errno %u): use plain names, of at most %d "
                       "bytes each",
                       path, errnum, PA_NAME_MAX);
    }
}

/* A handle on the root and the path below it, which is "." for the root itself. */
struct spot {
    struct pa_file *root;
    const char *path;
};

static void leave(struct spot *spot) {
    if (spot->root)
        spot->root->ops->close(spot->root);
}

static int enter(struct pa_memfs *fs, const char *path, struct spot *ret, struct pa_error *err) {
    *ret = (struct spot){.path = path + strspn(path, "/")};
    if (*ret->path == 0)
        ret->path = ".";
    if (strlen(ret->path) >= PA_PATH_MAX)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "a path is longer than %d bytes",
                       PA_PATH_MAX - 1);
    wasi_errno errnum = pa_memfs_open_root(fs, &ret->root);
    if (errnum)
        ret->root = NULL;
    return errnum ? failed(fs, path, errnum, err) : 0;
}

static void fill_info(const struct pa_stat *stat, struct pa_file_info *ret) {
    *ret = (struct pa_file_info){.directory = stat->type == WASI_FILETYPE_DIRECTORY,
                                 .size = stat->type == WASI_FILETYPE_DIRECTORY ? 0 : stat->size,
                                 .modified_ns = stat->mtim_ns};
}

static wasi_errno make_parents(struct pa_file *root, const char *path) {
    char prefix[PA_PATH_MAX];
    const char *rest = path;
    struct pa_component part;
    while (pa_path_next(&rest, &part) && !part.last) {
        size_t size = (size_t)(part.text + part.size - path);
        memcpy(prefix, path, size);
        prefix[size] = 0;
        wasi_errno errnum = root->ops->mkdir(root, prefix);
        if (errnum && errnum != WASI_EEXIST)
            return errnum;
    }
    return WASI_ESUCCESS;
}

int pa_files_stat(struct pa_memfs *fs, const char *path, struct pa_file_info *ret,
                  struct pa_error *err) {
    PA_CLEANUP(leave) struct spot spot;
    struct pa_stat stat;
    if (enter(fs, path, &spot, err) < 0)
        return -1;
    wasi_errno errnum = spot.root->ops->path_stat(spot.root, spot.path, true, &stat);
    if (errnum)
        return failed(fs, path, errnum, err);
    fill_info(&stat, ret);
    return 0;
}

int pa_files_read(struct pa_memfs *fs, const char *path, uint64_t offset, uint64_t size,
                  const uint8_t **ret, size_t *ret_size, struct pa_file_info *ret_info,
                  struct pa_error *err) {
    PA_CLEANUP(leave) struct spot spot;
    const struct pa_open how = {.follow = true, .read = true};
    struct pa_file *file;
    if (enter(fs, path, &spot, err) < 0)
        return -1;
    wasi_errno errnum = spot.root->ops->open(spot.root, spot.path, &how, &file);
    if (errnum)
        return failed(fs, path, errnum, err);
    struct pa_stat stat;
    const struct memfs_node *node = memfs_file_of(file)->node;
    bool regular = node->type == WASI_FILETYPE_REGULAR_FILE;
    if (regular) {
        memfs_stat(node, &stat);
        fill_info(&stat, ret_info);
        uint64_t at = PA_MIN(offset, (uint64_t)node->file.size);
        *ret_size = (size_t)PA_MIN(size, node->file.size - at);
        *ret = node->file.bytes ? node->file.bytes + at : (const uint8_t *)"";
    }
    file->ops->close(file); /* the name holds the node, whose bytes stay */
    return regular ? 0 : failed(fs, path, WASI_EISDIR, err);
}

static wasi_errno write_at(struct pa_file *file, uint64_t offset, const void *bytes, size_t size) {
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    size_t written = 0;
    if (size == 0)
        return WASI_ESUCCESS;
    wasi_errno errnum = file->ops->write(file, &iov, 1, offset, &written);
    return !errnum && written < size ? WASI_ENOSPC : errnum;
}

int pa_files_write(struct pa_memfs *fs, const char *path, uint64_t offset, bool truncate,
                   const void *bytes, size_t size, struct pa_error *err) {
    PA_CLEANUP(leave) struct spot spot;
    const struct pa_open how = {
        .oflags = WASI_O_CREAT | (truncate ? WASI_O_TRUNC : 0), .follow = true, .write = true};
    struct pa_file *file;
    if (enter(fs, path, &spot, err) < 0)
        return -1;
    wasi_errno errnum = make_parents(spot.root, spot.path);
    if (!errnum)
        errnum = spot.root->ops->open(spot.root, spot.path, &how, &file);
    if (!errnum) {
        errnum = write_at(file, offset, bytes, size);
        file->ops->close(file);
    }
    return errnum ? failed(fs, path, errnum, err) : 0;
}

int pa_files_mkdir(struct pa_memfs *fs, const char *path, struct pa_error *err) {
    PA_CLEANUP(leave) struct spot spot;
    struct pa_stat stat;
    if (enter(fs, path, &spot, err) < 0)
        return -1;
    wasi_errno errnum = make_parents(spot.root, spot.path);
    if (!errnum)
        errnum = spot.root->ops->mkdir(spot.root, spot.path);
    if (errnum == WASI_EEXIST &&
        spot.root->ops->path_stat(spot.root, spot.path, true, &stat) == WASI_ESUCCESS &&
        stat.type == WASI_FILETYPE_DIRECTORY)
        return 0;
    return errnum ? failed(fs, path, errnum, err) : 0;
}

int pa_files_rename(struct pa_memfs *fs, const char *from, const char *to, struct pa_error *err) {
    PA_CLEANUP(leave) struct spot source;
    if (enter(fs, from, &source, err) < 0)
        return -1;
    PA_CLEANUP(leave) struct spot target;
    struct pa_stat stat;
    if (enter(fs, to, &target, err) < 0)
        return -1;
    wasi_errno errnum = source.root->ops->path_stat(source.root, source.path, false, &stat);
    if (errnum)
        return failed(fs, from, errnum, err);
    errnum = make_parents(target.root, target.path);
    if (!errnum)
        errnum = source.root->ops->rename(source.root, source.path, target.root, target.path);
    return errnum ? failed(fs, to, errnum, err) : 0;
}

/* What is in a folder; the folder itself stays. */
static wasi_errno empty(struct pa_file *root, const char *path) {
    const struct pa_open how = {.oflags = WASI_O_DIRECTORY, .read = true};
    struct pa_file *dir;
    wasi_errno errnum = root->ops->open(root, path, &how, &dir);
    if (errnum)
        return errnum;
    memfs_take_apart(memfs_file_of(dir)->node);
    dir->ops->close(dir);
    return WASI_ESUCCESS;
}

int pa_files_remove(struct pa_memfs *fs, const char *path, bool recursive, struct pa_error *err) {
    PA_CLEANUP(leave) struct spot spot;
    struct pa_stat stat;
    if (enter(fs, path, &spot, err) < 0)
        return -1;
    wasi_errno errnum = spot.root->ops->path_stat(spot.root, spot.path, false, &stat);
    if (!errnum && stat.type != WASI_FILETYPE_DIRECTORY) {
        errnum = spot.root->ops->unlink(spot.root, spot.path);
    } else if (!errnum) {
        if (recursive)
            errnum = empty(spot.root, spot.path);
        if (!errnum)
            errnum = spot.root->ops->rmdir(spot.root, spot.path);
    }
    return errnum ? failed(fs, path, errnum, err) : 0;
}

/* --- listing ---------------------------------------------------------------------------------- */

struct listing {
    struct pa_file *dir;
    pa_files_entry_fn *each;
    void *context;
};

static bool is_dot(const struct pa_dirent *entry) {
    return entry->name[0] == '.' &&
           (entry->name_size == 1 || (entry->name_size == 2 && entry->name[1] == '.'));
}

static bool list_entry(void *context, const struct pa_dirent *entry) {
    struct listing *listing = context;
    const struct memfs_node *dir = memfs_file_of(listing->dir)->node;
    if (is_dot(entry))
        return true;
    const struct memfs_entry *found = memfs_find(dir, entry->name, entry->name_size);
    struct pa_stat stat;
    struct pa_file_info info;
    PA_ASSERT(found);
    memfs_stat(found->node, &stat);
    fill_info(&stat, &info);
    return listing->each(listing->context, entry->name, entry->name_size, &info, entry->next);
}

int pa_files_list(struct pa_memfs *fs, const char *path, uint64_t cookie, pa_files_entry_fn *each,
                  void *context, struct pa_error *err) {
    PA_CLEANUP(leave) struct spot spot;
    const struct pa_open how = {.oflags = WASI_O_DIRECTORY, .follow = true, .read = true};
    struct listing listing = {.each = each, .context = context};
    if (enter(fs, path, &spot, err) < 0)
        return -1;
    wasi_errno errnum = spot.root->ops->open(spot.root, spot.path, &how, &listing.dir);
    if (!errnum) {
        errnum = listing.dir->ops->readdir(listing.dir, cookie, list_entry, &listing);
        listing.dir->ops->close(listing.dir);
    }
    return errnum ? failed(fs, path, errnum, err) : 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

void pa_files_begin(struct pa_memfs *fs) {
    fs->generation++;
}

/* A walk through the tree, without recursion: for each folder on the way, where it goes on and
 * where its path ends.  A level takes two bytes of a path at least. */
struct level {
    const struct memfs_dir *dir;
    size_t slot, path_size;
};

struct changes {
    struct level levels[PA_PATH_MAX / 2];
    size_t depth; /* levels in use */
    char path[PA_PATH_MAX];
};

/* The entry's path; false where it is too long to be one. */
static bool set_path(struct changes *walk, const struct memfs_entry *entry, size_t *ret_size) {
    size_t at = walk->levels[walk->depth - 1].path_size;
    size_t between = at > 0;
    if (at + between + entry->name_size >= sizeof(walk->path))
        return false;
    if (between)
        walk->path[at] = '/';
    memcpy(walk->path + at + between, entry->name, entry->name_size + 1);
    *ret_size = at + between + entry->name_size;
    return true;
}

static bool visit(struct changes *walk, const struct pa_memfs *fs, const struct memfs_entry *entry,
                  pa_files_changed_fn *each, void *context) {
    const struct memfs_node *node = entry->node;
    size_t size;
    bool changed = node->type == WASI_FILETYPE_REGULAR_FILE && node->changed == fs->generation;
    if ((!memfs_is_dir(node) && !changed) || !set_path(walk, entry, &size))
        return true;
    if (changed)
        return each(context, walk->path, node->file.bytes ? node->file.bytes : (const uint8_t *)"",
                    node->file.size);
    if (walk->depth < PA_ARRAY_LEN(walk->levels))
        walk->levels[walk->depth++] = (struct level){.dir = &node->dir, .path_size = size};
    return true;
}

void pa_files_changed(struct pa_memfs *fs, pa_files_changed_fn *each, void *context) {
    if (fs->changed != fs->generation)
        return;
    PA_CLEANUP(pa_freep) struct changes *walk = malloc(sizeof(*walk));
    if (!walk)
        return; /* the guest used up the process's memory: its files are not told of */
    walk->levels[0] = (struct level){.dir = &fs->root->dir};
    walk->depth = 1;
    while (walk->depth) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->slot == level->dir->slot_count) {
            walk->depth--;
            continue;
        }
        const struct memfs_entry *entry = level->dir->slots[level->slot++].entry;
        if (entry && !visit(walk, fs, entry, each, context))
            return;
    }
}
