/* Expressions. */
#include "transpile/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

static const struct {
    const char *text;
    enum pa_op op;
} operators[] = {
    {"+", PA_OP_ADD},       {"-", PA_OP_SUB},         {"*", PA_OP_MUL},  {"/", PA_OP_DIV},
    {"//", PA_OP_FLOORDIV}, {"%", PA_OP_MOD},         {"**", PA_OP_POW}, {"&", PA_OP_AND},
    {"|", PA_OP_OR},        {"^", PA_OP_XOR},         {"<<", PA_OP_SHL}, {">>", PA_OP_SHR},
    {"==", PA_OP_EQ},       {"!=", PA_OP_NE},         {"<", PA_OP_LT},   {"<=", PA_OP_LE},
    {">", PA_OP_GT},        {">=", PA_OP_GE},         {"in", PA_OP_IN},  {"not in", PA_OP_NOT_IN},
    {"is", PA_OP_IS},       {"is not", PA_OP_IS_NOT},
};

static enum pa_op operator_of(struct pa_parse *p, TSNode node) {
    const char *text = ts_node_type(node);
    for (size_t i = 0; i < PA_ARRAY_LEN(operators); i++)
        if (pa_streq(operators[i].text, text))
            return operators[i].op;
    pa_parse_refuse(p, node, "this operator is not supported");
}

/* The digits of a number without underscores.  What follows at once, as in `1if x`, gives a
 * SyntaxWarning or an error, which are the interpreter's to write. */
static char *digits_of(struct pa_parse *p, TSNode node) {
    const char *text = pa_parse_text(p, node);
    uint32_t end = ts_node_end_byte(node);
    char after = end < p->tree->size ? p->tree->source[end] : 0;
    if ((after >= 'a' && after <= 'z') || (after >= 'A' && after <= 'Z') || after == '_' ||
        (after >= '0' && after <= '9'))
        pa_parse_refuse(p, node, "a number and a word without a space");
    size_t n = strlen(text), k = 0;
    char *digits = pa_tree_alloc(p->tree, n + 1);
    for (size_t i = 0; i < n; i++) {
        bool follows = isdigit(text[i + 1]) || ((text[1] | 0x20) == 'x' && isxdigit(text[i + 1]));
        if (text[i] == '_' && (!follows || !isalnum(text[i - 1])))
            pa_parse_refuse(p, node, "this number is not understood");
        if (text[i] != '_')
            digits[k++] = text[i];
    }
    return digits;
}

static struct pa_node *parse_integer(struct pa_parse *p, TSNode node) {
    char *digits = digits_of(p, node), *end;
    size_t n = strlen(digits);
    if (strchr("jJlL", digits[n - 1]))
        pa_parse_refuse(p, node, "complex numbers are not supported");
    int base = 10;
    if (digits[0] == '0' && n > 1) {
        char letter = digits[1] | 0x20;
        base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
        if (base == 10 && strspn(digits, "0") != n)
            pa_parse_refuse(p, node, "a number with leading zeros");
    }
    errno = 0;
    unsigned long long value = strtoull(base == 10 ? digits : digits + 2, &end, base);
    if (*end)
        pa_parse_refuse(p, node, "this number is not understood");
    if (errno || value > INT64_MAX)
        pa_parse_refuse(p, node, "an integer of more than 64 bits");
    struct pa_node *result = pa_parse_new(p, PA_N_INT, node, 0);
    result->ival = (int64_t)value;
    return result;
}

static struct pa_node *parse_float(struct pa_parse *p, TSNode node) {
    char *digits = digits_of(p, node), *end;
    struct pa_node *result = pa_parse_new(p, PA_N_FLOAT, node, 0);
    result->fval = strtod(digits, &end);
    if (*end)
        pa_parse_refuse(p, node, "complex numbers are not supported");
    return result;
}

