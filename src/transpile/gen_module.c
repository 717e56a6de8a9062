/*
 * Generation: the module's sections, from what the functions came to.
 *
 *     memory:   C stack | runtime's data | module's variables | constants | frames | heap
 */
#include "transpile/gen.h"

#define FRAME_BYTES (1u << 20)
#define PAGE        65536u

static void section(struct pa_buf *module, uint8_t id, struct pa_buf *content) {
    pa_buf_append(module, &id, 1);
    g_leb(module, content->size);
    pa_buf_append(module, content->data, content->size);
    pa_buf_clear(content);
}

static void put_name(struct pa_buf *buf, const char *name) {
    g_leb(buf, strlen(name));
    pa_buf_append_text(buf, name);
}

static void put_byte(struct pa_buf *buf, uint8_t byte) {
    pa_buf_append(buf, &byte, 1);
}

static uint32_t type_by_key(struct g_gen *g, const char *key) {
    uint8_t params[48], result = 0;
    uint32_t count = 0;
    for (; *key != '>'; key++)
        params[count++] = *key == 'i' ? G_I32 : *key == 'I' ? G_I64 : G_F64;
    if (key[1])
        result = key[1] == 'i' ? G_I32 : key[1] == 'I' ? G_I64 : G_F64;
    return g_type_index(g, params, count, &result, key[1] != 0);
}

