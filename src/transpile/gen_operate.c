/* Generation: operators. */
#include "transpile/gen.h"

#define INT   pa_type_of(f->g->program, PA_T_INT)
#define FLOAT pa_type_of(f->g->program, PA_T_FLOAT)
#define ANY   pa_type_of(f->g->program, PA_T_ANY)

static void bail_if(struct g_fn *f) {
    g_if(f, G_VOID);
    g_bail(f);
    g_end(f);
}

/* What a sum is compared with: the first operand.  The sum of two that are not negative is negative
 * where it overflows, and the operand is needed no longer. */
static void push_other_side(struct g_fn *f, bool both_positive, uint32_t a) {
    if (both_positive)
        g_i64(f, 0);
    else
        g_get(f, a);
}

/* a + b and a - b overflow when the result's sign is not what the operands' signs allow.  Where the
 * sign of b is known, there is one way to overflow: the result is on the wrong side of a. */
static void add_or_subtract(struct g_fn *f, bool add, struct g_range range, struct g_range by) {
    uint32_t a = g_local(f, G_I64), b = g_local(f, G_I64), r = g_local(f, G_I64);
    g_set(f, b);
    g_tee(f, a);
    g_get(f, b);
    g_op(f, add ? 0x7c : 0x7d);
    g_tee(f, r);
    push_other_side(f, add && range.low >= 0 && by.low >= 0, a);
    if (by.low >= 0 || by.high <= 0) {
        g_op(f, (by.low >= 0) == add ? 0x53 : 0x55);
        bail_if(f);
        g_get(f, r);
        g_free_local(f, a);
        g_free_local(f, b);
        g_free_local(f, r);
        return;
    }
    g_op(f, 0x85);
    if (add) {
        g_get(f, r);
        g_get(f, b);
        g_op(f, 0x85);
    } else {
        g_get(f, a);
        g_get(f, b);
        g_op(f, 0x85);
    }
    g_op(f, 0x83);
    g_i64(f, 0);
    g_op(f, 0x53);
    bail_if(f);
    g_get(f, r);
    g_free_local(f, a);
    g_free_local(f, b);
    g_free_local(f, r);
}

/* With a constant the sum has one way to overflow. */
static void add_constant(struct g_fn *f, int64_t c, struct g_range range) {
    uint32_t a = g_local(f, G_I64), r = g_local(f, G_I64);
    g_tee(f, a);
    g_i64(f, c);
    g_op(f, 0x7c);
    g_tee(f, r);
    push_other_side(f, range.low >= 0 && c >= 0, a);
    g_op(f, c >= 0 ? 0x53 : 0x55);
    bail_if(f);
    g_get(f, r);
    g_free_local(f, a);
    g_free_local(f, r);
}

/* Two factors of 32 bits cannot overflow; others are looked at closely. */
static void multiply(struct g_fn *f) {
    uint32_t a = g_local(f, G_I64), b = g_local(f, G_I64);
    g_set(f, b);
    g_tee(f, a);
    g_i64(f, 0x80000000);
    g_op(f, 0x7c);
    g_get(f, b);
    g_i64(f, 0x80000000);
    g_op(f, 0x7c);
    g_op(f, 0x84);
    g_i64(f, 32);
    g_op(f, 0x88);
    g_op(f, 0x50);
    g_if(f, G_I64);
    g_get(f, a);
    g_get(f, b);
    g_op(f, 0x7e);
    g_else(f);
    g_get(f, a);
    g_get(f, b);
    g_rt(f, "rt_mul");
    g_end(f);
    g_free_local(f, a);
    g_free_local(f, b);
}

static bool constant_of(struct pa_node *node, int64_t *ret) {
    return node && pa_constant_index(node, ret);
}

