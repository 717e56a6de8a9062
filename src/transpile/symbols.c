/*
 * What Python finds wrong with names before anything runs.
 *
 * Analysis looks at the functions that are called; Python's compiler looks at all of them, also
 * where the program never comes.  So this walks the whole tree once, in the order of the text:
 * `global` and `nonlocal` against what was bound before and around, `:=` in comprehensions, and
 * literals that are called, indexed or compared by `is`, which give a SyntaxWarning.  Whatever
 * Python has a word to say about is refused: the interpreter says it.
 */
#include "transpile/parse.h"

enum mark {
    USED = 1,
    BOUND = 2,
    ANNOTATED = 4,
    PARAMETER = 8,
    GLOBAL = 16,
    NONLOCAL = 32,
};

struct symbol {
    const char *name;
    unsigned marks;
    struct pa_place place; /* of its nonlocal */
    struct symbol *next;
};

#define BUCKETS 128 /* of names, by hash: a source may have a hundred thousand of them */

struct scope {
    struct scope *outer;
    enum {
        OF_MODULE,
        OF_CLASS,
        OF_FUNCTION
    } kind;
    struct symbol *symbols[BUCKETS], *wanted; /* by functions inside */
    struct targets *targets;                  /* of the comprehensions around */
};

struct targets {
    struct targets *outer;
    const struct pa_node *comprehension;
};

struct check {
    struct pa_tree *tree;
    struct scope *scope;
};

static void walk(struct check *c, const struct pa_node *node);

static struct symbol *symbol_of(struct check *c, struct scope *scope, const char *name) {
    uint32_t hash = 0;
    for (const char *at = name; *at; at++)
        hash = hash * 31 + (uint8_t)*at;
    struct symbol **bucket = &scope->symbols[hash % BUCKETS];
    for (struct symbol *s = *bucket; s; s = s->next)
        if (pa_streq(s->name, name))
            return s;
    struct symbol *s = pa_tree_alloc(c->tree, sizeof(*s));
    s->name = name;
    s->next = *bucket;
    *bucket = s;
    return s;
}

static void mark(struct check *c, const char *name, const struct pa_place *place, unsigned marks) {
    if (pa_streq(name, "__debug__"))
        pa_refuse(c->tree, place, "__debug__ is not supported");
    struct symbol *s = symbol_of(c, c->scope, name);
    if ((marks & ANNOTATED) && (s->marks & (GLOBAL | NONLOCAL)))
        pa_refuse(c->tree, place, "%.60s is annotated, and not of this function", name);
    s->marks |= marks;
}

/* `global` and `nonlocal`: before anything else is done with the name. */
static void declare_outer(struct check *c, const struct pa_node *node) {
    unsigned is = node->kind == PA_S_GLOBAL ? GLOBAL : NONLOCAL;
    if (is == NONLOCAL && c->scope->kind == OF_MODULE)
        pa_refuse(c->tree, &node->place, "nonlocal outside of a function");
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct symbol *s = symbol_of(c, c->scope, node->kids[i]->str);
        if (s->marks & ~is)
            pa_refuse(c->tree, &node->place, "%.60s is used before it is declared here", s->name);
        s->marks |= is;
        s->place = node->place;
    }
}

static void enter(struct check *c, struct scope *inner, int kind) {
    *inner = (struct scope){.outer = c->scope, .kind = kind};
    c->scope = inner;
}

/* `name` must be bound by a function around `inner`: by the nearest that binds it, which is known
 * when that one has been walked to its end. */
static void want_outer(struct check *c, const struct scope *inner, const char *name,
                       const struct pa_place *place) {
    struct scope *around = inner->outer;
    while (around && around->kind == OF_CLASS)
        around = around->outer;
    if (!around || around->kind == OF_MODULE)
        pa_refuse(c->tree, place, "nonlocal %.60s is in no function around", name);
    struct symbol *wanted = pa_tree_alloc(c->tree, sizeof(*wanted));
    *wanted = (struct symbol){.name = name, .place = *place, .next = around->wanted};
    around->wanted = wanted;
}

static void leave(struct check *c, struct scope *inner) {
    c->scope = inner->outer;
    for (const struct symbol *s = inner->wanted; s; s = s->next) {
        unsigned marks = symbol_of(c, inner, s->name)->marks;
        if (marks & GLOBAL)
            pa_refuse(c->tree, &s->place, "nonlocal %.60s is in no function around", s->name);
        if (!(marks & ~USED))
            want_outer(c, inner, s->name, &s->place);
    }
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct symbol *s = inner->symbols[i]; s; s = s->next)
            if (s->marks & NONLOCAL)
                want_outer(c, inner, s->name, &s->place);
}

