/*
 * The descriptor table: small numbers to open files with their rights.
 *
 * Invariants: a new descriptor gets the lowest free number; no more than `limit` are open, except
 * those that were there before the limit was lowered.  WASI has no dup, so an entry owns its file.
 * Pointers to entries are valid until the next change of the table.
 */
#ifndef PA_WASI_FDTABLE_H
#define PA_WASI_FDTABLE_H

#include "wasi/vfs.h"

struct wasi_fd {
    struct pa_file *file; /* NULL: free */
    uint64_t base, inheriting;
    char *preopen; /* the guest's name for it, or NULL */
};

struct wasi_fdtable {
    struct wasi_fd *slots;
    uint32_t room;
    uint32_t open;
    uint32_t lowest_free; /* nothing below it is free */
    uint32_t limit;
};

void wasi_fdtable_done(struct wasi_fdtable *table); /* closes everything */

struct wasi_fd *wasi_fdtable_get(struct wasi_fdtable *table, uint32_t fd); /* NULL: not open */

/* Takes `entry` on success.  EMFILE at the limit, which `over_limit` ignores. */
wasi_errno wasi_fdtable_add(struct wasi_fdtable *table, const struct wasi_fd *entry,
                            bool over_limit, uint32_t *ret);
wasi_errno wasi_fdtable_close(struct wasi_fdtable *table, uint32_t fd);

/* Moves `from` to `to`, whose file is closed; both must be open. */
wasi_errno wasi_fdtable_move(struct wasi_fdtable *table, uint32_t from, uint32_t to);

#endif
