/*
 * What every value can do, by its descriptor: equal, order, hash, repr, str.
 *
 * Objects of the program's classes are asked through the table of functions that their class's
 * record names.  The collector is off meanwhile: what this file holds is in no frame.
 */
#include "transpile/runtime/rt.h"

typedef struct str *text_fn(struct object *);
typedef int32_t test_fn(struct object *, struct object *);

#define DESC(name, kind_) RT_API const struct desc name = {.kind = kind_};
DESC(rt_desc_int, D_INT)
DESC(rt_desc_float, D_FLOAT)
DESC(rt_desc_bool, D_BOOL)
DESC(rt_desc_str, D_STR)
DESC(rt_desc_range, D_RANGE)
DESC(rt_desc_function, D_FUNCTION)
DESC(rt_desc_any, D_ANY)

struct list_desc {
    uint8_t kind, count;
    uint16_t zero;
    const struct desc *items[1];
};
RT_API const struct list_desc rt_desc_list_of_str = {
    .kind = D_LIST, .count = 1, .items = {&rt_desc_str}};
RT_API const struct list_desc rt_desc_list_of_any = {
    .kind = D_LIST, .count = 1, .items = {&rt_desc_any}};

struct str *rt_exception_text(struct object *o);

RT_API bool rt_is_instance(const void *object, const struct class *class) {
    if (!object || KIND(object) != OBJECT)
        return false;
    for (const struct class *at = ((const struct object *)object)->class; at; at = at->base)
        if (at == class)
            return true;
    return false;
}

RT_API bool rt_is_exactly(const void *object, const struct class *class) {
    return object && KIND(object) == OBJECT && ((const struct object *)object)->class == class;
}

static bool test(struct object *a, struct object *b, enum special what) {
    rt_no_gc++;
    bool result = ((test_fn *)(uintptr_t)a->class->specials[what])(a, b) != 0;
    rt_no_gc--;
    return result;
}

/* Numbers behind ANY. */
double rt_number(const void *object) {
    const struct box *box = object;
    return KIND(object) == FLOAT ? box->f : (double)box->i;
}

/* Within containers two NaNs are equal where they are one object, which is not known here. */
static bool equal_floats(double a, double b) {
    if (a != a && b != b)
        rt_bail();
    return a == b;
}

static bool compare_numbers(const struct box *a, const struct box *b, enum op op) {
    bool fa = KIND(a) == FLOAT, fb = KIND(b) == FLOAT;
    if (fa != fb)
        return rt_compare_mixed(fa ? of_double(a->f) : (slot)a->i,
                                fb ? of_double(b->f) : (slot)b->i, fa, op);
    switch (op) {
    case OP_EQ:
        return fa ? equal_floats(a->f, b->f) : a->i == b->i;
    case OP_NE:
        return fa ? a->f != b->f : a->i != b->i;
    case OP_LT:
        return fa ? a->f < b->f : a->i < b->i;
    case OP_LE:
        return fa ? a->f <= b->f : a->i <= b->i;
    case OP_GT:
        return fa ? a->f > b->f : a->i > b->i;
    default:
        return fa ? a->f >= b->f : a->i >= b->i;
    }
}

/* Containers behind ANY may hold their items differently: one of ints, the other of anything. */
static bool is_like(const struct desc *a, const struct desc *b) {
    if (a == b)
        return true;
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == D_CLASS)
        return a->items[0] == b->items[0];
    for (uint32_t i = 0; i < a->count; i++)
        if (!is_like(a->items[i], b->items[i]))
            return false;
    return true;
}

static bool equal_items(slot a, const struct desc *first, slot b, const struct desc *second) {
    return is_like(first, second) ? rt_equal(a, b, first)
                                  : rt_equal(of_pointer(rt_boxed(a, first)),
                                             of_pointer(rt_boxed(b, second)), &rt_desc_any);
}

static bool equal_dicts(struct dict *a, struct dict *b) {
    const struct desc *value = a->desc->items[1];
    if (a->count != b->count)
        return false;
    if (a->count && !is_like(a->desc, b->desc))
        rt_bail();
    for (uint32_t i = 0; i < a->used; i++) {
        if (!a->entries[i].live)
            continue;
        slot *other = rt_dict_find(b, a->entries[i].key);
        if (!other || !rt_equal(a->entries[i].value, *other, value))
            return false;
    }
    return true;
}