static void parameters(struct check *c, const struct pa_def *def) {
    for (size_t i = 0; i < def->param_count; i++)
        mark(c, def->params[i].name, &def->params[i].place, PARAMETER);
}

static void function(struct check *c, const struct pa_def *def) {
    struct scope inner;
    for (size_t i = 0; i < def->param_count; i++)
        walk(c, def->params[i].value);
    enter(c, &inner, OF_FUNCTION);
    parameters(c, def);
    walk(c, def->body);
    leave(c, &inner);
}

static void bind(struct check *c, const struct pa_node *target, unsigned marks) {
    if (!target)
        return;
    if (target->kind == PA_N_NAME)
        mark(c, target->str, &target->place, marks);
    else if (target->kind == PA_N_TUPLE)
        for (uint32_t i = 0; i < target->kid_count; i++)
            bind(c, target->kids[i], marks);
    else if (target->kind == PA_N_STAR)
        bind(c, target->a, marks);
    else
        walk(c, target);
}

static bool is_target(const struct pa_node *target, const char *name) {
    if (target->kind == PA_N_NAME)
        return pa_streq(target->str, name);
    bool found = target->kind == PA_N_STAR && is_target(target->a, name);
    for (uint32_t i = 0; target->kind == PA_N_TUPLE && i < target->kid_count && !found; i++)
        found = is_target(target->kids[i], name);
    return found;
}

static void walrus(struct check *c, const struct pa_node *node) {
    const char *name = node->a->str;
    for (struct targets *at = c->scope->targets; at; at = at->outer) {
        if (c->scope->kind == OF_CLASS)
            pa_refuse(c->tree, &node->place, ":= in a comprehension of a class");
        for (uint32_t i = 0; i < at->comprehension->kid_count; i++)
            if (is_target(at->comprehension->kids[i]->a, name))
                pa_refuse(c->tree, &node->place, "%.60s is the comprehension's own", name);
    }
    mark(c, name, &node->place, BOUND);
    walk(c, node->b);
}

static bool has_walrus(const struct pa_node *node) {
    if (!node)
        return false;
    bool found = node->kind == PA_N_WALRUS || has_walrus(node->a) || has_walrus(node->b) ||
                 has_walrus(node->c);
    for (uint32_t i = 0; i < node->kid_count && !found; i++)
        found = has_walrus(node->kids[i]);
    return found;
}

static void comprehension(struct check *c, const struct pa_node *node) {
    struct targets own = {c->scope->targets, node};
    c->scope->targets = &own;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        const struct pa_node *clause = node->kids[i];
        if (has_walrus(clause->b))
            pa_refuse(c->tree, &clause->b->place, ":= in what a comprehension goes through");
        walk(c, clause->b);
        for (uint32_t k = 0; k < clause->kid_count; k++)
            walk(c, clause->kids[k]);
    }
    walk(c, node->a);
    walk(c, node->b);
    c->scope->targets = own.outer;
}

static bool is_number_literal(const struct pa_node *node) {
    return node->kind == PA_N_INT || node->kind == PA_N_FLOAT;
}

static bool is_display(const struct pa_node *node) {
    switch (node->kind) {
    case PA_N_STR:
    case PA_N_FSTRING:
    case PA_N_LIST:
    case PA_N_TUPLE:
    case PA_N_LISTCOMP:
        return true;
    default:
        return false;
    }
}

static bool is_other_literal(const struct pa_node *node) {
    switch (node->kind) {
    case PA_N_NONE:
    case PA_N_BOOL:
    case PA_N_SET:
    case PA_N_SETCOMP:
    case PA_N_GENERATOR:
        return true;
    default:
        return is_number_literal(node);
    }
}

static void warn(struct check *c, const struct pa_node *node, const char *what) {
    pa_refuse(c->tree, &node->place, "%s a literal", what);
}

