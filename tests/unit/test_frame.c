/* The frames of the run channel: what is sent arrives, what is malformed is refused. */
#include "test.h"

#include "warm/frame.h"
#include "warm/request.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void feed(struct pa_frame_decoder *decoder, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    while (size) {
        size_t room;
        void *out = pa_frame_decoder_room(decoder, &room);
        assert_non_null(out);
        size_t n = PA_MIN(room, size);
        memcpy(out, at, n);
        pa_frame_decoder_fed(decoder, n);
        at += n;
        size -= n;
    }
}

static void one_byte_at_a_time(void **state) {
    struct pa_frame_decoder decoder;
    struct pa_frame frame;
    struct pa_error err;
    uint8_t bytes[PA_FRAME_HEADER + 5];
    pa_frame_header(bytes, PA_FRAME_STDOUT, 0, 5);
    memcpy(bytes + PA_FRAME_HEADER, "hello", 5);
    pa_frame_decoder_init(&decoder);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            assert_int_equal(pa_frame_decoder_next(&decoder, &frame, &err), 0);
            feed(&decoder, bytes + i, 1);
        }
        assert_int_equal(pa_frame_decoder_next(&decoder, &frame, &err), 1);
        assert_int_equal(frame.type, PA_FRAME_STDOUT);
        assert_int_equal(frame.size, 5);
        assert_memory_equal(frame.payload, "hello", 5);
    }
    assert_int_equal(pa_frame_decoder_next(&decoder, &frame, &err), 0);
    pa_frame_decoder_done(&decoder);
}

static void largest_frame(void **state) {
    struct pa_frame_decoder decoder;
    struct pa_frame frame;
    struct pa_error err;
    uint8_t header[PA_FRAME_HEADER];
    uint8_t *payload = pa_xcalloc(1, PA_FRAME_MAX);
    memset(payload, 'x', PA_FRAME_MAX);
    pa_frame_decoder_init(&decoder);
    pa_frame_header(header, PA_FRAME_STDERR, 0, PA_FRAME_MAX);
    feed(&decoder, header, sizeof(header));
    for (size_t at = 0; at < PA_FRAME_MAX; at += 4096) {
        assert_int_equal(pa_frame_decoder_next(&decoder, &frame, &err), 0);
        feed(&decoder, payload + at, 4096);
    }
    assert_int_equal(pa_frame_decoder_next(&decoder, &frame, &err), 1);
    assert_int_equal(frame.size, PA_FRAME_MAX);
    assert_memory_equal(frame.payload, payload, PA_FRAME_MAX);
    pa_frame_decoder_done(&decoder);
    free(payload);
}

static void refuse(const uint8_t header[PA_FRAME_HEADER], const char *message) {
    struct pa_frame_decoder decoder;
    struct pa_frame frame;
    struct pa_error err;
    pa_frame_decoder_init(&decoder);
    feed(&decoder, header, PA_FRAME_HEADER);
    assert_int_equal(pa_frame_decoder_next(&decoder, &frame, &err), -1);
    assert_non_null(strstr(err.message, message));
    pa_frame_decoder_done(&decoder);
}

static void garbage(void **state) {
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_header(header, PA_FRAME_STDOUT, 0, PA_FRAME_MAX + 1);
    refuse(header, "announces 1048577 bytes");
    pa_frame_header(header, PA_FRAME_RUN, 0, 0);
    refuse(header, "unknown type 1"); /* only a supervisor sends it */
    pa_frame_header(header, (enum pa_frame_type)200, 0, 0);
    refuse(header, "unknown type 200");
    pa_frame_header(header, PA_FRAME_STDOUT, 0, 0);
    header[7] = 1;
    refuse(header, "unknown type");
}

static void ends_and_errors(void **state) {
    struct pa_end end = {.status = PA_STATUS_TRAP,
                         .exit_code = 7,
                         .memory_peak_bytes = 65536,
                         .fuel_used = PA_UNLIMITED,
                         .kind = "unreachable",
                         .message = "m",
                         .backtrace = "  #0 main"};
    struct pa_end got = {0};
    struct pa_buf buf = PA_BUF_INIT(65536);
    pa_end_encode(&end, &buf);
    assert_int_equal(pa_end_decode(buf.data, buf.size, &got), 0);
    assert_memory_equal(&end, &got, sizeof(end));
    for (size_t size = 0; size < buf.size; size++)
        assert_int_equal(pa_end_decode(buf.data, size, &got), -1);
    buf.data[0] = PA_STATUS_COUNT;
    assert_int_equal(pa_end_decode(buf.data, buf.size, &got), -1);

    struct pa_error err = {.code = PA_ERR_NOT_FOUND, .errnum = 2, .message = "gone"}, read;
    pa_buf_clear(&buf);
    pa_error_encode(&err, &buf);
    assert_int_equal(pa_error_decode(buf.data, buf.size, &read), 0);
    assert_int_equal(read.code, PA_ERR_NOT_FOUND);
    assert_string_equal(read.message, "gone");
    buf.data[0] = 99;
    assert_int_equal(pa_error_decode(buf.data, buf.size, &read), -1);
    pa_buf_done(&buf);
}

static void request_with_descriptors(void **state) {
    int pair[2], fds[PA_FRAME_MAX_FDS];
    size_t fd_count;
    struct pa_error err;
    struct pa_frame frame;
    struct pa_buf encoded = PA_BUF_INIT(65536), payload = PA_BUF_INIT(65536);
    struct pa_run_message message = {.setup = {.jail_required = true, .log_spec = "info"}}, got;
    char *argv[] = {"a", "", "c d"};
    pa_policy_init(&message.policy);
    assert_int_equal(pa_policy_add_mount(&message.policy, "/", "/host", true, &err), 0);
    assert_int_equal(pa_policy_add_env(&message.policy, "A", "b=c", &err), 0);
    message.policy.limits.fuel = 12345;
    message.argv = argv;
    message.argc = 3;
    pa_run_message_encode(&message, &encoded);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int sent[] = {STDIN_FILENO, STDERR_FILENO};
    assert_int_equal(
        pa_frame_send(pair[0], PA_FRAME_RUN, encoded.data, encoded.size, sent, 2, true), 0);
    assert_int_equal(pa_frame_receive(pair[1], &frame, &payload, fds, &fd_count, &err), 0);
    assert_int_equal(frame.type, PA_FRAME_RUN);
    assert_int_equal(fd_count, 2);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(pa_run_message_decode(frame.payload, frame.size, &got, &err), 0);
    assert_int_equal(got.argc, 3);
    assert_string_equal(got.argv[2], "c d");
    assert_int_equal(got.policy.limits.fuel, 12345);
    assert_int_equal(got.policy.mount_count, 1);
    assert_string_equal(got.policy.mounts[0].guest, "/host");
    assert_null(got.policy.mounts[0].host); /* host paths stay with the supervisor */
    assert_string_equal(pa_policy_env(&got.policy, "A"), "b=c");
    pa_run_message_done(&got);
    for (size_t size = 0; size < encoded.size; size += 7)
        assert_int_equal(pa_run_message_decode(encoded.data, size, &got, &err), -1);

    close(pair[1]);
    assert_int_equal(pa_frame_send(pair[0], PA_FRAME_STDIN, NULL, 0, NULL, 0, true), -1);
    close(pair[0]);
    close(fds[0]);
    close(fds[1]);
    pa_buf_done(&encoded);
    pa_buf_done(&payload);
    pa_policy_done(&message.policy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(largest_frame),
        cmocka_unit_test(garbage),
        cmocka_unit_test(ends_and_errors),
        cmocka_unit_test(request_with_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