/* x // c and x % c of a constant c > 0 need no check; the sign is mended. */
static void divide_by_constant(struct g_fn *f, int64_t c, bool modulo) {
    uint32_t a = g_local(f, G_I64), r = g_local(f, G_I64);
    bool power = (c & (c - 1)) == 0;
    if (power) {
        g_i64(f, modulo ? c - 1 : __builtin_ctzll((uint64_t)c));
        g_op(f, modulo ? 0x83 : 0x87);
    } else if (modulo) {
        g_i64(f, c);
        g_op(f, 0x81);
        g_tee(f, r);
        g_i64(f, c);
        g_i64(f, 0);
        g_get(f, r);
        g_i64(f, 0);
        g_op(f, 0x53);
        g_op(f, 0x1b);
        g_op(f, 0x7c);
    } else {
        g_tee(f, a);
        g_i64(f, c);
        g_op(f, 0x7f);
        g_tee(f, r);
        g_get(f, r);
        g_i64(f, c);
        g_op(f, 0x7e);
        g_get(f, a);
        g_op(f, 0x55);
        g_op(f, 0xad);
        g_op(f, 0x7d);
    }
    g_free_local(f, a);
    g_free_local(f, r);
}

static void integer_operator(struct g_fn *f, struct pa_node *node, enum pa_op op) {
    int64_t c;
    bool binary = node->kind == PA_N_BINARY || node->kind == PA_S_AUGMENT;
    bool constant = binary && constant_of(node->b, &c) && c > INT64_MIN + 1;
    struct g_range a = {INT64_MIN, INT64_MAX}, b = a;
    if (binary) {
        a = g_range(f, node->a);
        b = g_range(f, node->b);
    }
    bool fits = (op == PA_OP_ADD || op == PA_OP_SUB || op == PA_OP_MUL) && g_fits(op, a, b);
    switch (op) {
    case PA_OP_ADD:
    case PA_OP_SUB:
        if (fits) {
            g_op(f, op == PA_OP_ADD ? 0x7c : 0x7d);
        } else if (constant) {
            g_op(f, 0x1a);
            add_constant(f, op == PA_OP_ADD ? c : -c, a);
        } else {
            add_or_subtract(f, op == PA_OP_ADD, a, b);
        }
        return;
    case PA_OP_MUL:
        if (fits)
            g_op(f, 0x7e);
        else
            multiply(f);
        return;
    case PA_OP_FLOORDIV:
    case PA_OP_MOD:
        if (constant && c > 0) {
            g_op(f, 0x1a);
            divide_by_constant(f, c, op == PA_OP_MOD);
            return;
        }
        g_rt(f, op == PA_OP_MOD ? "rt_mod" : "rt_floordiv");
        g_check(f, node);
        return;
    case PA_OP_DIV:
        g_rt(f, "rt_truediv");
        g_check(f, node);
        return;
    case PA_OP_POW:
        g_rt(f, "rt_pow");
        g_check(f, node);
        return;
    case PA_OP_AND:
        g_op(f, 0x83);
        return;
    case PA_OP_OR:
        g_op(f, 0x84);
        return;
    case PA_OP_XOR:
        g_op(f, 0x85);
        return;
    case PA_OP_SHL:
    case PA_OP_SHR:
        g_rt(f, op == PA_OP_SHL ? "rt_shl" : "rt_shr");
        g_check(f, node);
        return;
    default:
        PA_ASSERT(!"an operator of integers");
    }
}

/*
 * x ** 0.5, which is pow() and not the nearest float: pow() is within 0.54 units of the last place
 * of the true value.  So where the root is within 0.4375 of it, pow() gives the root: 7 times of 8.
 * With m and r for the 53 bits of x (54 where its exponent is odd) and of its root, the distance is
 * (m * 2^52 - r * r) / 2r, and the numerator is small enough to be exact in 64 bits that wrap.
 */
static void square_root(struct g_fn *f, struct pa_node *node) {
    uint32_t x = g_local(f, G_F64), root = g_local(f, G_F64), bits = g_local(f, G_I64),
             r = g_local(f, G_I64);
    g_tee(f, x);
    g_op(f, 0xbd);
    g_set(f, bits);
    g_get(f, x);
    g_op(f, 0x9f); /* f64.sqrt */
    g_tee(f, root);
    g_op(f, 0xbd);
    g_i64(f, (1ll << 52) - 1);
    g_op(f, 0x83);
    g_i64(f, 1ll << 52);
    g_op(f, 0x84);
    g_set(f, r);
    /* |numerator| <= r - r / 8, by one comparison without signs */
    g_get(f, bits);
    g_i64(f, 53);
    g_get(f, bits);
    g_i64(f, 52);
    g_op(f, 0x88);
    g_i64(f, 1);
    g_op(f, 0x83);
    g_op(f, 0x7d);
    g_op(f, 0x86);
    g_get(f, r);
    g_get(f, r);
    g_op(f, 0x7e);
    g_op(f, 0x7d);
    g_get(f, r);
    g_get(f, r);
    g_i64(f, 3);
    g_op(f, 0x88);
    g_op(f, 0x7d);
    g_tee(f, r);
    g_op(f, 0x7c);
    g_get(f, r);
    g_i64(f, 1);
    g_op(f, 0x86);
    g_op(f, 0x58);
    /* positive, finite and not denormal */
    g_get(f, bits);
    g_i64(f, 1ll << 52);
    g_op(f, 0x7d);
    g_i64(f, 0x7fe0000000000000);
    g_op(f, 0x54);
    g_op(f, 0x71);
    g_if(f, G_F64);
    g_get(f, root);
    g_else(f);
    g_get(f, x);
    g_f64(f, 0.5);
    g_rt(f, "rt_float_pow");
    g_check(f, node);
    g_end(f);
    g_free_local(f, x);
    g_free_local(f, root);
    g_free_local(f, bits);
    g_free_local(f, r);
}

