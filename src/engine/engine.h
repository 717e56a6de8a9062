/*
 * The engine: the only folder that includes <wasmtime.h>.
 *
 *     compile worker:  pa_engine_new(&settings) -> pa_module_compile -> artifact bytes
 *     run:             pa_engine_new(&settings) -> pa_module_load -> pa_instance_new
 *                      -> pa_instance_call(export) -> struct pa_end
 *     both in one:     ... pa_instance_new -> pa_module_make -> pa_instance_add
 *                      -> pa_instance_call(export)
 *
 * An artifact is native code: load only what our own compile worker made.  The supervisor, which
 * has no engine, keys it by module, engine build and variant (run/cache.h); one of other settings
 * or of another processor is refused (UNIMPLEMENTED) and made anew.  One engine per process.
 * Threads: pa_module_compile uses the engine's pool; everything else is single-threaded and
 * survives fork().
 */
#ifndef PA_ENGINE_ENGINE_H
#define PA_ENGINE_ENGINE_H

#include "base/buf.h"
#include "base/error.h"
#include "policy/entry.h"
#include "policy/policy.h"
#include "policy/status.h"
#include "wasi/wasi.h"

/* What changes the generated code; pa_policy_variant names it. */
struct pa_engine_settings {
    bool metered;         /* fuel */
    bool deterministic;   /* canonical NaNs, deterministic relaxed SIMD */
    uint64_t stack_bytes; /* not part of the code */
    bool compiling;       /* set in the compile worker: enables the compiler's threads */
};

struct pa_engine;
int pa_engine_new(const struct pa_engine_settings *settings, struct pa_engine **ret,
                  struct pa_error *err);
struct pa_engine *pa_engine_free(struct pa_engine *engine);

/* Text or binary to an artifact.  `invalid` gets the verdict on a bad module: status
 * PA_STATUS_INVALID_MODULE and a message that says what, where (byte offset) and what to do; the
 * function then returns 1.  0 is success, -1 the host's trouble in *err.  `artifact` is appended
 * to. A command must export _start; what `entry` has stand-ins for may be imported. */
int pa_module_compile(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                      const struct pa_entry *entry, struct pa_buf *artifact, struct pa_end *invalid,
                      struct pa_error *err);

struct pa_module;
/* From a file that holds an artifact, mapped, not copied. */
int pa_module_load(struct pa_engine *engine, const char *path, struct pa_module **ret,
                   struct pa_error *err);
/* Compiles here, on this thread, what will be added to an instance.  -1 with *err when the engine
 * does not take it: the module's fault, or memory's. */
int pa_module_make(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                   struct pa_module **ret, struct pa_error *err);
/* ... or takes the artifact of one that pa_module_save gave: UNIMPLEMENTED as pa_module_load. */
int pa_module_take(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                   struct pa_module **ret, struct pa_error *err);
int pa_module_save(const struct pa_module *module, struct pa_buf *artifact, struct pa_error *err);
/* Once, before the guest runs in a process that will be forked: puts the code that is likely to be
 * busy into memory of this process, in huge pages, so that copies have it at hand. */
void pa_module_move_code(struct pa_module *module);
struct pa_module *pa_module_free(struct pa_module *module);
bool pa_module_has_export(struct pa_module *module, const char *name);

/* A module's instance with its store, memory and WASI world. */
struct pa_instance;

/* Instantiates (runs the start function, if any): 0, or 1 with *end filled when the module cannot
 * be instantiated within the limits or its start function ended it, or -1 with *err. `wasi` stays
 * the caller's and outlives the instance. */
int pa_instance_new(struct pa_engine *engine, struct pa_module *module, struct pa_wasi *wasi,
                    const struct pa_limits *limits, const struct pa_entry *entry,
                    struct pa_instance **ret, struct pa_end *end, struct pa_error *err);
struct pa_instance *pa_instance_free(struct pa_instance *instance);

/* Adds a second module, which has nothing but what it imports `from` the first: functions, memory
 * and table, that are exported under the same names.  The memory is grown to `memory_bytes` before,
 * which is what the module says that it needs.  Its exports come before the first's of the same
 * names.  Returns as pa_instance_new does. */
int pa_instance_add(struct pa_instance *instance, const struct pa_module *module, const char *from,
                    uint64_t memory_bytes, struct pa_end *end, struct pa_error *err);

/* Calls an export without parameters and fills *end: how the guest ended. */
void pa_instance_call(struct pa_instance *instance, const char *export, struct pa_end *end);

/* Calls an export with numbers, all of them i32, and fills *end; its result is dropped. */
void pa_instance_call_with(struct pa_instance *instance, const char *export, const uint32_t *args,
                           size_t arg_count, struct pa_end *end);

/* Starts the guest as its entry says and fills *end: how it ended.  `argv` is for those entries
 * that take their arguments in memory. */
void pa_instance_start(struct pa_instance *instance, const struct pa_entry *entry,
                       const char *const *argv, size_t argc, struct pa_end *end);

/* Called when the guest ends itself (proc_exit, proc_raise), from inside that call: a process that
 * has nothing more to do can end here and need not unwind the guest.  If it returns, the guest is
 * unwound and pa_instance_start returns as always. */
typedef void pa_instance_end_fn(void *context, const struct pa_end *end);
void pa_instance_on_end(struct pa_instance *instance, pa_instance_end_fn *fn, void *context);

/* What a guest has used that has not ended: status OK, for the end of a session's turn. */
void pa_instance_state(struct pa_instance *instance, struct pa_end *end);

/* New limits for the next request of a warm process: memory, and fuel from now on. */
void pa_instance_rearm(struct pa_instance *instance, const struct pa_limits *limits);

/* Once, in a process that will be forked: puts the linear memory on a footing that makes forks and
 * the first writes after them cheap (memory.c says which).  Its addresses stay. */
void pa_instance_settle(struct pa_instance *instance);

/* The guest's linear memory now (NULL and 0 where there is none). */
struct pa_guest_memory pa_instance_memory(struct pa_instance *instance);

#endif
