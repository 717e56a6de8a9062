/*
 * The engine with a small host of its own: proc_exit, proc_raise, and fd_write, which keeps its
 * first argument and the byte of memory that its second points to.
 */
#include "test.h"

#include "base/io.h"
#include "engine/internal.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct pa_wasi { /* as this host has it */
    struct pa_wasi_state state;
    uint64_t fd, byte;
    unsigned calls;
};

static uint32_t host_fd_write(struct pa_wasi *wasi, struct pa_guest_memory memory,
                              const uint64_t *args) {
    wasi->calls++;
    wasi->fd = args[0];
    wasi->byte = args[1] < memory.size ? memory.base[args[1]] : UINT64_MAX;
    return 7;
}

static uint32_t host_exit(struct pa_wasi *wasi, struct pa_guest_memory memory,
                          const uint64_t *args) {
    wasi->state.ended = true;
    wasi->state.exit_code = (uint32_t)args[0];
    return 0;
}

static uint32_t host_raise(struct pa_wasi *wasi, struct pa_guest_memory memory,
                           const uint64_t *args) {
    wasi->state.raised = true;
    wasi->state.signal = (uint32_t)args[0];
    return 0;
}

static const struct pa_wasi_state *host_state(const struct pa_wasi *wasi) {
    return &wasi->state;
}

static const struct pa_wasi_import table[] = {
    {"fd_write", "iiii", true, host_fd_write},
    {"proc_exit", "i", false, host_exit},
    {"proc_raise", "i", true, host_raise},
};

/* cmocka takes the signals that are Wasmtime's traps, anew for each test; we give them back. */
static const int trap_signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS};
static struct sigaction wasmtimes[PA_ARRAY_LEN(trap_signals)];

static void keep_wasmtimes_handlers(void) {
    struct pa_engine_settings settings = {.stack_bytes = PA_MIB};
    struct pa_engine *engine;
    struct pa_error err;
    if (pa_engine_new(&settings, &engine, &err) < 0)
        abort();
    for (size_t i = 0; i < PA_ARRAY_LEN(trap_signals); i++)
        sigaction(trap_signals[i], NULL, &wasmtimes[i]);
    pa_engine_free(engine);
}

static void take_back_handlers(void) {
    for (size_t i = 0; i < PA_ARRAY_LEN(trap_signals); i++)
        sigaction(trap_signals[i], &wasmtimes[i], NULL);
}

/* One module from text to its end. */
struct run {
    struct pa_engine_settings settings;
    struct pa_limits limits;
    struct pa_engine *engine;
    struct pa_module *module;
    struct pa_instance *instance;
    struct pa_wasi wasi;
    struct pa_end end;
    char path[64];
};

static void run_init(struct run *run) {
    *run = (struct run){.settings = {.stack_bytes = PA_MIB}};
    pa_limits_init(&run->limits);
    snprintf(run->path, sizeof(run->path), "/tmp/pa-test-engine-%d", getpid());
}

static struct pa_host run_host(struct run *run) {
    return (struct pa_host){table, PA_ARRAY_LEN(table), &run->wasi, host_state, NULL};
}

static void must(int result, const struct pa_error *err) {
    if (result < 0)
        fail_msg("%s", err->message);
}

/* Compiles, in an engine of its own as in life; 1 with run->end when the module is refused. */
static int run_compile(struct run *run, const char *text) {
    struct pa_error err;
    struct pa_engine *engine;
    struct pa_buf artifact = PA_BUF_INIT(64 * PA_MIB);
    struct pa_host host = run_host(run);
    must(pa_engine_new(&run->settings, &engine, &err), &err);
    int refused = pa_module_compile_for(engine, (const uint8_t *)text, strlen(text), false, &host,
                                        &artifact, &run->end, &err);
    must(refused, &err);
    if (!refused) {
        FILE *file = fopen(run->path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(artifact.data, 1, artifact.size, file), artifact.size);
        fclose(file);
    }
    pa_buf_done(&artifact);
    pa_engine_free(engine);
    return refused;
}

