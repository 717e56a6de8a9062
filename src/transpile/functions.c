/* Functions, their instances for types of arguments, and classes. */
#include "transpile/program.h"

struct pa_function *pa_function_new(struct pa_program *program, struct pa_def *def,
                                    struct pa_scope *scope, struct pa_class *class) {
    struct pa_function *function = pa_tree_alloc(program->tree, sizeof(*function));
    function->name = def->name;
    function->def = def;
    function->scope = scope;
    function->class = class;
    function->id = ++program->function_count;
    function->next = program->functions;
    program->functions = function;
    for (size_t i = 0; i < def->param_count; i++)
        if (def->params[i].value && !pa_is_constant(def->params[i].value))
            pa_refuse(program->tree, &def->params[i].value->place,
                      "a default that is not a constant is not supported");
    return function;
}

struct pa_value_type pa_function_type(struct pa_program *program, struct pa_function *function) {
    if (!function->type) {
        function->type = pa_type_new(program, PA_T_FUNCTION, 0).type;
        function->type->functions = pa_tree_alloc(program->tree, sizeof(struct pa_function *));
        function->type->functions[0] = function;
        function->type->function_count = 1;
    }
    return (struct pa_value_type){.type = function->type};
}

bool pa_is_constant(const struct pa_node *node) {
    switch (node->kind) {
    case PA_N_INT:
    case PA_N_FLOAT:
    case PA_N_STR:
    case PA_N_BOOL:
    case PA_N_NONE:
        return true;
    case PA_N_NEGATE:
        return node->a->kind == PA_N_INT || node->a->kind == PA_N_FLOAT;
    case PA_N_TUPLE:
        for (uint32_t i = 0; i < node->kid_count; i++)
            if (!pa_is_constant(node->kids[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static struct pa_instance_of *new_instance(struct pa_program *program, struct pa_function *function,
                                           const char *key) {
    struct pa_instance_of *in = pa_tree_alloc(program->tree, sizeof(*in));
    struct pa_node holder = {.def = function->def};
    in->function = function;
    snprintf(in->key, sizeof(in->key), "%s", key);
    in->def = pa_node_clone(program->tree, &holder)->def;
    in->body = in->def->body;
    in->next = function->first;
    function->first = in;
    function->instance_count++;
    *program->last_instance = in;
    program->last_instance = &in->all;
    program->changed = true;
    if (++program->depth > 50)
        pa_refuse(program->tree, &function->def->at->place, "functions nested too deeply");
    pa_instance_prepare(program, in, function->scope);
    program->depth--;
    return in;
}

struct pa_instance_of *pa_function_instance(struct pa_program *program,
                                            struct pa_function *function,
                                            const struct pa_value_type *args, size_t count) {
    char key[PA_KEY_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        if (pa_type_is_unknown(args[i]))
            return NULL;
        pa_type_key(args[i], 1, key, sizeof(key));
    }
    struct pa_instance_of *found = NULL, *wide = NULL;
    for (struct pa_instance_of *in = function->first; in; in = in->next) {
        if (in->wide)
            wide = in;
        if (pa_streq(in->key, key))
            found = in;
    }
    if (!found)
        found = wide;
    if (!found) {
        found = new_instance(program, function, key);
        found->wide = function->instance_count >= PA_MAX_INSTANCES;
    }
    for (size_t i = 0; i < count; i++)
        pa_type_join(program, &pa_web_find(found->params[i]->web)->type, args[i]);
    return found;
}

/* Classes. */

struct pa_field *pa_class_field(struct pa_class *class, const char *name) {
    for (; class; class = class->base)
        for (uint32_t i = 0; i < class->field_count; i++)
            if (pa_streq(class->fields[i].name, name))
                return &class->fields[i];
    return NULL;
}

struct pa_function *pa_class_method(struct pa_class *class, const char *name) {
    for (; class; class = class->base)
        for (uint32_t i = 0; i < class->method_count; i++)
            if (pa_streq(class->methods[i]->name, name))
                return class->methods[i];
    return NULL;
}

struct pa_variable *pa_class_attribute(struct pa_class *class, const char *name) {
    for (; class; class = class->base)
        for (struct pa_variable *v = class->attributes; v; v = v->next)
            if (pa_streq(v->name, name))
                return v;
    return NULL;
}

uint32_t pa_class_size(const struct pa_class *class) {
    uint32_t size = 0;
    for (; class; class = class->base)
        size += class->field_count;
    return size;
}

uint32_t pa_class_field_slot(const struct pa_class *class, const struct pa_field *field) {
    (void)class;
    return pa_class_size(field->owner->base) + field->index;
}

static struct pa_class *new_class(struct pa_program *program, const char *name,
                                  struct pa_class *base) {
    struct pa_class *class = pa_tree_alloc(program->tree, sizeof(*class));
    class->name = name;
    class->base = base;
    class->is_exception = base && base->is_exception;
    class->id = ++program->class_count;
    class->type = pa_type_new(program, PA_T_CLASS, 0).type;
    class->type->class = class;
    class->itself = pa_type_new(program, PA_T_TYPE, 0).type;
    class->itself->class = class;
    *program->last_class = class;
    program->last_class = &class->next;
    return class;
}

/* Python's exceptions, each after its base. */
static const struct {
    const char *name, *base;
} exceptions[] = {
    {"BaseException", NULL},
    {"Exception", "BaseException"},
    {"KeyboardInterrupt", "BaseException"},
    {"SystemExit", "BaseException"},
    {"ArithmeticError", "Exception"},
    {"ZeroDivisionError", "ArithmeticError"},
    {"OverflowError", "ArithmeticError"},
    {"AssertionError", "Exception"},
    {"AttributeError", "Exception"},
    {"EOFError", "Exception"},
    {"LookupError", "Exception"},
    {"IndexError", "LookupError"},
    {"KeyError", "LookupError"},
    {"MemoryError", "Exception"},
    {"NameError", "Exception"},
    {"UnboundLocalError", "NameError"},
    {"OSError", "Exception"},
    {"FileNotFoundError", "OSError"},
    {"PermissionError", "OSError"},
    {"TimeoutError", "OSError"},
    {"ConnectionError", "OSError"},
    {"RuntimeError", "Exception"},
    {"NotImplementedError", "RuntimeError"},
    {"RecursionError", "RuntimeError"},
    {"StopIteration", "Exception"},
    {"TypeError", "Exception"},
    {"ValueError", "Exception"},
};

struct pa_class *pa_class_builtin(struct pa_program *program, const char *name) {
    for (struct pa_class *class = program->classes; class; class = class->next)
        if (!class->node && pa_streq(class->name, name))
            return class;
    for (size_t i = 0; i < PA_ARRAY_LEN(exceptions); i++) {
        if (!pa_streq(exceptions[i].name, name))
            continue;
        struct pa_class *base =
            exceptions[i].base ? pa_class_builtin(program, exceptions[i].base) : NULL;
        struct pa_class *class = new_class(program, exceptions[i].name, base);
        class->is_exception = true;
        if (!base) {
            class->fields = pa_tree_alloc(program->tree, sizeof(*class->fields));
            class->fields[0] =
                (struct pa_field){.name = " message", .owner = class, .certain = true};
            class->fields[0].type = pa_type_of(program, PA_T_ANY);
            class->fields[0].type.none = true;
            class->field_count = 1;
        }
        return class;
    }
    return NULL;
}

static void add_field(struct pa_program *program, struct pa_class *class, struct pa_node *at,
                      const char *name, bool certain) {
    struct pa_field *known = pa_class_field(class, name);
    if (known) {
        known->certain |= certain && known->owner == class;
        return;
    }
    if (pa_class_attribute(class, name) || pa_class_method(class, name))
        pa_refuse(program->tree, &at->place, "%.60s is an attribute of the class, too", name);
    if (pa_class_size(class) >= PA_MAX_FIELDS)
        pa_refuse(program->tree, &at->place, "more than %d attributes", PA_MAX_FIELDS);
    class->fields[class->field_count] = (struct pa_field){
        .name = name, .owner = class, .index = class->field_count, .certain = certain};
    class->field_count++;
}

static bool is_self(const struct pa_node *node, const char *self) {
    return node->kind == PA_N_ATTRIBUTE && node->a->kind == PA_N_NAME &&
           pa_streq(node->a->str, self);
}

static bool is_super_init(const struct pa_node *node) {
    return node->kind == PA_S_EXPR && node->a->kind == PA_N_CALL &&
           node->a->a->kind == PA_N_ATTRIBUTE && pa_streq(node->a->a->str, "__init__") &&
           node->a->a->a->kind == PA_N_CALL && node->a->a->a->a->kind == PA_N_NAME &&
           pa_streq(node->a->a->a->a->str, "super");
}

/* Finds `self.x = ...` in a method; those at the top of __init__ are there in every object. */
static void find_fields(struct pa_program *program, struct pa_class *class, const char *self,
                        struct pa_node *node, unsigned depth, bool init) {
    if (!node || node->kind == PA_S_DEF || node->kind == PA_N_LAMBDA)
        return;
    bool certain = init && depth == 1;
    if (node->kind == PA_S_ASSIGN || node->kind == PA_S_FOR || node->kind == PA_S_AUGMENT ||
        node->kind == PA_S_ANNOTATE) {
        struct pa_node *single = node->a;
        uint32_t count = node->kind == PA_S_ASSIGN ? node->kid_count : 1;
        for (uint32_t i = 0; i < count; i++) {
            struct pa_node *target = node->kind == PA_S_ASSIGN ? node->kids[i] : single;
            uint32_t parts = target->kind == PA_N_TUPLE ? target->kid_count : 1;
            for (uint32_t k = 0; k < parts; k++) {
                struct pa_node *part = target->kind == PA_N_TUPLE ? target->kids[k] : target;
                if (is_self(part, self))
                    add_field(program, class, part, part->str,
                              certain && node->kind == PA_S_ASSIGN);
            }
        }
    }
    if (certain && is_super_init(node))
        class->calls_super = true;
    if (node->kind == PA_S_BLOCK)
        depth++;
    else if (node->kind != PA_S_ASSIGN && node->kind != PA_S_EXPR)
        depth += 2;
    find_fields(program, class, self, node->a, depth, init);
    find_fields(program, class, self, node->b, depth, init);
    find_fields(program, class, self, node->c, depth, init);
    find_fields(program, class, self, node->d, depth, init);
    for (uint32_t i = 0; i < node->kid_count; i++)
        find_fields(program, class, self, node->kids[i], depth, init);
}

static void add_attribute(struct pa_program *program, struct pa_class *class,
                          struct pa_node *node) {
    if (node->kid_count != 1 || node->kids[0]->kind != PA_N_NAME)
        pa_refuse(program->tree, &node->place, "this is not supported in a class");
    struct pa_variable *v = pa_tree_alloc(program->tree, sizeof(*v));
    v->name = node->kids[0]->str;
    v->shared = true;
    v->binding = PA_BOUND_VALUE;
    v->web = pa_web_new(program, v);
    v->next = class->attributes;
    class->attributes = v;
}

struct pa_class *pa_class_define(struct pa_program *program, struct pa_node *node,
                                 struct pa_scope *scope) {
    static const char *const strange[] = {
        "__new__",           "__getattr__",       "__getattribute__", "__setattr__",  "__iter__",
        "__next__",          "__enter__",         "__exit__",         "__del__",      "__slots__",
        "__class_getitem__", "__init_subclass__", "__delattr__",      "__format__",   "__index__",
        "__bool__",          "__missing__",       "__post_init__",    "__reversed__", "__delitem__",
        "__hash__",
    };
    struct pa_class *base = NULL;
    if (scope->parent)
        pa_refuse(program->tree, &node->place, "a class in a function is not supported");
    if (node->kid_count > 1)
        pa_refuse(program->tree, &node->place, "several base classes are not supported");
    if (node->kid_count && !pa_streq(node->kids[0]->str, "object")) {
        struct pa_variable *v = pa_scope_find(scope, node->kids[0]->str);
        base = v ? v->class : pa_class_builtin(program, node->kids[0]->str);
        if (!base)
            pa_refuse(program->tree, &node->kids[0]->place, "this base class is not supported");
    }
    if (pa_class_builtin(program, node->str))
        pa_refuse(program->tree, &node->place, "a class with the name of one of Python's");
    struct pa_class *class = new_class(program, node->str, base);
    class->node = node;
    class->scope = scope;
    class->fields = pa_tree_alloc(program->tree, (PA_MAX_FIELDS + 1) * sizeof(*class->fields));
    class->methods =
        pa_tree_alloc(program->tree, (node->a->kid_count + 1) * sizeof(*class->methods));
    for (uint32_t i = 0; i < node->a->kid_count; i++) {
        struct pa_node *kid = node->a->kids[i];
        if (kid->kind == PA_S_ASSIGN) {
            add_attribute(program, class, kid);
        } else if (kid->kind == PA_S_DEF) {
            for (size_t k = 0; k < PA_ARRAY_LEN(strange); k++)
                if (pa_streq(kid->str, strange[k]))
                    pa_refuse(program->tree, &kid->place, "%s is not supported", kid->str);
            for (uint32_t k = 0; k < class->method_count; k++)
                if (pa_streq(class->methods[k]->name, kid->str))
                    pa_refuse(program->tree, &kid->place, "%.60s is defined more than once",
                              kid->str);
            class->methods[class->method_count++] =
                pa_function_new(program, kid->def, scope, class);
        } else if (kid->kind != PA_S_PASS && kid->kind != PA_S_ANNOTATE &&
                   !(kid->kind == PA_S_EXPR && pa_is_constant(kid->a))) {
            pa_refuse(program->tree, &kid->place, "this is not supported in a class");
        }
    }
    for (uint32_t i = 0; i < class->method_count; i++) {
        struct pa_def *def = class->methods[i]->def;
        if (def->is_static || def->is_classmethod || !def->param_count)
            continue;
        find_fields(program, class, def->params[0].name, def->body, 0,
                    pa_streq(def->name, "__init__"));
    }
    return class;
}

void pa_instance_prepare(struct pa_program *program, struct pa_instance_of *instance,
                         struct pa_scope *parent) {
    pa_scope_build(program, instance, parent);
    for (struct pa_variable *v = instance->scope.first; v; v = v->next) {
        if (v->binding == PA_BOUND_DEF)
            v->function = pa_function_new(program, v->definition->def, &instance->scope, NULL);
        else if (v->binding == PA_BOUND_CLASS)
            v->class = pa_class_define(program, v->definition, &instance->scope);
    }
    pa_flow_bind(program, instance);
}
