/*
 * The inside of the parser: from tree-sitter's concrete tree to ours.
 *
 *     parse.c        entry, children by kind and field
 *     parse_expr.c   expressions
 *     parse_text.c   string literals and f-strings
 *     parse_stmt.c   statements
 *
 * The grammar is looser than Python (it reads Python 2's print, and mends what is broken): a kind
 * that is not named here is refused, never guessed at.
 */
#ifndef PA_TRANSPILE_PARSE_H
#define PA_TRANSPILE_PARSE_H

#include "transpile/ast.h"
#include <tree_sitter/api.h>

struct pa_parse {
    struct pa_tree *tree;
    unsigned depth;
    uint32_t column;           /* where the statements around begin */
    unsigned loops, functions; /* around the statement: break and return belong in one */
    unsigned brackets;         /* around the expression: lines may end in them */
    unsigned specifications;   /* of formats, inside each other */
    const char *around;        /* the kind of what the expression is a part of */
    bool in_finally;           /* of the function */
    unsigned loops_outside;    /* of that finally */
};

/* A child that is not a comment, with the name of its field or NULL. */
struct pa_kid {
    TSNode node;
    const char *field;
    bool named;
};

struct pa_kids {
    struct pa_kid *list;
    size_t count;
};

struct pa_kids pa_parse_kids(struct pa_parse *p, TSNode node);
/* The first kid of a field; a null node without one. */
TSNode pa_parse_field(struct pa_kids kids, const char *field);
/* The named kids alone. */
struct pa_kids pa_parse_named(struct pa_parse *p, TSNode node);

struct pa_place pa_parse_place(TSNode node);
bool pa_parse_is(TSNode node, const char *type);
/* The node's text as a C string in the arena. */
const char *pa_parse_text(struct pa_parse *p, TSNode node);

/* Refuses a line's end between the children of `node`, up to its block: outside of brackets a line
 * ends what is written, but after a backslash. */
void pa_parse_lines(struct pa_parse *p, TSNode node);
/* Refuses an opening bracket with a comma after it, which the grammar accepts. */
void pa_parse_commas(struct pa_parse *p, TSNode node);

PA_NORETURN void pa_parse_refuse(struct pa_parse *p, TSNode node, const char *what);

/* Counts nesting: enter before a node's children are built, leave after. */
void pa_parse_enter(struct pa_parse *p, TSNode node);
void pa_parse_leave(struct pa_parse *p);

struct pa_node *pa_parse_expression(struct pa_parse *p, TSNode node);
struct pa_node *pa_parse_string(struct pa_parse *p, TSNode node);
/* "...".format(...) as an f-string; NULL where it is not that simple. */
struct pa_node *pa_parse_format_call(struct pa_parse *p, struct pa_node *call);
struct pa_node *pa_parse_joined_strings(struct pa_parse *p, TSNode node);
struct pa_node *pa_parse_target(struct pa_parse *p, TSNode node);
struct pa_def *pa_parse_def(struct pa_parse *p, const char *name, TSNode parameters, TSNode body,
                            bool is_lambda, struct pa_node *at);
struct pa_node *pa_parse_block(struct pa_parse *p, TSNode node);

/* symbols.c: refuses what Python's compiler finds wrong with names, in the whole tree. */
void pa_symbols_check(struct pa_tree *tree);

/* A node with room for `count` kids, none yet. */
struct pa_node *pa_parse_new(struct pa_parse *p, enum pa_node_kind kind, TSNode at, size_t room);
void pa_parse_add(struct pa_node *node, struct pa_node *kid);

#endif
