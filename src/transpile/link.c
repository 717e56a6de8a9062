#include "transpile/link.h"

const struct pa_rt_function *g_link_named(const char *name) {
    for (uint32_t i = 0; i < pa_rt_function_count; i++)
        if (pa_rt_functions[i].name && pa_streq(pa_rt_functions[i].name, name))
            return &pa_rt_functions[i];
    fprintf(stderr, "the runtime has no %s\n", name);
    PA_ASSERT(!"a function of the runtime");
    return NULL;
}

void g_link_init(struct g_link *link, bool outside) {
    link->outside = outside;
    link->first = outside ? 0 : pa_rt_import_count;
    link->number = pa_xcalloc(pa_rt_function_count, sizeof(*link->number));
    link->taken = pa_xcalloc(pa_rt_function_count, sizeof(*link->taken));
    link->taken_count = 0;
}

void g_link_done(struct g_link *link) {
    free(link->number);
    free(link->taken);
}

static void take_one(struct g_link *link, uint32_t function) {
    if (link->number[function])
        return;
    link->taken[link->taken_count] = function;
    link->number[function] = link->first + link->taken_count++ + 1;
}

/* Takes over a function and, by a list of work that is the table of what is taken, all it calls. */
static void take(struct g_link *link, uint32_t function) {
    uint32_t next = link->taken_count;
    take_one(link, function);
    for (; next < link->taken_count && !link->outside; next++) {
        const struct pa_rt_function *at = &pa_rt_functions[link->taken[next]];
        for (uint32_t i = 0; i < at->fix_count; i++) {
            uint32_t what = pa_rt_fixes[at->fix + i].what;
            if (what & 0x80000000u || what < pa_rt_import_count)
                continue;
            take_one(link, what - pa_rt_import_count);
        }
    }
}

void g_link_all(struct g_link *link) {
    for (uint32_t i = 0; i < pa_rt_function_count; i++)
        take_one(link, i);
}

uint32_t g_link_function(struct g_link *link, const char *name) {
    uint32_t function = (uint32_t)(g_link_named(name) - pa_rt_functions);
    take(link, function);
    return link->number[function] - 1;
}

uint32_t g_link_symbol(const char *name) {
    for (uint32_t i = 0; i < pa_rt_symbol_count; i++)
        if (pa_streq(pa_rt_symbols[i].name, name))
            return pa_rt_symbols[i].address;
    fprintf(stderr, "the runtime has no %s\n", name);
    PA_ASSERT(!"a symbol of the runtime");
    return 0;
}
