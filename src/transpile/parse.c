/* The parser's entry: source text to a module, or the place where it is not in the subset. */
#include "transpile/parse.h"

#include <ctype.h>
#include <strings.h>

const TSLanguage *tree_sitter_python(void);

struct pa_place pa_parse_place(TSNode node) {
    TSPoint start = ts_node_start_point(node), end = ts_node_end_point(node);
    return (struct pa_place){start.row + 1, start.column, end.row + 1, end.column};
}

bool pa_parse_is(TSNode node, const char *type) {
    return !ts_node_is_null(node) && pa_streq(ts_node_type(node), type);
}

const char *pa_parse_text(struct pa_parse *p, TSNode node) {
    uint32_t start = ts_node_start_byte(node), end = ts_node_end_byte(node);
    char *text = pa_tree_alloc(p->tree, end - start + 1);
    memcpy(text, p->tree->source + start, end - start);
    return text;
}

void pa_parse_refuse(struct pa_parse *p, TSNode node, const char *what) {
    struct pa_place place = pa_parse_place(node);
    pa_refuse(p->tree, &place, "%s", what);
}

void pa_parse_enter(struct pa_parse *p, TSNode node) {
    if (++p->depth > PA_TREE_MAX_DEPTH)
        pa_parse_refuse(p, node, "nested too deeply");
}

void pa_parse_leave(struct pa_parse *p) {
    p->depth--;
}

/* tree-sitter finds the nth child by walking from the first: a cursor visits all in one pass. */
struct pa_kids pa_parse_kids(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = {0};
    size_t room = ts_node_child_count(node);
    kids.list = pa_tree_alloc(p->tree, (room ? room : 1) * sizeof(*kids.list));
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    if (ts_tree_cursor_goto_first_child(&cursor)) {
        do {
            TSNode child = ts_tree_cursor_current_node(&cursor);
            if (ts_node_is_extra(child) || kids.count == room)
                continue;
            kids.list[kids.count++] = (struct pa_kid){
                child, ts_tree_cursor_current_field_name(&cursor), ts_node_is_named(child)};
        } while (ts_tree_cursor_goto_next_sibling(&cursor));
    }
    ts_tree_cursor_delete(&cursor);
    return kids;
}

struct pa_kids pa_parse_named(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    size_t count = 0;
    for (size_t i = 0; i < kids.count; i++)
        if (kids.list[i].named)
            kids.list[count++] = kids.list[i];
    kids.count = count;
    return kids;
}

TSNode pa_parse_field(struct pa_kids kids, const char *field) {
    for (size_t i = 0; i < kids.count; i++)
        if (kids.list[i].field && pa_streq(kids.list[i].field, field))
            return kids.list[i].node;
    return (TSNode){0};
}

void pa_parse_lines(struct pa_parse *p, TSNode node) {
    const char *source = p->tree->source;
    if (p->brackets || ts_node_start_point(node).row == ts_node_end_point(node).row ||
        pa_parse_is(node, "string"))
        return;
    struct pa_kids kids = pa_parse_kids(p, node);
    unsigned inside = 0;
    for (size_t i = 0; i < kids.count && !pa_parse_is(kids.list[i].node, "block"); i++) {
        uint32_t at = i ? ts_node_end_byte(kids.list[i - 1].node) : ts_node_start_byte(node);
        for (; at < ts_node_start_byte(kids.list[i].node) && !inside; at++)
            if (source[at] == '\n' &&
                (at < 2 ||
                 (source[at - 1] != '\\' && (source[at - 1] != '\r' || source[at - 2] != '\\'))))
                pa_parse_refuse(p, node, "not valid Python: cut by the end of a line");
        char c = kids.list[i].named ? 0 : ts_node_type(kids.list[i].node)[0];
        inside += c == '(' || c == '[' || c == '{';
        inside -= inside && (c == ')' || c == ']' || c == '}');
    }
}

void pa_parse_commas(struct pa_parse *p, TSNode node) {
    struct pa_kids kids = pa_parse_kids(p, node);
    if (kids.count > 1 && pa_parse_is(kids.list[1].node, ","))
        pa_parse_refuse(p, node, "not valid Python: a comma after nothing");
}

struct pa_node *pa_parse_new(struct pa_parse *p, enum pa_node_kind kind, TSNode at, size_t room) {
    struct pa_node *node = pa_node_new(p->tree, kind, pa_parse_place(at));
    node->kids = pa_tree_alloc(p->tree, (room ? room : 1) * sizeof(*node->kids));
    return node;
}

void pa_parse_add(struct pa_node *node, struct pa_node *kid) {
    node->kids[node->kid_count++] = kid;
}

/* Where the text stops being Python: the first node that tree-sitter had to invent or skip. */
static TSNode find_error(TSNode node) {
    for (;;) {
        if (ts_node_is_error(node) || ts_node_is_missing(node))
            return node;
        uint32_t count = ts_node_child_count(node);
        TSNode next = {0};
        for (uint32_t i = 0; i < count && ts_node_is_null(next); i++) {
            TSNode child = ts_node_child(node, i);
            if (ts_node_has_error(child))
                next = child;
        }
        if (ts_node_is_null(next))
            return node;
        node = next;
    }
}

