/* Generation: methods of Python's own types and functions of its modules, by the table (methods.h).
 */
#include "transpile/gen.h"

#define KIND(kind) pa_type_of(f->g->program, kind)
#define FLOAT      KIND(PA_T_FLOAT)
#define STR        KIND(PA_T_STR)

static void push_argument(struct g_fn *f, struct pa_node *node, char letter,
                          struct pa_value_type receiver) {
    switch (letter) {
    case 'i':
        g_index_of(f, node);
        return;
    case 'f':
        g_expression_as(f, node, FLOAT);
        return;
    case 's':
        g_expression_as(f, node, STR);
        g_need_object(f, node->type, node);
        return;
    case 'b':
        g_condition(f, node);
        return;
    case 'S':
        g_expression_as(f, node, (struct pa_value_type){.type = pa_type_find(receiver.type)});
        g_need_object(f, node->type, node);
        return;
    case 'L':
        g_list_of(f, node, pa_type_list(f->g->program, pa_type_item(receiver, 0)));
        return;
    case 'J':
        if (pa_lazy_kind(node) == PA_LAZY_NOT && pa_type_is(node->type, PA_T_LIST) &&
            pa_type_is(pa_type_item(node->type, 0), PA_T_STR)) {
            g_expression(f, node);
            g_need_object(f, node->type, node);
        } else {
            g_list_of(f, node, pa_type_list(f->g->program, STR));
        }
        return;
    case 'v':
        g_expression_as(f, node, pa_type_item(receiver, 1));
        g_to_slot(f, pa_type_item(receiver, 1));
        return;
    default: /* x y k q */
        g_expression_as(f, node, pa_type_item(receiver, 0));
        g_to_slot(f, pa_type_item(receiver, 0));
    }
}

static void take_result(struct g_fn *f, struct pa_node *node, char letter,
                        struct pa_value_type receiver) {
    switch (letter) {
    case 'n':
        g_i32(f, 0);
        return;
    case 'x':
        g_from_slot(f, pa_type_item(receiver, 0));
        g_convert(f, pa_type_item(receiver, 0), node->type, node);
        return;
    case 'v':
        g_from_slot(f, pa_type_item(receiver, 1));
        g_convert(f, pa_type_item(receiver, 1), node->type, node);
        return;
    default:
        return;
    }
}

/* d.get(key) gives None where there is none. */
static void generate_get(struct g_fn *f, struct pa_node *node, struct pa_value_type receiver) {
    struct pa_value_type value = pa_type_item(receiver, 1);
    uint32_t at = g_local(f, G_I32);
    f->pending++;
    push_argument(f, node->kids[0], 'q', receiver);
    f->pending--;
    g_rt(f, "rt_dict_find");
    g_check(f, node);
    g_tee(f, at);
    g_if(f, g_repr(node->type));
    g_get(f, at);
    g_load_slot(f, value, 0);
    g_convert(f, value, node->type, node);
    g_else(f);
    g_i32(f, 0);
    g_convert(f, pa_type_none(), node->type, node);
    g_end(f);
    g_free_local(f, at);
}

/* set.update(another set of such items) */
static bool is_merge(const struct pa_node *node, const struct pa_type *receiver, const char *name) {
    if (receiver->kind != PA_T_SET || !pa_streq(name, "update") || node->kid_count != 1 ||
        pa_lazy_kind(node->kids[0]) != PA_LAZY_NOT || !pa_type_is(node->kids[0]->type, PA_T_SET))
        return false;
    struct pa_type *item = pa_type_find(pa_type_item(node->kids[0]->type, 0).type);
    return item && item == pa_type_find(receiver->items[0].type);
}