static struct pa_node *parse_named(struct pa_parse *p, enum pa_node_kind kind, TSNode node) {
    struct pa_node *result = pa_parse_new(p, kind, node, 0);
    result->str = pa_parse_text(p, node);
    for (const char *c = result->str; *c; c++)
        if ((unsigned char)*c >= 0x80)
            pa_parse_refuse(p, node, "names of letters beyond ASCII are not supported");
    return result;
}

static struct pa_node *parse_kids(struct pa_parse *p, enum pa_node_kind kind, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    struct pa_node *result = pa_parse_new(p, kind, node, kids.count);
    for (size_t i = 0; i < kids.count; i++)
        pa_parse_add(result, pa_parse_expression(p, kids.list[i].node));
    return result;
}

static struct pa_node *parse_unary(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    const char *op = ts_node_type(pa_parse_field(kids, "operator"));
    struct pa_node *operand = pa_parse_expression(p, pa_parse_field(kids, "argument"));
    struct pa_node *result = pa_parse_new(p,
                                          op[0] == '-'   ? PA_N_NEGATE
                                          : op[0] == '~' ? PA_N_INVERT
                                                         : PA_N_POSITIVE,
                                          node, 0);
    result->a = operand;
    return result;
}

/* What a traceback marks of a node begins where `at` does. */
static void set_anchor(struct pa_node *node, enum pa_anchor_kind kind, TSNode at) {
    struct pa_place place = pa_parse_place(at);
    node->anchor = (struct pa_anchor){place.line, place.column, 0, (uint16_t)kind};
    if (kind == PA_ANCHOR_OPERATOR)
        node->anchor.length = (uint16_t)(ts_node_end_byte(at) - ts_node_start_byte(at));
}

static struct pa_node *parse_binary(struct pa_parse *p, TSNode node, enum pa_node_kind kind) {
    struct pa_kids kids = pa_parse_kids(p, node);
    struct pa_node *result = pa_parse_new(p, kind, node, 0);
    TSNode op = pa_parse_field(kids, "operator");
    if (kind == PA_N_BINARY) {
        result->op = operator_of(p, op);
        set_anchor(result, PA_ANCHOR_OPERATOR, op);
    } else if (pa_parse_is(op, "or")) {
        result->kind = PA_N_OR;
    }
    result->a = pa_parse_expression(p, pa_parse_field(kids, "left"));
    result->b = pa_parse_expression(p, pa_parse_field(kids, "right"));
    return result;
}

/* a < b < c: operands and operators alternate.  "not in" may come as two tokens. */
static struct pa_node *parse_comparison(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    struct pa_node *result = pa_parse_new(p, PA_N_COMPARE, node, kids.count);
    result->ops = pa_tree_alloc(p->tree, kids.count);
    uint32_t ops = 0;
    for (size_t i = 0; i < kids.count; i++) {
        if (!kids.list[i].field)
            pa_parse_add(result, pa_parse_expression(p, kids.list[i].node));
        else
            result->ops[ops++] = operator_of(p, kids.list[i].node);
    }
    if (ops + 1 != result->kid_count)
        pa_parse_refuse(p, node, "this comparison is not understood");
    return result;
}

static struct pa_node *parse_slice(struct pa_parse *p, TSNode value, TSNode slice, TSNode at) {
    struct pa_node *result = pa_parse_new(p, PA_N_SLICE, at, 3);
    struct pa_kids kids = pa_parse_kids(p, slice);
    size_t part = 0;
    result->a = pa_parse_expression(p, value);
    result->kid_count = 3;
    for (size_t i = 0; i < kids.count; i++) {
        if (!kids.list[i].named && pa_parse_is(kids.list[i].node, ":"))
            part++;
        else if (part < 3)
            result->kids[part] = pa_parse_expression(p, kids.list[i].node);
    }
    return result;
}

