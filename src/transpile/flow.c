/*
 * Which assignments reach which uses: local variables to webs.
 *
 * A walk over the statements in order keeps, for each variable, the web of its last assignment.
 * Where two ways meet, a join is made of theirs; nothing is merged until a use asks for the join,
 * so that a variable that is used for something else further down stays two.  The join at the head
 * of a loop gets its last operand when the body has been walked.
 *
 * A join that nothing assigned on some way is `maybe_unset`: its variable gets a flag at run time.
 */
#include "transpile/program.h"

struct flow {
    struct pa_program *program;
    struct pa_instance_of *instance;
    uint32_t count;
    struct pa_web **env; /* by variable; NULL: this point is not reached */
    struct loop *loop;
    struct attempt *attempt;
};

struct exits {
    struct pa_web ***list;
    size_t count, room;
};

struct loop {
    struct loop *outer;
    struct pa_web **head;
    struct exits breaks;
};

/* A try whose body or handlers are being walked: what happens in them may be seen after them. */
struct attempt {
    struct attempt *outer;
    struct pa_web **seen;
};

struct pa_web *pa_web_new(struct pa_program *program, struct pa_variable *variable) {
    struct pa_web *web = pa_tree_alloc(program->tree, sizeof(*web));
    web->variable = variable;
    web->local = web->flag = web->frame = -1;
    web->all = program->webs;
    program->webs = web;
    return web;
}

struct pa_web *pa_web_find(struct pa_web *web) {
    while (web && web->link)
        web = web->link;
    return web;
}

static struct pa_web *new_web(struct flow *f, struct pa_variable *variable) {
    return pa_web_new(f->program, variable);
}

static void merge(struct pa_web *into, struct pa_web *from) {
    into = pa_web_find(into);
    from = pa_web_find(from);
    if (into == from)
        return;
    from->link = into;
    into->maybe_unset |= from->maybe_unset;
    into->used |= from->used;
}

/* Everything that may reach this use becomes one web.  Without recursion: joins form long chains.
 */
static struct pa_web *use(struct flow *f, struct pa_web *web) {
    if (pa_web_find(web)->used && web->used)
        return pa_web_find(web);
    size_t room = 64, count = 0;
    struct pa_web **work = pa_xcalloc(room, sizeof(struct pa_web *));
    work[count++] = web;
    while (count) {
        struct pa_web *at = work[--count];
        if (at->used && at->operand_count == 0 && at->link)
            continue;
        struct pa_web **operands = at->operands;
        uint32_t operand_count = at->operand_count;
        at->used = true;
        at->operand_count = 0;
        pa_web_find(at)->used = true;
        for (uint32_t i = 0; i < operand_count; i++) {
            merge(at, operands[i]);
            if (count == room) {
                room *= 2;
                work = realloc(work, room * sizeof(struct pa_web *));
                PA_ASSERT(work);
            }
            if (!operands[i]->used || operands[i]->operand_count)
                work[count++] = operands[i];
        }
    }
    free(work);
    (void)f;
    return pa_web_find(web);
}

static void add_operand(struct flow *f, struct pa_web *join, struct pa_web *web) {
    if (!web) {
        join->maybe_unset = true;
        pa_web_find(join)->maybe_unset = true;
        return;
    }
    if (web == join)
        return;
    if (join->used || pa_web_find(join)->used) {
        merge(join, use(f, web));
        return;
    }
    for (uint32_t i = 0; i < join->operand_count; i++)
        if (join->operands[i] == web)
            return;
    if (join->operand_count == join->operand_room) {
        uint32_t room = join->operand_room ? 2 * join->operand_room : 2;
        struct pa_web **more = pa_tree_alloc(f->program->tree, room * sizeof(struct pa_web *));
        if (join->operand_count)
            memcpy(more, join->operands, join->operand_count * sizeof(struct pa_web *));
        join->operands = more;
        join->operand_room = room;
    }
    join->operands[join->operand_count++] = web;
}

static struct pa_web **copy_env(struct flow *f, struct pa_web **env) {
    if (!env)
        return NULL;
    struct pa_web **copy =
        pa_tree_alloc(f->program->tree, (f->count + 1) * sizeof(struct pa_web *));
    memcpy(copy, env, f->count * sizeof(struct pa_web *));
    return copy;
}

