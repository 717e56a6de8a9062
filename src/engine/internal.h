/*
 * What the files of this folder share.  <wasmtime.h> stays behind it.
 */
#ifndef PA_ENGINE_INTERNAL_H
#define PA_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "engine/memory.h"
#include <wasmtime.h>

struct pa_engine {
    wasm_engine_t *wasm;
    struct pa_engine_settings settings;
    struct pa_memory_pool pool; /* of the one instance that lives at a time */
};

struct pa_module {
    wasmtime_module_t *wasm;
};

/* The functions that a module may import, and whom they serve.  pa_instance_new fills it in with
 * WASI; tests bring their own. */
struct pa_host {
    const struct pa_wasi_import *imports; /* sorted by name, all of PA_WASI_MODULE */
    size_t import_count;
    struct pa_wasi *wasi;
    const struct pa_wasi_state *(*state)(const struct pa_wasi *wasi);
    const struct pa_entry *entry; /* has the stand-ins for other imports; NULL: none */
};

/* One imported function: what Wasmtime calls us with. */
struct pa_import_call {
    struct pa_instance *instance;
    const struct pa_wasi_import *import;
    enum pa_stub_answer answer; /* of a stand-in */
};

struct pa_instance {
    struct pa_engine *engine;
    struct pa_host host;
    struct pa_limits limits;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t wasm;
    wasmtime_instance_t added; /* beside it, if `has_added` */
    bool has_added;
    struct pa_memory *memory; /* the export "memory"; NULL: not looked up yet, or there is none */
    struct pa_import_call *calls;
    pa_instance_end_fn *on_end; /* or NULL */
    void *on_end_context;
};

/* engine.c */

bool pa_engine_metered(const struct pa_engine_settings *settings);

/* The text of an error, on one line, and the error's end.  The caller frees the text. */
char *pa_engine_take_error(wasmtime_error_t *error);

/* compile.c: pa_module_compile for a given table of imports. */
int pa_module_compile_for(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                          bool need_start, const struct pa_host *host, struct pa_buf *artifact,
                          struct pa_end *invalid, struct pa_error *err);

/* compile.c: the module's artifact, appended. */
int pa_module_serialize(const wasmtime_module_t *module, struct pa_buf *artifact,
                        struct pa_error *err);

/* linker.c: the module's imports, in its order, as functions of the instance's store.  0, or -1
 * with *err when the artifact asks for something that compilation would have refused. */
int pa_linker_resolve(struct pa_instance *instance, const struct pa_module *module,
                      wasmtime_extern_t **ret, size_t *ret_count, struct pa_error *err);

/* instance.c: the function that an export is; false where there is none. */
bool pa_instance_find(struct pa_instance *instance, const char *export, wasmtime_func_t *ret);

/* instance.c: pa_instance_new for a given table of imports. */
int pa_instance_new_for(struct pa_engine *engine, struct pa_module *module,
                        const struct pa_host *host, const struct pa_limits *limits,
                        struct pa_instance **ret, struct pa_end *end, struct pa_error *err);

/* trap.c: fills *end from what a call returned (at most one of error and trap; both are consumed),
 * from WASI's state and from the memory's. */
void pa_end_of_call(struct pa_instance *instance, wasmtime_error_t *error, wasm_trap_t *trap,
                    struct pa_end *end);

/* backtrace.c: Wasmtime's text of a backtrace to ours, "  #0 name (file:line:column)", innermost
 * first. `frames` are the same frames, for the names that Wasmtime's text spoils; may be empty. */
void pa_backtrace_format(const char *text, size_t size, const wasm_frame_vec_t *frames, char *out,
                         size_t room);

#endif
