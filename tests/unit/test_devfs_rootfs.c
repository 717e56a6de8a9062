/* /dev and the virtual root: fixed trees, their refusals, and paths that go through mounts. */
#include "base/macros.h"
#include "vfs_suite.h"

#define MUST(call)          assert_int_equal((call), WASI_ESUCCESS)
#define FAILS(errnum, call) assert_int_equal((call), (errnum))

struct fixture {
    struct pa_world world;
    struct pa_devfs *devfs;
    struct pa_memfs *tmp, *data;
    struct pa_file *dev_root, *tmp_root, *data_root, *root;
    struct pa_rootfs *rootfs;
    int opened;
};

static uint64_t now(void *context) {
    return 1;
}

/* A device of the caller's: each open is a handle on the tree in memory, and is counted. */
static wasi_errno open_counted(void *context, const struct pa_open *how, struct pa_file **ret) {
    struct fixture *f = context;
    f->opened++;
    return pa_memfs_open_root(f->tmp, ret);
}

static int setup(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof *f);
    f->world = (struct pa_world){.now_ns = now, .files_bytes = 1 << 20, .files_count = 100};
    const struct pa_device devices[] = {{"random", open_counted, f},
                                        {"sandbox/request", open_counted, f},
                                        {"sandbox/call", open_counted, f}};
    f->devfs = pa_devfs_new(devices, PA_ARRAY_LEN(devices));
    MUST(pa_devfs_open_root(f->devfs, &f->dev_root));
    f->tmp = pa_memfs_new(&f->world);
    f->data = pa_memfs_new(&f->world);
    MUST(pa_memfs_open_root(f->tmp, &f->tmp_root));
    MUST(pa_memfs_open_root(f->data, &f->data_root));
    f->rootfs = pa_rootfs_new(&f->world);
    MUST(pa_rootfs_mount(f->rootfs, "/tmp", f->tmp_root));
    MUST(pa_rootfs_mount(f->rootfs, "/srv/data", f->data_root));
    MUST(pa_rootfs_mount(f->rootfs, "/dev", f->dev_root));
    MUST(pa_rootfs_open_root(f->rootfs, &f->root));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    vt_close(f->root);
    pa_rootfs_free(f->rootfs);
    vt_close(f->tmp_root);
    vt_close(f->data_root);
    vt_close(f->dev_root);
    pa_devfs_free(f->devfs);
    pa_memfs_free(f->tmp);
    pa_memfs_free(f->data);
    assert_null(pa_rootfs_free(NULL));
    assert_null(pa_devfs_free(NULL));
    assert_null(pa_memfs_free(NULL));
    free(f);
    return 0;
}

static void test_builtin_devices(void **state) {
    struct fixture *f = *state;
    char buf[8] = "xxxxxxx";
    struct iovec iov = {buf, 4};
    size_t moved = 9;
    uint64_t at = 5;
    struct pa_file *file = vt_open(f->dev_root, "null", CREAT | TRUNC);
    assert_int_equal(file->type, WASI_FILETYPE_CHARACTER_DEVICE);
    MUST(file->ops->read(file, &iov, 1, PA_OFFSET_CURRENT, &moved));
    assert_int_equal(moved, 0);
    MUST(vt_write(file, "hello", PA_OFFSET_CURRENT, &moved));
    assert_int_equal(moved, 5);
    MUST(file->ops->seek(file, 10, WASI_WHENCE_END, &at));
    assert_int_equal(at, 0);
    struct pa_stat opened, named = vt_stat(f->dev_root, "null", true);
    MUST(file->ops->stat(file, &opened));
    assert_memory_equal(&opened, &named, sizeof named);
    vt_close(file);
    file = vt_open(f->dev_root, "zero", 0);
    MUST(file->ops->read(file, &iov, 1, 0, &moved));
    assert_int_equal(moved, 4);
    assert_memory_equal(buf, "\0\0\0\0xxx", 7);
    vt_close(file);
    file = vt_open(f->dev_root, "full", 0);
    FAILS(WASI_ENOSPC, vt_write(file, "x", PA_OFFSET_CURRENT, &moved));
    MUST(vt_write(file, "", PA_OFFSET_CURRENT, &moved));
    MUST(file->ops->read(file, &iov, 1, 0, &moved));
    assert_int_equal(moved, 4);
    bool hangup = true;
    assert_true(file->ops->ready(file, true, &at, &hangup));
    assert_false(hangup);
    vt_close(file);
    assert_false(f->world.files_limit_hit);
}

