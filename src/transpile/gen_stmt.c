/* Generation: statements. */
#include "transpile/gen.h"

#define INT pa_type_of(f->g->program, PA_T_INT)
#define ANY pa_type_of(f->g->program, PA_T_ANY)

enum pending { PENDING_NOTHING, PENDING_RAISE, PENDING_RETURN, PENDING_BREAK, PENDING_CONTINUE };

void g_block_of(struct g_fn *f, struct pa_node *node) {
    for (uint32_t i = 0; node && i < node->kid_count; i++)
        g_statement(f, node->kids[i]);
}

/* Assignment. */

static void assign_tuple(struct g_fn *f, struct pa_node *target, struct pa_value_type from) {
    struct pa_type *tuple = pa_type_find(from.type);
    if (target->kid_count != tuple->item_count)
        pa_refuse(f->g->tree, &target->place, "%u names for %u values", target->kid_count,
                  tuple->item_count);
    struct g_temp whole = g_temp_set(f, from);
    for (uint32_t i = 0; i < target->kid_count; i++) {
        g_get(f, whole.local);
        g_load_slot(f, tuple->items[i], 16 + 8 * i);
        g_assign(f, target->kids[i], tuple->items[i]);
    }
    g_temp_free(f, whole);
}

/* a, *b, c = something of unknown length, which is made a list first. */
static void assign_items(struct g_fn *f, struct pa_node *target, struct pa_value_type from) {
    struct pa_value_type item = pa_infer_items_of(&f->infer, from, &target->place);
    struct pa_type *known = pa_type_find(from.type);
    struct pa_value_type list = from;
    uint32_t count = target->kid_count, star = count;
    for (uint32_t i = 0; i < count; i++)
        if (target->kids[i]->kind == PA_N_STAR)
            star = i;
    if (known->kind == PA_T_STR) {
        g_rt(f, "rt_str_list");
        list = pa_type_list(f->g->program, from);
    } else if (known->kind == PA_T_ANY || known->kind == PA_T_TUPLE) {
        g_rt(f, "rt_any_list");
        list = pa_infer_any_container(&f->infer, PA_T_LIST);
        item = ANY;
    } else if (known->kind != PA_T_LIST) {
        pa_refuse(f->g->tree, &target->place, "unpacking a %s is not supported",
                  pa_type_name(f->g->program, from));
    }
    struct g_temp whole = g_temp_set(f, list);
    g_get(f, whole.local);
    g_i32(f, (int32_t)(star < count ? count - 1 : count));
    g_i32(f, star < count);
    g_rt(f, "rt_check_unpack");
    g_check(f, target);
    for (uint32_t i = 0; i < count; i++) {
        struct pa_node *kid = target->kids[i];
        if (i == star) {
            struct pa_value_type rest = {.type = pa_type_find(kid->note)};
            g_get(f, whole.local);
            g_i64(f, i);
            g_i64(f, -(int64_t)(count - 1 - i));
            g_i64(f, 0);
            g_i32(f, count - 1 - i ? 3 : 1);
            g_rt(f, "rt_list_slice");
            g_assign(f, kid->a, rest);
            continue;
        }
        g_get(f, whole.local);
        g_load(f, G_I32, 16);
        if (i < star) {
            g_load_slot(f, item, 8 * i);
        } else {
            g_get(f, whole.local);
            g_load(f, G_I32, 8);
            g_i32(f, (int32_t)(count - i));
            g_op(f, 0x6b);
            g_i32(f, 8);
            g_op(f, 0x6c);
            g_op(f, 0x6a);
            g_load_slot(f, item, 0);
        }
        g_assign(f, kid, item);
    }
    g_temp_free(f, whole);
}

static void assign_attribute(struct g_fn *f, struct pa_node *target, struct pa_value_type from) {
    struct pa_value_type object = target->a->type;
    struct pa_type *type = pa_type_find(object.type);
    if (!type) {
        g_bail(f);
        return;
    }
    if (type->kind == PA_T_TYPE) {
        struct pa_node name = {.kind = PA_N_NAME, .place = target->place,
                               .web = pa_class_attribute(type->class, target->str)->web};
        g_variable_set(f, &name, from);
        return;
    }
    struct pa_field *field = pa_class_field(type->class, target->str);
    uint32_t slot = pa_class_field_slot(type->class, field), self = g_local(f, G_I32);
    g_convert(f, from, field->type, target);
    struct g_temp value = g_temp_set(f, field->type);
    g_expression(f, target->a);
    g_need_object(f, object, target->a);
    g_tee(f, self);
    g_get(f, value.local);
    g_store_slot(f, field->type, 16 + 8 * slot);
    if (!field->certain) {
        g_get(f, self);
        g_get(f, self);
        g_load(f, G_I32, 8);
        g_i32(f, (int32_t)(1u << slot));
        g_op(f, 0x72);
        g_store(f, G_I32, 8);
    }
    g_temp_free(f, value);
    g_free_local(f, self);
}

