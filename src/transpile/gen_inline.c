/*
 * Generation: calls of small functions, whose bodies are generated where the call stands.
 *
 * A call costs more than what many functions do: its prologue and stack check, arguments that the
 * caller had in registers already, and a barrier behind which nothing known before holds.  So a
 * function that is small and without loops is generated again for each call, with its variables in
 * locals of the caller; a recursive one a few levels deep, so that one call does the work of
 * several.
 *
 * For what the program can see it is still a call: `f->in` is the function itself, so that names,
 * places and types are its own; an exception passes the place of the call on its way out, which
 * makes a traceback show both frames; calls from inside pass on how deep they are as if each level
 * were a frame (MAX_DEPTH has room for those that are not checked).
 */
#include "transpile/gen.h"

#define WEIGHT_MAX 40  /* nodes of a function that is inlined */
#define NODES_MAX  320 /* that are inlined in one function */
#define LEVELS_MAX 4   /* inside each other */
#define SAME_MAX   2   /* copies of a recursive function inside its own */
#define NEVER      UINT32_MAX

static uint32_t weigh(const struct pa_node *node) {
    if (!node)
        return 0;
    switch (node->kind) {
    case PA_S_WHILE: /* what loops is worth its call; a try has ways out of its own */
    case PA_S_FOR:
    case PA_S_TRY:
    case PA_S_DEF:
    case PA_S_CLASS:
    case PA_S_IMPORT:
    case PA_N_LAMBDA:
    case PA_N_LISTCOMP:
    case PA_N_SETCOMP:
    case PA_N_DICTCOMP:
    case PA_N_GENERATOR:
        return NEVER;
    default:
        break;
    }
    uint64_t sum = 1;
    sum += weigh(node->a);
    sum += weigh(node->b);
    sum += weigh(node->c);
    sum += weigh(node->d);
    for (uint32_t i = 0; i < node->kid_count; i++)
        sum += weigh(node->kids[i]);
    return sum > WEIGHT_MAX ? NEVER : (uint32_t)sum;
}

/* The variables of an instance that are locals; weighs it, too. */
static void look_at(struct g_fn *f, struct pa_instance_of *in) {
    in->weight = weigh(in->body);
    if (in->function->scope->parent || in->scope.has_environment)
        in->weight = NEVER;
    uint32_t room = 0;
    for (int pass = 0; pass < 2 && in->weight != NEVER; pass++) {
        in->web_count = 0;
        for (struct pa_web *web = f->g->program->webs; web; web = web->all) {
            if (web->link || web->variable->scope != &in->scope || web->variable->shared)
                continue;
            if (web->maybe_unset) /* its flag would have to be cleared at each call */
                in->weight = NEVER;
            if (pass)
                in->webs[in->web_count] = web;
            in->web_count++;
        }
        room = in->web_count;
        if (!pass)
            in->webs = pa_tree_alloc(f->g->tree, (room + 1) * sizeof(struct pa_web *));
    }
}

static bool is_worth_it(struct g_fn *f, struct pa_instance_of *in) {
    if (!in->weight)
        look_at(f, in);
    if (in->weight == NEVER || f->inlined_nodes + in->weight > NODES_MAX)
        return false;
    if (!f->whole->function && !f->loops) /* once is not worth the room */
        return false;
    uint32_t levels = 0, same = f->whole == in;
    for (struct g_inline *at = f->inlined; at; at = at->outer) {
        levels++;
        same += at->in == in;
    }
    return levels < LEVELS_MAX && same <= SAME_MAX;
}

/* Where an exception or a `break` goes, and what an except handles: of the function itself. */
struct surroundings {
    struct g_label raise;
    struct g_try *tries;
    struct g_loop *loop;
    struct pa_node *unordered;
    struct pa_node *at;
    struct g_inner *inner;
    struct g_handler *handler;
    bool raised;
};

static struct surroundings enter(struct g_fn *f, struct pa_instance_of *in, struct g_label raise) {
    struct surroundings outer = {f->raise, f->tries, f->loop,    f->unordered,
                                 f->at,    f->inner, f->handler, f->raised};
    f->raise = raise;
    f->tries = NULL;
    f->loop = NULL;
    f->unordered = NULL;
    f->inner = NULL;
    f->handler = NULL;
    f->raised = false;
    f->in = f->infer.in = in;
    f->inlined_nodes += in->weight;
    return outer;
}

static void leave(struct g_fn *f, const struct surroundings *outer) {
    f->raise = outer->raise;
    f->tries = outer->tries;
    f->loop = outer->loop;
    f->unordered = outer->unordered;
    f->at = outer->at;
    f->inner = outer->inner;
    f->handler = outer->handler;
    f->raised = outer->raised;
    f->in = f->infer.in = f->inlined ? f->inlined->in : f->whole;
}

/* What a variable is in WebAssembly while it is another copy's. */
struct held {
    int local, frame;
};

static struct held *put_aside(struct g_fn *f, struct pa_instance_of *in) {
    struct held *held = pa_tree_alloc(f->g->tree, (in->web_count + 1) * sizeof(*held));
    for (uint32_t i = 0; i < in->web_count; i++) {
        held[i] = (struct held){in->webs[i]->local, in->webs[i]->frame};
        in->webs[i]->local = in->webs[i]->frame = -1;
    }
    return held;
}

static void bring_back(struct g_fn *f, struct pa_instance_of *in, const struct held *held) {
    for (uint32_t i = 0; i < in->web_count; i++) {
        if (in->webs[i]->local >= 0)
            g_free_local(f, (uint32_t)in->webs[i]->local);
        in->webs[i]->local = held[i].local;
        in->webs[i]->frame = held[i].frame;
    }
}

void g_inline_return(struct g_fn *f) {
    g_set(f, f->inlined->value);
    g_br(f, f->inlined->exit);
}

static void generate_body(struct g_fn *f, struct pa_instance_of *in) {
    if (in->body->kind == PA_S_BLOCK) {
        g_block_of(f, in->body);
        g_i32(f, 0);
        g_convert(f, pa_type_none(), in->result, NULL);
    } else {
        g_expression_as(f, in->body, in->result);
    }
    g_inline_return(f);
}

bool g_inline(struct g_fn *f, struct pa_node *at, struct pa_instance_of *in,
              const struct g_temp *args) {
    if (!is_worth_it(f, in))
        return false;
    struct held *held = put_aside(f, in);
    for (size_t i = 0; i < in->def->param_count; i++) {
        struct pa_web *web = pa_web_find(in->params[i]->web);
        g_get(f, args[i].local);
        g_convert(f, args[i].type, web->type, at);
        g_web_set(f, web);
        if (args[i].ranged)
            g_know(f, web, args[i].range);
    }
    struct g_inline own = {.outer = f->inlined, .in = in, .value = g_local(f, g_repr(in->result))};
    own.exit = g_block(f);
    struct g_label raise = g_block(f);
    struct surroundings outer = enter(f, in, raise);
    f->inlined = &own;
    generate_body(f, in);
    bool raised = f->raised;
    f->inlined = own.outer;
    leave(f, &outer);
    g_end(f);
    if (raised)
        g_raised(f, at);
    else
        g_op(f, 0x00), g_facts_nowhere(f);
    g_end(f);
    bring_back(f, in, held);
    g_get(f, own.value);
    g_free_local(f, own.value);
    return true;
}
