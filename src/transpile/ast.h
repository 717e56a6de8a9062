/*
 * The syntax tree that everything after the parser works on.
 *
 *     struct pa_tree tree;
 *     pa_tree_parse(&tree, source, size, &refusal)       0, or 1 with *refusal filled
 *     ... tree.module: a BLOCK ...
 *     pa_tree_done(&tree);
 *
 * Nodes live in an arena and are never freed singly.  A function's subtree is copied for each set
 * of argument types it is compiled for (pa_node_clone), so what analysis writes into nodes belongs
 * to one instance.  The source is hostile: nesting, the number of nodes and the length of what they
 * hold are bounded (PA_TREE_MAX_*), and whatever the grammar accepts that is not in the subset is a
 * refusal with its place.
 */
#ifndef PA_TRANSPILE_AST_H
#define PA_TRANSPILE_AST_H

#include "base/macros.h"
#include <setjmp.h>
#include <stdbool.h>

#define PA_TREE_MAX_DEPTH  120         /* of nested expressions and blocks */
#define PA_TREE_MAX_BYTES  (1u << 20)  /* of source */
#define PA_TREE_MAX_MEMORY (96u << 20) /* of arena */

enum pa_node_kind {
    /* expressions */
    PA_N_INT,       /* ival */
    PA_N_FLOAT,     /* fval */
    PA_N_STR,       /* str, len: decoded, UTF-8 */
    PA_N_BOOL,      /* ival */
    PA_N_NONE,      /**/
    PA_N_NAME,      /* str */
    PA_N_BINARY,    /* op, a, b */
    PA_N_NEGATE,    /* a */
    PA_N_POSITIVE,  /* a */
    PA_N_INVERT,    /* a */
    PA_N_NOT,       /* a */
    PA_N_AND,       /* a, b */
    PA_N_OR,        /* a, b */
    PA_N_COMPARE,   /* kids: operands; ops: between them */
    PA_N_CALL,      /* a: function; kids: positional; keywords: KEYWORD nodes after those */
    PA_N_KEYWORD,   /* str, a */
    PA_N_STAR,      /* a: *a */
    PA_N_ATTRIBUTE, /* a, str */
    PA_N_INDEX,     /* a, b */
    PA_N_SLICE,     /* a, then kids[0..2]: low, high, step or NULL */
    PA_N_LIST,      /* kids */
    PA_N_TUPLE,     /* kids */
    PA_N_SET,       /* kids */
    PA_N_DICT,      /* kids: key, value, ... */
    PA_N_LISTCOMP,  /* a; kids: CLAUSE */
    PA_N_SETCOMP,   /* a; kids */
    PA_N_DICTCOMP,  /* a: key, b: value; kids */
    PA_N_GENERATOR, /* a; kids */
    PA_N_CLAUSE,    /* a: target, b: iterable; kids: conditions */
    PA_N_IFEXP,     /* a if b else c */
    PA_N_LAMBDA,    /* def */
    PA_N_FSTRING,   /* kids: STR or FORMAT */
    PA_N_FORMAT,    /* a; op: conversion 0 r s a; b: FSTRING of the specification or NULL */
    PA_N_WALRUS,    /* a: NAME, b */
    /* statements */
    PA_S_BLOCK,    /* kids */
    PA_S_EXPR,     /* a */
    PA_S_ASSIGN,   /* kids: targets, from left; a: value */
    PA_S_AUGMENT,  /* op, a: target, b: value */
    PA_S_ANNOTATE, /* a: target, without a value */
    PA_S_IF,       /* a, b, c or NULL */
    PA_S_WHILE,    /* a, b: body, c: else or NULL */
    PA_S_FOR,      /* a: target, b: iterable, c: body, d: else or NULL */
    PA_S_DEF,      /* str, def */
    PA_S_CLASS,    /* str; kids: bases; a: body */
    PA_S_RETURN,   /* a or NULL */
    PA_S_RAISE,    /* a or NULL, b: from, or NULL */
    PA_S_TRY,      /* a: body; kids: HANDLER; b: else, c: finally */
    PA_S_HANDLER,  /* kids: classes (empty: all); str: name or NULL; a: body */
    PA_S_BREAK,
    PA_S_CONTINUE,
    PA_S_PASS,
    PA_S_GLOBAL,   /* kids: NAME */
    PA_S_NONLOCAL, /* kids: NAME */
    PA_S_ASSERT,   /* a, b or NULL */
    PA_S_DELETE,   /* kids */
    PA_S_IMPORT,   /* str: module; kids: NAME with str the member and sub the alias (from) */
};

