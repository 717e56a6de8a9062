/* Inference: operators, elements, slices, attributes, iteration. */
#include "transpile/infer.h"

static const struct {
    const char *name, *reflected;
} operator_methods[] = {
    [PA_OP_ADD] = {"__add__", "__radd__"},
    [PA_OP_SUB] = {"__sub__", "__rsub__"},
    [PA_OP_MUL] = {"__mul__", "__rmul__"},
    [PA_OP_DIV] = {"__truediv__", "__rtruediv__"},
    [PA_OP_FLOORDIV] = {"__floordiv__", "__rfloordiv__"},
    [PA_OP_MOD] = {"__mod__", "__rmod__"},
    [PA_OP_POW] = {"__pow__", "__rpow__"},
    [PA_OP_AND] = {"__and__", "__rand__"},
    [PA_OP_OR] = {"__or__", "__ror__"},
    [PA_OP_XOR] = {"__xor__", "__rxor__"},
    [PA_OP_SHL] = {"__lshift__", "__rlshift__"},
    [PA_OP_SHR] = {"__rshift__", "__rrshift__"},
    [PA_OP_EQ] = {"__eq__", "__eq__"},
    [PA_OP_NE] = {"__ne__", "__ne__"},
    [PA_OP_LT] = {"__lt__", "__gt__"},
    [PA_OP_LE] = {"__le__", "__ge__"},
    [PA_OP_GT] = {"__gt__", "__lt__"},
    [PA_OP_GE] = {"__ge__", "__le__"},
};

const char *pa_operator_method(enum pa_op op, bool reflected) {
    return reflected ? operator_methods[op].reflected : operator_methods[op].name;
}

static struct pa_class *class_of(struct pa_value_type type) {
    struct pa_type *known = pa_type_find(type.type);
    return known && known->kind == PA_T_CLASS ? known->class : NULL;
}

/* An operator that a class of the program defines; *ret_there says whether. */
static struct pa_value_type infer_operator_method(struct pa_infer *x, struct pa_node *node,
                                                  enum pa_op op, struct pa_value_type a,
                                                  struct pa_value_type b, bool *ret_there) {
    struct pa_value_type args[] = {a, b}, swapped[] = {b, a}, result = {0};
    *ret_there = false;
    if (class_of(a))
        result = pa_infer_special_if(x, node, class_of(a), operator_methods[op].name, args, 2,
                                     ret_there);
    if (!*ret_there && class_of(b))
        result = pa_infer_special_if(x, node, class_of(b), operator_methods[op].reflected, swapped,
                                     2, ret_there);
    return result;
}

static struct pa_value_type infer_numbers(struct pa_infer *x, struct pa_node *node, enum pa_op op,
                                          struct pa_value_type a, struct pa_value_type b) {
    bool integral = pa_type_is_integral(a) && pa_type_is_integral(b);
    struct pa_value_type t_int = pa_type_of(x->program, PA_T_INT);
    struct pa_value_type t_float = pa_type_of(x->program, PA_T_FLOAT);
    switch (op) {
    case PA_OP_DIV:
        return t_float;
    case PA_OP_POW:
        if (integral && node->b && node->b->kind == PA_N_NEGATE)
            return t_float;
        return integral ? t_int : t_float;
    case PA_OP_AND:
    case PA_OP_OR:
    case PA_OP_XOR:
        if (integral && pa_type_is(a, PA_T_BOOL) && pa_type_is(b, PA_T_BOOL))
            return pa_type_of(x->program, PA_T_BOOL);
        /* fall through */
    case PA_OP_SHL:
    case PA_OP_SHR:
        if (integral)
            return t_int;
        break;
    default:
        return integral ? t_int : t_float;
    }
    pa_refuse(x->tree, &node->place, "this operator on floats");
}

static struct pa_value_type add_tuples(struct pa_infer *x, struct pa_node *node, struct pa_type *a,
                                       struct pa_type *b) {
    struct pa_value_type type = pa_infer_fresh(x, node, PA_T_TUPLE, a->item_count + b->item_count);
    if (type.type->item_count != a->item_count + b->item_count)
        pa_refuse(x->tree, &node->place, "a tuple whose length depends");
    for (uint32_t i = 0; i < a->item_count; i++)
        pa_infer_item(x, type, i, a->items[i]);
    for (uint32_t i = 0; i < b->item_count; i++)
        pa_infer_item(x, type, a->item_count + i, b->items[i]);
    return type;
}

