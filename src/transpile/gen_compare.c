/* Generation: comparisons, `in` and `is`. */
#include "transpile/gen.h"

#define INT pa_type_of(f->g->program, PA_T_INT)
#define ANY pa_type_of(f->g->program, PA_T_ANY)

static const uint8_t int_compare[] = {[PA_OP_EQ] = 0x51, [PA_OP_NE] = 0x52, [PA_OP_LT] = 0x53,
                                      [PA_OP_GT] = 0x55, [PA_OP_LE] = 0x57, [PA_OP_GE] = 0x59};
static const uint8_t float_compare[] = {[PA_OP_EQ] = 0x61, [PA_OP_NE] = 0x62, [PA_OP_LT] = 0x63,
                                        [PA_OP_GT] = 0x64, [PA_OP_LE] = 0x65, [PA_OP_GE] = 0x66};

/* The result of a three-way comparison against zero. */
static void compare_result(struct g_fn *f, enum pa_op op) {
    static const uint8_t ops[] = {[PA_OP_EQ] = 0x46, [PA_OP_NE] = 0x47, [PA_OP_LT] = 0x48,
                                  [PA_OP_GT] = 0x4a, [PA_OP_LE] = 0x4c, [PA_OP_GE] = 0x4e};
    g_i32(f, 0);
    g_op(f, ops[op]);
}

static void compare_values(struct g_fn *f, struct pa_node *node, enum pa_op op,
                           struct pa_value_type a, struct pa_value_type b) {
    struct pa_type *ta = pa_type_find(a.type), *tb = pa_type_find(b.type);
    bool equality = op == PA_OP_EQ || op == PA_OP_NE;
    if (pa_type_is_number(a) && pa_type_is_number(b)) {
        bool fa = ta->kind == PA_T_FLOAT, fb = tb->kind == PA_T_FLOAT;
        if (fa && fb) {
            g_op(f, float_compare[op]);
        } else if (!fa && !fb) {
            g_convert_both(f, node, a, b, INT);
            g_op(f, int_compare[op]);
        } else {
            /* Exactly, as Python does: an int of 63 bits is not a float. */
            g_to_slot(f, b);
            uint32_t second = g_local(f, G_I64);
            g_set(f, second);
            g_to_slot(f, a);
            g_get(f, second);
            g_i32(f, fa);
            g_i32(f, op);
            g_rt(f, "rt_compare_mixed");
            g_free_local(f, second);
        }
        return;
    }
    if (!ta || !tb) {
        /* None, or something and None. */
        if (!equality) {
            g_bail(f);
            return;
        }
        if (g_repr(a) == G_I32 && g_repr(b) == G_I32 && !pa_type_is(a, PA_T_BOOL) &&
            !pa_type_is(b, PA_T_BOOL)) {
            g_op(f, op == PA_OP_EQ ? 0x46 : 0x47);
        } else {
            g_op(f, 0x1a);
            g_op(f, 0x1a);
            g_i32(f, op == PA_OP_NE);
        }
        return;
    }
    bool class_a = ta->kind == PA_T_CLASS, class_b = tb->kind == PA_T_CLASS;
    if (class_a || class_b) {
        const char *name = pa_operator_method(op, false);
        const char *reflected = pa_operator_method(op, true);
        bool negate = false;
        if (op == PA_OP_NE && !(class_a && pa_class_method(ta->class, "__ne__"))) {
            name = reflected = "__eq__";
            negate = true;
        }
        bool by_a = class_a && pa_class_method(ta->class, name);
        bool by_b = class_b && pa_class_method(tb->class, reflected);
        if (by_a || by_b) {
            struct g_temp args[2];
            args[1] = g_temp_set(f, b);
            args[0] = g_temp_set(f, a);
            struct g_temp swapped[2] = {args[1], args[0]};
            struct pa_value_type result = pa_type_of(f->g->program, PA_T_BOOL);
            g_special(f, node, by_a ? name : reflected, by_a ? args : swapped, 2, result);
            if (negate)
                g_op(f, 0x45);
            g_temp_free(f, args[0]);
            g_temp_free(f, args[1]);
            return;
        }
    }
    if (ta->kind == PA_T_STR && tb->kind == PA_T_STR && !a.none && !b.none) {
        g_rt(f, equality ? "rt_str_equal" : "rt_str_compare");
        if (op == PA_OP_NE)
            g_op(f, 0x45);
        if (!equality)
            compare_result(f, op);
        return;
    }
    struct pa_value_type as = ta->kind == tb->kind && ta == tb ? a : ANY;
    if (ta->kind == PA_T_ANY || tb->kind == PA_T_ANY || ta == tb || (class_a && class_b) ||
        (ta->kind == PA_T_TUPLE && tb->kind == PA_T_TUPLE)) {
        if (class_a && class_b)
            as = a;
        if (as.type != a.type || as.type != b.type)
            g_convert_both(f, node, a, b, as);
        g_to_slot(f, as);
        uint32_t second = g_local(f, G_I64);
        g_set(f, second);
        g_to_slot(f, as);
        g_get(f, second);
        g_free_local(f, second);
        g_i32(f, (int32_t)g_descriptor(f->g, as));
        if (equality) {
            g_rt(f, "rt_equal");
            if (op == PA_OP_NE)
                g_op(f, 0x45);
        } else {
            g_i32(f, op);
            g_rt(f, "rt_order");
        }
        g_check(f, node);
        return;
    }
    /* Two types that are never equal. */
    if (!equality)
        pa_refuse(f->g->tree, &node->place, "this comparison is not supported");
    g_op(f, 0x1a);
    g_op(f, 0x1a);
    g_i32(f, op == PA_OP_NE);
}

