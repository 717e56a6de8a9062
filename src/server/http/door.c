/*
 * The listener and libmicrohttpd's daemon on it, with a thread for each connection: a run blocks
 * its thread for as long as it takes, threads that wait cost no CPU, and no callback of ours has to
 * be written so that it could be left and entered again.
 */

#include "base/io.h"
#include "base/log.h"
#include "server/http/mcp.h"
#include "server/listen.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_BYTES    ((size_t)1 << 20) /* the deepest JSON that is read wants 200 KiB */
#define SECRET_MOST    ((size_t)1 << 20)
#define SPOOL_REQUESTS 4 /* bodies of the largest size that fit at once */

/* --- what pa_http_stop waits for -------------------------------------------------------------- */

void pa_http_enter(struct pa_http *door) {
    pthread_mutex_lock(&door->lock);
    door->busy++;
    pthread_mutex_unlock(&door->lock);
}

void pa_http_leave(struct pa_http *door) {
    pthread_mutex_lock(&door->lock);
    if (--door->busy == 0)
        pthread_cond_broadcast(&door->fewer);
    pthread_mutex_unlock(&door->lock);
}

bool pa_http_draining(struct pa_http *door) {
    pthread_mutex_lock(&door->lock);
    bool draining = door->draining;
    pthread_mutex_unlock(&door->lock);
    return draining;
}

/* --- the listener ----------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)address;
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *six = (const void *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* What was bound, for the door's own use and for who asks. */
static int describe_listener(struct pa_http *door, struct pa_error *err) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    char text[PA_LISTEN_TEXT];
    if (getsockname(door->listener, (struct sockaddr *)&address, &size) < 0)
        return pa_fail_errno(err, errno, "the listener of HTTP");
    pa_listen_address(door->listener, text);
    door->loopback = is_loopback((struct sockaddr *)&address);
    snprintf(door->address, sizeof(door->address), "http%s://%s", door->tls ? "s" : "", text);
    return 0;
}

static int open_listener(struct pa_http *door, int given, struct pa_error *err) {
    bool e2b = door->kind == PA_HTTP_E2B;
    const char *where = e2b ? door->settings->e2b_listen : door->settings->http_listen;
    door->listener = given;
    if (given < 0 && pa_listen_bind(where, &door->listener, err) < 0)
        return -1;
    if (given < 0 && listen(door->listener, PA_LISTEN_BACKLOG) < 0)
        return pa_fail_errno(err, errno, "cannot listen on %s", where);
    return describe_listener(door, err);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static int read_model_key(struct pa_http *door, struct pa_error *err) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(SECRET_MOST);
    const char *path = door->settings->tasks_api_key_file;
    if (!path)
        return 0;
    if (pa_read_file(path, &text, err) < 0)
        return pa_error_prefix(err, "server.tasks_api_key_file");
    door->model_key = (char *)pa_buf_take(&text, NULL);
    door->model_key[strcspn(door->model_key, "\r\n")] = 0;
    return 0;
}

static void wipe(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* The newest certificate, in place of the one that libmicrohttpd was started with.  And that asks a
 * client for its certificate and leaves it at that; here the handshake fails without one that an
 * authority of ours signed. */
static void set_identity(const struct pa_http *door, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!door->tls || !info)
        return;
    const struct pa_tls_identity *newest = pa_tls_identity(door->tls);
    gnutls_credentials_set(info->tls_session, GNUTLS_CRD_CERTIFICATE, newest->credentials);
    if (!newest->client_ca)
        return;
    gnutls_certificate_server_set_request(info->tls_session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert(info->tls_session, NULL, 0);
}

/* --- the daemon ------------------------------------------------------------------------------- */

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode what) {
    struct pa_http *door = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        pa_http_peer_free(pa_steal((struct pa_http_peer **)slot));
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pa_http_peer *peer = pa_http_peer_new(door->watch, info->connect_fd, door->give_up_fd);
    pa_http_peer_until(peer,
                       pa_clock_monotonic_ns() + door->settings->client_timeout_ms * PA_NS_PER_MS);
    *slot = peer;
    set_identity(door, connection);
}

PA_PRINTF(2, 0) static void log_message(void *context, const char *fmt, va_list args) {
    char message[256];
    if (!pa_log_enabled("http", PA_LOG_DEBUG))
        return;
    vsnprintf(message, sizeof(message), fmt, args);
    message[strcspn(message, "\n")] = 0;
    pa_log_debug("http", "%s", message);
}

