/* Inference: expressions. */
#include "transpile/infer.h"

struct pa_value_type pa_infer_fresh(struct pa_infer *x, struct pa_node *node,
                                    enum pa_type_kind kind, uint32_t items) {
    if (!node->note)
        node->note = pa_type_new(x->program, kind, items).type;
    return (struct pa_value_type){.type = pa_type_find(node->note)};
}

void pa_infer_item(struct pa_infer *x, struct pa_value_type container, uint32_t item,
                   struct pa_value_type type) {
    pa_type_join(x->program, &pa_type_find(container.type)->items[item], type);
}

void pa_infer_to_any(struct pa_infer *x, struct pa_value_type type) {
    struct pa_value_type any = pa_type_of(x->program, PA_T_ANY);
    pa_type_mix(x->program, &any, type);
}

static struct pa_value_type infer_name(struct pa_infer *x, struct pa_node *node) {
    struct pa_variable *v = node->variable;
    if (!v) {
        if (pa_streq(node->str, "__name__"))
            return pa_type_of(x->program, PA_T_STR);
        struct pa_class *class = pa_class_builtin(x->program, node->str);
        if (class)
            return (struct pa_value_type){.type = class->itself};
        if (!pa_is_builtin(node->str))
            pa_refuse(x->tree, &node->place, "%.60s is not supported, or not defined", node->str);
        struct pa_value_type builtin = pa_infer_fresh(x, node, PA_T_BUILTIN, 0);
        builtin.type->name = node->str;
        return builtin;
    }
    if (v->function)
        return pa_function_type(x->program, v->function);
    if (v->class)
        return (struct pa_value_type){.type = v->class->itself};
    if (v->binding == PA_BOUND_IMPORT) {
        if (v->member)
            return pa_infer_module_value(x, node, v->module, v->member);
        struct pa_value_type module = pa_infer_fresh(x, node, PA_T_MODULE, 0);
        module.type->name = v->module;
        return module;
    }
    if (!node->web)
        pa_refuse(x->tree, &node->place, "%.60s is never assigned", node->str);
    return pa_web_find(node->web)->type;
}

static struct pa_value_type infer_elements(struct pa_infer *x, struct pa_node *node,
                                           enum pa_type_kind kind) {
    struct pa_value_type type = pa_infer_fresh(x, node, kind, 1);
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind == PA_N_STAR)
            pa_infer_item(x, type, 0, pa_infer_iteration(x, kid->a));
        else
            pa_infer_item(x, type, 0, pa_infer_expression(x, kid));
    }
    return type;
}

static struct pa_value_type infer_tuple(struct pa_infer *x, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++)
        if (node->kids[i]->kind == PA_N_STAR)
            pa_refuse(x->tree, &node->place, "* in a tuple is not supported");
    struct pa_value_type type = pa_infer_fresh(x, node, PA_T_TUPLE, node->kid_count);
    for (uint32_t i = 0; i < node->kid_count; i++)
        pa_infer_item(x, type, i, pa_infer_expression(x, node->kids[i]));
    return type;
}

static struct pa_value_type infer_dict(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type type = pa_infer_fresh(x, node, PA_T_DICT, 2);
    for (uint32_t i = 0; i < node->kid_count; i++)
        pa_infer_item(x, type, i % 2, pa_infer_expression(x, node->kids[i]));
    return type;
}

static void infer_clauses(struct pa_infer *x, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *clause = node->kids[i];
        pa_infer_assign(x, clause->a, pa_infer_iteration(x, clause->b));
        for (uint32_t k = 0; k < clause->kid_count; k++)
            pa_infer_expression(x, clause->kids[k]);
    }
}

static struct pa_value_type infer_comprehension(struct pa_infer *x, struct pa_node *node) {
    infer_clauses(x, node);
    struct pa_value_type type =
        pa_infer_fresh(x, node, node->kind == PA_N_SETCOMP ? PA_T_SET : PA_T_LIST, 1);
    pa_infer_item(x, type, 0, pa_infer_expression(x, node->a));
    return type;
}

