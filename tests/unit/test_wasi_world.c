/* The world of a guest: arguments, places, clocks, chance, waiting, the end, the trace. */
#include "wasi_guest.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "wasi/files.h"
#include "wasi/host.h"
#include <ftw.h>
#include <unistd.h>

#define YEAR_2000_NS (UINT64_C(946684800) * PA_NS_PER_S)

static struct pa_policy policy;

static int setup(void **state) {
    pa_policy_init(&policy);
    *state = guest_new(&policy, NULL, 0);
    return 0;
}

static int setup_deterministic(void **state) {
    pa_policy_init(&policy);
    policy.deterministic = true;
    policy.seed = 7;
    *state = guest_new(&policy, NULL, 0);
    return 0;
}

static int teardown(void **state) {
    guest_free(*state);
    pa_policy_done(&policy);
    return 0;
}

static void rearm(struct guest *guest) {
    struct pa_error err;
    struct pa_wasi_config config = guest_config(guest, &policy);
    assert_int_equal(pa_wasi_rearm(guest->wasi, &config, &err), 0);
}

static void test_table(void **state) {
    assert_int_equal(pa_wasi_import_count, 46);
    for (size_t i = 1; i < pa_wasi_import_count; i++)
        assert_true(strcmp(pa_wasi_imports[i - 1].name, pa_wasi_imports[i].name) < 0);
}

static void test_arguments(void **state) {
    struct guest *guest = *state;
    assert_int_equal(CALL(guest, args_sizes_get, RESULT, RESULT + 4), 0);
    assert_int_equal(guest_u32(guest, RESULT), 3);
    assert_int_equal(guest_u32(guest, RESULT + 4), 8 + 10 + 1);
    assert_int_equal(CALL(guest, args_get, RESULT, DATA), 0);
    assert_string_equal((char *)guest->memory.base + guest_u32(guest, RESULT), "program");
    assert_string_equal((char *)guest->memory.base + guest_u32(guest, RESULT + 4), "two words");
    assert_string_equal((char *)guest->memory.base + guest_u32(guest, RESULT + 8), "");
    assert_int_equal(CALL(guest, args_get, RESULT, GUEST_MEMORY - 18), WASI_EFAULT);
    assert_int_equal(CALL(guest, args_get, GUEST_MEMORY - 11, DATA), WASI_EFAULT);
    assert_int_equal(CALL(guest, args_sizes_get, RESULT, GUEST_MEMORY), WASI_EFAULT);
    assert_int_equal(CALL(guest, environ_sizes_get, RESULT, RESULT + 4), 0);
    assert_int_equal(guest_u64(guest, RESULT), 0);
    assert_int_equal(CALL(guest, environ_get, GUEST_MEMORY, GUEST_MEMORY), 0);
}

static const char *only_variable(struct guest *guest) {
    assert_int_equal(CALL(guest, environ_sizes_get, RESULT, RESULT + 4), 0);
    if (guest_u32(guest, RESULT) != 1)
        return "";
    assert_int_equal(CALL(guest, environ_get, RESULT, DATA), 0);
    return (const char *)guest->memory.base + guest_u32(guest, RESULT);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    return remove(path);
}

