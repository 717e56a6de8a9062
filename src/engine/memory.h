/*
 * Linear memories that we own: Wasmtime asks us for each one and for every growth.
 *
 *     | guard | size: open ...... reserved: PROT_NONE | guard |
 *             ^ base
 *
 * A pool holds all memories of one instance (a module's memories and the engine's heap of exception
 * objects) and bounds them together.  `base` never moves, and `reserved` covers every address that
 * a 32-bit guest can form, so that compiled code needs no bounds checks: an access outside of
 * `size` faults, and the fault is the trap.
 *
 * Threads: one.  After fork() parent and child have a pool each, copied on write.
 */
#ifndef PA_ENGINE_MEMORY_H
#define PA_ENGINE_MEMORY_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasmtime.h>

struct pa_memory {
    uint8_t *base;
    size_t size;      /* open for reading and writing, from base on */
    size_t reserved;  /* address space from base on that is ours; size <= reserved */
    uint8_t *mapping; /* all of it, with the guards */
    size_t mapped;
    struct pa_memory_pool *pool;
    struct pa_memory *next;
};

struct pa_memory_pool {
    uint64_t limit;
    uint64_t used, peak;   /* of all memories together */
    bool denied;           /* some memory could not be had, because ... */
    bool denied_by_system; /* ... the kernel refused (else: because of the limit) */
    bool denied_at_start;  /* ... before the module ran */
    uint64_t denied_bytes; /* what the guest would have had then */
    struct pa_memory *first;
};

/* Ready for the next instance; memories of an earlier one are gone by now. */
void pa_memory_pool_arm(struct pa_memory_pool *pool, uint64_t limit);

/* For the next request of a warm process, whose memories stay.  What they have already is theirs,
 * even where the limit is below it. */
void pa_memory_pool_rearm(struct pa_memory_pool *pool, uint64_t limit);

/* Makes forks of this process cheap: see the top of memory.c. */
void pa_memory_pool_settle(struct pa_memory_pool *pool);

/* Makes `config` create memories in `pool`, which must outlive the engine made from it. */
void pa_memory_pool_attach(struct pa_memory_pool *pool, wasm_config_t *config);

/* The memory that starts there, or NULL. */
struct pa_memory *pa_memory_pool_find(const struct pa_memory_pool *pool, const uint8_t *base);

#endif
