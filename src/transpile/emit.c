/* Instructions of one function: LEB128, locals, labels. */
#include "transpile/gen.h"

void g_leb(struct pa_buf *buf, uint64_t value) {
    do {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        byte |= value ? 0x80 : 0;
        pa_buf_append(buf, &byte, 1);
    } while (value);
}

void g_sleb(struct pa_buf *buf, int64_t value) {
    for (;;) {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        if ((value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40))) {
            pa_buf_append(buf, &byte, 1);
            return;
        }
        byte |= 0x80;
        pa_buf_append(buf, &byte, 1);
    }
}

void g_op(struct g_fn *f, uint8_t op) {
    pa_buf_append(&f->code, &op, 1);
}

void g_u32(struct g_fn *f, uint32_t value) {
    g_leb(&f->code, value);
}

void g_i32(struct g_fn *f, int32_t value) {
    g_op(f, 0x41);
    g_sleb(&f->code, value);
}

void g_i64(struct g_fn *f, int64_t value) {
    g_op(f, 0x42);
    g_sleb(&f->code, value);
}

void g_f64(struct g_fn *f, double value) {
    g_op(f, 0x44);
    pa_buf_append(&f->code, &value, 8); /* little-endian, as the hosts are that this runs on */
}

void g_get(struct g_fn *f, uint32_t local) {
    g_op(f, 0x20);
    g_u32(f, local);
}

void g_set(struct g_fn *f, uint32_t local) {
    g_op(f, 0x21);
    g_u32(f, local);
}

void g_tee(struct g_fn *f, uint32_t local) {
    g_op(f, 0x22);
    g_u32(f, local);
}

void g_load(struct g_fn *f, enum g_type type, uint32_t offset) {
    g_op(f, type == G_I32 ? 0x28 : type == G_I64 ? 0x29 : 0x2b);
    g_u32(f, type == G_I32 ? 2 : 3);
    g_u32(f, offset);
}

void g_store(struct g_fn *f, enum g_type type, uint32_t offset) {
    g_op(f, type == G_I32 ? 0x36 : type == G_I64 ? 0x37 : 0x39);
    g_u32(f, type == G_I32 ? 2 : 3);
    g_u32(f, offset);
}

static uint32_t new_local(struct g_fn *f, enum g_type type) {
    if (f->local_count == f->local_room) {
        f->local_room = f->local_room ? 2 * f->local_room : 32;
        uint8_t *more = pa_tree_alloc(f->g->tree, f->local_room);
        if (f->local_count)
            memcpy(more, f->locals, f->local_count);
        f->locals = more;
    }
    if (f->local_count == 40000)
        pa_refuse(f->g->tree, NULL, "a function with too many variables");
    f->locals[f->local_count] = (uint8_t)type;
    return f->local_count++;
}

uint32_t g_local(struct g_fn *f, enum g_type type) {
    for (uint32_t i = 0; i < f->free_count; i++)
        if (f->locals[f->free_locals[i]] == type) {
            uint32_t local = f->free_locals[i];
            f->free_locals[i] = f->free_locals[--f->free_count];
            return local;
        }
    return new_local(f, type);
}

uint32_t g_local_of_zero(struct g_fn *f) {
    return new_local(f, G_I32); /* no other's, who might leave something in it */
}

void g_free_local(struct g_fn *f, uint32_t local) {
    if (f->free_count == f->free_room) {
        f->free_room = f->free_room ? 2 * f->free_room : 32;
        uint32_t *more = pa_tree_alloc(f->g->tree, f->free_room * sizeof(*more));
        if (f->free_count)
            memcpy(more, f->free_locals, f->free_count * sizeof(*more));
        f->free_locals = more;
    }
    f->free_locals[f->free_count++] = local;
    g_forget_local(f, local);
}

static struct g_label open_label(struct g_fn *f, enum g_opens opens) {
    struct g_gen *g = f->g;
    if (++f->depth >= g->control_room) {
        uint32_t room = g->control_room ? 2 * g->control_room : 16;
        struct g_control *more = pa_tree_alloc(g->tree, room * sizeof(*more));
        if (g->control)
            memcpy(more, g->control, g->control_room * sizeof(*more));
        g->control = more;
        g->control_room = room;
    }
    g_facts_begin_block(f, &g->control[f->depth], opens);
    f->loops += opens == G_OPENS_LOOP;
    return (struct g_label){f->depth};
}

