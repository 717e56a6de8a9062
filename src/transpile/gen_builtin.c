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
    struct pa_node *separator = pa_keyword(node, "sep"), *end = pa_keyword(node, "end"),
                   *flush = pa_keyword(node, "flush");
    struct g_temp *texts = pa_tree_alloc(f->g->tree, (node->kid_count + 2) * sizeof(*texts));
    uint32_t count = 0, flushes = 0;
    struct g_temp sep = {0}, stop = {0};
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_KEYWORD) {
            if (kid->a == separator || kid->a == end) {
                g_expression_as(f, kid->a, STR);
                *(kid->a == separator ? &sep : &stop) = g_temp_set(f, STR);
            } else if (kid->a == flush) {
                flushes = g_local(f, G_I32);
                g_condition(f, flush);
                g_set(f, flushes);
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
    if (flush) {
        g_get(f, flushes);
        g_if(f, G_VOID);
        g_rt(f, "rt_flush");
        g_end(f);
        g_free_local(f, flushes);
    }
    g_i32(f, 0);
    for (uint32_t i = 0; i < count; i++)
        g_temp_free(f, texts[i]);
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
        struct g_temp length = g_temp_set(f, node->type);
        g_get(f, length.local);
        g_i64(f, 0);
        g_op(f, 0x53);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
        g_get(f, length.local);
        g_temp_free(f, length);
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
    } kinds[] = {{"int", PA_T_INT}, {"float", PA_T_FLOAT}, {"bool", PA_T_BOOL},
                 {"str", PA_T_STR}, {"list", PA_T_LIST},   {"dict", PA_T_DICT},
                 {"set", PA_T_SET}, {"tuple", PA_T_TUPLE}, {"range", PA_T_RANGE}};
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
    bool floats =
        pa_type_is(node->kids[0]->type, PA_T_FLOAT) || pa_type_is(node->kids[1]->type, PA_T_FLOAT);
    struct pa_value_type number = floats ? FLOAT : INT;
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
    struct pa_node power = {
        .kind = PA_N_BINARY, .place = node->place, .a = node->kids[0], .b = node->kids[1]};
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
        g_min_max(f, node, name[1] == 'a');
    } else if (IS("sum")) {
        g_sum(f, node);
    } else if (IS("any") || IS("all")) {
        g_any_all(f, node, name[1] == 'n');
    } else if (IS("sorted")) {
        g_sorted(f, node);
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
        if (f->tries || f->in->function ||
            (node->kid_count && !pa_type_is_integral(node->kids[0]->type))) {
            g_bail(f); /* it is an exception on its way, or has something to say */
            return;
        }
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
