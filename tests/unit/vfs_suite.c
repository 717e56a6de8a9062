/* See the header.  Each function stands for one or more programs of the official suite. */
#include "vfs_suite.h"
#include "base/macros.h"

#define MUST(call)          assert_int_equal((call), WASI_ESUCCESS)
#define FAILS(errnum, call) assert_int_equal((call), (errnum))

wasi_errno vt_try_open(struct pa_file *dir, const char *path, uint32_t oflags, bool follow,
                       bool write, struct pa_file **ret) {
    struct pa_open how = {.oflags = oflags, .follow = follow, .read = true, .write = write};
    return dir->ops->open(dir, path, &how, ret);
}

struct pa_file *vt_open(struct pa_file *dir, const char *path, uint32_t oflags) {
    struct pa_file *file = NULL;
    bool write = !(oflags & DIRECTORY);
    MUST(vt_try_open(dir, path, oflags, true, write, &file));
    return file;
}

wasi_errno vt_open_errno(struct pa_file *dir, const char *path, uint32_t oflags, bool follow,
                         bool write) {
    struct pa_file *file = NULL;
    wasi_errno errnum = vt_try_open(dir, path, oflags, follow, write, &file);
    if (errnum)
        assert_null(file);
    else
        file->ops->close(file);
    return errnum;
}

void vt_close(struct pa_file *file) {
    file->ops->close(file);
}

wasi_errno vt_write(struct pa_file *file, const char *text, uint64_t offset, size_t *ret) {
    struct iovec iov[2] = {{(void *)text, strlen(text) / 2},
                           {(void *)(text + strlen(text) / 2), strlen(text) - strlen(text) / 2}};
    return file->ops->write(file, iov, 2, offset, ret);
}

void vt_create(struct pa_file *dir, const char *path, const char *content) {
    size_t written = 0;
    struct pa_file *file = vt_open(dir, path, CREAT | TRUNC);
    MUST(vt_write(file, content, PA_OFFSET_CURRENT, &written));
    assert_int_equal(written, strlen(content));
    vt_close(file);
}

const char *vt_content(struct pa_file *dir, const char *path) {
    static char text[8192];
    struct pa_file *file = NULL;
    size_t size = 0;
    MUST(vt_try_open(dir, path, 0, true, false, &file));
    struct iovec iov[2] = {{text, 3}, {text + 3, sizeof text - 4}};
    MUST(file->ops->read(file, iov, 2, 0, &size));
    text[size] = 0;
    vt_close(file);
    return text;
}

struct pa_stat vt_stat(struct pa_file *dir, const char *path, bool follow) {
    struct pa_stat stat = {0};
    MUST(dir->ops->path_stat(dir, path, follow, &stat));
    return stat;
}

wasi_errno vt_stat_errno(struct pa_file *dir, const char *path, bool follow) {
    struct pa_stat stat;
    return dir->ops->path_stat(dir, path, follow, &stat);
}

struct listed {
    char *text;
    size_t room, used, count, max;
    uint64_t next;
};

static bool add_name(void *context, const struct pa_dirent *entry) {
    struct listed *listed = context;
    if (listed->count == listed->max)
        return false;
    assert_int_equal(entry->name_size, strlen(entry->name));
    if (listed->text) {
        assert_true(listed->used + entry->name_size + 2 < listed->room);
        listed->used += (size_t)snprintf(listed->text + listed->used, listed->room - listed->used,
                                         "%s%s", listed->count ? " " : "", entry->name);
    }
    listed->count++;
    listed->next = entry->next;
    return true;
}

const char *vt_list(struct pa_file *dir, uint64_t cookie, size_t max, uint64_t *ret_next) {
    static char text[4096];
    text[0] = 0;
    struct listed listed = {.text = text, .room = sizeof text, .max = max, .next = cookie};
    MUST(dir->ops->readdir(dir, cookie, add_name, &listed));
    if (ret_next)
        *ret_next = listed.next;
    return text;
}

size_t vt_count(struct pa_file *dir, size_t chunk) {
    size_t total = 0;
    uint64_t cookie = 0;
    for (;;) {
        struct listed listed = {.max = chunk, .next = cookie};
        MUST(dir->ops->readdir(dir, cookie, add_name, &listed));
        total += listed.count;
        cookie = listed.next;
        if (listed.count < chunk)
            return total;
    }
}