struct pa_value_type pa_infer_binary(struct pa_infer *x, struct pa_node *node, enum pa_op op,
                                     struct pa_value_type a, struct pa_value_type b) {
    struct pa_type *ta = pa_type_find(a.type), *tb = pa_type_find(b.type);
    bool there;
    if (!ta || !tb) {
        if (op == PA_OP_MOD && ta && ta->kind == PA_T_STR)
            return a;
        if (pa_type_is_unknown(a) || pa_type_is_unknown(b))
            return (struct pa_value_type){0};
        pa_refuse(x->tree, &node->place, "an operator on None");
    }
    struct pa_value_type by_method = infer_operator_method(x, node, op, a, b, &there);
    if (there)
        return by_method;
    if (op == PA_OP_MOD && ta->kind == PA_T_STR) {
        pa_infer_to_any(x, b);
        return pa_type_of(x->program, PA_T_STR);
    }
    if (ta->kind == PA_T_ANY || tb->kind == PA_T_ANY) {
        pa_infer_to_any(x, a);
        pa_infer_to_any(x, b);
        return pa_type_of(x->program, PA_T_ANY);
    }
    if (pa_type_is_number(a) && pa_type_is_number(b))
        return infer_numbers(x, node, op, a, b);
    if (op == PA_OP_ADD && ta->kind == PA_T_TUPLE && tb->kind == PA_T_TUPLE)
        return add_tuples(x, node, ta, tb);
    bool same = ta->kind == tb->kind;
    if (same && ((op == PA_OP_ADD && (ta->kind == PA_T_STR || ta->kind == PA_T_LIST)) ||
                 (op == PA_OP_OR && ta->kind == PA_T_DICT) ||
                 (ta->kind == PA_T_SET &&
                  (op == PA_OP_OR || op == PA_OP_AND || op == PA_OP_SUB || op == PA_OP_XOR)))) {
        struct pa_value_type both = {.type = ta};
        pa_type_mix(x->program, &both, (struct pa_value_type){.type = tb});
        return both;
    }
    if (op == PA_OP_MUL && (ta->kind == PA_T_STR || ta->kind == PA_T_LIST) &&
        pa_type_is_integral(b))
        return (struct pa_value_type){.type = ta};
    if (op == PA_OP_MUL && (tb->kind == PA_T_STR || tb->kind == PA_T_LIST) &&
        pa_type_is_integral(a))
        return (struct pa_value_type){.type = tb};
    pa_refuse(x->tree, &node->place, "this operator on a %s and a %s", pa_type_name(x->program, a),
              pa_type_name(x->program, b));
}

/* Values that may be equal are compared by one descriptor: containers of one kind become one type.
 */
static void infer_equality(struct pa_infer *x, struct pa_value_type a, struct pa_value_type b) {
    if (!a.type || !b.type || pa_type_is_number(a) || class_of(a) ||
        pa_type_find(a.type)->kind != pa_type_find(b.type)->kind)
        return;
    struct pa_type *ta = pa_type_find(a.type), *tb = pa_type_find(b.type);
    if (ta->item_count == tb->item_count) {
        struct pa_value_type both = {.type = ta};
        pa_type_mix(x->program, &both, (struct pa_value_type){.type = tb});
    } else {
        pa_infer_to_any(x, a);
        pa_infer_to_any(x, b);
    }
}

static void compare_in(struct pa_infer *x, struct pa_node *node, struct pa_node *right,
                       struct pa_value_type a) {
    struct pa_value_type item = {0}, b = {0};
    enum pa_lazy lazy = pa_lazy_kind(right);
    if (lazy == PA_LAZY_NOT || lazy == PA_LAZY_RANGE) { /* a range is asked, not gone through */
        b = pa_infer_expression(x, right);
        if (!pa_type_is(b, PA_T_CLASS))
            item = pa_infer_items_of(x, b, &right->place);
    } else {
        item = pa_infer_iteration(x, right);
        b = right->type;
    }
    if (pa_type_is(b, PA_T_CLASS)) {
        struct pa_value_type args[] = {b, a};
        pa_infer_special(x, node, class_of(b), "__contains__", args, 2);
        return;
    }
    if (pa_type_is(item, PA_T_ANY) || pa_type_is(b, PA_T_ANY))
        pa_infer_to_any(x, a);
    if (pa_type_is(b, PA_T_STR) && a.type && !pa_type_is(a, PA_T_STR) && !pa_type_is(a, PA_T_ANY))
        pa_refuse(x->tree, &node->place, "`in` of a %s and a str", pa_type_name(x->program, a));
    if (class_of(a) && class_of(item)) {
        bool there;
        infer_operator_method(x, node, PA_OP_EQ, a, item, &there);
    } else if (!pa_type_is(b, PA_T_DICT) && !pa_type_is(b, PA_T_SET)) { /* which find by hashes */
        infer_equality(x, a, item);
    }
}

