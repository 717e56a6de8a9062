/*
 * How a call ended, in words.
 *
 * The order of the questions matters.  A guest that called proc_exit was unwound by a trap of ours,
 * so WASI's state is asked first.  A guest that then failed by itself may have failed because
 * memory or files were denied before: that is the end we report, since it names what to change.
 */
#include "engine/internal.h"

#include <inttypes.h>
#include "base/units.h"

struct trap_info {
    wasmtime_trap_code_t code;
    const char *kind, *message;
};

static const struct trap_info traps[] = {
    {WASMTIME_TRAP_CODE_STACK_OVERFLOW, "stack_overflow", NULL}, /* says the limit */
    {WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS, "memory_out_of_bounds",
     "the guest accessed memory outside of its linear memory"},
    {WASMTIME_TRAP_CODE_HEAP_MISALIGNED, "misaligned_atomic",
     "an atomic operation on a misaligned address"},
    {WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS, "table_out_of_bounds",
     "the guest accessed an element outside of a table"},
    {WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL, "indirect_call_to_null",
     "a call through a function pointer that is null or was never set"},
    {WASMTIME_TRAP_CODE_BAD_SIGNATURE, "indirect_call_type_mismatch",
     "a call through a function pointer of another type"},
    {WASMTIME_TRAP_CODE_INTEGER_OVERFLOW, "integer_overflow", "an integer division overflowed"},
    {WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO, "integer_divide_by_zero",
     "an integer was divided by zero"},
    {WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER, "invalid_conversion_to_integer",
     "a floating-point number that has no such integer was converted to one"},
    {WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED, "unreachable",
     "the guest executed `unreachable`: an abort, a failed assertion or a panic"},
    {WASMTIME_TRAP_CODE_NULL_REFERENCE, "null_reference", "a null reference was used"},
    {WASMTIME_TRAP_CODE_ALLOCATION_TOO_LARGE, "allocation_too_large",
     "an allocation was too large to succeed"},
    {WASMTIME_TRAP_CODE_UNCAUGHT_EXCEPTION, "uncaught_exception",
     "an exception was thrown and not caught"},
};

static void say(struct pa_end *end, const char *fmt, ...) PA_PRINTF(2, 3);
static void say(struct pa_end *end, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(end->message, sizeof(end->message), fmt, args);
    va_end(args);
}

static void set_kind(struct pa_end *end, const char *kind) {
    end->status = PA_STATUS_TRAP;
    snprintf(end->kind, sizeof(end->kind), "%s", kind);
}

static void explain_memory(const struct pa_instance *instance, struct pa_end *end) {
    const struct pa_memory_pool *pool = &instance->engine->pool;
    char limit[64], asked[64];
    pa_format_bytes(pool->limit, limit, sizeof(limit));
    pa_format_bytes(pool->denied_bytes, asked, sizeof(asked));
    end->status = PA_STATUS_OUT_OF_MEMORY;
    if (pool->denied_by_system)
        say(end,
            "the system gave the guest no more memory (it asked for %s in all, its limit is %s): the "
            "machine or the process's own limit is exhausted",
            asked, limit);
    else if (pool->denied_at_start)
        say(end,
            "memory limit of %s: the module starts with %s; raise memory_bytes or use --memory",
            limit, asked);
    else
        say(end,
            "memory limit of %s reached (guest asked for %s); raise memory_bytes or use --memory",
            limit, asked);
}

static void end_by_trap_code(const struct pa_instance *instance, wasmtime_trap_code_t code,
                             struct pa_end *end) {
    char limit[64];
    if (code == WASMTIME_TRAP_CODE_OUT_OF_FUEL) {
        end->status = PA_STATUS_OUT_OF_FUEL;
        say(end, "fuel limit of %" PRIu64 " used up; raise fuel or use --fuel",
            instance->limits.fuel);
        return;
    }
    if (code == WASMTIME_TRAP_CODE_STACK_OVERFLOW) {
        set_kind(end, "stack_overflow");
        say(end,
            "the WebAssembly stack of %s is used up (endless recursion?); stack_bytes is its limit",
            pa_format_bytes(instance->engine->settings.stack_bytes, limit, sizeof(limit)));
        return;
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(traps); i++)
        if (traps[i].code == code) {
            set_kind(end, traps[i].kind);
            say(end, "%s", traps[i].message);
            return;
        }
    set_kind(end, "other");
    say(end, "the engine stopped the guest (trap code %d)", code);
}

static void end_by_trap(const struct pa_instance *instance, wasm_trap_t *trap, struct pa_end *end) {
    wasmtime_trap_code_t code;
    wasm_message_t text;
    wasm_frame_vec_t frames;
    wasm_trap_message(trap, &text);
    wasm_trap_trace(trap, &frames);
    pa_backtrace_format(text.data, text.size, &frames, end->backtrace, sizeof(end->backtrace));
    wasm_frame_vec_delete(&frames);
    if (wasmtime_trap_code(trap, &code)) {
        end_by_trap_code(instance, code, end);
    } else { /* the C API calls only this one a trap without a code */
        set_kind(end, "uncaught_exception");
        say(end, "an exception was thrown and not caught");
    }
    wasm_byte_vec_delete(&text);
    wasm_trap_delete(trap);
}

