/*
 * The runtime, as the build left it (runtime/pack): compiled C whose functions are taken one by
 * one.
 *
 * The build links runtime/ into one WebAssembly module with its relocations kept, and turns that
 * into tables: each function's type, body, and the places in it that name other functions.  Its
 * data comes along whole, at the addresses that the build gave it.  There are two ways to have it:
 *
 *     inside      a function that generated code calls by name is taken over with all that it
 *                 calls; the rest stays out.  The module needs nothing but WASI.
 *     outside     it is imported from the runtime's own module, which has all functions, the memory
 *                 and the table (g_runtime_module), and was compiled once for all programs.
 *
 * Function numbers: the imports of WASI (inside: fd_write, fd_read, proc_exit), then the runtime's
 * functions in the order in which they were asked for and the program's own, both by numbers of
 * g_link_*.
 */
#ifndef PA_TRANSPILE_LINK_H
#define PA_TRANSPILE_LINK_H

#include "base/buf.h"

/* One function of the packed runtime. */
struct pa_rt_function {
    const char *name;        /* NULL for those that only the runtime calls */
    const char *type;        /* parameters, ">", result: i I f for i32 i64 f64 */
    uint32_t body, size;     /* in pa_rt_code */
    uint32_t fix, fix_count; /* in pa_rt_fixes */
};

/* A padded LEB128 in a body that names a function or a type. */
struct pa_rt_fix {
    uint32_t at;
    uint32_t what; /* a function of the table; or a type, by pa_rt_types, with the top bit */
};

struct pa_rt_symbol {
    const char *name;
    uint32_t address;
};

extern const struct pa_rt_function pa_rt_functions[];
extern const uint32_t pa_rt_function_count, pa_rt_import_count;
extern const struct pa_rt_fix pa_rt_fixes[];
extern const uint8_t pa_rt_code[];
extern const char *const pa_rt_types[];
extern const struct pa_rt_symbol pa_rt_symbols[];
extern const uint32_t pa_rt_symbol_count;
extern const uint8_t pa_rt_data[];
extern const uint32_t pa_rt_data_start, pa_rt_data_size, pa_rt_data_end, pa_rt_stack_top;

#define G_OWN 0x40000000u /* marks a function number as one of the program's, until the end */

struct g_link {
    bool outside;
    uint32_t first;   /* number of the first that is taken: so many imports are WASI's */
    uint32_t *number; /* by function of the table: its number + 1, 0: not taken */
    uint32_t *taken;  /* in order */
    uint32_t taken_count;
};

/* The number of the runtime's function `name`, which exists. */
uint32_t g_link_function(struct g_link *link, const char *name);
const struct pa_rt_function *g_link_named(const char *name);
uint32_t g_link_symbol(const char *name);
void g_link_init(struct g_link *link, bool outside);
/* Takes all there are, in the order of the table. */
void g_link_all(struct g_link *link);
void g_link_done(struct g_link *link);

#endif