/* Tabs and spaces mixed mean what Python says they mean, which is not worth knowing. */
static void check_tabs(struct pa_tree *tree) {
    bool tabs = false, spaces = false, indented = true;
    struct pa_place place = {1, 0, 1, 0};
    for (size_t i = 0; i < tree->size; i++) {
        tabs |= indented && tree->source[i] == '\t';
        spaces |= indented && tree->source[i] == ' ';
        indented = tree->source[i] == '\n' ||
                   (indented && (tree->source[i] == ' ' || tree->source[i] == '\t'));
        place.line += tree->source[i] == '\n';
        if (tabs && spaces)
            pa_refuse(tree, &place, "tabs and spaces are mixed in indentation");
    }
}

/* The name of the encoding that a comment declares (PEP 263); its size is 0 without one. */
static const char *declared_encoding(const char *line, size_t size, size_t *ret_size) {
    size_t i = 0;
    *ret_size = 0;
    while (i < size && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    if (i == size || line[i] != '#')
        return line;
    for (; i + 6 < size; i++) {
        if (memcmp(line + i, "coding", 6) != 0 || (line[i + 6] != ':' && line[i + 6] != '='))
            continue;
        size_t begin = i + 7, end;
        while (begin < size && (line[begin] == ' ' || line[begin] == '\t'))
            begin++;
        for (end = begin;
             end < size && (isalnum((unsigned char)line[end]) || strchr("-_.", line[end]) != NULL);)
            end++;
        *ret_size = end - begin;
        if (*ret_size)
            return line + begin;
    }
    return line;
}

/* UTF-8 is the one encoding that is read.  With a byte order mark its name must be written out. */
static void check_encoding(struct pa_tree *tree) {
    const char *at = tree->source, *end = at + tree->size;
    const bool marked = tree->size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0;
    struct pa_place place = {1, 0, 1, 0};
    at += marked ? 3 : 0;
    for (; at < end && place.line <= 2; place.line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size, line_size = (size_t)((stop ? stop : end) - at);
        const char *name = declared_encoding(at, line_size, &size);
        bool ok = !size || (size == 5 && strncasecmp(name, "utf", 3) == 0 && name[4] == '8' &&
                            (name[3] == '-' || name[3] == '_'));
        ok = ok || (!marked && size == 4 && strncasecmp(name, "utf8", 4) == 0);
        place.column = (uint32_t)(name - at);
        if (!ok)
            pa_refuse(tree, &place, "another encoding than UTF-8");
        at += line_size + 1;
    }
}

/* What the parser is not asked to read: bytes that are no UTF-8, a NUL. */
static void check_source(struct pa_tree *tree) {
    const uint8_t *s = (const uint8_t *)tree->source;
    struct pa_place place = {1, 0, 1, 0};
    if (tree->size > PA_TREE_MAX_BYTES)
        pa_refuse(tree, NULL, "more than %u bytes of source", PA_TREE_MAX_BYTES);
    for (size_t i = 0; i < tree->size;) {
        size_t n = s[i] < 0x80 ? 1 : s[i] >= 0xf0 ? 4 : s[i] >= 0xe0 ? 3 : 2;
        bool ok = s[i] != 0 && s[i] != '\f' && !(s[i] >= 0x80 && s[i] < 0xc2) && s[i] < 0xf5 &&
                  n <= tree->size - i;
        for (size_t k = 1; ok && k < n; k++)
            ok = (s[i + k] & 0xc0) == 0x80;
        if (ok && n == 3 &&
            ((s[i] == 0xe0 && s[i + 1] < 0xa0) || (s[i] == 0xed && s[i + 1] > 0x9f)))
            ok = false;
        if (ok && n == 4 &&
            ((s[i] == 0xf0 && s[i + 1] < 0x90) || (s[i] == 0xf4 && s[i + 1] > 0x8f)))
            ok = false;
        if (!ok)
            pa_refuse(tree, &place, "a byte that is no UTF-8 text, or a form feed");
        if (s[i] == '\r' && (i + 1 == tree->size || s[i + 1] != '\n'))
            pa_refuse(tree, &place, "a carriage return that ends a line by itself");
        if (s[i] == '\n') {
            place.line++;
            place.column = 0;
        } else {
            place.column += (uint32_t)n;
        }
        i += n;
    }
    size_t end = tree->size;
    end -= end && s[end - 1] == '\n';
    if (end && s[end - 1] == '\\')
        pa_refuse(tree, &place, "a backslash before the end of the program");
}

struct held {
    TSParser *parser;
    TSTree *syntax;
};

static void release(struct held *held) {
    if (held->syntax)
        ts_tree_delete(held->syntax);
    if (held->parser)
        ts_parser_delete(held->parser);
}

int pa_tree_parse(struct pa_tree *tree, const char *source, size_t size,
                  struct pa_refusal *refusal) {
    memset(tree, 0, sizeof(*tree));
    memset(refusal, 0, sizeof(*refusal));
    tree->source = source;
    tree->size = size;
    tree->refusal = refusal;
    struct pa_parse p = {.tree = tree};
    struct held *held = pa_xcalloc(1, sizeof(*held)); /* survives the longjmp */
    int refused = setjmp(tree->refused);
    if (!refused) {
        check_source(tree);
        check_encoding(tree);
        check_tabs(tree);
        held->parser = ts_parser_new();
        ts_parser_set_language(held->parser, tree_sitter_python());
        held->syntax = ts_parser_parse_string(held->parser, NULL, source, (uint32_t)size);
        TSNode root = ts_tree_root_node(held->syntax);
        if (ts_node_has_error(root))
            pa_parse_refuse(&p, find_error(root), "not valid Python, or not understood");
        tree->module = pa_parse_block(&p, root);
        pa_symbols_check(tree);
    }
    release(held);
    free(held);
    return refused ? 1 : 0;
}