/* Objects that are one or two for certain; of numbers and texts that is the build's affair. */
static bool has_identity(struct pa_value_type type) {
    return pa_type_is(type, PA_T_CLASS) || pa_type_is(type, PA_T_LIST) ||
           pa_type_is(type, PA_T_DICT) || pa_type_is(type, PA_T_SET);
}

struct pa_value_type pa_infer_compare(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type result = pa_type_of(x->program, PA_T_BOOL);
    struct pa_value_type a = pa_infer_expression(x, node->kids[0]);
    for (uint32_t i = 1; i < node->kid_count; i++) {
        enum pa_op op = node->ops[i - 1];
        struct pa_node *right = node->kids[i];
        if (op == PA_OP_IN || op == PA_OP_NOT_IN) {
            compare_in(x, node, right, a);
            a = right->type;
            if (node->kid_count > 2)
                pa_refuse(x->tree, &node->place, "a chain with `in`");
            continue;
        }
        struct pa_value_type b = pa_infer_expression(x, right);
        if (op == PA_OP_IS || op == PA_OP_IS_NOT) {
            bool objects = has_identity(a) && has_identity(b);
            if (right->kind != PA_N_NONE && right->kind != PA_N_BOOL && !objects && a.type &&
                b.type)
                pa_refuse(x->tree, &node->place, "`is` is supported for None, True and False only");
            a = b;
            continue;
        }
        bool there = false;
        if (class_of(a) || class_of(b)) {
            struct pa_value_type verdict = infer_operator_method(x, node, op, a, b, &there);
            if (!there && op == PA_OP_NE)
                verdict = infer_operator_method(x, node, PA_OP_EQ, a, b, &there);
            if (there && verdict.type && !pa_type_is(verdict, PA_T_BOOL))
                pa_refuse(x->tree, &node->place, "a comparison that does not give a bool");
            if (!there && op != PA_OP_EQ && op != PA_OP_NE)
                pa_refuse(x->tree, &node->place, "this class has no order");
        }
        if (pa_type_is(a, PA_T_ANY) || pa_type_is(b, PA_T_ANY)) {
            pa_infer_to_any(x, a);
            pa_infer_to_any(x, b);
        } else if (op != PA_OP_EQ && op != PA_OP_NE && !there && a.type && b.type &&
                   !(pa_type_is_number(a) && pa_type_is_number(b)) &&
                   pa_type_find(a.type)->kind != pa_type_find(b.type)->kind) {
            pa_refuse(x->tree, &node->place, "a %s and a %s have no order",
                      pa_type_name(x->program, a), pa_type_name(x->program, b));
        } else if (!there) {
            infer_equality(x, a, b);
        }
        a = b;
    }
    return result;
}

static void need_integer(struct pa_infer *x, struct pa_node *node, struct pa_value_type type) {
    if (type.type && !pa_type_is_integral(type) && !pa_type_is(type, PA_T_ANY))
        pa_refuse(x->tree, &node->place, "an index that is a %s", pa_type_name(x->program, type));
    if (!type.type && type.none)
        pa_refuse(x->tree, &node->place, "an index that is None");
}

/* The value of a constant index, as in t[0] and t[-1]. */
bool pa_constant_index(const struct pa_node *node, int64_t *ret) {
    bool negative = node->kind == PA_N_NEGATE;
    const struct pa_node *number = negative ? node->a : node;
    if (number->kind != PA_N_INT)
        return false;
    *ret = negative ? -number->ival : number->ival;
    return true;
}

