/* Generation: values to texts, f-strings. */
#include "transpile/gen.h"

#define STR pa_type_of(f->g->program, PA_T_STR)
#define ANY pa_type_of(f->g->program, PA_T_ANY)

/* str() of the value on the stack, or repr(). */
void g_to_str(struct g_fn *f, struct pa_value_type type, bool repr, struct pa_node *at) {
    struct pa_type *known = pa_type_find(type.type);
    if (known && known->kind == PA_T_STR && !repr && !type.none)
        return;
    if (known && (known->kind == PA_T_FUNCTION || known->kind == PA_T_TYPE ||
                  known->kind == PA_T_BUILTIN || known->kind == PA_T_MODULE))
        pa_refuse(f->g->tree, &at->place, "the text of a %s", pa_type_name(f->g->program, type));
    if (known && known->kind == PA_T_INT) {
        g_rt(f, "rt_str_of_int");
        return;
    }
    g_to_slot(f, type);
    g_i32(f, (int32_t)g_descriptor(f->g, type));
    g_rt(f, repr ? "rt_repr" : "rt_str");
    g_check(f, at);
}

static void generate_format(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type type = node->a->type;
    g_expression(f, node->a);
    if (node->op) {
        g_to_str(f, type, node->op == 'r', node);
        type = STR;
    }
    if (!node->b || !node->b->kid_count) {
        g_to_str(f, type, false, node);
        return;
    }
    struct g_temp value = g_temp_set(f, type);
    g_fstring(f, node->b);
    struct g_temp spec = g_temp_set(f, STR);
    struct pa_type *known = pa_type_find(type.type);
    g_get(f, value.local);
    if (known && known->kind == PA_T_INT) {
        g_get(f, spec.local);
        g_rt(f, "rt_format_int");
    } else if (known && known->kind == PA_T_FLOAT) {
        g_get(f, spec.local);
        g_rt(f, "rt_format_float");
    } else if (known && known->kind == PA_T_STR && !type.none) {
        g_get(f, spec.local);
        g_rt(f, "rt_format_str");
    } else {
        g_convert(f, type, ANY, node);
        g_get(f, spec.local);
        g_rt(f, "rt_format_any");
    }
    g_check(f, node);
    g_temp_free(f, value);
    g_temp_free(f, spec);
}

void g_fstring(struct g_fn *f, struct pa_node *node) {
    if (!node->kid_count) {
        g_i32(f, (int32_t)g_string(f->g, "", 0));
        return;
    }
    struct g_temp *parts = pa_tree_alloc(f->g->tree, (node->kid_count + 1) * sizeof(*parts));
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (node->kids[i]->kind == PA_N_FORMAT)
            generate_format(f, node->kids[i]);
        else
            g_i32(f, (int32_t)g_string(f->g, node->kids[i]->str, node->kids[i]->len));
        parts[i] = g_temp_set(f, STR);
    }
    if (node->kid_count == 1) {
        g_get(f, parts[0].local);
    } else {
        uint32_t total = g_local(f, G_I32);
        g_i32(f, 0);
        g_set(f, total);
        for (uint32_t i = 0; i < node->kid_count; i++) {
            g_get(f, parts[i].local);
            g_load(f, G_I32, 8);
            g_get(f, total);
            g_op(f, 0x6a);
            g_set(f, total);
        }
        g_get(f, total);
        g_rt(f, "rt_str_room");
        g_set(f, total);
        for (uint32_t i = 0; i < node->kid_count; i++) {
            g_get(f, total);
            g_get(f, parts[i].local);
            g_rt(f, "rt_str_fill");
        }
        g_get(f, total);
        g_free_local(f, total);
    }
    for (uint32_t i = 0; i < node->kid_count; i++)
        g_temp_free(f, parts[i]);
}
