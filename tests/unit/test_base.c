/* Buffers, wire encoding, quantities, limits, errors, logs, files. */
#include "test.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/units.h"
#include "base/utf8.h"
#include "base/wire.h"
#include "policy/policy.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void buffers(void **state) {
    struct pa_buf buf = PA_BUF_INIT(10);
    assert_string_equal(pa_buf_text(&buf), "");
    pa_buf_append_text(&buf, "12345");
    pa_buf_printf(&buf, "%s", "67890");
    assert_false(buf.failed);
    assert_string_equal(pa_buf_text(&buf), "1234567890");
    pa_buf_append(&buf, "x", 1); /* one over the maximum: nothing changes, the failure sticks */
    assert_true(buf.failed);
    assert_string_equal(pa_buf_text(&buf), "1234567890");
    pa_buf_clear(&buf);
    assert_false(buf.failed);
    pa_buf_append_text(&buf, "abcdef");
    pa_buf_consume(&buf, 4);
    assert_string_equal(pa_buf_text(&buf), "ef");
    pa_buf_done(&buf);

    struct pa_buf large = PA_BUF_INIT(100000);
    pa_buf_printf(&large, "%01000d", 7);
    assert_int_equal(large.size, 1000);
    pa_buf_done(&large);
}

static void wire(void **state) {
    struct pa_buf buf = PA_BUF_INIT(4096);
    pa_put_u8(&buf, 200);
    pa_put_u32(&buf, 0xdeadbeef);
    pa_put_u64(&buf, UINT64_MAX - 1);
    pa_put_text(&buf, "text");
    pa_put_bytes(&buf, "a\0b", 3);
    struct pa_reader reader = PA_READER(buf.data, buf.size);
    assert_int_equal(pa_get_u8(&reader), 200);
    assert_int_equal(pa_get_u32(&reader), 0xdeadbeef);
    assert_true(pa_get_u64(&reader) == UINT64_MAX - 1);
    char *text = pa_get_text(&reader);
    assert_string_equal(text, "text");
    free(text);
    size_t size;
    assert_memory_equal(pa_get_bytes(&reader, &size), "a\0b", 3);
    assert_true(pa_reader_ok(&reader));
    assert_int_equal(pa_get_u8(&reader), 0); /* past the end */
    assert_false(pa_reader_ok(&reader));

    reader = PA_READER(buf.data + 13, buf.size - 13);
    free(pa_get_text(&reader));
    assert_null(pa_get_text(&reader)); /* an inner NUL */
    assert_true(reader.failed);

    static const uint8_t many[] = {0xff, 0xff, 0xff, 0x7f, 1, 2, 3};
    reader = PA_READER(many, sizeof(many));
    assert_int_equal(pa_get_count(&reader, 4), 0); /* more items than the rest can hold */
    assert_true(reader.failed);
    pa_buf_done(&buf);
}

static void quantities(void **state) {
    uint64_t n = 7;
    assert_int_equal(pa_parse_bytes("268435456", &n), 0);
    assert_int_equal(n, 268435456);
    assert_int_equal(pa_parse_bytes("1.5 GiB", &n), 0);
    assert_int_equal(n, 1610612736);
    assert_int_equal(pa_parse_bytes("64k", &n), 0);
    assert_int_equal(n, 65536);
    assert_int_equal(pa_parse_bytes("2MB", &n), 0);
    assert_int_equal(n, 2000000);
    n = 7;
    static const char *const bad[] = {"",
                                      "-1",
                                      "1e9",
                                      "0x10",
                                      "MiB",
                                      "1.",
                                      "1 XiB",
                                      "1MiBs",
                                      "99999999999999999999",
                                      "18446744073709551615k"};
    for (size_t i = 0; i < PA_ARRAY_LEN(bad); i++) {
        assert_int_equal(pa_parse_bytes(bad[i], &n), -1);
        assert_int_equal(n, 7);
    }
    assert_int_equal(pa_parse_duration_ms("30s", 1, &n), 0);
    assert_int_equal(n, 30000);
    assert_int_equal(pa_parse_duration_ms("250", 1, &n), 0);
    assert_int_equal(n, 250);
    assert_int_equal(pa_parse_duration_ms("2.5", 1000, &n), 0);
    assert_int_equal(n, 2500);
    assert_int_equal(pa_parse_duration_ms("1h", 1, &n), 0);
    assert_int_equal(n, 3600000);
    assert_int_equal(pa_parse_count("1.5", &n), -1);
    char text[32];
    assert_string_equal(pa_format_bytes(268435456, text, sizeof(text)), "256 MiB");
    assert_string_equal(pa_format_bytes(1610612736, text, sizeof(text)), "1.5 GiB");
    assert_string_equal(pa_format_ms(1500, text, sizeof(text)), "1.5 s");
    assert_string_equal(pa_format_ms(30000, text, sizeof(text)), "30 s");
}

