/*
 * Objects and their collection.
 *
 * The heap is cut into blocks of 64 KiB.  A block holds cells of one size (24 sizes up to half a
 * block), or is the first of a run of blocks for one large object.  The mark is a bit of an
 * object's tag.  Nothing moves.
 *
 * Collection is mark and sweep, from three kinds of roots: frames (words between the start of the
 * frames and rt_sp), the module's variables, and the exception that is set.  It runs only when
 * generated code asks, at a point where every object in use is reachable from those; the C
 * functions of this runtime never start it, so they need keep nothing.
 */
#include "transpile/runtime/rt.h"

#define BLOCK      65536u
#define HUGE_PAGE  (2u << 20)
#define MEMORY_MAX 0xfff00000u
#define SIZES      24u
#define LARGE      32752u
#ifndef FIRST_LIMIT /* a test may want collections all the time */
#define FIRST_LIMIT (16u << 20)
#endif

struct block {
    uint32_t cell;   /* bytes of each, or one of the two below */
    uint32_t blocks; /* of a large object or a free run */
    uint32_t unused[2];
};

enum {
    CELL_FREE_RUN = 0xfffffff0u,
    CELL_LARGE = 0xfffffff1u
};

struct cell {
    uint32_t tag; /* 0: free */
    struct cell *next;
};

static struct {
    uint32_t start, end; /* of the blocks */
    struct cell *free[SIZES];
    const uint32_t *roots;
    uint32_t frames;
    uint64_t allocated, limit; /* bytes since the last collection; when it is asked for */
    void **stack;              /* of objects to be looked at */
    uint32_t stack_count, stack_room;
} heap;

static const uint16_t sizes[SIZES] = {16,   24,   32,   40,   48,   64,   80,    96,
                                      128,  160,  192,  256,  384,  512,  768,   1024,
                                      1536, 2048, 3072, 4096, 6144, 8192, 16368, LARGE};

void rt_memory_start(uint32_t start, const uint32_t *roots, uint32_t frames) {
    heap.start = heap.end = (start + BLOCK - 1) / BLOCK * BLOCK;
    heap.roots = roots;
    heap.frames = frames;
    heap.limit = FIRST_LIMIT;
}

static bool grow(uint64_t end) {
    uint32_t have = (uint32_t)__builtin_wasm_memory_size(0) * BLOCK;
    return end <= MEMORY_MAX &&
           (end <= have || __builtin_wasm_memory_grow(
                               0, (uint32_t)((end - have + BLOCK - 1) / BLOCK)) != (size_t)-1);
}

/* A large array of `count` blocks begins where a huge page may, and the memory ends with one: the
 * sandbox maps what comes by 4 MiB at once in huge pages, so that 3 MB are two faults in place of
 * 700.  The blocks before it are free for others.  Where there is no room for that, it goes
 * without. */
