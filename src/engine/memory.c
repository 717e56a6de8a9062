/*
 * Growth is mprotect() inside of a reservation that is made once: nothing is copied and nothing
 * moves.  The kernel has a say, too: RLIMIT_DATA counts what mprotect() opens, so that the limit of
 * the process holds even where ours were broken.  A growth that is denied is not an error here: the
 * guest sees -1 and decides.  The pool remembers it, because a guest that then fails has failed for
 * this reason.
 *
 * What a guest starts with comes in huge pages, where the kernel has them: an interpreter touches
 * thousands of pages while it starts.  So its base is where a huge page begins.  What comes by much
 * at once is a large array, and in huge pages, too: sessions are forked with it.
 *
 * A process that will be forked settles its memories first: small pages that have come since are
 * made huge ones.  A fork then copies one entry for 2 MiB instead of 512; what the copy reads is
 * there without a fault, and what it writes costs a copy of 4 KiB, as ever.  (A private mapping of
 * a memory file makes forks cheaper still, but then every page that a copy reads is a fault.)
 *
 * Invariants: used is the sum of the memories' sizes; used <= limit; peak >= used.
 */
#include "engine/memory.h"

#include "base/macros.h"
#include <errno.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define MUCH      (2 * HUGE_PAGE) /* of one growth */

#ifndef MADV_COLLAPSE /* Linux 6.1; the C library may be older */
#define MADV_COLLAPSE 25
#endif

static wasmtime_error_t *deny(struct pa_memory_pool *pool, uint64_t bytes, bool by_system,
                              const char *why) {
    pool->denied = true;
    pool->denied_by_system = by_system;
    pool->denied_bytes = bytes;
    return wasmtime_error_new(why);
}

static uint8_t *get_memory(void *env, size_t *byte_size, size_t *byte_capacity) {
    const struct pa_memory *memory = env;
    *byte_size = memory->size;
    *byte_capacity = memory->reserved;
    return memory->base;
}

/* How far it is from there to where a huge page begins. */
static size_t to_huge_page(const uint8_t *from) {
    return -(uintptr_t)from % HUGE_PAGE;
}

/* A wish: small pages serve, too. */
static void prefer_huge_pages(uint8_t *from, size_t size) {
    size_t skip = to_huge_page(from);
    if (size > skip)
        madvise(from + skip, (size - skip) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

static wasmtime_error_t *grow_memory(void *env, size_t new_size) {
    struct pa_memory *memory = env;
    struct pa_memory_pool *pool = memory->pool;
    PA_ASSERT(new_size >= memory->size);
    size_t more = new_size - memory->size;
    if (more > pool->limit - pool->used)
        return deny(pool, pool->used + more, false, "the memory limit is reached");
    PA_ASSERT(new_size <= memory->reserved); /* the engine keeps to the capacity */
    if (more && mprotect(memory->base + memory->size, more, PROT_READ | PROT_WRITE) < 0)
        return deny(pool, pool->used + more, true, "the system gives no more memory");
    if (more >= MUCH || !memory->size)
        prefer_huge_pages(memory->base + memory->size, more);
    memory->size = new_size;
    pool->used += more;
    pool->peak = PA_MAX(pool->peak, pool->used);
    return NULL;
}

static void free_memory(void *env) {
    struct pa_memory *memory = env;
    struct pa_memory **link = &memory->pool->first;
    while (*link != memory)
        link = &(*link)->next;
    *link = memory->next;
    memory->pool->used -= memory->size;
    munmap(memory->mapping, memory->mapped);
    free(memory);
}

static wasmtime_error_t *new_memory(void *env, const wasm_memorytype_t *type, size_t minimum,
                                    size_t maximum, size_t reserved, size_t guard,
                                    wasmtime_linear_memory_t *ret) {
    (void)type, (void)maximum; /* the engine itself holds a memory to its declared maximum */
    struct pa_memory_pool *pool = env;
    if (minimum > pool->limit - pool->used) {
        pool->denied_at_start = true;
        return deny(pool, pool->used + PA_MIN(minimum, SIZE_MAX - pool->used), false,
                    "the memory limit is below the module's initial memory");
    }
    reserved = PA_MAX(reserved, minimum);
    size_t mapped = guard * 2 + reserved + HUGE_PAGE;
    uint8_t *mapping =
        mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) {
        pool->denied_at_start = true;
        return deny(pool, pool->used + minimum, true, "no address space for a memory");
    }
    struct pa_memory *memory = pa_xcalloc(1, sizeof(*memory));
    *memory = (struct pa_memory){.base = mapping + guard + to_huge_page(mapping + guard),
                                 .reserved = reserved,
                                 .mapping = mapping,
                                 .mapped = mapped,
                                 .pool = pool,
                                 .next = pool->first};
    pool->first = memory;
    wasmtime_error_t *error = grow_memory(memory, minimum);
    if (error) {
        pool->denied_at_start = true;
        free_memory(memory);
        return error;
    }
    *ret = (wasmtime_linear_memory_t){memory, get_memory, grow_memory, free_memory};
    return NULL;
}

void pa_memory_pool_arm(struct pa_memory_pool *pool, uint64_t limit) {
    PA_ASSERT(!pool->first);
    *pool = (struct pa_memory_pool){.limit = limit};
}

void pa_memory_pool_rearm(struct pa_memory_pool *pool, uint64_t limit) {
    pool->limit = PA_MAX(limit, pool->used);
    pool->peak = pool->used;
    pool->denied = pool->denied_by_system = pool->denied_at_start = false;
}

/* Wishes, both: small pages serve, too.  What was never touched stays so and comes in small pages
 * from now on: a copy that writes there takes 4 KiB, not 2 MiB. */
static void settle(const struct pa_memory *memory) {
    size_t whole = memory->size / HUGE_PAGE * HUGE_PAGE;
    madvise(memory->base, whole, MADV_HUGEPAGE); /* it may have been settled once */
    madvise(memory->base, whole, MADV_COLLAPSE);
    madvise(memory->base, memory->reserved, MADV_NOHUGEPAGE);
}

void pa_memory_pool_settle(struct pa_memory_pool *pool) {
    for (const struct pa_memory *memory = pool->first; memory; memory = memory->next)
        settle(memory);
}

void pa_memory_pool_attach(struct pa_memory_pool *pool, wasm_config_t *config) {
    wasmtime_memory_creator_t creator = {.env = pool, .new_memory = new_memory};
    wasmtime_config_host_memory_creator_set(config, &creator);
}

struct pa_memory *pa_memory_pool_find(const struct pa_memory_pool *pool, const uint8_t *base) {
    struct pa_memory *memory = pool->first;
    while (memory && memory->base != base)
        memory = memory->next;
    return memory;
}
