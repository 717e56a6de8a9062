/*
 * Names to variables, for one instance of a function.
 *
 * Two walks: the first declares what the body binds, the second finds the variable of each name and
 * marks those that functions inside see too (`shared`).  Variables of comprehensions are apart: a
 * name of theirs is `hidden` from everything around.
 */
#include "transpile/program.h"

#define MAX_VARIABLES 8000

struct pa_variable *pa_scope_find(struct pa_scope *scope, const char *name) {
    for (struct pa_variable *v = scope->first; v; v = v->next)
        if (!v->hidden && pa_streq(v->name, name))
            return v;
    return NULL;
}

struct pa_variable *pa_scope_lookup(struct pa_scope *scope, const char *name) {
    for (; scope; scope = scope->parent) {
        struct pa_variable *found = pa_scope_find(scope, name);
        if (found)
            return found;
    }
    return NULL;
}

static struct pa_variable *add_variable(struct pa_program *program, struct pa_scope *scope,
                                        const char *name) {
    struct pa_variable *v = pa_tree_alloc(program->tree, sizeof(*v));
    v->name = name;
    v->scope = scope;
    v->index = scope->count++;
    if (scope->count > MAX_VARIABLES)
        pa_refuse(program->tree, NULL, "more than %d variables in one function", MAX_VARIABLES);
    *scope->last = v;
    scope->last = &v->next;
    return v;
}

struct walk {
    struct pa_program *program;
    struct pa_scope *scope, *module;
    struct pa_variable **hidden; /* of the comprehensions around, innermost last */
    size_t hidden_count, hidden_room;
    const struct pa_node *body; /* of the function */
    const char **outer;         /* names that are global or nonlocal here */
    bool *outer_is_global;
    size_t outer_count;
    unsigned block_depth;
};

static bool is_outer(const struct walk *w, const char *name) {
    for (size_t i = 0; i < w->outer_count; i++)
        if (pa_streq(w->outer[i], name))
            return true;
    return false;
}

static struct pa_variable *bind(struct walk *w, const char *name, enum pa_binding how,
                                struct pa_node *definition) {
    if (is_outer(w, name))
        return NULL;
    struct pa_variable *v = pa_scope_find(w->scope, name);
    if (!v)
        v = add_variable(w->program, w->scope, name);
    v->bindings++;
    if (v->binding == PA_BOUND_NOT)
        v->binding = how;
    if (how != PA_BOUND_VALUE) {
        if (v->bindings > 1 && how != PA_BOUND_IMPORT)
            pa_refuse(w->program->tree, &definition->place, "%.60s is defined more than once",
                      name);
        if (w->block_depth > 1 && how != PA_BOUND_IMPORT)
            pa_refuse(w->program->tree, &definition->place,
                      "a definition that depends on conditions is not supported");
        v->definition = definition;
    } else if (v->binding != PA_BOUND_VALUE) {
        pa_refuse(w->program->tree, &definition->place, "%.60s is defined more than once", name);
    }
    return v;
}

static void bind_target(struct walk *w, struct pa_node *target) {
    if (!target)
        return;
    if (target->kind == PA_N_NAME)
        bind(w, target->str, PA_BOUND_VALUE, target);
    else if (target->kind == PA_N_STAR)
        bind_target(w, target->a);
    else if (target->kind == PA_N_TUPLE)
        for (uint32_t i = 0; i < target->kid_count; i++)
            bind_target(w, target->kids[i]);
}

static void bind_import(struct walk *w, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *item = node->kids[i];
        if (node->mark && (pa_streq(node->str, "typing") || pa_streq(node->str, "__future__")))
            continue; /* annotations are not evaluated */
        struct pa_variable *v = bind(w, item->sub, PA_BOUND_IMPORT, item);
        if (!v || v->bindings > 1)
            pa_refuse(w->program->tree, &item->place, "%.60s is defined more than once", item->sub);
        v->module = node->mark ? node->str : item->str;
        v->member = node->mark ? item->str : NULL;
    }
}

