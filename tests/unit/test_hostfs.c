/* Host directories: the common suite on a temporary directory, what the host may have put there,
 * read-only mounts, the deterministic view, forks, and memory compared with the kernel. */
#include "base/macros.h"
#include "vfs_suite.h"
#include "wasi/hostfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(call)          assert_int_equal((call), WASI_ESUCCESS)
#define FAILS(errnum, call) assert_int_equal((call), (errnum))
#define HOST(call)          assert_int_equal((call), 0)

struct fixture {
    struct pa_world world;
    char path[64];
    int fd;               /* the test's own view of the directory */
    struct pa_file *root; /* writable */
    size_t fds;
};

static uint64_t now(void *context) {
    return 1;
}

static size_t open_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static struct pa_file *mount(struct fixture *f, bool writable) {
    struct pa_file *root = NULL;
    int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    MUST(pa_hostfs_open_root(&f->world, fd, writable, NULL, &root));
    return root;
}

static int setup(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof *f);
    f->world = (struct pa_world){.now_ns = now};
    f->fds = open_fds();
    snprintf(f->path, sizeof f->path, "/tmp/pa-hostfs-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->root = mount(f, true);
    *state = f;
    return 0;
}

static int setup_deterministic(void **state) {
    setup(state);
    struct fixture *f = *state;
    vt_close(f->root);
    f->world.deterministic = true;
    f->root = mount(f, true);
    return 0;
}

/* Removes what a directory holds; subdirectories one level down. */
static void empty(int dir_fd) {
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (pa_streq(entry->d_name, ".") || pa_streq(entry->d_name, ".."))
            continue;
        if (unlinkat(dir_fd, entry->d_name, 0) == 0)
            continue;
        int below = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        empty(below);
        close(below);
        HOST(unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR));
    }
    closedir(dir);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    vt_close(f->root);
    empty(f->fd);
    close(f->fd);
    HOST(rmdir(f->path));
    assert_int_equal(open_fds(), f->fds);
    free(f);
    return 0;
}

