/* Taking HTTP requests apart: targets, patterns, forms, ranges, bodies. */
#include "test.h"

#include "base/io.h"
#include "server/http/body.h"
#include "server/http/multipart.h"
#include "server/http/range.h"
#include "server/http/target.h"
#include <unistd.h>

/* --- targets ---------------------------------------------------------------------------------- */

static void test_target(void **state) {
    struct pa_http_target target;
    struct pa_error err;
    assert_int_equal(
        pa_http_target_parse(&target, "/v1/a%2Fb/%e2%82%ac?x=1+2&y=%26&z&x=3&=e", &err), 0);
    assert_int_equal(target.segment_count, 3);
    assert_string_equal(target.segments[1], "a/b");
    assert_string_equal(target.segments[2], "\xe2\x82\xac");
    assert_string_equal(pa_http_target_query(&target, "x"), "1 2");
    assert_string_equal(pa_http_target_query(&target, "y"), "&");
    assert_string_equal(pa_http_target_query(&target, "z"), "");
    assert_null(pa_http_target_query(&target, "none"));
    assert_null(target.authority);
    pa_http_target_done(&target);
}

static void test_absolute_target(void **state) {
    static const struct {
        const char *text, *authority;
        size_t segments;
        const char *first;
    } cases[] = {{"http://a.example:8080/v1/x?y=1", "a.example:8080", 2, "v1"},
                 {"HTTPS://a/", "a", 1, ""},
                 {"http://a", "a", 1, ""},
                 {"http://a?x=1", "a", 1, ""},
                 {"http:///v1", "", 1, "v1"}};
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        struct pa_http_target target;
        struct pa_error err;
        assert_int_equal(pa_http_target_parse(&target, cases[i].text, &err), 0);
        assert_string_equal(target.authority, cases[i].authority);
        assert_int_equal(target.segment_count, cases[i].segments);
        assert_string_equal(target.segments[0], cases[i].first);
        pa_http_target_done(&target);
    }
}

static void test_targets_that_are_refused(void **state) {
    static const char *const texts[] = {
        "",     "v1",      "*",       "ftp://a/b", "/%",     "/%z0", "/%0",      "/a%00b",
        "/%ff", "/a/../b", "/%2e%2e", "/./a",      "/a\x01", "/%0a", "/a?%zz=1", "/a?b=%c0%80"};
    for (size_t i = 0; i < PA_ARRAY_LEN(texts); i++) {
        struct pa_http_target target;
        struct pa_error err;
        if (pa_http_target_parse(&target, texts[i], &err) == 0)
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
        pa_http_target_done(&target);
    }
}

static void test_bounds_of_targets(void **state) {
    struct pa_buf text = PA_BUF_INIT(1 << 20);
    struct pa_http_target target;
    struct pa_error err;
    for (int i = 0; i < PA_HTTP_MAX_SEGMENTS; i++)
        pa_buf_append_text(&text, "/a");
    pa_buf_append_text(&text, "?");
    for (int i = 0; i < PA_HTTP_MAX_QUERY; i++)
        pa_buf_append_text(&text, "a=b&");
    assert_int_equal(pa_http_target_parse(&target, pa_buf_text(&text), &err), 0);
    pa_http_target_done(&target);
    pa_buf_append_text(&text, "c");
    assert_int_equal(pa_http_target_parse(&target, pa_buf_text(&text), &err), -1);
    pa_http_target_done(&target);
    pa_buf_clear(&text);
    pa_buf_append_text(&text, "/");
    while (text.size < PA_HTTP_MAX_TARGET)
        pa_buf_append_text(&text, "a");
    assert_int_equal(pa_http_target_parse(&target, pa_buf_text(&text), &err), 0);
    pa_http_target_done(&target);
    pa_buf_append_text(&text, "a");
    assert_int_equal(pa_http_target_parse(&target, pa_buf_text(&text), &err), -1);
    pa_http_target_done(&target);
    pa_buf_done(&text);
}