/* list[index] = value */
static void assign_list(struct g_fn *f, struct pa_node *target, struct g_temp value) {
    struct pa_value_type item = pa_type_item(target->a->type, 0);
    uint32_t object = g_local(f, G_I32), index = g_local(f, G_I64);
    g_expression(f, target->a);
    g_need_object(f, target->a->type, target->a);
    f->pending++;
    g_index_of(f, target->b);
    f->pending--;
    g_set(f, index);
    g_set(f, object);
    g_get(f, index);
    g_get(f, object);
    g_load(f, G_I32, 8);
    g_op(f, 0xad);
    g_op(f, 0x5a);
    g_if(f, G_VOID);
    g_get(f, index);
    g_get(f, object);
    g_load(f, G_I32, 8);
    g_op(f, 0xad);
    g_op(f, 0x7c);
    g_tee(f, index);
    g_get(f, object);
    g_load(f, G_I32, 8);
    g_op(f, 0xad);
    g_op(f, 0x5a);
    g_if(f, G_VOID);
    g_rt(f, "rt_raise_list_assign");
    g_raised(f, target);
    g_end(f);
    g_end(f);
    g_get(f, object);
    g_load(f, G_I32, 16);
    g_get(f, index);
    g_op(f, 0xa7);
    g_i32(f, 3);
    g_op(f, 0x74);
    g_op(f, 0x6a);
    g_get(f, value.local);
    g_convert(f, value.type, item, target);
    g_store_slot(f, item, 0);
    g_free_local(f, object);
    g_free_local(f, index);
}

static void assign_element(struct g_fn *f, struct pa_node *target, struct pa_value_type from) {
    struct pa_value_type object = target->a->type;
    struct pa_type *type = pa_type_find(object.type);
    struct g_temp value = g_temp_set(f, from);
    if (!type) {
        g_bail(f);
    } else if (type->kind == PA_T_LIST) {
        assign_list(f, target, value);
    } else if (type->kind == PA_T_CLASS) {
        struct g_temp args[3];
        g_expression(f, target->a);
        args[0] = g_temp_set(f, object);
        g_expression(f, target->b);
        args[1] = g_temp_set(f, target->b->type);
        args[2] = value;
        g_special(f, target, "__setitem__", args, 3, pa_type_none());
        g_op(f, 0x1a);
        g_temp_free(f, args[0]);
        g_temp_free(f, args[1]);
    } else {
        bool dict = type->kind == PA_T_DICT;
        struct pa_value_type key = dict ? pa_type_item(object, 0) : ANY;
        struct pa_value_type held = dict ? pa_type_item(object, 1) : ANY;
        g_expression(f, target->a);
        g_need_object(f, object, target->a);
        f->pending++;
        g_expression_as(f, target->b, key);
        f->pending--;
        g_to_slot(f, key);
        g_get(f, value.local);
        g_convert(f, from, held, target);
        g_to_slot(f, held);
        g_rt(f, dict ? "rt_dict_set" : "rt_any_set");
        g_check(f, target);
    }
    g_temp_free(f, value);
}

static void assign_slice(struct g_fn *f, struct pa_node *target, struct pa_value_type from) {
    if (!pa_type_is(from, PA_T_LIST))
        pa_refuse(f->g->tree, &target->place, "a slice set to this is not supported");
    struct g_temp value = g_temp_set(f, from);
    int32_t there = 0;
    g_expression(f, target->a);
    g_need_object(f, target->a->type, target->a);
    f->pending++;
    for (uint32_t i = 0; i < 2; i++) {
        there |= target->kids[i] ? 1 << i : 0;
        if (target->kids[i])
            g_index_of(f, target->kids[i]);
        else
            g_i64(f, 0);
    }
    f->pending--;
    g_i32(f, there);
    g_get(f, value.local);
    g_rt(f, "rt_list_set_slice");
    g_temp_free(f, value);
}

void g_assign(struct g_fn *f, struct pa_node *target, struct pa_value_type from) {
    struct pa_type *type = pa_type_find(from.type);
    switch (target->kind) {
    case PA_N_NAME:
        g_variable_set(f, target, from);
        return;
    case PA_N_ATTRIBUTE:
        assign_attribute(f, target, from);
        return;
    case PA_N_INDEX:
        assign_element(f, target, from);
        return;
    case PA_N_SLICE:
        assign_slice(f, target, from);
        return;
    case PA_N_TUPLE:
        g_need_object(f, from, target);
        if (type && type->kind == PA_T_TUPLE && !type->dynamic) {
            assign_tuple(f, target, from);
        } else if (type) {
            assign_items(f, target, from);
        } else {
            g_op(f, 0x1a);
            g_bail(f);
        }
        return;
    default:
        pa_refuse(f->g->tree, &target->place, "this cannot be assigned to");
    }
}

