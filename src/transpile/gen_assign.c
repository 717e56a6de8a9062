/* Generation: assignment to names, attributes, elements, slices and several of them. */
#include "transpile/gen.h"

#define ANY pa_type_of(f->g->program, PA_T_ANY)

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
            g_load_element(f, item, i);
        } else {
            g_get(f, whole.local);
            g_load(f, G_I32, 8);
            g_i32(f, (int32_t)(count - i));
            g_op(f, 0x6b);
            g_i32(f, (int32_t)g_element_shift(item));
            g_op(f, 0x74);
            g_op(f, 0x6a);
            g_load_element(f, item, 0);
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
        struct pa_node name = {.kind = PA_N_NAME,
                               .place = target->place,
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
    uint32_t at = g_list_place(f, target, "rt_raise_list_assign");
    g_get(f, value.local);
    g_convert(f, value.type, item, target);
    g_store_element(f, item, at);
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
    uint32_t bounds = target->kids[2] ? 3 : 2;
    for (uint32_t i = 0; i < bounds; i++) {
        there |= target->kids[i] ? 1 << i : 0;
        if (target->kids[i])
            g_index_of(f, target->kids[i]);
        else
            g_i64(f, 0);
    }
    f->pending--;
    g_i32(f, there);
    g_get(f, value.local);
    g_rt(f, bounds == 3 ? "rt_list_set_stride" : "rt_list_set_slice");
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

void g_assignment(struct g_fn *f, struct pa_node *node) {
    if (assign_side_by_side(f, node))
        return;
    g_expression(f, node->a);
    if (node->kid_count == 1) {
        struct g_range range = g_range(f, node->a);
        g_assign(f, node->kids[0], node->a->type);
        g_know_name(f, node->kids[0], range);
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

void g_augmented(struct g_fn *f, struct pa_node *node) {
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
        g_expression(f, read);
        g_need_object(f, read->type, read);
        struct g_temp whole = g_temp_set(f, list);
        g_list_of(f, node->b, pa_type_list(f->g->program, pa_type_item(list, 0)));
        struct g_temp more = g_temp_set(f, list);
        g_get(f, whole.local);
        g_get(f, more.local);
        g_rt(f, "rt_list_extend");
        g_get(f, whole.local);
        g_assign(f, write, list);
        g_temp_free(f, more);
        g_temp_free(f, whole);
        return;
    }
    /* In place: who else holds the list, dict or set sees it. */
    bool repeat = node->op == PA_OP_MUL && pa_type_is(read->type, PA_T_LIST);
    bool merge = node->op == PA_OP_OR && pa_type_is(read->type, PA_T_DICT) &&
                 pa_type_is(node->b->type, PA_T_DICT);
    g_expression(f, read);
    if (repeat || merge)
        g_need_object(f, read->type, read);
    struct g_temp old = g_temp_set(f, read->type);
    g_expression(f, node->b);
    if (merge)
        g_need_object(f, node->b->type, node->b);
    struct g_temp by = g_temp_set(f, node->b->type);
    g_get(f, old.local);
    g_get(f, by.local);
    g_temp_free(f, old);
    g_temp_free(f, by);
    struct pa_type *type = pa_type_find(read->type.type);
    if (repeat) {
        g_convert(f, node->b->type, pa_type_of(f->g->program, PA_T_INT), node);
        g_rt(f, "rt_list_multiply");
    } else if (merge) {
        g_rt(f, "rt_dict_inplace");
        g_check(f, node);
    } else if (type && type->kind == PA_T_SET && pa_type_is(node->b->type, PA_T_SET)) {
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
    struct pa_node result = {
        .kind = PA_N_BINARY, .op = node->op, .a = node->a, .b = node->b, .type = node->type};
    struct g_range range = g_range(f, &result);
    if (write->kind == PA_N_NAME && node->op == PA_OP_ADD && pa_type_is(node->type, PA_T_INT) &&
        g_range(f, node->b).low >= 0)
        f->grows = pa_web_find(write->web);
    g_assign(f, write, node->type);
    f->grows = NULL;
    g_know_name(f, write, range);
}
