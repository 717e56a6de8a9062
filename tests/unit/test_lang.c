/* Language packs: manifests and their faults, finding. */
#include "lang_support.h"

#include "base/io.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA "1a4e0bce82f2faed14f5e2620174e3daf33e161bad75ce955ceeaca1f7c82572"
#define SOURCE                                                                                     \
    "source: {registry: pypi, package: some-thing, version: 1.2.0, file: some.whl, sha256: " SHA   \
    ", bytes: 100}\n"
#define HEAD                                                                                       \
    "name: toy\nversion: 1.0\nsummary: A toy\n" SOURCE "module: {path: a/toy.wasm, sha256: " SHA   \
    ", bytes: 60000000}\n"

/* The faults that `text` has, without the path in front, one a line. */
static void assert_faults(const struct place *place, const char *text, const char *expected) {
    struct pa_pack pack;
    char **faults = NULL;
    assert_int_equal(parse(place, text, &pack, &faults), -1);
    struct pa_buf all = PA_BUF_INIT(65536);
    for (char **at = faults; *at; at++) {
        const char *found = strstr(*at, "manifest.yaml:");
        assert_non_null(found);
        pa_buf_printf(&all, "%s%s", at == faults ? "" : "\n", found + strlen("manifest.yaml:"));
    }
    assert_string_equal(pa_buf_text(&all), expected);
    pa_buf_done(&all);
    pa_strv_free(faults);
}

static void test_everything(void **state) {
    static const char text[] =
        "name: toy\naliases: [t, toy2]\nversion: 1.0\nsummary: A toy\n"
        "file_extensions: [.toy, .ty]\n" SOURCE "module: {path: a/toy.wasm, sha256: " SHA
        ", bytes: 60000000}\n"
        "files:\n  - {path: a/lib.zip, sha256: " SHA ", unpack: zip, to: lib}\n"
        "  - {inside: lib/more.zip, unpack: zip, to: lib/more}\n"
        "mounts: [{from: lib, guest: /usr/lib}]\nboot: ../toy/boot.toy\n"
        "entry: {style: reactor-argv, call: go, alloc: malloc}\nargs: [toy, -x]\n"
        "env: {HOME: /workspace, N: \"1\"}\npreload: [a, b.c]\n"
        "imports: [{module: host, name: call, answer: -1}, {module: x, name: \"*\", answer: trap}]\n"
        "limits: {memory_bytes: 512MiB, stack_bytes: 16777216}\n";
    struct pa_pack pack;
    char **faults = NULL;
    assert_int_equal(parse(*state, text, &pack, &faults), 0);
    assert_null(faults);
    assert_string_equal(pack.name, "toy");
    assert_int_equal(pa_strv_count(pack.aliases), 2);
    assert_string_equal(pack.aliases[1], "toy2");
    assert_string_equal(pack.version, "1.0");
    assert_string_equal(pack.file_extensions[1], ".ty");
    assert_int_equal(pack.source.registry, PA_REGISTRY_PYPI);
    assert_string_equal(pack.source.package, "some-thing");
    assert_string_equal(pack.source.sha256, SHA);
    assert_int_equal(pack.source.bytes, 100);
    assert_int_equal(pack.module_bytes, 60000000);
    assert_int_equal(pack.file_count, 2);
    assert_true(pack.files[0].unpack);
    assert_null(pack.files[1].path);
    assert_string_equal(pack.files[1].inside, "lib/more.zip");
    assert_string_equal(pack.mounts[0].guest, "/usr/lib");
    assert_string_equal(pack.boot_file, "boot.toy");
    assert_string_equal(strrchr(pack.boot_folder, '/'), "/toy");
    assert_int_equal(pack.entry.style, PA_ENTRY_REACTOR_ARGV);
    assert_string_equal(pack.entry.alloc, "malloc");
    assert_int_equal(pack.entry.stub_count, 2);
    assert_int_equal(pack.entry.stubs[0].answer, PA_STUB_MINUS_ONE);
    assert_string_equal(pack.env[0], "HOME=/workspace");
    assert_string_equal(pack.preload[1], "b.c");
    assert_int_equal(pack.limits.memory_bytes, 512 * PA_MIB);
    assert_int_equal(pack.limits.module_bytes, 60000000);
    assert_int_equal(pack.limits.timeout_ms, 30000);
    pa_pack_done(&pack);
}

