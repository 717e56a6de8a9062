/* The parts below the calls: bounds, buffers, paths, UTF-8, and the descriptor table. */
#include "test.h"

#include "base/macros.h"
#include "wasi/fdtable.h"
#include "wasi/memory.h"

static uint8_t bytes[256];
static const struct pa_guest_memory memory = {bytes, sizeof bytes};

static void test_bounds(void **state) {
    uint8_t *at;
    assert_true(wasi_span(&memory, 0, 256, &at));
    assert_ptr_equal(at, bytes);
    assert_true(wasi_span(&memory, 255, 1, &at));
    assert_ptr_equal(at, bytes + 255);
    assert_false(wasi_span(&memory, 255, 2, &at));
    assert_false(wasi_span(&memory, 256, 1, &at));
    assert_false(wasi_span(&memory, UINT32_MAX, UINT32_MAX, &at));
    assert_false(wasi_span(&memory, 1, UINT64_MAX, &at));
    assert_true(wasi_span(&memory, UINT32_MAX, 0, &at));
    struct pa_guest_memory none = {0};
    assert_true(wasi_span(&none, 7, 0, &at));
    assert_false(wasi_span(&none, 0, 1, &at));
    assert_int_equal(wasi_store_u32(&memory, 253, 1), WASI_EFAULT);
    assert_int_equal(wasi_store_u64(&memory, 248, UINT64_C(0x1122334455667788)), 0);
    assert_int_equal(bytes[248], 0x88);
    assert_int_equal(wasi_get_u64(bytes + 248), UINT64_C(0x1122334455667788));
    assert_int_equal(wasi_get_u16(bytes + 249), 0x6677);
}

static void put_iovec(uint32_t index, uint32_t address, uint32_t size) {
    wasi_put_u32(bytes + index * 8, address);
    wasi_put_u32(bytes + index * 8 + 4, size);
}

static void test_iovecs(void **state) {
    struct iovec iov[WASI_IOVECS_MAX];
    put_iovec(0, 100, 10);
    put_iovec(1, 105, 10); /* overlapping is fine */
    put_iovec(2, UINT32_MAX, 0);
    assert_int_equal(wasi_read_iovecs(&memory, 0, 3, iov), 0);
    assert_ptr_equal(iov[1].iov_base, bytes + 105);
    assert_int_equal(iov[1].iov_len, 10);
    assert_int_equal(iov[2].iov_len, 0);
    assert_int_equal(wasi_read_iovecs(&memory, 0, 0, iov), 0);
    put_iovec(1, 250, 7);
    assert_int_equal(wasi_read_iovecs(&memory, 0, 3, iov), WASI_EFAULT);
    assert_int_equal(wasi_read_iovecs(&memory, 0, 33, iov), WASI_EFAULT);
    assert_int_equal(wasi_read_iovecs(&memory, 252, 1, iov), WASI_EFAULT);
    assert_int_equal(wasi_read_iovecs(&memory, 0, WASI_IOVECS_MAX + 1, iov), WASI_EINVAL);
}

/* Buffers that overlap may ask for more than a result can count. */
static void test_iovecs_total(void **state) {
    struct pa_guest_memory big = {pa_xcalloc(1, 1 << 23), 1 << 23};
    struct iovec iov[WASI_IOVECS_MAX];
    for (uint32_t i = 0; i < 1024; i++) {
        wasi_put_u32(big.base + i * 8, 0);
        wasi_put_u32(big.base + i * 8 + 4, 1 << 23);
    }
    assert_int_equal(wasi_read_iovecs(&big, 0, 511, iov), 0);
    assert_int_equal(wasi_read_iovecs(&big, 0, 512, iov), WASI_EINVAL);
    free(big.base);
}

static wasi_errno read_path(const char *text, size_t size) {
    static uint8_t room[8192];
    char path[PA_PATH_MAX];
    memcpy(room, text, size);
    struct pa_guest_memory guest = {room, sizeof room};
    wasi_errno errnum = wasi_read_path(&guest, 0, (uint32_t)size, path);
    if (!errnum)
        assert_string_equal(path, text);
    return errnum;
}

