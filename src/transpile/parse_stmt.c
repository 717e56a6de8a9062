/* Statements. */
#include "transpile/parse.h"

static struct pa_node *parse_statement(struct pa_parse *p, TSNode node);

static const struct {
    const char *text;
    enum pa_op op;
} augmented[] = {
    {"+=", PA_OP_ADD}, {"-=", PA_OP_SUB},       {"*=", PA_OP_MUL},  {"/=", PA_OP_DIV},
    {"%=", PA_OP_MOD}, {"//=", PA_OP_FLOORDIV}, {"**=", PA_OP_POW}, {"&=", PA_OP_AND},
    {"|=", PA_OP_OR},  {"^=", PA_OP_XOR},       {"<<=", PA_OP_SHL}, {">>=", PA_OP_SHR},
};

static void add_parameter(struct pa_parse *p, struct pa_def *def, TSNode name, TSNode value,
                          int style) {
    if (!pa_parse_is(name, "identifier"))
        pa_parse_refuse(p, name, "this parameter is not supported");
    struct pa_param *param = &def->params[def->param_count++];
    param->name = pa_parse_text(p, name);
    param->place = pa_parse_place(name);
    param->style = style;
    if (!ts_node_is_null(value))
        param->value = pa_parse_expression(p, value);
    for (size_t i = 0; i + 1 < def->param_count; i++)
        if (pa_streq(def->params[i].name, param->name))
            pa_parse_refuse(p, name, "a parameter twice");
}

static void parse_parameters(struct pa_parse *p, struct pa_def *def, TSNode parameters) {
    if (ts_node_is_null(parameters))
        return;
    struct pa_kids kids = pa_parse_named(p, parameters);
    pa_parse_lines(p, parameters);
    int style = PA_PARAM_PLAIN;
    def->params = pa_tree_alloc(p->tree, (kids.count + 1) * sizeof(*def->params));
    for (size_t i = 0; i < kids.count; i++) {
        TSNode kid = kids.list[i].node, none = {0};
        struct pa_kids parts = pa_parse_kids(p, kid);
        if (pa_parse_is(kid, "typed_parameter") && strstr(pa_parse_text(p, kid), ":="))
            pa_parse_refuse(p, kid, "this annotation is not supported");
        if (pa_parse_is(kid, "identifier")) {
            add_parameter(p, def, kid, none, style);
        } else if (pa_parse_is(kid, "typed_parameter") &&
                   pa_parse_is(parts.list[0].node, "identifier")) {
            add_parameter(p, def, parts.list[0].node, none, style);
        } else if (pa_parse_is(kid, "default_parameter") ||
                   pa_parse_is(kid, "typed_default_parameter")) {
            add_parameter(p, def, pa_parse_field(parts, "name"), pa_parse_field(parts, "value"),
                          style);
        } else if (pa_parse_is(kid, "keyword_separator")) {
            if (i + 1 == kids.count)
                pa_parse_refuse(p, kid, "a * without a parameter after it");
            style = PA_PARAM_KEYWORD;
        } else if (pa_parse_is(kid, "list_splat_pattern") && style == PA_PARAM_PLAIN) {
            add_parameter(p, def, pa_parse_named(p, kid).list[0].node, none, PA_PARAM_REST);
            style = PA_PARAM_KEYWORD;
        } else {
            pa_parse_refuse(p, kid, "this parameter is not supported");
        }
    }
    bool optional = false;
    for (size_t i = 0; i < def->param_count; i++) {
        if (def->params[i].style != PA_PARAM_PLAIN)
            break;
        if (optional && !def->params[i].value)
            pa_parse_refuse(p, parameters, "a parameter without a default after one that has it");
        optional |= def->params[i].value != NULL;
    }
}

struct pa_def *pa_parse_def(struct pa_parse *p, const char *name, TSNode parameters, TSNode body,
                            bool is_lambda, struct pa_node *at) {
    struct pa_def *def = pa_tree_alloc(p->tree, sizeof(*def));
    def->name = name;
    def->is_lambda = is_lambda;
    def->at = at;
    parse_parameters(p, def, parameters);
    if (is_lambda) {
        def->body = pa_parse_expression(p, body);
    } else {
        unsigned loops = p->loops;
        bool in_finally = p->in_finally;
        p->loops = 0;
        p->in_finally = false;
        p->functions++;
        def->body = pa_parse_block(p, body);
        p->functions--;
        p->loops = loops;
        p->in_finally = in_finally;
    }
    return def;
}

