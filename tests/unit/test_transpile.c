/* The transpiler, without anything that runs its modules: places of refusals, bounds, the form of a
 * module.  What programs do is compared with CPython by tests/transpile. */
#include "test.h"

#include "transpile/transpile.h"

static struct pa_transpile_result transpile(const char *source) {
    struct pa_transpile_result result;
    pa_transpile_source(source, strlen(source), "test.py", &result);
    return result;
}

static void expect_refusal(const char *source, uint32_t line, uint32_t column, const char *what) {
    struct pa_transpile_result result = transpile(source);
    if (!result.refused || result.refusal.line != line || result.refusal.column != column ||
        !strstr(result.refusal.message, what))
        fail_msg("%s: refused %d at %u:%u: %s", source, result.refused, result.refusal.line,
                 result.refusal.column, result.refusal.message);
    pa_transpile_result_done(&result);
}

static void refusals_name_the_place(void **state) {
    expect_refusal("x = 1\nimport re\nre.sub(1)\n", 3, 1, "re.sub() is not supported");
    expect_refusal("def f():\n    yield 1\n", 2, 5, "yield");
    expect_refusal("x = 5\nprint(x.upper())\n", 2, 7, "upper()");
    expect_refusal("print(unknown)\n", 1, 7, "unknown");
    expect_refusal("print 'x'\n", 1, 1, "print_statement");
    expect_refusal("x = (1,\n", 1, 1, "not valid Python");
    expect_refusal("return 1\n", 1, 1, "return outside");
    expect_refusal("x = 12345678901234567890\n", 1, 5, "64 bits");
    expect_refusal("print(x)\nx = 1\n", 1, 7, "before it is assigned");
    expect_refusal("f()\ndef f(): pass\n", 1, 1, "before it is defined");
    expect_refusal("eval('1')\n", 1, 1, "eval");
    expect_refusal("x = '\xff'\n", 1, 6, "UTF-8");
    expect_refusal("s = 'h\u00e9 \u65e5\u672c'; open(s)\n", 1, 14, "open");
    expect_refusal("if 1:\n    x = [1,\n        open('f')]\n", 3, 9, "open");
    expect_refusal("def f(a, *, b): pass\n@cache\ndef g(): pass\n", 2, 1, "decorator");
    (void)state;
}

static void nesting_is_bounded(void **state) {
    char source[4096] = "x = ";
    memset(source + 4, '[', 1000);
    memset(source + 1004, ']', 1000);
    struct pa_transpile_result result = transpile(source);
    assert_true(result.refused);
    assert_non_null(strstr(result.refusal.message, "nested too deeply"));
    pa_transpile_result_done(&result);
    (void)state;
}

static void size_is_bounded(void **state) {
    size_t size = PA_TREE_MAX_BYTES + 1;
    char *source = malloc(size);
    memset(source, ' ', size);
    struct pa_transpile_result result;
    pa_transpile_source(source, size, "test.py", &result);
    assert_true(result.refused);
    assert_non_null(strstr(result.refusal.message, "bytes of source"));
    pa_transpile_result_done(&result);
    free(source);
    (void)state;
}

static bool contains(const struct pa_buf *module, const char *text) {
    return memmem(module->data, module->size, text, strlen(text)) != NULL;
}

static void a_module_needs_three_calls(void **state) {
    struct pa_transpile_result result = transpile("print('hello', 1 + 1)\n");
    assert_false(result.refused);
    assert_memory_equal(result.module.data, "\0asm\1\0\0\0", 8);
    /* The import section: three functions of one module. */
    assert_true(contains(&result.module, "wasi_snapshot_preview1\x08"
                                         "fd_write"));
    assert_true(contains(&result.module, "wasi_snapshot_preview1\x07"
                                         "fd_read"));
    assert_true(contains(&result.module, "wasi_snapshot_preview1\x09"
                                         "proc_exit"));
    assert_false(contains(&result.module, "path_open"));
    assert_true(contains(&result.module, "hello"));
    assert_false(result.uses_input);
    pa_transpile_result_done(&result);
    (void)state;
}

static void input_is_told(void **state) {
    struct pa_transpile_result result = transpile("print(input())\n");
    assert_false(result.refused);
    assert_true(result.uses_input);
    pa_transpile_result_done(&result);
    (void)state;
}

static void the_same_source_gives_the_same_module(void **state) {
    const char *source = "d = {'a': [1, 2.5]}\nfor k, v in d.items():\n    print(k, v)\n";
    struct pa_transpile_result a = transpile(source), b = transpile(source);
    assert_false(a.refused);
    assert_int_equal(a.module.size, b.module.size);
    assert_memory_equal(a.module.data, b.module.data, a.module.size);
    pa_transpile_result_done(&a);
    pa_transpile_result_done(&b);
    (void)state;
}

static size_t count(const struct pa_buf *module, const char *text) {
    size_t count = 0, size = strlen(text);
    for (size_t at = 0; at + size <= module->size; at++)
        count += memcmp(module->data + at, text, size) == 0;
    return count;
}

/* The program's module imports what it calls from the runtime's, which exports it, and has neither
 * WASI nor the functions that were compiled where they are called. */
static void the_runtime_may_be_outside(void **state) {
    const char *source = "def twice(n):\n    return n + n\nprint('a text', twice(4))\n";
    struct pa_transpile_result inside = transpile(source), outside;
    struct pa_buf runtime = PA_BUF_INIT(16u << 20);
    pa_transpile_for_runtime(source, strlen(source), "test.py", &outside);
    pa_transpile_runtime(&runtime);
    assert_false(outside.refused);
    assert_true(outside.module.size * 4 < inside.module.size);
    assert_true(count(&inside.module, "wasi_snapshot_preview1") == 3);
    assert_true(count(&runtime, "wasi_snapshot_preview1") == 3);
    assert_int_equal(count(&outside.module, "wasi_snapshot_preview1"), 0);
    assert_true(count(&outside.module, PA_TRANSPILE_RUNTIME) >=
                4); /* two functions, a table, memory */
    assert_true(count(&outside.module, "rt_print_int") >= 1);
    assert_true(count(&runtime, "rt_print_int") >= 1);
    assert_int_equal(count(&outside.module, "a text"), 0);
    assert_true(count(&outside.data, "a text") >= 1);
    assert_true(outside.data_at + outside.data.size <= outside.memory_bytes);
    pa_buf_done(&runtime);
    pa_transpile_result_done(&inside);
    pa_transpile_result_done(&outside);
}

static void unused_runtime_stays_out(void **state) {
    struct pa_transpile_result small = transpile("print(1)\n");
    struct pa_transpile_result large = transpile("print(sorted({2.5: 'x'}), 'a'.center(9, '*'))\n");
    assert_false(small.refused || large.refused);
    assert_false(contains(&small.module, "rt_sort"));
    assert_true(contains(&large.module, "rt_sort"));
    assert_true(small.module.size < large.module.size);
    pa_transpile_result_done(&small);
    pa_transpile_result_done(&large);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_name_the_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(a_module_needs_three_calls),
        cmocka_unit_test(input_is_told),
        cmocka_unit_test(the_same_source_gives_the_same_module),
        cmocka_unit_test(the_runtime_may_be_outside),
        cmocka_unit_test(unused_runtime_stays_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
