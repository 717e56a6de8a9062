/* Inference: calls of what the program defines. */
#include "transpile/infer.h"

#define MAX_ARGS 32

struct pa_node *pa_keyword(const struct pa_node *call, const char *name) {
    for (uint32_t i = 0; i < call->kid_count; i++)
        if (call->kids[i]->kind == PA_N_KEYWORD && pa_streq(call->kids[i]->str, name))
            return call->kids[i]->a;
    return NULL;
}

static bool is_allowed(const char *allowed, const char *name) {
    size_t n = strlen(name);
    for (const char *at = allowed; (at = strstr(at, name)); at++)
        if ((at == allowed || at[-1] == ' ') && (at[n] == 0 || at[n] == ' '))
            return true;
    return false;
}

uint32_t pa_positional(struct pa_infer *x, const struct pa_node *call, const char *allowed,
                       uint32_t least, uint32_t most) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < call->kid_count; i++) {
        const struct pa_node *kid = call->kids[i];
        if (kid->kind == PA_N_KEYWORD && !is_allowed(allowed, kid->str))
            pa_refuse(x->tree, &kid->place, "the argument %.60s is not supported here", kid->str);
        if (kid->kind == PA_N_STAR)
            pa_refuse(x->tree, &kid->place, "* in this call is not supported");
        count += kid->kind != PA_N_KEYWORD;
    }
    if (count < least || count > most)
        pa_refuse(x->tree, &call->place, "%u arguments are not what this takes", count);
    return count;
}

static struct pa_node *rest_tuple(struct pa_tree *tree, struct pa_node *call, uint32_t from,
                                  uint32_t count) {
    if (!call->c) {
        call->c = pa_node_new(tree, PA_N_TUPLE, call->place);
        call->c->kids = pa_tree_alloc(tree, (count + 1) * sizeof(struct pa_node *));
        for (uint32_t i = from; i < count; i++)
            call->c->kids[call->c->kid_count++] = call->kids[i];
    }
    return call->c;
}

void pa_bind_arguments(struct pa_tree *tree, struct pa_node *call, const struct pa_def *def,
                       size_t skip, struct pa_node **out) {
    uint32_t count = 0;
    for (; count < call->kid_count && call->kids[count]->kind != PA_N_KEYWORD; count++)
        if (call->kids[count]->kind == PA_N_STAR)
            pa_refuse(tree, &call->place, "* in this call is not supported");
    if (def->param_count > MAX_ARGS)
        pa_refuse(tree, &call->place, "more than %d parameters", MAX_ARGS);
    memset(out, 0, MAX_ARGS * sizeof(*out));
    uint32_t next = 0;
    for (size_t i = skip; i < def->param_count; i++) {
        const struct pa_param *param = &def->params[i];
        if (param->style == PA_PARAM_REST) {
            out[i] = rest_tuple(tree, call, next, count);
            next = count;
        } else if (param->style == PA_PARAM_PLAIN && next < count) {
            out[i] = call->kids[next++];
        }
    }
    if (next < count)
        pa_refuse(tree, &call->place, "%.60s() does not take so many arguments", def->name);
    for (uint32_t k = count; k < call->kid_count; k++) {
        size_t i = skip;
        while (i < def->param_count && (def->params[i].style == PA_PARAM_REST ||
                                        !pa_streq(def->params[i].name, call->kids[k]->str)))
            i++;
        if (i == def->param_count || out[i])
            pa_refuse(tree, &call->kids[k]->place, "the argument %.60s does not fit %.60s()",
                      call->kids[k]->str, def->name);
        out[i] = call->kids[k]->a;
    }
    for (size_t i = skip; i < def->param_count; i++)
        if (!out[i] && !def->params[i].value)
            pa_refuse(tree, &call->place, "%.60s() needs the argument %.60s", def->name,
                      def->params[i].name);
}

static struct pa_value_type call_function(struct pa_infer *x, struct pa_node *call,
                                          struct pa_function *function,
                                          const struct pa_value_type *self) {
    struct pa_node *given[MAX_ARGS];
    struct pa_value_type args[MAX_ARGS];
    struct pa_def *def = function->def;
    size_t skip = self ? 1 : 0;
    if (self && !def->param_count)
        pa_refuse(x->tree, &call->place, "a method without self");
    pa_bind_arguments(x->tree, call, def, skip, given);
    if (self)
        args[0] = *self;
    for (size_t i = skip; i < def->param_count; i++)
        args[i] = pa_infer_expression(x, given[i] ? given[i] : def->params[i].value);
    struct pa_instance_of *in = pa_function_instance(x->program, function, args, def->param_count);
    if (self == NULL || function->class)
        call->instance = in;
    return in ? in->result : (struct pa_value_type){0};
}