static void patch(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 5; i++)
        at[i] = (uint8_t)((value >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
}

static uint32_t own_base(const struct g_gen *g) {
    return pa_rt_import_count + g->link.taken_count;
}

static void put_runtime_body(struct g_gen *g, uint32_t function, struct pa_buf *out) {
    const struct pa_rt_function *rt = &pa_rt_functions[function];
    g_leb(out, rt->size);
    size_t start = out->size;
    pa_buf_append(out, pa_rt_code + rt->body, rt->size);
    if (out->failed)
        return;
    for (uint32_t i = 0; i < rt->fix_count; i++) {
        const struct pa_rt_fix *fix = &pa_rt_fixes[rt->fix + i];
        uint32_t value;
        if (fix->what & 0x80000000u)
            value = type_by_key(g, pa_rt_types[fix->what & 0x7fffffffu]);
        else if (fix->what < pa_rt_import_count)
            value = fix->what;
        else
            value = g->link.number[fix->what - pa_rt_import_count] - 1;
        patch(out->data + start + fix->at, value);
    }
}

static void put_own_body(struct g_gen *g, struct g_body *own, struct pa_buf *out) {
    const uint32_t *calls = (const uint32_t *)(const void *)own->own_calls.data;
    for (size_t i = 0; i < own->own_calls.size / 4; i++) {
        uint8_t *at = own->code.data + calls[i];
        uint32_t value = 0;
        for (int k = 0; k < 5; k++)
            value |= (uint32_t)(at[k] & 0x7f) << 7 * k;
        patch(at, (value & ~G_OWN) + own_base(g));
    }
    g_leb(out, own->code.size);
    pa_buf_append(out, own->code.data, own->code.size);
}

/* _start: tells the runtime where everything is, runs the module's code, ends. */
static void generate_start(struct g_gen *g, struct g_body *ret, const uint32_t *where,
                           size_t count) {
    struct g_fn fn = {.g = g, .in = g->program->module}, *f = &fn;
    fn.code = fn.own_calls = PA_BUF_INIT(1u << 16);
    for (size_t i = 0; i < count; i++)
        g_i32(f, (int32_t)where[i]);
    g_rt(f, "rt_start");
    g_call(f, g->program->module->index | G_OWN);
    g_rt(f, g->program->module->raises ? "rt_finish" : "rt_finish_plain");
    struct pa_buf none = PA_BUF_INIT(16);
    /* All of it is prologue: its own call is where it was recorded, but for the count of locals. */
    struct pa_buf code = f->code;
    f->code = none;
    g_finish_body(f, &code, ret);
    pa_buf_done(&code);
    pa_buf_done(&f->own_calls);
    ret->type = g_type_index(g, NULL, 0, NULL, 0);
    snprintf(ret->name, sizeof(ret->name), "_start");
}

static const struct {
    const char *name, *type;
} imports[] = {{"fd_write", "iiii>i"}, {"fd_read", "iiii>i"}, {"proc_exit", "i>"}};

static void put_names(struct g_gen *g, struct g_body *start, struct pa_buf *module) {
    struct pa_buf names = PA_BUF_INIT(16u << 20), map = PA_BUF_INIT(16u << 20);
    g_leb(&map, own_base(g) + g->body_count + 1);
    for (uint32_t i = 0; i < pa_rt_import_count; i++) {
        g_leb(&map, i);
        put_name(&map, imports[i].name);
    }
    for (uint32_t i = 0; i < g->link.taken_count; i++) {
        const char *name = pa_rt_functions[g->link.taken[i]].name;
        g_leb(&map, pa_rt_import_count + i);
        put_name(&map, name ? name : "rt");
    }
    for (uint32_t i = 0; i <= g->body_count; i++) {
        g_leb(&map, own_base(g) + i);
        put_name(&map, i < g->body_count ? g->bodies[i].name : start->name);
    }
    put_name(&names, "name");
    put_byte(&names, 1);
    g_leb(&names, map.size);
    pa_buf_append(&names, map.data, map.size);
    section(module, 0, &names);
    pa_buf_done(&names);
    pa_buf_done(&map);
}

static void put_tables(struct g_gen *g, uint32_t pages, struct pa_buf *module) {
    struct pa_buf s = PA_BUF_INIT(16u << 20);
    g_leb(&s, 1);
    put_byte(&s, 0x70);
    put_byte(&s, 0);
    g_leb(&s, g->table_count);
    section(module, 4, &s);
    g_leb(&s, 1);
    put_byte(&s, 0);
    g_leb(&s, pages);
    section(module, 5, &s);
    g_leb(&s, 1); /* the C stack's pointer */
    put_byte(&s, G_I32);
    put_byte(&s, 1);
    put_byte(&s, 0x41);
    g_sleb(&s, pa_rt_stack_top);
    put_byte(&s, 0x0b);
    section(module, 6, &s);
    g_leb(&s, 2);
    put_name(&s, "memory");
    put_byte(&s, 2);
    g_leb(&s, 0);
    put_name(&s, "_start");
    put_byte(&s, 0);
    g_leb(&s, own_base(g) + g->body_count);
    section(module, 7, &s);
    if (g->table_count > 1) {
        g_leb(&s, 1);
        put_byte(&s, 0);
        put_byte(&s, 0x41);
        g_sleb(&s, 1);
        put_byte(&s, 0x0b);
        g_leb(&s, g->table_count - 1);
        for (uint32_t i = 1; i < g->table_count; i++)
            g_leb(&s, own_base(g) + g->table[i]->index);
        section(module, 9, &s);
    }
    pa_buf_done(&s);
}

static void put_data(struct g_gen *g, struct pa_buf *module) {
    struct pa_buf s = PA_BUF_INIT(32u << 20);
    g_leb(&s, 2);
    put_byte(&s, 0);
    put_byte(&s, 0x41);
    g_sleb(&s, pa_rt_data_start);
    put_byte(&s, 0x0b);
    g_leb(&s, pa_rt_data_size);
    pa_buf_append(&s, pa_rt_data, pa_rt_data_size);
    put_byte(&s, 0);
    put_byte(&s, 0x41);
    g_sleb(&s, g->data_base);
    put_byte(&s, 0x0b);
    g_leb(&s, g->data.size);
    pa_buf_append(&s, g->data.data, g->data.size);
    section(module, 11, &s);
    pa_buf_done(&s);
}

static uint32_t append_data(struct g_gen *g, const void *bytes, size_t size) {
    static const uint8_t zero[8];
    pa_buf_append(&g->data, zero, (8 - g->data.size % 8) % 8);
    uint32_t at = g->data_base + (uint32_t)g->data.size;
    pa_buf_append(&g->data, bytes, size);
    return at;
}

void g_assemble(struct g_gen *g, struct pa_buf *module) {
    static const uint8_t magic[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    /* What the runtime raises by itself, in the order of its enum. */
    static const char *const raised[] = {"ZeroDivisionError", "IndexError",  "KeyError",
                                         "ValueError",        "TypeError",   "AssertionError",
                                         "OverflowError",     "EOFError",    "Exception",
                                         "AttributeError",    "RuntimeError"};
    uint32_t classes[PA_ARRAY_LEN(raised)];
    for (size_t i = 0; i < PA_ARRAY_LEN(raised); i++)
        classes[i] = g_class_record(g, pa_class_builtin(g->program, raised[i]));
    uint32_t zero = 0;
    pa_buf_append(&g->roots, &zero, 4);
    uint32_t where[7];
    where[0] = append_data(g, classes, sizeof(classes));
    where[1] = append_data(g, g->places.data, g->places.size);
    where[2] = g_string(g, g->filename, strlen(g->filename));
    where[3] = append_data(g, g->roots.data, g->roots.size);
    where[4] = g->data_base + (uint32_t)((g->data.size + 15) & ~(size_t)15); /* frames */
    where[5] = where[4] + FRAME_BYTES;
    where[6] = where[5]; /* heap */
    uint32_t pages = where[6] / PAGE + 2;
    struct g_body start = {0};
    generate_start(g, &start, where, PA_ARRAY_LEN(where));

    struct pa_buf code = PA_BUF_INIT(64u << 20), s = PA_BUF_INIT(16u << 20);
    g_leb(&code, g->link.taken_count + g->body_count + 1);
    for (uint32_t i = 0; i < g->link.taken_count; i++)
        put_runtime_body(g, g->link.taken[i], &code);
    for (uint32_t i = 0; i < g->body_count; i++)
        put_own_body(g, &g->bodies[i], &code);
    put_own_body(g, &start, &code);

    pa_buf_append(module, magic, sizeof(magic));
    struct pa_buf functions = PA_BUF_INIT(1u << 20), import = PA_BUF_INIT(1u << 16);
    g_leb(&functions, g->link.taken_count + g->body_count + 1);
    for (uint32_t i = 0; i < g->link.taken_count; i++)
        g_leb(&functions, type_by_key(g, pa_rt_functions[g->link.taken[i]].type));
    for (uint32_t i = 0; i < g->body_count; i++)
        g_leb(&functions, g->bodies[i].type);
    g_leb(&functions, start.type);
    g_leb(&import, PA_ARRAY_LEN(imports));
    for (size_t i = 0; i < PA_ARRAY_LEN(imports); i++) {
        put_name(&import, "wasi_snapshot_preview1");
        put_name(&import, imports[i].name);
        put_byte(&import, 0);
        g_leb(&import, type_by_key(g, imports[i].type));
    }
    g_leb(&s, g->type_count);
    pa_buf_append(&s, g->types.data, g->types.size);
    section(module, 1, &s);
    section(module, 2, &import);
    section(module, 3, &functions);
    put_tables(g, pages, module);
    section(module, 10, &code);
    put_data(g, module);
    put_names(g, &start, module);
    pa_buf_done(&code);
    pa_buf_done(&s);
    pa_buf_done(&functions);
    pa_buf_done(&import);
    pa_buf_done(&start.code);
    pa_buf_done(&start.own_calls);
}
