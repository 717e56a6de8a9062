/*
 * Generation: loops over anything that gives items.
 *
 * An iterator is a few locals (struct iter).  `open` evaluates what is iterated over, `step` goes on
 * or leaves the loop, `value` puts the item of this round on the stack.  What is made of several
 * (zip, enumerate, items) gives its parts one by one to a target that is a tuple, and makes a tuple
 * only where there is none.
 *
 * A generator expression is not stepped: it is loops inside each other with the consumer's code in
 * the middle (g_each).
 */
#include "transpile/gen.h"

#define INT pa_type_of(f->g->program, PA_T_INT)
#define ANY pa_type_of(f->g->program, PA_T_ANY)

enum how {
    OVER_RANGE,
    OVER_LIST,
    OVER_LIST_BACK,
    OVER_STR,
    OVER_DICT, /* `view`: keys, values or both */
    OVER_SET,
    OVER_MANY, /* zip: parts */
    OVER_COUNTED, /* enumerate: parts[0], counter */
    OVER_MAP,
    OVER_FILTER,
};

struct iter {
    enum how how;
    enum pa_lazy view;
    struct pa_value_type item;
    struct pa_value_type container;
    struct pa_node *node;
    struct g_temp object; /* what is iterated over */
    uint32_t index, at, step, count; /* locals */
    int64_t by;
    struct iter *parts;
    uint32_t part_count;
    struct g_temp value; /* of MAP and FILTER: this round's */
};

static void open_iter(struct g_fn *f, struct pa_node *node, struct iter *it);

struct pa_value_type g_item_type(struct g_fn *f, struct pa_node *node) {
    return pa_infer_iteration(&f->infer, node);
}

