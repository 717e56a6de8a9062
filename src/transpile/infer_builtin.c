/* Inference: calls of Python's own functions and methods. */
#include "transpile/infer.h"

#include "transpile/methods.h"

static const char *const names[] = {
    "print",     "input",      "len",       "range", "abs",      "min",    "max",   "sum",
    "sorted",    "reversed",   "enumerate", "zip",   "map",      "filter", "any",   "all",
    "int",       "float",      "str",       "bool",  "ord",      "chr",    "round", "divmod",
    "pow",       "isinstance", "list",      "tuple", "set",      "dict",   "repr",  "type",
    "super",     "hash",       "bin",       "hex",   "oct",      "exit",   "quit",  "format",
    "frozenset", "next",       "iter",      "id",    "callable",
};

bool pa_is_builtin(const char *name) {
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++)
        if (pa_streq(names[i], name))
            return true;
    return false;
}

#define KIND(kind) pa_type_of(x->program, kind)

static bool accepts(struct pa_value_type type, enum pa_type_kind kind) {
    return !type.type || pa_type_is(type, kind) || pa_type_is(type, PA_T_ANY);
}

static void need(struct pa_infer *x, struct pa_node *node, struct pa_value_type type, bool ok,
                 const char *what) {
    if (!ok || (!type.type && type.none))
        pa_refuse(x->tree, &node->place, "%s of a %s", what, pa_type_name(x->program, type));
}

static struct pa_value_type infer_print(struct pa_infer *x, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_STAR) {
            pa_infer_iteration(x, kid->a);
        } else if (kid->kind == PA_N_KEYWORD) {
            struct pa_value_type type = pa_infer_expression(x, kid->a);
            if (pa_streq(kid->str, "flush")) {
                need(x, kid, type, !type.type || pa_type_is(type, PA_T_BOOL), "print(flush=)");
                continue;
            }
            if (!pa_streq(kid->str, "sep") && !pa_streq(kid->str, "end"))
                pa_refuse(x->tree, &kid->place, "print(%.60s=) is not supported", kid->str);
            need(x, kid, type, accepts(type, PA_T_STR), "print()");
        } else {
            struct pa_value_type type = pa_infer_expression(x, kid);
            struct pa_type *known = pa_type_find(type.type);
            if (known && (known->kind == PA_T_FUNCTION || known->kind == PA_T_TYPE ||
                          known->kind == PA_T_BUILTIN || known->kind == PA_T_MODULE))
                pa_refuse(x->tree, &kid->place, "printing a %s is not supported",
                          pa_type_name(x->program, type));
        }
    }
    return pa_type_none();
}

static struct pa_value_type infer_min_max(struct pa_infer *x, struct pa_node *node) {
    uint32_t count = pa_positional(x, node, "key default", 1, 100);
    struct pa_node *key = pa_keyword(node, "key"), *otherwise = pa_keyword(node, "default");
    struct pa_value_type *all = node->note;
    if (!all)
        all = node->note = pa_tree_alloc(x->tree, sizeof(*all));
    if (count == 1)
        pa_type_join(x->program, all, pa_infer_iteration(x, node->kids[0]));
    for (uint32_t i = 0; i < count && count > 1; i++)
        pa_type_join(x->program, all, pa_infer_expression(x, node->kids[i]));
    if (otherwise && count == 1)
        pa_type_join(x->program, all, pa_infer_expression(x, otherwise));
    if (key && key->kind != PA_N_NONE)
        pa_infer_apply(x, key, all, 1);
    return *all;
}

static struct pa_value_type infer_sum(struct pa_infer *x, struct pa_node *node) {
    uint32_t count = pa_positional(x, node, "start", 1, 2);
    struct pa_node *start = pa_keyword(node, "start");
    struct pa_value_type item = pa_infer_iteration(x, node->kids[0]), from = KIND(PA_T_INT);
    if (count == 2)
        start = node->kids[1];
    if (start)
        from = pa_infer_expression(x, start);
    if (pa_type_is_unknown(item) || pa_type_is_unknown(from))
        return from;
    bool numbers = pa_type_is_number(item) && pa_type_is_number(from);
    if (numbers && (pa_type_is(from, PA_T_FLOAT) || pa_type_is_integral(item)))
        return pa_type_is_integral(from) ? KIND(PA_T_INT) : from;
    if (numbers || (pa_type_is(item, PA_T_ANY) && pa_type_is_number(from)) ||
        (pa_type_is(from, PA_T_ANY) && (pa_type_is_number(item) || pa_type_is(item, PA_T_ANY))))
        return KIND(PA_T_ANY); /* int where there is nothing to add */
    if (pa_type_is(from, PA_T_LIST) && pa_type_is(item, PA_T_LIST)) {
        pa_type_mix(x->program, &from, item);
        return from;
    }
    pa_refuse(x->tree, &node->place, "sum() of this is not supported");
}

