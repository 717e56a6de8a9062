/* Generation: elements, slices and attributes. */
#include "transpile/gen.h"

#define ANY pa_type_of(f->g->program, PA_T_ANY)

/* A list whose element is wanted: in a local, or by its view. */
struct listed {
    uint32_t object;
    const struct pa_web *web; /* that has a view, or NULL */
    uint32_t elements, count;
};

static void push_count(struct g_fn *f, const struct listed *list) {
    if (list->web) {
        g_get(f, list->count);
        return;
    }
    g_get(f, list->object);
    g_load(f, G_I32, 8);
    g_op(f, 0xad);
}

/* The index on the stack >= length, unsigned: past the end, or negative. */
static void if_outside(struct g_fn *f, const struct listed *list) {
    push_count(f, list);
    g_op(f, 0x5a);
    g_if(f, G_VOID);
}

static void raise_outside(struct g_fn *f, const char *raise, struct pa_node *node) {
    g_rt(f, raise);
    g_raised(f, node);
    g_end(f);
}

/* Leaves by way of `raise` where the index is not in the list.  One that may be negative counts
 * from the end, and is what it stands for afterwards. */
static void check_index(struct g_fn *f, const struct listed *list, uint32_t index,
                        struct g_range range, const char *raise, struct pa_node *node) {
    const struct g_fact *view = list->web ? g_view_there(f, (uint32_t)list->web->local) : NULL;
    if (view && range.low >= 0 && range.high < view->low)
        return;
    g_get(f, index);
    if (range.low < 0) { /* index + (index < 0 ? count : 0), without a branch */
        if (range.high >= 0) {
            g_get(f, index);
            g_i64(f, 63);
            g_op(f, 0x87);
        }
        push_count(f, list);
        if (range.high >= 0)
            g_op(f, 0x83);
        g_op(f, 0x7c);
        g_tee(f, index);
    }
    if_outside(f, list);
    raise_outside(f, raise, node);
}

#define OFFSET_MAX 4096 /* elements, in the offset of a load */

/* list[c] by a view: what was in the list before needs no check. */
static uint32_t constant_place(struct g_fn *f, struct pa_node *node, const struct listed *list,
                               int64_t at, const char *raise) {
    uint32_t local = (uint32_t)list->web->local;
    if (g_view_there(f, local)->low <= at) {
        g_i64(f, at);
        if_outside(f, list);
        raise_outside(f, raise, node);
        g_view_there(f, local)->low = at + 1;
    }
    g_get(f, list->elements);
    return (uint32_t)at;
}

uint32_t g_list_place(struct g_fn *f, struct pa_node *node, const char *raise) {
    struct pa_value_type item = pa_type_item(node->a->type, 0);
    struct listed list = {.web = g_viewable(f, node->a)};
    const struct g_fact *view = NULL;
    int64_t constant;
    uint32_t index = g_local(f, G_I64);
    if (!list.web) {
        g_expression(f, node->a);
        g_need_object(f, node->a->type, node->a);
        f->pending++;
    }
    g_index_of(f, node->b);
    g_set(f, index);
    if (list.web) { /* in a variable, which the index cannot have assigned */
        view = g_view(f, (uint32_t)list.web->local, (struct pa_web *)list.web);
        if (!view)
            list.web = NULL;
        g_get(f, (uint32_t)pa_web_find(node->a->web)->local);
    } else {
        f->pending--;
    }
    list.object = g_local(f, G_I32);
    g_set(f, list.object);
    uint32_t at = 0;
    if (view) {
        list.elements = view->elements;
        list.count = view->count;
    }
    if (view && pa_constant_index(node->b, &constant) && constant >= 0 && constant < OFFSET_MAX) {
        at = constant_place(f, node, &list, constant, raise);
    } else {
        check_index(f, &list, index, g_range(f, node->b), raise, node);
        if (view) {
            g_get(f, list.elements);
        } else {
            g_get(f, list.object);
            g_load(f, G_I32, 16);
        }
        g_get(f, index);
        g_op(f, 0xa7);
        g_i32(f, (int32_t)g_element_shift(item));
        g_op(f, 0x74);
        g_op(f, 0x6a);
    }
    g_free_local(f, list.object);
    g_free_local(f, index);
    return at;
}