static wasi_errno mk(struct pa_file *dir, const char *path) {
    return dir->ops->mkdir(dir, path);
}
static wasi_errno rmd(struct pa_file *dir, const char *path) {
    return dir->ops->rmdir(dir, path);
}
static wasi_errno rm(struct pa_file *dir, const char *path) {
    return dir->ops->unlink(dir, path);
}
static wasi_errno sym(struct pa_file *dir, const char *target, const char *path) {
    return dir->ops->symlink(dir, target, path);
}
static wasi_errno mv(struct pa_file *dir, const char *from, const char *to) {
    return dir->ops->rename(dir, from, dir, to);
}
static wasi_errno ln(struct pa_file *dir, const char *from, bool follow, const char *to) {
    return dir->ops->link(dir, from, follow, dir, to);
}

static void interesting_paths(struct pa_file *root) {
    MUST(mk(root, "dir"));
    MUST(mk(root, "dir/nested"));
    vt_create(root, "dir/nested/file", "x");
    MUST(vt_open_errno(root, "dir/.//nested/../../dir/nested/../nested///./file", 0, false, false));
    FAILS(WASI_ENOTDIR, vt_open_errno(root, "dir/nested/file/", 0, false, false));
    FAILS(WASI_ENOTDIR, vt_open_errno(root, "dir/nested/file///", 0, false, false));
    FAILS(WASI_ENOTDIR, vt_open_errno(root, "dir/nested/file/x", 0, false, false));
    FAILS(WASI_ENOTDIR, vt_open_errno(root, "dir/nested/file/..", 0, false, false));
    MUST(vt_open_errno(root, "dir/nested///", 0, false, false));
    FAILS(WASI_ENOTCAPABLE,
          vt_open_errno(root, "dir/nested/../../../dir/nested/file", 0, false, false));
    FAILS(WASI_ENOTCAPABLE, vt_open_errno(root, "..", 0, false, false));
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(root, "../x", true));
    FAILS(WASI_ENOTCAPABLE, mk(root, "../x"));
    FAILS(WASI_ENOTCAPABLE, mk(root, ".."));
    FAILS(WASI_ENOTCAPABLE, rm(root, "dir/../.."));
    FAILS(WASI_ENOTCAPABLE, mv(root, "dir", "../dir"));
    /* A directory's handle is a root of its own. */
    struct pa_file *nested = vt_open(root, "dir/nested", DIRECTORY);
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(nested, "../nested", true));
    assert_string_equal(vt_content(nested, "./file"), "x");
    vt_close(nested);
    /* The last name "." or ".." */
    FAILS(WASI_EINVAL, rmd(root, "dir/."));
    FAILS(WASI_ENOTEMPTY, rmd(root, "dir/nested/.."));
    FAILS(WASI_EEXIST, mk(root, "dir/."));
    FAILS(WASI_EISDIR, rm(root, "dir/."));
    FAILS(WASI_EBUSY, mv(root, "dir/.", "other"));
    FAILS(WASI_ENOENT, mk(root, "none/."));
    FAILS(WASI_EEXIST, sym(root, "x", "dir/nested/.."));
    MUST(rm(root, "dir/nested/file"));
    MUST(rmd(root, "dir/nested"));
    MUST(rmd(root, "dir"));
    /* Names and paths too long */
    char name[PA_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[PA_NAME_MAX + 1] = 0;
    FAILS(WASI_ENAMETOOLONG, mk(root, name));
    FAILS(WASI_ENAMETOOLONG, vt_open_errno(root, name, CREAT, false, true));
    name[PA_NAME_MAX] = 0;
    MUST(mk(root, name));
    MUST(rmd(root, name));
}

