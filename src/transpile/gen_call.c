/*
 * Generation: calls of functions, methods and classes of the program.
 *
 * Arguments go into temporaries in the order in which they are written, then onto the stack in that
 * of the parameters.  A function whose scope is another function gets a pointer to that one's
 * variables after its own parameters.
 */
#include "transpile/gen.h"

#define MAX_ARGS 32
#define ANY      pa_type_of(f->g->program, PA_T_ANY)

uint32_t g_instance_index(struct g_gen *g, struct pa_instance_of *in) {
    if (!in->indexed) {
        in->indexed = true;
        in->index = g->body_count++;
        if (in->index >= g->queue_room) {
            g->queue_room = g->queue_room ? 2 * g->queue_room : 64;
            struct pa_instance_of **more =
                pa_tree_alloc(g->tree, g->queue_room * sizeof(struct pa_instance_of *));
            if (in->index)
                memcpy(more, g->queue, in->index * sizeof(struct pa_instance_of *));
            g->queue = more;
        }
        g->queue[in->index] = in;
    }
    return in->index | G_OWN;
}

static bool takes_environment(const struct pa_function *function) {
    return function->scope->parent != NULL;
}

/* The variables that a function of `scope` sees, where it is called by its name. */
static void push_environment(struct g_fn *f, struct pa_function *function) {
    struct pa_scope *scope = function->scope;
    while (scope->parent && !scope->has_environment)
        scope = scope->parent;
    if (!scope->parent) {
        g_i32(f, 0);
        return;
    }
    struct pa_scope *at = &f->in->scope;
    bool inside = false;
    for (; at; at = at->parent)
        inside |= at == scope;
    if (!inside)
        pa_refuse(f->g->tree, &function->def->at->place,
                  "%.60s is called where its variables are not", function->name);
    g_environment(f, scope);
}

void g_closure(struct g_fn *f, struct pa_function *function) {
    g_i32(f, (int32_t)function->id);
    if (takes_environment(function))
        push_environment(f, function);
    else
        g_i32(f, 0);
    g_rt(f, "rt_closure");
}

/* How many calls are inside each other, for functions by which there may be many.  Those that the
 * runtime calls do not know; a generous guess makes the interpreter take over earlier. */
#define DEPTH_UNKNOWN 300

static void push_depth(struct g_fn *f) {
    int32_t inside = 0; /* calls that are inlined are levels, too */
    for (struct g_inline *at = f->inlined; at; at = at->outer)
        inside++;
    if (f->whole->counts) {
        g_get(f, f->depth_local);
        g_i32(f, 1 + inside);
        g_op(f, 0x6a);
    } else {
        g_i32(f, (f->whole->in_table ? DEPTH_UNKNOWN : 0) + inside);
    }
}

static void count_collector(struct g_fn *f, int by) {
    g_i32(f, 0);
    g_i32(f, 0);
    g_load(f, G_I32, g_link_symbol("rt_no_gc"));
    g_i32(f, by);
    g_op(f, 0x6a);
    g_store(f, G_I32, g_link_symbol("rt_no_gc"));
}

/* The call itself: arguments are in `args`; `environment` is a local, or -1: by its name. */
static void call_instance(struct g_fn *f, struct pa_node *at, struct pa_instance_of *in,
                          const struct g_temp *args, int environment, struct pa_value_type want) {
    size_t count = in->def->param_count;
    uint32_t index = g_instance_index(f->g, in);
    g_edge_add(f, in, at);
    if (environment < 0 && g_inline(f, at, in, args)) {
        g_convert(f, in->result, want, at);
        return;
    }
    in->called = true;
    for (size_t i = 0; i < count; i++) {
        struct pa_value_type type = pa_web_find(in->params[i]->web)->type;
        g_get(f, args[i].local);
        g_convert(f, args[i].type, type, at);
    }
    if (takes_environment(in->function)) {
        if (environment >= 0) {
            g_get(f, (uint32_t)environment);
            g_load(f, G_I32, 8);
        } else {
            push_environment(f, in->function);
        }
    }
    if (f->pending)
        count_collector(f, 1);
    if (in->counts)
        push_depth(f);
    g_call(f, index);
    f->gc_points++;
    f->calls++;
    if (f->pending)
        count_collector(f, -1);
    if (in->raises)
        g_check(f, at);
    g_convert(f, in->result, want, at);
}

static struct pa_instance_of *instance_of(struct g_fn *f, struct pa_function *function,
                                          const struct g_temp *args, size_t count) {
    struct pa_value_type types[MAX_ARGS];
    PA_ASSERT(count <= MAX_ARGS);
    for (size_t i = 0; i < count; i++)
        types[i] = args[i].type;
    return pa_function_instance(f->g->program, function, types, count);
}

