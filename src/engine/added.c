/*
 * A program's small module beside a large one that was compiled before: what is the same for all
 * programs need not be compiled with each.
 *
 * The small one is compiled where it runs.  It gets nothing but what the first exports, so what it
 * can do is what the first can: it sees neither WASI nor the host.
 */
#include "engine/internal.h"

#define PAGE_BYTES 65536u

int pa_module_make(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                   struct pa_module **ret, struct pa_error *err) {
    wasmtime_module_t *wasm;
    wasmtime_error_t *error = wasmtime_module_new(engine->wasm, bytes, size, &wasm);
    if (error) {
        PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the module cannot be compiled: %.400s", text);
    }
    *ret = pa_xcalloc(1, sizeof(**ret));
    (*ret)->wasm = wasm;
    return 0;
}

int pa_module_take(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                   struct pa_module **ret, struct pa_error *err) {
    wasmtime_module_t *wasm;
    wasmtime_error_t *error = wasmtime_module_deserialize(engine->wasm, bytes, size, &wasm);
    if (error) {
        PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
        return pa_fail(err, PA_ERR_UNIMPLEMENTED, "cannot load an artifact: %.400s", text);
    }
    *ret = pa_xcalloc(1, sizeof(**ret));
    (*ret)->wasm = wasm;
    return 0;
}

int pa_module_save(const struct pa_module *module, struct pa_buf *artifact, struct pa_error *err) {
    return pa_module_serialize(module->wasm, artifact, err);
}

/* An error where the limit or the system forbids it. */
static wasmtime_error_t *grow(struct pa_instance *instance, uint64_t bytes) {
    wasmtime_extern_t item;
    uint64_t before, has = pa_instance_memory(instance).size;
    if (bytes <= has ||
        !wasmtime_instance_export_get(instance->context, &instance->wasm, "memory", 6, &item) ||
        item.kind != WASMTIME_EXTERN_MEMORY)
        return NULL;
    uint64_t pages = (bytes - has + PAGE_BYTES - 1) / PAGE_BYTES;
    return wasmtime_memory_grow(instance->context, &item.of.memory, pages, &before);
}

/* The first module's exports under the names of the imports, in their order. */
static int resolve(struct pa_instance *instance, const wasm_importtype_vec_t *wanted,
                   const char *from, wasmtime_extern_t *items, struct pa_error *err) {
    for (size_t i = 0; i < wanted->size; i++) {
        const wasm_name_t *module = wasm_importtype_module(wanted->data[i]);
        const wasm_name_t *name = wasm_importtype_name(wanted->data[i]);
        if (module->size != strlen(from) || memcmp(module->data, from, module->size) != 0 ||
            !wasmtime_instance_export_get(instance->context, &instance->wasm, name->data,
                                          name->size, &items[i]))
            return pa_fail(err, PA_ERR_INTERNAL, "a module to be added imports %.*s.%.*s",
                           (int)PA_MIN(module->size, (size_t)64), module->data,
                           (int)PA_MIN(name->size, (size_t)64), name->data);
    }
    return 0;
}

int pa_instance_add(struct pa_instance *instance, const struct pa_module *module, const char *from,
                    uint64_t memory_bytes, struct pa_end *end, struct pa_error *err) {
    wasmtime_error_t *error = grow(instance, memory_bytes);
    if (error) {
        pa_end_of_call(instance, error, NULL, end);
        return 1;
    }
    wasm_importtype_vec_t wanted;
    wasmtime_module_imports(module->wasm, &wanted);
    PA_CLEANUP(pa_freep) wasmtime_extern_t *items = pa_xcalloc(wanted.size + 1, sizeof(*items));
    int resolved = resolve(instance, &wanted, from, items, err);
    size_t count = wanted.size;
    wasm_importtype_vec_delete(&wanted);
    if (resolved < 0)
        return -1;
    wasm_trap_t *trap = NULL;
    error = wasmtime_instance_new(instance->context, module->wasm, items, count, &instance->added,
                                  &trap);
    if (error || trap) {
        pa_end_of_call(instance, error, trap, end);
        return 1;
    }
    instance->has_added = true;
    return 0;
}
