/*
 * The tree of the in-memory file system: nodes, entries, accounting (the layout is in memfs.h).
 *
 * Why not a linked list a directory: a listing continues at a cookie after any number of entries
 * came and went.  Slots sorted by id find that place by bisection, and closing the gaps moves slots
 * but never changes an id, so cookies stay valid.
 *
 * A guest may nest directories as deep as its entries allow, far deeper than the stack: nothing
 * here recurses over the tree.  Only empty directories are ever removed by a guest, so dropping a
 * node frees at most itself; pa_memfs_free() takes the tree apart leaf by leaf, along parent
 * pointers.
 */
#include "wasi/memfs.h"
#include "base/macros.h"
#include "wasi/wasi.h"

static void fs_unref(struct pa_memfs *fs) {
    if (--fs->refs == 0)
        free(fs);
}

struct memfs_node *memfs_node_new(struct pa_memfs *fs, enum wasi_filetype type) {
    struct memfs_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    uint64_t now = fs->world->now_ns(fs->world->context);
    node->fs = fs;
    fs->refs++;
    node->refs = 1;
    node->ino = ++fs->last_ino;
    node->type = type;
    node->atim_ns = node->mtim_ns = node->ctim_ns = now;
    if (type == WASI_FILETYPE_DIRECTORY)
        node->dir.next_id = PA_COOKIE_FIRST;
    memfs_note_change(node);
    return node;
}

void memfs_node_unref(struct memfs_node *node) {
    PA_ASSERT(node->refs > 0);
    if (--node->refs > 0)
        return;
    struct pa_world *world = node->fs->world;
    switch (node->type) {
    case WASI_FILETYPE_REGULAR_FILE:
        world->files_bytes_used -= node->file.size;
        free(node->file.bytes);
        break;
    case WASI_FILETYPE_SYMBOLIC_LINK:
        world->files_bytes_used -= node->link.size;
        free(node->link.target);
        break;
    default:
        PA_ASSERT(node->dir.live == 0);
        free(node->dir.slots);
        free(node->dir.buckets);
        break;
    }
    fs_unref(node->fs);
    free(node);
}

void memfs_node_unrefp(struct memfs_node **node) {
    if (*node)
        memfs_node_unref(*node);
}

void memfs_stat(const struct memfs_node *node, struct pa_stat *ret) {
    struct pa_stat stat = {.dev = node->fs->dev,
                           .ino = node->ino,
                           .type = node->type,
                           .nlink = node->links,
                           .atim_ns = node->atim_ns,
                           .mtim_ns = node->mtim_ns,
                           .ctim_ns = node->ctim_ns};
    if (node->type == WASI_FILETYPE_REGULAR_FILE)
        stat.size = node->file.size;
    else if (node->type == WASI_FILETYPE_SYMBOLIC_LINK)
        stat.size = node->link.size;
    else
        stat.nlink = node->dir.removed ? 0 : 2 + node->dir.subdirs;
    *ret = stat;
}

void memfs_apply_times(struct memfs_node *node, const struct pa_times *times) {
    if (times->fst_flags & WASI_FST_ATIM)
        node->atim_ns = times->atim_ns;
    if (times->fst_flags & WASI_FST_ATIM_NOW)
        node->atim_ns = times->now_ns;
    if (times->fst_flags & WASI_FST_MTIM)
        node->mtim_ns = times->mtim_ns;
    if (times->fst_flags & WASI_FST_MTIM_NOW)
        node->mtim_ns = times->now_ns;
    node->ctim_ns = times->now_ns;
}

void memfs_note_change(struct memfs_node *node) {
    if (node->type == WASI_FILETYPE_REGULAR_FILE)
        node->changed = node->fs->changed = node->fs->generation;
}

void memfs_touch(struct memfs_node *node) {
    struct pa_world *world = node->fs->world;
    memfs_note_change(node);
    node->mtim_ns = node->ctim_ns = world->now_ns(world->context);
}

wasi_errno memfs_limit_hit(struct pa_memfs *fs) {
    fs->world->files_limit_hit = true;
    return WASI_ENOSPC;
}

/* FNV-1a.  A guest that makes names collide slows down only itself. */
static uint32_t hash_name(const char *name, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return hash;
}

struct memfs_entry *memfs_find(const struct memfs_node *dir, const char *name, size_t size) {
    if (dir->dir.bucket_count == 0)
        return NULL;
    uint32_t hash = hash_name(name, size);
    struct memfs_entry *entry = dir->dir.buckets[hash & (dir->dir.bucket_count - 1)];
    while (entry && (entry->hash != hash || entry->name_size != size ||
                     memcmp(entry->name, name, size) != 0))
        entry = entry->chain;
    return entry;
}