static void test_paths(void **state) {
    char path[PA_PATH_MAX], longest[PA_PATH_MAX + 1] = {0};
    assert_int_equal(read_path("a/b", 3), 0);
    assert_int_equal(read_path("", 0), WASI_ENOENT);
    assert_int_equal(read_path("/a", 2), WASI_ENOTCAPABLE);
    assert_int_equal(read_path("a\0", 2), WASI_EINVAL);
    assert_int_equal(read_path("a\xff", 2), WASI_EILSEQ);
    memset(longest, 'a', PA_PATH_MAX);
    assert_int_equal(read_path(longest, PA_PATH_MAX), WASI_ENAMETOOLONG);
    longest[PA_PATH_MAX - 1] = 0;
    assert_int_equal(read_path(longest, PA_PATH_MAX - 1), 0);
    assert_int_equal(wasi_read_path(&memory, 250, 10, path), WASI_EFAULT);
    assert_int_equal(wasi_read_path(&memory, 0, UINT32_MAX, path), WASI_EFAULT);
}

static void test_utf8(void **state) {
    static const char *const good[] = {"",
                                       "a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xc2\x41",
                                      "\xff"};
    for (size_t i = 0; i < PA_ARRAY_LEN(good); i++)
        assert_true(wasi_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < PA_ARRAY_LEN(bad); i++)
        assert_false(wasi_utf8_valid(bad[i], strlen(bad[i])));
}

/* A file that counts how often it was closed. */
struct counted_file {
    struct pa_file head;
    int *closed;
};

static void close_counted(struct pa_file *file) {
    ++*((struct counted_file *)file)->closed;
    free(file);
}

static const struct pa_file_ops counted_ops = {.close = close_counted};

static struct wasi_fd new_entry(int *closed) {
    struct counted_file *file = pa_xcalloc(1, sizeof *file);
    *file = (struct counted_file){{.ops = &counted_ops}, closed};
    return (struct wasi_fd){.file = &file->head};
}

static void test_fdtable(void **state) {
    struct wasi_fdtable table = {.limit = 20};
    int closed = 0;
    uint32_t fd;
    for (uint32_t i = 0; i < 20; i++) {
        struct wasi_fd entry = new_entry(&closed);
        assert_int_equal(wasi_fdtable_add(&table, &entry, false, &fd), 0);
        assert_int_equal(fd, i);
    }
    struct wasi_fd extra = new_entry(&closed);
    assert_int_equal(wasi_fdtable_add(&table, &extra, false, &fd), WASI_EMFILE);
    assert_int_equal(wasi_fdtable_close(&table, 7), 0);
    assert_int_equal(wasi_fdtable_close(&table, 3), 0);
    assert_int_equal(wasi_fdtable_close(&table, 3), WASI_EBADF);
    assert_int_equal(wasi_fdtable_close(&table, UINT32_MAX), WASI_EBADF);
    assert_int_equal(closed, 2);
    assert_int_equal(wasi_fdtable_add(&table, &extra, false, &fd), 0);
    assert_int_equal(fd, 3); /* the lowest that is free */
    assert_int_equal(wasi_fdtable_move(&table, 19, 3), 0);
    assert_int_equal(closed, 3);
    assert_null(wasi_fdtable_get(&table, 19));
    assert_int_equal(wasi_fdtable_move(&table, 3, 19), WASI_EBADF);
    assert_int_equal(wasi_fdtable_move(&table, 3, 3), 0);
    assert_int_equal(wasi_fdtable_move(&table, 7, 3), WASI_EBADF);
    wasi_fdtable_done(&table);
    assert_int_equal(closed, 21);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),       cmocka_unit_test(test_iovecs),
        cmocka_unit_test(test_iovecs_total), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_utf8),         cmocka_unit_test(test_fdtable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
