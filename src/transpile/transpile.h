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

struct pa_transpile_result {
    bool refused;
    struct pa_refusal refusal;
    bool uses_input;      /* it reads standard input */
    struct pa_buf module; /* or its text */
};

void pa_transpile_source(const char *source, size_t size, const char *filename,
                         struct pa_transpile_result *ret);
/* The same, but result.module is text: the program's functions with the lines they come from. */
void pa_transpile_to_text(const char *source, size_t size, const char *filename,
                          struct pa_transpile_result *ret);
void pa_transpile_result_done(struct pa_transpile_result *result);

#endif
