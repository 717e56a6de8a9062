#include "warm/frame.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_STEP 65536u

void pa_frame_header(uint8_t out[PA_FRAME_HEADER], enum pa_frame_type type, uint8_t flags,
                     uint32_t size) {
    uint32_t le = htole32(size);
    memcpy(out, &le, 4);
    out[4] = (uint8_t)type;
    out[5] = flags;
    out[6] = out[7] = 0;
}

void pa_frame_decoder_init(struct pa_frame_decoder *decoder) {
    *decoder = (struct pa_frame_decoder){
        .buffer = PA_BUF_INIT(PA_FRAME_MAX + PA_FRAME_HEADER + READ_STEP)};
}

void pa_frame_decoder_done(struct pa_frame_decoder *decoder) {
    pa_buf_done(&decoder->buffer);
}

void *pa_frame_decoder_room(struct pa_frame_decoder *decoder, size_t *ret_size) {
    pa_buf_consume(&decoder->buffer, decoder->consumed);
    decoder->consumed = 0;
    /* The caller decodes until it gets 0, so less than one frame is left here: there is room. */
    void *room = pa_buf_reserve(&decoder->buffer, READ_STEP);
    *ret_size = room ? READ_STEP : 0;
    return room;
}

void pa_frame_decoder_fed(struct pa_frame_decoder *decoder, size_t size) {
    PA_ASSERT(size <= READ_STEP);
    decoder->buffer.size += size;
}

static uint32_t load_u32(const uint8_t *at) {
    uint32_t le;
    memcpy(&le, at, 4);
    return le32toh(le);
}

int pa_frame_decoder_next(struct pa_frame_decoder *decoder, struct pa_frame *ret,
                          struct pa_error *err) {
    const uint8_t *at = decoder->buffer.data + decoder->consumed;
    size_t have = decoder->buffer.size - decoder->consumed;
    if (have < PA_FRAME_HEADER)
        return 0;
    uint32_t size = load_u32(at);
    if (size > PA_FRAME_MAX)
        return pa_fail(err, PA_ERR_INTERNAL, "a frame announces %u bytes, more than %u", size,
                       PA_FRAME_MAX);
    if (at[4] < PA_FRAME_JAILED || at[4] > PA_FRAME_LAST || at[6] || at[7])
        return pa_fail(err, PA_ERR_INTERNAL, "a frame has the unknown type %u", at[4]);
    if (have - PA_FRAME_HEADER < size)
        return 0;
    *ret = (struct pa_frame){(enum pa_frame_type)at[4], at[5], at + PA_FRAME_HEADER, size};
    decoder->consumed += PA_FRAME_HEADER + size;
    return 1;
}

/* One sendmsg of a frame from its byte `sent` on; descriptors go with the first byte. */
static ssize_t send_from(int socket, size_t sent, const uint8_t header[PA_FRAME_HEADER],
                         const void *payload, size_t size, const int *fds, size_t fd_count,
                         int flags) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int) * PA_FRAME_MAX_FDS)];
    } control;
    size_t header_sent = PA_MIN(sent, (size_t)PA_FRAME_HEADER), payload_sent = sent - header_sent;
    struct iovec iov[2] = {{(uint8_t *)header + header_sent, PA_FRAME_HEADER - header_sent},
                           {(uint8_t *)payload + payload_sent, size - payload_sent}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = size ? 2 : 1};
    if (fd_count && !sent) {
        memset(&control, 0, sizeof(control));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                 .cmsg_type = SCM_RIGHTS,
                                 .cmsg_len = CMSG_LEN(sizeof(int) * fd_count)};
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | flags);
}

static int send_rest(int socket, enum pa_frame_type type, const void *payload, size_t size,
                     const int *fds, size_t fd_count, int flags, size_t *sent) {
    PA_ASSERT(fd_count <= PA_FRAME_MAX_FDS);
    if (size > PA_FRAME_MAX_REQUEST) {
        errno = EMSGSIZE;
        return -1;
    }
    uint8_t header[PA_FRAME_HEADER];
    pa_frame_header(header, type, 0, (uint32_t)size);
    while (*sent < PA_FRAME_HEADER + size) {
        ssize_t n = send_from(socket, *sent, header, payload, size, fds, fd_count, flags);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        *sent += (size_t)n;
    }
    return 0;
}

int pa_frame_send(int socket, enum pa_frame_type type, const void *payload, size_t size,
                  const int *fds, size_t fd_count, bool wait) {
    size_t sent = 0;
    return send_rest(socket, type, payload, size, fds, fd_count, wait ? 0 : MSG_DONTWAIT, &sent);
}

int pa_frame_send_some(int socket, enum pa_frame_type type, const void *payload, size_t size,
                       const int *fds, size_t fd_count, size_t *sent) {
    return send_rest(socket, type, payload, size, fds, fd_count, MSG_DONTWAIT, sent);
}