static void test_dev_tree(void **state) {
    struct fixture *f = *state;
    struct pa_file *dev = f->dev_root, *sandbox;
    const struct pa_file_ops *ops = dev->ops;
    assert_string_equal(vt_list(dev, 0, 20, NULL), ". .. null zero full random sandbox");
    assert_int_equal(vt_count(dev, 2), 7);
    sandbox = vt_open(dev, "./sandbox/", DIRECTORY);
    assert_string_equal(vt_list(sandbox, 0, 20, NULL), ". .. request call");
    assert_string_equal(vt_list(sandbox, 3, 20, NULL), "call");
    assert_string_equal(vt_list(sandbox, UINT64_MAX, 20, NULL), "");
    MUST(vt_open_errno(sandbox, "request", 0, true, true));
    MUST(vt_open_errno(dev, "sandbox/../sandbox/request", CREAT, true, true));
    assert_int_equal(f->opened, 2);
    FAILS(WASI_ENOTCAPABLE, vt_open_errno(sandbox, "..", 0, true, false));
    vt_close(sandbox);
    assert_int_equal(vt_stat(dev, "sandbox", true).type, WASI_FILETYPE_DIRECTORY);
    assert_int_equal(vt_stat(dev, ".", true).nlink, 3);
    assert_int_equal(vt_stat(dev, "random", true).type, WASI_FILETYPE_CHARACTER_DEVICE);
    assert_int_not_equal(vt_stat(dev, "random", true).ino, vt_stat(dev, "null", true).ino);
    FAILS(WASI_ENOTDIR, vt_open_errno(dev, "null", DIRECTORY, true, false));
    FAILS(WASI_ENOTDIR, vt_open_errno(dev, "null/", 0, true, false));
    FAILS(WASI_ENOTDIR, vt_stat_errno(dev, "null/..", true));
    FAILS(WASI_EEXIST, vt_open_errno(dev, "null", CREAT | EXCL, true, true));
    FAILS(WASI_ENOENT, vt_open_errno(dev, "none", 0, true, false));
    FAILS(WASI_EROFS, vt_open_errno(dev, "none", CREAT, true, true));
    FAILS(WASI_ENOENT, vt_open_errno(dev, "none/x", CREAT, true, true));
    FAILS(WASI_EISDIR, vt_open_errno(dev, "sandbox", 0, true, true));
    FAILS(WASI_EROFS, ops->mkdir(dev, "new"));
    FAILS(WASI_EEXIST, ops->mkdir(dev, "null"));
    FAILS(WASI_EROFS, ops->unlink(dev, "null"));
    FAILS(WASI_EISDIR, ops->unlink(dev, "sandbox"));
    FAILS(WASI_ENOENT, ops->unlink(dev, "none"));
    FAILS(WASI_ENOTDIR, ops->rmdir(dev, "null"));
    FAILS(WASI_EROFS, ops->rmdir(dev, "sandbox"));
    FAILS(WASI_EROFS, ops->rename(dev, "null", dev, "new"));
    FAILS(WASI_EROFS, ops->link(dev, "null", false, dev, "new"));
    FAILS(WASI_EPERM, ops->link(dev, "sandbox", false, dev, "new"));
    FAILS(WASI_EROFS, ops->symlink(dev, "null", "new"));
    char out[4];
    size_t size;
    FAILS(WASI_EINVAL, ops->readlink(dev, "null", out, sizeof out, &size));
    FAILS(WASI_EROFS, ops->path_set_times(dev, "null", true, &(struct pa_times){0}));
}

