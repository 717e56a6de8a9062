/*
 * Workers that a guest has taken over: each mode is one way to harm the supervisor.  Its first
 * frame's payload names the mode; test_hostile_worker.c says what has to come of it.
 *
 * It is exec'ed in namespaces but not jailed, so it can do more than a worker in its jail could.
 */
#include "warm/frame.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHANNEL 3
#define MIB     (1u << 20)

static uint8_t zeros[2 * MIB];

static void send_frame(enum pa_frame_type type, const void *payload, size_t size) {
    if (pa_frame_send(CHANNEL, type, payload, size, NULL, 0, true) < 0)
        _exit(0);
}

static void send_end(enum pa_frame_type type, enum pa_status status) {
    struct pa_end end = {.status = status, .fuel_used = UINT64_MAX};
    struct pa_buf buf = PA_BUF_INIT(65536);
    pa_end_encode(&end, &buf);
    send_frame(type, buf.data, buf.size);
    pa_buf_done(&buf);
}

static void send_log(enum pa_log_level level, const char *component, const char *message) {
    struct pa_buf buf = PA_BUF_INIT(65536);
    pa_put_u8(&buf, (uint8_t)level);
    pa_put_text(&buf, component);
    pa_put_text(&buf, message);
    send_frame(PA_FRAME_LOG, buf.data, buf.size);
    pa_buf_done(&buf);
}

static void send_numbers(enum pa_frame_type type, uint32_t a, uint32_t b, int fd) {
    struct pa_buf buf = PA_BUF_INIT(64);
    pa_put_u32(&buf, a);
    pa_put_u32(&buf, b);
    pa_frame_send(CHANNEL, type, buf.data, buf.size, &fd, fd >= 0, true);
    pa_buf_done(&buf);
}

PA_NORETURN static void linger(void) {
    for (;;)
        pause();
}

static void receive(void) {
    struct pa_buf payload = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    struct pa_frame frame;
    int fds[PA_FRAME_MAX_FDS];
    size_t count;
    struct pa_error err;
    if (pa_frame_receive(CHANNEL, &frame, &payload, fds, &count, &err) < 0)
        _exit(0);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    pa_buf_done(&payload);
}

/* --- runs ------------------------------------------------------------------------------------- */

static void closes(void) {
    close(CHANNEL);
    linger();
}

static void shuts_down(void) {
    shutdown(CHANNEL, SHUT_WR);
    linger();
}

static void exits(void) {
    _exit(3);
}