/* A mount may take the place of /tmp, /workspace or "/"; TMPDIR then names what is left. */
static void test_places(void **state) {
    char place[] = "/tmp/pa-wasi-XXXXXX";
    assert_non_null(mkdtemp(place));
    static const struct {
        const char *guest, *tmpdir, *order[5];
    } cases[] = {
        {"/tmp", "TMPDIR=/workspace", {"/tmp", "/workspace", "/dev", "/"}},
        {"/workspace", "TMPDIR=/tmp", {"/workspace", "/tmp", "/dev", "/"}},
        {"/", "", {"/", "/tmp", "/workspace", "/dev"}},
        {".", "", {".", "/tmp", "/workspace", "/dev", "/"}},
        {"/tmp/deep/down", "", {"/tmp/deep/down", "/tmp", "/workspace", "/dev", "/"}},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        struct pa_policy own;
        pa_policy_init(&own);
        struct guest *guest =
            guest_new(&own, &(struct guest_mount){place, cases[i].guest, true}, 1);
        for (uint32_t k = 0; k < 5 && cases[i].order[k]; k++)
            assert_int_equal(guest_preopen(guest, cases[i].order[k]), 3 + k);
        assert_string_equal(only_variable(guest), cases[i].tmpdir);
        assert_int_equal(!!pa_wasi_memfs(guest->wasi, "/tmp"), !pa_streq(cases[i].guest, "/tmp"));
        guest_free(guest);
        pa_policy_done(&own);
    }
    nftw(place, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A mount that cannot be made is an error, and no descriptor is left behind. */
static void test_bad_mount(void **state) {
    struct pa_policy own;
    struct pa_error err;
    pa_policy_init(&own);
    assert_int_equal(pa_policy_add_mount(&own, "/tmp", "/a/../b", false, &err), 0);
    assert_int_equal(pa_policy_add_mount(&own, "/usr", "/usr", false, &err), 0);
    int fds[] = {dup(0), dup(0)};
    struct pa_wasi *wasi = NULL;
    struct pa_wasi_config config = {.policy = &own, .mount_fds = fds};
    assert_int_equal(pa_wasi_new(&config, &wasi, &err), -1);
    assert_non_null(strstr(err.message, "ENOTDIR"));
    assert_int_equal(lseek(fds[1], 0, SEEK_CUR), -1);
    pa_policy_done(&own);
}

static void test_real_clocks(void **state) {
    struct guest *guest = *state;
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_REALTIME, 0, RESULT), 0);
    assert_true(guest_u64(guest, RESULT) > YEAR_2000_NS + 20 * 365 * UINT64_C(86400) * PA_NS_PER_S);
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_MONOTONIC, 0, RESULT), 0);
    uint64_t before = guest_u64(guest, RESULT);
    assert_true(before < 3600 * PA_NS_PER_S); /* since the world was made, not since boot */
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_MONOTONIC, 0, RESULT), 0);
    assert_true(guest_u64(guest, RESULT) >= before);
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_THREAD_CPU, 0, RESULT), 0);
    assert_int_equal(CALL(guest, clock_res_get, WASI_CLOCK_PROCESS_CPU, RESULT), 0);
    assert_true(guest_u64(guest, RESULT) > 0);
    assert_int_equal(CALL(guest, clock_time_get, 4, 0, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(guest, clock_res_get, 4, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(guest, clock_time_get, 0, 0, GUEST_MEMORY - 7), WASI_EFAULT);
}

static void test_virtual_clock(void **state) {
    struct guest *guest = *state;
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_REALTIME, 0, RESULT), 0);
        assert_int_equal(guest_u64(guest, RESULT), YEAR_2000_NS + i * 1000);
    }
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_MONOTONIC, 0, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), 3000);
    assert_int_equal(CALL(guest, clock_res_get, WASI_CLOCK_MONOTONIC, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), 1000);
    rearm(guest); /* goes on */
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_PROCESS_CPU, 0, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), 4000);
}

static void test_chance(void **state) {
    struct guest *guest = *state;
    uint8_t *data = guest->memory.base + DATA;
    /* ChaCha20 of zeros, keyed by SHA-256 of the label and the seed 7: computed independently. */
    static const uint8_t first[8] = {0x17, 0x17, 0x44, 0x94, 0x88, 0x35, 0xdf, 0xd5};
    assert_int_equal(CALL(guest, random_get, DATA, 100), 0);
    assert_memory_equal(data, first, sizeof first);
    assert_int_equal(CALL(guest, random_get, DATA + 100, 100), 0);
    assert_memory_not_equal(data, data + 100, 100);
    rearm(guest);
    assert_int_equal(CALL(guest, random_get, DATA + 200, 100), 0);
    assert_memory_equal(data, data + 200, 100);
    policy.seed = 8;
    rearm(guest);
    assert_int_equal(CALL(guest, random_get, DATA + 200, 100), 0);
    assert_memory_not_equal(data, data + 200, 100);
    policy.deterministic = false;
    rearm(guest);
    assert_int_equal(CALL(guest, random_get, DATA, 100), 0);
    rearm(guest);
    assert_int_equal(CALL(guest, random_get, DATA + 100, 100), 0);
    assert_memory_not_equal(data, data + 100, 100);
    assert_int_equal(CALL(guest, random_get, DATA, GUEST_MEMORY - DATA + 1), WASI_EFAULT);
    assert_int_equal(CALL(guest, random_get, UINT32_MAX, 0), 0);
}

/* Subscriptions at TEXT, events at DATA. */
static void subscribe_clock(struct guest *guest, uint32_t index, uint32_t clock, uint64_t timeout,
                            uint32_t flags) {
    uint32_t at = TEXT + index * 48;
    memset(guest->memory.base + at, 0, 48);
    guest_put_u64(guest, at, 100 + index);
    guest_put_u32(guest, at + 16, clock);
    guest_put_u64(guest, at + 24, timeout);
    guest_put_u32(guest, at + 40, flags);
}

