/* Language packs: installing, from archives made here. */
#include "lang_support.h"

#include "base/io.h"
#include "lang/install.h"
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE "\0asm\1\0\0\0 a module"

/* A pack whose archive holds the module, and these bytes as a/lib.zip, if there are any. */
static struct pa_pack installable(const struct place *place, const struct pa_buf *archive,
                                  const struct pa_buf *lib, const char *more) {
    char archive_sha[PA_DIGEST_TEXT], module_sha[PA_DIGEST_TEXT], lib_sha[PA_DIGEST_TEXT] = "";
    pa_digest(archive->data, archive->size, archive_sha);
    pa_digest(MODULE, SIZE(MODULE), module_sha);
    struct pa_buf text = PA_BUF_INIT(65536);
    pa_buf_printf(&text,
                  "name: toy\nversion: 1.0\nsummary: A toy\nsource: {registry: pypi, package: p, "
                  "version: 1, file: toy.whl, sha256: %s, bytes: %zu}\nmodule: {path: a/toy.wasm, "
                  "sha256: %s, bytes: %zu}\n" TAIL,
                  archive_sha, archive->size, module_sha, SIZE(MODULE));
    if (lib) {
        pa_digest(lib->data, lib->size, lib_sha);
        pa_buf_printf(&text,
                      "mounts: [{from: lib, guest: /lib}]\nfiles:\n"
                      "  - {path: a/lib.zip, sha256: %s, unpack: zip, to: lib/x.zip}\n%s",
                      lib_sha, more);
    }
    struct pa_pack pack;
    char **faults = NULL;
    int result = parse(place, pa_buf_text(&text), &pack, &faults);
    if (result < 0)
        fail_msg("%s", faults[0]);
    pa_buf_done(&text);
    return pack;
}

static int install(const struct place *place, const struct pa_pack *pack,
                   const struct pa_buf *archive, struct pa_error *err) {
    char *file = pa_path_join(place->root, "given.whl");
    write_file(file, archive->data, archive->size);
    struct pa_install_options options = {.cache_directory = place->cache, .from_file = file};
    int result = pa_pack_install(pack, &options, err);
    free(file);
    return result;
}

static void assert_file(const struct place *place, const struct pa_pack *pack, const char *name,
                        const void *bytes, size_t size) {
    char *folder = pa_pack_directory(pack, place->cache), *path = pa_path_join(folder, name);
    struct pa_buf found = PA_BUF_INIT(65536);
    struct pa_error err;
    assert_int_equal(pa_read_file(path, &found, &err), 0);
    assert_int_equal(found.size, size);
    assert_memory_equal(found.data, bytes, size);
    pa_buf_done(&found);
    free(path);
    free(folder);
}

/* Nothing but locks is left in languages/. */
static void assert_nothing_left(const struct place *place) {
    char *command =
        pa_xasprintf("test -z \"$(ls -A '%s/languages' | grep -v '[.]lock$')\"", place->cache);
    assert_int_equal(system(command), 0);
    free(command);
}

