/*
 * libyaml's events, turned into a tree.
 *
 * Why not libcyaml, which loads YAML into structs by a schema?  It was tried (1.3.1).  It stops at
 * the first fault; it says which key is unknown, but neither which are known nor the line of a key
 * given twice; it loads `allow_clock: maybe` as true; and of a syntax error it reports the line of
 * the map around it, not of the error.  Nor can a schema say "text or a map" (an allowed path) or
 * "any key" (variables).  libyaml, on which it stands, has all of that: exact marks on every event.
 *
 * The tree is read by recursion, which the depth bounds.  A fault that says that the rest cannot be
 * trusted (syntax, a bound) sets `stopped`, and everything unwinds; one that concerns a single
 * value is reported and reading goes on.
 */
#include "config/yaml.h"

#include "base/buf.h"
#include <stdarg.h>
#include <yaml.h>

struct anchor {
    char *name;
    const struct pa_yaml_node *node;
};

struct reader {
    yaml_parser_t parser;
    const char *text;
    size_t size;
    const struct pa_yaml_sink *sink;
    size_t nodes, bytes; /* so far, in all */
    struct anchor *anchors;
    size_t anchor_count, anchor_capacity;
    char path[256]; /* dotted, of what is being read */
    size_t path_size;
    bool stopped;
};

PA_PRINTF(4, 5)
static void fault(struct reader *reader, unsigned line, unsigned column, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char message[384];
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    reader->sink->fault(reader->sink->context, line, column, reader->path, message);
}

static unsigned line_of(yaml_mark_t mark) {
    return (unsigned)mark.line + 1;
}

static unsigned column_of(yaml_mark_t mark) {
    return (unsigned)mark.column + 1;
}

static void syntax_fault(struct reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    reader->stopped = true;
    if (parser->error == YAML_READER_ERROR) {
        /* No mark here, only an offset in bytes. */
        size_t end = PA_MIN(parser->problem_offset, reader->size);
        unsigned line = 1;
        for (size_t i = 0; i < end; i++)
            line += reader->text[i] == '\n';
        fault(reader, line, 0, "not UTF-8 text: %s", parser->problem);
        return;
    }
    yaml_mark_t mark = parser->problem_mark;
    bool tab = mark.index < reader->size && reader->text[mark.index] == '\t';
    fault(reader, line_of(mark), column_of(mark), "not YAML: %s%s%s%s",
          parser->context ? parser->context : "", parser->context ? ": " : "",
          parser->problem ? parser->problem : "out of memory",
          tab ? "; this line is indented with a tab: use spaces" : "");
}

/* True with the next event, which the caller deletes. */
static bool next_event(struct reader *reader, yaml_event_t *event) {
    if (reader->stopped)
        return false;
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    syntax_fault(reader);
    return false;
}

void pa_yaml_free(struct pa_yaml_node *node) {
    if (!node)
        return;
    for (size_t i = 0; i < node->child_count; i++)
        pa_yaml_free(node->children[i]);
    free(node->children);
    free(node->key);
    free(node->text);
    free(node);
}

/* NULL, and stopped, when the budget is spent. */
static struct pa_yaml_node *new_node(struct reader *reader, enum pa_yaml_type type, unsigned line,
                                     unsigned column, size_t text_size) {
    reader->nodes++;
    reader->bytes += text_size;
    if (reader->nodes > PA_YAML_MAX_NODES || reader->bytes > PA_YAML_MAX_TEXT) {
        reader->stopped = true;
        fault(reader, line, column,
              "too large: more than %d values or %d bytes of text, aliases counted",
              PA_YAML_MAX_NODES, PA_YAML_MAX_TEXT);
        return NULL;
    }
    struct pa_yaml_node *node = pa_xcalloc(1, sizeof(*node));
    node->type = type;
    node->line = line;
    node->column = column;
    return node;
}

static bool too_deep(struct reader *reader, unsigned line, unsigned column, unsigned depth) {
    if (depth <= PA_YAML_MAX_DEPTH)
        return false;
    reader->stopped = true;
    fault(reader, line, column, "nested deeper than %d levels", PA_YAML_MAX_DEPTH);
    return true;
}

static void add_child(struct pa_yaml_node *parent, struct pa_yaml_node *child) {
    if (parent->child_count == parent->child_capacity) {
        size_t capacity = PA_MAX(2 * parent->child_capacity, (size_t)8);
        struct pa_yaml_node **grown = pa_xcalloc(capacity, sizeof(*grown));
        if (parent->child_count)
            memcpy(grown, parent->children, parent->child_count * sizeof(*grown));
        free(parent->children);
        parent->children = grown;
        parent->child_capacity = capacity;
    }
    parent->children[parent->child_count++] = child;
}

