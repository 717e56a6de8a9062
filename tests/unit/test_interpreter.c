/* A user's own interpreter: which file, by which recipe, and what is remembered of it. */
#include "lang_support.h"

#include "base/io.h"
#include "lang/interpreter.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODULE    "\0asm\1\0\0\0 one"
#define OTHER     "\0asm\1\0\0\0 two"
#define COMPONENT "\0asm\x0d\0\1\0"

/* A pack named `name` that boots with toy's script; with `files` it needs some. */
static void write_pack(const struct place *place, const char *name, bool files) {
    struct pa_error err;
    char sha[PA_DIGEST_TEXT];
    pa_digest("", 0, sha);
    char *folder = pa_path_join(place->languages, name),
         *path = pa_path_join(folder, "manifest.yaml");
    assert_int_equal(pa_mkdir_parents(folder, 0700, &err), 0);
    char *text = pa_xasprintf(
        "name: %s\nversion: 1.0\nsummary: A toy\nsource: {registry: pypi, package: p, version: 1, "
        "file: toy.whl, sha256: %s, bytes: 1}\nmodule: {path: toy.wasm, sha256: %s, bytes: 1}\n"
        "%sboot: ../toy/boot.toy\nentry: {style: %s}\nargs: [%s, /boot/boot.toy]\nenv: {A: b}\n"
        "preload: [x]\n",
        name, sha, sha,
        files
            ? "mounts: [{from: lib, guest: /lib}]\nfiles: [{path: lib.zip, sha256: "
              "0000000000000000000000000000000000000000000000000000000000000000, unpack: zip, to: "
              "lib}]\n"
            : "",
        files ? "reactor, call: run" : "command", name);
    write_file(path, text, strlen(text));
    free(text);
    free(path);
    free(folder);
}

/* The packs `plain`, which needs no files, and `full`, which does. */
static struct pa_packs *load_packs(const struct place *place, bool with_plain) {
    struct pa_packs *packs;
    struct pa_error err;
    free(toy(place)); /* the boot script */
    write_pack(place, "full", true);
    if (with_plain)
        write_pack(place, "plain", false);
    const char *const folders[] = {place->languages, NULL};
    assert_int_equal(pa_packs_load(folders, &packs, &err), 0);
    return packs;
}

static const struct pa_pack *pack_named(const struct pa_packs *packs, const char *name) {
    struct pa_error err;
    const struct pa_pack *pack = pa_packs_find(packs, name, &err);
    if (!pack)
        fail_msg("%s", err.message);
    return pack;
}

static char *module_file(const struct place *place, const void *bytes, size_t size) {
    char *path = pa_path_join(place->root, "own.wasm");
    write_file(path, bytes, size);
    return path;
}

static void the_recipe_is_of_a_pack_without_files(void **state) {
    const struct place *place = *state;
    struct pa_packs *packs = load_packs(place, true);
    char *path = module_file(place, MODULE, SIZE(MODULE)), sha[PA_DIGEST_TEXT];
    char *link = pa_path_join(place->root, "link.wasm");
    struct pa_error err;
    assert_int_equal(symlink(path, link), 0);
    pa_digest(MODULE, SIZE(MODULE), sha);
    static const char *const names[] = {"full", "plain"};
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++) {
        struct pa_pack own;
        if (pa_pack_with_interpreter(packs, pack_named(packs, names[i]), link, place->cache, &own,
                                     &err) < 0)
            fail_msg("%s", err.message);
        assert_string_equal(own.name, names[i]);   /* it stands in for that language, ... */
        assert_string_equal(own.args[0], "plain"); /* ... started like this one */
        assert_string_equal(own.boot_file, "boot.toy");
        assert_int_equal(own.entry.style, PA_ENTRY_COMMAND);
        assert_string_equal(own.env[0], "A=b");
        assert_null(own.preload[0]); /* it may have no such module */
        assert_string_equal(own.module_sha256, sha);
        assert_int_equal(own.module_bytes, SIZE(MODULE));
        assert_int_equal(own.limits.module_bytes, pa_limit_find("module_bytes")->initial);
        char *module = pa_pack_module_path(&own, place->cache);
        assert_string_equal(module, path); /* what the link leads to */
        free(module);
        assert_int_equal(own.mount_count, 0);
        pa_pack_done(&own);
    }
    free(link);
    free(path);
    pa_packs_free(packs);
}

static void a_language_without_a_recipe(void **state) {
    const struct place *place = *state;
    struct pa_packs *packs = load_packs(place, false);
    char *path = module_file(place, MODULE, SIZE(MODULE));
    struct pa_pack own;
    struct pa_error err;
    assert_int_equal(
        pa_pack_with_interpreter(packs, pack_named(packs, "full"), path, place->cache, &own, &err),
        -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "needs files beside its module"));
    free(path);
    pa_packs_free(packs);
}

