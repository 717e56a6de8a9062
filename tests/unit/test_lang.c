/* Language packs: manifests and their faults, finding, installing from archives made here. */
#include "test.h"

#include "base/io.h"
#include "lang/install.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE     "\0asm\1\0\0\0 a module"
#define SIZE(text) (sizeof(text) - 1)

/* --- a folder to work in --- */

struct place {
    char *root;      /* a new folder */
    char *languages; /* of packs, in it */
    char *cache;
};

static void write_file(const char *path, const void *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(pa_write_full(fd, bytes, size), 0);
    close(fd);
}

static int set_up(void **state) {
    struct place *place = pa_xcalloc(1, sizeof(*place));
    place->root = pa_xstrdup("/tmp/pa-lang-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    place->languages = pa_path_join(place->root, "languages");
    place->cache = pa_path_join(place->root, "cache");
    struct pa_error err;
    assert_int_equal(pa_mkdir_parents(place->languages, 0700, &err), 0);
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    char *command = pa_xasprintf("rm -rf '%s'", place->root);
    int failed = system(command);
    free(command);
    free(place->root);
    free(place->languages);
    free(place->cache);
    free(place);
    return failed;
}

/* --- manifests --- */

#define SHA "1a4e0bce82f2faed14f5e2620174e3daf33e161bad75ce955ceeaca1f7c82572"
#define SOURCE                                                                                     \
    "source: {registry: pypi, package: some-thing, version: 1.2.0, file: some.whl, sha256: " SHA   \
    ", bytes: 100}\n"
#define HEAD                                                                                       \
    "name: toy\nversion: 1.0\nsummary: A toy\n" SOURCE "module: {path: a/toy.wasm, sha256: " SHA   \
    ", bytes: 60000000}\n"
#define TAIL "boot: boot.toy\nentry: {style: command}\nargs: [toy, /boot/boot.toy]\n"

/* <languages>/toy with a boot script; the path of its manifest. */
static char *toy(const struct place *place) {
    struct pa_error err;
    char *folder = pa_path_join(place->languages, "toy");
    assert_int_equal(pa_mkdir_parents(folder, 0700, &err), 0);
    char *boot = pa_path_join(folder, "boot.toy"),
         *manifest = pa_path_join(folder, "manifest.yaml");
    write_file(boot, "boot", 4);
    free(boot);
    free(folder);
    return manifest;
}

static int parse(const struct place *place, const char *text, struct pa_pack *pack,
                 char ***ret_faults) {
    char *path = toy(place);
    struct pa_error err;
    int result = pa_pack_parse(path, text, strlen(text), pack, ret_faults, &err);
    if (result < 0)
        assert_memory_equal(err.message, (*ret_faults)[0], PA_MIN(strlen((*ret_faults)[0]), 500u));
    free(path);
    return result;
}

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
        "env: {HOME: /workspace, N: \"1\"}\npreload: [a, b.c]\npreload_idle: [d]\n"
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
        "preload_idle, imports, limits");
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

/* --- archives made here --- */

struct member {
    const char *path;
    const void *bytes;
    size_t size;
    const char *link; /* a symbolic link to this, or NULL */
};

/* An archive of these members as bytes. */
static struct pa_buf make_archive(bool zip, const struct member *members, size_t count) {
    struct pa_buf buf = PA_BUF_INIT(32 * PA_MIB);
    size_t room = 24 * PA_MIB, used = 0;
    void *bytes = pa_buf_reserve(&buf, room);
    struct archive *archive = archive_write_new();
    if (zip) {
        archive_write_set_format_zip(archive);
    } else {
        archive_write_add_filter_gzip(archive);
        archive_write_set_format_pax_restricted(archive);
    }
    assert_int_equal(archive_write_open_memory(archive, bytes, room, &used), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, members[i].path);
        archive_entry_set_filetype(entry, members[i].link ? AE_IFLNK : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        if (members[i].link)
            archive_entry_set_symlink(entry, members[i].link);
        archive_entry_set_size(entry, (la_int64_t)members[i].size);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        if (members[i].size)
            assert_int_equal(archive_write_data(archive, members[i].bytes, members[i].size),
                             members[i].size);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    buf.size = used;
    return buf;
}

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
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
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
        TEST(test_install),
        TEST(test_a_wrong_archive),
        TEST(test_paths_that_lead_out),
        TEST(test_a_bomb),
        TEST(test_what_the_archive_has_not),
        TEST(test_two_installers),
        TEST(test_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
