/* Generation: what goes through all items once: min, max, sum, any, all, sorting. */
#include "transpile/gen.h"

#define KIND(kind) pa_type_of(f->g->program, kind)
#define FLOAT      KIND(PA_T_FLOAT)
#define BOOL       KIND(PA_T_BOOL)
#define ANY        KIND(PA_T_ANY)

/* min, max, sum, any, all: one pass with a result that changes. */
struct fold {
    struct pa_node *node, *key;
    struct pa_value_type from, type, key_type;
    struct g_temp best, best_key;
    uint32_t some;      /* a local: whether there was an item */
    uint32_t sum, rest; /* locals: of floats */
    bool max;
    struct g_label exit;
};

/* The better of two, by their keys: leaves whether the second is. */
static void is_better(struct g_fn *f, struct fold *fold, struct g_temp key) {
    struct pa_node pair = {.kind = PA_N_COMPARE, .place = fold->node->place};
    (void)pair;
    enum pa_op op = fold->max ? PA_OP_GT : PA_OP_LT;
    struct pa_value_type type = key.type;
    struct pa_type *known = pa_type_find(type.type);
    g_get(f, key.local);
    g_get(f, fold->best_key.local);
    if (known && known->kind == PA_T_INT) {
        g_op(f, fold->max ? 0x55 : 0x53);
    } else if (known && known->kind == PA_T_FLOAT) {
        g_op(f, fold->max ? 0x64 : 0x63);
    } else {
        uint32_t second = g_local(f, G_I64);
        g_to_slot(f, type);
        g_set(f, second);
        g_to_slot(f, type);
        g_get(f, second);
        g_free_local(f, second);
        g_i32(f, (int32_t)g_descriptor(f->g, type));
        g_i32(f, op);
        g_rt(f, "rt_order");
        g_check(f, fold->node);
    }
}

static void fold_best(struct g_fn *f, void *context) {
    struct fold *fold = context;
    g_convert(f, fold->from, fold->type, fold->node);
    struct g_temp item = g_temp_set(f, fold->type), key = item;
    if (fold->key) {
        g_apply(f, fold->key, &item, 1, fold->key_type);
        key = g_temp_set(f, fold->key_type);
    }
    g_get(f, fold->some);
    g_if(f, G_I32);
    is_better(f, fold, key);
    g_else(f);
    g_i32(f, 1);
    g_end(f);
    g_if(f, G_VOID);
    g_get(f, item.local);
    g_temp_put(f, fold->best);
    if (fold->key) {
        g_get(f, key.local);
        g_temp_put(f, fold->best_key);
    }
    g_i32(f, 1);
    g_set(f, fold->some);
    g_end(f);
    g_temp_free(f, item);
    if (fold->key)
        g_temp_free(f, key);
}

void g_min_max(struct g_fn *f, struct pa_node *node, bool max) {
    struct pa_node *key = pa_keyword(node, "key"), *otherwise = pa_keyword(node, "default");
    struct fold fold = {.node = node, .type = node->type, .max = max};
    uint32_t count = 0;
    while (count < node->kid_count && node->kids[count]->kind != PA_N_KEYWORD)
        count++;
    fold.key = key && key->kind != PA_N_NONE ? key : NULL;
    fold.some = g_local(f, G_I32);
    fold.best = fold.best_key = g_temp_new(f, fold.type);
    if (fold.key) {
        fold.key_type = pa_infer_apply(&f->infer, fold.key, &fold.type, 1);
        fold.best_key = g_temp_new(f, fold.key_type);
    }
    g_i32(f, 0);
    g_set(f, fold.some);
    if (count == 1) {
        if (!fold.key)
            f->unordered = node->kids[0];
        fold.from = g_item_type(f, node->kids[0]);
        g_each(f, node->kids[0], fold_best, &fold, &fold.exit);
        g_get(f, fold.some);
        g_op(f, 0x45);
        g_if(f, G_VOID);
        if (otherwise) {
            g_expression_as(f, otherwise, fold.type);
            g_temp_put(f, fold.best);
        } else {
            g_i32(f, max);
            g_rt(f, "rt_raise_empty");
            g_raised(f, node);
        }
        g_end(f);
    } else {
        struct g_temp *all = pa_tree_alloc(f->g->tree, (count + 1) * sizeof(*all));
        for (uint32_t i = 0; i < count; i++) {
            g_expression_as(f, node->kids[i], fold.type);
            all[i] = g_temp_set(f, fold.type);
        }
        fold.from = fold.type;
        for (uint32_t i = 0; i < count; i++) {
            g_get(f, all[i].local);
            fold_best(f, &fold);
            g_temp_free(f, all[i]);
        }
    }
    g_get(f, fold.best.local);
    g_free_local(f, fold.some);
}