static void begin_huge_page(uint32_t count) {
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * BLOCK;
    uint64_t start = (have + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uint64_t end = start + (uint64_t)count * BLOCK;
    uint64_t whole = (end + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (!grow(whole < start + 2 * HUGE_PAGE ? start + 2 * HUGE_PAGE : whole))
        return;
    if (start > heap.end) {
        struct block *rest = (struct block *)(uintptr_t)heap.end;
        rest->cell = CELL_FREE_RUN;
        rest->blocks = (uint32_t)(start - heap.end) / BLOCK;
    }
    heap.end = (uint32_t)start;
}

static struct block *fresh_blocks(uint32_t count) {
    if (count >= HUGE_PAGE / BLOCK)
        begin_huge_page(count);
    uint64_t want = (uint64_t)heap.end + (uint64_t)count * BLOCK;
    if (!grow(count < 16 ? (uint64_t)heap.end + 16 * BLOCK : want) && !grow(want))
        rt_bail(); /* out of memory: the interpreter may need less */
    struct block *block = (struct block *)(uintptr_t)heap.end;
    heap.end = (uint32_t)want;
    return block;
}

/* The first free run that is long enough; the rest of it stays free. */
static struct block *take_blocks(uint32_t count) {
    for (uint32_t at = heap.start; at < heap.end;) {
        struct block *block = (struct block *)(uintptr_t)at;
        if (block->cell == CELL_FREE_RUN && block->blocks >= count) {
            if (block->blocks > count) {
                struct block *rest = (struct block *)(uintptr_t)(at + count * BLOCK);
                rest->cell = CELL_FREE_RUN;
                rest->blocks = block->blocks - count;
            }
            return block;
        }
        at +=
            (block->cell == CELL_FREE_RUN || block->cell == CELL_LARGE ? block->blocks : 1) * BLOCK;
    }
    return fresh_blocks(count);
}

static void *new_large(uint32_t size) {
    uint32_t count = (uint32_t)(((uint64_t)size + 16 + BLOCK - 1) / BLOCK);
    struct block *block = take_blocks(count);
    block->cell = CELL_LARGE;
    block->blocks = count;
    return (uint8_t *)block + 16;
}

static void fill_size(uint32_t index) {
    struct block *block = take_blocks(1);
    uint32_t cell = sizes[index], count = (BLOCK - 16) / cell;
    block->cell = cell;
    block->blocks = 1;
    uint8_t *first = (uint8_t *)block + 16;
    for (uint32_t i = count; i-- > 0;) {
        struct cell *free = (struct cell *)(first + i * cell);
        free->tag = 0;
        free->next = heap.free[index];
        heap.free[index] = free;
    }
}

static uint32_t size_index(uint32_t size) {
    if (size <= 48)
        return size <= 16 ? 0 : (size - 9) / 8;
    uint32_t i = 5;
    while (sizes[i] < size)
        i++;
    return i;
}

void *rt_new(uint32_t size, enum kind kind) {
    uint32_t *object;
    heap.allocated += size > LARGE ? size + BLOCK : size;
    if (heap.allocated > heap.limit)
        rt_gc_wanted = 1;
    if (size > LARGE) {
        if (size > 0x70000000u)
            rt_bail();
        object = new_large(size);
    } else {
        uint32_t index = size_index(size);
        if (!heap.free[index])
            fill_size(index);
        struct cell *cell = heap.free[index];
        heap.free[index] = cell->next;
        object = (uint32_t *)cell;
    }
    *object = kind;
    return object;
}

struct bytes *rt_bytes(uint32_t room) {
    if (room > 0x70000000u)
        rt_bail();
    struct bytes *b = rt_new((uint32_t)sizeof(struct bytes) + room, BYTES);
    b->used = 0;
    b->room = room;
    return b;
}

/* Marking. */

#define MARKED 0x200u

static void push(void *object) {
    uint32_t *tag = object;
    if (!object || (*tag & (STATIC_OBJECT | MARKED)) || (uintptr_t)object < heap.start)
        return;
    *tag |= MARKED;
    if ((*tag & 0xff) == BYTES || (*tag & 0xff) == INT || (*tag & 0xff) == FLOAT ||
        (*tag & 0xff) == BOOL || (*tag & 0xff) == RANGE)
        return;
    if (heap.stack_count == heap.stack_room) {
        uint32_t room = heap.stack_room ? 2 * heap.stack_room : 4096;
        void **more = (void **)((uint8_t *)new_large(room * sizeof(void *) + 16) + 16);
        ((uint32_t *)((uint8_t *)more - 16))[0] = BYTES; /* swept as garbage afterwards */
        if (heap.stack_count)
            copy(more, heap.stack, heap.stack_count * sizeof(void *));
        heap.stack = more;
        heap.stack_room = room;
    }
    heap.stack[heap.stack_count++] = object;
}

static bool holds_pointers(const struct desc *desc) {
    return desc->kind != D_INT && desc->kind != D_FLOAT && desc->kind != D_BOOL &&
           desc->kind != D_TYPE && desc->kind != D_BUILTIN && desc->kind != D_MODULE;
}

static void mark_table(void *table) {
    if (table)
        push((uint8_t *)table - sizeof(struct bytes));
}

static void mark_slots(const slot *slots, const struct desc *desc) {
    for (uint32_t i = 0; i < desc->count; i++)
        if (holds_pointers(desc->items[i]))
            push(to_pointer(slots[i]));
}

static void look_at(void *object) {
    switch (KIND(object)) {
    case STR:
        push(((struct str *)object)->buffer);
        return;
    case LIST: {
        struct list *l = object;
        mark_table(l->slots);
        if (holds_pointers(l->desc->items[0]))
            for (uint32_t i = 0; i < l->count; i++)
                push(to_pointer(l->slots[i]));
        return;
    }
    case DICT: {
        struct dict *d = object;
        bool keys = holds_pointers(d->desc->items[0]), values = holds_pointers(d->desc->items[1]);
        mark_table(d->entries);
        mark_table(d->index);
        for (uint32_t i = 0; i < d->used; i++) {
            if (!d->entries[i].live)
                continue;
            if (keys)
                push(to_pointer(d->entries[i].key));
            if (values)
                push(to_pointer(d->entries[i].value));
        }
        return;
    }
    case SET: {
        struct set *s = object;
        mark_table(s->table);
        if (s->table && holds_pointers(s->desc->items[0]))
            for (uint32_t i = 0; i <= s->mask; i++)
                if (s->table[i].state == 1)
                    push(to_pointer(s->table[i].key));
        return;
    }
    case TUPLE: {
        struct tuple *t = object;
        mark_slots(t->slots, t->desc);
        return;
    }
    case ENVIRONMENT: {
        struct environment *e = object;
        push(e->outer);
        mark_slots(e->slots, e->desc);
        return;
    }
    case OBJECT: {
        struct object *o = object;
        mark_slots(o->fields, o->class->fields);
        if (o->history) {
            push(o->history);
            push(o->history->context);
            push(o->history->cause);
        }
        return;
    }
    case CLOSURE:
        push(((struct closure *)object)->environment);
        return;
    default:
        return;
    }
}

/* Sweeping: free lists are made anew, blocks without a live cell become free runs. */
static uint32_t sweep_cells(struct block *block) {
    uint32_t cell = block->cell, count = (BLOCK - 16) / cell, live = 0;
    uint8_t *first = (uint8_t *)block + 16;
    uint32_t index = size_index(cell);
    struct cell *before = heap.free[index];
    for (uint32_t i = count; i-- > 0;) {
        struct cell *at = (struct cell *)(first + i * cell);
        if (at->tag & MARKED) {
            at->tag &= ~MARKED;
            live++;
            continue;
        }
        at->tag = 0;
        at->next = heap.free[index];
        heap.free[index] = at;
    }
    if (!live)
        heap.free[index] = before;
    return live * cell;
}

static uint64_t sweep(void) {
    uint64_t live = 0;
    struct block *run = NULL;
    for (uint32_t i = 0; i < SIZES; i++)
        heap.free[i] = NULL;
    for (uint32_t at = heap.start; at < heap.end;) {
        struct block *block = (struct block *)(uintptr_t)at;
        uint32_t blocks = 1;
        bool free = false;
        if (block->cell == CELL_FREE_RUN) {
            blocks = block->blocks;
            free = true;
        } else if (block->cell == CELL_LARGE) {
            uint32_t *tag = (uint32_t *)((uint8_t *)block + 16);
            blocks = block->blocks;
            free = !(*tag & MARKED);
            *tag &= ~MARKED;
            live += free ? 0 : (uint64_t)blocks * BLOCK;
        } else {
            uint32_t used = sweep_cells(block);
            free = used == 0;
            live += used;
        }
        if (!free) {
            run = NULL;
        } else if (run) {
            run->blocks += blocks;
        } else {
            run = block;
            run->cell = CELL_FREE_RUN;
            run->blocks = blocks;
        }
        at += blocks * BLOCK;
    }
    return live;
}

RT_API void rt_collect(void) {
    if (rt_no_gc)
        return;
    heap.stack = NULL;
    heap.stack_count = heap.stack_room = 0;
    for (uint32_t at = heap.frames; at < rt_sp; at += 4)
        push(*(void **)(uintptr_t)at);
    for (const uint32_t *root = heap.roots; *root; root++)
        push(to_pointer(*(slot *)(uintptr_t)*root));
    push(rt_exc);
    push(rt_handling);
    while (heap.stack_count)
        look_at(heap.stack[--heap.stack_count]);
    uint64_t live = sweep();
    heap.allocated = 0;
    heap.limit = live > FIRST_LIMIT ? live : FIRST_LIMIT;
    rt_gc_wanted = 0;
}