static struct pa_variable *variable_at(struct flow *f, uint32_t index) {
    struct pa_variable *v = f->instance->scope.first;
    while (v->index != index)
        v = v->next;
    return v;
}

static struct pa_web **meet(struct flow *f, struct pa_web **a, struct pa_web **b) {
    if (!a || !b)
        return copy_env(f, a ? a : b);
    struct pa_web **both = copy_env(f, a);
    for (uint32_t i = 0; i < f->count; i++) {
        if (a[i] == b[i])
            continue;
        both[i] = new_web(f, a[i] ? a[i]->variable : b[i]->variable);
        add_operand(f, both[i], a[i]);
        add_operand(f, both[i], b[i]);
    }
    return both;
}

/* Joins for every variable, with room for what comes round later. */
static struct pa_web **join_all(struct flow *f, struct pa_web **env) {
    struct pa_web **joins = copy_env(f, env);
    for (uint32_t i = 0; joins && i < f->count; i++) {
        joins[i] = new_web(f, env[i] ? env[i]->variable : variable_at(f, i));
        add_operand(f, joins[i], env[i]);
    }
    return joins;
}

static void feed(struct flow *f, struct pa_web **joins, struct pa_web **env) {
    for (uint32_t i = 0; joins && env && i < f->count; i++)
        add_operand(f, joins[i], env[i]);
}

static void add_exit(struct flow *f, struct exits *exits) {
    if (!f->env)
        return;
    if (exits->count == exits->room) {
        size_t room = exits->room ? 2 * exits->room : 4;
        struct pa_web ***more = pa_tree_alloc(f->program->tree, room * sizeof(*more));
        if (exits->count)
            memcpy(more, exits->list, exits->count * sizeof(*more));
        exits->list = more;
        exits->room = room;
    }
    exits->list[exits->count++] = copy_env(f, f->env);
}

static void expression(struct flow *f, struct pa_node *node);

static void define(struct flow *f, struct pa_node *node, struct pa_variable *v) {
    if (!v)
        pa_refuse(f->program->tree, &node->place, "%.60s cannot be assigned here", node->str);
    node->variable = v;
    if (v->shared || v->scope != &f->instance->scope) {
        node->web = v->web;
        return;
    }
    struct pa_web *web = new_web(f, v);
    node->web = web;
    if (f->env)
        f->env[v->index] = web;
    for (struct attempt *at = f->attempt; at; at = at->outer)
        if (at->seen)
            add_operand(f, at->seen[v->index], web);
}

static void target(struct flow *f, struct pa_node *node) {
    switch (node->kind) {
    case PA_N_NAME:
        define(f, node, node->variable);
        return;
    case PA_N_TUPLE:
        for (uint32_t i = 0; i < node->kid_count; i++)
            target(f, node->kids[i]);
        return;
    case PA_N_STAR:
        target(f, node->a);
        return;
    default:
        expression(f, node);
    }
}

static void load(struct flow *f, struct pa_node *node) {
    struct pa_variable *v = node->variable;
    if (!v)
        return; /* one of Python's own */
    if (v->shared || v->scope != &f->instance->scope) {
        node->web = v->web;
        return;
    }
    if (v->binding == PA_BOUND_IMPORT)
        return;
    if (!f->env)
        return; /* not reached */
    if (v->binding != PA_BOUND_VALUE)
        return;
    struct pa_web *web = f->env[v->index];
    if (!web)
        pa_refuse(f->program->tree, &node->place, "%.60s is used before it is assigned", v->name);
    node->web = use(f, web);
}

static bool has_walrus(const struct pa_node *node) {
    if (!node || node->kind == PA_N_LAMBDA)
        return false;
    bool found = node->kind == PA_N_WALRUS || has_walrus(node->a) || has_walrus(node->b) ||
                 has_walrus(node->c);
    for (uint32_t i = 0; i < node->kid_count && !found; i++)
        found = has_walrus(node->kids[i]);
    return found;
}

/* The clauses from `at` on.  One that assigns to a variable of the function (`:=`) is a loop like
 * any other; its own variables are not seen in the next round. */
