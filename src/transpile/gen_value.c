/* Values: representations, conversions, constants in memory, variables, places. */
#include "transpile/gen.h"

enum g_type g_repr(struct pa_value_type type) {
    if (pa_type_is(type, PA_T_INT))
        return G_I64;
    return pa_type_is(type, PA_T_FLOAT) ? G_F64 : G_I32;
}

bool g_is_none(struct pa_value_type type) {
    return !type.type;
}

/* Data. */

uint32_t g_data(struct g_gen *g, const void *bytes, size_t size) {
    static const uint8_t zero[8];
    while (g->data.size % 8)
        pa_buf_append(&g->data, zero, 8 - g->data.size % 8);
    uint32_t address = g->data_base + (uint32_t)g->data.size;
    pa_buf_append(&g->data, bytes, size);
    if (g->data.failed)
        pa_refuse(g->tree, NULL, "the program has too many constants");
    return address;
}

static size_t count_characters(const char *text, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((uint8_t)text[i] & 0xc0) != 0x80;
    return count;
}

struct g_string {
    const char *text;
    size_t size;
    uint32_t address;
    struct g_string *next;
};

uint32_t g_string(struct g_gen *g, const char *text, size_t size) {
    for (struct g_string *s = g->strings; s; s = s->next)
        if (s->size == size && memcmp(s->text, text, size) == 0)
            return s->address;
    uint32_t head[6] = {1 | 0x100, 0, (uint32_t)size, (uint32_t)count_characters(text, size), 0, 0};
    uint32_t at = g->data_base + (uint32_t)((g->data.size + 7) & ~(size_t)7);
    head[4] = at + sizeof(head);
    struct g_string *s = pa_tree_alloc(g->tree, sizeof(*s));
    s->address = g_data(g, head, sizeof(head));
    pa_buf_append(&g->data, text, size);
    s->text = text;
    s->size = size;
    s->next = g->strings;
    g->strings = s;
    return s->address;
}

uint32_t g_class_record(struct g_gen *g, struct pa_class *class) {
    if (class->address)
        return class->address;
    uint32_t base = class->base ? g_class_record(g, class->base) : 0;
    uint32_t name = g_string(g, class->name, strlen(class->name));
    uint32_t record[12] = {base, name, pa_class_size(class), 0, class->id};
    class->address = g_data(g, record, sizeof(record));
    /* Its fields, as a tuple is described, for the collector. */
    uint32_t count = pa_class_size(class);
    uint32_t *fields = pa_tree_alloc(g->tree, (count + 1) * sizeof(*fields));
    fields[0] = PA_T_TUPLE | count << 8;
    for (struct pa_class *at = class; at; at = at->base)
        for (uint32_t i = 0; i < at->field_count; i++)
            fields[1 + pa_class_field_slot(at, &at->fields[i])] =
                g_descriptor(g, at->fields[i].type);
    record[3] = g_data(g, fields, (count + 1) * sizeof(*fields));
    for (uint32_t i = 0; i < PA_SPECIALS; i++)
        if (class->special[i])
            record[5 + i] = g_table_entry(g, class->special[i]);
    record[10] = class->is_exception;
    memcpy(g->data.data + (class->address - g->data_base), record, sizeof(record));
    return class->address;
}

uint32_t g_descriptor(struct g_gen *g, struct pa_value_type value) {
    static const char *const basic[] = {
        [PA_T_INT] = "rt_desc_int",     [PA_T_FLOAT] = "rt_desc_float",
        [PA_T_BOOL] = "rt_desc_bool",   [PA_T_STR] = "rt_desc_str",
        [PA_T_RANGE] = "rt_desc_range", [PA_T_FUNCTION] = "rt_desc_function",
        [PA_T_ANY] = "rt_desc_any"};
    struct pa_type *type = pa_type_find(value.type);
    enum pa_type_kind kind = type ? type->kind : PA_T_ANY;
    if (kind == PA_T_TYPE || kind == PA_T_BUILTIN || kind == PA_T_MODULE)
        return g_link_symbol("rt_desc_function");
    if (kind < PA_ARRAY_LEN(basic) && basic[kind])
        return g_link_symbol(basic[kind]);
    if (type->address)
        return type->address;
    uint32_t count = kind == PA_T_CLASS ? 1 : type->item_count;
    uint32_t *words = pa_tree_alloc(g->tree, (count + 1) * sizeof(*words));
    if (count > 250)
        pa_refuse(g->tree, NULL, "a tuple of more than 250 items");
    words[0] = kind | count << 8;
    type->address = g_data(g, words, (count + 1) * sizeof(*words));
    for (uint32_t i = 0; i < count && kind != PA_T_CLASS; i++)
        words[1 + i] = g_descriptor(g, type->items[i]);
    if (kind == PA_T_CLASS)
        words[1] = g_class_record(g, type->class);
    memcpy(g->data.data + (type->address - g->data_base), words, (count + 1) * sizeof(*words));
    return type->address;
}

