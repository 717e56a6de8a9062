/* What a waiting process may answer: the supervisor's side of exchanges, changed files, calls. */
#include "test.h"

#include "base/clock.h"
#include "base/digest.h"
#include "run/call_desk.h"
#include "run/call_schema.h"
#include "run/exchange.h"
#include "warm/request.h"
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process that waits, whose other end is ours: the process is this one, which does not end. */
struct fixture {
    struct pa_worker worker;
    int theirs;
    uint64_t patience_ms;
};

static int setup(void **state) {
    struct fixture *f = pa_xcalloc(1, sizeof(*f));
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->worker =
        (struct pa_worker){.socket = pair[0], .pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0)};
    f->theirs = pair[1];
    f->patience_ms = 60000;
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    close(f->worker.socket);
    close(f->worker.pidfd);
    pa_closep(&f->theirs);
    free(f);
    return 0;
}

static void say(struct fixture *f, enum pa_frame_type type, const void *bytes, size_t size,
                int fd) {
    assert_int_equal(pa_frame_send(f->theirs, type, bytes, size, &fd, fd >= 0, true), 0);
}

static int ask(struct fixture *f, struct pa_reply *reply, struct pa_error *err) {
    uint64_t deadline = pa_clock_monotonic_ns() + f->patience_ms * PA_NS_PER_MS;
    return pa_exchange(&f->worker, PA_FRAME_FORK, NULL, 0, -1, deadline, PA_FRAME_FORKED, reply,
                       err);
}

static void an_answer_comes_with_its_descriptor(void **state) {
    struct fixture *f = *state;
    struct pa_reply reply;
    struct pa_error err;
    struct pa_buf line = PA_BUF_INIT(256);
    pa_put_u8(&line, PA_LOG_DEBUG);
    pa_put_text(&line, "wasi");
    pa_put_text(&line, "between");
    say(f, PA_FRAME_LOG, line.data, line.size, -1);
    say(f, PA_FRAME_FORKED, "12345678", 8, STDIN_FILENO);
    assert_int_equal(ask(f, &reply, &err), 0);
    assert_int_equal(reply.payload.size, 8);
    assert_memory_equal(reply.payload.data, "12345678", 8);
    assert_true(reply.fd > 2 && (fcntl(reply.fd, F_GETFD) & FD_CLOEXEC));
    pa_reply_done(&reply);
    pa_buf_done(&line);
}

static void expect_failure(struct fixture *f, const char *why) {
    struct pa_reply reply;
    struct pa_error err = {0};
    assert_int_equal(ask(f, &reply, &err), -1);
    if (!strstr(err.message, why))
        fail_msg("'%s' is not in '%s'", why, err.message);
}

static void silence_ends_at_the_deadline(void **state) {
    struct fixture *f = *state;
    uint64_t began = pa_clock_monotonic_ns();
    f->patience_ms = 50;
    expect_failure(f, "does not answer");
    assert_true(pa_clock_monotonic_ns() - began >= 50 * PA_NS_PER_MS);
    assert_int_equal(write(f->theirs, "\x08\0\0\0", 4), 4); /* a piece of a header */
    expect_failure(f, "does not answer");
}

static void nonsense_is_refused(void **state) {
    struct fixture *f = *state;
    say(f, PA_FRAME_TURN, "", 0, STDIN_FILENO);
    expect_failure(f, "sent a frame of type");
    say(f, PA_FRAME_LOG, "x", 1, -1);
    expect_failure(f, "sent a frame of type");
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_header(header, PA_FRAME_FORKED, 0, PA_FRAME_MAX + 1);
    assert_int_equal(write(f->theirs, header, sizeof(header)), sizeof(header));
    expect_failure(f, "sent a frame of 1048577 bytes");
    pa_closep(&f->theirs);
    expect_failure(f, "cannot be asked");
}

static void its_own_failure_is_told(void **state) {
    struct fixture *f = *state;
    struct pa_buf buf = PA_BUF_INIT(1024);
    const struct pa_error theirs = {.code = PA_ERR_INTERNAL, .message = "I cannot"};
    pa_error_encode(&theirs, &buf);
    say(f, PA_FRAME_FAILED, buf.data, buf.size, -1);
    expect_failure(f, "I cannot");
    pa_buf_done(&buf);
}

/* --- changed files ---------------------------------------------------------------------------- */

static void put_file(struct pa_buf *buf, const char *path, const char *content, bool with_bytes,
                     const char *digest) {
    struct pa_changed_file file = {.path = (char *)(uintptr_t)path, .size = strlen(content)};
    pa_digest(content, strlen(content), file.sha256);
    if (digest)
        snprintf(file.sha256, sizeof(file.sha256), "%s", digest);
    pa_changed_file_encode(&file, with_bytes, buf);
    if (with_bytes)
        pa_buf_append(buf, content, strlen(content));
}

static int take(const struct pa_buf *buf, size_t *ret_count) {
    struct pa_outcome outcome;
    pa_outcome_init(&outcome);
    int done = pa_outcome_take_files(&outcome, buf);
    *ret_count = outcome.file_count;
    pa_outcome_done(&outcome);
    return done;
}