static struct pa_value_type infer_sorted(struct pa_infer *x, struct pa_node *node) {
    pa_positional(x, node, "key reverse", 1, 1);
    struct pa_value_type item = pa_infer_iteration(x, node->kids[0]);
    struct pa_value_type list = node->note
                                    ? (struct pa_value_type){.type = pa_type_find(node->note)}
                                    : pa_infer_fresh(x, node, PA_T_LIST, 1);
    struct pa_node *key = pa_keyword(node, "key"), *reverse = pa_keyword(node, "reverse");
    pa_infer_item(x, list, 0, item);
    if (key && key->kind != PA_N_NONE)
        pa_infer_apply(x, key, &item, 1);
    if (reverse)
        pa_infer_expression(x, reverse);
    return list;
}

static struct pa_value_type infer_container(struct pa_infer *x, struct pa_node *node,
                                            enum pa_type_kind kind) {
    uint32_t count = pa_positional(x, node, "", 0, 1);
    /* The iterable's own type may be made at the argument's node, so this node's is ours. */
    struct pa_value_type type = pa_infer_fresh(x, node, kind, 1);
    if (count)
        pa_infer_item(x, type, 0, pa_infer_iteration(x, node->kids[0]));
    return type;
}

static struct pa_value_type infer_tuple_of(struct pa_infer *x, struct pa_node *node) {
    uint32_t count = pa_positional(x, node, "", 0, 1);
    if (!count)
        return pa_infer_fresh(x, node, PA_T_TUPLE, 0);
    struct pa_value_type type = pa_infer_expression(x, node->kids[0]);
    if (type.type && !(pa_type_is(type, PA_T_TUPLE)))
        pa_refuse(x->tree, &node->place, "a tuple of unknown length is not supported");
    return type;
}

static struct pa_value_type infer_dict_of(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type dict = pa_infer_fresh(x, node, PA_T_DICT, 2);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_KEYWORD) {
            pa_infer_item(x, dict, 0, KIND(PA_T_STR));
            pa_infer_item(x, dict, 1, pa_infer_expression(x, kid->a));
            continue;
        }
        if (i || pa_positional(x, node, "", 1, 1) != 1)
            pa_refuse(x->tree, &node->place, "this dict() is not supported");
        if (pa_lazy_kind(kid) == PA_LAZY_NOT) {
            struct pa_value_type type = pa_infer_expression(x, kid);
            if (pa_type_is(type, PA_T_DICT)) {
                pa_type_mix(x->program, &dict, type);
                continue;
            }
        }
        struct pa_value_type item = pa_infer_iteration(x, kid);
        if (pa_type_is_unknown(item))
            continue;
        if (!pa_type_is(item, PA_T_TUPLE) || pa_type_find(item.type)->item_count != 2)
            pa_refuse(x->tree, &node->place, "dict() of this is not supported");
        pa_infer_item(x, dict, 0, pa_type_item(item, 0));
        pa_infer_item(x, dict, 1, pa_type_item(item, 1));
    }
    return dict;
}

static struct pa_value_type infer_round(struct pa_infer *x, struct pa_node *node) {
    uint32_t count = pa_positional(x, node, "ndigits", 1, 2);
    struct pa_value_type type = pa_infer_expression(x, node->kids[0]);
    struct pa_node *digits = count == 2 ? node->kids[1] : pa_keyword(node, "ndigits");
    if (digits && digits->kind != PA_N_NONE)
        need(x, digits, pa_infer_expression(x, digits), !digits->type.none,
             "the digits of round()");
    else
        digits = NULL;
    need(x, node, type, !type.type || pa_type_is_number(type) || pa_type_is(type, PA_T_ANY),
         "round()");
    if (!type.type || pa_type_is(type, PA_T_ANY))
        return type;
    return digits && pa_type_is(type, PA_T_FLOAT) ? type : KIND(PA_T_INT);
}

