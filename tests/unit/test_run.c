/* Output under its limit, the artifact cache, the outcome as JSON. */
#include "test.h"

#include "base/io.h"
#include "policy/limits.h"
#include "run/cache.h"
#include "run/capture.h"
#include "run/outcome.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int append(void *buf, const void *bytes, size_t size) {
    pa_buf_append(buf, bytes, size);
    return 0;
}

/* Pushes `total` bytes 'a', 'b', ... 'z', 'a' ... in pieces of `step`. */
static bool capture_alphabet(uint64_t limit, bool to_sink, size_t total, size_t step,
                             struct pa_buf *out) {
    struct pa_capture capture;
    pa_buf_clear(out);
    pa_capture_init(&capture, "stdout_bytes", limit, to_sink, append, out);
    char piece[64];
    for (size_t at = 0; at < total;) {
        size_t n = PA_MIN(step, total - at);
        for (size_t i = 0; i < n; i++)
            piece[i] = (char)('a' + (at + i) % 26);
        assert_int_equal(pa_capture_push(&capture, piece, n), 0);
        at += n;
    }
    bool cut = pa_capture_finish(&capture);
    pa_capture_done(&capture);
    return cut;
}

static void capture_limits(void **state) {
    struct pa_buf out = PA_BUF_INIT(65536);
    for (size_t step = 1; step < 40; step += 3) {
        assert_false(capture_alphabet(16, false, 16, step, &out));
        assert_string_equal(pa_buf_text(&out), "abcdefghijklmnop");
        /* 12 of the head, 4 of the tail, 10 between them */
        assert_true(capture_alphabet(16, false, 26, step, &out));
        assert_string_equal(pa_buf_text(&out),
                            "abcdefghijkl\n[... 10 bytes left out: the limit stdout_bytes was "
                            "reached ...]\nwxyz");
        assert_true(capture_alphabet(16, true, 26, step, &out));
        assert_string_equal(pa_buf_text(&out),
                            "abcdefghijklmnop\n[... 6 bytes left out: the limit stdout_bytes was "
                            "reached ...]\nwxyz");
        assert_false(capture_alphabet(PA_UNLIMITED, false, 1000, step, &out));
        assert_int_equal(out.size, 1000);
        assert_true(capture_alphabet(0, false, 5, step, &out));
        assert_string_equal(pa_buf_text(&out),
                            "\n[... 5 bytes left out: the limit stdout_bytes was reached ...]\n");
    }
    pa_buf_done(&out);
}

static struct pa_cache *open_cache(const char *directory, uint64_t max) {
    struct pa_error err;
    struct pa_cache *cache;
    if (pa_cache_open(directory, max, &cache, &err) < 0)
        fail_msg("%s", err.message);
    return cache;
}

static void put(struct pa_cache *cache, const char *module, const char *bytes) {
    struct pa_error err;
    struct pa_cache_key key = {.variant = "fast"};
    snprintf(key.module, sizeof(key.module), "%s", module);
    int fd = pa_memfd_of("test", bytes, strlen(bytes), &err);
    assert_true(fd >= 0);
    assert_int_equal(pa_cache_put(cache, &key, fd, &err), 0);
    close(fd);
}

static int get(struct pa_cache *cache, const char *module, struct pa_error *err) {
    struct pa_cache_key key = {.variant = "fast"};
    snprintf(key.module, sizeof(key.module), "%s", module);
    *err = (struct pa_error){0};
    return pa_cache_get(cache, &key, err);
}

static size_t count_artifacts(struct pa_cache *cache) {
    struct pa_error err;
    struct pa_cache_entry *entries;
    size_t count;
    assert_int_equal(pa_cache_list(cache, &entries, &count, &err), 0);
    free(entries);
    return count;
}

#define ARTIFACT  (4096 - (PA_DIGEST_TEXT - 1)) /* on disk with its digest: 4 KiB */
#define CACHE_MAX (64 * 4096)

static void put_numbered(struct pa_cache *cache, int number) {
    char bytes[ARTIFACT + 1], module[16];
    memset(bytes, 'x', ARTIFACT);
    bytes[ARTIFACT] = 0;
    snprintf(module, sizeof(module), "%d", number);
    put(cache, module, bytes);
}

/* The folder is looked through once in four stores here: what others stored in the meantime (a file
 * that no account knows) stays until then, and the overshoot is bounded. */