size_t memfs_slot_from(const struct memfs_dir *dir, uint64_t id) {
    size_t low = 0, high = dir->slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dir->slots[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void close_gaps(struct memfs_dir *dir) {
    size_t kept = 0;
    for (size_t i = 0; i < dir->slot_count; i++)
        if (dir->slots[i].entry)
            dir->slots[kept++] = dir->slots[i];
    dir->slot_count = kept;
}

static bool reserve_slot(struct memfs_dir *dir) {
    if (dir->slot_count < dir->slot_room)
        return true;
    size_t room = dir->slot_room ? dir->slot_room * 2 : 8;
    struct memfs_slot *slots = reallocarray(dir->slots, room, sizeof *slots);
    if (!slots)
        return false;
    dir->slots = slots;
    dir->slot_room = room;
    return true;
}

/* Keeps at least as many buckets as entries. */
static bool reserve_bucket(struct memfs_dir *dir) {
    if (dir->live < dir->bucket_count)
        return true;
    size_t count = dir->bucket_count ? dir->bucket_count * 2 : 8;
    struct memfs_entry **buckets = calloc(count, sizeof(struct memfs_entry *));
    if (!buckets)
        return false;
    for (size_t i = 0; i < dir->slot_count; i++) {
        struct memfs_entry *entry = dir->slots[i].entry;
        if (!entry)
            continue;
        entry->chain = buckets[entry->hash & (count - 1)];
        buckets[entry->hash & (count - 1)] = entry;
    }
    free(dir->buckets);
    dir->buckets = buckets;
    dir->bucket_count = count;
    return true;
}

/* `node` gained a name in `dir`; the caller gives the entry's reference. */
static void named(struct memfs_node *dir, struct memfs_node *node) {
    node->links++;
    memfs_note_change(node);
    if (memfs_is_dir(node)) {
        node->dir.parent = dir;
        dir->dir.subdirs++;
    }
}

/* `node` lost a name in `dir`, and the entry its reference. */
static void unnamed(struct memfs_node *dir, struct memfs_node *node) {
    struct pa_world *world = node->fs->world;
    node->links--;
    node->ctim_ns = world->now_ns(world->context);
    if (memfs_is_dir(node)) {
        dir->dir.subdirs--;
        node->dir.removed = node->links == 0;
    }
    memfs_node_unref(node);
}

wasi_errno memfs_enter(struct memfs_node *dir, const char *name, size_t size,
                       struct memfs_node *node, bool over_limit) {
    struct pa_world *world = dir->fs->world;
    if (dir->dir.removed)
        return WASI_ENOENT;
    if (!over_limit && world->files_count_used >= world->files_count)
        return memfs_limit_hit(dir->fs);
    struct memfs_entry *entry = calloc(1, sizeof *entry + size + 1);
    if (!entry || !reserve_slot(&dir->dir) || !reserve_bucket(&dir->dir)) {
        free(entry);
        return WASI_ENOMEM;
    }
    entry->id = dir->dir.next_id++;
    entry->hash = hash_name(name, size);
    entry->name_size = size;
    memcpy(entry->name, name, size);
    entry->node = node;
    node->refs++;
    dir->dir.slots[dir->dir.slot_count++] = (struct memfs_slot){entry->id, entry};
    struct memfs_entry **bucket = &dir->dir.buckets[entry->hash & (dir->dir.bucket_count - 1)];
    entry->chain = *bucket;
    *bucket = entry;
    dir->dir.live++;
    world->files_count_used++;
    named(dir, node);
    memfs_touch(dir);
    return WASI_ESUCCESS;
}

void memfs_remove(struct memfs_node *dir, struct memfs_entry *entry) {
    struct memfs_dir *d = &dir->dir;
    struct memfs_entry **link = &d->buckets[entry->hash & (d->bucket_count - 1)];
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    size_t slot = memfs_slot_from(d, entry->id);
    PA_ASSERT(d->slots[slot].entry == entry);
    d->slots[slot].entry = NULL;
    d->live--;
    /* The last slots are dropped at once, so that emptying a directory from its end is cheap. */
    while (d->slot_count > 0 && !d->slots[d->slot_count - 1].entry)
        d->slot_count--;
    if (d->slot_count > 8 && d->live < d->slot_count / 2)
        close_gaps(d);
    dir->fs->world->files_count_used--;
    unnamed(dir, entry->node);
    free(entry);
    memfs_touch(dir);
}

void memfs_replace(struct memfs_node *dir, struct memfs_entry *entry, struct memfs_node *node) {
    struct memfs_node *before = entry->node;
    node->refs++;
    entry->node = node;
    named(dir, node);
    unnamed(dir, before);
    memfs_touch(dir);
}

struct pa_memfs *pa_memfs_new(struct pa_world *world) {
    struct pa_memfs *fs = pa_xcalloc(1, sizeof *fs);
    fs->refs = 1;
    fs->world = world;
    fs->dev = pa_world_next_dev(world);
    fs->root = memfs_node_new(fs, WASI_FILETYPE_DIRECTORY);
    PA_ASSERT(fs->root);
    fs->root->dir.parent = fs->root;
    return fs;
}

void memfs_take_apart(struct memfs_node *root) {
    struct memfs_node *dir = root;
    for (;;) {
        if (dir->dir.live == 0) {
            if (dir == root)
                return;
            /* Empty now: the parent's last entry is the one that led here. */
            dir = dir->dir.parent;
            memfs_remove(dir, dir->dir.slots[dir->dir.slot_count - 1].entry);
            continue;
        }
        struct memfs_entry *last = dir->dir.slots[dir->dir.slot_count - 1].entry;
        if (memfs_is_dir(last->node) && last->node->dir.live > 0)
            dir = last->node;
        else
            memfs_remove(dir, last);
    }
}

struct pa_memfs *pa_memfs_free(struct pa_memfs *fs) {
    if (!fs)
        return NULL;
    struct memfs_node *root = pa_steal(&fs->root);
    memfs_take_apart(root);
    root->dir.removed = true;
    memfs_node_unref(root);
    fs_unref(fs);
    return NULL;
}

wasi_errno pa_memfs_open_root(struct pa_memfs *fs, struct pa_file **ret) {
    return memfs_open_node(fs->root, &(struct pa_open){.read = true}, ret);
}