static void test_root_tree(void **state) {
    struct fixture *f = *state;
    struct pa_file *root = f->root, *srv;
    const struct pa_file_ops *ops = root->ops;
    assert_string_equal(vt_list(root, 0, 20, NULL), ". .. tmp srv dev");
    srv = vt_open(root, "srv", DIRECTORY);
    assert_string_equal(vt_list(srv, 0, 20, NULL), ". .. data");
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(srv, "../tmp", true));
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(srv, "data/../../tmp", true));
    vt_create(srv, "data/file", "by srv");
    vt_close(srv);
    assert_string_equal(vt_content(root, "srv/data/file"), "by srv");
    assert_string_equal(vt_content(f->data_root, "file"), "by srv");
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(root, "..", true));
    /* A mount point is the mount's root. */
    struct pa_stat a = vt_stat(root, "tmp", true), b = vt_stat(f->tmp_root, ".", true);
    assert_memory_equal(&a, &b, sizeof a);
    struct pa_file *tmp = vt_open(root, "tmp/", DIRECTORY);
    vt_create(tmp, "x", "in tmp");
    vt_close(tmp);
    assert_string_equal(vt_content(root, "./srv/.././tmp/./x"), "in tmp");
    assert_int_equal(vt_stat(root, "srv", true).type, WASI_FILETYPE_DIRECTORY);
    /* Nothing changes in the virtual part. */
    FAILS(WASI_EROFS, ops->mkdir(root, "new"));
    FAILS(WASI_EEXIST, ops->mkdir(root, "srv"));
    FAILS(WASI_EEXIST, ops->mkdir(root, "tmp"));
    FAILS(WASI_EROFS, ops->rmdir(root, "srv"));
    FAILS(WASI_EBUSY, ops->rmdir(root, "tmp"));
    FAILS(WASI_EISDIR, ops->unlink(root, "tmp"));
    FAILS(WASI_EISDIR, ops->unlink(root, "srv"));
    FAILS(WASI_ENOENT, ops->unlink(root, "none"));
    FAILS(WASI_EROFS, ops->symlink(root, "x", "new"));
    FAILS(WASI_EEXIST, ops->symlink(root, "x", "tmp"));
    FAILS(WASI_EROFS, vt_open_errno(root, "new", CREAT, true, true));
    FAILS(WASI_EROFS, vt_open_errno(root, "srv/new", CREAT, true, true));
    FAILS(WASI_ENOENT, vt_open_errno(root, "none/new", CREAT, true, true));
    FAILS(WASI_EISDIR, vt_open_errno(root, "srv", 0, true, true));
    FAILS(WASI_EROFS, ops->path_set_times(root, "srv", true, &(struct pa_times){0}));
    FAILS(WASI_EBUSY, ops->rename(root, "tmp", root, "srv/data/tmp"));
    FAILS(WASI_EROFS, ops->rename(root, "srv", root, "tmp/srv"));
    FAILS(WASI_EPERM, ops->link(root, "tmp", false, root, "srv/data/tmp"));
    FAILS(WASI_EINVAL, pa_rootfs_mount(f->rootfs, "/", f->tmp_root));
    FAILS(WASI_EINVAL, pa_rootfs_mount(f->rootfs, "/a/../b", f->tmp_root));
    FAILS(WASI_EEXIST, pa_rootfs_mount(f->rootfs, "/tmp/", f->tmp_root));
}