/* int, float, str ... of one value. */
static struct pa_value_type infer_conversion(struct pa_infer *x, struct pa_node *node,
                                             const char *name, enum pa_type_kind kind) {
    uint32_t most = pa_streq(name, "int") ? 2 : 1;
    uint32_t count = pa_positional(x, node, "base", 0, most);
    struct pa_node *base = count == 2 ? node->kids[1] : pa_keyword(node, "base");
    struct pa_value_type type = {0};
    if (count)
        type = pa_infer_expression(x, node->kids[0]);
    if (base) {
        pa_infer_expression(x, base);
        need(x, base, base->type, pa_type_is_integral(base->type), "int()");
    }
    struct pa_type *known = pa_type_find(type.type);
    if (known && (kind == PA_T_INT || kind == PA_T_FLOAT) && !pa_type_is_number(type) &&
        known->kind != PA_T_STR && known->kind != PA_T_ANY)
        pa_refuse(x->tree, &node->place, "%s() of a %s", name, pa_type_name(x->program, type));
    if (known && kind == PA_T_STR &&
        (known->kind == PA_T_FUNCTION || known->kind == PA_T_TYPE || known->kind == PA_T_BUILTIN))
        pa_refuse(x->tree, &node->place, "%s() of a %s", name, pa_type_name(x->program, type));
    return KIND(kind);
}

static struct pa_value_type infer_of_one(struct pa_infer *x, struct pa_node *node,
                                         const char *name) {
    pa_positional(x, node, "", 1, 1);
    if (pa_streq(name, "any") || pa_streq(name, "all")) {
        pa_infer_iteration(x, node->kids[0]);
        return KIND(PA_T_BOOL);
    }
    if (pa_streq(name, "len") && pa_lazy_kind(node->kids[0]) >= PA_LAZY_ITEMS) {
        pa_infer_iteration(x, node->kids[0]);
        return KIND(PA_T_INT);
    }
    struct pa_value_type type = pa_infer_expression(x, node->kids[0]);
    struct pa_type *known = pa_type_find(type.type);
    if (pa_streq(name, "len")) {
        if (known && known->kind == PA_T_CLASS)
            return pa_infer_special(x, node, known->class, "__len__", &type, 1);
        need(x, node, type, !known || (pa_type_is_pointer(type) && known->kind != PA_T_FUNCTION),
             "len()");
        return KIND(PA_T_INT);
    }
    if (pa_streq(name, "abs")) {
        if (known && known->kind == PA_T_CLASS)
            return pa_infer_special(x, node, known->class, "__abs__", &type, 1);
        need(x, node, type, !known || pa_type_is_number(type) || known->kind == PA_T_ANY, "abs()");
        return pa_type_is_integral(type) ? KIND(PA_T_INT) : type;
    }
    if (pa_streq(name, "ord")) {
        need(x, node, type, accepts(type, PA_T_STR), "ord()");
        return KIND(PA_T_INT);
    }
    if (pa_streq(name, "hash")) {
        need(x, node, type, !known || pa_type_is_integral(type), "hash()");
        return KIND(PA_T_INT);
    }
    if (pa_streq(name, "type")) /* type(x).__name__ alone; see the attribute */
        pa_refuse(x->tree, &node->place, "type() is supported as type(x).__name__");
    need(x, node, type, !known || pa_type_is_integral(type) || known->kind == PA_T_ANY, name);
    return KIND(PA_T_STR); /* chr, bin, hex, oct */
}

static struct pa_value_type infer_numbers_of(struct pa_infer *x, struct pa_node *node, bool power) {
    uint32_t count = pa_positional(x, node, "", 2, power ? 3 : 2);
    bool floats = false;
    for (uint32_t i = 0; i < count; i++) {
        struct pa_value_type type = pa_infer_expression(x, node->kids[i]);
        need(x, node, type, !type.type || pa_type_is_number(type), "divmod() or pow()");
        floats |= pa_type_is(type, PA_T_FLOAT);
    }
    if (count == 3 && floats)
        pa_refuse(x->tree, &node->place, "pow() of floats with a modulus");
    if (power && count == 2 && node->kids[1]->kind == PA_N_NEGATE)
        floats = true;
    struct pa_value_type number = KIND(floats ? PA_T_FLOAT : PA_T_INT);
    if (power)
        return number;
    struct pa_value_type pair = pa_infer_fresh(x, node, PA_T_TUPLE, 2);
    pa_infer_item(x, pair, 0, number);
    pa_infer_item(x, pair, 1, number);
    return pair;
}