static void fold_sum(struct g_fn *f, void *context) {
    struct fold *fold = context;
    struct g_temp item = g_temp_set(f, fold->from);
    g_get(f, fold->best.local);
    g_get(f, item.local);
    g_binary(f, fold->node, PA_OP_ADD, fold->type, fold->from, fold->type);
    g_temp_put(f, fold->best);
    g_temp_free(f, item);
}

/* Floats, which Python 3.12 and later add with Neumaier's compensation.  In variables of the
 * function: what gives the items may add floats as well. */
static void fold_float_sum(struct g_fn *f, void *context) {
    struct fold *fold = context;
    uint32_t value = g_local(f, G_F64), total = g_local(f, G_F64);
    g_convert(f, fold->from, FLOAT, fold->node);
    g_tee(f, value);
    g_get(f, fold->sum);
    g_op(f, 0xa0);
    g_set(f, total);
    g_get(f, fold->rest);
    g_get(f, fold->sum); /* (sum - total) + value, where sum is the larger */
    g_get(f, total);
    g_op(f, 0xa1);
    g_get(f, value);
    g_op(f, 0xa0);
    g_get(f, value); /* (value - total) + sum, where it is not */
    g_get(f, total);
    g_op(f, 0xa1);
    g_get(f, fold->sum);
    g_op(f, 0xa0);
    g_get(f, fold->sum);
    g_op(f, 0x99);
    g_get(f, value);
    g_op(f, 0x99);
    g_op(f, 0x66);
    g_op(f, 0x1b);
    g_op(f, 0xa0);
    g_set(f, fold->rest);
    g_get(f, total);
    g_set(f, fold->sum);
    g_i32(f, 1);
    g_set(f, fold->some);
    g_free_local(f, total);
    g_free_local(f, value);
}

/* Of floats, from a float on or from nothing: then it is the int 0 where there are none. */
static void sum_floats(struct g_fn *f, struct pa_node *node, struct pa_node *start) {
    struct fold fold = {.node = node, .from = FLOAT};
    fold.sum = g_local(f, G_F64);
    fold.rest = g_local(f, G_F64);
    fold.some = g_local(f, G_I32);
    if (start)
        g_expression_as(f, start, FLOAT);
    else
        g_f64(f, 0);
    g_set(f, fold.sum);
    g_f64(f, 0);
    g_set(f, fold.rest);
    g_i32(f, 0);
    g_set(f, fold.some);
    g_each(f, node->kids[0], fold_float_sum, &fold, &fold.exit);
    g_get(f, fold.sum);
    g_get(f, fold.rest);
    g_op(f, 0xa0);
    g_get(f, fold.sum);
    g_get(f, fold.rest); /* the compensation is left out where it is no number, or nothing */
    g_f64(f, 0);
    g_op(f, 0x62);
    g_get(f, fold.rest);
    g_get(f, fold.rest);
    g_op(f, 0xa1);
    g_f64(f, 0);
    g_op(f, 0x61);
    g_op(f, 0x71);
    g_op(f, 0x1b);
    g_set(f, fold.sum);
    if (start) {
        g_get(f, fold.sum);
        g_convert(f, FLOAT, node->type, node);
    } else {
        g_get(f, fold.some);
        g_if(f, G_I32);
        g_get(f, fold.sum);
        g_rt(f, "rt_box_float");
        g_else(f);
        g_i64(f, 0);
        g_rt(f, "rt_box_int");
        g_end(f);
        g_convert(f, ANY, node->type, node);
    }
    g_free_local(f, fold.some);
    g_free_local(f, fold.rest);
    g_free_local(f, fold.sum);
}

/* Of numbers that are floats now and then. */
static void sum_any(struct g_fn *f, struct pa_node *node, struct pa_node *start) {
    struct pa_value_type any = ANY, list = pa_type_list(f->g->program, any);
    if (start)
        g_expression_as(f, start, any);
    else
        g_i64(f, 0), g_rt(f, "rt_box_int");
    struct g_temp from = g_temp_set(f, any);
    g_list_of(f, node->kids[0], list);
    g_get(f, from.local);
    g_rt(f, "rt_sum");
    g_check(f, node);
    g_temp_free(f, from);
    g_convert(f, any, node->type, node);
}