static struct pa_node *parse_subscript(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    TSNode value = pa_parse_field(kids, "value"), first = {0}, bracket = {0};
    size_t subscripts = 0;
    bool comma = false;
    for (size_t i = 0; i < kids.count; i++) {
        if (kids.list[i].field && pa_streq(kids.list[i].field, "subscript") && !subscripts++)
            first = kids.list[i].node;
        comma |= pa_parse_is(kids.list[i].node, ",");
        if (pa_parse_is(kids.list[i].node, "["))
            bracket = kids.list[i].node;
    }
    if (subscripts == 1 && !comma && pa_parse_is(first, "slice")) {
        struct pa_node *slice = parse_slice(p, value, first, node);
        set_anchor(slice, PA_ANCHOR_ELEMENT, bracket);
        return slice;
    }
    struct pa_node *result = pa_parse_new(p, PA_N_INDEX, node, 0);
    set_anchor(result, PA_ANCHOR_ELEMENT, bracket);
    result->a = pa_parse_expression(p, value);
    if (subscripts == 1 && !comma) {
        result->b = pa_parse_expression(p, first);
        return result;
    }
    struct pa_node *tuple = pa_parse_new(p, PA_N_TUPLE, node, subscripts);
    for (size_t i = 0; i < kids.count; i++)
        if (kids.list[i].field && pa_streq(kids.list[i].field, "subscript"))
            pa_parse_add(tuple, pa_parse_expression(p, kids.list[i].node));
    result->b = tuple;
    return result;
}

static struct pa_node *parse_comprehension(struct pa_parse *p, TSNode node,
                                           enum pa_node_kind kind) {
    struct pa_kids kids = pa_parse_named(p, node);
    struct pa_node *result = pa_parse_new(p, kind, node, kids.count);
    const char *around = p->around;
    p->around = "for_in_clause";
    for (size_t i = 1; i < kids.count; i++) {
        struct pa_kids parts = pa_parse_kids(p, kids.list[i].node);
        if (pa_parse_is(kids.list[i].node, "for_in_clause")) {
            struct pa_node *clause = pa_parse_new(p, PA_N_CLAUSE, kids.list[i].node, kids.count);
            if (parts.count && pa_parse_is(parts.list[0].node, "async"))
                pa_parse_refuse(p, node, "async is not supported");
            clause->a = pa_parse_target(p, pa_parse_field(parts, "left"));
            clause->b = pa_parse_expression(p, pa_parse_field(parts, "right"));
            size_t right = 0;
            for (size_t k = 0; k < parts.count; k++)
                right += parts.list[k].field && pa_streq(parts.list[k].field, "right");
            if (right != 1)
                pa_parse_refuse(p, kids.list[i].node, "not valid Python, or not understood");
            pa_parse_add(result, clause);
        } else if (pa_parse_is(kids.list[i].node, "if_clause") && result->kid_count) {
            struct pa_kids named = pa_parse_named(p, kids.list[i].node);
            pa_parse_add(result->kids[result->kid_count - 1],
                         pa_parse_expression(p, named.list[0].node));
        } else {
            pa_parse_refuse(p, kids.list[i].node, "this comprehension is not understood");
        }
    }
    p->around = kind == PA_N_DICTCOMP ? "pair" : around;
    if (kind == PA_N_DICTCOMP) {
        struct pa_kids pair = pa_parse_kids(p, kids.list[0].node);
        result->a = pa_parse_expression(p, pa_parse_field(pair, "key"));
        result->b = pa_parse_expression(p, pa_parse_field(pair, "value"));
    } else {
        result->a = pa_parse_expression(p, kids.list[0].node);
    }
    return result;
}

static struct pa_node *parse_dictionary(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    pa_parse_commas(p, node);
    struct pa_node *result = pa_parse_new(p, PA_N_DICT, node, 2 * kids.count);
    for (size_t i = 0; i < kids.count; i++) {
        if (!pa_parse_is(kids.list[i].node, "pair"))
            pa_parse_refuse(p, kids.list[i].node, "** in a dictionary is not supported");
        struct pa_kids pair = pa_parse_kids(p, kids.list[i].node);
        p->around = "pair";
        pa_parse_add(result, pa_parse_expression(p, pa_parse_field(pair, "key")));
        pa_parse_add(result, pa_parse_expression(p, pa_parse_field(pair, "value")));
    }
    return result;
}