/* 0 with an instance, 1 with run->end. */
static int run_start(struct run *run, const char *text) {
    struct pa_error err;
    take_back_handlers();
    if (run_compile(run, text))
        return 1;
    struct pa_host host = run_host(run);
    must(pa_engine_new(&run->settings, &run->engine, &err), &err);
    must(pa_module_load(run->engine, run->path, &run->module, &err), &err);
    int started = pa_instance_new_for(run->engine, run->module, &host, &run->limits, &run->instance,
                                      &run->end, &err);
    must(started, &err);
    return started;
}

static void run_done(struct run *run) {
    run->instance = pa_instance_free(run->instance);
    run->module = pa_module_free(run->module);
    run->engine = pa_engine_free(run->engine);
    unlink(run->path);
}

static void run_all(struct run *run, const char *text) {
    if (run_start(run, text) == 0)
        pa_instance_call(run->instance, "_start", &run->end);
}

static void assert_message(const struct run *run, const char *part) {
    if (!strstr(run->end.message, part))
        fail_msg("expected \"%s\" in \"%s\"", part, run->end.message);
}

static void assert_ends(const char *text, enum pa_status status, const char *kind,
                        const char *message) {
    struct run run;
    run_init(&run);
    run_all(&run, text);
    if (run.end.status != status || !pa_streq(run.end.kind, kind))
        fail_msg("ended %s %s: %s", pa_status_name(run.end.status), run.end.kind, run.end.message);
    assert_message(&run, message);
    run_done(&run);
}

#define IMPORTS                                                                                    \
    "(import \"wasi_snapshot_preview1\" \"fd_write\""                                              \
    " (func $write (param i32 i32 i32 i32) (result i32)))"                                         \
    "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"

static void a_program_runs(void **state) {
    struct run run;
    run_init(&run);
    run_all(&run, "(module " IMPORTS "(memory (export \"memory\") 2) (data (i32.const 70000) \"A\")"
                  "(func (export \"_start\") (if (i32.ne (i32.const 7) (call $write (i32.const -1)"
                  " (i32.const 70000) (i32.const 0) (i32.const 0))) (then unreachable))))");
    assert_int_equal(run.end.status, PA_STATUS_OK);
    assert_int_equal(run.end.exit_code, 0);
    assert_int_equal(run.end.memory_peak_bytes, 2 * 65536);
    assert_true(run.end.fuel_used == PA_UNLIMITED);
    assert_string_equal(run.end.backtrace, "");
    assert_int_equal(run.wasi.fd, UINT32_MAX); /* zero-extended */
    assert_int_equal(run.wasi.byte, 'A');
    assert_int_equal(pa_instance_memory(run.instance).size, 2 * 65536);
    assert_true(pa_module_has_export(run.module, "_start"));
    assert_false(pa_module_has_export(run.module, "_star"));
    pa_instance_call(run.instance, "nope", &run.end);
    assert_int_equal(run.end.status, PA_STATUS_INVALID_MODULE);
    run_done(&run);
}

static void exits_and_signals(void **state) {
    struct run run;
    run_init(&run);
    run_all(&run, "(module " IMPORTS "(memory (export \"memory\") 1) (func (export \"_start\")"
                  "(call $exit (i32.const 3)) unreachable))");
    assert_int_equal(run.end.status, PA_STATUS_ERROR);
    assert_int_equal(run.end.exit_code, 3);
    assert_string_equal(run.end.backtrace, "");
    run_done(&run);

    assert_ends("(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
                "(func (export \"_start\") (call $exit (i32.const 0)) unreachable))",
                PA_STATUS_OK, "", "");
    assert_ends("(module (import \"wasi_snapshot_preview1\" \"proc_raise\""
                " (func $raise (param i32) (result i32)))"
                "(func (export \"_start\") (drop (call $raise (i32.const 6))) unreachable))",
                PA_STATUS_TRAP, "signal", "SIGABRT");
}