static struct pa_node *parse_function(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    if (pa_parse_is(kids.list[0].node, "async"))
        pa_parse_refuse(p, node, "async is not supported");
    struct pa_node *result = pa_parse_new(p, PA_S_DEF, node, 0);
    TSNode name = pa_parse_field(kids, "name");
    result->str = pa_parse_text(p, name);
    result->def = pa_parse_def(p, result->str, pa_parse_field(kids, "parameters"),
                               pa_parse_field(kids, "body"), false, result);
    return result;
}

static struct pa_node *parse_class(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    TSNode bases = pa_parse_field(kids, "superclasses");
    struct pa_kids list = {0};
    if (!ts_node_is_null(bases)) {
        pa_parse_commas(p, bases);
        list = pa_parse_named(p, bases);
    }
    struct pa_node *result = pa_parse_new(p, PA_S_CLASS, node, list.count);
    result->str = pa_parse_text(p, pa_parse_field(kids, "name"));
    for (size_t i = 0; i < list.count; i++) {
        if (!pa_parse_is(list.list[i].node, "identifier"))
            pa_parse_refuse(p, list.list[i].node, "this base class is not supported");
        pa_parse_add(result, pa_parse_expression(p, list.list[i].node));
    }
    unsigned loops = p->loops, functions = p->functions;
    p->loops = p->functions = 0;
    result->a = pa_parse_block(p, pa_parse_field(kids, "body"));
    p->loops = loops;
    p->functions = functions;
    return result;
}

static struct pa_node *parse_decorated(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    struct pa_node *result = parse_statement(p, kids.list[kids.count - 1].node);
    for (size_t i = 0; i + 1 < kids.count; i++) {
        struct pa_kids parts = pa_parse_named(p, kids.list[i].node);
        const char *name = pa_parse_text(p, parts.list[0].node);
        if (result->kind != PA_S_DEF)
            pa_parse_refuse(p, kids.list[i].node, "decorators of classes are not supported");
        if (pa_streq(name, "staticmethod"))
            result->def->is_static = true;
        else if (pa_streq(name, "classmethod"))
            result->def->is_classmethod = true;
        else if (pa_streq(name, "property"))
            result->def->is_property = true;
        else
            pa_parse_refuse(p, kids.list[i].node, "this decorator is not supported");
    }
    return result;
}

/* a = b = value: tree-sitter nests to the right. */
static struct pa_node *parse_assignment(struct pa_parse *p, TSNode node) {
    struct pa_node *result = pa_parse_new(p, PA_S_ASSIGN, node, 64);
    for (TSNode at = node;;) {
        struct pa_kids kids = pa_parse_kids(p, at);
        pa_parse_lines(p, at);
        TSNode right = pa_parse_field(kids, "right");
        struct pa_node *target = pa_parse_target(p, pa_parse_field(kids, "left"));
        bool annotated = !ts_node_is_null(pa_parse_field(kids, "type"));
        if (annotated &&
            (target->kind == PA_N_TUPLE || result->kid_count || pa_parse_is(right, "assignment")))
            pa_parse_refuse(p, at, "this cannot be annotated");
        if (target->kind == PA_N_STAR)
            pa_parse_refuse(p, at, "a starred name that is alone");
        result->mark = annotated;
        if (result->kid_count == 64)
            pa_parse_refuse(p, node, "too many targets");
        pa_parse_add(result, target);
        if (ts_node_is_null(right)) {
            result->kind = PA_S_ANNOTATE;
            result->a = result->kids[0];
            return result;
        }
        if (!pa_parse_is(right, "assignment")) {
            result->a = pa_parse_expression(p, right);
            return result;
        }
        at = right;
    }
}