static void segfaults(void) {
    /* Not by kill: the first process of a PID namespace does not die of what it sends itself. */
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

static void silent(void) {
    linger();
}

static void stops_itself(void) {
    kill(getpid(), SIGSTOP);
    linger();
}

static void ends_a_turn(void) {
    send_end(PA_FRAME_TURN, PA_STATUS_OK);
    linger();
}

static void ends_well(void) {
    send_end(PA_FRAME_EXIT, PA_STATUS_OK);
    linger();
}

/* A child keeps the channel open when this process is killed. */
static void leaves_a_child(void) {
    if (fork() == 0) {
        poll(NULL, 0, 15000);
        _exit(0);
    }
    linger();
}

static void wants_and_does_not_read(void) {
    for (;;)
        send_frame(PA_FRAME_STDIN_WANT, zeros, 4);
}

static void wants_and_ends(void) {
    send_frame(PA_FRAME_STDIN_WANT, zeros, 4);
    send_frame(PA_FRAME_STDOUT, "x", 1);
    poll(NULL, 0, 50);
    send_end(PA_FRAME_EXIT, PA_STATUS_OK);
    _exit(0);
}

static void floods_stdout(void) {
    for (;;)
        send_frame(PA_FRAME_STDOUT, zeros, MIB);
}

static void floods_results(void) {
    for (;;)
        send_frame(PA_FRAME_RESULT, zeros, MIB);
}

static void writes_two_mib(void) {
    for (int i = 0; i < 2; i++)
        send_frame(PA_FRAME_STDOUT, zeros, MIB);
    ends_well();
}

static void floods_the_log(void) {
    for (int i = 0; i < 30000; i++)
        send_log(PA_LOG_ERROR, "wasi", "flood");
    ends_well();
}

static void forges_the_log(void) {
    send_log(PA_LOG_ERROR, "server", "all is well");
    ends_well();
}

static void forges_a_log_line(void) {
    send_log(PA_LOG_ERROR, "wasi\n2026 error cache", "x");
    ends_well();
}

static void sends_short_frames(void) {
    send_frame(PA_FRAME_LOG, "\1", 1);
    ends_well();
}

static void says_it_is_jailed_later(void) {
    struct pa_buf buf = PA_BUF_INIT(1024);
    pa_put_u32(&buf, 0);
    pa_put_text(&buf, "nothing is confined");
    send_frame(PA_FRAME_STDOUT, "x", 1);
    send_frame(PA_FRAME_JAILED, buf.data, buf.size);
    ends_well();
}

/* As a copy that was jailed long ago: the first it says. */
static void says_it_is_not_jailed(void) {
    struct pa_buf buf = PA_BUF_INIT(1024);
    pa_put_u32(&buf, 0);
    pa_put_text(&buf, "\033[2Jnothing is confined");
    send_frame(PA_FRAME_JAILED, buf.data, buf.size);
    ends_well();
}

static void announces_too_much(void) {
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_header(header, PA_FRAME_STDOUT, 0, UINT32_MAX);
    if (write(CHANNEL, header, sizeof(header)) > 0)
        linger();
}

static void speaks_nonsense(void) {
    for (;;)
        if (write(CHANNEL, "GET / HTTP/1.1\r\n", 16) < 0)
            linger();
}

static void speaks_as_a_root(void) {
    send_frame(PA_FRAME_READY, zeros, 8);
    linger();
}

static void says_it_timed_out(void) {
    send_end(PA_FRAME_EXIT, PA_STATUS_TIMEOUT);
    linger();
}

static void ends_at_length(void) {
    struct pa_buf buf = PA_BUF_INIT(PA_FRAME_MAX);
    pa_put_u32(&buf, PA_STATUS_TRAP);
    pa_put_u32(&buf, 0);
    pa_put_u64(&buf, UINT64_MAX);
    pa_put_u64(&buf, UINT64_MAX);
    memset(zeros, '\033', sizeof(zeros));
    for (int i = 0; i < 3; i++)
        pa_put_bytes(&buf, zeros, 300000);
    send_frame(PA_FRAME_EXIT, buf.data, buf.size);
    linger();
}

static void ends_twice(void) {
    send_end(PA_FRAME_EXIT, PA_STATUS_OK);
    send_end(PA_FRAME_EXIT, PA_STATUS_TRAP);
    linger();
}

static void sends_descriptors(void) {
    int fds[100];
    for (int i = 0; i < 100; i++)
        fds[i] = STDOUT_FILENO;
    for (int i = 0; i < 10; i++)
        pa_frame_send(CHANNEL, PA_FRAME_STDOUT, "x", 1, fds, 100, true);
    ends_well();
}

static void fills_the_pipe(void) {
    send_frame(PA_FRAME_STDOUT, zeros, MIB);
    linger();
}

/* --- workers that make the code first ----------------------------------------------------------
 */

static void say_made(void) {
    struct pa_buf buf = PA_BUF_INIT(1024); /* struct pa_python_made */
    pa_put_u8(&buf, false);
    pa_put_u8(&buf, false);
    pa_put_u32(&buf, 0);
    pa_put_u32(&buf, 0);
    pa_put_text(&buf, "");
    pa_put_u64(&buf, UINT64_MAX); /* it took for ever */
    pa_put_u64(&buf, UINT64_MAX);
    send_frame(PA_FRAME_MADE, buf.data, buf.size);
    pa_buf_done(&buf);
}

static void makes_and_ends(void) {
    say_made();
    ends_well();
}

static void makes_and_goes_on(void) {
    say_made();
    linger();
}

static void makes_twice(void) {
    say_made();
    makes_and_ends();
}

static void makes_badly(void) {
    send_frame(PA_FRAME_MADE, "\1", 1);
    ends_well();
}

static void writes_before_it_has_made(void) {
    send_frame(PA_FRAME_STDOUT, "x", 1);
    makes_and_ends();
}

static void has_code_kept_later(void) {
    say_made();
    send_frame(PA_FRAME_ARTIFACT, zeros, 100);
    ends_well();
}

static void floods_with_code(void) {
    for (int i = 0; i < 64; i++)
        send_frame(PA_FRAME_ARTIFACT, zeros, MIB);
    makes_and_ends();
}

/* --- warm roots ------------------------------------------------------------------------------- */

static void root_says_nothing(void) {
    linger();
}

static void root_floods_the_log(void) {
    for (;;)
        send_log(PA_LOG_ERROR, "warm", "flood");
}

/* A frame that takes for ever, a byte at a time. */
static void root_trickles(void) {
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_header(header, PA_FRAME_READY, 0, PA_FRAME_MAX);
    for (size_t i = 0; i < PA_FRAME_MAX; i++) {
        if (write(CHANNEL, i < sizeof(header) ? header + i : zeros, 1) < 0)
            _exit(0);
        poll(NULL, 0, 20);
    }
}

static void root_floods_stdout(void) {
    for (int i = 0; i < 5000; i++)
        send_frame(PA_FRAME_STDOUT, "flood", 5);
    linger();
}

static void root_sends_descriptors(void) {
    int fds[PA_FRAME_MAX_FDS];
    for (int i = 0; i < PA_FRAME_MAX_FDS; i++)
        fds[i] = STDOUT_FILENO;
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_send(CHANNEL, PA_FRAME_READY, zeros, 8, fds, 1, true);
    receive();
    pa_frame_send(CHANNEL, PA_FRAME_LOG, zeros, 8, fds, PA_FRAME_MAX_FDS, true);
    /* Two messages of descriptors within one frame. */
    pa_frame_header(header, PA_FRAME_REAPED, 0, 8 + PA_FRAME_HEADER + 1);
    if (write(CHANNEL, header, sizeof(header)) < 0)
        _exit(0);
    pa_frame_send(CHANNEL, PA_FRAME_LOG, NULL, 0, fds, PA_FRAME_MAX_FDS, true);
    pa_frame_send(CHANNEL, PA_FRAME_LOG, "x", 1, fds, PA_FRAME_MAX_FDS, true);
    linger();
}

/* Says that its copy number 7 was killed by SIGSEGV, and dies when told to. */
static void root_reuses_numbers(void) {
    send_frame(PA_FRAME_READY, zeros, 8);
    receive();
    pid_t pid = fork();
    if (pid == 0)
        linger();
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    send_numbers(PA_FRAME_FORKED, 7, 0, pidfd);
    send_numbers(PA_FRAME_REAPED, 7, SIGSEGV, -1);
    poll(NULL, 0, 200);
    _exit(0);
}

static void root_of_one_copy(void) {
    send_frame(PA_FRAME_READY, zeros, 8);
    for (;;) {
        receive();
        pid_t pid = fork();
        if (pid == 0)
            linger();
        send_numbers(PA_FRAME_FORKED, 7, 0, (int)syscall(SYS_pidfd_open, pid, 0));
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {
#define MODE(name)                                                                                 \
    { #name, name }
    MODE(closes),
    MODE(shuts_down),
    MODE(exits),
    MODE(segfaults),
    MODE(silent),
    MODE(stops_itself),
    MODE(ends_a_turn),
    MODE(ends_well),
    MODE(leaves_a_child),
    MODE(wants_and_does_not_read),
    MODE(wants_and_ends),
    MODE(floods_stdout),
    MODE(floods_results),
    MODE(writes_two_mib),
    MODE(floods_the_log),
    MODE(forges_the_log),
    MODE(forges_a_log_line),
    MODE(sends_short_frames),
    MODE(says_it_is_jailed_later),
    MODE(says_it_is_not_jailed),
    MODE(announces_too_much),
    MODE(speaks_nonsense),
    MODE(speaks_as_a_root),
    MODE(says_it_timed_out),
    MODE(ends_at_length),
    MODE(ends_twice),
    MODE(makes_and_ends),
    MODE(makes_and_goes_on),
    MODE(makes_twice),
    MODE(makes_badly),
    MODE(writes_before_it_has_made),
    MODE(has_code_kept_later),
    MODE(floods_with_code),
    MODE(sends_descriptors),
    MODE(fills_the_pipe),
    MODE(root_says_nothing),
    MODE(root_floods_the_log),
    MODE(root_trickles),
    MODE(root_floods_stdout),
    MODE(root_sends_descriptors),
    MODE(root_reuses_numbers),
    MODE(root_of_one_copy),
};

int main(void) {
    struct pa_buf payload = PA_BUF_INIT(PA_FRAME_MAX_REQUEST);
    struct pa_frame frame;
    int fds[PA_FRAME_MAX_FDS];
    size_t fd_count;
    struct pa_error err;
    signal(SIGPIPE, SIG_IGN);
    if (pa_frame_receive(CHANNEL, &frame, &payload, fds, &fd_count, &err) < 0)
        return 2;
    for (size_t i = 0; i < PA_ARRAY_LEN(modes); i++)
        if (strlen(modes[i].name) == frame.size &&
            memcmp(modes[i].name, frame.payload, frame.size) == 0)
            modes[i].run();
    return 4;
}
