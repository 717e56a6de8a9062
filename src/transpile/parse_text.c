/* String literals: prefixes, escapes, f-strings. */
#include "transpile/parse.h"

/* Text being decoded, in the arena: no longer than the source of the whole literal. */
struct text {
    char *data;
    size_t size;
};

static struct text new_text(struct pa_parse *p, size_t room) {
    return (struct text){pa_tree_alloc(p->tree, room + 1), 0};
}

static void put(struct text *text, const void *bytes, size_t size) {
    if (size)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
}

struct literal {
    bool raw, format;
    size_t quote; /* length of the quotes */
};

static struct literal read_prefix(struct pa_parse *p, TSNode start) {
    struct literal literal = {0};
    const char *text = pa_parse_text(p, start);
    bool unicode = false;
    for (; *text && *text != '"' && *text != '\''; text++) {
        char c = *text | 0x20;
        if (c != 'r' && c != 'f' && c != 'u')
            pa_parse_refuse(p, start, "bytes and templates are not supported");
        if (unicode || (c == 'r' && literal.raw) || (c == 'f' && literal.format) ||
            (c == 'u' && (literal.raw || literal.format)))
            pa_parse_refuse(p, start, "not valid Python: the letters before a string");
        literal.raw |= c == 'r';
        literal.format |= c == 'f';
        unicode = c == 'u';
    }
    literal.quote = strlen(text);
    return literal;
}

