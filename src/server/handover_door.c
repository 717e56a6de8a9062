/*
 * A thread accepts, and one for each client hands over and holds.  The clients are in a list, so
 * that a door that stops can hang up on them; a client's thread takes itself out and is then done
 * with the door.
 */
#include "server/handover_door.h"

#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS 512
#define BREATH_MS   50
#define TAKE_NS     (90 * PA_NS_PER_S) /* a first request may have to wait for a compilation */

struct pa_handover_door {
    char *path;
    int listener, stop_fd;
    struct pa_pools *pools;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;   /* over what follows */
    pthread_cond_t fewer;   /* clients; by the monotonic clock */
    struct client *clients; /* a list */
    size_t client_count;
};

struct client {
    struct pa_handover_door *door;
    int connection;
    struct client *next;
};

int pa_handover_door_new(const char *path, struct pa_handover_door **ret, struct pa_error *err) {
    struct pa_handover_door *door = pa_xcalloc(1, sizeof(*door));
    door->path = path ? pa_xstrdup(path) : pa_handover_path();
    pthread_mutex_init(&door->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&door->fewer, &attributes);
    pthread_condattr_destroy(&attributes);
    door->stop_fd = -1;
    door->listener = pa_handover_listen(door->path, err);
    if (door->listener < 0) {
        pa_handover_door_free(door);
        return -1;
    }
    *ret = door;
    return 0;
}

const char *pa_handover_door_path(const struct pa_handover_door *door) {
    return door->path;
}

/* --- clients ---------------------------------------------------------------------------------- */

/* False when there are too many. */
static bool add_client(struct client *client) {
    struct pa_handover_door *door = client->door;
    pthread_mutex_lock(&door->lock);
    bool room = door->client_count < MAX_CLIENTS;
    if (room) {
        client->next = door->clients;
        door->clients = client;
        door->client_count++;
    }
    pthread_mutex_unlock(&door->lock);
    return room;
}

/* The last that its thread does with the door. */
static void remove_client(struct client *client) {
    struct pa_handover_door *door = client->door;
    pthread_mutex_lock(&door->lock);
    struct client **link = &door->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    close(client->connection); /* not before: who stops may not meet its number in other hands */
    door->client_count--;
    pthread_cond_broadcast(&door->fewer);
    pthread_mutex_unlock(&door->lock);
    free(client);
}

static int serve(struct client *client, struct pa_error *err) {
    struct pa_want want;
    struct pa_worker worker;
    int done = pa_handover_receive(client->connection, &want, err);
    if (done == 0) /* one that hangs up waits no longer */
        done = pa_pools_take(client->door->pools, &want, pa_clock_monotonic_ns() + TAKE_NS,
                             client->connection, &worker, err);
    pa_want_done(&want);
    if (done < 0)
        return pa_handover_reply(client->connection, NULL, err);
    if (pa_handover_reply(client->connection, &worker, NULL) < 0) {
        pa_worker_discard(&worker);
        return 0;
    }
    return pa_handover_hold(client->connection, &worker);
}

static void *run_client(void *context) {
    struct client *client = context;
    struct pa_error err = {0};
    if (serve(client, &err) < 0)
        pa_log_debug("server", "a client was not served: %s", err.message);
    remove_client(client);
    return NULL;
}

static void accept_client(struct pa_handover_door *door) {
    int connection = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            poll(NULL, 0, BREATH_MS); /* it stays in the queue: do not spin on it */
        return;
    }
    struct client *client = pa_xcalloc(1, sizeof(*client));
    *client = (struct client){door, connection, NULL};
    pthread_t thread;
    struct pa_error err;
    if (!add_client(client)) {
        pa_fail(&err, PA_ERR_RESOURCE_EXHAUSTED, "%d clients are connected already", MAX_CLIENTS);
        pa_handover_reply(connection, NULL, &err);
        close(connection);
        free(client);
        return;
    }
    int failed = pthread_create(&thread, NULL, run_client, client);
    if (!failed) {
        pthread_detach(thread);
        return;
    }
    pa_fail_errno(&err, failed, "no thread for another client");
    pa_handover_reply(connection, NULL, &err);
    remove_client(client);
}

/* --- life --------------------------------------------------------------------------------------
 */

static void *accept_clients(void *context) {
    struct pa_handover_door *door = context;
    for (;;) {
        struct pollfd polled[] = {{.fd = door->listener, .events = POLLIN},
                                  {.fd = door->stop_fd, .events = POLLIN}};
        if (poll(polled, PA_ARRAY_LEN(polled), -1) < 0)
            continue; /* EINTR */
        if (polled[1].revents)
            return NULL;
        if (polled[0].revents)
            accept_client(door);
    }
}

int pa_handover_door_start(struct pa_handover_door *door, struct pa_pools *pools,
                           struct pa_error *err) {
    door->pools = pools;
    door->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (door->stop_fd < 0)
        return pa_fail_errno(err, errno, "serving on %s", door->path);
    int failed = pthread_create(&door->thread, NULL, accept_clients, door);
    if (failed)
        return pa_fail_errno(err, failed, "serving on %s", door->path);
    door->running = true;
    return 0;
}

static int wait_for_clients(struct pa_handover_door *door, uint64_t deadline_ns) {
    struct timespec until = {(time_t)(deadline_ns / PA_NS_PER_S),
                             (long)(deadline_ns % PA_NS_PER_S)};
    int timed_out = 0;
    pthread_mutex_lock(&door->lock);
    while (door->client_count && !timed_out)
        timed_out = pthread_cond_timedwait(&door->fewer, &door->lock, &until);
    size_t left = door->client_count;
    for (struct client *client = door->clients; client; client = client->next)
        shutdown(client->connection, SHUT_RDWR);
    while (door->client_count)
        pthread_cond_wait(&door->fewer, &door->lock);
    pthread_mutex_unlock(&door->lock);
    if (left)
        pa_log_warn("server", "%zu runs of the command line were cut off", left);
    return left ? -1 : 0;
}

int pa_handover_door_stop(struct pa_handover_door *door, uint64_t deadline_ns) {
    if (door->listener < 0)
        return 0;
    unlink(door->path); /* first: once it is closed the path may be another's */
    if (door->running) {
        eventfd_write(door->stop_fd, 1);
        pthread_join(door->thread, NULL);
        door->running = false;
    }
    close(door->listener);
    door->listener = -1;
    return wait_for_clients(door, deadline_ns);
}

struct pa_handover_door *pa_handover_door_free(struct pa_handover_door *door) {
    if (!door)
        return NULL;
    pa_handover_door_stop(door, 0);
    pa_closep(&door->stop_fd);
    pthread_cond_destroy(&door->fewer);
    pthread_mutex_destroy(&door->lock);
    free(door->path);
    free(door);
    return NULL;
}