struct pa_value_type pa_infer_special_if(struct pa_infer *x, struct pa_node *node,
                                         struct pa_class *class, const char *name,
                                         const struct pa_value_type *args, size_t count,
                                         bool *ret_there) {
    struct pa_function *method = pa_class_method(class, name);
    *ret_there = method != NULL;
    if (!method)
        return (struct pa_value_type){0};
    struct pa_class *all[PA_MAX_CANDIDATES];
    struct pa_value_type result = {0}, own[4];
    size_t n = pa_candidates(x->program, args[0], name, all, PA_ARRAY_LEN(all));
    if (method->def->param_count != count || method->def->is_static || method->def->is_classmethod)
        pa_refuse(x->tree, &node->place, "%.60s takes other arguments", name);
    memcpy(own, args, count * sizeof(*own));
    for (size_t i = 0; i < n; i++) {
        own[0].type = all[i]->type;
        own[0].none = false;
        struct pa_instance_of *in =
            pa_function_instance(x->program, pa_class_method(all[i], name), own, count);
        if (in)
            pa_type_mix(x->program, &result, in->result);
    }
    return result;
}

struct pa_value_type pa_infer_special(struct pa_infer *x, struct pa_node *node,
                                      struct pa_class *class, const char *name,
                                      const struct pa_value_type *args, size_t count) {
    bool there;
    struct pa_value_type result = pa_infer_special_if(x, node, class, name, args, count, &there);
    if (!there)
        pa_refuse(x->tree, &node->place, "%.60s has no %.60s", class->name, name);
    return result;
}

size_t pa_candidates(struct pa_program *program, struct pa_value_type type, const char *name,
                     struct pa_class **out, size_t room) {
    struct pa_type *known = pa_type_find(type.type);
    size_t count = 0;
    for (struct pa_class *class = program->classes; class && known; class = class->next) {
        if (!class->instantiated || !pa_class_method(class, name))
            continue;
        if (known->kind == PA_T_CLASS && !pa_class_derives(class, known->class))
            continue;
        if (known->kind != PA_T_CLASS && known->kind != PA_T_ANY)
            continue;
        if (count == room)
            pa_refuse(program->tree, NULL, "more than %d classes with %.60s()", PA_MAX_CANDIDATES,
                      name);
        out[count++] = class;
    }
    return count;
}

/* Whether a method certainly does more than to give a value. */
static bool has_effects(const struct pa_node *node) {
    if (!node)
        return false;
    if (node->kind == PA_S_GLOBAL || node->kind == PA_S_NONLOCAL)
        return true;
    if (node->kind == PA_S_AUGMENT && node->a->kind != PA_N_NAME)
        return true;
    for (uint32_t i = 0; node->kind == PA_S_ASSIGN && i < node->kid_count; i++)
        if (node->kids[i]->kind != PA_N_NAME && node->kids[i]->kind != PA_N_TUPLE)
            return true;
    if (node->kind == PA_N_CALL && node->a->kind == PA_N_NAME && pa_streq(node->a->str, "print"))
        return true;
    if (node->kind == PA_N_CALL && node->a->kind == PA_N_ATTRIBUTE &&
        (pa_streq(node->a->str, "append") || pa_streq(node->a->str, "add")))
        return true;
    bool found = has_effects(node->a) || has_effects(node->b) || has_effects(node->c) ||
                 has_effects(node->d);
    for (uint32_t i = 0; i < node->kid_count && !found; i++)
        found = has_effects(node->kids[i]);
    return found;
}

static bool mentions(const struct pa_node *node, const struct pa_node *what) {
    if (!node)
        return false;
    if (node->kind == what->kind && pa_streq(node->str, what->str))
        return true;
    bool found = mentions(node->a, what) || mentions(node->b, what) || mentions(node->c, what) ||
                 mentions(node->d, what) || (node->def && mentions(node->def->body, what));
    for (uint32_t i = 0; i < node->kid_count && !found; i++)
        found = mentions(node->kids[i], what);
    return found;
}

void pa_infer_refuse_sorted_list(struct pa_infer *x, const struct pa_node *list,
                                 const struct pa_node *key) {
    const struct pa_def *def = key->def;
    if (key->kind == PA_N_NAME && key->variable && key->variable->function)
        def = key->variable->function->def;
    if (def && (list->kind == PA_N_NAME || list->kind == PA_N_ATTRIBUTE) &&
        mentions(def->body, list))
        pa_refuse(x->tree, &key->place, "a key that looks at the list which is sorted");
}