/* The memory is found before there is an instance, and an exit there is an end like another. */
static void a_start_function_may_end_it(void **state) {
    struct run run;
    run_init(&run);
    int started = run_start(
        &run, "(module " IMPORTS "(memory (export \"memory\") 1)"
              "(data (i32.const 5) \"Z\") (start $go) (func $go"
              "(drop (call $write (i32.const 1) (i32.const 5) (i32.const 0) (i32.const 0)))"
              "(call $exit (i32.const 9))))");
    assert_int_equal(started, 1);
    assert_int_equal(run.end.status, PA_STATUS_ERROR);
    assert_int_equal(run.end.exit_code, 9);
    assert_int_equal(run.wasi.byte, 'Z');
    run_done(&run);
    assert_ends("(module (start $go) (func $go unreachable))", PA_STATUS_TRAP, "unreachable", "");
}

static void traps_have_kinds(void **state) {
    assert_ends("(module (func (export \"_start\") unreachable))", PA_STATUS_TRAP, "unreachable",
                "abort");
    assert_ends(
        "(module (func (export \"_start\") (drop (i32.div_s (i32.const 1) (i32.const 0)))))",
        PA_STATUS_TRAP, "integer_divide_by_zero", "zero");
    assert_ends(
        "(module (memory 1) (func (export \"_start\") (drop (i32.load (i32.const 65536)))))",
        PA_STATUS_TRAP, "memory_out_of_bounds", "outside of its linear memory");
    /* the farthest address that an instruction can name: behind 4 GiB, in the guard or checked */
    assert_ends("(module (memory 1) (func (export \"_start\")"
                " (drop (i64.load offset=0xffffffff (i32.const -1)))))",
                PA_STATUS_TRAP, "memory_out_of_bounds", "");
    assert_ends("(module (memory 1) (func (export \"_start\")"
                " (i64.store offset=33554000 (i32.const -1) (i64.const 1))))",
                PA_STATUS_TRAP, "memory_out_of_bounds", "");
    assert_ends("(module (type $t (func)) (table 1 funcref)"
                "(func (export \"_start\") (call_indirect (type $t) (i32.const 0))))",
                PA_STATUS_TRAP, "indirect_call_to_null", "null");
    assert_ends(
        "(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)"
        "(func $f (param i32)) (func (export \"_start\") (call_indirect (type $t) (i32.const 0))))",
        PA_STATUS_TRAP, "indirect_call_type_mismatch", "");
    assert_ends("(module (func $f (export \"_start\") (call $f) (call $f)))", PA_STATUS_TRAP,
                "stack_overflow", "1 MiB");
    assert_ends("(module (tag $t) (func (export \"_start\") (throw $t)))", PA_STATUS_TRAP,
                "uncaught_exception", "exception");
}

static void backtraces_name_functions(void **state) {
    struct run run;
    run_init(&run);
    run_all(&run, "(module (func $inner unreachable) (func $_ZN3foo3barEv (call $inner))"
                  "(func $outer (export \"_start\") (call $_ZN3foo3barEv)))");
    assert_memory_equal(run.end.backtrace, "  #0 inner @ wasm offset 0x", 27);
    assert_non_null(strstr(run.end.backtrace, "\n  #1 foo::bar() @ wasm offset 0x"));
    assert_non_null(strstr(run.end.backtrace, "\n  #2 outer @ "));
    assert_null(strstr(run.end.backtrace, "more"));
    run_done(&run);

    run_init(&run);
    run_all(&run, "(module (func $f (export \"_start\") (call $f) (call $f)))");
    assert_non_null(strstr(run.end.backtrace, "  #18 f @ wasm offset 0x"));
    assert_non_null(strstr(run.end.backtrace, "\n  ... (20 frames at most)\n"));
    run_done(&run);
}