static void subscribe_fd(struct guest *guest, uint32_t index, uint8_t type, uint32_t fd) {
    uint32_t at = TEXT + index * 48;
    memset(guest->memory.base + at, 0, 48);
    guest_put_u64(guest, at, 100 + index);
    guest->memory.base[at + 8] = type;
    guest_put_u32(guest, at + 16, fd);
}

static uint32_t poll_events(struct guest *guest, uint32_t count) {
    assert_int_equal(CALL(guest, poll_oneoff, TEXT, DATA, count, RESULT), 0);
    return guest_u32(guest, RESULT);
}

static void expect_event(struct guest *guest, uint32_t event, uint32_t index, wasi_errno errnum,
                         uint8_t type) {
    uint32_t at = DATA + event * 32;
    assert_int_equal(guest_u64(guest, at), 100 + index);
    assert_int_equal(guest_u32(guest, at + 8) & 0xffff, errnum);
    assert_int_equal(guest->memory.base[at + 10], type);
}

static void test_poll_clocks(void **state) {
    struct guest *guest = *state;
    subscribe_clock(guest, 0, WASI_CLOCK_MONOTONIC, UINT64_MAX, 0);
    subscribe_clock(guest, 1, WASI_CLOCK_REALTIME, 10 * PA_NS_PER_MS, 0);
    subscribe_clock(guest, 2, WASI_CLOCK_MONOTONIC, 300 * PA_NS_PER_S, 0);
    uint64_t before = pa_clock_monotonic_ns();
    assert_int_equal(poll_events(guest, 3), 1);
    assert_true(pa_clock_monotonic_ns() - before >= 10 * PA_NS_PER_MS);
    expect_event(guest, 0, 1, 0, WASI_EVENT_CLOCK);
    subscribe_clock(guest, 0, WASI_CLOCK_REALTIME, 1, WASI_SUBCLOCK_ABSTIME); /* long ago */
    subscribe_clock(guest, 1, WASI_CLOCK_MONOTONIC, 0, 0);
    assert_int_equal(poll_events(guest, 3), 2);
    subscribe_clock(guest, 0, WASI_CLOCK_THREAD_CPU, 1, 0);
    subscribe_clock(guest, 1, WASI_CLOCK_MONOTONIC, 1, 2);
    assert_int_equal(poll_events(guest, 3), 2);
    expect_event(guest, 0, 0, WASI_EINVAL, WASI_EVENT_CLOCK);
    expect_event(guest, 1, 1, WASI_EINVAL, WASI_EVENT_CLOCK);
}

static void test_poll_descriptors(void **state) {
    struct guest *guest = *state;
    uint32_t tmp = guest_preopen(guest, "/tmp");
    uint32_t file = guest_open(guest, tmp, "file", WASI_O_CREAT);
    guest->in = "abc";
    subscribe_fd(guest, 0, WASI_EVENT_FD_READ, 0);
    subscribe_fd(guest, 1, WASI_EVENT_FD_WRITE, 1);
    subscribe_fd(guest, 2, WASI_EVENT_FD_WRITE, 0);
    subscribe_fd(guest, 3, WASI_EVENT_FD_READ, tmp);
    subscribe_fd(guest, 4, WASI_EVENT_FD_READ, 99);
    subscribe_fd(guest, 5, WASI_EVENT_FD_READ, file);
    subscribe_clock(guest, 6, WASI_CLOCK_MONOTONIC, 300 * PA_NS_PER_S, 0);
    assert_int_equal(poll_events(guest, 7), 6);
    expect_event(guest, 0, 0, 0, WASI_EVENT_FD_READ);
    assert_int_equal(guest_u64(guest, DATA + 16), 3);
    expect_event(guest, 1, 1, 0, WASI_EVENT_FD_WRITE);
    expect_event(guest, 2, 2, WASI_ENOTCAPABLE, WASI_EVENT_FD_WRITE);
    expect_event(guest, 3, 3, WASI_EBADF, WASI_EVENT_FD_READ);
    expect_event(guest, 4, 4, WASI_EBADF, WASI_EVENT_FD_READ);
    expect_event(guest, 5, 5, 0, WASI_EVENT_FD_READ);
    guest->in = ""; /* the end: hangup */
    assert_int_equal(poll_events(guest, 1), 1);
    assert_int_equal(guest_u32(guest, DATA + 24), WASI_EVENTRW_HANGUP);
}