/* What the runtime will call: str(), repr(), ==, hash() and < of objects in containers. */
static void infer_specials(struct pa_infer *x, struct pa_class *class) {
    static const char *const names[PA_SPECIALS] = {"__str__", "__repr__", "__eq__", "__hash__",
                                                   "__lt__"};
    for (size_t i = 0; i < PA_SPECIALS; i++) {
        struct pa_function *method = pa_class_method(class, names[i]);
        bool binary = i == PA_SPECIAL_EQ || i == PA_SPECIAL_LT;
        struct pa_value_type self = {.type = class->type};
        struct pa_value_type args[] = {self, self};
        if (!method)
            continue;
        if (method->def->param_count != (binary ? 2 : 1) || method->def->is_static)
            pa_refuse(x->tree, &class->node->place, "this %s is not supported", names[i]);
        if (i == PA_SPECIAL_LT && has_effects(method->def->body))
            pa_refuse(x->tree, &method->def->at->place,
                      "how often a sort calls __lt__ is the interpreter's affair");
        struct pa_instance_of *in = pa_function_instance(x->program, method, args, binary ? 2 : 1);
        enum pa_type_kind kind = binary ? PA_T_BOOL : i == PA_SPECIAL_HASH ? PA_T_INT : PA_T_STR;
        class->special[i] = in;
        if (in && in->result.type && !pa_type_is(in->result, kind))
            pa_refuse(x->tree, &class->node->place, "%s does not give a %s", names[i],
                      pa_type_name(x->program, pa_type_of(x->program, kind)));
    }
}

struct pa_value_type pa_infer_construct(struct pa_infer *x, struct pa_node *node,
                                        struct pa_class *class, const struct pa_value_type *args,
                                        size_t count) {
    struct pa_value_type self = {.type = class->type};
    if (!class->instantiated) {
        class->instantiated = true;
        x->program->changed = true;
    }
    if (class->node)
        infer_specials(x, class);
    struct pa_function *init = pa_class_method(class, "__init__");
    if (node->kind != PA_N_CALL) { /* raise C */
        if (init)
            pa_refuse(x->tree, &node->place, "a class raised without its arguments");
        return self;
    }
    (void)args;
    (void)count;
    if (class->is_exception) {
        for (uint32_t i = 0; i < node->kid_count; i++) {
            struct pa_node *arg = node->kids[i];
            if (arg->kind == PA_N_KEYWORD && init)
                arg = arg->a;
            struct pa_value_type type = pa_infer_expression(x, arg);
            pa_infer_to_any(x, type);
            if (!type.type && type.none && !init)
                pa_refuse(x->tree, &arg->place, "an exception of None");
        }
    }
    if (init)
        call_function(x, node, init, &self);
    else if (!class->is_exception && node->kid_count)
        pa_refuse(x->tree, &node->place, "%.60s() takes no arguments", class->name);
    else if (class->is_exception && node->kid_count > 1)
        pa_refuse(x->tree, &node->place, "an exception of several arguments");
    return self;
}

static struct pa_value_type call_super(struct pa_infer *x, struct pa_node *node) {
    struct pa_function *around = x->in->function;
    if (!around || !around->class || node->a->a->kid_count)
        pa_refuse(x->tree, &node->place, "super() is supported in methods, without arguments");
    struct pa_value_type self = pa_web_find(x->in->params[0]->web)->type;
    struct pa_function *method =
        around->class->base ? pa_class_method(around->class->base, node->a->str) : NULL;
    if (method)
        return call_function(x, node, method, &self);
    if (!pa_streq(node->a->str, "__init__"))
        pa_refuse(x->tree, &node->place, "the base class has no %.60s", node->a->str);
    if (around->class->is_exception) {
        uint32_t count = pa_positional(x, node, "", 0, 1);
        for (uint32_t i = 0; i < count; i++)
            pa_infer_to_any(x, pa_infer_expression(x, node->kids[i]));
    } else if (node->kid_count) {
        pa_refuse(x->tree, &node->place, "object's __init__ takes no arguments");
    }
    return pa_type_none();
}

static bool is_super(const struct pa_node *node) {
    return node->kind == PA_N_CALL && node->a->kind == PA_N_NAME && !node->a->variable &&
           pa_streq(node->a->str, "super");
}