static void what_is_no_module(void **state) {
    const struct place *place = *state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } cases[] = {{"", 0, "is not a WebAssembly module"},
                 {"\0asm\1\0\0", 7, "is not a WebAssembly module"},
                 {"print(1)", 8, "is not a WebAssembly module"},
                 {COMPONENT, SIZE(COMPONENT), "is a WebAssembly component"}};
    struct pa_packs *packs = load_packs(place, true);
    const struct pa_pack *pack = pack_named(packs, "plain");
    struct pa_pack own;
    struct pa_error err;
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        char *path = module_file(place, cases[i].bytes, cases[i].size);
        assert_int_equal(pa_pack_with_interpreter(packs, pack, path, place->cache, &own, &err), -1);
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, cases[i].why));
        free(path);
    }
    assert_int_equal(pa_pack_with_interpreter(packs, pack, place->root, place->cache, &own, &err),
                     -1); /* a folder */
    char *missing = pa_path_join(place->root, "missing.wasm");
    assert_int_equal(pa_pack_with_interpreter(packs, pack, missing, place->cache, &own, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    free(missing);
    pa_packs_free(packs);
}

static void look(const struct place *place, const char *path, char ret_sha[PA_DIGEST_TEXT]) {
    struct pa_error err;
    uint64_t bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (pa_interpreter_look(fd, path, place->cache, ret_sha, &bytes, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(bytes, SIZE(MODULE));
    close(fd);
}

/* A digest is remembered of a file that has been left alone for a while, and only of that state. */
static void digests_are_remembered_of_files_at_rest(void **state) {
    const struct place *place = *state;
    char *path = module_file(place, MODULE, SIZE(MODULE));
    char *count =
        pa_xasprintf("test \"$(ls '%s/interpreters' 2>/dev/null | wc -l)\" -eq ", place->cache);
    char *none = pa_xasprintf("%s0", count), *one = pa_xasprintf("%s1", count);
    char sha[PA_DIGEST_TEXT], expected[PA_DIGEST_TEXT];
    pa_digest(MODULE, SIZE(MODULE), expected);
    look(place, path, sha);
    assert_string_equal(sha, expected);
    assert_int_equal(system(none), 0); /* it may be changed again within the same tick */

    const struct timespec rest = {3, 100 * 1000 * 1000};
    nanosleep(&rest, NULL);
    look(place, path, sha);
    assert_string_equal(sha, expected);
    assert_int_equal(system(one), 0);
    /* What was remembered is what counts, as long as the file is as it was ... */
    char *lie = pa_xasprintf("cd '%s/interpreters' && printf %%064d 7 > $(ls)", place->cache);
    assert_int_equal(system(lie), 0);
    look(place, path, sha);
    assert_true(strspn(sha, "0") == 63 && sha[63] == '7');
    /* ... and no longer. */
    write_file(path, OTHER, SIZE(OTHER));
    pa_digest(OTHER, SIZE(OTHER), expected);
    look(place, path, sha);
    assert_string_equal(sha, expected);
    free(lie);
    free(one);
    free(none);
    free(count);
    free(path);
}

static void texts_are_kept_whole(void **state) {
    const struct place *place = *state;
    struct pa_buf text = PA_BUF_INIT(64);
    char name[PA_DIGEST_TEXT];
    pa_digest("x", 1, name);
    assert_false(pa_interpreter_recall(place->cache, name, &text));
    pa_interpreter_remember(place->cache, name, "checkpoint");
    pa_interpreter_remember(place->cache, name, "stdin");
    pa_buf_clear(&text);
    assert_true(pa_interpreter_recall(place->cache, name, &text));
    assert_string_equal(pa_buf_text(&text), "stdin");
    pa_buf_done(&text);
    char *others = pa_xasprintf("test \"$(ls -A '%s/interpreters')\" = %s", place->cache, name);
    assert_int_equal(system(others), 0); /* nothing partial is left */
    free(others);
    /* Where nothing can be kept nothing is. */
    pa_interpreter_remember("/dev/null/cache", name, "stdin");
    assert_false(pa_interpreter_recall("/dev/null/cache", name, &text));
}

static void what_an_identity_depends_on(void **state) {
    const struct place *place = *state;
    struct pa_packs *packs = load_packs(place, true);
    struct pa_pack pack = *pack_named(packs, "plain"); /* borrowed */
    char first[PA_DIGEST_TEXT], second[PA_DIGEST_TEXT];
    struct pa_error err;
    assert_int_equal(pa_pack_identity(&pack, first, &err), 0);
    assert_int_equal(pa_pack_identity(&pack, second, &err), 0);
    assert_string_equal(first, second);
    pack.module_sha256[0] ^= 1;
    assert_int_equal(pa_pack_identity(&pack, second, &err), 0);
    assert_string_not_equal(first, second);
    pack.module_sha256[0] ^= 1;
    char *args[] = {"plain", "/boot/boot.toy", "-x", NULL}, **before = pack.args;
    pack.args = args;
    assert_int_equal(pa_pack_identity(&pack, second, &err), 0);
    assert_string_not_equal(first, second);
    pack.args = before;
    char *script = pa_path_join(pack.boot_folder, pack.boot_file);
    write_file(script, "boot!", 5);
    assert_int_equal(pa_pack_identity(&pack, second, &err), 0);
    assert_string_not_equal(first, second);
    unlink(script);
    assert_int_equal(pa_pack_identity(&pack, second, &err), -1);
    free(script);
    pa_packs_free(packs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_recipe_is_of_a_pack_without_files),
        TEST(a_language_without_a_recipe),
        TEST(what_is_no_module),
        TEST(digests_are_remembered_of_files_at_rest),
        TEST(texts_are_kept_whole),
        TEST(what_an_identity_depends_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