static void backtraces_with_lines(void **state) {
    static const char text[] = "error while executing at wasm backtrace:\n"
                               "    0:     0x1b - <unknown>!plain!name\n"
                               "    1:     0x2a - inlined\n"
                               "                    at /src/a b.c:3:5\n"
                               "                - caller\n"
                               "                    at /src/c.c:9:1\n"
                               "    2:     0x30 - tab\there\n"
                               "\nCaused by:\n    0:   0x11 - not a frame\n";
    wasm_frame_vec_t none = {0};
    char out[4096];
    pa_backtrace_format(text, sizeof(text) - 1, &none, out, sizeof(out));
    assert_string_equal(out, "  #0 plain!name @ wasm offset 0x1b\n"
                             "  #1 inlined (/src/a b.c:3:5)\n"
                             "  #2 caller (/src/c.c:9:1)\n"
                             "  #3 tab?here @ wasm offset 0x30\n");
    char small[100];
    pa_backtrace_format(text, sizeof(text) - 1, &none, small, sizeof(small));
    assert_string_equal(small, "  #0 plain!name @ wasm offset 0x1b\n"
                               "  #1 inlined (/src/a b.c:3:5)\n"
                               "  ... 2 more\n");
    pa_backtrace_format("something else", 14, &none, out, sizeof(out));
    assert_string_equal(out, "");
}

static void memory_is_limited(void **state) {
    /* asks for 64 MiB more until it is refused, then gives up in the way its caller says */
#define GREEDY(give_up)                                                                            \
    "(module " IMPORTS "(memory (export \"memory\") 1) (func (export \"_start\") (loop $more"      \
    " (br_if $more (i32.ne (memory.grow (i32.const 1024)) (i32.const -1)))) " give_up "))"
    static const char limit[] =
        "memory limit of 256 MiB reached (guest asked for 256.06 MiB); raise "
        "memory_bytes or use --memory";
    assert_ends(GREEDY("unreachable"), PA_STATUS_OUT_OF_MEMORY, "unreachable", limit);
    assert_ends(GREEDY("(call $exit (i32.const 1))"), PA_STATUS_OUT_OF_MEMORY, "", limit);
    assert_ends(GREEDY("(call $exit (i32.const 0))"), PA_STATUS_OK, "", ""); /* it coped */
    assert_ends(GREEDY(""), PA_STATUS_OK, "", "");
    assert_ends("(module (memory 5000))", PA_STATUS_OUT_OF_MEMORY, "",
                "memory limit of 256 MiB: the module starts with 312.5 MiB");
    /* all memories of a module together */
    assert_ends("(module (memory 3000) (memory 3000))", PA_STATUS_OUT_OF_MEMORY, "",
                "the module starts with 375 MiB");
    assert_ends("(module (memory i64 5000))", PA_STATUS_OUT_OF_MEMORY, "", "");
    /* what the module itself forbids is no limit of ours */
    assert_ends("(module (memory 1 1) (func (export \"_start\")"
                " (drop (memory.grow (i32.const 5))) unreachable))",
                PA_STATUS_TRAP, "unreachable", "");

    struct run run;
    run_init(&run);
    run_all(&run, GREEDY(""));
    assert_int_equal(run.end.memory_peak_bytes, 65536 + 3 * 64 * PA_MIB);
    struct pa_guest_memory memory = pa_instance_memory(run.instance);
    assert_int_equal(memory.size, 65536 + 3 * 64 * PA_MIB);
    memory.base[memory.size - 1] = 1; /* open to its end */
    run_done(&run);
}

static void all_of_4_gib_can_be_had(void **state) {
    struct run run;
    run_init(&run);
    run.limits.memory_bytes = 4 * PA_GIB;
    run_all(&run, "(module (memory (export \"memory\") 1) (func (export \"_start\")"
                  "(if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))"
                  "(i32.store8 (i32.const -1) (i32.const 1))))");
    assert_string_equal(run.end.message, "");
    assert_int_equal(run.end.status, PA_STATUS_OK);
    assert_true(run.end.memory_peak_bytes == 4 * PA_GIB);
    run_done(&run);
}

