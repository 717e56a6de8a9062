/*
 * The stdio transport: each message is a line.
 *
 * Input is read as it comes, with one buffer that holds at most one message and a read.  A line
 * that is too long is answered with an error and skipped to its end, so that the next one is read
 * from its beginning.
 */
#include "server/mcp/mcp_internal.h"

#include "base/clock.h"
#include "base/io.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define READ_SIZE   (64 * 1024)
#define LAST_MOMENT (10 * PA_NS_PER_S) /* for calls that run when the input ends */

struct lines {
    struct pa_mcp *session;
    struct pa_buf buffer;
    size_t message_max;
    bool skipping; /* the rest of a line that is too long */
    int out;
};

static int send_line(void *context, const char *message, size_t size, const char *request_id,
                     bool last, enum pa_mcp_code code) {
    const struct lines *lines = context;
    return pa_write_full(lines->out, message, size) < 0 || pa_write_full(lines->out, "\n", 1) < 0
               ? -1
               : 0;
}

static bool is_blank(const char *line, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

static void refuse_long_line(struct lines *lines) {
    lines->skipping = true;
    pa_mcp_send_error(lines->session, NULL, PA_MCP_INVALID_REQUEST, NULL,
                      "a message is longer than %zu bytes (server.request_bytes)",
                      lines->message_max);
}

/* Hands on whole lines and keeps what is left. */
static void take_lines(struct lines *lines) {
    char *at = (char *)lines->buffer.data, *end = at + lines->buffer.size, *newline;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        size_t size = (size_t)(newline - at);
        if (!lines->skipping && !is_blank(at, size))
            pa_mcp_receive(lines->session, at, size, NULL);
        lines->skipping = false;
        at = newline + 1;
    }
    pa_buf_consume(&lines->buffer, (size_t)(at - (char *)lines->buffer.data));
    if (lines->skipping) {
        pa_buf_clear(&lines->buffer);
    } else if (lines->buffer.size > lines->message_max) {
        pa_buf_clear(&lines->buffer);
        refuse_long_line(lines);
    }
}

/* 1: there is more to come; 0: the input has ended. */
static int read_some(struct lines *lines, int in, struct pa_error *err) {
    void *room = pa_buf_reserve(&lines->buffer, READ_SIZE);
    ssize_t n = read(in, room, READ_SIZE);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN
                   ? 1
                   : pa_fail_errno(err, errno, "cannot read messages");
    lines->buffer.size += (size_t)n;
    take_lines(lines);
    return n > 0;
}

static int converse(struct lines *lines, int in, int stop_fd, struct pa_error *err) {
    struct pollfd polled[] = {{.fd = in, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    int more = 1;
    while (more > 0) {
        if (poll(polled, PA_ARRAY_LEN(polled), -1) < 0 && errno != EINTR)
            return pa_fail_errno(err, errno, "cannot wait for messages");
        if (polled[1].revents)
            return 0;
        if (polled[0].revents)
            more = read_some(lines, in, err);
    }
    if (more == 0)
        pa_mcp_settle(lines->session, pa_clock_monotonic_ns() + LAST_MOMENT);
    return more;
}

int pa_mcp_serve_lines(struct pa_service *service, struct pa_caller *caller, int in, int out,
                       int stop_fd, size_t message_max, struct pa_error *err) {
    struct lines lines = {
        .buffer = PA_BUF_INIT(message_max + 2 * READ_SIZE), .message_max = message_max, .out = out};
    const struct pa_mcp_config config = {
        .service = service, .caller = caller, .send = send_line, .context = &lines};
    if (pa_mcp_new(&config, &lines.session, err) < 0)
        return -1;
    int done = converse(&lines, in, stop_fd, err);
    pa_mcp_free(lines.session);
    pa_buf_done(&lines.buffer);
    return done;
}