static void test_what_may_be_left_out(void **state) {
    struct pa_pack pack;
    char **faults = NULL;
    assert_int_equal(parse(*state, HEAD TAIL, &pack, &faults), 0);
    assert_int_equal(pa_strv_count(pack.aliases) + pa_strv_count(pack.env), 0);
    assert_non_null(pack.preload);
    pa_pack_done(&pack);
    assert_int_equal(parse(*state, HEAD TAIL "files:\nenv: {}\nlimits:\n", &pack, &faults), 0);
    pa_pack_done(&pack);
}

static void test_faults_of_keys(void **state) {
    assert_faults(*state, "", "1:1: the manifest is empty");
    assert_faults(*state, "- x\n", "1:1: got a list, allowed is a map");
    assert_faults(
        *state, HEAD TAIL "enviroment: {}\n",
        "9:1: enviroment: unknown key; allowed are name, aliases, version, summary, "
        "file_extensions, source, module, files, mounts, boot, entry, args, env, preload, "
        "imports, limits");
    assert_faults(*state, HEAD TAIL "alises: []\n",
                  "9:1: alises: unknown key; did you mean aliases?");
    assert_faults(*state, HEAD "boot: boot.toy\nargs: [x]\n", "1:1: entry: missing");
    assert_faults(*state, HEAD TAIL "preload: x\n", "9:10: preload: got text, allowed is a list");
    assert_faults(*state, HEAD TAIL "mounts: [{from: lib, gest: /x}]\n",
                  "9:22: mounts[0].gest: unknown key; did you mean guest?\n"
                  "9:10: mounts[0].guest: missing");
}

static void test_faults_of_values(void **state) {
    assert_faults(
        *state, HEAD TAIL "mounts: [{from: ../lib, guest: x}, {from: a, guest: /boot}]\n",
        "9:17: mounts[0].from: '../lib' is not allowed; allowed is a relative path "
        "without . and ..\n"
        "9:32: mounts[0].guest: 'x' is not allowed; allowed is an absolute path without . "
        "and ..\n"
        "9:36: mounts[1]: /boot is the folder of the boot script");
    assert_faults(*state, HEAD TAIL "files: [{path: a, to: b}, {to: c}, {inside: a, to: d}]\n",
                  "9:9: files[0]: a path of the archive wants its sha256\n"
                  "9:27: files[1]: wants one of path (in the archive) and inside (in the "
                  "installation)\n"
                  "9:36: files[2]: what is inside the installation can only be unpacked: unpack: "
                  "zip");
    assert_faults(
        *state, HEAD TAIL "limits: {memroy_bytes: 1GiB, cpu_ms: 5s, stack_bytes: much}\n",
        "9:10: limits.memroy_bytes: there is no such limit; did you mean memory_bytes?\n"
        "9:38: limits.cpu_ms: a language may only raise a limit; the default is 30 s\n"
        "9:55: limits.stack_bytes: stack_bytes (WebAssembly stack): 'much' is not a size such as "
        "256MiB");
    assert_faults(*state, HEAD TAIL "env: {1x: a}\n",
                  "9:7: env.1x: not a variable's name: letters, digits and _");
    assert_faults(
        *state, HEAD TAIL "imports: [{module: a, name: b, answer: maybe}]\n",
        "9:40: imports[0].answer: 'maybe' is not allowed; allowed are trap, -1, argument, "
        "nothing");
}

static void test_faults_of_entries(void **state) {
    static const struct {
        const char *entry, *fault;
    } rows[] = {
        {"{style: library}", "7:16: entry.style: 'library' is not allowed; allowed are command, "
                             "reactor, reactor-argv, ruby-abi"},
        {"{style: command, call: main}", "7:8: entry.call: not allowed; this style has none"},
        {"{style: reactor}", "7:8: entry.call: missing; this style wants it"},
        {"{style: reactor-argv, call: x}", "7:8: entry.alloc: missing; this style wants it"},
        {"{style: ruby-abi, call: x, alloc: y, init: z}",
         "7:8: entry.eval: missing; this style wants it"},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        char *text = pa_xasprintf(HEAD "boot: boot.toy\nentry: %s\nargs: [x]\n", rows[i].entry);
        assert_faults(*state, text, rows[i].fault);
        free(text);
    }
}

/* Names and versions become arguments of pip and npm: nothing in them may be an option or a path.
 */
