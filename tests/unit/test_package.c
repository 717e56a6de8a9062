/* Packages: folders, and wheels made here. */
#include "lang_support.h"

#include "base/io.h"
#include "lang/package.h"
#include <sys/stat.h>
#include <unistd.h>

#define PURE   "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
#define IMPURE "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"

static char *folder_in(const struct place *place, const char *name) {
    struct pa_error err;
    char *path = pa_path_join(place->root, name);
    assert_int_equal(pa_mkdir_parents(path, 0700, &err), 0);
    return path;
}

static void assert_content(const char *folder, const char *name, const char *text) {
    struct pa_buf found = PA_BUF_INIT(4096);
    struct pa_error err;
    char *path = pa_path_join(folder, name);
    if (pa_read_file(path, &found, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(pa_buf_text(&found), text);
    pa_buf_done(&found);
    free(path);
}

/* A wheel of these members under that name. */
static int open_wheel(const struct place *place, const char *name, const struct member *members,
                      size_t count, struct pa_package *ret, struct pa_error *err) {
    struct pa_buf bytes = make_archive(true, members, count);
    char *path = pa_path_join(place->root, name);
    write_file(path, bytes.data, bytes.size);
    int done = pa_package_open(path, place->cache, ret, err);
    pa_buf_done(&bytes);
    free(path);
    return done;
}

/* What refusing such a wheel says; nothing of it stays in the cache. */
static void assert_refused(const struct place *place, const struct member *members, size_t count,
                           enum pa_error_code code, const char *why) {
    struct pa_package package;
    struct pa_error err;
    assert_int_equal(open_wheel(place, "bad-1-py3-none-any.whl", members, count, &package, &err),
                     -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.message, why))
        fail_msg("%s", err.message);
    char *command = pa_xasprintf("test -z \"$(ls -A '%s/packages')\"", place->cache);
    assert_int_equal(system(command), 0);
    free(command);
}

static void a_folder_of_modules(void **state) {
    const struct place *place = *state;
    struct pa_package package;
    struct pa_error err;
    char *path = folder_in(place, "our modules+more"), *link = pa_path_join(place->root, "link");
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(pa_package_open(link, place->cache, &package, &err), 0);
    assert_string_equal(package.host, path); /* what the link leads to */
    assert_string_equal(package.guest, "/packages/our_modules_more");
    assert_string_equal(package.import_path, package.guest);
    pa_package_done(&package);

    char *init = pa_path_join(path, "__init__.py"); /* the folder is the module */
    write_file(init, "", 0);
    assert_int_equal(pa_package_open(path, place->cache, &package, &err), 0);
    assert_string_equal(package.guest, "/packages/our_modules_more");
    assert_string_equal(package.import_path, "/packages");
    pa_package_done(&package);
    free(init);
    free(link);
    free(path);
}

static void what_is_no_package(void **state) {
    const struct place *place = *state;
    static const char *const names[] = {"text.txt", "name.whl", "a-b.whl", "-1-py3-none-any.whl",
                                        "a-1-2-py3-none-any-more.whl"};
    struct pa_package package;
    struct pa_error err;
    for (size_t i = 0; i < PA_ARRAY_LEN(names); i++) {
        char *path = pa_path_join(place->root, names[i]);
        write_file(path, "x", 1);
        assert_int_equal(pa_package_open(path, place->cache, &package, &err), -1);
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "neither a folder nor a wheel"));
        free(path);
    }
    char *fifo = pa_path_join(place->root, "a-1-py3-none-any.whl");
    assert_int_equal(mkfifo(fifo, 0600), 0); /* opening one for reading waits */
    assert_int_equal(pa_package_open(fifo, place->cache, &package, &err), -1);
    free(fifo);
    char *missing = pa_path_join(place->root, "missing");
    assert_int_equal(pa_package_open(missing, place->cache, &package, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, missing));
    free(missing);
    assert_int_equal(pa_package_open("/", place->cache, &package, &err), -1);
    assert_non_null(strstr(err.message, "has no name"));
}

