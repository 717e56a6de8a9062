/*
 * Dicts: entries in the order of insertion, and a table of their numbers by hash.
 *
 * Sets: a table by hash, with CPython's probing and growing, because the order of iteration follows
 * from it.  That order is Python's where keys are integers below 2^31; of anything else it depends
 * on the build and on chance, and a program that looks at it is left to the interpreter.
 */
#include "transpile/runtime/rt.h"

static uint32_t mix(uint64_t h) {
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static uint32_t hash_key(const struct desc *desc, slot key) {
    if (desc->kind == D_STR && key)
        return rt_str_hash(to_pointer(key));
    return mix(rt_hash(key, desc));
}

static bool same_key(const struct desc *desc, slot a, slot b) {
    if (desc->kind == D_INT)
        return a == b;
    if (desc->kind == D_STR && a && b)
        return rt_str_equal(to_pointer(a), to_pointer(b));
    return rt_equal(a, b, desc);
}

RT_API struct dict *rt_dict_new(const struct desc *desc) {
    struct dict *d = rt_new(sizeof(*d), DICT);
    d->desc = desc;
    d->count = d->used = d->room = d->mask = d->changes = 0;
    d->entries = NULL;
    d->index = NULL;
    return d;
}

static void put_index(struct dict *d, uint32_t hash, uint32_t number) {
    uint32_t at = hash & d->mask;
    while (d->index[at])
        at = (at + 1) & d->mask;
    d->index[at] = number + 1;
}

/* Room for twice the live entries; removed ones go. */
static void resize(struct dict *d) {
    uint32_t room = d->count < 4 ? 6 : d->count * 2;
    uint32_t slots = 8;
    while (slots * 2 < room * 3)
        slots *= 2;
    if (room > 0x03000000u)
        rt_bail();
    struct entry *entries =
        (struct entry *)(void *)rt_bytes(room * (uint32_t)sizeof(struct entry))->bytes;
    uint32_t used = 0;
    for (uint32_t i = 0; i < d->used; i++)
        if (d->entries[i].live)
            entries[used++] = d->entries[i];
    if (!d->index || d->mask + 1 != slots)
        d->index = (uint32_t *)(void *)rt_bytes(slots * 4)->bytes;
    zero_fill(d->index, slots * 4);
    d->entries = entries;
    d->room = room;
    d->used = used;
    d->mask = slots - 1;
    for (uint32_t i = 0; i < used; i++)
        put_index(d, entries[i].hash, i);
}

static struct entry *lookup(struct dict *d, slot key, uint32_t hash) {
    const struct desc *desc = d->desc->items[0];
    if (!d->count)
        return NULL;
    for (uint32_t at = hash & d->mask; d->index[at]; at = (at + 1) & d->mask) {
        struct entry *e = &d->entries[d->index[at] - 1];
        if (e->hash == hash && e->live && same_key(desc, e->key, key))
            return e;
    }
    return NULL;
}

RT_API slot *rt_dict_find(struct dict *d, slot key) {
    struct entry *e = lookup(d, key, hash_key(d->desc->items[0], key));
    return e ? &e->value : NULL;
}

RT_API bool rt_dict_has(struct dict *d, slot key) {
    return rt_dict_find(d, key) != NULL;
}

static void key_error(const struct dict *d, slot key) {
    void *boxed = rt_boxed(key, d->desc->items[0]);
    if (!boxed)
        rt_bail();                  /* None */
    rt_error_str(KEY_ERROR, boxed); /* any object: what was looked for */
}

RT_API slot *rt_dict_at(struct dict *d, slot key) {
    slot *found = rt_dict_find(d, key);
    if (!found)
        key_error(d, key);
    return found;
}

RT_API void rt_dict_set(struct dict *d, slot key, slot value) {
    uint32_t hash = hash_key(d->desc->items[0], key);
    struct entry *e = lookup(d, key, hash);
    if (e) {
        e->value = value;
        return;
    }
    if (d->used == d->room)
        resize(d);
    put_index(d, hash, d->used);
    d->entries[d->used++] = (struct entry){key, value, hash, 1};
    d->count++;
    d->changes++;
}

static slot take(struct dict *d, struct entry *e) {
    e->live = 0;
    d->count--;
    d->changes++;
    return e->value;
}

RT_API slot rt_dict_pop(struct dict *d, slot key) {
    struct entry *e = lookup(d, key, hash_key(d->desc->items[0], key));
    if (e)
        return take(d, e);
    key_error(d, key);
    return 0;
}

RT_API void rt_dict_delete(struct dict *d, slot key) {
    rt_dict_pop(d, key);
}

RT_API slot rt_dict_pop_or(struct dict *d, slot key, slot otherwise) {
    struct entry *e = lookup(d, key, hash_key(d->desc->items[0], key));
    return e ? take(d, e) : otherwise;
}

RT_API slot rt_dict_get_or(struct dict *d, slot key, slot otherwise) {
    slot *found = rt_dict_find(d, key);
    return found ? *found : otherwise;
}

RT_API slot rt_dict_setdefault(struct dict *d, slot key, slot value) {
    slot *found = rt_dict_find(d, key);
    if (found)
        return *found;
    rt_dict_set(d, key, value);
    return value;
}

RT_API struct tuple *rt_dict_popitem(struct dict *d, const struct desc *desc) {
    struct tuple *pair = rt_tuple_new(desc);
    pair->slots[0] = pair->slots[1] = 0;
    if (!d->count)
        rt_bail();
    while (!d->entries[d->used - 1].live)
        d->used--;
    struct entry *e = &d->entries[d->used - 1];
    pair->slots[0] = e->key;
    pair->slots[1] = take(d, e);
    resize(d);
    return pair;
}

RT_API void rt_dict_clear(struct dict *d) {
    d->changes++;
    d->count = d->used = d->room = d->mask = 0;
    d->entries = NULL;
    d->index = NULL;
}

RT_API void rt_dict_update(struct dict *d, struct dict *more) {
    for (uint32_t i = 0; i < more->used; i++)
        if (more->entries[i].live)
            rt_dict_set(d, more->entries[i].key, more->entries[i].value);
}

/* d |= more */
RT_API struct dict *rt_dict_inplace(struct dict *d, struct dict *more) {
    rt_dict_update(d, more);
    return d;
}

RT_API struct dict *rt_dict_copy(struct dict *d) {
    struct dict *r = rt_dict_new(d->desc);
    rt_dict_update(r, d);
    return r;
}

RT_API struct dict *rt_dict_merge(struct dict *a, struct dict *b) {
    struct dict *r = rt_dict_copy(a);
    rt_dict_update(r, b);
    return r;
}

/* One past the next live entry from `at` on; 0 at the end.  A dict must keep its keys meanwhile. */
RT_API uint32_t rt_dict_next(const struct dict *d, uint32_t at, uint32_t changes) {
    if (d->changes != changes)
        rt_bail(); /* RuntimeError, or another order */
    for (; at < d->used; at++)
        if (d->entries[at].live)
            return at + 1;
    return 0;
}

/* Sets. */

#define LINEAR_PROBES 9
#define PERTURB_SHIFT 5

RT_API struct set *rt_set_new(const struct desc *desc) {
    struct set *s = rt_new(sizeof(*s), SET);
    s->desc = desc;
    s->count = s->fill = s->mask = 0;
    s->table = NULL;
    return s;
}

static uint64_t set_hash(const struct desc *desc, slot key) {
    uint64_t h = rt_hash(key, desc);
    return h == (uint64_t)-1 ? (uint64_t)-2 : h;
}

static struct set_entry *new_table(uint32_t count) {
    if (count > 0x02000000u)
        rt_bail();
    struct set_entry *table =
        (struct set_entry *)(void *)rt_bytes(count * (uint32_t)sizeof(*table))->bytes;
    zero_fill(table, count * sizeof(*table));
    return table;
}

static void insert_clean(struct set *s, slot key, uint64_t hash) {
    uint64_t perturb = hash;
    uint32_t i = (uint32_t)hash & s->mask;
    for (;;) {
        uint32_t probes = i + LINEAR_PROBES <= s->mask ? LINEAR_PROBES : 0;
        for (uint32_t k = i; k <= i + probes; k++)
            if (!s->table[k].state) {
                s->table[k] = (struct set_entry){key, (int64_t)hash, 1};
                return;
            }
        perturb >>= PERTURB_SHIFT;
        i = (uint32_t)((uint64_t)i * 5 + 1 + perturb) & s->mask;
    }
}

static void set_resize(struct set *s, uint32_t least) {
    uint32_t size = 8, old_mask = s->mask;
    struct set_entry *old = s->table;
    while (size <= least)
        size <<= 1;
    s->table = new_table(size);
    s->mask = size - 1;
    for (uint32_t i = 0; old && i <= old_mask; i++)
        if (old[i].state == 1)
            insert_clean(s, old[i].key, (uint64_t)old[i].hash);
    s->fill = s->count;
}

/* The entry of a key, or the free one where the search ended; then *removed is the last of those on
 * the way that were removed. */
static struct set_entry *set_search(struct set *s, slot key, uint64_t hash,
                                    struct set_entry **removed) {
    const struct desc *desc = s->desc->items[0];
    uint64_t perturb = hash;
    uint32_t i = (uint32_t)hash & s->mask;
    for (;;) {
        uint32_t probes = i + LINEAR_PROBES <= s->mask ? LINEAR_PROBES : 0;
        for (uint32_t k = i; k <= i + probes; k++) {
            struct set_entry *e = &s->table[k];
            if (!e->state ||
                (e->state == 1 && (uint64_t)e->hash == hash && same_key(desc, e->key, key)))
                return e;
            if (e->state == 2)
                *removed = e;
        }
        perturb >>= PERTURB_SHIFT;
        i = (uint32_t)((uint64_t)i * 5 + 1 + perturb) & s->mask;
    }
}

static struct set_entry *set_lookup(struct set *s, slot key, uint64_t hash) {
    struct set_entry *removed;
    return set_search(s, key, hash, &removed);
}

static void add_hashed(struct set *s, slot key, uint64_t hash) {
    if (!s->table)
        set_resize(s, 0);
    struct set_entry *removed = NULL, *e = set_search(s, key, hash, &removed);
    if (e->state == 1)
        return;
    s->count++;
    if (removed) {
        *removed = (struct set_entry){key, (int64_t)hash, 1};
        return;
    }
    *e = (struct set_entry){key, (int64_t)hash, 1};
    s->fill++;
    if ((uint64_t)s->fill * 5 >= (uint64_t)s->mask * 3)
        set_resize(s, s->count > 50000 ? s->count * 2 : s->count * 4);
}

RT_API void rt_set_add(struct set *s, slot key) {
    add_hashed(s, key, set_hash(s->desc->items[0], key));
}

RT_API bool rt_set_has(struct set *s, slot key) {
    uint64_t hash = set_hash(s->desc->items[0], key);
    return s->count && set_lookup(s, key, hash)->state == 1;
}

static bool set_remove(struct set *s, slot key) {
    uint64_t hash = set_hash(s->desc->items[0], key);
    if (!s->count)
        return false;
    struct set_entry *e = set_lookup(s, key, hash);
    if (e->state != 1)
        return false;
    e->state = 2;
    s->count--;
    return true;
}

RT_API void rt_set_discard(struct set *s, slot key) {
    set_remove(s, key);
}

RT_API void rt_set_remove(struct set *s, slot key) {
    if (!set_remove(s, key))
        key_error((const struct dict *)(void *)s, key);
}

/* Whether the order is the same in every Python. */
RT_API void rt_set_iterate(struct set *s) {
    if (s->count < 2)
        return;
    uint8_t kind = s->desc->items[0]->kind;
    for (uint32_t i = 0; i <= s->mask; i++) {
        if (s->table[i].state != 1)
            continue;
        bool number = kind == D_INT || kind == D_BOOL || kind == D_FLOAT;
        if (kind == D_ANY) {
            void *o = to_pointer(s->table[i].key);
            number = o && KIND(o) >= INT && KIND(o) <= BOOL;
        }
        if (!number || s->table[i].hash < 0 || s->table[i].hash >= 0x7fffffff)
            rt_bail();
    }
}

RT_API uint32_t rt_set_next(const struct set *s, uint32_t at, uint32_t count) {
    if (s->count != count)
        rt_bail();
    for (; s->table && at <= s->mask; at++)
        if (s->table[at].state == 1)
            return at + 1;
    return 0;
}

RT_API slot rt_set_pop(struct set *s) {
    (void)s;
    rt_bail(); /* which one it is depends on what was popped before */
}

RT_API void rt_set_clear(struct set *s) {
    s->count = s->fill = s->mask = 0;
    s->table = NULL;
}

/* All of one set into another, growing as CPython does. */
static void merge(struct set *s, struct set *more) {
    if (s == more || !more->count)
        return;
    uint32_t mask = s->table ? s->mask : 7;
    if (((uint64_t)s->fill + more->count) * 5 >= (uint64_t)mask * 3)
        set_resize(s, (s->count + more->count) * 2);
    if (!s->table)
        set_resize(s, 0);
    bool fresh = s->fill == 0;
    if (fresh && s->mask == more->mask && more->fill == more->count) {
        copy(s->table, more->table, ((uint64_t)s->mask + 1) * sizeof(*s->table));
        s->fill = s->count = more->count;
        return;
    }
    for (uint32_t i = 0; i <= more->mask; i++) {
        struct set_entry *e = &more->table[i];
        if (e->state != 1)
            continue;
        if (fresh) {
            insert_clean(s, e->key, (uint64_t)e->hash);
            s->fill++;
            s->count++;
        } else {
            add_hashed(s, e->key, (uint64_t)e->hash);
        }
    }
}

RT_API struct set *rt_set_copy(struct set *s) {
    struct set *r = rt_set_new(s->desc);
    merge(r, s);
    return r;
}

RT_API void rt_set_update(struct set *s, const struct list *more) {
    for (uint32_t i = 0; i < more->count; i++)
        rt_set_add(s, rt_list_get(more, i));
}

RT_API struct set *rt_set_union(struct set *a, struct set *b) {
    struct set *r = rt_set_copy(a);
    if (a != b)
        merge(r, b);
    return r;
}

RT_API struct set *rt_set_intersection(struct set *a, struct set *b) {
    if (a == b)
        return rt_set_copy(a);
    struct set *r = rt_set_new(a->desc);
    if (b->count > a->count) {
        struct set *swapped = a;
        a = b;
        b = swapped;
    }
    for (uint32_t i = 0; b->table && i <= b->mask; i++)
        if (b->table[i].state == 1 && rt_set_has(a, b->table[i].key))
            add_hashed(r, b->table[i].key, (uint64_t)b->table[i].hash);
    return r;
}

/* Takes away in place; of a table with many removed entries a new one is made. */
static void subtract(struct set *a, struct set *b) {
    if (b->count >> 3 > a->count)
        b = rt_set_intersection(a, b);
    for (uint32_t i = 0; b->table && i <= b->mask; i++)
        if (b->table[i].state == 1)
            set_remove(a, b->table[i].key);
    if (a->table && a->fill - a->count > a->mask / 4)
        set_resize(a, a->count > 50000 ? a->count * 2 : a->count * 4);
}

RT_API struct set *rt_set_difference(struct set *a, struct set *b) {
    if (a->count >> 2 > b->count) {
        struct set *r = rt_set_copy(a);
        subtract(r, b);
        return r;
    }
    struct set *r = rt_set_new(a->desc);
    for (uint32_t i = 0; a->table && i <= a->mask; i++)
        if (a->table[i].state == 1 && !rt_set_has(b, a->table[i].key))
            add_hashed(r, a->table[i].key, (uint64_t)a->table[i].hash);
    return r;
}

RT_API struct set *rt_set_symmetric(struct set *a, struct set *b) {
    struct set *r = rt_set_copy(b);
    for (uint32_t i = 0; a->table && i <= a->mask; i++)
        if (a->table[i].state == 1 && !set_remove(r, a->table[i].key))
            add_hashed(r, a->table[i].key, (uint64_t)a->table[i].hash);
    return r;
}

RT_API struct set *rt_set_inplace(struct set *a, struct set *b, enum op op) {
    if (op == OP_OR) {
        merge(a, b);
        return a;
    }
    if (op == OP_SUB) {
        if (a == b)
            rt_set_clear(a);
        else
            subtract(a, b);
        return a;
    }
    struct set *r = op == OP_AND ? rt_set_intersection(a, b) : NULL;
    if (!r)
        rt_bail();
    a->count = r->count;
    a->fill = r->fill;
    a->mask = r->mask;
    a->table = r->table;
    return a;
}

RT_API bool rt_set_issubset(struct set *a, struct set *b) {
    if (a->count > b->count)
        return false;
    for (uint32_t i = 0; a->table && i <= a->mask; i++)
        if (a->table[i].state == 1 && !rt_set_has(b, a->table[i].key))
            return false;
    return true;
}

RT_API bool rt_set_issuperset(struct set *a, struct set *b) {
    return rt_set_issubset(b, a);
}

RT_API bool rt_set_isdisjoint(struct set *a, struct set *b) {
    for (uint32_t i = 0; a->table && i <= a->mask; i++)
        if (a->table[i].state == 1 && rt_set_has(b, a->table[i].key))
            return false;
    return true;
}
