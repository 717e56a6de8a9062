/* Descriptors, rights, paths and bytes, over the in-memory file system and a host directory. */
#include "wasi_guest.h"

#include "base/macros.h"
#include "wasi/host.h"
#include <ftw.h>
#include <unistd.h>

static struct pa_policy policy;

static int setup(void **state) {
    pa_policy_init(&policy);
    *state = guest_new(&policy, NULL, 0);
    return 0;
}

static int teardown(void **state) {
    guest_free(*state);
    pa_policy_done(&policy);
    return 0;
}

static uint32_t write_text(struct guest *guest, uint32_t fd, const char *text) {
    guest_text(guest, DATA, text);
    return CALL(guest, fd_write, fd, BUFFER(guest, DATA, (uint32_t)strlen(text)), RESULT);
}

static uint64_t rights_of(struct guest *guest, uint32_t fd) {
    assert_int_equal(CALL(guest, fd_fdstat_get, fd, RESULT), 0);
    return guest_u64(guest, RESULT + 8);
}

static uint32_t open_with(struct guest *guest, uint32_t dir, const char *path, uint32_t oflags,
                          uint64_t base, uint64_t inheriting) {
    return CALL(guest, path_open, dir, 0, PATH(guest, path), oflags, base, inheriting, 0, RESULT);
}

static void test_write_seek_read(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    uint32_t fd = guest_open(guest, tmp, "file", WASI_O_CREAT);
    assert_int_equal(write_text(guest, fd, "hello, world"), 0);
    assert_int_equal(guest_u32(guest, RESULT), 12);
    assert_int_equal(CALL(guest, fd_tell, fd, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), 12);
    assert_int_equal(CALL(guest, fd_seek, fd, (uint64_t)-5, WASI_WHENCE_CUR, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), 7);
    assert_int_equal(CALL(guest, fd_read, fd, BUFFER(guest, DATA + 100, 50), RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 5);
    assert_memory_equal(guest->memory.base + DATA + 100, "world", 5);
    assert_int_equal(CALL(guest, fd_pread, fd, BUFFER(guest, DATA, 5), 0, RESULT), 0);
    assert_memory_equal(guest->memory.base + DATA, "hello", 5);
    assert_int_equal(CALL(guest, fd_pread, fd, BUFFER(guest, DATA, 5), UINT64_MAX, RESULT),
                     WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_seek, fd, 0, 3, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_filestat_get, fd, RESULT), 0);
    assert_int_equal(guest->memory.base[RESULT + 16], WASI_FILETYPE_REGULAR_FILE);
    assert_int_equal(guest_u64(guest, RESULT + 32), 12);
    assert_int_equal(CALL(guest, fd_filestat_set_size, fd, 3), 0);
    assert_int_equal(CALL(guest, fd_allocate, fd, 0, 40), 0);
    assert_int_equal(CALL(guest, path_filestat_get, tmp, 0, PATH(guest, "file"), RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT + 32), 40);
    assert_int_equal(CALL(guest, fd_close, fd), 0);
    assert_int_equal(CALL(guest, fd_close, fd), WASI_EBADF);
}