/* The walrus binds in the function around, wherever in an expression it is. */
static void declare_walrus(struct walk *w, struct pa_node *node) {
    if (!node || node->kind == PA_N_LAMBDA || node->kind == PA_S_DEF || node->kind == PA_S_CLASS)
        return;
    if (node->kind == PA_N_WALRUS)
        bind_target(w, node->a);
    declare_walrus(w, node->a);
    declare_walrus(w, node->b);
    declare_walrus(w, node->c);
    for (uint32_t i = 0; i < node->kid_count; i++)
        declare_walrus(w, node->kids[i]);
}

/* What a statement binds. */
static void declare(struct walk *w, struct pa_node *node) {
    if (!node)
        return;
    switch (node->kind) {
    case PA_S_BLOCK:
        w->block_depth++;
        for (uint32_t i = 0; i < node->kid_count; i++)
            declare(w, node->kids[i]);
        w->block_depth--;
        return;
    case PA_S_ASSIGN:
        for (uint32_t i = 0; i < node->kid_count; i++)
            bind_target(w, node->kids[i]);
        break;
    case PA_S_AUGMENT:
    case PA_S_ANNOTATE:
        bind_target(w, node->a);
        break;
    case PA_S_FOR:
        bind_target(w, node->a);
        declare_walrus(w, node->b);
        declare(w, node->c);
        declare(w, node->d);
        return;
    case PA_S_IF:
    case PA_S_WHILE:
        declare_walrus(w, node->a);
        declare(w, node->b);
        declare(w, node->c);
        return;
    case PA_S_TRY:
        declare(w, node->a);
        for (uint32_t i = 0; i < node->kid_count; i++) {
            if (node->kids[i]->str)
                bind(w, node->kids[i]->str, PA_BOUND_VALUE, node->kids[i]);
            declare(w, node->kids[i]->a);
        }
        declare(w, node->b);
        declare(w, node->c);
        return;
    case PA_S_DEF:
        bind(w, node->str, PA_BOUND_DEF, node);
        return;
    case PA_S_CLASS:
        bind(w, node->str, PA_BOUND_CLASS, node);
        return;
    case PA_S_IMPORT:
        bind_import(w, node);
        return;
    default:
        break;
    }
    declare_walrus(w, node);
}

