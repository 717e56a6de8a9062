/* Values behind ANY: boxes, and operators that find out what they are given. */
#include "transpile/runtime/rt.h"

extern const struct desc rt_desc_list_of_any;

static const struct box small[] = {
#define BOX(n)                                                                                     \
    { .tag = INT | STATIC_OBJECT, .i = n }
#define BOX8(n)                                                                                    \
    BOX(n), BOX(n + 1), BOX(n + 2), BOX(n + 3), BOX(n + 4), BOX(n + 5), BOX(n + 6), BOX(n + 7)
    BOX8(-8), BOX8(0), BOX8(8), BOX8(16), BOX8(24), BOX8(32), BOX8(40), BOX8(48), BOX8(56)};
static const struct box truths[] = {{.tag = BOOL | STATIC_OBJECT, .i = 0},
                                    {.tag = BOOL | STATIC_OBJECT, .i = 1}};

RT_API void *rt_box_int(int64_t value) {
    if (value >= -8 && value < 64)
        return (void *)&small[value + 8];
    struct box *box = rt_new(sizeof(*box), INT);
    box->i = value;
    return box;
}

RT_API void *rt_box_float(double value) {
    struct box *box = rt_new(sizeof(*box), FLOAT);
    box->f = value;
    return box;
}

RT_API void *rt_box_bool(int32_t value) {
    return (void *)&truths[value != 0];
}

void *rt_boxed(slot value, const struct desc *desc) {
    switch (desc->kind) {
    case D_INT:
        return rt_box_int((int64_t)value);
    case D_FLOAT:
        return rt_box_float(to_double(value));
    case D_BOOL:
        return rt_box_bool((int32_t)value);
    default:
        return to_pointer(value);
    }
}

/* What is not of the kind that is needed: the interpreter says what is wrong. */
RT_API int64_t rt_to_int(const struct box *o) {
    if (!o || (KIND(o) != INT && KIND(o) != BOOL))
        rt_bail();
    return o->i;
}

RT_API double rt_to_float(const struct box *o) {
    if (!o || KIND(o) < INT || KIND(o) > BOOL)
        rt_bail();
    return rt_number(o);
}

RT_API int32_t rt_to_bool(const struct box *o) {
    if (!o || KIND(o) != BOOL)
        rt_bail();
    return (int32_t)o->i;
}

RT_API void *rt_to_class(void *o, const struct class *class) {
    if (!rt_is_instance(o, class))
        rt_bail();
    return o;
}

static enum desc_kind kind_of(const void *o) {
    static const uint8_t kinds[] = {
        [STR] = D_STR,     [LIST] = D_LIST,    [DICT] = D_DICT,       [SET] = D_SET,
        [TUPLE] = D_TUPLE, [OBJECT] = D_CLASS, [INT] = D_INT,         [FLOAT] = D_FLOAT,
        [BOOL] = D_BOOL,   [RANGE] = D_RANGE,  [CLOSURE] = D_FUNCTION};
    return kinds[KIND(o)];
}

/* A container that holds ANY: others can be behind ANY only to be shown. */
static void need_plain(const void *o) {
    const struct desc *desc = ((const struct list *)o)->desc;
    for (uint32_t i = 0; i < desc->count; i++)
        if (desc->items[i]->kind != D_ANY)
            rt_bail();
}

/* Containers behind ANY hold ANY, so only the kind must fit; of a tuple, its length too. */
RT_API void *rt_to_kind(void *o, const struct desc *desc) {
    if (!o || kind_of(o) != desc->kind)
        rt_bail();
    if (KIND(o) >= LIST && KIND(o) <= TUPLE)
        need_plain(o);
    if (desc->kind == D_TUPLE && ((struct tuple *)o)->count != desc->count)
        rt_bail();
    return o;
}

RT_API bool rt_is_kind(const void *o, uint32_t kind) {
    return o && (kind_of(o) == kind || (kind == D_INT && KIND(o) == BOOL));
}

RT_API bool rt_is_bool(const struct box *o, int32_t value) {
    return o && KIND(o) == BOOL && o->i == value;
}

RT_API struct str *rt_type_name(const void *o) {
    static const char *const names[] = {
        [STR] = "str",     [LIST] = "list",       [DICT] = "dict",   [SET] = "set",
        [TUPLE] = "tuple", [INT] = "int",         [FLOAT] = "float", [BOOL] = "bool",
        [RANGE] = "range", [CLOSURE] = "function"};
    if (!o)
        return rt_str_ascii("NoneType");
    if (KIND(o) == OBJECT)
        return ((const struct object *)o)->class->name;
    return rt_str_ascii(names[KIND(o)]);
}