static void compare_is(struct g_fn *f, struct pa_node *node, struct pa_value_type a,
                       struct pa_value_type b, struct pa_node *right, enum pa_op op) {
    if (right->kind == PA_N_BOOL) {
        g_op(f, 0x1a);
        if (pa_type_is(a, PA_T_BOOL)) {
            g_i32(f, (int32_t)right->ival);
            g_op(f, 0x46);
        } else if (pa_type_is(a, PA_T_ANY)) {
            g_i32(f, (int32_t)right->ival);
            g_rt(f, "rt_is_bool");
        } else {
            g_op(f, 0x1a);
            g_i32(f, 0);
        }
    } else if (g_repr(a) == G_I32 && !pa_type_is(a, PA_T_BOOL) && g_repr(b) == G_I32) {
        g_op(f, 0x46);
    } else {
        g_op(f, 0x1a);
        g_op(f, 0x1a);
        g_i32(f, 0);
    }
    if (op == PA_OP_IS_NOT)
        g_op(f, 0x45);
    (void)node;
}

struct search {
    struct g_temp wanted, found;
    struct pa_value_type item;
    struct pa_node *node;
    struct g_label exit;
};

static void search_body(struct g_fn *f, void *context) {
    struct search *s = context;
    uint32_t item = g_local(f, g_repr(s->item));
    /* What is there itself is found without being asked. */
    bool objects = pa_type_is_pointer(s->item) && pa_type_is_pointer(s->wanted.type);
    g_set(f, item);
    if (pa_type_is(s->item, PA_T_FLOAT) && pa_type_is(s->wanted.type, PA_T_FLOAT)) {
        /* Of two NaNs nobody knows here whether they are one object. */
        g_get(f, item);
        g_get(f, item);
        g_op(f, 0x62);
        g_get(f, s->wanted.local);
        g_get(f, s->wanted.local);
        g_op(f, 0x62);
        g_op(f, 0x71);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
    }
    if (objects) {
        g_get(f, item);
        g_get(f, s->wanted.local);
        g_op(f, 0x46);
        g_if(f, G_I32);
        g_i32(f, 1);
        g_else(f);
    }
    g_get(f, item);
    g_get(f, s->wanted.local);
    compare_values(f, s->node, PA_OP_EQ, s->item, s->wanted.type);
    if (objects)
        g_end(f);
    g_tee(f, s->found.local);
    g_br_if(f, s->exit);
    g_free_local(f, item);
}