static bool is_before(const struct pa_place *a, const struct pa_place *b) {
    return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* A name that is declared `global` or `nonlocal` after it was used is a SyntaxError of Python's,
 * which is the interpreter's to tell. */
static void refuse_use_before(struct walk *w, const struct pa_node *node, const char *name,
                              const struct pa_place *declared) {
    if (!node || node->kind == PA_N_LAMBDA)
        return;
    if ((node->kind == PA_N_NAME || node->kind == PA_S_DEF || node->kind == PA_S_CLASS) &&
        pa_streq(node->str, name) && is_before(&node->place, declared))
        pa_refuse(w->program->tree, declared, "%.60s is used before it is declared here", name);
    if (node->kind == PA_S_DEF || node->kind == PA_S_CLASS)
        return;
    refuse_use_before(w, node->a, name, declared);
    refuse_use_before(w, node->b, name, declared);
    refuse_use_before(w, node->c, name, declared);
    refuse_use_before(w, node->d, name, declared);
    for (uint32_t i = 0; i < node->kid_count; i++)
        refuse_use_before(w, node->kids[i], name, declared);
}

/* `global` and `nonlocal` hold for the whole function, wherever they stand. */
static void collect_outer(struct walk *w, struct pa_node *node) {
    if (!node || node->kind == PA_S_DEF || node->kind == PA_S_CLASS || node->kind == PA_N_LAMBDA)
        return;
    if (node->kind == PA_S_GLOBAL || node->kind == PA_S_NONLOCAL) {
        for (uint32_t i = 0; i < node->kid_count; i++) {
            const char **names =
                pa_tree_alloc(w->program->tree, (w->outer_count + 1) * sizeof(*names));
            bool *global = pa_tree_alloc(w->program->tree, (w->outer_count + 1) * sizeof(*global));
            if (w->outer_count) {
                memcpy(names, w->outer, w->outer_count * sizeof(*names));
                memcpy(global, w->outer_is_global, w->outer_count * sizeof(*global));
            }
            refuse_use_before(w, w->body, node->kids[i]->str, &node->place);
            names[w->outer_count] = node->kids[i]->str;
            global[w->outer_count++] = node->kind == PA_S_GLOBAL;
            w->outer = names;
            w->outer_is_global = global;
        }
        return;
    }
    collect_outer(w, node->a);
    collect_outer(w, node->b);
    collect_outer(w, node->c);
    collect_outer(w, node->d);
    for (uint32_t i = 0; i < node->kid_count; i++)
        collect_outer(w, node->kids[i]);
}

static void resolve(struct walk *w, struct pa_node *node);

/* A function inside: its names that are ours are shared.  Whether it binds them itself is not
 * looked at closely; a variable that is shared without need is only slower. */
static void share_names(struct walk *w, struct pa_node *node, const struct pa_def *inside) {
    if (!node)
        return;
    if (node->kind == PA_N_NAME) {
        for (size_t i = 0; i < w->hidden_count; i++)
            if (pa_streq(w->hidden[i]->name, node->str))
                pa_refuse(w->program->tree, &node->place,
                          "a function that uses a comprehension's variable is not supported");
        for (size_t i = 0; i < inside->param_count; i++)
            if (pa_streq(inside->params[i].name, node->str))
                return;
        struct pa_variable *v = pa_scope_find(w->scope, node->str);
        if (v)
            v->shared = true;
    }
    if ((node->kind == PA_S_GLOBAL || node->kind == PA_S_NONLOCAL) &&
        (node->kind == PA_S_NONLOCAL || w->scope == w->module)) {
        for (uint32_t i = 0; i < node->kid_count; i++) {
            struct pa_variable *v = pa_scope_find(w->scope, node->kids[i]->str);
            if (!v && node->kind == PA_S_GLOBAL)
                v = add_variable(w->program, w->scope, node->kids[i]->str);
            if (!v)
                continue;
            if (v->binding > PA_BOUND_VALUE)
                pa_refuse(w->program->tree, &node->place, "%.60s is defined more than once",
                          v->name);
            v->binding = PA_BOUND_VALUE;
            v->bindings += 2;
            v->shared = true;
        }
        return;
    }
    const struct pa_def *def = node->def ? node->def : inside;
    share_names(w, node->a, inside);
    share_names(w, node->b, inside);
    share_names(w, node->c, inside);
    share_names(w, node->d, inside);
    for (uint32_t i = 0; i < node->kid_count; i++)
        share_names(w, node->kids[i], inside);
    if (node->def) {
        for (size_t i = 0; i < def->param_count; i++)
            share_names(w, def->params[i].value, inside);
        share_names(w, def->body, def);
    }
}

static void hide(struct walk *w, struct pa_node *target) {
    if (target->kind == PA_N_TUPLE) {
        for (uint32_t i = 0; i < target->kid_count; i++)
            hide(w, target->kids[i]);
        return;
    }
    if (target->kind != PA_N_NAME)
        pa_refuse(w->program->tree, &target->place, "this target in a comprehension");
    struct pa_variable *v = add_variable(w->program, w->scope, target->str);
    v->hidden = true;
    v->binding = PA_BOUND_VALUE;
    if (w->hidden_count == w->hidden_room) {
        size_t room = w->hidden_room ? 2 * w->hidden_room : 16;
        struct pa_variable **more = pa_tree_alloc(w->program->tree, room * sizeof(*more));
        if (w->hidden_count)
            memcpy(more, w->hidden, w->hidden_count * sizeof(*more));
        w->hidden = more;
        w->hidden_room = room;
    }
    w->hidden[w->hidden_count++] = v;
}

static void resolve_comprehension(struct walk *w, struct pa_node *node) {
    size_t before = w->hidden_count;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *clause = node->kids[i];
        resolve(w, clause->b);
        hide(w, clause->a);
        resolve(w, clause->a);
        for (uint32_t k = 0; k < clause->kid_count; k++)
            resolve(w, clause->kids[k]);
    }
    resolve(w, node->a);
    resolve(w, node->b);
    w->hidden_count = before;
}