static struct pa_node *parse_augmented(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    pa_parse_lines(p, node);
    struct pa_node *result = pa_parse_new(p, PA_S_AUGMENT, node, 0);
    const char *op = ts_node_type(pa_parse_field(kids, "operator"));
    size_t i = 0;
    while (i < PA_ARRAY_LEN(augmented) && !pa_streq(augmented[i].text, op))
        i++;
    if (i == PA_ARRAY_LEN(augmented))
        pa_parse_refuse(p, node, "this operator is not supported");
    result->op = augmented[i].op;
    result->a = pa_parse_target(p, pa_parse_field(kids, "left"));
    if (result->a->kind == PA_N_TUPLE || result->a->kind == PA_N_STAR)
        pa_parse_refuse(p, node, "this cannot be assigned to");
    result->b = pa_parse_expression(p, pa_parse_field(kids, "right"));
    return result;
}

/* else, elif, except and finally stand under what they belong to. */
static void check_clauses(struct pa_parse *p, TSNode node, struct pa_kids kids) {
    TSPoint start = ts_node_start_point(node);
    for (size_t i = 0; i < kids.count; i++) {
        const char *type = ts_node_type(kids.list[i].node);
        size_t size = strlen(type);
        TSPoint at = ts_node_start_point(kids.list[i].node);
        if (size <= 7 || !pa_streq(type + size - 7, "_clause"))
            continue;
        if (at.column != start.column)
            pa_parse_refuse(p, kids.list[i].node, "the indentation is not valid");
        pa_parse_lines(p, kids.list[i].node);
    }
}

static struct pa_node *parse_else(struct pa_parse *p, TSNode node) {
    return ts_node_is_null(node)
               ? NULL
               : pa_parse_block(p, pa_parse_field(pa_parse_kids(p, node), "body"));
}

static struct pa_node *parse_if(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    check_clauses(p, node, kids);
    struct pa_node *first = pa_parse_new(p, PA_S_IF, node, 0), *last = first;
    first->a = pa_parse_expression(p, pa_parse_field(kids, "condition"));
    first->b = pa_parse_block(p, pa_parse_field(kids, "consequence"));
    unsigned depth = p->depth;
    for (size_t i = 0; i < kids.count; i++) {
        TSNode kid = kids.list[i].node;
        if (pa_parse_is(kid, "elif_clause")) {
            struct pa_kids parts = pa_parse_kids(p, kid);
            struct pa_node *next = pa_parse_new(p, PA_S_IF, kid, 0);
            pa_parse_enter(p, kid); /* an elif is nested in the else before it */
            next->a = pa_parse_expression(p, pa_parse_field(parts, "condition"));
            next->b = pa_parse_block(p, pa_parse_field(parts, "consequence"));
            last->c = pa_parse_new(p, PA_S_BLOCK, kid, 1);
            pa_parse_add(last->c, next);
            last = next;
        } else if (pa_parse_is(kid, "else_clause")) {
            last->c = parse_else(p, kid);
        }
    }
    p->depth = depth;
    return first;
}

static struct pa_node *parse_loop_body(struct pa_parse *p, TSNode body) {
    p->loops++;
    struct pa_node *result = pa_parse_block(p, body);
    p->loops--;
    return result;
}

static struct pa_node *parse_while(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    check_clauses(p, node, kids);
    struct pa_node *result = pa_parse_new(p, PA_S_WHILE, node, 0);
    result->a = pa_parse_expression(p, pa_parse_field(kids, "condition"));
    result->b = parse_loop_body(p, pa_parse_field(kids, "body"));
    result->c = parse_else(p, pa_parse_field(kids, "alternative"));
    return result;
}

static struct pa_node *parse_for(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    if (pa_parse_is(kids.list[0].node, "async"))
        pa_parse_refuse(p, node, "async is not supported");
    check_clauses(p, node, kids);
    struct pa_node *result = pa_parse_new(p, PA_S_FOR, node, 0);
    result->a = pa_parse_target(p, pa_parse_field(kids, "left"));
    if (result->a->kind == PA_N_STAR)
        pa_parse_refuse(p, node, "a starred name that is alone");
    result->b = pa_parse_expression(p, pa_parse_field(kids, "right"));
    result->c = parse_loop_body(p, pa_parse_field(kids, "body"));
    result->d = parse_else(p, pa_parse_field(kids, "alternative"));
    return result;
}