static void compare_in(struct g_fn *f, struct pa_node *node) {
    struct pa_node *left = node->kids[0], *right = node->kids[1];
    struct pa_value_type b = right->type;
    enum pa_lazy lazy = pa_lazy_kind(right);
    if (lazy == PA_LAZY_KEYS) {
        right = right->a->a;
        b = right->type;
        lazy = PA_LAZY_NOT;
    }
    struct pa_type *tb = lazy == PA_LAZY_NOT || lazy == PA_LAZY_RANGE ? pa_type_find(b.type) : NULL;
    g_expression(f, left);
    struct g_temp wanted = g_temp_set(f, left->type);
    enum pa_type_kind kind = tb ? tb->kind : PA_T_MODULE;
    if (kind == PA_T_DICT || kind == PA_T_SET) {
        struct pa_value_type key = pa_type_item(b, 0);
        struct pa_type *ta = pa_type_find(left->type.type), *tk = pa_type_find(key.type);
        bool fits = ta && tk &&
                    (ta->kind == tk->kind || tk->kind == PA_T_ANY || ta->kind == PA_T_ANY ||
                     (pa_type_is_integral(left->type) && tk->kind == PA_T_INT));
        g_expression(f, right);
        g_need_object(f, b, right);
        if (fits || (!ta && tk && tk->kind == PA_T_ANY)) {
            g_get(f, wanted.local);
            g_convert(f, left->type, key, node);
            g_to_slot(f, key);
            g_rt(f, kind == PA_T_DICT ? "rt_dict_has" : "rt_set_has");
            g_check(f, node);
        } else {
            if (ta && tk && pa_type_is_number(left->type) && pa_type_is_number(key))
                pa_refuse(f->g->tree, &node->place, "a key of another type");
            g_op(f, 0x1a);
            if (ta && pa_type_is_pointer(left->type) && ta->kind != PA_T_STR) {
                g_get(f, wanted.local); /* it is not there, but it must have a hash */
                g_to_slot(f, left->type);
                g_i32(f, (int32_t)g_descriptor(f->g, left->type));
                g_rt(f, "rt_hash");
                g_op(f, 0x1a);
            }
            g_i32(f, 0);
        }
    } else if (kind == PA_T_STR) {
        g_expression(f, right);
        g_need_object(f, b, right);
        g_get(f, wanted.local);
        g_convert(f, left->type, b, node);
        g_need_object(f, left->type, left);
        g_rt(f, "rt_str_has");
    } else if (kind == PA_T_ANY) {
        g_expression(f, right);
        g_get(f, wanted.local);
        g_convert(f, left->type, ANY, node);
        g_rt(f, "rt_any_has");
        g_check(f, node);
    } else if (kind == PA_T_CLASS) {
        g_expression(f, right);
        struct g_temp args[2] = {g_temp_set(f, b), wanted};
        g_special(f, node, "__contains__", args, 2, node->type);
        g_temp_free(f, args[0]);
    } else if (kind == PA_T_RANGE && pa_type_is_integral(left->type)) {
        g_expression(f, right);
        g_get(f, wanted.local);
        g_convert(f, left->type, INT, node);
        g_rt(f, "rt_range_has");
    } else {
        struct search s = {.wanted = wanted, .node = node, .item = g_item_type(f, right)};
        s.found = g_temp_new(f, pa_type_of(f->g->program, PA_T_BOOL));
        g_i32(f, 0);
        g_temp_put(f, s.found);
        g_each(f, right, search_body, &s, &s.exit);
        g_get(f, s.found.local);
        g_temp_free(f, s.found);
    }
    if (node->ops[0] == PA_OP_NOT_IN)
        g_op(f, 0x45);
    g_temp_free(f, wanted);
}

void g_compare(struct g_fn *f, struct pa_node *node) {
    if (node->ops[0] == PA_OP_IN || node->ops[0] == PA_OP_NOT_IN) {
        compare_in(f, node);
        return;
    }
    g_expression(f, node->kids[0]);
    struct g_temp left = g_temp_set(f, node->kids[0]->type);
    struct g_label done = {0};
    uint32_t result = g_local(f, G_I32);
    bool chain = node->kid_count > 2;
    if (chain)
        done = g_block(f);
    for (uint32_t i = 1; i < node->kid_count; i++) {
        struct pa_node *right = node->kids[i];
        enum pa_op op = node->ops[i - 1];
        g_expression(f, right);
        struct g_temp held = g_temp_set(f, right->type);
        g_get(f, left.local);
        g_get(f, held.local);
        if (op == PA_OP_IS || op == PA_OP_IS_NOT)
            compare_is(f, node, left.type, right->type, right, op);
        else
            compare_values(f, node, op, left.type, right->type);
        if (chain) {
            g_tee(f, result);
            g_op(f, 0x45);
            g_br_if(f, done);
        }
        g_temp_free(f, left);
        left = held;
    }
    g_temp_free(f, left);
    if (chain) {
        g_end(f);
        g_get(f, result);
    }
    g_free_local(f, result);
}
