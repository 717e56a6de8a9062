#include "warm/channel.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#define REPLIES_MAX (72u << 20) /* more than the supervisor lets be outstanding */

void pa_channel_init(struct pa_channel *channel, int socket) {
    channel->socket = socket;
    channel->call = PA_BUF_INIT(PA_FRAME_MAX);
    channel->replies = PA_BUF_INIT(REPLIES_MAX);
    pa_channel_begin(channel);
}

void pa_channel_begin(struct pa_channel *channel) {
    channel->want_sent = channel->stdin_ended = false;
    channel->stdin_at = channel->stdin_size = 0;
    pa_buf_done(&channel->call);
    pa_buf_done(&channel->replies);
    channel->replies_at = 0;
    channel->calls_open = 0;
}

static int send_chunk(struct pa_channel *channel, enum pa_frame_type type, const void *payload,
                      size_t size) {
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_header(header, type, 0, (uint32_t)size);
    struct iovec iov[2] = {{header, sizeof(header)}, {(void *)payload, size}};
    struct iovec *at = iov;
    int left = size ? 2 : 1;
    while (left) {
        ssize_t n = writev(channel->socket, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        while (left && (size_t)n >= at->iov_len) {
            n -= (ssize_t)at->iov_len;
            at++;
            left--;
        }
        if (left) {
            at->iov_base = (char *)at->iov_base + n;
            at->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int pa_channel_send(struct pa_channel *channel, enum pa_frame_type type, const void *payload,
                    size_t size) {
    const uint8_t *at = payload;
    do {
        size_t chunk = PA_MIN(size, (size_t)PA_FRAME_MAX);
        if (send_chunk(channel, type, at, chunk) < 0)
            return -1;
        at += chunk;
        size -= chunk;
    } while (size);
    return 0;
}

static int write_stdout(void *context, const void *bytes, size_t size) {
    return pa_channel_send(context, PA_FRAME_STDOUT, bytes, size);
}

static int write_stderr(void *context, const void *bytes, size_t size) {
    return pa_channel_send(context, PA_FRAME_STDERR, bytes, size);
}

static int ask_for_stdin(struct pa_channel *channel) {
    if (channel->want_sent || channel->stdin_ended || channel->stdin_at < channel->stdin_size)
        return 0;
    uint32_t want = htole32(PA_STDIN_CHUNK);
    if (pa_channel_send(channel, PA_FRAME_STDIN_WANT, &want, sizeof(want)) < 0)
        return -1;
    channel->want_sent = true;
    return 0;
}

static int read_exactly(int fd, void *out, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (char *)out + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EPIPE;
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

static int receive_header(struct pa_channel *channel, enum pa_frame_type *ret_type,
                          uint32_t *ret_size) {
    uint8_t header[PA_FRAME_HEADER];
    if (read_exactly(channel->socket, header, sizeof(header)) < 0)
        return -1;
    memcpy(ret_size, header, sizeof(*ret_size));
    *ret_size = le32toh(*ret_size);
    *ret_type = (enum pa_frame_type)header[4];
    return 0;
}

int pa_channel_receive(struct pa_channel *channel, struct pa_frame *ret, struct pa_buf *payload) {
    enum pa_frame_type type;
    uint32_t size;
    if (receive_header(channel, &type, &size) < 0)
        return -1;
    pa_buf_clear(payload);
    void *room = pa_buf_reserve(payload, size);
    if (!room) {
        errno = ENOMEM;
        return -1;
    }
    if (read_exactly(channel->socket, room, size) < 0)
        return -1;
    *ret = (struct pa_frame){type, 0, room, size};
    return 0;
}

static int take_stdin(struct pa_channel *channel, uint32_t size) {
    if (!channel->want_sent || size > PA_STDIN_CHUNK) {
        errno = EPROTO;
        return -1;
    }
    if (read_exactly(channel->socket, channel->stdin_bytes, size) < 0)
        return -1;
    channel->want_sent = false;
    channel->stdin_at = 0;
    channel->stdin_size = size;
    channel->stdin_ended = size == 0;
    return 0;
}

static int take_reply(struct pa_channel *channel, uint32_t size) {
    if (channel->replies_at == channel->replies.size) {
        pa_buf_clear(&channel->replies);
        channel->replies_at = 0;
    }
    void *room = pa_buf_reserve(&channel->replies, size);
    if (!room) {
        errno = ENOMEM;
        return -1;
    }
    if (read_exactly(channel->socket, room, size) < 0)
        return -1;
    channel->replies.size += size;
    channel->calls_open -= channel->calls_open > 0;
    return 0;
}

/* Blocks for what the supervisor sends while a guest runs: input, or a reply. */
static int receive_any(struct pa_channel *channel) {
    enum pa_frame_type type;
    uint32_t size;
    if (receive_header(channel, &type, &size) < 0)
        return -1;
    if (type == PA_FRAME_STDIN)
        return take_stdin(channel, size);
    if (type == PA_FRAME_REPLY && size <= PA_FRAME_MAX)
        return take_reply(channel, size);
    errno = EPROTO;
    return -1;
}

static int receive_stdin(struct pa_channel *channel) {
    while (channel->want_sent)
        if (receive_any(channel) < 0)
            return -1;
    return 0;
}

/* Takes what has come; true when that cannot go on. */
static bool drain(struct pa_channel *channel) {
    struct pollfd poller = {.fd = channel->socket, .events = POLLIN};
    while (poll(&poller, 1, 0) == 1)
        if (receive_any(channel) < 0)
            return true;
    return false;
}

static ssize_t read_stdin(void *context, void *out, size_t size) {
    struct pa_channel *channel = context;
    if (size == 0)
        return 0;
    if (channel->stdin_at == channel->stdin_size && !channel->stdin_ended)
        if (ask_for_stdin(channel) < 0 || receive_stdin(channel) < 0)
            return -1;
    size_t n = PA_MIN(size, channel->stdin_size - channel->stdin_at);
    memcpy(out, channel->stdin_bytes + channel->stdin_at, n);
    channel->stdin_at += n;
    return (ssize_t)n;
}

static int stdin_poll_fd(void *context) {
    struct pa_channel *channel = context;
    return ask_for_stdin(channel) < 0 ? -1 : channel->socket;
}

static bool stdin_ready(void *context, uint64_t *ret_bytes, bool *ret_hangup) {
    struct pa_channel *channel = context;
    if (channel->stdin_at == channel->stdin_size && channel->want_sent && drain(channel))
        channel->stdin_ended = true;
    *ret_bytes = channel->stdin_size - channel->stdin_at;
    *ret_hangup = *ret_bytes == 0 && channel->stdin_ended;
    return *ret_bytes || *ret_hangup;
}

void pa_channel_streams(struct pa_channel *channel, struct pa_wasi_config *config) {
    config->stdin_stream = (struct pa_stream){
        .context = channel, .read = read_stdin, .poll_fd = stdin_poll_fd, .ready = stdin_ready};
    config->stdout_stream = (struct pa_stream){.context = channel, .write = write_stdout};
    config->stderr_stream = (struct pa_stream){.context = channel, .write = write_stderr};
}

/* --- host calls ------------------------------------------------------------------------------- */

static int send_line(struct pa_channel *channel) {
    int sent = pa_channel_send(channel, PA_FRAME_CALL, channel->call.data, channel->call.size);
    pa_buf_clear(&channel->call);
    channel->calls_open += sent == 0;
    return sent;
}

/* A line may come in pieces; one that is too long is lost, and said to be. */
static int write_call(void *context, const void *bytes, size_t size) {
    struct pa_channel *channel = context;
    const char *at = bytes;
    while (size) {
        const char *newline = memchr(at, '\n', size);
        size_t part = newline ? (size_t)(newline - at) + 1 : size;
        pa_buf_append(&channel->call, at, part);
        if (channel->call.failed) {
            pa_buf_clear(&channel->call);
            errno = E2BIG;
            return -1;
        }
        if (newline && send_line(channel) < 0)
            return -1;
        at += part;
        size -= part;
    }
    return 0;
}

static ssize_t read_reply(void *context, void *out, size_t size) {
    struct pa_channel *channel = context;
    while (channel->replies_at == channel->replies.size) {
        if (!channel->calls_open)
            return 0;
        if (receive_any(channel) < 0)
            return -1;
    }
    size_t n = PA_MIN(size, channel->replies.size - channel->replies_at);
    memcpy(out, channel->replies.data + channel->replies_at, n);
    channel->replies_at += n;
    return (ssize_t)n;
}

static int reply_poll_fd(void *context) {
    const struct pa_channel *channel = context;
    return channel->socket;
}

static bool reply_ready(void *context, uint64_t *ret_bytes, bool *ret_hangup) {
    struct pa_channel *channel = context;
    if (channel->replies_at == channel->replies.size && channel->calls_open && drain(channel))
        channel->calls_open = 0;
    *ret_bytes = channel->replies.size - channel->replies_at;
    *ret_hangup = !*ret_bytes && !channel->calls_open;
    return *ret_bytes || *ret_hangup;
}

struct pa_stream pa_channel_calls(struct pa_channel *channel) {
    return (struct pa_stream){.context = channel,
                              .read = read_reply,
                              .write = write_call,
                              .poll_fd = reply_poll_fd,
                              .ready = reply_ready};
}

void pa_channel_log(void *context, enum pa_log_level level, const char *component,
                    const char *message) {
    struct pa_buf line = PA_BUF_INIT(8192);
    pa_put_u8(&line, (uint8_t)level);
    pa_put_text(&line, component);
    pa_put_text(&line, message);
    if (!line.failed)
        pa_channel_send(context, PA_FRAME_LOG, line.data, line.size);
    pa_buf_done(&line);
}