static bool equal_sets(struct set *a, struct set *b) {
    if (a->count != b->count)
        return false;
    if (a->count && !is_like(a->desc, b->desc))
        rt_bail();
    for (uint32_t i = 0; a->table && i <= a->mask; i++)
        if (a->table[i].state == 1 && !rt_set_has(b, a->table[i].key))
            return false;
    return true;
}

static bool equal_objects(void *a, void *b, const struct desc *desc) {
    if (a == b)
        return true;
    if (!a || !b)
        return false;
    switch (KIND(a)) {
    case STR:
        return rt_str_equal(a, b);
    case LIST: {
        struct list *x = a, *y = b;
        if (x->count != y->count)
            return false;
        for (uint32_t i = 0; i < x->count && i < y->count; i++)
            if (!equal_items(rt_list_get(x, i), x->desc->items[0], rt_list_get(y, i),
                             y->desc->items[0]))
                return false;
        return x->count == y->count;
    }
    case TUPLE: {
        struct tuple *x = a, *y = b;
        if (x->count != y->count)
            return false;
        for (uint32_t i = 0; i < x->count; i++)
            if (!equal_items(x->slots[i], x->desc->items[i], y->slots[i], y->desc->items[i]))
                return false;
        return true;
    }
    case DICT:
        return equal_dicts(a, b);
    case SET:
        return equal_sets(a, b);
    case OBJECT: {
        struct object *x = a, *y = b;
        if (x->class->specials[SPECIAL_EQ]) {
            if (x->class != y->class)
                rt_bail();
            return test(x, y, SPECIAL_EQ);
        }
        if (y->class->specials[SPECIAL_EQ])
            rt_bail();
        return false;
    }
    case RANGE: {
        struct range *x = a, *y = b;
        int64_t n = 0;
        (void)desc;
        if ((n = (x->start == y->start && x->stop == y->stop && x->step == y->step)))
            return true;
        rt_bail();
    }
    default:
        return false;
    }
}

RT_API bool rt_equal(slot a, slot b, const struct desc *desc) {
    switch (desc->kind) {
    case D_INT:
    case D_BOOL:
        return a == b;
    case D_FLOAT:
        return equal_floats(to_double(a), to_double(b));
    case D_ANY: {
        void *x = to_pointer(a), *y = to_pointer(b);
        if (!x || !y)
            return x == y;
        if (is_number(x) && is_number(y))
            return compare_numbers(x, y, OP_EQ);
        if (KIND(x) != KIND(y)) {
            if ((KIND(x) == OBJECT && ((struct object *)x)->class->specials[SPECIAL_EQ]) ||
                (KIND(y) == OBJECT && ((struct object *)y)->class->specials[SPECIAL_EQ]))
                rt_bail();
            return false;
        }
        return equal_objects(x, y, desc);
    }
    default:
        return equal_objects(to_pointer(a), to_pointer(b), desc);
    }
}

/* Where a NaN is among them the result of a sort depends on its steps. */
static void need_order(double a, double b) {
    if (a != a || b != b)
        rt_bail();
}

static bool decide(int32_t order, enum op op) {
    return op == OP_LT   ? order < 0
           : op == OP_LE ? order <= 0
           : op == OP_GT ? order > 0
                         : order >= 0;
}

/* The first difference decides; without one, the lengths. */
static bool order_lists(const struct list *a, const struct list *b, enum op op) {
    const struct desc *item = a->desc->items[0];
    if (a->count && b->count && !is_like(a->desc, b->desc))
        rt_bail();
    for (uint32_t i = 0; i < a->count && i < b->count; i++)
        if (!rt_equal(rt_list_get(a, i), rt_list_get(b, i), item))
            return rt_order(rt_list_get(a, i), rt_list_get(b, i), item, op);
    return decide(a->count < b->count ? -1 : a->count > b->count, op);
}

static bool order_tuples(const struct tuple *a, const struct tuple *b, enum op op) {
    if (!is_like(a->desc, b->desc))
        rt_bail();
    for (uint32_t i = 0; i < a->count && i < b->count; i++)
        if (!rt_equal(a->slots[i], b->slots[i], a->desc->items[i]))
            return rt_order(a->slots[i], b->slots[i], a->desc->items[i], op);
    return decide(a->count < b->count ? -1 : a->count > b->count, op);
}

