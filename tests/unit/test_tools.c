/* Rules, the faults of calls, and tasks: all that is decided before anything runs. */
#include "test.h"

#include "config/config.h"
#include "lang/pack.h"
#include "run/executor.h"
#include "tools/rule.h"
#include "tools/task.h"
#include "tools/tools.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char module[] = "AGFzbQEAAAA="; /* the eight bytes of an empty one */

struct bench {
    struct pa_config config;
    struct pa_packs *packs;
    struct pa_toolbox *toolbox;
    char folder[64];
    char *paths[2];
    char *store;
};

static struct pa_toolbox *make(struct bench *bench, bool paths) {
    struct pa_error err;
    struct pa_toolbox *toolbox;
    const struct pa_toolbox_config config = {.packs = bench->packs,
                                             .config = &bench->config,
                                             .module_paths = paths ? bench->paths : NULL,
                                             .module_store = paths ? bench->store : NULL};
    if (pa_toolbox_new(&config, &toolbox, &err) < 0)
        fail_msg("%s", err.message);
    return toolbox;
}

static void write_file(const char *path, const char *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static int set_up(void **state) {
    static struct bench bench;
    struct pa_error err;
    const char *languages[] = {PA_SOURCE_ROOT "/languages", NULL};
    snprintf(bench.folder, sizeof(bench.folder), "/tmp/polyagent-test-XXXXXX");
    assert_non_null(mkdtemp(bench.folder));
    bench.paths[0] = bench.folder;
    bench.store = pa_xasprintf("%s/store", bench.folder);
    assert_int_equal(mkdir(bench.store, 0700), 0);
    PA_CLEANUP(pa_freep) char *inside = pa_xasprintf("%s/a.wasm", bench.folder);
    PA_CLEANUP(pa_freep) char *link = pa_xasprintf("%s/out.wasm", bench.folder);
    write_file(inside, "\0asm\1\0\0\0", 8);
    assert_int_equal(symlink("/etc/hostname", link), 0);
    pa_config_init(&bench.config);
    if (pa_packs_load(languages, &bench.packs, &err) < 0)
        fail_msg("%s", err.message);
    bench.toolbox = make(&bench, true);
    *state = &bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    PA_CLEANUP(pa_freep) char *inside = pa_xasprintf("%s/a.wasm", bench->folder);
    PA_CLEANUP(pa_freep) char *link = pa_xasprintf("%s/out.wasm", bench->folder);
    pa_toolbox_free(bench->toolbox);
    pa_packs_free(bench->packs);
    pa_config_done(&bench->config);
    unlink(inside);
    unlink(link);
    rmdir(bench->store);
    free(bench->store);
    return rmdir(bench->folder);
}

/* JSON with ' for ". */
static json_t *json_of(const char *text) {
    char *copy = pa_xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_error_t why;
    json_t *value = json_loads(copy, JSON_ALLOW_NUL, &why);
    if (!value)
        fail_msg("%s: %s", why.text, copy);
    free(copy);
    return value;
}

/* The faults of a call as "PATH PATH ...", "" where there are none. */
static char *faults_of(struct pa_toolbox *toolbox, const char *tool, const char *parameters,
                       const struct pa_ceilings *ceilings) {
    struct pa_ceilings none;
    struct pa_prepared *prepared = NULL;
    struct pa_error err;
    json_t *value = json_of(parameters), *faults, *fault;
    struct pa_buf paths = PA_BUF_INIT(10000);
    size_t i;
    pa_ceilings_init(&none);
    int done = pa_toolbox_prepare(toolbox, tool, value, ceilings ? ceilings : &none, &prepared,
                                  &faults, &err);
    assert_int_equal(done, faults ? -1 : 0);
    json_array_foreach(faults, i, fault) {
        assert_true(*json_string_value(json_object_get(fault, "got")));
        assert_true(*json_string_value(json_object_get(fault, "allowed")));
        pa_buf_printf(&paths, "%s%s", i ? " " : "",
                      json_string_value(json_object_get(fault, "path")));
    }
    if (done < 0) {
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
        assert_true(*err.message);
    }
    pa_prepared_free(prepared);
    json_decref(faults);
    json_decref(value);
    char *text = pa_xstrdup(pa_buf_text(&paths));
    pa_buf_done(&paths);
    return text;
}

static void expect(struct pa_toolbox *toolbox, const char *tool, const char *parameters,
                   const char *paths) {
    PA_CLEANUP(pa_freep) char *found = faults_of(toolbox, tool, parameters, NULL);
    if (!pa_streq(found, paths))
        fail_msg("%s %s: faults at '%s', not at '%s'", tool, parameters, found, paths);
}

static void faults(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *tool, *parameters, *paths;
    } rows[] = {
        /* as in the original document */
        {"python_wasi_runner", "{'code': 'print(1)', 'stdin': '', 'argv': []}", ""},
        {"code_executor", "{'wasm_base64': 'AGFzbQEAAAA=', 'stdin': ''}", ""},
        /* what is missing, what is too much */
        {"python_executor", "{}", "/code"},
        {"python_executor", "{'code': 1}", "/code"},
        {"python_executor", "{'code': null}", "/code"},
        {"python_executor", "{'code': '', 'cod': 1, 'x~/y': 2}", "/cod /x~0~1y"},
        {"code_executor", "{'wasm_base64': 'AGFzbQEAAAA=', 'wasm_path': 'a.wasm'}", "/wasm_path"},
        {"python_executor", "{'code': '', 'stdin': 'a', 'stdin_base64': 'YQ=='}", "/stdin_base64"},
        {"code_executor", "{'wasm_path': 'a.wasm', 'wasm_base64': 'AGFzbQEAAAA='}", "/wasm_path"},
        {"python_executor", "{'code': '', 'stdin_base64': 'YQ==', 'stdin': 'a'}", "/stdin_base64"},
        {"python_wasi_runner",
         "{'code': '', 'interpreter_wasm_base64': 'AGFzbQEAAAA=', 'interpreter_wasm_path': "
         "'a.wasm'}",
         "/interpreter_wasm_base64"},
        {"python_wasi_runner",
         "{'code': '', 'interpreter_wasm_path': 'a.wasm', 'interpreter_wasm_base64': "
         "'AGFzbQEAAAA='}",
         "/interpreter_wasm_base64"},
        {"python_wasi_runner", "{'code': '', 'session_id': 'a'}", "/session_id"},
        {"code_executor", "{'wasm_base64': 'AGFzbQEAAAA=', 'session_id': 'a'}", "/session_id"},
        {"python_executor", "{'code': '', 'session_id': 'a'}", "/session_id"}, /* no sessions */
        {"javascript_executor", "{'code': '', 'image': 'javascript'}", "/image"},
        {"python_executor", "{'code': '', 'image': 'python3.12'}", ""},
        {"python_executor", "{'code': '', 'image': 'python3.13'}", "/image"},
        {"python_executor", "{'code': '', 'mode': 'Script'}", "/mode"},
        /* base64 */
        {"code_executor", "{'wasm_base64': 'AGFzbQEAAAA'}", "/wasm_base64"},
        {"code_executor", "{'wasm_base64': 'AGFz\\nbQEAAAA='}", "/wasm_base64"},
        {"code_executor", "{'wasm_base64': ''}", "/wasm_base64"},
        {"python_executor", "{'code': '', 'stdin_base64': 'YQ='}", "/stdin_base64"},
        {"python_executor", "{'code': '', 'stdin_base64': ''}", ""},
        /* lists and objects */
        {"ruby_executor", "{'code': '', 'argv': ['a', 1, 'b\\u0000']}", "/argv/1 /argv/2"},
        {"ruby_executor", "{'code': '', 'argv': 'a'}", "/argv"},
        {"ruby_executor", "{'code': '', 'env': {'A': 'b', 'C=D': 'e', '': 'f', 'G': 1}}",
         "/env/C=D /env/ /env/G"},
        {"ruby_executor", "{'code': '', 'files': {'a/b': 'x', '/tmp/c': 'y'}}", ""},
        {"ruby_executor",
         "{'code': '', 'files': {'../a': '', '/etc/a': '', 'a//b': '', 'a/': '', './a': '', '': ''}}",
         "/files/..~1a /files/~1etc~1a /files/a~1~1b /files/a~1 /files/.~1a /files/"},
        {"ruby_executor",
         "{'code': '', 'files': [{'path': 'a', 'content': ''}, {'path': 'b', 'content_base64': "
         "'YQ=='}]}",
         ""},
        {"ruby_executor",
         "{'code': '', 'files': [{'content': ''}, {'path': 'a'}, {'path': 'a', 'content': '', "
         "'content_base64': ''}, {'path': 'a', 'content': '', 'mode': 1}, 5]}",
         "/files/0/path /files/1 /files/2/content_base64 /files/3/mode /files/4"},
        {"ruby_executor", "{'code': '', 'files': 5}", "/files"},
        {"ruby_executor", "{'code': '', 'outputs': ['*.png', '']}", "/outputs/1"},
        {"ruby_executor", "{'code': '', 'deterministic': 'yes'}", "/deterministic"},
        {"ruby_executor", "{'code': '', 'seed': -1}", "/seed"},
        {"ruby_executor", "{'code': '', 'seed': 1.5}", "/seed"},
        {"ruby_executor", "{'code': '', 'seed': 7.0}", ""},
        {"ruby_executor", "{'code': '', 'seed': 9007199254740992}", "/seed"},
        /* limits */
        {"python_executor", "{'code': '', 'limits': {'timeout_ms': 30000}}", ""},
        {"python_executor", "{'code': '', 'limits': {'timeout_ms': 30001}}", "/limits/timeout_ms"},
        {"python_executor", "{'code': '', 'limits': {'timeout_ms': 0}}", "/limits/timeout_ms"},
        {"python_executor", "{'code': '', 'limits': {'timeout_ms': '5s'}}", "/limits/timeout_ms"},
        {"python_executor", "{'code': '', 'limits': {'timeout': 5}}", "/limits/timeout"},
        {"python_executor", "{'code': '', 'limits': {'module_bytes': 50}}", "/limits/module_bytes"},
        {"code_executor", "{'wasm_path': 'a.wasm', 'limits': {'module_bytes': 50}}", ""},
        {"python_executor", "{'code': '', 'limits': {'fuel': 1000000}}", ""},
        {"python_executor", "{'code': '', 'limits': {'files_bytes': 3}, 'files': {'a': 'abcd'}}",
         "/files"},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        expect(bench->toolbox, rows[i].tool, rows[i].parameters, rows[i].paths);
}

/* A fault of the whole has the empty path, which is no sign of none. */
static void fault_of_the_whole(void **state) {
    struct bench *bench = *state;
    struct pa_ceilings none;
    struct pa_prepared *prepared;
    struct pa_error err;
    json_t *found, *nothing = json_object();
    pa_ceilings_init(&none);
    assert_int_equal(pa_toolbox_prepare(bench->toolbox, "code_executor", nothing, &none, &prepared,
                                        &found, &err),
                     -1);
    assert_int_equal(json_array_size(found), 1);
    const json_t *fault = json_array_get(found, 0);
    assert_string_equal(json_string_value(json_object_get(fault, "path")), "");
    assert_string_equal(json_string_value(json_object_get(fault, "allowed")),
                        "one of wasm_base64, wasm_path, wasm_sha256");
    json_decref(found);
    assert_int_equal(pa_toolbox_prepare(bench->toolbox, "code_exekutor", nothing, &none, &prepared,
                                        &found, &err),
                     -1);
    assert_null(found);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean code_executor"));
    json_decref(nothing);
}

static void paths(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *path; /* %s: the folder */
        const char *faults;
    } rows[] = {{"%s/a.wasm", ""},
                {"a.wasm", ""},
                {"%s//a.wasm", ""},
                {"%s/../etc/hostname", "/wasm_path"},
                {"../../etc/hostname", "/wasm_path"},
                {"%s/out.wasm", "/wasm_path"}, /* a link out of the folder */
                {"/etc/hostname", "/wasm_path"},
                {"%sx/a.wasm", "/wasm_path"},
                {"%s/store", "/wasm_path"}, /* a folder */
                {"%s/none.wasm", "/wasm_path"},
                {"/proc/self/exe", "/wasm_path"}};
    struct pa_toolbox *without = make(bench, false);
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        PA_CLEANUP(pa_freep) char *path = NULL;
        const char *rest = strchr(rows[i].path, 's');
        if (rows[i].path[0] == '%')
            path = pa_xasprintf("%s%s", bench->folder, rest + 1);
        PA_CLEANUP(pa_freep)
        char *parameters = pa_xasprintf("{'wasm_path': '%s'}", path ? path : rows[i].path);
        expect(bench->toolbox, "code_executor", parameters, rows[i].faults);
        expect(without, "code_executor", parameters, "/wasm_path");
    }
    expect(bench->toolbox, "python_wasi_runner", "{'code': '', 'interpreter_wasm_path': 'a.wasm'}",
           "");
    expect(bench->toolbox, "python_wasi_runner",
           "{'code': '', 'interpreter_wasm_path': '/etc/hostname'}", "/interpreter_wasm_path");
    expect(bench->toolbox, "python_wasi_runner",
           "{'code': '', 'interpreter_wasm_base64': 'aGVsbG8gd29ybGQh'}",
           "/interpreter_wasm_base64");
    pa_toolbox_free(without);
}

