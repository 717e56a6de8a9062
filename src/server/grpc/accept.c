/*
 * Connections.
 *
 * Without TLS the socket listens here, from before the process confines itself, and a thread of
 * ours accepts: it hands each connection to C-core.  So the door needs no right to bind later, and
 * takes a socket that systemd opened.
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
#include <unistd.h>

#define PEM_MAX  (1024 * 1024) /* bytes of a file */
#define PAUSE_MS 100           /* while the process has no descriptor left */

struct pa_acceptor {
    int listener, stop_fd;
    char address[PA_LISTEN_TEXT];
    struct pa_buf certificate, key, client_ca; /* PEM; empty: no TLS */
    grpc_server *server;
    grpc_server_credentials *credentials;
    pthread_t thread;
    bool running;
};

static bool with_tls(const struct pa_acceptor *acceptor) {
    return acceptor->certificate.size > 0;
}

static int read_pem(const char *path, struct pa_buf *buf, struct pa_error *err) {
    if (!path)
        return 0;
    if (pa_read_file(path, buf, err) < 0)
        return -1;
    if (!strstr(pa_buf_text(buf), "-----BEGIN "))
        return pa_fail(err, PA_ERR_INVALID_ARGUMENT, "%s is not PEM", path);
    return 0;
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
    const struct pa_server_settings *settings = config->settings;
    struct pa_acceptor *acceptor = pa_xcalloc(1, sizeof(*acceptor));
    *acceptor = (struct pa_acceptor){.listener = -1,
                                     .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                     .certificate = PA_BUF_INIT(PEM_MAX),
                                     .key = PA_BUF_INIT(PEM_MAX),
                                     .client_ca = PA_BUF_INIT(PEM_MAX)};
    if (acceptor->stop_fd < 0)
        pa_fail_errno(err, errno, "cannot make an eventfd");
    else if (read_pem(settings->tls_certificate, &acceptor->certificate, err) == 0 &&
             read_pem(settings->tls_key, &acceptor->key, err) == 0 &&
             read_pem(settings->tls_client_ca, &acceptor->client_ca, err) == 0 &&
             open_listener(acceptor, config, err) == 0) {
        *ret = acceptor;
        return 0;
    }
    if (acceptor->listener == config->listener)
        acceptor->listener = -1; /* stays the caller's */
    pa_acceptor_free(acceptor);
    return -1;
}

static grpc_server_credentials *tls_credentials(struct pa_acceptor *acceptor) {
    grpc_ssl_pem_key_cert_pair pair = {.private_key = pa_buf_text(&acceptor->key),
                                       .cert_chain = pa_buf_text(&acceptor->certificate)};
    bool clients = acceptor->client_ca.size > 0;
    grpc_ssl_server_certificate_config *config = grpc_ssl_server_certificate_config_create(
        clients ? pa_buf_text(&acceptor->client_ca) : NULL, &pair, 1);
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config(
            clients ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
            config));
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
                   "cannot serve TLS on %s: the certificate and its key do not belong together, or "
                   "the port was taken",
                   acceptor->address);
}

static void take(struct pa_acceptor *acceptor, int fd) {
    const int on = 1;
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
    if (acceptor->key.data)
        explicit_bzero(acceptor->key.data, acceptor->key.size);
    pa_buf_done(&acceptor->key);
    pa_buf_done(&acceptor->certificate);
    pa_buf_done(&acceptor->client_ca);
    free(acceptor);
    return NULL;
}

const char *pa_acceptor_address(const struct pa_acceptor *acceptor) {
    return acceptor->address;
}
