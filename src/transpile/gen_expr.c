/* Generation: expressions. */
#include "transpile/gen.h"

#define INT   pa_type_of(f->g->program, PA_T_INT)
#define FLOAT pa_type_of(f->g->program, PA_T_FLOAT)
#define STR   pa_type_of(f->g->program, PA_T_STR)
#define ANY   pa_type_of(f->g->program, PA_T_ANY)

void g_expression_as(struct g_fn *f, struct pa_node *node, struct pa_value_type type) {
    g_expression(f, node);
    g_convert(f, node->type, type, node);
}

void g_truth(struct g_fn *f, struct pa_value_type type, struct pa_node *at) {
    struct pa_type *known = pa_type_find(type.type);
    if (!known) {
        g_op(f, 0x1a);
        g_i32(f, 0);
        return;
    }
    struct pa_class *class = known->kind == PA_T_CLASS ? known->class : NULL;
    switch (known->kind) {
    case PA_T_BOOL:
        return;
    case PA_T_INT:
        g_i64(f, 0);
        g_op(f, 0x52);
        return;
    case PA_T_FLOAT:
        g_f64(f, 0);
        g_op(f, 0x62);
        return;
    case PA_T_FUNCTION:
    case PA_T_CLASS:
        if (class && (pa_class_method(class, "__len__") || pa_class_method(class, "__bool__")))
            pa_refuse(f->g->tree, &at->place, "the truth of an object with __len__");
        g_i32(f, 0);
        g_op(f, 0x47);
        return;
    case PA_T_TYPE:
    case PA_T_BUILTIN:
    case PA_T_MODULE:
        g_op(f, 0x1a);
        g_i32(f, 1);
        return;
    default:
        g_rt(f, "rt_truth");
        return;
    }
}

void g_condition(struct g_fn *f, struct pa_node *node) {
    struct pa_infer *x = &f->infer;
    if (node->kind == PA_N_NOT) {
        g_condition(f, node->a);
        g_op(f, 0x45);
        return;
    }
    if (node->kind == PA_N_AND || node->kind == PA_N_OR) {
        bool and = node->kind == PA_N_AND;
        g_condition(f, node->a);
        if (node->mark)
            return;
        g_if(f, G_I32);
        if (and) {
            g_assume(f, node->a, true);
            g_condition(f, node->b);
        } else {
            g_i32(f, 1);
        }
        g_else(f);
        if (and) {
            g_i32(f, 0);
        } else {
            g_assume(f, node->a, false);
            g_condition(f, node->b);
        }
        g_end(f);
        return;
    }
    enum pa_truth truth = pa_infer_truth(x, node);
    if (truth == PA_ALWAYS || truth == PA_NEVER) {
        bool asks = node->kind == PA_N_COMPARE || node->kind == PA_N_CALL;
        if (asks && node->kids[0]->kind != PA_N_NAME) { /* what it does is done all the same */
            g_expression(f, node->kids[0]);
            g_op(f, 0x1a);
        }
        g_i32(f, truth == PA_ALWAYS);
        return;
    }
    g_expression(f, node);
    g_truth(f, node->type, node);
}

void g_index_of(struct g_fn *f, struct pa_node *node) {
    g_expression_as(f, node, INT);
}

void g_tuple_new(struct g_fn *f, struct pa_value_type type, const struct g_temp *items) {
    struct pa_type *tuple = pa_type_find(type.type);
    uint32_t local = g_local(f, G_I32);
    g_i32(f, (int32_t)g_descriptor(f->g, type));
    g_rt(f, "rt_tuple_new");
    g_set(f, local);
    for (uint32_t i = 0; i < tuple->item_count; i++) {
        g_get(f, local);
        g_get(f, items[i].local);
        g_convert(f, items[i].type, tuple->items[i], NULL);
        g_store_slot(f, tuple->items[i], 16 + 8 * i);
    }
    g_get(f, local);
    g_free_local(f, local);
}

static void generate_tuple(struct g_fn *f, struct pa_node *node) {
    struct g_temp *items = pa_tree_alloc(f->g->tree, (node->kid_count + 1) * sizeof(*items));
    for (uint32_t i = 0; i < node->kid_count; i++) {
        g_expression_as(f, node->kids[i], pa_type_item(node->type, i));
        items[i] = g_temp_set(f, pa_type_item(node->type, i));
    }
    g_tuple_new(f, node->type, items);
    for (uint32_t i = 0; i < node->kid_count; i++)
        g_temp_free(f, items[i]);
}

struct extend {
    struct g_temp list;
    struct pa_value_type item, from;
    struct pa_node *node;
    const char *how;
};

static void extend_body(struct g_fn *f, void *context) {
    struct extend *e = context;
    uint32_t slot = g_local(f, G_I64);
    g_convert(f, e->from, e->item, e->node);
    g_to_slot(f, e->item);
    g_set(f, slot);
    g_get(f, e->list.local);
    g_get(f, slot);
    g_rt(f, e->how);
    if (pa_streq(e->how, "rt_set_add"))
        g_check(f, e->node);
    g_free_local(f, slot);
}