static void stored(void **state) {
    struct bench *bench = *state;
    char digest[PA_DIGEST_TEXT];
    pa_digest("\0asm\1\0\0\0", 8, digest);
    PA_CLEANUP(pa_freep) char *parameters = pa_xasprintf("{'wasm_sha256': '%s'}", digest);
    PA_CLEANUP(pa_freep) char *path = pa_xasprintf("%s/%s", bench->store, digest);
    expect(bench->toolbox, "code_executor", parameters, "/wasm_sha256");
    write_file(path, "\0asm\1\0\0\0", 8);
    expect(bench->toolbox, "code_executor", parameters, "");
    expect(bench->toolbox, "code_executor", "{'wasm_sha256': '../a.wasm'}", "/wasm_sha256");
    unlink(path);
}

static void ceilings(void **state) {
    struct bench *bench = *state;
    struct pa_ceilings some;
    struct pa_prepared *prepared;
    struct pa_error err;
    json_t *found;
    pa_ceilings_init(&some);
    some.limits.timeout_ms = 1000;
    some.limits.memory_bytes = 64 * PA_MIB;
    PA_CLEANUP(pa_freep)
    char *within = faults_of(bench->toolbox, "python_executor",
                             "{'code': '', 'limits': {'timeout_ms': 1000}}", &some);
    PA_CLEANUP(pa_freep)
    char *past = faults_of(bench->toolbox, "python_executor",
                           "{'code': '', 'limits': {'timeout_ms': 1001}}", &some);
    assert_string_equal(within, "");
    assert_string_equal(past, "/limits/timeout_ms");

    json_t *parameters = json_of("{'code': 'x', 'env': {'A': 'b'}, 'limits': {'cpu_ms': 7}}");
    assert_int_equal(pa_toolbox_prepare(bench->toolbox, "python_executor", parameters, &some,
                                        &prepared, &found, &err),
                     0);
    char digest[PA_DIGEST_TEXT];
    pa_digest("x", 1, digest);
    assert_string_equal(prepared->digest, digest);
    assert_string_equal(prepared->language, "python");
    assert_int_equal(prepared->memory_bytes, 64 * PA_MIB);
    assert_int_equal(prepared->policy->limits.timeout_ms, 1000);
    assert_int_equal(prepared->policy->limits.cpu_ms, 7);
    assert_string_equal(pa_policy_env(prepared->policy, "A"), "b");
    pa_prepared_free(prepared);
    json_decref(parameters);
}