/* Bad pointers are EFAULT, and a call that fails has done nothing. */
static void test_bad_pointers(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    uint32_t fd = guest_open(guest, tmp, "file", WASI_O_CREAT);
    uint32_t end = GUEST_MEMORY;
    assert_int_equal(CALL(guest, fd_write, fd, BUFFER(guest, end - 4, 5), RESULT), WASI_EFAULT);
    assert_int_equal(CALL(guest, fd_write, fd, BUFFER(guest, DATA, 5), end - 3), WASI_EFAULT);
    assert_int_equal(CALL(guest, fd_write, fd, end - 7, 1, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(guest, fd_write, fd, IOVEC, 1025, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_filestat_get, fd, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT + 32), 0);
    assert_int_equal(CALL(guest, fd_filestat_get, fd, end - 63), WASI_EFAULT);
    assert_int_equal(CALL(guest, fd_fdstat_get, fd, end - 23), WASI_EFAULT);
    assert_int_equal(CALL(guest, fd_readdir, tmp, end - 10, 11, 0, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(guest, path_open, tmp, 0, end, 1, 0, 0, 0, 0, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(guest, path_open, tmp, 0, PATH(guest, "new"), WASI_O_CREAT, 0, 0, 0, end),
                     WASI_EFAULT);
    assert_int_equal(CALL(guest, path_filestat_get, tmp, 0, PATH(guest, "new"), RESULT),
                     WASI_ENOENT);
    assert_int_equal(open_with(guest, tmp, "next", WASI_O_CREAT, 0, 0), 0);
    assert_int_equal(guest_u32(guest, RESULT), fd + 1);
}

static void test_rights_of_streams(void **state) {
    struct guest *guest = *state;
    for (uint32_t fd = 0; fd < 3; fd++) {
        uint64_t rights = rights_of(guest, fd);
        assert_int_equal(guest->memory.base[RESULT], WASI_FILETYPE_UNKNOWN);
        assert_int_equal(!!(rights & WASI_RIGHT_FD_READ), fd == 0);
        assert_int_equal(!!(rights & WASI_RIGHT_FD_WRITE), fd != 0);
        assert_int_equal(CALL(guest, fd_seek, fd, 0, WASI_WHENCE_CUR, RESULT), WASI_ESPIPE);
        assert_int_equal(CALL(guest, fd_pread, fd, IOVEC, 0, 0, RESULT), WASI_ESPIPE);
        assert_int_equal(CALL(guest, path_open, fd, 0, PATH(guest, "x"), 0, 0, 0, 0, RESULT),
                         WASI_ENOTDIR);
        assert_int_equal(CALL(guest, sock_shutdown, fd, 1), WASI_ENOTSOCK);
    }
    assert_int_equal(CALL(guest, fd_write, 0, BUFFER(guest, DATA, 1), RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_read, 1, BUFFER(guest, DATA, 1), RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, sock_recv, 99, IOVEC, 0, 0, RESULT, RESULT), WASI_EBADF);
}

/* A directory: what bytes do is EBADF, whatever the rights. */
static void test_directory_is_no_file(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    assert_int_equal(CALL(guest, fd_read, tmp, BUFFER(guest, DATA, 1), RESULT), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_pwrite, tmp, BUFFER(guest, DATA, 1), 0, RESULT), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_seek, tmp, 0, WASI_WHENCE_CUR, RESULT), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_tell, tmp, RESULT), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_allocate, tmp, 0, 1), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_filestat_set_size, tmp, 0), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_advise, tmp, 0, 0, 0), WASI_EBADF);
    assert_int_equal(CALL(guest, sock_shutdown, tmp, 0), WASI_EBADF);
    uint32_t fd = guest_open(guest, tmp, "file", WASI_O_CREAT);
    assert_int_equal(CALL(guest, fd_readdir, fd, DATA, 100, 0, RESULT), WASI_ENOTDIR);
    assert_int_equal(CALL(guest, fd_advise, fd, 0, 0, 5), 0);
    assert_int_equal(CALL(guest, fd_advise, fd, 0, 0, 6), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_sync, tmp), 0);
}

static void test_rights_narrow(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    uint64_t read = WASI_RIGHT_FD_READ, write = WASI_RIGHT_FD_WRITE, tell = WASI_RIGHT_FD_TELL;
    assert_int_equal(open_with(guest, tmp, "file", WASI_O_CREAT, read | write | tell, 0), 0);
    uint32_t fd = guest_u32(guest, RESULT);
    assert_int_equal(rights_of(guest, fd), read | write | tell);
    assert_int_equal(CALL(guest, fd_sync, fd), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_seek, fd, 0, WASI_WHENCE_CUR, RESULT), 0); /* only a tell */
    assert_int_equal(CALL(guest, fd_seek, fd, 1, WASI_WHENCE_CUR, RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_pread, fd, BUFFER(guest, DATA, 1), 0, RESULT),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_fdstat_set_rights, fd, tell, 0), 0);
    assert_int_equal(write_text(guest, fd, "x"), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_read, fd, BUFFER(guest, DATA, 1), RESULT), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_fdstat_set_rights, fd, tell | read, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, fd_fdstat_set_rights, fd, tell, 1), WASI_ENOTCAPABLE);
}

