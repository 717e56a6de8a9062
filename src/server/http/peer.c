/*
 * Connections, from the side of time.
 *
 * libmicrohttpd's own timeout is for silence, and a client that sends a byte now and then is never
 * silent.  So there is one thread that knows a deadline for each connection and shuts its socket
 * down past it; the connection's thread then sees the end of the stream.  request.c moves the
 * deadline: a fixed time for the headers, more for a body as it comes in, none while a run goes on.
 *
 * The thread sleeps until the earliest deadline it knew when it last looked.  Deadlines mostly move
 * away, which needs no waking; only one that comes before the next look wakes it.  With nobody
 * connected it sleeps for good.
 *
 * That a client has hung up is seen by an epoll set: it holds the socket, for its hanging up alone
 * (what a client sends on is none), and the door's descriptor that says all is to end.  The set
 * itself can be polled, so it is the cancel_fd of a run, and nobody has to watch in between.
 */
#include "server/http/http_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct pa_http_peer {
    struct pa_http_watch *watch;
    int socket, give_up_fd;
    int gone_fd; /* the epoll set; -1 until it is asked for */
    uint64_t deadline_ns;
    struct pa_http_peer *previous, *next;
};

struct pa_http_watch {
    pthread_t thread;
    pthread_mutex_t lock; /* over the list, the deadlines and what follows */
    pthread_cond_t sooner;
    struct pa_http_peer *peers;
    uint64_t looks_at_ns; /* when it looks next */
    bool hurrying, ending;
};

/* How long a client may be silent once the door is to be closed. */
#define HURRY_NS (2 * PA_NS_PER_S)

static struct timespec to_timespec(uint64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / PA_NS_PER_S),
                             .tv_nsec = (long)(ns % PA_NS_PER_S)};
}

/* Cuts off who is late; returns the earliest deadline of the others. */
static uint64_t cut_off_late(struct pa_http_watch *watch) {
    uint64_t now = pa_clock_monotonic_ns(), earliest = PA_HTTP_NEVER;
    for (struct pa_http_peer *peer = watch->peers; peer; peer = peer->next) {
        if (peer->deadline_ns <= now) {
            shutdown(peer->socket, SHUT_RDWR);
            peer->deadline_ns = PA_HTTP_NEVER;
        }
        earliest = PA_MIN(earliest, peer->deadline_ns);
    }
    return earliest;
}

static void *watch_peers(void *context) {
    struct pa_http_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    while (!watch->ending) {
        watch->looks_at_ns = cut_off_late(watch);
        if (watch->looks_at_ns == PA_HTTP_NEVER) {
            pthread_cond_wait(&watch->sooner, &watch->lock);
        } else {
            const struct timespec until = to_timespec(watch->looks_at_ns);
            pthread_cond_timedwait(&watch->sooner, &watch->lock, &until);
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

int pa_http_watch_new(struct pa_http_watch **ret, struct pa_error *err) {
    struct pa_http_watch *watch = pa_xcalloc(1, sizeof(*watch));
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->sooner, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&watch->thread, NULL, watch_peers, watch);
    if (failed) {
        pthread_cond_destroy(&watch->sooner);
        pthread_mutex_destroy(&watch->lock);
        free(watch);
        return pa_fail_errno(err, failed, "cannot start the thread that watches connections");
    }
    *ret = watch;
    return 0;
}

struct pa_http_watch *pa_http_watch_free(struct pa_http_watch *watch) {
    if (!watch)
        return NULL;
    pthread_mutex_lock(&watch->lock);
    PA_ASSERT(!watch->peers);
    watch->ending = true;
    pthread_cond_signal(&watch->sooner);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->sooner);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
    return NULL;
}

struct pa_http_peer *pa_http_peer_new(struct pa_http_watch *watch, int socket, int give_up_fd) {
    struct pa_http_peer *peer = pa_xcalloc(1, sizeof(*peer));
    *peer = (struct pa_http_peer){.watch = watch,
                                  .socket = socket,
                                  .give_up_fd = give_up_fd,
                                  .gone_fd = -1,
                                  .deadline_ns = PA_HTTP_NEVER};
    pthread_mutex_lock(&watch->lock);
    peer->next = watch->peers;
    if (peer->next)
        peer->next->previous = peer;
    watch->peers = peer;
    pthread_mutex_unlock(&watch->lock);
    return peer;
}

struct pa_http_peer *pa_http_peer_free(struct pa_http_peer *peer) {
    if (!peer)
        return NULL;
    struct pa_http_watch *watch = peer->watch;
    pthread_mutex_lock(&watch->lock);
    *(peer->previous ? &peer->previous->next : &watch->peers) = peer->next;
    if (peer->next)
        peer->next->previous = peer->previous;
    pthread_mutex_unlock(&watch->lock);
    pa_closep(&peer->gone_fd);
    free(peer);
    return NULL;
}

void pa_http_peer_until(struct pa_http_peer *peer, uint64_t deadline_ns) {
    struct pa_http_watch *watch = peer->watch;
    pthread_mutex_lock(&watch->lock);
    if (watch->hurrying && deadline_ns != PA_HTTP_NEVER)
        deadline_ns = PA_MIN(deadline_ns, pa_clock_monotonic_ns() + HURRY_NS);
    peer->deadline_ns = deadline_ns;
    if (deadline_ns < watch->looks_at_ns)
        pthread_cond_signal(&watch->sooner);
    pthread_mutex_unlock(&watch->lock);
}

void pa_http_watch_hurry(struct pa_http_watch *watch) {
    uint64_t soon = pa_clock_monotonic_ns() + HURRY_NS;
    pthread_mutex_lock(&watch->lock);
    watch->hurrying = true;
    for (struct pa_http_peer *peer = watch->peers; peer; peer = peer->next)
        if (peer->deadline_ns != PA_HTTP_NEVER)
            peer->deadline_ns = PA_MIN(peer->deadline_ns, soon);
    pthread_cond_signal(&watch->sooner);
    pthread_mutex_unlock(&watch->lock);
}

static bool add(int set, int fd, uint32_t events) {
    struct epoll_event event = {.events = events};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0;
}

int pa_http_peer_gone_fd(struct pa_http_peer *peer) {
    if (peer->gone_fd >= 0)
        return peer->gone_fd;
    PA_CLEANUP(pa_closep) int set = epoll_create1(EPOLL_CLOEXEC);
    if (set >= 0 && add(set, peer->socket, EPOLLRDHUP) && add(set, peer->give_up_fd, EPOLLIN))
        peer->gone_fd = pa_steal_fd(&set);
    return peer->gone_fd;
}
