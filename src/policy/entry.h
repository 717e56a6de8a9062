/*
 * How a module is started, and what stands in for imports that are not WASI's: from a language
 * pack's manifest to the engine.  A module that a user gives is a command without stand-ins.
 */
#ifndef PA_POLICY_ENTRY_H
#define PA_POLICY_ENTRY_H

#include "base/error.h"
#include "base/wire.h"
#include <stdbool.h>

/* style, name in a manifest */
#define PA_ENTRY_STYLES(X)                                                                         \
    X(PA_ENTRY_COMMAND, "command") /* call _start */                                               \
    X(PA_ENTRY_REACTOR, "reactor") /* _initialize, then `call`: its result is the exit */          \
    X(PA_ENTRY_REACTOR_ARGV, "reactor-argv") /* _initialize, then `call`(argc, argv) in memory */  \
    X(PA_ENTRY_RUBY_ABI, "ruby-abi")         /* _initialize, `init`(args), `call`(`eval`) */

enum pa_entry_style {
#define X(style, name) style,
    PA_ENTRY_STYLES(X)
#undef X
    /* No manifest's: the module is the transpiler's runtime, and the request is a Python program,
     * which the worker compiles for it (warm/python.c). */
    PA_ENTRY_PYTHON,
};
#define PA_ENTRY_STYLE_COUNT (PA_ENTRY_PYTHON + 1)

/* What a stand-in answers. */
#define PA_STUB_ANSWERS(X)                                                                         \
    X(PA_STUB_TRAP, "trap") /* it is not to be called */                                           \
    X(PA_STUB_MINUS_ONE, "-1")                                                                     \
    X(PA_STUB_ARGUMENT, "argument") /* its first argument */                                       \
    X(PA_STUB_NOTHING, "nothing")   /* zero, where it has a result */

enum pa_stub_answer {
#define X(answer, name) answer,
    PA_STUB_ANSWERS(X)
#undef X
};

struct pa_stub {
    char *module;
    char *name; /* "*": all of the module's that no other row names */
    enum pa_stub_answer answer;
};

#define PA_MAX_STUBS 64

struct pa_entry {
    enum pa_entry_style style;
    char *init, *call, *alloc, *eval; /* NULL where the style has none */
    struct pa_stub *stubs;
    size_t stub_count;
};

/* -1 if there is no such style or answer. */
int pa_entry_style_parse(const char *name, enum pa_entry_style *ret);
int pa_stub_answer_parse(const char *name, enum pa_stub_answer *ret);

void pa_entry_done(struct pa_entry *entry);
void pa_entry_add_stub(struct pa_entry *entry, const char *module, const char *name,
                       enum pa_stub_answer answer);

/* The stand-in for an import, or NULL. */
const struct pa_stub *pa_entry_stub(const struct pa_entry *entry, const char *module,
                                    size_t module_size, const char *name, size_t name_size);

/* Across our own sockets (trusted sender). */
void pa_entry_encode(const struct pa_entry *entry, struct pa_buf *buf);
int pa_entry_decode(struct pa_entry *entry, struct pa_reader *reader, struct pa_error *err);

#endif