static struct pa_node *parse_handler(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    struct pa_node *result = pa_parse_new(p, PA_S_HANDLER, node, 0);
    TSNode value = pa_parse_field(kids, "value"), alias = pa_parse_field(kids, "alias");
    for (size_t i = 0; i < kids.count; i++)
        if (pa_parse_is(kids.list[i].node, "*") || pa_parse_is(kids.list[i].node, ","))
            pa_parse_refuse(p, node, "this except is not supported");
    if (pa_parse_is(value, "as_pattern")) { /* in the grammar's older form */
        struct pa_kids parts = pa_parse_named(p, value);
        struct pa_kids inner = pa_parse_named(p, pa_parse_field(pa_parse_kids(p, value), "alias"));
        value = parts.list[0].node;
        alias = inner.count ? inner.list[0].node : pa_parse_field(pa_parse_kids(p, value), "alias");
    }
    if (!ts_node_is_null(value)) {
        struct pa_node *classes = pa_parse_expression(p, value);
        if (classes->kind == PA_N_TUPLE) {
            result->kids = classes->kids;
            result->kid_count = classes->kid_count;
            if (!classes->kid_count)
                pa_parse_refuse(p, node, "a handler of nothing");
        } else {
            pa_parse_new(p, PA_N_TUPLE, node, 1);
            result->kids = pa_tree_alloc(p->tree, sizeof(*result->kids));
            pa_parse_add(result, classes);
        }
        for (uint32_t i = 0; i < result->kid_count; i++)
            if (result->kids[i]->kind != PA_N_NAME)
                pa_parse_refuse(p, value, "a handler of this is not supported");
    }
    if (!ts_node_is_null(alias) && !pa_parse_is(alias, "identifier"))
        pa_parse_refuse(p, alias, "this name of an exception is not understood");
    if (!ts_node_is_null(alias))
        result->str = pa_parse_text(p, alias);
    result->a = pa_parse_block(p, kids.list[kids.count - 1].node);
    return result;
}

/* Leaving a `finally` by return, break or continue gives a SyntaxWarning, which is the
 * interpreter's to write. */
static struct pa_node *parse_finally(struct pa_parse *p, TSNode body) {
    bool in_finally = p->in_finally;
    unsigned loops = p->loops_outside;
    p->in_finally = true;
    p->loops_outside = p->loops;
    struct pa_node *result = pa_parse_block(p, body);
    p->in_finally = in_finally;
    p->loops_outside = loops;
    return result;
}

static struct pa_node *parse_try(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    check_clauses(p, node, kids);
    struct pa_node *result = pa_parse_new(p, PA_S_TRY, node, kids.count);
    result->a = pa_parse_block(p, pa_parse_field(kids, "body"));
    for (size_t i = 0; i < kids.count; i++) {
        TSNode kid = kids.list[i].node;
        if (pa_parse_is(kid, "except_clause"))
            pa_parse_add(result, parse_handler(p, kid));
        else if (pa_parse_is(kid, "else_clause"))
            result->b = parse_else(p, kid);
        else if (pa_parse_is(kid, "finally_clause"))
            result->c = parse_finally(p, pa_parse_named(p, kid).list[0].node);
    }
    for (uint32_t i = 0; i + 1 < result->kid_count; i++)
        if (!result->kids[i]->kid_count)
            pa_parse_refuse(p, node, "a bare except that is not the last");
    if (!result->kid_count && (result->b || !result->c))
        pa_parse_refuse(p, node, "this try is not understood");
    return result;
}

