/* The in-memory file system: the common suite, limits, accounting, times, numbers, life times. */
#include "base/macros.h"
#include "vfs_suite.h"
#include "wasi/files.h"
#include "wasi/wasi.h"

#define MUST(call)          assert_int_equal((call), WASI_ESUCCESS)
#define FAILS(errnum, call) assert_int_equal((call), (errnum))

struct fixture {
    struct pa_world world;
    uint64_t now;
    struct pa_memfs *fs;
    struct pa_file *root;
};

static uint64_t tick(void *context) {
    return ++((struct fixture *)context)->now;
}

static int setup(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof *f);
    f->world =
        (struct pa_world){.now_ns = tick, .context = f, .files_bytes = 1 << 20, .files_count = 400};
    f->fs = pa_memfs_new(&f->world);
    MUST(pa_memfs_open_root(f->fs, &f->root));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    if (f->root)
        vt_close(f->root);
    f->fs = pa_memfs_free(f->fs);
    assert_int_equal(f->world.files_bytes_used, 0);
    assert_int_equal(f->world.files_count_used, 0);
    free(f);
    return 0;
}

static void test_suite(void **state) {
    struct fixture *f = *state;
    vt_suite(f->root);
    assert_int_equal(f->world.files_bytes_used, 0);
    assert_int_equal(f->world.files_count_used, 0);
    assert_false(f->world.files_limit_hit);
}

static void test_bytes_limit(void **state) {
    struct fixture *f = *state;
    f->world.files_bytes = 10;
    struct pa_file *file = vt_open(f->root, "file", CREAT);
    size_t moved = 0;
    MUST(vt_write(file, "12345678", PA_OFFSET_CURRENT, &moved));
    assert_false(f->world.files_limit_hit);
    MUST(vt_write(file, "abcd", PA_OFFSET_CURRENT, &moved)); /* what fits */
    assert_int_equal(moved, 2);
    assert_true(f->world.files_limit_hit);
    f->world.files_limit_hit = false;
    FAILS(WASI_ENOSPC, vt_write(file, "x", PA_OFFSET_CURRENT, &moved));
    assert_true(f->world.files_limit_hit);
    assert_string_equal(vt_content(f->root, "file"), "12345678ab");
    MUST(vt_write(file, "over", 6, &moved)); /* within the size */
    assert_int_equal(moved, 4);
    FAILS(WASI_ENOSPC, file->ops->set_size(file, 11));
    FAILS(WASI_ENOSPC, file->ops->allocate(file, 5, 6));
    FAILS(WASI_ENOSPC, f->root->ops->symlink(f->root, "t", "link"));
    /* A hole costs its bytes; what is given back can be used again. */
    MUST(file->ops->set_size(file, 0));
    assert_int_equal(f->world.files_bytes_used, 0);
    FAILS(WASI_ENOSPC, vt_write(file, "x", 10, &moved));
    FAILS(WASI_ENOSPC, vt_write(file, "x", INT64_MAX - 1, &moved));
    FAILS(WASI_EFBIG, vt_write(file, "xy", INT64_MAX, &moved));
    MUST(vt_write(file, "x", 9, &moved));
    assert_int_equal(f->world.files_bytes_used, 10);
    /* A deleted file's bytes come back with its last handle. */
    MUST(f->root->ops->unlink(f->root, "file"));
    assert_int_equal(f->world.files_bytes_used, 10);
    vt_close(file);
    assert_int_equal(f->world.files_bytes_used, 0);
    MUST(f->root->ops->symlink(f->root, "target", "link"));
    assert_int_equal(f->world.files_bytes_used, 6);
}

static void test_count_limit(void **state) {
    struct fixture *f = *state;
    const struct pa_file_ops *ops = f->root->ops;
    f->world.files_count = 3;
    MUST(ops->mkdir(f->root, "a"));
    vt_create(f->root, "b", "b");
    MUST(ops->link(f->root, "b", false, f->root, "c"));
    assert_int_equal(f->world.files_count_used, 3);
    FAILS(WASI_ENOSPC, ops->mkdir(f->root, "d"));
    FAILS(WASI_ENOSPC, ops->symlink(f->root, "x", "d"));
    FAILS(WASI_ENOSPC, ops->link(f->root, "b", false, f->root, "d"));
    FAILS(WASI_ENOSPC, vt_open_errno(f->root, "d", CREAT, true, true));
    assert_true(f->world.files_limit_hit);
    assert_int_equal(f->world.files_bytes_used, 1);
    /* Renaming needs no room. */
    MUST(ops->rename(f->root, "c", f->root, "a/c"));
    MUST(ops->rename(f->root, "a/c", f->root, "e"));
    assert_int_equal(f->world.files_count_used, 3);
}