static struct pa_value_type call_method(struct pa_infer *x, struct pa_node *node,
                                        struct pa_value_type object) {
    struct pa_class *all[PA_MAX_CANDIDATES];
    struct pa_value_type result = {0};
    size_t n = pa_candidates(x->program, object, node->a->str, all, PA_ARRAY_LEN(all));
    for (size_t i = 0; i < n; i++) {
        struct pa_value_type self = {.type = all[i]->type};
        struct pa_function *method = pa_class_method(all[i], node->a->str);
        pa_type_mix(x->program, &result,
                    call_function(x, node, method, method->def->is_static ? NULL : &self));
        if (method->def->is_classmethod || method->def->is_property)
            pa_refuse(x->tree, &node->place, "this call of a class method is not supported");
    }
    return result;
}

static struct pa_value_type call_of_class(struct pa_infer *x, struct pa_node *node,
                                          struct pa_class *class) {
    struct pa_function *method = pa_class_method(class, node->a->str);
    if (!method)
        pa_refuse(x->tree, &node->place, "%.60s has no %.60s()", class->name, node->a->str);
    struct pa_value_type self = {.type = class->itself};
    return call_function(x, node, method, method->def->is_classmethod ? &self : NULL);
}

static struct pa_value_type call_value(struct pa_infer *x, struct pa_node *node,
                                       struct pa_value_type callee) {
    struct pa_type *known = pa_type_find(callee.type);
    struct pa_value_type result = {0};
    if (!known)
        return result;
    switch (known->kind) {
    case PA_T_FUNCTION:
        for (uint32_t i = 0; i < known->function_count; i++)
            pa_type_mix(x->program, &result, call_function(x, node, known->functions[i], NULL));
        return result;
    case PA_T_TYPE:
        return pa_infer_construct(x, node, known->class, NULL, 0);
    case PA_T_BUILTIN:
        return known->module ? pa_infer_module_call(x, node, known->module, known->name)
                             : pa_infer_builtin(x, node, known->name);
    case PA_T_CLASS: {
        struct pa_function *method = pa_class_method(known->class, "__call__");
        if (!method)
            break;
        return call_function(x, node, method, &callee);
    }
    default:
        break;
    }
    pa_refuse(x->tree, &node->place, "a %s cannot be called", pa_type_name(x->program, callee));
}

struct pa_value_type pa_infer_call(struct pa_infer *x, struct pa_node *node) {
    struct pa_node *callee = node->a;
    if (callee->kind != PA_N_ATTRIBUTE)
        return call_value(x, node, pa_infer_expression(x, callee));
    if (is_super(callee->a))
        return call_super(x, node);
    struct pa_value_type object = pa_infer_expression(x, callee->a);
    struct pa_type *known = pa_type_find(object.type);
    if (!known)
        return (struct pa_value_type){0};
    if (known->kind == PA_T_MODULE)
        return pa_infer_module_call(x, node, known->name, callee->str);
    if (known->kind == PA_T_TYPE)
        return call_of_class(x, node, known->class);
    if (known->kind == PA_T_CLASS) {
        struct pa_field *field = pa_class_field(known->class, callee->str);
        if (field)
            return call_value(x, node, field->type);
        if (!pa_class_method(known->class, callee->str)) {
            struct pa_class *all[PA_MAX_CANDIDATES];
            if (!pa_candidates(x->program, object, callee->str, all, PA_ARRAY_LEN(all)))
                pa_refuse(x->tree, &node->place, "%.60s has no %.60s()", known->class->name,
                          callee->str);
        }
        return call_method(x, node, object);
    }
    if (known->kind == PA_T_ANY) {
        struct pa_class *all[PA_MAX_CANDIDATES];
        if (pa_candidates(x->program, object, callee->str, all, PA_ARRAY_LEN(all)))
            return call_method(x, node, object);
    }
    return pa_infer_method(x, node, object);
}

struct pa_value_type pa_infer_apply(struct pa_infer *x, struct pa_node *function,
                                    const struct pa_value_type *args, size_t count) {
    pa_infer_is_named_method(x, function, count);
    struct pa_value_type callee = pa_infer_expression(x, function);
    if (pa_type_is(callee, PA_T_BUILTIN) || pa_type_is(callee, PA_T_TYPE))
        callee = pa_infer_applied_builtin(x, function, count);
    struct pa_type *known = pa_type_find(callee.type);
    struct pa_value_type result = {0};
    if (!known)
        return result;
    if (known->kind == PA_T_FUNCTION) {
        for (uint32_t i = 0; i < known->function_count; i++) {
            struct pa_function *f = known->functions[i];
            if (f->def->param_count != count)
                pa_refuse(x->tree, &function->place, "a function of %zu parameters for %zu values",
                          f->def->param_count, count);
            struct pa_instance_of *in = pa_function_instance(x->program, f, args, count);
            if (in)
                pa_type_mix(x->program, &result, in->result);
        }
        return result;
    }
    pa_refuse(x->tree, &function->place, "this as a function is not supported");
}