struct pa_value_type pa_infer_builtin(struct pa_infer *x, struct pa_node *node, const char *name) {
#define IS(text) pa_streq(name, text)
    if (IS("print"))
        return infer_print(x, node);
    if (IS("input")) {
        x->program->uses_input = true;
        if (pa_positional(x, node, "", 0, 1))
            need(x, node, pa_infer_expression(x, node->kids[0]), true, "input()");
        return KIND(PA_T_STR);
    }
    if (IS("range")) {
        pa_infer_iteration(x, node);
        return KIND(PA_T_RANGE);
    }
    if (IS("min") || IS("max"))
        return infer_min_max(x, node);
    if (IS("sum"))
        return infer_sum(x, node);
    if (IS("sorted"))
        return infer_sorted(x, node);
    if (IS("list"))
        return infer_container(x, node, PA_T_LIST);
    if (IS("set"))
        return infer_container(x, node, PA_T_SET);
    if (IS("tuple"))
        return infer_tuple_of(x, node);
    if (IS("dict"))
        return infer_dict_of(x, node);
    if (IS("round"))
        return infer_round(x, node);
    if (IS("int"))
        return infer_conversion(x, node, name, PA_T_INT);
    if (IS("float"))
        return infer_conversion(x, node, name, PA_T_FLOAT);
    if (IS("bool"))
        return infer_conversion(x, node, name, PA_T_BOOL);
    if (IS("str") || IS("repr"))
        return infer_conversion(x, node, name, PA_T_STR);
    if (IS("divmod"))
        return infer_numbers_of(x, node, false);
    if (IS("pow"))
        return infer_numbers_of(x, node, true);
    if (IS("isinstance")) {
        pa_positional(x, node, "", 2, 2);
        pa_infer_expression(x, node->kids[0]);
        struct pa_node *classes = node->kids[1];
        for (uint32_t i = 0; classes->kind == PA_N_TUPLE && i < classes->kid_count; i++)
            pa_infer_expression(x, classes->kids[i]);
        if (classes->kind != PA_N_TUPLE)
            pa_infer_expression(x, classes);
        return KIND(PA_T_BOOL);
    }
    if (IS("len") || IS("abs") || IS("ord") || IS("chr") || IS("any") || IS("all") || IS("bin") ||
        IS("hex") || IS("oct") || IS("hash") || IS("type"))
        return infer_of_one(x, node, name);
    if (IS("exit") || IS("quit")) {
        if (pa_positional(x, node, "", 0, 1))
            pa_infer_expression(x, node->kids[0]);
        return (struct pa_value_type){0};
    }
#undef IS
    pa_refuse(x->tree, &node->place,
              "%.60s() is supported only where it is used up at once, or not at all", name);
}

/* map(str, ...): the same as map(lambda a: str(a), ...). */
static void make_lambda(struct pa_infer *x, struct pa_node *node, size_t count) {
    static const char *const params[] = {"a", "b", "c", "d"};
    struct pa_node *callee = pa_node_new(x->tree, node->kind, node->place);
    struct pa_node *call = pa_node_new(x->tree, PA_N_CALL, node->place);
    struct pa_def *def = pa_tree_alloc(x->tree, sizeof(*def));
    *callee = *node;
    callee->note = NULL;
    call->a = callee;
    call->kids = pa_tree_alloc(x->tree, count * sizeof(struct pa_node *));
    def->params = pa_tree_alloc(x->tree, count * sizeof(*def->params));
    for (size_t i = 0; i < count; i++) {
        struct pa_node *name = pa_node_new(x->tree, PA_N_NAME, node->place);
        name->str = params[i];
        call->kids[call->kid_count++] = name;
        def->params[i].name = params[i];
    }
    if (callee->kind == PA_N_ATTRIBUTE) { /* str.upper */
        callee->a = call->kids[0];
        call->kid_count--;
        call->kids++;
    }
    def->name = "<lambda>";
    def->param_count = count;
    def->is_lambda = def->is_made = true;
    def->body = call;
    def->at = node;
    node->kind = PA_N_LAMBDA;
    node->def = def;
    node->note = NULL;
    node->a = NULL;
}

struct pa_value_type pa_infer_applied_builtin(struct pa_infer *x, struct pa_node *function,
                                              size_t count) {
    if (function->kind != PA_N_NAME || count > 4)
        pa_refuse(x->tree, &function->place, "this as a function is not supported");
    make_lambda(x, function, count);
    return pa_infer_expression(x, function);
}

static bool is_builtin_method(struct pa_infer *x, struct pa_node *node) {
    (void)x;
    return node->kind == PA_N_ATTRIBUTE && node->a->kind == PA_N_NAME && !node->a->variable &&
           pa_streq(node->a->str, "str");
}