static void opening(struct pa_file *root) {
    FAILS(WASI_ENOENT, vt_open_errno(root, "file", 0, false, false));
    FAILS(WASI_EISDIR, vt_open_errno(root, "file/", CREAT, false, true));
    FAILS(WASI_EINVAL, vt_open_errno(root, "file", CREAT | DIRECTORY, false, true));
    MUST(vt_open_errno(root, "file", CREAT, false, false));
    MUST(vt_open_errno(root, "file", CREAT, false, true));
    FAILS(WASI_EEXIST, vt_open_errno(root, "file", CREAT | EXCL, false, false));
    FAILS(WASI_ENOTDIR, vt_open_errno(root, "file", DIRECTORY, false, false));
    MUST(mk(root, "dir"));
    MUST(vt_open_errno(root, "dir", 0, false, false));
    MUST(vt_open_errno(root, ".", DIRECTORY, false, false));
    FAILS(WASI_EISDIR, vt_open_errno(root, "dir", DIRECTORY, false, true));
    FAILS(WASI_EISDIR, vt_open_errno(root, ".", DIRECTORY, false, true));
    FAILS(WASI_EISDIR, vt_open_errno(root, "dir", CREAT, false, false));
    FAILS(WASI_EISDIR, vt_open_errno(root, "dir", TRUNC, false, false));
    FAILS(WASI_EEXIST, vt_open_errno(root, "dir", CREAT | EXCL, false, false));
    MUST(rmd(root, "dir"));
    /* O_TRUNC without the right to write still truncates. */
    vt_create(root, "file", "content");
    MUST(vt_open_errno(root, "file", TRUNC, false, false));
    assert_string_equal(vt_content(root, "file"), "");
    /* What was not asked for is not given. */
    struct pa_file *file = NULL;
    size_t moved = 77;
    MUST(vt_try_open(root, "file", 0, false, false, &file));
    FAILS(WASI_EBADF, vt_write(file, "x", 0, &moved));
    FAILS(WASI_EBADF, file->ops->set_size(file, 1));
    FAILS(WASI_EBADF, file->ops->allocate(file, 0, 1));
    assert_int_equal(moved, 77);
    assert_null(file->ops->open);
    assert_null(file->ops->readdir);
    vt_close(file);
    struct pa_open write_only = {.write = true};
    MUST(root->ops->open(root, "file", &write_only, &file));
    struct iovec iov = {NULL, 0};
    FAILS(WASI_EBADF, file->ops->read(file, &iov, 1, 0, &moved));
    vt_close(file);
    MUST(rm(root, "file"));
}

static void reading_and_writing(struct pa_file *root) {
    struct pa_file *file = vt_open(root, "file", CREAT), *other;
    uint64_t at = 0;
    size_t moved = 0;
    char buf[16] = {0};
    struct iovec iov = {buf, sizeof buf};
    MUST(vt_write(file, "0123456789", PA_OFFSET_CURRENT, &moved));
    MUST(file->ops->seek(file, 0, WASI_WHENCE_CUR, &at));
    assert_int_equal(at, 10);
    MUST(file->ops->seek(file, -4, WASI_WHENCE_CUR, &at));
    assert_int_equal(at, 6);
    MUST(file->ops->read(file, &iov, 1, PA_OFFSET_CURRENT, &moved));
    assert_int_equal(moved, 4);
    assert_memory_equal(buf, "6789", 4);
    MUST(file->ops->read(file, &iov, 1, PA_OFFSET_CURRENT, &moved));
    assert_int_equal(moved, 0);
    FAILS(WASI_EINVAL, file->ops->seek(file, -2000, WASI_WHENCE_CUR, &at));
    FAILS(WASI_EINVAL, file->ops->seek(file, 0, 7, &at));
    FAILS(WASI_EINVAL, file->ops->seek(file, INT64_MIN, WASI_WHENCE_END, &at));
    FAILS(WASI_EOVERFLOW, file->ops->seek(file, INT64_MAX, WASI_WHENCE_END, &at));
    MUST(file->ops->seek(file, -1, WASI_WHENCE_END, &at));
    assert_int_equal(at, 9);
    /* pread and pwrite leave the offset alone. */
    MUST(vt_write(file, "ab", 2, &moved));
    MUST(file->ops->read(file, &iov, 1, 1, &moved));
    assert_int_equal(moved, 9);
    assert_memory_equal(buf, "1ab456789", 9);
    MUST(file->ops->seek(file, 0, WASI_WHENCE_CUR, &at));
    assert_int_equal(at, 9);
    FAILS(WASI_EINVAL, file->ops->read(file, &iov, 1, UINT64_MAX - 1, &moved));
    FAILS(WASI_EINVAL, vt_write(file, "x", (uint64_t)INT64_MAX + 1, &moved));
    /* Another handle has its own offset and sees the bytes at once. */
    other = vt_open(root, "file", 0);
    MUST(other->ops->read(other, &iov, 1, PA_OFFSET_CURRENT, &moved));
    assert_int_equal(moved, 10);
    vt_close(other);
    /* A hole reads as zeros, after shrinking too. */
    MUST(file->ops->set_size(file, 3));
    MUST(vt_write(file, "z", 6, &moved));
    MUST(file->ops->read(file, &iov, 1, 0, &moved));
    assert_int_equal(moved, 7);
    assert_memory_equal(buf, "01a\0\0\0z", 7);
    bool hangup = true;
    MUST(file->ops->seek(file, 2, WASI_WHENCE_SET, &at));
    assert_true(file->ops->ready(file, false, &at, &hangup));
    assert_int_equal(at, 5);
    assert_false(hangup);
    MUST(file->ops->sync(file, false));
    MUST(file->ops->sync(file, true));
    vt_close(file);
    MUST(rm(root, "file"));
}

