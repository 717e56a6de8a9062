/*
 * Artifacts.  Loading maps the file; pages of code are read when they are first executed.
 */
#include "engine/internal.h"

int pa_module_load(struct pa_engine *engine, const char *path, struct pa_module **ret,
                   struct pa_error *err) {
    struct pa_module *module = pa_xcalloc(1, sizeof(*module));
    wasmtime_error_t *error = wasmtime_module_deserialize_file(engine->wasm, path, &module->wasm);
    if (error) {
        free(module);
        PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "cannot load the artifact %s: %s; remove it (`polyagent cache clear`), and "
                       "the module is compiled again",
                       path, text);
    }
    *ret = module;
    return 0;
}

struct pa_module *pa_module_free(struct pa_module *module) {
    if (!module)
        return NULL;
    wasmtime_module_delete(module->wasm);
    free(module);
    return NULL;
}

bool pa_module_has_export(struct pa_module *module, const char *name) {
    wasm_exporttype_vec_t exports;
    wasmtime_module_exports(module->wasm, &exports);
    bool found = false;
    for (size_t i = 0; i < exports.size && !found; i++) {
        const wasm_name_t *export = wasm_exporttype_name(exports.data[i]);
        found = export->size == strlen(name) && memcmp(export->data, name, export->size) == 0;
    }
    wasm_exporttype_vec_delete(&exports);
    return found;
}