static bool is_keyword(const struct pa_node *call, const struct pa_node *value) {
    for (uint32_t k = 0; k < call->kid_count; k++)
        if (call->kids[k]->kind == PA_N_KEYWORD && call->kids[k]->a == value)
            return true;
    return false;
}

static void evaluate_one(struct g_fn *f, struct pa_node *value, struct g_temp *ret) {
    g_expression(f, value);
    struct g_range range = g_range(f, value);
    *ret = g_temp_set(f, value->type);
    ret->ranged = true;
    ret->range = range;
}

/* Evaluates a call's arguments for `function`; self, if there, is args[0] already. */
static size_t evaluate(struct g_fn *f, struct pa_node *call, struct pa_function *function,
                       size_t skip, struct g_temp *args) {
    struct pa_node *given[MAX_ARGS];
    const struct pa_def *def = function->def;
    pa_bind_arguments(f->g->tree, call, def, skip, given);
    /* In the order of the text: positions, which are in the parameters' order already, then
     * keywords, and what the definition says for the rest. */
    for (size_t i = skip; i < def->param_count; i++)
        if (given[i] && !is_keyword(call, given[i]))
            evaluate_one(f, given[i], &args[i]);
    for (uint32_t k = 0; k < call->kid_count; k++)
        for (size_t i = skip; i < def->param_count; i++)
            if (call->kids[k]->kind == PA_N_KEYWORD && call->kids[k]->a == given[i])
                evaluate_one(f, given[i], &args[i]);
    for (size_t i = skip; i < def->param_count; i++)
        if (!given[i])
            evaluate_one(f, def->params[i].value, &args[i]);
    return def->param_count;
}

static void free_temps(struct g_fn *f, struct g_temp *args, size_t from, size_t count) {
    for (size_t i = from; i < count; i++)
        g_temp_free(f, args[i]);
}

/* A call by name, or of a value that can only be this function. */
static void call_function(struct g_fn *f, struct pa_node *call, struct pa_function *function,
                          const struct g_temp *self, int closure) {
    struct g_temp args[MAX_ARGS];
    size_t skip = self ? 1 : 0;
    if (self)
        args[0] = *self;
    size_t count = evaluate(f, call, function, skip, args);
    struct pa_instance_of *in = instance_of(f, function, args, count);
    if (in)
        call_instance(f, call, in, args, closure, call->type);
    else
        g_bail(f);
    free_temps(f, args, skip, count);
}

static void call_one_of(struct g_fn *f, struct pa_node *call, struct pa_type *type,
                        uint32_t closure) {
    uint32_t result = g_local(f, g_repr(call->type));
    struct g_label done = g_block(f);
    for (uint32_t i = 0; i < type->function_count; i++) {
        g_get(f, closure);
        g_load(f, G_I32, 4);
        g_i32(f, (int32_t)type->functions[i]->id);
        g_op(f, 0x46);
        g_if(f, G_VOID);
        call_function(f, call, type->functions[i], NULL, (int)closure);
        g_set(f, result);
        g_br(f, done);
        g_end(f);
    }
    g_bail(f);
    g_end(f);
    g_get(f, result);
    g_free_local(f, result);
}

static bool is_by_name(const struct pa_node *callee) {
    return callee->kind == PA_N_NAME && callee->variable && callee->variable->function;
}

static void call_closure(struct g_fn *f, struct pa_node *call, struct pa_node *callee,
                         struct pa_type *type) {
    if (is_by_name(callee)) {
        call_function(f, call, callee->variable->function, NULL, -1);
        return;
    }
    g_expression(f, callee);
    g_need_object(f, callee->type, callee);
    struct g_temp closure = g_temp_set(f, callee->type);
    if (type->function_count == 1)
        call_function(f, call, type->functions[0], NULL, (int)closure.local);
    else
        call_one_of(f, call, type, closure.local);
    g_temp_free(f, closure);
}