/* key=d.get: a method of an object, as a function: lambda a: d.get(a). */
static struct pa_node *method_as_lambda(struct pa_parse *p, struct pa_node *method, TSNode at) {
    struct pa_node *lambda = pa_parse_new(p, PA_N_LAMBDA, at, 0);
    struct pa_node *call = pa_parse_new(p, PA_N_CALL, at, 1);
    struct pa_node *name = pa_parse_new(p, PA_N_NAME, at, 0);
    struct pa_def *def = pa_tree_alloc(p->tree, sizeof(*def));
    name->str = ".a"; /* no name of the program's */
    call->a = method;
    if (method->a->kind == PA_N_NAME && pa_streq(method->a->str, "str"))
        method->a = name; /* str.upper */
    else
        pa_parse_add(call, name);
    def->name = "<lambda>";
    def->params = pa_tree_alloc(p->tree, sizeof(*def->params));
    def->params[0].name = name->str;
    def->params[0].place = method->place;
    def->param_count = 1;
    def->is_lambda = def->is_made = true;
    def->body = call;
    def->at = lambda;
    lambda->def = def;
    return lambda;
}

static struct pa_node *parse_call(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    TSNode arguments = pa_parse_field(kids, "arguments");
    struct pa_kids args = pa_parse_named(p, arguments);
    pa_parse_commas(p, arguments);
    struct pa_node *result = pa_parse_new(p, PA_N_CALL, node, args.count);
    bool keywords = false;
    result->a = pa_parse_expression(p, pa_parse_field(kids, "function"));
    set_anchor(result, result->a->kind == PA_N_NAME ? PA_ANCHOR_CALL_OF_NAME : PA_ANCHOR_CALL,
               arguments);
    p->brackets++;
    p->around = "argument_list";
    if (pa_parse_is(arguments, "generator_expression")) {
        p->around = "generator_expression";
        result->kid_count = 0;
        result->kids = pa_tree_alloc(p->tree, sizeof(*result->kids));
        pa_parse_add(result, parse_comprehension(p, arguments, PA_N_GENERATOR));
        p->brackets--;
        return result;
    }
    for (size_t i = 0; i < args.count; i++) {
        TSNode arg = args.list[i].node;
        if (pa_parse_is(arg, "keyword_argument")) {
            struct pa_kids pair = pa_parse_kids(p, arg);
            struct pa_node *keyword = pa_parse_new(p, PA_N_KEYWORD, arg, 0);
            keyword->str = pa_parse_text(p, pa_parse_field(pair, "name"));
            p->around = "keyword_argument";
            keyword->a = pa_parse_expression(p, pa_parse_field(pair, "value"));
            p->around = "argument_list";
            if (pa_streq(keyword->str, "key") && keyword->a->kind == PA_N_ATTRIBUTE)
                keyword->a = method_as_lambda(p, keyword->a, arg);
            for (uint32_t k = 0; k < result->kid_count; k++)
                if (result->kids[k]->kind == PA_N_KEYWORD &&
                    pa_streq(result->kids[k]->str, keyword->str))
                    pa_parse_refuse(p, arg, "a keyword argument twice");
            pa_parse_add(result, keyword);
            keywords = true;
        } else if (pa_parse_is(arg, "dictionary_splat") || keywords) {
            pa_parse_refuse(p, arg, "this argument is not supported");
        } else {
            pa_parse_add(result, pa_parse_expression(p, arg));
        }
    }
    p->brackets--;
    if (result->a->kind == PA_N_ATTRIBUTE && pa_streq(result->a->str, "format") &&
        result->a->a->kind == PA_N_STR) {
        struct pa_node *formatted = pa_parse_format_call(p, result);
        return formatted ? formatted : result;
    }
    return result;
}

static struct pa_node *parse_conditional(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    if (kids.count != 3)
        pa_parse_refuse(p, node, "this condition is not understood");
    struct pa_node *result = pa_parse_new(p, PA_N_IFEXP, node, 0);
    result->a = pa_parse_expression(p, kids.list[0].node);
    result->b = pa_parse_expression(p, kids.list[1].node);
    result->c = pa_parse_expression(p, kids.list[2].node);
    return result;
}

