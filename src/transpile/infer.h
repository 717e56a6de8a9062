/*
 * The inside of inference: what its files share.
 *
 *     infer.c           statements, and the passes
 *     infer_expr.c      expressions
 *     infer_operate.c   operators, elements, iteration
 *     infer_call.c      calls of functions, classes and methods of the program
 *     infer_builtin.c   calls of Python's own functions and methods
 */
#ifndef PA_TRANSPILE_INFER_H
#define PA_TRANSPILE_INFER_H

#include "transpile/program.h"

struct pa_infer {
    struct pa_program *program;
    struct pa_tree *tree;
    struct pa_instance_of *in; /* whose body is being looked at */
};

/* What is known of a condition before anything runs. */
enum pa_truth {
    PA_DEPENDS,
    PA_ALWAYS,
    PA_NEVER,
    PA_NOT_KNOWN_YET
};
enum pa_truth pa_infer_truth(struct pa_infer *x, struct pa_node *node);

void pa_infer_statement(struct pa_infer *x, struct pa_node *node);
struct pa_value_type pa_infer_expression(struct pa_infer *x, struct pa_node *node);
/* The type of what a loop over the node gets: also where the node is no value by itself (zip). */
struct pa_value_type pa_infer_iteration(struct pa_infer *x, struct pa_node *node);
struct pa_value_type pa_infer_items_of(struct pa_infer *x, struct pa_value_type type,
                                       const struct pa_place *place);
void pa_infer_assign(struct pa_infer *x, struct pa_node *target, struct pa_value_type type);
struct pa_value_type *pa_infer_place(struct pa_infer *x, struct pa_node *name);
struct pa_value_type pa_infer_binary(struct pa_infer *x, struct pa_node *node, enum pa_op op,
                                     struct pa_value_type a, struct pa_value_type b);
struct pa_value_type pa_infer_compare(struct pa_infer *x, struct pa_node *node);
struct pa_value_type pa_infer_index(struct pa_infer *x, struct pa_node *node);
struct pa_value_type pa_infer_slice(struct pa_infer *x, struct pa_node *node);
struct pa_value_type pa_infer_attribute(struct pa_infer *x, struct pa_node *node);
void pa_infer_to_any(struct pa_infer *x, struct pa_value_type type);

struct pa_value_type pa_infer_call(struct pa_infer *x, struct pa_node *node);
/* object.name(args), called by the language: __setitem__ and its like.  Refuses without it. */
struct pa_value_type pa_infer_special(struct pa_infer *x, struct pa_node *node,
                                      struct pa_class *class, const char *name,
                                      const struct pa_value_type *args, size_t count);
/* The same, but unknown where the class has none; *ret_there says. */
struct pa_value_type pa_infer_special_if(struct pa_infer *x, struct pa_node *node,
                                         struct pa_class *class, const char *name,
                                         const struct pa_value_type *args, size_t count,
                                         bool *ret_there);
struct pa_value_type pa_infer_construct(struct pa_infer *x, struct pa_node *node,
                                        struct pa_class *class, const struct pa_value_type *args,
                                        size_t count);
/* What `function` gives for these arguments: sorted's key, map's function. */
struct pa_value_type pa_infer_apply(struct pa_infer *x, struct pa_node *function,
                                    const struct pa_value_type *args, size_t count);
/* map(str, ...), key=len, key=str.lower: a function of Python's by its name becomes a lambda. */
struct pa_value_type pa_infer_applied_builtin(struct pa_infer *x, struct pa_node *function,
                                              size_t count);
bool pa_infer_is_named_method(struct pa_infer *x, struct pa_node *function, size_t count);
/* The type that an object behind ANY has when it is a list, a dict, a set. */
struct pa_value_type pa_infer_any_container(struct pa_infer *x, enum pa_type_kind kind);
struct pa_value_type pa_infer_builtin(struct pa_infer *x, struct pa_node *node, const char *name);
struct pa_value_type pa_infer_method(struct pa_infer *x, struct pa_node *node,
                                     struct pa_value_type object);
struct pa_value_type pa_infer_module_call(struct pa_infer *x, struct pa_node *node,
                                          const char *module, const char *name);
struct pa_value_type pa_infer_module_value(struct pa_infer *x, struct pa_node *node,
                                           const char *module, const char *name);
/* A function of Python's own that can be named. */
bool pa_is_builtin(const char *name);
/* The keyword argument of a call, or NULL. */
struct pa_node *pa_keyword(const struct pa_node *call, const char *name);
/* Positional arguments; refuses keywords other than those in `allowed` (separated by spaces). */
uint32_t pa_positional(struct pa_infer *x, const struct pa_node *call, const char *allowed,
                       uint32_t least, uint32_t most);

/* Types that an expression makes anew are made once and found again in later passes. */
struct pa_value_type pa_infer_fresh(struct pa_infer *x, struct pa_node *node,
                                    enum pa_type_kind kind, uint32_t items);
void pa_infer_item(struct pa_infer *x, struct pa_value_type container, uint32_t item,
                   struct pa_value_type type);

/* Calls that give something to iterate over and are no values by themselves. */
enum pa_lazy {
    PA_LAZY_NOT,
    PA_LAZY_RANGE, /* a value, too */
    PA_LAZY_ENUMERATE,
    PA_LAZY_ZIP,
    PA_LAZY_MAP,
    PA_LAZY_FILTER,
    PA_LAZY_REVERSED,
    PA_LAZY_GENERATOR,
    PA_LAZY_ITEMS,
    PA_LAZY_KEYS,
    PA_LAZY_VALUES,
};
enum pa_lazy pa_lazy_kind(const struct pa_node *node);
bool pa_constant_index(const struct pa_node *node, int64_t *ret);
/* "__add__", or "__radd__" */
const char *pa_operator_method(enum pa_op op, bool reflected);

/* Which arguments of a call go to which parameters of a function: out[i] is NULL where the default
 * is to be used.  `skip` parameters (self) are given already.  Refuses what does not fit. */
void pa_bind_arguments(struct pa_tree *tree, struct pa_node *call, const struct pa_def *def,
                       size_t skip, struct pa_node **out);

/* The classes of which an object of this type may be at run time and that know the method. */
size_t pa_candidates(struct pa_program *program, struct pa_value_type type, const char *name,
                     struct pa_class **out, size_t room);
#define PA_MAX_CANDIDATES 32

/* While a list sorts itself Python shows it as empty: a key function that looks at it is refused.
 */
void pa_infer_refuse_sorted_list(struct pa_infer *x, const struct pa_node *list,
                                 const struct pa_node *key);

#endif
