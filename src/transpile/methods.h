/*
 * Methods and functions of Python's that are one function of the runtime each.
 *
 * Inference and generation read the same row: what arguments there are and become, what comes back,
 * which function of runtime/ does it.  Letters of arguments:
 *
 *     i  int            f  any number, as float     s  str          b  a truth value
 *     x  an item, which the container's type takes up     y  an item that is looked for
 *     k  a key, taken up     q  a key that is looked for     v  a value of a dict, taken up
 *     S  the receiver's type     L  anything that gives items, as a list     J  the same of str
 *
 * and of results, besides i f s b S:
 *
 *     n  None     x  an item     v  a value     w  list[str]     t  (str, str, str)
 *     e  list of items     p  (key, value)
 */
#ifndef PA_TRANSPILE_METHODS_H
#define PA_TRANSPILE_METHODS_H

#include "transpile/program.h"

struct pa_method {
    enum pa_type_kind receiver;
    const char *name, *args;
    char result;
    bool raises;
    const char *symbol;
};

/* The row for so many arguments; NULL without one.  *ret_known: the name exists at all. */
const struct pa_method *pa_method_find(enum pa_type_kind receiver, const char *name, size_t args,
                                       bool *ret_known);

/* Functions of modules (math): receiver is not used. */
const struct pa_method *pa_module_function(const char *module, const char *name, size_t args);
/* math.pi and its like. */
bool pa_module_constant(const char *module, const char *name, double *ret_value);

#endif