static void sizes(struct pa_file *root) {
    struct pa_file *file = vt_open(root, "file", CREAT);
    struct pa_stat stat;
    MUST(file->ops->allocate(file, 0, 100));
    MUST(file->ops->allocate(file, 10, 10));
    MUST(file->ops->stat(file, &stat));
    assert_int_equal(stat.size, 100);
    MUST(file->ops->allocate(file, 90, 20));
    MUST(file->ops->stat(file, &stat));
    assert_int_equal(stat.size, 110);
    FAILS(WASI_EINVAL, file->ops->allocate(file, 0, 0));
    FAILS(WASI_EFBIG, file->ops->allocate(file, UINT64_MAX, 2));
    FAILS(WASI_EFBIG, file->ops->set_size(file, UINT64_MAX));
    MUST(file->ops->set_size(file, 5));
    assert_int_equal(vt_stat(root, "file", false).size, 5);
    vt_close(file);
    MUST(rm(root, "file"));
}

static void appending(struct pa_file *root) {
    struct pa_file *file = NULL;
    struct pa_open how = {.oflags = CREAT,
                          .read = true,
                          .write = true,
                          .fdflags = WASI_FDFLAG_APPEND | WASI_FDFLAG_SYNC};
    uint64_t at;
    size_t moved;
    MUST(root->ops->open(root, "file", &how, &file));
    assert_int_equal(file->fdflags, WASI_FDFLAG_APPEND | WASI_FDFLAG_SYNC);
    MUST(vt_write(file, "ab", PA_OFFSET_CURRENT, &moved));
    MUST(file->ops->seek(file, 0, WASI_WHENCE_SET, &at));
    MUST(vt_write(file, "cd", PA_OFFSET_CURRENT, &moved));
    MUST(file->ops->seek(file, 0, WASI_WHENCE_CUR, &at));
    assert_int_equal(at, 4);
    MUST(vt_write(file, "X", 0, &moved));
    assert_string_equal(vt_content(root, "file"), "Xbcd");
    MUST(file->ops->set_fdflags(file, 0));
    MUST(file->ops->seek(file, 1, WASI_WHENCE_SET, &at));
    MUST(vt_write(file, "Y", PA_OFFSET_CURRENT, &moved));
    assert_string_equal(vt_content(root, "file"), "XYcd");
    vt_close(file);
    MUST(rm(root, "file"));
}

static void unlinking(struct pa_file *root) {
    MUST(mk(root, "dir"));
    FAILS(WASI_EEXIST, mk(root, "dir"));
    FAILS(WASI_EEXIST, mk(root, "dir/"));
    FAILS(WASI_EISDIR, rm(root, "dir"));
    FAILS(WASI_EISDIR, rm(root, "dir/"));
    MUST(mk(root, "dir/nested/"));
    FAILS(WASI_ENOTEMPTY, rmd(root, "dir"));
    MUST(rmd(root, "dir/nested/"));
    MUST(rmd(root, "dir"));
    FAILS(WASI_ENOENT, rmd(root, "dir"));
    FAILS(WASI_ENOENT, rm(root, "file/"));
    FAILS(WASI_ENOENT, rm(root, "none/file"));
    vt_create(root, "file", "abc");
    FAILS(WASI_ENOTDIR, rm(root, "file/"));
    FAILS(WASI_ENOTDIR, rmd(root, "file"));
    FAILS(WASI_ENOTDIR, rmd(root, "file/"));
    FAILS(WASI_EEXIST, mk(root, "file"));
    FAILS(WASI_ENOTDIR, mk(root, "file/x"));
    /* An open file outlives its name. */
    struct pa_file *file = vt_open(root, "file", 0);
    struct pa_stat stat;
    size_t moved;
    MUST(rm(root, "file"));
    MUST(vt_write(file, "def", 3, &moved));
    MUST(file->ops->stat(file, &stat));
    assert_int_equal(stat.size, 6);
    assert_int_equal(stat.nlink, 0);
    vt_close(file);
    /* An open directory does too, empty for ever. */
    MUST(mk(root, "dir"));
    struct pa_file *dir = vt_open(root, "dir", DIRECTORY);
    MUST(rmd(root, "dir"));
    FAILS(WASI_ENOENT, vt_open_errno(dir, "new", CREAT, true, true));
    FAILS(WASI_ENOENT, mk(dir, "new"));
    MUST(dir->ops->stat(dir, &stat));
    vt_list(dir, 2, 10, NULL);
    vt_close(dir);
}