/* Takes over what came; -1 when it is more than a frame may have. */
static int take_fds(const int *came, size_t count, int *fds, size_t *fd_count) {
    size_t taken = PA_MIN(count, PA_FRAME_MAX_FDS - *fd_count);
    memcpy(fds + *fd_count, came, taken * sizeof(int));
    *fd_count += taken;
    for (size_t i = taken; i < count; i++)
        close(came[i]);
    errno = EPROTO;
    return taken < count ? -1 : 0;
}

/* Reads exactly `size` bytes; takes descriptors that come along. */
static int receive_exactly(int socket, void *out, size_t size, int *fds, size_t *fd_count) {
    for (size_t done = 0; done < size;) {
        union {
            struct cmsghdr head;
            char room[CMSG_SPACE(sizeof(int) * PA_FRAME_MAX_FDS)];
        } control;
        struct iovec iov = {(char *)out + done, size - done};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ECONNRESET;
            return -1;
        }
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
            size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            if (take_fds((const int *)(const void *)CMSG_DATA(head), count, fds, fd_count) < 0)
                return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

static int receive_frame(int socket, struct pa_frame *ret, struct pa_buf *payload, int *ret_fds,
                         size_t *ret_fd_count, struct pa_error *err) {
    uint8_t header[PA_FRAME_HEADER];
    if (receive_exactly(socket, header, sizeof(header), ret_fds, ret_fd_count) < 0)
        return pa_fail_errno(err, errno, "cannot read a request from the run channel");
    uint32_t size = load_u32(header);
    void *room = pa_buf_reserve(payload, size);
    if (!room)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "no memory for a request of %u bytes", size);
    if (receive_exactly(socket, room, size, ret_fds, ret_fd_count) < 0)
        return pa_fail_errno(err, errno, "cannot read a request of %u bytes", size);
    *ret = (struct pa_frame){(enum pa_frame_type)header[4], header[5], room, size};
    return 0;
}

int pa_frame_receive(int socket, struct pa_frame *ret, struct pa_buf *payload, int *ret_fds,
                     size_t *ret_fd_count, struct pa_error *err) {
    *ret_fd_count = 0;
    int done = receive_frame(socket, ret, payload, ret_fds, ret_fd_count, err);
    while (done < 0 && *ret_fd_count)
        close(ret_fds[--*ret_fd_count]);
    return done;
}

/* Text from a worker goes to terminals and logs: no control characters, but for lines where there
 * may be lines. */
static void make_plain(char *text, bool lines) {
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && !(lines && *text == '\n')) || *text == 0x7f)
            *text = '?';
}

void pa_end_encode(const struct pa_end *end, struct pa_buf *buf) {
    pa_put_u32(buf, end->status);
    pa_put_u32(buf, end->exit_code);
    pa_put_u64(buf, end->memory_peak_bytes);
    pa_put_u64(buf, end->fuel_used);
    pa_put_text(buf, end->kind);
    pa_put_text(buf, end->message);
    pa_put_text(buf, end->backtrace);
}

int pa_end_decode(const uint8_t *payload, size_t size, struct pa_end *ret) {
    struct pa_reader reader = PA_READER(payload, size);
    struct pa_end end = {0};
    uint32_t status = pa_get_u32(&reader);
    end.exit_code = pa_get_u32(&reader);
    end.memory_peak_bytes = pa_get_u64(&reader);
    end.fuel_used = pa_get_u64(&reader);
    pa_get_text_into(&reader, end.kind, sizeof(end.kind));
    pa_get_text_into(&reader, end.message, sizeof(end.message));
    pa_get_text_into(&reader, end.backtrace, sizeof(end.backtrace));
    if (!pa_reader_ok(&reader) || status >= PA_STATUS_COUNT)
        return -1;
    make_plain(end.kind, false);
    make_plain(end.message, true);
    make_plain(end.backtrace, true);
    end.status = (enum pa_status)status;
    *ret = end;
    return 0;
}

void pa_error_encode(const struct pa_error *err, struct pa_buf *buf) {
    pa_put_u32(buf, err->code);
    pa_put_u32(buf, (uint32_t)err->errnum);
    pa_put_text(buf, err->message);
}

int pa_error_decode(const uint8_t *payload, size_t size, struct pa_error *ret) {
    struct pa_reader reader = PA_READER(payload, size);
    struct pa_error err = {0};
    uint32_t code = pa_get_u32(&reader);
    err.errnum = (int)pa_get_u32(&reader);
    pa_get_text_into(&reader, err.message, sizeof(err.message));
    if (!pa_reader_ok(&reader) || code == PA_ERR_NONE || code > PA_ERR_UNAVAILABLE)
        return -1;
    make_plain(err.message, false);
    err.code = (enum pa_error_code)code;
    *ret = err;
    return 0;
}
