/*
 * Generation: functions, and the module around them.
 *
 * Functions are generated in rounds: whether a callee may raise, whether it can come round to its
 * caller, whether a function needs a frame is known only after all have been looked at once.  What
 * a round finds out holds in the next; the last one changes nothing.
 *
 *     memory:   C stack | runtime's data | module's variables | constants | frames | heap
 */
#include "transpile/gen.h"

#define MAX_ROUNDS     8
#define CAUTIOUS_ROUND 5
#define MAX_DEPTH                                                                                  \
    940 /* Python allows a thousand calls inside each other: near that, it decides                 \
         */

uint32_t g_table_entry(struct g_gen *g, struct pa_instance_of *in) {
    for (uint32_t i = 1; i < g->table_count; i++)
        if (g->table[i] == in)
            return i;
    if (g->table_count == PA_ARRAY_LEN(g->table))
        pa_refuse(g->tree, NULL, "too many classes with methods that are called by themselves");
    g_instance_index(g, in);
    in->in_table = true;
    g->table[g->table_count] = in;
    return g->table_count++;
}

void g_edge_add(struct g_fn *f, struct pa_instance_of *to, const struct pa_node *at) {
    struct g_gen *g = f->g;
    if (g->edge_count == g->edge_room) {
        g->edge_room = g->edge_room ? 2 * g->edge_room : 64;
        struct g_edge *more = pa_tree_alloc(g->tree, g->edge_room * sizeof(*more));
        if (g->edge_count)
            memcpy(more, g->edges, g->edge_count * sizeof(*more));
        g->edges = more;
    }
    g->edges[g->edge_count++] = (struct g_edge){f->in, to, at->place};
}

/* Functions. */

static bool has_environment_parameter(const struct pa_instance_of *in) {
    return in->function && in->function->scope->parent;
}

static uint32_t signature(struct g_gen *g, const struct pa_instance_of *in) {
    uint8_t params[48], result = (uint8_t)g_repr(in->result);
    uint32_t count = 0;
    if (!in->function)
        return g_type_index(g, NULL, 0, NULL, 0);
    for (size_t i = 0; i < in->def->param_count; i++)
        params[count++] = (uint8_t)g_repr(pa_web_find(in->params[i]->web)->type);
    if (has_environment_parameter(in))
        params[count++] = G_I32;
    if (in->counts)
        params[count++] = G_I32;
    return g_type_index(g, params, count, &result, 1);
}

static uint32_t environment_descriptor(struct g_gen *g, struct pa_scope *scope) {
    struct pa_value_type fields = pa_type_new(g->program, PA_T_TUPLE, scope->environment_slots);
    for (struct pa_variable *v = scope->first; v; v = v->next)
        if (v->shared && v->binding <= PA_BOUND_VALUE)
            fields.type->items[v->address] = pa_web_find(v->web)->type;
    return g_descriptor(g, fields);
}

/* The frame: room for pointers, cleared, and the stack of frames moved on. */
static void enter_frame(struct g_fn *f, uint32_t slots) {
    uint32_t sp = g_link_symbol("rt_sp");
    g_i32(f, 0);
    g_load(f, G_I32, sp);
    g_set(f, f->frame_local);
    g_i32(f, 0);
    g_get(f, f->frame_local);
    g_i32(f, (int32_t)(4 * slots));
    g_op(f, 0x6a);
    g_store(f, G_I32, sp);
    g_i32(f, 0);
    g_load(f, G_I32, sp);
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_sp_end"));
    g_op(f, 0x4b);
    g_if(f, G_VOID);
    g_bail(f);
    g_end(f);
    if (slots <= 8) {
        for (uint32_t i = 0; i < slots; i++) {
            g_get(f, f->frame_local);
            g_i32(f, 0);
            g_store(f, G_I32, 4 * i);
        }
        return;
    }
    g_get(f, f->frame_local);
    g_i32(f, 0);
    g_i32(f, (int32_t)(4 * slots));
    g_op(f, 0xfc);
    g_u32(f, 11); /* memory.fill */
    g_op(f, 0);
}