static void generate_elements(struct g_fn *f, struct pa_node *node) {
    bool set = node->kind == PA_N_SET;
    struct pa_value_type item = pa_type_item(node->type, 0);
    g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    if (!set)
        g_i32(f, (int32_t)node->kid_count);
    g_rt(f, set ? "rt_set_new" : "rt_list_new");
    struct g_temp result = g_temp_set(f, node->type);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_STAR) {
            struct g_label exit;
            struct extend e = {result, item, g_item_type(f, kid->a), kid,
                               set ? "rt_set_add" : "rt_list_append"};
            g_each(f, kid->a, extend_body, &e, &exit);
            continue;
        }
        uint32_t slot = g_local(f, G_I64);
        g_expression_as(f, kid, item);
        g_to_slot(f, item);
        g_set(f, slot);
        g_get(f, result.local);
        g_get(f, slot);
        g_rt(f, set ? "rt_set_add" : "rt_list_append");
        if (set)
            g_check(f, kid);
        g_free_local(f, slot);
    }
    bool constant = set && node->kid_count > 2;
    for (uint32_t i = 0; i < node->kid_count; i++)
        constant &= pa_is_constant(node->kids[i]);
    g_get(f, result.local);
    if (constant) /* CPython keeps a frozen set and makes a copy: its table has another size */
        g_rt(f, "rt_set_copy");
    g_temp_free(f, result);
}

static void generate_dict(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type key = pa_type_item(node->type, 0), value = pa_type_item(node->type, 1);
    g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    g_rt(f, "rt_dict_new");
    struct g_temp result = g_temp_set(f, node->type);
    for (uint32_t i = 0; i + 1 < node->kid_count; i += 2) {
        g_expression_as(f, node->kids[i], key);
        struct g_temp held = g_temp_set(f, key);
        g_expression_as(f, node->kids[i + 1], value);
        struct g_temp stored = g_temp_set(f, value);
        g_get(f, result.local);
        g_get(f, held.local);
        g_to_slot(f, key);
        g_get(f, stored.local);
        g_to_slot(f, value);
        g_rt(f, "rt_dict_set");
        g_check(f, node->kids[i]);
        g_temp_free(f, held);
        g_temp_free(f, stored);
    }
    g_get(f, result.local);
    g_temp_free(f, result);
}

/* a and b, a or b as values; a if c else b. */
static void generate_and_or(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type a = node->a->type;
    g_expression(f, node->a);
    if (node->mark) {
        g_convert(f, a, node->type, node);
        return;
    }
    struct g_temp first = g_temp_set(f, a);
    g_get(f, first.local);
    g_truth(f, a, node->a);
    if (node->kind == PA_N_OR)
        g_op(f, 0x45);
    g_if(f, g_repr(node->type));
    g_expression_as(f, node->b, node->type);
    g_else(f);
    g_get(f, first.local);
    g_convert(f, a, node->type, node);
    g_end(f);
    g_temp_free(f, first);
}

static void generate_conditional(struct g_fn *f, struct pa_node *node) {
    if (node->mark == PA_ALWAYS || node->mark == PA_NEVER) {
        g_condition(f, node->b);
        g_op(f, 0x1a);
        g_expression_as(f, node->mark == PA_ALWAYS ? node->a : node->c, node->type);
        return;
    }
    if (node->mark == PA_NOT_KNOWN_YET) {
        g_bail(f);
        return;
    }
    g_condition(f, node->b);
    g_if(f, g_repr(node->type));
    g_assume(f, node->b, true);
    g_expression_as(f, node->a, node->type);
    g_else(f);
    g_assume(f, node->b, false);
    g_expression_as(f, node->c, node->type);
    g_end(f);
}