static void test_install(void **state) {
    const struct place *place = *state;
    for (int zip = 0; zip <= 1; zip++) {
        const struct member inner[] = {{"deep/data.txt", "data", 4, NULL}};
        struct pa_buf more = make_archive(true, inner, 1);
        const struct member middle[] = {{"code.toy", "code", 4, NULL},
                                        {"sub/\xc3\xa9.txt", "e", 1, NULL},
                                        {"sub/more.zip", more.data, more.size, NULL}};
        struct pa_buf lib = make_archive(true, middle, 3);
        const struct member outer[] = {{"other/thing", "x", 1, NULL},
                                       {"a/toy.wasm", MODULE, SIZE(MODULE), NULL},
                                       {"../outside", "not taken, so no matter", 9, NULL},
                                       {"a/lib.zip", lib.data, lib.size, NULL}};
        struct pa_buf archive = make_archive(zip, outer, 4);
        struct pa_pack pack =
            installable(place, &archive, &lib,
                        "  - {inside: lib/x.zip/sub/more.zip, unpack: zip, to: lib/more}\n");
        struct pa_error err = {0};
        assert_false(pa_pack_installed(&pack, place->cache));
        if (install(place, &pack, &archive, &err) < 0)
            fail_msg("%s", err.message);
        assert_true(pa_pack_installed(&pack, place->cache));
        assert_file(place, &pack, "module.wasm", MODULE, SIZE(MODULE));
        assert_file(place, &pack, "lib/x.zip/code.toy", "code", 4);
        assert_file(place, &pack, "lib/x.zip/sub/\xc3\xa9.txt", "e", 1);
        assert_file(place, &pack, "lib/more/deep/data.txt", "data", 4);
        char *module = pa_pack_module_path(&pack, place->cache);
        assert_int_equal(access(module, R_OK), 0);
        free(module);

        struct pa_policy policy;
        pa_policy_init(&policy);
        assert_int_equal(pa_pack_add_mounts(&pack, place->cache, &policy, &err), 0);
        assert_int_equal(policy.mount_count, 2);
        assert_string_equal(policy.mounts[0].guest, "/boot");
        assert_string_equal(policy.mounts[1].guest, "/lib");
        assert_false(policy.mounts[1].writable);
        pa_policy_done(&policy);
        assert_int_equal(install(place, &pack, &archive, &err), 0); /* again: nothing to do */
        pa_pack_done(&pack);

        /* The same archive, another layout: not installed, until it is, in the same place. */
        struct pa_pack other = installable(place, &archive, &lib, "");
        assert_false(pa_pack_installed(&other, place->cache));
        pa_policy_init(&policy);
        assert_int_equal(pa_pack_add_mounts(&other, place->cache, &policy, &err), -1);
        assert_non_null(strstr(err.message, "polyagent lang install toy"));
        pa_policy_done(&policy);
        assert_int_equal(install(place, &other, &archive, &err), 0);
        assert_true(pa_pack_installed(&other, place->cache));
        pa_pack_done(&other);
        pa_buf_done(&archive);
        pa_buf_done(&lib);
        pa_buf_done(&more);
    }
}

static void test_a_wrong_archive(void **state) {
    const struct place *place = *state;
    const struct member outer[] = {{"a/toy.wasm", MODULE, SIZE(MODULE), NULL}};
    struct pa_buf archive = make_archive(true, outer, 1);
    struct pa_pack pack = installable(place, &archive, NULL, "");
    struct pa_buf wrong = PA_BUF_INIT(65536);
    struct pa_error err = {0};
    pa_buf_append(&wrong, archive.data, archive.size);
    wrong.data[40] ^= 1;
    assert_int_equal(install(place, &pack, &wrong, &err), -1);
    assert_int_equal(err.code, PA_ERR_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "checking: "));
    assert_non_null(strstr(err.message, pack.source.sha256));
    assert_false(pa_pack_installed(&pack, place->cache));
    assert_nothing_left(place);

    struct pa_install_options missing = {.cache_directory = place->cache, .from_file = "/no/such"};
    assert_int_equal(pa_pack_install(&pack, &missing, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);

    /* A kept download with another checksum is thrown away, one with the right one is used. */
    char *downloads = pa_path_join(place->cache, "downloads"), *kept;
    assert_int_equal(pa_mkdir_parents(downloads, 0700, &err), 0);
    kept = pa_path_join(downloads, "toy.whl");
    write_file(kept, archive.data, archive.size);
    struct pa_install_options offline = {.cache_directory = place->cache};
    assert_int_equal(pa_pack_install(&pack, &offline, &err), 0);
    assert_true(pa_pack_installed(&pack, place->cache));
    free(kept);
    free(downloads);
    pa_buf_done(&wrong);
    pa_buf_done(&archive);
    pa_pack_done(&pack);
}