/* Where := and * may stand; the grammar accepts them in more places. */
static const char *const around_walrus[] = {"parenthesized_expression",
                                            "argument_list",
                                            "list",
                                            "set",
                                            "tuple",
                                            "if_statement",
                                            "while_statement",
                                            "list_comprehension",
                                            "set_comprehension",
                                            "generator_expression"};
static const char *const around_star[] = {"list", "set", "tuple", "expression_list",
                                          "argument_list"};

static void check_around(struct pa_parse *p, TSNode node, const char *around,
                         const char *const *allowed, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (pa_streq(around, allowed[i]))
            return;
    pa_parse_refuse(p, node, "not valid Python, or not understood");
}

static bool is_bracketed(TSNode node) {
    static const char *const kinds[] = {"parenthesized_expression",
                                        "list",
                                        "set",
                                        "dictionary",
                                        "list_comprehension",
                                        "set_comprehension",
                                        "dictionary_comprehension",
                                        "generator_expression",
                                        "subscript",
                                        "tuple"};
    for (size_t i = 0; i < PA_ARRAY_LEN(kinds); i++)
        if (pa_parse_is(node, kinds[i]))
            return true;
    return false;
}

static struct pa_node *parse_one(struct pa_parse *p, TSNode node, const char *around) {
    struct pa_kids kids;
    struct pa_node *result;
    const char *type = ts_node_type(node);
#define IS(name) pa_streq(type, name)
    if (IS("identifier"))
        return parse_named(p, PA_N_NAME, node);
    if (IS("integer"))
        return parse_integer(p, node);
    if (IS("float"))
        return parse_float(p, node);
    if (IS("string"))
        return pa_parse_string(p, node);
    if (IS("concatenated_string"))
        return pa_parse_joined_strings(p, node);
    if (IS("true") || IS("false")) {
        result = pa_parse_new(p, PA_N_BOOL, node, 0);
        result->ival = type[0] == 't';
        return result;
    }
    if (IS("none"))
        return pa_parse_new(p, PA_N_NONE, node, 0);
    if (IS("parenthesized_expression")) {
        kids = pa_parse_named(p, node);
        if (kids.count != 1 || pa_parse_is(kids.list[0].node, "list_splat"))
            pa_parse_refuse(p, node, "this is not understood");
        return pa_parse_expression(p, kids.list[0].node);
    }
    if (IS("binary_operator"))
        return parse_binary(p, node, PA_N_BINARY);
    if (IS("boolean_operator"))
        return parse_binary(p, node, PA_N_AND);
    if (IS("unary_operator"))
        return parse_unary(p, node);
    if (IS("comparison_operator"))
        return parse_comparison(p, node);
    if (IS("call"))
        return parse_call(p, node);
    if (IS("subscript"))
        return parse_subscript(p, node);
    if (IS("conditional_expression"))
        return parse_conditional(p, node);
    if (IS("list"))
        return parse_kids(p, PA_N_LIST, node);
    if (IS("tuple") || IS("expression_list"))
        return parse_kids(p, PA_N_TUPLE, node);
    if (IS("set"))
        return parse_kids(p, PA_N_SET, node);
    if (IS("dictionary"))
        return parse_dictionary(p, node);
    if (IS("list_comprehension"))
        return parse_comprehension(p, node, PA_N_LISTCOMP);
    if (IS("set_comprehension"))
        return parse_comprehension(p, node, PA_N_SETCOMP);
    if (IS("dictionary_comprehension"))
        return parse_comprehension(p, node, PA_N_DICTCOMP);
    if (IS("generator_expression"))
        return parse_comprehension(p, node, PA_N_GENERATOR);
    kids = pa_parse_kids(p, node);
    if (IS("attribute")) {
        TSNode name = pa_parse_field(kids, "attribute");
        result = parse_named(p, PA_N_ATTRIBUTE, name);
        struct pa_place place = pa_parse_place(node);
        result->place = place;
        result->a = pa_parse_expression(p, pa_parse_field(kids, "object"));
        return result;
    }
    if (IS("not_operator")) {
        result = pa_parse_new(p, PA_N_NOT, node, 0);
        result->a = pa_parse_expression(p, pa_parse_field(kids, "argument"));
        return result;
    }
    if (IS("lambda")) {
        result = pa_parse_new(p, PA_N_LAMBDA, node, 0);
        result->def = pa_parse_def(p, "<lambda>", pa_parse_field(kids, "parameters"),
                                   pa_parse_field(kids, "body"), true, result);
        return result;
    }
    if (IS("named_expression")) {
        check_around(p, node, around, around_walrus, PA_ARRAY_LEN(around_walrus));
        result = pa_parse_new(p, PA_N_WALRUS, node, 0);
        result->a = parse_named(p, PA_N_NAME, pa_parse_field(kids, "name"));
        result->b = pa_parse_expression(p, pa_parse_field(kids, "value"));
        return result;
    }
    if (IS("list_splat")) {
        check_around(p, node, around, around_star, PA_ARRAY_LEN(around_star));
        struct pa_kids named = pa_parse_named(p, node);
        result = pa_parse_new(p, PA_N_STAR, node, 0);
        result->a = pa_parse_expression(p, named.list[0].node);
        return result;
    }
#undef IS
    struct pa_place place = pa_parse_place(node);
    pa_refuse(p->tree, &place, "%.60s: this expression is not supported", type);
}