RT_API bool rt_truth(const void *o) {
    if (!o)
        return false;
    switch (KIND(o)) {
    case STR:
        return ((const struct str *)o)->size != 0;
    case LIST:
    case DICT:
    case SET:
    case TUPLE:
        return ((const struct list *)o)->count != 0;
    case INT:
    case BOOL:
        return ((const struct box *)o)->i != 0;
    case FLOAT:
        return ((const struct box *)o)->f != 0;
    case RANGE: {
        const struct range *r = o;
        return r->step > 0 ? r->start < r->stop : r->start > r->stop;
    }
    default:
        return true;
    }
}

RT_API int64_t rt_any_len(const void *o) {
    if (!o)
        rt_bail();
    switch (KIND(o)) {
    case STR:
        return ((const struct str *)o)->chars;
    case LIST:
    case DICT:
    case SET:
    case TUPLE:
        return ((const struct list *)o)->count;
    default:
        rt_bail();
    }
}

static void *integers(int64_t a, int64_t b, enum op op) {
    int64_t r;
    switch (op) {
    case OP_ADD:
        if (__builtin_add_overflow(a, b, &r))
            rt_bail();
        return rt_box_int(r);
    case OP_SUB:
        if (__builtin_sub_overflow(a, b, &r))
            rt_bail();
        return rt_box_int(r);
    case OP_MUL:
        return rt_box_int(rt_mul(a, b));
    case OP_DIV:
        return rt_box_float(rt_truediv(a, b));
    case OP_FLOORDIV:
        return rt_box_int(rt_floordiv(a, b));
    case OP_MOD:
        return rt_box_int(rt_mod(a, b));
    case OP_POW:
        return b < 0 ? rt_box_float(rt_float_pow((double)a, (double)b)) : rt_box_int(rt_pow(a, b));
    case OP_AND:
        return rt_box_int(a & b);
    case OP_OR:
        return rt_box_int(a | b);
    case OP_XOR:
        return rt_box_int(a ^ b);
    case OP_SHL:
        return rt_box_int(rt_shl(a, b));
    case OP_SHR:
        return rt_box_int(rt_shr(a, b));
    default:
        rt_bail();
    }
}

static void *floats(double a, double b, enum op op) {
    switch (op) {
    case OP_ADD:
        return rt_box_float(a + b);
    case OP_SUB:
        return rt_box_float(a - b);
    case OP_MUL:
        return rt_box_float(a * b);
    case OP_DIV:
        if (b == 0) {
            rt_error(ZERO_DIVISION, "division by zero");
            return NULL;
        }
        return rt_box_float(a / b);
    case OP_FLOORDIV:
        return rt_box_float(rt_float_floordiv(a, b));
    case OP_MOD:
        return rt_box_float(rt_float_mod(a, b));
    case OP_POW:
        return rt_box_float(rt_float_pow(a, b));
    default:
        rt_bail();
    }
}

struct list *rt_list_add(struct list *a, struct list *b);
struct list *rt_list_repeat(struct list *l, int64_t count);
struct list *rt_list_slice(struct list *l, int64_t low, int64_t high, int64_t step, uint32_t there);

RT_API void *rt_any_binary(void *a, void *b, enum op op) {
    if (is_number(a) && is_number(b)) {
        const struct box *x = a, *y = b;
        if (KIND(a) == BOOL && KIND(b) == BOOL && op >= OP_AND && op <= OP_XOR)
            return rt_box_bool(op == OP_AND  ? x->i & y->i
                               : op == OP_OR ? x->i | y->i
                                             : x->i ^ y->i);
        if (KIND(a) != FLOAT && KIND(b) != FLOAT)
            return integers(x->i, y->i, op);
        return floats(rt_number(a), rt_number(b), op);
    }
    if (!a || !b)
        rt_bail();
    if (KIND(a) == LIST)
        need_plain(a);
    if (KIND(b) == LIST)
        need_plain(b);
    if (op == OP_ADD && KIND(a) == STR && KIND(b) == STR)
        return rt_str_add(a, b);
    if (op == OP_ADD && KIND(a) == LIST && KIND(b) == LIST)
        return rt_list_add(a, b);
    if (op == OP_MUL && KIND(a) == STR && KIND(b) == INT)
        return rt_str_repeat(a, ((struct box *)b)->i);
    if (op == OP_MUL && KIND(b) == STR && KIND(a) == INT)
        return rt_str_repeat(b, ((struct box *)a)->i);
    if (op == OP_MUL && KIND(a) == LIST && KIND(b) == INT)
        return rt_list_repeat(a, ((struct box *)b)->i);
    rt_bail();
}