static void place_parameters(struct g_fn *f, int *frames) {
    struct pa_instance_of *in = f->in;
    for (size_t i = 0; in->def && i < in->def->param_count; i++) {
        struct pa_variable *v = in->params[i];
        struct pa_web *web = pa_web_find(v->web);
        frames[i] = -1;
        if (v->shared)
            continue;
        web->local = (int)i;
        if (f->frames && pa_type_is_pointer(web->type))
            frames[i] = web->frame = (int)f->frame_slots++;
        if (web->maybe_unset)
            web->flag = (int)g_local_of_zero(f);
    }
}

/* What comes before the body, known only after it. */
static void prologue(struct g_fn *f, const int *frames, int environment_frame) {
    struct pa_instance_of *in = f->in;
    if (in->counts) {
        g_get(f, f->depth_local);
        g_i32(f, MAX_DEPTH);
        g_op(f, 0x4b);
        g_if(f, G_VOID);
        g_bail(f);
        g_end(f);
    }
    if (f->frames && f->frame_slots)
        enter_frame(f, f->frame_slots);
    for (size_t i = 0; in->def && i < in->def->param_count; i++) {
        struct pa_web *web = pa_web_find(in->params[i]->web);
        if (web->flag >= 0) {
            g_i32(f, 1);
            g_set(f, (uint32_t)web->flag);
        }
        if (frames[i] < 0)
            continue;
        g_get(f, f->frame_local);
        g_get(f, (uint32_t)i);
        g_store(f, G_I32, 4 * (uint32_t)frames[i]);
    }
    if (!in->scope.has_environment || !in->function)
        return;
    g_i32(f, (int32_t)environment_descriptor(f->g, &in->scope));
    if (has_environment_parameter(in))
        g_get(f, (uint32_t)in->def->param_count);
    else
        g_i32(f, 0);
    g_rt(f, "rt_environment");
    g_set(f, f->env_local);
    if (environment_frame >= 0) {
        g_get(f, f->frame_local);
        g_get(f, f->env_local);
        g_store(f, G_I32, 4 * (uint32_t)environment_frame);
    }
    for (size_t i = 0; i < in->def->param_count; i++) {
        struct pa_variable *v = in->params[i];
        if (!v->shared)
            continue;
        g_get(f, f->env_local);
        g_get(f, (uint32_t)i);
        g_store_slot(f, v->web->type, 16 + 8 * v->address);
    }
}

static void dummy_result(struct g_fn *f) {
    enum g_type repr = g_repr(f->in->result);
    if (repr == G_I64)
        g_i64(f, 0);
    else if (repr == G_F64)
        g_f64(f, 0);
    else
        g_i32(f, 0);
}

static void body(struct g_fn *f) {
    struct pa_instance_of *in = f->in;
    f->raise = g_block(f);
    f->at = in->body;
    if (in->body->kind == PA_S_BLOCK) {
        g_block_of(f, in->body);
        if (in->function) {
            g_i32(f, 0);
            g_convert(f, pa_type_none(), in->result, NULL);
        }
    } else {
        g_expression_as(f, in->body, in->result);
    }
    g_return(f);
    g_end(f);
    if (in->function)
        dummy_result(f);
    g_return(f);
}