/* What a directory may hand on bounds what is opened below it. */
static void test_rights_inherit(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    assert_int_equal(CALL(guest, path_create_directory, tmp, PATH(guest, "dir")), 0);
    uint64_t base = WASI_RIGHT_PATH_OPEN | WASI_RIGHT_FD_READ;
    assert_int_equal(open_with(guest, tmp, "dir", WASI_O_DIRECTORY, base, WASI_RIGHT_FD_READ), 0);
    uint32_t dir = guest_u32(guest, RESULT);
    assert_int_equal(rights_of(guest, dir), WASI_RIGHT_PATH_OPEN); /* a directory has no FD_READ */
    assert_int_equal(guest_u64(guest, RESULT + 16), WASI_RIGHT_FD_READ);
    assert_int_equal(open_with(guest, dir, "x", WASI_O_CREAT, 0, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(guest, path_unlink_file, dir, PATH(guest, "x")), WASI_ENOTCAPABLE);
    CALL(guest, fd_close, guest_open(guest, tmp, "dir/x", WASI_O_CREAT));
    assert_int_equal(open_with(guest, dir, "x", WASI_O_TRUNC, 0, 0), WASI_ENOTCAPABLE);
    assert_int_equal(open_with(guest, dir, "x", 0, UINT64_MAX, UINT64_MAX), 0);
    uint32_t fd = guest_u32(guest, RESULT);
    assert_int_equal(rights_of(guest, fd), WASI_RIGHT_FD_READ);
    assert_int_equal(write_text(guest, fd, "x"), WASI_ENOTCAPABLE);
    /* Not opened for writing: what POSIX says, which programs know. */
    assert_int_equal(CALL(guest, fd_filestat_set_size, fd, 0), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_allocate, fd, 0, 1), WASI_EBADF);
}

static void test_path_forms(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    assert_int_equal(open_with(guest, tmp, "/etc/passwd", 0, 0, 0), WASI_ENOTCAPABLE);
    assert_int_equal(open_with(guest, tmp, "../etc", 0, 0, 0), WASI_ENOTCAPABLE);
    assert_int_equal(open_with(guest, tmp, "", 0, 0, 0), WASI_ENOENT);
    assert_int_equal(open_with(guest, tmp, "caf\xe9", 0, 0, 0), WASI_EILSEQ);
    assert_int_equal(CALL(guest, path_open, tmp, 2, PATH(guest, "x"), 0, 0, 0, 0, RESULT),
                     WASI_EINVAL);
    assert_int_equal(open_with(guest, tmp, "x", 16, 0, 0), WASI_EINVAL);
    assert_int_equal(CALL(guest, path_open, tmp, 0, PATH(guest, "x"), 1, 0, 0, 32, RESULT),
                     WASI_EINVAL);
    assert_int_equal(CALL(guest, path_symlink, PATH(guest, "/"), tmp, PATH2(guest, "link")),
                     WASI_ENOTCAPABLE);
}

static void test_links_and_names(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp"), work = guest_preopen(guest, "/workspace");
    CALL(guest, fd_close, guest_open(guest, tmp, "a", WASI_O_CREAT));
    assert_int_equal(CALL(guest, path_link, tmp, 0, PATH(guest, "a"), tmp, PATH2(guest, "b")), 0);
    assert_int_equal(CALL(guest, path_symlink, PATH(guest, "a"), tmp, PATH2(guest, "link")), 0);
    memset(guest->memory.base + DATA, '-', 8);
    assert_int_equal(CALL(guest, path_readlink, tmp, PATH(guest, "link"), DATA, 8, RESULT), 0);
    assert_memory_equal(guest->memory.base + DATA, "a-------", 8);
    assert_int_equal(CALL(guest, path_readlink, tmp, PATH(guest, "link"), DATA, 0, RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 0);
    assert_int_equal(CALL(guest, path_readlink, tmp, PATH(guest, "a"), DATA, 0, RESULT),
                     WASI_EINVAL);
    assert_int_equal(CALL(guest, path_rename, tmp, PATH(guest, "b"), tmp, PATH2(guest, "c")), 0);
    assert_int_equal(CALL(guest, path_rename, tmp, PATH(guest, "c"), work, PATH2(guest, "c")),
                     WASI_EXDEV);
    uint32_t dev = guest_preopen(guest, "/dev");
    assert_int_equal(CALL(guest, path_rename, tmp, PATH(guest, "c"), dev, PATH2(guest, "c")),
                     WASI_EXDEV);
    assert_int_equal(CALL(guest, path_unlink_file, tmp, PATH(guest, "c")), 0);
    assert_int_equal(CALL(guest, path_unlink_file, tmp, PATH(guest, "c")), WASI_ENOENT);
    assert_int_equal(CALL(guest, path_remove_directory, tmp, PATH(guest, "a")), WASI_ENOTDIR);
}

static void test_times(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    uint32_t fd = guest_open(guest, tmp, "f", WASI_O_CREAT);
    assert_int_equal(CALL(guest, fd_filestat_set_times, fd, 11, 22, 5), 0);
    assert_int_equal(CALL(guest, fd_filestat_set_times, fd, 1, 2, 3), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_filestat_set_times, fd, 1, 2, 12), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_filestat_set_times, fd, 1, 2, 16), WASI_EINVAL);
    assert_int_equal(CALL(guest, fd_filestat_get, fd, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT + 40), 11);
    assert_int_equal(guest_u64(guest, RESULT + 48), 22);
    assert_int_equal(
        CALL(guest, path_filestat_set_times, tmp, 0, PATH(guest, "f"), 0, 77, WASI_FST_MTIM), 0);
    assert_int_equal(CALL(guest, fd_filestat_get, fd, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT + 48), 77);
}