static void list_element(struct g_fn *f, struct pa_node *node, struct pa_value_type list,
                         struct pa_value_type result) {
    struct pa_value_type item = pa_type_item(list, 0);
    g_load_element(f, item, g_list_place(f, node, "rt_raise_list_index"));
    g_convert(f, item, result, node);
}

static void dict_element(struct g_fn *f, struct pa_node *node, struct pa_value_type dict) {
    g_expression(f, node->a);
    g_need_object(f, node->a->type, node->a);
    f->pending++;
    g_expression_as(f, node->b, pa_type_item(dict, 0));
    f->pending--;
    g_to_slot(f, pa_type_item(dict, 0));
    g_rt(f, "rt_dict_at"); /* the address of the value, or 0 with KeyError set */
    g_check(f, node);
    g_load_slot(f, pa_type_item(dict, 1), 0);
}

static void tuple_element(struct g_fn *f, struct pa_node *node, struct pa_value_type tuple) {
    struct pa_type *type = pa_type_find(tuple.type);
    int64_t at;
    g_expression(f, node->a);
    g_need_object(f, node->a->type, node->a);
    if (pa_constant_index(node->b, &at)) {
        at += at < 0 ? type->item_count : 0;
        g_load_slot(f, type->items[at], 16 + 8 * (uint32_t)at);
        return;
    }
    /* Items of one kind, or all of them ANY: inference made them so. */
    f->pending++;
    g_index_of(f, node->b);
    f->pending--;
    g_rt(f, "rt_tuple_at");
    g_check(f, node);
    g_from_slot(f, node->type);
}

