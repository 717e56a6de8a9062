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
    uint32_t some;
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

static void fold_float_sum(struct g_fn *f, void *context) {
    struct fold *fold = context;
    g_convert(f, fold->from, FLOAT, fold->node);
    g_rt(f, "rt_sum_add");
}

void g_sum(struct g_fn *f, struct pa_node *node) {
    struct pa_node *start = pa_keyword(node, "start");
    if (node->kid_count == 2 && !start)
        start = node->kids[1];
    struct fold fold = {.node = node, .type = node->type, .from = g_item_type(f, node->kids[0])};
    if (pa_type_is(fold.from, PA_T_FLOAT) || pa_type_is(fold.from, PA_T_ANY) ||
        pa_type_is(fold.type, PA_T_FLOAT)) {
        /* Python 3.12 and later add floats with compensation; the runtime knows how. */
        if (start)
            g_expression_as(f, start, ANY);
        else
            g_i64(f, 0), g_rt(f, "rt_box_int");
        g_rt(f, "rt_sum_begin");
        fold.exit = (struct g_label){0};
        struct pa_value_type any = ANY;
        if (pa_type_is(fold.from, PA_T_FLOAT)) {
            g_each(f, node->kids[0], fold_float_sum, &fold, &fold.exit);
        } else {
            struct pa_value_type list = pa_type_list(f->g->program, any);
            g_list_of(f, node->kids[0], list);
            g_rt(f, "rt_sum_list");
            g_check(f, node);
        }
        g_rt(f, "rt_sum_end");
        g_convert(f, any, node->type, node);
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
    struct g_temp keys = list;
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
        struct g_label exit = g_block(f), top = g_loop_start(f);
        g_get(f, index);
        g_get(f, list.local);
        g_load(f, G_I32, 8);
        g_op(f, 0x4f);
        g_br_if(f, exit);
        g_get(f, list.local);
        g_load(f, G_I32, 16);
        g_get(f, index);
        g_i32(f, 8);
        g_op(f, 0x6c);
        g_op(f, 0x6a);
        g_load_slot(f, item, 0);
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
    }
    struct g_temp backwards = {0};
    if (reverse) {
        g_condition(f, reverse);
        backwards = g_temp_set(f, BOOL);
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
