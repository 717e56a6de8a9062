/* Generation: statements. */
#include "transpile/gen.h"

#define ANY pa_type_of(f->g->program, PA_T_ANY)

enum pending {
    PENDING_NOTHING,
    PENDING_RAISE,
    PENDING_RETURN,
    PENDING_BREAK,
    PENDING_CONTINUE
};

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
}

/* The result is in `value`; what is to be done finally on the way out is done. */
static void leave_function(struct g_fn *f, uint32_t value) {
    for (struct g_try *t = f->tries; t; t = t->outer) {
        if (!t->has_finally)
            continue;
        g_get(f, value);
        g_set(f, t->value);
        g_i32(f, PENDING_RETURN);
        g_set(f, t->pending);
        g_br(f, t->finally);
        return;
    }
    g_get(f, value);
    g_return(f);
}

static void leave_loop(struct g_fn *f, enum pending how) {
    for (struct g_try *t = f->tries; t != f->loop->tries; t = t->outer) {
        if (!t->has_finally)
            continue;
        g_i32(f, how);
        g_set(f, t->pending);
        g_br(f, t->finally);
        return;
    }
    g_br(f, how == PENDING_BREAK ? f->loop->exit : f->loop->next);
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
    leave_function(f, value);
    g_free_local(f, value);
}

static void generate_raise(struct g_fn *f, struct pa_node *node) {
    if (node->b) {
        g_expression(f, node->b);
        g_op(f, 0x1a);
    }
    if (!node->a) {
        if (!f->handling)
            pa_refuse(f->g->tree, &node->place, "raise without an exception");
        g_get(f, f->handled);
        g_rt(f, "rt_reraise");
    } else {
        struct pa_type *type = pa_type_find(node->a->type.type);
        if (type && type->kind == PA_T_TYPE) {
            g_construct_plain(f, node, type->class);
        } else {
            g_expression(f, node->a);
            g_need_object(f, node->a->type, node->a);
        }
        g_i32(f, node->b != NULL || f->handling);
        g_rt(f, "rt_raise");
    }
    g_raised(f, node);
}

static void generate_assert(struct g_fn *f, struct pa_node *node) {
    g_condition(f, node->a);
    g_op(f, 0x45);
    g_if(f, G_VOID);
    if (node->b)
        g_expression_as(f, node->b, ANY);
    else
        g_i32(f, 0);
    g_i32(f, node->b != NULL);
    g_rt(f, "rt_raise_assertion");
    g_raised(f, node);
    g_end(f);
}

static void generate_handler(struct g_fn *f, struct pa_node *handler, struct g_temp caught,
                             struct g_label after) {
    if (handler->kid_count) {
        for (uint32_t i = 0; i < handler->kid_count; i++) {
            struct pa_type *type = pa_type_find(handler->kids[i]->type.type);
            g_get(f, caught.local);
            g_i32(f, (int32_t)g_class_record(f->g, type->class));
            g_rt(f, "rt_is_instance");
            if (i)
                g_op(f, 0x72);
        }
    } else {
        g_i32(f, 1);
    }
    g_if(f, G_VOID);
    if (handler->str) {
        g_get(f, caught.local);
        g_variable_set(f, handler->b, pa_web_find(handler->b->web)->type);
    }
    bool handling = f->handling;
    uint32_t handled = f->handled;
    f->handling = true;
    f->handled = caught.local;
    g_block_of(f, handler->a);
    f->handling = handling;
    f->handled = handled;
    g_br(f, after);
    g_end(f);
}

/* try ... except ... else: `tries` outside is in force for handlers and else. */
static void generate_except(struct g_fn *f, struct pa_node *node) {
    if (!node->kid_count) {
        g_block_of(f, node->a);
        return;
    }
    struct g_try try = {.outer = f->tries};
    struct g_label after = g_block(f);
    try.handler = g_block(f);
    f->tries = &try;
    g_block_of(f, node->a);
    f->tries = try.outer;
    g_block_of(f, node->b);
    g_br(f, after);
    g_end(f);
    g_rt(f, "rt_catch");
    struct g_temp caught = g_temp_set(f, ANY);
    for (uint32_t i = 0; i < node->kid_count; i++)
        generate_handler(f, node->kids[i], caught, after);
    g_get(f, caught.local);
    g_rt(f, "rt_reraise");
    g_br(f, f->tries ? f->tries->handler : f->raise);
    f->in->raises = true;
    g_end(f);
    g_temp_free(f, caught);
}