struct pa_value_type pa_infer_index(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type object = pa_infer_expression(x, node->a);
    struct pa_value_type index = pa_infer_expression(x, node->b);
    struct pa_type *known = pa_type_find(object.type);
    int64_t at;
    if (!known)
        return (struct pa_value_type){0};
    switch (known->kind) {
    case PA_T_LIST:
        need_integer(x, node, index);
        return known->items[0];
    case PA_T_STR:
        need_integer(x, node, index);
        return pa_type_of(x->program, PA_T_STR);
    case PA_T_RANGE:
        need_integer(x, node, index);
        return pa_type_of(x->program, PA_T_INT);
    case PA_T_DICT:
        if (pa_type_is(known->items[0], PA_T_ANY))
            pa_infer_to_any(x, index);
        return known->items[1];
    case PA_T_TUPLE:
        if (pa_constant_index(node->b, &at)) {
            at += at < 0 ? known->item_count : 0;
            if (at < 0 || at >= known->item_count)
                pa_refuse(x->tree, &node->place, "the index is not in the tuple");
            return known->items[at];
        }
        need_integer(x, node, index);
        return pa_infer_items_of(x, object, &node->place);
    case PA_T_ANY:
        pa_infer_to_any(x, index);
        return pa_type_of(x->program, PA_T_ANY);
    case PA_T_CLASS: {
        struct pa_value_type args[] = {object, index};
        return pa_infer_special(x, node, known->class, "__getitem__", args, 2);
    }
    default:
        pa_refuse(x->tree, &node->place, "a %s has no elements", pa_type_name(x->program, object));
    }
}

struct pa_value_type pa_infer_slice(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type object = pa_infer_expression(x, node->a);
    for (uint32_t i = 0; i < 3; i++)
        if (node->kids[i]) {
            struct pa_value_type part = pa_infer_expression(x, node->kids[i]);
            if (part.type || !part.none)
                need_integer(x, node->kids[i], part);
            else
                node->kids[i] = NULL; /* x[None:3] */
        }
    struct pa_type *known = pa_type_find(object.type);
    if (!known)
        return (struct pa_value_type){0};
    if (known->kind == PA_T_TUPLE) {
        /* Of a known part: bounds that are constants, no step. */
        int64_t low = 0, high = known->item_count, n = known->item_count;
        if ((node->kids[0] && !pa_constant_index(node->kids[0], &low)) ||
            (node->kids[1] && !pa_constant_index(node->kids[1], &high)) || node->kids[2])
            pa_refuse(x->tree, &node->place, "this slice of a tuple is not supported");
        low = low < 0 ? PA_MAX(low + n, 0) : PA_MIN(low, n);
        high = high < 0 ? PA_MAX(high + n, 0) : PA_MIN(high, n);
        uint32_t count = high > low ? (uint32_t)(high - low) : 0;
        struct pa_value_type part = pa_infer_fresh(x, node, PA_T_TUPLE, count);
        node->ival = low;
        for (uint32_t i = 0; i < count; i++)
            pa_infer_item(x, part, i, known->items[low + i]);
        return part;
    }
    if (known->kind != PA_T_LIST && known->kind != PA_T_STR && known->kind != PA_T_ANY)
        pa_refuse(x->tree, &node->place, "a slice of a %s is not supported",
                  pa_type_name(x->program, object));
    return (struct pa_value_type){.type = known};
}

struct pa_value_type pa_infer_attribute(struct pa_infer *x, struct pa_node *node) {
    struct pa_node *of = node->a;
    if (pa_streq(node->str, "__name__") && of->kind == PA_N_CALL && of->a->kind == PA_N_NAME &&
        !of->a->variable && pa_streq(of->a->str, "type") && of->kid_count == 1) {
        pa_infer_expression(x, of->kids[0]);
        return pa_type_of(x->program, PA_T_STR);
    }
    struct pa_value_type object = pa_infer_expression(x, node->a);
    struct pa_type *known = pa_type_find(object.type);
    if (!known)
        return (struct pa_value_type){0};
    if (known->kind == PA_T_MODULE)
        return pa_infer_module_value(x, node, known->name, node->str);
    if (known->kind == PA_T_TYPE || known->kind == PA_T_CLASS) {
        struct pa_field *field =
            known->kind == PA_T_CLASS ? pa_class_field(known->class, node->str) : NULL;
        if (field)
            return field->type;
        struct pa_function *method = pa_class_method(known->class, node->str);
        if (method && method->def->is_property && known->kind == PA_T_CLASS)
            return pa_infer_special(x, node, known->class, node->str, &object, 1);
        struct pa_variable *v = pa_class_attribute(known->class, node->str);
        if (v)
            return v->web->type;
        if (known->kind == PA_T_TYPE && pa_streq(node->str, "__name__"))
            return pa_type_of(x->program, PA_T_STR);
        pa_refuse(x->tree, &node->place, "%.60s of %.60s is not supported as a value", node->str,
                  known->class->name);
    }
    if (known->kind == PA_T_BUILTIN && pa_streq(node->str, "__name__"))
        return pa_type_of(x->program, PA_T_STR);
    if (known->kind == PA_T_ANY) {
        /* Of whichever class it is. */
        struct pa_value_type all = {0};
        for (struct pa_class *class = x->program->classes; class; class = class->next) {
            struct pa_field *field = class->instantiated ? pa_class_field(class, node->str) : NULL;
            if (field)
                pa_type_mix(x->program, &all, field->type);
        }
        if (pa_type_is_unknown(all))
            pa_refuse(x->tree, &node->place, "the attribute %.60s of a mixture of types",
                      node->str);
        return all;
    }
    pa_refuse(x->tree, &node->place, "the attribute %.60s of a %s", node->str,
              pa_type_name(x->program, object));
}