static void renaming(struct pa_file *root) {
    MUST(mk(root, "source"));
    MUST(mv(root, "source", "target"));
    FAILS(WASI_ENOENT, vt_stat_errno(root, "source", false));
    MUST(mk(root, "source"));
    MUST(mv(root, "source", "target"));
    FAILS(WASI_ENOENT, vt_stat_errno(root, "source", false));
    MUST(mk(root, "source"));
    vt_create(root, "target/file", "f");
    FAILS(WASI_ENOTEMPTY, mv(root, "source", "target"));
    FAILS(WASI_ENOTDIR, mv(root, "source", "target/file"));
    FAILS(WASI_EINVAL, mv(root, "target", "target/inside"));
    FAILS(WASI_EINVAL, mv(root, "target", "target/../target/deeper"));
    MUST(mv(root, "target/file", "moved"));
    MUST(rmd(root, "source"));
    MUST(rmd(root, "target"));
    assert_string_equal(vt_content(root, "moved"), "f");
    vt_create(root, "other", "o");
    MUST(mv(root, "moved", "other"));
    assert_string_equal(vt_content(root, "other"), "f");
    MUST(mk(root, "dir"));
    FAILS(WASI_EISDIR, mv(root, "other", "dir"));
    FAILS(WASI_ENOTDIR, mv(root, "other", "new/"));
    FAILS(WASI_ENOTDIR, mv(root, "other/", "new"));
    FAILS(WASI_ENOENT, mv(root, "none", "new"));
    FAILS(WASI_ENOENT, mv(root, "other", "none/new"));
    MUST(ln(root, "other", false, "same"));
    MUST(mv(root, "other", "same")); /* two names of one file: nothing happens */
    assert_int_equal(vt_stat(root, "other", false).nlink, 2);
    MUST(mv(root, "other", "other"));
    MUST(rm(root, "other"));
    MUST(rm(root, "same"));
    /* Trailing slashes */
    MUST(mv(root, "dir/", "target"));
    MUST(mv(root, "target", "dir/"));
    MUST(mv(root, "dir/", "target/"));
    /* Across directories, with contents, then up through the new parent */
    MUST(mk(root, "a"));
    MUST(mk(root, "target/sub"));
    vt_create(root, "target/sub/f", "deep");
    struct pa_file *a = vt_open(root, "a", DIRECTORY);
    MUST(root->ops->rename(root, "target/sub", a, "sub"));
    assert_string_equal(vt_content(root, "a/sub/../sub/f"), "deep");
    vt_close(a);
    MUST(rm(root, "a/sub/f"));
    MUST(rmd(root, "a/sub"));
    MUST(rmd(root, "a"));
    MUST(rmd(root, "target"));
}

