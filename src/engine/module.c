/*
 * Artifacts.  Loading maps the file; pages of code are read when they are first executed.
 *
 * An artifact in huge pages (of a warm process) is mapped at an address that suits them, but its
 * code starts one small page later, after the header, and a huge page is only ever mapped where one
 * kind of access covers all of it.  So the code in the first 2 MiB, which in an interpreter is the
 * busiest, would be faulted in by small pages in every copy.  The header is therefore given the
 * access of the code: it is a page that nobody writes, and nobody jumps to.
 */
#include "engine/internal.h"

#include <sys/mman.h>

#define SMALL_PAGE ((size_t)4096)
#define HUGE_PAGE  ((size_t)2 << 20)

static void join_header_and_code(const struct pa_module *module) {
    void *start, *end;
    wasmtime_module_image_range(module->wasm, &start, &end);
    if ((uintptr_t)start % HUGE_PAGE == 0 && (size_t)((char *)end - (char *)start) >= HUGE_PAGE)
        mprotect(start, SMALL_PAGE,
                 PROT_READ | PROT_EXEC); /* a wish: without it all is as it was */
}

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
    join_header_and_code(module);
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
