/* Lists, tuples, environments and closures; sorting. */
#include "transpile/runtime/rt.h"

#define COUNT_MAX 0x0e000000u /* elements, of whatever size */

static uint8_t *new_elements(const struct list *l, uint32_t count) {
    if (count > COUNT_MAX)
        rt_bail();
    return rt_bytes(count << l->shift)->bytes;
}

/* Moves `count` elements, which may overlap, within one list or between two of one type. */
static void move_elements(struct list *to, uint32_t at, const struct list *from, uint32_t first,
                          uint32_t count) {
    if (count)
        move(to->bytes + (at << to->shift), from->bytes + (first << to->shift), count << to->shift);
}

RT_API struct list *rt_list_new(const struct desc *desc, uint32_t room) {
    struct list *l = rt_new(sizeof(*l), LIST);
    l->desc = desc;
    l->count = 0;
    l->room = room;
    l->bytes = NULL;
    l->shift = desc->items[0]->kind == D_BOOL ? 0 : 3;
    if (room)
        l->bytes = new_elements(l, room);
    return l;
}

static void reserve(struct list *l, uint32_t count) {
    if (count <= l->room)
        return;
    uint32_t room = count + count / 2 + 4;
    uint8_t *more = new_elements(l, room);
    if (l->count)
        copy(more, l->bytes, l->count << l->shift);
    l->bytes = more;
    l->room = room;
}

RT_API void rt_list_append(struct list *l, slot value) {
    if (l->count == l->room)
        reserve(l, l->count + 1);
    rt_list_put(l, l->count++, value);
}

RT_API void rt_list_extend(struct list *l, const struct list *more) {
    uint32_t count = more->count;
    reserve(l, l->count + count);
    move_elements(l, l->count, more, 0, count);
    l->count += count;
}

RT_API struct list *rt_list_copy(struct list *l) {
    struct list *r = rt_list_new(l->desc, l->count);
    move_elements(r, 0, l, 0, l->count);
    r->count = l->count;
    return r;
}

RT_API struct list *rt_list_add(struct list *a, struct list *b) {
    struct list *r = rt_list_new(a->desc, a->count + b->count);
    rt_list_extend(r, a);
    rt_list_extend(r, b);
    return r;
}

RT_API struct list *rt_list_repeat(struct list *l, int64_t count) {
    if (count <= 0 || !l->count)
        return rt_list_new(l->desc, 0);
    if (count > COUNT_MAX / (int64_t)l->count)
        rt_bail();
    struct list *r = rt_list_new(l->desc, (uint32_t)count * l->count);
    if (l->count == 1) {
        slot value = rt_list_get(l, 0);
        if (!l->shift)
            __builtin_memset(r->bytes, (int)value, (uint32_t)count);
        else
            for (uint32_t i = 0; i < (uint32_t)count; i++)
                r->slots[i] = value;
        r->count = (uint32_t)count;
        return r;
    }
    while (count--)
        rt_list_extend(r, l);
    return r;
}

/* l *= count */
RT_API struct list *rt_list_multiply(struct list *l, int64_t count) {
    const struct list *r = rt_list_repeat(l, count);
    l->bytes = r->bytes;
    l->count = r->count;
    l->room = r->room;
    return l;
}

RT_API void rt_list_insert(struct list *l, int64_t at, slot value) {
    at = at < 0 ? at + l->count : at;
    at = at < 0 ? 0 : at > l->count ? l->count : at;
    reserve(l, l->count + 1);
    move_elements(l, (uint32_t)at + 1, l, (uint32_t)at, l->count - (uint32_t)at);
    rt_list_put(l, (uint32_t)at, value);
    l->count++;
}

static slot take_at(struct list *l, uint32_t at) {
    slot value = rt_list_get(l, at);
    move_elements(l, at, l, at + 1, l->count - at - 1);
    l->count--;
    return value;
}

RT_API slot rt_list_pop(struct list *l) {
    if (!l->count) {
        rt_error(INDEX_ERROR, "pop from empty list");
        return 0;
    }
    return rt_list_get(l, --l->count);
}