/* Two functions, memory and a table for others. */
#define BASE                                                                                       \
    "(module (import \"wasi_snapshot_preview1\" \"fd_write\""                                      \
    "          (func $write (param i32 i32 i32 i32) (result i32)))"                                \
    " (memory (export \"memory\") 1) (table (export \"table\") 2 funcref)"                         \
    " (func (export \"say\") (param i32)"                                                          \
    "   (drop (call $write (local.get 0) (i32.const 0) (i32.const 0) (i32.const 0))))"             \
    " (func (export \"_start\") unreachable))"
#define ADDED                                                                                      \
    "(module (import \"base\" \"say\" (func $say (param i32)))"                                    \
    " (import \"base\" \"memory\" (memory 3)) (import \"base\" \"table\" (table 1 funcref))"       \
    " (func (export \"_start\") (call $say (i32.load8_u (i32.const 131072)))))"

/* Adds the module of `text`, by way of its artifact if `saved`. */
static int add(struct run *run, const char *text, const char *from, uint64_t memory, bool saved,
               struct pa_error *err) {
    wasm_byte_vec_t binary;
    struct pa_module *module, *again;
    struct pa_buf artifact = PA_BUF_INIT(PA_MIB);
    assert_null(wasmtime_wat2wasm(text, strlen(text), &binary));
    must(pa_module_make(run->engine, (uint8_t *)binary.data, binary.size, &module, err), err);
    wasm_byte_vec_delete(&binary);
    if (saved) {
        must(pa_module_save(module, &artifact, err), err);
        must(pa_module_take(run->engine, artifact.data, artifact.size, &again, err), err);
        pa_module_free(module);
        module = again;
    }
    int added = pa_instance_add(run->instance, module, from, memory, &run->end, err);
    pa_module_free(module);
    pa_buf_done(&artifact);
    return added;
}

static void a_module_is_added(void **state) {
    for (int saved = 0; saved < 2; saved++) {
        struct run run;
        struct pa_error err;
        const uint32_t number = 5;
        run_init(&run);
        assert_int_equal(run_start(&run, BASE), 0);
        assert_int_equal(add(&run, ADDED, "base", 3 * 65536, saved, &err), 0);
        struct pa_guest_memory memory = pa_instance_memory(run.instance);
        assert_int_equal(memory.size, 3 * 65536);
        memory.base[131072] = 77;
        pa_instance_call(run.instance, "_start", &run.end); /* the added one's */
        assert_int_equal(run.end.status, PA_STATUS_OK);
        assert_int_equal(run.wasi.fd, 77);
        pa_instance_call_with(run.instance, "say", &number, 1, &run.end); /* the first's */
        assert_int_equal(run.end.status, PA_STATUS_OK);
        assert_int_equal(run.wasi.fd, 5);
        run_done(&run);
    }
}

