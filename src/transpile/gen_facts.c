/*
 * Generation: what is known at the point where code is being generated.
 *
 * Two kinds of facts, both about variables that are locals:
 *
 *     a range   an int is between low and high: what `n - 1` is after `if n < 2: return`, or the
 *               variable of a loop over a range, needs no check for overflow
 *     a view    of a list: the address of its elements and their number are in locals, and there
 *               are at least `low`: an element is a comparison and one load, or only the load
 *
 * Facts follow the structure of the code that is emitted, so that nothing that generates code can
 * forget to: at the end of a block holds what holds on every way to it, where the ways are the
 * branches that were emitted (g_br, g_if, g_else, g_end report them).  An assignment ends what was
 * known of the variable.  A call of something that may change the length of a list, which is every
 * call that is not listed here, ends all views.
 *
 * A loop is begun before it is known what its body does, so that a round of generation uses what
 * the round before saw in it: which variables it assigns, whether it changes the length of lists,
 * and whose elements it uses, which then get their views before the loop.  A round that sees more
 * than it relied on asks for another (g->relied).
 */
#include "transpile/gen.h"

#define ASSIGNED_MAX 32
#define LISTS_MAX    6
#define DEPTH_MAX    8 /* of an expression whose range is asked for */

struct g_loop_info {
    bool known, resizes, many; /* many: assigns more than there is room for */
    uint32_t assigned_count, list_count;
    struct pa_web *assigned[ASSIGNED_MAX], *lists[LISTS_MAX];
    bool grows[ASSIGNED_MAX]; /* by += of what is not negative, and by nothing else */
};

/* A loop that is open, innermost first. */
struct g_open_loop {
    struct g_open_loop *outer;
    struct g_loop_info *info;
    unsigned depth;
};

/* Facts. */

static struct g_fact *find(struct g_facts *facts, uint32_t local) {
    for (uint32_t i = 0; i < facts->count; i++)
        if (facts->fact[i].local == local)
            return &facts->fact[i];
    return NULL;
}

static void drop(struct g_facts *facts, uint32_t at) {
    facts->fact[at] = facts->fact[--facts->count];
}

/* What holds on both ways. */
static void meet(struct g_facts *facts, const struct g_facts *other) {
    if (other->nowhere)
        return;
    if (facts->nowhere) {
        *facts = *other;
        return;
    }
    for (uint32_t i = facts->count; i-- > 0;) {
        struct g_fact *here = &facts->fact[i];
        const struct g_fact *there = find((struct g_facts *)other, here->local);
        if (!there || there->view != here->view) {
            drop(facts, i);
            continue;
        }
        here->low = PA_MIN(here->low, there->low);
        here->high = PA_MAX(here->high, there->high);
    }
}

void g_facts_begin_block(struct g_fn *f, struct g_control *control, enum g_opens opens) {
    control->opens = opens;
    control->end.nowhere = true;
    if (opens == G_OPENS_IF)
        control->otherwise = f->facts;
}

void g_facts_otherwise(struct g_fn *f, struct g_control *control) {
    meet(&control->end, &f->facts);
    f->facts = control->otherwise;
    control->opens = G_OPENS_BLOCK;
}

void g_facts_end_block(struct g_fn *f, struct g_control *control) {
    if (control->opens == G_OPENS_IF)
        meet(&f->facts, &control->otherwise);
    if (control->opens != G_OPENS_LOOP)
        meet(&f->facts, &control->end);
    else if (f->open_loop && f->open_loop->depth == f->depth) {
        f->open_loop->info->known = true;
        f->open_loop = f->open_loop->outer;
    }
}

void g_facts_branch(struct g_fn *f, struct g_control *control, bool always) {
    if (control->opens != G_OPENS_LOOP)
        meet(&control->end, &f->facts);
    if (always)
        f->facts.nowhere = true;
}

void g_facts_nowhere(struct g_fn *f) {
    f->facts.nowhere = true;
}

