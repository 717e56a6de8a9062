/*
 * Inference: statements.  Every pass walks the module and all instances and lets types climb; when
 * a pass changes nothing, all is known.
 */
#include "transpile/infer.h"

static void infer_block(struct pa_infer *x, struct pa_node *block) {
    if (!block)
        return;
    for (uint32_t i = 0; i < block->kid_count; i++)
        pa_infer_statement(x, block->kids[i]);
}

struct pa_value_type *pa_infer_place(struct pa_infer *x, struct pa_node *name) {
    if (!name->web)
        pa_refuse(x->tree, &name->place, "%.60s cannot be assigned here", name->str);
    return &pa_web_find(name->web)->type;
}

static void assign_items(struct pa_infer *x, struct pa_node *target, struct pa_value_type type) {
    struct pa_type *known = pa_type_find(type.type);
    bool star = false;
    for (uint32_t i = 0; i < target->kid_count; i++)
        star |= target->kids[i]->kind == PA_N_STAR;
    if (!known)
        return;
    bool tuple = known->kind == PA_T_TUPLE && !known->dynamic;
    if (tuple && !star && known->item_count != target->kid_count)
        pa_refuse(x->tree, &target->place, "%u names for %u values", target->kid_count,
                  known->item_count);
    if (tuple && star)
        pa_refuse(x->tree, &target->place, "a starred name for a tuple is not supported");
    struct pa_value_type all = {0};
    if (!tuple)
        all = pa_infer_items_of(x, type, &target->place);
    for (uint32_t i = 0; i < target->kid_count; i++) {
        struct pa_node *kid = target->kids[i];
        if (kid->kind == PA_N_STAR) {
            if (!kid->note)
                kid->note = pa_type_new(x->program, PA_T_LIST, 1).type;
            struct pa_value_type list = {.type = pa_type_find(kid->note)};
            pa_type_join(x->program, &list.type->items[0], all);
            if (known->kind == PA_T_LIST) /* a part of it has its items as they are */
                pa_type_mix(x->program, &list, type);
            pa_infer_assign(x, kid->a, list);
        } else {
            pa_infer_assign(x, kid, tuple ? known->items[i] : all);
        }
    }
}

static void assign_attribute(struct pa_infer *x, struct pa_node *target,
                             struct pa_value_type type) {
    struct pa_value_type object = pa_infer_expression(x, target->a);
    if (pa_type_is(object, PA_T_TYPE)) {
        struct pa_variable *v = pa_class_attribute(pa_type_find(object.type)->class, target->str);
        if (!v)
            pa_refuse(x->tree, &target->place, "the class has no attribute %.60s", target->str);
        pa_type_join(x->program, &v->web->type, type);
        return;
    }
    if (!object.type)
        return;
    if (!pa_type_is(object, PA_T_CLASS))
        pa_refuse(x->tree, &target->place, "an attribute of a %s cannot be set",
                  pa_type_name(x->program, object));
    struct pa_class *class = pa_type_find(object.type)->class;
    struct pa_field *field = pa_class_field(class, target->str);
    if (!field)
        pa_refuse(x->tree, &target->place, "%.60s is not assigned in a method of %.60s",
                  target->str, class->name);
    pa_type_join(x->program, &field->type, type);
}

static void assign_element(struct pa_infer *x, struct pa_node *target, struct pa_value_type type) {
    struct pa_value_type object = pa_infer_expression(x, target->a);
    struct pa_value_type index = pa_infer_expression(x, target->b);
    struct pa_type *known = pa_type_find(object.type);
    if (!known)
        return;
    if (known->kind == PA_T_LIST) {
        pa_type_join(x->program, &known->items[0], type);
    } else if (known->kind == PA_T_DICT) {
        pa_type_join(x->program, &known->items[0], index);
        pa_type_join(x->program, &pa_type_find(known)->items[1], type);
    } else if (known->kind == PA_T_CLASS) {
        struct pa_value_type args[] = {object, index, type};
        pa_infer_special(x, target, known->class, "__setitem__", args, 3);
    } else if (known->kind == PA_T_ANY) {
        pa_infer_to_any(x, index);
        pa_infer_to_any(x, type);
    } else {
        pa_refuse(x->tree, &target->place, "an element of a %s cannot be set",
                  pa_type_name(x->program, object));
    }
}