static void test_patterns(void **state) {
    static const struct {
        const char *text, *pattern;
        bool matches;
        const char *first, *second;
    } cases[] = {{"/healthz", "/healthz", true, NULL, NULL},
                 {"/healthz/", "/healthz", false, NULL, NULL},
                 {"/health", "/healthz", false, NULL, NULL},
                 {"/", "/healthz", false, NULL, NULL},
                 {"/v1/tools/a", "/v1/tools/{name}", true, "a", NULL},
                 {"/v1/tools/", "/v1/tools/{name}", false, NULL, NULL},
                 {"/v1/tools", "/v1/tools/{name}", false, NULL, NULL},
                 {"/v1/tools/a/b", "/v1/tools/{name}", false, NULL, NULL},
                 {"/v1/tools/a%2fb", "/v1/tools/{name}", true, "a/b", NULL},
                 {"/s/1/c/2", "/s/{id}/c/{name}", true, "1", "2"}};
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        struct pa_http_target target;
        struct pa_error err;
        const char *params[PA_HTTP_MAX_PARAMS] = {NULL, NULL};
        assert_int_equal(pa_http_target_parse(&target, cases[i].text, &err), 0);
        assert_int_equal(pa_http_target_match(&target, cases[i].pattern, params), cases[i].matches);
        if (cases[i].first)
            assert_string_equal(params[0], cases[i].first);
        if (cases[i].second)
            assert_string_equal(params[1], cases[i].second);
        pa_http_target_done(&target);
    }
}

/* --- forms ------------------------------------------------------------------------------------ */

#define TYPE "multipart/form-data; boundary=b"

static int parse(struct pa_http_form *form, const char *type, const char *text) {
    struct pa_error err = {0};
    /* Of the exact size, so that a sanitizer sees a byte too far. */
    size_t size = strlen(text);
    char *copy = malloc(size + (size == 0));
    memcpy(copy, text, size);
    int done = pa_http_form_parse(form, type, copy, size, &err);
    for (size_t i = 0; done == 0 && i < form->count; i++)
        assert_true(form->parts[i].bytes >= copy &&
                    form->parts[i].bytes + form->parts[i].size <= copy + size);
    if (done < 0)
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
    free(copy);
    return done;
}

static void test_form(void **state) {
    struct pa_http_form form;
    struct pa_error err;
    static const char text[] =
        "preamble\r\n--b \t\r\nContent-Disposition: form-data; name=\"one\"\r\n\r\n1\r\n--b\r\n"
        "X: y\r\ncontent-disposition:form-data ; filename=\"a \\\"b\\\".wasm\"; name=two\r\n\r\n"
        "a\r\n--c\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--b--\r\n"
        "epilogue";
    assert_int_equal(pa_http_form_parse(&form, "multipart/form-data; x=\"y;\"; boundary=\"b\"",
                                        text, sizeof(text) - 1, &err),
                     0);
    assert_int_equal(form.count, 3);
    const struct pa_http_part *part = pa_http_form_find(&form, "one");
    assert_int_equal(part->size, 1);
    assert_memory_equal(part->bytes, "1", 1);
    part = pa_http_form_find(&form, "two");
    assert_string_equal(part->filename, "a \"b\".wasm");
    assert_int_equal(part->size, strlen("a\r\n--c\r\n"));
    assert_int_equal(pa_http_form_find(&form, "empty")->size, 0);
    assert_null(pa_http_form_find(&form, "none"));
}

static void test_forms_that_are_refused(void **state) {
    static const char good[] =
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--";
    struct pa_http_form form;
    assert_int_equal(parse(&form, TYPE, good), 0);
    assert_int_equal(parse(&form, TYPE, "--b--"), 0);
    assert_int_equal(form.count, 0);
    /* Cut off anywhere it is refused, never read past. */
    for (size_t size = 0; size < sizeof(good) - 1; size++) {
        char *cut = strndup(good, size);
        assert_int_equal(parse(&form, TYPE, cut), -1);
        free(cut);
    }
    static const char *const types[] = {
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901"
        "2345678901"};
    for (size_t i = 0; i < PA_ARRAY_LEN(types); i++)
        assert_int_equal(parse(&form, types[i], good), -1);
    struct pa_buf many = PA_BUF_INIT(1 << 20);
    for (int i = 0; i <= PA_HTTP_MAX_PARTS; i++)
        pa_buf_append_text(&many, "--b\r\n\r\n\r\n");
    pa_buf_append_text(&many, "--b--");
    assert_int_equal(parse(&form, TYPE, pa_buf_text(&many)), -1);
    pa_buf_done(&many);
}

/* --- ranges ----------------------------------------------------------------------------------- */

