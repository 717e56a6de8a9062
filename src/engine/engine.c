/*
 * One place for every setting of Wasmtime that we choose; docs/engine.md says why, setting by
 * setting.  An artifact loads only into an engine with the same settings and on a processor that
 * has what its code uses (the engine checks both), so the compile worker and the runner both come
 * here; one that does not load is made anew.
 */
#include "engine/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

/* Every address of a 32-bit guest, and an offset of up to 32 MiB on top without a bounds check. */
#define MEMORY_RESERVATION (4 * PA_GIB)
#define MEMORY_GUARD       (32 * PA_MIB)

/* Wasmtime refuses (by a panic) a guest's stack larger than a fiber's, even in a build without
 * fibers; only a build with its `async` feature can make the fiber's larger than its 2 MiB. */
#ifdef WASMTIME_FEATURE_ASYNC
#define MAX_STACK_BYTES (64 * PA_MIB)
#else
#define MAX_STACK_BYTES (2 * PA_MIB)
#endif

/* What the host's own frames may need below the guest's, on the same native stack. */
#define HOST_STACK_BYTES PA_MIB

bool pa_engine_metered(const struct pa_engine_settings *settings) {
    return settings->metered || settings->deterministic;
}

static void choose_proposals(wasm_config_t *config) {
    wasmtime_config_wasm_bulk_memory_set(config, true);
    wasmtime_config_wasm_multi_value_set(config, true);
    wasmtime_config_wasm_reference_types_set(config, true);
    wasmtime_config_wasm_simd_set(config, true);
    wasmtime_config_wasm_relaxed_simd_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    wasmtime_config_wasm_exceptions_set(config, true);

    wasmtime_config_wasm_threads_set(config, false);
    wasmtime_config_shared_memory_set(config, false);
    wasmtime_config_wasm_gc_set(config, false);
    wasmtime_config_wasm_function_references_set(config, false);
    wasmtime_config_wasm_custom_page_sizes_set(config, false);
    wasmtime_config_wasm_wide_arithmetic_set(config, false);
    wasmtime_config_wasm_stack_switching_set(config, false);
}

static void choose_memory(wasm_config_t *config) {
    wasmtime_config_memory_reservation_set(config, MEMORY_RESERVATION);
    wasmtime_config_memory_guard_size_set(config, MEMORY_GUARD);
    wasmtime_config_memory_may_move_set(config, false);
    wasmtime_config_memory_init_cow_set(config, false); /* Wasmtime maps images into its own only */
    wasmtime_config_signals_based_traps_set(config, true);
}

static void choose_code(wasm_config_t *config, const struct pa_engine_settings *settings) {
    wasmtime_config_strategy_set(config, WASMTIME_STRATEGY_CRANELIFT);
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
    wasmtime_config_cranelift_flag_set(config, "enable_heap_access_spectre_mitigation", "true");
    wasmtime_config_cranelift_flag_set(config, "enable_table_access_spectre_mitigation", "true");
    wasmtime_config_native_unwind_info_set(config, false); /* frames are walked by frame pointer */
    wasmtime_config_consume_fuel_set(config, pa_engine_metered(settings));
    wasmtime_config_cranelift_nan_canonicalization_set(config, settings->deterministic);
    wasmtime_config_wasm_relaxed_simd_deterministic_set(config, settings->deterministic);
    wasmtime_config_parallel_compilation_set(config, settings->compiling);
#ifdef WASMTIME_FEATURE_ASYNC
    wasmtime_config_async_stack_size_set(config, settings->stack_bytes + HOST_STACK_BYTES);
#endif
    wasmtime_config_max_wasm_stack_set(config, settings->stack_bytes);
}

static int check_stack(const struct pa_engine_settings *settings, struct pa_error *err) {
    if (settings->stack_bytes == 0 || settings->stack_bytes > MAX_STACK_BYTES)
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT,
                       "stack_bytes is %" PRIu64 "; this build of the engine takes 1 to %" PRIu64,
                       settings->stack_bytes, MAX_STACK_BYTES);
    struct rlimit native;
    if (getrlimit(RLIMIT_STACK, &native) < 0)
        return pa_fail_errno(err, errno, "cannot read the limit of the native stack");
    if (native.rlim_cur < settings->stack_bytes + HOST_STACK_BYTES)
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "the native stack is limited to %" PRIu64 " bytes, and a guest's stack of "
                       "%" PRIu64 " needs 1 MiB more than itself: raise `ulimit -s` or lower "
                       "stack_bytes",
                       (uint64_t)native.rlim_cur, settings->stack_bytes);
    return 0;
}

int pa_engine_new(const struct pa_engine_settings *settings, struct pa_engine **ret,
                  struct pa_error *err) {
    if (check_stack(settings, err) < 0)
        return -1;
    /* The only way that the C API leaves to have file and line in backtraces: it is read when the
     * configuration is made, keeps a module's DWARF in the artifact, and must be the same when the
     * artifact is loaded. */
    if (setenv("WASMTIME_BACKTRACE_DETAILS", "1", 1) < 0)
        return pa_fail_errno(err, errno, "cannot set an environment variable for the engine");
    struct pa_engine *engine = pa_xcalloc(1, sizeof(*engine));
    engine->settings = *settings;
    wasm_config_t *config = wasm_config_new();
    choose_proposals(config);
    choose_memory(config);
    choose_code(config, settings);
    pa_memory_pool_attach(&engine->pool, config);
    engine->wasm = wasm_engine_new_with_config(config);
    if (!engine->wasm) {
        free(engine);
        return pa_fail(err, PA_ERR_INTERNAL, "Wasmtime refuses our settings");
    }
    *ret = engine;
    return 0;
}

struct pa_engine *pa_engine_free(struct pa_engine *engine) {
    if (!engine)
        return NULL;
    wasm_engine_delete(engine->wasm);
    free(engine);
    return NULL;
}

/* Wasmtime stacks contexts as "outer\n\nCaused by:\n    inner"; we say "outer: inner". */
static char *flatten(const char *text, size_t size) {
    static const char joint[] = "\n\nCaused by:\n";
    char *out = pa_xcalloc(size + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < size;) {
        if (size - i >= sizeof(joint) - 1 && memcmp(text + i, joint, sizeof(joint) - 1) == 0) {
            i += sizeof(joint) - 1;
            out[n++] = ':';
            out[n++] = ' ';
        } else if (text[i] == '\n') {
            out[n++] = ' ';
            i++;
        } else {
            out[n++] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
            i++;
            continue;
        }
        while (i < size && (text[i] == ' ' || text[i] == '\n'))
            i++;
    }
    return out;
}

char *pa_engine_take_error(wasmtime_error_t *error) {
    wasm_name_t message;
    wasmtime_error_message(error, &message);
    wasmtime_error_delete(error);
    char *text = flatten(message.data, message.size);
    wasm_name_delete(&message);
    return text;
}