static void eviction_by_account(const char *directory) {
    struct pa_error err;
    size_t removed, most = 0, looks = 0;
    struct pa_cache *cache = open_cache(directory, CACHE_MAX);
    struct pa_cache *other = open_cache(directory, CACHE_MAX); /* as another process has it */
    for (int i = 0; i < 200; i++) {
        size_t before = count_artifacts(cache);
        put_numbered(i % 2 ? other : cache, i);
        size_t after = count_artifacts(cache);
        looks += after <= before;
        most = PA_MAX(most, after);
    }
    assert_in_range(most, 64 + 1, 64 * 17 / 16 + 1);
    assert_in_range(looks, 200 / 6 - 64 / 6, 200 / 4);
    /* a lost or broken account is a full one */
    char *stored = pa_path_join(pa_cache_directory(cache), "stored");
    assert_int_equal(truncate(stored, 3), 0);
    put_numbered(cache, 1000);
    assert_in_range(count_artifacts(cache), 1, 64);
    assert_int_equal(pa_cache_clear(cache, &removed, &err), 0);
    assert_int_equal(access(stored, F_OK), -1);
    free(stored);
    pa_cache_free(cache);
    pa_cache_free(other);
}

static void cache(void **state) {
    char directory[] = "/tmp/polyagent-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    struct pa_error err;
    struct pa_cache *cache = open_cache(directory, 1 << 20);
    assert_int_equal(get(cache, "one", &err), -1);
    assert_int_equal(err.code, PA_ERR_NONE);

    put(cache, "one", "first artifact");
    int fd = get(cache, "one", &err);
    assert_true(fd >= 0);
    char bytes[14];
    assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
    assert_memory_equal(bytes, "first artifact", sizeof(bytes));
    assert_true(pa_cache_verify(fd));
    close(fd);

    /* a file that others may read is refused, and said so */
    struct pa_cache_entry *entries;
    size_t count;
    assert_int_equal(pa_cache_list(cache, &entries, &count, &err), 0);
    assert_int_equal(count, 1);
    char *path = pa_path_join(pa_cache_directory(cache), entries[0].name);
    free(entries);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(get(cache, "one", &err), -1);
    assert_int_equal(err.code, PA_ERR_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "open to others"));
    assert_int_equal(chmod(path, 0600), 0);

    /* a flipped byte is found when asked for */
    fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "X", 1, 3), 1);
    assert_false(pa_cache_verify(fd));
    close(fd);
    free(path);

    size_t removed;
    assert_int_equal(pa_cache_clear(cache, &removed, &err), 0);
    assert_int_equal(removed, 1);
    pa_cache_free(cache);

    /* least recently used goes first */
    cache = open_cache(directory, 300);
    put(cache, "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    put(cache, "b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    fd = get(cache, "b", &err);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(futimens(fd, old), 0);
    close(fd);
    put(cache, "c", "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc");
    assert_int_equal(get(cache, "b", &err), -1);
    fd = get(cache, "a", &err);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(pa_cache_clear(cache, &removed, &err), 0);
    assert_int_equal(removed, 2);
    pa_cache_free(cache);

    eviction_by_account(directory);

    /* a directory that others may enter is refused */
    char *modules = pa_path_join(directory, "modules");
    assert_int_equal(chmod(modules, 0755), 0);
    assert_int_equal(pa_cache_open(directory, 300, &cache, &err), -1);
    assert_int_equal(err.code, PA_ERR_FAILED_PRECONDITION);
    assert_int_equal(rmdir(modules), 0);
    free(modules);
    assert_int_equal(rmdir(directory), 0);
}