static void test_large_growth_stays_within(void **state) {
    struct fixture *f = *state;
    struct pa_file *file = vt_open(f->root, "big", CREAT);
    char block[1000];
    memset(block, 'x', sizeof block);
    size_t total = 0, moved = 0;
    wasi_errno errnum = 0;
    struct iovec iov = {block, sizeof block};
    while (!(errnum = file->ops->write(file, &iov, 1, PA_OFFSET_CURRENT, &moved)))
        total += moved;
    FAILS(WASI_ENOSPC, errnum);
    assert_int_equal(total, 1 << 20);
    struct iovec back = {block, sizeof block};
    MUST(file->ops->read(file, &back, 1, total - 5, &moved));
    assert_int_equal(moved, 5);
    vt_close(file);
}

static void test_times_and_numbers(void **state) {
    struct fixture *f = *state;
    struct pa_stat root_before = vt_stat(f->root, ".", true);
    vt_create(f->root, "file", "x");
    struct pa_stat before = vt_stat(f->root, "file", true);
    assert_true(vt_stat(f->root, ".", true).mtim_ns > root_before.mtim_ns);
    assert_true(before.mtim_ns > 0 && before.ino > root_before.ino);
    assert_int_equal(before.dev, root_before.dev);
    vt_content(f->root, "file");
    struct pa_stat after = vt_stat(f->root, "file", true);
    assert_memory_equal(&before, &after, sizeof before); /* reading changes nothing */
    struct pa_times times = {.fst_flags = WASI_FST_MTIM | WASI_FST_ATIM_NOW,
                             .mtim_ns = 5,
                             .atim_ns = 6,
                             .now_ns = 12345};
    MUST(f->root->ops->path_set_times(f->root, "file", true, &times));
    after = vt_stat(f->root, "file", true);
    assert_int_equal(after.mtim_ns, 5);
    assert_int_equal(after.atim_ns, 12345);
    struct pa_file *file = vt_open(f->root, "file", 0);
    size_t moved;
    MUST(vt_write(file, "y", 0, &moved));
    assert_true(vt_stat(f->root, "file", true).mtim_ns > 5);
    MUST(file->ops->set_times(file, &times));
    assert_int_equal(vt_stat(f->root, "file", true).mtim_ns, 5);
    vt_close(file);
    /* A link's own times, and those of what it names */
    MUST(f->root->ops->symlink(f->root, "file", "link"));
    times = (struct pa_times){.fst_flags = WASI_FST_MTIM, .mtim_ns = 9};
    MUST(f->root->ops->path_set_times(f->root, "link", false, &times));
    assert_int_equal(vt_stat(f->root, "link", false).mtim_ns, 9);
    assert_int_equal(vt_stat(f->root, "link", true).mtim_ns, 5);
    /* Directories' link counts */
    MUST(f->root->ops->mkdir(f->root, "d"));
    MUST(f->root->ops->mkdir(f->root, "d/e"));
    assert_int_equal(vt_stat(f->root, "d", true).nlink, 3);
    MUST(f->root->ops->rename(f->root, "d/e", f->root, "e"));
    assert_int_equal(vt_stat(f->root, "d", true).nlink, 2);
    assert_int_equal(vt_stat(f->root, ".", true).nlink, 4);
    /* Another tree is another device. */
    struct pa_memfs *other = pa_memfs_new(&f->world);
    struct pa_file *other_root;
    MUST(pa_memfs_open_root(other, &other_root));
    assert_int_not_equal(vt_stat(other_root, ".", true).dev, root_before.dev);
    FAILS(WASI_EXDEV, f->root->ops->rename(f->root, "file", other_root, "file"));
    FAILS(WASI_EXDEV, f->root->ops->link(f->root, "file", false, other_root, "file"));
    vt_close(other_root);
    pa_memfs_free(other);
}