static struct pa_value_type infer_dict_comprehension(struct pa_infer *x, struct pa_node *node) {
    infer_clauses(x, node);
    struct pa_value_type type = pa_infer_fresh(x, node, PA_T_DICT, 2);
    pa_infer_item(x, type, 0, pa_infer_expression(x, node->a));
    pa_infer_item(x, type, 1, pa_infer_expression(x, node->b));
    return type;
}

/* a and b, a or b, a if c else b: either, so both are kept in one type of their own. */
static struct pa_value_type infer_either(struct pa_infer *x, struct pa_node *node,
                                         struct pa_value_type a, struct pa_value_type b) {
    struct pa_value_type *both = node->note;
    if (!both)
        both = node->note = pa_tree_alloc(x->tree, sizeof(*both));
    pa_type_join(x->program, both, a);
    pa_type_join(x->program, both, b);
    return *both;
}

static struct pa_value_type infer_conditional(struct pa_infer *x, struct pa_node *node) {
    pa_infer_expression(x, node->b);
    enum pa_truth truth = pa_infer_truth(x, node->b);
    struct pa_value_type a = {0}, b = {0};
    node->mark = (uint8_t)truth;
    if (truth == PA_ALWAYS || truth == PA_DEPENDS)
        a = pa_infer_expression(x, node->a);
    if (truth == PA_NEVER || truth == PA_DEPENDS)
        b = pa_infer_expression(x, node->c);
    return infer_either(x, node, a, b);
}

static struct pa_value_type infer_and_or(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type a = pa_infer_expression(x, node->a);
    enum pa_truth truth = pa_infer_truth(x, node->a);
    /* `x is not None and x.y`: what can never be evaluated has no type either. */
    bool skipped =
        truth == PA_NOT_KNOWN_YET || truth == (node->kind == PA_N_AND ? PA_NEVER : PA_ALWAYS);
    node->mark = skipped;
    struct pa_value_type b = skipped ? (struct pa_value_type){0} : pa_infer_expression(x, node->b);
    return infer_either(x, node, a, b);
}

static struct pa_value_type infer_format(struct pa_infer *x, struct pa_node *node) {
    for (uint32_t i = 0; i < node->kid_count; i++) {
        struct pa_node *kid = node->kids[i];
        if (kid->kind != PA_N_FORMAT)
            continue;
        pa_infer_expression(x, kid->a);
        if (kid->op == 'a')
            pa_refuse(x->tree, &kid->place, "!a is not supported");
        if (kid->b)
            infer_format(x, kid->b);
    }
    return pa_type_of(x->program, PA_T_STR);
}

static struct pa_value_type infer_lambda(struct pa_infer *x, struct pa_node *node) {
    if (!node->note)
        node->note = pa_function_new(x->program, node->def, &x->in->scope, NULL);
    return pa_function_type(x->program, node->note);
}

static struct pa_value_type infer_unary(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type type = pa_infer_expression(x, node->a);
    if (!type.type)
        return type;
    if (pa_type_is(type, PA_T_CLASS)) {
        if (node->kind != PA_N_NEGATE)
            pa_refuse(x->tree, &node->place, "this operator on an object");
        return pa_infer_special(x, node, pa_type_find(type.type)->class, "__neg__", &type, 1);
    }
    if (pa_type_is(type, PA_T_ANY) && node->kind != PA_N_INVERT)
        return type;
    if (!pa_type_is_number(type) || (node->kind == PA_N_INVERT && !pa_type_is_integral(type)))
        pa_refuse(x->tree, &node->place, "this operator on a %s", pa_type_name(x->program, type));
    return pa_type_is_integral(type) ? pa_type_of(x->program, PA_T_INT) : type;
}