static void host_file(struct fixture *f, const char *path, const char *text) {
    int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_suite(void **state) {
    struct fixture *f = *state;
    vt_suite(f->root);
}

static void test_root_must_be_directory(void **state) {
    struct fixture *f = *state;
    struct pa_file *root = NULL;
    host_file(f, "file", "");
    FAILS(WASI_ENOTDIR, pa_hostfs_open_root(&f->world, openat(f->fd, "file", O_RDONLY | O_CLOEXEC),
                                            true, NULL, &root));
    assert_null(root);
}

/* Links that the host made, and that lead out. */
static void test_escapes(void **state) {
    struct fixture *f = *state;
    HOST(symlinkat("/etc/passwd", f->fd, "absolute"));
    HOST(symlinkat("/proc/self/root", f->fd, "magic"));
    HOST(symlinkat("..", f->fd, "up"));
    HOST(symlinkat(f->path, f->fd, "self"));
    const char *const paths[] = {"absolute", "magic", "magic/etc", "up",
                                 "up/etc",   "self",  "self/x"};
    for (size_t i = 0; i < PA_ARRAY_LEN(paths); i++) {
        FAILS(WASI_ENOTCAPABLE, vt_open_errno(f->root, paths[i], 0, true, false));
        FAILS(WASI_ENOTCAPABLE, vt_open_errno(f->root, paths[i], CREAT, true, true));
        FAILS(WASI_ENOTCAPABLE, vt_stat_errno(f->root, paths[i], true));
        FAILS(WASI_ENOTCAPABLE, f->root->ops->link(f->root, paths[i], true, f->root, "new"));
        struct pa_times times = {.fst_flags = WASI_FST_MTIM};
        FAILS(WASI_ENOTCAPABLE, f->root->ops->path_set_times(f->root, paths[i], true, &times));
    }
    FAILS(WASI_ENOTCAPABLE, f->root->ops->mkdir(f->root, "up/new"));
    FAILS(WASI_ENOTCAPABLE, f->root->ops->unlink(f->root, "up/new"));
    FAILS(WASI_ENOTCAPABLE, f->root->ops->rmdir(f->root, "up/new"));
    FAILS(WASI_ENOTCAPABLE, f->root->ops->symlink(f->root, "x", "up/new"));
    FAILS(WASI_ENOTCAPABLE, f->root->ops->rename(f->root, "absolute", f->root, "up/new"));
    FAILS(WASI_ENOTCAPABLE, vt_open_errno(f->root, "/etc/passwd", 0, true, false));
    FAILS(WASI_ENOTCAPABLE, f->root->ops->mkdir(f->root, "/tmp/new"));
    /* The links themselves can be looked at and removed. */
    assert_int_equal(vt_stat(f->root, "absolute", false).type, WASI_FILETYPE_SYMBOLIC_LINK);
    MUST(f->root->ops->unlink(f->root, "absolute"));
    /* ".." of the root shows nothing of the host. */
    struct stat st;
    HOST(fstat(f->fd, &st));
    assert_int_equal(vt_stat(f->root, ".", true).ino, st.st_ino);
}

static bool find_dotdot(void *context, const struct pa_dirent *entry) {
    if (pa_streq(entry->name, ".."))
        *(uint64_t *)context = entry->ino;
    return true;
}

static void test_dotdot_inode(void **state) {
    struct fixture *f = *state;
    uint64_t ino = 0, own = vt_stat(f->root, ".", true).ino;
    MUST(f->root->ops->readdir(f->root, 0, find_dotdot, &ino));
    assert_int_equal(ino, own);
    MUST(f->root->ops->mkdir(f->root, "d"));
    struct pa_file *dir = vt_open(f->root, "d", DIRECTORY);
    MUST(dir->ops->readdir(dir, 0, find_dotdot, &ino));
    assert_int_equal(ino, own);
    vt_close(dir);
}

/* A FIFO would block and a socket is a way out: they are there, and cannot be opened. */
static void test_special_files(void **state) {
    struct fixture *f = *state;
    HOST(mkfifoat(f->fd, "fifo", 0666));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", f->path);
    int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HOST(bind(socket_fd, (struct sockaddr *)&address, sizeof address));
    HOST(symlinkat("fifo", f->fd, "link"));
    alarm(60); /* an open that blocks ends the test */
    const char *const paths[] = {"fifo", "socket", "link"};
    for (size_t i = 0; i < PA_ARRAY_LEN(paths); i++) {
        FAILS(WASI_ENOTCAPABLE, vt_open_errno(f->root, paths[i], 0, true, false));
        FAILS(WASI_ENOTCAPABLE, vt_open_errno(f->root, paths[i], 0, true, true));
        FAILS(WASI_ENOTCAPABLE, vt_open_errno(f->root, paths[i], CREAT | TRUNC, true, true));
        FAILS(WASI_ENOTDIR, vt_open_errno(f->root, paths[i], DIRECTORY, true, false));
    }
    alarm(0);
    assert_int_equal(vt_stat(f->root, "fifo", false).type, WASI_FILETYPE_UNKNOWN);
    assert_int_equal(vt_stat(f->root, "socket", false).type, WASI_FILETYPE_SOCKET_STREAM);
    MUST(f->root->ops->unlink(f->root, "fifo"));
    close(socket_fd);
}

static void test_modes(void **state) {
    struct fixture *f = *state;
    mode_t before = umask(022);
    vt_create(f->root, "file", "x");
    MUST(f->root->ops->mkdir(f->root, "dir"));
    umask(before);
    struct stat st;
    HOST(fstatat(f->fd, "file", &st, 0));
    assert_int_equal(st.st_mode & 07777, 0644);
    HOST(fstatat(f->fd, "dir", &st, 0));
    assert_int_equal(st.st_mode & 0777, 0755);
}

static void test_read_only(void **state) {
    struct fixture *f = *state;
    host_file(f, "file", "content");
    HOST(mkdirat(f->fd, "dir", 0755));
    HOST(symlinkat("file", f->fd, "link"));
    struct pa_file *ro = mount(f, false);
    const struct pa_file_ops *ops = ro->ops;
    struct pa_times times = {.fst_flags = WASI_FST_MTIM_NOW, .now_ns = 1};
    assert_string_equal(vt_content(ro, "link"), "content");
    MUST(vt_open_errno(ro, "file", CREAT, true, false)); /* it exists: nothing is created */
    FAILS(WASI_EEXIST, vt_open_errno(ro, "file", CREAT | EXCL, true, false));
    FAILS(WASI_EROFS, vt_open_errno(ro, "file", 0, true, true));
    FAILS(WASI_EROFS, vt_open_errno(ro, "link", TRUNC, true, false));
    FAILS(WASI_EROFS, vt_open_errno(ro, "new", CREAT, true, false));
    FAILS(WASI_ENOENT, vt_open_errno(ro, "none/new", CREAT, true, true));
    FAILS(WASI_ENOENT, vt_open_errno(ro, "new", 0, true, true));
    FAILS(WASI_EISDIR, vt_open_errno(ro, "dir", 0, true, true));
    FAILS(WASI_EROFS, ops->mkdir(ro, "new"));
    FAILS(WASI_EEXIST, ops->mkdir(ro, "dir"));
    FAILS(WASI_EROFS, ops->rmdir(ro, "dir"));
    FAILS(WASI_EROFS, ops->unlink(ro, "file"));
    FAILS(WASI_EROFS, ops->symlink(ro, "x", "new"));
    FAILS(WASI_EROFS, ops->link(ro, "file", false, ro, "new"));
    FAILS(WASI_EROFS, ops->rename(ro, "file", ro, "new"));
    FAILS(WASI_EROFS, ops->path_set_times(ro, "file", true, &times));
    FAILS(WASI_EROFS, ops->set_times(ro, &times));
    struct pa_file *file = NULL;
    MUST(vt_try_open(ro, "file", 0, true, false, &file));
    FAILS(WASI_EROFS, file->ops->set_times(file, &times));
    FAILS(WASI_EBADF, file->ops->set_size(file, 0));
    MUST(file->ops->sync(file, false));
    vt_close(file);
    /* Two mounts are two, even of the same directory. */
    FAILS(WASI_EXDEV, ops->rename(ro, "file", f->root, "new"));
    FAILS(WASI_EXDEV, ops->link(ro, "file", false, f->root, "new"));
    vt_close(ro);
}

static void test_times(void **state) {
    struct fixture *f = *state;
    vt_create(f->root, "file", "x");
    MUST(f->root->ops->symlink(f->root, "file", "link"));
    struct pa_stat file = vt_stat(f->root, "file", false), link = vt_stat(f->root, "link", false);
    struct pa_times times = {.fst_flags = WASI_FST_MTIM, .mtim_ns = link.mtim_ns - 200};
    MUST(f->root->ops->path_set_times(f->root, "link", false, &times));
    assert_int_equal(vt_stat(f->root, "link", false).mtim_ns, link.mtim_ns - 200);
    assert_int_equal(vt_stat(f->root, "file", false).mtim_ns, file.mtim_ns);
    assert_int_equal(vt_stat(f->root, "link", true).mtim_ns, file.mtim_ns);
    times.mtim_ns = 1234567890123;
    MUST(f->root->ops->path_set_times(f->root, "link", true, &times));
    assert_int_equal(vt_stat(f->root, "file", false).mtim_ns, 1234567890123);
    assert_int_equal(vt_stat(f->root, "file", false).atim_ns, file.atim_ns);
    struct pa_file *open = vt_open(f->root, "file", 0);
    times = (struct pa_times){
        .fst_flags = WASI_FST_ATIM_NOW | WASI_FST_MTIM, .mtim_ns = 7, .now_ns = 99};
    MUST(open->ops->set_times(open, &times));
    struct pa_stat stat;
    MUST(open->ops->stat(open, &stat));
    assert_int_equal(stat.atim_ns, 99);
    assert_int_equal(stat.mtim_ns, 7);
    vt_close(open);
    MUST(f->root->ops->path_set_times(f->root, ".", false, &times));
    assert_int_equal(vt_stat(f->root, ".", true).mtim_ns, 7);
}

/* Offsets, flags and listing positions are not shared with a forked copy of the process. */
static void test_fork(void **state) {
    struct fixture *f = *state;
    host_file(f, "a", "0123456789");
    host_file(f, "b", "");
    struct pa_file *file = vt_open(f->root, "a", 0);
    char digit = 0;
    struct iovec iov = {&digit, 1};
    size_t moved;
    uint64_t next;
    MUST(file->ops->read(file, &iov, 1, PA_OFFSET_CURRENT, &moved));
    vt_list(f->root, 0, 3, &next);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 5; i++)
            file->ops->read(file, &iov, 1, PA_OFFSET_CURRENT, &moved);
        file->ops->set_fdflags(file, WASI_FDFLAG_APPEND);
        bool ok = digit == '5' && vt_count(f->root, 1) == 4;
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    MUST(file->ops->read(file, &iov, 1, PA_OFFSET_CURRENT, &moved));
    assert_int_equal(digit, '1');
    assert_int_equal(file->fdflags, 0);
    assert_int_not_equal(strlen(vt_list(f->root, next, 10, NULL)), 0);
    vt_close(file);
}