static void test_cookies_survive_changes(void **state) {
    struct fixture *f = *state;
    char name[32];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "f%d", i);
        vt_create(f->root, name, "");
    }
    uint64_t next;
    vt_list(f->root, 0, 52, &next); /* ".", "..", f0 ... f49 */
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "f%d", i);
        MUST(f->root->ops->unlink(f->root, name));
    }
    vt_create(f->root, "new", "");
    assert_string_equal(vt_list(f->root, next, 2, NULL), "f60 f61");
    assert_int_equal(vt_count(f->root, 3), 2 + 40 + 1);
    uint64_t end;
    vt_list(f->root, 0, 1000, &end);
    assert_string_equal(vt_list(f->root, end, 10, NULL), "");
    vt_create(f->root, "newer", "");
    assert_string_equal(vt_list(f->root, end, 10, NULL), "newer");
    /* A name given again to another file keeps its place when renamed over. */
    MUST(f->root->ops->rename(f->root, "newer", f->root, "f60"));
    assert_string_equal(vt_list(f->root, next, 1, NULL), "f60");
}

static void test_deep_tree_is_freed(void **state) {
    struct fixture *f = *state;
    enum {
        DEPTH = 100000
    };
    f->world.files_count = DEPTH + 10;
    struct pa_file *dir;
    MUST(pa_memfs_open_root(f->fs, &dir));
    for (int i = 0; i < DEPTH; i++) {
        struct pa_file *below = NULL;
        MUST(dir->ops->mkdir(dir, "d"));
        MUST(vt_try_open(dir, "d", DIRECTORY, true, false, &below));
        vt_close(dir);
        dir = below;
    }
    vt_create(dir, "leaf", "x");
    /* The handle outlives the tree: its directory is gone, the rest is freed. */
    vt_close(f->root);
    f->root = NULL;
    f->fs = pa_memfs_free(f->fs);
    FAILS(WASI_ENOENT, vt_open_errno(dir, "leaf", 0, true, false));
    FAILS(WASI_ENOENT, vt_open_errno(dir, "new", CREAT, true, true));
    assert_string_equal(vt_list(dir, 0, 10, NULL), ". ..");
    vt_close(dir);
}

static void test_many_links_in_a_path(void **state) {
    struct fixture *f = *state;
    const struct pa_file_ops *ops = f->root->ops;
    vt_create(f->root, "l0", "end");
    char from[32], to[32];
    for (int i = 1; i <= 41; i++) {
        snprintf(from, sizeof from, "l%d", i - 1);
        snprintf(to, sizeof to, "l%d", i);
        MUST(ops->symlink(f->root, from, to));
    }
    assert_string_equal(vt_content(f->root, "l40"), "end");
    FAILS(WASI_ELOOP, vt_open_errno(f->root, "l41", 0, true, false));
    /* Text that grows past the maximum */
    char target[3000];
    memset(target, '/', sizeof target);
    target[0] = '.';
    target[sizeof target - 1] = 0;
    MUST(ops->symlink(f->root, target, "long"));
    MUST(vt_open_errno(f->root, "long/l0", 0, true, false));
    char path[2048] = "long";
    memset(path + 4, '/', sizeof path - 4);
    memcpy(path + sizeof path - 12, "/long/././l0", 12);
    path[sizeof path - 1] = 0;
    vt_open_errno(f->root, path, 0, true, false);
}