static void generate_unary(struct g_fn *f, struct pa_node *node) {
    struct pa_type *type = pa_type_find(node->a->type.type);
    if (node->kind == PA_N_NEGATE && node->a->kind == PA_N_INT) {
        g_i64(f, -node->a->ival);
        return;
    }
    g_expression(f, node->a);
    if (!type) {
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    if (type->kind == PA_T_CLASS) {
        struct g_temp self = g_temp_set(f, node->a->type);
        g_special(f, node, "__neg__", &self, 1, node->type);
        g_temp_free(f, self);
        return;
    }
    if (type->kind == PA_T_ANY) {
        g_rt(f, node->kind == PA_N_NEGATE ? "rt_any_negate" : "rt_any_positive");
        return;
    }
    if (type->kind == PA_T_FLOAT) {
        if (node->kind == PA_N_NEGATE)
            g_op(f, 0x9a);
        return;
    }
    g_convert(f, node->a->type, INT, node);
    if (node->kind == PA_N_NEGATE) {
        uint32_t value = g_local(f, G_I64);
        g_tee(f, value);
        g_i64(f, INT64_MIN);
        g_op(f, 0x51);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
        g_i64(f, 0);
        g_get(f, value);
        g_op(f, 0x7d);
        g_free_local(f, value);
    } else if (node->kind == PA_N_INVERT) {
        g_i64(f, -1);
        g_op(f, 0x85);
    }
}

static void generate_name(struct g_fn *f, struct pa_node *node) {
    struct pa_variable *v = node->variable;
    double constant;
    if (!v && pa_streq(node->str, "__name__")) {
        g_i32(f, (int32_t)g_string(f->g, "__main__", 8));
        return;
    }
    if (v && v->function) {
        g_closure(f, v->function);
        return;
    }
    if (v && v->binding == PA_BOUND_IMPORT && v->member &&
        pa_module_constant(v->module, v->member, &constant)) {
        g_f64(f, constant);
        return;
    }
    if (!v || v->class || v->binding == PA_BOUND_IMPORT) {
        g_i32(f, 0);
        return;
    }
    g_variable_get(f, node);
    g_convert(f, pa_web_find(node->web)->type, node->type, node);
}

/* An expression whose value is never there, other than by a call or an element that raises: this
 * point is reached by nothing that is compiled. */
static bool is_never_there(const struct pa_node *node) {
    if (!pa_type_is_unknown(node->type) || node->kind == PA_N_NAME || node->kind == PA_N_INDEX)
        return false;
    if (node->kind != PA_N_CALL)
        return true;
    struct pa_type *callee = pa_type_find(node->a->type.type);
    return node->a->kind != PA_N_ATTRIBUTE && callee && callee->kind == PA_T_BUILTIN &&
           !pa_streq(callee->name, "exit") && !pa_streq(callee->name, "quit");
}

static void expression(struct g_fn *f, struct pa_node *node) {
    if (is_never_there(node)) {
        g_bail(f);
        return;
    }
    switch (node->kind) {
    case PA_N_INT:
        g_i64(f, node->ival);
        return;
    case PA_N_FLOAT:
        g_f64(f, node->fval);
        return;
    case PA_N_STR:
        g_i32(f, (int32_t)g_string(f->g, node->str, node->len));
        return;
    case PA_N_BOOL:
        g_i32(f, (int32_t)node->ival);
        return;
    case PA_N_NONE:
        g_i32(f, 0);
        return;
    case PA_N_NAME:
        generate_name(f, node);
        return;
    case PA_N_BINARY: {
        g_expression(f, node->a);
        struct g_temp first = g_temp_set(f, node->a->type);
        g_expression(f, node->b);
        struct g_temp second = g_temp_set(f, node->b->type);
        g_get(f, first.local);
        g_get(f, second.local);
        g_temp_free(f, first);
        g_temp_free(f, second);
        g_binary(f, node, node->op, node->a->type, node->b->type, node->type);
        return;
    }
    case PA_N_NEGATE:
    case PA_N_POSITIVE:
    case PA_N_INVERT:
        generate_unary(f, node);
        return;
    case PA_N_NOT:
        g_condition(f, node);
        return;
    case PA_N_AND:
    case PA_N_OR:
        generate_and_or(f, node);
        return;
    case PA_N_COMPARE:
        g_compare(f, node);
        return;
    case PA_N_CALL:
        g_call_node(f, node);
        return;
    case PA_N_ATTRIBUTE:
        g_attribute(f, node);
        return;
    case PA_N_INDEX:
        g_index(f, node);
        return;
    case PA_N_SLICE:
        g_slice(f, node);
        return;
    case PA_N_LIST:
    case PA_N_SET:
        generate_elements(f, node);
        return;
    case PA_N_TUPLE:
        generate_tuple(f, node);
        return;
    case PA_N_DICT:
        generate_dict(f, node);
        return;
    case PA_N_LISTCOMP:
    case PA_N_SETCOMP:
    case PA_N_DICTCOMP:
        g_comprehension(f, node);
        return;
    case PA_N_IFEXP:
        generate_conditional(f, node);
        return;
    case PA_N_LAMBDA:
        g_closure(f, node->note);
        return;
    case PA_N_FSTRING:
        g_fstring(f, node);
        return;
    case PA_N_WALRUS: {
        g_expression(f, node->b);
        struct g_temp value = g_temp_set(f, node->b->type);
        g_get(f, value.local);
        g_variable_set(f, node->a, node->b->type);
        g_get(f, value.local);
        g_convert(f, node->b->type, node->type, node);
        g_temp_free(f, value);
        return;
    }
    default:
        pa_refuse(f->g->tree, &node->place, "this is not supported here");
    }
}

void g_expression(struct g_fn *f, struct pa_node *node) {
    struct pa_node *outer = f->at;
    f->at = node;
    expression(f, node);
    f->at = outer;
}