/* Conversions. */

void g_bail(struct g_fn *f) {
    g_rt(f, "rt_bail");
    g_op(f, 0x00);
    g_facts_nowhere(f);
}

static void convert_to_any(struct g_fn *f, struct pa_type *from) {
    switch (from->kind) {
    case PA_T_INT:
        g_rt(f, "rt_box_int");
        return;
    case PA_T_FLOAT:
        g_rt(f, "rt_box_float");
        return;
    case PA_T_BOOL:
        g_rt(f, "rt_box_bool");
        return;
    default:
        return;
    }
}

static void convert_from_any(struct g_fn *f, struct pa_type *to) {
    switch (to->kind) {
    case PA_T_INT:
        g_rt(f, "rt_to_int");
        return;
    case PA_T_FLOAT:
        g_rt(f, "rt_to_float");
        return;
    case PA_T_BOOL:
        g_rt(f, "rt_to_bool");
        return;
    case PA_T_CLASS:
        g_i32(f, (int32_t)g_class_record(f->g, to->class));
        g_rt(f, "rt_to_class");
        return;
    default:
        g_i32(f, (int32_t)g_descriptor(f->g, (struct pa_value_type){.type = to}));
        g_rt(f, "rt_to_kind");
        return;
    }
}

void g_convert(struct g_fn *f, struct pa_value_type from, struct pa_value_type to,
               struct pa_node *at) {
    struct pa_type *a = pa_type_find(from.type), *b = pa_type_find(to.type);
    if (a == b || (a && b && a->kind == b->kind && a->kind != PA_T_CLASS))
        return;
    if (!b || !a) {
        /* None to a pointer; anything else is a value that is never there. */
        if (g_repr(from) == g_repr(to))
            return;
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    if (b->kind == PA_T_ANY) {
        convert_to_any(f, a);
    } else if (a->kind == PA_T_ANY) {
        convert_from_any(f, b);
    } else if (b->kind == PA_T_FLOAT && a->kind == PA_T_INT) {
        g_op(f, 0xb9);
    } else if (b->kind == PA_T_FLOAT && a->kind == PA_T_BOOL) {
        g_op(f, 0xb7);
    } else if (b->kind == PA_T_INT && a->kind == PA_T_BOOL) {
        g_op(f, 0xad);
    } else if (a->kind == PA_T_CLASS && b->kind == PA_T_CLASS) {
        if (pa_class_derives(a->class, b->class))
            return;
        convert_from_any(f, b);
    } else {
        pa_refuse(f->g->tree, at ? &at->place : NULL, "a %s where a %s is needed",
                  pa_type_name(f->g->program, from), pa_type_name(f->g->program, to));
    }
}

void g_to_slot(struct g_fn *f, struct pa_value_type type) {
    enum g_type repr = g_repr(type);
    if (repr == G_F64)
        g_op(f, 0xbd);
    else if (repr == G_I32)
        g_op(f, 0xad);
}

void g_from_slot(struct g_fn *f, struct pa_value_type type) {
    enum g_type repr = g_repr(type);
    if (repr == G_F64)
        g_op(f, 0xbf);
    else if (repr == G_I32)
        g_op(f, 0xa7);
}

void g_load_slot(struct g_fn *f, struct pa_value_type type, uint32_t offset) {
    g_load(f, g_repr(type), offset);
}

void g_store_slot(struct g_fn *f, struct pa_value_type type, uint32_t offset) {
    if (g_repr(type) == G_I32) {
        g_op(f, 0xad); /* the slot whole: the runtime compares slots */
        g_store(f, G_I64, offset);
    } else {
        g_store(f, g_repr(type), offset);
    }
}

/* Bools in lists are bytes (runtime/rt.h); everything else is a slot. */
uint32_t g_element_shift(struct pa_value_type item) {
    return pa_type_is(item, PA_T_BOOL) ? 0 : 3;
}

void g_load_element(struct g_fn *f, struct pa_value_type item, uint32_t at) {
    if (g_element_shift(item)) {
        g_load_slot(f, item, at << 3);
        return;
    }
    g_op(f, 0x2d); /* i32.load8_u */
    g_u32(f, 0);
    g_u32(f, at);
}

void g_store_element(struct g_fn *f, struct pa_value_type item, uint32_t at) {
    if (g_element_shift(item)) {
        g_store_slot(f, item, at << 3);
        return;
    }
    g_op(f, 0x3a); /* i32.store8 */
    g_u32(f, 0);
    g_u32(f, at);
}

/* A pointer that must not be None. */
void g_need_object(struct g_fn *f, struct pa_value_type type, struct pa_node *at) {
    (void)at;
    if (!type.none && type.type)
        return;
    uint32_t local = g_local(f, G_I32);
    g_tee(f, local);
    g_op(f, 0x45);
    g_if(f, G_VOID);
    g_bail(f);
    g_end(f);
    g_get(f, local);
    g_free_local(f, local);
}

/* Temporaries and variables. */

static int frame_slot(struct g_fn *f, struct pa_value_type type) {
    return pa_type_is_pointer(type) && f->frames ? (int)f->frame_slots++ : -1;
}

static void keep(struct g_fn *f, uint32_t local, int slot) {
    if (slot < 0)
        return;
    g_get(f, f->frame_local);
    g_get(f, local);
    g_store(f, G_I32, 4 * (uint32_t)slot);
}

struct g_temp g_temp_new(struct g_fn *f, struct pa_value_type type) {
    struct g_temp temp = {.type = type, .frame = frame_slot(f, type)};
    temp.local = g_local(f, g_repr(type));
    return temp;
}

void g_temp_put(struct g_fn *f, struct g_temp temp) {
    g_forget_local(f, temp.local);
    g_set(f, temp.local);
    keep(f, temp.local, temp.frame);
}

struct g_temp g_temp_set(struct g_fn *f, struct pa_value_type type) {
    struct g_temp temp = g_temp_new(f, type);
    g_temp_put(f, temp);
    return temp;
}

void g_temp_free(struct g_fn *f, struct g_temp temp) {
    g_free_local(f, temp.local);
}

static void prepare_web(struct g_fn *f, struct pa_web *web) {
    if (web->local >= 0)
        return;
    web->local = (int)g_local(f, g_repr(web->type));
    web->frame = frame_slot(f, web->type);
    if (web->maybe_unset)
        web->flag = (int)g_local_of_zero(f);
}

void g_web_set(struct g_fn *f, struct pa_web *web) {
    prepare_web(f, web);
    g_forget(f, web);
    g_set(f, (uint32_t)web->local);
    keep(f, (uint32_t)web->local, web->frame);
    if (web->flag >= 0) {
        g_i32(f, 1);
        g_set(f, (uint32_t)web->flag);
    }
}

void g_environment(struct g_fn *f, struct pa_scope *scope) {
    struct pa_scope *at = &f->in->scope;
    g_get(f, f->env_local);
    for (; at != scope; at = at->parent)
        if (at->has_environment)
            g_load(f, G_I32, 8);
}

static bool is_of_module(const struct pa_variable *v) {
    return !v->scope || !v->scope->parent;
}

/* A word beside the value says whether a variable of the module is set. */
#define GLOBAL_BYTES 16

void g_variable_get(struct g_fn *f, struct pa_node *name) {
    struct pa_web *web = pa_web_find(name->web);
    struct pa_variable *v = web->variable;
    if (pa_type_is_unknown(web->type)) {
        g_bail(f); /* nothing that is ever reached assigns it */
        return;
    }
    if (v->shared && is_of_module(v)) {
        g_i32(f, 0);
        g_load(f, G_I32, v->address + 8);
        g_op(f, 0x45);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
        g_i32(f, 0);
        g_load_slot(f, web->type, v->address);
        return;
    }
    if (v->shared) {
        g_environment(f, v->scope);
        g_load_slot(f, web->type, 16 + 8 * v->address);
        return;
    }
    prepare_web(f, web);
    if (web->flag >= 0) {
        g_get(f, (uint32_t)web->flag);
        g_op(f, 0x45);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
    }
    g_get(f, (uint32_t)web->local);
}

void g_variable_set(struct g_fn *f, struct pa_node *name, struct pa_value_type from) {
    struct pa_web *web = pa_web_find(name->web);
    struct pa_variable *v = web->variable;
    g_convert(f, from, web->type, name);
    if (v->shared) {
        uint32_t local = g_local(f, g_repr(web->type));
        g_set(f, local);
        if (is_of_module(v))
            g_i32(f, 0);
        else
            g_environment(f, v->scope);
        g_get(f, local);
        g_store_slot(f, web->type, is_of_module(v) ? v->address : 16 + 8 * v->address);
        if (is_of_module(v)) {
            g_i32(f, 0);
            g_i32(f, 1);
            g_store(f, G_I32, v->address + 8);
        }
        g_free_local(f, local);
        return;
    }
    g_web_set(f, web);
}

void g_safepoint(struct g_fn *f, uint32_t since) {
    if (f->pending || !f->frames || f->calls == since)
        return;
    f->gc_points++;
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_gc_wanted"));
    g_if(f, G_VOID);
    g_rt(f, "rt_collect");
    g_end(f);
}