struct g_label g_block(struct g_fn *f) {
    g_op(f, 0x02);
    g_op(f, G_VOID);
    return open_label(f, G_OPENS_BLOCK);
}

struct g_label g_loop_start_keeping(struct g_fn *f) {
    g_op(f, 0x03);
    g_op(f, G_VOID);
    return open_label(f, G_OPENS_LOOP);
}

struct g_label g_loop_start(struct g_fn *f) {
    f->facts.count = 0;
    return g_loop_start_keeping(f);
}

void g_if(struct g_fn *f, enum g_type result) {
    g_op(f, 0x04);
    g_op(f, (uint8_t)result);
    open_label(f, G_OPENS_IF);
}

void g_else(struct g_fn *f) {
    g_op(f, 0x05);
    g_facts_otherwise(f, &f->g->control[f->depth]);
}

void g_end(struct g_fn *f) {
    g_op(f, 0x0b);
    PA_ASSERT(f->depth > 0);
    struct g_control *control = &f->g->control[f->depth];
    f->loops -= control->opens == G_OPENS_LOOP;
    g_facts_end_block(f, control);
    f->depth--;
}

void g_br(struct g_fn *f, struct g_label label) {
    g_op(f, 0x0c);
    g_u32(f, f->depth - label.depth);
    g_facts_branch(f, &f->g->control[label.depth], true);
}

void g_br_if(struct g_fn *f, struct g_label label) {
    g_op(f, 0x0d);
    g_u32(f, f->depth - label.depth);
    g_facts_branch(f, &f->g->control[label.depth], false);
}

/* Numbers are not final until all functions are known, so each takes five bytes. */
void g_call(struct g_fn *f, uint32_t function) {
    uint8_t bytes[6] = {0x10};
    g_line_call(f);
    if (function & G_OWN) {
        uint32_t at = (uint32_t)f->code.size + 1;
        pa_buf_append(&f->own_calls, &at, sizeof(at));
        g_forget_views(f);
    }
    for (int i = 0; i < 5; i++)
        bytes[1 + i] = (uint8_t)((function >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
    pa_buf_append(&f->code, bytes, sizeof(bytes));
}

/* Functions of the runtime that make no objects: a loop with no others needs no collector. */
static bool makes_nothing(const char *symbol) {
    static const char *const prefixes[] = {
        "rt_raise", "rt_bail",      "rt_trace",   "rt_mul",         "rt_mod",     "rt_floordiv",
        "rt_shl",   "rt_shr",       "rt_pow",     "rt_float_",      "rt_print",   "rt_str_equal",
        "rt_truth", "rt_dict_find", "rt_dict_at", "rt_dict_has",    "rt_set_has", "rt_square",
        "rt_abs",   "rt_math",      "rt_compare", "rt_str_compare", "rt_str_next"};
    for (size_t i = 0; i < PA_ARRAY_LEN(prefixes); i++)
        if (strncmp(symbol, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

void g_rt(struct g_fn *f, const char *symbol) {
    f->calls += !makes_nothing(symbol);
    if (!g_keeps_lists(symbol))
        g_forget_views(f);
    g_call(f, g_link_function(&f->g->link, symbol));
}

uint32_t g_type_index(struct g_gen *g, const uint8_t *params, uint32_t count, const uint8_t *result,
                      uint32_t result_count) {
    char key[64] = "";
    PA_ASSERT(count < 48);
    for (uint32_t i = 0; i < count; i++)
        key[i] = params[i] == G_I32 ? 'i' : params[i] == G_I64 ? 'I' : 'f';
    key[count] = '>';
    if (result_count)
        key[count + 1] = *result == G_I32 ? 'i' : *result == G_I64 ? 'I' : 'f';
    for (uint32_t i = 0; i < g->type_count; i++)
        if (pa_streq(g->type_keys[i], key))
            return i;
    char(*more)[64] = pa_tree_alloc(g->tree, (g->type_count + 1) * sizeof(*more));
    if (g->type_count)
        memcpy(more, g->type_keys, g->type_count * sizeof(*more));
    memcpy(more[g->type_count], key, sizeof(key));
    g->type_keys = more;
    uint8_t head = 0x60;
    pa_buf_append(&g->types, &head, 1);
    g_leb(&g->types, count);
    pa_buf_append(&g->types, params, count);
    g_leb(&g->types, result_count);
    pa_buf_append(&g->types, result, result_count);
    return g->type_count++;
}