RT_API bool rt_order(slot a, slot b, const struct desc *desc, enum op op) {
    void *x = to_pointer(a), *y = to_pointer(b);
    switch (desc->kind) {
    case D_INT:
    case D_BOOL:
        return decide((int64_t)a < (int64_t)b ? -1 : (int64_t)a > (int64_t)b, op);
    case D_FLOAT: {
        double f = to_double(a), g = to_double(b);
        need_order(f, g);
        return op == OP_LT ? f < g : op == OP_LE ? f <= g : op == OP_GT ? f > g : f >= g;
    }
    default:
        break;
    }
    if (!x || !y)
        rt_bail(); /* a TypeError that names both types */
    if (is_number(x) && is_number(y)) {
        need_order(rt_number(x), rt_number(y));
        return compare_numbers(x, y, op);
    }
    if (KIND(x) != KIND(y))
        rt_bail();
    switch (KIND(x)) {
    case STR:
        return decide(rt_str_compare(x, y), op);
    case LIST:
        return order_lists(x, y, op);
    case TUPLE:
        return order_tuples(x, y, op);
    case OBJECT: {
        struct object *o = x, *p = y;
        if (o->class != p->class || !o->class->specials[SPECIAL_LT] || (op != OP_LT && op != OP_GT))
            rt_bail();
        return op == OP_LT ? test(o, p, SPECIAL_LT) : test(p, o, SPECIAL_LT);
    }
    default:
        rt_bail();
    }
}

/* Hashes are Python's for integers: the order of a set follows from them. */

static uint64_t hash_double(double v) {
    if (v != v)
        rt_bail(); /* Python's is that of the object */
    if (v == __builtin_floor(v) && v > -9.0e15 && v < 9.0e15)
        return (uint64_t)(int64_t)v;
    uint64_t bits = of_double(v);
    return (bits ^ bits >> 29) * 0xbf58476d1ce4e5b9u;
}

RT_API uint64_t rt_hash(slot value, const struct desc *desc) {
    switch (desc->kind) {
    case D_INT:
    case D_BOOL:
        return value;
    case D_FLOAT:
        return hash_double(to_double(value));
    default:
        break;
    }
    void *o = to_pointer(value);
    if (!o)
        return 0x345678;
    switch (KIND(o)) {
    case STR:
        return rt_str_hash(o);
    case INT:
    case BOOL:
        return (uint64_t)((struct box *)o)->i;
    case FLOAT:
        return hash_double(((struct box *)o)->f);
    case TUPLE: {
        struct tuple *t = o;
        uint64_t h = 0x9e3779b97f4a7c15u + t->count;
        for (uint32_t i = 0; i < t->count; i++) {
            h = (h ^ rt_hash(t->slots[i], t->desc->items[i])) * 0xff51afd7ed558ccdu;
            h ^= h >> 32;
        }
        return h;
    }
    case OBJECT: {
        struct object *p = o;
        if (p->class->specials[SPECIAL_EQ])
            rt_bail();
        return (uint64_t)(uintptr_t)o >> 4;
    }
    default:
        rt_bail(); /* TypeError: unhashable */
    }
}

/* Text. */

#define NESTED_MAX 60

static void put_repr(struct str *out, slot value, const struct desc *desc, uint32_t depth);

static void put_list(struct str *out, const struct list *l, uint32_t depth) {
    for (uint32_t i = 0; i < l->count; i++) {
        if (i)
            rt_str_fill(out, rt_str_ascii(", "));
        put_repr(out, rt_list_get(l, i), l->desc->items[0], depth);
    }
}

static void put_tuple(struct str *out, const struct tuple *t, uint32_t depth) {
    for (uint32_t i = 0; i < t->count; i++) {
        if (i)
            rt_str_fill(out, rt_str_ascii(", "));
        put_repr(out, t->slots[i], t->desc->items[i], depth);
    }
}

static void put_dict(struct str *out, const struct dict *d, uint32_t depth) {
    bool first = true;
    rt_str_put(out, '{');
    for (uint32_t i = 0; i < d->used; i++) {
        if (!d->entries[i].live)
            continue;
        if (!first)
            rt_str_fill(out, rt_str_ascii(", "));
        first = false;
        put_repr(out, d->entries[i].key, d->desc->items[0], depth);
        rt_str_fill(out, rt_str_ascii(": "));
        put_repr(out, d->entries[i].value, d->desc->items[1], depth);
    }
    rt_str_put(out, '}');
}

static void put_set(struct str *out, struct set *s, uint32_t depth) {
    bool first = true;
    if (!s->count) {
        rt_str_fill(out, rt_str_ascii("set()"));
        return;
    }
    rt_set_iterate(s);
    rt_str_put(out, '{');
    for (uint32_t i = 0; i <= s->mask; i++) {
        if (s->table[i].state != 1)
            continue;
        if (!first)
            rt_str_fill(out, rt_str_ascii(", "));
        first = false;
        put_repr(out, s->table[i].key, s->desc->items[0], depth);
    }
    rt_str_put(out, '}');
}