static void what_is_added_has_what_it_was_given(void **state) {
    struct run run;
    struct pa_error err;
    struct pa_module *module;
    run_init(&run);
    run.limits.memory_bytes = 2 * 65536;
    assert_int_equal(run_start(&run, BASE), 0);
    assert_int_equal(add(&run, ADDED, "base", 3 * 65536, false, &err), 1); /* past the limit */
    assert_int_equal(run.end.status, PA_STATUS_OUT_OF_MEMORY);
    assert_int_equal(add(&run, ADDED, "else", 65536, false, &err), -1);
    assert_non_null(strstr(err.message, "base.say"));
    assert_int_equal(add(&run,
                         "(module (import \"wasi_snapshot_preview1\" \"proc_exit\""
                         " (func (param i32))))",
                         "wasi_snapshot_preview1", 65536, false, &err),
                     -1);
    assert_int_equal(pa_module_make(run.engine, (const uint8_t *)"nonsense", 8, &module, &err), -1);
    assert_int_equal(pa_module_take(run.engine, (const uint8_t *)"nonsense", 8, &module, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNIMPLEMENTED);
    run_done(&run);
}

static void tables_are_limited(void **state) {
    assert_ends("(module (table 1000001 funcref))", PA_STATUS_OUT_OF_MEMORY, "",
                "table limit of 1000000 elements");
    assert_ends("(module (table 1 funcref) (func (export \"_start\") (if (i32.ne (i32.const -1)"
                " (table.grow (ref.null func) (i32.const 1000000))) (then unreachable))))",
                PA_STATUS_OK, "", "");
}

static void fuel_is_metered(void **state) {
    static const char loop[] = "(module (func (export \"_start\") (loop $l (br $l))))";
    struct run run;
    run_init(&run);
    run.settings.metered = true;
    run.limits.fuel = 100000;
    run_all(&run, loop);
    assert_int_equal(run.end.status, PA_STATUS_OUT_OF_FUEL);
    assert_message(&run, "fuel limit of 100000 used up");
    assert_true(run.end.fuel_used >= 100000);
    run_done(&run);

    uint64_t used[2];
    for (int i = 0; i < 2; i++) {
        run_init(&run);
        run.settings.deterministic = true; /* and no limit: fuel is counted all the same */
        run_all(&run, "(module (func (export \"_start\") (local i32) (loop $l (br_if $l (i32.lt_u"
                      " (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))))");
        assert_int_equal(run.end.status, PA_STATUS_OK);
        used[i] = run.end.fuel_used;
        run_done(&run);
    }
    assert_int_equal(used[0], used[1]);
    assert_in_range(used[0], 1000, 20000);
}

/* The compiler may use threads, code that is loaded may not; both settings agree on the code. */
static void proposals_that_are_on(void **state) {
    assert_ends("(module (memory 1) (memory $b 1) (func (export \"_start\")"
                " (i32.store $b (i32.const 0) (i32.const 5))"
                " (if (i32.load 0 (i32.const 0)) (then unreachable))"
                " (if (i32.ne (i32.const 5) (i32.load $b (i32.const 0))) (then unreachable))))",
                PA_STATUS_OK, "", "");
    assert_ends("(module (memory i64 1) (func (export \"_start\")"
                " (i32.store (i64.const 65000) (i32.const 5))))",
                PA_STATUS_OK, "", "");
    assert_ends("(module (memory i64 1) (func (export \"_start\")"
                " (i32.store (i64.const 0x7fffffffffff) (i32.const 5))))",
                PA_STATUS_TRAP, "memory_out_of_bounds", "");
    assert_ends("(module (func (export \"_start\") (drop (i32x4.relaxed_trunc_f32x4_s"
                " (v128.const f32x4 1 2 3 4)))))",
                PA_STATUS_OK, "", "");
    assert_ends("(module (func $f (param i32) (if (local.get 0) (then (return_call $f (i32.sub"
                " (local.get 0) (i32.const 1))))))"
                " (func (export \"_start\") (call $f (i32.const 1000000))))",
                PA_STATUS_OK, "", "");
    /* exceptions, far more than fit into memory at once if none were ever given back */
    assert_ends("(module (tag $t (param i32)) (func (export \"_start\") (local i32) (loop $l"
                " (block $h (result i32) (try_table (result i32) (catch $t $h)"
                "  (throw $t (local.get 0)))) drop"
                " (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))"
                "  (i32.const 100000))))))",
                PA_STATUS_OK, "", "");
}

static void proposals_that_are_off(void **state) {
    assert_ends("(module (memory 1 1 shared))", PA_STATUS_INVALID_MODULE, "", "threads");
    assert_ends("(module (type (struct)))", PA_STATUS_INVALID_MODULE, "", "gc");
    assert_ends("(module (memory 1 (pagesize 1)))", PA_STATUS_INVALID_MODULE, "", "page");
    assert_ends("(module (func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1"
                " local.get 2 local.get 3 i64.add128))",
                PA_STATUS_INVALID_MODULE, "", "wide arithmetic");
    assert_ends("(component)", PA_STATUS_INVALID_MODULE, "", "component");
}

static void bad_modules_are_explained(void **state) {
    assert_ends("(module (func (export \"_start\") i32.const 1))", PA_STATUS_INVALID_MODULE, "",
                "at offset 0x");
    assert_ends("(module\n  (func $f (oops)))", PA_STATUS_INVALID_MODULE, "",
                "at line 2, column 13");
    assert_ends("hello", PA_STATUS_INVALID_MODULE, "", "expected the magic");
    assert_ends("(module (import \"env\" \"f\" (func)))", PA_STATUS_INVALID_MODULE, "", "env.f");
}

static void settings_must_agree(void **state) {
    struct run run;
    struct pa_error err;
    run_init(&run);
    assert_int_equal(run_compile(&run, "(module)"), 0);
    run.settings.metered = true;
    must(pa_engine_new(&run.settings, &run.engine, &err), &err);
    assert_int_equal(pa_module_load(run.engine, run.path, &run.module, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNIMPLEMENTED);
    assert_non_null(strstr(err.message, "fuel"));
    run_done(&run);
    run.settings.stack_bytes = PA_GIB; /* an error, not Wasmtime's panic */
    assert_int_equal(pa_engine_new(&run.settings, &run.engine, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
#ifndef WASMTIME_FEATURE_ASYNC
    run.settings.stack_bytes = 2 * PA_MIB + 1;
    assert_int_equal(pa_engine_new(&run.settings, &run.engine, &err), -1);
#endif
    run.settings.stack_bytes = 2 * PA_MIB;
    must(pa_engine_new(&run.settings, &run.engine, &err), &err);
    run_done(&run);
}

/* Signal handlers, stack limits and memories are the child's, too; one thread is all there is. */
static void a_forked_child_traps(void **state) {
    static const char text[] =
        "(module (memory (export \"memory\") 1) (func $f (export \"deep\") (call $f) (call $f))"
        "(func (export \"far\") (drop (i32.load (i32.const -4)))) (func (export \"fine\")))";
    struct run run;
    run_init(&run);
    assert_int_equal(run_start(&run, text), 0);
    for (int round = 0; round < 2; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            pa_instance_call(run.instance, "deep", &run.end);
            bool deep = pa_streq(run.end.kind, "stack_overflow") && run.end.backtrace[0];
            pa_instance_call(run.instance, "far", &run.end);
            bool far = pa_streq(run.end.kind, "memory_out_of_bounds");
            _exit(deep && far ? 42 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 42);
    }
    pa_instance_call(run.instance, "fine", &run.end);
    assert_int_equal(run.end.status, PA_STATUS_OK);
    run_done(&run);
}

/* /proc/self/task has one entry a thread. */
static void no_threads_are_made(void **state) {
    struct run run;
    run_init(&run);
    run_all(&run, "(module (func (export \"_start\")))");
    struct pa_buf status = PA_BUF_INIT(65536);
    struct pa_error err;
    PA_CLEANUP(pa_closep) int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    must(pa_read_all(fd, "status", &status, &err), &err);
    assert_non_null(strstr(pa_buf_text(&status), "Threads:\t1\n"));
    pa_buf_done(&status);
    run_done(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_runs),
        cmocka_unit_test(exits_and_signals),
        cmocka_unit_test(a_start_function_may_end_it),
        cmocka_unit_test(traps_have_kinds),
        cmocka_unit_test(backtraces_name_functions),
        cmocka_unit_test(backtraces_with_lines),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(all_of_4_gib_can_be_had),
        cmocka_unit_test(a_module_is_added),
        cmocka_unit_test(what_is_added_has_what_it_was_given),
        cmocka_unit_test(tables_are_limited),
        cmocka_unit_test(fuel_is_metered),
        cmocka_unit_test(proposals_that_are_on),
        cmocka_unit_test(proposals_that_are_off),
        cmocka_unit_test(bad_modules_are_explained),
        cmocka_unit_test(settings_must_agree),
        cmocka_unit_test(a_forked_child_traps),
        cmocka_unit_test(no_threads_are_made),
    };
    keep_wasmtimes_handlers();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
