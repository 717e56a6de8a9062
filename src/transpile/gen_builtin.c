/* Generation: calls of Python's own functions and methods. */
#include "transpile/gen.h"

#define KIND(kind) pa_type_of(f->g->program, kind)
#define INT        KIND(PA_T_INT)
#define FLOAT      KIND(PA_T_FLOAT)
#define STR        KIND(PA_T_STR)
#define BOOL       KIND(PA_T_BOOL)
#define ANY        KIND(PA_T_ANY)

/* print(): every argument first, then what they say. */
static void generate_print(struct g_fn *f, struct pa_node *node) {
    struct pa_node *separator = pa_keyword(node, "sep"), *end = pa_keyword(node, "end");
    struct g_temp *texts = pa_tree_alloc(f->g->tree, (node->kid_count + 2) * sizeof(*texts));
    uint32_t count = 0;
    struct g_temp sep = {0}, stop = {0};
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_KEYWORD) {
            if (kid->a == separator || kid->a == end) {
                g_expression_as(f, kid->a, STR);
                *(kid->a == separator ? &sep : &stop) = g_temp_set(f, STR);
            }
            continue;
        }
        if (kid->kind == PA_N_STAR) {
            struct pa_value_type list = pa_type_list(f->g->program, g_item_type(f, kid->a));
            g_list_of(f, kid->a, list);
            texts[count] = g_temp_set(f, list);
        } else {
            g_expression(f, kid);
            texts[count] = g_temp_set(f, kid->type);
        }
        /* What is not changed by later arguments stays a value; a container is shown as it is at
         * the end, as in Python. */
        count++;
    }
    for (uint32_t i = 0, k = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_KEYWORD)
            continue;
        if (k) {
            if (separator) {
                g_get(f, sep.local);
                g_rt(f, "rt_print_str");
            } else {
                g_i32(f, ' ');
                g_rt(f, "rt_print_char");
            }
        }
        g_get(f, texts[k].local);
        struct pa_type *type = pa_type_find(texts[k].type.type);
        if (kid->kind == PA_N_STAR) {
            if (separator)
                g_get(f, sep.local);
            else
                g_i32(f, (int32_t)g_string(f->g, " ", 1));
            g_rt(f, "rt_print_list");
            g_check(f, node);
        } else if (type && type->kind == PA_T_INT) {
            g_rt(f, "rt_print_int");
        } else if (type && type->kind == PA_T_STR && !texts[k].type.none) {
            g_rt(f, "rt_print_str");
        } else {
            g_to_str(f, texts[k].type, false, node);
            g_rt(f, "rt_print_str");
        }
        k++;
    }
    if (end) {
        g_get(f, stop.local);
        g_rt(f, "rt_print_str");
    } else {
        g_i32(f, '\n');
        g_rt(f, "rt_print_char");
    }
    g_i32(f, 0);
    for (uint32_t i = 0; i < count; i++)
        g_temp_free(f, texts[i]);
}

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