/* a op= b: containers change in place, which the interpreter does. */
RT_API void *rt_any_inplace(void *a, void *b, enum op op) {
    if (a && KIND(a) != STR && !is_number(a) && KIND(a) != TUPLE)
        rt_bail();
    return rt_any_binary(a, b, op);
}

RT_API void *rt_any_negate(void *o) {
    if (!is_number(o))
        rt_bail();
    const struct box *box = o;
    if (KIND(o) == FLOAT)
        return rt_box_float(-box->f);
    return rt_box_int(rt_mul(box->i, -1));
}

RT_API void *rt_any_positive(void *o) {
    if (!is_number(o) || KIND(o) == BOOL)
        rt_bail();
    return o;
}

RT_API void *rt_any_abs(void *o) {
    if (!is_number(o))
        rt_bail();
    const struct box *box = o;
    if (KIND(o) == FLOAT)
        return rt_box_float(__builtin_fabs(box->f));
    return box->i < 0 ? rt_any_negate(o) : rt_box_int(box->i);
}

RT_API void *rt_any_at(void *o, void *index) {
    if (!o || !index)
        rt_bail();
    if (KIND(o) >= LIST && KIND(o) <= TUPLE)
        need_plain(o);
    if (KIND(o) == DICT) {
        struct dict *d = o;
        slot *found = rt_dict_find(d, of_pointer(index));
        if (!found && !rt_exc)
            rt_bail();
        return found ? to_pointer(*found) : NULL;
    }
    int64_t i = rt_to_int(index);
    if (KIND(o) == STR)
        return rt_str_at(o, i);
    if (KIND(o) == LIST) {
        struct list *l = o;
        i += i < 0 ? l->count : 0;
        if (i < 0 || i >= l->count) {
            rt_error(INDEX_ERROR, "list index out of range");
            return NULL;
        }
        return to_pointer(l->slots[i]);
    }
    if (KIND(o) == TUPLE) {
        struct tuple *t = o;
        i += i < 0 ? t->count : 0;
        if (i < 0 || i >= t->count) {
            rt_error(INDEX_ERROR, "tuple index out of range");
            return NULL;
        }
        return to_pointer(t->slots[i]);
    }
    rt_bail();
}

RT_API void rt_any_set(void *o, slot index, slot value) {
    if (o && KIND(o) >= LIST && KIND(o) <= TUPLE)
        need_plain(o);
    if (o && KIND(o) == DICT) {
        rt_dict_set(o, index, value);
        return;
    }
    if (!o || KIND(o) != LIST)
        rt_bail();
    struct list *l = o;
    int64_t i = rt_to_int(to_pointer(index));
    i += i < 0 ? l->count : 0;
    if (i < 0 || i >= l->count) {
        rt_error(INDEX_ERROR, "list assignment index out of range");
        return;
    }
    l->slots[i] = value;
}

RT_API void *rt_any_slice(void *o, int64_t low, int64_t high, int64_t step, uint32_t there) {
    if (o && KIND(o) == STR)
        return rt_str_slice(o, low, high, step, there);
    if (o && KIND(o) == LIST) {
        need_plain(o);
        return rt_list_slice(o, low, high, step, there);
    }
    rt_bail();
}

/* What a loop over it goes through: the list itself, or what the object holds now. */
RT_API struct list *rt_any_list(void *o) {
    if (!o)
        rt_bail();
    if (KIND(o) >= LIST && KIND(o) <= SET)
        need_plain(o);
    if (KIND(o) == LIST)
        return o;
    struct list *l = rt_list_new(&rt_desc_list_of_any, 0);
    switch (KIND(o)) {
    case TUPLE: {
        struct tuple *t = o;
        for (uint32_t i = 0; i < t->count; i++) {
            rt_list_append(l, of_pointer(rt_boxed(t->slots[i], t->desc->items[i])));
        }
        return l;
    }
    case STR: {
        struct list *chars = rt_str_list(o);
        for (uint32_t i = 0; i < chars->count; i++)
            rt_list_append(l, chars->slots[i]);
        return l;
    }
    case DICT: {
        struct dict *d = o;
        for (uint32_t i = 0; i < d->used; i++)
            if (d->entries[i].live)
                rt_list_append(l, d->entries[i].key);
        return l;
    }
    case SET: {
        struct set *s = o;
        rt_set_iterate(s);
        for (uint32_t i = 0; s->table && i <= s->mask; i++)
            if (s->table[i].state == 1)
                rt_list_append(l, s->table[i].key);
        return l;
    }
    default:
        rt_bail();
    }
}