void g_finish_body(struct g_fn *f, struct pa_buf *code, struct g_body *ret) {
    struct pa_buf whole = PA_BUF_INIT(64u << 20);
    uint32_t own = f->local_count - f->param_count;
    g_leb(&whole, own);
    for (uint32_t i = f->param_count; i < f->local_count; i++) {
        g_leb(&whole, 1);
        pa_buf_append(&whole, &f->locals[i], 1);
    }
    /* Prologue first: f->code; then the body, whose calls of our own move by as much. */
    uint32_t locals = (uint32_t)whole.size, shift = locals + (uint32_t)f->code.size;
    struct pa_buf calls = PA_BUF_INIT(64u << 20);
    const uint32_t *at = (const uint32_t *)(const void *)f->own_calls.data;
    for (size_t i = 0; i < f->own_calls.size / 4; i++) {
        uint32_t moved = at[i] + shift;
        pa_buf_append(&calls, &moved, 4);
    }
    struct pa_buf lines = PA_BUF_INIT(64u << 20);
    const struct g_line *from = (const struct g_line *)(const void *)f->lines.data;
    for (size_t i = 0; i < f->lines.size / sizeof(*from); i++) {
        struct g_line moved = from[i];
        moved.offset += shift;
        pa_buf_append(&lines, &moved, sizeof(moved));
    }
    pa_buf_append(&whole, f->code.data, f->code.size);
    pa_buf_append(&whole, code->data, code->size);
    uint8_t end = 0x0b;
    pa_buf_append(&whole, &end, 1);
    ret->code = whole;
    ret->own_calls = calls;
    ret->lines = lines;
}

static void generate(struct g_gen *g, struct pa_instance_of *in, struct g_body *ret) {
    struct g_fn *f = &g->fn; /* there, so that a refusal can free what it holds */
    int frames[48], environment_frame = -1;
    *f = (struct g_fn){.g = g, .in = in, .whole = in, .frames = !in->frameless};
    f->infer = (struct pa_infer){.program = g->program, .tree = g->tree, .in = in};
    f->code = f->own_calls = f->lines = PA_BUF_INIT(32u << 20);
    for (size_t i = 0; in->def && i < in->def->param_count; i++) {
        uint32_t local = g_local(f, g_repr(pa_web_find(in->params[i]->web)->type));
        PA_ASSERT(local == i);
    }
    if (has_environment_parameter(in))
        f->env_local = g_local(f, G_I32);
    if (in->counts)
        f->depth_local = g_local(f, G_I32);
    f->param_count = f->local_count;
    f->frame_local = g_local(f, G_I32);
    place_parameters(f, frames);
    if (in->scope.has_environment && in->function) {
        f->env_local = g_local(f, G_I32);
        if (f->frames)
            environment_frame = (int)f->frame_slots++;
    }
    body(f);
    PA_ASSERT(f->depth == 0);
    struct pa_buf code = f->code;
    f->code = PA_BUF_INIT(1u << 20);
    f->at = NULL; /* the prologue is of no place: a function's line is its own until the first */
    prologue(f, frames, environment_frame);
    g_finish_body(f, &code, ret);
    if (code.failed || f->code.failed)
        pa_refuse(g->tree, NULL, "the program is too large to be compiled");
    in->frameless = in->frameless || f->frame_slots == 0 || f->gc_points == 0;
    snprintf(ret->name, sizeof(ret->name), "%s", in->function ? in->function->name : "<module>");
    ret->line = in->function ? in->function->def->at->place.line : 1;
    ret->type = signature(g, in);
    pa_buf_done(&code);
    pa_buf_done(&f->code);
    pa_buf_done(&f->own_calls);
    pa_buf_done(&f->lines);
}

/* Rounds. */

static void free_bodies(struct g_gen *g) {
    for (uint32_t i = 0; i < g->body_room; i++) {
        pa_buf_done(&g->bodies[i].code);
        pa_buf_done(&g->bodies[i].own_calls);
        pa_buf_done(&g->bodies[i].lines);
    }
}

static void begin_round(struct g_gen *g) {
    free_bodies(g);
    g->body_room = g->body_count = g->edge_count = 0;
    pa_buf_clear(&g->places);
    for (struct pa_web *web = g->program->webs; web; web = web->all)
        web->local = web->flag = web->frame = -1;
    for (struct pa_instance_of *in = g->program->instances; in; in = in->all)
        in->indexed = in->called = false;
    g->program->module->indexed = false;
    g_instance_index(g, g->program->module);
    for (uint32_t i = 1; i < g->table_count; i++)
        g_instance_index(g, g->table[i]);
}