/* Makes a lib.zip of the members, and expects the installation to fail with the message. */
static void assert_refused(const struct place *place, const struct member *members, size_t count,
                           const char *message) {
    struct pa_buf lib = make_archive(true, members, count);
    const struct member outer[] = {{"a/toy.wasm", MODULE, SIZE(MODULE), NULL},
                                   {"a/lib.zip", lib.data, lib.size, NULL}};
    struct pa_buf archive = make_archive(true, outer, 2);
    struct pa_pack pack = installable(place, &archive, &lib, "");
    struct pa_error err = {0};
    assert_int_equal(install(place, &pack, &archive, &err), -1);
    if (!strstr(err.message, message))
        fail_msg("'%s' is not in '%s'", message, err.message);
    assert_false(pa_pack_installed(&pack, place->cache));
    assert_nothing_left(place);
    pa_pack_done(&pack);
    pa_buf_done(&archive);
    pa_buf_done(&lib);
}

static void test_paths_that_lead_out(void **state) {
    static const char *const paths[] = {"../evil", "a/../../evil", "/evil",
                                        "a//b",    "a/./b",        "a/\tb"};
    for (size_t i = 0; i < PA_ARRAY_LEN(paths); i++) {
        const struct member members[] = {{paths[i], "x", 1, NULL}};
        assert_refused(*state, members, 1, "could lead out");
    }
    const struct member link[] = {{"way", "", 0, "/tmp"}, {"way/evil", "x", 1, NULL}};
    assert_refused(*state, link, 2, "'way' is neither a plain file nor a folder");
    const struct member twice[] = {{"a", "1", 1, NULL}, {"a", "2", 1, NULL}};
    assert_refused(*state, twice, 2, "is there twice");
    assert_int_equal(access("/tmp/evil", F_OK), -1);
}

static void test_a_bomb(void **state) {
    size_t size = 20 * PA_MIB; /* of zeros: some 20 KB in the archive */
    void *zeros = pa_xcalloc(1, size);
    const struct member members[] = {{"zeros", zeros, size, NULL}};
    assert_refused(*state, members, 1, "it is not what it says to be");
    free(zeros);
}

static void test_what_the_archive_has_not(void **state) {
    const struct place *place = *state;
    struct pa_error err = {0};
    const struct member without[] = {{"a/other.wasm", MODULE, SIZE(MODULE), NULL}};
    const struct member changed[] = {{"a/toy.wasm", "changed", 7, NULL}};
    const struct member linked[] = {{"a/toy.wasm", "", 0, "/etc/passwd"}};
    const struct {
        const struct member *members;
        const char *message;
    } rows[] = {{without, "unpacking: there is no 'a/toy.wasm' in toy.whl"},
                {changed, "checking: 'a/toy.wasm' of the archive has SHA-256"},
                {linked, "'a/toy.wasm' is not a plain file"}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        struct pa_buf archive = make_archive(true, rows[i].members, 1);
        struct pa_pack pack = installable(place, &archive, NULL, "");
        assert_int_equal(install(place, &pack, &archive, &err), -1);
        if (!strstr(err.message, rows[i].message))
            fail_msg("%s", err.message);
        assert_nothing_left(place);
        pa_pack_done(&pack);
        pa_buf_done(&archive);
    }
    struct pa_buf text = PA_BUF_INIT(64);
    pa_buf_append_text(&text, "this is no archive at all");
    struct pa_pack pack = installable(place, &text, NULL, "");
    assert_int_equal(install(place, &pack, &text, &err), -1);
    assert_non_null(strstr(err.message, "unpacking: toy.whl cannot be unpacked"));
    pa_pack_done(&pack);
    pa_buf_done(&text);
}

/* --- two at a time, and clients that fail --- */