/* Targets are decoded in target.c, segment by segment. */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text) {
    return strlen(text);
}

/* A connection is cut off by its deadline (peer.c), so libmicrohttpd has no timeout of its own. */
static void start_daemon(struct pa_http *door) {
    const struct pa_server_settings *settings = door->settings;
    const struct pa_tls_identity *first = door->tls ? pa_tls_identity(door->tls) : NULL;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, door->listener, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)pa_http_on_completed, door},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, door},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)pa_http_on_target, door},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_encoded, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->max_connections, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)(settings->header_bytes + 16 * PA_KIB),
         NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {first ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, first ? first->certificate : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, first ? first->key : NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (first)
        flags |= MHD_USE_TLS;
    door->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, pa_http_on_request, door, MHD_OPTION_EXTERNAL_LOGGER,
                         log_message, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* --- its life --------------------------------------------------------------------------------- */

static void init_locks(struct pa_http *door) {
    pthread_condattr_t monotonic;
    pthread_mutex_init(&door->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&door->fewer, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int pa_http_new(const struct pa_http_config *config, struct pa_http **ret, struct pa_error *err) {
    struct pa_http *door = pa_xcalloc(1, sizeof(*door));
    *door = (struct pa_http){.service = config->service,
                             .settings = config->settings,
                             .tls = config->tls,
                             .kind = config->kind,
                             .listener = -1,
                             .give_up_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                             .spool.most = SPOOL_REQUESTS * config->settings->request_bytes};
    init_locks(door);
    door->mcp = pa_http_mcp_new();
    int done = door->give_up_fd < 0 ? pa_fail_errno(err, errno, "HTTP") : 0;
    if (done == 0 && door->kind == PA_HTTP_API)
        done = read_model_key(door, err);
    if (done == 0)
        done = open_listener(door, config->listener, err);
    if (done < 0) {
        if (config->listener >= 0)
            door->listener = -1; /* still the caller's */
        pa_http_free(door);
        return -1;
    }
    *ret = door;
    return 0;
}

int pa_http_start(struct pa_http *door, struct pa_error *err) {
    sigset_t all, before;
    if (pa_http_watch_new(&door->watch, err) < 0)
        return -1;
    sigfillset(&all); /* signals are for the thread that waits for them, not for these */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    start_daemon(door);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (door->daemon)
        return 0;
    return pa_fail(err, PA_ERR_UNAVAILABLE, "cannot start the threads of HTTP");
}

/* Waits, locked, until nothing is busy or it is `deadline_ns`. */
static bool wait_until_idle(struct pa_http *door, uint64_t deadline_ns) {
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / PA_NS_PER_S),
                                   .tv_nsec = (long)(deadline_ns % PA_NS_PER_S)};
    while (door->busy) {
        if (deadline_ns == PA_HTTP_NEVER)
            pthread_cond_wait(&door->fewer, &door->lock);
        else if (pthread_cond_timedwait(&door->fewer, &door->lock, &until) == ETIMEDOUT)
            return door->busy == 0;
    }
    return true;
}

int pa_http_stop(struct pa_http *door, uint64_t deadline_ns) {
    if (!door->daemon)
        return 0;
    pa_http_watch_hurry(door->watch);
    pthread_mutex_lock(&door->lock);
    door->draining = true;
    bool idle = wait_until_idle(door, deadline_ns);
    if (!idle) {
        const uint64_t one = 1;
        if (pa_write_full(door->give_up_fd, &one, sizeof(one)) < 0)
            PA_ASSERT(!"an eventfd takes its first event");
        wait_until_idle(door, PA_HTTP_NEVER);
    }
    pthread_mutex_unlock(&door->lock);
    MHD_stop_daemon(door->daemon); /* closes the listener, too */
    door->daemon = NULL;
    door->listener = -1;
    return idle ? 0 : -1;
}

struct pa_http *pa_http_free(struct pa_http *door) {
    if (!door)
        return NULL;
    pa_http_stop(door, 0);
    pa_http_mcp_free(door->mcp);
    pa_http_watch_free(door->watch);
    pa_closep(&door->listener);
    pa_closep(&door->give_up_fd);
    pthread_cond_destroy(&door->fewer);
    pthread_mutex_destroy(&door->lock);
    wipe(door->model_key);
    free(door);
    return NULL;
}

const char *pa_http_address(const struct pa_http *door) {
    return door->address;
}
