/*
 * Generation: the module's sections, from what the functions came to.
 *
 *     memory:   C stack | runtime's data | module's variables | constants | frames | heap
 */
#include "transpile/gen.h"
#include "transpile/transpile.h"

#define FRAME_BYTES (1u << 20)
#define PAGE        65536u
/* Of the runtime's own module: enough for most programs, so that they need not grow it first. */
#define RUNTIME_PAGES 24

/* Of imports and exports. */
enum {
    KIND_FUNCTION,
    KIND_TABLE,
    KIND_MEMORY
};

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
    return g->link.first + g->link.taken_count;
}

/* Of the runtime's functions those that the module has itself, not as imports. */
static uint32_t taken_inside(const struct g_gen *g) {
    return g->link.outside ? 0 : g->link.taken_count;
}

/* The program's own functions, with _start where it has one: where the runtime is outside, who has
 * that calls its rt_start, the module's code and its rt_finish by himself. */
static uint32_t own_count(const struct g_gen *g) {
    return g->body_count + !g->link.outside;
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

/* Calls `each` for the places in a body that name one of the program's functions. */
static void each_own_call(struct g_gen *g, struct g_body *body,
                          uint32_t (*each)(struct g_gen *g, uint32_t index)) {
    const uint32_t *calls = (const uint32_t *)(const void *)body->own_calls.data;
    for (size_t i = 0; i < body->own_calls.size / 4; i++) {
        uint8_t *at = body->code.data + calls[i];
        uint32_t value = 0;
        for (int k = 0; k < 5; k++)
            value |= (uint32_t)(at[k] & 0x7f) << 7 * k;
        patch(at, each(g, value & ~G_OWN));
    }
}

static uint32_t reach(struct g_gen *g, uint32_t index) {
    if (!g->bodies[index].reached) {
        g->bodies[index].reached = true;
        g->work[g->work_count++] = index;
    }
    return index;
}

static uint32_t renumber(struct g_gen *g, uint32_t index) {
    return g->queue[index]->index;
}

/* Functions that are compiled where they are called, everywhere, need not be there themselves; nor
 * their types, which nothing but functions has. */
static void drop_unreached(struct g_gen *g) {
    uint32_t kept = 0;
    g->work = pa_tree_alloc(g->tree, (g->body_count + 1) * sizeof(*g->work));
    g->work_count = 0;
    reach(g, g->program->module->index);
    for (uint32_t i = 1; i < g->table_count; i++)
        reach(g, g->table[i]->index);
    while (g->work_count)
        each_own_call(g, &g->bodies[g->work[--g->work_count]], reach);
    for (uint32_t i = 0; i < g->body_count; i++)
        if (g->bodies[i].reached)
            g->queue[i]->index = kept++;
    for (uint32_t i = 0; i < g->body_count; i++)
        if (g->bodies[i].reached)
            each_own_call(g, &g->bodies[i], renumber);
    kept = 0;
    const char(*keys)[64] = (const char(*)[64])g->type_keys; /* an engine makes code for each */
    g->type_count = 0;
    pa_buf_clear(&g->types);
    for (uint32_t i = 0; i < g->body_count; i++) {
        struct g_body body = g->bodies[i];
        g->bodies[i] = (struct g_body){0};
        if (body.reached) {
            body.type = type_by_key(g, keys[body.type]);
            g->bodies[kept++] = body;
        } else {
            pa_buf_done(&body.code);
            pa_buf_done(&body.own_calls);
            pa_buf_done(&body.lines);
        }
    }
    g->body_count = kept;
}

static uint32_t final_number(struct g_gen *g, uint32_t index) {
    return index + own_base(g);
}

static void put_own_body(struct g_gen *g, struct g_body *own, struct pa_buf *out) {
    each_own_call(g, own, final_number);
    g_leb(out, own->code.size);
    own->start = (uint32_t)out->size;
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
    uint32_t own = g->program ? own_count(g) : 0; /* the runtime's module has none */
    g_leb(&map, own_base(g) + own);
    for (uint32_t i = 0; i < g->link.first; i++) {
        g_leb(&map, i);
        put_name(&map, imports[i].name);
    }
    for (uint32_t i = 0; i < g->link.taken_count; i++) {
        const char *name = pa_rt_functions[g->link.taken[i]].name;
        g_leb(&map, g->link.first + i);
        put_name(&map, name ? name : "rt");
    }
    for (uint32_t i = 0; i < own; i++) {
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

static void put_export(struct pa_buf *buf, const char *name, uint8_t kind, uint32_t index) {
    put_name(buf, name);
    put_byte(buf, kind);
    g_leb(buf, index);
}

static void put_import(struct pa_buf *buf, const char *from, const char *name, uint8_t kind) {
    put_name(buf, from);
    put_name(buf, name);
    put_byte(buf, kind);
}

static void put_wasi_imports(struct g_gen *g, struct pa_buf *s) {
    g_leb(s, PA_ARRAY_LEN(imports));
    for (size_t i = 0; i < PA_ARRAY_LEN(imports); i++) {
        put_import(s, "wasi_snapshot_preview1", imports[i].name, KIND_FUNCTION);
        g_leb(s, type_by_key(g, imports[i].type));
    }
}

/* Of a program whose runtime is outside. */
static void put_runtime_imports(struct g_gen *g, uint32_t pages, struct pa_buf *s) {
    g_leb(s, g->link.taken_count + 2);
    for (uint32_t i = 0; i < g->link.taken_count; i++) {
        const struct pa_rt_function *function = &pa_rt_functions[g->link.taken[i]];
        put_import(s, PA_TRANSPILE_RUNTIME, function->name, KIND_FUNCTION);
        g_leb(s, type_by_key(g, function->type));
    }
    put_import(s, PA_TRANSPILE_RUNTIME, "table", KIND_TABLE);
    put_byte(s, 0x70);
    put_byte(s, 0);
    g_leb(s, g->table_count);
    put_import(s, PA_TRANSPILE_RUNTIME, "memory", KIND_MEMORY);
    put_byte(s, 0);
    g_leb(s, pages);
}

/* The table, the memory and the C stack's pointer of a module that has them itself. */
static void put_memory(uint32_t table_count, uint32_t pages, struct pa_buf *module) {
    struct pa_buf s = PA_BUF_INIT(1u << 10);
    g_leb(&s, 1);
    put_byte(&s, 0x70);
    put_byte(&s, 0);
    g_leb(&s, table_count);
    section(module, 4, &s);
    g_leb(&s, 1);
    put_byte(&s, 0);
    g_leb(&s, pages);
    section(module, 5, &s);
    g_leb(&s, 1);
    put_byte(&s, G_I32);
    put_byte(&s, 1);
    put_byte(&s, 0x41);
    g_sleb(&s, pa_rt_stack_top);
    put_byte(&s, 0x0b);
    section(module, 6, &s);
    pa_buf_done(&s);
}

static void put_exports(struct g_gen *g, struct pa_buf *module) {
    struct pa_buf s = PA_BUF_INIT(16u << 20);
    g_leb(&s, g->link.outside ? 1 : 2);
    if (!g->link.outside)
        put_export(&s, "memory", KIND_MEMORY, 0);
    uint32_t start = g->link.outside ? g->program->module->index : g->body_count;
    put_export(&s, "_start", KIND_FUNCTION, own_base(g) + start);
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

static void put_segment(struct pa_buf *s, uint32_t at, const void *bytes, size_t size) {
    put_byte(s, 0);
    put_byte(s, 0x41);
    g_sleb(s, at);
    put_byte(s, 0x0b);
    g_leb(s, size);
    pa_buf_append(s, bytes, size);
}

static void put_data(struct g_gen *g, struct pa_buf *module) {
    struct pa_buf s = PA_BUF_INIT(32u << 20);
    g_leb(&s, 2);
    put_segment(&s, pa_rt_data_start, pa_rt_data, pa_rt_data_size);
    put_segment(&s, g->data_base, g->data.data, g->data.size);
    section(module, 11, &s);
    pa_buf_done(&s);
}

static const uint8_t magic[] = {0, 'a', 's', 'm', 1, 0, 0, 0};

void g_assemble(struct g_gen *g, struct pa_buf *module) {
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
    uint32_t *where = g->where;
    where[0] = g_data(g, classes, sizeof(classes));
    where[1] = g_places(g);
    where[2] = g_string(g, g->filename, strlen(g->filename));
    where[3] = g_data(g, g->roots.data, g->roots.size);
    where[4] = g->data_base + (uint32_t)((g->data.size + 15) & ~(size_t)15); /* frames */
    where[5] = where[4] + FRAME_BYTES;
    where[6] = where[5]; /* heap */
    uint32_t pages = where[6] / PAGE + 2;
    g->memory_bytes = pages * PAGE;
    struct g_body start = {0};
    drop_unreached(g);
    if (!g->link.outside)
        generate_start(g, &start, where, PA_ARRAY_LEN(g->where));

    struct pa_buf code = PA_BUF_INIT(64u << 20), s = PA_BUF_INIT(16u << 20);
    g_leb(&code, taken_inside(g) + own_count(g));
    for (uint32_t i = 0; i < taken_inside(g); i++)
        put_runtime_body(g, g->link.taken[i], &code);
    for (uint32_t i = 0; i < g->body_count; i++)
        put_own_body(g, &g->bodies[i], &code);
    uint32_t end_of_bodies = (uint32_t)code.size;
    if (!g->link.outside)
        put_own_body(g, &start, &code);

    pa_buf_append(module, magic, sizeof(magic));
    struct pa_buf functions = PA_BUF_INIT(1u << 20), import = PA_BUF_INIT(1u << 16);
    g_leb(&functions, taken_inside(g) + own_count(g));
    for (uint32_t i = 0; i < taken_inside(g); i++)
        g_leb(&functions, type_by_key(g, pa_rt_functions[g->link.taken[i]].type));
    for (uint32_t i = 0; i < g->body_count; i++)
        g_leb(&functions, g->bodies[i].type);
    if (!g->link.outside)
        g_leb(&functions, start.type);
    if (g->link.outside)
        put_runtime_imports(g, pages, &import);
    else
        put_wasi_imports(g, &import);
    g_leb(&s, g->type_count);
    pa_buf_append(&s, g->types.data, g->types.size);
    section(module, 1, &s);
    section(module, 2, &import);
    section(module, 3, &functions);
    if (!g->link.outside)
        put_memory(g->table_count, pages, module);
    put_exports(g, module);
    section(module, 10, &code);
    if (!g->link.outside)
        put_data(g, module);
    put_names(g, &start, module);
    g_dwarf(g, end_of_bodies, module);
    pa_buf_done(&code);
    pa_buf_done(&s);
    pa_buf_done(&functions);
    pa_buf_done(&import);
    pa_buf_done(&start.code);
    pa_buf_done(&start.own_calls);
}

static void put_runtime_exports(struct pa_buf *module) {
    struct pa_buf s = PA_BUF_INIT(1u << 20);
    uint32_t count = 2;
    for (uint32_t i = 0; i < pa_rt_function_count; i++)
        count += pa_rt_functions[i].name != NULL;
    g_leb(&s, count);
    put_export(&s, "memory", KIND_MEMORY, 0);
    put_export(&s, "table", KIND_TABLE, 0);
    for (uint32_t i = 0; i < pa_rt_function_count; i++)
        if (pa_rt_functions[i].name)
            put_export(&s, pa_rt_functions[i].name, KIND_FUNCTION, pa_rt_import_count + i);
    section(module, 7, &s);
    pa_buf_done(&s);
}

void g_runtime_module(struct g_gen *g, struct pa_buf *module) {
    struct pa_buf code = PA_BUF_INIT(64u << 20), functions = PA_BUF_INIT(1u << 20);
    struct pa_buf import = PA_BUF_INIT(1u << 16), s = PA_BUF_INIT(1u << 20);
    g->types = PA_BUF_INIT(1u << 20);
    g_link_init(&g->link, false);
    g_link_all(&g->link);
    put_wasi_imports(g, &import);
    g_leb(&code, pa_rt_function_count);
    g_leb(&functions, pa_rt_function_count);
    for (uint32_t i = 0; i < pa_rt_function_count; i++) {
        put_runtime_body(g, i, &code);
        g_leb(&functions, type_by_key(g, pa_rt_functions[i].type));
    }
    g_leb(&s, g->type_count);
    pa_buf_append(&s, g->types.data, g->types.size);
    pa_buf_append(module, magic, sizeof(magic));
    section(module, 1, &s);
    section(module, 2, &import);
    section(module, 3, &functions);
    put_memory(PA_ARRAY_LEN(g->table), RUNTIME_PAGES, module);
    put_runtime_exports(module);
    section(module, 10, &code);
    g_leb(&s, 1);
    put_segment(&s, pa_rt_data_start, pa_rt_data, pa_rt_data_size);
    section(module, 11, &s);
    put_names(g, NULL, module);
    pa_buf_done(&code);
    pa_buf_done(&functions);
    pa_buf_done(&import);
    pa_buf_done(&s);
}