static void generate_min_max(struct g_fn *f, struct pa_node *node, bool max) {
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

static void generate_sum(struct g_fn *f, struct pa_node *node) {
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

static void generate_any_all(struct g_fn *f, struct pa_node *node, bool any) {
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
static void sort_list(struct g_fn *f, struct pa_node *node, struct g_temp list) {
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

static void generate_sorted(struct g_fn *f, struct pa_node *node) {
    if (!pa_keyword(node, "key"))
        f->unordered = node->kids[0];
    g_list_of(f, node->kids[0], node->type);
    struct g_temp list = g_temp_set(f, node->type);
    sort_list(f, node, list);
    g_get(f, list.local);
    g_temp_free(f, list);
}

struct pairs {
    struct g_temp dict;
    struct pa_value_type from;
    struct pa_node *node;
};

static void dict_pair(struct g_fn *f, void *context) {
    struct pairs *p = context;
    struct g_temp pair = g_temp_set(f, p->from);
    g_get(f, p->dict.local);
    for (uint32_t i = 0; i < 2; i++) {
        struct pa_value_type type = pa_type_item(p->from, i), to = pa_type_item(p->dict.type, i);
        g_get(f, pair.local);
        g_load_slot(f, type, 16 + 8 * i);
        g_convert(f, type, to, p->node);
        g_to_slot(f, to);
    }
    g_rt(f, "rt_dict_set");
    g_check(f, p->node);
    g_temp_free(f, pair);
}

static void generate_dict_of(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type type = node->type;
    g_i32(f, (int32_t)g_descriptor(f->g, type));
    g_rt(f, "rt_dict_new");
    struct g_temp dict = g_temp_set(f, type);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_KEYWORD) {
            struct pa_value_type key = pa_type_item(type, 0), value = pa_type_item(type, 1);
            g_expression_as(f, kid->a, value);
            struct g_temp stored = g_temp_set(f, value);
            g_get(f, dict.local);
            g_i32(f, (int32_t)g_string(f->g, kid->str, strlen(kid->str)));
            g_convert(f, STR, key, node);
            g_to_slot(f, key);
            g_get(f, stored.local);
            g_to_slot(f, value);
            g_rt(f, "rt_dict_set");
            g_check(f, node);
            g_temp_free(f, stored);
        } else if (pa_lazy_kind(kid) == PA_LAZY_NOT && pa_type_is(kid->type, PA_T_DICT)) {
            g_get(f, dict.local);
            f->pending++;
            g_expression(f, kid);
            f->pending--;
            g_rt(f, "rt_dict_update");
        } else {
            struct pairs p = {dict, g_item_type(f, kid), node};
            struct g_label exit;
            g_each(f, kid, dict_pair, &p, &exit);
        }
    }
    g_get(f, dict.local);
    g_temp_free(f, dict);
}

static void generate_int(struct g_fn *f, struct pa_node *node) {
    struct pa_node *base = pa_keyword(node, "base");
    if (!base && node->kid_count == 2)
        base = node->kids[1];
    if (!node->kid_count) {
        g_i64(f, 0);
        return;
    }
    struct pa_node *value = node->kids[0];
    g_expression(f, value);
    struct pa_type *type = pa_type_find(value->type.type);
    if (base) {
        g_convert(f, value->type, STR, node);
        f->pending++;
        g_index_of(f, base);
        f->pending--;
        g_rt(f, "rt_int_of_text");
    } else if (type && type->kind == PA_T_STR) {
        g_need_object(f, value->type, value);
        g_i64(f, 10);
        g_rt(f, "rt_int_of_text");
    } else if (type && type->kind == PA_T_FLOAT) {
        g_rt(f, "rt_int_of_float");
    } else if (type && type->kind == PA_T_ANY) {
        g_rt(f, "rt_int_of_any");
    } else {
        g_convert(f, value->type, INT, node);
        return;
    }
    g_check(f, node);
}

static void generate_float(struct g_fn *f, struct pa_node *node) {
    if (!node->kid_count) {
        g_f64(f, 0);
        return;
    }
    struct pa_node *value = node->kids[0];
    struct pa_type *type = pa_type_find(value->type.type);
    g_expression(f, value);
    if (type && type->kind == PA_T_STR) {
        g_need_object(f, value->type, value);
        g_rt(f, "rt_float_of_text");
        g_check(f, node);
    } else if (type && type->kind == PA_T_ANY) {
        g_rt(f, "rt_float_of_any");
        g_check(f, node);
    } else {
        g_convert(f, value->type, FLOAT, node);
    }
}

static void generate_round(struct g_fn *f, struct pa_node *node) {
    struct pa_node *digits = pa_keyword(node, "ndigits");
    if (!digits && node->kid_count == 2)
        digits = node->kids[1];
    if (digits && digits->kind == PA_N_NONE)
        digits = NULL;
    struct pa_node *value = node->kids[0];
    struct pa_type *type = pa_type_find(value->type.type);
    g_expression(f, value);
    if (type && type->kind == PA_T_FLOAT) {
        if (digits)
            g_index_of(f, digits);
        g_rt(f, digits ? "rt_round_to" : "rt_round");
        g_check(f, node);
        if (!digits || pa_type_is(node->type, PA_T_FLOAT))
            return;
        g_convert(f, FLOAT, node->type, node);
    } else if (type && type->kind == PA_T_ANY) {
        if (digits)
            g_index_of(f, digits);
        else
            g_i64(f, 0);
        g_i32(f, digits != NULL);
        g_rt(f, "rt_round_any");
        g_check(f, node);
    } else {
        g_convert(f, value->type, INT, node);
        if (digits) {
            g_index_of(f, digits);
            g_rt(f, "rt_round_int");
        }
    }
}

static void generate_len(struct g_fn *f, struct pa_node *node) {
    struct pa_node *value = node->kids[0];
    if (pa_lazy_kind(value) >= PA_LAZY_ITEMS && pa_type_is(value->a->a->type, PA_T_DICT))
        value = value->a->a;
    struct pa_type *type = pa_type_find(value->type.type);
    g_expression(f, value);
    if (type && type->kind == PA_T_CLASS) {
        struct g_temp self = g_temp_set(f, value->type);
        g_special(f, node, "__len__", &self, 1, node->type);
        g_temp_free(f, self);
        return;
    }
    g_need_object(f, value->type, value);
    if (!type) {
        g_op(f, 0x1a);
        g_bail(f);
    } else if (type->kind == PA_T_LIST || type->kind == PA_T_DICT || type->kind == PA_T_SET ||
               type->kind == PA_T_TUPLE) {
        g_load(f, G_I32, 8);
        g_op(f, 0xad);
    } else if (type->kind == PA_T_STR) {
        g_load(f, G_I32, 12);
        g_op(f, 0xad);
    } else {
        g_rt(f, type->kind == PA_T_RANGE ? "rt_range_len" : "rt_any_len");
    }
}

static void generate_abs(struct g_fn *f, struct pa_node *node) {
    struct pa_node *value = node->kids[0];
    struct pa_type *type = pa_type_find(value->type.type);
    g_expression(f, value);
    if (type && type->kind == PA_T_CLASS) {
        struct g_temp self = g_temp_set(f, value->type);
        g_special(f, node, "__abs__", &self, 1, node->type);
        g_temp_free(f, self);
    } else if (type && type->kind == PA_T_FLOAT) {
        g_op(f, 0x99);
    } else if (type && type->kind == PA_T_ANY) {
        g_rt(f, "rt_any_abs");
    } else {
        g_convert(f, value->type, INT, node);
        g_rt(f, "rt_abs");
    }
}

/* isinstance(x, class) where types do not decide. */
static void is_instance(struct g_fn *f, uint32_t object, struct pa_node *class) {
    struct pa_type *type = pa_type_find(class->type.type);
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"int", PA_T_INT},   {"float", PA_T_FLOAT}, {"bool", PA_T_BOOL},
                 {"str", PA_T_STR},   {"list", PA_T_LIST},   {"dict", PA_T_DICT},
                 {"set", PA_T_SET},   {"tuple", PA_T_TUPLE}, {"range", PA_T_RANGE}};
    g_get(f, object);
    if (type && type->kind == PA_T_TYPE) {
        g_i32(f, (int32_t)g_class_record(f->g, type->class));
        g_rt(f, "rt_is_instance");
        return;
    }
    for (size_t i = 0; type && type->kind == PA_T_BUILTIN && i < PA_ARRAY_LEN(kinds); i++)
        if (pa_streq(kinds[i].name, type->name)) {
            g_i32(f, kinds[i].kind);
            g_rt(f, "rt_is_kind");
            return;
        }
    pa_refuse(f->g->tree, &class->place, "isinstance() of this is not supported");
}