static void symbolic_links(struct pa_file *root) {
    char text[8];
    size_t size = 0;
    FAILS(WASI_ENOTCAPABLE, sym(root, "/", "symlink"));
    FAILS(WASI_ENOENT, sym(root, "source", "target/"));
    FAILS(WASI_ENOENT, sym(root, "", "target"));
    MUST(mk(root, "target"));
    FAILS(WASI_EEXIST, sym(root, "source", "target/"));
    FAILS(WASI_EEXIST, sym(root, "source", "target"));
    MUST(sym(root, "target", "symlink"));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", DIRECTORY, false, false));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", 0, false, false));
    MUST(vt_open_errno(root, "symlink", DIRECTORY, true, false));
    MUST(vt_open_errno(root, "symlink/", 0, false, false));
    vt_create(root, "symlink/file", "through");
    assert_string_equal(vt_content(root, "target/file"), "through");
    assert_int_equal(vt_stat(root, "symlink", false).type, WASI_FILETYPE_SYMBOLIC_LINK);
    assert_int_equal(vt_stat(root, "symlink", true).type, WASI_FILETYPE_DIRECTORY);
    assert_int_equal(vt_stat(root, "symlink/", false).type, WASI_FILETYPE_DIRECTORY);
    FAILS(WASI_ENOTDIR, rmd(root, "symlink"));
    /* A relative link is relative to where it is, and may go up inside. */
    MUST(sym(root, "../target/file", "target/up"));
    assert_string_equal(vt_content(root, "symlink/up"), "through");
    struct pa_file *target = vt_open(root, "target", DIRECTORY);
    FAILS(WASI_ENOTCAPABLE, vt_open_errno(target, "up", 0, true, false));
    vt_close(target);
    MUST(sym(root, "../../..", "target/out"));
    FAILS(WASI_ENOTCAPABLE, vt_open_errno(root, "target/out", 0, true, false));
    FAILS(WASI_ENOTCAPABLE, vt_stat_errno(root, "target/out/etc", false));
    MUST(root->ops->readlink(root, "symlink", text, sizeof text, &size));
    assert_int_equal(size, 6);
    assert_memory_equal(text, "target", 6);
    MUST(root->ops->readlink(root, "symlink", text, 4, &size));
    assert_int_equal(size, 4);
    MUST(root->ops->readlink(root, "symlink", text, 0, &size));
    assert_int_equal(size, 0);
    FAILS(WASI_EINVAL, root->ops->readlink(root, "target", text, 4, &size));
    FAILS(WASI_EINVAL, root->ops->readlink(root, "symlink/", text, 4, &size));
    MUST(rm(root, "target/out"));
    MUST(rm(root, "target/up"));
    MUST(rm(root, "target/file"));
    MUST(rm(root, "symlink"));
    MUST(rmd(root, "target"));
    /* Dangling */
    MUST(sym(root, "target", "symlink"));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", DIRECTORY, false, false));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", 0, false, false));
    FAILS(WASI_ENOENT, vt_open_errno(root, "symlink", 0, true, false));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", CREAT, false, true));
    FAILS(WASI_EEXIST, vt_open_errno(root, "symlink", CREAT | EXCL, true, true));
    MUST(vt_open_errno(root, "symlink", CREAT, true, true));
    assert_int_equal(vt_stat(root, "target", false).type, WASI_FILETYPE_REGULAR_FILE);
    FAILS(WASI_ENOTDIR, vt_open_errno(root, "symlink", DIRECTORY, true, false));
    MUST(rm(root, "target"));
    MUST(rm(root, "symlink"));
    /* A loop */
    MUST(sym(root, "symlink", "symlink"));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", 0, false, false));
    FAILS(WASI_ELOOP, vt_open_errno(root, "symlink", 0, true, false));
    FAILS(WASI_ELOOP, vt_stat_errno(root, "symlink/x", false));
    MUST(rm(root, "symlink"));
}

