#include "run/exchange.h"

#include "base/clock.h"
#include "run/worker_log.h"
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Until the socket is ready for `events`.  Readable counts before the process's end, so that its
 * last words are heard. */
static int await(const struct pa_worker *worker, short events, uint64_t deadline_ns,
                 struct pa_error *err) {
    struct pollfd polled[] = {{.fd = worker->socket, .events = events},
                              {.fd = worker->pidfd, .events = POLLIN}};
    for (uint64_t now; (now = pa_clock_monotonic_ns()) < deadline_ns;) {
        uint64_t ms = (deadline_ns - now) / PA_NS_PER_MS + 1;
        int n = poll(polled, PA_ARRAY_LEN(polled), (int)PA_MIN(ms, (uint64_t)INT_MAX));
        if (n > 0 && polled[0].revents)
            return 0;
        if (n > 0)
            return pa_fail(err, PA_ERR_UNAVAILABLE, "its process has ended");
    }
    return pa_fail(err, PA_ERR_UNAVAILABLE, "its process does not answer");
}

static int send_all(const struct pa_worker *worker, enum pa_frame_type type, const void *payload,
                    size_t size, int fd, uint64_t deadline_ns, struct pa_error *err) {
    for (size_t sent = 0;
         pa_frame_send_some(worker->socket, type, payload, size, &fd, fd >= 0, &sent) < 0;) {
        if (errno != EAGAIN)
            return pa_fail_errno(err, errno, "its process cannot be asked");
        if (await(worker, POLLOUT, deadline_ns, err) < 0)
            return -1;
    }
    return 0;
}

/* One recvmsg; takes the first descriptor that comes along, and no more. */
static ssize_t receive_some(int socket, void *out, size_t size, int *fd) {
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {out, size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *head = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        pa_closep(fd);
        memcpy(fd, CMSG_DATA(head), sizeof(*fd));
    }
    return n;
}

static int receive_exactly(const struct pa_worker *worker, void *out, size_t size, int *fd,
                           uint64_t deadline_ns, struct pa_error *err) {
    for (size_t done = 0; done < size;) {
        ssize_t n = receive_some(worker->socket, (char *)out + done, size - done, fd);
        if (n == 0)
            return pa_fail(err, PA_ERR_UNAVAILABLE, "its process closed its channel");
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return pa_fail_errno(err, errno, "its process cannot be heard");
        if (n < 0 && await(worker, POLLIN, deadline_ns, err) < 0)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int receive_frame(const struct pa_worker *worker, struct pa_frame *ret,
                         struct pa_reply *reply, uint64_t deadline_ns, struct pa_error *err) {
    uint8_t header[PA_FRAME_HEADER];
    uint32_t size;
    if (receive_exactly(worker, header, sizeof(header), &reply->fd, deadline_ns, err) < 0)
        return -1;
    memcpy(&size, header, sizeof(size));
    size = le32toh(size);
    if (size > PA_FRAME_MAX)
        return pa_fail(err, PA_ERR_UNAVAILABLE, "its process sent a frame of %u bytes", size);
    pa_buf_clear(&reply->payload);
    void *room = pa_buf_reserve(&reply->payload, size);
    if (!room)
        return pa_fail(err, PA_ERR_RESOURCE_EXHAUSTED, "no memory for a reply of %u bytes", size);
    if (receive_exactly(worker, room, size, &reply->fd, deadline_ns, err) < 0)
        return -1;
    reply->payload.size = size;
    *ret = (struct pa_frame){(enum pa_frame_type)header[4], header[5], room, size};
    return 0;
}

int pa_exchange(const struct pa_worker *worker, enum pa_frame_type type, const void *payload,
                size_t size, int fd, uint64_t deadline_ns, enum pa_frame_type wanted,
                struct pa_reply *ret, struct pa_error *err) {
    struct pa_frame frame;
    unsigned log_lines = 0;
    *ret = (struct pa_reply){.payload = PA_BUF_INIT(PA_FRAME_MAX + 1), .fd = -1};
    int done = send_all(worker, type, payload, size, fd, deadline_ns, err);
    while (done == 0 && (done = receive_frame(worker, &frame, ret, deadline_ns, err)) == 0) {
        if (frame.type == wanted)
            return 0;
        if (frame.type == PA_FRAME_FAILED && pa_error_decode(frame.payload, frame.size, err) == 0)
            done = -1;
        else if (frame.type != PA_FRAME_LOG || pa_worker_log(&frame, &log_lines) < 0)
            done =
                pa_fail(err, PA_ERR_UNAVAILABLE, "its process sent a frame of type %d", frame.type);
    }
    pa_reply_done(ret);
    return -1;
}

void pa_reply_done(struct pa_reply *reply) {
    pa_buf_done(&reply->payload);
    pa_closep(&reply->fd);
}