void pa_infer_assign(struct pa_infer *x, struct pa_node *target, struct pa_value_type type) {
    switch (target->kind) {
    case PA_N_NAME:
        if (target->variable && target->variable->binding > PA_BOUND_VALUE)
            pa_refuse(x->tree, &target->place, "%.60s is defined more than once", target->str);
        pa_type_join(x->program, pa_infer_place(x, target), type);
        target->type = *pa_infer_place(x, target);
        return;
    case PA_N_TUPLE:
        assign_items(x, target, type);
        return;
    case PA_N_ATTRIBUTE:
        assign_attribute(x, target, type);
        return;
    case PA_N_INDEX:
        assign_element(x, target, type);
        return;
    case PA_N_SLICE: {
        struct pa_value_type object = pa_infer_expression(x, target);
        if (object.type && !pa_type_is(object, PA_T_LIST))
            pa_refuse(x->tree, &target->place, "a slice of a %s cannot be set",
                      pa_type_name(x->program, object));
        if (object.type && type.type && !pa_type_is(type, PA_T_LIST))
            pa_refuse(x->tree, &target->place, "a slice set to a %s is not supported",
                      pa_type_name(x->program, type));
        if (object.type && type.type) /* elements are moved as they are: one type of list */
            pa_type_mix(x->program, &object, type);
        return;
    }
    default:
        pa_refuse(x->tree, &target->place, "this cannot be assigned to");
    }
}

static void infer_augmented(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type old = pa_infer_expression(x, node->a);
    struct pa_value_type by;
    struct pa_value_type result;
    if (node->op == PA_OP_ADD && pa_type_is(old, PA_T_LIST)) {
        /* In place, with whatever can be iterated. */
        by = pa_infer_iteration(x, node->b);
        pa_type_join(x->program, &pa_type_find(old.type)->items[0], by);
        result = old;
    } else {
        by = pa_infer_expression(x, node->b);
        result = pa_infer_binary(x, node, node->op, old, by);
    }
    node->type = result;
    pa_infer_assign(x, node->a->kind == PA_N_NAME ? node->c : node->a, result);
}

static void infer_handler(struct pa_infer *x, struct pa_node *handler) {
    struct pa_value_type caught = {0};
    for (uint32_t i = 0; i < handler->kid_count; i++) {
        struct pa_value_type type = pa_infer_expression(x, handler->kids[i]);
        if (!pa_type_is(type, PA_T_TYPE) || !pa_type_find(type.type)->class->is_exception)
            pa_refuse(x->tree, &handler->kids[i]->place, "this is not an exception class");
        struct pa_value_type instance = {.type = pa_type_find(type.type)->class->type};
        pa_type_mix(x->program, &caught, instance);
    }
    if (handler->str)
        pa_infer_assign(x, handler->b, caught);
    infer_block(x, handler->a);
}

static void infer_return(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type type = node->a ? pa_infer_expression(x, node->a) : pa_type_none();
    pa_type_join(x->program, &x->in->result, type);
}

static void infer_class(struct pa_infer *x, struct pa_node *node) {
    struct pa_class *class = pa_scope_find(&x->in->scope, node->str)->class;
    for (uint32_t i = 0; i < node->a->kid_count; i++) {
        struct pa_node *kid = node->a->kids[i];
        if (kid->kind != PA_S_ASSIGN)
            continue;
        struct pa_value_type type = pa_infer_expression(x, kid->a);
        struct pa_variable *v = pa_class_attribute(class, kid->kids[0]->str);
        pa_type_join(x->program, &v->web->type, type);
    }
}

