/*
 * Generation: exceptions, from where they are set to where they are handled.
 *
 * An exception that is set is on its way: each place that it comes past is added to its traceback,
 * and each handler that it leaves is no longer the one that runs (rt_handling), so that what is
 * raised next gets the right context.  Every other way out of a handler does the same: its end,
 * `return`, `break`, `continue`.
 */
#include "transpile/gen.h"

#define ANY pa_type_of(f->g->program, PA_T_ANY)

void g_set_handling(struct g_fn *f, uint32_t local) {
    g_i32(f, 0);
    g_get(f, local);
    g_store(f, G_I32, g_link_symbol("rt_handling"));
}

void g_leave_handlers(struct g_fn *f, struct g_handler *until) {
    const struct g_handler *last = NULL;
    for (struct g_handler *at = f->handler; at != until; at = at->outer)
        last = at;
    if (last)
        g_set_handling(f, last->before);
}

void g_pass_on(struct g_fn *f) {
    g_leave_handlers(f, f->tries ? f->tries->handlers : NULL);
    f->raised |= !f->tries;
    f->in->raises |= !f->tries;
    g_br(f, f->tries ? f->tries->handler : f->raise);
}

static void trace(struct g_fn *f, const struct pa_node *at) {
    g_i32(f, (int32_t)g_place(f, at));
    g_rt(f, "rt_trace");
}

/* An exception passes a place; where that is in what is a function to Python only, also
 * the one of who uses it. */
static void leave_for_handler(struct g_fn *f, const struct pa_node *at) {
    struct g_inner *inner = f->inner;
    if (!f->in->def || !f->in->def->is_made)
        trace(f, at);
    while (f->inner) {
        at = f->inner->used;
        f->inner = f->inner->outer;
        trace(f, at);
    }
    f->inner = inner;
    g_pass_on(f);
}

void g_raised(struct g_fn *f, const struct pa_node *at) {
    leave_for_handler(f, at);
    f->in->raises = true;
}

void g_check(struct g_fn *f, const struct pa_node *at) {
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_exc"));
    g_if(f, G_VOID);
    leave_for_handler(f, at);
    g_end(f);
    f->in->raises = true;
}

/* raise, alone: what is handled goes on. */
static void raise_again(struct g_fn *f, struct pa_node *node) {
    const struct g_handler *handler = f->handler;
    while (handler && handler->finally)
        handler = handler->outer;
    if (!handler)
        pa_refuse(f->g->tree, &node->place, "raise without an exception");
    if (handler != f->handler) {
        g_bail(f); /* in a finally: what is handled is known only when it runs */
        return;
    }
    g_get(f, handler->caught);
    g_rt(f, "rt_reraise");
    g_pass_on(f);
}

/* An exception, or a class of which one is made. */
static void raised_object(struct g_fn *f, struct pa_node *node) {
    struct pa_type *type = pa_type_find(node->type.type);
    if (type && type->kind == PA_T_TYPE) {
        g_construct_plain(f, node, type->class);
        return;
    }
    g_expression(f, node);
    g_need_object(f, node->type, node);
}

void g_raise(struct g_fn *f, struct pa_node *node) {
    if (!node->a) {
        raise_again(f, node);
        return;
    }
    raised_object(f, node->a);
    if (!node->b) {
        g_rt(f, "rt_raise");
    } else {
        struct g_temp raised = g_temp_set(f, ANY);
        bool none = g_is_none(node->b->type);
        if (none)
            g_expression(f, node->b);
        else
            raised_object(f, node->b);
        struct g_temp cause = g_temp_set(f, ANY);
        g_get(f, raised.local);
        g_get(f, cause.local);
        g_rt(f, "rt_raise_from");
        g_temp_free(f, cause);
        g_temp_free(f, raised);
    }
    g_raised(f, node);
}