struct forking {
    struct pa_file *dir;
    size_t count;
    bool forked;
};

static bool count_entry(void *context, const struct pa_dirent *entry) {
    struct forking *forking = context;
    forking->count++;
    return true;
}

/* At the first entry, a forked copy lists the same handle to its end. */
static bool fork_once(void *context, const struct pa_dirent *entry) {
    struct forking *forking = context;
    if (!forking->forked && forking->count == 3) {
        forking->forked = true;
        pid_t pid = fork();
        if (pid == 0) {
            forking->count = 0;
            forking->dir->ops->readdir(forking->dir, 1, count_entry, forking);
            _exit(forking->count == 501 ? 0 : 1);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
    }
    return count_entry(context, entry);
}

static void test_fork_while_listing(void **state) {
    struct fixture *f = *state;
    char name[128];
    for (int i = 0; i < 500; i++) { /* several buffers of entries */
        snprintf(name, sizeof name, "%0100d", i);
        host_file(f, name, "");
    }
    struct forking forking = {.dir = f->root};
    MUST(f->root->ops->readdir(f->root, 0, fork_once, &forking));
    assert_true(forking.forked);
    assert_int_equal(forking.count, 502);
}

static void test_numbers(void **state) {
    struct pa_world world = {.deterministic = true};
    struct hostfs_mount mount = {.world = &world};
    uint64_t number, again;
    hostfs_forget(&mount, 1, 1); /* nothing there yet */
    for (uint64_t i = 1; i <= 1000; i++) {
        MUST(hostfs_number(&mount, 1, i * 7, &number));
        assert_int_equal(number, i);
    }
    MUST(hostfs_number(&mount, 2, 7, &again)); /* the same inode of another device */
    assert_int_equal(again, 1001);
    MUST(hostfs_number(&mount, 1, 7, &again));
    assert_int_equal(again, 1);
    hostfs_forget(&mount, 1, 7);
    MUST(hostfs_number(&mount, 1, 7, &again));
    assert_int_equal(again, 1002);
    hostfs_numbers_free(mount.numbers);
    hostfs_numbers_free(NULL);
}

static bool add_ino(void *context, const struct pa_dirent *entry) {
    uint64_t **at = context;
    *(*at)++ = entry->ino;
    return true;
}

/* Two directories with the same names, made in another order, look the same. */
static void test_deterministic(void **state) {
    struct fixture *f = *state;
    const char *const names[] = {"b", "a", "c", "Z", "d"};
    HOST(mkdirat(f->fd, "one", 0755));
    HOST(mkdirat(f->fd, "two", 0700));
    char path[32];
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "one/%s", names[i]);
        host_file(f, path, "x");
        snprintf(path, sizeof path, "two/%s", names[4 - i]);
        host_file(f, path, "x");
    }
    uint64_t inos[2][7];
    for (int i = 0; i < 2; i++) {
        char host[96];
        snprintf(host, sizeof host, "%s/%s", f->path, i ? "two" : "one");
        struct pa_world world = {.now_ns = now, .deterministic = true};
        struct pa_file *root = NULL;
        MUST(pa_hostfs_open_root(&world, open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC), true, NULL,
                                 &root));
        assert_string_equal(vt_list(root, 0, 10, NULL), ". .. Z a b c d");
        uint64_t *at = inos[i], next;
        MUST(root->ops->readdir(root, 0, add_ino, &at));
        struct pa_stat stat = vt_stat(root, "b", false);
        assert_int_equal(stat.ino, inos[i][4]); /* d_ino is st_ino */
        assert_int_equal(stat.mtim_ns | stat.atim_ns | stat.ctim_ns, 0);
        assert_int_equal(stat.size, 1);
        stat = vt_stat(root, ".", false);
        assert_int_equal(stat.ino, inos[i][0]);
        assert_int_equal(inos[i][0], inos[i][1]);
        assert_int_equal(stat.size, 0);
        assert_int_equal(stat.nlink, 1);
        /* Index cookies into the listing that began at 0 */
        vt_list(root, 0, 4, &next);
        MUST(root->ops->unlink(root, "Z"));
        vt_create(root, "0", "");
        assert_string_equal(vt_list(root, next, 10, NULL), "b c d");
        assert_string_equal(vt_list(root, 0, 10, NULL), ". .. 0 a b c d");
        /* The same file by two names; another file although the host may use its inode again */
        MUST(root->ops->link(root, "a", false, root, "a2"));
        assert_int_equal(vt_stat(root, "a", false).ino, vt_stat(root, "a2", false).ino);
        struct pa_file *file = vt_open(root, "b", 0);
        uint64_t before = vt_stat(root, "b", false).ino;
        MUST(root->ops->unlink(root, "b"));
        vt_create(root, "b", "");
        assert_int_not_equal(vt_stat(root, "b", false).ino, before);
        MUST(file->ops->stat(file, &stat));
        assert_int_equal(stat.ino, before);
        vt_close(file);
        before = vt_stat(root, "b", false).ino;
        MUST(root->ops->rename(root, "c", root, "b"));
        vt_create(root, "c", "");
        assert_int_not_equal(vt_stat(root, "c", false).ino, before);
        vt_close(root);
    }
    assert_memory_equal(inos[0], inos[1], sizeof inos[0]);
}