static bool one_round(struct g_gen *g) {
    bool changed = false;
    begin_round(g);
    for (uint32_t i = 0; i < g->body_count; i++) {
        struct pa_instance_of *in = g->queue[i];
        bool raised = in->raises, frameless = in->frameless;
        if (i == g->body_room) {
            uint32_t room = g->body_room ? 2 * g->body_room : 32;
            struct g_body *more = pa_tree_alloc(g->tree, room * sizeof(*more));
            if (g->body_room)
                memcpy(more, g->bodies, g->body_room * sizeof(*more));
            g->bodies = more;
            g->body_room = room;
        }
        generate(g, in, &g->bodies[i]);
        changed |= raised != in->raises || frameless != in->frameless;
    }
    return changed;
}

/* Which instances can come round to themselves, by a walk from each. */
static bool find_recursion(struct g_gen *g) {
    bool changed = false;
    struct pa_instance_of **work =
        pa_tree_alloc(g->tree, (g->body_count + 1) * sizeof(struct pa_instance_of *));
    bool large = (uint64_t)g->body_count * g->edge_count > 4000000;
    for (uint32_t i = 0; i < g->body_count; i++) {
        struct pa_instance_of *start = g->queue[i];
        uint32_t count = 0;
        bool found = large;
        for (uint32_t k = 0; k < g->body_count; k++)
            g->queue[k]->visited = false;
        work[count++] = start;
        while (count && !found) {
            struct pa_instance_of *at = work[--count];
            for (uint32_t e = 0; e < g->edge_count; e++) {
                if (g->edges[e].from != at)
                    continue;
                found |= g->edges[e].to == start;
                if (!g->edges[e].to->visited) {
                    g->edges[e].to->visited = true;
                    work[count++] = g->edges[e].to;
                }
            }
        }
        changed |= found && !start->recursive;
        start->recursive |= found;
    }
    return changed;
}

/* Marks what can be reached along the calls, or against them, from what is marked already. */
static void spread(struct g_gen *g, bool forward) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t e = 0; e < g->edge_count; e++) {
            struct pa_instance_of *from = forward ? g->edges[e].from : g->edges[e].to;
            struct pa_instance_of *to = forward ? g->edges[e].to : g->edges[e].from;
            if (from->visited && !to->visited)
                to->visited = changed = true;
        }
    }
}

/* A function counts the calls around it when it recurses, or is on a way from one that does to
 * another: between them the count is passed on. */
static bool find_counting(struct g_gen *g) {
    bool changed = false;
    bool *below = pa_tree_alloc(g->tree, g->body_count + 1);
    for (int forward = 1; forward >= 0; forward--) {
        for (uint32_t i = 0; i < g->body_count; i++)
            g->queue[i]->visited = g->queue[i]->recursive;
        spread(g, forward);
        for (uint32_t i = 0; i < g->body_count && forward; i++)
            below[i] = g->queue[i]->visited;
    }
    for (uint32_t i = 0; i < g->body_count; i++) {
        struct pa_instance_of *in = g->queue[i];
        if (!in->counts && below[i] && in->visited && !in->in_table && in->function) {
            in->counts = true;
            changed = true;
        }
    }
    return changed;
}

/* A function is called by the module's code only after it and all that it calls are defined. */
static void check_order(struct g_gen *g) {
    struct pa_instance_of **work =
        pa_tree_alloc(g->tree, (g->body_count + 1) * sizeof(struct pa_instance_of *));
    uint64_t steps = 0;
    for (uint32_t i = 0; i < g->edge_count; i++) {
        if (g->edges[i].from != g->program->module)
            continue;
        uint32_t count = 0, line = g->edges[i].place.line;
        for (uint32_t k = 0; k < g->body_count; k++)
            g->queue[k]->visited = false;
        work[count++] = g->edges[i].to;
        while (count) {
            struct pa_instance_of *at = work[--count];
            if (at->function->def->at->place.line > line && !at->function->scope->parent &&
                !at->function->def->is_lambda)
                pa_refuse(g->tree, &g->edges[i].place, "%.60s is called before it is defined",
                          at->function->name);
            for (uint32_t e = 0; e < g->edge_count; e++) {
                if (++steps > 50000000)
                    pa_refuse(g->tree, NULL, "the program is too large to be compiled");
                if (g->edges[e].from == at && !g->edges[e].to->visited) {
                    g->edges[e].to->visited = true;
                    work[count++] = g->edges[e].to;
                }
            }
        }
    }
}