static void changed_files_are_checked(void **state) {
    static const struct {
        const char *path, *digest;
    } bad[] = {
        {"/etc/passwd", NULL},
        {"workspace/a", NULL},
        {"/workspace/a", "0123"},
        {"/workspace/a", "ZZ23456789012345678901234567890123456789012345678901234567890123"},
        {"/workspace/a", "0123456789012345678901234567890123456789012345678901234567890123"}};
    struct pa_buf buf = PA_BUF_INIT(4096);
    size_t count;
    (void)state;
    put_file(&buf, "/workspace/a", "hello", true, NULL);
    put_file(&buf, "/tmp/b", "", false, NULL);
    put_file(&buf, "", "", false, NULL); /* there are more */
    assert_int_equal(take(&buf, &count), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < PA_ARRAY_LEN(bad); i++) {
        struct pa_buf one = PA_BUF_INIT(4096);
        put_file(&one, bad[i].path, "x", true, bad[i].digest);
        assert_int_equal(take(&one, &count), -1);
        pa_buf_done(&one);
    }
    for (size_t cut = 1; cut < buf.size; cut++) { /* every end that is too early */
        struct pa_buf part = {.data = buf.data, .size = buf.size - cut};
        int done = take(&part, &count);
        assert_true(count <= 2);
        assert_true(done < 0 || count >= 1);
    }
    pa_buf_done(&buf);
}

/* --- calls ------------------------------------------------------------------------------------ */

static int fits(const char *schema, const char *arguments, struct pa_error *err) {
    json_t *s = json_loads(schema, 0, NULL), *a = json_loads(arguments, 0, NULL);
    assert_non_null(s);
    assert_non_null(a);
    int done = pa_call_schema_check(s, a, err);
    json_decref(s);
    json_decref(a);
    return done;
}

static void schemas_are_kept_to(void **state) {
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"q\"],\"additionalProperties\":false,\"properties\":{"
        "\"q\":{\"type\":\"string\"},\"n\":{\"type\":[\"integer\",\"null\"]},\"k\":{\"enum\":[1,\"a\"]},"
        "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":"
        "\"number\"}}}}}}";
    static const struct {
        const char *arguments, *why; /* NULL: it fits */
    } cases[] = {
        {"{\"q\":\"\"}", NULL},
        {"{\"q\":\"\",\"n\":2,\"k\":\"a\",\"l\":[{\"x\":1.5},{\"y\":1}]}", NULL},
        {"{\"q\":\"\",\"n\":null,\"k\":1,\"l\":[]}", NULL},
        {"{\"q\":\"\",\"n\":2.0}", NULL},
        {"{}", "q is missing"},
        {"{\"q\":1}", "q is not of type string"},
        {"{\"q\":\"\",\"n\":2.5}", "n is not of type"},
        {"{\"q\":\"\",\"z\":2}", "z is not a parameter"},
        {"{\"q\":\"\",\"k\":2}", "k is none of the values allowed"},
        {"{\"q\":\"\",\"l\":[{\"x\":1},{\"x\":\"1\"}]}", "l[1].x is not of type number"},
    };
    (void)state;
    for (size_t i = 0; i < PA_ARRAY_LEN(cases); i++) {
        struct pa_error err = {0};
        int done = fits(schema, cases[i].arguments, &err);
        assert_int_equal(done, cases[i].why ? -1 : 0);
        if (cases[i].why && !strstr(err.message, cases[i].why))
            fail_msg("'%s' is not in '%s'", cases[i].why, err.message);
    }
}

static void keep(void *context, struct pa_call *call) {
    struct pa_call **slot = context;
    *slot = call;
}

static void an_answer_may_come_too_late(void **state) {
    json_t *tools = json_loads("[{\"name\":\"t\"}]", 0, NULL);
    struct pa_call *call = NULL;
    const struct pa_call_offer offer = {.tools = tools, .call = keep, .context = &call};
    struct pa_error err;
    struct pa_buf reply = PA_BUF_INIT(PA_CALL_MAX_BYTES + 1);
    (void)state;
    struct pa_call_desk *desk = pa_call_desk_new(&offer, &err);
    static const char line[] = "{\"id\":7,\"name\":\"t\",\"arguments\":{}}\n";
    assert_true(pa_call_desk_take(desk, (const uint8_t *)line, strlen(line)));
    assert_non_null(call);
    assert_false(pa_call_desk_next(desk, &reply));
    struct pollfd polled = {.fd = pa_call_desk_fd(desk), .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 0), 0);
    json_t *records = pa_call_desk_close(desk);
    assert_string_equal(json_string_value(json_object_get(json_array_get(records, 0), "status")),
                        "abandoned");
    pa_call_answer(call, json_integer(1)); /* nobody hears it, and nothing leaks */
    json_decref(records);
    json_decref(tools);
    pa_buf_done(&reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_comes_with_its_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_ends_at_the_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(its_own_failure_is_told, setup, teardown),
        cmocka_unit_test(changed_files_are_checked),
        cmocka_unit_test(schemas_are_kept_to),
        cmocka_unit_test(an_answer_may_come_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