/* A copy of what an anchor named.  The copies stand where the alias does, for messages. */
static struct pa_yaml_node *copy_node(struct reader *reader, const struct pa_yaml_node *from,
                                      unsigned line, unsigned column, unsigned depth) {
    if (too_deep(reader, line, column, depth))
        return NULL;
    size_t text_size = (from->text ? strlen(from->text) : 0) + (from->key ? strlen(from->key) : 0);
    struct pa_yaml_node *node = new_node(reader, from->type, line, column, text_size);
    if (!node)
        return NULL;
    node->text = from->text ? pa_xstrdup(from->text) : NULL;
    node->key = from->key ? pa_xstrdup(from->key) : NULL;
    node->key_line = line;
    node->key_column = column;
    node->plain = from->plain;
    for (size_t i = 0; i < from->child_count && !reader->stopped; i++) {
        struct pa_yaml_node *child = copy_node(reader, from->children[i], line, column, depth + 1);
        if (child)
            add_child(node, child);
    }
    return node;
}

static struct pa_yaml_node *read_alias(struct reader *reader, const yaml_event_t *event,
                                       unsigned depth) {
    const char *name = (const char *)event->data.alias.anchor;
    unsigned line = line_of(event->start_mark), column = column_of(event->start_mark);
    for (size_t i = reader->anchor_count; i-- > 0;) {
        if (!pa_streq(reader->anchors[i].name, name))
            continue;
        struct pa_yaml_node *node = copy_node(reader, reader->anchors[i].node, line, column, depth);
        if (node) {
            free(node->key);
            node->key = NULL;
        }
        return node;
    }
    fault(reader, line, column, "*%.64s: no anchor of that name is complete above this line", name);
    struct pa_yaml_node *node = new_node(reader, PA_YAML_SCALAR, line, column, 0);
    if (node) {
        node->text = pa_xstrdup("");
        node->reported = true;
    }
    return node;
}

/* The node is complete: an alias inside it could not find it, so there are no cycles. */
static void remember_anchor(struct reader *reader, const char *name,
                            const struct pa_yaml_node *node) {
    if (reader->anchor_count == reader->anchor_capacity) {
        size_t capacity = PA_MAX(2 * reader->anchor_capacity, (size_t)8);
        struct anchor *grown = pa_xcalloc(capacity, sizeof(*grown));
        if (reader->anchor_count)
            memcpy(grown, reader->anchors, reader->anchor_count * sizeof(*grown));
        free(reader->anchors);
        reader->anchors = grown;
        reader->anchor_capacity = capacity;
    }
    reader->anchors[reader->anchor_count++] = (struct anchor){pa_xstrdup(name), node};
}

static struct pa_yaml_node *read_scalar(struct reader *reader, const yaml_event_t *event) {
    const char *value = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    unsigned line = line_of(event->start_mark), column = column_of(event->start_mark);
    struct pa_yaml_node *node = new_node(reader, PA_YAML_SCALAR, line, column, size);
    if (!node)
        return NULL;
    if (memchr(value, 0, size))
        fault(reader, line, column, "the value has a NUL character in it");
    node->text = pa_xstrdup(value);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static struct pa_yaml_node *read_node(struct reader *reader, const yaml_event_t *event,
                                      unsigned depth);

static void read_list(struct reader *reader, struct pa_yaml_node *list, unsigned depth) {
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            return;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct pa_yaml_node *child = end ? NULL : read_node(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (child)
            add_child(list, child);
        if (end)
            return;
    }
}

/* A new string, or NULL, and stopped, after a fault: a list as a key could hold anchors. */
static char *read_key(struct reader *reader, const yaml_event_t *event) {
    if (event->type == YAML_SCALAR_EVENT) {
        size_t size = event->data.scalar.length;
        reader->bytes += size; /* new_node checks the sum */
        if (!memchr(event->data.scalar.value, 0, size))
            return pa_xstrdup((const char *)event->data.scalar.value);
    }
    reader->stopped = true;
    fault(reader, line_of(event->start_mark), column_of(event->start_mark), "a key must be text");
    return NULL;
}

static void add_entry(struct reader *reader, struct pa_yaml_node *map, struct pa_yaml_node *child) {
    for (size_t i = 0; i < map->child_count; i++)
        if (pa_streq(map->children[i]->key, child->key)) {
            fault(reader, child->key_line, child->key_column,
                  "this key is given twice; the first is in line %u", map->children[i]->key_line);
            child->reported = true;
            break;
        }
    add_child(map, child);
}

/* Returns how long the path was before. */
static size_t enter_path(struct reader *reader, const char *key) {
    size_t before = reader->path_size;
    size_t room = sizeof(reader->path) - before;
    int size = snprintf(reader->path + before, room, "%s%s", before ? "." : "", key);
    reader->path_size = before + PA_MIN((size_t)size, room - 1);
    return before;
}

static void leave_path(struct reader *reader, size_t before) {
    reader->path_size = before;
    reader->path[before] = 0;
}

static void read_map(struct reader *reader, struct pa_yaml_node *map, unsigned depth) {
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            return;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        PA_CLEANUP(pa_freep) char *key = end ? NULL : read_key(reader, &event);
        yaml_mark_t mark = event.start_mark;
        yaml_event_delete(&event);
        if (end || !next_event(reader, &event))
            return;
        size_t before = enter_path(reader, key);
        struct pa_yaml_node *child = read_node(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (child) {
            child->key = pa_steal(&key);
            child->key_line = line_of(mark);
            child->key_column = column_of(mark);
            add_entry(reader, map, child);
        }
        leave_path(reader, before);
    }
}

static bool has_tag(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.tag;
    default:
        return false;
    }
}