/* Variables of the module that functions see, and attributes of classes: 16 bytes each, a value and
 * whether it is there. */
static void place_globals(struct g_gen *g) {
    uint32_t at = g->global_base;
    for (struct pa_variable *v = g->program->module->scope.first; v; v = v->next)
        if (v->shared && v->binding <= PA_BOUND_VALUE) {
            v->address = at;
            at += 16;
            if (pa_type_is_pointer(pa_web_find(v->web)->type))
                pa_buf_append(&g->roots, &v->address, 4);
        }
    for (struct pa_class *class = g->program->classes; class; class = class->next)
        for (struct pa_variable *v = class->attributes; v; v = v->next) {
            v->address = at;
            at += 16;
            if (pa_type_is_pointer(pa_web_find(v->web)->type))
                pa_buf_append(&g->roots, &v->address, 4);
        }
    g->global_end = at;
}

static void find_lines(struct g_gen *g) {
    const char *source = g->tree->source;
    uint32_t size = (uint32_t)g->tree->size, count = 1;
    for (uint32_t i = 0; i < size; i++)
        count += source[i] == '\n';
    g->line_starts = pa_tree_alloc(g->tree, (count + 1) * sizeof(*g->line_starts));
    for (uint32_t i = 0, line = 1; i < size; i++)
        if (source[i] == '\n')
            g->line_starts[line++] = i + 1;
    g->line_starts[count] = size;
}

/* Functions whose calls were all inlined keep their number and nothing else: less to compile. */
static void drop_uncalled(struct g_gen *g) {
    static const uint8_t nothing[] = {0, 0x00, 0x0b}; /* no locals; unreachable */
    for (uint32_t i = 0; i < g->body_count; i++) {
        struct pa_instance_of *in = g->queue[i];
        if (!in->function || in->called || in->in_table)
            continue;
        struct g_body *body = &g->bodies[in->index];
        pa_buf_clear(&body->code);
        pa_buf_clear(&body->own_calls);
        pa_buf_clear(&body->lines);
        pa_buf_append(&body->code, nothing, sizeof(nothing));
    }
}

void g_generate(struct pa_program *program, const char *filename, bool runtime_outside,
                struct pa_buf *module, struct g_gen *g) {
    g->program = program;
    g->tree = program->tree;
    g->filename = filename;
    g->table_count = 1; /* 0 is no function */
    g->data = g->places = g->types = g->roots = PA_BUF_INIT(16u << 20);
    find_lines(g);
    g_link_init(&g->link, runtime_outside);
    g->global_base = (pa_rt_data_end + 15) & ~15u;
    place_globals(g);
    g->data_base = g->global_end;
    unsigned round = 0;
    bool changed;
    do {
        g->cautious = round >= CAUTIOUS_ROUND;
        g->relied = false;
        changed = one_round(g);
        changed |= g->relied;
        changed |= find_recursion(g);
        changed |= find_counting(g);
        if (++round > MAX_ROUNDS)
            pa_refuse(program->tree, NULL, "the program is too large to be compiled");
    } while (changed || round < 2);
    check_order(g);
    drop_uncalled(g);
    g_assemble(g, module);
}

void g_done(struct g_gen *g) {
    free_bodies(g);
    pa_buf_done(&g->fn.code);
    pa_buf_done(&g->fn.own_calls);
    pa_buf_done(&g->fn.lines);
    pa_buf_done(&g->data);
    pa_buf_done(&g->places);
    pa_buf_done(&g->types);
    pa_buf_done(&g->roots);
    g_link_done(&g->link);
}