static void test_through_mounts(void **state) {
    struct fixture *f = *state;
    struct pa_file *root = f->root;
    const struct pa_file_ops *ops = root->ops;
    vt_create(root, "tmp/a", "a");
    MUST(ops->mkdir(root, "tmp/dir"));
    MUST(ops->rename(root, "tmp/a", root, "tmp/dir/b"));
    MUST(ops->link(root, "tmp/dir/b", false, root, "tmp/c"));
    MUST(ops->symlink(root, "dir/b", "tmp/link"));
    assert_string_equal(vt_content(root, "tmp/link"), "a");
    FAILS(WASI_ELOOP, vt_open_errno(root, "tmp/link", 0, false, false));
    char out[16];
    size_t size = 0;
    MUST(ops->readlink(root, "tmp/link", out, sizeof out, &size));
    assert_int_equal(size, 5);
    FAILS(WASI_EXDEV, ops->rename(root, "tmp/c", root, "srv/data/c"));
    FAILS(WASI_EXDEV, ops->link(root, "tmp/c", false, root, "srv/data/c"));
    FAILS(WASI_EROFS, ops->rename(root, "tmp/c", root, "srv/c"));
    FAILS(WASI_ENOTEMPTY, ops->rmdir(root, "tmp/dir"));
    MUST(ops->unlink(root, "tmp/dir/b"));
    MUST(ops->rmdir(root, "tmp/dir"));
    struct pa_times times = {.fst_flags = WASI_FST_MTIM, .mtim_ns = 77};
    MUST(ops->path_set_times(root, "tmp/c", true, &times));
    assert_int_equal(vt_stat(root, "tmp/c", true).mtim_ns, 77);
    size_t moved;
    struct pa_file *null = vt_open(root, "dev/null", CREAT);
    MUST(vt_write(null, "x", PA_OFFSET_CURRENT, &moved));
    vt_close(null);
}

/* Paths that climb out of a mount again */
static void test_leaving_mounts(void **state) {
    struct fixture *f = *state;
    struct pa_file *root = f->root;
    const struct pa_file_ops *ops = root->ops;
    MUST(ops->mkdir(root, "tmp/a"));
    MUST(ops->mkdir(root, "tmp/a/b"));
    vt_create(root, "tmp/file", "f");
    vt_create(root, "srv/data/d", "there");
    MUST(ops->symlink(root, "a/b", "tmp/link"));
    assert_string_equal(vt_content(root, "tmp/../srv/data/d"), "there");
    assert_string_equal(vt_content(root, "tmp/a/./b/../..//../srv/data/d"), "there");
    assert_string_equal(vt_content(root, "tmp/a/../../srv/data/../data/../../tmp/file"), "f");
    assert_int_equal(vt_stat(root, "tmp/..", true).ino, vt_stat(root, ".", true).ino);
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(root, "tmp/link/../../srv", true));
    FAILS(WASI_ENOTDIR, vt_stat_errno(root, "tmp/file/../../srv", true));
    FAILS(WASI_ENOENT, vt_stat_errno(root, "tmp/none/../../srv", true));
    FAILS(WASI_ENOTDIR, vt_stat_errno(root, "dev/null/../../srv", true));
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(root, "tmp/../..", true));
    FAILS(WASI_EROFS, ops->mkdir(root, "tmp/../new"));
    /* Inside, ".." is the mount's. */
    assert_string_equal(vt_content(root, "tmp/a/b/../../file"), "f");
}

static void test_nested_mounts(void **state) {
    struct fixture *f = *state;
    struct pa_file *root = f->root;
    MUST(pa_rootfs_mount(f->rootfs, "/tmp/deep/data", f->data_root));
    vt_create(f->data_root, "d", "nested");
    vt_create(f->tmp_root, "t", "upper");
    assert_string_equal(vt_content(root, "tmp/deep/data/d"), "nested");
    assert_string_equal(vt_content(root, "tmp/./t"), "upper");
    assert_string_equal(vt_content(root, "tmp/deep/data/../../t"), "upper");
    FAILS(WASI_EXDEV, root->ops->rename(root, "tmp/t", root, "tmp/deep/data/t"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_builtin_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dev_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_through_mounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaving_mounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nested_mounts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