static void test_ranges(void **state) {
    static const struct {
        const char *text;
        uint64_t size;
        enum pa_http_range expected;
        uint64_t first, length;
    } cases[] = {
        {NULL, 10, PA_HTTP_WHOLE, 0, 0},
        {"bytes=0-0", 10, PA_HTTP_PART, 0, 1},
        {"bytes=2-", 10, PA_HTTP_PART, 2, 8},
        {"bytes=2-99", 10, PA_HTTP_PART, 2, 8},
        {"bytes=-3", 10, PA_HTTP_PART, 7, 3},
        {"bytes=-99", 10, PA_HTTP_PART, 0, 10},
        {"bytes=10-", 10, PA_HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, PA_HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, PA_HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, PA_HTTP_UNSATISFIABLE, 0, 0},
        {"bytes=3-2", 10, PA_HTTP_WHOLE, 0, 0},
        {"bytes=-", 10, PA_HTTP_WHOLE, 0, 0},
        {"bytes=", 10, PA_HTTP_WHOLE, 0, 0},
        {"bytes=1-2,4-5", 10, PA_HTTP_WHOLE, 0, 0},
        {"bytes=99999999999999999999-", 10, PA_HTTP_WHOLE, 0, 0},
        {"lines=1-2", 10, PA_HTTP_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        uint64_t first = 0, length = 0;
        assert_int_equal(pa_http_range_parse(cases[i].text, cases[i].size, &first, &length),
                         cases[i].expected);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(length, cases[i].length);
    }
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void test_bodies(void **state) {
    static const size_t sizes[] = {0, 1, PA_HTTP_SMALL_BODY, PA_HTTP_SMALL_BODY + 1, 300000};
    for (size_t i = 0; i < PA_ARRAY_LEN(sizes); i++) {
        struct pa_http_spool spool = {.most = 1 << 20};
        struct pa_http_body body;
        struct pa_error err;
        const void *bytes;
        size_t size;
        int fd;
        char first;
        char *sent = malloc(sizes[i] + 1);
        memset(sent, 'x', sizes[i]);
        pa_http_body_init(&body, &spool, sizes[i]);
        for (size_t at = 0; at < sizes[i]; at += 1000)
            assert_int_equal(
                pa_http_body_add(&body, sent + at, PA_MIN((size_t)1000, sizes[i] - at), &err), 0);
        assert_int_equal(pa_http_body_add(&body, "y", 1, &err), -1);
        assert_int_equal(err.code, PA_ERR_INVALID_ARGUMENT);
        assert_int_equal(body.fd >= 0, sizes[i] > PA_HTTP_SMALL_BODY);
        assert_int_equal(pa_http_body_view(&body, &bytes, &size, &err), 0);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(bytes, sent, size);
        assert_int_equal(pa_http_body_file(&body, &fd, &err), 0);
        assert_int_equal(lseek(fd, 0, SEEK_END), sizes[i]);
        lseek(fd, 0, SEEK_SET);
        assert_int_equal(read(fd, &first, 1), sizes[i] > 0);
        assert_int_equal(spool.used, sizes[i]);
        pa_http_body_done(&body);
        assert_int_equal(spool.used, 0);
        free(sent);
    }
}

static void test_bodies_share_their_room(void **state) {
    static const char piece[PA_HTTP_SMALL_BODY + 1];
    struct pa_http_spool spool = {.most = 2 * sizeof(piece)};
    struct pa_http_body bodies[3];
    struct pa_error err;
    for (int i = 0; i < 3; i++)
        pa_http_body_init(&bodies[i], &spool, 1 << 20);
    assert_int_equal(pa_http_body_add(&bodies[0], piece, sizeof(piece), &err), 0);
    assert_int_equal(pa_http_body_add(&bodies[1], piece, sizeof(piece), &err), 0);
    assert_int_equal(pa_http_body_add(&bodies[2], piece, sizeof(piece), &err), -1);
    assert_int_equal(err.code, PA_ERR_UNAVAILABLE);
    assert_int_equal(pa_http_body_add(&bodies[1], "x", 1, &err), -1);
    pa_http_body_done(&bodies[0]);
    assert_int_equal(pa_http_body_add(&bodies[2], piece, sizeof(piece), &err), 0);
    pa_http_body_done(&bodies[1]);
    pa_http_body_done(&bodies[2]);
    assert_int_equal(spool.used, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),
        cmocka_unit_test(test_absolute_target),
        cmocka_unit_test(test_targets_that_are_refused),
        cmocka_unit_test(test_bounds_of_targets),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_forms_that_are_refused),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_bodies_share_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