static void test_put(void **state) {
    struct fixture *f = *state;
    struct pa_error err = {0};
    assert_int_equal(pa_files_write(f->fs, "a/b/c.txt", 0, true, "hello", 5, &err), 0);
    assert_string_equal(vt_content(f->root, "a/b/c.txt"), "hello");
    assert_int_equal(pa_files_write(f->fs, "/a/b/c.txt", 0, true, "hi", 2, &err), 0);
    assert_string_equal(vt_content(f->root, "a/b/c.txt"), "hi");
    assert_int_equal(pa_files_write(f->fs, "empty", 0, true, NULL, 0, &err), 0);
    assert_int_equal(err.code, 0);
    assert_int_equal(pa_files_write(f->fs, "", 0, true, "x", 1, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    assert_int_equal(pa_files_write(f->fs, "../x", 0, true, "x", 1, &err), -1);
    assert_int_equal(pa_files_write(f->fs, "a/b/c.txt/d", 0, true, "x", 1, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    f->world.files_bytes = 3;
    assert_int_equal(pa_files_write(f->fs, "big", 0, true, "12345", 5, &err), -1);
    assert_int_equal(err.code, PA_ERR_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "files_bytes is 3"));
}

static bool count_entry(void *context, const char *name, size_t name_size,
                        const struct pa_file_info *info, uint64_t next) {
    unsigned *counts = context; /* of files, of directories, where to stop */
    assert_int_equal(strlen(name), name_size);
    counts[info->directory]++;
    (void)next;
    return counts[0] + counts[1] < counts[2];
}

static bool note_path(void *context, const char *path, const uint8_t *bytes, size_t size) {
    struct pa_buf *paths = context;
    pa_buf_printf(paths, "%s=%.*s ", path, (int)size, (const char *)bytes);
    return true;
}

static void assert_changed(struct fixture *f, const char *expected) {
    struct pa_buf paths = PA_BUF_INIT(4096);
    pa_files_changed(f->fs, note_path, &paths);
    assert_string_equal(pa_buf_text(&paths), expected);
    pa_buf_done(&paths);
    pa_files_begin(f->fs);
}

static void test_host_side(void **state) {
    struct fixture *f = *state;
    struct pa_error err = {0};
    struct pa_file_info info;
    const uint8_t *bytes;
    size_t size;
    assert_int_equal(pa_files_write(f->fs, "a/b/c", 0, true, "hello", 5, &err), 0);
    assert_int_equal(pa_files_write(f->fs, "a/b/c", 4, false, "0!", 2, &err), 0);
    assert_int_equal(pa_files_mkdir(f->fs, "a/d/e", &err), 0);
    assert_int_equal(pa_files_mkdir(f->fs, "a/d/e", &err), 0);
    assert_int_equal(pa_files_stat(f->fs, "/a/b/c", &info, &err), 0);
    assert_true(!info.directory && info.size == 6);
    assert_int_equal(pa_files_stat(f->fs, "", &info, &err), 0);
    assert_true(info.directory);
    assert_int_equal(pa_files_read(f->fs, "a/b/c", 2, 3, &bytes, &size, &info, &err), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "ll0", 3);
    assert_int_equal(pa_files_read(f->fs, "a/b/c", 9, 3, &bytes, &size, &info, &err), 0);
    assert_int_equal(size, 0);
    unsigned counts[3] = {0, 0, 9};
    assert_int_equal(pa_files_list(f->fs, "a", 0, count_entry, counts, &err), 0);
    assert_true(counts[0] == 0 && counts[1] == 2);
    assert_int_equal(pa_files_rename(f->fs, "a/b/c", "x/y", &err), 0);
    assert_int_equal(pa_files_remove(f->fs, "a", false, &err), -1);
    assert_int_equal(err.code, PA_ERR_FAILED_PRECONDITION);
    assert_int_equal(pa_files_remove(f->fs, "a", true, &err), 0);
    assert_int_equal(pa_files_remove(f->fs, "a", true, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_int_equal(pa_files_read(f->fs, "x", 0, 1, &bytes, &size, &info, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
}

static void test_what_changed(void **state) {
    struct fixture *f = *state;
    struct pa_error err = {0};
    assert_int_equal(pa_files_write(f->fs, "one", 0, true, "1", 1, &err), 0);
    assert_int_equal(pa_files_write(f->fs, "d/two", 0, true, "2", 1, &err), 0);
    assert_changed(f, "one=1 d/two=2 ");
    assert_changed(f, "");
    assert_int_equal(pa_files_write(f->fs, "one", 1, false, "1", 1, &err), 0);
    assert_changed(f, "one=11 ");
    assert_int_equal(pa_files_rename(f->fs, "d/two", "d/three", &err), 0);
    assert_int_equal(pa_files_write(f->fs, "gone", 0, true, "", 0, &err), 0);
    assert_int_equal(pa_files_remove(f->fs, "gone", false, &err), 0);
    assert_changed(f, "d/three=2 ");
    assert_int_equal(pa_files_write(f->fs, "empty", 0, true, "", 0, &err), 0);
    assert_changed(f, "empty= ");
}

static void test_errno_table(void **state) {
    assert_int_equal(pa_errno_to_wasi(0), WASI_ESUCCESS);
    assert_int_equal(pa_errno_to_wasi(2), WASI_ENOENT);
    assert_int_equal(pa_errno_to_wasi(39), WASI_ENOTEMPTY);
    assert_int_equal(pa_errno_to_wasi(40), WASI_ELOOP);
    assert_int_equal(pa_errno_to_wasi(95), WASI_ENOTSUP);
    assert_int_equal(pa_errno_to_wasi(9999), WASI_EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_suite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_count_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_growth_stays_within, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times_and_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cookies_survive_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deep_tree_is_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_links_in_a_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_side, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_changed, setup, teardown),
        cmocka_unit_test(test_errno_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