/* Loops. */

#define NOWHERE UINT32_MAX

static uint32_t place_of(struct pa_web *const *webs, uint32_t count, const struct pa_web *web) {
    for (uint32_t i = 0; i < count; i++)
        if (webs[i] == web)
            return i;
    return NOWHERE;
}

static bool has(struct pa_web *const *webs, uint32_t count, const struct pa_web *web) {
    return place_of(webs, count, web) != NOWHERE;
}

/* Facts that the loop's own code may end.  What only grows stays above where it began. */
static void forget_for_loop(struct g_fn *f, const struct g_loop_info *info) {
    for (uint32_t i = f->facts.count; i-- > 0;) {
        struct g_fact *fact = &f->facts.fact[i];
        uint32_t at = place_of(info->assigned, info->assigned_count, fact->web);
        if (!info->known || info->many || (fact->view && info->resizes))
            drop(&f->facts, i);
        else if (at != NOWHERE && info->grows[at] && !fact->view)
            fact->high = INT64_MAX;
        else if (at != NOWHERE)
            drop(&f->facts, i);
    }
}

static bool is_plain(const struct pa_web *web) {
    return !web->variable->shared && !web->variable->by_walrus;
}

struct g_label g_loop_of(struct g_fn *f, struct pa_node *node, const struct g_temp *lists,
                         uint32_t count) {
    if (!node->loop)
        node->loop = pa_tree_alloc(f->g->tree, sizeof(*node->loop));
    struct g_loop_info *info = node->loop;
    struct g_loop_info nothing = {0};
    const struct g_loop_info *use = f->g->cautious ? &nothing : info;
    forget_for_loop(f, use);
    if (use->known && !use->resizes && !use->many) {
        for (uint32_t i = 0; i < info->list_count; i++) {
            struct pa_web *web = info->lists[i];
            if (web->local >= 0 && web->flag < 0 && !web->type.none &&
                !has(info->assigned, info->assigned_count, web))
                g_view(f, (uint32_t)web->local, web);
        }
        for (uint32_t i = 0; i < count; i++)
            g_view(f, lists[i].local, NULL);
    }
    struct g_label label = g_loop_start_keeping(f);
    struct g_open_loop *open = pa_tree_alloc(f->g->tree, sizeof(*open));
    *open = (struct g_open_loop){f->open_loop, info, f->depth};
    f->open_loop = open;
    return label;
}

/* A round that finds out more than it relied on is not the last. */
static void learned(struct g_fn *f, const struct g_loop_info *info) {
    f->g->relied |= info->known && !f->g->cautious;
}

void g_forget_local(struct g_fn *f, uint32_t local) {
    for (uint32_t i = f->facts.count; i-- > 0;)
        if (f->facts.fact[i].local == local)
            drop(&f->facts, i);
}

void g_forget(struct g_fn *f, struct pa_web *web) {
    g_forget_local(f, (uint32_t)web->local);
    if (f->inlined) /* there before this assignment only, and gone before a loop goes on */
        return;
    for (struct g_open_loop *loop = f->open_loop; loop; loop = loop->outer) {
        struct g_loop_info *info = loop->info;
        uint32_t at = place_of(info->assigned, info->assigned_count, web);
        bool grows = f->grows == web;
        if (info->many || (at != NOWHERE && info->grows[at] <= grows))
            continue;
        learned(f, info);
        if (at != NOWHERE) {
            info->grows[at] = false;
        } else if (info->assigned_count == ASSIGNED_MAX) {
            info->many = true;
        } else {
            info->grows[info->assigned_count] = grows;
            info->assigned[info->assigned_count++] = web;
        }
    }
}

void g_forget_views(struct g_fn *f) {
    for (uint32_t i = f->facts.count; i-- > 0;)
        if (f->facts.fact[i].view)
            drop(&f->facts, i);
    for (struct g_open_loop *loop = f->open_loop; loop; loop = loop->outer)
        if (!loop->info->resizes) {
            learned(f, loop->info);
            loop->info->resizes = true;
        }
}