void g_method(struct g_fn *f, struct pa_node *node) {
    struct pa_node *object = node->a->a;
    struct pa_value_type receiver = object->type;
    const char *name = node->a->str;
    bool exists;
    g_expression(f, object);
    g_need_object(f, receiver, object);
    if (pa_type_is(receiver, PA_T_ANY)) {
        static const enum pa_type_kind kinds[] = {PA_T_LIST, PA_T_DICT, PA_T_SET, PA_T_STR};
        enum pa_type_kind kind = PA_T_DICT;
        for (size_t i = 0; i < PA_ARRAY_LEN(kinds) && !pa_streq(name, "get"); i++)
            if (pa_method_find(kinds[i], name, node->kid_count, &exists))
                kind = kinds[i];
        receiver = pa_infer_any_container(&f->infer, kind);
        g_convert(f, object->type, receiver, node);
    }
    receiver.none = false;
    struct pa_type *known = pa_type_find(receiver.type);
    if (known->kind == PA_T_DICT && pa_streq(name, "get") && node->kid_count == 1) {
        generate_get(f, node, receiver);
        return;
    }
    if (known->kind == PA_T_LIST && pa_streq(name, "sort")) {
        struct g_temp list = g_temp_set(f, receiver);
        g_sort_list(f, node, list);
        g_temp_free(f, list);
        g_i32(f, 0);
        return;
    }
    if (is_merge(node, known, name)) { /* as |=, which copies the other's table where it can */
        f->pending++;
        g_expression(f, node->kids[0]);
        g_need_object(f, node->kids[0]->type, node->kids[0]);
        f->pending--;
        g_i32(f, PA_OP_OR);
        g_rt(f, "rt_set_inplace");
        g_check(f, node);
        g_op(f, 0x1a);
        g_i32(f, 0);
        return;
    }
    const struct pa_method *method = pa_method_find(known->kind, name, node->kid_count, &exists);
    struct g_temp self = g_temp_set(f, receiver);
    struct g_temp args[4];
    struct pa_value_type slot = {0};
    (void)slot;
    if (node->kid_count == 1) {
        g_get(f, self.local);
        f->pending++;
        push_argument(f, node->kids[0], method->args[0], receiver);
        f->pending--;
    } else {
        g_get(f, self.local);
        f->pending++;
        for (uint32_t i = 0; i < node->kid_count; i++)
            push_argument(f, node->kids[i], method->args[i], receiver);
        f->pending--;
    }
    (void)args;
    if (method->result == 't' || method->result == 'p')
        g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    else if (method->result == 'w')
        g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    g_rt(f, method->symbol);
    if (method->raises) {
        g_check(f, node);
    }
    take_result(f, node, method->result, receiver);
    g_temp_free(f, self);
}

/* An instruction where there is a root; what to say where there is none, the runtime knows. */
static void square_root(struct g_fn *f, struct pa_node *node, const char *symbol) {
    uint32_t x = g_local(f, G_F64);
    g_tee(f, x);
    g_f64(f, 0);
    g_op(f, 0x66);
    g_if(f, G_F64);
    g_get(f, x);
    g_op(f, 0x9f);
    g_else(f);
    g_get(f, x);
    g_rt(f, symbol);
    g_check(f, node);
    g_end(f);
    g_free_local(f, x);
}

void g_module_call(struct g_fn *f, struct pa_node *node, const char *module, const char *name) {
    if (pa_streq(name, "exit")) {
        g_builtin(f, node, "exit");
        return;
    }
    const struct pa_method *method = pa_module_function(module, name, node->kid_count);
    if (method->result == 'i' && method->args[0] == 'f' &&
        pa_type_is_integral(node->kids[0]->type)) {
        g_index_of(f, node->kids[0]);
        return;
    }
    for (uint32_t i = 0; i < node->kid_count; i++)
        push_argument(f, node->kids[i], method->args[i], (struct pa_value_type){0});
    if (pa_streq(method->symbol, "rt_math_sqrt")) {
        square_root(f, node, method->symbol);
        return;
    }
    g_rt(f, method->symbol);
    if (method->raises)
        g_check(f, node);
}
