/*
 * The table of imports.  Each entry is a function around wasi_NAME() that does what all calls have
 * in common afterwards: the state that the host looks at, and the trace.
 */
#include "wasi/host.h"

static inline uint32_t finish(struct pa_wasi *wasi, const struct pa_guest_memory *memory,
                              enum wasi_call call, const uint64_t *args, wasi_errno result) {
    wasi->state.files_limit_hit = wasi->world.fs.files_limit_hit;
    if (__builtin_expect(wasi->trace, 0))
        wasi_trace_call(memory, call, args, result);
    return result;
}

#define X(name, params, has_result, trace)                                                         \
    static uint32_t import_##name(struct pa_wasi *wasi, struct pa_guest_memory memory,             \
                                  const uint64_t *args) {                                          \
        return finish(wasi, &memory, WASI_CALL_##name, args, wasi_##name(wasi, &memory, args));    \
    }
WASI_IMPORTS(X)
#undef X

const struct pa_wasi_import pa_wasi_imports[] = {
#define X(name, params, has_result, trace) {#name, params, has_result, import_##name},
    WASI_IMPORTS(X)
#undef X
};
const size_t pa_wasi_import_count = PA_ARRAY_LEN(pa_wasi_imports);
