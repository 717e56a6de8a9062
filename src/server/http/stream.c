/*
 * The queue holds at most QUEUE_MOST bytes.  A producer that fills it waits, and with it the guest,
 * whose output then waits in turn: a slow reader costs no memory.  One that takes nothing at all
 * for its time is cut off by the connection's deadline, which moves with each piece it takes.
 *
 * The taking side is libmicrohttpd asking for more in the connection's thread; it waits here.  When
 * the connection ends, however it does, libmicrohttpd frees the reply, and that is how the producer
 * learns that nobody listens: push returns false, and closed_fd becomes readable for a run that
 * just computes.
 */
#include "server/http/stream.h"

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_MOST  ((size_t)256 * 1024) /* bytes */
#define PIECE       ((size_t)32 * 1024)  /* that libmicrohttpd asks for at once */
#define HEARTBEAT_S 15

struct pa_http_stream {
    atomic_uint references;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    struct pa_buf queue;
    const char *heartbeat; /* NULL: none */
    bool within;           /* a push has not put in all of its bytes */
    bool ended, closed;
    int closed_fd;

    /* Of the taking side alone. */
    struct pa_http_peer *peer;
    uint64_t client_timeout_ns;
};

struct pa_http_stream *pa_http_stream_new(void) {
    int closed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (closed_fd < 0)
        return NULL;
    struct pa_http_stream *stream = pa_xcalloc(1, sizeof(*stream));
    stream->references = 1;
    stream->closed_fd = closed_fd;
    stream->queue = PA_BUF_INIT(QUEUE_MOST);
    pthread_mutex_init(&stream->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&stream->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return stream;
}

struct pa_http_stream *pa_http_stream_ref(struct pa_http_stream *stream) {
    atomic_fetch_add(&stream->references, 1);
    return stream;
}

struct pa_http_stream *pa_http_stream_unref(struct pa_http_stream *stream) {
    if (!stream || atomic_fetch_sub(&stream->references, 1) > 1)
        return NULL;
    pa_buf_done(&stream->queue);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    close(stream->closed_fd);
    free(stream);
    return NULL;
}

void pa_http_stream_heartbeat(struct pa_http_stream *stream, const char *literal) {
    stream->heartbeat = literal;
}

static bool watch(int set, int fd, uint32_t events) {
    struct epoll_event event = {.events = events};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

int pa_http_stream_cancel_fd(const struct pa_http_request *request,
                             const struct pa_http_stream *stream) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    PA_CLEANUP(pa_closep) int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0 || !watch(set, request->door->give_up_fd, EPOLLIN) ||
        (stream &&
         (!watch(set, info->connect_fd, EPOLLRDHUP) || !watch(set, stream->closed_fd, EPOLLIN))))
        return -1;
    return pa_steal_fd(&set);
}

bool pa_http_stream_push(struct pa_http_stream *stream, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    pthread_mutex_lock(&stream->lock);
    stream->within = true;
    while (size && !stream->closed) {
        size_t room = QUEUE_MOST - stream->queue.size;
        if (!room) {
            pthread_cond_wait(&stream->changed, &stream->lock);
            continue;
        }
        size_t n = PA_MIN(room, size);
        pa_buf_append(&stream->queue, at, n);
        if (stream->queue.failed)
            break;
        at += n;
        size -= n;
        pthread_cond_broadcast(&stream->changed);
    }
    stream->within = false;
    bool taken = !stream->closed && !stream->queue.failed;
    pthread_mutex_unlock(&stream->lock);
    return taken;
}

void pa_http_stream_end(struct pa_http_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
}

/* --- the taking side -------------------------------------------------------------------------- */

/* Waits, locked, until there is something to send; false when a heartbeat is due. */
static bool wait_for_bytes(struct pa_http_stream *stream) {
    uint64_t due = pa_clock_monotonic_ns() + HEARTBEAT_S * PA_NS_PER_S;
    const struct timespec until = {.tv_sec = (time_t)(due / PA_NS_PER_S),
                                   .tv_nsec = (long)(due % PA_NS_PER_S)};
    while (!stream->queue.size && !stream->ended) {
        if (!stream->heartbeat || stream->within)
            pthread_cond_wait(&stream->changed, &stream->lock);
        else if (pthread_cond_timedwait(&stream->changed, &stream->lock, &until) != 0)
            return false;
    }
    return true;
}

static ssize_t take(void *context, uint64_t position, char *out, size_t room) {
    struct pa_http_stream *stream = context;
    pa_http_peer_until(stream->peer, PA_HTTP_NEVER);
    pthread_mutex_lock(&stream->lock);
    ssize_t taken = MHD_CONTENT_READER_END_OF_STREAM;
    if (!wait_for_bytes(stream)) {
        taken = (ssize_t)PA_MIN(room, strlen(stream->heartbeat));
        memcpy(out, stream->heartbeat, (size_t)taken);
    } else if (stream->queue.size) {
        taken = (ssize_t)PA_MIN(room, stream->queue.size);
        memcpy(out, stream->queue.data, (size_t)taken);
        pa_buf_consume(&stream->queue, (size_t)taken);
        pthread_cond_broadcast(&stream->changed);
    }
    pthread_mutex_unlock(&stream->lock);
    pa_http_peer_until(stream->peer, pa_clock_monotonic_ns() + stream->client_timeout_ns);
    return taken;
}

static void close_stream(void *context) {
    struct pa_http_stream *stream = context;
    pthread_mutex_lock(&stream->lock);
    stream->closed = true;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->lock);
    uint64_t one = 1;
    if (write(stream->closed_fd, &one, sizeof(one)) < 0)
        PA_ASSERT(!"an eventfd takes its first event");
    pa_http_stream_unref(stream);
}

int pa_http_reply_stream(struct pa_http_request *request, unsigned status, const char *content_type,
                         struct pa_http_stream *stream) {
    stream->peer = request->peer;
    stream->client_timeout_ns = request->door->settings->client_timeout_ms * PA_NS_PER_MS;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, PIECE, take, pa_http_stream_ref(stream), close_stream);
    if (!response)
        close_stream(stream);
    return pa_http_reply_response(request, status, content_type, response, 0);
}