static void clauses(struct flow *f, struct pa_node *node, uint32_t at, bool assigns) {
    if (at == node->kid_count) {
        expression(f, node->a);
        expression(f, node->b);
        return;
    }
    struct pa_node *clause = node->kids[at];
    expression(f, clause->b);
    struct pa_web **head = assigns ? join_all(f, f->env) : NULL;
    if (assigns)
        f->env = copy_env(f, head);
    target(f, clause->a);
    for (uint32_t k = 0; k < clause->kid_count; k++) {
        expression(f, clause->kids[k]);
        feed(f, head, f->env); /* where it is false */
    }
    clauses(f, node, at + 1, assigns);
    feed(f, head, f->env);
    if (assigns)
        f->env = copy_env(f, head);
}

static void comprehension(struct flow *f, struct pa_node *node) {
    clauses(f, node, 0, has_walrus(node));
}

/* The second part may not be evaluated. */
static void conditional(struct flow *f, struct pa_node *first, struct pa_node *second,
                        struct pa_node *third) {
    expression(f, first);
    struct pa_web **before = copy_env(f, f->env);
    expression(f, second);
    struct pa_web **after = f->env;
    f->env = before;
    expression(f, third);
    f->env = meet(f, after, f->env);
}

/* a < b < c: from the third on they may not be evaluated. */
static void comparison(struct flow *f, struct pa_node *node) {
    struct pa_web **end = NULL;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (i >= 2)
            end = meet(f, end, f->env);
        expression(f, node->kids[i]);
    }
    if (end)
        f->env = meet(f, end, f->env);
}

static void expression(struct flow *f, struct pa_node *node) {
    if (!node)
        return;
    switch (node->kind) {
    case PA_N_NAME:
        load(f, node);
        return;
    case PA_N_LAMBDA:
        return;
    case PA_N_LISTCOMP:
    case PA_N_SETCOMP:
    case PA_N_DICTCOMP:
    case PA_N_GENERATOR:
        comprehension(f, node);
        return;
    case PA_N_WALRUS:
        expression(f, node->b);
        if (node->a->variable)
            node->a->variable->by_walrus = true;
        define(f, node->a, node->a->variable);
        return;
    case PA_N_AND:
    case PA_N_OR:
        conditional(f, node->a, node->b, NULL);
        return;
    case PA_N_IFEXP:
        conditional(f, node->b, node->a, node->c);
        return;
    case PA_N_COMPARE:
        comparison(f, node);
        return;
    default:
        break;
    }
    expression(f, node->a);
    expression(f, node->b);
    expression(f, node->c);
    for (uint32_t i = 0; i < node->kid_count; i++)
        expression(f, node->kids[i]);
}

static void statement(struct flow *f, struct pa_node *node);

static void block(struct flow *f, struct pa_node *node) {
    if (!node)
        return;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (!f->env) {
            node->kid_count = i; /* what follows is never reached, and is not compiled */
            return;
        }
        statement(f, node->kids[i]);
    }
}

static bool is_true(const struct pa_node *node) {
    return (node->kind == PA_N_BOOL || node->kind == PA_N_INT) && node->ival;
}

/* `head` has the variables at the top of the body; f->env is where the loop ends by itself. */
static void finish_loop(struct flow *f, struct loop *loop, struct pa_node *otherwise) {
    f->loop = loop->outer;
    block(f, otherwise);
    for (size_t i = 0; i < loop->breaks.count; i++)
        f->env = meet(f, f->env, loop->breaks.list[i]);
}

static void while_loop(struct flow *f, struct pa_node *node) {
    struct loop loop = {.outer = f->loop, .head = join_all(f, f->env)};
    f->env = copy_env(f, loop.head);
    f->loop = &loop;
    expression(f, node->a);
    struct pa_web **done = is_true(node->a) ? NULL : copy_env(f, f->env);
    block(f, node->b);
    feed(f, loop.head, f->env);
    f->env = done;
    finish_loop(f, &loop, node->c);
}

static void for_loop(struct flow *f, struct pa_node *node) {
    expression(f, node->b);
    struct loop loop = {.outer = f->loop, .head = join_all(f, f->env)};
    f->env = copy_env(f, loop.head);
    f->loop = &loop;
    target(f, node->a);
    block(f, node->c);
    feed(f, loop.head, f->env);
    f->env = copy_env(f, loop.head);
    finish_loop(f, &loop, node->d);
}