/* What a caller sent is quoted in part, and where it may be a secret not at all. */
static void secrets(void **state) {
    struct bench *bench = *state;
    struct pa_ceilings none;
    struct pa_prepared *prepared;
    struct pa_error err;
    json_t *found;
    pa_ceilings_init(&none);
    json_t *parameters =
        json_of("{'code': '', 'env': {'A': 'tops\\u0000ecret'}, 'stdin_base64': 'tops3cret'}");
    assert_int_equal(pa_toolbox_prepare(bench->toolbox, "python_executor", parameters, &none,
                                        &prepared, &found, &err),
                     -1);
    char *text = json_dumps(found, 0);
    assert_int_equal(json_array_size(found), 2);
    assert_null(strstr(text, "tops"));
    free(text);
    json_decref(found);
    json_decref(parameters);
}

static void many_faults(void **state) {
    struct bench *bench = *state;
    struct pa_buf text = PA_BUF_INIT(100000);
    struct pa_ceilings none;
    struct pa_prepared *prepared;
    struct pa_error err;
    json_t *found;
    pa_ceilings_init(&none);
    pa_buf_append_text(&text, "{'code': '', 'argv': [0");
    for (int i = 0; i < 500; i++)
        pa_buf_append_text(&text, ", 0");
    pa_buf_append_text(&text, "]}");
    json_t *parameters = json_of(pa_buf_text(&text));
    assert_int_equal(pa_toolbox_prepare(bench->toolbox, "python_executor", parameters, &none,
                                        &prepared, &found, &err),
                     -1);
    assert_int_equal(json_array_size(found), PA_FAULTS_MOST);
    json_decref(found);
    json_decref(parameters);
    pa_buf_done(&text);
}