/* a, b = b, a: no tuple is made. */
static bool assign_side_by_side(struct g_fn *f, struct pa_node *node) {
    struct pa_node *target = node->kids[0], *value = node->a;
    if (node->kid_count != 1 || target->kind != PA_N_TUPLE || value->kind != PA_N_TUPLE ||
        target->kid_count != value->kid_count || pa_type_find(value->type.type)->dynamic)
        return false;
    for (uint32_t i = 0; i < target->kid_count; i++)
        if (target->kids[i]->kind == PA_N_STAR)
            return false;
    struct g_temp *values = pa_tree_alloc(f->g->tree, (value->kid_count + 1) * sizeof(*values));
    for (uint32_t i = 0; i < value->kid_count; i++) {
        g_expression_as(f, value->kids[i], pa_type_item(value->type, i));
        values[i] = g_temp_set(f, pa_type_item(value->type, i));
    }
    for (uint32_t i = 0; i < target->kid_count; i++) {
        g_get(f, values[i].local);
        g_assign(f, target->kids[i], values[i].type);
        g_temp_free(f, values[i]);
    }
    return true;
}

static void generate_assignment(struct g_fn *f, struct pa_node *node) {
    if (assign_side_by_side(f, node))
        return;
    g_expression(f, node->a);
    if (node->kid_count == 1) {
        g_assign(f, node->kids[0], node->a->type);
        return;
    }
    struct g_temp value = g_temp_set(f, node->a->type);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        g_get(f, value.local);
        g_assign(f, node->kids[i], node->a->type);
    }
    g_temp_free(f, value);
}

static bool is_simple(const struct pa_node *node) {
    return node->kind == PA_N_NAME || pa_is_constant(node) ||
           (node->kind == PA_N_ATTRIBUTE && node->a->kind == PA_N_NAME);
}

/* The parts of a target are evaluated once: into variables that stand for them. */
static struct pa_node *hold(struct g_fn *f, struct pa_node *node) {
    if (is_simple(node))
        return node;
    struct pa_node *name = pa_node_new(f->g->tree, PA_N_NAME, node->place);
    struct pa_web *web = pa_tree_alloc(f->g->tree, sizeof(*web));
    web->variable = pa_tree_alloc(f->g->tree, sizeof(*web->variable));
    web->variable->name = "";
    web->type = node->type;
    web->local = web->flag = web->frame = -1;
    name->str = "";
    name->web = web;
    name->variable = web->variable;
    name->variable->scope = &f->in->scope;
    name->type = node->type;
    g_expression(f, node);
    g_variable_set(f, name, node->type);
    return name;
}

static void generate_augmented(struct g_fn *f, struct pa_node *node) {
    struct pa_node *target = node->a, *read = node->a, *write = node->c;
    if (target->kind != PA_N_NAME) {
        struct pa_node *copy = pa_tree_alloc(f->g->tree, sizeof(*copy));
        *copy = *target;
        copy->a = hold(f, target->a);
        if (target->b)
            copy->b = hold(f, target->b);
        if (target->kind == PA_N_SLICE)
            pa_refuse(f->g->tree, &node->place, "this assignment to a slice");
        read = write = copy;
    }
    if (node->op == PA_OP_ADD && pa_type_is(read->type, PA_T_LIST)) {
        struct pa_value_type list = read->type;
        list.none = false;
        g_list_of(f, node->b, pa_type_list(f->g->program, pa_type_item(list, 0)));
        struct g_temp more = g_temp_set(f, list);
        g_expression(f, read);
        g_need_object(f, read->type, read);
        struct g_temp whole = g_temp_set(f, list);
        g_get(f, whole.local);
        g_get(f, more.local);
        g_rt(f, "rt_list_extend");
        g_get(f, whole.local);
        g_assign(f, write, list);
        g_temp_free(f, more);
        g_temp_free(f, whole);
        return;
    }
    g_expression(f, read);
    struct g_temp old = g_temp_set(f, read->type);
    g_expression(f, node->b);
    struct g_temp by = g_temp_set(f, node->b->type);
    g_get(f, old.local);
    g_get(f, by.local);
    g_temp_free(f, old);
    g_temp_free(f, by);
    struct pa_type *type = pa_type_find(read->type.type);
    if (type && type->kind == PA_T_SET && pa_type_is(node->b->type, PA_T_SET)) {
        /* In place: who else holds the set sees it. */
        g_i32(f, node->op);
        g_rt(f, "rt_set_inplace");
        g_check(f, node);
    } else if (type && type->kind == PA_T_ANY) {
        g_convert(f, node->b->type, ANY, node);
        g_i32(f, node->op);
        g_rt(f, "rt_any_inplace");
        g_check(f, node);
    } else {
        g_binary(f, node, node->op, read->type, node->b->type, node->type);
    }
    g_assign(f, write, node->type);
}

/* Control. */

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
        struct pa_node name = {.kind = PA_N_NAME, .place = kid->place,
                               .web = pa_class_attribute(class, kid->kids[0]->str)->web};
        g_expression(f, kid->a);
        g_variable_set(f, &name, kid->a->type);
    }
}

void g_statement(struct g_fn *f, struct pa_node *node) {
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
        generate_assignment(f, node);
        return;
    case PA_S_AUGMENT:
        generate_augmented(f, node);
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
