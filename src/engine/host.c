/*
 * Where the engine meets WASI: the public functions that need its table of imports.  The rest of
 * this folder takes the table as an argument and is tested with others.
 */
#include "engine/internal.h"

static struct pa_host wasi_host(struct pa_wasi *wasi, const struct pa_entry *entry) {
    return (struct pa_host){.imports = pa_wasi_imports,
                            .import_count = pa_wasi_import_count,
                            .entry = entry,
                            .wasi = wasi,
                            .state = pa_wasi_state};
}

int pa_module_compile(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                      const struct pa_entry *entry, struct pa_buf *artifact, struct pa_end *invalid,
                      struct pa_error *err) {
    struct pa_host host = wasi_host(NULL, entry);
    return pa_module_compile_for(engine, bytes, size, entry->style == PA_ENTRY_COMMAND, &host,
                                 artifact, invalid, err);
}

int pa_instance_new(struct pa_engine *engine, struct pa_module *module, struct pa_wasi *wasi,
                    const struct pa_limits *limits, const struct pa_entry *entry,
                    struct pa_instance **ret, struct pa_end *end, struct pa_error *err) {
    struct pa_host host = wasi_host(wasi, entry);
    return pa_instance_new_for(engine, module, &host, limits, ret, end, err);
}