/* --- tasks --- */

static void tasks(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *text, *tool, *code, *mode; /* code NULL: a model is to write it */
    } rows[] = {
        {"Use python_wasi_runner to execute: print(\"Hello PolyAgent\")", "python_wasi_runner",
         "print(\"Hello PolyAgent\")", NULL},
        {"Execute the Python code that calculates factorial of 10", "python_executor", NULL, NULL},
        {"Execute Python: print({'a': 1})", "python_executor", "print({'a': 1})", NULL},
        {"execute python:\nimport sys\nprint(1)\n", "python_executor", "import sys\nprint(1)\n",
         NULL},
        {"Run this JavaScript: console.log(1)", "javascript_executor", "console.log(1)", NULL},
        {"Please run the following Ruby program: puts 1", "ruby_executor", "puts 1", NULL},
        {"run in node.js: 1", "javascript_executor", "1", NULL},
        {"Evaluate this Python expression: 6*7", "python_executor", "6*7", "expression"},
        {"Run `print(1)` in Python, please.", "python_executor", "print(1)", NULL},
        {"Run this:\n```ruby\nputs 1\n```\n", "ruby_executor", "puts 1\n", NULL},
        {"```python\nprint(1)\n```", "python_executor", "print(1)\n", NULL},
        {"Here is my homework, I would like to know what it prints:\n```js\nconsole.log(1)\n```",
         "javascript_executor", "console.log(1)\n", NULL},
        {"With python_wasi_runner:\n```python\nprint('```')\n```", "python_wasi_runner",
         "print('```')\n", NULL},
        {"Run this ```python print(1)```", "python_executor", "print(1)", NULL},
        {"Run this Python:\n```\nprint(1)\n```", "python_executor", "print(1)\n", NULL},
        {"Fix the bug in this:\n```python\nprint(1\n```", "python_executor", NULL, NULL},
        {"Write Python that does the following: sort a list", "python_executor", NULL, NULL},
        {"Write a Ruby script that prints primes", "ruby_executor", NULL, NULL},
        {"What is the sum of the first 100 primes?", "python_executor", NULL, NULL},
        {"Execute Python:   ", "python_executor", NULL, NULL},
        {"Run this: print(1)", "python_executor", NULL, NULL}, /* in which language? */
        {"Answer: in JavaScript, how many days has May?", "javascript_executor", NULL, NULL},
        {"```\nprint(1)\n```", "python_executor", NULL, NULL},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        struct pa_task task;
        struct pa_error err;
        if (pa_task_route(bench->toolbox, rows[i].text, strlen(rows[i].text), &task, &err) < 0)
            fail_msg("%s: %s", rows[i].text, err.message);
        const char *code = json_string_value(json_object_get(task.parameters, "code"));
        const char *mode = json_string_value(json_object_get(task.parameters, "mode"));
        if (!pa_streq(task.tool->name, rows[i].tool) ||
            !pa_streq(code ? code : "-", rows[i].code ? rows[i].code : "-") ||
            !pa_streq(mode ? mode : "-", rows[i].mode ? rows[i].mode : "-"))
            fail_msg("%s: %s %s %s", rows[i].text, task.tool->name, code, mode);
        pa_task_done(&task);
    }
}