static struct pa_value_type infer_one(struct pa_infer *x, struct pa_node *node) {
    struct pa_program *program = x->program;
    switch (node->kind) {
    case PA_N_INT:
        return pa_type_of(program, PA_T_INT);
    case PA_N_FLOAT:
        return pa_type_of(program, PA_T_FLOAT);
    case PA_N_STR:
        return pa_type_of(program, PA_T_STR);
    case PA_N_BOOL:
        return pa_type_of(program, PA_T_BOOL);
    case PA_N_NONE:
        return pa_type_none();
    case PA_N_NAME:
        return infer_name(x, node);
    case PA_N_BINARY: {
        struct pa_value_type a = pa_infer_expression(x, node->a);
        struct pa_value_type b = pa_infer_expression(x, node->b);
        return pa_infer_binary(x, node, node->op, a, b);
    }
    case PA_N_NEGATE:
    case PA_N_POSITIVE:
    case PA_N_INVERT:
        return infer_unary(x, node);
    case PA_N_NOT:
        pa_infer_expression(x, node->a);
        return pa_type_of(program, PA_T_BOOL);
    case PA_N_AND:
    case PA_N_OR:
        return infer_and_or(x, node);
    case PA_N_COMPARE:
        return pa_infer_compare(x, node);
    case PA_N_CALL:
        return pa_infer_call(x, node);
    case PA_N_ATTRIBUTE:
        return pa_infer_attribute(x, node);
    case PA_N_INDEX:
        return pa_infer_index(x, node);
    case PA_N_SLICE:
        return pa_infer_slice(x, node);
    case PA_N_LIST:
        return infer_elements(x, node, PA_T_LIST);
    case PA_N_SET:
        return infer_elements(x, node, PA_T_SET);
    case PA_N_TUPLE:
        return infer_tuple(x, node);
    case PA_N_DICT:
        return infer_dict(x, node);
    case PA_N_LISTCOMP:
    case PA_N_SETCOMP:
        return infer_comprehension(x, node);
    case PA_N_DICTCOMP:
        return infer_dict_comprehension(x, node);
    case PA_N_IFEXP:
        return infer_conditional(x, node);
    case PA_N_LAMBDA:
        return infer_lambda(x, node);
    case PA_N_FSTRING:
        return infer_format(x, node);
    case PA_N_WALRUS: {
        struct pa_value_type type = pa_infer_expression(x, node->b);
        pa_infer_assign(x, node->a, type);
        return *pa_infer_place(x, node->a);
    }
    case PA_N_GENERATOR:
        pa_refuse(x->tree, &node->place,
                  "a generator is supported only where it is used up at once");
    default:
        pa_refuse(x->tree, &node->place, "this is not supported here");
    }
}

struct pa_value_type pa_infer_expression(struct pa_infer *x, struct pa_node *node) {
    struct pa_value_type type = infer_one(x, node);
    type.type = pa_type_find(type.type);
    node->type = type;
    return type;
}

