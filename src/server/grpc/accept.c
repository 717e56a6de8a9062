/*
 * Connections.
 *
 * Without TLS the socket listens here, and a thread of ours accepts: it hands each connection to
 * C-core.  So the door takes a socket that systemd opened, and can count.
 *
 * C-core does not tell when a connection is closed.  So at the limit, and only there, those that
 * were handed over are looked at: a socket keeps its inode, and where a descriptor is another file
 * by now, or none, that connection is gone.
 *
 * With TLS C-core must listen by itself (it takes connections of others only in the clear).  The
 * port is then only bound here, which says at once that it is in use and keeps it; C-core binds it
 * again when it starts, which SO_REUSEPORT allows to sockets of one user.
 */
#include "server/grpc/grpc_internal.h"

#include "base/io.h"
#include "base/log.h"
#include "server/listen.h"
#include <errno.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_MS 100 /* while the process has no descriptor left */

struct connection {
    int fd; /* C-core's */
    ino_t inode;
};

struct pa_acceptor {
    int listener, stop_fd;
    char address[PA_LISTEN_TEXT];
    struct pa_tls *tls;                  /* NULL: in the clear */
    const struct pa_tls_identity *shown; /* what C-core has of it, under its lock */
    grpc_server *server;
    grpc_server_credentials *credentials;
    struct connection *connections; /* of the thread alone; some are closed */
    size_t count, most;
    pthread_t thread;
    bool running;
};

static bool with_tls(const struct pa_acceptor *acceptor) {
    return acceptor->tls;
}

static int open_listener(struct pa_acceptor *acceptor, const struct pa_grpc_config *config,
                         struct pa_error *err) {
    const int on = 1;
    bool given = config->listener >= 0;
    if (given && with_tls(acceptor))
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                       "gRPC with TLS cannot serve a socket that is open already: leave it to "
                       "server.grpc_listen");
    if (!given && pa_listen_bind(config->settings->grpc_listen, &acceptor->listener, err) < 0)
        return -1;
    if (given)
        acceptor->listener = config->listener;
    pa_listen_address(acceptor->listener, acceptor->address);
    if (given)
        return 0;
    if (with_tls(acceptor))
        setsockopt(acceptor->listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    else if (listen(acceptor->listener, PA_LISTEN_BACKLOG) < 0)
        return pa_fail_errno(err, errno, "cannot listen on %s", acceptor->address);
    return 0;
}

int pa_acceptor_new(const struct pa_grpc_config *config, struct pa_acceptor **ret,
                    struct pa_error *err) {
    struct pa_acceptor *acceptor = pa_xcalloc(1, sizeof(*acceptor));
    *acceptor = (struct pa_acceptor){.listener = -1,
                                     .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                     .tls = config->tls,
                                     .most = config->settings->max_connections};
    acceptor->connections = pa_xcalloc(acceptor->most, sizeof(*acceptor->connections));
    if (acceptor->stop_fd < 0)
        pa_fail_errno(err, errno, "cannot make an eventfd");
    else if (open_listener(acceptor, config, err) == 0) {
        *ret = acceptor;
        return 0;
    }
    if (acceptor->listener == config->listener)
        acceptor->listener = -1; /* stays the caller's */
    pa_acceptor_free(acceptor);
    return -1;
}

/* Asked by C-core before each handshake.  It wants authorities even where it asks nobody for a
 * certificate: then ours stands in for them. */
static grpc_ssl_certificate_config_reload_status
show_newest(void *context, grpc_ssl_server_certificate_config **ret) {
    struct pa_acceptor *acceptor = context;
    const struct pa_tls_identity *newest = pa_tls_identity(acceptor->tls);
    const grpc_ssl_pem_key_cert_pair pair = {newest->key, newest->certificate};
    if (newest == acceptor->shown)
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    acceptor->shown = newest;
    *ret = grpc_ssl_server_certificate_config_create(
        newest->client_ca ? newest->client_ca : newest->certificate, &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

static grpc_server_credentials *tls_credentials(struct pa_acceptor *acceptor) {
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            pa_tls_identity(acceptor->tls)->client_ca
                ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
            show_newest, acceptor));
}

int pa_acceptor_attach(struct pa_acceptor *acceptor, grpc_server *server, struct pa_error *err) {
    acceptor->server = server;
    if (!with_tls(acceptor)) {
        acceptor->credentials = grpc_insecure_server_credentials_create();
        return 0;
    }
    acceptor->credentials = tls_credentials(acceptor);
    if (grpc_server_add_http2_port(server, acceptor->address, acceptor->credentials) > 0)
        return 0;
    return pa_fail(err, PA_ERR_UNAVAILABLE,
                   "cannot serve TLS on %s: the port was taken, or C-core cannot use the "
                   "certificate (log.level grpc=debug says more)",
                   acceptor->address);
}

/* --- counting ------------------------------------------------------------------------------- */

static ino_t inode_of(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static void forget_closed(struct pa_acceptor *acceptor) {
    size_t kept = 0;
    for (size_t i = 0; i < acceptor->count; i++)
        if (inode_of(acceptor->connections[i].fd) == acceptor->connections[i].inode)
            acceptor->connections[kept++] = acceptor->connections[i];
    acceptor->count = kept;
}

static bool has_room(struct pa_acceptor *acceptor) {
    if (acceptor->count == acceptor->most)
        forget_closed(acceptor);
    return acceptor->count < acceptor->most;
}

/* --- accepting ------------------------------------------------------------------------------ */

static void take(struct pa_acceptor *acceptor, int fd) {
    const int on = 1;
    if (!has_room(acceptor)) {
        pa_log_info("grpc", "a connection is refused: there are %zu (server.max_connections)",
                    acceptor->most);
        close(fd);
        return;
    }
    acceptor->connections[acceptor->count++] = (struct connection){fd, inode_of(fd)};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    grpc_server_add_channel_from_fd(acceptor->server, fd, acceptor->credentials);
}

static void *accept_all(void *argument) {
    struct pa_acceptor *acceptor = argument;
    struct pollfd fds[] = {{.fd = acceptor->stop_fd, .events = POLLIN},
                           {.fd = acceptor->listener, .events = POLLIN}};
    for (;;) {
        if (poll(fds, PA_ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents)
            break;
        int fd = accept4(acceptor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            take(acceptor, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            poll(fds, 1, PAUSE_MS);
    }
    return NULL;
}

int pa_acceptor_start(struct pa_acceptor *acceptor, struct pa_error *err) {
    if (with_tls(acceptor))
        return 0;
    int failed = pthread_create(&acceptor->thread, NULL, accept_all, acceptor);
    if (failed)
        return pa_fail_errno(err, failed, "cannot start the thread that accepts connections");
    acceptor->running = true;
    return 0;
}

void pa_acceptor_stop(struct pa_acceptor *acceptor) {
    if (!acceptor->running)
        return;
    eventfd_write(acceptor->stop_fd, 1);
    pthread_join(acceptor->thread, NULL);
    acceptor->running = false;
}

struct pa_acceptor *pa_acceptor_free(struct pa_acceptor *acceptor) {
    if (!acceptor)
        return NULL;
    pa_acceptor_stop(acceptor);
    if (acceptor->credentials)
        grpc_server_credentials_release(acceptor->credentials);
    pa_closep(&acceptor->listener);
    pa_closep(&acceptor->stop_fd);
    free(acceptor->connections);
    free(acceptor);
    return NULL;
}

const char *pa_acceptor_address(const struct pa_acceptor *acceptor) {
    return acceptor->address;
}
