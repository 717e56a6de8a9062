/* Generation: the beginning of a loop: what is iterated over, into the locals of an iterator. */
#include "transpile/gen_iterate.h"

#define INT pa_type_of(f->g->program, PA_T_INT)
#define ANY pa_type_of(f->g->program, PA_T_ANY)

struct pa_value_type g_item_type(struct g_fn *f, struct pa_node *node) {
    return pa_infer_iteration(&f->infer, node);
}

static void open_range(struct g_fn *f, struct pa_node *node, struct g_iter *it, bool back) {
    int64_t step = 1;
    it->how = OVER_RANGE;
    it->range = (struct g_range){INT64_MIN, INT64_MAX};
    it->item = INT;
    it->at = g_local(f, G_I64);
    it->count = g_local(f, G_I64);
    it->step = g_local(f, G_I64);
    if (node->kid_count == 1)
        g_i64(f, 0);
    else
        g_index_of(f, node->kids[0]);
    g_set(f, it->at);
    struct pa_node *stop = node->kids[node->kid_count == 1 ? 0 : 1];
    g_index_of(f, stop);
    g_set(f, it->count);
    struct g_range from = {0, 0}, to = g_range(f, stop);
    if (node->kid_count > 1)
        from = g_range(f, node->kids[0]);
    bool constant = node->kid_count < 3 || pa_constant_index(node->kids[2], &step);
    if (constant)
        g_i64(f, step);
    else
        g_index_of(f, node->kids[2]);
    g_set(f, it->step);
    it->by = constant && !back ? step : 0;
    if ((constant ? step > 0 : g_range(f, node->kids[2]).low > 0) && to.high > INT64_MIN)
        it->range = (struct g_range){from.low, to.high - 1};
    else if (constant && step < 0 && to.low < INT64_MAX)
        it->range = (struct g_range){to.low + 1, from.high};
    if (it->by == 1)
        return; /* `count` is where to stop */
    g_get(f, it->at);
    g_get(f, it->count);
    g_get(f, it->step);
    g_rt(f, "rt_range_count");
    if (!constant || step == 0)
        g_check(f, node);
    g_set(f, it->count);
    if (back) {
        g_get(f, it->at);
        g_get(f, it->count);
        g_i64(f, 1);
        g_op(f, 0x7d);
        g_get(f, it->step);
        g_op(f, 0x7e);
        g_op(f, 0x7c);
        g_set(f, it->at);
        g_i64(f, 0);
        g_get(f, it->step);
        g_op(f, 0x7d);
        g_set(f, it->step);
    }
}

/* A range that is a value. */
static void open_range_object(struct g_fn *f, struct g_iter *it, bool back) {
    it->how = OVER_RANGE;
    it->range = (struct g_range){INT64_MIN, INT64_MAX};
    it->item = INT;
    it->at = g_local(f, G_I64);
    it->count = g_local(f, G_I64);
    it->step = g_local(f, G_I64);
    it->by = 0;
    struct g_temp range = g_temp_set(f, pa_type_of(f->g->program, PA_T_RANGE));
    g_get(f, range.local);
    g_load(f, G_I64, 24);
    g_set(f, it->step);
    g_get(f, range.local);
    g_load(f, G_I64, 8);
    g_tee(f, it->at);
    g_get(f, range.local);
    g_load(f, G_I64, 16);
    g_get(f, it->step);
    g_rt(f, "rt_range_count");
    g_set(f, it->count);
    if (back) {
        g_get(f, it->at);
        g_get(f, it->count);
        g_i64(f, 1);
        g_op(f, 0x7d);
        g_get(f, it->step);
        g_op(f, 0x7e);
        g_op(f, 0x7c);
        g_set(f, it->at);
        g_i64(f, 0);
        g_get(f, it->step);
        g_op(f, 0x7d);
        g_set(f, it->step);
    }
    g_temp_free(f, range);
}

