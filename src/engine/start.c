/*
 * Starting a guest as its entry says.
 *
 *     command        _start()
 *     reactor        _initialize(); call() -> exit status
 *     reactor-argv   _initialize(); call(argc, argv) -> 0, or less when it failed
 *     ruby-abi       _initialize(); init(list of arguments); call(string) -> pointer to {handle,
 * state}
 *
 * Arguments in memory are made with the guest's own allocator, so they are freed by nobody: they
 * live as long as the guest.  The strings of the Ruby ABI end in a NUL that is part of their
 * length.
 */
#include "engine/internal.h"

#include <endian.h>

#define MAX_VALUES 8

/* A call in steps: the first thing that ends the guest, or does not fit, ends them all. */
struct starter {
    struct pa_instance *instance;
    struct pa_end *end;
    bool ended;
};

static void refuse(struct starter *starter, const char *what, const char *name) {
    *starter->end = (struct pa_end){.status = PA_STATUS_INVALID_MODULE, .fuel_used = PA_UNLIMITED};
    snprintf(starter->end->message, sizeof(starter->end->message), "%s: %s", what, name);
    starter->ended = true;
}

/* Calls an export with i32 parameters; its result, if it has one, as an i32. */
static uint32_t call(struct starter *starter, const char *name, const uint32_t *args,
                     size_t arg_count) {
    struct pa_instance *instance = starter->instance;
    wasmtime_func_t func;
    wasmtime_val_raw_t values[MAX_VALUES] = {0};
    if (starter->ended)
        return 0;
    if (!pa_instance_find(instance, name, &func)) {
        refuse(starter, "the language's module does not export the function", name);
        return 0;
    }
    wasm_functype_t *type = wasmtime_func_type(instance->context, &func);
    bool fits =
        wasm_functype_params(type)->size == arg_count && wasm_functype_results(type)->size <= 1;
    wasm_functype_delete(type);
    if (!fits) {
        refuse(starter, "the language's module exports with other parameters", name);
        return 0;
    }
    for (size_t i = 0; i < arg_count; i++)
        values[i].i32 = (int32_t)args[i];
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_func_call_unchecked(instance->context, &func, values, MAX_VALUES, &trap);
    if (error || trap) {
        pa_end_of_call(instance, error, trap, starter->end);
        starter->ended = true;
        return 0;
    }
    return (uint32_t)values[0].i32;
}

void pa_instance_call_with(struct pa_instance *instance, const char *export, const uint32_t *args,
                           size_t arg_count, struct pa_end *end) {
    struct starter starter = {.instance = instance, .end = end};
    call(&starter, export, args, arg_count);
    if (!starter.ended)
        pa_instance_state(instance, end);
}

/* `size` bytes of guest memory from the guest's allocator, filled; 0 where that failed. */
static uint32_t place(struct starter *starter, const struct pa_entry *entry, const void *bytes,
                      uint32_t size) {
    bool realloc_style = entry->style == PA_ENTRY_RUBY_ABI; /* cabi_realloc(0, 0, align, size) */
    const uint32_t args[] = {0, 0, 4, size};
    uint32_t at = call(starter, entry->alloc, realloc_style ? args : &size, realloc_style ? 4 : 1);
    struct pa_guest_memory memory = pa_instance_memory(starter->instance);
    if (starter->ended)
        return 0;
    if (!at || at > memory.size || size > memory.size - at) {
        refuse(starter, "the language's allocator gave no memory", entry->alloc);
        return 0;
    }
    memcpy(memory.base + at, bytes, size);
    return at;
}

/* argv as C has it: pointers, the last one 0. */
static uint32_t place_argv(struct starter *starter, const struct pa_entry *entry,
                           const char *const *argv, size_t argc) {
    PA_CLEANUP(pa_freep) uint32_t *pointers = pa_xcalloc(argc + 1, sizeof(*pointers));
    for (size_t i = 0; i < argc; i++)
        pointers[i] = htole32(place(starter, entry, argv[i], (uint32_t)strlen(argv[i]) + 1));
    return place(starter, entry, pointers, (uint32_t)((argc + 1) * sizeof(*pointers)));
}

/* A list of strings: pointer and length each. */
static uint32_t place_list(struct starter *starter, const struct pa_entry *entry,
                           const char *const *argv, size_t argc) {
    PA_CLEANUP(pa_freep) uint32_t *items = pa_xcalloc(argc + 1, 2 * sizeof(*items));
    for (size_t i = 0; i < argc; i++) {
        uint32_t size = (uint32_t)strlen(argv[i]) + 1;
        items[2 * i] = htole32(place(starter, entry, argv[i], size));
        items[2 * i + 1] = htole32(size);
    }
    return place(starter, entry, items, (uint32_t)(argc * 2 * sizeof(*items)));
}

static void start_ruby(struct starter *starter, const struct pa_entry *entry,
                       const char *const *argv, size_t argc) {
    const uint32_t init[] = {place_list(starter, entry, argv, argc), (uint32_t)argc};
    call(starter, entry->init, init, PA_ARRAY_LEN(init));
    uint32_t size = (uint32_t)strlen(entry->eval);
    const uint32_t eval[] = {place(starter, entry, entry->eval, size + 1), size};
    uint32_t result = call(starter, entry->call, eval, PA_ARRAY_LEN(eval));
    struct pa_guest_memory memory = pa_instance_memory(starter->instance);
    uint32_t state = 1;
    if (!starter->ended && memory.size >= 8 && result <= memory.size - 8)
        memcpy(&state, memory.base + result + 4, sizeof(state));
    if (!starter->ended && state)
        refuse(starter, "the boot script ended with an exception", entry->eval);
}

static void initialize(struct starter *starter) {
    wasmtime_extern_t item;
    struct pa_instance *instance = starter->instance;
    if (wasmtime_instance_export_get(instance->context, &instance->wasm, "_initialize", 11, &item))
        call(starter, "_initialize", NULL, 0);
}

void pa_instance_start(struct pa_instance *instance, const struct pa_entry *entry,
                       const char *const *argv, size_t argc, struct pa_end *end) {
    struct starter starter = {.instance = instance, .end = end};
    uint32_t result = 0;
    if (entry->style == PA_ENTRY_COMMAND) {
        pa_instance_call(instance, "_start", end);
        return;
    }
    initialize(&starter);
    if (entry->style == PA_ENTRY_REACTOR) {
        result = call(&starter, entry->call, NULL, 0);
    } else if (entry->style == PA_ENTRY_REACTOR_ARGV) {
        const uint32_t args[] = {(uint32_t)argc, place_argv(&starter, entry, argv, argc)};
        result = call(&starter, entry->call, args, PA_ARRAY_LEN(args));
    } else {
        start_ruby(&starter, entry, argv, argc);
    }
    if (starter.ended)
        return;
    pa_instance_state(instance, end);
    if (end->status == PA_STATUS_OK && result) {
        end->status = PA_STATUS_ERROR;
        end->exit_code = result;
    }
}