static void hard_links(struct pa_file *root) {
    vt_create(root, "file", "f");
    MUST(ln(root, "file", false, "link"));
    struct pa_stat one = vt_stat(root, "file", false), two = vt_stat(root, "link", false);
    assert_memory_equal(&one, &two, sizeof one);
    assert_int_equal(one.nlink, 2);
    FAILS(WASI_EEXIST, ln(root, "file", false, "link"));
    FAILS(WASI_EEXIST, ln(root, "file", false, "file"));
    MUST(rm(root, "link"));
    assert_int_equal(vt_stat(root, "file", false).nlink, 1);
    MUST(mk(root, "dir"));
    FAILS(WASI_EEXIST, ln(root, "file", false, "dir"));
    FAILS(WASI_EPERM, ln(root, "dir", false, "link"));
    FAILS(WASI_EPERM, ln(root, "dir/", false, "link"));
    FAILS(WASI_EPERM, ln(root, ".", false, "link"));
    FAILS(WASI_ENOENT, ln(root, "file", false, "link/"));
    FAILS(WASI_ENOTDIR, ln(root, "file/", false, "link"));
    FAILS(WASI_ENOENT, ln(root, "none", false, "link"));
    struct pa_file *dir = vt_open(root, "dir", DIRECTORY);
    MUST(root->ops->link(root, "file", false, dir, "link"));
    assert_string_equal(vt_content(dir, "link"), "f");
    vt_close(dir);
    /* Links to links, and to what they name */
    MUST(sym(root, "../file", "dir/sym"));
    MUST(sym(root, "dir/sym", "sym2"));
    MUST(ln(root, "sym2", true, "followed"));
    assert_int_equal(vt_stat(root, "followed", false).ino, one.ino);
    MUST(ln(root, "sym2", false, "itself"));
    assert_int_equal(vt_stat(root, "itself", false).type, WASI_FILETYPE_SYMBOLIC_LINK);
    FAILS(WASI_EEXIST, ln(root, "file", false, "sym2"));
    MUST(rm(root, "sym2"));
    MUST(rm(root, "itself"));
    MUST(rm(root, "followed"));
    MUST(rm(root, "dir/sym"));
    MUST(sym(root, "target", "symlink"));
    MUST(ln(root, "symlink", false, "link"));
    MUST(rm(root, "link"));
    FAILS(WASI_ENOENT, ln(root, "symlink", true, "link"));
    MUST(rm(root, "symlink"));
    MUST(sym(root, "symlink", "symlink"));
    MUST(ln(root, "symlink", false, "link"));
    FAILS(WASI_ELOOP, ln(root, "symlink", true, "link2"));
    MUST(rm(root, "symlink"));
    MUST(rm(root, "link"));
    MUST(sym(root, "../../x", "dir/out"));
    FAILS(WASI_ENOTCAPABLE, ln(root, "dir/out", true, "link"));
    MUST(rm(root, "dir/out"));
    MUST(rm(root, "dir/link"));
    MUST(rmd(root, "dir"));
    MUST(rm(root, "file"));
}

static void listing(struct pa_file *root) {
    MUST(mk(root, "d"));
    struct pa_file *dir = vt_open(root, "d", DIRECTORY);
    assert_string_equal(vt_list(dir, 0, 10, NULL), ". ..");
    vt_create(dir, "file", "x");
    assert_string_equal(vt_list(dir, 0, 10, NULL), ". .. file");
    uint64_t next;
    vt_list(dir, 0, 2, &next);
    assert_string_equal(vt_list(dir, next, 10, &next), "file");
    assert_string_equal(vt_list(dir, next, 10, NULL), "");
    assert_string_equal(vt_list(dir, 1, 1, NULL), "..");
    MUST(rm(dir, "file"));
    char name[32];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "file.%d", i);
        vt_create(dir, name, "");
    }
    assert_int_equal(vt_count(dir, 7), 302);
    assert_int_equal(vt_count(dir, 1000), 302);
    /* Removing all that was seen, while listing, as rmtree does */
    size_t seen = 0;
    uint64_t cookie = 2;
    for (;;) {
        const char *one = vt_list(dir, cookie, 1, &cookie);
        if (!*one)
            break;
        snprintf(name, sizeof name, "%s", one);
        MUST(rm(dir, name));
        seen++;
    }
    assert_int_equal(seen, 300);
    assert_string_equal(vt_list(dir, 0, 10, NULL), ". ..");
    /* Made-up cookies harm nothing. */
    struct listed nothing = {.max = 0};
    dir->ops->readdir(dir, UINT64_MAX, add_name, &nothing);
    dir->ops->readdir(dir, (uint64_t)INT64_MAX + 2, add_name, &nothing);
    dir->ops->readdir(dir, 123456789, add_name, &nothing);
    vt_close(dir);
    MUST(rmd(root, "d"));
}

static void missing_parents(struct pa_file *root) {
    FAILS(WASI_ENOENT, vt_open_errno(root, "none/", 0, false, false));
    FAILS(WASI_ENOENT, vt_open_errno(root, "none/x", CREAT, false, true));
    FAILS(WASI_ENOENT, mk(root, "none/x"));
    FAILS(WASI_ENOENT, sym(root, "t", "none/x"));
}

void vt_suite(struct pa_file *root) {
    interesting_paths(root);
    opening(root);
    reading_and_writing(root);
    sizes(root);
    appending(root);
    unlinking(root);
    renaming(root);
    symbolic_links(root);
    hard_links(root);
    listing(root);
    missing_parents(root);
    assert_string_equal(vt_list(root, 0, 10, NULL), ". ..");
}