static void warn_of_literals(struct check *c, const struct pa_node *node) {
    const struct pa_node *a = node->a, *b = node->b;
    if (node->kind == PA_N_CALL &&
        (is_display(a) || is_other_literal(a) || a->kind == PA_N_DICT || a->kind == PA_N_DICTCOMP))
        warn(c, node, "a call of");
    if (node->kind == PA_N_INDEX &&
        (is_other_literal(a) || a->kind == PA_N_LAMBDA ||
         (is_display(a) &&
          (is_display(b) || b->kind == PA_N_NONE || b->kind == PA_N_FLOAT || b->kind == PA_N_DICT ||
           b->kind == PA_N_SET || b->kind == PA_N_LAMBDA || b->kind == PA_N_DICTCOMP))))
        warn(c, node, "this index of");
    for (uint32_t i = 0; node->kind == PA_N_COMPARE && i + 1 < node->kid_count; i++) {
        if (node->ops[i] != PA_OP_IS && node->ops[i] != PA_OP_IS_NOT)
            continue;
        for (uint32_t k = i; k < i + 2; k++) {
            const struct pa_node *side = node->kids[k];
            if (side->kind == PA_N_NEGATE)
                side = side->a;
            if (is_number_literal(side) || side->kind == PA_N_STR || side->kind == PA_N_TUPLE)
                warn(c, node, "`is` with");
        }
    }
}

static void walk_all(struct check *c, const struct pa_node *node) {
    walk(c, node->a);
    walk(c, node->b);
    walk(c, node->c);
    walk(c, node->d);
    for (uint32_t i = 0; i < node->kid_count; i++)
        walk(c, node->kids[i]);
}

static void walk_class(struct check *c, const struct pa_node *node) {
    struct scope inner;
    mark(c, node->str, &node->place, BOUND);
    for (uint32_t i = 0; i < node->kid_count; i++)
        walk(c, node->kids[i]);
    enter(c, &inner, OF_CLASS);
    walk(c, node->a);
    leave(c, &inner);
}

static void walk_import(struct check *c, const struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++)
        mark(c, node->kids[i]->sub, &node->place, BOUND);
}

static void walk_try(struct check *c, const struct pa_node *node) {
    walk(c, node->a);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        const struct pa_node *handler = node->kids[i];
        for (uint32_t k = 0; k < handler->kid_count; k++)
            walk(c, handler->kids[k]);
        if (handler->str)
            mark(c, handler->str, &handler->place, BOUND);
        walk(c, handler->a);
    }
    walk(c, node->b);
    walk(c, node->c);
}

static void walk(struct check *c, const struct pa_node *node) {
    if (!node)
        return;
    switch (node->kind) {
    case PA_N_NAME:
        mark(c, node->str, &node->place, USED);
        return;
    case PA_N_LAMBDA:
        function(c, node->def);
        return;
    case PA_S_DEF:
        mark(c, node->str, &node->place, BOUND);
        function(c, node->def);
        return;
    case PA_S_CLASS:
        walk_class(c, node);
        return;
    case PA_S_IMPORT:
        walk_import(c, node);
        return;
    case PA_S_TRY:
        walk_try(c, node);
        return;
    case PA_S_GLOBAL:
    case PA_S_NONLOCAL:
        declare_outer(c, node);
        return;
    case PA_S_ASSIGN:
        for (uint32_t i = 0; i < node->kid_count; i++)
            bind(c, node->kids[i], node->mark ? BOUND | ANNOTATED : BOUND);
        walk(c, node->a);
        return;
    case PA_S_ANNOTATE:
        bind(c, node->a, ANNOTATED);
        return;
    case PA_S_AUGMENT:
        bind(c, node->a, BOUND | USED);
        walk(c, node->b);
        return;
    case PA_S_FOR:
        bind(c, node->a, BOUND);
        walk(c, node->b);
        walk(c, node->c);
        walk(c, node->d);
        return;
    case PA_S_DELETE:
        for (uint32_t i = 0; i < node->kid_count; i++)
            bind(c, node->kids[i], BOUND);
        return;
    case PA_N_WALRUS:
        walrus(c, node);
        return;
    case PA_N_LISTCOMP:
    case PA_N_SETCOMP:
    case PA_N_DICTCOMP:
    case PA_N_GENERATOR:
        comprehension(c, node);
        return;
    case PA_N_CALL:
    case PA_N_INDEX:
    case PA_N_COMPARE:
        warn_of_literals(c, node);
        break;
    default:
        break;
    }
    walk_all(c, node);
}

void pa_symbols_check(struct pa_tree *tree) {
    struct scope module = {.kind = OF_MODULE};
    struct check c = {.tree = tree, .scope = &module};
    walk(&c, tree->module);
}