static void open_range(struct g_fn *f, struct pa_node *node, struct iter *it, bool back) {
    int64_t step = 1;
    it->how = OVER_RANGE;
    it->item = INT;
    it->at = g_local(f, G_I64);
    it->count = g_local(f, G_I64);
    it->step = g_local(f, G_I64);
    if (node->kid_count == 1)
        g_i64(f, 0);
    else
        g_index_of(f, node->kids[0]);
    g_set(f, it->at);
    g_index_of(f, node->kids[node->kid_count == 1 ? 0 : 1]);
    g_set(f, it->count);
    bool constant = node->kid_count < 3 || pa_constant_index(node->kids[2], &step);
    if (constant)
        g_i64(f, step);
    else
        g_index_of(f, node->kids[2]);
    g_set(f, it->step);
    it->by = constant && !back ? step : 0;
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
static void open_range_object(struct g_fn *f, struct iter *it, bool back) {
    it->how = OVER_RANGE;
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
static void open_list(struct g_fn *f, struct iter *it, struct pa_value_type list, bool back) {
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
static void open_tuple(struct g_fn *f, struct iter *it, struct pa_node *node, bool back) {
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

static void open_table(struct g_fn *f, struct iter *it, struct pa_value_type type, enum pa_lazy view) {
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
    g_load(f, G_I32, 8);
    g_set(f, it->count);
}

static void open_value(struct g_fn *f, struct pa_node *node, struct iter *it, bool back) {
    struct pa_type *type = pa_type_find(node->type.type);
    g_expression(f, node);
    if (!type) {
        g_op(f, 0x1a);
        g_bail(f);
        it->how = OVER_RANGE;
        it->by = 1;
        it->item = (struct pa_value_type){0};
        it->at = it->count = g_local(f, G_I64);
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

static void open_view(struct g_fn *f, struct pa_node *node, struct iter *it, enum pa_lazy lazy) {
    struct pa_node *dict = node->a->a;
    struct pa_value_type type = dict->type;
    if (pa_type_is(type, PA_T_CLASS)) {
        open_value(f, node, it, false);
        return;
    }
    g_expression(f, dict);
    g_need_object(f, type, dict);
    if (pa_type_is(type, PA_T_ANY)) {
        type = pa_infer_any_container(&f->infer, PA_T_DICT);
        g_convert(f, ANY, type, node);
    }
    open_table(f, it, type, lazy);
    if (lazy == PA_LAZY_ITEMS)
        it->item = g_item_type(f, node);
}

static void open_parts(struct g_fn *f, struct iter *it, struct pa_node **nodes, uint32_t count) {
    it->parts = pa_tree_alloc(f->g->tree, (count + 1) * sizeof(*it->parts));
    it->part_count = count;
    for (uint32_t i = 0; i < count; i++)
        open_iter(f, nodes[i], &it->parts[i]);
}

static void open_iter(struct g_fn *f, struct pa_node *node, struct iter *it) {
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

static void iter_value(struct g_fn *f, struct iter *it);

static void step_map(struct g_fn *f, struct iter *it) {
    struct g_temp *args = pa_tree_alloc(f->g->tree, (it->part_count + 1) * sizeof(*args));
    for (uint32_t i = 0; i < it->part_count; i++) {
        iter_value(f, &it->parts[i]);
        args[i] = g_temp_set(f, it->parts[i].item);
    }
    g_apply(f, it->node->kids[0], args, it->part_count, it->item);
    g_temp_put(f, it->value);
    for (uint32_t i = 0; i < it->part_count; i++)
        g_temp_free(f, args[i]);
}

static void iter_step(struct g_fn *f, struct iter *it, struct g_label exit);

static void step_filter(struct g_fn *f, struct iter *it, struct g_label exit) {
    struct pa_node *function = it->node->kids[0];
    struct g_label again = g_loop_start(f);
    iter_step(f, &it->parts[0], exit);
    iter_value(f, &it->parts[0]);
    g_temp_put(f, it->value);
    if (function->kind == PA_N_NONE) {
        g_get(f, it->value.local);
        g_truth(f, it->item, function);
    } else {
        struct pa_value_type verdict = pa_infer_apply(&f->infer, function, &it->item, 1);
        g_apply(f, function, &it->value, 1, verdict);
        g_truth(f, verdict, function);
    }
    g_op(f, 0x45);
    g_br_if(f, again);
    g_end(f);
}

static void step_range(struct g_fn *f, struct iter *it, struct g_label exit) {
    if (it->by == 1) { /* `index` holds this round's value, so that the body may not change it */
        if (!it->index)
            it->index = g_local(f, G_I64);
        g_get(f, it->at);
        g_get(f, it->count);
        g_op(f, 0x59);
        g_br_if(f, exit);
        g_get(f, it->at);
        g_tee(f, it->index);
        g_i64(f, 1);
        g_op(f, 0x7c);
        g_set(f, it->at);
        return;
    }
    if (!it->index)
        it->index = g_local(f, G_I64);
    g_get(f, it->count);
    g_op(f, 0x50);
    g_br_if(f, exit);
    g_get(f, it->count);
    g_i64(f, 1);
    g_op(f, 0x7d);
    g_set(f, it->count);
    g_get(f, it->at);
    g_tee(f, it->index);
    g_get(f, it->step);
    g_op(f, 0x7c);
    g_set(f, it->at);
}

static void iter_step(struct g_fn *f, struct iter *it, struct g_label exit) {
    switch (it->how) {
    case OVER_RANGE:
        step_range(f, it, exit);
        return;
    case OVER_LIST:
        g_get(f, it->index);
        g_get(f, it->object.local);
        g_load(f, G_I32, 8);
        g_op(f, 0x4f);
        g_br_if(f, exit);
        g_get(f, it->index);
        g_i32(f, 1);
        g_op(f, 0x6a);
        g_set(f, it->index);
        return;
    case OVER_LIST_BACK:
        g_get(f, it->index);
        g_op(f, 0x45);
        g_br_if(f, exit);
        g_get(f, it->index);
        g_i32(f, 1);
        g_op(f, 0x6b);
        g_tee(f, it->index);
        g_get(f, it->object.local);
        g_load(f, G_I32, 8);
        g_op(f, 0x4f);
        g_br_if(f, exit);
        return;
    case OVER_STR:
        g_get(f, it->index);
        g_get(f, it->object.local);
        g_load(f, G_I32, 8);
        g_op(f, 0x4f);
        g_br_if(f, exit);
        g_get(f, it->index);
        g_set(f, it->at);
        g_get(f, it->object.local);
        g_get(f, it->index);
        g_rt(f, "rt_str_next");
        g_set(f, it->index);
        return;
    case OVER_DICT:
    case OVER_SET:
        g_get(f, it->object.local);
        g_get(f, it->index);
        g_get(f, it->count);
        g_rt(f, it->how == OVER_SET ? "rt_set_next" : "rt_dict_next");
        g_tee(f, it->index); /* one past the entry; 0: no more */
        g_op(f, 0x45);
        g_br_if(f, exit);
        return;
    case OVER_MANY:
        for (uint32_t i = 0; i < it->part_count; i++)
            iter_step(f, &it->parts[i], exit);
        return;
    case OVER_COUNTED:
        iter_step(f, &it->parts[0], exit);
        g_get(f, it->at);
        g_i64(f, 1);
        g_op(f, 0x7c);
        g_set(f, it->at);
        return;
    case OVER_MAP:
        for (uint32_t i = 0; i < it->part_count; i++)
            iter_step(f, &it->parts[i], exit);
        step_map(f, it);
        return;
    case OVER_FILTER:
        step_filter(f, it, exit);
        return;
    }
}

/* The address of the entry in a dict's or set's table. */
static void entry_address(struct g_fn *f, struct iter *it) {
    g_get(f, it->object.local);
    g_load(f, G_I32, 16);
    g_get(f, it->index);
    g_i32(f, 24);
    g_op(f, 0x6c);
    g_op(f, 0x6a);
    g_i32(f, 24);
    g_op(f, 0x6b);
}

/* Part `i` of an item that is made of parts. */
static struct pa_value_type iter_part(struct g_fn *f, struct iter *it, uint32_t i) {
    if (it->how == OVER_MANY) {
        iter_value(f, &it->parts[i]);
        return it->parts[i].item;
    }
    if (it->how == OVER_COUNTED) {
        if (i == 0)
            g_get(f, it->at);
        else
            iter_value(f, &it->parts[0]);
        return i == 0 ? INT : it->parts[0].item;
    }
    entry_address(f, it);
    g_load_slot(f, pa_type_item(it->container, i), 8 * i);
    return pa_type_item(it->container, i);
}

static bool has_parts(const struct iter *it) {
    return it->how == OVER_MANY || it->how == OVER_COUNTED ||
           (it->how == OVER_DICT && it->view == PA_LAZY_ITEMS);
}

static void iter_value(struct g_fn *f, struct iter *it) {
    if (has_parts(it)) {
        uint32_t count = it->how == OVER_MANY ? it->part_count : 2;
        struct g_temp *items = pa_tree_alloc(f->g->tree, (count + 1) * sizeof(*items));
        for (uint32_t i = 0; i < count; i++) {
            struct pa_value_type type = iter_part(f, it, i);
            items[i] = g_temp_set(f, type);
        }
        g_tuple_new(f, it->item, items);
        for (uint32_t i = 0; i < count; i++)
            g_temp_free(f, items[i]);
        return;
    }
    switch (it->how) {
    case OVER_RANGE:
        if (pa_type_is(it->item, PA_T_INT))
            g_get(f, it->index);
        else
            g_i32(f, 0); /* of what is never there */
        return;
    case OVER_LIST:
    case OVER_LIST_BACK:
        g_get(f, it->object.local);
        g_load(f, G_I32, 16);
        g_get(f, it->index);
        g_i32(f, 3);
        g_op(f, 0x74);
        g_op(f, 0x6a);
        if (it->how == OVER_LIST) { /* the index is past it already */
            g_i32(f, 8);
            g_op(f, 0x6b);
        }
        g_load_slot(f, it->item, 0);
        return;
    case OVER_STR:
        g_get(f, it->object.local);
        g_get(f, it->at);
        g_rt(f, "rt_str_char");
        return;
    case OVER_DICT:
        entry_address(f, it);
        g_load_slot(f, it->item, it->view == PA_LAZY_VALUES ? 8 : 0);
        return;
    case OVER_SET:
        entry_address(f, it);
        g_load_slot(f, it->item, 0);
        return;
    default:
        g_get(f, it->value.local);
    }
}

/* The item of this round to a target. */
static void iter_assign(struct g_fn *f, struct iter *it, struct pa_node *target) {
    if (has_parts(it) && target->kind == PA_N_TUPLE) {
        uint32_t count = it->how == OVER_MANY ? it->part_count : 2;
        bool plain = target->kid_count == count;
        for (uint32_t i = 0; i < target->kid_count; i++)
            plain &= target->kids[i]->kind == PA_N_NAME || target->kids[i]->kind == PA_N_TUPLE;
        for (uint32_t i = 0; i < count && plain; i++) {
            struct iter *part = it->how == OVER_MANY                ? &it->parts[i]
                                : it->how == OVER_COUNTED && i == 1 ? &it->parts[0]
                                                                    : NULL;
            if (part) {
                iter_assign(f, part, target->kids[i]);
                continue;
            }
            struct pa_value_type type = iter_part(f, it, i);
            g_assign(f, target->kids[i], type);
        }
        if (plain)
            return;
    }
    iter_value(f, it);
    g_assign(f, target, it->item);
}

static void close_iter(struct g_fn *f, struct iter *it) {
    for (uint32_t i = 0; i < it->part_count; i++)
        close_iter(f, &it->parts[i]);
    /* Its locals are not given back: the body's temporaries may still be younger than they. */
}

void g_for(struct g_fn *f, struct pa_node *node) {
    struct iter it;
    struct g_loop loop = {.outer = f->loop, .tries = f->tries};
    open_iter(f, node->b, &it);
    loop.exit = g_block(f);
    struct g_label otherwise = g_block(f);
    uint32_t since = f->calls;
    struct g_label top = g_loop_start(f);
    iter_step(f, &it, otherwise);
    iter_assign(f, &it, node->a);
    loop.next = g_block(f);
    f->loop = &loop;
    g_block_of(f, node->c);
    f->loop = loop.outer;
    g_end(f);
    g_safepoint(f, since);
    g_br(f, top);
    g_end(f);
    g_end(f);
    if (node->d)
        g_block_of(f, node->d);
    g_end(f);
    close_iter(f, &it);
}

/* The clauses of a comprehension from `at` on, with the consumer in the middle. */
static void clauses(struct g_fn *f, struct pa_node *node, uint32_t at, g_each_fn *body,
                    void *context) {
    if (at == node->kid_count) {
        body(f, context);
        return;
    }
    struct pa_node *clause = node->kids[at];
    struct iter it;
    open_iter(f, clause->b, &it);
    struct g_label exit = g_block(f);
    uint32_t since = f->calls;
    struct g_label top = g_loop_start(f);
    iter_step(f, &it, exit);
    iter_assign(f, &it, clause->a);
    struct g_label next = g_block(f);
    for (uint32_t i = 0; i < clause->kid_count; i++) {
        g_condition(f, clause->kids[i]);
        g_op(f, 0x45);
        g_br_if(f, next);
    }
    clauses(f, node, at + 1, body, context);
    g_end(f);
    g_safepoint(f, since);
    g_br(f, top);
    g_end(f);
    g_end(f);
    close_iter(f, &it);
}

struct generator {
    struct pa_node *node;
    g_each_fn *body;
    void *context;
};

static void generator_body(struct g_fn *f, void *context) {
    struct generator *generator = context;
    g_expression(f, generator->node->a);
    generator->body(f, generator->context);
}

void g_each(struct g_fn *f, struct pa_node *node, g_each_fn *body, void *context,
            struct g_label *ret_exit) {
    if (pa_lazy_kind(node) == PA_LAZY_GENERATOR) {
        struct generator generator = {node, body, context};
        *ret_exit = g_block(f);
        clauses(f, node, 0, generator_body, &generator);
        g_end(f);
        return;
    }
    struct iter it;
    open_iter(f, node, &it);
    *ret_exit = g_block(f);
    uint32_t since = f->calls;
    struct g_label top = g_loop_start(f);
    iter_step(f, &it, *ret_exit);
    iter_value(f, &it);
    body(f, context);
    g_safepoint(f, since);
    g_br(f, top);
    g_end(f);
    g_end(f);
    close_iter(f, &it);
}

struct collect {
    struct pa_node *node;
    struct g_temp result;
    struct pa_value_type from, item;
};

static void collect_item(struct g_fn *f, void *context) {
    struct collect *c = context;
    uint32_t slot = g_local(f, G_I64);
    g_convert(f, c->from, c->item, c->node);
    g_to_slot(f, c->item);
    g_set(f, slot);
    g_get(f, c->result.local);
    g_get(f, slot);
    g_free_local(f, slot);
    if (pa_type_is(c->result.type, PA_T_SET)) {
        g_rt(f, "rt_set_add");
        g_check(f, c->node);
    } else {
        g_rt(f, "rt_list_append");
    }
}

static void collect_pair(struct g_fn *f, void *context) {
    struct collect *c = context;
    struct pa_value_type key = pa_type_item(c->result.type, 0);
    struct pa_value_type value = pa_type_item(c->result.type, 1);
    g_expression_as(f, c->node->a, key);
    struct g_temp held = g_temp_set(f, key);
    g_expression_as(f, c->node->b, value);
    struct g_temp stored = g_temp_set(f, value);
    g_get(f, c->result.local);
    g_get(f, held.local);
    g_to_slot(f, key);
    g_get(f, stored.local);
    g_to_slot(f, value);
    g_rt(f, "rt_dict_set");
    g_check(f, c->node);
    g_temp_free(f, held);
    g_temp_free(f, stored);
}

static void collect_element(struct g_fn *f, void *context) {
    struct collect *c = context;
    g_expression(f, c->node->a);
    collect_item(f, context);
}

void g_comprehension(struct g_fn *f, struct pa_node *node) {
    struct collect c = {.node = node};
    g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    if (node->kind == PA_N_LISTCOMP)
        g_i32(f, 0);
    g_rt(f, node->kind == PA_N_DICTCOMP  ? "rt_dict_new"
            : node->kind == PA_N_SETCOMP ? "rt_set_new"
                                         : "rt_list_new");
    c.result = g_temp_set(f, node->type);
    c.from = node->a->type;
    if (node->kind != PA_N_DICTCOMP)
        c.item = pa_type_item(node->type, 0);
    clauses(f, node, 0, node->kind == PA_N_DICTCOMP ? collect_pair : collect_element, &c);
    g_get(f, c.result.local);
    g_temp_free(f, c.result);
}

void g_list_of(struct g_fn *f, struct pa_node *node, struct pa_value_type list) {
    struct collect c = {.node = node, .from = g_item_type(f, node)};
    struct g_label exit;
    c.item = pa_type_item(list, 0);
    g_i32(f, (int32_t)g_descriptor(f->g, list));
    if (!pa_type_is(list, PA_T_SET))
        g_i32(f, 0);
    g_rt(f, pa_type_is(list, PA_T_SET) ? "rt_set_new" : "rt_list_new");
    c.result = g_temp_set(f, list);
    g_each(f, node, collect_item, &c, &exit);
    g_get(f, c.result.local);
    g_temp_free(f, c.result);
}
