/* Generation: statements. */
#include "transpile/gen.h"

#define ANY pa_type_of(f->g->program, PA_T_ANY)

void g_block_of(struct g_fn *f, struct pa_node *node) {
    for (uint32_t i = 0; node && i < node->kid_count; i++)
        g_statement(f, node->kids[i]);
}

void g_return(struct g_fn *f) {
    if (f->frames) {
        g_i32(f, 0);
        g_get(f, f->frame_local);
        g_store(f, G_I32, g_link_symbol("rt_sp"));
    }
    g_op(f, 0x0f);
    g_facts_nowhere(f);
}

/* The result is in `value`; what is to be done finally on the way out is done. */
void g_leave_function(struct g_fn *f, uint32_t value) {
    for (struct g_try *t = f->tries; t; t = t->outer) {
        if (!t->has_finally)
            continue;
        g_get(f, value);
        g_set(f, t->value);
        g_i32(f, G_PENDING_RETURN);
        g_set(f, t->pending);
        g_leave_handlers(f, t->handlers);
        g_br(f, t->finally);
        return;
    }
    g_leave_handlers(f, NULL);
    g_get(f, value);
    if (f->inlined)
        g_inline_return(f);
    else
        g_return(f);
}

void g_leave_loop(struct g_fn *f, enum g_pending how) {
    for (struct g_try *t = f->tries; t != f->loop->tries; t = t->outer) {
        if (!t->has_finally)
            continue;
        g_i32(f, how);
        g_set(f, t->pending);
        g_leave_handlers(f, t->handlers);
        g_br(f, t->finally);
        return;
    }
    g_leave_handlers(f, f->loop->handlers);
    g_br(f, how == G_PENDING_BREAK ? f->loop->exit : f->loop->next);
}

static void generate_return(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type result = f->in->result;
    if (node->a)
        g_expression_as(f, node->a, result);
    else {
        g_i32(f, 0);
        g_convert(f, pa_type_none(), result, node);
    }
    uint32_t value = g_local(f, g_repr(result));
    g_set(f, value);
    g_leave_function(f, value);
    g_free_local(f, value);
}

static void generate_while(struct g_fn *f, struct pa_node *node) {
    struct g_loop loop = {.outer = f->loop, .tries = f->tries, .handlers = f->handler};
    loop.exit = g_block(f);
    uint32_t since = f->calls;
    struct g_label otherwise = g_block(f), top = g_loop_of(f, node, NULL, 0);
    g_condition(f, node->a);
    g_op(f, 0x45);
    g_br_if(f, otherwise);
    g_assume(f, node->a, true);
    loop.next = g_block(f);
    f->loop = &loop;
    g_block_of(f, node->b);
    f->loop = loop.outer;
    g_end(f);
    g_safepoint(f, since);
    g_br(f, top);
    g_end(f);
    g_end(f);
    g_block_of(f, node->c);
    g_end(f);
}

/* if condition: n += 1, with a constant: what is added depends on the condition, and no branch
 * does. Counting what a processor cannot predict costs it most of its time otherwise. */
static bool add_if(struct g_fn *f, struct pa_node *node) {
    struct pa_node *only = node->b->kid_count == 1 ? node->b->kids[0] : NULL;
    int64_t by;
    if (!only || only->kind != PA_S_AUGMENT || (node->c && node->c->kid_count) ||
        (only->op != PA_OP_ADD && only->op != PA_OP_SUB) || only->a->kind != PA_N_NAME ||
        !pa_type_is(only->a->type, PA_T_INT) || !pa_constant_index(only->b, &by) || by < 0)
        return false;
    struct pa_web *web = pa_web_find(only->a->web);
    if (web != pa_web_find(only->c->web) || web->local < 0 || web->flag >= 0 ||
        web->variable->shared || web->variable->by_walrus || !pa_type_is(web->type, PA_T_INT))
        return false;
    uint32_t sum = g_local(f, G_I64);
    struct g_range range = g_range(f, only->a);
    g_condition(f, node->a);
    g_op(f, 0xad);
    if (by != 1) {
        g_i64(f, by);
        g_op(f, 0x7e);
    }
    g_set(f, sum);
    g_get(f, (uint32_t)web->local);
    g_get(f, sum);
    g_op(f, only->op == PA_OP_ADD ? 0x7c : 0x7d);
    g_tee(f, sum);
    if (only->op == PA_OP_ADD && range.low >= 0)
        g_i64(f, 0); /* two that are not negative: their sum is, where it overflows */
    else
        g_get(f, (uint32_t)web->local);
    g_op(f, only->op == PA_OP_ADD ? 0x53 : 0x55);
    g_if(f, G_VOID);
    g_bail(f);
    g_end(f);
    g_get(f, sum);
    f->grows = only->op == PA_OP_ADD ? web : NULL;
    g_web_set(f, web);
    f->grows = NULL;
    if (only->op == PA_OP_ADD)
        range.high = INT64_MAX;
    else
        range.low = INT64_MIN;
    g_know(f, web, range);
    g_free_local(f, sum);
    return true;
}