void g_assert(struct g_fn *f, struct pa_node *node) {
    g_condition(f, node->a);
    g_op(f, 0x45);
    g_if(f, G_VOID);
    if (node->b)
        g_expression_as(f, node->b, ANY);
    else
        g_i32(f, 0);
    g_i32(f, node->b != NULL);
    g_rt(f, "rt_raise_assertion");
    g_raised(f, node->a);
    g_end(f);
}

/* Quiet handlers.  Where nothing in a handler can raise, and the exception goes nowhere but to
 * print, nobody will ask for its traceback, which is then not kept. */

static bool is_plain_value(struct pa_value_type type) {
    return g_is_none(type) || pa_type_is_number(type) || pa_type_is(type, PA_T_STR);
}

static bool is_quiet_value(const struct pa_node *node, const char *caught);

static bool are_quiet(struct pa_node *const *nodes, uint32_t count, const char *caught) {
    for (uint32_t i = 0; i < count; i++)
        if (!is_quiet_value(nodes[i], caught))
            return false;
    return true;
}

/* print(...) of plain values and of the exception, which is one of Python's own. */
static bool is_quiet_print(const struct pa_node *node, const char *caught) {
    if (node->kind != PA_N_CALL || node->a->kind != PA_N_NAME || node->a->variable ||
        !pa_streq(node->a->str, "print"))
        return false;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        const struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_NAME && caught && pa_streq(kid->str, caught))
            continue;
        if (!is_quiet_value(kid, caught))
            return false;
    }
    return true;
}

static bool is_quiet_value(const struct pa_node *node, const char *caught) {
    switch (node->kind) {
    case PA_N_INT:
    case PA_N_FLOAT:
    case PA_N_STR:
    case PA_N_BOOL:
    case PA_N_NONE:
        return true;
    case PA_N_NAME:
        return is_plain_value(node->type) && !(caught && pa_streq(node->str, caught));
    case PA_N_BINARY:
        return node->op <= PA_OP_MUL && pa_type_is_number(node->a->type) &&
               pa_type_is_number(node->b->type) && is_quiet_value(node->a, caught) &&
               is_quiet_value(node->b, caught);
    case PA_N_LIST:
        return are_quiet(node->kids, node->kid_count, caught);
    default:
        return is_quiet_print(node, caught);
    }
}

static bool is_quiet(const struct pa_node *node, const char *caught) {
    switch (node->kind) {
    case PA_S_BLOCK:
        for (uint32_t i = 0; i < node->kid_count; i++)
            if (!is_quiet(node->kids[i], caught))
                return false;
        return true;
    case PA_S_EXPR:
        return is_quiet_value(node->a, caught);
    case PA_S_ASSIGN:
        return node->kid_count == 1 && node->kids[0]->kind == PA_N_NAME &&
               is_quiet_value(node->a, caught);
    case PA_S_AUGMENT:
        return node->op <= PA_OP_MUL && node->a->kind == PA_N_NAME &&
               pa_type_is_number(node->a->type) && pa_type_is_number(node->b->type) &&
               is_quiet_value(node->b, caught);
    case PA_S_RETURN:
        return !node->a || is_quiet_value(node->a, caught);
    case PA_S_PASS:
    case PA_S_BREAK:
    case PA_S_CONTINUE:
        return true;
    default:
        return false;
    }
}

static bool are_all_quiet(const struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        const struct pa_node *handler = node->kids[i];
        for (uint32_t k = 0; handler->str && k < handler->kid_count; k++) {
            const struct pa_type *type = pa_type_find(handler->kids[k]->type.type);
            if (!type || !type->class || type->class->node || !type->class->is_exception)
                return false; /* of the program: what it says of itself is code */
        }
        if (!is_quiet(handler->a, handler->str))
            return false;
    }
    return true;
}