/* The pointer on the stack is a list. */
static void open_list(struct g_fn *f, struct g_iter *it, struct pa_value_type list, bool back) {
    it->how = back ? OVER_LIST_BACK : OVER_LIST;
    it->container = list;
    it->item = pa_type_item(list, 0);
    it->object = g_temp_set(f, list);
    it->index = g_local(f, G_I32);
    if (back) {
        g_get(f, it->object.local);
        g_load(f, G_I32, 8);
    } else {
        g_i32(f, 0);
    }
    g_set(f, it->index);
}

/* A tuple becomes a list of what its items have in common. */
static void open_tuple(struct g_fn *f, struct g_iter *it, struct pa_node *node, bool back) {
    struct pa_type *type = pa_type_find(node->type.type);
    struct pa_value_type item = pa_infer_items_of(&f->infer, node->type, &node->place);
    struct pa_value_type list = pa_type_list(f->g->program, item);
    struct g_temp tuple = g_temp_set(f, node->type);
    g_i32(f, (int32_t)g_descriptor(f->g, list));
    g_i32(f, (int32_t)type->item_count);
    g_rt(f, "rt_list_new");
    struct g_temp made = g_temp_set(f, list);
    for (uint32_t i = 0; i < type->item_count; i++) {
        g_get(f, made.local);
        g_get(f, tuple.local);
        g_load_slot(f, type->items[i], 16 + 8 * i);
        g_convert(f, type->items[i], item, node);
        g_to_slot(f, item);
        g_rt(f, "rt_list_append");
    }
    g_get(f, made.local);
    open_list(f, it, list, back);
    g_temp_free(f, tuple);
    g_temp_free(f, made);
}

static void open_table(struct g_fn *f, struct g_iter *it, struct pa_value_type type,
                       enum pa_lazy view) {
    bool set = pa_type_is(type, PA_T_SET);
    it->how = set ? OVER_SET : OVER_DICT;
    it->view = view;
    it->container = type;
    it->item = pa_type_item(type, view == PA_LAZY_VALUES ? 1 : 0);
    it->object = g_temp_set(f, type);
    it->index = g_local(f, G_I32);
    it->count = g_local(f, G_I32);
    g_i32(f, 0);
    g_set(f, it->index);
    if (set && it->node != f->unordered) {
        g_get(f, it->object.local);
        g_rt(f, "rt_set_iterate");
    }
    g_get(f, it->object.local);
    g_load(f, G_I32, set ? 8 : 32); /* how many there are; how often its keys have changed */
    g_set(f, it->count);
}

/* What is on the stack is never there: nothing that is compiled comes to this point. */
static void open_nothing(struct g_fn *f, struct g_iter *it) {
    g_op(f, 0x1a);
    g_bail(f);
    it->how = OVER_RANGE;
    it->range = (struct g_range){INT64_MIN, INT64_MAX};
    it->by = 1;
    it->item = (struct pa_value_type){0};
    it->at = it->count = g_local(f, G_I64);
}

static void open_value(struct g_fn *f, struct pa_node *node, struct g_iter *it, bool back) {
    struct pa_type *type = pa_type_find(node->type.type);
    g_expression(f, node);
    if (!type) {
        open_nothing(f, it);
        return;
    }
    g_need_object(f, node->type, node);
    switch (type->kind) {
    case PA_T_LIST:
        open_list(f, it, node->type, back);
        return;
    case PA_T_RANGE:
        open_range_object(f, it, back);
        return;
    case PA_T_TUPLE:
        open_tuple(f, it, node, back);
        return;
    case PA_T_STR:
        if (!back) {
            it->how = OVER_STR;
            it->item = node->type;
            it->item.none = false;
            it->object = g_temp_set(f, node->type);
            it->index = g_local(f, G_I32);
            it->at = g_local(f, G_I32);
            g_i32(f, 0);
            g_set(f, it->index);
            return;
        }
        g_rt(f, "rt_str_list");
        open_list(f, it, pa_type_list(f->g->program, node->type), true);
        return;
    case PA_T_DICT:
        if (!back) {
            open_table(f, it, node->type, PA_LAZY_KEYS);
            return;
        }
        break;
    case PA_T_SET:
        open_table(f, it, node->type, PA_LAZY_KEYS);
        return;
    case PA_T_ANY:
        g_rt(f, "rt_any_list");
        open_list(f, it, pa_infer_any_container(&f->infer, PA_T_LIST), back);
        return;
    default:
        break;
    }
    pa_refuse(f->g->tree, &node->place, "iteration over this is not supported");
}