static void test_no_argument_is_smuggled(void **state) {
    static const char *const packages[] = {"--index-url=x", "-r",      "../x", "a b",    "@x",
                                           "@/x",           "@a/../b", "a==1", ".hidden"};
    for (size_t i = 0; i < PA_ARRAY_LEN(packages); i++) {
        char *text = pa_xasprintf(
            "name: toy\nversion: 1.0\nsummary: A toy\n"
            "source: {registry: npm, package: \"%s\", version: -1, file: a/b, sha256: ABC, bytes: "
            "0}\nmodule: {path: a/toy.wasm, sha256: " SHA ", bytes: 60}\n" TAIL,
            packages[i]);
        struct pa_pack pack;
        char **faults = NULL;
        assert_int_equal(parse(*state, text, &pack, &faults), -1);
        assert_int_equal(pa_strv_count(faults), 5);
        pa_strv_free(faults);
        free(text);
    }
}

static void test_many_faults_are_counted(void **state) {
    struct pa_buf text = PA_BUF_INIT(65536);
    for (int i = 0; i < 30; i++)
        pa_buf_printf(&text, "zzzzzzzz%d: 1\n", i);
    struct pa_pack pack;
    char **faults = NULL;
    assert_int_equal(parse(*state, pa_buf_text(&text), &pack, &faults), -1);
    assert_int_equal(pa_strv_count(faults), 21);
    assert_non_null(strstr(faults[20], "and 18 more"));
    pa_strv_free(faults);
    pa_buf_done(&text);
}

/* --- finding --- */

static void test_the_packs_of_this_tree(void **state) {
    const char *const folders[] = {PA_SOURCE_ROOT "/languages", NULL};
    struct pa_packs *packs;
    struct pa_error err = {0};
    assert_int_equal(pa_packs_load(folders, &packs, &err), 0);
    assert_int_equal(packs->fault_count, 0);
    assert_true(packs->count >= 4);
    assert_string_equal(pa_packs_find(packs, "py", &err)->name, "python");
    assert_string_equal(pa_packs_find(packs, "python3.12", &err)->boot_file, "boot.py");
    assert_string_equal(pa_packs_find(packs, "ruby", &err)->source.package, "@ruby/3.4-wasm-wasi");
    assert_string_equal(pa_pack_for_file(packs, "dir/a.mjs")->name, "javascript");
    assert_string_equal(pa_pack_for_file(packs, "a.py")->name, "python");
    assert_null(pa_pack_for_file(packs, "py"));
    assert_null(pa_pack_for_file(packs, ".py"));
    assert_null(pa_packs_find(packs, "pyhton", &err));
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_string_equal(err.message, "there is no language 'pyhton'; did you mean python?");
    assert_null(pa_packs_find(packs, "cobol", &err));
    assert_non_null(strstr(err.message, "there are javascript, python"));
    pa_packs_free(packs);
}

static void test_one_bad_manifest_hides_no_other(void **state) {
    const struct place *place = *state;
    const char *const folders[] = {place->languages, PA_SOURCE_ROOT "/languages", NULL};
    char *path = toy(place);
    write_file(path, "nmae: toy\n", 10);
    struct pa_packs *packs;
    struct pa_error err = {0};
    assert_int_equal(pa_packs_load(folders, &packs, &err), 0);
    assert_int_equal(packs->fault_count, 1);
    assert_non_null(pa_packs_find(packs, "javascript", &err));
    assert_null(pa_packs_find(packs, "toy", &err));
    assert_int_equal(err.code, PA_ERR_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "toy/manifest.yaml:1:1: nmae: unknown key"));
    pa_packs_free(packs);
    write_file(path, HEAD TAIL, SIZE(HEAD TAIL));
    assert_int_equal(pa_packs_load(folders, &packs, &err), 0);
    assert_non_null(pa_packs_find(packs, "toy", &err));
    pa_packs_free(packs);
    free(path);
    const char *const none[] = {"/nowhere/at/all", NULL};
    assert_int_equal(pa_packs_load(none, &packs, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_everything),
        TEST(test_what_may_be_left_out),
        TEST(test_faults_of_keys),
        TEST(test_faults_of_values),
        TEST(test_faults_of_entries),
        TEST(test_no_argument_is_smuggled),
        TEST(test_many_faults_are_counted),
        TEST(test_the_packs_of_this_tree),
        TEST(test_one_bad_manifest_hides_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