static void test_two_installers(void **state) {
    const struct place *place = *state;
    const struct member outer[] = {{"a/toy.wasm", MODULE, SIZE(MODULE), NULL}};
    struct pa_buf archive = make_archive(true, outer, 1);
    struct pa_pack pack = installable(place, &archive, NULL, "");
    char *file = pa_path_join(place->root, "shared.whl");
    write_file(file, archive.data, archive.size);
    struct pa_install_options options = {.cache_directory = place->cache, .from_file = file};
    pid_t children[4];
    for (size_t i = 0; i < PA_ARRAY_LEN(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct pa_error err;
            _exit(pa_pack_install(&pack, &options, &err) == 0 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_true(pa_pack_installed(&pack, place->cache));
    free(file);
    pa_buf_done(&archive);
    pa_pack_done(&pack);
}

/* A stand-in for pip on the PATH, to see what is made of how it ends. */
static void fake_client(const struct place *place, const char *script) {
    char *path = pa_path_join(place->root, "python3");
    write_file(path, script, strlen(script));
    assert_int_equal(chmod(path, 0755), 0);
    free(path);
}

static void note_progress(void *context, const struct pa_install_progress *progress) {
    unsigned *steps = context;
    *steps |= 1u << progress->step;
}

static void test_clients(void **state) {
    const struct place *place = *state;
    const struct member outer[] = {{"a/toy.wasm", MODULE, SIZE(MODULE), NULL}};
    struct pa_buf archive = make_archive(true, outer, 1);
    struct pa_pack pack = installable(place, &archive, NULL, "");
    unsigned steps = 0;
    struct pa_install_options options = {
        .cache_directory = place->cache, .progress = note_progress, .context = &steps};
    struct pa_error err = {0};
    char *file = pa_path_join(place->root, "served.whl");
    char *old_path = pa_xstrdup(getenv("PATH"));
    char *path = pa_xasprintf("%s:/usr/bin:/bin", place->root);
    write_file(file, archive.data, archive.size);
    setenv("SERVED", file, 1);

    setenv("PATH", "/nowhere", 1);
    assert_int_equal(pa_pack_install(&pack, &options, &err), -1);
    assert_non_null(
        strstr(err.message, "downloading: no client of the registry is here: install pip"));
    assert_non_null(strstr(err.message, "--from FILE"));

    setenv("PATH", path, 1);
    fake_client(place, "#!/bin/sh\n[ \"$3\" = --version ] && exit 0\necho 'fetching'\n"
                       "echo 'ERROR: no network' >&2\nexit 7\n");
    assert_int_equal(pa_pack_install(&pack, &options, &err), -1);
    assert_int_equal(err.code, PA_ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "python3 ended with status 7: ERROR: no network"));

    fake_client(place, "#!/bin/sh\nexit 0\n");
    assert_int_equal(pa_pack_install(&pack, &options, &err), -1);
    assert_non_null(strstr(err.message, "left no toy.whl"));

    fake_client(place, "#!/bin/sh\necho wrong > toy.whl\n");
    assert_int_equal(pa_pack_install(&pack, &options, &err), -1);
    assert_non_null(strstr(err.message, "expected"));
    assert_nothing_left(place);

    /* It is run in its own folder, with its temporary files there. */
    fake_client(
        place, "#!/bin/sh\n[ \"$3\" = --version ] && exit 0\n[ \"$PWD\" = \"$TMPDIR\" ] || exit 9\n"
               "cp \"$SERVED\" toy.whl\n");
    if (pa_pack_install(&pack, &options, &err) < 0)
        fail_msg("%s", err.message);
    assert_true(pa_pack_installed(&pack, place->cache));
    assert_int_equal(steps, 1u << PA_INSTALL_DOWNLOADING | 1u << PA_INSTALL_CHECKING |
                                1u << PA_INSTALL_UNPACKING);
    setenv("PATH", old_path, 1);
    unsetenv("SERVED");
    free(path);
    free(old_path);
    free(file);
    pa_buf_done(&archive);
    pa_pack_done(&pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_install), TEST(test_a_wrong_archive),          TEST(test_paths_that_lead_out),
        TEST(test_a_bomb),  TEST(test_what_the_archive_has_not), TEST(test_two_installers),
        TEST(test_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