bool rt_dict_has(struct dict *d, slot key);
bool rt_str_has(const struct str *s, const struct str *what);

RT_API bool rt_any_has(void *o, void *what) {
    if (!o)
        rt_bail();
    if (KIND(o) >= LIST && KIND(o) <= SET)
        need_plain(o);
    if (KIND(o) == DICT)
        return rt_dict_has(o, of_pointer(what));
    if (KIND(o) == SET)
        return rt_set_has(o, of_pointer(what));
    if (KIND(o) == STR) {
        if (!what || KIND(what) != STR)
            rt_bail();
        return rt_str_has(o, what);
    }
    if (KIND(o) != LIST && KIND(o) != TUPLE)
        rt_bail();
    struct list *l = rt_any_list(o);
    for (uint32_t i = 0; i < l->count; i++)
        if (rt_equal(of_pointer(what), l->slots[i], &rt_desc_any))
            return true;
    return false;
}

/* int(), float(), round() of what may be anything. */

static void bad_literal(const struct str *s, int64_t base) {
    struct str *text = rt_str_room(64);
    rt_str_fill(text, rt_str_ascii("invalid literal for int() with base "));
    rt_str_fill(text, rt_str_of_int(base));
    rt_str_fill(text, rt_str_ascii(": "));
    rt_str_fill(text, rt_str_slice(rt_str_repr(s), 0, 200, 1, 3)); /* CPython cuts it there */
    rt_error_str(VALUE_ERROR, text);
}

RT_API int64_t rt_int_of_text(const struct str *s, int64_t base) {
    const uint8_t *p = s->bytes, *end = p + s->size;
    uint64_t value = 0;
    uint32_t digits = 0;
    if (s->chars != s->size || base < 2 || base > 36)
        rt_bail();
    while (p < end && (*p == ' ' || (*p >= 9 && *p <= 13)))
        p++;
    while (p < end && (end[-1] == ' ' || (end[-1] >= 9 && end[-1] <= 13)))
        end--;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (end - p > 2 && *p == '0' && base != 10)
        rt_bail(); /* perhaps a prefix */
    for (; p < end; p++, digits++) {
        uint32_t digit = *p >= '0' && *p <= '9' ? (uint32_t)(*p - '0')
                         : (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'
                             ? (uint32_t)((*p | 0x20) - 'a' + 10)
                             : 99;
        if (*p == '_')
            rt_bail();
        if (digit >= (uint64_t)base) {
            bad_literal(s, base);
            return 0;
        }
        if (value > (INT64_MAX - digit) / (uint64_t)base)
            rt_bail();
        value = value * (uint64_t)base + digit;
    }
    if (!digits) {
        bad_literal(s, base);
        return 0;
    }
    return negative ? -(int64_t)value : (int64_t)value;
}

RT_API double rt_float_of_text(const struct str *s) {
    double value = 0;
    if (s->chars != s->size)
        rt_bail();
    if (!rt_float_parse(s->bytes, s->size, &value)) {
        struct str *text = rt_str_room(64);
        rt_str_fill(text, rt_str_ascii("could not convert string to float: "));
        rt_str_fill(text, rt_str_repr(s));
        rt_error_str(VALUE_ERROR, text);
    }
    return value;
}

RT_API int64_t rt_int_of_any(void *o) {
    if (o && KIND(o) == STR)
        return rt_int_of_text(o, 10);
    if (o && KIND(o) == FLOAT)
        return rt_int_of_float(((struct box *)o)->f);
    return rt_to_int(o);
}

RT_API double rt_float_of_any(void *o) {
    if (o && KIND(o) == STR)
        return rt_float_of_text(o);
    return rt_to_float(o);
}

double rt_round_to(double value, int64_t places);
int64_t rt_round(double value);

RT_API void *rt_round_any(void *o, int64_t places, int32_t there) {
    if (!is_number(o))
        rt_bail();
    if (KIND(o) != FLOAT) {
        if (there && places < 0)
            rt_bail();
        return rt_box_int(((struct box *)o)->i);
    }
    double value = ((struct box *)o)->f;
    return there ? rt_box_float(rt_round_to(value, places)) : rt_box_int(rt_round(value));
}