/* An exception, or a class of which one is made. */
static void infer_raised(struct pa_infer *x, struct pa_node *node, struct pa_node *statement) {
    struct pa_value_type type = pa_infer_expression(x, node);
    struct pa_type *known = pa_type_find(type.type);
    if (known &&
        !((known->kind == PA_T_CLASS || known->kind == PA_T_TYPE) && known->class->is_exception))
        pa_refuse(x->tree, &node->place, "this is not an exception");
    if (known && known->kind == PA_T_TYPE)
        pa_infer_construct(x, statement, known->class, NULL, 0);
}

static void infer_raise(struct pa_infer *x, struct pa_node *node) {
    if (node->a)
        infer_raised(x, node->a, node);
    if (node->b)
        infer_raised(x, node->b, node);
}

static void infer_delete(struct pa_infer *x, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind != PA_N_INDEX)
            pa_refuse(x->tree, &kid->place, "only elements can be deleted");
        struct pa_value_type object = pa_infer_expression(x, kid->a);
        pa_infer_expression(x, kid->b);
        if (object.type && !pa_type_is(object, PA_T_LIST) && !pa_type_is(object, PA_T_DICT))
            pa_refuse(x->tree, &kid->place, "only elements of lists and dicts can be deleted");
    }
}

void pa_infer_statement(struct pa_infer *x, struct pa_node *node) {
    switch (node->kind) {
    case PA_S_BLOCK:
        infer_block(x, node);
        return;
    case PA_S_EXPR:
        if (node->a->kind != PA_N_GENERATOR)
            pa_infer_expression(x, node->a);
        return;
    case PA_S_ASSIGN: {
        struct pa_value_type type = pa_infer_expression(x, node->a);
        for (uint32_t i = 0; i < node->kid_count; i++)
            pa_infer_assign(x, node->kids[i], type);
        return;
    }
    case PA_S_AUGMENT:
        infer_augmented(x, node);
        return;
    case PA_S_IF:
        pa_infer_expression(x, node->a);
        node->mark = (uint8_t)pa_infer_truth(x, node->a);
        if (node->mark != PA_NEVER && node->mark != PA_NOT_KNOWN_YET)
            infer_block(x, node->b);
        if (node->mark != PA_ALWAYS && node->mark != PA_NOT_KNOWN_YET)
            infer_block(x, node->c);
        return;
    case PA_S_WHILE:
        pa_infer_expression(x, node->a);
        infer_block(x, node->b);
        infer_block(x, node->c);
        return;
    case PA_S_FOR:
        pa_infer_assign(x, node->a, pa_infer_iteration(x, node->b));
        infer_block(x, node->c);
        infer_block(x, node->d);
        return;
    case PA_S_TRY:
        infer_block(x, node->a);
        for (uint32_t i = 0; i < node->kid_count; i++)
            infer_handler(x, node->kids[i]);
        infer_block(x, node->b);
        infer_block(x, node->c);
        return;
    case PA_S_RETURN:
        infer_return(x, node);
        return;
    case PA_S_RAISE:
        infer_raise(x, node);
        return;
    case PA_S_ASSERT:
        pa_infer_expression(x, node->a);
        if (node->b)
            pa_infer_expression(x, node->b);
        return;
    case PA_S_DELETE:
        infer_delete(x, node);
        return;
    case PA_S_CLASS:
        infer_class(x, node);
        return;
    default:
        return;
    }
}

static void infer_instance(struct pa_program *program, struct pa_instance_of *in) {
    struct pa_infer x = {.program = program, .tree = program->tree, .in = in};
    if (in->body->kind == PA_S_BLOCK)
        infer_block(&x, in->body);
    else
        pa_type_join(program, &in->result, pa_infer_expression(&x, in->body));
}

void pa_infer(struct pa_program *program) {
    unsigned pass = 0;
    do {
        program->changed = false;
        infer_instance(program, program->module);
        for (struct pa_instance_of *in = program->instances; in; in = in->all)
            infer_instance(program, in);
        if (++pass > PA_MAX_PASSES)
            pa_refuse(program->tree, NULL, "the types of this program do not settle");
    } while (program->changed);
}