enum pa_op {
    PA_OP_ADD,
    PA_OP_SUB,
    PA_OP_MUL,
    PA_OP_DIV,
    PA_OP_FLOORDIV,
    PA_OP_MOD,
    PA_OP_POW,
    PA_OP_AND,
    PA_OP_OR,
    PA_OP_XOR,
    PA_OP_SHL,
    PA_OP_SHR,
    PA_OP_EQ,
    PA_OP_NE,
    PA_OP_LT,
    PA_OP_LE,
    PA_OP_GT,
    PA_OP_GE,
    PA_OP_IN,
    PA_OP_NOT_IN,
    PA_OP_IS,
    PA_OP_IS_NOT,
};

/* A place in the source: lines from 1, columns in bytes from 0. */
struct pa_place {
    uint32_t line, column, end_line, end_column;
};

/* The part of an expression that does something, where a traceback marks it: an operator, the
 * parentheses of a call, the brackets of an element. */
struct pa_anchor {
    uint32_t line, column;
    uint16_t length; /* in bytes; 0: to the end of the expression */
    uint16_t kind;
};
enum pa_anchor_kind {
    PA_ANCHOR_NONE,
    PA_ANCHOR_OPERATOR,
    PA_ANCHOR_ELEMENT,
    PA_ANCHOR_CALL,
    PA_ANCHOR_CALL_OF_NAME, /* f(), not x.f() */
};

struct pa_type;
struct pa_value_type {
    struct pa_type *type; /* NULL: nothing yet, or with `none` only None */
    bool none;            /* may be None */
};

struct g_loop_info;
struct pa_node;
struct pa_param {
    const char *name;
    struct pa_node *value; /* default, or NULL */
    enum {
        PA_PARAM_PLAIN,
        PA_PARAM_KEYWORD,
        PA_PARAM_REST
    } style;
    struct pa_place place;
};

/* A function's definition as written: shared by its instances. */
struct pa_def {
    const char *name; /* "<lambda>" */
    struct pa_param *params;
    size_t param_count;
    struct pa_node *body; /* BLOCK, or the expression of a lambda */
    bool is_lambda, is_static, is_classmethod, is_property;
    bool is_made; /* a lambda that stands for a function of Python's: in no traceback */
    struct pa_node *at;
};

struct pa_node {
    enum pa_node_kind kind;
    uint8_t op;
    uint8_t *ops; /* of COMPARE */
    struct pa_place place;
    struct pa_anchor anchor;
    struct pa_node *a, *b, *c, *d;
    struct pa_node **kids;
    uint32_t kid_count;
    const char *str, *sub;
    uint32_t len;
    int64_t ival;
    double fval;
    struct pa_def *def;

    /* What analysis found out, for one instance of the function around it. */
    struct pa_value_type type; /* of an expression's value */
    struct pa_web *web;        /* of a NAME: which variable */
    struct pa_variable *variable;
    struct pa_instance_of *instance; /* of a CALL: what is called */
    struct pa_class *class;
    void *note;
    struct g_loop_info *loop; /* what is known of the loop that it stands for (gen_facts.c) */
    uint8_t mark;
};

/* Why a program cannot be compiled. */
struct pa_refusal {
    uint32_t line, column; /* from 1, in characters; 0: the program as a whole */
    char message[200];
};

struct pa_chunk;
struct pa_tree {
    struct pa_chunk *chunks;
    size_t memory;
    const char *source;
    size_t size;
    struct pa_node *module;
    jmp_buf refused; /* where pa_refuse goes */
    struct pa_refusal *refusal;
};

int pa_tree_parse(struct pa_tree *tree, const char *source, size_t size,
                  struct pa_refusal *refusal);
void pa_tree_done(struct pa_tree *tree);

/* Zeroed memory of the tree; refuses the program when there is too much. */
void *pa_tree_alloc(struct pa_tree *tree, size_t size);
struct pa_node *pa_node_new(struct pa_tree *tree, enum pa_node_kind kind, struct pa_place place);
struct pa_node *pa_node_clone(struct pa_tree *tree, const struct pa_node *node);

/* Ends the work: longjmp to where the caller of the pass waits (tree->refused). */
PA_NORETURN void pa_refuse(struct pa_tree *tree, const struct pa_place *place, const char *fmt, ...)
    PA_PRINTF(3, 4);

/* parse.c, for ast.c */
struct TSNode;

#endif