static void limits(void **state) {
    struct pa_error err;
    uint64_t n = 0;
    const struct pa_limit_info *memory = pa_limit_find("memory_bytes");
    const struct pa_limit_info *fuel = pa_limit_find("fuel");
    assert_int_equal(pa_limit_parse(memory, "512MiB", &n, &err), 0);
    assert_int_equal(n, 512 * PA_MIB);
    assert_int_equal(pa_limit_parse(memory, "5GiB", &n, &err), -1);
    assert_string_equal(err.message,
                        "memory_bytes (linear memory of the guest): got 5 GiB, allowed "
                        "is 64 KiB to 4 GiB");
    assert_int_equal(pa_limit_parse(memory, "unlimited", &n, &err), -1);
    assert_int_equal(pa_limit_parse(fuel, "unlimited", &n, &err), 0);
    assert_true(n == PA_UNLIMITED);
    assert_null(pa_limit_find("memory"));

    struct pa_limits all;
    pa_limits_init(&all);
    for (size_t i = 0; i < pa_limit_count; i++) { /* the defaults are themselves allowed */
        const struct pa_limit_info *info = &pa_limit_infos[i];
        assert_int_equal(pa_limit_check(info, *pa_limit_slot(&all, info), &err), 0);
    }
}

static void policies(void **state) {
    struct pa_error err;
    struct pa_policy policy, copy;
    pa_policy_init(&policy);
    assert_int_equal(pa_policy_add_env(&policy, "A", "1", &err), 0);
    assert_int_equal(pa_policy_add_env(&policy, "AB", "2", &err), 0);
    assert_int_equal(pa_policy_add_env(&policy, "A", "3", &err), 0);
    assert_int_equal(policy.env_count, 2);
    assert_string_equal(pa_policy_env(&policy, "A"), "3");
    assert_int_equal(pa_policy_add_env(&policy, "A=B", "3", &err), -1);
    assert_int_equal(pa_policy_add_mount(&policy, "/", "/x//", false, &err), 0);
    assert_string_equal(policy.mounts[0].guest, "/x");
    assert_int_equal(pa_policy_add_mount(&policy, "/etc/passwd", "/p", false, &err), -1);
    assert_non_null(strstr(err.message, "not a directory"));
    assert_int_equal(pa_policy_add_mount(&policy, "/no/such", "/p", false, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    pa_policy_copy(&copy, &policy);
    pa_policy_done(&policy);
    assert_string_equal(pa_policy_env(&copy, "AB"), "2");
    assert_false(pa_policy_metered(&copy));
    assert_string_equal(pa_policy_variant(&copy), "fast");
    copy.limits.fuel = 10;
    assert_true(pa_policy_metered(&copy));
    assert_string_equal(pa_policy_variant(&copy), "metered");
    copy.deterministic = true;
    assert_string_equal(pa_policy_variant(&copy), "deterministic");
    pa_policy_done(&copy);
}

static void errors(void **state) {
    struct pa_error err;
    assert_int_equal(pa_fail_errno(&err, ENOENT, "cannot open %s", "x"), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    pa_error_prefix(&err, "mount");
    assert_string_equal(err.message, "mount: cannot open x: No such file or directory");
    char text[1000];
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    pa_fail(&err, PA_ERR_INTERNAL, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_string_equal(err.message + strlen(err.message) - 4, "y...");
    assert_int_equal(pa_fail(NULL, PA_ERR_INTERNAL, "nobody asks"), -1);
    /* one line of UTF-8, whatever a name in it was and where it was cut */
    pa_fail(&err, PA_ERR_INTERNAL, "no file a\nb \xff \xc3\xa4 %.1s", "\xc3\xa4");
    assert_string_equal(err.message, "no file a?b ? \xc3\xa4 ?");
}

static void remember(void *context, enum pa_log_level level, const char *component,
                     const char *message) {
    pa_buf_printf(context, "%s/%s/%s;", pa_log_level_name(level), component, message);
}

static void logs(void **state) {
    struct pa_error err;
    struct pa_buf lines = PA_BUF_INIT(4096);
    pa_log_set_sink(remember, &lines);
    assert_int_equal(pa_log_configure("info,wasi=trace,run=off", PA_LOG_TEXT, &err), 0);
    pa_log_info("cache", "a%d", 1);
    pa_log_debug("cache", "no");
    pa_log_trace("wasi", "b");
    pa_log_error("run", "no");
    assert_string_equal(pa_buf_text(&lines), "info/cache/a1;trace/wasi/b;");
    assert_int_equal(pa_log_configure("loud", PA_LOG_TEXT, &err), -1);
    assert_non_null(strstr(err.message, "'loud' is not a level"));
    assert_int_equal(pa_log_configure("info,wsai=trace", PA_LOG_TEXT, &err), -1);
    assert_non_null(strstr(err.message, "'wsai' is no part"));
    assert_non_null(strstr(err.message, "use cache, config, engine,"));
    assert_string_equal(pa_log_spec(), "info,wasi=trace,run=off"); /* a bad one changes nothing */
    pa_log_set_sink(NULL, NULL);
    pa_buf_done(&lines);
}

static void utf8(void **state) {
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {{"a", 1},
                {"\xc3\xa9", 2},
                {"\xe2\x82\xac", 3},
                {"\xf0\x9f\x98\x80", 4},
                {"\x80", 0},
                {"\xc0\xaf", 0},
                {"\xed\xa0\x80", 0},
                {"\xe2\x82", 0},
                {"\xf4\x90\x80\x80", 0},
                {"\xe0\x80\xaf", 0},
                {"\xff", 0}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        assert_int_equal(pa_utf8_sequence((const uint8_t *)rows[i].bytes, strlen(rows[i].bytes)),
                         rows[i].length);
}

static void utf8_in_pieces(void **state) {
    static const struct {
        const char *bytes;
        size_t unfinished;
    } rows[] = {{"", 0},
                {"a", 0},
                {"\xe2", 1},
                {"\xe2\x82", 2},
                {"\xe2\x82\xac", 0},
                {"a\xf0\x9d\x84", 3},
                {"\xf0\x9d", 2},
                {"\xc3", 1},
                {"\x80", 0},
                {"\x80\x80\x80", 0},
                {"\xff", 0},
                {"\xe0\x80", 0},
                {"\xed\xa0", 0},
                {"\xf4\x90", 0},
                {"\xc0", 0}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++)
        assert_int_equal(pa_utf8_unfinished(rows[i].bytes, strlen(rows[i].bytes)),
                         rows[i].unfinished);
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(100);
    assert_true(pa_utf8_append(&text, "\xe2\x82\xac", 3));
    assert_false(pa_utf8_append(&text, "a\xff\xe2\x82", 4));
    assert_string_equal(pa_buf_text(&text), "\xe2\x82\xac"
                                            "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void digests(void **state) {
    char text[PA_DIGEST_TEXT], joined[PA_DIGEST_TEXT];
    pa_digest("abc", 3, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct pa_span one[] = {{"ab", 2}, {"c", 1}}, other[] = {{"a", 1}, {"bc", 2}};
    pa_digest_spans(one, 2, text);
    pa_digest_spans(other, 2, joined);
    assert_string_not_equal(text, joined);
}

static void base64(void **state) {
    static const struct {
        const char *text, *bytes; /* NULL: not base64 */
        size_t fault;
    } rows[] = {{"", "", 0},        {"Zg==", "f", 0},        {"Zm8=", "fo", 0},
                {"Zm9v", "foo", 0}, {"Zm9vYg==", "foob", 0}, {"+/+/", "\xfb\xff\xbf", 0},
                {"Zg", NULL, 2},    {"Zg=", NULL, 3},        {"Zg==Zg==", NULL, 2},
                {"Z===", NULL, 1},  {"====", NULL, 0},       {"Zh==", NULL, 1},
                {"Zm9=", NULL, 2},  {"Zm9v\n", NULL, 5},     {"Zm 9v===", NULL, 2},
                {"-_-_", NULL, 0},  {"Zm9vYmF", NULL, 7},    {"Zm=v", NULL, 2}};
    for (size_t i = 0; i < PA_ARRAY_LEN(rows); i++) {
        uint8_t *bytes = NULL;
        size_t size = 0, fault = 0;
        int done = pa_base64_decode(rows[i].text, strlen(rows[i].text), &bytes, &size, &fault);
        assert_int_equal(done, rows[i].bytes ? 0 : -1);
        if (done < 0) {
            assert_int_equal(fault, rows[i].fault);
            continue;
        }
        assert_int_equal(size, strlen(rows[i].bytes));
        assert_memory_equal(bytes, rows[i].bytes, size);
        free(bytes);
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static void make_file(const char *folder, const char *name) {
    PA_CLEANUP(pa_freep) char *path = pa_path_join(folder, name);
    PA_CLEANUP(pa_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
    assert_true(fd >= 0);
}

static void trees(void **state) {
    char top[] = "/tmp/pa-trees-XXXXXX";
    struct pa_error err;
    assert_non_null(mkdtemp(top));
    PA_CLEANUP(pa_freep) char *doomed = pa_path_join(top, "doomed");
    PA_CLEANUP(pa_freep) char *closed = pa_path_join(doomed, "a/closed");
    PA_CLEANUP(pa_freep) char *link = pa_path_join(closed, "link");
    assert_int_equal(pa_mkdir_parents(closed, 0700, &err), 0);
    make_file(top, "stays");
    make_file(closed, "file");
    assert_int_equal(symlink(top, link), 0);
    assert_int_equal(chmod(closed, 0), 0);
    assert_int_equal(pa_remove_tree(doomed, &err), 0);
    assert_int_equal(access(doomed, F_OK), -1);
    PA_CLEANUP(pa_freep) char *stays = pa_path_join(top, "stays");
    assert_int_equal(access(stays, F_OK), 0); /* behind a link */

    assert_int_equal(pa_remove_tree(doomed, &err), -1);
    assert_int_equal(err.code, PA_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, doomed));
    assert_int_equal(pa_remove_tree(doomed, NULL), -1); /* where it does not matter */
    assert_int_equal(pa_remove_tree(stays, &err), 0);
    assert_int_equal(pa_remove_tree(top, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers),        cmocka_unit_test(wire),     cmocka_unit_test(quantities),
        cmocka_unit_test(limits),         cmocka_unit_test(policies), cmocka_unit_test(errors),
        cmocka_unit_test(logs),           cmocka_unit_test(digests),  cmocka_unit_test(utf8),
        cmocka_unit_test(utf8_in_pieces), cmocka_unit_test(base64),   cmocka_unit_test(trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