bool pa_infer_is_named_method(struct pa_infer *x, struct pa_node *function, size_t count) {
    if (!is_builtin_method(x, function) || count != 1)
        return false;
    make_lambda(x, function, count);
    return true;
}

static void infer_argument(struct pa_infer *x, struct pa_node *node, char letter,
                           struct pa_value_type receiver) {
    struct pa_type *known = pa_type_find(receiver.type);
    struct pa_value_type type = {0};
    if (letter == 'L' || letter == 'J')
        type = pa_infer_iteration(x, node);
    else
        type = pa_infer_expression(x, node);
    switch (letter) {
    case 'i':
        need(x, node, type, !type.type || pa_type_is_integral(type) || pa_type_is(type, PA_T_ANY),
             "an argument");
        return;
    case 'f':
        need(x, node, type, !type.type || pa_type_is_number(type) || pa_type_is(type, PA_T_ANY),
             "an argument");
        return;
    case 's':
    case 'J':
        need(x, node, type, accepts(type, PA_T_STR), "an argument");
        return;
    case 'x':
    case 'L':
    case 'k':
        pa_type_join(x->program, &known->items[0], type);
        return;
    case 'v':
        pa_type_join(x->program, &known->items[1], type);
        return;
    case 'y':
    case 'q':
        if (pa_type_is(known->items[0], PA_T_ANY))
            pa_infer_to_any(x, type);
        else
            pa_type_join(x->program, &known->items[0], type);
        return;
    case 'S':
        if (type.type && !pa_type_is(type, known->kind))
            pa_refuse(x->tree, &node->place, "an argument that is a %s",
                      pa_type_name(x->program, type));
        pa_type_mix(x->program, &receiver, type);
        return;
    default:
        return;
    }
}

static struct pa_value_type result_type(struct pa_infer *x, struct pa_node *node, char letter,
                                        struct pa_value_type receiver) {
    struct pa_type *known = pa_type_find(receiver.type);
    struct pa_value_type fresh;
    switch (letter) {
    case 'i':
        return KIND(PA_T_INT);
    case 'f':
        return KIND(PA_T_FLOAT);
    case 's':
        return KIND(PA_T_STR);
    case 'b':
        return KIND(PA_T_BOOL);
    case 'S':
        return (struct pa_value_type){.type = known};
    case 'x':
        return known->items[0];
    case 'v':
        return known->items[1];
    case 'w':
        fresh = pa_infer_fresh(x, node, PA_T_LIST, 1);
        pa_infer_item(x, fresh, 0, KIND(PA_T_STR));
        return fresh;
    case 't':
        fresh = pa_infer_fresh(x, node, PA_T_TUPLE, 3);
        for (uint32_t i = 0; i < 3; i++)
            pa_infer_item(x, fresh, i, KIND(PA_T_STR));
        return fresh;
    case 'p':
        fresh = pa_infer_fresh(x, node, PA_T_TUPLE, 2);
        pa_infer_item(x, fresh, 0, known->items[0]);
        pa_infer_item(x, fresh, 1, known->items[1]);
        return fresh;
    default:
        return pa_type_none();
    }
}

/* d.get(key): the value, or None. */
static struct pa_value_type infer_get(struct pa_infer *x, struct pa_node *node,
                                      struct pa_value_type receiver) {
    infer_argument(x, node->kids[0], 'q', receiver);
    struct pa_value_type value = pa_type_item(receiver, 1);
    struct pa_value_type *result = node->note;
    if (!result)
        result = node->note = pa_tree_alloc(x->tree, sizeof(*result));
    pa_type_join(x->program, result, value);
    pa_type_join(x->program, result, pa_type_none());
    return *result;
}

static struct pa_value_type infer_sort(struct pa_infer *x, struct pa_node *node,
                                       struct pa_value_type receiver) {
    struct pa_node *key = pa_keyword(node, "key"), *reverse = pa_keyword(node, "reverse");
    struct pa_value_type item = pa_type_item(receiver, 0);
    pa_positional(x, node, "key reverse", 0, 0);
    if (key && key->kind != PA_N_NONE) {
        pa_infer_refuse_sorted_list(x, node->a->a, key);
        pa_infer_apply(x, key, &item, 1);
    }
    if (reverse)
        pa_infer_expression(x, reverse);
    return pa_type_none();
}