static void float_operator(struct g_fn *f, struct pa_node *node, enum pa_op op) {
    switch (op) {
    case PA_OP_ADD:
        g_op(f, 0xa0);
        return;
    case PA_OP_SUB:
        g_op(f, 0xa1);
        return;
    case PA_OP_MUL:
        g_op(f, 0xa2);
        return;
    case PA_OP_DIV: {
        uint32_t b = g_local(f, G_F64);
        g_tee(f, b);
        g_f64(f, 0);
        g_op(f, 0x61);
        g_if(f, G_VOID);
        g_rt(f, "rt_raise_division");
        g_raised(f, node);
        g_end(f);
        g_get(f, b);
        g_op(f, 0xa3);
        g_free_local(f, b);
        return;
    }
    case PA_OP_POW: {
        int64_t c;
        if (constant_of(node->b, &c) && c == 2) {
            g_op(f, 0x1a);
            g_rt(f, "rt_square");
            return;
        }
        if (node->b && node->b->kind == PA_N_FLOAT && node->b->fval == 0.5) {
            g_op(f, 0x1a);
            square_root(f, node);
            return;
        }
        g_rt(f, "rt_float_pow");
        g_check(f, node);
        return;
    }
    default:
        g_rt(f, op == PA_OP_MOD ? "rt_float_mod" : "rt_float_floordiv");
        g_check(f, node);
    }
}

static void by_class(struct g_fn *f, struct pa_node *node, enum pa_op op, struct pa_value_type a,
                     struct pa_value_type b, struct pa_value_type result) {
    struct g_temp args[2];
    args[1] = g_temp_set(f, b);
    args[0] = g_temp_set(f, a);
    struct pa_type *ta = pa_type_find(a.type);
    const char *name = pa_operator_method(op, false);
    if (ta->kind == PA_T_CLASS && pa_class_method(ta->class, name)) {
        g_special(f, node, name, args, 2, result);
    } else {
        struct g_temp swapped[2] = {args[1], args[0]};
        g_special(f, node, pa_operator_method(op, true), swapped, 2, result);
    }
    g_temp_free(f, args[0]);
    g_temp_free(f, args[1]);
}

/* Both operands to `type`: the second is on top. */
void g_convert_both(struct g_fn *f, struct pa_node *node, struct pa_value_type a,
                    struct pa_value_type b, struct pa_value_type type) {
    g_convert(f, b, type, node);
    if (pa_type_find(a.type) == pa_type_find(type.type))
        return;
    uint32_t second = g_local(f, g_repr(type));
    g_set(f, second);
    g_convert(f, a, type, node);
    g_get(f, second);
    g_free_local(f, second);
}

