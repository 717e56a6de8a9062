/*
 * Quotas of volumes: the account is what is there, whatever was done; and it bounds two processes
 * together.
 */
#include "vfs_suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(call)          assert_int_equal((call), WASI_ESUCCESS)
#define FAILS(errnum, call) assert_int_equal((call), (errnum))
#define BYTES               20000
#define ENTRIES             12

struct fixture {
    struct pa_world world;
    struct pa_quota quota;
    char path[64];
    int account;
    struct pa_file *root;
};

static uint64_t now(void *context) {
    return 1;
}

static int setup(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof *f);
    struct pa_error err;
    f->world = (struct pa_world){.now_ns = now};
    snprintf(f->path, sizeof f->path, "/tmp/pa-quota-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->account = memfd_create("account", MFD_CLOEXEC);
    assert_int_equal(ftruncate(f->account, PA_QUOTA_ACCOUNT), 0);
    assert_int_equal(pa_quota_open(&f->quota, f->account, BYTES, ENTRIES, &err), 0);
    int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(pa_hostfs_open_root(&f->world, fd, true, &f->quota, &f->root));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char command[128];
    vt_close(f->root);
    pa_quota_close(&f->quota);
    close(f->account);
    snprintf(command, sizeof command, "rm -rf %s", f->path);
    int failed = system(command);
    free(f);
    return failed;
}

struct used {
    uint64_t bytes, entries;
};

static struct used account(const struct fixture *f) {
    struct used used;
    assert_int_equal(pread(f->account, &used, sizeof used, 0), sizeof used);
    return used;
}

/* What the host has there; a file of two names counts once for its bytes. */
static void count(const char *folder, struct used *used) {
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[4200];
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(lstat(path, &st), 0);
        used->entries++;
        if (S_ISREG(st.st_mode))
            used->bytes += st.st_nlink == 1 ? (uint64_t)st.st_size * 2 : (uint64_t)st.st_size;
        if (S_ISDIR(st.st_mode))
            count(path, used);
    }
    closedir(entries);
}

static void assert_account_is_true(const struct fixture *f) {
    struct used there = {0}, told = account(f);
    count(f->path, &there);
    assert_int_equal(told.entries, there.entries);
    assert_int_equal(told.bytes, there.bytes / 2);
    assert_true(told.bytes <= BYTES && told.entries <= ENTRIES);
}

static void *zeros(size_t size) {
    return pa_xcalloc(1, size);
}

static wasi_errno write_at(struct pa_file *file, uint64_t offset, size_t size) {
    void *bytes = zeros(size);
    struct iovec iov = {bytes, size};
    size_t put;
    wasi_errno errnum = file->ops->write(file, &iov, 1, offset, &put);
    free(bytes);
    return errnum;
}

static void test_bytes(void **state) {
    struct fixture *f = *state;
    struct pa_file *file = vt_open(f->root, "a", CREAT);
    MUST(write_at(file, 0, BYTES));
    FAILS(WASI_EDQUOT, write_at(file, BYTES, 1));
    MUST(write_at(file, 0, BYTES)); /* over what is there */
    MUST(file->ops->set_size(file, 100));
    assert_int_equal(account(f).bytes, 100);
    FAILS(WASI_EDQUOT, file->ops->set_size(file, BYTES + 1));
    FAILS(WASI_EDQUOT, file->ops->allocate(file, BYTES, 10));
    FAILS(WASI_EDQUOT, write_at(file, UINT32_MAX, 1)); /* a hole counts as what it shows */
    assert_account_is_true(f);
    vt_close(file);
    vt_close(vt_open(f->root, "a", TRUNC));
    assert_int_equal(account(f).bytes, 0);
    MUST(f->root->ops->unlink(f->root, "a"));
    assert_account_is_true(f);
}

static void test_entries(void **state) {
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(name, sizeof name, "d%d", i);
        MUST(f->root->ops->mkdir(f->root, name));
    }
    FAILS(WASI_EDQUOT, f->root->ops->mkdir(f->root, "more"));
    FAILS(WASI_EDQUOT, f->root->ops->symlink(f->root, "d0", "link"));
    FAILS(WASI_EDQUOT, vt_open_errno(f->root, "file", CREAT, true, true));
    FAILS(WASI_EEXIST, vt_open_errno(f->root, "d0", CREAT | EXCL, true, true));
    MUST(f->root->ops->rename(f->root, "d0", f->root, "d1")); /* in its place */
    MUST(f->root->ops->symlink(f->root, "d1", "link"));
    assert_account_is_true(f);
}

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void act(struct pa_file *root, uint32_t *random) {
    static const char *const paths[] = {"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "c"};
    const char *path = paths[next_random(random) % PA_ARRAY_LEN(paths)];
    const char *other = paths[next_random(random) % PA_ARRAY_LEN(paths)];
    struct pa_file *file;
    uint64_t size = next_random(random) % 8000;
    uint32_t what = next_random(random) % 12;
    if (what < 6) {
        if (vt_try_open(root, path, what & 1 ? CREAT : CREAT | TRUNC, true, true, &file))
            return;
        if (next_random(random) % 4 == 0)
            file->fdflags |= WASI_FDFLAG_APPEND;
        if (what < 4)
            write_at(file, next_random(random) % 2 ? PA_OFFSET_CURRENT : size / 2, size);
        else
            file->ops->set_size(file, size);
        vt_close(file);
    } else if (what == 6) {
        root->ops->mkdir(root, path);
    } else if (what == 7) {
        root->ops->rmdir(root, path);
    } else if (what == 8) {
        root->ops->unlink(root, path);
    } else if (what == 9) {
        root->ops->link(root, path, false, root, other);
    } else if (what == 10) {
        root->ops->symlink(root, "a", path);
    } else {
        root->ops->rename(root, path, root, other);
    }
}

static void test_random_acts(void **state) {
    struct fixture *f = *state;
    uint32_t random = 7;
    for (int i = 0; i < 6000; i++) {
        act(f->root, &random);
        if (i % 50 == 0)
            assert_account_is_true(f);
    }
    assert_account_is_true(f);
}

/* Two processes fill one volume at once; what both have is not past the quota. */
static void test_two_processes(void **state) {
    struct fixture *f = *state;
    pid_t children[2];
    for (int child = 0; child < 2; child++) {
        children[child] = fork();
        if (children[child] == 0) {
            char name[2] = {(char)('a' + child), 0};
            struct pa_file *file = vt_open(f->root, name, CREAT);
            uint64_t at = 0;
            while (write_at(file, at, 7) == WASI_ESUCCESS)
                at += 7;
            _exit(at > 0 ? 0 : 1);
        }
    }
    for (int child = 0; child < 2; child++) {
        int status;
        assert_int_equal(waitpid(children[child], &status, 0), children[child]);
        assert_int_equal(status, 0);
    }
    assert_account_is_true(f);
    assert_true(account(f).bytes > BYTES - 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_acts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_processes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