static void open_view(struct g_fn *f, struct pa_node *node, struct g_iter *it, enum pa_lazy lazy) {
    struct pa_node *dict = node->a->a;
    struct pa_value_type type = dict->type;
    if (pa_type_is(type, PA_T_CLASS)) {
        open_value(f, node, it, false);
        return;
    }
    g_expression(f, dict);
    if (!pa_type_find(type.type)) {
        open_nothing(f, it);
        return;
    }
    g_need_object(f, type, dict);
    if (pa_type_is(type, PA_T_ANY)) {
        type = pa_infer_any_container(&f->infer, PA_T_DICT);
        g_convert(f, ANY, type, node);
    }
    open_table(f, it, type, lazy);
    if (lazy == PA_LAZY_ITEMS)
        it->item = g_item_type(f, node);
}

static void open_parts(struct g_fn *f, struct g_iter *it, struct pa_node **nodes, uint32_t count) {
    it->parts = pa_tree_alloc(f->g->tree, (count + 1) * sizeof(*it->parts));
    it->part_count = count;
    for (uint32_t i = 0; i < count; i++)
        g_open_iter(f, nodes[i], &it->parts[i]);
}

void g_open_iter(struct g_fn *f, struct pa_node *node, struct g_iter *it) {
    enum pa_lazy lazy = pa_lazy_kind(node);
    memset(it, 0, sizeof(*it));
    it->node = node;
    switch (lazy) {
    case PA_LAZY_RANGE:
        open_range(f, node, it, false);
        return;
    case PA_LAZY_ENUMERATE: {
        struct pa_node *start = pa_keyword(node, "start");
        if (!start && node->kid_count == 2)
            start = node->kids[1];
        it->how = OVER_COUNTED;
        it->item = g_item_type(f, node);
        open_parts(f, it, node->kids, 1);
        it->at = g_local(f, G_I64);
        if (start)
            g_index_of(f, start);
        else
            g_i64(f, 0);
        g_i64(f, 1);
        g_op(f, 0x7d);
        g_set(f, it->at);
        return;
    }
    case PA_LAZY_ZIP:
        it->how = OVER_MANY;
        it->item = g_item_type(f, node);
        open_parts(f, it, node->kids, node->kid_count);
        return;
    case PA_LAZY_MAP:
        it->how = OVER_MAP;
        it->item = g_item_type(f, node);
        open_parts(f, it, node->kids + 1, node->kid_count - 1);
        it->value = g_temp_new(f, it->item);
        return;
    case PA_LAZY_FILTER:
        it->how = OVER_FILTER;
        open_parts(f, it, node->kids + 1, 1);
        it->item = it->parts[0].item;
        it->value = g_temp_new(f, it->item);
        return;
    case PA_LAZY_REVERSED: {
        struct pa_node *inner = node->kids[0];
        enum pa_lazy of = pa_lazy_kind(inner);
        if (of == PA_LAZY_RANGE) {
            open_range(f, inner, it, true);
            return;
        }
        if (of == PA_LAZY_NOT && !pa_type_is(inner->type, PA_T_DICT)) {
            open_value(f, inner, it, true);
            return;
        }
        struct pa_value_type list = pa_type_list(f->g->program, g_item_type(f, inner));
        g_list_of(f, inner, list);
        open_list(f, it, list, true);
        return;
    }
    case PA_LAZY_GENERATOR: {
        struct pa_value_type list = pa_type_list(f->g->program, g_item_type(f, node));
        g_list_of(f, node, list);
        open_list(f, it, list, false);
        return;
    }
    case PA_LAZY_ITEMS:
    case PA_LAZY_KEYS:
    case PA_LAZY_VALUES:
        open_view(f, node, it, lazy);
        return;
    default:
        open_value(f, node, it, false);
    }
}