void g_apply(struct g_fn *f, struct pa_node *function, const struct g_temp *args, size_t count,
             struct pa_value_type result) {
    struct pa_type *type = pa_type_find(function->type.type);
    if (!type) {
        g_bail(f);
        return;
    }
    if (type->function_count == 1 && (is_by_name(function) || function->kind == PA_N_LAMBDA)) {
        struct pa_instance_of *in = instance_of(f, type->functions[0], args, count);
        if (in)
            call_instance(f, f->at, in, args, -1, result);
        else
            g_bail(f);
        return;
    }
    uint32_t value = g_local(f, g_repr(result));
    g_expression(f, function);
    struct g_temp closure = g_temp_set(f, function->type);
    struct g_label done = g_block(f);
    for (uint32_t i = 0; i < type->function_count; i++) {
        struct pa_instance_of *in = instance_of(f, type->functions[i], args, count);
        if (!in)
            continue;
        g_get(f, closure.local);
        g_load(f, G_I32, 4);
        g_i32(f, (int32_t)type->functions[i]->id);
        g_op(f, 0x46);
        g_if(f, G_VOID);
        call_instance(f, f->at, in, args, (int)closure.local, result);
        g_set(f, value);
        g_br(f, done);
        g_end(f);
    }
    g_bail(f);
    g_end(f);
    g_get(f, value);
    g_temp_free(f, closure);
    g_free_local(f, value);
}

/* Which class an object is of decides which instance of a method is called. */
typedef void per_class_fn(struct g_fn *f, struct pa_class *class, struct g_temp self,
                          void *context);

static void by_class(struct g_fn *f, struct g_temp self, const char *name,
                     struct pa_value_type result, per_class_fn *call, void *context) {
    struct pa_class *all[PA_MAX_CANDIDATES];
    size_t n = pa_candidates(f->g->program, self.type, name, all, PA_ARRAY_LEN(all));
    if (n == 1 && pa_type_is(self.type, PA_T_CLASS) && !self.type.none) {
        struct g_temp exact = {.local = self.local, .type = {.type = all[0]->type}};
        /* Another class that derives from it, but is never made, cannot be met. */
        call(f, all[0], exact, context);
        return;
    }
    uint32_t value = g_local(f, g_repr(result));
    struct g_label done = g_block(f);
    for (size_t i = 0; i < n; i++) {
        struct g_temp exact = {.local = self.local, .type = {.type = all[i]->type}};
        g_get(f, self.local);
        g_i32(f, (int32_t)g_class_record(f->g, all[i]));
        g_rt(f, "rt_is_exactly");
        g_if(f, G_VOID);
        call(f, all[i], exact, context);
        g_set(f, value);
        g_br(f, done);
        g_end(f);
    }
    g_bail(f);
    g_end(f);
    g_get(f, value);
    g_free_local(f, value);
}

struct special {
    struct pa_node *node;
    const char *name;
    const struct g_temp *args;
    size_t count;
    struct pa_value_type result;
};

static void special_of(struct g_fn *f, struct pa_class *class, struct g_temp self, void *context) {
    struct special *s = context;
    struct g_temp args[4] = {self};
    memcpy(args + 1, s->args + 1, (s->count - 1) * sizeof(*args));
    struct pa_instance_of *in = instance_of(f, pa_class_method(class, s->name), args, s->count);
    if (in)
        call_instance(f, s->node, in, args, -1, s->result);
    else
        g_bail(f);
}

void g_special(struct g_fn *f, struct pa_node *node, const char *name, const struct g_temp *args,
               size_t count, struct pa_value_type result) {
    struct special s = {node, name, args, count, result};
    by_class(f, args[0], name, result, special_of, &s);
}

struct method {
    struct pa_node *call;
};

static void method_of(struct g_fn *f, struct pa_class *class, struct g_temp self, void *context) {
    struct method *m = context;
    struct pa_function *function = pa_class_method(class, m->call->a->str);
    call_function(f, m->call, function, function->def->is_static ? NULL : &self, -1);
}

static void call_method(struct g_fn *f, struct pa_node *call) {
    struct method m = {call};
    g_expression(f, call->a->a);
    struct g_temp self = g_temp_set(f, call->a->a->type);
    by_class(f, self, call->a->str, call->type, method_of, &m);
    g_temp_free(f, self);
}

/* The message of a new exception: its only argument. */
static void set_message(struct g_fn *f, uint32_t object, struct pa_node *arg) {
    g_expression_as(f, arg, ANY);
    uint32_t message = g_local(f, G_I32);
    g_set(f, message);
    g_get(f, object);
    g_get(f, message);
    g_store_slot(f, ANY, 16);
    g_free_local(f, message);
}

void g_construct_plain(struct g_fn *f, struct pa_node *node, struct pa_class *class) {
    (void)node;
    g_i32(f, (int32_t)g_class_record(f->g, class));
    g_rt(f, "rt_object_new");
}