static void generate_try(struct g_fn *f, struct pa_node *node) {
    if (!node->c) {
        generate_except(f, node);
        return;
    }
    struct pa_value_type result = f->in->result;
    struct g_try try = {.outer = f->tries, .has_finally = true, .loop = f->loop};
    try.pending = g_local(f, G_I32);
    try.value = g_local(f, g_repr(result));
    g_i32(f, PENDING_NOTHING);
    g_set(f, try.pending);
    try.finally = try.handler = g_block(f);
    f->tries = &try;
    generate_except(f, node);
    f->tries = try.outer;
    g_end(f);
    struct g_temp saved = g_temp_new(f, ANY);
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_exc"));
    g_if(f, G_VOID);
    g_rt(f, "rt_catch");
    g_temp_put(f, saved);
    g_i32(f, PENDING_RAISE);
    g_set(f, try.pending);
    g_end(f);
    g_block_of(f, node->c);
    g_get(f, try.pending);
    g_i32(f, PENDING_RAISE);
    g_op(f, 0x46);
    g_if(f, G_VOID);
    g_get(f, saved.local);
    g_rt(f, "rt_reraise");
    g_br(f, f->tries ? f->tries->handler : f->raise);
    f->in->raises = true;
    g_end(f);
    if (f->in->function) {
        g_get(f, try.pending);
        g_i32(f, PENDING_RETURN);
        g_op(f, 0x46);
        g_if(f, G_VOID);
        leave_function(f, try.value);
        g_end(f);
    }
    for (int how = PENDING_BREAK; f->loop && how <= PENDING_CONTINUE; how++) {
        g_get(f, try.pending);
        g_i32(f, how);
        g_op(f, 0x46);
        g_if(f, G_VOID);
        leave_loop(f, (enum pending)how);
        g_end(f);
    }
    g_temp_free(f, saved);
    /* `pending` and `value` are not given back: the code above may be reached from far. */
}

static void generate_while(struct g_fn *f, struct pa_node *node) {
    struct g_loop loop = {.outer = f->loop, .tries = f->tries};
    loop.exit = g_block(f);
    uint32_t since = f->calls;
    struct g_label otherwise = g_block(f), top = g_loop_start(f);
    g_condition(f, node->a);
    g_op(f, 0x45);
    g_br_if(f, otherwise);
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

static void generate_if(struct g_fn *f, struct pa_node *node) {
    if (node->mark == PA_ALWAYS || node->mark == PA_NEVER) {
        if (node->a->kind != PA_N_COMPARE && node->a->kind != PA_N_BOOL) {
            g_condition(f, node->a);
            g_op(f, 0x1a);
        }
        g_block_of(f, node->mark == PA_ALWAYS ? node->b : node->c);
        return;
    }
    if (node->mark == PA_NOT_KNOWN_YET) {
        g_condition(f, node->a);
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    g_condition(f, node->a);
    g_if(f, G_VOID);
    g_block_of(f, node->b);
    if (node->c) {
        g_else(f);
        g_block_of(f, node->c);
    }
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
}

void g_statement(struct g_fn *f, struct pa_node *node) {
    const uint32_t begins[] = {(uint32_t)f->code.size, node->place.line};
    pa_buf_append(&f->lines, begins, sizeof(begins));
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
        generate_try(f, node);
        return;
    case PA_S_RETURN:
        generate_return(f, node);
        return;
    case PA_S_RAISE:
        generate_raise(f, node);
        return;
    case PA_S_BREAK:
        leave_loop(f, PENDING_BREAK);
        return;
    case PA_S_CONTINUE:
        leave_loop(f, PENDING_CONTINUE);
        return;
    case PA_S_ASSERT:
        generate_assert(f, node);
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