static void a_wheel_is_unpacked_once(void **state) {
    const struct place *place = *state;
    const struct member members[] = {{"thing.py", "x = 1\n", 6, NULL},
                                     {"both/a.py", "wheel", 5, NULL},
                                     {"thing-2.0.dist-info/WHEEL", PURE, SIZE(PURE), NULL},
                                     {"thing-2.0.data/purelib/both/a.py", "data", 4, NULL},
                                     {"thing-2.0.data/purelib/both/b.py", "data", 4, NULL},
                                     {"thing-2.0.data/platlib/c.py", "data", 4, NULL},
                                     {"thing-2.0.data/scripts/run", "data", 4, NULL}};
    struct pa_package package, again;
    struct pa_error err;
    if (open_wheel(place, "thing-2.0-1-py3-none-any.whl", members, PA_ARRAY_LEN(members), &package,
                   &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(package.guest, "/packages/thing-2.0");
    assert_string_equal(package.import_path, package.guest);
    assert_content(package.host, "thing.py", "x = 1\n");
    assert_content(package.host, "both/a.py", "wheel"); /* what is there already stays */
    assert_content(package.host, "both/b.py", "data");
    assert_content(package.host, "c.py", "data");
    char *scripts = pa_path_join(package.host, "run");
    assert_int_equal(access(scripts, F_OK), -1);
    free(scripts);

    char *mark = pa_path_join(package.host, "mark"); /* which another unpacking would take away */
    write_file(mark, "", 0);
    assert_int_equal(
        open_wheel(place, "other-1-py3-none-any.whl", members, PA_ARRAY_LEN(members), &again, &err),
        0);
    assert_string_equal(again.host, package.host); /* the same bytes */
    assert_string_equal(again.guest, "/packages/other-1");
    assert_int_equal(access(mark, F_OK), 0);
    free(mark);
    pa_package_done(&again);
    pa_package_done(&package);
}

static void wheels_that_are_refused(void **state) {
    const struct place *place = *state;
    static const char *const natives[] = {"a.so", "deep/b.pyd", "c.dylib", "d.dll", "e.so.1.2"};
    for (size_t i = 0; i < PA_ARRAY_LEN(natives); i++) {
        const struct member members[] = {{natives[i], "x", 1, NULL},
                                         {"bad-1.dist-info/WHEEL", PURE, SIZE(PURE), NULL}};
        assert_refused(place, members, 2, PA_ERR_INVALID_ARGUMENT, natives[i]);
    }
    const struct member impure[] = {{"bad-1.dist-info/WHEEL", IMPURE, SIZE(IMPURE), NULL}};
    assert_refused(place, impure, 1, PA_ERR_INVALID_ARGUMENT, "Root-Is-Purelib");
    const struct member silent[] = {{"bad-1.dist-info/WHEEL", "Tag: x\n", 7, NULL}};
    assert_refused(place, silent, 1, PA_ERR_INVALID_ARGUMENT, "Root-Is-Purelib");
    const struct member bare[] = {{"bad.py", "x", 1, NULL}};
    assert_refused(place, bare, 1, PA_ERR_INVALID_ARGUMENT, "no NAME.dist-info/WHEEL");
    const struct member outside[] = {{"bad-1.dist-info/WHEEL", PURE, SIZE(PURE), NULL},
                                     {"../../outside.py", "x", 1, NULL}};
    assert_refused(place, outside, 2, PA_ERR_FAILED_PRECONDITION, "outside.py");
    const struct member link[] = {{"bad-1.dist-info/WHEEL", PURE, SIZE(PURE), NULL},
                                  {"link", NULL, 0, "/etc"}};
    assert_refused(place, link, 2, PA_ERR_FAILED_PRECONDITION, "link");
}

static void a_cache_that_others_may_write(void **state) {
    const struct place *place = *state;
    const struct member members[] = {{"a-1.dist-info/WHEEL", PURE, SIZE(PURE), NULL}};
    struct pa_package package;
    struct pa_error err;
    char *folder = pa_path_join(place->cache, "packages");
    assert_int_equal(pa_mkdir_parents(folder, 0700, &err), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(open_wheel(place, "a-1-py3-none-any.whl", members, 1, &package, &err), -1);
    assert_non_null(strstr(err.message, "not ours alone to write"));
    free(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_folder_of_modules),           TEST(what_is_no_package),
        TEST(a_wheel_is_unpacked_once),      TEST(wheels_that_are_refused),
        TEST(a_cache_that_others_may_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