static void append_utf8(struct text *out, uint32_t c) {
    uint8_t b[4];
    size_t n = 1;
    if (c < 0x80) {
        b[0] = (uint8_t)c;
    } else if (c < 0x800) {
        n = 2;
        b[0] = (uint8_t)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        n = 3;
        b[0] = (uint8_t)(0xe0 | c >> 12);
    } else {
        n = 4;
        b[0] = (uint8_t)(0xf0 | c >> 18);
    }
    for (size_t i = 1; i < n; i++)
        b[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
    put(out, b, n);
}

static const char *append_number(struct pa_parse *p, TSNode at, const char *s, const char *end,
                                 unsigned base, size_t least, size_t most, struct text *out) {
    uint32_t value = 0;
    size_t n = 0;
    for (; n < most && s < end; n++, s++) {
        unsigned digit = *s >= '0' && *s <= '9' ? (unsigned)(*s - '0')
                         : (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f'
                             ? (unsigned)((*s | 0x20) - 'a' + 10)
                             : 99;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (n < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ||
        (base == 8 && value > 0xff)) /* SyntaxWarning */
        pa_parse_refuse(p, at, "this escape in a string is not supported");
    append_utf8(out, value);
    return s;
}

/* Appends what the text between s and end means. */
static void decode(struct pa_parse *p, TSNode at, const struct literal *literal, const char *s,
                   const char *end, struct text *out) {
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    while (s < end) {
        if (*s == '\r') /* line ends are \n to Python */
            pa_parse_refuse(p, at, "a carriage return in a string");
        if (literal->format && (*s == '{' || *s == '}') && s + 1 < end && s[1] == *s)
            s++;
        if (*s != '\\' || literal->raw || s + 1 == end) {
            put(out, s++, 1);
            continue;
        }
        const char *known = memchr(from, s[1], sizeof(from) - 1);
        char c = s[1];
        if (known) {
            put(out, to + (known - from), 1);
            s += 2;
        } else if (c == '\n') {
            s += 2;
        } else if (c >= '0' && c <= '7') {
            s = append_number(p, at, s + 1, end, 8, 1, 3, out);
        } else if (c == 'x') {
            s = append_number(p, at, s + 2, end, 16, 2, 2, out);
        } else if (c == 'u') {
            s = append_number(p, at, s + 2, end, 16, 4, 4, out);
        } else if (c == 'U') {
            s = append_number(p, at, s + 2, end, 16, 8, 8, out);
        } else {
            pa_parse_refuse(p, at, "this escape in a string is not supported");
        }
    }
}

/* Takes over what is in `text`, which is empty afterwards. */
static struct pa_node *string_node(struct pa_parse *p, TSNode at, struct text *text) {
    struct pa_node *node = pa_parse_new(p, PA_N_STR, at, 0);
    char *copy = pa_tree_alloc(p->tree, text->size + 1);
    memcpy(copy, text->data, text->size);
    node->str = copy;
    node->len = (uint32_t)text->size;
    text->size = 0;
    return node;
}

static struct pa_node *parse_parts(struct pa_parse *p, TSNode node, const struct literal *literal,
                                   uint32_t from, uint32_t to);

/* {expression!r:specification} */
static struct pa_node *parse_interpolation(struct pa_parse *p, TSNode node,
                                           const struct literal *literal) {
    struct pa_kids kids = pa_parse_kids(p, node);
    struct pa_node *format = pa_parse_new(p, PA_N_FORMAT, node, 0);
    TSNode expression = pa_parse_field(kids, "expression");
    TSNode conversion = pa_parse_field(kids, "type_conversion");
    TSNode spec = pa_parse_field(kids, "format_specifier");
    for (size_t i = 0; i < kids.count; i++)
        if (pa_parse_is(kids.list[i].node, "="))
            format->mark = 1; /* {x=}: its text first */
    if (pa_parse_is(expression,
                    "named_expression")) /* to the grammar; {x:=5} is x and its format */
        pa_parse_refuse(p, expression,
                        "a format specification that begins with = is not supported");
    if (pa_parse_is(expression, "lambda"))
        pa_parse_refuse(p, expression, "not valid Python: a lambda in an f-string");
    p->around = pa_parse_is(expression, "expression_list") ? "expression_list" : "interpolation";
    p->brackets++;
    format->a = pa_parse_expression(p, expression);
    p->brackets--;
    if (!ts_node_is_null(conversion))
        format->op = (uint8_t)pa_parse_text(p, conversion)[1];
    if (format->op && !strchr("rsa", format->op))
        pa_parse_refuse(p, conversion, "this conversion is not understood");
    if (format->mark) {
        if (!format->op && ts_node_is_null(spec))
            format->op = 'r';
        uint32_t from = ts_node_start_byte(node) + 1, to = ts_node_end_byte(expression);
        while (to < p->tree->size && p->tree->source[to] != '=')
            to++;
        to++;
        while (to < p->tree->size && p->tree->source[to] == ' ')
            to++;
        char *text = pa_tree_alloc(p->tree, to - from + 1);
        memcpy(text, p->tree->source + from, to - from);
        format->str = text;
        format->len = to - from;
    }
    if (!ts_node_is_null(spec)) {
        if (p->specifications++ > 1)
            pa_parse_refuse(p, spec, "format specifications inside each other");
        format->b =
            parse_parts(p, spec, literal, ts_node_start_byte(spec) + 1, ts_node_end_byte(spec));
        p->specifications--;
    }
    return format;
}

/* The pieces of an f-string, or of a specification in one, between two offsets. */
static struct pa_node *parse_parts(struct pa_parse *p, TSNode node, const struct literal *literal,
                                   uint32_t from, uint32_t to) {
    struct pa_kids kids = pa_parse_kids(p, node);
    struct pa_node *result = pa_parse_new(p, PA_N_FSTRING, node, 2 * kids.count + 1);
    /* A {name=} is in it twice: as text, and as a value. */
    struct text text = new_text(p, 2 * (size_t)(to - from));
    pa_parse_enter(p, node);
    for (size_t i = 0; i <= kids.count; i++) {
        bool last = i == kids.count;
        if (!last && !pa_parse_is(kids.list[i].node, "interpolation") &&
            !pa_parse_is(kids.list[i].node, "format_expression"))
            continue;
        uint32_t start = last ? to : ts_node_start_byte(kids.list[i].node);
        if (start > from)
            decode(p, node, literal, p->tree->source + from, p->tree->source + start, &text);
        if (text.size)
            pa_parse_add(result, string_node(p, node, &text));
        if (last)
            break;
        struct pa_node *format = parse_interpolation(p, kids.list[i].node, literal);
        if (format->mark) {
            put(&text, format->str, format->len);
            pa_parse_add(result, string_node(p, node, &text));
        }
        pa_parse_add(result, format);
        from = ts_node_end_byte(kids.list[i].node);
    }
    pa_parse_leave(p);
    return result;
}

struct pa_node *pa_parse_string(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    if (kids.count < 2 || !pa_parse_is(kids.list[0].node, "string_start"))
        pa_parse_refuse(p, node, "this string is not understood");
    struct literal literal = read_prefix(p, kids.list[0].node);
    uint32_t from = ts_node_end_byte(kids.list[0].node);
    uint32_t to = ts_node_start_byte(kids.list[kids.count - 1].node);
    if (literal.format)
        return parse_parts(p, node, &literal, from, to);
    struct text text = new_text(p, to - from);
    decode(p, node, &literal, p->tree->source + from, p->tree->source + to, &text);
    return string_node(p, node, &text);
}

/* "a" "b": one string, or one f-string of all parts. */
struct pa_node *pa_parse_joined_strings(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_named(p, node);
    struct pa_node **parts = pa_tree_alloc(p->tree, (kids.count + 1) * sizeof(*parts));
    size_t total = 0;
    bool format = false;
    for (size_t i = 0; i < kids.count; i++) {
        parts[i] = pa_parse_string(p, kids.list[i].node);
        format |= parts[i]->kind == PA_N_FSTRING;
        total += parts[i]->kind == PA_N_FSTRING ? parts[i]->kid_count : 1;
    }
    struct pa_node *result = pa_parse_new(p, PA_N_FSTRING, node, total);
    if (!format) {
        size_t room = 0;
        for (size_t i = 0; i < kids.count; i++)
            room += parts[i]->len;
        struct text text = new_text(p, room);
        for (size_t i = 0; i < kids.count; i++)
            put(&text, parts[i]->str, parts[i]->len);
        return string_node(p, node, &text);
    }
    for (size_t i = 0; i < kids.count; i++) {
        if (parts[i]->kind == PA_N_STR)
            pa_parse_add(result, parts[i]);
        else
            for (uint32_t k = 0; k < parts[i]->kid_count; k++)
                pa_parse_add(result, parts[i]->kids[k]);
    }
    return result;
}

/* "{} {0:>5} {name!r}".format(...): each field becomes a part.  Arguments are evaluated where they
 * are shown, so each is shown once and in order, or is a name or a constant. */

static bool is_plain(const struct pa_node *node) {
    return node->kind == PA_N_NAME || node->kind == PA_N_INT || node->kind == PA_N_FLOAT ||
           node->kind == PA_N_STR || node->kind == PA_N_BOOL || node->kind == PA_N_NONE;
}

/* Which argument a field names; kid_count where there is no such. */
static uint32_t find_argument(const struct pa_node *call, const char *name, size_t size,
                              uint32_t *next) {
    uint32_t index = 0;
    if (!size)
        return (*next)++;
    if (name[0] >= '0' && name[0] <= '9') {
        for (size_t i = 0; i < size && index < 1000; i++) {
            if (name[i] < '0' || name[i] > '9')
                return call->kid_count;
            index = index * 10 + (uint32_t)(name[i] - '0');
        }
        return index;
    }
    for (; index < call->kid_count; index++) {
        const struct pa_node *kid = call->kids[index];
        if (kid->kind == PA_N_KEYWORD && strlen(kid->str) == size &&
            memcmp(kid->str, name, size) == 0)
            return index;
    }
    return index;
}

static struct pa_node *literal_part(struct pa_parse *p, const struct pa_node *at, const char *text,
                                    size_t size) {
    struct pa_node *node = pa_node_new(p->tree, PA_N_STR, at->place);
    char *copy = pa_tree_alloc(p->tree, size + 1);
    if (size)
        memcpy(copy, text, size);
    node->str = copy;
    node->len = (uint32_t)size;
    return node;
}

/* The field between `s` and `end`, without its braces. */
static struct pa_node *format_field(struct pa_parse *p, struct pa_node *call, const char *s,
                                    const char *end, uint32_t *next, uint32_t *last) {
    size_t name = 0;
    while (s + name < end && s[name] != '!' && s[name] != ':')
        name++;
    uint32_t index = find_argument(call, s, name, next);
    if (index >= call->kid_count || memchr(s, '{', (size_t)(end - s)) || memchr(s, '[', name) ||
        memchr(s, '.', name))
        return NULL;
    struct pa_node *argument = call->kids[index];
    if (argument->kind == PA_N_STAR ||
        (argument->kind == PA_N_KEYWORD) != (name && (s[0] < '0' || s[0] > '9')))
        return NULL;
    if (argument->kind == PA_N_KEYWORD)
        argument = argument->a;
    if (!is_plain(argument) && index != *last)
        return NULL; /* not in order, or shown twice */
    *last = index + 1;
    struct pa_node *format = pa_node_new(p->tree, PA_N_FORMAT, call->place);
    format->anchor = call->anchor;
    format->a = is_plain(argument) ? pa_node_clone(p->tree, argument) : argument;
    s += name;
    if (s < end && *s == '!') {
        if (end - s < 2 || (end - s > 2 && s[2] != ':'))
            return NULL;
        format->op = (uint8_t)s[1];
        s += 2;
    }
    if (s < end) {
        format->b = pa_node_new(p->tree, PA_N_FSTRING, call->place);
        format->b->kids = pa_tree_alloc(p->tree, sizeof(struct pa_node *));
        if (end - s > 1)
            pa_parse_add(format->b, literal_part(p, call, s + 1, (size_t)(end - s - 1)));
    }
    return format;
}

struct pa_node *pa_parse_format_call(struct pa_parse *p, struct pa_node *call) {
    const struct pa_node *pattern = call->a->a;
    const char *s = pattern->str, *end = s + pattern->len;
    struct pa_node *result = pa_node_new(p->tree, PA_N_FSTRING, call->place);
    result->anchor = call->anchor;
    struct text text = new_text(p, pattern->len);
    uint32_t next = 0, last = 0;
    result->kids =
        pa_tree_alloc(p->tree, (2 * (size_t)pattern->len + 2) * sizeof(struct pa_node *));
    while (s < end) {
        if ((*s == '{' || *s == '}') && s + 1 < end && s[1] == *s) {
            put(&text, s, 1);
            s += 2;
            continue;
        }
        if (*s == '}')
            return NULL;
        if (*s != '{') {
            put(&text, s++, 1);
            continue;
        }
        const char *close = memchr(s, '}', (size_t)(end - s));
        struct pa_node *field = close ? format_field(p, call, s + 1, close, &next, &last) : NULL;
        if (!field)
            return NULL;
        if (text.size)
            pa_parse_add(result, literal_part(p, call, text.data, text.size));
        text.size = 0;
        pa_parse_add(result, field);
        s = close + 1;
    }
    for (uint32_t i = last; i < call->kid_count; i++) {
        const struct pa_node *kid = call->kids[i];
        if (!is_plain(kid->kind == PA_N_KEYWORD ? kid->a : kid))
            return NULL; /* evaluated, but not shown */
    }
    if (text.size)
        pa_parse_add(result, literal_part(p, call, text.data, text.size));
    return result;
}