static void resolve_name(struct walk *w, struct pa_node *node) {
    for (size_t i = w->hidden_count; i-- > 0;)
        if (pa_streq(w->hidden[i]->name, node->str)) {
            node->variable = w->hidden[i];
            return;
        }
    struct pa_scope *scope = w->scope;
    bool nonlocal = false;
    for (size_t i = 0; i < w->outer_count; i++)
        if (pa_streq(w->outer[i], node->str)) {
            nonlocal = !w->outer_is_global[i];
            scope = nonlocal ? w->scope->parent : w->module;
        }
    node->variable = pa_scope_lookup(scope, node->str);
    if (nonlocal && (!node->variable || !node->variable->scope->parent))
        pa_refuse(w->program->tree, &node->place, "nonlocal %.60s is in no function around",
                  node->str);
}

static void resolve(struct walk *w, struct pa_node *node) {
    if (!node)
        return;
    switch (node->kind) {
    case PA_N_NAME:
        resolve_name(w, node);
        return;
    case PA_N_LISTCOMP:
    case PA_N_SETCOMP:
    case PA_N_DICTCOMP:
    case PA_N_GENERATOR:
        resolve_comprehension(w, node);
        return;
    case PA_S_GLOBAL:
    case PA_S_NONLOCAL:
    case PA_S_IMPORT:
        return;
    case PA_N_LAMBDA:
    case PA_S_DEF:
        share_names(w, node, &(struct pa_def){0});
        return;
    case PA_S_CLASS:
        /* Its methods are functions inside; what it assigns are its attributes, not our names. */
        for (uint32_t i = 0; i < node->a->kid_count; i++) {
            struct pa_node *kid = node->a->kids[i];
            if (kid->kind == PA_S_DEF)
                share_names(w, kid, &(struct pa_def){0});
            else if (kid->kind == PA_S_ASSIGN)
                resolve(w, kid->a);
        }
        return;
    default:
        break;
    }
    resolve(w, node->a);
    resolve(w, node->b);
    resolve(w, node->c);
    resolve(w, node->d);
    for (uint32_t i = 0; i < node->kid_count; i++)
        resolve(w, node->kids[i]);
}

static void refuse_outer_parameters(struct walk *w, const struct pa_def *def) {
    for (size_t i = 0; i < def->param_count; i++)
        if (is_outer(w, def->params[i].name))
            pa_refuse(w->program->tree, &def->params[i].place, "a parameter that is global");
}

/* Where shared variables live: the module's at addresses given later, a function's in slots of its
 * environment. */
static void place_shared(struct pa_program *program, struct pa_scope *scope) {
    for (struct pa_variable *v = scope->first; v; v = v->next) {
        if (!v->shared)
            continue;
        v->web = pa_web_new(program, v);
        if (scope->parent && v->binding <= PA_BOUND_VALUE) {
            v->address = scope->environment_slots++;
            scope->has_environment = true;
        }
    }
}

void pa_scope_build(struct pa_program *program, struct pa_instance_of *instance,
                    struct pa_scope *parent) {
    struct pa_scope *scope = &instance->scope, *module = scope;
    scope->parent = parent;
    scope->last = &scope->first;
    scope->instance = instance;
    while (module->parent)
        module = module->parent;
    struct walk w = {.program = program, .scope = scope, .module = module, .body = instance->body};
    if (parent)
        collect_outer(&w, instance->body);
    if (instance->def) {
        refuse_outer_parameters(&w, instance->def);
        instance->params = pa_tree_alloc(program->tree, (instance->def->param_count + 1) *
                                                            sizeof(*instance->params));
        for (size_t i = 0; i < instance->def->param_count; i++) {
            struct pa_variable *v = add_variable(program, scope, instance->def->params[i].name);
            v->parameter = true;
            v->binding = PA_BOUND_VALUE;
            v->bindings = 1;
            instance->params[i] = v;
        }
    }
    if (instance->body->kind == PA_S_BLOCK)
        declare(&w, instance->body);
    else
        declare_walrus(&w, instance->body);
    resolve(&w, instance->body);
    /* A name that is shared may be found only after others were resolved; this changes no name's
     * variable, only where it lives. */
    place_shared(program, scope);
}
