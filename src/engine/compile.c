/*
 * From what a user hands in to an artifact: text becomes binary, the binary is looked at (intake.c,
 * judge.c), and only what we could run is compiled.  All of it happens in the jailed compile
 * worker.
 *
 * Wasmtime tells a bad module from its own trouble by text alone; so a module that it could not
 * compile is validated once more, and what is valid then was not the module's fault.
 */
#include "engine/internal.h"

#include "engine/intake.h"
#include <errno.h>

/* Wasmtime's words for code of a valid module that its compiler cannot hold. */
static bool is_too_large(const char *text) {
    return strstr(text, "too large") || strstr(text, "mplementation limit");
}

/*
 * The text format's errors look like this:
 *
 *     expected `(`
 *          --> <anon>:1:9
 *           |
 *         1 | (module foo)
 *           |         ^
 *
 * Of which we keep the sentence, the place and the line.
 */
static int refuse_text(wasmtime_error_t *error, struct pa_end *invalid) {
    wasm_name_t raw;
    wasmtime_error_message(error, &raw);
    wasmtime_error_delete(error);
    PA_CLEANUP(pa_freep) char *text = pa_xcalloc(raw.size + 1, 1);
    memcpy(text, raw.data, raw.size);
    wasm_name_delete(&raw);

    unsigned line = 0, column = 0;
    const char *place = strstr(text, "--> <anon>:");
    if (!place || sscanf(place, "--> <anon>:%u:%u", &line, &column) != 2)
        return pa_intake_refuse(invalid, "the module's text is not valid: %.400s", text);
    const char *source = strchr(place, '|');
    source = source ? strchr(source + 1, '|') : NULL;
    source = source ? source + 1 + strspn(source + 1, " \t") : "";
    return pa_intake_refuse(invalid,
                            "the module's text is not valid: %.*s, at line %u, column %u: %.*s",
                            (int)PA_MIN(strcspn(text, "\n"), (size_t)200), text, line, column,
                            (int)PA_MIN(strcspn(source, "\n"), (size_t)160), source);
}

static int refuse_or_fail(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                          wasmtime_error_t *error, struct pa_end *invalid, struct pa_error *err) {
    PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
    wasmtime_error_t *verdict = wasmtime_module_validate(engine->wasm, bytes, size);
    if (verdict) {
        PA_CLEANUP(pa_freep) char *why = pa_engine_take_error(verdict);
        return pa_intake_refuse(invalid, "the module is not valid: %.460s", why);
    }
    if (is_too_large(text))
        return pa_intake_refuse(invalid, "the module cannot be compiled: %.460s", text);
    return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "the module cannot be compiled: %s", text);
}

int pa_module_serialize(const wasmtime_module_t *module, struct pa_buf *artifact,
                        struct pa_error *err) {
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_module_serialize(module, &bytes);
    if (error) {
        PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
        return pa_fail(err, PA_ERR_INTERNAL, "the artifact cannot be written: %s", text);
    }
    size_t size = bytes.size;
    pa_buf_append(artifact, bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
    if (artifact->failed)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "no memory for an artifact of %zu bytes",
                       size);
    return 0;
}

static int compile_binary(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                          bool need_start, const struct pa_host *host, struct pa_buf *artifact,
                          struct pa_end *invalid, struct pa_error *err) {
    struct pa_intake_wants wants = {host->imports, host->import_count, need_start, host->entry};
    struct pa_intake intake;
    int refused =
        pa_intake_scan(bytes, size, &intake, invalid) || pa_intake_judge(&intake, &wants, invalid);
    pa_intake_done(&intake);
    if (refused)
        return 1;
    wasmtime_module_t *module = NULL;
    wasmtime_error_t *error = wasmtime_module_new(engine->wasm, bytes, size, &module);
    if (error)
        return refuse_or_fail(engine, bytes, size, error, invalid, err);
    int result = pa_module_serialize(module, artifact, err);
    wasmtime_module_delete(module);
    return result;
}

int pa_module_compile_for(struct pa_engine *engine, const uint8_t *bytes, size_t size,
                          bool need_start, const struct pa_host *host, struct pa_buf *artifact,
                          struct pa_end *invalid, struct pa_error *err) {
    if (!pa_intake_is_text(bytes, size))
        return compile_binary(engine, bytes, size, need_start, host, artifact, invalid, err);
    wasm_byte_vec_t binary;
    wasmtime_error_t *error = wasmtime_wat2wasm((const char *)bytes, size, &binary);
    if (error)
        return refuse_text(error, invalid);
    int result = compile_binary(engine, (const uint8_t *)binary.data, binary.size, need_start, host,
                                artifact, invalid, err);
    wasm_byte_vec_delete(&binary);
    return result;
}