struct pa_value_type pa_infer_items_of(struct pa_infer *x, struct pa_value_type type,
                                       const struct pa_place *place) {
    struct pa_type *known = pa_type_find(type.type);
    struct pa_value_type all = {0};
    if (!known)
        return all;
    switch (known->kind) {
    case PA_T_LIST:
    case PA_T_SET:
    case PA_T_DICT:
        return known->items[0];
    case PA_T_STR:
        return pa_type_of(x->program, PA_T_STR);
    case PA_T_RANGE:
        return pa_type_of(x->program, PA_T_INT);
    case PA_T_TUPLE:
        /* One loop variable for all: they must be alike, or become so. */
        for (uint32_t i = 0; i < known->item_count; i++)
            pa_type_mix(x->program, &all, known->items[i]);
        for (uint32_t i = 0; i < known->item_count && pa_type_is(all, PA_T_ANY); i++)
            pa_infer_to_any(x, known->items[i]);
        return all;
    case PA_T_ANY:
        return pa_type_of(x->program, PA_T_ANY);
    default:
        pa_refuse(x->tree, place, "iteration over a %s is not supported",
                  pa_type_name(x->program, type));
    }
}

enum pa_lazy pa_lazy_kind(const struct pa_node *node) {
    static const struct {
        const char *name;
        enum pa_lazy kind;
    } names[] = {{"range", PA_LAZY_RANGE},   {"enumerate", PA_LAZY_ENUMERATE},
                 {"zip", PA_LAZY_ZIP},       {"map", PA_LAZY_MAP},
                 {"filter", PA_LAZY_FILTER}, {"reversed", PA_LAZY_REVERSED},
                 {"iter", PA_LAZY_NOT}};
    if (node->kind == PA_N_GENERATOR)
        return PA_LAZY_GENERATOR;
    if (node->kind != PA_N_CALL)
        return PA_LAZY_NOT;
    if (node->a->kind == PA_N_NAME && !node->a->variable) {
        for (size_t i = 0; i < PA_ARRAY_LEN(names); i++)
            if (pa_streq(names[i].name, node->a->str))
                return names[i].kind;
    }
    if (node->a->kind == PA_N_ATTRIBUTE && node->kid_count == 0) {
        const char *name = node->a->str;
        if (pa_streq(name, "items"))
            return PA_LAZY_ITEMS;
        if (pa_streq(name, "keys"))
            return PA_LAZY_KEYS;
        if (pa_streq(name, "values"))
            return PA_LAZY_VALUES;
    }
    return PA_LAZY_NOT;
}

static struct pa_value_type iterate_zip(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type tuple = pa_infer_fresh(x, node, PA_T_TUPLE, node->kid_count);
    if (!node->kid_count)
        pa_refuse(x->tree, &node->place, "zip() of nothing");
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (node->kids[i]->kind == PA_N_KEYWORD || node->kids[i]->kind == PA_N_STAR)
            pa_refuse(x->tree, &node->place, "this argument of zip() is not supported");
        pa_infer_item(x, tuple, i, pa_infer_iteration(x, node->kids[i]));
    }
    return tuple;
}

static struct pa_value_type iterate_enumerate(struct pa_infer *x, struct pa_node *node) {
    struct pa_node *start = pa_keyword(node, "start");
    uint32_t count = pa_positional(x, node, "start", 1, start ? 1 : 2);
    struct pa_value_type pair = pa_infer_fresh(x, node, PA_T_TUPLE, 2);
    pa_infer_item(x, pair, 0, pa_type_of(x->program, PA_T_INT));
    pa_infer_item(x, pair, 1, pa_infer_iteration(x, node->kids[0]));
    if (start || count == 2) {
        struct pa_node *from = start ? start : node->kids[1];
        need_integer(x, from, pa_infer_expression(x, from));
    }
    return pair;
}