static void generate_handler(struct g_fn *f, struct pa_node *handler, struct g_handler *own,
                             struct g_label after) {
    if (handler->kid_count) {
        for (uint32_t i = 0; i < handler->kid_count; i++) {
            struct pa_type *type = pa_type_find(handler->kids[i]->type.type);
            g_get(f, own->caught);
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
        g_get(f, own->caught);
        g_variable_set(f, handler->b, pa_web_find(handler->b->web)->type);
    }
    struct g_handler *outer = f->handler;
    f->handler = own;
    g_set_handling(f, own->caught);
    g_block_of(f, handler->a);
    g_leave_handlers(f, outer);
    f->handler = outer;
    g_br(f, after);
    g_end(f);
}

static struct g_handler begin_handling(struct g_fn *f, struct g_temp caught) {
    struct g_handler own = {f->handler, caught.local, g_local(f, G_I32), false};
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_handling"));
    g_set(f, own.before); /* not given back: a way out may be late */
    return own;
}

/* try ... except ... else: `tries` outside is in force for handlers and else. */
static void generate_except(struct g_fn *f, struct pa_node *node) {
    if (!node->kid_count) {
        g_block_of(f, node->a);
        return;
    }
    struct g_try try = {.outer = f->tries, .handlers = f->handler};
    struct g_label after = g_block(f);
    try.handler = g_block(f);
    f->tries = &try;
    g_block_of(f, node->a);
    f->tries = try.outer;
    g_block_of(f, node->b);
    g_br(f, after);
    g_end(f);
    bool quiet = are_all_quiet(node);
    g_rt(f, quiet ? "rt_catch_quietly" : "rt_catch");
    struct g_temp caught = g_temp_set(f, ANY);
    struct g_handler own = begin_handling(f, caught);
    for (uint32_t i = 0; i < node->kid_count; i++)
        generate_handler(f, node->kids[i], &own, after);
    g_get(f, caught.local);
    g_rt(f, quiet ? "rt_pass_on" : "rt_reraise");
    g_pass_on(f);
    g_end(f);
    g_temp_free(f, caught);
}

void g_try_statement(struct g_fn *f, struct pa_node *node) {
    if (!node->c) {
        generate_except(f, node);
        return;
    }
    struct pa_value_type result = f->in->result;
    struct g_try try = {
        .outer = f->tries, .has_finally = true, .loop = f->loop, .handlers = f->handler};
    try.pending = g_local(f, G_I32);
    try.value = g_local(f, g_repr(result));
    g_i32(f, G_PENDING_NOTHING);
    g_set(f, try.pending);
    try.finally = try.handler = g_block(f);
    f->tries = &try;
    generate_except(f, node);
    f->tries = try.outer;
    g_end(f);
    struct g_temp saved = g_temp_new(f, ANY);
    struct g_handler own = begin_handling(f, saved);
    own.finally = true;
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_exc"));
    g_if(f, G_VOID);
    g_rt(f, "rt_catch");
    g_temp_put(f, saved);
    g_set_handling(f, saved.local);
    g_i32(f, G_PENDING_RAISE);
    g_set(f, try.pending);
    g_end(f);
    f->handler = &own;
    g_block_of(f, node->c);
    g_leave_handlers(f, own.outer);
    f->handler = own.outer;
    g_get(f, try.pending);
    g_i32(f, G_PENDING_RAISE);
    g_op(f, 0x46);
    g_if(f, G_VOID);
    g_get(f, saved.local);
    g_rt(f, "rt_reraise");
    g_pass_on(f);
    g_end(f);
    if (f->in->function) {
        g_get(f, try.pending);
        g_i32(f, G_PENDING_RETURN);
        g_op(f, 0x46);
        g_if(f, G_VOID);
        g_leave_function(f, try.value);
        g_end(f);
    }
    for (int how = G_PENDING_BREAK; f->loop && how <= G_PENDING_CONTINUE; how++) {
        g_get(f, try.pending);
        g_i32(f, how);
        g_op(f, 0x46);
        g_if(f, G_VOID);
        g_leave_loop(f, (enum g_pending)how);
        g_end(f);
    }
    g_temp_free(f, saved);
    /* `pending` and `value` are not given back: the code above may be reached from far. */
}