static struct pa_value_type by_table(struct pa_infer *x, struct pa_node *node,
                                     const struct pa_method *method,
                                     struct pa_value_type receiver) {
    for (uint32_t i = 0; i < node->kid_count; i++)
        infer_argument(x, node->kids[i], method->args[i], receiver);
    return result_type(x, node, method->result, receiver);
}

/* Which type has a method of this name, where the object may be anything. */
static enum pa_type_kind owner_of(const char *name, size_t args) {
    static const enum pa_type_kind kinds[] = {PA_T_LIST, PA_T_DICT, PA_T_SET, PA_T_STR};
    enum pa_type_kind found = PA_T_ANY;
    for (size_t i = 0; i < PA_ARRAY_LEN(kinds); i++) {
        bool known;
        if (!pa_method_find(kinds[i], name, args, &known))
            continue;
        if (found != PA_T_ANY)
            return PA_T_ANY; /* more than one */
        found = kinds[i];
    }
    return found;
}

struct pa_value_type pa_infer_any_container(struct pa_infer *x, enum pa_type_kind kind) {
    static const uint32_t items[] = {[PA_T_LIST] = 1, [PA_T_DICT] = 2, [PA_T_SET] = 1};
    if (kind == PA_T_STR)
        return KIND(PA_T_STR);
    if (!x->program->any_containers[kind]) {
        struct pa_value_type type = pa_type_new(x->program, kind, items[kind]);
        pa_type_force_any(x->program, type);
        x->program->any_containers[kind] = type.type;
    }
    return (struct pa_value_type){.type = pa_type_find(x->program->any_containers[kind])};
}

struct pa_value_type pa_infer_method(struct pa_infer *x, struct pa_node *node,
                                     struct pa_value_type object) {
    const char *name = node->a->str;
    uint32_t count = pa_positional(x, node, "key reverse", 0, 4);
    struct pa_type *known = pa_type_find(object.type);
    bool exists;
    if (known->kind == PA_T_ANY) {
        bool get = pa_streq(name, "get") && count <= 2;
        enum pa_type_kind owner = get ? PA_T_DICT : owner_of(name, count);
        if (owner == PA_T_ANY)
            pa_refuse(x->tree, &node->place, "%.60s() of a mixture of types", name);
        object = pa_infer_any_container(x, owner);
        known = pa_type_find(object.type);
    }
    if (known->kind == PA_T_DICT && pa_streq(name, "get") && count == 1)
        return infer_get(x, node, object);
    if (known->kind == PA_T_LIST && pa_streq(name, "sort"))
        return infer_sort(x, node, object);
    if (known->kind == PA_T_STR && pa_streq(name, "format"))
        pa_refuse(x->tree, &node->place, "format() of a text that is not written here");
    const struct pa_method *method = pa_method_find(known->kind, name, count, &exists);
    if (!method || node->kid_count != count)
        pa_refuse(x->tree, &node->place,
                  exists ? "%.60s() with these arguments is not supported"
                         : "%.60s() is not supported here",
                  name);
    return by_table(x, node, method, object);
}

struct pa_value_type pa_infer_module_call(struct pa_infer *x, struct pa_node *node,
                                          const char *module, const char *name) {
    uint32_t count = pa_positional(x, node, "", 0, 4);
    if (pa_streq(module, "sys") && pa_streq(name, "exit")) {
        return pa_infer_builtin(x, node, "exit");
    }
    const struct pa_method *method = pa_module_function(module, name, count);
    if (!method)
        pa_refuse(x->tree, &node->place, "%.60s.%.60s() is not supported", module, name);
    if (pa_streq(name, "floor") || pa_streq(name, "ceil") || pa_streq(name, "trunc")) {
        struct pa_value_type type = pa_infer_expression(x, node->kids[0]);
        if (pa_type_is_integral(type))
            return KIND(PA_T_INT);
    }
    return by_table(x, node, method, (struct pa_value_type){0});
}

struct pa_value_type pa_infer_module_value(struct pa_infer *x, struct pa_node *node,
                                           const char *module, const char *name) {
    double value;
    if (pa_module_constant(module, name, &value))
        return KIND(PA_T_FLOAT);
    if (!pa_module_function(module, name, 1) && !pa_module_function(module, name, 2) &&
        !(pa_streq(module, "sys") && pa_streq(name, "exit")))
        pa_refuse(x->tree, &node->place, "%.60s.%.60s is not supported", module, name);
    struct pa_value_type builtin = pa_infer_fresh(x, node, PA_T_BUILTIN, 0);
    builtin.type->name = pa_streq(name, "exit") ? "exit" : name;
    builtin.type->module = module;
    return builtin;
}