RT_API slot rt_list_pop_at(struct list *l, int64_t at) {
    at = at < 0 ? at + l->count : at;
    if (at < 0 || at >= l->count) {
        rt_error(INDEX_ERROR, l->count ? "pop index out of range" : "pop from empty list");
        return 0;
    }
    return take_at(l, (uint32_t)at);
}

RT_API void rt_list_delete(struct list *l, int64_t at) {
    at = at < 0 ? at + l->count : at;
    if (at < 0 || at >= l->count)
        rt_error(INDEX_ERROR, "list assignment index out of range");
    else
        take_at(l, (uint32_t)at);
}

static int64_t position(const struct list *l, slot value) {
    for (uint32_t i = 0; i < l->count; i++)
        if (rt_equal(rt_list_get(l, i), value, l->desc->items[0]) || rt_exc)
            return i;
    return -1;
}

RT_API void rt_list_remove(struct list *l, slot value) {
    int64_t at = position(l, value);
    if (rt_exc)
        return;
    if (at < 0)
        rt_error(VALUE_ERROR, "list.remove(x): x not in list");
    else
        take_at(l, (uint32_t)at);
}

RT_API int64_t rt_list_index(const struct list *l, slot value) {
    int64_t at = position(l, value);
    if (at < 0) /* its text differs from version to version */
        rt_bail();
    return at;
}

RT_API int64_t rt_list_count(const struct list *l, slot value) {
    int64_t count = 0;
    for (uint32_t i = 0; i < l->count; i++)
        count += rt_equal(rt_list_get(l, i), value, l->desc->items[0]);
    return count;
}

RT_API void rt_list_reverse(struct list *l) {
    for (uint32_t i = 0, k = l->count; i + 1 < k; i++) {
        slot value = rt_list_get(l, i);
        rt_list_put(l, i, rt_list_get(l, --k));
        rt_list_put(l, k, value);
    }
}

RT_API void rt_list_clear(struct list *l) {
    l->count = 0;
}

uint32_t rt_slice_bounds(int64_t count, int64_t *low, int64_t *high, int64_t *step, uint32_t there);

RT_API struct list *rt_list_slice(struct list *l, int64_t low, int64_t high, int64_t step,
                                  uint32_t there) {
    uint32_t count = rt_slice_bounds(l->count, &low, &high, &step, there);
    struct list *r = rt_list_new(l->desc, rt_exc ? 0 : count);
    if (rt_exc || !count)
        return r;
    if (step == 1)
        move_elements(r, 0, l, (uint32_t)low, count);
    else
        for (uint32_t i = 0; i < count; i++)
            rt_list_put(r, i, rt_list_get(l, (uint32_t)(low + (int64_t)i * step)));
    r->count = count;
    return r;
}

RT_API void rt_list_set_slice(struct list *l, int64_t low, int64_t high, uint32_t there,
                              struct list *value) {
    int64_t step = 1;
    if (value == l)
        value = rt_list_copy(l);
    rt_slice_bounds(l->count, &low, &high, &step, there);
    if (high < low)
        high = low;
    uint32_t from = (uint32_t)low, to = (uint32_t)high, after = l->count - to, more = value->count;
    reserve(l, l->count - (to - from) + more);
    move_elements(l, from + more, l, to, after);
    move_elements(l, from, value, 0, more);
    l->count = from + more + after;
}

/* l[low:high:step] = value: as many as there are.  Otherwise it is an error, whose text counts
 * them. */
RT_API void rt_list_set_stride(struct list *l, int64_t low, int64_t high, int64_t step,
                               uint32_t there, struct list *value) {
    if (value == l)
        value = rt_list_copy(l);
    uint32_t count = rt_slice_bounds(l->count, &low, &high, &step, there);
    if (rt_exc || step == 1 || count != value->count)
        rt_bail();
    for (uint32_t i = 0; i < count; i++)
        rt_list_put(l, (uint32_t)(low + (int64_t)i * step), rt_list_get(value, i));
}