static void generate_isinstance(struct g_fn *f, struct pa_node *node) {
    struct pa_node *classes = node->kids[1];
    enum pa_truth truth = pa_infer_truth(&f->infer, node);
    if (truth == PA_ALWAYS || truth == PA_NEVER) {
        g_expression(f, node->kids[0]);
        g_op(f, 0x1a);
        g_i32(f, truth == PA_ALWAYS);
        return;
    }
    g_expression_as(f, node->kids[0], ANY);
    struct g_temp object = g_temp_set(f, ANY);
    if (classes->kind == PA_N_TUPLE) {
        g_i32(f, 0);
        for (uint32_t i = 0; i < classes->kid_count; i++) {
            is_instance(f, object.local, classes->kids[i]);
            g_op(f, 0x72);
        }
    } else {
        is_instance(f, object.local, classes);
    }
    g_temp_free(f, object);
}

static void generate_divmod(struct g_fn *f, struct pa_node *node) {
    struct pa_value_type number = pa_type_item(node->type, 0);
    bool floats = pa_type_is(number, PA_T_FLOAT);
    struct g_temp a, b, parts[2];
    g_expression_as(f, node->kids[0], number);
    a = g_temp_set(f, number);
    g_expression_as(f, node->kids[1], number);
    b = g_temp_set(f, number);
    for (int i = 0; i < 2; i++) {
        g_get(f, a.local);
        g_get(f, b.local);
        if (floats)
            g_rt(f, i ? "rt_float_mod" : "rt_float_floordiv");
        else
            g_rt(f, i ? "rt_mod" : "rt_floordiv");
        g_check(f, node);
        parts[i] = g_temp_set(f, number);
    }
    g_tuple_new(f, node->type, parts);
    g_temp_free(f, a);
    g_temp_free(f, b);
    g_temp_free(f, parts[0]);
    g_temp_free(f, parts[1]);
}

