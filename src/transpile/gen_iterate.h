/* An iterator of generated code: what gen_open.c sets up and gen_iterate.c drives. */
#ifndef PA_TRANSPILE_GEN_ITERATE_H
#define PA_TRANSPILE_GEN_ITERATE_H

#include "transpile/gen.h"

enum g_how {
    OVER_RANGE,
    OVER_LIST,
    OVER_LIST_BACK,
    OVER_STR,
    OVER_DICT, /* `view`: keys, values or both */
    OVER_SET,
    OVER_MANY,    /* zip: parts */
    OVER_COUNTED, /* enumerate: parts[0], counter */
    OVER_MAP,
    OVER_FILTER,
};

struct g_iter {
    enum g_how how;
    enum pa_lazy view;
    struct pa_value_type item;
    struct pa_value_type container;
    struct pa_node *node;
    struct g_temp object;            /* what is iterated over */
    uint32_t index, at, step, count; /* locals */
    int64_t by;
    struct g_range range; /* of OVER_RANGE: between which its values are */
    struct g_iter *parts;
    uint32_t part_count;
    struct g_temp value; /* of MAP and FILTER: this round's */
};

/* Evaluates what is iterated over, into locals of *it. */
void g_open_iter(struct g_fn *f, struct pa_node *node, struct g_iter *it);

#endif