static void bad_tasks(void **state) {
    struct bench *bench = *state;
    struct pa_task task;
    struct pa_error err;
    PA_CLEANUP(pa_freep) char *large = pa_xcalloc(1, PA_TASK_MAX_BYTES + 1);
    memset(large, 'a', PA_TASK_MAX_BYTES + 1);
    const struct {
        const char *text;
        size_t size;
    } rows[] = {{"", 0}, {" \n", 2}, {"a\xff", 2}, {large, PA_TASK_MAX_BYTES + 1}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        assert_int_equal(pa_task_route(bench->toolbox, rows[i].text, rows[i].size, &task, &err),
                         -1);
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    }
}

static void modules_as_tasks(void **state) {
    struct bench *bench = *state;
    struct pa_task task;
    struct pa_error err;
    static const char text[] = "Run:\n```wat\n(module)\n```",
                      named[] = "Use code_executor to run: ";
    assert_int_equal(pa_task_route(bench->toolbox, text, strlen(text), &task, &err), 0);
    assert_string_equal(task.tool->name, "code_executor");
    assert_string_equal(json_string_value(json_object_get(task.parameters, "wasm_base64")),
                        "KG1vZHVsZSkK");
    pa_task_done(&task);
    PA_CLEANUP(pa_freep) char *whole = pa_xasprintf("%s%s\n", named, module);
    assert_int_equal(pa_task_route(bench->toolbox, whole, strlen(whole), &task, &err), 0);
    assert_string_equal(json_string_value(json_object_get(task.parameters, "wasm_base64")), module);
    pa_task_done(&task);
}