static void generate_pow(struct g_fn *f, struct pa_node *node) {
    if (node->kid_count == 3) {
        for (uint32_t i = 0; i < 3; i++)
            g_index_of(f, node->kids[i]);
        g_rt(f, "rt_pow_mod");
        g_check(f, node);
        return;
    }
    struct pa_node power = {.kind = PA_N_BINARY, .place = node->place, .a = node->kids[0],
                            .b = node->kids[1]};
    g_expression(f, node->kids[0]);
    g_expression(f, node->kids[1]);
    g_binary(f, &power, PA_OP_POW, node->kids[0]->type, node->kids[1]->type, node->type);
}

static void generate_text(struct g_fn *f, struct pa_node *node, const char *symbol) {
    g_index_of(f, node->kids[0]);
    g_rt(f, symbol);
    g_check(f, node);
}

void g_builtin(struct g_fn *f, struct pa_node *node, const char *name) {
#define IS(text) pa_streq(name, text)
    if (IS("print")) {
        generate_print(f, node);
    } else if (IS("len")) {
        generate_len(f, node);
    } else if (IS("range")) {
        uint32_t n = node->kid_count;
        if (n == 1)
            g_i64(f, 0);
        for (uint32_t i = 0; i < n; i++)
            g_index_of(f, node->kids[i]);
        if (n < 3)
            g_i64(f, 1);
        g_rt(f, "rt_range_new");
        g_check(f, node);
    } else if (IS("min") || IS("max")) {
        generate_min_max(f, node, name[1] == 'a');
    } else if (IS("sum")) {
        generate_sum(f, node);
    } else if (IS("any") || IS("all")) {
        generate_any_all(f, node, name[1] == 'n');
    } else if (IS("sorted")) {
        generate_sorted(f, node);
    } else if (IS("list") || IS("set")) {
        if (node->kid_count) {
            g_list_of(f, node->kids[0], node->type);
        } else {
            g_i32(f, (int32_t)g_descriptor(f->g, node->type));
            if (name[0] == 'l')
                g_i32(f, 0);
            g_rt(f, name[0] == 'l' ? "rt_list_new" : "rt_set_new");
        }
    } else if (IS("tuple")) {
        if (node->kid_count)
            g_expression(f, node->kids[0]);
        else
            g_tuple_new(f, node->type, NULL);
    } else if (IS("dict")) {
        generate_dict_of(f, node);
    } else if (IS("int")) {
        generate_int(f, node);
    } else if (IS("float")) {
        generate_float(f, node);
    } else if (IS("str") || IS("repr")) {
        if (node->kid_count) {
            g_expression(f, node->kids[0]);
            g_to_str(f, node->kids[0]->type, name[0] == 'r', node);
        } else {
            g_i32(f, (int32_t)g_string(f->g, "", 0));
        }
    } else if (IS("bool")) {
        if (node->kid_count)
            g_condition(f, node->kids[0]);
        else
            g_i32(f, 0);
    } else if (IS("abs")) {
        generate_abs(f, node);
    } else if (IS("round")) {
        generate_round(f, node);
    } else if (IS("ord")) {
        g_expression_as(f, node->kids[0], STR);
        g_need_object(f, node->kids[0]->type, node);
        g_rt(f, "rt_ord");
        g_check(f, node);
    } else if (IS("chr")) {
        generate_text(f, node, "rt_chr");
    } else if (IS("bin")) {
        generate_text(f, node, "rt_bin");
    } else if (IS("hex")) {
        generate_text(f, node, "rt_hex");
    } else if (IS("oct")) {
        generate_text(f, node, "rt_oct");
    } else if (IS("hash")) {
        g_index_of(f, node->kids[0]);
        g_rt(f, "rt_hash_int");
    } else if (IS("isinstance")) {
        generate_isinstance(f, node);
    } else if (IS("divmod")) {
        generate_divmod(f, node);
    } else if (IS("pow")) {
        generate_pow(f, node);
    } else if (IS("input")) {
        if (node->kid_count) {
            g_expression(f, node->kids[0]);
            g_to_str(f, node->kids[0]->type, false, node);
            g_rt(f, "rt_print_str");
        }
        g_rt(f, "rt_input");
        g_check(f, node);
    } else if (IS("exit") || IS("quit")) {
        if (f->tries || f->in->function)
            pa_refuse(f->g->tree, &node->place, "exit() is supported in the module's own code only");
        if (node->kid_count)
            g_index_of(f, node->kids[0]);
        else
            g_i64(f, 0);
        g_rt(f, "rt_exit");
        g_op(f, 0x00);
    } else {
        pa_refuse(f->g->tree, &node->place, "%.60s() is not supported here", name);
    }
#undef IS
}