RT_API void rt_check_unpack(const struct list *l, uint32_t count, int32_t at_least) {
    if (at_least ? l->count < count : l->count != count)
        rt_bail(); /* its text differs from version to version */
}

RT_API void rt_print_list(const struct list *l, const struct str *between) {
    for (uint32_t i = 0; i < l->count; i++) {
        if (i)
            rt_write(between->bytes, between->size);
        struct str *s = rt_str(rt_list_get(l, i), l->desc->items[0]);
        rt_write(s->bytes, s->size);
    }
}

RT_API struct tuple *rt_tuple_new(const struct desc *desc) {
    struct tuple *t = rt_new((uint32_t)(sizeof(*t) + desc->count * sizeof(slot)), TUPLE);
    t->desc = desc;
    t->count = desc->count;
    return t;
}

RT_API slot rt_tuple_at(const struct tuple *t, int64_t index) {
    index += index < 0 ? t->count : 0;
    if (index < 0 || index >= t->count) {
        rt_error(INDEX_ERROR, "tuple index out of range");
        return 0;
    }
    return t->slots[index];
}

RT_API struct environment *rt_environment(const struct desc *desc, struct environment *outer) {
    struct environment *e =
        rt_new((uint32_t)(sizeof(*e) + desc->count * sizeof(slot)), ENVIRONMENT);
    e->desc = desc;
    e->outer = outer;
    zero_fill(e->slots, desc->count * sizeof(slot));
    return e;
}

RT_API struct closure *rt_closure(uint32_t function, struct environment *environment) {
    struct closure *c = rt_new(sizeof(*c), CLOSURE);
    c->function = function;
    c->environment = environment;
    return c;
}

/*
 * Sorting: stable, by merging.  Pairs of key and value are moved together; runs of 8 are made by
 * insertion.  Python's own sort gives the same order, as every stable sort does where < is an
 * order.
 */
struct pair {
    slot key, value;
};

static bool less(const struct pair *a, const struct pair *b, const struct desc *desc,
                 bool reverse) {
    /* Backwards and stable: what is equal keeps its order. */
    if (desc->kind == D_INT)
        return reverse ? (int64_t)a->key > (int64_t)b->key : (int64_t)a->key < (int64_t)b->key;
    return reverse ? rt_order(b->key, a->key, desc, OP_LT) : rt_order(a->key, b->key, desc, OP_LT);
}

static void insertion(struct pair *p, uint32_t count, const struct desc *desc, bool reverse) {
    for (uint32_t i = 1; i < count; i++) {
        struct pair moved = p[i];
        uint32_t k = i;
        for (; k > 0 && less(&moved, &p[k - 1], desc, reverse); k--)
            p[k] = p[k - 1];
        p[k] = moved;
    }
}

RT_API void rt_sort(struct list *values, struct list *keys, int32_t reverse) {
    const struct desc *desc = keys->desc->items[0];
    uint32_t n = values->count;
    if (n < 2)
        return;
    struct pair *from = (struct pair *)(void *)rt_bytes(n * (uint32_t)sizeof(struct pair))->bytes;
    struct pair *to = (struct pair *)(void *)rt_bytes(n * (uint32_t)sizeof(struct pair))->bytes;
    for (uint32_t i = 0; i < n; i++)
        from[i] = (struct pair){rt_list_get(keys, i), rt_list_get(values, i)};
    for (uint32_t i = 0; i < n; i += 8)
        insertion(from + i, n - i < 8 ? n - i : 8, desc, reverse);
    for (uint32_t run = 8; run < n; run *= 2) {
        for (uint32_t start = 0; start < n; start += 2 * run) {
            uint32_t a = start, middle = start + run < n ? start + run : n;
            uint32_t b = middle, end = start + 2 * run < n ? start + 2 * run : n;
            for (uint32_t k = start; k < end; k++) {
                bool second = a == middle || (b < end && less(&from[b], &from[a], desc, reverse));
                to[k] = second ? from[b++] : from[a++];
            }
        }
        struct pair *swapped = from;
        from = to;
        to = swapped;
    }
    for (uint32_t i = 0; i < n; i++)
        rt_list_put(values, i, from[i].value);
}
