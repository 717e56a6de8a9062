/*
 * An array that doubles.  `lowest_free` is a hint that makes the search for a free slot short: it
 * only moves down when something is closed.
 */
#include "wasi/fdtable.h"
#include "base/macros.h"

static void release(struct wasi_fd *entry) {
    entry->file->ops->close(entry->file);
    free(entry->preopen);
    *entry = (struct wasi_fd){0};
}

void wasi_fdtable_done(struct wasi_fdtable *table) {
    for (uint32_t i = 0; i < table->room; i++)
        if (table->slots[i].file)
            release(&table->slots[i]);
    free(table->slots);
    *table = (struct wasi_fdtable){0};
}

struct wasi_fd *wasi_fdtable_get(struct wasi_fdtable *table, uint32_t fd) {
    return fd < table->room && table->slots[fd].file ? &table->slots[fd] : NULL;
}

static bool grow(struct wasi_fdtable *table) {
    uint32_t room = PA_MAX(table->room * 2, 16u);
    struct wasi_fd *slots = realloc(table->slots, room * sizeof *slots);
    if (!slots)
        return false;
    memset(slots + table->room, 0, (room - table->room) * sizeof *slots);
    table->slots = slots;
    table->room = room;
    return true;
}

wasi_errno wasi_fdtable_add(struct wasi_fdtable *table, const struct wasi_fd *entry,
                            bool over_limit, uint32_t *ret) {
    PA_ASSERT(entry->file);
    if (table->open >= table->limit && !over_limit)
        return WASI_EMFILE;
    uint32_t fd = table->lowest_free;
    while (fd < table->room && table->slots[fd].file)
        fd++;
    if (fd >= table->room && !grow(table))
        return WASI_ENOMEM;
    table->slots[fd] = *entry;
    table->open++;
    table->lowest_free = fd + 1;
    *ret = fd;
    return WASI_ESUCCESS;
}

wasi_errno wasi_fdtable_close(struct wasi_fdtable *table, uint32_t fd) {
    struct wasi_fd *entry = wasi_fdtable_get(table, fd);
    if (!entry)
        return WASI_EBADF;
    release(entry);
    table->open--;
    table->lowest_free = PA_MIN(table->lowest_free, fd);
    return WASI_ESUCCESS;
}

wasi_errno wasi_fdtable_move(struct wasi_fdtable *table, uint32_t from, uint32_t to) {
    struct wasi_fd *source = wasi_fdtable_get(table, from);
    struct wasi_fd *target = wasi_fdtable_get(table, to);
    if (!source || !target)
        return WASI_EBADF;
    if (from == to)
        return WASI_ESUCCESS;
    release(target);
    *target = *source;
    *source = (struct wasi_fd){0};
    table->open--;
    table->lowest_free = PA_MIN(table->lowest_free, from);
    return WASI_ESUCCESS;
}