static void try_statement(struct flow *f, struct pa_node *node) {
    struct attempt body = {.outer = f->attempt, .seen = join_all(f, f->env)};
    struct attempt whole = {.outer = f->attempt, .seen = NULL};
    if (node->c) {
        whole.seen = join_all(f, f->env);
        body.outer = &whole;
    }
    f->attempt = &body;
    block(f, node->a);
    f->attempt = body.outer;
    block(f, node->b);
    struct pa_web **end = f->env;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *handler = node->kids[i];
        f->env = copy_env(f, body.seen);
        for (uint32_t k = 0; k < handler->kid_count; k++)
            expression(f, handler->kids[k]);
        if (handler->str) {
            handler->b = pa_node_new(f->program->tree, PA_N_NAME, handler->place);
            handler->b->str = handler->str;
            define(f, handler->b, pa_scope_lookup(&f->instance->scope, handler->str));
        }
        block(f, handler->a);
        if (handler->str && f->env && !handler->b->variable->shared)
            f->env[handler->b->variable->index] = NULL; /* Python deletes it */
        end = end || f->env ? meet(f, end, f->env) : NULL;
    }
    f->env = end;
    f->attempt = whole.outer;
    if (!node->c)
        return;
    bool ends = !f->env;
    feed(f, whole.seen, f->env);
    f->env = copy_env(f, whole.seen);
    block(f, node->c);
    if (ends)
        f->env = NULL;
}

static void statement(struct flow *f, struct pa_node *node) {
    struct pa_web **before;
    switch (node->kind) {
    case PA_S_BLOCK:
        block(f, node);
        return;
    case PA_S_ASSIGN:
        expression(f, node->a);
        for (uint32_t i = 0; i < node->kid_count; i++)
            target(f, node->kids[i]);
        return;
    case PA_S_AUGMENT:
        expression(f, node->a);
        expression(f, node->b);
        if (node->a->kind == PA_N_NAME) {
            node->c = pa_node_clone(f->program->tree, node->a); /* the assignment's side */
            node->c->web = NULL;
            define(f, node->c, node->a->variable);
        }
        return;
    case PA_S_ANNOTATE:
        return;
    case PA_S_IF:
        expression(f, node->a);
        before = copy_env(f, f->env);
        block(f, node->b);
        struct pa_web **then = f->env;
        f->env = before;
        block(f, node->c);
        f->env = then || f->env ? meet(f, then, f->env) : NULL;
        return;
    case PA_S_WHILE:
        while_loop(f, node);
        return;
    case PA_S_FOR:
        for_loop(f, node);
        return;
    case PA_S_TRY:
        try_statement(f, node);
        return;
    case PA_S_RETURN:
    case PA_S_RAISE:
        expression(f, node->a);
        expression(f, node->b);
        f->env = NULL;
        return;
    case PA_S_BREAK:
        add_exit(f, &f->loop->breaks);
        f->env = NULL;
        return;
    case PA_S_CONTINUE:
        feed(f, f->loop->head, f->env);
        f->env = NULL;
        return;
    case PA_S_DEF:
    case PA_S_GLOBAL:
    case PA_S_NONLOCAL:
    case PA_S_IMPORT:
    case PA_S_PASS:
        return;
    case PA_S_CLASS:
        for (uint32_t i = 0; i < node->a->kid_count; i++)
            if (node->a->kids[i]->kind == PA_S_ASSIGN)
                expression(f, node->a->kids[i]->a);
        return;
    default:
        expression(f, node->a);
        expression(f, node->b);
        for (uint32_t i = 0; i < node->kid_count; i++)
            expression(f, node->kids[i]);
    }
}

void pa_flow_bind(struct pa_program *program, struct pa_instance_of *instance) {
    struct flow f = {.program = program, .instance = instance, .count = instance->scope.count};
    f.env = pa_tree_alloc(program->tree, (f.count + 1) * sizeof(struct pa_web *));
    for (size_t i = 0; instance->def && i < instance->def->param_count; i++) {
        struct pa_variable *v = instance->params[i];
        if (!v->web) {
            v->web = new_web(&f, v);
            v->web->used = true;
        }
        if (!v->shared)
            f.env[v->index] = v->web;
    }
    if (instance->body->kind == PA_S_BLOCK)
        block(&f, instance->body);
    else
        expression(&f, instance->body);
    instance->bound = true;
    /* Falling off the end returns None. */
    if (instance->def && !instance->def->is_lambda && f.env)
        instance->result.none = true;
}