static struct pa_node *parse_import(struct pa_parse *p, TSNode node, bool from) {
    struct pa_kids kids = pa_parse_kids(p, node);
    struct pa_node *result = pa_parse_new(p, PA_S_IMPORT, node, kids.count);
    if (from)
        result->str = pa_parse_text(p, pa_parse_field(kids, "module_name"));
    result->mark = from;
    for (size_t i = 0; i < kids.count; i++) {
        if (!kids.list[i].field || !pa_streq(kids.list[i].field, "name")) {
            if (pa_parse_is(kids.list[i].node, "wildcard_import"))
                pa_parse_refuse(p, node, "import * is not supported");
            continue;
        }
        TSNode name = kids.list[i].node, alias = {0};
        struct pa_node *item = pa_parse_new(p, PA_N_NAME, name, 0);
        if (pa_parse_is(name, "aliased_import")) {
            struct pa_kids parts = pa_parse_kids(p, name);
            alias = pa_parse_field(parts, "alias");
            name = pa_parse_field(parts, "name");
        }
        item->str = pa_parse_text(p, name);
        if (from && strchr(item->str, '.'))
            pa_parse_refuse(p, name, "this import is not understood");
        item->sub = ts_node_is_null(alias) ? item->str : pa_parse_text(p, alias);
        pa_parse_add(result, item);
    }
    if (pa_parse_is(kids.list[kids.count - 1].node, ","))
        pa_parse_refuse(p, node, "this import is not understood");
    return result;
}

static struct pa_node *parse_simple(struct pa_parse *p, TSNode node, enum pa_node_kind kind) {
    struct pa_kids kids = pa_parse_named(p, node);
    struct pa_node *result = pa_parse_new(p, kind, node, kids.count);
    if (kids.count > 0)
        result->a = pa_parse_expression(p, kids.list[0].node);
    if (kids.count > 1)
        result->b = pa_parse_expression(p, kids.list[1].node);
    return result;
}

static struct pa_node *parse_assert(struct pa_parse *p, TSNode node) {
    struct pa_node *result = parse_simple(p, node, PA_S_ASSERT);
    if (result->a && result->a->kind == PA_N_TUPLE)
        pa_parse_refuse(p, node, "an assertion of a tuple"); /* SyntaxWarning */
    if (pa_parse_named(p, node).count > 2)
        pa_parse_refuse(p, node, "this assertion is not understood");
    return result;
}

static struct pa_node *parse_raise(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    bool from = !ts_node_is_null(pa_parse_field(kids, "cause"));
    struct pa_node *result = parse_simple(p, node, PA_S_RAISE);
    if (kids.count != (from        ? 2
                       : result->a ? 1
                                   : 0) ||
        (result->a && result->a->kind == PA_N_TUPLE))
        pa_parse_refuse(p, node, "this raise is not understood");
    return result;
}

static struct pa_node *parse_names(struct pa_parse *p, TSNode node, enum pa_node_kind kind) {
    struct pa_kids kids = pa_parse_named(p, node);
    struct pa_node *result = pa_parse_new(p, kind, node, kids.count);
    for (size_t i = 0; i < kids.count; i++)
        pa_parse_add(result, pa_parse_expression(p, kids.list[i].node));
    return result;
}

static struct pa_node *parse_delete(struct pa_parse *p, TSNode node) {
    struct pa_node *result = parse_names(p, node, PA_S_DELETE);
    if (result->kid_count == 1 && result->kids[0]->kind == PA_N_TUPLE) {
        struct pa_node *tuple = result->kids[0];
        result->kids = tuple->kids;
        result->kid_count = tuple->kid_count;
    }
    for (uint32_t i = 0; i < result->kid_count; i++) {
        enum pa_node_kind kind = result->kids[i]->kind;
        if (kind != PA_N_NAME && kind != PA_N_ATTRIBUTE && kind != PA_N_INDEX &&
            kind != PA_N_SLICE && kind != PA_N_TUPLE && kind != PA_N_LIST)
            pa_parse_refuse(p, node, "this cannot be deleted");
    }
    return result;
}

static struct pa_node *parse_expression_statement(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    if (kids.count != 1 || pa_parse_kids(p, node).count != 1) {
        p->around = "expression_list";
        struct pa_node *tuple = parse_names(p, node, PA_N_TUPLE); /* a, b */
        struct pa_node *statement = pa_parse_new(p, PA_S_EXPR, node, 0);
        statement->a = tuple;
        return statement;
    }
    if (pa_parse_is(kids.list[0].node, "assignment"))
        return parse_assignment(p, kids.list[0].node);
    if (pa_parse_is(kids.list[0].node, "augmented_assignment"))
        return parse_augmented(p, kids.list[0].node);
    if (pa_parse_is(kids.list[0].node, "named_expression"))
        pa_parse_refuse(p, node, "not valid Python: := without parentheses");
    struct pa_node *statement = pa_parse_new(p, PA_S_EXPR, node, 0);
    statement->a = pa_parse_expression(p, kids.list[0].node);
    return statement;
}