/* Reads a directory with buffers of `room` bytes as a guest does, and counts whole entries. */
static unsigned count_entries(struct guest *guest, uint32_t dir, uint32_t room) {
    unsigned count = 0;
    uint64_t cookie = 0;
    for (;;) {
        assert_int_equal(CALL(guest, fd_readdir, dir, DATA, room, cookie, RESULT), 0);
        uint32_t used = guest_u32(guest, RESULT), at = 0;
        assert_true(used <= room);
        while (used - at >= 24 && used - at >= 24 + guest_u32(guest, DATA + at + 16)) {
            cookie = guest_u64(guest, DATA + at);
            at += 24 + guest_u32(guest, DATA + at + 16);
            count++;
        }
        if (used < room)
            return count;
        assert_true(at > 0);
    }
}

static void test_readdir(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "file-%d-%.*s", i, i % 20, "abcdefghijklmnopqrst");
        CALL(guest, fd_close, guest_open(guest, tmp, name, WASI_O_CREAT));
    }
    for (uint32_t room = 64; room < 400; room += 13)
        assert_int_equal(count_entries(guest, tmp, room), 52);
    assert_int_equal(CALL(guest, fd_readdir, tmp, DATA, 0, 0, RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 0);
    assert_int_equal(count_entries(guest, guest_preopen(guest, "/"), 4096), 5);
}

static void test_renumber(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    uint32_t a = guest_open(guest, tmp, "a", WASI_O_CREAT);
    uint32_t b = guest_open(guest, tmp, "b", WASI_O_CREAT);
    assert_int_equal(CALL(guest, fd_renumber, 1, a), 0);
    assert_int_equal(write_text(guest, a, "to stdout"), 0);
    assert_string_equal(guest->out, "to stdout");
    assert_int_equal(CALL(guest, fd_fdstat_get, 1, RESULT), WASI_EBADF);
    assert_int_equal(CALL(guest, fd_renumber, b, 1), WASI_EBADF);
    uint32_t c = guest_open(guest, tmp, "c", WASI_O_CREAT);
    assert_int_equal(c, 1);
    assert_int_equal(CALL(guest, fd_renumber, tmp, 1), 0);
    assert_int_equal(CALL(guest, fd_prestat_get, 1, RESULT), 0); /* still a preopen */
}

static void test_descriptor_limit(void **state) {
    struct guest *guest = *state;
    struct pa_error err;
    policy.limits.open_files = 16;
    struct pa_wasi_config config = guest_config(guest, &policy);
    assert_int_equal(pa_wasi_rearm(guest->wasi, &config, &err), 0);
    uint32_t tmp = guest_preopen(guest, "/tmp"), opened = 0;
    while (open_with(guest, tmp, ".", 0, 0, 0) == 0)
        opened++;
    assert_int_equal(opened, 16 - 3 - 4);
    assert_true(pa_wasi_state(guest->wasi)->fds_limit_hit);
    assert_int_equal(open_with(guest, tmp, ".", 0, 0, 0), WASI_EMFILE);
    assert_int_equal(CALL(guest, fd_close, 8), 0);
    assert_int_equal(open_with(guest, tmp, ".", 0, 0, 0), 0);
    assert_int_equal(guest_u32(guest, RESULT), 8);
}