/* The end of a session's turn, in the guest's words, which may be any. */
static void outcome_of_a_turn(void **state) {
    static const struct {
        const char *lines;
        enum pa_status status;
        uint32_t exit_code;
        bool exited, complete;
    } rows[] = {
        {"{\"type\":\"done\",\"exit_code\":0}\n", PA_STATUS_OK, 0, false, true},
        {"{\"type\":\"done\",\"exit_code\":3,\"exited\":true}\n", PA_STATUS_ERROR, 3, true, true},
        {"{\"type\":\"done\",\"exit_code\":9}\nnonsense\n{\"type\":\"done\",\"exit_code\":1}\n",
         PA_STATUS_ERROR, 1, false, true},
        {"", PA_STATUS_OK, 0, false, true},
        {"[]\n{\"type\":7}\n{\"type\":\"done\",\"exit_code\":\"x\",\"exited\":1}", PA_STATUS_OK, 0,
         false, true},
        {"{\"type\":\"complete\",\"complete\":false}\n", PA_STATUS_OK, 0, false, false},
        {"{\"type\":\"complete\",\"complete\":true}\n", PA_STATUS_OK, 0, false, true},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        struct pa_outcome outcome;
        pa_outcome_init(&outcome);
        pa_buf_append_text(&outcome.results, rows[i].lines);
        pa_outcome_take_turn(&outcome);
        assert_int_equal(outcome.status, rows[i].status);
        assert_int_equal(outcome.exit_code, rows[i].exit_code);
        assert_int_equal(outcome.exited, rows[i].exited);
        assert_int_equal(pa_outcome_is_complete(&outcome), rows[i].complete);
        pa_outcome_done(&outcome);
    }
}

static void outcome_json(void **state) {
    struct pa_outcome outcome;
    struct pa_buf json = PA_BUF_INIT(65536);
    pa_outcome_init(&outcome);
    pa_buf_append(&outcome.output[PA_STDOUT].kept, "h\xc3\xa9\0\"", 5);
    pa_buf_append(&outcome.output[PA_STDERR].kept, "a\xff\xed\xa0\x80z", 6);
    outcome.usage.wall_ns = 1310000;
    pa_outcome_json(&outcome, &json);
    assert_non_null(strstr(pa_buf_text(&json), "{\"status\":\"ok\",\"exit_code\":0,"
                                               "\"stdout\":\"h\xc3\xa9\\u0000\\\"\""));
    assert_non_null(strstr(pa_buf_text(&json), "\"stderr\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                               "\xef\xbf\xbdz\",\"stderr_base64\":\"Yf/toIB6\""));
    assert_non_null(strstr(pa_buf_text(&json), "\"wall_ms\":1.31,"));
    assert_non_null(strstr(pa_buf_text(&json), "\"fuel\":null"));
    assert_int_equal(pa_outcome_exit(&outcome), 0);

    pa_outcome_set(&outcome, PA_STATUS_TIMEOUT, "wall time limit of %s reached", "1 s");
    pa_buf_clear(&json);
    pa_outcome_json(&outcome, &json);
    assert_non_null(strstr(pa_buf_text(&json), "{\"status\":\"timeout\",\"exit_code\":null"));
    assert_non_null(strstr(pa_buf_text(&json), "\"message\":\"wall time limit of 1 s reached\""));
    assert_int_equal(pa_outcome_exit(&outcome), 124);
    pa_outcome_done(&outcome);
    pa_buf_done(&json);
}

static long most_memory_kib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Few bytes that are many values: what they are in memory is bounded, and the rest is told. */
static void outcome_of_too_many_values(void **state) {
    static const char *const heavy[] = {"[],", "{},", "0,", "[[[[[[[["};
    for (size_t i = 0; i < PA_ARRAY_LEN(heavy); i++) {
        struct pa_outcome outcome;
        struct pa_buf json = PA_BUF_INIT(PA_MIB);
        pa_outcome_init(&outcome);
        const char good[] = "{\"type\":\"result\",\"data\":{\"text/plain\":\"a[[[\\\"[\"}}\n";
        pa_buf_append_text(&outcome.results, good);
        pa_buf_append_text(&outcome.results, "{\"type\":\"result\",\"data\":{\"a\":[");
        for (size_t n = 0; n < 16 * PA_MIB; n += strlen(heavy[i]))
            pa_buf_append_text(&outcome.results, heavy[i]);
        pa_buf_append_text(&outcome.results, "0]}}\n");
        pa_buf_append_text(&outcome.results, good);
        long before = most_memory_kib();
        pa_outcome_json(&outcome, &json);
        assert_in_range(most_memory_kib() - before, 0, 128 * 1024);
        assert_non_null(strstr(pa_buf_text(&json), "\"results\":[{\"text/plain\":\"a[[[\\\"[\"},"
                                                   "{\"text/plain\":\"a[[[\\\"[\"}],"
                                                   "\"results_truncated\":true"));
        pa_outcome_done(&outcome);
        pa_buf_done(&json);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capture_limits),
        cmocka_unit_test(cache),
        cmocka_unit_test(outcome_of_a_turn),
        cmocka_unit_test(outcome_json),
        cmocka_unit_test(outcome_of_too_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