static struct pa_value_type iterate_map(struct pa_infer *x, struct pa_node *node) {
    uint32_t count = pa_positional(x, node, "", 2, 4);
    struct pa_value_type args[4];
    for (uint32_t i = 1; i < count; i++)
        args[i - 1] = pa_infer_iteration(x, node->kids[i]);
    return pa_infer_apply(x, node->kids[0], args, count - 1);
}

static struct pa_value_type iterate_view(struct pa_infer *x, struct pa_node *node,
                                         enum pa_lazy lazy) {
    struct pa_value_type object = pa_infer_expression(x, node->a->a);
    struct pa_type *known = pa_type_find(object.type);
    if (known && known->kind == PA_T_CLASS) { /* a method of the program's */
        struct pa_value_type type = pa_infer_expression(x, node);
        return pa_infer_items_of(x, type, &node->place);
    }
    if (known && known->kind != PA_T_DICT && known->kind != PA_T_ANY)
        pa_refuse(x->tree, &node->place, "a %s has no %s()", pa_type_name(x->program, object),
                  node->a->str);
    struct pa_value_type any = pa_type_of(x->program, PA_T_ANY);
    bool is_any = known && known->kind == PA_T_ANY;
    struct pa_value_type key = {0}, value = {0};
    if (known) {
        key = is_any ? any : known->items[0];
        value = is_any ? any : known->items[1];
    }
    if (lazy != PA_LAZY_ITEMS)
        return lazy == PA_LAZY_KEYS ? key : value;
    struct pa_value_type pair = pa_infer_fresh(x, node, PA_T_TUPLE, 2);
    pa_infer_item(x, pair, 0, key);
    pa_infer_item(x, pair, 1, value);
    return pair;
}

static struct pa_value_type iterate_generator(struct pa_infer *x, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *clause = node->kids[i];
        pa_infer_assign(x, clause->a, pa_infer_iteration(x, clause->b));
        for (uint32_t k = 0; k < clause->kid_count; k++)
            pa_infer_expression(x, clause->kids[k]);
    }
    return pa_infer_expression(x, node->a);
}

struct pa_value_type pa_infer_iteration(struct pa_infer *x, struct pa_node *node) {
    enum pa_lazy lazy = pa_lazy_kind(node);
    switch (lazy) {
    case PA_LAZY_GENERATOR:
        return iterate_generator(x, node);
    case PA_LAZY_RANGE: {
        uint32_t count = pa_positional(x, node, "", 1, 3);
        for (uint32_t i = 0; i < count; i++)
            need_integer(x, node->kids[i], pa_infer_expression(x, node->kids[i]));
        node->type = pa_type_of(x->program, PA_T_RANGE);
        return pa_type_of(x->program, PA_T_INT);
    }
    case PA_LAZY_ENUMERATE:
        return iterate_enumerate(x, node);
    case PA_LAZY_ZIP:
        return iterate_zip(x, node);
    case PA_LAZY_MAP:
        return iterate_map(x, node);
    case PA_LAZY_FILTER: {
        pa_positional(x, node, "", 2, 2);
        struct pa_value_type item = pa_infer_iteration(x, node->kids[1]);
        if (node->kids[0]->kind != PA_N_NONE)
            pa_infer_apply(x, node->kids[0], &item, 1);
        return item;
    }
    case PA_LAZY_REVERSED: {
        pa_positional(x, node, "", 1, 1);
        struct pa_value_type item = pa_infer_iteration(x, node->kids[0]);
        enum pa_lazy inner = pa_lazy_kind(node->kids[0]);
        if (inner != PA_LAZY_NOT && inner != PA_LAZY_RANGE && inner < PA_LAZY_ITEMS)
            pa_refuse(x->tree, &node->place, "reversed() of this is not possible");
        if (pa_type_is(node->kids[0]->type, PA_T_SET) && inner == PA_LAZY_NOT)
            pa_refuse(x->tree, &node->place, "reversed() of a set is not possible");
        return item;
    }
    case PA_LAZY_ITEMS:
    case PA_LAZY_KEYS:
    case PA_LAZY_VALUES:
        return iterate_view(x, node, lazy);
    default:
        return pa_infer_items_of(x, pa_infer_expression(x, node), &node->place);
    }
}