/* Without memory for sorting them, entries are refused rather than shown in the disk's order. */
static void test_deterministic_too_many(void **state) {
    struct fixture *f = *state;
    char name[32];
    uint64_t ino;
    HOST(mkdirat(f->fd, "many", 0755));
    int many = openat(f->fd, "many", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char first[32] = "";
    for (int i = 0; i < 65536;
         i++) { /* hard links, the cheapest entries; ext4 allows 65000 a file */
        snprintf(name, sizeof name, "many/%d", i);
        if (i % 30000 == 0) {
            host_file(f, name, "");
            snprintf(first, sizeof first, "%d", i);
        } else {
            HOST(linkat(many, first, many, name + strlen("many/"), 0));
        }
    }
    struct pa_file *dir = vt_open(f->root, "many", DIRECTORY);
    MUST(dir->ops->readdir(dir, 0, find_dotdot, &ino));
    host_file(f, "many/last", "");
    FAILS(WASI_EOVERFLOW, dir->ops->readdir(dir, 0, find_dotdot, &ino));
    vt_close(dir);
    close(many);
}

/* Random operations on random paths: memory and the host's kernel give the same answers. */
static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void random_path(uint32_t *random, char *out, size_t room) {
    static const char *const parts[] = {"a", "b", "c", "d", ".", "..", "a", "b"};
    size_t used = 0;
    out[0] = 0;
    for (uint32_t i = 0, count = 1 + next_random(random) % 4; i < count; i++)
        used += (size_t)snprintf(out + used, room - used, "%s%s", i ? "/" : "",
                                 parts[next_random(random) % PA_ARRAY_LEN(parts)]);
    if (next_random(random) % 6 == 0)
        snprintf(out + used, room - used, "/");
}

static wasi_errno act(struct pa_file *root, uint32_t what, const char *path, const char *other) {
    const struct pa_file_ops *ops = root->ops;
    char out[32];
    size_t size;
    uint32_t oflags = what >> 4 & 15;
    bool follow = what & 256;
    switch (what & 15) {
    case 0:
    case 1:
    case 2:
        return vt_open_errno(root, path, oflags, follow, what & 512);
    case 3:
    case 4:
        return ops->mkdir(root, path);
    case 5:
        return ops->rmdir(root, path);
    case 6:
    case 7:
        return ops->unlink(root, path);
    case 8:
    case 9:
        return ops->symlink(root, other, path);
    case 10:
        return ops->readlink(root, path, out, sizeof out, &size);
    case 11:
        return ops->link(root, path, follow, root, other);
    case 12:
    case 13:
        return ops->rename(root, path, root, other);
    default:
        return vt_stat_errno(root, path, follow);
    }
}

static void test_same_as_memory(void **state) {
    struct fixture *f = *state;
    struct pa_world world = {.now_ns = now, .files_bytes = 1 << 20, .files_count = 100000};
    struct pa_memfs *fs = pa_memfs_new(&world);
    struct pa_file *memory = NULL;
    MUST(pa_memfs_open_root(fs, &memory));
    uint32_t random = 1;
    char path[64], other[64];
    for (int i = 0; i < 30000; i++) {
        uint32_t what = next_random(&random);
        random_path(&random, path, sizeof path);
        random_path(&random, other, sizeof other);
        wasi_errno on_host = act(f->root, what, path, other);
        wasi_errno in_memory = act(memory, what, path, other);
        if (on_host != in_memory)
            fail_msg("step %d, what %u: \"%s\", \"%s\": host %u, memory %u", i, what & 1023, path,
                     other, on_host, in_memory);
    }
    vt_close(memory);
    pa_memfs_free(fs);
    assert_int_equal(world.files_count_used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_suite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_must_be_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dotdot_inode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_special_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fork, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fork_while_listing, setup, teardown),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test_setup_teardown(test_same_as_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suite, setup_deterministic, teardown),
        cmocka_unit_test_setup_teardown(test_deterministic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deterministic_too_many, setup_deterministic, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
