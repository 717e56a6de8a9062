/*
 * Generation: loops over anything that gives items.
 *
 * An iterator is a few locals (struct iter).  `open` evaluates what is iterated over, `step` goes
 * on or leaves the loop, `value` puts the item of this round on the stack.  What is made of several
 * (zip, enumerate, items) gives its parts one by one to a target that is a tuple, and makes a tuple
 * only where there is none.
 *
 * A generator expression is not stepped: it is loops inside each other with the consumer's code in
 * the middle (g_each).
 */
#include "transpile/gen_iterate.h"

#define INT pa_type_of(f->g->program, PA_T_INT)

static void iter_value(struct g_fn *f, struct g_iter *it);

static void step_map(struct g_fn *f, struct g_iter *it) {
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

static void iter_step(struct g_fn *f, struct g_iter *it, struct g_label exit);

static void step_filter(struct g_fn *f, struct g_iter *it, struct g_label exit) {
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

/* Ranges and lists are tested at the end of a round, which saves a jump in each: `begin` leaves
 * before the first if there is none, `step` begins a round, `again` goes back if there is another.
 * The others are tested by their step. */
static bool is_tested_at_end(const struct g_iter *it) {
    return it->how == OVER_RANGE || it->how == OVER_LIST;
}

/* Whether there is an item to come, as a condition. */
static void is_more(struct g_fn *f, struct g_iter *it) {
    if (it->how == OVER_LIST) {
        const struct g_fact *view = g_view_there(f, it->object.local);
        g_get(f, it->index);
        if (view) {
            g_get(f, view->count);
            g_op(f, 0xa7);
        } else {
            g_get(f, it->object.local);
            g_load(f, G_I32, 8);
        }
        g_op(f, 0x49);
    } else if (it->by == 1) {
        g_get(f, it->at);
        g_get(f, it->count);
        g_op(f, 0x53);
    } else {
        g_get(f, it->count);
        g_i64(f, 0);
        g_op(f, 0x52);
    }
}

static void begin(struct g_fn *f, struct g_iter *it, struct g_label exit) {
    if (!is_tested_at_end(it))
        return;
    is_more(f, it);
    g_op(f, 0x45);
    g_br_if(f, exit);
}

static void again(struct g_fn *f, struct g_iter *it, struct g_label top) {
    if (!is_tested_at_end(it)) {
        g_br(f, top);
        return;
    }
    is_more(f, it);
    g_br_if(f, top);
}

static void add_to(struct g_fn *f, uint32_t local, int64_t by) {
    g_get(f, local);
    g_i64(f, by);
    g_op(f, 0x7c);
    g_set(f, local);
}

/* `index` holds this round's value, so that the body may not change it.  What `at` is after the
 * last may be no int any more, and is not used. */
static void step_range(struct g_fn *f, struct g_iter *it) {
    if (!it->index)
        it->index = g_local(f, G_I64);
    g_get(f, it->at);
    g_set(f, it->index);
    if (it->by == 1) {
        add_to(f, it->at, 1);
        return;
    }
    add_to(f, it->count, -1);
    g_get(f, it->at);
    g_get(f, it->step);
    g_op(f, 0x7c);
    g_set(f, it->at);
}

/* On to the next item, which there is. */
static void step_on(struct g_fn *f, struct g_iter *it) {
    if (it->how == OVER_RANGE) {
        step_range(f, it);
        return;
    }
    g_get(f, it->index);
    g_i32(f, 1);
    g_op(f, 0x6a);
    g_set(f, it->index);
}

static void iter_step(struct g_fn *f, struct g_iter *it, struct g_label exit) {
    switch (it->how) {
    case OVER_RANGE:
    case OVER_LIST:
        begin(f, it, exit);
        step_on(f, it);
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
static void entry_address(struct g_fn *f, struct g_iter *it) {
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
static struct pa_value_type iter_part(struct g_fn *f, struct g_iter *it, uint32_t i) {
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

static bool has_parts(const struct g_iter *it) {
    return it->how == OVER_MANY || it->how == OVER_COUNTED ||
           (it->how == OVER_DICT && it->view == PA_LAZY_ITEMS);
}

static void iter_value(struct g_fn *f, struct g_iter *it) {
    const struct g_fact *view;
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
        if ((view = g_view_there(f, it->object.local))) {
            g_get(f, view->elements);
        } else {
            g_get(f, it->object.local);
            g_load(f, G_I32, 16);
        }
        g_get(f, it->index);
        if (it->how == OVER_LIST) { /* the index is past it already */
            g_i32(f, 1);
            g_op(f, 0x6b);
        }
        g_i32(f, (int32_t)g_element_shift(it->item));
        g_op(f, 0x74);
        g_op(f, 0x6a);
        g_load_element(f, it->item, 0);
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
static void iter_assign(struct g_fn *f, struct g_iter *it, struct pa_node *target) {
    if (has_parts(it) && target->kind == PA_N_TUPLE) {
        uint32_t count = it->how == OVER_MANY ? it->part_count : 2;
        bool plain = target->kid_count == count;
        for (uint32_t i = 0; i < target->kid_count; i++)
            plain &= target->kids[i]->kind == PA_N_NAME || target->kids[i]->kind == PA_N_TUPLE;
        for (uint32_t i = 0; i < count && plain; i++) {
            struct g_iter *part = it->how == OVER_MANY                ? &it->parts[i]
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
    if (it->how == OVER_RANGE)
        g_know_name(f, target, it->range);
}

static void close_iter(struct g_fn *f, struct g_iter *it) {
    for (uint32_t i = 0; i < it->part_count; i++)
        close_iter(f, &it->parts[i]);
    /* Its locals are not given back: the body's temporaries may still be younger than they. */
}

static uint32_t lists_of(const struct g_iter *it, struct g_temp *lists, uint32_t count,
                         uint32_t room) {
    if (it->how == OVER_LIST && count < room)
        lists[count++] = it->object;
    for (uint32_t i = 0; i < it->part_count; i++)
        count = lists_of(&it->parts[i], lists, count, room);
    return count;
}

/* Begins the loop and its first round; again() is its end. */
static struct g_label begin_loop(struct g_fn *f, struct pa_node *node, struct g_iter *it,
                                 struct g_label exit) {
    struct g_temp lists[4];
    begin(f, it, exit);
    struct g_label top = g_loop_of(f, node, lists, lists_of(it, lists, 0, PA_ARRAY_LEN(lists)));
    if (is_tested_at_end(it))
        step_on(f, it);
    else
        iter_step(f, it, exit);
    return top;
}

void g_for(struct g_fn *f, struct pa_node *node) {
    struct g_iter it;
    struct g_loop loop = {.outer = f->loop, .tries = f->tries, .handlers = f->handler};
    g_open_iter(f, node->b, &it);
    loop.exit = g_block(f);
    struct g_label otherwise = g_block(f);
    uint32_t since = f->calls;
    struct pa_node *outer = f->at;
    f->at = node->b;
    struct g_label top = begin_loop(f, node, &it, otherwise);
    iter_assign(f, &it, node->a);
    f->at = outer;
    loop.next = g_block(f);
    f->loop = &loop;
    g_block_of(f, node->c);
    f->loop = loop.outer;
    g_end(f);
    g_safepoint(f, since);
    again(f, &it, top);
    g_end(f);
    g_end(f);
    if (node->d)
        g_block_of(f, node->d);
    g_end(f);
    close_iter(f, &it);
}

/* The clauses of a comprehension from `at` on, with the consumer in the middle.  Of a generator all
 * but what the first clause goes through is inside of it. */
static void clauses(struct g_fn *f, struct pa_node *node, uint32_t at, g_each_fn *body,
                    void *context, struct g_inner *inside) {
    if (at == node->kid_count) {
        body(f, context);
        return;
    }
    struct pa_node *clause = node->kids[at];
    struct g_iter it;
    g_open_iter(f, clause->b, &it);
    if (inside)
        f->inner = inside;
    struct g_label exit = g_block(f);
    uint32_t since = f->calls;
    struct pa_node *outer = f->at;
    f->at = clause->b;
    struct g_label top = begin_loop(f, clause, &it, exit);
    iter_assign(f, &it, clause->a);
    f->at = outer;
    struct g_label next = g_block(f);
    for (uint32_t i = 0; i < clause->kid_count; i++) {
        g_condition(f, clause->kids[i]);
        g_op(f, 0x45);
        g_br_if(f, next);
    }
    clauses(f, node, at + 1, body, context, inside);
    g_end(f);
    g_safepoint(f, since);
    again(f, &it, top);
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
    struct g_inner *own = f->inner;
    g_expression(f, generator->node->a);
    f->inner = own->outer;
    generator->body(f, generator->context);
    f->inner = own;
}

/* What a traceback shows of the function that uses a generator: the call, or only the function's
 * name where CPython 3.15 has the loop in place of a call. */
static const struct pa_node *who_uses(struct g_fn *f, const struct pa_node *generator) {
    static const char *const in_place[] = {"all", "any", "tuple", "list", "set"};
    const struct pa_node *call = f->at;
    if (call->kind != PA_N_CALL || call->a->kind != PA_N_NAME || call->kid_count != 1 ||
        call->kids[0] != generator)
        return call;
    for (size_t i = 0; i < PA_ARRAY_LEN(in_place); i++)
        if (pa_streq(call->a->str, in_place[i]))
            return call->a;
    return call;
}

void g_each(struct g_fn *f, struct pa_node *node, g_each_fn *body, void *context,
            struct g_label *ret_exit) {
    if (pa_lazy_kind(node) == PA_LAZY_GENERATOR) {
        struct generator generator = {node, body, context};
        struct g_inner inside = {f->inner, "<genexpr>", who_uses(f, node)};
        *ret_exit = g_block(f);
        clauses(f, node, 0, generator_body, &generator, &inside);
        f->inner = inside.outer;
        g_end(f);
        return;
    }
    struct g_iter it;
    g_open_iter(f, node, &it);
    *ret_exit = g_block(f);
    uint32_t since = f->calls;
    struct g_label top = begin_loop(f, node, &it, *ret_exit);
    iter_value(f, &it);
    body(f, context);
    g_safepoint(f, since);
    again(f, &it, top);
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
    clauses(f, node, 0, node->kind == PA_N_DICTCOMP ? collect_pair : collect_element, &c, NULL);
    g_get(f, c.result.local);
    g_temp_free(f, c.result);
}

void g_list_of(struct g_fn *f, struct pa_node *node, struct pa_value_type list) {
    struct collect c = {.node = node, .from = g_item_type(f, node)};
    struct g_label exit;
    c.item = pa_type_item(list, 0);
    if (pa_type_is(list, PA_T_SET) && pa_lazy_kind(node) == PA_LAZY_NOT &&
        pa_type_is(node->type, PA_T_SET) &&
        pa_type_find(c.from.type) == pa_type_find(c.item.type)) { /* the table is copied */
        g_expression(f, node);
        g_need_object(f, node->type, node);
        g_rt(f, "rt_set_copy");
        return;
    }
    g_i32(f, (int32_t)g_descriptor(f->g, list));
    if (!pa_type_is(list, PA_T_SET))
        g_i32(f, 0);
    g_rt(f, pa_type_is(list, PA_T_SET) ? "rt_set_new" : "rt_list_new");
    c.result = g_temp_set(f, list);
    g_each(f, node, collect_item, &c, &exit);
    g_get(f, c.result.local);
    g_temp_free(f, c.result);
}
