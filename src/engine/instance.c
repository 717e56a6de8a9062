/*
 * One instance: its store, limits, fuel and calls.  What a call came to is put into words by
 * trap.c.
 */
#include "engine/internal.h"

/* A module has one instance, which another may be added to; no honest module has more tables and
 * memories than these. */
#define MAX_INSTANCES 2
#define MAX_TABLES    16
#define MAX_MEMORIES  16

#define MAX_RESULTS 16

static void apply_limits(struct pa_instance *instance) {
    const struct pa_limits *limits = &instance->limits;
    /* Memory is bounded in memory.c, which also learns of what was denied. */
    wasmtime_store_limiter(instance->store, -1, (int64_t)limits->table_elements, MAX_INSTANCES,
                           MAX_TABLES, MAX_MEMORIES);
    if (pa_engine_metered(&instance->engine->settings)) {
        wasmtime_error_t *error = wasmtime_context_set_fuel(instance->context, limits->fuel);
        PA_ASSERT(!error); /* the engine meters */
    }
}

int pa_instance_new_for(struct pa_engine *engine, struct pa_module *module,
                        const struct pa_host *host, const struct pa_limits *limits,
                        struct pa_instance **ret, struct pa_end *end, struct pa_error *err) {
    pa_memory_pool_arm(&engine->pool, limits->memory_bytes);
    struct pa_instance *instance = pa_xcalloc(1, sizeof(*instance));
    instance->engine = engine;
    instance->host = *host;
    instance->limits = *limits;
    instance->store = wasmtime_store_new(engine->wasm, NULL, NULL);
    instance->context = wasmtime_store_context(instance->store);
    apply_limits(instance);

    PA_CLEANUP(pa_freep) wasmtime_extern_t *imports = NULL;
    size_t import_count;
    if (pa_linker_resolve(instance, module, &imports, &import_count, err) < 0) {
        pa_instance_free(instance);
        return -1;
    }
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_instance_new(instance->context, module->wasm, imports,
                                                    import_count, &instance->wasm, &trap);
    if (error || trap) {
        pa_end_of_call(instance, error, trap, end);
        pa_instance_free(instance);
        return 1;
    }
    if (!instance->memory) {
        wasmtime_extern_t item;
        if (wasmtime_instance_export_get(instance->context, &instance->wasm, "memory", 6, &item) &&
            item.kind == WASMTIME_EXTERN_MEMORY)
            instance->memory = pa_memory_pool_find(
                &engine->pool, wasmtime_memory_data(instance->context, &item.of.memory));
    }
    *ret = instance;
    return 0;
}

struct pa_instance *pa_instance_free(struct pa_instance *instance) {
    if (!instance)
        return NULL;
    wasmtime_store_delete(instance->store);
    free(instance->calls);
    free(instance);
    return NULL;
}

static bool callable(struct pa_instance *instance, const wasmtime_func_t *func) {
    wasm_functype_t *type = wasmtime_func_type(instance->context, func);
    bool fits =
        wasm_functype_params(type)->size == 0 && wasm_functype_results(type)->size <= MAX_RESULTS;
    wasm_functype_delete(type);
    return fits;
}

static bool find_in(struct pa_instance *instance, const wasmtime_instance_t *wasm,
                    const char *export, wasmtime_func_t *ret) {
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(instance->context, wasm, export, strlen(export), &item) ||
        item.kind != WASMTIME_EXTERN_FUNC)
        return false;
    *ret = item.of.func;
    return true;
}

bool pa_instance_find(struct pa_instance *instance, const char *export, wasmtime_func_t *ret) {
    return (instance->has_added && find_in(instance, &instance->added, export, ret)) ||
           find_in(instance, &instance->wasm, export, ret);
}

void pa_instance_call(struct pa_instance *instance, const char *export, struct pa_end *end) {
    wasmtime_func_t func;
    if (!pa_instance_find(instance, export, &func) || !callable(instance, &func)) {
        *end = (struct pa_end){.status = PA_STATUS_INVALID_MODULE, .fuel_used = PA_UNLIMITED};
        snprintf(end->message, sizeof(end->message),
                 "the module exports no function \"%s\" without parameters", export);
        return;
    }
    wasmtime_val_raw_t results[MAX_RESULTS];
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_func_call_unchecked(instance->context, &func, results, MAX_RESULTS, &trap);
    pa_end_of_call(instance, error, trap, end);
}

void pa_instance_on_end(struct pa_instance *instance, pa_instance_end_fn *fn, void *context) {
    instance->on_end = fn;
    instance->on_end_context = context;
}

void pa_instance_state(struct pa_instance *instance, struct pa_end *end) {
    pa_end_of_call(instance, NULL, NULL, end);
}

void pa_instance_rearm(struct pa_instance *instance, const struct pa_limits *limits) {
    instance->limits = *limits;
    pa_memory_pool_rearm(&instance->engine->pool, limits->memory_bytes);
    if (pa_engine_metered(&instance->engine->settings)) {
        wasmtime_error_t *error = wasmtime_context_set_fuel(instance->context, limits->fuel);
        PA_ASSERT(!error); /* the engine meters */
    }
}

void pa_instance_settle(struct pa_instance *instance) {
    pa_memory_pool_settle(&instance->engine->pool);
}

struct pa_guest_memory pa_instance_memory(struct pa_instance *instance) {
    if (!instance->memory)
        return (struct pa_guest_memory){0};
    return (struct pa_guest_memory){instance->memory->base, instance->memory->size};
}