void g_index(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type object = node->a->type;
    struct pa_type *type = pa_type_find(object.type);
    if (!type) {
        g_expression(f, node->a);
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    switch (type->kind) {
    case PA_T_LIST:
        list_element(f, node, object, node->type);
        return;
    case PA_T_DICT:
        dict_element(f, node, object);
        return;
    case PA_T_TUPLE:
        tuple_element(f, node, object);
        return;
    case PA_T_CLASS: {
        struct g_temp args[2];
        g_expression(f, node->a);
        args[0] = g_temp_set(f, object);
        g_expression(f, node->b);
        args[1] = g_temp_set(f, node->b->type);
        g_special(f, node, "__getitem__", args, 2, node->type);
        g_temp_free(f, args[0]);
        g_temp_free(f, args[1]);
        return;
    }
    default:
        break;
    }
    g_expression(f, node->a);
    g_need_object(f, object, node->a);
    f->pending++;
    if (type->kind == PA_T_ANY)
        g_expression_as(f, node->b, ANY);
    else
        g_index_of(f, node->b);
    f->pending--;
    g_rt(f, type->kind == PA_T_STR     ? "rt_str_at"
            : type->kind == PA_T_RANGE ? "rt_range_at"
                                       : "rt_any_at");
    g_check(f, node);
}

/* Bounds of a slice as three integers and which of them are there. */
void g_slice(struct g_fn *f, struct pa_node *node) {
    struct pa_type *type = pa_type_find(node->a->type.type);
    g_expression(f, node->a);
    g_need_object(f, node->a->type, node->a);
    if (type && type->kind == PA_T_TUPLE) {
        struct pa_type *part = pa_type_find(node->type.type);
        struct g_temp whole = g_temp_set(f, node->a->type);
        struct g_temp *items = pa_tree_alloc(f->g->tree, (part->item_count + 1) * sizeof(*items));
        for (uint32_t i = 0; i < part->item_count; i++) {
            g_get(f, whole.local);
            g_load_slot(f, type->items[node->ival + i], 16 + 8 * (uint32_t)(node->ival + i));
            g_convert(f, type->items[node->ival + i], part->items[i], node);
            items[i] = g_temp_set(f, part->items[i]);
        }
        g_tuple_new(f, node->type, items);
        g_temp_free(f, whole);
        for (uint32_t i = 0; i < part->item_count; i++)
            g_temp_free(f, items[i]);
        return;
    }
    int32_t there = 0;
    f->pending++;
    for (uint32_t i = 0; i < 3; i++) {
        there |= node->kids[i] ? 1 << i : 0;
        if (node->kids[i])
            g_index_of(f, node->kids[i]);
        else
            g_i64(f, 0);
    }
    f->pending--;
    g_i32(f, there);
    g_rt(f, type && type->kind == PA_T_STR    ? "rt_str_slice"
            : type && type->kind == PA_T_LIST ? "rt_list_slice"
                                              : "rt_any_slice");
    g_check(f, node);
}

static void generate_field(struct g_fn *f, struct pa_node *node, struct pa_class *class,
                           struct pa_field *field) {
    uint32_t slot = pa_class_field_slot(class, field);
    if (!field->certain) {
        uint32_t object = g_local(f, G_I32);
        g_tee(f, object);
        g_load(f, G_I32, 8);
        g_i32(f, (int32_t)(1u << slot));
        g_op(f, 0x71);
        g_op(f, 0x45);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
        g_get(f, object);
        g_free_local(f, object);
    }
    g_load_slot(f, field->type, 16 + 8 * slot);
    (void)node;
}

/* object.name where the object may be of several classes. */
static void any_attribute(struct g_fn *f, struct pa_node *node) {
    uint32_t object = g_local(f, G_I32), result = g_local(f, g_repr(node->type));
    g_expression(f, node->a);
    g_set(f, object);
    struct g_label done = g_block(f);
    for (struct pa_class *class = f->g->program->classes; class; class = class->next) {
        struct pa_field *field = class->instantiated ? pa_class_field(class, node->str) : NULL;
        if (!field)
            continue;
        g_get(f, object);
        g_i32(f, (int32_t)g_class_record(f->g, class));
        g_rt(f, "rt_is_exactly");
        g_if(f, G_VOID);
        g_get(f, object);
        generate_field(f, node, class, field);
        g_convert(f, field->type, node->type, node);
        g_set(f, result);
        g_br(f, done);
        g_end(f);
    }
    g_bail(f);
    g_end(f);
    g_get(f, result);
    g_free_local(f, object);
    g_free_local(f, result);
}

void g_attribute(struct g_fn *f, struct pa_node *node) {
    struct pa_type *type = pa_type_find(node->a->type.type);
    double constant;
    if (pa_streq(node->str, "__name__") && node->a->kind == PA_N_CALL && !type) {
        g_expression_as(f, node->a->kids[0], ANY); /* type(x).__name__ */
        g_rt(f, "rt_type_name");
        return;
    }
    if (!type) {
        g_expression(f, node->a);
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    if (type->kind == PA_T_MODULE) {
        if (pa_module_constant(type->name, node->str, &constant))
            g_f64(f, constant);
        else
            g_i32(f, 0);
        return;
    }
    if (type->kind == PA_T_ANY) {
        any_attribute(f, node);
        return;
    }
    if (pa_streq(node->str, "__name__") && type->kind != PA_T_CLASS) {
        const char *name = type->kind == PA_T_TYPE ? type->class->name : type->name;
        g_i32(f, (int32_t)g_string(f->g, name, strlen(name)));
        return;
    }
    struct pa_class *class = type->class;
    struct pa_field *field = type->kind == PA_T_CLASS ? pa_class_field(class, node->str) : NULL;
    if (field) {
        g_expression(f, node->a);
        g_need_object(f, node->a->type, node->a);
        generate_field(f, node, class, field);
        return;
    }
    struct pa_function *method = pa_class_method(class, node->str);
    if (method && method->def->is_property && type->kind == PA_T_CLASS) {
        g_expression(f, node->a);
        struct g_temp self = g_temp_set(f, node->a->type);
        g_special(f, node, node->str, &self, 1, node->type);
        g_temp_free(f, self);
        return;
    }
    struct pa_variable *v = pa_class_attribute(class, node->str);
    if (type->kind == PA_T_CLASS) {
        g_expression(f, node->a);
        g_need_object(f, node->a->type, node->a);
        g_op(f, 0x1a);
    }
    struct pa_node name = {.kind = PA_N_NAME, .web = v->web, .place = node->place};
    g_variable_get(f, &name);
}