static struct pa_node *parse_statement(struct pa_parse *p, TSNode node) {
    const char *type = ts_node_type(node);
#define IS(name) pa_streq(type, name)
    p->around = type;
    p->brackets = 0;
    if (!IS("decorated_definition"))
        pa_parse_lines(p, node);
    if (IS("expression_statement"))
        return parse_expression_statement(p, node);
    if (IS("if_statement"))
        return parse_if(p, node);
    if (IS("for_statement"))
        return parse_for(p, node);
    if (IS("while_statement"))
        return parse_while(p, node);
    if (IS("function_definition"))
        return parse_function(p, node);
    if (IS("class_definition"))
        return parse_class(p, node);
    if (IS("decorated_definition"))
        return parse_decorated(p, node);
    if (IS("return_statement")) {
        if (!p->functions)
            pa_parse_refuse(p, node, "return outside of a function");
        if (p->in_finally)
            pa_parse_refuse(p, node, "return in a finally");
        return parse_simple(p, node, PA_S_RETURN);
    }
    if (IS("break_statement") || IS("continue_statement")) {
        if (!p->loops)
            pa_parse_refuse(p, node, "break or continue outside of a loop");
        if (p->in_finally && p->loops == p->loops_outside)
            pa_parse_refuse(p, node, "break or continue out of a finally");
        return pa_parse_new(p, type[0] == 'b' ? PA_S_BREAK : PA_S_CONTINUE, node, 0);
    }
    if (IS("pass_statement"))
        return pa_parse_new(p, PA_S_PASS, node, 0);
    if (IS("try_statement"))
        return parse_try(p, node);
    if (IS("raise_statement"))
        return parse_raise(p, node);
    if (IS("assert_statement"))
        return parse_assert(p, node);
    if (IS("import_statement"))
        return parse_import(p, node, false);
    if (IS("import_from_statement"))
        return parse_import(p, node, true);
    if (IS("global_statement"))
        return parse_names(p, node, PA_S_GLOBAL);
    if (IS("nonlocal_statement"))
        return parse_names(p, node, PA_S_NONLOCAL);
    if (IS("delete_statement"))
        return parse_delete(p, node);
#undef IS
    struct pa_place place = pa_parse_place(node);
    pa_refuse(p->tree, &place, "%.60s is not supported", type);
}

/* The statements of a block begin in one column, further in than what the block belongs to: the
 * grammar mends indentation that Python does not accept. */
static void check_indentation(struct pa_parse *p, struct pa_kids kids, bool module) {
    uint32_t column = module ? 0 : UINT32_MAX;
    for (size_t i = 0; i < kids.count; i++) {
        TSPoint start = ts_node_start_point(kids.list[i].node);
        uint32_t at = ts_node_start_byte(kids.list[i].node);
        bool first = true; /* on its line */
        for (uint32_t k = at; first && k > at - start.column; k--)
            first = p->tree->source[k - 1] == ' ' || p->tree->source[k - 1] == '\t';
        if (first && column == UINT32_MAX)
            column = start.column;
        if (first && (start.column != column || (!module && start.column <= p->column)))
            pa_parse_refuse(p, kids.list[i].node, "the indentation is not valid");
    }
    if (column != UINT32_MAX)
        p->column = column;
}

struct pa_node *pa_parse_block(struct pa_parse *p, TSNode node) {
    if (ts_node_is_null(node))
        pa_refuse(p->tree, NULL, "the program is not understood");
    struct pa_kids kids = pa_parse_named(p, node);
    bool module = ts_node_is_null(ts_node_parent(node));
    if (!module && !kids.count)
        pa_parse_refuse(p, node, "a block without statements");
    uint32_t column = p->column;
    check_indentation(p, kids, module);
    struct pa_node *block = pa_parse_new(p, PA_S_BLOCK, node, kids.count);
    pa_parse_enter(p, node);
    for (size_t i = 0; i < kids.count; i++)
        pa_parse_add(block, parse_statement(p, kids.list[i].node));
    pa_parse_leave(p);
    p->column = column;
    return block;
}