static void put_range(struct str *out, const struct range *r) {
    rt_str_fill(out, rt_str_ascii("range("));
    rt_str_fill(out, rt_str_of_int(r->start));
    rt_str_fill(out, rt_str_ascii(", "));
    rt_str_fill(out, rt_str_of_int(r->stop));
    if (r->step != 1) {
        rt_str_fill(out, rt_str_ascii(", "));
        rt_str_fill(out, rt_str_of_int(r->step));
    }
    rt_str_put(out, ')');
}

static struct str *call_text(struct object *o, uint32_t function) {
    rt_no_gc++;
    if (++rt_depth > 900)
        rt_bail();
    struct str *text = ((text_fn *)(uintptr_t)function)(o);
    rt_depth--;
    rt_no_gc--;
    return text ? text : rt_str_ascii("");
}

static struct str *object_repr(struct object *o) {
    if (o->class->specials[SPECIAL_REPR])
        return call_text(o, o->class->specials[SPECIAL_REPR]);
    if (!o->class->is_exception)
        rt_bail(); /* an address */
    struct str *out = rt_str_room(32);
    rt_str_fill(out, o->class->name);
    rt_str_put(out, '(');
    void *message = to_pointer(o->fields[0]);
    if (message == o)
        rt_bail();
    if (message)
        put_repr(out, of_pointer(message), &rt_desc_any, 0);
    rt_str_put(out, ')');
    return out;
}

static void put_object(struct str *out, void *o, uint32_t depth) {
    if (!o) {
        rt_str_fill(out, rt_str_ascii("None"));
        return;
    }
    if (depth > NESTED_MAX)
        rt_bail(); /* it may contain itself */
    switch (KIND(o)) {
    case STR:
        rt_str_fill(out, rt_str_repr(o));
        return;
    case INT:
        rt_str_fill(out, rt_str_of_int(((struct box *)o)->i));
        return;
    case FLOAT:
        rt_str_fill(out, rt_float_repr(((struct box *)o)->f));
        return;
    case BOOL:
        rt_str_fill(out, rt_str_ascii(((struct box *)o)->i ? "True" : "False"));
        return;
    case LIST:
        rt_str_put(out, '[');
        put_list(out, o, depth + 1);
        rt_str_put(out, ']');
        return;
    case TUPLE: {
        struct tuple *t = o;
        rt_str_put(out, '(');
        put_tuple(out, t, depth + 1);
        if (t->count == 1)
            rt_str_put(out, ',');
        rt_str_put(out, ')');
        return;
    }
    case DICT:
        put_dict(out, o, depth + 1);
        return;
    case SET:
        put_set(out, o, depth + 1);
        return;
    case RANGE:
        put_range(out, o);
        return;
    case OBJECT:
        rt_str_fill(out, object_repr(o));
        return;
    default:
        rt_bail();
    }
}

static void put_repr(struct str *out, slot value, const struct desc *desc, uint32_t depth) {
    switch (desc->kind) {
    case D_INT:
        rt_str_fill(out, rt_str_of_int((int64_t)value));
        return;
    case D_FLOAT:
        rt_str_fill(out, rt_float_repr(to_double(value)));
        return;
    case D_BOOL:
        rt_str_fill(out, rt_str_ascii(value ? "True" : "False"));
        return;
    case D_FUNCTION:
        rt_bail();
    default:
        put_object(out, to_pointer(value), depth);
    }
}

RT_API struct str *rt_repr(slot value, const struct desc *desc) {
    if (desc->kind == D_FLOAT)
        return rt_float_repr(to_double(value));
    struct str *out = rt_str_room(32);
    put_repr(out, value, desc, 0);
    return out;
}

RT_API struct str *rt_str(slot value, const struct desc *desc) {
    if (desc->kind == D_INT || desc->kind == D_FLOAT || desc->kind == D_BOOL)
        return rt_repr(value, desc);
    void *o = to_pointer(value);
    if (o && KIND(o) == STR)
        return o;
    if (o && KIND(o) == OBJECT) {
        struct object *p = o;
        if (p->class->specials[SPECIAL_STR])
            return call_text(p, p->class->specials[SPECIAL_STR]);
        if (p->class->is_exception && !p->class->specials[SPECIAL_REPR])
            return rt_exception_text(p);
    }
    return rt_repr(value, desc);
}