static void push_argument(struct g_fn *f, struct pa_node *node, char letter,
                          struct pa_value_type receiver) {
    switch (letter) {
    case 'i':
        g_index_of(f, node);
        return;
    case 'f':
        g_expression_as(f, node, FLOAT);
        return;
    case 's':
        g_expression_as(f, node, STR);
        g_need_object(f, node->type, node);
        return;
    case 'b':
        g_condition(f, node);
        return;
    case 'S':
        g_expression_as(f, node, (struct pa_value_type){.type = pa_type_find(receiver.type)});
        g_need_object(f, node->type, node);
        return;
    case 'L':
        g_list_of(f, node, pa_type_list(f->g->program, pa_type_item(receiver, 0)));
        return;
    case 'J':
        if (pa_lazy_kind(node) == PA_LAZY_NOT && pa_type_is(node->type, PA_T_LIST) &&
            pa_type_is(pa_type_item(node->type, 0), PA_T_STR)) {
            g_expression(f, node);
            g_need_object(f, node->type, node);
        } else {
            g_list_of(f, node, pa_type_list(f->g->program, STR));
        }
        return;
    case 'v':
        g_expression_as(f, node, pa_type_item(receiver, 1));
        g_to_slot(f, pa_type_item(receiver, 1));
        return;
    default: /* x y k q */
        g_expression_as(f, node, pa_type_item(receiver, 0));
        g_to_slot(f, pa_type_item(receiver, 0));
    }
}

static void take_result(struct g_fn *f, struct pa_node *node, char letter,
                        struct pa_value_type receiver) {
    switch (letter) {
    case 'n':
        g_i32(f, 0);
        return;
    case 'x':
        g_from_slot(f, pa_type_item(receiver, 0));
        g_convert(f, pa_type_item(receiver, 0), node->type, node);
        return;
    case 'v':
        g_from_slot(f, pa_type_item(receiver, 1));
        g_convert(f, pa_type_item(receiver, 1), node->type, node);
        return;
    default:
        return;
    }
}