/* What is no trap: our own limits at instantiation, an exception of a start function, or Wasmtime
 * refusing a module that it compiled itself. */
static void end_by_error(const struct pa_instance *instance, wasmtime_error_t *error,
                         struct pa_end *end) {
    char limit[64];
    wasm_name_t raw;
    wasm_frame_vec_t frames;
    wasmtime_error_message(error, &raw);
    wasmtime_error_wasm_trace(error, &frames);
    pa_backtrace_format(raw.data, raw.size, &frames, end->backtrace, sizeof(end->backtrace));
    wasm_frame_vec_delete(&frames);
    wasm_byte_vec_delete(&raw);
    PA_CLEANUP(pa_freep) char *text = pa_engine_take_error(error);
    if (instance->engine->pool.denied_at_start) {
        explain_memory(instance, end);
    } else if (strstr(text, "exceeds table limits")) {
        end->status = PA_STATUS_OUT_OF_MEMORY;
        say(end, "table limit of %" PRIu64 " elements: %s; raise table_elements",
            instance->limits.table_elements, text);
    } else if (strstr(text,
                      "exceeds memory limits")) { /* the engine's own, before it asks the pool */
        end->status = PA_STATUS_OUT_OF_MEMORY;
        say(end, "memory limit of %s: %s; raise memory_bytes or use --memory",
            pa_format_bytes(instance->limits.memory_bytes, limit, sizeof(limit)), text);
    } else if (strstr(text, "out of memory")) {
        end->status = PA_STATUS_OUT_OF_MEMORY;
        say(end, "the process has no memory for the module's tables: %s; lower table_elements",
            text);
    } else if (strstr(text, "resource limit exceeded")) {
        end->status = PA_STATUS_OUT_OF_MEMORY;
        say(end, "the module has more tables or memories than a run may have: %s", text);
    } else if (strstr(text, "thrown Wasm exception")) {
        set_kind(end, "uncaught_exception");
        say(end, "an exception was thrown and not caught");
    } else {
        set_kind(end, "other");
        say(end, "the engine stopped the guest: %s", text);
    }
}

/* WASI's numbers for the signals that an abort or an assertion comes with. */
static const char *signal_name(uint32_t number) {
    switch (number) {
    case 2:
        return "SIGINT";
    case 4:
        return "SIGILL";
    case 6:
        return "SIGABRT";
    case 8:
        return "SIGFPE";
    case 9:
        return "SIGKILL";
    case 11:
        return "SIGSEGV";
    case 15:
        return "SIGTERM";
    default:
        return "a signal";
    }
}

static bool end_by_wasi(const struct pa_wasi_state *state, struct pa_end *end) {
    if (state->raised) {
        set_kind(end, "signal");
        end->exit_code = 128 + state->signal;
        say(end, "the guest raised %s (WASI signal %" PRIu32 ")", signal_name(state->signal),
            state->signal);
        return true;
    }
    if (!state->ended)
        return false;
    end->status = state->exit_code ? PA_STATUS_ERROR : PA_STATUS_OK;
    end->exit_code = state->exit_code;
    return true;
}

static void explain_files(const struct pa_instance *instance, struct pa_end *end) {
    char limit[64];
    end->status = PA_STATUS_DISK_LIMIT;
    say(end,
        "limit of the in-memory files reached (%s in %" PRIu64
        " files); raise files_bytes or files_count",
        pa_format_bytes(instance->limits.files_bytes, limit, sizeof(limit)),
        instance->limits.files_count);
}

/* A guest that failed by itself, after something was denied to it, failed because of that. */
static void look_for_the_cause(const struct pa_instance *instance,
                               const struct pa_wasi_state *state, struct pa_end *end) {
    bool failed = end->status == PA_STATUS_ERROR ||
                  (end->status == PA_STATUS_TRAP && !pa_streq(end->kind, "stack_overflow"));
    if (!failed)
        return;
    if (instance->engine->pool.denied)
        explain_memory(instance, end);
    else if (state->files_limit_hit)
        explain_files(instance, end);
    else if (state->fds_limit_hit && !end->message[0])
        say(end, "the guest had %" PRIu64 " files open, its limit; raise open_files",
            instance->limits.open_files);
}

void pa_end_of_call(struct pa_instance *instance, wasmtime_error_t *error, wasm_trap_t *trap,
                    struct pa_end *end) {
    const struct pa_wasi_state *state = instance->host.state(instance->host.wasi);
    *end = (struct pa_end){.status = PA_STATUS_OK,
                           .memory_peak_bytes = instance->engine->pool.peak,
                           .fuel_used = PA_UNLIMITED};
    if (pa_engine_metered(&instance->engine->settings)) {
        uint64_t left = 0;
        wasmtime_error_t *failed = wasmtime_context_get_fuel(instance->context, &left);
        PA_ASSERT(!failed); /* the engine meters */
        end->fuel_used = instance->limits.fuel - left;
    }
    if (end_by_wasi(state, end)) {
        if (error)
            wasmtime_error_delete(error);
        if (trap)
            wasm_trap_delete(trap);
    } else if (trap) {
        end_by_trap(instance, trap, end);
    } else if (error) {
        end_by_error(instance, error, end);
    }
    look_for_the_cause(instance, state, end);
}
