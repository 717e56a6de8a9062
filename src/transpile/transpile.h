/*
 * Python to WebAssembly: a subset that is compiled, never interpreted.
 *
 *     struct pa_transpile_result result;
 *     pa_transpile_source(source, size, "<string>", &result);
 *     if (result.refused) ... result.refusal says where and why ...
 *     else ... result.module is a module of WASI preview 1 ...
 *     pa_transpile_result_done(&result);
 *
 * The module imports fd_write, fd_read and proc_exit and exports _start and memory.  It gives what
 * Python gives, byte for byte, or exits with PA_TRANSPILE_EXIT (run/transpile.h): then the program
 * met what is not compiled (an integer past 64 bits, an error whose text differs between versions),
 * and only an interpreter knows what happens.
 *
 * The source is hostile.  Everything is bounded; a program that is too large, too deep or not in
 * the subset is refused with its place.  This is called in a jailed process and by tests.
 */
#ifndef PA_TRANSPILE_TRANSPILE_H
#define PA_TRANSPILE_TRANSPILE_H

#include "base/buf.h"
#include "transpile/ast.h"

/* What a module exits with when it needs an interpreter. */
#define PA_TRANSPILE_EXIT_CODE 217

#define PA_TRANSPILE_START 7 /* numbers */

struct pa_transpile_result {
    bool refused;
    struct pa_refusal refusal;
    bool uses_input;      /* it reads standard input */
    struct pa_buf module; /* or its text */
    /* Of a module for the runtime: the memory that it needs, what is in it to begin with, and what
     * the runtime is told before the program runs. */
    uint64_t memory_bytes;
    uint32_t start[PA_TRANSPILE_START];
    uint32_t data_at;
    struct pa_buf data;
};

void pa_transpile_source(const char *source, size_t size, const char *filename,
                         struct pa_transpile_result *ret);
/* The same, but the module has the program's own functions alone and imports the rest from the
 * runtime's module, PA_TRANSPILE_RUNTIME: for whoever has that at hand, compiled.  What an engine
 * would have to make more code for is left to him, too.  To run it: put the data into the memory,
 * call the runtime's rt_start with the numbers, the program's _start, and the runtime's rt_finish.
 */
#define PA_TRANSPILE_RUNTIME "runtime"
void pa_transpile_for_runtime(const char *source, size_t size, const char *filename,
                              struct pa_transpile_result *ret);
/* The runtime's module: of WASI preview 1, exports memory, table and functions. */
void pa_transpile_runtime(struct pa_buf *module);
/* A self-contained one, but result.module is text: the program's functions with the lines they come
 * from. */
void pa_transpile_to_text(const char *source, size_t size, const char *filename,
                          struct pa_transpile_result *ret);
void pa_transpile_result_done(struct pa_transpile_result *result);

#endif