static void test_poll_bad(void **state) {
    struct guest *guest = *state;
    assert_int_equal(CALL(guest, poll_oneoff, TEXT, DATA, 0, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(guest, poll_oneoff, 0, 0, 4097, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(guest, poll_oneoff, 0, 0, 4096, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(guest, poll_oneoff, TEXT, GUEST_MEMORY - 31, 1, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(guest, poll_oneoff, TEXT, DATA, 1, GUEST_MEMORY - 3), WASI_EFAULT);
    subscribe_fd(guest, 0, 3, 0);
    assert_int_equal(CALL(guest, poll_oneoff, TEXT, DATA, 1, RESULT), WASI_EINVAL);
    /* In and out may be the same memory. */
    subscribe_clock(guest, 0, WASI_CLOCK_MONOTONIC, 0, 0);
    subscribe_clock(guest, 1, WASI_CLOCK_MONOTONIC, 0, 0);
    assert_int_equal(CALL(guest, poll_oneoff, TEXT, TEXT, 2, RESULT), 0);
    assert_int_equal(guest_u64(guest, TEXT + 32), 101);
}

/* Input that is not there: a descriptor of the host wakes us, or breaks. */
static void test_poll_stdin_waits(void **state) {
    struct guest *guest = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    guest->in_ready = false;
    guest->in_fd = ends[0];
    subscribe_fd(guest, 0, WASI_EVENT_FD_READ, 0);
    subscribe_clock(guest, 1, WASI_CLOCK_MONOTONIC, 20 * PA_NS_PER_MS, 0);
    assert_int_equal(poll_events(guest, 2), 1);
    expect_event(guest, 0, 1, 0, WASI_EVENT_CLOCK);
    close(ends[1]); /* POLLHUP */
    assert_int_equal(poll_events(guest, 1), 1);
    expect_event(guest, 0, 0, 0, WASI_EVENT_FD_READ);
    close(ends[0]);
    guest->in_fd = -1; /* nothing could wake us: ready, so that the read blocks instead */
    assert_int_equal(poll_events(guest, 1), 1);
    expect_event(guest, 0, 0, 0, WASI_EVENT_FD_READ);
}

/* A virtual century passes at once; input goes first. */
static void test_poll_virtual(void **state) {
    struct guest *guest = *state;
    uint64_t century = 100 * 365 * UINT64_C(86400) * PA_NS_PER_S;
    subscribe_clock(guest, 0, WASI_CLOCK_MONOTONIC, century, 0);
    subscribe_clock(guest, 1, WASI_CLOCK_MONOTONIC, century * 2, 0);
    subscribe_fd(guest, 2, WASI_EVENT_FD_READ, 0);
    guest->in_ready = false;
    assert_int_equal(poll_events(guest, 3), 1);
    expect_event(guest, 0, 0, 0, WASI_EVENT_CLOCK);
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_MONOTONIC, 0, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), century);
    guest->in_ready = true;
    assert_int_equal(poll_events(guest, 3), 1);
    expect_event(guest, 0, 2, 0, WASI_EVENT_FD_READ);
    /* Past the end of time. */
    subscribe_clock(guest, 0, WASI_CLOCK_MONOTONIC, UINT64_MAX, WASI_SUBCLOCK_ABSTIME);
    assert_int_equal(poll_events(guest, 1), 1);
    assert_int_equal(poll_events(guest, 1), 1);
    assert_int_equal(CALL(guest, clock_time_get, WASI_CLOCK_REALTIME, 0, RESULT), 0);
    assert_int_equal(guest_u64(guest, RESULT), INT64_MAX);
}

static void test_end(void **state) {
    struct guest *guest = *state;
    const struct pa_wasi_state *now = pa_wasi_state(guest->wasi);
    assert_int_equal(CALL(guest, sched_yield), 0);
    assert_int_equal(CALL(guest, proc_raise, 31), WASI_EINVAL);
    assert_int_equal(CALL(guest, proc_raise, 0), 0);
    assert_int_equal(CALL(guest, proc_raise, 16), 0);
    assert_false(now->ended);
    assert_int_equal(CALL(guest, proc_raise, 6), 0);
    assert_true(now->ended && now->raised);
    assert_int_equal(now->signal, 6);
    rearm(guest);
    assert_false(now->ended || now->raised);
    CALL(guest, proc_exit, 33);
    assert_true(now->ended && !now->raised);
    assert_int_equal(now->exit_code, 33);
}

static void test_put_files(void **state) {
    struct guest *guest = *state;
    struct pa_error err;
    struct pa_memfs *work = pa_wasi_memfs(guest->wasi, "/workspace");
    assert_non_null(work);
    assert_null(pa_wasi_memfs(guest->wasi, "/dev"));
    assert_null(pa_wasi_memfs(guest->wasi, "/elsewhere"));
    assert_int_equal(pa_files_write(work, "/a/b/c.txt", 0, true, "content", 7, &err), 0);
    assert_int_equal(pa_files_write(work, "a/b/c.txt", 0, true, "new", 3, &err), 0);
    uint32_t fd = guest_open(guest, guest_preopen(guest, "/"), "workspace/a/b/c.txt", 0);
    assert_int_equal(CALL(guest, fd_read, fd, BUFFER(guest, DATA, 100), RESULT), 0);
    assert_int_equal(guest_u32(guest, RESULT), 3);
    assert_memory_equal(guest->memory.base + DATA, "new", 3);
    assert_int_equal(pa_files_write(work, "", 0, true, "x", 1, &err), -1);
    assert_int_equal(pa_files_write(work, "a/b/c.txt/d", 0, true, "x", 1, &err), -1);
    assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    policy.limits.files_bytes = 5;
    rearm(guest);
    assert_int_equal(pa_files_write(work, "big", 0, true, "1234567890", 10, &err), -1);
    assert_int_equal(err.code, PA_ERR_RESOURCE_EXHAUSTED);
    uint32_t tmp = guest_preopen(guest, "/tmp");
    fd = guest_open(guest, tmp, "big", WASI_O_CREAT);
    CALL(guest, fd_write, fd, BUFFER(guest, DATA, 100), RESULT);
    assert_true(pa_wasi_state(guest->wasi)->files_limit_hit);
}

static void keep_line(void *context, enum pa_log_level level, const char *component,
                      const char *message) {
    struct pa_buf *lines = context;
    assert_string_equal(component, "wasi");
    pa_buf_printf(lines, "%s\n", message);
}

static void test_trace(void **state) {
    struct pa_buf lines = PA_BUF_INIT(65536);
    struct pa_policy own;
    struct pa_error err;
    assert_int_equal(pa_log_configure("wasi=trace", PA_LOG_TEXT, &err), 0);
    pa_log_set_sink(keep_line, &lines);
    pa_policy_init(&own);
    struct guest *guest = guest_new(&own, NULL, 0);
    CALL(guest, path_open, 3, 0, PATH(guest, "x/\ny\""), 9, 2, 0, 0, RESULT);
    CALL(guest, path_open, 3, 1, PATH(guest, "x"), 1, 2, 0, 5, RESULT);
    CALL(guest, fd_seek, 7, (uint64_t)-3, 2, RESULT);
    CALL(guest, fd_write, 1, BUFFER(guest, DATA, 4), RESULT);
    CALL(guest, clock_res_get, 1, RESULT);
    CALL(guest, path_unlink_file, 3, GUEST_MEMORY, 5);
    CALL(guest, proc_exit, 3);
    assert_string_equal(
        pa_buf_text(&lines),
        "path_open(fd=3, \"x/\\x0ay\\x22\", oflags=CREAT|TRUNC, rights=0x2, inheriting=0x0) = "
        "ENOENT\n"
        "path_open(fd=3, flags=SYMLINK_FOLLOW, \"x\", oflags=CREAT, rights=0x2, inheriting=0x0, "
        "fdflags=APPEND|NONBLOCK) = 0 fd=7\n"
        "fd_seek(fd=7, delta=-3, END) = ENOTCAPABLE\n"
        "fd_write(fd=1, iovecs=1) = 0 bytes=4\n"
        "clock_res_get(MONOTONIC) = 0 ns=1\n"
        "path_unlink_file(fd=3, 0x10000[5]) = EFAULT\n"
        "proc_exit(code=3) = 0\n");
    guest_free(guest);
    pa_policy_done(&own);
    pa_buf_done(&lines);
    pa_log_set_sink(NULL, NULL);
    assert_int_equal(pa_log_configure("warn", PA_LOG_TEXT, &err), 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define D(name) cmocka_unit_test_setup_teardown(name, setup_deterministic, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        T(test_arguments),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_bad_mount),
        T(test_real_clocks),
        D(test_virtual_clock),
        D(test_chance),
        T(test_poll_clocks),
        T(test_poll_descriptors),
        T(test_poll_bad),
        T(test_poll_stdin_waits),
        D(test_poll_virtual),
        T(test_end),
        T(test_put_files),
        cmocka_unit_test(test_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
