/*
 * A small YAML document as a tree whose every node knows its line and column.
 *
 * For configuration, not for everything that YAML is: one document, UTF-8, text as keys, no tags,
 * no merge keys; aliases are copies.  Bounded whatever the input: depth, nodes and bytes of text
 * (aliases included), so that neither a deep file nor an alias bomb costs more than a few
 * megabytes.
 */
#ifndef PA_CONFIG_YAML_H
#define PA_CONFIG_YAML_H

#include "base/buf.h"

#define PA_YAML_MAX_DEPTH 16
#define PA_YAML_MAX_NODES 16384
#define PA_YAML_MAX_TEXT  (4 * 1024 * 1024) /* bytes, in all */

enum pa_yaml_type {
    PA_YAML_SCALAR,
    PA_YAML_LIST,
    PA_YAML_MAP,
};

struct pa_yaml_node {
    enum pa_yaml_type type;
    unsigned line, column; /* of the value, from 1 */
    char *key;             /* NULL unless the parent is a map */
    bool reported;         /* a fault of it was: a key the map has already, an alias of nothing */
    unsigned key_line, key_column;
    char *text; /* of a scalar; holds no NUL inside */
    bool plain; /* a scalar without quotes */
    struct pa_yaml_node **children;
    size_t child_count, child_capacity;
};

/* Where faults go; `path` is the dotted key they are under, or "". */
struct pa_yaml_sink {
    void *context;
    void (*fault)(void *context, unsigned line, unsigned column, const char *path,
                  const char *message);
};

/* 0 with the tree (NULL for an empty document), or -1 after at least one fault was reported. Faults
 * of form that leave the rest readable (a key given twice) are reported with the tree: then 0. */
int pa_yaml_parse(const char *text, size_t size, const struct pa_yaml_sink *sink,
                  struct pa_yaml_node **ret_root);
void pa_yaml_free(struct pa_yaml_node *node);

/* True for an empty value, ~ and null. */
bool pa_yaml_is_null(const struct pa_yaml_node *node);

/* "a list", "a map", "text". */
const char *pa_yaml_type_name(const struct pa_yaml_node *node);

/* Appends text as a double-quoted scalar on one line.  Bytes that are not UTF-8, which YAML cannot
 * hold, come out as the characters of their numbers. */
void pa_yaml_quote(const char *text, struct pa_buf *out);

#endif
