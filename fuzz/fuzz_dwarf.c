/*
 * Debug information from anybody: a module that traps at once, with these sections beside its code.
 * Wasmtime reads them to make the backtrace, in the process that runs the guest, in Rust; what must
 * hold is that the trap is told whatever they say, and that the backtrace is lines of text.
 *
 * The input is cut into sections: two bytes of length, little-endian, before each but the last.
 */
#include "engine/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pa_wasi { /* as this host has it: nothing is imported */
    struct pa_wasi_state state;
};

static const struct pa_wasi_state *host_state(const struct pa_wasi *wasi) {
    return &wasi->state;
}

/* (module (func $inner unreachable) (func (export "_start") call 0) (memory (export "memory") 1))
 */
static const uint8_t module[] = {
    0,  'a', 's', 'm',  1,   0,   0,    0,                    /**/
    1,  4,   1,   0x60, 0,   0,                               /* types */
    3,  3,   2,   0,    0,                                    /* functions */
    5,  3,   1,   0,    1,                                    /* memory */
    7,  19,  2,   6,    '_', 's', 't',  'a', 'r', 't',  0, 1, /* exports */
    6,  'm', 'e', 'm',  'o', 'r', 'y',  2,   0,               /**/
    10, 10,  2,   3,    0,   0,   0x0b, 4,   0,   0x10, 0, 0x0b};

static void put_leb(struct pa_buf *buf, size_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        pa_buf_append(buf, &byte, 1);
        value >>= 7;
    } while (value);
}

static void put_section(struct pa_buf *buf, const char *name, const uint8_t *data, size_t size) {
    uint8_t custom = 0, length = (uint8_t)strlen(name);
    pa_buf_append(buf, &custom, 1);
    put_leb(buf, 1 + length + size);
    pa_buf_append(buf, &length, 1);
    pa_buf_append(buf, name, length);
    pa_buf_append(buf, data, size);
}

static void put_sections(struct pa_buf *buf, const uint8_t *data, size_t size) {
    static const char *const names[] = {".debug_abbrev", ".debug_info",   ".debug_line",
                                        ".debug_str",    ".debug_ranges", ".debug_aranges"};
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++) {
        size_t length = size;
        if (i + 1 < PA_ARRAY_LEN(names) && size >= 2) {
            length = PA_MIN((size_t)(data[0] | data[1] << 8), size - 2);
            data += 2;
            size -= 2;
        }
        put_section(buf, names[i], data, length);
        data += length;
        size -= length;
    }
}

static void check(const struct pa_end *end) {
    PA_ASSERT(end->status == PA_STATUS_TRAP && pa_streq(end->kind, "unreachable"));
    PA_ASSERT(memchr(end->backtrace, 0, sizeof(end->backtrace)));
    for (const char *c = end->backtrace; *c; c++)
        PA_ASSERT(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pa_engine_settings settings = {.stack_bytes = PA_MIB};
    struct pa_limits limits;
    struct pa_engine *engine;
    struct pa_module *compiled;
    struct pa_instance *instance;
    struct pa_wasi wasi = {0};
    struct pa_end end = {0};
    struct pa_error err;
    const struct pa_host host = {NULL, 0, &wasi, host_state, NULL};
    PA_CLEANUP(pa_buf_done) struct pa_buf bytes = PA_BUF_INIT(PA_MIB);
    pa_limits_init(&limits);
    pa_buf_append(&bytes, module, sizeof(module));
    put_sections(&bytes, data, PA_MIN(size, (size_t)PA_MIB / 2));
    PA_ASSERT(pa_engine_new(&settings, &engine, &err) == 0);
    PA_ASSERT(pa_module_make(engine, bytes.data, bytes.size, &compiled, &err) == 0);
    PA_ASSERT(pa_instance_new_for(engine, compiled, &host, &limits, &instance, &end, &err) == 0);
    pa_instance_call(instance, "_start", &end);
    check(&end);
    pa_instance_free(instance);
    pa_module_free(compiled);
    pa_engine_free(engine);
    return 0;
}
