/*
 * From a compiled module's imports to the functions of the WASI table.
 *
 * Only what the module asks for is made, in its order, so that no table of names is built for a
 * run. The glue of a call is short: values into locals, the guest's memory as it is now, the call,
 * the result.  A call that ended the guest (proc_exit, proc_raise) returns a trap, which unwinds
 * the guest; instance.c then finds in WASI's state that it was not a failure.
 */
#include "engine/internal.h"

#define MAX_PARAMS 16

/* The memory that the guest exports as "memory", looked up through the caller until it is known:
 * the module's start function may call us before there is an instance to ask. */
static struct pa_guest_memory memory_of_caller(struct pa_instance *instance,
                                               wasmtime_caller_t *caller) {
    if (!instance->memory) {
        wasmtime_extern_t item;
        if (wasmtime_caller_export_get(caller, "memory", 6, &item) &&
            item.kind == WASMTIME_EXTERN_MEMORY)
            instance->memory = pa_memory_pool_find(
                &instance->engine->pool,
                wasmtime_memory_data(wasmtime_caller_context(caller), &item.of.memory));
    }
    return pa_instance_memory(instance);
}

/* Unwinding costs a backtrace, with debug information read for it: hence the chance to do without.
 */
static wasm_trap_t *end_guest(struct pa_instance *instance) {
    if (instance->on_end) {
        struct pa_end end;
        pa_end_of_call(instance, NULL, NULL, &end);
        instance->on_end(instance->on_end_context, &end);
    }
    return wasmtime_trap_new("the guest ended", 15);
}

static wasm_trap_t *call_import(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                                size_t count) {
    const struct pa_import_call *call = env;
    const struct pa_wasi_import *import = call->import;
    const struct pa_host *host = &call->instance->host;
    uint64_t args[MAX_PARAMS];
    for (size_t i = 0; import->params[i]; i++)
        args[i] = import->params[i] == 'I' ? (uint64_t)values[i].i64 : (uint32_t)values[i].i32;
    uint32_t result = import->call(host->wasi, memory_of_caller(call->instance, caller), args);
    const struct pa_wasi_state *state = host->state(host->wasi);
    if (state->ended || state->raised)
        return end_guest(call->instance);
    if (import->has_result)
        values[0].i32 = (int32_t)result;
    return NULL;
}

/* A stand-in: an import of a language's module that has no meaning here. */
static wasm_trap_t *call_stub(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                              size_t count) {
    const struct pa_import_call *call = env;
    (void)caller;
    switch (call->answer) {
    case PA_STUB_TRAP:
        return wasmtime_trap_new("an import that has no meaning in the sandbox was called", 55);
    case PA_STUB_MINUS_ONE:
        values[0].i64 = -1;
        break;
    case PA_STUB_ARGUMENT:
        break; /* argument and result share their place */
    case PA_STUB_NOTHING:
        if (count)
            values[0].i64 = 0;
        break;
    }
    return NULL;
}

static int compare_name(const void *key, const void *element) {
    const wasm_name_t *name = key;
    const struct pa_wasi_import *import = element;
    size_t length = strlen(import->name);
    int order = memcmp(name->data, import->name, PA_MIN(name->size, length));
    return order ? order : (name->size > length) - (name->size < length);
}

static const struct pa_wasi_import *find(const struct pa_host *host,
                                         const wasm_importtype_t *wanted) {
    const wasm_name_t *module = wasm_importtype_module(wanted);
    if (module->size != strlen(PA_WASI_MODULE) ||
        memcmp(module->data, PA_WASI_MODULE, module->size) != 0)
        return NULL;
    return bsearch(wasm_importtype_name(wanted), host->imports, host->import_count,
                   sizeof(host->imports[0]), compare_name);
}

static const struct pa_stub *find_stub(const struct pa_host *host,
                                       const wasm_importtype_t *wanted) {
    const wasm_name_t *module = wasm_importtype_module(wanted);
    const wasm_name_t *name = wasm_importtype_name(wanted);
    return host->entry
               ? pa_entry_stub(host->entry, module->data, module->size, name->data, name->size)
               : NULL;
}

static bool has_type(const wasm_functype_t *type, const struct pa_wasi_import *import) {
    const wasm_valtype_vec_t *params = wasm_functype_params(type);
    const wasm_valtype_vec_t *results = wasm_functype_results(type);
    if (params->size != strlen(import->params) || params->size > MAX_PARAMS ||
        results->size != import->has_result)
        return false;
    for (size_t i = 0; i < params->size; i++)
        if (wasm_valtype_kind(params->data[i]) != (import->params[i] == 'I' ? WASM_I64 : WASM_I32))
            return false;
    return !import->has_result || wasm_valtype_kind(results->data[0]) == WASM_I32;
}

int pa_linker_resolve(struct pa_instance *instance, const struct pa_module *module,
                      wasmtime_extern_t **ret, size_t *ret_count, struct pa_error *err) {
    wasm_importtype_vec_t wanted;
    wasmtime_module_imports(module->wasm, &wanted);
    PA_CLEANUP(pa_freep) wasmtime_extern_t *items = pa_xcalloc(wanted.size + 1, sizeof(*items));
    instance->calls = pa_xcalloc(wanted.size + 1, sizeof(*instance->calls));
    int result = 0;
    for (size_t i = 0; i < wanted.size && result == 0; i++) {
        const wasm_externtype_t *type = wasm_importtype_type(wanted.data[i]);
        const wasm_functype_t *function = wasm_externtype_as_functype_const(type);
        const struct pa_wasi_import *import = find(&instance->host, wanted.data[i]);
        const struct pa_stub *stub = function ? find_stub(&instance->host, wanted.data[i]) : NULL;
        if (stub) {
            instance->calls[i] = (struct pa_import_call){.answer = stub->answer};
            items[i].kind = WASMTIME_EXTERN_FUNC;
            wasmtime_func_new_unchecked(instance->context, function, call_stub, &instance->calls[i],
                                        NULL, &items[i].of.func);
            continue;
        }
        if (!function || !import || !has_type(function, import)) {
            const wasm_name_t *name = wasm_importtype_name(wanted.data[i]);
            result = pa_fail(err, PA_ERR_UNIMPLEMENTED,
                             "the artifact imports %.*s, which this version does not provide: "
                             "compile the module again",
                             (int)PA_MIN(name->size, (size_t)64), name->data);
            break;
        }
        instance->calls[i] = (struct pa_import_call){.instance = instance, .import = import};
        items[i].kind = WASMTIME_EXTERN_FUNC;
        wasmtime_func_new_unchecked(instance->context, function, call_import, &instance->calls[i],
                                    NULL, &items[i].of.func);
    }
    *ret_count = wanted.size;
    wasm_importtype_vec_delete(&wanted);
    if (result == 0)
        *ret = pa_steal(&items);
    return result;
}