/* Conditions that types decide: isinstance(), is None, __name__ == "__main__". */
static enum pa_truth isinstance_of(struct pa_infer *x, struct pa_value_type type,
                                   struct pa_node *class) {
    if (class->kind == PA_N_TUPLE) {
        enum pa_truth all = PA_NEVER;
        for (uint32_t i = 0; i < class->kid_count; i++) {
            enum pa_truth one = isinstance_of(x, type, class->kids[i]);
            if (one == PA_ALWAYS || one == PA_NOT_KNOWN_YET)
                return one;
            if (one == PA_DEPENDS)
                all = PA_DEPENDS;
        }
        return all;
    }
    struct pa_type *known = pa_type_find(type.type);
    if (!known)
        return type.none ? PA_NEVER : PA_NOT_KNOWN_YET;
    if (type.none || known->kind == PA_T_ANY)
        return PA_DEPENDS;
    struct pa_value_type wanted = class->type;
    if (pa_type_is(wanted, PA_T_TYPE)) {
        struct pa_class *of = pa_type_find(wanted.type)->class;
        if (known->kind != PA_T_CLASS)
            return PA_NEVER;
        if (pa_class_derives(known->class, of))
            return PA_ALWAYS;
        return pa_class_derives(of, known->class) ? PA_DEPENDS : PA_NEVER;
    }
    static const struct {
        const char *name;
        enum pa_type_kind kind;
    } kinds[] = {{"int", PA_T_INT}, {"float", PA_T_FLOAT}, {"bool", PA_T_BOOL},
                 {"str", PA_T_STR}, {"list", PA_T_LIST},   {"dict", PA_T_DICT},
                 {"set", PA_T_SET}, {"tuple", PA_T_TUPLE}, {"range", PA_T_RANGE}};
    if (!pa_type_is(wanted, PA_T_BUILTIN))
        return PA_NOT_KNOWN_YET;
    const char *name = pa_type_find(wanted.type)->name;
    for (size_t i = 0; i < PA_ARRAY_LEN(kinds); i++)
        if (pa_streq(kinds[i].name, name))
            return known->kind == kinds[i].kind ||
                           (known->kind == PA_T_BOOL && kinds[i].kind == PA_T_INT)
                       ? PA_ALWAYS
                       : PA_NEVER;
    pa_refuse(x->tree, &class->place, "isinstance() of this is not supported");
}

enum pa_truth pa_infer_truth(struct pa_infer *x, struct pa_node *node) {
    if (node->kind == PA_N_NOT) {
        enum pa_truth truth = pa_infer_truth(x, node->a);
        return truth == PA_ALWAYS ? PA_NEVER : truth == PA_NEVER ? PA_ALWAYS : truth;
    }
    if (node->kind == PA_N_AND || node->kind == PA_N_OR) {
        enum pa_truth decides = node->kind == PA_N_AND ? PA_NEVER : PA_ALWAYS;
        enum pa_truth a = pa_infer_truth(x, node->a);
        if (a == decides || a == PA_NOT_KNOWN_YET)
            return a;
        enum pa_truth b = node->mark ? decides : pa_infer_truth(x, node->b);
        return b == PA_NOT_KNOWN_YET ? b
               : a == PA_DEPENDS     ? (b == decides ? PA_DEPENDS : PA_DEPENDS)
                                     : b;
    }
    if (node->kind == PA_N_BOOL)
        return node->ival ? PA_ALWAYS : PA_NEVER;
    if (node->kind == PA_N_CALL && node->a->kind == PA_N_NAME && !node->a->variable &&
        pa_streq(node->a->str, "isinstance") && node->kid_count == 2)
        return isinstance_of(x, node->kids[0]->type, node->kids[1]);
    if (node->kind != PA_N_COMPARE || node->kid_count != 2)
        return PA_DEPENDS;
    if (node->kids[0]->kind == PA_N_NAME && pa_streq(node->kids[0]->str, "__name__") &&
        !node->kids[0]->variable && node->kids[1]->kind == PA_N_STR && node->ops[0] == PA_OP_EQ)
        return pa_streq(node->kids[1]->str, "__main__") ? PA_ALWAYS : PA_NEVER;
    if (node->kids[1]->kind == PA_N_NONE &&
        (node->ops[0] == PA_OP_IS || node->ops[0] == PA_OP_IS_NOT)) {
        struct pa_value_type type = node->kids[0]->type;
        enum pa_truth is = pa_type_is_unknown(type)                    ? PA_NOT_KNOWN_YET
                           : !type.type                                ? PA_ALWAYS
                           : !type.none && !pa_type_is(type, PA_T_ANY) ? PA_NEVER
                                                                       : PA_DEPENDS;
        if (node->ops[0] == PA_OP_IS_NOT && is != PA_DEPENDS && is != PA_NOT_KNOWN_YET)
            is = is == PA_ALWAYS ? PA_NEVER : PA_ALWAYS;
        return is;
    }
    return PA_DEPENDS;
}