static void construct(struct g_fn *f, struct pa_node *call, struct pa_class *class) {
    struct pa_function *init = pa_class_method(class, "__init__");
    struct pa_value_type type = {.type = class->type};
    struct g_temp args[MAX_ARGS];
    size_t count = 1;
    if (init)
        count = evaluate(f, call, init, 1, args);
    g_construct_plain(f, call, class);
    struct g_temp self = args[0] = g_temp_set(f, type);
    if (class->is_exception && !init && call->kid_count == 1)
        set_message(f, self.local, call->kids[0]);
    if (class->is_exception && init) {
        /* args are what the class was called with, until super().__init__ says otherwise. */
        if (call->kid_count == 1 && count == 2) {
            g_get(f, self.local);
            g_get(f, args[1].local);
            g_convert(f, args[1].type, ANY, call);
            g_store_slot(f, ANY, 16);
        } else if (call->kid_count > 1) {
            g_get(f, self.local);
            g_rt(f, "rt_many_arguments");
        }
    }
    if (init) {
        struct pa_instance_of *in = instance_of(f, init, args, count);
        if (in) {
            call_instance(f, call, in, args, -1, pa_type_none());
            g_op(f, 0x1a);
        } else {
            g_bail(f);
        }
    }
    g_get(f, self.local);
    free_temps(f, args, 0, count);
}

static void call_super(struct g_fn *f, struct pa_node *call) {
    struct pa_function *around = f->in->function;
    struct pa_node self_name = {
        .kind = PA_N_NAME, .web = f->in->params[0]->web, .place = call->place};
    struct pa_value_type type = pa_web_find(f->in->params[0]->web)->type;
    struct pa_function *method =
        around->class->base ? pa_class_method(around->class->base, call->a->str) : NULL;
    g_variable_get(f, &self_name);
    struct g_temp self = g_temp_set(f, type);
    if (method) {
        call_function(f, call, method, &self, -1);
    } else {
        if (call->kid_count)
            set_message(f, self.local, call->kids[0]);
        else if (around->class->is_exception) {
            g_get(f, self.local);
            g_i32(f, 0);
            g_store_slot(f, ANY, 16);
        }
        g_i32(f, 0);
    }
    g_temp_free(f, self);
}

static void call_value(struct g_fn *f, struct pa_node *call, struct pa_node *callee,
                       struct pa_value_type type) {
    struct pa_type *known = pa_type_find(type.type);
    if (!known) {
        g_bail(f);
        return;
    }
    switch (known->kind) {
    case PA_T_FUNCTION:
        call_closure(f, call, callee, known);
        return;
    case PA_T_TYPE:
        construct(f, call, known->class);
        return;
    case PA_T_BUILTIN:
        if (known->module)
            g_module_call(f, call, known->module, known->name);
        else
            g_builtin(f, call, known->name);
        return;
    case PA_T_CLASS: {
        g_expression(f, callee);
        g_need_object(f, callee->type, callee);
        struct g_temp self = g_temp_set(f, callee->type);
        call_function(f, call, pa_class_method(known->class, "__call__"), &self, -1);
        g_temp_free(f, self);
        return;
    }
    default:
        pa_refuse(f->g->tree, &call->place, "this call is not supported");
    }
}

void g_call_node(struct g_fn *f, struct pa_node *call) {
    struct pa_node *callee = call->a;
    if (callee->kind != PA_N_ATTRIBUTE) {
        call_value(f, call, callee, callee->type);
        return;
    }
    if (callee->a->kind == PA_N_CALL && callee->a->a->kind == PA_N_NAME &&
        !callee->a->a->variable && pa_streq(callee->a->a->str, "super")) {
        call_super(f, call);
        return;
    }
    struct pa_value_type object = callee->a->type;
    struct pa_type *known = pa_type_find(object.type);
    struct pa_class *all[PA_MAX_CANDIDATES];
    if (!known) {
        g_expression(f, callee->a);
        g_op(f, 0x1a);
        g_bail(f);
        return;
    }
    if (known->kind == PA_T_MODULE) {
        g_module_call(f, call, known->name, callee->str);
        return;
    }
    if (known->kind == PA_T_TYPE) {
        struct pa_function *method = pa_class_method(known->class, callee->str);
        if (!method->def->is_classmethod) {
            call_function(f, call, method, NULL, -1);
            return;
        }
        g_i32(f, 0);
        struct g_temp self = g_temp_set(f, (struct pa_value_type){.type = known->class->itself});
        call_function(f, call, method, &self, -1);
        g_temp_free(f, self);
        return;
    }
    if (known->kind == PA_T_CLASS) {
        struct pa_field *field = pa_class_field(known->class, callee->str);
        if (field) {
            callee->type = field->type;
            call_value(f, call, callee, field->type);
        } else {
            call_method(f, call);
        }
        return;
    }
    if (known->kind == PA_T_ANY &&
        pa_candidates(f->g->program, object, callee->str, all, PA_ARRAY_LEN(all))) {
        call_method(f, call);
        return;
    }
    g_method(f, call);
}