static void answers(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *answer, *code; /* NULL: there is none */
    } rows[] = {{"```python\nprint(1)\n```", "print(1)\n"},
                {"Here it is:\n\n```py\nprint(1)\n```\nIt prints 1.", "print(1)\n"},
                {"print(1)", "print(1)"},
                {"```\nprint(1)", "print(1)"},
                {"   \n", NULL},
                {"```python\n```", NULL}};
    static const char text[] = "Compute 1";
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        struct pa_task task;
        struct pa_error err;
        assert_int_equal(pa_task_route(bench->toolbox, text, strlen(text), &task, &err), 0);
        assert_null(task.parameters);
        json_t *messages = pa_task_messages(&task, text, strlen(text));
        assert_int_equal(json_array_size(messages), 2);
        json_decref(messages);
        int done = pa_task_take_answer(&task, rows[i].answer, strlen(rows[i].answer), &err);
        assert_int_equal(done, rows[i].code ? 0 : -1);
        if (rows[i].code)
            assert_string_equal(json_string_value(json_object_get(task.parameters, "code")),
                                rows[i].code);
        pa_task_done(&task);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults),      cmocka_unit_test(fault_of_the_whole),
        cmocka_unit_test(paths),       cmocka_unit_test(stored),
        cmocka_unit_test(ceilings),    cmocka_unit_test(secrets),
        cmocka_unit_test(many_faults), cmocka_unit_test(tasks),
        cmocka_unit_test(bad_tasks),   cmocka_unit_test(modules_as_tasks),
        cmocka_unit_test(answers)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