/* d.get(key) gives None where there is none. */
static void generate_get(struct g_fn *f, struct pa_node *node, struct pa_value_type receiver) {
    struct pa_value_type value = pa_type_item(receiver, 1);
    uint32_t at = g_local(f, G_I32);
    f->pending++;
    push_argument(f, node->kids[0], 'q', receiver);
    f->pending--;
    g_rt(f, "rt_dict_find");
    g_check(f, node);
    g_tee(f, at);
    g_if(f, g_repr(node->type));
    g_get(f, at);
    g_load_slot(f, value, 0);
    g_convert(f, value, node->type, node);
    g_else(f);
    g_i32(f, 0);
    g_convert(f, pa_type_none(), node->type, node);
    g_end(f);
    g_free_local(f, at);
}

void g_method(struct g_fn *f, struct pa_node *node) {
    struct pa_node *object = node->a->a;
    struct pa_value_type receiver = object->type;
    const char *name = node->a->str;
    bool exists;
    g_expression(f, object);
    g_need_object(f, receiver, object);
    if (pa_type_is(receiver, PA_T_ANY)) {
        static const enum pa_type_kind kinds[] = {PA_T_LIST, PA_T_DICT, PA_T_SET, PA_T_STR};
        enum pa_type_kind kind = PA_T_DICT;
        for (size_t i = 0; i < PA_ARRAY_LEN(kinds) && !pa_streq(name, "get"); i++)
            if (pa_method_find(kinds[i], name, node->kid_count, &exists))
                kind = kinds[i];
        receiver = pa_infer_any_container(&f->infer, kind);
        g_convert(f, object->type, receiver, node);
    }
    receiver.none = false;
    struct pa_type *known = pa_type_find(receiver.type);
    if (known->kind == PA_T_DICT && pa_streq(name, "get") && node->kid_count == 1) {
        generate_get(f, node, receiver);
        return;
    }
    if (known->kind == PA_T_LIST && pa_streq(name, "sort")) {
        struct g_temp list = g_temp_set(f, receiver);
        sort_list(f, node, list);
        g_temp_free(f, list);
        g_i32(f, 0);
        return;
    }
    const struct pa_method *method = pa_method_find(known->kind, name, node->kid_count, &exists);
    struct g_temp self = g_temp_set(f, receiver);
    struct g_temp args[4];
    struct pa_value_type slot = {0};
    (void)slot;
    if (node->kid_count == 1) {
        g_get(f, self.local);
        f->pending++;
        push_argument(f, node->kids[0], method->args[0], receiver);
        f->pending--;
    } else {
        g_get(f, self.local);
        f->pending++;
        for (uint32_t i = 0; i < node->kid_count; i++)
            push_argument(f, node->kids[i], method->args[i], receiver);
        f->pending--;
    }
    (void)args;
    if (method->result == 't' || method->result == 'p')
        g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    else if (method->result == 'w')
        g_i32(f, (int32_t)g_descriptor(f->g, node->type));
    g_rt(f, method->symbol);
    if (method->raises) {
        g_check(f, node);
    }
    take_result(f, node, method->result, receiver);
    g_temp_free(f, self);
}

void g_module_call(struct g_fn *f, struct pa_node *node, const char *module, const char *name) {
    if (pa_streq(name, "exit")) {
        g_builtin(f, node, "exit");
        return;
    }
    const struct pa_method *method = pa_module_function(module, name, node->kid_count);
    if (method->result == 'i' && method->args[0] == 'f' && pa_type_is_integral(node->kids[0]->type)) {
        g_index_of(f, node->kids[0]);
        return;
    }
    for (uint32_t i = 0; i < node->kid_count; i++)
        push_argument(f, node->kids[i], method->args[i], (struct pa_value_type){0});
    g_rt(f, method->symbol);
    if (method->raises)
        g_check(f, node);
}