bool g_keeps_lists(const char *symbol) {
    static const char *const prefixes[] = {
        "rt_raise",       "rt_bail",       "rt_trace",      "rt_mul",         "rt_mod",
        "rt_floordiv",    "rt_shl",        "rt_shr",        "rt_pow",         "rt_float_",
        "rt_str_",        "rt_square",     "rt_abs",        "rt_math",        "rt_compare_mixed",
        "rt_range_",      "rt_box_",       "rt_truediv",    "rt_list_new",    "rt_list_copy",
        "rt_list_add",    "rt_tuple_new",  "rt_list_slice", "rt_list_repeat", "rt_dict_new",
        "rt_set_new",     "rt_object_new", "rt_collect",    "rt_sum",         "rt_is_exactly",
        "rt_is_instance", "rt_is_kind",    "rt_print_int",  "rt_print_str",   "rt_print_char",
        "rt_root",        "rt_flush"};
    for (size_t i = 0; i < PA_ARRAY_LEN(prefixes); i++)
        if (strncmp(symbol, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* Views. */

static struct g_fact *add(struct g_fn *f, uint32_t local, struct pa_web *web) {
    struct g_fact *fact = find(&f->facts, local);
    if (f->facts.nowhere)
        return NULL;
    if (!fact) {
        if (f->facts.count == PA_ARRAY_LEN(f->facts.fact))
            return NULL;
        fact = &f->facts.fact[f->facts.count++];
    }
    *fact = (struct g_fact){.local = local, .web = web, .low = INT64_MIN, .high = INT64_MAX};
    return fact;
}

/* The locals that a variable's views are in: always the same, so that two ways agree. */
static struct g_view_locals *locals_of(struct g_fn *f, uint32_t local) {
    for (struct g_view_locals *at = f->views; at; at = at->next)
        if (at->local == local)
            return at;
    struct g_view_locals *fresh = pa_tree_alloc(f->g->tree, sizeof(*fresh));
    *fresh = (struct g_view_locals){f->views, local, g_local(f, G_I32), g_local(f, G_I64)};
    f->views = fresh;
    return fresh;
}

struct g_fact *g_view(struct g_fn *f, uint32_t local, struct pa_web *web) {
    struct g_fact *fact = g_view_there(f, local);
    if (fact)
        return fact;
    fact = add(f, local, web);
    if (!fact) /* no room, or nothing gets here */
        return NULL;
    struct g_view_locals *locals = locals_of(f, local);
    fact->view = true;
    fact->low = 0;
    fact->elements = locals->elements;
    fact->count = locals->count;
    g_get(f, local);
    g_load(f, G_I32, 16);
    g_set(f, fact->elements);
    g_get(f, local);
    g_load(f, G_I32, 8);
    g_op(f, 0xad);
    g_set(f, fact->count);
    return fact;
}

struct g_fact *g_view_there(struct g_fn *f, uint32_t local) {
    struct g_fact *fact = f->facts.nowhere ? NULL : find(&f->facts, local);
    return fact && fact->view ? fact : NULL;
}

/* Whether `node` is a list in a variable that may have a view; the loops around learn of it. */
struct pa_web *g_viewable(struct g_fn *f, const struct pa_node *node) {
    struct pa_web *web = node->kind == PA_N_NAME ? pa_web_find(node->web) : NULL;
    if (!web || !is_plain(web) || web->local < 0 || web->flag >= 0 || web->type.none ||
        !pa_type_is(web->type, PA_T_LIST))
        return NULL;
    for (struct g_open_loop *loop = f->open_loop; loop; loop = loop->outer) {
        struct g_loop_info *info = loop->info;
        if (info->list_count < LISTS_MAX && !has(info->lists, info->list_count, web))
            info->lists[info->list_count++] = web;
    }
    return web;
}

/* Ranges. */

static const struct g_range everything = {INT64_MIN, INT64_MAX};

static struct g_range bounded(__int128 low, __int128 high) {
    /* What is outside ends the program: a checked operation has no such results. */
    return (struct g_range){low < INT64_MIN   ? INT64_MIN
                            : low > INT64_MAX ? INT64_MAX
                                              : (int64_t)low,
                            high > INT64_MAX   ? INT64_MAX
                            : high < INT64_MIN ? INT64_MIN
                                               : (int64_t)high};
}

static struct g_range range_of(struct g_fn *f, const struct pa_node *node, unsigned depth);

/* The exact bounds of a + b, a - b, a * b. */
static void combine(enum pa_op op, struct g_range a, struct g_range b, __int128 *low,
                    __int128 *high) {
    if (op == PA_OP_ADD) {
        *low = (__int128)a.low + b.low;
        *high = (__int128)a.high + b.high;
    } else if (op == PA_OP_SUB) {
        *low = (__int128)a.low - b.high;
        *high = (__int128)a.high - b.low;
    } else {
        const __int128 corners[] = {(__int128)a.low * b.low, (__int128)a.low * b.high,
                                    (__int128)a.high * b.low, (__int128)a.high * b.high};
        *low = *high = corners[0];
        for (int i = 1; i < 4; i++) {
            *low = PA_MIN(*low, corners[i]);
            *high = PA_MAX(*high, corners[i]);
        }
    }
}

static int64_t floor_of(int64_t a, int64_t by) {
    int64_t quotient = a / by;
    return quotient - (a % by < 0);
}

static struct g_range range_of_operator(struct g_fn *f, const struct pa_node *node,
                                        unsigned depth) {
    __int128 low, high;
    struct g_range a, b;
    int64_t c;
    bool constant = pa_constant_index(node->b, &c) && c > 0;
    switch (node->op) {
    case PA_OP_ADD:
    case PA_OP_SUB:
    case PA_OP_MUL:
        a = range_of(f, node->a, depth + 1);
        b = range_of(f, node->b, depth + 1);
        combine(node->op, a, b, &low, &high);
        if (node->op == PA_OP_MUL && node->a->kind == PA_N_NAME && node->b->kind == PA_N_NAME &&
            node->a->web && pa_web_find(node->a->web) == pa_web_find(node->b->web) &&
            is_plain(pa_web_find(node->a->web)))
            low = PA_MAX(low, 0); /* a square */
        return bounded(low, high);
    case PA_OP_MOD:
        return constant ? (struct g_range){0, c - 1} : everything;
    case PA_OP_FLOORDIV:
        if (!constant)
            return everything;
        a = range_of(f, node->a, depth + 1);
        return (struct g_range){floor_of(a.low, c), floor_of(a.high, c)};
    case PA_OP_AND:
        return constant ? (struct g_range){0, c} : everything;
    default:
        return everything;
    }
}

static struct g_range range_of(struct g_fn *f, const struct pa_node *node, unsigned depth) {
    int64_t c;
    if (!node || depth > DEPTH_MAX)
        return everything;
    if (pa_type_is(node->type, PA_T_BOOL))
        return (struct g_range){0, 1};
    if (!pa_type_is(node->type, PA_T_INT))
        return everything;
    if (pa_constant_index(node, &c))
        return (struct g_range){c, c};
    if (node->kind == PA_N_BINARY)
        return range_of_operator(f, node, depth);
    if (node->kind == PA_N_CALL && pa_type_is(node->a->type, PA_T_BUILTIN) &&
        node->kid_count == 1 && pa_streq(pa_type_find(node->a->type.type)->name, "len") &&
        pa_type_is(node->kids[0]->type, PA_T_LIST))
        return (struct g_range){0, INT32_MAX};
    struct pa_web *web = node->kind == PA_N_NAME ? pa_web_find(node->web) : NULL;
    if (!web || web->local < 0 || !is_plain(web) || f->facts.nowhere)
        return everything;
    const struct g_fact *fact = find(&f->facts, (uint32_t)web->local);
    return fact && !fact->view ? (struct g_range){fact->low, fact->high} : everything;
}

struct g_range g_range(struct g_fn *f, const struct pa_node *node) {
    return range_of(f, node, 0);
}

bool g_fits(enum pa_op op, struct g_range a, struct g_range b) {
    __int128 low, high;
    combine(op, a, b, &low, &high);
    return low >= INT64_MIN && high <= INT64_MAX;
}

void g_know(struct g_fn *f, struct pa_web *web, struct g_range range) {
    if (!web || web->local < 0 || !is_plain(web) || !pa_type_is(web->type, PA_T_INT) ||
        range.low > range.high || (range.low == INT64_MIN && range.high == INT64_MAX))
        return;
    struct g_fact *fact = find(&f->facts, (uint32_t)web->local);
    struct g_range was = fact ? (struct g_range){fact->low, fact->high} : everything;
    fact = add(f, (uint32_t)web->local, web);
    if (!fact)
        return;
    fact->low = PA_MAX(was.low, range.low);
    fact->high = PA_MIN(was.high, range.high);
}

void g_know_name(struct g_fn *f, const struct pa_node *name, struct g_range range) {
    if (name->kind == PA_N_NAME && name->web)
        g_know(f, pa_web_find(name->web), range);
}

/* left op right holds. */
static void assume_comparison(struct g_fn *f, struct pa_node *left, enum pa_op op,
                              struct pa_node *right) {
    if (!pa_type_is_integral(left->type) || !pa_type_is_integral(right->type))
        return;
    struct g_range a = g_range(f, left), b = g_range(f, right), for_a = everything,
                   for_b = everything;
    switch (op) {
    case PA_OP_LT:
        for_a.high = b.high == INT64_MIN ? INT64_MIN : b.high - 1;
        for_b.low = a.low == INT64_MAX ? INT64_MAX : a.low + 1;
        break;
    case PA_OP_LE:
        for_a.high = b.high;
        for_b.low = a.low;
        break;
    case PA_OP_GT:
        for_a.low = b.low == INT64_MAX ? INT64_MAX : b.low + 1;
        for_b.high = a.high == INT64_MIN ? INT64_MIN : a.high - 1;
        break;
    case PA_OP_GE:
        for_a.low = b.low;
        for_b.high = a.high;
        break;
    case PA_OP_EQ:
        for_a = b;
        for_b = a;
        break;
    default:
        return;
    }
    g_know_name(f, left, for_a);
    g_know_name(f, right, for_b);
}

static enum pa_op opposite(enum pa_op op) {
    static const uint8_t opposites[] = {
        [PA_OP_EQ] = PA_OP_NE, [PA_OP_NE] = PA_OP_EQ, [PA_OP_LT] = PA_OP_GE,
        [PA_OP_GE] = PA_OP_LT, [PA_OP_LE] = PA_OP_GT, [PA_OP_GT] = PA_OP_LE};
    return op >= PA_OP_EQ && op <= PA_OP_GE ? (enum pa_op)opposites[op] : PA_OP_IS;
}

void g_assume(struct g_fn *f, struct pa_node *condition, bool holds) {
    switch (condition->kind) {
    case PA_N_NOT:
        g_assume(f, condition->a, !holds);
        return;
    case PA_N_AND:
    case PA_N_OR:
        if (!condition->mark && (condition->kind == PA_N_AND) == holds) {
            g_assume(f, condition->a, holds);
            g_assume(f, condition->b, holds);
        }
        return;
    case PA_N_COMPARE:
        if (!holds && condition->kid_count != 2)
            return;
        for (uint32_t i = 0; i + 1 < condition->kid_count; i++)
            assume_comparison(f, condition->kids[i],
                              holds ? condition->ops[i] : opposite(condition->ops[i]),
                              condition->kids[i + 1]);
        return;
    default:
        return;
    }
}