static void generate_if(struct g_fn *f, struct pa_node *node) {
    if (node->mark == PA_ALWAYS || node->mark == PA_NEVER) {
        g_condition(f, node->a); /* what it does is done all the same */
        g_op(f, 0x1a);
        g_block_of(f, node->mark == PA_ALWAYS ? node->b : node->c);
        return;
    }
    if (node->mark == PA_NOT_KNOWN_YET) {
        g_condition(f, node->a);
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    if (add_if(f, node))
        return;
    g_condition(f, node->a);
    g_if(f, G_VOID);
    g_assume(f, node->a, true);
    g_block_of(f, node->b);
    g_else(f);
    g_assume(f, node->a, false);
    g_block_of(f, node->c);
    g_end(f);
}

static void generate_delete(struct g_fn *f, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        bool list = pa_type_is(kid->a->type, PA_T_LIST);
        g_expression(f, kid->a);
        g_need_object(f, kid->a->type, kid->a);
        f->pending++;
        if (list) {
            g_index_of(f, kid->b);
        } else {
            struct pa_value_type key = pa_type_item(kid->a->type, 0);
            g_expression_as(f, kid->b, key);
            g_to_slot(f, key);
        }
        f->pending--;
        g_rt(f, list ? "rt_list_delete" : "rt_dict_delete");
        g_check(f, kid);
    }
}

static void generate_class(struct g_fn *f, struct pa_node *node) {
    struct pa_class *class = pa_scope_find(&f->in->scope, node->str)->class;
    struct g_inner inside = {f->inner, node->str, node};
    f->inner = &inside;
    for (uint32_t i = 0; i < node->a->kid_count; i++) {
        struct pa_node *kid = node->a->kids[i];
        if (kid->kind != PA_S_ASSIGN)
            continue;
        struct pa_node name = {.kind = PA_N_NAME,
                               .place = kid->place,
                               .web = pa_class_attribute(class, kid->kids[0]->str)->web};
        g_expression(f, kid->a);
        g_variable_set(f, &name, kid->a->type);
    }
    f->inner = inside.outer;
}

static void statement(struct g_fn *f, struct pa_node *node) {
    switch (node->kind) {
    case PA_S_BLOCK:
        g_block_of(f, node);
        return;
    case PA_S_EXPR:
        if (node->a->kind == PA_N_GENERATOR || pa_is_constant(node->a))
            return;
        g_expression(f, node->a);
        g_op(f, 0x1a);
        return;
    case PA_S_ASSIGN:
        g_assignment(f, node);
        return;
    case PA_S_AUGMENT:
        g_augmented(f, node);
        return;
    case PA_S_IF:
        generate_if(f, node);
        return;
    case PA_S_WHILE:
        generate_while(f, node);
        return;
    case PA_S_FOR:
        g_for(f, node);
        return;
    case PA_S_TRY:
        g_try_statement(f, node);
        return;
    case PA_S_RETURN:
        generate_return(f, node);
        return;
    case PA_S_RAISE:
        g_raise(f, node);
        return;
    case PA_S_BREAK:
        g_leave_loop(f, G_PENDING_BREAK);
        return;
    case PA_S_CONTINUE:
        g_leave_loop(f, G_PENDING_CONTINUE);
        return;
    case PA_S_ASSERT:
        g_assert(f, node);
        return;
    case PA_S_DELETE:
        generate_delete(f, node);
        return;
    case PA_S_CLASS:
        generate_class(f, node);
        return;
    default:
        return;
    }
}

void g_statement(struct g_fn *f, struct pa_node *node) {
    struct pa_node *outer = f->at;
    g_line_statement(f, node);
    statement(f, node);
    f->at = outer;
}