struct pa_node *pa_parse_expression(struct pa_parse *p, TSNode node) {
    if (ts_node_is_null(node))
        pa_refuse(p->tree, NULL, "the program is not understood");
    bool bracketed = is_bracketed(node);
    const char *around = p->around;
    pa_parse_enter(p, node);
    if (!bracketed)
        pa_parse_lines(p, node);
    p->brackets += bracketed;
    p->around = ts_node_type(node);
    struct pa_node *result = parse_one(p, node, around);
    p->around = around;
    p->brackets -= bracketed;
    pa_parse_leave(p);
    return result;
}

/* What stands left of `=` or after `for`: names, attributes, elements, or a tuple of such. */
struct pa_node *pa_parse_target(struct pa_parse *p, TSNode node) {
    pa_parse_enter(p, node);
    struct pa_node *result = NULL;
    if (pa_parse_is(node, "pattern_list") || pa_parse_is(node, "tuple_pattern") ||
        pa_parse_is(node, "list_pattern") || pa_parse_is(node, "tuple") ||
        pa_parse_is(node, "expression_list") || pa_parse_is(node, "list")) {
        struct pa_kids kids = pa_parse_named(p, node);
        result = pa_parse_new(p, PA_N_TUPLE, node, kids.count);
        size_t stars = 0;
        for (size_t i = 0; i < kids.count; i++) {
            pa_parse_add(result, pa_parse_target(p, kids.list[i].node));
            stars += result->kids[i]->kind == PA_N_STAR;
        }
        if (stars > 1)
            pa_parse_refuse(p, node, "not valid Python: two starred names");
        if (kids.count == 1 && pa_parse_is(node, "tuple_pattern") &&
            pa_parse_kids(p, node).count == 3)
            result = result->kids[0]; /* (a) = ... */
    } else if (pa_parse_is(node, "list_splat_pattern")) {
        struct pa_kids kids = pa_parse_named(p, node);
        result = pa_parse_new(p, PA_N_STAR, node, 0);
        result->a = pa_parse_target(p, kids.list[0].node);
    } else if (pa_parse_is(node, "identifier") || pa_parse_is(node, "attribute") ||
               pa_parse_is(node, "subscript")) {
        result = pa_parse_expression(p, node);
    } else {
        pa_parse_refuse(p, node, "this cannot be assigned to");
    }
    pa_parse_leave(p);
    return result;
}