static const char *anchor_of(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

/* NULL only when stopped. */
static struct pa_yaml_node *read_node(struct reader *reader, const yaml_event_t *event,
                                      unsigned depth) {
    unsigned line = line_of(event->start_mark), column = column_of(event->start_mark);
    if (too_deep(reader, line, column, depth))
        return NULL;
    if (has_tag(event))
        fault(reader, line, column, "tags (!...) are not supported: write the value alone");
    struct pa_yaml_node *node = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event, depth);
    case YAML_SCALAR_EVENT:
        node = read_scalar(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        node = new_node(reader, PA_YAML_LIST, line, column, 0);
        if (node)
            read_list(reader, node, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        node = new_node(reader, PA_YAML_MAP, line, column, 0);
        if (node)
            read_map(reader, node, depth);
        break;
    default:
        PA_ASSERT(!"libyaml sends a value here");
    }
    if (node && anchor_of(event))
        remember_anchor(reader, anchor_of(event), node);
    return node;
}

/* STREAM-START [DOCUMENT-START value DOCUMENT-END] STREAM-END. */
static struct pa_yaml_node *read_stream(struct reader *reader) {
    struct pa_yaml_node *root = NULL;
    bool in_document = false;
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            break;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            end = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (in_document) {
                fault(reader, line_of(event.start_mark), column_of(event.start_mark),
                      "a second document (---): a configuration is one document");
                reader->stopped = true;
            }
            in_document = true;
            break;
        default:
            root = read_node(reader, &event, 1);
        }
        yaml_event_delete(&event);
    }
    return root;
}

int pa_yaml_parse(const char *text, size_t size, const struct pa_yaml_sink *sink,
                  struct pa_yaml_node **ret_root) {
    struct reader reader = {.text = text, .size = size, .sink = sink};
    PA_ASSERT(yaml_parser_initialize(&reader.parser));
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
    struct pa_yaml_node *root = read_stream(&reader);
    yaml_parser_delete(&reader.parser);
    for (size_t i = 0; i < reader.anchor_count; i++)
        free(reader.anchors[i].name);
    free(reader.anchors);
    if (reader.stopped) {
        pa_yaml_free(root);
        return -1;
    }
    *ret_root = root;
    return 0;
}

bool pa_yaml_is_null(const struct pa_yaml_node *node) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (node->type != PA_YAML_SCALAR)
        return false;
    if (!node->text)
        return true;
    for (size_t i = 0; node->plain && i < PA_ARRAY_LEN(nulls); i++)
        if (pa_streq(node->text, nulls[i]))
            return true;
    return false;
}

const char *pa_yaml_type_name(const struct pa_yaml_node *node) {
    switch (node->type) {
    case PA_YAML_LIST:
        return "a list";
    case PA_YAML_MAP:
        return "a map";
    case PA_YAML_SCALAR:
        break;
    }
    return pa_yaml_is_null(node) ? "nothing" : "text";
}

/* The length of the UTF-8 sequence at `at`, 0 if it is none; *ret_point is what it stands for. */
static size_t decode(const unsigned char *at, uint32_t *ret_point) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc0 ? 2 : 0;
    uint32_t point = size > 1 ? *at & (0x7fu >> size) : *at;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    if (size == 0 || *at >= 0xf8 || point < smallest[size] || point > 0x10ffff ||
        (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return size;
}

void pa_yaml_quote(const char *text, struct pa_buf *out) {
    pa_buf_append(out, "\"", 1);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t point = *at;
        size_t size = decode(at, &point);
        if (point == '"' || point == '\\')
            pa_buf_printf(out, "\\%c", *at);
        else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || size == 0)
            pa_buf_printf(out, "\\x%02x", point);
        else if (point == 0x2028 || point == 0x2029 || (point & 0xfffe) == 0xfffe ||
                 point == 0xfeff)
            pa_buf_printf(out, "\\U%08x",
                          point); /* line breaks and what libyaml calls unprintable */
        else
            pa_buf_append(out, at, size);
        at += PA_MAX(size, (size_t)1);
    }
    pa_buf_append(out, "\"", 1);
}