static void test_devices(void **state) {
    struct guest *guest = *state;
    uint32_t root = guest_preopen(guest, "/");
    uint32_t out = guest_open(guest, root, "dev/stdout", 0);
    assert_int_equal(write_text(guest, out, "one "), 0);
    assert_int_equal(write_text(guest, 1, "two"), 0);
    assert_string_equal(guest->out, "one two");
    guest->in = "input";
    uint32_t in = guest_open(guest, root, "dev/stdin", 0);
    assert_int_equal(CALL(guest, fd_read, in, BUFFER(guest, DATA, 3), RESULT), 0);
    assert_int_equal(CALL(guest, fd_read, 0, BUFFER(guest, DATA + 3, 100), RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 2);
    assert_memory_equal(guest->memory.base + DATA, "input", 5);
    uint32_t random = guest_open(guest, root, "dev/urandom", 0);
    memset(guest->memory.base + DATA, 0, 64);
    assert_int_equal(CALL(guest, fd_read, random, BUFFER(guest, DATA, 64), RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 64);
    assert_memory_not_equal(guest->memory.base + DATA, (char[64]){0}, 64);
    /* None of them is a terminal: those have the type and no right to seek. */
    for (uint32_t fd = out; fd <= random; fd++) {
        uint64_t rights = rights_of(guest, fd);
        assert_false(guest->memory.base[RESULT] == WASI_FILETYPE_CHARACTER_DEVICE &&
                     !(rights & (WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL)));
    }
}

/* Short buffers of one write reach the host as one. */
static void test_stdout(void **state) {
    struct guest *guest = *state;
    guest_text(guest, DATA, "hello\n");
    for (uint32_t i = 0; i < 3; i++) {
        guest_put_u32(guest, IOVEC + i * 8, DATA + i * 2);
        guest_put_u32(guest, IOVEC + i * 8 + 4, 2);
    }
    assert_int_equal(CALL(guest, fd_write, 1, IOVEC, 3, RESULT), 0);
    assert_string_equal(guest->out, "hello\n");
    assert_int_equal(guest->out_writes, 1);
    guest_put_u32(guest, IOVEC + 4, 20000);
    assert_int_equal(CALL(guest, fd_write, 1, IOVEC, 3, RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 20004);
    assert_int_equal(CALL(guest, fd_write, 1, 0, 0, RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 0);
    guest->out_closed = true;
    assert_int_equal(write_text(guest, 1, "x"), WASI_EPIPE);
    guest->in = NULL;
    guest->in_ready = false;
    assert_int_equal(CALL(guest, fd_fdstat_set_flags, 0, WASI_FDFLAG_NONBLOCK), 0);
    assert_int_equal(CALL(guest, fd_read, 0, BUFFER(guest, DATA, 3), RESULT), WASI_EAGAIN);
    assert_int_equal(CALL(guest, fd_fdstat_set_flags, 0, 64), WASI_EINVAL);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    return remove(path);
}

static void test_host_mounts(void **state) {
    char place[] = "/tmp/pa-wasi-XXXXXX";
    assert_non_null(mkdtemp(place));
    struct pa_policy own;
    pa_policy_init(&own);
    const struct guest_mount mounts[] = {{place, "/data", true}, {place, "relative", false}};
    struct guest *guest = guest_new(&own, mounts, 2);
    assert_int_equal(guest_preopen(guest, "/data"), 3);
    assert_int_equal(guest_preopen(guest, "relative"), 4);
    uint32_t fd = guest_open(guest, guest_preopen(guest, "/"), "data/file", WASI_O_CREAT);
    assert_int_equal(write_text(guest, fd, "on disk"), 0);
    assert_int_equal(open_with(guest, 4, "file", 0, WASI_RIGHT_FD_WRITE, 0), WASI_EROFS);
    assert_int_equal(open_with(guest, 4, "file", 0, WASI_RIGHT_FD_READ, 0), 0);
    fd = guest_u32(guest, RESULT);
    assert_int_equal(CALL(guest, fd_read, fd, BUFFER(guest, DATA, 100), RESULT), 0);
    assert_memory_equal(guest->memory.base + DATA, "on disk", 7);
    guest_free(guest);
    pa_policy_done(&own);
    nftw(place, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_write_seek_read),
        T(test_bad_pointers),
        T(test_rights_of_streams),
        T(test_directory_is_no_file),
        T(test_rights_narrow),
        T(test_rights_inherit),
        T(test_path_forms),
        T(test_links_and_names),
        T(test_times),
        T(test_readdir),
        T(test_renumber),
        T(test_descriptor_limit),
        T(test_devices),
        T(test_stdout),
        cmocka_unit_test(test_host_mounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