static void container_operator(struct g_fn *f, struct pa_node *node, enum pa_op op,
                               struct pa_value_type a, struct pa_value_type b) {
    struct pa_type *ta = pa_type_find(a.type), *tb = pa_type_find(b.type);
    if (op == PA_OP_MUL) {
        struct pa_type *what = pa_type_is_number(a) ? tb : ta;
        if (what == tb && what != ta) { /* 3 * "a": swap */
            uint32_t second = g_local(f, G_I32);
            g_set(f, second);
            g_convert(f, a, INT, node);
            uint32_t count = g_local(f, G_I64);
            g_set(f, count);
            g_get(f, second);
            g_get(f, count);
            g_free_local(f, second);
            g_free_local(f, count);
        } else {
            g_convert(f, b, INT, node);
        }
        g_rt(f, what->kind == PA_T_STR ? "rt_str_repeat" : "rt_list_repeat");
        return;
    }
    static const char *const sets[] = {[PA_OP_OR] = "rt_set_union",
                                       [PA_OP_AND] = "rt_set_intersection",
                                       [PA_OP_SUB] = "rt_set_difference",
                                       [PA_OP_XOR] = "rt_set_symmetric"};
    const char *how = ta->kind == PA_T_STR    ? "rt_str_add"
                      : ta->kind == PA_T_LIST ? "rt_list_add"
                      : ta->kind == PA_T_DICT ? "rt_dict_merge"
                                              : sets[op];
    g_rt(f, how);
    g_check(f, node);
}

static void add_tuples(struct g_fn *f, struct pa_value_type a, struct pa_value_type b,
                       struct pa_value_type result) {
    struct pa_type *ta = pa_type_find(a.type), *tb = pa_type_find(b.type);
    struct pa_type *tr = pa_type_find(result.type);
    struct g_temp second = g_temp_set(f, b), first = g_temp_set(f, a);
    uint32_t tuple = g_local(f, G_I32);
    g_i32(f, (int32_t)g_descriptor(f->g, result));
    g_rt(f, "rt_tuple_new");
    g_set(f, tuple);
    for (uint32_t i = 0; i < tr->item_count; i++) {
        bool from_first = i < ta->item_count;
        uint32_t k = from_first ? i : i - ta->item_count;
        struct pa_value_type type = from_first ? ta->items[k] : tb->items[k];
        g_get(f, tuple);
        g_get(f, from_first ? first.local : second.local);
        g_load_slot(f, type, 16 + 8 * k);
        g_convert(f, type, tr->items[i], NULL);
        g_store_slot(f, tr->items[i], 16 + 8 * i);
    }
    g_get(f, tuple);
    g_free_local(f, tuple);
    g_temp_free(f, first);
    g_temp_free(f, second);
}

void g_binary(struct g_fn *f, struct pa_node *node, enum pa_op op, struct pa_value_type a,
              struct pa_value_type b, struct pa_value_type result) {
    struct pa_type *ta = pa_type_find(a.type), *tb = pa_type_find(b.type);
    if (!ta || !tb) {
        g_bail(f);
        return;
    }
    if (a.none || b.none) { /* None takes part in no operator */
        uint32_t second = g_local(f, g_repr(b));
        g_need_object(f, b, node);
        g_set(f, second);
        g_need_object(f, a, node);
        g_get(f, second);
        g_free_local(f, second);
    }
    bool class_a =
        ta->kind == PA_T_CLASS && pa_class_method(ta->class, pa_operator_method(op, false));
    bool class_b =
        tb->kind == PA_T_CLASS && pa_class_method(tb->class, pa_operator_method(op, true));
    if (class_a || class_b) {
        by_class(f, node, op, a, b, result);
    } else if (op == PA_OP_MOD && ta->kind == PA_T_STR) {
        g_convert(f, b, ANY, node);
        g_rt(f, "rt_str_percent");
        g_check(f, node);
    } else if (ta->kind == PA_T_ANY || tb->kind == PA_T_ANY) {
        g_convert_both(f, node, a, b, ANY);
        g_i32(f, op);
        g_rt(f, "rt_any_binary");
        g_check(f, node);
    } else if (pa_type_is_number(a) && pa_type_is_number(b)) {
        if (pa_type_is(result, PA_T_BOOL)) {
            g_op(f, op == PA_OP_AND ? 0x71 : op == PA_OP_OR ? 0x72 : 0x73);
        } else if (pa_type_is(result, PA_T_FLOAT) &&
                   !(op == PA_OP_DIV && pa_type_is_integral(a) && pa_type_is_integral(b))) {
            g_convert_both(f, node, a, b, FLOAT);
            float_operator(f, node, op);
        } else {
            g_convert_both(f, node, a, b, INT);
            integer_operator(f, node, op);
        }
    } else if (ta->kind == PA_T_TUPLE) {
        add_tuples(f, a, b, result);
    } else {
        container_operator(f, node, op, a, b);
    }
}