void g_sum(struct g_fn *f, struct pa_node *node) {
    struct pa_node *start = pa_keyword(node, "start");
    if (node->kid_count == 2 && !start)
        start = node->kids[1];
    struct fold fold = {.node = node, .type = node->type, .from = g_item_type(f, node->kids[0])};
    if (pa_type_is(fold.from, PA_T_FLOAT) && (!start || pa_type_is(start->type, PA_T_FLOAT))) {
        sum_floats(f, node, start);
        return;
    }
    if (pa_type_is(fold.from, PA_T_FLOAT) || pa_type_is(fold.from, PA_T_ANY) ||
        pa_type_is(fold.type, PA_T_FLOAT)) {
        sum_any(f, node, start);
        return;
    }
    fold.best = g_temp_new(f, fold.type);
    if (start)
        g_expression_as(f, start, fold.type);
    else
        g_i64(f, 0);
    g_temp_put(f, fold.best);
    g_each(f, node->kids[0], fold_sum, &fold, &fold.exit);
    g_get(f, fold.best.local);
    g_temp_free(f, fold.best);
}

static void fold_truth(struct g_fn *f, void *context) {
    struct fold *fold = context;
    g_truth(f, fold->from, fold->node);
    if (!fold->max)
        g_op(f, 0x45);
    g_if(f, G_VOID);
    g_i32(f, fold->max);
    g_set(f, fold->some);
    g_br(f, fold->exit);
    g_end(f);
}

void g_any_all(struct g_fn *f, struct pa_node *node, bool any) {
    struct fold fold = {.node = node, .max = any, .from = g_item_type(f, node->kids[0])};
    f->unordered = node->kids[0];
    fold.some = g_local(f, G_I32);
    g_i32(f, !any);
    g_set(f, fold.some);
    g_each(f, node->kids[0], fold_truth, &fold, &fold.exit);
    g_get(f, fold.some);
    g_free_local(f, fold.some);
}

struct keys {
    struct pa_node *function;
    struct g_temp keys;
    struct pa_value_type item, key;
};

/* Sorts the list in `list`, by keys that are made first. */
void g_sort_list(struct g_fn *f, struct pa_node *node, struct g_temp list) {
    struct pa_node *key = pa_keyword(node, "key"), *reverse = pa_keyword(node, "reverse");
    struct pa_value_type item = pa_type_item(list.type, 0);
    struct g_temp keys = list, backwards = {0};
    if (reverse) {
        g_condition(f, reverse);
        backwards = g_temp_set(f, BOOL);
    }
    if (key && key->kind != PA_N_NONE) {
        struct pa_value_type key_type = pa_infer_apply(&f->infer, key, &item, 1);
        struct pa_value_type keys_type = pa_type_list(f->g->program, key_type);
        uint32_t index = g_local(f, G_I32), slot = g_local(f, G_I64);
        g_i32(f, (int32_t)g_descriptor(f->g, keys_type));
        g_i32(f, 0);
        g_rt(f, "rt_list_new");
        keys = g_temp_set(f, keys_type);
        g_i32(f, 0);
        g_set(f, index);
        uint32_t count = g_local(f, G_I32);
        g_get(f, list.local);
        g_load(f, G_I32, 8);
        g_set(f, count);
        struct g_label exit = g_block(f), top = g_loop_start(f);
        g_get(f, list.local);
        g_load(f, G_I32, 8);
        g_get(f, count);
        g_op(f, 0x47);
        g_if(f, G_VOID);
        g_bail(f); /* the key function has changed the list */
        g_end(f);
        g_get(f, index);
        g_get(f, count);
        g_op(f, 0x4f);
        g_br_if(f, exit);
        g_get(f, list.local);
        g_load(f, G_I32, 16);
        g_get(f, index);
        g_i32(f, (int32_t)g_element_shift(item));
        g_op(f, 0x74);
        g_op(f, 0x6a);
        g_load_element(f, item, 0);
        struct g_temp argument = g_temp_set(f, item);
        g_apply(f, key, &argument, 1, key_type);
        g_to_slot(f, key_type);
        g_set(f, slot);
        g_get(f, keys.local);
        g_get(f, slot);
        g_rt(f, "rt_list_append");
        g_temp_free(f, argument);
        g_get(f, index);
        g_i32(f, 1);
        g_op(f, 0x6a);
        g_set(f, index);
        g_br(f, top);
        g_end(f);
        g_end(f);
        g_free_local(f, index);
        g_free_local(f, slot);
        g_free_local(f, count);
    }
    g_get(f, list.local);
    g_get(f, keys.local);
    if (reverse)
        g_get(f, backwards.local);
    else
        g_i32(f, 0);
    g_rt(f, "rt_sort");
    g_check(f, node);
    if (reverse)
        g_temp_free(f, backwards);
    if (keys.local != list.local)
        g_temp_free(f, keys);
}

void g_sorted(struct g_fn *f, struct pa_node *node) {
    if (!pa_keyword(node, "key"))
        f->unordered = node->kids[0];
    g_list_of(f, node->kids[0], node->type);
    struct g_temp list = g_temp_set(f, node->type);
    g_sort_list(f, node, list);
    g_get(f, list.local);
    g_temp_free(f, list);
}
